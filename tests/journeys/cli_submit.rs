//! `witness submit`, from files of rows to receipts: killed at any moment and run again, it brings every row
//! into the log once and in order, and a wrong row is named by its line.

mod journal;
mod retry;
pub(crate) mod table;

use std::{fs, thread, time::Duration};

use tempfile::TempDir;
use witness_core::{
    entry::{Entry, EntryKind},
    hash::Hash,
    name::Name,
    note::Note,
    submission::Submission,
};
use witness_tests::{
    Clients, Data, Issuer, Rng, Server, Trust, Witness, ask, document, scaled, tell,
};

use self::{journal::check_journal, table::Table};

/// An address of this machine that no other journey listens on, so that the port can be had again.
const LISTEN: &str = "127.0.0.2:0";
const JOURNAL: &str = "witness-journal/issuer.example.main.journal";
/// A run is killed once its journal has grown by up to so many bytes: some fifteen submissions with receipts.
const GROWTH_MAX: u64 = 24_000;
/// And up to so much later, when something else may be under way.
const LATER_MS_MAX: u64 = 8;

/// An issuer's folder, and the firm's server.
struct Place {
    data: Data,
    server: Server,
    folder: TempDir,
    witness: Witness,
    key: String,
    policy: String,
}

impl Place {
    fn new() -> Self {
        let data = Data::new();
        let server = data.start_at(LISTEN);
        let folder = tempfile::tempdir().unwrap();
        let witness = Witness::within(folder.path()).asking(&server);
        let path = |name: &str| data.path().join(name).display().to_string();
        let (key, policy) = (path("issuer.example.skey"), path("policy.json"));
        Self { data, server, folder, witness, key, policy }
    }

    /// The one command that is run again and again.
    fn command<'a>(&'a self, file: &'a str) -> Vec<&'a str> {
        let (key, policy) = (self.key.as_str(), self.policy.as_str());
        let options = ["--stream", "main", "--batch", "8", "--window", "4", "--json"];
        [["submit", "--key", key, "--policy", policy].as_slice(), &options, &[file]].concat()
    }

    /// Kills the server, and starts it again at the same address.
    fn restart(mut self) -> Self {
        let address = self.server.address().to_string();
        self.server.kill();
        self.server = self.data.start_at(&address);
        self
    }

    /// Every row is logged once and in order, and its receipt is kept.
    async fn check(&self, rows: u64) {
        let size = self.server.settled();
        let mut clients = self.server.clients().await;
        assert_eq!(self.check_log(&mut clients).await, rows);
        for number in 0..rows {
            let asked = ask("issuer.example", document(format!("row {number}")));
            let history = clients.evidence.get_history(asked).await.unwrap().into_inner();
            let [item] = history.items.as_slice() else { panic!("row {number}: {history:?}") };
            assert_eq!((item.stream.as_str(), item.sequence), ("main", number));
        }
        assert_eq!(
            check_journal(&self.folder.path().join(JOURNAL), &Trust::of_dev(&self.data)),
            rows
        );
        assert_eq!(self.server.metric("witness_log_size"), size);
    }

    /// The stream is whole: each submission follows the one before it. Gives where it ends.
    async fn check_log(&self, clients: &mut Clients) -> u64 {
        let (mut next, mut previous) = (0, Hash::ZERO);
        for entry in clients.entries(0).await {
            let entry = Entry::parse(&entry.text).unwrap();
            assert_ne!(entry.kind, EntryKind::Conflict, "the issuer contradicted itself");
            if entry.kind == EntryKind::Submission {
                let note = Note::parse(entry.body.as_bytes()).unwrap();
                let submission = Submission::parse(note.text()).unwrap();
                assert_eq!((submission.first_sequence, submission.previous), (next, previous));
                (next, previous) = (submission.next_sequence(), Hash::of(note.text().as_bytes()));
            }
        }
        let main = Name::parse("main").unwrap();
        let position = clients.position(&Issuer::of_dev(&self.data).domain, &main).await;
        assert_eq!(position.next_sequence, next);
        assert_eq!(position.previous_hash, previous.as_bytes().as_slice());
        next
    }

    fn journal_bytes(&self) -> u64 {
        fs::metadata(self.folder.path().join(JOURNAL)).map_or(0, |journal| journal.len())
    }

    /// Length of the journal at which something is to be killed.
    fn enough(&self, rng: &mut Rng) -> u64 {
        self.journal_bytes() + rng.between(0, GROWTH_MAX)
    }

    /// Starts the command, and kills it at a random moment. Gives whether it was still running.
    fn run_and_kill(&self, file: &str, rng: &mut Rng) -> bool {
        let enough = self.enough(rng);
        let mut running = self.witness.start(&self.command(file));
        running.wait_for(|| self.journal_bytes() >= enough);
        thread::sleep(Duration::from_millis(rng.between(0, LATER_MS_MAX)));
        let said = running.kill();
        assert!([None, Some(0)].contains(&said.code), "{said}");
        said.code.is_none()
    }
}

