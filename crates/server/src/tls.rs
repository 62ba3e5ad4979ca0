//! TLS of the public port: the service's certificate, and whose client certificates are looked at.
//!
//! What must hold: new files count from the next connection on and break none that stands; files that do not go
//! together change nothing. The only provider is ring.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::{signal::unix::Signal, sync::watch, time::interval};
use witness_core::hash::Hash;
use zeroize::Zeroizing;

use crate::{config, keys};

/// How often the files are looked at: whoever renews a certificate need not tell.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Application protocols (RFC 7301), the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// With what connections are accepted now.
pub(crate) type Current = watch::Receiver<Arc<ServerConfig>>;

/// Looks after the files.
#[derive(Debug)]
pub(crate) struct Reloader {
    files: config::Tls,
    /// Hash of what the files held when they were last looked at, good or not.
    seen: Hash,
    current: watch::Sender<Arc<ServerConfig>>,
}

/// Reads the files for the first time; now they must be right.
pub(crate) fn open(files: &config::Tls) -> anyhow::Result<(Reloader, Current)> {
    let contents = Contents::read(files)?;
    let (current, receiver) = watch::channel(Arc::new(contents.configure()?));
    let (files, seen) = (files.clone(), contents.hash());
    Ok((Reloader { files, seen, current }, receiver))
}

impl Reloader {
    /// Takes new files as they come, and at once after SIGHUP.
    pub(crate) async fn run(mut self, mut hangups: Signal) {
        let mut looks = interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                _ = hangups.recv() => {}
            }
            let files = self.files.clone();
            let look = tokio::task::spawn_blocking(move || Contents::read(&files)).await;
            if let Ok(look) = look {
                self.look(look);
            }
        }
    }

    fn look(&mut self, contents: anyhow::Result<Contents>) {
        // What cannot be read is one kind of content, too: it is complained about once.
        let seen = match &contents {
            Ok(contents) => contents.hash(),
            Err(error) => Hash::of(format!("{error:#}").as_bytes()),
        };
        if seen == self.seen {
            return;
        }
        self.seen = seen;
        match contents.and_then(|contents| contents.configure()) {
            Ok(config) => {
                self.current.send_replace(Arc::new(config));
                tracing::info!("the certificates have changed: new connections get the new ones");
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "the new certificates are not right; the old ones stay");
            }
        }
    }
}

/// What the files hold.
struct Contents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

impl Contents {
    fn read(files: &config::Tls) -> anyhow::Result<Self> {
        let read = |path: &Path| {
            fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
        };
        keys::refuse_shared(&files.key)?;
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: Zeroizing::new(read(&files.key)?),
            client_ca: files.client_ca.as_deref().map(read).transpose()?,
        })
    }

    /// Of the key only its hash is kept, and that of it together with the rest.
    fn hash(&self) -> Hash {
        let client_ca = self.client_ca.as_ref().map(|pem| Hash::of(pem));
        let parts = [Hash::of(&self.certificate), Hash::of(&self.key)];
        let all = parts.iter().chain(&client_ca).map(|hash| *hash.as_bytes());
        Hash::of(all.collect::<Vec<_>>().as_flattened())
    }

    fn configure(&self) -> anyhow::Result<ServerConfig> {
        let chain = certificates(&self.certificate).context("the certificate in [tls]")?;
        // The error of a key's parser may show parts of it.
        let Ok(key) = PrivateKeyDer::from_pem_slice(&self.key) else {
            bail!("the key in [tls] is no private key in PEM");
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let config = match &self.client_ca {
            None => config.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(pem).context("client_ca in [tls]")? {
                    roots.add(root).context("client_ca in [tls] is no certificate authority")?;
                }
                // Who shows none is anybody, or bears a token.
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                    .allow_unauthenticated()
                    .build()?;
                config.with_client_cert_verifier(verifier)
            }
        };
        let config = config.with_single_cert(chain, key);
        let mut config = config.context("certificate and key in [tls] do not go together")?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(config)
    }
}

/// The certificates of a PEM file, one at least.
fn certificates(pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.ok().filter(|certificates| !certificates.is_empty());
    certificates.context("must be one or more certificates in PEM")
}
