//! What audits search and count by: an index beside the log, made from it, a little behind it.
//!
//! One thread per log follows what is durable and writes postings ([`gather`], [`indexer`]); searches walk them
//! ([`search`], [`cursor`]), and believe nothing that they do not read in the log. Whoever follows a log as it
//! grows reads it without the index ([`follow`]).

mod cells;
mod counts;
mod cursor;
mod event;
mod filter;
mod follow;
mod forget;
mod gather;
mod held;
mod indexer;
mod postings;
mod search;
mod statistics;

use witness_core::{
    hash::DocumentHash,
    merkle::{LeafIndex, TreeSize},
    name::Domain,
    time::Timestamp,
};

use self::search::Search;
pub use self::{
    counts::Counts,
    event::AuditEvent,
    filter::{FieldValue, Filter, Streams},
    follow::Told,
    held::{Held, Standing},
    search::{Found, PageSize, Position},
    statistics::{Days, StreamStatistics},
};
pub(crate) use self::{
    forget::{Forgotten, forget},
    indexer::Indexer,
};
use crate::{log::Log, reader::ReadError};

impl Log {
    /// Entries below are indexed and published.
    #[must_use]
    pub fn indexed_to(&self) -> TreeSize {
        TreeSize(self.indexer().indexed_to()).min(self.published_size())
    }

    /// Waits until entries below a size are indexed; false if they never will be.
    pub async fn indexed(&self, size: TreeSize) -> bool {
        self.indexer().watch().wait_for(|indexed| *indexed >= size.0).await.is_ok()
    }

    /// A page of events as a filter asks for, of streams, from a place on, in log order, of entries below `end`. Reads
    /// nothing if there are no streams.
    pub fn search(
        &self,
        asked: (&Streams, &Filter),
        (from, end): (Position, TreeSize),
        page: PageSize,
    ) -> Result<Found, ReadError> {
        let end = end.min(self.indexed_to());
        if asked.0.is_empty() || end.0 == 0 {
            return Ok(Found { events: Vec::new(), next: None });
        }
        let overview = self.overview();
        let search = Search::new(self.store(), &overview.registry, asked, (from, page))?;
        Ok(search.run(end.0)?)
    }

    /// Published events as a filter asks for, of streams, from a place on, in log order, and where to go on. Not
    /// through the index.
    pub fn follow(&self, asked: (&Streams, &Filter), from: Position) -> Result<Told, ReadError> {
        let (overview, end) = (self.overview(), self.published_size());
        if asked.0.is_empty() || from.index.0 >= end.0 {
            let next = Position { index: LeafIndex(end.0.max(from.index.0)), event: 0 };
            let next = if from.index.0 >= end.0 { from } else { next };
            return Ok(Told { events: Vec::new(), next });
        }
        Ok(follow::follow(self.store(), &overview.registry, asked, (from, end.0))?)
    }

    /// What was received of a document at or before a time, in streams of its issuer; reads nothing if there are none.
    /// Of a document of very many events, the newest by then are looked at and given.
    pub fn held(
        &self,
        streams: &Streams,
        asked: (&Domain, &DocumentHash, Timestamp),
    ) -> Result<Held, ReadError> {
        if streams.is_empty() {
            return Ok(Held::default());
        }
        let overview = self.overview();
        let log = (&*overview.registry, overview.size);
        Ok(held::held(self.reader(), log, streams, asked)?)
    }

    /// What happened in streams, by day, on the days of and between two times; nothing if it happened on more days than
    /// [`Days::most`].
    pub fn statistics(
        &self,
        streams: &Streams,
        asked: ((Option<Timestamp>, Option<Timestamp>), Days),
    ) -> Result<Option<Vec<StreamStatistics>>, ReadError> {
        Ok(statistics::statistics(self.store(), &self.overview().registry, streams, asked)?)
    }
}
