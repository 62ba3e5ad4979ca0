//! How many steps a backtracking engine can need for a pattern on a text, at most: the guard that
//! Live Verify (verification line) asks for, without a clock.
//!
//! `(a+)+b` needs a number of steps exponential in the longest run of `a`, and no engine with
//! look-around and back-references avoids that altogether. So the steps are estimated beforehand,
//! and a rule that could take too long is refused by name; to skip it would give a wrong hash.
//!
//! The estimate is never too low. Each node of the pattern has *ways*, how many times it can
//! succeed from one place when what follows it keeps failing, and *work*, the steps for trying them
//! all. A loop goes round at most as often as there are units in a row, in this very text, that its
//! body could consume; that is what makes harmless patterns cheap on ordinary documents.

mod parser;
mod pattern;

use alloc::vec;
use alloc::vec::Vec;

use self::pattern::{Direction, NoShape, Node, Pattern};
use super::WORK_MAX;

/// A pattern, ready to be estimated on any text.
#[derive(Clone)]
pub(super) struct Effort {
    /// `None` if the pattern is written in a way that is not understood here.
    pattern: Option<Pattern>,
    /// Steps at each place whatever the pattern does there: expanding a replacement, say.
    at_each_place: u64,
}

impl Effort {
    /// Takes a pattern apart that the engine has compiled; `None` if JavaScript would not have.
    pub(super) fn of(pattern: &[u16], replacement_size: usize) -> Option<Self> {
        let at_each_place = count(pattern.len()).saturating_add(count(replacement_size));
        match Pattern::parse(pattern) {
            Ok(pattern) => Some(Self { pattern: Some(pattern), at_each_place }),
            Err(NoShape::Unknown) => Some(Self { pattern: None, at_each_place }),
            Err(NoShape::NothingToRepeat) => None,
        }
    }

    /// The most steps that replacing all matches in a text can take.
    pub(super) fn on(&self, text: &[u16]) -> u64 {
        let Some(pattern) = &self.pattern else { return u64::MAX };
        let mut estimate = Estimate { pattern, text, units: count(text.len()), preparation: 0 };
        let cost = estimate.cost(&pattern.root, Direction::Forward);
        let places = estimate.units.saturating_add(1);
        cost.work
            .saturating_add(self.at_each_place)
            .saturating_mul(places)
            .saturating_add(estimate.preparation)
    }
}

#[derive(Clone, Copy)]
struct Cost {
    ways: u64,
    work: u64,
}

const ONE_STEP: Cost = Cost { ways: 1, work: 1 };

impl Cost {
    /// For every way of the first, all the work of the second.
    fn then(self, second: Self) -> Self {
        Self {
            ways: self.ways.saturating_mul(second.ways),
            work: self.work.saturating_add(self.ways.saturating_mul(second.work)),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            ways: self.ways.saturating_add(other.ways),
            work: self.work.saturating_add(other.work).saturating_add(1),
        }
    }

    /// Between `min` and `max` rounds of this, left after any of them.
    fn repeated(self, min: u64, max: u64) -> Self {
        let round = self.work.saturating_add(1);
        if self.ways <= 1 {
            let ways = max.saturating_sub(min).saturating_add(1);
            return Self { ways, work: max.saturating_mul(round).saturating_add(1) };
        }
        // The ways at least double with each round, so that this ends after 64 of them.
        let mut total = Self { ways: 1, work: 1 };
        let mut ways: u64 = 1;
        for rounds in 1..=max {
            total.work = total.work.saturating_add(ways.saturating_mul(round));
            ways = ways.saturating_mul(self.ways);
            if rounds >= min {
                total.ways = total.ways.saturating_add(ways);
            }
            if ways == u64::MAX {
                return Self { ways: u64::MAX, work: u64::MAX };
            }
        }
        total
    }
}

struct Estimate<'e> {
    pattern: &'e Pattern,
    text: &'e [u16],
    units: u64,
    /// Steps of the estimate itself: nested loops are measured more than once.
    preparation: u64,
}

