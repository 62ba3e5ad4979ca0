//! An issuer's `ocrNormalizationRules`: JavaScript regular expressions, global and without the flag
//! `u`, with JavaScript's syntax of replacements (Live Verify, verification line; ECMA-262,
//! `GetSubstitution`).
//!
//! Without `u` JavaScript matches UTF-16 units, so pattern and text are units here too: `.` is half
//! an emoji, and a rule can leave half of one behind. What is left of it becomes U+FFFD, which is
//! what a client hashes in its place.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use regress::{Flags, Match, Regex};

use super::effort::Effort;
use super::{DocumentError, PATTERN_GROUPS_MAX, PATTERN_UNITS_MAX, TEXT_BYTES_MAX, WORK_MAX};

/// How long a text can become under way, in UTF-16 units: twice the longest document.
const GROWN_UNITS_MAX: usize = 2 * TEXT_BYTES_MAX;

/// One rule that compiles.
#[derive(Clone)]
pub(super) struct Rule {
    index: usize,
    regex: Regex,
    replacement: Vec<u16>,
    effort: Effort,
}

impl Rule {
    /// `None` for a pattern that is not a regular expression: clients skip it.
    pub(super) fn compile(
        index: usize,
        pattern: &str,
        replacement: &str,
    ) -> Result<Option<Self>, DocumentError> {
        let pattern: Vec<u16> = pattern.encode_utf16().collect();
        let replacement: Vec<u16> = replacement.encode_utf16().collect();
        let groups = pattern.iter().filter(|unit| ascii(**unit) == Some('(')).count();
        if pattern.len().max(replacement.len()) > PATTERN_UNITS_MAX || groups > PATTERN_GROUPS_MAX {
            return Err(DocumentError::RuleTooLong { index });
        }
        let pattern = spell_out_u(&pattern);
        let Some(regex) = compile(&pattern) else { return Ok(None) };
        let Some(effort) = Effort::of(&pattern, replacement.len()) else { return Ok(None) };
        Ok(Some(Self { index, regex, replacement, effort }))
    }

    fn replace_all(&self, text: &[u16]) -> Result<Vec<u16>, DocumentError> {
        let mut out = Output { rule_index: self.index, units: Vec::with_capacity(text.len()) };
        let mut end = 0;
        for found in self.regex.find_from_ucs2(text, 0) {
            out.push(slice(text, end..found.start()))?;
            out.expand(&self.replacement, text, &found)?;
            end = found.end();
        }
        out.push(slice(text, end..text.len()))?;
        Ok(out.units)
    }
}

/// Applies all rules in their order.
pub(super) fn apply<'t>(rules: &[Rule], text: Cow<'t, str>) -> Result<Cow<'t, str>, DocumentError> {
    if rules.is_empty() {
        return Ok(text);
    }
    let mut units: Vec<u16> = text.encode_utf16().collect();
    let mut work_left = WORK_MAX;
    for rule in rules {
        let work = rule.effort.on(&units);
        work_left = work_left
            .checked_sub(work)
            .ok_or(DocumentError::RuleTooCostly { index: rule.index })?;
        units = rule.replace_all(&units)?;
    }
    Ok(Cow::Owned(String::from_utf16_lossy(&units)))
}

/// Compiles a pattern of units, as JavaScript does without the flag `u`.
pub(super) fn compile(pattern: &[u16]) -> Option<Regex> {
    Regex::from_unicode(pattern.iter().map(|unit| u32::from(*unit)), Flags::default()).ok()
}

/// The character of a unit, if it is ASCII: all that patterns and replacements give a meaning to.
pub(super) fn ascii(unit: u16) -> Option<char> {
    u8::try_from(unit).ok().filter(u8::is_ascii).map(char::from)
}

/// Drops the backslash of a `\u` that four hexadecimal digits do not follow: without the flag `u`
/// it is the letter, but `regress` takes `\u{…}` for a code point with or without the flag.
fn spell_out_u(pattern: &[u16]) -> Vec<u16> {
    let mut out = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((unit, after)) = rest.split_first() {
        rest = after;
        if ascii(*unit) != Some('\\') {
            out.push(*unit);
            continue;
        }
        let Some((escaped, after)) = rest.split_first() else {
            out.push(*unit);
            break;
        };
        rest = after;
        let is_hex = |unit: &u16| ascii(*unit).is_some_and(|c| c.is_ascii_hexdigit());
        let is_code = after.get(..4).is_some_and(|digits| digits.iter().all(is_hex));
        if ascii(*escaped) != Some('u') || is_code {
            out.push(*unit);
        }
        out.push(*escaped);
    }
    out
}

fn slice(text: &[u16], range: Range<usize>) -> &[u16] {
    text.get(range).unwrap_or_default()
}

