//! Anomalies: what is odd about an event. Odd truths are recorded and flagged, never refused.

use alloc::vec::Vec;

use crate::{
    event::{Change, Event, StatusClass},
    schema::ChangeKind,
    time::Timestamp,
};

/// An occurrence is in the future if it lies more than this beyond the time of receipt.
pub const FUTURE_TOLERANCE_US: i64 = 5 * 60 * 1_000_000;
/// An event of a live stream is late if it occurred more than this before its receipt.
pub const LATE_AFTER_US: i64 = 7 * 24 * 3600 * 1_000_000;

/// One kind of oddity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A change to a hash that was never issued.
    NeverIssued,
    /// Issued although it is known and not deleted.
    IssuedAgain,
    /// A change after a deletion, other than a restoration.
    AfterDeletion,
    /// Restored although it was not deleted.
    NotDeleted,
    /// A change after the record went on under another hash.
    AfterReplacement,
    /// An affirming status after a punitive one, with no other verdict in between.
    RevocationUndone,
    /// It is said to have occurred after it was received.
    FutureOccurrence,
    /// It is said to have occurred long before it was received, in a stream that is not a back-fill.
    LateReport,
}

impl Anomaly {
    /// All anomalies; the n-th is bit n of a stored set, so the order is for ever.
    pub const ALL: [Self; 8] = [
        Self::NeverIssued,
        Self::IssuedAgain,
        Self::AfterDeletion,
        Self::NotDeleted,
        Self::AfterReplacement,
        Self::RevocationUndone,
        Self::FutureOccurrence,
        Self::LateReport,
    ];

    /// The word in receipts, histories and audits.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NeverIssued => "never-issued",
            Self::IssuedAgain => "issued-again",
            Self::AfterDeletion => "after-deletion",
            Self::NotDeleted => "not-deleted",
            Self::AfterReplacement => "after-replacement",
            Self::RevocationUndone => "revocation-undone",
            Self::FutureOccurrence => "future-occurrence",
            Self::LateReport => "late-report",
        }
    }
}

/// A set of anomalies, as it is stored: bit n is the n-th of [`Anomaly::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Anomalies(pub u16);

impl Anomalies {
    /// Adds one.
    pub fn insert(&mut self, anomaly: Anomaly) {
        let bit = Anomaly::ALL.iter().position(|other| *other == anomaly).unwrap_or(15);
        self.0 |= 1 << bit;
    }

    /// The same without one.
    #[must_use]
    pub fn without(self, anomaly: Anomaly) -> Self {
        let mut one = Self::default();
        one.insert(anomaly);
        Self(self.0 & !one.0)
    }

    /// Whether nothing is odd.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The anomalies, in their order.
    #[must_use]
    pub fn to_vec(self) -> Vec<Anomaly> {
        (0..).zip(Anomaly::ALL).filter(|(bit, _)| self.0 >> bit & 1 == 1).map(|(_, a)| a).collect()
    }
}

/// What a document is after its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Issued, or the new hash of an amendment.
    Issued,
    /// Went on under another hash.
    Replaced,
    /// The issuer's last status is of this class.
    Status(StatusClass),
    /// The issuer's endpoint answers 404.
    Deleted,
    /// It answers again.
    Restored,
}

/// What the standing of a document takes of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The kind of change.
    pub kind: ChangeKind,
    /// The class of the status, if one was given.
    pub class: Option<StatusClass>,
}

impl From<&Change> for Turn {
    fn from(change: &Change) -> Self {
        let class = match change {
            Change::Status { class, .. } => Some(*class),
            Change::Issued
            | Change::Replaced { .. }
            | Change::Amended { .. }
            | Change::Deleted
            | Change::Restored => None,
        };
        Self { kind: change.kind(), class }
    }
}

impl Turn {
    /// Whether a hash begins with it.
    #[must_use]
    pub fn is_new(self) -> bool {
        matches!(self.kind, ChangeKind::Issued | ChangeKind::Amended)
    }

