//! Moderators keep the facts: every change is seen before it counts, recorded, and undone with one command. The commands,
//! their steps and their words are the same on each platform; a platform says who speaks and what they may do.

pub mod command;
pub mod corrections;
mod draft;
mod findings;
mod inquiry;
mod lookup;
mod queue;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use command::{Field, Form, NoCommand, Verb};
use draft::{Act, Draft, Ground};

use crate::desk::Desk;
use crate::store::records::Records;
use crate::store::{Committed, Error, Meta, Scope, Store};
use crate::wording::moderation as words;

/// How long a draft or an open step waits, in seconds.
const PATIENCE: i64 = 15 * 60;

/// How many people's steps are kept in mind.
const MOST_SESSIONS: usize = 10_000;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Ask and suggest.
    Member,
    /// Change the facts of the community.
    Moderator,
    /// Change what all share.
    Operator,
}

/// Who speaks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// The platform's id of the person.
    pub who: String,
    /// The platform's id of the community; empty where what all share is seen.
    pub community: String,
    /// What they may do there at this moment.
    pub right: Right,
}

/// Why something isn't done, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

/// What is said to a moderator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// In words.
    pub text: String,
    /// What they can do next.
    pub next: Next,
    /// The number of the step that is open now, by which a button tells that it belongs to it.
    pub step: u64,
    /// The revision that was made, with a line about it for others who look after the community.
    pub made: Option<Made>,
}

/// What somebody can do next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Next {
    /// Anything.
    #[default]
    Nothing,
    /// Say these fields of the command that is open.
    Fill(Vec<Field>),
    /// Make a change or not.
    Confirm,
}

/// A revision that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its number.
    pub revision: i64,
    /// What it did, in a line.
    pub line: String,
}

impl Said {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn step(text: String, next: Next, step: u64) -> Self {
        Self { text, next, step, made: None }
    }
}

/// What is open with somebody.
#[derive(Debug, Default)]
struct Session {
    /// When it was last touched.
    at: i64,
    open: Open,
    /// The number of the step that is open.
    step: u64,
    /// The gists and numbers of what was listed last, in its order.
    listed: Vec<queue::Item>,
}

#[derive(Debug, Default)]
enum Open {
    #[default]
    Nothing,
    /// A command that lacks a field.
    Form(Form, Field),
    /// A change that waits for a yes.
    Draft(Box<Draft>),
}

/// The moderators' side of the desk, for one platform.
pub struct Moderation {
    desk: Arc<Desk>,
    /// A connection of its own: nobody who asks waits for somebody who changes.
    store: Mutex<Store>,
    records: Mutex<Records>,
    platform: &'static str,
    sessions: Mutex<HashMap<(String, String), Session>>,
    /// How many steps were opened.
    steps: AtomicU64,
}

