//! Plain files of a firm and its logs over HTTP/1.1.
//!
//! What must hold: an answer has a bounded length and time, and no redirect or proxy is followed.

use std::time::Duration;

use ureq::{Agent, tls::TlsConfig};
use witness_core::name::Origin;

use crate::{
    args::ServerArgs,
    credentials::Bearer,
    outcome::Failure,
    rpc::{self, Safety},
};

const SECONDS_MAX: u64 = 60;

/// What a server shows to anybody under one prefix.
#[derive(Debug)]
pub(crate) struct PublicFiles {
    agent: Agent,
    bearer: Bearer,
    prefix: String,
}

impl PublicFiles {
    /// Those of one log, under the log's own name.
    pub(crate) fn of_log(server: &ServerArgs, origin: &Origin) -> anyhow::Result<Self> {
        let firm = Self::of_firm(server)?;
        Ok(Self { prefix: format!("{}/{}", firm.prefix, origin.log()), ..firm })
    }

    /// Those of the firm, which are over all of its logs.
    pub(crate) fn of_firm(args: &ServerArgs) -> anyhow::Result<Self> {
        let server = &*args.server;
        let tls = match rpc::safety(server)? {
            Safety::Loopback => TlsConfig::default(),
            Safety::Tls => args.caller.tls_of_files()?,
        };
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(Duration::from_secs(SECONDS_MAX)))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        let prefix = server.trim_end_matches('/').to_owned();
        Ok(Self { agent: config.new_agent(), bearer: args.caller.bearer()?, prefix })
    }

    /// A file of at most `limit` bytes; `None` if it is not there.
    pub(crate) fn get(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        let url = format!("{}/{path}", self.prefix);
        let unreachable = |error: ureq::Error| {
            Failure::cannot_tell(format!("no answer from {url}: {error}"))
                .next("check the address, and that witnessd runs there")
        };
        let mut request = self.agent.get(&url);
        if let Some(header) = self.bearer.header() {
            request = request.header("authorization", header);
        }
        let mut response = request.call().map_err(unreachable)?;
        match response.status().as_u16() {
            200 => {
                let body = response.body_mut().with_config().limit(limit).read_to_vec();
                body.map(Some).map_err(unreachable)
            }
            404 => Ok(None),
            status => Err(Failure::cannot_tell(format!("{url} is answered with HTTP {status}"))
                .next("try again later, or check the address")),
        }
    }

    /// A file that must be there.
    pub(crate) fn need(&self, path: &str, limit: u64) -> Result<Vec<u8>, Failure> {
        self.get(path, limit)?.ok_or_else(|| {
            Failure::cannot_tell(format!("{}/{path} is not there", self.prefix)).next(
                "check that the server is this firm's and has this log, and what it says of itself",
            )
        })
    }
}
