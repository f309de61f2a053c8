//! Holds the topics and everything learnt about them: the trained part, and layers over it with what was taught since
//! ([`super::layer`]).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use super::confidence::Confidence;
use super::examples::Examples;
use super::layer::{Change, IndexLayer, LessonCache, TopicOverlay};
use super::lexicon::{Lexicon, Rivals, Shorthand, Speech, shipped_checksum};
use super::matcher::EncodedText;
use super::model::{self, Model};
use super::phrasebook::{self, ForeignExamples, Phrasebook};
use super::quantized::{QuantizedMatrix, QuantizedVector};
use super::reader::Reader;
use super::spelling::{English, SURELY_A_WORD, Speller};
use super::vectors::Vectors;
use super::{SmallTalk, TopicEntry, TrainingSet, normalise};
use crate::language::{self, Language};

/// The trained part of an index: everything learnt from the facts in one training, and the shipped data that it uses.
pub struct Trained {
    pub(super) topics: Vec<Arc<TopicEntry>>,
    pub(super) model: Model,
    pub(super) vectors: Vectors,
    pub(super) examples: Examples,
    pub(super) lexicon: Lexicon,
    pub(super) confidence: Confidence,
    /// Vector of each stem of the lexicon.
    pub(super) stem_vectors: QuantizedMatrix,
    pub(super) filler: HashSet<String>,
    pub(super) markers: HashSet<String>,
    pub(super) names: HashSet<String>,
    pub(super) people: HashSet<String>,
    pub(super) subjects: HashSet<String>,
    pub(super) rivals: Vec<Rivals>,
    /// Words that make a message small talk if it asks nothing.
    pub(super) cues: HashMap<String, SmallTalk>,
    pub(super) shorthand: Shorthand,
    pub(super) speller: Speller,
    pub(super) english: English,
    pub(super) phrasebooks: Vec<Phrasebook>,
    foreign_examples: ForeignExamples,
}

/// The part of [`Trained`] that is learnt from the facts and stored.
#[derive(Deserialize)]
struct Learnt {
    topics: Vec<TopicEntry>,
    model: Model,
    examples: Examples,
    lexicon: Lexicon,
    stem_vectors: QuantizedMatrix,
    speller: Speller,
    phrasebooks: Vec<Phrasebook>,
    foreign_examples: ForeignExamples,
}

impl Trained {
    /// Trains a model, in a second or two. [`Self::with_model`] accepts a stored one instead.
    #[must_use]
    pub fn train(training_set: &TrainingSet) -> Model {
        Model::train(&training_set.texts, &training_set.lexicon, &Vectors::shipped())
    }

    /// Completes a model with everything else that is learnt from its training set.
    #[must_use]
    pub fn with_model(training_set: TrainingSet, model: Model) -> Self {
        let vectors = Vectors::shipped();
        let english = English::new();
        let speller = speller(&training_set, &english);
        let lexicon = training_set.lexicon;
        let stem_vectors = lexicon.vectors(&vectors);
        let examples = Examples::gather(&training_set.texts, &lexicon, &training_set.speech.filler_stems(), &vectors);
        let phrasebooks =
            Language::others().map(|language| Phrasebook::learn(language, &training_set.topics)).collect();
        let foreign_examples =
            training_set.foreign_examples.into_iter().enumerate().filter(|(_, texts)| !texts.is_empty()).collect();
        let topics = training_set.topics;
        let learnt = Learnt { topics, model, examples, lexicon, stem_vectors, speller, phrasebooks, foreign_examples };
        Self::assemble(learnt, training_set.speech, vectors, english)
    }

    fn assemble(learnt: Learnt, speech: Speech, vectors: Vectors, english: English) -> Self {
        Self {
            confidence: Confidence::shipped(),
            filler: speech.filler_stems(),
            markers: speech.marker_stems(),
            names: speech.name_stems(),
            people: speech.people(),
            subjects: speech.subject_stems(),
            cues: cues(&speech),
            shorthand: speech.shorthand(),
            rivals: speech.rivals,
            english,
            vectors,
            topics: learnt.topics.into_iter().map(Arc::new).collect(),
            model: learnt.model,
            examples: learnt.examples,
            lexicon: learnt.lexicon,
            stem_vectors: learnt.stem_vectors,
            speller: learnt.speller,
            phrasebooks: learnt.phrasebooks,
            foreign_examples: learnt.foreign_examples,
        }
    }

