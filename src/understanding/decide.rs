//! Knowing the question, and knowing that it isn't known: from the best topics to a decision.
//!
//! Three things are kept apart: how well the best topic fits, how far the next one is that says something else, and
//! which words of the question the topic leaves unexplained. A single similarity would hide the last: *how much is a
//! ticket* and *how much is a ticket for my dog* differ in one word, and it decides.

use super::confidence::Signs;
use super::examples::Likeness;
use super::heard::{Heard, Origin, Word};
use super::links::strange;
use super::model::View;
use super::{Answerable, Index, SmallTalk, is_number};

/// How many topics are taken by the classifier's margin alone, before the other scores.
const SHORT_LIST: usize = 24;

/// How many topics are looked at closely. The right one is among the first five for 94 % of the calibration questions.
const LOOKED_AT: usize = 8;

/// The weight of a negation that the topic doesn't use; less than a noun, because people say "isn't it".
const NEGATION: f32 = 0.5;

/// Less of a word left unexplained than this counts as explained.
const NEGLIGIBLE: f32 = 0.05;

/// How the close look orders the topics: what an unexplained word takes off, and what the nearest example adds.
const UNEXPLAINED_PENALTY: f32 = 0.5;
const NEAREST_BONUS: f32 = 0.5;

/// A lead over nothing is one over a topic that measures this.
const LEAST_LEAD: f32 = -2.0;

/// What asking for something that a topic isn't about takes off its score.
const ASK_PENALTY: f32 = 0.4;

/// The confidence from which on the desk answers, a chance in which a wrong answer counts twice. See the table that
/// `cargo run --release --example calibrate` prints.
pub const ANSWER_FROM: f32 = 0.10;

/// The same where a short question has a name or a turn that the topic doesn't use: it is likely about something else.
const ANSWER_DESPITE_FOREIGN: f32 = 0.5;

/// The same where no silent topic lies near: there nobody has thought of what may be asked in vain.
const ANSWER_UNCONTESTED: f32 = 0.4;

/// The same for a question without any word that carries meaning: "which ones?".
const ANSWER_TO_NOTHING: f32 = 0.6;

/// A name that tells less than this is in the examples of so many topics that each may use it: Nordwind, Korea.
const EVERYWHERE: f32 = 0.5;

/// From this weight on a name or a turn is one that the topic doesn't use.
pub(super) const FOREIGN: f32 = 0.8;

/// Up to so many words that carry meaning a question is short. In a longer message a name may belong to the story around
/// the question.
const SHORT: usize = 6;

/// From this gap on a topic has nothing of what is asked for: no claim gives it and few examples ask for it.
const ASK_GAP_LIMIT: f32 = 0.9;

/// The score from which on a silent topic is named; below it the desk says only that the sources don't say. The score
/// of a topic that fits is above 1, of one that doesn't below 0.
const NAME_SILENCE_FROM: f32 = 0.5;

/// The confidence from which on it is named although it isn't about what is asked for.
const NAME_SILENCE_DESPITE: f32 = 0.4;

/// The confidence from which on the claims of a topic are offered as the nearest thing known.
const NEAREST_FROM: f32 = 0.08;

/// Topics within this score of the best are offered as choices if every word is explained but none is sure.
const CHOICE_SPREAD: f32 = 0.35;

/// The confidence that the best of several choices must have, and how much it may leave unexplained.
const CHOICE_FROM: f32 = 0.2;
const CHOICE_UNEXPLAINED: f32 = 0.3;

/// Below this confidence of every topic a message with a word of greeting or thanks is small talk, if at most so many
/// other words carry meaning.
const SMALL_TALK_BELOW: f32 = 0.3;
const SMALL_TALK_WORDS: usize = 2;

/// The same for a message that begins with thanks or a goodbye and asks nothing.
const CLOSING_WORDS: usize = 4;

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

/// A topic that a question may belong to.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its number.
    pub topic: usize,
    /// How well it fits.
    pub fit: Fit,
    /// By how much it fits better than the best topic that says something else, measure by measure.
    pub lead: Fit,
    /// Words that it leaves unexplained.
    pub unexplained: Vec<Unexplained>,
    /// How little it is about what is asked for, from 0 to 1.
    pub ask_gap: f32,
    /// The same for things without which there is no answer, such as a date or a number.
    pub strict_gap: f32,
    /// How little it has to do with the words that name what is asked for, from 0 to 1.
    pub focus_gap: f32,
    /// How little its examples ask for what is asked for, from 0 to 1.
    pub asked_gap: f32,
    /// What share of the names in the question play another part than in its examples and claims.
    pub strange_links: f32,
    /// The chance that it is right, from 0 to 1.
    pub confidence: f32,
}

