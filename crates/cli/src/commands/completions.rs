//! `witness completions`: what a shell needs to complete our commands.

use std::io;

use anyhow::Result;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{args::Cli, outcome::Outcome};

/// Arguments of `witness completions`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  witness completions bash > /etc/bash_completion.d/witness")]
pub(crate) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &CompletionsArgs) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "witness", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)?;
    Ok(Outcome::Done)
}
