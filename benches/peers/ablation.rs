//! Measures what each step of the matcher adds:
//! `cargo bench -p routedesk-peers --profile peers --bench ablation -- [SET…]`.
//!
//! The first set is the desk's own: it trains on the example questions of the answerable topics and asks the
//! development and held-out questions of `tests/questions`. Each further set is an argument `TRAIN:VALIDATION` or
//! `TRAIN:VALIDATION:VECTORS`, with files in the formats of `examples/intents.rs`. The columns are the share of
//! questions that get their intent, the same with a typo in one word of seven, and how well the score separates
//! questions in scope from others (area under the ROC curve).

use std::collections::HashMap;
use std::fs;

use anyhow::Context;
use routedesk::eval::{self, ExpectedReply, area};
use routedesk::facts::text;
use routedesk::understanding::intents::{Intents, Steps};
use routedesk::understanding::vectors::Vectors;
use routedesk_peers::random::Random;
use routedesk_peers::slips::{SLIPS, misspelt};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NONE: Steps = Steps { spelling: false, vectors: false, middle: false, nearest: false, names: false };

/// The steps, each added to those before it.
const LADDER: [(&str, Steps); 6] = [
    ("words, pairs and character runs", NONE),
    ("+ spelling", Steps { spelling: true, ..NONE }),
    ("+ vectors", Steps { spelling: true, vectors: true, ..NONE }),
    ("+ middle of the examples", Steps { nearest: false, names: false, ..Steps::ALL }),
    ("+ nearest example", Steps { names: false, ..Steps::ALL }),
    ("+ names", Steps::ALL),
];

/// A set of examples to train on and questions to ask.
struct Set {
    name: String,
    examples: Vec<(String, String)>,
    /// The right intents, empty if the question is out of scope, and the question.
    questions: Vec<(Vec<String>, String)>,
    vectors: Option<&'static [u8]>,
}

fn main() -> anyhow::Result<()> {
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut sets = vec![desk()?];
    for name in &named {
        sets.push(public(name)?);
    }
    for set in &sets {
        println!("\n## {} ({} examples, {} questions)\n", set.name, set.examples.len(), set.questions.len());
        println!("| | right | misspelt | area under the curve |");
        println!("| --- | --- | --- | --- |");
        for (step, steps) in LADDER {
            let vectors = match set.vectors {
                Some(bytes) => Vectors::read(bytes).context("the file doesn't contain word vectors")?,
                None => Vectors::shipped(),
            };
            let intents = Intents::train_with(&set.examples, vectors, steps);
            println!("| {step} | {} |", row(&intents, &set.questions).join(" | "));
        }
    }
    Ok(())
}

fn row(intents: &Intents, questions: &[(Vec<String>, String)]) -> [String; 3] {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut within, mut outside) = (Vec::new(), Vec::new());
    let (mut right, mut right_misspelt) = (0, 0);
    for (intended, question) in questions {
        let (best, score) = intents.best(question);
        let is_right = |best: &str| intended.iter().any(|intent| intent == best);
        if intended.is_empty() {
            outside.push(score);
            continue;
        }
        within.push(score);
        right += usize::from(is_right(best));
        let slips: Vec<String> = question.split(' ').map(|word| misspelt(word, SLIPS, &mut random)).collect();
        right_misspelt += usize::from(is_right(intents.best(&slips.join(" ")).0));
    }
    let share = |count: usize| format!("{:.1} %", 100.0 * count as f64 / within.len() as f64);
    let area = if outside.is_empty() { "-".to_owned() } else { format!("{:.1}", 100.0 * area(&within, &outside)) };
    [share(right), share(right_misspelt), area]
}

/// Returns the desk's own set. Topics with the same first claim count as the same intent.
fn desk() -> anyhow::Result<Set> {
    let facts = text::shipped();
    let examples = facts
        .topics()
        .filter(|topic| !topic.is_silent())
        .flat_map(|topic| topic.examples.iter().map(|example| (topic.id.clone(), example.clone())));
    let first: HashMap<&str, &String> =
        facts.topics().filter_map(|topic| Some((topic.id.as_str(), topic.claims.first()?))).collect();
    let alike = |id: &str| -> Vec<String> {
        let own = first.get(id);
        facts
            .topics()
            .filter(|topic| topic.id == id || (own.is_some() && first.get(topic.id.as_str()) == own))
            .map(|topic| topic.id.clone())
            .collect()
    };
    let files = [
        include_str!("../../tests/questions/development.jsonl"),
        include_str!("../../tests/questions/development2.jsonl"),
        include_str!("../../tests/questions/development3.jsonl"),
        include_str!("../../tests/questions/heldout.jsonl"),
    ];
    let mut questions = Vec::new();
    for file in files {
        for question in eval::read(file)?.into_iter().filter(|question| question.context.is_none()) {
            match (question.kind, question.topic) {
                (ExpectedReply::Answer | ExpectedReply::Disputed, Some(topic)) => {
                    questions.push((alike(&topic), question.q))
                }
                (ExpectedReply::Unknown, _) => questions.push((Vec::new(), question.q)),
                _ => {}
            }
        }
    }
    Ok(Set { name: "The desk's questions".into(), examples: examples.collect(), questions, vectors: None })
}

fn public(name: &str) -> anyhow::Result<Set> {
    let mut parts = name.split(':');
    let train = parts.next().unwrap_or_default();
    let validation = parts.next().context("expected a set as TRAIN:VALIDATION or TRAIN:VALIDATION:VECTORS")?;
    let read = |path: &str| fs::read_to_string(path).with_context(|| path.to_owned());
    let examples = read(train)?
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(intent, text)| (intent.to_owned(), text.to_owned()))
        .collect();
    let questions = read(validation)?
        .lines()
        .filter_map(|line| {
            let [kind, intent, question] = line.split('\t').collect::<Vec<_>>()[..] else { return None };
            let intents = if kind == "val_oos" { Vec::new() } else { vec![intent.to_owned()] };
            Some((intents, question.to_owned()))
        })
        .collect();
    let vectors = parts.next().map(|path| fs::read(path).with_context(|| path.to_owned())).transpose()?;
    let name = train.rsplit('/').next().unwrap_or(train).trim_end_matches(".train.tsv").to_owned();
    Ok(Set { name, examples, questions, vectors: vectors.map(|bytes| &*bytes.leak()) })
}
