//! Records which stems each topic uses, and reads `data/lexicon.toml`: words that need no explanation, names,
//! shorthand.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::normalise::{clean, stem, words};
use super::quantized::QuantizedMatrix;
use super::vectors::Vectors;

/// The shipped lexicon file.
const SHIPPED: &str = include_str!("../../data/lexicon.toml");

/// The shipped lexicon: how people speak, independent of any fact.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speech {
    filler: String,
    markers: String,
    names: String,
    people: String,
    subjects: String,
    /// Abbreviations and misspelt small words, each with the words that it stands for.
    shorthand: HashMap<String, String>,
    /// Examples of small talk, by kind.
    pub social: BTreeMap<String, Vec<String>>,
    /// Words that make a message small talk if it asks nothing, by kind.
    pub cues: BTreeMap<String, Vec<String>>,
    /// Rival names: names that answer a topic's question differently from the sources.
    #[serde(rename = "rival")]
    pub rivals: Vec<Rivals>,
}

/// Rival names: names that answer a topic's question differently from the sources.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rivals {
    /// Id of the topic whose claims correct the names.
    pub topic: String,
    /// Ids of the subjects in which a question with one of the names is corrected.
    pub subjects: Vec<String>,
    /// Ids of topics of these subjects where nothing is corrected: there, another name asks about something else, which
    /// the sources don't say.
    #[serde(default)]
    pub not_topics: Vec<String>,
    /// Rival names, lower case, with spaces between their words.
    pub names: Vec<String>,
}

impl Speech {
    /// Parses the shipped file.
    ///
    /// # Panics
    /// Panics if the shipped file is invalid, which a test rules out.
    #[must_use]
    pub fn shipped() -> Self {
        toml::from_str(SHIPPED).expect("the shipped lexicon is read by a test")
    }

    /// Returns the shorthand with the words that it stands for.
    #[must_use]
    pub fn shorthand(&self) -> Shorthand {
        let words = |text: &String| text.split(' ').map(str::to_owned).collect();
        Shorthand(self.shorthand.iter().map(|(short, long)| (short.clone(), words(long))).collect())
    }

    /// Returns the stems of filler: words that no topic has to explain.
    #[must_use]
    pub fn filler_stems(&self) -> HashSet<String> {
        stems(&self.filler)
    }

    /// Returns the stems of markers: words that turn a question into another one, such as *return* or *next*.
    #[must_use]
    pub fn marker_stems(&self) -> HashSet<String> {
        stems(&self.markers)
    }

    /// Returns the names of the people in the sources, lower case, one word each.
    #[must_use]
    pub fn people(&self) -> HashSet<String> {
        self.people.split_whitespace().map(str::to_owned).collect()
    }

    /// Returns the stems of what a question may be about other than the flights, such as *train* or *treaty*.
    #[must_use]
    pub fn subject_stems(&self) -> HashSet<String> {
        stems(&self.subjects)
    }

    /// Returns the stems of names of countries, places, people and institutions.
    #[must_use]
    pub fn name_stems(&self) -> HashSet<String> {
        stems(&self.names)
    }
}

/// Chat shorthand with the words that it stands for: `wen` for *when*, `gonna` for *going to*.
#[derive(Debug, Default)]
pub struct Shorthand(HashMap<String, Vec<String>>);

impl Shorthand {
    /// Returns true if a word is shorthand.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.0.contains_key(word)
    }

    /// Replaces shorthand by the words that it stands for.
    #[must_use]
    pub fn written_out(&self, words: Vec<String>) -> Vec<String> {
        if words.iter().any(|word| self.knows(word)) {
            words.into_iter().flat_map(|word| self.0.get(&word).cloned().unwrap_or_else(|| vec![word])).collect()
        } else {
            words
        }
    }
}

/// The stems that each topic uses, and the number of topics that use each stem.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Lexicon {
    stems: HashMap<String, u32>,
    /// The first word from which each stem was taken.
    words: Vec<String>,
    topics_with: Vec<u16>,
    /// The stem numbers of each topic, ascending.
    of_topic: Vec<Vec<u32>>,
}

