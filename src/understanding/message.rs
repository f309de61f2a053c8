//! Reads a whole English message: finds its questions, completes follow-up questions from their context, and ignores
//! the small talk around them. [`super::reader`] does the same for other languages.

use super::asks::asks;
use super::decide::{Decision, Trace};
use super::split::{MAX_QUESTIONS, MessagePart, split};
use super::{Index, normalise};
use crate::language::Language;
use crate::utterance::Utterance;

/// Decides on each question of a message. Returns at least one trace and at most [`MAX_QUESTIONS`], in the order of the
/// questions.
#[must_use]
pub fn understand(index: &Index, utterance: &Utterance) -> Vec<Trace> {
    let text = normalise::clean(&utterance.text);
    match Language::of(&text) {
        Some(Language::English) => {}
        Some(language) => return in_other_language(index, language, &text, utterance.context.as_deref()),
        None => return vec![foreign()],
    }
    let parts = split(&text);
    // A message of several parts is its own context.
    let context = utterance.context.as_deref().filter(|_| parts.len() < 2);
    let context = context.map(|context| index.mended_words(&normalise::clean(without_sources(context))));
    let told: Vec<String> = parts.iter().take_while(|part| !part.asks).map(|part| part.text.clone()).collect();
    let context = if told.is_empty() { context } else { Some(index.mended_words(&told.join(" "))) };
    let only = parts.len() < 2;
    let parts = questions(parts);
    let whole = || one(index, &index.mended_words(&text), context.as_deref(), false);
    if parts.len() < 2 {
        let asked = parts.first().map_or(text.as_str(), |part| part.text.as_str());
        let words = index.mended_words(asked);
        let single = one(index, &words, context.as_deref(), false);
        // "Who's right?" has no content words: it asks about everything before it.
        let asks_nothing = index.content_count(&words) == 0 && !told.is_empty();
        let single = if only || (is_sure(&single) && !asks_nothing) {
            single
        } else if asks_nothing {
            Some(whole()).filter(answers).unwrap_or(single)
        } else {
            better(single, whole())
        };
        if confidence(&single) >= SURELY_ONE {
            return vec![single];
        }
        return halves(index, asked).unwrap_or_else(|| vec![single]);
    }
    let mut traces: Vec<Trace> = Vec::new();
    let mut before = context.clone();
    for part in parts {
        let words = index.mended_words(&part.text);
        let trace = one(index, &words, before.as_deref(), !traces.is_empty());
        before = Some(words.iter().chain(index.people_of(&trace.decision)).cloned().collect());
        let repeats = traces.iter().any(|other| other.decision == trace.decision);
        if !repeats && trace.decision != Decision::Empty {
            traces.push(trace);
        }
    }
    if traces.iter().any(answers) {
        // "Source?" beside an answered question needs no reply of its own: every answer cites its sources.
        traces.retain(|trace| answers(trace) || trace.content > 1 || !is_blank(trace));
        return traces;
    }
    let whole = whole();
    if traces.is_empty() || answers(&whole) { vec![whole] } else { traces }
}

/// Decides on the questions of a message in another language than English.
fn in_other_language(index: &Index, language: Language, text: &str, context: Option<&str>) -> Vec<Trace> {
    let context = context.map(|context| normalise::clean(without_sources(context)));
    let reader = index.reader(language);
    reader.map_or_else(|| vec![foreign()], |reader| reader.understand(text, context.as_deref()))
}

/// Returns the trace of a message in a language that the bot doesn't read.
fn foreign() -> Trace {
    let decision = Decision::Foreign;
    Trace { words: Vec::new(), content: 0, candidates: Vec::new(), decision, language: Language::English }
}

/// Returns true if the question leads to no topic at all, neither a silent nor a near one.
fn is_blank(trace: &Trace) -> bool {
    matches!(trace.decision, Decision::Unknown { silent: None, nearest: None })
}

fn answers(trace: &Trace) -> bool {
    matches!(trace.decision, Decision::Answer(_) | Decision::Correct { .. })
}

/// Returns true if the question is answered and has more than one content word, so that it needs no context.
fn is_sure(trace: &Trace) -> bool {
    answers(trace) && trace.content > 1
}

