//! The firm's roll-ups and anchors, honest unless told otherwise: the part of [`World`] that a chain sees.

use witness_core::{
    checkpoint::Checkpoint,
    event::Change,
    evidence::{EvidenceBuilder, LaterAnchor, RollUpProof},
    evm::{Anchor, Word},
    hash::Hash,
    merkle::{LeafIndex, NodeSource, TreeSize, consistency_path, leaves_root},
    name::Domain,
    note::Note,
    policy::{Policy, TrustedChain},
    rollup::{Contract, RollUp, RollUpTree},
};

use crate::{
    chain::{self, BASE, ETHEREUM, block_of},
    world::{FIRM, START, World, issuer_key, rollup_key, signed},
};

impl World {
    /// Signs a roll-up over the checkpoint over all entries, with one of a log before and one of a log after it,
    /// and gives its number.
    pub(crate) fn roll_up(&mut self) -> u64 {
        self.roll_up_over(&self.checkpoint())
    }

    /// Signs a roll-up over a checkpoint.
    pub(crate) fn roll_up_over(&mut self, checkpoint: &Note) -> u64 {
        let other = |log: &str| format!("{FIRM}/{log}\n7\n{}\n", Hash::ZERO.to_base64());
        let tree = [&other("log0"), checkpoint.text(), &other("log2")].map(str::to_owned);
        let tree = RollUpTree::new(tree.iter().map(String::as_str)).unwrap();
        let sequence = u64::try_from(self.rollups.len()).unwrap();
        let rollup = RollUp {
            firm: Domain::parse(FIRM).unwrap(),
            sequence,
            logs: tree.logs(),
            root: tree.root(),
            previous: self.rollups.last().map_or(Hash::ZERO, |last| value_of(&last.note)),
            contracts: vec![ETHEREUM, BASE],
        };
        let note = signed(rollup.encode(), &[&rollup_key()]).to_string();
        let (index, path) = (LeafIndex(1), tree.path(LeafIndex(1)).unwrap());
        self.rollups.push(RollUpProof { checkpoint: checkpoint.to_string(), index, note, path });
        sequence
    }

    /// Anchors a roll-up as the next entry of a contract, in a block of this time.
    pub(crate) fn anchor(&mut self, rollup: u64, contract: Contract, time: u64) -> Anchor {
        let known = self.anchors.iter().filter(|(_, anchor)| anchor.contract == contract);
        let sequence = u64::try_from(known.count()).unwrap() + 17;
        let value = value_of(&self.rollups[usize::try_from(rollup).unwrap()].note);
        let anchor = chain::anchor(contract, sequence, &value, (sequence + 1000, time));
        self.anchors.push((rollup, anchor.clone()));
        anchor
    }

    /// [`World::policy`], which also names both contracts, and every block in which there is an anchor.
    pub(crate) fn trusting(&self) -> Policy {
        let chain = |contract| {
            let of_contract = self.anchors.iter().filter(|(_, it)| it.contract == contract);
            let mut blocks: Vec<Word> = of_contract.map(|(_, it)| block_of(it)).collect();
            blocks.sort_unstable();
            TrustedChain { contract, code_hash: Word([0xc0; 32]), blocks }
        };
        let mut policy = Self::policy();
        policy.chains = vec![chain(ETHEREUM), chain(BASE)];
        policy
    }

    /// Two documents, and a checkpoint before the first, between both, and after the second, ten minutes apart.
    /// Each is rolled up; the first one is anchored on both chains, the last one on one of them.
    pub(crate) fn anchored() -> Self {
        let mut world = Self::founded();
        let rollup = world.roll_up();
        world.anchor(rollup, BASE, START + 70);
        world.anchor(rollup, ETHEREUM, START + 90);
        for number in [1, 2] {
            world.received_us = Some((START + u64::from(number) * 600) * 1_000_000);
            world.signed_at = START + u64::from(number) * 600 + 60;
            world.submit("main", &[(number, Change::Issued, None)], &issuer_key());
            world.roll_up();
        }
        world.anchor(2, BASE, START + 1270);
        world
    }

    /// An anchor as an attachment to a file whose newest checkpoint is of size `from`.
    pub(crate) fn later(&self, from: u64, (rollup, anchor): &(u64, Anchor)) -> LaterAnchor {
        let proof = self.rollups[usize::try_from(*rollup).unwrap()].clone();
        let note = Note::parse(proof.checkpoint.as_bytes()).unwrap();
        let to = Checkpoint::parse(note.text()).unwrap().size;
        LaterAnchor {
            anchor: anchor.clone(),
            checkpoint: proof.checkpoint,
            consistency: self.history(TreeSize(from), to),
            index: proof.index,
            note: proof.note,
            path: proof.path,
        }
    }

    /// The consistency proof between two sizes; empty if the first one is not below the second.
    pub(crate) fn history(&self, from: TreeSize, to: TreeSize) -> Vec<Hash> {
        if from < to {
            consistency_path(&mut Leaves(self.leaves()), from, to).unwrap()
        } else {
            Vec::new()
        }
    }

    /// Adds roll-ups and anchors, and what makes one history of all checkpoints.
    pub(crate) fn add_chain(&self, builder: &mut EvidenceBuilder) {
        self.rollups.iter().for_each(|rollup| builder.rollup(rollup.clone()));
        self.anchors.iter().for_each(|(rollup, anchor)| builder.anchor(*rollup, anchor.clone()));
        let sizes = builder.sizes();
        for (from, to) in sizes.iter().zip(sizes.iter().skip(1)) {
            builder.consistency(*from, self.history(*from, *to));
        }
    }
}

/// What goes to the chain: SHA-256 of the text of a note.
pub(crate) fn value_of(note: &str) -> Hash {
    Hash::of(Note::parse(note.as_bytes()).unwrap().text().as_bytes())
}

struct Leaves(Vec<Hash>);

impl NodeSource for Leaves {
    type Error = std::convert::Infallible;

    fn node(&mut self, height: u32, index: u64) -> Result<Hash, Self::Error> {
        let size = 1 << height;
        let start = usize::try_from(index).unwrap() * size;
        Ok(leaves_root(&self.0[start..start + size]))
    }
}
