//! The desk answers a message for a platform: it understands the questions, reads the claims and returns the reply. It knows
//! no platform.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use xxhash_rust::xxh3::Xxh3;

use crate::answer::{AnswerPlan, Lead, Outcome};
use crate::facts::{Facts, text};
use crate::language::Language;
use crate::store::{Applied, ChangedTopic, Edit, Meta, Scope, ScopeOverlay, Store, StoreError, TopicFacts, TrainedOn};
use crate::understanding::decide::Trace;
use crate::understanding::message::understand;
use crate::understanding::{Change, Decision, Index, LessonCache, Trained, TrainingSet, question_key};
use crate::utterance::Utterance;
use crate::wording::{self, AnswerRecipe, RecipePart, Reply};

/// A database of facts and the index that matches questions to its topics.
pub struct Desk {
    state: Mutex<State>,
}

struct State {
    store: Store,
    index: Arc<Index>,
    /// The facts that the index below its layers was trained on.
    trained_on: TrainedOn,
    /// A cache for the layers of changed topics.
    lesson_cache: LessonCache,
    /// The revision that the index reflects.
    revision: i64,
    /// The views of communities that asked recently.
    views: HashMap<Scope, Arc<ScopeView>>,
}

/// The facts as a scope sees them: its index, and its overlay over the shared facts.
struct ScopeView {
    index: Arc<Index>,
    overlay: ScopeOverlay,
    /// The revision that the view reflects.
    revision: i64,
}

/// The number of views that are cached. Making one again takes a few milliseconds.
const VIEWS_KEPT: usize = 2_000;

/// A reply with the decisions behind it.
pub struct Answered {
    /// The reply.
    pub reply: Reply,
    /// One trace for each question of the message.
    pub traces: Vec<Trace>,
    /// The time it took to answer, in microseconds.
    pub elapsed_us: u64,
}

impl Answered {
    /// Returns the questions of the message that are unanswered or ambiguous: their spell-corrected words, and the key that
    /// equal questions share.
    pub fn unanswered(&self) -> impl Iterator<Item = (String, u64)> {
        let is_open = |decision: &Decision| matches!(decision, Decision::Unknown { .. } | Decision::Choose(_));
        let open = self.traces.iter().filter(move |trace| is_open(&trace.decision) && !trace.words.is_empty());
        open.map(|trace| (trace.words.join(" "), question_key(&trace.words)))
    }
}

impl Desk {
    /// Opens the desk on a database: imports the facts of this release and loads the index.
    ///
    /// # Errors
    /// If the database can't be read or written, or is damaged.
    pub fn open(store: Store, meta: &Meta) -> Result<(Self, Applied), StoreError> {
        Self::open_with_notice(store, meta, || {})
    }

    /// Like [`Self::open`], and calls `before_training` if the index has to be trained first, which takes several seconds.
    ///
    /// # Errors
    /// If the database can't be read or written, or is damaged.
    pub fn open_with_notice(
        mut store: Store,
        meta: &Meta,
        before_training: impl FnOnce(),
    ) -> Result<(Self, Applied), StoreError> {
        let applied = store.bring_in_shipped(text::shipped, shipped_checksum(), meta)?;
        Ok((Self { state: Mutex::new(State::of(store, before_training)?) }, applied))
    }

