//! Fits the trees of `src/understanding/confidence.rs` and writes `data/confidence.json`.
//!
//! `cargo run --release --example calibrate -- tests/questions/calibration.jsonl … [test=tests/questions/development.jsonl]`
//!
//! A case is a question with the best topic that the sources answer: right if that topic is the one. Cases come from
//!
//! * the example questions, a fifth of them held out at a time together with a fifth of the silent topics, which then
//!   stand for what nobody foresaw;
//! * the given files of questions, asked with and without the silent topics. They count three times as much as all examples.
//!
//! Gradient boosting with logistic loss on the candidates' signs gives the chance that one is right. Printed is, for
//! several thresholds, what would be answered rightly and wrongly: on these questions by trees that were fitted without
//! the fifth that a question is in, and on the questions of `test=` files.

use std::collections::BTreeSet;
use std::fs;

use routedesk::desk::Desk;
use routedesk::eval::{self, Kind, Question, Verdict};
use routedesk::facts::{Facts, text};
use routedesk::understanding::confidence::{Confidence, DIRECTIONS, SIGNS, Tree};
use routedesk::understanding::message::understand;
use routedesk::understanding::{Answerable, Index, Lessons, normalise};
use routedesk::utterance::Utterance;

/// How much more a wrong answer costs than a right one that is withheld.
const COST_OF_WRONG: f64 = 2.0;

/// In how many parts the examples are held out.
const FOLDS: usize = 5;

/// How many trees, how much of each vote counts, and how many cases a leaf must have.
const TREES: usize = 120;
const RATE: f64 = 0.06;
const LEAST: f64 = 12.0;

/// What holds votes of small leaves back.
const SHRINKAGE: f64 = 4.0;

#[derive(Clone, Copy)]
struct Case {
    signs: [f32; SIGNS],
    right: bool,
    /// Whether the topic has anything of what is asked for; without it, it is no answer anyway.
    possible: bool,
    weight: f64,
    /// Which question it is, and whether it was asked without the silent topics.
    question: u32,
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
            questions.retain(|question| question.kind != Kind::Social && question.group != "several");
            cases.extend(questions.iter().filter_map(|question| best_case(desk, question)));
        }
        Ok(cases)
    };
    let cases = gather(&trains, &desks[0])?;
    let bare = gather(&trains, &desks[1])?;
    let mut held_out = held_out_cases(&text::shipped());
    let share = (cases.len() + bare.len()) as f64 / held_out.len() as f64 / 3.0;
    held_out.iter_mut().for_each(|case| case.weight = share);
    println!("{} questions, {} without silent topics, {} held-out examples", cases.len(), bare.len(), held_out.len());
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
    for fold in 0..FOLDS {
        let (out, kept): (Vec<Case>, Vec<Case>) =
            cases.iter().partition(|case| case.weight == 1.0 && case.question as usize % FOLDS == fold);
        scores.extend(scored(&fit(&kept), &out));
    }
    let (bare, with): (Vec<Scored>, Vec<Scored>) = scores.into_iter().partition(|(_, case)| case.bare);
    report("cross-validated", &with);
    report("cross-validated, without silent topics", &bare);
}

fn report(name: &str, scores: &[Scored]) {
    println!("\n{name}: area under the curve {:.3}", area(scores));
    println!("{:<11}{:>8}{:>8}{:>16}", "threshold", "right", "wrong", "right withheld");
    for threshold in (20..=80).step_by(5).map(|percent| f64::from(percent) / 100.0) {
        let count = |answered: bool, right: bool| {
            scores.iter().filter(|(chance, case)| (*chance >= threshold) == answered && case.right == right).count()
        };
        println!("{threshold:<11.2}{:>8}{:>8}{:>16}", count(true, true), count(true, false), count(false, true));
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
        let lessons = Lessons::gather(&kept, true);
        let model = Index::train(&lessons);
        let index = Index::with_model(lessons, model);
        cases.extend(asked.iter().filter_map(|(topic, example)| held_out_case(facts, &index, topic, example)));
    }
    cases
}

fn held_out_case(facts: &Facts, index: &Index, topic: &str, example: &str) -> Option<Case> {
    let trace = index.decide(&index.mended_words(&normalise::clean(example)));
    let best = trace.candidates.first()?;
    let found = &index.topics()[best.topic];
    if found.answerable != Answerable::Yes {
        return None;
    }
    let claims = |id: &str| -> BTreeSet<String> {
        let topic = facts.topics().find(|topic| topic.id == id && !topic.is_silent());
        topic.map(|topic| topic.claims.iter().take(3).cloned().collect()).unwrap_or_default()
    };
    // A topic that says the first claim of the other is as good.
    let (wanted, given) = (claims(topic), claims(&found.id));
    let first =
        facts.topics().find(|other| other.id == topic && !other.is_silent()).map(|topic| topic.claims[0].clone());
    let right = !wanted.is_empty() && first.is_some_and(|first| given.contains(&first));
    let signs = best.signs(trace.content, trace.words.len());
    Some(Case { signs, right, possible: best.is_possible(), weight: 1.0, question: 0, bare: false })
}

