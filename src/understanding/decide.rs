//! Decides what to reply to a question, given its scored topics: an answer, a correction of a false premise, a choice,
//! small talk, or that the sources don't say. Confidences are probabilities from 0 to 1.

use super::candidate::{Candidate, Unexplained};
use super::matcher::EncodedText;
use super::question_words::{QuestionWords, Word, WordClass};
use super::{Answerable, Index, SmallTalk, is_number};
use crate::language::Language;

/// Confidence from which the bot answers: a probability in whose fit a wrong answer counts twice.
/// `cargo run --release --example calibrate` prints what other thresholds would give. With this one, about nine in ten
/// development questions that the sources answer get their answer; a higher one loses more right answers there than it
/// saves wrong ones.
pub const ANSWER_FROM: f32 = 0.10;

/// Confidence from which the bot answers a short question with a name or marker that the topic doesn't use: it is
/// probably about something else.
const ANSWER_DESPITE_FOREIGN: f32 = 0.5;

/// Confidence from which the bot answers if no silent topic is among the candidates: then no near miss was foreseen.
const ANSWER_UNCONTESTED: f32 = 0.4;

/// Confidence from which the bot answers a question without content words: "which ones?".
const ANSWER_TO_NOTHING: f32 = 0.6;

/// Unexplained weight (0 to 1) from which a name or marker counts as foreign to a topic.
pub(super) const FOREIGN: f32 = 0.8;

/// Maximum number of content words in a short question. In a longer message, a name may belong to the story around the
/// question.
const SHORT: usize = 6;

/// Score from which a silent topic is named in the reply; below it, the bot replies only that the sources don't say.
/// The score of a topic that fits is above 1, that of one that doesn't is below 0.
const NAME_SILENCE_FROM: f32 = 0.5;

/// Confidence from which a silent topic is named although it isn't about what is asked for.
const NAME_SILENCE_DESPITE: f32 = 0.4;

/// Confidence from which the claims of a topic are offered as the nearest known.
const NEAREST_FROM: f32 = 0.08;

/// Maximum difference in score from the best topic for a topic to be offered as a choice, if no word is unexplained and
/// no topic is sure.
const CHOICE_SPREAD: f32 = 0.35;

/// Confidence below which the bot offers a choice, if there is one, instead of an answer.
const CHOOSE_BELOW: f32 = 0.15;

/// Minimum confidence of the best of several choices, and the maximum sum of what it leaves unexplained.
const CHOICE_FROM: f32 = 0.1;
const CHOICE_UNEXPLAINED: f32 = 0.3;

/// Maximum number of words in a message that only names a subject. "What about the ferry" has more.
const SUBJECT_WORDS: usize = 2;

/// Confidence from which a message that only names a subject gets an answer instead of a choice.
const SURE_OF_SUBJECT: f32 = 0.75;

/// Maximum number of topics offered as choices.
const MOST_CHOICES: usize = 5;

/// A message with a cue such as a greeting or thanks is small talk if it has at most this number of other content words
/// and every topic is below this confidence.
const SMALL_TALK_BELOW: f32 = 0.3;
const SMALL_TALK_WORDS: usize = 2;

/// Sum of unexplained weights below which a message counts as small talk if that is its best topic.
const SMALL_TALK_UNEXPLAINED: f32 = 0.5;

/// The decision on a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Answers from this topic.
    Answer(usize),
    /// The question takes something for granted that the claims of a topic contradict: correct that first, then answer
    /// from the topic that was asked about.
    Correct {
        /// The topic whose claims correct the premise.
        by: usize,
        /// The topic that was asked about.
        asked: usize,
    },
    /// Asks which of these topics is meant.
    Choose(Vec<usize>),
    /// The sources don't say.
    Unknown {
        /// The silent topic that the question belongs to, if it is near enough to be named.
        silent: Option<usize>,
        /// The topic whose claims come nearest, if any.
        nearest: Option<usize>,
    },
    /// The message is small talk.
    Social(SmallTalk),
    /// The message has nothing to go by.
    Empty,
    /// The message is in a language that the bot doesn't read.
    Foreign,
}

/// A decision and how it came about.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Words of the question, spelling corrected.
    pub words: Vec<String>,
    /// Number of content words.
    pub content: usize,
    /// The best topics, best first. Empty if nothing was scored.
    pub candidates: Vec<Candidate>,
    /// The decision.
    pub decision: Decision,
    /// Language of the question.
    pub language: Language,
}

impl Index {
    /// Decides on one question, given as words with corrected spelling.
    #[must_use]
    pub fn decide(&self, words: &[String]) -> Trace {
        let question = self.question_words(words);
        let encoded = self.encode(words);
        let candidates = self.candidates(&question, &encoded);
        let decision = self.choose(&question, &encoded, &candidates);
        Trace {
            words: words.to_vec(),
            content: question.content.len(),
            candidates,
            decision,
            language: Language::English,
        }
    }

    fn choose(&self, question: &QuestionWords<'_>, encoded: &EncodedText, candidates: &[Candidate]) -> Decision {
        let Some(best) = candidates.first() else { return Decision::Empty };
        if question.words.is_empty() {
            return Decision::Empty;
        }
        if let Some(talk) = self.small_talk(question, candidates) {
            return Decision::Social(talk);
        }
        if question.content.is_empty() && best.confidence < ANSWER_TO_NOTHING {
            return Decision::Empty;
        }
        if let Some(premise) = self.false_premise(question, candidates) {
            return premise;
        }
        if let Some(choices) = self.choices_of_a_subject(question, encoded, candidates) {
            return Decision::Choose(choices);
        }
        match self.topics[best.topic].answerable {
            Answerable::Yes if best.confidence >= self.needed(candidates, question) => self
                .choices(candidates)
                .filter(|_| best.confidence < CHOOSE_BELOW)
                .map_or(Decision::Answer(best.topic), Decision::Choose),
            _ => self.choices(candidates).map_or_else(|| self.unknown(candidates), Decision::Choose),
        }
    }

