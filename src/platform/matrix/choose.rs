//! Handles choices from the topics that the bot offers, and the removal of its answers.

use std::sync::Arc;

use routedesk_matrix::Event;

use super::PLATFORM;
use super::incoming::{self, Message, Offer};
use super::render;
use super::room_worker::{AnsweredQuestion, CHOSEN_WITHIN, Choices, OutgoingEvent, RenderedAnswer, RoomWorker};
use crate::language::Language;
use crate::store::handled::Place;

impl RoomWorker {
    /// Remembers the topics that the asker may choose from, and adds the reactions to press under `post`.
    pub fn offer(&mut self, question: &AnsweredQuestion<'_>, post: &str, rendered: &RenderedAnswer) {
        let keycaps = (1..=rendered.choices.len()).map(|number| (number.to_string(), incoming::keycap(number)));
        let bell = rendered.open.as_ref().map(|_| ("bell".to_owned(), incoming::BELL.to_owned()));
        let signs: Vec<(String, String)> = keycaps.chain(bell).collect();
        let (bot, room, post) = (Arc::clone(&self.bot), self.room.clone(), post.to_owned());
        tokio::spawn(async move {
            for (name, sign) in signs {
                let transaction = format!("key-{post}-{name}");
                if bot.account.send(&room, "m.reaction", render::reaction(&post, &sign), &transaction).await.is_err() {
                    return;
                }
            }
        });
        if !rendered.choices.is_empty() {
            let choices = Choices { topics: rendered.choices.clone(), language: rendered.language, at: question.at };
            self.choices.insert(question.asker.to_owned(), choices);
        }
    }

    /// Returns the topic that a message chooses by its number: as a reply to the offer, or as the person's next
    /// message.
    pub async fn chosen(&self, event: &Event, message: &Message) -> Option<(String, Language)> {
        let number = incoming::number(&message.text)?;
        if let Some(id) = message.replies_to.as_ref().filter(|id| self.is_mine(id)) {
            let offer = self.offered(id).await?;
            let topic = offer.topics.get(number - 1).filter(|_| offer.asker == event.sender)?;
            return Some((topic.clone(), language_of(&offer)));
        }
        let at = event.at_ms / 1_000;
        let is_in_time = |choices: &&Choices| (0..=CHOSEN_WITHIN).contains(&(at - choices.at));
        let choices = self.choices.get(&event.sender).filter(is_in_time)?;
        Some((choices.topics.get(number - 1)?.clone(), choices.language))
    }

    /// Returns the response to a choice.
    pub fn outgoing_for_choice(
        &self,
        event: &Event,
        (topic, language): (String, Language),
        place: &Place,
    ) -> OutgoingEvent {
        let settings = self.bot.settings(&self.room);
        let rejection = self.rejection(place, &settings, (&event.sender, event.at_ms / 1_000), language, true);
        let answer = || OutgoingEvent::Reply(Box::new(self.bot.desk.topic(&place.scope(PLATFORM), &topic, language)));
        rejection.unwrap_or_else(answer)
    }

    /// Returns the offer in a message of the bot. `None` if it offers nothing, isn't the bot's, or can't be read.
    pub async fn offered(&self, post: &str) -> Option<Offer> {
        let event = self.bot.account.event(&self.room, post).await.ok()?;
        let is_mine = event.sender == self.bot.account.user();
        incoming::offer(&event.content, event.correction.as_ref()).filter(|_| is_mine)
    }

    /// Remembers an offer that the bot made before a restart.
    pub fn remember_offer(&mut self, event: &Event) {
        if let Some(offer) =
            incoming::offer(&event.content, event.correction.as_ref()).filter(|offer| !offer.topics.is_empty())
        {
            let language = language_of(&offer);
            self.choices.insert(offer.asker, Choices { topics: offer.topics, language, at: event.at_ms / 1_000 });
        }
    }

    /// Handles a reaction: a keycap chooses a topic, a bin removes the answer, and a bell subscribes. Moderators have
    /// reactions of their own.
    pub async fn on_reaction(&mut self, event: &Event) {
        let Some((post, sign)) = incoming::reaction(&event.content) else { return };
        if self.is_answered(&event.id) == Some(true) {
            return;
        }
        if let Some(sign) = incoming::ModeratorReaction::of(sign) {
            return self.on_moderator_reaction(event, &post, sign).await;
        }
        let Some(asked) = self.question_of(&post) else { return };
        let (number, is_bin, is_bell) = (incoming::number(sign), incoming::is_bin(sign), incoming::is_bell(sign));
        if number.is_none() && !is_bin && !is_bell {
            return;
        }
        let Ok(original) = self.bot.account.event(&self.room, &post).await else { return };
        let Some(offer) = incoming::offer(&original.content, original.correction.as_ref()) else { return };
        let is_asker = event.sender == offer.asker;
        if is_bell {
            return self.on_subscribe(event, &post, offer).await;
        }
        if is_bin {
            let settings = self.bot.settings(&self.room);
            if is_asker || self.bot.may_look_after(&settings, &self.room, &event.sender).await {
                self.remove_answer(&asked).await;
            }
            return;
        }
        let topic = number.and_then(|number| offer.topics.get(number - 1)).filter(|_| is_asker);
        let (place, at) = (self.place().await, event.at_ms / 1_000);
        let Some(topic) = topic.filter(|_| self.take_on(&event.id, &place, at)) else { return };
        self.choices.remove(&event.sender);
        let outgoing = self.outgoing_for_choice(event, (topic.clone(), language_of(&offer)), &place);
        let relation = &original.content["m.relates_to"];
        let thread = relation["event_id"].as_str().filter(|_| relation["rel_type"] == "m.thread");
        // Each reaction counts as a question of its own. Its answer replies to the message that led to the offer.
        let question = AnsweredQuestion {
            id: &event.id,
            replies_to: &offer.question,
            transaction: &event.id,
            asker: &event.sender,
            thread,
            at,
        };
        self.deliver(&question, outgoing, 0).await;
    }

    async fn remove_answer(&mut self, question: &str) {
        for post in self.posts(question) {
            match self.bot.account.redact(&self.room, &post).await {
                Ok(()) => self.forget_post(&post),
                Err(error) => {
                    self.owes |= error.may_pass;
                    tracing::error!(what = %error, "an answer could not be removed");
                }
            }
        }
    }

    /// Handles the removal of a message or reaction: forgets it if it is an answer or a subscription, and removes its
    /// answer if the room is set to.
    pub async fn on_removal(&mut self, event: &Event) {
        let Some(removed) = &event.redacts else { return };
        self.forget_post(removed);
        self.forget_subscription(removed);
        if self.bot.settings(&self.room).follow_removal {
            self.remove_answer(removed).await;
        }
    }
}

pub fn language_of(offer: &Offer) -> Language {
    Language::from_code(&offer.language).unwrap_or(Language::English)
}
