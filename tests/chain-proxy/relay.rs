//! Takes calls in, steers by what comes to `/control`, and passes on to the node behind.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::{Value, json};
use witness_tests::{CONTROL, Fault, Rule, Traffic};

use crate::{
    faults::{Call, Refusal, Rules},
    stale::Heights,
};

/// Longest answer of a node, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

type Answer = Response<Full<Bytes>>;

/// A connection that is to be closed without an answer: the server closes it on an error.
#[derive(Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut on command, or the node is not there")
    }
}

impl std::error::Error for Cut {}

/// Why there is no answer of JSON-RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    Cut,
    Status(u16),
}

/// Between callers and one node.
#[derive(Debug)]
pub(crate) struct Relay {
    node: Node,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    rules: Rules,
    traffic: Traffic,
}

impl Relay {
    pub(crate) fn to(url: String) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { node: Node { url: url.into(), agent }, memory: Mutex::default() }
    }

    /// Answers one request, whatever it is.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Cut> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_hung_up| Cut)?.to_bytes();
        match (head.method, head.uri.path()) {
            (Method::GET, CONTROL) => Ok(json_answer(&json!(self.memory().traffic))),
            (Method::POST, CONTROL) => Ok(match self.steer(&body).await {
                Ok(()) => json_answer(&Value::Null),
                Err(error) => plain(StatusCode::BAD_REQUEST, format!("{error:#}\n")),
            }),
            (Method::POST, _) => self.relay(&body).await,
            _ => Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "POST calls\n".to_owned())),
        }
    }

    /// Puts other rules into force.
    async fn steer(&self, body: &[u8]) -> Result<()> {
        let rules: Vec<Rule> = serde_json::from_slice(body).context("must be a list of rules")?;
        let is_stale = rules.iter().any(|rule| rule.fault == Fault::Stale);
        let heights = if is_stale { self.node.heights().await? } else { Heights::default() };
        self.memory().rules = Rules::new(rules, heights);
        Ok(())
    }

    /// One call, or a batch of them: each by itself, and all are made before a connection is cut.
    async fn relay(&self, body: &[u8]) -> Result<Answer, Cut> {
        let Ok(request) = serde_json::from_slice::<Value>(body) else {
            return Ok(plain(StatusCode::BAD_REQUEST, "must be JSON\n".to_owned()));
        };
        let answered = if let Value::Array(calls) = &request {
            let mut answers = Vec::new();
            for call in calls {
                answers.push(self.call(call).await);
            }
            answers.into_iter().collect::<Result<Vec<_>, _>>().map(Value::Array)
        } else {
            self.call(&request).await
        };
        match answered {
            Ok(answer) => Ok(json_answer(&answer)),
            Err(Silence::Cut) => Err(Cut),
            Err(Silence::Status(status)) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                Ok(plain(status, "refused on command\n".to_owned()))
            }
        }
    }

    async fn call(&self, call: &Value) -> Result<Value, Silence> {
        let call = Call::read(call).ok_or(Silence::Status(400))?;
        let treatment = {
            let mut memory = self.memory();
            memory.traffic.methods.entry(call.method.clone()).or_default().calls += 1;
            if let ("eth_sendRawTransaction", Some(Value::String(raw))) =
                (call.method.as_str(), call.params.get(0))
            {
                memory.traffic.raw_transactions.push(raw.clone());
            }
            memory.rules.treat(&call)
        };
        tokio::time::sleep(treatment.delay).await;
        match &treatment.refusal {
            None => {}
            Some(Refusal::Close) => return Err(Silence::Cut),
            Some(Refusal::Status(status)) => return Err(Silence::Status(*status)),
            Some(Refusal::Error(code, message)) => return Ok(call.error(*code, message)),
        }
        let mut answer = Value::Null;
        for _ in 0..treatment.forwards {
            let asked = treatment.forwarded(&call);
            self.memory().traffic.methods.entry(call.method.clone()).or_default().forwarded += 1;
            answer = self.node.ask(asked).await.map_err(|_node_is_gone| Silence::Cut)?;
        }
        treatment.alter(&call.method, &mut answer);
        if treatment.is_answered { Ok(answer) } else { Err(Silence::Cut) }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Each holder leaves it whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The node behind.
#[derive(Debug)]
struct Node {
    url: Arc<str>,
    agent: ureq::Agent,
}

impl Node {
    /// Passes a call on.
    async fn ask(&self, call: Value) -> Result<Value> {
        let (url, agent) = (Arc::clone(&self.url), self.agent.clone());
        let ask = move || -> Result<Value> {
            let post = agent.post(&*url).content_type("application/json");
            let mut answer = post.send(call.to_string())?;
            let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
            Ok(serde_json::from_slice(&body)?)
        };
        tokio::task::spawn_blocking(ask).await?
    }

    /// Where the chain stands.
    async fn heights(&self) -> Result<Heights> {
        Ok(Heights {
            latest: self.height("latest").await?,
            finalized: self.height("finalized").await?,
        })
    }

    async fn height(&self, tag: &str) -> Result<u64> {
        let call = json!({ "jsonrpc": "2.0", "id": 0, "method": "eth_getBlockByNumber", "params": [tag, false] });
        let answer = self.ask(call).await?;
        let number = answer.pointer("/result/number").and_then(Value::as_str);
        let digits = number.and_then(|number| number.strip_prefix("0x"));
        let digits = digits.with_context(|| format!("the node has no {tag} block: {answer}"))?;
        Ok(u64::from_str_radix(digits, 16)?)
    }
}

fn json_answer(value: &Value) -> Answer {
    let mut answer = plain(StatusCode::OK, value.to_string());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn plain(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer
}
