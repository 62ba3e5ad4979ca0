//! The operator's calls for showing that a domain is an issuer's own, and what must be shown before it is added.
//!
//! What must hold: a challenge is good for the one domain for which it was made, and a proof for the one challenge
//! that was found; an issuer is added only with a standing proof, and the log says which right before it says so, and only then.

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};
use witness_core::{
    admission::Refusal,
    name::Domain,
    observation::Seen,
    registry::{Change, RegistryError},
    time::Timestamp,
};
use witness_domain::{Challenge, RANDOM_BYTES, Search, dns_name};
use witness_ledger::{ChallengeCell, ChallengeProof, FirmStore, StoreError};
use witness_wire::v1;

use super::{super::beside, Admin};
use crate::{access::Caller, clock, convert};

const HOUR_US: u64 = 3_600_000_000;
/// How long a challenge can be answered.
const CHALLENGE_TERM_US: u64 = 7 * 24 * HOUR_US;
/// How long a found challenge counts: domains change hands.
const PROOF_TERM_US: u64 = 24 * HOUR_US;

impl Admin {
    pub(super) async fn challenge_domain_now(
        &self,
        request: Request<v1::ChallengeDomainRequest>,
    ) -> Result<Response<v1::ChallengeDomainResponse>, Status> {
        let domain = convert::issuer(&request.get_ref().issuer)?;
        let search = self.search()?;
        let caller = Caller::of(request.extensions());
        let asked = ("AdminService.ChallengeDomain", format!("issuer={domain}"));
        let (this, of) = (self.clone(), domain.clone());
        let cell = self.recorded(caller, asked, async move {
            let _turn = this.0.registering.lock().await;
            this.must_be_new(&of)?;
            this.challenge(&of, clock::wall()).await
        });
        let cell = cell.await?;
        let answer = v1::ChallengeDomainResponse {
            url: search.url(&domain),
            dns_name: dns_name(&domain),
            expires_at_us: cell.expires_at.micros(),
            challenge: cell.line,
        };
        Ok(Response::new(answer))
    }

    pub(super) async fn prove_domain_now(
        &self,
        request: Request<v1::ProveDomainRequest>,
    ) -> Result<Response<v1::ProveDomainResponse>, Status> {
        let domain = convert::issuer(&request.get_ref().issuer)?;
        let search = self.search()?;
        let caller = Caller::of(request.extensions());
        let asked = ("AdminService.ProveDomain", format!("issuer={domain}"));
        let (this, search) = (self.clone(), search.clone());
        let proving = async move { this.prove(domain, &search).await };
        let proof = self.recorded(caller, asked, proving).await?;
        Ok(Response::new(v1::ProveDomainResponse {
            method: proof.method.word().to_owned(),
            expires_at_us: stands_until(proof).micros(),
        }))
    }

    /// Looks for the challenge that stands, and keeps that it was found.
    async fn prove(&self, domain: Domain, search: &Search) -> Result<ChallengeProof, Status> {
        self.must_be_new(&domain)?;
        let kept = self.kept(&domain).await?;
        let kept = kept.filter(|cell| is_open(cell, clock::wall()));
        let mut cell = kept.ok_or_else(|| no_challenge(&domain))?;
        let found = search.find(&domain, &cell.line).await;
        let method = found.map_err(|missing| not_found(&missing.to_string()))?;
        let proof = ChallengeProof { method, found_at: clock::wall() };
        cell.proof = Some(proof);
        let _turn = self.0.registering.lock().await;
        // Strangers took their time: by now it may have been used, or another taken its place.
        if self.kept(&domain).await?.is_none_or(|now| now.line != cell.line) {
            return Err(no_challenge(&domain));
        }
        tracing::info!(issuer = %domain, method = method.word(), "a domain is proved");
        self.stored(move |store| store.put_challenge(&domain, &cell)).await?;
        Ok(proof)
    }

    /// What must be shown before a change is logged, and is logged with it: for an issuer that its domain is its own. To
    /// be called in the turn in which the change is logged.
    pub(super) async fn proof_for(&self, change: &Change) -> Result<Option<Seen>, Status> {
        let Change::IssuerAdded { issuer } = change else { return Ok(None) };
        if self.0.domains.is_none() {
            return Ok(None);
        }
        let kept = self.kept(issuer).await?;
        let standing = kept.and_then(|cell| Some((standing_proof(&cell, clock::wall())?, cell)));
        let (proof, cell) = standing.ok_or_else(|| not_proved(issuer))?;
        let challenge = Challenge::kept(cell.line).hash();
        Ok(Some(Seen::Domain { issuer: issuer.clone(), method: proof.method, challenge }))
    }

    /// Forgets the challenge of an issuer that was added: what was found counts once.
    pub(super) async fn forget_challenge(&self, change: &Change) {
        let Change::IssuerAdded { issuer } = change else { return };
        let used = issuer.clone();
        if self.stored(move |store| store.remove_challenge(&used)).await.is_err() {
            // It expires by itself, and the issuer cannot be added twice.
            tracing::warn!(%issuer, "a challenge that was used could not be forgotten");
        }
    }