impl Moderation {
    /// For a platform whose records are in a database.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn open(desk: Arc<Desk>, database: &Path, platform: &'static str) -> Result<Self, Error> {
        let (records, store) = (Mutex::new(Records::open(database, platform)?), Mutex::new(Store::open(database)?));
        Ok(Self { desk, store, records, platform, sessions: Mutex::default(), steps: AtomicU64::new(0) })
    }

    /// Whether somebody's next words are an answer to a step that is open.
    #[must_use]
    pub fn awaits(&self, by: &Speaker, now: i64) -> bool {
        self.awaits_since(by, now).is_some()
    }

    /// Whether what is open with somebody is a change that waits for a yes.
    #[must_use]
    pub fn awaits_a_yes(&self, by: &Speaker) -> bool {
        self.sessions().get(&key(by)).is_some_and(|session| matches!(session.open, Open::Draft(_)))
    }

    /// Since when a step of somebody's is open; none if none is.
    #[must_use]
    pub fn awaits_since(&self, by: &Speaker, now: i64) -> Option<i64> {
        let sessions = self.sessions();
        let session = sessions.get(&key(by)).filter(|session| now - session.at <= PATIENCE);
        session.filter(|session| !matches!(session.open, Open::Nothing)).map(|session| session.at)
    }

    /// What is said to a command, given as a line.
    pub fn command(&self, by: &Speaker, line: &str, now: i64) -> Said {
        guarded(|| self.read(by, line, now))
    }

    fn read(&self, by: &Speaker, line: &str, now: i64) -> Said {
        match Form::parse(line) {
            Ok(form) => self.form(by, form, now),
            Err(NoCommand::Verb) if matches!(line.trim().to_lowercase().as_str(), "fact" | "fact help") => {
                self.form(by, Form::new(Verb::Help), now)
            }
            Err(NoCommand::Verb) if is_yes(line) || is_no(line) => self.answer(by, line, now),
            Err(NoCommand::Verb) => Said::text(words::no_such_command()),
            Err(NoCommand::Field(verb, name)) => Said::text(words::no_such_field(verb, &name)),
            Err(NoCommand::TooMuch(verb)) => Said::text(words::usage(verb)),
        }
    }

    /// What is said to a command.
    pub fn form(&self, by: &Speaker, form: Form, now: i64) -> Said {
        guarded(|| {
            self.forget(now);
            // A new command leaves what was open.
            if let Some(session) = self.sessions().get_mut(&key(by)) {
                session.open = Open::Nothing;
            }
            self.or_trouble(self.take_or_ask(by, form, now))
        })
    }

    /// Takes a command; what is wrong with a part of a change is asked for again, and the rest is kept.
    fn take_or_ask(&self, by: &Speaker, form: Form, now: i64) -> Result<Said, Failure> {
        let kept = form.clone();
        let failure = match self.take(by, form, now) {
            Err(Failure::Refused(refusal)) => refusal,
            outcome => return outcome,
        };
        match self.wrong_field(by, &kept, now) {
            Some(field) => Ok(self.ask_again(by, kept, field, &failure, now)),
            None => Err(Failure::Refused(failure)),
        }
    }

    /// The field of a change without which it could go on; none if it isn't one field's fault.
    fn wrong_field(&self, by: &Speaker, form: &Form, now: i64) -> Option<Field> {
        let changes = !matches!(
            form.verb,
            Verb::FactFind
                | Verb::FactShow
                | Verb::FactHistory
                | Verb::Why
                | Verb::Undo
                | Verb::Suggest
                | Verb::Promote
        );
        let may = by.right >= if by.community.is_empty() { Right::Operator } else { Right::Moderator };
        let grammar = form.verb.grammar();
        let fields = grammar.must.iter().chain(grammar.may).filter(|_| changes && may);
        fields.copied().find(|field| {
            let alone = form.get(*field).map(|text| Form::new(form.verb).with(*field, text));
            let is_bad = |alone: Form| {
                lookup::checked(*field, form.get(*field).unwrap_or_default()).is_err()
                    || self.is_refused(by, &alone, now)
            };
            alone.is_some_and(is_bad)
        })
    }

    /// What is said to an answer to an open step: a field, yes or no.
    pub fn answer(&self, by: &Speaker, text: &str, now: i64) -> Said {
        guarded(|| self.step(by, text, now))
    }

    fn step(&self, by: &Speaker, text: &str, now: i64) -> Said {
        let open = {
            let mut sessions = self.sessions();
            let session = sessions.get_mut(&key(by)).filter(|session| now - session.at <= PATIENCE);
            session.map(|session| std::mem::take(&mut session.open)).unwrap_or_default()
        };
        // "No" may be a value; a step is left by a word that says nothing else.
        let leaves = if matches!(open, Open::Draft(_)) { is_no(text) } else { is_cancel(text) };
        match open {
            Open::Nothing => Said::text(words::nothing_open()),
            _ if leaves => Said::text(words::cancelled()),
            // Nothing can be confirmed yet.
            Open::Form(form, field) if text.trim().eq_ignore_ascii_case("confirm") => {
                self.ask_again(by, form, field, &Refusal(words::not_yet()), now)
            }
            Open::Form(form, field) => {
                let kept = form.clone();
                match lookup::checked(field, text) {
                    Ok(text) => {
                        self.or_trouble(self.take(by, form.with(field, text), now).or_else(|failure| match failure {
                            // What was wrong with the answer is asked for again; the rest is kept.
                            Failure::Refused(refusal) => Ok(self.ask_again(by, kept, field, &refusal, now)),
                            failure => Err(failure),
                        }))
                    }
                    Err(refusal) => self.ask_again(by, kept, field, &refusal, now),
                }
            }
            Open::Draft(draft) if is_yes(text) => match self.make(by, &draft, now) {
                Err(Failure::Store(error)) if !matches!(error, Error::Refused(_)) => {
                    // Nothing was changed, and nothing is lost: it can be confirmed again.
                    tracing::error!(%error, "a moderator's change could not be made");
                    let step = self.set(by, Open::Draft(draft), now);
                    Said::step(words::confirm_again(), Next::Confirm, step)
                }
                outcome => self.or_trouble(outcome),
            },
            Open::Draft(draft) => {
                // It doesn't wait for longer because of that.
                let since = self.sessions().get(&key(by)).map_or(now, |session| session.at);
                let step = self.set(by, Open::Draft(draft), since);
                Said::step(words::confirm_or_cancel(), Next::Confirm, step)
            }
        }
    }

    /// What is said to an answer to a step of a number, as a button gives it. An older step is over.
    pub fn answer_step(&self, by: &Speaker, step: u64, text: &str, now: i64) -> Said {
        if self.is_open(by, step, now) { self.answer(by, text, now) } else { Said::text(words::nothing_open()) }
    }

    fn is_open(&self, by: &Speaker, step: u64, now: i64) -> bool {
        let is_it = |session: &Session| session.step == step && now - session.at <= PATIENCE;
        self.sessions().get(&key(by)).is_some_and(is_it)
    }

    /// The fields that an open step asks for, with what is asked.
    #[must_use]
    pub fn asked(&self, by: &Speaker, step: u64) -> Vec<Field> {
        let sessions = self.sessions();
        match sessions.get(&key(by)).filter(|session| session.step == step).map(|session| &session.open) {
            Some(Open::Form(form, field)) => fields_to_fill(form, *field),
            _ => Vec::new(),
        }
    }

    /// What may be meant by the beginning of a topic's, claim's or source's name, with their ids.
    #[must_use]
    pub fn complete(&self, by: &Speaker, field: Field, typed: &str, most: usize) -> Vec<(String, String)> {
        let Ok((facts, _)) = self.desk.facts_of(&self.scope(by)) else { return Vec::new() };
        lookup::complete(&facts, field, typed, most)
    }

    /// Fills several fields of an open command at once, as a form does.
    pub fn fill(&self, by: &Speaker, step: u64, fields: &[(Field, String)], now: i64) -> Said {
        guarded(|| self.fill_in(by, step, fields, now))
    }

    fn fill_in(&self, by: &Speaker, step: u64, fields: &[(Field, String)], now: i64) -> Said {
        if !self.is_open(by, step, now) {
            return Said::text(words::nothing_open());
        }
        let open = self.sessions().get_mut(&key(by)).map(|session| std::mem::take(&mut session.open));
        let Some(Open::Form(kept, asked)) = open else { return Said::text(words::nothing_open()) };
        let mut form = kept.clone();
        for (field, text) in fields.iter().filter(|(_, text)| !text.trim().is_empty()) {
            match lookup::checked(*field, text) {
                Ok(text) => form = form.with(*field, text),
                Err(refusal) => return self.ask_again(by, form, *field, &refusal, now),
            }
        }
        let kept = form.clone();
        self.or_trouble(self.take_or_ask(by, form, now).or_else(|failure| match failure {
            Failure::Refused(refusal) => Ok(self.ask_again(by, kept, asked, &refusal, now)),
            failure => Err(failure),
        }))
    }

    /// Whether a command as far as it is said can't be done.
    fn is_refused(&self, by: &Speaker, form: &Form, now: i64) -> bool {
        let scope = self.scope(by);
        let Ok((facts, base)) = self.desk.facts_of(&scope) else { return false };
        Ground { facts: &facts, base, scope: &scope, today: &day(now) }.missing(form).is_err()
    }

    fn ask_again(&self, by: &Speaker, form: Form, field: Field, refusal: &Refusal, now: i64) -> Said {
        let mut form = form;
        form.fields.remove(&field);
        let fields = fields_to_fill(&form, field);
        let step = self.set(by, Open::Form(form, field), now);
        Said::step(words::again(&refusal.0, field), Next::Fill(fields), step)
    }

    fn take(&self, by: &Speaker, form: Form, now: i64) -> Result<Said, Failure> {
        let mut form = form;
        for (field, text) in &mut form.fields {
            *text = lookup::checked(*field, text)?;
        }
        let needed = if matches!(form.verb, Verb::Suggest | Verb::Help) { Right::Member } else { Right::Moderator };
        let is_shared = self.scope(by) == Scope::Shared;
        let needed = if is_shared && form.verb != Verb::Help { Right::Operator } else { needed };
        let needed = if form.verb == Verb::Promote { Right::Operator } else { needed };
        if by.right < needed {
            return Err(Failure::Refused(Refusal(words::not_allowed(needed))));
        }
        let (facts, base) = self.desk.facts_of(&self.scope(by))?;
        let (scope, today) = (self.scope(by), day(now));
        let ground = Ground { facts: &facts, base, scope: &scope, today: &today };
        if let Some(field) = ground.missing(&form)? {
            let text = words::prompt(&form, field, &facts);
            let fields = fields_to_fill(&form, field);
            let step = self.set(by, Open::Form(form, field), now);
            return Ok(Said::step(text, Next::Fill(fields), step));
        }
        match form.verb {
            Verb::Help => Ok(Said::text(words::help())),
            Verb::FactFind | Verb::FactShow | Verb::FactHistory | Verb::Why | Verb::Review | Verb::Stats => {
                self.inquire(by, &form, &ground, now)
            }
            Verb::Unanswered | Verb::Suggestions | Verb::Dismiss | Verb::Decline | Verb::Suggest => {
                self.look_after_queue(by, &form, &ground, now)
            }
            Verb::Accept => self.accept(by, &form, &ground, now),
            Verb::Assign | Verb::Unknown => {
                let draft = self.draft_of_queue(by, &form, &ground)?;
                self.offer(by, draft, &ground, now)
            }
            Verb::Undo => {
                let draft = self.draft_of_undo(&form, &ground)?;
                self.offer(by, draft, &ground, now)
            }
            Verb::Promote => self.promote(by, &form, &ground, now),
            _ => {
                let draft = ground.make(&form)?;
                self.offer(by, draft, &ground, now)
            }
        }
    }

    /// Shows what a change does and waits for a yes.
    fn offer(&self, by: &Speaker, draft: Draft, ground: &Ground<'_>, now: i64) -> Result<Said, Failure> {
        let text = self.preview(by, &draft, ground)?;
        let step = self.set(by, Open::Draft(Box::new(draft)), now);
        Ok(Said::step(text, Next::Confirm, step))
    }

    /// Makes a change that was looked at.
    fn make(&self, by: &Speaker, draft: &Draft, now: i64) -> Result<Said, Failure> {
        // What somebody may do is told anew each time.
        let needed = if draft.scope == Scope::Shared { Right::Operator } else { Right::Moderator };
        if by.right < needed {
            return Err(Failure::Refused(Refusal(words::not_allowed(needed))));
        }
        let meta = Meta {
            made_at: moment(now),
            who: format!("{}:{}", self.platform, by.who),
            place: format!("{}:{}", self.platform, by.community),
            why: if draft.why.is_empty() {
                draft.lines.first().cloned().unwrap_or_default()
            } else {
                draft.why.clone()
            },
        };
        let made = self.commit(draft, &meta)?;
        match made {
            Committed::Made(applied) => {
                // The change is made, whatever becomes of this.
                if let Some(Err(Failure::Store(error))) = draft.settles.clone().map(|what| self.settle(by, what, now)) {
                    tracing::error!(%error, "what was handled could not be taken off the queue");
                }
                let Some(revision) = applied.revision else { return Ok(Said::text(words::nothing_changed())) };
                if matches!(draft.act, Act::Promote(..)) {
                    return Ok(Said::text(words::promoted(revision)));
                }
                let line = words::made_line(revision, &draft.lines);
                Ok(Said { made: Some(Made { revision, line }), ..Said::text(words::made(revision)) })
            }
            Committed::Overtaken(by) => Ok(Said::text(words::overtaken(&by))),
        }
    }

    fn commit(&self, draft: &Draft, meta: &Meta) -> Result<Committed, Error> {
        let mut store = self.store();
        match &draft.act {
            Act::Edit(edits) => store.commit(&draft.scope, draft.base, edits, meta),
            Act::Undo(revision, _) => store.undo(&draft.scope, draft.base, *revision, meta),
            Act::Promote(from, revision, _) => store.promote(from, draft.base, *revision, meta),
            Act::UndoAllSince(revision, _) => store.undo_all_since(&draft.scope, draft.base, *revision, meta),
        }
    }

    /// Gives a community that takes another's place what that one has of its own.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn take_along(&self, from: &str, to: &str, now: i64) -> Result<(), Error> {
        let meta = Meta {
            made_at: moment(now),
            who: "routedesk".to_owned(),
            place: format!("{}:{to}", self.platform),
            why: format!("taken along from {from}"),
        };
        let (from, to) = (Scope::community(self.platform, from), Scope::community(self.platform, to));
        self.store().take_along(&from, &to, &meta).map(drop)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scope(&self, by: &Speaker) -> Scope {
        if by.community.is_empty() { Scope::Shared } else { Scope::community(self.platform, &by.community) }
    }

    fn set(&self, by: &Speaker, open: Open, now: i64) -> u64 {
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let mut sessions = self.sessions();
        let session = sessions.entry(key(by)).or_default();
        (session.at, session.open, session.step) = (now, open, step);
        step
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<(String, String), Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, now: i64) {
        let mut sessions = self.sessions();
        if sessions.len() >= MOST_SESSIONS {
            sessions.retain(|_, session| now - session.at <= PATIENCE);
        }
    }

    fn or_trouble(&self, outcome: Result<Said, Failure>) -> Said {
        outcome.unwrap_or_else(|failure| match failure {
            Failure::Refused(refusal) => Said::text(refusal.0),
            Failure::Store(Error::Refused(why)) => Said::text(words::refused(&why)),
            Failure::Store(error) => {
                tracing::error!(%error, "a moderator's command failed");
                Said::text(words::trouble())
            }
        })
    }
}

