//! Checks a set of facts for consistency and reports all problems at once, each with the line to correct.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::text::{FactsTextError, lines_of_ids};
use super::{Claim, DateSpan, Facts, Source, Topic};

/// A problem in the facts, with its position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Name of the file; empty for a line of a bundle outside of its files.
    pub file: String,
    /// Line of the error, or of the `id` of the faulty entity, counted from 1.
    pub line: usize,
    /// Message for the person who edits the facts.
    pub message: String,
}

impl From<FactsTextError> for Problem {
    fn from(FactsTextError { file, line, message }: FactsTextError) -> Self {
        Self { file, line, message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.file.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.message),
            file => write!(f, "{file}:{}: {}", self.line, self.message),
        }
    }
}

/// Checks facts for consistency. `files` are the names and texts that the facts were parsed from; they give the lines.
#[must_use]
pub fn check(facts: &Facts, files: &[(String, String)]) -> Vec<Problem> {
    let mut checker = Checker::new(facts, files);
    for source in &facts.sources {
        checker.source(&source.id, &source.published);
    }
    if facts.topics().next().is_none() {
        checker.problem(super::text::SOURCES_FILE, "facts", "all", "there are no topics");
    }
    for subject in &facts.subjects {
        let file = format!("{}.toml", subject.id);
        checker.unique(&file, "subject", &subject.id);
        if !files.iter().any(|(name, _)| *name == file) || file == super::text::SOURCES_FILE {
            checker.problem(&file, "subject", &subject.id, "a subject must be in the file that is named after its id");
        }
        for claim in &subject.claims {
            checker.claim(&file, claim);
        }
        for topic in &subject.topics {
            checker.topic(&file, topic);
        }
    }
    checker.problems.sort();
    checker.problems
}

