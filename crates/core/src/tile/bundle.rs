//! Entry bundles: the entries whose hashes make a level-0 tile, each after its length in two bytes (C2SP
//! tlog-tiles, "Log Entries").

use alloc::vec::Vec;

use super::TILE_WIDTH;

/// The bundle of 1 to 256 entries. `None` for another number, or if one is longer than 65,535 bytes.
#[must_use]
pub fn encode_bundle(entries: &[impl AsRef<[u8]>]) -> Option<Vec<u8>> {
    if !is_width(entries.len()) {
        return None;
    }
    let size = entries.iter().map(|entry| entry.as_ref().len() + 2).sum();
    let mut bundle = Vec::with_capacity(size);
    for entry in entries {
        let length = u16::try_from(entry.as_ref().len()).ok()?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry.as_ref());
    }
    Some(bundle)
}

/// The 1 to 256 entries of a bundle, which they must fill to its last byte. Whether they are those that the
/// tree calls for, their hashes tell.
#[must_use]
pub fn read_bundle(bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = bundle;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        if !is_width(entries.len()) {
            return None;
        }
        rest = after;
    }
    is_width(entries.len()).then_some(entries)
}

/// A tile without hashes is never served, nor one with more than its width.
fn is_width(entries: usize) -> bool {
    u64::try_from(entries).is_ok_and(|entries| (1..=TILE_WIDTH).contains(&entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Hash;
    use alloc::{format, vec};

    fn seven() -> Vec<Vec<u8>> {
        (0..7).map(|n| format!("leaf {n}").into_bytes()).collect()
    }

    #[test]
    fn the_bundle_of_seven_leaves_is_the_published_one() {
        let bundle = encode_bundle(&seven()).unwrap();
        assert_eq!(bundle.len(), 56);
        assert!(bundle.starts_with(b"\x00\x06leaf 0"));
        let expected = "e0b8b9107ca965b9c3094714e75c579995bf29d2f0dcfff8f19a23f73d5b8e0b";
        assert_eq!(Hash::of(&bundle).to_hex(), expected);
        assert_eq!(read_bundle(&bundle).unwrap(), seven());
    }

    #[test]
    fn a_bundle_is_read_to_its_last_byte_or_not_at_all() {
        let bundle = encode_bundle(&seven()).unwrap();
        for end in 0..bundle.len() {
            // Cut between two entries it is a bundle of fewer; anywhere else it is none.
            let cut = read_bundle(&bundle[..end]);
            assert_eq!(
                cut.map(|entries| entries.len() * 8),
                (end > 0 && end % 8 == 0).then_some(end)
            );
        }
        for trailing in [&[0][..], &[0, 1], &[0, 9, 1]] {
            assert_eq!(read_bundle(&[&bundle, trailing].concat()), None, "{trailing:?}");
        }
    }

    #[test]
    fn a_bundle_holds_1_to_256_entries_of_up_to_65_535_bytes() {
        for (entries, is_good) in [(0, false), (1, true), (256, true), (257, false)] {
            let empty = vec![[0_u8; 0]; entries];
            let bytes = vec![0; entries * 2];
            assert_eq!(encode_bundle(&empty), is_good.then(|| bytes.clone()));
            assert_eq!(read_bundle(&bytes).is_some(), is_good, "{entries}");
        }
        for (length, is_good) in [(65_535, true), (65_536, false)] {
            let longest = [vec![7; length]];
            let bundle = encode_bundle(&longest);
            assert_eq!(bundle.is_some(), is_good, "{length}");
            assert!(bundle.is_none_or(|bundle| read_bundle(&bundle).unwrap() == longest));
        }
    }
}
