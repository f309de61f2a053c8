//! Stores what waits for a community's moderators: unanswered questions, reported problems and suggested facts, and
//! counts questions by outcome. No entry contains a name. The waiting entries are deleted after the number of days that
//! the community sets.

use rusqlite::OptionalExtension as _;

use super::StoreError;
use super::records::Records;

/// A day, in seconds.
const DAY: i64 = 24 * 60 * 60;

/// Longest stored text, in characters; the rest is cut off. Questions are shorter.
const LONGEST: usize = 1_000;

/// Largest number of different questions, and of reports, in a community. Beyond it the oldest are deleted.
const MOST: u32 = 5_000;

/// Largest number of waiting suggestions in a community. Beyond it new ones are refused.
const MOST_SUGGESTIONS: u32 = 200;

/// An unanswered question, together with all others that have the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredQuestion {
    /// Most frequent wording.
    pub text: String,
    /// Hash of the question's informative words; 0 for questions that older versions stored.
    pub question_key: u64,
    /// Number of times it was asked, in all wordings.
    pub count: u32,
    /// Times of the first and the last asking, in seconds since 1970 (UTC).
    pub asked: (i64, i64),
}

/// A fact that a member suggested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The fact as a sentence.
    pub statement: String,
    /// Topic of the fact, as the member wrote it.
    pub topic: Option<String>,
    /// Source of the fact, as the member wrote it.
    pub source: Option<String>,
    /// Unanswered question that the fact answers.
    pub question: Option<String>,
}

/// A reported problem with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Ids of the answer's topics, separated by commas.
    pub topics: String,
    /// Ids of the answer's claims, separated by commas.
    pub claims: String,
    /// Description of the problem, as the person wrote it.
    pub text: String,
}

