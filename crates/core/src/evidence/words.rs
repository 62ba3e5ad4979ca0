//! The verdict in plain sentences, the same for command line and page. No document hash is among them.

use alloc::{format, string::String, vec::Vec};

use super::{
    anchored::{Anchored, Belief, RolledUp},
    verdict::{
        Cosigned, Details, EventFacts, KnownRevocations, NotProved, Offboarded, Published,
        SignedBy, Verdict,
    },
};
use crate::{registry::Recovery, time::rfc3339};

impl Verdict {
    /// The verdict in plain sentences: first what is proved, item by item and event by event, then what is
    /// not. Lines about an event are indented.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (number, item) in (1..).zip(&self.items) {
            let last = item.last().map_or("nothing".into(), |event| event.change.words());
            let (issuer, count) = (&item.issuer, item.events.len());
            let which = match count {
                1 => "its one event in this file".into(),
                _ => format!("the last of its {count} events in this file"),
            };
            let beyond = if item.is_last_known() {
                ""
            } else {
                "; a later one was erased, so how the document stands beyond that is not known"
            };
            lines.push(format!("document {number}, of {issuer}: {last}, {which}{beyond}"));
            lines.extend(item.offboarded.map(|offboarded| {
                let Offboarded { index, received_at } = offboarded;
                format!(
                    "{issuer} was offboarded later, at index {index}, received at {received_at}: nothing more of it \
                     is logged, and what was logged before counts as it did"
                )
            }));
            for event in &item.events {
                lines.push(format!(
                    "{}: {}, as {}",
                    event.sequence,
                    event.change.words(),
                    event.claim_type
                ));
                lines.extend(self.event(event).into_iter().map(|line| format!("  {line}")));
            }
            for erased in &item.erased {
                lines.push(format!("{}: erased", erased.sequence));
                let facts = erased.lines(self.origin.as_str());
                lines.extend(facts.into_iter().map(|line| format!("  {line}")));
            }
        }
        lines.extend(self.unchecked.iter().map(|it| format!("not checked: {}", it.what)));
        lines.extend(self.not_proved.iter().map(|it| format!("not proved: {}", it.sentence())));
        lines
    }

    fn event(&self, event: &EventFacts) -> Vec<String> {
        let (index, received_at) = (event.logged.index, event.logged.received_at);
        let mut lines = Vec::from([
            format!("occurred at {}, by the issuer's word", rfc3339(event.occurred_at)),
            format!(
                "signed by {}, in stream {} as number {}",
                event.signed.key, event.stream, event.sequence
            ),
        ]);
        lines.extend(signed(&event.signed));
        lines
            .push(format!("logged in {} at index {index}, received at {received_at}", self.origin));
        lines.push(published(event.published, event));
        lines.push(cosigned(event.cosigned.as_ref()));
        lines.push(rolled_up(event.rolled_up));
        lines.extend(anchored(event.anchored.as_ref()));
        lines.push(match event.details {
            Details::None => "has no details".into(),
            Details::Proved => "its details are in this file, as the issuer signed them".into(),
            Details::Withheld => "its details are not in this file".into(),
        });
        lines
    }
}

pub(super) fn signed(signed: &SignedBy) -> Vec<String> {
    let (index, sequence) = (signed.added_index, signed.added_sequence);
    let mut lines =
        Vec::from([format!("the key was added at index {index}, registry change {sequence}")]);
    match signed.recovery {
        Recovery::Yes => lines
            .push("the key was added as a recovery, without a living key of the issuer".into()),
        Recovery::No => {}
        Recovery::Unknown => lines.push(
            "the key may have been added as a recovery: whether it is the issuer's first is not known"
                .into(),
        ),
    }
    if let Some(revoked) = signed.revoked {
        let (index, as_of) = (revoked.index, revoked.as_of);
        let word = if revoked.suspect {
            ": this signature is suspect"
        } else {
            ", after this was received"
        };
        lines.push(format!("the key was revoked later, at index {index}, as of {as_of}{word}"));
    }
    lines.push(match signed.revocations {
        KnownRevocations::Complete => {
            "every registry change before it, by the log's own count, is in this file".into()
        }
        KnownRevocations::NotesInFile => "only some registry changes are in this file".into(),
    });
    lines
}

fn published(published: Option<Published>, event: &EventFacts) -> String {
    match published {
        Some(Published { at, size }) => {
            format!("published under the checkpoint of size {size} at {at}")
        }
        None => format!(
            "not published: the checkpoint of size {} bears no signed time",
            event.logged.size
        ),
    }
}

fn cosigned(cosigned: Option<&Cosigned>) -> String {
    let Some(Cosigned { by, newest, of, oldest, quorum }) = cosigned else {
        return "not cosigned by anybody whom the policy knows".into();
    };
    let (count, by) = (by.len(), by.join(", "));
    let met = if *quorum { "the quorum is met" } else { "the quorum is not met" };
    format!("cosigned by {count} of {of} ({by}), from {oldest} to {newest}: {met}")
}

fn rolled_up(rolled_up: Option<RolledUp>) -> String {
    match rolled_up {
        Some(RolledUp { sequence, size, .. }) => {
            format!("rolled up as number {sequence}, under the checkpoint of size {size}")
        }
        None => "not rolled up".into(),
    }
}

fn anchored(anchored: Option<&Anchored>) -> Vec<String> {
    let Some(anchored) = anchored else { return Vec::from(["not anchored".into()]) };
    let Anchored { at, block_hash, block_number, contract, not_after, sequence, .. } = anchored;
    let why = match anchored.believed_by {
        Belief::Policy => "the policy names the block",
        Belief::Rpc => "a node of the chain shows the block",
        Belief::Reader => "whoever reads this gave the block",
    };
    let mut lines = Vec::from([format!(
        "anchored as number {sequence} of {contract} in block {block_number} ({block_hash}) of {at}, believed because {why}"
    )]);
    if anchored.late {
        lines.push("anchored late: longer after its receipt than the policy allows".into());
    }
    if let Some(not_before) = anchored.not_before {
        lines.push(format!(
            "the time of receipt is borne out by the chain: between {not_before} and {not_after}"
        ));
    } else {
        lines.push(format!("the time of receipt is borne out by the chain: not after {not_after}"));
        lines.push("no lower bound: no earlier anchored checkpoint is in this file".into());
    }
    lines
}

impl NotProved {
    /// The plain sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Truth => "what the document says, that it is true, or who rightly holds it",
            Self::Occurrence => "when something happened, other than by the issuer's word",
            Self::Completeness => {
                "that these are all events of the document: the file makes no statement of it"
            }
            Self::FirmKeys => "that no later note of the firm had ended these keys",
            Self::LaterRevocation => {
                "that the issuer did not revoke its key after this file was made: newer evidence would say so"
            }
            Self::Revocations => {
                "that the issuer's key had not been revoked by a registry change that is not in this file"
            }
            Self::SameForAll => {
                "that the log shows everybody the same: no quorum of cosigners saw it"
            }
            Self::Times => {
                "that the firm did not make up its times: something here is not anchored on a chain"
            }
            Self::Earliest => {
                "that nothing was dated back: no anchored checkpoint from before it is in this file"
            }
            Self::ErasedDocument => {
                "that what was erased was of the document: its place is logged, and the rest is the firm's word"
            }
            Self::State => {
                "how a document stands: an event after the last one in this file was erased"
            }
        }
    }
}
