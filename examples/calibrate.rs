//! Fits the weights of the confidence in `src/understanding/decide.rs` on questions that are no examples.
//!
//! `cargo run --release --example calibrate -- tests/questions/calibration.jsonl …`
//!
//! For each question that isn't several in one, every close candidate that the sources answer is a case: right if the
//! answer of its topic is a right reply to the question. A logistic regression on the candidate's signs gives the chance
//! of that. Printed are the weights and, for several thresholds, what would be answered rightly and wrongly.

use std::fs;

use routedesk::desk::Desk;
use routedesk::eval::{self, Kind, Question, Verdict};
use routedesk::understanding::decide::SIGNS;
use routedesk::understanding::{Answerable, normalise};

/// How much more a wrong answer costs than a right one that is withheld.
const COST_OF_WRONG: f64 = 2.0;

/// Which way each sign can only point, whatever a few hundred cases suggest: an unexplained word never makes a topic
/// likelier.
const DIRECTIONS: [i8; SIGNS] = [1, 1, 1, -1, -1, 1, -1, 0, -1];

#[derive(Clone, Copy)]
struct Case {
    signs: [f32; SIGNS],
    right: bool,
}

fn main() -> anyhow::Result<()> {
    let (tests, trains): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|path| path.starts_with("test="));
    // Also without the silent topics: the desk must know by itself what nobody foresaw.
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
    let weights = fit(&[cases.clone(), bare.clone()].concat());
    println!("area under the curve: {:.3}, without silent topics {:.3}", area(&weights, &cases), area(&weights, &bare));
    if !tests.is_empty() {
        let (cases, bare) = (gather(&tests, &desks[0])?, gather(&tests, &desks[1])?);
        println!("on other questions:   {:.3}, without silent topics {:.3}", area(&weights, &cases), area(&weights, &bare));
    }
    println!("{} and {} cases", cases.len(), bare.len());
    println!("const WEIGHTS: [f32; SIGNS] = {:.2?};\nconst CONSTANT: f32 = {:.2};", &weights[..SIGNS], weights[SIGNS]);
    println!("\n{:<11}{:>8}{:>8}{:>16}", "threshold", "right", "wrong", "right withheld");
    for threshold in (30..=80).step_by(5).map(|percent| f64::from(percent) / 100.0) {
        let count = |answered: bool, right: bool| {
            cases.iter().filter(|case| (chance(&weights, case) >= threshold) == answered && case.right == right).count()
        };
        println!("{threshold:<11.2}{:>8}{:>8}{:>16}", count(true, true), count(true, false), count(false, true));
    }
    Ok(())
}

/// The best candidate of a question, if the sources answer it.
fn best_case(desk: &Desk, question: &Question) -> Option<Case> {
    let index = desk.index();
    let trace = index.decide(&index.mended_words(&normalise::clean(&question.q)));
    let best = trace.candidates.first()?;
    if index.topics()[best.topic].answerable != Answerable::Yes {
        return None;
    }
    let reply = desk.topic(&index.topics()[best.topic].id);
    let right = question.kind != Kind::Unknown && eval::judge_reply(question, &reply).0 == Verdict::Right;
    Some(Case { signs: best.signs(trace.content), right })
}

fn chance(weights: &[f64; SIGNS + 1], case: &Case) -> f64 {
    let sum: f64 = case.signs.iter().zip(weights).map(|(sign, weight)| f64::from(*sign) * weight).sum();
    1.0 / (1.0 + (-(sum + weights[SIGNS])).exp())
}

/// Logistic regression with a little shrinkage, by plain gradient descent: there are few cases and it must be
/// repeatable.
fn fit(cases: &[Case]) -> [f64; SIGNS + 1] {
    let mut weights = [0.0; SIGNS + 1];
    for _ in 0..20_000 {
        let mut gradient = [0.0; SIGNS + 1];
        for case in cases {
            let error = chance(&weights, case) - f64::from(u8::from(case.right));
            let error = if case.right { error } else { COST_OF_WRONG * error };
            for (sum, sign) in gradient.iter_mut().zip(case.signs.iter().map(|sign| f64::from(*sign)).chain([1.0])) {
                *sum += error * sign / cases.len() as f64;
            }
        }
        for (at, (weight, slope)) in weights.iter_mut().zip(gradient).enumerate() {
            *weight -= 0.5 * (slope + 0.001 * *weight);
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
