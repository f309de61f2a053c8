//! Exports all facts of a community as one file, and imports an edited file as one revision.

use std::collections::BTreeSet;

use super::command::{Field, Form};
use super::draft::{Draft, DraftContext, text, topics};
use super::{Failure, Moderation, Refusal, Response, TextFile, lookup};
use crate::desk::Probe;
use crate::facts::bundle::Bundle;
use crate::facts::check::{Problem, check};
use crate::facts::{Claim, Facts, Source, Subject, Topic, Value};
use crate::store::Edit;
use crate::wording::moderation as words;

/// The number of answers in the preview of an import.
const MOST_SHOWN: usize = 3;

/// The largest number of entities that an import may change, and the largest size of its file as a multiple of the size
/// of the present facts. Larger imports would keep other people waiting.
const MOST_CHANGES: usize = 1_000;
const MOST_GROWN: usize = 3;

impl Moderation {
    /// Exports the facts as a file.
    pub(super) fn export(context: &DraftContext<'_>) -> Response {
        let (claims, topics) = (context.facts.claims().count(), context.facts.topics().count());
        let text = words::exported(context.base, claims, topics);
        let file = TextFile {
            name: format!("facts-{}.txt", context.base),
            text: Bundle::of(context.facts, context.base).to_text(),
        };
        Response { file: Some(file), ..Response::text(text) }
    }

    /// Makes the draft of an import: the differences between the file and the revision from which it was exported. A
    /// long list of changes is also returned as a file.
    pub(super) fn draft_of_import(
        &self,
        form: &Form,
        context: &DraftContext<'_>,
    ) -> Result<(Draft, Option<TextFile>), Failure> {
        let text = text(form, Field::File);
        let most = MOST_GROWN * Bundle::of(context.facts, context.base).to_text().len();
        if text.len() > most {
            return Err(Refusal(words::too_much("The file has too many bytes", most)).into());
        }
        let bundle = Bundle::from_text(text).map_err(bad)?;
        let base = bundle.revision.unwrap_or(context.base);
        if !(1..=context.base).contains(&base) {
            return Err(Refusal(words::other_revision(base, context.base)).into());
        }
        let (facts, problems) = bundle.look().map_err(bad)?;
        let known = context.problems();
        let problems = unless_known(problems, &known);
        if !problems.is_empty() {
            return Err(bad(problems).into());
        }
        let mut edits = self.store().difference(context.scope, base, &facts)?;
        if edits.is_empty() {
            return Err(Refusal(words::file_changes_nothing(base, context.base)).into());
        }
        edits.retain(|edit| !context.is_so(edit));
        context.check_edits(&mut edits, &facts)?;
        let later = self.store().overtaken(context.scope, base, &edits)?;
        if !later.is_empty() {
            return Err(Refusal(words::changed_since_export(&later)).into());
        }
        // The file and the changes made since may each be valid and yet conflict.
        let together = unless_known(problems_of(&with_edits(context.facts, &edits)), &known);
        if !together.is_empty() {
            return Err(Refusal(words::bad_together(&together)).into());
        }
        let (told, probes) = (context.told(&edits), context.probes_of_edits(&edits));
        let all = words::all_that_it_changes(&told).map(|text| TextFile { name: words::ALL_CHANGES.into(), text });
        let lines = words::imports(&edits, &told);
        Ok((context.draft(form, edits, lines, probes), all))
    }
}

fn bad(problems: Vec<Problem>) -> Refusal {
    Refusal(words::bad_file(&problems))
}

fn problems_of(facts: &Facts) -> Vec<Problem> {
    check(facts, &Bundle::of(facts, 0).files)
}

/// Returns the problems that the present facts don't have.
fn unless_known(problems: Vec<Problem>, known: &BTreeSet<String>) -> Vec<Problem> {
    problems.into_iter().filter(|problem| !known.contains(&problem.message)).collect()
}

/// Returns facts with edits applied.
fn with_edits(facts: &Facts, edits: &[Edit]) -> Facts {
    let mut facts = facts.clone();
    for edit in edits.iter().cloned() {
        match edit {
            Edit::Subject { id, title } => match facts.subjects.iter_mut().find(|subject| subject.id == id) {
                Some(subject) => subject.title = title,
                None => facts.subjects.push(Subject { id, title, claims: Vec::new(), topics: Vec::new() }),
            },
            Edit::Source(source) => put(&mut facts.sources, source, |source| &source.id),
            Edit::Claim { subject, claim } => {
                let holds = |one: &Subject| one.claims.iter().any(|other| other.id == claim.id);
                let at = facts.subjects.iter().position(holds);
                let at = at.or_else(|| facts.subjects.iter().position(|one| one.id == subject));
                at.into_iter().for_each(|at| put(&mut facts.subjects[at].claims, claim.clone(), |claim| &claim.id));
            }
            Edit::Topic { subject, topic } => {
                let holds = |one: &Subject| one.topics.iter().any(|other| other.id == topic.id);
                let at = facts.subjects.iter().position(holds);
                let at = at.or_else(|| facts.subjects.iter().position(|one| one.id == subject));
                at.into_iter().for_each(|at| put(&mut facts.subjects[at].topics, topic.clone(), |topic| &topic.id));
            }
            Edit::Remove { kind, id } => {
                facts.sources.retain(|source| kind != "source" || source.id != id);
                for subject in &mut facts.subjects {
                    subject.claims.retain(|claim| kind != "claim" || claim.id != id);
                    subject.topics.retain(|topic| kind != "topic" || topic.id != id);
                }
            }
        }
    }
    facts
}

