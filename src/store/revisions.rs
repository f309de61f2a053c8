//! Changes the shared facts: records each change as a revision, with the body of every changed entity before and after
//! it, and writes the tables that answers are read from.

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior};

use super::entities::{Entities, KINDS, Key, merge, put_together, take_apart};
use super::rows::checksum;
use super::scope::Scope;
use super::{Store, StoreError};
use crate::facts::{Claim, Facts};

/// The origin of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionOrigin {
    /// The facts inside the binary.
    Shipped,
    /// An operator's import of files, or of the facts inside the binary.
    Import,
    /// A moderator's command.
    Moderator,
}

impl RevisionOrigin {
    fn name(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Import => "import",
            Self::Moderator => "moderator",
        }
    }
}

/// Time, author, place and reason of a revision.
#[derive(Debug, Clone)]
pub struct Meta {
    /// Time in RFC 3339, UTC.
    pub made_at: String,
    /// Opaque id of the person, or `routedesk` for the program itself.
    pub who: String,
    /// `start`, `command line`, or the platform and id of the community where the change was made.
    pub place: String,
    /// Reason that the person gave, or the step of the program.
    pub why: String,
}

/// The outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Number of the new revision; `None` if nothing changed.
    pub revision: Option<i64>,
    /// Number of changed claims, topics, sources and subjects.
    pub changes: usize,
    /// Kind and id of entities that the incoming facts and somebody here changed differently. The current version was
    /// kept.
    pub kept: Vec<(String, String)>,
}

impl Applied {
    pub(super) const NOTHING: Self = Self { revision: None, changes: 0, kept: Vec::new() };
}

/// The revision whose facts the index is trained on: the last release or import. Later changes by moderators are layers
/// on top of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainedOn {
    /// Number of the revision; 0 before the first.
    pub revision: i64,
    /// Checksum of the shared facts after the revision.
    pub state: i64,
}

impl Store {
    /// Returns the revision to train on.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn trained_on(&self) -> Result<TrainedOn, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, state FROM revision WHERE scope = '' AND origin <> 'moderator' ORDER BY id DESC LIMIT 1",
        )?;
        let row = statement.query_row([], |row| Ok(TrainedOn { revision: row.get(0)?, state: row.get(1)? }));
        Ok(row.optional()?.unwrap_or(TrainedOn { revision: 0, state: Self::checksum_of(&Facts::default()) }))
    }

    /// Returns the shared facts after a revision.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails.
    pub fn facts_at(&self, revision: i64) -> Result<Facts, StoreError> {
        put_together(&entities_at(&self.connection, &Scope::Shared, revision)?)
    }

    /// Returns the number of the newest revision of any scope; 0 before the first.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn revision(&self) -> Result<i64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT COALESCE(MAX(id), 0) FROM revision")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Replaces the shared facts, as one revision.
    ///
    /// # Errors
    /// If a claim has no citation, a recorded change is damaged, or SQLite fails; then nothing is changed.
    pub fn replace(&mut self, facts: &Facts, origin: RevisionOrigin, meta: &Meta) -> Result<Applied, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = shared_now(&transaction)?;
        let applied = apply(&transaction, &now, &take_apart(facts), &Origins::of(origin), meta)?;
        transaction.commit()?;
        Ok(applied)
    }

    /// Imports facts that were edited from the shared facts of revision `base`, as one revision. Other changes since
    /// then stay. If entities were changed on both sides, nothing is changed and `kept` lists them.
    ///
    /// # Errors
    /// If a claim has no citation, a recorded change is damaged, or SQLite fails; then nothing is changed.
    pub fn merge_in(&mut self, facts: &Facts, base: i64, meta: &Meta) -> Result<Applied, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = shared_now(&transaction)?;
        let merged = merge(&entities_at(&transaction, &Scope::Shared, base)?, &now, &take_apart(facts))?;
        if !merged.kept.is_empty() {
            return Ok(Applied { kept: named(merged.kept), ..Applied::NOTHING });
        }
        let applied = apply(&transaction, &now, &merged.entities, &Origins::of(RevisionOrigin::Import), meta)?;
        transaction.commit()?;
        Ok(applied)
    }

    /// Imports the facts of a release, unless that release was imported before. Calls `facts` only for an import.
    /// Changes that were made here stay, and `kept` lists those that conflict with the release.
    ///
    /// # Errors
    /// If a claim has no citation, a recorded change is damaged, or SQLite fails; then nothing is changed.
    pub fn bring_in_shipped(
        &mut self,
        facts: impl FnOnce() -> Facts,
        release: u64,
        meta: &Meta,
    ) -> Result<Applied, StoreError> {
        if was_shipped(&self.connection, release)? {
            return Ok(Applied::NOTHING);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have imported it since.
        if was_shipped(&transaction, release)? {
            return Ok(Applied::NOTHING);
        }
        let now = shared_now(&transaction)?;
        let new = take_apart(&facts());
        let merged = merge(&shipped(&transaction)?, &now, &new)?;
        let origin = Origins { release: Some(release), ..Origins::of(RevisionOrigin::Shipped) };
        let mut applied = apply(&transaction, &now, &merged.entities, &origin, meta)?;
        for (kind, id) in merged.kept.iter().filter(|_| applied.revision.is_some()) {
            let sql = "INSERT OR REPLACE INTO conflict VALUES (?, ?, ?)";
            transaction.execute(sql, (kind, id, applied.revision))?;
        }
        applied.kept = named(merged.kept);
        remember_shipped(&transaction, &new)?;
        transaction.commit()?;
        Ok(applied)
    }

    /// Rewrites the tables that answers are read from, from the revisions.
    ///
    /// # Errors
    /// If a recorded change is damaged as well, or SQLite fails; then nothing is changed.
    pub fn rebuild(&mut self) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let entities = shared_now(&transaction)?;
        super::writing::write(&transaction, &put_together(&entities)?)?;
        transaction.commit()?;
        Ok(())
    }

    /// Returns the checksum of facts as a whole, as revisions record it.
    #[must_use]
    pub fn checksum_of(facts: &Facts) -> i64 {
        checksum(&take_apart(facts).iter().collect::<Vec<_>>())
    }

    /// Verifies that facts are exactly those of the newest shared revision. Only this check finds a missing row: the
    /// checksums of the other rows don't cover it.
    pub(super) fn verify_whole(&self, facts: &Facts) -> Result<(), StoreError> {
        verify_state(&self.connection, &take_apart(facts))
    }
}

