//! The tables that answers are read from: written whole, read a topic at a time, every row checked.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, Transaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use super::{Error, Store};
use crate::facts::{Citation, Claim, Facts, Source, Subject, Topic};

/// A topic without its examples, its claims, and the sources they cite.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicFacts {
    /// The topic; its examples are left out.
    pub topic: Topic,
    /// Its claims, in its order.
    pub claims: Vec<Claim>,
    /// The cited sources by id.
    pub sources: BTreeMap<String, Source>,
}

impl Store {
    /// Reads what answers a topic; none if there is no such topic.
    ///
    /// # Errors
    /// If a row doesn't match its checksum, or SQLite fails.
    pub fn topic(&self, id: &str) -> Result<Option<TopicFacts>, Error> {
        let Some(topic) = read_topic(&self.connection, id)? else { return Ok(None) };
        let mut facts = TopicFacts { claims: Vec::with_capacity(topic.claims.len()), sources: BTreeMap::new(), topic };
        for claim in &facts.topic.claims {
            let claim = read_claim(&self.connection, claim)?;
            for citation in &claim.cite {
                if !facts.sources.contains_key(&citation.source) {
                    let source = read_source(&self.connection, &citation.source)?;
                    facts.sources.insert(citation.source.clone(), source);
                }
            }
            facts.claims.push(claim);
        }
        Ok(Some(facts))
    }

    /// Reads all facts, examples included.
    ///
    /// # Errors
    /// If a row doesn't match its checksum or is lost, or SQLite fails.
    pub fn facts(&self) -> Result<Facts, Error> {
        let mut facts = Facts::default();
        for id in ids(&self.connection, "SELECT id FROM source ORDER BY position", None)? {
            facts.sources.push(read_source(&self.connection, &id)?);
        }
        for id in ids(&self.connection, "SELECT id FROM subject ORDER BY position", None)? {
            facts.subjects.push(self.subject(&id)?);
        }
        self.verify_whole(&facts)?;
        Ok(facts)
    }

    fn subject(&self, id: &str) -> Result<Subject, Error> {
        let (title, checksum): (String, i64) = self
            .connection
            .prepare_cached("SELECT title, checksum FROM subject WHERE id = ?")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        verify("subject", id, &(id, &title), checksum)?;
        let mut subject = Subject { id: id.to_owned(), title, ..Subject::default() };
        for claim in ids(&self.connection, "SELECT id FROM claim WHERE subject = ? ORDER BY position", Some(id))? {
            subject.claims.push(read_claim(&self.connection, &claim)?);
        }
        for topic in ids(&self.connection, "SELECT id FROM topic WHERE subject = ? ORDER BY position", Some(id))? {
            let gone = || Error::Checksum { kind: "topic", id: topic.clone() };
            let mut whole = read_topic(&self.connection, &topic)?.ok_or_else(gone)?;
            whole.examples =
                ids(&self.connection, "SELECT text FROM example WHERE topic = ? ORDER BY position", Some(&topic))?;
            let checksum: i64 = self
                .connection
                .prepare_cached("SELECT examples_checksum FROM topic WHERE id = ?")?
                .query_row([&topic], |row| row.get(0))?;
            verify("examples of topic", &topic, &whole.examples, checksum)?;
            subject.topics.push(whole);
        }
        Ok(subject)
    }
}

fn ids(connection: &Connection, sql: &str, of: Option<&str>) -> Result<Vec<String>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(of), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// XXH3-64 of a thing as JSON.
pub(super) fn checksum<T: Serialize>(thing: &T) -> i64 {
    xxh3_64(&serde_json::to_vec(thing).expect("facts have only string keys")).cast_signed()
}

fn verify<T: Serialize>(kind: &'static str, id: &str, thing: &T, expected: i64) -> Result<(), Error> {
    if checksum(thing) == expected { Ok(()) } else { Err(Error::Checksum { kind, id: id.to_owned() }) }
}

fn json<T: Serialize>(thing: &T) -> String {
    serde_json::to_string(thing).expect("facts have only string keys")
}

