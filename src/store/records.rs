//! What the desk keeps of a platform beside the facts: handled messages, settings of communities, and what waits for
//! their moderators.
//!
//! On a connection of its own, so that it never waits for the facts. A process that is killed loses nothing; only if the
//! machine loses power may the last moments be lost, and then a platform's history tells.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::{Store, StoreError};

/// How long a record waits for somebody who writes facts; answering goes on without it.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// The records of one platform.
pub struct Records {
    pub(super) connection: Connection,
    pub(super) platform: &'static str,
}

impl Records {
    /// Opens the records of a platform in a database that a [`Store`] brings up to date.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn open(path: &Path, platform: &'static str) -> Result<Self, StoreError> {
        let Store { connection, .. } = Store::open(path)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(Self { connection, platform })
    }

    /// Forgets what need not be kept at `now` any more.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn forget(&self, now: i64) -> Result<(), StoreError> {
        self.forget_messages(now)?;
        self.forget_posts(now)?;
        self.forget_queue(now)
    }
}
