//! The ready-made claim types, as `deploy/claim-types` has them.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use witness_core::{name::Name, registry::Change, schema::Schema};

use super::{
    change::Signing,
    register::{Registered, Registrar},
};
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

/// Registers those that do not stand in the registry as they are.
pub(super) async fn register(
    registrar: &Registrar,
    which: Ready,
    output: &mut Output,
) -> Result<Outcome> {
    let wanted = match which {
        Ready::All => READY.iter().collect(),
        Ready::One(ready) => vec![ready],
    };
    let registry = registrar.registry().await?;
    for ready in wanted {
        let mut known = registry.claim_types.iter();
        if known.any(|it| it.name == ready.name && it.schema == ready.schema) {
            output.line(&format!("{} stands in the registry as it is", ready.name))?;
            output.json(&json!({
                "outcome": Outcome::Done.word(),
                "claim_type": ready.name,
                "index": null,
            }))?;
            continue;
        }
        let change = ready.change()?;
        if let Registered::Logged(logged) =
            registrar.log(&change, &Signing::default(), output).await?
        {
            logged.say(output)?;
            let mut said = logged.as_json();
            said.insert("claim_type".to_owned(), json!(ready.name));
            output.json(&said)?;
        }
    }
    output.conclude(Outcome::Done);
    Ok(Outcome::Done)
}

impl ReadyType {
    fn change(&self) -> Result<Change> {
        let name = Name::parse(self.name).context("the name of a ready-made claim type")?;
        let schema = Schema::parse(self.schema)
            .with_context(|| format!("the ready-made schema of {name}"))?;
        Ok(Change::ClaimType { name, schema })
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
            let Change::ClaimType { name, schema } = ready.change().unwrap() else { panic!() };
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
