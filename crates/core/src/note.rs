//! Signed notes (C2SP signed-note v1.0.0): the one parser and the one signature rule of everything that is
//! signed here.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use ed25519_dalek::Signature;
pub use ed25519_dalek::VerifyingKey as PublicKey;

use crate::{
    encoding,
    key::{self, KeyId, SignatureType, VerifyingKey},
    time::Timestamp,
};

/// Longest note, in bytes.
pub const NOTE_BYTES_MAX: usize = 1_000_000;
/// Most signature lines of one note.
pub const SIGNATURES_MAX: usize = 100;

/// How an Ed25519 signature is checked. Passed in, so that a server can remember what it has checked
/// already; [`Strict`] is the only rule.
pub trait Ed25519: fmt::Debug + Sync {
    /// Whether `signature` over `message` is good under `key`.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool;
}

/// RFC 8032 section 5.1.7 without cofactor, refusing small-order points and non-canonical scalars, so
/// that all verifiers agree on every signature.
#[derive(Debug, Clone, Copy, Default)]
pub struct Strict;

impl Ed25519 for Strict {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
        key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// Why a note was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("a note must be at most {NOTE_BYTES_MAX} bytes long")]
    TooLong,
    /// Not UTF-8, or with a control character other than newline.
    #[error("a note must be UTF-8 without control characters")]
    Characters,
    /// No text that ends in a newline, a blank line and signatures.
    #[error("a note must be text, a blank line and signature lines")]
    Form,
    /// A signature line that does not read back.
    #[error(
        "signature line {line} must be an em dash, a key name and base64 of at least five bytes"
    )]
    SignatureLine {
        /// Number of the signature line, from 1.
        line: usize,
    },
    /// More than [`SIGNATURES_MAX`] signatures.
    #[error("a note must have at most {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// The key did not sign.
    #[error("the note has no signature of {name} with key id {id}")]
    Unsigned {
        /// Name of the key.
        name: String,
        /// Id of the key.
        id: KeyId,
    },
    /// A signature that none of the keys that may sign has made, or one that stands there twice.
    #[error(
        "signature line {line} is not a good one of a key that may sign, or stands there twice"
    )]
    Stray {
        /// Number of the signature line, from 1.
        line: usize,
    },
    /// The key's signature is there and wrong.
    #[error("the signature of {name} with key id {id} does not verify")]
    BadSignature {
        /// Name of the key.
        name: String,
        /// Id of the key.
        id: KeyId,
    },
}

/// One signature of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    /// Name of the key.
    pub name: String,
    /// Id of the key.
    pub id: KeyId,
    /// What follows the id, whose form the key's type decides.
    pub signature: Vec<u8>,
}

impl SignatureLine {
    /// Parses one line, without its newline.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
        let blob = encoding::from_base64(base64)?;
        let (id, signature) = blob.split_first_chunk::<4>()?;
        (key::is_key_name(name) && !signature.is_empty()).then(|| Self {
            name: name.to_owned(),
            id: KeyId(*id),
            signature: signature.to_vec(),
        })
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blob = self.id.0.to_vec();
        blob.extend_from_slice(&self.signature);
        write!(f, "— {} {}", self.name, encoding::base64(&blob))
    }
}

