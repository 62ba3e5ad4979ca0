//! When several nodes agree: the rules, over answers that are there already.
//!
//! What must hold: what can still change is believed when more than half of all configured nodes say it, so that
//! two opposite beliefs never hold at once; of what is final, more than half must have come so far, operators of
//! more than one name among them, and no node may serve another block.

use std::collections::BTreeSet;

/// How much agreement is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quorum {
    /// At least three nodes of at least two operators; finality is said by two operators at least.
    TwoOperators,
    /// One node is enough, and its operator is believed in everything: for development.
    Single,
}

impl Quorum {
    /// How many nodes there must be.
    #[must_use]
    pub const fn nodes_min(self) -> usize {
        match self {
            Self::TwoOperators => 3,
            Self::Single => 1,
        }
    }

    /// How many operators there must be, and how many must say that a block is final.
    #[must_use]
    pub const fn operators_min(self) -> usize {
        match self {
            Self::TwoOperators => 2,
            Self::Single => 1,
        }
    }
}

/// The value that more than half of all configured nodes gave.
pub fn majority<T: PartialEq>(answers: &[T], configured: usize) -> Option<&T> {
    let votes = |value: &T| answers.iter().filter(|other| *other == value).count();
    answers.iter().find(|value| votes(value) * 2 > configured)
}

/// The height that more than half of all configured nodes have reached.
#[must_use]
pub fn reached(heights: &[u64], configured: usize) -> Option<u64> {
    let mut highest_first = heights.to_vec();
    highest_first.sort_unstable_by(|one, other| other.cmp(one));
    highest_first.get(configured / 2).copied()
}

/// The height that more than half of all configured nodes, and so many operators at least, have reached.
#[must_use]
pub fn reached_by(heights: &[(&str, u64)], configured: usize, operators_min: usize) -> Option<u64> {
    let is_reached = |height: u64| {
        let mut have = heights.iter().filter(|(_, it)| *it >= height).peekable();
        let operators: BTreeSet<&str> = have.clone().map(|(operator, _)| *operator).collect();
        have.peek().is_some() && have.count() * 2 > configured && operators.len() >= operators_min
    };
    heights.iter().map(|(_, height)| *height).filter(|height| is_reached(*height)).max()
}

/// The middle of what more than half of all configured nodes say; the lower one of two.
#[must_use]
pub fn middle(values: &[u128], configured: usize) -> Option<u128> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let is_enough = values.len() * 2 > configured;
    is_enough.then(|| sorted.get(values.len().checked_sub(1)? / 2).copied())?
}

/// Why nodes are not of one mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discord {
    /// Not enough operators answer.
    TooFewOperators {
        /// How many do.
        operators: usize,
    },
    /// Two of them say different things.
    Different,
}

