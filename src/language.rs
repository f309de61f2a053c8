//! Detects the language of a message from its script, and provides the handwritten texts of each language from
//! `data/languages`: the fixed phrases of replies, and localized topics and claims.
//!
//! A localized claim belongs to one English statement. If a moderator changes that statement, replies use the new
//! English one until a release has a new translation.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::facts::date::DateWords;
use crate::facts::{Claim, text};

/// A language that the desk reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// English, the language of the facts.
    English,
    /// Russian.
    Russian,
    /// Korean.
    Korean,
}

/// The languages other than English, each with its file.
const OTHERS: [(Language, &str); 2] = [
    (Language::Russian, include_str!("../data/languages/ru.toml")),
    (Language::Korean, include_str!("../data/languages/ko.toml")),
];

const ENGLISH: &str = include_str!("../data/languages/en.toml");

/// A message belongs to the language of a script if at least one in this many words is in that script. A majority would
/// be too much, because people leave names in Latin letters. One word would be too little, because an English question
/// may contain a foreign word.
const ONE_WORD_OF: usize = 3;

/// The last letter of Latin Extended-B; European alphabets with accents end before it.
const LAST_LATIN: char = '\u{24f}';

/// Cyrillic letters of other languages that Russian doesn't use.
const NOT_RUSSIAN: &str = "іїєґўјљњћђѓќџѕәіңғүұқөһ";

impl Language {
    /// Returns the languages other than English.
    pub fn others() -> impl Iterator<Item = Self> {
        OTHERS.into_iter().map(|(language, _)| language)
    }

    /// Returns the ISO 639-1 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
            Self::Korean => "ko",
        }
    }

    /// Returns the language with an ISO 639-1 code; `None` if the desk doesn't support it.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::English, Self::Russian, Self::Korean].into_iter().find(|language| language.code() == code)
    }

    /// Detects the language of a text from its letters. Returns `None` for a script or a Cyrillic alphabet that the
    /// desk doesn't read. Text in Latin letters counts as English, and so does text without letters.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let words = || text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
        let count = |is: fn(char) -> bool| words().filter(|word| word.chars().any(is)).count();
        let is_many = |count: usize| count > 0 && count * ONE_WORD_OF >= words().count();
        if is_many(count(is_hangul)) {
            Some(Self::Korean)
        } else if is_many(count(is_cyrillic)) {
            let is_russian = !text.chars().any(|c| NOT_RUSSIAN.contains(c));
            is_russian.then_some(Self::Russian)
        } else {
            let letters = || text.chars().filter(|c| c.is_alphabetic());
            let others = letters().filter(|c| *c > LAST_LATIN).count();
            (2 * others <= letters().count()).then_some(Self::English)
        }
    }

    /// Returns the texts of the language.
    #[must_use]
    pub fn pack(self) -> &'static Pack {
        &PACKS[&self]
    }

    /// Returns a claim's statement in the language, or the English statement if its present wording has no translation.
    #[must_use]
    pub fn statement(self, claim: &Claim) -> String {
        let said = STATEMENTS.get(&(self, xxh3_64(claim.statement.as_bytes())));
        said.map_or_else(|| claim.statement.clone(), |said| (*said).to_owned())
    }

    /// Returns the detail that a claim's source doesn't give, in the language if there is a translation and in English
    /// otherwise. `None` if the claim has no such detail.
    #[must_use]
    pub fn unprinted(self, claim: &Claim) -> Option<String> {
        let english = claim.unprinted.clone()?;
        let known = self.pack().claim.iter().find(|said| said.id == claim.id).and_then(|said| said.unprinted.clone());
        let is_current = STATEMENTS.contains_key(&(self, xxh3_64(claim.statement.as_bytes())));
        Some(known.filter(|_| is_current).unwrap_or(english))
    }
}

pub(crate) fn is_hangul(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}')
}

fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}')
}

/// Returns the checksum of the language files other than English.
#[must_use]
pub fn shipped_checksum() -> u64 {
    let mut hasher = Xxh3::new();
    OTHERS.iter().for_each(|(_, text)| hasher.update(text.as_bytes()));
    hasher.digest()
}

static PACKS: LazyLock<HashMap<Language, Pack>> = LazyLock::new(|| {
    let all = OTHERS.into_iter().chain([(Language::English, ENGLISH)]);
    all.map(|(language, text)| (language, toml::from_str(text).expect("the shipped language files are valid")))
        .collect()
});

