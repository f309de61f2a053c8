//! Fits the weights of `src/understanding/phrasebook.rs` and prints them.
//!
//! `cargo run --release --example calibrate_phrasebook -- tests/questions/languages_calibration.jsonl [test=tests/questions/languages.jsonl]`
//!
//! A case is the best topic of a question: right if it is the one that answers, or if it says the same. Logistic
//! regression by gradient descent on signs of mean nothing and spread one, with a little weight decay. Printed is, for
//! several chances, how many questions would be answered rightly and wrongly: those of the first files, each by weights
//! that were fitted without the fifth that it is in, and those of `test=` files.

use std::fs;

use routedesk::desk::Desk;
use routedesk::eval::{self, Kind, Question};
use routedesk::facts::{Facts, text};
use routedesk::understanding::Answerable;
use routedesk::understanding::message::understand;
use routedesk::understanding::phrasebook::{SIGNS, signs};
use routedesk::utterance::Utterance;

const FOLDS: usize = 5;
const STEPS: usize = 4_000;
const RATE: f64 = 0.3;
const DECAY: f64 = 1e-3;

struct Case {
    signs: [f64; SIGNS],
    right: bool,
    /// Whether the question has an answer, and whether the best topic gives one.
    answerable: bool,
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
            cases.extend(questions.iter().filter_map(|question| case_of(&desk, &facts, question)));
        }
        Ok(cases)
    };
    let cases = gather(&trains)?;
    let crossed: Vec<(f64, &Case)> = (0..FOLDS)
        .flat_map(|fold| {
            let is_out = move |at: usize| at % FOLDS == fold;
            let rest: Vec<&Case> = cases.iter().enumerate().filter(|(at, _)| !is_out(*at)).map(|(_, case)| case).collect();
            let weights = fit(&rest);
            let out = cases.iter().enumerate().filter(move |(at, _)| is_out(*at));
            out.map(move |(_, case)| (chance(&weights, case), case)).collect::<Vec<_>>()
        })
        .collect();
    println!("{} questions, each by weights fitted without it", cases.len());
    print_table(&crossed);
    let weights = fit(&cases.iter().collect::<Vec<_>>());
    let others = gather(&tests)?;
    if !others.is_empty() {
        println!("\n{} other questions", others.len());
        print_table(&others.iter().map(|case| (chance(&weights, case), case)).collect::<Vec<_>>());
    }
    let rounded: Vec<String> = weights.iter().map(|weight| format!("{weight:.3}")).collect();
    println!("\nconst WEIGHTS: [f32; SIGNS + 1] = [{}];", rounded.join(", "));
    Ok(())
}

/// The best topic of a question; none for small talk and messages of several questions.
fn case_of(desk: &Desk, facts: &Facts, question: &Question) -> Option<Case> {
    let index = desk.index();
    let traces = understand(&index, &Utterance { text: question.q.clone(), context: question.context.clone() });
    let [trace] = &traces[..] else { return None };
    let best = trace.candidates.first()?;
    let topic = &index.topics()[best.topic];
    let answers = topic.answerable == Answerable::Yes;
    let claim = |id: &str| facts.topics().find(|topic| topic.id == id).and_then(|topic| topic.claims.first());
    let right = match (&question.topic, question.kind) {
        (_, Kind::Social) => return None,
        (Some(id), _) => *id == topic.id || (answers && claim(id) == claim(&topic.id)),
        (None, _) => false,
    };
    let signs = signs(best, trace.words.len()).map(f64::from);
    Some(Case { signs, right, answerable: question.kind != Kind::Unknown, answers })
}

/// Weights and, last, the constant.
fn fit(cases: &[&Case]) -> [f64; SIGNS + 1] {
    let count = cases.len() as f64;
    let mean: [f64; SIGNS] = std::array::from_fn(|at| cases.iter().map(|case| case.signs[at]).sum::<f64>() / count);
    let spread: [f64; SIGNS] = std::array::from_fn(|at| {
        let squares = cases.iter().map(|case| (case.signs[at] - mean[at]).powi(2)).sum::<f64>();
        (squares / count).sqrt().max(1e-6)
    });
    let mut weights = [0.0; SIGNS + 1];
    for _ in 0..STEPS {
        let mut gradient = [0.0; SIGNS + 1];
        for case in cases {
            let x: [f64; SIGNS] = std::array::from_fn(|at| (case.signs[at] - mean[at]) / spread[at]);
            let sum = x.iter().zip(&weights).map(|(x, weight)| x * weight).sum::<f64>() + weights[SIGNS];
            let error = 1.0 / (1.0 + (-sum).exp()) - f64::from(u8::from(case.right));
            x.iter().zip(&mut gradient).for_each(|(x, total)| *total += error * x / count);
            gradient[SIGNS] += error / count;
        }
        for at in 0..SIGNS {
            weights[at] -= RATE * (gradient[at] + DECAY * weights[at]);
        }
        weights[SIGNS] -= RATE * gradient[SIGNS];
    }
    let constant = weights[SIGNS] - (0..SIGNS).map(|at| weights[at] * mean[at] / spread[at]).sum::<f64>();
    std::array::from_fn(|at| if at < SIGNS { weights[at] / spread[at] } else { constant })
}

fn chance(weights: &[f64; SIGNS + 1], case: &Case) -> f64 {
    let sum = case.signs.iter().zip(weights).map(|(sign, weight)| sign * weight).sum::<f64>() + weights[SIGNS];
    1.0 / (1.0 + (-sum).exp())
}

fn print_table(cases: &[(f64, &Case)]) {
    println!("chance      answerable: right   wrong   unanswerable: answered");
    let share = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
    let with = cases.iter().filter(|(_, case)| case.answerable).count();
    for step in 4..=18 {
        let from = f64::from(step) / 20.0;
        let count = |answerable: bool, right: bool| {
            let answered = cases.iter().filter(|(chance, case)| *chance >= from && case.answers);
            answered.filter(|(_, case)| case.answerable == answerable && case.right == right).count()
        };
        println!(
            "{from:.2} {:>22.1} %{:>6.1} %{:>17.1} %",
            share(count(true, true), with),
            share(count(true, false), with),
            share(count(false, false) + count(false, true), cases.len() - with)
        );
    }
}
