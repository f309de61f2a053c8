//! Builds layers over an index: topics changed, added and removed, without training anything again.
//!
//! The index below a layer stays as it is and is shared, so that a community's layer costs only what it contains. A
//! layer depends only on the index below and on the changes, so that a restart builds the same one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::examples::weighted_stems;
use super::features::Sparse;
use super::index::Trained;
use super::phrasebook::ForeignExamples;
use super::quantized::{QuantizedMatrix, QuantizedVector, highest};
use super::spelling::Speller;
use super::taught::{Taught, Text, UNTAUGHT};
use super::training_set::{Lesson, Noted};
use super::vectors::to_unit;
use super::{Index, TopicEntry};
use crate::facts::{Claim, Topic};
use crate::language::Language;

/// Number of examples of other topics that count against a new topic, for each of its own examples: those most similar
/// to it.
const NEAREST_OTHERS: usize = 8;

/// A topic after a change.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// Topic id.
    pub id: &'a str,
    /// Id of the topic's subject.
    pub subject: &'a str,
    /// The topic; `None` if it was removed.
    pub topic: Option<&'a Topic>,
    /// The topic's claims, in its order.
    pub claims: Vec<&'a Claim>,
}

/// A layer: changed topics over an index.
pub(super) struct IndexLayer {
    /// Changed topics, by number.
    pub(super) changed: BTreeMap<usize, TopicOverlay>,
    /// Number of topics, including those of this layer.
    topics: usize,
    /// Stems that this layer adds: their numbers, the lowest number, and their vectors.
    pub(super) stems: HashMap<String, u32>,
    pub(super) first_stem: u32,
    pub(super) stem_vectors: QuantizedMatrix,
    /// Examples that this layer adds: the lowest number, words, content stems, and what they change in the margins.
    pub(super) first_example: u32,
    pub(super) example_words: Vec<String>,
    pub(super) example_stems: Vec<Vec<(u32, f32)>>,
    pub(super) taught: Taught,
    pub(super) speller: Speller,
}

/// A layer, with the parts of the index that it changes.
pub(super) struct BuiltLayer {
    pub(super) layer: IndexLayer,
    pub(super) topics: Vec<Arc<TopicEntry>>,
    /// Examples in other languages than English of the changed topics.
    pub(super) foreign_examples: ForeignExamples,
}

/// A changed topic in a layer: complete, whatever the change was.
pub(super) struct TopicOverlay {
    /// Numbers of its examples, ascending.
    pub(super) examples: Vec<u32>,
    /// Numbers of the stems that it uses, ascending.
    pub(super) stems: Vec<u32>,
    /// Mean of its examples' vectors, scaled to length 1.
    pub(super) centroid: QuantizedVector,
    /// True if the topic was removed.
    pub(super) gone: bool,
}

/// A layer in the making.
struct LayerBuilder<'a> {
    below: &'a Index,
    topics: Vec<Arc<TopicEntry>>,
    stems: HashMap<String, u32>,
    stem_words: Vec<String>,
    changed: BTreeMap<usize, TopicOverlay>,
    /// Words and topic of each example that the layer adds.
    added: Vec<(Vec<String>, usize)>,
    /// Examples that are removed, each with its topic.
    forgotten: Vec<(u32, usize)>,
    /// Words of the changed topics, with their number of occurrences.
    words: HashMap<String, u32>,
    /// Words of the changed topics' claims.
    claimed: HashSet<String>,
    foreign_examples: ForeignExamples,
}

