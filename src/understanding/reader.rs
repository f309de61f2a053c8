//! Reads messages in Russian and Korean with a phrasebook and what was taught over it.
//!
//! As in English, four things are kept apart and together make a probability: how well a topic fits, how far it leads,
//! how near its nearest example is, and which words of the question it leaves unexplained.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;

use super::candidate::{Candidate, Fit, Unexplained};
use super::decide::{Decision, Trace};
use super::examples::Likeness;
use super::features::Sparse;
use super::message::both_halves;
use super::phrasebook::{Phrasebook, PhrasebookLayer, letters};
use super::quantized::QuantizedVector;
use super::question_words::WordClass;
use super::spelling::English;
use super::taught::{UNTAUGHT, sparse_product};
use super::{Answerable, Index, TopicEntry, normalise, split};

/// Number of topics that are examined, the best by margin.
const LOOKED_AT: usize = 5;

/// Margin from which a message whose best topic is small talk is small talk, whatever other words it has.
const SMALL_TALK_FROM: f32 = 0.2;

/// Minimum length in letters of the beginning that two forms of a word share, and its minimum share of the shorter
/// form.
const LEAST_BEGINNING: usize = 3;
const BEGINNING: f32 = 0.7;

/// Confidence from which the bot answers, and the same if every word is explained and the topic leads. The most common
/// questions have the most near misses beside them, which keeps their confidence low.
const ANSWER_FROM: f32 = 0.25;
const ANSWER_EXPLAINED_FROM: f32 = 0.15;

/// Confidence from which a silent topic is named in the reply, and from which the claims of a topic are offered as the
/// nearest known.
const NAME_FROM: f32 = 0.2;
const NEAREST_FROM: f32 = 0.08;

/// Joints between two questions, and the confidence from which half a sentence counts as a question of its own.
const JOINTS: [&str; 6] = [" и ", " а ", ", ", " 그리고 ", " 하고 ", " / "];
const SURE_HALF: f32 = 0.35;

/// The number of features of a candidate.
pub const CANDIDATE_FEATURES: usize = 8;

/// Weight of each feature and, last, the constant. `cargo run --release --example calibrate_phrasebook` fits and prints
/// them.
const WEIGHTS: [f32; CANDIDATE_FEATURES + 1] = [1.903, 2.642, -2.730, 0.468, -0.354, -5.498, 0.133, 0.901, -1.242];

/// Maximum number of words of a question that may lean on its context.
const LEANS_UP_TO: usize = 4;

/// A phrasebook with what was taught over it, and the index that has the topics.
pub struct Reader<'a> {
    /// The phrasebook.
    pub book: &'a Phrasebook,
    /// The examples taught over the phrasebook, if there are any.
    pub layer: Option<&'a PhrasebookLayer>,
    /// The index that has the topics.
    pub index: &'a Index,
}

