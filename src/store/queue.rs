//! What waits for a community's moderators: questions without an answer, and problems that people reported. Nobody's
//! name is kept with them, and all of it is deleted after the days that the community sets.

use super::Error;
use super::records::Records;

const DAY: i64 = 24 * 60 * 60;

/// The longest text that is kept, in letters; a question is shorter, a story isn't a question.
const LONGEST: usize = 1_000;

/// How many different questions and reports are kept of a community; of more the oldest are forgotten.
const MOST: u32 = 5_000;

/// A question without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its words.
    pub text: String,
    /// How often it was asked.
    pub count: u32,
}

/// A reported problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The topics of the answer.
    pub topics: String,
    /// What is wrong with it.
    pub text: String,
}

impl Records {
    /// Keeps a question of a community that has no answer. One that is asked again is counted.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn keep_question(&self, community: &str, text: &str, at: i64, days: u32) -> Result<(), Error> {
        self.connection
            .prepare_cached(
                "INSERT INTO question VALUES (?1, ?2, ?3, 1, ?4, ?4, ?5)
                 ON CONFLICT DO UPDATE SET count = count + 1, last_at = excluded.last_at, until = excluded.until",
            )?
            .execute((self.platform, community, shortened(text), at, at + i64::from(days) * DAY))?;
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
    pub fn keep_report(&self, community: &str, report: &Report, at: i64, days: u32) -> Result<(), Error> {
        self.connection
            .prepare_cached(
                "INSERT INTO report (platform, community, topics, text, at, until) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute((
                self.platform,
                community,
                &report.topics,
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
    pub fn questions(&self, community: &str, most: u32) -> Result<Vec<Waiting>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT text, count FROM question WHERE platform = ? AND community = ?
             ORDER BY count DESC, last_at DESC, text LIMIT ?",
        )?;
        let read = |row: &rusqlite::Row<'_>| Ok(Waiting { text: row.get(0)?, count: row.get(1)? });
        let rows = statement.query_map((self.platform, community, most), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The problems that were reported in a community, the newest first.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn reports(&self, community: &str, most: u32) -> Result<Vec<Report>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT topics, text FROM report WHERE platform = ? AND community = ? ORDER BY at DESC, id DESC LIMIT ?",
        )?;
        let read = |row: &rusqlite::Row<'_>| Ok(Report { topics: row.get(0)?, text: row.get(1)? });
        let rows = statement.query_map((self.platform, community, most), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets nothing of a community that waits be kept for longer than so many days.
    pub(super) fn keep_no_longer(&self, community: &str, days: u32) -> Result<(), Error> {
        for sql in [
            "UPDATE question SET until = MIN(until, last_at + ?3) WHERE platform = ?1 AND community = ?2",
            "UPDATE report SET until = MIN(until, at + ?3) WHERE platform = ?1 AND community = ?2",
        ] {
            self.connection.execute(sql, (self.platform, community, i64::from(days) * DAY))?;
        }
        Ok(())
    }

    /// Deletes what was kept long enough.
    pub(super) fn forget_waiting(&self, now: i64) -> Result<(), Error> {
        for sql in [
            "DELETE FROM question WHERE platform = ? AND until < ?",
            "DELETE FROM report WHERE platform = ? AND until < ?",
        ] {
            self.connection.prepare_cached(sql)?.execute((self.platform, now))?;
        }
        Ok(())
    }
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
            records.keep_question("1", text, at, 30).unwrap();
        }
        let waiting = |text: &str, count| Waiting { text: text.into(), count };
        assert_eq!(records.questions("1", 10).unwrap(), [waiting("visa", 2), waiting("lounge", 1), waiting("pets", 1)]);
        assert_eq!(records.questions("1", 1).unwrap().len(), 1);
        assert_eq!(records.questions("2", 10).unwrap(), []);
    }

    #[test]
    fn what_was_kept_long_enough_is_deleted() {
        let (_folder, records) = records();
        let report = Report { topics: "airline".into(), text: "x".repeat(3_000) };
        records.keep_report("1", &report, 0, 2).unwrap();
        records.keep_question("1", "visa", DAY, 2).unwrap();
        assert_eq!(records.reports("1", 10).unwrap()[0].text.len(), LONGEST);
        records.forget(2 * DAY + 1).unwrap();
        assert_eq!(records.reports("1", 10).unwrap(), []);
        assert_eq!(records.questions("1", 10).unwrap().len(), 1);
        // Asked again it is kept for longer.
        records.keep_question("1", "visa", 3 * DAY, 2).unwrap();
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
            records.keep_question("1", &format!("question {at}"), at, 30).unwrap();
        }
        let kept = records.questions("1", MOST * 2).unwrap();
        assert_eq!(kept.len(), MOST as usize);
        assert!(!kept.iter().any(|waiting| waiting.text == "question 2"));
    }
}