impl IndexLayer {
    /// Builds a layer over an index.
    pub(super) fn over(below: &Index, changes: &[Change<'_>], lesson_cache: &mut LessonCache) -> BuiltLayer {
        let mut builder = LayerBuilder {
            below,
            topics: below.topics.clone(),
            stems: HashMap::new(),
            stem_words: Vec::new(),
            changed: BTreeMap::new(),
            added: Vec::new(),
            forgotten: Vec::new(),
            words: HashMap::new(),
            claimed: HashSet::new(),
            foreign_examples: ForeignExamples::new(),
        };
        changes.iter().for_each(|change| builder.change(change, lesson_cache));
        builder.finish()
    }

    /// Adds what the layer changes to the margins of a question, given by its features and its vector.
    pub(super) fn add_to(&self, margins: &mut Vec<f32>, features: &Sparse, vector: &QuantizedVector) {
        margins.resize(self.topics, UNTAUGHT);
        self.taught.add_to(margins, features, vector);
    }
}

/// Everything that a layer needs of a topic and its claims and that doesn't depend on the layer.
struct Prepared {
    entry: TopicEntry,
    /// Examples as words, and each joined by spaces.
    texts: Vec<Vec<String>>,
    joined: Vec<String>,
    foreign_examples: Vec<(Language, String)>,
    noted: Noted,
    /// Number of occurrences of each word, and the words of the claims.
    words: HashMap<String, u32>,
    claimed: HashSet<String>,
    /// Mean of its examples' vectors, scaled to length 1.
    centroid: QuantizedVector,
}

impl Prepared {
    fn of(change: &Change<'_>, topic: &Topic, trained: &Trained) -> Self {
        let lesson = Lesson::of(change.subject, topic, &change.claims, &trained.shorthand, &trained.people);
        let mut words: HashMap<String, u32> = HashMap::new();
        for word in lesson.texts.iter().chain(&lesson.statements).flatten() {
            *words.entry(word.clone()).or_default() += 1;
        }
        let mut sum = vec![0.0; trained.vectors.dimensions()];
        for text in &lesson.texts {
            sum.iter_mut().zip(trained.vectors.mean(text)).for_each(|(sum, number)| *sum += number);
        }
        to_unit(&mut sum);
        Self {
            noted: Noted::of(&lesson.texts, &lesson.statements, &trained.names),
            joined: lesson.texts.iter().map(|text| text.join(" ")).collect(),
            centroid: QuantizedVector::of(&sum),
            claimed: lesson.statements.into_iter().flatten().collect(),
            entry: lesson.entry,
            texts: lesson.texts,
            foreign_examples: lesson.foreign_examples,
            words,
        }
    }
}

/// A cache of prepared topics, by id and content, so that a further change costs only what it touches. It doesn't
/// change any result.
#[derive(Default)]
pub struct LessonCache(HashMap<String, (u64, Arc<Prepared>)>);

impl LessonCache {
    fn prepared(&mut self, change: &Change<'_>, topic: &Topic, trained: &Trained) -> Arc<Prepared> {
        let content =
            serde_json::to_vec(&(change.subject, topic, &change.claims)).expect("facts have only string keys");
        let checksum = xxh3_64(&content);
        match self.0.get(change.id) {
            Some((known, prepared)) if *known == checksum => Arc::clone(prepared),
            _ => {
                let prepared = Arc::new(Prepared::of(change, topic, trained));
                self.0.insert(change.id.to_owned(), (checksum, Arc::clone(&prepared)));
                prepared
            }
        }
    }
}

impl LayerBuilder<'_> {
    fn change(&mut self, change: &Change<'_>, lesson_cache: &mut LessonCache) {
        let known = self.topics.iter().position(|topic| topic.id == change.id);
        let Some(topic) = change.topic else {
            if let Some(number) = known {
                self.take_away(number);
            }
            return;
        };
        let prepared = lesson_cache.prepared(change, topic, &self.below.trained);
        let number = known.unwrap_or(self.topics.len());
        let examples = self.examples(number, known.is_some(), &prepared);
        let mut stems: Vec<u32> = prepared.noted.stems.iter().map(|(stem, word)| self.number(stem, word)).collect();
        stems.sort_unstable();
        let mut entry = prepared.entry.clone();
        entry.take_in(&prepared.noted, |stem| self.stem_number(stem));
        for (word, count) in &prepared.words {
            *self.words.entry(word.clone()).or_default() += count;
        }
        self.claimed.extend(prepared.claimed.iter().cloned());
        self.foreign_examples.insert(number, prepared.foreign_examples.clone());
        self.changed.insert(number, TopicOverlay { examples, stems, centroid: prepared.centroid.clone(), gone: false });
        match known {
            Some(number) => {
                entry.share_with(&self.topics[number]);
                self.topics[number] = Arc::new(entry);
            }
            None => self.topics.push(Arc::new(entry)),
        }
    }

    fn take_away(&mut self, number: usize) {
        self.forgotten.extend(self.below.examples_of(number).into_iter().map(|example| (example, number)));
        let centroid = QuantizedVector::of(&vec![0.0; self.below.trained.vectors.dimensions()]);
        self.foreign_examples.insert(number, Vec::new());
        self.changed.insert(number, TopicOverlay { examples: Vec::new(), stems: Vec::new(), centroid, gone: true });
    }

    /// Returns the numbers of a topic's examples: the old ones where the words are the same, and new ones for the
    /// others. Notes the examples that the topic no longer has as forgotten.
    fn examples(&mut self, number: usize, known: bool, prepared: &Prepared) -> Vec<u32> {
        let old = if known { self.below.examples_of(number) } else { Vec::new() };
        let mut left: HashMap<&str, Vec<u32>> = HashMap::new();
        for example in old.iter().rev() {
            left.entry(self.below.example_words(*example)).or_default().push(*example);
        }
        let mut examples: Vec<u32> = Vec::new();
        for (joined, text) in prepared.joined.iter().zip(&prepared.texts) {
            let kept = left.get_mut(joined.as_str()).and_then(Vec::pop);
            examples.push(kept.unwrap_or_else(|| {
                self.added.push((text.clone(), number));
                self.first_example() + self.added.len() as u32 - 1
            }));
        }
        let mut forgotten: Vec<u32> = left.into_values().flatten().collect();
        forgotten.sort_unstable();
        self.forgotten.extend(forgotten.into_iter().map(|example| (example, number)));
        examples.sort_unstable();
        examples
    }

