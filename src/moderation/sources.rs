//! Makes the drafts that add, edit and retire sources.

use xxhash_rust::xxh3::xxh3_64;

use super::command::{Field, Form};
use super::draft::{Draft, DraftContext, text};
use super::lookup::source_of;
use super::{Refusal, lookup};
use crate::facts::value_text::read_date;
use crate::facts::{Claim, Source};
use crate::store::Edit;
use crate::understanding::fold;
use crate::wording::moderation as words;

impl DraftContext<'_> {
    pub(super) fn add_source(&self, form: &Form) -> Result<Draft, Refusal> {
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

    pub(super) fn edit_source(&self, form: &Form) -> Result<Draft, Refusal> {
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

    pub(super) fn retire_source(&self, form: &Form) -> Result<Draft, Refusal> {
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
