//! What a transaction bids (EIP-1559), and how a bid is raised so that every client takes it as a replacement.
//!
//! What must hold: numbers are whole wei and checked; a raise is strictly more than a tenth, on both parts, since
//! some clients refuse exactly a tenth.

use crate::nodes::Market;

/// Gas that a commit may take: 95,000 at its worst, when the contract's 2^17th entry opens a level, and room for
/// what its transaction data costs. Fixed, since an estimate that fails is what leaks nonces. Chains that charge
/// their data as gas (Arbitrum), and the fork after Osaka, need more.
pub const GAS_LIMIT: u64 = 130_000;

/// What a transaction bids for each gas, in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bid {
    /// All that it pays at most.
    pub max_fee: u128,
    /// What of it goes to who builds the block.
    pub tip: u128,
}

/// Why there is no bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeeError {
    /// Beyond any money that there is: a node said something absurd.
    #[error(
        "a fee of more than 2^128 wei came out: a node names absurd prices, check the nodes of the chain"
    )]
    Overflow,
}

impl Bid {
    /// The first bid: twice the price, and a tip of what others give, but at least `tip_min`.
    pub fn first(market: &Market, tip_min: u128) -> Result<Self, FeeError> {
        let tip = market.tip.max(tip_min);
        let twice = market.base_fee.checked_mul(2);
        let max_fee = twice.and_then(|it| it.checked_add(tip)).ok_or(FeeError::Overflow)?;
        Ok(Self { max_fee, tip })
    }

    /// A bid that replaces this one: more than a tenth higher in both parts, and not below what a first bid would
    /// be now.
    pub fn raised(self, now: Self) -> Result<Self, FeeError> {
        Ok(Self {
            max_fee: raised(self.max_fee)?.max(now.max_fee),
            tip: raised(self.tip)?.max(now.tip),
        })
    }

    /// What a transaction costs at most, in wei, with what it pays besides for its bytes on the chain below.
    pub fn ceiling(self, gas_limit: u64, l1_fee: u128) -> Result<u128, FeeError> {
        let gas = self.max_fee.checked_mul(gas_limit.into());
        gas.and_then(|gas| gas.checked_add(l1_fee)).ok_or(FeeError::Overflow)
    }
}

/// `floor(fee * 9 / 8) + 1`, without the product.
fn raised(fee: u128) -> Result<u128, FeeError> {
    fee.checked_add(fee / 8).and_then(|raised| raised.checked_add(1)).ok_or(FeeError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The strict rule, as the strictest client applies it: a tenth exactly is refused.
    fn is_taken(old: u128, new: u128) -> bool {
        new.checked_mul(10).unwrap() > old.checked_mul(11).unwrap()
    }

    #[test]
    fn a_raise_is_strictly_more_than_a_tenth() {
        let cases = [(0, 1), (1, 2), (7, 8), (8, 10), (9, 11), (10, 12), (15_297_156, 17_209_301)];
        for (old, new) in cases {
            assert_eq!(raised(old), Ok(new));
        }
        for old in (0..100_000).chain([10_u128.pow(9), 10_u128.pow(18), u128::MAX / 20]) {
            let new = raised(old).unwrap();
            assert!(is_taken(old, new), "{old} -> {new}");
            assert_eq!(new, old * 9 / 8 + 1);
        }
    }

    #[test]
    fn a_fee_beyond_128_bits_is_named_and_no_panic() {
        let last = (u128::MAX - 1) / 9 * 8;
        assert!(raised(last).is_ok());
        assert_eq!(raised(u128::MAX), Err(FeeError::Overflow));
        assert_eq!(raised(u128::MAX / 9 * 8 + 8), Err(FeeError::Overflow));
        let market = |base_fee, tip| Market { base_fee, tip };
        assert_eq!(Bid::first(&market(u128::MAX / 2 + 1, 0), 0), Err(FeeError::Overflow));
        assert_eq!(Bid::first(&market(u128::MAX / 2, 2), 0), Err(FeeError::Overflow));
        assert!(Bid::first(&market(u128::MAX / 2, 1), 0).is_ok());
        let dear = Bid { max_fee: u128::MAX / 130_000, tip: 0 };
        assert!(dear.ceiling(GAS_LIMIT, 0).is_ok());
        assert_eq!(dear.ceiling(GAS_LIMIT, u128::MAX), Err(FeeError::Overflow));
        assert_eq!(dear.ceiling(GAS_LIMIT + 1, 0), Err(FeeError::Overflow));
    }

    #[test]
    fn a_bid_is_twice_the_price_and_a_tip_and_follows_the_market_up() {
        let market = Market { base_fee: 100, tip: 3 };
        assert_eq!(Bid::first(&market, 1), Ok(Bid { max_fee: 203, tip: 3 }));
        assert_eq!(Bid::first(&market, 30), Ok(Bid { max_fee: 230, tip: 30 }));
        let bid = Bid { max_fee: 203, tip: 3 };
        assert_eq!(bid.raised(bid), Ok(Bid { max_fee: 229, tip: 4 }));
        let dearer = Bid { max_fee: 1000, tip: 1 };
        assert_eq!(bid.raised(dearer), Ok(Bid { max_fee: 1000, tip: 4 }));
        assert_eq!(bid.ceiling(GAS_LIMIT, 5), Ok(203 * 130_000 + 5));
    }
}
