//! Roots and proofs against other implementations: `ct-merkle` (0.3), Cloudflare's `tlog_tiles` (0.2), a port
//! of Go's `sumdb/tlog`, and `rs_merkle`, which builds the trees of submissions here.

use ct_merkle::{ConsistencyProof, InclusionProof, mem_backed_tree::MemoryBackedTree};
use sha2::Sha256;
use witness_core::{
    hash::Hash,
    merkle::{
        CompactRange, LeafIndex, TreeSize, consistency_path, inclusion_path, leaves_path,
        leaves_root, root, verify_consistency, verify_inclusion,
    },
    tile::{Edge, Tiled, TouchedTiles},
};

const SIZE_MAX: u64 = 300;

fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

/// All nodes, and the root of each size.
struct Ours {
    tiles: TouchedTiles,
    roots: Vec<Hash>,
}

fn ours() -> Ours {
    let (mut edge, mut tiles) = (Edge::default(), TouchedTiles::new());
    let mut range = CompactRange::default();
    let mut roots = vec![range.root()];
    for index in 0..SIZE_MAX {
        edge.push(Hash::leaf(&leaf(index)), &mut tiles);
        range.push(Hash::leaf(&leaf(index)));
        roots.push(range.root());
    }
    edge.close(&mut tiles);
    Ours { tiles, roots }
}

fn digests(path: &[Hash]) -> Vec<sha2::digest::Output<Sha256>> {
    path.iter().map(|hash| (*hash.as_bytes()).into()).collect()
}

#[test]
fn ct_merkle_has_the_same_roots_and_takes_our_proofs_as_we_take_its() {
    let Ours { mut tiles, roots } = ours();
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut old_roots = vec![theirs.root()];
    for size in 1..=SIZE_MAX {
        theirs.push(leaf(size - 1));
        let their_root = theirs.root();
        let our_root = roots[usize::try_from(size).unwrap()];
        assert_eq!(their_root.as_bytes().as_slice(), our_root.as_bytes(), "{size}");
        let source = &mut Tiled(&mut tiles);
        assert_eq!(root(source, TreeSize(size)).unwrap(), our_root, "{size}");
        for index in 0..size {
            let path = inclusion_path(source, LeafIndex(index), TreeSize(size)).unwrap();
            let proof = theirs.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(
                proof.as_bytes(),
                path.iter().flat_map(|h| *h.as_bytes()).collect::<Vec<_>>()
            );
            let hash = Hash::leaf(&leaf(index));
            verify_inclusion(&hash, LeafIndex(index), TreeSize(size), &path, &our_root).unwrap();
            let given = InclusionProof::<Sha256>::from_digests(&digests(&path));
            their_root.verify_inclusion(&leaf(index), index, &given).unwrap();
        }
        for old in 1..size {
            let path = consistency_path(source, TreeSize(old), TreeSize(size)).unwrap();
            let additions = usize::try_from(size - old).unwrap();
            let proof = theirs.prove_consistency(additions);
            assert_eq!(
                proof.as_bytes(),
                path.iter().flat_map(|h| *h.as_bytes()).collect::<Vec<_>>()
            );
            let before = usize::try_from(old).unwrap();
            let pair = ((TreeSize(old), &roots[before]), (TreeSize(size), &our_root));
            verify_consistency(pair.0, pair.1, &path).unwrap();
            let given = ConsistencyProof::<Sha256>::from_digests(&digests(&path));
            their_root.verify_consistency(&old_roots[before], &given).unwrap();
        }
        old_roots.push(their_root);
    }
}

/// Stored hashes in the order of `tlog_tiles`.
struct Stored(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

fn theirs(path: &[Hash]) -> Vec<tlog_tiles::Hash> {
    path.iter().map(|hash| tlog_tiles::Hash(*hash.as_bytes())).collect()
}

#[test]
fn tlog_tiles_has_the_same_roots_and_takes_our_proofs_as_we_take_its() {
    let Ours { mut tiles, roots } = ours();
    let mut stored = Stored(Vec::new());
    for size in 1..=SIZE_MAX {
        let added = tlog_tiles::stored_hashes(size - 1, &leaf(size - 1), &stored).unwrap();
        stored.0.extend(added);
        let our_root = roots[usize::try_from(size).unwrap()];
        let their_root = tlog_tiles::tree_hash(size, &stored).unwrap();
        assert_eq!(their_root.0, *our_root.as_bytes(), "{size}");
        let source = &mut Tiled(&mut tiles);
        for index in 0..size {
            let path = theirs(&inclusion_path(source, LeafIndex(index), TreeSize(size)).unwrap());
            let proof = tlog_tiles::prove_record(size, index, &stored).unwrap();
            assert!(proof == path, "{index} of {size}");
            let hash = tlog_tiles::record_hash(&leaf(index));
            tlog_tiles::check_record(&path, size, their_root, index, hash).unwrap();
        }
        for old in 1..=size {
            let path = theirs(&consistency_path(source, TreeSize(old), TreeSize(size)).unwrap());
            let proof = tlog_tiles::prove_tree(size, old, &stored).unwrap();
            assert!(proof == path, "{old} to {size}");
            let old_root = tlog_tiles::Hash(*roots[usize::try_from(old).unwrap()].as_bytes());
            tlog_tiles::check_tree(&path, size, their_root, old, old_root).unwrap();
        }
    }
}

#[test]
fn the_trees_of_submissions_are_the_same_trees() {
    let Ours { mut tiles, roots } = ours();
    let leaves: Vec<Hash> = (0..200).map(|index| Hash::leaf(&leaf(index))).collect();
    for size in 1..=leaves.len() {
        let small = &leaves[..size];
        assert_eq!(leaves_root(small), roots[size], "{size}");
        let size = TreeSize(u64::try_from(size).unwrap());
        for index in 0..size.0 {
            let path = leaves_path(small, LeafIndex(index)).unwrap();
            let expected = inclusion_path(&mut Tiled(&mut tiles), LeafIndex(index), size).unwrap();
            assert_eq!(path, expected, "{index} of {size}");
        }
        assert_eq!(leaves_path(small, size.next()), None);
    }
    assert_eq!(leaves_root(&[]), Hash::EMPTY_ROOT);
}

#[test]
fn a_consistency_proof_that_is_longer_shorter_or_altered_is_refused() {
    let Ours { mut tiles, roots } = ours();
    for new in 1..=40_u64 {
        for old in 1..=new {
            let source = &mut Tiled(&mut tiles);
            let path = consistency_path(source, TreeSize(old), TreeSize(new)).unwrap();
            let root_of = |size| &roots[usize::try_from(size).unwrap()];
            let check = |path: &[Hash]| {
                let (old, new) = ((TreeSize(old), root_of(old)), (TreeSize(new), root_of(new)));
                verify_consistency(old, new, path).is_ok()
            };
            assert!(check(&path));
            assert!(!check(&[path.as_slice(), &[Hash::ZERO]].concat()), "{old} to {new}, longer");
            for at in 0..path.len() {
                let mut altered = path.clone();
                altered[at] = Hash::ZERO;
                assert!(!check(&altered), "{old} to {new}, altered at {at}");
                altered.remove(at);
                assert!(!check(&altered), "{old} to {new}, without {at}");
            }
        }
    }
}
