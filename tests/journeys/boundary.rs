//! At the boundary: peers that say nothing, that do not read, or that ask too much, hold up nobody else.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use tokio_stream::iter;
use witness_tests::{Data, Issuer, document, issued};
use witness_wire::v1::{SubmitRequest, submit_response::Answer};

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_are_ended_and_others_are_served() {
    let data = Data::new();
    let server = data.start();
    // More than are served at a time: those behind them wait until these are given up.
    let connect = |number: usize| {
        let mut connection = TcpStream::connect(server.address()).unwrap();
        // Some say nothing; some begin a preface and leave it at that.
        connection.write_all(b"PRI *".get(..number % 3).unwrap()).unwrap();
        connection
    };
    let silent: Vec<TcpStream> = (0..300).map(connect).collect();
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(&data).stream("main");
    clients.submit(stream.next(&[issued(document("served"))])).await.unwrap();
    for mut connection in silent {
        assert_eq!(connection.read(&mut [0; 64]).unwrap_or(0), 0, "it was told something");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answers_holds_up_nobody_else() {
    let data = Data::new();
    let server = data.start();
    let issuer = Issuer::of_dev(&data);
    let mut calls = Vec::new();
    for number in 0..3 {
        let mut stream = server.open_stream(&issuer, &format!("deaf-{number}")).await;
        // Many small ones, whose answers fill what lies between; then large ones, which need room.
        let mut requests: Vec<SubmitRequest> =
            (0..700).map(|n| stream.next(&[issued(document(n))])).collect();
        for n in 0..12_u64 {
            let many: Vec<_> = (0..4_000).map(|m| issued(document(n * 4_000 + m))).collect();
            requests.push(stream.next(&many));
        }
        let mut clients = server.clients().await;
        calls.push(clients.ingest.submit_stream(iter(requests)).await.unwrap().into_inner());
    }
    let mut clients = server.clients().await;
    let mut stream = issuer.stream("main");
    for n in 0..20_u64 {
        let many: Vec<_> = (0..1_000).map(|m| issued(document(n * 1_000 + m))).collect();
        clients.submit(stream.next(&many)).await.unwrap();
    }
    // Read at last, each has all its answers.
    for mut call in calls {
        let mut receipts = 0;
        while let Some(response) = call.message().await.unwrap() {
            assert!(matches!(response.answer, Some(Answer::Receipt(_))), "{response:?}");
            receipts += 1;
        }
        assert_eq!(receipts, 712);
    }
    server.stop();
}