impl Reader<'_> {
    /// Returns the number in the index of each topic.
    fn topics(&self) -> &[usize] {
        self.layer.map_or(&self.book.topics, |layer| &layer.topics)
    }

    fn entry(&self, at: usize) -> &TopicEntry {
        &self.index.topics()[self.topics()[at]]
    }

    /// Decides on each question of a cleaned message. `context` is the text of an earlier message, for follow-up
    /// questions. Returns at least one trace.
    #[must_use]
    pub fn understand(&self, text: &str, context: Option<&str>) -> Vec<Trace> {
        let english = self.index.english();
        let words = |text: &str| self.mended(&normalise::words(text), english);
        let sentences = split::sentences(text);
        let whole = self.decide(&words(text));
        if sentences.len() > 1 {
            let mut traces: Vec<Trace> = Vec::new();
            for trace in sentences.iter().map(|sentence| self.decide(&words(sentence))) {
                let is_new = !traces.iter().any(|other| other.decision == trace.decision);
                let says = matches!(
                    trace.decision,
                    Decision::Answer(_) | Decision::Correct { .. } | Decision::Unknown { silent: Some(_), .. }
                );
                if is_new && says {
                    traces.push(trace);
                }
            }
            traces.truncate(split::MAX_QUESTIONS);
            if traces.len() > 1
                || (traces.len() == 1 && !matches!(whole.decision, Decision::Answer(_) | Decision::Correct { .. }))
            {
                return traces;
            }
        }
        if let Some(halves) = self.halves(text, &words) {
            return halves;
        }
        let open = matches!(whole.decision, Decision::Unknown { silent: None, .. } | Decision::Empty);
        if let Some(context) = context.filter(|_| open && whole.words.len() <= LEANS_UP_TO) {
            let together = self.decide(&words(&format!("{context} {text}")));
            if matches!(together.decision, Decision::Answer(_)) {
                return vec![together];
            }
        }
        vec![whole]
    }

    /// Splits a sentence that joins two questions. Returns `None` unless the bot would answer both halves with
    /// confidence and from different topics.
    fn halves(&self, text: &str, words: &impl Fn(&str) -> Vec<String>) -> Option<Vec<Trace>> {
        let sure = |half: &str| {
            let trace = self.decide(&words(half));
            let is_sure = trace.candidates.first().is_some_and(|best| best.confidence >= SURE_HALF);
            (is_sure && matches!(trace.decision, Decision::Answer(_))).then_some(trace)
        };
        both_halves(text, &JOINTS, sure)
    }

    /// Decides on one question, given as decomposed words with corrected spelling.
    fn decide(&self, words: &[String]) -> Trace {
        let candidates = self.candidates(words);
        let answerable = |candidate: &Candidate| self.index.topics()[candidate.topic].answerable;
        let nearest = || {
            let near = candidates.iter().find(|candidate| answerable(candidate) == Answerable::Yes);
            near.filter(|candidate| candidate.confidence >= NEAREST_FROM).map(|candidate| candidate.topic)
        };
        let decision = match candidates.first().map(|best| (best, answerable(best))) {
            None => Decision::Empty,
            Some((best, Answerable::Social(talk))) if best.fit.margin >= SMALL_TALK_FROM => Decision::Social(talk),
            Some((best, kind)) => self.false_premise(words).unwrap_or_else(|| match kind {
                Answerable::Yes if best.confidence >= needed(best) => Decision::Answer(best.topic),
                Answerable::No if best.confidence >= NAME_FROM => {
                    Decision::Unknown { silent: Some(best.topic), nearest: None }
                }
                _ => Decision::Unknown { silent: None, nearest: nearest() },
            }),
        };
        let words: Vec<String> = words.iter().map(|word| word.nfc().collect()).collect();
        Trace { content: words.len(), words, candidates, decision, language: self.book.language }
    }

    /// Returns the best topics, best first. Empty if no feature of the words is known.
    pub(super) fn candidates(&self, words: &[String]) -> Vec<Candidate> {
        let text = self.book.features.of(words);
        let mut order: Vec<usize> =
            (0..self.topics().len()).filter(|at| !self.index.is_gone(self.topics()[*at])).collect();
        if text.is_empty() || order.is_empty() {
            return Vec::new();
        }
        let mut margins = self.book.classifier.margins(&text, &QuantizedVector::default());
        if let Some(layer) = self.layer {
            margins.resize(layer.topics.len(), UNTAUGHT);
            layer.taught.add_to(&mut margins, &text, &QuantizedVector::default());
        }
        order.sort_by(|a, b| margins[*b].total_cmp(&margins[*a]).then(a.cmp(b)));
        order.truncate(LOOKED_AT);
        let nearest: Vec<f32> = order.iter().map(|at| self.nearest(*at, &text)).collect();
        let score = |at: usize| margins[order[at]] + nearest[at];
        let mut ranks: Vec<usize> = (0..order.len()).collect();
        ranks.sort_by(|a, b| score(*b).total_cmp(&score(*a)).then(a.cmp(b)));
        let users: Vec<(&String, HashSet<u16>)> = words.iter().map(|word| (word, self.users(word))).collect();
        let candidate = |rank: &usize| {
            let at = order[*rank];
            let others = || ranks.iter().filter(|other| *other != rank && !self.say_the_same(order[**other], at));
            let best_other = |of: &dyn Fn(usize) -> f32| others().map(|other| of(*other)).fold(-1.0, f32::max);
            let unexplained = self.unexplained(at, &users);
            let fit = Fit {
                margin: margins[at],
                cosine: 0.0,
                likeness: Likeness { nearest: nearest[*rank], ..Likeness::default() },
                score: score(*rank),
            };
            let lead = Fit {
                margin: margins[at] - best_other(&|other| margins[order[other]]),
                cosine: 0.0,
                likeness: Likeness {
                    nearest: nearest[*rank] - best_other(&|other| nearest[other]).max(0.0),
                    ..Likeness::default()
                },
                score: score(*rank) - best_other(&score),
            };
            let mut candidate = Candidate { topic: self.topics()[at], fit, lead, unexplained, ..Candidate::default() };
            candidate.confidence = chance(&candidate_features(&candidate, words.len()));
            candidate
        };
        let mut candidates: Vec<Candidate> = ranks.iter().map(candidate).collect();
        candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(b.fit.score.total_cmp(&a.fit.score)));
        candidates
    }

    /// Returns the cosine to the nearest example of a topic, 0 to 1.
    fn nearest(&self, at: usize, text: &Sparse) -> f32 {
        let shipped = self.book.examples.get(at).into_iter().flatten();
        let taught = self.layer.iter().flat_map(|layer| &layer.examples[at]);
        shipped.chain(taught).map(|example| sparse_product(text, example)).fold(0.0, f32::max)
    }

    /// Returns true if two topics are answered by the same first claim.
    fn say_the_same(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.entry(a), self.entry(b));
        a.answerable == b.answerable && !a.claims.is_empty() && a.claims.first() == b.claims.first()
    }

    /// Returns the topics that use any form of a word.
    fn users(&self, word: &str) -> HashSet<u16> {
        let beginning: String = word.chars().take(LEAST_BEGINNING).collect();
        let users = |vocabulary: &[(String, Vec<u16>)]| {
            let start = vocabulary.partition_point(|(other, _)| *other < beginning);
            let near = vocabulary[start..].iter().take_while(|(other, _)| other.starts_with(&beginning));
            let forms = near.filter(|(other, _)| are_forms(word, other));
            forms.flat_map(|(_, topics)| topics.iter().copied()).collect::<HashSet<u16>>()
        };
        let mut all = users(&self.book.vocabulary);
        all.extend(self.layer.iter().flat_map(|layer| users(&layer.vocabulary)));
        all
    }

    /// Returns the words of a question that a topic's examples don't use in any form, weighted by how well they tell
    /// topics apart.
    fn unexplained(&self, at: usize, users: &[(&String, HashSet<u16>)]) -> Vec<Unexplained> {
        let third = (self.topics().len() as f32 / 3.0).max(2.0);
        let mut unexplained = Vec::new();
        for (word, topics) in users.iter().filter(|(word, topics)| {
            word.chars().nth(1).is_some() && !topics.contains(&(at as u16)) && !self.book.filler.contains(*word)
        }) {
            let informativeness = (1.0 - (topics.len().max(1) as f32).ln() / third.ln()).clamp(0.0, 1.0);
            if informativeness > 0.0 {
                let class = if topics.is_empty() { WordClass::Rare } else { WordClass::OtherTopic };
                unexplained.push(Unexplained { word: word.nfc().collect(), weight: informativeness, class });
            }
        }
        unexplained
    }

    /// Decomposes words and corrects their spelling.
    fn mended(&self, words: &[String], english: &English) -> Vec<String> {
        let taught = |word: &String| {
            self.layer.is_some_and(|layer| layer.vocabulary.binary_search_by(|(other, _)| other.cmp(word)).is_ok())
        };
        let mended = |word: String| {
            if taught(&word) {
                word
            } else {
                self.book.speller.mend(&word, english).map_or(word.clone(), str::to_owned)
            }
        };
        letters(words).into_iter().map(mended).collect()
    }
}

