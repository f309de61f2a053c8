//! Collects what the index learns from the facts and the shipped small talk: the examples, titles and statements of
//! each topic as words, and what follows from them about the topic.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::lexicon::{Lexicon, Shorthand, Speech, text_words};
use super::vectors::Vectors;
use super::{Answerable, SmallTalk, TopicEntry, asks, false_premise, model, normalise, roles};
use crate::facts::value::ValueKind;
use crate::facts::{Claim, Facts, Topic, verify};
use crate::language::Language;

/// Number of a topic's texts that must contain a stem for the topic to be about it, if no claim contains it.
const SEVERAL: u32 = 3;

/// Everything that the index learns from a topic.
pub(super) struct Lesson {
    pub(super) entry: TopicEntry,
    /// Example questions, aliases and title as words; for a silent topic, its `unsaid` instead of the title.
    pub(super) texts: Vec<Vec<String>>,
    /// Statements of its claims as words. Empty for a silent topic.
    pub(super) statements: Vec<Vec<String>>,
    /// Examples in other languages than English.
    pub(super) foreign_examples: Vec<(Language, String)>,
}

impl Lesson {
    /// Derives everything that depends on the topic and its claims alone.
    pub(super) fn of(
        subject: &str,
        topic: &Topic,
        claims: &[&Claim],
        shorthand: &Shorthand,
        people: &HashSet<String>,
    ) -> Self {
        let words = |text: &String| shorthand.written_out(text_words(text));
        let (examples, foreign_examples) = by_language(&topic.examples);
        let mut texts: Vec<Vec<String>> = examples.into_iter().map(words).collect();
        let asked = texts.len();
        texts.extend(topic.aliases.iter().chain([topic.unsaid.as_ref().unwrap_or(&topic.title)]).map(words));
        // The claims of a silent topic are the nearest known; they explain nothing about it.
        let explaining = if topic.is_silent() { &[][..] } else { claims };
        let statements: Vec<Vec<String>> = explaining.iter().map(|claim| text_words(&claim.statement)).collect();
        let free = |words: &Vec<String>| -> Vec<String> {
            (0..words.len())
                .filter(|at| false_premise::is_free_figure(words, *at))
                .map(|at| words[at].clone())
                .collect()
        };
        // Only claims confirm figures; examples may take wrong ones for granted. A silent topic has nothing but
        // examples.
        let confirming = if topic.is_silent() { &texts } else { &statements };
        let mut numbers: HashSet<String> = confirming.iter().flat_map(free).collect();
        let figures_of = |claim: &Claim| verify::numbers(&format!("{} {}", claim.statement, claim.value.text()));
        for claim in explaining.iter().filter(|claim| !matches!(claim.value.kind(), ValueKind::Name(_))) {
            numbers.extend(figures_of(claim));
        }
        let mut claimed: HashSet<String> = statements.iter().flatten().cloned().collect();
        for claim in explaining {
            claimed.extend(figures_of(claim));
            claimed.extend(text_words(claim.value.text()));
        }
        let is_person = |word: &&String| people.contains(*word);
        let entry = TopicEntry {
            id: topic.id.clone(),
            title: topic.title.clone(),
            subject: subject.to_owned(),
            answerable: if topic.is_silent() { Answerable::No } else { Answerable::Yes },
            claims: topic.claims.clone(),
            numbers: Arc::new(numbers),
            ask_gaps: asks::gaps(&texts[..asked], explaining),
            claimed: Arc::new(claimed),
            named: Arc::default(),
            asked: Vec::new(),
            roles: Arc::default(),
            people: statements.first().into_iter().flatten().filter(is_person).cloned().collect(),
            figures: explaining.iter().filter_map(|claim| false_premise::Figure::of(claim.value.kind())).collect(),
        };
        Self { entry, texts, statements, foreign_examples }
    }
}

/// Separates examples in English, or in no detected language, from those in other languages.
fn by_language(examples: &[String]) -> (Vec<&String>, Vec<(Language, String)>) {
    let (mut english, mut foreign_examples) = (Vec::new(), Vec::new());
    for example in examples {
        match Language::of(&normalise::clean(example)) {
            None | Some(Language::English) => english.push(example),
            Some(language) => foreign_examples.push((language, example.clone())),
        }
    }
    (english, foreign_examples)
}

/// Everything that a topic's texts and statements tell about it, before their stems are numbered.
pub(super) struct Noted {
    /// Every stem, with a word that has it.
    pub(super) stems: BTreeMap<String, String>,
    /// Stems of the words that name what the texts ask for.
    asked: BTreeSet<String>,
    /// Stems of the statements, and stems of several texts.
    named: BTreeSet<String>,
    /// Roles of names in the texts and statements.
    roles: HashSet<roles::Role>,
}

impl Noted {
    /// Collects it from texts and statements, given as words.
    pub(super) fn of(texts: &[Vec<String>], statements: &[Vec<String>], names: &HashSet<String>) -> Self {
        let asked = texts.iter().flat_map(|text| asks::focus(text).iter().chain(asks::head(text)));
        let asked = asked.map(|word| normalise::stem(word)).collect();
        let mut stems: BTreeMap<String, String> = BTreeMap::new();
        let mut often: HashMap<String, u32> = HashMap::new();
        let mut named: BTreeSet<String> = BTreeSet::new();
        for text in texts {
            let own: BTreeMap<String, &String> = text.iter().map(|word| (normalise::stem(word), word)).collect();
            for (stem, word) in own {
                *often.entry(stem.clone()).or_default() += 1;
                stems.entry(stem).or_insert_with(|| word.clone());
            }
        }
        for word in statements.iter().flatten() {
            let stem = normalise::stem(word);
            named.insert(stem.clone());
            stems.entry(stem).or_insert_with(|| word.clone());
        }
        named.extend(often.into_iter().filter(|(_, count)| *count >= SEVERAL).map(|(stem, _)| stem));
        let is_name = |word: &str| names.contains(&normalise::stem(word));
        let roles = texts.iter().chain(statements).flat_map(|text| roles::roles(text, is_name)).collect();
        Self { stems, asked, named, roles }
    }
}

