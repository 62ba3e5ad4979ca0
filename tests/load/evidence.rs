//! Row `evidence`: whole evidence files of random documents, out of all that were ever sent.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use witness_core::evidence::{self, EVIDENCE_BYTES_MAX, Evidence};
use witness_wire::v1::{DocumentRequest, evidence_service_client::EvidenceServiceClient};

use crate::{
    draft::document,
    firm::Server,
    measure::{self, Latencies, Sample, Window},
};

/// One file out of so many is verified by the client too; the server has verified each.
const VERIFIED_OF: u64 = 100;

/// What the load looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Number of documents to choose from.
    pub(crate) documents: u64,
    /// Lookups at the same time.
    pub(crate) in_flight: usize,
    /// Connections that they share.
    pub(crate) connections: usize,
    /// The part of the run that counts.
    pub(crate) window: Window,
}

/// Runs the row; its report.
pub(crate) async fn run(server: Arc<Server>, shape: Shape) -> Result<Value> {
    anyhow::ensure!(shape.documents > 0, "no documents were sent yet");
    let mut channels = Vec::new();
    for _ in 0..shape.connections {
        channels.push(server.connect().await?);
    }
    let begin = measure::now();
    let busy = measure::processor_seconds()?;
    let mut lookups = JoinSet::new();
    for (seed, channel) in (0..).zip(channels.iter().cycle().take(shape.in_flight)) {
        lookups.spawn(look_up(Arc::clone(&server), channel.clone(), shape, (seed, begin)));
    }
    let mut samples = Vec::new();
    let mut bytes = 0;
    while let Some(found) = lookups.join_next().await {
        let (its_samples, its_bytes) = found.context("a lookup panicked")??;
        samples.extend(its_samples);
        bytes += its_bytes;
    }
    let client_cores = (measure::processor_seconds()? - busy) / begin.elapsed().as_secs_f64();
    let counted = samples.iter().filter(|sample| shape.window.covers(sample.at));
    let latencies: Latencies = counted.map(|sample| sample.latency).collect();
    Ok(json!({
        "documents": shape.documents,
        "in_flight": shape.in_flight,
        "connections": shape.connections,
        "seconds": shape.window.length.as_secs_f64(),
        "lookups_per_s": measure::rate(u64::try_from(latencies.len())?, shape.window.length),
        "lookups_by_second": measure::by_second(&samples, shape.window),
        "bytes_per_file": bytes / samples.len().max(1),
        "latency": latencies.report(),
        "client_cores": client_cores,
    }))
}

/// One after the other, until the window ends.
async fn look_up(
    server: Arc<Server>,
    channel: Channel,
    shape: Shape,
    (seed, begin): (u64, std::time::Instant),
) -> Result<(Vec<Sample>, usize)> {
    let mut client =
        EvidenceServiceClient::new(channel).max_decoding_message_size(2 * EVIDENCE_BYTES_MAX);
    let mut random = SplitMix(seed);
    let (mut samples, mut bytes) = (Vec::new(), 0);
    while begin.elapsed() < shape.window.from + shape.window.length {
        let hash = document(random.next() % shape.documents);
        let document_hash = hash.0.as_bytes().to_vec().into();
        let sent = measure::now();
        let request = DocumentRequest { issuer: server.issuer.to_string(), document_hash };
        let evidence = client.get_evidence(request).await?.into_inner().evidence;
        samples.push(Sample { latency: sent.elapsed(), at: begin.elapsed() });
        bytes += evidence.len();
        anyhow::ensure!(!evidence.is_empty(), "an evidence file is empty");
        if random.next().is_multiple_of(VERIFIED_OF) {
            let evidence = Evidence::parse(&evidence)?;
            evidence::verify(&evidence, &server.policy, &[], &server.memo)
                .context("an evidence file does not verify")?;
            let is_of_document = |item: &evidence::Item| item.document == hash;
            anyhow::ensure!(evidence.items.iter().any(is_of_document), "it is of another document");
        }
    }
    Ok((samples, bytes))
}

/// Numbers that look random, the same in each run (Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators").
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}
