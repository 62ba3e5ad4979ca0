//! The DNS: where a domain's host is, and what the TXT record of `_witness.<domain>` says.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RData,
};
use witness_core::name::Domain;

use crate::{challenge::Found, https};

/// The label under a domain at which its holder speaks to witnesses.
const LABEL: &str = "_witness";
const ASK_WITHIN: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;
/// For a question as a whole, however many servers there are.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Why the challenge was not found in the DNS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsMiss {
    /// There is no TXT record.
    #[error("there is none")]
    None,
    /// There are some, and no challenge among them.
    #[error("there are {records}, and the challenge is not among them")]
    NotAmong {
        /// How many.
        records: usize,
    },
    /// There is another challenge.
    #[error(
        "another challenge is there: of another firm, for another domain, or one that is no longer good"
    )]
    Another,
    /// The resolver did not say.
    #[error("the resolver does not answer: {reason}")]
    Resolver {
        /// Why.
        reason: String,
    },
}

/// Why the address of a domain's host is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainMiss {
    /// It has none.
    #[error("the DNS knows no address of the domain")]
    None,
    /// The resolver did not say.
    #[error("the resolver does not answer for the domain's address: {reason}")]
    Resolver {
        /// Why.
        reason: String,
    },
}

/// The name whose TXT record may hold the challenge.
#[must_use]
pub fn dns_name(domain: &Domain) -> String {
    format!("{LABEL}.{domain}")
}

/// One that asks a certain server, or those of the system. It remembers nothing: who has just published must not wait
/// for an earlier "there is none" to expire. The file of hosts is this machine's and says nothing about who holds a
/// domain.
pub(crate) fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        None => TokioResolver::builder_tokio()?,
        Some(server) => {
            let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            for connection in &mut connections {
                connection.port = server.port();
            }
            let server = NameServerConfig::new(server.ip(), true, connections.to_vec());
            let config = ResolverConfig::from_name_servers(vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options: &mut ResolverOpts = builder.options_mut();
    options.timeout = ASK_WITHIN;
    options.attempts = ATTEMPTS;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    builder.build()
}

/// Looks for the challenge: a record whose strings together are it.
pub(crate) async fn look(
    resolver: &TokioResolver,
    domain: &Domain,
    line: &str,
) -> Result<(), DnsMiss> {
    // The dot at the end keeps the domains of this machine's search list out.
    let asked = resolver.txt_lookup(format!("{}.", dns_name(domain)));
    let found = match answered(asked).await {
        Ok(found) => found,
        Err(None) => return Err(DnsMiss::None),
        Err(Some(reason)) => return Err(DnsMiss::Resolver { reason }),
    };
    let texts = found.answers().iter().filter_map(|record| {
        if let RData::TXT(text) = &record.data { Some(text.txt_data.concat()) } else { None }
    });
    let texts: Vec<Vec<u8>> = texts.collect();
    match Found::among(texts.iter().map(Vec::as_slice), line) {
        Found::It => Ok(()),
        Found::Another => Err(DnsMiss::Another),
        Found::None if texts.is_empty() => Err(DnsMiss::None),
        Found::None => Err(DnsMiss::NotAmong { records: texts.len() }),
    }
}

/// Every address of a domain's host.
pub(crate) async fn addresses(
    resolver: &TokioResolver,
    domain: &Domain,
) -> Result<Vec<IpAddr>, DomainMiss> {
    match answered(resolver.lookup_ip(format!("{domain}."))).await {
        Ok(found) => Ok(found.iter().collect()),
        Err(None) => Err(DomainMiss::None),
        Err(Some(reason)) => Err(DomainMiss::Resolver { reason }),
    }
}

/// An answer; no reason means that there is no such record.
async fn answered<T>(
    asked: impl Future<Output = Result<T, NetError>>,
) -> Result<T, Option<String>> {
    match tokio::time::timeout(ANSWER_WITHIN, asked).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) if error.is_no_records_found() => Err(None),
        Ok(Err(error)) => Err(Some(https::cause_of(&error))),
        Err(_late) => Err(Some(format!("nothing within {} s", ANSWER_WITHIN.as_secs()))),
    }
}
