//! A room's lane: its events one after the other, each question answered once, also over a crash.
//!
//! A question is taken on in the database before it is answered and marked when it is. Its answer goes out under a
//! transaction that follows from the question, so that the homeserver itself knows a second try. What is owed after a
//! start or a gap the room's history tells.

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

/// How old a message may be to be answered, in seconds, and one whose key came late.
pub const ANSWERED_LATER: i64 = 60 * 60;
const READ_LATER: i64 = 24 * 60 * 60;

/// For so long a question may be corrected, in seconds.
pub const EDITED_WITHIN: i64 = 10 * 60;

/// For so long a number is taken for a choice, in seconds.
pub const CHOSEN_WITHIN: i64 = 2 * 60;

/// What a lane has to do.
pub enum Task {
    /// Something happened, as was heard then.
    Event(Box<Event>, Instant),
    /// Something may have been missed.
    CatchUp,
    /// Something could not be sent a while ago.
    TryAgain,
    /// Keys came, of a session of encryption.
    Keys(String),
    /// An answer of some time ago has to say something else.
    UpdateAnswer(Box<AnswerUpdate>),
    /// Somebody who wished to be told of a question can be told.
    Notify(Box<(AnswerSubscription, Reply)>),
}

/// What is said to a message.
pub enum OutgoingEvent {
    Reply(Box<Reply>),
    Text(String),
    /// With a file.
    File(String, TextFile),
    Nothing,
}

/// A saying as texts, with what can be done about it.
pub struct RenderedAnswer {
    pub parts: Vec<EventPart>,
    /// The ids of the topics to choose from.
    pub choices: Vec<String>,
    /// The words of a question without an answer, of which one may wish to be told.
    pub open: Option<String>,
    pub language: Language,
    /// What goes with it.
    pub file: Option<TextFile>,
}

/// A question that is answered: what the answer belongs to.
pub struct AnsweredQuestion<'a> {
    /// What is recorded as answered, and to which the posts belong.
    pub id: &'a str,
    /// The message that the answer is a reply to; where a reaction asked, the one that it goes back to.
    pub replies_to: &'a str,
    /// Under which the homeserver takes the answer once; a correction has one of its own.
    pub transaction: &'a str,
    pub asker: &'a str,
    pub thread: Option<&'a str>,
    /// When it was said, in seconds.
    pub at: i64,
}

/// Topics that somebody was asked to choose from.
pub struct Choices {
    pub topics: Vec<String>,
    pub language: Language,
    /// When the question was said, in seconds.
    pub at: i64,
}

/// A message that can't be read yet.
pub struct Unreadable {
    pub id: String,
    /// The session of encryption that it belongs to.
    pub session: String,
    /// When it was said, in seconds.
    pub at: i64,
}

/// A room's lane.
pub struct RoomWorker {
    pub bot: SharedMatrixBot,
    pub room: String,
    /// The last question of each person.
    pub last_questions: LastQuestions<String>,
    /// What each question leant on, for when it is corrected, and when it was said.
    pub contexts: HashMap<String, (i64, Option<String>)>,
    /// What each person was last asked to choose from.
    pub choices: HashMap<String, Choices>,
    /// Messages that can't be read yet.
    pub unreadable: Vec<Unreadable>,
    /// When each person was told that a message can't be read.
    pub told: HashMap<String, i64>,
    /// The language that was last spoken here.
    pub language: Language,
    /// The sessions of encryption whose keys came last: a key may be here before the event that it belongs to.
    pub sessions: VecDeque<String>,
    /// When what is being answered was heard.
    pub received_at: Instant,
    /// Whether what was missed is being made up for.
    pub is_catching_up: bool,
    /// Whether something is owed that could not be sent.
    pub owes: bool,
    /// Whether the operator was told that the bot may not speak here.
    pub is_mute: bool,
}

/// Where a room's tasks are put.
pub struct Entry {
    give: UnboundedSender<Task>,
    /// Whether a catch-up waits already: one is enough.
    waits: Arc<AtomicBool>,
}

impl Entry {
    /// Puts a task in. Gives it back if the lane has ended.
    ///
    /// # Errors
    /// The task, if nobody takes it.
    pub fn put(&self, task: Task) -> Result<(), Task> {
        if matches!(task, Task::CatchUp) && self.waits.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.give.send(task).map_err(|refused| refused.0)
    }
}

/// Opens a room's lane.
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

    /// What happened besides messages, also while the program was away.
    pub async fn on_other(&mut self, event: &Event) {
        match event.kind.as_str() {
            "m.room.encrypted" => self.on_unreadable(event).await,
            "m.reaction" => self.on_reaction(event).await,
            "m.room.redaction" => self.on_removal(event).await,
            // Only those who may set the state of a room say where it goes on.
            "m.room.tombstone" if event.state_key.as_deref() == Some("") => {
                if let Some(next) = event.content["replacement_room"].as_str() {
                    let (room, next, by) = (self.room.clone(), next.to_owned(), event.sender.clone());
                    tokio::spawn(people::follow(Arc::clone(&self.bot), room, next, by));
                }
            }
            _ => {}
        }
    }

    /// Answers a message if it is for the bot, without the first parts of the answer, of which so many are `said`.
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
        // Only the next message chooses; a file alone is none.
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

    /// The place that the room is: a direct conversation has no community, a room that is bound to a space has that.
    pub async fn place(&self) -> Place {
        let is_direct = self.bot.account.is_direct(&self.room).await;
        let community = || self.bot.settings(&self.room).space.unwrap_or_else(|| self.room.clone());
        Place { channel: self.room.clone(), community: (!is_direct).then(community) }
    }

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

    pub fn question_of(&self, event: &str) -> Option<String> {
        let room = &self.room;
        self.bot.recorded("an answer could not be looked up", |records| records.question_of(event, room)).flatten()
    }

    pub fn posts(&self, question: &str) -> Vec<String> {
        let room = &self.room;
        self.bot.recorded("answers could not be looked up", |records| records.posts(question, room)).unwrap_or_default()
    }

    /// Records that a message is taken on; false if it was answered before. Trouble with the record doesn't keep from
    /// answering.
    pub fn take_on(&self, message: &str, place: &Place, at: i64) -> bool {
        let is_open = self.bot.recorded("a message could not be recorded", |records| {
            Ok(records.receive(message, place, at)? || records.is_answered(message)? == Some(false))
        });
        is_open.unwrap_or(true)
    }

    /// Whether a message was answered; nothing if it was never taken on.
    pub fn is_answered(&self, message: &str) -> Option<bool> {
        self.bot.recorded("a record could not be read", |records| records.is_answered(message)).flatten()
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

/// What the answer to a message belongs to.
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
