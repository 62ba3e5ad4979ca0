//! What is signed and sent: one transaction under way, sent again until it is mined, with higher fees when due.

use alloy_primitives::Address;

use super::{Action, Sign, Turn, runway_days};
use crate::fees::Bid;
use crate::worker::{
    alarm::Alarm,
    record::{Entry, Nonces, Sending},
    seen::{At, Fees},
    time::after,
};

impl Turn<'_> {
    pub(super) fn send(&mut self) {
        let Some(latest) = self.latest() else { return };
        if latest.successor != Address::ZERO {
            let successor = latest.successor;
            return self.alarms.push(Alarm::Retired { successor });
        }
        if latest.committer != self.seen.account {
            let committer = latest.committer;
            return self.alarms.push(Alarm::NotCommitter { committer });
        }
        if !self.take_over() {
            return self.alarms.push(Alarm::KeyChanges);
        }
        if let Some(known) = self.record.newest_final.filter(|it| it.number > latest.block.number) {
            let (seen, known) = (latest.block.number, known.number);
            return self.alarms.push(Alarm::FinalWentBack { seen, known });
        }
        self.watch_balance(latest);
        self.resend(latest);
        match self.record.first_unmined().cloned() {
            Some(entry) => match &entry.sending {
                Some(sending) => self.bump(&entry, sending, latest),
                None => self.sign_planned(&entry, latest),
            },
            None => self.plan(latest),
        }
    }

    /// Whether the account is the one of the record. If the operator gave another key, what the key before signed
    /// and never got mined is signed anew, once no transaction of it can be mined any more: the contract has
    /// another committer for good.
    fn take_over(&mut self) -> bool {
        if self.is_same_account() {
            return true;
        }
        let Some(last) = self.last_final() else { return false };
        let is_done = |entry: &Entry| {
            entry.sending.is_none() || entry.place.is_none() && entry.sequence >= last.size
        };
        if last.committer != self.seen.account || !self.record.window.iter().all(is_done) {
            return false;
        }
        self.record.window.iter_mut().filter(|it| it.sending.is_some()).for_each(Entry::unsign);
        self.record.account = self.seen.account;
        self.record.nonces = Nonces { next: 0, adrift: true };
        true
    }

    /// All attempts whose nonce is not used at the newest block go out again, mined or not: a node may have
    /// dropped them, and it does no harm if it has not.
    fn resend(&mut self, latest: &At) {
        let mut raws = Vec::new();
        for sending in self.record.window.iter_mut().filter_map(|entry| entry.sending.as_mut()) {
            if sending.nonce >= latest.nonce {
                sending.first_sent_at.get_or_insert(self.now.at);
                raws.extend(sending.attempts.iter().map(|attempt| attempt.raw.clone()));
            }
        }
        if !raws.is_empty() {
            self.actions.push(Action::Broadcast(raws));
        }
    }

    /// Raises the fees of the transaction that is next, if it waits for too long.
    fn bump(&mut self, entry: &Entry, sending: &Sending, latest: &At) {
        if sending.nonce != latest.nonce || entry.sequence != latest.size {
            return;
        }
        let due = after(sending.waits_since, self.limits.bump_after);
        let due_block = sending.waits_since_block.saturating_add(self.limits.bump_after_blocks);
        if self.now.at < due || latest.block.number < due_block {
            return;
        }
        let (sequence, attempts) = (entry.sequence, sending.attempts.len());
        let Some(last) = sending.attempts.last().filter(|_| attempts <= self.limits.bumps_max)
        else {
            return self.alarms.push(Alarm::BumpsExhausted { sequence, attempts });
        };
        let Some(fees) = self.seen.fees else { return self.alarms.push(Alarm::NoFees) };
        let Ok(bid) = last.bid.raised(fees.bid) else {
            return self.alarms.push(Alarm::BumpsExhausted { sequence, attempts });
        };
        if let Some(cost) = self.affordable(sequence, (bid, fees.l1_fee), latest) {
            self.sign(entry, sending.nonce, (bid, cost), latest);
        }
    }

    /// Signs what was planned, with the newest roll-up: the payload is not frozen before.
    fn sign_planned(&mut self, entry: &Entry, latest: &At) {
        let Some((nonce, bid, cost)) = self.ready(entry.sequence, latest) else { return };
        let mut entry = entry.clone();
        if let Some(newest) = self.seen.newest {
            (entry.rollup, entry.value) = newest;
            self.record.cadence.value = Some(entry.value);
            if let Some(planned) = self.record.entry_mut(entry.sequence) {
                *planned = entry.clone();
            }
        }
        self.sign(&entry, nonce, (bid, cost), latest);
    }

    /// What a first transaction for an entry needs: its nonce, fees, and that it may be paid. `None`, and an alarm
    /// where it does not come by itself, if it is not to be signed now.
    pub(super) fn ready(&mut self, sequence: u64, latest: &At) -> Option<(u64, Bid, u128)> {
        if latest.size != sequence {
            return None;
        }
        let nonce = self.free_nonce(latest)?;
        let Some(Fees { bid, l1_fee }) = self.seen.fees else {
            self.alarms.push(Alarm::NoFees);
            return None;
        };
        let cost = self.affordable(sequence, (bid, l1_fee), latest)?;
        Some((nonce, bid, cost))
    }

    /// The nonce that is next on the chain, if nothing was or could have been signed with it.
    fn free_nonce(&mut self, latest: &At) -> Option<u64> {
        let Nonces { next, adrift } = self.record.nonces;
        let chain = latest.nonce;
        // Sent and not mined yet, or mined in a block that this view does not reach.
        if self.record.holds_nonce(chain) {
            return None;
        }
        // A nonce below the next one that the record does not hold is that of an adopted transaction which was
        // displaced: what was evidenced has used its nonce for good.
        if chain == next || adrift && chain < next {
            return Some(chain);
        }
        if adrift {
            let last = self.last_final().map_or(next, |last| last.nonce);
            self.alarms.push(Alarm::NonceUnsettled { chain, last });
        } else if chain < next {
            self.alarms.push(Alarm::NonceUnsettled { chain, last: next });
        }
        None
    }

    /// The most that a transaction with this bid can cost, if limits and balance allow it.
    fn affordable(
        &mut self,
        sequence: u64,
        (bid, l1_fee): (Bid, u128),
        latest: &At,
    ) -> Option<u128> {
        // Beyond all numbers is beyond every limit.
        let cost = bid.ceiling(self.limits.gas_limit, l1_fee).unwrap_or(u128::MAX);
        let over = self.record.over_budget((sequence, cost), self.now.at, self.limits);
        if let Some((budget, limit, need)) = over {
            self.alarms.push(Alarm::OverBudget { budget, limit, need });
            return None;
        }
        let balance = latest.balance;
        if balance < cost {
            self.alarms.push(Alarm::BalanceEmpty { balance, need: cost });
            return None;
        }
        Some(cost)
    }

    pub(super) fn sign(
        &mut self,
        entry: &Entry,
        nonce: u64,
        (bid, cost): (Bid, u128),
        latest: &At,
    ) {
        self.actions.push(Action::Sign(Sign {
            sequence: entry.sequence,
            value: entry.value,
            nonce,
            gas_limit: self.limits.gas_limit,
            bid,
            cost,
            block: latest.block.number,
            is_first: entry.sending.is_none(),
        }));
    }

    fn watch_balance(&mut self, latest: &At) {
        let days = runway_days(&self.record, self.seen, self.now.at, self.limits);
        let is_empty = latest.balance == 0;
        if let Some(days) = days.filter(|days| *days < self.limits.runway_days_min && !is_empty) {
            self.alarms.push(Alarm::BalanceLow { days });
        }
    }
}