/// Whatever goes wrong inside, the moderator hears so and the program goes on.
fn guarded(say: impl FnOnce() -> Said) -> Said {
    catch_unwind(AssertUnwindSafe(say)).unwrap_or_else(|_| {
        tracing::error!("a moderator's command panicked");
        Said::text(words::trouble())
    })
}

/// Why a command isn't done.
#[derive(Debug)]
enum Failure {
    /// Because of what was said.
    Refused(Refusal),
    /// Because of the database.
    Store(Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

fn key(by: &Speaker) -> (String, String) {
    (by.community.clone(), by.who.clone())
}

/// The fields that a form asks for at once: the missing one, and what else the verb takes that isn't given.
fn fields_to_fill(form: &Form, missing: Field) -> Vec<Field> {
    let grammar = form.verb.grammar();
    let others = grammar.must.iter().filter(|field| form.get(**field).is_none());
    let mut fields = vec![missing];
    for field in
        others.copied().chain(if form.verb == Verb::FactEdit { vec![Field::Value, Field::Source] } else { Vec::new() })
    {
        if !fields.contains(&field) && form.get(field).is_none() {
            fields.push(field);
        }
    }
    fields
}

fn is_yes(text: &str) -> bool {
    matches!(
        text.trim().trim_end_matches(['.', '!']).to_lowercase().as_str(),
        "confirm" | "yes" | "y" | "ok" | "okay" | "да" | "네" | "예"
    )
}

fn is_no(text: &str) -> bool {
    is_cancel(text)
        || matches!(text.trim().trim_end_matches(['.', '!']).to_lowercase().as_str(), "no" | "n" | "нет" | "아니요")
}

fn is_cancel(text: &str) -> bool {
    matches!(text.trim().trim_end_matches(['.', '!']).to_lowercase().as_str(), "cancel" | "stop" | "отмена" | "취소")
}

fn moment(now: i64) -> String {
    jiff::Timestamp::from_second(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// The day of a moment, UTC.
fn day(now: i64) -> String {
    let moment = jiff::Timestamp::from_second(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
