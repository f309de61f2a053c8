//! The desk: hears what somebody said and replies. Knows no platform.

use std::path::Path;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use xxhash_rust::xxh3::Xxh3;

use crate::answer::{Finding, Lead, Outcome};
use crate::facts::{Facts, text};
use crate::store::{Applied, Error, Meta, Store, TopicFacts};
use crate::understanding::decide::Trace;
use crate::understanding::model::Model;
use crate::understanding::split::{MAX_QUESTIONS, Part, split};
use crate::understanding::{Decision, Index, Lessons, normalise};
use crate::utterance::Utterance;
use crate::wording::{self, Reply};

/// The desk: the facts' database and the index of what people ask.
pub struct Desk {
    state: Mutex<State>,
}

struct State {
    store: Store,
    index: Arc<Index>,
    /// The revision that the index was made from.
    revision: i64,
    /// What SQLite said last about changes by others.
    data_version: i64,
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

impl Desk {
    /// Opens the desk on a database: brings the shipped facts in and gets the index ready, training it if need be.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn open(mut store: Store, meta: &Meta) -> Result<(Self, Applied), Error> {
        let applied = store.bring_in_shipped(&text::shipped(), shipped_checksum(), meta)?;
        let index = index_of(&store)?;
        Ok((Self::with_index(store, index)?, applied))
    }

