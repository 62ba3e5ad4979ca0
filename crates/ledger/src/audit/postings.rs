//! Postings: which events of which submissions have a term. A block holds those of some submissions that were
//! indexed together, under the index of the last one or of one after it.

/// Some events of one submission, as ranges that do not touch, first and last, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct EventSet(Vec<(u16, u16)>);

/// The events of one submission that have a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Posting {
    pub(super) index: u64,
    pub(super) events: EventSet,
}

impl EventSet {
    /// The first so many events.
    pub(super) fn first(events: u16) -> Self {
        Self(events.checked_sub(1).map(|last| (0, last)).into_iter().collect())
    }

    /// Adds an event that comes after all others, or is the last one again.
    pub(super) fn push(&mut self, event: u16) {
        match self.0.last_mut() {
            Some((_, last)) if *last == event => {}
            Some((_, last)) if *last + 1 == event => *last = event,
            _ => self.0.push((event, event)),
        }
    }

    /// Removes an event; whether it was there.
    pub(super) fn remove(&mut self, event: u16) -> bool {
        let Some(at) = self.0.iter().position(|(from, last)| (*from..=*last).contains(&event))
        else {
            return false;
        };
        let (from, last) = self.0.remove(at);
        let before = (from < event).then(|| (from, event - 1));
        let after = (event < last).then(|| (event + 1, last));
        self.0.splice(at..at, before.into_iter().chain(after));
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut own, mut others) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(a), Some(b)) = (own.peek(), others.peek()) {
            let (from, last) = (a.0.max(b.0), a.1.min(b.1));
            if from <= last {
                both.push((from, last));
            }
            if a.1 < b.1 {
                own.next()
            } else {
                others.next()
            };
        }
        Self(both)
    }

    /// The events, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().flat_map(|(from, last)| *from..=*last)
    }
}

/// The postings of one term, ascending, as they are stored under `last`, which is at or after all of them.
pub(super) fn encode(last: u64, postings: &[Posting]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for posting in postings {
        put(&mut bytes, last - posting.index);
        put(&mut bytes, u64::try_from(posting.events.0.len()).unwrap_or(u64::MAX));
        let mut after = 0;
        for (from, last) in &posting.events.0 {
            put(&mut bytes, u64::from(from - after));
            put(&mut bytes, u64::from(last - from));
            // Two ranges have at least one event between them, so this one never overflows for the next.
            after = last.saturating_add(1);
        }
    }
    bytes
}

/// Reads what [`encode`] writes.
pub(super) fn decode(last: u64, mut bytes: &[u8]) -> Option<Vec<Posting>> {
    let mut postings = Vec::new();
    while !bytes.is_empty() {
        let index = last.checked_sub(take(&mut bytes)?)?;
        let mut events = EventSet::default();
        let mut after = 0;
        for _ in 0..take(&mut bytes)? {
            let from: u16 = u16::try_from(take(&mut bytes)?).ok()?.checked_add(after)?;
            let last = u16::try_from(take(&mut bytes)?).ok()?.checked_add(from)?;
            events.0.push((from, last));
            after = last.saturating_add(1);
        }
        postings.push(Posting { index, events });
    }
    Some(postings)
}

/// Appends a number in groups of seven bits, the lowest first, all but the last with the high bit set (LEB128).
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while let Some(rest) = Some(number >> 7).filter(|rest| *rest > 0) {
        bytes.push(low_bits(number) | 0x80);
        number = rest;
    }
    bytes.push(low_bits(number));
}

fn low_bits(number: u64) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or(0)
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        number |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(events: &[u16]) -> EventSet {
        let mut set = EventSet::default();
        for event in events {
            set.push(*event);
        }
        set
    }

    /// All sets of the first six events, and their elements.
    fn small_sets() -> Vec<(EventSet, Vec<u16>)> {
        let elements = |bits: u32| (0..6).filter(|n| bits >> n & 1 == 1).collect::<Vec<u16>>();
        (0..64).map(|bits| (set(&elements(bits)), elements(bits))).collect()
    }

    #[test]
    fn small_sets_are_what_their_elements_say() {
        for (a, elements) in small_sets() {
            assert_eq!(a.iter().collect::<Vec<_>>(), elements);
            assert_eq!(a.is_empty(), elements.is_empty());
            for (b, others) in small_sets() {
                let both: Vec<u16> =
                    elements.iter().copied().filter(|event| others.contains(event)).collect();
                assert_eq!(a.and(&b), set(&both), "{elements:?} {others:?}");
            }
            for event in 0..7 {
                let mut less = a.clone();
                assert_eq!(less.remove(event), elements.contains(&event));
                let rest: Vec<u16> =
                    elements.iter().copied().filter(|other| *other != event).collect();
                assert_eq!(less, set(&rest));
            }
        }
        assert_eq!(EventSet::first(3), set(&[0, 1, 2]));
        // Two of an event's words can share a term.
        assert_eq!(set(&[0, 0, 2, 2, 3, 3]), set(&[0, 2, 3]));
        assert!(EventSet::first(0).is_empty());
    }

    #[test]
    fn blocks_read_back_and_cut_ones_do_not() {
        let wide = set(&[0, 1, 500, 4095, u16::MAX]);
        let postings: Vec<Posting> = (0..)
            .zip([set(&[7]), wide, EventSet::first(256)])
            .map(|(n, events)| Posting { index: n * 300, events })
            .collect();
        for last in [600, 601, u64::MAX] {
            let bytes = encode(last, &postings);
            assert_eq!(decode(last, &bytes).as_ref(), Some(&postings));
            let cut = decode(last, &bytes[..bytes.len() - 1]);
            assert!(cut.is_none());
        }
        assert_eq!(decode(5, &[]), Some(Vec::new()));
        assert_eq!(decode(5, &[6, 0]), None, "before the first entry");
        assert_eq!(decode(5, &[0xff; 11]), None, "no number is so long");
    }
}
