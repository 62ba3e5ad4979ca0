//! The program `witness`, run in a folder as anybody would run it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Server,
    process::{Running, Said, program},
};

/// A folder in which `witness` is run, and the server that it asks.
#[derive(Debug, Clone)]
pub struct Witness {
    folder: PathBuf,
    environment: Vec<(&'static str, PathBuf)>,
}

impl Witness {
    /// In a folder, with no server.
    #[must_use]
    pub fn within(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), environment: Vec::new() }
    }

    /// In the same folder, with a server and its operator's socket.
    #[must_use]
    pub fn asking(&self, server: &Server) -> Self {
        let environment = vec![
            ("WITNESS_SERVER", format!("http://{}", server.address()).into()),
            ("WITNESS_ADMIN", server.socket().to_owned()),
        ];
        Self { folder: self.folder.clone(), environment }
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.start(arguments).end()
    }

    /// Runs it for a reader that takes so many lines and then goes away; gives what that took.
    #[must_use]
    pub fn run_for_head(&self, arguments: &[&str], lines: usize) -> Said {
        let mut shell = self.within_it(Command::new("sh"));
        let script = format!("\"$0\" \"$@\" | head -n {lines}");
        shell.arg("-c").arg(script).arg(program("witness")).args(arguments);
        Running::start(shell).end()
    }

    /// Starts it with nothing to read.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Starts it; it is fed.
    #[must_use]
    pub fn start_to_feed(&self, arguments: &[&str]) -> Running {
        Running::reading(self.command(arguments), Stdio::piped())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.within_it(Command::new(program("witness")));
        command.args(arguments);
        command
    }

    /// A command in the folder, with the server's addresses.
    fn within_it(&self, mut command: Command) -> Command {
        for name in
            ["WITNESS_SERVER", "WITNESS_ADMIN", "WITNESS_LOG", "WITNESS_TOKEN_FILE", "WITNESS_CA"]
        {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().cloned());
        command.current_dir(&self.folder);
        command
    }
}
