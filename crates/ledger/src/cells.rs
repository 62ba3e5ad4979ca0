//! How keys and values are laid out in the store. Numbers are big-endian, so that RocksDB's order is theirs.

use std::collections::BTreeSet;

use witness_core::{
    anomaly::{Anomalies, Standing},
    hash::Hash,
    merkle::{LeafIndex, TreeSize},
    tile::TileId,
    time::Timestamp,
};

/// Version of this layout; another one is refused at opening.
pub(crate) const LAYOUT: &[u8] = b"witness-log-store/4";

/// Column families. What differs in key order, size or life lies apart.
pub(crate) mod family {
    /// Entry texts by index.
    pub(crate) const ENTRY: &str = "entry";
    /// Tiles of hashes by level and number.
    pub(crate) const TILE: &str = "tile";
    /// Signed checkpoints: receipt and published ones, and the times of the latter.
    pub(crate) const CHECKPOINT: &str = "checkpoint";
    /// What was submitted, by stream and first sequence number.
    pub(crate) const SUBMISSION: &str = "submission";
    /// Event leaf hashes by entry index. They stay when bodies are erased, so that proofs do.
    pub(crate) const LEAVES: &str = "leaves";
    /// Event and details texts, beside the log, so that they can be erased.
    pub(crate) const BODY: &str = "body";
    /// Where the events of a document are, by a digest of issuer and document hash together.
    pub(crate) const DOCUMENT: &str = "document";
    /// Conflicts by stream, sequence number and note.
    pub(crate) const CONFLICT: &str = "conflict";
    /// What was erased, by which entry.
    pub(crate) const ERASURE: &str = "erasure";
    /// What audits search and count by; it can be made again from the others.
    pub(crate) const AUDIT: &str = "audit";
    /// All of them.
    pub(crate) const ALL: [&str; 10] =
        [ENTRY, TILE, CHECKPOINT, SUBMISSION, LEAVES, BODY, DOCUMENT, CONFLICT, ERASURE, AUDIT];
}

/// Keys in the default family.
pub(crate) const HEAD_KEY: &[u8] = b"head";
pub(crate) const LAYOUT_KEY: &[u8] = b"layout";
pub(crate) const ORIGIN_KEY: &[u8] = b"origin";
/// Index of the newest entry that holds the head of the access log.
pub(crate) const ACCESS_HEAD_KEY: &[u8] = b"access-head";

/// Events of one body cell: small, so that a look-up reads little, and large enough to compress.
pub(crate) const BODY_EVENTS: usize = 16;

/// Appends numbers and bytes to a key or value.
#[derive(Default)]
pub(crate) struct Cell(pub(crate) Vec<u8>);

impl Cell {
    pub(crate) fn u8(mut self, n: u8) -> Self {
        self.0.push(n);
        self
    }

    pub(crate) fn u16(mut self, n: u16) -> Self {
        self.0.extend_from_slice(&n.to_be_bytes());
        self
    }

    pub(crate) fn u32(mut self, n: u32) -> Self {
        self.0.extend_from_slice(&n.to_be_bytes());
        self
    }

    pub(crate) fn u64(mut self, n: u64) -> Self {
        self.0.extend_from_slice(&n.to_be_bytes());
        self
    }

    pub(crate) fn hash(mut self, hash: &Hash) -> Self {
        self.0.extend_from_slice(hash.as_bytes());
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// Takes numbers and bytes off the front of a value.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn hash(&mut self) -> Option<Hash> {
        self.array().map(Hash::new)
    }

    pub(crate) fn bytes(&mut self, size: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// The head of a log: what a commit goes on from, and is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) size: TreeSize,
    pub(crate) root: Hash,
    pub(crate) received_at: Timestamp,
}

impl Head {
    pub(crate) const EMPTY: Self =
        Self { size: TreeSize(0), root: Hash::EMPTY_ROOT, received_at: Timestamp::EPOCH };

    pub(crate) fn encode(&self) -> Vec<u8> {
        Cell::default().u64(self.size.0).hash(&self.root).u64(self.received_at.micros()).0
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let head = Self {
            size: TreeSize(reader.u64()?),
            root: reader.hash()?,
            received_at: Timestamp::from_micros(reader.u64()?),
        };
        reader.end(head)
    }
}

/// Where a stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamHead {
    pub(crate) next_sequence: u64,
    pub(crate) previous: Hash,
    pub(crate) heartbeat_at: Timestamp,
}

