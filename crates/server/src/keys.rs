//! The firm's online keys and notes, from the folder that `witness firm init` makes; and randomness.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::{Context as _, anyhow, bail};
use witness_anchor::wallet::{Wallet, password_of};
use witness_core::{
    firm::Role,
    firm_keys::{firm_key_file, log_key_file},
    key::SigningKey,
    name::Origin,
    note::Note,
};
use witness_ledger::Signers;
use zeroize::Zeroizing;

/// The keys of one log's writer.
pub(crate) fn signers(folder: &Path, origin: &Origin) -> anyhow::Result<Signers> {
    Ok(Signers {
        log: read_key(folder, &log_key_file(origin.log(), Role::Log))?,
        timestamp: read_key(folder, &log_key_file(origin.log(), Role::Timestamp))?,
        registrar: read_key(folder, &firm_key_file(Role::Registrar))?,
    })
}

/// The key that signs roll-ups.
pub(crate) fn roll_up(folder: &Path) -> anyhow::Result<SigningKey> {
    read_key(folder, &firm_key_file(Role::RollUp))
}

/// The firm notes `firm*.note`, in the order of their names: `firm.note`, `firm.note.1` would not do, so
/// rotations are called `firm-1.note`, `firm-2.note`, … and sorted by the number that they bear inside.
pub(crate) fn firm_notes(folder: &Path) -> anyhow::Result<Vec<Note>> {
    let listing = fs::read_dir(folder)
        .with_context(|| format!("the key folder {} cannot be read", folder.display()))?;
    let mut notes = Vec::new();
    for file in listing {
        let path = file?.path();
        let name =
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !(name.starts_with("firm")
            && path.extension().is_some_and(|extension| extension == "note"))
        {
            continue;
        }
        let bytes =
            fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let note =
            Note::parse(&bytes).with_context(|| format!("{} is no signed note", path.display()))?;
        let text = witness_core::firm::FirmText::parse(note.text())
            .with_context(|| format!("{} is no firm note", path.display()))?;
        notes.push((text.sequence, note));
    }
    if notes.is_empty() {
        bail!("{} holds no firm.note; make one with `witness firm init`", folder.display());
    }
    notes.sort_by_key(|(sequence, _)| *sequence);
    Ok(notes.into_iter().map(|(_, note)| note).collect())
}

/// The key that commits roll-ups to a chain: an encrypted keystore, and its password in a file of its own.
pub(crate) fn committer(keystore: &Path, password_file: &Path) -> anyhow::Result<Wallet> {
    refuse_shared(keystore)?;
    refuse_shared(password_file)?;
    let text = fs::read_to_string(password_file).map(Zeroizing::new);
    let text = text.with_context(|| format!("{} cannot be read", password_file.display()))?;
    Ok(Wallet::open(keystore, password_of(&text).as_bytes())?)
}

/// 32 bytes from the operating system's randomness.
pub(crate) fn random() -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(random.as_mut_slice())
        .map_err(|error| anyhow!("no randomness from the system: {error}"))?;
    Ok(random)
}

fn read_key(folder: &Path, name: &str) -> anyhow::Result<SigningKey> {
    let path = folder.join(name);
    refuse_shared(&path).context("`witness firm init` makes all keys of a firm")?;
    let text =
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    SigningKey::parse(text.trim_end()).with_context(|| format!("{} is no key file", path.display()))
}

/// A secret that others can read is refused: it may be theirs by now.
pub(crate) fn refuse_shared(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let metadata =
        fs::metadata(path).with_context(|| format!("the key file {shown} is missing"))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!("the key file {shown} has mode {mode:o}; others could read it: chmod 600 {shown}");
    }
    Ok(())
}
