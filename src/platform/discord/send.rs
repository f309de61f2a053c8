//! Requests to Discord that are worth waiting for: what is refused for now is tried again, each time later.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serenity::Error;
use serenity::http::HttpError;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Discord's status for too many requests.
const TOO_MANY: u16 = 429;

/// How often a request is tried, and how long is waited after the first refusal; then twice as long each time, up to
/// the longest. In all about two minutes, which is longer than Discord's common limits and short outages last.
const TRIES: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How many requests are under way at once; the others wait their turn.
const AT_ONCE: usize = 8;

/// The queue of outgoing requests. When Discord says that there are too many, all of it pauses.
pub struct Outgoing {
    slots: Semaphore,
    paused: Mutex<Option<Instant>>,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { slots: Semaphore::new(AT_ONCE), paused: Mutex::new(None) }
    }
}

impl Outgoing {
    /// Makes a request until it succeeds, is refused for good, or has been tried too often.
    ///
    /// # Errors
    /// The last refusal.
    pub async fn make<T, F: Future<Output = Result<T, Error>>>(
        &self,
        mut request: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.once(&mut request).await {
                Err(error) if may_pass(&error) => {
                    tracing::warn!(what = %kind(&error), wait_ms = wait.as_millis(), "Discord refused for now");
                    if status(&error) == Some(TOO_MANY) {
                        self.pause(wait);
                    } else {
                        tokio::time::sleep(wait).await;
                    }
                    wait = (2 * wait).min(LONGEST_WAIT);
                }
                outcome => return outcome,
            }
        }
        self.once(&mut request).await
    }

    /// Makes a request once, when its turn has come.
    async fn once<T, F: Future<Output = Result<T, Error>>>(&self, request: &mut impl FnMut() -> F) -> Result<T, Error> {
        let _slot = self.slots.acquire().await.expect("nobody closes it");
        loop {
            let until = *self.paused.lock().unwrap_or_else(PoisonError::into_inner);
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return request().await,
            }
        }
    }

    fn pause(&self, wait: Duration) {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = (*paused).max(Some(Instant::now() + wait));
    }
}

/// How often the first response to an interaction is tried; Discord waits three seconds for it.
const SOON_TRIES: u32 = 4;
const FIRST_SOON: Duration = Duration::from_millis(200);

/// What Discord says to a second response where it has a first: one that seemed to fail had got through.
const ALREADY_THERE: isize = 40_060;

/// Makes the first response to an interaction until it succeeds, is refused for good, or comes too late.
///
/// # Errors
/// The last refusal.
pub async fn soon<F: Future<Output = Result<(), Error>>>(mut request: impl FnMut() -> F) -> Result<(), Error> {
    let mut wait = FIRST_SOON;
    for _ in 1..SOON_TRIES {
        match request().await {
            Err(error) if may_pass(&error) => tokio::time::sleep(wait).await,
            Err(error) if is_there(&error) => return Ok(()),
            outcome => return outcome,
        }
        wait *= 2;
    }
    request().await
}

fn is_there(error: &Error) -> bool {
    matches!(error, Error::Http(HttpError::UnsuccessfulRequest(response)) if response.error.code == ALREADY_THERE)
}

/// Whether the same request may succeed later.
#[must_use]
pub fn may_pass(error: &Error) -> bool {
    match error {
        Error::Http(HttpError::UnsuccessfulRequest(response)) => {
            response.status_code.as_u16() == TOO_MANY || response.status_code.is_server_error()
        }
        Error::Http(HttpError::Request(_)) => true,
        _ => false,
    }
}

fn status(error: &Error) -> Option<u16> {
    match error {
        Error::Http(HttpError::UnsuccessfulRequest(response)) => Some(response.status_code.as_u16()),
        _ => None,
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
