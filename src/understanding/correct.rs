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
    "passengers", "people", "seats", "guests", "soldiers", "troops", "men", "killed", "dead", "died", "visitors",
    "tourists", "folks", "koreans", "many", "sent",
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
            "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
            "november", "december", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
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
        if best.unexplained.is_empty() {
            return None;
        }
        self.rival(heard, best).or_else(|| self.wrong_figure(heard, best))
    }

    fn rival(&self, heard: &Heard<'_>, best: &Candidate) -> Option<Decision> {
        let joined = format!(" {} ", heard.words.join(" "));
        for rivals in self.rivals.iter().filter(|rivals| rivals.subjects.contains(&self.topics[best.topic].subject)) {
            let named = rivals.names.iter().find(|name| {
                name.split(' ').any(|word| best.leaves_unexplained(word)) && joined.contains(&format!(" {name} "))
            });
            let Some(name) = named else { continue };
            let is_named = |word: &str| name.split(' ').any(|part| part == word);
            if self.confidence_without(heard.words, is_named, best.topic) >= ANSWER_FROM {
                let by = self.topics.iter().position(|topic| topic.id == rivals.topic)?;
                return Some(Decision::Correct { by, asked: best.topic });
            }
        }
        None
    }

    fn wrong_figure(&self, heard: &Heard<'_>, best: &Candidate) -> Option<Decision> {
        let asked = &self.topics[best.topic];
        let is_wrong = |word: &str| {
            best.leaves_unexplained(word)
                && asked.figures.iter().any(|figure| figure.is_named_by(word, heard.words))
                && !self.is_name_of_aircraft(word)
        };
        let wrong = heard.content.iter().any(|word| is_wrong(word.text));
        (wrong && self.confidence_without(heard.words, is_wrong, best.topic) >= ANSWER_FROM)
            .then_some(Decision::Correct { by: best.topic, asked: best.topic })
    }

    /// Whether a number is a name rather than a figure, such as 777.
    fn is_name_of_aircraft(&self, word: &str) -> bool {
        self.topics.iter().any(|topic| topic.id == "aircraft" && topic.numbers.contains(word))
    }

    /// How sure a topic would be without some of the words.
    fn confidence_without(&self, words: &[String], left_out: impl Fn(&str) -> bool, topic: usize) -> f32 {
        let rest: Vec<String> = words.iter().filter(|word| !left_out(word)).cloned().collect();
        let candidates = self.candidates(&self.listen(&rest), &self.model.view(&rest, &self.vectors));
        candidates.first().filter(|best| best.topic == topic).map_or(0.0, |best| best.confidence)
    }
}
