//! The program `witness`, run in a folder as anybody would run it.

use std::{
    path::{Path, PathBuf},
    process::Command,
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

    /// Starts it.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(program("witness"));
        for name in
            ["WITNESS_SERVER", "WITNESS_ADMIN", "WITNESS_LOG", "WITNESS_TOKEN_FILE", "WITNESS_CA"]
        {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().cloned());
        command.current_dir(&self.folder).args(arguments);
        Running::start(command)
    }
}
