//! Text in, a decision out: the only fuzzy matching in the desk.
//!
//! A message is cleaned ([`normalise`]), cut into questions ([`split`]), its spelling mended ([`spelling`]), its
//! features taken ([`features`], [`vectors`]) and its topics scored ([`classifier`]). Then [`decide`] looks at how well
//! the best topic fits, how far the next one is, and which words it leaves unexplained ([`lexicon`]).

pub mod asks;
pub mod candidate;
pub mod classifier;
pub mod confidence;
pub mod decide;
pub mod examples;
pub mod false_premise;
mod false_premise_phrases;
pub mod features;
mod index;
pub mod intents;
mod layer;
pub mod lexicon;
pub mod likeness;
pub mod matcher;
pub mod message;
pub mod model;
pub mod normalise;
pub mod phrasebook;
pub mod quantized;
mod question_words;
pub mod reader;
pub mod roles;
pub mod spelling;
pub mod split;
mod taught;
pub mod training_set;
pub mod vectors;

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

pub use candidate::Candidate;
pub use decide::{Decision, Trace};
pub use index::{Index, Trained};
pub use layer::{Change, LessonCache};
use lexicon::{Speech, text_words};
pub use question_words::WordClass;
pub use training_set::TrainingSet;

/// A text's words, joined by single spaces: equal for texts that differ only in case, punctuation and spacing.
#[must_use]
pub fn fold(text: &str) -> String {
    text_words(text).join(" ")
}

/// What a question asks, as a hash: the same for questions that differ in their endings, their order and in words that say
/// nothing. Never 0.
#[must_use]
pub fn question_key(words: &[String]) -> u64 {
    static FILLER: LazyLock<HashSet<String>> = LazyLock::new(|| Speech::shipped().filler_stems());
    // When isn't where.
    const ASKING: [&str; 5] = ["who", "when", "where", "why", "how"];
    let stems = words.iter().map(|word| normalise::stem(word));
    let tells = |stem: &String| !FILLER.contains(stem) || ASKING.contains(&stem.as_str());
    let mut informative: Vec<String> = stems.clone().filter(tells).collect();
    if informative.is_empty() {
        informative = stems.collect();
    }
    informative.sort_unstable();
    informative.dedup();
    xxh3_64(informative.join(" ").as_bytes()).max(1)
}

/// What small talk is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmallTalk {
    /// Hello.
    Greeting,
    /// Thank you.
    Thanks,
    /// Goodbye.
    Farewell,
    /// What can I ask?
    Help,
    /// Who are you?
    Identity,
}

impl SmallTalk {
    fn of(kind: &str) -> Self {
        match kind {
            "greeting" => Self::Greeting,
            "thanks" => Self::Thanks,
            "farewell" => Self::Farewell,
            "identity" => Self::Identity,
            _ => Self::Help,
        }
    }
}

/// What kind of answer a topic has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answerable {
    /// The sources answer it.
    Yes,
    /// The sources are silent about it.
    No,
    /// It isn't a question about facts.
    Social(SmallTalk),
}

/// What the index keeps of a topic.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TopicEntry {
    /// The topic's id; `social-…` for small talk.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its subject's id.
    pub subject: String,
    /// What kind of answer it has.
    pub answerable: Answerable,
    /// The claims that answer it, for telling whether two topics say the same.
    claims: Vec<String>,
    /// The figures that its claims name; for a silent topic its examples.
    numbers: Arc<HashSet<String>>,
    /// How little it is about each thing that can be asked for.
    ask_gaps: [f32; asks::ASKS],
    /// The words and figures of its claims alone: what the sources confirm.
    claimed: Arc<HashSet<String>>,
    /// The stems of its claims, and those that several of its examples use.
    named: Arc<HashSet<u32>>,
    /// The stems that its examples ask for, once the lexicon has numbered them.
    asked: Vec<u32>,
    /// Who does what to whom in its examples and claims.
    roles: Arc<HashSet<roles::Role>>,
    /// The people whom its first claim names.
    people: Vec<String>,
    /// What kinds of figure its claims have, for correcting wrong ones.
    figures: Vec<false_premise::Figure>,
}

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}
