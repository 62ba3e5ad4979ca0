//! Configuration: read once, here, and handed on in slices.

mod chain;
mod domains;
mod limits;

use std::{
    fs,
    io::IsTerminal as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use clap::Parser;
use serde::Deserialize;
use witness_core::name::Name;

pub(crate) use self::{
    chain::Chain,
    domains::Domains,
    limits::{AuditLimit, Limit, Limits},
};

/// The witness ledger's service: takes issuers' signed events into an append-only log, and proves it.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Try it out:   witnessd --dev\nIn earnest:   witness firm init …\n              witnessd --config /etc/witnessd/witnessd.toml --init     (the first time)\n              witnessd --config /etc/witnessd/witnessd.toml"
)]
pub(crate) struct Arguments {
    /// Configuration file (TOML); deploy/witnessd.example.toml explains every option
    #[arg(long, value_name = "FILE", conflicts_with = "dev")]
    pub(crate) config: Option<PathBuf>,
    /// Begin the logs that the data folder does not hold yet; needed once for each new log
    #[arg(long)]
    pub(crate) init: bool,
    /// Development: fresh keys, a development issuer, loopback. Never in earnest: the root key lies beside
    /// the data
    #[arg(long)]
    pub(crate) dev: bool,
    /// With --dev: address to listen on, loopback only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7761", requires = "dev")]
    pub(crate) listen: SocketAddr,
    /// With --dev: data folder
    #[arg(long, value_name = "DIR", default_value = "witness-dev", requires = "dev")]
    pub(crate) data: PathBuf,
    /// With --dev: file with the chains that roll-ups go to, as `witness anchor deploy` writes it; one node is
    /// enough for each
    #[arg(long, value_name = "FILE", requires = "dev")]
    pub(crate) chains: Option<PathBuf>,
    /// With --dev: seconds between roll-ups
    #[arg(long, value_name = "SECONDS", default_value_t = default_rollup_every_s(), requires = "dev")]
    pub(crate) rollup_every_s: u64,
    /// With --dev: seconds between two heads of the access log
    #[arg(long, value_name = "SECONDS", default_value_t = default_access_head_every_s(), requires = "dev")]
    pub(crate) access_head_every_s: u64,
    /// What to log to stderr: error, warn, info, debug, or a filter per module
    #[arg(long = "log", value_name = "FILTER", default_value = "info")]
    pub(crate) log_filter: String,
}

impl Arguments {
    /// Whether the log may have colours: for a terminal, unless `NO_COLOR` says otherwise.
    #[expect(
        clippy::disallowed_methods,
        reason = "here the surroundings are read, and nowhere else"
    )]
    pub(crate) fn is_coloured() -> bool {
        let no_color = std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty());
        std::io::stderr().is_terminal() && !no_color
    }
}

/// The configuration file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Address for gRPC and HTTP; without TLS loopback only.
    pub(crate) listen: SocketAddr,
    /// Folder of all data.
    pub(crate) data: PathBuf,
    /// Folder of the key files and firm notes, as `witness firm init` makes it.
    pub(crate) keys: PathBuf,
    /// The firm's root vkey; the root key itself stays offline.
    pub(crate) root_vkey: String,
    /// The logs, by their short names.
    pub(crate) logs: Vec<String>,
    /// Socket for the operator, mode 0600.
    pub(crate) admin_socket: Option<PathBuf>,
    /// Folder of the head copies: best on another disk than the data.
    pub(crate) head_copies: Option<PathBuf>,
    /// Memory for the blocks of each log's store, in MiB.
    #[serde(default = "default_cache_mib")]
    pub(crate) cache_mib: usize,
    /// Refuse receipts while the kernel says that its clock is not synchronised.
    #[serde(default)]
    pub(crate) require_synchronised_clock: bool,
    /// Seconds between roll-ups: what was published meanwhile comes under the next one.
    #[serde(default = "default_rollup_every_s")]
    pub(crate) rollup_every_s: u64,
    /// Seconds between two heads of the access log in the logs, counted from the epoch; a day is one in UTC.
    #[serde(default = "default_access_head_every_s")]
    pub(crate) access_head_every_s: u64,
    /// TLS on that address.
    pub(crate) tls: Option<Tls>,
    /// How it is found out that a domain is an issuer's own.
    #[serde(default)]
    pub(crate) domains: Domains,
    /// What one caller may take.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// The chains that roll-ups go to; none is possible.
    #[serde(default)]
    pub(crate) chains: Vec<Chain>,
    /// Whether logs that are not there may begin; from the command line alone.
    #[serde(skip)]
    pub(crate) init: bool,
    /// Whether this is but for trying out; from the command line alone.
    #[serde(skip)]
    pub(crate) is_development: bool,
}