    fn state(self) -> State {
        match self.kind {
            ChangeKind::Issued | ChangeKind::Amended => State::Issued,
            ChangeKind::Replaced => State::Replaced,
            ChangeKind::Status => State::Status(self.class.unwrap_or(StatusClass::Other)),
            ChangeKind::Deleted => State::Deleted,
            ChangeKind::Restored => State::Restored,
        }
    }
}

/// What is known of a document after an event: as much as the next one is judged by. Stored as one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    state: State,
    /// A punitive status stands behind the state: nothing affirmed the document since. Never set where the
    /// state itself says so, or begins anew.
    after_punitive: bool,
}

/// Bit of the stored byte for `after_punitive`; bytes from before it existed lack it.
const AFTER_PUNITIVE: u8 = 0x20;

impl Standing {
    /// What an event makes of a document.
    #[must_use]
    pub fn after(before: Option<Self>, change: &Change) -> Self {
        Self::after_turn(before, Turn::from(change))
    }

    /// What a turn makes of a document.
    #[must_use]
    pub fn after_turn(before: Option<Self>, turn: Turn) -> Self {
        let state = turn.state();
        let was_punitive = before.is_some_and(Self::is_punitive);
        Self { state, after_punitive: was_punitive && carries(state) }
    }

    /// What the last event made of the document.
    #[must_use]
    pub fn state(self) -> State {
        self.state
    }

    /// Whether the last word on blame was punitive, whatever came after it.
    fn is_punitive(self) -> bool {
        self.after_punitive || self.state == State::Status(StatusClass::Punitive)
    }

    /// The stored byte.
    #[must_use]
    pub fn to_byte(self) -> u8 {
        let state = match self.state {
            State::Issued => 0,
            State::Replaced => 1,
            State::Deleted => 2,
            State::Restored => 3,
            State::Status(class) => {
                let number = StatusClass::ALL.iter().position(|other| *other == class).unwrap_or(5);
                16 + u8::try_from(number).unwrap_or(5)
            }
        };
        if self.after_punitive { state | AFTER_PUNITIVE } else { state }
    }

    /// Reads the stored byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        let after_punitive = byte & AFTER_PUNITIVE != 0;
        let state = match byte & !AFTER_PUNITIVE {
            0 => State::Issued,
            1 => State::Replaced,
            2 => State::Deleted,
            3 => State::Restored,
            status => State::Status(*StatusClass::ALL.get(usize::from(status.checked_sub(16)?))?),
        };
        (!after_punitive || carries(state)).then_some(Self { state, after_punitive })
    }
}

/// Whether a punitive status stays behind a state: it takes an affirming one to undo it, and a new issue or
/// another hash to begin anew.
fn carries(state: State) -> bool {
    match state {
        State::Deleted
        | State::Restored
        | State::Status(
            StatusClass::Administrative
            | StatusClass::Replaced
            | StatusClass::Paused
            | StatusClass::Other,
        ) => true,
        State::Issued
        | State::Replaced
        | State::Status(StatusClass::Affirming | StatusClass::Punitive) => false,
    }
}

/// What is odd about a turn of a document, whenever it was.
#[must_use]
pub fn anomalies_of_turn(turn: Turn, before: Option<Standing>) -> Anomalies {
    let mut found = Anomalies::default();
    let state = before.map(Standing::state);
    match state {
        None if !turn.is_new() => found.insert(Anomaly::NeverIssued),
        Some(State::Deleted) if turn.kind != ChangeKind::Restored => {
            found.insert(Anomaly::AfterDeletion);
        }
        Some(_) if turn.is_new() => found.insert(Anomaly::IssuedAgain),
        Some(State::Replaced) if turn.kind != ChangeKind::Deleted => {
            found.insert(Anomaly::AfterReplacement);
        }
        _ => {}
    }
    let was_deleted = state.is_none_or(|state| state == State::Deleted);
    if turn.kind == ChangeKind::Restored && !was_deleted {
        found.insert(Anomaly::NotDeleted);
    }
    let affirms = turn.class == Some(StatusClass::Affirming);
    if affirms && before.is_some_and(Standing::is_punitive) {
        found.insert(Anomaly::RevocationUndone);
    }
    found
}

