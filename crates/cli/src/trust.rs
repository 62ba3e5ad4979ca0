//! Whom to believe: the firm's root key comes from a policy, or else from the server at first use and is
//! kept; every other key of the firm comes from firm notes that this root signed.

use std::path::Path;

use anyhow::{Context as _, Result};
use witness_core::{
    entry::{Entry, EntryKind},
    firm::Firm,
    key::VerifyingKey,
    name::Origin,
    note::{Note, Strict},
    policy::{POLICY_BYTES_MAX, Policy},
};
use witness_wire::v1::{GetEntriesRequest, ListLogsRequest};

use crate::{
    files,
    outcome::Failure,
    output::Output,
    retry::retrying,
    rpc::{self, Channel},
};

const VKEY_BYTES_MAX: u64 = 1000;

/// Reads a trust policy.
pub(crate) fn read_policy(path: &Path) -> Result<Policy> {
    let bytes = files::read(path, u64::try_from(POLICY_BYTES_MAX)?)?;
    Policy::parse(&bytes).map_err(|error| {
        let message = format!("{} is no trust policy: {error}", path.display());
        Failure::cannot_tell(message)
            .next("give the policy.json that the firm has published")
            .into()
    })
}

/// The root key of the server's firm: the policy's, which came from elsewhere, or else what the server
/// says the first time, kept in a file.
pub(crate) async fn root(
    channel: &Channel,
    policy: Option<&Policy>,
    kept: &Path,
    output: &mut Output,
) -> Result<VerifyingKey> {
    if let Some(policy) = policy {
        keep(&policy.firm_root, kept)?;
        return Ok(policy.firm_root.clone());
    }
    let call = async || {
        let answer = rpc::ledger(channel).list_logs(rpc::timed(ListLogsRequest {})).await;
        Ok(rpc::answer(answer)?)
    };
    let logs = retrying(|text| output.note(text), call).await?;
    let shown = VerifyingKey::parse(&logs.root_vkey)
        .context("the server shows no root key; give the firm's policy with --policy")?;
    if kept.exists() {
        let known = files::read_text(kept, VKEY_BYTES_MAX)?;
        return if known.trim_end() == logs.root_vkey {
            Ok(shown)
        } else {
            Err(changed_root(kept).into())
        };
    }
    output.warn(&format!(
        "no --policy was given, so the firm's root key is believed because this server shows it:\n  \
         {shown}\n  compare it with one that you got elsewhere; from now on it is kept in {}",
        kept.display()
    ))?;
    files::write_new(kept, format!("{shown}\n").as_bytes(), 0o644)?;
    Ok(shown)
}

/// A journal is one firm's, whose root is kept beside it.
fn keep(root: &VerifyingKey, kept: &Path) -> Result<()> {
    if !kept.exists() {
        return files::write_new(kept, format!("{root}\n").as_bytes(), 0o644);
    }
    if files::read_text(kept, VKEY_BYTES_MAX)?.trim_end() == root.to_string() {
        return Ok(());
    }
    let message =
        format!("the journal is of another firm than the policy: {} says so", kept.display());
    let step = "give a --journal of its own for each firm; if it is the same firm, ask it why its root key changed";
    Err(Failure::refused(message).next(step).into())
}

fn changed_root(kept: &Path) -> Failure {
    let message =
        format!("the server shows another root key than the one kept in {}", kept.display());
    Failure::refused(message).next("ask the firm why, and do not go on before you know")
}

/// The firm notes of a log, as far as they were read.
#[derive(Debug)]
pub(crate) struct FirmNotes {
    origin: Origin,
    firm: Firm,
    next_index: u64,
}

impl FirmNotes {
    /// Reads the note with which every log begins.
    pub(crate) async fn first(
        channel: &Channel,
        origin: Origin,
        root: VerifyingKey,
    ) -> Result<Self> {
        let mut notes = Self { origin, firm: Firm::new(root), next_index: 0 };
        notes.read(channel, 1).await?;
        if notes.firm.next_sequence() == 0 {
            let message = format!("the log {} does not begin with a firm note", notes.origin);
            return Err(Failure::refused(message)
                .next("check that this is the firm's own server")
                .into());
        }
        Ok(notes)
    }

    /// What they say.
    pub(crate) fn firm(&self) -> &Firm {
        &self.firm
    }

    /// Reads the rest of the log for later notes: done when a signature is by a key that is not known.
    pub(crate) async fn refresh(&mut self, channel: &Channel) -> Result<()> {
        self.read(channel, 0).await
    }

    async fn read(&mut self, channel: &Channel, limit: u64) -> Result<()> {
        let origin = self.origin.to_string();
        let request = GetEntriesRequest { origin, from_index: self.next_index, limit };
        let mut answers = rpc::answer(rpc::ledger(channel).get_entries(request).await)?;
        let failed = |status| Failure::from_status(&status);
        while let Some(answer) = answers.message().await.map_err(failed)? {
            for entry in answer.entries {
                self.take(&entry.text)?;
                self.next_index = entry.index + 1;
            }
        }
        Ok(())
    }

    fn take(&mut self, text: &[u8]) -> Result<()> {
        let entry =
            Entry::parse(text).context("the server's log has an entry that does not read")?;
        if entry.kind == EntryKind::Firm {
            let note = Note::parse(entry.body.as_bytes());
            let note = note.context("the server's log has a firm note that does not read")?;
            self.firm.apply(&note, &Strict).map_err(|error| {
                Failure::refused(format!("a firm note of the server's log is not good: {error}"))
                    .next("check that the root key is that of this firm")
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use witness_core::key::{SignatureType, SigningKey};

    use super::*;

    #[test]
    fn a_journal_is_one_firms() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("firm-root.vkey");
        let root = |seed: u8| {
            let key = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[seed; 32]);
            key.unwrap().verifying_key().clone()
        };
        keep(&root(1), &kept).unwrap();
        keep(&root(1), &kept).unwrap();
        let refused = keep(&root(2), &kept).unwrap_err().to_string();
        assert!(refused.contains("of another firm than the policy"), "{refused}");
    }
}