/// Splits a question that joins two without question words, such as "flight number and landing time". Returns `None`
/// unless the bot would answer both halves with confidence and from different topics.
fn halves(index: &Index, text: &str) -> Option<Vec<Trace>> {
    let sure = |half: &str| {
        let trace = index.decide(&index.mended_words(half));
        let best = trace.candidates.first()?;
        (matches!(trace.decision, Decision::Answer(_)) && best.confidence >= SURE_HALF).then_some(trace)
    };
    both_halves(text, &JOINTS, sure)
}

/// Cuts a text at each of the `joints` in turn and returns the first two halves for which `sure` gives different
/// decisions. Tries at most [`MAX_QUESTIONS`] cuts.
pub(super) fn both_halves(text: &str, joints: &[&str], sure: impl Fn(&str) -> Option<Trace>) -> Option<Vec<Trace>> {
    let cuts = joints.iter().flat_map(|joint| text.match_indices(joint).map(|(at, _)| (at, at + joint.len())));
    cuts.take(MAX_QUESTIONS).find_map(|(end, start)| {
        let traces = vec![sure(&text[..end])?, sure(&text[start..])?];
        (traces[0].decision != traces[1].decision).then_some(traces)
    })
}

fn confidence(trace: &Trace) -> f32 {
    trace.candidates.first().map_or(0.0, |best| best.confidence)
}

/// Confidence from which a question is taken as a single one and never split into halves.
const SURELY_ONE: f32 = 0.9;

/// Confidence that an answer needs if it comes from part of a sentence or from a question completed by its context.
const SURE_HALF: f32 = 0.6;

/// Joints between two questions.
const JOINTS: [&str; 6] = [" and ", ", ", " & ", " + ", " plus ", " also "];

/// Cuts off the numbered sources. The context may be the bot's own reply, and its sources don't show what was asked.
fn without_sources(text: &str) -> &str {
    text.find("\n[1] ").map_or(text, |at| &text[..at])
}

/// Keeps the parts that are questions, up to [`MAX_QUESTIONS`].
fn questions(parts: Vec<MessagePart>) -> Vec<MessagePart> {
    parts.into_iter().filter(|part| part.asks).take(MAX_QUESTIONS).collect()
}

/// Chooses between the decisions on a question alone and on the whole message: the former, unless the question has
/// hardly any content words and the message has more.
fn better(part: Trace, whole: Trace) -> Trace {
    let leans =
        matches!(part.decision, Decision::Empty) || part.content <= 1 && !matches!(part.decision, Decision::Answer(_));
    if leans && whole.content > part.content { whole } else { part }
}

/// Decides on one question, completed from `context` if it is incomplete by itself. A question that `follows` another
/// in the same message counts as incomplete sooner: "vladivostok flights: since when and what airline".
fn one(index: &Index, words: &[String], context: Option<&[String]>, follows: bool) -> Trace {
    let words = without_small_talk(index, words);
    let alone = index.decide(words);
    if let Some(trace) = without_preamble(index, words, &alone) {
        return trace;
    }
    let leans = !matches!(alone.decision, Decision::Social(_)) && leans_on_context(index, words, follows);
    let Some(context) = context.filter(|_| leans) else { return alone };
    let carried = index.carried(context);
    if carried.is_empty() {
        return if index.content_count(words) == 0 { after(index, context, words).unwrap_or(alone) } else { alone };
    }
    // The context has the subject of the question: all of the carried words together, or only one of them.
    let joined = |carried: &[String]| index.decide(&carried.iter().chain(words).cloned().collect::<Vec<_>>());
    let together = joined(&carried);
    if answers(&together) || matches!(together.decision, Decision::Unknown { silent: Some(_), .. }) {
        return together;
    }
    let single = carried.iter().map(|word| joined(std::slice::from_ref(word)));
    let best = single.filter(answers).max_by(|a, b| confidence(a).total_cmp(&confidence(b)));
    best.filter(|best| confidence(best) >= SURE_HALF).unwrap_or(together)
}

