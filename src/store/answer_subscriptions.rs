//! Stores subscriptions to answers: people ask the bot to notify them when a question that it couldn't answer has an
//! answer.
//!
//! A subscription is the only record of who asked what. It is deleted when the person was notified or withdraws it.

use rusqlite::OptionalExtension as _;

use super::records::Records;
use super::{Scope, StoreError};

/// Largest number of a person's subscriptions on a platform.
const MOST_OF_ONE: u32 = 20;

/// Largest number of subscriptions on a platform.
const MOST: u32 = 10_000;

/// A person's subscription to the answer of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerSubscription {
    /// The platform's id of the event by which the person subscribed.
    pub id: String,
    /// The platform's id of the person.
    pub who: String,
    /// The platform's id of the channel where the question was asked.
    pub channel: String,
    /// Message of the bot there that had no answer; empty if only the person saw it.
    pub message: String,
    /// Scope whose facts the person sees.
    pub scope: Scope,
    /// Text of the question.
    pub question: String,
    /// Newest revision up to which the question is known to have no answer.
    pub revision: i64,
    /// Time of the first attempt to notify the person, in seconds since 1970 (UTC); `None` if there was none.
    pub tried_at: Option<i64>,
}

impl Records {
    /// Stores a subscription and returns its id, or the id of an equal one that is stored already. Returns `None` if
    /// the person or the platform has too many.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn keep_subscription(&self, subscription: &AnswerSubscription) -> Result<Option<String>, StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO wish (platform, id, who, channel, message, scope, question, revision)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
                 WHERE (SELECT COUNT(*) FROM wish WHERE platform = ?1 AND who = ?3) < ?9
                   AND (SELECT COUNT(*) FROM wish WHERE platform = ?1) < ?10
                 ON CONFLICT DO NOTHING",
            )?
            .execute((
                self.platform,
                &subscription.id,
                &subscription.who,
                &subscription.channel,
                &subscription.message,
                subscription.scope.key(),
                &subscription.question,
                subscription.revision,
                MOST_OF_ONE,
                MOST,
            ))?;
        let sql = "SELECT id FROM wish WHERE platform = ? AND channel = ? AND message = ? AND who = ? AND question = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let key =
            (self.platform, &subscription.channel, &subscription.message, &subscription.who, &subscription.question);
        Ok(statement.query_row(key, |row| row.get(0)).optional()?)
    }

    /// Returns the subscriptions whose questions weren't checked against revision `newest` yet, oldest first.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn subscriptions_before(&self, newest: i64) -> Result<Vec<AnswerSubscription>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, who, channel, message, scope, question, revision, tried_at FROM wish
             WHERE platform = ? AND revision < ? ORDER BY length(id), id",
        )?;
        let subscriptions = statement.query_map((self.platform, newest), read)?;
        Ok(subscriptions.collect::<Result<_, _>>()?)
    }

    /// Records that the question of a subscription has no answer up to a revision.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn has_no_answer_at(&self, id: &str, revision: i64) -> Result<(), StoreError> {
        let sql = "UPDATE wish SET revision = ? WHERE platform = ? AND id = ?";
        self.connection.prepare_cached(sql)?.execute((revision, self.platform, id))?;
        Ok(())
    }

    /// Records an attempt to notify a person, before it is made. Returns `None` if the subscription was withdrawn,
    /// otherwise the time of the first earlier attempt, if there was one.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn try_to_notify(&self, id: &str, now: i64) -> Result<Option<Option<i64>>, StoreError> {
        let before: Option<Option<i64>> = self
            .connection
            .prepare_cached("SELECT tried_at FROM wish WHERE platform = ? AND id = ?")?
            .query_row((self.platform, id), |row| row.get(0))
            .optional()?;
        let sql = "UPDATE wish SET tried_at = ? WHERE platform = ? AND id = ? AND tried_at IS NULL";
        self.connection.prepare_cached(sql)?.execute((now, self.platform, id))?;
        Ok(before)
    }

    /// Deletes a subscription; with `who`, only if it is this person's. Returns true if one was deleted.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn drop_subscription(&self, id: &str, who: Option<&str>) -> Result<bool, StoreError> {
        let sql = "DELETE FROM wish WHERE platform = ?1 AND id = ?2 AND (?3 IS NULL OR who = ?3)";
        Ok(self.connection.prepare_cached(sql)?.execute((self.platform, id, who))? > 0)
    }

    /// Deletes all subscriptions of the same person to the same question in the same channel, whatever the message.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn drop_subscriptions_like(&self, subscription: &AnswerSubscription) -> Result<(), StoreError> {
        let sql = "DELETE FROM wish WHERE platform = ? AND channel = ? AND who = ? AND question = ?";
        self.connection.prepare_cached(sql)?.execute((
            self.platform,
            &subscription.channel,
            &subscription.who,
            &subscription.question,
        ))?;
        Ok(())
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<AnswerSubscription> {
    Ok(AnswerSubscription {
        id: row.get(0)?,
        who: row.get(1)?,
        channel: row.get(2)?,
        message: row.get(3)?,
        scope: Scope::of_key(&row.get::<_, String>(4)?),
        question: row.get(5)?,
        revision: row.get(6)?,
        tried_at: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(id: &str, who: &str, question: &str) -> AnswerSubscription {
        AnswerSubscription {
            id: id.into(),
            who: who.into(),
            channel: "7".into(),
            message: "8".into(),
            scope: Scope::Shared,
            question: question.into(),
            revision: 3,
            tried_at: None,
        }
    }

    #[test]
    fn a_subscription_is_kept_once_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(&folder.path().join("facts.db"), "discord").unwrap();
        for id in ["1", "2"] {
            assert_eq!(records.keep_subscription(&subscription(id, "ann", "kimchi")).unwrap().as_deref(), Some("1"));
        }
        assert_eq!(records.subscriptions_before(4).unwrap(), [subscription("1", "ann", "kimchi")]);
        assert_eq!(records.subscriptions_before(3).unwrap(), []);
        records.has_no_answer_at("1", 4).unwrap();
        assert_eq!(records.subscriptions_before(4).unwrap(), []);
        assert_eq!(records.try_to_notify("1", 10).unwrap(), Some(None));
        assert_eq!(records.try_to_notify("1", 20).unwrap(), Some(Some(10)));
        // Under another message it is a separate subscription, and a notification ends both.
        let other = AnswerSubscription { message: "9".into(), ..subscription("5", "ann", "kimchi") };
        assert_eq!(records.keep_subscription(&other).unwrap().as_deref(), Some("5"));
        records.drop_subscriptions_like(&subscription("5", "ann", "kimchi")).unwrap();
        assert_eq!(records.subscriptions_before(9).unwrap(), []);
        records.keep_subscription(&subscription("1", "ann", "kimchi")).unwrap();
        assert!(!records.drop_subscription("1", Some("bob")).unwrap());
        assert!(records.drop_subscription("1", Some("ann")).unwrap() && !records.drop_subscription("1", None).unwrap());
        assert_eq!(records.try_to_notify("1", 30).unwrap(), None);
    }

    #[test]
    fn nobody_has_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(&folder.path().join("facts.db"), "discord").unwrap();
        let keep =
            |id: &str, who: &str, question: &str| records.keep_subscription(&subscription(id, who, question)).unwrap();
        for number in 0..MOST_OF_ONE {
            let id = number.to_string();
            assert_eq!(keep(&id, "ann", &format!("question {number}")), Some(id));
        }
        assert_eq!(keep("x", "ann", "one more"), None);
        assert_eq!(keep("y", "ann", "question 3").as_deref(), Some("3"));
        assert_eq!(keep("z", "bob", "one more").as_deref(), Some("z"));
    }
}
