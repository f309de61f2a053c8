//! Finds the topics, claims, sources and paragraphs that moderators name, and checks the texts that they write.

use std::sync::LazyLock;

use regex::Regex;

use super::Refusal;
use super::command::Field;
use super::draft::topics;
use crate::facts::{Claim, Facts, Source, Subject, Topic};
use crate::understanding::{fold, normalise};
use crate::wording::moderation as words;

/// A number in brackets, which looks like a citation. Only the bot writes citations.
static MARK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\[\d+\]").expect("a valid pattern"));

/// The number of similar names listed when a name isn't found.
const MOST_ALIKE: usize = 5;

/// Returns true if the text of a field means "none".
#[must_use]
pub fn is_none(text: &str) -> bool {
    matches!(
        text.trim().trim_end_matches('.').to_lowercase().as_str(),
        "none" | "no source" | "no" | "unsourced" | "nothing"
    )
}

/// Returns the topic with an id, a title or an alias, and its subject.
///
/// # Errors
/// Returns a refusal that lists similar topics if there is none.
pub fn topic_of<'a>(facts: &'a Facts, name: &str) -> Result<(&'a Subject, &'a Topic), Refusal> {
    let name = name.trim().trim_end_matches(':');
    let folded = fold(name);
    let is_it = |topic: &Topic| {
        topic.id == name.to_lowercase()
            || fold(&topic.title) == folded
            || topic.aliases.iter().any(|alias| fold(alias) == folded)
    };
    if let Some(found) = topics(facts).find(|(_, topic)| is_it(topic)) {
        return Ok(found);
    }
    let alike =
        find_topics(facts, name).into_iter().take(MOST_ALIKE).map(|topic| (topic.id.as_str(), topic.title.as_str()));
    Err(Refusal(words::no_such("topic", name, &alike.collect::<Vec<_>>())))
}

/// Returns the claim with an id, and its subject.
///
/// # Errors
/// Returns a refusal that lists similar claims if there is none.
pub fn claim_of<'a>(facts: &'a Facts, id: &str) -> Result<(&'a Subject, &'a Claim), Refusal> {
    let wanted = id.trim().to_lowercase();
    let claims = facts.subjects.iter().flat_map(|subject| subject.claims.iter().map(move |claim| (subject, claim)));
    if let Some(found) = claims.into_iter().find(|(_, claim)| claim.id == wanted) {
        return Ok(found);
    }
    let alike =
        find_claims(facts, id).into_iter().take(MOST_ALIKE).map(|claim| (claim.id.as_str(), claim.statement.as_str()));
    Err(Refusal(words::no_such("claim", id, &alike.collect::<Vec<_>>())))
}

/// Returns the source with an id, publisher or title, or the only source that has the name as a part of one of these.
///
/// # Errors
/// Returns a refusal that lists sources if none or several match.
pub fn source_of<'a>(facts: &'a Facts, name: &str) -> Result<&'a Source, Refusal> {
    let folded = fold(name);
    let names = |source: &Source| {
        [Some(source.id.clone()), source.publisher.clone(), Some(source.title.clone())]
            .into_iter()
            .flatten()
            .map(|name| fold(&name))
            .collect::<Vec<_>>()
    };
    let exact = facts.sources.iter().find(|source| names(source).contains(&folded));
    let near: Vec<&Source> = facts
        .sources
        .iter()
        .filter(|source| folded.len() >= 3 && names(source).iter().any(|name| name.contains(&folded)))
        .collect();
    exact.or(if let [only] = near[..] { Some(only) } else { None }).ok_or_else(|| {
        let all = facts.sources.iter().map(|source| (source.id.as_str(), source.title.as_str()));
        Refusal(words::no_such("source", name, &all.take(10).collect::<Vec<_>>()))
    })
}

