//! How far an export into a folder came, and of what it is.
//!
//! What must hold: what lies in one folder is of one log, one firm and one scope, whoever asked for it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use witness_core::{
    audit::{BUNDLE_BYTES_MAX, Bundle, BundlePath, BundleScope},
    key::VerifyingKey,
    name::{Domain, Jurisdictions, Origin},
};
use witness_wire::v1::export_response::Exported;

use super::super::scope_words;
use crate::{files, outcome::Failure};

/// How far an export came; gone when it is whole.
const STATE: &str = "export.state.json";
const STATE_BYTES_MAX: u64 = 4096;

/// Of what an export is: parts of two differ in nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct What {
    pub(super) origin: Origin,
    pub(super) root: VerifyingKey,
    pub(super) scope: BundleScope,
}

impl What {
    /// As the server says it at the begin.
    pub(super) fn read(said: &Exported) -> Option<Self> {
        let Exported { origin, root, issuer, jurisdictions } = said;
        let scope = BundleScope {
            issuer: Domain::parse(issuer),
            jurisdictions: Jurisdictions::parse(jurisdictions),
        };
        // What does not read would widen the scope.
        let is_read = scope.issuer.is_none() == issuer.is_empty()
            && scope.jurisdictions.is_none() == jurisdictions.is_empty();
        let (origin, root) = (Origin::parse(origin)?, VerifyingKey::parse(root).ok()?);
        is_read.then_some(Self { origin, root, scope })
    }

    /// As `bundle.json` says it at the end.
    pub(super) fn of(bundle: &Bundle) -> Self {
        let Bundle { origin, root, scope, .. } = bundle.clone();
        Self { origin, root, scope }
    }

    /// In what another one differs.
    fn differs(&self, new: &Self) -> Option<String> {
        let Self { origin, root, scope } = self;
        if *origin != new.origin {
            return Some(format!("it is of the log {origin}, and this one of {}", new.origin));
        }
        if *root != new.root {
            let new = &new.root;
            return Some(format!("it is of a firm under the root key {root}, and this one {new}"));
        }
        let (old, new) = (scope_words(scope), scope_words(&new.scope));
        (old != new).then(|| format!("it is of {old}, and this one of {new}"))
    }
}

/// What was begun, and how far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) what: What,
    pub(super) size: u64,
    pub(super) next_bundle: u64,
    /// Events of the scope in the entry bundles before that one.
    pub(super) events: u64,
}

/// The same, as it lies in the folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    origin: String,
    root: String,
    issuer: String,
    jurisdictions: String,
    size: u64,
    next_bundle: u64,
    events: u64,
}

impl State {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(bytes).ok()?;
        let Kept { origin, root, issuer, jurisdictions, size, next_bundle, events } = kept;
        let what = What::read(&Exported { origin, root, issuer, jurisdictions })?;
        Some(Self { what, size, next_bundle, events })
    }

    /// Writes it down.
    pub(super) fn keep(&self, folder: &Path) -> Result<()> {
        let What { origin, root, scope } = &self.what;
        let kept = Kept {
            origin: origin.to_string(),
            root: root.to_string(),
            issuer: scope.issuer.as_ref().map(ToString::to_string).unwrap_or_default(),
            jurisdictions: scope
                .jurisdictions
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            size: self.size,
            next_bundle: self.next_bundle,
            events: self.events,
        };
        files::replace(&folder.join(STATE), &serde_json::to_vec(&kept)?)
    }

    /// The failure of a call that was to go on with what was begun: it may be another server.
    pub(super) fn refused_by(&self, folder: &Path, failure: Failure) -> Failure {
        if !failure.is_of_another_log() {
            return failure;
        }
        let (shown, origin) = (folder.display(), &self.what.origin);
        let message = format!(
            "{shown} holds the begin of another export: it is of the log {origin}, and this server has no such log"
        );
        let step = "name a new folder with --out, or go on with the server that it was begun with";
        Failure { message, ..failure }.next(step)
    }

    /// Whether what the server sends now belongs to what was begun.
    pub(super) fn must_go_on_with(&self, folder: &Path, now: &What, size: u64) -> Result<()> {
        let shown = folder.display();
        if let Some(difference) = self.what.differs(now) {
            let message = format!("{shown} holds the begin of another export: {difference}");
            let step = "name a new folder with --out, or go on with the token, the --issuer and the server that it \
                        was begun with";
            return Err(Failure::refused(message).next(step).into());
        }
        if self.size != size {
            let message = "the server sends a log of another size than was asked for";
            return Err(Failure::cannot_tell(message).next("export into another folder").into());
        }
        Ok(())
    }
}

