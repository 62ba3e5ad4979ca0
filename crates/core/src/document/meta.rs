//! `verification-meta.json`, as far as it changes a hash or an address (Live Verify, verification
//! line). What it says about answers and authorities is not here.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_json::Value;

use super::normalize::{is_w, trim};
use super::rules::Rule;
use super::{DocumentError, META_BYTES_MAX, RULES_MAX};

/// An issuer's `verification-meta.json`: the members that change the hash or the hash URL (Live
/// Verify, verification line).
///
/// All members are optional; unknown ones are ignored, and so are known ones of another type than
/// they should be. A file that is too big to be honest is refused, for to ignore a part of it would
/// give a wrong hash.
#[derive(Clone, Default)]
pub struct Meta {
    pub(super) folds: BTreeMap<char, char>,
    pub(super) rules: Vec<Rule>,
    pub(super) hosting: Hosting,
}

/// Where the hashes are.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Hosting {
    pub(super) hashes_hosted_at: Option<String>,
    pub(super) suffix: String,
}

impl Meta {
    /// Reads the file as the canonical client does: a byte order mark is dropped, of a duplicate
    /// member the last counts, and JSON that is no object says nothing (Live Verify, verification
    /// line).
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.len() > META_BYTES_MAX {
            return Err(DocumentError::MetaTooLong { bytes: bytes.len() });
        }
        let json: Value =
            serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
                .map_err(|error| DocumentError::MetaNotJson { line: error.line() })?;
        let text = |member| text(&json, member);
        let suffix = text("appendToHashResourceName").or_else(|| text("appendToHashFileName"));
        Ok(Self {
            folds: text("charNormalization").map(compose_folds).unwrap_or_default(),
            rules: read_rules(&json)?,
            hosting: Hosting {
                hashes_hosted_at: text("hashesHostedAt").map(ToOwned::to_owned),
                suffix: suffix.unwrap_or_default().to_owned(),
            },
        })
    }
}

/// Says how much is in the file, not what.
impl fmt::Debug for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meta")
            .field("folds", &self.folds.len())
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}

/// A member that is a string and not empty; to JavaScript an empty one is as good as none.
fn text<'j>(json: &'j Value, member: &str) -> Option<&'j str> {
    json.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Reads groups of `sources→target`. Clients apply them one after the other, so that `a→b b→c`
/// turns `a` into `c`; read from the end, each fold is looked up in those that come after it, and
/// one map does the work of all.
fn compose_folds(groups: &str) -> BTreeMap<char, char> {
    let mut folds = BTreeMap::new();
    for group in trim(groups).split(is_w).rev() {
        let Some((sources, target)) = parse_group(group) else { continue };
        for source in sources.chars().rev() {
            let target = folds.get(&target).copied().unwrap_or(target);
            folds.insert(source, target);
        }
    }
    folds
}

/// Exactly one arrow, and a target of exactly one UTF-16 unit.
fn parse_group(group: &str) -> Option<(&str, char)> {
    let (sources, target) = group.split_once('→')?;
    let mut chars = target.chars();
    let target = chars.next().filter(|c| *c != '→' && c.len_utf16() == 1)?;
    chars.next().is_none().then_some((sources, target))
}

