//! Detects who does something and to whom: *what did North Korea send to Russia* and *what did Russia send to North
//! Korea* have the same words. A role is a name with the small word before it that shows its part: *to Russia*, *did
//! Russia*.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

/// A hash of a name and its part, which is the preposition before it, or that it does something. There are many roles,
/// and they are only compared for equality.
pub type Role = u64;

fn role(part: &str, name: &str) -> Role {
    xxh3_64(format!("{part} {name}").as_bytes())
}

const PREPOSITIONS: [&str; 13] =
    ["to", "from", "by", "in", "on", "with", "against", "for", "of", "at", "into", "via", "between"];
const AUXILIARIES: [&str; 15] =
    ["did", "do", "does", "has", "have", "had", "is", "are", "was", "were", "will", "can", "would", "could", "should"];

/// Words that may stand between a preposition or auxiliary and its name.
const BETWEEN: [&str; 8] = ["the", "a", "north", "south", "of", "both", "president", "minister"];

/// Names of the two countries and their capitals, which the lexicon's list of names leaves out because every topic is
/// about them.
const PARTIES: [&str; 5] = ["moscow", "pyongyang", "russia", "dprk", "nk"];

/// The part of a name that does something.
const DOES: &str = "does";

/// Maximum distance in words from a preposition or auxiliary to its name.
const REACH: usize = 3;

/// Returns the roles in a text, given as words. `is_name` recognises names.
#[must_use]
pub fn roles(words: &[String], is_name: impl Fn(&str) -> bool) -> HashSet<Role> {
    let is_name = |word: &str| PARTIES.contains(&word) || is_name(word);
    let name_after = |start: usize| {
        let near = words.iter().enumerate().skip(start).take(REACH);
        let mut reached =
            near.take_while(|(at, word)| *at == start || BETWEEN.contains(&words[at - 1].as_str()) || is_name(word));
        reached
            .find(|(_, word)| is_name(word))
            .map(|(at, word)| owner(word, at.checked_sub(1).map(|at| words[at].as_str())))
    };
    let mut roles = HashSet::new();
    for (at, word) in words.iter().enumerate() {
        let part = PREPOSITIONS.iter().find(|part| *part == word).copied();
        let part = part.or_else(|| AUXILIARIES.contains(&word.as_str()).then_some(DOES));
        if let (Some(part), Some(name)) = (part, name_after(at + 1)) {
            roles.insert(role(part, &name));
        }
    }
    if let Some(name) = name_after(0) {
        roles.insert(role(DOES, &name));
    }
    roles
}

/// Returns the country or person that a name stands for: a capital stands for its country.
fn owner(name: &str, before: Option<&str>) -> String {
    let country = match name {
        "moscow" | "russia" | "russian" | "russians" | "kremlin" => "russia",
        "korea" | "korean" | "koreans" if before == Some("south") => "south",
        "seoul" => "south",
        "pyongyang" | "korea" | "korean" | "koreans" | "nk" | "dprk" => "north",
        "ukraine" | "ukrainian" | "ukrainians" | "kyiv" => "ukraine",
        other => other,
    };
    country.to_owned()
}

/// Returns the share of a question's roles that a topic doesn't have, 0 to 1. 0 for a question without roles.
#[must_use]
pub fn strange(question: &HashSet<Role>, topic: &HashSet<Role>) -> f32 {
    let strange = question.iter().filter(|role| !topic.contains(*role)).count();
    strange as f32 / question.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::understanding::lexicon::text_words;

    #[test]
    fn names_have_parts() {
        let is_name = |word: &str| matches!(word, "korea" | "lavrov" | "seoul");
        for (text, expected) in [
            ("what did north korea send to russia", vec![("does", "north"), ("to", "russia")]),
            ("what did russia send to north korea", vec![("does", "russia"), ("to", "north")]),
            ("flights from Moscow to Pyongyang", vec![("from", "russia"), ("to", "north")]),
            ("Lavrov met whom in Seoul", vec![("does", "lavrov"), ("in", "south")]),
            ("how much is a ticket", vec![]),
        ] {
            let expected: HashSet<Role> = expected.into_iter().map(|(part, name)| role(part, name)).collect();
            assert_eq!(roles(&text_words(text), is_name), expected, "{text}");
        }
    }

    #[test]
    fn the_other_way_round_is_strange() {
        let is_name = |word: &str| matches!(word, "russia" | "korea");
        let of = |text: &str| roles(&text_words(text), is_name);
        let topic = of("which weapons did north korea send to russia");
        assert_eq!(strange(&of("did north korea give arms to russia"), &topic), 0.0);
        assert_eq!(strange(&of("did russia give arms to north korea"), &topic), 1.0);
        assert_eq!(strange(&of("how many"), &topic), 0.0);
    }
}