impl StreamHead {
    pub(crate) const EMPTY: Self =
        Self { next_sequence: 0, previous: Hash::ZERO, heartbeat_at: Timestamp::EPOCH };

    pub(crate) fn key(stream: u32) -> Vec<u8> {
        Cell::default().bytes(b"stream").u32(stream).0
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let cell = Cell::default().u64(self.next_sequence).hash(&self.previous);
        cell.u64(self.heartbeat_at.micros()).0
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let head = Self {
            next_sequence: reader.u64()?,
            previous: reader.hash()?,
            heartbeat_at: Timestamp::from_micros(reader.u64()?),
        };
        reader.end(head)
    }
}

/// What is kept of a submission beside its entry: enough to give the same receipt for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubmissionCell {
    pub(crate) text_hash: Hash,
    pub(crate) index: LeafIndex,
    pub(crate) events: u16,
    /// Size of the batch's tree: its receipt checkpoint.
    pub(crate) batch: TreeSize,
    pub(crate) anomalies: Vec<(u16, Anomalies)>,
}

impl SubmissionCell {
    pub(crate) fn key(stream: u32, first_sequence: u64) -> Vec<u8> {
        Cell::default().u32(stream).u64(first_sequence).0
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let head = Cell::default().hash(&self.text_hash).u64(self.index.0).u16(self.events);
        let cell = head.u64(self.batch.0);
        self.anomalies.iter().fold(cell, |cell, (event, set)| cell.u16(*event).u16(set.0)).0
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (text_hash, index) = (reader.hash()?, LeafIndex(reader.u64()?));
        let (events, batch) = (reader.u16()?, TreeSize(reader.u64()?));
        let mut anomalies = Vec::new();
        while !reader.0.is_empty() {
            anomalies.push((reader.u16()?, Anomalies(reader.u16()?)));
        }
        Some(Self { text_hash, index, events, batch, anomalies })
    }
}

/// One event of a document: where it is, and what it made of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlaceCell {
    pub(crate) stream: u32,
    pub(crate) index: LeafIndex,
    pub(crate) event: u16,
    pub(crate) standing: Standing,
    pub(crate) anomalies: Anomalies,
    /// Its text is gone. The place stays while the document has others, so that its history can say so.
    pub(crate) is_erased: bool,
}

/// Set in the number of an event that was erased; a submission has far fewer events.
const ERASED_BIT: u16 = 0x8000;

/// The newest events of a document; older ones lie in numbered pages, so that no cell grows for ever.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DocumentCell {
    pub(crate) older_pages: u32,
    /// Streams that the document's events are in, those of older pages too: who may see none of them need not look
    /// any further. Older pages name none.
    pub(crate) streams: BTreeSet<u32>,
    pub(crate) places: Vec<PlaceCell>,
}

impl DocumentCell {
    /// Events of a page.
    pub(crate) const PAGE: usize = 64;

    /// Bytes of the digest in a key: enough that nobody finds two documents with the same one.
    const DIGEST: usize = 24;

    /// Never the document hash itself: RocksDB copies keys into files of its own (the bounds of each table
    /// into its manifest), and whoever knows a hash may ask about its document.
    pub(crate) fn key(issuer: u32, document: &Hash) -> Vec<u8> {
        let digest = digest("witness-document/v1", issuer, document);
        let (digest, _rest) = digest.as_bytes().split_at(Self::DIGEST);
        Cell::default().u32(issuer).bytes(digest).0
    }

    /// Key of a page, from that of its document.
    pub(crate) fn page_key(document: &[u8], page: u32) -> Vec<u8> {
        Cell(document.to_vec()).u32(page).0
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let streams = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        let cell = Cell::default().u32(self.older_pages).u32(streams);
        let cell = self.streams.iter().fold(cell, |cell, stream| cell.u32(*stream));
        let place = |cell: Cell, place: &PlaceCell| {
            let erased = if place.is_erased { ERASED_BIT } else { 0 };
            let cell = cell.u32(place.stream).u64(place.index.0).u16(place.event | erased);
            cell.u8(place.standing.to_byte()).u16(place.anomalies.0)
        };
        self.places.iter().fold(cell, place).0
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (older_pages, streams) = (reader.u32()?, reader.u32()?);
        let streams = (0..streams).map(|_| reader.u32()).collect::<Option<_>>()?;
        let mut places = Vec::new();
        while !reader.0.is_empty() {
            let (stream, index) = (reader.u32()?, LeafIndex(reader.u64()?));
            let event = reader.u16()?;
            places.push(PlaceCell {
                stream,
                index,
                event: event & !ERASED_BIT,
                standing: Standing::from_byte(reader.u8()?)?,
                anomalies: Anomalies(reader.u16()?),
                is_erased: event & ERASED_BIT != 0,
            });
        }
        Some(Self { older_pages, streams, places })
    }
}

