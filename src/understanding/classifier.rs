//! Trains a linear support vector machine for each topic against all others, in the process.

use std::thread;

use serde::{Deserialize, Serialize};

use super::features::Sparse;
use super::quantized::{QuantizedMatrix, QuantizedVector, add_rows, whole_bytes};

/// Cost of a misplaced example relative to the regularisation; 1 is the usual choice for texts of length 1.
const COST: f32 = 1.0;

/// Limits of the training: it stops when no gradient of a round is larger than the tolerance, or after the maximum
/// number of rounds over the examples.
const TOLERANCE: f32 = 0.05;
const MAX_ROUNDS: usize = 60;

/// Approximate number of examples, sampled from all topics, that a topic is trained against in addition to those of its
/// neighbours.
const SOME: u32 = 500;

/// The weights of every feature for every topic, one byte each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Classifier {
    topics: usize,
    /// Sparse features, of which a text has few: per feature a scale and a row with the weight of every topic.
    scales: Vec<f32>,
    #[serde(with = "whole_bytes")]
    weights: Vec<i8>,
    /// Dense features, which every text has: the numbers of its vector. A row for each topic.
    dense: QuantizedMatrix,
    bias: Vec<f32>,
}

impl Classifier {
    /// Trains on examples; `labels` has the number of each example's topic. `features` is the total number of features,
    /// the last `dense` of which every text has. The topics are trained independently on all of the processor's cores,
    /// and the result doesn't depend on the number of cores.
    #[must_use]
    pub fn train(examples: &[Sparse], labels: &[u32], sides: &Sides, features: usize, dense: usize) -> Self {
        let topics = sides.topics();
        let workers = thread::available_parallelism().map_or(1, usize::from).min(topics.max(1));
        let squares: Vec<f32> = examples.iter().map(|x| 1.0 + x.iter().map(|(_, w)| w * w).sum::<f32>()).collect();
        let train = |topic: usize| {
            let active = sides.of_topic(topic);
            Column::of(train_one(examples, labels, topic as u32, active, features, &squares), dense)
        };
        let mut columns: Vec<Column> = Vec::with_capacity(topics);
        thread::scope(|scope| {
            let train = &train;
            let share =
                |worker| (worker..topics).step_by(workers).map(|topic| (topic, train(topic))).collect::<Vec<_>>();
            let shares: Vec<_> = (0..workers).map(|worker| scope.spawn(move || share(worker))).collect();
            let mut all: Vec<_> =
                shares.into_iter().flat_map(|share| share.join().expect("training panics nowhere")).collect();
            all.sort_unstable_by_key(|(topic, _)| *topic);
            columns.extend(all.into_iter().map(|(_, column)| column));
        });
        Self::transposed(&columns, features - dense, dense)
    }

    /// Turns the weights of each topic into rows for each feature, rounded to bytes.
    fn transposed(columns: &[Column], features: usize, dense: usize) -> Self {
        let topics = columns.len();
        let row = |feature: usize| columns.iter().map(move |column| column.weight(feature));
        let mut classifier = Self {
            topics,
            scales: Vec::with_capacity(features),
            weights: Vec::with_capacity(features * topics),
            dense: QuantizedMatrix::of(dense, columns.iter().map(|column| column.dense.as_slice())),
            bias: columns.iter().map(|column| column.bias).collect(),
        };
        for feature in 0..features {
            let largest = row(feature).map(f32::abs).fold(0.0, f32::max);
            let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
            classifier.scales.push(scale);
            classifier.weights.extend(row(feature).map(|weight| (weight / scale).round() as i8));
        }
        classifier
    }

    /// Returns the margin of each topic: about 1 for texts like its own examples, about -1 for texts like others.
    #[must_use]
    pub fn margins(&self, sparse: &Sparse, vector: &QuantizedVector) -> Vec<f32> {
        let all: Vec<u32> = (0..self.topics as u32).collect();
        let mut margins = self.dense_margins(&all, vector);
        add_rows(&mut margins, &self.rows(sparse));
        margins
    }

    /// Returns the margins of some topics, in the order of `topics`.
    #[must_use]
    pub fn margins_of(&self, topics: &[u32], sparse: &Sparse, vector: &QuantizedVector) -> Vec<f32> {
        let mut margins = self.dense_margins(topics, vector);
        for (factor, row) in self.rows(sparse) {
            for (margin, topic) in margins.iter_mut().zip(topics) {
                *margin += factor * f32::from(row[*topic as usize]);
            }
        }
        margins
    }

    /// Returns the part of the margins that comes from the text's vector and the bias.
    fn dense_margins(&self, topics: &[u32], vector: &QuantizedVector) -> Vec<f32> {
        let mut margins = self.dense.products(vector, topics);
        margins.iter_mut().zip(topics).for_each(|(margin, topic)| *margin += self.bias[*topic as usize]);
        margins
    }

