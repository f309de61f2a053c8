//! Those who wish to be told when their question has an answer: by a reaction, and taken back with it.

use routedesk_matrix::{Event, RoomError};

use super::PLATFORM;
use super::choose::language_of;
use super::hear::{self, Offer};
use super::lane::{Lane, Question, Saying, now};
use super::render;
use crate::moderation::wishes::Wished;
use crate::store::posts::Answer;
use crate::store::settings::Settings;
use crate::store::wishes::Wish;
use crate::wording::{self, Reply};

impl Lane {
    /// Keeps in mind that somebody wishes to be told of the question that a post of the bot doesn't answer.
    pub async fn on_wish(&mut self, event: &Event, post: &str, offer: Offer) {
        let (place, at) = (self.place().await, event.at_ms / 1_000);
        let language = language_of(&offer);
        let Some(question) = offer.open.filter(|_| self.take_on(&event.id, &place, at)) else { return };
        let wish = Wish {
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
        let settings = self.data.settings(&self.room);
        let hindrance = self.hindrance(&place, &settings, (&event.sender, at), language, true);
        // Who is kept in mind sees so by their own sign.
        let saying = match self.data.moderation.wish(&wish) {
            Wished::Kept(_) => Saying::Nothing,
            _ if hindrance.is_some() => Saying::Nothing,
            Wished::Answered(reply) => Saying::Reply(reply),
            Wished::TooMany => Saying::Text(phrases.room_tell_too_many.clone()),
            Wished::Trouble => Saying::Text(phrases.trouble.clone()),
        };
        let said_to = Question {
            id: &event.id,
            replies_to: post,
            transaction: &event.id,
            asker: &event.sender,
            thread: None,
            at,
        };
        self.deliver(&said_to, saying, 0).await;
    }

    /// Forgets the wish that somebody expressed by a reaction which is gone.
    pub fn forget_wish(&self, reaction: &str) {
        if let Err(error) = self.data.moderation.withdraw(reaction, None) {
            tracing::error!(%error, "a wish to be told could not be forgotten");
        }
    }

    /// Tells somebody whose question has an answer by now. The homeserver knows a second try by its transaction.
    pub async fn tell_one(&mut self, wish: &Wish, reply: &Reply) {
        match self.data.moderation.try_to_tell(wish, now()) {
            Ok(Some(_)) => {}
            // They have withdrawn, or were told of it just now.
            Ok(None) => return,
            Err(error) => return tracing::error!(%error, "it could not be recorded that somebody is told"),
        }
        match self.tell(wish, reply).await {
            Err(error) if error.may_pass => tracing::warn!(what = %error, "who wished to be told has to wait"),
            told => {
                if let Err(error) = told {
                    tracing::warn!(what = %error, "somebody who wished to be told can't be");
                }
                self.data.moderation.was_told(wish);
            }
        }
    }

    async fn tell(&mut self, wish: &Wish, reply: &Reply) -> Result<(), RoomError> {
        // They may have withdrawn while the program was away, and the room may belong to another community by now.
        let reaction = self.data.account.event(&self.room, &wish.id).await?;
        if hear::reaction(&reaction.content).is_none() || self.place().await.scope(PLATFORM) != wish.scope {
            return Ok(());
        }
        // Who asked for it is notified.
        let settings = Settings { mention: true, ..self.data.settings(&self.room) };
        let heading = wording::told(&wish.question, reply.language);
        let to = render::Answering {
            question: &wish.message,
            asker: &wish.who,
            thread: None,
            choices: &[],
            open: None,
            language: reply.language,
        };
        let now = now();
        for (at, part) in render::texts(&format!("{heading}\n{}", reply.text)).iter().enumerate() {
            let id = self.send(render::content(part, to, &settings), &format!("tell-{}-{at}", wish.id)).await?;
            self.keep_post(&id, (&wish.id, at), now);
        }
        self.keep_answer(Answer::of(reply, wish.scope.clone(), &self.room, &wish.id), now);
        Ok(())
    }
}
