//! Undoes revisions by a new revision, which never overwrites later changes.

use rusqlite::{Connection, TransactionBehavior};
use serde_json::Value as Json;

use super::changes::{Committed, Edit, Gaps, commit, edits_between, later_changes};
use super::entities::{Entities, GONE, Order, json, order_key};
use super::history::{Revision, read_revision, revisions};
use super::revisions::verified_change;
use super::scope::{Scope, VisibleFacts, visible_facts};
use super::{Meta, Store, StoreError};
use crate::facts::{Claim, Source, Topic};

/// The effect that undoing a revision would have.
#[derive(Debug, Clone)]
pub enum Undone {
    /// The undo makes these edits, as the scope sees them.
    Edits(Vec<Edit>),
    /// The undo isn't possible: these later revisions changed the same fields.
    Overtaken(Vec<Revision>),
}

impl Store {
    /// Undoes a revision of a scope by a new revision that restores what it changed. `base` is the newest revision that
    /// the moderator saw. If later revisions changed the same fields, or if revisions after `base` changed the same
    /// entities, those are returned and nothing is changed.
    ///
    /// # Errors
    /// If there is no such revision, it is a release or an import, something it added is still used, or SQLite fails;
    /// then nothing is changed.
    pub fn undo(&mut self, scope: &Scope, base: i64, revision: i64, meta: &Meta) -> Result<Committed, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let changed = read_revision(&transaction, revision)?.map(|found| found.changes).unwrap_or_default();
        let mut later = Vec::new();
        for changed in changed {
            later.extend(later_changes(&transaction, scope, base, &(changed.kind, changed.id))?);
        }
        if !later.is_empty() {
            return Ok(Committed::Overtaken(revisions(&transaction, later)?));
        }
        let outcome = undo(&transaction, scope, revision, meta, Gaps::Refused)?;
        if matches!(outcome, Committed::Made(_)) {
            transaction.commit()?;
        }
        Ok(outcome)
    }

    /// Returns the effect that undoing a revision would have.
    ///
    /// # Errors
    /// As [`Self::undo`].
    pub fn undone(&self, scope: &Scope, revision: i64) -> Result<Undone, StoreError> {
        let _read = self.begin_read_unless_begun()?;
        let (visible, new) = match take_back(&self.connection, scope, revision, None)? {
            Ok(taken) => taken,
            Err(later) => return Ok(Undone::Overtaken(later)),
        };
        Ok(Undone::Edits(edits_between(scope, &visible, new)?))
    }

    /// Undoes all moderators' revisions of a scope after a revision, newest first, by one new revision. `base` is the
    /// newest revision that the moderator saw; if moderators made others since, those are returned and nothing is
    /// changed.
    ///
    /// # Errors
    /// If something that one of them added is still used, a release changed the same in between, or SQLite fails; then
    /// nothing is changed.
    pub fn undo_all_since(
        &mut self,
        scope: &Scope,
        base: i64,
        revision: i64,
        meta: &Meta,
    ) -> Result<Committed, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let newer: Vec<i64> = ids_since(&transaction, scope, base)?;
        if !newer.is_empty() {
            return Ok(Committed::Overtaken(revisions(&transaction, newer)?));
        }
        let (visible, new) = take_all_back(&transaction, scope, revision)?;
        let applied = commit(&transaction, &visible, new, scope, (None, Gaps::Left), meta)?;
        transaction.commit()?;
        Ok(Committed::Made(applied))
    }

    /// Returns the edits that undoing all moderators' revisions after a revision would make, as the scope sees them.
    ///
    /// # Errors
    /// As [`Self::undo_all_since`].
    pub fn undone_since(&self, scope: &Scope, revision: i64) -> Result<Vec<Edit>, StoreError> {
        let _read = self.begin_read_unless_begun()?;
        let (visible, new) = take_all_back(&self.connection, scope, revision)?;
        edits_between(scope, &visible, new)
    }

    /// Returns the moderators' revisions of a scope after a revision, newest first.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails.
    pub fn made_since(&self, scope: &Scope, revision: i64) -> Result<Vec<Revision>, StoreError> {
        revisions(&self.connection, ids_since(&self.connection, scope, revision)?)
    }
}

fn undo(
    transaction: &rusqlite::Transaction<'_>,
    scope: &Scope,
    id: i64,
    meta: &Meta,
    gaps: Gaps,
) -> Result<Committed, StoreError> {
    match take_back(transaction, scope, id, None)? {
        Ok((visible, new)) => commit(transaction, &visible, new, scope, (Some(id), gaps), meta).map(Committed::Made),
        Err(later) => Ok(Committed::Overtaken(later)),
    }
}

/// Returns a scope's own entities without a revision, or the later revisions that changed the same fields. `begun` holds
/// the visible facts, and the own entities as the undo of newer revisions left them.
fn take_back(
    transaction: &Connection,
    scope: &Scope,
    id: i64,
    begun: Option<(VisibleFacts, Entities)>,
) -> Result<Result<(VisibleFacts, Entities), Vec<Revision>>, StoreError> {
    let revision = read_revision(transaction, id)?.filter(|found| found.scope == *scope);
    let Some(revision) = revision else { return Err(StoreError::Refused(format!("there is no revision {id} here"))) };
    if !revision.by_moderator {
        return Err(StoreError::Refused(format!(
            "revision {id} is a release or an import; import other facts instead"
        )));
    }
    let (visible, now) = match begun {
        Some(begun) => begun,
        None => {
            let visible = visible_facts(transaction, scope)?;
            let now = visible.own.clone();
            (visible, now)
        }
    };
    let mut new = now.clone();
    let mut later = Vec::new();
    for changed in &revision.changes {
        let key = (changed.kind, changed.id.clone());
        if new.get(&key) == changed.after.as_ref() {
            match &changed.before {
                Some(before) => drop(new.insert(key, before.clone())),
                None => drop(new.remove(&key)),
            }
            continue;
        }
        // Where its overlay had nothing, the community saw the shared entity.
        let shared = visible.shared.get(&key).filter(|_| *scope != Scope::Shared);
        let before = changed.before.as_ref().or(shared);
        match carried(changed.kind, changed.after.as_ref(), before, new.get(&key)) {
            Some(merged) if Some(&merged) == shared => drop(new.remove(&key)),
            Some(merged) => drop(new.insert(key, merged)),
            None => later.extend(later_changes(transaction, scope, id, &key)?),
        }
    }
    if !later.is_empty() {
        return Ok(Err(revisions(transaction, later)?));
    }
    restore_order(transaction, id, &now, &mut new, &revision)?;
    Ok(Ok((visible, new)))
}

