//! The worker on a real chain, through faults in random orders: a seed that fails becomes a test of its own.

use serde_json::json;

use crate::worker_firm::Firm;

const STEPS: usize = 40;
const SEEDS: u64 = 4;

/// A small generator of numbers that look random (G. Marsaglia, "Xorshift RNGs").
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[tokio::test]
async fn faults_in_any_order_lose_nothing_and_double_nothing() {
    for seed in 1..=SEEDS {
        let Some(firm) = Firm::start().await else { return };
        println!("seed {seed}");
        let nodes = firm.anvil.three(&firm.deployed).await;
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut worker = firm.worker().await;
        // The contract itself is final.
        firm.anvil.mine(3).await;
        let mut highest = 0;
        for step in 0..STEPS {
            let tip = nodes.latest().await.unwrap().number;
            highest = highest.max(tip);
            match random.below(10) {
                0 => drop(firm.journal.roll_up(&format!("{seed} {step}"))),
                1 => firm.anvil.mine(1).await,
                2 => firm.anvil.mine(3).await,
                3 => drop(firm.anvil.tell("anvil_dropAllTransactions", json!([])).await),
                // What is final stays.
                4 if tip + 1 >= highest && tip > 3 => firm.roll_back(1).await,
                5 if tip == highest && tip > 4 => firm.roll_back(2).await,
                6 => worker = firm.worker().await,
                _ => firm.tick(&mut worker).await,
            }
            firm.check(&worker).await;
        }
        firm.journal.roll_up("last");
        firm.anvil.mine(3).await;
        firm.tick(&mut worker).await;
        firm.finish(&mut worker).await;
        assert_eq!(worker.record().halted, None);
        let last = firm.journal.evidenced().pop().unwrap();
        assert_eq!(firm.journal.rollup_count(), last.rollup + 1, "seed {seed}");
        assert_eq!(worker.record().nonces.next, last.sequence + 1, "no nonce is lost");
    }
}
