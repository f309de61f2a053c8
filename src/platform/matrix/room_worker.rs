//! Handles a room's events one after the other, and answers each question once, also across a crash.
//!
//! A question is recorded before it is answered, and the record is marked afterwards. The answer's transaction id is
//! derived from the question, so that the homeserver accepts the answer once. After a start or a gap in the news, the
//! room's history shows which questions have no answer. [`open`] starts a worker.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use routedesk_matrix::Event;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::incoming::{self, Asked, Message};
use super::render::{Answering, EventPart};
use super::{SharedMatrixBot, people};
use crate::language::Language;
use crate::moderation::TextFile;
use crate::moderation::answer_updates::AnswerUpdate;
use crate::platform::last_question::LastQuestions;
use crate::store::answer_subscriptions::AnswerSubscription;
use crate::store::handled::Place;
use crate::wording::Reply;

/// The greatest age of a message that is answered, and of one whose key comes late, in seconds.
pub const ANSWERED_LATER: i64 = 60 * 60;
const READ_LATER: i64 = 24 * 60 * 60;

/// The time within which an edit of a question changes its answer, in seconds.
pub const EDITED_WITHIN: i64 = 10 * 60;

/// The time within which a number counts as a choice, in seconds.
pub const CHOSEN_WITHIN: i64 = 2 * 60;

/// A task for a room's worker.
pub enum Task {
    /// An event, and the time at which it was received.
    Event(Box<Event>, Instant),
    /// Events may have been missed.
    CatchUp,
    /// A minute has passed: retry answers that could not be sent.
    TryAgain,
    /// The keys of the encryption session with this id have arrived.
    Keys(String),
    /// The facts behind an answer have changed.
    UpdateAnswer(Box<AnswerUpdate>),
    /// A question that a person subscribed to has an answer.
    Notify(Box<(AnswerSubscription, Reply)>),
}

/// The response to a message.
pub enum OutgoingEvent {
    Reply(Box<Reply>),
    Text(String),
    /// A text with a file.
    File(String, TextFile),
    Nothing,
}

/// A rendered response, with the choices that it offers.
pub struct RenderedAnswer {
    pub parts: Vec<EventPart>,
    /// The ids of the topics to choose from.
    pub choices: Vec<String>,
    /// The words of an unanswered question, to which a person may subscribe.
    pub open: Option<String>,
    pub language: Language,
    /// The file that follows the text.
    pub file: Option<TextFile>,
}

/// The question that an answer belongs to.
pub struct AnsweredQuestion<'a> {
    /// The id under which the question is recorded: that of a message or reaction.
    pub id: &'a str,
    /// The id of the message that the answer replies to. For a reaction, it is the message that led to the offer.
    pub replies_to: &'a str,
    /// The id from which the answer's transaction ids are derived. Each edit of an answer has its own.
    pub transaction: &'a str,
    pub asker: &'a str,
    pub thread: Option<&'a str>,
    /// The time of the question, in seconds since 1970.
    pub at: i64,
}

/// The topics that a person was asked to choose from.
pub struct Choices {
    pub topics: Vec<String>,
    pub language: Language,
    /// The time of the question, in seconds since 1970.
    pub at: i64,
}

/// A message that can't be decrypted yet.
pub struct Unreadable {
    pub id: String,
    /// The id of its encryption session.
    pub session: String,
    /// The time of the message, in seconds since 1970.
    pub at: i64,
}

/// The worker of a room.
pub struct RoomWorker {
    pub bot: SharedMatrixBot,
    pub room: String,
    /// The last question of each person.
    pub last_questions: LastQuestions<String>,
    /// The time and the context of each question, for when it is edited.
    pub contexts: HashMap<String, (i64, Option<String>)>,
    /// The choices last offered to each person.
    pub choices: HashMap<String, Choices>,
    /// The messages that can't be decrypted yet.
    pub unreadable: Vec<Unreadable>,
    /// The time at which each person was last told that a message can't be read.
    pub told: HashMap<String, i64>,
    /// The language of the last answer in the room.
    pub language: Language,
    /// The encryption sessions whose keys arrived last. Keys may arrive before the message that they decrypt.
    pub sessions: VecDeque<String>,
    /// The time at which the event in progress was received.
    pub received_at: Instant,
    /// True while the worker goes through the history.
    pub is_catching_up: bool,
    /// True if something could not be sent and is tried again.
    pub owes: bool,
    /// True once it is logged that the homeserver refuses answers in the room, until an answer succeeds.
    pub is_mute: bool,
}

/// The queue of a room's worker.
pub struct Entry {
    give: UnboundedSender<Task>,
    /// True while a catch-up is queued: one is enough.
    waits: Arc<AtomicBool>,
}

