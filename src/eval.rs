//! Judges the desk's replies to files of test questions with known answers, for `routedesk eval` and the tests.
//!
//! [`read`] parses a file, [`judge`] asks a question, and [`table`] formats the results.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::answer::Outcome;
use crate::desk::Desk;
use crate::utterance::Utterance;
use crate::wording::Reply;

/// A question and the properties of a right reply. One line of a question file.
#[derive(Debug, Clone, Deserialize)]
pub struct EvalQuestion {
    /// Id, named in the list of misses.
    pub id: String,
    /// The question as a person types it.
    pub q: String,
    /// The kind of the right reply.
    pub kind: ExpectedReply,
    /// A group of similar questions, such as follow-ups; the table has a row per group.
    #[serde(default)]
    pub group: String,
    /// The id of the right topic. The list of misses shows it; the verdict doesn't depend on it.
    #[serde(default)]
    pub topic: Option<String>,
    /// The earlier message that the question replies to.
    #[serde(default)]
    pub context: Option<String>,
    /// Regular expressions that the reply's body must all match; case is ignored.
    #[serde(default)]
    pub all: Vec<String>,
    /// Regular expressions that the body must not match; case is ignored.
    #[serde(default)]
    pub none: Vec<String>,
    /// Ids of sources of which an answer must cite at least one. Empty if any citation will do.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// The kind of the right reply to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpectedReply {
    /// The sources answer the question.
    Answer,
    /// The sources disagree.
    Disputed,
    /// The sources don't say.
    Unknown,
    /// Small talk.
    Social,
}

/// The judgement on a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The reply is of the expected kind, with the expected content and citation.
    Right,
    /// Any other reply, such as an answer with the wrong content or citation, or an error message.
    Wrong,
    /// The sources don't say, but the desk answered, or made small talk.
    WronglyAnswered,
    /// The sources answer, but the desk replied that they don't say, or made small talk.
    WronglyDeclined,
    /// The desk offered a choice of topics.
    Ambiguous,
}

/// A question with the desk's reply and the verdict.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The question.
    pub question: EvalQuestion,
    /// The reply's outcome.
    pub outcome: Outcome,
    /// The reply's body.
    pub body: String,
    /// The ids of the reply's topics.
    pub topics: Vec<String>,
    /// The judgement on the reply.
    pub verdict: Verdict,
    /// True if the reply cites one of the question's sources, or the question names none.
    pub cited: bool,
}

/// Reads questions from JSON lines. Skips empty lines.
///
/// # Errors
/// Returns an error with the line's number if a line isn't a question or one of its regular expressions is invalid.
pub fn read(text: &str) -> anyhow::Result<Vec<EvalQuestion>> {
    let mut questions = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let question: EvalQuestion =
            serde_json::from_str(line).map_err(|error| anyhow::anyhow!("line {}: {error}", number + 1))?;
        for pattern in question.all.iter().chain(&question.none) {
            compile(pattern).map_err(|error| anyhow::anyhow!("line {}: {error}", number + 1))?;
        }
        questions.push(question);
    }
    Ok(questions)
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).case_insensitive(true).build()
}

/// Asks the desk a question and judges its reply.
#[must_use]
pub fn judge(desk: &Desk, question: &EvalQuestion) -> Judged {
    let utterance = Utterance { context: question.context.clone(), ..Utterance::new(question.q.clone()) };
    let reply = desk.answer(&utterance).reply;
    let (verdict, cited) = judge_reply(question, &reply);
    Judged {
        question: question.clone(),
        outcome: reply.outcome,
        body: reply.body,
        topics: reply.topics,
        verdict,
        cited,
    }
}

