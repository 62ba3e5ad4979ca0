//! `witness audit` against a real service, by two regulators and an issuer with tokens: what each exports holds
//! exactly its own bodies and verifies offline, and whatever is taken out of it is missed by name.

mod asked;
mod cut_off;
mod followed;
mod mixed;
mod shut_out;
mod stalled;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::{Status, Streaming};
use witness_core::{
    audit::Bundle,
    name::{Domain, Name},
    note::Note,
    submission::Heartbeat,
    time::Timestamp,
};
use witness_tests::{
    Audited, Data, Said, Server, Witness, awaited, document, issued, now_us, refusal, until,
};
use witness_wire::{Bytes, v1};

use crate::{
    access_log,
    audit_check::left_out::{self, Part},
    audit_search::{BOTH, DE, Firm, GB, STREAMS},
};

const EACH_SECOND: [&str; 2] = ["--rollup-every-s", "1"];

/// Where the callers of a firm keep their tokens and bundles.
struct Desk {
    folder: TempDir,
}

impl Desk {
    /// With the firm's policy, and with tokens that the operator has granted by command.
    fn of(data: &Data, server: &Server) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        fs::copy(data.path().join("policy.json"), desk.path("policy.json")).unwrap();
        let regulator = ["--role", "regulator", "--jurisdictions"];
        let issuer = ["--role", "issuer", "--issuer"];
        for (kind, whose, name) in
            [(regulator, "GB", "gb"), (regulator, "DE", "de"), (issuer, "both.example", "both")]
        {
            desk.let_in(server, name, [kind[0], kind[1], kind[2], whose]);
        }
        desk
    }

    /// The operator lets somebody in, whose token lies in a file of this name from then on.
    fn let_in(&self, server: &Server, name: &str, role: [&str; 4]) {
        let file = format!("{name}.token");
        let grant = ["access", "grant", "--name", name, "--until", "2999-01-01"];
        let words = [&grant[..], &role, &["--token-file", &file]].concat();
        let _granted = self.asking(server).run(&words).expect(0);
    }

    /// The operator shuts somebody out; gives the id that it had.
    fn shut_out(&self, server: &Server, name: &str) -> String {
        let listed = self.asking(server).run(&["access", "list", "--json"]).expect(0).json();
        let mut callers = listed["callers"].as_array().unwrap().iter();
        let id = callers.find(|caller| caller["name"] == name).unwrap()["id"].as_str().unwrap();
        let _revoked = self.asking(server).run(&["access", "revoke", id]).expect(0);
        id.to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn asking(&self, server: &Server) -> Witness {
        Witness::within(self.folder.path()).asking(server)
    }

    /// Exports into the folder `<out>/bundle`.
    fn export(&self, server: &Server, (who, out): (&str, &str), more: &[&str]) -> Said {
        let (out, token) = (format!("{out}/bundle"), format!("{who}.token"));
        let export = ["audit", "export", "--json", "--token-file", &token, "--out", &out];
        self.asking(server).run(&[&export[..], more].concat())
    }

    /// Checks what was exported, with nothing but the policy.
    fn check(&self, out: &str, more: &[&str]) -> Audited {
        fs::copy(self.path("policy.json"), self.path(out).join("policy.json")).unwrap();
        Audited::of(&self.path(out), more)
    }

    fn bundle(&self, out: &str) -> Bundle {
        Bundle::parse(&fs::read(self.path(out).join("bundle/bundle.json")).unwrap()).unwrap()
    }

    /// Index and number of every event whose body is in a bundle.
    fn bodies(&self, out: &str) -> Vec<(u64, u32)> {
        let mut all = Vec::new();
        let mut index = 0;
        let mut next = 0;
        for part in left_out::read(&self.path(out)) {
            match part {
                Part::Submission(entry, _) => (index, next) = (entry, 0),
                Part::Event(..) | Part::Erased(_) => {
                    all.push((index, next));
                    next += 1;
                }
            }
        }
        all
    }
}

/// Every file of a folder, by its path in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let inner = files(&path).into_iter();
            all.extend(inner.map(|(inside, bytes)| (format!("{name}/{inside}"), bytes)));
        } else {
            all.insert(name, fs::read(&path).unwrap());
        }
    }
    all
}

/// A log of one entry bundle of small submissions, and the begin of another one, of large ones: so large an export that
/// it does not fit between service and client.
async fn large(server: Server) -> Firm {
    let mut firm = Firm::on(server).await;
    for round in 0..52 {
        firm.round(round).await;
    }
    for _ in 0..90 {
        firm.many(256).await;
    }
    firm.server.published(firm.size());
    firm
}

/// All that comes from now on, and why it ends, if there is a reason.
async fn rest(
    pieces: &mut Streaming<v1::ExportResponse>,
) -> (Vec<v1::ExportResponse>, Option<Status>) {
    let mut all = Vec::new();
    loop {
        match pieces.message().await {
            Ok(Some(piece)) => all.push(piece),
            Ok(None) => return (all, None),
            Err(status) => return (all, Some(status)),
        }
    }
}