    /// A desk on the shipped facts in memory, for measuring; without the silent topics if so wished.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn on_shipped_facts(with_silent: bool) -> Result<Self, Error> {
        let facts = text::shipped();
        let mut store = Store::open(Path::new(":memory:"))?;
        let meta = Meta { made_at: String::new(), who: "routedesk".into(), place: "memory".into(), why: String::new() };
        store.bring_in_shipped(&facts, shipped_checksum(), &meta)?;
        let lessons = Lessons::gather(&facts, with_silent);
        let model = Index::train(&lessons);
        Self::with_index(store, Index::with_model(lessons, model))
    }

    fn with_index(store: Store, index: Index) -> Result<Self, Error> {
        let (data_version, revision) = (store.data_version()?, store.revision()?);
        Ok(Self { state: Mutex::new(State { store, index: Arc::new(index), revision, data_version }) })
    }

    /// The answer of a topic that was chosen by its id.
    pub fn topic(&self, id: &str) -> Reply {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.store.topic(id) {
            Ok(Some(facts)) if facts.topic.is_silent() => wording::reply(&[Finding::unknown(Some(facts), None)]),
            Ok(Some(facts)) => wording::reply(&[Finding { score: 1.0, ..Finding::answer(facts) }]),
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
        state.catch_up()?;
        let index = Arc::clone(&state.index);
        let traces = understand(&index, utterance);
        let findings = traces.iter().map(|trace| find(&state.store, &index, trace)).collect::<Result<Vec<_>, _>>()?;
        Ok((wording::reply(&findings), traces))
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
    /// Takes in what other processes changed since the last question.
    fn catch_up(&mut self) -> Result<(), Error> {
        let data_version = self.store.data_version()?;
        if data_version == self.data_version {
            return Ok(());
        }
        let revision = self.store.revision()?;
        if revision != self.revision {
            self.index = Arc::new(index_of(&self.store)?);
            self.revision = revision;
        }
        self.data_version = data_version;
        Ok(())
    }
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

/// The index of a database's facts, with the model that is kept there or a new one, which is then kept.
///
/// # Errors
/// If the database can't be read. That a model can't be kept is no error: the next start trains again.
pub fn index_of(store: &Store) -> Result<Index, Error> {
    let lessons = Lessons::gather(&store.facts()?, true);
    let checksum = lessons.checksum();
    let kept = store.model(checksum)?.and_then(|bytes| Model::from_bytes(&bytes));
    let model = kept.unwrap_or_else(|| {
        let model = Index::train(&lessons);
        if let Err(error) = store.keep_model(checksum, &model.to_bytes()) {
            tracing::warn!(%error, "the trained model could not be kept; the next start trains again");
        }
        model
    });
    Ok(Index::with_model(lessons, model))
}

/// Decides on each question of a message.
#[must_use]
pub fn understand(index: &Index, utterance: &Utterance) -> Vec<Trace> {
    let text = normalise::clean(&utterance.text);
    let context = utterance.context.as_deref().map(|context| index.mended_words(&normalise::clean(without_sources(context))));
    let parts = questions(split(&text));
    let whole = one(index, &index.mended_words(&text), context.as_deref());
    if parts.len() < 2 {
        let asked = parts.first().map_or(text.as_str(), |part| part.text.as_str());
        let words = index.mended_words(asked);
        let single = if words == whole.words { whole } else { better(one(index, &words, context.as_deref()), whole) };
        return halves(index, asked).unwrap_or_else(|| vec![single]);
    }
    let mut traces: Vec<Trace> = Vec::new();
    let mut before = context;
    for part in parts {
        let words = index.mended_words(&part.text);
        let trace = one(index, &words, before.as_deref());
        before = Some(words);
        let repeats = traces.iter().any(|other| other.decision == trace.decision);
        if !repeats && trace.decision != Decision::Empty {
            traces.push(trace);
        }
    }
    let answered = |trace: &Trace| matches!(trace.decision, Decision::Answer(_) | Decision::Correct { .. });
    if traces.is_empty() || (answered(&whole) && !traces.iter().any(answered)) { vec![whole] } else { traces }
}

/// Two questions in one without question words, such as "flight number and landing time": taken apart only if both
/// halves are sure by themselves and about different things.
fn halves(index: &Index, text: &str) -> Option<Vec<Trace>> {
    joints(text).into_iter().find_map(|(first, second)| {
        let traces = [first, second].map(|half| index.decide(&index.mended_words(half)));
        let sure = |trace: &Trace| {
            let best = trace.candidates.first();
            matches!(trace.decision, Decision::Answer(_)) && best.is_some_and(|best| best.confidence >= SURE_HALF)
        };
        let differ = traces[0].decision != traces[1].decision;
        (traces.iter().all(sure) && differ).then(|| traces.to_vec())
    })
}

/// The confidence from which on half a sentence is taken for a question of its own.
const SURE_HALF: f32 = 0.6;

/// The places where two questions may have been joined.
fn joints(text: &str) -> Vec<(&str, &str)> {
    [" and ", ", ", " & ", " + ", " plus ", " also "]
        .iter()
        .flat_map(|joint| text.match_indices(joint).map(|(at, _)| (&text[..at], &text[at + joint.len()..])))
        .take(MAX_QUESTIONS)
        .collect()
}

/// The desk's own reply may be what a message replies to: its list of sources says nothing of the question.
fn without_sources(text: &str) -> &str {
    text.find("\n[1] ").map_or(text, |at| &text[..at])
}

/// The parts that ask something; all of the text as one if none or too many do.
fn questions(parts: Vec<Part>) -> Vec<Part> {
    let asking: Vec<Part> = parts.into_iter().filter(|part| part.asks).collect();
    if asking.len() > MAX_QUESTIONS { Vec::new() } else { asking }
}

/// Between a question alone and the message around it: the question alone, unless only the message tells what it is
/// about.
fn better(part: Trace, whole: Trace) -> Trace {
    let leans = matches!(part.decision, Decision::Empty) || part.content <= 1 && !matches!(part.decision, Decision::Answer(_));
    if leans && whole.content > part.content { whole } else { part }
}

/// The confidence from which on a question that could lean on an earlier one is taken by itself.
const SURE_ALONE: f32 = 0.8;

/// Decides on one question, with what was said before it if it leans on that.
fn one(index: &Index, words: &[String], context: Option<&[String]>) -> Trace {
    let alone = index.decide(words);
    let Some(context) = context.filter(|_| leans_on_context(words, alone.content)) else { return alone };
    if points_back(words) && alone.content <= FEW_WORDS {
        let together = index.decide_in_context(words, context);
        if matches!(together.decision, Decision::Answer(_)) {
            return together;
        }
    }
    let sure = alone.candidates.first().is_some_and(|best| best.confidence >= SURE_ALONE);
    if sure && matches!(alone.decision, Decision::Answer(_) | Decision::Correct { .. } | Decision::Social(_)) && alone.content > 1 {
        return alone;
    }
    let together = index.decide_in_context(words, context);
    match together.decision {
        Decision::Answer(_) | Decision::Correct { .. } | Decision::Choose(_) => together,
        _ => alone,
    }
}

/// Whether a question is short or begins as one that goes on from another.
fn leans_on_context(words: &[String], content: usize) -> bool {
    let opens = words.first().is_some_and(|word| matches!(word.as_str(), "and" | "but" | "or" | "also" | "then" | "so"));
    let about = matches!(words, [first, second, ..] if matches!(first.as_str(), "what" | "how") && second == "about");
    content <= FEW_WORDS || (content <= 4 && (opens || about || points_back(words)))
}

/// Up to so many words that carry meaning a question may be the rest of another.
const FEW_WORDS: usize = 2;

/// Whether a question has a word that stands for something said before.
fn points_back(words: &[String]) -> bool {
    const POINTERS: [&str; 13] =
        ["it", "its", "that", "this", "they", "them", "their", "there", "he", "she", "him", "her", "those"];
    words.iter().any(|word| POINTERS.contains(&word.as_str()))
}

/// Reads the claims for a decision.
fn find(store: &Store, index: &Index, trace: &Trace) -> Result<Finding, Error> {
    let read = |topic: usize| -> Result<TopicFacts, Error> {
        let id = &index.topics()[topic].id;
        store.topic(id)?.ok_or_else(|| Error::Checksum { kind: "topic", id: id.clone() })
    };
    let mut finding = match &trace.decision {
        Decision::Answer(topic) => Finding::answer(read(*topic)?),
        Decision::Correct { by, asked } => {
            let asked = if by == asked { None } else { Some(read(*asked)?) };
            Finding::correction(read(*by)?, asked)
        }
        Decision::Choose(topics) => {
            let choice = |topic: &usize| (index.topics()[*topic].id.clone(), index.topics()[*topic].title.clone());
            let mut finding =
                Finding::bare(Outcome::Ambiguous, Lead::Choose(topics.iter().map(choice).collect()));
            finding.topics = topics.iter().map(|topic| index.topics()[*topic].id.clone()).collect();
            finding
        }
        Decision::Unknown { silent, nearest } => {
            Finding::unknown(silent.map(read).transpose()?, nearest.map(read).transpose()?)
        }
        Decision::Social(talk) => Finding::bare(Outcome::Social, Lead::Social(*talk)),
        Decision::Empty => Finding::bare(Outcome::Social, Lead::Empty),
    };
    finding.score = trace.candidates.first().map_or(0.0, |best| best.confidence);
    Ok(finding)
}
