//! Whose signatures make a checkpoint good: logs, cosigners and a quorum (C2SP tlog-policy).
//!
//! C2SP calls a cosigner a witness; so do the words of the file, and nothing else here. Ours: a name that is
//! defined twice is refused, logs sign as type 0x01 and cosigners as 0x04.

mod read;

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use read::Reader;

use crate::{
    checkpoint::Checkpoint,
    key::{KeyError, VerifyingKey},
    note::{Ed25519, Note, NoteError, SignatureLine, Signed},
    text::Malformed,
    time::Timestamp,
};

/// Longest policy, in bytes.
pub const TLOG_POLICY_BYTES_MAX: usize = 256 * 1024;

/// Why a policy was refused. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogPolicyError {
    /// Too long.
    #[error("a tlog-policy must be at most {TLOG_POLICY_BYTES_MAX} bytes long")]
    TooLong,
    /// A byte that no policy may have.
    #[error("line {line}: only tab, 0x20 to 0x7e and 0x80 to 0xff may stand in a line")]
    Bytes {
        /// Number of the line.
        line: usize,
    },
    /// No known first word, or a wrong number of words.
    #[error(
        "line {line}: must be log <vkey> [<url>], witness <name> <vkey> [<url>], group <name> all|any|<k> <member>... or quorum <name>|none"
    )]
    Form {
        /// Number of the line.
        line: usize,
    },
    /// A key that does not parse.
    #[error("line {line}: {source}")]
    Key {
        /// Number of the line.
        line: usize,
        /// Why.
        source: KeyError,
    },
    /// A key that makes another type of signature than its line calls for. Some configurations hold a
    /// cosigner's key as type 0x01; such a key must be converted knowingly.
    #[error("line {line}: a log's key must be of type 0x01, a witness's of type 0x04")]
    KeyType {
        /// Number of the line.
        line: usize,
    },
    /// A public key that another log, or another witness, has.
    #[error("line {line}: the public key is that of an earlier line")]
    KeyRepeated {
        /// Number of the line.
        line: usize,
    },
    /// A name that is taken; `none` always is.
    #[error("line {line}: the name is taken")]
    NameTaken {
        /// Number of the line.
        line: usize,
    },
    /// A name of no earlier line.
    #[error("line {line}: every member must be named by an earlier line")]
    NameUnknown {
        /// Number of the line.
        line: usize,
    },
    /// A member that a group has already.
    #[error("line {line}: a witness or group can be a member of one group, once")]
    MemberRepeated {
        /// Number of the line.
        line: usize,
    },
    /// A threshold outside of 1 to the number of members.
    #[error("line {line}: the threshold must be all, any or 1 to the number of members")]
    Threshold {
        /// Number of the line.
        line: usize,
    },
    /// A second quorum.
    #[error("line {line}: there must be exactly one quorum line")]
    SecondQuorum {
        /// Number of the line.
        line: usize,
    },
    /// No quorum.
    #[error("there must be exactly one quorum line")]
    NoQuorum,
}

