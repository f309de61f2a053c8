//! Turns a text into sparse features for the classifier: its words, word pairs, and the character runs in its words,
//! weighted by rarity.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Lengths of the character runs taken from a word, its two ends marked. Runs tolerate typos: `tikcet` and `ticket`
/// share some.
const RUNS: std::ops::RangeInclusive<usize> = 2..=5;

/// Minimum number of texts in which a feature must occur: a rarer one doesn't generalise to other texts.
const MIN_TEXTS: u32 = 3;

/// Seeds of the hashes. They are far apart, because XXH3 gives short texts the same hash under neighbouring seeds.
const WORD_SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const RUN_SEED: u64 = 0x2545_f491_4f6c_dd1d;

/// Feature numbers of a text with their weights, by ascending number.
pub type Sparse = Vec<(u32, f32)>;

/// Feature numbers and rarity weights learnt from a set of texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Features {
    numbers: HashMap<u64, u32, BuildHasherDefault<Identity>>,
    /// Inverse document frequency of each feature.
    rarity: Vec<f32>,
}

/// A hasher that passes its input through: the keys are hashes already.
#[derive(Debug, Clone, Default)]
pub struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Features {
    /// Learns the features of texts, given as words.
    #[must_use]
    pub fn learn<T: AsRef<[String]>>(texts: &[T]) -> Self {
        let (mut words, mut runs) = (HashMap::new(), HashMap::new());
        for text in texts {
            count_once(&mut words, word_keys(text.as_ref()));
            count_once(&mut runs, run_keys(text.as_ref()));
        }
        let mut features = Self::default();
        features.add(words, texts.len());
        features.add(runs, texts.len());
        features
    }

    fn add(&mut self, counts: HashMap<u64, u32>, texts: usize) {
        let mut keys: Vec<(u64, u32)> = counts.into_iter().filter(|(_, count)| *count >= MIN_TEXTS).collect();
        keys.sort_unstable();
        for (key, count) in keys {
            self.numbers.insert(key, self.rarity.len() as u32);
            self.rarity.push(((1.0 + texts as f32) / (1.0 + count as f32)).ln() + 1.0);
        }
    }

    /// Returns the number of features.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rarity.len()
    }

    /// Returns true if nothing was learnt.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rarity.is_empty()
    }

    /// Returns the features of a text, scaled to length 1. Words and pairs together weigh as much as the character
    /// runs. Empty if no feature of the text was learnt.
    #[must_use]
    pub fn of(&self, words: &[String]) -> Sparse {
        let mut vector = self.block(word_keys(words));
        let runs = self.block(run_keys(words));
        let both = if vector.is_empty() || runs.is_empty() { 1.0 } else { std::f32::consts::FRAC_1_SQRT_2 };
        vector.extend(runs);
        for (_, weight) in &mut vector {
            *weight *= both;
        }
        vector
    }

    /// Returns sublinear counts of the keys, weighted by rarity and scaled to length 1.
    fn block(&self, keys: Vec<u64>) -> Sparse {
        let mut numbers: Vec<u32> = keys.iter().filter_map(|key| self.numbers.get(key).copied()).collect();
        numbers.sort_unstable();
        let mut block: Sparse = Vec::with_capacity(numbers.len());
        for same in numbers.chunk_by(|a, b| a == b) {
            let count = 1.0 + (same.len() as f32).ln();
            block.push((same[0], count * self.rarity[same[0] as usize]));
        }
        let length = block.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
        for (_, weight) in &mut block {
            *weight /= length;
        }
        block
    }
}

fn count_once(counts: &mut HashMap<u64, u32>, mut keys: Vec<u64>) {
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
}

/// Returns the keys of words and of pairs of neighbouring words.
fn word_keys(words: &[String]) -> Vec<u64> {
    let hashes: Vec<u64> = words.iter().map(|word| xxh3_64_with_seed(word.as_bytes(), WORD_SEED)).collect();
    let pairs = hashes.windows(2).map(|pair| pair[0].rotate_left(17) ^ pair[1].wrapping_mul(0x9e37_79b9_7f4a_7c15));
    hashes.iter().copied().chain(pairs).collect()
}

/// Returns the keys of the character runs in each word, its ends marked by spaces.
fn run_keys(words: &[String]) -> Vec<u64> {
    let mut keys = Vec::new();
    let mut marked = String::new();
    let mut starts = Vec::new();
    for word in words {
        marked.clear();
        marked.push(' ');
        marked.push_str(word);
        marked.push(' ');
        starts.clear();
        starts.extend(marked.char_indices().map(|(at, _)| at).chain([marked.len()]));
        for length in RUNS {
            for from in 0..starts.len().saturating_sub(length) {
                keys.push(xxh3_64_with_seed(&marked.as_bytes()[starts[from]..starts[from + length]], RUN_SEED));
            }
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_text_has_length_one() {
        let texts: Vec<_> =
            ["how much is a ticket", "what is the price of a ticket", "who flies there"].map(words).into();
        let features = Features::learn(&texts);
        let length: f32 = features.of(&texts[0]).iter().map(|(_, weight)| weight * weight).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }

    #[test]
    fn unseen_words_give_nothing() {
        let features = Features::learn(&[words("a b"), words("a b")]);
        assert_eq!(features.of(&words("zzz")), []);
    }
}
