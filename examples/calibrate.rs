//! Fits the weights of the confidence in `src/understanding/decide.rs`.
//!
//! `cargo run --release --example calibrate -- tests/questions/calibration.jsonl … [test=tests/questions/development.jsonl]`
//!
//! A case is a question with the best topic that the sources answer: right if that topic is the one. Cases come from
//!
//! * the example questions, a fifth of them held out at a time together with a fifth of the silent topics, which then
//!   stand for what nobody foresaw;
//! * the given files of questions, asked with and without the silent topics. They count as much as all examples.
//!
//! A logistic regression on the candidate's signs gives the chance that it is right. Printed are the weights and, for
//! several thresholds, what would be answered rightly and wrongly.

use std::collections::BTreeSet;
use std::fs;

use routedesk::desk::{Desk, understand};
use routedesk::eval::{self, Kind, Question, Verdict};
use routedesk::facts::{Facts, text};
use routedesk::understanding::decide::SIGNS;
use routedesk::understanding::{Answerable, Index, Lessons, normalise};
use routedesk::utterance::Utterance;

/// How much more a wrong answer costs than a right one that is withheld.
const COST_OF_WRONG: f64 = 2.0;

/// In how many parts the examples are held out.
const FOLDS: usize = 5;

/// Which way each sign can only point, whatever some cases suggest: an unexplained word never makes a topic likelier.
const DIRECTIONS: [i8; SIGNS] = [1, 1, 1, -1, -1, -1, -1, -1, -1, 1, -1, -1, 0, 1];

#[derive(Clone, Copy)]
struct Case {
    signs: [f32; SIGNS],
    right: bool,
    weight: f64,
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
    let share = (cases.len() + bare.len()) as f64 / held_out.len() as f64;
    held_out.iter_mut().for_each(|case| case.weight = share);
    let weights = fit(&[cases.clone(), bare.clone(), held_out.clone()].concat());
    println!("area under the curve: questions {:.3}, without silent topics {:.3}, held-out examples {:.3}", area(&weights, &cases), area(&weights, &bare), area(&weights, &held_out));
    if !tests.is_empty() {
        let (cases, bare) = (gather(&tests, &desks[0])?, gather(&tests, &desks[1])?);
        println!("on other questions:   {:.3}, without silent topics {:.3}", area(&weights, &cases), area(&weights, &bare));
        table(&weights, &cases);
    }
    println!("{}, {} and {} cases", cases.len(), bare.len(), held_out.len());
    println!("const WEIGHTS: [f32; SIGNS] = {:.2?};\nconst CONSTANT: f32 = {:.2};", &weights[..SIGNS], weights[SIGNS]);
    table(&weights, &cases);
    Ok(())
}

fn table(weights: &[f64; SIGNS + 1], cases: &[Case]) {
    println!("\n{:<11}{:>8}{:>8}{:>16}", "threshold", "right", "wrong", "right withheld");
    for threshold in (30..=80).step_by(5).map(|percent| f64::from(percent) / 100.0) {
        let count = |answered: bool, right: bool| {
            cases.iter().filter(|case| (chance(weights, case) >= threshold) == answered && case.right == right).count()
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
    let first = facts.topics().find(|other| other.id == topic && !other.is_silent()).map(|topic| topic.claims[0].clone());
    let right = !wanted.is_empty() && first.is_some_and(|first| given.contains(&first));
    Some(Case { signs: best.signs(trace.content), right, weight: 1.0 })
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
    Some(Case { signs: best.signs(trace.content), right, weight: 1.0 })
}

fn chance(weights: &[f64; SIGNS + 1], case: &Case) -> f64 {
    let sum: f64 = case.signs.iter().zip(weights).map(|(sign, weight)| f64::from(*sign) * weight).sum();
    1.0 / (1.0 + (-(sum + weights[SIGNS])).exp())
}

/// Logistic regression with a little shrinkage, by plain gradient descent: there are few cases and it must be
/// repeatable.
fn fit(cases: &[Case]) -> [f64; SIGNS + 1] {
    let mut weights = [0.0; SIGNS + 1];
    for _ in 0..4_000 {
        let mut gradient = [0.0; SIGNS + 1];
        for case in cases {
            let error = chance(&weights, case) - f64::from(u8::from(case.right));
            let error = case.weight * if case.right { error } else { COST_OF_WRONG * error };
            for (sum, sign) in gradient.iter_mut().zip(case.signs.iter().map(|sign| f64::from(*sign)).chain([1.0])) {
                *sum += error * sign / cases.len() as f64;
            }
        }
        for (at, (weight, slope)) in weights.iter_mut().zip(gradient).enumerate() {
            *weight -= 1.0 * (slope + 0.0005 * *weight);
            *weight = match DIRECTIONS.get(at) {
                Some(1) => weight.max(0.0),
                Some(-1) => weight.min(0.0),
                _ => *weight,
            };
        }
    }
    weights
}

/// The chance that a right case looks likelier than a wrong one.
fn area(weights: &[f64; SIGNS + 1], cases: &[Case]) -> f64 {
    let chances = |right: bool| -> Vec<f64> {
        cases.iter().filter(|case| case.right == right).map(|case| chance(weights, case)).collect()
    };
    let (right, wrong) = (chances(true), chances(false));
    let above: usize = right.iter().map(|r| wrong.iter().filter(|w| r > *w).count()).sum();
    above as f64 / (right.len() * wrong.len()).max(1) as f64
}
