//! Stores facts, their revisions and the platforms' records in an SQLite database. No other module contains SQL.
//!
//! Every change of the facts is a revision. Revisions are only ever added; the tables that answers are read from follow
//! from them and can be rebuilt. Each row of facts carries a checksum that is verified on every read, because SQLite's
//! integrity check doesn't notice a changed digit. Facts are read and changed through [`Store`], records through
//! [`records::Records`].

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

/// The numbered migrations. The statements of a released migration never change.
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

/// Newest schema version that this program knows: the number of migrations.
const SCHEMA: i64 = STEPS.len() as i64;

/// SQLite application id that marks the files of this program: `rout` in ASCII.
const APPLICATION: i64 = 0x726f_7574;

/// Page size of a new file, in bytes. The cached index is one long row; SQLite reads it from large pages in half the
/// time.
const PAGE: u32 = 16_384;

/// Longest wait for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Number of cached indexes: the current one and the one before, for switching back and forth between two releases.
const MODELS_KEPT: i64 = 2;

/// An error of the database. Messages about a file or a row name the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file can't be opened or created.
    #[error(
        "the database {path} can't be opened: {why}. Check that the folder exists and is writable, or set ROUTEDESK_DATABASE to another path"
    )]
    Unopenable {
        /// Path of the file.
        path: PathBuf,
        /// Error that SQLite reported.
        why: String,
    },
    /// The file isn't a database, or is a damaged one.
    #[error(
        "the database {path} is damaged: {why}. The file was left unchanged. Restore a backup, or move the file away: the next start creates a new one from the shipped facts (changes made by moderators are only in the old file)"
    )]
    Damaged {
        /// Path of the file.
        path: PathBuf,
        /// First finding of the integrity check, or the error that SQLite reported.
        why: String,
    },
    /// A newer version of the program wrote the file.
    #[error(
        "the database {path} has schema {found}, but this version of routedesk supports only schemas up to {SCHEMA}. The file was left unchanged. Use the newer version that wrote it, or set ROUTEDESK_DATABASE to another path"
    )]
    Newer {
        /// Path of the file.
        path: PathBuf,
        /// Schema version of the file.
        found: i64,
    },
    /// The file belongs to another program.
    #[error(
        "{path} is another program's database. The file was left unchanged. Set ROUTEDESK_DATABASE to another path"
    )]
    Foreign {
        /// Path of the file.
        path: PathBuf,
    },
    /// A row, or the set of facts as a whole, doesn't match its checksum.
    #[error(
        "{kind} `{id}` doesn't match its checksum: the database is damaged. Restore a backup, or run `routedesk facts rebuild`"
    )]
    Checksum {
        /// Kind of the row, such as `claim`.
        kind: &'static str,
        /// Id of the row.
        id: String,
    },
    /// SQLite reported an error while it read or wrote.
    #[error("database error: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A change that can't be made, with the reason.
    #[error("nothing was changed: {0}")]
    Refused(String),
    /// A stored value is missing or can't be parsed.
    #[error("the content of the database can't be read: {0}")]
    Unreadable(String),
}

/// The database of facts, on one connection.
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the database: creates the file if it is missing, checks its integrity and migrates its schema.
    ///
    /// # Errors
    /// If the file can't be opened, is damaged, belongs to another program, or was written by a newer version. The file
    /// is left unchanged then.
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
        // Takes effect only in an empty file.
        self.connection.pragma_update(None, "page_size", PAGE)?;
        self.connection.pragma_update(None, "journal_mode", "wal")?;
        self.connection.pragma_update(None, "synchronous", "full")?;
        self.connection.pragma_update(None, "foreign_keys", "on")?;
        if found < SCHEMA {
            self.migrate()?;
        }
        Ok(())
    }

    /// Migrates the schema. Succeeds as well if another process migrates it at the same time.
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

    /// Turns SQLite's errors about the file itself into the variants whose messages name the remedy.
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

    /// Starts a read transaction: until the guard is dropped, all reads see the same revision.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn begin_read(&self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.connection.unchecked_transaction()?)
    }

    /// Reads the cached index that was made from facts with this checksum. Returns `None` if there is none, it is
    /// damaged, or `read` rejects it.
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

    /// Reads the newest cached index whose model was trained on a training set with this checksum; its facts may
    /// differ. Returns `None` as [`Self::index_of_facts`] does.
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

    /// Passes SQLite's own buffer to `read`: a copy of these bytes would take a third of the time of a start.
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

    /// Caches an index and deletes the oldest ones.
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
