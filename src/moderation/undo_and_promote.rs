//! Answers the commands that look something up, and makes the drafts of `undo` and `promote`.

use super::command::{Field, Form, Verb};
use super::draft::{Act, Draft, DraftContext};
use super::lookup::{find_topics, topic_of};
use super::{Actor, Failure, Moderation, Refusal, Response, day};
use crate::desk::Probe;
use crate::facts::Topic;
use crate::store::{EntityChange, Revision, Scope, StoreError, Undone};
use crate::utterance::Utterance;
use crate::wording::moderation as words;

/// The number of topics or revisions listed.
const MOST_LISTED: usize = 10;

/// The number of topics whose answers show the effect of a revision.
const MOST_SHOWN: usize = 3;

/// The number of days that `stats` covers, today included.
const DAYS_TOLD: i64 = 7;

impl Moderation {
    /// Answers a command that changes nothing.
    pub(super) fn inquire(
        &self,
        by: &Actor,
        form: &Form,
        context: &DraftContext<'_>,
        now: i64,
    ) -> Result<Response, Failure> {
        let said = |field: Field| form.get(field).unwrap_or_default();
        let text = match form.verb {
            Verb::FactFind => {
                let found = find_topics(context.facts, said(Field::Text));
                if found.is_empty() {
                    self.nearest(said(Field::Text), context)?
                } else {
                    words::found(&found, MOST_LISTED)
                }
            }
            Verb::FactShow => {
                let (subject, topic) = topic_of(context.facts, said(Field::Topic))?;
                let store = self.store();
                let ids = [&topic.id].into_iter().chain(&topic.claims);
                let newest = ids.map(|id| Ok(store.history(context.scope, id, 1)?.first().map_or(0, |last| last.id)));
                let newest = newest.collect::<Result<Vec<i64>, StoreError>>()?.into_iter().max().unwrap_or(0);
                words::topic(subject, topic, context.facts, newest)
            }
            Verb::FactHistory => {
                let name = said(Field::Text);
                let id =
                    topic_of(context.facts, name).map_or_else(|_| name.to_lowercase(), |(_, topic)| topic.id.clone());
                let all = matches!(name.to_lowercase().as_str(), "all" | "everything");
                let found = match all {
                    true => self.store().log(context.scope, MOST_LISTED as u32),
                    false => self.store().history(context.scope, &id, MOST_LISTED as u32),
                }?;
                words::history(name, &found)
            }
            Verb::Why => self.why(said(Field::Question), context)?,
            Verb::Review => words::outdated(&self.store().outdated(context.scope)?, *context.scope == Scope::Shared),
            _ => {
                let since = day(now - (DAYS_TOLD - 1) * 24 * 60 * 60);
                words::stats(&self.records().tally(&by.community, &since)?)
            }
        };
        Ok(Response::text(text))
    }

    /// Lists the topics nearest to a text that no topic contains.
    fn nearest(&self, text: &str, context: &DraftContext<'_>) -> Result<String, Failure> {
        let answered = self.desk.answer(&Utterance::new(text).within(context.scope.clone()));
        let index = self.desk.index_of(context.scope)?;
        let near = answered.traces.iter().flat_map(|trace| &trace.candidates);
        let ids: Vec<&str> = near.take(MOST_LISTED / 2).map(|near| index.topics()[near.topic].id.as_str()).collect();
        let found: Vec<_> = context.facts.topics().filter(|topic| ids.contains(&topic.id.as_str())).collect();
        Ok(words::found_near(&found))
    }

    fn why(&self, question: &str, context: &DraftContext<'_>) -> Result<String, Failure> {
        let answered = self.desk.answer(&Utterance::new(question).within(context.scope.clone()));
        Ok(words::trace(&answered, &*self.desk.index_of(context.scope)?))
    }

