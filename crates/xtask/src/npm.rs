//! What comes from npm: the Solidity compiler and the development chain, of exact versions.
//!
//! Both are installed once, into the cache, without running any script of a package. Nothing that is shipped
//! needs them: ABI and bytecode of the contract are committed.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::environment::Environment;
use crate::process::{program, run};

const SOLC: &str = "solc@0.8.37";
const ANVIL: &str = "@foundry-rs/anvil@1.7.1";

const INSTALL: [&str; 6] =
    ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--prefix"];

/// The installed packages: proof that they are there.
#[derive(Debug)]
pub(crate) struct Npm {
    modules: PathBuf,
}

/// The packages, installed first where they are not there.
pub(crate) fn ensure(environment: &Environment) -> Result<Npm> {
    let folder = environment.cache.join(folder_name());
    let npm = Npm { modules: folder.join("node_modules") };
    if npm.solc().is_file() && npm.anvil()?.is_file() {
        return Ok(npm);
    }
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    eprintln!("installing {SOLC} and {ANVIL} from npm into {}", folder.display());
    let mut install = program(environment, "npm", INSTALL);
    run(install.arg(&folder).args([SOLC, ANVIL]))?;
    if !(npm.solc().is_file() && npm.anvil()?.is_file()) {
        bail!("npm has installed {SOLC} and {ANVIL}, but not their programs");
    }
    Ok(npm)
}

fn folder_name() -> String {
    let plain = |package: &str| package.replace(['@', '/'], "-").trim_matches('-').to_owned();
    format!("npm-{}-{}", plain(SOLC), plain(ANVIL))
}

impl Npm {
    /// The compiler, a module for Node.js.
    pub(crate) fn solc(&self) -> PathBuf {
        self.modules.join("solc/index.js")
    }

    /// The development chain: the program that the package for this platform holds.
    pub(crate) fn anvil(&self) -> Result<PathBuf> {
        let machine = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => bail!("anvil does not come for the processor {other}"),
        };
        let system = match std::env::consts::OS {
            "macos" => "darwin",
            system => system,
        };
        Ok(self.modules.join(format!("@foundry-rs/anvil-{system}-{machine}/bin/anvil")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_named_by_what_is_in_it() {
        assert_eq!(folder_name(), "npm-solc-0.8.37-foundry-rs-anvil-1.7.1");
    }
}
