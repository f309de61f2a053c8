//! Detects false premises in English questions: another airline, frequency or figure than the sources give. The bot
//! never agrees to one; it corrects those for which the sources have the right name or figure.

use serde::{Deserialize, Serialize};

use super::asks::Ask;
use super::candidate::{Candidate, Unexplained};
use super::decide::{ANSWER_FROM, Decision, FOREIGN};
use super::question_words::{QuestionWords, WordClass};
use super::{Answerable, Index, is_number};
use crate::facts::value::ValueKind;

/// The kind of figure that a claim has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Figure {
    /// A day, month or year.
    Date,
    /// A time of day.
    Clock,
    /// An amount of money.
    Money,
    /// A length of time.
    Time,
    /// A number of people or things.
    Things,
}

const MONEY: &[&str] =
    &["usd", "rub", "ruble", "rubles", "rouble", "roubles", "dollar", "dollars", "bucks", "price", "cost", "ticket"];
const TIME: &[&str] =
    &["hour", "hours", "hr", "hrs", "h", "day", "days", "week", "weeks", "year", "years", "minutes", "long"];
const THINGS: &[&str] = &[
    "passengers",
    "people",
    "seats",
    "guests",
    "soldiers",
    "troops",
    "men",
    "killed",
    "dead",
    "died",
    "visitors",
    "tourists",
    "folks",
    "koreans",
    "many",
    "sent",
];

impl Figure {
    /// Returns the kind of figure of a value; `None` for frequencies, names, yes or no, and texts.
    #[must_use]
    pub fn of(kind: &ValueKind) -> Option<Self> {
        match kind {
            ValueKind::Date(_) => Some(Self::Date),
            ValueKind::Instant(..) => Some(Self::Clock),
            ValueKind::Money(..) => Some(Self::Money),
            ValueKind::Duration(_) => Some(Self::Time),
            ValueKind::Count(..) => Some(Self::Things),
            ValueKind::Frequency(..) | ValueKind::Name(_) | ValueKind::YesNo(_) | ValueKind::Text(_) => None,
        }
    }

    /// Returns true if a word of a question is a figure of this kind. `words` are all words of the question.
    fn is_named_by(self, word: &str, words: &[String]) -> bool {
        const NAMES: [&str; 19] = [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ];
        let beside = |marks: &[&str]| words.iter().any(|word| marks.contains(&word.as_str()));
        match self {
            Self::Date => NAMES.contains(&word) || is_year(word),
            Self::Clock => word.contains(':') || (is_number(word) && beside(&["pm", "am", "oclock", "gmt"])),
            // Smaller numbers beside a price are ages, kilograms or people.
            Self::Money => is_number(word) && word.len() >= 3 && beside(MONEY),
            Self::Time => is_quantity(word) && beside(TIME),
            Self::Things => is_quantity(word) && beside(THINGS),
        }
    }
}

fn is_year(word: &str) -> bool {
    word.parse::<u32>().is_ok_and(|year| (1900..2100).contains(&year))
}

/// Returns true for a number in digits, and for number words from *three* on.
fn is_quantity(word: &str) -> bool {
    const WORDS: [&str; 15] = [
        "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "fourteen", "twenty",
        "thirty", "fifty", "hundred",
    ];
    is_number(word) || WORDS.contains(&word)
}

/// Returns true if a question is phrased as a statement: it doesn't begin with a question word or a verb, or it only
/// asks whether something is true.
fn is_assertion(words: &[String]) -> bool {
    const ASKING: [&str; 28] = [
        "who", "whom", "whose", "what", "when", "where", "which", "why", "how", "is", "are", "was", "were", "do",
        "does", "did", "can", "could", "will", "would", "has", "have", "had", "should", "may", "any", "tell", "give",
    ];
    const BEFORE: [&str; 10] = ["so", "and", "but", "ok", "well", "hi", "hey", "hello", "wait", "sorry"];
    let mut words = words.iter().map(String::as_str).skip_while(|word| BEFORE.contains(word));
    match (words.next(), words.next(), words.next()) {
        (Some("is"), Some("it"), Some("true" | "right" | "correct")) => true,
        (Some(first), _, _) => !ASKING.contains(&first),
        _ => false,
    }
}

