//! Patterns: what their language has, and what it refuses.

use alloc::{collections::BTreeSet, format, string::String};

use super::{
    automaton::{Automaton, Node},
    pattern::{Pattern, PatternError, parse_tree},
};

#[test]
fn patterns_match_the_whole_value_and_nothing_else() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("A", &["A"], &["", "a", "AA", "BA", "AB"]),
        ("[A-Z0-9_-]{1,8}", &["A", "9", "_-_-", "ABCDEFGH"], &["", "ABCDEFGHI", "a", "A B"]),
        ("[0-9]{4}-[0-9]{2}", &["2026-01"], &["2026-1", "2026-011", "202-011", "2026_01"]),
        ("(AWS|GCP)-[A-Z]+", &["AWS-X", "GCP-LAMBDA"], &["AWS-", "AZURE-X", "AWS", "AWSGCP-X"]),
        ("AB|CD", &["AB", "CD"], &["ABD", "ACD", "ABCD"]),
        ("[A-Z]+(-[A-Z0-9]+)*", &["A", "A-1", "LAMBDA-DEEP-DIVE-2026"], &["A-", "-A", "1", "A--B"]),
        ("(a?b){2,3}", &["bb", "abb", "babab", "bbb"], &["b", "ab", "aab", "bbbb"]),
        ("(a*)*b", &["b", "aaab"], &["a", "", "ba"]),
        ("(a?){2,4}", &["", "a", "aaaa"], &["aaaaa", "b"]),
        ("x{0,2}y?", &["", "x", "xx", "y", "xxy"], &["xxx", "yx", "yy"]),
        (r"\.\[\(\\\+\$\^\{", &[r".[(\+$^{"], &["", r".[(\\+$^{", "x[(\\+$^{"]),
        (r"[\]\\\^\-]+", &["]\\^-"], &["[", "x"]),
        ("[-a]+", &["-a-"], &["b"]),
        ("[.$*+?(){}|/]{2}", &[".$", "()", "|/"], &["ab", "\\."]),
        ("-&&,:;=@#%!~ '\"`<>/_x", &["-&&,:;=@#%!~ '\"`<>/_x"], &["-&,:;=@#%!~ '\"`<>/_x"]),
    ];
    for (pattern, matching, others) in cases {
        let parsed = Pattern::parse(pattern).unwrap();
        assert_eq!(parsed.text(), *pattern);
        for value in *matching {
            assert!(parsed.matches(value), "{pattern} takes {value}");
        }
        for value in *others {
            assert!(!parsed.matches(value), "{pattern} does not take {value}");
        }
        assert!(!parsed.matches("é"), "{pattern} takes ascii only");
    }
}

