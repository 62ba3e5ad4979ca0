//! One node of a chain: JSON-RPC 2.0 over HTTP.
//!
//! What must hold: an answer has a bounded length and time; no redirect and no proxy is followed; reads are tried
//! again, sends never are; and nothing that is said about a node shows more of its address than the host.

mod error;
mod reads;
mod send;
mod value;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, Response, Url, header, redirect};
use serde_json::{Value, json};

use self::error::{bounded, cause_of, unreachable};
pub use self::{
    error::NodeError,
    reads::{At, Call, Called},
    send::Sent,
    value::{Block, Log, Receipt},
};

/// Of the receipts of a block; those of a busy one have some megabytes.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Of all other answers: read into values, they take many times their length.
const SHORT_ANSWER_BYTES_MAX: usize = 1 << 20;
/// What tells of a whole block.
const LONG_ANSWERS: [&str; 2] = ["eth_getBlockReceipts", "debug_getRawReceipts"];
/// A shorter part of an address is no key, and may be an ordinary word of an answer.
const SECRET_CHARS_MIN: usize = 8;

/// Where the randomness of pauses comes from: each call gives any number.
#[derive(Clone)]
pub struct Jitter(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Jitter {
    /// From a source of numbers.
    pub fn new(source: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// A part of a duration, from nothing up to all of it.
    #[must_use]
    pub fn part_of(&self, whole: Duration) -> Duration {
        const PARTS: u32 = 1024;
        let part = u32::try_from((self.0)() % u64::from(PARTS)).unwrap_or_default();
        whole * part / PARTS
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Jitter")
    }
}

/// How long is waited for a node, and for how much.
#[derive(Debug, Clone)]
pub struct Limits {
    /// To connect.
    pub connect_within: Duration,
    /// For one whole call.
    pub answer_within: Duration,
    /// Length of an answer.
    pub answer_bytes_max: usize,
    /// How often a read is tried.
    pub tries: u32,
    /// The pause after the first try; it doubles.
    pub pause: Duration,
    /// What is added to pauses.
    pub jitter: Jitter,
}

impl Limits {
    /// The ordinary ones: 5 s, 10 s, 16 MiB, three tries.
    #[must_use]
    pub fn new(jitter: Jitter) -> Self {
        Self {
            connect_within: Duration::from_secs(5),
            answer_within: Duration::from_secs(10),
            answer_bytes_max: ANSWER_BYTES_MAX,
            tries: 3,
            pause: Duration::from_millis(250),
            jitter,
        }
    }
}

/// One node. A copy speaks over the same connections.
#[derive(Clone)]
pub struct Node {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    url: Url,
    name: String,
    secrets: Vec<String>,
    limits: Limits,
    calls: AtomicU64,
}

impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Node").field(&self.shared.name).finish()
    }
}

