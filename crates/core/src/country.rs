//! Countries by their codes: ISO 3166-1 alpha-2, those that are officially assigned. What was logged is never read by
//! this list, which changes as countries do: it keeps misspelt codes from being logged anew.

/// The codes that are assigned, in the order of the alphabet.
const ASSIGNED: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ",
    "BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS",
    "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN",
    "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE",
    "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF",
    "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM",
    "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM",
    "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC",
    "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK",
    "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA",
    "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG",
    "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW",
    "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS",
    "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO",
    "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI",
    "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
];

/// Whether a code is assigned to a country.
#[must_use]
pub(crate) fn is_assigned(code: &str) -> bool {
    ASSIGNED.binary_search(&code).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_sorted_pairs_of_capitals() {
        assert!(ASSIGNED.is_sorted_by(|a, b| a < b));
        let is_pair = |code: &&str| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        assert!(ASSIGNED.iter().all(is_pair));
    }

    /// Each letter has its part, so that a slip in one cannot make up for one in another.
    #[test]
    fn as_many_codes_begin_with_each_letter_as_the_standard_assigns() {
        let counts =
            ('A'..='Z').map(|letter| ASSIGNED.iter().filter(|it| it.starts_with(letter)).count());
        let counts: alloc::vec::Vec<usize> = counts.collect();
        let expected = [
            16, 21, 19, 6, 7, 6, 19, 6, 10, 4, 11, 11, 23, 12, 1, 14, 1, 5, 21, 16, 6, 7, 2, 0, 2,
            3,
        ];
        assert_eq!(counts, expected);
    }

    #[test]
    fn what_is_reserved_or_free_for_users_is_no_country() {
        for code in ["AD", "DE", "GB", "SS", "XK", "ZW"] {
            assert_eq!(is_assigned(code), code != "XK", "{code}");
        }
        for code in ["AA", "XX", "QM", "ZZ", "EU", "UK", "SU", "AN", "YU", "de", "DEU", "D", ""] {
            assert!(!is_assigned(code), "{code}");
        }
    }
}
