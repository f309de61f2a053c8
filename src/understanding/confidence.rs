//! How likely a topic is the right one, from the signs that a close look gives: a hundred or so small decision trees
//! whose votes add up (gradient boosting). They see what a weighted sum can't: an unexplained word means little in a
//! long message and much in a short question.
//!
//! The trees are fitted by `cargo run --release --example calibrate` and kept in `data/confidence.json`.

use serde::{Deserialize, Serialize};

/// How many signs there are.
pub const CANDIDATE_FEATURES: usize = 27;

/// The signs of a candidate, in the order of [`DIRECTIONS`].
pub type CandidateFeatures = [f32; CANDIDATE_FEATURES];

/// Which way each sign can only point, whatever some cases suggest: an unexplained word never makes a topic likelier.
pub const DIRECTIONS: [i8; CANDIDATE_FEATURES] = [
    1, // margin of the classifier
    1, // cosine to the middle of the examples
    1, // cosine to the nearest example
    1, // mean cosine to the nearest few
    1, // how much of the question an example says
    1, // how much of that example the question says
    1, // score
    1, // the lead in each of these over the best topic that says something else
    1, 1, 1, 1, 1, 1, -1, // unexplained names
    -1, // unexplained markers
    -1, // unexplained words of other topics
    -1, // unexplained words that no topic uses
    -1, // the most of a single word
    -1, // all of it as a share of the words that carry meaning
    -1, // asks for something that the topic isn't about
    -1, // the same for a date, a number and the like
    -1, // names as asked for something that the topic doesn't use
    -1, // its examples don't ask for what is asked for
    -1, // names play another part than in its examples
    0,  // how many words carry meaning
    0,  // how many words there are
];

/// The shipped trees.
const SHIPPED: &str = include_str!("../../data/confidence.json");

/// Trees of depth three, each a vote for or against.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// The logarithm of the odds before any vote.
    pub constant: f32,
    /// The trees.
    pub trees: Vec<Tree>,
}

/// A full tree of depth three.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Sign and threshold of each split, the root first, then its children from left to right. Right is above.
    pub splits: [(u8, f32); 7],
    /// The votes of the leaves from left to right, as an addition to the logarithm of the odds.
    pub votes: [f32; 8],
}

impl Tree {
    /// The vote for these signs.
    #[must_use]
    pub fn vote(&self, features: &CandidateFeatures) -> f32 {
        let mut node = 0;
        for _ in 0..3 {
            let (feature, threshold) = self.splits[node];
            node = 2 * node + 1 + usize::from(features[feature as usize] > threshold);
        }
        self.votes[node - 7]
    }
}

impl Confidence {
    /// Reads the shipped trees.
    ///
    /// # Panics
    /// Never in a released binary: a test reads them.
    #[must_use]
    pub fn shipped() -> Self {
        serde_json::from_str(SHIPPED).expect("the shipped trees are read by a test")
    }

    /// The chance that a candidate with these signs is right, from 0 to 1.
    #[must_use]
    pub fn chance(&self, features: &CandidateFeatures) -> f32 {
        let sum = self.constant + self.trees.iter().map(|tree| tree.vote(features)).sum::<f32>();
        1.0 / (1.0 + (-sum).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_trees_split_on_features_that_exist() {
        let confidence = Confidence::shipped();
        assert!(!confidence.trees.is_empty());
        assert!(
            confidence
                .trees
                .iter()
                .flat_map(|tree| tree.splits)
                .all(|(feature, _)| usize::from(feature) < CANDIDATE_FEATURES)
        );
    }

    #[test]
    fn more_unexplained_words_never_raise_the_chance() {
        let confidence = Confidence::shipped();
        for start in 0..200u32 {
            let mut features: CandidateFeatures =
                std::array::from_fn(|at| ((start * 7 + at as u32 * 13) % 20) as f32 / 10.0 - 0.5);
            for (at, direction) in DIRECTIONS.iter().enumerate().filter(|(_, direction)| **direction != 0) {
                let before = confidence.chance(&features);
                features[at] += 0.3;
                let after = confidence.chance(&features);
                assert!((after - before) * f32::from(*direction) >= -1e-5, "sign {at}: {before} to {after}");
            }
        }
    }
}
