//! A committer: an account of the development chain, whose key lies in a keystore as `witnessd` reads it.
//!
//! The keys of these accounts are known to everybody. Their keystores are weak on purpose, so that opening one
//! takes no time: scrypt with n = 1024.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::Value;
use witness_anchor::alloy::Address;

const PASSWORD: &str = "anvil";
/// Of the accounts 0 to 3.
const KEYSTORES: [&str; 4] = [
    include_str!("../vectors/keystores/0.json"),
    include_str!("../vectors/keystores/1.json"),
    include_str!("../vectors/keystores/2.json"),
    include_str!("../vectors/keystores/3.json"),
];

/// A key that may append to a contract, in files that only their user can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committer {
    /// The keystore (Web3 Secret Storage, version 3).
    pub keystore: PathBuf,
    /// The password alone on a line.
    pub password_file: PathBuf,
    /// The account.
    pub address: Address,
}

impl Committer {
    /// Puts the files of an account, 0 to 3, into a folder.
    #[must_use]
    pub fn within(folder: &Path, account: usize) -> Self {
        let keystore = KEYSTORES.get(account).expect("there are keystores of the accounts 0 to 3");
        let content: &Value = &serde_json::from_str(keystore).unwrap();
        let address = content["address"].as_str().unwrap().parse().unwrap();
        let file = |name: &str, content: &str| {
            let path = folder.join(format!("committer-{account}.{name}"));
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        Self {
            keystore: file("keystore.json", keystore),
            password_file: file("password", &format!("{PASSWORD}\n")),
            address,
        }
    }
}
