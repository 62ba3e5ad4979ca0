//! Asks the web and the DNS whether the holder of a domain published a challenge.
//!
//! What is here: the line to publish ([`Challenge`]), and looking for it at
//! `https://<domain>/.well-known/witness-ledger` and in the TXT record of `_witness.<domain>` ([`Search`]). What must
//! hold: whoever answers is a stranger, so answers are bounded in length and time, nothing of them is repeated but
//! numbers and the cause of an error, printable and cut short, no redirect is followed, and no address is spoken to that is not a public one, unless that is allowed on purpose.
//! An address is looked up once: the one that was checked is the one that is spoken to.
//!
//! *Not here:* when a challenge is made, how long it counts, and what follows from it; that is the service's.

mod address;
mod challenge;
mod dns;
mod https;

use std::net::SocketAddr;

use hickory_resolver::TokioResolver;
use reqwest::Certificate;
use witness_core::{name::Domain, observation::Method};

pub use self::{
    address::{Reach, is_public},
    challenge::{CHALLENGE_PREFIX, Challenge, RANDOM_BYTES},
    dns::{DnsMiss, DomainMiss, dns_name},
    https::{FILE_BYTES_MAX, HTTPS_PORT, HttpsMiss, PATH, url},
};

/// Whom to ask, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The resolver for both ways; none means those of the system.
    pub resolver: Option<SocketAddr>,
    /// Certificates of authorities that count beside the system's, PEM.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// The port of HTTPS.
    pub https_port: u16,
    /// Which addresses may be spoken to.
    pub reach: Reach,
}

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The system's resolvers are not known.
    #[error("the system names no resolver ({reason}); name one in the configuration")]
    Resolver {
        /// Why.
        reason: String,
    },
    /// The extra certificates do not read.
    #[error("the extra certificates must be PEM ({reason})")]
    Roots {
        /// Why.
        reason: String,
    },
}

/// Looks for challenges. A copy shares its resolver.
#[derive(Clone)]
pub struct Search {
    resolver: TokioResolver,
    extra_roots: Vec<Certificate>,
    https_port: u16,
    reach: Reach,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Search").field("reach", &self.reach).finish_non_exhaustive()
    }
}

/// A challenge was found nowhere: what was looked for where, and what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the challenge was not found. At {url}: {https}. In the TXT record of {dns_name}: {dns}")]
pub struct Missing {
    /// Where it was looked for over HTTPS.
    pub url: String,
    /// What came there.
    pub https: HttpsMiss,
    /// Where it was looked for in the DNS.
    pub dns_name: String,
    /// What came there.
    pub dns: DnsMiss,
}

impl Search {
    /// Makes ready; nobody is asked yet.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        // An error says that there is one already, which is what is wanted.
        rustls::crypto::ring::default_provider().install_default().ok();
        let pem = settings.extra_roots_pem.as_deref().unwrap_or_default();
        let roots = Certificate::from_pem_bundle(pem)
            .map_err(|error| SettingsError::Roots { reason: https::cause_of(&error) })?;
        if settings.extra_roots_pem.is_some() && roots.is_empty() {
            let reason = "there is none in the file".to_owned();
            return Err(SettingsError::Roots { reason });
        }
        let resolver = dns::resolver(settings.resolver)
            .map_err(|error| SettingsError::Resolver { reason: error.to_string() })?;
        let (https_port, reach) = (settings.https_port, settings.reach);
        Ok(Self { resolver, extra_roots: roots, https_port, reach })
    }

    /// Where the line is looked for over HTTPS.
    #[must_use]
    pub fn url(&self, domain: &Domain) -> String {
        url(domain, self.https_port)
    }

    /// Looks for the line: over HTTPS, and then in the DNS.
    pub async fn find(&self, domain: &Domain, line: &str) -> Result<Method, Box<Missing>> {
        let Err(https) = https::look(self, domain, line).await else { return Ok(Method::Https) };
        let Err(dns) = dns::look(&self.resolver, domain, line).await else {
            return Ok(Method::Dns);
        };
        let (url, dns_name) = (self.url(domain), dns_name(domain));
        Err(Box::new(Missing { url, https, dns_name, dns }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pem: Option<&str>) -> Settings {
        Settings {
            resolver: Some(SocketAddr::from(([127, 0, 0, 1], 53))),
            extra_roots_pem: pem.map(|pem| pem.as_bytes().to_vec()),
            https_port: HTTPS_PORT,
            reach: Reach::PublicOnly,
        }
    }

    #[test]
    fn extra_certificates_that_are_none_are_refused() {
        assert!(Search::new(&settings(None)).is_ok());
        for wrong in
            ["", "no certificate\n", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"]
        {
            assert!(
                matches!(Search::new(&settings(Some(wrong))), Err(SettingsError::Roots { .. })),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_was_looked_for_and_what_came_is_said_for_both_ways() {
        let domain = Domain::parse("school.example").unwrap();
        let missing = Missing {
            url: url(&domain, HTTPS_PORT),
            https: HttpsMiss::Status { status: 404 },
            dns_name: dns_name(&domain),
            dns: DnsMiss::None,
        };
        assert_eq!(
            missing.to_string(),
            "the challenge was not found. At https://school.example/.well-known/witness-ledger: HTTP status 404, \
             expected 200. In the TXT record of _witness.school.example: there is none"
        );
    }
}
