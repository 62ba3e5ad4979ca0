//! The names of a bundle's files: each has one form, and nothing else belongs into the folder.

use alloc::{
    format,
    string::{String, ToString},
};

use crate::{
    rollup::Contract,
    text::decimal,
    tile::{TilePath, encode_index, parse_index},
};

/// A file of a bundle, by its path in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundlePath {
    /// `bundle.json`: what the bundle holds; written last.
    Bundle,
    /// `checkpoint`: the published note of the bundle's size.
    Checkpoint,
    /// `checkpoints/<size>`: a published note of that size.
    CheckpointOf(u64),
    /// `rollups/<number>/note`: a roll-up.
    RollUp(u64),
    /// `rollups/<number>/checkpoints`: the checkpoints under it, three lines each.
    RollUpCheckpoints(u64),
    /// `anchors/eip155-<chain>-0x<address>/<number>`: an anchor, JSON.
    Anchor(Contract, u64),
    /// `tile/…`: a tile or an entry bundle (C2SP tlog-tiles).
    Tile(TilePath),
    /// `bodies/<number>`: the bodies of an entry bundle.
    Bodies(u64),
}

impl BundlePath {
    /// Parses a path; what does not re-encode to itself is refused, so that none leads out of the folder.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let parsed = match path.split_once('/') {
            None if path == "bundle.json" => Self::Bundle,
            None if path == "checkpoint" => Self::Checkpoint,
            Some(("checkpoints", size)) => Self::CheckpointOf(decimal(size)?),
            Some(("rollups", rest)) => match rest.split_once('/')? {
                (number, "note") => Self::RollUp(decimal(number)?),
                (number, "checkpoints") => Self::RollUpCheckpoints(decimal(number)?),
                _ => return None,
            },
            Some(("anchors", rest)) => {
                let (contract, number) = rest.split_once('/')?;
                let contract = Contract::parse_caip10(&contract.replacen('-', ":", 2))?;
                Self::Anchor(contract, decimal(number)?)
            }
            Some(("tile", rest)) => Self::Tile(TilePath::parse(rest)?),
            Some(("bodies", number)) => Self::Bodies(parse_index(number)?),
            None | Some(_) => return None,
        };
        (parsed.encode() == path).then_some(parsed)
    }

    /// The path, with `/` between its parts.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Bundle => "bundle.json".to_string(),
            Self::Checkpoint => "checkpoint".to_string(),
            Self::CheckpointOf(size) => format!("checkpoints/{size}"),
            Self::RollUp(number) => format!("rollups/{number}/note"),
            Self::RollUpCheckpoints(number) => format!("rollups/{number}/checkpoints"),
            // Colons cannot be in names of files everywhere.
            Self::Anchor(contract, number) => {
                format!("anchors/{}/{number}", contract.to_string().replace(':', "-"))
            }
            Self::Tile(path) => format!("tile/{}", path.encode()),
            Self::Bodies(number) => format!("bodies/{}", encode_index(*number)),
        }
    }
}

impl core::fmt::Display for BundlePath {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_one_path() {
        for path in [
            "bundle.json",
            "checkpoint",
            "checkpoints/12",
            "rollups/0/note",
            "rollups/0/checkpoints",
            "anchors/eip155-8453-0x2222222222222222222222222222222222222222/17",
            "tile/entries/x001/234",
            "tile/entries/000.p/7",
            "tile/1/000",
            "bodies/000",
            "bodies/x001/234",
        ] {
            assert_eq!(BundlePath::parse(path).map(|path| path.encode()).as_deref(), Some(path));
        }
        for wrong in [
            "",
            "bundle",
            "/checkpoint",
            "checkpoints/012",
            "checkpoints/../checkpoint",
            "rollups/0",
            "rollups/0/../note",
            "anchors/eip155:8453:0x2222222222222222222222222222222222222222/17",
            "anchors/eip155-8453-0x22/17",
            "tile/entries/0",
            "tile/../checkpoint",
            "bodies/0",
            "bodies/000.p/7",
            "bodies/x000/001",
            "bodies/",
        ] {
            assert_eq!(BundlePath::parse(wrong), None, "{wrong}");
        }
    }
}
