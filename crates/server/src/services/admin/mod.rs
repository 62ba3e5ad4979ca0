//! `AdminService`: for the operator, on the Unix socket only.

mod access_log;
mod callers;
mod erasure;
mod onboarding;
mod registry;

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};
use witness_core::{
    note::SignatureLine,
    registry::{Change, IssuerRecord},
};
use witness_ledger::Log;
use witness_wire::v1::{self, admin_service_server::AdminService};

use crate::{
    access::{self, Asked, Caller},
    convert,
    firm::Firm,
};

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct Admin(pub(crate) Arc<Firm>);

impl Admin {
    /// The log with an origin; the only one where the origin is left out.
    fn log(&self, origin: &str) -> Result<&Arc<Log>, Status> {
        self.0.log_asked(origin)
    }

    /// Writes into the access log what was asked, before the answer leaves.
    async fn record(
        &self,
        caller: &Caller,
        (method, filter): (&'static str, String),
        results: Option<u64>,
    ) -> Result<(), Status> {
        access::record(&self.0, caller, Asked { method, filter, results }).await
    }

    /// Does what changes something, to its end even if whoever asked hangs up. Recorded before it is done, since nothing
    /// is changed that is not recorded, and after: 1 if it was done, 0 if it was refused.
    async fn recorded<T: Send + 'static>(
        &self,
        caller: Caller,
        (method, filter): (&'static str, String),
        work: impl Future<Output = Result<T, Status>> + Send + 'static,
    ) -> Result<T, Status> {
        let this = self.clone();
        to_its_end(async move {
            this.record(&caller, (method, filter.clone()), None).await?;
            let did = work.await;
            let results = Some(u64::from(did.is_ok()));
            let recorded = this.record(&caller, (method, filter), results).await;
            done(did, recorded)
        })
        .await
    }

    /// An issuer is added once, and lives in exactly one log; a stream is opened in jurisdictions that there are.
    fn check(&self, log: &Log, change: &Change) -> Result<(), Status> {
        if let Change::IssuerAdded { issuer } = change {
            return self.must_be_new(issuer);
        }
        if let Change::StreamOpened { jurisdictions, .. } = change {
            convert::assigned(jurisdictions)?;
        }
        let elsewhere = change.issuer().and_then(|issuer| self.0.log_of(issuer));
        match elsewhere.filter(|other| other.origin() != log.origin()) {
            None => Ok(()),
            Some(other) => Err(convert::invalid(
                "origin",
                &format!("{}: the issuer lives there", other.origin()),
            )),
        }
    }
}

/// What came of something, and of its second record: where it was done and could not be recorded, that is said.
fn done<T>(did: Result<T, Status>, recorded: Result<(), Status>) -> Result<T, Status> {
    let unrecorded = |_unwritten| {
        let message = "it was done, and the access log could not say so; look before you repeat it; the operator's log \
                       says why";
        convert::named(Code::Internal, "ACCESS_LOG", message)
    };
    did.and_then(|did| recorded.map(|()| did).map_err(unrecorded))
}

/// Does something to its end, even if whoever asked hangs up.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Status>> + Send + 'static,
) -> Result<T, Status> {
    tokio::spawn(work).await.map_err(|_panicked| convert::failed())?
}

/// A registry change as the access log has it: where, of which kind, and whose.
fn in_short(log: &Log, change: &Change) -> String {
    let (origin, text) = (log.origin(), change.encode());
    let kind = text.split([' ', '\n']).next().unwrap_or_default();
    match change.issuer() {
        Some(issuer) => format!("origin={origin} change={kind} issuer={issuer}"),
        None => format!("origin={origin} change={kind}"),
    }
}

