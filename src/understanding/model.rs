//! What is learnt from the facts and takes time: the matcher, and which words are alike.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::lexicon::Lexicon;
use super::likeness::Likenesses;
use super::matcher::{MOST_TRAINED, Matcher, thinned};
use super::vectors::Vectors;

/// Counts up when the same facts give another model or index, so that a kept one isn't taken for it.
pub const VERSION: u32 = 12;

/// What is learnt from the facts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Knows topics by their examples.
    pub matcher: Matcher,
    /// Which stems are like which.
    pub likenesses: Likenesses,
}

impl Model {
    /// Trains on the texts of each topic, given as words (of very many on some), and on the lexicon that follows from them.
    #[must_use]
    pub fn train(texts: &[Vec<Vec<String>>], lexicon: &Lexicon, vectors: &Vectors) -> Self {
        let likenesses = Likenesses::among(&lexicon.vectors(vectors), &lexicon.topics_of_stems(), texts.len());
        let chosen = thinned(texts, MOST_TRAINED, |text| xxh3_64(text.join(" ").as_bytes()));
        Self { matcher: Matcher::train(&chosen, vectors), likenesses }
    }
}
