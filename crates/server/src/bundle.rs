//! What an audit bundle is made of, from a log and the firm's store; the core says what its files are.
//!
//! What must hold: `bundle.json` is sent last, so that what was cut off does not look whole; and no more than a
//! few pieces are in memory, however large the log is.

use std::{collections::BTreeSet, sync::Arc};

use witness_core::{
    audit::{self, AnchorFile, Bundle, BundlePath, BundleScope, BundleStream},
    entry::{Entry, EntryKind},
    merkle::{LeafIndex, TreeSize},
    name::{Domain, Name},
    submission::{IssuerNote, Submission},
    tile::{LEVEL_MAX, TILE_WIDTH, TileId, TilePath, encode_bundle, hashes_at},
    time::Timestamp,
};
use witness_ledger::{Body, Log, ReadError, RollUpCell, StoreError};

use crate::firm::Firm;

/// Anchors that are read at once.
const ANCHORS_READ: usize = 256;

/// Takes the files, as they are made.
pub(crate) trait Sink {
    /// Takes a piece of a file.
    fn piece(&mut self, path: &BundlePath, piece: Vec<u8>) -> Result<(), ExportError>;
    /// The file is whole; so many entries are in files that are.
    fn complete(&mut self, entries: u64) -> Result<(), ExportError>;
    /// The bodies of so many events more were taken.
    fn count(&mut self, events: u64);
}

/// Why an export ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// Whoever asked is gone, or takes nothing.
    #[error("nobody takes it")]
    Ended,
    /// An event was erased by an entry that the exported part of the log does not hold.
    #[error("an event was erased after the log had the exported size")]
    Overtaken,
    /// Something could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

/// An export.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) firm: Arc<Firm>,
    pub(crate) log: Arc<Log>,
    pub(crate) size: TreeSize,
    pub(crate) scope: BundleScope,
    /// Number of the entry bundle to go on with.
    pub(crate) from_bundle: u64,
    pub(crate) at: Timestamp,
}

impl Export {
    /// Makes the files, in order.
    pub(crate) fn run(&self, sink: &mut impl Sink) -> Result<(), ExportError> {
        let streams = self.streams();
        let inside: BTreeSet<(&Domain, &Name)> =
            streams.iter().map(|own| (&own.issuer, &own.stream)).collect();
        for number in self.from_bundle..self.size.0.div_ceil(TILE_WIDTH) {
            self.entries(number, &inside, sink)?;
        }
        self.tiles(sink)?;
        let mut bundle = Bundle {
            origin: self.log.origin().clone(),
            size: self.size,
            scope: self.scope.clone(),
            streams,
            checkpoints: Vec::new(),
            rollups: Vec::new(),
            anchors: Vec::new(),
            exported_at: self.at,
            root: self.firm.root.clone(),
        };
        self.time(&mut bundle, sink)?;
        let note = self.log.checkpoint(self.size)?;
        self.file(&BundlePath::Checkpoint, note, sink)?;
        self.file(&BundlePath::Bundle, bundle.encode().into_bytes(), sink)
    }

    /// The streams in the scope that were open within the exported part of the log.
    fn streams(&self) -> Vec<BundleStream> {
        let registry = Arc::clone(&self.log.overview().registry);
        let is_open = |own: &BundleStream| {
            let stream = registry.issuer(&own.issuer).and_then(|it| it.streams.get(&own.stream));
            stream.is_some_and(|stream| stream.opened.index.0 < self.size.0)
        };
        let mut streams = self.scope.streams(&registry);
        streams.retain(is_open);
        streams
    }

    /// An entry bundle, and the bodies of those submissions in it that are in the scope.
    fn entries(
        &self,
        number: u64,
        inside: &BTreeSet<(&Domain, &Name)>,
        sink: &mut impl Sink,
    ) -> Result<(), ExportError> {
        let damaged = |what| StoreError::Damaged { what };
        let first = number * TILE_WIDTH;
        let width = (self.size.0 - first).min(TILE_WIDTH);
        let limit = usize::try_from(width).unwrap_or(usize::MAX);
        let entries = self.log.entries(LeafIndex(first), limit)?;
        let bytes = encode_bundle(&entries).ok_or(damaged("entry bundle"))?;
        let width = u16::try_from(width).unwrap_or(256);
        let path = BundlePath::Tile(TilePath::Entries { index: number, width });
        let mut wanted = Vec::new();
        for (index, text) in (first..).zip(&entries) {
            let entry = Entry::parse(text).map_err(|_why| damaged("entry"))?;
            if entry.kind != EntryKind::Submission {
                continue;
            }
            let note = IssuerNote::<Submission>::parse(entry.body.as_bytes());
            let body = note.map_err(|_why| damaged("submission in an entry"))?.body;
            if inside.contains(&(&body.issuer, &body.stream)) {
                wanted.push((LeafIndex(index), body.events));
            }
        }
        sink.piece(&path, bytes)?;
        if wanted.is_empty() {
            return sink.complete(first + u64::from(width));
        }
        sink.complete(first)?;
        self.bodies(number, &wanted, sink)?;
        sink.complete(first + u64::from(width))
    }