/// Returns true if two words are forms of one word: they are equal, or share a beginning of at least three letters and
/// most of the shorter word.
pub(super) fn are_forms(a: &str, b: &str) -> bool {
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let shorter = a.chars().count().min(b.chars().count());
    a == b || common >= LEAST_BEGINNING.max((shorter as f32 * BEGINNING).ceil() as usize)
}

/// Returns the features of a candidate. `words` is the number of words in the question.
#[must_use]
pub fn candidate_features(candidate: &Candidate, words: usize) -> [f32; CANDIDATE_FEATURES] {
    let unexplained: f32 = candidate.unexplained.iter().map(|word| word.weight).sum();
    let unknown: f32 =
        candidate.unexplained.iter().filter(|word| word.class == WordClass::Rare).map(|word| word.weight).sum();
    [
        candidate.fit.margin,
        candidate.lead.margin,
        candidate.fit.likeness.nearest,
        candidate.lead.likeness.nearest,
        unexplained,
        unexplained / words.max(1) as f32,
        unknown / words.max(1) as f32,
        (words as f32).ln_1p(),
    ]
}

/// Returns the confidence that an answer needs.
fn needed(best: &Candidate) -> f32 {
    if best.unexplained.is_empty() && best.lead.margin > 0.0 { ANSWER_EXPLAINED_FROM } else { ANSWER_FROM }
}

/// Returns the probability that a topic is the right one, by logistic regression.
fn chance(candidate_features: &[f32; CANDIDATE_FEATURES]) -> f32 {
    let sum: f32 = candidate_features.iter().zip(WEIGHTS).map(|(sign, weight)| sign * weight).sum::<f32>()
        + WEIGHTS[CANDIDATE_FEATURES];
    1.0 / (1.0 + (-sum).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_meet() {
        for (a, b, expected) in [
            ("билет", "билетов", true),
            ("рейс", "рейса", true),
            ("авиакомпания", "авиабилет", false),
            ("평양", "평양에", true),
            ("티켓", "티켓값이", true),
            ("평양", "서울", false),
            ("как", "кто", false),
        ] {
            let [a, b] = [a, b].map(|word| word.nfd().collect::<String>());
            assert_eq!(are_forms(&a, &b), expected, "{a} {b}");
        }
    }
}
