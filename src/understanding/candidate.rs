//! Scores the topics that a question may belong to, and collects the features behind their confidence.
//!
//! Three things are kept apart: how well a topic fits, by how much it leads over topics that say something else, and
//! which words of the question it leaves unexplained. A single similarity would hide the last: *how much is a ticket*
//! and *how much is a ticket for my dog* differ in one content word, which decides.

use super::confidence::CandidateFeatures;
use super::examples::Likeness;
use super::matcher::EncodedText;
use super::question_words::{QuestionWords, Word, WordClass};
use super::roles::strange;
use super::{Answerable, Index};

/// Number of topics that are selected by the classifier's margin alone.
const SHORT_LIST: usize = 24;

/// Number of topics that are examined. The right one is among them for 98 or 99 of 100 calibration questions.
const LOOKED_AT: usize = 8;

/// Number of topics that are examined first, and the confidence from which the others are skipped. On 1,300 development
/// questions, this changed two answers, both for the better, and took a third off the time.
const LOOKED_AT_FIRST: usize = 2;
const BEYOND_DOUBT: f32 = 0.7;

/// Unexplained weight of a negation that the topic doesn't use. Less than that of a noun, because people write "isn't
/// it".
const NEGATION: f32 = 0.5;

/// Unexplained weight up to which a word counts as explained.
const NEGLIGIBLE: f32 = 0.05;

/// Score by which the examined topics are ordered: penalty per unexplained word, and weight of the cosine to the
/// nearest example.
const UNEXPLAINED_PENALTY: f32 = 0.5;
const NEAREST_BONUS: f32 = 0.5;

/// Value over which a lead is measured if no other topic says something else. Also a lower bound for other topics'
/// values.
const LEAST_LEAD: f32 = -2.0;

/// Penalty on the score for a question that asks for something that the topic isn't about.
const ASK_PENALTY: f32 = 0.4;

/// Informativeness below which a name is in the examples of so many topics that each may use it: Nordwind, Korea.
const EVERYWHERE: f32 = 0.5;

/// Gap above which a topic has nothing of what is asked for: no claim gives it and few examples ask for it.
const ASK_GAP_LIMIT: f32 = 0.9;

/// A topic that a question may belong to.
#[derive(Debug, Clone, Default)]
pub struct Candidate {
    /// Number of the topic.
    pub topic: usize,
    /// Measures of how well the topic fits.
    pub fit: Fit,
    /// Lead over the best topic that says something else, measure by measure.
    pub lead: Fit,
    /// Words that the topic leaves unexplained.
    pub unexplained: Vec<Unexplained>,
    /// Distance of the topic from what is asked for, 0 to 1.
    pub ask_gap: f32,
    /// The same distance, only for what an answer must give, such as a date or a number.
    pub strict_gap: f32,
    /// Distance of the topic's words from the words that name what is asked for, 0 to 1.
    pub focus_gap: f32,
    /// Distance of what the topic's examples ask for from what is asked for, 0 to 1.
    pub asked_gap: f32,
    /// Share of the roles in the question that the topic's examples and claims don't have, 0 to 1.
    pub strange_roles: f32,
    /// Probability that the topic is right, 0 to 1.
    pub confidence: f32,
}

/// Several measures of how well a topic fits a question; in [`Candidate::lead`], differences of these measures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fit {
    /// Margin of the classifier, about -1 to 1.
    pub margin: f32,
    /// Cosine to the centroid of the topic's examples.
    pub cosine: f32,
    /// Comparison with the topic's examples one by one.
    pub likeness: Likeness,
    /// Score by which candidates are ordered: the measures together, less the penalties.
    pub score: f32,
}

impl Fit {
    /// Returns the measures in the order in which the confidence reads them.
    fn measures(&self) -> [f32; 7] {
        let Likeness { nearest, near, said, wanted } = self.likeness;
        [self.margin, self.cosine, nearest, near, said, wanted, self.score]
    }

    /// Returns the lead over the best of others, measure by measure.
    fn lead<'a>(&self, others: impl Iterator<Item = &'a Self>) -> Self {
        let mut best = [LEAST_LEAD; 7];
        for other in others {
            best.iter_mut().zip(other.measures()).for_each(|(best, measure)| *best = best.max(measure));
        }
        let own = self.measures();
        let [margin, cosine, nearest, near, said, wanted, score] = std::array::from_fn(|at| own[at] - best[at]);
        Self { margin, cosine, likeness: Likeness { nearest, near, said, wanted }, score }
    }
}

