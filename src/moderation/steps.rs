//! Step by step: what is open with somebody, and what is said to their answers.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use super::command::{Field, Form, Verb};
use super::draft::{Draft, DraftContext};
use super::{Actor, Failure, Moderation, Next, Refusal, Response, day, guarded, lookup, queue};
use crate::store::StoreError;
use crate::wording::moderation as words;

/// How long a draft or an open step waits, in seconds.
const STEP_TIMEOUT: i64 = 15 * 60;

/// How many people's steps are kept in mind.
const MOST_SESSIONS: usize = 10_000;

/// What is open with somebody.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// When it was last touched.
    pub(super) at: i64,
    pub(super) open: Open,
    /// The number of the step that is open.
    pub(super) step: u64,
    /// The gists and numbers of what was listed last, in its order.
    pub(super) listed: Vec<queue::Item>,
}

#[derive(Debug, Default)]
pub(super) enum Open {
    #[default]
    Nothing,
    /// A command that lacks a field.
    Form(Form, Field),
    /// A change that waits for a yes.
    Draft(Box<Draft>),
}

impl Moderation {
    /// Whether somebody's next words are an answer to a step that is open.
    #[must_use]
    pub fn awaits(&self, by: &Actor, now: i64) -> bool {
        self.awaits_since(by, now).is_some()
    }

    /// Whether what is open with somebody is a change that waits for a yes.
    #[must_use]
    pub fn awaits_a_yes(&self, by: &Actor) -> bool {
        self.sessions().get(&key(by)).is_some_and(|session| matches!(session.open, Open::Draft(_)))
    }

    /// Leaves what is open with somebody: what they began after it could not be read.
    pub fn leave(&self, by: &Actor) {
        if let Some(session) = self.sessions().get_mut(&key(by)) {
            session.open = Open::Nothing;
        }
    }

    /// Whether what is open with somebody asks for a file.
    #[must_use]
    pub fn awaits_a_file(&self, by: &Actor) -> bool {
        self.sessions().get(&key(by)).is_some_and(|session| matches!(session.open, Open::Form(_, Field::File)))
    }

    /// Since when a step of somebody's is open; none if none is.
    #[must_use]
    pub fn awaits_since(&self, by: &Actor, now: i64) -> Option<i64> {
        let sessions = self.sessions();
        let session = sessions.get(&key(by)).filter(|session| now - session.at <= STEP_TIMEOUT);
        session.filter(|session| !matches!(session.open, Open::Nothing)).map(|session| session.at)
    }

    /// What is said to a command.
    pub fn form(&self, by: &Actor, form: Form, now: i64) -> Response {
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

    /// The field of a change without which it could go on; none if it isn't one field's fault.
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

    /// What is said to an answer to an open step: a field, yes or no.
    pub fn answer(&self, by: &Actor, text: &str, now: i64) -> Response {
        guarded(|| self.step(by, text, now))
    }

    fn step(&self, by: &Actor, text: &str, now: i64) -> Response {
        let open = {
            let mut sessions = self.sessions();
            let session = sessions.get_mut(&key(by)).filter(|session| now - session.at <= STEP_TIMEOUT);
            session.map(|session| std::mem::take(&mut session.open)).unwrap_or_default()
        };
        // "No" may be a value; a step is left by a word that says nothing else.
        let leaves = if matches!(open, Open::Draft(_)) { is_no(text) } else { is_cancel(text) };
        match open {
            Open::Nothing => Response::text(words::nothing_open()),
            _ if leaves => Response::text(words::cancelled()),
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
                Err(Failure::Store(error)) if !matches!(error, StoreError::Refused(_)) => {
                    // Nothing was changed, and nothing is lost: it can be confirmed again.
                    tracing::error!(%error, "a moderator's change could not be made");
                    let step = self.set(by, Open::Draft(draft), now);
                    Response::step(words::confirm_again(), Next::Confirm, step)
                }
                outcome => self.or_trouble(outcome),
            },
            Open::Draft(draft) => {
                // It doesn't wait for longer because of that.
                let since = self.sessions().get(&key(by)).map_or(now, |session| session.at);
                let step = self.set(by, Open::Draft(draft), since);
                Response::step(words::confirm_or_cancel(), Next::Confirm, step)
            }
        }
    }

    /// What is said to an answer to a step of a number, as a button gives it. An older step is over.
    pub fn answer_step(&self, by: &Actor, step: u64, text: &str, now: i64) -> Response {
        if self.is_open(by, step, now) { self.answer(by, text, now) } else { Response::text(words::nothing_open()) }
    }

    fn is_open(&self, by: &Actor, step: u64, now: i64) -> bool {
        let is_it = |session: &Session| session.step == step && now - session.at <= STEP_TIMEOUT;
        self.sessions().get(&key(by)).is_some_and(is_it)
    }

    /// The fields that an open step asks for, with what is asked.
    #[must_use]
    pub fn asked(&self, by: &Actor, step: u64) -> Vec<Field> {
        let sessions = self.sessions();
        match sessions.get(&key(by)).filter(|session| session.step == step).map(|session| &session.open) {
            Some(Open::Form(form, field)) => fields_to_fill(form, *field),
            _ => Vec::new(),
        }
    }

    /// Fills several fields of an open command at once, as a form does.
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

    /// Whether a command as far as it is said can't be done.
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

    pub(super) fn forget(&self, now: i64) {
        let mut sessions = self.sessions();
        if sessions.len() >= MOST_SESSIONS {
            sessions.retain(|_, session| now - session.at <= STEP_TIMEOUT);
        }
    }
}

pub(super) fn key(by: &Actor) -> (String, String) {
    (by.community.clone(), by.who.clone())
}

/// The fields that a form asks for at once: the missing one, and what else the verb takes that isn't given.
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
