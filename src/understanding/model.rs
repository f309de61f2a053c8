//! What is learnt from the examples: features, weights, and the middle of each topic.

use serde::{Deserialize, Serialize};

use super::classifier::Classifier;
use super::features::{Features, Sparse};
use super::lexicon::Lexicon;
use super::likeness::Likenesses;
use super::rows::{Row, Rows};
use super::vectors::{Vectors, to_unit};

/// Counts up when the same facts give another model or index, so that a kept one isn't taken for it.
pub const VERSION: u32 = 6;

/// What is learnt from the examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    features: Features,
    classifier: Classifier,
    /// The unit mean vector of each topic's examples.
    centroids: Rows,
    likenesses: Likenesses,
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
        let likenesses = Likenesses::among(&lexicon.vectors(vectors), &lexicon.topics_of_stems(), texts.len());
        let centroids = Rows::of(dimensions, centroids.chunks_exact(dimensions));
        Self { features, classifier, centroids, likenesses }
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

    /// Which stems are like which.
    #[must_use]
    pub fn likenesses(&self) -> &Likenesses {
        &self.likenesses
    }
}

/// The features with the vector's numbers behind them. Both have length one: equal weight measured best.
fn join(mut features: Sparse, vector: &[f32], first: usize) -> Sparse {
    features.extend(vector.iter().enumerate().map(|(at, number)| ((first + at) as u32, *number)));
    features
}
