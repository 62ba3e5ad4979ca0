//! National identity, tax and social security numbers of eight countries, by their published format
//! and, where there is one, check digit.
//!
//! Numbers of digits alone are in `numeric`, those with letters in `lettered`.

mod lettered;
mod numeric;

use super::candidate::Candidate;

/// A country whose identity numbers are known here (ISO 3166-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Country {
    /// United States: SSN and ITIN.
    Us,
    /// United Kingdom: national insurance number.
    Gb,
    /// Germany: steuerliche Identifikationsnummer.
    De,
    /// France: numéro d'inscription au répertoire (NIR).
    Fr,
    /// Spain: DNI and NIE.
    Es,
    /// Italy: codice fiscale.
    It,
    /// Netherlands: burgerservicenummer (BSN).
    Nl,
    /// Poland: PESEL.
    Pl,
}

impl Country {
    /// The ISO 3166-1 alpha-2 code in lower case, as it ends the name of the rule.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Gb => "gb",
            Self::De => "de",
            Self::Fr => "fr",
            Self::Es => "es",
            Self::It => "it",
            Self::Nl => "nl",
            Self::Pl => "pl",
        }
    }
}

type Rule = fn(&Candidate<'_>) -> bool;

/// The country whose identity number the candidate is, if any.
pub(super) fn country_of(candidate: &Candidate<'_>) -> Option<Country> {
    let rules: &[(Country, Rule)] = match (candidate.characters().len(), candidate.is_digits()) {
        (9, true) => &[(Country::Us, numeric::is_us), (Country::Nl, numeric::is_nl)],
        (11, true) => &[(Country::De, numeric::is_de), (Country::Pl, numeric::is_pl)],
        (9, false) => &[(Country::Gb, lettered::is_gb), (Country::Es, lettered::is_es)],
        (15, _) => &[(Country::Fr, lettered::is_fr)],
        (16, false) => &[(Country::It, lettered::is_it)],
        _ => &[],
    };
    rules.iter().find(|(_country, is)| is(candidate)).map(|(country, _is)| *country)
}
