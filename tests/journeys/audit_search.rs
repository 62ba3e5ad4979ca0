//! Audits through the public port: two regulators and an issuer, each with a token, see by search, tail, statistics
//! and history as at a time exactly what is theirs. What is not is answered like what is not there.

use std::{collections::BTreeSet, sync::Arc};

use prost::Message as _;
use tonic::{Code, Streaming};
use witness_core::event::{Change, StatusClass};
use witness_tests::{
    Auditor, Clients, Data, Issuer, Server, Stream, document, issued, occurred, reason, scaled,
    status,
};
use witness_wire::v1;

/// Issuer, stream, jurisdictions.
pub(crate) const STREAMS: [(&str, &str, &str); 5] = [
    ("london.example", "main", "GB"),
    ("munich.example", "main", "DE-BY"),
    ("world.example", "main", "INT"),
    ("both.example", "uk", "GB"),
    ("both.example", "bavaria", "DE-BY"),
];

/// Who sees which of them.
pub(crate) const GB: [usize; 2] = [0, 3];
pub(crate) const DE: [usize; 2] = [1, 4];
pub(crate) const BOTH: [usize; 2] = [3, 4];

/// Four issuers with what they have submitted.
pub(crate) struct Firm {
    pub(crate) server: Server,
    pub(crate) clients: Clients,
    pub(crate) streams: Vec<Stream>,
    /// Index and event of what was logged, by stream.
    pub(crate) logged: Vec<BTreeSet<(u64, u32)>>,
}

impl Firm {
    pub(crate) async fn new(data: &Data) -> Self {
        Self::on(data.start()).await
    }

    pub(crate) async fn on(server: Server) -> Self {
        let clients = server.clients().await;
        let mut issuers: Vec<Arc<Issuer>> = Vec::new();
        let mut streams = Vec::new();
        for (seed, (domain, stream, jurisdictions)) in (1..).zip(STREAMS) {
            let known = issuers.iter().find(|issuer| issuer.domain.as_str() == domain);
            let issuer = if let Some(issuer) = known {
                Arc::clone(issuer)
            } else {
                let issuer = Issuer::from_seed(domain, seed);
                server.register(&format!("issuer-added {domain}\n"), &[]).await.unwrap();
                let change = format!("key-added {domain} {}\n", issuer.key.verifying_key());
                server.register(&change, &[&issuer.key]).await.unwrap();
                issuers.push(Arc::clone(&issuer));
                issuer
            };
            let change = format!("stream-opened {domain} {stream} {jurisdictions} live\n");
            server.register(&change, &[]).await.unwrap();
            streams.push(issuer.stream(stream));
        }
        let logged = vec![BTreeSet::new(); STREAMS.len()];
        Self { server, clients, streams, logged }
    }

    /// Each stream submits three events, of documents that are called after the stream.
    pub(crate) async fn round(&mut self, round: u64) {
        for (number, stream) in self.streams.iter_mut().enumerate() {
            let name = document(format!("{number} {round}"));
            let revoked = status(name, StatusClass::Punitive, "REVOKED");
            let events = [issued(name), revoked, occurred(name, Change::Deleted)];
            let receipt = self.clients.submit(stream.next(&events)).await.unwrap();
            self.logged[number].extend((0..3).map(|event| (receipt.index, event)));
        }
    }

    /// The first stream submits so many events at once.
    pub(crate) async fn many(&mut self, events: u32) {
        let first = self.streams[0].position().next_sequence;
        let events: Vec<_> = (first..).take(usize::try_from(events).unwrap()).collect();
        let events: Vec<_> =
            events.iter().map(|it| issued(document(format!("many {it}")))).collect();
        let receipt = self.clients.submit(self.streams[0].next(&events)).await.unwrap();
        let events = u32::try_from(events.len()).unwrap();
        self.logged[0].extend((0..events).map(|event| (receipt.index, event)));
    }

    pub(crate) fn size(&self) -> u64 {
        self.logged.iter().flatten().map(|(index, _)| index + 1).max().unwrap()
    }

    pub(crate) fn of(&self, streams: &[usize]) -> Vec<(u64, u32)> {
        let all: BTreeSet<_> = streams.iter().flat_map(|it| self.logged[*it].clone()).collect();
        all.into_iter().collect()
    }
}

fn places(events: &[v1::AuditEvent]) -> Vec<(u64, u32)> {
    events.iter().map(|event| (event.index, event.event_index)).collect()
}

/// All that a tail tells up to a size.
async fn told(auditor: &Auditor, filter: v1::AuditFilter, size: u64) -> Vec<v1::AuditEvent> {
    let mut tail = auditor.tail(filter, 0).await;
    let mut events = Vec::new();
    while let Some(answer) = tail.message().await.unwrap() {
        events.extend(answer.events);
        if answer.next_index >= size {
            break;
        }
    }
    events
}

