//! The callers that were let in, in memory and in the firm's store.
//!
//! What must hold: who is known is decided in memory, so that a stranger's guess costs no read; what is in memory
//! is durable; and who was shut out is unknown from the answer to that on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use anyhow::Context as _;
use witness_core::{
    caller::{CallerId, CallerRecord, CallerRole, KnownBy, Token},
    hash::Hash,
    time::Timestamp,
};
use witness_ledger::{FirmStore, Granted, StoreError};
use zeroize::Zeroizing;

/// Callers that are not shut out. Each takes some 300 bytes of memory.
const CALLERS_MAX: usize = 10_000;

/// Randomness, as the system gives it.
pub(crate) type Random = fn() -> anyhow::Result<Zeroizing<[u8; 32]>>;

/// The callers of a firm.
#[derive(Debug)]
pub(crate) struct Callers {
    store: Arc<FirmStore>,
    random: Random,
    now: fn() -> Timestamp,
    known: RwLock<BTreeMap<KnownBy, Arc<CallerRecord>>>,
    /// Held while one is let in or shut out.
    changing: Mutex<()>,
}

/// Whom to let in.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) role: CallerRole,
    pub(crate) name: String,
    /// None begins now.
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Timestamp,
    /// SHA-256 of the certificate; without one a token is made.
    pub(crate) certificate: Option<Hash>,
}

/// Why nobody was let in, or shut out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallersError {
    #[error("the term must end after it begins, and after now")]
    Term,
    #[error("somebody is known by this certificate already, or was; use another one")]
    AlreadyKnown,
    #[error("there are {CALLERS_MAX} callers already; revoke those whose term has ended")]
    TooMany,
    #[error("no caller has this id; see `witness access list`")]
    Unknown,
    #[error("the firm's store could not be written")]
    Store(#[from] StoreError),
    #[error("no randomness came from the system")]
    Random(anyhow::Error),
}

impl Callers {
    /// Reads who was let in.
    pub(crate) fn open(
        store: Arc<FirmStore>,
        random: Random,
        now: fn() -> Timestamp,
    ) -> anyhow::Result<Self> {
        let callers = store.callers().context("the callers cannot be read")?;
        let living = callers.into_iter().filter(|caller| caller.revoked_at.is_none());
        let known = living.map(|caller| (caller.known_by, Arc::new(caller))).collect();
        Ok(Self { store, random, now, known: RwLock::new(known), changing: Mutex::default() })
    }

