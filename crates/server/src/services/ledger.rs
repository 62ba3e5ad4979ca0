//! `LedgerService`: what anybody may see of a log.

use std::{pin::Pin, sync::Arc};

use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};
use witness_core::{
    firm::Role,
    merkle::{LeafIndex, TreeSize},
    time::Timestamp,
};
use witness_ledger::Log;
use witness_wire::{
    Bytes,
    v1::{self, get_checkpoint_request::Which, ledger_service_server::LedgerService},
};

use crate::{convert, firm::Firm};

/// Entries of one message of a stream.
const ENTRIES_PER_MESSAGE: usize = 32;

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct Ledger(pub(crate) Arc<Firm>);

impl Ledger {
    fn log(&self, origin: &str) -> Result<&Arc<Log>, Status> {
        let origins: Vec<&str> = self.0.logs.iter().map(|log| log.origin().as_str()).collect();
        self.0.log(origin).ok_or_else(|| {
            let message = format!("no log of this origin; there are: {}", origins.join(", "));
            convert::named(tonic::Code::NotFound, "NOT_FOUND", &message)
        })
    }

    fn describe(log: &Log) -> v1::list_logs_response::Log {
        let overview = log.overview();
        let published = overview.published.as_ref().map_or(0, |published| published.size.0);
        let vkey = |role| {
            let mut keys = overview.firm.keys_for(role, log.origin().as_str(), overview.size.0);
            keys.next().map(ToString::to_string).unwrap_or_default()
        };
        v1::list_logs_response::Log {
            origin: log.origin().to_string(),
            log_vkey: vkey(Role::Log),
            timestamp_vkey: vkey(Role::Timestamp),
            published_size: published,
            read_only_reason: overview.why_no_writes().unwrap_or_default().to_owned(),
        }
    }
}

#[tonic::async_trait]
impl LedgerService for Ledger {
    async fn list_logs(
        &self,
        _request: Request<v1::ListLogsRequest>,
    ) -> Result<Response<v1::ListLogsResponse>, Status> {
        let logs = self.0.logs.iter().map(|log| Self::describe(log)).collect();
        let (firm, root_vkey) = (self.0.root.name().to_owned(), self.0.root.to_string());
        Ok(Response::new(v1::ListLogsResponse { logs, firm, root_vkey }))
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let request = request.into_inner();
        let log = self.log(&request.origin)?;
        let note = match request.which {
            Some(Which::Size(size)) => log.checkpoint(TreeSize(size)).map(Bytes::from),
            Some(Which::AtUs(at)) => log.checkpoint_at(Timestamp::from_micros(at)).map(Bytes::from),
            None => {
                let overview = log.overview();
                let published = overview.published.as_ref();
                let published = published.ok_or_else(convert::nothing_published)?;
                Ok(Bytes::copy_from_slice(published.note.as_bytes()))
            }
        };
        let note = note.map_err(|error| convert::read_status(&error))?;
        Ok(Response::new(v1::GetCheckpointResponse { checkpoint: Some(v1::Checkpoint { note }) }))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        let read = |error| convert::read_status(&error);
        let request = request.into_inner();
        let log = self.log(&request.origin)?;
        let published = log.overview().published.as_ref().map_or(0, |published| published.size.0);
        let size = TreeSize(if request.size == 0 { published } else { request.size });
        let index = LeafIndex(request.index);
        let path = log.inclusion(index, size).map_err(read)?;
        let root = log.root(size).map_err(read)?;
        let leaf = witness_core::hash::Hash::leaf(&log.entry(index).map_err(read)?);
        if witness_core::merkle::verify_inclusion(&leaf, index, size, &path, &root).is_err() {
            tracing::error!(origin = %log.origin(), "a proof was not handed out: it does not verify");
            return Err(convert::named(
                tonic::Code::Internal,
                "INTERNAL",
                "the proof did not verify",
            ));
        }
        Ok(Response::new(v1::GetInclusionProofResponse {
            size: size.0,
            leaf_hash: convert::hash(&leaf),
            path: convert::hashes(&path),
            root: convert::hash(&root),
        }))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        let read = |error| convert::read_status(&error);
        let request = request.into_inner();
        let log = self.log(&request.origin)?;
        let (old, new) = (TreeSize(request.from_size), TreeSize(request.to_size));
        let path = log.consistency(old, new).map_err(read)?;
        let (from, to) = (log.root(old).map_err(read)?, log.root(new).map_err(read)?);
        if witness_core::merkle::verify_consistency((old, &from), (new, &to), &path).is_err() {
            tracing::error!(origin = %log.origin(), "a proof was not handed out: it does not verify");
            return Err(convert::named(
                tonic::Code::Internal,
                "INTERNAL",
                "the proof did not verify",
            ));
        }
        Ok(Response::new(v1::GetConsistencyProofResponse {
            path: convert::hashes(&path),
            from_root: convert::hash(&from),
            to_root: convert::hash(&to),
        }))
    }

    type GetEntriesStream =
        Pin<Box<dyn Stream<Item = Result<v1::GetEntriesResponse, Status>> + Send>>;

    async fn get_entries(
        &self,
        request: Request<v1::GetEntriesRequest>,
    ) -> Result<Response<Self::GetEntriesStream>, Status> {
        let request = request.into_inner();
        let log = Arc::clone(self.log(&request.origin)?);
        let (out, stream) = mpsc::channel(2);
        tokio::spawn(async move {
            let mut next = request.from_index;
            let mut left = if request.limit == 0 { u64::MAX } else { request.limit };
            loop {
                let limit = usize::try_from(left).unwrap_or(usize::MAX).min(ENTRIES_PER_MESSAGE);
                let texts = match log.entries(LeafIndex(next), limit) {
                    Ok(texts) => texts,
                    Err(error) => {
                        drop(out.send(Err(convert::read_status(&error))).await);
                        return;
                    }
                };
                if texts.is_empty() {
                    return;
                }
                let entry = |(index, text)| v1::Entry { index, text: Bytes::from(text) };
                let entries: Vec<v1::Entry> = (next..).zip(texts).map(entry).collect();
                let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
                (next, left) = (next + count, left - count);
                if out.send(Ok(v1::GetEntriesResponse { entries })).await.is_err() || left == 0 {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}