async fn sees_exactly(auditor: &Auditor, firm: &Firm, streams: &[usize]) {
    let filter = v1::AuditFilter::default();
    for page_size in [1, 4, 1000] {
        let found = auditor.search_all(filter.clone(), page_size).await;
        assert_eq!(places(&found), firm.of(streams), "in pages of {page_size}");
    }
    assert_eq!(places(&told(auditor, filter, firm.size()).await), firm.of(streams));
    let revoked = v1::AuditFilter { status: "REVOKED".to_owned(), ..Default::default() };
    let expected: Vec<_> = firm.of(streams).into_iter().filter(|(_, event)| *event == 1).collect();
    assert_eq!(places(&auditor.search_all(revoked.clone(), 0).await), expected);
    assert_eq!(places(&told(auditor, revoked, firm.size()).await), expected);
    let counted = auditor.statistics(v1::GetStatisticsRequest::default()).await.streams;
    let named: BTreeSet<_> =
        counted.iter().map(|it| (it.issuer.as_str(), it.stream.as_str())).collect();
    let expected = streams.iter().map(|it| (STREAMS[*it].0, STREAMS[*it].1)).collect();
    assert_eq!(named, expected);
    for stream in counted {
        let total = stream.total.unwrap();
        assert_eq!((total.issued, total.deleted), (total.submissions, total.submissions));
        assert_eq!(total.statuses["punitive"], total.submissions);
        assert_eq!((total.events, stream.silent), (3 * total.submissions, false));
    }
}

/// What is held of each stream's document, by streams; `None` if it is answered like a document that is not there.
async fn held(auditor: &Auditor, at_us: u64) -> Vec<Option<v1::GetHistoryAsAtResponse>> {
    let mut all = Vec::new();
    for (number, (issuer, ..)) in STREAMS.iter().enumerate() {
        let ask = async |name: String| {
            let document_hash = document(name).0.as_bytes().to_vec().into();
            let issuer = (*issuer).to_owned();
            let request = v1::GetHistoryAsAtRequest { issuer, document_hash, at_us };
            let answer = auditor.as_at(request).await;
            v1::GetHistoryAsAtResponse { stated_at_us: 0, ..answer }
        };
        let (answer, absent) = (ask(format!("{number} 0")).await, ask("nothing".to_owned()).await);
        assert!(answer.statement.contains("not a proof"));
        let is_absent = answer.encode_to_vec() == absent.encode_to_vec();
        all.push((!is_absent).then_some(answer));
    }
    all
}

