//! Evaluates the engine on any set of intents.
//!
//! `cargo run --release --example intents -- --train FILE… --validation FILE --questions FILE [--vectors FILE]`
//!
//! All files have one line per question, with fields separated by tabs:
//!
//! - training files: intent and question;
//! - the validation file: `val` or `val_oos` (out of scope), intent and question. It sets the threshold of the score:
//!   the one that gets most of its questions right. A question out of scope is right if its score is below the
//!   threshold;
//! - the questions file: the last field is the question.
//!
//! Writes a line for each question to standard output: the best intent, its score, and 1 if the score reaches the
//! threshold, else 0. Writes to standard error the results on the validation file, the time to train, the peak memory,
//! and the time per question on one core.
//!
//! `--vectors` takes word vectors in the format of `data/vectors/pieces.bin`.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use routedesk::eval::area;
use routedesk::understanding::intents::Intents;
use routedesk::understanding::vectors::Vectors;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Arguments {
    /// Files of examples, one per line: intent, tab, question
    #[arg(long, required = true, num_args = 1..)]
    train: Vec<PathBuf>,
    /// File that sets the threshold, one question per line: `val` or `val_oos`, intent, question
    #[arg(long)]
    validation: PathBuf,
    /// File of questions to answer: the last field of each line
    #[arg(long)]
    questions: PathBuf,
    /// Word vectors to use instead of the built-in ones
    #[arg(long)]
    vectors: Option<PathBuf>,
}

/// The result for a question of the validation file.
struct Validation {
    /// The right intent; `None` if the question is out of scope.
    intent: Option<String>,
    guess: String,
    score: f32,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let examples = read_examples(&arguments.train)?;
    let vectors = match &arguments.vectors {
        Some(path) => Vectors::read(Vec::leak(fs::read(path).with_context(|| path.display().to_string())?))
            .with_context(|| format!("{} doesn't contain word vectors, or is truncated", path.display()))?,
        None => Vectors::shipped(),
    };
    let start = Instant::now();
    let intents = Intents::train(&examples, vectors);
    let trained = start.elapsed();
    let validation = read_validation(&arguments.validation, &intents)?;
    let accept_from = best_threshold(&validation);
    report(&validation, accept_from);
    let questions = read(&arguments.questions)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut times: Vec<Duration> = Vec::new();
    for line in questions.lines() {
        let question = line.rsplit('\t').next().unwrap_or_default();
        let start = Instant::now();
        let (intent, score) = intents.best(question);
        times.push(start.elapsed());
        writeln!(out, "{intent}\t{score:.4}\t{}", u8::from(score >= accept_from))?;
    }
    out.flush()?;
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or_default();
    eprintln!("trained in {trained:?} on {} examples; memory {}", examples.len(), memory());
    eprintln!("{} questions: p50 {:?}, p99 {:?} each", times.len(), at(0.5), at(0.99));
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_examples(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let mut examples = Vec::new();
    for path in paths {
        for (number, line) in read(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let Some((intent, question)) = line.split_once('\t') else {
                bail!("{}:{}: no tab between intent and question", path.display(), number + 1);
            };
            examples.push((intent.to_owned(), question.to_owned()));
        }
    }
    if examples.is_empty() {
        bail!("the training files contain no examples");
    }
    Ok(examples)
}

fn read_validation(path: &Path, intents: &Intents) -> anyhow::Result<Vec<Validation>> {
    let mut validation = Vec::new();
    for (number, line) in read(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let [kind, intent, question] = line.split('\t').collect::<Vec<_>>()[..] else {
            bail!(
                "{}:{}: expected `val` or `val_oos`, intent and question, separated by tabs",
                path.display(),
                number + 1
            );
        };
        let (guess, score) = intents.best(question);
        let intent = (kind != "val_oos").then(|| intent.to_owned());
        validation.push(Validation { intent, guess: guess.to_owned(), score });
    }
    Ok(validation)
}

/// Returns the threshold that gets the most questions right.
fn best_threshold(validation: &[Validation]) -> f32 {
    let mut order: Vec<&Validation> = validation.iter().collect();
    order.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut right = validation.iter().filter(|one| one.intent.is_none()).count() as i64;
    let (mut best, mut from) = (right, f32::INFINITY);
    for one in order {
        right += match &one.intent {
            Some(intent) => i64::from(*intent == one.guess),
            None => -1,
        };
        if right > best {
            (best, from) = (right, one.score);
        }
    }
    from
}

fn report(validation: &[Validation], accept_from: f32) {
    let within: Vec<&Validation> = validation.iter().filter(|one| one.intent.is_some()).collect();
    let outside: Vec<&Validation> = validation.iter().filter(|one| one.intent.is_none()).collect();
    let scores = |of: &[&Validation]| of.iter().map(|one| one.score).collect::<Vec<f32>>();
    let share = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
    let right = within.iter().filter(|one| one.intent.as_ref() == Some(&one.guess)).count();
    eprint!("validation: {:.1} % of {} right", share(right, within.len()), within.len());
    if !outside.is_empty() {
        let kept =
            within.iter().filter(|one| one.intent.as_ref() == Some(&one.guess) && one.score >= accept_from).count();
        let refused = outside.iter().filter(|one| one.score < accept_from).count();
        eprint!(", area under the curve {:.1}", 100.0 * area(&scores(&within), &scores(&outside)));
        eprint!("; at threshold {accept_from:.3} {:.1} % right", share(kept, within.len()));
        eprint!(" and {:.1} % of {} out of scope refused", share(refused, outside.len()), outside.len());
    }
    eprintln!();
}

/// Returns the peak memory of this process, or `unknown` on systems without `/proc`.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |line| format!("{} at most", line.trim()))
}
