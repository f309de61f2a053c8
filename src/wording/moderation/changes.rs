//! Writes the descriptions and previews of changes.

use super::{confirm_or_cancel, indented, named, quoted};
use crate::facts::{Basis, Claim, Facts, Rank, Source, Topic, Value};
use crate::language::Language;
use crate::wording::{Reply, capitalised, in_words, source_in_list};

pub fn takes_from_silent(topic: &Topic, left: usize) -> String {
    let rest = match left {
        0 => "which has no other question and is removed".to_owned(),
        left => format!("which still has {left}; use `topic retire {}` if those are answered now, too", topic.id),
    };
    format!("The question is taken from {}, {rest}", named(topic))
}

pub fn adds_claim(topic: &Topic) -> String {
    format!("Add a claim to {}", named(topic))
}

pub fn adds_topic(topic: &Topic) -> String {
    format!(
        "Create the topic {} with the question {}",
        named(topic),
        quoted(topic.examples.first().map_or("", String::as_str))
    )
}

pub fn adds_silent_topic(topic: &Topic) -> String {
    format!(
        "Reply that the sources don't say {}, when asked {}",
        topic.unsaid.as_deref().unwrap_or_default(),
        quoted(topic.examples.first().map_or("", String::as_str))
    )
}

pub fn unsaid_as_title(unsaid: &str) -> String {
    capitalised(unsaid)
}

pub fn renames_topic(topic: &Topic, title: &str) -> String {
    format!("Rename {} to {}", named(topic), quoted(title))
}

pub fn merges_topics(from: &Topic, into: &Topic) -> String {
    format!(
        "Merge {} with {} questions and {} claims into {}",
        named(from),
        from.examples.len(),
        from.claims.len(),
        named(into)
    )
}

pub fn retires_topic(topic: &Topic) -> String {
    format!("Stop answering {}", named(topic))
}

pub fn teaches(question: &str, topic: &Topic) -> String {
    format!("Add the question {} to {}", quoted(question), named(topic))
}

pub fn forgets(question: &str, topic: &Topic) -> String {
    format!("Remove the question {} from {}", quoted(question), named(topic))
}

pub fn adds_source(source: &Source) -> String {
    format!("Add source {}: {}", source.id, source_in_list(source))
}

pub fn changes_source(was: &Source, is: &Source) -> String {
    let mut text = format!("Change source {}", was.id);
    if source_in_list(was) != source_in_list(is) {
        text = format!("{text}\n  was: {}\n  now: {}", source_in_list(was), source_in_list(is));
    }
    for (name, was, is) in [
        ("author", or_nobody(&was.author), or_nobody(&is.author)),
        ("paragraphs", was.paragraphs.to_string(), is.paragraphs.to_string()),
        ("not reporting", format!("{:?}", was.not_reporting), format!("{:?}", is.not_reporting)),
    ] {
        if was != is {
            text = format!("{text}\n  {name}: {is}, was {was}");
        }
    }
    text
}

pub fn retires_source(source: &Source) -> String {
    format!("Remove source {}", source.id)
}

pub fn retires_claim(claim: &Claim) -> String {
    format!("Retire {}: {}", claim.id, claim.statement)
}

pub fn restores_claim(claim: &Claim) -> String {
    format!("Restore {}: {}", claim.id, claim.statement)
}

