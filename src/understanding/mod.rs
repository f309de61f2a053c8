//! Text in, a decision out: the only fuzzy matching in the desk.
//!
//! A message is cleaned ([`normalise`]), cut into questions ([`split`]), its spelling mended ([`spelling`]), its
//! features taken ([`features`], [`vectors`]) and its topics scored ([`classifier`]). Then [`decide`] looks at how well
//! the best topic fits, how far the next one is, and which words it leaves unexplained ([`lexicon`]).

pub mod asks;
pub mod candidate;
pub mod classifier;
pub mod confidence;
pub mod correct;
pub mod decide;
pub mod examples;
pub mod features;
mod heard;
pub mod intents;
pub mod lessons;
pub mod lexicon;
pub mod likeness;
pub mod links;
pub mod matcher;
pub mod message;
pub mod model;
pub mod normalise;
pub mod phrasebook;
pub mod rows;
pub mod spelling;
pub mod split;
pub mod vectors;

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

pub use candidate::Candidate;
pub use decide::{Decision, Trace};
use examples::Examples;
pub use heard::Origin;
pub use lessons::Lessons;
use lexicon::{Lexicon, Shorthand, Speech, text_words};
use model::Model;
use phrasebook::Phrasebook;
use rows::Rows;
use spelling::{English, Speller};
use vectors::Vectors;

use crate::language::{self, Language};

/// A text's words, joined by single spaces: equal for texts that differ only in case, punctuation and spacing.
#[must_use]
pub fn fold(text: &str) -> String {
    text_words(text).join(" ")
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
#[derive(Debug, Serialize, Deserialize)]
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
    numbers: HashSet<String>,
    /// How little it is about each thing that can be asked for.
    ask_gaps: [f32; asks::ASKS],
    /// The words and figures of its claims alone: what the sources confirm.
    claimed: HashSet<String>,
    /// The stems of its claims, and those that several of its examples use.
    named: HashSet<u32>,
    /// The stems that its examples ask for, once the lexicon has numbered them.
    asked: Vec<u32>,
    /// Who does what to whom in its examples and claims.
    links: HashSet<links::Link>,
    /// The people whom its first claim names.
    people: Vec<String>,
    /// What kinds of figure its claims have, for correcting wrong ones.
    figures: Vec<correct::Figure>,
}

/// The topics and all that is learnt from their examples.
pub struct Index {
    topics: Vec<TopicEntry>,
    model: Model,
    vectors: Vectors,
    examples: Examples,
    lexicon: Lexicon,
    confidence: confidence::Confidence,
    /// A vector for each stem of the lexicon.
    stem_vectors: Rows,
    filler: HashSet<String>,
    markers: HashSet<String>,
    names: HashSet<String>,
    subjects: HashSet<String>,
    rivals: Vec<lexicon::Rivals>,
    /// Words that make a message small talk where it asks nothing.
    cues: HashMap<String, SmallTalk>,
    shorthand: Shorthand,
    speller: Speller,
    english: English,
    phrasebooks: Vec<Phrasebook>,
}

/// The part of an index that is learnt from the facts.
#[derive(Deserialize)]
struct Learnt {
    topics: Vec<TopicEntry>,
    model: Model,
    examples: Examples,
    lexicon: Lexicon,
    stem_vectors: Rows,
    speller: Speller,
    phrasebooks: Vec<Phrasebook>,
}

/// How often a word that is neither English nor in a claim must occur in the examples to be no slip of their writers'
/// fingers.
const SURELY_A_WORD: u32 = 5;

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

impl Index {
    /// Trains a model on the lessons. Takes a second or two; [`Self::with_model`] takes one that was kept.
    #[must_use]
    pub fn train(lessons: &Lessons) -> Model {
        Model::train(&lessons.texts, &lessons.lexicon, &Vectors::shipped())
    }

