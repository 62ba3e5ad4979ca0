//! `witness issuer key-add`, `key-rotate`, `key-revoke`: an issuer's keys, one after the other and side by side.

use std::path::Path;

use anyhow::Result;
use serde_json::json;
use witness_core::{
    key::{KeyId, SigningKey, VerifyingKey},
    registry::Change,
    time::Timestamp,
};

use super::{
    args::{KeyAddArgs, KeyRevokeArgs, KeyRotateArgs},
    change::Signing,
    register::{self, Registered, Registrar},
};
use crate::{
    files,
    outcome::{Failure, Outcome},
    output::Output,
    times,
};

/// A key that is added, and who signs for it.
pub(super) fn added(args: &KeyAddArgs) -> Result<(Change, Signing)> {
    let mut signing = Signing::read(&args.signing)?;
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

/// A key that is revoked, and who signs that.
pub(super) fn revoked(args: &KeyRevokeArgs, now: Timestamp) -> Result<(Change, Signing)> {
    let is_signed_elsewhere = args.signing.draft.is_some() || !args.signing.signatures.is_empty();
    if args.as_of.is_none() && is_signed_elsewhere {
        let message = "the text to sign must be the same each time, and `now` is not";
        return Err(Failure::cannot_tell(message).next("give the time with --as-of").into());
    }
    let as_of = args.as_of.as_deref().map_or(Ok(now), times::point)?;
    let mut signing = Signing::read(&args.signing)?;
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

/// Adds a key beside the one that it is to replace, and shows that both live.
pub(super) async fn rotate<F: Future<Output = Result<Registrar>>>(
    server: impl FnOnce() -> F,
    args: &KeyRotateArgs,
    output: &mut Output,
) -> Result<Outcome> {
    let KeyRotateArgs { issuer, key, living, signing } = args.clone();
    let (change, signing) = added(&KeyAddArgs { issuer, key, living, recovery: false, signing })?;
    let new = signing.required.as_ref().map(VerifyingKey::id);
    let registrar = server().await?;
    let logged = match registrar.log(&change, &signing, output).await? {
        Registered::Drafted => return Ok(Outcome::Done),
        Registered::Logged(logged) => logged,
    };
    let registry = registrar.registry().await?;
    let issuer = registry.issuers.iter().find(|it| it.issuer == args.issuer.as_str());
    let keys = issuer.map(|issuer| issuer.keys.as_slice()).unwrap_or_default();
    let living: Vec<&str> = keys
        .iter()
        .filter(|key| key.revoked_index.is_none())
        .map(|key| key.vkey.as_str())
        .collect();
    output.conclude(Outcome::Done);
    logged.say(output)?;
    for vkey in &living {
        output.field("living key", vkey)?;
    }
    let old = old_keys(&living, new);
    let revoke =
        old.iter().map(|id| format!("witness issuer key-revoke {} --id {id}", args.issuer));
    let revoke: Vec<String> = revoke.collect();
    output.next(
        "sign with the new key from now on; when nothing that the old one signed is on its way:",
    )?;
    for line in &revoke {
        output.line(&format!("  {line}"))?;
    }
    let mut said = register::as_json(Some(&logged));
    said.insert("living_keys".to_owned(), json!(living));
    said.insert("next_step".to_owned(), json!(revoke));
    output.json(&said)?;
    Ok(Outcome::Done)
}

/// The living keys but the new one.
fn old_keys(living: &[&str], new: Option<KeyId>) -> Vec<KeyId> {
    let ids = living.iter().filter_map(|vkey| VerifyingKey::parse(vkey).ok()).map(|key| key.id());
    ids.filter(|id| Some(*id) != new).collect()
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
