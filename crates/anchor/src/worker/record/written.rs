//! How the record writes what JSON has no type for: hashes, addresses and bytes as 0x and lower-case hex, wei as
//! decimal strings, times as microseconds. What does not come out as it went in is refused.

use alloy_primitives::{Address, Bytes, hex};
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
use witness_core::{hash::Hash, rollup::Contract};

/// A value with one way to be written.
pub(in crate::worker) trait Written: Sized {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

impl Written for Address {
    fn write(&self) -> String {
        hex::encode_prefixed(self)
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Written for Bytes {
    fn write(&self) -> String {
        hex::encode_prefixed(self)
    }

    fn read(text: &str) -> Option<Self> {
        hex::decode(text).ok().map(Self::from)
    }
}

impl Written for Hash {
    fn write(&self) -> String {
        format!("0x{}", self.to_hex())
    }

    fn read(text: &str) -> Option<Self> {
        Self::from_hex(text.strip_prefix("0x")?)
    }
}

impl Written for u128 {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Written for Contract {
    fn write(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        Self::parse_caip10(text)
    }
}

pub(in crate::worker) fn serialize<T: Written, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.write().serialize(serializer)
}

pub(in crate::worker) fn deserialize<'de, T: Written, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    read(&String::deserialize(deserializer)?)
}

fn read<T: Written, E: serde::de::Error>(text: &str) -> Result<T, E> {
    let value = T::read(text).filter(|value| value.write() == text);
    value.ok_or_else(|| E::custom("a value is not in the one form that the record writes"))
}

/// The same for what may be missing.
pub(in crate::worker) mod maybe {
    use super::{Deserializer, Serializer, Written, read};
    use serde::{Deserialize as _, Serialize as _};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(in crate::worker) fn serialize<T: Written, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Written::write).serialize(serializer)
    }

    pub(in crate::worker) fn deserialize<'de, T: Written, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| read(&text)).transpose()
    }
}

/// The same for a list.
pub(in crate::worker) mod each {
    use super::{Deserializer, Serializer, Written, read};
    use serde::{Deserialize as _, Serialize as _};

    pub(in crate::worker) fn serialize<T: Written, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let written: Vec<String> = values.iter().map(Written::write).collect();
        written.serialize(serializer)
    }

    pub(in crate::worker) fn deserialize<'de, T: Written, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let written = Vec::<String>::deserialize(deserializer)?;
        written.iter().map(|text| read(text)).collect()
    }
}

/// A time as its microseconds.
pub(in crate::worker) mod time {
    use super::{Deserializer, Serializer};
    use serde::{Deserialize as _, Serialize as _};
    use witness_core::time::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(in crate::worker) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.micros().serialize(serializer)
    }

    pub(in crate::worker) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        u64::deserialize(deserializer).map(Timestamp::from_micros)
    }
}

/// A time that may be missing.
pub(in crate::worker) mod maybe_time {
    use super::{Deserializer, Serializer};
    use serde::{Deserialize as _, Serialize as _};
    use witness_core::time::Timestamp;

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(in crate::worker) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::micros).serialize(serializer)
    }

    pub(in crate::worker) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Timestamp::from_micros))
    }
}

/// What a transaction bids.
pub(in crate::worker) mod bid {
    use super::{Deserializer, Serializer};
    use crate::fees::Bid;
    use serde::{Deserialize as _, Serialize as _};

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        #[serde(with = "super")]
        max_fee: u128,
        #[serde(with = "super")]
        tip: u128,
    }

    pub(in crate::worker) fn serialize<S: Serializer>(
        bid: &Bid,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Written { max_fee: bid.max_fee, tip: bid.tip }.serialize(serializer)
    }

    pub(in crate::worker) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Bid, D::Error> {
        let Written { max_fee, tip } = Written::deserialize(deserializer)?;
        Ok(Bid { max_fee, tip })
    }
}
