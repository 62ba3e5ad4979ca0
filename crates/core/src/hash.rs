//! SHA-256 digests and the RFC 6962 hashes made of them.

use core::fmt;

use sha2::{Digest, Sha256};

use crate::encoding;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// 32 zero bytes: "the hash of the one before" of the first.
    pub const ZERO: Self = Self([0; 32]);

    /// Root of the tree without leaves, SHA-256 of nothing (RFC 6962 section 2.1).
    pub const EMPTY_ROOT: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// A digest from its 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A digest from a slice, if it is 32 bytes long.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Hash of a leaf: SHA-256(0x00 ‖ data) (RFC 6962 section 2.1).
    #[must_use]
    pub fn leaf(data: &[u8]) -> Self {
        Self(Sha256::new_with_prefix([0x00]).chain_update(data).finalize().into())
    }

    /// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 section 2.1).
    #[must_use]
    pub fn node(left: &Self, right: &Self) -> Self {
        let digest = Sha256::new_with_prefix([0x01]).chain_update(left.0).chain_update(right.0);
        Self(digest.finalize().into())
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Standard base64 with padding (RFC 4648 section 4), 44 characters.
    #[must_use]
    pub fn to_base64(self) -> alloc::string::String {
        encoding::base64(&self.0)
    }

    /// Decodes what [`Hash::to_base64`] gives, and nothing else.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        encoding::from_base64_exactly(text).map(Self)
    }

    /// 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> alloc::string::String {
        encoding::hex(&self.0)
    }

    /// Decodes 64 lower-case hexadecimal digits, and nothing else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        encoding::from_hex(text).map(Self)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

/// SHA-256 of a normalized claim text. Whoever knows it may ask about the document, so it is never
/// printed by accident: `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentHash(pub Hash);

impl fmt::Debug for DocumentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DocumentHash(hidden)")
    }
}
