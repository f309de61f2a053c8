//! Knowing the question, and knowing that it isn't known: from the best topics to a decision.
//!
//! Three things are kept apart: how well the best topic fits, how far the next one is that says something else, and
//! which words of the question the topic leaves unexplained. A single similarity would hide the last: *how much is a
//! ticket* and *how much is a ticket for my dog* differ in one word, and it decides.

use super::asks::{asks, focus};
use super::confidence::Signs;
use super::model::View;
use super::normalise::stem;
use super::{Answerable, Index, SmallTalk, is_number};
use crate::facts::value::Kind;

/// How many topics are looked at closely. The right one is among the first five for 94 % of the calibration questions.
const LOOKED_AT: usize = 6;

/// Between these cosines a word that a topic doesn't use counts as partly explained by one that it does use: at the
/// first not at all, at the second wholly. `fare` and `price` have about 0.7, `fare` and `soldier` about 0.1.
const LIKE_WORDS: (f32, f32) = (0.6, 0.95);

/// Up to this rank in the list of English a word is common. Nouns that change a question (`insurance`, `bicycle`) begin
/// about here.
const COMMON_WORDS: u32 = 2_500;

/// The weight of a negation that the topic doesn't use; less than a noun, because people say "isn't it".
const NEGATION: f32 = 0.5;

/// How the close look orders the topics: what an unexplained word takes off, and what the nearest example adds.
const UNEXPLAINED_PENALTY: f32 = 0.5;
const NEAREST_BONUS: f32 = 0.5;

/// What asking for something that a topic isn't about takes off its score.
const ASK_PENALTY: f32 = 0.4;

/// The confidence from which on the desk answers. Set so that on the calibration questions a wrong answer is about ten
/// times rarer than a right one is declined; see `examples/calibrate.rs`.
pub const ANSWER_FROM: f32 = 0.4;

/// From this gap on a topic has nothing of what is asked for: no example asks for it and no claim gives it.
const ASK_GAP_LIMIT: f32 = 0.9;

/// The confidence from which on a silent topic is named; below it the desk says only that the sources don't say.
const NAME_SILENCE_FROM: f32 = 0.35;

/// The confidence from which on the claims of a topic are offered as the nearest thing known.
const NEAREST_FROM: f32 = 0.08;

/// Below this confidence of every topic a message with a word of greeting or thanks is small talk.
const SMALL_TALK_BELOW: f32 = 0.3;

/// Topics within this score of the best are offered as choices if every word is explained but none is sure.
const CHOICE_SPREAD: f32 = 0.35;

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
}

/// A topic that a question may belong to.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its number.
    pub topic: usize,
    /// The classifier's margin, about -1 to 1.
    pub margin: f32,
    /// The cosine to the middle of its examples.
    pub cosine: f32,
    /// The cosine to the nearest of its examples.
    pub nearest: f32,
    /// Words that it leaves unexplained.
    pub unexplained: Vec<Unexplained>,
    /// How little it is about what is asked for, from 0 to 1.
    pub ask_gap: f32,
    /// The same for things without which there is no answer, such as a date or a number.
    pub strict_gap: f32,
    /// How little it has to do with the words that name what is asked for, from 0 to 1.
    pub focus_gap: f32,
    /// By what the candidates are ordered.
    pub score: f32,
    /// How much better its score is than that of the best topic that says something else.
    pub gap: f32,
    /// The chance that it is right, from 0 to 1.
    pub confidence: f32,
}

impl Candidate {
    fn unexplained_sum(&self) -> f32 {
        self.unexplained.iter().map(|word| word.weight).sum()
    }

