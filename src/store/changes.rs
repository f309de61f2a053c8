//! Commits moderators' changes: each is one revision, based on the revision that the moderator saw.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::entities::{Entities, GONE, Key, Order, json, layered, overlaid, read, subject, take_apart};
use super::history::{Revision, revisions};
use super::revisions::{Origins, applied, apply, differences, record, verify_citation};
use super::scope::{Scope, VisibleFacts, visible_entities_after, visible_facts};
use super::{Applied, Meta, RevisionOrigin, Store, StoreError};
use crate::facts::{Claim, Facts, Source, Topic};

/// A change of one entity, with its new state.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// A new or changed source.
    Source(Source),
    /// A new or renamed subject.
    Subject {
        /// Id of the subject.
        id: String,
        /// New title.
        title: String,
    },
    /// A new or changed claim.
    Claim {
        /// Id of the subject that a new claim is added to.
        subject: String,
        /// New state of the claim.
        claim: Claim,
    },
    /// A new or changed topic.
    Topic {
        /// Id of the subject that a new topic is added to.
        subject: String,
        /// New state of the topic.
        topic: Topic,
    },
    /// The removal of an entity.
    Remove {
        /// `source`, `claim` or `topic`.
        kind: &'static str,
        /// Id of the entity.
        id: String,
    },
}

impl Edit {
    /// Returns kind and id, such as `claim price-rubles`, and true if the edit removes the entity.
    #[must_use]
    pub fn named(&self) -> (String, bool) {
        let (kind, id) = self.key();
        (format!("{kind} {id}"), matches!(self, Self::Remove { .. }))
    }

    pub(super) fn key(&self) -> Key {
        match self {
            Self::Source(source) => ("source", source.id.clone()),
            Self::Subject { id, .. } => ("subject", id.clone()),
            Self::Claim { claim, .. } => ("claim", claim.id.clone()),
            Self::Topic { topic, .. } => ("topic", topic.id.clone()),
            Self::Remove { kind, id } => (kind, id.clone()),
        }
    }

    fn body(&self) -> Option<String> {
        match self {
            Self::Source(source) => Some(json(source)),
            Self::Subject { title, .. } => Some(subject(title)),
            Self::Claim { claim, .. } => Some(json(claim)),
            Self::Topic { topic, .. } => Some(json(topic)),
            Self::Remove { .. } => None,
        }
    }

    pub(super) fn subject(&self) -> &str {
        match self {
            Self::Claim { subject, .. } | Self::Topic { subject, .. } => subject,
            _ => "",
        }
    }
}

/// The outcome of a commit.
#[derive(Debug, Clone)]
pub enum Committed {
    /// The change was made, or there was no difference.
    Made(Applied),
    /// These later revisions changed the same entities, so nothing was changed.
    Overtaken(Vec<Revision>),
}

impl Store {
    /// Commits edits, as one revision, that a moderator decided on when `base` was the newest revision.
    ///
    /// # Errors
    /// If the change would leave the facts inconsistent, a recorded change is damaged, or SQLite fails; then nothing is
    /// changed.
    pub fn commit(&mut self, scope: &Scope, base: i64, edits: &[Edit], meta: &Meta) -> Result<Committed, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let later = overtaken(&transaction, scope, base, edits)?;
        if !later.is_empty() {
            return Ok(Committed::Overtaken(later));
        }
        let visible = visible_facts(&transaction, scope)?;
        let mut new = visible.own.clone();
        for edit in edits {
            lay(edit, scope, &visible, &mut new)?;
        }
        let applied = commit(&transaction, &visible, new, scope, (None, Gaps::Refused), meta)?;
        transaction.commit()?;
        Ok(Committed::Made(applied))
    }

    /// Returns the revisions after `base` that changed the same entities as the edits. If there are any,
    /// [`Store::commit`] returns [`Committed::Overtaken`] with them.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails.
    pub fn overtaken(&self, scope: &Scope, base: i64, edits: &[Edit]) -> Result<Vec<Revision>, StoreError> {
        overtaken(&self.connection, scope, base, edits)
    }

    /// Returns the edits that turn the facts which a scope saw after revision `base` into `facts`. The order of
    /// existing entities doesn't count.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails.
    pub fn difference(&self, scope: &Scope, base: i64, facts: &Facts) -> Result<Vec<Edit>, StoreError> {
        let _read = self.begin_read_unless_begun()?;
        let now = visible_entities_after(&self.connection, scope, base)?;
        let new = take_apart(facts);
        let mut edits: Vec<Edit> = Vec::new();
        for subject in &facts.subjects {
            let key = ("subject", subject.id.clone());
            if now.get(&key) != new.get(&key) {
                edits.push(Edit::Subject { id: subject.id.clone(), title: subject.title.clone() });
            }
        }
        edits.extend(edits_from(&now, &new)?);
        Ok(edits)
    }

    /// Copies the overlay of a community to the community that replaces it, unless that one has an overlay already.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails; then nothing is changed.
    pub fn take_along(&mut self, from: &Scope, to: &Scope, meta: &Meta) -> Result<Applied, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (own, there) = (visible_facts(&transaction, from)?.own, visible_facts(&transaction, to)?.own);
        if own.is_empty() || !there.is_empty() || *from == Scope::Shared || *to == Scope::Shared {
            return Ok(Applied::NOTHING);
        }
        let changes = differences(&there, &own);
        let origin = Origins { origin: RevisionOrigin::Moderator, scope: to, release: None, undoes: None };
        let revision = record(&transaction, &there, &own, &changes, &origin, meta)?;
        transaction.commit()?;
        Ok(applied(revision, &changes))
    }
}

