//! `AuditService`: for regulators and issuers, each within its scope.

mod as_at;
mod asked;
mod export;
mod search;
mod statistics;
mod tail;

use std::{pin::Pin, sync::Arc};

use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use witness_ledger::Log;
use witness_wire::v1::{self, audit_service_server::AuditService};

use crate::firm::Firm;

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct Audit(pub(crate) Arc<Firm>);

impl Audit {
    /// The log with an origin; the only one where the origin is left out.
    fn log(&self, origin: &str) -> Result<&Arc<Log>, Status> {
        self.0.log_asked(origin)
    }
}

#[tonic::async_trait]
impl AuditService for Audit {
    async fn search(
        &self,
        request: Request<v1::SearchRequest>,
    ) -> Result<Response<v1::SearchResponse>, Status> {
        self.search_now(request).await
    }

    type TailStream = tail::Events;

    async fn tail(
        &self,
        request: Request<v1::TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        self.tail_now(request).await
    }

    async fn get_statistics(
        &self,
        request: Request<v1::GetStatisticsRequest>,
    ) -> Result<Response<v1::GetStatisticsResponse>, Status> {
        self.statistics_now(request).await
    }

    async fn get_history_as_at(
        &self,
        request: Request<v1::GetHistoryAsAtRequest>,
    ) -> Result<Response<v1::GetHistoryAsAtResponse>, Status> {
        self.as_at_now(request).await
    }

    type ExportStream = export::Pieces;

    async fn export(
        &self,
        request: Request<v1::ExportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        self.export_now(request).await
    }
}

/// Answers, as they come.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
