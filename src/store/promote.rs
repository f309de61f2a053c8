//! Lifting a community's change into what all share.

use std::collections::BTreeSet;

use rusqlite::{Connection, TransactionBehavior};

use super::changes::{Committed, Edit, Gaps, commit, edit_of, later_changes, lay};
use super::entities::{GONE, Order, SubjectTitle, read};
use super::history::{Changed, read_revision, revisions};
use super::scope::{Scope, seen_by};
use super::undo::carried;
use super::{Error, Meta, Store};

impl Store {
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
}

/// What a revision of a community makes of the shared facts.
fn promoted(connection: &Connection, scope: &Scope, id: i64) -> Result<Vec<Edit>, Error> {
    let revision = read_revision(connection, id)?.filter(|found| found.scope == *scope && *scope != Scope::Shared);
    let Some(revision) = revision else { return Err(Error::Refused(format!("there is no revision {id} here"))) };
    let seen = seen_by(connection, scope)?;
    let (own, shared, all) = (Order::of(&seen.own)?, Order::of(&seen.shared)?, seen.all()?);
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
            let title = all.get(&key).map(|text| read::<SubjectTitle>(text)).transpose()?;
            edits.extend(title.map(|SubjectTitle { title }| Edit::Subject { id: id.clone(), title }));
        } else {
            edits.extend(edit_of(key, body.as_ref(), subject)?);
        }
    }
    // Where it was added to a subject of the community's own, that comes along.
    let named: BTreeSet<String> = edits.iter().map(|edit| edit.subject().to_owned()).collect();
    for id in named.into_iter().filter(|id| !id.is_empty()) {
        let key = ("subject", id.clone());
        if let Some(text) = all.get(&key).filter(|_| !seen.shared.contains_key(&key)) {
            let SubjectTitle { title } = read(text)?;
            edits.retain(|edit| edit.key() != key);
            edits.insert(0, Edit::Subject { id, title });
        }
    }
    Ok(edits)
}
