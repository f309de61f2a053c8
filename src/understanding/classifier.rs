//! A linear support vector machine for each topic against all others, trained in the process.

use std::thread;

use super::features::Sparse;

/// How dear a misplaced example is against a simple weighting; 1 is the usual choice for texts of length one.
const COST: f32 = 1.0;

/// When to stop: the largest change still to be made, and a limit to the rounds over the examples.
const TOLERANCE: f32 = 0.05;
const MAX_ROUNDS: usize = 60;

/// Weights of every feature for every topic. Those of the sparse features, of which a text has few, are in one byte each
/// with a scale a feature; those of the dense ones, which every text has, are kept as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Classifier {
    topics: usize,
    scales: Vec<f32>,
    sparse: Vec<i8>,
    dense: Vec<f32>,
    bias: Vec<f32>,
}

impl Classifier {
    /// Trains on examples and the number of each one's topic; the last `dense` of the features are dense. The topics are
    /// independent of each other, so they are
    /// shared among the processor's cores; the result doesn't depend on how.
    #[must_use]
    pub fn train(examples: &[Sparse], labels: &[u32], topics: usize, features: usize, dense: usize) -> Self {
        let workers = thread::available_parallelism().map_or(1, usize::from).min(topics.max(1));
        let squares: Vec<f32> = examples.iter().map(|x| 1.0 + x.iter().map(|(_, w)| w * w).sum::<f32>()).collect();
        let mut columns: Vec<Vec<f32>> = Vec::with_capacity(topics);
        thread::scope(|scope| {
            let shares: Vec<_> = (0..workers)
                .map(|worker| {
                    let squares = &squares;
                    scope.spawn(move || {
                        (worker..topics)
                            .step_by(workers)
                            .map(|topic| (topic, train_one(examples, labels, topic as u32, features, squares)))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            let mut all: Vec<_> =
                shares.into_iter().flat_map(|share| share.join().expect("training panics nowhere")).collect();
            all.sort_unstable_by_key(|(topic, _)| *topic);
            columns.extend(all.into_iter().map(|(_, column)| column));
        });
        Self::quantise(&columns, features - dense, dense)
    }

    /// Columns of the topics' weights and biases as rows of the features.
    fn quantise(columns: &[Vec<f32>], sparse: usize, dense: usize) -> Self {
        let topics = columns.len();
        let row = |feature: usize| columns.iter().map(move |column| column[feature]);
        let mut classifier = Self {
            topics,
            scales: Vec::with_capacity(sparse),
            sparse: Vec::with_capacity(sparse * topics),
            dense: (sparse..sparse + dense).flat_map(row).collect(),
            bias: row(sparse + dense).collect(),
        };
        for feature in 0..sparse {
            let largest = row(feature).map(f32::abs).fold(0.0, f32::max);
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            classifier.scales.push(scale);
            classifier.sparse.extend(row(feature).map(|weight| (weight / scale).round() as i8));
        }
        classifier
    }

    /// The margin of each topic: about 1 where its own examples lie, about -1 where the others do.
    #[must_use]
    pub fn margins(&self, sparse: &Sparse, dense: &[f32]) -> Vec<f32> {
        let mut margins = self.bias.clone();
        for (feature, weight) in sparse {
            let factor = weight * self.scales[*feature as usize];
            let row = &self.sparse[*feature as usize * self.topics..][..self.topics];
            margins.iter_mut().zip(row).for_each(|(margin, byte)| *margin += factor * f32::from(*byte));
        }
        for (number, row) in dense.iter().zip(self.dense.chunks_exact(self.topics.max(1))) {
            margins.iter_mut().zip(row).for_each(|(margin, weight)| *margin += number * weight);
        }
        margins
    }

    /// Whether it is for so many topics and features.
    #[must_use]
    pub fn has_shape(&self, topics: usize, sparse: usize, dense: usize) -> bool {
        self.topics == topics && self.scales.len() == sparse && self.dense.len() == dense * topics
    }

    /// The weights as bytes, for keeping.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let floats = self.bias.len() + self.scales.len() + self.dense.len();
        let mut bytes = Vec::with_capacity(12 + 4 * floats + self.sparse.len());
        for length in [self.topics, self.scales.len(), self.dense.len()] {
            bytes.extend((length as u32).to_le_bytes());
        }
        let floats = self.bias.iter().chain(&self.scales).chain(&self.dense);
        bytes.extend(floats.flat_map(|number| number.to_le_bytes()));
        bytes.extend(self.sparse.iter().map(|weight| weight.cast_unsigned()));
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; none if the bytes aren't that.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (lengths, bytes) = bytes.split_at_checked(12)?;
        let length = |at: usize| u32::from_le_bytes([lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]]);
        let (topics, scales, dense) = (length(0) as usize, length(4) as usize, length(8) as usize);
        let floats = topics.checked_add(scales)?.checked_add(dense)?;
        let (numbers, sparse) = bytes.split_at_checked(floats.checked_mul(4)?)?;
        if sparse.len() != topics.checked_mul(scales)? || (dense > 0 && dense % topics.max(1) != 0) {
            return None;
        }
        let mut numbers = numbers.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Some(Self {
            topics,
            bias: numbers.by_ref().take(topics).collect(),
            scales: numbers.by_ref().take(scales).collect(),
            dense: numbers.collect(),
            sparse: sparse.iter().map(|byte| byte.cast_signed()).collect(),
        })
    }
}

/// Dual coordinate descent for one topic against the rest with squared hinge loss (Hsieh et al. 2008, as in
/// LIBLINEAR). Gives the weights and, last, the bias. Examples are visited in a fixed mixed order, so that the same
/// facts give the same weights.
fn train_one(examples: &[Sparse], labels: &[u32], topic: u32, features: usize, squares: &[f32]) -> Vec<f32> {
    const DIAGONAL: f32 = 0.5 / COST;
    let mut weights = vec![0.0f32; features + 1];
    let mut alphas = vec![0.0f32; examples.len()];
    let mut active: Vec<u32> = (0..examples.len() as u32).collect();
    let mut random = 0x2545_f491_4f6c_dd1du64 ^ u64::from(topic);
    for round in 0..MAX_ROUNDS {
        shuffle(&mut active, &mut random);
        let mut largest = 0.0f32;
        let mut kept = 0;
        for at in 0..active.len() {
            let index = active[at] as usize;
            let (example, sign) = (&examples[index], if labels[index] == topic { 1.0 } else { -1.0 });
            let margin = weights[features] + example.iter().map(|(f, w)| weights[*f as usize] * w).sum::<f32>();
            let gradient = sign * margin - 1.0 + DIAGONAL * alphas[index];
            // An example well on its side that pulls at nothing is left out of later rounds.
            if alphas[index] == 0.0 && gradient > 1.0e-2 && round > 1 {
                continue;
            }
            active[kept] = active[at];
            kept += 1;
            if alphas[index] == 0.0 && gradient >= 0.0 {
                continue;
            }
            largest = largest.max(gradient.abs());
            let new = (alphas[index] - gradient / (squares[index] + DIAGONAL)).max(0.0);
            let step = (new - alphas[index]) * sign;
            alphas[index] = new;
            for (feature, weight) in example {
                weights[*feature as usize] += step * weight;
            }
            weights[features] += step;
        }
        active.truncate(kept);
        if largest < TOLERANCE {
            break;
        }
    }
    weights
}

/// Fisher–Yates with a xorshift generator.
fn shuffle(items: &mut [u32], random: &mut u64) {
    for at in (1..items.len()).rev() {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        items.swap(at, (*random % (at as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained() -> Classifier {
        let examples: Vec<Sparse> =
            vec![vec![(0, 1.0)], vec![(0, 0.8), (1, 0.6)], vec![(2, 1.0)], vec![(2, 0.8), (1, 0.6)]];
        Classifier::train(&examples, &[0, 0, 1, 1], 2, 3, 1)
    }

    #[test]
    fn examples_fall_on_their_side() {
        let margins = trained().margins(&vec![(0, 1.0)], &[0.0]);
        assert!(margins[0] > 0.3 && margins[1] < -0.3, "{margins:?}");
    }

    #[test]
    fn training_is_repeatable_and_survives_bytes() {
        let classifier = trained();
        assert_eq!(classifier, trained());
        let bytes = classifier.to_bytes();
        assert_eq!(Classifier::from_bytes(&bytes), Some(classifier));
        assert_eq!(Classifier::from_bytes(&bytes[1..]), None);
    }
}
