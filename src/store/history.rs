//! Reads revisions, earlier versions of claims, and changes that conflict with those of another layer.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _};

use super::entities::{GONE, Key, read};
use super::revisions::{kind_named, shared_now, shipped, verified_change};
use super::scope::{Scope, visible_facts};
use super::{Meta, Store, StoreError};
use crate::facts::Claim;

/// A revision: the changes that were made at once, with their author, time and reason.
#[derive(Debug, Clone)]
pub struct Revision {
    /// Number of the revision.
    pub id: i64,
    /// Scope whose facts it changed.
    pub scope: Scope,
    /// Time, author, place and reason.
    pub meta: Meta,
    /// True for a moderator's change, false for a release or an import.
    pub by_moderator: bool,
    /// Number of the revision that it undoes, if it undoes a single one.
    pub undoes: Option<i64>,
    /// Changes of entities, except their order.
    pub changes: Vec<EntityChange>,
}

/// The change of an entity by a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityChange {
    /// `source`, `subject`, `claim` or `topic`.
    pub kind: &'static str,
    /// Id of the entity.
    pub id: String,
    /// Body that the scope saw before, in JSON; `None` if there was none.
    pub was: Option<String>,
    /// Body that the scope saw after, in JSON; `None` if there was none.
    pub is: Option<String>,
    /// Body in the scope's own entities before. For a community, `None` if its overlay didn't change the entity, and
    /// [`GONE`] if it removed it.
    pub(super) before: Option<String>,
    /// Body in the scope's own entities after, likewise.
    pub(super) after: Option<String>,
}

impl EntityChange {
    /// Returns the claim before and after. Both are `None` for an entity of another kind.
    #[must_use]
    pub fn claims(&self) -> (Option<Claim>, Option<Claim>) {
        let claim = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str(text).ok());
        if self.kind == "claim" { (claim(&self.was), claim(&self.is)) } else { (None, None) }
    }
}

impl Store {
    /// Returns a revision of the scope or of the shared facts. `None` if there is none with this number.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails.
    pub fn revision_of(&self, scope: &Scope, id: i64) -> Result<Option<Revision>, StoreError> {
        Ok(read_revision(&self.connection, id)?.filter(|found| found.scope == *scope || found.scope == Scope::Shared))
    }