/// How well a topic fits a question, by several measures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fit {
    /// The classifier's margin, about -1 to 1.
    pub margin: f32,
    /// The cosine to the middle of its examples.
    pub cosine: f32,
    /// How it compares with its examples one by one.
    pub likeness: Likeness,
    /// By what the candidates are ordered: all of it together, less what stays unexplained.
    pub score: f32,
}

impl Fit {
    /// The measures, in the order in which the confidence reads them.
    fn measures(&self) -> [f32; 7] {
        let Likeness { nearest, near, said, wanted } = self.likeness;
        [self.margin, self.cosine, nearest, near, said, wanted, self.score]
    }

    /// By how much it is better than the best of others in each measure.
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
    /// The word.
    pub word: String,
    /// How much of it stays unexplained, from 0 to 1.
    pub weight: f32,
    /// Where else it is known.
    pub origin: Origin,
}

impl Candidate {
    pub(super) fn unexplained_sum(&self) -> f32 {
        self.unexplained.iter().map(|word| word.weight).sum()
    }

    /// Whether it has anything of what is asked for. Whoever asks when or how many isn't answered without a date or a
    /// number.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.strict_gap <= ASK_GAP_LIMIT
    }

    /// What the confidence looks at: `content` words carry meaning, of `words` in all.
    #[must_use]
    pub fn signs(&self, content: usize, words: usize) -> Signs {
        let of = |origins: &[Origin]| -> f32 {
            self.unexplained.iter().filter(|word| origins.contains(&word.origin)).map(|word| word.weight).sum()
        };
        let [margin, cosine, nearest, near, said, wanted, score] = self.fit.measures();
        let lead = self.lead.measures();
        [
            margin,
            cosine,
            nearest,
            near,
            said,
            wanted,
            score,
            lead[0],
            lead[1],
            lead[2],
            lead[3],
            lead[4],
            lead[5],
            lead[6],
            of(&[Origin::Name]),
            of(&[Origin::Marker, Origin::Negation]),
            of(&[Origin::OtherTopic, Origin::Number]),
            of(&[Origin::Common, Origin::Rare]),
            self.unexplained.iter().map(|word| word.weight).fold(0.0, f32::max),
            self.unexplained_sum() / content.max(1) as f32,
            self.ask_gap,
            self.strict_gap,
            self.focus_gap,
            self.asked_gap,
            self.strange_links,
            content as f32,
            words as f32,
        ]
    }
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
}

impl Index {
    /// Decides on one question, given as mended words.
    #[must_use]
    pub fn decide(&self, words: &[String]) -> Trace {
        self.decide_on_view(words, &self.model.view(words, &self.vectors))
    }

    fn decide_on_view(&self, words: &[String], view: &View) -> Trace {
        let heard = self.listen(words);
        let candidates = self.candidates(&heard, view);
        let decision = self.choose(&heard, &candidates);
        Trace { words: words.to_vec(), content: heard.content.len(), candidates, decision }
    }

