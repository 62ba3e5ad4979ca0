//! The verify line: where in a document it is, what it names, and the claim text above it
//! (Live Verify, verification line).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::normalize::{is_w, trim};
use super::urls;

/// The two words that open a verify line; they mean the same (Live Verify, verification line).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// `verify:`
    Verify,
    /// `vfy:`, for small print.
    Vfy,
}

impl Prefix {
    /// The prefix as it is written, lower case with its colon (Live Verify, verification line).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify:",
            Self::Vfy => "vfy:",
        }
    }
}

/// The verify line of a document: who answers for it, and under which path (Live Verify,
/// verification line).
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyLine {
    prefix: Prefix,
    base: String,
}

impl VerifyLine {
    /// `verify:` or `vfy:` (Live Verify, verification line).
    #[must_use]
    pub fn scheme_prefix(&self) -> &'static str {
        self.prefix.as_str()
    }

    /// Host and path as the document has them, case kept; never empty. The path may be about one
    /// person: it is not for logs (Live Verify, verification line).
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The host, without port: what readers are shown, whoever serves the bytes (Live Verify,
    /// verification line).
    #[must_use]
    pub fn host(&self) -> &str {
        urls::host(urls::authority(&self.base))
    }

    /// Prefix and base, the short form of the line (Live Verify, verification line).
    #[must_use]
    pub fn to_text(&self) -> String {
        [self.scheme_prefix(), self.base()].concat()
    }
}

/// Says how long the base is, never what it is.
impl fmt::Debug for VerifyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyLine")
            .field("prefix", &self.prefix)
            .field("base_bytes", &self.base.len())
            .finish()
    }
}

/// Finds the verify line of a document: the last line that names a base (Live Verify, verification
/// line).
#[must_use]
pub fn find_verify_line(text: &str) -> Option<VerifyLine> {
    split(text).map(|split| split.verify)
}

/// A document, cut at its verify line.
pub(super) struct Split {
    /// The lines above, trimmed, without the blank ones at the end; not yet normalized.
    pub(super) claim: String,
    pub(super) verify: VerifyLine,
    /// Whether anything else stands on the line or below it.
    pub(super) stranded: bool,
}

/// Cuts a document at the last line that names a base.
pub(super) fn split(text: &str) -> Option<Split> {
    let mut above: Vec<&str> = text.split('\n').map(trim).collect();
    let mut stranded = false;
    while let Some(line) = above.pop() {
        if let Some(found) = match_line(line) {
            return Some(Split {
                claim: join_claim(above),
                verify: VerifyLine { prefix: found.prefix, base: String::from(found.base) },
                stranded: stranded || found.stranded,
            });
        }
        stranded |= !line.is_empty();
    }
    None
}

fn join_claim(mut lines: Vec<&str>) -> String {
    while lines.pop_if(|line| line.is_empty()).is_some() {}
    lines.join("\n")
}

struct Found<'l> {
    prefix: Prefix,
    base: &'l str,
    stranded: bool,
}

/// Matches one trimmed line against `/(^|\s)(verify|vfy)\s*:\s*/i`: the leftmost match counts, and
/// a match without a base is none.
fn match_line(line: &str) -> Option<Found<'_>> {
    let after_w = line.char_indices().filter(|(_, c)| is_w(*c)).map(|(at, c)| at + c.len_utf8());
    let (at, prefix, rest) = core::iter::once(0).chain(after_w).find_map(|at| {
        let (prefix, rest) = strip_prefix(line.get(at..)?)?;
        Some((at, prefix, rest))
    })?;
    let (base, beside) = rest.split_once(' ').unwrap_or((rest, ""));
    if base.is_empty() {
        return None;
    }
    Some(Found { prefix, base, stranded: at > 0 || !beside.is_empty() })
}

/// Takes `verify` or `vfy`, white space, a colon and white space off the front.
fn strip_prefix(text: &str) -> Option<(Prefix, &str)> {
    let (prefix, rest) = [("verify", Prefix::Verify), ("vfy", Prefix::Vfy)]
        .into_iter()
        .find_map(|(word, prefix)| Some((prefix, strip_word(text, word)?)))?;
    let rest = rest.trim_start_matches(is_w).strip_prefix(':')?;
    Some((prefix, trim(rest)))
}

fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (front, rest) = text.split_at_checked(word.len())?;
    front.eq_ignore_ascii_case(word).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use regress::Regex;

    /// The rule of Live Verify, word for word, on its own regular expression.
    fn by_regex(text: &str, pattern: &Regex) -> Option<(String, String)> {
        let lines: Vec<&str> = text.split('\n').map(trim).collect();
        for (index, line) in lines.iter().enumerate().rev() {
            let Some(found) = pattern.find(line) else { continue };
            let word = &line[found.group(2).unwrap()];
            let rest = trim(&line[found.end()..]);
            let base = rest.find(' ').map_or(rest, |at| &rest[..at]);
            if !base.is_empty() {
                let prefix = if word.len() == 3 { "vfy:" } else { "verify:" };
                let claim = lines[..index].join("\n");
                let claim = claim.trim_end_matches('\n').to_string();
                return Some(([prefix, base].concat(), claim));
            }
        }
        None
    }

    #[test]
    fn every_short_document_is_cut_as_the_regular_expression_cuts_it() {
        let tokens = ["verify", "VFY", ":", " ", "\u{feff}", "\u{85}", "x", "\n"];
        let pattern = Regex::with_flags(r"(^|\s)(verify|vfy)\s*:\s*", "i").unwrap();
        let mut found = 0;
        for number in 0..tokens.len().pow(5) {
            let text: String = (0..5)
                .map(|place| tokens[number / tokens.len().pow(place) % tokens.len()])
                .collect();
            let ours = split(&text).map(|split| (split.verify.to_text(), split.claim));
            assert_eq!(ours, by_regex(&text, &pattern), "{text:?}");
            found += usize::from(ours.is_some());
        }
        assert!(found > 1000, "{found}");
    }

    #[test]
    fn text_below_or_beside_the_line_is_stranded() {
        let stranded = |text: &str| split(text).unwrap().stranded;
        for text in ["X\nverify:a.b", "X\nverify:a.b\n \n", " vfy : a.b \r\n", "\u{feff}vfy:a.b"] {
            assert!(!stranded(text), "{text:?}");
        }
        for text in ["Y verify:a.b", "verify:a.b c", "verify:a.b\nY", "verify:a.b\nverify:"] {
            assert!(stranded(text), "{text:?}");
        }
    }

    #[test]
    fn an_earlier_verify_line_is_claim_text() {
        let split = split("verify:a.b\n\n x \n\nvfy:c.d").unwrap();
        assert_eq!(split.claim, "verify:a.b\n\nx");
        assert_eq!(split.verify.to_text(), "vfy:c.d");
        assert_eq!(split.verify.scheme_prefix(), "vfy:");
    }

    #[test]
    fn letters_that_only_look_alike_are_not_matched() {
        for text in ["verıfy:a.b", "ｖerify:a.b", "vfÿ:a.b", ">verify:a.b", "verify：a.b", "ve"]
        {
            assert_eq!(find_verify_line(text), None, "{text:?}");
        }
    }

    #[test]
    fn readers_are_shown_the_host() {
        let host = |text: &str| find_verify_line(text).unwrap().host().to_string();
        assert_eq!(host("verify:Bank.Example/c"), "Bank.Example");
        assert_eq!(host("verify:bank.example:8443?x"), "bank.example");
        assert_eq!(host("verify:[::1]:80/c"), "[::1]");
        assert_eq!(host("verify:bank.example@other.example/c"), "other.example");
    }
}
