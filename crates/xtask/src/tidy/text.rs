//! How a source file looks: its head, its length, its name, and words that it does without.

use super::{Finding, SourceFile};

/// From here on a file should be split.
const LINES_WARN: usize = 400;
/// From here on it must be.
const LINES_MAX: usize = 500;
/// Names under which anything could stand.
const NAMELESS: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];
/// Folders that exist on the machine of whoever wrote the line, and nowhere else.
const HOMES: &[&str] = &["home", "root", "work"];
/// Split, so that this file does not find itself.
const MARK: &str = concat!("TO", "DO");

/// Applies every rule of this file.
pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = no_absolute_path(file);
    findings.extend(reason_for_open_task(file));
    if file.is_rust() {
        findings.extend(opening_sentence(file));
        findings.extend(length(file));
        findings.extend(name(file));
        findings.extend(no_allow(file));
    }
    findings
}

/// A file opens with one sentence that says what it is.
fn opening_sentence(file: &SourceFile) -> Option<Finding> {
    let is_sentence =
        file.text.strip_prefix("//! ").is_some_and(|rest| rest.lines().next() != Some(""));
    (!is_sentence).then(|| {
        Finding::error(file.place(1), "begin with a sentence in `//!` that says what this file is")
    })
}

/// A file that does not fit one's head is two.
fn length(file: &SourceFile) -> Option<Finding> {
    let lines = file.text.lines().count();
    if lines > LINES_MAX {
        let message = format!("{lines} lines; split it, {LINES_MAX} is the limit");
        Some(Finding::error(&file.path, message))
    } else if lines > LINES_WARN {
        let message = format!("{lines} lines; split it before it has {LINES_MAX}");
        Some(Finding::warning(&file.path, message))
    } else {
        None
    }
}

/// A module is named by what it is.
fn name(file: &SourceFile) -> Option<Finding> {
    let nameless = file
        .path
        .split('/')
        .map(|part| part.strip_suffix(".rs").unwrap_or(part))
        .find(|part| NAMELESS.contains(part))?;
    let message =
        format!("`{nameless}` says nothing: name it by what it is, or leave it with its user");
    Some(Finding::error(&file.path, message))
}

/// An exception that nothing needs any more must show, and only `expect` makes it.
fn no_allow(file: &SourceFile) -> Vec<Finding> {
    let is_allow = |line: &str| {
        let line = line.trim_start();
        line.starts_with("allow(")
            || line.starts_with('#') && line.contains(['[', ' ', ',']) && has_word(line, "allow(")
    };
    let lines = file.lines().filter(|(_, line)| is_allow(line));
    lines
        .map(|(place, _)| Finding::error(place, "write `#[expect(lint, reason = \"…\")]` instead"))
        .collect()
}

/// What is left open says what it waits for.
fn reason_for_open_task(file: &SourceFile) -> Vec<Finding> {
    let has_reason = |after: &str| {
        after
            .strip_prefix('(')
            .and_then(|rest| rest.split_once("): "))
            .is_some_and(|(reason, task)| !reason.trim().is_empty() && !task.trim().is_empty())
    };
    file.lines()
        .filter(|(_, line)| {
            words(line, MARK).any(|after| !after.starts_with(is_of_word) && !has_reason(after))
        })
        .map(|(place, _)| {
            Finding::error(
                place,
                format!("say what it waits for: `{MARK}(reason): task`, or do it"),
            )
        })
        .collect()
}

/// A path that exists on one machine only.
fn no_absolute_path(file: &SourceFile) -> Vec<Finding> {
    let home_in = |line: &str| {
        HOMES.iter().find(|home| {
            words(line, &format!("/{home}")).any(|after| !after.starts_with(is_of_path))
        })
    };
    file.lines()
        .filter_map(|(place, line)| Some((place, home_in(line)?)))
        .map(|(place, home)| {
            Finding::error(
                place,
                format!("`/{home}` is there on one machine only: use a relative path"),
            )
        })
        .collect()
}

