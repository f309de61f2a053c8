//! Measures how fast the desk answers: `cargo bench`.
//!
//! Prints the percentiles of the whole path of a question (understanding, SQLite and wording) over three question
//! files. The desk doesn't cache answers. Then divan prints its statistics for a question, a change, and a start.

use std::hint::black_box;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use divan::Bencher;
use routedesk::desk::Desk;
use routedesk::facts::Claim;
use routedesk::store::{Edit, Meta, Scope, Store};
use routedesk::utterance::Utterance;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

static QUESTIONS: LazyLock<Vec<Utterance>> = LazyLock::new(|| {
    let files = [
        include_str!("../tests/questions/development.jsonl"),
        include_str!("../tests/questions/heldout.jsonl"),
        include_str!("../tests/questions/calibration.jsonl"),
    ];
    let read = |text| routedesk::eval::read(text).expect("the question files are valid");
    files.into_iter().flat_map(read).map(|question| Utterance::new(question.q)).collect()
});

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("the temporary directory is created"));

fn open(path: &Path) -> Desk {
    let meta = Meta { made_at: String::new(), who: "bench".into(), place: "bench".into(), why: String::new() };
    Desk::open(Store::open(path).expect("the database opens"), &meta).expect("the desk opens").0
}

static DESK: LazyLock<Desk> = LazyLock::new(|| open(&FOLDER.path().join("facts.db")));

fn main() {
    // Warm-up: the first questions read the database into the page cache.
    QUESTIONS.iter().take(100).for_each(|question| drop(DESK.answer(question)));
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..5 {
        for question in QUESTIONS.iter() {
            let start = Instant::now();
            black_box(DESK.answer(question));
            times.push(start.elapsed());
        }
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{} questions, whole path: p50 {:?}, p99 {:?}, max {:?}", QUESTIONS.len(), at(0.5), at(0.99), at(1.0));
    divan::main();
}

/// Measures the whole path of a question.
#[divan::bench]
fn answer(bencher: Bencher) {
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 1) % QUESTIONS.len();
        DESK.answer(&QUESTIONS[next])
    });
}

/// Measures a moderator's change of a claim together with the next answer, which uses it: in the shared scope and in a
/// community's.
#[divan::bench(args = ["", "discord:1"], sample_count = 20)]
fn a_change_counts(bencher: Bencher, scope: &str) {
    let path = FOLDER.path().join("changing.db");
    let desk = open(&path);
    let mut store = Store::open(&path).expect("the database opens");
    let scope = Scope::of_key(scope);
    let (facts, _) = desk.facts_of(&scope).expect("the facts are read");
    let subject = facts.subjects.iter().find(|subject| subject.id == "tickets").expect("the subject exists");
    let claim = subject.claims.iter().find(|claim| claim.id == "price-rubles").expect("the claim exists").clone();
    let question = Utterance::new("how much is a ticket?").within(scope.clone());
    let mut made = 0;
    bencher.bench_local(|| {
        made += 1;
        let claim = Claim { statement: format!("It cost {made} rubles."), ..claim.clone() };
        let edit = Edit::Claim { subject: subject.id.clone(), claim };
        let meta = Meta { made_at: String::new(), who: "bench".into(), place: "bench".into(), why: String::new() };
        let base = store.revision().expect("the revision is read");
        store.commit(&scope, base, &[edit], &meta).expect("the change is committed");
        let said = desk.answer(&question).reply.text;
        assert!(said.contains(&format!("It cost {made} rubles")), "{said}");
    });
}

/// Measures a start on an existing database, up to the first answer.
#[divan::bench(sample_count = 30)]
fn start_to_first_answer(bencher: Bencher) {
    LazyLock::force(&DESK);
    bencher.bench_local(|| open(&FOLDER.path().join("facts.db")).answer(&Utterance::new("how much is a ticket?")));
}
