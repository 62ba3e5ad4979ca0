//! A client that knows only the public HTTP resources and the firm's root rebuilds the whole log, and proves
//! every published checkpoint consistent with the next.

use std::collections::BTreeMap;

use tokio_stream::iter;
use witness_core::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryKind},
    hash::Hash,
    merkle::{self, CompactRange, TreeSize, verify_consistency},
    note::Note,
    policy::Policy,
    tile::{Edge, TILE_WIDTH, Tile, TileId, TilePath, TileSource, Tiled, TouchedTiles, hashes_at},
};
use witness_tests::{Answer, Data, Issuer, Server, Trust, document, issued, pushed_back, scaled};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Fetches tiles as a verifier of proofs does: those that it is asked for, once, in a tree of one size.
struct Tiles<'a> {
    server: &'a Server,
    size: TreeSize,
    fetched: BTreeMap<TileId, Tile>,
}

impl TileSource for Tiles<'_> {
    type Error = std::convert::Infallible;

    fn tile_node(
        &mut self,
        tile: TileId,
        height: usize,
        index: usize,
    ) -> Result<Hash, Self::Error> {
        let (server, size) = (self.server, self.size);
        let known = self.fetched.entry(tile).or_insert_with(|| {
            let width = u16::try_from(tile.width(size)).unwrap();
            Tile::from_bytes(&served(server, TilePath::Hashes { tile, width }).body).unwrap()
        });
        Ok(known.node(height, index).unwrap())
    }
}

fn path_of(path: TilePath) -> String {
    format!("/log1/tile/{}", path.encode())
}

/// A tile or bundle that must be there, with the right headers.
fn served(server: &Server, path: TilePath) -> Answer {
    let answer = server.found(&path_of(path));
    assert_eq!(answer.content_type, "application/octet-stream");
    assert_eq!(answer.cache_control, IMMUTABLE);
    answer
}

/// The entries of a bundle: each after its length in two bytes.
fn entries_in(mut bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        entries.push(entry.to_vec());
        bundle = rest;
    }
    assert!(bundle.is_empty());
    entries
}

fn width_of(size: u64, index: u64) -> u16 {
    u16::try_from((size - index * TILE_WIDTH).min(TILE_WIDTH)).unwrap()
}

/// All entries of a log of `size`, from its bundles.
fn all_entries(server: &Server, size: u64) -> Vec<Vec<u8>> {
    let bundles = (0..size.div_ceil(TILE_WIDTH)).flat_map(|index| {
        let width = width_of(size, index);
        entries_in(&served(server, TilePath::Entries { index, width }).body)
    });
    let entries: Vec<_> = bundles.collect();
    assert_eq!(u64::try_from(entries.len()).unwrap(), size);
    entries
}

/// Bursts of submissions, each published before the next begins.
async fn fill(server: &Server, data: &Data, bursts: u64, size_min: u64) {
    let mut stream = Issuer::of_dev(data).stream("main");
    let mut clients = server.clients().await;
    for burst in 1..=bursts {
        let target = size_min * burst / bursts + burst % 3;
        let size = server.settled();
        let requests: Vec<_> =
            (size..target).map(|n| stream.next(&[issued(document(n))])).collect();
        let call = clients.ingest.submit_stream(iter(requests)).await.unwrap();
        let mut answers = call.into_inner();
        while let Some(answer) = answers.message().await.unwrap() {
            assert_eq!(pushed_back(answer), None);
        }
    }
    server.settled();
}

/// The checkpoint of a published size, under keys that the log itself vouches for from the root on.
fn published(server: &Server, size: u64, trust: &Trust) -> Checkpoint {
    let answer = server.found(&format!("/log1/checkpoint/{size}"));
    assert_eq!(answer.content_type, "text/plain; charset=utf-8");
    assert_eq!(answer.cache_control, IMMUTABLE);
    let checkpoint = trust.published(&answer.body);
    assert_eq!(checkpoint.size.0, size);
    checkpoint
}

