//! From a command to a change that can be looked at before it counts.

use super::claims::shows;
use super::command::{Field, Form, Settles, Verb};
use super::lookup::{claim_of, source_of, topic_of};
use super::{Refusal, lookup};
use crate::desk::Probe;
use crate::facts::{Facts, Rank, Subject, Topic, Value};
use crate::store::{Edit, Scope};
use crate::wording::moderation as words;

/// A change that was decided on when `base` was the newest revision.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Whose facts it changes.
    pub scope: Scope,
    /// The revision that its maker saw.
    pub base: i64,
    /// What it does.
    pub act: Act,
    /// Why, for the record.
    pub why: String,
    /// What it does in words, a line each.
    pub lines: Vec<String>,
    /// What to show of it before it counts.
    pub probes: Vec<Probe>,
    /// The item of the queue that it settles.
    pub settles: Option<Settles>,
}

/// What a draft does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Makes things as they are here.
    Edit(Vec<Edit>),
    /// Takes a revision back; the edits are what that comes to.
    Undo(i64, Vec<Edit>),
    /// Takes all revisions after one back; the edits are what that comes to.
    UndoAllSince(i64, Vec<Edit>),
    /// Lifts a community's revision into the shared facts; the edits are what that comes to.
    Promote(Scope, i64, Vec<Edit>),
}

impl Draft {
    /// What becomes of things.
    #[must_use]
    pub fn edits(&self) -> &[Edit] {
        match &self.act {
            Act::Edit(edits) | Act::Undo(_, edits) | Act::UndoAllSince(_, edits) | Act::Promote(_, _, edits) => edits,
        }
    }
}

/// What a draft is made on.
pub struct DraftContext<'a> {
    /// The facts as those of the scope see them.
    pub facts: &'a Facts,
    /// The newest revision.
    pub base: i64,
    /// Whose facts are meant.
    pub scope: &'a Scope,
    /// The day, as `2026-11-21`.
    pub today: &'a str,
}

impl DraftContext<'_> {
    pub(super) fn draft(&self, form: &Form, edits: Vec<Edit>, lines: Vec<String>, probes: Vec<Probe>) -> Draft {
        Draft {
            scope: self.scope.clone(),
            base: self.base,
            act: Act::Edit(edits),
            why: form.get(Field::Why).unwrap_or_default().to_owned(),
            lines,
            probes,
            settles: form.settles.clone(),
        }
    }

    /// The field that a command still needs, with what is there at present.
    pub fn missing(&self, form: &Form) -> Result<Option<Field>, Refusal> {
        self.check_names(form)?;
        let missing = form.verb.grammar().must.iter().copied().find(|field| form.get(*field).is_none());
        if missing.is_some() || form.verb != Verb::FactEdit {
            return Ok(missing);
        }
        let (_, claim) = claim_of(self.facts, form.get(Field::Claim).unwrap_or_default())?;
        let changes = |field: Field| form.get(field).is_some_and(|text| !is_kept(text));
        if form.fields.keys().all(|field| matches!(field, Field::Claim | Field::Why)) {
            return Ok(Some(Field::Statement));
        }
        // What is spoken is the sentence: another value without another sentence would never be heard.
        let value = form.get(Field::Value).filter(|text| !is_kept(text)).map(Value::from_words);
        if let Some(value) = value
            && form.get(Field::Statement).is_none()
            && !shows(&claim.statement, &value.map_err(|error| Refusal(error.to_string()))?)
        {
            return Ok(Some(Field::Statement));
        }
        // Who rewrites the sentence may have meant another figure, too.
        let statement = form.get(Field::Statement).filter(|text| !is_kept(text));
        let is_lost =
            |text: &str| !shows(text, &claim.value) || claim.value.text() == format!("text {}", claim.statement);
        if form.get(Field::Value).is_none() && statement.is_some_and(is_lost) {
            return Ok(Some(Field::Value));
        }
        let is_said = changes(Field::Statement) || changes(Field::Value);
        Ok((is_said && form.get(Field::Source).is_none()).then_some(Field::Source))
    }

    /// What is named must be there, before anything more is asked for.
    fn check_names(&self, form: &Form) -> Result<(), Refusal> {
        for field in [Field::Topic, Field::Into] {
            form.get(field).map(|name| topic_of(self.facts, name)).transpose()?;
        }
        form.get(Field::Claim).map(|id| claim_of(self.facts, id)).transpose()?;
        if let Some(statement) = form.get(Field::Statement).filter(|text| !is_kept(text) && form.verb != Verb::Suggest)
        {
            self.statement(statement)?;
        }
        if let Some(value) = form.get(Field::Value).filter(|text| !is_kept(text)) {
            Value::from_words(value).map_err(|error| Refusal(error.to_string()))?;
        }
        let source = form.get(Field::Source).filter(|text| !is_kept(text) && !lookup::is_none(text));
        match (form.verb, source) {
            (Verb::SourceEdit | Verb::SourceRetire, Some(name)) => source_of(self.facts, name).map(drop),
            // What members write is read by those who accept it.
            (Verb::Suggest, _) | (_, None) => Ok(()),
            (_, Some(said)) => {
                let mut parts = said.split(';').map(str::trim).filter(|part| !part.is_empty());
                parts.try_for_each(|part| lookup::citation(self.facts, part).map(drop))
            }
        }
    }

    /// The change that a whole command asks for.
    ///
    /// # Errors
    /// Why it can't be made.
    pub fn make(&self, form: &Form) -> Result<Draft, Refusal> {
        match form.verb {
            Verb::FactAdd => self.add_claim(form),
            Verb::FactEdit => self.edit_claim(form),
            Verb::FactRetire => self.rank_claim(form, Rank::Deprecated),
            Verb::FactRestore => self.rank_claim(form, Rank::Normal),
            Verb::TopicAdd => self.add_topic(form),
            Verb::TopicRename => self.rename_topic(form),
            Verb::TopicMerge => self.merge_topics(form),
            Verb::TopicRetire => self.retire_topic(form),
            Verb::QuestionAdd => self.add_question(form),
            Verb::QuestionRemove => self.remove_question(form),
            Verb::SourceAdd => self.add_source(form),
            Verb::SourceEdit => self.edit_source(form),
            Verb::SourceRetire => self.retire_source(form),
            _ => Err(Refusal(words::no_such_command())),
        }
    }
}

/// A field that [`DraftContext::missing`] has seen to be there.
pub(super) fn text(form: &Form, field: Field) -> &str {
    form.get(field).unwrap_or_default()
}

/// Whether a field is left as it is.
pub(super) fn is_kept(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "-" | "same" | "the same" | "keep")
}

/// All topics with their subjects.
pub fn topics(facts: &Facts) -> impl Iterator<Item = (&Subject, &Topic)> {
    facts.subjects.iter().flat_map(|subject| subject.topics.iter().map(move |topic| (subject, topic)))
}