/// A word of the question that a topic doesn't use.
#[derive(Debug, Clone, PartialEq)]
pub struct Unexplained {
    /// The word, spelling corrected.
    pub word: String,
    /// Unexplained part of the word, 0 to 1.
    pub weight: f32,
    /// Class of the word.
    pub class: WordClass,
}

impl Candidate {
    pub(super) fn unexplained_sum(&self) -> f32 {
        self.unexplained.iter().map(|word| word.weight).sum()
    }

    /// Returns true if the topic has anything of what is asked for. A question that asks when or how many has no answer
    /// without a date or a number.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.strict_gap <= ASK_GAP_LIMIT
    }

    /// Returns the features that the confidence reads. `content` is the number of content words in the question, and
    /// `words` the number of all its words.
    #[must_use]
    pub fn features(&self, content: usize, words: usize) -> CandidateFeatures {
        let of = |origins: &[WordClass]| -> f32 {
            self.unexplained.iter().filter(|word| origins.contains(&word.class)).map(|word| word.weight).sum()
        };
        let others = [
            of(&[WordClass::Name]),
            of(&[WordClass::Marker, WordClass::Negation]),
            of(&[WordClass::OtherTopic, WordClass::Number]),
            of(&[WordClass::Common, WordClass::Rare]),
            self.unexplained.iter().map(|word| word.weight).fold(0.0, f32::max),
            self.unexplained_sum() / content.max(1) as f32,
            self.ask_gap,
            self.strict_gap,
            self.focus_gap,
            self.asked_gap,
            self.strange_roles,
            content as f32,
            words as f32,
        ];
        let mut all = self.fit.measures().into_iter().chain(self.lead.measures()).chain(others);
        std::array::from_fn(|_| all.next().unwrap_or_default())
    }
}

