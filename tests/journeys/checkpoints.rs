//! Checkpoints through gRPC: by size, by time, and the newest; the same as over HTTP.

use witness_core::merkle::TreeSize;
use witness_tests::{Clients, Data, Issuer, Trust, document, issued, now_us, reason};
use witness_wire::v1::{GetCheckpointRequest, get_checkpoint_request::Which};

async fn checkpoint(clients: &mut Clients, which: Option<Which>) -> Result<Vec<u8>, String> {
    let asked = GetCheckpointRequest { origin: Issuer::ORIGIN.to_owned(), which };
    let answer = clients.ledger.get_checkpoint(asked).await.map_err(|status| reason(&status))?;
    Ok(answer.into_inner().checkpoint.unwrap().note.to_vec())
}

fn now() -> u64 {
    u64::try_from(now_us()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_found_by_size_and_by_time() {
    let data = Data::new();
    let server = data.start();
    let trust = Trust::of_dev(&data);
    let mut clients = server.clients().await;
    let mut stream = Issuer::of_dev(&data).stream("main");
    let before = server.settled();
    let mut moments = Vec::new();
    for number in 0..3 {
        clients.submit(stream.next(&[issued(document(number))])).await.unwrap();
        moments.push((server.settled(), now()));
    }
    for (size, moment) in &moments {
        let by_size = checkpoint(&mut clients, Some(Which::Size(*size))).await.unwrap();
        assert_eq!(trust.published(&by_size).size, TreeSize(*size));
        assert_eq!(by_size, server.found(&format!("/log1/checkpoint/{size}")).body);
        // The newest that was there at that moment, whatever came later.
        let by_time = checkpoint(&mut clients, Some(Which::AtUs(*moment))).await.unwrap();
        assert_eq!(by_time, by_size, "size {size}");
    }
    let newest = checkpoint(&mut clients, None).await.unwrap();
    assert_eq!(trust.published(&newest).size.0, moments.last().unwrap().0);
    assert_eq!(checkpoint(&mut clients, Some(Which::AtUs(u64::MAX >> 1))).await.unwrap(), newest);
    for nothing in [Which::AtUs(0), Which::Size(before + 100), Which::Size(0)] {
        let refused = checkpoint(&mut clients, Some(nothing)).await;
        assert_eq!(refused, Err("NOT_FOUND".to_owned()), "{nothing:?}");
    }
    server.stop();
}
