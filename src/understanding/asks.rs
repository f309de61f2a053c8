//! Detects what a question asks for: a time, a number, a person, a reason. *When did the EU ban Russian planes* and
//! *does the EU ban Russian planes* share their words, but a topic without a date answers only the second.

use crate::facts::Claim;
use crate::facts::value::ValueKind;

/// A kind of thing that a question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Ask {
    /// A time, however precise: *when*.
    Time,
    /// A month.
    Month,
    /// A day.
    Day,
    /// A time of day.
    Clock,
    /// A number of people or things.
    Count,
    /// An amount of money.
    Money,
    /// A length of time.
    Duration,
    /// A frequency.
    Frequency,
    /// A person.
    Person,
    /// A place.
    Place,
    /// A reason.
    Reason,
    /// Somebody's words.
    Words,
    /// An age.
    Age,
    /// A distance, speed, size or weight.
    Extent,
    /// A manner: *how*.
    Manner,
}

/// The number of [`Ask`] variants.
pub const ASKS: usize = 15;

/// Share of a topic's examples that must ask for a kind of thing for the topic to be about it. Two of 25 examples are
/// enough; one may be a slip.
const SHARE: f32 = 0.07;

/// The same share for things that a typed value gives, such as a date. People ask *when* about everything. A topic
/// without a dated claim is about a time only if a third of its examples ask for one: then its statements name it in
/// words ("on the morning after").
const SHARE_OF_FIGURES: f32 = 0.35;

/// The kinds that a typed value gives.
const FIGURES: [Ask; 8] =
    [Ask::Time, Ask::Month, Ask::Day, Ask::Clock, Ask::Count, Ask::Money, Ask::Duration, Ask::Frequency];

/// Returns what a question asks for, by its question words. Empty for yes-or-no questions and bare keywords.
#[must_use]
pub fn asks(words: &[String]) -> Vec<Ask> {
    let mut asks = Vec::new();
    let at = |index: usize| words.get(index).map_or("", String::as_str);
    for index in 0..words.len() {
        let ask = match (at(index), at(index + 1)) {
            ("how", next) => Some(how(next, at(index + 2))),
            ("what" | "which" | "whats", next) => {
                which(next).or_else(|| which(at(index + 2)).filter(|_| next == "exact"))
            }
            ("when" | "whens" | "wen", _) => Some(Ask::Time),
            ("age" | "born" | "birthday", _) => Some(Ask::Age),
            ("exact" | "precise", "day" | "date") => Some(Ask::Day),
            ("number", "of") | ("amount", "of") => Some(Ask::Count),
            ("who" | "whom" | "whose" | "whos", _) => Some(Ask::Person),
            ("where" | "wheres", _) => Some(Ask::Place),
            ("why" | "whys" | "reason", _) => Some(Ask::Reason),
            ("say" | "said" | "tell" | "told" | "comment" | "commented" | "remark" | "quote" | "words", _)
                if words[..index].iter().any(|word| matches!(word.as_str(), "what" | "whats" | "how")) =>
            {
                Some(Ask::Words)
            }
            _ => None,
        };
        asks.extend(ask);
    }
    // "Who met whom" asks for a person only once.
    asks.dedup();
    asks
}

/// Returns the words that name what is asked for: up to two after *which*, *what*, *how many*. Verbs and articles may
/// be among them; they are filler and do no harm.
#[must_use]
pub fn focus(words: &[String]) -> &[String] {
    let start = words.iter().enumerate().find_map(|(index, word)| match word.as_str() {
        "which" | "what" | "whats" | "whose" => Some(index + 1),
        "how" if words.get(index + 1).is_some_and(|next| matches!(next.as_str(), "many" | "much")) => Some(index + 2),
        "number" | "amount" if words.get(index + 1).is_some_and(|next| next == "of") => Some(index + 2),
        _ => None,
    });
    let mut start = start.unwrap_or(words.len()).min(words.len());
    // "What kind of flowers" asks for flowers.
    if words[start..].len() > 2 && is_kind(&words[start]) && words[start + 1] == "of" {
        start += 2;
    }
    &words[start..words.len().min(start + FOCUS)]
}

fn is_kind(word: &str) -> bool {
    matches!(word, "kind" | "kinds" | "type" | "types" | "sort" | "sorts")
}

/// Returns the last of a few keywords, which names what is asked for: *return fare*, *marathon winner*. Returns `None`
/// for a sentence.
#[must_use]
pub fn head(words: &[String]) -> Option<&String> {
    const OF_SENTENCES: [&str; 14] =
        ["is", "are", "was", "were", "do", "does", "did", "has", "have", "had", "can", "will", "would", "if"];
    let is_sentence = !asks(words).is_empty() || words.iter().any(|word| OF_SENTENCES.contains(&word.as_str()));
    words.last().filter(|_| !is_sentence && words.len() <= KEYWORDS)
}

/// Maximum number of words that count as keywords if no verb is among them.
const KEYWORDS: usize = 6;

/// Maximum number of words after the question word that may name what is asked for: "how many crew members".
const FOCUS: usize = 2;

