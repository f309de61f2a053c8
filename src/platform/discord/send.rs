//! Requests to Discord that are worth waiting for: what is refused for now is tried again, each time later.

use std::time::Duration;

use serenity::Error;
use serenity::http::HttpError;

/// How often a request is tried, and how long is waited after the first refusal; then twice as long each time, up to
/// the longest. In all about two minutes, which is longer than Discord's common limits and short outages last.
const TRIES: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Makes a request until it succeeds, is refused for good, or has been tried too often.
///
/// # Errors
/// The last refusal.
pub async fn patiently<T, F: Future<Output = Result<T, Error>>>(mut request: impl FnMut() -> F) -> Result<T, Error> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match request().await {
            Err(error) if may_pass(&error) => {
                tracing::warn!(what = %kind(&error), wait_ms = wait.as_millis(), "Discord refused for now");
                tokio::time::sleep(wait).await;
                wait = (2 * wait).min(LONGEST_WAIT);
            }
            outcome => return outcome,
        }
    }
    request().await
}

/// Whether the same request may succeed later.
#[must_use]
pub fn may_pass(error: &Error) -> bool {
    match error {
        Error::Http(HttpError::UnsuccessfulRequest(response)) => {
            response.status_code.as_u16() == 429 || response.status_code.is_server_error()
        }
        Error::Http(HttpError::Request(_)) => true,
        _ => false,
    }
}

/// An error for a log: what Discord said, without the address, which may hold an interaction's token.
#[must_use]
pub fn kind(error: &Error) -> String {
    match error {
        Error::Http(HttpError::UnsuccessfulRequest(response)) => {
            format!("{} {}", response.status_code.as_u16(), response.error.message)
        }
        Error::Http(HttpError::Request(error)) if error.is_timeout() => "no answer in time".to_owned(),
        Error::Http(HttpError::Request(_)) => "no connection".to_owned(),
        Error::Http(_) => "a request that can't be made".to_owned(),
        other => other.to_string(),
    }
}
