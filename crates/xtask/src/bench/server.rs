//! The server under measurement: one `witnessd --dev` of our own, ended with us.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::machine::{TICKS_PER_SECOND, now};
use super::must_run;
use crate::environment::Environment;
use crate::process::{program, run};

/// How long it may take to open its data, and to finish what it accepted.
const START_WITHIN: Duration = Duration::from_mins(2);
const STOP_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running `witnessd`.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    /// Its URL.
    pub(super) address: String,
    /// From its start to the first connection.
    pub(super) started_in: Duration,
}

impl Server {
    /// Starts it on its data and a free port; ready when this returns.
    pub(super) fn start(environment: &Environment, witnessd: &Path, data: &Path) -> Result<Self> {
        let listen = free_port()?;
        let mut command = program(environment, witnessd, ["--dev", "--log", "error", "--listen"]);
        command.arg(listen.to_string()).arg("--data").arg(data).stdin(Stdio::null());
        let began = now();
        let child = command.spawn().context("witnessd cannot be started")?;
        let address = format!("http://{listen}");
        let mut server = Self { child, address, started_in: Duration::ZERO };
        while TcpStream::connect(listen).is_err() {
            must_run(&mut server.child, "witnessd")?;
            if began.elapsed() > START_WITHIN {
                bail!("witnessd does not listen on {listen} after {START_WITHIN:?}");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        server.started_in = began.elapsed();
        Ok(server)
    }

    /// Largest resident size so far, in KiB.
    pub(super) fn rss_kib_max(&self) -> Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.and_then(|line| line.split_whitespace().next());
        size.and_then(|size| size.parse().ok()).context("the server's VmHWM")
    }

    /// Processor seconds so far.
    pub(super) fn processor_seconds(&self) -> Result<f64> {
        let stat = self.read("stat")?;
        // The second word is the program's name in brackets, and may hold anything; 14 and 15 count.
        let (_, rest) = stat.rsplit_once(')').context("the server's processor time")?;
        let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        let ticks: Vec<f64> = ticks.collect::<Result<_, _>>()?;
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }

    fn read(&self, name: &str) -> Result<String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))
    }

    /// Asks it to finish, and waits.
    pub(super) fn stop(&mut self) -> Result<()> {
        run(std::process::Command::new("kill").arg("-TERM").arg(self.child.id().to_string()))?;
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
}

impl Drop for Server {
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