impl Entry {
    /// Queues a task. Drops a catch-up if one is queued already.
    ///
    /// # Errors
    /// The task, if the worker has ended.
    pub fn put(&self, task: Task) -> Result<(), Task> {
        if matches!(task, Task::CatchUp) && self.waits.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.give.send(task).map_err(|refused| refused.0)
    }
}

/// Starts a room's worker.
pub fn open(bot: &SharedMatrixBot, room: &str) -> Entry {
    let (give, tasks) = unbounded_channel();
    let waits = Arc::new(AtomicBool::new(false));
    let worker = RoomWorker {
        bot: Arc::clone(bot),
        room: room.to_owned(),
        last_questions: LastQuestions::default(),
        contexts: HashMap::new(),
        choices: HashMap::new(),
        unreadable: Vec::new(),
        told: HashMap::new(),
        language: Language::English,
        sessions: VecDeque::new(),
        received_at: Instant::now(),
        is_catching_up: false,
        owes: false,
        is_mute: false,
    };
    tokio::spawn(worker.run(tasks, Arc::clone(&waits)));
    Entry { give, waits }
}

pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

impl RoomWorker {
    async fn run(mut self, mut tasks: UnboundedReceiver<Task>, waits: Arc<AtomicBool>) {
        let bot = Arc::clone(&self.bot);
        while let Some(task) = tasks.recv().await {
            let Ok(_open) = bot.open.try_read() else { return };
            if bot.is_closed.load(Ordering::Relaxed) {
                return;
            }
            match task {
                Task::Event(event, received_at) => {
                    self.received_at = received_at;
                    self.on_event(&event).await;
                }
                Task::CatchUp => {
                    waits.store(false, Ordering::Relaxed);
                    self.catch_up().await;
                }
                Task::TryAgain => {
                    self.forget();
                    if self.owes {
                        self.catch_up().await;
                    }
                }
                Task::Keys(session) => self.on_keys(session).await,
                Task::UpdateAnswer(update) => self.update_answer(*update).await,
                Task::Notify(due) => self.notify_one(&due.0, &due.1).await,
            }
        }
    }

    fn forget(&mut self) {
        let now = now();
        self.last_questions.forget(now);
        self.contexts.retain(|_, (at, _)| now - *at <= EDITED_WITHIN);
        self.choices.retain(|_, choices| now - choices.at <= CHOSEN_WITHIN);
        self.unreadable.retain(|message| now - message.at <= READ_LATER);
        self.told.retain(|_, at| now - *at <= ANSWERED_LATER);
    }

    async fn on_event(&mut self, event: &Event) {
        if event.sender == self.bot.account.user() || now() - event.at_ms / 1_000 > ANSWERED_LATER {
            return;
        }
        match event.kind.as_str() {
            "m.room.message" => self.on_message(event, 0).await,
            "m.room.member" if self.bot.account.is_alone(&self.room) => {
                let _ = self.bot.account.leave(&self.room).await;
            }
            _ => self.on_other(event).await,
        }
    }

    /// Handles events other than messages, also from while the bot was down.
    pub async fn on_other(&mut self, event: &Event) {
        match event.kind.as_str() {
            "m.room.encrypted" => self.on_unreadable(event).await,
            "m.reaction" => self.on_reaction(event).await,
            "m.room.redaction" => self.on_removal(event).await,
            // Only a state event counts, because it takes the permission to change the room's state.
            "m.room.tombstone" if event.state_key.as_deref() == Some("") => {
                if let Some(next) = event.content["replacement_room"].as_str() {
                    let (room, next, by) = (self.room.clone(), next.to_owned(), event.sender.clone());
                    tokio::spawn(people::follow(Arc::clone(&self.bot), room, next, by));
                }
            }
            _ => {}
        }
    }

