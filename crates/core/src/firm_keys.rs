//! The keys with which a firm begins: one root, one key for each role, and the firm note that names them.
//!
//! What must hold: the caller brings the seeds, nothing is written here, and every name of a file is a
//! plain name without a path, so that it can be put into any folder. The root is not among the files: it
//! belongs offline.

use alloc::{borrow::ToOwned, format, string::String, vec, vec::Vec};

use crate::{
    firm::{FirmText, Role, RoleKey},
    hash::Hash,
    key::{KeyError, SignatureType, SigningKey},
    name::{Domain, Name, Origin},
    note::Note,
    time::Timestamp,
};

/// Name of the file of the firm note.
pub const FIRM_NOTE_FILE: &str = "firm.note";

/// All that a new firm begins with.
#[derive(Debug)]
pub struct KeySet {
    /// The key that signs firm notes. To be kept offline.
    pub root: SigningKey,
    /// Each online key with the name of its file: `<log>.log.skey`, `<log>.timestamp.skey`,
    /// `registrar.skey`, `roll-up.skey` and `evidence.skey`.
    pub files: Vec<(String, SigningKey)>,
    /// The first firm note, signed by the root: every key with its role, from 0 on.
    pub note: Note,
}

/// Why no key set could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// No log at all.
    #[error("a firm must have at least one log")]
    NoLog,
    /// A log under a name that paths of the firm's web face need.
    #[error("no log can be called {log}: the name is reserved")]
    ReservedLog {
        /// The name.
        log: Name,
    },
    /// A log named twice.
    #[error("the log {log} is named twice")]
    RepeatedLog {
        /// The name.
        log: Name,
    },
    /// A seed that gives no usable key, or the same seed again.
    #[error("the seeds must be random: one gave a key that is there already, or none")]
    Seed,
}

/// Name of the file of a log's key in a role of logs.
#[must_use]
pub fn log_key_file(log: &str, role: Role) -> String {
    format!("{log}.{}.skey", role.word())
}

/// Name of the file of the firm's key in a role of the firm.
#[must_use]
pub fn firm_key_file(role: Role) -> String {
    format!("{}.skey", role.word())
}

/// Makes all keys of a new firm, each from a seed of its own.
pub fn plan_keys(
    firm: &Domain,
    logs: &[Name],
    mut seeds: impl FnMut() -> [u8; 32],
) -> Result<KeySet, KeySetError> {
    let origins = origins(firm, logs)?;
    let mut make = |name: &str, signature_type: SignatureType| {
        SigningKey::from_seed(name, signature_type, &seeds())
            .map_err(|_refused: KeyError| KeySetError::Seed)
    };
    // A root signs as plain Ed25519 and has no role of its own.
    let root = make(firm.as_str(), SignatureType::Ed25519)?;
    let mut files = Vec::new();
    let mut keys = Vec::new();
    let mut add = |file: String, role: Role, key: SigningKey| {
        keys.push(RoleKey { role, key: key.verifying_key().clone(), from: 0, until: None });
        files.push((file, key));
    };
    for origin in &origins {
        for role in [Role::Log, Role::Timestamp] {
            let key = make(origin.as_str(), role.signature_type())?;
            add(log_key_file(origin.log(), role), role, key);
        }
    }
    for role in [Role::Registrar, Role::RollUp, Role::Evidence] {
        let key = make(firm.as_str(), role.signature_type())?;
        add(firm_key_file(role), role, key);
    }
    check_distinct(&root, &files)?;
    let text = FirmText { firm: firm.clone(), sequence: 0, previous: Hash::ZERO, keys }.encode();
    let signature = root.sign(&text, Timestamp::EPOCH);
    Ok(KeySet { root, files, note: Note::new(text, vec![signature]) })
}

fn origins(firm: &Domain, logs: &[Name]) -> Result<Vec<Origin>, KeySetError> {
    if logs.is_empty() {
        return Err(KeySetError::NoLog);
    }
    let mut origins: Vec<Origin> = Vec::with_capacity(logs.len());
    for log in logs {
        let reserved = || KeySetError::ReservedLog { log: log.to_owned() };
        let origin = Origin::of(firm, log).ok_or_else(reserved)?;
        if origins.contains(&origin) {
            return Err(KeySetError::RepeatedLog { log: log.to_owned() });
        }
        origins.push(origin);
    }
    Ok(origins)
}

/// One key for one role: a source of seeds that repeats itself is broken.
fn check_distinct(root: &SigningKey, files: &[(String, SigningKey)]) -> Result<(), KeySetError> {
    let all = files.iter().map(|(_, key)| key).chain([root]);
    let mut publics: Vec<String> =
        all.map(|key| crate::encoding::hex(key.verifying_key().public_key())).collect();
    publics.sort_unstable();
    if publics.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(KeySetError::Seed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{firm::Firm, note::Strict};

    fn counter() -> impl FnMut() -> [u8; 32] {
        let mut n = 0;
        move || {
            n += 1;
            [n; 32]
        }
    }

    fn names(logs: &[&str]) -> Vec<Name> {
        logs.iter().map(|log| Name::parse(log).unwrap()).collect()
    }

    fn plan(logs: &[&str]) -> Result<KeySet, KeySetError> {
        plan_keys(&Domain::parse("witness.example").unwrap(), &names(logs), counter())
    }

    #[test]
    fn a_firm_begins_with_a_key_for_each_role_and_a_note_that_names_them() {
        let set = plan(&["log1", "log2"]).unwrap();
        let mut firm = Firm::new(set.root.verifying_key().clone());
        firm.apply(&set.note, &Strict).unwrap();
        let files: Vec<&str> = set.files.iter().map(|(file, _)| file.as_str()).collect();
        assert_eq!(
            files,
            [
                "log1.log.skey",
                "log1.timestamp.skey",
                "log2.log.skey",
                "log2.timestamp.skey",
                "registrar.skey",
                "roll-up.skey",
                "evidence.skey"
            ]
        );
        assert_eq!(firm.keys().len(), files.len());
        let log = firm.keys_for(Role::Log, "witness.example/log2", 0).next().unwrap();
        assert_eq!(Some(log), set.files.get(2).map(|(_, key)| key.verifying_key()));
    }

    #[test]
    fn logs_must_be_named_once_and_not_be_reserved() {
        assert_eq!(plan(&[]).unwrap_err(), KeySetError::NoLog);
        let [a, keys] = [Name::parse("a").unwrap(), Name::parse("keys").unwrap()];
        assert_eq!(plan(&["a", "a"]).unwrap_err(), KeySetError::RepeatedLog { log: a });
        assert_eq!(plan(&["keys"]).unwrap_err(), KeySetError::ReservedLog { log: keys });
    }

    #[test]
    fn seeds_that_repeat_are_refused() {
        let firm = Domain::parse("witness.example").unwrap();
        let set = plan_keys(&firm, &names(&["a"]), || [7; 32]);
        assert_eq!(set.unwrap_err(), KeySetError::Seed);
    }
}
