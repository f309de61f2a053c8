//! Turns the features of a candidate into the probability that it is right: small decision trees whose votes add up
//! (gradient boosting). They express what a weighted sum can't: an unexplained word means little in a long message and
//! much in a short question.
//!
//! `cargo run --release --example calibrate` fits the trees and writes them to `data/confidence.json`.

use serde::{Deserialize, Serialize};

/// The number of features of a candidate.
pub const CANDIDATE_FEATURES: usize = 27;

/// The features of a candidate, in the order of [`DIRECTIONS`].
pub type CandidateFeatures = [f32; CANDIDATE_FEATURES];

/// The direction in which each feature may change the probability as it grows: 1 up, -1 down, 0 either. The fit
/// respects it, whatever some cases suggest: an unexplained word never makes a topic likelier.
pub const DIRECTIONS: [i8; CANDIDATE_FEATURES] = [
    1, // margin of the classifier
    1, // cosine to the centroid of the examples
    1, // cosine to the nearest example
    1, // mean cosine to the nearest few examples
    1, // share of the question that an example covers
    1, // share of that example that the question covers
    1, // score
    1, // lead in each of these over the best topic that says something else
    1, 1, 1, 1, 1, 1, -1, // unexplained names
    -1, // unexplained markers and negations
    -1, // unexplained words of other topics, and figures
    -1, // unexplained words that no topic uses
    -1, // largest unexplained weight of a word
    -1, // unexplained weight per content word
    -1, // distance of the topic from what is asked for
    -1, // the same for what an answer must give, such as a date
    -1, // distance of its words from those that name what is asked for
    -1, // distance of what its examples ask for from what is asked for
    -1, // share of roles that its examples and claims don't have
    0,  // number of content words
    0,  // number of words
];

/// The shipped trees.
const SHIPPED: &str = include_str!("../../data/confidence.json");

/// The trees behind the confidence.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Log-odds before any vote.
    pub constant: f32,
    /// The trees.
    pub trees: Vec<Tree>,
}

/// A full decision tree of depth three.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Feature and threshold of each split: the root, then each level from left to right. A value above the threshold
    /// goes right.
    pub splits: [(u8, f32); 7],
    /// Votes of the leaves from left to right, added to the log-odds.
    pub votes: [f32; 8],
}

impl Tree {
    /// Returns the vote for a candidate.
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
    /// Parses the shipped trees.
    ///
    /// # Panics
    /// Panics if the shipped file is invalid, which a test rules out.
    #[must_use]
    pub fn shipped() -> Self {
        serde_json::from_str(SHIPPED).expect("the shipped trees are read by a test")
    }

    /// Returns the probability that a candidate is right, 0 to 1. In the fit, a wrong case weighs twice as much as a
    /// right one.
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
