//! A service that is configured by a file, with certificates made for the occasion, and callers of it.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use tempfile::TempDir;
use tonic::{
    Code, Request, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use witness_tests::{Data, Said, Server, Trust, Witness, reason};
use witness_wire::v1::{
    self, audit_service_client::AuditServiceClient, ledger_service_client::LedgerServiceClient,
};

/// A machine with the data of a development firm, served from a configuration file.
pub(crate) struct Site {
    pub(crate) data: Data,
    folder: TempDir,
    root_vkey: String,
}

impl Site {
    /// Development makes the firm, its issuer, and their keys.
    pub(crate) fn new() -> Self {
        let data = Data::new();
        data.start().stop();
        let root_vkey = Trust::of_dev(&data).policy.firm_root.to_string();
        Self { data, folder: tempfile::tempdir().unwrap(), root_vkey }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration with more at its end.
    pub(crate) fn configure(&self, listen: &str, more: &str) -> PathBuf {
        let (data, keys) = (self.data.path(), self.data.path().join("keys"));
        let (data, keys) = (data.display(), keys.display());
        let text = format!(
            "listen = \"{listen}\"\ndata = \"{data}\"\nkeys = \"{keys}\"\nroot_vkey = \"{}\"\nlogs = [\"log1\"]\n{more}",
            self.root_vkey
        );
        let path = self.path("witnessd.toml");
        fs::write(&path, text).unwrap();
        path
    }

    /// Starts the service with more in its configuration.
    pub(crate) fn start(&self, more: &str) -> Server {
        let config = self.configure("127.0.0.1:0", more);
        Server::configured(&config, &self.data.socket(), &[])
    }

    /// Runs `witness` beside it.
    pub(crate) fn witness(&self, server: &Server, arguments: &[&str]) -> Said {
        self.beside(server).run(arguments)
    }

    /// `witness` beside it.
    pub(crate) fn beside(&self, server: &Server) -> Witness {
        Witness::within(self.folder.path()).asking(server)
    }

    /// Lets a regulator for Germany in, by a token; gives its id and the token.
    pub(crate) fn grant(&self, server: &Server, term: &[&str]) -> (String, String) {
        let role = ["access", "grant", "--role", "regulator", "--name", "BaFin, Bonn", "--json"];
        let scope = ["--jurisdictions", "DE"];
        let said = self.witness(server, &[&role[..], &scope, term].concat()).expect(0).json();
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    }

    /// Lets a regulator for Germany in, by a certificate; gives its id.
    pub(crate) fn grant_certificate(&self, server: &Server, certificate: &str) -> String {
        let arguments = ["access", "grant", "--role", "regulator", "--name", "BaFin", "--json"];
        let more = ["--jurisdictions", "DE", "--until", "2999-12-31", "--certificate", certificate];
        let said = self.witness(server, &[&arguments[..], &more].concat()).expect(0).json();
        assert!(said["token"].is_null(), "{said}");
        said["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn revoke(&self, server: &Server, id: &str) {
        let _said = self.witness(server, &["access", "revoke", id]).expect(0);
    }

    /// `[tls]` with the files that [`Authority::serve`] has written here.
    pub(crate) fn tls(&self, client_ca: Option<&str>) -> String {
        let path = |name: &str| self.path(name).display().to_string();
        let client_ca = client_ca.map(|name| format!("client_ca = \"{}\"\n", path(name)));
        let (certificate, key) = (path("server.pem"), path("server.key"));
        format!(
            "[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n{}",
            client_ca.unwrap_or_default()
        )
    }
}

/// An authority that certifies servers and clients.
pub(crate) struct Authority {
    issuer: rcgen::Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named(name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: rcgen::Issuer::new(params, key), pem }
    }

    /// Writes a server's certificate and key where the configuration looks for them.
    pub(crate) fn serve(&self, site: &Site) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let (pem, key) = self.certify(&names, ExtendedKeyUsagePurpose::ServerAuth);
        // The key first, and both at once as far as others see: as any tool does it, and as none can.
        write_private(&site.path("server.key"), &key);
        fs::write(site.path("server.pem"), pem).unwrap();
    }

    /// Writes a client's certificate and key.
    pub(crate) fn client(&self, site: &Site, name: &str) -> Identity {
        let (pem, key) = self.certify(&[name.to_owned()], ExtendedKeyUsagePurpose::ClientAuth);
        fs::write(site.path(&format!("{name}.pem")), &pem).unwrap();
        write_private(&site.path(&format!("{name}.key")), &key);
        Identity::from_pem(pem, key)
    }

    fn certify(&self, names: &[String], usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let mut params = CertificateParams::new(names.to_vec()).unwrap();
        params.extended_key_usages = vec![usage];
        params.distinguished_name = named(&names[0]);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// What a client that believes this authority connects with.
    pub(crate) fn trusting(&self) -> ClientTlsConfig {
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.pem))
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut all = DistinguishedName::new();
    all.push(DnType::CommonName, name);
    all
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A connection over TLS.
pub(crate) async fn connect(
    address: SocketAddr,
    tls: ClientTlsConfig,
) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", address.port())).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await
}

/// A connection within this machine.
pub(crate) async fn connect_plain(server: &Server) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
    endpoint.connect().await.unwrap()
}

/// A request that bears a token.
pub(crate) fn bearing<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// What comes of a call that is for those who have a scope.
pub(crate) async fn search(
    channel: &Channel,
    request: Request<v1::SearchRequest>,
) -> Result<(), Status> {
    let answer = AuditServiceClient::new(channel.clone()).search(request).await;
    match answer {
        Err(status) if matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied) => {
            Err(status)
        }
        // It has got past the gate; what the service makes of it is another matter.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What comes of a call that anybody may make.
pub(crate) async fn list_logs(
    channel: &Channel,
    request: Request<v1::ListLogsRequest>,
) -> Result<(), Status> {
    LedgerServiceClient::new(channel.clone()).list_logs(request).await.map(drop)
}

/// Why somebody was not taken for who it says it is.
#[track_caller]
pub(crate) fn unauthenticated(result: Result<(), Status>) -> String {
    let status = result.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    reason(&status)
}
