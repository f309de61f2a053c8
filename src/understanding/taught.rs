//! Changes the margins of topics by texts that are taught or forgotten after the training.
//!
//! A support vector machine is a sum over its examples, each with its own weight. An example is taught by finding its
//! weight while those of all trained examples stay as they are, and forgotten by removing its weight. Neither changes
//! what was trained. The result depends on the texts and not on the order in which they were taught. A question costs
//! only the features that it shares with the texts.

use super::features::Sparse;
use super::quantized::{QuantizedMatrix, QuantizedVector};

/// Half the inverse of the cost of a misplaced example, as in the training.
const DIAGONAL: f32 = 0.5;

/// Margin above which a topic is pushed away from a text of another topic. A topic with a lower margin doesn't win
/// anyway.
const RIVAL_FROM: f32 = -0.5;

/// Margin of every text in a topic that hasn't been trained yet.
pub(super) const UNTAUGHT: f32 = -1.0;

/// Limits of the search for weights: it stops when no weight changes by more than the tolerance in a round, or after
/// the maximum number of rounds.
const TOLERANCE: f32 = 0.005;
const MAX_ROUNDS: usize = 100;

/// A text in the form that the classifier reads.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) features: Sparse,
    pub(super) vector: QuantizedVector,
    /// Margin of each topic without what is taught here.
    pub(super) margins: Vec<f32>,
    /// Topic that it is taught to or removed from. `None` for an example of another topic that only counts against new
    /// topics.
    pub(super) topic: Option<usize>,
    pub(super) forgotten: bool,
}

impl Text {
    /// Returns the product of two texts for the classifier: that of their features and of their vectors, and 1 for the
    /// bias.
    fn product(&self, other: &Self) -> f32 {
        1.0 + sparse_product(&self.features, &other.features) + self.vector.product(&other.vector)
    }

    fn margin(&self, topic: usize) -> f32 {
        self.margins.get(topic).copied().unwrap_or(UNTAUGHT)
    }
}

/// Returns the scalar product of two lists of features, both by ascending number.
pub(super) fn sparse_product(a: &Sparse, b: &Sparse) -> f32 {
    let (mut sum, mut i, mut j) = (0.0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += a[i].1 * b[j].1;
                i += 1;
                j += 1;
            }
        }
    }
    sum
}

/// The changes that taught and forgotten texts make to margins.
#[derive(Debug, Default)]
pub(super) struct Taught {
    /// Feature, text, and weight of the feature in the text, by ascending feature and text.
    entries: Vec<(u32, u32, f32)>,
    vectors: QuantizedMatrix,
    /// Text, topic, and the factor by which the text's product with a question adds to the topic's margin.
    pushes: Vec<(u32, u32, f32)>,
}

impl Taught {
    /// Finds the weights of texts. `topics` is the number of topics, including new ones; `width` that of the texts'
    /// vectors.
    pub(super) fn of(texts: &[Text], topics: usize, width: usize) -> Self {
        let vectors = QuantizedMatrix::from_rows(width, texts.iter().map(|text| &text.vector));
        let mut taught = Self { entries: entries(texts), vectors, pushes: Vec::new() };
        for topic in 0..topics {
            taught.teach(texts, topic);
        }
        taught
    }

    /// Finds the weights of the texts in one topic.
    fn teach(&mut self, texts: &[Text], topic: usize) {
        let forgotten: Vec<(usize, f32)> = forgotten_weights(texts, topic);
        let margin = |text: &Text| {
            text.margin(topic) + forgotten.iter().map(|(at, weight)| weight * texts[*at].product(text)).sum::<f32>()
        };
        let is_new = texts.iter().all(|text| topic >= text.margins.len());
        let mut own: Vec<(usize, f32, f32)> = Vec::new();
        for (at, text) in texts.iter().enumerate().filter(|(_, text)| !text.forgotten) {
            let margin = margin(text);
            if text.topic == Some(topic) {
                own.push((at, 1.0, margin));
            } else if is_new || (text.topic.is_some() && margin > RIVAL_FROM) {
                own.push((at, -1.0, margin));
            }
        }
        let products: Vec<Vec<f32>> =
            own.iter().map(|(a, ..)| own.iter().map(|(b, ..)| texts[*a].product(&texts[*b])).collect()).collect();
        let weights = weights(&own, &products);
        let found = own.iter().zip(weights).map(|((at, ..), weight)| (*at, weight));
        let pushes = forgotten.into_iter().chain(found).filter(|(_, weight)| *weight != 0.0);
        self.pushes.extend(pushes.map(|(text, weight)| (text as u32, topic as u32, weight)));
    }

    /// Adds the changes to the margins of a question, given by its features and its vector.
    pub(super) fn add_to(&self, margins: &mut [f32], features: &Sparse, vector: &QuantizedVector) {
        let mut products: Vec<f32> = (0..self.vectors.len()).map(|text| 1.0 + self.cosine(vector, text)).collect();
        for (feature, weight) in features {
            let start = self.entries.partition_point(|(other, ..)| other < feature);
            let same = self.entries[start..].iter().take_while(|(other, ..)| other == feature);
            same.for_each(|(_, text, other)| products[*text as usize] += weight * other);
        }
        for (text, topic, weight) in &self.pushes {
            margins[*topic as usize] += weight * products[*text as usize];
        }
    }