    /// Serialises what is learnt from the facts, for storage.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let topics: Vec<&TopicEntry> = self.topics.iter().map(Arc::as_ref).collect();
        let learnt = (
            &topics,
            &self.model,
            &self.examples,
            &self.lexicon,
            &self.stem_vectors,
            &self.speller,
            &self.phrasebooks,
            &self.foreign_examples,
        );
        postcard::to_stdvec(&learnt).expect("what is learnt is made of lists and maps")
    }

    /// Reads what [`Self::to_bytes`] wrote. Returns `None` if the bytes can't be read as that.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let learnt = postcard::from_bytes(bytes).ok()?;
        Some(Self::assemble(learnt, Speech::shipped(), Vectors::shipped(), English::new()))
    }

    /// Returns true if the topic existed when this was trained.
    #[must_use]
    pub fn has_topic(&self, id: &str) -> bool {
        self.topics.iter().any(|topic| topic.id == id)
    }

    /// Returns the model alone.
    #[must_use]
    pub fn into_model(self) -> Model {
        self.model
    }

    fn phrases(&self, foreign_examples: &ForeignExamples) -> Vec<phrasebook::PhrasebookLayer> {
        self.phrasebooks.iter().filter_map(|book| book.teach(foreign_examples)).collect()
    }

    /// Returns a checksum of everything that a trained index depends on. `facts` is the checksum of the facts.
    #[must_use]
    pub fn checksum(facts: i64) -> u64 {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(&facts.to_le_bytes());
        hasher.update(&model::VERSION.to_le_bytes());
        hasher.update(&Vectors::shipped_checksum().to_le_bytes());
        hasher.update(&shipped_checksum().to_le_bytes());
        hasher.update(&language::shipped_checksum().to_le_bytes());
        hasher.digest()
    }
}

/// Makes the speller of the words that corrections may produce: those of examples and claims, without typos that
/// examples repeat, and those of cues and rival names.
fn speller(training_set: &TrainingSet, english: &English) -> Speller {
    let mut counts: HashMap<String, u32> = HashMap::new();
    for word in training_set.texts.iter().chain(&training_set.statements).flatten().flatten() {
        *counts.entry(word.clone()).or_default() += 1;
    }
    let claimed: HashSet<&String> = training_set.statements.iter().flatten().flatten().collect();
    let is_sure = |word: &String| english.knows(word) || claimed.contains(word);
    counts.retain(|word, count| *count >= SURELY_A_WORD || is_sure(word));
    let in_question: Vec<String> = counts.keys().filter(|word| !is_sure(word)).cloned().collect();
    for word in training_set.speech.cues.values().flatten() {
        counts.entry(word.clone()).or_default();
    }
    for word in training_set.speech.rivals.iter().flat_map(|rivals| &rivals.names).flat_map(|name| name.split(' ')) {
        counts.entry(word.to_owned()).or_default();
    }
    let mut speller = Speller::new(counts);
    speller.forget_slips(&in_question);
    speller
}

fn cues(speech: &Speech) -> HashMap<String, SmallTalk> {
    let pairs =
        speech.cues.iter().flat_map(|(kind, words)| words.iter().map(|word| (word.clone(), SmallTalk::of(kind))));
    pairs.collect()
}

/// The topics and everything learnt about them. Cheap to clone: the trained part and the layers are shared.
#[derive(Clone)]
pub struct Index {
    pub(super) trained: Arc<Trained>,
    /// Each topic as in the uppermost layer that changed it.
    pub(super) topics: Vec<Arc<TopicEntry>>,
    /// Layers, the lowest first.
    pub(super) layers: Vec<Arc<IndexLayer>>,
    /// Examples of the facts in other languages than English.
    foreign_examples: Arc<ForeignExamples>,
    phrases: Arc<Vec<phrasebook::PhrasebookLayer>>,
}

impl Index {
    /// Makes an index without layers.
    #[must_use]
    pub fn of(trained: Arc<Trained>) -> Self {
        let foreign_examples = Arc::new(trained.foreign_examples.clone());
        let phrases = Arc::new(trained.phrases(&foreign_examples));
        Self { topics: trained.topics.clone(), trained, layers: Vec::new(), foreign_examples, phrases }
    }

