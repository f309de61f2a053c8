//! Splits long texts into messages that fit a platform's limit.

/// Splits a text into parts of at most `longest` UTF-16 units: at the end of a line, else of a sentence, else of a
/// word.
///
/// Only a word longer than `longest` is split inside, so a URL of ordinary length stays whole. Returns no part for a
/// blank text.
#[must_use]
pub fn cut(text: &str, longest: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while length(rest) > longest {
        let head = &rest[..end_within(rest, longest)];
        let cut = head.rfind('\n').or_else(|| head.rfind(". ").map(|at| at + 1)).or_else(|| head.rfind(' '));
        let cut = cut.filter(|at| *at > 0).unwrap_or(head.len());
        parts.push(rest[..cut].trim_end().to_owned());
        rest = rest[cut..].trim_start();
    }
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
}

fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Returns the byte offset after the last character that fits into `longest` UTF-16 units.
fn end_within(text: &str, longest: usize) -> usize {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > longest {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_lines_sentences_and_words() {
        let split = |text: &str| cut(text, 2_000);
        let line = format!("{}end. Next", "word ".repeat(300));
        let text = [line.as_str(); 4].join("\n");
        let parts = split(&text);
        assert!(parts.len() >= 3 && parts.iter().all(|part| length(part) <= 2_000));
        assert_eq!(parts.join(" ").split_whitespace().count(), text.split_whitespace().count());
        let address = format!("<https://{}>", "a".repeat(300));
        let text = [address.as_str(); 10].join(" ");
        assert!(split(&text).iter().all(|part| part.split(' ').all(|word| word == address)));
        assert_eq!(split(&"🙂".repeat(1_500)).len(), 2);
        assert!(split("").is_empty());
    }
}