    /// Returns the confidence that an answer needs. More is needed if a short question has a name that the topic
    /// doesn't know or a marker that turns it into another question ("the next flight"), and if no silent topic is
    /// among the candidates.
    fn needed(&self, candidates: &[Candidate], question: &QuestionWords<'_>) -> f32 {
        let is_foreign = |word: &Unexplained| {
            matches!(word.class, WordClass::Name | WordClass::Marker)
                && word.weight >= FOREIGN
                && !is_number(&word.word)
        };
        let is_silent = |candidate: &Candidate| self.topics[candidate.topic].answerable == Answerable::No;
        if question.content.len() <= SHORT && candidates[0].unexplained.iter().any(is_foreign) {
            ANSWER_DESPITE_FOREIGN
        } else if candidates.iter().any(is_silent) {
            ANSWER_FROM
        } else {
            ANSWER_UNCONTESTED
        }
    }

    fn small_talk(&self, question: &QuestionWords<'_>, candidates: &[Candidate]) -> Option<SmallTalk> {
        let best = candidates.first()?;
        if let Answerable::Social(talk) = self.topics[best.topic].answerable
            && best.unexplained_sum() < SMALL_TALK_UNEXPLAINED
        {
            return Some(talk);
        }
        let likely = candidates.iter().map(|candidate| candidate.confidence).fold(0.0, f32::max);
        let talk = question.words.iter().find_map(|word| self.trained.cues.get(word)).copied()?;
        let others: Vec<&Word<'_>> =
            question.content.iter().filter(|word| !self.trained.cues.contains_key(word.text)).collect();
        let closing = matches!(talk, SmallTalk::Thanks | SmallTalk::Farewell) && question.asks.is_empty();
        let about_something = others.iter().any(|word| word.stem.is_some()) && likely >= SMALL_TALK_BELOW;
        let named = others.iter().any(|word| word.class == WordClass::Name);
        let short = others.len() <= SMALL_TALK_WORDS;
        (short && !named && (closing || !about_something)).then_some(talk)
    }

    /// Returns the topics to choose from if the message only names a subject and asks nothing about it: "train", "the
    /// troops".
    fn choices_of_a_subject(
        &self,
        question: &QuestionWords<'_>,
        encoded: &EncodedText,
        candidates: &[Candidate],
    ) -> Option<Vec<usize>> {
        let [Word { stem: Some(stem), .. }] = question.content[..] else { return None };
        let answers = |topic: usize| self.topics[topic].answerable == Answerable::Yes && !self.is_gone(topic);
        let sure = |candidate: &Candidate| answers(candidate.topic) && candidate.confidence >= SURE_OF_SUBJECT;
        if question.words.len() > SUBJECT_WORDS || question.head.is_none() || candidates.iter().any(sure) {
            return None;
        }
        let speaks_of_it = |topic: &usize| answers(*topic) && self.topics[*topic].named.contains(&stem);
        let mut topics: Vec<usize> = (0..self.topics.len()).filter(speaks_of_it).collect();
        topics.sort_by(|a, b| encoded.margins[*b].total_cmp(&encoded.margins[*a]).then(a.cmp(b)));
        self.distinct(topics.into_iter())
    }

    /// Returns the first [`MOST_CHOICES`] topics that say different things, or `None` if there are fewer than two.
    fn distinct(&self, topics: impl Iterator<Item = usize>) -> Option<Vec<usize>> {
        let mut choices: Vec<usize> = Vec::new();
        for topic in topics {
            if choices.len() < MOST_CHOICES && !choices.iter().any(|choice| self.say_the_same(*choice, topic)) {
                choices.push(topic);
            }
        }
        (choices.len() >= 2).then_some(choices)
    }

    /// Returns two to five topics to choose from: the best leaves hardly any word unexplained but isn't sure, and
    /// others are near.
    fn choices(&self, candidates: &[Candidate]) -> Option<Vec<usize>> {
        let answers = |candidate: &Candidate| self.topics[candidate.topic].answerable == Answerable::Yes;
        let best = candidates.first().filter(|best| answers(best))?;
        if best.unexplained_sum() > CHOICE_UNEXPLAINED || best.confidence < CHOICE_FROM {
            return None;
        }
        let near =
            |candidate: &&Candidate| (best.fit.score - candidate.fit.score).abs() < CHOICE_SPREAD && answers(candidate);
        self.distinct(candidates.iter().filter(near).map(|candidate| candidate.topic))
    }

    fn unknown(&self, candidates: &[Candidate]) -> Decision {
        let best = &candidates[0];
        let is_silent = self.topics[best.topic].answerable == Answerable::No;
        // "How old is Kozlov?" mustn't get the reply "The sources don't say how long he stayed".
        let fits = best.is_possible() || best.confidence >= NAME_SILENCE_DESPITE;
        let named = is_silent && best.fit.score >= NAME_SILENCE_FROM && fits;
        let silent = named.then_some(best.topic);
        let nearest = candidates
            .iter()
            .find(|candidate| self.topics[candidate.topic].answerable == Answerable::Yes)
            .filter(|candidate| candidate.confidence >= NEAREST_FROM)
            .map(|candidate| candidate.topic);
        Decision::Unknown { silent, nearest }
    }
}
