//! Looks up each word of a question once: its class, its stem, and how informative it is. Also picks the words that a
//! follow-up question takes from an earlier text.

use std::collections::HashSet;

use super::asks::{Ask, asks, focus, head};
use super::decide::Decision;
use super::false_premise::is_free_figure;
use super::normalise::stem;
use super::quantized::QuantizedVector;
use super::roles::{Role, roles};
use super::{Index, is_number};

/// Frequency rank in the English list up to which a word is common. Nouns that change a question (`insurance`,
/// `bicycle`) begin about here.
const COMMON_WORDS: u32 = 2_500;

/// Unexplained weight (0 to 1) from which a word that other topics use may turn a question into one of theirs.
const INFORMATIVE_WORD: f32 = 0.6;

/// The words of a question, looked up.
pub(super) struct QuestionWords<'a> {
    /// All words, spelling corrected.
    pub(super) words: &'a [String],
    /// Content words, each once.
    pub(super) content: Vec<Word<'a>>,
    /// Words that name what is asked for: *airport* in "which airport".
    pub(super) focus: Vec<Word<'a>>,
    /// The last word of a question that is only a few keywords.
    pub(super) head: Option<Word<'a>>,
    /// Names with the parts that they play.
    pub(super) roles: HashSet<Role>,
    /// Kinds of things that are asked for.
    pub(super) asks: Vec<Ask>,
}

/// A content word: any word but filler.
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    /// Number of its stem. `None` if no topic uses it or if the word is a free figure.
    pub(super) stem: Option<u32>,
    pub(super) class: WordClass,
    /// Informativeness: 0 if a third of the topics use its stem, 1 if at most one does, and for names and markers.
    pub(super) informativeness: f32,
    /// Vector, for words without a stem number; the index has the vectors of stems. `None` for figures, markers and
    /// negations.
    pub(super) vector: Option<QuantizedVector>,
}

/// The class of a content word, which decides how much it matters if a topic doesn't use the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordClass {
    /// A name.
    Name,
    /// A word that turns a question into another one, such as *return* or *next*.
    Marker,
    /// A figure.
    Number,
    /// The word *not*.
    Negation,
    /// A word that some topic uses. If the candidate doesn't, the question may be about that topic.
    OtherTopic,
    /// A common English word that no topic uses: probably phrasing, not content.
    Common,
    /// A rare word that no topic uses: probably part of what is asked.
    Rare,
}

impl Index {
    /// Looks up every word of a question.
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

    /// Returns the number of content words.
    #[must_use]
    pub fn content_count(&self, words: &[String]) -> usize {
        words.iter().filter(|word| word.chars().nth(1).is_some() && !self.trained.filler.contains(&stem(word))).count()
    }

    /// Returns true if words around a question can't change what it asks of a topic: the topic explains enough of each
    /// name, figure, "not", marker and word of other topics among them.
    pub(super) fn is_beside_the_point(&self, words: &[String], topic: usize) -> bool {
        let question = self.question_words(words);
        let is_harmless = |word: &Word<'_>| matches!(word.class, WordClass::Common | WordClass::Rare);
        question.content.iter().all(|word| is_harmless(word) || self.unexplained(topic, word) < INFORMATIVE_WORD)
    }

    /// Returns true if a word is a cue for small talk, such as a greeting or thanks.
    #[must_use]
    pub fn is_cue(&self, word: &str) -> bool {
        self.trained.cues.contains_key(word)
    }

    /// Returns the words of an earlier text that a follow-up question takes over: names and subjects other than the
    /// flights.
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

    /// Returns the surnames of the people in an answer, whom the next question may call *he* or *she*. Empty for other
    /// decisions.
    #[must_use]
    pub fn people_of(&self, decision: &Decision) -> &[String] {
        match decision {
            Decision::Answer(topic) | Decision::Correct { asked: topic, .. } => &self.topics[*topic].people,
            _ => &[],
        }
    }

    /// Looks up a word. Returns `None` for filler. `free_figure` is true if the word is a figure by itself.
    fn look_up<'a>(&self, word: &'a str, free_figure: bool) -> Option<Word<'a>> {
        let stem = stem(word);
        if self.trained.filler.contains(&stem) {
            return None;
        }
        // A free figure isn't the same word as the digits of a name: 200 passengers, Boeing 777-200.
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
