//! Sending an audit bundle.

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};
use witness_core::{
    audit::{BundlePath, BundleScope},
    merkle::TreeSize,
    name::Domain,
};
use witness_wire::{
    Bytes,
    v1::{self, export_response::Exported},
};

use super::{super::beside, Answers, Audit, asked};
use crate::{
    access::{self, Asked, Caller},
    bundle::{Export, ExportError, Sink},
    clock, convert,
    untaken::to_be_taken_within,
};

/// Pieces of files.
pub(super) type Pieces = Answers<v1::ExportResponse>;

type Out = mpsc::Sender<Result<v1::ExportResponse, Status>>;

const METHOD: &str = "AuditService.Export";
/// Pieces that wait to be taken.
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
        let export = match self.wanted(&request.into_inner(), scope) {
            Ok(export) => export,
            Err(why) => return Err(asked::refused(&self.0, (&caller, METHOD), why).await),
        };
        let filter = format!(
            "log={} size={} from_bundle={}{}",
            export.log.origin(),
            export.size,
            export.from_bundle,
            export.scope.issuer.as_ref().map(|it| format!(" issuer={it}")).unwrap_or_default()
        );
        let asked = Asked { method: METHOD, filter, results: None };
        access::record(&self.0, &caller, asked.clone()).await?;
        let turn = tokio::time::timeout(TURN_WITHIN, Arc::clone(&self.0.exports).acquire_owned());
        let turn = turn.await.ok().and_then(Result::ok).ok_or_else(busy)?;
        // One place is kept for how it ends: who has stalled is told so when it takes again.
        let (out, pieces) = mpsc::channel(WAITING + 1);
        let end = out.clone().reserve_owned().await.ok();
        let service = self.clone();
        tokio::spawn(async move {
            let mut sender = Sender::new((out, service.0.stalled_after), &export);
            let sent = beside(move || {
                let _held = turn;
                (export.run(&mut sender), sender.events)
            });
            let (sent, results) = match sent.await {
                Ok((sent, events)) => (sent.map_err(|error| status(&error)), Some(events)),
                Err(failed) => (Err(failed), None),
            };
            let recorded = access::record(&service.0, &caller, Asked { results, ..asked }).await;
            if let (Err(status), Some(end)) = (sent.and(recorded), end) {
                end.send(Err(status));
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(pieces))))
    }

    /// Reads what is asked for.
    fn wanted(&self, request: &v1::ExportRequest, scope: BundleScope) -> Result<Export, Status> {
        let log = Arc::clone(self.log(&request.origin)?);
        let issuer = match request.issuer.as_str() {
            "" => None,
            text => Some(convert::issuer(text)?),
        };
        let (size, scope) = (published(&log, request.size)?, narrowed(scope, issuer)?);
        let (firm, from_bundle, at) = (Arc::clone(&self.0), request.from_bundle, clock::wall());
        Ok(Export { firm, log, size, scope, from_bundle, at })
    }
}

/// What the caller is told of an export that ended early.
fn status(error: &ExportError) -> Status {
    match error {
        ExportError::Ended => {
            let message = "nothing was taken for too long; go on with the export";
            convert::named(Code::Aborted, "STALLED", message)
        }
        ExportError::Overtaken => {
            let message = format!("{error}; begin a new export");
            convert::named(Code::FailedPrecondition, "OVERTAKEN", &message)
        }
        ExportError::Read(error) => convert::read_status(error),
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
        return newest.ok_or_else(convert::nothing_published);
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

/// What the caller must know of an export before it mixes it with another one.
fn exported(export: &Export) -> Exported {
    let Export { firm, log, scope, .. } = export;
    Exported {
        origin: log.origin().to_string(),
        root: firm.root.to_string(),
        issuer: scope.issuer.as_ref().map(ToString::to_string).unwrap_or_default(),
        jurisdictions: scope.jurisdictions.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// Sends files as messages.
struct Sender {
    out: Out,
    /// How long a piece waits to be taken, besides what it needs: who takes none does not keep a turn from others.
    stalled_after: Duration,
    size: TreeSize,
    /// What is exported, until it was said.
    exported: Option<Exported>,
    /// The piece that was taken last: it is sent once it is known whether it ends its file.
    last: Option<(BundlePath, Vec<u8>)>,
    entries: u64,
    events: u64,
}

impl Sender {
    fn new((out, stalled_after): (Out, Duration), export: &Export) -> Self {
        let exported = Some(exported(export));
        Self { out, stalled_after, size: export.size, exported, last: None, entries: 0, events: 0 }
    }

    /// Sends what was taken last; `end` tells where the file's last piece begins and ends.
    fn flush(&mut self, end: End) -> Result<(), ExportError> {
        let Some((path, bytes)) = self.last.take() else { return Ok(()) };
        let mut rest = Bytes::from(bytes);
        loop {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES_MAX));
            let complete = rest.is_empty() && end == End::OfFile;
            let exported = self.exported.take();
            self.send(v1::ExportResponse {
                path: path.encode(),
                piece,
                complete,
                size: self.size.0,
                entries_sent: self.entries,
                exported,
                events_sent: self.events,
            })?;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn send(&self, message: v1::ExportResponse) -> Result<(), ExportError> {
        let within = to_be_taken_within(message.piece.len(), self.stalled_after);
        let taken = tokio::time::timeout(within, self.out.send(Ok(message)));
        match Handle::current().block_on(taken) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ExportError::Ended),
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

    fn count(&mut self, events: u64) {
        self.events += events;
    }
}
