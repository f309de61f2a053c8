//! Answers questions: turns each into events in the room.

use std::sync::{Arc, PoisonError};

use routedesk_matrix::{Event, RoomError};
use serde_json::Value;

use super::PLATFORM;
use super::incoming::{Asked, Message};
use super::render::{self, Answering, EventPart};
use super::room_worker::{AnsweredQuestion, OutgoingEvent, RenderedAnswer, RoomWorker, answering, now};
use crate::language::Language;
use crate::moderation::TextFile;
use crate::platform::rate_limit::Limits;
use crate::store::handled::Place;
use crate::store::posted_answers::PostedAnswer;
use crate::store::settings::CommunitySettings;
use crate::utterance::Utterance;
use crate::wording::moderation as words;

/// The number of questions whose context a room remembers. At the limit all are dropped.
const MOST_KEPT: usize = 1_000;

impl RoomWorker {
    /// Returns the response to a question or command. With `is_begun`, a part of it was sent before, so no rate limit
    /// applies.
    pub async fn outgoing_for(
        &mut self,
        event: &Event,
        message: &Message,
        asked: Asked,
        place: &Place,
        is_begun: bool,
    ) -> OutgoingEvent {
        let at = event.at_ms / 1_000;
        let settings = self.bot.settings(&self.room);
        // A person who may manage the room isn't limited, and so can always raise its limits.
        let (text, is_free) = match &asked {
            Asked::Question(text) => (text, false),
            Asked::Command("desk", rest, _) => {
                (rest, self.bot.may_look_after(&settings, &self.room, &event.sender).await)
            }
            Asked::Command(_, rest, _) => (rest, false),
        };
        let language = Language::of(text).unwrap_or(Language::English);
        if !is_begun
            && !is_free
            && let Some(rejection) = self.rejection(place, &settings, (&event.sender, at), language, true)
        {
            return rejection;
        }
        match asked {
            Asked::Command(command, rest, language) => {
                let language = Language::from_code(language).unwrap_or(Language::English);
                OutgoingEvent::Text(self.bot.obey((command, &rest), language, place, &event.sender).await)
            }
            Asked::Question(text) => {
                let context = self.context(message, &event.sender, at).await;
                self.answer_utterance(event, &event.id, Utterance { context, ..Utterance::new(text) }, place)
            }
        }
    }

    /// Answers an utterance by the sender of `event`, which is the text of the message `id`.
    pub fn answer_utterance(&mut self, event: &Event, id: &str, utterance: Utterance, place: &Place) -> OutgoingEvent {
        let at = event.at_ms / 1_000;
        let utterance = utterance.within(place.scope(PLATFORM));
        let answered = self.bot.desk.answer(&utterance);
        self.language = answered.reply.language;
        if let Some(trace) = answered.traces.last() {
            self.last_questions.put(event.sender.clone(), at, trace.words.join(" "));
        }
        if self.contexts.len() >= MOST_KEPT {
            self.contexts.clear();
        }
        self.contexts.insert(id.to_owned(), (at, utterance.context));
        if let Some(community) = &place.community {
            self.bot.moderation.keep_unanswered(community, &answered, at);
        }
        OutgoingEvent::Reply(Box::new(answered.reply))
    }

    /// Returns the response to a question over a rate limit, or `None` if it may be answered. The response is empty if
    /// the person was already told within the minute. `told` means that the person is told now.
    pub fn rejection(
        &self,
        place: &Place,
        settings: &CommunitySettings,
        (who, at): (&str, i64),
        language: Language,
        told: bool,
    ) -> Option<OutgoingEvent> {
        // In a direct chat only the limit per person applies.
        let of_place = if place.community.is_some() { settings.per_channel } else { 0 };
        let limits = Limits { person: settings.per_person, place: of_place };
        // An event's time is what its server claims, so it is used only for missed events.
        let at = if self.is_catching_up { at } else { now() };
        let wait = {
            let mut rate_limiter = self.bot.rate_limiter.lock().unwrap_or_else(PoisonError::into_inner);
            rate_limiter.check((place.community.clone(), who.to_owned()), self.room.clone(), limits, at, told)?
        };
        if wait.is_told {
            return Some(OutgoingEvent::Nothing);
        }
        let phrases = &language.pack().phrases;
        let phrase = if wait.of_place { &phrases.too_much } else { &phrases.too_fast };
        Some(OutgoingEvent::Text(phrase.replace("{seconds}", &wait.seconds.to_string())))
    }

