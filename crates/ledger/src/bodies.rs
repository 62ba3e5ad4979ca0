//! Body cells: the texts of a submission's events, beside the log, and what is left of those that were erased.

use std::ops::{ControlFlow, Range};

use witness_core::merkle::LeafIndex;

use crate::{
    cells::{self, BODY_EVENTS},
    store::{Cursor, StoreError},
};

/// Texts of an event and of its details, if they are there.
pub(crate) type Texts<'a> = Option<(&'a [u8], &'a [u8])>;

/// The texts of one body cell, by the event's place in it. What was erased is empty, or not there.
pub(crate) fn texts_of(cell: &[u8]) -> impl Iterator<Item = Result<Texts<'_>, StoreError>> {
    cells::bodies(cell).map(|texts| {
        let texts = texts.ok_or(StoreError::Damaged { what: "body cell" })?;
        Ok(Some(texts).filter(|(event, _)| !event.is_empty()))
    })
}

/// Number of the body cell of an event, and its place there.
pub(crate) fn place_of(event: u16) -> (u16, usize) {
    let event = usize::from(event);
    (u16::try_from(event / BODY_EVENTS).unwrap_or(u16::MAX), event % BODY_EVENTS)
}

/// Hands on each of some events of a submission with its texts, until `take` breaks.
pub(crate) fn each<B>(
    bodies: &mut Cursor<'_>,
    (index, events): (LeafIndex, Range<u16>),
    mut take: impl FnMut(u16, Texts<'_>) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, StoreError> {
    let mut pair = bodies.seek(&cells::body_key(index, place_of(events.start).0))?;
    let mut event = events.start;
    while event < events.end {
        let (number, place) = place_of(event);
        let key = cells::body_key(index, number);
        let cell = pair.filter(|(found, _)| *found == key).map(|(_, cell)| cell);
        let is_there = cell.is_some();
        {
            let mut texts = cell.map(|cell| texts_of(cell).skip(place));
            while event < events.end && place_of(event).0 == number {
                let texts = match &mut texts {
                    Some(texts) => {
                        texts.next().ok_or(StoreError::Damaged { what: "body cell" })??
                    }
                    None => None,
                };
                if let ControlFlow::Break(broken) = take(event, texts) {
                    return Ok(ControlFlow::Break(broken));
                }
                event += 1;
            }
        }
        if is_there {
            pair = bodies.advance()?;
        }
    }
    Ok(ControlFlow::Continue(()))
}
