//! Which words a topic can explain, and which words need no explanation.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::normalise::{clean, stem, words};
use super::quantized::QuantizedMatrix;
use super::vectors::Vectors;

/// How people speak, as shipped.
const SHIPPED: &str = include_str!("../../data/lexicon.toml");

/// How people speak, apart from any fact.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speech {
    filler: String,
    markers: String,
    names: String,
    people: String,
    subjects: String,
    /// What people type for short or by mistake in place of small words, with what it stands for.
    shorthand: HashMap<String, String>,
    /// Small talk by kind.
    pub social: BTreeMap<String, Vec<String>>,
    /// Words that make a message small talk where it asks nothing, by kind.
    pub cues: BTreeMap<String, Vec<String>>,
    /// Names that answer a topic's question differently from the sources.
    #[serde(rename = "rival")]
    pub rivals: Vec<Rivals>,
}

/// Names that answer a topic's question differently from the sources.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rivals {
    /// The topic whose claims correct them.
    pub topic: String,
    /// The subjects whose topics they correct.
    pub subjects: Vec<String>,
    /// Topics of these subjects that they don't correct: there another name asks about something else, which is not
    /// known.
    #[serde(default)]
    pub not_topics: Vec<String>,
    /// The names, lower case.
    pub names: Vec<String>,
}

impl Speech {
    /// Reads the shipped file.
    ///
    /// # Panics
    /// Never in a released binary: a test reads it.
    #[must_use]
    pub fn shipped() -> Self {
        toml::from_str(SHIPPED).expect("the shipped lexicon is read by a test")
    }

    /// Shorthand with the words that it stands for.
    #[must_use]
    pub fn shorthand(&self) -> Shorthand {
        let words = |text: &String| text.split(' ').map(str::to_owned).collect();
        Shorthand(self.shorthand.iter().map(|(short, long)| (short.clone(), words(long))).collect())
    }

    /// The stems of words that need no explanation.
    #[must_use]
    pub fn filler_stems(&self) -> HashSet<String> {
        stems(&self.filler)
    }

    /// The stems of words that turn a question into another one.
    #[must_use]
    pub fn marker_stems(&self) -> HashSet<String> {
        stems(&self.markers)
    }

    /// The surnames of the people of whom the sources tell.
    #[must_use]
    pub fn people(&self) -> HashSet<String> {
        self.people.split_whitespace().map(str::to_owned).collect()
    }

    /// The stems of what a question may be about other than the flights.
    #[must_use]
    pub fn subject_stems(&self) -> HashSet<String> {
        stems(&self.subjects)
    }

    /// The stems of names.
    #[must_use]
    pub fn name_stems(&self) -> HashSet<String> {
        stems(&self.names)
    }
}

/// Shorthand of chats with the words that it stands for: `wen` for *when*, `gonna` for *going to*.
#[derive(Debug, Default)]
pub struct Shorthand(HashMap<String, Vec<String>>);

impl Shorthand {
    /// Whether a word is shorthand.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.0.contains_key(word)
    }

    /// The words with shorthand written out.
    #[must_use]
    pub fn written_out(&self, words: Vec<String>) -> Vec<String> {
        if words.iter().any(|word| self.knows(word)) {
            words.into_iter().flat_map(|word| self.0.get(&word).cloned().unwrap_or_else(|| vec![word])).collect()
        } else {
            words
        }
    }
}

/// The stems that each topic can explain, and in how many topics a stem occurs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Lexicon {
    stems: HashMap<String, u32>,
    /// The first word that each stem was taken from.
    words: Vec<String>,
    topics_with: Vec<u16>,
    /// The stems of each topic, in order.
    of_topic: Vec<Vec<u32>>,
}

impl Lexicon {
    /// Gathers the stems of texts, each given with its topic's number.
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

    /// How many stems there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The number of a stem that some topic uses.
    #[must_use]
    pub fn number(&self, stem: &str) -> Option<u32> {
        self.stems.get(stem).copied()
    }

    /// Whether the topic uses the stem.
    #[must_use]
    pub fn explains(&self, topic: usize, stem: u32) -> bool {
        self.of_topic[topic].binary_search(&stem).is_ok()
    }

    /// The numbers of the stems that a topic uses, in order.
    #[must_use]
    pub fn stems_of(&self, topic: usize) -> &[u32] {
        &self.of_topic[topic]
    }

    /// A vector for each stem.
    #[must_use]
    pub fn vectors(&self, vectors: &Vectors) -> QuantizedMatrix {
        let means: Vec<Vec<f32>> = self.words.iter().map(|word| vectors.mean(&[word])).collect();
        QuantizedMatrix::of(vectors.dimensions(), means.iter().map(Vec::as_slice))
    }

    /// For each stem the topics that use it.
    #[must_use]
    pub fn topics_of_stems(&self) -> Vec<Vec<u16>> {
        let mut topics = vec![Vec::new(); self.words.len()];
        for (topic, stems) in self.of_topic.iter().enumerate() {
            stems.iter().for_each(|stem| topics[*stem as usize].push(topic as u16));
        }
        topics
    }

    /// How much a stem tells one topic from others: 1 for one that a single topic or none uses, 0 for one that a
    /// third of them use, by the logarithm between.
    #[must_use]
    pub fn informativeness(&self, stem: Option<u32>) -> f32 {
        let topics = stem.map_or(1.0, |stem| f32::from(self.topics_with[stem as usize]).max(1.0));
        let common = self.of_topic.len() as f32 / 3.0;
        (1.0 - topics.ln() / common.max(2.0).ln()).clamp(0.0, 1.0)
    }
}

/// A checksum of the shipped file.
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

/// The words of a text as it is typed.
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
