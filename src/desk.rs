//! The desk: hears what somebody said and replies. Knows no platform.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use xxhash_rust::xxh3::Xxh3;

use crate::answer::{Finding, Lead, Outcome};
use crate::facts::{Facts, text};
use crate::language::Language;
use crate::store::{Applied, ChangedTopic, Error, Meta, Store, TopicFacts, TrainedOn};
use crate::understanding::decide::Trace;
use crate::understanding::message::understand;
use crate::understanding::{Change, Decision, Index, Lessonbook, Lessons, Trained};
use crate::utterance::Utterance;
use crate::wording::{self, Reply};

/// The desk: the facts' database and the index of what people ask.
pub struct Desk {
    state: Mutex<State>,
}

struct State {
    store: Store,
    index: Arc<Index>,
    /// What was trained under its layers.
    trained_on: TrainedOn,
    /// What was taught over it.
    lessonbook: Lessonbook,
    /// The revision that the index was made from.
    revision: i64,
}

/// A reply with how it came about.
pub struct Heard {
    /// The reply.
    pub reply: Reply,
    /// One trace for each question of the message.
    pub traces: Vec<Trace>,
    /// How long it took.
    pub elapsed_us: u64,
}

impl Heard {
    /// The questions of the message that have no answer or may mean several things, as words with their spelling mended.
    pub fn unanswered(&self) -> impl Iterator<Item = String> {
        let is_open = |decision: &Decision| matches!(decision, Decision::Unknown { .. } | Decision::Choose(_));
        let open = self.traces.iter().filter(move |trace| is_open(&trace.decision) && !trace.words.is_empty());
        open.map(|trace| trace.words.join(" "))
    }
}

impl Desk {
    /// Opens the desk on a database: brings the shipped facts in and gets the index ready, training it if need be.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn open(mut store: Store, meta: &Meta) -> Result<(Self, Applied), Error> {
        let applied = store.bring_in_shipped(text::shipped, shipped_checksum(), meta)?;
        Ok((Self { state: Mutex::new(State::of(store)?) }, applied))
    }

    /// A desk on the shipped facts in memory, for measuring; without the silent topics if so wished.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn on_shipped_facts(with_silent: bool) -> Result<Self, Error> {
        let facts = text::shipped();
        let mut store = Store::open(Path::new(":memory:"))?;
        let meta = Meta { made_at: String::new(), who: "routedesk".into(), place: "memory".into(), why: String::new() };
        store.bring_in_shipped(|| facts.clone(), shipped_checksum(), &meta)?;
        let lessons = Lessons::gather(&facts, with_silent);
        let model = Trained::train(&lessons);
        let index = Arc::new(Index::of(Arc::new(Trained::with_model(lessons, model))));
        let (trained_on, revision) = (store.trained_on()?, store.revision()?);
        Ok(Self { state: Mutex::new(State { store, index, trained_on, lessonbook: Lessonbook::default(), revision }) })
    }

    /// The answer of a topic that was chosen by its id, in a language.
    pub fn topic(&self, id: &str, language: Language) -> Reply {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.store.topic(id) {
            Ok(Some(facts)) if facts.topic.is_silent() => {
                wording::reply(&[Finding::unknown(Some(facts), None).in_language(language)], language)
            }
            Ok(Some(facts)) => wording::reply(&[Finding { score: 1.0, ..Finding::answer(facts) }], language),
            Ok(None) => wording::trouble(),
            Err(error) => {
                tracing::error!(%error, "the desk could not answer");
                wording::trouble()
            }
        }
    }

    /// Hears a message and replies. Never fails: if something is wrong, the reply says so and a log record tells what.
    pub fn hear(&self, utterance: &Utterance) -> Heard {
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.reply(utterance)));
        let (reply, traces) = match outcome {
            Ok(Ok(heard)) => heard,
            Ok(Err(error)) => {
                tracing::error!(%error, "the desk could not answer");
                (wording::trouble(), Vec::new())
            }
            Err(_) => {
                tracing::error!("the desk panicked while answering");
                (wording::trouble(), Vec::new())
            }
        };
        let elapsed_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(outcome = ?reply.outcome, topics = ?reply.topics, score = reply.score, elapsed_us, "answered");
        Heard { reply, traces, elapsed_us }
    }

    fn reply(&self, utterance: &Utterance) -> Result<(Reply, Vec<Trace>), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Everything in one reply is read from one state of the facts, that of the index.
        let held = state.store.hold()?;
        if state.store.revision()? != state.revision {
            drop(held);
            state.catch_up()?;
            drop(state);
            return self.reply(utterance);
        }
        let traces = understand(&state.index, utterance);
        let language = traces.first().map_or(Language::English, |trace| trace.language);
        let findings =
            traces.iter().map(|trace| find(&state.store, &state.index, trace)).collect::<Result<Vec<_>, _>>()?;
        Ok((wording::reply(&findings, language), traces))
    }

    /// The facts as they stand.
    ///
    /// # Errors
    /// If the database is damaged.
    pub fn facts(&self) -> Result<Facts, Error> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).store.facts()
    }

    /// The index in use.
    #[must_use]
    pub fn index(&self) -> Arc<Index> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner).index)
    }
}

