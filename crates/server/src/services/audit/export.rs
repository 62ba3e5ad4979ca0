//! Sending an audit bundle.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};
use witness_core::{
    audit::{BundlePath, BundleScope},
    merkle::TreeSize,
    name::Domain,
};
use witness_wire::{Bytes, v1};

use super::{Answers, Audit};
use crate::{
    access::{self, Asked, Caller},
    bundle::{Export, ExportError, Sink},
    clock, convert,
};

/// Pieces of files.
pub(super) type Pieces = Answers<v1::ExportResponse>;

/// Pieces that wait to be taken; each is at most the bodies of one submission.
const WAITING: usize = 4;
/// Bytes of one message.
const PIECE_BYTES_MAX: usize = 1 << 20;
/// How long an export waits for a turn.
const TURN_WITHIN: Duration = Duration::from_secs(30);

impl Audit {
    pub(super) async fn export_now(
        &self,
        request: Request<v1::ExportRequest>,
    ) -> Result<Response<Pieces>, Status> {
        let caller = Caller::of(request.extensions());
        let scope = BundleScope::from(caller.scope()?);
        let request = request.into_inner();
        let log = Arc::clone(self.log(&request.origin)?);
        let issuer = match request.issuer.as_str() {
            "" => None,
            text => Some(convert::issuer(text)?),
        };
        let size = published(&log, request.size)?;
        let narrowed = narrowed(scope, issuer.clone())?;
        let filter = format!(
            "log={} size={size} from_bundle={}{}",
            log.origin(),
            request.from_bundle,
            issuer.as_ref().map(|issuer| format!(" issuer={issuer}")).unwrap_or_default()
        );
        let asked = Asked { method: "AuditService.Export", filter, results: None };
        access::record(&self.0, &caller, asked.clone()).await?;
        let turn = tokio::time::timeout(TURN_WITHIN, Arc::clone(&self.0.exports).acquire_owned());
        let turn = turn.await.ok().and_then(Result::ok).ok_or_else(busy)?;
        let export = Export {
            firm: Arc::clone(&self.0),
            log,
            size,
            scope: narrowed,
            from_bundle: request.from_bundle,
            at: clock::wall(),
        };
        let (out, pieces) = mpsc::channel(WAITING);
        let service = self.clone();
        tokio::spawn(async move {
            let end = out.clone();
            let sent = tokio::task::spawn_blocking(move || {
                let _held = turn;
                let mut sender = Sender::new(out, size);
                export.run(&mut sender)
            });
            let sent = sent.await;
            let results = match sent {
                Ok(Ok(events)) => events,
                Ok(Err(ExportError::Ended)) => return,
                Ok(Err(ExportError::Read(error))) => {
                    drop(end.send(Err(convert::read_status(&error))).await);
                    return;
                }
                Err(_panicked) => {
                    let message = "the export has failed; the operator's log says why";
                    let failed = convert::named(Code::Internal, "INTERNAL", message);
                    drop(end.send(Err(failed)).await);
                    return;
                }
            };
            let asked = Asked { results: Some(results), ..asked };
            if let Err(status) = access::record(&service.0, &caller, asked).await {
                drop(end.send(Err(status)).await);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(pieces))))
    }
}

fn busy() -> Status {
    let message = "other exports are at work; try again in a minute";
    convert::named(Code::ResourceExhausted, "EXPORTS_BUSY", message)
}

/// A published size; the newest if none is asked for.
fn published(log: &witness_ledger::Log, size: u64) -> Result<TreeSize, Status> {
    if size == 0 {
        let newest = log.overview().published.as_ref().map(|published| published.size);
        return newest.ok_or_else(|| {
            convert::named(Code::NotFound, "NOT_FOUND", "nothing is published yet")
        });
    }
    let note = log.checkpoint(TreeSize(size));
    note.map(|_note| TreeSize(size)).map_err(|error| convert::read_status(&error))
}

/// The scope, for one issuer alone.
fn narrowed(scope: BundleScope, issuer: Option<Domain>) -> Result<BundleScope, Status> {
    match (issuer, &scope.issuer) {
        (Some(issuer), None) => Ok(BundleScope { issuer: Some(issuer), ..scope }),
        (Some(issuer), Some(own)) if issuer != *own => {
            Err(convert::invalid("issuer", "your own, or left out"))
        }
        (None | Some(_), _) => Ok(scope),
    }
}

/// Sends files as messages.
struct Sender {
    out: mpsc::Sender<Result<v1::ExportResponse, Status>>,
    size: TreeSize,
    /// The piece that was taken last: it is sent once it is known whether it ends its file.
    last: Option<(BundlePath, Vec<u8>)>,
    entries: u64,
}

impl Sender {
    fn new(out: mpsc::Sender<Result<v1::ExportResponse, Status>>, size: TreeSize) -> Self {
        Self { out, size, last: None, entries: 0 }
    }

    /// Sends what was taken last; `end` tells where the file's last piece begins and ends.
    fn flush(&mut self, end: End) -> Result<(), ExportError> {
        let Some((path, bytes)) = self.last.take() else { return Ok(()) };
        let bytes = Bytes::from(bytes);
        let mut rest = bytes;
        loop {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES_MAX));
            let complete = rest.is_empty() && end == End::OfFile;
            let message = v1::ExportResponse {
                path: path.encode(),
                piece,
                complete,
                size: self.size.0,
                entries_sent: self.entries,
            };
            self.out.blocking_send(Ok(message)).map_err(|_gone| ExportError::Ended)?;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }
}

/// What ends with a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    OfPiece,
    OfFile,
}

impl Sink for Sender {
    fn piece(&mut self, path: &BundlePath, piece: Vec<u8>) -> Result<(), ExportError> {
        self.flush(End::OfPiece)?;
        self.last = Some((*path, piece));
        Ok(())
    }

    fn complete(&mut self, entries: u64) -> Result<(), ExportError> {
        self.entries = entries;
        self.flush(End::OfFile)
    }
}
