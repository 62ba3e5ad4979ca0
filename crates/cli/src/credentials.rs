//! How this program shows itself to a server, and by whom a server must be vouched for: tokens, client
//! certificates, authorities.
//!
//! What must hold: a secret comes from a file that nobody else can read, and goes to nobody but the server that
//! was named, over TLS or within this machine.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::Interceptor,
    transport::{Certificate, ClientTlsConfig, Identity},
};
use ureq::tls::{ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use witness_core::caller::Token;
use zeroize::Zeroizing;

use crate::{files, outcome::Failure};

const TOKEN_BYTES_MAX: u64 = 256;
const PEM_BYTES_MAX: u64 = 1 << 20;

/// How to call a server.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CallerArgs {
    /// File with the token by which the server knows you, mode 0600
    #[arg(long, value_name = "FILE", env = "WITNESS_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Authorities that the server's certificate must come from (PEM), in place of the system's
    #[arg(long, value_name = "PEM", env = "WITNESS_CA")]
    ca: Option<PathBuf>,
    /// Client certificate by which the server knows you (PEM), in place of a token
    #[arg(long, value_name = "PEM", requires = "certificate_key", conflicts_with = "token_file")]
    certificate: Option<PathBuf>,
    /// Its key (PEM), mode 0600
    #[arg(long, value_name = "PEM", requires = "certificate")]
    certificate_key: Option<PathBuf>,
}

impl CallerArgs {
    /// What every call bears.
    pub(crate) fn bearer(&self) -> Result<Bearer> {
        let Some(path) = &self.token_file else { return Ok(Bearer::default()) };
        files::refuse_shared(path)?;
        let text = Zeroizing::new(files::read_text(path, TOKEN_BYTES_MAX)?);
        let token = Token::parse(text.trim_end_matches('\n')).ok_or_else(|| {
            Failure::cannot_tell(format!("{} holds no token", path.display()))
                .next("a token begins with wit_, and `witness access grant` makes it")
        })?;
        let mut header =
            MetadataValue::try_from(&*Zeroizing::new(format!("Bearer {}", token.reveal())))?;
        header.set_sensitive(true);
        Ok(Bearer(Some(header)))
    }

    /// TLS for calls.
    pub(crate) fn tls(&self) -> Result<ClientTlsConfig> {
        let tls = match &self.ca {
            None => ClientTlsConfig::new().with_native_roots(),
            Some(path) => {
                let pem = files::read(path, PEM_BYTES_MAX)?;
                certificates(&pem, path)?;
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
            }
        };
        let Some((chain, key)) = self.identity()? else { return Ok(tls) };
        Ok(tls.identity(Identity::from_pem(chain, &*key)))
    }

    /// The same for plain files.
    pub(crate) fn tls_of_files(&self) -> Result<TlsConfig> {
        let roots = match &self.ca {
            None => RootCerts::PlatformVerifier,
            Some(path) => certificates(&files::read(path, PEM_BYTES_MAX)?, path)?.into(),
        };
        let client = match (self.identity()?, &self.certificate) {
            (Some((chain, key)), Some(path)) => {
                let key = PrivateKey::from_pem(&key).ok().context("the key is no key in PEM")?;
                Some(ClientCert::new_with_certs(&certificates(&chain, path)?, key))
            }
            _ => None,
        };
        Ok(TlsConfig::builder().root_certs(roots).client_cert(client).build())
    }

    /// The client certificate with its key.
    fn identity(&self) -> Result<Option<KeyPair>> {
        let Some((chain, key)) = self.certificate.as_ref().zip(self.certificate_key.as_ref())
        else {
            return Ok(None);
        };
        files::refuse_shared(key)?;
        let key = Zeroizing::new(files::read(key, PEM_BYTES_MAX)?);
        Ok(Some((files::read(chain, PEM_BYTES_MAX)?, key)))
    }
}

/// A client certificate with its chain, and its key, both PEM.
type KeyPair = (Vec<u8>, Zeroizing<Vec<u8>>);

/// The first certificate of a PEM file, DER: a server's or a client's own stands before those above it.
pub(crate) fn leaf(path: &Path) -> Result<Vec<u8>> {
    let pem = files::read(path, PEM_BYTES_MAX)?;
    let certificates = certificates(&pem, path)?;
    Ok(certificates.first().map(|leaf| leaf.der().to_vec()).unwrap_or_default())
}

/// The certificates of a PEM file, one at least.
fn certificates(pem: &[u8], path: &Path) -> Result<Vec<ureq::tls::Certificate<'static>>> {
    let certificates: Vec<_> = parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            Ok(_) | Err(_) => None,
        })
        .collect();
    if certificates.is_empty() {
        let message = format!("{} holds no certificate in PEM", path.display());
        return Err(Failure::cannot_tell(message).next("check that it is the right file").into());
    }
    Ok(certificates)
}

/// Puts a token on each call, if there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    /// The value of the header.
    pub(crate) fn header(&self) -> Option<&str> {
        self.0.as_ref()?.to_str().ok()
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(header) = &self.0 {
            request.metadata_mut().insert("authorization", header.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_token_is_read_from_a_private_file_and_hides_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let token = Token::from_random(&[7; 32]);
        let args = CallerArgs { token_file: Some(path.clone()), ..CallerArgs::default() };
        files::write_new(&path, format!("{}\n", token.reveal()).as_bytes(), 0o600).unwrap();
        let bearer = args.bearer().unwrap();
        assert_eq!(bearer.header(), Some(&*format!("Bearer {}", token.reveal())));
        assert!(!format!("{bearer:?}").contains(token.reveal()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(args.bearer().is_err(), "others can read it");
        fs::write(&path, "wit_and something else\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = args.bearer().unwrap_err().to_string();
        assert!(!error.contains("something"), "{error}");
    }
}
