//! Roll-ups: one root over the latest published checkpoints of all logs of a firm, for a public chain.
//!
//! The note is signed with the firm's roll-up key; what goes to the chain is the SHA-256 of its text, because a
//! bare root could be read under another number or another firm. What must hold: each log stands in a roll-up at
//! most once, in the order of the origins' bytes, so that two neighbours prove that a third one is not there.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use crate::{
    checkpoint::Checkpoint,
    encoding,
    hash::Hash,
    merkle::{self, LeafIndex},
    name::Domain,
    text::{Lines, Malformed, as_written, decimal, words},
};

const FORMAT: &str = "witness-rollup/v1";
const TEXT_BYTES_MAX: usize = 4096;

/// A contract on an EVM chain to which a roll-up goes (CAIP-10: `eip155:<chain>:<address>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contract {
    /// Number of the chain (EIP-155).
    pub chain: u64,
    /// Address of the contract.
    pub address: [u8; 20],
}

impl Contract {
    /// Parses `eip155:<chain>:0x<address>`, in lower case.
    #[must_use]
    pub fn parse_caip10(account: &str) -> Option<Self> {
        let (chain, address) = account.strip_prefix("eip155:")?.split_once(":0x")?;
        Some(Self { chain: decimal(chain)?, address: encoding::from_hex(address)? })
    }

    fn parse(line: &str) -> Option<Self> {
        let [word, account] = words(line)?;
        (word == "contract").then(|| Self::parse_caip10(account))?
    }

    fn encode(&self) -> String {
        format!("contract {self}\n")
    }
}

/// `eip155:<chain>:0x<address>`
impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eip155:{}:0x{}", self.chain, encoding::hex(&self.address))
    }
}

/// The text of a roll-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollUp {
    /// The firm.
    pub firm: Domain,
    /// Number of the roll-up, from 0; not the number that a chain gives it.
    pub sequence: u64,
    /// Number of logs.
    pub logs: u64,
    /// Root over their checkpoints.
    pub root: Hash,
    /// SHA-256 of the text of the roll-up before; zero for the first.
    pub previous: Hash,
    /// Where it goes; nowhere if there is no chain.
    pub contracts: Vec<Contract>,
}

impl RollUp {
    /// Parses the text of a note.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lines = Lines::open(FORMAT, text.as_bytes(), TEXT_BYTES_MAX)?;
        let firm = lines.parse("the firm's domain in lower-case A-label form", Domain::parse)?;
        let [sequence, logs] = lines.parse("the sequence and the number of logs", |line| {
            let [sequence, logs] = words(line)?;
            Some([decimal(sequence)?, decimal(logs)?])
        })?;
        let root = lines.parse("the root over the checkpoints in base64", Hash::from_base64)?;
        let previous =
            lines.parse("the hash of the roll-up before in base64", Hash::from_base64)?;
        let mut contracts = Vec::new();
        while !lines.is_at_end() {
            contracts.push(lines.parse("contract eip155:<chain>:0x<address>", Contract::parse)?);
        }
        let read = Self { firm, sequence, logs, root, previous, contracts };
        as_written(read, Self::encode, (text, FORMAT))
    }

    /// The text that is signed.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut contracts: Vec<String> = self.contracts.iter().map(Contract::encode).collect();
        contracts.sort_unstable();
        contracts.dedup();
        let Self { firm, sequence, logs, .. } = self;
        let (root, previous) = (self.root.to_base64(), self.previous.to_base64());
        format!("{FORMAT}\n{firm}\n{sequence} {logs}\n{root}\n{previous}\n{}", contracts.concat())
    }

    /// What goes to the chain, and what the next roll-up names as the one before.
    #[must_use]
    pub fn value(&self) -> Hash {
        Hash::of(self.encode().as_bytes())
    }
}

/// Why checkpoints cannot be rolled up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RollUpError {
    /// Not the three lines of a checkpoint, as they are signed.
    #[error("checkpoint {position} of a roll-up must be three lines: origin, size, root")]
    NotACheckpoint {
        /// Its position in the list.
        position: usize,
    },
    /// Out of order, or of a log that is there already.
    #[error("the checkpoints of a roll-up must ascend by origin, each log once: see {position}")]
    Order {
        /// Its position in the list.
        position: usize,
    },
}

/// The latest checkpoints of a firm's logs, in order: the leaves of a roll-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollUpTree {
    leaves: Vec<Hash>,
}