/// A digest of issuer and document hash, under which something of the document is found by whoever knows both.
pub(crate) fn digest(label: &str, issuer: u32, document: &Hash) -> Hash {
    let text = Cell::default().bytes(label.as_bytes()).u8(0).u32(issuer).hash(document).0;
    Hash::of(&text)
}

pub(crate) fn index_key(index: LeafIndex) -> Vec<u8> {
    Cell::default().u64(index.0).0
}

pub(crate) fn tile_key(tile: TileId) -> Vec<u8> {
    Cell::default().u8(tile.level).u64(tile.index).0
}

pub(crate) fn body_key(index: LeafIndex, cell: u16) -> Vec<u8> {
    Cell::default().u64(index.0).u16(cell).0
}

/// Where the registry change of a sequence number is logged.
pub(crate) fn registry_key(sequence: u64) -> Vec<u8> {
    Cell::default().bytes(b"registry").u64(sequence).0
}

/// Where the firm note of a number is logged.
pub(crate) fn firm_key(sequence: u64) -> Vec<u8> {
    Cell::default().bytes(b"firm").u64(sequence).0
}

/// How far the events of a claim type were looked through whose retention has ended.
pub(crate) fn retention_key(claim_type: &str) -> Vec<u8> {
    Cell::default().bytes(b"retention").bytes(claim_type.as_bytes()).0
}

/// The receipt checkpoint of a batch.
pub(crate) fn receipt_key(size: TreeSize) -> Vec<u8> {
    Cell::default().u8(b'r').u64(size.0).0
}

/// A published checkpoint.
pub(crate) fn published_key(size: TreeSize) -> Vec<u8> {
    Cell::default().u8(b'p').u64(size.0).0
}

/// The size published at a time.
pub(crate) fn published_at_key(at: Timestamp) -> Vec<u8> {
    Cell::default().u8(b't').u64(at.micros()).0
}

/// Texts of an event and of its details.
pub(crate) type Texts = (Vec<u8>, Vec<u8>);

/// Event and details texts of up to [`BODY_EVENTS`] events.
pub(crate) fn encode_bodies<'a>(bodies: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let size = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let add = |cell: Cell, (event, details): (&[u8], &[u8])| {
        cell.u16(size(event)).bytes(event).u16(size(details)).bytes(details)
    };
    bodies.fold(Cell::default(), add).0
}

/// The event and details texts of one event in its body cell. An event that was erased has no text.
pub(crate) fn decode_body(bytes: &[u8], position: usize) -> Option<Texts> {
    let (event, details) = bodies(bytes).nth(position)??;
    Some((event.to_vec(), details.to_vec()))
}

/// All texts of a body cell.
pub(crate) fn decode_bodies(bytes: &[u8]) -> Option<Vec<Texts>> {
    let owned = |texts: Option<(&[u8], &[u8])>| {
        texts.map(|(event, details)| (event.to_vec(), details.to_vec()))
    };
    bodies(bytes).map(owned).collect()
}

/// The texts of a body cell, in order; ends with nothing in place of texts that do not read back.
pub(crate) fn bodies(bytes: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    let mut rest = Some(Reader(bytes));
    std::iter::from_fn(move || {
        let mut reader = rest.take().filter(|reader| !reader.0.is_empty())?;
        let texts = decode_texts(&mut reader);
        rest = texts.is_some().then_some(reader);
        Some(texts)
    })
}

fn decode_texts<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let size = reader.u16()?;
    let event = reader.bytes(usize::from(size))?;
    let size = reader.u16()?;
    Some((event, reader.bytes(usize::from(size))?))
}
