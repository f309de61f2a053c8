//! Makes the drafts that change topics and their example questions.

use xxhash_rust::xxh3::xxh3_64;

use super::Refusal;
use super::command::{Field, Form};
use super::draft::{Draft, DraftContext, text, topics};
use super::lookup::topic_of;
use crate::desk::Probe;
use crate::facts::Topic;
use crate::language::Language;
use crate::store::Edit;
use crate::understanding::fold;
use crate::wording::moderation as words;

/// The id and title of the subject for topics that moderators add.
const ADDED: (&str, &str) = ("added", "Added by moderators");

impl DraftContext<'_> {
    pub(super) fn add_topic(&self, form: &Form) -> Result<Draft, Refusal> {
        let title = text(form, Field::Title);
        let id = self.new_topic_id(title)?;
        let claim = self.new_claim(form, &id, None)?;
        let question = text(form, Field::Question);
        let (taken, mut lines) = self.take_question(question)?;
        let topic = Topic {
            id,
            title: title.to_owned(),
            claims: vec![claim.id.clone()],
            examples: vec![question.to_owned()],
            ..Topic::default()
        };
        lines.splice(0..0, [vec![words::adds_topic(&topic)], words::claim_in_lines(&claim, self.facts)].concat());
        let mut edits = self.with_topic(topic, vec![Edit::Claim { subject: ADDED.0.to_owned(), claim }]);
        edits.extend(taken);
        Ok(self.draft(form, edits, lines, vec![Probe::Question(question.to_owned())]))
    }

    /// Makes the draft of a silent topic with an example question. `near` are the ids of the claims that its answer
    /// shows.
    ///
    /// # Errors
    /// Returns a refusal if a topic has the same title.
    pub fn add_silent_topic(&self, form: &Form, question: &str, near: &[String]) -> Result<Draft, Refusal> {
        let unsaid = text(form, Field::Unsaid).trim().trim_end_matches('.').to_owned();
        let title = words::unsaid_as_title(&unsaid);
        let topic = Topic {
            id: self.new_topic_id(&title)?,
            title,
            unsaid: Some(unsaid),
            claims: near.to_vec(),
            examples: vec![question.to_owned()],
            ..Topic::default()
        };
        let lines = vec![words::adds_silent_topic(&topic)];
        Ok(self.draft(form, self.with_topic(topic, Vec::new()), lines, vec![Probe::Question(question.to_owned())]))
    }

    /// Returns edits that create the claims and the topic, and the subject of added topics if it doesn't exist.
    fn with_topic(&self, topic: Topic, claims: Vec<Edit>) -> Vec<Edit> {
        let mut edits = Vec::new();
        if !self.facts.subjects.iter().any(|subject| subject.id == ADDED.0) {
            edits.push(Edit::Subject { id: ADDED.0.to_owned(), title: ADDED.1.to_owned() });
        }
        edits.extend(claims);
        edits.push(Edit::Topic { subject: ADDED.0.to_owned(), topic });
        edits
    }

    fn new_topic_id(&self, title: &str) -> Result<String, Refusal> {
        if let Some(topic) = self.facts.topics().find(|topic| fold(&topic.title) == fold(title)) {
            return Err(Refusal(words::topic_is_there(topic)));
        }
        let plain: String = fold(title).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let mut id: String = plain.split('-').filter(|part| !part.is_empty()).take(6).collect::<Vec<_>>().join("-");
        id.truncate(40);
        if id.is_empty() || self.facts.topics().any(|topic| topic.id == id) {
            id = format!(
                "{}{}{:05x}",
                id,
                if id.is_empty() { "topic-" } else { "-" },
                xxh3_64(title.as_bytes()) & 0xf_ffff
            );
        }
        Ok(id)
    }

    pub(super) fn rename_topic(&self, form: &Form) -> Result<Draft, Refusal> {
        let (subject, was) = topic_of(self.facts, text(form, Field::Topic))?;
        let title = text(form, Field::Title);
        // The bot learns from titles as well as examples: another topic's title would attract its questions.
        let is_others = |topic: &&Topic| {
            topic.id != was.id && (fold(&topic.title) == fold(title) || fold(&topic.id) == fold(title))
        };
        if let Some(topic) = self.facts.topics().find(is_others) {
            return Err(Refusal(words::topic_is_there(topic)));
        }
        let topic = Topic { title: title.to_owned(), ..was.clone() };
        let lines = vec![words::renames_topic(was, &topic.title)];
        let edits = vec![Edit::Topic { subject: subject.id.clone(), topic }];
        Ok(self.draft(form, edits, lines, vec![Probe::Question(title.to_owned())]))
    }

    pub(super) fn merge_topics(&self, form: &Form) -> Result<Draft, Refusal> {
        let (_, from) = topic_of(self.facts, text(form, Field::Topic))?;
        let (subject, into) = topic_of(self.facts, text(form, Field::Into))?;
        if from.id == into.id || from.is_silent() != into.is_silent() {
            return Err(Refusal(words::not_mergeable(from, into)));
        }
        let mut topic = into.clone();
        topic.examples.extend(from.examples.iter().cloned());
        // The examples in other languages belong to the id that goes away.
        let said = Language::others().filter_map(|language| language.pack().topic(&from.id));
        for example in said.flat_map(|said| &said.examples) {
            if !topic.examples.contains(example) {
                topic.examples.push(example.clone());
            }
        }
        topic.claims.extend(from.claims.iter().filter(|id| !into.claims.contains(id)).cloned());
        let lines = vec![words::merges_topics(from, into)];
        let edits = vec![
            Edit::Topic { subject: subject.id.clone(), topic },
            Edit::Remove { kind: "topic", id: from.id.clone() },
        ];
        let asked = from.examples.first().map(|question| Probe::Question(question.clone()));
        Ok(self.draft(form, edits, lines, asked.into_iter().collect()))
    }

    pub(super) fn retire_topic(&self, form: &Form) -> Result<Draft, Refusal> {
        let (_, topic) = topic_of(self.facts, text(form, Field::Topic))?;
        let edits = vec![Edit::Remove { kind: "topic", id: topic.id.clone() }];
        let asked = topic.examples.first().map(|question| Probe::Question(question.clone()));
        Ok(self.draft(form, edits, vec![words::retires_topic(topic)], asked.into_iter().collect()))
    }

    /// Frees a question for another topic. If a silent topic has it, returns the edit that removes it there and a line
    /// that says so.
    ///
    /// # Errors
    /// Returns a refusal if the question has no words, or an answered topic has it.
    fn take_question(&self, question: &str) -> Result<(Option<Edit>, Vec<String>), Refusal> {
        let folded = fold(question);
        if folded.is_empty() {
            return Err(Refusal(words::no_question()));
        }
        let is_it = |example: &String| fold(example) == folded;
        let owner = topics(self.facts).find(|(_, topic)| topic.examples.iter().any(is_it));
        let Some((subject, was)) = owner else { return Ok((None, Vec::new())) };
        if !was.is_silent() {
            return Err(Refusal(words::question_is_there(question, was)));
        }
        let mut topic = was.clone();
        topic.examples.retain(|example| !is_it(example));
        let lines = vec![words::takes_from_silent(was, topic.examples.len())];
        let edit = match topic.examples.is_empty() {
            true => Edit::Remove { kind: "topic", id: topic.id },
            false => Edit::Topic { subject: subject.id.clone(), topic },
        };
        Ok((Some(edit), lines))
    }

    pub(super) fn add_question(&self, form: &Form) -> Result<Draft, Refusal> {
        let (subject, was) = topic_of(self.facts, text(form, Field::Topic))?;
        let question = text(form, Field::Question);
        if was.examples.iter().any(|example| fold(example) == fold(question)) {
            return Err(Refusal(words::question_is_there(question, was)));
        }
        let (taken, mut lines) = self.take_question(question)?;
        lines.insert(0, words::teaches(question, was));
        let mut topic = was.clone();
        topic.examples.push(question.to_owned());
        let mut edits = vec![Edit::Topic { subject: subject.id.clone(), topic }];
        edits.extend(taken);
        Ok(self.draft(form, edits, lines, vec![Probe::Question(question.to_owned())]))
    }

    pub(super) fn remove_question(&self, form: &Form) -> Result<Draft, Refusal> {
        let question = text(form, Field::Question);
        let folded = fold(question);
        let is_it = |example: &String| fold(example) == folded;
        let found = topics(self.facts).find(|(_, topic)| topic.examples.iter().any(is_it));
        let Some((subject, was)) = found else { return Err(Refusal(words::question_is_not_there(question))) };
        let mut topic = was.clone();
        topic.examples.retain(|example| !is_it(example));
        if topic.examples.is_empty() {
            return Err(Refusal(words::last_question(was)));
        }
        let edits = vec![Edit::Topic { subject: subject.id.clone(), topic }];
        let probes = vec![Probe::Question(question.to_owned())];
        Ok(self.draft(form, edits, vec![words::forgets(question, was)], probes))
    }
}
