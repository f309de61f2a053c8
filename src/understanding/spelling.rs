//! Corrects misspelt words: those that neither the facts nor a list of general English contain.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use strsim::osa_distance;
use xxhash_rust::xxh3::xxh3_64;

/// General English words, most frequent first. `data/words/README.md` names the source.
const ENGLISH: &str = include_str!("../../data/words/english.txt");

/// Length in letters from which a word may have two edits. Shorter words may have one, and words below [`MIN_LETTERS`]
/// none: two edits leave nothing of a short word.
const TWO_EDITS_FROM: usize = 6;

/// Minimum length in letters of a word that is corrected, and of a word that replaces it.
const MIN_LETTERS: usize = 3;
const MIN_MENDED: usize = 4;

/// Maximum length in letters of a word that is corrected. No word of the facts comes near it.
const MAX_LETTERS: usize = 24;

/// Number of leading letters in the deletion index. If the edits come later in a word, its intact prefix finds it.
/// Bounds the index to 29 entries per word (1 + 7 + 21).
const PREFIX: usize = 7;

/// Factor by which a near word must be more frequent for a word to count as a slip of it.
const COMMONER: u32 = 10;

/// Number of occurrences from which a word isn't taken for a typo of the examples' authors, although neither the
/// English list nor a claim contains it.
pub(super) const SURELY_A_WORD: u32 = 5;

/// A list of general English words, each with its frequency rank, in alphabetical order.
pub struct English(Vec<(&'static str, u32)>);

impl English {
    /// Reads the shipped list.
    #[must_use]
    pub fn new() -> Self {
        let mut words: Vec<(&str, u32)> = ENGLISH.lines().zip(1..).collect();
        words.sort_unstable();
        Self(words)
    }

    /// Returns true if the list contains the word.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.rank(word).is_some()
    }

    /// Returns the word's frequency rank, from 1 for the most frequent. Returns `None` if the list doesn't contain it.
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

/// Minimum word lengths, in letters, for corrections.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct EditLimits {
    /// Minimum for a correction of one edit.
    pub one_from: usize,
    /// Minimum for a correction of two edits.
    pub two_from: usize,
}

/// A word near a misspelt one. Orders by distance, then by frequency (the commoner word first), then alphabetically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near<'a> {
    distance: usize,
    rarer: Reverse<u32>,
    /// The near word.
    pub word: &'a str,
}

/// An index of known words by what remains when letters are deleted from them (as in SymSpell), so that the nearest
/// word is found without comparing all of them.
#[derive(Serialize, Deserialize)]
pub struct Speller {
    edit_limits: EditLimits,
    words: HashMap<String, u32>,
    list: Vec<(String, u32)>,
    deletions: Vec<(u64, u32)>,
}

impl Speller {
    /// Indexes words, given with their number of occurrences.
    #[must_use]
    pub fn new(words: HashMap<String, u32>) -> Self {
        Self::with_edit_limits(words, EditLimits { one_from: MIN_LETTERS, two_from: TWO_EDITS_FROM })
    }

    /// Does the same as [`Self::new`] with other edit limits.
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

    /// Returns true if the word was indexed and hasn't been removed as a slip.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.words.contains_key(word)
    }

    /// Returns the known word nearest to a misspelt one: the smallest distance, then the most frequent, then the first
    /// in the alphabet. Returns `None` if this index or the English list contains the word, or if no known word is near
    /// enough.
    #[must_use]
    pub fn mend(&self, word: &str, english: &English) -> Option<&str> {
        if self.knows(word) || english.knows(word) { None } else { self.nearest(word).map(|near| near.word) }
    }

    /// Removes words that are slips: those of `in_question` that are near a far commoner word. Authors of example
    /// questions with typos repeat some of them.
    pub fn forget_slips(&mut self, in_question: &[String]) {
        let slips: Vec<String> = in_question.iter().filter(|word| self.has_far_commoner(word)).cloned().collect();
        for slip in slips {
            self.words.remove(&slip);
        }
    }

    /// Returns true if a near word is far commoner than this one.
    #[must_use]
    pub fn has_far_commoner(&self, word: &str) -> bool {
        self.nearest_of(word, COMMONER * self.words.get(word).copied().unwrap_or(1)).is_some()
    }

    /// Returns the nearest other word, even if the word itself is known. Returns `None` if the word is too short or too
    /// long, has other characters than letters, or has no known word near it.
    #[must_use]
    pub fn nearest(&self, word: &str) -> Option<Near<'_>> {
        self.nearest_of(word, 0)
    }

    /// Returns the nearest other word with at least `count` occurrences.
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

/// Returns the position of a hash's first entry in a list that is sorted by hash. Hashes are spread evenly, so the
/// search begins at a guess: it takes a few steps instead of one for each halving of the list.
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

/// Calls `add` with the hashes of the word's prefix and of what remains of it without any one or two of its letters.
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
