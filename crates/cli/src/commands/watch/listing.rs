//! The lists of published checkpoints and of anchors, as they are given. Nobody signs them: what they leave out
//! shows only where something signed, or something on a chain, is missing in them.

use std::fmt;

use serde::{Deserialize, Serialize};
use witness_core::{evm::Word, text::decimal};

/// Sizes, one on each line: a decimal, or a JSON object with the member `size`. Ascending, none below `from`.
pub(super) fn read_sizes(page: &[u8], from: u64) -> Option<Vec<u64>> {
    let text = str::from_utf8(page).ok()?;
    let read = |line: &str| {
        if !line.starts_with('{') {
            return decimal(line);
        }
        let object: serde_json::Value = serde_json::from_str(line).ok()?;
        let size = object.get("size")?;
        size.as_u64().or_else(|| decimal(size.as_str()?))
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let sizes: Vec<u64> = lines.map(read).collect::<Option<_>>()?;
    let ascending =
        sizes.is_sorted_by(|a, b| a < b) && sizes.first().is_none_or(|first| *first >= from);
    ascending.then_some(sizes)
}

/// A line of a list of anchors: `<sequence> <block time, s> <roll-up> <block number> <block hash>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Listed {
    /// Number of the anchor on its contract.
    pub(crate) sequence: u64,
    /// Time of the block, in seconds since the epoch.
    pub(crate) time: u64,
    /// The roll-up's own number.
    pub(crate) rollup: u64,
    /// Number of the block.
    pub(crate) block: u64,
    /// Hash of the block.
    pub(crate) hash: Word,
}

impl Listed {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut number = || decimal(words.next()?);
        let (sequence, time, rollup, block) = (number()?, number()?, number()?, number()?);
        let hash = Word::parse(words.next()?)?;
        words.next().is_none().then_some(Self { sequence, time, rollup, block, hash })
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, time, rollup, block, hash } = self;
        write!(f, "{sequence} {time} {rollup} {block} {hash}")
    }
}

impl From<Listed> for String {
    fn from(listed: Listed) -> Self {
        listed.to_string()
    }
}

impl TryFrom<String> for Listed {
    type Error = &'static str;

    fn try_from(line: String) -> Result<Self, Self::Error> {
        Self::parse(&line).ok_or("expected a line of a list of anchors")
    }
}

/// Anchors, one on each line.
pub(crate) fn read_anchors(page: &[u8]) -> Option<Vec<Listed>> {
    str::from_utf8(page).ok()?.lines().map(Listed::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_listed_in_five_words() {
        let line = format!("7 1772356600 12 99 0x{}", "0a".repeat(32));
        let listed = read_anchors(format!("{line}\n").as_bytes()).unwrap();
        assert_eq!(listed, [Listed::parse(&line).unwrap()]);
        assert_eq!(listed[0].to_string(), line);
        assert_eq!((listed[0].rollup, listed[0].block), (12, 99));
        assert_eq!(read_anchors(b""), Some(vec![]));
        for bad in [&line[1..], &format!("{line} "), &line.replace("0a", "0A"), "1 2 3 4 5", ""] {
            assert_eq!(read_anchors(format!("{bad}\n").as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn sizes_come_as_lines_or_objects_and_only_upwards() {
        assert_eq!(read_sizes(b"1\n5\n9\n", 1), Some(vec![1, 5, 9]));
        assert_eq!(read_sizes(b"{\"size\":\"7\",\"at\":1}\n{\"size\":8}\n", 3), Some(vec![7, 8]));
        assert_eq!(read_sizes(b"", 3), Some(vec![]));
        for bad in ["5\n5\n", "9\n5\n", "2\n", "x\n", "{}\n", "[1]\n"] {
            assert_eq!(read_sizes(bad.as_bytes(), 3), None, "{bad}");
        }
    }
}