fn how(next: &str, unit: &str) -> Ask {
    match next {
        "many" | "much" => how_many(next, unit),
        "long" => Ask::Duration,
        "often" | "frequent" | "frequently" | "regularly" => Ask::Frequency,
        "old" => Ask::Age,
        "far" | "fast" | "big" | "large" | "heavy" | "high" | "wide" | "deep" => Ask::Extent,
        "come" => Ask::Reason,
        _ => Ask::Manner,
    }
}

/// Returns what *how many* or *how much* asks for, by the word for what is counted: bucks, hours, times.
fn how_many(next: &str, unit: &str) -> Ask {
    match unit {
        "buck" | "bucks" | "dollar" | "dollars" | "ruble" | "rubles" | "rouble" | "roubles" | "usd" | "rub"
        | "money" => Ask::Money,
        "hour" | "hours" | "hrs" | "day" | "days" | "week" | "weeks" | "minutes" | "time" | "nights" | "years" => {
            Ask::Duration
        }
        "times" | "flights" => Ask::Frequency,
        // Learners of English write "how much passengers".
        "passengers" | "people" | "peoples" | "seats" | "soldiers" | "troops" | "guests" | "persons" | "tourists" => {
            Ask::Count
        }
        _ if next == "much" => Ask::Money,
        _ => Ask::Count,
    }
}

fn which(next: &str) -> Option<Ask> {
    Some(match next {
        "day" | "date" | "weekday" => Ask::Day,
        "year" | "week" | "season" => Ask::Time,
        "month" => Ask::Month,
        "time" | "hour" => Ask::Clock,
        "price" | "cost" | "fare" => Ask::Money,
        "city" | "town" | "region" | "province" | "place" | "country" | "area" => Ask::Place,
        "person" | "guy" | "man" | "woman" | "people" => Ask::Person,
        "age" => Ask::Age,
        "distance" | "size" | "speed" | "weight" => Ask::Extent,
        "reason" | "for" => Ask::Reason,
        _ => return None,
    })
}

impl Ask {
    /// Returns true if an answer must give the thing to be an answer at all: a date, a number, an age.
    #[must_use]
    pub fn is_strict(self) -> bool {
        FIGURES.contains(&self) || matches!(self, Self::Age | Self::Extent)
    }
}

/// Returns a topic's distance from each [`Ask`], from 0 (the topic is about it) to 1, by its examples and the values of
/// its claims.
#[must_use]
pub fn gaps(examples: &[Vec<String>], claims: &[&Claim]) -> [f32; ASKS] {
    let mut counts = [0.0f32; ASKS];
    for example in examples {
        for ask in asks(example) {
            counts[ask as usize] += 1.0;
        }
    }
    let missing = |count: f32, share: f32| 1.0 - (count / (share * examples.len() as f32).max(1.0)).min(1.0);
    let mut gaps = counts.map(|count| missing(count, SHARE));
    for ask in FIGURES {
        gaps[ask as usize] = missing(counts[ask as usize], SHARE_OF_FIGURES);
    }
    for claim in claims {
        for ask in given_by(claim.value.kind()) {
            gaps[*ask as usize] = 0.0;
        }
    }
    gaps
}

/// Returns what a value answers.
fn given_by(kind: &ValueKind) -> &'static [Ask] {
    match kind {
        ValueKind::Money(..) => &[Ask::Money],
        ValueKind::Date(span) if span.to() == Some(span.from()) => &[Ask::Time, Ask::Month, Ask::Day],
        ValueKind::Date(span) if span.to() <= Some(span.from().last_of_month()) => &[Ask::Time, Ask::Month],
        ValueKind::Date(_) => &[Ask::Time],
        ValueKind::Instant(..) => &[Ask::Time, Ask::Month, Ask::Day, Ask::Clock],
        ValueKind::Duration(_) => &[Ask::Duration],
        ValueKind::Count(..) => &[Ask::Count],
        ValueKind::Frequency(..) => &[Ask::Frequency],
        ValueKind::Name(_) | ValueKind::YesNo(_) | ValueKind::Text(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understanding::lexicon::text_words;

    #[test]
    fn questions_ask_for_things() {
        for (text, expected) in [
            ("when did it land", vec![Ask::Time]),
            ("on which day was the veto", vec![Ask::Day]),
            ("what exact date", vec![Ask::Day]),
            ("which month of 2023", vec![Ask::Month]),
            ("at what time", vec![Ask::Clock]),
            ("kim yo jong age", vec![Ask::Age]),
            ("how many rooms", vec![Ask::Count]),
            ("how much is it", vec![Ask::Money]),
            ("how many bucks", vec![Ask::Money]),
            ("how many hours", vec![Ask::Duration]),
            ("how old is she", vec![Ask::Age]),
            ("how far is it", vec![Ask::Extent]),
            ("how do I get there", vec![Ask::Manner]),
            ("who met whom", vec![Ask::Person, Ask::Person]),
            ("what did Yun say about it", vec![Ask::Words]),
            ("is it direct", vec![]),
            ("ticket price", vec![]),
        ] {
            let mut expected = expected;
            expected.dedup();
            assert_eq!(asks(&text_words(text)), expected, "{text}");
        }
    }
}
