//! HTTPS: what `https://<domain>/.well-known/witness-ledger` says (RFC 8615).

use std::{net::SocketAddr, time::Duration};

use reqwest::{Client, Response, StatusCode, Url, redirect};
use witness_core::name::Domain;

use crate::{
    Search,
    challenge::Found,
    dns::{self, DomainMiss},
};

/// Where the file is.
pub const PATH: &str = "/.well-known/witness-ledger";
/// The port of HTTPS (RFC 9110 section 4.2.2).
pub const HTTPS_PORT: u16 = 443;
/// A longer file is not read.
pub const FILE_BYTES_MAX: usize = 4096;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Of a cause that somebody else words.
const REASON_CHARS_MAX: usize = 200;

/// Why the challenge was not found over HTTPS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpsMiss {
    /// The host is not known.
    #[error(transparent)]
    Domain(#[from] DomainMiss),
    /// The host is none of the public Internet.
    #[error("the domain's address is not one of the public Internet, so it was not asked")]
    NotPublic,
    /// It did not answer, or not as one that holds the domain's certificate.
    #[error("no answer: {reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
    /// It answered that the file is elsewhere: whoever it points to need not hold the domain.
    #[error("HTTP status {status}, a redirect, which is not followed: put the file there itself")]
    Redirect {
        /// The status.
        status: u16,
    },
    /// It answered without the file.
    #[error("HTTP status {status}, expected 200")]
    Status {
        /// The status.
        status: u16,
    },
    /// The file is too long.
    #[error("a file of more than {FILE_BYTES_MAX} bytes")]
    TooLong,
    /// The file has no such line.
    #[error("a file, and no line of it is the challenge")]
    NotAmong,
    /// The file has another challenge.
    #[error(
        "another challenge is there: of another firm, for another domain, or one that is no longer good"
    )]
    Another,
}

/// Where the file of a domain is.
#[must_use]
pub fn url(domain: &Domain, port: u16) -> String {
    match port {
        HTTPS_PORT => format!("https://{domain}{PATH}"),
        port => format!("https://{domain}:{port}{PATH}"),
    }
}

/// Looks for the challenge: a line of the file that is it.
pub(crate) async fn look(search: &Search, domain: &Domain, line: &str) -> Result<(), HttpsMiss> {
    let url = search.url(domain);
    if !names(&url, domain) {
        return Err(HttpsMiss::NotPublic);
    }
    let addresses = dns::addresses(&search.resolver, domain).await?;
    // One that is not public among others is how a check and a connection are made to differ.
    if !addresses.iter().all(|address| search.reach.allows(*address)) {
        return Err(HttpsMiss::NotPublic);
    }
    let port = search.https_port;
    let checked = addresses.into_iter().map(|address| SocketAddr::new(address, port));
    // Made for this one question, so that it knows this one domain at these addresses.
    let client = Client::builder()
        .resolve_to_addrs(domain.as_str(), &checked.collect::<Vec<_>>())
        .tls_certs_merge(search.extra_roots.iter().cloned())
        .https_only(true)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN)
        .build()
        .map_err(unreachable)?;
    let response = client.get(url).send().await.map_err(unreachable)?;
    let status = response.status();
    if status.is_redirection() {
        return Err(HttpsMiss::Redirect { status: status.as_u16() });
    }
    if status != StatusCode::OK {
        return Err(HttpsMiss::Status { status: status.as_u16() });
    }
    let file = read(response).await?;
    let lines = file.split(|byte| *byte == b'\n');
    match Found::among(lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)), line) {
        Found::It => Ok(()),
        Found::Another => Err(HttpsMiss::Another),
        Found::None => Err(HttpsMiss::NotAmong),
    }
}

/// Whether what is spoken to under a URL is looked up as this domain: a host that reads as an address is spoken to
/// without being looked up, so without being checked.
fn names(url: &str, domain: &Domain) -> bool {
    let url = Url::parse(url).ok();
    url.is_some_and(|url| url.domain() == Some(domain.as_str()))
}

async fn read(mut response: Response) -> Result<Vec<u8>, HttpsMiss> {
    let mut file = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if file.len() + chunk.len() > FILE_BYTES_MAX {
            return Err(HttpsMiss::TooLong);
        }
        file.extend_from_slice(&chunk);
    }
    Ok(file)
}

fn unreachable(error: reqwest::Error) -> HttpsMiss {
    let reason = if error.is_timeout() {
        format!("nothing within {} s", ANSWER_WITHIN.as_secs())
    } else {
        cause_of(&error.without_url())
    };
    HttpsMiss::Unreachable { reason }
}

/// What lies at the bottom of an error whose upper layers only say where it happened; printable and bounded, since
/// it may be a stranger's words.
pub(crate) fn cause_of(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let text = deepest.to_string();
    let printable = text.chars().map(|it| if it.is_control() { ' ' } else { it });
    printable.take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_that_is_looked_up_as_the_domain_is_spoken_to() {
        let domain = Domain::parse("school.example").unwrap();
        for port in [HTTPS_PORT, 8443] {
            assert!(names(&url(&domain, port), &domain));
        }
        let others = [
            "https://127.0.0.0x1/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://other.example/",
            "https://school.example@other.example/",
            "school.example",
        ];
        for other in others {
            assert!(!names(other, &domain), "{other}");
        }
    }
}
