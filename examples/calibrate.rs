//! Fits the trees of `src/understanding/confidence.rs` and writes `data/confidence.json`.
//!
//! `cargo run --release --example calibrate -- tests/questions/calibration.jsonl … [test=FILE …]`
//!
//! A case is a question with one of its candidate topics. It is right if the topic answers the question, or if it is
//! the silent topic of the question. The cases come from
//!
//! * the example questions of the topics. A fifth of them is held out at a time, together with a fifth of the silent
//!   topics, whose questions stand for those that nobody foresaw;
//! * the question files in the arguments, asked with and without the silent topics. Together they weigh three times as
//!   much as the example questions.
//!
//! Gradient boosting with logistic loss on the candidates' features gives the probability that a candidate is right.
//! The tables show, for several thresholds, how many questions the likeliest candidate would answer rightly and
//! wrongly: for the question files by 5-fold cross-validation, and for the `test=` files by the final trees.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use routedesk::desk::Desk;
use routedesk::eval::{self, EvalQuestion, ExpectedReply, Verdict};
use routedesk::facts::{Facts, text};
use routedesk::language::Language;
use routedesk::store::Scope;
use routedesk::understanding::confidence::{CANDIDATE_FEATURES, Confidence, DIRECTIONS, Tree};
use routedesk::understanding::message::understand;
use routedesk::understanding::{Answerable, Candidate, Index, Trace, Trained, TrainingSet, normalise};
use routedesk::utterance::Utterance;

/// The weight of a wrong case relative to a right one: a wrong answer costs more than a withheld right one.
const COST_OF_WRONG: f64 = 2.0;

/// The number of folds, for held-out examples and for cross-validation.
const FOLDS: usize = 5;

/// The number of trees, the learning rate, and the least weight of the cases on each side of a split.
const TREES: usize = 200;
const RATE: f64 = 0.08;
const LEAST: f64 = 20.0;

/// The share of the cases and of the features that each tree sees: trees that see different data make different errors.
const SHARE: f64 = 0.7;

/// The most bins per feature. Splits are sought at their ends only.
const BINS: usize = 64;

/// L2 regularisation of the votes, which shrinks those of small leaves.
const SHRINKAGE: f64 = 4.0;

/// A candidate topic of a question.
#[derive(Clone, Copy)]
struct Case {
    features: [f32; CANDIDATE_FEATURES],
    right: bool,
    /// True if the sources answer the topic.
    answers: bool,
    /// False if the topic lacks what the question asks for, such as a date. The desk rejects it without the trees.
    possible: bool,
    weight: f64,
    /// Checksum of the question's id; 0 for example questions.
    question: u64,
    /// True if the sources answer the question.
    answerable: bool,
    /// True if the question was asked without the silent topics.
    bare: bool,
}

fn main() -> anyhow::Result<()> {
    let (tests, trains): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|path| path.starts_with("test="));
    let desks = [Desk::on_shipped_facts(true)?, Desk::on_shipped_facts(false)?];
    let gather = |paths: &[String], desk: &Desk| -> anyhow::Result<Vec<Case>> {
        let mut cases = Vec::new();
        for path in paths {
            let mut questions = eval::read(&fs::read_to_string(path.trim_start_matches("test="))?)?;
            questions.retain(|question| question.kind != ExpectedReply::Social && question.group != "several");
            cases.extend(questions.iter().flat_map(|question| cases_of(desk, question)));
        }
        Ok(cases)
    };
    let cases = gather(&trains, &desks[0])?;
    let bare = gather(&trains, &desks[1])?;
    let mut held_out = held_out_cases(&text::shipped());
    let share = (cases.len() + bare.len()) as f64 / held_out.len() as f64 / 3.0;
    held_out.iter_mut().for_each(|case| case.weight = share);
    println!("{} cases, {} without silent topics, {} from held-out examples", cases.len(), bare.len(), held_out.len());
    let all = [cases, bare, held_out].concat();
    cross_validate(&all);
    let confidence = fit(&all);
    if !tests.is_empty() {
        report("other questions", &scored(&confidence, &gather(&tests, &desks[0])?));
        report("other questions, without silent topics", &scored(&confidence, &gather(&tests, &desks[1])?));
    }
    fs::write("data/confidence.json", serde_json::to_string(&confidence)? + "\n")?;
    Ok(())
}

/// A case with its predicted probability.
type Scored = (f64, Case);

fn scored(confidence: &Confidence, cases: &[Case]) -> Vec<Scored> {
    cases.iter().map(|case| (chance(confidence, case), *case)).collect()
}

