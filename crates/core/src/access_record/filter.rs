//! What somebody asked for, in one line, and never a document hash in it.

use alloc::string::String;

/// Longest filter; a longer one is cut.
pub const FILTER_BYTES_MAX: usize = 1024;
/// Hexadecimal digits of a SHA-256.
const HASH_DIGITS: usize = 64;
/// What stands in the place of a run of so many digits or more.
const HASH_MARK: &str = "hash";
/// The end of a filter that was cut.
const CUT_MARK: &str = " [cut]";

/// What was asked for: `name=value` parted by spaces, printable ASCII.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter(String);

impl Filter {
    /// Makes one of any text: runs of 64 hexadecimal digits or more become `hash`, what is not printable ASCII
    /// becomes `?`, and what is too long is cut with a mark.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
        let mut filter = without_hashes(&text.chars().map(printable).collect::<String>());
        if filter.len() > FILTER_BYTES_MAX {
            filter.truncate(FILTER_BYTES_MAX - CUT_MARK.len());
            filter.push_str(CUT_MARK);
        }
        Self(filter)
    }

    /// Reads one that was made so.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let filter = Self::of(line);
        (filter.0 == line).then_some(filter)
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn without_hashes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_run = first.is_ascii_hexdigit();
        let end = rest.find(|c: char| c.is_ascii_hexdigit() != is_run).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        kept.push_str(if is_run && run.len() >= HASH_DIGITS { HASH_MARK } else { run });
        rest = after;
    }
    kept
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::hash::Hash;

    #[test]
    fn no_document_hash_stands_in_a_filter() {
        let hex = Hash::of(b"document").to_hex();
        for (text, expected) in [
            (format!("document={hex} x=1"), "document=hash x=1"),
            (format!("document=0x{}", hex.to_uppercase()), "document=0xhash"),
            (format!("{hex}{hex} {hex}"), "hash hash"),
            (format!("abc{hex}"), "hash"),
            (format!("short={}", &hex[..63]), &format!("short={}", &hex[..63])),
        ] {
            assert_eq!(Filter::of(&text).as_str(), expected);
            assert_eq!(Filter::parse(&text).is_some(), text == expected);
        }
    }

    #[test]
    fn every_text_becomes_one_printable_line_that_reads_back() {
        let hex = Hash::of(b"document").to_hex();
        let long = "issuer=school.example ".repeat(60);
        for text in ["", " ", "a\nb", "caf\u{e9}", &long, &hex.repeat(40), &"\u{1f600}".repeat(999)]
        {
            let filter = Filter::of(text);
            assert!(filter.as_str().len() <= FILTER_BYTES_MAX);
            assert!(filter.as_str().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            assert_eq!(Filter::parse(filter.as_str()), Some(filter));
        }
        assert!(Filter::of(&long).as_str().ends_with(" [cut]"));
        assert_eq!(Filter::of("a\nb").as_str(), "a?b");
    }
}
