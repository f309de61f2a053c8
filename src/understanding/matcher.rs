//! Matches a text with topics by what is learnt from their examples alone: features, a classifier, and the centroid of
//! each topic.

use serde::{Deserialize, Serialize};

use super::classifier::{Classifier, Sides};
use super::features::{Features, Sparse};
use super::quantized::{QuantizedMatrix, QuantizedVector, highest};
use super::vectors::{Vectors, to_unit};

/// Maximum number of texts on which the classifier is trained, and minimum per topic. More texts cost time and memory
/// and change little: see `docs/measurements.md`.
pub(super) const MOST_TRAINED: usize = 20_000;
const LEAST_TRAINED: usize = 4;

/// Maximum number of topics that are trained against all others. With more, each is trained against this number of
/// nearest neighbours and a sample of all others.
const MOST_AGAINST_ALL: usize = 1_000;
const NEIGHBOURS: usize = 40;

/// Number of topics that are scored if there are more than [`MOST_AGAINST_ALL`]: those with the nearest centroids.
const LIKELY: usize = 250;

/// A classifier and centroids, learnt from the examples of topics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matcher {
    features: Features,
    classifier: Classifier,
    /// The mean vector of each topic's examples, scaled to length 1.
    centroids: QuantizedMatrix,
}

/// A text, encoded by a matcher.
#[derive(Debug, Default)]
pub struct EncodedText {
    /// Margin of each topic, about -1 to 1.
    pub margins: Vec<f32>,
    /// Mean vector of the text's words, of length 1.
    pub vector: QuantizedVector,
}

impl Matcher {
    /// Trains on the texts of each topic, given as words. The caller reduces very large sets first, by `thinned`.
    #[must_use]
    pub fn train<T: AsRef<[String]>>(texts: &[Vec<T>], vectors: &Vectors) -> Self {
        let flat: Vec<&[String]> = texts.iter().flatten().map(AsRef::as_ref).collect();
        let labels: Vec<u32> =
            texts.iter().enumerate().flat_map(|(topic, texts)| vec![topic as u32; texts.len()]).collect();
        let features = Features::learn(&flat);
        let means: Vec<Vec<f32>> = flat.iter().map(|text| vectors.mean(text)).collect();
        let centroids = centroids(&means, &labels, texts.len(), vectors.dimensions());
        let examples: Vec<Sparse> =
            flat.iter().zip(&means).map(|(text, mean)| join(features.of(text), mean, features.len())).collect();
        let neighbours = (texts.len() > MOST_AGAINST_ALL).then(|| neighbours(&centroids));
        let sides = Sides::of(&labels, texts.len(), neighbours.as_deref());
        let (sparse, dense) = (features.len(), vectors.dimensions());
        let classifier = Classifier::train(&examples, &labels, &sides, sparse + dense, dense);
        Self { features, classifier, centroids }
    }

    /// Returns a text's features, and its margins and vector.
    #[must_use]
    pub fn encode(&self, words: &[String], vectors: &Vectors) -> (Sparse, EncodedText) {
        let (features, vector) = self.look(words, vectors);
        let margins = self.classifier.margins(&features, &vector);
        (features, EncodedText { margins, vector })
    }

    /// Scores the topics that a text may belong to. Returns each one's score and number, and the text's vector. The
    /// score is the margin, plus the cosine to the topic's centroid if `middle` is true. If there are very many topics,
    /// scores only those with the nearest centroids.
    #[must_use]
    pub fn likely(&self, words: &[String], vectors: &Vectors, middle: bool) -> (Vec<(f32, u32)>, QuantizedVector) {
        let (features, vector) = self.look(words, vectors);
        let all: Vec<u32> = (0..self.centroids.len() as u32).collect();
        let mut near: Vec<(f32, u32)> = self.centroids.products(&vector, &all).into_iter().zip(all).collect();
        let margins = if near.len() > MOST_AGAINST_ALL {
            near = highest(near, LIKELY);
            let topics: Vec<u32> = near.iter().map(|(_, topic)| *topic).collect();
            self.classifier.margins_of(&topics, &features, &vector)
        } else {
            self.classifier.margins(&features, &vector)
        };
        for ((score, _), margin) in near.iter_mut().zip(margins) {
            *score = if middle { *score + margin } else { margin };
        }
        (near, vector)
    }

    /// Returns a text's features and mean vector, without margins.
    #[must_use]
    pub fn look(&self, words: &[String], vectors: &Vectors) -> (Sparse, QuantizedVector) {
        (self.features.of(words), QuantizedVector::of(&vectors.mean(words)))
    }

    /// Returns the cosine of a text to the centroid of a topic.
    #[must_use]
    pub fn cosine(&self, topic: u32, encoded: &EncodedText) -> f32 {
        self.centroids.products(&encoded.vector, &[topic])[0]
    }
}

/// Samples the texts of each topic if there are more than `most` in all: the same share of each topic, but at least
/// [`LEAST_TRAINED`]. The choice depends on the texts' hashes and not on their order.
pub(super) fn thinned<T>(texts: &[Vec<T>], most: usize, hash: impl Fn(&T) -> u64) -> Vec<Vec<&T>> {
    let all: usize = texts.iter().map(Vec::len).sum();
    let some = |texts: &'_ Vec<T>| -> Vec<usize> {
        let keep = (texts.len() * most / all).max(LEAST_TRAINED);
        let mut order: Vec<(u64, usize)> = texts.iter().map(&hash).zip(0..).collect();
        order.sort_unstable();
        let mut kept: Vec<usize> = order.into_iter().take(keep).map(|(_, at)| at).collect();
        kept.sort_unstable();
        kept
    };
    let chosen = |texts| if all > most { some(texts) } else { (0..texts.len()).collect() };
    texts.iter().map(|texts| chosen(texts).into_iter().map(|at| &texts[at]).collect()).collect()
}

/// Computes the mean vector of each topic's examples, scaled to length 1.
fn centroids(means: &[Vec<f32>], labels: &[u32], topics: usize, width: usize) -> QuantizedMatrix {
    let mut centroids = vec![0.0; topics * width];
    for (mean, label) in means.iter().zip(labels) {
        let at = *label as usize * width;
        centroids[at..at + width].iter_mut().zip(mean).for_each(|(sum, number)| *sum += number);
    }
    centroids.chunks_exact_mut(width).for_each(to_unit);
    QuantizedMatrix::of(width, centroids.chunks_exact(width))
}

/// Returns, for each topic, the topics with the nearest centroids.
fn neighbours(centroids: &QuantizedMatrix) -> Vec<Vec<u32>> {
    let all: Vec<u32> = (0..centroids.len() as u32).collect();
    let near = |topic: &u32| {
        let cosines = centroids.products(&centroids.row(*topic as usize), &all);
        let others = cosines.into_iter().zip(all.iter().copied()).filter(|(_, other)| other != topic);
        highest(others.collect(), NEIGHBOURS).into_iter().map(|(_, other)| other).collect()
    };
    all.iter().map(near).collect()
}

/// Appends the vector to the features, numbered from `first`. Both have length 1: equal weight measured best.
fn join(mut features: Sparse, vector: &[f32], first: usize) -> Sparse {
    features.extend(vector.iter().enumerate().map(|(at, number)| ((first + at) as u32, *number)));
    features
}
