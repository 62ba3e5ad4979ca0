//! Roots and proofs that come out of RocksDB through the public faces, against two implementations that we
//! did not write: `ct-merkle` and Cloudflare's `tlog_tiles`.

use std::collections::BTreeMap;

use ct_merkle::{ConsistencyProof, InclusionProof, mem_backed_tree::MemoryBackedTree};
use sha2::Sha256;
use tokio_stream::iter;
use witness_core::hash::Hash;
use witness_tests::{Clients, Data, Issuer, Server, document, issued, pushed_back};
use witness_wire::{Bytes, v1};

/// What the server proves, by sizes and indexes.
struct Served {
    entries: Vec<Vec<u8>>,
    roots: BTreeMap<u64, Hash>,
    inclusion: BTreeMap<(u64, u64), Vec<Hash>>,
    consistency: BTreeMap<(u64, u64), Vec<Hash>>,
}

fn hashes(path: &[Bytes]) -> Vec<Hash> {
    path.iter().map(|hash| Hash::from_slice(hash).unwrap()).collect()
}

fn small(n: u64) -> usize {
    usize::try_from(n).unwrap()
}

async fn fill(server: &Server, data: &Data, size: u64) -> Clients {
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(data).stream("main");
    let missing = size - server.metric("witness_log_size");
    let requests: Vec<_> = (0..missing).map(|n| stream.next(&[issued(document(n))])).collect();
    let mut answers = clients.ingest.submit_stream(iter(requests)).await.unwrap().into_inner();
    while let Some(answer) = answers.message().await.unwrap() {
        assert_eq!(pushed_back(answer), None);
    }
    assert_eq!(server.settled(), size);
    clients
}

/// Asks for every proof of every size. The server is started anew before, so that all comes from its store.
async fn served(size: u64) -> Served {
    let data = Data::new();
    let server = data.start();
    fill(&server, &data, size).await;
    server.stop();
    let server = data.start();
    let mut clients = server.clients().await;
    let entries: Vec<_> =
        clients.entries(0).await.into_iter().map(|entry| entry.text.to_vec()).collect();
    assert_eq!(entries.len(), small(size));
    let mut proved = Served {
        entries,
        roots: BTreeMap::new(),
        inclusion: BTreeMap::new(),
        consistency: BTreeMap::new(),
    };
    for size in 1..=size {
        for index in 0..size {
            let origin = Issuer::ORIGIN.to_owned();
            let asked = v1::GetInclusionProofRequest { origin, index, size };
            let proof = clients.ledger.get_inclusion_proof(asked).await.unwrap().into_inner();
            assert_eq!(proof.size, size);
            let leaf = Hash::leaf(&proved.entries[small(index)]);
            assert_eq!(Hash::from_slice(&proof.leaf_hash), Some(leaf));
            proved.see_root(size, &proof.root);
            proved.inclusion.insert((index, size), hashes(&proof.path));
        }
        for old in 1..=size {
            let origin = Issuer::ORIGIN.to_owned();
            let asked = v1::GetConsistencyProofRequest { origin, from_size: old, to_size: size };
            let proof = clients.ledger.get_consistency_proof(asked).await.unwrap().into_inner();
            proved.see_root(old, &proof.from_root);
            proved.see_root(size, &proof.to_root);
            proved.consistency.insert((old, size), hashes(&proof.path));
        }
    }
    server.stop();
    proved
}

impl Served {
    fn see_root(&mut self, size: u64, root: &[u8]) {
        let root = Hash::from_slice(root).unwrap();
        assert_eq!(*self.roots.entry(size).or_insert(root), root, "two roots of size {size}");
    }
}

/// The proofs of `ct-merkle` are ours, and it accepts ours.
fn agrees_with_ct_merkle(served: &Served) {
    type Digest = sha2::digest::Output<Sha256>;
    let digests =
        |path: &[Hash]| path.iter().map(|hash| (*hash.as_bytes()).into()).collect::<Vec<Digest>>();
    let bytes = |path: &[Hash]| path.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>();
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut roots = BTreeMap::new();
    for (size, entry) in (1..).zip(&served.entries) {
        theirs.push(entry.clone());
        let root = theirs.root();
        assert_eq!(root.as_bytes().as_slice(), served.roots[&size].as_bytes(), "size {size}");
        for index in 0..size {
            let path = &served.inclusion[&(index, size)];
            let proof = theirs.prove_inclusion(small(index));
            assert_eq!(proof.as_bytes(), bytes(path), "{index} in {size}");
            let given = InclusionProof::<Sha256>::from_digests(&digests(path));
            root.verify_inclusion(&served.entries[small(index)], index, &given).unwrap();
        }
        roots.insert(size, root);
        for old in 1..size {
            let path = &served.consistency[&(old, size)];
            // It takes the number of additions, not the old size.
            let proof = theirs.prove_consistency(small(size - old));
            assert_eq!(proof.as_bytes(), bytes(path), "{old} to {size}");
            let given = ConsistencyProof::<Sha256>::from_digests(&digests(path));
            roots[&size].verify_consistency(&roots[&old], &given).unwrap();
        }
        assert_eq!(served.consistency[&(size, size)], [], "a size with itself");
    }
}

