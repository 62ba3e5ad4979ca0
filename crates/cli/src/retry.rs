//! Asking again when the server says when.
//!
//! What must hold: nobody is asked earlier than it wants to be, and who waits says so.

use std::{io, time::Duration};

use anyhow::Result;

use crate::outcome::Failure;

/// Most attempts without any progress.
pub(crate) const ATTEMPTS_MAX: u32 = 8;
/// The longest pause that a server may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);

/// How long the server wants to be left alone, within reason; nothing if it did not say so.
pub(crate) fn hint(failure: &Failure) -> Option<Duration> {
    failure.retry_after.map(|after| after.min(RETRY_AFTER_MAX))
}

/// What is said of a wait.
pub(crate) fn waiting(failure: &Failure) -> String {
    format!("waiting for the server: {failure}")
}

/// Calls, and where the answer is that it is to call again later, does so; `note` says it once.
pub(crate) async fn retrying<T>(
    mut note: impl FnMut(&str) -> io::Result<()>,
    mut call: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let mut attempts = 1;
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let failure = error.downcast_ref::<Failure>();
        let Some((failure, after)) = failure.and_then(|it| Some((it, hint(it)?))) else {
            return Err(error);
        };
        if attempts >= ATTEMPTS_MAX {
            return Err(error);
        }
        if attempts == 1 {
            note(&waiting(failure))?;
        }
        tokio::time::sleep(after).await;
        attempts += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(retry_after: Option<Duration>) -> anyhow::Error {
        Failure { retry_after, ..Failure::cannot_tell("too often") }.into()
    }

    /// How often it is called, how often a wait is told, and what comes of it, if so many calls fail so.
    async fn calls(failing: u32, retry_after: Option<Duration>) -> (u32, u32, bool) {
        let (mut calls, mut notes) = (0, 0);
        let note = |text: &str| {
            assert_eq!(text, "waiting for the server: too often");
            notes += 1;
            Ok(())
        };
        let call = async || {
            calls += 1;
            if calls > failing { Ok(()) } else { Err(refused(retry_after)) }
        };
        let is_answered = retrying(note, call).await.is_ok();
        (calls, notes, is_answered)
    }

    #[tokio::test]
    async fn only_who_says_when_is_asked_again_and_not_for_ever() {
        let hint = Some(Duration::from_millis(1));
        assert_eq!(calls(0, None).await, (1, 0, true));
        assert_eq!(calls(1, None).await, (1, 0, false));
        assert_eq!(calls(3, hint).await, (4, 1, true));
        assert_eq!(calls(ATTEMPTS_MAX, hint).await, (ATTEMPTS_MAX, 1, false));
    }

    #[test]
    fn no_server_is_waited_for_longer_than_is_reasonable() {
        let failure = |retry_after| Failure { retry_after, ..Failure::cannot_tell("later") };
        assert_eq!(hint(&failure(None)), None);
        assert_eq!(hint(&failure(Some(Duration::from_secs(5)))), Some(Duration::from_secs(5)));
        assert_eq!(hint(&failure(Some(Duration::from_hours(5)))), Some(RETRY_AFTER_MAX));
    }
}
