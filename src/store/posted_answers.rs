//! Records the messages in which the bot answered, and what each answer was made from, so that a change of the facts
//! can update it.

use rusqlite::OptionalExtension as _;

use super::records::Records;
use super::{Scope, StoreError};
use crate::wording::{AnswerRecipe, Reply};
use xxhash_rust::xxh3::xxh3_64;

/// Retention of messages and answers, in seconds.
const REMEMBERED: i64 = 30 * 24 * 60 * 60;

/// An answer that was posted, without its text.
#[derive(Debug, Clone, PartialEq)]
pub struct PostedAnswer {
    /// The platform's id of the channel where it was posted.
    pub channel: String,
    /// The platform's id of the question.
    pub question: String,
    /// Scope whose facts the answer was made from.
    pub scope: Scope,
    /// Topics, language and revision from which the answer can be made again.
    pub recipe: AnswerRecipe,
    /// Ids of the claims that the answer has shown at any time.
    pub claims: Vec<String>,
    /// XXH3-64 checksum of the text as it was posted first.
    pub original: u64,
    /// Newest revision up to which the answer is known to be right.
    pub right_at: i64,
}

impl PostedAnswer {
    /// Describes a reply that was posted to a question in a channel. Returns `None` if the reply has no recipe: nothing
    /// in it can change.
    #[must_use]
    pub fn of(reply: &Reply, scope: Scope, channel: &str, question: &str) -> Option<Self> {
        let recipe = reply.recipe.clone()?;
        Some(Self {
            channel: channel.to_owned(),
            question: question.to_owned(),
            scope,
            claims: reply.claims.iter().map(|claim| claim.id.clone()).collect(),
            original: xxh3_64(reply.text.as_bytes()),
            right_at: recipe.revision,
            recipe,
        })
    }
}

impl Records {
    /// Records a message of the bot, posted in a channel at `at` (seconds since 1970, UTC), as a part of the answer to a
    /// question. Parts count from 0.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn keep_post(
        &self,
        message: &str,
        channel: &str,
        (question, part): (&str, usize),
        at: i64,
    ) -> Result<(), StoreError> {
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

    /// Records an answer with the messages that contain it, in their order.
    ///
    /// # Errors
    /// If SQLite fails; then nothing is recorded.
    pub fn keep_posted_answer(&self, answer: &PostedAnswer, messages: &[String], at: i64) -> Result<(), StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        for (part, message) in messages.iter().enumerate() {
            self.keep_post(message, &answer.channel, (&answer.question, part), at)?;
        }
        self.keep_answer(answer, at)?;
        Ok(transaction.commit()?)
    }

    /// Returns the newest revision up to which an answer is known to be right; `None` if the answer isn't recorded.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn right_at(&self, channel: &str, question: &str) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT revision FROM answer WHERE platform = ? AND channel = ? AND question = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row((self.platform, channel, question), |row| row.get(0)).optional()?)
    }

    /// Records an answer that was posted at `at`, without its messages.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn keep_answer(&self, answer: &PostedAnswer, at: i64) -> Result<(), StoreError> {
        let json = |recipe: &AnswerRecipe| serde_json::to_string(recipe).expect("a recipe has only string keys");
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
            .execute((
                self.platform,
                &answer.channel,
                &answer.question,
                answer.scope.key(),
                json(&answer.recipe),
                serde_json::to_string(&answer.claims).expect("a list of ids serializes"),
                answer.original.cast_signed(),
                answer.recipe.revision,
                answer.right_at,
                at,
            ))?;
        Ok(())
    }

    /// Returns the answers that aren't known to be right up to revision `newest`, oldest first. Those with an
    /// unreadable recipe are logged and left out.
    ///
    /// # Errors
    /// If SQLite fails or a list of claims can't be read.
    pub fn answers_before(&self, newest: i64) -> Result<Vec<PostedAnswer>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT channel, question, scope, memo, claims, original, revision FROM answer
             WHERE platform = ? AND revision < ? ORDER BY at, channel, question",
        )?;
        let mut rows = statement.query((self.platform, newest))?;
        let mut answers = Vec::new();
        let unreadable = |error: serde_json::Error| StoreError::Unreadable(error.to_string());
        while let Some(row) = rows.next()? {
            let Ok(recipe) = serde_json::from_str(&row.get::<_, String>(3)?) else {
                tracing::error!("recipe of a posted answer unreadable, answer not updated");
                continue;
            };
            answers.push(PostedAnswer {
                channel: row.get(0)?,
                question: row.get(1)?,
                scope: Scope::of_key(&row.get::<_, String>(2)?),
                recipe,
                claims: serde_json::from_str(&row.get::<_, String>(4)?).map_err(unreadable)?,
                original: row.get::<_, i64>(5)?.cast_unsigned(),
                right_at: row.get(6)?,
            });
        }
        Ok(answers)
    }

    /// Records that an answer is right up to a revision, and which claims it has shown. Does nothing if the answer was
    /// recorded anew since it was read.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn is_right_at(&self, answer: &PostedAnswer, revision: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE answer SET revision = ?, claims = ?
                 WHERE platform = ? AND channel = ? AND question = ? AND revision = ? AND given_at = ?",
            )?
            .execute((
                revision,
                serde_json::to_string(&answer.claims).expect("a list of ids serializes"),
                self.platform,
                &answer.channel,
                &answer.question,
                // Doesn't match an answer that was replaced in the meantime.
                answer.right_at,
                answer.recipe.revision,
            ))?;
        Ok(())
    }

    /// Returns the messages in a channel that answer a question, in their order.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn posts(&self, question: &str, channel: &str) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT message FROM post WHERE platform = ? AND question = ? AND channel = ? ORDER BY part, at",
        )?;
        let messages = statement.query_map((self.platform, question, channel), |row| row.get(0))?;
        Ok(messages.collect::<Result<_, _>>()?)
    }

    /// Returns the question that a message of the bot in a channel answers.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn question_of(&self, message: &str, channel: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT question FROM post WHERE platform = ? AND message = ? AND channel = ?")?;
        Ok(statement.query_row((self.platform, message, channel), |row| row.get(0)).optional()?)
    }

    /// Deletes the record of a message of the bot that was removed from a channel.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn forget_post(&self, message: &str, channel: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM post WHERE platform = ? AND message = ? AND channel = ?")?
            .execute((self.platform, message, channel))?;
        Ok(())
    }

    /// Deletes the messages and answers whose retention is over at `now`.
    pub(super) fn forget_posts(&self, now: i64) -> Result<(), StoreError> {
        for sql in
            ["DELETE FROM post WHERE platform = ? AND at < ?", "DELETE FROM answer WHERE platform = ? AND at < ?"]
        {
            self.connection.prepare_cached(sql)?.execute((self.platform, now - REMEMBERED))?;
        }
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
