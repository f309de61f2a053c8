//! Changes that moderators make: one revision each, based on a revision that they saw, and taken back by another.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior};

use super::entities::{
    Entities, GONE, Key, Order, SubjectTitle, json, layered, order_key, overlaid, put_together, read, subject,
    take_apart,
};
use super::revisions::{Origins, applied, apply, differences, record, verified_change, verify_citations};
use super::scope::{Scope, Seen, seen_after, seen_by};
use super::{Applied, Error, Meta, Origin, Store};
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

    fn key(&self) -> Key {
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

    fn subject(&self) -> &str {
        match self {
            Self::Claim { subject, .. } | Self::Topic { subject, .. } => subject,
            _ => "",
        }
    }
}

/// A revision: who changed what, when and why.
#[derive(Debug, Clone)]
pub struct Revision {
    /// Its number.
    pub id: i64,
    /// Whose facts it changed.
    pub scope: Scope,
    /// Who, when, where and why.
    pub meta: Meta,
    /// Whether a moderator made it; else it brought facts in.
    pub by_moderator: bool,
    /// The revision that it takes back.
    pub undoes: Option<i64>,
    /// What it changed, without the order of things.
    pub changes: Vec<Changed>,
}

/// What a revision made of a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// `source`, `subject`, `claim` or `topic`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// What it was for those of the scope, as JSON; none if it wasn't there.
    pub was: Option<String>,
    /// What it became for them.
    pub is: Option<String>,
    /// What the scope's own was: for a community none where it had the thing as all do, [`GONE`] where it took it away.
    before: Option<String>,
    /// What the scope's own became.
    after: Option<String>,
}

impl Changed {
    /// The claim before and after, if it is one.
    #[must_use]
    pub fn claims(&self) -> (Option<Claim>, Option<Claim>) {
        let claim = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str(text).ok());
        if self.kind == "claim" { (claim(&self.was), claim(&self.is)) } else { (None, None) }
    }
}

