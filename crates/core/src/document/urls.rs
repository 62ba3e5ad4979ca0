//! The addresses that belong to a verify line (Live Verify, verification line): built as every
//! client builds them, then refused where ours must not go.

use alloc::string::String;
use core::fmt::Write as _;
use core::net::Ipv4Addr;

use super::DocumentError;
use super::meta::Hosting;

/// The scheme is `http` if the base has one of two words *anywhere*, in a path too; that is how
/// clients do it, and [`refuse_unsafe`] is what makes it harmless.
fn scheme(base: &str) -> &'static str {
    if base.contains("localhost") || base.contains("127.0.0.1") { "http" } else { "https" }
}

fn less_one_slash(address: &str) -> &str {
    address.strip_suffix('/').unwrap_or(address)
}

/// Where the issuer answers for a hash. Nothing is trimmed and nothing percent-encoded: a base that
/// ends in `/` gives `//` before the hash.
pub(super) fn hash_url(base: &str, hosting: &Hosting, sha256: &[u8; 32]) -> String {
    let mut url = match &hosting.hashes_hosted_at {
        Some(address) => String::from(less_one_slash(address)),
        None => [scheme(base), "://", base].concat(),
    };
    url.push('/');
    push_hex(sha256, &mut url);
    url.push_str(&hosting.suffix);
    url
}

/// Where the issuer's `verification-meta.json` is.
pub(super) fn meta_url(base: &str) -> String {
    [scheme(base), "://", less_one_slash(base), "/verification-meta.json"].concat()
}

fn push_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        // Writing to a string cannot fail.
        if write!(out, "{byte:02x}").is_err() {
            return;
        }
    }
}

/// Passes an address through if a client of ours may go there: `https`, or `http` to this very
/// computer; with a host, without user information, and read by all parsers in the same way.
pub(super) fn refuse_unsafe(url: String) -> Result<String, DocumentError> {
    let (scheme, rest) = url.split_once("://").ok_or(DocumentError::NotHttp)?;
    let is_http = scheme.eq_ignore_ascii_case("http");
    if !is_http && !scheme.eq_ignore_ascii_case("https") {
        return Err(DocumentError::NotHttp);
    }
    if url.contains(|c: char| c.is_control() || c == '\\') {
        return Err(DocumentError::ForbiddenCharacter);
    }
    let authority = authority(rest);
    if authority.contains('@') {
        return Err(DocumentError::UserInformation);
    }
    let host = host(authority);
    if host.is_empty() {
        return Err(DocumentError::NoHost);
    }
    if is_http && !is_loopback(host) {
        return Err(DocumentError::PlainHttp);
    }
    Ok(url)
}

/// The part of an address, without its scheme, that comes before the path.
pub(super) fn authority(address: &str) -> &str {
    address.split(['/', '?', '#', '\\']).next().unwrap_or_default()
}

/// An authority less user information and port.
pub(super) fn host(authority: &str) -> &str {
    let address = authority.rsplit('@').next().unwrap_or_default();
    let after_brackets = address.find(']').map_or(0, |at| at + 1);
    let port = address.get(after_brackets..).and_then(|rest| rest.find(':'));
    port.and_then(|at| address.get(..after_brackets + at)).unwrap_or(address)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn verdict(url: &str) -> Result<(), DocumentError> {
        refuse_unsafe(url.to_string()).map(|same| assert_eq!(same, url))
    }

    #[test]
    fn https_goes_anywhere_and_http_only_home() {
        for url in [
            "https://issuer.example/c/00",
            "HTTPS://issuer.example",
            "https://issuer.example:8443?x@y",
            "http://localhost:8080/c/00",
            "http://LocalHost/",
            "http://127.0.0.1/c",
            "http://127.3.2.1:80",
            "http://[::1]:9/c",
        ] {
            assert_eq!(verdict(url), Ok(()), "{url}");
        }
        for url in [
            "http://issuer.example/localhost/00",
            "http://localhost.issuer.example/",
            "http://127.0.0.1.issuer.example/",
            "http://issuer.example?127.0.0.1",
            "http://1127.0.0.1/",
            "http://[::1].issuer.example/x",
            "http://[::1].issuer.example:80/x",
            "Http://issuer.example/",
        ] {
            assert_eq!(verdict(url), Err(DocumentError::PlainHttp), "{url}");
        }
    }

    #[test]
    fn addresses_that_mislead_are_refused() {
        let cases = [
            ("https://bank.example@other.example/", DocumentError::UserInformation),
            ("http://localhost@other.example/", DocumentError::UserInformation),
            ("http://localhost:80@other.example/", DocumentError::UserInformation),
            ("https:///other.example/", DocumentError::NoHost),
            ("https://:443/c", DocumentError::NoHost),
            ("https://issuer.example/c\tx/00", DocumentError::ForbiddenCharacter),
            ("https://issuer.example/c\rHost: x/00", DocumentError::ForbiddenCharacter),
            ("http://localhost\\@other.example/", DocumentError::ForbiddenCharacter),
            ("ftp://issuer.example/00", DocumentError::NotHttp),
            (" https://issuer.example/00", DocumentError::NotHttp),
            ("issuer.example/00", DocumentError::NotHttp),
            ("javascript:alert(1)/00", DocumentError::NotHttp),
        ];
        for (url, error) in cases {
            assert_eq!(verdict(url), Err(error), "{url}");
        }
    }

    #[test]
    fn the_scheme_hangs_on_two_words_anywhere() {
        let hosting = Hosting::default();
        for (base, start) in [
            ("localhost:8080/c", "http://localhost:8080/c/0707"),
            ("a.example/localhost", "http://a.example/localhost/0707"),
            ("a.example/127.0.0.1/", "http://a.example/127.0.0.1//0707"),
            ("LOCALHOST/c", "https://LOCALHOST/c/0707"),
        ] {
            let url = hash_url(base, &hosting, &[7; 32]);
            assert!(url.starts_with(start), "{url}");
        }
        assert_eq!(meta_url("a.example//"), "https://a.example//verification-meta.json");
    }
}
