//! What is learnt from the facts and takes time: the matcher, and which words are alike.

use serde::{Deserialize, Serialize};

use super::lexicon::Lexicon;
use super::likeness::Likenesses;
use super::matcher::Matcher;
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
    /// Trains on the texts of each topic, given as words, and on the lexicon that follows from them.
    #[must_use]
    pub fn train(texts: &[Vec<Vec<String>>], lexicon: &Lexicon, vectors: &Vectors) -> Self {
        let likenesses = Likenesses::among(&lexicon.vectors(vectors), &lexicon.topics_of_stems(), texts.len());
        Self { matcher: Matcher::train(texts, vectors), likenesses }
    }
}
