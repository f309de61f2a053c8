//! The loop that makes the desk better: what could not be answered, what people reported and suggested.

use std::sync::{MutexGuard, PoisonError};

use super::claims::is_sentence;
use super::command::{Field, Form, Settles, Verb};
use super::draft::{Draft, DraftContext};
use super::lookup::{checked, citation, is_none, topic_of};
use super::steps::{Open, fields_to_fill, key};
use super::{Actor, Failure, Moderation, Next, Refusal, Response, day, guarded};
use crate::answer::Outcome;
use crate::desk::Answered;
use crate::store::StoreError;
use crate::store::queue::{Suggestion, UnansweredQuestion};
use crate::store::records::Records;
use crate::understanding::split::is_question;
use crate::utterance::Utterance;
use crate::wording::Reply;
use crate::wording::moderation as words;

/// How many questions a page shows.
const PAGE: usize = 10;

/// How many questions are asked again when they are listed.
const MOST_ASKED_AGAIN: usize = 100;

/// How many suggestions and reports are shown.
const MOST_SHOWN: u32 = 20;

/// Something that was listed and can be named by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// An unanswered question, with its gist.
    Question(String, u64),
    /// A suggestion, with its number in the queue.
    Suggestion(Suggestion, i64),
    /// A reported problem, likewise.
    Report(i64),
}

impl Moderation {
    pub(super) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what of a message could not be answered, for those who moderate a community and without its author.
    pub fn keep_unanswered(&self, community: &str, answered: &Answered, now: i64) {
        let records = self.records();
        let keep = || -> Result<(), StoreError> {
            for (question, question_key) in answered.unanswered() {
                let days = records.keep_days(community)?;
                records.keep_question(community, (&question, question_key), now, days)?;
            }
            Ok(())
        };
        if let Err(error) = keep() {
            tracing::error!(%error, "a question without an answer could not be kept");
        }
    }

    /// Counts a question of a community by what came of it.
    pub fn count(&self, community: &str, reply: &Reply, now: i64) {
        if let Err(error) = self.records().count(community, now, reply.tally()) {
            tracing::error!(%error, "a question could not be counted");
        }
    }

    pub(super) fn look_after_queue(
        &self,
        by: &Actor,
        form: &Form,
        context: &DraftContext<'_>,
        now: i64,
    ) -> Result<Response, Failure> {
        match form.verb {
            Verb::Unanswered => self.unanswered(by, form, now),
            Verb::Suggestions => self.suggestions(by, now),
            Verb::Suggest => self.suggest(by, form, context, now),
            _ => self.put_aside(by, form, now),
        }
    }

    fn unanswered(&self, by: &Actor, form: &Form, now: i64) -> Result<Response, Failure> {
        let mut unanswered = self.records().questions(&by.community, u32::MAX)?;
        // What has an answer by now is done with.
        let first: Vec<UnansweredQuestion> = unanswered.drain(..unanswered.len().min(MOST_ASKED_AGAIN)).collect();
        let mut open = Vec::new();
        for unanswered in first {
            let answered = self.desk.answer(&Utterance::new(&unanswered.text).within(self.scope(by)));
            if matches!(answered.reply.outcome, Outcome::Answered | Outcome::Disputed) {
                self.records().settle(&by.community, (&unanswered.text, unanswered.question_key), now)?;
            } else {
                open.push(unanswered);
            }
        }
        open.append(&mut unanswered);
        let unanswered = open;
        let pages = unanswered.len().div_ceil(PAGE).max(1);
        let page = form.get(Field::Number).and_then(|text| text.parse::<usize>().ok()).unwrap_or(1).clamp(1, pages);
        let items = unanswered
            .iter()
            .map(|unanswered| Item::Question(unanswered.text.clone(), unanswered.question_key))
            .collect();
        self.list(by, items, now);
        let first = (page - 1) * PAGE;
        let shown = &unanswered[first.min(unanswered.len())..(first + PAGE).min(unanswered.len())];
        Ok(Response::text(words::unanswered(shown, first, (page, pages))))
    }

    fn suggestions(&self, by: &Actor, now: i64) -> Result<Response, Failure> {
        let records = self.records();
        let (suggested, reported) =
            (records.suggestions(&by.community, MOST_SHOWN)?, records.reports(&by.community, MOST_SHOWN)?);
        drop(records);
        let text = words::suggestions(&suggested, &reported);
        let items = suggested.into_iter().map(|(id, suggestion)| Item::Suggestion(suggestion, id));
        self.list(by, items.chain(reported.into_iter().map(|(id, _)| Item::Report(id))).collect(), now);
        Ok(Response::text(text))
    }