    /// Whether it has anything of what is asked for. Whoever asks when or how many isn't answered without a date or a
    /// number.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.strict_gap <= ASK_GAP_LIMIT
    }

    fn leaves_unexplained(&self, word: &str) -> bool {
        self.unexplained.iter().any(|other| other.word == word)
    }

    /// What the confidence looks at: `content` words carry meaning, of `words` in all.
    #[must_use]
    pub fn signs(&self, content: usize, words: usize) -> Signs {
        let of = |origin: Origin| {
            self.unexplained.iter().filter(|word| word.origin == origin).map(|word| word.weight).sum::<f32>().min(2.0)
        };
        let most = self.unexplained.iter().map(|word| word.weight).fold(0.0, f32::max);
        [
            self.margin,
            self.cosine,
            self.nearest,
            of(Origin::Name),
            of(Origin::Marker),
            of(Origin::OtherTopic),
            of(Origin::Common) + of(Origin::Rare),
            most,
            self.unexplained_sum() / content.max(1) as f32,
            self.gap,
            self.ask_gap,
            self.focus_gap,
            content as f32,
            words as f32,
        ]
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

/// Where a word that a topic doesn't use is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is a name.
    Name,
    /// It turns a question into another one.
    Marker,
    /// Another topic uses it: the question may be about that.
    OtherTopic,
    /// No topic uses it, but many people do: it may be a way of speaking.
    Common,
    /// A name or a rare word: it matters what it is.
    Rare,
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
        let view = self.model.view(words, &self.vectors);
        self.decide_on_view(words, &view)
    }

    /// Decides on a question that leans on what was said before: its own words count, but among topics the one nearer
    /// to the earlier text is taken, and never the earlier text's own topic again.
    #[must_use]
    pub fn decide_in_context(&self, words: &[String], earlier: &[String]) -> Trace {
        let mut view = self.model.view(words, &self.vectors);
        let before = self.model.view(earlier, &self.vectors);
        let own = best(&before.margins);
        for (margin, earlier) in view.margins.iter_mut().zip(&before.margins) {
            *margin += CONTEXT_SHARE * (earlier + 1.0);
        }
        if let Some(own) = own {
            view.margins[own] = f32::NEG_INFINITY;
        }
        self.decide_on_view(words, &view)
    }

    fn decide_on_view(&self, words: &[String], view: &View) -> Trace {
        let content = self.content_words(words);
        let mut candidates = self.candidates(words, &content, view);
        self.measure(&mut candidates, content.len(), words.len());
        let decision = self.choose(words, &content, &candidates);
        Trace { words: words.to_vec(), content: content.len(), candidates, decision }
    }

    /// The words that carry meaning, each once.
    fn content_words<'a>(&self, words: &'a [String]) -> Vec<&'a str> {
        let mut content: Vec<&str> = Vec::new();
        for word in words {
            if !content.contains(&word.as_str()) && !self.filler.contains(&stem(word)) && word.chars().count() > 1 {
                content.push(word);
            }
        }
        content
    }

    /// The best topics, looked at closely and put in order.
    fn candidates(&self, words: &[String], content: &[&str], view: &View) -> Vec<Candidate> {
        let rough = |topic: &usize| view.margins[*topic] + view.cosines[*topic];
        let mut order: Vec<usize> = (0..self.topics.len()).collect();
        let looked_at = LOOKED_AT.min(order.len());
        if looked_at < order.len() {
            order.select_nth_unstable_by(looked_at, |a, b| rough(b).total_cmp(&rough(a)));
        }
        let mut candidates: Vec<Candidate> =
            order[..looked_at].iter().map(|topic| self.look(*topic, words, content, view)).collect();
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.topic.cmp(&b.topic)));
        candidates
    }

    fn look(&self, topic: usize, words: &[String], content: &[&str], view: &View) -> Candidate {
        let (margin, cosine) = (view.margins[topic], view.cosines[topic]);
        let nearest = self.nearest_example(topic, &view.vector);
        let unexplained: Vec<Unexplained> = content
            .iter()
            .filter_map(|word| {
                let weight = self.unexplained(topic, word);
                let found = || Unexplained { word: (*word).to_owned(), weight, origin: self.origin(word) };
                (weight > 0.05).then(found)
            })
            .collect();
        let mass: f32 = unexplained.iter().map(|word| word.weight).sum();
        let gaps = &self.topics[topic].ask_gaps;
        let focus_gap = focus(words).iter().map(|word| self.unexplained_focus(topic, word)).fold(0.0, f32::max);
        let asks = asks(words);
        let gap = |strict: bool| {
            asks.iter().filter(|ask| !strict || ask.is_strict()).map(|ask| gaps[*ask as usize]).fold(0.0, f32::max)
        };
        let (ask_gap, strict_gap) = (gap(false), gap(true));
        let score =
            margin + cosine + NEAREST_BONUS * nearest - UNEXPLAINED_PENALTY * mass - ASK_PENALTY * ask_gap.max(focus_gap);
        Candidate { topic, margin, cosine, nearest, unexplained, ask_gap, strict_gap, focus_gap, score, gap: 0.0, confidence: 0.0 }
    }

    fn origin(&self, word: &str) -> Origin {
        let stem = stem(word);
        if self.names.contains(&stem) {
            Origin::Name
        } else if self.markers.contains(&stem) {
            Origin::Marker
        } else if self.lexicon.number(&stem).is_some() {
            Origin::OtherTopic
        } else if self.english.rank(word).is_some_and(|rank| rank <= COMMON_WORDS) {
            Origin::Common
        } else {
            Origin::Rare
        }
    }

    /// How much of a word the topic leaves unexplained, from 0 to 1.
    fn unexplained(&self, topic: usize, word: &str) -> f32 {
        let stem = stem(word);
        let number = self.lexicon.number(&stem);
        if number.is_some_and(|number| self.lexicon.explains(topic, number)) {
            return 0.0;
        }
        if is_number(word) {
            return if self.topics[topic].numbers.contains(word) { 0.0 } else { self.lexicon.telling(number) };
        }
        if word == "not" {
            return NEGATION;
        }
        if self.markers.contains(&stem) {
            return 1.0;
        }
        let telling = if self.names.contains(&stem) { 1.0 } else { self.lexicon.telling(number) };
        if telling == 0.0 {
            return 0.0;
        }
        telling * (1.0 - self.likeness(topic, word))
    }

    /// How far a word that the topic doesn't use is like one that it uses, from 0 to 1.
    fn likeness(&self, topic: usize, word: &str) -> f32 {
        let (none, wholly) = LIKE_WORDS;
        ((self.nearest_word(topic, word) - none) / (wholly - none)).clamp(0.0, 1.0)
    }

    /// How much of a word that names what is asked for the topic leaves unexplained. Here it doesn't matter how many
    /// other topics use it: who asks *which airport* wants an airport.
    fn unexplained_focus(&self, topic: usize, word: &str) -> f32 {
        let stem = stem(word);
        let used = self.lexicon.number(&stem).is_some_and(|number| self.lexicon.explains(topic, number));
        if used || self.filler.contains(&stem) || is_number(word) { 0.0 } else { 1.0 - self.likeness(topic, word) }
    }

    /// Fills in gap and confidence.
    fn measure(&self, candidates: &mut [Candidate], content: usize, words: usize) {
        for at in 0..candidates.len() {
            let other = candidates
                .iter()
                .enumerate()
                .filter(|(index, other)| *index != at && !self.say_the_same(candidates[at].topic, other.topic))
                .map(|(_, other)| other.score)
                .fold(f32::NEG_INFINITY, f32::max);
            candidates[at].gap = candidates[at].score - other.max(-2.0);
            let chance = self.confidence.chance(&candidates[at].signs(content, words));
            candidates[at].confidence = if candidates[at].is_possible() { chance } else { 0.0 };
        }
    }

    /// Whether two topics are answered by the same first claim.
    fn say_the_same(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.topics[a], &self.topics[b]);
        a.answerable == b.answerable && !a.claims.is_empty() && (b.claims.contains(&a.claims[0]) || b.claims.first().is_some_and(|first| a.claims.contains(first)))
    }

    fn choose(&self, words: &[String], content: &[&str], candidates: &[Candidate]) -> Decision {
        let Some(best) = candidates.first() else { return Decision::Empty };
        if let Answerable::Social(talk) = self.topics[best.topic].answerable
            && best.unexplained_sum() < 0.5
        {
            return Decision::Social(talk);
        }
        let likely = candidates.iter().map(|candidate| candidate.confidence).fold(0.0, f32::max);
        if likely < SMALL_TALK_BELOW
            && let Some(talk) = words.iter().find_map(|word| self.cues.get(word))
            && content.iter().filter(|word| !self.cues.contains_key(**word)).count() <= 2
        {
            return Decision::Social(*talk);
        }
        if content.is_empty() && best.confidence < ANSWER_FROM {
            return Decision::Empty;
        }
        if let Some(correction) = self.correction(words, content, candidates) {
            return correction;
        }
        match self.topics[best.topic].answerable {
            Answerable::Yes if best.confidence >= ANSWER_FROM => Decision::Answer(best.topic),
            _ => self.choices(candidates).map_or_else(|| self.unknown(candidates), Decision::Choose),
        }
    }

    /// Whether the question names a rival of what the sources name, or a wrong figure.
    fn correction(&self, words: &[String], content: &[&str], candidates: &[Candidate]) -> Option<Decision> {
        let best = candidates.iter().find(|candidate| self.topics[candidate.topic].answerable == Answerable::Yes)?;
        let asked = &self.topics[best.topic];
        let joined = format!(" {} ", words.join(" "));
        for rivals in &self.rivals {
            let by = self.topics.iter().position(|topic| topic.id == rivals.topic)?;
            let named = rivals.names.iter().find(|name| {
                joined.contains(&format!(" {name} "))
                    && name.split(' ').any(|word| best.leaves_unexplained(word))
            });
            let Some(name) = named else { continue };
            if !rivals.subjects.contains(&asked.subject) {
                continue;
            }
            if self.confidence_without(words, |word| name.split(' ').any(|part| part == word), best.topic) >= ANSWER_FROM {
                return Some(Decision::Correct { by, asked: best.topic });
            }
        }
        let wrong_figure = |word: &str| {
            asked.figures.iter().any(|figure| figure.is_named_by(word, words))
                && !self.is_name(word)
                && best.leaves_unexplained(word)
        };
        if !asked.figures.is_empty()
            && content.iter().any(|word| wrong_figure(word))
            && self.confidence_without(words, wrong_figure, best.topic) >= ANSWER_FROM
        {
            return Some(Decision::Correct { by: best.topic, asked: best.topic });
        }
        None
    }

    /// Whether a number is a name rather than a figure, such as 777.
    fn is_name(&self, word: &str) -> bool {
        self.topics.iter().any(|topic| topic.id == "aircraft" && topic.numbers.contains(word))
    }

    /// How sure a topic would be without some of the words.
    fn confidence_without(&self, words: &[String], left_out: impl Fn(&str) -> bool, topic: usize) -> f32 {
        let rest: Vec<String> = words.iter().filter(|word| !left_out(word)).cloned().collect();
        let view = self.model.view(&rest, &self.vectors);
        let content = self.content_words(&rest);
        let mut candidates = self.candidates(&rest, &content, &view);
        self.measure(&mut candidates, content.len(), rest.len());
        candidates.first().filter(|best| best.topic == topic).map_or(0.0, |best| best.confidence)
    }

    /// Two to five topics among which the person can choose: every word is explained, none is sure, some are near.
    fn choices(&self, candidates: &[Candidate]) -> Option<Vec<usize>> {
        let best = candidates.first().filter(|best| self.topics[best.topic].answerable == Answerable::Yes)?;
        if best.unexplained_sum() > 0.3 || best.confidence < 0.25 {
            return None;
        }
        let mut choices: Vec<usize> = vec![best.topic];
        for candidate in &candidates[1..] {
            let near = best.score - candidate.score < CHOICE_SPREAD;
            let answers = self.topics[candidate.topic].answerable == Answerable::Yes;
            if near && answers && !choices.iter().any(|choice| self.say_the_same(*choice, candidate.topic)) {
                choices.push(candidate.topic);
            }
        }
        (choices.len() >= 2).then_some(choices)
    }

    fn unknown(&self, candidates: &[Candidate]) -> Decision {
        let best = &candidates[0];
        let is_silent = self.topics[best.topic].answerable == Answerable::No;
        let silent = (is_silent && best.confidence >= NAME_SILENCE_FROM).then_some(best.topic);
        let nearest = candidates
            .iter()
            .find(|candidate| self.topics[candidate.topic].answerable == Answerable::Yes)
            .filter(|candidate| candidate.confidence >= NEAREST_FROM)
            .map(|candidate| candidate.topic);
        Decision::Unknown { silent, nearest }
    }
}