#[test]
fn what_other_engines_might_read_otherwise_is_refused() {
    use PatternError::{Class, NotPrintable, Repetition, Unexpected};
    let unexpected = [
        (".", 1),
        ("^A", 1),
        ("A$", 2),
        ("*", 1),
        ("A**", 3),
        ("A+?", 3),
        ("A{2}{3}", 5),
        ("(?:A)", 2),
        ("(?i)A", 2),
        ("(A", 3),
        ("A)", 2),
        ("()", 2),
        ("A|", 3),
        ("|A", 1),
        ("(A|)B", 4),
        ("A||B", 3),
        ("]", 1),
        ("}", 1),
        (r"\d", 1),
        (r"\", 1),
        (r"\-", 1),
        (r"A\b", 2),
        (r"\x41", 1),
    ];
    for (text, place) in unexpected {
        assert_eq!(Pattern::parse(text), Err(Unexpected { place }), "{text}");
    }
    let classes = [
        ("[]", 2),
        ("[", 2),
        ("[A", 3),
        ("[^A]", 2),
        ("[A^]", 3),
        ("[[A]]", 2),
        ("[[:digit:]]", 2),
        ("[Z-A]", 2),
        ("[A-A]", 2),
        ("[A-z]", 2),
        ("[0-Z]", 2),
        ("[A-Z-9]", 5),
        ("[+--]", 2),
        ("[AA]", 3),
        ("[A-ZB]", 5),
        ("[A&&B]", 4),
        (r"[\d]", 2),
        (r"[\.]", 2),
        ("[--]", 3),
        ("[A-", 3),
    ];
    for (text, place) in classes {
        assert_eq!(Pattern::parse(text), Err(Class { place }), "{text}");
    }
    let repetitions = [
        "A{}", "A{0}", "A{,3}", "A{3,}", "A{3,3}", "A{4,3}", "A{03}", "A{+3}", "A{ 3}", "A{65}",
        "A{1,65}", "A{3", "A{1,2,3}", "A{999}", "A{a}",
    ];
    for text in repetitions {
        assert_eq!(Pattern::parse(text), Err(Repetition { place: 2 }), "{text}");
    }
    for text in [" A", "A ", "é", "A\tB", "A\nB"] {
        assert_eq!(Pattern::parse(text), Err(NotPrintable), "{text}");
    }
}

#[test]
fn patterns_are_bounded() {
    assert_eq!(Pattern::parse(""), Err(PatternError::Size { size: 0 }));
    assert_eq!(Pattern::parse(&"A".repeat(201)), Err(PatternError::Size { size: 201 }));
    assert!(Pattern::parse(&"A".repeat(128)).is_ok());
    assert_eq!(Pattern::parse(&"A".repeat(129)), Err(PatternError::TooLarge));
    assert!(Pattern::parse("(A{64}){2}").is_ok());
    assert_eq!(Pattern::parse("(A{64}){2}B"), Err(PatternError::TooLarge));
    assert_eq!(Pattern::parse("((((A{64}){64}){64}){64}){64}"), Err(PatternError::TooLarge));
    let nested = |depth: usize| format!("{}A{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Pattern::parse(&nested(8)).is_ok());
    assert_eq!(Pattern::parse(&nested(9)), Err(PatternError::TooDeep));
    // Groups side by side do not add up.
    assert!(Pattern::parse(&"(A)".repeat(60)).is_ok());
}

/// Where a match that begins at `from` may end: the definition of matching, with none of the
/// automaton's art.
fn ends(node: &Node, value: &[u8], from: usize) -> BTreeSet<usize> {
    match node {
        Node::Set(set) => value
            .get(from)
            .filter(|byte| (*set >> **byte) & 1 == 1)
            .map(|_| from + 1)
            .into_iter()
            .collect(),
        Node::Sequence(nodes) => nodes.iter().fold([from].into(), |starts: BTreeSet<_>, node| {
            starts.into_iter().flat_map(|start| ends(node, value, start)).collect()
        }),
        Node::Choice(nodes) => nodes.iter().flat_map(|node| ends(node, value, from)).collect(),
        Node::Repeat { node, min, max } => {
            let mut starts = BTreeSet::from([from]);
            let mut all = if *min == 0 { starts.clone() } else { BTreeSet::new() };
            // Without an upper bound, more rounds than characters reach nothing new.
            for times in 1..=max.map_or(value.len() + 1, usize::from) {
                starts = starts.into_iter().flat_map(|start| ends(node, value, start)).collect();
                if times >= usize::from(*min) {
                    all.extend(&starts);
                }
            }
            all
        }
    }
}

/// Small numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        // Knuth's MMIX generator; its low bits are poor.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn pattern(&mut self, depth: u64) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(3) {
            match self.below(if depth == 0 { 3 } else { 6 }) {
                0 => text.push('a'),
                1 => text.push('b'),
                2 => text.push_str("[ab]"),
                3 | 4 => text.extend(["(", &self.pattern(depth - 1), ")"]),
                _ => {
                    text.extend([
                        "(",
                        &self.pattern(depth - 1),
                        "|",
                        &self.pattern(depth - 1),
                        ")",
                    ]);
                }
            }
            let quantifiers = ["", "", "", "?", "*", "+", "{2}", "{0,2}", "{1,3}", "{2,4}"];
            let at = usize::try_from(self.below(10)).unwrap();
            text.push_str(quantifiers[at]);
        }
        text
    }
}

#[test]
fn the_automaton_agrees_with_the_definition_on_all_short_values() {
    let values = (0..=6).flat_map(|size| {
        (0_u32..1 << size).map(move |bits| {
            (0..size).map(|at| if bits >> at & 1 == 0 { 'a' } else { 'b' }).collect::<String>()
        })
    });
    let values: alloc::vec::Vec<String> = values.collect();
    let mut dice = Dice(1);
    let (mut compared, mut matched) = (0, 0);
    for _ in 0..80 {
        let text = dice.pattern(2);
        let Ok(tree) = parse_tree(&text) else { continue };
        let Some(automaton) = Automaton::of(&tree) else { continue };
        for value in &values {
            let expected = ends(&tree, value.as_bytes(), 0).contains(&value.len());
            assert_eq!(automaton.matches(value.as_bytes()), expected, "{text} on {value:?}");
            compared += 1;
            matched += u32::from(expected);
        }
    }
    assert!(compared > 5_000 && matched > 500, "{compared} compared, {matched} matched");
}
