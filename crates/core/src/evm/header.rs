//! The header of a block: an RLP list, of which four fields matter here.
//!
//! Forks add fields at the end (EIP-1559, EIP-4895, EIP-4844, EIP-4788, EIP-7685), so a header is kept as the bytes
//! whose keccak-256 is the block's hash, and is never encoded anew.

use super::{error::AnchorError, rlp::Items};

/// Longest header, in bytes. Most have 600 to 700; the longest known ones list a hundred validators of 40 bytes,
/// or how transactions depend on each other, in their extra data.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;

/// What a header says about its block (Ethereum Yellow Paper, section 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) receipts_root: &'a [u8; 32],
    pub(super) number: u64,
    pub(super) time: u64,
}

impl<'a> Header<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, AnchorError> {
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(AnchorError::HeaderSize { size: bytes.len() });
        }
        Self::fields(bytes).ok_or(AnchorError::Header)
    }

    /// The first fifteen fields are those of the first block ever; all of them must be there.
    fn fields(bytes: &'a [u8]) -> Option<Self> {
        let mut items = Items::of(bytes)?;
        let _parent = items.next()?.array::<32>()?;
        let _ommers = items.next()?.array::<32>()?;
        let _beneficiary = items.next()?.array::<20>()?;
        let _state_root = items.next()?.array::<32>()?;
        let _transactions_root = items.next()?.array::<32>()?;
        let receipts_root = items.next()?.array::<32>()?;
        let _bloom = items.next()?.array::<256>()?;
        let _difficulty = items.next()?.string()?;
        let number = items.next()?.integer()?;
        let _gas_limit = items.next()?.integer()?;
        let _gas_used = items.next()?.integer()?;
        let time = items.next()?.integer()?;
        let _extra_data = items.next()?.string()?;
        let _mix = items.next()?.array::<32>()?;
        let _nonce = items.next()?.array::<8>()?;
        while !items.is_at_end() {
            items.next()?;
        }
        Some(Self { receipts_root, number, time })
    }
}
