//! False premises: a question that names another airline, rhythm or figure than the sources do. It is never agreed to;
//! where the sources have the right one, they put it right.

use super::decide::{ANSWER_FROM, Candidate, Decision};
use super::heard::Heard;
use super::{Answerable, Index, is_number};
use crate::facts::value::Kind;

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
    /// The figure of a value; none for names and words.
    #[must_use]
    pub fn of(kind: &Kind) -> Option<Self> {
        match kind {
            Kind::Date(_) => Some(Self::Date),
            Kind::Instant(..) => Some(Self::Clock),
            Kind::Money(..) => Some(Self::Amount(MONEY)),
            Kind::Duration(_) => Some(Self::Amount(TIME)),
            Kind::Count(..) => Some(Self::Amount(THINGS)),
            Kind::Frequency(..) | Kind::Name(_) | Kind::YesNo(_) | Kind::Text(_) => None,
        }
    }

    /// Whether a word of a question names a figure of this kind.
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
            Self::Amount(units) => is_quantity(word) && beside(units),
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

impl Index {
    /// Whether the question names a rival of what the sources name, or a wrong figure.
    pub(super) fn correction(&self, heard: &Heard<'_>, candidates: &[Candidate]) -> Option<Decision> {
        let best = candidates.iter().find(|candidate| self.topics[candidate.topic].answerable == Answerable::Yes)?;
        let is_first = candidates.first().is_some_and(|first| first.topic == best.topic);
        if is_first && best.confidence < ANSWER_FROM && best.unexplained.is_empty() {
            return None;
        }
        self.rival(heard, best).or_else(|| self.wrong_figure(heard, best))
    }

    fn rival(&self, heard: &Heard<'_>, best: &Candidate) -> Option<Decision> {
        let asked = &self.topics[best.topic];
        let joined = format!(" {} ", heard.words.join(" "));
        for rivals in self.rivals.iter().filter(|rivals| rivals.correct(asked)) {
            let claimed = |name: &str| name.split(' ').all(|word| asked.claimed.contains(word));
            let is_named = |name: &&String| joined.contains(&format!(" {name} ")) && !claimed(name);
            let Some(name) = rivals.names.iter().find(is_named) else { continue };
            let Some(by) = self.topics.iter().position(|topic| topic.id == rivals.topic) else { continue };
            let is_part = |word: &str| name.split(' ').any(|part| part == word);
            if self.holds_without(heard, is_part, best) {
                return Some(Decision::Correct { by, asked: best.topic });
            }
        }
        None
    }

    fn wrong_figure(&self, heard: &Heard<'_>, best: &Candidate) -> Option<Decision> {
        let asked = &self.topics[best.topic];
        let after_month = |word: &str| {
            let at = heard.words.iter().position(|other| other == word);
            at.is_some_and(|at| at > 0 && Figure::Date.is_named_by(&heard.words[at - 1], heard.words))
        };
        let is_wrong = |word: &str| {
            !asked.claimed.contains(word)
                && asked.figures.iter().any(|figure| figure.is_named_by(word, heard.words))
                && !self.names_of_aircraft.contains(word)
                && !after_month(word)
        };
        let wrong = heard.words.iter().any(|word| is_wrong(word));
        (wrong && self.holds_without(heard, is_wrong, best))
            .then_some(Decision::Correct { by: best.topic, asked: best.topic })
    }

    /// Whether a topic is sure enough, with or without some of the words.
    fn holds_without(&self, heard: &Heard<'_>, left_out: impl Fn(&str) -> bool, best: &Candidate) -> bool {
        if best.confidence >= ANSWER_FROM {
            return true;
        }
        let rest: Vec<String> = heard.words.iter().filter(|word| !left_out(word)).cloned().collect();
        let candidates = self.candidates(&self.listen(&rest), &self.model.view(&rest, &self.vectors));
        candidates.first().is_some_and(|other| other.topic == best.topic && other.confidence >= ANSWER_FROM)
    }
}