/// Stored hashes in the order of `tlog_tiles`.
struct Stored(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[small(*index)]).collect())
    }
}

/// The proofs of `tlog_tiles` are ours, and it accepts ours.
fn agrees_with_tlog_tiles(served: &Served) {
    let theirs = |path: &[Hash]| -> tlog_tiles::RecordProof {
        path.iter().map(|hash| tlog_tiles::Hash(*hash.as_bytes())).collect()
    };
    let mut stored = Stored(Vec::new());
    for (size, entry) in (1..).zip(&served.entries) {
        let added = tlog_tiles::stored_hashes(size - 1, entry, &stored).unwrap();
        stored.0.extend(added);
        let root = tlog_tiles::tree_hash(size, &stored).unwrap();
        assert_eq!(root.0, *served.roots[&size].as_bytes(), "size {size}");
        for index in 0..size {
            let path = theirs(&served.inclusion[&(index, size)]);
            assert!(
                tlog_tiles::prove_record(size, index, &stored).unwrap() == path,
                "{index} in {size}"
            );
            let leaf = tlog_tiles::record_hash(&served.entries[small(index)]);
            tlog_tiles::check_record(&path, size, root, index, leaf).unwrap();
        }
        for old in 1..=size {
            let path = theirs(&served.consistency[&(old, size)]);
            assert!(tlog_tiles::prove_tree(size, old, &stored).unwrap() == path, "{old} to {size}");
            let old_root = tlog_tiles::Hash(*served.roots[&old].as_bytes());
            tlog_tiles::check_tree(&path, size, root, old, old_root).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_foreign_implementations_make_the_proofs_that_the_server_hands_out() {
    let served = served(300).await;
    agrees_with_ct_merkle(&served);
    agrees_with_tlog_tiles(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_proved_is_refused_by_name() {
    let data = Data::new();
    let server = data.start();
    let size = 9;
    let mut clients = fill(&server, &data, size).await;
    let origin = Issuer::ORIGIN.to_owned();
    for (index, size, reason) in [
        (size, size, "OUT_OF_RANGE"),
        (3, 3, "OUT_OF_RANGE"),
        (0, size + 1, "NOT_FOUND"),
        (u64::MAX, u64::MAX, "NOT_FOUND"),
    ] {
        let asked = v1::GetInclusionProofRequest { origin: origin.clone(), index, size };
        let refused = clients.ledger.get_inclusion_proof(asked).await.unwrap_err();
        assert_eq!(witness_tests::reason(&refused), reason, "{index} in {size}");
    }
    for (from_size, to_size, reason) in
        [(5, 4, "OUT_OF_RANGE"), (1, size + 1, "NOT_FOUND"), (size + 1, size, "NOT_FOUND")]
    {
        let asked = v1::GetConsistencyProofRequest { origin: origin.clone(), from_size, to_size };
        let refused = clients.ledger.get_consistency_proof(asked).await.unwrap_err();
        assert_eq!(witness_tests::reason(&refused), reason, "{from_size} to {to_size}");
    }
    let asked = v1::GetConsistencyProofRequest { origin, from_size: 0, to_size: size };
    let empty = clients.ledger.get_consistency_proof(asked).await.unwrap().into_inner();
    assert_eq!(empty.path, Vec::<Bytes>::new());
    assert_eq!(empty.from_root, Hash::EMPTY_ROOT.as_bytes().as_slice());
    let elsewhere =
        v1::GetCheckpointRequest { origin: "witness.example/log2".to_owned(), which: None };
    let refused = clients.ledger.get_checkpoint(elsewhere).await.unwrap_err();
    assert_eq!(witness_tests::reason(&refused), "NOT_FOUND");
    server.stop();
}
