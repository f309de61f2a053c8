//! The SQLite file: the only SQL in the desk.
//!
//! Every change is a revision that is only ever added; the tables that answers are read from follow from them. Each row
//! of fact carries a checksum that is verified when it is read, because SQLite's own check misses a changed digit.

pub mod answer_subscriptions;
mod changes;
mod entities;
pub mod handled;
mod history;
pub mod posted_answers;
mod promote;
pub mod queue;
pub mod records;
mod revisions;
mod rows;
pub mod scope;
pub mod settings;
mod undo;
mod writing;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction};
use rusqlite_migration::{M, Migrations};
use xxhash_rust::xxh3::xxh3_64;

pub use changes::{Committed, Edit};
pub use history::{EntityChange, Outdated, Revision};
pub use revisions::{Applied, Meta, RevisionOrigin, TrainedOn};
pub use rows::{ChangedTopic, TopicFacts};
pub use scope::{Scope, ScopeOverlay};
pub use undo::Undone;

/// The numbered migrations. A released one is never changed.
const STEPS: &[M<'_>] = &[
    M::up(include_str!("../../data/migrations/001_facts.sql")),
    M::up(include_str!("../../data/migrations/002_kept_indexes.sql")),
    M::up(include_str!("../../data/migrations/003_handled_messages.sql")),
    M::up(include_str!("../../data/migrations/004_communities.sql")),
    M::up(include_str!("../../data/migrations/005_posts.sql")),
    M::up(include_str!("../../data/migrations/006_scopes.sql")),
    M::up(include_str!("../../data/migrations/007_queue.sql")),
    M::up(include_str!("../../data/migrations/008_answers.sql")),
    M::up(include_str!("../../data/migrations/009_wishes.sql")),
];
const MIGRATIONS: Migrations<'_> = Migrations::from_slice(STEPS);

/// How many migrations there are: the newest schema that this program knows.
const SCHEMA: i64 = STEPS.len() as i64;

/// What tells our files from other programs': `rout`.
const APPLICATION: i64 = 0x726f_7574;

/// The size of a new file's pages, in bytes. The index is one long row: from larger pages it is read in half the time.
const PAGE: u32 = 16_384;

/// How long to wait for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many indexes are kept: the one in use and the one before, for going back and forth between two releases.
const MODELS_KEPT: i64 = 2;

/// Why the database can't be used. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file can't be opened or created.
    #[error(
        "the database {path} can't be opened: {why}. Check that the folder exists and is writable, or set ROUTEDESK_DATABASE to another place"
    )]
    Unopenable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// It isn't a database, or a damaged one.
    #[error(
        "the database {path} is damaged: {why}. It has not been touched. Restore a copy, or move the file away: the next start makes a new one from the shipped facts (changes made by moderators are only in the old file)"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// It was written by a newer version.
    #[error(
        "the database {path} has schema {found}, this program knows {SCHEMA}. It has not been touched. Use the newer routedesk that wrote it, or set ROUTEDESK_DATABASE to another place"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// It belongs to another program.
    #[error("{path} is another program's database. It has not been touched. Set ROUTEDESK_DATABASE to another place")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A row of fact doesn't match its checksum.
    #[error(
        "{kind} `{id}` doesn't match its checksum: the database is damaged. Restore a copy, or run `routedesk facts rebuild`"
    )]
    Checksum {
        /// The table.
        kind: &'static str,
        /// The row's id.
        id: String,
    },
    /// SQLite failed while working.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Facts that would leave the database inconsistent.
    #[error("nothing was changed: {0}")]
    Refused(String),
    /// Something stored isn't what was written.
    #[error("the database holds something unreadable: {0}")]
    Unreadable(String),
}