fn verify_state(connection: &rusqlite::Connection, entities: &Entities) -> Result<(), StoreError> {
    let newest = connection
        .query_row("SELECT state FROM revision WHERE scope = '' ORDER BY id DESC LIMIT 1", [], |row| {
            row.get::<_, i64>(0)
        })
        .optional()?;
    match newest {
        Some(state) if state != checksum(&entities.iter().collect::<Vec<_>>()) => {
            Err(StoreError::Checksum { kind: "the set of shared", id: "facts".into() })
        }
        _ => Ok(()),
    }
}

pub(super) fn named(keys: Vec<Key>) -> Vec<(String, String)> {
    keys.into_iter().map(|(kind, id)| (kind.to_owned(), id)).collect()
}

pub(super) fn kind_named(kind: String) -> Result<&'static str, StoreError> {
    KINDS.into_iter().find(|known| *known == kind).ok_or(StoreError::Unreadable(kind))
}

fn was_shipped(connection: &rusqlite::Connection, release: u64) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM revision WHERE facts_checksum = ?")?;
    Ok(statement.exists([release.cast_signed()])?)
}

/// Reads the facts of the release that was imported last.
pub(super) fn shipped(connection: &rusqlite::Connection) -> Result<Entities, StoreError> {
    let mut statement = connection.prepare("SELECT kind, id, body, checksum FROM shipped")?;
    let mut rows = statement.query([])?;
    let mut entities = Entities::new();
    while let Some(row) = rows.next()? {
        let (kind, id, body): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if checksum(&(&kind, &id, &body)) != row.get::<_, i64>(3)? {
            return Err(StoreError::Checksum { kind: "the shipped version of", id });
        }
        entities.insert((kind_named(kind)?, id), body);
    }
    Ok(entities)
}

fn remember_shipped(transaction: &Transaction<'_>, entities: &Entities) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM shipped", [])?;
    let mut insert = transaction.prepare("INSERT INTO shipped (kind, id, body, checksum) VALUES (?, ?, ?, ?)")?;
    for ((kind, id), body) in entities {
        insert.execute((kind, id, body, checksum(&(kind, id, body))))?;
    }
    Ok(())
}

/// Returns the current shared entities, verified as a whole: otherwise the next revision would make the loss of a
/// change permanent.
pub(super) fn shared_now(connection: &rusqlite::Connection) -> Result<Entities, StoreError> {
    let entities = entities_at(connection, &Scope::Shared, i64::MAX)?;
    verify_state(connection, &entities)?;
    Ok(entities)
}

