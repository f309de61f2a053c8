//! Turns a complete command into a draft: a change that can be previewed before it is committed.

use super::claims::shows;
use super::command::{Field, Form, Settles, Verb};
use super::lookup::{claim_of, source_of, topic_of};
use super::{Refusal, lookup};
use crate::desk::Probe;
use crate::facts::{Facts, Rank, Subject, Topic, Value};
use crate::store::{Edit, Scope};
use crate::wording::moderation as words;

/// A change that isn't committed yet.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The scope whose facts change.
    pub scope: Scope,
    /// The newest revision when the draft was made. A later change of the same entity overtakes the draft.
    pub base: i64,
    /// The operation.
    pub act: Act,
    /// The reason for the history; empty if none was given.
    pub why: String,
    /// The description of the change, line by line. The first line is also recorded if no reason was given.
    pub lines: Vec<String>,
    /// The topics and questions whose answers the preview shows.
    pub probes: Vec<Probe>,
    /// The item to remove from the queue once the draft is committed.
    pub settles: Option<Settles>,
}

/// The operation of a draft, each with the edits that it amounts to.
#[derive(Debug, Clone)]
pub enum Act {
    /// Applies edits.
    Edit(Vec<Edit>),
    /// Undoes a revision.
    Undo(i64, Vec<Edit>),
    /// Undoes all revisions after one.
    UndoAllSince(i64, Vec<Edit>),
    /// Makes a revision of a community part of the shared facts.
    Promote(Scope, i64, Vec<Edit>),
}

impl Draft {
    /// Returns the edits that the draft amounts to.
    #[must_use]
    pub fn edits(&self) -> &[Edit] {
        match &self.act {
            Act::Edit(edits) | Act::Undo(_, edits) | Act::UndoAllSince(_, edits) | Act::Promote(_, _, edits) => edits,
        }
    }
}

/// The facts and the scope from which drafts are made.
pub struct DraftContext<'a> {
    /// The facts as the scope sees them.
    pub facts: &'a Facts,
    /// The revision of these facts.
    pub base: i64,
    /// The scope whose facts change.
    pub scope: &'a Scope,
    /// The present day in UTC, as `2026-11-21`.
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

    /// Returns the next field to ask for; `None` if the command is complete. For an edit this also depends on the
    /// claim: a new value needs a matching sentence, and a new sentence or value needs a source.
    ///
    /// # Errors
    /// Returns the refusal if a field names something that doesn't exist or isn't readable.
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
        // Answers contain the sentence, so a new value alone would never show.
        let value = form.get(Field::Value).filter(|text| !is_kept(text)).map(Value::from_words);
        if let Some(value) = value
            && form.get(Field::Statement).is_none()
            && !shows(&claim.statement, &value.map_err(|error| Refusal(error.to_string()))?)
        {
            return Ok(Some(Field::Statement));
        }
        // A rewritten sentence may also mean another figure.
        let statement = form.get(Field::Statement).filter(|text| !is_kept(text));
        let is_lost =
            |text: &str| !shows(text, &claim.value) || claim.value.text() == format!("text {}", claim.statement);
        if form.get(Field::Value).is_none() && statement.is_some_and(is_lost) {
            return Ok(Some(Field::Value));
        }
        let is_said = changes(Field::Statement) || changes(Field::Value);
        Ok((is_said && form.get(Field::Source).is_none()).then_some(Field::Source))
    }

    /// Checks that what the fields name exists and that values can be read, before more fields are asked for.
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
            // Moderators check the source when they accept the suggestion.
            (Verb::Suggest, _) | (_, None) => Ok(()),
            (_, Some(said)) => {
                let mut parts = said.split(';').map(str::trim).filter(|part| !part.is_empty());
                parts.try_for_each(|part| lookup::citation(self.facts, part).map(drop))
            }
        }
    }

    /// Makes the draft of a complete command.
    ///
    /// # Errors
    /// Returns the refusal if the change can't be made.
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

/// Returns a required field, which [`DraftContext::missing`] has checked; an absent one is empty.
pub(super) fn text(form: &Form, field: Field) -> &str {
    form.get(field).unwrap_or_default()
}

/// Returns true if the text of a field means "keep the present one".
pub(super) fn is_kept(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "-" | "same" | "the same" | "keep")
}

/// Returns all topics with their subjects.
pub fn topics(facts: &Facts) -> impl Iterator<Item = (&Subject, &Topic)> {
    facts.subjects.iter().flat_map(|subject| subject.topics.iter().map(move |topic| (subject, topic)))
}