/// A column of JSON, or of a plain word that stands for a name in JSON.
fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Unreadable(error.to_string()))
}

fn word<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|error| Error::Unreadable(error.to_string()))
}

/// A damaged row is the same trouble whether a checksum or a parser notices it.
fn damaged<T>(kind: &'static str, id: &str, outcome: Result<T, Error>) -> Result<T, Error> {
    outcome.map_err(|error| match error {
        Error::Unreadable(_)
        | Error::Sqlite(rusqlite::Error::QueryReturnedNoRows | rusqlite::Error::InvalidColumnType(..)) => {
            Error::Checksum { kind, id: id.to_owned() }
        }
        other => other,
    })
}

fn read_source(connection: &Connection, id: &str) -> Result<Source, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT publisher, title, author, published, inferred, url, paragraphs, not_reporting, checksum FROM source WHERE id = ?",
    )?;
    let row = statement.query_row([id], |row| {
        let source = Source {
            id: id.to_owned(),
            publisher: row.get(0)?,
            title: row.get(1)?,
            author: row.get(2)?,
            published: row.get(3)?,
            published_inferred: row.get(4)?,
            url: row.get(5)?,
            paragraphs: row.get(6)?,
            not_reporting: Vec::new(),
        };
        Ok((source, row.get::<_, String>(7)?, row.get::<_, i64>(8)?))
    });
    let (mut source, not_reporting, checksum) = damaged("source", id, row.map_err(Error::from))?;
    source.not_reporting = damaged("source", id, parsed(&not_reporting))?;
    verify("source", id, &source, checksum)?;
    Ok(source)
}

fn read_claim(connection: &Connection, id: &str) -> Result<Claim, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT statement, value, of, attributed_to, unprinted, as_of, as_of_basis, rank, contradicts, derived, checksum
         FROM claim WHERE id = ?",
    )?;
    let cite = read_citations(connection, id)?;
    let outcome = statement.query_row([id], |row| Ok(claim_of_row(id, row, cite.clone())));
    let (claim, checksum) = damaged("claim", id, outcome.map_err(Error::from).and_then(|inner| inner))?;
    verify("claim", id, &claim, checksum)?;
    Ok(claim)
}

fn claim_of_row(id: &str, row: &Row<'_>, cite: Vec<Citation>) -> Result<(Claim, i64), Error> {
    let value: String = row.get(1)?;
    let derived: Option<String> = row.get(9)?;
    let claim = Claim {
        id: id.to_owned(),
        statement: row.get(0)?,
        value: crate::facts::Value::parse(&value).map_err(|error| Error::Unreadable(error.to_string()))?,
        of: row.get(2)?,
        attributed_to: row.get(3)?,
        unprinted: row.get(4)?,
        as_of: row.get(5)?,
        as_of_basis: word(&row.get::<_, String>(6)?)?,
        rank: word(&row.get::<_, String>(7)?)?,
        contradicts: parsed(&row.get::<_, String>(8)?)?,
        derived: derived.as_deref().map(parsed).transpose()?,
        cite,
    };
    Ok((claim, row.get(10)?))
}

fn read_citations(connection: &Connection, claim: &str) -> Result<Vec<Citation>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT source, paragraph, words FROM citation WHERE claim = ? ORDER BY position")?;
    let mut rows = statement.query([claim])?;
    let mut citations = Vec::new();
    while let Some(row) = rows.next()? {
        let words: String = damaged("claim", claim, row.get(2).map_err(Error::from))?;
        citations.push(Citation {
            source: damaged("claim", claim, row.get(0).map_err(Error::from))?,
            paragraph: damaged("claim", claim, row.get(1).map_err(Error::from))?,
            words: damaged("claim", claim, parsed(&words))?,
        });
    }
    Ok(citations)
}