/// The database of facts.
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the file, creating it if there is none, brings its schema up to date and checks its integrity.
    ///
    /// # Errors
    /// If it can't be opened, is damaged, or was written by a newer version. Then it is left as it is.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)
            .map_err(|error| StoreError::Unopenable { path: path.to_owned(), why: error.to_string() })?;
        let mut store = Self { connection, path: path.to_owned() };
        store.prepare().map_err(|error| store.explain(error))?;
        Ok(store)
    }

    fn prepare(&mut self) -> Result<(), StoreError> {
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        let found: i64 = self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found > SCHEMA {
            return Err(StoreError::Newer { path: self.path.clone(), found });
        }
        let tables: i64 = self.connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let application: i64 = self.connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        if tables > 0 && application != APPLICATION {
            return Err(StoreError::Foreign { path: self.path.clone() });
        }
        let verdict: String = self.connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
        if verdict != "ok" {
            return Err(StoreError::Damaged { path: self.path.clone(), why: verdict });
        }
        // Only an empty file takes it.
        self.connection.pragma_update(None, "page_size", PAGE)?;
        self.connection.pragma_update(None, "journal_mode", "wal")?;
        self.connection.pragma_update(None, "synchronous", "full")?;
        self.connection.pragma_update(None, "foreign_keys", "on")?;
        if found < SCHEMA {
            self.migrate()?;
        }
        Ok(())
    }

    /// Brings the schema up to date. Another process may be doing the same: then its work counts.
    fn migrate(&mut self) -> Result<(), StoreError> {
        let outcome = MIGRATIONS.to_latest(&mut self.connection);
        let version: i64 = self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match outcome {
            _ if version == SCHEMA => Ok(()),
            Err(rusqlite_migration::Error::RusqliteError { err, .. }) => Err(err.into()),
            Err(error) => Err(StoreError::Unreadable(error.to_string())),
            Ok(()) => Ok(()),
        }
    }

    /// Says of SQLite's complaints about the file itself what they mean.
    fn explain(&self, error: StoreError) -> StoreError {
        use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, PermissionDenied, ReadOnly};
        let StoreError::Sqlite(sqlite) = &error else { return error };
        let (path, why) = (self.path.clone(), sqlite.to_string());
        match sqlite.sqlite_error_code() {
            Some(NotADatabase | DatabaseCorrupt) => StoreError::Damaged { path, why },
            Some(CannotOpen | PermissionDenied | ReadOnly) => StoreError::Unopenable { path, why },
            _ => error,
        }
    }

    /// Holds the facts still for reading: until the guard is dropped, what others change isn't seen.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn begin_read(&self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.connection.unchecked_transaction()?)
    }

    /// Reads the kept index that was made from facts of this checksum; none if there is none, it is damaged, or `read`
    /// makes nothing of it.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn index_of_facts<T>(
        &self,
        facts: u64,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        self.kept_index("SELECT bytes, checksum FROM model WHERE facts = ?", facts, read)
    }

    /// The same for one whose model was trained on lessons of this checksum; the facts may have been others.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn index_of_training_set<T>(
        &self,
        training_set: u64,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        self.kept_index(
            "SELECT bytes, checksum FROM model WHERE lessons = ? ORDER BY id DESC LIMIT 1",
            training_set,
            read,
        )
    }

    /// The many bytes are read where SQLite has them, without a copy: that is a third of the time of a start.
    fn kept_index<T>(
        &self,
        sql: &str,
        of: u64,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let verified = |row: &rusqlite::Row<'_>| {
            let (bytes, checksum) = (row.get_ref(0)?.as_blob()?, row.get::<_, i64>(1)?);
            Ok(if xxh3_64(bytes).cast_signed() == checksum { read(bytes) } else { None })
        };
        Ok(self.connection.query_row(sql, [of.cast_signed()], verified).optional()?.flatten())
    }

    /// Keeps an index and forgets older ones.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn keep_index(&self, facts: u64, training_set: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT OR REPLACE INTO model (facts, lessons, bytes, checksum) VALUES (?, ?, ?, ?)",
            (facts.cast_signed(), training_set.cast_signed(), bytes, xxh3_64(bytes).cast_signed()),
        )?;
        self.connection.execute(
            "DELETE FROM model WHERE id NOT IN (SELECT id FROM model ORDER BY id DESC LIMIT ?)",
            [MODELS_KEPT],
        )?;
        Ok(())
    }
}