/// Returns a scope's own entities without all moderators' revisions after `revision`.
fn take_all_back(
    connection: &Connection,
    scope: &Scope,
    revision: i64,
) -> Result<(VisibleFacts, Entities), StoreError> {
    let visible = visible_facts(connection, scope)?;
    let now = visible.own.clone();
    let mut begun = (visible, now);
    for id in ids_since(connection, scope, revision)? {
        begun = match take_back(connection, scope, id, Some(begun))? {
            Ok(taken) => taken,
            // A release in between changed the same.
            Err(by) => {
                let by: Vec<String> = by.iter().map(|revision| revision.id.to_string()).collect();
                return Err(StoreError::Refused(format!(
                    "revision {id} conflicts with later changes in revision {}",
                    by.join(", ")
                )));
            }
        };
    }
    Ok(begun)
}

/// Returns the numbers of the moderators' revisions of a scope after a revision, newest first.
fn ids_since(connection: &Connection, scope: &Scope, revision: i64) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM revision WHERE scope = ? AND origin = 'moderator' AND id > ? ORDER BY id DESC",
    )?;
    let ids = statement.query_map((scope.key(), revision), |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Applies one change of an entity, `from` one body `to` another, to its current body. Returns `None` if the fields
/// that it changes were changed otherwise since, or if one of the bodies is missing. In lists it only adds and removes
/// items, so that other changes of the same list stay.
pub(super) fn carried(
    kind: &'static str,
    from: Option<&String>,
    to: Option<&String>,
    now: Option<&String>,
) -> Option<String> {
    let fields = |text: &String| serde_json::from_str::<serde_json::Map<String, Json>>(text).ok();
    let (from, to, mut now) = (fields(from?)?, fields(to?)?, fields(now?)?);
    for name in from.keys().chain(to.keys()) {
        let (was, becomes, is) = (from.get(name), to.get(name), now.get(name));
        let field = match (was, becomes, is) {
            _ if was == becomes || is == becomes => continue,
            _ if is == was => becomes.cloned(),
            (Some(Json::Array(was)), Some(Json::Array(becomes)), Some(Json::Array(is))) => {
                let kept = is.iter().filter(|one| becomes.contains(one) || !was.contains(one));
                let mut list: Vec<Json> = kept.cloned().collect();
                let new = |one: &Json| !was.contains(one) && !is.contains(one);
                for (at, one) in becomes.iter().enumerate().filter(|(_, one)| new(one)) {
                    list.insert(at.min(list.len()), one.clone());
                }
                Some(Json::Array(list))
            }
            _ => return None,
        };
        match field {
            Some(field) => drop(now.insert(name.clone(), field)),
            None => drop(now.remove(name)),
        }
    }
    // Entities are compared as text, so the fields must be in the order in which they are serialized.
    match kind {
        "claim" => canonical::<Claim>(now),
        "topic" => canonical::<Topic>(now),
        "source" => canonical::<Source>(now),
        _ => None,
    }
}

fn canonical<T: serde::Serialize + serde::de::DeserializeOwned>(
    fields: serde_json::Map<String, Json>,
) -> Option<String> {
    serde_json::from_value::<T>(Json::Object(fields)).ok().map(|thing| json(&thing))
}

/// Restores the positions before a revision: the whole order if it didn't change since, otherwise each position by
/// itself. A subject that is still used stays.
fn restore_order(
    transaction: &Connection,
    id: i64,
    now: &Entities,
    new: &mut Entities,
    revision: &Revision,
) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT revision, position, kind, id, before, after, checksum FROM change WHERE revision = ? AND kind = 'order'",
    )?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let (_, before, after) = verified_change(row)?;
    if now.get(&order_key()) == after.as_ref() {
        match before {
            Some(before) => new.insert(order_key(), before),
            None => new.remove(&order_key()),
        };
        return Ok(());
    }
    let mut then = Entities::new();
    then.extend(before.map(|before| (order_key(), before)));
    let (then, mut order) = (Order::of(&then)?, Order::of(now)?);
    let (subjects, others): (Vec<_>, Vec<_>) = revision.changes.iter().partition(|changed| changed.kind == "subject");
    for changed in others.into_iter().chain(subjects) {
        let key = (changed.kind, changed.id.clone());
        let is_there = new.get(&key).is_some_and(|text| text != GONE);
        if is_there && !order.has(&key) && then.has(&key) {
            order.append(&key, then.subject_of(&key).unwrap_or_default());
        } else if !is_there && key.0 == "subject" && order.is_used(&key.1) {
            new.insert(key, now[&("subject", changed.id.clone())].clone());
        } else if !is_there {
            order.remove(&key);
        }
    }
    order.put_into(new);
    Ok(())
}