impl TopicEntry {
    /// Sets the fields that need numbers for stems. `number` gives the number of a stem.
    pub(super) fn take_in(&mut self, noted: &Noted, number: impl Fn(&str) -> Option<u32>) {
        self.asked = noted.asked.iter().filter_map(|stem| number(stem)).collect();
        self.asked.sort_unstable();
        self.named = Arc::new(noted.named.iter().filter_map(|stem| number(stem)).collect());
        self.roles = Arc::new(noted.roles.clone());
    }

    /// Shares the memory of whatever is equal in an earlier version of the topic.
    pub(super) fn share_with(&mut self, other: &Self) {
        fn share<T: PartialEq>(own: &mut Arc<T>, other: &Arc<T>) {
            if own == other {
                *own = Arc::clone(other);
            }
        }
        share(&mut self.numbers, &other.numbers);
        share(&mut self.claimed, &other.claimed);
        share(&mut self.named, &other.named);
        share(&mut self.roles, &other.roles);
    }
}

/// The texts that the index learns from, by topic.
pub struct TrainingSet {
    pub(super) topics: Vec<TopicEntry>,
    /// Example questions, aliases and titles of each topic as words.
    pub(super) texts: Vec<Vec<Vec<String>>>,
    /// Statements of each topic's claims as words.
    pub(super) statements: Vec<Vec<Vec<String>>>,
    /// Examples in other languages than English.
    pub(super) foreign_examples: Vec<Vec<(Language, String)>>,
    pub(super) speech: Speech,
    pub(super) shorthand: Shorthand,
    pub(super) people: HashSet<String>,
    pub(super) lexicon: Lexicon,
}

impl TrainingSet {
    /// Collects the texts from the facts and the shipped small talk. Leaves the silent topics out if `with_silent` is
    /// false: then the bot must decline questions that nobody foresaw.
    #[must_use]
    pub fn gather(facts: &Facts, with_silent: bool) -> Self {
        let claims = facts.claims_by_id();
        let speech = Speech::shipped();
        let mut training_set = Self {
            topics: Vec::new(),
            texts: Vec::new(),
            statements: Vec::new(),
            foreign_examples: Vec::new(),
            shorthand: speech.shorthand(),
            people: speech.people(),
            speech,
            lexicon: Lexicon::default(),
        };
        for (subject, topic) in
            facts.subjects.iter().flat_map(|subject| subject.topics.iter().map(move |t| (subject, t)))
        {
            if topic.is_silent() && !with_silent {
                continue;
            }
            let own: Vec<_> = topic.claims.iter().filter_map(|id| claims.get(id.as_str()).copied()).collect();
            let lesson = Lesson::of(&subject.id, topic, &own, &training_set.shorthand, &training_set.people);
            training_set.add(lesson);
        }
        training_set.add_small_talk();
        let texts = training_set.texts.iter().enumerate().chain(training_set.statements.iter().enumerate());
        let flat = texts.flat_map(|(topic, texts)| texts.iter().map(move |text| (topic, text.as_slice())));
        training_set.lexicon = Lexicon::gather(training_set.topics.len(), flat);
        let names = training_set.speech.name_stems();
        let lexicon = &training_set.lexicon;
        for ((topic, texts), statements) in
            training_set.topics.iter_mut().zip(&training_set.texts).zip(&training_set.statements)
        {
            topic.take_in(&Noted::of(texts, statements, &names), |stem| lexicon.number(stem));
        }
        training_set
    }

    fn add(&mut self, lesson: Lesson) {
        self.topics.push(lesson.entry);
        self.texts.push(lesson.texts);
        self.statements.push(lesson.statements);
        self.foreign_examples.push(lesson.foreign_examples);
    }

    fn add_small_talk(&mut self) {
        let mut lessons = Vec::new();
        for (kind, texts) in &self.speech.social {
            let talk = SmallTalk::of(kind);
            let entry = TopicEntry {
                id: format!("social-{kind}"),
                title: kind.clone(),
                subject: "social".to_owned(),
                answerable: Answerable::Social(talk),
                claims: Vec::new(),
                numbers: Arc::default(),
                ask_gaps: [0.0; asks::ASKS],
                claimed: Arc::default(),
                named: Arc::default(),
                asked: Vec::new(),
                roles: Arc::default(),
                people: Vec::new(),
                figures: Vec::new(),
            };
            let texts = texts.iter().map(|text| self.shorthand.written_out(text_words(text))).collect();
            lessons.push(Lesson { entry, texts, statements: Vec::new(), foreign_examples: Vec::new() });
        }
        lessons.into_iter().for_each(|lesson| self.add(lesson));
    }

    /// Returns a checksum of everything that the trained model depends on.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(&model::VERSION.to_le_bytes());
        hasher.update(&Vectors::shipped_checksum().to_le_bytes());
        for ((topic, texts), statements) in self.topics.iter().zip(&self.texts).zip(&self.statements) {
            hasher.update(topic.id.as_bytes());
            for text in texts.iter().chain([&Vec::new()]).chain(statements) {
                hasher.update(b"\n");
                hasher.update(text.join(" ").as_bytes());
            }
            hasher.update(b"\0");
        }
        hasher.digest()
    }
}
