//! Cleans messages and splits them into lower-case words and stems.

use unicode_normalization::UnicodeNormalization;

/// Maximum number of characters read of a message. Questions have fewer than 500, so later text would only cost time.
pub const MAX_CHARS: usize = 4_000;

/// Maximum number of words read of a message, for the same reason.
pub const MAX_WORDS: usize = 400;

/// Removes text that isn't the author's own (code, quotes, links, mentions, custom emoji, role-played actions) and
/// invisible characters (zero-width characters, direction marks, control characters). Applies NFKC, so that each
/// character has one form.
#[must_use]
pub fn clean(text: &str) -> String {
    let visible: String = text.nfkc().filter(|c| !is_invisible(*c)).take(MAX_CHARS).collect();
    let own = visible.lines().filter(|line| !line.trim_start().starts_with('>')).collect::<Vec<_>>().join("\n");
    let own = if own.trim().is_empty() { visible } else { own };
    strip_markup(&strip_actions(&strip_code(&own)))
}

/// Returns true for a character that isn't displayed, but may reverse the direction of writing or hide others.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e007f}')
}

/// Removes fenced code. If nothing else remains, the code is taken as the question, without its fences.
fn strip_code(text: &str) -> String {
    let outside: String = text.split("```").step_by(2).collect::<Vec<_>>().join(" ");
    if outside.trim().is_empty() { text.replace("```", " ") } else { outside }
}

/// Removes role-played actions (*taps mic*), unless nothing else remains. A single word in asterisks is only emphasised
/// and stays.
fn strip_actions(text: &str) -> String {
    let pieces: Vec<&str> = text.split('*').collect();
    let is_action = |at: usize| at % 2 == 1 && at + 1 < pieces.len() && pieces[at].split_whitespace().nth(1).is_some();
    let rest: Vec<&str> = (0..pieces.len()).filter(|at| !is_action(*at)).map(|at| pieces[at]).collect();
    if rest.iter().all(|piece| piece.trim().is_empty()) { text.to_owned() } else { rest.join("*") }
}

/// Removes links, mentions of people and channels, and custom emoji, word by word.
fn strip_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        for word in line.split_whitespace() {
            if !is_markup(word) {
                out.push_str(word);
                out.push(' ');
            }
        }
        out.push('\n');
    }
    out
}

fn is_markup(word: &str) -> bool {
    let lower = word.trim_start_matches(['(', '<', '[']).to_ascii_lowercase();
    let is_link = lower.starts_with("http://") || lower.starts_with("https://") || lower.starts_with("www.");
    let is_mention = (word.starts_with('@') && word.len() > 1) || word.starts_with("<@") || word.starts_with("<#");
    let is_emoji = (word.starts_with("<:") || word.starts_with("<a:")) && word.ends_with('>');
    is_link || is_mention || is_emoji
}

/// Splits a cleaned text into words: letters and digits in lower case, without contractions (`isn't` becomes `is not`)
/// and thousands separators. Currency signs become words: `$` becomes `usd`.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        let before_digit = chars.peek().is_some_and(char::is_ascii_digit);
        let after_digit = word.chars().next_back().is_some_and(|c| c.is_ascii_digit());
        match c {
            ',' if after_digit && before_digit => {}
            ':' | '.' if after_digit && before_digit => word.push(c),
            '\'' | '’' | '`' | 'ʼ' => word.push('\''),
            _ => {
                push_word(&mut words, &mut word);
                if let Some(currency) = currency(c) {
                    words.push(currency.to_owned());
                }
            }
        }
        if words.len() >= MAX_WORDS {
            return words;
        }
    }
    push_word(&mut words, &mut word);
    words
}

fn currency(sign: char) -> Option<&'static str> {
    Some(match sign {
        '$' => "usd",
        '€' => "eur",
        '£' => "gbp",
        '₽' => "rub",
        '₩' => "krw",
        '¥' => "yuan",
        _ => return None,
    })
}

