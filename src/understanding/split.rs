//! Splits a message into its questions.

use super::normalise::clean;

/// Maximum number of questions answered in one message; the rest are ignored.
pub const MAX_QUESTIONS: usize = 4;

/// Words that begin a question at the start of a sentence.
const OPENERS: [&str; 44] = [
    "who", "whom", "whose", "what", "whats", "when", "whens", "where", "wheres", "which", "why", "how", "hows", "is",
    "are", "was", "were", "do", "does", "did", "can", "could", "will", "would", "has", "have", "had", "should", "may",
    "any", "tell", "explain", "isnt", "wasnt", "doesnt", "didnt", "whos", "whys", "wat", "wen", "wich", "hw",
    "describe", "name",
];

/// Lengths in letters between which a word is also recognised with two neighbouring letters swapped. In shorter words,
/// a swap gives another word.
const SHORTEST_TURNED: usize = 3;
const LONGEST_TURNED: usize = 8;

/// A sentence or clause of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePart {
    /// Text, without the marks that end the sentence.
    pub text: String,
    /// True if the part is phrased as a question.
    pub asks: bool,
}

/// Splits a cleaned message at the ends of sentences, and before "and" or after a comma where another question begins.
/// Drops parts without letters and digits.
#[must_use]
pub fn split(text: &str) -> Vec<MessagePart> {
    let mut parts = Vec::new();
    for sentence in sentences(text) {
        let asks_at_end = sentence.ends_with('?');
        let clauses = clauses(sentence.trim_end_matches(['?', '!', '.', ' ']));
        let last = clauses.len().saturating_sub(1);
        for (index, clause) in clauses.into_iter().enumerate() {
            // The clause before "and how …" is a question too, even if it is only keywords.
            let asks = begins_question(&clause) || (asks_at_end && index == last) || index < last;
            parts.push(MessagePart { text: clause, asks });
        }
    }
    parts.retain(|part| part.text.chars().any(char::is_alphanumeric));
    parts
}

/// Splits a text of any language into sentences, which keep their closing marks. A full stop ends a sentence only
/// before whitespace, and not after an abbreviation: not in `7.30` or `p.m.`.
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

/// Returns true for emoji and other pictographs, which separate sentences as a full stop does.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default().to_lowercase();
    word.chars().count() == 1
        || matches!(word.as_str(), "p.m" | "a.m" | "mr" | "mrs" | "dr" | "st" | "no" | "vs" | "approx")
}

/// Splits a sentence before each "and", "also", "plus" or "&", and after each comma, if a question begins there.
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
        // The clause before a comma must be a question itself. In "my mum, who knows" it isn't.
        let before = &words[start..at].join(" ");
        if opens && at - start >= 2 && (joint || (after_comma && begins_question(before))) {
            clauses.push(words[start..at].join(" "));
            start = behind;
        }
    }
    clauses.push(words[start.min(words.len())..].join(" "));
    clauses
}

/// Words that begin a question even in the middle of a sentence.
const STRONG_OPENERS: [&str; 21] = [
    "who", "whom", "whose", "what", "whats", "when", "where", "which", "why", "how", "is", "are", "was", "were", "do",
    "does", "did", "can", "will", "has", "have",
];

fn is_strong_opener(word: &str) -> bool {
    is_one_of(&STRONG_OPENERS, &bare(word))
}

/// Returns true if the list has the word, as it is or with two neighbouring letters swapped: *hwo*, *waht*.
fn is_one_of(list: &[&str], word: &str) -> bool {
    let turned = |at: usize| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.swap(at, at + 1);
        list.contains(&letters.into_iter().collect::<String>().as_str())
    };
    let length = word.chars().count();
    list.contains(&word) || (SHORTEST_TURNED..=LONGEST_TURNED).contains(&length) && (0..length - 1).any(turned)
}

/// Returns true for prepositions that may precede a question word: *with what plane*, *at what time*.
fn is_preposition(word: &str) -> bool {
    matches!(
        bare(word).as_str(),
        "with" | "at" | "in" | "on" | "to" | "from" | "by" | "for" | "of" | "until" | "till" | "since" | "about"
    )
}

/// Returns true if a text has a question mark or a part that is phrased as a question.
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

/// Returns true if a text begins like a question, after introductory words such as "and", "so", "hi".
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