/// Each published checkpoint has the root of the entries, and is proved consistent with the next from tiles
/// alone.
fn check_checkpoints(server: &Server, sizes: &[u64], entries: &[Vec<u8>], trust: &Trust) {
    let mut range = CompactRange::default();
    let mut leaves = entries.iter();
    let mut before =
        Checkpoint { origin: String::new(), size: TreeSize(0), root: Hash::EMPTY_ROOT };
    for size in sizes {
        let checkpoint = published(server, *size, trust);
        while range.size() < checkpoint.size {
            range.push(Hash::leaf(leaves.next().unwrap()));
        }
        assert_eq!(range.root(), checkpoint.root, "size {size}");
        let mut tiles = Tiles { server, size: checkpoint.size, fetched: BTreeMap::new() };
        let (old, new) = (before.size, checkpoint.size);
        let path = merkle::consistency_path(&mut Tiled(&mut tiles), old, new).unwrap();
        verify_consistency((old, &before.root), (new, &checkpoint.root), &path).unwrap();
        before = checkpoint;
    }
}

/// Every partial tile and bundle of a historic size is there, and is a prefix of what is there now.
fn check_historic(server: &Server, size: u64, whole: &TouchedTiles, entries: &[Vec<u8>]) {
    let mut level = 0;
    while hashes_at(level, TreeSize(size)) > 0 {
        let index = (hashes_at(level, TreeSize(size)) - 1) / TILE_WIDTH;
        let tile = TileId { level, index };
        let width = u16::try_from(tile.width(TreeSize(size))).unwrap();
        let bytes = served(server, TilePath::Hashes { tile, width }).body;
        assert_eq!(bytes.len(), usize::from(width) * 32);
        assert!(whole[&tile].to_bytes().starts_with(&bytes), "level {level} at size {size}");
        level += 1;
    }
    let index = (size - 1) / TILE_WIDTH;
    let width = width_of(size, index);
    let bundle = entries_in(&served(server, TilePath::Entries { index, width }).body);
    let first = usize::try_from(index * TILE_WIDTH).unwrap();
    assert_eq!(bundle, entries[first..first + usize::from(width)]);
}

/// All tiles of the log, by our own reckoning.
fn tiles_of(entries: &[Vec<u8>]) -> TouchedTiles {
    let (mut edge, mut tiles) = (Edge::default(), TouchedTiles::new());
    for entry in entries {
        edge.push(Hash::leaf(entry), &mut tiles);
    }
    edge.close(&mut tiles);
    tiles
}

