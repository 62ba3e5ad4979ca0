//! Evidence: gathered from the log, put together by the core, and verified by the core before it leaves.

use std::{collections::BTreeSet, sync::Arc};

use quick_cache::sync::Cache;
use tonic::{Code, Status};
use witness_core::{
    event::Event,
    evidence::{self, ErasedProof, EventProof, EvidenceBuilder, ProvedEntry},
    hash::DocumentHash,
    merkle::{LeafIndex, TreeSize},
    name::Domain,
};
use witness_ledger::{DocumentEvent, Log, Place, Published};

use crate::{bounds::Bounds, convert, firm::Firm, rolled::KnownRollUps};

/// Firm and registry entries that are kept ready, each proved at one published size.
const PROVED_KEPT: usize = 16_384;
/// Places of the firm's notes that are kept ready.
const FIRM_NOTES_KEPT: usize = 1024;

/// Puts evidence together.
pub(crate) struct Assembler {
    firm: Arc<Firm>,
    proved: Cache<(usize, LeafIndex), Arc<(TreeSize, ProvedEntry)>>,
    /// Where the firm's notes stand in each log, by their numbers. They stay there.
    firm_notes: Cache<(usize, u64), LeafIndex>,
    rollups: KnownRollUps,
}

impl Assembler {
    pub(crate) fn new(firm: Arc<Firm>) -> Self {
        let (proved, firm_notes) = (Cache::new(PROVED_KEPT), Cache::new(FIRM_NOTES_KEPT));
        Self { firm, proved, firm_notes, rollups: KnownRollUps::new() }
    }

    /// The evidence file of a document, from events and erasures that are all below `published`. Details are left out:
    /// whoever bears the hash may see what the hash opens, no more.
    pub(crate) fn assemble(
        &self,
        log: &Log,
        (issuer, document): (&Domain, DocumentHash),
        places: &[Place],
        published: &Published,
    ) -> Result<String, Status> {
        let size = published.size;
        let mut builder = EvidenceBuilder::new(published.note.to_string());
        for index in self.firm_notes(log, size)? {
            builder.firm(self.proved(log, index, size)?);
        }
        let (mut vouchers, mut entries) = (vouchers_of_issuer(log, issuer), BTreeSet::new());
        let (mut erased, mut is_left) = (None, false);
        for place in places {
            let event = log.event(*place).map_err(|error| convert::read_status(&error))?;
            vouchers.extend(vouchers_of_event(log, issuer, &event));
            entries.insert(place.index);
            // What was erased since the document was looked up may be published later than the rest.
            if let Err(by) = event.event {
                if by.index.0 >= size.0 {
                    return Err(convert::not_published_yet());
                }
                entries.insert(by.index);
                erased = Some(by).max(erased);
            }
            is_left |= event.event.is_ok();
            add_event(&mut builder, log, (issuer, document), event, size)?;
        }
        if let Some(by) = erased.filter(|_| !is_left) {
            return Err(convert::erased(by));
        }
        let (firm, known, number) = (&self.firm, &self.rollups, self.number_of(log));
        Bounds { firm, log, number, known, size }.add(&mut builder, entries)?;
        vouchers.retain(|index| index.0 < size.0);
        for index in vouchers {
            builder.registry(self.proved(log, index, size)?);
        }
        let file = builder.build().encode();
        // What leaves is what was verified: the bytes, read as anybody else will read them.
        if let Err(refusal) = self.verify(&file) {
            tracing::error!(refusal, "evidence was not handed out: it does not verify");
            return Err(convert::named(
                Code::Internal,
                "EVIDENCE_UNVERIFIED",
                "the evidence did not verify and was not handed out; the operator's log says why",
            ));
        }
        Ok(file)
    }

    fn verify(&self, file: &str) -> Result<(), String> {
        let evidence =
            evidence::Evidence::parse(file.as_bytes()).map_err(|error| error.to_string())?;
        let (policy, memo) = (&self.firm.policy, &self.firm.memo);
        evidence::verify_remembering(&evidence, policy, &[], memo, memo)
            .map(drop)
            .map_err(|refusal| refusal.to_string())
    }

    /// Number of a log among the firm's logs.
    fn number_of(&self, log: &Log) -> usize {
        let number = self.firm.logs.iter().position(|other| other.origin() == log.origin());
        number.unwrap_or(usize::MAX)
    }