    /// The best topics, looked at closely and put in order.
    pub(super) fn candidates(&self, heard: &Heard<'_>, view: &View) -> Vec<Candidate> {
        let mut short: Vec<usize> = (0..self.topics.len()).collect();
        keep_best(&mut short, SHORT_LIST, |topic| view.margins[topic]);
        let numbers: Vec<u32> = short.iter().map(|topic| *topic as u32).collect();
        let mut rough: Vec<(usize, f32)> = short.into_iter().zip(self.model.cosines(&numbers, view)).collect();
        rough.sort_by(|a, b| (view.margins[b.0] + b.1).total_cmp(&(view.margins[a.0] + a.1)).then(a.0.cmp(&b.0)));
        rough.truncate(LOOKED_AT);
        let mut candidates: Vec<Candidate> =
            rough.into_iter().map(|(topic, cosine)| self.look(topic, cosine, heard, view)).collect();
        candidates.sort_by(|a, b| b.fit.score.total_cmp(&a.fit.score).then(a.topic.cmp(&b.topic)));
        self.measure(&mut candidates, heard);
        candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(b.fit.score.total_cmp(&a.fit.score)));
        candidates
    }

    fn look(&self, topic: usize, cosine: f32, heard: &Heard<'_>, view: &View) -> Candidate {
        let margin = view.margins[topic];
        let likeness = self.likeness_to_examples(topic, heard, &view.vector);
        let mut unexplained = Vec::new();
        for word in &heard.content {
            let weight = self.unexplained(topic, word);
            if weight > NEGLIGIBLE {
                unexplained.push(Unexplained { word: word.text.to_owned(), weight, origin: word.origin });
            }
        }
        let gaps = &self.topics[topic].ask_gaps;
        let gap = |strict: bool| {
            let asks = heard.asks.iter().filter(|ask| !strict || ask.is_strict());
            asks.map(|ask| gaps[*ask as usize]).fold(0.0, f32::max)
        };
        let focus_gap = heard.focus.iter().map(|word| self.unexplained_focus(topic, word)).fold(0.0, f32::max);
        let asked = heard.focus.iter().chain(&heard.head);
        let asked_gap = asked.map(|word| self.unasked(topic, word)).fold(0.0, f32::max);
        let strange_links = strange(&heard.links, &self.topics[topic].links);
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
            strange_links,
            confidence: 0.0,
        }
    }

    /// How much of a word the topic leaves unexplained, from 0 to 1.
    pub(super) fn unexplained(&self, topic: usize, word: &Word<'_>) -> f32 {
        // A single example may name what it asks after and isn't so: "is it based in St Petersburg?"
        let is_everywhere = |stem| self.lexicon.telling(Some(stem)) < EVERYWHERE;
        let is_own =
            |stem| word.origin != Origin::Name || is_everywhere(stem) || self.topics[topic].named.contains(&stem);
        if word.stem.is_some_and(|stem| self.lexicon.explains(topic, stem) && is_own(stem)) {
            return 0.0;
        }
        match word.origin {
            Origin::Number if self.topics[topic].numbers.contains(word.text) => 0.0,
            Origin::Number => word.telling,
            Origin::Negation => NEGATION,
            Origin::Marker => 1.0,
            _ if word.telling == 0.0 => 0.0,
            // Another city is another city, however near the two lie on a map of words.
            Origin::Name => word.telling,
            _ => word.telling * (1.0 - self.likeness(topic, word)),
        }
    }

    /// How much of a word that names what is asked for the topic leaves unexplained. Here it doesn't matter how many
    /// other topics use it: who asks *which airport* wants an airport.
    fn unexplained_focus(&self, topic: usize, word: &Word<'_>) -> f32 {
        let used = word.stem.is_some_and(|stem| self.lexicon.explains(topic, stem));
        if used || word.origin == Origin::Number { 0.0 } else { 1.0 - self.likeness(topic, word) }
    }

    /// How far a word that names what is asked for is from those that the topic's examples ask for.
    fn unasked(&self, topic: usize, word: &Word<'_>) -> f32 {
        1.0 - self.alike(word, &self.topics[topic].asked).into_iter().fold(0.0, f32::max)
    }

    /// Fills in lead and confidence.
    fn measure(&self, candidates: &mut [Candidate], heard: &Heard<'_>) {
        for at in 0..candidates.len() {
            let topic = candidates[at].topic;
            let others = candidates.iter().filter(|other| !self.say_the_same(topic, other.topic));
            let lead = candidates[at].fit.lead(others.map(|other| &other.fit));
            candidates[at].lead = lead;
            let signs = candidates[at].signs(heard.content.len(), heard.words.len());
            let chance = self.confidence.chance(&signs);
            let possible = self.topics[topic].answerable != Answerable::Yes || candidates[at].is_possible();
            candidates[at].confidence = if possible { chance } else { 0.0 };
        }
    }

    /// Whether two topics are answered by the same first claim.
    fn say_the_same(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.topics[a], &self.topics[b]);
        let leads = |one: &Vec<String>, other: &Vec<String>| one.first().is_some_and(|first| other.contains(first));
        a.answerable == b.answerable && (leads(&a.claims, &b.claims) || leads(&b.claims, &a.claims))
    }

    fn choose(&self, heard: &Heard<'_>, candidates: &[Candidate]) -> Decision {
        let Some(best) = candidates.first() else { return Decision::Empty };
        if heard.words.is_empty() {
            return Decision::Empty;
        }
        if let Some(talk) = self.small_talk(heard, candidates) {
            return Decision::Social(talk);
        }
        if heard.content.is_empty() && best.confidence < ANSWER_TO_NOTHING {
            return Decision::Empty;
        }
        if let Some(correction) = self.correction(heard, candidates) {
            return correction;
        }
        if self.is_foreign(heard) {
            return Decision::Foreign;
        }
        match self.topics[best.topic].answerable {
            Answerable::Yes if best.confidence >= self.needed(candidates, heard) => Decision::Answer(best.topic),
            _ => self.choices(candidates).map_or_else(|| self.unknown(candidates), Decision::Choose),
        }
    }

    /// The confidence that an answer needs: more where a short question names somebody or some place that the topic
    /// doesn't know, or turns it into another one ("the next flight"); and where no silent topic was there to contest it.
    fn needed(&self, candidates: &[Candidate], heard: &Heard<'_>) -> f32 {
        let is_foreign = |word: &Unexplained| {
            matches!(word.origin, Origin::Name | Origin::Marker) && word.weight >= FOREIGN && !is_number(&word.word)
        };
        let is_silent = |candidate: &Candidate| self.topics[candidate.topic].answerable == Answerable::No;
        if heard.content.len() <= SHORT && candidates[0].unexplained.iter().any(is_foreign) {
            ANSWER_DESPITE_FOREIGN
        } else if candidates.iter().any(is_silent) {
            ANSWER_FROM
        } else {
            ANSWER_UNCONTESTED
        }
    }

    /// Whether most letters are of another script and no word is one that the desk uses.
    fn is_foreign(&self, heard: &Heard<'_>) -> bool {
        let letters = || heard.words.iter().flat_map(|word| word.chars()).filter(|c| c.is_alphabetic());
        let other = letters().filter(|c| !c.is_ascii()).count();
        2 * other > letters().count() && heard.content.iter().all(|word| word.stem.is_none())
    }

    fn small_talk(&self, heard: &Heard<'_>, candidates: &[Candidate]) -> Option<SmallTalk> {
        let best = candidates.first()?;
        if let Answerable::Social(talk) = self.topics[best.topic].answerable
            && best.unexplained_sum() < SMALL_TALK_UNEXPLAINED
        {
            return Some(talk);
        }
        let likely = candidates.iter().map(|candidate| candidate.confidence).fold(0.0, f32::max);
        let talk = heard.words.iter().find_map(|word| self.cues.get(word)).copied()?;
        let others: Vec<&Word<'_>> = heard.content.iter().filter(|word| !self.cues.contains_key(word.text)).collect();
        let closing = matches!(talk, SmallTalk::Thanks | SmallTalk::Farewell) && heard.asks.is_empty();
        let about_something = others.iter().any(|word| word.stem.is_some()) && likely >= SMALL_TALK_BELOW;
        let named = others.iter().any(|word| word.origin == Origin::Name);
        let leads = closing && heard.words.first().is_some_and(|word| self.cues.contains_key(word));
        let short = others.len() <= if leads { CLOSING_WORDS } else { SMALL_TALK_WORDS };
        (short && !named && (closing || !about_something)).then_some(talk)
    }

    /// Two to five topics among which the person can choose: every word is explained, none is sure, some are near.
    fn choices(&self, candidates: &[Candidate]) -> Option<Vec<usize>> {
        let answers = |candidate: &Candidate| self.topics[candidate.topic].answerable == Answerable::Yes;
        let best = candidates.first().filter(|best| answers(best))?;
        if best.unexplained_sum() > CHOICE_UNEXPLAINED || best.confidence < CHOICE_FROM {
            return None;
        }
        let mut choices: Vec<usize> = vec![best.topic];
        for candidate in &candidates[1..] {
            let near = (best.fit.score - candidate.fit.score).abs() < CHOICE_SPREAD;
            let differs = !choices.iter().any(|choice| self.say_the_same(*choice, candidate.topic));
            if near && differs && answers(candidate) {
                choices.push(candidate.topic);
            }
        }
        choices.truncate(5);
        (choices.len() >= 2).then_some(choices)
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

/// Keeps the topics of the highest scores, in no order.
fn keep_best(topics: &mut Vec<usize>, count: usize, score: impl Fn(usize) -> f32) {
    if topics.len() > count {
        topics.select_nth_unstable_by(count, |a, b| score(*b).total_cmp(&score(*a)).then(a.cmp(b)));
        topics.truncate(count);
    }
}
