//! `witness issuer claim-type`: claim types, ready-made or one's own.
//!
//! What must hold: a schema that stands in the registry gives way to another one only where that was asked for;
//! of several claim types, either none or each that is wanted.

use anyhow::Result;
use serde_json::{Map, Value, json};
use witness_core::{name::Name, registry::Change, schema::Schema};
use witness_wire::v1::GetRegistryResponse;

use super::{
    args::ClaimTypeArgs,
    change::{self, Signing},
    ready,
    register::{self, Registered, Registrar},
};
use crate::{
    outcome::{Failure, Outcome},
    output::{Output, count_of},
};

/// A claim type that is to stand in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClaimType {
    /// Its name.
    pub(super) name: Name,
    /// What details its events have.
    pub(super) schema: Schema,
}

/// How it stands before anything is done.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// There is none of this name.
    Absent,
    /// As it is wanted.
    Same,
    /// With another schema: lines that would go and lines that would come, marked.
    Other(Vec<String>),
}

/// Registers those that do not stand in the registry as they are, or shows what there is to register.
pub(super) async fn run<F: Future<Output = Result<Registrar>>>(
    server: impl FnOnce() -> F,
    args: &ClaimTypeArgs,
    output: &mut Output,
) -> Result<Outcome> {
    let wanted = match args.ready {
        _ if args.list => return ready::list(output),
        Some(ready) => ready.claim_types()?,
        None => vec![change::claim_type(args)?],
    };
    let registrar = server().await?;
    let registry = registrar.registry().await?;
    let wanted: Vec<_> =
        wanted.into_iter().map(|wanted| (standing(&registry, &wanted), wanted)).collect();
    if !args.replace {
        refuse_replacing(&wanted, output)?;
    }
    let count = u64::try_from(wanted.len())?;
    let mut logged = 0_u64;
    for (standing, claim_type) in wanted {
        let mut said = register(&registrar, (standing, &claim_type), output).await?;
        logged += u64::from(said.get("index").is_some_and(|index| !index.is_null()));
        said.insert("claim_type".to_owned(), json!(claim_type.name.as_str()));
        if count == 1 {
            output.conclude(Outcome::Done);
        } else {
            // Of a list, the last line has it.
            said.remove("outcome");
        }
        output.json(&said)?;
    }
    if count != 1 {
        output.conclude(Outcome::Done);
        let all = count_of(count, "claim type");
        output.note(&format!("{all}, {logged} of them logged now"))?;
        let outcome = Outcome::Done.word();
        output.json(&json!({ "outcome": outcome, "claim_types": count, "logged": logged }))?;
    }
    Ok(Outcome::Done)
}

/// Registers one that does not stand as it is; gives what programs are told of it.
async fn register(
    registrar: &Registrar,
    (standing, claim_type): (Standing, &ClaimType),
    output: &mut Output,
) -> Result<Map<String, Value>> {
    let ClaimType { name, schema } = claim_type;
    if standing == Standing::Same {
        output.line(&format!("{name} stands in the registry as it is"))?;
        return Ok(register::as_json(None));
    }
    let change = Change::ClaimType { name: name.clone(), schema: schema.clone() };
    match registrar.log(&change, &Signing::default(), output).await? {
        Registered::Drafted => Ok(register::as_json(None)),
        Registered::Logged(logged) => {
            logged.say(output)?;
            Ok(register::as_json(Some(&logged)))
        }
    }
}

/// Says what would change, and refuses, if anything of what stands would.
fn refuse_replacing(wanted: &[(Standing, ClaimType)], output: &mut Output) -> Result<()> {
    let mut names = Vec::new();
    for (standing, ClaimType { name, .. }) in wanted {
        let Standing::Other(lines) = standing else { continue };
        names.push(name.as_str());
        output.note(&format!("{name} stands in the registry with another schema:"))?;
        lines.iter().try_for_each(|line| output.note(line))?;
    }
    if names.is_empty() {
        return Ok(());
    }
    let message = format!("nothing was changed: another schema stands for {}", names.join(", "));
    let step = "give --replace if the new schema is to hold from now on, for every issuer; what is logged stays";
    Err(Failure::refused(message).next(step).into())
}

fn standing(registry: &GetRegistryResponse, wanted: &ClaimType) -> Standing {
    let known = registry.claim_types.iter().find(|known| known.name == wanted.name.as_str());
    let Some(known) = known else { return Standing::Absent };
    let new = wanted.schema.encode();
    if known.schema == new {
        Standing::Same
    } else {
        Standing::Other(differing(&known.schema, &new))
    }
}

/// Lines of the one schema alone, and then of the other. Each names its field, and is there once.
fn differing(old: &str, new: &str) -> Vec<String> {
    let only = |mark: char, these: &str, those: &str| -> Vec<String> {
        let these = these.lines().filter(|line| those.lines().all(|it| it != *line));
        these.map(|line| format!("{mark} {line}")).collect()
    };
    [only('-', old, new), only('+', new, old)].concat()
}

#[cfg(test)]
mod tests {
    use witness_wire::v1::get_registry_response;

    use super::*;

    const OLD: &str = "field awarded issued - date\nfield level issued - code A|B\n";
    const NEW: &str = "field awarded issued - date\nfield level issued - code A|B|C\n";

    fn registry(schema: &str) -> GetRegistryResponse {
        let (name, schema) = ("module".to_owned(), schema.to_owned());
        let known = get_registry_response::ClaimType { name, schema, retention_days: None };
        GetRegistryResponse { claim_types: vec![known], ..GetRegistryResponse::default() }
    }

    fn wanted(name: &str) -> ClaimType {
        ClaimType { name: Name::parse(name).unwrap(), schema: Schema::parse(NEW).unwrap() }
    }

    #[test]
    fn what_would_change_is_told_line_by_line() {
        let expected = ["- field level issued - code A|B", "+ field level issued - code A|B|C"];
        let expected = expected.map(str::to_owned).to_vec();
        assert_eq!(standing(&registry(OLD), &wanted("module")), Standing::Other(expected));
        assert_eq!(standing(&registry(NEW), &wanted("module")), Standing::Same);
        assert_eq!(standing(&registry(NEW), &wanted("modules")), Standing::Absent);
    }

    #[test]
    fn only_what_would_replace_something_is_refused() {
        let mut output = Output::new(true);
        let mut refuse = |standing| refuse_replacing(&[(standing, wanted("module"))], &mut output);
        assert!(refuse(Standing::Absent).is_ok() && refuse(Standing::Same).is_ok());
        let refused = refuse(Standing::Other(Vec::new())).unwrap_err().to_string();
        assert!(refused.contains("another schema stands for module"), "{refused}");
    }
}