struct Checker<'a> {
    claims: BTreeMap<&'a str, &'a Claim>,
    sources: BTreeMap<&'a str, &'a Source>,
    lines: BTreeMap<(String, String, String), usize>,
    seen: BTreeSet<(&'static str, String)>,
    examples: BTreeMap<String, String>,
    titles: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn new(facts: &'a Facts, files: &[(String, String)]) -> Self {
        let mut lines = BTreeMap::new();
        for (file, text) in files {
            for ((kind, id), line) in lines_of_ids(text) {
                lines.insert((file.clone(), kind, id), line);
            }
        }
        Self {
            claims: facts.claims_by_id(),
            sources: facts.sources_by_id(),
            lines,
            seen: BTreeSet::new(),
            examples: BTreeMap::new(),
            titles: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    fn problem(&mut self, file: &str, kind: &str, id: &str, message: impl fmt::Display) {
        let line = self.lines.get(&(file.to_owned(), kind.to_owned(), id.to_owned())).copied().unwrap_or(1);
        self.problems.push(Problem { file: file.to_owned(), line, message: format!("{kind} `{id}`: {message}") });
    }

    fn source(&mut self, id: &str, published: &str) {
        self.unique(super::text::SOURCES_FILE, "source", id);
        if published.parse::<DateSpan>().is_err() {
            self.problem(
                super::text::SOURCES_FILE,
                "source",
                id,
                format!("`{published}` is not a date such as 2025-07-27, 2025-07 or 2025"),
            );
        }
    }

    fn unique(&mut self, file: &str, kind: &'static str, id: &str) {
        if !is_id(id) {
            self.problem(
                file,
                kind,
                id,
                format!("an id has up to {LONGEST_ID} lower-case letters, digits and hyphens"),
            );
        }
        if !self.seen.insert((kind, id.to_owned())) {
            self.problem(file, kind, id, "duplicate id");
        }
    }

    fn claim(&mut self, file: &str, claim: &Claim) {
        self.unique(file, "claim", &claim.id);
        let mut faults = claim_faults(claim);
        faults.extend(self.citation_faults(claim));
        for other in &claim.contradicts {
            if !self.claims.contains_key(other.as_str()) {
                faults.push(format!("contradicts the unknown claim `{other}`"));
            }
        }
        for fault in faults {
            self.problem(file, "claim", &claim.id, fault);
        }
    }

    fn citation_faults(&self, claim: &Claim) -> Vec<String> {
        let mut faults = Vec::new();
        if claim.cite.is_empty() == claim.unsourced.is_none() {
            faults.push("needs either citations in `cite` or a day in `unsourced`, not both".to_owned());
        }
        for citation in &claim.cite {
            match self.sources.get(citation.source.as_str()) {
                None => faults.push(format!("unknown source `{}`", citation.source)),
                Some(source) if !source.has_paragraph(citation.paragraph) => faults.push(format!(
                    "cites paragraph {} of `{}`, which has {} paragraphs",
                    citation.paragraph, citation.source, source.paragraphs
                )),
                Some(_) => {}
            }
        }
        faults
    }

    fn topic(&mut self, file: &str, topic: &Topic) {
        self.unique(file, "topic", &topic.id);
        let mut faults = Vec::new();
        for (at, claim) in topic.claims.iter().enumerate().filter(|(at, claim)| topic.claims[..*at].contains(claim)) {
            faults.push(format!("claim `{claim}` is listed twice, the second time at position {}", at + 1));
        }
        if topic.claims.is_empty() {
            faults.push("has no claims".to_owned());
        }
        if topic.examples.is_empty() {
            faults.push("has no example questions".to_owned());
        }
        let title = crate::understanding::fold(&topic.title);
        if let Some(other) = self.titles.insert(title, topic.id.clone()) {
            faults.push(format!("topic `{other}` has the same title"));
        }
        for claim in &topic.claims {
            if !self.claims.contains_key(claim.as_str()) {
                faults.push(format!("unknown claim `{claim}`"));
            }
        }
        for example in &topic.examples {
            let folded = crate::understanding::fold(example);
            match self.examples.insert(folded, topic.id.clone()) {
                Some(other) if other == topic.id => faults.push(format!("the example `{example}` is listed twice")),
                Some(other) => faults.push(format!("`{example}` is also an example of topic `{other}`")),
                None => {}
            }
        }
        for fault in faults {
            self.problem(file, "topic", &topic.id, fault);
        }
    }
}

/// Longest id, in characters. Platforms limit the ids of buttons and choices.
const LONGEST_ID: usize = 60;

fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Returns the problems of a claim by itself.
fn claim_faults(claim: &Claim) -> Vec<String> {
    let mut faults = Vec::new();
    if !claim.statement.ends_with(['.', '!', '?', '…']) || claim.statement.trim() != claim.statement {
        faults.push("the statement must end with `.`, `!`, `?` or `…` and have no spaces around it".to_owned());
    }
    if claim.value.is_comparable() && claim.of.is_none() {
        faults.push("a typed value needs `of`, the property that it describes".to_owned());
    }
    if claim.as_of.parse::<DateSpan>().is_err() {
        faults.push(format!("as_of `{}` is not a date such as 2025-07-27, 2025-07 or 2025", claim.as_of));
    }
    if let Some(day) = claim.unsourced.as_deref().filter(|day| day.parse::<DateSpan>().is_err()) {
        faults.push(format!("unsourced `{day}` is not a date such as 2025-07-27"));
    }
    if let Some(who) = claim.attributed_to.as_deref().filter(|who| !claim.statement.contains(who)) {
        faults.push(format!("the statement must contain `{who}`, the name in `attributed_to`"));
    }
    match claim.derived.as_ref().map(|derived| (derived, derived.compute())) {
        Some((_, None)) => faults.push("the inputs of `derived` don't match its operation".to_owned()),
        Some((_, Some(result))) if !derives(claim, &result) => {
            faults.push(format!("`derived` gives `{result}`, but the value is `{}`", claim.value));
        }
        _ => {}
    }
    faults
}

/// Returns true if a derived result is the claim's value, regardless of the kind and a leading `~`.
#[must_use]
pub fn derives(claim: &Claim, result: &str) -> bool {
    let text = claim.value.text();
    let value = text.split_once(' ').map_or(text, |(_, value)| value);
    value.trim_start_matches('~') == result
}

#[cfg(test)]
mod tests {
    use super::super::text::{parse, shipped, write};
    use super::*;

    #[test]
    fn shipped_facts_have_no_problem() {
        let facts = shipped();
        let files = write(&facts);
        assert_eq!(check(&facts, &files), []);
    }

    #[test]
    fn shipped_files_are_canonical() {
        let shipped: Vec<_> =
            super::super::text::SHIPPED.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect();
        let written = write(&parse(&shipped).unwrap());
        for ((name, text), (written_name, written_text)) in shipped.iter().zip(&written) {
            assert_eq!(name, written_name);
            assert!(text == written_text, "{name} is not in canonical form; `routedesk facts export` writes it");
        }
    }

    #[test]
    fn every_problem_is_reported_at_once_with_its_line() {
        let sources = "[[source]]\nid = \"paper\"\ntitle = \"T\"\npublished = \"soon\"\nparagraphs = 3\n";
        let subject = r#"id = "s"
title = "S"

[[claim]]
id = "one"
statement = "A statement"
value = "count 5 seats"
attributed_to = "Somebody"
as_of = "2025-99"
as_of_basis = "event"
contradicts = ["nobody"]
derived = { operation = "days-after", inputs = ["x", "1"] }
cite = [
  { source = "paper", paragraph = 9, words = ["a"] },
  { source = "press", paragraph = 1, words = ["a"] },
]

[[claim]]
id = "one"
statement = "Bare."
value = "text x"
as_of = "2025"
as_of_basis = "event"
cite = []

[[topic]]
id = "t"
title = "T"
claims = ["two"]
examples = [
  "What is it?",
]

[[topic]]
id = "u"
title = "U"
claims = []
examples = [
  "what is it",
]
"#;
        let files = vec![("sources.toml".to_owned(), sources.to_owned()), ("s.toml".to_owned(), subject.to_owned())];
        let problems: Vec<String> = check(&parse(&files).unwrap(), &files).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(problems.join("\n"));
    }
}