fn bytes(pieces: &[v1::ExportResponse]) -> usize {
    pieces.iter().map(|piece| piece.piece.len()).sum()
}

/// How many results were told in each export of a caller, by the records at its end: so many are waited for.
async fn exported(server: &Server, caller: &str, exports: usize) -> Vec<u64> {
    awaited("the end of an export is recorded", async || {
        let records = access_log::records(server).await;
        let own =
            records.iter().map(|record| &record.access).filter(|it| it.caller.as_str() == caller);
        let own = own.filter(|access| access.method.as_str() == "AuditService.Export");
        let ended: Vec<u64> = own.filter_map(|access| access.results).collect();
        (ended.len() >= exports).then_some(ended)
    })
    .await
}

/// A firm with something of everything: odd and erased events, a conflict, a heartbeat, roll-ups.
async fn eventful(data: &Data) -> Firm {
    let mut firm = Firm::on(data.start_with(&EACH_SECOND)).await;
    for round in 0..2 {
        firm.round(round).await;
    }
    let (uk, issuer) = (3, firm.streams[3].issuer.clone());
    let lie = issuer.stream("uk").next(&[issued(document("a lie"))]);
    assert_eq!(refusal(&firm.clients.submit(lie).await.unwrap_err()).reason, "CONFLICT");
    let at = Timestamp::from_micros(now_us().unsigned_abs());
    let next_sequence = firm.streams[uk].position().next_sequence;
    let (origin, domain) = (issuer.origin.clone(), issuer.domain.clone());
    let stream = Name::parse("uk").unwrap();
    let text = Heartbeat { origin, issuer: domain, stream, next_sequence, at }.encode();
    let note = Note::new(text.clone(), vec![issuer.key.sign(&text, at)]);
    let beat = v1::HeartbeatRequest { heartbeat: Bytes::from(note.to_string()) };
    let receipt = firm.clients.ingest.heartbeat(beat).await.unwrap().into_inner().receipt;
    firm.server.published(receipt.unwrap().index + 1);
    firm
}

