//! Reads and writes the facts as TOML files that people review and edit. The written form is canonical: reading such a
//! file and writing it again changes no byte.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::{Basis, Claim, Facts, Rank, Source, Subject, Topic};

/// Name of the file with the sources. Every other file is a subject.
pub const SOURCES_FILE: &str = "sources.toml";

/// The facts that ship inside the binary, as names and texts of files.
pub const SHIPPED: [(&str, &str); 24] = [
    ("sources.toml", include_str!("../../data/sources.toml")),
    ("route.toml", include_str!("../../data/facts/route.toml")),
    ("tickets.toml", include_str!("../../data/facts/tickets.toml")),
    ("passengers.toml", include_str!("../../data/facts/passengers.toml")),
    ("schedule.toml", include_str!("../../data/facts/schedule.toml")),
    ("history.toml", include_str!("../../data/facts/history.toml")),
    ("links.toml", include_str!("../../data/facts/links.toml")),
    ("meaning.toml", include_str!("../../data/facts/meaning.toml")),
    ("tourism.toml", include_str!("../../data/facts/tourism.toml")),
    ("diplomacy.toml", include_str!("../../data/facts/diplomacy.toml")),
    ("war.toml", include_str!("../../data/facts/war.toml")),
    ("articles.toml", include_str!("../../data/facts/articles.toml")),
    ("silent-entry.toml", include_str!("../../data/facts/silent-entry.toml")),
    ("silent-near.toml", include_str!("../../data/facts/silent-near.toml")),
    ("silent-fares.toml", include_str!("../../data/facts/silent-fares.toml")),
    ("silent-booking.toml", include_str!("../../data/facts/silent-booking.toml")),
    ("silent-flight.toml", include_str!("../../data/facts/silent-flight.toml")),
    ("silent-passengers.toml", include_str!("../../data/facts/silent-passengers.toml")),
    ("silent-diplomacy.toml", include_str!("../../data/facts/silent-diplomacy.toml")),
    ("silent-links.toml", include_str!("../../data/facts/silent-links.toml")),
    ("silent-company.toml", include_str!("../../data/facts/silent-company.toml")),
    ("silent-tourism.toml", include_str!("../../data/facts/silent-tourism.toml")),
    ("silent-war.toml", include_str!("../../data/facts/silent-war.toml")),
    ("silent-articles.toml", include_str!("../../data/facts/silent-articles.toml")),
];

/// The error for a file of facts that can't be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct FactsTextError {
    /// Name of the file.
    pub file: String,
    /// Line of the error, counted from 1.
    pub line: usize,
    /// Message of the TOML parser.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourcesFile {
    #[serde(default)]
    source: Vec<Source>,
}

/// Returns the shipped facts.
///
/// # Panics
/// If the shipped files can't be parsed. A test makes sure that they can.
#[must_use]
pub fn shipped() -> Facts {
    let files: Vec<(String, String)> = SHIPPED.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
    parse(&files).expect("the shipped facts parse")
}

/// Parses facts from files, given as names and texts. The subjects are in the order of the files.
///
/// # Errors
/// The first error of each file that can't be parsed.
pub fn parse(files: &[(String, String)]) -> Result<Facts, Vec<FactsTextError>> {
    let mut facts = Facts::default();
    let mut errors = Vec::new();
    for (name, text) in files {
        let outcome = if name == SOURCES_FILE {
            toml::from_str(text).map(|file: SourcesFile| facts.sources = file.source)
        } else {
            toml::from_str(text).map(|subject| facts.subjects.push(subject))
        };
        if let Err(error) = outcome {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
            errors.push(FactsTextError { file: name.clone(), line, message: error.message().to_owned() });
        }
    }
    if errors.is_empty() { Ok(facts) } else { Err(errors) }
}

/// Returns the facts as names and texts of files, in canonical form.
#[must_use]
pub fn write(facts: &Facts) -> Vec<(String, String)> {
    let mut files = vec![(SOURCES_FILE.to_owned(), write_sources(&facts.sources))];
    files.extend(facts.subjects.iter().map(|subject| (format!("{}.toml", subject.id), write_subject(subject))));
    files
}