/// Returns the verdict on a reply, and [`Judged::cited`].
#[must_use]
pub fn judge_reply(question: &EvalQuestion, reply: &Reply) -> (Verdict, bool) {
    let matches = |pattern: &String| compile(pattern).is_ok_and(|regex| regex.is_match(&reply.body));
    let says = question.all.iter().all(matches) && !question.none.iter().any(matches);
    let cited = question.sources.is_empty()
        || reply.citations.iter().any(|citation| question.sources.contains(&citation.source));
    let verdict = match (question.kind, reply.outcome) {
        _ if reply.is_trouble => Verdict::Wrong,
        (ExpectedReply::Unknown, Outcome::Unknown) if says => Verdict::Right,
        (ExpectedReply::Unknown, Outcome::Unknown) => Verdict::Wrong,
        (ExpectedReply::Social, Outcome::Social) => Verdict::Right,
        (_, Outcome::Ambiguous) => Verdict::Ambiguous,
        (ExpectedReply::Unknown, _) => Verdict::WronglyAnswered,
        (ExpectedReply::Answer | ExpectedReply::Disputed, Outcome::Answered | Outcome::Disputed) if says && cited => {
            Verdict::Right
        }
        (ExpectedReply::Answer | ExpectedReply::Disputed, Outcome::Unknown | Outcome::Social) => {
            Verdict::WronglyDeclined
        }
        _ => Verdict::Wrong,
    };
    (verdict, cited)
}

/// Returns the area under the ROC curve: the probability that a score from `within` is higher than one from `outside`.
/// A tie counts as one half. NaN if either slice is empty.
#[must_use]
pub fn area(within: &[f32], outside: &[f32]) -> f64 {
    let mut all: Vec<(f32, bool)> =
        within.iter().map(|score| (*score, true)).chain(outside.iter().map(|score| (*score, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut seen, mut sum) = (0.0, 0.0);
    for same in all.chunk_by(|a, b| a.0 == b.0) {
        let outside = same.iter().filter(|one| !one.1).count() as f64;
        sum += (same.len() as f64 - outside) * (seen + outside / 2.0);
        seen += outside;
    }
    sum / (within.len() as f64 * outside.len() as f64)
}

/// Formats the verdicts as tables by kind and by group, then lists every question that isn't [`Verdict::Right`].
#[must_use]
pub fn table(judged: &[Judged]) -> String {
    let mut out = header();
    let rows = |name: fn(&Judged) -> String| {
        let mut rows: BTreeMap<String, Vec<&Judged>> = BTreeMap::new();
        for one in judged {
            rows.entry(name(one)).or_default().push(one);
        }
        rows
    };
    for (name, rows) in rows(|one| format!("{:?}", one.question.kind).to_lowercase()) {
        row(&mut out, &name, &rows);
    }
    row(&mut out, "all", &judged.iter().collect::<Vec<_>>());
    out.push('\n');
    out.push_str(&header());
    for (name, rows) in rows(|one| one.question.group.clone()) {
        row(&mut out, &name, &rows);
    }
    for one in judged.iter().filter(|one| one.verdict != Verdict::Right) {
        let _ = write!(
            out,
            "\n{:?} {} ({:?}, {}): {}\n  wanted {}, got {:?} {}\n  {}\n",
            one.verdict,
            one.question.id,
            one.question.kind,
            one.question.group,
            one.question.q,
            one.question.topic.as_deref().unwrap_or("-"),
            one.outcome,
            one.topics.join(" "),
            one.body.replace('\n', " / "),
        );
    }
    out
}

fn header() -> String {
    format!(
        "{:<14}{:>6}{:>8}{:>8}{:>7}{:>16}{:>16}{:>11}{:>14}\n",
        "", "asked", "right", "%", "wrong", "wrongly answered", "wrongly declined", "ambiguous", "source cited"
    )
}

fn row(out: &mut String, name: &str, judged: &[&Judged]) {
    let count = |verdict| judged.iter().filter(|one| one.verdict == verdict).count();
    let right = count(Verdict::Right);
    let _ = writeln!(
        out,
        "{name:<14}{:>6}{right:>8}{:>8.1}{:>7}{:>16}{:>16}{:>11}{:>14}",
        judged.len(),
        100.0 * right as f64 / judged.len().max(1) as f64,
        count(Verdict::Wrong),
        count(Verdict::WronglyAnswered),
        count(Verdict::WronglyDeclined),
        count(Verdict::Ambiguous),
        judged.iter().filter(|one| one.cited).count(),
    );
}
