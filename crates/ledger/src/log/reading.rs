//! Reading a log: positions, entries, tiles, proofs, documents. Nothing beyond the published size is given.

use witness_core::{
    admission::Refusal,
    entry::Entry,
    hash::{DocumentHash, Hash},
    merkle::{LeafIndex, TreeSize},
    name::{Domain, Name},
    observation::{Observation, Seen},
    tile::TileId,
    time::Timestamp,
};

use super::Log;
use crate::{
    cells::{self, StreamHead},
    documents::{self, DocumentEvent, Place},
    reader::{LogReader, ReadError},
    store::{DEFAULT, Store, StoreError},
};

impl Log {
    /// Where a stream stands: its next sequence number, and the hash to chain to.
    pub fn position(&self, issuer: &Domain, stream: &Name) -> Result<(u64, Hash), Refusal> {
        let overview = self.overview();
        let record = overview.registry.issuer(issuer);
        let record = record.ok_or_else(|| Refusal::UnknownIssuer { issuer: issuer.clone() })?;
        let record = record.streams.get(stream);
        let record = record.ok_or_else(|| Refusal::UnknownStream { stream: stream.clone() })?;
        let head = self.stream_head(record.ordinal).map_err(|error| {
            tracing::error!(%error, "a stream's head cannot be read");
            Refusal::Unreadable
        })?;
        Ok((head.next_sequence, head.previous))
    }

    pub(super) fn stream_head(&self, stream: u32) -> Result<StreamHead, StoreError> {
        match self.reader.store.get(DEFAULT, &StreamHead::key(stream))? {
            None => Ok(StreamHead::EMPTY),
            Some(bytes) => {
                StreamHead::decode(&bytes).ok_or(StoreError::Damaged { what: "stream head" })
            }
        }
    }

    pub(crate) fn published_size(&self) -> TreeSize {
        self.overview().published.as_ref().map_or(TreeSize(0), |published| published.size)
    }

    fn within(&self, what: &'static str, number: u64, limit: u64) -> Result<(), ReadError> {
        let size = self.published_size().0;
        if number > size {
            return Err(ReadError::NotFound { what, number, size });
        }
        if number > limit { Err(ReadError::OutOfRange { what, number, limit }) } else { Ok(()) }
    }

    /// Texts of published entries from `from` on, at most `limit`.
    pub fn entries(&self, from: LeafIndex, limit: usize) -> Result<Vec<Vec<u8>>, ReadError> {
        self.within("entry", from.0, u64::MAX)?;
        Ok(self.reader.entries(from, self.published_size(), limit)?)
    }

    /// The first `width` hashes of a tile, if the published tree has them.
    pub fn tile(&self, tile: TileId, width: usize) -> Result<Vec<u8>, ReadError> {
        let published = tile.width(self.published_size());
        if u64::try_from(width).is_ok_and(|width| width > published) || width == 0 {
            let size = self.published_size().0;
            return Err(ReadError::NotFound { what: "tile", number: tile.index, size });
        }
        Ok(self.reader.tile_bytes(tile, width)?)
    }

    /// Inclusion path of an entry in any tree up to the published one.
    pub fn inclusion(&self, index: LeafIndex, size: TreeSize) -> Result<Vec<Hash>, ReadError> {
        self.within("tree size", size.0, u64::MAX)?;
        if index.0 >= size.0 {
            let limit = size.0.saturating_sub(1);
            return Err(ReadError::OutOfRange { what: "index", number: index.0, limit });
        }
        Ok(self.reader.inclusion(index, size)?)
    }

    /// Consistency proof between any two sizes up to the published one.
    pub fn consistency(&self, old: TreeSize, new: TreeSize) -> Result<Vec<Hash>, ReadError> {
        self.within("tree size", new.0, u64::MAX)?;
        self.within("tree size", old.0, new.0)?;
        Ok(self.reader.consistency(old, new)?)
    }

    /// Root of any tree up to the published one.
    pub fn root(&self, size: TreeSize) -> Result<Hash, ReadError> {
        self.within("tree size", size.0, u64::MAX)?;
        Ok(self.reader.root(size)?)
    }

