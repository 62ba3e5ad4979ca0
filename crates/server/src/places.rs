//! Places for connections: so many in all, and so many for each address.
//!
//! What must hold: descriptors are left for the stores whatever strangers open, because a store that cannot
//! open a file ends the process; and one stranger does not take the places of all.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at the same time; those behind them wait in the kernel's queue. A process has 1,024
/// descriptors where nobody has asked for more, and a store takes up to 512.
const CONNECTIONS_MAX: usize = 256;
/// Of one address; one that opens more is not let in.
const CONNECTIONS_OF_ONE_MAX: usize = 64;

/// The places for connections: so many for all, and for each address.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    taken: Mutex<BTreeMap<Source, usize>>,
}

impl Places {
    /// Waits until there is one.
    pub(crate) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }
}

impl Default for Places {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(CONNECTIONS_MAX)), taken: Mutex::default() }
    }
}

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    source: Source,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// A place for an address, if it has not all of its own already. This machine's connections may be those of
    /// everybody, through a proxy.
    pub(crate) fn of(
        places: &Arc<Places>,
        address: IpAddr,
        permit: OwnedSemaphorePermit,
    ) -> Option<Self> {
        let source = Source::of(address);
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.entry(source).or_default();
        if *own >= CONNECTIONS_OF_ONE_MAX && !address.is_loopback() {
            return None;
        }
        *own += 1;
        Some(Self { places: Arc::clone(places), source, _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.source) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.source)),
        }
    }
}

/// Where a connection comes from, as far as one party is told from another: an address of IPv4, or the 64 bits
/// of one of IPv6 that a network gives to one customer (RFC 6177 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    V4(Ipv4Addr),
    V6(u64),
}

impl Source {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments().map(u64::from);
                Self::V6(a << 48 | b << 32 | c << 16 | d)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(places: &Arc<Places>, address: &str) -> Option<Place> {
        let permit = Arc::clone(&places.all).try_acquire_owned().unwrap();
        Place::of(places, address.parse().unwrap(), permit)
    }

    #[test]
    fn one_address_does_not_take_every_place_and_gives_back_what_it_took() {
        let places = Arc::new(Places::default());
        // Addresses of one customer's network are one.
        let of_one = |n: usize| format!("2001:db8:0:1::{n:x}");
        let taken: Vec<_> =
            (0..CONNECTIONS_OF_ONE_MAX).map(|n| take(&places, &of_one(n)).unwrap()).collect();
        assert!(take(&places, "2001:db8:0:1:ffff::1").is_none());
        assert!(take(&places, "2001:db8:0:2::1").is_some());
        assert!(take(&places, "192.0.2.1").is_some());
        drop(taken);
        assert!(take(&places, "2001:db8:0:1:ffff::1").is_some());
        assert_eq!(places.all.available_permits(), CONNECTIONS_MAX);
        assert!(places.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn this_machine_may_take_all() {
        let places = Arc::new(Places::default());
        let taken: Vec<_> =
            (0..CONNECTIONS_MAX).map(|_| take(&places, "127.0.0.1").unwrap()).collect();
        assert_eq!(taken.len(), CONNECTIONS_MAX);
    }
}
