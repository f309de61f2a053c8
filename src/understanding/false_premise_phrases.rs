//! Detects false premises in Russian and Korean questions: another airline, frequency or figure than the sources give.
//! The bot corrects them and never agrees to one.

use unicode_normalization::UnicodeNormalization;

use super::candidate::Candidate;
use super::decide::Decision;
use super::false_premise::Figure;
use super::reader::{Reader, are_forms};
use super::{Answerable, TopicEntry};
use crate::language::{Units, is_hangul};

/// Confidence, without the wrong name or figure, from which a topic corrects a question.
const CORRECT_FROM: f32 = 0.15;

/// The same for the topic that a wrong name stands in for: the name itself is evidence for it.
const CORRECT_NAMED_FROM: f32 = 0.08;

/// Confidence from which a silent topic is what is asked about: then there is nothing to correct.
const SILENT_FROM: f32 = 0.3;

/// A figure of a question.
#[derive(Debug, PartialEq)]
struct Quantity {
    kind: Figure,
    /// Digits, with words such as "thousand" multiplied out.
    value: String,
    /// Index of the word that has the digits.
    at: usize,
}

impl Reader<'_> {
    /// Returns a correction if a question, given as decomposed words with corrected spelling, takes something for
    /// granted that the sources give differently.
    pub(super) fn false_premise(&self, words: &[String]) -> Option<Decision> {
        self.rival(words).or_else(|| self.wrong_figure(words))
    }

    /// Corrects a name in place of the sources' own: another airline, aircraft, airport or frequency.
    fn rival(&self, words: &[String]) -> Option<Decision> {
        let pack = self.book.language().pack();
        for rivals in &self.index.trained.rivals {
            let Some(by) = self.index.number_of(&rivals.topic) else { continue };
            let own = pack.rival.iter().filter(|said| said.topic == rivals.topic).flat_map(|said| &said.names);
            let Some(place) = own.chain(&rivals.names).find_map(|name| place_of(words, name)) else { continue };
            let is_named = |at: usize| place.contains(&at);
            let sure = self.without(words, is_named, |best| best.confidence >= CORRECT_FROM);
            // Another airline's name already says that the question is about the airline.
            let is_likely = |candidate: &Candidate| candidate.topic == by && candidate.confidence >= CORRECT_NAMED_FROM;
            let Some(best) = sure.or_else(|| self.without(words, is_named, is_likely)) else { continue };
            let asked = self.topic(&best);
            let concerns = asked.id == rivals.topic || rivals.subjects.contains(&asked.subject);
            let is_own = |word: &String| asked.claimed.contains(word);
            if concerns && !rivals.not_topics.contains(&asked.id) && !words[place].iter().all(is_own) {
                return Some(Decision::Correct { by, asked: best.topic });
            }
        }
        None
    }

    /// Corrects a figure that is of a kind that the topic's claims have, but not one of theirs.
    fn wrong_figure(&self, words: &[String]) -> Option<Decision> {
        let quantities = quantities(words, &self.book.language().pack().units);
        if quantities.is_empty() {
            return None;
        }
        let is_quantity = |at: usize| quantities.iter().any(|quantity| quantity.at == at);
        let best = self.without(words, is_quantity, |best| best.confidence >= CORRECT_FROM)?;
        let asked = self.topic(&best);
        let is_wrong = |quantity: &Quantity| {
            asked.figures.contains(&quantity.kind)
                && !asked.claimed.contains(&quantity.value)
                && !asked.numbers.contains(&quantity.value)
        };
        quantities.iter().any(is_wrong).then_some(Decision::Correct { by: best.topic, asked: best.topic })
    }

    /// Returns the first accepted topic of a question without some of its words and without words that ask why. Returns
    /// `None` if there is none or if the question belongs to a silent topic.
    fn without(
        &self,
        words: &[String],
        left_out: impl Fn(usize) -> bool,
        accept: impl Fn(&Candidate) -> bool,
    ) -> Option<Candidate> {
        let why = &self.book.language().pack().units.why;
        let asks_why = |word: &str| why.iter().any(|why| why.nfd().eq(word.chars()));
        let rest: Vec<String> = words
            .iter()
            .enumerate()
            .filter(|(at, word)| !left_out(*at) && !asks_why(word))
            .map(|(_, word)| word.clone())
            .collect();
        let candidates = self.candidates(&rest);
        let silent = |candidate: &Candidate| self.topic(candidate).answerable == Answerable::No;
        if candidates.first().is_some_and(|first| silent(first) && first.confidence >= SILENT_FROM) {
            return None;
        }
        let answers = |candidate: &Candidate| self.topic(candidate).answerable == Answerable::Yes;
        candidates.into_iter().find(|candidate| answers(candidate) && accept(candidate))
    }

    fn topic(&self, candidate: &Candidate) -> &TopicEntry {
        &self.index.topics()[candidate.topic]
    }
}

