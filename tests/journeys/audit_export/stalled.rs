//! Exports that nobody takes: they end, and their turns go to others.

use std::collections::BTreeSet;

use tonic::{Code, Streaming};
use witness_tests::{Auditor, awaited, reason};
use witness_wire::v1;

use super::{bytes, exported, large, rest};
use crate::{
    access::site::Site,
    audit_search::{Firm, GB},
};

/// More than an entry bundle of small submissions with its bodies, and less than the export.
const WINDOW: u32 = 1 << 20;

/// Asks until a turn is left: one that ends is given away within a time of its own, which may be longer than one waits.
async fn export(regulator: &Auditor) -> Streaming<v1::ExportResponse> {
    awaited("a turn is left", async || match regulator.export(v1::ExportRequest::default()).await {
        Ok(pieces) => Some(pieces),
        Err(status) => {
            assert_eq!(reason(&status), "EXPORTS_BUSY", "{status:?}");
            None
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_takes_ends_and_leaves_its_turn_to_others() {
    let site = Site::new();
    let Firm { server, logged, .. } = large(site.data.start()).await;
    server.stop();
    let server = site.start("[limits]\nstalled_after_s = 1\n");
    let mut idle = Vec::new();
    // As many as there are turns.
    for _ in 0..2 {
        let regulator = server.regulator("GB").await.taking(&server, WINDOW).await;
        let mut pieces = regulator.export(v1::ExportRequest::default()).await.unwrap();
        let first = pieces.message().await.unwrap().unwrap();
        idle.push((regulator, first, pieces));
    }
    let other = server.regulator("GB").await;
    let (whole, end) = rest(&mut export(&other).await).await;
    assert!(end.is_none(), "{end:?}");
    let all = GB.map(|stream| logged[stream].len()).iter().sum::<usize>();
    assert_eq!(exported(&server, &other.id, 1).await, [u64::try_from(all).unwrap()]);
    for (regulator, first, mut pieces) in idle {
        // Before anything is taken again: its end is recorded.
        let results = exported(&server, &regulator.id, 1).await;
        assert!(results[0] < u64::try_from(all).unwrap(), "{results:?} of {all}");
        let (more, end) = rest(&mut pieces).await;
        let end = end.expect("it came whole, or ended without a reason");
        assert_eq!((end.code(), reason(&end).as_str()), (Code::Aborted, "STALLED"));
        let taken = [vec![first], more].concat();
        assert!(whole.starts_with(&taken) && bytes(&taken) < bytes(&whole));
        // From where it stopped it goes on.
        let from_bundle = taken.last().unwrap().entries_sent / 256;
        assert_eq!(from_bundle, 1);
        let going_on = v1::ExportRequest { size: whole[0].size, from_bundle, ..Default::default() };
        let regulator = regulator.at(&server).await;
        let (more, end) = rest(&mut regulator.export(going_on).await.unwrap()).await;
        assert!(end.is_none(), "{end:?}");
        let files = |pieces: &[v1::ExportResponse]| {
            let whole = pieces.iter().filter(|piece| piece.complete);
            whole.map(|piece| piece.path.clone()).collect::<BTreeSet<_>>()
        };
        let twice = files(&taken).intersection(&files(&more)).count();
        let once = files(&[taken, more.clone()].concat());
        assert_eq!((once, more.last().unwrap().path.as_str()), (files(&whole), "bundle.json"));
        assert_eq!(twice, 1, "the entries of the bundle that was not whole");
    }
    server.stop();
}