/// Parses a source and a paragraph: `moscow-times 7` or `The Moscow Times, paragraph 7`.
///
/// # Errors
/// Returns a refusal if the source is unknown, or the paragraph is missing or doesn't exist.
pub fn citation<'a>(facts: &'a Facts, text: &str) -> Result<(&'a Source, u32), Refusal> {
    let text = text.trim().trim_end_matches('.');
    let end = text
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let name = text[..end].trim_end();
    let name = ["paragraph", "para", "par", "§", "¶"].iter().find_map(|word| name.strip_suffix(word)).unwrap_or(name);
    let source = source_of(facts, name.trim().trim_end_matches(','))?;
    let paragraph = text[end..].parse::<u32>().map_err(|_| Refusal(words::no_paragraph(source)))?;
    if source.has_paragraph(paragraph) { Ok((source, paragraph)) } else { Err(Refusal(words::no_paragraph(source))) }
}

/// Parses a web address.
///
/// # Errors
/// Returns a refusal if the text isn't a URL with `http` or `https`, or has a user name, which can hide where it leads.
pub fn address(text: &str) -> Result<String, Refusal> {
    let url = url::Url::parse(text.trim_matches(['<', '>'])).map_err(|_| Refusal(words::no_address()))?;
    let is_plain = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty();
    if is_plain { Ok(url.into()) } else { Err(Refusal(words::no_address())) }
}

/// Returns the text of a field without invisible characters, on one line. A file is only checked for its size.
///
/// # Errors
/// Returns a refusal if the text is empty or too long, or contains an invitation, a mention, a web address outside
/// `address`, or a number in brackets.
pub fn checked(field: Field, text: &str) -> Result<String, Refusal> {
    if field == Field::File {
        // The import checks the contents, field by field.
        return if text.len() > field.longest() { Err(Refusal(words::too_long(field))) } else { Ok(text.to_owned()) };
    }
    let visible = |c: &char| !normalise::is_invisible(*c) && !c.is_control();
    let text = text.trim();
    let clean: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(visible).collect();
    if clean.chars().count() > field.longest() {
        return Err(Refusal(words::too_long(field)));
    }
    let lower = clean.to_lowercase();
    let invites = ["discord.gg/", "discord.com/invite", "discordapp.com/invite", "matrix.to/"];
    let pings = ["@everyone", "@here", "@room", "<@", "<#"];
    if invites.iter().chain(&pings).any(|sign| lower.contains(sign)) {
        return Err(Refusal(words::pings(field)));
    }
    if field != Field::Url && (lower.contains("://") || lower.contains("www.")) {
        return Err(Refusal(words::has_address(field)));
    }
    let is_shown = matches!(field, Field::Statement | Field::Unsaid | Field::Title);
    if is_shown && MARK.is_match(&clean) {
        return Err(Refusal(words::has_mark(field)));
    }
    if clean.is_empty() { Err(Refusal(words::prompt_text(field))) } else { Ok(clean) }
}

/// Returns the topics whose title, claims or examples contain all words of a text: title matches first, then claims,
/// then examples. Within each group, answered topics stand before silent ones.
#[must_use]
pub fn find_topics<'a>(facts: &'a Facts, text: &str) -> Vec<&'a Topic> {
    let words: Vec<String> = normalise::words(text).iter().map(|word| normalise::stem(word)).collect();
    let holds = |text: &str| {
        let have: Vec<String> =
            normalise::words(&text.replace('-', " ")).iter().map(|word| normalise::stem(word)).collect();
        words.iter().all(|word| have.contains(word))
    };
    let claims = facts.claims_by_id();
    let rank = |topic: &Topic| {
        let statements = || topic.claims.iter().filter_map(|id| claims.get(id.as_str()));
        match () {
            () if holds(&format!("{} {}", topic.id, topic.title)) => Some(0),
            () if statements().any(|claim| holds(&format!("{} {}", claim.id, claim.statement))) => Some(1),
            () if topic.examples.iter().any(|example| holds(example)) => Some(2),
            () => None,
        }
    };
    let mut found: Vec<(u8, &Topic)> = facts.topics().filter_map(|topic| Some((rank(topic)?, topic))).collect();
    found.sort_by_key(|(rank, topic)| (*rank, topic.is_silent()));
    if words.is_empty() { Vec::new() } else { found.into_iter().map(|(_, topic)| topic).collect() }
}

