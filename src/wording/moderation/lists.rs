//! Writes the lists and reports that moderators look up.

use std::fmt::Write as _;

use super::changes::claim_in_lines;
use super::{named, quoted};
use crate::desk::Answered;
use crate::facts::{Facts, Rank, Subject, Topic};
use crate::store::queue::{Report, Suggestion, UnansweredQuestion};
use crate::understanding::{Answerable, Decision, Index, Trace};

/// The number of characters of a question that become a title, after the first.
const LONGEST_TITLE: usize = 99;

/// The number of example questions shown of a topic.
const EXAMPLES_SHOWN: usize = 3;

/// Lists found topics, at most `most`.
pub fn found(topics: &[&Topic], most: usize) -> String {
    let mut lines: Vec<String> = topics.iter().take(most).map(|topic| in_list(topic)).collect();
    if topics.len() > most {
        lines.push(format!("and {} more", topics.len() - most));
    }
    lines.join("\n")
}

pub fn found_near(topics: &[&Topic]) -> String {
    if topics.is_empty() {
        return "Nothing was found.".into();
    }
    format!("No topic has all these words. The nearest:\n{}", found(topics, topics.len()))
}

fn in_list(topic: &Topic) -> String {
    let silent = if topic.is_silent() { ", silent" } else { "" };
    format!("{}: {} ({} claims{silent})", topic.id, topic.title, topic.claims.len())
}

/// Describes a topic with its claims and newest example questions. `newest` is the last revision that changed it.
pub fn topic(subject: &Subject, topic: &Topic, facts: &Facts, newest: i64) -> String {
    let mut text = format!("{} in {}", named(topic), quoted(&subject.title));
    let _ = write!(text, ", last changed in revision {newest}");
    if let Some(unsaid) = &topic.unsaid {
        let _ = write!(text, "\nThe sources don't say {unsaid}. The nearest claims:");
    }
    let claims = facts.claims_by_id();
    for claim in topic.claims.iter().filter_map(|id| claims.get(id.as_str())) {
        let rank = match claim.rank {
            Rank::Preferred => ", preferred",
            Rank::Normal => "",
            Rank::Deprecated => ", retired",
        };
        let _ = write!(text, "\n{}{rank}\n{}", claim.id, claim_in_lines(claim, facts).join("\n"));
    }
    let _ = write!(text, "\n{} example questions:", topic.examples.len());
    let newest: Vec<String> = topic.examples.iter().rev().take(EXAMPLES_SHOWN).map(|example| quoted(example)).collect();
    let more = if topic.examples.len() > EXAMPLES_SHOWN { ", …" } else { "" };
    format!("{text} {}{more}", newest.join(", "))
}

/// Explains how a question was understood: the outcome and each candidate topic with its features.
pub fn trace(answered: &Answered, index: &Index) -> String {
    let mut lines = vec![format!("{:?} in {} µs", answered.reply.outcome, answered.elapsed_us)];
    for trace in &answered.traces {
        lines.push(format!("words: {}", trace.words.join(" ")));
        for candidate in &trace.candidates {
            let unexplained: Vec<String> =
                candidate.unexplained.iter().map(|word| format!("{} {:.2}", word.word, word.weight)).collect();
            lines.push(format!(
                "  {:<28} confidence {:.2}, score {:.2} (margin {:.2}, centre {:.2}, nearest {:.2}), gap {:.2}, unexplained: {}",
                index.topics()[candidate.topic].id,
                candidate.confidence,
                candidate.fit.score,
                candidate.fit.margin,
                candidate.fit.cosine,
                candidate.fit.likeness.nearest,
                candidate.lead.score,
                if unexplained.is_empty() { "nothing".to_owned() } else { unexplained.join(", ") },
            ));
        }
        if matches!(trace.decision, Decision::Unknown { .. } | Decision::Choose(_)) {
            lines.extend(teaching_hint(trace, index));
        }
    }
    lines.join("\n")
}

/// Suggests adding the question to the nearest topic that has an answer; `None` without one. A silent topic isn't
/// suggested: it may have matched by mistake, and another example would make that permanent.
fn teaching_hint(trace: &Trace, index: &Index) -> Option<String> {
    let topics = trace.candidates.iter().map(|candidate| &index.topics()[candidate.topic]);
    let id = &topics.into_iter().find(|topic| topic.answerable == Answerable::Yes)?.id;
    Some(format!("If {id} answers this, `question add {id} {}` adds the question to it.", trace.words.join(" ")))
}

