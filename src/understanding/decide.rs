//! Knowing the question, and knowing that it isn't known: from the weighed topics to a decision.

use super::candidate::{Candidate, Unexplained};
use super::matcher::EncodedText;
use super::question_words::{QuestionWords, Word, WordClass};
use super::{Answerable, Index, SmallTalk, is_number};
use crate::language::Language;

/// The confidence from which on the desk answers, a chance in which a wrong answer counts twice. See the table that
/// `cargo run --release --example calibrate` prints. Set where the development questions reach about nine in ten of what
/// the sources answer; a higher one loses more right answers than it saves wrong ones there.
pub const ANSWER_FROM: f32 = 0.10;

/// The same where a short question has a name or a turn that the topic doesn't use: it is likely about something else.
const ANSWER_DESPITE_FOREIGN: f32 = 0.5;

/// The same where no silent topic lies near: there nobody has thought of what may be asked in vain.
const ANSWER_UNCONTESTED: f32 = 0.4;

/// The same for a question without any word that carries meaning: "which ones?".
const ANSWER_TO_NOTHING: f32 = 0.6;

/// From this weight on a name or a turn is one that the topic doesn't use.
pub(super) const FOREIGN: f32 = 0.8;

/// Up to so many words that carry meaning a question is short. In a longer message a name may belong to the story around
/// the question.
const SHORT: usize = 6;

/// The score from which on a silent topic is named; below it the desk says only that the sources don't say. The score
/// of a topic that fits is above 1, of one that doesn't below 0.
const NAME_SILENCE_FROM: f32 = 0.5;

/// The confidence from which on it is named although it isn't about what is asked for.
const NAME_SILENCE_DESPITE: f32 = 0.4;

/// The confidence from which on the claims of a topic are offered as the nearest thing known.
const NEAREST_FROM: f32 = 0.08;

/// Topics within this score of the best are offered as choices if every word is explained but none is sure.
const CHOICE_SPREAD: f32 = 0.35;

/// Below this confidence the person chooses, if there is a choice.
const CHOOSE_BELOW: f32 = 0.15;

/// The confidence that the best of several choices must have, and how much it may leave unexplained.
const CHOICE_FROM: f32 = 0.1;
const CHOICE_UNEXPLAINED: f32 = 0.3;

/// Who says more words than these doesn't only name a subject: "what about the ferry".
const SUBJECT_WORDS: usize = 2;

/// From this confidence on somebody who only names a subject gets an answer and no choice.
const SURE_OF_SUBJECT: f32 = 0.75;

/// How many topics are offered at the most.
const MOST_CHOICES: usize = 5;

/// Below this confidence of every topic a message with a word of greeting or thanks is small talk, if at most so many
/// other words carry meaning.
const SMALL_TALK_BELOW: f32 = 0.3;
const SMALL_TALK_WORDS: usize = 2;

/// How much small talk may leave unexplained.
const SMALL_TALK_UNEXPLAINED: f32 = 0.5;

/// What to do with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Answer from this topic.
    Answer(usize),
    /// The question takes something for granted that this topic's claims put differently; then answer from the other.
    Correct {
        /// The topic that puts it right.
        by: usize,
        /// The topic that was asked about.
        asked: usize,
    },
    /// Ask which of these is meant.
    Choose(Vec<usize>),
    /// The sources don't say.
    Unknown {
        /// The silent topic that the question belongs to.
        silent: Option<usize>,
        /// The topic whose claims come nearest.
        nearest: Option<usize>,
    },
    /// It isn't a question about facts.
    Social(SmallTalk),
    /// There is nothing in it to go by.
    Empty,
    /// It is in a language that the desk doesn't read.
    Foreign,
}

/// How a decision came about.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The words after mending.
    pub words: Vec<String>,
    /// How many of them carry meaning.
    pub content: usize,
    /// The best topics, best first.
    pub candidates: Vec<Candidate>,
    /// What was decided.
    pub decision: Decision,
    /// The language of the question.
    pub language: Language,
}

impl Index {
    /// Decides on one question, given as mended words.
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

    /// The confidence that an answer needs: more where a short question names somebody or some place that the topic
    /// doesn't know, or turns it into another one ("the next flight"); and where no silent topic was there to contest it.
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

    /// The topics among which somebody can choose who names a subject and asks nothing of it: "train", "the troops".
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

    /// The first five topics that say different things, if there are two.
    fn distinct(&self, topics: impl Iterator<Item = usize>) -> Option<Vec<usize>> {
        let mut choices: Vec<usize> = Vec::new();
        for topic in topics {
            if choices.len() < MOST_CHOICES && !choices.iter().any(|choice| self.say_the_same(*choice, topic)) {
                choices.push(topic);
            }
        }
        (choices.len() >= 2).then_some(choices)
    }

    /// Two to five topics among which the person can choose: every word is explained, none is sure, some are near.
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
        // Who asks how old Kozlov is isn't told that the sources don't say how long he stayed.
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
