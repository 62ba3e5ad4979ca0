//! Waiting for what comes about by itself: nothing is judged by how long that takes.

use std::time::Duration;

/// Only against hanging for ever.
const HANGS_AFTER: Duration = Duration::from_mins(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until there is something, and gives it.
pub async fn awaited<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let found = tokio::time::timeout(HANGS_AFTER, looking).await;
    found.unwrap_or_else(|_| panic!("it never comes about: {what}"))
}

/// Waits until it is so.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    awaited(what, async || is_so().await.then_some(())).await;
}