    /// Returns at most `most` revisions that changed the entities with this id as a scope sees them, newest first.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails.
    pub fn history(&self, scope: &Scope, id: &str, most: u32) -> Result<Vec<Revision>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT revision FROM change JOIN revision ON revision.id = revision
             WHERE change.id = ? AND kind <> 'order' AND scope IN ('', ?) ORDER BY revision DESC LIMIT ?",
        )?;
        let ids = statement.query_map((id, scope.key(), most), |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
        revisions(&self.connection, ids)
    }

    /// Returns at most `most` of the scope's own revisions, newest first.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails.
    pub fn log(&self, scope: &Scope, most: u32) -> Result<Vec<Revision>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id FROM revision WHERE scope = ? ORDER BY id DESC LIMIT ?")?;
        let ids = statement.query_map((scope.key(), most), |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
        revisions(&self.connection, ids)
    }

    /// Returns the ids of claims that changed after a revision as a scope sees them, each with the day of its last
    /// change (`2026-11-21`, UTC).
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn claims_changed_since(&self, scope: &Scope, revision: i64) -> Result<BTreeMap<String, String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT change.id, MAX(substr(made_at, 1, 10)) FROM change JOIN revision ON revision.id = revision
             WHERE kind = 'claim' AND revision > ? AND scope IN ('', ?) GROUP BY change.id",
        )?;
        let rows = statement.query_map((revision, scope.key()), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns a claim as a scope saw it after a revision. `None` if it didn't exist then.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails.
    pub fn claim_at(&self, scope: &Scope, id: &str, revision: i64) -> Result<Option<Claim>, StoreError> {
        let key: Key = ("claim", id.to_owned());
        let mut statement = self.connection.prepare_cached(
            "SELECT change.revision, position, kind, change.id, before, after, checksum
             FROM change JOIN revision ON revision.id = revision
             WHERE kind = 'claim' AND change.id = ? AND revision <= ? AND scope = ? ORDER BY revision DESC LIMIT 1",
        )?;
        let mut last = |scope: &str| -> Result<Option<String>, StoreError> {
            let mut rows = statement.query((&key.1, revision, scope))?;
            rows.next()?.map(verified_change).transpose().map(|found| found.and_then(|(_, _, after)| after))
        };
        let own = if *scope == Scope::Shared { None } else { last(scope.key())? };
        let text = match own {
            Some(own) => Some(own),
            None => last("")?,
        };
        text.filter(|text| text != GONE).map(|text| read(&text)).transpose()
    }

    /// Returns the entities that changed both in this scope and in the layer below it: for a community, later changes
    /// of the shared facts; for the shared facts, changes by a release. The scope's version stays until the scope
    /// changes it again.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails.
    pub fn outdated(&self, scope: &Scope) -> Result<Vec<Outdated>, StoreError> {
        let _read = self.begin_read_unless_begun()?;
        let (ours, theirs) = match scope {
            Scope::Shared => (shared_now(&self.connection)?, shipped(&self.connection)?),
            Scope::Community(_) => {
                let visible = visible_facts(&self.connection, scope)?;
                (visible.own, visible.shared)
            }
        };
        let mut outdated = Vec::new();
        for (kind, id, revision) in self.changed_elsewhere(scope)? {
            let key: Key = (kind_named(kind)?, id);
            if key.0 == "order" || ours.get(&key) == theirs.get(&key) {
                continue;
            }
            let is_gone_in_both = ours.get(&key).is_some_and(|text| text == GONE) && !theirs.contains_key(&key);
            if is_gone_in_both || (*scope != Scope::Shared && !ours.contains_key(&key)) {
                continue;
            }
            let theirs = match (key.0, theirs.get(&key)) {
                ("claim", Some(text)) => Some(read::<Claim>(text)?.statement),
                _ => None,
            };
            outdated.push(Outdated { kind: key.0, id: key.1, revision, theirs });
        }
        Ok(outdated)
    }

    /// Returns kind, id and revision of the changes in the layer below that the scope hasn't reacted to since.
    fn changed_elsewhere(&self, scope: &Scope) -> Result<Vec<(String, String, i64)>, StoreError> {
        let sql = match scope {
            Scope::Shared => {
                "SELECT kind, id, revision FROM conflict WHERE NOT EXISTS (
                     SELECT 1 FROM change JOIN revision ON revision.id = change.revision
                     WHERE change.kind = conflict.kind AND change.id = conflict.id AND scope = ?1
                       AND change.revision > conflict.revision)
                 ORDER BY kind, id"
            }
            Scope::Community(_) => {
                "SELECT kind, id, theirs FROM (
                     SELECT kind, change.id AS id, MAX(CASE scope WHEN ?1 THEN revision END) AS ours,
                            MAX(CASE scope WHEN '' THEN revision END) AS theirs
                     FROM change JOIN revision ON revision.id = revision WHERE scope IN ('', ?1) GROUP BY 1, 2)
                 WHERE theirs > ours ORDER BY kind, id"
            }
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([scope.key()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the communities of a platform that have revisions of their own and weren't told about the newest shared
    /// revision yet. Each comes with the shared revision up to which it was told (0 if never) and the newest one.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn untold_conflicts(&self, platform: &str) -> Result<Vec<(Scope, i64, i64)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "WITH newest AS (SELECT COALESCE(MAX(id), 0) AS id FROM revision WHERE scope = '')
             SELECT DISTINCT revision.scope, COALESCE(flagged.revision, 0), newest.id
             FROM revision JOIN newest LEFT JOIN flagged ON flagged.scope = revision.scope
             WHERE revision.scope LIKE ? || ':%' AND COALESCE(flagged.revision, 0) < newest.id ORDER BY 1",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok((Scope::of_key(&row.get::<_, String>(0)?), row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        };
        let rows = statement.query_map([platform], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Records that a community was told about conflicts up to a shared revision.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn set_conflicts_told(&self, scope: &Scope, revision: i64) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO flagged VALUES (?, ?)";
        self.connection.prepare_cached(sql)?.execute((scope.key(), revision))?;
        Ok(())
    }
}

/// An entity that changed in a scope and in the layer below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated {
    /// `source`, `subject`, `claim` or `topic`.
    pub kind: &'static str,
    /// Id of the entity.
    pub id: String,
    /// Revision that changed the entity in the shared facts, or that imported the release in which it differs.
    pub revision: i64,
    /// Statement of the claim in the layer below; `None` if the entity isn't a claim or is missing there.
    pub theirs: Option<String>,
}

pub(super) fn revisions(connection: &Connection, mut ids: Vec<i64>) -> Result<Vec<Revision>, StoreError> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(*id));
    for id in ids {
        found.extend(read_revision(connection, id)?);
    }
    Ok(found)
}

pub(super) fn read_revision(connection: &Connection, id: i64) -> Result<Option<Revision>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT made_at, who, place, why, origin, scope, undoes FROM revision WHERE id = ?")?;
    let revision = statement.query_row([id], |row| {
        Ok(Revision {
            id,
            meta: Meta { made_at: row.get(0)?, who: row.get(1)?, place: row.get(2)?, why: row.get(3)? },
            by_moderator: row.get::<_, String>(4)? == "moderator",
            scope: Scope::of_key(&row.get::<_, String>(5)?),
            undoes: row.get(6)?,
            changes: Vec::new(),
        })
    });
    let Some(mut revision) = revision.optional()? else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT revision, position, kind, id, before, after, checksum FROM change
         WHERE revision = ? AND kind <> 'order' ORDER BY position",
    )?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        let (key, before, after) = verified_change(row)?;
        let shared = if revision.scope == Scope::Shared { None } else { shared_before(connection, &key, id)? };
        let seen = |own: &Option<String>| own.clone().or_else(|| shared.clone()).filter(|text| text != GONE);
        let (was, is) = (seen(&before), seen(&after));
        revision.changes.push(EntityChange { kind: key.0, id: key.1, was, is, before, after });
    }
    Ok(Some(revision))
}

/// Returns the shared body of an entity before a revision.
fn shared_before(connection: &Connection, (kind, id): &Key, revision: i64) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT after FROM change JOIN revision ON revision.id = revision
         WHERE kind = ? AND change.id = ? AND revision < ? AND scope = '' ORDER BY revision DESC LIMIT 1",
    )?;
    Ok(statement.query_row((kind, id, revision), |row| row.get(0)).optional()?.flatten())
}
