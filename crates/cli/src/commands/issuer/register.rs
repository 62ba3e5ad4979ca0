//! Drafting a change, signing it, registering it.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;
use tonic::{Response, Status};
use witness_core::{
    name::Origin,
    note::{Note, NoteError, SignatureLine, Strict},
    registry::{Change, RegistryChange},
    time::Timestamp,
};
use witness_wire::v1::{
    DraftChangeRequest, GetRegistryRequest, GetRegistryResponse, RegisterRequest,
};

use super::change::Signing;
use crate::{
    files,
    outcome::{Failure, Outcome},
    output::Output,
    rpc::{self, Channel},
};

const CHANGE_BYTES_MAX: u64 = 65_536;

/// The operator's side of the registry of one log.
#[derive(Debug)]
pub(super) struct Registrar {
    channel: Channel,
    /// None means the only log there is.
    origin: Option<Origin>,
}

impl Registrar {
    /// Connects.
    pub(super) async fn connect(admin: &Path, origin: Option<&Origin>) -> Result<Self> {
        Ok(Self { channel: rpc::connect_unix(admin).await?, origin: origin.cloned() })
    }

    /// The log; empty for the only one there is.
    pub(super) fn origin(&self) -> &str {
        self.origin.as_ref().map_or("", Origin::as_str)
    }

    /// The registry as it stands.
    pub(super) async fn registry(&self) -> Result<GetRegistryResponse> {
        let request = GetRegistryRequest { origin: self.origin().to_owned() };
        Ok(self.answer(rpc::admin(&self.channel).get_registry(rpc::timed(request)).await)?)
    }

    /// Drafts a change, signs it and has it logged.
    pub(super) async fn register(
        &self,
        change: Change,
        signing: &Signing,
        output: &mut Output,
    ) -> Result<Outcome> {
        let (text, origin) = self.draft(&change).await?;
        if let Some(file) = &signing.draft {
            return hand_out(&text, file, output);
        }
        let signatures = sign(&text, signing)?;
        let request = RegisterRequest {
            origin: origin.to_string(),
            text,
            signatures: signatures.iter().map(ToString::to_string).collect(),
        };
        let logged = self.answer(rpc::admin(&self.channel).register(rpc::timed(request)).await)?;
        let received_at = Timestamp::from_micros(logged.received_at_us).to_string();
        output.conclude(Outcome::Done);
        output.good(first_line(&change.encode()))?;
        output.field("log", origin.as_str())?;
        output.field("entry", &logged.index.to_string())?;
        output.field("received", &received_at)?;
        output.json(&json!({
            "outcome": Outcome::Done.word(),
            "origin": origin.as_str(),
            "change": change.encode(),
            "index": logged.index,
            "registry_sequence": logged.registry_sequence,
            "received_at": received_at,
        }))?;
        Ok(Outcome::Done)
    }

    /// The text to sign, and the log that it is bound to.
    async fn draft(&self, change: &Change) -> Result<(String, Origin)> {
        let request =
            DraftChangeRequest { origin: self.origin().to_owned(), change: change.encode() };
        let draft =
            self.answer(rpc::admin(&self.channel).draft_change(rpc::timed(request)).await)?;
        let read =
            RegistryChange::parse(&draft.text).context("the server's draft does not read")?;
        let is_right_log = self.origin.as_ref().is_none_or(|origin| *origin == read.origin);
        if read.change != *change || !is_right_log {
            let message = "the server drafted another change than the one that was asked for";
            return Err(Failure::refused(message).next("sign nothing of this server's").into());
        }
        Ok((draft.text, read.origin))
    }

    fn answer<T>(&self, answer: Result<Response<T>, Status>) -> Result<T, Failure> {
        rpc::answer(answer).map_err(|failure| {
            if self.origin.is_none() && failure.message.starts_with("origin ") {
                return failure.next("name the log with --log ORIGIN");
            }
            if failure.message.contains("marked recovery") {
                return failure
                    .next("give a living key of the issuer with --with, or say --recovery");
            }
            failure
        })
    }
}

/// All signatures that go with a text; the one that must be there is checked before anything is sent.
fn sign(text: &str, signing: &Signing) -> Result<Vec<SignatureLine>> {
    let made = signing.keys.iter().map(|key| key.sign(text, Timestamp::EPOCH));
    let signatures: Vec<SignatureLine> = signing.lines.iter().cloned().chain(made).collect();
    let Some(key) = &signing.required else { return Ok(signatures) };
    let note = Note::new(text.to_owned(), signatures.clone());
    let failure = match note.verify(key, &Strict) {
        Ok(_) => return Ok(signatures),
        Err(NoteError::BadSignature { .. }) => {
            Failure::refused("the signature does not fit the change as it stands now")
                .next("the registry may have moved on: write it out again with --draft, and sign that")
        }
        Err(_) => Failure::cannot_tell(format!("the new key {} must sign too", key.id()))
            .next("give its secret key's file with --key, or sign elsewhere: --draft, sign-change, --signature"),
    };
    Err(failure.into())
}

fn hand_out(text: &str, file: &Path, output: &mut Output) -> Result<Outcome> {
    files::write_new(file, text.as_bytes(), 0o644)?;
    output.conclude(Outcome::Done);
    output.good(&format!("drafted in {}; nothing is registered yet", file.display()))?;
    output.line(&format!("next: witness issuer sign-change --key KEY.skey {}", file.display()))?;
    output.json(&json!({ "outcome": Outcome::Done.word(), "text": text, "file": file }))?;
    Ok(Outcome::Done)
}

/// Signs a drafted text. What is signed is shown on standard error, the line alone on standard output.
pub(super) fn sign_change(key: &Path, text: &Path, output: &mut Output) -> Result<Outcome> {
    let key = files::read_signing_key(key)?;
    let text = files::read_text(text, CHANGE_BYTES_MAX)?;
    let change = RegistryChange::parse(&text).context("this is no drafted registry change")?;
    let encoded = change.change.encode();
    let change_line = first_line(&encoded);
    let (sequence, origin) = (change.sequence, &change.origin);
    output.note(&format!("registry change {sequence} of {origin} is signed: {change_line}"))?;
    let line = key.sign(&text, Timestamp::EPOCH).to_string();
    output.line(&line)?;
    output
        .json(&json!({ "outcome": Outcome::Done.word(), "change": encoded, "signature": line }))?;
    Ok(Outcome::Done)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
