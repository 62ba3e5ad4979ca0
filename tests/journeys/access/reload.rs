//! Certificates are renewed while the service runs.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rustix::process::{Pid, Signal, kill_process};
use tonic::{Request, transport::ClientTlsConfig};
use witness_tests::{Server, until};
use witness_wire::v1::ListLogsRequest;

use super::site::{Authority, Site, connect, list_logs};

fn hang_up(server: &Server) {
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
}

/// Whether somebody who believes in this authority connects and is answered.
async fn is_served(server: &Server, tls: &ClientTlsConfig) -> bool {
    match connect(server.address(), tls.clone()).await {
        Ok(channel) => list_logs(&channel, Request::new(ListLogsRequest {})).await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_under_load_and_no_connection_breaks() {
    let site = Site::new();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    old.serve(&site);
    let server = site.start(&site.tls(None));
    // Calls without end over connections that stand, while all around them changes.
    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut load = Vec::new();
    for _ in 0..4 {
        let channel = connect(server.address(), old.trusting()).await.unwrap();
        let (stop, calls) = (Arc::clone(&stop), Arc::clone(&calls));
        load.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                list_logs(&channel, Request::new(ListLogsRequest {})).await.unwrap();
                calls.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    assert!(is_served(&server, &old.trusting()).await);
    assert!(!is_served(&server, &new.trusting()).await);

    // Half-way, key and certificate do not go together: nothing changes.
    new.serve(&site);
    let renewed = fs::read_to_string(site.path("server.pem")).unwrap();
    for broken in ["", "no certificate", &fs::read_to_string(site.path("server.key")).unwrap()] {
        fs::write(site.path("server.pem"), broken).unwrap();
        hang_up(&server);
    }
    until("the complaint", async || server.log().contains("the old ones stay")).await;
    assert!(is_served(&server, &old.trusting()).await);
    fs::write(site.path("server.pem"), &renewed).unwrap();
    hang_up(&server);
    until("the new certificate", async || is_served(&server, &new.trusting()).await).await;
    assert!(!is_served(&server, &old.trusting()).await, "the old one is shown still");

    // The next one is found without a signal.
    old.serve(&site);
    until("the next certificate", async || is_served(&server, &old.trusting()).await).await;
    let before = calls.load(Ordering::Relaxed);
    until("more calls", async || calls.load(Ordering::Relaxed) > before + 4).await;
    stop.store(true, Ordering::Relaxed);
    for calls in load {
        calls.await.expect("a connection broke");
    }
    let log = server.stop();
    assert!(!log.contains("PRIVATE KEY"), "a key is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_others_can_read_is_refused_at_the_start_and_later() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    let ours = Authority::new("ours");
    ours.serve(&site);
    let share = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(site.path("server.key"), mode).unwrap();
    };
    let server = site.start(&site.tls(None));
    ours.serve(&site);
    share(0o644);
    hang_up(&server);
    until("the complaint", async || server.log().contains("others could read it")).await;
    assert!(is_served(&server, &ours.trusting()).await);
    server.stop();
    let config = site.configure("127.0.0.1:0", &site.tls(None));
    let said = witness_tests::witnessd_says(&["--config", config.to_str().unwrap()]).expect(1);
    assert!(said.stderr.contains("others could read it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_without_certificates_ends_nothing() {
    let site = Site::new();
    let server = site.start("");
    hang_up(&server);
    let channel = super::site::connect_plain(&server).await;
    list_logs(&channel, Request::new(ListLogsRequest {})).await.unwrap();
    server.stop();
}
