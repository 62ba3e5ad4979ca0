//! The server that the load goes to: a `witnessd --dev`, whose data folder holds the issuer's key and what
//! its receipts are checked against.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::{
    codegen::http::Uri,
    transport::{Channel, Endpoint},
};
use tower::service_fn;
use witness_core::{
    drafting::Position,
    firm::Firm,
    hash::Hash,
    key::SigningKey,
    name::{Domain, Jurisdictions, Name, Origin},
    note::{Ed25519, Note, PublicKey, Strict},
    policy::Policy,
    registry::Change,
};
use witness_wire::{
    MESSAGE_BYTES_MAX,
    v1::{
        DraftChangeRequest, PositionRequest, RegisterRequest,
        admin_service_client::AdminServiceClient, audit_service_client::AuditServiceClient,
        ingest_service_client::IngestServiceClient,
    },
};

/// The stream that the server opens by itself.
const FIRST_STREAM: &str = "main";
/// Good signatures that are remembered.
const REMEMBERED_MAX: usize = 65_536;

/// A client for audits.
pub(crate) type AuditClient = AuditServiceClient<Channel>;

/// The server with all that a client of it knows.
#[derive(Debug)]
pub(crate) struct Server {
    address: String,
    admin_socket: PathBuf,
    pub(crate) origin: Origin,
    pub(crate) issuer: Domain,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) firm: Firm,
    pub(crate) policy: Policy,
    pub(crate) memo: Memo,
}

impl Server {
    /// Reads the data folder, and asks the server for the log.
    pub(crate) async fn find(address: &str, data: &Path) -> Result<Self> {
        let policy = Policy::parse(&fs::read(data.join("policy.json")).context("policy.json")?)?;
        let mut firm = Firm::new(policy.firm_root.clone());
        let note = fs::read(data.join("keys/firm.note")).context("keys/firm.note")?;
        firm.apply(&Note::parse(&note)?, &Strict)?;
        let skey = fs::read_to_string(data.join("issuer.example.skey")).context("issuer's key")?;
        let key = SigningKey::parse(skey.trim_end())?;
        let issuer = Domain::parse(key.verifying_key().name()).context("the issuer's name")?;
        let request = PositionRequest { issuer: issuer.to_string(), stream: FIRST_STREAM.into() };
        let position = ingest(&connect(address).await?).position(request).await?.into_inner();
        let origin = Origin::parse(&position.origin).context("the log's origin")?;
        let (admin_socket, address) = (data.join("admin.sock"), address.to_owned());
        let (key, memo) = (Arc::new(key), Memo::default());
        Ok(Self { address, admin_socket, origin, issuer, key, firm, policy, memo })
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<Channel> {
        connect(&self.address).await
    }

    /// The n-th stream of the issuer with its position, opened if it is not there yet.
    pub(crate) async fn stream(&self, n: usize) -> Result<(Name, Position)> {
        let name = if n == 0 { FIRST_STREAM.to_owned() } else { format!("load-{n}") };
        self.stream_in(&name, "INT").await
    }

    /// A stream of the issuer with its position, opened for a jurisdiction if it is not there yet.
    pub(crate) async fn stream_in(
        &self,
        name: &str,
        jurisdiction: &str,
    ) -> Result<(Name, Position)> {
        let stream = Name::parse(name).context("the stream's name")?;
        let request = PositionRequest { issuer: self.issuer.to_string(), stream: name.to_owned() };
        let mut client = ingest(&self.connect().await?);
        let answer = match client.position(request.clone()).await {
            Ok(answer) => answer,
            Err(_unknown_stream) => {
                self.open(&stream, jurisdiction).await?;
                client.position(request).await?
            }
        };
        let answer = answer.into_inner();
        let previous = Hash::from_slice(&answer.previous_hash).context("the position's hash")?;
        Ok((stream, Position { next_sequence: answer.next_sequence, previous }))
    }

    /// A client of the operator's service.
    pub(crate) async fn admin(&self) -> Result<AdminServiceClient<Channel>> {
        Ok(AdminServiceClient::new(connect_unix(&self.admin_socket).await?))
    }

    /// A client for audits.
    pub(crate) async fn audit(&self) -> Result<AuditClient> {
        Ok(AuditServiceClient::new(self.connect().await?))
    }

    async fn open(&self, stream: &Name, jurisdiction: &str) -> Result<()> {
        let change = Change::StreamOpened {
            issuer: self.issuer.clone(),
            stream: stream.clone(),
            jurisdictions: Jurisdictions::parse(jurisdiction).context("a jurisdiction")?,
            back_fill: false,
        };
        let mut admin = self.admin().await?;
        let origin = self.origin.to_string();
        let draft = DraftChangeRequest { origin: origin.clone(), change: change.encode() };
        let text = admin.draft_change(draft).await?.into_inner().text;
        admin.register(RegisterRequest { origin, text, signatures: Vec::new() }).await?;
        Ok(())
    }
}

async fn connect(address: &str) -> Result<Channel> {
    let uri: Uri = address.parse().context("the server's address")?;
    if !matches!(uri.host(), Some("127.0.0.1" | "[::1]" | "localhost")) {
        bail!("load goes to this machine only, not to {address}");
    }
    let endpoint = Endpoint::from(uri)
        .tcp_nodelay(true)
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20);
    endpoint.connect().await.with_context(|| format!("no connection to {address}"))
}

async fn connect_unix(path: &Path) -> Result<Channel> {
    let socket = path.to_owned();
    let connector = service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://operator.invalid");
    let channel = endpoint.connect_with_connector(connector).await;
    channel.with_context(|| format!("no connection to {}", path.display()))
}

/// A client with the limits of the schema.
pub(crate) fn ingest(channel: &Channel) -> IngestServiceClient<Channel> {
    IngestServiceClient::new(channel.clone())
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// Remembers good signatures: the receipts of one batch share a checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Memo(Mutex<BTreeSet<[u8; 32]>>);

impl Ed25519 for Memo {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
        // Key and signature are of fixed length, so no two triples share their bytes.
        let triple = [key.as_bytes().as_slice(), signature, message].concat();
        let triple = *Hash::of(&triple).as_bytes();
        let remembered = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered().contains(&triple) {
            return true;
        }
        let good = Strict.verify(key, message, signature);
        if good {
            let mut remembered = remembered();
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
            remembered.insert(triple);
        }
        good
    }
}
