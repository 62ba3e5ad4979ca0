//! `cargo xtask demo`: the whole way of an event on this machine, from issuer to verdict.
//!
//! An invented issuer brings in six credentials and changes four of them; a witnessing firm logs it; then the
//! firm is switched off, and every evidence file proves itself. What must hold:
//!
//! - It asks nothing, and the first expectation that does not hold ends it.
//! - The server is ended in any case, by the id of its process.
//! - Nothing is removed but what an earlier demonstration made.

mod chain;
mod folder;
mod issuer;
mod narrator;
mod offline;
mod story;
mod tamper;
mod witness;

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, anyhow, bail};

use self::chain::{CHAIN, Chain};
use self::folder::{ADMIN_SOCKET, Folder};
use self::narrator::{Narrator, Step};
use self::offline::Offline;
use self::story::DOCUMENTS;
use self::witness::{Witness, indented};
use crate::environment::Environment;
use crate::steps::now;
use crate::witnessd::Witnessd;
use crate::{prerequisites, programs, rocksdb};

const SERVER_LOG: &str = "server.log";
/// The folder of the firm, in which `witnessd --dev` also puts the issuer's key.
const DATA: &str = "data";
/// Most lines of the server's log that a failure shows.
const LOG_LINES_MAX: usize = 12;

/// Plays the demonstration, and says where it stopped if something did not hold.
pub(crate) fn run(environment: &Environment) -> Result<()> {
    let mut narrator = Narrator::new(environment.is_coloured);
    narrator.opening();
    let began = now();
    play(environment, &mut narrator).with_context(|| narrator.where_it_stopped())?;
    narrator.closing(began.elapsed());
    Ok(())
}

fn play(environment: &Environment, narrator: &mut Narrator) -> Result<()> {
    let programs = build(environment, narrator)?;
    narrator.step(Step::Start);
    let folder = Folder::fresh(&environment.root)?;
    let log = folder.path(SERVER_LOG);
    let (listen, chain) = with_firm(environment, &programs, &folder, narrator)
        .map_err(|error| anyhow!("{error:#}\n{}", tail(&log)))?;

    let offline = Offline { environment, witness: &programs.witness, folder: &folder };
    offline.verify_all(narrator)?;
    offline.verify_by_chain(chain, narrator)?;
    tamper::show(&offline, narrator)?;
    let place = shown(environment, &folder.path(""));
    narrator.what_lies_where(&place);
    let programs = (shown(environment, &programs.witness), shown(environment, &programs.witnessd));
    narrator.what_to_type_next((&programs.0, &programs.1), &place, listen);
    Ok(())
}

/// The two programs.
struct Programs {
    witnessd: PathBuf,
    witness: PathBuf,
}

fn build(environment: &Environment, narrator: &mut Narrator) -> Result<Programs> {
    const SELECTION: &[&str] = &["--workspace", "--bins"];
    narrator.step(Step::Prerequisites);
    prerequisites::ensure_native(environment)?;
    narrator.good("a C++ compiler and libclang are there");

    narrator.step(Step::Build);
    let library = rocksdb::ensure(environment)?;
    narrator.command("cargo build --workspace --bins");
    let began = now();
    let names = ["witnessd", "witness"];
    let [witnessd, witness] = programs::build(environment, &library, SELECTION, names)?;
    narrator.good(&format!("both are there after {:.1} s", began.elapsed().as_secs_f64()));
    Ok(Programs { witnessd, witness })
}

/// All that needs the firm's server, from its start to its end; where it listened.
fn with_firm(
    environment: &Environment,
    programs: &Programs,
    folder: &Folder,
    narrator: &mut Narrator,
) -> Result<(SocketAddr, Chain)> {
    let log = File::create(folder.path(SERVER_LOG)).context("the server's log cannot be made")?;
    let data = folder.path(DATA);
    let mut server = start(environment, programs, (&data, &[]), log.try_clone()?)?;
    narrator.command(&format!("witnessd --dev --listen {} --data {DATA}", server.listen));
    narrator.good(&format!(
        "witness.example serves its log, process {}, ready in {} ms",
        server.id(),
        server.started_in.as_millis()
    ));
    fs::copy(data.join("policy.json"), folder.path("policy.json"))
        .context("the server made no policy.json")?;
    narrator.good("policy.json names the firm's root key: what a verifier believes beforehand");

    let witness = Witness::new(environment, &programs.witness, folder, &server.address);
    let chain = Chain::start(environment, &witness, folder, narrator)?;
    server.stop()?;
    let chains = folder.path(CHAIN);
    let chains = chains.to_str().context("the folder of the workspace is not UTF-8")?;
    let more = ["--chains", chains, "--rollup-every-s", "1"];
    let mut server = start(environment, programs, (&data, &more), log)?;
    let id = server.id();
    narrator.command(&format!(
        "witnessd --dev --listen {} --data {DATA} --chains {CHAIN} --rollup-every-s 1",
        server.listen
    ));
    narrator.good(&format!("the firm is started again, process {id}, and knows the contract"));
    narrator.remark(&format!(
        "here, in {}: export WITNESS_SERVER={} WITNESS_ADMIN={ADMIN_SOCKET}",
        shown(environment, &folder.path("")),
        server.address
    ));

    let witness = Witness::new(environment, &programs.witness, folder, &server.address);
    issuer::hash(&witness, folder, narrator)?;
    issuer::register(&witness, folder, narrator)?;
    issuer::submit(&witness, folder, (&chain, narrator))?;
    issuer::ask(&witness, narrator)?;
    take_evidence(&witness, folder, narrator)?;

    narrator.step(Step::Stop);
    server.stop()?;
    if server.answers() {
        bail!("{} still answers", server.address);
    }
    narrator.good(&format!("process {id} has ended, and nobody answers at {}", server.address));
    Ok((server.listen, chain))
}

fn start(
    environment: &Environment,
    programs: &Programs,
    arguments: (&Path, &[&str]),
    log: File,
) -> Result<Witnessd> {
    Witnessd::start(environment, &programs.witnessd, arguments, ("info", Stdio::from(log)))
}

/// Fetches one file for each text, as its holder would.
fn take_evidence(witness: &Witness<'_>, folder: &Folder, narrator: &mut Narrator) -> Result<()> {
    narrator.step(Step::Evidence);
    for (position, document) in DOCUMENTS.iter().enumerate() {
        let (text, file) = (document.text_file(), document.evidence_file());
        let arguments = ["evidence", "--issuer", story::ISSUER, "--file", &text];
        let arguments = [&arguments[..], &["--policy", "policy.json", "--out", &file]].concat();
        let answer = witness.run(&arguments)?.expect(0)?;
        if position == 0 {
            narrator.command(&answer.line);
            narrator.remark("and the same for the others");
        }
        let size = fs::metadata(folder.path(&file)).map(|file| file.len());
        let size = size.with_context(|| format!("{file} was not saved"))?;
        narrator.good(&format!("{file:<46}{size:>6} bytes"));
    }
    Ok(())
}

/// A path as one would type it in the workspace's folder.
fn shown(environment: &Environment, path: &Path) -> String {
    let path = path.strip_prefix(&environment.root).unwrap_or(path);
    path.display().to_string().trim_end_matches('/').to_owned()
}

/// The end of the server's log, for a failure.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let last = indented(lines.into_iter().rev().take(LOG_LINES_MAX).rev());
    format!("the server's log, {}, ends in:{last}", log.display())
}