/// Reports on the questions of the files by cross-validation. A question is in the same fold with and without the
/// silent topics.
fn cross_validate(cases: &[Case]) {
    let mut scores = Vec::new();
    for fold in 0..FOLDS as u64 {
        let (out, kept): (Vec<Case>, Vec<Case>) =
            cases.iter().partition(|case| case.question != 0 && case.question % FOLDS as u64 == fold);
        scores.extend(scored(&fit(&kept), &out));
    }
    let (bare, with): (Vec<Scored>, Vec<Scored>) = scores.into_iter().partition(|(_, case)| case.bare);
    report("cross-validated", &with);
    report("cross-validated, without silent topics", &bare);
}

fn report(name: &str, scores: &[Scored]) {
    let mut likeliest: BTreeMap<u64, Scored> = BTreeMap::new();
    for (chance, case) in scores {
        let best = likeliest.entry(case.question).or_insert((*chance, *case));
        if *chance > best.0 {
            *best = (*chance, *case);
        }
    }
    let questions: Vec<Scored> = likeliest.into_values().collect();
    let all = |answerable: bool| questions.iter().filter(|(_, case)| case.answerable == answerable).count();
    let answers: Vec<Scored> = questions.iter().filter(|(_, case)| case.answers).copied().collect();
    println!("\n{name}: area under the curve {:.3}", area(&answers));
    println!("{:<11}{:>22}{:>8}{:>24}", "threshold", "answerable: right", "wrong", "unanswerable: answered");
    for threshold in (15..=80).step_by(5).map(|percent| f64::from(percent) / 100.0) {
        let count = |answerable: bool, right: bool| {
            let counts = |(chance, case): &&Scored| {
                *chance >= threshold && case.answers && case.answerable == answerable && case.right == right
            };
            questions.iter().filter(counts).count() as f64 / all(answerable).max(1) as f64 * 100.0
        };
        println!(
            "{threshold:<11.2}{:>20.1} %{:>6.1} %{:>22.1} %",
            count(true, true),
            count(true, false),
            count(false, false)
        );
    }
}

/// Returns the cases of the example questions, each asked with an index that was trained without it.
fn held_out_cases(facts: &Facts) -> Vec<Case> {
    let mut cases = Vec::new();
    for fold in 0..FOLDS {
        let (mut kept, mut asked) = (facts.clone(), Vec::new());
        let mut number = 0;
        for topic in kept.subjects.iter_mut().flat_map(|subject| &mut subject.topics) {
            number += 1;
            let unforeseen = topic.is_silent() && number % FOLDS == fold;
            let mut at = 0;
            topic.examples.retain(|example| {
                at += 1;
                let held_out = unforeseen || at % FOLDS == fold;
                if held_out {
                    asked.push((topic.id.clone(), example.clone()));
                }
                !held_out
            });
        }
        for subject in &mut kept.subjects {
            subject.topics.retain(|topic| !topic.examples.is_empty());
        }
        let training_set = TrainingSet::gather(&kept, true);
        let model = Trained::train(&training_set);
        let index = Index::of(Arc::new(Trained::with_model(training_set, model)));
        cases.extend(asked.iter().flat_map(|(topic, example)| held_out_cases_of(facts, &index, topic, example)));
    }
    cases
}

fn held_out_cases_of(facts: &Facts, index: &Index, topic: &str, example: &str) -> Vec<Case> {
    let trace = index.decide(&index.mended_words(&normalise::clean(example)));
    let answering = |id: &str| facts.topics().find(|topic| topic.id == id && !topic.is_silent());
    let first = answering(topic).map(|topic| &topic.claims[0]);
    // A topic whose answer includes the first claim of the right topic is right, too.
    let is_right = |candidate: usize| {
        if index.topics()[candidate].id == topic {
            return true;
        }
        let claims = answering(&index.topics()[candidate].id).map_or(&[][..], |topic| &topic.claims[..]);
        first.is_some_and(|first| claims.iter().take(3).any(|claim| claim == first))
    };
    cases_from(index, &trace, 0, first.is_some(), is_right)
}

/// Returns the cases of a question; none if the desk splits it into several questions.
fn cases_of(desk: &Desk, question: &EvalQuestion) -> Vec<Case> {
    let index = desk.index();
    let traces = understand(&index, &Utterance::new(&question.q));
    let [trace] = &traces[..] else { return Vec::new() };
    let answerable = question.kind != ExpectedReply::Unknown;
    let is_right = |topic: usize| {
        let topic = &index.topics()[topic];
        match topic.answerable {
            Answerable::Yes => {
                answerable
                    && eval::judge_reply(question, &desk.topic(&Scope::Shared, &topic.id, Language::English)).0
                        == Verdict::Right
            }
            _ => question.topic.as_ref() == Some(&topic.id),
        }
    };
    cases_from(&index, trace, xxhash_rust::xxh3::xxh3_64(question.id.as_bytes()), answerable, is_right)
}

