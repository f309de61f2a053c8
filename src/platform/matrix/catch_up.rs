//! Handles what comes late: edits of questions, changed facts behind an answer, keys of unreadable messages, and
//! messages from while the bot was down.

use std::collections::HashMap;

use routedesk_matrix::{Event, RoomError};

use super::incoming::{self, Asked, Message};
use super::render;
use super::room_worker::{
    ANSWERED_LATER, AnsweredQuestion, EDITED_WITHIN, OutgoingEvent, RoomWorker, Unreadable, answering, now,
};
use crate::language::Language;
use crate::moderation::answer_updates::AnswerUpdate;
use crate::store::settings::CommunitySettings;
use crate::utterance::Utterance;

/// The number of unreadable messages that a room remembers. The oldest is dropped first.
const MOST_KEPT: usize = 1_000;

/// The number of encryption sessions with arrived keys that a room remembers.
const MOST_SESSIONS: usize = 100;

/// The time before a person is told again that a message can't be read, in seconds.
const TOLD_AGAIN_AFTER: i64 = 10 * 60;

impl RoomWorker {
    /// Handles an edited question: updates its answer, or answers it if it has none and is addressed to the bot now.
    pub async fn on_question_edited(&mut self, edit: &Event, message: &Message, original: &str) {
        let (posts, place, at) = (self.posts(original), self.place().await, edit.at_ms / 1_000);
        let is_for_me = place.community.is_none() || !posts.is_empty();
        let Some(Asked::Question(text)) = self.asked(message, is_for_me).await else { return };
        let first = match self.bot.account.event(&self.room, original).await {
            Ok(first) => first,
            Err(error) => {
                self.owes |= error.may_pass;
                return;
            }
        };
        let is_in_time = edit.at_ms.saturating_sub(first.at_ms) <= EDITED_WITHIN * 1_000;
        let Some(before) = incoming::message(&first.content, self.bot.account.user()) else { return };
        if first.sender != edit.sender || !is_in_time || !self.take_on(&edit.id, &place, at) {
            return;
        }
        let settings = self.bot.settings(&self.room);
        let question = AnsweredQuestion {
            id: original,
            replies_to: original,
            transaction: &edit.id,
            asker: &first.sender,
            thread: before.thread.as_deref(),
            at,
        };
        let language = Language::of(&text).unwrap_or(Language::English);
        // Over the rate limit an existing answer stays as it is, without an explanation.
        let rejection = self.rejection(&place, &settings, (&edit.sender, at), language, posts.is_empty());
        let outgoing = match rejection {
            Some(_) if !posts.is_empty() => return self.mark_answered(&edit.id, None),
            Some(rejection) => rejection,
            None => {
                let context = match self.contexts.get(original) {
                    Some((_, context)) => context.clone(),
                    None => self.context(&before, &edit.sender, at).await,
                };
                self.answer_utterance(edit, original, Utterance { context, ..Utterance::new(text) }, &place)
            }
        };
        if posts.is_empty() {
            self.take_on(original, &place, at);
            self.deliver(&question, outgoing, 0).await;
        } else {
            let answer = self.posted_answer_of(&outgoing, original).await;
            let edited = self.edit_posts(&question, &posts, outgoing, &settings).await;
            if edited.is_ok() {
                self.keep_answer(answer, at);
            }
            let Err(error) = edited else { return self.mark_answered(&edit.id, None) };
            self.owes |= error.may_pass;
            tracing::error!(what = %error, "the answer to an edited question could not be updated");
            if error.may_pass {
                return;
            }
        }
        self.mark_answered(&edit.id, None);
    }

    /// Updates an answer after the facts behind it have changed.
    pub async fn update_answer(&mut self, update: AnswerUpdate) {
        if !self.bot.moderation.is_due(&update) {
            return;
        }
        let id = &update.answer.question;
        let posts = self.posts(id);
        let done = if posts.is_empty() { Ok(()) } else { self.update_posts(&update, &posts).await };
        match done {
            Err(error) if error.may_pass => tracing::warn!(what = %error, "answer not updated, retrying"),
            // An answer whose question was removed stays as it is.
            Ok(()) | Err(_) => {
                if let Err(error) = self.bot.moderation.answer_updated(&update) {
                    tracing::error!(%error, "an updated answer could not be recorded");
                }
            }
        }
    }