fn has_word(line: &str, word: &str) -> bool {
    words(line, word).next().is_some()
}

/// What follows each place where `word` begins, and is not the end of something longer.
fn words<'a>(line: &'a str, word: &str) -> impl Iterator<Item = &'a str> {
    line.match_indices(word).filter_map(|(start, found)| {
        let (before, rest) = line.split_at_checked(start)?;
        (!before.ends_with(is_of_path)).then(|| rest.strip_prefix(found)).flatten()
    })
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn is_of_path(letter: char) -> bool {
    is_of_word(letter) || matches!(letter, '-' | '.' | '~' | '}' | '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    /// The places at which the rules find something.
    fn places(text: &str) -> Vec<String> {
        let findings = check(&rust("a.rs", &format!("//! A file.\n{text}")));
        findings.into_iter().map(|finding| finding.place).collect()
    }

    fn check_lines(good: &[&str], bad: &[&str]) {
        for line in good {
            assert_eq!(places(line), Vec::<String>::new(), "{line}");
        }
        for line in bad {
            assert_eq!(places(line), ["a.rs:2"], "{line}");
        }
    }

    #[test]
    fn a_file_opens_with_a_sentence() {
        for text in ["", "//!\n", "//! \n", "use std::fs;\n//! Late.", "// A remark."] {
            assert!(opening_sentence(&rust("a.rs", text)).is_some(), "{text}");
        }
        assert_eq!(opening_sentence(&rust("a.rs", "//! What it is.\n")), None);
    }

    #[test]
    fn a_long_file_is_named_before_it_is_refused() {
        let severity = |lines: usize| {
            length(&rust("a.rs", &"\n".repeat(lines))).map(|finding| finding.severity)
        };
        assert_eq!(severity(LINES_WARN), None);
        assert_eq!(severity(LINES_WARN + 1), Some(super::super::Severity::Warning));
        assert_eq!(severity(LINES_MAX), Some(super::super::Severity::Warning));
        assert_eq!(severity(LINES_MAX + 1), Some(super::super::Severity::Error));
    }

    #[test]
    fn a_module_is_named_by_what_it_is() {
        for path in ["crates/core/src/utils.rs", "tests/common/mod.rs", "crates/helpers/src/lib.rs"]
        {
            assert!(name(&rust(path, "")).is_some(), "{path}");
        }
        assert_eq!(name(&rust("crates/core/src/utility_bill.rs", "")), None);
    }

    #[test]
    fn an_exception_is_an_expectation() {
        check_lines(
            &[
                "#[expect(dead_code, reason = \"…\")]",
                "fn allow(x: u8) {}",
                "let ok = disallow(1);",
                "// it would allow(ed) be",
            ],
            &[
                "#[allow(dead_code)]",
                "#![allow(clippy::all, reason = \"…\")]",
                "    #[cfg_attr(test, allow(unused))]",
                "    allow(unused),",
            ],
        );
    }

    #[test]
    fn what_is_open_says_what_it_waits_for() {
        let good = format!("// {MARK}(tonic 0.15): drop this");
        let other = format!("// M{MARK}S, {MARK}S");
        check_lines(
            &[&good, &other],
            &[
                &format!("// {MARK}"),
                &format!("// {MARK}: drop this"),
                &format!("// {MARK}(): drop this"),
                &format!("// {MARK}(tonic 0.15)"),
            ],
        );
    }

    #[test]
    fn a_path_of_one_machine_is_none_of_ours() {
        for home in HOMES {
            check_lines(
                &[
                    &format!("\"a/{home}/b\""),
                    &format!("\"https://example.com/{home}\""),
                    &format!("let url = \"{{base}}/{home}/b\";"),
                    &format!("GET /{home}s"),
                ],
                &[
                    &format!("\"/{home}/me\""),
                    &format!("cd /{home}"),
                    &format!("`/{home}`"),
                    &format!("file:///{home}/me"),
                ],
            );
        }
    }
}
