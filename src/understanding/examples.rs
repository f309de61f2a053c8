//! Compares a question with the examples of a topic one by one: which is nearest, how much of the question it covers,
//! and how much of it the question covers. The classifier knows only what a topic's examples have in common: *how many
//! soldiers were sent* is near *how many soldiers were sent home*, but doesn't cover *home*.

use std::collections::HashSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Index;
use super::lexicon::Lexicon;
use super::normalise::stem;
use super::quantized::{QuantizedMatrix, QuantizedVector, highest};
use super::question_words::{QuestionWords, Word, WordClass};
use super::vectors::Vectors;

/// Number of a topic's examples that are compared word by word, the nearest first.
const COMPARED: usize = 5;

/// Minimum weight of a content word. Words that a third of all topics use would otherwise count nothing, but the asker
/// may mean them.
const LEAST_INFORMATIVENESS: f32 = 0.1;

/// The examples of all topics.
#[derive(Serialize, Deserialize)]
pub(super) struct Examples {
    /// Vectors of the examples, and the range of each topic's.
    vectors: QuantizedMatrix,
    of_topic: Vec<Range<u32>>,
    /// Content stems of each example, with their weights.
    stems: Vec<Vec<(u32, f32)>>,
    /// Words of each example, joined by spaces.
    words: Vec<String>,
}

/// The result of comparing a question with a topic's examples.
#[derive(Debug, Clone, Copy, Default)]
pub struct Likeness {
    /// Cosine to the nearest example, 0 to 1.
    pub nearest: f32,
    /// Mean cosine to the nearest few examples.
    pub near: f32,
    /// Share of the question that the best of these covers, 0 to 1.
    pub said: f32,
    /// Share of that example that the question covers, 0 to 1.
    pub wanted: f32,
}

impl Examples {
    /// Collects the examples of each topic, given as words.
    pub(super) fn gather(
        texts: &[Vec<Vec<String>>],
        lexicon: &Lexicon,
        filler: &HashSet<String>,
        vectors: &Vectors,
    ) -> Self {
        let mut of_topic = Vec::new();
        let mut count = 0;
        for texts in texts {
            of_topic.push(count..count + texts.len() as u32);
            count += texts.len() as u32;
        }
        let flat: Vec<&Vec<String>> = texts.iter().flatten().collect();
        let informativeness = |stem| lexicon.informativeness(Some(stem));
        let stems = flat
            .iter()
            .map(|words| weighted_stems(words, |stem| lexicon.number(stem), informativeness, filler))
            .collect();
        let words = flat.iter().map(|words| words.join(" ")).collect();
        Self { vectors: means(&flat, vectors), of_topic, stems, words }
    }

    /// Returns the number of examples.
    pub(super) fn len(&self) -> u32 {
        self.words.len() as u32
    }

    /// Returns the numbers of a topic's examples.
    pub(super) fn of_topic(&self, topic: usize) -> Range<u32> {
        self.of_topic[topic].clone()
    }

    /// Returns the cosines of a text to some examples, in their order.
    pub(super) fn cosines(&self, vector: &QuantizedVector, examples: &[u32]) -> Vec<f32> {
        self.vectors.products(vector, examples)
    }

    /// Returns the content stems of an example, with their weights.
    pub(super) fn stems(&self, example: u32) -> &[(u32, f32)] {
        &self.stems[example as usize]
    }

    /// Returns the words of an example, joined by spaces.
    pub(super) fn words(&self, example: u32) -> &str {
        &self.words[example as usize]
    }
}

/// Returns the content stems of a text, each once, with their weights. `number` gives a stem's number, and
/// `informativeness` how well it tells topics apart. Stems without a number are left out.
pub(super) fn weighted_stems(
    words: &[String],
    number: impl Fn(&str) -> Option<u32>,
    informativeness: impl Fn(u32) -> f32,
    filler: &HashSet<String>,
) -> Vec<(u32, f32)> {
    let mut stems: Vec<(u32, f32)> = Vec::new();
    for stem in words.iter().map(|word| stem(word)).filter(|stem| !filler.contains(stem)) {
        if let Some(number) = number(&stem)
            && !stems.iter().any(|(other, _)| *other == number)
        {
            stems.push((number, informativeness(number).max(LEAST_INFORMATIVENESS)));
        }
    }
    stems
}