/// The root as one got it elsewhere; the firm's note as the log has it at its beginning.
fn trust_from(server: &Server, data: &Data, entries: &[Vec<u8>]) -> Trust {
    let policy = std::fs::read(data.path().join("policy.json")).unwrap();
    let policy = Policy::parse(&policy).unwrap();
    let first = Entry::parse(&entries[0]).unwrap();
    assert_eq!(first.kind, EntryKind::Firm);
    let keys = server.found("/keys");
    assert!(keys.text().starts_with(&format!("root {}\n", policy.firm_root)), "{}", keys.text());
    Trust::new(policy, &Note::parse(first.body.as_bytes()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_knows_only_the_public_resources_rebuilds_the_log_and_proves_every_step() {
    let data = Data::new();
    let server = data.start();
    let (bursts, size_min) = (scaled(4, 40), scaled(530, 66_000));
    fill(&server, &data, bursts, size_min).await;
    let sizes = server.published_sizes();
    assert!(u64::try_from(sizes.len()).unwrap() >= bursts, "{sizes:?}");
    assert!(sizes.is_sorted_by(|a, b| a < b), "{sizes:?}");
    let size = *sizes.last().unwrap();
    let newest = server.found("/log1/checkpoint");
    assert_eq!(newest.cache_control, "no-cache");
    assert_eq!(newest.content_type, "text/plain; charset=utf-8");
    assert_eq!(newest.body, server.found(&format!("/log1/checkpoint/{size}")).body);

    let entries = all_entries(&server, size);
    let trust = trust_from(&server, &data, &entries);
    let mut received_at = 0;
    for entry in &entries {
        let entry = Entry::parse(entry).unwrap();
        assert!(entry.received_at.micros() >= received_at, "time of receipt runs backwards");
        received_at = entry.received_at.micros();
    }
    check_checkpoints(&server, &sizes, &entries, &trust);
    let whole = tiles_of(&entries);
    for (tile, hashes) in &whole {
        let width = u16::try_from(hashes.width()).unwrap();
        let bytes = served(&server, TilePath::Hashes { tile: *tile, width }).body;
        assert_eq!(bytes, hashes.to_bytes(), "{tile:?}");
    }
    for size in &sizes {
        check_historic(&server, *size, &whole, &entries);
    }
    // What was published stays as it was over a restart.
    let before = server.found(&format!("/log1/checkpoint/{}", sizes[0])).body;
    server.stop();
    let server = data.start();
    assert_eq!(server.found(&format!("/log1/checkpoint/{}", sizes[0])).body, before);
    assert!(server.published_sizes().starts_with(&sizes));
    for size in &sizes {
        check_historic(&server, *size, &whole, &entries);
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_beyond_the_published_size_or_under_another_name() {
    let data = Data::new();
    let server = data.start();
    fill(&server, &data, 1, 300).await;
    let size = server.settled();
    let (full, rest) = (size / TILE_WIDTH, size % TILE_WIDTH);
    assert_eq!(full, 1);
    let more = rest + 1;
    let absent = [
        format!("tile/0/001.p/{more}"),
        "tile/0/001".to_owned(),
        "tile/0/002".to_owned(),
        "tile/0/002.p/1".to_owned(),
        "tile/1/000.p/2".to_owned(),
        "tile/1/000".to_owned(),
        "tile/2/000.p/1".to_owned(),
        format!("tile/entries/001.p/{more}"),
        "tile/entries/001".to_owned(),
        "tile/entries/002.p/1".to_owned(),
        // Under another name than the one: C2SP tlog-tiles has one path for each tile.
        "tile/0/0".to_owned(),
        "tile/0/0000".to_owned(),
        "tile/0/%30%30%30".to_owned(),
        "tile/0%2F000".to_owned(),
        "tile/00/000".to_owned(),
        "tile/0/x000/000".to_owned(),
        "tile/0/000.p/256".to_owned(),
        "tile/0/000.p/0".to_owned(),
        "tile/0/000.p/01".to_owned(),
        "tile/0/000.p/".to_owned(),
        "tile/0/000/".to_owned(),
        "tile/0/+00".to_owned(),
        "tile/64/000".to_owned(),
        "tile/-1/000".to_owned(),
        "tile/0/x018/x446/x744/x073/x709/x551/616".to_owned(),
        "tile/entries/x018/x446/x744/x073/x709/x551/616".to_owned(),
        "tile/data/000".to_owned(),
        "tile/0".to_owned(),
        "tile/".to_owned(),
        format!("checkpoint/{}", size + 1),
        "checkpoint/01".to_owned(),
        "checkpoint/x".to_owned(),
        "checkpoint/18446744073709551616".to_owned(),
        "checkpoints?from=-1".to_owned(),
    ];
    for path in &absent {
        let answer = server.get(&format!("/log1/{path}"));
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert_eq!(answer.cache_control, "no-cache", "{path}: what is absent now may come");
    }
    for path in ["/log2/checkpoint", "/LOG1/checkpoint", "/", "/log1", "/log1/", "/m/x"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let there =
        [format!("tile/0/001.p/{rest}"), "tile/0/000.p/255".to_owned(), "tile/0/000".to_owned()];
    for path in there.iter().map(String::as_str).chain(["tile/1/000.p/1", "tile/entries/000.p/1"]) {
        let _there = server.found(&format!("/log1/{path}"));
    }
    server.stop();
}
