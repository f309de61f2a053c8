//! A room's lane: its events one after the other, each question answered once, also over a crash.
//!
//! A question is taken on in the database before it is answered and marked when it is. Its answer goes out under a
//! transaction that follows from the question, so that the homeserver itself knows a second try. What is owed after a
//! start or a gap the room's history tells.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use routedesk_matrix::{Event, RoomError};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::hear::{self, Asked, MARK, Message};
use super::render::{self, Answering, Part};
use super::{Data, people};
use crate::language::Language;
use crate::platform::pace::Limits;
use crate::platform::recent::Recent;
use crate::store::handled::Place;
use crate::store::settings::Settings;
use crate::utterance::Utterance;
use crate::wording::Reply;

/// How old a message may be to be answered, in seconds, and one whose key came late.
const ANSWERED_LATER: i64 = 60 * 60;
const READ_LATER: i64 = 24 * 60 * 60;

/// For so long a question may be corrected, in seconds.
const CORRECTED_WITHIN: i64 = 10 * 60;

/// For so long a number is taken for a choice, in seconds.
const CHOSEN_WITHIN: i64 = 2 * 60;

/// How many unreadable messages and corrected questions a room keeps in mind.
const MOST_KEPT: usize = 1_000;

/// What a lane has to do.
pub enum Task {
    /// Something happened.
    Event(Box<Event>),
    /// Something may have been missed.
    CatchUp,
    /// Something could not be sent a while ago.
    TryAgain,
    /// Keys came.
    Keys,
}

/// What is said to a message.
enum Saying {
    Reply(Box<Reply>),
    Text(String),
    Nothing,
}

/// A question that is answered: what the answer belongs to.
struct Question<'a> {
    id: &'a str,
    asker: &'a str,
    thread: Option<&'a str>,
    /// When it was said, in seconds.
    at: i64,
}

/// Topics that somebody was asked to choose from.
struct Choices {
    topics: Vec<String>,
    language: Language,
    /// When the question was said, in seconds.
    at: i64,
}

struct Lane {
    data: Data,
    room: String,
    /// The last question of each person.
    recent: Recent<String>,
    /// What each question leant on, for when it is corrected, and when it was said.
    contexts: HashMap<String, (i64, Option<String>)>,
    /// What each person was last asked to choose from.
    choices: HashMap<String, Choices>,
    /// Messages that can't be read yet, with when they were said.
    unreadable: Vec<(String, i64)>,
    /// The language that was last spoken here.
    language: Language,
    /// Whether something is owed that could not be sent.
    owes: bool,
    /// Whether the operator was told that the bot may not speak here.
    is_mute: bool,
}