fn overtaken(connection: &Connection, scope: &Scope, base: i64, edits: &[Edit]) -> Result<Vec<Revision>, StoreError> {
    let mut later = Vec::new();
    for edit in edits {
        later.extend(later_changes(connection, scope, base, &edit.key())?);
    }
    revisions(connection, later)
}

/// Returns the revisions after `base` that changed an entity in a scope or in the shared facts.
pub(super) fn later_changes(
    connection: &Connection,
    scope: &Scope,
    base: i64,
    (kind, id): &Key,
) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT revision FROM change JOIN revision ON revision.id = revision
         WHERE kind = ? AND change.id = ? AND revision > ? AND scope IN ('', ?) ORDER BY revision",
    )?;
    let ids = statement.query_map((kind, id, base, scope.key()), |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Applies an edit to a scope's own entities.
pub(super) fn lay(edit: &Edit, scope: &Scope, visible: &VisibleFacts, own: &mut Entities) -> Result<(), StoreError> {
    let key = edit.key();
    let is_shared = *scope != Scope::Shared && visible.shared.contains_key(&key);
    let body = edit.body();
    if is_shared {
        match body {
            Some(body) if visible.shared[&key] == body => drop(own.remove(&key)),
            Some(body) => drop(own.insert(key, body)),
            None => drop(own.insert(key, GONE.to_owned())),
        }
        return Ok(());
    }
    let mut order = Order::of(own)?;
    match body {
        Some(body) => {
            if !order.has(&key) && key.0 != "subject" {
                order.append(&key, edit.subject());
            }
            own.insert(key, body);
        }
        None => {
            order.remove(&key);
            own.remove(&key);
        }
    }
    order.put_into(own);
    Ok(())
}

/// Records new own entities of a scope as a revision, if they leave what the scope sees consistent.
pub(super) fn commit(
    transaction: &Transaction<'_>,
    visible: &VisibleFacts,
    new: Entities,
    scope: &Scope,
    (undoes, gaps): (Option<i64>, Gaps),
    meta: &Meta,
) -> Result<Applied, StoreError> {
    let origin = Origins { origin: RevisionOrigin::Moderator, scope, release: None, undoes };
    if *scope == Scope::Shared {
        verify_names(&visible.own, &new, None)?;
        verify_sources_of_communities(transaction, &visible.own, &new)?;
        return apply(transaction, &visible.own, &new, &origin, meta);
    }
    if gaps == Gaps::Refused {
        verify_names(
            &overlaid(&visible.shared, &visible.own),
            &overlaid(&visible.shared, &new),
            undoes.map(|_| &visible.own),
        )?;
    }
    for (_, text) in new.iter().filter(|(key, text)| key.0 == "claim" && *text != GONE) {
        verify_citation(&read(text)?)?;
    }
    let changes = differences(&visible.own, &new);
    if changes.is_empty() {
        return Ok(Applied::NOTHING);
    }
    let revision = record(transaction, &visible.own, &new, &changes, &origin, meta)?;
    Ok(applied(revision, &changes))
}

/// The treatment of topics and claims that would name removed entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gaps {
    /// The change is refused.
    Refused,
    /// A community's change is made all the same: undoing many changes opens and closes such gaps.
    Left,
}