/// A cosigner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigner {
    /// Its name in the policy: opaque bytes.
    pub name: Vec<u8>,
    /// Its key.
    pub key: VerifyingKey,
    /// Where it takes checkpoints.
    pub url: Option<Vec<u8>>,
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLog {
    /// Its key, named by the log's origin.
    pub key: VerifyingKey,
    /// Where it is served.
    pub url: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    Cosigner(usize),
    Group(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quorum {
    None,
    Of(Member),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogPolicy {
    logs: Vec<PolicyLog>,
    cosigners: Vec<Cosigner>,
    groups: Vec<Group>,
    quorum: Quorum,
}

impl TlogPolicy {
    /// Parses a policy.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogPolicyError> {
        if bytes.len() > TLOG_POLICY_BYTES_MAX {
            return Err(TlogPolicyError::TooLong);
        }
        let mut reader = Reader::default();
        for (line, bytes) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if bytes.iter().any(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f) {
                return Err(TlogPolicyError::Bytes { line });
            }
            let words = bytes.split(|byte| matches!(byte, b' ' | b'\t'));
            let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
            reader.read(line, &words)?;
        }
        let quorum = reader.quorum.ok_or(TlogPolicyError::NoQuorum)?;
        Ok(Self { logs: reader.logs, cosigners: reader.cosigners, groups: reader.groups, quorum })
    }

    /// The logs.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The cosigners.
    #[must_use]
    pub fn cosigners(&self) -> &[Cosigner] {
        &self.cosigners
    }

    /// Whether any cosigner is called for: with `quorum none` nobody need have seen anything.
    #[must_use]
    pub fn asks_for_cosigners(&self) -> bool {
        self.quorum != Quorum::None
    }

    /// Whether these cosigners, by their names in the policy, are enough.
    #[must_use]
    pub fn is_met(&self, verified: &BTreeSet<&[u8]>) -> bool {
        let Quorum::Of(quorum) = self.quorum else { return true };
        // Members stand in earlier lines, so one pass in the order of the lines decides every group.
        let mut decided: Vec<bool> = Vec::with_capacity(self.groups.len());
        let holds = |decided: &[bool], member: &Member| match member {
            Member::Cosigner(n) => {
                self.cosigners.get(*n).is_some_and(|c| verified.contains(c.name.as_slice()))
            }
            Member::Group(n) => decided.get(*n).copied().unwrap_or(false),
        };
        for group in &self.groups {
            let count = group.members.iter().filter(|member| holds(&decided, member)).count();
            decided.push(count >= group.threshold);
        }
        holds(&decided, &quorum)
    }

    /// The cosigner whose key a signature line names.
    #[must_use]
    pub fn cosigner_of(&self, line: &SignatureLine) -> Option<&Cosigner> {
        self.cosigners.iter().find(|c| c.key.name() == line.name && c.key.id() == line.id)
    }

    /// Judges a signed checkpoint: a listed log must have signed it under its own origin, no known
    /// signature may be wrong, and the quorum must be met.
    pub fn verify(&self, note: &Note, ed25519: &dyn Ed25519) -> Result<Accepted<'_>, TlogRefusal> {
        let checkpoint = Checkpoint::parse(note.text())?;
        let mut is_signed = false;
        for log in self.logs.iter().filter(|log| log.key.name() == checkpoint.origin) {
            is_signed |= signed(note, &log.key, ed25519)?.is_some();
        }
        if !is_signed {
            return Err(TlogRefusal::LogUnknown);
        }
        let mut cosigned = Vec::new();
        for cosigner in &self.cosigners {
            if let Some(Signed::At(at)) = signed(note, &cosigner.key, ed25519)? {
                cosigned.push((cosigner, at));
            }
        }
        let verified = cosigned.iter().map(|(cosigner, _)| cosigner.name.as_slice()).collect();
        if !self.is_met(&verified) {
            return Err(TlogRefusal::Quorum);
        }
        Ok(Accepted { checkpoint, cosigned })
    }
}

fn signed(
    note: &Note,
    key: &VerifyingKey,
    ed25519: &dyn Ed25519,
) -> Result<Option<Signed>, NoteError> {
    match note.verify(key, ed25519) {
        Ok(signed) => Ok(Some(signed)),
        Err(NoteError::Unsigned { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A checkpoint that a policy accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Who cosigned it, and when.
    pub cosigned: Vec<(&'a Cosigner, Timestamp)>,
}

/// Why a policy does not accept a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogRefusal {
    /// The text is no checkpoint.
    #[error(transparent)]
    Text(#[from] Malformed),
    /// The signature of a known key is wrong.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// No listed log signed it under its own origin.
    #[error("the checkpoint must be signed by a log that the policy lists for its origin")]
    LogUnknown,
    /// Too few cosigners.
    #[error("the checkpoint must be cosigned by the policy's quorum")]
    Quorum,
}

impl Cosigner {
    /// The name, as far as it can be shown.
    #[must_use]
    pub fn shown_name(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}
