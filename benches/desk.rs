//! How fast the desk is: `cargo bench`.
//!
//! First the whole path of a question, one by one, over all question files: understanding, SQLite and wording, without
//! any cache of answers. Then divan's averages.

use std::hint::black_box;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use divan::Bencher;
use routedesk::desk::Desk;
use routedesk::store::{Meta, Store};
use routedesk::utterance::Utterance;

/// The same as the program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

static QUESTIONS: LazyLock<Vec<Utterance>> = LazyLock::new(|| {
    let files = [
        include_str!("../tests/questions/development.jsonl"),
        include_str!("../tests/questions/heldout.jsonl"),
        include_str!("../tests/questions/calibration.jsonl"),
    ];
    let read = |text| routedesk::eval::read(text).expect("the question files are read by tests");
    files.into_iter().flat_map(read).map(|question| Utterance::new(question.q)).collect()
});

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fn open(path: &Path) -> Desk {
    let meta = Meta { made_at: String::new(), who: "bench".into(), place: "bench".into(), why: String::new() };
    Desk::open(Store::open(path).expect("a database"), &meta).expect("a desk").0
}

static DESK: LazyLock<Desk> = LazyLock::new(|| open(&FOLDER.path().join("facts.db")));

fn main() {
    // The first question of a desk reads its database into the system's cache.
    QUESTIONS.iter().take(100).for_each(|question| drop(DESK.hear(question)));
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..5 {
        for question in QUESTIONS.iter() {
            let start = Instant::now();
            black_box(DESK.hear(question));
            times.push(start.elapsed());
        }
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{} questions, whole path: p50 {:?}, p99 {:?}, longest {:?}", QUESTIONS.len(), at(0.5), at(0.99), at(1.0));
    divan::main();
}

/// The whole path of a question.
#[divan::bench]
fn hear(bencher: Bencher) {
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 1) % QUESTIONS.len();
        DESK.hear(&QUESTIONS[next])
    });
}

/// From nothing to the first answer, the database being there.
#[divan::bench(sample_count = 30)]
fn start_to_first_answer(bencher: Bencher) {
    LazyLock::force(&DESK);
    bencher.bench_local(|| open(&FOLDER.path().join("facts.db")).hear(&Utterance::new("how much is a ticket?")));
}
