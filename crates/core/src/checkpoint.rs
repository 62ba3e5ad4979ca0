//! Checkpoints: what a log signs (C2SP tlog-checkpoint v1.0.0).

use alloc::{borrow::ToOwned, format, string::String};

use crate::{
    hash::Hash,
    merkle::TreeSize,
    text::{Lines, Malformed, decimal},
};

const FORMAT: &str = "checkpoint";

/// The text of a checkpoint. Ours have three lines; extension lines of others are kept and not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Origin of the log.
    pub origin: String,
    /// Number of entries.
    pub size: TreeSize,
    /// Root of the tree of that size.
    pub root: Hash,
}

impl Checkpoint {
    /// Parses the text of a note.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines::open_bare(FORMAT, text);
        let origin =
            lines.parse("the origin", |line| (!line.is_empty()).then(|| line.to_owned()))?;
        let size = lines.parse("the tree size in decimal", decimal).map(TreeSize)?;
        let root = lines.parse("the root in base64", Hash::from_base64)?;
        while !lines.is_at_end() {
            lines.parse("an extension line that is not empty", |line| {
                (!line.is_empty()).then_some(())
            })?;
        }
        Ok(Self { origin, size, root })
    }

    /// The three lines that are signed.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "example.com/log/testdata\n7\nWmH8K1T5z6cXdPJDIUPdQMbLKxGUf69lp9PaXLZRmcg=\n";

    #[test]
    fn cosigners_name_an_origin_by_the_published_hash() {
        let hash = "6994c64086cc171ca46c749d036fd313bac575a8b2b2a2b9874ef097775714d5";
        assert_eq!(Hash::of(b"example.com/log/testdata").to_hex(), hash);
    }

    #[test]
    fn a_checkpoint_reads_back() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!((checkpoint.size, checkpoint.encode().as_str()), (TreeSize(7), TEXT));
    }

    #[test]
    fn extension_lines_are_tolerated_but_not_empty_ones() {
        assert_eq!(Checkpoint::parse(&format!("{TEXT}ext\n")).unwrap().encode(), TEXT);
        for wrong in ["", "a\n", "a\n07\n", "a\n7\nx\n", &format!("{TEXT}\n"), &format!("\n{TEXT}")]
        {
            assert!(Checkpoint::parse(wrong).is_err(), "{wrong}");
        }
    }
}
