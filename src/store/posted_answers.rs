//! The messages in which the desk answered.

use rusqlite::OptionalExtension as _;

use super::records::Records;
use super::{Scope, StoreError};
use crate::wording::{AnswerRecipe, Reply};
use xxhash_rust::xxh3::xxh3_64;

/// How long a post is remembered, in seconds.
const REMEMBERED: i64 = 30 * 24 * 60 * 60;

/// An answer that was given, without a word of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PostedAnswer {
    /// The platform's id of where it was given.
    pub channel: String,
    /// The platform's id of what it answers.
    pub question: String,
    /// Whose facts it was made from.
    pub scope: Scope,
    /// What it was made from.
    pub recipe: AnswerRecipe,
    /// The claims that it showed at any time.
    pub claims: Vec<String>,
    /// A checksum of the text in which it was given.
    pub original: u64,
    /// The revision up to which it is right.
    pub right_at: i64,
}

impl PostedAnswer {
    /// A reply that was given to a question in a channel; none if it says nothing that may change.
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

    /// Keeps an answer with the messages that say it.
    ///
    /// # Errors
    /// If SQLite fails; then nothing is kept.
    pub fn keep_posted_answer(&self, answer: &PostedAnswer, messages: &[String], at: i64) -> Result<(), StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        for (part, message) in messages.iter().enumerate() {
            self.keep_post(message, &answer.channel, (&answer.question, part), at)?;
        }
        self.keep_answer(answer, at)?;
        Ok(transaction.commit()?)
    }

    /// The revision up to which an answer is known to be right; none if it isn't known.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn right_at(&self, channel: &str, question: &str) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT revision FROM answer WHERE platform = ? AND channel = ? AND question = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row((self.platform, channel, question), |row| row.get(0)).optional()?)
    }

    /// Keeps what an answer was made from, given at `at` to a question in a channel.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn keep_answer(&self, answer: &PostedAnswer, at: i64) -> Result<(), StoreError> {
        let json = |recipe: &AnswerRecipe| serde_json::to_string(recipe).expect("a memo is made of words and numbers");
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
            .execute((
                self.platform,
                &answer.channel,
                &answer.question,
                answer.scope.key(),
                json(&answer.recipe),
                serde_json::to_string(&answer.claims).expect("ids"),
                answer.original.cast_signed(),
                answer.recipe.revision,
                answer.right_at,
                at,
            ))?;
        Ok(())
    }

    /// The answers that are known to be right up to an older revision than `newest` only.
    ///
    /// # Errors
    /// If SQLite fails or what is kept can't be read.
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
                tracing::error!("what an answer was made from can't be read; it stays as it is");
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

    /// Records that an answer is right up to a revision, and which claims it has shown.
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
                serde_json::to_string(&answer.claims).expect("ids"),
                self.platform,
                &answer.channel,
                &answer.question,
                // Unless it was replaced in the meantime.
                answer.right_at,
                answer.recipe.revision,
            ))?;
        Ok(())
    }

    /// The messages of a channel that answer a question, in their order.
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

    /// The question that a message of the desk in a channel answers.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn question_of(&self, message: &str, channel: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT question FROM post WHERE platform = ? AND message = ? AND channel = ?")?;
        Ok(statement.query_row((self.platform, message, channel), |row| row.get(0)).optional()?)
    }

    /// Forgets a message of the desk that was removed from a channel.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn forget_post(&self, message: &str, channel: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM post WHERE platform = ? AND message = ? AND channel = ?")?
            .execute((self.platform, message, channel))?;
        Ok(())
    }

    /// Forgets the messages of the desk that lie long before `now`.
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