/// A text with its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// A note over a text, which must end in a newline.
    #[must_use]
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Self {
        debug_assert!(text.ends_with('\n'), "a note's text ends in a newline");
        Self { text, signatures }
    }

    /// Parses a note; what does not read back byte for byte is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        let all = str::from_utf8(bytes).or(Err(NoteError::Characters))?;
        if bytes.iter().any(|byte| *byte < 0x20 && *byte != b'\n') {
            return Err(NoteError::Characters);
        }
        let split = all.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, rest) = all.split_at_checked(split + 1).ok_or(NoteError::Form)?;
        let lines =
            rest.strip_prefix('\n').and_then(|r| r.strip_suffix('\n')).ok_or(NoteError::Form)?;
        let mut signatures = Vec::new();
        for (index, line) in lines.split('\n').enumerate() {
            if index >= SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            let wrong = NoteError::SignatureLine { line: index + 1 };
            signatures.push(SignatureLine::parse(line).ok_or(wrong)?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, with its last newline: what was signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in order.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a signature.
    pub fn push(&mut self, signature: SignatureLine) {
        self.signatures.push(signature);
    }

    /// Checks the signature of one key. Signatures of other keys are not looked at.
    pub fn verify(&self, key: &VerifyingKey, ed25519: &dyn Ed25519) -> Result<Signed, NoteError> {
        let named = |line: &&SignatureLine| line.name == key.name() && line.id == key.id();
        let Some(line) = self.signatures.iter().find(named) else {
            return Err(NoteError::Unsigned { name: key.name().to_owned(), id: key.id() });
        };
        let bad = || NoteError::BadSignature { name: key.name().to_owned(), id: key.id() };
        let (message, signature, signed) = match key.signature_type() {
            SignatureType::Ed25519 => (None, line.signature.as_slice(), Signed::Plain),
            SignatureType::Timestamp => {
                let (time, signature) = line.signature.split_first_chunk::<8>().ok_or_else(bad)?;
                let seconds = u64::from_be_bytes(*time);
                let message = key::timestamped(&self.text, seconds);
                // A time that cannot be shown as it was signed is refused: it would be shown as another.
                let at = Timestamp::read_seconds(seconds).ok_or_else(bad)?;
                (Some(message), signature, Signed::At(at))
            }
        };
        let signature = signature.try_into().map_err(|_length| bad())?;
        let message = message.as_deref().unwrap_or(&self.text);
        let good = ed25519.verify(key.dalek(), message.as_bytes(), signature);
        if good { Ok(signed) } else { Err(bad()) }
    }

    /// Checks that every signature line is a good one of one of these keys, and none stands there twice: so
    /// that nothing in the note could be altered unseen. For notes whose signers are all known.
    pub fn verify_all(
        &self,
        keys: &[&VerifyingKey],
        ed25519: &dyn Ed25519,
    ) -> Result<(), NoteError> {
        for (before, line) in self.signatures.iter().enumerate() {
            let stray = NoteError::Stray { line: before + 1 };
            let same = |other: &SignatureLine| other.name == line.name && other.id == line.id;
            if self.signatures.iter().take(before).any(same) {
                return Err(stray);
            }
            let key = keys.iter().find(|key| key.name() == line.name && key.id() == line.id);
            self.verify(key.ok_or(stray)?, ed25519)?;
        }
        Ok(())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// What a good signature says beside the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// The text alone.
    Plain,
    /// Also the time at which it was signed.
    At(Timestamp),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;
    use alloc::{format, string::ToString, vec};

    const NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const SEED: &str = "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
    const TEXT: &str =
        "example.com/log/testdata\n7\nWmH8K1T5z6cXdPJDIUPdQMbLKxGUf69lp9PaXLZRmcg=\n";
    const PLAIN: &str = "— example.com/log/testdata M9e0lgEldlUhI5eBN1REo6ACYx5EoiK2NkFLQnhAwfc5gqHwhjlTOr5hzNTdbyZDbUkU23TZLDDLetuJQ7lAk+Gvkg0=";
    const TIMED: &str = "— example.com/log/testdata XmwyHQAAAABlU/EAUJBaMkBlPBGRu6hAZraJno+6TbohH/TtMoToqKGs7mDU+7jEzUEkJnRBRC7TfFm9fvdzLQA2A1lHGZ1bOVmGDw==";

    #[test]
    fn the_example_note_verifies_and_reads_back() {
        let note = Note::parse(NOTE.as_bytes()).unwrap();
        assert_eq!(note.to_string(), NOTE);
        let key = VerifyingKey::parse(VKEY).unwrap();
        assert_eq!(note.verify(&key, &Strict), Ok(Signed::Plain));
    }

    #[test]
    fn signatures_are_those_of_the_published_test_key() {
        let at = Timestamp::from_seconds(1_700_000_000);
        let plain = SigningKey::parse(SEED).unwrap();
        let seed = encoding::from_base64("7KZj9JkBfSNlwnx6dnkVjUPP7BMwvbJZKQr70NIXd6A=").unwrap();
        let seed: [u8; 32] = seed.try_into().unwrap();
        let timed =
            SigningKey::from_seed(plain.verifying_key().name(), SignatureType::Timestamp, &seed)
                .unwrap();
        let vkey = "example.com/log/testdata+5e6c321d+BOHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
        assert_eq!(timed.verifying_key().to_string(), vkey);
        assert_eq!(VerifyingKey::parse(vkey).as_ref(), Ok(timed.verifying_key()));
        assert_eq!(plain.sign(TEXT, at).to_string(), PLAIN);
        assert_eq!(timed.sign(TEXT, at).to_string(), TIMED);
        let note = Note::parse(format!("{TEXT}\n{PLAIN}\n{TIMED}\n").as_bytes()).unwrap();
        assert_eq!(note.verify(plain.verifying_key(), &Strict), Ok(Signed::Plain));
        assert_eq!(note.verify(timed.verifying_key(), &Strict), Ok(Signed::At(at)));
    }

    #[test]
    fn a_signed_time_that_microseconds_cannot_show_is_refused() {
        use ed25519_dalek::Signer as _;
        let seed = [7; 32];
        let timed = SigningKey::from_seed("a", SignatureType::Timestamp, &seed).unwrap();
        let most = (u64::MAX >> 1) / 1_000_000;
        for (seconds, is_good) in [(most, true), (most + 1, false), (u64::MAX, false)] {
            let message = key::timestamped(TEXT, seconds);
            let signature = ed25519_dalek::SigningKey::from_bytes(&seed).sign(message.as_bytes());
            let blob = [seconds.to_be_bytes().as_slice(), &signature.to_bytes()].concat();
            let id = timed.verifying_key().id();
            let line = SignatureLine { name: "a".to_owned(), id, signature: blob };
            let verdict =
                Note::new(TEXT.to_owned(), vec![line]).verify(timed.verifying_key(), &Strict);
            assert_eq!(verdict.is_ok(), is_good, "{seconds}");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_note_is_refused() {
        let key = VerifyingKey::parse(VKEY).unwrap();
        for bit in 0..NOTE.len() * 8 {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verdict = Note::parse(&bytes).and_then(|note| note.verify(&key, &Strict));
            assert!(verdict.is_err(), "bit {bit} was not missed");
        }
    }

    #[test]
    fn each_malformed_note_is_refused_by_name() {
        let line = PLAIN;
        let many = format!("a\n\n{}", format!("{line}\n").repeat(SIGNATURES_MAX + 1));
        let cases = [
            (String::new(), NoteError::Form),
            ("a\n".to_owned(), NoteError::Form),
            (format!("a\n{line}\n"), NoteError::Form),
            (format!("a\n\n{line}"), NoteError::Form),
            ("a\n\n\n".to_owned(), NoteError::Form),
            (format!("a\r\n\n{line}\n"), NoteError::Characters),
            (format!("a\n\n{line}\nx\n"), NoteError::SignatureLine { line: 2 }),
            ("a\n\n— name AAAAAA==\n".to_owned(), NoteError::SignatureLine { line: 1 }),
            ("a\n\n- name AAAAAAA=\n".to_owned(), NoteError::SignatureLine { line: 1 }),
            (many, NoteError::TooManySignatures),
        ];
        for (text, expected) in cases {
            assert_eq!(Note::parse(text.as_bytes()).unwrap_err(), expected, "{text}");
        }
        assert_eq!(Note::parse(&vec![b'a'; NOTE_BYTES_MAX + 1]).unwrap_err(), NoteError::TooLong);
        assert_eq!(Note::parse(&[0xff]).unwrap_err(), NoteError::Characters);
    }

    #[test]
    fn a_text_may_hold_blank_lines() {
        let note = Note::parse(format!("a\n\nb\n\n{PLAIN}\n").as_bytes()).unwrap();
        assert_eq!(note.text(), "a\n\nb\n");
    }

    #[test]
    fn a_signature_of_the_same_name_but_another_id_is_not_looked_at() {
        let note = Note::parse(NOTE.replace("Uw2QOkn8", "Uw2QOkn9").as_bytes()).unwrap();
        let key = VerifyingKey::parse(VKEY).unwrap();
        assert!(matches!(note.verify(&key, &Strict), Err(NoteError::BadSignature { .. })));
        let note = Note::parse(NOTE.replace("Uw2QOkn8", "Vw2QOkn8").as_bytes()).unwrap();
        assert!(matches!(note.verify(&key, &Strict), Err(NoteError::Unsigned { .. })));
    }
}
