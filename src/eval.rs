//! Runs files of questions whose right answers are known, and counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::answer::Outcome;
use crate::desk::Desk;
use crate::utterance::Utterance;
use crate::wording::Reply;

/// A question and what a right reply to it looks like.
#[derive(Debug, Clone, Deserialize)]
pub struct EvalQuestion {
    /// Its id.
    pub id: String,
    /// The question as a person types it.
    pub q: String,
    /// What kind of reply is right.
    pub kind: ExpectedReply,
    /// What kind of asking it is an example of.
    #[serde(default)]
    pub group: String,
    /// The topic it belongs to; for looking at misses, not for judging.
    #[serde(default)]
    pub topic: Option<String>,
    /// Earlier text that it replies to.
    #[serde(default)]
    pub context: Option<String>,
    /// Patterns that the body must match, whatever the case of its letters.
    #[serde(default)]
    pub all: Vec<String>,
    /// Patterns that it must not match.
    #[serde(default)]
    pub none: Vec<String>,
    /// Sources of which one must be cited.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// What kind of reply is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpectedReply {
    /// The sources answer it.
    Answer,
    /// They disagree.
    Disputed,
    /// They are silent.
    Unknown,
    /// Small talk.
    Social,
}

/// How a reply is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// As it should be.
    Right,
    /// An answer, but not the right one.
    Wrong,
    /// An answer where the sources are silent.
    WronglyAnswered,
    /// No answer where the sources have one.
    WronglyDeclined,
    /// A choice offered.
    Ambiguous,
}

/// A judged question.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The question.
    pub question: EvalQuestion,
    /// The reply's outcome.
    pub outcome: Outcome,
    /// Its body.
    pub body: String,
    /// Its topics.
    pub topics: Vec<String>,
    /// How it is judged.
    pub verdict: Verdict,
    /// Whether it cites one of the wanted sources; true where none is wanted.
    pub cited: bool,
}

/// Reads questions from JSON lines.
///
/// # Errors
/// The first line that is no question, or whose patterns don't compile, with its number.
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

/// Asks the desk and judges its reply.
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

/// How a reply to a question is judged, and whether it cites one of the wanted sources.
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

/// The chance that one of the first scores is higher than one of the second: the area under the curve by which two kinds
/// of questions are told apart.
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

/// A table of the verdicts by kind and by group, and every miss.
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
        "", "asked", "right", "%", "wrong", "wrongly answered", "wrongly declined", "ambiguous", "cited rightly"
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
