//! Moderators keep the facts: every change is seen before it counts, recorded, and undone with one command. The commands,
//! their steps and their words are the same on each platform; a platform says who speaks and what they may do.

pub mod answer_subscriptions;
pub mod answer_updates;
mod bulk;
mod change_preview;
mod claims;
pub mod command;
mod draft;
mod grammar;
pub mod layer_conflicts;
mod lookup;
mod queue;
mod sources;
mod steps;
mod topics;
mod undo_and_promote;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use command::{Field, Form, NoCommand, Verb};
use draft::{Act, Draft, DraftContext};
pub use queue::{ByHand, KeptAnswer};
use steps::{Open, Session, fields_to_fill, is_no, is_yes};

use crate::desk::Desk;
use crate::store::records::Records;
use crate::store::{Committed, Meta, Scope, Store, StoreError};
use crate::wording::moderation as words;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Ask and suggest.
    Member,
    /// Change the facts of the community.
    Moderator,
    /// Change what all share.
    Operator,
}

/// Who speaks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The platform's id of the person.
    pub who: String,
    /// The platform's id of the community; empty where what all share is seen.
    pub community: String,
    /// What they may do there at this moment.
    pub permission: Permission,
}

impl Actor {
    /// What somebody must be to change the facts that are seen here.
    #[must_use]
    pub fn required_permission(&self) -> Permission {
        if self.community.is_empty() { Permission::Operator } else { Permission::Moderator }
    }
}

/// Why something isn't done, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

/// What is said to a moderator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// In words.
    pub text: String,
    /// What they can do next.
    pub next: Next,
    /// The number of the step that is open now, by which a button tells that it belongs to it.
    pub step: u64,
    /// The revision that was made, with a line about it for others who look after the community.
    pub committed: Option<CommittedChange>,
    /// What goes with it.
    pub file: Option<TextFile>,
}

/// A file of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// How it is called.
    pub name: String,
    /// What is in it.
    pub text: String,
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
pub struct CommittedChange {
    /// Its number.
    pub revision: i64,
    /// What it did, in a line.
    pub line: String,
}

impl Response {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn step(text: String, next: Next, step: u64) -> Self {
        Self { text, next, step, ..Self::default() }
    }
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
    pub fn open(desk: Arc<Desk>, database: &Path, platform: &'static str) -> Result<Self, StoreError> {
        let (records, store) = (Mutex::new(Records::open(database, platform)?), Mutex::new(Store::open(database)?));
        Ok(Self { desk, store, records, platform, sessions: Mutex::default(), steps: AtomicU64::new(0) })
    }

    /// What is said to a command, given as a line.
    pub fn command(&self, by: &Actor, line: &str, now: i64) -> Response {
        guarded(|| self.read(by, line, now))
    }

    fn read(&self, by: &Actor, line: &str, now: i64) -> Response {
        match Form::parse(line) {
            Ok(form) => self.form(by, form, now),
            Err(NoCommand::Verb) if matches!(line.trim().to_lowercase().as_str(), "fact" | "fact help") => {
                self.form(by, Form::new(Verb::Help), now)
            }
            Err(NoCommand::Verb) if is_yes(line) || is_no(line) => self.answer(by, line, now),
            Err(NoCommand::Verb) => Response::text(words::no_such_command()),
            Err(NoCommand::Field(verb, name)) => Response::text(words::no_such_field(verb, &name)),
            Err(NoCommand::TooMuch(verb)) => Response::text(words::usage(verb)),
        }
    }

    /// What may be meant by the beginning of a topic's, claim's or source's name, with their ids.
    #[must_use]
    pub fn complete(&self, by: &Actor, field: Field, typed: &str, most: usize) -> Vec<(String, String)> {
        let Ok((facts, _)) = self.desk.facts_of(&self.scope(by)) else { return Vec::new() };
        lookup::complete(&facts, field, typed, most)
    }