/// Returns true if the words of a name occur in a question, in sequence.
fn names(words: &[String], name: &str) -> bool {
    (0..words.len())
        .any(|at| name.split(' ').enumerate().all(|(next, part)| words.get(at + next).is_some_and(|word| word == part)))
}

/// Returns true if a word asks for a reason. A false premise has none: the reply is that it is false.
fn asks_why(word: &str) -> bool {
    matches!(word, "why" | "reason" | "because")
}

/// Confidence from which a topic corrects a question. Low, because a correction only repeats the sources.
const CORRECT_FROM: f32 = 0.2;

/// Confidence that a topic must have without a wrong name in a statement, to correct it.
const SURE_WITHOUT: f32 = 0.5;

/// Confidence from which a silent topic is what is asked about.
const SILENT_FROM: f32 = 0.4;

/// Returns true if a word is a figure, a month or a weekday by itself, and not part of a date or of an aircraft's name.
pub(super) fn is_free_figure(words: &[String], at: usize) -> bool {
    const BEFORE_NAMES: [&str; 9] = ["boeing", "airbus", "777", "737", "il", "tu", "a", "nws", "flight"];
    let word = words[at].as_str();
    let before = at.checked_sub(1).map_or("", |before| words[before].as_str());
    let is_aircraft = BEFORE_NAMES.contains(&before) || matches!(word, "737" | "747" | "757" | "767" | "777" | "787");
    let named = Figure::Date.is_named_by(word, words) || Figure::Clock.is_named_by(word, words);
    (is_quantity(word) || named) && !is_aircraft && !Figure::Date.is_named_by(before, words)
}

impl Index {
    /// Returns the decision on a question with a rival name, a wrong figure or reason, or another wrong name. `None` if
    /// no false premise is found.
    pub(super) fn false_premise(&self, question: &QuestionWords<'_>, candidates: &[Candidate]) -> Option<Decision> {
        let best = candidates.iter().find(|candidate| self.topics[candidate.topic].answerable == Answerable::Yes)?;
        if self.is_silence(candidates.first()?) {
            return None;
        }
        let is_first = candidates.first().is_some_and(|first| first.topic == best.topic);
        if is_first && best.confidence < ANSWER_FROM && best.unexplained.is_empty() {
            return None;
        }
        self.rival(question, best)
            .or_else(|| self.wrong_figure(question, best))
            .or_else(|| self.wrong_reason(question, best))
            .or_else(|| self.wrong_name(question, best))
    }

    /// Returns true if the question belongs to a silent topic: then there is nothing to correct.
    fn is_silence(&self, first: &Candidate) -> bool {
        self.topics[first.topic].answerable == Answerable::No && first.confidence >= SILENT_FROM
    }

    /// Corrects a reason that the topic doesn't know although it is about a reason: "because of the war".
    fn wrong_reason(&self, question: &QuestionWords<'_>, best: &Candidate) -> Option<Decision> {
        let at = question.words.windows(2).position(|pair| {
            matches!((pair[0].as_str(), pair[1].as_str()), ("because" | "cause", "of") | ("due", "to"))
        })?;
        let (before, reason) = question.words.split_at(at);
        let asked = &self.topics[best.topic];
        let unknown = best.unexplained.iter().any(|word| reason.contains(&word.word));
        if !unknown || asked.ask_gaps[Ask::Reason as usize] > 0.0 || best.confidence >= ANSWER_FROM {
            return None;
        }
        let candidates = self.candidates(&self.question_words(before), &self.encode(before));
        let holds = candidates.iter().any(|other| other.topic == best.topic && other.confidence >= CORRECT_FROM);
        holds.then_some(Decision::Correct { by: best.topic, asked: best.topic })
    }