    /// Returns this index with another layer, in which topics are changed, added and removed. Each topic may occur only
    /// once in the changes. `lesson_cache` reuses the work for topics that haven't changed since an earlier call.
    #[must_use]
    pub fn with(&self, changes: &[Change<'_>], lesson_cache: &mut LessonCache) -> Self {
        if changes.is_empty() {
            return self.clone();
        }
        let built = IndexLayer::over(self, changes, lesson_cache);
        let mut index = Self { topics: built.topics, ..self.clone() };
        index.layers.push(Arc::new(built.layer));
        let mut foreign_examples = (*self.foreign_examples).clone();
        for (topic, texts) in built.foreign_examples {
            if texts.is_empty() {
                foreign_examples.remove(&topic)
            } else {
                foreign_examples.insert(topic, texts)
            };
        }
        if foreign_examples != *self.foreign_examples {
            index.phrases = Arc::new(self.trained.phrases(&foreign_examples));
            index.foreign_examples = Arc::new(foreign_examples);
        }
        index
    }

    /// Returns the trained part, under the layers.
    #[must_use]
    pub fn trained(&self) -> &Arc<Trained> {
        &self.trained
    }

    /// Returns the list of general English words.
    #[must_use]
    pub fn english(&self) -> &English {
        &self.trained.english
    }

    /// Returns the reader for questions in another language than English. `None` if the language has no phrasebook.
    pub(super) fn reader(&self, language: Language) -> Option<Reader<'_>> {
        let book = self.trained.phrasebooks.iter().find(|book| book.language() == language)?;
        Some(Reader { book, layer: self.phrases.iter().find(|layer| layer.language() == language), index: self })
    }

    /// Returns the topics in the order of their numbers. A topic that a layer removed keeps its number.
    #[must_use]
    pub fn topics(&self) -> &[Arc<TopicEntry>] {
        &self.topics
    }

    /// Returns the topic as in the uppermost layer that changed it, if one did.
    pub(super) fn changed(&self, topic: usize) -> Option<&TopicOverlay> {
        self.layers.iter().rev().find_map(|layer| layer.changed.get(&topic))
    }

    /// Returns true if a layer removed the topic.
    pub(super) fn is_gone(&self, topic: usize) -> bool {
        self.changed(topic).is_some_and(|changed| changed.gone)
    }

    /// Returns a topic by its id, or `None` if it doesn't exist or was removed.
    #[must_use]
    pub fn topic(&self, id: &str) -> Option<&TopicEntry> {
        self.number_of(id).map(|topic| &*self.topics[topic])
    }

    /// Returns the number of a topic, or `None` if it doesn't exist or was removed.
    pub(super) fn number_of(&self, id: &str) -> Option<usize> {
        self.topics.iter().position(|topic| topic.id == id).filter(|topic| !self.is_gone(*topic))
    }

    /// Encodes a text, given as words with corrected spelling: its margins in all topics, and its vector.
    pub(super) fn encode(&self, words: &[String]) -> EncodedText {
        let (features, mut encoded) = self.trained.model.matcher.encode(words, &self.trained.vectors);
        for layer in &self.layers {
            layer.add_to(&mut encoded.margins, &features, &encoded.vector);
        }
        encoded
    }

    /// Returns the cosines of a text to the centroids of some topics, in their order.
    pub(super) fn cosines(&self, topics: &[u32], encoded: &EncodedText) -> Vec<f32> {
        let cosine = |topic: &u32| match self.changed(*topic as usize) {
            Some(changed) => changed.centroid.product(&encoded.vector),
            None => self.trained.model.matcher.cosine(*topic, encoded),
        };
        topics.iter().map(cosine).collect()
    }

    /// Splits a cleaned text into words, expands shorthand and corrects the spelling.
    #[must_use]
    pub fn mended_words(&self, text: &str) -> Vec<String> {
        let mut words = self.trained.shorthand.written_out(normalise::words(text));
        for word in &mut words {
            if let Some(mended) = self.mended(word) {
                *word = mended.to_owned();
            }
        }
        words
    }

    /// Returns the correction of a misspelt word: the nearest word that the trained part or a layer uses. `None` if the
    /// word needs no correction or has no near word.
    fn mended(&self, word: &str) -> Option<&str> {
        let own = || [&self.trained.speller].into_iter().chain(self.layers.iter().map(|layer| &layer.speller));
        if self.trained.english.knows(word) || own().any(|speller| speller.knows(word)) {
            return None;
        }
        own().filter_map(|speller| speller.nearest(word)).min().map(|near| near.word)
    }

    /// Returns the number of a stem, or `None` if no topic uses it.
    pub(super) fn stem_number(&self, stem: &str) -> Option<u32> {
        let taught = || self.layers.iter().find_map(|layer| layer.stems.get(stem).copied());
        self.trained.lexicon.number(stem).or_else(taught)
    }

    /// Returns how well a stem tells topics apart, 0 to 1. It is 1 for a stem that only a layer has.
    pub(super) fn informativeness(&self, stem: Option<u32>) -> f32 {
        self.trained.lexicon.informativeness(stem.filter(|stem| self.is_trained(*stem)))
    }

    fn is_trained(&self, stem: u32) -> bool {
        (stem as usize) < self.trained.lexicon.len()
    }

