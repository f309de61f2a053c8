//! Finds the answers that people subscribed to ("tell me when you know").

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Moderation;
use crate::answer::Outcome;
use crate::store::answer_subscriptions::AnswerSubscription;
use crate::store::{Scope, StoreError};
use crate::utterance::Utterance;
use crate::wording::Reply;

/// The outcome of a subscription.
#[derive(Debug)]
pub enum SubscribeOutcome {
    /// Stored under this id.
    Kept(String),
    /// Refused: the person or the platform has too many subscriptions.
    TooMany,
    /// Not needed: the question has an answer now.
    Answered(Box<Reply>),
    /// The database failed.
    Trouble,
}

impl Moderation {
    /// Stores a subscription, unless its question has an answer now.
    pub fn subscribe(&self, subscription: &AnswerSubscription) -> SubscribeOutcome {
        // The revision is read first, so that a change during the check is looked at again.
        let kept = self.store().revision().and_then(|revision| match self.answer_to(subscription) {
            Some(Ok(reply)) => Ok(SubscribeOutcome::Answered(Box::new(reply))),
            Some(Err(Trouble)) => Ok(SubscribeOutcome::Trouble),
            None => {
                let id = self.records().keep_subscription(&AnswerSubscription { revision, ..subscription.clone() })?;
                Ok(id.map_or(SubscribeOutcome::TooMany, SubscribeOutcome::Kept))
            }
        });
        kept.unwrap_or_else(|error| {
            tracing::error!(%error, "subscription could not be stored");
            SubscribeOutcome::Trouble
        })
    }

    /// Returns the subscriptions of this platform whose questions have an answer now, with the answers.
    ///
    /// # Errors
    /// Returns an error if the database fails.
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
            // Without a change in the facts that the person sees, the answer is the same.
            let is_seen = |scope: &Scope| *scope == Scope::Shared || *scope == subscription.scope;
            match scopes.iter().any(is_seen).then(|| self.answer_to(&subscription)).flatten() {
                Some(Ok(reply)) => due.push((subscription, reply)),
                // The next call tries it again.
                Some(Err(Trouble)) => {}
                None => self.records().has_no_answer_at(&subscription.id, newest)?,
            }
        }
        Ok(due)
    }

    /// Returns the present answer to a subscription's question; `None` if there is none.
    fn answer_to(&self, subscription: &AnswerSubscription) -> Option<Result<Reply, Trouble>> {
        let reply = self.desk.answer(&Utterance::new(&subscription.question).within(subscription.scope.clone())).reply;
        let is_answered = matches!(reply.outcome, Outcome::Answered | Outcome::Disputed);
        if reply.is_trouble { Some(Err(Trouble)) } else { is_answered.then_some(Ok(reply)) }
    }

    /// Records an attempt to deliver a notification, before it is made. Returns `None` if the subscription was
    /// withdrawn. Otherwise returns the time of the first delivery attempt before this one, if there was one, in
    /// seconds since 1970 (UTC).
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn try_to_notify(
        &self,
        subscription: &AnswerSubscription,
        now: i64,
    ) -> Result<Option<Option<i64>>, StoreError> {
        self.records().try_to_notify(&subscription.id, now)
    }

    /// Deletes a subscription; with `who`, only if it is this person's. Returns true if one was deleted.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn unsubscribe(&self, id: &str, who: Option<&str>) -> Result<bool, StoreError> {
        self.records().drop_subscription(id, who)
    }

    /// Deletes a person's subscriptions to a question in a channel, after the notification was delivered or failed
    /// permanently. An error is only logged.
    pub fn was_notified(&self, subscription: &AnswerSubscription) {
        if let Err(error) = self.records().drop_subscriptions_like(subscription) {
            tracing::error!(%error, "subscription could not be deleted after the notification");
        }
    }
}

/// An internal error of the desk.
struct Trouble;