/// Completes a name of a topic, claim or source. Returns labels and ids, at most `most`; empty for other fields.
#[must_use]
pub fn complete(facts: &Facts, field: Field, typed: &str, most: usize) -> Vec<(String, String)> {
    let lower = typed.to_lowercase();
    let typed: Vec<&str> = lower.split_whitespace().collect();
    let label = |id: &str, title: &str| (format!("{id}: {title}"), id.to_owned());
    let all: Vec<(String, String)> = match field {
        Field::Topic | Field::Into => facts.topics().map(|topic| label(&topic.id, &topic.title)).collect(),
        Field::Claim => facts.claims().map(|claim| label(&claim.id, &claim.statement)).collect(),
        Field::Source => facts.sources.iter().map(|source| label(&source.id, &source.title)).collect(),
        _ => Vec::new(),
    };
    let holds = |(label, _): &(String, String)| {
        let label = label.to_lowercase();
        typed.iter().all(|word| label.contains(word))
    };
    let mut found: Vec<(String, String)> = all.into_iter().filter(holds).collect();
    found.sort_by_key(|(label, _)| !label.starts_with(&lower));
    found.truncate(most);
    found
}

fn find_claims<'a>(facts: &'a Facts, text: &str) -> Vec<&'a Claim> {
    let words: Vec<String> =
        normalise::words(&text.replace('-', " ")).iter().map(|word| normalise::stem(word)).collect();
    let share = |claim: &Claim| {
        let have: Vec<String> = normalise::words(&format!("{} {}", claim.id.replace('-', " "), claim.statement))
            .iter()
            .map(|word| normalise::stem(word))
            .collect();
        words.iter().filter(|word| have.contains(word)).count()
    };
    let mut found: Vec<(usize, &Claim)> =
        facts.claims().map(|claim| (share(claim), claim)).filter(|(n, _)| *n > 0).collect();
    found.sort_by_key(|(share, _)| std::cmp::Reverse(*share));
    found.into_iter().map(|(_, claim)| claim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::text;

    #[test]
    fn paragraphs_are_named_in_many_ways() {
        let facts = text::shipped();
        for said in ["moscow-times 7", "The Moscow Times, paragraph 7", "moscow times §7", "moscow-times paragraph 7."]
        {
            let (source, paragraph) = citation(&facts, said).unwrap_or_else(|error| panic!("{said}: {}", error.0));
            assert_eq!((source.id.as_str(), paragraph), ("moscow-times", 7), "{said}");
        }
        for said in ["moscow-times", "moscow-times 700", "moscow-times 0", "pravda 3", "", "7"] {
            assert!(citation(&facts, said).is_err(), "{said}");
        }
    }

    #[test]
    fn only_plain_addresses_are_taken() {
        assert_eq!(address("https://x.org/a").unwrap(), "https://x.org/a");
        for text in ["javascript:alert(1)", "ftp://x.org", "https://me@x.org/", "x.org", "data:text/html,x", ""] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_pings_or_invites_is_refused() {
        for text in
            ["hi @everyone", "<@123>", "join discord.gg/abc", "so it is [1]", "see https://x.org", "x", "", "\u{200b}"]
        {
            assert_eq!(checked(Field::Statement, text).is_ok(), text == "x", "{text}");
        }
        assert_eq!(checked(Field::Statement, "a\u{202e}b\tc").unwrap(), "ab c");
        assert!(checked(Field::Topic, &"x".repeat(121)).is_err());
    }
}