    /// Puts an index together.
    #[must_use]
    pub fn with_model(lessons: Lessons, model: Model) -> Self {
        let vectors = Vectors::shipped();
        let mut counts: HashMap<String, u32> = HashMap::new();
        for word in lessons.texts.iter().chain(&lessons.statements).flatten().flatten() {
            *counts.entry(word.clone()).or_default() += 1;
        }
        let english = English::new();
        let claimed: HashSet<&String> = lessons.statements.iter().flatten().flatten().collect();
        let is_sure = |word: &String| english.knows(word) || claimed.contains(word);
        counts.retain(|word, count| *count >= SURELY_A_WORD || is_sure(word));
        let in_question: Vec<String> = counts.keys().filter(|word| !is_sure(word)).cloned().collect();
        for word in lessons.speech.cues.values().flatten() {
            counts.entry(word.clone()).or_default();
        }
        for word in lessons.speech.rivals.iter().flat_map(|rivals| &rivals.names).flat_map(|name| name.split(' ')) {
            counts.entry(word.to_owned()).or_default();
        }
        let mut speller = Speller::new(counts);
        speller.forget_slips(&in_question);
        let lexicon = lessons.lexicon;
        let stem_vectors = lexicon.vectors(&vectors);
        let examples = Examples::gather(&lessons.texts, &lexicon, &lessons.speech.filler_stems(), &vectors);
        let phrasebooks = Language::others().map(|language| Phrasebook::learn(language, &lessons.topics)).collect();
        let learnt = Learnt { topics: lessons.topics, model, examples, lexicon, stem_vectors, speller, phrasebooks };
        Self::assemble(learnt, lessons.speech, vectors, english)
    }

    fn assemble(learnt: Learnt, speech: Speech, vectors: Vectors, english: English) -> Self {
        Self {
            confidence: confidence::Confidence::shipped(),
            filler: speech.filler_stems(),
            markers: speech.marker_stems(),
            names: speech.name_stems(),
            subjects: speech.subject_stems(),
            cues: cues(&speech),
            shorthand: speech.shorthand(),
            rivals: speech.rivals,
            english,
            vectors,
            topics: learnt.topics,
            model: learnt.model,
            examples: learnt.examples,
            lexicon: learnt.lexicon,
            stem_vectors: learnt.stem_vectors,
            speller: learnt.speller,
            phrasebooks: learnt.phrasebooks,
        }
    }

    /// What is learnt from the facts, as bytes, for keeping.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let learnt = (
            &self.topics,
            &self.model,
            &self.examples,
            &self.lexicon,
            &self.stem_vectors,
            &self.speller,
            &self.phrasebooks,
        );
        postcard::to_stdvec(&learnt).expect("what is learnt is made of lists and maps")
    }

    /// Reads what [`Self::to_bytes`] wrote; none if the bytes aren't that.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let learnt = postcard::from_bytes(bytes).ok()?;
        Some(Self::assemble(learnt, Speech::shipped(), Vectors::shipped(), English::new()))
    }

    /// The trained model of an index that was kept.
    #[must_use]
    pub fn into_model(self) -> Model {
        self.model
    }

    /// A checksum of everything that an index depends on, given that of the facts.
    #[must_use]
    pub fn checksum(facts: i64) -> u64 {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(&facts.to_le_bytes());
        hasher.update(&model::VERSION.to_le_bytes());
        hasher.update(&Vectors::shipped_checksum().to_le_bytes());
        hasher.update(&lexicon::shipped_checksum().to_le_bytes());
        hasher.update(&language::shipped_checksum().to_le_bytes());
        hasher.digest()
    }

    /// The list of general English.
    #[must_use]
    pub fn english(&self) -> &English {
        &self.english
    }

    /// The phrasebook of a language.
    #[must_use]
    pub fn phrasebook(&self, language: Language) -> Option<&Phrasebook> {
        self.phrasebooks.iter().find(|phrasebook| phrasebook.language() == language)
    }

    /// The topics, in the order of their numbers.
    #[must_use]
    pub fn topics(&self) -> &[TopicEntry] {
        &self.topics
    }

    /// The words of a text, spelling mended.
    #[must_use]
    pub fn mended_words(&self, text: &str) -> Vec<String> {
        let mut words = self.shorthand.written_out(normalise::words(text));
        for word in &mut words {
            if let Some(mended) = self.speller.mend(word, &self.english) {
                *word = mended.to_owned();
            }
        }
        words
    }

    /// How far a word is like the nearest one that the topic uses, from 0 to 1.
    fn likeness(&self, topic: usize, word: &heard::Word<'_>) -> f32 {
        match (&word.vector, word.stem) {
            (_, Some(stem)) => self.model.likenesses.to_topic(stem, topic),
            (Some(vector), None) => {
                let cosines = self.stem_vectors.products(vector, self.lexicon.stems_of(topic));
                likeness::alike(cosines.into_iter().fold(0.0, f32::max))
            }
            (None, None) => 0.0,
        }
    }
}

fn cues(speech: &Speech) -> HashMap<String, SmallTalk> {
    let pairs =
        speech.cues.iter().flat_map(|(kind, words)| words.iter().map(|word| (word.clone(), SmallTalk::of(kind))));
    pairs.collect()
}
