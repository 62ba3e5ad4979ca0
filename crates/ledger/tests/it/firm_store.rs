//! The firm's store: roll-ups and anchors are found again, before and after it was closed.

use witness_core::{
    checkpoint::Checkpoint,
    hash::Hash,
    key::{SignatureType, SigningKey},
    merkle::{LeafIndex, TreeSize},
    name::{Domain, Origin},
    note::Note,
    rollup::{Contract, RollUp, RollUpTree},
    time::Timestamp,
};
use witness_ledger::{AnchorCell, FirmStore, RollUpCell, StoreError};

const CONTRACT: Contract = Contract { chain: 31_337, address: [7; 20] };
/// A neighbour whose keys begin alike.
const OTHER: Contract = Contract { chain: 31_337, address: [8; 20] };

fn origin(log: &str) -> Origin {
    Origin::parse(&format!("witness.example/{log}")).unwrap()
}

/// The next roll-up over logs of these sizes.
fn next(store: &FirmStore, sizes: &[(&str, u64)]) -> RollUpCell {
    let before = store.newest_rollup().unwrap();
    let checkpoints = sizes.iter().map(|(log, size)| {
        let (origin, size) = (origin(log).to_string(), TreeSize(*size));
        Checkpoint { root: Hash::of(log.as_bytes()), origin, size }.encode()
    });
    let checkpoints: Vec<String> = checkpoints.collect();
    let tree = RollUpTree::new(checkpoints.iter().map(String::as_str)).unwrap();
    let text = RollUp {
        firm: Domain::parse("witness.example").unwrap(),
        sequence: before.as_ref().map_or(0, |(sequence, _)| sequence + 1),
        logs: tree.logs(),
        root: tree.root(),
        previous: before.map_or(Hash::ZERO, |(_, cell)| cell.text().unwrap().value()),
        contracts: vec![CONTRACT],
    };
    let key = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[3; 32]).unwrap();
    let text = text.encode();
    let signature = key.sign(&text, Timestamp::EPOCH);
    let note = Note::new(text, vec![signature]).to_string();
    RollUpCell { made_at: Timestamp::from_micros(5), note, checkpoints }
}

fn anchor(sequence: u64, rollup: u64) -> AnchorCell {
    let anchor = format!("{{\"sequence\":\"{sequence}\"}}");
    AnchorCell { rollup, sequence, block: 9, block_hash: [1; 32], time: 11, anchor }
}

fn open(folder: &tempfile::TempDir) -> FirmStore {
    let key = SigningKey::from_seed("witness.example", SignatureType::Ed25519, &[9; 32]).unwrap();
    FirmStore::open(folder.path(), key.verifying_key()).unwrap()
}

#[test]
fn a_rollup_is_found_by_number_value_and_entry() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    assert_eq!(store.newest_rollup().unwrap(), None);
    let mut made = Vec::new();
    for sizes in [&[("a", 3), ("b", 1)][..], &[("a", 3), ("b", 4)], &[("a", 9), ("b", 4)]] {
        let cell = next(&store, sizes);
        store.append_rollup(&cell).unwrap();
        made.push(cell);
    }
    drop(store);
    let store = open(&folder);
    assert_eq!(store.newest_rollup().unwrap(), Some((2, made[2].clone())));
    for (sequence, cell) in (0..).zip(&made) {
        assert_eq!(store.rollup(sequence).unwrap().as_ref(), Some(cell));
        assert_eq!(store.rollup_of(&cell.text().unwrap().value()).unwrap(), Some(sequence));
    }
    assert_eq!(store.rollup(3).unwrap(), None);
    let over = |log, index| store.rollup_over(&origin(log), LeafIndex(index)).unwrap();
    let expected = [Some(0), Some(0), Some(0), Some(2), Some(2)];
    assert_eq!([0, 1, 2, 3, 8].map(|index| over("a", index)), expected);
    assert_eq!([0, 1, 3, 4].map(|index| over("b", index)), [Some(0), Some(1), Some(1), None]);
    assert_eq!(over("a", 9), None, "the next pair in the store is another log's");
    assert_eq!(over("c", 0), None);
    let newest = |log| {
        let newest = store.newest_rolled_up(&origin(log)).unwrap();
        newest.map(|(sequence, checkpoint)| (sequence, checkpoint.size.0))
    };
    assert_eq!([newest("a"), newest("b"), newest("c")], [Some((2, 9)), Some((1, 4)), None]);
    let (index, checkpoint) = made[1].checkpoint_of(&origin("b")).unwrap();
    assert_eq!((index, checkpoint.size), (LeafIndex(1), TreeSize(4)));
    assert_eq!(made[1].checkpoint_of(&origin("c")), None);
}

#[test]
fn only_the_next_rollup_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let first = next(&store, &[("a", 1)]);
    store.append_rollup(&first).unwrap();
    assert!(matches!(store.append_rollup(&first), Err(StoreError::HeadMoved)));
    let damaged = RollUpCell { note: "x".to_owned(), ..next(&store, &[("a", 2)]) };
    assert!(matches!(store.append_rollup(&damaged), Err(StoreError::Damaged { .. })));
    assert_eq!(store.newest_rollup().unwrap(), Some((0, first)));
}

#[test]
fn anchors_are_found_on_both_sides_of_a_rollup_and_of_their_contract_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let anchors = store.anchors_of(CONTRACT);
    assert_eq!(anchors.record().unwrap(), None);
    anchors.write("one", &[]).unwrap();
    // Roll-up 4 came to the chain twice.
    anchors.write("two", &[anchor(0, 2), anchor(1, 4), anchor(2, 4)]).unwrap();
    store.anchors_of(OTHER).write("other", &[anchor(0, 3), anchor(1, 900)]).unwrap();
    let before = store.anchors_of(Contract { chain: 1, address: [7; 20] });
    before.write("before", &[anchor(7, 0)]).unwrap();
    drop(store);
    let store = open(&folder);
    let anchors = store.anchors_of(CONTRACT);
    assert_eq!(anchors.record().unwrap().as_deref(), Some("two"));
    assert_eq!(anchors.get(1).unwrap(), Some(anchor(1, 4)));
    assert_eq!(anchors.get(3).unwrap(), None);
    assert_eq!(anchors.from(1, 9).unwrap(), [anchor(1, 4), anchor(2, 4)]);
    assert_eq!(anchors.from(0, 2).unwrap(), [anchor(0, 2), anchor(1, 4)]);
    let sequence = |cell: Option<AnchorCell>| cell.map(|cell| cell.sequence);
    let after = [0, 2, 3, 4, 5].map(|rollup| sequence(anchors.at_or_after(rollup).unwrap()));
    assert_eq!(after, [Some(0), Some(0), Some(1), Some(1), None]);
    let before = [0, 2, 3, 4, 5].map(|rollup| sequence(anchors.before(rollup).unwrap()));
    assert_eq!(before, [None, None, Some(0), Some(0), Some(1)]);
}