/// Returns the citations of a claim.
pub(super) fn cited(claim: &Claim, facts: &Facts) -> String {
    if claim.cite.is_empty() {
        return "no source".into();
    }
    let sources = facts.sources_by_id();
    let of = |citation: &crate::facts::Citation| {
        let name = sources.get(citation.source.as_str()).and_then(|source| source.publisher.clone());
        format!("{}, paragraph {}", name.unwrap_or_else(|| citation.source.clone()), citation.paragraph)
    };
    claim.cite.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// Describes a claim, one part per line.
pub fn claim_in_lines(claim: &Claim, facts: &Facts) -> Vec<String> {
    let mut lines = vec![format!("  {}", claim.statement)];
    // The value of a claim of words alone repeats its statement.
    if claim.value.in_words() != claim.statement.trim_end_matches('.') {
        lines.push(format!("  value: {}", value_of(claim)));
    }
    lines.push(format!("  source: {}", cited(claim, facts)));
    lines.push(format!("  as of: {}", in_words(&claim.as_of, Language::English)));
    lines.extend(claim.attributed_to.as_ref().map(|who| format!("  said by: {who}")));
    lines
}

pub(super) fn value_of(claim: &Claim) -> String {
    let of = claim.of.as_ref().map(|of| format!(" ({of})")).unwrap_or_default();
    format!("{}{of}", claim.value.in_words())
}

fn or_nobody(who: &Option<String>) -> String {
    who.clone().unwrap_or_else(|| "nobody".into())
}

fn or_nothing(what: &Option<String>) -> String {
    what.clone().unwrap_or_else(|| "nothing".into())
}

fn listed(ids: &[String]) -> String {
    if ids.is_empty() { "nothing".into() } else { ids.join(", ") }
}

fn basis(basis: Basis) -> String {
    if basis == Basis::Event { "event".into() } else { "report".into() }
}

fn rank(rank: Rank) -> String {
    match rank {
        Rank::Preferred => "preferred",
        Rank::Normal => "normal",
        Rank::Deprecated => "retired",
    }
    .into()
}

/// Describes the changes of a claim, two lines for each part that changes.
pub fn claim_changes(was: &Claim, is: &Claim, facts: &Facts) -> Vec<String> {
    let mut lines = vec![format!("Change {}", is.id)];
    let english = Language::English;
    let parts = [
        ("statement", was.statement.clone(), is.statement.clone()),
        ("value", value_of(was), value_of(is)),
        ("source", cited(was, facts), cited(is, facts)),
        ("as of", in_words(&was.as_of, english), in_words(&is.as_of, english)),
        ("basis of the date", basis(was.as_of_basis), basis(is.as_of_basis)),
        ("said by", or_nobody(&was.attributed_to), or_nobody(&is.attributed_to)),
        ("not in the source", or_nothing(&was.unprinted), or_nothing(&is.unprinted)),
        ("disagrees with", listed(&was.contradicts), listed(&is.contradicts)),
        ("rank", rank(was.rank), rank(is.rank)),
    ];
    for (name, was, is) in parts.into_iter().filter(|(_, was, is)| was != is) {
        lines.push(format!("  {name}: {is}\n    was: {was}"));
    }
    lines
}

pub fn value_is_not_shown(value: &Value) -> String {
    format!("the statement doesn't contain the value, {}", value.in_words())
}

pub fn is_compared_no_more(was: &Value) -> String {
    format!(
        "the value was {} and was compared with other claims; the new value is only words and isn't compared",
        was.in_words()
    )
}

pub fn still_says(other: &Claim) -> String {
    format!("{} still contains the old figure: {}", other.id, quoted(&other.statement))
}

pub fn is_untranslated() -> String {
    "Russian and Korean answers contain your English words until somebody translates them".into()
}

pub fn loses_its_answer() -> String {
    "careful, this question has an answer now and would lose it".into()
}

pub fn is_unsourced() -> String {
    "no source is given; the answer will say so".into()
}

pub fn disagrees(other: &Claim) -> String {
    format!(
        "disagrees with {}: {} (if it is about something else, say what with `of: …`)",
        other.id,
        quoted(&other.statement)
    )
}

pub fn says_the_same(other: &Claim) -> String {
    format!("says the same as {}: {}", other.id, quoted(&other.statement))
}

pub fn belongs_to(title: &str) -> String {
    format!("at present, this question is answered from {}", quoted(title))
}

pub fn answer_stays() -> String {
    "the answer stays the same".into()
}

pub fn recorded_change(questions: &[String]) -> Option<String> {
    list_of("these recorded questions get another answer", questions)
}

pub fn others_change(questions: &[String]) -> Option<String> {
    list_of("careful, these questions of other topics get another answer", questions)
}

fn list_of(what: &str, questions: &[String]) -> Option<String> {
    let list = questions.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    (!questions.is_empty()).then(|| format!("{what}: {list}"))
}

/// Shows the answer before and after a change, without web addresses. `name` is the topic or question, for a preview
/// with several answers.
pub fn before_and_after(name: Option<&str>, before: &Reply, after: &Reply) -> String {
    let (before_that, after_that) = (indented(&without_addresses(before)), indented(&without_addresses(after)));
    let of = name.map(|name| format!(", {}", quoted(name))).unwrap_or_default();
    if before.text == after.text {
        return format!("The answer stays the same{of}:\n{}", indented(&before.body));
    }
    format!("Before{of}:\n{before_that}\nAfter:\n{after_that}")
}

fn without_addresses(reply: &Reply) -> String {
    reply.text.lines().map(|line| line.split(" <http").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// Returns the preview of a change: its description, the findings and the answers before and after.
pub fn preview(lines: &[String], found: &[String], answers: &[String]) -> String {
    let mut parts = vec![lines.join("\n")];
    if !found.is_empty() {
        let found: Vec<String> = found.iter().map(|found| format!("  · {found}")).collect();
        parts.push(format!("Found:\n{}", found.join("\n")));
    }
    parts.extend(answers.iter().cloned());
    parts.push(format!("Nothing is changed yet. {}", confirm_or_cancel()));
    parts.join("\n")
}
