//! What a verdict says of events whose texts were erased: that something is logged at a place, and that the firm
//! erased it. What it was, nobody can tell any more; that it was of the document is the firm's word.

use alloc::{format, string::String, vec::Vec};

use serde::{Serialize, Serializer};

use super::{
    anchored::Anchored,
    verdict::{Cosigned, ItemFacts, Logged, SignedBy, shown},
    words::signed,
};
use crate::{erasure::Reason, name::Name};

/// What is proved of an event that was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasedFacts {
    /// Its submission: committed on a chain, in a block that somebody believes to be there.
    pub anchored: Option<Anchored>,
    /// Its submission: countersigned by cosigners that the policy knows.
    pub cosigned: Option<Cosigned>,
    /// That it was erased.
    pub erasure: ErasureFacts,
    /// Where and when its submission was logged.
    pub logged: Logged,
    /// Sequence number of the event in its stream.
    #[serde(serialize_with = "shown")]
    pub sequence: u64,
    /// Under whose signature.
    pub signed: SignedBy,
    /// The stream.
    #[serde(serialize_with = "shown")]
    pub stream: Name,
}

/// What is proved of an erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasureFacts {
    /// Committed on a chain, in a block that somebody believes to be there.
    pub anchored: Option<Anchored>,
    /// Countersigned by cosigners that the policy knows.
    pub cosigned: Option<Cosigned>,
    /// Where and when the firm logged that it had erased the event.
    pub logged: Logged,
    /// Why, by the firm's word.
    #[serde(serialize_with = "word")]
    pub reason: Reason,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn word<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.word())
}

impl ItemFacts {
    /// Whether the last event in the file is the last one that the file knows of. If not, a later one was erased, which
    /// was of the document by the firm's word: how the document stands beyond [`Self::last`] is not known.
    #[must_use]
    pub fn is_last_known(&self) -> bool {
        let last = self.last().map(|event| (event.logged.index, event.sequence));
        self.erased.iter().all(|erased| Some((erased.logged.index, erased.sequence)) < last)
    }
}

impl ErasedFacts {
    /// The facts in plain sentences.
    pub(super) fn lines(&self, origin: &str) -> Vec<String> {
        let Self { erasure, logged, sequence, signed: by, stream, .. } = self;
        let mut lines = Vec::from([format!(
            "an event was signed by {}, in stream {stream} as number {sequence}",
            by.key
        )]);
        lines.extend(signed(by));
        lines.push(format!(
            "logged in {origin} at index {}, received at {}",
            logged.index, logged.received_at
        ));
        lines.push(format!(
            "its text was erased, as the firm logged at index {}, received at {}, for this reason: {}",
            erasure.logged.index,
            erasure.logged.received_at,
            erasure.reason.word()
        ));
        lines.push("that it was of this document is the firm's word".into());
        lines
    }
}

/// What an entry is borne out by, on which a fact of an item rests.
pub(super) struct Borne<'a> {
    pub(super) anchored: Option<&'a Anchored>,
    pub(super) cosigned: Option<&'a Cosigned>,
    /// Nobody but the firm signs an erasure.
    pub(super) signed: Option<&'a SignedBy>,
}

impl ItemFacts {
    /// What each entry is borne out by: those of the events, of the erased ones and of their erasures.
    pub(super) fn borne(&self) -> impl Iterator<Item = Borne<'_>> {
        let events = self.events.iter().map(|event| Borne {
            anchored: event.anchored.as_ref(),
            cosigned: event.cosigned.as_ref(),
            signed: Some(&event.signed),
        });
        let erased = self.erased.iter().map(|erased| Borne {
            anchored: erased.anchored.as_ref(),
            cosigned: erased.cosigned.as_ref(),
            signed: Some(&erased.signed),
        });
        let erasures = self.erased.iter().map(|erased| Borne {
            anchored: erased.erasure.anchored.as_ref(),
            cosigned: erased.erasure.cosigned.as_ref(),
            signed: None,
        });
        events.chain(erased).chain(erasures)
    }
}
