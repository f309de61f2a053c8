//! Runs the dialogue with a moderator: keeps the open step of each person and handles the answers to it.
//!
//! A step either asks for a field of a command or waits for the confirmation of a draft.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use super::command::{Field, Form, Verb};
use super::draft::{Draft, DraftContext};
use super::{Actor, Failure, Moderation, Next, Refusal, Response, day, guarded, lookup, queue};
use crate::store::StoreError;
use crate::wording::moderation as words;

/// The time for which an open step waits, in seconds.
const STEP_TIMEOUT: i64 = 15 * 60;

/// The number of sessions at which expired ones are removed from memory.
const MOST_SESSIONS: usize = 10_000;

/// The dialogue with one person in one community.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// The time of the last step or list, in seconds since 1970 (UTC).
    pub(super) at: i64,
    pub(super) open: Open,
    /// The number of the step that is open.
    pub(super) step: u64,
    /// The queue items that were listed last, in order.
    pub(super) listed: Vec<queue::Item>,
}

/// The open step.
#[derive(Debug, Default)]
pub(super) enum Open {
    #[default]
    Nothing,
    /// A command, and the field that was asked for.
    Form(Form, Field),
    /// A draft that waits for confirmation.
    Draft(Box<Draft>),
}

impl Moderation {
    /// Returns true if a person has an open step, so that their next message may answer it.
    #[must_use]
    pub fn awaits(&self, by: &Actor, now: i64) -> bool {
        self.awaits_since(by, now).is_some()
    }

    /// Returns true if a person's last step is a draft that waits for confirmation. An expired one counts, too.
    #[must_use]
    pub fn awaits_a_yes(&self, by: &Actor) -> bool {
        self.sessions().get(&key(by)).is_some_and(|session| matches!(session.open, Open::Draft(_)))
    }

    /// Drops a person's open step. Used when they began something after it that could not be read.
    pub fn leave(&self, by: &Actor) {
        if let Some(session) = self.sessions().get_mut(&key(by)) {
            session.open = Open::Nothing;
        }
    }

    /// Returns true if a person's last step asks for a file. An expired one counts, too.
    #[must_use]
    pub fn awaits_a_file(&self, by: &Actor) -> bool {
        self.sessions().get(&key(by)).is_some_and(|session| matches!(session.open, Open::Form(_, Field::File)))
    }

    /// Returns the time since which a person's step is open, in seconds since 1970 (UTC); `None` if none is open.
    #[must_use]
    pub fn awaits_since(&self, by: &Actor, now: i64) -> Option<i64> {
        let sessions = self.sessions();
        let session = sessions.get(&key(by)).filter(|session| now - session.at <= STEP_TIMEOUT);
        session.filter(|session| !matches!(session.open, Open::Nothing)).map(|session| session.at)
    }

    /// Executes a command and returns the response. Drops the person's open step.
    pub fn form(&self, by: &Actor, form: Form, now: i64) -> Response {
        guarded(|| {
            self.forget(now);
            // A new command replaces the open step.
            if let Some(session) = self.sessions().get_mut(&key(by)) {
                session.open = Open::Nothing;
            }
            self.or_trouble(self.take_or_ask(by, form, now))
        })
    }