/// The text under way; all that is pushed is counted.
struct Output {
    rule_index: usize,
    units: Vec<u16>,
}

impl Output {
    fn push(&mut self, units: &[u16]) -> Result<(), DocumentError> {
        if self.units.len() + units.len() > GROWN_UNITS_MAX {
            return Err(DocumentError::RuleGrowsText { index: self.rule_index });
        }
        self.units.extend_from_slice(units);
        Ok(())
    }

    /// Puts in the replacement of one match.
    fn expand<'t>(
        &mut self,
        mut template: &'t [u16],
        text: &'t [u16],
        found: &Match,
    ) -> Result<(), DocumentError> {
        while let Some(at) = template.iter().position(|unit| ascii(*unit) == Some('$')) {
            let (plain, reference) = template.split_at(at);
            self.push(plain)?;
            let (value, rest) = resolve(reference, text, found);
            self.push(value)?;
            template = rest;
        }
        self.push(template)
    }
}

/// The value of the reference at the front, and what comes after it; a `$` that refers to nothing
/// stands for itself.
fn resolve<'t>(reference: &'t [u16], text: &'t [u16], found: &Match) -> (&'t [u16], &'t [u16]) {
    let (dollar, rest) = reference.split_at(1);
    let after = rest.get(1..).unwrap_or_default();
    match rest.first().and_then(|unit| ascii(*unit)) {
        Some('$') => (dollar, after),
        Some('&') => (slice(text, found.range()), after),
        Some('`') => (slice(text, 0..found.start()), after),
        Some('\'') => (slice(text, found.end()..text.len()), after),
        Some('<') => resolve_name(after, text, found).unwrap_or((dollar, rest)),
        Some('0'..='9') => resolve_number(rest, text, found).unwrap_or((dollar, rest)),
        _ => (dollar, rest),
    }
}

/// `name>`, where the pattern names a group at all; an unknown name is empty.
fn resolve_name<'t>(
    rest: &'t [u16],
    text: &'t [u16],
    found: &Match,
) -> Option<(&'t [u16], &'t [u16])> {
    found.named_groups().next()?;
    let end = rest.iter().position(|unit| ascii(*unit) == Some('>'))?;
    let (name, rest) = rest.split_at(end);
    let group = found
        .named_groups()
        .find(|(known, _)| known.encode_utf16().eq(name.iter().copied()))
        .and_then(|(_, range)| range);
    Some((slice(text, group.unwrap_or_default()), rest.get(1..).unwrap_or_default()))
}

