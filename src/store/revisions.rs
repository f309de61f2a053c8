//! Changing facts: every change is one revision with what was before and what is after.

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior};

use super::entities::{Entities, KINDS, Key, merge, put_together, take_apart};
use super::{Error, Store};
use crate::facts::Facts;

/// Where a revision comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The facts inside the binary.
    Shipped,
    /// Files that an operator imported.
    Import,
    /// A moderator's command.
    Moderator,
}

impl Origin {
    fn name(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Import => "import",
            Self::Moderator => "moderator",
        }
    }
}

/// Who changed facts, when, where and why.
#[derive(Debug, Clone)]
pub struct Meta {
    /// RFC 3339, UTC.
    pub made_at: String,
    /// An opaque id of the person, or `routedesk`.
    pub who: String,
    /// Where it was done.
    pub place: String,
    /// The reason.
    pub why: String,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The revision that was made; none if nothing was different.
    pub revision: Option<i64>,
    /// How many claims, topics, sources and subjects changed.
    pub changes: usize,
    /// What newer shipped facts would have changed but somebody here had changed: kind and id. It was left.
    pub kept: Vec<(String, String)>,
}

impl Store {
    /// The number of the newest revision; 0 before the first.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn revision(&self) -> Result<i64, Error> {
        let mut statement = self.connection.prepare_cached("SELECT COALESCE(MAX(id), 0) FROM revision")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Makes the facts equal to these, as one revision.
    ///
    /// # Errors
    /// If SQLite fails; then nothing is changed.
    pub fn replace(&mut self, facts: &Facts, origin: Origin, meta: &Meta) -> Result<Applied, Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = entities_at(&transaction, None)?;
        let applied = apply(&transaction, &now, &take_apart(facts), origin, meta, None)?;
        transaction.commit()?;
        Ok(applied)
    }

    /// Brings the shipped facts in, if they are others than those brought in last. What somebody changed meanwhile
    /// stays as it is.
    ///
    /// # Errors
    /// If SQLite fails; then nothing is changed.
    pub fn bring_in_shipped(&mut self, facts: &Facts, checksum: u64, meta: &Meta) -> Result<Applied, Error> {
        let unchanged = Applied { revision: None, changes: 0, kept: Vec::new() };
        if last_shipped(&self.connection)? == Some(checksum.cast_signed()) {
            return Ok(unchanged);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster.
        if last_shipped(&transaction)? == Some(checksum.cast_signed()) {
            return Ok(unchanged);
        }
        let now = entities_at(&transaction, None)?;
        let base = entities_at(&transaction, Some(Origin::Shipped))?;
        let merged = merge(&base, &now, &take_apart(facts))?;
        let mut applied = apply(&transaction, &now, &merged.entities, Origin::Shipped, meta, Some(checksum))?;
        applied.kept = merged.kept.into_iter().map(|(kind, id)| (kind.to_owned(), id)).collect();
        transaction.commit()?;
        Ok(applied)
    }

    /// Writes the tables that answers are read from anew from the revisions.
    ///
    /// # Errors
    /// If SQLite fails; then nothing is changed.
    pub fn rebuild(&mut self) -> Result<(), Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let facts = put_together(&entities_at(&transaction, None)?)?;
        super::rows::write(&transaction, &facts)?;
        transaction.commit()?;
        Ok(())
    }
}

fn last_shipped(connection: &rusqlite::Connection) -> Result<Option<i64>, Error> {
    Ok(connection
        .query_row("SELECT facts_checksum FROM revision WHERE origin = 'shipped' ORDER BY id DESC LIMIT 1", [], |row| row.get(0))
        .optional()?
        .flatten())
}

/// What all revisions, or those of one origin, add up to.
fn entities_at(transaction: &Transaction<'_>, origin: Option<Origin>) -> Result<Entities, Error> {
    let mut statement = transaction.prepare(
        "SELECT c.kind, c.id, c.after, MAX(c.revision) FROM change c JOIN revision r ON r.id = c.revision
         WHERE ?1 IS NULL OR r.origin = ?1 GROUP BY c.kind, c.id",
    )?;
    let mut rows = statement.query([origin.map(Origin::name)])?;
    let mut entities = Entities::new();
    while let Some(row) = rows.next()? {
        let (kind, id, after): (String, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let kind = KINDS.into_iter().find(|known| *known == kind).ok_or(Error::Unreadable(kind))?;
        if let Some(after) = after {
            entities.insert((kind, id), after);
        }
    }
    Ok(entities)
}

/// Records the difference as a revision and writes the tables.
fn apply(transaction: &Transaction<'_>, now: &Entities, new: &Entities, origin: Origin, meta: &Meta, checksum: Option<u64>) -> Result<Applied, Error> {
    let changes = differences(now, new);
    if changes.is_empty() && checksum.is_none() {
        return Ok(Applied { revision: None, changes: 0, kept: Vec::new() });
    }
    transaction.execute(
        "INSERT INTO revision (made_at, who, place, why, origin, facts_checksum) VALUES (?, ?, ?, ?, ?, ?)",
        (&meta.made_at, &meta.who, &meta.place, &meta.why, origin.name(), checksum.map(u64::cast_signed)),
    )?;
    let revision = transaction.last_insert_rowid();
    let mut insert = transaction
        .prepare("INSERT INTO change (revision, position, kind, id, before, after) VALUES (?, ?, ?, ?, ?, ?)")?;
    for (position, key) in changes.iter().enumerate() {
        insert.execute((revision, position as i64, key.0, &key.1, now.get(key), new.get(key)))?;
    }
    super::rows::write(transaction, &put_together(new)?)?;
    let counted = changes.iter().filter(|(kind, _)| *kind != "order").count();
    Ok(Applied { revision: Some(revision), changes: counted, kept: Vec::new() })
}

fn differences(now: &Entities, new: &Entities) -> Vec<Key> {
    let mut keys: Vec<Key> = now.keys().chain(new.keys()).filter(|key| now.get(*key) != new.get(*key)).cloned().collect();
    keys.sort();
    keys.dedup();
    keys
}
