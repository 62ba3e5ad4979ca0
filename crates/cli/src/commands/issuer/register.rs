//! Drafting a change, signing it, registering it.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tonic::{Response, Status};
use witness_core::{
    name::Origin,
    note::{Note, NoteError, SignatureLine, Strict},
    registry::{Change, RegistryChange},
    time::Timestamp,
};
use witness_wire::v1::{
    DraftChangeRequest, GetRegistryRequest, GetRegistryResponse, RegisterRequest, RegisterResponse,
    admin_service_client::AdminServiceClient,
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
        Ok(Self::answer(self.admin().get_registry(rpc::timed(request)).await)?)
    }

    /// A client of the operator's service.
    pub(super) fn admin(&self) -> AdminServiceClient<Channel> {
        rpc::admin(&self.channel)
    }

    /// Drafts a change, signs it, has it logged, and says so.
    pub(super) async fn register(
        &self,
        change: Change,
        signing: &Signing,
        output: &mut Output,
    ) -> Result<Outcome> {
        let Registered::Logged(logged) = self.log(&change, signing, output).await? else {
            return Ok(Outcome::Done);
        };
        let next = next_step(&change);
        output.conclude(Outcome::Done);
        logged.say(output)?;
        if let Some(next) = &next {
            output.next(next)?;
        }
        let mut said = as_json(Some(&logged));
        said.insert("next_step".to_owned(), json!(next));
        output.json(&said)?;
        Ok(Outcome::Done)
    }

    /// Drafts a change, signs it and has it logged; or hands the draft out, if that is wanted.
    pub(super) async fn log(
        &self,
        change: &Change,
        signing: &Signing,
        output: &mut Output,
    ) -> Result<Registered> {
        let (text, origin) = self.draft(change).await?;
        if let Some(file) = &signing.draft {
            hand_out(&text, file, output)?;
            return Ok(Registered::Drafted);
        }
        let signatures = sign(&text, signing)?;
        let request = RegisterRequest {
            origin: origin.to_string(),
            text,
            signatures: signatures.iter().map(ToString::to_string).collect(),
        };
        let answer = Self::answer(self.admin().register(rpc::timed(request)).await)?;
        Ok(Registered::Logged(Logged { origin, change: change.encode(), answer }))
    }

    /// The text to sign, and the log that it is bound to.
    async fn draft(&self, change: &Change) -> Result<(String, Origin)> {
        let request =
            DraftChangeRequest { origin: self.origin().to_owned(), change: change.encode() };
        let draft = Self::answer(self.admin().draft_change(rpc::timed(request)).await)?;
        let read =
            RegistryChange::parse(&draft.text).context("the server's draft does not read")?;
        let is_right_log = self.origin.as_ref().is_none_or(|origin| *origin == read.origin);
        if read.change != *change || !is_right_log {
            let message = "the server drafted another change than the one that was asked for";
            return Err(Failure::refused(message).next("sign nothing of this server's").into());
        }
        Ok((draft.text, read.origin))
    }

    /// The answer to a call, or what to do about its failure.
    pub(super) fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Failure> {
        rpc::answer(answer).map_err(|failure| {
            if failure.is_about("origin") {
                return failure.next("name the log with --log ORIGIN");
            }
            let is_of_issuer = failure.message.contains("the issuer ");
            if is_of_issuer && failure.message.contains("registered already") {
                return failure.next(
                    "it needs no other challenge: witness issuer show says which keys and streams it has",
                );
            }
            if failure.message.contains("cannot be added again") {
                return failure.next(
                    "no challenge helps: under this domain nothing more is logged; witness issuer show has what was",
                );
            }
            if failure.message.contains("marked recovery") {
                return failure
                    .next("give a living key of the issuer with --with, or say --recovery");
            }
            failure
        })
    }
}

/// What became of a change.
#[derive(Debug)]
pub(super) enum Registered {
    /// Its text was handed out, to be signed elsewhere.
    Drafted,
    /// It is logged.
    Logged(Logged),
}

/// A change that is logged.
#[derive(Debug)]
pub(super) struct Logged {
    origin: Origin,
    change: String,
    answer: RegisterResponse,
}

impl Logged {
    /// Says so; for people only.
    pub(super) fn say(&self, output: &mut Output) -> Result<()> {
        output.good(first_line(&self.change))?;
        output.field("log", self.origin.as_str())?;
        output.field("entry", &self.answer.index.to_string())?;
        output.field("received", &self.received_at())?;
        Ok(())
    }

    fn received_at(&self) -> String {
        Timestamp::from_micros(self.answer.received_at_us).to_string()
    }
}

/// What programs are told of a change, to be added to: null where it stood already, and nothing was logged.
pub(super) fn as_json(logged: Option<&Logged>) -> Map<String, Value> {
    let members = [
        ("outcome", json!(Outcome::Done.word())),
        ("origin", json!(logged.map(|logged| logged.origin.as_str()))),
        ("change", json!(logged.map(|logged| logged.change.as_str()))),
        ("index", json!(logged.map(|logged| logged.answer.index))),
        ("registry_sequence", json!(logged.map(|logged| logged.answer.registry_sequence))),
        ("received_at", json!(logged.map(Logged::received_at))),
        ("next_step", Value::Null),
    ];
    members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// What comes after a change in the life of an issuer.
fn next_step(change: &Change) -> Option<String> {
    match change {
        Change::IssuerAdded { issuer } => Some(format!(
            "with the public key that the issuer makes (witness keygen --name {issuer} --out issuer.skey): \
             witness issuer key-add {issuer} --key issuer.vkey --draft change.txt"
        )),
        Change::KeyAdded { recovery: true, .. } => Some(
            "every verdict that rests on this key says that it was recovered; revoke the lost ones: \
             witness issuer show"
                .to_owned(),
        ),
        Change::LegalHold { name, .. } => {
            Some(format!("when it is over: witness issuer lift {name}"))
        }
        Change::KeyAdded { .. }
        | Change::KeyRevoked { .. }
        | Change::StreamOpened { .. }
        | Change::ClaimType { .. }
        | Change::IssuerOffboarded { .. }
        | Change::Retention { .. }
        | Change::LegalHoldLifted { .. } => None,
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

fn hand_out(text: &str, file: &Path, output: &mut Output) -> Result<()> {
    files::write_new(file, text.as_bytes(), 0o644)?;
    output.conclude(Outcome::Done);
    output.good(&format!("drafted in {}; nothing is registered yet", file.display()))?;
    output.next(&format!("witness issuer sign-change --key KEY.skey {}", file.display()))?;
    output.json(&json!({ "outcome": Outcome::Done.word(), "text": text, "file": file }))?;
    Ok(())
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
