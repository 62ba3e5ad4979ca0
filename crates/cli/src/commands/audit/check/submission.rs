//! The bodies of the submissions of a file, as they are read.
//!
//! What must hold: an event counts for the rules only once the root that its issuer signed is made of it.

use anyhow::Result;
use witness_core::{
    anomaly::Turn,
    audit::findings::{
        AuditedStream, EventWatch, Finding, Found, Place, Record, Rule, document_key,
    },
    details::Details,
    event::{Event, first_broken_pair},
    hash::Hash,
    merkle::{CompactRange, LeafIndex},
};

use super::{
    bodies::{Checked, Task, missing},
    notes::Wanted,
    spill::Pen,
    tree::broken,
};

/// How much was read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) submissions: u64,
    pub(super) events: u64,
    /// How many of the events were erased.
    pub(super) erased: u64,
}

impl Counts {
    pub(super) fn add(&mut self, more: Self) {
        self.submissions += more.submissions;
        self.events += more.events;
        self.erased += more.erased;
    }
}

/// Reads the submissions of a file.
pub(super) struct Reading<'a, 'c> {
    task: Task<'a>,
    wanted: &'c [Wanted],
    checked: &'c mut Checked,
    current: Option<Current<'a, 'c>>,
}

/// A submission that is being read.
struct Current<'a, 'c> {
    wanted: &'c Wanted,
    stream: &'a AuditedStream,
    sequence: u64,
    tree: CompactRange,
    watch: EventWatch<'a>,
    /// All events, to look for broken pairs; none if one of them is not there.
    events: Option<Vec<Event>>,
    records: Vec<Record>,
    erased: u64,
    /// What the rules have found, which counts only if the root does.
    odd: Vec<Finding>,
    /// Whether something in it is of a later version.
    is_later: bool,
}

impl<'a, 'c> Reading<'a, 'c> {
    pub(super) fn new(task: Task<'a>, wanted: &'c [Wanted], checked: &'c mut Checked) -> Self {
        Self { task, wanted, checked, current: None }
    }

    /// Begins a submission, which ends the one before.
    pub(super) fn begin(&mut self, index: LeafIndex, events: u64, pen: &mut Pen<'_>) -> Result<()> {
        self.finish(pen)?;
        while let Some((wanted, rest)) = self.wanted.split_first()
            && wanted.index < index
        {
            self.wanted = rest;
            let why = "the file goes on with a later one";
            self.checked.findings.push(missing(wanted, why));
        }
        let found = self.wanted.split_first().filter(|(wanted, _)| wanted.index == index);
        let Some((wanted, rest)) = found else {
            let why = "there are bodies for it, and it is no submission in the scope";
            let place = Place::Entry(index);
            self.checked.findings.push(broken(Rule::Bodies, place, why.to_owned()));
            return Ok(());
        };
        self.wanted = rest;
        if wanted.submission.events != events {
            let own = wanted.submission.events;
            let why = format!("there are bodies of {events} events, and its issuer signed {own}");
            self.checked.findings.push(broken(Rule::Bodies, wanted.place(), why));
            return Ok(());
        }
        let stream = self.task.register.streams.get(wanted.stream);
        self.current = stream.map(|stream| Current::new(wanted, stream, self.task));
        Ok(())
    }

    /// Takes an event with its details.
    pub(super) fn event(&mut self, event: &[u8], details: &[u8]) {
        let Some(current) = &mut self.current else { return };
        current.event(event, details, &mut self.checked.findings);
    }

    /// Takes an event that was erased.
    pub(super) fn erased(&mut self, leaf: Hash) {
        let Some(current) = &mut self.current else { return };
        if !current.stream.is_erased(current.sequence) {
            let why = "it is said to be erased, and no erasure that was logged after it names it; if it was erased \
                       after the bundle's checkpoint, the bundle must be exported anew";
            let finding = broken(Rule::Erased, current.place(), why.to_owned());
            self.checked.findings.push(finding);
        }
        current.tree.push(leaf);
        current.watch.pass();
        current.events = None;
        current.erased += 1;
        current.sequence += 1;
    }