    /// Returns the number of a stem that a topic uses, below or in this layer.
    fn stem_number(&self, stem: &str) -> Option<u32> {
        self.below.stem_number(stem).or_else(|| self.stems.get(stem).copied())
    }

    /// Returns the number of a stem, and assigns one if it has none.
    fn number(&mut self, stem: &str, word: &str) -> u32 {
        if let Some(number) = self.stem_number(stem) {
            return number;
        }
        let number = self.first_stem() + self.stem_words.len() as u32;
        self.stem_words.push(word.to_owned());
        self.stems.insert(stem.to_owned(), number);
        number
    }

    fn first_stem(&self) -> u32 {
        let trained = self.below.trained.lexicon.len() as u32;
        self.below.layers.last().map_or(trained, |layer| layer.first_stem + layer.stems.len() as u32)
    }

    fn first_example(&self) -> u32 {
        let trained = self.below.trained.examples.len();
        self.below.layers.last().map_or(trained, |layer| layer.first_example + layer.example_words.len() as u32)
    }

    fn finish(self) -> BuiltLayer {
        let width = self.below.trained.vectors.dimensions();
        let (first_stem, first_example) = (self.first_stem(), self.first_example());
        let means: Vec<Vec<f32>> =
            self.stem_words.iter().map(|word| self.below.trained.vectors.mean(&[word])).collect();
        let number = |stem: &str| self.stem_number(stem);
        let informativeness = |stem: u32| self.below.informativeness(Some(stem).filter(|stem| *stem < first_stem));
        let filler = &self.below.trained.filler;
        let example_stems =
            self.added.iter().map(|(words, _)| weighted_stems(words, number, informativeness, filler)).collect();
        let layer = IndexLayer {
            topics: self.topics.len(),
            taught: Taught::of(&self.texts(), self.topics.len(), width),
            stem_vectors: QuantizedMatrix::of(width, means.iter().map(Vec::as_slice)),
            first_stem,
            first_example,
            example_words: self.added.iter().map(|(words, _)| words.join(" ")).collect(),
            example_stems,
            speller: self.speller(),
            changed: self.changed,
            stems: self.stems,
        };
        BuiltLayer { layer, topics: self.topics, foreign_examples: self.foreign_examples }
    }

    /// Returns the texts to teach and to forget. Added examples come first, in the order of their numbers.
    fn texts(&self) -> Vec<Text> {
        let text = |words: &[String], topic: Option<usize>, forgotten: bool| {
            let (features, vector) = self.below.trained.model.matcher.look(words, &self.below.trained.vectors);
            Text { features, vector, margins: self.below.encode(words).margins, topic, forgotten }
        };
        let mut texts: Vec<Text> = self.added.iter().map(|(words, topic)| text(words, Some(*topic), false)).collect();
        let words = |example: u32| -> Vec<String> {
            self.below.example_words(example).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        texts.extend(self.forgotten.iter().map(|(example, topic)| text(&words(*example), Some(*topic), true)));
        texts.extend(self.near_new_topics().into_iter().map(|example| text(&words(example), None, false)));
        texts
    }

    /// Returns the examples of other topics that are most similar to those of new topics.
    fn near_new_topics(&self) -> BTreeSet<u32> {
        let is_new = |topic: usize| topic >= self.below.topics.len();
        let forgotten: HashSet<u32> = self.forgotten.iter().map(|(example, _)| *example).collect();
        let mut near = BTreeSet::new();
        if !self.added.iter().any(|(_, topic)| is_new(*topic)) {
            return near;
        }
        let mut others: Vec<u32> = (0..self.below.topics.len())
            .flat_map(|topic| self.below.examples_of(topic))
            .filter(|example| !forgotten.contains(example))
            .collect();
        // The examples of layers have the higher numbers, whatever topics they belong to.
        others.sort_unstable();
        for (words, _) in self.added.iter().filter(|(_, topic)| is_new(*topic)) {
            let vector = QuantizedVector::of(&self.below.trained.vectors.mean(words));
            let cosines = self.below.example_cosines(&vector, &others);
            let nearest = highest(cosines.into_iter().zip(others.iter().copied()).collect(), NEAREST_OTHERS);
            near.extend(nearest.into_iter().map(|(_, example)| example));
        }
        near
    }

    /// Makes the speller of the words that this layer adds, without typos in examples.
    fn speller(&self) -> Speller {
        let english = &self.below.trained.english;
        let spellers = || self.below.layers.iter().map(|layer| &layer.speller).chain([&self.below.trained.speller]);
        let is_new = |word: &String| !spellers().any(|speller| speller.knows(word));
        let is_sure = |word: &String| english.knows(word) || self.claimed.contains(word);
        let is_slip = |word: &String| spellers().any(|speller| speller.has_far_commoner(word));
        let words = self.words.iter().filter(|(word, _)| is_new(word) && (is_sure(word) || !is_slip(word)));
        Speller::new(words.map(|(word, count)| (word.clone(), *count)).collect())
    }
}