    fn take(&self, by: &Actor, form: Form, now: i64) -> Result<Response, Failure> {
        let mut form = form;
        for (field, text) in &mut form.fields {
            *text = lookup::checked(*field, text)?;
        }
        let needed =
            if matches!(form.verb, Verb::Suggest | Verb::Help) { Permission::Member } else { Permission::Moderator };
        let is_shared = self.scope(by) == Scope::Shared;
        let needed = if is_shared && form.verb != Verb::Help { Permission::Operator } else { needed };
        let needed = if form.verb == Verb::Promote { Permission::Operator } else { needed };
        if by.permission < needed {
            return Err(Failure::Refused(Refusal(words::not_allowed(needed))));
        }
        let (facts, base) = self.desk.facts_of(&self.scope(by))?;
        let (scope, today) = (self.scope(by), day(now));
        let context = DraftContext { facts: &facts, base, scope: &scope, today: &today };
        if let Some(field) = context.missing(&form)? {
            let text = words::prompt(&form, field, &facts);
            let fields = fields_to_fill(&form, field);
            let step = self.set(by, Open::Form(form, field), now);
            return Ok(Response::step(text, Next::Fill(fields), step));
        }
        match form.verb {
            Verb::Help => Ok(Response::text(words::help())),
            Verb::FactFind | Verb::FactShow | Verb::FactHistory | Verb::Why | Verb::Review | Verb::Stats => {
                self.inquire(by, &form, &context, now)
            }
            Verb::Unanswered | Verb::Suggestions | Verb::Dismiss | Verb::Decline | Verb::Suggest => {
                self.look_after_queue(by, &form, &context, now)
            }
            Verb::Accept => self.accept(by, &form, &context, now),
            Verb::Assign | Verb::Unknown => {
                let draft = self.draft_of_queue(by, &form, &context)?;
                self.offer(by, draft, &context, now)
            }
            Verb::Undo => {
                let draft = self.draft_of_undo(&form, &context)?;
                self.offer(by, draft, &context, now)
            }
            Verb::Promote => self.promote(by, &form, &context, now),
            Verb::FactExport => Ok(Self::export(&context)),
            Verb::FactImport => {
                let (draft, all) = self.draft_of_import(&form, &context)?;
                Ok(Response { file: all, ..self.offer(by, draft, &context, now)? })
            }
            _ => {
                let draft = context.make(&form)?;
                self.offer(by, draft, &context, now)
            }
        }
    }

    /// Shows what a change does and waits for a yes.
    fn offer(&self, by: &Actor, draft: Draft, context: &DraftContext<'_>, now: i64) -> Result<Response, Failure> {
        let text = self.preview(by, &draft, context)?;
        let step = self.set(by, Open::Draft(Box::new(draft)), now);
        Ok(Response::step(text, Next::Confirm, step))
    }

    /// Makes a change that was looked at.
    fn make(&self, by: &Actor, draft: &Draft, now: i64) -> Result<Response, Failure> {
        // What somebody may do is told anew each time.
        let needed = if draft.scope == Scope::Shared { Permission::Operator } else { Permission::Moderator };
        if by.permission < needed {
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
                let Some(revision) = applied.revision else { return Ok(Response::text(words::nothing_changed())) };
                if matches!(draft.act, Act::Promote(..)) {
                    return Ok(Response::text(words::promoted(revision)));
                }
                let line = words::made_line(revision, &draft.lines);
                Ok(Response {
                    committed: Some(CommittedChange { revision, line }),
                    ..Response::text(words::made(revision))
                })
            }
            Committed::Overtaken(by) => Ok(Response::text(words::overtaken(&by))),
        }
    }

    fn commit(&self, draft: &Draft, meta: &Meta) -> Result<Committed, StoreError> {
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
    pub fn take_along(&self, from: &str, to: &str, now: i64) -> Result<(), StoreError> {
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

    fn scope(&self, by: &Actor) -> Scope {
        if by.community.is_empty() { Scope::Shared } else { Scope::community(self.platform, &by.community) }
    }

    fn or_trouble(&self, outcome: Result<Response, Failure>) -> Response {
        outcome.unwrap_or_else(|failure| match failure {
            Failure::Refused(refusal) => Response::text(refusal.0),
            Failure::Store(StoreError::Refused(why)) => Response::text(words::refused(&why)),
            Failure::Store(error) => {
                tracing::error!(%error, "a moderator's command failed");
                Response::text(words::trouble())
            }
        })
    }
}

/// Whatever goes wrong inside, the moderator hears so and the program goes on.
fn guarded(say: impl FnOnce() -> Response) -> Response {
    catch_unwind(AssertUnwindSafe(say)).unwrap_or_else(|_| {
        tracing::error!("a moderator's command panicked");
        Response::text(words::trouble())
    })
}

/// Why a command isn't done.
#[derive(Debug)]
enum Failure {
    /// Because of what was said.
    Refused(Refusal),
    /// Because of the database.
    Store(StoreError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn moment(now: i64) -> String {
    jiff::Timestamp::from_second(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// The day of a moment, UTC.
fn day(now: i64) -> String {
    let moment = jiff::Timestamp::from_second(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