    /// Returns the product of a question's vector with that of a text.
    pub(super) fn cosine(&self, vector: &QuantizedVector, text: usize) -> f32 {
        self.vectors.products(vector, &[text as u32])[0]
    }
}

/// Returns the features of texts, by ascending feature and text.
fn entries(texts: &[Text]) -> Vec<(u32, u32, f32)> {
    let mut entries = Vec::with_capacity(texts.iter().map(|text| text.features.len()).sum());
    for (text, at) in texts.iter().zip(0..) {
        entries.extend(text.features.iter().map(|(feature, weight)| (*feature, at, *weight)));
    }
    entries.sort_unstable_by_key(|(feature, text, _)| (*feature, *text));
    entries
}

/// Returns weights that cancel those that forgotten texts had in a topic. At the end of a training, an example's weight
/// is the shortfall of its margin, divided by `DIAGONAL`.
fn forgotten_weights(texts: &[Text], topic: usize) -> Vec<(usize, f32)> {
    let weight = |text: &Text| {
        let margin = text.margin(topic);
        let is_own = text.topic == Some(topic);
        let counts = text.forgotten && (is_own || margin > RIVAL_FROM);
        let weight = if is_own { -(1.0 - margin).max(0.0) } else { (1.0 + margin).max(0.0) } / DIAGONAL;
        (counts && topic < text.margins.len()).then_some(weight)
    };
    texts.iter().enumerate().filter_map(|(at, text)| Some((at, weight(text)?))).collect()
}

/// Finds weights by dual coordinate descent with squared hinge loss, as in the training, starting from given margins.
/// `own` has texts with their side (1 or -1) and margin, and `products` their products with each other.
fn weights(own: &[(usize, f32, f32)], products: &[Vec<f32>]) -> Vec<f32> {
    let mut weights = vec![0.0f32; own.len()];
    let mut margins: Vec<f32> = own.iter().map(|(.., margin)| *margin).collect();
    for _ in 0..MAX_ROUNDS {
        let mut largest = 0.0f32;
        for at in 0..own.len() {
            let side = own[at].1;
            let size = side * weights[at];
            let gradient = side * margins[at] - 1.0 + DIAGONAL * size;
            let new = (size - gradient / (products[at][at] + DIAGONAL)).max(0.0);
            let step = side * (new - size);
            if step != 0.0 {
                weights[at] += step;
                margins.iter_mut().zip(&products[at]).for_each(|(margin, product)| *margin += step * product);
                largest = largest.max(step.abs());
            }
        }
        if largest < TOLERANCE {
            break;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(features: &[(u32, f32)], margins: &[f32], topic: usize) -> Text {
        let vector = QuantizedVector::of(&[1.0, 0.0]);
        Text { features: features.into(), vector, margins: margins.into(), topic: Some(topic), forgotten: false }
    }

    fn margins_after(texts: &[Text], topics: usize, question: &Text) -> Vec<f32> {
        let mut margins = question.margins.clone();
        margins.resize(topics, UNTAUGHT);
        Taught::of(texts, topics, 2).add_to(&mut margins, &question.features, &question.vector);
        margins
    }

    #[test]
    fn products_are_of_what_both_have() {
        assert_eq!(sparse_product(&vec![(1, 0.6), (3, 0.8)], &vec![(0, 0.6), (3, 0.8)]), 0.8 * 0.8);
        assert_eq!(sparse_product(&vec![(1, 1.0)], &Vec::new()), 0.0);
    }

    #[test]
    fn a_taught_text_falls_to_its_topic_and_from_its_rivals() {
        let texts = [text(&[(3, 0.6), (5, 0.8)], &[0.4, -0.7, -0.9], 1)];
        let margins = margins_after(&texts, 3, &texts[0]);
        assert!(margins[1] > 0.6 && margins[0] < -0.6, "{margins:?}");
        assert_eq!(margins[2], -0.9);
    }

    #[test]
    fn a_new_topic_gets_its_own_texts_and_not_those_near_them() {
        let mut near = text(&[(3, 1.0)], &[0.8], 0);
        near.topic = None;
        let texts = [text(&[(3, 0.6), (5, 0.8)], &[-0.6], 1), near];
        let new = |question: &Text| margins_after(&texts, 2, question)[1];
        assert!(new(&texts[0]) > 0.3 && new(&texts[1]) < -0.5, "{} {}", new(&texts[0]), new(&texts[1]));
    }

    #[test]
    fn a_forgotten_text_no_longer_counts() {
        let mut forgotten = text(&[(3, 1.0)], &[0.7, -1.0], 0);
        forgotten.forgotten = true;
        let margins = margins_after(&[forgotten], 2, &text(&[(3, 1.0)], &[0.7, -1.0], 0));
        assert!(margins[0] < -0.5, "{margins:?}");
    }

    #[test]
    fn the_order_of_the_texts_hardly_matters() {
        let make = || {
            vec![
                text(&[(1, 1.0)], &[0.1, -0.2], 0),
                text(&[(1, 0.6), (2, 0.8)], &[0.3, 0.0], 1),
                text(&[(2, 1.0)], &[-0.4, -0.4], 1),
            ]
        };
        let question = text(&[(1, 0.8), (2, 0.6)], &[0.0, 0.0], 0);
        let mut turned = make();
        turned.reverse();
        let (one, other) = (margins_after(&make(), 2, &question), margins_after(&turned, 2, &question));
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 0.02), "{one:?} {other:?}");
    }
}
