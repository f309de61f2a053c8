//! Reads the tables that answers are made from, one topic at a time, and verifies the checksum of every row.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use super::{Store, StoreError};
use crate::facts::{Citation, Claim, Facts, Source, Subject, Topic};

/// A topic with its claims and the sources that they cite.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicFacts {
    /// The topic, with an empty list of examples.
    pub topic: Topic,
    /// The claims, in the order of the topic.
    pub claims: Vec<Claim>,
    /// The cited sources by id.
    pub sources: BTreeMap<String, Source>,
}

/// The current state of a topic that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedTopic {
    /// Id of the topic.
    pub id: String,
    /// Id of the topic's subject; empty if the topic was removed.
    pub subject: String,
    /// The topic with its examples, and its claims; `None` if the topic was removed.
    pub topic: Option<(Topic, Vec<Claim>)>,
}

impl Store {
    /// Returns the shared topics that changed after a revision, in themselves or in one of their claims, ordered by id.
    ///
    /// # Errors
    /// If a row doesn't match its checksum, or SQLite fails.
    pub fn topics_changed_since(&self, revision: i64) -> Result<Vec<ChangedTopic>, StoreError> {
        let changed = "SELECT change.id FROM change JOIN revision ON revision.id = revision
             WHERE kind = 'topic' AND revision > ?1 AND scope = ''
             UNION SELECT topic FROM topic_claim WHERE claim IN (
                 SELECT change.id FROM change JOIN revision ON revision.id = revision
                 WHERE kind = 'claim' AND revision > ?1 AND scope = '') ORDER BY 1";
        let mut statement = self.connection.prepare_cached(changed)?;
        let ids = statement.query_map([revision], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        ids.into_iter().map(|id| self.changed_topic(id)).collect()
    }

    fn changed_topic(&self, id: String) -> Result<ChangedTopic, StoreError> {
        let Some(found) = self.topic(&id)? else {
            return Ok(ChangedTopic { id, subject: String::new(), topic: None });
        };
        let mut topic = found.topic;
        topic.examples = self.examples(&id)?;
        let mut statement = self.connection.prepare_cached("SELECT subject FROM topic WHERE id = ?")?;
        let subject = statement.query_row([&id], |row| row.get(0))?;
        Ok(ChangedTopic { id, subject, topic: Some((topic, found.claims)) })
    }

    /// Reads a shared topic with its claims and sources, but without its examples. Returns `None` if there is no such
    /// topic.
    ///
    /// # Errors
    /// If a row doesn't match its checksum, or SQLite fails.
    pub fn topic(&self, id: &str) -> Result<Option<TopicFacts>, StoreError> {
        let Some((mut topic, checksum)) = read_topic(&self.connection, id)? else { return Ok(None) };
        let claims = read_claims(&self.connection, CLAIMS_OF_TOPIC, id)?;
        topic.claims = claims.iter().map(|claim| claim.id.clone()).collect();
        verify("topic", id, &topic, checksum)?;
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        for citation in claims.iter().flat_map(|claim| &claim.cite) {
            if !sources.contains_key(&citation.source) {
                sources.insert(citation.source.clone(), read_source(&self.connection, &citation.source)?);
            }
        }
        Ok(Some(TopicFacts { topic, claims, sources }))
    }

    /// Reads all shared facts, examples included.
    ///
    /// # Errors
    /// If a row is missing or doesn't match its checksum, or SQLite fails.
    pub fn facts(&self) -> Result<Facts, StoreError> {
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

    fn subject(&self, id: &str) -> Result<Subject, StoreError> {
        let (title, checksum): (String, i64) = self
            .connection
            .prepare_cached("SELECT title, checksum FROM subject WHERE id = ?")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        verify("subject", id, &(id, &title), checksum)?;
        let mut subject = Subject { id: id.to_owned(), title, ..Subject::default() };
        subject.claims = read_claims(&self.connection, CLAIMS_OF_SUBJECT, id)?;
        for topic in ids(&self.connection, "SELECT id FROM topic WHERE subject = ? ORDER BY position", Some(id))? {
            let gone = || StoreError::Checksum { kind: "topic", id: topic.clone() };
            let (mut whole, checksum) = read_topic(&self.connection, &topic)?.ok_or_else(gone)?;
            whole.claims = ids(&self.connection, CLAIM_IDS_OF_TOPIC, Some(&topic))?;
            verify("topic", &topic, &whole, checksum)?;
            whole.examples = self.examples(&topic)?;
            subject.topics.push(whole);
        }
        Ok(subject)
    }
}

impl Store {
    pub(super) fn examples(&self, topic: &str) -> Result<Vec<String>, StoreError> {
        let examples =
            ids(&self.connection, "SELECT text FROM example WHERE topic = ? ORDER BY position", Some(topic))?;
        let checksum: i64 = self
            .connection
            .prepare_cached("SELECT examples_checksum FROM topic WHERE id = ?")?
            .query_row([topic], |row| row.get(0))?;
        verify("examples of topic", topic, &examples, checksum)?;
        Ok(examples)
    }
}

fn ids(connection: &Connection, sql: &str, of: Option<&str>) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(of), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns the XXH3-64 checksum of a value in its JSON form.
pub(super) fn checksum<T: Serialize>(thing: &T) -> i64 {
    xxh3_64(&serde_json::to_vec(thing).expect("facts have only string keys")).cast_signed()
}

fn verify<T: Serialize>(kind: &'static str, id: &str, thing: &T, expected: i64) -> Result<(), StoreError> {
    if checksum(thing) == expected { Ok(()) } else { Err(StoreError::Checksum { kind, id: id.to_owned() }) }
}

/// Parses a column that holds JSON.
fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// Parses a column that holds the bare name of an enum variant, such as `event`.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// Turns missing and unparsable values into [`StoreError::Checksum`]: a damaged row is the same error whether a
/// checksum or a parser notices it.
fn damaged<T>(kind: &'static str, id: &str, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
    outcome.map_err(|error| match error {
        StoreError::Unreadable(_)
        | StoreError::Sqlite(rusqlite::Error::QueryReturnedNoRows | rusqlite::Error::InvalidColumnType(..)) => {
            StoreError::Checksum { kind, id: id.to_owned() }
        }
        other => other,
    })
}

pub(super) fn read_source(connection: &Connection, id: &str) -> Result<Source, StoreError> {
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
    let (mut source, not_reporting, checksum) = damaged("source", id, row.map_err(StoreError::from))?;
    source.not_reporting = damaged("source", id, parsed(&not_reporting))?;
    verify("source", id, &source, checksum)?;
    Ok(source)
}

/// Builds a SELECT of claims with one row for each citation, from the id column and the FROM clause with its order.
macro_rules! claims {
    ($id:literal, $from:literal) => {
        concat!(
            "SELECT ",
            $id,
            ", claim.statement, claim.value, claim.of, claim.attributed_to, claim.unprinted, claim.as_of,
               claim.as_of_basis, claim.rank, claim.contradicts, claim.derived, claim.checksum,
               claim.unsourced, citation.source, citation.paragraph, citation.words ",
            $from,
            ", citation.position"
        )
    };
}

/// Selects the claims of a topic. A missing claim yields a row that has only the id, which then fails to parse.
const CLAIMS_OF_TOPIC: &str = claims!(
    "topic_claim.claim",
    "FROM topic_claim
     LEFT JOIN claim ON claim.id = topic_claim.claim
     LEFT JOIN citation ON citation.claim = claim.id
     WHERE topic_claim.topic = ? ORDER BY topic_claim.position"
);

/// Selects a claim by its id.
pub(super) const CLAIM: &str = claims!(
    "claim.id",
    "FROM claim LEFT JOIN citation ON citation.claim = claim.id WHERE claim.id = ? ORDER BY claim.position"
);

/// Selects the claims of a subject.
const CLAIMS_OF_SUBJECT: &str = claims!(
    "claim.id",
    "FROM claim LEFT JOIN citation ON citation.claim = claim.id WHERE claim.subject = ? ORDER BY claim.position"
);

const CLAIM_IDS_OF_TOPIC: &str = "SELECT claim FROM topic_claim WHERE topic = ? ORDER BY position";

/// Reads the claims that one of the statements above selects for an id, and verifies each.
pub(super) fn read_claims(connection: &Connection, sql: &str, of: &str) -> Result<Vec<Claim>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([of])?;
    let mut claims: Vec<(Claim, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = damaged("claim", of, row.get(0).map_err(StoreError::from))?;
        if claims.last().is_none_or(|(claim, _)| claim.id != id) {
            claims.push(damaged("claim", &id, claim_of_row(&id, row))?);
        }
        let citation = damaged("claim", &id, citation_of_row(row))?;
        claims.last_mut().expect("a claim precedes its citations").0.cite.extend(citation);
    }
    let verified = |(claim, checksum): (Claim, i64)| verify("claim", &claim.id, &claim, checksum).map(|()| claim);
    claims.into_iter().map(verified).collect()
}

/// Reads the claim of a row, still without citations, and its checksum.
fn claim_of_row(id: &str, row: &Row<'_>) -> Result<(Claim, i64), StoreError> {
    let value: String = row.get(2)?;
    let derived: Option<String> = row.get(10)?;
    let claim = Claim {
        id: id.to_owned(),
        statement: row.get(1)?,
        value: crate::facts::Value::parse(&value).map_err(|error| StoreError::Unreadable(error.to_string()))?,
        of: row.get(3)?,
        attributed_to: row.get(4)?,
        unprinted: row.get(5)?,
        as_of: row.get(6)?,
        as_of_basis: word(&row.get::<_, String>(7)?)?,
        rank: word(&row.get::<_, String>(8)?)?,
        contradicts: parsed(&row.get::<_, String>(9)?)?,
        derived: derived.as_deref().map(parsed).transpose()?,
        unsourced: row.get(12)?,
        cite: Vec::new(),
    };
    Ok((claim, row.get(11)?))
}

/// Reads the citation of a row. Returns `None` for a claim without citations.
fn citation_of_row(row: &Row<'_>) -> Result<Option<Citation>, StoreError> {
    let Some(source) = row.get(13)? else { return Ok(None) };
    Ok(Some(Citation { source, paragraph: row.get(14)?, words: parsed(&row.get::<_, String>(15)?)? }))
}

/// Reads a topic, still without claims and examples, and its checksum, which covers the ids of the claims as well.
fn read_topic(connection: &Connection, id: &str) -> Result<Option<(Topic, i64)>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT title, aliases, unsaid, dispute, checksum FROM topic WHERE id = ?")?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let read = || -> Result<(Topic, i64), StoreError> {
        let dispute: Option<String> = row.get(3)?;
        let topic = Topic {
            id: id.to_owned(),
            title: row.get(0)?,
            aliases: parsed(&row.get::<_, String>(1)?)?,
            unsaid: row.get(2)?,
            dispute: dispute.as_deref().map(word).transpose()?,
            claims: Vec::new(),
            examples: Vec::new(),
        };
        Ok((topic, row.get(4)?))
    };
    damaged("topic", id, read()).map(Some)
}
