//! From the text of a document to its hash and to the two addresses that a Live Verify client asks:
//! verify line, claim text, SHA-256, hash URL, meta URL (Live Verify, verification line).
//!
//! What must hold:
//! - The same text and the same `verification-meta.json` give the hash that every other Live Verify
//!   client computes, or an error; never a hash of something else.
//! - Whatever the text or the issuer's file says, the work is bounded ([`WORK_MAX`]).
//! - Text and base are the holder's business: no error and no `Debug` output repeats them.
//!
//! Fetching the two addresses and judging the answers is not here; this module does no I/O.

mod effort;
mod meta;
mod normalize;
mod rules;
mod urls;
mod verify_line;

pub use meta::Meta;
pub use normalize::{is_w, normalize};
pub use verify_line::{Prefix, VerifyLine, find_verify_line};

use alloc::string::String;
use core::fmt;

use sha2::{Digest, Sha256};

/// The longest document, in bytes of UTF-8 (Live Verify, verification line, names no limit; ours
/// is a thousand times the length of the documents that it shows).
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// The longest `verification-meta.json`, in bytes (ours; see Live Verify, verification line).
pub const META_BYTES_MAX: usize = 64 * 1024;

/// How many `ocrNormalizationRules` a file can have (ours; see Live Verify, verification line).
pub const RULES_MAX: usize = 64;

/// The longest pattern or replacement of one rule, in UTF-16 units (ours; see Live Verify,
/// verification line).
pub const PATTERN_UNITS_MAX: usize = 1024;

/// How many opening parentheses a pattern can have; nested deeper, the engine would give up and the
/// rule would be skipped as if it were no regular expression (ours; see Live Verify, verification
/// line).
pub const PATTERN_GROUPS_MAX: usize = 200;

/// The most steps that all rules of a file together can take on one text, by an estimate that is
/// never below the truth: some seconds of work (ours; Live Verify, verification line, asks for
/// guards and leaves the number open).
pub const WORK_MAX: u64 = 1 << 32;

/// Why a document or a `verification-meta.json` could not be used (Live Verify, verification line).
///
/// A caller tells its reader that it *could not tell*; none of these says that an issuer refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The document is longer than [`TEXT_BYTES_MAX`].
    #[error("expected a document of at most {TEXT_BYTES_MAX} bytes, found {bytes}")]
    TextTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The document is not UTF-8, and guessing at its encoding would guess at its hash.
    #[error("expected a document in UTF-8, found another encoding from byte {offset}")]
    NotUtf8 {
        /// The first byte that does not belong.
        offset: usize,
    },
    /// The `verification-meta.json` is longer than [`META_BYTES_MAX`].
    #[error("expected a meta file of at most {META_BYTES_MAX} bytes, found {bytes}")]
    MetaTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The `verification-meta.json` is not JSON, or holds half of a surrogate pair.
    #[error("expected a meta file in JSON, found something else in line {line}")]
    MetaNotJson {
        /// Where reading stopped, from 1.
        line: usize,
    },
    /// The file has more rules than [`RULES_MAX`].
    #[error("expected a meta file with at most {RULES_MAX} rules, found {size}")]
    TooManyRules {
        /// How many it has.
        size: usize,
    },
    /// A pattern or replacement is longer than [`PATTERN_UNITS_MAX`], or a pattern has more groups
    /// than [`PATTERN_GROUPS_MAX`].
    #[error(
        "expected at most {PATTERN_UNITS_MAX} UTF-16 units and {PATTERN_GROUPS_MAX} groups in \
         normalization rule {index}"
    )]
    RuleTooLong {
        /// The rule, from 0.
        index: usize,
    },
    /// On this text the rule could need more steps than [`WORK_MAX`] leaves it.
    #[error("normalization rule {index} could take too long on this document")]
    RuleTooCostly {
        /// The rule, from 0.
        index: usize,
    },
    /// The rule makes the text much longer than a document can be.
    #[error("normalization rule {index} makes this document too long")]
    RuleGrowsText {
        /// The rule, from 0.
        index: usize,
    },
    /// The address is plain `http`, and its host is not this computer.
    #[error("expected an https address, found plain http to a host that is not loopback")]
    PlainHttp,
    /// The address is neither `https` nor `http`.
    #[error("expected an https address, found another scheme or none")]
    NotHttp,
    /// The address names no host, and lenient clients would take the first path segment for it.
    #[error("expected an address with a host, found none")]
    NoHost,
    /// The address has user information (`bank.example@other.example`), which misleads readers.
    #[error("expected an address without user information")]
    UserInformation,
    /// The address has a control character or a backslash, which clients read in different ways.
    #[error("expected an address without control characters and backslashes")]
    ForbiddenCharacter,
}

/// A document that was read: its claim text, normalized, and where its issuer answers for it
/// (Live Verify, verification line).
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    claim_text: String,
    verify: Option<VerifyLine>,
    stranded: bool,
    hosting: meta::Hosting,
}

