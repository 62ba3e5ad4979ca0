//! Events: one thing that happened to one document hash. Their bytes are the leaves of a submission's tree.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
};
use core::fmt;

use crate::{
    encoding,
    hash::{DocumentHash, Hash},
    name::Name,
    schema::ChangeKind,
    text::{Lines, Malformed, lines, signed_decimal},
};

const FORMAT: &str = "witness-event/v1";

/// Longest event, in bytes.
pub const EVENT_BYTES_MAX: usize = 1024;

/// Sixteen bytes that keep anybody from guessing an event or its details from its hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    /// Decodes padded base64 of sixteen bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        encoding::from_base64(text)?.try_into().ok().map(Self)
    }
}

/// Hidden: whoever has the salt can test guesses.
impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(hidden)")
    }
}

/// The coarse class of a status, given by the issuer: for statistics and search, never a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusClass {
    /// The issuer stands behind the document.
    Affirming,
    /// It does not any more, without blame.
    Administrative,
    /// It does not any more, for cause.
    Punitive,
    /// Another document stands in its place.
    Replaced,
    /// Paused by the document's subject.
    Paused,
    /// Anything else.
    Other,
}

impl StatusClass {
    /// All classes.
    pub const ALL: [Self; 6] = [
        Self::Affirming,
        Self::Administrative,
        Self::Punitive,
        Self::Replaced,
        Self::Paused,
        Self::Other,
    ];

    /// The word in texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Affirming => "affirming",
            Self::Administrative => "administrative",
            Self::Punitive => "punitive",
            Self::Replaced => "replaced",
            Self::Paused => "paused",
            Self::Other => "other",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }

    /// The class of a well-known status where the issuer gave none (Live Verify, "Verification Response
    /// Format"); an unknown status is never guessed to be punitive.
    #[must_use]
    pub fn default_of(status: &str) -> Self {
        match status.to_ascii_uppercase().as_str() {
            "VERIFIED" | "VALID" | "EXPIRING_SOON" => Self::Affirming,
            "EXPIRED" | "LAPSED" | "ON_LEAVE" | "CONTRACTOR_ENDED" | "OFF_DUTY"
            | "NOT_SCHEDULED" | "AUDIT_PENDING" => Self::Administrative,
            "REVOKED" | "SUSPENDED" | "DISBARRED" => Self::Punitive,
            "SUPERSEDED" | "AMENDED" => Self::Replaced,
            "PAUSED_BY_SUBJECT" => Self::Paused,
            _ => Self::Other,
        }
    }
}

/// A status of the issuer's, verbatim: `[A-Za-z0-9][A-Za-z0-9 _-]{0,49}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status(String);

impl Status {
    /// Takes the status if it follows the rule.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest_is_allowed =
            text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'_' | b'-'));
        let begins_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        (begins_well && rest_is_allowed && text.len() <= 50).then(|| Self(text.to_owned()))
    }

    /// The status, verbatim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new hash.
    Issued,
    /// The old hash of a record that goes on under a new one, which is not named.
    Replaced {
        /// Equal in both events of the pair, and meaningless elsewhere.
        link: Hash,
    },
    /// The new hash of such a record.
    Amended {
        /// Equal in both events of the pair.
        link: Hash,
    },
    /// The issuer says something new of the same hash.
    Status {
        /// Its class.
        class: StatusClass,
        /// The status itself.
        status: Status,
    },
    /// The issuer's endpoint now answers 404.
    Deleted,
    /// It answers again.
    Restored,
}