/// Returns the range of words in which a question has a name, in any form.
fn place_of(words: &[String], name: &str) -> Option<std::ops::Range<usize>> {
    let parts: Vec<String> = name.split(' ').map(|part| part.nfd().collect()).collect();
    let is_there = |at: &usize| parts.iter().enumerate().all(|(next, part)| is_form(&words[at + next], part));
    (0..(words.len() + 1).saturating_sub(parts.len())).find(is_there).map(|at| at..at + parts.len())
}

/// Returns true if a word is a form of a word of a name. Anything may follow a Korean name, such as a particle. No
/// further ASCII letter or digit may follow an ASCII name, such as an aircraft type.
fn is_form(word: &str, name: &str) -> bool {
    if name.nfc().all(is_hangul) {
        return word.starts_with(name);
    }
    if name.is_ascii() {
        let rest = word.strip_prefix(name);
        return rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    }
    are_forms(word, name)
}

/// Returns the figures of a question, each with what it counts. Leaves out figures that count nothing known.
fn quantities(words: &[String], units: &Units) -> Vec<Quantity> {
    let words: Vec<String> = words.iter().map(|word| word.nfc().collect()).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let Ok(mut number) = word[..digits].parse::<u64>() else { continue };
        // The text after the digits: the rest of their word, and the next words.
        let mut behind: Vec<&str> =
            [&word[digits..]].into_iter().chain(words[at + 1..].iter().map(String::as_str)).collect();
        behind.retain(|word| !word.is_empty());
        let mut unit = behind.first().copied().unwrap_or_default();
        let times = [(&units.thousand, 1_000), (&units.ten_thousand, 10_000)];
        let many = times.iter().find_map(|(names, times)| Some((beginning(unit, names)?, *times)));
        if let Some((name, times)) = many {
            number = number.saturating_mul(times);
            let rest = &unit[name.len()..];
            let next = behind.get(1).copied().unwrap_or_default();
            unit = if units.is_known(rest) || next.is_empty() { rest } else { next };
        }
        let kind = units.kind(unit).or(many.map(|_| Figure::Money));
        if let Some(kind) = kind {
            found.push(Quantity { kind, value: number.to_string(), at });
        }
    }
    found
}

/// Returns the first of some beginnings with which a word begins. One or two letters that aren't syllables are an
/// abbreviation and must be the whole word.
fn beginning<'a>(word: &str, beginnings: &'a [String]) -> Option<&'a str> {
    let is_short = |beginning: &str| beginning.chars().count() < 3 && !beginning.chars().all(is_hangul);
    let begins = |beginning: &&str| word.starts_with(beginning) && (word == *beginning || !is_short(beginning));
    beginnings.iter().map(String::as_str).find(begins)
}

impl Units {
    fn kind(&self, word: &str) -> Option<Figure> {
        let kinds = [
            (&self.money, Figure::Money),
            (&self.time, Figure::Time),
            (&self.things, Figure::Things),
            (&self.date, Figure::Date),
        ];
        kinds.into_iter().find(|(names, _)| beginning(word, names).is_some()).map(|(_, kind)| kind)
    }

    fn is_known(&self, word: &str) -> bool {
        self.kind(word).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use crate::understanding::normalise;

    #[test]
    fn figures_are_read_with_what_they_count() {
        for (language, text, expected) in [
            (Language::Russian, "200 человек на борту", Some((Figure::Things, "200"))),
            (Language::Russian, "90 тыщ за билет", Some((Figure::Money, "90000"))),
            (Language::Russian, "90 тыс. человек", Some((Figure::Things, "90000"))),
            (Language::Russian, "45к рублей", Some((Figure::Money, "45000"))),
            (Language::Russian, "за 2 дня", Some((Figure::Time, "2"))),
            (Language::Russian, "17 июля", Some((Figure::Date, "17"))),
            (Language::Russian, "рейс 6107", None),
            (Language::Korean, "3만루블이면 싸네", Some((Figure::Money, "30000"))),
            (Language::Korean, "600명만 갔어", Some((Figure::Things, "600"))),
            (Language::Korean, "12시간이나 걸려", Some((Figure::Time, "12"))),
            (Language::Korean, "777 타요", None),
        ] {
            let words: Vec<String> =
                normalise::words(&normalise::clean(text)).iter().map(|word| word.nfd().collect()).collect();
            let found = quantities(&words, &language.pack().units);
            let first = found.first().map(|quantity| (quantity.kind, quantity.value.as_str()));
            assert_eq!(first, expected, "{text}");
        }
    }

    #[test]
    fn names_are_found_in_their_forms() {
        let words =
            |text: &str| normalise::words(text).iter().map(|word| word.nfd().collect()).collect::<Vec<String>>();
        assert_eq!(place_of(&words("почему из внуково а не"), "внуково"), Some(2..3));
        assert_eq!(place_of(&words("полечу аэрофлотом"), "аэрофлот"), Some(1..2));
        assert_eq!(place_of(&words("какой аэропорт"), "аэрофлот"), None);
        assert_eq!(place_of(&words("a330으로 가죠"), "a330"), Some(0..1));
        assert_eq!(place_of(&words("매진이었어"), "매주"), None);
        assert_eq!(place_of(&words("раз в неделю летает"), "раз в неделю"), Some(0..3));
    }
}
