//! Trains the parts of the index that take longest: the matcher, and the similarities of stems.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::lexicon::Lexicon;
use super::likeness::Likenesses;
use super::matcher::{MOST_TRAINED, Matcher, thinned};
use super::vectors::Vectors;

/// Version of the model and the index. Raise it when the same facts give another model or index, so that stored ones
/// are trained again.
pub const VERSION: u32 = 12;

/// The parts of the index that take longest to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Matches texts with topics by their examples.
    pub matcher: Matcher,
    /// Similarities of stems.
    pub likenesses: Likenesses,
}

impl Model {
    /// Trains on the texts of each topic, given as words, and on the lexicon of these texts. Trains the matcher on a
    /// sample if there are very many texts.
    #[must_use]
    pub fn train(texts: &[Vec<Vec<String>>], lexicon: &Lexicon, vectors: &Vectors) -> Self {
        let likenesses = Likenesses::among(&lexicon.vectors(vectors), &lexicon.topics_of_stems(), texts.len());
        let chosen = thinned(texts, MOST_TRAINED, |text| xxh3_64(text.join(" ").as_bytes()));
        Self { matcher: Matcher::train(&chosen, vectors), likenesses }
    }
}