/// The translations of statements, by language and checksum of the English statement.
static STATEMENTS: LazyLock<HashMap<(Language, u64), &'static str>> = LazyLock::new(|| {
    let facts = text::shipped();
    let claims = facts.claims_by_id();
    let of = |language: Language| {
        let written = language.pack().claim.iter();
        written.map(move |said| (said, language)).collect::<Vec<_>>()
    };
    let known = Language::others().flat_map(of).filter_map(|(said, language)| {
        let english = &claims.get(said.id.as_str())?.statement;
        Some(((language, xxh3_64(english.as_bytes())), said.statement.as_str()))
    });
    known.collect()
});

/// The texts of one language: a file of `data/languages`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Filler words, which carry no meaning for the topic of a question, separated by spaces.
    #[serde(default)]
    pub filler: String,
    /// The fixed phrases of replies.
    pub phrases: Phrases,
    /// Month names and date patterns.
    pub dates: DateWords,
    /// Example messages of small talk, by kind.
    #[serde(default)]
    pub social: HashMap<String, Vec<String>>,
    /// Localized topics.
    #[serde(default)]
    pub topic: Vec<LocalizedTopic>,
    /// Localized claims.
    #[serde(default)]
    pub claim: Vec<LocalizedClaim>,
    /// Words that follow a figure and tell its kind.
    #[serde(default)]
    pub units: Units,
    /// Names that only false premises use, by topic.
    #[serde(default)]
    pub rival: Vec<LocalizedRivals>,
}

/// Beginnings of words that follow a figure, by the kind of figure, and words that ask for a reason.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// Multiplier 1,000.
    pub thousand: Vec<String>,
    /// Multiplier 10,000.
    pub ten_thousand: Vec<String>,
    /// Currencies.
    pub money: Vec<String>,
    /// Units of time.
    pub time: Vec<String>,
    /// Countable people and things.
    pub things: Vec<String>,
    /// Months, or the counter of days of a month.
    pub date: Vec<String>,
    /// Whole words that ask for a reason.
    pub why: Vec<String>,
}

/// Names that answer a topic's question differently from the sources, such as another airline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalizedRivals {
    /// The id of the topic whose claims correct them.
    pub topic: String,
    /// The names in the language, in lower case.
    pub names: Vec<String>,
}

impl Pack {
    /// Returns a topic's texts in the language; `None` if it has no translation.
    #[must_use]
    pub fn topic(&self, id: &str) -> Option<&LocalizedTopic> {
        self.topic.iter().find(|topic| topic.id == id)
    }
}

/// The texts of a topic in another language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalizedTopic {
    /// Id of the topic.
    pub id: String,
    /// Title, offered as a choice.
    pub title: String,
    /// For a silent topic, the text that completes [`Phrases::unsaid`].
    pub unsaid: Option<String>,
    /// Example questions, from which the language's phrasebook learns.
    pub examples: Vec<String>,
}

/// The texts of a claim in another language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalizedClaim {
    /// Id of the claim.
    pub id: String,
    /// Translation of the English statement.
    pub statement: String,
    /// Translation of the detail that the source doesn't give.
    pub unprinted: Option<String>,
}

/// The fixed phrases of replies. Words in braces are placeholders.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the name of each field says where a reply uses it")]
pub struct Phrases {
    pub disagree: String,
    pub disagree_figures: String,
    pub disagree_reading: String,
    pub disagree_picture: String,
    pub otherwise: String,
    pub unsaid: String,
    pub unsaid_but: String,
    pub silent: String,
    pub silent_but: String,
    pub choose: String,
    pub empty: String,
    pub foreign: String,
    pub trouble: String,
    pub greeting: String,
    pub thanks: String,
    pub farewell: String,
    pub help: String,
    pub identity: String,
    pub privacy: String,
    pub button_sources: String,
    pub button_remove: String,
    pub too_fast: String,
    pub too_much: String,
    pub elsewhere: String,
    pub button_report: String,
    pub report_title: String,
    pub report_label: String,
    pub report_thanks: String,
    pub report_nowhere: String,
    pub button_tell: String,
    pub button_untell: String,
    pub tell_kept: String,
    pub tell_too_many: String,
    pub tell_withdrawn: String,
    pub tell_again: String,
    pub told: String,
    pub subjects: String,
    pub choose_subject: String,
    pub choose_topic: String,
    pub button_next: String,
    pub button_before: String,
    pub not_allowed: String,
    pub set_everywhere: String,
    pub set_channels: String,
    pub set_limits: String,
    pub set_any: String,
    pub set_forum_no: String,
    pub set_forum_yes: String,
    pub set_forum_later: String,
    pub set_log: String,
    pub set_no_log: String,
    pub set_days: String,
    pub set_roles: String,
    pub set_no_roles: String,
    pub queue_questions: String,
    pub queue_no_questions: String,
    pub queue_reports: String,
    pub queue_no_reports: String,
    pub unreadable: String,
    pub room_help: String,
    pub room_privacy: String,
    pub room_topics: String,
    pub room_choose: String,
    pub room_tell: String,
    pub room_tell_too_many: String,
    pub room_not_allowed: String,
    pub room_limits: String,
    pub room_mention_yes: String,
    pub room_mention_no: String,
    pub room_text_yes: String,
    pub room_text_no: String,
    pub room_removal_yes: String,
    pub room_removal_no: String,
    pub room_level: String,
    pub room_space: String,
    pub room_no_space: String,
    pub room_space_not_allowed: String,
    pub room_usage: String,
    pub room_log_unknown: String,
    pub room_log_public: String,
    pub as_of: String,
    pub unprinted: String,
    pub corrected: String,
    pub source: String,
    pub unsourced: String,
    pub inferred: String,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::facts::verify;