fn cases_from(
    index: &Index,
    trace: &Trace,
    question: u64,
    answerable: bool,
    is_right: impl Fn(usize) -> bool,
) -> Vec<Case> {
    let bare = index.topics().iter().all(|topic| topic.answerable != Answerable::No);
    let answers = |candidate: &Candidate| index.topics()[candidate.topic].answerable == Answerable::Yes;
    let case = |candidate: &Candidate| Case {
        features: candidate.features(trace.content, trace.words.len()),
        right: is_right(candidate.topic),
        answers: answers(candidate),
        possible: !answers(candidate) || candidate.is_possible(),
        weight: 1.0,
        question,
        answerable,
        bare,
    };
    trace.candidates.iter().map(case).collect()
}

fn chance(confidence: &Confidence, case: &Case) -> f64 {
    if case.possible { f64::from(confidence.chance(&case.features)) } else { 0.0 }
}

/// Fits the trees by gradient boosting with logistic loss.
fn fit(cases: &[Case]) -> Confidence {
    let cases: Vec<&Case> = cases.iter().filter(|case| case.possible).collect();
    let weight = |case: &Case| case.weight * if case.right { 1.0 } else { COST_OF_WRONG };
    let total: f64 = cases.iter().map(|case| weight(case)).sum();
    let right: f64 = cases.iter().filter(|case| case.right).map(|case| weight(case)).sum();
    let mut confidence = Confidence { constant: (right / (total - right)).ln() as f32, trees: Vec::new() };
    let mut sums = vec![f64::from(confidence.constant); cases.len()];
    let mut grower = Grower::new(&cases);
    let mut random = 0x2545_f491_4f6c_dd1d;
    for _ in 0..TREES {
        let slopes: Vec<(f64, f64)> = cases
            .iter()
            .zip(&sums)
            .map(|(case, sum)| {
                let chance = 1.0 / (1.0 + (-sum).exp());
                let weight = weight(case);
                (weight * (f64::from(u8::from(case.right)) - chance), weight * chance * (1.0 - chance))
            })
            .collect();
        let mut tree = Tree::default();
        let some: Vec<usize> = (0..cases.len()).filter(|_| draw(&mut random) < SHARE).collect();
        grower.features = (0..CANDIDATE_FEATURES).filter(|_| draw(&mut random) < SHARE).collect();
        grower.grow(&mut tree, 0, &some, &slopes, (f64::NEG_INFINITY, f64::INFINITY));
        for (sum, case) in sums.iter_mut().zip(&cases) {
            *sum += f64::from(tree.vote(&case.features));
        }
        confidence.trees.push(tree);
    }
    confidence
}

/// Returns the next number from 0 to 1 of a xorshift generator, for repeatable sampling.
fn draw(random: &mut u64) -> f64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    (*random >> 11) as f64 / (1u64 << 53) as f64
}

/// Sums of slope, curvature and weight over cases.
type Sums = (f64, f64, f64);

/// Grows trees on cases whose features are binned once.
struct Grower<'a> {
    cases: &'a [&'a Case],
    /// Upper ends of the bins of each feature, without that of the last bin.
    ends: Vec<Vec<f32>>,
    /// Bin of each feature, for each case.
    bins: Vec<[u8; CANDIDATE_FEATURES]>,
    /// Features that the next tree may split on.
    features: Vec<usize>,
}

