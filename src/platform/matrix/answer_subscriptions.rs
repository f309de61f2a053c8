//! Those who wish to be told when their question has an answer: by a reaction, and taken back with it.

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
    /// Keeps in mind that somebody wishes to be told of the question that a post of the bot doesn't answer.
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
        // Who is kept in mind sees so by their own sign.
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

    /// Forgets the wish that somebody expressed by a reaction which is gone.
    pub fn forget_subscription(&self, reaction: &str) {
        if let Err(error) = self.bot.moderation.unsubscribe(reaction, None) {
            tracing::error!(%error, "a wish to be told could not be forgotten");
        }
    }

    /// Tells somebody whose question has an answer by now. The homeserver knows a second try by its transaction.
    pub async fn notify_one(&mut self, subscription: &AnswerSubscription, reply: &Reply) {
        match self.bot.moderation.try_to_notify(subscription, now()) {
            Ok(Some(_)) => {}
            // They have withdrawn, or were told of it just now.
            Ok(None) => return,
            Err(error) => return tracing::error!(%error, "it could not be recorded that somebody is told"),
        }
        match self.notify(subscription, reply).await {
            Err(error) if error.may_pass => tracing::warn!(what = %error, "who wished to be told has to wait"),
            told => {
                if let Err(error) = told {
                    tracing::warn!(what = %error, "somebody who wished to be told can't be");
                }
                self.bot.moderation.was_notified(subscription);
            }
        }
    }

    async fn notify(&mut self, subscription: &AnswerSubscription, reply: &Reply) -> Result<(), RoomError> {
        // They may have withdrawn while the program was away, and the room may belong to another community by now.
        let reaction = self.bot.account.event(&self.room, &subscription.id).await?;
        if incoming::reaction(&reaction.content).is_none() || self.place().await.scope(PLATFORM) != subscription.scope {
            return Ok(());
        }
        // Who asked for it is notified.
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