    /// Opens a desk on the shipped facts in memory, for measuring. Without `with_silent` it leaves out the silent topics.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn on_shipped_facts(with_silent: bool) -> Result<Self, StoreError> {
        let facts = text::shipped();
        let mut store = Store::open(Path::new(":memory:"))?;
        let meta = Meta { made_at: String::new(), who: "routedesk".into(), place: "memory".into(), why: String::new() };
        store.bring_in_shipped(|| facts.clone(), shipped_checksum(), &meta)?;
        let training_set = TrainingSet::gather(&facts, with_silent);
        let model = Trained::train(&training_set);
        let index = Arc::new(Index::of(Arc::new(Trained::with_model(training_set, model))));
        let (trained_on, revision) = (store.trained_on()?, store.revision()?);
        Ok(Self { state: Mutex::new(State::with(store, index, trained_on, revision)) })
    }

    /// Returns the answer of the topic `id`, in a language, as a scope sees it.
    pub fn topic(&self, scope: &Scope, id: &str, language: Language) -> Reply {
        let mut state = self.lock();
        let read = state.view(scope).and_then(|view| answer_of(&state.store, &view, id, language));
        read.unwrap_or_else(|error| {
            tracing::error!(%error, "the desk could not answer");
            wording::trouble()
        })
    }

    /// Answers a message. Never fails: on an error or a panic the reply says so, and a log record names the cause.
    pub fn answer(&self, utterance: &Utterance) -> Answered {
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.reply(utterance)));
        let (reply, traces) = match outcome {
            Ok(Ok(answered)) => answered,
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
        // A topic that a moderator added has an id made of the moderator's words, which don't belong in a log.
        let index = self.index();
        let shipped = |id: &String| if index.trained().has_topic(id) { id.clone() } else { "added".to_owned() };
        let topics: Vec<String> = reply.topics.iter().map(shipped).collect();
        tracing::info!(outcome = ?reply.outcome, ?topics, score = reply.score, elapsed_us, "answered");
        Answered { reply, traces, elapsed_us }
    }

    fn reply(&self, utterance: &Utterance) -> Result<(Reply, Vec<Trace>), StoreError> {
        let mut state = self.lock();
        let view = state.view(&utterance.scope)?;
        // One read transaction, so that the whole reply belongs to the revision of the index.
        let read = state.store.begin_read()?;
        if state.store.revision()? != state.revision {
            drop(read);
            drop(state);
            return self.reply(utterance);
        }
        reply_in(&state.store, &view, utterance)
    }

    /// Returns each probe's reply before and after edits to a scope's facts, without making the edits.
    ///
    /// # Errors
    /// If the database is damaged.
    pub fn preview(&self, scope: &Scope, edits: &[Edit], of: &[Probe]) -> Result<Vec<(Reply, Reply)>, StoreError> {
        let mut state = self.lock();
        let before = state.view(scope)?;
        let after = state.view_with(&before, edits)?;
        let see = |view: &ScopeView, probe: &Probe| match probe {
            Probe::Topic(id) => answer_of(&state.store, view, id, Language::English),
            Probe::Question(text) => Ok(reply_in(&state.store, view, &Utterance::new(text).within(scope.clone()))?.0),
        };
        of.iter().map(|probe| Ok((see(&before, probe)?, see(&after, probe)?))).collect()
    }

    /// Makes an earlier reply again from its recipe and today's facts. A topic that is gone becomes an unknown.
    ///
    /// # Errors
    /// If the database is damaged.
    pub fn again(&self, scope: &Scope, recipe: &AnswerRecipe) -> Result<Reply, StoreError> {
        let mut state = self.lock();
        let view = state.view(scope)?;
        let _read = state.store.begin_read()?;
        let language = Language::from_code(&recipe.language).unwrap_or(Language::English);
        let mut plans = Vec::with_capacity(recipe.parts.len());
        for part in &recipe.parts {
            let is_there = |id: &String| view.index.topic(id).is_some();
            let plan = match part {
                // A topic that a person chose may be a silent one.
                RecipePart::Answer(id) if is_there(id) => plan_of_topic(&state.store, &view, id)?,
                part if part.topics().all(is_there) => plan_of_part(&state.store, &view, part, language)?,
                _ => AnswerPlan::unknown(None, None),
            };
            plans.push(plan.in_language(language));
        }
        Ok(with_recipe(&view, wording::reply(&plans, language), recipe.parts.clone()))
    }

    /// Returns the facts as a scope sees them, and the newest revision.
    ///
    /// # Errors
    /// If the database is damaged.
    pub fn facts_of(&self, scope: &Scope) -> Result<(Facts, i64), StoreError> {
        let state = self.lock();
        let _read = state.store.begin_read()?;
        Ok((state.store.facts_of(scope)?, state.store.revision()?))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the index as a scope sees it.
    ///
    /// # Errors
    /// If the database is damaged.
    pub fn index_of(&self, scope: &Scope) -> Result<Arc<Index>, StoreError> {
        Ok(Arc::clone(&self.lock().view(scope)?.index))
    }

    /// Returns the index of the shared facts.
    #[must_use]
    pub fn index(&self) -> Arc<Index> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner).index)
    }
}