/// What is odd about an event, given what was known of its document before, in log order.
#[must_use]
pub fn anomalies(
    event: &Event,
    before: Option<Standing>,
    received_at: Timestamp,
    back_fill: bool,
) -> Anomalies {
    let mut found = anomalies_of_turn(Turn::from(&event.change), before);
    let received = received_at.signed_micros();
    if event.occurred_at > received.saturating_add(FUTURE_TOLERANCE_US) {
        found.insert(Anomaly::FutureOccurrence);
    }
    if !back_fill && event.occurred_at < received.saturating_sub(LATE_AFTER_US) {
        found.insert(Anomaly::LateReport);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Salt, Status},
        hash::{DocumentHash, Hash},
        name::Name,
    };

    fn status(class: StatusClass) -> Change {
        Change::Status { class, status: Status::parse("word").unwrap() }
    }

    /// What is odd about the last of these changes of one document.
    fn last(changes: &[Change]) -> Vec<Anomaly> {
        let (mut before, mut found) = (None, Vec::new());
        for change in changes {
            let event = Event {
                salt: Salt([7; 16]),
                document: DocumentHash(Hash::of(b"document")),
                change: change.clone(),
                claim_type: Name::parse("skill-module").unwrap(),
                occurred_at: 0,
                details: None,
            };
            found = anomalies(&event, before, Timestamp::EPOCH, false).to_vec();
            before = Some(Standing::after(before, change));
        }
        found
    }

    #[test]
    fn a_revocation_undone_is_flagged_whatever_stands_in_between() {
        use StatusClass::{Administrative, Affirming, Other, Paused, Punitive, Replaced};
        let between: [&[Change]; 6] = [
            &[],
            &[Change::Deleted, Change::Restored],
            &[status(Administrative)],
            &[status(Paused), Change::Deleted, Change::Restored, status(Other)],
            &[status(Replaced), Change::Restored],
            &[status(Punitive), status(Administrative)],
        ];
        for between in between {
            let changes =
                [&[Change::Issued, status(Punitive)], between, &[status(Affirming)]].concat();
            assert_eq!(last(&changes), [Anomaly::RevocationUndone], "{between:?}");
            let again = [changes.as_slice(), &[status(Affirming)]].concat();
            assert_eq!(last(&again), [], "it was undone before");
        }
        let deleted = [Change::Issued, status(Punitive), Change::Deleted, status(Affirming)];
        assert_eq!(last(&deleted), [Anomaly::AfterDeletion, Anomaly::RevocationUndone]);
        let anew = [Change::Issued, status(Punitive), Change::Issued, status(Affirming)];
        assert_eq!(last(&anew), []);
        assert_eq!(last(&[Change::Issued, status(Other), status(Affirming)]), []);
    }

    #[test]
    fn a_stored_standing_reads_back_and_the_bytes_of_old_stay_what_they_were() {
        let standings: Vec<Standing> = (0..=u8::MAX).filter_map(Standing::from_byte).collect();
        assert_eq!(standings.len(), 10 + 6, "four, six classes, and six of all with the bit");
        for byte in 0..=u8::MAX {
            let standing = Standing::from_byte(byte);
            assert!(standing.is_none_or(|standing| standing.to_byte() == byte), "{byte}");
        }
        let old = [State::Issued, State::Replaced, State::Deleted, State::Restored]
            .into_iter()
            .zip(0..)
            .chain(StatusClass::ALL.map(State::Status).into_iter().zip(16..));
        for (state, byte) in old {
            let standing = Standing { state, after_punitive: false };
            assert_eq!(Standing::from_byte(byte), Some(standing));
        }
    }
}