    async fn update_posts(&mut self, update: &AnswerUpdate, posts: &[String]) -> Result<(), RoomError> {
        let id = &update.answer.question;
        let asked = self.bot.account.event(&self.room, id).await?;
        let transaction = format!("{id}-{}", update.revision);
        let question = AnsweredQuestion {
            id,
            replies_to: id,
            transaction: &transaction,
            asker: &asked.sender,
            thread: None,
            at: asked.at_ms / 1_000,
        };
        let settings = self.bot.settings(&self.room);
        let outgoing = OutgoingEvent::Reply(Box::new(update.reply.clone()));
        self.edit_posts(&question, posts, outgoing, &settings).await
    }

    /// Edits the messages of an answer. Adds or removes messages if the number of parts has changed.
    pub async fn edit_posts(
        &mut self,
        question: &AnsweredQuestion<'_>,
        posts: &[String],
        outgoing: OutgoingEvent,
        settings: &CommunitySettings,
    ) -> Result<(), RoomError> {
        let rendered = self.rendered(outgoing);
        let to = answering(question, &rendered);
        let mut last = None;
        for (at, part) in rendered.parts.iter().enumerate() {
            let transaction = format!("edit-{}-{at}", question.transaction);
            match posts.get(at) {
                Some(post) => {
                    self.send(render::replacement(part, post, to, settings), &transaction).await?;
                    last = Some(post.clone());
                }
                None => {
                    let id = self.send(render::content(part, to, settings), &transaction).await?;
                    self.keep_post(&id, (question.id, at), question.at);
                    last = Some(id);
                }
            }
        }
        for post in posts.iter().skip(rendered.parts.len()) {
            self.bot.account.redact(&self.room, post).await?;
            self.forget_post(post);
        }
        if let Some(last) = last {
            self.offer(question, &last, &rendered);
        }
        Ok(())
    }

    /// Remembers a message that can't be decrypted, to answer it when its key arrives. If it is surely addressed to the
    /// bot, the sender is told, once in a while.
    pub async fn on_unreadable(&mut self, event: &Event) {
        // A message that was removed names no session any more.
        let Some(session) = event.content["session_id"].as_str() else { return };
        if self.unreadable.iter().any(|message| message.id == event.id) {
            return;
        }
        if self.unreadable.len() >= MOST_KEPT {
            self.unreadable.remove(0);
        }
        let at = event.at_ms / 1_000;
        self.unreadable.push(Unreadable { id: event.id.clone(), session: session.to_owned(), at });
        if self.sessions.iter().any(|known| known == session) {
            return self.read_again(session).await;
        }
        let place = self.place().await;
        let is_for_me =
            place.community.is_none() || incoming::unreadable_reply(&event.content).is_some_and(|id| self.is_mine(id));
        if !is_for_me || self.is_answered(&event.id).is_some() || !self.take_on(&event.id, &place, at) {
            return;
        }
        let is_told = self.told.get(&event.sender).is_some_and(|told| at - told < TOLD_AGAIN_AFTER);
        if !is_told {
            self.told.insert(event.sender.clone(), at);
            self.tell_unreadable(event, at).await;
        }
    }

    /// Tells the sender that a message can't be read. This isn't a reply, because [`Self::answers_in`] takes the bot's
    /// replies for answers.
    async fn tell_unreadable(&self, event: &Event, at: i64) {
        let settings = self.bot.settings(&self.room);
        let transaction = format!("unreadable-{}", event.id);
        for part in render::texts(&self.language.pack().phrases.unreadable) {
            match self.send(render::announcement(&part, &settings), &transaction).await {
                // Recorded, so that a reply to it is addressed to the bot.
                Ok(id) => self.keep_post(&id, (&transaction, 0), at),
                Err(error) => tracing::error!(what = %error, "a notice about an unreadable message could not be sent"),
            }
        }
    }

