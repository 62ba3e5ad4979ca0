//! Processes of our programs: where the programs lie, what they say, and a bound on waiting for them.

use std::{
    io::{Read, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Two minutes, only against hanging for ever: nothing is judged by it.
const LOOKS_MAX: u32 = 60_000;

/// Path of a program of ours, which lies beside the test program's own folder.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let program = profile.join(name);
    assert!(
        program.exists(),
        "{} is missing: run `cargo build --workspace --bins` first",
        program.display()
    );
    program
}

/// How a process ended; none if it hangs.
pub(crate) fn end_of(child: &mut Child) -> Option<ExitStatus> {
    for _ in 0..LOOKS_MAX {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(LOOK_EVERY);
    }
    None
}

/// A program on its way to its end; killed when dropped.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts it with nothing to read. Its output is without colours.
    pub(crate) fn start(command: Command) -> Self {
        Self::reading(command, Stdio::null())
    }

    /// Starts it with something to read.
    pub(crate) fn reading(mut command: Command, stdin: Stdio) -> Self {
        let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
        let name = command.get_program().to_string_lossy().into_owned();
        let line = [vec![name], words.collect()].concat().join(" ");
        command.env("NO_COLOR", "1").stdin(stdin);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().map(read_all);
        let stderr = child.stderr.take().map(read_all);
        let stdin = child.stdin.take();
        Self { line, child, stdin, stdout, stderr }
    }

    /// Gives it more to read.
    pub fn feed(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits for its end; there is no more to read.
    #[must_use]
    pub fn end(mut self) -> Said {
        drop(self.stdin.take());
        let status = end_of(&mut self.child);
        let hangs = status.is_none();
        let said = self.said(status);
        assert!(!hangs, "it hangs: {said}");
        said
    }

    /// Waits until something has come about, or it has ended. Gives whether it still runs.
    pub fn wait_for(&mut self, is_time: impl Fn() -> bool) -> bool {
        for _ in 0..LOOKS_MAX {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if is_time() {
                return true;
            }
            thread::sleep(LOOK_EVERY);
        }
        panic!("it hangs: {}", self.said(None))
    }

    /// Asks it to stop, and waits for its end.
    #[must_use]
    pub fn stop(self) -> Said {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.end()
    }

    /// Kills it, as a power cut would; it may have ended before.
    #[must_use]
    pub fn kill(mut self) -> Said {
        self.said(None)
    }

    fn said(&mut self, status: Option<ExitStatus>) -> Said {
        let status = status.unwrap_or_else(|| {
            self.child.kill().unwrap();
            self.child.wait().unwrap()
        });
        let text = |reader: Option<JoinHandle<String>>| reader.unwrap().join().unwrap();
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        Said { line: self.line.clone(), code: status.code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// What a program said, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The call, as one would type it.
    pub line: String,
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Said {
    /// Stops the journey unless it ended with this code.
    #[must_use]
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// The answer to a call with `--json`: one object on one line.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        let value: Value = match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("no JSON ({error}): {self}"),
        };
        assert!(value.is_object() && self.stdout.lines().count() == 1, "{self}");
        value
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, code, stdout, stderr } = self;
        write!(f, "`{line}` ended with {code:?}\nstdout:\n{stdout}\nstderr:\n{stderr}")
    }
}
