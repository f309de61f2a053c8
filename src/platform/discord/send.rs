//! Requests to Discord that are worth waiting for: what is refused for now is tried again, each time later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serenity::Error;
use serenity::http::{Http, HttpError, Ratelimit};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Discord's status for too many requests.
const TOO_MANY: u16 = 429;

/// How often a request is tried, and how long is waited after the first refusal; then twice as long each time, up to
/// the longest. In all more than a minute, which is longer than Discord's common limits and short outages last.
const TRIES: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How many requests of one lane are under way at once, and of all; the others wait their turn.
const AT_ONCE_IN_BUCKET: usize = 4;
const AT_ONCE: usize = 64;

/// The queue of outgoing requests. Each channel has a lane of its own, because Discord limits them one by one: what one
/// has to wait for doesn't hold up the others.
pub struct RequestQueue {
    buckets: Mutex<HashMap<u64, Arc<RateLimitBucket>>>,
    slots: Semaphore,
}

struct RateLimitBucket {
    slots: Semaphore,
    paused: Mutex<Option<Instant>>,
}

impl Default for RequestQueue {
    fn default() -> Self {
        Self { buckets: Mutex::default(), slots: Semaphore::new(AT_ONCE) }
    }
}

impl RequestQueue {
    /// Makes a request in a lane until it succeeds, is refused for good, or has been tried too often.
    ///
    /// # Errors
    /// The last refusal.
    pub async fn make<T, F: Future<Output = Result<T, Error>>>(
        &self,
        bucket: u64,
        request: impl FnMut() -> F,
    ) -> Result<T, Error> {
        self.make_while(bucket, may_pass, request).await
    }

    /// The same for a request that Discord can't know again: it is only repeated where it surely had no effect.
    ///
    /// # Errors
    /// The last refusal.
    pub async fn make_once<T, F: Future<Output = Result<T, Error>>>(
        &self,
        bucket: u64,
        request: impl FnMut() -> F,
    ) -> Result<T, Error> {
        self.make_while(bucket, is_too_many, request).await
    }

    async fn make_while<T, F: Future<Output = Result<T, Error>>>(
        &self,
        bucket: u64,
        is_worth_it: fn(&Error) -> bool,
        mut request: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let bucket = self.bucket(bucket);
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.once(&bucket, &mut request).await {
                Err(error) if is_worth_it(&error) => {
                    tracing::warn!(what = %kind(&error), wait_ms = wait.as_millis(), "Discord refused for now");
                    if is_too_many(&error) {
                        bucket.pause(wait);
                    } else {
                        tokio::time::sleep(wait).await;
                    }
                    wait = (2 * wait).min(LONGEST_WAIT);
                }
                outcome => return outcome,
            }
        }
        self.once(&bucket, &mut request).await
    }

    /// Makes a request once, when its turn has come.
    async fn once<T, F: Future<Output = Result<T, Error>>>(
        &self,
        bucket: &RateLimitBucket,
        request: &mut impl FnMut() -> F,
    ) -> Result<T, Error> {
        let _in_bucket = bucket.slots.acquire().await.expect("nobody closes it");
        loop {
            let until = *bucket.paused.lock().unwrap_or_else(PoisonError::into_inner);
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => break,
            }
        }
        let _slot = self.slots.acquire().await.expect("nobody closes it");
        request().await
    }

    fn bucket(&self, id: u64) -> Arc<RateLimitBucket> {
        let new = || Arc::new(RateLimitBucket { slots: Semaphore::new(AT_ONCE_IN_BUCKET), paused: Mutex::default() });
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(buckets.entry(id).or_insert_with(new))
    }

    /// Forgets the lanes that nobody uses.
    pub fn forget(&self) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|_, bucket| Arc::strong_count(bucket) > 1);
    }
}

impl RateLimitBucket {
    fn pause(&self, wait: Duration) {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = (*paused).max(Some(Instant::now() + wait));
    }
}

/// Makes serenity's limiter forget the routes whose limits are past: it has one for every interaction and drops none.
pub async fn forget_limits(http: &Http) {
    let Some(limiter) = &http.ratelimiter else { return };
    let now = SystemTime::now();
    let is_needed = |limit: &Arc<tokio::sync::Mutex<Ratelimit>>| {
        let is_open = |limit: &Ratelimit| limit.reset().is_some_and(|reset| reset > now);
        Arc::strong_count(limit) > 1 || limit.try_lock().map_or(true, |limit| is_open(&limit))
    };
    limiter.routes().write().await.retain(|_, limit| is_needed(limit));
}

/// How often the first response to an interaction is tried, for how long each time and in all. Discord waits three
/// seconds for it.
const SOON_TRIES: u32 = 4;
const FIRST_SOON: Duration = Duration::from_millis(200);
const LONGEST_TRY: Duration = Duration::from_secs(1);
const TOO_LATE: Duration = Duration::from_millis(2_800);

/// What Discord says to a second response where it has a first: one that seemed to fail had got through.
const ALREADY_THERE: isize = 40_060;

/// Makes the first response to an interaction until it succeeds, is refused for good, or comes too late.
///
/// # Errors
/// The last refusal.
pub async fn soon<F: Future<Output = Result<(), Error>>>(mut request: impl FnMut() -> F) -> Result<(), Error> {
    let tries = async {
        let mut wait = FIRST_SOON;
        for _ in 1..SOON_TRIES {
            match tokio::time::timeout(LONGEST_TRY, request()).await {
                Err(_) => {}
                Ok(Err(error)) if may_pass(&error) => tokio::time::sleep(wait).await,
                Ok(Err(error)) if is_there(&error) => return Ok(()),
                Ok(outcome) => return outcome,
            }
            wait *= 2;
        }
        request().await
    };
    tokio::time::timeout(TOO_LATE, tries).await.unwrap_or(Err(Error::Other("no answer in time")))
}

fn is_there(error: &Error) -> bool {
    matches!(error, Error::Http(HttpError::UnsuccessfulRequest(response)) if response.error.code == ALREADY_THERE)
}

/// Whether Discord says that the bot lacks a permission here.
#[must_use]
pub fn is_forbidden(error: &Error) -> bool {
    matches!(error, Error::Http(HttpError::UnsuccessfulRequest(response)) if response.status_code.as_u16() == 403)
}

/// Whether Discord says that what was asked for isn't there.
#[must_use]
pub fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Http(HttpError::UnsuccessfulRequest(response)) if response.status_code.as_u16() == 404)
}

/// Whether the same request may succeed later.
#[must_use]
pub fn may_pass(error: &Error) -> bool {
    match error {
        Error::Http(HttpError::UnsuccessfulRequest(response)) => {
            is_too_many(error) || response.status_code.is_server_error()
        }
        Error::Http(HttpError::Request(_)) => true,
        _ => false,
    }
}

fn is_too_many(error: &Error) -> bool {
    matches!(error, Error::Http(HttpError::UnsuccessfulRequest(response)) if response.status_code.as_u16() == TOO_MANY)
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