async fn check_kills(table: Table) {
    let (rows, kills) = (scaled(2_000, 20_000), scaled(8, 60));
    let mut rng = Rng::from_environment();
    let place = Place::new();
    table.write(place.folder.path(), &table.rows(rows));
    let file = table.file();
    let mut hit = 0;
    for _ in 0..kills {
        hit += u64::from(place.run_and_kill(file, &mut rng));
    }
    let last = place.witness.run(&place.command(file)).expect(0).json();
    assert_eq!(last["outcome"], "done", "{last}");
    tell(&format!(
        "submit: {rng}: {hit} of {kills} kills hit a run of {file}; the last one found {} of {rows} \
         rows acknowledged and {} events logged without that",
        last["rows_acknowledged_before"], last["already_there"]["events"]
    ));
    assert!(hit * 2 >= kills, "only {hit} of {kills} kills hit");
    place.check(rows).await;
    let size = place.server.settled();
    let again = place.witness.run(&place.command(file)).expect(0).json();
    assert_eq!(again["rows_acknowledged_before"], rows);
    for count in ["accepted", "already_there", "refused"] {
        assert_eq!(again[count]["submissions"], 0, "{again}");
    }
    assert_eq!(place.server.settled(), size);
    place.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn ndjson_that_is_submitted_by_killed_runs_is_logged_once_and_in_order() {
    check_kills(Table::Ndjson).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_that_is_submitted_by_killed_runs_is_logged_once_and_in_order() {
    check_kills(Table::Csv).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_outlives_a_server_that_is_killed_and_started_again() {
    let (rows, kills) = (scaled(2_000, 20_000), scaled(4, 30));
    let mut rng = Rng::from_environment();
    let mut place = Place::new();
    Table::Ndjson.write(place.folder.path(), &Table::Ndjson.rows(rows));
    let mut running = place.witness.start(&place.command(Table::Ndjson.file()));
    let mut hit = 0;
    for _ in 0..kills {
        let enough = place.enough(&mut rng);
        hit += u64::from(running.wait_for(|| place.journal_bytes() >= enough));
        place = place.restart();
    }
    let said = running.end().expect(0).json();
    tell(&format!("submit: {rng}: {hit} of {kills} kills of the server hit a run"));
    assert_eq!(
        (&said["outcome"], &said["next_sequence"]),
        (&"done".into(), &rows.into()),
        "{said}"
    );
    assert!(hit * 2 >= kills, "only {hit} of {kills} kills hit");
    place.check(rows).await;
    place.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_file_that_has_grown_only_the_new_rows_are_sent_and_changed_ones_are_refused() {
    for table in [Table::Ndjson, Table::Csv] {
        let place = Place::new();
        let mut rows = table.rows(50);
        for (before, count) in [(0, 30), (30, 50)] {
            table.write(place.folder.path(), &rows[..count]);
            let said = place.witness.run(&place.command(table.file())).expect(0).json();
            assert_eq!(said["rows_acknowledged_before"], before, "{said}");
            place.check(u64::try_from(count).unwrap()).await;
        }
        rows[7] = table.row(7, "issued", "MOD-0008");
        table.write(place.folder.path(), &rows);
        let said = place.witness.run(&place.command(table.file())).expect(1).json();
        assert!(said["message"].as_str().unwrap().contains("are others now"), "{said}");
        place.check(50).await;
        place.server.stop();
    }
}

/// A row that this program refuses: what was before it is logged, and corrected, the rest follows.
async fn check_wrong_row(table: Table) {
    let (rows, wrong) = (1_000, 700);
    let place = Place::new();
    let mut lines = table.rows(rows);
    let good = lines[700].clone();
    lines[700] = table.row(wrong, "isued", "MOD-0001");
    table.write(place.folder.path(), &lines);
    for _ in 0..2 {
        let said = place.witness.run(&place.command(table.file())).expect(1).json();
        let message = said["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("line {}: ", table.line(wrong))), "{message}");
        place.check(wrong).await;
    }
    lines[700] = good;
    table.write(place.folder.path(), &lines);
    let said = place.witness.run(&place.command(table.file())).expect(0).json();
    assert_eq!(said["accepted"]["events"], rows - wrong, "{said}");
    place.check(rows).await;
    place.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_row_is_named_by_its_line_and_what_was_before_it_is_logged() {
    check_wrong_row(Table::Ndjson).await;
    check_wrong_row(Table::Csv).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_server_refuses_is_named_by_its_line_and_can_be_corrected() {
    let (rows, wrong) = (400, 230);
    for (table, module, reason) in
        [(Table::Ndjson, "no code", "FIELD_REFUSED"), (Table::Csv, "lower-case", "FIELD_REFUSED")]
    {
        let place = Place::new();
        let mut lines = table.rows(rows);
        let good = lines[230].clone();
        lines[230] = table.row(wrong, "issued", module);
        table.write(place.folder.path(), &lines);
        let said = place.witness.run(&place.command(table.file())).expect(1).json();
        assert_eq!(said["error"]["reason"], reason, "{said}");
        let message = said["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("line {}: ", table.line(wrong))), "{message}");
        assert!(!said.to_string().contains(module), "the refusal repeats the value: {said}");
        // The submission with the wrong row in it is refused as a whole.
        place.check(wrong - wrong % 8).await;
        lines[230] = good;
        table.write(place.folder.path(), &lines);
        let _done = place.witness.run(&place.command(table.file())).expect(0);
        place.check(rows).await;
        place.server.stop();
    }
}
