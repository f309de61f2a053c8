//! Manages a community's queue for its moderators: unanswered questions, suggestions and reported problems.

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

/// The number of questions on a page.
const PAGE: usize = 10;

/// The number of questions that are asked again when they are listed, to drop those with an answer by now.
const MOST_ASKED_AGAIN: usize = 100;

/// The number of suggestions, and of reports, that are listed.
const MOST_SHOWN: u32 = 20;

/// A listed item of the queue, which commands name by its number in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// An unanswered question, with its question key.
    Question(String, u64),
    /// A suggestion, with its id in the queue.
    Suggestion(Suggestion, i64),
    /// A reported problem, by its id in the queue.
    Report(i64),
}

impl Moderation {
    pub(super) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores the unanswered and ambiguous questions of a message for the moderators of a community, without the
    /// author. An error is only logged.
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
            tracing::error!(%error, "unanswered question could not be stored");
        }
    }

    /// Counts a question of a community by its outcome. An error is only logged.
    pub fn count(&self, community: &str, reply: &Reply, now: i64) {
        if let Err(error) = self.records().count(community, now, reply.tally()) {
            tracing::error!(%error, "question could not be counted");
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
        // Questions that have an answer by now leave the queue.
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

    /// Returns the item with the number that a command gives, in the person's last list.
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

    /// Stores a moderator's reply to an unanswered question as a suggestion, so that it can become a fact. Questions,
    /// small talk and texts that the bot can answer itself are [`ByHand::Ordinary`], and so is everything from a person
    /// who may not edit the facts.
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
                tracing::error!(%error, "moderator's answer could not be stored");
                ByHand::Ordinary
            }
        }
    }

    /// Asks for the missing fields of a suggestion, given by its id in the queue, to turn it into a claim.
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

    /// Removes an item from the queue: dismisses or declines it.
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

    /// Makes the draft that settles an unanswered question: a new silent topic, or an example of an existing topic.
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

    /// Returns the ids of the claims that a new silent topic shows as the nearest to an unanswered question.
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

    /// Asks for the missing fields of a listed suggestion, to turn it into a claim.
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

    /// Asks for the missing fields of a suggestion. Without any missing field it asks for the value.
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

    /// Removes an item from the queue after its change was committed.
    pub(super) fn settle(&self, by: &Actor, what: Settles, now: i64) -> Result<(), Failure> {
        let records = self.records();
        match what {
            Settles::Question(text, question_key) => records.settle(&by.community, (&text, question_key), now)?,
            Settles::Suggestion(id) => records.drop_suggestion(&by.community, id)?,
        }
        Ok(())
    }
}

/// The outcome of a reply to an answer that says that the sources are silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByHand {
    /// Stored as a suggestion.
    Kept(KeptAnswer),
    /// Not stored, with the reason for the moderator.
    Refused(String),
    /// An ordinary message, to be answered like any other.
    Ordinary,
}

/// A moderator's answer that was stored as a suggestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The id of the suggestion in the queue.
    pub id: i64,
    /// The reply to the moderator.
    pub text: String,
    /// A line about it for the community's log.
    pub line: String,
}

/// Returns the command that a suggestion amounts to: it adds a topic if the suggestion answers a question, otherwise a
/// claim.
fn form_of_suggestion(suggestion: &Suggestion, id: i64, context: &DraftContext<'_>) -> Form {
    // An unreadable source or unknown topic is left out, so that the moderator is asked for it.
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