/// Replaces the entity with the same id, or appends a new one.
fn put<T>(things: &mut Vec<T>, thing: T, id: impl Fn(&T) -> &String) {
    match things.iter_mut().find(|other| id(other) == id(&thing)) {
        Some(other) => *other = thing,
        None => things.push(thing),
    }
}

impl DraftContext<'_> {
    fn claim(&self, id: &str) -> Option<&Claim> {
        self.facts.claims().find(|claim| claim.id == id)
    }

    fn topic(&self, id: &str) -> Option<&Topic> {
        self.facts.topics().find(|topic| topic.id == id)
    }

    fn source(&self, id: &str) -> Option<&Source> {
        self.facts.sources.iter().find(|source| source.id == id)
    }

    /// Returns the messages of the problems in the present facts, without their places.
    fn problems(&self) -> BTreeSet<String> {
        problems_of(self.facts).into_iter().map(|problem| problem.message).collect()
    }

    /// Checks that a file may make these edits, and cleans their texts.
    ///
    /// # Errors
    /// Returns a refusal if there are none or too many, a text is refused, or the file lacks whole parts.
    fn check_edits(&self, edits: &mut [Edit], file: &Facts) -> Result<(), Refusal> {
        if edits.is_empty() {
            return Err(Refusal(words::nothing_changed()));
        }
        if edits.len() > MOST_CHANGES {
            return Err(Refusal(words::too_much("The file changes too many entries", MOST_CHANGES)));
        }
        let refused: Vec<String> = edits.iter_mut().filter_map(|edit| self.clean(edit).err()).collect();
        if !refused.is_empty() {
            return Err(Refusal(words::bad_parts(&refused)));
        }
        let missing = self.missing_parts(file, edits);
        if missing.is_empty() { Ok(()) } else { Err(Refusal(words::missing_parts(&missing))) }
    }

    /// Returns the parts that a file lacks together with all of their entries. Such a file was probably cut short, so
    /// this isn't taken as a removal.
    fn missing_parts(&self, file: &Facts, edits: &[Edit]) -> Vec<String> {
        let gone: BTreeSet<&str> = edits
            .iter()
            .filter_map(|edit| if let Edit::Remove { id, .. } = edit { Some(id.as_str()) } else { None })
            .collect();
        let is_missing = |subject: &&Subject| {
            let ids = subject.claims.iter().map(|claim| &claim.id).chain(subject.topics.iter().map(|topic| &topic.id));
            !file.subjects.iter().any(|other| other.id == subject.id)
                && ids.clone().any(|id| gone.contains(id.as_str()))
        };
        self.facts.subjects.iter().filter(is_missing).map(|subject| format!("{}.toml", subject.id)).collect()
    }

    /// Returns true if an edit changes nothing.
    fn is_so(&self, edit: &Edit) -> bool {
        match edit {
            Edit::Claim { claim, .. } => self.claim(&claim.id) == Some(claim),
            Edit::Topic { topic, .. } => self.topic(&topic.id) == Some(topic),
            Edit::Source(source) => self.source(&source.id) == Some(source),
            Edit::Subject { id, title } => self.facts.subjects.iter().any(|one| one.id == *id && one.title == *title),
            Edit::Remove { kind: "claim", id } => self.claim(id).is_none(),
            Edit::Remove { kind: "topic", id } => self.topic(id).is_none(),
            Edit::Remove { id, .. } => self.source(id).is_none(),
        }
    }

    /// Checks and cleans the new texts of an edit like typed ones. Texts that the entity has already stay as they are.
    ///
    /// # Errors
    /// Returns the reason, with the name of the entity, if a text is refused.
    fn clean(&self, edit: &mut Edit) -> Result<(), String> {
        let name = edit.named().0;
        let mut was = match edit {
            Edit::Claim { claim, .. } => {
                self.claim(&claim.id).cloned().map(|claim| Edit::Claim { subject: String::new(), claim })
            }
            Edit::Topic { topic, .. } => {
                self.topic(&topic.id).cloned().map(|topic| Edit::Topic { subject: String::new(), topic })
            }
            Edit::Source(source) => self.source(&source.id).cloned().map(Edit::Source),
            Edit::Subject { .. } | Edit::Remove { .. } => None,
        };
        let known: BTreeSet<(Field, String)> =
            was.iter_mut().flat_map(texts_of).map(|(field, text)| (field, std::mem::take(text))).collect();
        let fault = |refusal: Refusal| format!("{name}: {}", refusal.0);
        if let Edit::Claim { claim, .. } = &mut *edit
            && self.claim(&claim.id).is_none_or(|was| was.value != claim.value)
        {
            let value = lookup::checked(Field::Statement, claim.value.text()).map_err(fault)?;
            claim.value = Value::parse(&value).map_err(|error| format!("{name}: {error}"))?;
        }
        for (field, text) in texts_of(edit) {
            if known.contains(&(field, text.clone())) {
                continue;
            }
            *text = lookup::checked(field, text).map_err(fault)?;
            if field == Field::Url {
                *text = lookup::address(text).map_err(fault)?;
            }
        }
        Ok(())
    }

    /// Describes each edit but removals, which are listed by name only.
    fn told(&self, edits: &[Edit]) -> Vec<String> {
        let changed =
            edits.iter().filter_map(|edit| if let Edit::Topic { topic, .. } = edit { Some(topic) } else { None });
        let said: BTreeSet<&String> = self.facts.topics().chain(changed).flat_map(|topic| &topic.claims).collect();
        let is_said = |id: &String| said.contains(id);
        let each = edits.iter().filter_map(|edit| match edit {
            Edit::Claim { claim, .. } => {
                let told = words::imports_claim(self.claim(&claim.id), claim, self.facts);
                Some(if is_said(&claim.id) { told } else { format!("{told}\n{}", words::is_never_said()) })
            }
            Edit::Topic { topic, .. } => Some(words::imports_topic(self.topic(&topic.id), topic)),
            Edit::Source(source) => Some(match self.source(&source.id) {
                Some(was) => words::changes_source(was, source),
                None => words::adds_source(source),
            }),
            Edit::Subject { title, .. } => Some(words::imports_subject(title)),
            Edit::Remove { .. } => None,
        });
        each.collect()
    }

    /// Returns probes that show the effect of edits, at most [`MOST_SHOWN`].
    fn probes_of_edits(&self, edits: &[Edit]) -> Vec<Probe> {
        let of = |edit: &Edit| match edit {
            Edit::Claim { claim, .. } => self.probes_of_claim(&claim.id),
            Edit::Topic { topic, .. } => {
                let known = self.topic(&topic.id).map_or(&[][..], |was| &was.examples);
                let new = topic.examples.iter().find(|example| !known.contains(example));
                vec![new.map_or_else(|| Probe::Topic(topic.id.clone()), |new| Probe::Question(new.clone()))]
            }
            Edit::Remove { kind: "topic", id } => {
                let gone = topics(self.facts).find(|(_, topic)| topic.id == *id);
                gone.and_then(|(_, topic)| topic.examples.first()).cloned().map(Probe::Question).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let mut probes: Vec<Probe> = Vec::new();
        for probe in edits.iter().flat_map(of) {
            if probes.len() < MOST_SHOWN && !probes.contains(&probe) {
                probes.push(probe);
            }
        }
        probes
    }
}

/// Returns the texts of an edit's entity, each with the field that would contain it in a command.
fn texts_of(edit: &mut Edit) -> Vec<(Field, &mut String)> {
    match edit {
        Edit::Claim { claim, .. } => {
            let Claim { statement, of, attributed_to, unprinted, cite, .. } = claim;
            let one = [(Field::Statement, statement)].into_iter();
            let said = of.iter_mut().map(|text| (Field::Of, text));
            let who = attributed_to.iter_mut().map(|text| (Field::SaidBy, text));
            let not = unprinted.iter_mut().map(|text| (Field::Statement, text));
            let words = cite.iter_mut().flat_map(|one| &mut one.words).map(|text| (Field::Words, text));
            one.chain(said).chain(who).chain(not).chain(words).collect()
        }
        Edit::Topic { topic, .. } => {
            let Topic { title, aliases, unsaid, examples, .. } = topic;
            let names = [title].into_iter().chain(aliases).map(|text| (Field::Title, text));
            let silent = unsaid.iter_mut().map(|text| (Field::Unsaid, text));
            names.chain(silent).chain(examples.iter_mut().map(|text| (Field::Question, text))).collect()
        }
        Edit::Source(source) => {
            let Source { title, publisher, author, url, .. } = source;
            let names = publisher.iter_mut().chain(author).map(|text| (Field::Publisher, text));
            let title = [(Field::Title, title)].into_iter();
            title.chain(names).chain(url.iter_mut().map(|text| (Field::Url, text))).collect()
        }
        Edit::Subject { title, .. } => vec![(Field::Title, title)],
        Edit::Remove { .. } => Vec::new(),
    }
}