/// Refuses a change after which a topic or claim names a missing entity, unless it was missing before. For an undo in a
/// community, `own` is its overlay before the undo, and only entities of this overlay count: what an undo restores may
/// name shared entities that were removed since.
fn verify_names(before: &Entities, after: &Entities, own: Option<&Entities>) -> Result<(), StoreError> {
    let changed: BTreeSet<Key> = differences(before, after).into_iter().collect();
    // Unless an entity was removed, only the changed ones can have new gaps.
    let takes_away = changed.iter().any(|key| !after.contains_key(key));
    let is_looked_at = |key: &Key| takes_away || changed.contains(key);
    let known = missing(before, is_looked_at)?;
    let counts = |named: &Key| own.is_none_or(|own| own.get(named).is_some_and(|text| text != GONE));
    match missing(after, is_looked_at)?.into_iter().find(|gap| !known.contains(gap) && counts(&gap.1)) {
        Some(((kind, id), (what, named))) => Err(StoreError::Refused(format!("{kind} `{id}` needs {what} `{named}`"))),
        None => Ok(()),
    }
}

/// Returns the missing entities that the selected topics and claims name, each after the entity that names it.
fn missing(all: &Entities, is_looked_at: impl Fn(&Key) -> bool) -> Result<BTreeSet<(Key, Key)>, StoreError> {
    let mut missing = BTreeSet::new();
    for (key, text) in all.iter().filter(|(key, _)| is_looked_at(key)) {
        let named: Vec<Key> = match key.0 {
            "topic" => read::<Topic>(text)?.claims.into_iter().map(|claim| ("claim", claim)).collect(),
            "claim" => read::<Claim>(text)?.cite.into_iter().map(|citation| ("source", citation.source)).collect(),
            _ => continue,
        };
        missing.extend(named.into_iter().filter(|named| !all.contains_key(named)).map(|named| (key.clone(), named)));
    }
    Ok(missing)
}

/// Refuses to remove a shared source that any version of a community's own claim cites.
fn verify_sources_of_communities(connection: &Connection, now: &Entities, new: &Entities) -> Result<(), StoreError> {
    let gone = now.keys().filter(|key| key.0 == "source" && !new.contains_key(*key));
    let mut statement = connection.prepare_cached(
        "SELECT change.id FROM change JOIN revision ON revision.id = revision
         WHERE kind = 'claim' AND scope <> '' AND instr(after, ?) > 0 LIMIT 1",
    )?;
    for (_, id) in gone {
        let cited = format!("\"source\":{}", json(id));
        let claim: Option<String> = statement.query_row([cited], |row| row.get(0)).optional()?;
        if let Some(claim) = claim {
            return Err(StoreError::Refused(format!("claim `{claim}` of a community cites source `{id}`")));
        }
    }
    Ok(())
}

/// Returns the edits that a scope sees when its own entities become `new`.
pub(super) fn edits_between(scope: &Scope, visible: &VisibleFacts, new: Entities) -> Result<Vec<Edit>, StoreError> {
    let all = if *scope == Scope::Shared { new } else { layered(&visible.shared, &new)? };
    edits_from(&visible.all()?, &all)
}

/// Returns the edits of claims, topics and sources that turn `before` into `after`.
fn edits_from(before: &Entities, after: &Entities) -> Result<Vec<Edit>, StoreError> {
    let (was, is) = (Order::of(before)?, Order::of(after)?);
    let mut edits = Vec::new();
    for key in differences(before, after) {
        let subject = is.subject_of(&key).or_else(|| was.subject_of(&key)).unwrap_or_default().to_owned();
        edits.extend(edit_of(key.clone(), after.get(&key), subject)?);
    }
    Ok(edits)
}

/// Returns the edit that gives an entity this body, or removes it if there is no body. Returns `None` for subjects and
/// the order, which aren't edited here.
pub(super) fn edit_of((kind, id): Key, body: Option<&String>, subject: String) -> Result<Option<Edit>, StoreError> {
    let Some(body) = body else {
        return Ok(matches!(kind, "claim" | "topic" | "source").then_some(Edit::Remove { kind, id }));
    };
    Ok(match kind {
        "claim" => Some(Edit::Claim { subject, claim: read(body)? }),
        "topic" => Some(Edit::Topic { subject, topic: read(body)? }),
        "source" => Some(Edit::Source(read(body)?)),
        _ => None,
    })
}