    #[test]
    fn languages_are_detected_by_their_script() {
        for (text, expected) in [
            ("how much is a ticket", Some(Language::English)),
            ("скок стоит билет", Some(Language::Russian)),
            ("Nordwind чья компания", Some(Language::Russian)),
            ("Moscow-Pyongyang 뱅기 누가 굴림?", Some(Language::Korean)),
            ("평양", Some(Language::Korean)),
            ("what does the word билет mean here", Some(Language::English)),
            ("скільки коштує квиток, і чий літак", None),
            ("平壌", None),
            ("¿cuánto cuesta el vuelo?", Some(Language::English)),
            ("777?", Some(Language::English)),
            ("", Some(Language::English)),
        ] {
            assert_eq!(Language::of(text), expected, "{text}");
        }
    }

    #[test]
    fn translations_match_the_facts() {
        let facts = text::shipped();
        let claims = facts.claims_by_id();
        let topics: HashSet<&str> = facts.topics().map(|topic| topic.id.as_str()).collect();
        for language in Language::others() {
            let pack = language.pack();
            let mut examples = HashSet::new();
            for topic in &pack.topic {
                assert!(topics.contains(topic.id.as_str()), "{language:?}: there is no topic {}", topic.id);
                assert!(topic.examples.len() >= 5, "{language:?}: {} has too few examples", topic.id);
                let doubled = topic.examples.iter().find(|example| !examples.insert(example.to_lowercase()));
                assert_eq!(doubled, None, "{language:?}: an example in two topics");
            }
            assert!(pack.topic.len() >= 60);
            for said in &pack.claim {
                assert!(claims.contains_key(said.id.as_str()), "{language:?}: there is no claim {}", said.id);
            }
            // A reply must not mix languages.
            let answered = pack.topic.iter().filter_map(|said| facts.topics().find(|topic| topic.id == said.id));
            for id in answered.filter(|topic| !topic.is_silent()).flat_map(|topic| &topic.claims) {
                assert!(pack.claim.iter().any(|said| said.id == *id), "{language:?}: claim {id} isn't translated");
            }
        }
    }

    /// A localized claim has only figures that the English claim has.
    #[test]
    fn translations_have_the_same_figures() {
        let facts = text::shipped();
        let claims = facts.claims_by_id();
        let spaced = regex::Regex::new(r"(\d)[ \u{a0}\u{202f}](\d{3})\b").unwrap();
        let mut strange = Vec::new();
        for language in Language::others() {
            for said in &language.pack().claim {
                let english = claims[said.id.as_str()];
                let known = verify::numbers(&format!("{} {}", english.statement, english.value.text()));
                // Korean writes 9:15 as 9시 15분.
                let known: HashSet<&str> =
                    known.iter().flat_map(|number| number.split(':').chain([number.as_str()])).collect();
                let dates = english.statement.split_whitespace().chain(english.value.text().split(' '));
                let months: Vec<String> = dates.filter_map(month_number).collect();
                for number in verify::numbers(&spaced.replace_all(&said.statement, "$1$2")) {
                    if !known.contains(number.as_str()) && !months.contains(&number) {
                        strange.push(format!("{}: {number} in {}", said.id, said.statement));
                    }
                }
            }
        }
        assert!(strange.is_empty(), "{}", strange.join("\n"));
    }

    /// Returns the number of a month, which Korean writes instead of a name.
    fn month_number(word: &str) -> Option<String> {
        let word = word.trim_matches(|c: char| !c.is_alphabetic());
        let at = crate::facts::date::MONTHS.iter().position(|month| *month == word)?;
        Some((at + 1).to_string())
    }
}
