//! From arguments to a registry change, and to the signatures that must come with it.

use std::path::Path;

use anyhow::{Context as _, Result};
use witness_core::{
    key::{SigningKey, VerifyingKey},
    note::SignatureLine,
    registry::Change,
    schema::Schema,
    time::Timestamp,
};

use super::{AddArgs, ClaimTypeArgs, KeyAddArgs, KeyRevokeArgs, SignatureArgs, StreamOpenArgs};
use crate::{files, outcome::Failure, times};

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

pub(super) fn add(args: &AddArgs) -> Change {
    Change::IssuerAdded { issuer: args.issuer.clone() }
}

pub(super) fn key_add(args: &KeyAddArgs) -> Result<(Change, Signing)> {
    let mut signing = signing(&args.signing)?;
    let new = new_key(&args.key)?;
    let key = match new {
        NewKey::Secret(key) => {
            let public = key.verifying_key().clone();
            signing.keys.push(*key);
            public
        }
        NewKey::Public(key) => *key,
    };
    if key.name() != args.issuer.as_str() {
        let message = format!("the key is named {}, and must be named {}", key.name(), args.issuer);
        let step = format!("make one with: witness keygen --name {} --out FILE", args.issuer);
        return Err(Failure::refused(message).next(step).into());
    }
    if let Some(path) = &args.living {
        signing.keys.push(files::read_signing_key(path)?);
    }
    signing.required = Some(key.clone());
    let (issuer, recovery) = (args.issuer.clone(), args.recovery);
    Ok((Change::KeyAdded { issuer, key, recovery }, signing))
}

pub(super) fn key_revoke(args: &KeyRevokeArgs, now: Timestamp) -> Result<(Change, Signing)> {
    let is_signed_elsewhere = args.signing.draft.is_some() || !args.signing.signatures.is_empty();
    if args.as_of.is_none() && is_signed_elsewhere {
        let message = "the text to sign must be the same each time, and `now` is not";
        return Err(Failure::cannot_tell(message).next("give the time with --as-of").into());
    }
    let as_of = args.as_of.as_deref().map_or(Ok(now), times::point)?;
    let mut signing = signing(&args.signing)?;
    if let Some(path) = &args.own {
        let key = files::read_signing_key(path)?;
        if key.verifying_key().id() != args.id {
            let message = format!("{} is another key than {}", path.display(), args.id);
            return Err(Failure::refused(message)
                .next("leave --with away, or give that key")
                .into());
        }
        signing.keys.push(key);
    }
    Ok((Change::KeyRevoked { issuer: args.issuer.clone(), key: args.id, as_of }, signing))
}

pub(super) fn stream_open(args: &StreamOpenArgs) -> Change {
    Change::StreamOpened {
        issuer: args.issuer.clone(),
        stream: args.stream.clone(),
        jurisdictions: args.jurisdictions.clone(),
        back_fill: args.back_fill,
    }
}

pub(super) fn claim_type(args: &ClaimTypeArgs) -> Result<Change> {
    let text = files::read_text(&args.schema, SCHEMA_BYTES_MAX)?;
    let schema = Schema::parse(&text)
        .with_context(|| format!("{} is no schema of a claim type", args.schema.display()))?;
    Ok(Change::ClaimType { name: args.name.clone(), schema })
}

enum NewKey {
    Secret(Box<SigningKey>),
    Public(Box<VerifyingKey>),
}

/// A secret key's file, a public key's file, or a vkey.
fn new_key(text: &str) -> Result<NewKey> {
    if let Ok(key) = files::read_verifying_key(text) {
        return Ok(NewKey::Public(Box::new(key)));
    }
    Ok(NewKey::Secret(Box::new(files::read_signing_key(Path::new(text))?)))
}

fn signing(args: &SignatureArgs) -> Result<Signing> {
    let mut lines = Vec::new();
    for line in &args.signatures {
        lines.push(SignatureLine::parse(line.trim_end()).ok_or_else(|| {
            Failure::cannot_tell("--signature must be a whole line, `— <name> <base64>`")
                .next("copy the line that sign-change printed, with the dash")
        })?);
    }
    Ok(Signing { lines, draft: args.draft.clone(), ..Signing::default() })
}
