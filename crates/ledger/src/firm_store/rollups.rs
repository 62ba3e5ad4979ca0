//! Roll-ups in the firm's store: the signed note, the checkpoints under it, and where to find them again.

use rocksdb::{Direction, IteratorMode, WriteBatch};
use witness_core::{
    checkpoint::Checkpoint,
    hash::Hash,
    merkle::{LeafIndex, TreeSize},
    name::Origin,
    note::Note,
    rollup::RollUp,
    time::Timestamp,
};

use super::{FirmStore, family};
use crate::{cells::Reader, store::StoreError};

/// A roll-up as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollUpCell {
    /// When it was made.
    pub made_at: Timestamp,
    /// The signed note.
    pub note: String,
    /// The checkpoints under it, in order: their texts, without signatures.
    pub checkpoints: Vec<String>,
}

impl RollUpCell {
    /// The text of the note; `None` if it is damaged.
    #[must_use]
    pub fn text(&self) -> Option<RollUp> {
        RollUp::parse(Note::parse(self.note.as_bytes()).ok()?.text()).ok()
    }

    /// A log's checkpoint under it, with its position.
    #[must_use]
    pub fn checkpoint_of(&self, origin: &Origin) -> Option<(LeafIndex, Checkpoint)> {
        let parsed = self.checkpoints.iter().map(|text| Checkpoint::parse(text).ok());
        let mut numbered = (0..).map(LeafIndex).zip(parsed);
        numbered.find_map(|(index, checkpoint)| {
            checkpoint
                .filter(|checkpoint| checkpoint.origin == origin.as_str())
                .map(|checkpoint| (index, checkpoint))
        })
    }

    /// Time, length of the note, the note, the checkpoints one after the other.
    fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(self.note.len()).unwrap_or(u32::MAX);
        let mut bytes = self.made_at.micros().to_be_bytes().to_vec();
        bytes.extend(length.to_be_bytes());
        bytes.extend(self.note.as_bytes());
        self.checkpoints.iter().for_each(|text| bytes.extend(text.as_bytes()));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let made_at = Timestamp::from_micros(reader.u64()?);
        let length = usize::try_from(reader.u32()?).ok()?;
        let (note, texts) = reader.0.split_at_checked(length)?;
        let lines: Vec<&str> = str::from_utf8(texts).ok()?.split_inclusive('\n').collect();
        let (texts, rest) = lines.as_chunks::<3>();
        rest.is_empty().then(|| Self {
            made_at,
            note: String::from_utf8_lossy(note).into_owned(),
            checkpoints: texts.iter().map(|lines| lines.concat()).collect(),
        })
    }
}

/// Under a log's origin and a size. No origin holds a NUL.
fn covers_key(origin: &str, size: TreeSize) -> Vec<u8> {
    [origin.as_bytes(), b"\0", &size.0.to_be_bytes()].concat()
}

impl FirmStore {
    /// Appends the next roll-up, if it is the next one; a crash before the return means that the caller does
    /// not know.
    pub fn append_rollup(&self, cell: &RollUpCell) -> Result<(), StoreError> {
        let damaged = StoreError::Damaged { what: "roll-up" };
        let text = cell.text().ok_or(damaged)?;
        let next = self.newest_rollup()?.map_or(0, |(sequence, _)| sequence + 1);
        if text.sequence != next {
            return Err(StoreError::HeadMoved);
        }
        let sequence = text.sequence.to_be_bytes();
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(family::ROLL_UP)?, sequence, cell.encode());
        batch.put_cf(self.family(family::VALUE)?, text.value().as_bytes(), sequence);
        let covers = self.family(family::COVERS)?;
        for body in &cell.checkpoints {
            let checkpoint = Checkpoint::parse(body);
            let checkpoint =
                checkpoint.map_err(|_why| StoreError::Damaged { what: "checkpoint" })?;
            let key = covers_key(&checkpoint.origin, checkpoint.size);
            // The first roll-up over a checkpoint is the one that counts: it may be anchored first.
            if self.get(family::COVERS, &key)?.is_none() {
                batch.put_cf(covers, key, sequence);
            }
        }
        self.write(batch)
    }

    /// The newest roll-up with its sequence.
    pub fn newest_rollup(&self) -> Result<Option<(u64, RollUpCell)>, StoreError> {
        let family = self.family(family::ROLL_UP)?;
        let Some(pair) = self.db.iterator_cf(family, IteratorMode::End).next() else {
            return Ok(None);
        };
        let (key, value) = pair?;
        let cell = Reader(&key).u64().zip(RollUpCell::decode(&value));
        cell.map(Some).ok_or(StoreError::Damaged { what: "roll-up" })
    }

    /// One roll-up.
    pub fn rollup(&self, sequence: u64) -> Result<Option<RollUpCell>, StoreError> {
        let Some(value) = self.get(family::ROLL_UP, &sequence.to_be_bytes())? else {
            return Ok(None);
        };
        RollUpCell::decode(&value).map(Some).ok_or(StoreError::Damaged { what: "roll-up" })
    }

    /// The newest of a log's checkpoints that was rolled up, with the sequence of the first roll-up over it: what the log
    /// must not stand behind.
    pub fn newest_rolled_up(
        &self,
        origin: &Origin,
    ) -> Result<Option<(u64, Checkpoint)>, StoreError> {
        let prefix = [origin.as_str().as_bytes(), b"\0"].concat();
        let last = covers_key(origin.as_str(), TreeSize(u64::MAX));
        let found = self.nearest(family::COVERS, (&last, &prefix), Direction::Reverse)?;
        let Some((_, value)) = found else { return Ok(None) };
        let damaged = || StoreError::Damaged { what: "roll-up" };
        let sequence = Reader(&value).u64().ok_or_else(damaged)?;
        let cell = self.rollup(sequence)?.ok_or_else(damaged)?;
        let (_, checkpoint) = cell.checkpoint_of(origin).ok_or_else(damaged)?;
        Ok(Some((sequence, checkpoint)))
    }

    /// Sequence of the roll-up with this value, if there is one.
    pub fn rollup_of(&self, value: &Hash) -> Result<Option<u64>, StoreError> {
        self.number(family::VALUE, value.as_bytes())
    }

    /// Sequence of the first roll-up under which an entry stands.
    pub fn rollup_over(
        &self,
        origin: &Origin,
        index: LeafIndex,
    ) -> Result<Option<u64>, StoreError> {
        let from = covers_key(origin.as_str(), TreeSize(index.0.saturating_add(1)));
        let prefix = [origin.as_str().as_bytes(), b"\0"].concat();
        let found = self.nearest(family::COVERS, (&from, &prefix), Direction::Forward)?;
        let Some((_, value)) = found else { return Ok(None) };
        Reader(&value).u64().map(Some).ok_or(StoreError::Damaged { what: "number of a roll-up" })
    }
}
