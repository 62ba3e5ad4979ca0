//! How far a tail came, in memory and in the file of `--state`.
//!
//! What must hold: a place is behind all that was told and before all that was not; a file is the place of one
//! question to one firm, and is never taken for that of another.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use witness_wire::v1::AuditEvent;

use crate::{files, outcome::Failure};

/// Longest state: the values of filters are bounded by the length of a command line alone.
const STATE_BYTES_MAX: u64 = 64 * 1024;

/// The event to go on with: the first that was not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Index of its entry.
    pub(super) index: u64,
    /// Its number in the entry.
    pub(super) event: u32,
}

impl Place {
    /// The beginning of an entry.
    pub(super) fn entry(index: u64) -> Self {
        Self { index, event: 0 }
    }

    /// Whether an event was told already.
    pub(super) fn is_behind(self, event: &AuditEvent) -> bool {
        self > Self { index: event.index, event: event.event_index }
    }

    /// Goes behind an event.
    pub(super) fn told(&mut self, event: &AuditEvent) {
        let behind = Self { index: event.index, event: event.event_index.saturating_add(1) };
        *self = behind.max(*self);
    }

    /// Goes to an entry below which all was told. Of the entry itself some may have been told too.
    pub(super) fn reached(&mut self, index: u64) {
        *self = Self::entry(index).max(*self);
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            0 => write!(f, "entry {}", self.index),
            event => write!(f, "event {event} of entry {}", self.index),
        }
    }
}

/// What is asked, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    /// Origin of the log.
    pub(super) log: String,
    /// The firm's root key.
    pub(super) firm: String,
    /// The filters, as one types them.
    pub(super) filter: Vec<String>,
}

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    log: String,
    firm: String,
    filter: Vec<String>,
    next_index: u64,
    next_event: u32,
    /// Events that were told, by all runs.
    told: u64,
}

/// The file that remembers.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    about: About,
    written: (Place, u64),
}

impl Kept {
    /// Reads it, or makes it; also shows that it can be written, before anything is told. Gives the place and the
    /// number of events told so far with it.
    pub(super) fn open(path: &Path, about: About) -> Result<(Self, Place, u64)> {
        let (place, told) = if path.exists() { read(path, &about)? } else { (Place::entry(0), 0) };
        let kept = Self { path: path.to_owned(), about, written: (place, told) };
        kept.write().map_err(|error| {
            let step = "give --state a file in a folder that is there and that you may write to";
            Failure::cannot_tell(format!("{error:#}")).next(step)
        })?;
        Ok((kept, place, told))
    }

    /// Remembers a place; all before it was written out.
    pub(super) fn keep(&mut self, place: Place, told: u64) -> Result<()> {
        if self.written == (place, told) {
            return Ok(());
        }
        self.written = (place, told);
        self.write()
    }

    fn write(&self) -> Result<()> {
        let (place, told) = self.written;
        let About { log, firm, filter } = self.about.clone();
        let (next_index, next_event) = (place.index, place.event);
        let state = State { log, firm, filter, next_index, next_event, told };
        files::replace(&self.path, &serde_json::to_vec(&state)?)
    }
}

fn read(path: &Path, about: &About) -> Result<(Place, u64)> {
    let name = path.display();
    let Ok(state) = serde_json::from_slice::<State>(&files::read(path, STATE_BYTES_MAX)?) else {
        let message = format!("{name} is no state of `witness audit tail`");
        return Err(Failure::cannot_tell(message).next("give --state another file").into());
    };
    let other = if state.firm != about.firm {
        Some(format!("is about another firm, whose root key is {}", state.firm))
    } else if state.log != about.log {
        Some(format!("is about the log {}", state.log))
    } else if state.filter != about.filter {
        Some(match state.filter.as_slice() {
            [] => "is about a tail without filters".to_owned(),
            filter => format!("is about a tail with other filters: {}", filter.join(" ")),
        })
    } else {
        None
    };
    match other {
        None => Ok((Place { index: state.next_index, event: state.next_event }, state.told)),
        Some(other) => {
            let step = "give each firm, log and set of filters a --state file of its own";
            Err(Failure::cannot_tell(format!("{name} {other}")).next(step).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(index: u64, event_index: u32) -> AuditEvent {
        AuditEvent { index, event_index, ..AuditEvent::default() }
    }

    fn about() -> About {
        let filter = vec!["--change deleted".to_owned()];
        About { log: "a.example/log1".to_owned(), firm: "a.example+1+A".to_owned(), filter }
    }

    #[test]
    fn a_place_in_an_entry_is_behind_what_was_told_of_it_and_before_the_rest() {
        let mut place = Place::entry(7);
        assert!(place.is_behind(&event(6, 9)) && !place.is_behind(&event(7, 0)));
        place.told(&event(7, 2));
        assert!(place.is_behind(&event(7, 2)) && !place.is_behind(&event(7, 3)));
        // An answer that ends in an entry names the entry itself.
        place.reached(7);
        assert_eq!(place, Place { index: 7, event: 3 });
        place.reached(9);
        assert_eq!(place, Place::entry(9));
        place.reached(8);
        assert_eq!(place, Place::entry(9), "it never goes back");
    }

    #[test]
    fn a_state_is_of_one_firm_one_log_and_one_set_of_filters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tail.json");
        let (mut kept, place, told) = Kept::open(&path, about()).unwrap();
        assert_eq!((place, told), (Place::entry(0), 0));
        let reached = Place { index: 3, event: 2 };
        kept.keep(reached, 5).unwrap();
        let (_, place, told) = Kept::open(&path, about()).unwrap();
        assert_eq!((place, told), (reached, 5));
        let written = std::fs::read(&path).unwrap();
        for (other, says) in [
            (About { log: "a.example/log2".to_owned(), ..about() }, "the log a.example/log1"),
            (About { firm: "b.example+1+A".to_owned(), ..about() }, "another firm"),
            (About { filter: Vec::new(), ..about() }, "other filters: --change deleted"),
        ] {
            let error = Kept::open(&path, other).unwrap_err();
            let failure = error.downcast_ref::<Failure>().unwrap();
            assert!(failure.message.contains(says), "{failure}");
            assert!(failure.next_step.as_deref().unwrap().contains("--state"), "{failure}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), written);
    }

    #[test]
    fn a_state_that_cannot_be_written_is_refused_when_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nowhere").join("tail.json");
        let error = Kept::open(&path, about()).unwrap_err();
        assert!(error.downcast_ref::<Failure>().unwrap().next_step.is_some(), "{error}");
    }
}