    /// Executes a command. If one field of a change is wrong, asks for that field again and keeps the others.
    fn take_or_ask(&self, by: &Actor, form: Form, now: i64) -> Result<Response, Failure> {
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

    /// Returns the first field that is wrong by itself; `None` if no single field is, or the command isn't such a
    /// change.
    fn wrong_field(&self, by: &Actor, form: &Form, now: i64) -> Option<Field> {
        let changes = !matches!(
            form.verb,
            Verb::FactFind
                | Verb::FactShow
                | Verb::FactHistory
                | Verb::FactImport
                | Verb::Why
                | Verb::Undo
                | Verb::Suggest
                | Verb::Promote
        );
        let may = by.permission >= by.required_permission();
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

    /// Handles an answer to the open step: the text of a field, a confirmation or a cancellation.
    pub fn answer(&self, by: &Actor, text: &str, now: i64) -> Response {
        guarded(|| self.step(by, text, now))
    }

    fn step(&self, by: &Actor, text: &str, now: i64) -> Response {
        let open = {
            let mut sessions = self.sessions();
            let session = sessions.get_mut(&key(by)).filter(|session| now - session.at <= STEP_TIMEOUT);
            session.map(|session| std::mem::take(&mut session.open)).unwrap_or_default()
        };
        // "No" may be the value of a field, so only a draft is cancelled by it.
        let leaves = if matches!(open, Open::Draft(_)) { is_no(text) } else { is_cancel(text) };
        match open {
            Open::Nothing => Response::text(words::nothing_open()),
            _ if leaves => Response::text(words::cancelled()),
            Open::Form(form, field) if text.trim().eq_ignore_ascii_case("confirm") => {
                self.ask_again(by, form, field, &Refusal(words::not_yet()), now)
            }
            Open::Form(form, field) => {
                let kept = form.clone();
                match lookup::checked(field, text) {
                    Ok(text) => {
                        self.or_trouble(self.take(by, form.with(field, text), now).or_else(|failure| match failure {
                            // Asks for the same field again and keeps the others.
                            Failure::Refused(refusal) => Ok(self.ask_again(by, kept, field, &refusal, now)),
                            failure => Err(failure),
                        }))
                    }
                    Err(refusal) => self.ask_again(by, kept, field, &refusal, now),
                }
            }
            Open::Draft(draft) if is_yes(text) => match self.make(by, &draft, now) {
                Err(Failure::Store(error)) if !matches!(error, StoreError::Refused(_)) => {
                    // The draft stays open, so that the moderator can confirm it again.
                    tracing::error!(%error, "moderator's change failed");
                    let step = self.set(by, Open::Draft(draft), now);
                    Response::step(words::confirm_again(), Next::Confirm, step)
                }
                outcome => self.or_trouble(outcome),
            },
            Open::Draft(draft) => {
                // An unclear answer doesn't extend the time limit.
                let since = self.sessions().get(&key(by)).map_or(now, |session| session.at);
                let step = self.set(by, Open::Draft(draft), since);
                Response::step(words::confirm_or_cancel(), Next::Confirm, step)
            }
        }
    }

    /// Handles an answer to the step with this number, as buttons give it. An older step is no longer open.
    pub fn answer_step(&self, by: &Actor, step: u64, text: &str, now: i64) -> Response {
        if self.is_open(by, step, now) { self.answer(by, text, now) } else { Response::text(words::nothing_open()) }
    }

    fn is_open(&self, by: &Actor, step: u64, now: i64) -> bool {
        let is_it = |session: &Session| session.step == step && now - session.at <= STEP_TIMEOUT;
        self.sessions().get(&key(by)).is_some_and(is_it)
    }

    /// Returns the fields that a form for the step with this number asks for; empty if it isn't open.
    #[must_use]
    pub fn asked(&self, by: &Actor, step: u64) -> Vec<Field> {
        let sessions = self.sessions();
        match sessions.get(&key(by)).filter(|session| session.step == step).map(|session| &session.open) {
            Some(Open::Form(form, field)) => fields_to_fill(form, *field),
            _ => Vec::new(),
        }
    }

    /// Handles a form: sets several fields of the open command at once.
    pub fn fill(&self, by: &Actor, step: u64, fields: &[(Field, String)], now: i64) -> Response {
        guarded(|| self.fill_in(by, step, fields, now))
    }

    fn fill_in(&self, by: &Actor, step: u64, fields: &[(Field, String)], now: i64) -> Response {
        if !self.is_open(by, step, now) {
            return Response::text(words::nothing_open());
        }
        let open = self.sessions().get_mut(&key(by)).map(|session| std::mem::take(&mut session.open));
        let Some(Open::Form(kept, asked)) = open else { return Response::text(words::nothing_open()) };
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

    /// Returns true if a command is refused with the fields that it has.
    fn is_refused(&self, by: &Actor, form: &Form, now: i64) -> bool {
        let scope = self.scope(by);
        let Ok((facts, base)) = self.desk.facts_of(&scope) else { return false };
        DraftContext { facts: &facts, base, scope: &scope, today: &day(now) }.missing(form).is_err()
    }

    fn ask_again(&self, by: &Actor, form: Form, field: Field, refusal: &Refusal, now: i64) -> Response {
        let mut form = form;
        form.fields.remove(&field);
        let fields = fields_to_fill(&form, field);
        let step = self.set(by, Open::Form(form, field), now);
        Response::step(words::again(&refusal.0, field), Next::Fill(fields), step)
    }

    /// Opens a step and returns its number.
    pub(super) fn set(&self, by: &Actor, open: Open, now: i64) -> u64 {
        let step = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let mut sessions = self.sessions();
        let session = sessions.entry(key(by)).or_default();
        (session.at, session.open, session.step) = (now, open, step);
        step
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, HashMap<(String, String), Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes expired sessions if there are many.
    pub(super) fn forget(&self, now: i64) {
        let mut sessions = self.sessions();
        if sessions.len() >= MOST_SESSIONS {
            sessions.retain(|_, session| now - session.at <= STEP_TIMEOUT);
        }
    }
}

/// Returns the key of a person's session.
pub(super) fn key(by: &Actor) -> (String, String) {
    (by.community.clone(), by.who.clone())
}

/// Returns the fields that a form asks for at once: the missing one, the other required fields that aren't given, and
/// for an edit value and source.
pub(super) fn fields_to_fill(form: &Form, missing: Field) -> Vec<Field> {
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

pub(super) fn is_yes(text: &str) -> bool {
    matches!(
        text.trim().trim_end_matches(['.', '!']).to_lowercase().as_str(),
        "confirm" | "yes" | "y" | "ok" | "okay" | "да" | "네" | "예"
    )
}

pub(super) fn is_no(text: &str) -> bool {
    is_cancel(text)
        || matches!(text.trim().trim_end_matches(['.', '!']).to_lowercase().as_str(), "no" | "n" | "нет" | "아니요")
}

fn is_cancel(text: &str) -> bool {
    matches!(text.trim().trim_end_matches(['.', '!']).to_lowercase().as_str(), "cancel" | "stop" | "отмена" | "취소")
}