impl Records {
    /// Stores an unanswered question of a community for `days` days from `at`, or counts it if it is stored already. A
    /// question that was settled isn't stored again.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn keep_question(
        &self,
        community: &str,
        (text, question_key): (&str, u64),
        at: i64,
        days: u32,
    ) -> Result<(), StoreError> {
        let question_key = question_key.cast_signed();
        self.connection
            .prepare_cached(
                "INSERT INTO question SELECT ?1, ?2, ?3, 1, ?4, ?4, ?5, ?6
                 WHERE NOT EXISTS (SELECT 1 FROM settled WHERE platform = ?1 AND community = ?2 AND gist = ?6)
                 ON CONFLICT DO UPDATE SET count = count + 1, last_at = excluded.last_at, until = excluded.until",
            )?
            .execute((self.platform, community, shortened(text), at, at + i64::from(days) * DAY, question_key))?;
        self.connection
            .prepare_cached(
                "DELETE FROM question WHERE platform = ?1 AND community = ?2 AND text IN (
                     SELECT text FROM question WHERE platform = ?1 AND community = ?2
                     ORDER BY last_at DESC, count DESC LIMIT -1 OFFSET ?3)",
            )?
            .execute((self.platform, community, MOST))?;
        Ok(())
    }

    /// Stores a reported problem for `days` days from `at`.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn keep_report(&self, community: &str, report: &Report, at: i64, days: u32) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO report (platform, community, topics, claims, text, at, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute((
                self.platform,
                community,
                &report.topics,
                &report.claims,
                shortened(&report.text),
                at,
                at + i64::from(days) * DAY,
            ))?;
        self.connection
            .prepare_cached(
                "DELETE FROM report WHERE platform = ?1 AND community = ?2 AND id IN (
                     SELECT id FROM report WHERE platform = ?1 AND community = ?2 ORDER BY id DESC LIMIT -1 OFFSET ?3)",
            )?
            .execute((self.platform, community, MOST))?;
        Ok(())
    }

    /// Returns at most `most` unanswered questions of a community, the most frequent first.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn questions(&self, community: &str, most: u32) -> Result<Vec<UnansweredQuestion>, StoreError> {
        // SQLite takes `text` from the row with the highest count, because MAX(count) is the last of the extremes.
        // Questions that older versions stored have the gist 0 and are grouped by their text.
        let mut statement = self.connection.prepare_cached(
            "SELECT text, gist, SUM(count), MIN(first_at), MAX(last_at), MAX(count) FROM question
             WHERE platform = ? AND community = ?
             GROUP BY gist, CASE gist WHEN 0 THEN text END ORDER BY 3 DESC, 5 DESC, text LIMIT ?",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(UnansweredQuestion {
                text: row.get(0)?,
                question_key: row.get::<_, i64>(1)?.cast_unsigned(),
                count: row.get(2)?,
                asked: (row.get(3)?, row.get(4)?),
            })
        };
        let rows = statement.query_map((self.platform, community, most), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Removes a question and all others with its key from the queue, and keeps them from being stored again. With the
    /// key 0 it only removes the question with this text.
    ///
    /// # Errors
    /// If SQLite fails; then nothing is changed.
    pub fn settle(&self, community: &str, (text, question_key): (&str, u64), at: i64) -> Result<(), StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        let question_key = question_key.cast_signed();
        transaction.execute(
            "DELETE FROM question WHERE platform = ? AND community = ? AND gist = ? AND (gist <> 0 OR text = ?)",
            (self.platform, community, question_key, text),
        )?;
        if question_key != 0 {
            transaction.execute(
                "INSERT OR REPLACE INTO settled VALUES (?, ?, ?, ?)",
                (self.platform, community, question_key, at),
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Stores a suggestion for `days` days from `at` and returns its id, or the id of an equal one that is stored
    /// already. Returns `None` if too many suggestions wait in the community.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn keep_suggestion(
        &self,
        community: &str,
        suggestion: &Suggestion,
        at: i64,
        days: u32,
    ) -> Result<Option<i64>, StoreError> {
        let known = self
            .connection
            .prepare_cached(
                "SELECT id FROM suggestion WHERE platform = ? AND community = ? AND statement = ? AND topic IS ?
                 AND source IS ? AND question IS ?",
            )?
            .query_row(
                (
                    self.platform,
                    community,
                    shortened(&suggestion.statement),
                    &suggestion.topic,
                    &suggestion.source,
                    &suggestion.question,
                ),
                |row| row.get(0),
            )
            .optional()?;
        if known.is_some() {
            return Ok(known);
        }
        let kept = self
            .connection
            .prepare_cached(
                "INSERT INTO suggestion (platform, community, statement, topic, source, question, at, until)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
                 WHERE (SELECT COUNT(*) FROM suggestion WHERE platform = ?1 AND community = ?2) < ?9",
            )?
            .execute((
                self.platform,
                community,
                shortened(&suggestion.statement),
                &suggestion.topic,
                &suggestion.source,
                &suggestion.question,
                at,
                at + i64::from(days) * DAY,
                MOST_SUGGESTIONS,
            ))?;
        Ok((kept > 0).then(|| self.connection.last_insert_rowid()))
    }

    /// Returns at most `most` suggestions of a community with their ids, oldest first.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn suggestions(&self, community: &str, most: u32) -> Result<Vec<(i64, Suggestion)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, statement, topic, source, question FROM suggestion
             WHERE platform = ? AND community = ? ORDER BY id LIMIT ?",
        )?;
        let rows = statement.query_map((self.platform, community, most), read_suggestion)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns a suggestion of a community by its id.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn suggestion(&self, community: &str, id: i64) -> Result<Option<Suggestion>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, statement, topic, source, question FROM suggestion
             WHERE platform = ? AND community = ? AND id = ?",
        )?;
        let found = statement.query_row((self.platform, community, id), read_suggestion).optional()?;
        Ok(found.map(|(_, suggestion)| suggestion))
    }

    /// Removes a suggestion from the queue.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn drop_suggestion(&self, community: &str, id: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM suggestion WHERE platform = ? AND community = ? AND id = ?";
        self.connection.prepare_cached(sql)?.execute((self.platform, community, id))?;
        Ok(())
    }

    /// Removes a report from the queue.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn drop_report(&self, community: &str, id: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM report WHERE platform = ? AND community = ? AND id = ?";
        self.connection.prepare_cached(sql)?.execute((self.platform, community, id))?;
        Ok(())
    }

    /// Counts a question that was asked in a community at `at`, by its outcome.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn count(&self, community: &str, at: i64, outcome: &str) -> Result<(), StoreError> {
        let day = jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string();
        let day = day.get(..10).unwrap_or_default();
        let sql = "INSERT INTO tally VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1";
        self.connection.prepare_cached(sql)?.execute((self.platform, community, day, outcome))?;
        Ok(())
    }

    /// Returns day, outcome and number of the questions that were asked in a community since a day (`2026-11-21`, UTC).
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn tally(&self, community: &str, since: &str) -> Result<Vec<(String, String, u32)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT day, outcome, count FROM tally WHERE platform = ? AND community = ? AND day >= ? ORDER BY day, outcome",
        )?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let rows = statement.query_map((self.platform, community, since), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns at most `most` reports of a community with their ids, newest first.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn reports(&self, community: &str, most: u32) -> Result<Vec<(i64, Report)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, topics, claims, text FROM report WHERE platform = ? AND community = ? ORDER BY at DESC, id DESC LIMIT ?",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, Report { topics: row.get(1)?, claims: row.get(2)?, text: row.get(3)? }))
        };
        let rows = statement.query_map((self.platform, community, most), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Shortens the retention of a community's waiting entries to at most this many days.
    pub(super) fn keep_no_longer(&self, community: &str, days: u32) -> Result<(), StoreError> {
        for sql in [
            "UPDATE question SET until = MIN(until, last_at + ?3) WHERE platform = ?1 AND community = ?2",
            "UPDATE report SET until = MIN(until, at + ?3) WHERE platform = ?1 AND community = ?2",
            "UPDATE suggestion SET until = MIN(until, at + ?3) WHERE platform = ?1 AND community = ?2",
        ] {
            self.connection.execute(sql, (self.platform, community, i64::from(days) * DAY))?;
        }
        Ok(())
    }

    /// Deletes the waiting entries whose retention is over at `now`.
    pub(super) fn forget_queue(&self, now: i64) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM question WHERE platform = ? AND until < ?",
            "DELETE FROM report WHERE platform = ? AND until < ?",
            "DELETE FROM suggestion WHERE platform = ? AND until < ?",
        ] {
            self.connection.prepare_cached(sql)?.execute((self.platform, now))?;
        }
        Ok(())
    }
}

