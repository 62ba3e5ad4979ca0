//! Keys of signed notes: vkeys to verify with, skeys to sign with (C2SP signed-note, sections "Verifier
//! keys" and "Signature types"; the skey form is Go's convention).

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use core::fmt;

use ed25519_dalek::Signer as _;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{encoding, note::SignatureLine, time::Timestamp};

/// The first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    fn of(name: &str, signature_type: SignatureType, public_key: &[u8; 32]) -> Self {
        let digest = Sha256::new_with_prefix(name.as_bytes())
            .chain_update([b'\n', signature_type.byte()])
            .chain_update(public_key)
            .finalize();
        let mut id = [0; 4];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(id)
    }

    /// Parses eight lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        encoding::from_hex(text).map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encoding::hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a key signs (C2SP signed-note, section "Signature types").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureType {
    /// 0x01: Ed25519 over the note's text.
    Ed25519,
    /// 0x04: Ed25519 over time and text (C2SP tlog-cosignature).
    Timestamp,
}

impl SignatureType {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Timestamp => 0x04,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Ed25519),
            0x04 => Some(Self::Timestamp),
            _ => None,
        }
    }
}

/// Why a key's text was refused. Never repeats the text: it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not of the form `<name>+<id>+<base64>`.
    #[error("a key must have the form <name>+<8 hexadecimal digits>+<base64>")]
    Form,
    /// Not 32 bytes after a type byte that is known here.
    #[error("a key must be of type 0x01 or 0x04 and hold 32 bytes")]
    Type,
    /// The id is not that of name, type and public key.
    #[error("the key id does not belong to this name and public key")]
    Id,
    /// The public key is no point of the curve in its canonical encoding, or one of small order.
    #[error("the public key is not a usable Ed25519 key")]
    Point,
}

/// A public key with its name: what a verifier is configured with.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    id: KeyId,
    signature_type: SignatureType,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifyingKey {
    /// Parses a vkey.
    pub fn parse(vkey: &str) -> Result<Self, KeyError> {
        let (name, id, signature_type, bytes) = split(vkey)?;
        let key = Self::new(name, signature_type, &bytes)?;
        if key.id == id { Ok(key) } else { Err(KeyError::Id) }
    }

    /// A key from its parts. Refuses keys of small order, under which one signature fits many texts.
    pub fn new(
        name: &str,
        signature_type: SignatureType,
        public: &[u8; 32],
    ) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Form);
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(public).or(Err(KeyError::Point))?;
        if key.is_weak() || !is_canonical(public) {
            return Err(KeyError::Point);
        }
        let id = KeyId::of(name, signature_type, public);
        Ok(Self { name: name.to_owned(), id, signature_type, key })
    }

    /// The name, by convention a URL without its scheme.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's id, by which signatures name it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What it signs.
    #[must_use]
    pub fn signature_type(&self) -> SignatureType {
        self.signature_type
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    pub(crate) fn dalek(&self) -> &ed25519_dalek::VerifyingKey {
        &self.key
    }
}

/// Whether y lies below p = 2^255 - 19. A point has one canonical encoding (RFC 8032 section 5.1.3), yet
/// decoding takes y = p + 1 and the like too: one key under two sets of bytes would have two ids. (The other
/// way to write a point twice, a sign where x is 0, has weak points only.)
fn is_canonical(public: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = public;
    let is_above = highest & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff);
    !is_above || *lowest < 0xed
}

/// The vkey.
impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = typed(self.signature_type, self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.id, encoding::base64(&body))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A secret key with its name. Wiped from memory when dropped; never shown.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: VerifyingKey,
}

impl SigningKey {
    /// A key from 32 random bytes, which the caller brings.
    pub fn from_seed(
        name: &str,
        signature_type: SignatureType,
        seed: &[u8; 32],
    ) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyingKey::new(name, signature_type, key.verifying_key().as_bytes())?;
        Ok(Self { key, public })
    }

    /// Parses an skey: `PRIVATE+KEY+<name>+<id>+<base64(type ‖ seed)>`.
    pub fn parse(skey: &str) -> Result<Self, KeyError> {
        let rest = skey.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Form)?;
        let (name, id, signature_type, seed) = split(rest)?;
        let seed = Zeroizing::new(seed);
        let key = Self::from_seed(name, signature_type, &seed)?;
        if key.public.id == id { Ok(key) } else { Err(KeyError::Id) }
    }

    /// The skey: a secret.
    #[must_use]
    pub fn to_skey(&self) -> Zeroizing<String> {
        let body = Zeroizing::new(typed(self.public.signature_type, &self.key.to_bytes()));
        let base64 = Zeroizing::new(encoding::base64(&body));
        Zeroizing::new(format!("PRIVATE+KEY+{}+{}+{}", self.public.name, self.public.id, *base64))
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs a note's text. A timestamp key signs `at` too, in whole seconds (C2SP tlog-cosignature,
    /// section "Ed25519 signatures"); a plain key has no use for it.
    #[must_use]
    pub fn sign(&self, text: &str, at: Timestamp) -> SignatureLine {
        let signature = match self.public.signature_type {
            SignatureType::Ed25519 => self.key.sign(text.as_bytes()).to_bytes().to_vec(),
            SignatureType::Timestamp => {
                let message = timestamped(text, at.seconds());
                let mut blob = at.seconds().to_be_bytes().to_vec();
                blob.extend_from_slice(&self.key.sign(message.as_bytes()).to_bytes());
                blob
            }
        };
        SignatureLine { name: self.public.name.clone(), id: self.public.id, signature }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public)
    }
}

