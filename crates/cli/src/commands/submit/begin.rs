//! How a run begins: which input it is, what the journal knows of it, and where the stream stands.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use witness_core::{
    drafting::{ClientSecret, Position},
    encoding,
    hash::Hash,
    key::SigningKey,
    name::{Domain, Name, Origin},
};
use witness_wire::v1::PositionRequest;
use zeroize::Zeroizing;

use super::{
    SubmitArgs,
    journal::{InputRecord, Journal, Record, State},
    row::Defaults,
    rows::{Format, Rows},
};
use crate::{
    args,
    files::{self, STANDARD_INPUT},
    outcome::Failure,
    output::Output,
    rpc::{self, Channel},
    times,
};

const SECRET_FILE: &str = "client.secret";
const SECRET_BYTES_MAX: u64 = 100;

/// Who submits, and where to.
#[derive(Debug)]
pub(super) struct Place {
    /// The key to sign with.
    pub(super) key: SigningKey,
    /// Whose key it is.
    pub(super) issuer: Domain,
    /// The stream.
    pub(super) stream: Name,
}

impl Place {
    /// As the arguments say.
    pub(super) fn of(args: &SubmitArgs) -> Result<Self> {
        let key = files::read_signing_key(&args.key)?;
        let issuer = Domain::parse(key.verifying_key().name()).with_context(|| {
            format!("{} is no issuer's key: its name is no domain", args.key.display())
        })?;
        Ok(Self { key, issuer, stream: args.stream.clone() })
    }
}

/// An input with its journal, read up to what is acknowledged.
#[derive(Debug)]
pub(super) struct Input {
    /// The rows.
    pub(super) rows: Rows,
    /// Number of the input in the journal.
    pub(super) number: u64,
    /// Its length, if it is a file.
    pub(super) bytes: Option<u64>,
    /// The journal.
    pub(super) journal: Journal,
    /// What it says.
    pub(super) state: State,
    path: PathBuf,
    format: Format,
    is_recorded: bool,
}

impl Input {
    /// Opens input and journal, and finds out how far the input came before.
    pub(super) fn open(args: &SubmitArgs, place: &Place, output: &mut Output) -> Result<Self> {
        let format = args.format.or_else(|| Format::of_name(&args.file)).unwrap_or(Format::Ndjson);
        let is_file = args.file.as_os_str() != STANDARD_INPUT;
        let path = if is_file {
            fs::canonicalize(&args.file)
                .with_context(|| format!("cannot read {}", args.file.display()))?
        } else {
            args.file.clone()
        };
        let bytes = is_file.then(|| fs::metadata(&path).map(|it| it.len())).transpose()?;
        files::make_private_folder(&args.journal)?;
        let name = format!("{}.{}.journal", place.issuer, place.stream);
        let (journal, state) = Journal::open(args.journal.join(name))?;
        let rows = Rows::open(&path, format)?;
        let number = u64::try_from(state.inputs.len())?;
        let mut input =
            Self { rows, number, bytes, journal, state, path, format, is_recorded: false };
        input.resume(args.as_new, output)?;
        Ok(input)
    }

    /// Finds the input in the journal, and reads the rows that are acknowledged.
    fn resume(&mut self, as_new: bool, output: &mut Output) -> Result<()> {
        self.refuse_another_pending()?;
        let Some(known) = self.state.latest_of(&self.path).cloned() else { return Ok(()) };
        let is_stdin = self.path.as_os_str() == STANDARD_INPUT;
        let is_pending = self.state.pending.iter().any(|signed| signed.input == known.record.input);
        if is_stdin && (known.done || as_new && !is_pending) {
            // What comes through a pipe has no name to be known by, and cannot be read from its beginning
            // again, so it is decided before the first row.
            return Ok(());
        }
        let acknowledged = known.acknowledged;
        let is_same = match &acknowledged {
            None => true,
            Some(before) => {
                output
                    .note(&format!("checking the {} rows that have their receipts", before.rows))?;
                self.rows.skip_to(before.rows)?.chain == before.chain
            }
        };
        if is_same && !(as_new && known.done) {
            self.number = known.record.input;
            self.is_recorded = true;
            return Ok(());
        }
        if !as_new || is_pending {
            let message = "rows of this input were submitted before, and are others now";
            let step = if is_pending {
                "restore the rows as they were: some are signed and not acknowledged"
            } else {
                "put only the new rows into a file of their own, or say --as-new to submit all of them"
            };
            return Err(Failure::refused(message).next(step).into());
        }
        self.rows = Rows::open(&self.path, self.format)?;
        Ok(())
    }

    /// What was signed must be settled before anything else of the stream is.
    fn refuse_another_pending(&self) -> Result<()> {
        let Some(first) = self.state.pending.front() else { return Ok(()) };
        let index = usize::try_from(first.input)?;
        let input = self.state.inputs.get(index).context("the journal names no such input")?;
        if input.record.path == self.path {
            return Ok(());
        }
        let path = input.record.path.display();
        let message = format!("submissions from {path} are signed and not acknowledged");
        Err(Failure::refused(message)
            .next(format!("finish that one first: witness submit … {path}"))
            .into())
    }

    /// Journals the input, if it is new.
    pub(super) fn record(&mut self, origin: &Origin) -> Result<()> {
        if self.is_recorded {
            return Ok(());
        }
        self.is_recorded = true;
        self.journal.append([Record::Input(InputRecord {
            input: self.number,
            path: self.path.clone(),
            format: self.format,
            origin: origin.to_string(),
        })])
    }
}

/// Where the stream stands, by the server's word.
pub(super) async fn position(channel: &Channel, place: &Place) -> Result<(Origin, Position)> {
    let request =
        PositionRequest { issuer: place.issuer.to_string(), stream: place.stream.to_string() };
    let answer = rpc::answer(rpc::ingest(channel).position(rpc::timed(request)).await)?;
    let origin = Origin::parse(&answer.origin).context("the server names no proper log")?;
    let previous = Hash::from_slice(&answer.previous_hash);
    let previous = previous.context("the server's position has no proper hash")?;
    Ok((origin, Position { next_sequence: answer.next_sequence, previous }))
}

/// What rows need not say.
pub(super) fn defaults(args: &SubmitArgs) -> Result<Defaults> {
    let occurred_at = args.occurred_at.as_deref().map(|text| {
        times::micros(text).context("expected --occurred-at as in 2026-03-01T09:00:00Z, or a date")
    });
    let is_file = args.file.as_os_str() != STANDARD_INPUT;
    let folder = args.file.parent().filter(|_| is_file).unwrap_or(Path::new("")).to_owned();
    Ok(Defaults {
        claim_type: args.claim_type.clone(),
        change: args.change.clone(),
        occurred_at: occurred_at.transpose()?,
        folder,
        meta: args.meta.as_deref().map(args::read_meta).transpose()?,
    })
}

/// The secret under which salts and links are made: made once, and kept beside the journal.
pub(super) fn client_secret(folder: &Path) -> Result<ClientSecret> {
    let path = folder.join(SECRET_FILE);
    if !path.exists() {
        let text = Zeroizing::new(format!("{}\n", encoding::hex(&*files::seed()?)));
        files::write_new(&path, text.as_bytes(), 0o600)?;
    }
    files::refuse_shared(&path)?;
    let text = Zeroizing::new(files::read_text(&path, SECRET_BYTES_MAX)?);
    let bytes = encoding::from_hex(text.trim_end_matches('\n'));
    Ok(ClientSecret::new(bytes.with_context(|| format!("{} holds no secret", path.display()))?))
}
