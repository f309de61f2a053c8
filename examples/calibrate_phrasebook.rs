//! Fits the weights of `src/understanding/reader.rs` and prints them.
//!
//! `cargo run --release --example calibrate_phrasebook -- tests/questions/languages_calibration.jsonl [test=FILE …]`
//!
//! A case is a question with one of its candidate topics. It is right if the topic is the question's, or has the same
//! first claim. The weights are fitted by logistic regression: gradient descent on standardised features, with weight
//! decay. The tables show, for several thresholds, how many questions would be answered rightly and wrongly: for the
//! first files by 5-fold cross-validation, and for the `test=` files by the final weights.

use std::fs;

use routedesk::desk::Desk;
use routedesk::eval::{self, EvalQuestion, ExpectedReply};
use routedesk::facts::{Facts, text};
use routedesk::understanding::message::understand;
use routedesk::understanding::reader::{CANDIDATE_FEATURES, candidate_features};
use routedesk::understanding::{Answerable, Candidate};
use routedesk::utterance::Utterance;

const FOLDS: usize = 5;
const STEPS: usize = 4_000;
const RATE: f64 = 0.3;
const DECAY: f64 = 1e-3;

#[derive(Clone)]
struct Case {
    question: usize,
    candidate_features: [f64; CANDIDATE_FEATURES],
    right: bool,
    /// True if the sources answer the question.
    answerable: bool,
    /// True if the sources answer the topic.
    answers: bool,
}

fn main() -> anyhow::Result<()> {
    let (tests, trains): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|path| path.starts_with("test="));
    let desk = Desk::on_shipped_facts(true)?;
    let facts = text::shipped();
    let gather = |paths: &[String]| -> anyhow::Result<Vec<Case>> {
        let mut cases = Vec::new();
        for path in paths {
            let questions = eval::read(&fs::read_to_string(path.trim_start_matches("test="))?)?;
            for question in &questions {
                let number = cases.last().map_or(0, |case: &Case| case.question + 1);
                cases.extend(cases_of(&desk, &facts, question, number));
            }
        }
        Ok(cases)
    };
    let cases = gather(&trains)?;
    let crossed: Vec<(f64, &Case)> = (0..FOLDS)
        .flat_map(|fold| {
            let (out, rest): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.question % FOLDS == fold);
            let weights = fit(&rest);
            out.into_iter().map(move |case| (chance(&weights, case), case)).collect::<Vec<_>>()
        })
        .collect();
    println!("{} questions, cross-validated", cases.chunk_by(|a, b| a.question == b.question).count());
    print_table(&crossed);
    let weights = fit(&cases.iter().collect::<Vec<_>>());
    let others = gather(&tests)?;
    if !others.is_empty() {
        println!("\nother questions");
        print_table(&others.iter().map(|case| (chance(&weights, case), case)).collect::<Vec<_>>());
    }
    let rounded: Vec<String> = weights.iter().map(|weight| format!("{weight:.3}")).collect();
    println!("\nconst WEIGHTS: [f32; CANDIDATE_FEATURES + 1] = [{}];", rounded.join(", "));
    Ok(())
}

/// Returns the cases of a question; none for small talk and messages with several questions.
fn cases_of(desk: &Desk, facts: &Facts, question: &EvalQuestion, number: usize) -> Vec<Case> {
    let index = desk.index();
    let traces =
        understand(&index, &Utterance { context: question.context.clone(), ..Utterance::new(question.q.clone()) });
    let ([trace], false) = (&traces[..], question.kind == ExpectedReply::Social) else { return Vec::new() };
    let claim = |id: &str| facts.topics().find(|topic| topic.id == id).and_then(|topic| topic.claims.first());
    let case = |candidate: &Candidate| {
        let topic = &index.topics()[candidate.topic];
        let answers = topic.answerable == Answerable::Yes;
        let is_right = |id: &String| *id == topic.id || (answers && claim(id) == claim(&topic.id));
        let right = question.topic.as_ref().is_some_and(is_right);
        let candidate_features = candidate_features(candidate, trace.words.len()).map(f64::from);
        Case {
            question: number,
            candidate_features,
            right,
            answerable: question.kind != ExpectedReply::Unknown,
            answers,
        }
    };
    trace.candidates.iter().map(case).collect()
}

