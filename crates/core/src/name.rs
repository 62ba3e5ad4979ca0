//! The names of things: firm, log origin, issuer, stream, claim type, jurisdictions.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::country;

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $rule:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// Takes the name if it follows the rule.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                $rule(text).then(|| Self(text.to_owned()))
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// An issuer, or a firm: a domain name in lower-case A-label form, `aws.training` (RFC 5890).
    Domain,
    is_domain
);
name_type!(
    /// A stream, a claim type, a log or a field of details: `[a-z0-9-]{1,32}`.
    Name,
    is_name
);
name_type!(
    /// The origin of a log, `<firm>/<log>` (C2SP tlog-checkpoint).
    Origin,
    is_origin
);

/// Path segments of the firm's web face that no log may be called.
const RESERVED_LOG_NAMES: [&str; 12] = [
    "m", "keys", "anchors", "rollup", "metrics", "healthz", "evidence", "logs", "log", "api",
    "witness", "verify",
];

impl Origin {
    /// The origin of a firm's log.
    #[must_use]
    pub fn of(firm: &Domain, log: &Name) -> Option<Self> {
        Self::parse(&alloc::format!("{firm}/{log}"))
    }

    /// The firm's name.
    #[must_use]
    pub fn firm(&self) -> &str {
        self.0.split_once('/').map_or("", |(firm, _)| firm)
    }

    /// The log's own name, the last part.
    #[must_use]
    pub fn log(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, log)| log)
    }
}

/// Whether `text` is `[a-z0-9-]{1,32}`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_origin(text: &str) -> bool {
    text.split_once('/').is_some_and(|(firm, log)| {
        is_domain(firm) && is_name(log) && !RESERVED_LOG_NAMES.contains(&log)
    })
}

/// Labels of 1 to 63 letters, digits and hyphens, none at a label's ends; 253 characters in all, two
/// labels at least (RFC 1035 section 2.3.1, RFC 1123 section 2.1), and not an IPv4 address: what ends in a number is
/// read as one (WHATWG URL section 3.5), also in hexadecimal.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(is_label)
        && !text.rsplit('.').next().is_some_and(is_number)
}

fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x");
    hexadecimal.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
        || label.bytes().all(|b| b.is_ascii_digit())
}

/// The jurisdictions of a stream: ISO 3166 codes (`DE`, `DE-BY`), `EU` or `INT`, sorted, without repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jurisdictions(Vec<String>);

impl Jurisdictions {
    /// Parses a comma-separated list, sorted and unique, of one to sixteen.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let codes: Vec<String> = text.split(',').map(ToString::to_string).collect();
        let sorted = codes.is_sorted_by(|a, b| a < b);
        (sorted && codes.len() <= 16 && codes.iter().all(|code| is_jurisdiction(code)))
            .then_some(Self(codes))
    }

    /// The first code that is neither of a country (ISO 3166-1 alpha-2, alone or with a subdivision) nor `EU` or `INT`
    /// alone. It parses, since what was once logged does; nobody should be let in for it, nor a stream opened.
    #[must_use]
    pub fn unassigned(&self) -> Option<&str> {
        let is_known = |code: &str| {
            let country = code.split_once('-').map_or(code, |(country, _)| country);
            matches!(code, "EU" | "INT") || country::is_assigned(country)
        };
        self.0.iter().map(String::as_str).find(|code| !is_known(code))
    }

    /// The codes, sorted.
    #[must_use]
    pub fn codes(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Jurisdictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// `INT`, or two capital letters, optionally with a subdivision of one to three capitals or digits
/// (ISO 3166-1 alpha-2, ISO 3166-2).
fn is_jurisdiction(code: &str) -> bool {
    let (country, subdivision) = match code.split_once('-') {
        None => (code, None),
        Some((country, subdivision)) => (country, Some(subdivision)),
    };
    if code == "INT" {
        return true;
    }
    country.len() == 2
        && country.bytes().all(|b| b.is_ascii_uppercase())
        && subdivision.is_none_or(|part| {
            (1..=3).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_lower_case_a_labels() {
        for right in
            ["aws.training", "a.b", "xn--bcher-kva.example", "1.example", "0x7f.1.0xg", "a.0x-1"]
        {
            assert!(Domain::parse(right).is_some(), "{right}");
        }
        let long = alloc::format!("{}.example", "a".repeat(64));
        for wrong in [
            "",
            "localhost",
            "A.b",
            "a..b",
            ".a.b",
            "a.b.",
            "-a.b",
            "a-.b",
            "a_b.c",
            "1.2.3.4",
            "127.0.0.0x1",
            "127.0.0.0x",
            "school.0xff",
            "school.08",
            &long,
        ] {
            assert!(Domain::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_origin_is_firm_and_log_and_no_reserved_path() {
        let origin = Origin::parse("witness.example/log1").unwrap();
        assert_eq!((origin.firm(), origin.log()), ("witness.example", "log1"));
        for wrong in
            ["witness.example", "witness.example/", "witness.example/m", "witness.example/a/b"]
        {
            assert!(Origin::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_code_that_parses_may_be_of_no_country() {
        let unassigned =
            |text: &str| Jurisdictions::parse(text).unwrap().unassigned().map(ToString::to_string);
        for right in ["DE-BY,EU,INT", "GB", "INT", "AD,ZW-BU"] {
            assert_eq!(unassigned(right), None, "{right}");
        }
        for (wrong, code) in [("DE,XX", "XX"), ("UK", "UK"), ("EU-BY", "EU-BY"), ("ZZ-1", "ZZ-1")] {
            assert_eq!(unassigned(wrong).as_deref(), Some(code));
        }
    }

    #[test]
    fn jurisdictions_are_sorted_and_unique() {
        assert_eq!(Jurisdictions::parse("DE-BY,GB,INT").unwrap().codes(), ["DE-BY", "GB", "INT"]);
        for wrong in ["", "GB,DE", "GB,GB", "gb", "GBR", "DE-", "DE-BYBY", "GB,"] {
            assert!(Jurisdictions::parse(wrong).is_none(), "{wrong}");
        }
    }
}
