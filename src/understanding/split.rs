//! Cuts a message into its questions.

use super::normalise::clean;

/// More questions than this in one message aren't answered one by one.
pub const MAX_QUESTIONS: usize = 4;

/// Words that begin a question.
const OPENERS: [&str; 44] = [
    "who", "whom", "whose", "what", "whats", "when", "whens", "where", "wheres", "which", "why", "how", "hows", "is",
    "are", "was", "were", "do", "does", "did", "can", "could", "will", "would", "has", "have", "had", "should", "may",
    "any", "tell", "explain", "isnt", "wasnt", "doesnt", "didnt", "whos", "whys", "wat", "wen", "wich", "hw",
    "describe", "name",
];

/// Of so many letters a word may be one whose letters were changed round: in shorter ones that is another word.
const SHORTEST_TURNED: usize = 3;
const LONGEST_TURNED: usize = 8;

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePart {
    /// Its text.
    pub text: String,
    /// Whether it is put as a question.
    pub asks: bool,
}

/// Cuts a cleaned message at the ends of its sentences, and before "and" or a comma where another question begins.
#[must_use]
pub fn split(text: &str) -> Vec<MessagePart> {
    let mut parts = Vec::new();
    for sentence in sentences(text) {
        let asks_at_end = sentence.ends_with('?');
        let clauses = clauses(sentence.trim_end_matches(['?', '!', '.', ' ']));
        let last = clauses.len().saturating_sub(1);
        for (index, clause) in clauses.into_iter().enumerate() {
            // Before "and how …" stands a question too, if only in key words.
            let asks = begins_question(&clause) || (asks_at_end && index == last) || index < last;
            parts.push(MessagePart { text: clause, asks });
        }
    }
    parts.retain(|part| part.text.chars().any(char::is_alphanumeric));
    parts
}

/// Sentences with their closing marks, of any language. A full stop ends one only before a space; in `7.30` and `p.m.` it doesn't.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let ends = match c {
            '?' | '!' | '？' | '！' | '。' => !matches!(next, Some('?' | '!')),
            '.' => next.is_none_or(char::is_whitespace) && !is_abbreviation(&text[start..at]),
            '\n' | ';' | '(' | ')' => true,
            _ => is_picture(c),
        };
        if ends {
            sentences.push(text[start..at + c.len_utf8()].trim());
            start = at + c.len_utf8();
        }
    }
    sentences.push(text[start..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Emoji and the like stand between sentences as a full stop does.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default().to_lowercase();
    word.chars().count() == 1
        || matches!(word.as_str(), "p.m" | "a.m" | "mr" | "mrs" | "dr" | "st" | "no" | "vs" | "approx")
}

/// Cuts a sentence before each "and", "also", "plus" or comma behind which a question begins.
fn clauses(sentence: &str) -> Vec<String> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let mut clauses = Vec::new();
    let mut start = 0;
    for at in 1..words.len() {
        let joint = matches!(words[at].to_lowercase().as_str(), "and" | "also" | "plus" | "&");
        let behind = if joint { at + 1 } else { at };
        let after_comma = words[at - 1].ends_with(',');
        let opens = words.get(behind).is_some_and(|word| is_strong_opener(word))
            || (words.get(behind).is_some_and(|word| is_preposition(word))
                && words.get(behind + 1).is_some_and(|word| is_question_word(word)));
        // After a comma what stands before must itself ask something: in "my mum, who knows" it doesn't.
        let before = &words[start..at].join(" ");
        if opens && at - start >= 2 && (joint || (after_comma && begins_question(before))) {
            clauses.push(words[start..at].join(" "));
            start = behind;
        }
    }
    clauses.push(words[start.min(words.len())..].join(" "));
    clauses
}

/// Words that begin a question also in the middle of a sentence.
const STRONG_OPENERS: [&str; 21] = [
    "who", "whom", "whose", "what", "whats", "when", "where", "which", "why", "how", "is", "are", "was", "were", "do",
    "does", "did", "can", "will", "has", "have",
];