    /// Handles arrived keys of an encryption session: answers the messages that they decrypt, and remembers the
    /// session.
    pub async fn on_keys(&mut self, session: String) {
        self.read_again(&session).await;
        self.sessions.push_back(session);
        if self.sessions.len() > MOST_SESSIONS {
            self.sessions.pop_front();
        }
    }

    /// Answers the remembered messages of a session that can be read now.
    async fn read_again(&mut self, session: &str) {
        let (waiting, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.unreadable).into_iter().partition(|message| message.session == session);
        self.unreadable = others;
        for message in waiting {
            match self.bot.account.event(&self.room, &message.id).await {
                Ok(event) if event.kind == "m.room.message" => self.on_message(&event, 0).await,
                Ok(event) if event.kind != "m.room.encrypted" => {}
                Err(error) if !error.may_pass => {}
                _ => self.unreadable.push(message),
            }
        }
    }

    /// Answers the messages of the last hour that have no answer yet, from the room's history.
    pub async fn catch_up(&mut self) {
        let since = (now() - ANSWERED_LATER) * 1_000;
        let history = match self.bot.account.history(&self.room, since).await {
            Ok(history) => history,
            Err(error) => {
                self.owes = true;
                return tracing::warn!(what = %error, "a room's history could not be read");
            }
        };
        self.owes = false;
        if self.bot.account.is_alone(&self.room) {
            let _ = self.bot.account.leave(&self.room).await;
            return;
        }
        self.is_catching_up = true;
        let answers = self.answers_in(&history);
        let last = last_edits(&history);
        for event in &history {
            // Of several edits the last one counts.
            let is_outdone =
                edited_question(event).is_some_and(|original| last[&(original, event.sender.as_str())] != event.id);
            if event.sender == self.bot.account.user() {
                self.remember_offer(event);
            } else if event.kind != "m.room.message" {
                self.on_other(event).await;
            } else if !is_outdone {
                self.make_up_for(event, answers.get(event.id.as_str()).map_or(&[], Vec::as_slice)).await;
            }
        }
        self.is_catching_up = false;
    }

    /// Answers a message from the history. `answers` holds the ids of the bot's replies to it so far.
    async fn make_up_for(&mut self, event: &Event, answers: &[&str]) {
        let at = event.at_ms / 1_000;
        let is_answered = self.is_answered(&event.id);
        if is_answered == Some(true) {
            return;
        }
        for (part, answer) in answers.iter().enumerate() {
            self.keep_post(answer, (&event.id, part), at);
        }
        if is_answered.is_none() && !answers.is_empty() {
            // The question was answered, but the record of that is lost.
            self.take_on(&event.id, &self.place().await, at);
            return self.mark_answered(&event.id, None);
        }
        self.on_message(event, answers.len()).await;
    }

    /// Returns the ids of the bot's answers in a history, by the message that they reply to. Needs no keys, because
    /// relations aren't encrypted.
    fn answers_in<'a>(&self, history: &'a [Event]) -> HashMap<&'a str, Vec<&'a str>> {
        let mut answers: HashMap<&str, Vec<&str>> = HashMap::new();
        let is_message = |event: &&Event| matches!(event.kind.as_str(), "m.room.message" | "m.room.encrypted");
        for event in history.iter().filter(|event| event.sender == self.bot.account.user()).filter(is_message) {
            let Some(question) = event.content["m.relates_to"]["m.in_reply_to"]["event_id"].as_str() else { continue };
            // The answer to a reaction replies to an earlier message but isn't that message's answer.
            if self.question_of(&event.id).is_none_or(|known| known == question) {
                answers.entry(question).or_default().push(&event.id);
            }
        }
        answers
    }
}

/// Returns the id of the message that an event edits. `None` if it isn't an edit.
fn edited_question(event: &Event) -> Option<&str> {
    let relation = &event.content["m.relates_to"];
    relation["event_id"].as_str().filter(|_| relation["rel_type"] == "m.replace")
}

/// Returns the id of the last edit of each message by each person in a history.
fn last_edits(history: &[Event]) -> HashMap<(&str, &str), &str> {
    let edits = history.iter().filter_map(|event| Some((edited_question(event)?, event)));
    edits.map(|(original, event)| ((original, event.sender.as_str()), event.id.as_str())).collect()
}
