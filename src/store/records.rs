//! Stores a platform's records beside the facts: handled messages, posted answers, answer subscriptions, the settings
//! of communities, and what waits for their moderators.
//!
//! [`Records`] has its own connection with a short busy timeout, so that an answer waits only briefly while somebody
//! changes facts. A killed process loses no record. A power failure may lose the last moments; the platform's history
//! then shows which messages are unanswered.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::{Store, StoreError};

/// Longest wait of a record for a change of the facts. After that the bot answers without the record.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// The records of one platform.
pub struct Records {
    pub(super) connection: Connection,
    pub(super) platform: &'static str,
}

impl Records {
    /// Opens a platform's records in the database at `path`, which is checked and migrated as [`Store::open`] does.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(path: &Path, platform: &'static str) -> Result<Self, StoreError> {
        let Store { connection, .. } = Store::open(path)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(Self { connection, platform })
    }

    /// Deletes the records whose retention is over at `now`, in seconds since 1970 (UTC).
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn forget(&self, now: i64) -> Result<(), StoreError> {
        self.forget_messages(now)?;
        self.forget_posts(now)?;
        self.forget_queue(now)
    }
}
