//! Firm notes: the offline root names each online key, its role and its range, so that every online key
//! can be rotated.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    hash::Hash,
    key::{KeyId, SignatureType, VerifyingKey},
    name::{Domain, Origin},
    note::{Ed25519, Note, NoteError},
    text::{Lines, Malformed, as_written, decimal},
};

const FORMAT: &str = "witness-firm/v1";
const TEXT_BYTES_MAX: usize = 60_000;
const EXPECTED_KEY: &str = "key <role> <vkey> <from> <until or ->";

/// What a key of the firm may sign. One key for one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Checkpoints; its range is in tree sizes, its name the origin.
    Log,
    /// Signed times on published checkpoints; its range is in tree sizes, its name the origin.
    Timestamp,
    /// Registry changes; its range is in registry sequences.
    Registrar,
    /// Roll-ups; its range is in roll-up sequences.
    RollUp,
    /// Statements in evidence; its range is in microseconds since the epoch.
    Evidence,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] =
        [Self::Log, Self::Timestamp, Self::Registrar, Self::RollUp, Self::Evidence];

    /// The word in the note.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Timestamp => "timestamp",
            Self::Registrar => "registrar",
            Self::RollUp => "roll-up",
            Self::Evidence => "evidence",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// The type of signature that keys of this role make.
    #[must_use]
    pub const fn signature_type(self) -> SignatureType {
        match self {
            Self::Timestamp => SignatureType::Timestamp,
            Self::Log | Self::Registrar | Self::RollUp | Self::Evidence => SignatureType::Ed25519,
        }
    }
}

/// One key with its role and range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleKey {
    /// What it may sign.
    pub role: Role,
    /// The key.
    pub key: VerifyingKey,
    /// First size, sequence or time that it may sign.
    pub from: u64,
    /// First that it may not sign any more, if it was retired.
    pub until: Option<u64>,
}

impl RoleKey {
    fn parse(line: &str) -> Option<Self> {
        let [word, role, vkey, from, until] = crate::text::words(line)?;
        let role = Role::parse(role)?;
        let key = VerifyingKey::parse(vkey).ok()?;
        let (from, until) =
            (decimal(from)?, if until == "-" { None } else { Some(decimal(until)?) });
        let fits = word == "key"
            && key.signature_type() == role.signature_type()
            && until.is_none_or(|until| from < until);
        fits.then_some(Self { role, key, from, until })
    }

    /// Roles can be added, and their keys can be of types that are not known here.
    fn is_of_unknown_role(line: &str) -> bool {
        let role = line.strip_prefix("key ").and_then(|rest| rest.split_once(' '));
        role.is_some_and(|(role, _)| crate::text::is_word(role) && Role::parse(role).is_none())
    }

    fn encode(&self) -> String {
        let until = self.until.map_or("-".to_string(), |until| until.to_string());
        format!("key {} {} {} {until}\n", self.role.word(), self.key, self.from)
    }

    /// Whether the key may sign at this size, sequence or time.
    #[must_use]
    pub fn covers(&self, at: u64) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// The text of a firm note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirmText {
    /// The firm.
    pub firm: Domain,
    /// Number of the note, from 0.
    pub sequence: u64,
    /// SHA-256 of the text of the note before; zero for the first.
    pub previous: Hash,
    /// All keys, those retired included, sorted by their lines.
    pub keys: Vec<RoleKey>,
}

impl FirmText {
    /// Parses the text of a note.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines::open(FORMAT, text.as_bytes(), TEXT_BYTES_MAX)?;
        let firm = lines.parse("the firm's domain in lower-case A-label form", Domain::parse)?;
        let sequence = lines.parse("the number of the note in decimal", decimal)?;
        let previous = lines.parse("the hash of the note before in base64", Hash::from_base64)?;
        let mut keys = Vec::new();
        while !lines.is_at_end() {
            let line = lines.parse(EXPECTED_KEY, Some)?;
            if RoleKey::is_of_unknown_role(line) {
                return Err(lines.refuse_word(EXPECTED_KEY));
            }
            keys.push(RoleKey::parse(line).ok_or_else(|| lines.refuse(EXPECTED_KEY))?);
        }
        let read = Self { firm, sequence, previous, keys };
        as_written(read, Self::encode, (text, FORMAT))
    }

    /// The text that the root signs.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut keys: Vec<String> = self.keys.iter().map(RoleKey::encode).collect();
        keys.sort_unstable();
        keys.dedup();
        let (sequence, previous) = (self.sequence, self.previous.to_base64());
        format!("{FORMAT}\n{}\n{sequence}\n{previous}\n{}", self.firm, keys.concat())
    }
}

