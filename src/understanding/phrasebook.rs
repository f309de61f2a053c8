//! Learns languages for which there are a few dozen examples per topic and no word vectors, from words and the
//! character runs in them, which also match inflected forms and typos.
//!
//! Korean is decomposed into jamo, so that a slip in a syllable is one letter, and a noun stays the same before a
//! particle. [`super::reader`] reads questions with a phrasebook.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::classifier::{Classifier, Sides};
use super::features::{Features, Sparse};
use super::quantized::QuantizedVector;
use super::spelling::{EditLimits, Speller};
use super::taught::{Taught, Text};
use super::{Answerable, SmallTalk, TopicEntry, normalise};
use crate::language::Language;

/// Minimum word lengths, in letters, for corrections of spelling. Longer than in English, because no list of the
/// language's other words keeps those from being taken for slips, and because a Korean syllable has two or three jamo.
const RUSSIAN_EDIT_LIMITS: EditLimits = EditLimits { one_from: 5, two_from: 9 };
const KOREAN_EDIT_LIMITS: EditLimits = EditLimits { one_from: 7, two_from: 14 };

/// Everything learnt from the shipped examples of one language.
#[derive(Serialize, Deserialize)]
pub struct Phrasebook {
    pub(super) language: Language,
    /// Numbers in the index of the topics that have examples in this language.
    pub(super) topics: Vec<usize>,
    pub(super) features: Features,
    pub(super) classifier: Classifier,
    /// Features of each topic's examples.
    pub(super) examples: Vec<Vec<Sparse>>,
    /// Words of the examples, in alphabetical order, with the topics that use them (positions in `topics`).
    pub(super) vocabulary: Vec<(String, Vec<u16>)>,
    /// Filler: words that don't show what is asked.
    pub(super) filler: HashSet<String>,
    pub(super) speller: Speller,
}

/// The examples of one language that the facts have in addition to the shipped ones.
pub struct PhrasebookLayer {
    pub(super) language: Language,
    /// Numbers in the index of the topics that have examples in this language.
    pub(super) topics: Vec<usize>,
    /// Features of each topic's examples in this layer.
    pub(super) examples: Vec<Vec<Sparse>>,
    /// Words of the examples, in alphabetical order, with the topics that use them (positions in `topics`).
    pub(super) vocabulary: Vec<(String, Vec<u16>)>,
    pub(super) taught: Taught,
}

/// Examples of topics in other languages than English, by topic number.
pub type ForeignExamples = BTreeMap<usize, Vec<(Language, String)>>;

impl Phrasebook {
    /// Learns a language from its shipped examples of the given topics.
    #[must_use]
    pub fn learn(language: Language, topics: &[TopicEntry]) -> Self {
        let pack = language.pack();
        let mut numbers = Vec::new();
        let mut texts: Vec<Vec<Vec<String>>> = Vec::new();
        for (number, topic) in topics.iter().enumerate() {
            let examples = match topic.answerable {
                Answerable::Social(talk) => pack.social.iter().find(|(kind, _)| SmallTalk::of(kind) == talk),
                _ => None,
            };
            let examples =
                examples.map(|(_, texts)| texts).or_else(|| pack.topic(&topic.id).map(|said| &said.examples));
            if let Some(examples) = examples {
                numbers.push(number);
                texts.push(examples.iter().map(|text| letters(&normalise::words(text))).collect());
            }
        }
        let flat: Vec<Vec<String>> = texts.iter().flatten().cloned().collect();
        let features = Features::learn(&flat);
        let examples: Vec<Vec<Sparse>> =
            texts.iter().map(|texts| texts.iter().map(|text| features.of(text)).collect()).collect();
        let labels: Vec<u32> = texts.iter().enumerate().flat_map(|(at, texts)| vec![at as u32; texts.len()]).collect();
        let all: Vec<Sparse> = examples.iter().flatten().cloned().collect();
        let classifier = Classifier::train(&all, &labels, &Sides::of(&labels, texts.len(), None), features.len(), 0);
        let mut counts: HashMap<String, u32> = HashMap::new();
        flat.iter().flatten().for_each(|word| *counts.entry(word.clone()).or_default() += 1);
        let filler = pack.filler.split_whitespace().map(|word| word.nfd().collect()).collect();
        let edit_limits = if language == Language::Korean { KOREAN_EDIT_LIMITS } else { RUSSIAN_EDIT_LIMITS };
        let speller = Speller::with_edit_limits(counts, edit_limits);
        Self {
            language,
            topics: numbers,
            features,
            classifier,
            examples,
            vocabulary: vocabulary(&texts),
            filler,
            speller,
        }
    }

    /// Returns the language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// Teaches the examples that are in this language, over the shipped ones. Returns `None` if there are none.
    #[must_use]
    pub fn teach(&self, examples: &ForeignExamples) -> Option<PhrasebookLayer> {
        let mut topics = self.topics.clone();
        let mut texts: Vec<Vec<Vec<String>>> = vec![Vec::new(); topics.len()];
        for (topic, examples) in examples {
            for (_, text) in examples.iter().filter(|(language, _)| *language == self.language) {
                let at = topics.iter().position(|other| other == topic).unwrap_or_else(|| {
                    topics.push(*topic);
                    texts.push(Vec::new());
                    topics.len() - 1
                });
                texts[at].push(letters(&normalise::words(&normalise::clean(text))));
            }
        }
        if texts.iter().all(Vec::is_empty) {
            return None;
        }
        let to_teach: Vec<Text> = texts
            .iter()
            .enumerate()
            .flat_map(|(at, texts)| texts.iter().map(move |text| self.text(text, at)))
            .collect();
        Some(PhrasebookLayer {
            language: self.language,
            taught: Taught::of(&to_teach, topics.len(), 0),
            examples: texts.iter().map(|texts| texts.iter().map(|text| self.features.of(text)).collect()).collect(),
            vocabulary: vocabulary(&texts),
            topics,
        })
    }

    fn text(&self, words: &[String], topic: usize) -> Text {
        let features = self.features.of(words);
        let margins = self.classifier.margins(&features, &QuantizedVector::default());
        Text { features, vector: QuantizedVector::default(), margins, topic: Some(topic), forgotten: false }
    }
}

impl PhrasebookLayer {
    /// Returns the language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }
}

/// Letters that stand for laughter and tears if a word has no others. NFKC turns them into leading consonants and
/// vowels of syllables, which are listed as well.
const LAUGHTER: &str = "ㅋㅎㅠㅜ\u{110f}\u{1112}\u{1172}\u{116e}";

/// Decomposes Korean syllables into jamo (NFD). Drops words that are only laughter or tears.
pub(super) fn letters(words: &[String]) -> Vec<String> {
    let laughs = |word: &&String| !word.is_empty() && word.chars().all(|c| LAUGHTER.contains(c));
    words.iter().filter(|word| !laughs(word)).map(|word| word.nfd().collect()).collect()
}

/// Returns the words of all texts in alphabetical order, each with the topics that use it.
fn vocabulary(texts: &[Vec<Vec<String>>]) -> Vec<(String, Vec<u16>)> {
    let mut topics_of: HashMap<&String, Vec<u16>> = HashMap::new();
    for (at, texts) in texts.iter().enumerate() {
        for word in texts.iter().flatten() {
            let topics = topics_of.entry(word).or_default();
            if topics.last() != Some(&(at as u16)) {
                topics.push(at as u16);
            }
        }
    }
    let mut vocabulary: Vec<(String, Vec<u16>)> =
        topics_of.into_iter().map(|(word, topics)| (word.clone(), topics)).collect();
    vocabulary.sort_unstable();
    vocabulary
}