/// Returns the weights and, last, the constant.
fn fit(cases: &[&Case]) -> [f64; CANDIDATE_FEATURES + 1] {
    let count = cases.len() as f64;
    let mean: [f64; CANDIDATE_FEATURES] =
        std::array::from_fn(|at| cases.iter().map(|case| case.candidate_features[at]).sum::<f64>() / count);
    let spread: [f64; CANDIDATE_FEATURES] = std::array::from_fn(|at| {
        let squares = cases.iter().map(|case| (case.candidate_features[at] - mean[at]).powi(2)).sum::<f64>();
        (squares / count).sqrt().max(1e-6)
    });
    let mut weights = [0.0; CANDIDATE_FEATURES + 1];
    for _ in 0..STEPS {
        let mut gradient = [0.0; CANDIDATE_FEATURES + 1];
        for case in cases {
            let x: [f64; CANDIDATE_FEATURES] =
                std::array::from_fn(|at| (case.candidate_features[at] - mean[at]) / spread[at]);
            let sum = x.iter().zip(&weights).map(|(x, weight)| x * weight).sum::<f64>() + weights[CANDIDATE_FEATURES];
            let error = 1.0 / (1.0 + (-sum).exp()) - f64::from(u8::from(case.right));
            x.iter().zip(&mut gradient).for_each(|(x, total)| *total += error * x / count);
            gradient[CANDIDATE_FEATURES] += error / count;
        }
        for at in 0..CANDIDATE_FEATURES {
            weights[at] -= RATE * (gradient[at] + DECAY * weights[at]);
        }
        weights[CANDIDATE_FEATURES] -= RATE * gradient[CANDIDATE_FEATURES];
    }
    let constant = weights[CANDIDATE_FEATURES]
        - (0..CANDIDATE_FEATURES).map(|at| weights[at] * mean[at] / spread[at]).sum::<f64>();
    std::array::from_fn(|at| if at < CANDIDATE_FEATURES { weights[at] / spread[at] } else { constant })
}

fn chance(weights: &[f64; CANDIDATE_FEATURES + 1], case: &Case) -> f64 {
    let sum = case.candidate_features.iter().zip(weights).map(|(sign, weight)| sign * weight).sum::<f64>()
        + weights[CANDIDATE_FEATURES];
    1.0 / (1.0 + (-sum).exp())
}

fn print_table(cases: &[(f64, &Case)]) {
    println!("threshold   answerable: right   wrong   unanswerable: answered");
    let mut cases = cases.to_vec();
    cases.sort_by_key(|(_, case)| case.question);
    let likeliest =
        |same: &[(f64, &Case)]| same.iter().max_by(|a, b| a.0.total_cmp(&b.0)).map(|best| (best.0, best.1.clone()));
    let best: Vec<(f64, Case)> = cases.chunk_by(|a, b| a.1.question == b.1.question).filter_map(likeliest).collect();
    let share = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
    let with = best.iter().filter(|(_, case)| case.answerable).count();
    for step in 2..=16 {
        let from = f64::from(step) / 20.0;
        let count = |answerable: bool, right: bool| {
            let answered = best.iter().filter(|(chance, case)| *chance >= from && case.answers);
            answered.filter(|(_, case)| case.answerable == answerable && case.right == right).count()
        };
        println!(
            "{from:.2} {:>22.1} %{:>6.1} %{:>17.1} %",
            share(count(true, true), with),
            share(count(true, false), with),
            share(count(false, false) + count(false, true), best.len() - with)
        );
    }
}
