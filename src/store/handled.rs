//! Records which messages of a platform the bot has received and which it has answered, so that each is answered once.

use rusqlite::OptionalExtension as _;

use super::records::Records;
use super::{Scope, StoreError};

/// Retention of a message, in seconds. Longer than any history that is searched after a start.
const REMEMBERED: i64 = 2 * 24 * 60 * 60;

/// Retention of the last message of each place, in seconds. Longer than that of the others, because it shows which
/// histories to search after a start.
const PLACE_REMEMBERED: i64 = 30 * 24 * 60 * 60;

/// A channel, room or direct conversation in which messages were handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The platform's id of the place.
    pub channel: String,
    /// The platform's id of the place's community: empty if it is unknown, `None` in a direct conversation.
    pub community: Option<String>,
}

impl Place {
    /// Returns the scope whose facts are seen in the place: its community, or the shared facts if there is none or it
    /// is unknown.
    #[must_use]
    pub fn scope(&self, platform: &str) -> Scope {
        let community = self.community.as_deref().filter(|id| !id.is_empty());
        community.map_or(Scope::Shared, |id| Scope::community(platform, id))
    }
}

impl Records {
    /// Records that a message was received, sent in a place at `at` (seconds since 1970, UTC). Returns false if it was
    /// recorded before.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn receive(&self, message: &str, place: &Place, at: i64) -> Result<bool, StoreError> {
        let added = self
            .connection
            .prepare_cached(
                "INSERT OR IGNORE INTO handled (platform, message, channel, direct, community, state, at)
                 VALUES (?, ?, ?, ?, ?, 'received', ?)",
            )?
            .execute((self.platform, message, &place.channel, place.community.is_none(), &place.community, at))?;
        Ok(added > 0)
    }

    /// Records that a message was answered. If it was sent in a known community, `outcome` is counted there, once for
    /// each message.
    ///
    /// # Errors
    /// If SQLite fails; then nothing is changed.
    pub fn answer(&self, message: &str, outcome: Option<&str>) -> Result<(), StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        let place: Option<(Option<String>, i64)> = transaction
            .prepare_cached(
                "UPDATE handled SET state = 'answered' WHERE platform = ? AND message = ? AND state = 'received'
                 RETURNING community, at",
            )?
            .query_row((self.platform, message), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let (Some((Some(community), at)), Some(outcome)) = (place, outcome)
            && !community.is_empty()
        {
            self.count(&community, at, outcome)?;
        }
        Ok(transaction.commit()?)
    }

    /// Returns true if a message was answered, false if it was only received, and `None` if it is unknown.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn is_answered(&self, message: &str) -> Result<Option<bool>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT state FROM handled WHERE platform = ? AND message = ?")?;
        let mut rows = statement.query((self.platform, message))?;
        Ok(rows.next()?.map(|row| row.get::<_, String>(0)).transpose()?.map(|state| state == "answered"))
    }

    /// Returns the places whose messages are recorded.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn places(&self) -> Result<Vec<Place>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT channel, CASE WHEN MAX(direct) THEN NULL ELSE COALESCE(MAX(community), '') END
             FROM handled WHERE platform = ? GROUP BY channel ORDER BY channel",
        )?;
        let places =
            statement.query_map([self.platform], |row| Ok(Place { channel: row.get(0)?, community: row.get(1)? }))?;
        Ok(places.collect::<Result<_, _>>()?)
    }

    /// Returns the messages sent from `from` to `to` (both included, in seconds since 1970, UTC) that still wait for an
    /// answer, with their places, oldest first.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn owed(&self, from: i64, to: i64) -> Result<Vec<(String, Place)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT message, channel, CASE WHEN direct THEN NULL ELSE COALESCE(community, '') END FROM handled
             WHERE platform = ? AND state = 'received' AND at BETWEEN ? AND ? ORDER BY at, message",
        )?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Place { channel: row.get(1)?, community: row.get(2)? }));
        let owed = statement.query_map((self.platform, from, to), read)?;
        Ok(owed.collect::<Result<_, _>>()?)
    }

    /// Deletes the messages whose retention is over at `now`.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn forget_messages(&self, now: i64) -> Result<(), StoreError> {
        self.connection.execute(
            "DELETE FROM handled WHERE platform = ?1 AND at < ?2 AND (at < ?3 OR EXISTS (
                 SELECT 1 FROM handled AS later WHERE later.platform = ?1 AND later.channel = handled.channel
                 AND (later.at, later.message) > (handled.at, handled.message)))",
            (self.platform, now - REMEMBERED, now - PLACE_REMEMBERED),
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(channel: &str) -> Place {
        let community = (channel != "direct").then(|| "server".to_owned());
        Place { channel: channel.to_owned(), community }
    }

    #[test]
    fn a_message_is_taken_on_once_and_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.db");
        let records = Records::open(&path, "discord").unwrap();
        assert!(records.receive("10", &place("c"), 100).unwrap());
        assert!(!records.receive("10", &place("c"), 100).unwrap());
        assert_eq!(records.is_answered("10").unwrap(), Some(false));
        assert_eq!(records.owed(50, 100).unwrap(), [("10".to_owned(), place("c"))]);
        assert_eq!(records.owed(101, 200).unwrap(), []);
        records.answer("10", Some("answered")).unwrap();
        records.answer("10", Some("answered")).unwrap();
        assert_eq!(records.tally("server", "1970").unwrap(), [("1970-01-01".into(), "answered".into(), 1)]);
        assert_eq!(records.owed(50, 100).unwrap(), []);
        drop(records);
        let records = Records::open(&path, "discord").unwrap();
        assert_eq!(records.is_answered("10").unwrap(), Some(true));
        assert_eq!(records.is_answered("11").unwrap(), None);
        assert!(Records::open(&path, "matrix").unwrap().receive("10", &place("c"), 100).unwrap());
    }

    #[test]
    fn places_are_known_until_they_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(&folder.path().join("facts.db"), "discord").unwrap();
        for (message, channel, at) in [("10", "a", 1), ("11", "a", 2), ("20", "direct", 5)] {
            records.receive(message, &place(channel), at).unwrap();
        }
        assert_eq!(records.places().unwrap(), [place("a"), place("direct")]);
        // The last message of a place is kept longer.
        records.forget_messages(REMEMBERED + 9).unwrap();
        assert_eq!(records.places().unwrap(), [place("a"), place("direct")]);
        assert_eq!(records.is_answered("10").unwrap(), None);
        records.forget_messages(PLACE_REMEMBERED + 3).unwrap();
        assert_eq!(records.places().unwrap(), [place("direct")]);
    }
}