/// Computes the mean vectors of texts on all of the processor's cores.
fn means(texts: &[&Vec<String>], vectors: &Vectors) -> QuantizedMatrix {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let share = texts.len().div_ceil(workers).max(1);
    let width = vectors.dimensions();
    let rows = |part: &[&Vec<String>]| {
        let means: Vec<Vec<f32>> = part.iter().map(|text| vectors.mean(text)).collect();
        QuantizedMatrix::of(width, means.iter().map(Vec::as_slice))
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = texts.chunks(share).map(|part| scope.spawn(move || rows(part))).collect();
        let tables = parts.into_iter().map(|part| part.join().expect("adding vectors panics nowhere")).collect();
        QuantizedMatrix::joined(width, tables)
    })
}

impl Index {
    /// Compares a question with a topic's nearest examples.
    pub(super) fn likeness_to_examples(
        &self,
        topic: usize,
        question: &QuestionWords<'_>,
        vector: &QuantizedVector,
    ) -> Likeness {
        let numbers = self.examples_of(topic);
        let cosines = self.example_cosines(vector, &numbers);
        let near = highest(cosines.into_iter().zip(numbers).collect(), COMPARED);
        let examples: Vec<&[(u32, f32)]> = near.iter().map(|(_, example)| self.example_stems(*example)).collect();
        let (said, wanted) = self.best_overlap(question, &examples);
        Likeness {
            nearest: near.first().map_or(0.0, |(cosine, _)| cosine.max(0.0)),
            near: near.iter().map(|(cosine, _)| cosine).sum::<f32>() / near.len().max(1) as f32,
            said,
            wanted,
        }
    }

    /// Returns the [`overlap`] of a question with one of the examples: the one with the highest sum of both shares.
    fn best_overlap(&self, question: &QuestionWords<'_>, examples: &[&[(u32, f32)]]) -> (f32, f32) {
        let mut stems: Vec<u32> = examples.iter().flat_map(|example| example.iter().map(|(stem, _)| *stem)).collect();
        stems.sort_unstable();
        stems.dedup();
        let alike: Vec<Vec<f32>> = question.content.iter().map(|word| self.alike(word, &stems)).collect();
        let overlaps = examples.iter().map(|example| overlap(question, &stems, &alike, example));
        overlaps.max_by(|a, b| (a.0 + a.1).total_cmp(&(b.0 + b.1))).unwrap_or_default()
    }

    /// Returns the similarity of a word to each of some stems, 0 to 1. The stems are ascending.
    pub(super) fn alike(&self, word: &Word<'_>, stems: &[u32]) -> Vec<f32> {
        let same = |stem: &u32| f32::from(u8::from(word.stem == Some(*stem)));
        // Names and figures are similar to nothing but themselves.
        if word.class == WordClass::Name || (word.stem.is_none() && word.vector.is_none()) {
            return stems.iter().map(same).collect();
        }
        match (word.stem, &word.vector) {
            (Some(own), _) => self.alike_to_stem(own, stems),
            (None, Some(vector)) => self.alike_by_vector(vector, stems),
            (None, None) => vec![0.0; stems.len()],
        }
    }
}

/// Returns the share of a question that an example covers, and the share of the example that the question covers,
/// weighted by informativeness. `alike` has the similarity of each content word of the question to each of the `stems`,
/// which are ascending.
fn overlap(question: &QuestionWords<'_>, stems: &[u32], alike: &[Vec<f32>], example: &[(u32, f32)]) -> (f32, f32) {
    let places: Vec<usize> = example.iter().filter_map(|(stem, _)| stems.binary_search(stem).ok()).collect();
    let weight = |word: &Word<'_>| word.informativeness.max(LEAST_INFORMATIVENESS);
    let most = |of: &[f32]| places.iter().map(|place| of[*place]).fold(0.0, f32::max);
    let said: f32 = question.content.iter().zip(alike).map(|(word, of)| weight(word) * most(of)).sum();
    let best = |place: usize| alike.iter().map(|of| of[place]).fold(0.0, f32::max);
    let wanted: f32 =
        example.iter().zip(&places).map(|((_, informativeness), place)| informativeness * best(*place)).sum();
    let in_question: f32 = question.content.iter().map(weight).sum();
    let in_example: f32 = example.iter().map(|(_, informativeness)| informativeness).sum();
    let share = |part: f32, whole: f32| if whole > 0.0 { part / whole } else { 0.0 };
    (share(said, in_question), share(wanted, in_example))
}