/// Erases the second event of `london.example`, as the operator does.
fn erase(desk: &Desk, server: &Server) {
    let which = ["--issuer", "london.example", "--stream", "main", "--first", "1"];
    let erase = ["erase", "--json", "--reason", "request", "--yes"];
    let said = desk.asking(server).run(&[&erase[..], &which].concat()).expect(0).json();
    server.published(said["index"].as_u64().unwrap() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_exports_exactly_its_own_and_it_verifies_with_the_firm_gone() {
    let data = Data::new();
    let firm = eventful(&data).await;
    let desk = Desk::of(&data, &firm.server);
    erase(&desk, &firm.server);
    until("a roll-up is made", async || firm.server.get("/rollup/0").status == 200).await;
    let own = [("gb", &GB[..]), ("de", &DE[..]), ("both", &BOTH[..])];
    for (who, _) in own {
        let said = desk.export(&firm.server, (who, who), &[]).expect(0).json();
        let written = files(&desk.path(who).join("bundle"));
        assert_eq!(said["files"].as_u64().unwrap(), u64::try_from(written.len()).unwrap());
    }
    let narrowed = ["--issuer", "both.example"];
    let _exported = desk.export(&firm.server, ("gb", "narrowed"), &narrowed).expect(0);
    // Of what is not its own a caller learns as much as of what does not exist.
    for other in ["munich.example", "nobody.example"] {
        let said = desk.export(&firm.server, ("gb", other), &["--issuer", other]).expect(0).json();
        // A misspelt issuer looks like this, too: it is no clean bill.
        assert_eq!((&said["streams"], &said["events"]), (&json!(0), &json!(0)), "{said}");
        let step = said["next_step"].as_str().unwrap();
        assert!(step.contains(&format!("check --issuer {other}")), "{said}");
        assert_eq!(desk.bundle(other).streams, []);
        assert!(!desk.path(other).join("bundle/bodies").exists());
    }
    let refused = desk.export(&firm.server, ("both", "refused"), &["--issuer", "munich.example"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(!desk.path("refused").exists());
    let log = firm.server.log();
    for who in ["gb", "de", "both"] {
        let token = fs::read_to_string(desk.path(&format!("{who}.token"))).unwrap();
        assert!(!log.contains(token.trim_end()), "the log shows a token");
    }
    let logged = |streams: &[usize]| firm.of(streams);
    for (who, streams) in own {
        assert_eq!(desk.bodies(who), logged(streams), "{who}");
        let named: BTreeSet<_> = desk.bundle(who).streams.into_iter().collect();
        let named: BTreeSet<_> =
            named.iter().map(|it| (it.issuer.as_str(), it.stream.as_str())).collect();
        assert_eq!(named, streams.iter().map(|it| (STREAMS[*it].0, STREAMS[*it].1)).collect());
    }
    assert_eq!(desk.bodies("narrowed"), logged(&[3]));
    assert_eq!(desk.bundle("narrowed").scope.issuer, Domain::parse("both.example"));
    firm.server.stop();
    drop(data);
    for (who, erased, conflicts) in
        [("gb", 1, true), ("de", 0, false), ("both", 0, true), ("narrowed", 0, true)]
    {
        let audited = desk.check(who, &[]);
        assert_eq!(audited.said.code, Some(0), "{who}: {}", audited.said);
        assert_eq!(audited.summary["erased"], erased, "{who}");
        assert_ne!(audited.summary["rollups"], 0, "{who}");
        assert_eq!(audited.rules().contains("conflict"), conflicts, "{who}: {}", audited.said);
    }
    check_scopes(&desk);
}

/// The scope is what was asked for, or it is said what it is; of a scope without streams nothing was checked.
fn check_scopes(desk: &Desk) {
    assert_eq!(desk.check("gb", &["--jurisdictions", "GB"]).said.code, Some(0));
    let audited = desk.check("gb", &["--jurisdictions", "GB,DE"]);
    assert_eq!(audited.said.code, Some(1), "{}", audited.said);
    assert!(!audited.rules().contains("bodies"), "{}", audited.said);
    let finding = audited.findings.iter().find(|it| it["finding"] == "scope").unwrap();
    let says = finding["says"].as_str().unwrap();
    assert!(says.contains("of streams in GB;") && says.contains("streams in DE,GB"), "{says}");
    let misspelt = desk.check("nobody.example", &[]);
    assert_eq!(misspelt.said.code, Some(0), "{}", misspelt.said);
    assert_eq!((&misspelt.summary["streams"], &misspelt.summary["events"]), (&json!(0), &json!(0)));
    let step = misspelt.summary["next_step"].as_str().unwrap();
    assert!(step.contains("nobody.example"), "{step}");
    assert_eq!(desk.check("gb", &[]).summary["next_step"], Value::Null);
    let witness = Witness::within(desk.folder.path());
    let check = ["audit", "check", "--policy", "policy.json"];
    let told = witness.run(&[&check[..], &["nobody.example/bundle"]].concat()).expect(0);
    assert!(told.stdout.contains("nothing was checked of any stream"), "{told}");
    assert!(told.stdout.contains("streams of nobody.example in GB"), "{told}");
    assert!(!told.stdout.contains("every check holds"), "{told}");
    let absent = witness.run(&[&check[..], &["absent"]].concat()).expect(2);
    assert!(absent.stderr.contains("there is no folder absent"), "{absent}");
    let unassigned = ["--jurisdictions", "XX", "gb/bundle"];
    let unassigned = witness.run(&[&check[..], &unassigned].concat()).expect(2);
    assert!(unassigned.stderr.contains("XX is no jurisdiction"), "{unassigned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_taken_out_of_an_export_is_missed_by_name() {
    let data = Data::new();
    let firm = eventful(&data).await;
    let desk = Desk::of(&data, &firm.server);
    erase(&desk, &firm.server);
    let _exported = desk.export(&firm.server, ("gb", "gb"), &[]).expect(0);
    firm.server.stop();
    let folder = desk.path("gb");
    let good = left_out::read(&folder);
    // Each submission has three events; each of the two streams has two submissions.
    assert_eq!(good.len(), 4 * 4);
    assert!(good.iter().any(|part| matches!(part, Part::Erased(_))));
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for at in (0..good.len()).step_by(4) {
        let Part::Submission(index, _) = good[at] else { panic!("not in fours") };
        let of = |number: &usize| firm.logged[*number].contains(&(index, 0));
        let stream = STREAMS[*GB.iter().find(|number| of(number)).unwrap()].1;
        let first = seen.entry(stream).or_default();
        let mut without = good.clone();
        without.drain(at..at + 4);
        missed(&desk, &without, (stream, *first, index));
        // What is signed is the submission: without one of its events it does not count.
        for number in 1..4 {
            let mut without = good.clone();
            without.remove(at + number);
            missed(&desk, &without, (stream, *first, index));
            without[at] = Part::Submission(index, 2);
            missed(&desk, &without, (stream, *first, index));
        }
        *first += 3;
    }
    left_out::write(&folder, &good);
    assert_eq!(desk.check("gb", &[]).said.code, Some(0));
    for (file, bytes) in files(&folder.join("bundle")) {
        fs::remove_file(folder.join("bundle").join(&file)).unwrap();
        let audited = desk.check("gb", &[]);
        let is_whole = file != "bundle.json";
        assert_eq!(audited.said.code, Some(if is_whole { 1 } else { 2 }), "{}", audited.said);
        if is_whole {
            let names = |it: &Value| it["place"].to_string().contains(&file);
            assert!(audited.findings.iter().any(names), "{file}: {}", audited.said);
        }
        fs::write(folder.join("bundle").join(&file), bytes).unwrap();
    }
    assert_eq!(desk.check("gb", &[]).said.code, Some(0));
}

fn missed(desk: &Desk, parts: &[Part], (stream, sequence, index): (&str, u64, u64)) {
    left_out::write(&desk.path("gb"), parts);
    let audited = desk.check("gb", &[]);
    assert_eq!(audited.said.code, Some(1), "{stream} {sequence}: {}", audited.said);
    assert!(audited.names("bodies", stream, sequence, index), "{}", audited.said);
}
