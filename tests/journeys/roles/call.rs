//! Calls of methods by their paths, with bytes that are whatever one likes.

use http_body_util::BodyExt as _;
use prost::bytes::{Buf as _, BufMut as _};
use tokio_stream::iter;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};
use tower::{Service as _, ServiceExt as _};

/// Messages as they are.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; from.remaining()];
        from.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}

/// What came of a call.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) messages: Vec<Vec<u8>>,
    /// As it ended; `OK`, if no more messages were taken.
    pub(crate) status: Status,
}

impl Answer {
    /// All that a caller can see of it.
    pub(crate) fn seen(&self) -> (Vec<Vec<u8>>, Code, String, Vec<u8>) {
        let status = &self.status;
        let (message, details) = (status.message().to_owned(), status.details().to_vec());
        (self.messages.clone(), status.code(), message, details)
    }
}

/// Who calls, over which connection.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    pub(crate) channel: Channel,
    pub(crate) token: Option<String>,
}

impl Caller {
    fn bearer(&self) -> Option<MetadataValue<Ascii>> {
        self.token.as_ref().map(|token| format!("Bearer {token}").parse().unwrap())
    }

    /// Calls a method, of whatever shape, with one message; takes so many answers at most.
    pub(crate) async fn call(&self, path: &str, message: Vec<u8>, answers_max: usize) -> Answer {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(64 << 20);
        grpc.ready().await.unwrap();
        let mut request = Request::new(iter([message]));
        if let Some(bearer) = self.bearer() {
            request.metadata_mut().insert("authorization", bearer);
        }
        let mut messages = Vec::new();
        let mut answers = match grpc.streaming(request, path.parse().unwrap(), Raw).await {
            Ok(answers) => answers.into_inner(),
            Err(status) => return Answer { messages, status },
        };
        let ended = loop {
            match answers.message().await {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break Status::ok(""),
                Err(status) => break status,
            }
            if messages.len() >= answers_max {
                break Status::ok("");
            }
        };
        Answer { messages, status: ended }
    }

    /// Gets a resource: status of HTTP and body; for an answer of gRPC, its status as the body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let mut request = http::Request::get(path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(tonic::body::Body::empty()).unwrap();
        let mut channel = self.channel.clone();
        let response = channel.ready().await.unwrap().call(request).await.unwrap();
        let code = response.status().as_u16();
        if let Some(status) = response.headers().get("grpc-status") {
            return (code, format!("grpc-status {}", status.to_str().unwrap()));
        }
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (code, String::from_utf8_lossy(&body).into_owned())
    }
}