/// The confidence from which on a question that could lean on an earlier one is taken by itself.
pub const CONFIDENT_CONTEXT: f32 = 0.8;

/// What the earlier text's margins count beside the question's own.
const CONTEXT_SHARE: f32 = 0.3;

fn best(margins: &[f32]) -> Option<usize> {
    (0..margins.len()).max_by(|a, b| margins[*a].total_cmp(&margins[*b]))
}

/// What kind of figure a claim has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// A day, month or year.
    Date,
    /// A time of day.
    Clock,
    /// An amount, number or length of time, in the units named by these words.
    Amount(&'static [&'static str]),
}

impl Figure {
    /// The figure of a value; none for names and words.
    #[must_use]
    pub fn of(kind: &Kind) -> Option<Self> {
        Some(match kind {
            Kind::Date(_) => Self::Date,
            Kind::Instant(..) => Self::Clock,
            Kind::Money(..) => Self::Amount(&["usd", "rub", "ruble", "rubles", "rouble", "roubles", "dollar", "dollars", "bucks", "rubel"]),
            Kind::Duration(_) => Self::Amount(&["hour", "hours", "hr", "hrs", "h", "day", "days", "week", "weeks", "year", "years", "minutes"]),
            Kind::Count(..) => Self::Amount(&["passengers", "people", "seats", "guests", "soldiers", "troops", "men", "killed", "dead", "visitors", "tourists"]),
            Kind::Frequency(..) | Kind::Name(_) | Kind::YesNo(_) | Kind::Text(_) => return None,
        })
    }

    /// Whether a word of a question names a figure of this kind.
    fn is_named_by(self, word: &str, words: &[String]) -> bool {
        const NAMES: [&str; 19] = [
            "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
            "november", "december", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
        ];
        match self {
            Self::Date => NAMES.contains(&word) || is_year(word),
            Self::Clock => word.contains(':') || (is_number(word) && words.iter().any(|w| matches!(w.as_str(), "pm" | "am" | "oclock" | "gmt"))),
            Self::Amount(units) => is_quantity(word) && words.iter().any(|word| units.contains(&word.as_str())),
        }
    }
}

fn is_year(word: &str) -> bool {
    word.parse::<u32>().is_ok_and(|year| (1900..2100).contains(&year))
}

/// A number in digits or a word for one from three on.
fn is_quantity(word: &str) -> bool {
    const WORDS: [&str; 15] = [
        "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "fourteen", "twenty",
        "thirty", "fifty", "hundred",
    ];
    is_number(word) || WORDS.contains(&word)
}
