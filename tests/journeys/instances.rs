//! One writer for ever: a second instance, an old copy of the data, an open key file or an open port are
//! refused, and whoever reads meanwhile is told why.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::Path,
};

use tonic::Code;
use witness_core::{
    event::{Change, StatusClass},
    hash::Hash,
    merkle::{TreeSize, verify_consistency},
};
use witness_tests::{
    Data, Issuer, Server, Trust, ask, copy_folder, document, issued, occurred, reason, refusal,
    status,
};
use witness_wire::v1;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_refused_and_the_first_goes_on() {
    let data = Data::new();
    let server = data.start();
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(&data).stream("main");
    clients.submit(stream.next(&[issued(document("before"))])).await.unwrap();
    for _ in 0..3 {
        let log = data.refused("127.0.0.1:0");
        assert!(log.contains("is another witnessd running on it?"), "{log}");
    }
    clients.submit(stream.next(&[issued(document("after"))])).await.unwrap();
    server.register("issuer-added neighbour.example\n", &[]).await.unwrap();
    // A server that was killed leaves its socket and its lock file: they hold nobody up.
    server.kill();
    assert!(data.socket().exists());
    let server = data.start();
    server.register("issuer-added other.example\n", &[]).await.unwrap();
    server.stop();
    assert!(!data.socket().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_socket_and_the_data_are_for_their_user_alone() {
    let data = Data::new();
    let server = data.start();
    assert!(fs::symlink_metadata(data.socket()).unwrap().file_type().is_socket());
    assert_eq!(mode(&data.socket()), 0o600);
    assert_eq!(mode(&data.path()), 0o700);
    assert_eq!(mode(&data.path().join("logs")), 0o700);
    for key in fs::read_dir(data.path().join("keys")).unwrap() {
        let path = key.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "skey") {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    server.stop();
    for name in ["log1.log.skey", "log1.timestamp.skey", "registrar.skey", "roll-up.skey"] {
        let key = data.path().join("keys").join(name);
        for open in [0o644, 0o640, 0o604, 0o620] {
            fs::set_permissions(&key, fs::Permissions::from_mode(open)).unwrap();
            let log = data.refused("127.0.0.1:0");
            assert!(log.contains(name) && log.contains("chmod 600"), "{log}");
            let secret = fs::read_to_string(&key).unwrap();
            assert!(!log.contains(secret.trim_end()), "the log holds the key");
        }
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    data.start().stop();
}

#[test]
fn development_mode_says_so_loudly() {
    let data = Data::new();
    let log = data.start().stop();
    assert!(log.contains(" WARN ") && log.contains("DEVELOPMENT MODE"), "{log}");
    assert!(log.contains("nothing here proves anything to anybody"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_only_loopback_is_listened_on() {
    let data = Data::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:7761"] {
        let log = data.refused(address);
        assert!(log.contains("is not loopback"), "{log}");
    }
}

/// What a server on an old copy of its data must do: read, and say so; not write.
async fn check_reads_only(
    server: &Server,
    data: &Data,
    spare: &v1::SubmitRequest,
    sizes: (u64, u64),
) {
    let (old, new) = sizes;
    let health = server.get("/healthz");
    assert_eq!(health.status, 503);
    assert!(health.text().contains("takes no writes"), "{}", health.text());
    assert!(health.text().contains(&format!("size {new} was published")), "{}", health.text());
    assert_eq!(server.metric("witness_log_read_only"), 1);
    let mut clients = server.clients().await;
    let refused = clients.refused(spare.clone()).await;
    assert_eq!(refused.reason, "READ_ONLY");
    assert_eq!(refused.code, u32::try_from(i32::from(Code::FailedPrecondition)).unwrap());
    assert!(refused.message.contains("older copy of the data"), "{refused:?}");
    let change = server.register("issuer-added neighbour.example\n", &[]).await.unwrap_err();
    assert_eq!(reason(&change), "READ_ONLY");
    let logs = clients.ledger.list_logs(v1::ListLogsRequest {}).await.unwrap().into_inner().logs;
    assert!(!logs[0].read_only_reason.is_empty());
    assert_eq!(logs[0].published_size, old);
    // What it has can be read: a document of before the copy, with its evidence.
    let asked = ask("issuer.example", document("kept"));
    let known = clients.evidence.get_status(asked.clone()).await.unwrap().into_inner();
    assert_eq!(known.change, "issued");
    let _evidence = clients.evidence.get_evidence(asked).await.unwrap();
    let trust = Trust::of_dev(data);
    assert_eq!(trust.published(&server.found("/log1/checkpoint").body).size.0, old);
    assert_eq!(server.metric("witness_log_size"), old);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_the_data_serves_reads_only_and_says_so() {
    let data = Data::new();
    let server = data.start();
    let trust = Trust::of_dev(&data);
    let mut stream = Issuer::of_dev(&data).stream("main");
    let mut clients = server.clients().await;
    clients.submit(stream.next(&[issued(document("kept"))])).await.unwrap();
    let old = server.settled();
    server.stop();
    let (logs, backup, newest) =
        (data.path().join("logs"), data.path().join("backup"), data.path().join("newest"));
    copy_folder(&logs, &backup);

    let server = data.start();
    let mut clients = server.clients().await;
    let lost = status(document("kept"), StatusClass::Punitive, "REVOKED");
    let receipt = clients.submit(stream.next(&[lost])).await.unwrap();
    let new = server.settled();
    let shown = trust.published(&server.found("/log1/checkpoint").body);
    assert!(new > old && receipt.index >= old);
    server.stop();

    fs::rename(&logs, &newest).unwrap();
    copy_folder(&backup, &logs);
    let spare = stream.next(&[occurred(document("kept"), Change::Deleted)]);
    for _ in 0..2 {
        let server = data.start();
        check_reads_only(&server, &data, &spare, (old, new)).await;
        server.stop();
    }
    // The newest copy is restored: it goes on where it was, and nothing was forked.
    fs::remove_dir_all(&logs).unwrap();
    fs::rename(&newest, &logs).unwrap();
    let server = data.start();
    assert_eq!(server.found("/healthz").status, 200);
    let mut clients = server.clients().await;
    let receipt = clients.submit(spare).await.unwrap();
    assert_eq!(receipt.index, new);
    let size = server.settled();
    let asked = v1::GetConsistencyProofRequest {
        origin: Issuer::ORIGIN.to_owned(),
        from_size: new,
        to_size: size,
    };
    let proof = clients.ledger.get_consistency_proof(asked).await.unwrap().into_inner();
    let path: Vec<_> = proof.path.iter().map(|hash| Hash::from_slice(hash).unwrap()).collect();
    let now = trust.published(&server.found("/log1/checkpoint").body);
    verify_consistency((TreeSize(new), &shown.root), (now.size, &now.root), &path).unwrap();
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_another_history_is_read_and_not_gone_on_with() {
    let (data, other) = (Data::new(), Data::new());
    data.start().stop();
    copy_folder(&data.path().join("keys"), &other.path().join("keys"));
    fs::copy(data.path().join("issuer.example.skey"), other.path().join("issuer.example.skey"))
        .unwrap();
    for (folder, word) in [(&data, "one"), (&other, "other")] {
        // The same firm and the same keys, twice: what two writers would have made of one log.
        let server = folder.start();
        let mut clients = server.clients().await;
        let mut stream = Issuer::of_dev(folder).stream("main");
        clients.submit(stream.next(&[issued(document(word))])).await.unwrap();
        server.settled();
        server.stop();
    }
    let shown = data.path().join("head-copies/log1.checkpoint");
    fs::copy(shown, other.path().join("head-copies/log1.checkpoint")).unwrap();
    let server = other.start();
    assert_eq!(server.get("/healthz").status, 503);
    assert!(server.get("/healthz").text().contains("another history"));
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(&other).stream("main");
    let refused = clients.submit(stream.next(&[issued(document("more"))])).await.unwrap_err();
    assert_eq!(refusal(&refused).reason, "READ_ONLY");
    server.stop();
}
