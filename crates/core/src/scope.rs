//! What a caller may see of the streams of a log: those in its jurisdictions, or those of one issuer.

use crate::{
    name::{Domain, Jurisdictions},
    registry::StreamRecord,
};

/// What a caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Streams that one of these covers.
    Jurisdictions(Jurisdictions),
    /// The streams of this issuer.
    Issuer(Domain),
}

impl Scope {
    /// Whether a stream of an issuer is in it.
    #[must_use]
    pub fn has(&self, issuer: &Domain, stream: &StreamRecord) -> bool {
        match self {
            Self::Issuer(own) => own == issuer,
            Self::Jurisdictions(own) => own.cover(&stream.jurisdictions),
        }
    }
}

impl Jurisdictions {
    /// Whether one of these covers one of the others.
    #[must_use]
    pub fn cover(&self, others: &Self) -> bool {
        let is_covered = |code: &str| self.codes().iter().any(|own| covers(own, code));
        others.codes().iter().any(|code| is_covered(code))
    }
}

/// Whether one jurisdiction covers another: itself, and a country its subdivisions (ISO 3166-2).
#[must_use]
pub fn covers(own: &str, other: &str) -> bool {
    let is_subdivision = || other.strip_prefix(own).is_some_and(|rest| rest.starts_with('-'));
    own == other || is_subdivision()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_covers_its_subdivisions_and_nothing_else_covers_but_itself() {
        let of = |text: &str| Jurisdictions::parse(text).unwrap();
        let yes = [("DE", "DE"), ("DE", "DE-BY"), ("INT", "INT"), ("EU", "EU"), ("DE,GB", "FR,GB")];
        for (own, others) in yes {
            assert!(of(own).cover(&of(others)), "{own} {others}");
        }
        let no = [
            ("DE-BY", "DE"),
            ("DE-BY", "DE-BW"),
            ("EU", "DE"),
            ("INT", "DE"),
            ("DE", "EU"),
            ("DE", "INT"),
            ("DE,GB", "FR,INT"),
        ];
        for (own, others) in no {
            assert!(!of(own).cover(&of(others)), "{own} {others}");
        }
    }
}