    /// Answers a message if it is addressed to the bot, without the first `said` parts of the answer, which are already
    /// posted.
    pub async fn on_message(&mut self, event: &Event, said: usize) {
        let Some(message) = incoming::message(&event.content, self.bot.account.user()) else { return };
        if self.is_answered(&event.id) == Some(true) {
            return;
        }
        if let Some(original) = &message.replaces {
            return self.on_question_edited(event, &message, original).await;
        }
        let (place, at) = (self.place().await, event.at_ms / 1_000);
        let is_for_me = place.community.is_none() || self.is_reply_to_me(&message);
        let moderating = self.moderating(event, &message, &place, is_for_me);
        let chosen = if moderating.is_none() { self.chosen(event, &message).await } else { None };
        // Only the person's next message may choose. A file without a caption doesn't count.
        if !message.text.is_empty() && self.choices.get(&event.sender).is_some_and(|choices| choices.at <= at) {
            self.choices.remove(&event.sender);
        }
        let is_read = chosen.is_some() || moderating.is_some();
        let asked = if is_read { None } else { self.asked(&message, is_for_me).await };
        if (asked.is_none() && !is_read) || !self.take_on(&event.id, &place, at) {
            return;
        }
        self.mark_read(&event.id);
        let by_hand = match &moderating {
            None if chosen.is_none() => self.answered_by_hand(event, &message, &place).await,
            _ => None,
        };
        if let Some(outgoing) = by_hand {
            return self.deliver(&question(event, &message), outgoing, said).await;
        }
        let outgoing = match (moderating, chosen, asked) {
            (Some(line), _, _) => self.moderated(event, &message, &line, &place).await,
            (None, Some(chosen), _) => self.outgoing_for_choice(event, chosen, &place),
            (None, None, Some(asked)) => self.outgoing_for(event, &message, asked, &place, said > 0).await,
            (None, None, None) => OutgoingEvent::Nothing,
        };
        self.deliver(&question(event, &message), outgoing, said).await;
    }

    /// Returns the room as a place. Its community is the space that it is bound to, or else the room itself; a direct
    /// chat has none.
    pub async fn place(&self) -> Place {
        let is_direct = self.bot.account.is_direct(&self.room).await;
        let community = || self.bot.settings(&self.room).space.unwrap_or_else(|| self.room.clone());
        Place { channel: self.room.clone(), community: (!is_direct).then(community) }
    }

    /// Reads the question or command in a message. `None` if it isn't addressed to the bot.
    pub async fn asked(&self, message: &Message, is_for_me: bool) -> Option<Asked> {
        let me = self.bot.account.user();
        let local = me.trim_start_matches('@').split(':').next().unwrap_or_default();
        let name = self.bot.account.name(&self.room).await.unwrap_or_default();
        incoming::asked(message, &[me, local, &name], is_for_me)
    }

    pub fn is_reply_to_me(&self, message: &Message) -> bool {
        message.replies_to.as_deref().is_some_and(|id| self.is_mine(id))
    }

    pub fn is_mine(&self, event: &str) -> bool {
        self.question_of(event).is_some()
    }

    /// Returns the id of the question that an event answers. `None` if the event isn't one of the bot's answers.
    pub fn question_of(&self, event: &str) -> Option<String> {
        let room = &self.room;
        self.bot.recorded("an answer could not be looked up", |records| records.question_of(event, room)).flatten()
    }

    /// Returns the ids of the messages that answer a question, in order.
    pub fn posts(&self, question: &str) -> Vec<String> {
        let room = &self.room;
        self.bot.recorded("answers could not be looked up", |records| records.posts(question, room)).unwrap_or_default()
    }

    /// Records a message as received. Returns false if it is already answered. If the database fails it returns true,
    /// so that the message is answered all the same.
    pub fn take_on(&self, message: &str, place: &Place, at: i64) -> bool {
        let is_open = self.bot.recorded("a message could not be recorded", |records| {
            Ok(records.receive(message, place, at)? || records.is_answered(message)? == Some(false))
        });
        is_open.unwrap_or(true)
    }

    /// Returns true if a message is answered, false if it is only received. `None` if it has no record.
    pub fn is_answered(&self, message: &str) -> Option<bool> {
        self.bot.recorded("the record of a message could not be read", |records| records.is_answered(message)).flatten()
    }

    pub fn forget_post(&self, post: &str) {
        let room = &self.room;
        self.bot.recorded("a removal could not be recorded", |records| records.forget_post(post, room));
    }

    pub fn mark_answered(&self, message: &str, outcome: Option<&str>) {
        self.bot.recorded("an answer could not be recorded", |records| records.answer(message, outcome));
    }

    fn mark_read(&self, message: &str) {
        let (bot, room, message) = (Arc::clone(&self.bot), self.room.clone(), message.to_owned());
        tokio::spawn(async move { drop(bot.account.mark_read(&room, &message).await) });
    }
}

/// Returns a message as the question of an answer.
pub fn question<'a>(event: &'a Event, message: &'a Message) -> AnsweredQuestion<'a> {
    AnsweredQuestion {
        id: &event.id,
        replies_to: &event.id,
        transaction: &event.id,
        asker: &event.sender,
        thread: message.thread.as_deref(),
        at: event.at_ms / 1_000,
    }
}

pub fn answering<'a>(question: &AnsweredQuestion<'a>, rendered: &'a RenderedAnswer) -> Answering<'a> {
    Answering {
        question: question.replies_to,
        asker: question.asker,
        thread: question.thread,
        choices: &rendered.choices,
        open: rendered.open.as_deref(),
        language: rendered.language,
    }
}
