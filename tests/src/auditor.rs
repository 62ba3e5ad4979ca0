//! Whoever audits: a regulator, or an issuer of its own, with a token.

use std::time::Duration;

use tonic::{
    Request, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};
use witness_wire::v1::{self, audit_service_client::AuditServiceClient};

use crate::Server;

/// Answers may be larger than what tonic takes by itself.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Only against hanging for ever: nothing is judged by it.
const INDEXED_WITHIN: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The end of the years that are told in four digits.
const UNTIL_US: u64 = 253_402_300_799_000_000;

/// A caller of `AuditService`.
#[derive(Debug, Clone)]
pub struct Auditor {
    /// The id under which it was let in.
    pub id: String,
    token: MetadataValue<Ascii>,
    client: AuditServiceClient<Channel>,
}

impl Server {
    /// Lets a regulator of these jurisdictions in, and connects it.
    pub async fn regulator(&self, jurisdictions: &str) -> Auditor {
        let (role, jurisdictions) = ("regulator".to_owned(), jurisdictions.to_owned());
        self.let_in(v1::GrantAccessRequest { role, jurisdictions, ..Default::default() }).await
    }

    /// Lets an issuer in, and connects it.
    pub async fn issuer_caller(&self, issuer: &str) -> Auditor {
        let (role, issuer) = ("issuer".to_owned(), issuer.to_owned());
        self.let_in(v1::GrantAccessRequest { role, issuer, ..Default::default() }).await
    }

    async fn let_in(&self, grant: v1::GrantAccessRequest) -> Auditor {
        let name = "an auditor of a journey".to_owned();
        let grant = v1::GrantAccessRequest { name, until_us: UNTIL_US, ..grant };
        let granted = self.admin().await.grant_access(grant).await.unwrap().into_inner();
        let token = format!("Bearer {}", granted.token).parse().unwrap();
        let client = AuditServiceClient::new(self.clients().await.channel)
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        Auditor { id: granted.id, token, client }
    }

    /// Shuts an auditor out.
    pub async fn shut_out(&self, auditor: &Auditor) {
        let id = auditor.id.clone();
        self.admin().await.revoke_access(v1::RevokeAccessRequest { id }).await.unwrap();
    }
}

impl Auditor {
    /// The same caller of a server that was started again.
    #[must_use]
    pub async fn at(&self, server: &Server) -> Self {
        let client = AuditServiceClient::new(server.clients().await.channel)
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        Self { client, ..self.clone() }
    }

    fn bearing<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.token.clone());
        request
    }

    /// One page.
    pub async fn search(&self, request: v1::SearchRequest) -> Result<v1::SearchResponse, Status> {
        let found = self.client.clone().search(self.bearing(request)).await;
        found.map(tonic::Response::into_inner)
    }

    /// All pages.
    pub async fn search_all(&self, filter: v1::AuditFilter, page_size: u32) -> Vec<v1::AuditEvent> {
        let filter = Some(filter);
        let mut request = v1::SearchRequest { filter, page_size, ..v1::SearchRequest::default() };
        let mut events = Vec::new();
        loop {
            let page = self.search(request.clone()).await.unwrap();
            events.extend(page.events);
            if page.next_page.is_empty() {
                return events;
            }
            request.page = page.next_page;
        }
    }

    /// Waits until entries below a size are indexed.
    pub async fn indexed(&self, size: u64) {
        let looked = tokio::time::timeout(INDEXED_WITHIN, async {
            while self.search(v1::SearchRequest::default()).await.unwrap().indexed_to < size {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        looked.await.unwrap();
    }

    /// Follows.
    pub async fn tail(
        &self,
        filter: v1::AuditFilter,
        from_index: u64,
    ) -> Streaming<v1::TailResponse> {
        let (origin, filter) = (String::new(), Some(filter));
        let request = v1::TailRequest { origin, filter, from_index };
        self.client.clone().tail(self.bearing(request)).await.unwrap().into_inner()
    }

    /// The same caller over a connection of its own, on which no more of an answer is sent than this before it is
    /// taken.
    #[must_use]
    pub async fn taking(&self, server: &Server, bytes: u32) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
        let channel = endpoint.initial_stream_window_size(bytes).connect().await.unwrap();
        let client = AuditServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Self { client, ..self.clone() }
    }

    /// Exports, as far as it is taken.
    pub async fn export(
        &self,
        request: v1::ExportRequest,
    ) -> Result<Streaming<v1::ExportResponse>, Status> {
        let pieces = self.client.clone().export(self.bearing(request)).await;
        pieces.map(tonic::Response::into_inner)
    }

    /// Counts.
    pub async fn statistics(&self, request: v1::GetStatisticsRequest) -> v1::GetStatisticsResponse {
        self.client.clone().get_statistics(self.bearing(request)).await.unwrap().into_inner()
    }

    /// Looks back.
    pub async fn as_at(&self, request: v1::GetHistoryAsAtRequest) -> v1::GetHistoryAsAtResponse {
        self.client.clone().get_history_as_at(self.bearing(request)).await.unwrap().into_inner()
    }
}