/// What a timestamped cosignature is made over (C2SP tlog-cosignature).
pub(crate) fn timestamped(text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// A key name is not empty and has no Unicode white space and no `+` (C2SP signed-note, "Format").
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control())
}

fn typed(signature_type: SignatureType, key: &[u8; 32]) -> Vec<u8> {
    let mut body = Vec::with_capacity(33);
    body.push(signature_type.byte());
    body.extend_from_slice(key);
    body
}

fn split(text: &str) -> Result<(&str, KeyId, SignatureType, [u8; 32]), KeyError> {
    let (name, rest) = text.split_once('+').ok_or(KeyError::Form)?;
    let (id, body) = rest.split_once('+').ok_or(KeyError::Form)?;
    let id = KeyId::parse(id).ok_or(KeyError::Form)?;
    let body = Zeroizing::new(encoding::from_base64(body).ok_or(KeyError::Form)?);
    let (type_byte, key) = body.split_first().ok_or(KeyError::Type)?;
    let signature_type = SignatureType::from_byte(*type_byte).ok_or(KeyError::Type)?;
    let key = key.try_into().or(Err(KeyError::Type))?;
    Ok((name, id, signature_type, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const SKEY: &str = "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";

    #[test]
    fn a_vkey_reads_back_and_its_id_depends_on_the_type() {
        let key = VerifyingKey::parse(VKEY).unwrap();
        assert_eq!(key.to_string(), VKEY);
        let same = VerifyingKey::new("example.com/foo", SignatureType::Timestamp, key.public_key());
        assert_eq!(same.unwrap().id().to_string(), "7c264079");
    }

    #[test]
    fn an_skey_reads_back_and_gives_its_vkey() {
        let key = SigningKey::parse(SKEY).unwrap();
        assert_eq!(*key.to_skey(), SKEY);
        let vkey = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
        assert_eq!(key.verifying_key().to_string(), vkey);
        assert!(!format!("{key:?}").contains("ymY"), "a secret was printed");
    }

    #[test]
    fn a_point_that_is_not_canonically_encoded_is_no_key() {
        let mut usable = 0;
        // y = p + 1 up to 2^255 - 1, and with the sign bit: all that is beyond the field.
        for (low, high) in (0xee..=0xff).flat_map(|low| [(low, 0x7f), (low, 0xff)]) {
            let mut public = [0xff; 32];
            (public[0], public[31]) = (low, high);
            let point = ed25519_dalek::VerifyingKey::from_bytes(&public);
            usable += usize::from(point.is_ok_and(|point| !point.is_weak()));
            let key = VerifyingKey::new("a", SignatureType::Ed25519, &public);
            assert_eq!(key, Err(KeyError::Point), "{low:x} {high:x}");
        }
        assert!(usable > 0, "some are points of large order, which nothing else refuses");
    }

    #[test]
    fn each_wrong_key_is_refused_by_name() {
        let cases = [
            ("", KeyError::Form),
            ("example.com/foo+530d903a", KeyError::Form),
            (
                "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                KeyError::Form,
            ),
            ("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Id),
            ("example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Id),
            ("example.com/foo+530d903a+Aeky", KeyError::Type),
            (
                "example.com/foo+530d903a+A+kyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                KeyError::Type,
            ),
            ("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Form),
        ];
        for (vkey, expected) in cases {
            assert_eq!(VerifyingKey::parse(vkey).unwrap_err(), expected, "{vkey}");
        }
        let small_order = VerifyingKey::new("a", SignatureType::Ed25519, &{
            let mut one = [0; 32];
            one[0] = 1;
            one
        });
        assert_eq!(small_order.unwrap_err(), KeyError::Point);
    }
}