impl Estimate<'_> {
    fn cost(&mut self, node: &Node, direction: Direction) -> Cost {
        match node {
            Node::Place | Node::Unit(_) => ONE_STEP,
            Node::BackReference => Cost { ways: 1, work: self.units.saturating_add(1) },
            Node::Look(inside, direction) => {
                // Once it has succeeded nobody goes back into it.
                let cost = self.cost(inside, *direction);
                Cost { ways: 1, work: cost.work.saturating_add(1) }
            }
            Node::Sequence(nodes) => nodes.iter().fold(ONE_STEP, |before, node| {
                let cost = self.cost(node, direction);
                match direction {
                    Direction::Forward => before.then(cost),
                    Direction::Backward => cost.then(before),
                }
            }),
            Node::Choice(nodes) => {
                let costs: Vec<Cost> =
                    nodes.iter().map(|node| self.cost(node, direction)).collect();
                costs.into_iter().reduce(Cost::or).unwrap_or(ONE_STEP)
            }
            Node::Loop { body, min, max } => {
                let cost = self.cost(body, direction);
                let run = self.longest_run(body);
                // Only so many rounds fit into the run; one more is tried and fails. Where a round
                // can be empty, those that must be made may all be; each one beyond consumes.
                let fitting = match body.least_width() {
                    0 => min.saturating_add(run),
                    width => run / width,
                };
                let rounds = (*max).min(fitting.saturating_add(1));
                cost.repeated(*min, rounds)
            }
        }
    }

    /// The longest row of units in the text that a body could consume.
    fn longest_run(&mut self, body: &Node) -> u64 {
        let mut units = Vec::new();
        let is_known = body.collect_units(&mut units);
        let passes = count(units.len()).saturating_add(1);
        self.preparation = self.preparation.saturating_add(passes.saturating_mul(self.units));
        if !is_known || self.preparation > WORK_MAX {
            return self.units;
        }
        let mut consumable = vec![false; self.text.len()];
        for unit in units {
            let Some(Some(row)) = self.pattern.rows.get(unit) else { return self.units };
            for found in row.find_from_ucs2(self.text, 0) {
                if let Some(places) = consumable.get_mut(found.range()) {
                    places.fill(true);
                }
            }
        }
        let runs = consumable.split(|consumable| !consumable).map(<[bool]>::len);
        runs.max().map_or(0, count)
    }
}

fn count(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn work(pattern: &str, text: &str) -> u64 {
        let units = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        Effort::of(&units(pattern), 2).unwrap().on(&units(text))
    }

    #[test]
    fn patterns_that_explode_are_refused() {
        let text = ["a".repeat(60), "-".repeat(60), "0".repeat(60), " ".repeat(60)].concat();
        for pattern in [
            "(a+)+b",
            "(a*)*b",
            "(a|a)*b",
            "(?:a|aa)+$",
            "(?=(a+)+b)x",
            "(?<=b(a+)+)x",
            "(?<!b(?:a?){50}a{50})x",
            "(a?){60}a{60}",
            r"(\d+\.?)+$",
            r"^(([a-z])+.)+[A-Z]([a-z])+$",
            r"(a)(\1*)*b",
            r"(?:){4000000000}",
            r"(?:(?:(?:){9999}){9999}){9999}",
            r"\s*\s*\s*\s*\s*\s*x",
            "(.*)*(.*)*x",
            r"([^]*a){20}",
        ] {
            assert!(work(pattern, &text) > WORK_MAX, "{pattern}: {}", work(pattern, &text));
        }
    }

    #[test]
    fn patterns_of_honest_issuers_are_cheap_on_long_documents() {
        let line = "Total:  CHF 1,234,567.89 on 2026-03-15, l23 O45, Jane Doe\n";
        let text = line.repeat(400);
        for pattern in [
            r"CHF\s+(\d)",
            r"\bl(?=\d)",
            r"(\d)\s*,\s*(\d{3})",
            r"\d{1,3}(?:,\d{3})*(?:\.\d+)?",
            r"(?<year>\d{4})-(\d{2})-(\d{2})",
            r"(?<=[A-Z])0(?=[A-Z])",
            r"\b[A-Z][a-z]+ [A-Z][a-z]+\b",
            r"^\s+|\s+$",
            "[|~]",
            r".*Total:.*",
            r"(\w)\1",
            r"(?:\d{1,3},)+\d{3}",
        ] {
            assert!(work(pattern, &text) < WORK_MAX, "{pattern}: {}", work(pattern, &text));
        }
    }

    #[test]
    fn the_same_pattern_costs_what_the_text_lets_it() {
        let short = String::from("aaa b ").repeat(100);
        let long = "a".repeat(600);
        assert!(work("(a+)+b", &short) < WORK_MAX);
        assert!(work("(a+)+b", &long) > WORK_MAX);
        assert!(work("(?:[ab]|[ac])+d", &short) < WORK_MAX);
    }

    #[test]
    fn the_estimate_is_not_below_the_steps_that_are_known() {
        for size in 1..20_u32 {
            let text = "a".repeat(usize::try_from(size).unwrap());
            let n = u64::from(size);
            assert!(work("b", &text) >= n, "one look at each place");
            assert!(work("a*b", &text) >= n * (n + 1) / 2, "all pairs of places");
            assert!(work("a*a*b", &text) >= n * (n + 1) * (n + 2) / 6, "all triples");
            assert!(work("(a+)+b", &text) >= (1 << size) - 1, "all compositions of all rows");
            assert!(work("(?:a|a)*b", &text) >= (1 << size) - 1, "two ways for each unit");
        }
    }
}
