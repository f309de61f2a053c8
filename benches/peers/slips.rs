//! Makes typos.

use crate::random::Random;

/// The probability of a typo in a word of a misspelt question, in percent.
pub const SLIPS: usize = 15;

/// Returns the word, with a probability of `percent` with one letter left out, doubled, replaced, or swapped with the
/// next. Words of one or two letters stay as they are.
pub fn misspelt(word: &str, percent: usize, random: &mut Random) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() < 3 || random.below(100) >= percent {
        return word.to_owned();
    }
    let at = random.below(letters.len() - 1);
    match random.below(4) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letters[at]),
        2 => letters.swap(at, at + 1),
        _ => letters[at] = char::from(b'a' + random.below(26) as u8),
    }
    letters.into_iter().collect()
}