    /// Returns the context of a message. For a reply, that is the original, if the bot or the same person sent it;
    /// otherwise it is the person's last question.
    pub async fn context(&self, message: &Message, asker: &str, at: i64) -> Option<String> {
        let Some(id) = &message.replies_to else { return self.last_questions.get(&asker.to_owned(), at) };
        let original = self.bot.account.event(&self.room, id).await.ok()?;
        if original.sender != asker && original.sender != self.bot.account.user() {
            return None;
        }
        original.content["body"].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Sends a response as replies to a question, without its first `said` parts, and marks the question as answered,
    /// also if the homeserver refuses the response permanently. After a temporary failure the question stays unanswered
    /// and is tried again later.
    pub async fn deliver(&mut self, question: &AnsweredQuestion<'_>, outgoing: OutgoingEvent, said: usize) {
        let outcome = if let OutgoingEvent::Reply(reply) = &outgoing { Some(reply.tally()) } else { None };
        let answer = self.posted_answer_of(&outgoing, question.id).await;
        match self.say(question, outgoing, said).await {
            Ok(()) => {
                self.keep_answer(answer, question.at);
                self.mark_answered(question.id, outcome);
                self.is_mute = false;
            }
            Err(error) if error.may_pass => {
                self.owes = true;
                tracing::error!(what = %error, "answer not sent, retrying");
            }
            Err(error) => {
                self.mark_answered(question.id, outcome.map(|_| "failed"));
                if !std::mem::replace(&mut self.is_mute, true) {
                    let room = &self.room;
                    tracing::error!(what = %error, room, "answers refused in this room; check the bot's power level");
                }
            }
        }
    }

    /// Returns the recipe of a reply to a question. `None` if the response has none, so that it can't become outdated.
    pub async fn posted_answer_of(&self, outgoing: &OutgoingEvent, question: &str) -> Option<PostedAnswer> {
        let OutgoingEvent::Reply(reply) = outgoing else { return None };
        PostedAnswer::of(reply, self.place().await.scope(PLATFORM), &self.room, question)
    }

    pub fn keep_answer(&self, answer: Option<PostedAnswer>, at: i64) {
        if let Some(answer) = answer {
            self.bot.recorded("an answer could not be stored", |records| records.keep_answer(&answer, at));
        }
    }

    /// Sends the parts of a response from number `said` on, then its file, and offers its choices.
    pub async fn say(
        &mut self,
        question: &AnsweredQuestion<'_>,
        outgoing: OutgoingEvent,
        said: usize,
    ) -> Result<(), RoomError> {
        let rendered = self.rendered(outgoing);
        if rendered.parts.is_empty() {
            return Ok(());
        }
        let settings = self.bot.settings(&self.room);
        let to = answering(question, &rendered);
        let writing = self.write();
        if !self.is_catching_up {
            tracing::info!(share_us = self.received_at.elapsed().as_micros(), "sending an answer");
        }
        let mut last = None;
        let mut outcome = Ok(());
        for (at, part) in rendered.parts.iter().enumerate().skip(said) {
            let transaction = format!("answer-{}-{at}", question.transaction);
            match self.send(render::content(part, to, &settings), &transaction).await {
                Ok(id) => {
                    self.keep_post(&id, (question.id, at), question.at);
                    last = Some(id);
                }
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if let Some(file) = rendered.file.as_ref().filter(|_| outcome.is_ok() && said <= rendered.parts.len()) {
            let (at, transaction) = (rendered.parts.len(), format!("answer-{}-file", question.transaction));
            let given = match self.give(file, to, &settings, &transaction).await {
                Err(error) if !error.may_pass => {
                    tracing::warn!(what = %error, "a file was refused");
                    let why = render::texts(&words::not_given()).swap_remove(0);
                    self.send(render::content(&why, to, &settings), &format!("{transaction}-not")).await
                }
                given => given,
            };
            outcome = given.map(|id| self.keep_post(&id, (question.id, at), question.at));
        }
        self.stop_writing(writing);
        if let Some(last) = last {
            self.offer(question, &last, &rendered);
        }
        outcome
    }

    /// Uploads a file and sends it as a reply.
    async fn give(
        &self,
        file: &TextFile,
        to: Answering<'_>,
        settings: &CommunitySettings,
        transaction: &str,
    ) -> Result<String, RoomError> {
        let place = self.bot.account.upload(&self.room, &file.text).await?;
        self.send(render::file(file, place, to, settings), transaction).await
    }

    /// Renders a response, with the choices that it offers.
    pub fn rendered(&self, outgoing: OutgoingEvent) -> RenderedAnswer {
        match outgoing {
            OutgoingEvent::Reply(reply) => RenderedAnswer {
                parts: render::parts(&reply),
                choices: reply.choices.iter().map(|choice| choice.topic.clone()).collect(),
                language: reply.language,
                open: reply.open,
                file: None,
            },
            OutgoingEvent::Text(text) => self.only(render::texts(&text)),
            OutgoingEvent::File(text, file) => RenderedAnswer { file: Some(file), ..self.only(render::texts(&text)) },
            OutgoingEvent::Nothing => self.only(Vec::new()),
        }
    }

    fn only(&self, parts: Vec<EventPart>) -> RenderedAnswer {
        RenderedAnswer { parts, choices: Vec::new(), open: None, language: self.language, file: None }
    }

    pub async fn send(&self, content: Value, transaction: &str) -> Result<String, RoomError> {
        let _turn = self.bot.sending.acquire().await;
        self.bot.account.send(&self.room, "m.room.message", content, transaction).await
    }

    pub fn keep_post(&self, post: &str, part_of: (&str, usize), at: i64) {
        let room = &self.room;
        self.bot.recorded("a post could not be recorded", |records| records.keep_post(post, room, part_of, at));
    }

    /// Starts the typing notice.
    pub fn write(&self) -> tokio::task::JoinHandle<()> {
        let (bot, room) = (Arc::clone(&self.bot), self.room.clone());
        tokio::spawn(async move { drop(bot.account.typing(&room, true).await) })
    }

    /// Ends the typing notice.
    pub fn stop_writing(&self, writing: tokio::task::JoinHandle<()>) {
        let (bot, room) = (Arc::clone(&self.bot), self.room.clone());
        tokio::spawn(async move {
            // If the notice ended before it started, it would stay.
            let _ = writing.await;
            let _ = bot.account.typing(&room, false).await;
        });
    }
}
