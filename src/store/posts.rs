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

    /// The messages that answer a question, in their order.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn posts(&self, question: &str) -> Result<Vec<String>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT message FROM post WHERE platform = ? AND question = ? ORDER BY part, at")?;
        let messages = statement.query_map((self.platform, question), |row| row.get(0))?;
        Ok(messages.collect::<Result<_, _>>()?)
    }

    /// The question that a message of the desk answers.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn question_of(&self, message: &str) -> Result<Option<String>, Error> {
        let mut statement =
            self.connection.prepare_cached("SELECT question FROM post WHERE platform = ? AND message = ?")?;
        Ok(statement.query_row((self.platform, message), |row| row.get(0)).optional()?)
    }

    /// Forgets a message of the desk that was removed.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn forget_post(&self, message: &str) -> Result<(), Error> {
        self.connection
            .prepare_cached("DELETE FROM post WHERE platform = ? AND message = ?")?
            .execute((self.platform, message))?;
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
        assert_eq!(records.posts("q").unwrap(), ["a", "b"]);
        assert_eq!(records.question_of("b").unwrap().as_deref(), Some("q"));
        records.forget_post("b").unwrap();
        assert_eq!(records.posts("q").unwrap(), ["a"]);
        records.forget(100 + REMEMBERED).unwrap();
        assert_eq!(records.posts("q").unwrap(), ["a"]);
        records.forget(101 + REMEMBERED).unwrap();
        assert_eq!(records.question_of("a").unwrap(), None);
    }
}
