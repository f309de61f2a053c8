//! Which messages of a platform the desk has taken on, and which it has answered.
//!
//! Kept on a connection of its own, so that it never waits for the facts. A process that is killed loses nothing; only
//! if the machine loses power may the last moments be lost, and then a platform's history tells.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::{Error, Store};

/// How long a message is remembered, in seconds: longer than any history that is searched after a start.
const REMEMBERED: i64 = 2 * 24 * 60 * 60;

/// How long the record waits for somebody who writes facts; answering goes on without it.
const PATIENCE: Duration = Duration::from_millis(250);

/// The handled messages of one platform.
pub struct Handled {
    connection: Connection,
    platform: &'static str,
}

/// A place where something was handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The platform's id of the place.
    pub channel: String,
    /// Whether it is a conversation with one person.
    pub is_direct: bool,
}

impl Handled {
    /// Opens the record of a platform in a database that a [`Store`] has brought up to date.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn open(path: &Path, platform: &'static str) -> Result<Self, Error> {
        let Store { connection, .. } = Store::open(path)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.busy_timeout(PATIENCE)?;
        Ok(Self { connection, platform })
    }

    /// Takes a message on, said in a place at `at`; false if it was taken on before.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn receive(&self, message: &str, place: &Place, at: i64) -> Result<bool, Error> {
        let added = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO handled VALUES (?, ?, ?, ?, 'received', ?)")?
            .execute((self.platform, message, &place.channel, place.is_direct, at))?;
        Ok(added > 0)
    }

    /// Records that a message was answered.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn answer(&self, message: &str) -> Result<(), Error> {
        self.connection
            .prepare_cached("UPDATE handled SET state = 'answered' WHERE platform = ? AND message = ?")?
            .execute((self.platform, message))?;
        Ok(())
    }

    /// Whether a message was answered; none if it was never taken on.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn is_answered(&self, message: &str) -> Result<Option<bool>, Error> {
        let mut statement =
            self.connection.prepare_cached("SELECT state FROM handled WHERE platform = ? AND message = ?")?;
        let mut rows = statement.query((self.platform, message))?;
        Ok(rows.next()?.map(|row| row.get::<_, String>(0)).transpose()?.map(|state| state == "answered"))
    }

    /// The places where something was handled.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn places(&self) -> Result<Vec<Place>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT channel, MAX(direct) FROM handled WHERE platform = ? GROUP BY channel ORDER BY channel",
        )?;
        let places =
            statement.query_map([self.platform], |row| Ok(Place { channel: row.get(0)?, is_direct: row.get(1)? }))?;
        Ok(places.collect::<Result<_, _>>()?)
    }

    /// Whether a message said from `from` to `to` still waits for its answer.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn owes(&self, from: i64, to: i64) -> Result<bool, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM handled WHERE platform = ? AND state = 'received' AND at BETWEEN ? AND ?)",
        )?;
        Ok(statement.query_row((self.platform, from, to), |row| row.get(0))?)
    }

    /// Forgets what lies long before `now`.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn forget(&self, now: i64) -> Result<(), Error> {
        self.connection
            .execute("DELETE FROM handled WHERE platform = ? AND at < ?", (self.platform, now - REMEMBERED))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(channel: &str) -> Place {
        Place { channel: channel.to_owned(), is_direct: channel == "direct" }
    }

    #[test]
    fn a_message_is_taken_on_once_and_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.db");
        let handled = Handled::open(&path, "discord").unwrap();
        assert!(handled.receive("10", &place("c"), 100).unwrap());
        assert!(!handled.receive("10", &place("c"), 100).unwrap());
        assert_eq!(handled.is_answered("10").unwrap(), Some(false));
        assert!(handled.owes(50, 100).unwrap() && !handled.owes(101, 200).unwrap());
        handled.answer("10").unwrap();
        assert!(!handled.owes(50, 100).unwrap());
        drop(handled);
        let handled = Handled::open(&path, "discord").unwrap();
        assert_eq!(handled.is_answered("10").unwrap(), Some(true));
        assert_eq!(handled.is_answered("11").unwrap(), None);
        assert!(Handled::open(&path, "matrix").unwrap().receive("10", &place("c"), 100).unwrap());
    }

    #[test]
    fn places_are_known_until_they_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let handled = Handled::open(&folder.path().join("facts.db"), "discord").unwrap();
        for (message, channel, at) in [("10", "a", 1), ("11", "a", 2), ("20", "direct", 5)] {
            handled.receive(message, &place(channel), at).unwrap();
        }
        assert_eq!(handled.places().unwrap(), [place("a"), place("direct")]);
        handled.forget(REMEMBERED + 3).unwrap();
        assert_eq!(handled.places().unwrap(), [place("direct")]);
    }
}
