//! A whole message: its questions, what they lean on, and the small talk around them.

use super::asks::asks;
use super::decide::{Decision, Trace};
use super::split::{MAX_QUESTIONS, Part, split};
use super::{Index, normalise};
use crate::utterance::Utterance;

/// Decides on each question of a message.
#[must_use]
pub fn understand(index: &Index, utterance: &Utterance) -> Vec<Trace> {
    let text = normalise::clean(&utterance.text);
    let parts = split(&text);
    // A message of several sentences brings its own context.
    let context = utterance.context.as_deref().filter(|_| parts.len() < 2);
    let context = context.map(|context| index.mended_words(&normalise::clean(without_sources(context))));
    let told: Vec<String> = parts.iter().take_while(|part| !part.asks).map(|part| part.text.clone()).collect();
    let context = if told.is_empty() { context } else { Some(index.mended_words(&told.join(" "))) };
    let parts = questions(parts);
    let whole = || one(index, &index.mended_words(&text), context.as_deref());
    if parts.len() < 2 {
        let asked = parts.first().map_or(text.as_str(), |part| part.text.as_str());
        let words = index.mended_words(asked);
        let single = one(index, &words, context.as_deref());
        let single =
            if is_sure(&single) || words == index.mended_words(&text) { single } else { better(single, whole()) };
        return halves(index, asked).unwrap_or_else(|| vec![single]);
    }
    let mut traces: Vec<Trace> = Vec::new();
    let mut before = context.clone();
    for part in parts {
        let words = index.mended_words(&part.text);
        let trace = one(index, &words, before.as_deref());
        before = Some(words);
        let repeats = traces.iter().any(|other| other.decision == trace.decision);
        if !repeats && trace.decision != Decision::Empty {
            traces.push(trace);
        }
    }
    if traces.iter().any(answers) {
        // "Source?" behind a question that is answered asks for nothing more.
        traces.retain(|trace| answers(trace) || trace.content > 1 || !is_blank(trace));
        return traces;
    }
    let whole = whole();
    if traces.is_empty() || answers(&whole) { vec![whole] } else { traces }
}

/// Whether nothing at all is known about a question.
fn is_blank(trace: &Trace) -> bool {
    matches!(trace.decision, Decision::Unknown { silent: None, nearest: None })
}

fn answers(trace: &Trace) -> bool {
    matches!(trace.decision, Decision::Answer(_) | Decision::Correct { .. })
}

/// Whether a question is answered without what stands around it.
fn is_sure(trace: &Trace) -> bool {
    answers(trace) && trace.content > 1
}

/// Two questions in one without question words, such as "flight number and landing time": taken apart only if both
/// halves are sure by themselves and about different things.
fn halves(index: &Index, text: &str) -> Option<Vec<Trace>> {
    joints(text).into_iter().find_map(|(first, second)| {
        let traces = [first, second].map(|half| index.decide(&index.mended_words(half)));
        let sure = |trace: &Trace| {
            let best = trace.candidates.first();
            matches!(trace.decision, Decision::Answer(_)) && best.is_some_and(|best| best.confidence >= SURE_HALF)
        };
        let differ = traces[0].decision != traces[1].decision;
        (traces.iter().all(sure) && differ).then(|| traces.to_vec())
    })
}

/// The confidence from which on half a sentence is taken for a question of its own.
const SURE_HALF: f32 = 0.6;

/// The places where two questions may have been joined.
fn joints(text: &str) -> Vec<(&str, &str)> {
    [" and ", ", ", " & ", " + ", " plus ", " also "]
        .iter()
        .flat_map(|joint| text.match_indices(joint).map(|(at, _)| (&text[..at], &text[at + joint.len()..])))
        .take(MAX_QUESTIONS)
        .collect()
}

/// The desk's own reply may be what a message replies to: its list of sources says nothing of the question.
fn without_sources(text: &str) -> &str {
    text.find("\n[1] ").map_or(text, |at| &text[..at])
}

/// The parts that ask something; of many the first.
fn questions(parts: Vec<Part>) -> Vec<Part> {
    parts.into_iter().filter(|part| part.asks).take(MAX_QUESTIONS).collect()
}

/// Between a question alone and the message around it: the question alone, unless only the message tells what it is
/// about.
fn better(part: Trace, whole: Trace) -> Trace {
    let leans =
        matches!(part.decision, Decision::Empty) || part.content <= 1 && !matches!(part.decision, Decision::Answer(_));
    if leans && whole.content > part.content { whole } else { part }
}

/// Decides on one question, with what was said before it if it leans on that.
fn one(index: &Index, words: &[String], context: Option<&[String]>) -> Trace {
    let words = without_small_talk(index, words);
    let alone = index.decide(words);
    let leans = !matches!(alone.decision, Decision::Social(_)) && leans_on_context(index, words);
    let carried = context.filter(|_| leans).map(|context| index.carried(context)).unwrap_or_default();
    if carried.is_empty() {
        return alone;
    }
    // The question asks; what it asks about stands in what was said before: all of it, or one of its words.
    let joined = |carried: &[String]| index.decide(&carried.iter().chain(words).cloned().collect::<Vec<_>>());
    let together = joined(&carried);
    if answers(&together) || matches!(together.decision, Decision::Unknown { silent: Some(_), .. }) {
        return together;
    }
    let confidence = |trace: &Trace| trace.candidates.first().map_or(0.0, |best| best.confidence);
    let single = carried.iter().map(|word| joined(std::slice::from_ref(word)));
    let best = single.filter(answers).max_by(|a, b| confidence(a).total_cmp(&confidence(b)));
    best.filter(|best| confidence(best) >= SURE_HALF).unwrap_or(together)
}

/// A question without greetings before it and thanks behind, if anything else is left.
fn without_small_talk<'a>(index: &Index, words: &'a [String]) -> &'a [String] {
    let start = words.iter().position(|word| !index.is_cue(word)).unwrap_or(words.len());
    let end = words.iter().rposition(|word| !index.is_cue(word)).map_or(start, |at| at + 1);
    let rest = &words[start..end];
    if index.content_count(rest) > 0 || !asks(rest).is_empty() { rest } else { words }
}

/// Whether a question is only the rest of one: it asks without naming anything, or points back, or begins as one that
/// goes on.
fn leans_on_context(index: &Index, words: &[String]) -> bool {
    const OPENERS: [&str; 6] = ["and", "but", "or", "also", "then", "so"];
    const POINTERS: [&str; 14] =
        ["it", "its", "that", "this", "they", "them", "their", "there", "he", "she", "him", "her", "those", "back"];
    // These ask; they don't say of what.
    const ASKING: [&str; 7] = ["often", "frequent", "frequently", "regularly", "time", "day", "date"];
    let named: Vec<String> = words.iter().filter(|word| !ASKING.contains(&word.as_str())).cloned().collect();
    let content = index.content_count(&named);
    let opens = words.first().is_some_and(|word| OPENERS.contains(&word.as_str()));
    let points = words.iter().any(|word| POINTERS.contains(&word.as_str()));
    content == 0 || (content <= 2 && (points || opens))
}