    fn bodies(
        &self,
        number: u64,
        wanted: &[(LeafIndex, u64)],
        sink: &mut impl Sink,
    ) -> Result<(), ExportError> {
        let path = BundlePath::Bodies(number);
        let mut out = Vec::new();
        audit::write_head(&mut out, self.log.origin(), number);
        for (index, events) in wanted {
            audit::write_submission(&mut out, *index, *events);
            for body in self.log.bodies(*index)? {
                match body {
                    Body::Kept { event, details } => audit::write_event(&mut out, &event, &details),
                    Body::Erased { leaf, by } if by.index.0 < self.size.0 => {
                        audit::write_erased(&mut out, &leaf);
                    }
                    // The bundle could not say why it is not there.
                    Body::Erased { .. } => return Err(ExportError::Overtaken),
                }
            }
            sink.piece(&path, std::mem::take(&mut out))?;
            sink.count(*events);
        }
        Ok(())
    }

    /// The hash tiles of the exported tree (C2SP tlog-tiles, "Merkle Tree").
    fn tiles(&self, sink: &mut impl Sink) -> Result<(), ExportError> {
        for level in 0..=LEVEL_MAX {
            for index in 0..hashes_at(level, self.size).div_ceil(TILE_WIDTH) {
                let tile = TileId { level, index };
                let width = tile.width(self.size);
                let bytes = self.log.tile(tile, usize::try_from(width).unwrap_or(256))?;
                let width = u16::try_from(width).unwrap_or(256);
                self.file(&BundlePath::Tile(TilePath::Hashes { tile, width }), bytes, sink)?;
            }
        }
        Ok(())
    }

    /// What proves the time: every roll-up that was anchored, with its anchors, and the newest one.
    fn time(&self, bundle: &mut Bundle, sink: &mut impl Sink) -> Result<(), ExportError> {
        let mut rollups = BTreeSet::new();
        for contract in self.firm.rollups.contracts.iter().copied() {
            let anchors = self.firm.store.anchors_of(contract);
            let mut next = 0;
            loop {
                let some = anchors.from(next, ANCHORS_READ)?;
                let Some(last) = some.last() else { break };
                next = last.sequence + 1;
                for cell in some {
                    if self.rollup(cell.rollup)?.is_some() {
                        let (sequence, rollup) = (cell.sequence, cell.rollup);
                        rollups.insert(rollup);
                        bundle.anchors.push(AnchorFile { contract, sequence, rollup });
                        let path = BundlePath::Anchor(contract, sequence);
                        self.file(&path, cell.anchor.into_bytes(), sink)?;
                    }
                }
            }
        }
        if let Some((newest, _)) = self.firm.store.newest_rollup()? {
            // One that covers a later checkpoint than the exported one says nothing of it.
            let mut fitting = (0..=newest).rev().take(ANCHORS_READ);
            let found = fitting.find_map(|number| match self.rollup(number) {
                Ok(None) => None,
                Ok(Some(_)) => Some(Ok(number)),
                Err(error) => Some(Err(error)),
            });
            rollups.extend(found.transpose()?);
        }
        bundle.anchors.sort();
        self.rollups(rollups, bundle, sink)
    }

    fn rollups(
        &self,
        rollups: BTreeSet<u64>,
        bundle: &mut Bundle,
        sink: &mut impl Sink,
    ) -> Result<(), ExportError> {
        let mut sizes = BTreeSet::from([self.size]);
        for number in rollups {
            let Some((cell, size)) = self.rollup(number)? else { continue };
            sizes.insert(size);
            self.file(&BundlePath::RollUp(number), cell.note.into_bytes(), sink)?;
            let checkpoints = cell.checkpoints.concat().into_bytes();
            self.file(&BundlePath::RollUpCheckpoints(number), checkpoints, sink)?;
            bundle.rollups.push(number);
        }
        for size in sizes {
            let note = self.log.checkpoint(size)?;
            self.file(&BundlePath::CheckpointOf(size.0), note, sink)?;
            bundle.checkpoints.push(size);
        }
        Ok(())
    }

    /// A roll-up with the size of this log under it, if the exported part holds that.
    fn rollup(&self, number: u64) -> Result<Option<(RollUpCell, TreeSize)>, ExportError> {
        let Some(cell) = self.firm.store.rollup(number)? else { return Ok(None) };
        let size = cell.checkpoint_of(self.log.origin()).map(|(_, checkpoint)| checkpoint.size);
        Ok(size.filter(|size| *size <= self.size).map(|size| (cell, size)))
    }

    fn file(
        &self,
        path: &BundlePath,
        bytes: Vec<u8>,
        sink: &mut impl Sink,
    ) -> Result<(), ExportError> {
        sink.piece(path, bytes)?;
        sink.complete(self.size.0)
    }
}