    /// Makes the draft that undoes a revision, or all after one.
    pub(super) fn draft_of_undo(&self, form: &Form, context: &DraftContext<'_>) -> Result<Draft, Failure> {
        let said = form.get(Field::Revision).unwrap_or_default().to_lowercase();
        let why = form.get(Field::Why).unwrap_or_default().to_owned();
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| Refusal(words::no_number(text)));
        let draft = |act: Act, lines: Vec<String>, probes| Draft {
            scope: context.scope.clone(),
            base: context.base,
            act,
            why,
            lines,
            probes,
            settles: None,
        };
        if let Some(since) = said.strip_prefix("all since") {
            let since = number(since)?;
            let undone = self.store().made_since(context.scope, since)?;
            if undone.is_empty() {
                return Err(Refusal(words::nothing_since(since)).into());
            }
            let edits = self.store().undone_since(context.scope, since)?;
            let probes = undone.iter().rev().flat_map(|revision| probes_of_all(context, revision)).take(1).collect();
            return Ok(draft(Act::UndoAllSince(since, edits), words::undoes_all(&undone), probes));
        }
        let id = number(&said)?;
        let revision = self.store().revision_of(context.scope, id)?;
        let Some(revision) = revision.filter(|revision| revision.scope == *context.scope && revision.by_moderator)
        else {
            return Err(Refusal(words::no_such_revision(id)).into());
        };
        let edits = match self.store().undone(context.scope, id)? {
            Undone::Edits(edits) => edits,
            Undone::Overtaken(by) => return Err(Refusal(words::changed_since(id, &by)).into()),
        };
        let probes = probes_of_all(context, &revision);
        Ok(draft(Act::Undo(id, edits), words::undoes(&revision), probes))
    }

    /// Previews making a revision of a community part of the shared facts.
    pub(super) fn promote(
        &self,
        by: &Actor,
        form: &Form,
        context: &DraftContext<'_>,
        now: i64,
    ) -> Result<Response, Failure> {
        let said = form.get(Field::Revision).unwrap_or_default();
        let id = said.parse::<i64>().map_err(|_| Refusal(words::no_number(said)))?;
        let revision = self.store().revision_of(context.scope, id)?;
        let own = |scope: &Scope| *scope == *context.scope && *scope != Scope::Shared;
        let Some(revision) = revision.filter(|revision| own(&revision.scope)) else {
            return Err(Refusal(words::no_such_revision(id)).into());
        };
        let edits = self.store().promoted(context.scope, id)?;
        let (shared, base) = self.desk.facts_of(&Scope::Shared)?;
        let shared_context = DraftContext { facts: &shared, base, scope: &Scope::Shared, today: context.today };
        let draft = Draft {
            scope: Scope::Shared,
            base,
            act: Act::Promote(context.scope.clone(), id, edits),
            why: form.get(Field::Why).unwrap_or_default().to_owned(),
            lines: words::promotes(&revision),
            probes: probes_of_all(context, &revision),
            settles: None,
        };
        self.offer(by, draft, &shared_context, now)
    }
}

/// Returns probes that show the effect of a revision, one for each topic. Changed topics come before changed claims.
fn probes_of_all(context: &DraftContext<'_>, revision: &Revision) -> Vec<Probe> {
    let (topics, others): (Vec<_>, Vec<_>) = revision.changes.iter().partition(|changed| changed.kind == "topic");
    let mut shown: Vec<(String, Probe)> = Vec::new();
    for changed in topics.into_iter().chain(others) {
        for probe in context.probes_of(changed) {
            let topic = if let Probe::Topic(id) = &probe { id.clone() } else { changed.id.clone() };
            if shown.len() < MOST_SHOWN && shown.iter().all(|(other, _)| *other != topic) {
                shown.push((topic, probe));
            }
        }
    }
    shown.into_iter().map(|(_, probe)| probe).collect()
}

impl DraftContext<'_> {
    /// Returns the probes that show the effect of a changed entity.
    fn probes_of(&self, changed: &EntityChange) -> Vec<Probe> {
        match changed.kind {
            "claim" => self.probes_of_claim(&changed.id),
            "topic" => {
                let topic = self.facts.topics().find(|topic| topic.id == changed.id);
                let gone: Option<Topic> = changed.was.as_deref().and_then(|text| serde_json::from_str(text).ok());
                // For an added or removed topic, a question shows more than the topic's own answer.
                let question = |topic: &Topic| topic.examples.first().cloned().map(Probe::Question);
                match (&changed.was, topic) {
                    (Some(_), Some(topic)) => vec![Probe::Topic(topic.id.clone())],
                    (_, topic) => topic.or(gone.as_ref()).and_then(question).into_iter().collect(),
                }
            }
            _ => Vec::new(),
        }
    }
}