fn write_sources(sources: &[Source]) -> String {
    let mut out = String::from("# The articles that the desk answers from.\n");
    for source in sources {
        out.push_str("\n[[source]]\n");
        let mut table = Table(&mut out);
        table.text("id", &source.id);
        table.optional("publisher", source.publisher.as_deref());
        table.text("title", &source.title);
        table.optional("author", source.author.as_deref());
        table.text("published", &source.published);
        if source.published_inferred {
            table.raw("published_inferred", "true");
        }
        table.optional("url", source.url.as_deref());
        table.raw("paragraphs", &source.paragraphs.to_string());
        if !source.not_reporting.is_empty() {
            table.raw("not_reporting", &format!("{:?}", source.not_reporting));
        }
    }
    out
}

fn write_subject(subject: &Subject) -> String {
    let mut out = String::new();
    let mut table = Table(&mut out);
    table.text("id", &subject.id);
    table.text("title", &subject.title);
    for claim in &subject.claims {
        write_claim(&mut out, claim);
    }
    for topic in &subject.topics {
        write_topic(&mut out, topic);
    }
    out
}

fn write_claim(out: &mut String, claim: &Claim) {
    out.push_str("\n[[claim]]\n");
    let mut table = Table(out);
    table.text("id", &claim.id);
    table.text("statement", &claim.statement);
    table.text("value", claim.value.text());
    table.optional("of", claim.of.as_deref());
    table.optional("attributed_to", claim.attributed_to.as_deref());
    table.optional("unprinted", claim.unprinted.as_deref());
    table.text("as_of", &claim.as_of);
    table.text("as_of_basis", if claim.as_of_basis == Basis::Event { "event" } else { "report" });
    match claim.rank {
        Rank::Preferred => table.text("rank", "preferred"),
        Rank::Normal => {}
        Rank::Deprecated => table.text("rank", "deprecated"),
    }
    table.list("contradicts", &claim.contradicts);
    if let Some(derived) = &claim.derived {
        let operation = serde_json::to_string(&derived.operation).expect("a unit variant serializes");
        table.raw("derived", &format!("{{ operation = {operation}, inputs = {} }}", inline(&derived.inputs)));
    }
    table.optional("unsourced", claim.unsourced.as_deref());
    out.push_str("cite = [\n");
    for citation in &claim.cite {
        let _ = writeln!(
            out,
            "  {{ source = {}, paragraph = {}, words = {} }},",
            quoted(&citation.source),
            citation.paragraph,
            inline(&citation.words)
        );
    }
    out.push_str("]\n");
}

fn write_topic(out: &mut String, topic: &Topic) {
    out.push_str("\n[[topic]]\n");
    let mut table = Table(out);
    table.text("id", &topic.id);
    table.text("title", &topic.title);
    table.list("aliases", &topic.aliases);
    table.optional("unsaid", topic.unsaid.as_deref());
    if let Some(dispute) = topic.dispute {
        table.raw("dispute", &serde_json::to_string(&dispute).expect("a unit variant serializes"));
    }
    table.raw("claims", &inline(&topic.claims));
    out.push_str("examples = [\n");
    for example in &topic.examples {
        let _ = writeln!(out, "  {},", quoted(example));
    }
    out.push_str("]\n");
}

/// A writer of the lines of one TOML table.
struct Table<'a>(&'a mut String);

impl Table<'_> {
    fn raw(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, &quoted(value));
    }

    fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn list(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            self.raw(key, &inline(values));
        }
    }
}

/// Returns a text as a TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn inline(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
}

/// Returns the line of the `id` of each entity in a file, counted from 1, by kind and id. Messages about the file use
/// it.
#[must_use]
pub fn lines_of_ids(text: &str) -> BTreeMap<(String, String), usize> {
    let mut lines = BTreeMap::new();
    let mut kind = String::from("subject");
    for (index, line) in text.lines().enumerate() {
        if let Some(name) = line.trim().strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
            kind = name.to_owned();
        } else if let Some(id) = line.strip_prefix("id = \"").and_then(|rest| rest.strip_suffix('"')) {
            lines.entry((kind.clone(), id.to_owned())).or_insert(index + 1);
        }
    }
    lines
}