impl RollUpTree {
    /// From the texts of the checkpoints, as they are signed.
    pub fn new<'a>(bodies: impl IntoIterator<Item = &'a str>) -> Result<Self, RollUpError> {
        let mut leaves = Vec::new();
        let mut last: Option<String> = None;
        for (position, body) in bodies.into_iter().enumerate() {
            let checkpoint = Checkpoint::parse(body).ok();
            let checkpoint = checkpoint.filter(|checkpoint| checkpoint.encode() == body);
            let origin = checkpoint.ok_or(RollUpError::NotACheckpoint { position })?.origin;
            if last.as_ref().is_some_and(|last| last.as_bytes() >= origin.as_bytes()) {
                return Err(RollUpError::Order { position });
            }
            last = Some(origin);
            leaves.push(Hash::leaf(body.as_bytes()));
        }
        Ok(Self { leaves })
    }

    /// Number of logs.
    #[must_use]
    pub fn logs(&self) -> u64 {
        u64::try_from(self.leaves.len()).unwrap_or(u64::MAX)
    }

    /// Root over the checkpoints (RFC 6962 section 2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        merkle::leaves_root(&self.leaves)
    }

    /// Inclusion path of one log's checkpoint.
    #[must_use]
    pub fn path(&self, index: LeafIndex) -> Option<Vec<Hash>> {
        merkle::leaves_path(&self.leaves, index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{TreeSize, verify_inclusion};
    use alloc::{string::ToString as _, vec};

    fn body(log: &str) -> String {
        format!("witness.example/{log}\n7\n{}\n", Hash::of(log.as_bytes()).to_base64())
    }

    fn rollup() -> RollUp {
        let tree = RollUpTree::new([body("a").as_str(), &body("b")]).unwrap();
        RollUp {
            firm: Domain::parse("witness.example").unwrap(),
            sequence: 3,
            logs: tree.logs(),
            root: tree.root(),
            previous: Hash::of(b"before"),
            contracts: vec![
                Contract { chain: 1, address: [0xab; 20] },
                Contract { chain: 8453, address: [0x01; 20] },
            ],
        }
    }

    #[test]
    fn a_rollup_reads_back_and_begins_like_no_leaf_and_no_node() {
        let text = rollup().encode();
        assert_eq!(RollUp::parse(&text), Ok(rollup()));
        assert!(text.starts_with("witness-rollup/v1\nwitness.example\n3 2\n"), "{text}");
        assert!(text.ends_with(&format!("\ncontract eip155:8453:0x{}\n", "01".repeat(20))));
        let nowhere = RollUp { contracts: Vec::new(), ..rollup() };
        assert_eq!(RollUp::parse(&nowhere.encode()), Ok(nowhere));
    }

    #[test]
    fn a_contract_has_one_form() {
        let text = format!("eip155:8453:0x{}", "0a".repeat(20));
        let contract = Contract { chain: 8453, address: [0x0a; 20] };
        assert_eq!(Contract::parse_caip10(&text), Some(contract));
        assert_eq!(contract.to_string(), text);
        let wrong = [
            text.replace("8453", "08453"),
            text.replace("8453", ""),
            text.replace("0a", "0A"),
            text.replace("0x0a", "0x"),
            text.replace("0x", ""),
            text.replace("eip155:", "eip155"),
            text.clone() + "0a",
            text + " ",
        ];
        for text in wrong {
            assert_eq!(Contract::parse_caip10(&text), None, "{text}");
        }
    }

    #[test]
    fn what_would_be_written_otherwise_is_refused() {
        let text = rollup().encode();
        let wrong = [
            text.replace("eip155:1:", "eip155:01:"),
            text.replace("0xab", "0xAB"),
            text.replace("eip155:1:0x", "eip155:1:"),
            text.replace("3 2", "3  2"),
            text.replace("contract eip155:8453", "contract solana:8453"),
            text.trim_end().to_string(),
            text.clone() + &format!("contract eip155:1:0x{}\n", "ab".repeat(20)),
            text.replace("/v1", "/v2"),
        ];
        for text in wrong {
            assert!(RollUp::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_log_stands_once_and_in_order_and_is_proved() {
        for size in 0..12_u8 {
            let bodies: Vec<String> =
                (0..size).map(|n| body(&char::from(b'a' + n).to_string())).collect();
            let tree = RollUpTree::new(bodies.iter().map(String::as_str)).unwrap();
            for (index, body) in (0..).map(LeafIndex).zip(&bodies) {
                let path = tree.path(index).unwrap();
                let (leaf, size) = (Hash::leaf(body.as_bytes()), TreeSize(tree.logs()));
                verify_inclusion(&leaf, index, size, &path, &tree.root()).unwrap();
            }
            assert_eq!(tree.path(LeafIndex(tree.logs())), None);
        }
        assert_eq!(RollUpTree::new([]).unwrap().root(), Hash::EMPTY_ROOT);
        let (a, b) = (body("a"), body("b"));
        let order = |bodies: [&str; 2]| RollUpTree::new(bodies).unwrap_err();
        assert_eq!(order([&b, &a]), RollUpError::Order { position: 1 });
        assert_eq!(order([&a, &a]), RollUpError::Order { position: 1 });
        let extended = b + "extension\n";
        assert_eq!(order([&a, &extended]), RollUpError::NotACheckpoint { position: 1 });
    }
}
