//! `witness erase`: takes away what is kept beside the log of some events, for the operator.
//!
//! What must hold: nothing is asked of the server before somebody has said yes to what will be gone.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
};

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::json;
use tonic::Request;
use witness_core::{
    erasure::Reason,
    hash::DocumentHash,
    name::{Domain, Name, Origin},
    time::Timestamp,
};
use witness_wire::v1::{EraseRequest, EraseResponse};

use crate::{
    args::{self, AdminArgs},
    outcome::{Failure, Outcome},
    output::{Output, count_of},
    rpc,
};

const EXAMPLES: &str = "\
Gone are the texts of the events, with their document hashes and salts, their details, and the
places under which a document was found. What stays is the log: leaf hashes, from which nothing
can be guessed, and an entry that names the events by stream and number. Every proof stays valid,
and evidence says `erased`, with the date. It cannot be undone.

Copies elsewhere are not reached: backups, files of evidence that were handed out, exports.

Examples:
  sudo witness erase --issuer aws.training --stream main --first 4711 --reason request
  sudo witness erase --issuer aws.training --document-file certificate.txt --reason order --now
  sudo witness erase --issuer aws.training --stream main --first 0 --count 100 \\
      --reason mistake --yes --json";

/// Arguments of `witness erase`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EraseArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Origin of the log, as in witness.example/log1; needed if the firm has several
    #[arg(long, value_name = "ORIGIN", env = "WITNESS_LOG", value_parser = args::origin)]
    log: Option<Origin>,
    /// Domain of the issuer whose events they are
    #[arg(long, value_name = "DOMAIN", value_parser = args::domain)]
    issuer: Domain,
    #[command(flatten)]
    which: WhichArgs,
    /// Sequence number of the first event
    #[arg(long, value_name = "N", requires = "stream", conflicts_with_all = ["document", "document_file"])]
    first: Option<u64>,
    /// How many events, from the first on
    #[arg(long, value_name = "M", default_value_t = 1, requires = "stream")]
    count: u64,
    /// The issuer's verification-meta.json, if it has one: it can change the hash of a text
    #[arg(long, value_name = "META.json", requires = "document_file")]
    meta: Option<PathBuf>,
    /// Why; the entry says so
    #[arg(long, value_name = "WHY")]
    reason: Why,
    /// Wait until no file of the server's holds it any more; else that happens within a day
    #[arg(long)]
    now: bool,
    /// Do not ask before
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct WhichArgs {
    /// Stream of the events
    #[arg(long, value_name = "STREAM", requires = "first", value_parser = args::name)]
    stream: Option<Name>,
    /// Hash of a document, 64 hexadecimal digits: all its events
    #[arg(long, value_name = "HEX", value_parser = args::document_hash)]
    document: Option<DocumentHash>,
    /// Text of a document, hashed here: all its events
    #[arg(long, value_name = "TXT")]
    document_file: Option<PathBuf>,
}

/// Why something is erased.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Why {
    /// Somebody with a right to it asked
    Request,
    /// A court or an authority ordered it
    Order,
    /// The term for which it is kept has ended
    Retention,
    /// It should never have come
    Mistake,
}

impl Why {
    const fn reason(self) -> Reason {
        match self {
            Self::Request => Reason::Request,
            Self::Order => Reason::Order,
            Self::Retention => Reason::Retention,
            Self::Mistake => Reason::Mistake,
        }
    }
}

/// Erases.
pub(crate) async fn run(args: &EraseArgs, output: &mut Output) -> Result<Outcome> {
    let request = request(args)?;
    let channel = rpc::connect_unix(&args.admin.socket).await?;
    if !args.yes {
        confirm(args, output)?;
    }
    // Without a limit on the time: to rewrite the files of a large log takes long.
    let answer = rpc::answer(rpc::admin(&channel).erase(Request::new(request)).await)?;
    output.conclude(Outcome::Done);
    show(args, &answer, output)?;
    Ok(Outcome::Done)
}

