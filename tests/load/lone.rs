//! Row `lone`: one submission of one event at a time, beside the disk's own sync time.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    draft::{Documents, Drafter},
    firm::{Server, ingest},
    ingest::check,
    measure::{self, Latencies},
};

/// Submissions before those that count.
const WARM_UP: usize = 50;
/// Syncs of 4 KiB, half of them before the submissions and half after.
const SYNCS: usize = 500;

/// Runs the row: submissions for so long; the report.
pub(crate) async fn run(
    server: Arc<Server>,
    documents: Documents,
    data: &Path,
    length: Duration,
) -> Result<Value> {
    let mut client = ingest(&server.connect().await?);
    let (stream, position) = server.stream(0).await?;
    let mut drafter = Drafter {
        origin: server.origin.clone(),
        stream,
        position,
        key: Arc::clone(&server.key),
        documents: documents.clone(),
        events: 1,
        occurred_at: measure::epoch_us(),
    };
    let before = measure::disk_sync(data, SYNCS / 2)?;
    let mut taken = Vec::new();
    let begin = measure::now();
    while begin.elapsed() < length || taken.len() <= WARM_UP {
        let draft = drafter.next()?;
        let sent = measure::now();
        let answer = client.submit(draft.request).await?.into_inner();
        taken.push(sent.elapsed());
        check(&server, &draft.note, answer)?;
    }
    let after = measure::disk_sync(data, SYNCS / 2)?;
    let latencies: Latencies = taken.into_iter().skip(WARM_UP).collect();
    let syncs: Latencies = before.durations().chain(after.durations()).collect();
    Ok(json!({
        "latency": latencies.report(),
        "disk_sync": syncs.report(),
        "next_document": documents.given(),
    }))
}