/// Decides on the question at the end of a sentence with a personal preamble: "before I call him out at dinner, what
/// were tickets really". Returns `None` if the whole sentence has a clear decision, or if the preamble may change the
/// question.
fn without_preamble(index: &Index, words: &[String], whole: &Trace) -> Option<Trace> {
    if !matches!(whole.decision, Decision::Unknown { silent: None, .. } | Decision::Choose(_)) {
        return None;
    }
    let start = question_start(words)?;
    let (preamble, question) = words.split_at(start);
    if !preamble.iter().any(|word| PERSONAL.contains(&word.as_str())) || index.content_count(question) == 0 {
        return None;
    }
    let trace = index.decide(question);
    let best = trace.candidates.first()?;
    let sure = matches!(trace.decision, Decision::Answer(_)) && best.confidence >= SURE_HALF;
    (sure && index.is_beside_the_point(preamble, best.topic)).then_some(trace)
}

/// Words that occur where people write about themselves or others.
const PERSONAL: [&str; 22] = [
    "i",
    "me",
    "my",
    "we",
    "our",
    "us",
    "you",
    "he",
    "him",
    "his",
    "she",
    "her",
    "they",
    "them",
    "someone",
    "somebody",
    "everyone",
    "everybody",
    "people",
    "this",
    "guys",
    "friend",
];

/// Returns the index of the last question word, or of the preposition before it. Returns `None` if there is no question
/// word or if the sentence begins there.
fn question_start(words: &[String]) -> Option<usize> {
    const ASKING: [&str; 8] = ["who", "whom", "what", "when", "where", "which", "why", "how"];
    const PREPOSITIONS: [&str; 12] =
        ["for", "at", "in", "on", "to", "from", "by", "with", "of", "until", "since", "about"];
    let asking = words.iter().rposition(|word| ASKING.contains(&word.as_str()))?;
    let before = asking.checked_sub(1)?;
    let start = if PREPOSITIONS.contains(&words[before].as_str()) { before } else { asking };
    (start > 0).then_some(start)
}

/// Decides on a question without content words, together with its whole context. Returns `None` unless that leads to a
/// silent topic or a confident answer.
fn after(index: &Index, context: &[String], words: &[String]) -> Option<Trace> {
    let together = index.decide(&context.iter().chain(words).cloned().collect::<Vec<_>>());
    let silent = matches!(together.decision, Decision::Unknown { silent: Some(_), .. });
    (silent || is_confident(&together)).then_some(together)
}

fn is_confident(trace: &Trace) -> bool {
    answers(trace) && trace.candidates.first().is_some_and(|best| best.confidence >= SURE_HALF)
}

/// Removes greetings before a question and thanks after it, unless nothing of a question remains.
fn without_small_talk<'a>(index: &Index, words: &'a [String]) -> &'a [String] {
    let start = words.iter().position(|word| !index.is_cue(word)).unwrap_or(words.len());
    let end = words.iter().rposition(|word| !index.is_cue(word)).map_or(start, |at| at + 1);
    let rest = &words[start..end];
    if index.content_count(rest) > 0 || !asks(rest).is_empty() { rest } else { words }
}

/// Returns true if a question is incomplete by itself: it has no content words, or at most two and either a pronoun, an
/// opening conjunction, or another question before it (`follows`).
fn leans_on_context(index: &Index, words: &[String], follows: bool) -> bool {
    const OPENERS: [&str; 6] = ["and", "but", "or", "also", "then", "so"];
    const POINTERS: [&str; 14] =
        ["it", "its", "that", "this", "they", "them", "their", "there", "he", "she", "him", "her", "those", "back"];
    // These words give the kind of answer, but not its subject.
    const ASKING: [&str; 7] = ["often", "frequent", "frequently", "regularly", "time", "day", "date"];
    let named: Vec<String> = words.iter().filter(|word| !ASKING.contains(&word.as_str())).cloned().collect();
    let content = index.content_count(&named);
    let opens = words.first().is_some_and(|word| OPENERS.contains(&word.as_str()));
    let points = words.iter().any(|word| POINTERS.contains(&word.as_str()));
    content == 0 || (content <= 2 && (points || opens || follows))
}