/// The best candidate of a question, if the sources answer it.
fn best_case(desk: &Desk, question: &Question) -> Option<Case> {
    let index = desk.index();
    let traces = understand(&index, &Utterance::new(&question.q));
    let [trace] = &traces[..] else { return None };
    let best = trace.candidates.first()?;
    if index.topics()[best.topic].answerable != Answerable::Yes {
        return None;
    }
    let reply = desk.topic(&index.topics()[best.topic].id);
    let right = question.kind != Kind::Unknown && eval::judge_reply(question, &reply).0 == Verdict::Right;
    let signs = best.signs(trace.content, trace.words.len());
    let number = xxhash_rust::xxh3::xxh3_64(question.id.as_bytes()) as u32;
    let bare = index.topics().iter().all(|topic| topic.answerable != Answerable::No);
    Some(Case { signs, right, possible: best.is_possible(), weight: 1.0, question: number, bare })
}

fn chance(confidence: &Confidence, case: &Case) -> f64 {
    if case.possible { f64::from(confidence.chance(&case.signs)) } else { 0.0 }
}

/// Gradient boosting with logistic loss; a wrong case counts as [`COST_OF_WRONG`] right ones.
fn fit(cases: &[Case]) -> Confidence {
    let cases: Vec<&Case> = cases.iter().filter(|case| case.possible).collect();
    let weight = |case: &Case| case.weight * if case.right { 1.0 } else { COST_OF_WRONG };
    let total: f64 = cases.iter().map(|case| weight(case)).sum();
    let right: f64 = cases.iter().filter(|case| case.right).map(|case| weight(case)).sum();
    let mut confidence = Confidence { constant: (right / (total - right)).ln() as f32, trees: Vec::new() };
    let mut sums = vec![f64::from(confidence.constant); cases.len()];
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
        let all: Vec<usize> = (0..cases.len()).collect();
        grow(&mut tree, 0, &all, &cases, &slopes, (f64::NEG_INFINITY, f64::INFINITY));
        for (sum, case) in sums.iter_mut().zip(&cases) {
            *sum += f64::from(tree.vote(&case.signs));
        }
        confidence.trees.push(tree);
    }
    confidence
}

/// Splits a node where it helps most, within bounds that keep each sign pointing its way.
fn grow(tree: &mut Tree, node: usize, inside: &[usize], cases: &[&Case], slopes: &[(f64, f64)], bounds: (f64, f64)) {
    if node >= 7 {
        tree.votes[node - 7] = (RATE * vote(inside, slopes).clamp(bounds.0, bounds.1)) as f32;
        return;
    }
    let Some((sign, threshold)) = best_split(inside, cases, slopes, bounds) else {
        tree.splits[node] = (0, f32::MAX);
        grow(tree, 2 * node + 1, inside, cases, slopes, bounds);
        grow(tree, 2 * node + 2, inside, cases, slopes, bounds);
        return;
    };
    tree.splits[node] = (sign as u8, threshold);
    let (above, below): (Vec<usize>, Vec<usize>) = inside.iter().partition(|at| cases[**at].signs[sign] > threshold);
    let middle =
        (vote(&above, slopes).clamp(bounds.0, bounds.1) + vote(&below, slopes).clamp(bounds.0, bounds.1)) / 2.0;
    let (lower, upper) = ((bounds.0, middle), (middle, bounds.1));
    let (for_below, for_above) = match DIRECTIONS[sign] {
        1 => (lower, upper),
        -1 => (upper, lower),
        _ => (bounds, bounds),
    };
    grow(tree, 2 * node + 1, &below, cases, slopes, for_below);
    grow(tree, 2 * node + 2, &above, cases, slopes, for_above);
}

/// The best vote of a leaf with these cases.
fn vote(inside: &[usize], slopes: &[(f64, f64)]) -> f64 {
    let (slope, curve) = inside.iter().fold((0.0, 0.0), |(s, c), at| (s + slopes[*at].0, c + slopes[*at].1));
    slope / (curve + SHRINKAGE)
}

fn best_split(inside: &[usize], cases: &[&Case], slopes: &[(f64, f64)], bounds: (f64, f64)) -> Option<(usize, f32)> {
    let gain = |slope: f64, curve: f64| {
        let vote = (slope / (curve + SHRINKAGE)).clamp(bounds.0, bounds.1);
        2.0 * slope * vote - (curve + SHRINKAGE) * vote * vote
    };
    let (slope, curve) = inside.iter().fold((0.0, 0.0), |(s, c), at| (s + slopes[*at].0, c + slopes[*at].1));
    let mass: f64 = inside.iter().map(|at| cases[*at].weight).sum();
    let mut best: Option<(f64, usize, f32)> = None;
    for (sign, direction) in DIRECTIONS.into_iter().enumerate() {
        let mut order = inside.to_vec();
        order.sort_by(|a, b| cases[*a].signs[sign].total_cmp(&cases[*b].signs[sign]));
        let (mut s, mut c, mut m) = (0.0, 0.0, 0.0);
        for pair in order.windows(2) {
            (s, c, m) = (s + slopes[pair[0]].0, c + slopes[pair[0]].1, m + cases[pair[0]].weight);
            let (value, next) = (cases[pair[0]].signs[sign], cases[pair[1]].signs[sign]);
            if value == next || m < LEAST || mass - m < LEAST {
                continue;
            }
            let rises = (slope - s) / (curve - c + SHRINKAGE) - s / (c + SHRINKAGE);
            if f64::from(direction) * rises < 0.0 {
                continue;
            }
            let better = gain(s, c) + gain(slope - s, curve - c) - gain(slope, curve);
            if best.is_none_or(|(most, _, _)| better > most + 1e-9) && better > 1e-6 {
                best = Some((better, sign, (value + next) / 2.0));
            }
        }
    }
    best.map(|(_, sign, threshold)| (sign, threshold))
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