fn read_suggestion(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, Suggestion)> {
    let suggestion =
        Suggestion { statement: row.get(1)?, topic: row.get(2)?, source: row.get(3)?, question: row.get(4)? };
    Ok((row.get(0)?, suggestion))
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> (tempfile::TempDir, Records) {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(&folder.path().join("facts.db"), "discord").unwrap();
        (folder, records)
    }

    #[test]
    fn a_question_asked_again_is_counted() {
        let (_folder, records) = records();
        for (text, at) in [("pets", 1), ("visa", 2), ("visa", 3), ("lounge", 4)] {
            records.keep_question("1", (text, u64::from(text.len() as u32)), at, 30).unwrap();
        }
        let asked = |records: &Records| -> Vec<(String, u32, (i64, i64))> {
            records.questions("1", 10).unwrap().into_iter().map(|one| (one.text, one.count, one.asked)).collect()
        };
        // "pets" and "visa" have the same key here.
        assert_eq!(asked(&records), [("visa".into(), 3, (1, 3)), ("lounge".into(), 1, (4, 4))]);
        assert_eq!(records.questions("1", 1).unwrap().len(), 1);
        assert_eq!(records.questions("2", 10).unwrap(), []);
        // A settled question isn't stored again, in any wording.
        records.settle("1", ("visa", 4), 5).unwrap();
        records.keep_question("1", ("fish", 4), 6, 30).unwrap();
        assert_eq!(asked(&records), [("lounge".into(), 1, (4, 4))]);
    }

    #[test]
    fn what_was_kept_long_enough_is_deleted() {
        let (_folder, records) = records();
        let report = Report { topics: "airline".into(), claims: String::new(), text: "x".repeat(3_000) };
        records.keep_report("1", &report, 0, 2).unwrap();
        records.keep_question("1", ("visa", 1), DAY, 2).unwrap();
        assert_eq!(records.reports("1", 10).unwrap()[0].1.text.len(), LONGEST);
        records.forget(2 * DAY + 1).unwrap();
        assert_eq!(records.reports("1", 10).unwrap(), []);
        assert_eq!(records.questions("1", 10).unwrap().len(), 1);
        // Asking again extends the retention.
        records.keep_question("1", ("visa", 1), 3 * DAY, 2).unwrap();
        records.forget(4 * DAY).unwrap();
        assert_eq!(records.questions("1", 10).unwrap().len(), 1);
        // A shorter retention applies to stored entries as well.
        records.set("1", |settings| settings.keep_days = 1).unwrap();
        records.forget(4 * DAY + 1).unwrap();
        assert_eq!(records.questions("1", 10).unwrap(), []);
    }

    #[test]
    fn of_too_many_the_oldest_go() {
        let (_folder, records) = records();
        for at in 0..i64::from(MOST) + 3 {
            records.keep_question("1", (&format!("question {at}"), at.cast_unsigned() + 1), at, 30).unwrap();
        }
        let kept = records.questions("1", MOST * 2).unwrap();
        assert_eq!(kept.len(), MOST as usize);
        assert!(!kept.iter().any(|waiting| waiting.text == "question 2"));
    }
}