/// One digit or two, two only if there are that many groups; a group that did not take part is
/// empty.
fn resolve_number<'t>(
    rest: &'t [u16],
    text: &'t [u16],
    found: &Match,
) -> Option<(&'t [u16], &'t [u16])> {
    let digit = |at: usize| {
        let value = ascii(*rest.get(at)?)?.to_digit(10)?;
        usize::try_from(value).ok()
    };
    let one = digit(0)?;
    let two = digit(1).map(|units| 10 * one + units).filter(|two| *two <= found.captures.len());
    let (number, length) = two.map_or((one, 1), |two| (two, 2));
    let capture = found.captures.get(number.checked_sub(1)?)?;
    Some((slice(text, capture.clone().unwrap_or_default()), rest.get(length..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(pattern: &str, replacement: &str, text: &str) -> Result<String, DocumentError> {
        let rule = Rule::compile(0, pattern, replacement)?.expect("the pattern should compile");
        apply(&[rule], Cow::Borrowed(text)).map(Cow::into_owned)
    }

    #[test]
    fn rules_give_what_javascript_gives() {
        // Written by node: `text.replace(new RegExp(pattern, "g"), replacement)`, encoded as UTF-8.
        for (pattern, replacement, text, expected) in [
            ("CHF\\s+(\\d)", "CHF$1", "Total: CHF  100", "Total: CHF100"),
            ("\\bl(?=\\d)", "1", "l23 xl2 l", "123 xl2 l"),
            ("(?<y>\\d+)-(\\d+)", "$2/$<y>$<none>|", "2026-03 1-2", "03/2026| 2/1|"),
            ("(a)(b)?", "[$1$2$3$0$00$01$10$02]", "ab ac", "[ab$3$0$00aa0b] [a$3$0$00aa0]c"),
            ("b", "<$`|$&|$'|$$|$|$x|$<y>>", "abc", "a<a|b|c|$|$|$x|$<y>>c"),
            ("b", "$", "abc", "a$c"),
            ("x*", "-", "axb", "-a--b-"),
            ("(?:)", "-", "a😀", "-a-\u{fffd}-\u{fffd}-"),
            (".", "<$&>", "a\nb", "<a>\n<b>"),
            ("\\ud83d", "_", "😀", "_\u{fffd}"),
            ("[^a]", "_", "a😀", "a__"),
            ("😀+", "x", "😀😀", "xx"),
            ("\\u{2}", "x", "uu u", "x u"),
            ("[\\u{2}]", "x", "u{2}3", "xxxx3"),
            ("\\u00e9|\\xe8", "e", "éèê", "eeê"),
            ("\\s+", " ", "a\u{85}\u{feff}\u{2028}\u{180e}b", "a\u{85} \u{180e}b"),
            ("\\w+", "w", "aſK_é9", "wſwéw"),
            ("\\d", "#", "1٣", "#٣"),
            ("^", "> ", "a\nb", "> a\nb"),
            ("$", "<", "a\nb", "a\nb<"),
            ("(?<=\\$)(\\d+)", "($1)", "$42 42", "$(42) 42"),
            ("(?<!a)b", "x", "ab bb", "ab xx"),
            ("(z)((a+)?(b+)?(c))*", "$1,$2,$3,$4,$5", "zaacbc", "z,bc,,b,c"),
            ("(a)|b", "[$1]", "ab", "[a][]"),
            ("a{,5}", "x", "a{,5} aaa", "x aaa"),
            ("(.)\\1", "$1", "aabbc", "abc"),
            ("(?<n>a)|(b)", "$<n>$<m>$<n", "ab", "a$<n$<n"),
            ("\\12", "x", "\n1", "x1"),
            ("A", "a", "aA", "aa"),
            ("(1)(2)(3)(4)(5)(6)(7)(8)(9)(0)(x)", "$11-$12-$1-$110", "1234567890x", "x-12-1-x0"),
        ] {
            let ours = replaced(pattern, replacement, text);
            assert_eq!(ours.as_deref(), Ok(expected), "{pattern} {replacement} {text}");
        }
    }

    #[test]
    fn patterns_that_javascript_does_not_compile_are_skipped() {
        for pattern in ["(", "a**", "[b-a]", r"\b*", "(?<=a)+", "a{2,1}", "(?<n>a)(?<n>b)", r"\"] {
            assert!(matches!(Rule::compile(0, pattern, "x"), Ok(None)), "{pattern}");
        }
    }

    #[test]
    fn rules_are_applied_in_their_order() {
        let rule = |index, pattern, by| Rule::compile(index, pattern, by).unwrap().unwrap();
        let rules =
            [rule(0, "a", "b"), rule(1, "b", "cc"), rule(2, r"\ud83d", "x"), rule(4, "x.", "y")];
        let text = apply(&rules, Cow::Borrowed("ab😀")).unwrap();
        assert_eq!(text, "ccccy", "no half of a pair is mended between two rules");
    }

    #[test]
    fn rules_that_are_too_long_take_too_long_or_grow_the_text_are_refused() {
        let long = "a".repeat(PATTERN_UNITS_MAX + 1);
        let too_long = Err(DocumentError::RuleTooLong { index: 0 });
        assert_eq!(replaced(&long, "b", ""), too_long);
        assert_eq!(replaced("a", &long, ""), too_long);
        let groups = |size| ["(".repeat(size), ")".repeat(size)].concat();
        assert_eq!(replaced(&groups(PATTERN_GROUPS_MAX), "b", "").as_deref(), Ok("b"));
        assert_eq!(replaced(&groups(PATTERN_GROUPS_MAX + 1), "b", ""), too_long);
        let too_costly = Err(DocumentError::RuleTooCostly { index: 0 });
        assert_eq!(replaced("(a+)+b", "x", &"a".repeat(60)), too_costly);
        let grows = Err(DocumentError::RuleGrowsText { index: 0 });
        assert_eq!(replaced("a", "$'$'", &"a".repeat(2000)), grows);
        assert_eq!(replaced("a", "$'", &"a".repeat(2000)).unwrap().len(), 1_999_000);
    }

    #[test]
    fn all_rules_share_the_work() {
        // Nothing in the text opens a match, so that the work is small and the estimate is not.
        let text = "a".repeat(300);
        let rule = |index| Rule::compile(index, "xa*a*y", "b").unwrap().unwrap();
        let alone = rule(0).effort.on(&text.encode_utf16().collect::<Vec<u16>>());
        let enough = usize::try_from(WORK_MAX / alone).unwrap();
        assert_ne!(enough, 0);
        let rules: Vec<Rule> = (0..=enough).map(rule).collect();
        let index = enough;
        let result = apply(&rules, Cow::Borrowed(&text));
        assert_eq!(result, Err(DocumentError::RuleTooCostly { index }));
    }
}
