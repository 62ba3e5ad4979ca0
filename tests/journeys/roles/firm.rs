//! A firm whose issuers have logged what others must not see, and its callers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tonic::Code;
use witness_core::{
    drafting::Occurrence,
    event::{Change, StatusClass},
    hash::DocumentHash,
};
use witness_tests::{Data, Issuer, Server, document, issued, now_us, occurred, status};
use witness_wire::v1;

use super::call::Caller;

/// Issuer, stream, jurisdictions, and the identifier in its details.
type StreamOf = (&'static str, &'static str, &'static str, &'static str);

const STREAMS: [StreamOf; 4] = [
    ("london.example", "main", "GB", "LOND-07"),
    ("munich.example", "main", "DE-BY", "MUNI-07"),
    ("both.example", "uk", "GB", "BRIT-07"),
    ("both.example", "bavaria", "DE-BY", "BAVA-07"),
];
/// Submissions of each stream after its first one.
const ROUNDS: usize = 40;
/// When some of what German streams say occurred, and nothing of what others say.
pub(crate) const LONG_AGO_US: i64 = 915_148_800_000_000;
const SEARCH: &str = "/witness.v1.AuditService/Search";
/// The end of the years that are told in four digits.
const UNTIL_US: u64 = 253_402_300_799_000_000;

/// What `document` was given for the document of a stream.
pub(crate) fn document_of(issuer: &str, stream: &str) -> DocumentHash {
    document(format!("{issuer} {stream}"))
}

/// A running service with all of it.
pub(crate) struct Firm {
    pub(crate) server: Server,
    /// Published size of the log.
    pub(crate) size: u64,
    /// Regulator of Great Britain.
    pub(crate) regulator: Caller,
    /// Regulator of Germany.
    pub(crate) other_regulator: Caller,
    /// `london.example`.
    pub(crate) issuer: Caller,
    /// `munich.example`.
    pub(crate) other_issuer: Caller,
    /// The id under which the regulator was let in.
    pub(crate) regulator_id: String,
}

impl Firm {
    pub(crate) async fn new(data: &Data) -> Self {
        let server = data.start();
        let mut clients = server.clients().await;
        let mut issuers: BTreeMap<&str, Arc<Issuer>> = BTreeMap::new();
        let mut streams = Vec::new();
        for (seed, stream_of) in (1..).zip(STREAMS) {
            let (domain, stream, jurisdictions, identifier) = stream_of;
            if !issuers.contains_key(domain) {
                let issuer = Issuer::from_seed(domain, seed);
                server.register(&format!("issuer-added {domain}\n"), &[]).await.unwrap();
                let change = format!("key-added {domain} {}\n", issuer.key.verifying_key());
                server.register(&change, &[&issuer.key]).await.unwrap();
                issuers.insert(domain, issuer);
            }
            let change = format!("stream-opened {domain} {stream} {jurisdictions} live\n");
            server.register(&change, &[]).await.unwrap();
            let mut own = issuers[domain].stream(stream);
            let name = document_of(domain, stream);
            clients.submit(own.next(&history(name, jurisdictions, identifier))).await.unwrap();
            streams.push((own, stream_of));
        }
        // By turns, so that whoever walks what one has passes by what the others have.
        for round in 0..ROUNDS {
            for (own, stream_of) in &mut streams {
                clients.submit(own.next(&later(*stream_of, round))).await.unwrap();
            }
        }
        let size = server.settled();
        let channel = clients.channel;
        let grant = |role: &str, issuer: &str, jurisdictions: &str| v1::GrantAccessRequest {
            role: role.to_owned(),
            issuer: issuer.to_owned(),
            jurisdictions: jurisdictions.to_owned(),
            ..Default::default()
        };
        let let_in = async |name, role, issuer, jurisdictions| {
            let granted = granted(&server, grant(role, issuer, jurisdictions)).await;
            let caller = Caller { name, channel: channel.clone(), token: Some(granted.token) };
            (granted.id, caller)
        };
        let (regulator_id, regulator) = let_in("regulator", "regulator", "", "GB").await;
        let (_, other_regulator) = let_in("other regulator", "regulator", "", "DE").await;
        let (_, issuer) = let_in("issuer", "issuer", "london.example", "").await;
        let (_, other_issuer) = let_in("other issuer", "issuer", "munich.example", "").await;
        server.regulator("GB").await.indexed(size).await;
        Self { server, size, regulator, other_regulator, issuer, other_issuer, regulator_id }
    }

