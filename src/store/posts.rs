//! The messages in which the desk answered.

use rusqlite::OptionalExtension as _;

use super::Error;
use super::records::Records;

/// How long a post is remembered, in seconds.
const REMEMBERED: i64 = 30 * 24 * 60 * 60;

impl Records {
    /// Keeps that a message of the desk is a part of the answer to a question, posted in a channel at `at`.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn keep_post(
        &self,
        message: &str,
        channel: &str,
        (question, part): (&str, usize),
        at: i64,
    ) -> Result<(), Error> {
        self.connection.prepare_cached("INSERT OR REPLACE INTO post VALUES (?, ?, ?, ?, ?, ?)")?.execute((
            self.platform,
            message,
            channel,
            question,
            part,
            at,
        ))?;
        Ok(())
    }

    /// The messages of a channel that answer a question, in their order.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn posts(&self, question: &str, channel: &str) -> Result<Vec<String>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT message FROM post WHERE platform = ? AND question = ? AND channel = ? ORDER BY part, at",
        )?;
        let messages = statement.query_map((self.platform, question, channel), |row| row.get(0))?;
        Ok(messages.collect::<Result<_, _>>()?)
    }

    /// The question that a message of the desk in a channel answers.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn question_of(&self, message: &str, channel: &str) -> Result<Option<String>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT question FROM post WHERE platform = ? AND message = ? AND channel = ?")?;
        Ok(statement.query_row((self.platform, message, channel), |row| row.get(0)).optional()?)
    }

    /// Forgets a message of the desk that was removed from a channel.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn forget_post(&self, message: &str, channel: &str) -> Result<(), Error> {
        self.connection
            .prepare_cached("DELETE FROM post WHERE platform = ? AND message = ? AND channel = ?")?
            .execute((self.platform, message, channel))?;
        Ok(())
    }

    /// Forgets the messages of the desk that lie long before `now`.
    pub(super) fn forget_posts(&self, now: i64) -> Result<(), Error> {
        self.connection
            .prepare_cached("DELETE FROM post WHERE platform = ? AND at < ?")?
            .execute((self.platform, now - REMEMBERED))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_by_its_question_and_the_other_way_round() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(&folder.path().join("facts.db"), "matrix").unwrap();
        for (message, part) in [("b", 1), ("a", 0)] {
            records.keep_post(message, "room", ("q", part), 100).unwrap();
        }
        assert_eq!(records.posts("q", "room").unwrap(), ["a", "b"]);
        assert_eq!(records.question_of("b", "room").unwrap().as_deref(), Some("q"));
        assert_eq!(records.question_of("b", "other").unwrap(), None);
        records.forget_post("b", "other").unwrap();
        assert_eq!(records.posts("q", "room").unwrap(), ["a", "b"]);
        records.forget_post("b", "room").unwrap();
        assert_eq!(records.posts("q", "room").unwrap(), ["a"]);
        records.forget(100 + REMEMBERED).unwrap();
        assert_eq!(records.posts("q", "room").unwrap(), ["a"]);
        records.forget(101 + REMEMBERED).unwrap();
        assert_eq!(records.question_of("a", "room").unwrap(), None);
    }
}
