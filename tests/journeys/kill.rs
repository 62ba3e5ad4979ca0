//! SIGKILL at random moments under load: nothing that was acknowledged is lost, changed or doubled, and no
//! checkpoint that was ever shown is contradicted.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use prost::Message as _;
use tokio::{sync::mpsc, task::JoinSet, time};
use tokio_stream::wrappers::ReceiverStream;
use witness_core::{
    checkpoint::Checkpoint,
    drafting::Draft,
    entry::{Entry, EntryKind},
    hash::Hash,
    merkle::{TreeSize, verify_consistency},
};
use witness_tests::{
    Clients, Data, Issuer, Rng, Server, Stream, Trust, document, is_long, issued, request, scaled,
    tell,
};
use witness_wire::{
    Bytes,
    v1::{self, submit_response::Answer},
};

const STREAMS: usize = 4;
/// Submissions of one stream that may be without an answer.
const UNANSWERED_MAX: usize = 8;
const EVENTS_MAX: u64 = 12;
/// Load is killed after a time up to this.
const LOAD_MS_MAX: u64 = 400;
/// A start is killed after a time up to this: recovery must survive it too.
const START_MS_MAX: u64 = 150;

/// A submission that was sent, with its answer if that came.
struct Sent {
    draft: Draft,
    receipt: Option<v1::Receipt>,
}

/// One issuer's stream, and all that it ever sent.
struct Writer {
    stream: Stream,
    sent: Vec<Sent>,
    rng: Rng,
}

impl Writer {
    fn draft(&mut self) -> v1::SubmitRequest {
        let first = self.stream.position().next_sequence;
        let name = self.stream.name.clone();
        let events = self.rng.between(1, EVENTS_MAX);
        let occurrences: Vec<_> =
            (0..events).map(|n| issued(document(format!("{name} {}", first + n)))).collect();
        let draft = self.stream.cut(&occurrences);
        let request = request(&draft);
        self.sent.push(Sent { draft, receipt: None });
        request
    }

    fn unanswered(&self) -> usize {
        self.sent.iter().filter(|sent| sent.receipt.is_none()).count()
    }

    /// Sends until the server is gone.
    async fn load(mut self, mut clients: Clients) -> Self {
        let (requests, stream) = mpsc::channel(UNANSWERED_MAX);
        let call = clients.ingest.submit_stream(ReceiverStream::new(stream)).await;
        let Ok(call) = call else { return self };
        let mut answers = call.into_inner();
        let mut next = self.sent.len();
        loop {
            while self.sent.len() - next < UNANSWERED_MAX {
                let request = self.draft();
                if requests.send(request).await.is_err() {
                    return self;
                }
            }
            let Ok(Some(response)) = answers.message().await else { return self };
            let Some(Answer::Receipt(receipt)) = response.answer else {
                panic!("refused under load: {response:?}")
            };
            self.sent[next].receipt = Some(receipt);
            next += 1;
        }
    }

    /// Sends again what was not answered, in order: it is accepted, whether or not it was logged before the
    /// kill. Gives how many were.
    async fn send_again(&mut self, clients: &mut Clients, size_at_start: u64) -> usize {
        let mut known = 0;
        for sent in self.sent.iter_mut().filter(|sent| sent.receipt.is_none()) {
            let receipt = clients.submit(request(&sent.draft)).await.unwrap();
            known += usize::from(receipt.index < size_at_start);
            sent.receipt = Some(receipt);
        }
        known
    }

    /// Every receipt is given again, byte for byte.
    async fn ask_again(&self, clients: &mut Clients, from: usize) {
        for sent in self.sent.iter().skip(from) {
            let Some(first) = &sent.receipt else { continue };
            let again = clients.submit(request(&sent.draft)).await.unwrap();
            assert_eq!(again.encode_to_vec(), first.encode_to_vec(), "another receipt");
        }
    }
}

/// Roots of every checkpoint that was ever shown, by size.
#[derive(Default)]
struct Shown(BTreeMap<u64, Hash>);

impl Shown {
    fn add(&mut self, checkpoint: &Checkpoint) {
        let root = *self.0.entry(checkpoint.size.0).or_insert(checkpoint.root);
        assert_eq!(root, checkpoint.root, "two roots were signed at {}", checkpoint.size);
    }

    /// The receipts that were not looked at before.
    fn add_receipts(&mut self, writer: &Writer, from: usize, trust: &Trust) {
        for sent in writer.sent.iter().skip(from) {
            if let Some(receipt) = &sent.receipt {
                self.add(&trust.receipt(sent.draft.note.to_string().as_bytes(), receipt));
            }
        }
    }

    /// Each is consistent with the newest published tree.
    async fn check(&self, from: u64, server: &Server, clients: &mut Clients, trust: &Trust) {
        let Some(largest) = self.0.keys().next_back() else { return };
        let to_size = server.published(*largest);
        let newest = trust.published(&server.found("/log1/checkpoint").body);
        let to_size = to_size.max(newest.size.0);
        let hash = |hash: &Bytes| Hash::from_slice(hash).unwrap();
        for (from_size, root) in self.0.range(from..) {
            let (origin, from_size) = (Issuer::ORIGIN.to_owned(), *from_size);
            let asked =
                v1::GetConsistencyProofRequest { origin, from_size, to_size: newest.size.0 };
            let proof = clients.ledger.get_consistency_proof(asked).await.unwrap().into_inner();
            let path: Vec<Hash> = proof.path.iter().map(hash).collect();
            let (old, new) = ((TreeSize(from_size), root), (newest.size, &newest.root));
            verify_consistency(old, new, &path)
                .unwrap_or_else(|error| panic!("{from_size} to {to_size}: {error}"));
        }
    }
}

