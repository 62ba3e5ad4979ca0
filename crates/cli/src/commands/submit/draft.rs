//! Drafting on a thread of its own: rows in, signed submissions out.
//!
//! What must hold: what the journal says was signed is rebuilt from the same rows and comes out as the same
//! text, or nothing is sent.

use std::{collections::VecDeque, path::PathBuf};

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;
use witness_core::{
    drafting::{ClientSecret, DraftError, Drafter, Occurrence, Position, What},
    key::SigningKey,
    name::{Domain, Name, Origin},
    note::Note,
    submission::Submission,
};

use super::{
    journal::SignedRecord,
    prepared::{Drafted, Gathered, Prepared},
    row::Defaults,
    rows::{Rows, RowsRead, at_line},
};
use crate::outcome::Failure;

/// All that drafting needs.
#[derive(Debug)]
pub(super) struct Drafting {
    /// The rows, read up to what is acknowledged.
    pub(super) occurrences: Occurrences,
    /// Where the input was read from, for messages.
    pub(super) input: (u64, PathBuf),
    /// What was signed before and not answered.
    pub(super) pending: VecDeque<SignedRecord>,
    /// Where the stream stands.
    pub(super) position: Position,
    /// The place of the stream.
    pub(super) place: (Origin, Domain, Name),
    /// Most events of one submission.
    pub(super) events_max: u64,
    /// The secret under which salts are made.
    pub(super) secret: ClientSecret,
    /// The key to sign with.
    pub(super) key: SigningKey,
}

/// What the rows of an input say.
#[derive(Debug)]
pub(super) struct Occurrences {
    /// The rows.
    pub(super) rows: Rows,
    /// What they need not say.
    pub(super) defaults: Defaults,
}

impl Occurrences {
    /// The next one with its line, and how far the rows were read with it.
    fn next(&mut self) -> Result<Option<(u64, Occurrence, RowsRead)>> {
        let Some(row) = self.rows.next()? else { return Ok(None) };
        let occurrence = self.rows.parse(&row)?.occurrence(&self.defaults);
        let occurrence = occurrence.map_err(|message| at_line(row.line, &message))?;
        Ok(Some((row.line, occurrence, self.rows.read())))
    }
}

impl Drafting {
    /// Starts drafting; it waits whenever the receiver is slow, and ends with the rows, the first error, or
    /// the receiver.
    pub(super) fn start(mut self) -> Result<mpsc::Receiver<Drafted>> {
        const AHEAD: usize = 4;
        let (sender, receiver) = mpsc::channel(AHEAD);
        let run = move || {
            let ended = self.run(&sender).map(|()| None);
            // Nobody listens any more: then nobody needs to know.
            sender.blocking_send(ended).ok();
        };
        let thread = std::thread::Builder::new().name("drafting".to_owned()).spawn(run);
        thread.context("cannot start a thread")?;
        Ok(receiver)
    }

    fn run(&mut self, sender: &mpsc::Sender<Drafted>) -> Result<()> {
        for signed in std::mem::take(&mut self.pending) {
            let prepared = self.rebuild(signed)?;
            if sender.blocking_send(Ok(Some(prepared))).is_err() {
                return Ok(());
            }
        }
        let (place, position) = (self.place.clone(), self.position.clone());
        let mut drafter = Drafter::new(place, position, self.events_max, &self.secret);
        let mut gathered = Gathered::new(self.occurrences.rows.read());
        loop {
            let next = self.occurrences.next();
            // On an error and at the end alike, what was gathered goes out first.
            let is_last = !matches!(next, Ok(Some(_)));
            let is_full = match &next {
                Ok(Some((_, occurrence, _))) => {
                    !drafter.fits(occurrence) || self.is_batch(drafter.len())
                }
                Ok(None) | Err(_) => false,
            };
            if (is_last || is_full)
                && let Some(draft) = drafter.cut(&self.key)
            {
                let prepared = gathered.prepare(draft, self.input.0);
                if sender.blocking_send(Ok(Some(prepared))).is_err() {
                    return Ok(());
                }
            }
            let Some((line, occurrence, read)) = next? else { return Ok(()) };
            if let Err(error) = self.try_out(&occurrence).and_then(|()| drafter.push(&occurrence)) {
                if let Some(draft) = drafter.cut(&self.key) {
                    sender.blocking_send(Ok(Some(gathered.prepare(draft, self.input.0)))).ok();
                }
                return Err(at_line(line, &error.to_string()).into());
            }
            gathered.add(line, &occurrence, read);
        }
    }

