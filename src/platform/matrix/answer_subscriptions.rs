//! Notifies people when a question of theirs has an answer. A person subscribes with a reaction, and withdraws by
//! removing it.

use routedesk_matrix::{Event, RoomError};

use super::PLATFORM;
use super::choose::language_of;
use super::incoming::{self, Offer};
use super::render;
use super::room_worker::{AnsweredQuestion, OutgoingEvent, RoomWorker, now};
use crate::moderation::answer_subscriptions::SubscribeOutcome;
use crate::store::answer_subscriptions::AnswerSubscription;
use crate::store::posted_answers::PostedAnswer;
use crate::store::settings::CommunitySettings;
use crate::wording::{self, Reply};

impl RoomWorker {
    /// Subscribes the sender of a reaction to the unanswered question of `post`, a message of the bot.
    pub async fn on_subscribe(&mut self, event: &Event, post: &str, offer: Offer) {
        let (place, at) = (self.place().await, event.at_ms / 1_000);
        let language = language_of(&offer);
        let Some(question) = offer.open.filter(|_| self.take_on(&event.id, &place, at)) else { return };
        let subscription = AnswerSubscription {
            id: event.id.clone(),
            who: event.sender.clone(),
            channel: self.room.clone(),
            message: post.to_owned(),
            scope: place.scope(PLATFORM),
            question,
            revision: 0,
            tried_at: None,
        };
        let phrases = &language.pack().phrases;
        let settings = self.bot.settings(&self.room);
        let rejection = self.rejection(&place, &settings, (&event.sender, at), language, true);
        // A stored subscription needs no reply: the person's own reaction shows it.
        let outgoing = match self.bot.moderation.subscribe(&subscription) {
            SubscribeOutcome::Kept(_) => OutgoingEvent::Nothing,
            _ if rejection.is_some() => OutgoingEvent::Nothing,
            SubscribeOutcome::Answered(reply) => OutgoingEvent::Reply(reply),
            SubscribeOutcome::TooMany => OutgoingEvent::Text(phrases.room_tell_too_many.clone()),
            SubscribeOutcome::Trouble => OutgoingEvent::Text(phrases.trouble.clone()),
        };
        let said_to = AnsweredQuestion {
            id: &event.id,
            replies_to: post,
            transaction: &event.id,
            asker: &event.sender,
            thread: None,
            at,
        };
        self.deliver(&said_to, outgoing, 0).await;
    }

    /// Withdraws the subscription of a reaction that was removed.
    pub fn forget_subscription(&self, reaction: &str) {
        if let Err(error) = self.bot.moderation.unsubscribe(reaction, None) {
            tracing::error!(%error, "a subscription could not be deleted");
        }
    }

    /// Sends a notification that is due. The transaction keeps the homeserver from posting it twice.
    pub async fn notify_one(&mut self, subscription: &AnswerSubscription, reply: &Reply) {
        match self.bot.moderation.try_to_notify(subscription, now()) {
            Ok(Some(_)) => {}
            // The subscription was withdrawn, or the person was notified a moment ago.
            Ok(None) => return,
            Err(error) => return tracing::error!(%error, "an attempt to notify could not be recorded"),
        }
        match self.notify(subscription, reply).await {
            Err(error) if error.may_pass => tracing::warn!(what = %error, "notification not sent, retrying"),
            told => {
                if let Err(error) = told {
                    tracing::warn!(what = %error, "notification refused, subscription dropped");
                }
                self.bot.moderation.was_notified(subscription);
            }
        }
    }

    async fn notify(&mut self, subscription: &AnswerSubscription, reply: &Reply) -> Result<(), RoomError> {
        // The reaction may have been removed while the bot was down, and the room may belong to another community by
        // now.
        let reaction = self.bot.account.event(&self.room, &subscription.id).await?;
        if incoming::reaction(&reaction.content).is_none() || self.place().await.scope(PLATFORM) != subscription.scope {
            return Ok(());
        }
        // The mention makes the person's client alert them.
        let settings = CommunitySettings { mention: true, ..self.bot.settings(&self.room) };
        let heading = wording::told(&subscription.question, reply.language);
        let to = render::Answering {
            question: &subscription.message,
            asker: &subscription.who,
            thread: None,
            choices: &[],
            open: None,
            language: reply.language,
        };
        let now = now();
        for (at, part) in render::texts(&format!("{heading}\n{}", reply.text)).iter().enumerate() {
            let id = self.send(render::content(part, to, &settings), &format!("tell-{}-{at}", subscription.id)).await?;
            self.keep_post(&id, (&subscription.id, at), now);
        }
        self.keep_answer(PostedAnswer::of(reply, subscription.scope.clone(), &self.room, &subscription.id), now);
        Ok(())
    }
}
