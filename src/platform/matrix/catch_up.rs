//! What comes later: corrections of questions, keys of messages, and what was said while the program was away.

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

/// How many unreadable messages a room keeps in mind.
const MOST_KEPT: usize = 1_000;

/// How many sessions of encryption are kept in mind whose keys came.
const MOST_SESSIONS: usize = 100;

/// Who was told that a message can't be read isn't told again for so long, in seconds.
const TOLD_AGAIN_AFTER: i64 = 10 * 60;

impl RoomWorker {
    /// A corrected question: its answer says something else from now on. One that wasn't for the bot and now is, is
    /// answered.
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
        // An answer that is there stays as it is, and nobody hears why.
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
            tracing::error!(what = %error, "an answer could not be corrected");
            if error.may_pass {
                return;
            }
        }
        self.mark_answered(&edit.id, None);
    }

    /// Makes an answer of some time ago say what is right now.
    pub async fn update_answer(&mut self, update: AnswerUpdate) {
        if !self.bot.moderation.is_due(&update) {
            return;
        }
        let id = &update.answer.question;
        let posts = self.posts(id);
        let done = if posts.is_empty() { Ok(()) } else { self.update_posts(&update, &posts).await };
        match done {
            Err(error) if error.may_pass => tracing::warn!(what = %error, "a correction has to wait"),
            // An answer whose question is gone stays as it is.
            Ok(()) | Err(_) => {
                if let Err(error) = self.bot.moderation.answer_updated(&update) {
                    tracing::error!(%error, "a correction could not be recorded");
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

    /// Makes the posts of an answer say something else; there may be more of them or fewer.
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

    /// A message that can't be read: who surely meant the bot is told so, once in a while. It is answered when its key
    /// comes.
    pub async fn on_unreadable(&mut self, event: &Event) {
        // One that was removed is no longer encrypted in any way.
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

    /// Not as a reply: those are the answers, as the room's history tells.
    async fn tell_unreadable(&self, event: &Event, at: i64) {
        let settings = self.bot.settings(&self.room);
        let transaction = format!("unreadable-{}", event.id);
        for part in render::texts(&self.language.pack().phrases.unreadable) {
            match self.send(render::announcement(&part, &settings), &transaction).await {
                // Whoever replies to it speaks to the bot.
                Ok(id) => self.keep_post(&id, (&transaction, 0), at),
                Err(error) => tracing::error!(what = %error, "an unreadable message could not be answered"),
            }
        }
    }

    /// Keeps in mind that the keys of a session came, and answers what can be read with them.
    pub async fn on_keys(&mut self, session: String) {
        self.read_again(&session).await;
        self.sessions.push_back(session);
        if self.sessions.len() > MOST_SESSIONS {
            self.sessions.pop_front();
        }
    }

    /// Answers the messages that can be read now that the keys of a session came.
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

    /// Answers what was asked in the last hour and isn't answered yet, as the room's history tells.
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
            // Of several corrections the last one counts.
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

    /// Answers a message of the history, to which the bot said so much.
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
            // Answered before the record was lost.
            self.take_on(&event.id, &self.place().await, at);
            return self.mark_answered(&event.id, None);
        }
        self.on_message(event, answers.len()).await;
    }

    /// The messages in a history with which the bot answered, by what they answer; relations can be read without keys.
    fn answers_in<'a>(&self, history: &'a [Event]) -> HashMap<&'a str, Vec<&'a str>> {
        let mut answers: HashMap<&str, Vec<&str>> = HashMap::new();
        let is_message = |event: &&Event| matches!(event.kind.as_str(), "m.room.message" | "m.room.encrypted");
        for event in history.iter().filter(|event| event.sender == self.bot.account.user()).filter(is_message) {
            let Some(question) = event.content["m.relates_to"]["m.in_reply_to"]["event_id"].as_str() else { continue };
            // A reaction is answered under the message that it goes back to, and isn't that one's answer.
            if self.question_of(&event.id).is_none_or(|known| known == question) {
                answers.entry(question).or_default().push(&event.id);
            }
        }
        answers
    }
}

/// The message that an event corrects, if it does.
fn edited_question(event: &Event) -> Option<&str> {
    let relation = &event.content["m.relates_to"];
    relation["event_id"].as_str().filter(|_| relation["rel_type"] == "m.replace")
}

/// The last correction of each message by each person in a history.
fn last_edits(history: &[Event]) -> HashMap<(&str, &str), &str> {
    let edits = history.iter().filter_map(|event| Some((edited_question(event)?, event)));
    edits.map(|(original, event)| ((original, event.sender.as_str()), event.id.as_str())).collect()
}
