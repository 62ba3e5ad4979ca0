//! What witnessd's configuration needs to know of a contract: one `[[chains]]` of its TOML.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use witness_anchor::{alloy::B256, nodes::Endpoint};
use witness_core::rollup::Contract;

/// One chain of the configuration.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The contract.
    pub(super) contract: Contract,
    /// Hash of its code.
    pub(super) code_hash: B256,
    /// Where the committer's key is, if that is known here.
    pub(super) keystore: Option<PathBuf>,
    /// The block in which the contract was made.
    pub(super) first_block: u64,
    /// Where its password is.
    pub(super) password_file: Option<PathBuf>,
    /// Its nodes.
    pub(super) nodes: &'a [Endpoint],
}

impl Entry<'_> {
    /// The text.
    pub(super) fn text(&self) -> String {
        self.written(|endpoint| endpoint.url.clone())
    }

    /// The text without the addresses of nodes, which may hold keys.
    pub(super) fn shown(&self) -> String {
        self.written(|_| "https://…".to_owned())
    }

    fn written(&self, url: impl Fn(&Endpoint) -> String) -> String {
        let file = |path: &Option<PathBuf>, name: &str| match path {
            Some(path) => format!("{name} = {}\n", path_string(path)),
            None => format!("# {name} = …, of the committer's key\n"),
        };
        let mut text = format!(
            "[[chains]]\ncontract = {}\ncode_hash = {}\nfirst_block = {}\n{}{}",
            string(&self.contract.to_string()),
            string(&self.code_hash.to_string()),
            self.first_block,
            file(&self.keystore, "keystore"),
            file(&self.password_file, "password_file"),
        );
        for node in self.nodes {
            let (url, operator) = (string(&url(node)), string(&node.operator));
            // Writing to a string cannot fail.
            write!(text, "\n[[chains.nodes]]\nurl = {url}\noperator = {operator}\n").ok();
        }
        text
    }
}

fn path_string(path: &Path) -> String {
    string(&path.display().to_string())
}

/// A basic string: TOML 1.0 takes the escapes that JSON makes.
fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_what_the_configuration_takes() {
        let endpoint = |url: &str, operator: &str| Endpoint {
            url: url.to_owned(),
            operator: operator.to_owned(),
        };
        let nodes =
            [endpoint("https://a.example/KEY", "a.example"), endpoint("http://[::1]:1", "us")];
        let entry = Entry {
            contract: Contract { chain: 8453, address: [0xab; 20] },
            code_hash: B256::repeat_byte(1),
            first_block: 7,
            keystore: Some(PathBuf::from("/etc/witnessd/a \"b\".json")),
            password_file: Some(PathBuf::from("/etc/witnessd/password")),
            nodes: &nodes,
        };
        let expected = format!(
            "[[chains]]\n\
             contract = \"eip155:8453:0x{}\"\n\
             code_hash = \"0x{}\"\n\
             first_block = 7\n\
             keystore = \"/etc/witnessd/a \\\"b\\\".json\"\n\
             password_file = \"/etc/witnessd/password\"\n\
             \n\
             [[chains.nodes]]\n\
             url = \"https://a.example/KEY\"\n\
             operator = \"a.example\"\n\
             \n\
             [[chains.nodes]]\n\
             url = \"http://[::1]:1\"\n\
             operator = \"us\"\n",
            "ab".repeat(20),
            "01".repeat(32),
        );
        assert_eq!(entry.text(), expected);
        assert!(!entry.shown().contains("KEY"));
        let without = Entry { keystore: None, password_file: None, ..entry };
        assert!(without.text().contains("\n# keystore = "));
    }
}
