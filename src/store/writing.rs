//! Writes the tables that answers are read from: all rows, or the changed ones.

use std::collections::BTreeSet;

use rusqlite::Transaction;

use super::StoreError;
use super::entities::{Key, json};
use super::rows::checksum;
use crate::facts::{Claim, Facts, Topic};

/// Tables with the rows of an entity and the column that names it, by kind; dependent tables first.
const ROWS_OF: [(&str, &[&str]); 4] = [
    ("topic", &["example WHERE topic", "topic_claim WHERE topic", "topic WHERE id"]),
    ("claim", &["citation WHERE claim", "claim WHERE id"]),
    ("subject", &["subject WHERE id"]),
    ("source", &["source WHERE id"]),
];

/// Rewrites all rows.
pub(super) fn write(transaction: &Transaction<'_>, facts: &Facts) -> Result<(), StoreError> {
    for table in ["example", "topic_claim", "topic", "citation", "claim", "subject", "source"] {
        transaction.execute(&format!("DELETE FROM {table}"), [])?;
    }
    insert(transaction, facts, |_, _| true)
}

/// Rewrites the rows of changed entities.
pub(super) fn write_changed(transaction: &Transaction<'_>, facts: &Facts, changed: &[Key]) -> Result<(), StoreError> {
    // Rows may refer to missing rows until the transaction ends.
    transaction.pragma_update(None, "defer_foreign_keys", "on")?;
    for (kind, id) in changed {
        let rows = ROWS_OF.iter().find(|(of, _)| of == kind).map_or(&[][..], |(_, rows)| rows);
        for rows in rows {
            transaction.prepare_cached(&format!("DELETE FROM {rows} = ?"))?.execute([id])?;
        }
    }
    let changed: BTreeSet<(&str, &str)> = changed.iter().map(|(kind, id)| (*kind, id.as_str())).collect();
    insert(transaction, facts, |kind, id| changed.contains(&(kind, id)))?;
    if changed.iter().any(|(kind, _)| *kind == "order") { place(transaction, facts) } else { Ok(()) }
}

/// Updates the position and the subject of every row.
fn place(transaction: &Transaction<'_>, facts: &Facts) -> Result<(), StoreError> {
    let alone = |table: &str, ids: &mut dyn Iterator<Item = &String>| -> Result<(), StoreError> {
        let sql = format!("UPDATE {table} SET position = ?2 WHERE id = ?1 AND position <> ?2");
        let mut statement = transaction.prepare_cached(&sql)?;
        for (position, id) in ids.enumerate() {
            statement.execute((id, position as i64))?;
        }
        Ok(())
    };
    alone("source", &mut facts.sources.iter().map(|source| &source.id))?;
    alone("subject", &mut facts.subjects.iter().map(|subject| &subject.id))?;
    let within = |table: &str, subject: &str, ids: &mut dyn Iterator<Item = &String>| -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE {table} SET subject = ?3, position = ?2 WHERE id = ?1 AND (position <> ?2 OR subject <> ?3)"
        );
        let mut statement = transaction.prepare_cached(&sql)?;
        for (position, id) in ids.enumerate() {
            statement.execute((id, position as i64, subject))?;
        }
        Ok(())
    };
    for subject in &facts.subjects {
        within("claim", &subject.id, &mut subject.claims.iter().map(|claim| &claim.id))?;
        within("topic", &subject.id, &mut subject.topics.iter().map(|topic| &topic.id))?;
    }
    Ok(())
}

/// Inserts the rows of the entities that `is_wanted` selects by kind and id.
fn insert(
    transaction: &Transaction<'_>,
    facts: &Facts,
    is_wanted: impl Fn(&str, &str) -> bool,
) -> Result<(), StoreError> {
    for (position, source) in facts.sources.iter().enumerate().filter(|(_, source)| is_wanted("source", &source.id)) {
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
    let subjects = || facts.subjects.iter().enumerate();
    for (position, subject) in subjects().filter(|(_, subject)| is_wanted("subject", &subject.id)) {
        transaction.prepare_cached("INSERT INTO subject VALUES (?, ?, ?, ?)")?.execute((
            &subject.id,
            position as i64,
            &subject.title,
            checksum(&(&subject.id, &subject.title)),
        ))?;
    }
    // All claims come first, because topics may name claims of later subjects.
    for (_, subject) in subjects() {
        for (position, claim) in subject.claims.iter().enumerate().filter(|(_, claim)| is_wanted("claim", &claim.id)) {
            write_claim(transaction, &subject.id, position, claim)?;
        }
    }
    for (_, subject) in subjects() {
        for (position, topic) in subject.topics.iter().enumerate().filter(|(_, topic)| is_wanted("topic", &topic.id)) {
            write_topic(transaction, &subject.id, position, topic)?;
        }
    }
    Ok(())
}

fn write_claim(transaction: &Transaction<'_>, subject: &str, position: usize, claim: &Claim) -> Result<(), StoreError> {
    let bare = |text: String| text.trim_matches('"').to_owned();
    transaction.prepare_cached("INSERT INTO claim VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
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
        &claim.unsourced,
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

fn write_topic(transaction: &Transaction<'_>, subject: &str, position: usize, topic: &Topic) -> Result<(), StoreError> {
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