    fn list(&self, by: &Actor, items: Vec<Item>, now: i64) {
        let mut sessions = self.sessions();
        let session = sessions.entry(key(by)).or_default();
        (session.at, session.listed) = (now, items);
    }

    /// What was listed under a number.
    fn item(&self, by: &Actor, form: &Form) -> Result<Item, Failure> {
        let said = form.get(Field::Number).unwrap_or_default();
        let number: usize = said.trim_end_matches('.').parse().map_err(|_| Refusal(words::no_number(said)))?;
        let sessions = self.sessions();
        let listed = sessions.get(&key(by)).map(|session| &session.listed[..]).unwrap_or_default();
        let item = number.checked_sub(1).and_then(|at| listed.get(at));
        item.cloned().ok_or_else(|| Refusal(words::no_such_number(number)).into())
    }

    fn suggest(&self, by: &Actor, form: &Form, context: &DraftContext<'_>, now: i64) -> Result<Response, Failure> {
        let of = |field: Field| form.get(field).map(str::to_owned);
        if let Some(topic) = form.get(Field::Topic) {
            topic_of(context.facts, topic)?;
        }
        let suggestion = Suggestion {
            statement: of(Field::Statement).unwrap_or_default(),
            topic: of(Field::Topic),
            source: of(Field::Source),
            question: None,
        };
        let kept = self.keep_suggestion(by, &suggestion, now)?;
        Ok(Response::text(if kept.is_some() { words::suggested() } else { words::too_many_suggestions() }))
    }

    fn keep_suggestion(&self, by: &Actor, suggestion: &Suggestion, now: i64) -> Result<Option<i64>, StoreError> {
        let records = self.records();
        let days = records.keep_days(&by.community)?;
        records.keep_suggestion(&by.community, suggestion, now, days)
    }

    /// Keeps what somebody who keeps the facts said to a question that the desk could not answer, so that it can be made a
    /// fact. What asks, thanks or is answered itself is heard like anything else.
    pub fn keep_answer(&self, by: &Actor, question: &str, text: &str, now: i64) -> ByHand {
        if by.permission < by.required_permission() || is_question(text) || !is_sentence(text) {
            return ByHand::Ordinary;
        }
        let answered = self.desk.answer(&Utterance::new(text).within(self.scope(by)));
        if answered.reply.outcome != Outcome::Unknown || answered.reply.is_trouble {
            return ByHand::Ordinary;
        }
        let statement = match checked(Field::Statement, text) {
            Ok(statement) => statement,
            Err(Refusal(why)) => return ByHand::Refused(words::refused_by_hand(&why)),
        };
        let suggestion = Suggestion { statement, topic: None, source: None, question: Some(question.to_owned()) };
        match self.keep_suggestion(by, &suggestion, now) {
            Ok(Some(id)) => {
                let (text, line) = (words::answered_by_hand(question), words::answered_by_hand_line(&suggestion));
                ByHand::Kept(KeptAnswer { id, text, line })
            }
            Ok(None) => ByHand::Refused(words::too_many_suggestions()),
            Err(error) => {
                tracing::error!(%error, "a moderator's answer could not be kept");
                ByHand::Ordinary
            }
        }
    }

    /// Opens the steps by which a suggestion becomes a claim, by its number in the queue.
    pub fn accept_suggestion(&self, by: &Actor, id: i64, now: i64) -> Response {
        guarded(|| self.or_trouble(self.take_suggestion(by, id, now)))
    }

    fn take_suggestion(&self, by: &Actor, id: i64, now: i64) -> Result<Response, Failure> {
        if by.permission < by.required_permission() {
            return Err(Refusal(words::not_allowed(by.required_permission())).into());
        }
        let suggestion = self.records().suggestion(&by.community, id)?;
        let suggestion = suggestion.ok_or_else(|| Refusal(words::suggestion_is_gone()))?;
        let (scope, today) = (self.scope(by), day(now));
        let (facts, base) = self.desk.facts_of(&scope)?;
        let context = DraftContext { facts: &facts, base, scope: &scope, today: &today };
        self.ask_for_rest(by, form_of_suggestion(&suggestion, id, &context), &context, now)
    }

    /// Leaves or declines something of the queue.
    fn put_aside(&self, by: &Actor, form: &Form, now: i64) -> Result<Response, Failure> {
        let item = self.item(by, form)?;
        let records = self.records();
        match &item {
            Item::Question(text, question_key) => records.settle(&by.community, (text, *question_key), now)?,
            Item::Suggestion(_, id) => records.drop_suggestion(&by.community, *id)?,
            Item::Report(id) => records.drop_report(&by.community, *id)?,
        }
        Ok(Response::text(words::put_aside(form.get(Field::Why))))
    }