/// Lists a page of unanswered questions. `first` is the number of questions before it.
pub fn unanswered(shown: &[UnansweredQuestion], first: usize, (page, pages): (usize, usize)) -> String {
    if shown.is_empty() {
        return "No questions are waiting for an answer.".into();
    }
    let day = |at: i64| {
        let day = jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string();
        day.chars().take(10).collect::<String>()
    };
    let mut text = String::from("Questions that I could not answer:");
    for (at, unanswered) in shown.iter().enumerate() {
        let (begin, end) = (day(unanswered.asked.0), day(unanswered.asked.1));
        let when = if begin == end { end } else { format!("{begin} to {end}") };
        let _ = write!(text, "\n{}. {}× {} ({when})", first + at + 1, unanswered.count, quoted(&unanswered.text));
    }
    if pages > 1 {
        let _ = write!(text, "\nPage {page} of {pages}: `unanswered 2` shows the second.");
    }
    text + "\n`assign 1 <topic>` adds it to a topic, `not known 1 <what>` answers what isn't known, `dismiss 1` drops \
            it, `topic add` creates a new topic."
}

pub fn suggestions(suggested: &[(i64, Suggestion)], reported: &[(i64, Report)]) -> String {
    if suggested.is_empty() && reported.is_empty() {
        return "Nothing was suggested or reported.".into();
    }
    let mut lines = Vec::new();
    for (at, (_, suggestion)) in suggested.iter().enumerate() {
        let part = |name: &str, text: &Option<String>| {
            text.as_ref().map(|text| format!(", {name} {text}")).unwrap_or_default()
        };
        let answered = suggestion.question.as_ref().map(|asked| format!(", as an answer to {}", quoted(asked)));
        lines.push(format!(
            "{}. suggested: {}{}{}{}",
            at + 1,
            quoted(&suggestion.statement),
            part("topic", &suggestion.topic),
            part("source", &suggestion.source),
            answered.unwrap_or_default(),
        ));
    }
    for (at, (_, report)) in reported.iter().enumerate() {
        let claims = if report.claims.is_empty() { String::new() } else { format!(" ({})", spaced(&report.claims)) };
        let (number, topics) = (suggested.len() + at + 1, spaced(&report.topics));
        let of = if topics.is_empty() { String::new() } else { format!(" with {topics}{claims}") };
        lines.push(format!("{number}. reported problem{of}: {}", quoted(&report.text)));
    }
    lines.push(
        "`accept 1` turns a suggestion into a claim, `decline 1 <why>` declines it, `dismiss 1` drops it.".into(),
    );
    lines.join("\n")
}

fn spaced(ids: &str) -> String {
    ids.split(',').collect::<Vec<_>>().join(", ")
}

/// Replies to a moderator who answered a question by hand.
pub fn answered_by_hand(question: &str) -> String {
    format!("Thank you. Moderators can make that my answer to {}, with its source.", quoted(question))
}

/// Reports why a moderator's answer can't become a fact as it is.
pub fn refused_by_hand(why: &str) -> String {
    format!("That can't become my answer as it is. {why} Reply again without it; I ask for the source later.")
}

/// Explains how to accept a suggestion where there is no button for it.
#[cfg(feature = "matrix")]
pub fn how_to_accept() -> String {
    "`suggestions` lists it, and `accept` with its number makes it a fact.".into()
}

/// Reports a moderator's answer in the community's log.
pub fn answered_by_hand_line(suggestion: &Suggestion) -> String {
    format!(
        "A moderator answered {}: {}. `suggestions` lists it, and `accept` with its number makes it a fact.",
        quoted(suggestion.question.as_deref().unwrap_or_default()),
        quoted(&suggestion.statement)
    )
}

#[cfg(feature = "discord")]
pub fn make_it_a_fact() -> String {
    "Make it a fact".into()
}

pub fn suggestion_is_gone() -> String {
    "That was accepted, declined or deleted in the meantime. `suggestions` lists the others.".into()
}

/// Turns a question into the title of a topic.
pub fn as_title(question: &str) -> String {
    let mut chars = question.trim().trim_end_matches(['?', '.', '!']).chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}", chars.take(LONGEST_TITLE).collect::<String>())
}

pub fn suggested() -> String {
    "Thank you. The moderators here will see it, without your name.".into()
}

pub fn too_many_suggestions() -> String {
    "Thank you, but too many suggestions are waiting. Try again when the moderators have handled some.".into()
}

pub fn put_aside(why: Option<&str>) -> String {
    why.map_or_else(|| "Done; it won't be raised again.".into(), |why| format!("Declined: {why}"))
}

/// Lists the numbers of questions by outcome, one line per day.
pub fn stats(tally: &[(String, String, u32)]) -> String {
    if tally.is_empty() {
        return "Nothing was asked here in the last seven days.".into();
    }
    let mut days: Vec<&String> = tally.iter().map(|(day, _, _)| day).collect();
    days.dedup();
    let line = |day: &String| {
        let of = tally.iter().filter(|(other, _, _)| other == day);
        let sum: u32 = of.clone().map(|(_, _, count)| count).sum();
        let parts: Vec<String> = of.map(|(_, outcome, count)| format!("{count} {outcome}")).collect();
        format!("{day}: {sum} asked = {}", parts.join(" + "))
    };
    days.into_iter().map(line).collect::<Vec<_>>().join("\n")
}