    /// Returns the numbers of the stems that a topic uses, ascending.
    pub(super) fn stems_of(&self, topic: usize) -> &[u32] {
        self.changed(topic).map_or_else(|| self.trained.lexicon.stems_of(topic), |changed| &changed.stems)
    }

    /// Returns true if a topic uses a stem.
    pub(super) fn explains(&self, topic: usize, stem: u32) -> bool {
        self.stems_of(topic).binary_search(&stem).is_ok()
    }

    /// Returns the vector of a stem.
    fn stem_vector(&self, stem: u32) -> QuantizedVector {
        if self.is_trained(stem) {
            return self.trained.stem_vectors.row(stem as usize);
        }
        let layer = self.layers.iter().rfind(|layer| layer.first_stem <= stem).expect("a layer numbered it");
        layer.stem_vectors.row((stem - layer.first_stem) as usize)
    }

    /// Returns the similarity of a word, given by its vector, to each of some ascending stems, 0 to 1.
    pub(super) fn alike_by_vector(&self, vector: &QuantizedVector, stems: &[u32]) -> Vec<f32> {
        let (trained, taught): (Vec<u32>, Vec<u32>) = stems.iter().partition(|stem| self.is_trained(**stem));
        // The stems of layers have the higher numbers, and the stems are ascending.
        let mut cosines = self.trained.stem_vectors.products(vector, &trained);
        cosines.extend(taught.iter().map(|stem| self.stem_vector(*stem).product(vector)));
        cosines.into_iter().map(super::likeness::alike).collect()
    }

    /// Returns the similarity of a stem to each of some others, which are ascending, 0 to 1.
    pub(super) fn alike_to_stem(&self, stem: u32, others: &[u32]) -> Vec<f32> {
        if !self.is_trained(stem) {
            let mut alike = self.alike_by_vector(&self.stem_vector(stem), others);
            alike.iter_mut().zip(others).filter(|(_, other)| **other == stem).for_each(|(like, _)| *like = 1.0);
            return alike;
        }
        let taught = others.iter().position(|other| !self.is_trained(*other)).unwrap_or(others.len());
        let mut alike = self.trained.model.likenesses.to_stems(stem, &others[..taught]);
        if taught < others.len() {
            alike.extend(self.alike_by_vector(&self.stem_vector(stem), &others[taught..]));
        }
        alike
    }

    /// Returns the similarity of a word to the most similar stem of a topic, 0 to 1.
    pub(super) fn likeness(&self, topic: usize, word: &super::question_words::Word<'_>) -> f32 {
        let most = |alike: Vec<f32>| alike.into_iter().fold(0.0, f32::max);
        match (&word.vector, word.stem) {
            (_, Some(stem)) if self.is_trained(stem) && self.changed(topic).is_none() => {
                self.trained.model.likenesses.to_topic(stem, topic)
            }
            (_, Some(stem)) => most(self.alike_to_stem(stem, self.stems_of(topic))),
            (Some(vector), None) => most(self.alike_by_vector(vector, self.stems_of(topic))),
            (None, None) => 0.0,
        }
    }

    /// Returns the numbers of a topic's examples, ascending.
    pub(super) fn examples_of(&self, topic: usize) -> Vec<u32> {
        self.changed(topic)
            .map_or_else(|| self.trained.examples.of_topic(topic).collect(), |changed| changed.examples.clone())
    }

    /// Returns the cosines of a text to some examples, which are ascending.
    pub(super) fn example_cosines(&self, vector: &QuantizedVector, examples: &[u32]) -> Vec<f32> {
        let trained = self.trained.examples.len();
        let taught = examples.partition_point(|example| *example < trained);
        let mut cosines = self.trained.examples.cosines(vector, &examples[..taught]);
        for example in &examples[taught..] {
            let (layer, at) = self.layer_of_example(*example);
            cosines.push(layer.taught.cosine(vector, at));
        }
        cosines
    }

    /// Returns the content stems of an example, with their weights.
    pub(super) fn example_stems(&self, example: u32) -> &[(u32, f32)] {
        if example < self.trained.examples.len() {
            return self.trained.examples.stems(example);
        }
        let (layer, at) = self.layer_of_example(example);
        &layer.example_stems[at]
    }

    /// Returns the words of an example, joined by spaces.
    pub(super) fn example_words(&self, example: u32) -> &str {
        if example < self.trained.examples.len() {
            return self.trained.examples.words(example);
        }
        let (layer, at) = self.layer_of_example(example);
        &layer.example_words[at]
    }

    fn layer_of_example(&self, example: u32) -> (&IndexLayer, usize) {
        let layer = self.layers.iter().rfind(|layer| layer.first_example <= example).expect("a layer numbered it");
        (layer, (example - layer.first_example) as usize)
    }
}
