//! What is learnt from the examples: features, weights, and the middle of each topic.

use serde::{Deserialize, Serialize};

use super::classifier::Classifier;
use super::features::{Features, Sparse};
use super::lexicon::Lexicon;
use super::rows::{Row, Rows, whole_bytes};
use super::vectors::{Vectors, to_unit};

/// Counts up when the same facts give another model or index, so that a kept one isn't taken for it.
pub const VERSION: u32 = 4;

/// What is learnt from the examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    features: Features,
    classifier: Classifier,
    /// The unit mean vector of each topic's examples.
    centroids: Rows,
    /// For each stem of the lexicon how far it is like the nearest one that each topic uses, in 127ths.
    #[serde(with = "whole_bytes")]
    likeness: Vec<i8>,
    topics: usize,
}

/// How a text looks to a model.
#[derive(Debug, Default)]
pub struct View {
    /// The margin of each topic.
    pub margins: Vec<f32>,
    /// The text's mean vector.
    pub vector: Row,
}

impl Model {
    /// Trains on the texts of each topic, given as words, and on the lexicon that follows from them.
    #[must_use]
    pub fn train(texts: &[Vec<Vec<String>>], lexicon: &Lexicon, vectors: &Vectors) -> Self {
        let flat: Vec<Vec<String>> = texts.iter().flatten().cloned().collect();
        let features = Features::learn(&flat);
        let labels: Vec<u32> =
            texts.iter().enumerate().flat_map(|(topic, texts)| vec![topic as u32; texts.len()]).collect();
        let means: Vec<Vec<f32>> = flat.iter().map(|text| vectors.mean(text)).collect();
        let examples: Vec<Sparse> =
            flat.iter().zip(&means).map(|(text, mean)| join(features.of(text), mean, features.len())).collect();
        let dimensions = vectors.dimensions();
        let classifier = Classifier::train(&examples, &labels, texts.len(), features.len() + dimensions);
        let mut centroids = vec![0.0; texts.len() * dimensions];
        for (mean, label) in means.iter().zip(&labels) {
            let at = *label as usize * dimensions;
            centroids[at..at + dimensions].iter_mut().zip(mean).for_each(|(sum, number)| *sum += number);
        }
        centroids.chunks_exact_mut(dimensions).for_each(to_unit);
        let likeness = likeness(lexicon, texts.len(), vectors);
        let centroids = Rows::of(dimensions, centroids.chunks_exact(dimensions));
        Self { features, classifier, centroids, likeness, topics: texts.len() }
    }

    /// How a text looks.
    #[must_use]
    pub fn view(&self, words: &[String], vectors: &Vectors) -> View {
        let vector = vectors.mean(words);
        View { margins: self.classifier.margins(&self.features.of(words), &vector), vector: Row::of(&vector) }
    }

    /// The cosines of a text to the middles of some topics' examples.
    #[must_use]
    pub fn cosines(&self, topics: &[u32], view: &View) -> Vec<f32> {
        self.centroids.products(&view.vector, topics)
    }

    /// How far a stem is like the nearest one that a topic uses, from 0 to 1.
    #[must_use]
    pub fn likeness(&self, stem: u32, topic: usize) -> f32 {
        f32::from(self.likeness[stem as usize * self.topics + topic]) / 127.0
    }
}

/// The features with the vector's numbers behind them. Both have length one: equal weight measured best.
fn join(mut features: Sparse, vector: &[f32], first: usize) -> Sparse {
    features.extend(vector.iter().enumerate().map(|(at, number)| ((first + at) as u32, *number)));
    features
}

/// Between these cosines a word that a topic doesn't use counts as partly explained by one that it does use: at the
/// first not at all, at the second wholly. `fare` and `price` have about 0.7, `fare` and `soldier` about 0.1.
const LIKE_WORDS: (f32, f32) = (0.6, 0.95);

/// How far two words of this cosine are alike, from 0 to 1.
#[must_use]
pub fn alike(cosine: f32) -> f32 {
    let (none, wholly) = LIKE_WORDS;
    ((cosine - none) / (wholly - none)).clamp(0.0, 1.0)
}

/// Compares every stem with every other, which takes a second on one core; so it is kept with the model.
fn likeness(lexicon: &Lexicon, topics: usize, vectors: &Vectors) -> Vec<i8> {
    let stems = lexicon.vectors(vectors);
    let all: Vec<u32> = (0..stems.len() as u32).collect();
    let users: Vec<Vec<u16>> = lexicon.topics_of_stems();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let share = all.len().div_ceil(workers).max(1);
    std::thread::scope(|scope| {
        let (stems, users, all) = (&stems, &users, &all);
        let row = move |stem: &u32| {
            let mut row = vec![0i8; topics];
            for (cosine, users) in stems.products(&stems.row(*stem as usize), all).iter().zip(users) {
                let like = (alike(*cosine) * 127.0) as i8;
                if like > 0 {
                    users.iter().for_each(|topic| row[*topic as usize] = row[*topic as usize].max(like));
                }
            }
            row
        };
        let parts: Vec<_> =
            all.chunks(share).map(|part| scope.spawn(move || part.iter().flat_map(row).collect::<Vec<i8>>())).collect();
        parts.into_iter().flat_map(|part| part.join().expect("comparing panics nowhere")).collect()
    })
}
