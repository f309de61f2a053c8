//! Lets moderators edit the facts from chat, for all platforms. [`Moderation`] is the entry point.
//!
//! Every change is previewed before it is committed, recorded as a revision, and undone with one command. Commands,
//! steps and texts are the same on each platform; the platform supplies the [`Actor`]: the person, the community and
//! the person's present permission.

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

/// The permission of a person, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Asks questions and suggests facts.
    Member,
    /// Edits the facts of the community.
    Moderator,
    /// Edits the shared facts as well.
    Operator,
}

/// The person who gives a command, and the community in which they give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The platform's id of the person.
    pub who: String,
    /// The platform's id of the community; empty for the shared facts.
    pub community: String,
    /// The person's present permission there.
    pub permission: Permission,
}

impl Actor {
    /// Returns the permission that editing the facts of this community, or the shared facts, requires.
    #[must_use]
    pub fn required_permission(&self) -> Permission {
        if self.community.is_empty() { Permission::Operator } else { Permission::Moderator }
    }
}

/// The reason why a command isn't executed, as a text for the moderator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

/// The response to a moderator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The text, without markup.
    pub text: String,
    /// The next action of the moderator.
    pub next: Next,
    /// The number of the open step, which buttons carry to belong to it; 0 without a step.
    pub step: u64,
    /// The committed change, for the community's log; `None` if nothing is to be reported there.
    pub committed: Option<CommittedChange>,
    /// The attached file.
    pub file: Option<TextFile>,
}

/// A text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// The file name.
    pub name: String,
    /// The contents.
    pub text: String,
}

/// The next action that a response asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Next {
    /// Nothing in particular.
    #[default]
    Nothing,
    /// Fill in these fields of the open command.
    Fill(Vec<Field>),
    /// Confirm or cancel the draft.
    Confirm,
}

/// A revision that a command made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedChange {
    /// The number of the revision.
    pub revision: i64,
    /// A description in one line.
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

/// Executes the moderators' commands of one platform.
pub struct Moderation {
    desk: Arc<Desk>,
    /// A separate connection, so that questions don't wait for changes.
    store: Mutex<Store>,
    records: Mutex<Records>,
    platform: &'static str,
    sessions: Mutex<HashMap<(String, String), Session>>,
    /// The number of steps opened so far.
    steps: AtomicU64,
}

impl Moderation {
    /// Opens the database for a platform, with its facts and the platform's records.
    ///
    /// # Errors
    /// Returns an error if the database can't be opened.
    pub fn open(desk: Arc<Desk>, database: &Path, platform: &'static str) -> Result<Self, StoreError> {
        let (records, store) = (Mutex::new(Records::open(database, platform)?), Mutex::new(Store::open(database)?));
        Ok(Self { desk, store, records, platform, sessions: Mutex::default(), steps: AtomicU64::new(0) })
    }

    /// Executes a command given as a line, or a confirmation or cancellation of the open step, and returns the
    /// response.
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

    /// Completes a name of a topic, claim or source. Returns labels and ids, at most `most`; empty for other fields.
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

    /// Previews a draft and waits for its confirmation.
    fn offer(&self, by: &Actor, draft: Draft, context: &DraftContext<'_>, now: i64) -> Result<Response, Failure> {
        let text = self.preview(by, &draft, context)?;
        let step = self.set(by, Open::Draft(Box::new(draft)), now);
        Ok(Response::step(text, Next::Confirm, step))
    }

    /// Commits a confirmed draft.
    fn make(&self, by: &Actor, draft: &Draft, now: i64) -> Result<Response, Failure> {
        // The person may have lost the permission since the preview.
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
                // The change is committed even if the queue can't be updated.
                if let Some(Err(Failure::Store(error))) = draft.settles.clone().map(|what| self.settle(by, what, now)) {
                    tracing::error!(%error, "handled item could not be removed from the queue");
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

    /// Copies the overlay of a community to the community that replaces it, unless that one has an overlay already.
    ///
    /// # Errors
    /// Returns an error if the database fails.
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

/// Runs a command. A panic is logged and becomes a response that says so.
fn guarded(say: impl FnOnce() -> Response) -> Response {
    catch_unwind(AssertUnwindSafe(say)).unwrap_or_else(|_| {
        tracing::error!("a moderator's command panicked");
        Response::text(words::trouble())
    })
}

/// The reason why a command failed.
#[derive(Debug)]
enum Failure {
    /// The command was refused.
    Refused(Refusal),
    /// The database failed.
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

/// Returns a time, in seconds since 1970 (UTC), as a timestamp for the history.
fn moment(now: i64) -> String {
    jiff::Timestamp::from_second(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Returns the day of a time, in seconds since 1970 (UTC), as `2026-11-21`.
fn day(now: i64) -> String {
    let moment = jiff::Timestamp::from_second(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