impl State {
    /// Loads or trains the index. Reads all facts first, so that damage is found before the first answer.
    fn of(store: Store, before_training: impl FnOnce()) -> Result<Self, StoreError> {
        store.facts()?;
        let trained_on = store.trained_on()?;
        let index = Arc::new(Index::of(Arc::new(trained(&store, trained_on, before_training)?)));
        let mut state = Self::with(store, index, trained_on, 0);
        state.catch_up()?;
        Ok(state)
    }

    fn with(store: Store, index: Arc<Index>, trained_on: TrainedOn, revision: i64) -> Self {
        Self { store, index, trained_on, lesson_cache: LessonCache::default(), revision, views: HashMap::new() }
    }

    /// Returns a scope's view of the newest revision.
    fn view(&mut self, scope: &Scope) -> Result<Arc<ScopeView>, StoreError> {
        if self.store.revision()? != self.revision {
            self.catch_up()?;
        }
        if let Some(view) = self.views.get(scope) {
            return Ok(Arc::clone(view));
        }
        let overlay = self.store.overlay(scope)?;
        let view = Arc::new(self.view_over(&self.index.clone(), overlay)?);
        if self.views.len() >= VIEWS_KEPT {
            self.views.clear();
        }
        self.views.insert(scope.clone(), Arc::clone(&view));
        Ok(view)
    }

    /// Returns a view with edits on top of another.
    fn view_with(&mut self, below: &ScopeView, edits: &[Edit]) -> Result<ScopeView, StoreError> {
        let shared = Arc::clone(&self.index);
        self.view_over(&shared, below.overlay.clone().with(edits))
    }

    fn view_over(&mut self, shared: &Arc<Index>, overlay: ScopeOverlay) -> Result<ScopeView, StoreError> {
        if overlay.is_empty() {
            return Ok(ScopeView { index: Arc::clone(shared), overlay, revision: self.revision });
        }
        let topics = self.store.topics_changed_by(&overlay)?;
        let changes: Vec<Change<'_>> = topics.iter().map(as_change).collect();
        let index = Arc::new(shared.with(&changes, &mut self.lesson_cache));
        Ok(ScopeView { index, overlay, revision: self.revision })
    }

    /// Updates the index with what this or another process changed since the last question.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        let (trained_on, revision, topics) = {
            let _read = self.store.begin_read()?;
            let trained_on = self.store.trained_on()?;
            (trained_on, self.store.revision()?, self.store.topics_changed_since(trained_on.revision)?)
        };
        let mut below = Arc::clone(self.index.trained());
        if trained_on != self.trained_on {
            self.store.facts()?;
            self.lesson_cache = LessonCache::default();
            below = Arc::new(trained(&self.store, trained_on, || {})?);
        }
        let changes: Vec<Change<'_>> = topics.iter().map(as_change).collect();
        let scopes = self.store.scopes_changed_since(self.revision)?;
        if scopes.contains(&Scope::Shared) {
            self.views.clear();
        }
        scopes.iter().for_each(|scope| drop(self.views.remove(scope)));
        self.index = Arc::new(Index::of(below).with(&changes, &mut self.lesson_cache));
        (self.trained_on, self.revision) = (trained_on, revision);
        Ok(())
    }
}