/// Asks how the first document of a stream stood at a time.
fn document_at(number: usize, at_us: u64) -> v1::GetHistoryAsAtRequest {
    let document_hash = document(format!("{number} 0")).0.as_bytes().to_vec().into();
    v1::GetHistoryAsAtRequest { issuer: STREAMS[number].0.to_owned(), document_hash, at_us }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_regulator_and_issuer_sees_exactly_what_is_its_own() {
    let data = Data::new();
    let mut firm = Firm::new(&data).await;
    for round in 0..4 {
        firm.round(round).await;
    }
    let (gb, de) = (firm.server.regulator("GB").await, firm.server.regulator("DE").await);
    let both = firm.server.issuer_caller("both.example").await;
    let size = firm.size();
    gb.indexed(size).await;
    for (auditor, streams) in [(&gb, GB), (&de, DE), (&both, BOTH)] {
        sees_exactly(auditor, &firm, &streams).await;
        let now = auditor.as_at(document_at(0, 0)).await.stated_at_us;
        let held = held(auditor, now).await;
        for (number, held) in held.into_iter().enumerate() {
            assert_eq!(held.is_some(), streams.contains(&number), "{}: {number}", auditor.id);
            let Some(held) = held else { continue };
            assert_eq!((held.change.as_str(), held.events.len()), ("deleted", 3));
            let event = &held.events[1];
            let between = document_at(number, event.received_at_us - 1);
            assert_eq!(auditor.as_at(between).await.change, "", "nothing had come by then");
        }
    }
    // The index is a little behind when the process is killed, and is the same when it has caught up.
    let (first, before) = (v1::SearchRequest { page_size: 2, ..Default::default() }, firm.of(&GB));
    let begun = gb.search(first.clone()).await.unwrap();
    firm.round(4).await;
    let Firm { server, streams, logged, .. } = firm;
    server.kill();
    let server = data.start();
    let clients = server.clients().await;
    let firm = Firm { server, clients, streams, logged };
    let (gb, de) = (gb.at(&firm.server).await, de.at(&firm.server).await);
    // Pages go on where they were, and none ends early because the index is not that far yet.
    let (mut found, mut page) = (begun.events, begun.next_page);
    while !page.is_empty() {
        let answer = gb.search(v1::SearchRequest { page, ..first.clone() }).await.unwrap();
        found.extend(answer.events);
        page = answer.next_page;
    }
    assert_eq!(places(&found), before);
    gb.indexed(firm.size()).await;
    sees_exactly(&gb, &firm, &GB).await;
    sees_exactly(&de, &firm, &DE).await;
    firm.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_scope_is_answered_like_what_is_not_there() {
    let data = Data::new();
    let mut firm = Firm::new(&data).await;
    firm.round(0).await;
    let gb = firm.server.regulator("GB").await;
    gb.indexed(firm.size()).await;
    let asked = |issuer: &str, stream: &str| v1::SearchRequest {
        filter: Some(v1::AuditFilter {
            issuer: issuer.to_owned(),
            stream: stream.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut answers = BTreeSet::new();
    for (issuer, stream) in [
        ("munich.example", "main"),
        ("both.example", "bavaria"),
        ("both.example", "nothing"),
        ("nobody.example", "main"),
    ] {
        let answer = gb.search(asked(issuer, stream)).await.unwrap();
        assert_eq!(answer.events.len(), 0);
        answers.insert(answer.encode_to_vec());
    }
    assert_eq!(answers.len(), 1);
    // A page goes on for who asked for the first one, and for the same question.
    let de = firm.server.regulator("DE").await;
    let first = v1::SearchRequest { page_size: 1, ..Default::default() };
    let page = gb.search(first.clone()).await.unwrap().next_page;
    let next = v1::SearchRequest { page, ..first };
    assert!(gb.search(next.clone()).await.is_ok());
    let other = v1::SearchRequest { page: next.page.clone(), ..asked("both.example", "uk") };
    for refused in [de.search(next).await, gb.search(other).await] {
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    }
    firm.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_tells_what_comes_and_ends_when_its_caller_is_shut_out() {
    let data = Data::new();
    let mut firm = Firm::new(&data).await;
    firm.round(0).await;
    let gb = firm.server.regulator("GB").await;
    let mut tail = gb.tail(v1::AuditFilter::default(), 0).await;
    let mut events = Vec::new();
    let mut next_index = 0;
    for round in 1..4 {
        while next_index < firm.size() {
            let answer = tail.message().await.unwrap().unwrap();
            events.extend(answer.events);
            next_index = answer.next_index;
        }
        firm.round(round).await;
    }
    // From where it was, another tail goes on.
    let mut tail_again = gb.tail(v1::AuditFilter::default(), next_index).await;
    while next_index < firm.size() {
        let answer = tail_again.message().await.unwrap().unwrap();
        events.extend(answer.events);
        next_index = answer.next_index;
    }
    assert_eq!(places(&events), firm.of(&GB));
    firm.server.shut_out(&gb).await;
    let ended = loop {
        match tail.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without a reason"),
            Err(status) => break status,
        }
    };
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "SHUT_OUT"));
    // A service that stops does not wait for who follows it.
    let mut tail = firm.server.regulator("DE").await.tail(v1::AuditFilter::default(), 0).await;
    assert!(tail.message().await.unwrap().is_some());
    firm.server.stop();
    let ended = loop {
        match tail.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without a reason"),
            Err(status) => break status,
        }
    };
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unavailable, "STOPPING"));
}

/// The answers of a tail until all below a size was told.
async fn told_to(tail: &mut Streaming<v1::TailResponse>, size: u64) -> Vec<v1::AuditEvent> {
    let mut events = Vec::new();
    loop {
        let answer = tail.message().await.unwrap().unwrap();
        events.extend(answer.events);
        if answer.next_index >= size {
            return events;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_tells_of_a_stream_that_is_opened_in_its_scope_and_of_no_other() {
    let data = Data::new();
    let mut firm = Firm::new(&data).await;
    firm.round(0).await;
    let gb = firm.server.regulator("GB").await;
    // One who sees nothing at all yet, and one of whose streams some stand already.
    let fr = firm.server.regulator("FR").await;
    let mut tails = [
        gb.tail(v1::AuditFilter::default(), 0).await,
        fr.tail(v1::AuditFilter::default(), 0).await,
    ];
    for (tail, own) in tails.iter_mut().zip([&GB[..], &[]]) {
        assert_eq!(places(&told_to(tail, firm.size()).await), firm.of(own));
    }
    let issuer = Arc::clone(&firm.streams[0].issuer);
    let mut expected = [BTreeSet::new(), BTreeSet::new()];
    for round in 0..scaled(8, 60) {
        let mut size = 0;
        for (jurisdiction, seen) in [("GB", 0), ("DE-BY", 2), ("FR-75", 1)] {
            let name = format!("{}-{round}", jurisdiction.to_lowercase());
            let change = format!("stream-opened {} {name} {jurisdiction} live\n", issuer.domain);
            firm.server.register(&change, &[]).await.unwrap();
            let first = issuer.stream(&name).next(&[issued(document(&name))]);
            let index = firm.clients.submit(first).await.unwrap().index;
            if let Some(expected) = expected.get_mut(seen) {
                expected.insert((index, 0));
            }
            size = index + 1;
        }
        // In every other round all of it is published at once.
        if round % 2 == 0 {
            continue;
        }
        for (tail, expected) in tails.iter_mut().zip(&mut expected) {
            let told = told_to(tail, size).await;
            assert_eq!(places(&told), std::mem::take(expected).into_iter().collect::<Vec<_>>());
        }
    }
    firm.server.stop();
}
