//! A linear support vector machine for each topic against all others, trained in the process.

use std::thread;

use serde::{Deserialize, Serialize};

use super::features::Sparse;
use super::rows::{add_rows, whole_bytes};

/// How dear a misplaced example is against a simple weighting; 1 is the usual choice for texts of length one.
const COST: f32 = 1.0;

/// When to stop: the largest change still to be made, and a limit to the rounds over the examples.
const TOLERANCE: f32 = 0.05;
const MAX_ROUNDS: usize = 60;

/// How many examples of all topics one is trained against beside its neighbours', where not against all.
const SOME: u32 = 500;

/// Weights of every feature for every topic, in one byte each with a scale a feature.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Classifier {
    topics: usize,
    scales: Vec<f32>,
    #[serde(with = "whole_bytes")]
    weights: Vec<i8>,
    bias: Vec<f32>,
}

impl Classifier {
    /// Trains on examples and the number of each one's topic. The topics are independent of each other, so they are
    /// shared among the processor's cores; the result doesn't depend on how.
    #[must_use]
    pub fn train(examples: &[Sparse], labels: &[u32], sides: &Sides, features: usize) -> Self {
        let topics = sides.topics();
        let workers = thread::available_parallelism().map_or(1, usize::from).min(topics.max(1));
        let squares: Vec<f32> = examples.iter().map(|x| 1.0 + x.iter().map(|(_, w)| w * w).sum::<f32>()).collect();
        let train = |topic: usize| {
            let active = sides.of_topic(topic);
            Column::of(&train_one(examples, labels, topic as u32, active, features, &squares))
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
        Self::transposed(&columns, features)
    }

    /// Columns of the topics' weights as rows of the features.
    fn transposed(columns: &[Column], features: usize) -> Self {
        let topics = columns.len();
        let row = |feature: usize| columns.iter().map(move |column| column.weight(feature));
        let mut classifier = Self {
            topics,
            scales: Vec::with_capacity(features),
            weights: Vec::with_capacity(features * topics),
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

    /// The margin of each topic: about 1 where its own examples lie, about -1 where the others do. `dense` are the
    /// numbers of the last features, which every text has.
    #[must_use]
    pub fn margins(&self, sparse: &Sparse, dense: &[f32]) -> Vec<f32> {
        let mut margins = self.bias.clone();
        let first = self.scales.len() - dense.len();
        let numbered = dense.iter().enumerate().map(|(at, number)| (first + at, *number));
        let features = sparse.iter().map(|(feature, weight)| (*feature as usize, *weight)).chain(numbered);
        let row = |feature: usize| &self.weights[feature * self.topics..][..self.topics];
        let rows: Vec<_> = features.map(|(feature, weight)| (weight * self.scales[feature], row(feature))).collect();
        add_rows(&mut margins, &rows);
        margins
    }
}

/// A topic's weights on the way to the table, in two bytes each.
struct Column {
    scale: f32,
    weights: Vec<i16>,
    bias: f32,
}

impl Column {
    /// Of weights with the bias behind them.
    fn of(weights: &[f32]) -> Self {
        let (bias, weights) = weights.split_last().expect("there is a bias");
        let scale =
            weights.iter().fold(0.0f32, |most, weight| most.max(weight.abs())).max(f32::MIN_POSITIVE) / 32_767.0;
        Self { scale, weights: weights.iter().map(|weight| (weight / scale).round() as i16).collect(), bias: *bias }
    }

    fn weight(&self, feature: usize) -> f32 {
        f32::from(self.weights[feature]) * self.scale
    }
}

/// Which examples each topic is trained on.
pub struct Sides {
    /// The numbers of each topic's own.
    own: Vec<Vec<u32>>,
    /// The topics against which each is trained; none: against all.
    against: Option<Vec<Vec<u32>>>,
}

impl Sides {
    /// Of the topic of each example. With `neighbours` a topic is trained only against those of its own and [`SOME`] of
    /// all others.
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

/// Dual coordinate descent for one topic against the rest with squared hinge loss (Hsieh et al. 2008, as in
/// LIBLINEAR). Gives the weights and, last, the bias. Examples are visited in a fixed mixed order, so that the same
/// facts give the same weights.
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
        Classifier::train(&examples, &[0, 0, 1, 1], &Sides::of(&[0, 0, 1, 1], 2, None), 3)
    }

    #[test]
    fn examples_fall_on_their_side() {
        let margins = trained().margins(&vec![(0, 1.0)], &[0.0]);
        assert!(margins[0] > 0.3 && margins[1] < -0.3, "{margins:?}");
    }

    #[test]
    fn training_is_repeatable() {
        assert_eq!(trained(), trained());
    }
}
