//! From a command to a change that can be looked at before it counts.

use xxhash_rust::xxh3::xxh3_64;

use super::command::{Field, Form, Settles, Verb};
use super::lookup::{claim_of, source_of, topic_of};
use super::{Refusal, lookup};
use crate::answer::MAX_CLAIMS;
use crate::desk::Probe;
use crate::facts::spoken::read_date;
use crate::facts::{Basis, Citation, Claim, Facts, Rank, Source, Subject, Topic, Value, verify};
use crate::language::Language;
use crate::store::{Edit, Scope};
use crate::understanding::fold;
use crate::wording::moderation as words;

/// The subject to which topics are added that nobody foresaw.
const ADDED: (&str, &str) = ("added", "Added by moderators");

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
pub struct Ground<'a> {
    /// The facts as those of the scope see them.
    pub facts: &'a Facts,
    /// The newest revision.
    pub base: i64,
    /// Whose facts are meant.
    pub scope: &'a Scope,
    /// The day, as `2026-11-21`.
    pub today: &'a str,
}

impl Ground<'_> {
    fn draft(&self, form: &Form, edits: Vec<Edit>, lines: Vec<String>, probes: Vec<Probe>) -> Draft {
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

    fn add_claim(&self, form: &Form) -> Result<Draft, Refusal> {
        let (subject, topic) = topic_of(self.facts, text(form, Field::Topic))?;
        if topic.is_silent() {
            return Err(Refusal(words::is_silent(topic)));
        }
        let claim = self.new_claim(form, &topic.id, Some(topic))?;
        let mut changed = topic.clone();
        // At the end of many claims it would never be said.
        changed.claims.insert(changed.claims.len().min(MAX_CLAIMS - 1), claim.id.clone());
        let lines = [vec![words::adds_claim(topic)], words::claim_in_lines(&claim, self.facts)].concat();
        let edits = vec![
            Edit::Claim { subject: subject.id.clone(), claim },
            Edit::Topic { subject: subject.id.clone(), topic: changed },
        ];
        Ok(self.draft(form, edits, lines, vec![Probe::Topic(topic.id.clone())]))
    }

    /// The claim of a command that adds one; `topic` gives what its value is likely a value of.
    fn new_claim(&self, form: &Form, name: &str, topic: Option<&Topic>) -> Result<Claim, Refusal> {
        let statement = self.statement(text(form, Field::Statement))?;
        let value = match form.get(Field::Value).filter(|text| !is_kept(text)) {
            Some(text) => Value::from_words(text).map_err(|error| Refusal(error.to_string()))?,
            None => Value::parse(&format!("text {}", statement.trim_end_matches('.')))
                .map_err(|e| Refusal(e.to_string()))?,
        };
        let unique = xxh3_64(format!("{}\n{statement}\n{}", self.scope.key(), self.base).as_bytes());
        let mut claim = Claim {
            id: format!("{}-{:05x}", name.chars().take(40).collect::<String>(), unique & 0xf_ffff),
            of: None,
            statement,
            value,
            attributed_to: None,
            unprinted: None,
            as_of: self.today.to_owned(),
            as_of_basis: Basis::Report,
            rank: Rank::Normal,
            contradicts: Vec::new(),
            derived: None,
            unsourced: None,
            cite: Vec::new(),
        };
        self.put_source(&mut claim, text(form, Field::Source), form)?;
        self.put_details(&mut claim, form)?;
        if claim.of.is_none() && claim.value.is_comparable() {
            claim.of = Some(self.likely_of(&claim.value, topic).unwrap_or_else(|| name.to_owned()));
        }
        Ok(claim)
    }

    /// A statement as a sentence; a figure alone is none.
    fn statement(&self, text: &str) -> Result<String, Refusal> {
        let words = text.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).count();
        if words < 2 { Err(Refusal(words::no_sentence(text))) } else { Ok(sentence(text)) }
    }

    /// What a value is likely a value of: what the topic's claims with such values are.
    fn likely_of(&self, value: &Value, topic: Option<&Topic>) -> Option<String> {
        let claims = self.facts.claims_by_id();
        let alike =
            |claim: &&&Claim| std::mem::discriminant(claim.value.kind()) == std::mem::discriminant(value.kind());
        let known = topic?.claims.iter().filter_map(|id| claims.get(id.as_str()));
        known.collect::<Vec<_>>().iter().find(|claim| alike(claim)).and_then(|claim| claim.of.clone())
    }

    /// Gives a claim its source and paragraph, or marks it as unsourced.
    fn put_source(&self, claim: &mut Claim, said: &str, form: &Form) -> Result<(), Refusal> {
        if lookup::is_none(said) {
            claim.cite.clear();
            claim.unsourced = Some(self.today.to_owned());
            claim.as_of = self.today.to_owned();
            claim.as_of_basis = Basis::Report;
            return Ok(());
        }
        let bearing: Vec<String> = form.get(Field::Words).map(str::to_owned).into_iter().collect();
        let mut cite = Vec::new();
        for part in said.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (source, paragraph) = lookup::citation(self.facts, part)?;
            if claim.cite.is_empty() && cite.is_empty() {
                claim.as_of.clone_from(&source.published);
            }
            cite.push(Citation { source: source.id.clone(), paragraph, words: bearing.clone() });
        }
        if cite.is_empty() {
            return Err(Refusal(words::prompt_text(Field::Source)));
        }
        (claim.cite, claim.unsourced) = (cite, None);
        Ok(())
    }

    fn put_details(&self, claim: &mut Claim, form: &Form) -> Result<(), Refusal> {
        if let Some(of) = form.get(Field::Of) {
            claim.of = Some(of.to_owned());
        }
        if let Some(day) = form.get(Field::AsOf) {
            claim.as_of = read_date(day).ok_or_else(|| Refusal(words::no_date(day)))?;
        }
        if let Some(who) = form.get(Field::SaidBy) {
            claim.attributed_to = (!lookup::is_none(who)).then(|| who.to_owned());
        }
        match &claim.attributed_to {
            Some(who) if !claim.statement.contains(who.as_str()) => Err(Refusal(words::unnamed(who))),
            _ => Ok(()),
        }
    }

    fn edit_claim(&self, form: &Form) -> Result<Draft, Refusal> {
        let (subject, was) = claim_of(self.facts, text(form, Field::Claim))?;
        let mut claim = was.clone();
        if let Some(statement) = form.get(Field::Statement).filter(|text| !is_kept(text)) {
            claim.statement = self.statement(statement)?;
            if was.value.text() == format!("text {}", was.statement.trim_end_matches('.')) {
                let value = format!("text {}", claim.statement.trim_end_matches('.'));
                claim.value = Value::parse(&value).map_err(|error| Refusal(error.to_string()))?;
            }
        }
        if let Some(value) = form.get(Field::Value).filter(|text| !is_kept(text)) {
            claim.value = Value::from_words(value).map_err(|error| Refusal(error.to_string()))?;
            // How the old value followed from what is printed says nothing of the new one.
            claim.derived = None;
        }
        match form.get(Field::Source) {
            Some(said) if !is_kept(said) => self.put_source(&mut claim, said, form)?,
            Some(_) if claim.statement != was.statement || claim.value != was.value => {
                // The words that bore the old claim need not bear this one.
                let bearing: Vec<String> = form.get(Field::Words).map(str::to_owned).into_iter().collect();
                claim.cite.iter_mut().for_each(|citation| citation.words.clone_from(&bearing));
            }
            _ => {}
        }
        self.put_details(&mut claim, form)?;
        if claim.of.is_none() && claim.value.is_comparable() {
            claim.of = Some(claim.id.clone());
        }
        if claim == *was {
            return Err(Refusal(words::nothing_changed()));
        }
        let lines = words::claim_changes(was, &claim, self.facts);
        let edits = vec![Edit::Claim { subject: subject.id.clone(), claim: claim.clone() }];
        Ok(self.draft(form, edits, lines, self.probes_of_claim(&claim.id)))
    }

    fn rank_claim(&self, form: &Form, rank: Rank) -> Result<Draft, Refusal> {
        let (subject, was) = claim_of(self.facts, text(form, Field::Claim))?;
        if (was.rank == Rank::Deprecated) == (rank == Rank::Deprecated) {
            return Err(Refusal(words::nothing_changed()));
        }
        let claim = Claim { rank, ..was.clone() };
        let line = if rank == Rank::Deprecated { words::retires_claim(was) } else { words::restores_claim(was) };
        let edits = vec![Edit::Claim { subject: subject.id.clone(), claim }];
        Ok(self.draft(form, edits, vec![line], self.probes_of_claim(&was.id)))
    }

    pub fn probes_of_claim(&self, id: &str) -> Vec<Probe> {
        let has = |topic: &&Topic| topic.claims.iter().any(|claim| claim == id);
        self.facts.topics().filter(has).map(|topic| Probe::Topic(topic.id.clone())).take(1).collect()
    }

    fn add_topic(&self, form: &Form) -> Result<Draft, Refusal> {
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

    /// A topic about which the sources are silent, asked for by a question.
    ///
    /// # Errors
    /// If there is such a topic or question.
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

    fn rename_topic(&self, form: &Form) -> Result<Draft, Refusal> {
        let (subject, was) = topic_of(self.facts, text(form, Field::Topic))?;
        let title = text(form, Field::Title);
        // A title is taught like a question: another topic's would draw its questions here.
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

    fn merge_topics(&self, form: &Form) -> Result<Draft, Refusal> {
        let (_, from) = topic_of(self.facts, text(form, Field::Topic))?;
        let (subject, into) = topic_of(self.facts, text(form, Field::Into))?;
        if from.id == into.id || from.is_silent() != into.is_silent() {
            return Err(Refusal(words::not_mergeable(from, into)));
        }
        let mut topic = into.clone();
        topic.examples.extend(from.examples.iter().cloned());
        // What is written of it in other languages goes with its id.
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

    fn retire_topic(&self, form: &Form) -> Result<Draft, Refusal> {
        let (_, topic) = topic_of(self.facts, text(form, Field::Topic))?;
        let edits = vec![Edit::Remove { kind: "topic", id: topic.id.clone() }];
        let asked = topic.examples.first().map(|question| Probe::Question(question.clone()));
        Ok(self.draft(form, edits, vec![words::retires_topic(topic)], asked.into_iter().collect()))
    }

    /// Makes a question free to be taught: one that stands in a silent topic is taken from it, and said so; what another
    /// topic answers isn't taken away unseen.
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

    fn add_question(&self, form: &Form) -> Result<Draft, Refusal> {
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

    fn remove_question(&self, form: &Form) -> Result<Draft, Refusal> {
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

    fn add_source(&self, form: &Form) -> Result<Draft, Refusal> {
        let title = text(form, Field::Title).to_owned();
        let named = form.get(Field::Publisher).unwrap_or(&title);
        let plain: String = fold(named).chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let id: String = plain.trim_matches('-').chars().take(30).collect();
        let mut source = Source { id, title, ..Source::default() };
        let mut tries = 0;
        while source.id.is_empty() || self.facts.sources.iter().any(|other| other.id == source.id) {
            let unique = format!("{}\n{}\n{}\n{tries}", source.title, self.scope.key(), self.base);
            source.id = format!("source-{:05x}", xxh3_64(unique.as_bytes()) & 0xf_ffff);
            tries += 1;
        }
        self.put_into_source(&mut source, form)?;
        let lines = vec![words::adds_source(&source)];
        Ok(self.draft(form, vec![Edit::Source(source)], lines, Vec::new()))
    }

    fn edit_source(&self, form: &Form) -> Result<Draft, Refusal> {
        let was = source_of(self.facts, text(form, Field::Source))?;
        let mut source = was.clone();
        self.put_into_source(&mut source, form)?;
        if source == *was {
            return Err(Refusal(words::nothing_changed()));
        }
        let cites = |claim: &&Claim| claim.cite.iter().any(|citation| citation.source == source.id);
        let probes = self.facts.claims().find(cites).map(|claim| self.probes_of_claim(&claim.id)).unwrap_or_default();
        let lines = vec![words::changes_source(was, &source)];
        Ok(self.draft(form, vec![Edit::Source(source)], lines, probes))
    }

    fn put_into_source(&self, source: &mut Source, form: &Form) -> Result<(), Refusal> {
        if let Some(title) = form.get(Field::Title) {
            title.clone_into(&mut source.title);
        }
        if let Some(day) = form.get(Field::Date) {
            source.published = read_date(day).ok_or_else(|| Refusal(words::no_date(day)))?;
            source.published_inferred = false;
        }
        if let Some(publisher) = form.get(Field::Publisher) {
            source.publisher = (!lookup::is_none(publisher)).then(|| publisher.to_owned());
        }
        if let Some(url) = form.get(Field::Url) {
            source.url = match lookup::is_none(url) {
                true => None,
                false => Some(lookup::address(url)?),
            };
        }
        if let Some(count) = form.get(Field::Paragraphs) {
            source.paragraphs = count.parse().map_err(|_| Refusal(words::no_number(count)))?;
        }
        Ok(())
    }

    fn retire_source(&self, form: &Form) -> Result<Draft, Refusal> {
        let source = source_of(self.facts, text(form, Field::Source))?;
        let citing: Vec<&str> = self
            .facts
            .claims()
            .filter(|claim| claim.cite.iter().any(|citation| citation.source == source.id))
            .map(|claim| claim.id.as_str())
            .collect();
        if !citing.is_empty() {
            return Err(Refusal(words::source_is_cited(source, &citing)));
        }
        let edits = vec![Edit::Remove { kind: "source", id: source.id.clone() }];
        Ok(self.draft(form, edits, vec![words::retires_source(source)], Vec::new()))
    }
}

/// A field that [`Ground::missing`] has seen to be there.
fn text(form: &Form, field: Field) -> &str {
    form.get(field).unwrap_or_default()
}

/// Whether a field is left as it is.
fn is_kept(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "-" | "same" | "the same" | "keep")
}

/// As a sentence with a capital and a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let whole = format!("{first}{}", chars.as_str());
    if whole.ends_with(['.', '!', '?', '…']) { whole } else { format!("{whole}.") }
}

/// Whether a sentence shows the figures of a value.
pub fn shows(statement: &str, value: &Value) -> bool {
    let shown = verify::numbers(&ungrouped(statement));
    verify::numbers(&value.in_words()).iter().all(|number| shown.contains(number))
}

/// A text in which the thousands of numbers aren't set apart by spaces.
fn ungrouped(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    let parts = |at: usize| {
        let is_space = matches!(chars[at], ' ' | '\u{a0}' | '\u{202f}');
        is_space && at > 0 && is_digit(at - 1) && (1..=3).all(|next| is_digit(at + next)) && !is_digit(at + 4)
    };
    (0..chars.len()).filter(|at| !parts(*at)).map(|at| chars[at]).collect()
}

/// All topics with their subjects.
pub fn topics(facts: &Facts) -> impl Iterator<Item = (&Subject, &Topic)> {
    facts.subjects.iter().flat_map(|subject| subject.topics.iter().map(move |topic| (subject, topic)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_becomes_a_sentence() {
        assert_eq!(sentence(" it costs 5 "), "It costs 5.");
        assert_eq!(sentence("Really!"), "Really!");
        assert_eq!(sentence("это так"), "Это так.");
    }

    #[test]
    fn a_statement_shows_its_value() {
        let value = |text: &str| Value::from_words(text).unwrap();
        assert!(shows("A ticket costs 45,000 rubles.", &value("45,000 RUB")));
        assert!(!shows("A ticket costs 45,000 rubles.", &value("46,000 RUB")));
        assert!(shows("It takes more than 8 hours.", &value("more than 8h")));
        assert!(shows("Nordwind flies it.", &value("name Nordwind")));
    }
}