impl State {
    /// The index of a database's facts. Whatever is damaged shows before anything is answered.
    fn of(store: Store) -> Result<Self, Error> {
        store.facts()?;
        let trained_on = store.trained_on()?;
        let index = Arc::new(Index::of(Arc::new(trained(&store, trained_on)?)));
        let mut state = Self { store, index, trained_on, lessonbook: Lessonbook::default(), revision: 0 };
        state.catch_up()?;
        Ok(state)
    }

    /// Takes in what was changed since the last question, here or by other processes.
    fn catch_up(&mut self) -> Result<(), Error> {
        let (trained_on, revision, topics) = {
            let _held = self.store.hold()?;
            let trained_on = self.store.trained_on()?;
            (trained_on, self.store.revision()?, self.store.topics_changed_since(trained_on.revision)?)
        };
        let mut below = Arc::clone(self.index.trained());
        if trained_on != self.trained_on {
            self.store.facts()?;
            self.lessonbook = Lessonbook::default();
            below = Arc::new(trained(&self.store, trained_on)?);
        }
        let changes: Vec<Change<'_>> = topics.iter().map(as_change).collect();
        self.index = Arc::new(Index::of(below).with(&changes, &mut self.lessonbook));
        (self.trained_on, self.revision) = (trained_on, revision);
        Ok(())
    }
}

fn as_change(changed: &ChangedTopic) -> Change<'_> {
    let (topic, claims) = changed.topic.as_ref().map_or((None, &[][..]), |(topic, claims)| (Some(topic), claims));
    Change { id: &changed.id, subject: &changed.subject, topic, claims: claims.iter().collect() }
}

/// The checksum of the facts inside the binary.
#[must_use]
pub fn shipped_checksum() -> u64 {
    let mut hasher = Xxh3::new();
    for (name, text) in text::SHIPPED {
        hasher.update(name.as_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.digest()
}

/// What is trained on the facts of a revision, the kept one or a new one, which is then kept.
fn trained(store: &Store, on: TrainedOn) -> Result<Trained, Error> {
    if let Some(trained) = store.index_of_facts(Trained::checksum(on.state), Trained::from_bytes)? {
        return Ok(trained);
    }
    train(store, &store.facts_at(on.revision)?)
}

/// Trains on facts that are about to be brought in, so that a serving desk finds it done.
///
/// # Errors
/// If the database can't be read.
pub fn prepare_index(store: &Store, facts: &Facts) -> Result<(), Error> {
    let kept = store.index_of_facts(Trained::checksum(Store::checksum_of(facts)), Trained::from_bytes)?;
    if kept.is_none() {
        train(store, facts)?;
    }
    Ok(())
}

/// Trains on facts and keeps what was learnt. That it can't be kept is no error: the next start makes it again.
fn train(store: &Store, facts: &Facts) -> Result<Trained, Error> {
    let lessons = Lessons::gather(facts, true);
    let taught = lessons.checksum();
    // Where only a value or a citation changed, nothing has to be trained.
    let kept = store.index_of_lessons(taught, Trained::from_bytes)?;
    let model = kept.map_or_else(|| Trained::train(&lessons), Trained::into_model);
    let trained = Trained::with_model(lessons, model);
    let checksum = Trained::checksum(Store::checksum_of(facts));
    if let Err(error) = store.keep_index(checksum, taught, &trained.to_bytes()) {
        tracing::warn!(%error, "the index could not be kept; the next start makes it again");
    }
    Ok(trained)
}

/// Reads the claims for a decision.
fn find(store: &Store, index: &Index, trace: &Trace) -> Result<Finding, Error> {
    let read = |topic: usize| -> Result<TopicFacts, Error> {
        let id = &index.topics()[topic].id;
        store.topic(id)?.ok_or_else(|| Error::Checksum { kind: "topic", id: id.clone() })
    };
    let finding = match &trace.decision {
        Decision::Answer(topic) => Finding::answer(read(*topic)?),
        Decision::Correct { by, asked } => {
            let asked = if by == asked { None } else { Some(read(*asked)?) };
            Finding::correction(read(*by)?, asked)
        }
        Decision::Choose(topics) => {
            let choice = |topic: &usize| {
                let topic = &index.topics()[*topic];
                let said = trace.language.pack().topic(&topic.id).map(|said| said.title.clone());
                (topic.id.clone(), said.unwrap_or_else(|| topic.title.clone()))
            };
            let mut finding = Finding::bare(Outcome::Ambiguous, Lead::Choose(topics.iter().map(choice).collect()));
            finding.topics = topics.iter().map(|topic| index.topics()[*topic].id.clone()).collect();
            finding
        }
        Decision::Unknown { silent, nearest } => {
            Finding::unknown(silent.map(read).transpose()?, nearest.map(read).transpose()?)
        }
        Decision::Social(talk) => Finding::bare(Outcome::Social, Lead::Social(*talk)),
        Decision::Empty => Finding::bare(Outcome::Social, Lead::Empty),
        Decision::Foreign => Finding::bare(Outcome::Unknown, Lead::Foreign),
    };
    let mut finding = finding.in_language(trace.language);
    finding.score = trace.candidates.first().map_or(0.0, |best| best.confidence);
    Ok(finding)
}