/// Files of TLS, all in PEM; looked at again while the service runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The service's certificate, and those between it and its authority.
    pub(crate) certificate: PathBuf,
    /// Its key, mode 0600.
    pub(crate) key: PathBuf,
    /// Authorities whose client certificates are looked at; without them none is asked for.
    pub(crate) client_ca: Option<PathBuf>,
}

/// A file that holds chains alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainsFile {
    chains: Vec<Chain>,
}

/// The chains of a file that holds nothing else.
pub(crate) fn load_chains(path: &Path) -> anyhow::Result<Vec<Chain>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the chains in {} cannot be read", path.display()))?;
    let file: Result<ChainsFile, _> = toml::from_str(&text);
    let file = file.map_err(|error| {
        let (path, place) = (path.display(), place(&text, &error));
        anyhow!("{path} must hold [[chains]] and nothing else{place}")
    })?;
    Ok(file.chains)
}

/// Where a file is wrong, and which option is not known or missing. The line itself is not shown: it may hold an
/// address of a node with its key.
fn place(text: &str, error: &toml::de::Error) -> String {
    const ABOUT_A_NAME: [&str; 3] = ["unknown field", "missing field", "duplicate"];
    let line = error.span().and_then(|span| text.get(..span.start));
    let line = line.map(|before| format!(", line {}", before.matches('\n').count() + 1));
    let message = error.message();
    let is_about_a_name = ABOUT_A_NAME.iter().any(|begin| message.starts_with(begin));
    let what = if is_about_a_name { format!(": {message}") } else { String::new() };
    line.unwrap_or_default() + &what
}

fn default_rollup_every_s() -> u64 {
    600
}

fn default_access_head_every_s() -> u64 {
    86_400
}

fn default_cache_mib() -> usize {
    64
}