/// The value that all answers give, if they are of so many operators at least.
pub fn unanimous<'a, T: PartialEq>(
    answers: &'a [(&str, T)],
    operators_min: usize,
) -> Result<&'a T, Discord> {
    let operators = answers.iter().map(|(operator, _)| *operator).collect::<BTreeSet<_>>().len();
    let Some((_, value)) = answers.first().filter(|_| operators >= operators_min) else {
        return Err(Discord::TooFewOperators { operators });
    };
    let is_one = answers.iter().all(|(_, other)| other == value);
    is_one.then_some(value).ok_or(Discord::Different)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All ways in which up to `nodes` nodes answer one of `values` values, or nothing.
    fn answers(nodes: u32, values: u64) -> Vec<Vec<u64>> {
        let base = values + 1;
        let digits = |way: u64| {
            let digit = |node| way / base.pow(node) % base;
            (0..nodes).map(digit).filter(|value| *value > 0).collect()
        };
        let ways = base.pow(nodes);
        (0..ways).map(digits).collect()
    }

    #[test]
    fn a_majority_is_more_than_half_of_all_that_are_configured() {
        for configured in 1..=5_usize {
            for answers in answers(u32::try_from(configured).unwrap(), 3) {
                let votes = |value| answers.iter().filter(|it| **it == value).count();
                let agreed = (1..=3).find(|value| votes(*value) > configured / 2);
                let found = majority(&answers, configured).copied();
                assert_eq!(found, agreed, "{answers:?} of {configured}");
            }
        }
    }

    #[test]
    fn two_of_three_decide_and_one_of_three_never_does() {
        assert_eq!(majority(&["a", "a"], 3), Some(&"a"));
        assert_eq!(majority(&["b", "a", "a"], 3), Some(&"a"));
        assert_eq!(majority(&["a"], 3), None);
        assert_eq!(majority(&["a", "b", "c"], 3), None);
        assert_eq!(majority(&["a", "a"], 4), None);
        assert_eq!(majority(&["a"], 1), Some(&"a"));
        assert_eq!(majority::<u8>(&[], 1), None);
    }

    #[test]
    fn a_height_is_reached_when_more_than_half_have_it() {
        for configured in 1..=5_usize {
            for heights in answers(u32::try_from(configured).unwrap(), 3) {
                let have = |height| heights.iter().filter(|it| **it >= height).count();
                let expected = (1..=3).rev().find(|height| have(*height) > configured / 2);
                assert_eq!(reached(&heights, configured), expected, "{heights:?}");
            }
        }
    }

    #[test]
    fn a_final_height_is_reached_by_nodes_and_operators_enough_whoever_lags() {
        // Operators a, a, b; each at height 1, 2, 3 or silent.
        for way in 0..64_u64 {
            let said = [("a", way % 4), ("a", way / 4 % 4), ("b", way / 16 % 4)];
            let said: Vec<(&str, u64)> = said.into_iter().filter(|(_, it)| *it > 0).collect();
            for operators_min in 1..=2 {
                let is_reached = |height: &u64| {
                    let have = |operator: &str| {
                        said.iter().filter(|(own, it)| *own == operator && it >= height).count()
                    };
                    let (a, b) = (have("a"), have("b"));
                    a + b >= 2 && usize::from(a > 0) + usize::from(b > 0) >= operators_min
                };
                let expected = (1..=3).rev().find(is_reached);
                assert_eq!(reached_by(&said, 3, operators_min), expected, "{said:?}");
            }
        }
    }

    #[test]
    fn one_node_moves_the_middle_no_further_than_the_next_value() {
        assert_eq!(middle(&[1, 2, u128::MAX], 3), Some(2));
        assert_eq!(middle(&[0, 2, 3], 3), Some(2));
        assert_eq!(middle(&[5, 9], 3), Some(5));
        assert_eq!(middle(&[5], 3), None);
        assert_eq!(middle(&[5], 1), Some(5));
        assert_eq!(middle(&[], 1), None);
    }

    #[test]
    fn what_is_final_is_said_by_all_and_by_operators_enough() {
        // Operators a, a, b; each answers 1, 2 or nothing.
        for way in 0..27_u8 {
            let said = [("a", way % 3), ("a", way / 3 % 3), ("b", way / 9 % 3)];
            let said: Vec<(&str, u8)> = said.into_iter().filter(|(_, value)| *value > 0).collect();
            let operators = ["a", "b"].iter().filter(|it| said.iter().any(|(o, _)| o == *it));
            let operators = operators.count();
            let values: BTreeSet<u8> = said.iter().map(|(_, value)| *value).collect();
            for operators_min in 1..=2 {
                let found = unanimous(&said, operators_min).copied();
                let expected = match values.first() {
                    _ if operators < operators_min => Err(Discord::TooFewOperators { operators }),
                    Some(value) if values.len() == 1 => Ok(*value),
                    _ => Err(Discord::Different),
                };
                assert_eq!(found, expected, "{said:?}");
            }
        }
    }
}
