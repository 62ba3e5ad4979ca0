//! What the driver does when the machine says so: sign, send, prove.

use alloy_primitives::Bytes;
use witness_core::evm::Word;

use super::{Worker, WorkerError, contract_of, failed, prove};
use crate::{
    contract::{self, Revert},
    rpc::{At, Called, Sent},
    wallet::Transaction,
    worker::{
        alarm::Alarm,
        journal::Journal,
        machine::{Action, Capture, Sign},
        record::Attempt,
    },
};

impl<J: Journal + 'static> Worker<J> {
    /// Does what is to be done, in order; whether something was signed, which is to be sent.
    pub(super) async fn act(
        &mut self,
        actions: Vec<Action>,
        alarms: &mut Vec<Alarm>,
    ) -> Result<bool, WorkerError> {
        let mut is_signed = false;
        for action in actions {
            match action {
                Action::Sign(sign) => is_signed |= self.sign(&sign, alarms).await?,
                Action::Broadcast(raws) => self.broadcast(&raws, alarms).await,
                Action::Capture(capture) => self.prove(&capture, alarms).await?,
            }
        }
        Ok(is_signed)
    }

    /// Signs a commit, and writes it down; it is sent by the step after.
    async fn sign(&mut self, sign: &Sign, alarms: &mut Vec<Alarm>) -> Result<bool, WorkerError> {
        let Some(data) = contract::commit(sign.sequence, &sign.value) else {
            alarms.push(failed("signing", &"the contract is full: deploy another one"));
            return Ok(false);
        };
        if sign.is_first && !self.is_welcome(&data, alarms).await {
            return Ok(false);
        }
        let transaction = Transaction {
            chain: self.record.contract.chain,
            nonce: sign.nonce,
            gas_limit: sign.gas_limit,
            bid: sign.bid,
            to: Some(self.setup.nodes.contract()),
            data,
        };
        let signed = match self.setup.wallet.sign(transaction) {
            Ok(signed) => signed,
            Err(error) => {
                alarms.push(failed("signing", &error));
                return Ok(false);
            }
        };
        let (raw, hash) = (Bytes::from(signed.raw), Word(signed.hash.0));
        let mut record = self.record.clone();
        record.add_attempt(sign, Attempt { raw, hash, bid: sign.bid }, self.now())?;
        self.write(record, Vec::new()).await?;
        tracing::info!(sequence = sign.sequence, nonce = sign.nonce, %hash, "an anchor is signed");
        Ok(true)
    }

    /// Whether the contract would take it: it is asked before anything is signed.
    async fn is_welcome(&self, data: &Bytes, alarms: &mut Vec<Alarm>) -> bool {
        const WHAT: &str = "the trial of a commit";
        match self.setup.nodes.call(self.account(), data.clone(), At::Latest).await {
            Ok(Called::Returned(_)) => true,
            Ok(Called::Reverted(reason)) => {
                let reason = Revert::parse(&reason);
                alarms.push(failed(WHAT, &format_args!("the contract would refuse: {reason}")));
                false
            }
            Err(error) => {
                alarms.push(failed(WHAT, &error));
                false
            }
        }
    }

    /// Sends transactions to all nodes. What the nodes say decides nothing, only what is looked at next time does.
    async fn broadcast(&self, raws: &[Bytes], alarms: &mut Vec<Alarm>) {
        const WHAT: &str = "sending";
        let mut last = None;
        for raw in raws {
            last = Some(match self.setup.nodes.broadcast(raw).await {
                Ok(broadcast) => match broadcast.outcome() {
                    Ok(sent) => Ok(sent),
                    Err(Some(error)) => Err(failed(WHAT, error)),
                    Err(None) => Err(failed(WHAT, &"no node answered")),
                },
                Err(error) => Err(failed(WHAT, &error)),
            });
        }
        // Attempts before the last one may well be refused.
        match last {
            Some(Err(alarm)) => alarms.push(alarm),
            Some(Ok(Sent::InsufficientFunds)) => {
                alarms.push(failed(WHAT, &"the account cannot pay: send it money"));
            }
            Some(Ok(Sent::Accepted | Sent::NonceTooLow | Sent::Underpriced)) | None => {}
        }
    }

    async fn prove(
        &mut self,
        capture: &Capture,
        alarms: &mut Vec<Alarm>,
    ) -> Result<(), WorkerError> {
        let contract = contract_of(&self.setup.nodes);
        match prove::prove(&self.setup.nodes, contract, capture).await {
            Ok(proof) => {
                let mut record = self.record.clone();
                record.add_proof(capture.sequence, proof);
                self.write(record, Vec::new()).await
            }
            Err(error) => {
                alarms.push(failed("capturing a proof", &error));
                Ok(())
            }
        }
    }
}
