//! The contracts of a policy: whose anchors count, and which blocks are believed to be on their chains.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use crate::{evm::Word, rollup::Contract};

/// Most contracts of a policy.
pub const CHAINS_MAX: usize = 64;
/// Most blocks of one contract in a policy.
pub const BLOCKS_MAX: usize = 4096;

/// A contract whose anchors count, once somebody knows that their block is on the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedChain {
    /// The contract, and with it the chain.
    pub contract: Contract,
    /// Keccak-256 of its code, for whoever asks a node: evidence alone does not show the code.
    pub code_hash: Word,
    /// Hashes of blocks that are on the chain for good, ascending, each once.
    pub blocks: Vec<Word>,
}

/// Why the contracts of a policy were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A contract that does not parse.
    #[error(
        "policy, chains[{position}], contract: must be eip155:<chain>:0x<address>, in lower case"
    )]
    Contract {
        /// Position in `chains`.
        position: usize,
    },
    /// A hash that does not parse.
    #[error(
        "policy, chains[{position}], {member}: must be 0x and 64 lower-case hexadecimal digits"
    )]
    Hash {
        /// Position in `chains`.
        position: usize,
        /// Name of the member.
        member: &'static str,
    },
    /// Not ascending by contract, or a contract twice.
    #[error(
        "policy, chains[{position}]: must come after the one before it by chain and address, each contract once"
    )]
    Order {
        /// Position in `chains`.
        position: usize,
    },
    /// Blocks that are not ascending, or twice.
    #[error("policy, chains[{position}], blocks: must ascend, each once")]
    BlockOrder {
        /// Position in `chains`.
        position: usize,
    },
    /// Too many contracts.
    #[error("policy, chains: must be at most {CHAINS_MAX}")]
    TooManyChains,
    /// Too many blocks.
    #[error("policy, chains[{position}], blocks: must be at most {BLOCKS_MAX}")]
    TooManyBlocks {
        /// Position in `chains`.
        position: usize,
    },
}

/// The members in the order of their names, which is the canonical one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChainMembers {
    blocks: Vec<String>,
    code_hash: String,
    contract: String,
}

impl ChainMembers {
    pub(super) fn of(trusted: &TrustedChain) -> Self {
        Self {
            blocks: trusted.blocks.iter().map(ToString::to_string).collect(),
            code_hash: trusted.code_hash.to_string(),
            contract: trusted.contract.to_string(),
        }
    }

    fn read(&self, position: usize) -> Result<TrustedChain, ChainError> {
        if self.blocks.len() > BLOCKS_MAX {
            return Err(ChainError::TooManyBlocks { position });
        }
        let word =
            |member, text: &String| Word::parse(text).ok_or(ChainError::Hash { position, member });
        let contract = Contract::parse_caip10(&self.contract);
        let contract = contract.ok_or(ChainError::Contract { position })?;
        let code_hash = word("code_hash", &self.code_hash)?;
        let blocks = self.blocks.iter().map(|text| word("blocks", text));
        let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
        if blocks.is_sorted_by(|a, b| a < b) {
            Ok(TrustedChain { contract, code_hash, blocks })
        } else {
            Err(ChainError::BlockOrder { position })
        }
    }
}

/// Reads the member `chains`.
pub(super) fn read_chains(members: &[ChainMembers]) -> Result<Vec<TrustedChain>, ChainError> {
    if members.len() > CHAINS_MAX {
        return Err(ChainError::TooManyChains);
    }
    let mut chains: Vec<TrustedChain> = Vec::with_capacity(members.len());
    for (position, chain) in members.iter().enumerate() {
        let chain = chain.read(position)?;
        if chains.last().is_some_and(|last| last.contract >= chain.contract) {
            return Err(ChainError::Order { position });
        }
        chains.push(chain);
    }
    Ok(chains)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        key::{SignatureType, SigningKey},
        policy::{Policy, PolicyError},
    };
    use alloc::{format, vec};

    fn word(byte: u8) -> Word {
        Word([byte; 32])
    }

    fn chain(chain: u64, blocks: Vec<Word>) -> TrustedChain {
        let contract = Contract { chain, address: [0xab; 20] };
        TrustedChain { contract, code_hash: word(0xcc), blocks }
    }

    fn with(chains: Vec<TrustedChain>) -> String {
        let root = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[1; 32]);
        let policy = Policy::for_firm(root.unwrap().verifying_key().clone());
        Policy { chains, ..policy }.encode()
    }

    fn parse(text: &str) -> Result<Vec<TrustedChain>, PolicyError> {
        Policy::parse(text.as_bytes()).map(|policy| policy.chains)
    }

    #[test]
    fn contracts_with_their_blocks_read_back() {
        // Ascending by the number of the chain, not by its digits.
        let chains = vec![
            chain(1, vec![word(1), word(2)]),
            chain(10, Vec::new()),
            chain(9_000, vec![word(7)]),
        ];
        let text = with(chains.clone());
        let first = format!(
            r#"{{"chains":[{{"blocks":["{}","{}"],"code_hash":"{}","contract":"eip155:1:0x{}"}},"#,
            word(1),
            word(2),
            word(0xcc),
            "ab".repeat(20)
        );
        assert!(text.starts_with(&first), "{text}");
        assert_eq!(parse(&text), Ok(chains));
    }

    #[test]
    fn each_wrong_member_is_named() {
        let good = with(vec![chain(1, vec![word(1), word(2)]), chain(10, Vec::new())]);
        let hash = |member| ChainError::Hash { position: 0, member };
        let cases = [
            ("eip155:10:", "eip155:010:", ChainError::Contract { position: 1 }),
            ("eip155:10:0xab", "eip155:10:0xAB", ChainError::Contract { position: 1 }),
            ("eip155:10:", "eip155:1:", ChainError::Order { position: 1 }),
            ("eip155:1:", "eip155:11:", ChainError::Order { position: 1 }),
            ("\"0xcccc", "\"0xCCCC", hash("code_hash")),
            ("\"0xcccc", "\"cccc", hash("code_hash")),
            ("\"0x0101", "\"0x01", hash("blocks")),
            ("\"0x0101", "\"0x0301", ChainError::BlockOrder { position: 0 }),
        ];
        for (from, to, expected) in cases {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            assert_eq!(parse(&text), Err(PolicyError::Chain(expected)), "{to}");
        }
        let twice = with(vec![chain(1, vec![word(1), word(1)])]);
        assert_eq!(parse(&twice), Err(ChainError::BlockOrder { position: 0 }.into()));
        for (from, to) in [("\"code_hash\"", "\"code\""), ("\"blocks\":[", "\"blocks\":[0,")] {
            let text = good.replacen(from, to, 1);
            assert!(matches!(parse(&text), Err(PolicyError::Shape { .. })), "{to}");
        }
    }

    #[test]
    fn there_are_not_too_many() {
        let chains = |size| (0..size).map(|n| chain(n, Vec::new())).collect();
        assert!(parse(&with(chains(64))).is_ok());
        assert_eq!(parse(&with(chains(65))), Err(ChainError::TooManyChains.into()));
        let number = |n: u16| {
            let mut word = [0; 32];
            word[..2].copy_from_slice(&n.to_be_bytes());
            Word(word)
        };
        let blocks = |size| vec![chain(1, (0..size).map(number).collect())];
        assert!(parse(&with(blocks(4096))).is_ok());
        let refused = parse(&with(blocks(4097)));
        assert_eq!(refused, Err(ChainError::TooManyBlocks { position: 0 }.into()));
    }
}