/// What is left to do of an export into this folder; nothing was begun if there is no state.
pub(super) fn begin(folder: &Path, log: Option<&Origin>) -> Result<Option<State>> {
    let path = folder.join(STATE);
    let shown = folder.display();
    if path.exists() {
        let state = State::parse(&files::read(&path, STATE_BYTES_MAX)?).ok_or_else(|| {
            let message = format!(
                "{shown} holds the begin of an export, and its {STATE} is damaged or of another version of this \
                 program"
            );
            Failure::cannot_tell(message).next("name a new folder with --out")
        })?;
        if let Some(log) = log.filter(|log| **log != state.what.origin) {
            let origin = &state.what.origin;
            let message = format!(
                "{shown} holds the begin of another export: it is of the log {origin}, and --log names {log}"
            );
            return Err(Failure::refused(message).next("name a new folder with --out").into());
        }
        return Ok(Some(state));
    }
    if !folder.exists() {
        return Ok(None);
    }
    if let Some(whole) = read_whole(folder)? {
        let scope = scope_words(&whole.scope);
        let message = format!("the export into {shown} is complete: {scope} of {}", whole.origin);
        let step = format!(
            "check it: witness audit check {shown} --policy policy.json; or export what came since into a new folder, \
             with --out"
        );
        return Err(Failure::cannot_tell(message).next(step).into());
    }
    let inside =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    // A run that ended while it wrote its first state has left that behind, and nothing else.
    let unfinished = format!("{STATE}.new");
    for file in inside {
        if file?.file_name() != *unfinished {
            let message = format!("{shown} is not empty");
            return Err(Failure::cannot_tell(message).next("name a new folder with --out").into());
        }
    }
    Ok(None)
}

/// What a whole bundle in a folder says of itself.
pub(super) fn read_whole(folder: &Path) -> Result<Option<Bundle>> {
    let path = folder.join(BundlePath::Bundle.encode());
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = files::read(&path, u64::try_from(BUNDLE_BYTES_MAX)?)?;
    Ok(Bundle::parse(&bytes).ok())
}

/// Forgets how far it came: it is whole.
pub(super) fn forget(folder: &Path) -> Result<()> {
    super::unfinished::remove(&folder.join(STATE))
}

#[cfg(test)]
mod tests {
    use witness_core::key::{SignatureType, SigningKey};

    use super::*;

    fn said() -> Exported {
        let key =
            |seed| SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[seed; 32]);
        Exported {
            origin: "witness.example/log1".to_owned(),
            root: key(1).unwrap().verifying_key().to_string(),
            issuer: String::new(),
            jurisdictions: "DE".to_owned(),
        }
    }

    #[test]
    fn an_export_goes_on_with_the_same_log_firm_and_scope_alone() {
        let temp = tempfile::tempdir().unwrap();
        let what = What::read(&said()).unwrap();
        let state = State { what: what.clone(), size: 300, next_bundle: 1, events: 7 };
        state.keep(temp.path()).unwrap();
        let kept = begin(temp.path(), Some(&what.origin)).unwrap().unwrap();
        assert_eq!(kept, state);
        assert!(kept.must_go_on_with(temp.path(), &what, 300).is_ok());
        assert!(kept.must_go_on_with(temp.path(), &what, 301).is_err());
        let other_key = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[2; 32]);
        let other_key = other_key.unwrap().verifying_key().to_string();
        let others = [
            (
                Exported { origin: "witness.example/log2".to_owned(), ..said() },
                "witness.example/log2",
            ),
            (Exported { root: other_key.clone(), ..said() }, other_key.as_str()),
            (Exported { issuer: "a.example".to_owned(), ..said() }, "streams of a.example in DE"),
            (Exported { jurisdictions: "FR".to_owned(), ..said() }, "streams in FR"),
            (Exported { jurisdictions: String::new(), ..said() }, "every stream"),
        ];
        for (other, named) in others {
            let other = What::read(&other).unwrap();
            let refused = kept.must_go_on_with(temp.path(), &other, 300).unwrap_err().to_string();
            assert!(refused.contains("another export") && refused.contains(named), "{refused}");
        }
        let elsewhere = Origin::parse("witness.example/log2").unwrap();
        let refused = begin(temp.path(), Some(&elsewhere)).unwrap_err().to_string();
        assert!(refused.contains("log1") && refused.contains("log2"), "{refused}");
    }

    #[test]
    fn what_does_not_read_is_not_gone_on_with() {
        let temp = tempfile::tempdir().unwrap();
        let old = r#"{"origin":"","issuer":"","size":1902,"next_bundle":2}"#;
        fs::write(temp.path().join(STATE), old).unwrap();
        assert!(begin(temp.path(), None).unwrap_err().to_string().contains("another version"));
        for odd in [
            Exported { origin: "\u{1b}[2J".to_owned(), ..said() },
            Exported { root: String::new(), ..said() },
            Exported { jurisdictions: "de".to_owned(), ..said() },
        ] {
            assert_eq!(What::read(&odd), None);
        }
    }
}