    fn finish(&mut self, pen: &mut Pen<'_>) -> Result<()> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let wanted = current.wanted;
        if current.tree.root() != wanted.submission.root {
            let why = "the events in the bundle do not make the root that its issuer signed";
            let finding = broken(Rule::Bodies, wanted.place(), why.to_owned());
            self.checked.findings.push(finding);
            return Ok(());
        }
        self.checked.is_later |= current.is_later;
        let first = wanted.submission.first_sequence;
        if let Some(at) = current.events.as_deref().and_then(first_broken_pair) {
            let sequence = first + u64::try_from(at)?;
            let place = Place::Event { stream: wanted.stream, sequence, index: wanted.index };
            let why = "it is half of an amendment whose other half does not stand beside it";
            self.checked.findings.push(broken(Rule::Bodies, place, why.to_owned()));
        }
        self.checked.findings.extend(current.odd);
        for record in current.records {
            pen.write(record)?;
        }
        let (events, erased) = (wanted.submission.events, current.erased);
        self.checked.counts.add(Counts { submissions: 1, events, erased });
        self.checked.digests.push(current.watch.digest());
        Ok(())
    }

    /// Ends with the file.
    pub(super) fn end(mut self, pen: &mut Pen<'_>) -> Result<()> {
        self.finish(pen)?;
        let why = "the file ends before it";
        self.checked.findings.extend(self.wanted.iter().map(|wanted| missing(wanted, why)));
        Ok(())
    }

    /// Ends where the file does not read: what stands there and after cannot be told.
    pub(super) fn break_off(self, why: &str) {
        let current = self.current.iter().map(|current| current.wanted);
        let lost = current.chain(self.wanted).map(|wanted| missing(wanted, why));
        self.checked.findings.extend(lost);
    }
}

impl<'a, 'c> Current<'a, 'c> {
    fn new(wanted: &'c Wanted, stream: &'a AuditedStream, task: Task<'a>) -> Self {
        let place = (wanted.stream, stream.back_fill);
        let received = (wanted.index, wanted.received_at);
        Self {
            wanted,
            stream,
            sequence: wanted.submission.first_sequence,
            tree: CompactRange::default(),
            watch: EventWatch::new(place, received, task.thresholds),
            events: Some(Vec::new()),
            records: Vec::new(),
            erased: 0,
            odd: Vec::new(),
            is_later: false,
        }
    }

    fn place(&self) -> Place {
        let (stream, index) = (self.wanted.stream, self.wanted.index);
        Place::Event { stream, sequence: self.sequence, index }
    }

    fn event(&mut self, bytes: &[u8], details: &[u8], findings: &mut Vec<Finding>) {
        self.tree.push(Hash::leaf(bytes));
        let place = self.place();
        if self.stream.is_erased(self.sequence) {
            self.odd.push(Finding { place: place.clone(), found: Found::NotErased });
        }
        match Event::parse(bytes) {
            Err(why) => {
                self.is_later |= why.may_be_later();
                if !why.may_be_later() {
                    findings.push(broken(Rule::Bodies, place, why.to_string()));
                }
                self.watch.pass();
                self.events = None;
            }
            Ok(event) => {
                if let Err(why) = check_details(&event, details) {
                    findings.push(broken(Rule::Bodies, place, why));
                }
                self.take(event);
            }
        }
        self.sequence += 1;
    }

    fn take(&mut self, event: Event) {
        self.watch.take(self.sequence, &event, &mut self.odd);
        let key = document_key(self.stream.issuer_ordinal, &event.document);
        let place = (self.wanted.stream, self.sequence, self.wanted.index);
        let turn = Turn::from(&event.change);
        self.records.push(Record::new(key, place, event.occurred_at, turn));
        if let Some(events) = &mut self.events {
            events.push(event);
        }
    }
}

/// The details are those that the event names. Which fields they may have was for the claim type of that time.
fn check_details(event: &Event, details: &[u8]) -> Result<(), String> {
    match (event.details, details.is_empty()) {
        (None, true) => Ok(()),
        (None, false) => Err("it comes with details, and names none".to_owned()),
        (Some(_), true) => Err("its details are not there".to_owned()),
        (Some(hash), false) if hash == Hash::of(details) => {
            Details::parse(details).map(|_| ()).map_err(|why| why.to_string())
        }
        (Some(_), false) => Err("its details are not those that it names".to_owned()),
    }
}
