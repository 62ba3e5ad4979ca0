//! gRPC clients of a server, and what they make of a refusal.

use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::{
    Response, Status,
    codegen::http::Uri,
    transport::{Channel, Endpoint},
};
use tower::service_fn;
use witness_core::{
    hash::DocumentHash,
    key::SigningKey,
    name::{Domain, Name},
    time::Timestamp,
};
use witness_wire::v1::{
    self, admin_service_client::AdminServiceClient, evidence_service_client::EvidenceServiceClient,
    ingest_service_client::IngestServiceClient, ledger_service_client::LedgerServiceClient,
    submit_response::Answer,
};

use crate::{Issuer, Server, Stream};

/// Answers may be larger than what tonic takes by itself.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Clients of the public services, over one connection.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The connection.
    pub channel: Channel,
    /// `IngestService`.
    pub ingest: IngestServiceClient<Channel>,
    /// `LedgerService`.
    pub ledger: LedgerServiceClient<Channel>,
    /// `EvidenceService`.
    pub evidence: EvidenceServiceClient<Channel>,
}

impl Server {
    /// Connects to the public services.
    pub async fn clients(&self) -> Clients {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address())).unwrap();
        let channel = endpoint.tcp_nodelay(true).connect().await.unwrap();
        Clients {
            channel: channel.clone(),
            ingest: IngestServiceClient::new(channel.clone()),
            ledger: LedgerServiceClient::new(channel.clone()),
            evidence: EvidenceServiceClient::new(channel)
                .max_decoding_message_size(ANSWER_BYTES_MAX),
        }
    }

    /// Connects to the operator's service.
    pub async fn admin(&self) -> AdminServiceClient<Channel> {
        let socket = self.socket().to_owned();
        let connector = service_fn(move |_: Uri| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://operator.invalid");
        AdminServiceClient::new(endpoint.connect_with_connector(connector).await.unwrap())
    }

    /// Drafts a registry change, signs it with the issuer's keys if any, and logs it.
    pub async fn register(
        &self,
        change: &str,
        signers: &[&SigningKey],
    ) -> Result<v1::RegisterResponse, Status> {
        let mut admin = self.admin().await;
        let (origin, change) = (String::new(), change.to_owned());
        let drafted = admin.draft_change(v1::DraftChangeRequest { origin, change }).await?;
        let text = drafted.into_inner().text;
        let sign = |key: &&SigningKey| key.sign(&text, Timestamp::EPOCH).to_string();
        let signatures = signers.iter().map(sign).collect();
        let request = v1::RegisterRequest { origin: String::new(), text, signatures };
        admin.register(request).await.map(Response::into_inner)
    }

    /// Opens a live stream of the issuer's.
    pub async fn open_stream(&self, issuer: &Arc<Issuer>, stream: &str) -> Stream {
        let change = format!("stream-opened {} {stream} INT live\n", issuer.domain);
        self.register(&change, &[]).await.unwrap();
        issuer.stream(stream)
    }
}

impl Clients {
    /// One submission: its receipt, or why it was refused.
    pub async fn submit(&mut self, request: v1::SubmitRequest) -> Result<v1::Receipt, Status> {
        match self.ingest.submit(request).await?.into_inner().answer {
            Some(Answer::Receipt(receipt)) => Ok(receipt),
            other => panic!("a call is answered by a receipt or its status, not by {other:?}"),
        }
    }

    /// One submission that must be refused.
    pub async fn refused(&mut self, request: v1::SubmitRequest) -> v1::Refusal {
        refusal(&self.submit(request).await.expect_err("it was accepted"))
    }

    /// Where a stream stands: its next sequence number, and the hash to chain to.
    pub async fn position(&mut self, issuer: &Domain, stream: &Name) -> v1::PositionResponse {
        let (issuer, stream) = (issuer.to_string(), stream.to_string());
        let request = v1::PositionRequest { issuer, stream };
        self.ingest.position(request).await.unwrap().into_inner()
    }

    /// Texts of published entries from an index on.
    pub async fn entries(&mut self, from_index: u64) -> Vec<v1::Entry> {
        let request =
            v1::GetEntriesRequest { origin: Issuer::ORIGIN.to_owned(), from_index, limit: 0 };
        let mut pages = self.ledger.get_entries(request).await.unwrap().into_inner();
        let mut entries = Vec::new();
        while let Some(page) = pages.message().await.unwrap() {
            entries.extend(page.entries);
        }
        entries
    }
}

/// The question about a document of an issuer.
#[must_use]
pub fn ask(issuer: &str, document: DocumentHash) -> v1::DocumentRequest {
    let document_hash = document.0.as_bytes().to_vec().into();
    v1::DocumentRequest { issuer: issuer.to_owned(), document_hash }
}

/// The refusal that a status bears.
#[must_use]
pub fn refusal(status: &Status) -> v1::Refusal {
    witness_wire::refusal::from_status(status)
        .unwrap_or_else(|| panic!("a status without a reason of ours: {status:?}"))
}

/// The reason that a status bears.
#[must_use]
pub fn reason(status: &Status) -> String {
    refusal(status).reason
}

/// The refusal that is an answer in its place in `SubmitStream`; none if it is a receipt.
#[must_use]
pub fn pushed_back(response: v1::SubmitResponse) -> Option<v1::Refusal> {
    match response.answer.unwrap() {
        Answer::Receipt(_) => None,
        Answer::Refusal(refusal) => Some(refusal),
    }
}