#[tonic::async_trait]
impl AdminService for Admin {
    async fn draft_change(
        &self,
        request: Request<v1::DraftChangeRequest>,
    ) -> Result<Response<v1::DraftChangeResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.into_inner();
        let log = self.log(&request.origin)?;
        let change = Change::parse(&request.change)
            .map_err(|error| convert::invalid("change", &format!("a registry change: {error}")))?;
        self.check(log, &change)?;
        let registry = Arc::clone(&log.overview().registry);
        let signers = match &change {
            Change::KeyAdded { issuer, key, recovery } => {
                let living =
                    registry.issuer(issuer).into_iter().flat_map(IssuerRecord::living_keys);
                let vouchers = living.filter(|_| !recovery).map(|record| record.key.to_string());
                std::iter::once(key.to_string()).chain(vouchers).collect()
            }
            Change::IssuerAdded { .. }
            | Change::IssuerOffboarded { .. }
            | Change::KeyRevoked { .. }
            | Change::StreamOpened { .. }
            | Change::ClaimType { .. }
            | Change::Retention { .. }
            | Change::LegalHold { .. }
            | Change::LegalHoldLifted { .. } => Vec::new(),
        };
        let asked = ("AdminService.DraftChange", in_short(log, &change));
        let text = registry.draft(change).encode();
        self.record(&caller, asked, Some(1)).await?;
        Ok(Response::new(v1::DraftChangeResponse { text, signers }))
    }

    async fn register(
        &self,
        request: Request<v1::RegisterRequest>,
    ) -> Result<Response<v1::RegisterResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.into_inner();
        let log = self.log(&request.origin)?;
        let parsed = witness_core::registry::RegistryChange::parse(&request.text);
        let parsed =
            parsed.map_err(|error| convert::invalid("text", &format!("as drafted: {error}")))?;
        let lines = request.signatures.iter().map(|line| SignatureLine::parse(line));
        let signatures = lines.collect::<Option<Vec<_>>>();
        let signatures = signatures
            .ok_or_else(|| convert::invalid("signatures", "signature lines of a signed note"))?;
        let asked = ("AdminService.Register", in_short(log, &parsed.change));
        // One at a time over all logs: what is checked of the others must still hold when it is logged.
        let (this, log) = (self.clone(), Arc::clone(log));
        let logged = self.recorded(caller, asked, async move {
            let _turn = this.0.registering.lock().await;
            this.check(&log, &parsed.change)?;
            let logged = match this.proof_for(&parsed.change).await? {
                Some(seen) => log.register_seen(request.text, signatures, seen).await,
                None => log.register(request.text, signatures).await,
            };
            let logged = logged.map_err(|refusal| convert::status(&refusal))?;
            this.forget_challenge(&parsed.change).await;
            Ok(logged)
        });
        let receipt = logged.await?.receipt;
        Ok(Response::new(v1::RegisterResponse {
            index: receipt.index.0,
            registry_sequence: receipt.registry_sequence,
            received_at_us: receipt.received_at.micros(),
        }))
    }

    async fn get_registry(
        &self,
        request: Request<v1::GetRegistryRequest>,
    ) -> Result<Response<v1::GetRegistryResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let log = self.log(&request.get_ref().origin)?;
        let registry = registry::of(log)?;
        let filter = format!("origin={}", log.origin());
        let results = u64::try_from(registry.issuers.len()).ok();
        self.record(&caller, ("AdminService.GetRegistry", filter), results).await?;
        Ok(Response::new(registry))
    }

    async fn resume_anchoring(
        &self,
        request: Request<v1::ResumeAnchoringRequest>,
    ) -> Result<Response<v1::ResumeAnchoringResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let contracts = self.0.anchoring.contracts();
        let named = request.get_ref().contract.as_str();
        let found = match (named, contracts.as_slice()) {
            ("", [only]) => Some(*only),
            _ => contracts.iter().copied().find(|contract| contract.to_string() == named),
        };
        let found = found.ok_or_else(|| {
            let known: Vec<String> = contracts.iter().map(ToString::to_string).collect();
            convert::invalid("contract", &format!("one of the configuration: {}", known.join(", ")))
        })?;
        let asked = ("AdminService.ResumeAnchoring", format!("contract={found}"));
        let firm = Arc::clone(&self.0);
        let resumed = self.recorded(caller, asked, async move {
            let resumed = firm.anchoring.resume(found).await;
            resumed.map_err(|why| convert::named(Code::FailedPrecondition, "NO_WORKER", &why))
        });
        let halted = resumed.await?;
        Ok(Response::new(v1::ResumeAnchoringResponse { contract: found.to_string(), halted }))
    }

    async fn challenge_domain(
        &self,
        request: Request<v1::ChallengeDomainRequest>,
    ) -> Result<Response<v1::ChallengeDomainResponse>, Status> {
        self.challenge_domain_now(request).await
    }

    async fn prove_domain(
        &self,
        request: Request<v1::ProveDomainRequest>,
    ) -> Result<Response<v1::ProveDomainResponse>, Status> {
        self.prove_domain_now(request).await
    }

    async fn grant_access(
        &self,
        request: Request<v1::GrantAccessRequest>,
    ) -> Result<Response<v1::GrantAccessResponse>, Status> {
        self.grant_access_now(request).await
    }

    async fn revoke_access(
        &self,
        request: Request<v1::RevokeAccessRequest>,
    ) -> Result<Response<v1::RevokeAccessResponse>, Status> {
        self.revoke_access_now(request).await
    }

    async fn list_access(
        &self,
        request: Request<v1::ListAccessRequest>,
    ) -> Result<Response<v1::ListAccessResponse>, Status> {
        self.list_access_now(request).await
    }

    async fn erase(
        &self,
        request: Request<v1::EraseRequest>,
    ) -> Result<Response<v1::EraseResponse>, Status> {
        self.erase_now(request).await
    }

    type ReadAccessLogStream = access_log::Records;

    async fn read_access_log(
        &self,
        request: Request<v1::ReadAccessLogRequest>,
    ) -> Result<Response<Self::ReadAccessLogStream>, Status> {
        self.read_access_log_now(request).await
    }
}
