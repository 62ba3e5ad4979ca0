//! The table `[domains]`: how it is found out that a domain is an issuer's own.

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use witness_domain::{HTTPS_PORT, Reach, Search, Settings};

/// Whether and how domains are proved.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Domains {
    /// Whether an issuer is added only once its domain is proved.
    pub(crate) prove: bool,
    /// The resolver to ask; none means those of the system.
    pub(crate) resolver: Option<SocketAddr>,
    /// File with certificates of authorities that count beside the system's, PEM.
    pub(crate) ca: Option<PathBuf>,
    /// The port of HTTPS.
    pub(crate) https_port: u16,
    /// Whether a domain may lead to addresses that are not of the public Internet.
    pub(crate) allow_private: bool,
}

impl Default for Domains {
    fn default() -> Self {
        let (resolver, ca) = (None, None);
        Self { prove: true, resolver, ca, https_port: HTTPS_PORT, allow_private: false }
    }
}

impl Domains {
    /// For trying out: issuers are added without proof.
    pub(crate) fn unproved() -> Self {
        Self { prove: false, ..Self::default() }
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.https_port == 0 {
            bail!("[domains] https_port must be 1 to 65535, is 0; in earnest it is {HTTPS_PORT}");
        }
        Ok(())
    }

    /// What looks for challenges; nothing, where domains need not be proved.
    pub(crate) fn search(&self) -> anyhow::Result<Option<Search>> {
        if !self.prove {
            return Ok(None);
        }
        let read = |path: &PathBuf| {
            fs::read(path)
                .with_context(|| format!("[domains] ca: {} cannot be read", path.display()))
        };
        let settings = Settings {
            resolver: self.resolver,
            extra_roots_pem: self.ca.as_ref().map(read).transpose()?,
            https_port: self.https_port,
            reach: if self.allow_private { Reach::Any } else { Reach::PublicOnly },
        };
        Search::new(&settings).map(Some).context("[domains]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_proved_unless_the_configuration_says_otherwise() {
        let read = |text: &str| toml::from_str::<Domains>(text);
        assert_eq!(read("").unwrap(), Domains::default());
        assert!(Domains::default().prove && !Domains::default().allow_private);
        assert!(!read("prove = false").unwrap().prove);
        assert!(read("proof = false").is_err());
        assert!(read("resolver = \"localhost\"").is_err());
        assert!(read("https_port = 0").unwrap().check().is_err());
        assert!(Domains::unproved().search().unwrap().is_none());
    }
}
