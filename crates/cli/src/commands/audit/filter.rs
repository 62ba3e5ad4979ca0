//! What events must be, from the command line.

use clap::{Args, builder::PossibleValuesParser};
use witness_core::{
    anomaly::Anomaly,
    name::{Domain, Jurisdictions, Name},
    time::Timestamp,
};
use witness_wire::v1::AuditFilter;

use crate::{
    args::{domain, jurisdictions, name},
    times,
};

const CHANGES: [&str; 6] = ["issued", "replaced", "amended", "status", "deleted", "restored"];
const CLASSES: [&str; 6] =
    ["affirming", "administrative", "punitive", "replaced", "paused", "other"];

/// Filters; all that are given must hold.
#[derive(Debug, Args)]
pub(super) struct FilterArgs {
    /// Domain of the issuer
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    issuer: Option<Domain>,
    /// Name of the stream
    #[arg(long, value_name = "NAME", value_parser = name)]
    stream: Option<Name>,
    /// Claim type
    #[arg(long, value_name = "NAME", value_parser = name)]
    claim_type: Option<Name>,
    /// Jurisdiction of the stream, as in DE, which covers DE-BY
    #[arg(long, value_name = "CODE", value_parser = jurisdiction)]
    jurisdiction: Option<String>,
    /// What happened
    #[arg(long, value_name = "CHANGE", value_parser = PossibleValuesParser::new(CHANGES))]
    change: Option<String>,
    /// Status, verbatim, as in REVOKED
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Class of the status
    #[arg(long, value_name = "CLASS", value_parser = PossibleValuesParser::new(CLASSES))]
    class: Option<String>,
    /// Received at or after: 2026-03-01T09:00:00Z, or a date
    #[arg(long, value_name = "TIME", value_parser = received)]
    received_from: Option<Timestamp>,
    /// Received before
    #[arg(long, value_name = "TIME", value_parser = received)]
    received_until: Option<Timestamp>,
    /// Occurred, by the issuer's word, at or after
    #[arg(long, value_name = "TIME", value_parser = occurred)]
    occurred_from: Option<i64>,
    /// Occurred before
    #[arg(long, value_name = "TIME", value_parser = occurred)]
    occurred_until: Option<i64>,
    /// What is odd about it, as in late-report
    #[arg(long, value_name = "WORD", value_parser = PossibleValuesParser::new(Anomaly::ALL.map(Anomaly::word)))]
    anomaly: Option<String>,
    /// A field of the details with its value: an identifier or a digest
    #[arg(long, value_name = "FIELD=VALUE", value_parser = identifier)]
    field: Option<(String, String)>,
}

impl FilterArgs {
    /// The names that were given, which may be misspelt or of nothing that the caller sees, as options.
    pub(super) fn given(&self) -> Vec<String> {
        let name = |name: &Option<Name>| name.as_ref().map(ToString::to_string);
        options([
            ("issuer", self.issuer.as_ref().map(ToString::to_string)),
            ("stream", name(&self.stream)),
            ("claim-type", name(&self.claim_type)),
            ("jurisdiction", self.jurisdiction.clone()),
            ("status", self.status.clone()),
            ("field", self.field.as_ref().map(|(field, value)| format!("{field}={value}"))),
        ])
    }

    /// The filter as it travels.
    pub(super) fn filter(&self) -> AuditFilter {
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        let named =
            |name: &Option<Name>| name.as_ref().map(ToString::to_string).unwrap_or_default();
        let (field, value) = self.field.clone().unwrap_or_default();
        AuditFilter {
            issuer: self.issuer.as_ref().map(ToString::to_string).unwrap_or_default(),
            stream: named(&self.stream),
            claim_type: named(&self.claim_type),
            jurisdiction: word(&self.jurisdiction),
            change: word(&self.change),
            status: word(&self.status),
            status_class: word(&self.class),
            received_from_us: self.received_from.map(Timestamp::micros),
            received_until_us: self.received_until.map(Timestamp::micros),
            occurred_from_us: self.occurred_from,
            occurred_until_us: self.occurred_until,
            field,
            value,
            anomaly: word(&self.anomaly),
        }
    }
}

/// Options with their values, as one types them; without those that were not given.
pub(super) fn options<const N: usize>(given: [(&str, Option<String>); N]) -> Vec<String> {
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.map(|(name, value)| format!("--{name} {value}")).collect()
}

/// One jurisdiction.
pub(super) fn jurisdiction(text: &str) -> Result<String, &'static str> {
    match jurisdictions(text).as_ref().map(Jurisdictions::codes) {
        Ok([code]) => Ok(code.clone()),
        _ => Err("expected one ISO 3166 code, EU or INT, as in DE or DE-BY"),
    }
}

/// A time of receipt.
pub(super) fn received(text: &str) -> Result<Timestamp, String> {
    times::point(text).map_err(|error| error.to_string())
}

fn occurred(text: &str) -> Result<i64, &'static str> {
    times::micros(text).ok_or("expected a time as in 2026-03-01T09:00:00Z, or a date")
}

fn identifier(text: &str) -> Result<(String, String), &'static str> {
    let expected =
        "expected the name of a field and its value, as in credential-id=DET-2026-4478921";
    let (field, value) = text.split_once('=').ok_or(expected)?;
    let fits = Name::parse(field).is_some() && !value.is_empty();
    fits.then(|| (field.to_owned(), value.to_owned())).ok_or(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_a_name_and_a_value_that_may_hold_an_equals_sign() {
        let pair = identifier("digest=q83v=").unwrap();
        assert_eq!(pair, ("digest".to_owned(), "q83v=".to_owned()));
        for wrong in ["", "x", "=1", "x=", "X=1"] {
            assert!(identifier(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_filter_names_one_jurisdiction() {
        assert_eq!(jurisdiction("DE-BY").as_deref(), Ok("DE-BY"));
        assert!(jurisdiction("DE,GB").is_err() && jurisdiction("de").is_err());
    }
}