/// Opens a room's lane.
pub fn open(data: &Data, room: &str) -> UnboundedSender<Task> {
    let (give, tasks) = unbounded_channel();
    let lane = Lane {
        data: Arc::clone(data),
        room: room.to_owned(),
        recent: Recent::default(),
        contexts: HashMap::new(),
        choices: HashMap::new(),
        unreadable: Vec::new(),
        language: Language::English,
        owes: false,
        is_mute: false,
    };
    tokio::spawn(lane.run(tasks));
    give
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

impl Lane {
    async fn run(mut self, mut tasks: UnboundedReceiver<Task>) {
        let data = Arc::clone(&self.data);
        while let Some(task) = tasks.recv().await {
            let Ok(_open) = data.open.try_read() else { return };
            match task {
                Task::Event(event) => self.on_event(&event).await,
                Task::CatchUp => self.catch_up().await,
                Task::TryAgain => {
                    self.forget();
                    if self.owes {
                        self.catch_up().await;
                    }
                    self.read_again().await;
                }
                Task::Keys => self.read_again().await,
            }
        }
    }

    fn forget(&mut self) {
        let now = now();
        self.recent.forget(now);
        self.contexts.retain(|_, (at, _)| now - *at <= CORRECTED_WITHIN);
        self.choices.retain(|_, choices| now - choices.at <= CHOSEN_WITHIN);
        self.unreadable.retain(|(_, at)| now - *at <= READ_LATER);
    }

    async fn on_event(&mut self, event: &Event) {
        if event.sender == self.data.account.user() || now() - event.at_ms / 1_000 > ANSWERED_LATER {
            return;
        }
        match event.kind.as_str() {
            "m.room.message" => self.on_message(event, 0).await,
            "m.room.encrypted" => self.on_unreadable(event).await,
            "m.reaction" => self.on_reaction(event).await,
            "m.room.redaction" => self.on_removal(event).await,
            "m.room.tombstone" => {
                if let Some(next) = event.content["replacement_room"].as_str() {
                    let (room, next, by) = (self.room.clone(), next.to_owned(), event.sender.clone());
                    tokio::spawn(people::follow(Arc::clone(&self.data), room, next, by));
                }
            }
            "m.room.member" if self.data.account.is_alone(&self.room) => {
                let _ = self.data.account.leave(&self.room).await;
            }
            _ => {}
        }
    }

    /// Answers a message if it is for the bot, without the first parts of the answer, of which so many are `said`.
    async fn on_message(&mut self, event: &Event, said: usize) {
        let Some(message) = hear::message(&event.content, self.data.account.user()) else { return };
        if let Some(original) = &message.replaces {
            return self.on_correction(event, &message, original).await;
        }
        let place = self.place().await;
        if let Some((topic, language)) = self.chosen(event, &message).await {
            if self.take_on(&event.id, &place, event.at_ms / 1_000) {
                let saying = Saying::Reply(Box::new(self.data.desk.topic(&topic, language)));
                self.deliver(&question(event, &message), saying, said).await;
            }
            return;
        }
        let is_for_me = place.community.is_none() || self.is_reply_to_me(&message);
        let Some(asked) = self.asked(&message, is_for_me).await else { return };
        self.choices.remove(&event.sender);
        if !self.take_on(&event.id, &place, event.at_ms / 1_000) {
            return;
        }
        self.mark_read(&event.id);
        let saying = self.saying(event, &message, asked, &place, said > 0).await;
        self.deliver(&question(event, &message), saying, said).await;
    }

    /// The place that the room is: a direct conversation has no community.
    async fn place(&self) -> Place {
        let is_direct = self.data.account.is_direct(&self.room).await;
        Place { channel: self.room.clone(), community: (!is_direct).then(|| self.room.clone()) }
    }

    async fn asked(&self, message: &Message, is_for_me: bool) -> Option<Asked> {
        let me = self.data.account.user();
        let local = me.trim_start_matches('@').split(':').next().unwrap_or_default();
        let name = self.data.account.name(&self.room).await.unwrap_or_default();
        hear::asked(message, &[me, local, &name], is_for_me)
    }

    fn is_reply_to_me(&self, message: &Message) -> bool {
        message.replies_to.as_deref().is_some_and(|id| self.is_mine(id))
    }

    fn is_mine(&self, event: &str) -> bool {
        self.question_of(event).is_some()
    }

    fn question_of(&self, event: &str) -> Option<String> {
        self.data.recorded("an answer could not be looked up", |records| records.question_of(event)).flatten()
    }

    fn posts(&self, question: &str) -> Vec<String> {
        self.data.recorded("answers could not be looked up", |records| records.posts(question)).unwrap_or_default()
    }

    /// Records that a message is taken on; false if it was answered before. Trouble with the record doesn't keep from
    /// answering.
    fn take_on(&self, message: &str, place: &Place, at: i64) -> bool {
        let is_open = self.data.recorded("a message could not be recorded", |records| {
            Ok(records.receive(message, place, at)? || records.is_answered(message)? == Some(false))
        });
        is_open.unwrap_or(true)
    }

    fn mark_answered(&self, message: &str) {
        self.data.recorded("an answer could not be recorded", |records| records.answer(message));
    }

    fn mark_read(&self, message: &str) {
        let (data, room, message) = (Arc::clone(&self.data), self.room.clone(), message.to_owned());
        tokio::spawn(async move { drop(data.account.mark_read(&room, &message).await) });
    }

    async fn saying(
        &mut self,
        event: &Event,
        message: &Message,
        asked: Asked,
        place: &Place,
        is_begun: bool,
    ) -> Saying {
        let at = event.at_ms / 1_000;
        let settings = self.data.settings(&self.room);
        // Who looks after the room must be able to raise its limits.
        let (text, is_free) = match &asked {
            Asked::Question(text) => (text, false),
            Asked::Command("desk", rest, _) => {
                (rest, self.data.may_look_after(&settings, &self.room, &event.sender).await)
            }
            Asked::Command(_, rest, _) => (rest, false),
        };
        if !is_begun
            && !is_free
            && let Some(hindrance) = self.hindrance(place, &settings, &event.sender, text, at)
        {
            return hindrance;
        }
        match asked {
            Asked::Command(command, rest, language) => {
                let language = Language::from_code(language).unwrap_or(Language::English);
                Saying::Text(self.data.obey((command, &rest), language, &self.room, &event.sender).await)
            }
            Asked::Question(text) => {
                let context = self.context(message, &event.sender, at).await;
                self.hear(event, &event.id, Utterance { text, context }, place)
            }
        }
    }

    /// What the desk says to an utterance of somebody, which stands in the message `id`.
    fn hear(&mut self, event: &Event, id: &str, utterance: Utterance, place: &Place) -> Saying {
        let at = event.at_ms / 1_000;
        let heard = self.data.desk.hear(&utterance);
        self.language = heard.reply.language;
        if let Some(trace) = heard.traces.last() {
            self.recent.put(event.sender.clone(), at, trace.words.join(" "));
        }
        if self.contexts.len() >= MOST_KEPT {
            self.contexts.clear();
        }
        self.contexts.insert(id.to_owned(), (at, utterance.context));
        if let Some(community) = &place.community {
            let days = self.data.settings(community).keep_days;
            for question in heard.unanswered() {
                self.data.recorded("a question without an answer could not be kept", |records| {
                    records.keep_question(community, &question, at, days)
                });
            }
        }
        Saying::Reply(Box::new(heard.reply))
    }

    /// Why a message isn't answered; none if it is. Who was told a short while ago isn't told again.
    fn hindrance(&self, place: &Place, settings: &Settings, who: &str, text: &str, at: i64) -> Option<Saying> {
        // In a direct conversation there is one person to count for.
        let of_place = if place.community.is_some() { settings.per_channel } else { 0 };
        let limits = Limits { person: settings.per_person, place: of_place };
        let wait = {
            let mut pace = self.data.pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.hold((place.community.clone(), who.to_owned()), self.room.clone(), limits, at, true)?
        };
        if wait.is_told {
            return Some(Saying::Nothing);
        }
        let phrases = &Language::of(text).unwrap_or(Language::English).pack().phrases;
        let phrase = if wait.of_place { &phrases.too_much } else { &phrases.too_fast };
        Some(Saying::Text(phrase.replace("{seconds}", &wait.seconds.to_string())))
    }

    /// What a message leans on: what it replies to, if that is the bot's or the same person's, or else what the person
    /// asked last.
    async fn context(&self, message: &Message, asker: &str, at: i64) -> Option<String> {
        let Some(id) = &message.replies_to else { return self.recent.get(&asker.to_owned(), at) };
        let original = self.data.account.event(&self.room, id).await.ok()?;
        if original.sender != asker && original.sender != self.data.account.user() {
            return None;
        }
        original.content["body"].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Says something as replies to a question, without its first `said` parts, and records that. What the homeserver
    /// refuses for good is done with; the rest is tried again later.
    async fn deliver(&mut self, question: &Question<'_>, saying: Saying, said: usize) {
        match self.say(question, saying, said).await {
            Ok(()) => {
                self.mark_answered(question.id);
                self.is_mute = false;
            }
            Err(error) if error.may_pass => {
                self.owes = true;
                tracing::error!(what = %error, "an answer has to wait");
            }
            Err(error) => {
                self.mark_answered(question.id);
                if !std::mem::replace(&mut self.is_mute, true) {
                    let room = &self.room;
                    tracing::error!(what = %error, room, "the bot may not answer here; look at its level in the room");
                }
            }
        }
    }

    async fn say(&mut self, question: &Question<'_>, saying: Saying, said: usize) -> Result<(), RoomError> {
        let (parts, choices, language) = self.parts(saying);
        let settings = self.data.settings(&self.room);
        let to = answering(question, &choices, language);
        let writing = self.write();
        let mut last = None;
        let mut outcome = Ok(());
        for (at, part) in parts.iter().enumerate().skip(said) {
            let transaction = format!("answer-{}-{at}", question.id);
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
        self.stop_writing(writing);
        if let Some(last) = last.filter(|_| !choices.is_empty()) {
            self.offer(question, &last, choices, language);
        }
        outcome
    }

    /// A saying as parts, with the topics to choose from and its language.
    fn parts(&self, saying: Saying) -> (Vec<Part>, Vec<String>, Language) {
        match saying {
            Saying::Reply(reply) => {
                let choices = reply.choices.iter().map(|choice| choice.topic.clone()).collect();
                let hint = &reply.language.pack().phrases.room_choose;
                (render::parts(&reply, hint), choices, reply.language)
            }
            Saying::Text(text) => (render::texts(&text), Vec::new(), self.language),
            Saying::Nothing => (Vec::new(), Vec::new(), self.language),
        }
    }

    async fn send(&self, content: Value, transaction: &str) -> Result<String, RoomError> {
        let _turn = self.data.sending.acquire().await;
        self.data.account.send(&self.room, "m.room.message", content, transaction).await
    }

    fn keep_post(&self, post: &str, part_of: (&str, usize), at: i64) {
        let room = &self.room;
        self.data.recorded("a post could not be recorded", |records| records.keep_post(post, room, part_of, at));
    }

    fn write(&self) -> tokio::task::JoinHandle<()> {
        let (data, room) = (Arc::clone(&self.data), self.room.clone());
        tokio::spawn(async move { drop(data.account.typing(&room, true).await) })
    }

    fn stop_writing(&self, writing: tokio::task::JoinHandle<()>) {
        let (data, room) = (Arc::clone(&self.data), self.room.clone());
        tokio::spawn(async move {
            // Not before it was begun, or it would stay.
            let _ = writing.await;
            let _ = data.account.typing(&room, false).await;
        });
    }

    /// Remembers what somebody may choose from, and puts the numbers under it.
    fn offer(&mut self, question: &Question<'_>, post: &str, topics: Vec<String>, language: Language) {
        let (data, room, post, count) = (Arc::clone(&self.data), self.room.clone(), post.to_owned(), topics.len());
        tokio::spawn(async move {
            for number in 1..=count {
                let content = render::reaction(&post, &hear::keycap(number));
                let transaction = format!("key-{post}-{number}");
                if data.account.send(&room, "m.reaction", content, &transaction).await.is_err() {
                    return;
                }
            }
        });
        self.choices.insert(question.asker.to_owned(), Choices { topics, language, at: question.at });
    }

    /// The topic that a message chooses by its number: as a reply to the offer, or as the person's next message.
    async fn chosen(&mut self, event: &Event, message: &Message) -> Option<(String, Language)> {
        let number = hear::number(&message.text)?;
        if let Some(id) = message.replies_to.as_ref().filter(|id| self.is_mine(id)) {
            let (topics, asker, language) = self.offered(id).await?;
            let topic = topics.get(number - 1).filter(|_| asker == event.sender)?;
            return Some((topic.clone(), language));
        }
        let at = event.at_ms / 1_000;
        let choices = self.choices.get(&event.sender).filter(|choices| at - choices.at <= CHOSEN_WITHIN)?;
        let topic = choices.topics.get(number - 1)?.clone();
        Some((topic, choices.language))
    }

    /// What a message of the bot offers, to whom and in which language.
    async fn offered(&self, post: &str) -> Option<(Vec<String>, String, Language)> {
        let event = self.data.account.event(&self.room, post).await.ok()?;
        let mark = event.content.get(MARK).filter(|_| event.sender == self.data.account.user())?;
        let topics = mark["choices"].as_array()?.iter().filter_map(|topic| topic.as_str().map(str::to_owned)).collect();
        let language = mark["language"].as_str().and_then(Language::from_code).unwrap_or(Language::English);
        Some((topics, mark["asker"].as_str()?.to_owned(), language))
    }

    async fn on_reaction(&mut self, event: &Event) {
        let Some((post, sign)) = hear::reaction(&event.content) else { return };
        let Some(asked) = self.question_of(&post) else { return };
        let Some((topics, asker, language)) = self.offered(&post).await else { return };
        if hear::is_bin(sign) {
            let settings = self.data.settings(&self.room);
            if event.sender == asker || self.data.may_look_after(&settings, &self.room, &event.sender).await {
                self.remove_answer(&asked).await;
            }
            return;
        }
        let topic = hear::number(sign).and_then(|number| topics.get(number - 1));
        let place = self.place().await;
        let at = event.at_ms / 1_000;
        let Some(topic) = topic.filter(|_| event.sender == asker && self.take_on(&event.id, &place, at)) else {
            return;
        };
        let original = self.data.account.event(&self.room, &post).await.ok();
        let thread = original.and_then(|post| post.content["m.relates_to"]["event_id"].as_str().map(str::to_owned));
        let saying = Saying::Reply(Box::new(self.data.desk.topic(topic, language)));
        // What is answered is the question, under the reaction's id: each press is one.
        let to = Question { id: &event.id, asker: &event.sender, thread: thread.as_deref(), at };
        self.deliver_to(&to, &asked, saying).await;
    }

    /// Says something under a reaction's id as a reply to the message that it goes back to.
    async fn deliver_to(&mut self, reaction: &Question<'_>, replied: &str, saying: Saying) {
        let (parts, _, language) = self.parts(saying);
        let settings = self.data.settings(&self.room);
        let to = Answering { question: replied, ..answering(reaction, &[], language) };
        for (at, part) in parts.iter().enumerate() {
            let transaction = format!("answer-{}-{at}", reaction.id);
            match self.send(render::content(part, to, &settings), &transaction).await {
                Ok(id) => self.keep_post(&id, (reaction.id, at), reaction.at),
                Err(error) => return tracing::error!(what = %error, "a choice could not be answered"),
            }
        }
        self.mark_answered(reaction.id);
    }

    async fn remove_answer(&self, question: &str) {
        for post in self.posts(question) {
            match self.data.account.redact(&self.room, &post).await {
                Ok(()) => {
                    self.data.recorded("a removal could not be recorded", |records| records.forget_post(&post));
                }
                Err(error) => tracing::error!(what = %error, "an answer could not be removed"),
            }
        }
    }

    async fn on_removal(&self, event: &Event) {
        let Some(removed) = &event.redacts else { return };
        self.data.recorded("a removal could not be recorded", |records| records.forget_post(removed));
        if self.data.settings(&self.room).follow_removal {
            self.remove_answer(removed).await;
        }
    }

    /// A corrected question: its answer says something else from now on. One that wasn't for the bot and now is, is
    /// answered.
    async fn on_correction(&mut self, edit: &Event, message: &Message, original: &str) {
        let Ok(first) = self.data.account.event(&self.room, original).await else { return };
        let is_in_time = edit.at_ms - first.at_ms <= CORRECTED_WITHIN * 1_000;
        let Some(before) = hear::message(&first.content, self.data.account.user()) else { return };
        if first.sender != edit.sender || !is_in_time {
            return;
        }
        let posts = self.posts(original);
        let place = self.place().await;
        let is_for_me = place.community.is_none() || !posts.is_empty() || self.is_reply_to_me(&before);
        let Some(Asked::Question(text)) = self.asked(message, is_for_me).await else { return };
        let at = edit.at_ms / 1_000;
        if !self.take_on(&edit.id, &place, at) {
            return;
        }
        let settings = self.data.settings(&self.room);
        let question = Question { id: original, asker: &first.sender, thread: before.thread.as_deref(), at };
        if self.hindrance(&place, &settings, &edit.sender, &text, at).is_none() {
            let context = match self.contexts.get(original) {
                Some((_, context)) => context.clone(),
                None => self.context(&before, &edit.sender, at).await,
            };
            let saying = self.hear(edit, original, Utterance { text, context }, &place);
            if posts.is_empty() {
                self.take_on(original, &place, at);
                self.deliver(&question, saying, 0).await;
            } else if let Err(error) = self.correct(&question, &edit.id, &posts, saying, &settings).await {
                tracing::error!(what = %error, "an answer could not be corrected");
                return;
            }
        }
        self.mark_answered(&edit.id);
    }

    /// Makes the posts of an answer say something else; there may be more of them or fewer.
    async fn correct(
        &mut self,
        question: &Question<'_>,
        edit: &str,
        posts: &[String],
        saying: Saying,
        settings: &Settings,
    ) -> Result<(), RoomError> {
        let (parts, choices, language) = self.parts(saying);
        let to = answering(question, &choices, language);
        let mut last = None;
        for (at, part) in parts.iter().enumerate() {
            let transaction = format!("edit-{edit}-{at}");
            match posts.get(at) {
                Some(post) => {
                    self.send(render::correction(part, post, to, settings), &transaction).await?;
                    last = Some(post.clone());
                }
                None => {
                    let id = self.send(render::content(part, to, settings), &transaction).await?;
                    self.keep_post(&id, (question.id, at), question.at);
                    last = Some(id);
                }
            }
        }
        for post in posts.iter().skip(parts.len()) {
            self.data.account.redact(&self.room, post).await?;
            self.data.recorded("a removal could not be recorded", |records| records.forget_post(post));
        }
        if let Some(last) = last.filter(|_| !choices.is_empty()) {
            self.offer(question, &last, choices, language);
        }
        Ok(())
    }

    /// A message that can't be read: who surely meant the bot is told so once. It is answered when its key comes.
    async fn on_unreadable(&mut self, event: &Event) {
        if self.unreadable.iter().any(|(id, _)| *id == event.id) {
            return;
        }
        if self.unreadable.len() >= MOST_KEPT {
            self.unreadable.remove(0);
        }
        let at = event.at_ms / 1_000;
        self.unreadable.push((event.id.clone(), at));
        let place = self.place().await;
        let is_for_me =
            place.community.is_none() || hear::unreadable_reply(&event.content).is_some_and(|id| self.is_mine(id));
        if !is_for_me || !self.take_on(&event.id, &place, at) {
            return;
        }
        let text = &self.language.pack().phrases.unreadable;
        let question = Question { id: &event.id, asker: &event.sender, thread: None, at };
        let to = answering(&question, &[], self.language);
        let settings = self.data.settings(&self.room);
        for part in render::texts(text) {
            let transaction = format!("unreadable-{}", event.id);
            match self.send(render::content(&part, to, &settings), &transaction).await {
                Ok(id) => self.keep_post(&id, (&transaction, 0), at),
                Err(error) => tracing::error!(what = %error, "an unreadable message could not be answered"),
            }
        }
    }

    /// Answers the messages that can be read now.
    async fn read_again(&mut self) {
        for (id, at) in std::mem::take(&mut self.unreadable) {
            match self.data.account.event(&self.room, &id).await {
                Ok(event) if event.kind != "m.room.encrypted" => {
                    if event.kind == "m.room.message" {
                        self.on_message(&event, 0).await;
                    }
                }
                Ok(_) => self.unreadable.push((id, at)),
                Err(error) if error.may_pass => self.unreadable.push((id, at)),
                Err(_) => {}
            }
        }
    }

    /// Answers what was asked in the last hour and isn't answered yet, as the room's history tells.
    async fn catch_up(&mut self) {
        let since = (now() - ANSWERED_LATER) * 1_000;
        let history = match self.data.account.history(&self.room, since).await {
            Ok(history) => history,
            Err(error) => {
                self.owes = true;
                return tracing::warn!(what = %error, "a room's history could not be read");
            }
        };
        self.owes = false;
        let me = self.data.account.user().to_owned();
        for event in history.iter().filter(|event| event.sender != me) {
            match event.kind.as_str() {
                "m.room.message" => {
                    let answers = self.answers_in(&history, &event.id);
                    let record =
                        self.data.recorded("a record could not be read", |records| records.is_answered(&event.id));
                    if record.flatten().is_none() && !answers.is_empty() {
                        // Answered before the record was lost.
                        self.take_on(&event.id, &self.place().await, event.at_ms / 1_000);
                        self.mark_answered(&event.id);
                        continue;
                    }
                    for (at, answer) in answers.iter().enumerate() {
                        self.keep_post(answer, (&event.id, at), event.at_ms / 1_000);
                    }
                    self.on_message(event, answers.len()).await;
                }
                "m.room.encrypted" => self.on_unreadable(event).await,
                "m.reaction" => self.on_reaction(event).await,
                _ => {}
            }
        }
    }

    /// The messages in a history with which the bot answered a question; relations can be read without keys.
    fn answers_in(&self, history: &[Event], question: &str) -> Vec<String> {
        let is_answer = |event: &&Event| {
            event.sender == self.data.account.user()
                && matches!(event.kind.as_str(), "m.room.message" | "m.room.encrypted")
                && event.content["m.relates_to"]["m.in_reply_to"]["event_id"] == question
                && self.question_of(&event.id).is_none_or(|known| known == question)
        };
        history.iter().filter(is_answer).map(|event| event.id.clone()).collect()
    }
}

fn question<'a>(event: &'a Event, message: &'a Message) -> Question<'a> {
    Question { id: &event.id, asker: &event.sender, thread: message.thread.as_deref(), at: event.at_ms / 1_000 }
}

fn answering<'a>(question: &Question<'a>, choices: &'a [String], language: Language) -> Answering<'a> {
    Answering { question: question.id, asker: question.asker, thread: question.thread, choices, language }
}
