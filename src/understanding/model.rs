//! What is learnt from the examples: features, weights, and the middle of each topic.

use super::classifier::Classifier;
use super::features::{Features, Sparse};
use super::lexicon::Lexicon;
use super::vectors::{Vectors, dot, to_unit};

/// Counts up when the same examples give another model, so that kept ones aren't taken for it.
pub const VERSION: u32 = 2;

/// What is learnt from the examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    features: Features,
    classifier: Classifier,
    /// The unit mean vector of each topic's examples, one after the other.
    centroids: Vec<f32>,
    dimensions: usize,
    /// For each stem of the lexicon how far it is like the nearest one that each topic uses, in 255ths.
    likeness: Vec<u8>,
    topics: usize,
}

/// How a text looks to a model.
#[derive(Debug, Default)]
pub struct View {
    /// The margin of each topic.
    pub margins: Vec<f32>,
    /// The text's mean vector.
    pub vector: Vec<f32>,
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
        let classifier = Classifier::train(&examples, &labels, texts.len(), features.len() + dimensions, dimensions);
        let mut centroids = vec![0.0; texts.len() * dimensions];
        for (mean, label) in means.iter().zip(&labels) {
            let at = *label as usize * dimensions;
            centroids[at..at + dimensions].iter_mut().zip(mean).for_each(|(sum, number)| *sum += number);
        }
        centroids.chunks_exact_mut(dimensions).for_each(to_unit);
        let likeness = likeness(lexicon, texts.len(), vectors);
        Self { features, classifier, centroids, dimensions, likeness, topics: texts.len() }
    }

    /// How a text looks.
    #[must_use]
    pub fn view(&self, words: &[String], vectors: &Vectors) -> View {
        let vector = vectors.mean(words);
        View { margins: self.classifier.margins(&self.features.of(words), &vector), vector }
    }

    /// The cosine of a text to the middle of a topic's examples.
    #[must_use]
    pub fn cosine(&self, topic: usize, view: &View) -> f32 {
        dot(&self.centroids[topic * self.dimensions..][..self.dimensions], &view.vector)
    }

    /// How far a stem is like the nearest one that a topic uses, from 0 to 1.
    #[must_use]
    pub fn likeness(&self, stem: u32, topic: usize) -> f32 {
        f32::from(self.likeness[stem as usize * self.topics + topic]) / 255.0
    }

    /// Whether it is for so many topics and stems.
    #[must_use]
    pub fn has_shape(&self, topics: usize, stems: usize) -> bool {
        self.topics == topics
            && self.likeness.len() == stems * topics
            && self.centroids.len() == topics * self.dimensions
            && self.classifier.has_shape(topics, self.features.len(), self.dimensions)
    }

    /// The model as bytes, for keeping.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.features.to_bytes();
        bytes.extend((self.dimensions as u32).to_le_bytes());
        bytes.extend((self.centroids.len() as u32).to_le_bytes());
        bytes.extend(self.centroids.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend((self.topics as u32).to_le_bytes());
        bytes.extend((self.likeness.len() as u32).to_le_bytes());
        bytes.extend(&self.likeness);
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
        let (topics, bytes) = bytes.split_first_chunk::<4>()?;
        let (count, bytes) = bytes.split_first_chunk::<4>()?;
        let (likeness, bytes) = bytes.split_at_checked(u32::from_le_bytes(*count) as usize)?;
        Some(Self {
            features,
            classifier: Classifier::from_bytes(bytes)?,
            centroids,
            dimensions: u32::from_le_bytes(*dimensions) as usize,
            likeness: likeness.to_vec(),
            topics: u32::from_le_bytes(*topics) as usize,
        })
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
fn likeness(lexicon: &Lexicon, topics: usize, vectors: &Vectors) -> Vec<u8> {
    let stems = lexicon.vectors(vectors);
    let users: Vec<Vec<u16>> = lexicon.topics_of_stems();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let share = stems.len().div_ceil(workers).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = stems
            .chunks(share)
            .map(|part| {
                let (stems, users) = (&stems, &users);
                scope.spawn(move || {
                    part.iter().flat_map(|stem| likeness_of(stem, stems, users, topics)).collect::<Vec<u8>>()
                })
            })
            .collect();
        parts.into_iter().flat_map(|part| part.join().expect("comparing panics nowhere")).collect()
    })
}

fn likeness_of(stem: &[f32], stems: &[Vec<f32>], users: &[Vec<u16>], topics: usize) -> Vec<u8> {
    let mut row = vec![0u8; topics];
    for (other, users) in stems.iter().zip(users) {
        let like = (alike(dot(stem, other)) * 255.0) as u8;
        if like > 0 {
            users.iter().for_each(|topic| row[*topic as usize] = row[*topic as usize].max(like));
        }
    }
    row
}
