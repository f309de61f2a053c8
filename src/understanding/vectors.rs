//! Computes the vector of a word, roughly its meaning, from word pieces, so that `fare` is near `price` although they
//! share no letters. `data/vectors/README.md` names the source.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use xxhash_rust::xxh3::xxh3_64;

use super::features::Identity;

/// The shipped vectors, little endian: u32 rows, u32 dimensions, an f32 scale per row, rows × dimensions i8, then the
/// word pieces, one per line. Continuations begin with `##`.
const SHIPPED: &[u8] = include_bytes!("../../data/vectors/pieces.bin");

/// Maximum length of a piece, in letters. Words of more than four times as many bytes mean nothing and get no vector.
const LONGEST: usize = 40;

/// Vectors of word pieces.
pub struct Vectors {
    dimensions: usize,
    scales: Vec<f32>,
    weights: &'static [u8],
    beginnings: HashMap<u64, u32, BuildHasherDefault<Identity>>,
    continuations: HashMap<u64, u32, BuildHasherDefault<Identity>>,
}

impl Vectors {
    /// Parses the shipped vectors.
    ///
    /// # Panics
    /// Panics if the shipped file is invalid, which a test rules out.
    #[must_use]
    pub fn shipped() -> Self {
        Self::read(SHIPPED).expect("the shipped vectors are read by a test")
    }

    /// Returns a table without any vectors, in which every word has a vector of zeros.
    #[must_use]
    pub fn none() -> Self {
        let (beginnings, continuations) = (HashMap::default(), HashMap::default());
        Self { dimensions: 1, scales: Vec::new(), weights: &[], beginnings, continuations }
    }

    /// Returns the checksum of the shipped vectors.
    #[must_use]
    pub fn shipped_checksum() -> u64 {
        xxh3_64(SHIPPED)
    }

    /// Parses vectors. Returns `None` if the bytes are cut short or not in the format of the shipped file.
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

    /// Returns the number of dimensions of a vector.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Adds the vectors of a word's pieces to `sum`, the longest known piece first. Stops where no piece fits.
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

    /// Returns the mean vector of the words' pieces, scaled to length 1; all zeros if no piece is known.
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

/// Scales a vector to length 1. A vector of zeros stays as it is.
pub fn to_unit(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    }
}

/// Returns the scalar product. Sums in eight lanes, so that the compiler can use wide registers.
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

    /// After making new vectors, update their checksum here and in `data/vectors/README.md`, and fit again everything
    /// that depends on them.
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
