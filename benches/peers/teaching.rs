//! Measures how fast the desk learns: `cargo bench -p routedesk-peers --profile peers --bench teaching`.
//!
//! With the shipped facts and with 100,000 examples, prints the time to commit a moderator's new example, and the time
//! of the next answer, which includes learning it. Between the two, prints the memory of the layers of 1,000
//! communities with ten examples each, and the time to understand a question with such a layer.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use routedesk::desk::Desk;
use routedesk::facts::{Facts, text};
use routedesk::store::{Edit, Meta, RevisionOrigin, Scope, Store};
use routedesk::understanding::message::understand;
use routedesk::understanding::{Change, Index, LessonCache};
use routedesk::utterance::Utterance;
use routedesk_peers::random::Random;
use routedesk_peers::resident;
use routedesk_peers::sets::varied;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MANY: usize = 100_000;
const CHANGES: usize = 30;
const COMMUNITIES: usize = 1_000;
const OWN_EXAMPLES: usize = 10;

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let shipped = folder.path().join("shipped.db");
    teach(&shipped, &text::shipped())?;
    communities(&open(&shipped)?.index());
    teach(&folder.path().join("many.db"), &enlarged(MANY))?;
    Ok(())
}

fn meta() -> Meta {
    Meta { made_at: String::new(), who: "bench".into(), place: "bench".into(), why: String::new() }
}

fn open(path: &Path) -> anyhow::Result<Desk> {
    Ok(Desk::open(Store::open(path)?, &meta())?.0)
}

/// Returns the shipped facts with about `examples` examples: each topic is filled up to an equal share.
fn enlarged(examples: usize) -> Facts {
    let mut facts = text::shipped();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let share = examples / facts.topics().count();
    for topic in facts.subjects.iter_mut().flat_map(|subject| &mut subject.topics) {
        let own = topic.examples.clone();
        while topic.examples.len() < share {
            let text = &own[topic.examples.len() % own.len()];
            topic.examples.push(varied(text, &mut random));
        }
    }
    facts
}

/// Trains on the facts, then adds examples one by one and asks after each: in the shared scope, then in a community.
fn teach(path: &Path, facts: &Facts) -> anyhow::Result<()> {
    Store::open(path)?.replace(facts, RevisionOrigin::Import, &meta())?;
    let start = Instant::now();
    let desk = open(path)?;
    let trained = start.elapsed();
    let count: usize = facts.topics().map(|topic| topic.examples.len()).sum();
    println!("{count} examples: trained from scratch in {trained:.1?}");
    for (whose, scope) in [("all", Scope::Shared), ("a community", Scope::community("bench", "1"))] {
        let (written, answered) = teach_in(&desk, &mut Store::open(path)?, &scope)?;
        println!(
            "  a change for {whose} is committed in {}; the next answer, with it, takes {}",
            times(written),
            times(answered)
        );
    }
    Ok(())
}

fn teach_in(desk: &Desk, store: &mut Store, scope: &Scope) -> anyhow::Result<(Vec<Duration>, Vec<Duration>)> {
    let question = Utterance::new("who flies it?").within(scope.clone());
    let mut facts = store.facts_of(scope)?;
    let (mut written, mut answered) = (Vec::new(), Vec::new());
    desk.answer(&question);
    for change in 0..CHANGES {
        let subjects = facts.subjects.len();
        let subject = &mut facts.subjects[change % subjects];
        let at = change % subject.topics.len();
        subject.topics[at].examples.push(format!("what about the matter with the number {change}"));
        let edit = Edit::Topic { subject: subject.id.clone(), topic: subject.topics[at].clone() };
        let start = Instant::now();
        let base = store.revision()?;
        store.commit(scope, base, &[edit], &meta())?;
        written.push(start.elapsed());
        let start = Instant::now();
        black_box(desk.answer(&question));
        answered.push(start.elapsed());
    }
    Ok((written, answered))
}

fn times(mut times: Vec<Duration>) -> String {
    times.sort();
    format!("{:.1?} (max {:.1?})", times[times.len() / 2], times[times.len() - 1])
}

/// Measures the layers of [`COMMUNITIES`] communities over one index.
fn communities(index: &Arc<Index>) {
    let mut facts = text::shipped();
    let mut random = Random(7);
    let question = Utterance::new("how much is a ticket from moscow to pyongyang?");
    let plain = cost(index, &question);
    let mut layers_of = |from: usize| -> Vec<Index> {
        let layer = |community| index.with(&changes(&mut facts, community, &mut random), &mut LessonCache::default());
        (from..from + COMMUNITIES).map(layer).collect()
    };
    // Building the first thousand also allocates working memory. The growth for the second thousand is that of the
    // layers alone.
    let first = layers_of(0);
    let (before, start) = (resident(), Instant::now());
    let layers = layers_of(COMMUNITIES);
    let made = start.elapsed() / COMMUNITIES as u32;
    let weight = resident().saturating_sub(before);
    drop(first);
    println!(
        "{COMMUNITIES} communities with {OWN_EXAMPLES} examples each: {} MB in all, a layer takes {made:.1?} to build; \
         understanding a question takes {:.1?} with a layer and {plain:.1?} without",
        weight / 1_000_000,
        cost(&layers[COMMUNITIES / 2], &question),
    );
}

/// Returns a community's changes: [`OWN_EXAMPLES`] examples, each in another topic.
fn changes<'a>(facts: &'a mut Facts, community: usize, random: &mut Random) -> Vec<Change<'a>> {
    let mut taught: Vec<(usize, usize)> = Vec::new();
    while taught.len() < OWN_EXAMPLES {
        let subject = random.below(facts.subjects.len());
        let topic = random.below(facts.subjects[subject].topics.len());
        if !taught.contains(&(subject, topic)) {
            taught.push((subject, topic));
        }
    }
    for (subject, topic) in &taught {
        let examples = &mut facts.subjects[*subject].topics[*topic].examples;
        let text = varied(&examples[random.below(examples.len())], random);
        // Remove the example of an earlier community, so that each community has only its own ten.
        if examples.last().is_some_and(|last| last.ends_with(" our way")) {
            examples.pop();
        }
        examples.push(format!("{text} {community} our way"));
    }
    let facts = &*facts;
    let claims = facts.claims_by_id();
    taught
        .into_iter()
        .map(|(subject, topic)| {
            let topic = &facts.subjects[subject].topics[topic];
            let claims = topic.claims.iter().filter_map(|id| claims.get(id.as_str()).copied()).collect();
            Change { id: &topic.id, subject: &facts.subjects[subject].id, topic: Some(topic), claims }
        })
        .collect()
}

/// Returns the median time to understand a question.
fn cost(index: &Index, question: &Utterance) -> Duration {
    let time = |_| {
        let start = Instant::now();
        black_box(understand(index, question));
        start.elapsed()
    };
    let mut times: Vec<Duration> = (0..1_000).map(time).collect();
    times.sort();
    times[times.len() / 2]
}
