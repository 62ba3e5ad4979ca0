//! The ready-made claim types, as `deploy/claim-types` has them.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use witness_core::{name::Name, schema::Schema};

use super::claim_type::ClaimType;
use crate::{outcome::Outcome, output::Output};

/// A claim type that ships with this program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReadyType {
    /// Its name.
    name: &'static str,
    /// What its documents are.
    about: &'static str,
    /// The text of its schema.
    schema: &'static str,
}

macro_rules! ready {
    ($name:literal, $about:literal) => {
        ReadyType {
            name: $name,
            about: $about,
            schema: include_str!(concat!("../../../../../deploy/claim-types/", $name, ".txt")),
        }
    };
}

/// Sorted by name.
const READY: [ReadyType; 10] = [
    ready!("consent-record", "a customer's consent to the use of data or of an account"),
    ready!("continuing-education", "credits of continuing education or professional development"),
    ready!("cross-border-transfer", "a payment from one country to another"),
    ready!("language-proficiency", "a level of the CEFR in a language"),
    ready!("open-badge", "an Open Badge, version 2 or 3"),
    ready!("peer-attestation", "a skill to which peers have attested"),
    ready!("practical-competency", "a competency that was shown in practice"),
    ready!("project-completion", "a project that was completed"),
    ready!("skill-module", "a module of a programme, with workload and level"),
    ready!("stablecoin-gateway", "a way between money at a bank and a stablecoin on a chain"),
];

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    /// Every one.
    All,
    /// One.
    One(&'static ReadyType),
}

/// Reads a name of one, or `all`.
pub(super) fn parse(text: &str) -> Result<Ready, String> {
    if text == "all" {
        return Ok(Ready::All);
    }
    READY.iter().find(|ready| ready.name == text).map(Ready::One).ok_or_else(|| {
        let names: Vec<&str> = READY.iter().map(|ready| ready.name).collect();
        format!("expected all, or one of {}", names.join(", "))
    })
}

/// Shows them.
pub(super) fn list(output: &mut Output) -> Result<Outcome> {
    output.conclude(Outcome::Done);
    for ready in &READY {
        output.line(&format!("{}: {}", ready.name, ready.about))?;
        for line in ready.schema.lines() {
            output.line(&format!("  {line}"))?;
        }
        output.line("")?;
    }
    output.next("witness issuer claim-type --ready NAME, or --ready all")?;
    let as_json = |ready: &ReadyType| json!({ "name": ready.name, "about": ready.about, "schema": ready.schema });
    let claim_types: Vec<Value> = READY.iter().map(as_json).collect();
    output.json(&json!({ "outcome": Outcome::Done.word(), "claim_types": claim_types }))?;
    Ok(Outcome::Done)
}

impl Ready {
    /// With their schemas.
    pub(super) fn claim_types(self) -> Result<Vec<ClaimType>> {
        match self {
            Self::All => READY.iter().map(ReadyType::claim_type).collect(),
            Self::One(ready) => Ok(vec![ready.claim_type()?]),
        }
    }
}

impl ReadyType {
    fn claim_type(&self) -> Result<ClaimType> {
        let name = Name::parse(self.name).context("the name of a ready-made claim type")?;
        let schema = Schema::parse(self.schema)
            .with_context(|| format!("the ready-made schema of {name}"))?;
        Ok(ClaimType { name, schema })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_file_of_the_folder_ships_and_parses() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/claim-types");
        let names = fs::read_dir(folder).unwrap().filter_map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".txt").map(str::to_owned)
        });
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        assert_eq!(names, READY.iter().map(|ready| ready.name).collect::<Vec<_>>());
        for ready in &READY {
            let ClaimType { name, schema } = ready.claim_type().unwrap();
            assert_eq!((name.as_str(), schema.encode().as_str()), (ready.name, ready.schema));
        }
    }

    #[test]
    fn one_is_asked_for_by_its_name_or_all_at_once() {
        assert_eq!(parse("all"), Ok(Ready::All));
        assert!(matches!(parse("open-badge"), Ok(Ready::One(ready)) if ready.name == "open-badge"));
        assert!(parse("open-badges").unwrap_err().contains("open-badge, peer-attestation"));
    }
}