/// Looks at published checkpoints until the server is gone.
async fn watch(mut clients: Clients) -> Vec<Bytes> {
    let mut notes: Vec<Bytes> = Vec::new();
    loop {
        let asked = v1::GetCheckpointRequest { origin: Issuer::ORIGIN.to_owned(), which: None };
        let Ok(answer) = clients.ledger.get_checkpoint(asked).await else { return notes };
        let note = answer.into_inner().checkpoint.unwrap().note;
        if notes.last() != Some(&note) {
            notes.push(note);
        }
        time::sleep(Duration::from_millis(5)).await;
    }
}

/// Loads the server, kills it at a random moment, and gives the writers back with what they know.
async fn load_and_kill(
    server: Server,
    writers: Vec<Writer>,
    rng: &mut Rng,
) -> (Vec<Writer>, Vec<Bytes>) {
    let mut load = JoinSet::new();
    let count = writers.len();
    for (place, writer) in writers.into_iter().enumerate() {
        let clients = server.clients().await;
        load.spawn(async move { (place, writer.load(clients).await) });
    }
    let watching = tokio::spawn(watch(server.clients().await));
    time::sleep(Duration::from_millis(rng.between(1, LOAD_MS_MAX))).await;
    let log = server.kill();
    assert!(!log.contains("ERROR"), "{log}");
    let mut back: BTreeMap<usize, Writer> = load.join_all().await.into_iter().collect();
    let writers = (0..count).map(|place| back.remove(&place).unwrap()).collect();
    (writers, watching.await.unwrap())
}

/// Every entry of the log, read at the end: each submission is there once, where its receipt says.
async fn check_entries(clients: &mut Clients, writers: &[Writer]) {
    let mut logged: BTreeMap<String, u64> = BTreeMap::new();
    for entry in clients.entries(0).await {
        let parsed = Entry::parse(&entry.text).unwrap();
        if parsed.kind == EntryKind::Submission {
            assert_eq!(logged.insert(parsed.body, entry.index), None, "logged twice");
        }
    }
    for writer in writers {
        for sent in &writer.sent {
            let index = logged.remove(&sent.draft.note.to_string());
            assert_eq!(index, sent.receipt.as_ref().map(|receipt| receipt.index));
        }
        let stream = &writer.stream;
        let position = clients.position(&stream.issuer.domain, &stream.name).await;
        assert_eq!(position.next_sequence, stream.position().next_sequence);
        assert_eq!(position.previous_hash, stream.position().previous.as_bytes().as_slice());
    }
    assert_eq!(logged, BTreeMap::new(), "nobody sent these");
}

async fn open_streams(data: &Data, rng: &mut Rng) -> Vec<Writer> {
    let server = data.start();
    let issuer = Issuer::of_dev(data);
    let mut writers = Vec::new();
    for number in 0..STREAMS {
        let stream = server.open_stream(&Arc::clone(&issuer), &format!("stream-{number}")).await;
        writers.push(Writer { stream, sent: Vec::new(), rng: rng.part() });
    }
    server.stop();
    writers
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_every_kill_and_the_rest_is_accepted_once() {
    let rounds = scaled(50, 200);
    let mut rng = Rng::from_environment();
    tell(&format!("kill: {rng}, {rounds} rounds"));
    let data = Data::new();
    let mut writers = open_streams(&data, &mut rng).await;
    let trust = Trust::of_dev(&data);
    let mut shown = Shown::default();
    let (mut hit, mut lost_answers, mut checked_size) = (0, 0, 0);
    for round in 0..rounds {
        if rng.between(0, 3) == 0 {
            let starting = data.spawn();
            time::sleep(Duration::from_millis(rng.between(0, START_MS_MAX))).await;
            starting.kill();
        }
        let before: Vec<usize> = writers.iter().map(|writer| writer.sent.len()).collect();
        let published;
        (writers, published) = load_and_kill(data.start(), writers, &mut rng).await;
        for note in published {
            shown.add(&trust.published(&note));
        }
        let unanswered: usize = writers.iter().map(Writer::unanswered).sum();
        hit += u64::from(unanswered > 0);

        let server = data.start();
        let mut clients = server.clients().await;
        let size = server.metric("witness_log_size");
        let mut known = 0;
        for (writer, from) in writers.iter_mut().zip(&before) {
            shown.add_receipts(writer, *from, &trust);
            writer.ask_again(&mut clients, *from).await;
            known += writer.send_again(&mut clients, size).await;
            shown.add_receipts(writer, *from, &trust);
        }
        shown.check(checked_size, &server, &mut clients, &trust).await;
        checked_size = size;
        lost_answers += known;
        tell(&format!("kill: round {round}: {unanswered} unanswered, {known} of them were logged"));
        server.stop();
    }
    let server = data.start();
    let mut clients = server.clients().await;
    for writer in &writers {
        writer.ask_again(&mut clients, 0).await;
    }
    let size = server.settled();
    shown.check(0, &server, &mut clients, &trust).await;
    check_entries(&mut clients, &writers).await;
    server.stop();
    let submissions: usize = writers.iter().map(|writer| writer.sent.len()).sum();
    let checkpoints = shown.0.len();
    tell(&format!(
        "kill: {rng}: {hit} of {rounds} kills hit submissions in flight ({lost_answers} were logged and \
         not answered); {submissions} submissions, {checkpoints} checkpoints, size {size}"
    ));
    assert!(hit * 5 >= rounds * 3, "only {hit} of {rounds} kills hit submissions in flight");
    // In ten rounds there may be none by chance; in fifty the other half of the failure must have been seen.
    assert!(!is_long() || lost_answers > 0, "no answer was lost after its submission was logged");
}
