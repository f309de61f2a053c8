//! A text against topics, as far as it is learnt from the examples alone: features, weights, and the middle of each topic.

use serde::{Deserialize, Serialize};

use super::classifier::Classifier;
use super::features::{Features, Sparse};
use super::rows::{Row, Rows};
use super::vectors::{Vectors, to_unit};

/// What is learnt from the examples of topics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matcher {
    features: Features,
    classifier: Classifier,
    /// The unit mean vector of each topic's examples.
    centroids: Rows,
}

/// How a text looks to a matcher.
#[derive(Debug, Default)]
pub struct View {
    /// The margin of each topic.
    pub margins: Vec<f32>,
    /// The text's mean vector.
    pub vector: Row,
}

impl Matcher {
    /// Trains on the texts of each topic, given as words.
    #[must_use]
    pub fn train(texts: &[Vec<Vec<String>>], vectors: &Vectors) -> Self {
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
        let centroids = Rows::of(dimensions, centroids.chunks_exact(dimensions));
        Self { features, classifier, centroids }
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
}

/// The features with the vector's numbers behind them. Both have length one: equal weight measured best.
fn join(mut features: Sparse, vector: &[f32], first: usize) -> Sparse {
    features.extend(vector.iter().enumerate().map(|(at, number)| ((first + at) as u32, *number)));
    features
}