fn is_strong_opener(word: &str) -> bool {
    is_one_of(&STRONG_OPENERS, &bare(word))
}

/// Whether a word is in a list, if need be with two neighbouring letters changed round: *hwo*, *waht*.
fn is_one_of(list: &[&str], word: &str) -> bool {
    let turned = |at: usize| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.swap(at, at + 1);
        list.contains(&letters.into_iter().collect::<String>().as_str())
    };
    let length = word.chars().count();
    list.contains(&word) || (SHORTEST_TURNED..=LONGEST_TURNED).contains(&length) && (0..length - 1).any(turned)
}

/// Words that may stand before a question word: *with what plane*, *at what time*.
fn is_preposition(word: &str) -> bool {
    matches!(
        bare(word).as_str(),
        "with" | "at" | "in" | "on" | "to" | "from" | "by" | "for" | "of" | "until" | "till" | "since" | "about"
    )
}

/// Whether a text asks something, by its question mark or its first words.
#[must_use]
pub fn is_question(text: &str) -> bool {
    text.contains(['?', '？']) || split(&clean(text)).iter().any(|part| part.asks)
}

fn is_question_word(word: &str) -> bool {
    matches!(bare(word).as_str(), "who" | "whom" | "whose" | "what" | "when" | "where" | "which" | "how")
}

fn bare(word: &str) -> String {
    word.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Whether a text begins as a question does, after small words such as "and", "so", "hi".
fn begins_question(text: &str) -> bool {
    const BEFORE: [&str; 22] = [
        "and", "so", "but", "ok", "okay", "hi", "hello", "hey", "also", "then", "well", "um", "uh", "yo", "pls",
        "please", "guys", "all", "plus", "btw", "or", "on",
    ];
    let mut words = text.split_whitespace().map(bare).skip_while(|word| BEFORE.contains(&word.as_str()));
    let Some(first) = words.next() else { return false };
    let second = words.next().unwrap_or_default();
    is_one_of(&OPENERS, &first) || (is_preposition(&first) && is_question_word(&second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_told_by_its_mark_or_its_first_words() {
        for (text, expected) in [
            ("how much is a ticket", true),
            ("сколько стоит билет?", true),
            ("nice flight that was", false),
            ("lol", false),
        ] {
            assert_eq!(is_question(text), expected, "{text}");
        }
    }

    #[test]
    fn messages_are_cut_into_questions() {
        for (text, expected) in [
            ("who flew it and which airport did it use", vec!["?who flew it", "?which airport did it use"]),
            ("My mum wants to go. How much is it? Thanks!", vec![" My mum wants to go", "?How much is it", " Thanks"]),
            ("ticket price?", vec!["?ticket price"]),
            ("when did it land, and where?", vec!["?when did it land,", "?where"]),
            ("did it land at 9.15 a.m. or later", vec!["?did it land at 9.15 a.m. or later"]),
            ("direct flight Moscow and Pyongyang", vec![" direct flight Moscow and Pyongyang"]),
            ("how long is the flight, how much is it", vec!["?how long is the flight,", "?how much is it"]),
            ("who met Kozlov and Yun", vec!["?who met Kozlov and Yun"]),
            ("settle this 😅😅 what plane was it", vec![" settle this 😅", "?what plane was it"]),
            ("(on mobile, sorry) when did they fly back", vec![" on mobile, sorry)", "?when did they fly back"]),
            ("who flies it and with what plane", vec!["?who flies it", "?with what plane"]),
            ("when did it land and hwo much is it", vec!["?when did it land", "?hwo much is it"]),
            ("waht plane is it", vec!["?waht plane is it"]),
            ("si there a saw on it", vec![" si there a saw on it"]),
            ("???", vec![]),
        ] {
            let parts: Vec<String> = split(text)
                .into_iter()
                .map(|part| format!("{}{}", if part.asks { '?' } else { ' ' }, part.text))
                .collect();
            assert_eq!(parts, expected, "{text}");
        }
    }
}
