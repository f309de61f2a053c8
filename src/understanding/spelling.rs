//! Mends misspelt words: those that neither the desk nor a general English list knows.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use strsim::osa_distance;
use xxhash_rust::xxh3::xxh3_64;

/// General English, most frequent first; see `data/words/README.md` for where it comes from.
const ENGLISH: &str = include_str!("../../data/words/english.txt");

/// From this many letters on two edits are mended, below it one, and below [`MIN_LETTERS`] none: in a short word two
/// edits leave nothing of it.
const TWO_EDITS_FROM: usize = 6;

/// The shortest word that is mended, and the shortest that it is mended to.
const MIN_LETTERS: usize = 3;
const MIN_MENDED: usize = 4;

/// The longest word that is mended; none that the desk uses comes near.
const MAX_LETTERS: usize = 24;

/// How many leading letters take part in the index of deletions; a longer word differs in them too or is found by
/// them. Bounds the index to 29 entries a word.
const PREFIX: usize = 7;

/// How much commoner a word must be for a near one to be a slip of it.
const COMMONER: u32 = 10;

/// How often a word that is neither English nor in a claim must occur in examples to be no slip of their writers'
/// fingers.
pub(super) const SURELY_A_WORD: u32 = 5;

/// A word list of general English, each word with its rank by frequency, by the alphabet.
pub struct English(Vec<(&'static str, u32)>);

impl English {
    /// Sorts the shipped list.
    #[must_use]
    pub fn new() -> Self {
        let mut words: Vec<(&str, u32)> = ENGLISH.lines().zip(1..).collect();
        words.sort_unstable();
        Self(words)
    }

    /// Whether the word is in the list.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.rank(word).is_some()
    }

    /// The word's rank by frequency, from 1.
    #[must_use]
    pub fn rank(&self, word: &str) -> Option<u32> {
        self.0.binary_search_by(|(other, _)| (*other).cmp(word)).ok().map(|at| self.0[at].1)
    }
}

impl Default for English {
    fn default() -> Self {
        Self::new()
    }
}

/// How many letters a word must have for one edit to be mended, and for two.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct EditLimits {
    /// For one.
    pub one_from: usize,
    /// For two.
    pub two_from: usize,
}

/// A word near a misspelt one: by distance, then by how often it occurs, then by the alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near<'a> {
    distance: usize,
    rarer: Reverse<u32>,
    /// The word.
    pub word: &'a str,
}

/// An index of the desk's own words by what remains when letters are left out of them (as in SymSpell), so that the
/// nearest word is found without looking at every word.
#[derive(Serialize, Deserialize)]
pub struct Speller {
    edit_limits: EditLimits,
    words: HashMap<String, u32>,
    list: Vec<(String, u32)>,
    deletions: Vec<(u64, u32)>,
}

impl Speller {
    /// Indexes words with how often each occurs.
    #[must_use]
    pub fn new(words: HashMap<String, u32>) -> Self {
        Self::with_edit_limits(words, EditLimits { one_from: MIN_LETTERS, two_from: TWO_EDITS_FROM })
    }

    /// The same with other bounds.
    #[must_use]
    pub fn with_edit_limits(words: HashMap<String, u32>, edit_limits: EditLimits) -> Self {
        let mut list: Vec<(String, u32)> = words
            .iter()
            .filter(|(word, _)| word.chars().count() >= MIN_MENDED && !word.starts_with(|c: char| c.is_ascii_digit()))
            .map(|(word, count)| (word.clone(), *count))
            .collect();
        list.sort_unstable();
        let mut deletions = Vec::with_capacity(list.len() * 29);
        for (index, (word, _)) in list.iter().enumerate() {
            for_each_deletion(word, |hash| deletions.push((hash, index as u32)));
        }
        deletions.sort_unstable();
        deletions.dedup();
        deletions.shrink_to_fit();
        Self { edit_limits, words, list, deletions }
    }

