//! The 32 bytes in which an EVM chain counts, hashes and stores.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::encoding;

/// 32 bytes of an EVM chain: a keccak-256 hash or a storage word. Written as `0x` and 64 lower-case hexadecimal
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(pub [u8; 32]);

impl Word {
    /// Parses `0x` and 64 lower-case hexadecimal digits, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        encoding::from_hex(text.strip_prefix("0x")?).map(Self)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", encoding::hex(&self.0))
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("0x and 64 lower-case hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn a_word_has_one_form() {
        let text = alloc::format!("0x{}", "0a".repeat(32));
        let word = Word([0x0a; 32]);
        assert_eq!(Word::parse(&text), Some(word));
        assert_eq!((word.to_string(), alloc::format!("{word:?}")), (text.clone(), text.clone()));
        assert_eq!(serde_json::to_string(&word).unwrap(), alloc::format!("\"{text}\""));
        for wrong in
            [&text[2..], &text[..64], &text.replace("0a", "0A"), &(text.clone() + "0a"), ""]
        {
            assert_eq!(Word::parse(wrong), None, "{wrong}");
            let json = alloc::format!("\"{wrong}\"");
            let refusal = serde_json::from_str::<Word>(&json).unwrap_err().to_string();
            assert!(refusal.starts_with("0x and 64 lower-case"), "{refusal}");
        }
    }
}
