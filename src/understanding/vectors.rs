//! What words mean, roughly: a small vector for each word piece, so that `fare` lies near `price` though they share no
//! letters. See `data/vectors/README.md` for where they come from.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use xxhash_rust::xxh3::xxh3_64;

use super::features::Identity;

/// The shipped vectors. Little endian: u32 rows, u32 dimensions, f32 scale a row, i8 rows x dimensions, then the word
/// pieces, one a line; continuations begin with `##`.
const SHIPPED: &[u8] = include_bytes!("../../data/vectors/pieces.bin");

/// The longest word that is cut into pieces, in letters; longer ones mean nothing.
const LONGEST: usize = 40;

/// The vectors of word pieces.
pub struct Vectors {
    dimensions: usize,
    scales: Vec<f32>,
    weights: &'static [u8],
    beginnings: HashMap<u64, u32, BuildHasherDefault<Identity>>,
    continuations: HashMap<u64, u32, BuildHasherDefault<Identity>>,
}

impl Vectors {
    /// Reads the shipped vectors.
    ///
    /// # Panics
    /// Never in a released binary: a test reads them.
    #[must_use]
    pub fn shipped() -> Self {
        Self::read(SHIPPED).expect("the shipped vectors are read by a test")
    }

    /// No vectors at all: every word means nothing.
    #[must_use]
    pub fn none() -> Self {
        let (beginnings, continuations) = (HashMap::default(), HashMap::default());
        Self { dimensions: 1, scales: Vec::new(), weights: &[], beginnings, continuations }
    }

    /// A checksum of the shipped vectors.
    #[must_use]
    pub fn shipped_checksum() -> u64 {
        xxh3_64(SHIPPED)
    }

    /// Reads vectors; none if the bytes are cut short or otherwise not in the format.
    #[must_use]
    pub fn read(bytes: &'static [u8]) -> Option<Self> {
        let (rows, rest) = bytes.split_first_chunk::<4>()?;
        let (dimensions, rest) = rest.split_first_chunk::<4>()?;
        let (rows, dimensions) = (u32::from_le_bytes(*rows) as usize, u32::from_le_bytes(*dimensions) as usize);
        let (scales, rest) = rest.split_at_checked(rows.checked_mul(4)?)?;
        let (weights, names) = rest.split_at_checked(rows.checked_mul(dimensions)?)?;
        let (mut beginnings, mut continuations) = (HashMap::default(), HashMap::default());
        beginnings.reserve(rows);
        for (number, name) in std::str::from_utf8(names).ok()?.lines().enumerate() {
            match name.strip_prefix("##") {
                Some(name) => continuations.insert(xxh3_64(name.as_bytes()), number as u32),
                None => beginnings.insert(xxh3_64(name.as_bytes()), number as u32),
            };
        }
        let complete = beginnings.len() + continuations.len() == rows;
        let scales = scales.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        complete.then_some(Self { dimensions, scales, weights, beginnings, continuations })
    }

    /// How many numbers a vector has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Adds up the vectors of a word's pieces, the longest known piece first. Adds nothing after an unknown letter.
    fn add(&self, word: &str, sum: &mut [f32]) {
        let mut rest = word;
        let mut table = &self.beginnings;
        while !rest.is_empty() && word.len() <= 4 * LONGEST {
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).take(LONGEST).collect::<Vec<_>>();
            let Some((end, number)) =
                ends.iter().rev().find_map(|end| Some((*end, *table.get(&xxh3_64(&rest.as_bytes()[..*end]))?)))
            else {
                return;
            };
            let row = number as usize;
            let scale = self.scales[row];
            for (total, byte) in sum.iter_mut().zip(&self.weights[row * self.dimensions..]) {
                *total += scale * f32::from(byte.cast_signed());
            }
            rest = &rest[end..];
            table = &self.continuations;
        }
    }

    /// The mean of the words' pieces, of length one; all zero if no piece is known.
    #[must_use]
    pub fn mean<S: AsRef<str>>(&self, words: &[S]) -> Vec<f32> {
        let mut sum = vec![0.0; self.dimensions];
        for word in words {
            self.add(word.as_ref(), &mut sum);
        }
        to_unit(&mut sum);
        sum
    }
}

/// Scales a vector to length one; leaves one of all zeros.
pub fn to_unit(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    }
}

/// The scalar product, in eight lanes so that the compiler can use wide registers.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_words_lie_near() {
        let vectors = Vectors::shipped();
        let near = |a: &str, b: &str| dot(&vectors.mean(&[a]), &vectors.mean(&[b]));
        for (word, like, unlike) in
            [("price", "fare", "soldier"), ("plane", "aircraft", "treaty"), ("buy", "purchase", "land")]
        {
            assert!(near(word, like) > near(word, unlike) + 0.1, "{word} {like} {unlike}");
        }
    }

    /// Whoever makes new vectors notes their checksum here and in `data/vectors/README.md`; then everything that is fitted to
    /// them is fitted anew.
    #[test]
    fn the_shipped_vectors_are_those_that_were_made() {
        assert_eq!(format!("{:016x}", Vectors::shipped_checksum()), "7b61b6b5a516c541");
    }

    #[test]
    fn cut_or_foreign_bytes_are_refused() {
        assert!(Vectors::read(&SHIPPED[..SHIPPED.len() - 40_000]).is_none());
        assert!(Vectors::read(b"not vectors at all").is_none());
    }
}
