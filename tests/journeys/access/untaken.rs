//! Long answers that are made and not taken.

use tokio::task::JoinHandle;
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};
use witness_tests::{Server, until};
use witness_wire::v1::{
    GetEntriesRequest, ListLogsRequest, ledger_service_client::LedgerServiceClient,
};

use super::site::Site;

/// A connection over which nothing is taken.
async fn connect_shut(server: &Server) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
    endpoint.initial_stream_window_size(0).connect().await.unwrap()
}

/// Asks for all entries, and gives how that ends.
fn ask(channel: &Channel, origin: &str) -> JoinHandle<Result<(), Status>> {
    let mut client = LedgerServiceClient::new(channel.clone());
    let request = GetEntriesRequest { origin: origin.to_owned(), from_index: 0, limit: 0 };
    tokio::spawn(async move {
        client.get_entries(request).await?.into_inner().message().await.map(drop)
    })
}

async fn origin(server: &Server) -> String {
    let logs = server.clients().await.ledger.list_logs(ListLogsRequest {}).await.unwrap();
    logs.into_inner().logs[0].origin.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes_are_bounded_over_all_and_who_holds_most_of_them_is_hung_up_on() {
    let site = Site::new();
    let server = site.start("[limits]\nuntaken_mib = 64\n");
    let origin = origin(&server).await;
    let (greedy, modest) = (connect_shut(&server).await, connect_shut(&server).await);
    let untaken = || server.metric("witness_untaken_bytes");
    // What may be made ahead of each, and of the pieces that it had begun with.
    let are_two = async || (2 * (6 << 20)..13 << 20).contains(&untaken());
    let few: Vec<_> = (0..2).map(|_| ask(&modest, &origin)).collect();
    until("what two calls may hold is counted", are_two).await;
    // Each may hold 6 MiB.
    let many: Vec<_> = (0..40).map(|_| ask(&greedy, &origin)).collect();
    until("all of the greedy one end", async || many.iter().all(JoinHandle::is_finished)).await;
    for call in many {
        assert!(call.await.unwrap().is_err(), "it was answered without being able to");
    }
    until("what it held is let go of", are_two).await;
    assert!(few.iter().all(|call| !call.is_finished()), "the modest one is hung up on");
    few.iter().for_each(JoinHandle::abort);
    until("nothing waits", async || untaken() == 0).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_take_a_long_answer_for_too_long_is_hung_up_on() {
    let site = Site::new();
    let server = site.start("[limits]\nidle_after_s = 1\n");
    let origin = origin(&server).await;
    let call = ask(&connect_shut(&server).await, &origin);
    until("the call ends", async || call.is_finished()).await;
    assert!(call.await.unwrap().is_err(), "it was answered without being able to");
    server.stop();
}
