//! What a question asks for: a time, a number, a person, a reason. *When did the EU ban Russian planes* and *does the
//! EU ban Russian planes* share their words; a topic that knows no date answers only the second.

use crate::facts::Claim;
use crate::facts::value::ValueKind;

/// What a question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Ask {
    /// When, in whatever grain.
    Time,
    /// In which month.
    Month,
    /// On which day.
    Day,
    /// At what time of day.
    Clock,
    /// How many.
    Count,
    /// How much money.
    Money,
    /// How long.
    Duration,
    /// How often.
    Frequency,
    /// Who.
    Person,
    /// Where.
    Place,
    /// Why.
    Reason,
    /// What somebody said.
    Words,
    /// How old.
    Age,
    /// How far, fast, big, heavy.
    Extent,
    /// How, in what way.
    Manner,
}

/// How many things can be asked for.
pub const ASKS: usize = 15;

/// The share of a topic's examples that must ask for a thing for the topic to be about it. Two of its 25 examples are
/// enough; one may be a slip.
const SHARE: f32 = 0.07;

/// The same for things that a typed value gives, such as a date. People ask *when* of everything; a topic without a
/// date is about a time only if most ask it so and its words tell ("on the morning after").
const SHARE_OF_FIGURES: f32 = 0.35;

/// The things that a typed value gives.
const FIGURES: [Ask; 8] =
    [Ask::Time, Ask::Month, Ask::Day, Ask::Clock, Ask::Count, Ask::Money, Ask::Duration, Ask::Frequency];

/// What a question asks for, by the words that ask. Empty for questions after yes or no and for bare keywords.
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
    // "What did he say" asks for words, not for whatever "what" alone may ask for.
    asks.dedup();
    asks
}

/// The words that name what is asked for: those right after *which*, *what*, *how many*. Verbs and articles may be among
/// them; they need no explanation anyway.
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

/// The last of a few keywords, which names what is asked for: *return fare*, *marathon winner*. None in a sentence.
#[must_use]
pub fn head(words: &[String]) -> Option<&String> {
    const OF_SENTENCES: [&str; 14] =
        ["is", "are", "was", "were", "do", "does", "did", "has", "have", "had", "can", "will", "would", "if"];
    let is_sentence = !asks(words).is_empty() || words.iter().any(|word| OF_SENTENCES.contains(&word.as_str()));
    words.last().filter(|_| !is_sentence && words.len() <= KEYWORDS)
}

/// Up to so many words without a verb are keywords.
const KEYWORDS: usize = 6;

/// How many words after the asking word may name what is asked for: "how many crew members".
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

/// *How many* asks for what is counted: bucks, hours, times.
fn how_many(next: &str, unit: &str) -> Ask {
    match unit {
        "buck" | "bucks" | "dollar" | "dollars" | "ruble" | "rubles" | "rouble" | "roubles" | "usd" | "rub"
        | "money" => Ask::Money,
        "hour" | "hours" | "hrs" | "day" | "days" | "week" | "weeks" | "minutes" | "time" | "nights" | "years" => {
            Ask::Duration
        }
        "times" | "flights" => Ask::Frequency,
        // Many who learn English say "how much passengers".
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
    /// Whether nobody is answered who isn't given the thing: a date, a number, an age.
    #[must_use]
    pub fn is_strict(self) -> bool {
        FIGURES.contains(&self) || matches!(self, Self::Age | Self::Extent)
    }
}

/// For each thing that can be asked for how little a topic is about it, from 0 to 1, by its examples and the values of
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

/// What a value answers.
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
