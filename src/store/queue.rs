//! What waits for a community's moderators: questions without an answer, problems that people reported, and facts that
//! members suggest. Nobody's name is kept with them, and all of it is deleted after the days that the community sets.

use rusqlite::OptionalExtension as _;

use super::StoreError;
use super::records::Records;

const DAY: i64 = 24 * 60 * 60;

/// The longest text that is kept, in letters; a question is shorter, a story isn't a question.
const LONGEST: usize = 1_000;

/// How many different questions and reports are kept of a community; of more the oldest are forgotten.
const MOST: u32 = 5_000;

/// How many suggestions may wait in a community.
const MOST_SUGGESTIONS: u32 = 200;

/// A question without an answer, with those that ask the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnansweredQuestion {
    /// The words in which it was asked most.
    pub text: String,
    /// What it asks, as a hash.
    pub question_key: u64,
    /// How often it was asked, in all words.
    pub count: u32,
    /// When it was asked first and last, in seconds since 1970.
    pub asked: (i64, i64),
}

/// A fact that a member suggests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The fact as a sentence.
    pub statement: String,
    /// The topic that it belongs to, as the member wrote it.
    pub topic: Option<String>,
    /// Where it stands, as the member wrote it.
    pub source: Option<String>,
    /// The question without an answer that it answers.
    pub question: Option<String>,
}

/// A reported problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The ids of the topics of the answer, separated by commas.
    pub topics: String,
    /// The ids of its claims, likewise.
    pub claims: String,
    /// What is wrong with it.
    pub text: String,
}

impl Records {
    /// Keeps a question of a community that has no answer. One that is asked again is counted.
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

    /// Keeps a problem with an answer that somebody reported.
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

    /// The questions of a community that have no answer, those asked most first.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn questions(&self, community: &str, most: u32) -> Result<Vec<UnansweredQuestion>, StoreError> {
        // Of the rows of a group SQLite gives the text of the one with the highest count. Questions kept by older versions
        // have no gist.
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

    /// Takes a question and those alike off the queue, and remembers not to raise them again.
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

    /// Keeps a fact that somebody suggests and gives its number; the same fact once. None if too many wait already.
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

    /// What is suggested in a community, with its numbers, the oldest first.
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

    /// What is suggested in a community under a number.
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

    /// Takes a suggestion off the queue.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn drop_suggestion(&self, community: &str, id: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM suggestion WHERE platform = ? AND community = ? AND id = ?";
        self.connection.prepare_cached(sql)?.execute((self.platform, community, id))?;
        Ok(())
    }

    /// Takes a report off the queue.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn drop_report(&self, community: &str, id: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM report WHERE platform = ? AND community = ? AND id = ?";
        self.connection.prepare_cached(sql)?.execute((self.platform, community, id))?;
        Ok(())
    }

    /// Counts a question of a community, asked at `at`, by what came of it.
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

    /// How often something was asked in a community since a day, by day and outcome.
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

    /// The problems that were reported in a community, the newest first.
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

    /// Lets nothing of a community that waits be kept for longer than so many days.
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

    /// Deletes what was kept long enough.
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
        // "pets" and "visa" are taken for alike here.
        assert_eq!(asked(&records), [("visa".into(), 3, (1, 3)), ("lounge".into(), 1, (4, 4))]);
        assert_eq!(records.questions("1", 1).unwrap().len(), 1);
        assert_eq!(records.questions("2", 10).unwrap(), []);
        // What was handled isn't raised again, in whatever words.
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
        // Asked again it is kept for longer.
        records.keep_question("1", ("visa", 1), 3 * DAY, 2).unwrap();
        records.forget(4 * DAY).unwrap();
        assert_eq!(records.questions("1", 10).unwrap().len(), 1);
        // Whoever shortens the time means what is there too.
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
