//! Reading RLP (Ethereum Yellow Paper, appendix B) item by item, without knowing what it holds.

use alloy_rlp::Header;

/// One item: a string of bytes or a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item<'a> {
    is_list: bool,
    payload: &'a [u8],
}

/// The items of a list that were not read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items<'a>(&'a [u8]);

impl<'a> Item<'a> {
    /// The bytes of a string.
    pub(super) fn string(self) -> Option<&'a [u8]> {
        (!self.is_list).then_some(self.payload)
    }

    /// The bytes of a string of exactly this length.
    pub(super) fn array<const N: usize>(self) -> Option<&'a [u8; N]> {
        self.string()?.try_into().ok()
    }

    /// An integer in its one form: without leading zeros.
    pub(super) fn integer(self) -> Option<u64> {
        let bytes = self.string()?;
        if bytes.len() > 8 || bytes.first() == Some(&0) {
            return None;
        }
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The items of a list.
    pub(super) fn list(self) -> Option<Items<'a>> {
        self.is_list.then_some(Items(self.payload))
    }
}

impl<'a> Items<'a> {
    /// The items of a list, after which nothing may follow.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Self(bytes);
        let list = outer.next()?.list()?;
        outer.is_at_end().then_some(list)
    }

    /// The next item; none at the end, and none if the bytes are not RLP in its one form.
    pub(super) fn next(&mut self) -> Option<Item<'a>> {
        let mut rest = self.0;
        let header = Header::decode(&mut rest).ok()?;
        let (payload, rest) = rest.split_at_checked(header.payload_length)?;
        self.0 = rest;
        Some(Item { is_list: header.list, payload })
    }

    /// Whether all items were read.
    pub(super) fn is_at_end(self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_form() {
        let integer = |bytes: &[u8]| Items(bytes).next().and_then(Item::integer);
        for (bytes, number) in [
            (&[0x80][..], 0),
            (&[0x01], 1),
            (&[0x7f], 127),
            (&[0x81, 0x80], 128),
            (&[0x82, 1, 0], 256),
            (&[0x88, 255, 255, 255, 255, 255, 255, 255, 255], u64::MAX),
        ] {
            assert_eq!(integer(bytes), Some(number), "{bytes:?}");
        }
        for wrong in [
            &[][..],
            &[0x00],
            &[0x81, 0x01],
            &[0x81],
            &[0x82, 0, 1],
            &[0xb8, 1, 0x80],
            &[0xc0],
            &[0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(integer(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_list_ends_where_its_bytes_end() {
        let mut items = Items::of(&[0xc3, 0x01, 0x81, 0x80]).unwrap();
        assert_eq!(items.next().and_then(Item::integer), Some(1));
        assert_eq!(items.next().and_then(Item::array::<1>), Some(&[0x80]));
        assert!(items.is_at_end() && items.next().is_none());
        for wrong in [&[0xc1][..], &[0xc1, 1, 2], &[0x80], &[], &[0xf8, 1, 1], &[0xff; 9]] {
            assert!(Items::of(wrong).is_none(), "{wrong:?}");
        }
    }
}
