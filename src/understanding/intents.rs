//! Runs the engine alone on any set of intents: spelling, features, vectors, classifier and score, without claims and
//! without what a question asks for. Used by the benches and `examples/intents.rs`.

use std::collections::HashMap;
use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use super::matcher::{MOST_TRAINED, Matcher, thinned};
use super::normalise;
use super::quantized::{QuantizedMatrix, highest};
use super::spelling::{English, SURELY_A_WORD, Speller};
use super::vectors::Vectors;

/// The steps of the engine that can be left out, to measure what each adds.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    /// Corrects misspelt words.
    pub spelling: bool,
    /// Uses word vectors.
    pub vectors: bool,
    /// Adds the cosine to the centroid of an intent's examples to the score.
    pub middle: bool,
    /// Adds the cosine to the nearest example to the score.
    pub nearest: bool,
    /// Uses the name of an intent as one more example.
    pub names: bool,
}

impl Steps {
    /// All steps.
    pub const ALL: Self = Self { spelling: true, vectors: true, middle: true, nearest: true, names: true };
}

/// Intents, learnt from examples.
pub struct Intents {
    steps: Steps,
    names: Vec<String>,
    vectors: Vectors,
    english: English,
    speller: Speller,
    matcher: Matcher,
    /// Vectors of the examples, and the range of each intent's.
    examples: QuantizedMatrix,
    of_intent: Vec<Range<u32>>,
}

/// Number of intents that are compared with their examples one by one, the best by the first part of the score.
const LOOKED_AT: usize = 8;

impl Intents {
    /// Trains on pairs of an intent and an example question. Samples the examples of each intent if there are very
    /// many. The name of an intent is one more example.
    ///
    /// # Panics
    /// Panics if `examples` is empty.
    #[must_use]
    pub fn train(examples: &[(String, String)], vectors: Vectors) -> Self {
        Self::train_with(examples, vectors, Steps::ALL)
    }

    /// Does the same as [`Self::train`] with some steps left out.
    ///
    /// # Panics
    /// Panics if `examples` is empty.
    #[must_use]
    pub fn train_with(examples: &[(String, String)], vectors: Vectors, steps: Steps) -> Self {
        let vectors = if steps.vectors { vectors } else { Vectors::none() };
        let (names, questions) = by_intent(examples);
        assert!(!names.is_empty(), "there must be an example");
        let mut counts: HashMap<String, u32> = HashMap::new();
        let mut count = |word: String| *counts.entry(word).or_default() += 1;
        questions.iter().flatten().flat_map(|text| words(text)).for_each(&mut count);
        let mut texts: Vec<Vec<Vec<String>>> = thinned(&questions, MOST_TRAINED, |text| xxh3_64(text.as_bytes()))
            .into_iter()
            .map(|questions| questions.into_iter().map(|text| words(text)).collect())
            .collect();
        for (texts, name) in texts.iter_mut().zip(&names).filter(|_| steps.names) {
            let name = words(&name.replace('_', " "));
            name.iter().cloned().for_each(&mut count);
            texts.insert(0, name);
        }
        let matcher = Matcher::train(&texts, &vectors);
        let mut end = 0;
        let ranges = texts.iter().map(|texts| {
            end += texts.len() as u32;
            end - texts.len() as u32..end
        });
        let of_intent = ranges.collect();
        let means: Vec<Vec<f32>> = texts.iter().flatten().map(|text| vectors.mean(text)).collect();
        let rows = QuantizedMatrix::of(vectors.dimensions(), means.iter().map(Vec::as_slice));
        let english = English::new();
        let speller = speller(counts, examples.len() > MOST_TRAINED, &english);
        Self { steps, names, vectors, english, speller, matcher, examples: rows, of_intent }
    }

    /// Returns the likeliest intent of a question, and its score: the margin, the cosine to the centroid of its
    /// examples, and the cosine to the nearest of them. A higher score is surer.
    #[must_use]
    pub fn best(&self, question: &str) -> (&str, f32) {
        let mut words = words(question);
        for word in words.iter_mut().filter(|_| self.steps.spelling) {
            if let Some(mended) = self.speller.mend(word, &self.english) {
                *word = mended.to_owned();
            }
        }
        let (likely, vector) = self.matcher.likely(&words, &self.vectors, self.steps.middle);
        let mut best = highest(likely, LOOKED_AT);
        for (score, intent) in best.iter_mut().filter(|_| self.steps.nearest) {
            let numbers: Vec<u32> = self.of_intent[*intent as usize].clone().collect();
            *score += self.examples.products(&vector, &numbers).into_iter().fold(-1.0, f32::max);
        }
        let best = highest(best, 1);
        best.first().map_or(("", f32::NEG_INFINITY), |(score, intent)| (self.names[*intent as usize].as_str(), *score))
    }
}

/// Returns the intents in order of first occurrence, and the questions of each.
fn by_intent(examples: &[(String, String)]) -> (Vec<String>, Vec<Vec<&str>>) {
    let mut names: Vec<String> = Vec::new();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut questions: Vec<Vec<&str>> = Vec::new();
    for (intent, question) in examples {
        let number = *numbers.entry(intent).or_insert_with(|| {
            names.push(intent.clone());
            questions.push(Vec::new());
            names.len() - 1
        });
        questions[number].push(question);
    }
    (names, questions)
}

/// Makes the speller of the words of the examples; of very many examples, without the typos in them.
fn speller(mut counts: HashMap<String, u32>, are_many: bool, english: &English) -> Speller {
    if !are_many {
        return Speller::new(counts);
    }
    counts.retain(|word, count| *count >= SURELY_A_WORD || english.knows(word));
    let in_question: Vec<String> = counts.keys().filter(|word| !english.knows(word)).cloned().collect();
    let mut speller = Speller::new(counts);
    speller.forget_slips(&in_question);
    speller
}

fn words(text: &str) -> Vec<String> {
    normalise::words(&normalise::clean(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toy() -> Intents {
        let examples = [
            ("price", "how much does the ticket cost"),
            ("price", "what is the fare"),
            ("time", "when does it leave"),
            ("time", "what is the departure time"),
            ("seat", "may I choose my seat"),
        ];
        let examples: Vec<(String, String)> = examples.map(|(intent, text)| (intent.into(), text.into())).into();
        Intents::train(&examples, Vectors::shipped())
    }

    #[test]
    fn questions_find_their_intent() {
        let intents = toy();
        for (question, intent) in
            [("how much is a tikcet", "price"), ("departure tiem?", "time"), ("choose a seat", "seat")]
        {
            assert_eq!(intents.best(question).0, intent, "{question}");
        }
    }

    #[test]
    fn what_is_asked_scores_higher_than_what_is_not() {
        let intents = toy();
        assert!(intents.best("what does the ticket cost").1 > intents.best("how do I bake bread").1 + 0.5);
        assert!(intents.best("").1.is_finite() && intents.best("!!! \u{0}").1.is_finite());
    }

    #[test]
    fn contradicting_examples_and_a_single_one_are_no_trouble() {
        let pair = |intent: &str| (intent.to_owned(), "when does it leave".to_owned());
        let both = Intents::train(&[pair("a"), pair("b")], Vectors::shipped());
        assert!(["a", "b"].contains(&both.best("when does it leave").0));
        assert_eq!(Intents::train(&[pair("only")], Vectors::shipped()).best("anything").0, "only");
    }
}