/// Why a firm note was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FirmError {
    /// Not a signed note, or not signed by the root.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not what it should be.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// Of another firm than the root's.
    #[error("the firm note must be of the firm {expected}")]
    OtherFirm {
        /// The name of the root key.
        expected: String,
    },
    /// Not the next one in the chain.
    #[error("the firm note must have number {expected} and name the one before it")]
    OutOfOrder {
        /// The number that comes next.
        expected: u64,
    },
    /// A key that was named before is gone, or its range has grown backwards.
    #[error("a firm note must keep every key of the one before it; only an end may be added")]
    KeyDropped,
    /// A key that has neither the firm's name nor that of one of its logs, as its role calls for.
    #[error(
        "each key of a firm note must have the name of the firm or of one of its logs, by its role"
    )]
    KeyNaming,
    /// A public key that stands in two lines, which would give it two roles or reopen it after its end; or
    /// the root's own.
    #[error("each public key must stand in one line of a firm note, and the root's in none")]
    KeyRepeated,
}

/// What the chain of firm notes says, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firm {
    root: VerifyingKey,
    latest: Option<FirmText>,
    latest_hash: Hash,
}

impl Firm {
    /// A firm of which only the root is known yet. The root key bears the firm's name.
    #[must_use]
    pub fn new(root: VerifyingKey) -> Self {
        Self { root, latest: None, latest_hash: Hash::ZERO }
    }

    /// Takes the next note of the chain.
    pub fn apply(&mut self, note: &Note, ed25519: &dyn Ed25519) -> Result<(), FirmError> {
        note.verify(&self.root, ed25519)?;
        note.verify_all(&[&self.root], ed25519)?;
        let text = FirmText::parse(note.text())?;
        if text.firm.as_str() != self.root.name() {
            return Err(FirmError::OtherFirm { expected: self.root.name().to_string() });
        }
        let expected = self.next_sequence();
        if text.sequence != expected || text.previous != self.latest_hash {
            return Err(FirmError::OutOfOrder { expected });
        }
        let kept = |old: &RoleKey| {
            text.keys.iter().any(|new| {
                (old.role, &old.key, old.from) == (new.role, &new.key, new.from)
                    && (old.until.is_none() || old.until == new.until)
            })
        };
        if !self.keys().iter().all(kept) {
            return Err(FirmError::KeyDropped);
        }
        if !text.keys.iter().all(|key| is_well_named(key, &text)) {
            return Err(FirmError::KeyNaming);
        }
        if has_repeated_key(&text.keys, &self.root) {
            return Err(FirmError::KeyRepeated);
        }
        self.latest_hash = Hash::of(note.text().as_bytes());
        self.latest = Some(text);
        Ok(())
    }

    /// The firm's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.root.name()
    }

    /// The root key.
    #[must_use]
    pub fn root(&self) -> &VerifyingKey {
        &self.root
    }

    /// Number that the next note must have.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.latest.as_ref().map_or(0, |text| text.sequence + 1)
    }

    /// SHA-256 of the text of the newest note; zero before the first.
    #[must_use]
    pub fn latest_hash(&self) -> Hash {
        self.latest_hash
    }

    /// All keys named by the newest note.
    #[must_use]
    pub fn keys(&self) -> &[RoleKey] {
        self.latest.as_ref().map_or(&[], |text| text.keys.as_slice())
    }

    /// The keys of a role that may sign at a size, sequence or time. For `Log` and `Timestamp`, `name` is
    /// the origin; for the others the firm.
    pub fn keys_for<'a>(
        &'a self,
        role: Role,
        name: &'a str,
        at: u64,
    ) -> impl Iterator<Item = &'a VerifyingKey> + 'a {
        let fits =
            move |key: &&RoleKey| key.role == role && key.key.name() == name && key.covers(at);
        self.keys().iter().filter(fits).map(|key| &key.key)
    }

    /// Verifies a note under a key of a role: at least one must have signed, and none wrongly.
    pub fn verify(
        &self,
        note: &Note,
        (role, name, at): (Role, &str, u64),
        ed25519: &dyn Ed25519,
    ) -> Result<(KeyId, crate::note::Signed), NoteError> {
        let mut good = None;
        let mut unsigned = NoteError::Unsigned { name: name.to_string(), id: KeyId([0; 4]) };
        for key in self.keys_for(role, name, at) {
            match note.verify(key, ed25519) {
                Ok(signed) => good = Some((key.id(), signed)),
                Err(NoteError::Unsigned { name, id }) => {
                    unsigned = NoteError::Unsigned { name, id }
                }
                Err(error) => return Err(error),
            }
        }
        good.ok_or(unsigned)
    }
}

fn is_well_named(key: &RoleKey, text: &FirmText) -> bool {
    let name = key.key.name();
    match key.role {
        Role::Log | Role::Timestamp => {
            Origin::parse(name).is_some_and(|origin| origin.firm() == text.firm.as_str())
        }
        Role::Registrar | Role::RollUp | Role::Evidence => name == text.firm.as_str(),
    }
}

/// Told by the bytes alone: they are one key under whatever name, type and range.
fn has_repeated_key(keys: &[RoleKey], root: &VerifyingKey) -> bool {
    let mut seen = BTreeSet::from([root.public_key()]);
    !keys.iter().all(|key| seen.insert(key.key.public_key()))
}

#[cfg(test)]
mod tests;
