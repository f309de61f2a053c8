//! Fits the trees of `src/understanding/confidence.rs` and writes `data/confidence.json`.
//!
//! `cargo run --release --example calibrate -- tests/questions/calibration.jsonl … [test=tests/questions/development.jsonl]`
//!
//! A case is a question with one of its candidate topics: right if that topic answers it, or is the silent one that it
//! belongs to. Cases
//! come from
//!
//! * the example questions, a fifth of them held out at a time together with a fifth of the silent topics, which then
//!   stand for what nobody foresaw;
//! * the given files of questions, asked with and without the silent topics. They count three times as much as all
//!   examples.
//!
//! Gradient boosting with logistic loss on the candidates' signs gives the chance that one is right. Printed is, for
//! several thresholds, how many questions would be answered rightly and wrongly from the likeliest candidate: these
//! questions by trees that were fitted without the fifth that a question is in, and the questions of `test=` files.

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

/// How much more a wrong answer costs than a right one that is withheld.
const COST_OF_WRONG: f64 = 2.0;

/// In how many parts the examples are held out.
const FOLDS: usize = 5;

/// How many trees, how much of each vote counts, and how many cases a leaf must have.
const TREES: usize = 200;
const RATE: f64 = 0.08;
const LEAST: f64 = 20.0;

/// The share of the cases and of the signs that each tree sees; trees that see different things err differently.
const SHARE: f64 = 0.7;

/// Among how many thresholds of a sign a split is sought.
const BINS: usize = 64;

/// What holds votes of small leaves back.
const SHRINKAGE: f64 = 4.0;

#[derive(Clone, Copy)]
struct Case {
    features: [f32; CANDIDATE_FEATURES],
    right: bool,
    /// Whether the sources answer the topic.
    answers: bool,
    /// Whether the topic has anything of what is asked for; without it, it is no answer anyway.
    possible: bool,
    weight: f64,
    /// Which question it is, whether it has an answer, and whether it was asked without the silent topics.
    question: u64,
    answerable: bool,
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

/// A case's chance, whether it is right, and how much it counts.
type Scored = (f64, Case);

fn scored(confidence: &Confidence, cases: &[Case]) -> Vec<Scored> {
    cases.iter().map(|case| (chance(confidence, case), *case)).collect()
}

/// Reports on every question by trees that haven't seen it, nor the same question asked without the silent topics.
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

/// Cases from the examples, each asked of an index that hasn't seen it.
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
    // A topic that says the first claim of the other is as good.
    let is_right = |candidate: usize| {
        if index.topics()[candidate].id == topic {
            return true;
        }
        let claims = answering(&index.topics()[candidate].id).map_or(&[][..], |topic| &topic.claims[..]);
        first.is_some_and(|first| claims.iter().take(3).any(|claim| claim == first))
    };
    cases_from(index, &trace, 0, first.is_some(), is_right)
}

/// The cases of a question that stays one question.
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

/// Gradient boosting with logistic loss; a wrong case counts as [`COST_OF_WRONG`] right ones.
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

/// The next number from 0 to 1 of a xorshift generator, which gives the same numbers every time.
fn draw(random: &mut u64) -> f64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    (*random >> 11) as f64 / (1u64 << 53) as f64
}

/// Slope, curve and weight of some cases, added up.
type Sums = (f64, f64, f64);

/// Grows trees on cases whose signs are put into bins once.
struct Grower<'a> {
    cases: &'a [&'a Case],
    /// The upper end of each sign's bins.
    ends: Vec<Vec<f32>>,
    /// The bins of each case.
    bins: Vec<[u8; CANDIDATE_FEATURES]>,
    /// The signs that the next tree looks at.
    features: Vec<usize>,
}

impl<'a> Grower<'a> {
    fn new(cases: &'a [&'a Case]) -> Self {
        let ends: Vec<Vec<f32>> = (0..CANDIDATE_FEATURES).map(|sign| bin_ends(cases, sign)).collect();
        let bin = |case: &Case, sign: usize| ends[sign].partition_point(|end| *end < case.features[sign]) as u8;
        let bins = cases.iter().map(|case| std::array::from_fn(|sign| bin(case, sign))).collect();
        Self { cases, ends, bins, features: Vec::new() }
    }

    /// Splits a node where it helps most, within bounds that keep each sign pointing its way.
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

    /// The sign and the bin behind which a split gains most.
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

/// Values between which a sign's cases are spread evenly.
fn bin_ends(cases: &[&Case], sign: usize) -> Vec<f32> {
    let mut values: Vec<f32> = cases.iter().map(|case| case.features[sign]).collect();
    values.sort_by(f32::total_cmp);
    let mut ends: Vec<f32> = (1..BINS).map(|bin| values[values.len() * bin / BINS]).collect();
    ends.dedup();
    ends
}

/// The best vote of a leaf with these cases.
fn vote(inside: &[usize], slopes: &[(f64, f64)]) -> f64 {
    let (slope, curve) = inside.iter().fold((0.0, 0.0), |(s, c), at| (s + slopes[*at].0, c + slopes[*at].1));
    slope / (curve + SHRINKAGE)
}

/// The chance that a right case looks likelier than a wrong one.
fn area(scores: &[Scored]) -> f64 {
    let chances = |right: bool| -> Vec<f64> {
        scores.iter().filter(|(_, case)| case.right == right).map(|(chance, _)| *chance).collect()
    };
    let (right, wrong) = (chances(true), chances(false));
    let above: usize = right.iter().map(|r| wrong.iter().filter(|w| r > *w).count()).sum();
    above as f64 / (right.len() * wrong.len()).max(1) as f64
}
