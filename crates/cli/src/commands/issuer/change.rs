//! From arguments to a registry change, and who signs it beside the registrar.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use witness_core::{
    erasure::Range,
    key::{SigningKey, VerifyingKey},
    note::SignatureLine,
    registry::Change,
    schema::Schema,
};

use super::args::{AddArgs, ClaimTypeArgs, HoldArgs, OffboardArgs, SignatureArgs, StreamOpenArgs};
use super::claim_type::ClaimType;
use crate::{files, outcome::Failure, output::Output};

const SCHEMA_BYTES_MAX: u64 = 65_536;

/// Who signs a change beside the registrar.
#[derive(Debug, Default)]
pub(super) struct Signing {
    /// Keys at hand.
    pub(super) keys: Vec<SigningKey>,
    /// Signatures made elsewhere.
    pub(super) lines: Vec<SignatureLine>,
    /// The key whose signature there must be, where that is known here.
    pub(super) required: Option<VerifyingKey>,
    /// Where to write the text instead of registering it.
    pub(super) draft: Option<std::path::PathBuf>,
}

impl Signing {
    /// With signatures that were made elsewhere.
    pub(super) fn read(args: &SignatureArgs) -> Result<Self> {
        let mut lines = Vec::new();
        for line in &args.signatures {
            lines.push(SignatureLine::parse(line.trim_end()).ok_or_else(|| {
                Failure::cannot_tell("--signature must be a whole line, `— <name> <base64>`")
                    .next("copy the line that sign-change printed, with the dash")
            })?);
        }
        Ok(Self { lines, draft: args.draft.clone(), ..Self::default() })
    }
}

pub(super) fn add(args: &AddArgs) -> Change {
    Change::IssuerAdded { issuer: args.issuer.clone() }
}

pub(super) fn stream_open(args: &StreamOpenArgs) -> Change {
    Change::StreamOpened {
        issuer: args.issuer.clone(),
        stream: args.stream.clone(),
        jurisdictions: args.jurisdictions.clone(),
        back_fill: args.back_fill,
    }
}

pub(super) fn claim_type(args: &ClaimTypeArgs) -> Result<ClaimType> {
    let (Some(name), Some(file)) = (&args.name, &args.schema) else {
        let failure = Failure::cannot_tell("a claim type needs a name and a schema");
        return Err(failure.next("give --name and --schema, or --ready NAME").into());
    };
    let text = files::read_text(file, SCHEMA_BYTES_MAX)?;
    let schema = Schema::parse(&text)
        .with_context(|| format!("{} is no schema of a claim type", file.display()))?;
    Ok(ClaimType { name: name.clone(), schema })
}

pub(super) fn hold(args: &HoldArgs) -> Change {
    let range = match (&args.stream, args.first, args.count) {
        (Some(stream), Some(first_sequence), Some(events)) => {
            Some(Range { stream: stream.clone(), first_sequence, events })
        }
        _ => None,
    };
    Change::LegalHold { name: args.name.clone(), issuer: args.issuer.clone(), range }
}

/// The end of an issuer, once somebody has said yes to it: nothing takes it back.
pub(super) fn offboard(args: &OffboardArgs, output: &mut Output) -> Result<Change> {
    let issuer = &args.issuer;
    let change = Change::IssuerOffboarded { issuer: issuer.clone() };
    if args.yes {
        return Ok(change);
    }
    output.note(&format!("nothing more of {issuer} is admitted, and it cannot be added again"))?;
    output.note("what it has logged stays, and verifies")?;
    if !io::stdin().is_terminal() {
        let message = "nothing was changed: there is nobody to ask";
        return Err(Failure::cannot_tell(message).next("give --yes if it is meant").into());
    }
    write!(io::stderr(), "Type the domain to go on: ")?;
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    if typed.trim() == issuer.as_str() {
        return Ok(change);
    }
    Err(Failure::refused("nothing was changed: it was not confirmed").into())
}