fn read_rules(json: &Value) -> Result<Vec<Rule>, DocumentError> {
    let Some(list) = json.get("ocrNormalizationRules").and_then(Value::as_array) else {
        return Ok(Vec::new());
    };
    if list.len() > RULES_MAX {
        return Err(DocumentError::TooManyRules { size: list.len() });
    }
    let mut rules = Vec::new();
    for (index, rule) in list.iter().enumerate() {
        if let (Some(pattern), Some(replacement)) =
            (text(rule, "pattern"), text(rule, "replacement"))
        {
            rules.extend(Rule::compile(index, pattern, replacement)?);
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::{format, vec};

    fn parse(json: &str) -> Meta {
        Meta::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn folds_work_as_if_applied_one_after_the_other() {
        let letters = ["a", "b", "c"];
        for number in 0..9_usize.pow(3) {
            let folds: Vec<_> = (0..3)
                .map(|place| number / 9_usize.pow(place) % 9)
                .map(|fold| (letters[fold % 3], letters[fold / 3]))
                .collect();
            let groups: Vec<_> = folds.iter().map(|(from, to)| format!("{from}→{to}")).collect();
            let composed = compose_folds(&groups.join(" "));
            for letter in letters {
                let one_by_one = folds
                    .iter()
                    .fold(letter.to_string(), |text, (from, to)| text.replace(from, to));
                let c = letter.chars().next().unwrap();
                let folded = composed.get(&c).copied().unwrap_or(c);
                assert_eq!(one_by_one, folded.to_string(), "{groups:?}");
            }
        }
        assert_eq!(compose_folds("ab→b").get(&'a'), Some(&'b'));
    }

    #[test]
    fn groups_that_are_not_one_arrow_and_one_unit_are_ignored() {
        for group in ["ß→ss", "a→😀", "a→", "a", "", "→→", "a→b→c", "a→→"] {
            assert_eq!(parse_group(group), None, "{group}");
        }
        assert_eq!(parse_group("😀→x"), Some(("😀", 'x')));
        assert_eq!(parse_group("→x"), Some(("", 'x')));
        let folds = compose_folds("\u{feff}é→e\u{3000}\tß→ss ü→u\u{85}x→y ");
        assert_eq!(folds, BTreeMap::from([('é', 'e')]), "U+0085 parts no groups");
    }

    #[test]
    fn members_of_another_type_say_nothing() {
        for json in [
            "null",
            "[]",
            "7",
            r#"{"charNormalization":7,"ocrNormalizationRules":{"0":1},"hashesHostedAt":[],"x":{}}"#,
            r#"{"ocrNormalizationRules":[null,7,{},{"pattern":"a"},{"pattern":1,"replacement":"b"},
                {"pattern":"","replacement":"b"},{"pattern":"a","replacement":""},
                {"pattern":"(","replacement":"b"}],"appendToHashResourceName":7}"#,
        ] {
            let meta = parse(json);
            assert!(meta.folds.is_empty() && meta.rules.is_empty(), "{json}");
            assert!(meta.hosting == Hosting::default(), "{json}");
        }
    }

    #[test]
    fn the_old_name_of_the_suffix_counts_where_the_new_one_is_missing_or_empty() {
        let suffix = |json: &str| parse(json).hosting.suffix;
        assert_eq!(suffix(r#"{"appendToHashFileName":".json"}"#), ".json");
        assert_eq!(suffix(r#"{"appendToHashResourceName":"","appendToHashFileName":".a"}"#), ".a");
        assert_eq!(
            suffix(r#"{"appendToHashFileName":".a","appendToHashResourceName":".b"}"#),
            ".b"
        );
    }

    #[test]
    fn files_that_cannot_be_used_are_refused() {
        let error = |bytes: &[u8]| Meta::parse(bytes).err();
        assert_eq!(error(b"{\n}x"), Some(DocumentError::MetaNotJson { line: 2 }));
        assert_eq!(error(br#""\ud800""#), Some(DocumentError::MetaNotJson { line: 1 }));
        assert_eq!(error(b"\xef\xbb\xbf{}"), None);
        let bytes = META_BYTES_MAX + 1;
        assert_eq!(error(&vec![b' '; bytes]), Some(DocumentError::MetaTooLong { bytes }));
        let rule = r#"{"pattern":"a","replacement":"b"}"#;
        let file =
            |size| format!(r#"{{"ocrNormalizationRules":[{}]}}"#, vec![rule; size].join(","));
        assert_eq!(error(file(RULES_MAX).as_bytes()), None);
        let size = RULES_MAX + 1;
        assert_eq!(error(file(size).as_bytes()), Some(DocumentError::TooManyRules { size }));
    }
}