    /// The published checkpoint of a size.
    pub fn checkpoint(&self, size: TreeSize) -> Result<Vec<u8>, ReadError> {
        let published = self.published_size().0;
        let missing =
            ReadError::NotFound { what: "checkpoint of size", number: size.0, size: published };
        // A checkpoint is durable a moment before it is shown.
        let shown = if size.0 <= published { self.reader.published(size)? } else { None };
        shown.ok_or(missing)
    }

    /// The newest checkpoint published at or before a time.
    pub fn checkpoint_at(&self, at: Timestamp) -> Result<Vec<u8>, ReadError> {
        let size = self.published_size().0;
        let missing =
            ReadError::NotFound { what: "checkpoint at microsecond", number: at.micros(), size };
        let found = self.reader.published_at(at)?.ok_or(missing)?;
        self.checkpoint(found.min(TreeSize(size)))
    }

    /// Sizes that have a published checkpoint, ascending from `from`, at most `limit`.
    pub fn published_sizes(
        &self,
        from: TreeSize,
        limit: usize,
    ) -> Result<Vec<TreeSize>, ReadError> {
        let mut sizes = self.reader.published_sizes(from, limit)?;
        // A checkpoint is durable a moment before it is shown.
        sizes.retain(|size| *size <= self.published_size());
        Ok(sizes)
    }

    /// Where the events of a document lie, in log order; empty if there are none.
    pub fn places(
        &self,
        issuer: &Domain,
        document: &DocumentHash,
    ) -> Result<Vec<Place>, ReadError> {
        let overview = self.overview();
        let Some(record) = overview.registry.issuer(issuer) else { return Ok(Vec::new()) };
        Ok(documents::places(&self.reader, record.ordinal, document)?)
    }

    /// An event with its texts.
    pub fn event(&self, place: Place) -> Result<DocumentEvent, ReadError> {
        Ok(documents::event(&self.reader, &self.overview().registry, place)?)
    }

    /// Leaf hash and path of an event in its submission's tree; they are there when its text was erased, too.
    pub fn event_path(&self, place: Place) -> Result<(Hash, Vec<Hash>), ReadError> {
        Ok(documents::event_path(&self.reader, place)?)
    }

    /// Index of the entry of a firm note.
    pub fn firm_note_index(&self, sequence: u64) -> Result<Option<LeafIndex>, ReadError> {
        self.numbered(&cells::firm_key(sequence))
    }

    /// Index of the entry of a registry change.
    pub fn registry_change_index(&self, sequence: u64) -> Result<Option<LeafIndex>, ReadError> {
        self.numbered(&cells::registry_key(sequence))
    }

    fn numbered(&self, key: &[u8]) -> Result<Option<LeafIndex>, ReadError> {
        let value = self.reader.store.get(DEFAULT, key)?;
        Ok(value.and_then(|value| cells::Reader(&value).u64()).map(LeafIndex))
    }

    /// The newest head of the access log that was logged here: when, how many records, and the hash of the newest.
    pub fn newest_access_head(&self) -> Result<Option<(Timestamp, u64, Hash)>, ReadError> {
        let Some(index) = self.numbered(cells::ACCESS_HEAD_KEY)? else { return Ok(None) };
        let entry = Entry::parse(&self.entry(index)?).ok();
        let head = entry.and_then(|entry| {
            let observation = Observation::parse(&entry.body).ok()?;
            let Seen::AccessLog { records, head } = observation.seen else { return None };
            Some((entry.received_at, records, head))
        });
        let damaged = StoreError::Damaged { what: "head of the access log" };
        head.map(Some).ok_or(damaged.into())
    }

    /// Text of one entry, published or not.
    pub fn entry(&self, index: LeafIndex) -> Result<Vec<u8>, ReadError> {
        Ok(self.reader.entry(index)?)
    }

    pub(crate) fn reader(&self) -> &LogReader {
        &self.reader
    }

    pub(crate) fn store(&self) -> &Store {
        &self.reader.store
    }

    /// How many keys were read since opening, and how often a walk over keys began.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.reader.store.reads()
    }

    /// How often the write-ahead log was synced since opening.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.reader.store.syncs()
    }

    /// Settles the store's files; takes long on a large log.
    pub fn compact(&self) -> Result<(), ReadError> {
        Ok(self.reader.store.compact()?)
    }
}