    /// The caller that is known by something, if there is one that is not shut out; its term may be over.
    pub(crate) fn known_by(&self, known_by: &KnownBy) -> Option<Arc<CallerRecord>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(known_by).cloned()
    }

    /// What time it is for terms.
    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Lets a caller in, durably. Waits for the disk.
    pub(crate) fn grant(
        &self,
        grant: &Grant,
    ) -> Result<(Arc<CallerRecord>, Option<Token>), CallersError> {
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let from = grant.from.unwrap_or(now);
        if grant.until <= from || grant.until <= now {
            return Err(CallersError::Term);
        }
        if self.known.read().unwrap_or_else(PoisonError::into_inner).len() >= CALLERS_MAX {
            return Err(CallersError::TooMany);
        }
        let (known_by, token) = if let Some(certificate) = grant.certificate {
            (KnownBy::Certificate(certificate), None)
        } else {
            let token = Token::from_random(&*(self.random)().map_err(CallersError::Random)?);
            (KnownBy::Token(token.hash()), Some(token))
        };
        // Of 2^32 ids some may be taken; another one is not.
        loop {
            let random = (self.random)().map_err(CallersError::Random)?;
            let id = CallerId::from_random(*random.first_chunk().unwrap_or(&[0; 4]));
            let record = CallerRecord {
                id,
                role: grant.role.clone(),
                from,
                until: grant.until,
                known_by,
                granted_at: now,
                revoked_at: None,
                name: grant.name.clone(),
            };
            match self.store.grant_caller(&record)? {
                Granted::IdTaken => {}
                Granted::AlreadyKnown => return Err(CallersError::AlreadyKnown),
                Granted::Done => {
                    let record = Arc::new(record);
                    let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                    known.insert(known_by, Arc::clone(&record));
                    return Ok((record, token));
                }
            }
        }
    }

    /// Shuts a caller out, durably: it is unknown once this returns. Waits for the disk.
    pub(crate) fn revoke(&self, id: &CallerId) -> Result<CallerRecord, CallersError> {
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let record = self.store.revoke_caller(id, self.now())?.ok_or(CallersError::Unknown)?;
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&record.known_by);
        Ok(record)
    }

    /// Every caller that was ever let in, the newest last.
    pub(crate) fn list(&self) -> Result<Vec<CallerRecord>, StoreError> {
        let mut callers = self.store.callers()?;
        callers.sort_by(|a, b| (a.granted_at, &a.id).cmp(&(b.granted_at, &b.id)));
        Ok(callers)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use witness_core::{
        key::{SignatureType, SigningKey},
        name::Jurisdictions,
    };

    use super::*;

    static DRAWN: AtomicU64 = AtomicU64::new(0);

    #[expect(clippy::unnecessary_wraps, reason = "the system's may fail")]
    fn random() -> anyhow::Result<Zeroizing<[u8; 32]>> {
        let drawn = DRAWN.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        Ok(Zeroizing::new([drawn; 4].as_flattened().try_into().unwrap()))
    }

    fn at_1000() -> Timestamp {
        Timestamp::from_micros(1000)
    }

    pub(in crate::access) fn open(folder: &std::path::Path) -> Callers {
        let root = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[1; 32]);
        let store = FirmStore::open(folder, root.unwrap().verifying_key()).unwrap();
        Callers::open(Arc::new(store), random, at_1000).unwrap()
    }

    pub(in crate::access) fn regulator(from: u64, until: u64) -> Grant {
        Grant {
            role: CallerRole::Regulator(Jurisdictions::parse("DE").unwrap()),
            name: "BaFin".to_owned(),
            from: Some(Timestamp::from_micros(from)),
            until: Timestamp::from_micros(until),
            certificate: None,
        }
    }

    #[test]
    fn who_is_let_in_is_known_until_it_is_shut_out_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let callers = open(folder.path());
        let (kept, kept_token) = callers.grant(&regulator(0, 2000)).unwrap();
        let (gone, gone_token) = callers.grant(&regulator(0, 2000)).unwrap();
        let by = |token: &Option<Token>| KnownBy::Token(token.as_ref().unwrap().hash());
        assert_eq!(callers.known_by(&by(&gone_token)), Some(Arc::clone(&gone)));
        callers.revoke(&gone.id).unwrap();
        assert_eq!(callers.known_by(&by(&gone_token)), None);
        drop(callers);
        let callers = open(folder.path());
        assert_eq!(callers.known_by(&by(&gone_token)), None);
        assert_eq!(callers.known_by(&by(&kept_token)), Some(kept));
        assert_eq!(callers.list().unwrap().len(), 2);
    }

    #[test]
    fn a_term_that_is_over_before_it_begins_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let callers = open(folder.path());
        for (from, until) in [(0, 1000), (0, 500), (3000, 3000), (3000, 2000)] {
            let refused = callers.grant(&regulator(from, until));
            assert!(matches!(refused, Err(CallersError::Term)), "{from} {until}");
        }
        assert!(callers.grant(&regulator(3000, 3001)).is_ok());
    }

    #[test]
    fn a_certificate_is_granted_once_and_is_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let callers = open(folder.path());
        let certificate = Some(Hash::of(b"a certificate"));
        let (_, token) = callers.grant(&Grant { certificate, ..regulator(0, 2000) }).unwrap();
        assert!(token.is_none());
        assert!(callers.known_by(&KnownBy::Certificate(Hash::of(b"a certificate"))).is_some());
        assert!(callers.known_by(&KnownBy::Token(Hash::of(b"a certificate"))).is_none());
        let again = callers.grant(&Grant { certificate, ..regulator(0, 2000) });
        assert!(matches!(again, Err(CallersError::AlreadyKnown)));
    }
}