impl Document {
    /// Reads a document. The issuer's `verification-meta.json` changes hash and hash URL, so a
    /// caller reads once without it for [`Self::meta_url`], fetches, and reads again with it
    /// (Live Verify, verification line).
    ///
    /// A document without a verify line is no error here: all of it is claim text, and
    /// [`Self::verify`] is `None`.
    pub fn read(bytes: &[u8], meta: Option<&Meta>) -> Result<Self, DocumentError> {
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(DocumentError::TextTooLong { bytes: bytes.len() });
        }
        let text = core::str::from_utf8(bytes)
            .map_err(|error| DocumentError::NotUtf8 { offset: error.valid_up_to() })?;
        let hosting = meta.map(|meta| meta.hosting.clone()).unwrap_or_default();
        Ok(match verify_line::split(text) {
            Some(split) => Self {
                claim_text: normalize(&split.claim, meta)?,
                verify: Some(split.verify),
                stranded: split.stranded,
                hosting,
            },
            None => {
                Self { claim_text: normalize(text, meta)?, verify: None, stranded: false, hosting }
            }
        })
    }

    /// The claim text, normalized: exactly what is hashed (Live Verify, verification line).
    #[must_use]
    pub fn claim_text(&self) -> &str {
        &self.claim_text
    }

    /// The verify line, if the document has one (Live Verify, verification line).
    #[must_use]
    pub fn verify(&self) -> Option<&VerifyLine> {
        self.verify.as_ref()
    }

    /// Whether there is text below or beside the verify line, which is never hashed: worth a
    /// warning, for a reader may take it for part of the claim (Live Verify, verification line).
    #[must_use]
    pub fn has_stranded_text(&self) -> bool {
        self.stranded
    }

    /// The document hash: SHA-256 of the normalized claim text (Live Verify, verification line).
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.claim_text.as_bytes()).into()
    }

    /// Where the issuer answers for this hash; `None` without a verify line. The address is the one
    /// that every client builds, refused where ours must not go (Live Verify, verification line).
    pub fn hash_url(&self) -> Result<Option<String>, DocumentError> {
        let url = |verify: &VerifyLine| {
            urls::refuse_unsafe(urls::hash_url(verify.base(), &self.hosting, &self.sha256()))
        };
        self.verify.as_ref().map(url).transpose()
    }

    /// Where the issuer's `verification-meta.json` is; `None` without a verify line. Refused like
    /// [`Self::hash_url`] (Live Verify, verification line).
    pub fn meta_url(&self) -> Result<Option<String>, DocumentError> {
        let url = |verify: &VerifyLine| urls::refuse_unsafe(urls::meta_url(verify.base()));
        self.verify.as_ref().map(url).transpose()
    }
}

/// Says how long the text is, never what it is.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("claim_text_bytes", &self.claim_text.len())
            .field("verify", &self.verify)
            .field("stranded", &self.stranded)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec};

    #[test]
    fn a_document_without_a_verify_line_is_claim_text_altogether() {
        let document = Document::read(b"A  b\n\nc ", None).unwrap();
        assert_eq!(document.claim_text(), "A b\nc");
        assert_eq!(document.verify(), None);
        assert_eq!(document.hash_url(), Ok(None));
        assert_eq!(document.meta_url(), Ok(None));
        assert!(!document.has_stranded_text());
    }

    #[test]
    fn other_encodings_and_endless_documents_are_refused() {
        assert_eq!(Document::read(b"ab\xff", None), Err(DocumentError::NotUtf8 { offset: 2 }));
        let longest = vec![b'a'; TEXT_BYTES_MAX];
        assert!(Document::read(&longest, None).is_ok());
        let bytes = TEXT_BYTES_MAX + 1;
        let longer = vec![b'a'; bytes];
        assert_eq!(Document::read(&longer, None), Err(DocumentError::TextTooLong { bytes }));
    }

    #[test]
    fn debug_output_repeats_neither_text_nor_base() {
        let document = Document::read(b"Jane Doe\nverify:issuer.example/jane", None).unwrap();
        let shown = format!("{document:?}").to_lowercase();
        assert!(!shown.contains("jane") && !shown.contains("issuer"), "{shown}");
    }

    #[test]
    fn hosting_comes_from_the_meta_file_that_the_document_was_read_with() {
        let meta = br#"{"hashesHostedAt":"https://w.example/m/","appendToHashFileName":".json"}"#;
        let meta = Meta::parse(meta).unwrap();
        let document = Document::read(b"X\nverify:issuer.example/c", Some(&meta)).unwrap();
        let hex = "4b68ab3847feda7d6c62c1fbcbeebfa35eab7351ed5e78f4ddadea5df64b8015";
        assert_eq!(document.hash_url(), Ok(Some(format!("https://w.example/m/{hex}.json"))));
        let meta_url = "https://issuer.example/c/verification-meta.json";
        assert_eq!(document.meta_url().unwrap().as_deref(), Some(meta_url));
    }
}
