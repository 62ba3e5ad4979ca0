//! The audit bundle over the whole story: `tests/vectors/bundle`.

use witness_core::{
    audit::{self, AnchorFile, Bundle, BundlePath, BundleScope},
    drafting::Draft,
    entry::{Entry, EntryKind},
    erasure::{Erasure, Range, Reason},
    hash::Hash,
    merkle::{LeafIndex, TreeSize},
    name::Jurisdictions,
    note::Note,
    tile::{TileId, TilePath, encode_bundle},
    time::Timestamp,
};

use super::{CONTRACTS, Files, Log, START, Texts, issuer, name};

/// Adds it. The log goes on without what the bundle ends with.
pub(super) fn add(log: &mut Log, drafts: [&(Draft, LeafIndex); 2], texts: &mut Texts) -> Files {
    let size = log.entries.len();
    end(log, texts);
    let files = bundle(log, drafts, texts);
    log.entries.truncate(size);
    files
}

/// The last texts of the story: a sign of life, and an erasure of the deletion and of what undid it.
fn end(log: &mut Log, texts: &Texts) {
    let heartbeat = Note::parse(texts["heartbeat"].as_bytes()).unwrap();
    log.append(EntryKind::Heartbeat, &heartbeat);
    let range = Range { stream: name("main"), first_sequence: 4, events: 2 };
    let (origin, reason) = (log.registry.origin().clone(), Reason::Request);
    let erasure = Erasure { origin, issuer: issuer(), reason, ranges: vec![range] };
    let received_at = Timestamp::from_seconds(START + u64::try_from(log.entries.len()).unwrap());
    let registry_sequence = log.registry.next_sequence();
    let body = erasure.encode();
    log.entries.push(Entry { kind: EntryKind::Erasure, received_at, registry_sequence, body });
}

/// The audit bundle of a regulator of `DE` over the whole story.
fn bundle(log: &Log, drafts: [&(Draft, LeafIndex); 2], texts: &mut Texts) -> Files {
    let mut files = Files::new();
    let mut put = |path: BundlePath, bytes: &[u8]| files.insert(path.encode(), bytes.to_vec());
    let (origin, size) =
        (log.registry.origin(), TreeSize(u64::try_from(log.entries.len()).unwrap()));
    let published = log.checkpoint(&[log.key("log1.log.skey"), log.key("log1.timestamp.skey")]);
    put(BundlePath::Checkpoint, published.to_string().as_bytes());
    put(BundlePath::CheckpointOf(6), texts["checkpoint-published"].as_bytes());
    put(BundlePath::RollUp(0), texts["roll-up"].as_bytes());
    let rolled = Note::parse(texts["checkpoint-published"].as_bytes()).unwrap();
    put(BundlePath::RollUpCheckpoints(0), rolled.text().as_bytes());
    let anchor = AnchorFile { contract: CONTRACTS[1], sequence: 17, rollup: 0 };
    put(BundlePath::Anchor(anchor.contract, anchor.sequence), texts["anchor"].as_bytes());
    let width = u16::try_from(size.0).unwrap();
    let entries: Vec<String> = log.entries.iter().map(Entry::encode).collect();
    let path = TilePath::Entries { index: 0, width };
    put(BundlePath::Tile(path), &encode_bundle(&entries).unwrap());
    let path = TilePath::Hashes { tile: TileId { level: 0, index: 0 }, width };
    let hashes: Vec<u8> = log.leaves().iter().flat_map(|leaf| *leaf.as_bytes()).collect();
    put(BundlePath::Tile(path), &hashes);

    let mut bodies = Vec::new();
    audit::write_head(&mut bodies, origin, 0);
    for (draft, index) in drafts {
        audit::write_submission(&mut bodies, *index, draft.submission.events);
        let places = draft.submission.first_sequence..;
        for (sequence, (event, details)) in places.zip(draft.events.iter().zip(&draft.details)) {
            if (4..6).contains(&sequence) {
                audit::write_erased(&mut bodies, &Hash::leaf(event.as_bytes()));
            } else {
                audit::write_event(&mut bodies, event.as_bytes(), details.as_bytes());
            }
        }
    }
    put(BundlePath::Bodies(0), &bodies);
    texts.insert("bodies", String::from_utf8(bodies).unwrap());
    let scope = BundleScope { issuer: None, jurisdictions: Jurisdictions::parse("DE") };
    let bundle = Bundle {
        origin: origin.clone(),
        size,
        streams: scope.streams(&log.registry),
        scope,
        checkpoints: vec![TreeSize(6)],
        rollups: vec![0],
        anchors: vec![anchor],
        exported_at: Timestamp::from_seconds(START + 120),
        root: log.keys.root.verifying_key().clone(),
    };
    put(BundlePath::Bundle, bundle.encode().as_bytes());
    texts.insert("bundle", bundle.encode());
    files
}