/// Replays the changes of a scope up to and including a revision. For a community the result is its overlay alone.
pub(super) fn entities_at(
    connection: &rusqlite::Connection,
    scope: &Scope,
    revision: i64,
) -> Result<Entities, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT change.revision, position, kind, change.id, before, after, checksum
         FROM change JOIN revision ON revision.id = change.revision
         WHERE scope = ? AND change.revision <= ? ORDER BY change.revision, position",
    )?;
    let mut rows = statement.query((scope.key(), revision))?;
    let mut entities = Entities::new();
    while let Some(row) = rows.next()? {
        let (key, _, after) = verified_change(row)?;
        match after {
            Some(after) => entities.insert(key, after),
            None => entities.remove(&key),
        };
    }
    Ok(entities)
}

/// Verifies a row of revision, position, kind, id, before, after and checksum. Returns the key, and the bodies before
/// and after the change.
pub(super) fn verified_change(row: &rusqlite::Row<'_>) -> Result<(Key, Option<String>, Option<String>), StoreError> {
    let (revision, position): (i64, i64) = (row.get(0)?, row.get(1)?);
    let (kind, id): (String, String) = (row.get(2)?, row.get(3)?);
    let (before, after): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    if checksum(&(revision, position, &kind, &id, &before, &after)) != row.get::<_, i64>(6)? {
        return Err(StoreError::Checksum { kind: "a change of", id });
    }
    Ok(((kind_named(kind)?, id), before, after))
}

/// The origin of a revision as it is recorded.
pub(super) struct Origins<'a> {
    pub(super) origin: RevisionOrigin,
    pub(super) scope: &'a Scope,
    pub(super) release: Option<u64>,
    pub(super) undoes: Option<i64>,
}

impl Origins<'_> {
    fn of(origin: RevisionOrigin) -> Self {
        Self { origin, scope: &Scope::Shared, release: None, undoes: None }
    }
}

/// Records the difference between two states of the shared facts as a revision and writes the changed rows.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    now: &Entities,
    new: &Entities,
    origin: &Origins<'_>,
    meta: &Meta,
) -> Result<Applied, StoreError> {
    let facts = put_together(new)?;
    let new = &take_apart(&facts);
    let changes = differences(now, new);
    if changes.is_empty() && origin.release.is_none() {
        return Ok(Applied::NOTHING);
    }
    facts.claims().try_for_each(verify_citation)?;
    let revision = record(transaction, now, new, &changes, origin, meta)?;
    super::writing::write_changed(transaction, &facts, &changes)?;
    Ok(applied(revision, &changes))
}

pub(super) fn applied(revision: i64, changes: &[Key]) -> Applied {
    let counted = changes.iter().filter(|(kind, _)| *kind != "order").count();
    Applied { revision: Some(revision), changes: counted, kept: Vec::new() }
}

/// Refuses a claim without a citation, unless it is marked as unsourced.
pub(super) fn verify_citation(claim: &Claim) -> Result<(), StoreError> {
    match claim.cite.is_empty() && claim.unsourced.is_none() {
        true => Err(StoreError::Refused(format!("claim `{}` has no citation", claim.id))),
        false => Ok(()),
    }
}

/// Records a difference as a revision and returns its number.
pub(super) fn record(
    transaction: &Transaction<'_>,
    now: &Entities,
    new: &Entities,
    changes: &[Key],
    origin: &Origins<'_>,
    meta: &Meta,
) -> Result<i64, StoreError> {
    transaction.execute(
        "INSERT INTO revision (made_at, who, place, why, origin, facts_checksum, state, scope, undoes)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            &meta.made_at,
            &meta.who,
            &meta.place,
            &meta.why,
            origin.origin.name(),
            origin.release.map(u64::cast_signed),
            checksum(&new.iter().collect::<Vec<_>>()),
            origin.scope.key(),
            origin.undoes,
        ),
    )?;
    let revision = transaction.last_insert_rowid();
    let mut insert = transaction.prepare_cached(
        "INSERT INTO change (revision, position, kind, id, before, after, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for (position, key) in changes.iter().enumerate() {
        let (position, before, after) = (position as i64, now.get(key), new.get(key));
        let sum = checksum(&(revision, position, key.0, &key.1, before, after));
        insert.execute((revision, position, key.0, &key.1, before, after, sum))?;
    }
    Ok(revision)
}

/// Returns the sorted keys of the entities that differ.
pub(super) fn differences(now: &Entities, new: &Entities) -> Vec<Key> {
    let mut keys: Vec<Key> =
        now.keys().chain(new.keys()).filter(|key| now.get(*key) != new.get(*key)).cloned().collect();
    keys.sort();
    keys.dedup();
    keys
}