/// Appends a word without quotes, possessive and contracted verb. `n't` becomes `not`, and `45k` becomes `45000`.
fn push_word(words: &mut Vec<String>, word: &mut String) {
    let whole = std::mem::take(word);
    // `US` is the country, `us` the pronoun.
    let whole = if whole == "US" { "usa".to_owned() } else { whole.to_lowercase() };
    let whole = whole.trim_matches('\'');
    if whole.is_empty() {
        return;
    }
    let (stem, rest) = whole.split_once('\'').unwrap_or((whole, ""));
    if rest == "t" && stem.len() > 1 {
        let stem = stem.strip_suffix('n').unwrap_or(stem);
        words.push(if stem == "ca" { "can".to_owned() } else { stem.to_owned() });
        words.push("not".to_owned());
    } else if matches!(rest, "s" | "re" | "ll" | "ve" | "d" | "m" | "") {
        words.push(thousands(stem));
    } else {
        words.push(format!("{stem}{}", rest.replace('\'', "")));
    }
}

fn thousands(word: &str) -> String {
    match word.strip_suffix('k').and_then(|digits| digits.parse::<u32>().ok()) {
        Some(number) if number < 1_000_000 => format!("{number}000"),
        _ => word.to_owned(),
    }
}

/// Removes the commonest English endings from a word, so that `flight` and `flights`, `planned` and `planning` have one
/// stem. Crude on purpose: a stem only has to be the same in a question and in the texts that explain it.
#[must_use]
pub fn stem(word: &str) -> String {
    const ENDINGS: [(&str, &str); 12] = [
        ("ies", "y"),
        ("sses", "ss"),
        ("ings", ""),
        ("ing", ""),
        ("edly", ""),
        ("ied", "y"),
        ("ed", ""),
        ("es", ""),
        ("ly", ""),
        ("s", ""),
        ("e", ""),
        ("er", ""),
    ];
    if word.len() < 4 || word.ends_with("ss") || word.starts_with(|c: char| !c.is_ascii_lowercase()) {
        return word.to_owned();
    }
    for (ending, replacement) in ENDINGS {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.len() >= 3
        {
            let mut stem = format!("{stem}{replacement}");
            let bytes = stem.as_bytes();
            if bytes.len() > 3 && bytes[bytes.len() - 1] == bytes[bytes.len() - 2] && !stem.ends_with("ss") {
                stem.pop();
            }
            return stem;
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_words() {
        for (text, expected) in [
            ("How much is a TICKET??", "how much is a ticket"),
            ("what's the airline's name", "what the airline name"),
            ("it isn't 45,000₽, is it", "it is not 45000 rub is it"),
            ("can't won’t don't", "can not wo not do not"),
            ("45k rubles or $570", "45000 rubles or usd 570"),
            ("at 7:30 p.m. or 16:00.", "at 7:30 p m or 16:00"),
            ("777-200ER", "777 200er"),
            ("did the US tell us", "did the usa tell us"),
            ("<@123> @desk hi https://x.y/z <:wave:1>", "hi"),
            ("> quoted line\nwho flies it", "who flies it"),
            ("```rust\ncode```when did it land", "when did it land"),
            ("z\u{200b}ero w\u{202e}idth", "zero width"),
            ("ｆｕｌｌ ｗｉｄｔｈ ①", "full width 1"),
            ("*taps mic* departure airport?", "departure airport"),
            ("the *exact* price", "the exact price"),
            ("*who flies it*", "who flies it"),
            ("", ""),
            ("Сколько стоит билет?", "сколько стоит билет"),
        ] {
            assert_eq!(words(&clean(text)).join(" "), expected, "{text:?}");
        }
    }

    #[test]
    fn stems_meet() {
        for (a, b) in [
            ("flights", "flight"),
            ("cities", "city"),
            ("planned", "planning"),
            ("prices", "price"),
            ("killed", "killing"),
        ] {
            assert_eq!(stem(a), stem(b));
        }
    }

    #[test]
    fn length_is_bounded() {
        assert!(clean(&"a ".repeat(100_000)).chars().count() <= MAX_CHARS + 1);
        assert!(words(&"a ".repeat(5_000)).len() <= MAX_WORDS);
    }
}