    /// Corrects a name that the topic doesn't know in a question that takes it for granted: "China vetoed it, right?"
    /// An open question ("did China veto it?") may be about something that the sources don't say.
    fn wrong_name(&self, question: &QuestionWords<'_>, best: &Candidate) -> Option<Decision> {
        let is_wrong = |word: &&Unexplained| word.class == WordClass::Name && word.weight >= FOREIGN;
        let wrong: Vec<&str> = best.unexplained.iter().filter(is_wrong).map(|word| word.word.as_str()).collect();
        if wrong.is_empty() || !is_assertion(question.words) {
            return None;
        }
        let rest: Vec<String> = question.words.iter().filter(|word| !wrong.contains(&word.as_str())).cloned().collect();
        let candidates = self.candidates(&self.question_words(&rest), &self.encode(&rest));
        let first = candidates.first()?;
        let holds = first.topic == best.topic && first.confidence >= SURE_WITHOUT;
        holds.then_some(Decision::Correct { by: best.topic, asked: best.topic })
    }

    fn rival(&self, question: &QuestionWords<'_>, best: &Candidate) -> Option<Decision> {
        let asked = &self.topics[best.topic];
        for rivals in self.trained.rivals.iter().filter(|rivals| rivals.subjects.contains(&asked.subject)) {
            let claimed = |name: &str| name.split(' ').all(|word| asked.claimed.contains(word));
            let is_named = |name: &&String| names(question.words, name) && !claimed(name);
            let Some(name) = rivals.names.iter().find(is_named) else { continue };
            if rivals.not_topics.contains(&asked.id) {
                return Some(Decision::Unknown { silent: None, nearest: Some(best.topic) });
            }
            let Some(by) = self.number_of(&rivals.topic) else { continue };
            let is_part = |word: &str| name.split(' ').any(|part| part == word);
            if self.holds_without(question, is_part, best) {
                return Some(Decision::Correct { by, asked: best.topic });
            }
        }
        None
    }

    /// Corrects a figure that differs from those in the topic's claims. A wrong figure may lead to another topic ("200"
    /// to the Boeing 777-200), so the question is also examined without it.
    fn wrong_figure(&self, question: &QuestionWords<'_>, best: &Candidate) -> Option<Decision> {
        let is_free = |at: usize| is_free_figure(question.words, at);
        if !(0..question.words.len()).any(is_free) {
            return None;
        }
        let contradicts = |candidate: &Candidate| {
            let asked = &self.topics[candidate.topic];
            (0..question.words.len()).filter(|at| is_free(*at)).any(|at| {
                let word = &question.words[at];
                !asked.claimed.contains(word)
                    && asked.figures.iter().any(|figure| figure.is_named_by(word, question.words))
            })
        };
        let found = |candidate: &Candidate| {
            let corrects = candidate.confidence >= CORRECT_FROM && contradicts(candidate);
            corrects.then_some(Decision::Correct { by: candidate.topic, asked: candidate.topic })
        };
        found(best).or_else(|| {
            let is_left = |at: &usize| !is_free(*at) && !asks_why(&question.words[*at]);
            let without: Vec<String> =
                (0..question.words.len()).filter(is_left).map(|at| question.words[at].clone()).collect();
            let others = self.candidates(&self.question_words(&without), &self.encode(&without));
            others.first().filter(|other| self.topics[other.topic].answerable == Answerable::Yes).and_then(found)
        })
    }

    /// Returns true if the topic is sure enough, with the words or without those for which `left_out` is true.
    fn holds_without(&self, question: &QuestionWords<'_>, left_out: impl Fn(&str) -> bool, best: &Candidate) -> bool {
        if best.confidence >= ANSWER_FROM {
            return true;
        }
        let is_left = |word: &&String| !left_out(word) && !asks_why(word);
        let rest: Vec<String> = question.words.iter().filter(is_left).cloned().collect();
        let candidates = self.candidates(&self.question_words(&rest), &self.encode(&rest));
        candidates.first().is_some_and(|other| other.topic == best.topic && other.confidence >= CORRECT_FROM)
    }
}
