//! The operator's call that reads the access log.

use std::{ops::Range, pin::Pin, sync::Arc};

use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};
use witness_ledger::FirmStore;
use witness_wire::{Bytes, v1};

use super::{super::beside, Admin};
use crate::{access::Caller, convert};

/// Records of one message: at most 1 MiB.
const RECORDS_PER_PAGE: usize = 512;

/// Pages of the access log.
pub(crate) type Records =
    Pin<Box<dyn Stream<Item = Result<v1::ReadAccessLogResponse, Status>> + Send>>;

impl Admin {
    /// The records that were there when the call came. It is itself recorded before the first of them leaves.
    pub(super) async fn read_access_log_now(
        &self,
        request: Request<v1::ReadAccessLogRequest>,
    ) -> Result<Response<Records>, Status> {
        let caller = Caller::of(request.extensions());
        let v1::ReadAccessLogRequest { from, limit } = request.into_inner();
        let store = Arc::clone(&self.0.store);
        let head = beside(move || store.access_head()).await?;
        let (records, _) = head.map_err(|error| convert::store_failed(&error))?;
        let limit = if limit == 0 { u64::MAX } else { limit };
        let results = records.saturating_sub(from).min(limit);
        let filter = match limit {
            u64::MAX => format!("from={from}"),
            limit => format!("from={from} limit={limit}"),
        };
        self.record(&caller, ("AdminService.ReadAccessLog", filter), Some(results)).await?;
        let (out, stream) = mpsc::channel(2);
        tokio::spawn(send(Arc::clone(&self.0.store), from..from + results, out));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

/// Sends the records of these numbers, as they are stored: whether they are a chain, whoever reads finds out.
async fn send(
    store: Arc<FirmStore>,
    numbers: Range<u64>,
    out: mpsc::Sender<Result<v1::ReadAccessLogResponse, Status>>,
) {
    let Range { mut start, end } = numbers;
    while start < end {
        let store = Arc::clone(&store);
        let read = beside(move || store.access_records(start, RECORDS_PER_PAGE)).await;
        let page = read.and_then(|page| page.map_err(|error| convert::store_failed(&error)));
        let page = match page {
            Ok(page) => page,
            Err(failed) => return drop(out.send(Err(failed)).await),
        };
        let Some((last, _)) = page.last() else { return };
        start = last.saturating_add(1);
        let within = page.into_iter().filter(|(number, _)| *number < end);
        let records = within.map(|(_, text)| Bytes::from(text)).collect();
        if out.send(Ok(v1::ReadAccessLogResponse { records })).await.is_err() {
            return;
        }
    }
}
