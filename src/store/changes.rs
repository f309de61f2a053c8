//! Changes that moderators make: one revision each, based on a revision that they saw.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::entities::{Entities, GONE, Key, Order, json, layered, overlaid, read, subject, take_apart};
use super::history::{Revision, revisions};
use super::revisions::{Origins, applied, apply, differences, record, verify_citation};
use super::scope::{Scope, VisibleFacts, visible_entities_after, visible_facts};
use super::{Applied, Meta, RevisionOrigin, Store, StoreError};
use crate::facts::{Claim, Facts, Source, Topic};

/// A thing as it shall be.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// A source, new or changed.
    Source(Source),
    /// A subject, new or with another title.
    Subject {
        /// Its id.
        id: String,
        /// Its title.
        title: String,
    },
    /// A claim, new or changed.
    Claim {
        /// The subject that a new one is added to.
        subject: String,
        /// The claim.
        claim: Claim,
    },
    /// A topic, new or changed.
    Topic {
        /// The subject that a new one is added to.
        subject: String,
        /// The topic.
        topic: Topic,
    },
    /// Something that shall be no more.
    Remove {
        /// `source`, `claim` or `topic`.
        kind: &'static str,
        /// Its id.
        id: String,
    },
}

impl Edit {
    /// What it does to which thing: `claim price-rubles`, and whether it takes it away.
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

/// What came of a change.
#[derive(Debug, Clone)]
pub enum Committed {
    /// It was made, or nothing was different.
    Made(Applied),
    /// Somebody was faster: these revisions changed the same things meanwhile. Nothing was changed.
    Overtaken(Vec<Revision>),
}

impl Store {
    /// Makes a change that somebody decided on when `base` was the newest revision.
    ///
    /// # Errors
    /// If it would leave the facts inconsistent, or SQLite fails; then nothing is changed.
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

    /// The revisions after `base` that changed the same as edits do: those that [`Store::commit`] would be overtaken by.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn overtaken(&self, scope: &Scope, base: i64, edits: &[Edit]) -> Result<Vec<Revision>, StoreError> {
        overtaken(&self.connection, scope, base, edits)
    }

    /// What makes the facts that those of a scope saw after revision `base` equal to others, but for the order of what was
    /// there already.
    ///
    /// # Errors
    /// If the record of changes is damaged, or SQLite fails.
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

    /// Gives a community that takes another's place what that one has of its own, unless it has something already.
    ///
    /// # Errors
    /// If the record of changes is damaged, or SQLite fails; then nothing is changed.
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

/// The revisions after one that changed a thing as those of a scope see it.
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

/// Lays an edit over a scope's own things.
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

/// Records what a scope's own things become, if it leaves what those of the scope see consistent.
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

/// What becomes of topics and claims that name what isn't there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gaps {
    /// Nothing is changed.
    Refused,
    /// A community's do without: on the way back through many changes such gaps come and go.
    Left,
}

/// What topics and claims name must be there, unless it was missing before. What a community puts back may name what all
/// shared once and is gone since, it does without; but not what it takes away itself, from its `own`.
fn verify_names(before: &Entities, after: &Entities, own: Option<&Entities>) -> Result<(), StoreError> {
    let changed: BTreeSet<Key> = differences(before, after).into_iter().collect();
    // Only what was changed names something new, unless something was taken away.
    let takes_away = changed.iter().any(|key| !after.contains_key(key));
    let is_looked_at = |key: &Key| takes_away || changed.contains(key);
    let known = missing(before, is_looked_at)?;
    let counts = |named: &Key| own.is_none_or(|own| own.get(named).is_some_and(|text| text != GONE));
    match missing(after, is_looked_at)?.into_iter().find(|gap| !known.contains(gap) && counts(&gap.1)) {
        Some(((kind, id), (what, named))) => Err(StoreError::Refused(format!("{kind} `{id}` needs {what} `{named}`"))),
        None => Ok(()),
    }
}

/// What topics and claims that are looked at name and isn't there, with what names it.
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

/// A shared source that a community's own claim cites isn't taken away.
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
            return Err(StoreError::Refused(format!("claim `{claim}` of a community needs source `{id}`")));
        }
    }
    Ok(())
}

/// What becomes of things for those of a scope when its own become others.
pub(super) fn edits_between(scope: &Scope, visible: &VisibleFacts, new: Entities) -> Result<Vec<Edit>, StoreError> {
    let all = if *scope == Scope::Shared { new } else { layered(&visible.shared, &new)? };
    edits_from(&visible.all()?, &all)
}

/// What becomes of claims, topics and sources from one list of things to another.
fn edits_from(before: &Entities, after: &Entities) -> Result<Vec<Edit>, StoreError> {
    let (was, is) = (Order::of(before)?, Order::of(after)?);
    let mut edits = Vec::new();
    for key in differences(before, after) {
        let subject = is.subject_of(&key).or_else(|| was.subject_of(&key)).unwrap_or_default().to_owned();
        edits.extend(edit_of(key.clone(), after.get(&key), subject)?);
    }
    Ok(edits)
}

/// What makes a thing what it is in a list of things; none for what isn't edited by itself.
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
