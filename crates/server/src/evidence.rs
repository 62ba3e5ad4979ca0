//! Evidence: gathered from the log, put together by the core, and verified by the core before it leaves.

use std::sync::Arc;

use quick_cache::sync::Cache;
use tonic::{Code, Status};
use witness_core::{
    evidence::{self, EventProof, EvidenceBuilder, ProvedEntry},
    hash::DocumentHash,
    merkle::{LeafIndex, TreeSize},
    name::Domain,
};
use witness_ledger::{DocumentEvent, Log, Place, Published};

use crate::{convert, firm::Firm};

/// Entries that vouch for an issuer, proved at one published size.
type Vouchers = (TreeSize, Vec<ProvedEntry>, Vec<ProvedEntry>);

/// Issuers whose vouchers are kept ready.
const VOUCHERS_KEPT: usize = 1024;

/// Puts evidence together.
pub(crate) struct Assembler {
    firm: Arc<Firm>,
    vouchers: Cache<Domain, Arc<Vouchers>>,
}

impl Assembler {
    pub(crate) fn new(firm: Arc<Firm>) -> Self {
        Self { firm, vouchers: Cache::new(VOUCHERS_KEPT) }
    }

    /// The evidence file of a document, from events that are all below `published`. Details are left out:
    /// whoever bears the hash may see what the hash opens, no more.
    pub(crate) fn assemble(
        &self,
        log: &Log,
        (issuer, document): (&Domain, DocumentHash),
        places: &[Place],
        published: &Published,
    ) -> Result<String, Status> {
        let mut builder = EvidenceBuilder::new(published.note.to_string());
        let vouchers = self.vouchers(log, issuer, published.size)?;
        vouchers.1.iter().for_each(|entry| builder.firm(entry.clone()));
        vouchers.2.iter().for_each(|entry| builder.registry(entry.clone()));
        for place in places {
            let event = log.event(*place).map_err(|error| convert::read_status(&error))?;
            add_event(&mut builder, log, (issuer, document), event, published.size)?;
        }
        let evidence = builder.build();
        if let Err(refusal) = evidence::verify(&evidence, &self.firm.policy, &self.firm.memo) {
            tracing::error!(%refusal, "evidence was not handed out: it does not verify");
            return Err(convert::named(
                Code::Internal,
                "EVIDENCE_UNVERIFIED",
                "the evidence did not verify and was not handed out; the operator's log says why",
            ));
        }
        Ok(evidence.encode())
    }

    /// The firm's notes, and the registry notes of the issuer: they change only with the published size.
    fn vouchers(
        &self,
        log: &Log,
        issuer: &Domain,
        size: TreeSize,
    ) -> Result<Arc<Vouchers>, Status> {
        if let Some(known) = self.vouchers.get(issuer).filter(|vouchers| vouchers.0 == size) {
            return Ok(known);
        }
        let read = |error| convert::read_status(&error);
        let overview = log.overview();
        let mut firm = Vec::new();
        for sequence in 0..overview.firm.next_sequence() {
            let index = log.firm_note_index(sequence).map_err(read)?;
            firm.extend(index.filter(|index| index.0 < size.0));
        }
        let mut registry = Vec::new();
        if let Some(record) = overview.registry.issuer(issuer) {
            registry.push(record.added.index);
            registry.extend(record.keys.iter().map(|key| key.added.index));
            registry.extend(record.keys.iter().filter_map(|key| Some(key.revoked?.logged.index)));
            registry.extend(record.streams.values().map(|stream| stream.opened.index));
        }
        registry.retain(|index| index.0 < size.0);
        registry.sort_unstable();
        let prove = |indexes: Vec<LeafIndex>| {
            indexes.into_iter().map(|index| proved(log, index, size)).collect::<Result<Vec<_>, _>>()
        };
        let vouchers = Arc::new((size, prove(firm)?, prove(registry)?));
        self.vouchers.insert(issuer.clone(), Arc::clone(&vouchers));
        Ok(vouchers)
    }
}

impl std::fmt::Debug for Assembler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assembler").finish_non_exhaustive()
    }
}

fn add_event(
    builder: &mut EvidenceBuilder,
    log: &Log,
    (issuer, document): (&Domain, DocumentHash),
    event: DocumentEvent,
    size: TreeSize,
) -> Result<(), Status> {
    let DocumentEvent { place, entry, event, path, .. } = event;
    let Some(text) = event.and_then(|event| String::from_utf8(event).ok()) else {
        return Err(convert::named(
            Code::NotFound,
            "ERASED",
            "the event's text was erased; only its leaf hash remains in the log",
        ));
    };
    if !builder.has_entry(place.index) {
        let path =
            log.inclusion(place.index, size).map_err(|error| convert::read_status(&error))?;
        let text = String::from_utf8_lossy(&entry).into_owned();
        builder.submission(ProvedEntry { index: place.index, path, text });
    }
    let index = LeafIndex(u64::from(place.event));
    let proof = EventProof { details: None, index, path, text };
    builder.event(issuer.clone(), document, place.index, proof);
    Ok(())
}

fn proved(log: &Log, index: LeafIndex, size: TreeSize) -> Result<ProvedEntry, Status> {
    let read = |error| convert::read_status(&error);
    let text = log.entry(index).map_err(read)?;
    let path = log.inclusion(index, size).map_err(read)?;
    Ok(ProvedEntry { index, path, text: String::from_utf8_lossy(&text).into_owned() })
}
