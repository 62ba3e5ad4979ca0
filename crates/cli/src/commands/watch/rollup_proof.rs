//! The proof of a misdeed of the firm: roll-ups that it signed, and what shows that they do not go together, or
//! not with its log. Anybody can check it who has this file and the firm's keys.

use anyhow::Result;
use serde::Serialize;

use super::{
    follow::Verified,
    growth::Divergence,
    proof,
    rolled::{Covering, SignedRollUp},
    state::StateFolder,
};
use crate::outcome::Failure;

const HOW_TO_CHECK: &str = "`rollup` and `other_rollup` are C2SP signed notes (c2sp.org/signed-note). Their lines: \
    format, firm, number and number of logs, root over the checkpoints of the logs in base64, SHA-256 of the text \
    of the roll-up before in base64 (zeros for number 0), contracts. Verify the signature with the firm's roll-up \
    key, which its firm notes name: then the firm made the statement. A public chain holds the SHA-256 of the text.";
const HOW_TO_CHECK_LEAVES: &str = "`checkpoints` are the leaves of `rollup`, in order, and `other_checkpoints` \
    those of `other_rollup`: hash each as SHA-256(0x00 || its three lines), build the tree of RFC 6962 section \
    2.1, and it has the root that is signed. The lines are origin, size and root of a log.";
const HOW_TO_CHECK_NEWEST: &str = "`newest` is a later C2SP checkpoint of the log `origin` \
    (c2sp.org/tlog-checkpoint), signed with the log's key.";
const HOW_TO_CHECK_PATH: &str = "`consistency_path` is an RFC 6962 consistency proof (section 2.1.2; checked as \
    in RFC 9162 section 2.1.4.2) from `prefix_root`, at the size that the roll-up states for the log, to the root of \
    `newest`: the log now begins with a tree of that root. The roll-up states another root for that size. A log that \
    only grows cannot have both.";

/// What the firm did.
#[derive(Debug)]
pub(super) enum Misdeed<'a> {
    /// A roll-up covers another tree than the log has at that size now. Without a divergence, the size is that
    /// of the newest checkpoint.
    OtherTree(&'a Covering, &'a Verified, Option<Divergence>),
    /// A roll-up covers more than the log has now.
    More(&'a Covering, &'a Verified),
    /// A roll-up covers less of the log than one before.
    Less(&'a Covering, &'a Covering),
    /// Two roll-ups of one number: what was seen, and what is shown now.
    Replaced(&'a SignedRollUp, &'a SignedRollUp),
    /// A roll-up does not name the one before it, if there is one.
    Unchained(Option<&'a SignedRollUp>, &'a SignedRollUp),
    /// A roll-up that was seen is not shown any more.
    Hidden(&'a SignedRollUp),
    /// The roll-up of this number is not shown, though a later one is.
    Skipped(u64, &'a SignedRollUp),
    /// A log stands twice under a roll-up, or out of order, or what stands there is no checkpoint.
    Disordered(&'a SignedRollUp, &'a [String]),
}

impl Misdeed<'_> {
    fn words(&self) -> String {
        match self {
            Self::OtherTree(covering, _, _) => format!(
                "THE FIRM HAS REWRITTEN ITS PAST: roll-up {} covers another tree of size {} than the log has now",
                covering.rollup.text.sequence, covering.own.size
            ),
            Self::More(covering, newest) => format!(
                "THE FIRM HAS REWRITTEN ITS PAST: roll-up {} covers {} entries of the log, which shows no more than \
                 {} now",
                covering.rollup.text.sequence, covering.own.size, newest.checkpoint.size
            ),
            Self::Less(before, covering) => format!(
                "THE ROLL-UPS RUN BACKWARDS: roll-up {} covers {} entries of the log, and roll-up {} covers {}",
                covering.rollup.text.sequence,
                covering.own.size,
                before.rollup.text.sequence,
                before.own.size
            ),
            Self::Replaced(_, now) => format!(
                "THE FIRM HAS REPLACED A ROLL-UP: two are signed under the number {}",
                now.text.sequence
            ),
            Self::Unchained(Some(before), rollup) => format!(
                "THE FIRM HAS REWRITTEN ITS ROLL-UPS: roll-up {} names another one before it than roll-up {} as it \
                 was shown",
                rollup.text.sequence, before.text.sequence
            ),
            Self::Unchained(None, _) => {
                "THE FIRM HIDES A ROLL-UP: roll-up 0 names one before it".to_owned()
            }
            Self::Hidden(rollup) => format!(
                "THE FIRM HIDES A ROLL-UP: roll-up {} was shown before, and is not any more",
                rollup.text.sequence
            ),
            Self::Skipped(sequence, later) => format!(
                "THE FIRM HIDES A ROLL-UP: roll-up {sequence} is not shown, though roll-up {} is",
                later.text.sequence
            ),
            Self::Disordered(rollup, _) => format!(
                "roll-up {} is none: under it a log stands twice or out of order, or something that is no checkpoint",
                rollup.text.sequence
            ),
        }
    }

    /// What it shows to somebody who was not there.
    fn shows(&self) -> String {
        let leaves = HOW_TO_CHECK_LEAVES;
        match self {
            Self::OtherTree(_, _, Some(_)) => {
                format!("{leaves} {HOW_TO_CHECK_NEWEST} {HOW_TO_CHECK_PATH}")
            }
            Self::OtherTree(_, _, None) => format!(
                "{leaves} {HOW_TO_CHECK_NEWEST} It states another root for the same size: a log has one tree of a \
                 size."
            ),
            Self::More(..) => format!(
                "{leaves} {HOW_TO_CHECK_NEWEST} It was the newest that the log showed, after the roll-up had been \
                 seen. The notes prove that both were signed; that no larger one was shown is the word of whoever \
                 looked."
            ),
            Self::Less(..) => {
                format!("{leaves} The later roll-up covers less of the log: a log never shrinks.")
            }
            Self::Replaced(..) => {
                "Both bear the same number and another text: each number is given once.".to_owned()
            }
            Self::Unchained(Some(_), _) => {
                "`rollup` comes next after `other_rollup`, and does not state the \
                 SHA-256 of its text: it goes on from another one of that number."
                    .to_owned()
            }
            Self::Unchained(None, _) => "The first one must state 32 zero bytes.".to_owned(),
            Self::Hidden(_) => {
                "The note proves that it was signed; that it was missing later is the word of \
                 whoever looked."
                    .to_owned()
            }
            Self::Skipped(..) => {
                "Its line about the roll-up before it leads to the one that was missing; that it \
                 was missing is the word of whoever looked."
                    .to_owned()
            }
            Self::Disordered(..) => format!(
                "{leaves} They must ascend by the bytes of the origin, each log once, so that a log cannot show two \
                 trees under one root."
            ),
        }
    }

    /// The roll-up that it is about, and the other one.
    fn rollups(&self) -> (&SignedRollUp, Option<&SignedRollUp>) {
        match self {
            Self::OtherTree(covering, _, _) | Self::More(covering, _) => (&covering.rollup, None),
            Self::Less(before, covering) => (&covering.rollup, Some(&before.rollup)),
            Self::Replaced(other, rollup) => (rollup, Some(other)),
            Self::Unchained(before, rollup) => (rollup, *before),
            Self::Hidden(rollup) | Self::Skipped(_, rollup) | Self::Disordered(rollup, _) => {
                (rollup, None)
            }
        }
    }

    /// The checkpoints under both.
    fn bodies(&self) -> (Option<&[String]>, Option<&[String]>) {
        match self {
            Self::OtherTree(covering, _, _) | Self::More(covering, _) => {
                (Some(&covering.bodies), None)
            }
            Self::Less(before, covering) => (Some(&covering.bodies), Some(&before.bodies)),
            Self::Disordered(_, bodies) => (Some(bodies), None),
            Self::Replaced(..) | Self::Unchained(..) | Self::Hidden(_) | Self::Skipped(..) => {
                (None, None)
            }
        }
    }
}