fn as_change(changed: &ChangedTopic) -> Change<'_> {
    let (topic, claims) = changed.topic.as_ref().map_or((None, &[][..]), |(topic, claims)| (Some(topic), claims));
    Change { id: &changed.id, subject: &changed.subject, topic, claims: claims.iter().collect() }
}

/// Returns the checksum of the facts in the binary.
#[must_use]
pub fn shipped_checksum() -> u64 {
    let mut hasher = Xxh3::new();
    for (name, text) in text::SHIPPED {
        hasher.update(name.as_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.digest()
}

/// Loads the index of a revision's facts from the database, or trains and stores it.
fn trained(store: &Store, on: TrainedOn, before_training: impl FnOnce()) -> Result<Trained, StoreError> {
    if let Some(trained) = store.index_of_facts(Trained::checksum(on.state), Trained::from_bytes)? {
        return Ok(trained);
    }
    before_training();
    train(store, &store.facts_at(on.revision)?)
}

/// Trains and stores the index of facts that are about to be imported, so that a running bot only has to load it.
///
/// # Errors
/// If the database can't be read.
pub fn prepare_index(store: &Store, facts: &Facts) -> Result<(), StoreError> {
    let kept = store.index_of_facts(Trained::checksum(Store::checksum_of(facts)), Trained::from_bytes)?;
    if kept.is_none() {
        train(store, facts)?;
    }
    Ok(())
}

/// Trains an index and stores it in the database. Failing to store it is no error: the next start trains again.
fn train(store: &Store, facts: &Facts) -> Result<Trained, StoreError> {
    let training_set = TrainingSet::gather(facts, true);
    let taught = training_set.checksum();
    // If only values or citations changed, the trained part of an earlier index still fits.
    let kept = store.index_of_training_set(taught, Trained::from_bytes)?;
    let model = kept.map_or_else(|| Trained::train(&training_set), Trained::into_model);
    let trained = Trained::with_model(training_set, model);
    let checksum = Trained::checksum(Store::checksum_of(facts));
    if let Err(error) = store.keep_index(checksum, taught, &trained.to_bytes()) {
        tracing::warn!(%error, "the index could not be stored; the next start trains it again");
    }
    Ok(trained)
}

/// A reply that a preview shows before and after an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// The answer of a topic.
    Topic(String),
    /// The answer to a question.
    Question(String),
}

/// Answers an utterance from its scope's view.
fn reply_in(store: &Store, view: &ScopeView, utterance: &Utterance) -> Result<(Reply, Vec<Trace>), StoreError> {
    let traces = understand(&view.index, utterance);
    let language = traces.first().map_or(Language::English, |trace| trace.language);
    let parts: Vec<RecipePart> = traces.iter().map(|trace| part_of(&view.index, &trace.decision)).collect();
    let mut plans = Vec::with_capacity(traces.len());
    for (trace, part) in traces.iter().zip(&parts) {
        let mut plan = plan_of(store, view, part, trace)?;
        plan.score = trace.candidates.first().map_or(0.0, |best| best.confidence);
        plans.push(plan);
    }
    let reply = Reply { open: unknown_words(&traces), ..wording::reply(&plans, language) };
    Ok((with_recipe(view, reply, parts), traces))
}

/// Returns the words of the first question that has no answer.
fn unknown_words(traces: &[Trace]) -> Option<String> {
    let is_unknown = |trace: &&Trace| matches!(trace.decision, Decision::Unknown { .. }) && !trace.words.is_empty();
    traces.iter().find(is_unknown).map(|trace| trace.words.join(" "))
}

/// Returns the reply of one topic.
fn answer_of(store: &Store, view: &ScopeView, id: &str, language: Language) -> Result<Reply, StoreError> {
    let plan = plan_of_topic(store, view, id)?.in_language(language);
    let reply = wording::reply(&[plan], language);
    Ok(with_recipe(view, reply, vec![RecipePart::Answer(id.to_owned())]))
}

/// Returns the answer plan of a topic, or an unknown if there is no such topic.
fn plan_of_topic(store: &Store, view: &ScopeView, id: &str) -> Result<AnswerPlan, StoreError> {
    Ok(match store.topic_in(&view.overlay, id)? {
        Some(facts) if facts.topic.is_silent() => AnswerPlan::unknown(Some(facts), None),
        Some(facts) => AnswerPlan { score: 1.0, ..AnswerPlan::answer(facts) },
        None => AnswerPlan::unknown(None, None),
    })
}

/// Attaches the recipe to a reply whose claims may change later.
fn with_recipe(view: &ScopeView, reply: Reply, parts: Vec<RecipePart>) -> Reply {
    if reply.claims.is_empty() || parts.contains(&RecipePart::Said) {
        return reply;
    }
    let recipe = AnswerRecipe { language: reply.language.code().to_owned(), parts, revision: view.revision };
    Reply { recipe: Some(recipe), ..reply }
}

/// Turns a decision into the part of a recipe that reproduces it.
fn part_of(index: &Index, decision: &Decision) -> RecipePart {
    let id = |topic: &usize| index.topics()[*topic].id.clone();
    match decision {
        Decision::Answer(topic) => RecipePart::Answer(id(topic)),
        Decision::Correct { by, asked } => RecipePart::Correct(id(by), (by != asked).then(|| id(asked))),
        Decision::Choose(topics) => RecipePart::Choose(topics.iter().map(id).collect()),
        Decision::Unknown { silent, nearest } => RecipePart::Unknown(silent.as_ref().map(id), nearest.as_ref().map(id)),
        Decision::Social(_) | Decision::Empty | Decision::Foreign => RecipePart::Said,
    }
}

/// Returns the answer plan for a decision.
fn plan_of(store: &Store, view: &ScopeView, part: &RecipePart, trace: &Trace) -> Result<AnswerPlan, StoreError> {
    let plan = match &trace.decision {
        Decision::Social(talk) => AnswerPlan::bare(Outcome::Social, Lead::Social(*talk)),
        Decision::Empty => AnswerPlan::bare(Outcome::Social, Lead::Empty),
        Decision::Foreign => AnswerPlan::bare(Outcome::Unknown, Lead::Foreign),
        _ => plan_of_part(store, view, part, trace.language)?,
    };
    Ok(plan.in_language(trace.language))
}

/// Reads the topics of a recipe's part and returns the answer plan.
fn plan_of_part(
    store: &Store,
    view: &ScopeView,
    part: &RecipePart,
    language: Language,
) -> Result<AnswerPlan, StoreError> {
    let read = |id: &String| -> Result<TopicFacts, StoreError> {
        store.topic_in(&view.overlay, id)?.ok_or_else(|| StoreError::Checksum { kind: "topic", id: id.clone() })
    };
    let read_some = |id: &Option<String>| id.as_ref().map(read).transpose();
    Ok(match part {
        RecipePart::Answer(topic) => AnswerPlan::answer(read(topic)?),
        RecipePart::Correct(by, asked) => AnswerPlan::false_premise(read(by)?, read_some(asked)?),
        RecipePart::Choose(topics) => {
            let title = |id: &String| view.index.topic(id).map(|topic| topic.title.clone()).unwrap_or_default();
            let choice = |id: &String| {
                let said = language.pack().topic(id).map(|said| said.title.clone());
                (id.clone(), said.unwrap_or_else(|| title(id)))
            };
            let mut plan = AnswerPlan::bare(Outcome::Ambiguous, Lead::Choose(topics.iter().map(choice).collect()));
            plan.topics.clone_from(topics);
            plan
        }
        RecipePart::Unknown(silent, nearest) => AnswerPlan::unknown(read_some(silent)?, read_some(nearest)?),
        RecipePart::Said => AnswerPlan::bare(Outcome::Social, Lead::Empty),
    })
}
