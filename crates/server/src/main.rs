//! `witnessd`: the service of the witness ledger, for one firm with one or many logs.
//!
//! `main` ties the parts: it alone reads the clock, the configuration, the keys and the randomness, and
//! hands them on as arguments.

mod access;
mod anchoring;
mod bounds;
mod bundle;
mod clock;
mod config;
mod connections;
mod convert;
mod dev;
mod evidence;
mod firm;
mod http;
mod keys;
mod memo;
mod metrics;
mod places;
mod retention;
mod rolled;
mod rollups;
mod serve;
mod services;
mod tls;
mod turns;
mod untaken;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

/// RocksDB and the service share it; the system's allocator keeps what RocksDB gives back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    witness_anchor::install_tls();
    let arguments = config::Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(&arguments.log_filter))
        .with_writer(std::io::stderr)
        .with_ansi(config::Arguments::is_coloured())
        .init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &config::Arguments) -> anyhow::Result<()> {
    let config = match (&arguments.config, arguments.dev) {
        (Some(path), false) => {
            config::Config { init: arguments.init, ..config::Config::load(path)? }
        }
        (None, true) => dev::prepare(arguments)?,
        _ => anyhow::bail!("give either --config FILE, or --dev to try it out; see --help"),
    };
    config.check()?;
    let firm = firm::Firm::open(&config)?;
    if arguments.dev {
        dev::register(&firm, &config)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    runtime.block_on(serve::serve(std::sync::Arc::new(firm), &config))
}
