//! Normalization: the text that is hashed, whichever way it was copied, scanned or typed
//! (Live Verify, verification line).
//!
//! Nothing else happens to a text: no NFC, no removal of format characters or of border marks.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;

use super::meta::Meta;
use super::{DocumentError, TEXT_BYTES_MAX, rules};

/// The white space of Live Verify, verification line: the `\s` of JavaScript, written out here and
/// nowhere else.
///
/// [`char::is_whitespace`] is not the same set: it has U+0085 and lacks U+FEFF.
#[must_use]
pub fn is_w(c: char) -> bool {
    matches!(
        c,
        '\u{0009}'..='\u{000d}'
            | '\u{0020}'
            | '\u{00a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
            | '\u{feff}'
    )
}

/// Strips the white space of [`is_w`] at both ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_w)
}

/// Normalizes a claim text, with what the issuer's `verification-meta.json` adds (Live Verify,
/// verification line).
pub fn normalize(text: &str, meta: Option<&Meta>) -> Result<String, DocumentError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(DocumentError::TextTooLong { bytes: text.len() });
    }
    let Some(meta) = meta else { return Ok(fold_and_join(text)) };
    let folded = fold_chars(text, &meta.folds);
    Ok(fold_and_join(&rules::apply(&meta.rules, folded)?))
}

/// The issuer's own characters.
fn fold_chars<'t>(text: &'t str, folds: &BTreeMap<char, char>) -> Cow<'t, str> {
    if folds.is_empty() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| folds.get(&c).copied().unwrap_or(c)).collect())
}

/// Punctuation and white space, in one pass: no fold of punctuation makes or breaks a line, and the
/// one that touches white space (U+00A0) leaves it white space.
fn fold_and_join(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split('\n').map(trim).filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push('\n');
        }
        let mut in_gap = false;
        for c in line.chars() {
            if !is_w(c) {
                push_folded(c, &mut out);
            } else if !in_gap {
                out.push(' ');
            }
            in_gap = is_w(c);
        }
    }
    out
}

fn push_folded(c: char, out: &mut String) {
    match c {
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{00ab}' | '\u{00bb}' => out.push('"'),
        '\u{2018}' | '\u{2019}' => out.push('\''),
        '\u{2013}' | '\u{2014}' => out.push('-'),
        '\u{2026}' => out.push_str("..."),
        _ => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use regress::Regex;

    /// The same steps one by one, with the `\s` of an ECMAScript engine.
    fn step_by_step(text: &str) -> String {
        let replace = |pattern: &str, text: &str, by: &str| {
            Regex::new(pattern).unwrap().replace_all(text, by)
        };
        let text = replace("[\u{201c}\u{201d}\u{201e}\u{ab}\u{bb}]", text, "\"");
        let text = replace("[\u{2018}\u{2019}]", &text, "'");
        let text = replace("[\u{2013}\u{2014}]", &text, "-");
        let text = replace("\u{2026}", &replace("\u{a0}", &text, " "), "...");
        let lines: Vec<String> = text
            .split('\n')
            .map(|line| replace(r"\s+", &replace(r"^\s+|\s+$", line, ""), " "))
            .filter(|line| !line.is_empty())
            .collect();
        lines.join("\n")
    }

    #[test]
    fn the_white_space_is_that_of_ecmascript() {
        let space = Regex::new(r"\s").unwrap();
        let ours: Vec<char> = ('\0'..=char::MAX).filter(|c| is_w(*c)).collect();
        assert_eq!(ours.len(), 25);
        for c in '\0'..='\u{ffff}' {
            let text = String::from(c);
            assert_eq!(is_w(c), space.find(&text).is_some(), "{c:?}");
        }
    }

    #[test]
    fn every_short_text_is_normalized_as_step_by_step() {
        let tokens = ["a", "\u{2026}", " ", "\u{a0}", "\u{feff}", "\u{85}", "\n", "\r"];
        for number in 0..tokens.len().pow(4) {
            let text: String = (0..4)
                .map(|place| tokens[number / tokens.len().pow(place) % tokens.len()])
                .collect();
            let ours = normalize(&text, None).unwrap();
            assert_eq!(ours, step_by_step(&text), "{text:?}");
            assert_eq!(normalize(&ours, None).as_ref(), Ok(&ours), "twice is once: {text:?}");
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        let text = "e\u{301} \u{200b}\u{ad} | x | ` # \u{2039}y\u{203a} \u{201a}z \u{2012}\u{2015}";
        assert_eq!(normalize(text, None).unwrap(), text);
    }

    #[test]
    fn a_text_over_the_limit_is_refused() {
        let bytes = TEXT_BYTES_MAX + 1;
        let text = String::from_utf8(vec![b'a'; bytes]).unwrap();
        assert_eq!(normalize(&text, None), Err(DocumentError::TextTooLong { bytes }));
    }
}