impl Change {
    /// The kind of change, without its particulars.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Issued => ChangeKind::Issued,
            Self::Replaced { .. } => ChangeKind::Replaced,
            Self::Amended { .. } => ChangeKind::Amended,
            Self::Status { .. } => ChangeKind::Status,
            Self::Deleted => ChangeKind::Deleted,
            Self::Restored => ChangeKind::Restored,
        }
    }

    /// The status that it gives, with its class; none, if it gives none.
    #[must_use]
    pub fn status(&self) -> Option<(StatusClass, &Status)> {
        match self {
            Self::Status { class, status } => Some((*class, status)),
            Self::Issued
            | Self::Replaced { .. }
            | Self::Amended { .. }
            | Self::Deleted
            | Self::Restored => None,
        }
    }

    /// In words for people. Links are of no use to a reader.
    #[must_use]
    pub fn words(&self) -> String {
        match self.status() {
            Some((class, status)) => format!("status {} ({})", status.as_str(), class.word()),
            None => self.kind().word().to_string(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            None => match text {
                "issued" => Some(Self::Issued),
                "deleted" => Some(Self::Deleted),
                "restored" => Some(Self::Restored),
                _ => None,
            },
            Some(("replaced", link)) => Some(Self::Replaced { link: Hash::from_hex(link)? }),
            Some(("amended", link)) => Some(Self::Amended { link: Hash::from_hex(link)? }),
            Some(("status", rest)) => {
                let (class, status) = rest.split_once(' ')?;
                Some(Self::Status {
                    class: StatusClass::parse(class)?,
                    status: Status::parse(status)?,
                })
            }
            Some(_) => None,
        }
    }

    fn encode(&self) -> String {
        match self {
            Self::Issued | Self::Deleted | Self::Restored => self.kind().word().to_string(),
            Self::Replaced { link } | Self::Amended { link } => {
                format!("{} {}", self.kind().word(), link.to_hex())
            }
            Self::Status { class, status } => {
                format!("status {} {}", class.word(), status.as_str())
            }
        }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Hides all the rest from whoever sees only the leaf hash.
    pub salt: Salt,
    /// The document.
    pub document: DocumentHash,
    /// What happened to it.
    pub change: Change,
    /// The kind of document, which fixes the schema of the details.
    pub claim_type: Name,
    /// When it happened, by the issuer's word: microseconds since the epoch, may be negative.
    pub occurred_at: i64,
    /// SHA-256 of the details, which travel and are kept apart.
    pub details: Option<Hash>,
}

impl Event {
    /// Parses an event of at most 1 KiB.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut lines = Lines::open(FORMAT, bytes, EVENT_BYTES_MAX)?;
        let salt = lines.parse("a salt, 16 bytes in base64", Salt::parse)?;
        let document = lines.parse("`sha256` and 64 lower-case hexadecimal digits", |line| {
            Hash::from_hex(line.strip_prefix("sha256 ")?).map(DocumentHash)
        })?;
        let change = lines.parse(
            "issued, replaced <link>, amended <link>, status <class> <status>, deleted or restored",
            Change::parse,
        )?;
        let claim_type = lines.parse("a claim type, [a-z0-9-]{1,32}", Name::parse)?;
        let occurred_at =
            lines.parse("the time of occurrence, microseconds in decimal", signed_decimal)?;
        let details = lines.parse("SHA-256 of the details in base64, or -", |line| match line {
            "-" => Some(None),
            _ => Hash::from_base64(line).map(Some),
        })?;
        lines.end()?;
        Ok(Self { salt, document, change, claim_type, occurred_at, details })
    }

    /// The text: a leaf of the submission's tree.
    #[must_use]
    pub fn encode(&self) -> String {
        let details = self.details.map_or("-".to_owned(), Hash::to_base64);
        lines([
            FORMAT,
            &encoding::base64(&self.salt.0),
            &format!("sha256 {}", self.document.0.to_hex()),
            &self.change.encode(),
            self.claim_type.as_str(),
            &self.occurred_at.to_string(),
            &details,
        ])
    }
}