impl Lexicon {
    /// Collects the stems of texts, which are given with their topics' numbers. `topics` is the number of topics.
    #[must_use]
    pub fn gather<'a>(topics: usize, texts: impl Iterator<Item = (usize, &'a [String])>) -> Self {
        let mut lexicon = Self::default();
        let mut of_topic = vec![HashSet::new(); topics];
        for (topic, words) in texts {
            for word in words {
                let next = lexicon.stems.len() as u32;
                let number = *lexicon.stems.entry(stem(word)).or_insert(next);
                if number == next {
                    lexicon.topics_with.push(0);
                    lexicon.words.push(word.clone());
                }
                if of_topic[topic].insert(number) {
                    lexicon.topics_with[number as usize] += 1;
                }
            }
        }
        lexicon.of_topic = of_topic.into_iter().map(sorted).collect();
        lexicon
    }

    /// Returns the number of stems.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Returns true if there are no stems.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Returns the number of a stem, or `None` if no topic uses it.
    #[must_use]
    pub fn number(&self, stem: &str) -> Option<u32> {
        self.stems.get(stem).copied()
    }

    /// Returns true if the topic uses the stem.
    #[must_use]
    pub fn explains(&self, topic: usize, stem: u32) -> bool {
        self.of_topic[topic].binary_search(&stem).is_ok()
    }

    /// Returns the numbers of the stems that a topic uses, ascending.
    #[must_use]
    pub fn stems_of(&self, topic: usize) -> &[u32] {
        &self.of_topic[topic]
    }

    /// Computes a vector for each stem, from the first word that has it.
    #[must_use]
    pub fn vectors(&self, vectors: &Vectors) -> QuantizedMatrix {
        let means: Vec<Vec<f32>> = self.words.iter().map(|word| vectors.mean(&[word])).collect();
        QuantizedMatrix::of(vectors.dimensions(), means.iter().map(Vec::as_slice))
    }

    /// Returns the numbers of the topics that use each stem, by stem number.
    #[must_use]
    pub fn topics_of_stems(&self) -> Vec<Vec<u16>> {
        let mut topics = vec![Vec::new(); self.words.len()];
        for (topic, stems) in self.of_topic.iter().enumerate() {
            stems.iter().for_each(|stem| topics[*stem as usize].push(topic as u16));
        }
        topics
    }

    /// Returns how well a stem tells topics apart: 1 if at most one topic uses it, 0 if a third of them do, and falling
    /// with the logarithm of their number in between. `None` stands for a stem that no topic uses.
    #[must_use]
    pub fn informativeness(&self, stem: Option<u32>) -> f32 {
        let topics = stem.map_or(1.0, |stem| f32::from(self.topics_with[stem as usize]).max(1.0));
        let common = self.of_topic.len() as f32 / 3.0;
        (1.0 - topics.ln() / common.max(2.0).ln()).clamp(0.0, 1.0)
    }
}

/// Returns the checksum of the shipped file.
#[must_use]
pub fn shipped_checksum() -> u64 {
    xxh3_64(SHIPPED.as_bytes())
}

fn sorted(stems: HashSet<u32>) -> Vec<u32> {
    let mut stems: Vec<u32> = stems.into_iter().collect();
    stems.sort_unstable();
    stems
}

fn stems(words: &str) -> HashSet<String> {
    words.split_whitespace().map(stem).collect()
}

/// Cleans a text and splits it into words.
#[must_use]
pub fn text_words(text: &str) -> Vec<String> {
    words(&clean(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_lexicon_reads() {
        let speech = Speech::shipped();
        assert!(speech.filler_stems().contains("the"));
        assert!(speech.rivals.iter().all(|rivals| !rivals.names.is_empty()));
    }

    #[test]
    fn informativeness_falls_with_the_number_of_topics() {
        let texts: Vec<Vec<String>> = (0..30)
            .map(|n| vec!["flight".to_owned(), if n == 7 { "ferry".to_owned() } else { "x".to_owned() }])
            .collect();
        let lexicon = Lexicon::gather(30, texts.iter().enumerate().map(|(n, words)| (n, words.as_slice())));
        assert_eq!(lexicon.informativeness(lexicon.number("flight")), 0.0);
        assert_eq!(lexicon.informativeness(lexicon.number("ferry")), 1.0);
        assert!(lexicon.explains(7, lexicon.number("ferry").unwrap()));
        assert!(!lexicon.explains(6, lexicon.number("ferry").unwrap()));
    }
}