    /// All notes of the firm, in order.
    fn firm_notes(&self, log: &Log, size: TreeSize) -> Result<Vec<LeafIndex>, Status> {
        let number = self.number_of(log);
        let mut indexes = Vec::new();
        for sequence in 0..log.overview().firm.next_sequence() {
            let known = self.firm_notes.get(&(number, sequence));
            let read =
                || log.firm_note_index(sequence).map_err(|error| convert::read_status(&error));
            let index = known.map_or_else(read, |index| Ok(Some(index)))?;
            if let Some(index) = index.filter(|_| known.is_none()) {
                self.firm_notes.insert((number, sequence), index);
            }
            indexes.extend(index.filter(|index| index.0 < size.0));
        }
        Ok(indexes)
    }

    /// An entry with its path; those that vouch for an issuer come again in each of its files.
    fn proved(&self, log: &Log, index: LeafIndex, size: TreeSize) -> Result<ProvedEntry, Status> {
        let key = (self.number_of(log), index);
        if let Some(known) = self.proved.get(&key).filter(|known| known.0 == size) {
            return Ok(known.1.clone());
        }
        let proved = proved(log, index, size)?;
        self.proved.insert(key, Arc::new((size, proved.clone())));
        Ok(proved)
    }
}

impl std::fmt::Debug for Assembler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assembler").finish_non_exhaustive()
    }
}

/// The notes on the issuer and all its keys, those revoked included, and on its end.
fn vouchers_of_issuer(log: &Log, issuer: &Domain) -> BTreeSet<LeafIndex> {
    let overview = log.overview();
    let Some(record) = overview.registry.issuer(issuer) else { return BTreeSet::new() };
    let added = record.keys.iter().map(|key| key.added.index);
    let revoked = record.keys.iter().filter_map(|key| Some(key.revoked?.logged.index));
    let ends = record.offboarded.map(|logged| logged.index);
    added.chain(revoked).chain([record.added.index]).chain(ends).collect()
}

/// The notes on the stream and the claim type of an event.
fn vouchers_of_event(log: &Log, issuer: &Domain, event: &DocumentEvent) -> Vec<LeafIndex> {
    let overview = log.overview();
    let record = overview.registry.issuer(issuer);
    let stream = record.and_then(|record| record.streams.get(&event.stream));
    let text = event.event.as_deref().ok().and_then(|text| Event::parse(text).ok());
    let claim_type = text.and_then(|event| overview.registry.claim_type(&event.claim_type));
    let registered = claim_type.into_iter().flat_map(|record| &record.registered);
    let opened = stream.into_iter().map(|stream| &stream.opened);
    opened.chain(registered).map(|logged| logged.index).collect()
}

fn add_event(
    builder: &mut EvidenceBuilder,
    log: &Log,
    (issuer, document): (&Domain, DocumentHash),
    event: DocumentEvent,
    size: TreeSize,
) -> Result<(), Status> {
    let DocumentEvent { place, entry, event, .. } = event;
    if !builder.has_entry(place.index) {
        let path =
            log.inclusion(place.index, size).map_err(|error| convert::read_status(&error))?;
        let text = String::from_utf8_lossy(&entry).into_owned();
        builder.submission(ProvedEntry { index: place.index, path, text });
    }
    let index = LeafIndex(u64::from(place.event));
    let (leaf, path) = log.event_path(place).map_err(|error| convert::read_status(&error))?;
    let (issuer, entry) = (issuer.clone(), place.index);
    match event {
        Ok(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            builder.event(issuer, document, entry, EventProof { details: None, index, path, text });
        }
        Err(by) => {
            if !builder.has_entry(by.index) {
                builder.erasure(proved(log, by.index, size)?);
            }
            let proof = ErasedProof { erasure: by.index, index, leaf, path };
            builder.erased(issuer, document, entry, proof);
        }
    }
    Ok(())
}

fn proved(log: &Log, index: LeafIndex, size: TreeSize) -> Result<ProvedEntry, Status> {
    let read = |error| convert::read_status(&error);
    let text = log.entry(index).map_err(read)?;
    let path = log.inclusion(index, size).map_err(read)?;
    Ok(ProvedEntry { index, path, text: String::from_utf8_lossy(&text).into_owned() })
}
