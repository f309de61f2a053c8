//! What is learnt from the examples: features, weights, and the middle of each topic.

use super::classifier::Classifier;
use super::features::{Features, Sparse};
use super::vectors::{Vectors, dot, to_unit};

/// Counts up when the same examples give another model, so that kept ones aren't taken for it.
pub const VERSION: u32 = 1;

/// What is learnt from the examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    features: Features,
    classifier: Classifier,
    /// The unit mean vector of each topic's examples, one after the other.
    centroids: Vec<f32>,
    dimensions: usize,
}

/// How a text looks to a model.
#[derive(Debug, Default)]
pub struct View {
    /// The margin of each topic.
    pub margins: Vec<f32>,
    /// The cosine to the middle of each topic.
    pub cosines: Vec<f32>,
    /// The text's mean vector.
    pub vector: Vec<f32>,
}

impl Model {
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
        Self { features, classifier, centroids, dimensions }
    }

    /// How a text looks.
    #[must_use]
    pub fn view(&self, words: &[String], vectors: &Vectors) -> View {
        let mut view = View { vector: vectors.mean(words), ..View::default() };
        let text = join(self.features.of(words), &view.vector, self.features.len());
        self.classifier.margins(&text, &mut view.margins);
        view.cosines = self.centroids.chunks_exact(self.dimensions).map(|middle| dot(middle, &view.vector)).collect();
        view
    }

    /// The model as bytes, for keeping.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.features.to_bytes();
        bytes.extend((self.dimensions as u32).to_le_bytes());
        bytes.extend((self.centroids.len() as u32).to_le_bytes());
        bytes.extend(self.centroids.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(self.classifier.to_bytes());
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; none if the bytes aren't that.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (features, bytes) = Features::from_bytes(bytes)?;
        let (dimensions, bytes) = bytes.split_first_chunk::<4>()?;
        let (count, bytes) = bytes.split_first_chunk::<4>()?;
        let (centroids, bytes) = bytes.split_at_checked(4 * u32::from_le_bytes(*count) as usize)?;
        let centroids = centroids.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let dimensions = u32::from_le_bytes(*dimensions) as usize;
        Some(Self { features, classifier: Classifier::from_bytes(bytes)?, centroids, dimensions })
    }
}

/// The features with the vector's numbers behind them. Both have length one: equal weight measured best.
fn join(mut features: Sparse, vector: &[f32], first: usize) -> Sparse {
    features.extend(vector.iter().enumerate().map(|(at, number)| ((first + at) as u32, *number)));
    features
}