/// What taking a revision back comes to.
#[derive(Debug, Clone)]
pub enum Undone {
    /// This becomes of things.
    Edits(Vec<Edit>),
    /// These revisions changed the same meanwhile.
    Overtaken(Vec<Revision>),
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
    pub fn commit(&mut self, scope: &Scope, base: i64, edits: &[Edit], meta: &Meta) -> Result<Committed, Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut later = Vec::new();
        for edit in edits {
            later.extend(later_changes(&transaction, scope, base, &edit.key())?);
        }
        if !later.is_empty() {
            return Ok(Committed::Overtaken(revisions(&transaction, later)?));
        }
        let seen = seen_by(&transaction, scope)?;
        let mut new = seen.own.clone();
        for edit in edits {
            lay(edit, scope, &seen, &mut new)?;
        }
        let applied = commit(&transaction, &seen, new, scope, (None, Gaps::Refused), meta)?;
        transaction.commit()?;
        Ok(Committed::Made(applied))
    }

    /// What makes the facts that those of a scope saw after revision `base` equal to others, but for the order of what was
    /// there already.
    ///
    /// # Errors
    /// If the record of changes is damaged, or SQLite fails.
    pub fn difference(&self, scope: &Scope, base: i64, facts: &Facts) -> Result<Vec<Edit>, Error> {
        let _held = self.held()?;
        let now = seen_after(&self.connection, scope, base)?;
        let new = take_apart(facts);
        let (before, after) = (Order::of(&now)?, Order::of(&new)?);
        let mut edits = Vec::new();
        for key in differences(&now, &new) {
            let subject = after.subject_of(&key).or_else(|| before.subject_of(&key)).unwrap_or_default().to_owned();
            if let ("subject", Some(title)) = (key.0, facts.subjects.iter().find(|subject| subject.id == key.1)) {
                edits.push(Edit::Subject { id: key.1, title: title.title.clone() });
            } else {
                edits.extend(edit_of(key.clone(), new.get(&key), subject)?);
            }
        }
        Ok(edits)
    }

    /// Takes a revision of a scope back, as somebody decided when `base` was the newest, by another one that makes what it
    /// changed as it was before. What was changed again since then isn't touched: then those revisions are given and nothing
    /// is changed.
    ///
    /// # Errors
    /// If there is no such revision, if it brought facts in, if what it made is still used, or SQLite fails.
    pub fn undo(&mut self, scope: &Scope, base: i64, revision: i64, meta: &Meta) -> Result<Committed, Error> {
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

    /// What taking a revision back would make of things, as those of the scope see them.
    ///
    /// # Errors
    /// As [`Self::undo`].
    pub fn undone(&self, scope: &Scope, revision: i64) -> Result<Undone, Error> {
        let transaction = self.connection.unchecked_transaction()?;
        let (seen, new) = match take_back(&transaction, scope, revision, None)? {
            Ok(taken) => taken,
            Err(later) => return Ok(Undone::Overtaken(later)),
        };
        Ok(Undone::Edits(edits_between(scope, &seen, new)?))
    }

    /// Takes back every revision that moderators of a scope made after one, the newest first and by one revision, as somebody
    /// decided when `base` was the newest.
    ///
    /// # Errors
    /// If what one of them made is still used, a release changed the same in between, or SQLite fails; then nothing is
    /// changed.
    pub fn undo_all_since(&mut self, scope: &Scope, base: i64, revision: i64, meta: &Meta) -> Result<Committed, Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let newer: Vec<i64> = ids_since(&transaction, scope, base)?;
        if !newer.is_empty() {
            return Ok(Committed::Overtaken(revisions(&transaction, newer)?));
        }
        let (seen, new) = take_all_back(&transaction, scope, revision)?;
        let applied = commit(&transaction, &seen, new, scope, (None, Gaps::Left), meta)?;
        transaction.commit()?;
        Ok(Committed::Made(applied))
    }

    /// What taking back every revision that moderators of a scope made after one comes to.
    ///
    /// # Errors
    /// As [`Self::undo_all_since`].
    pub fn undone_since(&self, scope: &Scope, revision: i64) -> Result<Vec<Edit>, Error> {
        let _held = self.held()?;
        let (seen, new) = take_all_back(&self.connection, scope, revision)?;
        edits_between(scope, &seen, new)
    }

    /// The revisions that moderators of a scope made after one, the newest first.
    ///
    /// # Errors
    /// If the record of changes is damaged, or SQLite fails.
    pub fn made_since(&self, scope: &Scope, revision: i64) -> Result<Vec<Revision>, Error> {
        revisions(&self.connection, ids_since(&self.connection, scope, revision)?)
    }

    /// What lifting a revision of a community into the shared facts makes of them: its own change alone, laid over what they
    /// are now.
    ///
    /// # Errors
    /// If they differ in what it changed, or SQLite fails.
    pub fn promoted(&self, scope: &Scope, revision: i64) -> Result<Vec<Edit>, Error> {
        let _held = self.held()?;
        promoted(&self.connection, scope, revision)
    }

    /// Lifts a revision of a community into the shared facts, as somebody decided when `base` was the newest revision. What
    /// the community has then as all do is its own no more.
    ///
    /// # Errors
    /// If the shared facts differ in what it changed, or SQLite fails; then nothing is changed.
    pub fn promote(&mut self, scope: &Scope, base: i64, revision: i64, meta: &Meta) -> Result<Committed, Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let edits = promoted(&transaction, scope, revision)?;
        let mut later = Vec::new();
        for edit in &edits {
            later.extend(later_changes(&transaction, scope, base, &edit.key())?);
        }
        if !later.is_empty() {
            return Ok(Committed::Overtaken(revisions(&transaction, later)?));
        }
        let seen = seen_by(&transaction, &Scope::Shared)?;
        let mut new = seen.own.clone();
        for edit in &edits {
            lay(edit, &Scope::Shared, &seen, &mut new)?;
        }
        let applied = commit(&transaction, &seen, new, &Scope::Shared, (None, Gaps::Refused), meta)?;
        let seen = seen_by(&transaction, scope)?;
        let mut own = seen.own.clone();
        let mut order = Order::of(&own)?;
        for key in edits.iter().map(Edit::key) {
            let is_as_all = own.get(&key) == seen.shared.get(&key)
                || (own.get(&key).is_some_and(|text| text == GONE) && !seen.shared.contains_key(&key));
            if is_as_all {
                own.remove(&key);
            }
            if seen.shared.contains_key(&key) {
                order.remove(&key);
            }
        }
        order.put_into(&mut own);
        commit(&transaction, &seen, own, scope, (None, Gaps::Left), meta)?;
        transaction.commit()?;
        Ok(Committed::Made(applied))
    }

    /// Gives a community that takes another's place what that one has of its own, unless it has something already.
    ///
    /// # Errors
    /// If the record of changes is damaged, or SQLite fails; then nothing is changed.
    pub fn take_along(&mut self, from: &Scope, to: &Scope, meta: &Meta) -> Result<Applied, Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (own, there) = (seen_by(&transaction, from)?.own, seen_by(&transaction, to)?.own);
        if own.is_empty() || !there.is_empty() || *from == Scope::Shared || *to == Scope::Shared {
            return Ok(Applied::NOTHING);
        }
        let changes = differences(&there, &own);
        let origin = Origins { origin: Origin::Moderator, scope: to, release: None, undoes: None };
        let revision = record(&transaction, &there, &own, &changes, &origin, meta)?;
        transaction.commit()?;
        Ok(applied(revision, &changes))
    }

    /// A revision; none if there is none of this number in a scope. A community sees the shared ones too.
    ///
    /// # Errors
    /// If the record of changes is damaged, or SQLite fails.
    pub fn revision_of(&self, scope: &Scope, id: i64) -> Result<Option<Revision>, Error> {
        Ok(read_revision(&self.connection, id)?.filter(|found| found.scope == *scope || found.scope == Scope::Shared))
    }

    /// The revisions that changed a thing as those of a scope see it, the newest first.
    ///
    /// # Errors
    /// If the record of changes is damaged, or SQLite fails.
    pub fn history(&self, scope: &Scope, id: &str, most: u32) -> Result<Vec<Revision>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT revision FROM change JOIN revision ON revision.id = revision
             WHERE change.id = ? AND kind <> 'order' AND scope IN ('', ?) ORDER BY revision DESC LIMIT ?",
        )?;
        let ids = statement.query_map((id, scope.key(), most), |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
        revisions(&self.connection, ids)
    }

    /// The newest revisions of a scope's own.
    ///
    /// # Errors
    /// If the record of changes is damaged, or SQLite fails.
    pub fn log(&self, scope: &Scope, most: u32) -> Result<Vec<Revision>, Error> {
        let mut statement =
            self.connection.prepare_cached("SELECT id FROM revision WHERE scope = ? ORDER BY id DESC LIMIT ?")?;
        let ids = statement.query_map((scope.key(), most), |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
        revisions(&self.connection, ids)
    }

    /// The claims as those of a scope see them that were changed after a revision, with the day of the last change of each.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn claims_changed_since(&self, scope: &Scope, revision: i64) -> Result<BTreeMap<String, String>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT change.id, MAX(substr(made_at, 1, 10)) FROM change JOIN revision ON revision.id = revision
             WHERE kind = 'claim' AND revision > ? AND scope IN ('', ?) GROUP BY change.id",
        )?;
        let rows = statement.query_map((revision, scope.key()), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A claim as those of a scope saw it after a revision; none if it wasn't there.
    ///
    /// # Errors
    /// If the record of changes is damaged, or SQLite fails.
    pub fn claim_at(&self, scope: &Scope, id: &str, revision: i64) -> Result<Option<Claim>, Error> {
        let key: Key = ("claim", id.to_owned());
        let mut statement = self.connection.prepare_cached(
            "SELECT change.revision, position, kind, change.id, before, after, checksum
             FROM change JOIN revision ON revision.id = revision
             WHERE kind = 'claim' AND change.id = ? AND revision <= ? AND scope = ? ORDER BY revision DESC LIMIT 1",
        )?;
        let mut last = |scope: &str| -> Result<Option<String>, Error> {
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

    /// What a community changed and the shared facts changed after it: kind, id and the shared revision. Its own stays.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn outdated(&self, scope: &Scope) -> Result<Vec<(String, String, i64)>, Error> {
        if *scope == Scope::Shared {
            return Ok(Vec::new());
        }
        let _held = self.held()?;
        let own = seen_by(&self.connection, scope)?.own;
        let last = "SELECT COALESCE(MAX(revision), 0) FROM change JOIN revision ON revision.id = revision
                    WHERE kind = ? AND change.id = ? AND scope = ?";
        let mut statement = self.connection.prepare_cached(last)?;
        let mut outdated = Vec::new();
        for (kind, id) in own.keys().filter(|key| key.0 != "order") {
            let mut newest = |scope: &str| statement.query_row((kind, id, scope), |row| row.get::<_, i64>(0));
            let (ours, theirs) = (newest(scope.key())?, newest("")?);
            if theirs > ours {
                outdated.push(((*kind).to_owned(), id.clone(), theirs));
            }
        }
        Ok(outdated)
    }
}

/// What a revision of a community makes of the shared facts.
fn promoted(connection: &rusqlite::Connection, scope: &Scope, id: i64) -> Result<Vec<Edit>, Error> {
    let revision = read_revision(connection, id)?.filter(|found| found.scope == *scope && *scope != Scope::Shared);
    let Some(revision) = revision else { return Err(Error::Refused(format!("there is no revision {id} here"))) };
    let seen = seen_by(connection, scope)?;
    let (own, shared) = (Order::of(&seen.own)?, Order::of(&seen.shared)?);
    let mut edits: Vec<Edit> = Vec::new();
    for Changed { kind, id, was, is, .. } in &revision.changes {
        let key = (*kind, id.clone());
        let now = seen.shared.get(&key);
        let body = match (was, is, now) {
            _ if is.as_ref() == now => continue,
            _ if was.as_ref() == now => is.clone(),
            // Something that another revision made first: the whole of it is lifted.
            (Some(_), Some(is), None) => Some(is.clone()),
            _ => Some(carried(kind, was.as_ref(), is.as_ref(), now).ok_or_else(|| {
                Error::Refused(format!("what all share of {kind} `{id}` differs in the same; change it there"))
            })?),
        };
        let subject = shared.subject_of(&key).or_else(|| own.subject_of(&key)).unwrap_or_default().to_owned();
        if *kind == "subject" {
            let title = seen.all.get(&key).map(|text| read::<SubjectTitle>(text)).transpose()?;
            edits.extend(title.map(|SubjectTitle { title }| Edit::Subject { id: id.clone(), title }));
        } else {
            edits.extend(edit_of(key, body.as_ref(), subject)?);
        }
    }
    // Where it was added to a subject of the community's own, that comes along.
    let named: BTreeSet<String> = edits.iter().map(|edit| edit.subject().to_owned()).collect();
    for id in named.into_iter().filter(|id| !id.is_empty()) {
        let key = ("subject", id.clone());
        if let Some(text) = seen.all.get(&key).filter(|_| !seen.shared.contains_key(&key)) {
            let SubjectTitle { title } = read(text)?;
            edits.retain(|edit| edit.key() != key);
            edits.insert(0, Edit::Subject { id, title });
        }
    }
    Ok(edits)
}

/// The revisions after one that changed a thing as those of a scope see it.
fn later_changes(
    connection: &rusqlite::Connection,
    scope: &Scope,
    base: i64,
    (kind, id): &Key,
) -> Result<Vec<i64>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT revision FROM change JOIN revision ON revision.id = revision
         WHERE kind = ? AND change.id = ? AND revision > ? AND scope IN ('', ?) ORDER BY revision",
    )?;
    let ids = statement.query_map((kind, id, base, scope.key()), |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Lays an edit over a scope's own things.
fn lay(edit: &Edit, scope: &Scope, seen: &Seen, own: &mut Entities) -> Result<(), Error> {
    let key = edit.key();
    let is_shared = *scope != Scope::Shared && seen.shared.contains_key(&key);
    let body = edit.body();
    if is_shared {
        match body {
            Some(body) if seen.shared[&key] == body => drop(own.remove(&key)),
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
fn commit(
    transaction: &Transaction<'_>,
    seen: &Seen,
    new: Entities,
    scope: &Scope,
    (undoes, gaps): (Option<i64>, Gaps),
    meta: &Meta,
) -> Result<Applied, Error> {
    let origin = Origins { origin: Origin::Moderator, scope, release: None, undoes };
    if *scope == Scope::Shared {
        verify_names(&seen.own, &new, None)?;
        verify_sources_of_communities(transaction, &seen.own, &new)?;
        return apply(transaction, &seen.own, &new, &origin, meta);
    }
    let all = layered(&seen.shared, &new)?;
    if gaps == Gaps::Refused {
        verify_names(&overlaid(&seen.shared, &seen.own), &overlaid(&seen.shared, &new), undoes.map(|_| &seen.own))?;
    }
    verify_citations(&put_together(&all)?)?;
    let changes = differences(&seen.own, &new);
    if changes.is_empty() {
        return Ok(Applied::NOTHING);
    }
    let revision = record(transaction, &seen.own, &new, &changes, &origin, meta)?;
    Ok(applied(revision, &changes))
}

/// What becomes of topics and claims that name what isn't there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gaps {
    /// Nothing is changed.
    Refused,
    /// A community's do without: on the way back through many changes such gaps come and go.
    Left,
}

/// What topics and claims name must be there, unless it was missing before. What a community puts back may name what all
/// shared once and is gone since, it does without; but not what it takes away itself, from its `own`.
fn verify_names(before: &Entities, after: &Entities, own: Option<&Entities>) -> Result<(), Error> {
    let known = missing(before)?;
    let counts = |named: &Key| own.is_none_or(|own| own.get(named).is_some_and(|text| text != GONE));
    match missing(after)?.into_iter().find(|gap| !known.contains(gap) && counts(&gap.1)) {
        Some(((kind, id), (what, named))) => Err(Error::Refused(format!("{kind} `{id}` needs {what} `{named}`"))),
        None => Ok(()),
    }
}

/// What topics and claims name and isn't there, with what names it.
fn missing(all: &Entities) -> Result<BTreeSet<(Key, Key)>, Error> {
    let mut missing = BTreeSet::new();
    for (key, text) in all {
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
fn verify_sources_of_communities(
    connection: &rusqlite::Connection,
    now: &Entities,
    new: &Entities,
) -> Result<(), Error> {
    let gone = now.keys().filter(|key| key.0 == "source" && !new.contains_key(*key));
    let mut statement = connection.prepare_cached(
        "SELECT change.id FROM change JOIN revision ON revision.id = revision
         WHERE kind = 'claim' AND scope <> '' AND instr(after, ?) > 0 LIMIT 1",
    )?;
    for (_, id) in gone {
        let cited = format!("\"source\":{}", json(id));
        let claim: Option<String> = statement.query_row([cited], |row| row.get(0)).optional()?;
        if let Some(claim) = claim {
            return Err(Error::Refused(format!("claim `{claim}` of a community needs source `{id}`")));
        }
    }
    Ok(())
}

fn undo(transaction: &Transaction<'_>, scope: &Scope, id: i64, meta: &Meta, gaps: Gaps) -> Result<Committed, Error> {
    match take_back(transaction, scope, id, None)? {
        Ok((seen, new)) => commit(transaction, &seen, new, scope, (Some(id), gaps), meta).map(Committed::Made),
        Err(later) => Ok(Committed::Overtaken(later)),
    }
}

/// What a scope's own things are without a revision, or the revisions that changed the same since.
/// `begun` is what is seen and what others on the way back have made of the scope's own.
fn take_back(
    transaction: &rusqlite::Connection,
    scope: &Scope,
    id: i64,
    begun: Option<(Seen, Entities)>,
) -> Result<Result<(Seen, Entities), Vec<Revision>>, Error> {
    let revision = read_revision(transaction, id)?.filter(|found| found.scope == *scope);
    let Some(revision) = revision else { return Err(Error::Refused(format!("there is no revision {id} here"))) };
    if !revision.by_moderator {
        return Err(Error::Refused(format!("revision {id} brought facts in; bring others in instead")));
    }
    let (seen, now) = match begun {
        Some(begun) => begun,
        None => {
            let seen = seen_by(transaction, scope)?;
            let now = seen.own.clone();
            (seen, now)
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
        // Where a community had nothing of its own it had what all share.
        let shared = seen.shared.get(&key).filter(|_| *scope != Scope::Shared);
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
    Ok(Ok((seen, new)))
}

/// What a scope's own things are without all that its moderators made after a revision.
fn take_all_back(connection: &rusqlite::Connection, scope: &Scope, revision: i64) -> Result<(Seen, Entities), Error> {
    let seen = seen_by(connection, scope)?;
    let now = seen.own.clone();
    let mut begun = (seen, now);
    for id in ids_since(connection, scope, revision)? {
        begun = match take_back(connection, scope, id, Some(begun))? {
            Ok(taken) => taken,
            // A release came in between and changed the same.
            Err(by) => {
                let by: Vec<String> = by.iter().map(|revision| revision.id.to_string()).collect();
                return Err(Error::Refused(format!("revision {id} was overtaken by {}", by.join(", "))));
            }
        };
    }
    Ok(begun)
}

/// The revisions that moderators of a scope made after one, the newest first.
fn ids_since(connection: &rusqlite::Connection, scope: &Scope, revision: i64) -> Result<Vec<i64>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM revision WHERE scope = ? AND origin = 'moderator' AND id > ? ORDER BY id DESC",
    )?;
    let ids = statement.query_map((scope.key(), revision), |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// What becomes of things for those of a scope when its own become others.
fn edits_between(scope: &Scope, seen: &Seen, new: Entities) -> Result<Vec<Edit>, Error> {
    let all = if *scope == Scope::Shared { new } else { layered(&seen.shared, &new)? };
    let (before, after) = (Order::of(&seen.all)?, Order::of(&all)?);
    let mut edits = Vec::new();
    for key in differences(&seen.all, &all) {
        let subject = after.subject_of(&key).or_else(|| before.subject_of(&key)).unwrap_or_default().to_owned();
        edits.extend(edit_of(key.clone(), all.get(&key), subject)?);
    }
    Ok(edits)
}

/// A thing as it is now with one change of it, from something to something else, if nothing else changed the same fields
/// since; of lists only what is put in and taken out counts.
fn carried(kind: &'static str, from: Option<&String>, to: Option<&String>, now: Option<&String>) -> Option<String> {
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
    // In the order of its fields in which things are written.
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

/// What makes a thing what it is in a list of things; none for what isn't edited by itself.
fn edit_of((kind, id): Key, body: Option<&String>, subject: String) -> Result<Option<Edit>, Error> {
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

/// Puts back what had a place, exactly as it was if nothing moved since; a subject that is still used stays.
fn restore_order(
    transaction: &rusqlite::Connection,
    id: i64,
    now: &Entities,
    new: &mut Entities,
    revision: &Revision,
) -> Result<(), Error> {
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

fn revisions(connection: &rusqlite::Connection, mut ids: Vec<i64>) -> Result<Vec<Revision>, Error> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(*id));
    for id in ids {
        found.extend(read_revision(connection, id)?);
    }
    Ok(found)
}

fn read_revision(connection: &rusqlite::Connection, id: i64) -> Result<Option<Revision>, Error> {
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
        revision.changes.push(Changed { kind: key.0, id: key.1, was, is, before, after });
    }
    Ok(Some(revision))
}

/// What all shared of a thing before a revision.
fn shared_before(connection: &rusqlite::Connection, (kind, id): &Key, revision: i64) -> Result<Option<String>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT after FROM change JOIN revision ON revision.id = revision
         WHERE kind = ? AND change.id = ? AND revision < ? AND scope = '' ORDER BY revision DESC LIMIT 1",
    )?;
    Ok(statement.query_row((kind, id, revision), |row| row.get(0)).optional()?.flatten())
}
