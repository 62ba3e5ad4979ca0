//! What the firm has logged as conflicts, held against the submissions that are logged.
//!
//! What must hold: an issuer is convicted by what it signed alone. The log says only that a note was taken for a
//! contradiction.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use witness_core::{
    audit::findings::{Finding, Found, Place, Rule},
    hash::Hash,
    merkle::LeafIndex,
    submission::{IssuerNote, Submission},
};

use super::{notes::Wanted, report::Report};

/// A note that was logged as a conflict.
#[derive(Debug)]
struct Logged {
    index: LeafIndex,
    events: u64,
    root: Hash,
    text_hash: Hash,
}

/// All conflicts in the scope, by stream and first sequence number.
#[derive(Debug, Default)]
pub(super) struct Conflicts(BTreeMap<(u32, u64), Vec<Logged>>);

/// What a conflict turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// The submission in this entry is the same text.
    Same(LeafIndex),
    /// The submission in this entry has the same range, and another root.
    OtherRoot(LeafIndex),
}

/// What was found out about conflicts: of each entry.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Those that their issuers have signed.
    pub(super) signed: BTreeSet<LeafIndex>,
    against: BTreeMap<LeafIndex, Against>,
}

impl Compared {
    pub(super) fn add(&mut self, more: Self) {
        self.signed.extend(more.signed);
        self.against.extend(more.against);
    }
}

impl Conflicts {
    /// Takes a conflict of a stream in the scope.
    pub(super) fn take(&mut self, stream: u32, index: LeafIndex, note: &IssuerNote<Submission>) {
        let Submission { first_sequence, events, root, .. } = note.body;
        let logged = Logged { index, events, root, text_hash: note.text_hash };
        self.0.entry((stream, first_sequence)).or_default().push(logged);
    }

    /// Holds a logged submission, which its issuer has signed, against all conflicts of its range.
    pub(super) fn compare(&self, wanted: &Wanted, text_hash: &Hash, compared: &mut Compared) {
        let Submission { first_sequence, events, root, .. } = &wanted.submission;
        let conflicts = self.0.get(&(wanted.stream, *first_sequence));
        for conflict in conflicts.into_iter().flatten() {
            let against = if conflict.text_hash == *text_hash {
                Against::Same(wanted.index)
            } else if conflict.events == *events && conflict.root != *root {
                Against::OtherRoot(wanted.index)
            } else {
                continue;
            };
            compared.against.insert(conflict.index, against);
        }
    }

    /// Says what all of them come to.
    pub(super) fn report(&self, compared: &Compared, report: &mut Report<'_>) -> Result<()> {
        for ((stream, first), conflict) in
            self.0.iter().flat_map(|(key, all)| all.iter().map(move |it| (key, it)))
        {
            // Of what its issuer has not signed only that is said.
            if !compared.signed.contains(&conflict.index) {
                continue;
            }
            let (stream, first_sequence, index) = (*stream, *first, conflict.index);
            let place = Place::Submission { stream, sequence: first_sequence, index };
            let against = match compared.against.get(&index) {
                Some(Against::Same(logged)) => {
                    let why = format!(
                        "it is logged as a conflict, and is the submission of entry {logged} itself"
                    );
                    report.broken(Rule::Entry, place, why)?;
                    continue;
                }
                Some(Against::OtherRoot(logged)) => Some(*logged),
                None => None,
            };
            let found = Found::Conflict { first_sequence, events: conflict.events, against };
            report.find(Finding { place, found }, None)?;
        }
        Ok(())
    }
}