impl<'a> Grower<'a> {
    fn new(cases: &'a [&'a Case]) -> Self {
        let ends: Vec<Vec<f32>> = (0..CANDIDATE_FEATURES).map(|sign| bin_ends(cases, sign)).collect();
        let bin = |case: &Case, sign: usize| ends[sign].partition_point(|end| *end < case.features[sign]) as u8;
        let bins = cases.iter().map(|case| std::array::from_fn(|sign| bin(case, sign))).collect();
        Self { cases, ends, bins, features: Vec::new() }
    }

    /// Splits a node where the gain is largest. `bounds` limit the votes below the node such that each feature keeps
    /// its direction.
    fn grow(&self, tree: &mut Tree, node: usize, inside: &[usize], slopes: &[(f64, f64)], bounds: (f64, f64)) {
        if node >= 7 {
            tree.votes[node - 7] = (RATE * vote(inside, slopes).clamp(bounds.0, bounds.1)) as f32;
            return;
        }
        let Some((sign, bin)) = self.best_split(inside, slopes, bounds) else {
            tree.splits[node] = (0, f32::MAX);
            self.grow(tree, 2 * node + 1, inside, slopes, bounds);
            self.grow(tree, 2 * node + 2, inside, slopes, bounds);
            return;
        };
        tree.splits[node] = (sign as u8, self.ends[sign][bin]);
        let (above, below): (Vec<usize>, Vec<usize>) =
            inside.iter().partition(|at| usize::from(self.bins[**at][sign]) > bin);
        let within = |cases: &[usize]| vote(cases, slopes).clamp(bounds.0, bounds.1);
        let middle = (within(&above) + within(&below)) / 2.0;
        let (lower, upper) = ((bounds.0, middle), (middle, bounds.1));
        let (for_below, for_above) = match DIRECTIONS[sign] {
            1 => (lower, upper),
            -1 => (upper, lower),
            _ => (bounds, bounds),
        };
        self.grow(tree, 2 * node + 1, &below, slopes, for_below);
        self.grow(tree, 2 * node + 2, &above, slopes, for_above);
    }

    /// Returns the feature and the bin after which a split gains most; `None` if no split helps.
    fn best_split(&self, inside: &[usize], slopes: &[(f64, f64)], bounds: (f64, f64)) -> Option<(usize, usize)> {
        let gain = |slope: f64, curve: f64| {
            let vote = (slope / (curve + SHRINKAGE)).clamp(bounds.0, bounds.1);
            2.0 * slope * vote - (curve + SHRINKAGE) * vote * vote
        };
        let mut histograms = vec![[(0.0, 0.0, 0.0); BINS]; CANDIDATE_FEATURES];
        for at in inside {
            let (slope, curve) = slopes[*at];
            for (histogram, bin) in histograms.iter_mut().zip(self.bins[*at]) {
                add(&mut histogram[usize::from(bin)], (slope, curve, self.cases[*at].weight));
            }
        }
        let mut whole = (0.0, 0.0, 0.0);
        histograms[0].iter().for_each(|sums| add(&mut whole, *sums));
        let mut best: Option<(f64, usize, usize)> = None;
        for &sign in &self.features {
            let direction = DIRECTIONS[sign];
            let mut below: Sums = (0.0, 0.0, 0.0);
            for (bin, sums) in histograms[sign].iter().enumerate().take(self.ends[sign].len()) {
                add(&mut below, *sums);
                let above = (whole.0 - below.0, whole.1 - below.1, whole.2 - below.2);
                let rises = above.0 / (above.1 + SHRINKAGE) - below.0 / (below.1 + SHRINKAGE);
                if below.2 < LEAST || above.2 < LEAST || f64::from(direction) * rises < 0.0 {
                    continue;
                }
                let better = gain(below.0, below.1) + gain(above.0, above.1) - gain(whole.0, whole.1);
                if best.is_none_or(|(most, _, _)| better > most + 1e-9) && better > 1e-6 {
                    best = Some((better, sign, bin));
                }
            }
        }
        best.map(|(_, sign, bin)| (sign, bin))
    }
}

fn add(sums: &mut Sums, other: Sums) {
    *sums = (sums.0 + other.0, sums.1 + other.1, sums.2 + other.2);
}

/// Returns the upper ends of bins that hold about the same number of cases of a feature.
fn bin_ends(cases: &[&Case], sign: usize) -> Vec<f32> {
    let mut values: Vec<f32> = cases.iter().map(|case| case.features[sign]).collect();
    values.sort_by(f32::total_cmp);
    let mut ends: Vec<f32> = (1..BINS).map(|bin| values[values.len() * bin / BINS]).collect();
    ends.dedup();
    ends
}

/// Returns the best vote of a leaf with these cases.
fn vote(inside: &[usize], slopes: &[(f64, f64)]) -> f64 {
    let (slope, curve) = inside.iter().fold((0.0, 0.0), |(s, c), at| (s + slopes[*at].0, c + slopes[*at].1));
    slope / (curve + SHRINKAGE)
}

/// Returns the area under the ROC curve: the probability that a right case scores above a wrong one.
fn area(scores: &[Scored]) -> f64 {
    let chances = |right: bool| -> Vec<f64> {
        scores.iter().filter(|(_, case)| case.right == right).map(|(chance, _)| *chance).collect()
    };
    let (right, wrong) = (chances(true), chances(false));
    let above: usize = right.iter().map(|r| wrong.iter().filter(|w| r > *w).count()).sum();
    above as f64 / (right.len() * wrong.len()).max(1) as f64
}
