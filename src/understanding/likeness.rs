//! Precomputes the similarity of stems from their vectors. The training compares every stem that a topic uses with
//! every other; a question only looks the results up.

use serde::{Deserialize, Serialize};

use super::quantized::{QuantizedMatrix, whole_bytes};

/// Cosines between which a word that a topic doesn't use counts as partly explained by one that it uses: not at all at
/// the first, fully at the second. `fare` and `price` have about 0.7, `fare` and `soldier` about 0.1.
const LIKE_WORDS: (f32, f32) = (0.6, 0.95);

/// Stored value of a similarity of 1.
const WHOLLY: f32 = 127.0;

/// Returns the similarity of two words with this cosine, 0 to 1.
#[must_use]
pub fn alike(cosine: f32) -> f32 {
    let (none, wholly) = LIKE_WORDS;
    ((cosine - none) / (wholly - none)).clamp(0.0, 1.0)
}

/// Similarities between stems, and between stems and topics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Likenesses {
    /// Start of each stem's neighbours in `stems`, and their end.
    starts: Vec<u32>,
    /// Neighbours of each stem, ascending, and their similarities in 127ths.
    stems: Vec<u32>,
    #[serde(with = "whole_bytes")]
    likes: Vec<i8>,
    /// Similarity of each stem to the most similar stem of each topic, in 127ths.
    #[serde(with = "whole_bytes")]
    of_topics: Vec<i8>,
    topics: usize,
}

impl Likenesses {
    /// Compares every stem with every other on all of the processor's cores; takes a second on one. `users` has the
    /// numbers of the topics that use each stem.
    #[must_use]
    pub fn among(stems: &QuantizedMatrix, users: &[Vec<u16>], topics: usize) -> Self {
        let all: Vec<u32> = (0..stems.len() as u32).collect();
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let share = all.len().div_ceil(workers).max(1);
        let neighbours: Vec<Vec<(u32, i8)>> = std::thread::scope(|scope| {
            let all = &all;
            let compare = move |part: &[u32]| part.iter().map(|stem| neighbours(stems, *stem, all)).collect::<Vec<_>>();
            let parts: Vec<_> = all.chunks(share).map(|part| scope.spawn(move || compare(part))).collect();
            parts.into_iter().flat_map(|part| part.join().expect("comparing panics nowhere")).collect()
        });
        let mut likenesses =
            Self { starts: vec![0], stems: Vec::new(), likes: Vec::new(), of_topics: Vec::new(), topics };
        for near in neighbours {
            let mut row = vec![0i8; topics];
            for (stem, like) in near {
                likenesses.stems.push(stem);
                likenesses.likes.push(like);
                users[stem as usize].iter().for_each(|topic| row[*topic as usize] = row[*topic as usize].max(like));
            }
            likenesses.of_topics.extend(row);
            likenesses.starts.push(likenesses.stems.len() as u32);
        }
        likenesses
    }

    /// Returns the similarity of a stem to the most similar stem of a topic, 0 to 1.
    #[must_use]
    pub fn to_topic(&self, stem: u32, topic: usize) -> f32 {
        f32::from(self.of_topics[stem as usize * self.topics + topic]) / WHOLLY
    }

    /// Returns the similarity of a stem to each of the others, 0 to 1, in their order.
    #[must_use]
    pub fn to_stems(&self, stem: u32, others: &[u32]) -> Vec<f32> {
        let range = self.starts[stem as usize] as usize..self.starts[stem as usize + 1] as usize;
        let (near, likes) = (&self.stems[range.clone()], &self.likes[range]);
        let like = |other: &u32| near.binary_search(other).map_or(0.0, |at| f32::from(likes[at]) / WHOLLY);
        others.iter().map(like).collect()
    }
}

/// Returns the neighbours of a stem, ascending, with their similarities in 127ths. The stem itself is one of them.
fn neighbours(stems: &QuantizedMatrix, stem: u32, all: &[u32]) -> Vec<(u32, i8)> {
    let cosines = stems.products(&stems.row(stem as usize), all);
    let likes = cosines.into_iter().zip(all).map(|(cosine, other)| (*other, (alike(cosine) * WHOLLY) as i8));
    likes.filter(|(_, like)| *like > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_alike_by_degrees() {
        for (cosine, expected) in [(0.1, 0.0), (0.6, 0.0), (0.775, 0.5), (0.95, 1.0), (1.0, 1.0)] {
            assert!((alike(cosine) - expected).abs() < 1e-5, "{cosine}");
        }
    }

    #[test]
    fn what_is_looked_up_is_what_was_compared() {
        let vectors = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]];
        let stems = QuantizedMatrix::of(2, vectors.iter().map(<[f32; 2]>::as_slice));
        let likenesses = Likenesses::among(&stems, &[vec![0], vec![1], vec![1]], 2);
        let near = likenesses.to_stems(0, &[0, 1, 2]);
        assert!(near[0] > 0.99 && (near[1] - 0.57).abs() < 0.02 && near[2] == 0.0, "{near:?}");
        assert!((likenesses.to_topic(0, 1) - 0.57).abs() < 0.02);
        assert!(likenesses.to_topic(2, 0) == 0.0);
    }
}
