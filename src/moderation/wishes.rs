//! Those who wish to be told when a question of theirs has an answer.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Moderation;
use crate::answer::Outcome;
use crate::store::wishes::Wish;
use crate::store::{Error, Scope};
use crate::utterance::Utterance;
use crate::wording::Reply;

/// What is to be said to a wish.
#[derive(Debug)]
pub enum Wished {
    /// They will be told; the wish is known by this id.
    Kept(String),
    /// They wait for too many answers already.
    TooMany,
    /// There is an answer by now.
    Answered(Box<Reply>),
    /// The database failed.
    Trouble,
}

impl Moderation {
    /// Keeps somebody's wish to be told, unless there is an answer by now.
    pub fn wish(&self, wish: &Wish) -> Wished {
        // What is changed from here on is looked at again.
        let kept = self.store().revision().and_then(|revision| match self.answer_to(wish) {
            Some(Ok(reply)) => Ok(Wished::Answered(Box::new(reply))),
            Some(Err(Trouble)) => Ok(Wished::Trouble),
            None => {
                let id = self.records().keep_wish(&Wish { revision, ..wish.clone() })?;
                Ok(id.map_or(Wished::TooMany, Wished::Kept))
            }
        });
        kept.unwrap_or_else(|error| {
            tracing::error!(%error, "a wish to be told could not be kept");
            Wished::Trouble
        })
    }

    /// The wishes of this platform that have come true, with what is to be told.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn wishes_come_true(&self) -> Result<Vec<(Wish, Reply)>, Error> {
        let newest = self.store().revision()?;
        let wishes = self.records().wishes_before(newest)?;
        let mut changed: BTreeMap<i64, Vec<Scope>> = BTreeMap::new();
        let mut due = Vec::new();
        for wish in wishes {
            let scopes = match changed.entry(wish.revision) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.store().scopes_changed_since(wish.revision)?),
            };
            // Where nothing was changed that they see nothing is asked again.
            let is_seen = |scope: &Scope| *scope == Scope::Shared || *scope == wish.scope;
            match scopes.iter().any(is_seen).then(|| self.answer_to(&wish)).flatten() {
                Some(Ok(reply)) => due.push((wish, reply)),
                // It is asked again.
                Some(Err(Trouble)) => {}
                None => self.records().has_no_answer_at(&wish.id, newest)?,
            }
        }
        Ok(due)
    }

    /// The answer to what somebody wishes to know; none if there is none.
    fn answer_to(&self, wish: &Wish) -> Option<Result<Reply, Trouble>> {
        let reply = self.desk.hear(&Utterance::new(&wish.question).within(wish.scope.clone())).reply;
        let is_answered = matches!(reply.outcome, Outcome::Answered | Outcome::Disputed);
        if reply.is_trouble { Some(Err(Trouble)) } else { is_answered.then_some(Ok(reply)) }
    }

    /// Records that somebody is about to be told. None if they need not be, because they have withdrawn; else when they
    /// were first tried to be told before, if ever.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn try_to_tell(&self, wish: &Wish, now: i64) -> Result<Option<Option<i64>>, Error> {
        self.records().try_to_tell(&wish.id, now)
    }

    /// Forgets the wish that was expressed in this way; where a person is given, only theirs.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn withdraw(&self, id: &str, who: Option<&str>) -> Result<bool, Error> {
        self.records().drop_wish(id, who)
    }

    /// Forgets what somebody wished to know in a place: they were told, or can't be.
    pub fn was_told(&self, wish: &Wish) {
        if let Err(error) = self.records().drop_wishes_like(wish) {
            tracing::error!(%error, "it could not be recorded that somebody was told");
        }
    }
}

/// The desk itself failed.
struct Trouble;