/// Index of the first event that should be half of a pair and is not: `replaced` must be followed by
/// `amended` with the same link and another document hash, and neither stands alone.
#[must_use]
pub fn first_broken_pair(events: &[Event]) -> Option<usize> {
    let mut open = None;
    for (index, event) in events.iter().enumerate() {
        match (&event.change, open.take()) {
            (Change::Replaced { link }, None) => open = Some((index, *link, event.document)),
            (Change::Amended { link }, Some((_, expected, old)))
                if *link == expected && event.document != old => {}
            (Change::Amended { .. }, None) => return Some(index),
            (_, Some((replaced, ..))) => return Some(replaced),
            (_, None) => {}
        }
    }
    open.map(|(index, ..)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn event(change: Change) -> Event {
        Event {
            salt: Salt([7; 16]),
            document: DocumentHash(Hash::of(b"document")),
            change,
            claim_type: Name::parse("skill-module").unwrap(),
            occurred_at: -1,
            details: Some(Hash::of(b"details")),
        }
    }

    #[test]
    fn every_change_reads_back() {
        let link = Hash::of(b"link");
        let status = |class, text| Change::Status { class, status: Status::parse(text).unwrap() };
        let changes = [
            Change::Issued,
            Change::Replaced { link },
            Change::Amended { link },
            status(StatusClass::Punitive, "REVOKED"),
            status(StatusClass::Other, "on hold - see board_7"),
            Change::Deleted,
            Change::Restored,
        ];
        for change in changes {
            let event = event(change);
            assert_eq!(Event::parse(event.encode().as_bytes()), Ok(event));
        }
    }

    #[test]
    fn each_wrong_line_is_named() {
        let good = event(Change::Issued).encode();
        let lines: Vec<&str> = good.lines().collect();
        let wrong = ["witness-event/v2", "BwcH", "sha1 00", "issue", "Skill", "+1", "="];
        for (number, wrong) in wrong.into_iter().enumerate() {
            let mut lines = lines.clone();
            lines[number] = wrong;
            let text = lines.join("\n") + "\n";
            let refusal = Event::parse(text.as_bytes()).unwrap_err();
            let is_named = match number {
                0 => matches!(refusal, Malformed::OtherVersion { .. }),
                _ => matches!(refusal, Malformed::Line { line, .. } if line == number + 1),
            };
            assert!(is_named, "{number}: {refusal}");
        }
        assert!(Event::parse((good.clone() + "\n").as_bytes()).is_err());
        assert!(Event::parse(&good.as_bytes()[..good.len() - 1]).is_err());
        let long = [good.as_bytes(), &[b'a'; EVENT_BYTES_MAX]].concat();
        assert!(matches!(Event::parse(&long), Err(Malformed::TooLong { .. })));
    }

    #[test]
    fn a_status_follows_its_pattern() {
        for right in ["A", "0", "Valid until-recalled_7", &"x".repeat(50)] {
            assert!(Status::parse(right).is_some(), "{right}");
        }
        for wrong in ["", " A", "-A", "_A", "A\n", "A.", "Ä", &"x".repeat(51)] {
            assert!(Status::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn replaced_and_amended_stand_side_by_side_with_one_link() {
        let (a, b) = (Hash::of(b"a"), Hash::of(b"b"));
        let of_its_own = |change: Change| {
            let document = DocumentHash(Hash::of(change.kind().word().as_bytes()));
            Event { document, ..event(change) }
        };
        let events =
            |changes: &[Change]| changes.iter().cloned().map(of_its_own).collect::<Vec<_>>();
        let (replaced, amended) =
            (|link| Change::Replaced { link }, |link| Change::Amended { link });
        let cases = [
            (events(&[replaced(a), amended(a)]), None),
            (events(&[Change::Issued, replaced(a), amended(a), Change::Deleted]), None),
            (events(&[replaced(a), amended(a), replaced(b), amended(b)]), None),
            (events(&[replaced(a)]), Some(0)),
            (events(&[amended(a)]), Some(0)),
            (events(&[replaced(a), amended(b)]), Some(0)),
            (events(&[replaced(a), Change::Issued, amended(a)]), Some(0)),
            (events(&[replaced(a), replaced(b), amended(b)]), Some(0)),
            (events(&[replaced(a), amended(a), amended(a)]), Some(2)),
            (events(&[amended(a), replaced(a)]), Some(0)),
            // Nothing goes on under another hash.
            ([replaced(a), amended(a)].map(event).to_vec(), Some(0)),
            ([Change::Issued, replaced(a), amended(a)].map(event).to_vec(), Some(1)),
        ];
        for (events, expected) in cases {
            assert_eq!(first_broken_pair(&events), expected);
        }
    }
}
