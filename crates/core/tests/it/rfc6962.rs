//! Every case of transparency-dev/merkle is accepted or refused as it says.

use serde::Deserialize;
use witness_core::{
    hash::Hash,
    merkle::{LeafIndex, TreeSize, verify_consistency, verify_inclusion},
};

const INCLUSION: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/rfc6962/inclusion.jsonl"
));
const CONSISTENCY: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/rfc6962/consistency.jsonl"
));

/// Its roots are placeholders of 12 bytes, which no SHA-256 can be.
const SKIPPED: &str = "consistency/additional/sizes-are-equal-one-and-proof-is-empty.json";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    case: String,
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    case: String,
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

/// A hash that does not decode is refused, as a proof with it is.
fn path(proof: Option<&Vec<String>>) -> Option<Vec<Hash>> {
    proof.into_iter().flatten().map(|hash| Hash::from_base64(hash)).collect()
}

fn is_included(case: &Inclusion) -> Option<()> {
    let (leaf, root) = (Hash::from_base64(&case.leaf_hash)?, Hash::from_base64(&case.root)?);
    let (index, size) = (LeafIndex(case.leaf_idx), TreeSize(case.tree_size));
    verify_inclusion(&leaf, index, size, &path(case.proof.as_ref())?, &root).ok()
}

fn is_consistent(case: &Consistency) -> Option<()> {
    let (old, new) = (Hash::from_base64(&case.root1)?, Hash::from_base64(&case.root2)?);
    let (old, new) = ((TreeSize(case.size1), &old), (TreeSize(case.size2), &new));
    verify_consistency(old, new, &path(case.proof.as_ref())?).ok()
}

#[test]
fn inclusion_proofs_are_judged_as_published() {
    let mut count = 0;
    for line in INCLUSION.lines() {
        let case: Inclusion = serde_json::from_str(line).unwrap();
        assert_eq!(is_included(&case).is_none(), case.want_err, "{}", case.case);
        count += 1;
    }
    assert_eq!(count, 98);
}

#[test]
fn consistency_proofs_are_judged_as_published() {
    let mut count = 0;
    for line in CONSISTENCY.lines() {
        let case: Consistency = serde_json::from_str(line).unwrap();
        if case.case != SKIPPED {
            assert_eq!(is_consistent(&case).is_none(), case.want_err, "{}", case.case);
            count += 1;
        }
    }
    assert_eq!(count, 97);
}

/// The nodes of a small tree, computed anew each time.
pub(crate) struct Leaves(pub(crate) Vec<Hash>);

impl witness_core::merkle::NodeSource for Leaves {
    type Error = std::convert::Infallible;

    fn node(&mut self, height: u32, index: u64) -> Result<Hash, Self::Error> {
        let width = 1_usize << height;
        let start = usize::try_from(index).unwrap() * width;
        Ok(witness_core::merkle::leaves_root(&self.0[start..start + width]))
    }
}

fn published() -> Leaves {
    Leaves((0..7).map(|n| Hash::leaf(format!("leaf {n}").as_bytes())).collect())
}

#[test]
fn small_roots_are_the_published_ones() {
    let roots = [
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "G7l9zCFjXUfiZj79/QoXRobZjdcBNS3SzQbotD/T0wU=",
        "/F9riP+FVPdbsvnm85wxsZNtRLaSdu33sSBalVuXYeM=",
        "1Pksj7uJcg6ztVZ3x9fvrd/rENEaGoSguo8aIzN/qpU=",
        "T2MQhKFXxU9U/Psj/164ZQxLoWDClbsTqYMrEJ1SZ34=",
    ];
    for (size, expected) in (0..).zip(roots) {
        let root = witness_core::merkle::root(&mut published(), TreeSize(size)).unwrap();
        assert_eq!(root.to_base64(), expected, "{size}");
    }
}

#[test]
fn small_proofs_are_the_published_ones() {
    let proof = |old, new| {
        let path =
            witness_core::merkle::consistency_path(&mut published(), TreeSize(old), TreeSize(new));
        path.unwrap().iter().map(|hash| hash.to_base64()).collect::<Vec<_>>()
    };
    let four_to_seven = "AVcbVXvHBnJlDUZ8e62DN+CafzVKcgUfI7Q6eCwPSOY=";
    assert_eq!(proof(4, 7), [four_to_seven]);
    let three_to_seven = [
        "qze6NNHf4pAV3nF6bVdkqPsCnDp6D1tkuTtUNRiFv3w=",
        "WL0UluFoSqySAcLmh+565PUclqiw2B7zWDYouT0800U=",
        "/F9riP+FVPdbsvnm85wxsZNtRLaSdu33sSBalVuXYeM=",
        four_to_seven,
    ];
    assert_eq!(proof(3, 7), three_to_seven);
    let path =
        witness_core::merkle::inclusion_path(&mut published(), LeafIndex(6), TreeSize(7)).unwrap();
    let expected = [
        "dauSgmjIb0TaXUJBGI7XHkqrLU131tUBF9rZSoQu3gM=",
        "T2MQhKFXxU9U/Psj/164ZQxLoWDClbsTqYMrEJ1SZ34=",
    ];
    assert_eq!(path.iter().map(|hash| hash.to_base64()).collect::<Vec<_>>(), expected);
}