impl Config {
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("the configuration {} cannot be read", path.display()))?;
        toml::from_str(&text).map_err(|error| {
            let (path, place) = (path.display(), place(&text, &error));
            anyhow!(
                "the configuration {path} is not right{place}; compare deploy/witnessd.example.toml"
            )
        })
    }

    /// What no configuration may say.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if !self.listen.ip().is_loopback() && self.tls.is_none() {
            bail!(
                "listen = \"{}\" is not loopback, and there is no [tls]: hashes and tokens do not travel in the clear; \
                 give a certificate and its key under [tls], or listen on 127.0.0.1 or [::1]",
                self.listen
            );
        }
        if self.logs.is_empty() || self.logs.iter().any(|log| Name::parse(log).is_none()) {
            bail!("logs must name at least one log, each [a-z0-9-]{{1,32}}");
        }
        if !(8..=65_536).contains(&self.cache_mib) {
            bail!("cache_mib must be 8 to 65536, is {}", self.cache_mib);
        }
        if !(1..=86_400).contains(&self.rollup_every_s) {
            bail!("rollup_every_s must be 1 to 86400, is {}", self.rollup_every_s);
        }
        if !(1..=86_400).contains(&self.access_head_every_s) {
            bail!("access_head_every_s must be 1 to 86400, is {}", self.access_head_every_s);
        }
        self.domains.check()?;
        self.limits.check()?;
        chain::check(&self.chains, self.is_development)
    }

    pub(crate) fn admin_socket(&self) -> PathBuf {
        self.admin_socket.clone().unwrap_or_else(|| self.data.join("admin.sock"))
    }

    pub(crate) fn head_copies(&self) -> PathBuf {
        self.head_copies.clone().unwrap_or_else(|| self.data.join("head-copies"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "listen = \"127.0.0.1:1\"\ndata = \"d\"\nkeys = \"k\"\nroot_vkey = \"v\"\nlogs = [\"log1\"]\n";

    #[test]
    fn unknown_options_are_refused() {
        assert!(toml::from_str::<Config>(GOOD).is_ok());
        assert!(toml::from_str::<Config>(&format!("{GOOD}lisen = 1\n")).is_err());
    }

    #[test]
    fn an_error_names_line_and_option_and_repeats_no_value() {
        let wrong = [
            (GOOD.to_owned() + "lisen = \"SECRET\"\n", ", line 6: unknown field `lisen`"),
            (GOOD.to_owned() + "cache_mib = \"SECRET\"\n", ", line 6"),
            (GOOD.to_owned() + "url = https://SECRET\n", ", line 6"),
            (GOOD.replace("logs = ", "logs_ = "), "field"),
        ];
        for (text, said) in wrong {
            let error = toml::from_str::<Config>(&text).unwrap_err();
            let place = place(&text, &error);
            assert!(place.contains(said) && !place.contains("SECRET"), "{place}");
        }
    }

    #[test]
    fn only_loopback_is_listened_on_without_tls() {
        let mut config: Config = toml::from_str(GOOD).unwrap();
        assert!(config.check().is_ok());
        config.listen = "0.0.0.0:1".parse().unwrap();
        assert!(config.check().unwrap_err().to_string().contains("not loopback"));
        let tls = "[tls]\ncertificate = \"c\"\nkey = \"k\"\n";
        let listen = "listen = \"0.0.0.0:1\"";
        let public = GOOD.replace("listen = \"127.0.0.1:1\"", listen) + tls;
        assert!(toml::from_str::<Config>(&public).unwrap().check().is_ok());
    }

    #[test]
    fn the_example_is_right_and_names_every_option() {
        let example =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/witnessd.example.toml");
        let text = fs::read_to_string(&example).unwrap();
        // As it stands it names no chain; those that it shows stand behind a `#` without a space.
        assert!(Config::load(&example).unwrap().chains.is_empty());
        let lines = text.lines().map(|line| match line.strip_prefix('#') {
            Some(option) if !option.starts_with(' ') => format!("{option}\n"),
            _ => format!("{line}\n"),
        });
        let text: String = lines.collect();
        let config: Config = toml::from_str(&text).unwrap();
        config.check().unwrap();
        assert!(witness_core::key::VerifyingKey::parse(&config.root_vkey).is_ok());
        // Written out, so that a new option does not compile without its place in the example.
        let Config {
            listen: _,
            data: _,
            keys: _,
            root_vkey: _,
            logs: _,
            admin_socket,
            head_copies,
            cache_mib,
            require_synchronised_clock,
            rollup_every_s,
            access_head_every_s,
            tls,
            domains,
            limits,
            chains,
            init: _,
            is_development: _,
        } = config;
        let Tls { certificate: _, key: _, client_ca } = tls.unwrap();
        assert!(client_ca.is_some());
        check_domains(&domains);
        check_limits(&limits, &text);
        let [chain] = chains.as_slice() else { panic!("the example has one chain") };
        assert_eq!(rollup_every_s, default_rollup_every_s());
        assert_eq!(access_head_every_s, default_access_head_every_s());
        assert!(admin_socket.is_some() && head_copies.is_some());
        assert_eq!((cache_mib, require_synchronised_clock), (default_cache_mib(), false));
        let options = [
            "cache_mib",
            "require_synchronised_clock",
            "rollup_every_s",
            "access_head_every_s",
            "prove",
            "https_port",
            "allow_private",
        ];
        for option in options {
            assert!(text.contains(&format!("{option} = ")), "{option}");
        }
        let numbers = [
            ("first_block", chain.first_block),
            ("interval_s", chain.interval_s),
            ("poll_s", chain.poll_s),
            ("bump_after_s", chain.bump_after_s),
            ("tip_min_wei", chain.tip_min_wei),
            ("anchor_max_gwei", chain.anchor_max_gwei),
            ("day_max_gwei", chain.day_max_gwei),
            ("month_max_gwei", chain.month_max_gwei),
        ];
        for (option, value) in numbers {
            assert!(text.contains(&format!("{option} = {value}\n")), "{option}");
        }
    }

    fn check_domains(domains: &Domains) {
        let Domains { prove, resolver, ca, https_port, allow_private } = domains;
        let default = Domains::default();
        assert!(resolver.is_some() && ca.is_some());
        assert_eq!(
            (*prove, *https_port, *allow_private),
            (default.prove, default.https_port, default.allow_private)
        );
    }

    fn check_limits(limits: &Limits, text: &str) {
        assert_eq!(*limits, Limits::default());
        let Limits { stalled_after_s, idle_after_s, untaken_mib, anybody, known: _, audit } =
            *limits;
        for (option, value) in [
            ("stalled_after_s", stalled_after_s),
            ("idle_after_s", idle_after_s),
            ("untaken_mib", untaken_mib.into()),
        ] {
            assert!(text.contains(&format!("\n{option} = {value}\n")), "{option}");
        }
        let Limit { calls_per_s, mib_per_s, unfinished_mib, calls, streams } = anybody;
        for (option, value) in [
            ("calls_per_s", calls_per_s),
            ("mib_per_s", mib_per_s),
            ("unfinished_mib", unfinished_mib),
            ("calls", calls),
            ("streams", streams),
        ] {
            let shown = text.matches(&format!("\n{option} = {value}\n")).count();
            assert_eq!(shown, 2, "{option}, for anybody and for who is known");
        }
        let AuditLimit { calls_per_s, turns, turns_of_all } = audit;
        let audit = format!("\ncalls_per_s = {calls_per_s}\n");
        for option in
            [audit, format!("\nturns = {turns}\n"), format!("\nturns_of_all = {turns_of_all}\n")]
        {
            assert_eq!(text.matches(&option).count(), 1, "{option}");
        }
    }
}
