//! The resources over HTTP: rows are read from the source of the lists from which the router is built, since a
//! running service does not tell what it serves.

/// The lists.
const SOURCES: [&str; 2] = [
    include_str!("../../../crates/server/src/http/mod.rs"),
    include_str!("../../../crates/server/src/http/rollups.rs"),
];

/// Paths as the router has them.
pub(crate) fn paths() -> Vec<&'static str> {
    let rows = SOURCES.iter().flat_map(|source| {
        // Calls of `route`; what it is given first is a path in quotes.
        source.split(" route(").skip(1).filter_map(|row| row.trim_start().strip_prefix('"'))
    });
    let paths: Vec<&str> = rows.map(|row| row.split('"').next().unwrap()).collect();
    let bare = SOURCES.iter().map(|source| source.matches("Anybody, get(").count()).sum::<usize>();
    assert_eq!(paths.len(), bare, "the list is written otherwise now: {paths:?}");
    paths
}

/// What is asked of a path; none if nobody has said so.
pub(crate) fn requested(path: &str, size: u64) -> Option<String> {
    let contract = "eip155:8453:0x2222222222222222222222222222222222222222";
    let requested = match path {
        "/healthz" | "/metrics" | "/keys" | "/rollup" | "/anchors" => path.to_owned(),
        "/{log}/checkpoint" => "/log1/checkpoint".to_owned(),
        "/{log}/checkpoint/{size}" => format!("/log1/checkpoint/{size}"),
        "/{log}/checkpoints" => "/log1/checkpoints".to_owned(),
        "/{log}/tile/{*path}" => format!("/log1/tile/0/000.p/{size}"),
        "/{log}/tile/entries/{*path}" => format!("/log1/tile/entries/000.p/{size}"),
        "/rollup/{sequence}" => "/rollup/0".to_owned(),
        "/rollup/{sequence}/checkpoints" => "/rollup/0/checkpoints".to_owned(),
        "/anchors/{contract}" => format!("/anchors/{contract}"),
        "/anchors/{contract}/{sequence}" => format!("/anchors/{contract}/0"),
        _ => return None,
    };
    Some(requested)
}
