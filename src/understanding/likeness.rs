//! How far words are like each other, by their vectors. Every stem that a topic uses is compared with every other once,
//! when the model is trained; a question then only looks up.

use serde::{Deserialize, Serialize};

use super::quantized::{QuantizedMatrix, whole_bytes};

/// Between these cosines a word that a topic doesn't use counts as partly explained by one that it does use: at the
/// first not at all, at the second wholly. `fare` and `price` have about 0.7, `fare` and `soldier` about 0.1.
const LIKE_WORDS: (f32, f32) = (0.6, 0.95);

/// What a likeness of 1 is kept as.
const WHOLLY: f32 = 127.0;

/// How far two words of this cosine are alike, from 0 to 1.
#[must_use]
pub fn alike(cosine: f32) -> f32 {
    let (none, wholly) = LIKE_WORDS;
    ((cosine - none) / (wholly - none)).clamp(0.0, 1.0)
}

/// Which stems are like which, and which topics use one that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Likenesses {
    /// Where the neighbours of each stem begin; one more for the end.
    starts: Vec<u32>,
    /// The stems that each stem is like, in order, and how far, in 127ths.
    stems: Vec<u32>,
    #[serde(with = "whole_bytes")]
    likes: Vec<i8>,
    /// For each stem how far it is like the nearest one that each topic uses, in 127ths.
    #[serde(with = "whole_bytes")]
    of_topics: Vec<i8>,
    topics: usize,
}

impl Likenesses {
    /// Compares every stem with every other, shared among the processor's cores; takes a second on one. `users` has the
    /// topics that use each stem.
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

    /// How far a stem is like the nearest one that a topic uses, from 0 to 1.
    #[must_use]
    pub fn to_topic(&self, stem: u32, topic: usize) -> f32 {
        f32::from(self.of_topics[stem as usize * self.topics + topic]) / WHOLLY
    }

    /// How far a stem is like each of some others, which are in order, from 0 to 1.
    #[must_use]
    pub fn to_stems(&self, stem: u32, others: &[u32]) -> Vec<f32> {
        let range = self.starts[stem as usize] as usize..self.starts[stem as usize + 1] as usize;
        let (near, likes) = (&self.stems[range.clone()], &self.likes[range]);
        let like = |other: &u32| near.binary_search(other).map_or(0.0, |at| f32::from(likes[at]) / WHOLLY);
        others.iter().map(like).collect()
    }
}

/// The stems that a stem is like, in order, and how far, in 127ths.
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
