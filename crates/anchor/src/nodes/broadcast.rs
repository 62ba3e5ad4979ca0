//! One signed transaction to all nodes.

use crate::rpc::{NodeError, Sent};

use super::{Nodes, NodesError};

/// What the nodes said of a transaction; the worst of it is no reason not to look for its receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// What was said, by the names of the nodes.
    pub answers: Vec<(String, Result<Sent, NodeError>)>,
}

impl Broadcast {
    /// What it comes to: accepted, if any node has it; else what was said first in the order of [`Sent`]; else,
    /// if no node gave an answer that is known, what went wrong at the first.
    pub fn outcome(&self) -> Result<Sent, Option<&NodeError>> {
        let said = self.answers.iter().filter_map(|(_, answer)| answer.as_ref().ok());
        let error = || self.answers.iter().find_map(|(_, answer)| answer.as_ref().err());
        said.min().copied().ok_or_else(error)
    }
}

impl Nodes {
    /// Sends a signed transaction to all usable nodes, once, and waits for what each says. A crash or a drop in the
    /// middle is harmless to whoever keeps the raw bytes.
    pub async fn broadcast(&self, raw: &[u8]) -> Result<Broadcast, NodesError> {
        let raw: std::sync::Arc<[u8]> = raw.into();
        let heard = self.all(|node| {
            let raw = raw.clone();
            async move { node.send_raw(&raw).await }
        });
        let mut answers = Vec::new();
        let mut failures = super::Answers::default();
        for (index, answer) in heard.await {
            if let Err(error) = &answer {
                self.note(index, error, &mut failures);
            }
            answers.push((self.name_of(index).to_owned(), answer));
        }
        if answers.is_empty() {
            return Err(NodesError::NoneReachable { answers: failures });
        }
        Ok(Broadcast { answers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_that_has_it_is_enough() {
        let error = || NodeError::Malformed { node: "a".to_owned(), method: "m" };
        let outcome = |answers: &[Result<Sent, NodeError>]| {
            let answers = answers.iter().map(|it| (String::new(), it.clone())).collect();
            Broadcast { answers }.outcome().ok()
        };
        let (low, poor) = (Ok(Sent::NonceTooLow), Ok(Sent::InsufficientFunds));
        assert_eq!(outcome(&[low.clone(), Ok(Sent::Accepted)]), Some(Sent::Accepted));
        assert_eq!(outcome(&[poor.clone(), low, Err(error())]), Some(Sent::NonceTooLow));
        assert_eq!(outcome(&[poor, Ok(Sent::Underpriced)]), Some(Sent::Underpriced));
        assert_eq!(outcome(&[Err(error())]), None);
    }
}
