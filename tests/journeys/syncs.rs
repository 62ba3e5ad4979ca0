//! No answer leaves before what it acknowledges is on disk, and a batch costs one sync: seen from outside by
//! the server's own counter, and by its system calls.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tokio::task::JoinSet;
use witness_tests::{Data, Issuer, Server, Stream, Trust, document, issued, scaled, tell};
use witness_wire::v1;

fn one(stream: &mut Stream, number: u64) -> v1::SubmitRequest {
    stream.next(&[issued(document(format!("{} {number}", stream.name)))])
}

/// Syncs of the write-ahead log, and published checkpoints, at a moment when nothing is under way.
fn at_rest(server: &Server) -> (u64, u64) {
    server.settled();
    let sizes = u64::try_from(server.published_sizes().len()).unwrap();
    (server.metric("witness_log_syncs"), sizes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_submission_costs_exactly_one_sync_and_so_does_a_published_checkpoint() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(&data).stream("main");
    let (syncs, published) = at_rest(&server);
    let rounds = scaled(12, 200);
    let mut last = v1::SubmitRequest::default();
    for number in 0..rounds {
        let before = server.metric("witness_log_syncs");
        last = one(&mut stream, number);
        clients.submit(last.clone()).await.unwrap();
        assert!(server.metric("witness_log_syncs") > before, "answered before the sync");
    }
    let (syncs_now, published_now) = at_rest(&server);
    assert_eq!(syncs_now - syncs, rounds + (published_now - published));
    // What is only read, or known, or refused costs none.
    clients.submit(last).await.unwrap();
    let _never_sent = one(&mut stream, rounds);
    assert_eq!(clients.refused(one(&mut stream, rounds + 1)).await.reason, "OUT_OF_SEQUENCE");
    assert_eq!(at_rest(&server), (syncs_now, published_now));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn submissions_of_one_batch_share_one_sync_and_one_checkpoint() {
    let data = Data::new();
    let server = data.start();
    let trust = Trust::of_dev(&data);
    let issuer = Issuer::of_dev(&data);
    let (writers, each) = (16, scaled(20, 100));
    let mut streams = Vec::new();
    for number in 0..writers {
        streams.push(server.open_stream(&issuer, &format!("stream-{number}")).await);
    }
    let (syncs, published) = at_rest(&server);
    let mut load = JoinSet::new();
    for mut stream in streams {
        let (mut clients, trust) = (server.clients().await, trust.clone());
        load.spawn(async move {
            let mut sizes = Vec::new();
            for number in 0..each {
                let request = one(&mut stream, number);
                let receipt = clients.submit(request.clone()).await.unwrap();
                sizes.push(trust.receipt(&request.submission, &receipt).size.0);
            }
            sizes
        });
    }
    let sizes: BTreeSet<u64> = load.join_all().await.into_iter().flatten().collect();
    let batches = u64::try_from(sizes.len()).unwrap();
    let (syncs_now, published_now) = at_rest(&server);
    let submissions = writers * each;
    tell(&format!("syncs: {submissions} submissions in {batches} batches"));
    assert_eq!(syncs_now - syncs, batches + (published_now - published));
    assert!(batches < submissions, "no two submissions shared a batch");
    server.stop();
}

/// Follows the system calls of a running process into a file.
struct Trace(Child);

impl Trace {
    fn of(server: &Server, file: &Path) -> Self {
        const CALLS: &str =
            "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,fsync,fdatasync";
        let mut strace = Command::new("strace");
        strace.args(["-f", "-s", "65536", "-e", CALLS, "-p", &server.pid().to_string(), "-o"]);
        let spawned = strace.arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(mut child) = spawned else {
            panic!("strace is needed to observe system calls: sudo apt-get install strace");
        };
        // It is attached once it writes; the server publishes nothing now, but its runtime wakes up.
        for _ in 0..600 {
            let _woken = server.metric("witness_log_size");
            if fs::metadata(file).is_ok_and(|file| file.len() > 0) {
                return Self(child);
            }
            if child.try_wait().unwrap().is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        drop(child.kill());
        child.wait().unwrap();
        panic!(
            "strace may not attach: as root, or after sudo sysctl kernel.yama.ptrace_scope=0, it may"
        );
    }

    fn end(mut self) {
        // SIGTERM makes it let go of the server, and write what it has.
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap();
    }
}

/// What a line of the trace says, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Received,
    Synced,
    Sent,
}

fn call_in(line: &str, receipt_root: &str) -> Option<Call> {
    let is_sync = line.contains("fdatasync(") || line.contains("fdatasync resumed>");
    if is_sync {
        return line.ends_with("= 0").then_some(Call::Synced);
    }
    // Data that was read stands where the call ended; data that is written, where it begins.
    if line.contains("witness-submission/v1") && !line.contains("write") && !line.contains("send") {
        return Some(Call::Received);
    }
    let sends = ["writev(", "sendto(", "sendmsg("].iter().any(|call| line.contains(call));
    (sends && line.contains(receipt_root)).then_some(Call::Sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn between_a_request_and_its_answer_the_disk_is_synced() {
    let data = Data::new();
    let server = data.start();
    let trust = Trust::of_dev(&data);
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(&data).stream("main");
    clients.submit(one(&mut stream, 0)).await.unwrap();
    for round in 1..=scaled(3, 20) {
        server.settled();
        let file = data.path().join(format!("trace-{round}"));
        let trace = Trace::of(&server, &file);
        let request = one(&mut stream, round);
        let receipt = clients.submit(request.clone()).await.unwrap();
        trace.end();
        let root = trust.receipt(&request.submission, &receipt).root.to_base64();
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        let calls: Vec<Call> = text.lines().filter_map(|line| call_in(line, &root)).collect();
        let received = calls.iter().position(|call| *call == Call::Received);
        let sent = calls.iter().position(|call| *call == Call::Sent);
        let (Some(received), Some(sent)) = (received, sent) else {
            panic!("request or answer not seen: {calls:?}\n{text}")
        };
        // Nothing else waits for the disk, so the first sync is that of the batch; its published checkpoint
        // costs another one, which on a slow machine comes before the answer, too.
        let between = &calls[received + 1..sent];
        assert!(between.contains(&Call::Synced), "answered before the sync: {calls:?}");
    }
    server.stop();
}