impl Index {
    /// Returns the best topics, examined, with the highest confidence first.
    pub(super) fn candidates(&self, question: &QuestionWords<'_>, encoded: &EncodedText) -> Vec<Candidate> {
        let mut short: Vec<usize> = (0..self.topics.len()).filter(|topic| !self.is_gone(*topic)).collect();
        keep_best(&mut short, SHORT_LIST, |topic| encoded.margins[topic]);
        let numbers: Vec<u32> = short.iter().map(|topic| *topic as u32).collect();
        let mut rough: Vec<(usize, f32)> = short.into_iter().zip(self.cosines(&numbers, encoded)).collect();
        rough.sort_by(|a, b| (encoded.margins[b.0] + b.1).total_cmp(&(encoded.margins[a.0] + a.1)).then(a.0.cmp(&b.0)));
        rough.truncate(LOOKED_AT);
        let mut candidates: Vec<Candidate> = Vec::with_capacity(LOOKED_AT);
        for next in [&rough[..rough.len().min(LOOKED_AT_FIRST)], &rough[rough.len().min(LOOKED_AT_FIRST)..]] {
            candidates.extend(next.iter().map(|(topic, cosine)| self.look(*topic, *cosine, question, encoded)));
            candidates.sort_by(|a, b| b.fit.score.total_cmp(&a.fit.score).then(a.topic.cmp(&b.topic)));
            self.measure(&mut candidates, question);
            candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(b.fit.score.total_cmp(&a.fit.score)));
            if candidates.first().is_some_and(|best| best.confidence >= BEYOND_DOUBT) {
                break;
            }
        }
        candidates
    }

    fn look(&self, topic: usize, cosine: f32, question: &QuestionWords<'_>, encoded: &EncodedText) -> Candidate {
        let margin = encoded.margins[topic];
        let likeness = self.likeness_to_examples(topic, question, &encoded.vector);
        let mut unexplained = Vec::new();
        for word in &question.content {
            let weight = self.unexplained(topic, word);
            if weight > NEGLIGIBLE {
                unexplained.push(Unexplained { word: word.text.to_owned(), weight, class: word.class });
            }
        }
        let gaps = &self.topics[topic].ask_gaps;
        let gap = |strict: bool| {
            let asks = question.asks.iter().filter(|ask| !strict || ask.is_strict());
            asks.map(|ask| gaps[*ask as usize]).fold(0.0, f32::max)
        };
        let focus_gap = question.focus.iter().map(|word| self.unexplained_focus(topic, word)).fold(0.0, f32::max);
        let asked = question.focus.iter().chain(&question.head);
        let asked_gap = asked.map(|word| self.unasked(topic, word)).fold(0.0, f32::max);
        let strange_roles = strange(&question.roles, &self.topics[topic].roles);
        let (ask_gap, strict_gap) = (gap(false), gap(true));
        let mass: f32 = unexplained.iter().map(|word| word.weight).sum();
        let score = margin + cosine + NEAREST_BONUS * likeness.nearest
            - UNEXPLAINED_PENALTY * mass
            - ASK_PENALTY * ask_gap.max(focus_gap);
        Candidate {
            topic,
            fit: Fit { margin, cosine, likeness, score },
            lead: Fit::default(),
            unexplained,
            ask_gap,
            strict_gap,
            focus_gap,
            asked_gap,
            strange_roles,
            confidence: 0.0,
        }
    }

    /// Returns how much of a word the topic leaves unexplained, 0 to 1.
    pub(super) fn unexplained(&self, topic: usize, word: &Word<'_>) -> f32 {
        // A name in a single example isn't the topic's: the example may take something false for granted ("is it based
        // in St Petersburg?").
        let is_everywhere = |stem| self.informativeness(Some(stem)) < EVERYWHERE;
        let is_own =
            |stem| word.class != WordClass::Name || is_everywhere(stem) || self.topics[topic].named.contains(&stem);
        if word.stem.is_some_and(|stem| self.explains(topic, stem) && is_own(stem)) {
            return 0.0;
        }
        match word.class {
            WordClass::Number if self.topics[topic].numbers.contains(word.text) => 0.0,
            WordClass::Number => word.informativeness,
            WordClass::Negation => NEGATION,
            WordClass::Marker => 1.0,
            _ if word.informativeness == 0.0 => 0.0,
            // Another city is another answer, however similar the vectors of both.
            WordClass::Name => word.informativeness,
            _ => word.informativeness * (1.0 - self.likeness(topic, word)),
        }
    }

    /// Returns how much of a word that names what is asked for the topic leaves unexplained, 0 to 1. Here it doesn't
    /// matter how many other topics use the word: *which airport* asks for an airport.
    fn unexplained_focus(&self, topic: usize, word: &Word<'_>) -> f32 {
        let used = word.stem.is_some_and(|stem| self.explains(topic, stem));
        if used || word.class == WordClass::Number { 0.0 } else { 1.0 - self.likeness(topic, word) }
    }

    /// Returns the distance of a word that names what is asked for from those that the topic's examples ask for, 0 to
    /// 1.
    fn unasked(&self, topic: usize, word: &Word<'_>) -> f32 {
        1.0 - self.alike(word, &self.topics[topic].asked).into_iter().fold(0.0, f32::max)
    }

    /// Sets lead and confidence of each candidate.
    fn measure(&self, candidates: &mut [Candidate], question: &QuestionWords<'_>) {
        for at in 0..candidates.len() {
            let topic = candidates[at].topic;
            let others = candidates.iter().filter(|other| !self.say_the_same(topic, other.topic));
            let lead = candidates[at].fit.lead(others.map(|other| &other.fit));
            candidates[at].lead = lead;
            let features = candidates[at].features(question.content.len(), question.words.len());
            let chance = self.trained.confidence.chance(&features);
            let possible = self.topics[topic].answerable != Answerable::Yes || candidates[at].is_possible();
            candidates[at].confidence = if possible { chance } else { 0.0 };
        }
    }

    /// Returns true if the first claim of one topic also answers the other.
    pub(super) fn say_the_same(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.topics[a], &self.topics[b]);
        let leads = |one: &Vec<String>, other: &Vec<String>| one.first().is_some_and(|first| other.contains(first));
        a.answerable == b.answerable && (leads(&a.claims, &b.claims) || leads(&b.claims, &a.claims))
    }
}

/// Keeps the `count` topics with the highest scores, in any order.
fn keep_best(topics: &mut Vec<usize>, count: usize, score: impl Fn(usize) -> f32) {
    if topics.len() > count {
        topics.select_nth_unstable_by(count, |a, b| score(*b).total_cmp(&score(*a)).then(a.cmp(b)));
        topics.truncate(count);
    }
}
