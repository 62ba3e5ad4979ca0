//! Reading texts of lines: every text that is hashed or signed is lines that end in `\n`, and parses by
//! round-trip or not at all.

use alloc::string::String;

/// Why a text is not what it should be. Names the line and what was expected there, never what came:
/// it may be secret or personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A line is missing, or is not as expected.
    #[error("{text}: line {line} must be {expected}")]
    Line {
        /// Name of the text's format.
        text: &'static str,
        /// Number of the line, from 1.
        line: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// More follows where the text should end.
    #[error("{text}: must end after line {line}")]
    Trailing {
        /// Name of the text's format.
        text: &'static str,
        /// Number of the last line, from 1.
        line: usize,
    },
    /// The text is longer than allowed.
    #[error("{text}: must be at most {limit} bytes long, came with {size}")]
    TooLong {
        /// Name of the text's format.
        text: &'static str,
        /// Longest allowed, in bytes.
        limit: usize,
        /// Length that came, in bytes.
        size: usize,
    },
    /// The bytes are not UTF-8.
    #[error("{text}: must be UTF-8")]
    NotUtf8 {
        /// Name of the text's format.
        text: &'static str,
    },
    /// Of another version of the format.
    #[error("{text}: must be of this version")]
    OtherVersion {
        /// Name of the text's format, as it is known here.
        text: &'static str,
    },
    /// A word out of a list that later versions can make longer.
    #[error(
        "{text}: line {line} has a word that is not known to this version; it must be {expected}"
    )]
    UnknownWord {
        /// Name of the text's format.
        text: &'static str,
        /// Number of the line, from 1.
        line: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// It parses, but would be written otherwise.
    #[error("{text}: must be in its one canonical form")]
    NotCanonical {
        /// Name of the text's format.
        text: &'static str,
    },
}

impl Malformed {
    /// Whether a later version may well have written the text: then this one cannot tell whether it is good.
    #[must_use]
    pub fn may_be_later(&self) -> bool {
        matches!(self, Self::OtherVersion { .. } | Self::UnknownWord { .. })
    }
}

/// A cursor over the lines of one text.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'static str,
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    /// Starts at the first line, which must be the name of the format.
    pub(crate) fn open(
        format: &'static str,
        bytes: &'a [u8],
        limit: usize,
    ) -> Result<Self, Malformed> {
        if bytes.len() > limit {
            return Err(Malformed::TooLong { text: format, limit, size: bytes.len() });
        }
        let rest = str::from_utf8(bytes).or(Err(Malformed::NotUtf8 { text: format }))?;
        let mut lines = Self { text: format, rest, line: 0 };
        if is_other_version(rest, format) {
            return Err(Malformed::OtherVersion { text: format });
        }
        lines.parse("the name and version of the format", |line| (line == format).then_some(()))?;
        Ok(lines)
    }

    /// Starts at the first line of a text that does not begin with the name of its format.
    pub(crate) fn open_bare(format: &'static str, rest: &'a str) -> Self {
        Self { text: format, rest, line: 0 }
    }

    /// The next line, without its newline, as `read` understands it.
    pub(crate) fn parse<T>(
        &mut self,
        expected: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, Malformed> {
        self.line += 1;
        let wrong = Malformed::Line { text: self.text, line: self.line, expected };
        let Some((line, rest)) = self.rest.split_once('\n') else { return Err(wrong) };
        self.rest = rest;
        read(line).ok_or(wrong)
    }

    /// Refuses the line that was read last.
    pub(crate) fn refuse(&self, expected: &'static str) -> Malformed {
        Malformed::Line { text: self.text, line: self.line, expected }
    }

    /// Refuses the line that was read last for a word that a later version may know.
    pub(crate) fn refuse_word(&self, expected: &'static str) -> Malformed {
        Malformed::UnknownWord { text: self.text, line: self.line, expected }
    }

    /// All that follows, which ends the reading.
    pub(crate) fn rest(self) -> &'a str {
        self.rest
    }

    /// Whether all lines were read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may follow.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Malformed::Trailing { text: self.text, line: self.line })
    }
}

/// Whether a text begins with the format's name and another version's number.
fn is_other_version(text: &str, format: &str) -> bool {
    let first = text.split_once('\n').map_or(text, |(first, _)| first);
    let (Some((name, _)), Some((other, version))) =
        (format.split_once("/v"), first.split_once("/v"))
    else {
        return false;
    };
    name == other && first != format && decimal(version).is_some()
}

/// What a text was read as, if it would be written as it came.
pub(crate) fn as_written<T>(
    read: T,
    encode: impl FnOnce(&T) -> String,
    (text, format): (&str, &'static str),
) -> Result<T, Malformed> {
    if encode(&read) == text { Ok(read) } else { Err(Malformed::NotCanonical { text: format }) }
}

/// Whether this could be a word of a list that later versions make longer.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// A decimal without sign and without leading zero, below 2^63 (Go peers read `int64`).
#[must_use]
pub fn decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.is_empty()
        && (text == "0" || !text.starts_with('0'));
    let number: u64 = canonical.then(|| text.parse().ok())??;
    i64::try_from(number).is_ok().then_some(number)
}

/// A decimal that alone may be negative; `-0` is refused.
#[must_use]
pub fn signed_decimal(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        None => i64::try_from(decimal(text)?).ok(),
        Some("0") => None,
        Some(digits) => decimal(digits).and_then(|n| i64::try_from(n).ok()).map(|n| -n),
    }
}

/// Two decimals with one space between.
pub(crate) fn two_decimals(line: &str) -> Option<(u64, u64)> {
    let (first, second) = line.split_once(' ')?;
    Some((decimal(first)?, decimal(second)?))
}

/// The words of a line, parted by exactly one space.
pub(crate) fn words<const N: usize>(line: &str) -> Option<[&str; N]> {
    let mut words = [""; N];
    let mut parts = line.split(' ');
    for word in &mut words {
        *word = parts.next().filter(|part| !part.is_empty())?;
    }
    parts.next().is_none().then_some(words)
}

/// Joins lines, each with its newline.
pub(crate) fn lines<const N: usize>(lines: [&str; N]) -> String {
    let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_one_form_and_stay_below_two_to_the_63() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("9223372036854775807"), Some(u64::MAX >> 1));
        for wrong in ["", "00", "01", "+1", "-1", " 1", "1 ", "9223372036854775808", "１"] {
            assert_eq!(decimal(wrong), None, "{wrong}");
        }
        assert_eq!(signed_decimal("-7"), Some(-7));
        for wrong in ["-0", "-", "--1", "-01"] {
            assert_eq!(signed_decimal(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_line_without_its_newline_is_no_line() {
        let mut lines = Lines::open("x/v1", b"x/v1\nabc", 100).unwrap();
        let refusal = lines.parse("a word", Some).unwrap_err();
        assert_eq!(refusal, Malformed::Line { text: "x/v1", line: 2, expected: "a word" });
    }

    #[test]
    fn a_text_over_its_limit_is_refused_unread() {
        let refusal = Lines::open("x/v1", &[0xff; 9], 8).unwrap_err();
        assert_eq!(refusal, Malformed::TooLong { text: "x/v1", limit: 8, size: 9 });
    }
}
