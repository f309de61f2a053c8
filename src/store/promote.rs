//! Lifting a community's change into what all share.

use std::collections::BTreeSet;

use rusqlite::{Connection, TransactionBehavior};

use super::changes::{Committed, Edit, Gaps, commit, edit_of, later_changes, lay};
use super::entities::{GONE, Order, SubjectTitle, read};
use super::history::{EntityChange, read_revision, revisions};
use super::scope::{Scope, visible_facts};
use super::undo::carried;
use super::{Meta, Store, StoreError};

impl Store {
    /// What lifting a revision of a community into the shared facts makes of them: its own change alone, laid over what they
    /// are now.
    ///
    /// # Errors
    /// If they differ in what it changed, or SQLite fails.
    pub fn promoted(&self, scope: &Scope, revision: i64) -> Result<Vec<Edit>, StoreError> {
        let _read = self.begin_read_unless_begun()?;
        promoted(&self.connection, scope, revision)
    }

    /// Lifts a revision of a community into the shared facts, as somebody decided when `base` was the newest revision. What
    /// the community has then as all do is its own no more.
    ///
    /// # Errors
    /// If the shared facts differ in what it changed, or SQLite fails; then nothing is changed.
    pub fn promote(&mut self, scope: &Scope, base: i64, revision: i64, meta: &Meta) -> Result<Committed, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let edits = promoted(&transaction, scope, revision)?;
        let mut later = Vec::new();
        for edit in &edits {
            later.extend(later_changes(&transaction, scope, base, &edit.key())?);
        }
        if !later.is_empty() {
            return Ok(Committed::Overtaken(revisions(&transaction, later)?));
        }
        let visible = visible_facts(&transaction, &Scope::Shared)?;
        let mut new = visible.own.clone();
        for edit in &edits {
            lay(edit, &Scope::Shared, &visible, &mut new)?;
        }
        let applied = commit(&transaction, &visible, new, &Scope::Shared, (None, Gaps::Refused), meta)?;
        let visible = visible_facts(&transaction, scope)?;
        let mut own = visible.own.clone();
        let mut order = Order::of(&own)?;
        for key in edits.iter().map(Edit::key) {
            let is_as_all = own.get(&key) == visible.shared.get(&key)
                || (own.get(&key).is_some_and(|text| text == GONE) && !visible.shared.contains_key(&key));
            if is_as_all {
                own.remove(&key);
            }
            if visible.shared.contains_key(&key) {
                order.remove(&key);
            }
        }
        order.put_into(&mut own);
        commit(&transaction, &visible, own, scope, (None, Gaps::Left), meta)?;
        transaction.commit()?;
        Ok(Committed::Made(applied))
    }
}

/// What a revision of a community makes of the shared facts.
fn promoted(connection: &Connection, scope: &Scope, id: i64) -> Result<Vec<Edit>, StoreError> {
    let revision = read_revision(connection, id)?.filter(|found| found.scope == *scope && *scope != Scope::Shared);
    let Some(revision) = revision else { return Err(StoreError::Refused(format!("there is no revision {id} here"))) };
    let visible = visible_facts(connection, scope)?;
    let (own, shared, all) = (Order::of(&visible.own)?, Order::of(&visible.shared)?, visible.all()?);
    let mut edits: Vec<Edit> = Vec::new();
    for EntityChange { kind, id, was, is, .. } in &revision.changes {
        let key = (*kind, id.clone());
        let now = visible.shared.get(&key);
        let body = match (was, is, now) {
            _ if is.as_ref() == now => continue,
            _ if was.as_ref() == now => is.clone(),
            // Something that another revision made first: the whole of it is lifted.
            (Some(_), Some(is), None) => Some(is.clone()),
            _ => Some(carried(kind, was.as_ref(), is.as_ref(), now).ok_or_else(|| {
                StoreError::Refused(format!("what all share of {kind} `{id}` differs in the same; change it there"))
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
        if let Some(text) = all.get(&key).filter(|_| !visible.shared.contains_key(&key)) {
            let SubjectTitle { title } = read(text)?;
            edits.retain(|edit| edit.key() != key);
            edits.insert(0, Edit::Subject { id, title });
        }
    }
    Ok(edits)
}
