//! Decides what to reply to a message: which topic answers each of its questions, or why none does.
//!
//! [`message::understand`] is the entry point. It cleans a message ([`normalise`]), splits it into questions
//! ([`split`]) and corrects their spelling ([`spelling`]). For each question, [`candidate`] scores the topics and
//! [`confidence`] turns the scores into a probability. [`decide`] chooses: answer, offer a choice, or reply that the
//! sources don't say.
//!
//! This is the only module with fuzzy matching.

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

/// Returns a text's words joined by single spaces. The result is equal for texts that differ only in case, punctuation
/// and spacing.
#[must_use]
pub fn fold(text: &str) -> String {
    text_words(text).join(" ")
}

/// Returns a hash of what a question asks: the same for questions that differ only in inflection, word order and
/// filler. Never 0.
#[must_use]
pub fn question_key(words: &[String]) -> u64 {
    static FILLER: LazyLock<HashSet<String>> = LazyLock::new(|| Speech::shipped().filler_stems());
    // The lexicon lists these as filler, but they distinguish questions: *when* isn't *where*.
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

/// A kind of small talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmallTalk {
    /// A greeting: "hello".
    Greeting,
    /// Thanks: "thank you".
    Thanks,
    /// A farewell: "goodbye".
    Farewell,
    /// A request for help: "what can I ask?".
    Help,
    /// A question about the bot: "who are you?".
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

/// The kind of answer that a topic has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answerable {
    /// The sources answer the topic.
    Yes,
    /// The sources don't answer the topic: it is silent.
    No,
    /// The topic is small talk.
    Social(SmallTalk),
}

/// A topic's entry in the index.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TopicEntry {
    /// Topic id; `social-…` for small talk.
    pub id: String,
    /// Title, for replies.
    pub title: String,
    /// Id of the topic's subject; `social` for small talk.
    pub subject: String,
    /// Kind of answer.
    pub answerable: Answerable,
    /// Ids of the claims that answer the topic. They show whether two topics give the same answer.
    claims: Vec<String>,
    /// Figures in the claims; for a silent topic, figures in its examples, aliases and title.
    numbers: Arc<HashSet<String>>,
    /// The distance from each [`asks::Ask`]: 0 if the topic is about it, 1 if no example asks for it and no claim gives
    /// it.
    ask_gaps: [f32; asks::ASKS],
    /// Words and figures of the claims: what the sources confirm. Empty for a silent topic.
    claimed: Arc<HashSet<String>>,
    /// Stems of the claims, and stems that several examples use.
    named: Arc<HashSet<u32>>,
    /// Stems that the examples ask for, ascending. Empty until the lexicon has numbered them.
    asked: Vec<u32>,
    /// Roles of names in the examples and claims.
    roles: Arc<HashSet<roles::Role>>,
    /// Surnames of the people in the first claim.
    people: Vec<String>,
    /// Kinds of figures in the claims, for the correction of wrong ones.
    figures: Vec<false_premise::Figure>,
}

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}
