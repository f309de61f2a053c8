//! Those who wish to be told when a question of theirs has an answer.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Moderation;
use crate::answer::Outcome;
use crate::store::answer_subscriptions::AnswerSubscription;
use crate::store::{Scope, StoreError};
use crate::utterance::Utterance;
use crate::wording::Reply;

/// What is to be said to a wish.
#[derive(Debug)]
pub enum SubscribeOutcome {
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
    pub fn subscribe(&self, subscription: &AnswerSubscription) -> SubscribeOutcome {
        // What is changed from here on is looked at again.
        let kept = self.store().revision().and_then(|revision| match self.answer_to(subscription) {
            Some(Ok(reply)) => Ok(SubscribeOutcome::Answered(Box::new(reply))),
            Some(Err(Trouble)) => Ok(SubscribeOutcome::Trouble),
            None => {
                let id = self.records().keep_subscription(&AnswerSubscription { revision, ..subscription.clone() })?;
                Ok(id.map_or(SubscribeOutcome::TooMany, SubscribeOutcome::Kept))
            }
        });
        kept.unwrap_or_else(|error| {
            tracing::error!(%error, "a wish to be told could not be kept");
            SubscribeOutcome::Trouble
        })
    }

    /// The wishes of this platform that have come true, with what is to be told.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn due_notifications(&self) -> Result<Vec<(AnswerSubscription, Reply)>, StoreError> {
        let newest = self.store().revision()?;
        let subscriptions = self.records().subscriptions_before(newest)?;
        let mut changed: BTreeMap<i64, Vec<Scope>> = BTreeMap::new();
        let mut due = Vec::new();
        for subscription in subscriptions {
            let scopes = match changed.entry(subscription.revision) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.store().scopes_changed_since(subscription.revision)?),
            };
            // Where nothing was changed that they see nothing is asked again.
            let is_seen = |scope: &Scope| *scope == Scope::Shared || *scope == subscription.scope;
            match scopes.iter().any(is_seen).then(|| self.answer_to(&subscription)).flatten() {
                Some(Ok(reply)) => due.push((subscription, reply)),
                // It is asked again.
                Some(Err(Trouble)) => {}
                None => self.records().has_no_answer_at(&subscription.id, newest)?,
            }
        }
        Ok(due)
    }

    /// The answer to what somebody wishes to know; none if there is none.
    fn answer_to(&self, subscription: &AnswerSubscription) -> Option<Result<Reply, Trouble>> {
        let reply = self.desk.answer(&Utterance::new(&subscription.question).within(subscription.scope.clone())).reply;
        let is_answered = matches!(reply.outcome, Outcome::Answered | Outcome::Disputed);
        if reply.is_trouble { Some(Err(Trouble)) } else { is_answered.then_some(Ok(reply)) }
    }

    /// Records that somebody is about to be told. None if they need not be, because they have withdrawn; else when they
    /// were first tried to be told before, if ever.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn try_to_notify(
        &self,
        subscription: &AnswerSubscription,
        now: i64,
    ) -> Result<Option<Option<i64>>, StoreError> {
        self.records().try_to_notify(&subscription.id, now)
    }

    /// Forgets the wish that was expressed in this way; where a person is given, only theirs.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn unsubscribe(&self, id: &str, who: Option<&str>) -> Result<bool, StoreError> {
        self.records().drop_subscription(id, who)
    }

    /// Forgets what somebody wished to know in a place: they were told, or can't be.
    pub fn was_notified(&self, subscription: &AnswerSubscription) {
        if let Err(error) = self.records().drop_subscriptions_like(subscription) {
            tracing::error!(%error, "it could not be recorded that somebody was told");
        }
    }
}

/// The desk itself failed.
struct Trouble;