fn request(args: &EraseArgs) -> Result<EraseRequest> {
    let document = match (&args.which.document, &args.which.document_file) {
        (Some(hash), _) => Some(*hash),
        (None, Some(file)) => Some(args::hash_file(file, args.meta.as_deref())?),
        (None, None) => None,
    };
    let request = EraseRequest {
        origin: args.log.as_ref().map(ToString::to_string).unwrap_or_default(),
        issuer: args.issuer.to_string(),
        reason: args.reason.reason().word().to_owned(),
        now: args.now,
        ..EraseRequest::default()
    };
    Ok(match (document, &args.which.stream, args.first) {
        (Some(hash), _, _) => {
            EraseRequest { document_hash: hash.0.as_bytes().to_vec().into(), ..request }
        }
        (None, Some(stream), Some(first_sequence)) => {
            let (stream, count) = (stream.to_string(), args.count);
            EraseRequest { stream, first_sequence, count, ..request }
        }
        (None, _, _) => {
            anyhow::bail!("expected --stream with --first, --document or --document-file")
        }
    })
}

/// Which events are meant, in words. A document's hash is not repeated.
fn which(args: &EraseArgs) -> String {
    match (&args.which.stream, args.first, args.count) {
        (Some(stream), Some(first), 1) => {
            format!("event {first} of stream {stream} of {}", args.issuer)
        }
        (Some(stream), Some(first), count) => {
            let last = first.saturating_add(count.saturating_sub(1));
            format!("events {first} to {last} of stream {stream} of {}", args.issuer)
        }
        _ => format!("every event of this document of {}", args.issuer),
    }
}

/// Says what will be gone, and asks. Without somebody to ask, nothing is done.
fn confirm(args: &EraseArgs, output: &mut Output) -> Result<()> {
    output.note(&format!("this erases {}", which(args)))?;
    output.note(
        "gone for good: event texts, document hashes, salts, details, and where they are found",
    )?;
    output.note(
        "what stays: leaf hashes, and an entry that says which numbers were erased, and why",
    )?;
    if !io::stdin().is_terminal() {
        let message = "nothing was erased: there is nobody to ask";
        return Err(Failure::cannot_tell(message).next("give --yes if it is meant").into());
    }
    write!(io::stderr(), "Type `erase` to go on: ")?;
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    if typed.trim() == "erase" {
        return Ok(());
    }
    Err(Failure::refused("nothing was erased: it was not confirmed").into())
}

fn show(args: &EraseArgs, answer: &EraseResponse, output: &mut Output) -> Result<()> {
    let erased_at = answer.index.map(|_| Timestamp::from_micros(answer.erased_at_us).to_string());
    match (answer.index, &erased_at) {
        (Some(index), Some(at)) => {
            output.good(&format!("erased {}", count_of(answer.erased, "event")))?;
            output.field("entry", &index.to_string())?;
            output.field("erased at", &format!("{at}, by the firm's clock"))?;
        }
        _ => output.good("nothing was left to erase: it had been before")?,
    }
    let files = if args.now { "hold none of it any more" } else { "hold it for up to a day" };
    output.field("files", files)?;
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "erased": answer.erased,
        "index": answer.index,
        "erased_at": erased_at,
        "files_rewritten": args.now,
    }))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn parse(line: &str) -> Result<EraseRequest> {
        let cli = Cli::try_parse_from(line.split(' '))?;
        let Command::Erase(args) = cli.command else { anyhow::bail!("another command") };
        request(&args)
    }

    #[test]
    fn either_events_of_a_stream_are_named_or_a_document() {
        let start = "witness erase --issuer a.b --reason request";
        let one = parse(&format!("{start} --stream main --first 7")).unwrap();
        assert_eq!((one.first_sequence, one.count, one.reason.as_str()), (7, 1, "request"));
        let hex = "ab".repeat(32);
        let document = parse(&format!("{start} --document {hex} --now")).unwrap();
        assert_eq!((document.document_hash.len(), document.count, document.now), (32, 0, true));
        let bad = [
            String::new(),
            " --stream main".to_owned(),
            " --first 7".to_owned(),
            format!(" --document {hex} --first 7"),
            format!(" --document {hex} --stream main --first 7"),
            " --document abc".to_owned(),
        ];
        for bad in bad {
            assert!(parse(&format!("{start}{bad}")).is_err(), "{bad}");
        }
        assert!(parse("witness erase --issuer a.b --stream main --first 7").is_err(), "no reason");
    }
}
