//! What events must be, from the command line.

use clap::{Args, builder::PossibleValuesParser};
use witness_core::{
    anomaly::Anomaly,
    name::{Domain, Name},
    time::{Timestamp, rfc3339},
};
use witness_wire::v1::AuditFilter;

use crate::{
    args::{assigned_jurisdictions, domain, name},
    outcome::Failure,
    times,
};

const CHANGES: [&str; 6] = ["issued", "replaced", "amended", "status", "deleted", "restored"];
const CLASSES: [&str; 6] =
    ["affirming", "administrative", "punitive", "replaced", "paused", "other"];
const MICROS_PER_DAY: u64 = 86_400_000_000;

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

    /// All that was given, as options, in one way of writing: the same filter is the same options.
    pub(super) fn options(&self) -> Vec<String> {
        let received = |time: Option<Timestamp>| time.map(|time| time.to_string());
        let mut all = self.given();
        all.extend(options([
            ("change", self.change.clone()),
            ("class", self.class.clone()),
            ("received-from", received(self.received_from)),
            ("received-until", received(self.received_until)),
            ("occurred-from", self.occurred_from.map(rfc3339)),
            ("occurred-until", self.occurred_until.map(rfc3339)),
            ("anomaly", self.anomaly.clone()),
        ]));
        all
    }

    /// The filter as it travels, unless nothing at all can match it.
    pub(super) fn filter(&self) -> Result<AuditFilter, Failure> {
        refuse_empty("received", (self.received_from, self.received_until))?;
        refuse_empty("occurred", (self.occurred_from, self.occurred_until))?;
        Ok(self.unchecked())
    }

    fn unchecked(&self) -> AuditFilter {
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

/// Refuses a span of time without an instant in it.
fn refuse_empty<T: PartialOrd>(
    what: &str,
    (from, until): (Option<T>, Option<T>),
) -> Result<(), Failure> {
    if from.zip(until).is_none_or(|(from, until)| from < until) {
        return Ok(());
    }
    let message = format!("nothing can match: --{what}-from must be before --{what}-until");
    let step = format!(
        "give --{what}-until a later time; a date is its first instant, so the whole of 1 March is \
         --{what}-from 2026-03-01 --{what}-until 2026-03-02"
    );
    Err(Failure::cannot_tell(message).next(step))
}

/// Refuses days, both of them included, of which the last is before the first.
pub(super) fn refuse_backward(
    (first, last): (Option<Timestamp>, Option<Timestamp>),
) -> Result<(), Failure> {
    let day = |time: Timestamp| time.micros() / MICROS_PER_DAY;
    if first.map(day).zip(last.map(day)).is_none_or(|(first, last)| first <= last) {
        return Ok(());
    }
    let message =
        "there is no such day: --until, the last day, must not be before --from, the first";
    Err(Failure::cannot_tell(message).next("swap them; both days are counted"))
}

/// One jurisdiction that somebody can be in.
pub(super) fn jurisdiction(text: &str) -> Result<String, String> {
    match assigned_jurisdictions(text)?.codes() {
        [code] => Ok(code.clone()),
        _ => Err("expected one ISO 3166 code, EU or INT, as in DE or DE-BY".to_owned()),
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
    use clap::{CommandFactory as _, Parser as _};

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
        assert_eq!(jurisdiction("INT").as_deref(), Ok("INT"));
        for wrong in ["DE,GB", "de", "", "XX", "UK", "XX-BY"] {
            assert!(jurisdiction(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_span_of_time_without_an_instant_in_it_is_refused_with_what_to_do() {
        for good in [(None, None), (Some(1), None), (None, Some(1)), (Some(1), Some(2))] {
            assert_eq!(refuse_empty("received", good), Ok(()), "{good:?}");
        }
        for bad in [(Some(1), Some(1)), (Some(2), Some(1))] {
            let failure = refuse_empty("occurred", bad).unwrap_err();
            assert!(failure.next_step.unwrap().contains("--occurred-until"), "{bad:?}");
        }
    }

    #[test]
    fn days_may_be_the_same_and_must_not_run_backwards() {
        let at =
            |day: u64, micros: u64| Some(Timestamp::from_micros(day * MICROS_PER_DAY + micros));
        for good in [(None, at(1, 0)), (at(1, 0), None), (at(1, 5), at(1, 0)), (at(1, 0), at(2, 0))]
        {
            assert_eq!(refuse_backward(good), Ok(()), "{good:?}");
        }
        assert!(refuse_backward((at(2, 0), at(1, 9))).unwrap_err().next_step.is_some());
    }

    #[test]
    fn the_same_filter_is_the_same_options_and_every_filter_is_among_them() {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            filter: FilterArgs,
        }
        let said = |line: &str| {
            Line::try_parse_from(line.split(' ')).map(|line| line.filter.options()).unwrap()
        };
        assert_eq!(said("x"), Vec::<String>::new());
        let instant = said("x --received-from 2026-03-01T01:00:00+01:00 --change deleted");
        assert_eq!(said("x --change deleted --received-from 2026-03-01"), instant);
        let all = "x --issuer a.example --stream main --claim-type t --jurisdiction DE --change issued \
                   --status S --class other --received-from 2026-03-01 --received-until 2026-03-02 \
                   --occurred-from 2026-03-01 --occurred-until 2026-03-02 --anomaly late-report \
                   --field a=b";
        let filters = Line::command().get_arguments().count();
        assert_eq!(said(all).len(), filters, "each filter is one of the options");
    }
}