    /// An amendment is two events, and the second may turn out to be wrong when the first has its place.
    /// So it is drafted apart before: whether it can be does not depend on where it will stand.
    fn try_out(&self, occurrence: &Occurrence) -> Result<(), DraftError> {
        if !matches!(occurrence.what, What::Amends { .. }) {
            return Ok(());
        }
        Drafter::new(self.place.clone(), self.position.clone(), 2, &self.secret).push(occurrence)
    }

    /// The drafter itself never cuts below two events, the size of an amendment.
    fn is_batch(&self, events: usize) -> bool {
        u64::try_from(events).is_ok_and(|events| events >= self.events_max)
    }

    /// The same submission again, from the same rows, where the journal says that it began.
    fn rebuild(&mut self, signed: SignedRecord) -> Result<Prepared> {
        let note = Note::parse(signed.note.as_bytes())
            .context("the journal has a note that does not read")?;
        let submission = Submission::parse(note.text())
            .context("the journal has a submission that does not read")?;
        let place = (submission.origin, submission.issuer, submission.stream);
        let position =
            Position { next_sequence: submission.first_sequence, previous: submission.previous };
        let mut drafter = Drafter::new(place, position, submission.events, &self.secret);
        let mut gathered = Gathered::new(self.occurrences.rows.read());
        while self.occurrences.rows.read().rows < signed.rows_to {
            // Whatever is wrong with a row now was not wrong when it was signed.
            let Ok(Some((line, occurrence, read))) = self.occurrences.next() else { break };
            if drafter.push(&occurrence).is_err() {
                break;
            }
            gathered.add(line, &occurrence, read);
        }
        let draft = drafter.cut(&self.key).filter(|draft| draft.note.text() == note.text());
        let draft = draft.ok_or_else(|| changed_rows(&signed, &self.input.1))?;
        self.position = drafter.position().clone();
        let mut prepared = gathered.prepare(draft, signed.input);
        // The signature that was journaled goes out, whatever key is used today.
        prepared.request.submission = note.to_string().into_bytes().into();
        Ok(Prepared { signed, note, is_journaled: true, ..prepared })
    }
}

