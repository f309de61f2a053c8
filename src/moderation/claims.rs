//! Makes the drafts that add, edit, retire and restore claims.

use xxhash_rust::xxh3::xxh3_64;

use super::command::{Field, Form};
use super::draft::{Draft, DraftContext, is_kept, text};
use super::lookup::{claim_of, topic_of};
use super::{Refusal, lookup};
use crate::answer::MAX_CLAIMS;
use crate::desk::Probe;
use crate::facts::value_text::read_date;
use crate::facts::{Basis, Citation, Claim, Rank, Topic, Value, verify};
use crate::store::Edit;
use crate::wording::moderation as words;

impl DraftContext<'_> {
    pub(super) fn add_claim(&self, form: &Form) -> Result<Draft, Refusal> {
        let (subject, topic) = topic_of(self.facts, text(form, Field::Topic))?;
        if topic.is_silent() {
            return Err(Refusal(words::is_silent(topic)));
        }
        let claim = self.new_claim(form, &topic.id, Some(topic))?;
        let mut changed = topic.clone();
        // An answer shows only the first claims of a topic.
        changed.claims.insert(changed.claims.len().min(MAX_CLAIMS - 1), claim.id.clone());
        let lines = [vec![words::adds_claim(topic)], words::claim_in_lines(&claim, self.facts)].concat();
        let edits = vec![
            Edit::Claim { subject: subject.id.clone(), claim },
            Edit::Topic { subject: subject.id.clone(), topic: changed },
        ];
        Ok(self.draft(form, edits, lines, vec![Probe::Topic(topic.id.clone())]))
    }

    /// Creates the claim of a command. `name` is the beginning of its id. The claims of `topic` suggest what its value
    /// measures.
    pub(super) fn new_claim(&self, form: &Form, name: &str, topic: Option<&Topic>) -> Result<Claim, Refusal> {
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

    /// Returns a statement as a sentence. Refuses a single word or figure.
    pub(super) fn statement(&self, text: &str) -> Result<String, Refusal> {
        if !is_sentence(text) { Err(Refusal(words::no_sentence(text))) } else { Ok(sentence(text)) }
    }

    /// Guesses what a value measures: the same as the first claim of the topic with a value of that kind.
    fn likely_of(&self, value: &Value, topic: Option<&Topic>) -> Option<String> {
        let claims = self.facts.claims_by_id();
        let alike =
            |claim: &&&Claim| std::mem::discriminant(claim.value.kind()) == std::mem::discriminant(value.kind());
        let known = topic?.claims.iter().filter_map(|id| claims.get(id.as_str()));
        known.collect::<Vec<_>>().iter().find(|claim| alike(claim)).and_then(|claim| claim.of.clone())
    }

    /// Sets the citations of a claim, or marks it as unsourced. A claim that gains its first source or becomes
    /// unsourced also gets a new date.
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

    pub(super) fn edit_claim(&self, form: &Form) -> Result<Draft, Refusal> {
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
            // The derivation belongs to the old value.
            claim.derived = None;
        }
        match form.get(Field::Source) {
            Some(said) if !is_kept(said) => self.put_source(&mut claim, said, form)?,
            Some(_) if claim.statement != was.statement || claim.value != was.value => {
                // The quoted words supported the old claim, not necessarily this one.
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

    pub(super) fn rank_claim(&self, form: &Form, rank: Rank) -> Result<Draft, Refusal> {
        let (subject, was) = claim_of(self.facts, text(form, Field::Claim))?;
        if (was.rank == Rank::Deprecated) == (rank == Rank::Deprecated) {
            return Err(Refusal(words::nothing_changed()));
        }
        let claim = Claim { rank, ..was.clone() };
        let line = if rank == Rank::Deprecated { words::retires_claim(was) } else { words::restores_claim(was) };
        let edits = vec![Edit::Claim { subject: subject.id.clone(), claim }];
        Ok(self.draft(form, edits, vec![line], self.probes_of_claim(&was.id)))
    }

    /// Returns a probe of the first topic that lists a claim.
    pub fn probes_of_claim(&self, id: &str) -> Vec<Probe> {
        let has = |topic: &&Topic| topic.claims.iter().any(|claim| claim == id);
        self.facts.topics().filter(has).map(|topic| Probe::Topic(topic.id.clone())).take(1).collect()
    }
}

/// Returns true if a text has at least two words with letters.
pub fn is_sentence(text: &str) -> bool {
    text.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).count() >= 2
}

/// Returns a text with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let whole = format!("{first}{}", chars.as_str());
    if whole.ends_with(['.', '!', '?', '…']) { whole } else { format!("{whole}.") }
}

/// Returns true if a statement contains all figures of a value.
pub fn shows(statement: &str, value: &Value) -> bool {
    let shown = verify::numbers(&ungrouped(statement));
    verify::numbers(&value.in_words()).iter().all(|number| shown.contains(number))
}

/// Removes the spaces that separate thousands in numbers.
fn ungrouped(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    let parts = |at: usize| {
        let is_space = matches!(chars[at], ' ' | '\u{a0}' | '\u{202f}');
        is_space && at > 0 && is_digit(at - 1) && (1..=3).all(|next| is_digit(at + next)) && !is_digit(at + 4)
    };
    (0..chars.len()).filter(|at| !parts(*at)).map(|at| chars[at]).collect()
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
