//! A signed transaction on its way to one node, and what the node says of it, in the words of all clients.

use alloy_primitives::{B256, Bytes, keccak256};
use serde_json::json;

use super::{Node, NodeError, value::hexed};

/// What a node says of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sent {
    /// The node has it, now or already.
    Accepted,
    /// The account's next nonce is beyond this one: this transaction, or another one with its nonce, is mined. No
    /// error, but a reason to look.
    NonceTooLow,
    /// It bids too little: less than the node takes, or too little more than the one that it would replace.
    Underpriced,
    /// The account cannot pay for it.
    InsufficientFunds,
}

impl Node {
    /// Sends a signed transaction, once.
    pub async fn send_raw(&self, raw: &[u8]) -> Result<Sent, NodeError> {
        let method = "eth_sendRawTransaction";
        match self.once(method, &json!([Bytes::copy_from_slice(raw)])).await {
            Ok(hash) if hexed::<B256>(&hash) == Some(keccak256(raw)) => Ok(Sent::Accepted),
            Ok(_) => Err(self.malformed(method)),
            Err(error) => {
                let message =
                    if let NodeError::Answered { message, .. } = &error { message } else { "" };
                understood(message).ok_or(error)
            }
        }
    }
}

/// What a refusal means, whoever words it; `None` if it is none of these.
fn understood(message: &str) -> Option<Sent> {
    const WORDINGS: &[(Sent, &[&str])] = &[
        (
            Sent::Accepted,
            &[
                "alreadyknown",
                "alreadyimported",
                "alreadyexists",
                "knowntransaction",
                "alreadyinmempool",
            ],
        ),
        (Sent::NonceTooLow, &["noncetoolow", "oldnonce", "noncealreadyused"]),
        (
            Sent::Underpriced,
            &[
                "underpriced",
                "feetoolow",
                "replacementnotallowed",
                "gaspricebelow",
                "lessthanblockbasefee",
                "gaspricetoolow",
                "tiptoolow",
            ],
        ),
        (
            Sent::InsufficientFunds,
            &["insufficientfunds", "exceedsaccountbalance", "insufficientbalance"],
        ),
    ];
    let letters = message.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    let says = |(_, words): &&(Sent, &[&str])| words.iter().any(|word| plain.contains(word));
    WORDINGS.iter().find(says).map(|(sent, _)| *sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_understood_in_the_words_of_all_clients() {
        let cases = [
            ("already known", Sent::Accepted), // geth, reth, erigon
            ("transaction already imported", Sent::Accepted), // anvil
            ("ALREADY_EXISTS: already known", Sent::Accepted), // erigon's pool apart
            ("AlreadyKnown", Sent::Accepted),  // Nethermind
            ("Known transaction", Sent::Accepted), // Besu
            ("nonce too low: next nonce 5, tx nonce 4", Sent::NonceTooLow), // geth, reth
            ("nonce too low", Sent::NonceTooLow), // anvil, erigon, Arbitrum
            ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", Sent::NonceTooLow), // Nethermind
            ("replacement transaction underpriced", Sent::Underpriced),                 // all
            ("transaction underpriced: gas tip cap 1, minimum needed 2", Sent::Underpriced), // geth
            ("INTERNAL_ERROR: fee too low", Sent::Underpriced),                         // erigon
            ("FeeTooLowToCompete", Sent::Underpriced), // Nethermind
            (
                "max fee per gas less than block base fee: address 0x0, maxFeePerGas: 1",
                Sent::Underpriced,
            ),
            ("insufficient funds for gas * price + value: balance 0", Sent::InsufficientFunds),
            ("Insufficient funds for gas * price + value", Sent::InsufficientFunds), // anvil
            ("Upfront cost exceeds account balance", Sent::InsufficientFunds),       // Besu
        ];
        for (message, sent) in cases {
            assert_eq!(understood(message), Some(sent), "{message}");
        }
        for unknown in ["", "invalid sender", "nonce too high", "exceeds block gas limit"] {
            assert_eq!(understood(unknown), None, "{unknown}");
        }
    }
}