fn changed_rows(signed: &SignedRecord, input: &std::path::Path) -> Failure {
    let message = format!(
        "rows {} to {} of {} were signed and perhaps sent, and cannot be rebuilt as they were",
        signed.rows_from + 1,
        signed.rows_to,
        input.display()
    );
    Failure::refused(message).next(
        "restore these rows, the files that they name, and client.secret beside the journal; to sign \
         others in their place would contradict what may be logged",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use witness_core::{hash::Hash, key::SignatureType};

    use super::{super::prepared::or_end, super::rows::Format, *};

    const ISSUER: &str = "aws.training";

    fn drafting(rows: &str, pending: Vec<SignedRecord>) -> Drafting {
        let name = |text| Name::parse(text).unwrap();
        let origin = Origin::parse("witness.example/log1").unwrap();
        let rows = Rows::new(Box::new(Cursor::new(rows.to_owned())), Format::Csv).unwrap();
        let defaults = Defaults {
            claim_type: Some(name("cert")),
            change: None,
            occurred_at: Some(0),
            folder: PathBuf::new(),
            meta: None,
        };
        Drafting {
            occurrences: Occurrences { rows, defaults },
            input: (0, "rows.csv".into()),
            pending: pending.into(),
            position: Position { next_sequence: 7, previous: Hash::ZERO },
            place: (origin, Domain::parse(ISSUER).unwrap(), name("main")),
            events_max: 3,
            secret: ClientSecret::new([1; 32]),
            key: SigningKey::from_seed(ISSUER, SignatureType::Ed25519, &[2; 32]).unwrap(),
        }
    }

    fn all(drafting: Drafting) -> (Vec<Prepared>, Option<String>) {
        let mut receiver = drafting.start().unwrap();
        let mut prepared = Vec::new();
        loop {
            match or_end(receiver.blocking_recv()) {
                Ok(next) => prepared.push(next),
                Err(ended) => return (prepared, ended.err().map(|error| error.to_string())),
            }
        }
    }

    fn rows(count: usize) -> String {
        let hash = |n: usize| Hash::of(&n.to_be_bytes()).to_hex();
        let mut text = "document,change,replaces\n".to_owned();
        for n in 0..count {
            // Every fourth row is an amendment, which makes two events.
            let line = if n % 4 == 3 {
                format!("{},amended,{}\n", hash(n), hash(n - 1))
            } else {
                format!("{},issued,\n", hash(n))
            };
            text.push_str(&line);
        }
        text
    }

    #[test]
    fn submissions_are_contiguous_and_keep_pairs_together() {
        let (prepared, error) = all(drafting(&rows(8), Vec::new()));
        assert_eq!(error, None);
        let cut: Vec<_> = prepared.iter().map(|it| (it.signed.first, it.signed.events)).collect();
        assert_eq!(cut, [(7, 3), (10, 3), (13, 2), (15, 2)]);
        let rows: Vec<_> =
            prepared.iter().map(|it| (it.signed.rows_from, it.signed.rows_to)).collect();
        assert_eq!(rows, [(0, 3), (3, 5), (5, 7), (7, 8)]);
        assert_eq!(prepared.first().unwrap().lines, [2, 3, 4]);
        assert_eq!(prepared.last().unwrap().lines, [9, 9]);
    }

    #[test]
    fn what_was_signed_is_rebuilt_as_it_was_and_the_rest_goes_on_after_it() {
        let (first_run, _) = all(drafting(&rows(8), Vec::new()));
        let pending = first_run.iter().take(2).map(|it| it.signed.clone()).collect();
        let (second_run, error) = all(drafting(&rows(8), pending));
        assert_eq!(error, None);
        let notes = |run: &[Prepared]| run.iter().map(|it| it.note.to_string()).collect::<Vec<_>>();
        assert_eq!(notes(&first_run), notes(&second_run));
        let journaled: Vec<bool> = second_run.iter().map(|it| it.is_journaled).collect();
        assert_eq!(journaled, [true, true, false, false]);
        assert_eq!(first_run.first().unwrap().request, second_run.first().unwrap().request);
    }

    #[test]
    fn nothing_is_sent_in_place_of_what_was_signed() {
        let (first_run, _) = all(drafting(&rows(8), Vec::new()));
        let pending = || first_run.iter().take(1).map(|it| it.signed.clone()).collect();
        let changed = rows(8).replacen("issued", "deleted", 1);
        let cases = [
            drafting(&changed, pending()),
            drafting(&rows(2), pending()),
            Drafting { secret: ClientSecret::new([9; 32]), ..drafting(&rows(8), pending()) },
        ];
        for case in cases {
            let (prepared, error) = all(case);
            assert!(prepared.is_empty());
            assert!(error.unwrap().contains("cannot be rebuilt"));
        }
    }

    #[test]
    fn a_panic_while_drafting_is_no_end_of_the_rows() {
        struct Broken;
        impl std::io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                panic!("as a fault in drafting would")
            }
        }
        let rows = Rows::new(Box::new(Broken), Format::Ndjson).unwrap();
        let mut broken = drafting(&self::rows(1), Vec::new());
        broken.occurrences.rows = rows;
        let (prepared, error) = all(broken);
        assert!(prepared.is_empty());
        assert!(error.unwrap().contains("broke off"));
    }

    #[test]
    fn the_rows_before_a_wrong_one_are_sent() {
        let wrong = format!("{}nonsense,issued,\n", rows(4));
        let (prepared, error) = all(drafting(&wrong, Vec::new()));
        assert_eq!(prepared.iter().map(|it| it.signed.events).sum::<u64>(), 5);
        assert!(error.unwrap().starts_with("line 6: "));
    }

    #[test]
    fn the_rows_before_one_that_cannot_be_drafted_are_sent_and_no_half_of_it() {
        let hash = |text: &str| Hash::of(text.as_bytes()).to_hex();
        let good = format!("document,change,replaces,details.a\n{},issued,,b\n", hash("1"));
        let (one, pair) = (
            format!("{good}{},issued,,\u{e9}\n", hash("2")),
            format!("{good}{},amended,{},\u{e9}\n", hash("2"), hash("1")),
        );
        for wrong in [one, pair] {
            let (prepared, error) = all(drafting(&wrong, Vec::new()));
            let cut: Vec<_> =
                prepared.iter().map(|it| (it.signed.events, it.signed.rows_to)).collect();
            assert_eq!(cut, [(1, 1)]);
            assert!(error.unwrap().starts_with("line 3: "));
        }
    }
}
