//! The words of a question, each looked up once: what it is, and whether it needs a topic to explain it.

use std::collections::HashSet;

use super::asks::{Ask, asks, focus, head};
use super::decide::Decision;
use super::false_premise::is_free_figure;
use super::normalise::stem;
use super::quantized::QuantizedVector;
use super::roles::{Role, roles};
use super::{Index, is_number};

/// Up to this rank in the list of English a word is common. Nouns that change a question (`insurance`, `bicycle`) begin
/// about here.
const COMMON_WORDS: u32 = 2_500;

/// From so much left unexplained on a word that other topics use may turn a question into one of theirs.
const INFORMATIVE_WORD: f32 = 0.6;

/// A question's words.
pub(super) struct QuestionWords<'a> {
    /// All of them, spelling mended.
    pub(super) words: &'a [String],
    /// Those that carry meaning, each once.
    pub(super) content: Vec<Word<'a>>,
    /// Those that name what is asked for.
    pub(super) focus: Vec<Word<'a>>,
    /// The last of a few keywords.
    pub(super) head: Option<Word<'a>>,
    /// Who does it and to whom.
    pub(super) roles: HashSet<Role>,
    /// What is asked for.
    pub(super) asks: Vec<Ask>,
}

/// A word that carries meaning.
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    /// The number of its stem, if a topic uses it.
    pub(super) stem: Option<u32>,
    pub(super) class: WordClass,
    /// How much it tells one topic from others, from 0 to 1.
    pub(super) informativeness: f32,
    /// What it means, for words that no topic uses; of the others it is known.
    pub(super) vector: Option<QuantizedVector>,
}

/// Where a word that a topic doesn't use is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordClass {
    /// It is a name.
    Name,
    /// It turns a question into another one.
    Marker,
    /// It is a figure.
    Number,
    /// It says that something is not so.
    Negation,
    /// Another topic uses it: the question may be about that.
    OtherTopic,
    /// No topic uses it, but many people do: it may be a way of speaking.
    Common,
    /// A rare word: it matters what it is.
    Rare,
}

impl Index {
    /// Looks every word of a question up.
    pub(super) fn question_words<'a>(&self, words: &'a [String]) -> QuestionWords<'a> {
        let mut content: Vec<Word<'a>> = Vec::with_capacity(words.len());
        for (at, word) in words.iter().enumerate() {
            if word.chars().nth(1).is_some() && !content.iter().any(|other| other.text == word) {
                content.extend(self.look_up(word, is_number(word) && is_free_figure(words, at)));
            }
        }
        let focus = focus(words).iter().filter_map(|word| self.look_up(word, false)).collect();
        let head = head(words).and_then(|word| self.look_up(word, false));
        let roles = roles(words, |word| self.trained.names.contains(&stem(word)));
        QuestionWords { words, content, focus, head, roles, asks: asks(words) }
    }

    /// How many of the words carry meaning.
    #[must_use]
    pub fn content_count(&self, words: &[String]) -> usize {
        words.iter().filter(|word| word.chars().nth(1).is_some() && !self.trained.filler.contains(&stem(word))).count()
    }

    /// Whether words around a question can't change what it asks of a topic: none of them is a name, a figure, a "not",
    /// a turn, or a word of other topics that this one doesn't use.
    pub(super) fn is_beside_the_point(&self, words: &[String], topic: usize) -> bool {
        let question = self.question_words(words);
        let is_harmless = |word: &Word<'_>| matches!(word.class, WordClass::Common | WordClass::Rare);
        question.content.iter().all(|word| is_harmless(word) || self.unexplained(topic, word) < INFORMATIVE_WORD)
    }

    /// Whether a word is a greeting, thanks or the like.
    #[must_use]
    pub fn is_cue(&self, word: &str) -> bool {
        self.trained.cues.contains_key(word)
    }

    /// What an earlier text was about other than the flights, for a question that leans on it.
    #[must_use]
    pub fn carried(&self, words: &[String]) -> Vec<String> {
        const EVERYWHERE: [&str; 9] =
            ["moscow", "pyongyang", "nordwind", "russia", "russian", "russians", "korea", "korean", "koreans"];
        let is_subject = |word: &&String| {
            let stem = stem(word);
            !EVERYWHERE.contains(&word.as_str())
                && (self.trained.names.contains(&stem) || self.trained.subjects.contains(&stem))
        };
        words.iter().filter(is_subject).cloned().collect()
    }

    /// The people that an answer speaks of, whom the next question may call *he* or *she*.
    #[must_use]
    pub fn people_of(&self, decision: &Decision) -> &[String] {
        match decision {
            Decision::Answer(topic) | Decision::Correct { asked: topic, .. } => &self.topics[*topic].people,
            _ => &[],
        }
    }

    /// What a word is; none if it needs no explanation.
    fn look_up<'a>(&self, word: &'a str, free_figure: bool) -> Option<Word<'a>> {
        let stem = stem(word);
        if self.trained.filler.contains(&stem) {
            return None;
        }
        // A figure is another word than the same digits in a name: 200 passengers, Boeing 777-200.
        let number = self.stem_number(&stem).filter(|_| !free_figure);
        let class = if self.trained.names.contains(&stem) {
            WordClass::Name
        } else if word == "not" {
            WordClass::Negation
        } else if self.trained.markers.contains(&stem) {
            WordClass::Marker
        } else if is_number(word) {
            WordClass::Number
        } else if number.is_some() {
            WordClass::OtherTopic
        } else if self.trained.english.rank(word).is_some_and(|rank| rank <= COMMON_WORDS) {
            WordClass::Common
        } else {
            WordClass::Rare
        };
        let informativeness = match class {
            WordClass::Name | WordClass::Marker => 1.0,
            _ => self.informativeness(number),
        };
        let is_word = !matches!(class, WordClass::Number | WordClass::Marker | WordClass::Negation);
        let vector = (number.is_none() && is_word).then(|| QuantizedVector::of(&self.trained.vectors.mean(&[word])));
        Some(Word { text: word, stem: number, class, informativeness, vector })
    }
}
