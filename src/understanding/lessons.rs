//! What the facts and the shipped small talk teach the index: the examples, titles and statements of each topic as words,
//! and what follows from them about the topic.

use std::collections::{HashMap, HashSet};

use super::lexicon::{Lexicon, Shorthand, Speech, text_words};
use super::vectors::Vectors;
use super::{Answerable, SmallTalk, TopicEntry, asks, correct, links, model, normalise};
use crate::facts::value::Kind;
use crate::facts::{Facts, verify};

/// In how many of a topic's examples a name must stand to belong to the topic.
const SEVERAL: u32 = 3;

/// The texts that teach the index, by topic.
pub struct Lessons {
    pub(super) topics: Vec<TopicEntry>,
    /// Example questions, titles and aliases as words.
    pub(super) texts: Vec<Vec<Vec<String>>>,
    /// The statements of each topic's claims as words.
    pub(super) statements: Vec<Vec<Vec<String>>>,
    pub(super) speech: Speech,
    pub(super) shorthand: Shorthand,
    people: HashSet<String>,
    pub(super) lexicon: Lexicon,
}

impl Lessons {
    /// Gathers the texts from the facts and the shipped small talk. `with_silent` leaves the silent topics in; without
    /// them the desk must decline what nobody foresaw.
    #[must_use]
    pub fn gather(facts: &Facts, with_silent: bool) -> Self {
        let claims = facts.claims_by_id();
        let speech = Speech::shipped();
        let mut lessons = Self {
            topics: Vec::new(),
            texts: Vec::new(),
            statements: Vec::new(),
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
            let texts: Vec<Vec<String>> = topic
                .examples
                .iter()
                .chain(&topic.aliases)
                .chain([topic.unsaid.as_ref().unwrap_or(&topic.title)])
                .map(|text| lessons.shorthand.written_out(text_words(text)))
                .collect();
            // What comes nearest to a silent topic explains nothing of it.
            let explaining = if topic.is_silent() { &[][..] } else { &own[..] };
            let statements: Vec<Vec<String>> = explaining.iter().map(|claim| text_words(&claim.statement)).collect();
            let free = |words: &Vec<String>| -> Vec<String> {
                (0..words.len()).filter(|at| correct::is_free_figure(words, *at)).map(|at| words[at].clone()).collect()
            };
            // What examples take for granted is confirmed by nobody; a silent topic has nothing else.
            let telling = if topic.is_silent() { &texts } else { &statements };
            let mut numbers: HashSet<String> = telling.iter().flat_map(free).collect();
            for claim in explaining.iter().filter(|claim| !matches!(claim.value.kind(), Kind::Name(_))) {
                numbers.extend(verify::numbers(&format!("{} {}", claim.statement, claim.value.text())));
            }
            let mut claimed: HashSet<String> = statements.iter().flatten().cloned().collect();
            for claim in explaining {
                claimed.extend(verify::numbers(&format!("{} {}", claim.statement, claim.value.text())));
                claimed.extend(text_words(claim.value.text()));
            }
            let is_person = |word: &&String| lessons.people.contains(*word);
            let people = statements.first().into_iter().flatten().filter(is_person).cloned().collect();
            let figures = explaining.iter().filter_map(|claim| correct::Figure::of(claim.value.kind())).collect();
            let ask_gaps = asks::gaps(&texts[..topic.examples.len()], explaining);
            lessons.topics.push(TopicEntry {
                id: topic.id.clone(),
                title: topic.title.clone(),
                subject: subject.id.clone(),
                answerable: if topic.is_silent() { Answerable::No } else { Answerable::Yes },
                claims: topic.claims.clone(),
                numbers,
                ask_gaps,
                claimed,
                named: HashSet::new(),
                asked: Vec::new(),
                links: HashSet::new(),
                people,
                figures,
            });
            lessons.texts.push(texts);
            lessons.statements.push(statements);
        }
        lessons.add_small_talk();
        let texts = lessons.texts.iter().enumerate().chain(lessons.statements.iter().enumerate());
        let flat = texts.flat_map(|(topic, texts)| texts.iter().map(move |text| (topic, text.as_slice())));
        lessons.lexicon = Lexicon::gather(lessons.topics.len(), flat);
        lessons.note_what_is_asked();
        lessons
    }

    /// Notes what each topic's examples ask for, and who does what to whom in them.
    fn note_what_is_asked(&mut self) {
        let names = self.speech.name_stems();
        let is_name = |word: &str| names.contains(&normalise::stem(word));
        for ((topic, texts), statements) in self.topics.iter_mut().zip(&self.texts).zip(&self.statements) {
            let asked = texts.iter().flat_map(|text| asks::focus(text).iter().chain(asks::head(text)));
            let mut asked: Vec<u32> = asked.filter_map(|word| self.lexicon.number(&normalise::stem(word))).collect();
            asked.sort_unstable();
            asked.dedup();
            topic.asked = asked;
            let number = |word: &String| self.lexicon.number(&normalise::stem(word));
            let mut often: HashMap<u32, u32> = HashMap::new();
            for text in texts {
                let stems: HashSet<u32> = text.iter().filter_map(number).collect();
                stems.into_iter().for_each(|stem| *often.entry(stem).or_default() += 1);
            }
            let several = often.into_iter().filter(|(_, count)| *count >= SEVERAL).map(|(stem, _)| stem);
            topic.named = several.chain(statements.iter().flatten().filter_map(number)).collect();
            topic.links = texts.iter().chain(statements).flat_map(|text| links::links(text, is_name)).collect();
        }
    }

    fn add_small_talk(&mut self) {
        for (kind, texts) in &self.speech.social {
            let talk = SmallTalk::of(kind);
            self.topics.push(TopicEntry {
                id: format!("social-{kind}"),
                title: kind.clone(),
                subject: "social".to_owned(),
                answerable: Answerable::Social(talk),
                claims: Vec::new(),
                numbers: HashSet::new(),
                ask_gaps: [0.0; asks::ASKS],
                claimed: HashSet::new(),
                named: HashSet::new(),
                asked: Vec::new(),
                links: HashSet::new(),
                people: Vec::new(),
                figures: Vec::new(),
            });
            self.texts.push(texts.iter().map(|text| self.shorthand.written_out(text_words(text))).collect());
            self.statements.push(Vec::new());
        }
    }

    /// A checksum of everything that the trained model depends on.
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
