//! Promotes a community's change to the shared facts.

use std::collections::BTreeSet;

use rusqlite::{Connection, TransactionBehavior};

use super::changes::{Committed, Edit, Gaps, commit, edit_of, later_changes, lay};
use super::entities::{GONE, Order, SubjectTitle, read};
use super::history::{EntityChange, read_revision, revisions};
use super::scope::{Scope, visible_facts};
use super::undo::carried;
use super::{Meta, Store, StoreError};

impl Store {
    /// Returns the edits of the shared facts that promoting a community's revision makes: only what this revision
    /// changed, applied to the current shared facts.
    ///
    /// # Errors
    /// If there is no such revision, the shared facts differ in the fields that it changed, or SQLite fails.
    pub fn promoted(&self, scope: &Scope, revision: i64) -> Result<Vec<Edit>, StoreError> {
        let _read = self.begin_read_unless_begun()?;
        promoted(&self.connection, scope, revision)
    }

    /// Promotes a community's revision to the shared facts, by one revision of those. `base` is the newest revision
    /// that the operator saw; if later ones changed the same entities, they are returned and nothing is changed.
    /// Entities of the community's overlay that then equal the shared ones are dropped from it.
    ///
    /// # Errors
    /// As [`Self::promoted`], or if the change would leave the shared facts inconsistent; then nothing is changed.
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

/// Returns the edits of the shared facts that promoting a community's revision makes.
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
            // An earlier revision of the community added the entity, so all of it is promoted.
            (Some(_), Some(is), None) => Some(is.clone()),
            _ => Some(carried(kind, was.as_ref(), is.as_ref(), now).ok_or_else(|| {
                StoreError::Refused(format!("the shared {kind} `{id}` differs in the same fields; edit it directly"))
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
    // A subject that only the community has is promoted along with what was added to it.
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
