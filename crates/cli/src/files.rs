//! Files of the command line: keys of mode 0600 that are never overwritten, and input of bounded length.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use witness_core::{
    encoding,
    key::{SigningKey, VerifyingKey},
};
use zeroize::Zeroizing;

use crate::outcome::Failure;

/// A file name that means standard input.
pub(crate) const STANDARD_INPUT: &str = "-";
const KEY_BYTES_MAX: u64 = 4096;

/// Reads a file, or standard input for `-`, of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let more = limit.saturating_add(1);
    let read = if path.as_os_str() == STANDARD_INPUT {
        io::stdin().lock().take(more).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(more).read_to_end(&mut bytes))
    };
    read.map_err(|error| cannot_read(path, &error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        let message = format!("{} must be at most {limit} bytes long", path.display());
        return Err(Failure::cannot_tell(message).next("check that it is the right file").into());
    }
    Ok(bytes)
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot read {}: {error}", path.display());
    Failure::cannot_tell(message).next("check the path, and who may read it")
}

/// Reads a text file as [`read`] does.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String> {
    let bytes = read(path, limit)?;
    String::from_utf8(bytes).map_err(|_not_utf8| {
        let message = format!("{} must be text in UTF-8", path.display());
        Failure::cannot_tell(message).next("check that it is the right file").into()
    })
}

/// Reads a secret key; refuses one that others may read.
pub(crate) fn read_signing_key(path: &Path) -> Result<SigningKey> {
    refuse_shared(path)?;
    let text = Zeroizing::new(read_text(path, KEY_BYTES_MAX)?);
    SigningKey::parse(text.trim_end_matches('\n'))
        .with_context(|| format!("{} holds no secret key (skey)", path.display()))
}

/// Reads a public key: a vkey as text, or a file that holds one.
pub(crate) fn read_verifying_key(text: &str) -> Result<VerifyingKey> {
    if let Ok(key) = VerifyingKey::parse(text) {
        return Ok(key);
    }
    // It may turn out to be a secret key's file.
    let inside = Zeroizing::new(read_text(Path::new(text), KEY_BYTES_MAX)?);
    VerifyingKey::parse(inside.trim_end_matches('\n'))
        .with_context(|| format!("{text} is neither a public key (vkey) nor a file with one"))
}

/// Refuses a secret that the group or the world may read.
pub(crate) fn refuse_shared(path: &Path) -> Result<()> {
    let metadata = fs::metadata(path).map_err(|error| cannot_read(path, &error))?;
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        let message =
            format!("{} can be read by others; a secret must have mode 0600", path.display());
        let step = format!("chmod 600 {}", path.display());
        return Err(Failure::cannot_tell(message).next(step).into());
    }
    Ok(())
}

/// Writes a secret key of mode 0600; never over another file.
pub(crate) fn write_signing_key(path: &Path, key: &SigningKey) -> Result<()> {
    let text = Zeroizing::new(format!("{}\n", *key.to_skey()));
    write_new(path, text.as_bytes(), 0o600)
}

/// Writes a file as a whole or not at all, and syncs it; never over another one.
///
/// It gets its name only once it is synced: after a crash half a secret under the right name would be
/// taken for the secret, or keep a new one from being made.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    let random = seed()?;
    name.push(format!(".{}.new", encoding::hex(random.first_chunk::<8>().unwrap_or(&[0; 8]))));
    let beside = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // Unlike a rename, a link never replaces what has the name already.
        fs::hard_link(&beside, path)
    };
    let written = write();
    // If this fails, a file with a name of its own is left over, and all that was asked for is done.
    fs::remove_file(&beside).ok();
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let message = format!("{} is there already and is not overwritten", path.display());
            return Err(Failure::refused(message)
                .next("give another name, or move it away; where there is --force, it overwrites")
                .into());
        }
        other => other.with_context(|| format!("cannot write {}", path.display()))?,
    }
    sync_folder_of(path)
}

/// Writes a file as a whole or not at all, over what was there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    sync_folder_of(path)
}

/// Makes a folder that only its owner can enter, and those above it.
pub(crate) fn make_private_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make the folder {}", path.display()))?;
    sync_folder_of(path)
}

/// A new name in a folder is there after a power cut only once the folder is synced.
pub(crate) fn sync_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("cannot sync the folder {}", folder.display()))
}

/// The public key's file beside a secret one: `issuer.skey` has `issuer.vkey`.
pub(crate) fn vkey_path(skey: &Path) -> PathBuf {
    if skey.extension().is_some_and(|extension| extension == "skey") {
        return skey.with_extension("vkey");
    }
    let mut name = skey.as_os_str().to_owned();
    name.push(".vkey");
    name.into()
}

/// 32 bytes from the operating system's randomness.
pub(crate) fn seed() -> Result<Zeroizing<[u8; 32]>> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice())
        .ok()
        .context("the operating system gives no random bytes")?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;

    #[test]
    fn a_secret_is_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.skey");
        let key = SigningKey::from_seed(
            "aws.training",
            witness_core::key::SignatureType::Ed25519,
            &[7; 32],
        );
        let key = key.unwrap();
        write_signing_key(&path, &key).unwrap();
        assert_eq!(read_signing_key(&path).unwrap().verifying_key(), key.verifying_key());
        assert!(write_signing_key(&path, &key).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read_signing_key(&path).is_err());
    }

    #[test]
    fn a_new_file_is_whole_alone_in_its_folder_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.secret");
        write_new(&path, b"one\n", 0o600).unwrap();
        assert_eq!(Outcome::of(&write_new(&path, b"two\n", 0o600).unwrap_err()), Outcome::Refused);
        assert_eq!(fs::read(&path).unwrap(), b"one\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_public_key_lies_beside_the_secret_one() {
        assert_eq!(vkey_path(Path::new("keys/a.skey")), Path::new("keys/a.vkey"));
        assert_eq!(vkey_path(Path::new("keys/a.training")), Path::new("keys/a.training.vkey"));
    }
}
