//! A node of somebody else's: a server that answers as a test wants, and can ask a real chain first.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

/// What the server answers to one call.
pub(crate) enum Reply {
    /// A result.
    Result(Value),
    /// An error of JSON-RPC.
    Error(i64, String),
    /// An HTTP status with any text.
    Http(&'static str, String),
    /// What the real chain says.
    Honest,
    /// Bytes without end.
    Endless,
    /// Nothing, and the connection stays.
    Silence,
}

/// A running server; it ends with the test.
pub(crate) struct Foreign {
    /// Its address.
    pub(crate) url: String,
    calls: Arc<AtomicUsize>,
}

impl Foreign {
    /// Answers each call as `answer` says, given the method, the parameters and what the real chain would say.
    pub(crate) fn start(
        real: Option<&str>,
        answer: impl Fn(&str, &Value, &Value) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/some-secret-key", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (Arc::clone(&calls), Arc::new(answer));
        let real = real.map(str::to_owned);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (count, answer, real) = (Arc::clone(&count), Arc::clone(&answer), real.clone());
                std::thread::spawn(move || {
                    while let Some(call) = read_call(&stream) {
                        count.fetch_add(1, Ordering::SeqCst);
                        let method = call["method"].as_str().unwrap();
                        let honest = real.as_deref().map_or(Value::Null, |real| ask(real, &call));
                        let reply = answer(method, &call["params"], &honest);
                        if write_reply(&stream, &call["id"], reply, &honest).is_none() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, calls }
    }

    /// How many calls came.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// An address at which nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn read_call(stream: &TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

fn write_reply(mut stream: &TcpStream, id: &Value, reply: Reply, honest: &Value) -> Option<()> {
    let answer = |name: &str, value: Value| {
        let mut answer = json!({ "jsonrpc": "2.0", "id": id });
        answer[name] = value;
        ("200 OK", answer.to_string())
    };
    let (status, body) = match reply {
        Reply::Result(value) => answer("result", value),
        Reply::Error(code, message) => answer("error", json!({ "code": code, "message": message })),
        Reply::Http(status, body) => (status, body),
        Reply::Honest => {
            let mut honest = honest.clone();
            honest["id"] = id.clone();
            ("200 OK", honest.to_string())
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
            while stream.write_all(&[b' '; 4096]).is_ok() {}
            return None;
        }
        Reply::Silence => {
            std::thread::sleep(std::time::Duration::from_secs(5));
            return None;
        }
    };
    let location = "location: http://127.0.0.1:1/\r\n";
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\n{location}content-length: {length}\r\n\r\n{body}").ok()
}

fn ask(real: &str, call: &Value) -> Value {
    let mut stream = TcpStream::connect(real).unwrap();
    let body = call.to_string();
    let head =
        "POST / HTTP/1.1\r\nhost: chain\r\nconnection: close\r\ncontent-type: application/json";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        line.clear();
    }
    serde_json::from_reader(reader).unwrap()
}
