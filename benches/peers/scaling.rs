//! Compares the matcher with other ways to find a question's topic, on one core:
//! `cargo bench -p routedesk-peers --profile peers`. An argument limits the size: `-- 10000`.
//!
//! Prints one table for 150 topics and one for 5,000, with 1,000 to 1,000,000 examples: time and memory to train or
//! index, time per question, and the share of questions that get their topic, with and without typos. The questions
//! aren't among the examples.

mod peers;

use std::hint::black_box;
use std::time::{Duration, Instant};

use peers::{Fts5, Peer, Rapidfuzz, Routedesk, Strsim, Tantivy};
use routedesk_peers::resident;
use routedesk_peers::sets::{Set, set};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// The number of questions, and the time after which the rest is skipped: a linear scan takes seconds per question.
const QUESTIONS: usize = 1_000;
const TIME_LIMIT: Duration = Duration::from_secs(15);

fn main() {
    let most = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(usize::MAX);
    for topics in [150, 5_000] {
        println!("\n## {topics} topics\n");
        println!("| examples | | ready in | memory | p50 / p99 | right | misspelt p50 / p99 | right |");
        println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
        for size in SIZES.into_iter().filter(|size| *size <= most && *size >= topics / 5 * 4) {
            let set = set(size.max(topics), topics, QUESTIONS);
            measure(&set, Routedesk::new);
            measure(&set, |examples| Tantivy::new(examples).expect("tantivy indexes"));
            measure(&set, |examples| Fts5::new(examples).expect("SQLite indexes"));
            measure(&set, Rapidfuzz);
            measure(&set, Strsim);
        }
    }
}

/// Measures one peer and prints its row of the table.
fn measure<'a, P: Peer>(set: &'a Set, make: impl FnOnce(&'a [(String, String)]) -> P) {
    let (before, start) = (resident(), Instant::now());
    let peer = make(&set.examples);
    let (ready, memory) = (start.elapsed(), resident().saturating_sub(before));
    let (clean, right) = ask(&peer, &set.questions);
    let (misspelt, right_misspelt) = ask(&peer, &set.misspelt);
    println!(
        "| {} | {} | {ready:.1?} | {} MB | {clean} | {right:.1} % | {misspelt} | {right_misspelt:.1} % |",
        set.examples.len(),
        peer.name(),
        memory / 1_000_000,
    );
}

/// Returns median and 99th percentile of the time per question, and the percentage of questions that get their topic.
fn ask(peer: &impl Peer, questions: &[(String, String)]) -> (String, f64) {
    let (start, mut times, mut right) = (Instant::now(), Vec::new(), 0);
    for (topic, question) in questions {
        let start_of_one = Instant::now();
        let best = black_box(peer.best(question));
        times.push(start_of_one.elapsed());
        right += usize::from(best == *topic);
        if start.elapsed() > TIME_LIMIT {
            break;
        }
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    (format!("{:.1?} / {:.1?}", at(0.5), at(0.99)), 100.0 * right as f64 / times.len() as f64)
}