/// A topic without its examples.
fn read_topic(connection: &Connection, id: &str) -> Result<Option<Topic>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT title, aliases, unsaid, dispute, checksum FROM topic WHERE id = ?")?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let read = || -> Result<(Topic, i64), Error> {
        let dispute: Option<String> = row.get(3)?;
        let topic = Topic {
            id: id.to_owned(),
            title: row.get(0)?,
            aliases: parsed(&row.get::<_, String>(1)?)?,
            unsaid: row.get(2)?,
            dispute: dispute.as_deref().map(word).transpose()?,
            claims: ids(connection, "SELECT claim FROM topic_claim WHERE topic = ? ORDER BY position", Some(id))?,
            examples: Vec::new(),
        };
        Ok((topic, row.get(4)?))
    };
    let (topic, checksum) = damaged("topic", id, read())?;
    verify("topic", id, &topic, checksum)?;
    Ok(Some(topic))
}

/// Writes all tables anew.
pub(super) fn write(transaction: &Transaction<'_>, facts: &Facts) -> Result<(), Error> {
    for table in ["example", "topic_claim", "topic", "citation", "claim", "subject", "source"] {
        transaction.execute(&format!("DELETE FROM {table}"), [])?;
    }
    for (position, source) in facts.sources.iter().enumerate() {
        transaction.prepare_cached("INSERT INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
            &source.id,
            position as i64,
            &source.publisher,
            &source.title,
            &source.author,
            &source.published,
            source.published_inferred,
            &source.url,
            source.paragraphs,
            json(&source.not_reporting),
            checksum(source),
        ))?;
    }
    for (position, subject) in facts.subjects.iter().enumerate() {
        transaction.prepare_cached("INSERT INTO subject VALUES (?, ?, ?, ?)")?.execute((
            &subject.id,
            position as i64,
            &subject.title,
            checksum(&(&subject.id, &subject.title)),
        ))?;
    }
    // Topics may name claims of later subjects: all claims first.
    for subject in &facts.subjects {
        for (position, claim) in subject.claims.iter().enumerate() {
            write_claim(transaction, &subject.id, position, claim)?;
        }
    }
    for subject in &facts.subjects {
        for (position, topic) in subject.topics.iter().enumerate() {
            write_topic(transaction, &subject.id, position, topic)?;
        }
    }
    Ok(())
}

fn write_claim(transaction: &Transaction<'_>, subject: &str, position: usize, claim: &Claim) -> Result<(), Error> {
    let bare = |text: String| text.trim_matches('"').to_owned();
    transaction.prepare_cached("INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
        &claim.id,
        subject,
        position as i64,
        &claim.statement,
        claim.value.text(),
        &claim.of,
        &claim.attributed_to,
        &claim.unprinted,
        &claim.as_of,
        bare(json(&claim.as_of_basis)),
        bare(json(&claim.rank)),
        json(&claim.contradicts),
        claim.derived.as_ref().map(json),
        checksum(claim),
    ))?;
    for (position, citation) in claim.cite.iter().enumerate() {
        transaction.prepare_cached("INSERT INTO citation VALUES (?, ?, ?, ?, ?)")?.execute((
            &claim.id,
            position as i64,
            &citation.source,
            citation.paragraph,
            json(&citation.words),
        ))?;
    }
    Ok(())
}

fn write_topic(transaction: &Transaction<'_>, subject: &str, position: usize, topic: &Topic) -> Result<(), Error> {
    let without_examples = Topic { examples: Vec::new(), ..topic.clone() };
    transaction.prepare_cached("INSERT INTO topic VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
        &topic.id,
        subject,
        position as i64,
        &topic.title,
        json(&topic.aliases),
        &topic.unsaid,
        topic.dispute.as_ref().map(|dispute| json(dispute).trim_matches('"').to_owned()),
        checksum(&without_examples),
        checksum(&topic.examples),
    ))?;
    for (position, claim) in topic.claims.iter().enumerate() {
        transaction.prepare_cached("INSERT INTO topic_claim VALUES (?, ?, ?)")?.execute((
            &topic.id,
            position as i64,
            claim,
        ))?;
    }
    for (position, example) in topic.examples.iter().enumerate() {
        transaction.prepare_cached("INSERT INTO example VALUES (?, ?, ?)")?.execute((
            &topic.id,
            position as i64,
            example,
        ))?;
    }
    Ok(())
}
