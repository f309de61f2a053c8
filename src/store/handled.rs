//! Which messages of a platform the desk has taken on, and which it has answered.
//!
//! Kept on a connection of its own, so that it never waits for the facts. A process that is killed loses nothing; only
//! if the machine loses power may the last moments be lost, and then a platform's history tells.

use std::path::Path;

use rusqlite::Connection;

use super::{Error, Store};

/// How long a message is remembered, in seconds: longer than any history that is searched after a start.
const REMEMBERED: i64 = 2 * 24 * 60 * 60;

/// The handled messages of one platform.
pub struct Handled {
    connection: Connection,
    platform: &'static str,
}

/// A place and what was last handled there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The platform's id of the place.
    pub channel: String,
    /// The earliest message there that was received and not answered, else the latest of all.
    pub from: String,
    /// Whether `from` itself waits for an answer.
    pub waits: bool,
}

impl Handled {
    /// Opens the record of a platform in a database that a [`Store`] has brought up to date.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn open(path: &Path, platform: &'static str) -> Result<Self, Error> {
        let Store { connection, .. } = Store::open(path)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        Ok(Self { connection, platform })
    }

    /// Takes a message on, said at `at`; false if it was taken on before.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn receive(&self, message: &str, channel: &str, at: i64) -> Result<bool, Error> {
        let added = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO handled VALUES (?, ?, ?, 'received', ?)")?
            .execute((self.platform, message, channel, at))?;
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

    /// The places where something was handled, and from where on their history must be searched after a start.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn places(&self) -> Result<Vec<Place>, Error> {
        // Ids of a platform grow with time, and longer ones are later.
        let mut statement = self.connection.prepare(
            "SELECT channel, message, state = 'received' FROM (
                 SELECT *, ROW_NUMBER() OVER (
                     PARTITION BY channel
                     ORDER BY state = 'received' DESC,
                              CASE state WHEN 'received' THEN at ELSE -at END,
                              CASE state WHEN 'received' THEN length(message) ELSE -length(message) END
                 ) AS place
                 FROM handled WHERE platform = ?
             ) WHERE place = 1 ORDER BY channel",
        )?;
        let places = statement.query_map([self.platform], |row| {
            Ok(Place { channel: row.get(0)?, from: row.get(1)?, waits: row.get(2)? })
        })?;
        Ok(places.collect::<Result<_, _>>()?)
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

    #[test]
    fn a_message_is_taken_on_once_and_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.db");
        let handled = Handled::open(&path, "discord").unwrap();
        assert!(handled.receive("10", "c", 100).unwrap());
        assert!(!handled.receive("10", "c", 100).unwrap());
        assert_eq!(handled.is_answered("10").unwrap(), Some(false));
        handled.answer("10").unwrap();
        drop(handled);
        let handled = Handled::open(&path, "discord").unwrap();
        assert_eq!(handled.is_answered("10").unwrap(), Some(true));
        assert_eq!(handled.is_answered("11").unwrap(), None);
        assert!(Handled::open(&path, "matrix").unwrap().receive("10", "c", 100).unwrap());
    }

    #[test]
    fn history_is_searched_from_what_waits_else_from_the_latest() {
        let folder = tempfile::tempdir().unwrap();
        let handled = Handled::open(&folder.path().join("facts.db"), "discord").unwrap();
        for (message, channel, at, answered) in [
            ("10", "a", 1, true),
            ("11", "a", 2, true),
            ("20", "b", 1, false),
            ("21", "b", 2, false),
            ("22", "b", 3, true),
        ] {
            handled.receive(message, channel, at).unwrap();
            if answered {
                handled.answer(message).unwrap();
            }
        }
        let places = handled.places().unwrap();
        let told: Vec<_> = places.iter().map(|p| (p.channel.as_str(), p.from.as_str(), p.waits)).collect();
        assert_eq!(told, [("a", "11", false), ("b", "20", true)]);
        handled.forget(REMEMBERED + 3).unwrap();
        assert_eq!(handled.places().unwrap().len(), 1);
    }
}
