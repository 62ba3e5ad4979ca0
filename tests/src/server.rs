//! A real `witnessd`: started on a folder and a free port, stopped in good order, or killed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::process::{Running, Said, end_of, program};

/// Only against hanging for ever: nothing is judged by it.
const STARTED_WITHIN: Duration = Duration::from_mins(2);
/// All that our own crates have to say, and no more of the others than an operator sees.
const LOG_FILTER: &str = "info,witnessd=trace,witness_ledger=trace,witness_core=trace";

/// Path of the server program.
#[must_use]
pub fn witnessd() -> PathBuf {
    program("witnessd")
}

/// What the server program says when it is started so that it must end by itself.
#[must_use]
pub fn witnessd_says(arguments: &[&str]) -> Said {
    let mut command = Command::new(witnessd());
    command.args(arguments);
    Running::start(command).end()
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy_folder(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

/// A data folder; removed when dropped.
#[derive(Debug)]
pub struct Data {
    folder: TempDir,
}

impl Default for Data {
    fn default() -> Self {
        Self::new()
    }
}

impl Data {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { folder: TempDir::with_prefix("witness-journey-").unwrap() }
    }

    /// A copy as it lies on disk, keys and head copies included. No server may be running on it.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        copy_folder(&self.path(), &copy.path());
        copy
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the operator's socket lies.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path().join("admin.sock")
    }

    /// Starts a server on it, and waits until it serves.
    #[must_use]
    pub fn start(&self) -> Server {
        self.start_at("127.0.0.1:0")
    }

    /// Starts a server on it with further arguments, and waits until it serves.
    #[must_use]
    pub fn start_with(&self, arguments: &[&str]) -> Server {
        let mut command = command(&self.path(), "127.0.0.1:0");
        command.args(arguments);
        Server::spawn(command, self.socket()).serving()
    }

    /// Starts a server on it that says what this filter lets through, and waits until it serves.
    #[must_use]
    pub fn start_saying(&self, filter: &str) -> Server {
        let command = command_saying(&self.path(), "127.0.0.1:0", filter);
        Server::spawn(command, self.socket()).serving()
    }

    /// Starts a server on it that listens on a certain address, and waits until it serves.
    #[must_use]
    pub fn start_at(&self, listen: &str) -> Server {
        Server::spawn(command(&self.path(), listen), self.socket()).serving()
    }

    /// Starts a server that can make no file longer than so many blocks of 512 bytes: the write fails.
    #[must_use]
    pub fn start_with_file_limit(&self, blocks: u32) -> Server {
        let inner = command(&self.path(), "127.0.0.1:0");
        let mut limited = Command::new("sh");
        // Without the trap the signal would end the process before the write can fail.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        limited.arg("-c").arg(script).arg(inner.get_program()).args(inner.get_args());
        Server::spawn(limited, self.socket()).serving()
    }

    /// Starts a server on it and does not wait for anything.
    #[must_use]
    pub fn spawn(&self) -> Server {
        Server::spawn(command(&self.path(), "127.0.0.1:0"), self.socket())
    }

    /// Starts a server that must not come up, and gives what it said.
    #[must_use]
    pub fn refused(&self, listen: &str) -> String {
        let mut server = Server::spawn(command(&self.path(), listen), self.socket());
        assert!(server.address.is_none() && server.wait_for_address().is_none(), "it serves");
        let status = server.wait();
        let log = server.log();
        assert_eq!(status.code(), Some(1), "{log}");
        log
    }
}

fn command(data: &Path, listen: &str) -> Command {
    command_saying(data, listen, LOG_FILTER)
}

fn command_saying(data: &Path, listen: &str, filter: &str) -> Command {
    let mut command = Command::new(witnessd());
    command.args(["--dev", "--listen", listen, "--log", filter, "--data"]).arg(data);
    command
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: Option<SocketAddr>,
    socket: PathBuf,
    log: Arc<Mutex<String>>,
    addresses: mpsc::Receiver<SocketAddr>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Starts one from a configuration file that names this socket, with further arguments, and waits until
    /// it serves.
    #[must_use]
    pub fn configured(config: &Path, socket: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(witnessd());
        command.args(["--log", LOG_FILTER, "--config"]).arg(config).args(arguments);
        Self::spawn(command, socket.to_owned()).serving()
    }

    fn spawn(mut command: Command, socket: PathBuf) -> Self {
        // Without NO_COLOR the log is full of escapes.
        command.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (said, addresses) = mpsc::channel();
        let (lines, kept) =
            (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(address) = address_in(&line) {
                    // Whoever does not wait for it does not need it.
                    said.send(address).ok();
                }
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { child, address: None, socket, log, addresses, reader: Some(reader) }
    }

    fn wait_for_address(&self) -> Option<SocketAddr> {
        match self.addresses.recv_timeout(STARTED_WITHIN) {
            Ok(address) => Some(address),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs:\n{}", self.log()),
        }
    }

    fn serving(mut self) -> Self {
        self.address = self.wait_for_address();
        assert!(self.address.is_some(), "witnessd did not start:\n{}", self.log());
        self
    }

    /// Where it serves.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    /// The operator's socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to stderr so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Kills it as a power cut would, with no chance to tidy up.
    #[expect(clippy::must_use_candidate, reason = "one kills it for the deed, not for its log")]
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.wait();
        self.log()
    }

    /// Waits until it has ended by itself; gives its log.
    #[must_use]
    pub fn ended(mut self) -> String {
        let status = self.wait();
        let log = self.log();
        assert!(!status.success(), "{status}:\n{log}");
        log
    }

    /// Asks it to stop, and waits until it did in good order; gives its log.
    #[expect(clippy::must_use_candidate, reason = "one stops it for the deed, not for its log")]
    pub fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = self.wait();
        let log = self.log();
        assert!(status.success(), "{status}:\n{log}");
        log
    }

    fn wait(&mut self) -> ExitStatus {
        let ended = end_of(&mut self.child);
        let status = ended.unwrap_or_else(|| panic!("it does not end:\n{}", self.log()));
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("serving address=")?;
    rest.split(' ').next()?.parse().ok()
}
