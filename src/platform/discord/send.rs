//! Sends requests to Discord and retries temporary failures, with a growing delay.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serenity::Error;
use serenity::http::{Http, HttpError, Ratelimit};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The HTTP status of a rate-limited request.
const TOO_MANY: u16 = 429;

/// The number of attempts, and the delay after the first failure, which doubles each time up to the longest. The delays
/// add up to more than a minute: longer than Discord's usual rate limits and short outages last.
const TRIES: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The number of concurrent requests in one bucket, and in all buckets together.
const AT_ONCE_IN_BUCKET: usize = 4;
const AT_ONCE: usize = 64;

/// The queue of outgoing requests. Discord limits each channel separately, so each has its own bucket, and a
/// rate-limited channel doesn't hold up the others.
pub struct RequestQueue {
    buckets: Mutex<HashMap<u64, Arc<RateLimitBucket>>>,
    slots: Semaphore,
}

/// The requests to one channel, server or user, named by its id.
struct RateLimitBucket {
    slots: Semaphore,
    /// The end of the current pause after a rate limit.
    paused: Mutex<Option<Instant>>,
}

impl Default for RequestQueue {
    fn default() -> Self {
        Self { buckets: Mutex::default(), slots: Semaphore::new(AT_ONCE) }
    }
}

impl RequestQueue {
    /// Makes a request in a bucket until it succeeds, fails permanently, or has used up its attempts.
    ///
    /// # Errors
    /// The last error.
    pub async fn make<T, F: Future<Output = Result<T, Error>>>(
        &self,
        bucket: u64,
        request: impl FnMut() -> F,
    ) -> Result<T, Error> {
        self.make_while(bucket, may_pass, request).await
    }

    /// Like [`Self::make`], for a request that Discord can't deduplicate: it is repeated only after a rate limit, when
    /// it surely had no effect.
    ///
    /// # Errors
    /// The last error.
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
                    tracing::warn!(what = %kind(&error), wait_ms = wait.as_millis(), "request failed, retrying");
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

    /// Makes one attempt, once the bucket isn't paused and a slot is free.
    async fn once<T, F: Future<Output = Result<T, Error>>>(
        &self,
        bucket: &RateLimitBucket,
        request: &mut impl FnMut() -> F,
    ) -> Result<T, Error> {
        let _in_bucket = bucket.slots.acquire().await.expect("the semaphore is never closed");
        loop {
            let until = *bucket.paused.lock().unwrap_or_else(PoisonError::into_inner);
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => break,
            }
        }
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        request().await
    }

    fn bucket(&self, id: u64) -> Arc<RateLimitBucket> {
        let new = || Arc::new(RateLimitBucket { slots: Semaphore::new(AT_ONCE_IN_BUCKET), paused: Mutex::default() });
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(buckets.entry(id).or_insert_with(new))
    }

    /// Drops the buckets that are not in use.
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

/// Drops expired routes from serenity's rate limiter, which adds one for every interaction and never drops any.
pub async fn forget_limits(http: &Http) {
    let Some(limiter) = &http.ratelimiter else { return };
    let now = SystemTime::now();
    let is_needed = |limit: &Arc<tokio::sync::Mutex<Ratelimit>>| {
        let is_open = |limit: &Ratelimit| limit.reset().is_some_and(|reset| reset > now);
        Arc::strong_count(limit) > 1 || limit.try_lock().map_or(true, |limit| is_open(&limit))
    };
    limiter.routes().write().await.retain(|_, limit| is_needed(limit));
}

/// The first response to an interaction, for which Discord waits three seconds: the number of attempts, the delay after
/// the first failure (then doubled), the time limit of one attempt, and that of all attempts.
const SOON_TRIES: u32 = 4;
const FIRST_SOON: Duration = Duration::from_millis(200);
const LONGEST_TRY: Duration = Duration::from_secs(1);
const TOO_LATE: Duration = Duration::from_millis(2_800);

/// Discord's error code for a second first response: an earlier attempt that seemed to fail has succeeded.
const ALREADY_THERE: isize = 40_060;

/// Sends the first response to an interaction until it succeeds, fails permanently, or would come too late.
///
/// # Errors
/// The last error.
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
    tokio::time::timeout(TOO_LATE, tries).await.unwrap_or(Err(Error::Other("timed out")))
}

fn is_there(error: &Error) -> bool {
    matches!(error, Error::Http(HttpError::UnsuccessfulRequest(response)) if response.error.code == ALREADY_THERE)
}

/// Returns true if Discord replied that the bot lacks a permission (403).
#[must_use]
pub fn is_forbidden(error: &Error) -> bool {
    matches!(error, Error::Http(HttpError::UnsuccessfulRequest(response)) if response.status_code.as_u16() == 403)
}

/// Returns true if Discord replied that the object doesn't exist (404).
#[must_use]
pub fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Http(HttpError::UnsuccessfulRequest(response)) if response.status_code.as_u16() == 404)
}

/// Returns true if the same request may succeed later: after a rate limit, a server error, or a failed connection.
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

/// Describes an error for the log, without the URL, which may hold an interaction's token.
#[must_use]
pub fn kind(error: &Error) -> String {
    match error {
        Error::Http(HttpError::UnsuccessfulRequest(response)) => {
            format!("{} {}", response.status_code.as_u16(), response.error.message)
        }
        Error::Http(HttpError::Request(error)) if error.is_timeout() => "timed out".to_owned(),
        Error::Http(HttpError::Request(_)) => "no connection".to_owned(),
        Error::Http(_) => "invalid request".to_owned(),
        other => other.to_string(),
    }
}