    /// An issuer is added once, in one of the logs, for ever: to prove its domain again would be in vain.
    pub(super) fn must_be_new(&self, issuer: &Domain) -> Result<(), Status> {
        let Some(log) = self.0.log_of(issuer) else { return Ok(()) };
        let registry = Arc::clone(&log.overview().registry);
        let Some(record) = registry.issuer(issuer) else { return Ok(()) };
        let (origin, issuer) = (log.origin(), issuer.clone());
        let why = if let Some(at) = record.offboarded {
            let error = RegistryError::IssuerOffboarded { issuer };
            format!("{error} (entry {} of {origin})", at.index)
        } else {
            let error = RegistryError::IssuerExists { issuer };
            format!("{error}, at entry {} of {origin}", record.added.index)
        };
        Err(convert::status(&Refusal::Registry { why }))
    }

    /// The challenge of a domain that is kept, if there is one.
    async fn kept(&self, domain: &Domain) -> Result<Option<ChallengeCell>, Status> {
        let domain = domain.clone();
        self.stored(move |store| store.challenge(&domain)).await
    }

    /// Does what waits for the disk, beside the runtime.
    async fn stored<T: Send + 'static>(
        &self,
        work: impl FnOnce(&FirmStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        let store = Arc::clone(&self.0.store);
        beside(move || work(&store)).await?.map_err(|error| convert::store_failed(&error))
    }

    /// The challenge that stands, or a new one.
    async fn challenge(&self, domain: &Domain, now: Timestamp) -> Result<ChallengeCell, Status> {
        let kept = self.kept(domain).await?;
        if let Some(cell) = kept.filter(|cell| is_open(cell, now)) {
            return Ok(cell);
        }
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(|error| {
            tracing::error!(%error, "the system gives no randomness");
            convert::named(Code::Internal, "INTERNAL", "the system gives no randomness")
        })?;
        let firm = Domain::parse(self.0.root.name());
        let firm = firm.ok_or_else(|| {
            convert::named(Code::Internal, "INTERNAL", "the root key bears no domain")
        })?;
        let line = Challenge::new(&firm, &random).as_str().to_owned();
        let expires_at = Timestamp::from_micros(now.micros().saturating_add(CHALLENGE_TERM_US));
        let cell = ChallengeCell { line, expires_at, proof: None };
        let (domain, kept) = (domain.clone(), cell.clone());
        self.stored(move |store| store.put_challenge(&domain, &kept)).await?;
        Ok(cell)
    }

    fn search(&self) -> Result<&Search, Status> {
        self.0.domains.as_ref().ok_or_else(|| {
            let message = "this service adds issuers without a proof of their domain; to ask for one, set \
                           prove = true under [domains] in its configuration";
            convert::named(Code::FailedPrecondition, "DOMAINS_UNPROVED", message)
        })
    }
}

/// Whether a challenge can still be answered.
fn is_open(cell: &ChallengeCell, now: Timestamp) -> bool {
    now < cell.expires_at
}

/// Until when a proof counts.
fn stands_until(proof: ChallengeProof) -> Timestamp {
    Timestamp::from_micros(proof.found_at.micros().saturating_add(PROOF_TERM_US))
}

/// The proof of a challenge, if it still counts. A clock that was set back gives no more time than there was.
fn standing_proof(cell: &ChallengeCell, now: Timestamp) -> Option<ChallengeProof> {
    cell.proof.filter(|proof| proof.found_at <= now && now < stands_until(*proof))
}

fn not_proved(domain: &Domain) -> Status {
    let message = format!(
        "it is not proved that {domain} is the issuer's own: `witness issuer challenge {domain}` says what its holder \
         must publish, `witness issuer prove {domain}` looks for it; then add the issuer within 24 hours"
    );
    convert::named(Code::FailedPrecondition, "DOMAIN_NOT_PROVED", &message)
}

fn no_challenge(domain: &Domain) -> Status {
    let message = format!(
        "there is no challenge for {domain}, or it has expired or was used: make one with `witness issuer challenge \
         {domain}`, and have it published"
    );
    convert::named(Code::FailedPrecondition, "NO_CHALLENGE", &message)
}

fn not_found(message: &str) -> Status {
    convert::named(Code::FailedPrecondition, "CHALLENGE_NOT_FOUND", message)
}

#[cfg(test)]
mod tests {
    use witness_core::observation::Method;

    use super::*;

    #[test]
    fn a_proof_counts_for_a_day_from_when_it_was_found() {
        let found_at = Timestamp::from_micros(5 * HOUR_US);
        let proof = ChallengeProof { method: Method::Dns, found_at };
        let cell = ChallengeCell {
            line: "witness-ledger-challenge=witness.example/x".to_owned(),
            expires_at: Timestamp::from_micros(6 * HOUR_US),
            proof: Some(proof),
        };
        let at = |micros| standing_proof(&cell, Timestamp::from_micros(micros));
        assert_eq!(at(5 * HOUR_US), Some(proof));
        // The challenge has expired meanwhile, which is no matter.
        assert_eq!(at(29 * HOUR_US - 1), Some(proof));
        for late_or_early in [29 * HOUR_US, 5 * HOUR_US - 1] {
            assert_eq!(at(late_or_early), None, "{late_or_early}");
        }
        assert!(is_open(&cell, Timestamp::from_micros(6 * HOUR_US - 1)));
        assert!(!is_open(&cell, Timestamp::from_micros(6 * HOUR_US)));
        let unproved = ChallengeCell { proof: None, ..cell };
        assert_eq!(standing_proof(&unproved, found_at), None);
    }
}
