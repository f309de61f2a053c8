//! The engine by itself, on any set of intents: spelling, features, vectors, classifier and score, without the desk's
//! knowledge of claims and of what a question asks for.

use std::collections::HashMap;

use super::matcher::Matcher;
use super::normalise;
use super::spelling::{English, Speller};
use super::vectors::Vectors;

/// Intents that were learnt from examples.
pub struct Intents {
    names: Vec<String>,
    vectors: Vectors,
    english: English,
    speller: Speller,
    matcher: Matcher,
}

impl Intents {
    /// Trains on pairs of an intent and an example question. The intent's name is one more example.
    ///
    /// # Panics
    /// If there is no example.
    #[must_use]
    pub fn train(examples: &[(String, String)], vectors: Vectors) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut texts: Vec<Vec<Vec<String>>> = Vec::new();
        for (intent, question) in examples {
            let number = *numbers.entry(intent).or_insert_with(|| {
                names.push(intent.clone());
                texts.push(vec![words(&intent.replace('_', " "))]);
                names.len() - 1
            });
            texts[number].push(words(question));
        }
        assert!(!names.is_empty(), "there must be an example");
        let mut counts: HashMap<String, u32> = HashMap::new();
        texts.iter().flatten().flatten().for_each(|word| *counts.entry(word.clone()).or_default() += 1);
        let matcher = Matcher::train(&texts, &vectors);
        Self { names, vectors, english: English::new(), speller: Speller::new(counts), matcher }
    }

    /// The likeliest intent of a question and its score, the higher the surer.
    #[must_use]
    pub fn best(&self, question: &str) -> (&str, f32) {
        let mut words = words(question);
        for word in &mut words {
            if let Some(mended) = self.speller.mend(word, &self.english) {
                *word = mended.to_owned();
            }
        }
        let view = self.matcher.view(&words, &self.vectors);
        let all: Vec<u32> = (0..self.names.len() as u32).collect();
        let cosines = self.matcher.cosines(&all, &view);
        let scores = view.margins.iter().zip(cosines).map(|(margin, cosine)| margin + cosine);
        let best = scores.enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        best.map_or(("", f32::NEG_INFINITY), |(at, score)| (self.names[at].as_str(), score))
    }
}

fn words(text: &str) -> Vec<String> {
    normalise::words(&normalise::clean(text))
}
