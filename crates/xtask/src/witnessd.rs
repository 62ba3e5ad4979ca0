//! A `witnessd --dev` of our own: started on a free port of this machine, and ended with us.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::environment::Environment;
use crate::process::{program, run};
use crate::steps::now;

/// How long it may take to open its data, and to finish what it accepted.
const START_WITHIN: Duration = Duration::from_mins(2);
const STOP_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running `witnessd`.
#[derive(Debug)]
pub(crate) struct Witnessd {
    child: Child,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Its URL.
    pub(crate) address: String,
    /// From its start to the first connection.
    pub(crate) started_in: Duration,
}

impl Witnessd {
    /// Starts it on its data, with further arguments; it answers when this returns.
    pub(crate) fn start(
        environment: &Environment,
        witnessd: &Path,
        (data, more): (&Path, &[&str]),
        (level, log): (&str, Stdio),
    ) -> Result<Self> {
        let listen = free_port()?;
        let mut command = program(environment, witnessd, ["--dev", "--log", level, "--listen"]);
        command.arg(listen.to_string()).arg("--data").arg(data).args(more);
        // A file of lines, with no colours in it.
        command.stdin(Stdio::null()).stderr(log).env("NO_COLOR", "1");
        let began = now();
        let child = command.spawn().context("witnessd cannot be started")?;
        let address = format!("http://{listen}");
        let mut server = Self { child, listen, address, started_in: Duration::ZERO };
        while !server.answers() {
            server.must_run()?;
            if began.elapsed() > START_WITHIN {
                bail!("witnessd does not listen on {listen} after {START_WITHIN:?}");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        server.started_in = began.elapsed();
        Ok(server)
    }

    /// Id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether somebody listens at its address.
    pub(crate) fn answers(&self) -> bool {
        TcpStream::connect(self.listen).is_ok()
    }

    /// Asks it to finish, and waits.
    pub(crate) fn stop(&mut self) -> Result<()> {
        // The shell's own `kill`: the program of that name is not everywhere.
        let id = self.id().to_string();
        run(Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &id]))?;
        let began = now();
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("witnessd failed ({status})"),
                None if began.elapsed() > STOP_WITHIN => {
                    bail!("witnessd has not ended {STOP_WITHIN:?} after SIGTERM")
                }
                None => std::thread::sleep(LOOK_EVERY),
            }
        }
    }

    fn must_run(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("witnessd has ended ({status})"),
        }
    }
}

impl Drop for Witnessd {
    fn drop(&mut self) {
        // Nothing is lost: the data is thrown away, or the server has ended in good order.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?)
}