    /// Whether the desk itself uses the word.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.words.contains_key(word)
    }

    /// The desk's word nearest to a misspelt one: by distance, then by how often it occurs, then by the alphabet.
    /// None if the word is known, too short, or far from all.
    #[must_use]
    pub fn mend(&self, word: &str, english: &English) -> Option<&str> {
        if self.knows(word) || english.knows(word) { None } else { self.nearest(word).map(|near| near.word) }
    }

    /// Forgets the words that are slips of other words: those that are in question and near one that is far commoner.
    /// Whoever writes example questions with typos repeats some of them.
    pub fn forget_slips(&mut self, in_question: &[String]) {
        let slips: Vec<String> = in_question.iter().filter(|word| self.has_far_commoner(word)).cloned().collect();
        for slip in slips {
            self.words.remove(&slip);
        }
    }

    /// Whether another word near this one is far commoner.
    #[must_use]
    pub fn has_far_commoner(&self, word: &str) -> bool {
        self.nearest_of(word, COMMONER * self.words.get(word).copied().unwrap_or(1)).is_some()
    }

    /// The nearest other word.
    #[must_use]
    pub fn nearest(&self, word: &str) -> Option<Near<'_>> {
        self.nearest_of(word, 0)
    }

    /// The nearest other word that occurs at least so often.
    fn nearest_of(&self, word: &str, count: u32) -> Option<Near<'_>> {
        let letters = word.chars().count();
        let is_word =
            (self.edit_limits.one_from..=MAX_LETTERS).contains(&letters) && word.chars().all(char::is_alphabetic);
        if !is_word {
            return None;
        }
        let bound = if letters >= self.edit_limits.two_from { 2 } else { 1 };
        let mut candidates = Vec::new();
        for_each_deletion(word, |hash| {
            let start = first_of(&self.deletions, hash);
            candidates.extend(self.deletions[start..].iter().take_while(|(other, _)| *other == hash).map(|(_, i)| *i));
        });
        candidates.sort_unstable();
        candidates.dedup();
        candidates
            .into_iter()
            .map(|index| &self.list[index as usize])
            .filter(|(candidate, often)| candidate != word && *often >= count && self.knows(candidate))
            .filter_map(|(candidate, count)| {
                let distance = osa_distance(word, candidate);
                let near = Near { distance, rarer: Reverse(*count), word: candidate };
                (distance <= bound).then_some(near)
            })
            .min()
    }
}

/// Where the entries of a hash begin in a list that is sorted by hash. Hashes are spread evenly, so the place is guessed
/// and looked for from there: a few steps instead of one for each halving of the list.
fn first_of(entries: &[(u64, u32)], hash: u64) -> usize {
    let guess = ((u128::from(hash) * entries.len() as u128) >> 64) as usize;
    let is_before = |at: usize| entries[at].0 < hash;
    let (mut from, mut to, mut step) = (guess, guess, 16);
    while from > 0 && !is_before(from - 1) {
        (to, from, step) = (from, from.saturating_sub(step), 2 * step);
    }
    while to < entries.len() && is_before(to) {
        (from, to, step) = (to, (to + step).min(entries.len()), 2 * step);
    }
    from + entries[from..to].partition_point(|(other, _)| *other < hash)
}

/// Calls back with the hash of the word's prefix and of what remains of it without any one or two of its letters.
fn for_each_deletion(word: &str, mut add: impl FnMut(u64)) {
    let letters: Vec<char> = word.chars().take(PREFIX).collect();
    let mut buffer = String::with_capacity(4 * PREFIX);
    let mut hash_without = |first: usize, second: usize| {
        buffer.clear();
        buffer.extend(letters.iter().enumerate().filter(|(at, _)| *at != first && *at != second).map(|(_, c)| c));
        add(xxh3_64(buffer.as_bytes()));
    };
    hash_without(usize::MAX, usize::MAX);
    for first in 0..letters.len() {
        hash_without(first, usize::MAX);
        for second in first + 1..letters.len() {
            hash_without(first, second);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speller() -> Speller {
        let words = [
            "ticket",
            "pyongyang",
            "moscow",
            "vladivostok",
            "flight",
            "sheremetyevo",
            "refuel",
            "train",
            "price",
            "many",
        ];
        Speller::new(words.iter().map(|word| ((*word).to_owned(), 3)).collect())
    }

    #[test]
    fn a_hash_is_found_where_it_begins() {
        let mut random = 7u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random ^ (random >> 29)
        };
        let mut entries: Vec<(u64, u32)> = (0..500).map(|at| (next(), at)).collect();
        let common = entries[7].0;
        entries.extend((0..40).map(|at| (common, 1_000 + at)));
        entries.sort_unstable();
        let some: Vec<u64> = entries.iter().map(|(hash, _)| *hash).chain((0..500).map(|_| next())).collect();
        for hash in some.into_iter().chain([0, 1, u64::MAX]) {
            assert_eq!(first_of(&entries, hash), entries.partition_point(|(other, _)| *other < hash));
        }
        assert_eq!(first_of(&[], 5), 0);
    }

    #[test]
    fn typos_are_mended() {
        let (speller, english) = (speller(), English::new());
        for (typo, word) in [
            ("tikcet", Some("ticket")),
            ("pyongyng", Some("pyongyang")),
            ("pyonyang", Some("pyongyang")),
            ("vladivostock", Some("vladivostok")),
            ("shremetyvo", Some("sheremetyevo")),
            ("fligth", Some("flight")),
            ("moscwo", Some("moscow")),
            ("trian", Some("train")),
            ("prcie", Some("price")),
            ("refund", None),
            ("bicycle", None),
            ("ticket", None),
            ("xqzt", None),
            ("at", None),
            ("mny", Some("many")),
            ("45000", None),
        ] {
            assert_eq!(speller.mend(typo, &english), word, "{typo}");
        }
    }
}