    /// Returns the rows of a text's sparse features, each with its factor.
    fn rows(&self, sparse: &Sparse) -> Vec<(f32, &[i8])> {
        let features = sparse.iter().map(|(feature, weight)| (*feature as usize, *weight));
        let row = |feature: usize| &self.weights[feature * self.topics..][..self.topics];
        features.map(|(feature, weight)| (weight * self.scales[feature], row(feature))).collect()
    }
}

/// A topic's weights before they enter the table: two bytes each, except those of the vector.
struct Column {
    scale: f32,
    weights: Vec<i16>,
    dense: Vec<f32>,
    bias: f32,
}

impl Column {
    /// Takes weights that end with those of the vector and the bias.
    fn of(mut weights: Vec<f32>, dense: usize) -> Self {
        let bias = weights.pop().expect("there is a bias");
        let dense = weights.split_off(weights.len() - dense);
        let scale =
            weights.iter().fold(0.0f32, |most, weight| most.max(weight.abs())).max(f32::MIN_POSITIVE) / 32_767.0;
        Self { scale, weights: weights.iter().map(|weight| (weight / scale).round() as i16).collect(), dense, bias }
    }

    fn weight(&self, feature: usize) -> f32 {
        f32::from(self.weights[feature]) * self.scale
    }
}

/// The examples on which each topic is trained.
pub struct Sides {
    /// Numbers of each topic's own examples.
    own: Vec<Vec<u32>>,
    /// Numbers of the topics that each topic is trained against; `None` for all.
    against: Option<Vec<Vec<u32>>>,
}

impl Sides {
    /// Groups examples by their topics in `labels`. With `neighbours`, a topic is trained only against the examples of
    /// its neighbours and about 500 of all others.
    #[must_use]
    pub fn of(labels: &[u32], topics: usize, neighbours: Option<&[Vec<u32>]>) -> Self {
        let mut own = vec![Vec::new(); topics];
        labels.iter().zip(0..).for_each(|(label, at)| own[*label as usize].push(at));
        Self { own, against: neighbours.map(<[_]>::to_vec) }
    }

    fn topics(&self) -> usize {
        self.own.len()
    }

    fn of_topic(&self, topic: usize) -> Vec<u32> {
        let all = self.own.iter().map(|own| own.len() as u32).sum::<u32>();
        let Some(against) = &self.against else { return (0..all).collect() };
        let near = against[topic].iter().flat_map(|other| &self.own[*other as usize]);
        let far = (0..all).step_by((all / SOME).max(1) as usize);
        let mut active: Vec<u32> = self.own[topic].iter().chain(near).copied().chain(far).collect();
        active.sort_unstable();
        active.dedup();
        active
    }
}

/// Trains one topic against the rest by dual coordinate descent with squared hinge loss (Hsieh et al. 2008, as in
/// LIBLINEAR). Returns the weights and, last, the bias. Visits the examples in a shuffled but fixed order, so that the
/// same facts give the same weights.
fn train_one(
    examples: &[Sparse],
    labels: &[u32],
    topic: u32,
    mut active: Vec<u32>,
    features: usize,
    squares: &[f32],
) -> Vec<f32> {
    const DIAGONAL: f32 = 0.5 / COST;
    let mut weights = vec![0.0f32; features + 1];
    let mut alphas = vec![0.0f32; examples.len()];
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
            // An example that is well on its side and carries no weight is skipped in later rounds.
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

/// Shuffles by Fisher–Yates with a xorshift generator.
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
        Classifier::train(&examples, &[0, 0, 1, 1], &Sides::of(&[0, 0, 1, 1], 2, None), 3, 0)
    }

    #[test]
    fn examples_fall_on_their_side() {
        let margins = trained().margins(&vec![(0, 1.0)], &QuantizedVector::default());
        assert!(margins[0] > 0.3 && margins[1] < -0.3, "{margins:?}");
    }

    #[test]
    fn some_margins_are_those_of_all() {
        let (classifier, text) = (trained(), vec![(1, 0.5), (2, 0.5)]);
        let all = classifier.margins(&text, &QuantizedVector::default());
        assert_eq!(classifier.margins_of(&[1], &text, &QuantizedVector::default()), [all[1]]);
    }

    #[test]
    fn a_topic_is_trained_on_its_own_its_neighbours_and_some_of_all() {
        let labels: Vec<u32> = (0..2_000).map(|at| at % 10).collect();
        let sides = Sides::of(&labels, 10, Some(&vec![vec![3]; 10]));
        let active = sides.of_topic(0);
        assert!(labels.iter().zip(0..).all(|(label, at)| !matches!(label, 0 | 3) || active.contains(&at)));
        assert!(active.len() < 2_000 && active.iter().any(|at| labels[*at as usize] == 8));
        assert_eq!(Sides::of(&labels, 10, None).of_topic(0).len(), 2_000);
    }

    #[test]
    fn training_is_repeatable() {
        assert_eq!(trained(), trained());
    }
}