    /// One of each role, `anybody` first.
    pub(crate) async fn callers(&self) -> Vec<Caller> {
        let channel = &self.regulator.channel;
        let public = |name, token| Caller { name, channel: channel.clone(), token };
        let grant = |until_us| v1::GrantAccessRequest {
            role: "regulator".to_owned(),
            jurisdictions: "GB".to_owned(),
            until_us,
            ..Default::default()
        };
        let revoked = granted(&self.server, grant(UNTIL_US)).await;
        let id = revoked.id;
        let mut admin = self.server.admin().await;
        admin.revoke_access(v1::RevokeAccessRequest { id }).await.unwrap();
        let soon = u64::try_from(now_us()).unwrap() + 4_000_000;
        let short = granted(&self.server, grant(soon)).await;
        let (revoked, expired) =
            (public("revoked", Some(revoked.token)), public("expired", Some(short.token)));
        while expired.call(SEARCH, Vec::new(), 1).await.status.code() != Code::Unauthenticated {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let anybody = public("anybody", None);
        let (issuer, regulator) = (self.issuer.clone(), self.regulator.clone());
        let operator = Caller { name: "operator", channel: self.operator().await, token: None };
        vec![anybody, issuer, regulator, revoked, expired, operator]
    }

    async fn operator(&self) -> tonic::transport::Channel {
        let socket = self.server.socket().to_owned();
        let connector = tower::service_fn(move |_: tonic::codegen::http::Uri| {
            let socket = socket.clone();
            async move {
                let stream = tokio::net::UnixStream::connect(socket).await;
                stream.map(hyper_util::rt::TokioIo::new)
            }
        });
        let endpoint = tonic::transport::Endpoint::from_static("http://operator.invalid");
        endpoint.connect_with_connector(connector).await.unwrap()
    }
}

/// What each stream logs later, again and again, of one more document, and the German ones of their own, which comes
/// to have many events.
fn later((domain, stream, jurisdictions, identifier): StreamOf, round: usize) -> Vec<Occurrence> {
    let name = document(format!("{domain} {stream} {round}"));
    let mut all = history(name, jurisdictions, identifier);
    if jurisdictions != "GB" {
        let own = document_of(domain, stream);
        all.extend((0..4).map(|_| status(own, StatusClass::Paused, "HELD")));
    }
    all
}

/// What each stream logs of its document. Some of it only German ones do.
fn history(name: DocumentHash, jurisdictions: &str, identifier: &str) -> Vec<Occurrence> {
    let field = |field: &str, value: &str| (field.to_owned(), value.to_owned());
    let details = vec![field("awarded", "2026-06-30"), field("module", identifier)];
    let first = Occurrence { details, ..issued(name) };
    if jurisdictions == "GB" {
        return vec![first, status(name, StatusClass::Punitive, "REVOKED")];
    }
    let held = Occurrence { occurred_at: LONG_AGO_US, ..status(name, StatusClass::Paused, "HELD") };
    vec![first, held, occurred(name, Change::Deleted)]
}

async fn granted(server: &Server, grant: v1::GrantAccessRequest) -> v1::GrantAccessResponse {
    let name = "a caller of a journey".to_owned();
    let until_us = if grant.until_us == 0 { UNTIL_US } else { grant.until_us };
    let grant = v1::GrantAccessRequest { name, until_us, ..grant };
    server.admin().await.grant_access(grant).await.unwrap().into_inner()
}