impl Node {
    /// A node at an address; nothing is asked yet.
    pub fn new(url: &str, limits: Limits) -> Result<Self, NodeError> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or(NodeError::Address)?;
        let name = name_of(&url).ok_or(NodeError::Address)?;
        super::install_tls();
        let mut builder = Client::builder()
            .connect_timeout(limits.connect_within)
            .timeout(limits.answer_within)
            .redirect(redirect::Policy::none())
            .no_proxy();
        if url.scheme() == "http" {
            // A machine without CA certificates can still ask a node of its own.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| NodeError::Client {
            node: name.clone(),
            reason: cause_of(&error.without_url()),
        })?;
        let (secrets, calls) = (secrets_of(&url), AtomicU64::new(0));
        Ok(Self { shared: Arc::new(Shared { client, url, name, secrets, limits, calls }) })
    }

    /// Scheme, host and port: all of its address that may be shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Asks; tried again, with growing pauses, where that may help.
    pub async fn read(&self, method: &'static str, params: Value) -> Result<Value, NodeError> {
        let limits = &self.shared.limits;
        let mut pause = limits.pause;
        let mut tries = 1;
        loop {
            match self.once(method, &params).await {
                Err(error) if error.is_worth_a_retry() && tries < limits.tries => {
                    tokio::time::sleep(pause + limits.jitter.part_of(pause)).await;
                    pause *= 2;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    /// One call, tried once.
    pub(crate) async fn once(
        &self,
        method: &'static str,
        params: &Value,
    ) -> Result<Value, NodeError> {
        let shared = &self.shared;
        let id = shared.calls.fetch_add(1, Ordering::Relaxed);
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let post = shared.client.post(shared.url.clone());
        let post = post.header(header::CONTENT_TYPE, "application/json").body(call.to_string());
        let within = shared.limits.answer_within;
        let response =
            post.send().await.map_err(|error| unreachable(self.name(), error, within))?;
        let status = response.status();
        let bytes = self.bytes_of(response, method).await?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(answer)) if is_answer(&answer, id) => self.result_of(answer, method),
            _ if !status.is_success() => {
                let node = shared.name.clone();
                Err(NodeError::Status { node, method, status: status.as_u16() })
            }
            _ => Err(self.malformed(method)),
        }
    }

    async fn bytes_of(
        &self,
        mut response: Response,
        method: &'static str,
    ) -> Result<Vec<u8>, NodeError> {
        let limits = &self.shared.limits;
        let is_long = LONG_ANSWERS.contains(&method);
        let short = limits.answer_bytes_max.min(SHORT_ANSWER_BYTES_MAX);
        let limit = if is_long { limits.answer_bytes_max } else { short };
        let unreachable = |error| unreachable(self.name(), error, limits.answer_within);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if bytes.len() + chunk.len() > limit {
                return Err(NodeError::TooLong { node: self.name().to_owned(), method, limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn result_of(
        &self,
        mut answer: serde_json::Map<String, Value>,
        method: &'static str,
    ) -> Result<Value, NodeError> {
        match answer.get("error") {
            None | Some(Value::Null) => {
                answer.remove("result").ok_or_else(|| self.malformed(method))
            }
            Some(error) => {
                let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
                Err(NodeError::Answered {
                    node: self.name().to_owned(),
                    method,
                    code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
                    message: self.without_secrets(message),
                    data: error.get("data").and_then(value::revert_data),
                })
            }
        }
    }

    /// Some providers repeat the key with which they were asked.
    fn without_secrets(&self, message: &str) -> String {
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), "…");
        bounded(&self.shared.secrets.iter().fold(message.to_owned(), hide))
    }

    pub(crate) fn malformed(&self, method: &'static str) -> NodeError {
        NodeError::Malformed { node: self.name().to_owned(), method }
    }
}

/// JSON-RPC 2.0 section 5: the answer bears the id of the call, or none if it was not understood.
fn is_answer(answer: &serde_json::Map<String, Value>, id: u64) -> bool {
    match answer.get("id") {
        Some(Value::Null) | None => answer.contains_key("error"),
        Some(found) => found.as_u64() == Some(id),
    }
}

fn name_of(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", url.scheme()))
}

fn secrets_of(url: &Url) -> Vec<String> {
    let words = url.path().split('/').chain(url.query().unwrap_or_default().split(['&', '=']));
    let words = words.chain([url.username(), url.password().unwrap_or_default()]);
    words.filter(|word| word.len() >= SECRET_CHARS_MIN).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://alice:very-secret@rpc.example:8443/v2/0123456789abcdef?key=fedcba98";

    fn limits() -> Limits {
        Limits::new(Jitter::new(|| 1023))
    }

    #[test]
    fn of_an_address_only_scheme_host_and_port_are_shown() {
        let url = URL.replace("https", "http");
        let node = Node::new(&url, limits()).unwrap();
        assert_eq!(node.name(), "http://rpc.example:8443");
        let shown = format!("{node:?}");
        for secret in ["alice", "very-secret", "0123456789abcdef", "fedcba98"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let said = "bad project 0123456789abcdef, key fedcba98";
        assert_eq!(node.without_secrets(said), "bad project …, key …");
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_repeating_it() {
        for bad in ["", "rpc.example", "ws://rpc.example/secretsecret", "file:///etc/passwd"] {
            let error = Node::new(bad, limits()).unwrap_err();
            assert_eq!(error, NodeError::Address, "{bad}");
            assert!(!error.to_string().contains("secretsecret"));
        }
    }

    #[test]
    fn a_pause_grows_by_a_part_of_itself_and_never_more() {
        let second = Duration::from_secs(1);
        assert_eq!(Jitter::new(|| 0).part_of(second), Duration::ZERO);
        assert_eq!(Jitter::new(|| 512).part_of(second), Duration::from_millis(500));
        assert!(Jitter::new(|| u64::MAX).part_of(second) < second);
    }

    #[test]
    fn an_answer_bears_the_id_of_its_call() {
        let is = |text: &str| {
            is_answer(serde_json::from_str::<Value>(text).unwrap().as_object().unwrap(), 7)
        };
        assert!(is(r#"{"id":7,"result":null}"#));
        assert!(is(r#"{"id":null,"error":{}}"#));
        assert!(!is(r#"{"id":8,"result":"0x1"}"#));
        assert!(!is(r#"{"result":"0x1"}"#));
    }

    #[test]
    fn a_strangers_words_are_printable_and_bounded() {
        assert_eq!(bounded("a\u{1b}[31m\nb"), "a [31m b");
        assert_eq!(bounded(&"x".repeat(1000)).len(), 200);
    }
}