    /// The change that something of the queue becomes.
    pub(super) fn draft_of_queue(&self, by: &Actor, form: &Form, context: &DraftContext<'_>) -> Result<Draft, Failure> {
        let item = self.item(by, form)?;
        let Item::Question(text, question_key) = item else { return Err(Refusal(words::not_that_kind()).into()) };
        let settles = Some(Settles::Question(text.clone(), question_key));
        if form.verb == Verb::Unknown {
            let form = Form { settles, ..form.clone() };
            return Ok(context.add_silent_topic(&form, &text, &self.nearest_claims(&text, context))?);
        }
        let add = Form::new(Verb::QuestionAdd)
            .with(Field::Topic, form.get(Field::Topic).unwrap_or_default())
            .with(Field::Question, text);
        Ok(context.make(&Form { settles, ..add })?)
    }

    /// The claims that come nearest to a question that nothing answers; a topic of the silent kind shows them.
    fn nearest_claims(&self, question: &str, context: &DraftContext<'_>) -> Vec<String> {
        let answered = self.desk.answer(&Utterance::new(question).within(context.scope.clone()));
        let said: Vec<String> = answered.reply.claims.iter().take(1).map(|claim| claim.id.clone()).collect();
        if !said.is_empty() || answered.reply.outcome == Outcome::Social {
            return said;
        }
        // The first claim of the first answered topic is about the flight itself.
        let first = context.facts.topics().find(|topic| !topic.is_silent() && !topic.claims.is_empty());
        first.and_then(|topic| topic.claims.first().cloned()).into_iter().collect()
    }

    /// Opens the steps by which a suggestion becomes a claim.
    pub(super) fn accept(
        &self,
        by: &Actor,
        form: &Form,
        context: &DraftContext<'_>,
        now: i64,
    ) -> Result<Response, Failure> {
        let Item::Suggestion(suggestion, id) = self.item(by, form)? else {
            return Err(Refusal(words::not_that_kind()).into());
        };
        let add = form_of_suggestion(&suggestion, id, context);
        self.ask_for_rest(by, add, context, now)
    }

    /// Asks for what a suggestion lacks; its value is asked for in any case.
    pub(super) fn ask_for_rest(
        &self,
        by: &Actor,
        form: Form,
        context: &DraftContext<'_>,
        now: i64,
    ) -> Result<Response, Failure> {
        let missing = context.missing(&form)?.unwrap_or(Field::Value);
        let text = words::prompt(&form, missing, context.facts);
        let fields = fields_to_fill(&form, missing);
        let step = self.set(by, Open::Form(form, missing), now);
        Ok(Response::step(text, Next::Fill(fields), step))
    }

    pub(super) fn settle(&self, by: &Actor, what: Settles, now: i64) -> Result<(), Failure> {
        let records = self.records();
        match what {
            Settles::Question(text, question_key) => records.settle(&by.community, (&text, question_key), now)?,
            Settles::Suggestion(id) => records.drop_suggestion(&by.community, id)?,
        }
        Ok(())
    }
}

/// What becomes of what somebody says to an answer that says that there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByHand {
    /// It can be made a fact.
    Kept(KeptAnswer),
    /// It would be one, but for something that is said here.
    Refused(String),
    /// It is heard like anything else.
    Ordinary,
}

/// What an answer that a moderator gave by hand is kept as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its number in the queue.
    pub id: i64,
    /// What is said to it.
    pub text: String,
    /// A line about it for others who look after the community.
    pub line: String,
}

/// The command that a suggestion comes to: a claim of a topic, or a topic of its own where it answers a question.
fn form_of_suggestion(suggestion: &Suggestion, id: i64, context: &DraftContext<'_>) -> Form {
    // What members write for a source may be no source; then it is asked for.
    let is_source = |text: &&String| is_none(text) || citation(context.facts, text).is_ok();
    let source = suggestion.source.as_ref().filter(is_source);
    let topic = suggestion.topic.as_ref().filter(|name| topic_of(context.facts, name).is_ok());
    let of = |text: Option<&String>| text.cloned().unwrap_or_default();
    let form = match &suggestion.question {
        Some(question) => Form::new(Verb::TopicAdd)
            .with(Field::Title, words::as_title(question))
            .with(Field::Question, question.clone()),
        None => Form::new(Verb::FactAdd).with(Field::Topic, of(topic)),
    };
    let form = form.with(Field::Statement, suggestion.statement.clone()).with(Field::Source, of(source));
    Form { settles: Some(Settles::Suggestion(id)), ..form }
}