/// The file, in its own words.
#[derive(Debug, Serialize)]
struct ProofFile<'a> {
    format: &'static str,
    what: String,
    how_to_check: String,
    firm: &'a str,
    rollup: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoints: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_rollup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_checkpoints: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consistency_path: Option<Vec<String>>,
}

/// Keeps the proof that the firm did something; gives what to tell.
pub(super) fn convict(folder: &StateFolder, misdeed: &Misdeed<'_>) -> Failure {
    let name = format!("proof-rollup-{}", misdeed.rollups().0.text.sequence);
    let kept = file(misdeed).and_then(|bytes| folder.keep_proof(&name, "json", &bytes));
    let step = match kept {
        Ok(path) => format!("keep {} and show it to others: the firm signed it", path.display()),
        Err(error) => format!("the proof could not be kept: {error:#}"),
    };
    Failure::refused(misdeed.words()).next(step)
}

fn file(misdeed: &Misdeed<'_>) -> Result<Vec<u8>> {
    let (rollup, other) = misdeed.rollups();
    let (checkpoints, other_checkpoints) = misdeed.bodies();
    let (newest, shown) = match misdeed {
        Misdeed::OtherTree(_, newest, shown) => (Some(*newest), shown.as_ref()),
        Misdeed::More(_, newest) => (Some(*newest), None),
        Misdeed::Less(..)
        | Misdeed::Replaced(..)
        | Misdeed::Unchained(..)
        | Misdeed::Hidden(_)
        | Misdeed::Skipped(..)
        | Misdeed::Disordered(..) => (None, None),
    };
    let file = ProofFile {
        format: proof::FORMAT,
        what: misdeed.words(),
        how_to_check: format!("{HOW_TO_CHECK} {}", misdeed.shows()),
        firm: rollup.text.firm.as_str(),
        rollup: rollup.note.to_string(),
        checkpoints,
        other_rollup: other.map(|other| other.note.to_string()),
        other_checkpoints,
        origin: newest.map(|newest| newest.checkpoint.origin.as_str()),
        newest: newest.map(|newest| newest.note.to_string()),
        prefix_root: shown.map(|shown| shown.prefix_root.to_base64()),
        consistency_path: shown
            .map(|shown| shown.path.iter().map(|hash| hash.to_base64()).collect()),
    };
    let mut bytes = serde_json::to_vec_pretty(&file)?;
    bytes.push(b'\n');
    Ok(bytes)
}
