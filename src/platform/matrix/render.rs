//! Renders a reply as the contents of Matrix events.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::incoming::MARK;
use crate::language::Language;
use crate::moderation::TextFile;
use crate::platform::cut::cut;
use crate::store::settings::CommunitySettings;
use crate::understanding::normalise::is_invisible;
use crate::wording::Reply;

/// The longest text of an event, in UTF-16 units. In any script, plain text and HTML together, encrypted, stay well
/// below the limit of 65,536 bytes for an event.
const LONGEST: usize = 4_000;

/// A text as plain text and as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPart {
    /// The plain text.
    pub body: String,
    /// The same text in HTML.
    pub html: String,
}

/// Renders a reply, with hints how to choose a topic or subscribe, split into parts where needed.
#[must_use]
pub fn parts(reply: &Reply) -> Vec<EventPart> {
    let phrases = &reply.language.pack().phrases;
    let mut text = reply.text.clone();
    let can_choose = (!reply.choices.is_empty()).then_some(&phrases.room_choose);
    let can_wish = reply.open.is_some().then_some(&phrases.room_tell);
    for hint in can_choose.into_iter().chain(can_wish) {
        let _ = write!(text, "\n{hint}");
    }
    texts(&text)
}

/// Renders a text, split into parts where needed.
#[must_use]
pub fn texts(text: &str) -> Vec<EventPart> {
    let part = |body: String| EventPart { html: html(&body), body };
    cut(&quiet(text), LONGEST).into_iter().map(part).collect()
}

/// Disables `@room`, and removes invisible characters, such as those that reverse the writing direction.
fn quiet(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect::<String>().replace("@room", "@\u{200b}room")
}

/// A line of a list of sources: a number (optional), a name, and a URL.
static SOURCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(\[\d+\] |)(.*?) <(https?://[^\s<>]+)>$").expect("the pattern is valid"));

/// Converts a plain text to HTML, with sources as a list of links.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut in_list = false;
    for (at, line) in text.lines().enumerate() {
        let source = SOURCE.captures(line);
        if source.is_some() != in_list {
            out.push_str(if in_list { "</ul>" } else { "<ul>" });
        } else if at > 0 && !in_list {
            out.push_str("<br>");
        }
        in_list = source.is_some();
        match source {
            Some(found) => {
                let (number, name, address) = (&found[1], escaped(&found[2]), escaped(&found[3]));
                let _ = write!(out, "<li>{number}<a href=\"{address}\">{name}</a></li>");
            }
            None => out.push_str(&escaped(line)),
        }
    }
    if in_list {
        out.push_str("</ul>");
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The question that an event answers, and the offers that the event makes.
#[derive(Debug, Clone, Copy)]
pub struct Answering<'a> {
    /// The id of the message that is answered.
    pub question: &'a str,
    /// The id of its sender.
    pub asker: &'a str,
    /// The id of the first message of its thread.
    pub thread: Option<&'a str>,
    /// The ids of the topics to choose from.
    pub choices: &'a [String],
    /// The words of the unanswered question, if there is one.
    pub open: Option<&'a str>,
    /// The language of the answer.
    pub language: Language,
}

/// Builds the content of a text that replies to a message.
#[must_use]
pub fn content(part: &EventPart, to: Answering<'_>, settings: &CommunitySettings) -> Value {
    let mut content = message(part, to, settings);
    content["m.relates_to"] = relation(to);
    content
}

/// Builds the content of a file that replies to a message. `place` is what the upload returned.
#[must_use]
pub fn file(file: &TextFile, place: Value, to: Answering<'_>, settings: &CommunitySettings) -> Value {
    let name = EventPart { body: file.name.clone(), html: String::new() };
    let mut content = message(&name, to, settings);
    let of_text = |key: &str| matches!(key, "format" | "formatted_body");
    content.as_object_mut().into_iter().for_each(|content| content.retain(|key, _| !of_text(key)));
    content["msgtype"] = json!("m.file");
    content["filename"] = json!(file.name);
    content["info"] = json!({"mimetype": "text/plain", "size": file.text.len()});
    for (key, value) in place.as_object().into_iter().flatten() {
        content[key] = value.clone();
    }
    content["m.relates_to"] = relation(to);
    content
}

/// Builds the relation of an answer to its question.
fn relation(to: Answering<'_>) -> Value {
    let reply = json!({"event_id": to.question});
    match to.thread {
        Some(thread) => {
            json!({"rel_type": "m.thread", "event_id": thread, "is_falling_back": false, "m.in_reply_to": reply})
        }
        None => json!({"m.in_reply_to": reply}),
    }
}

/// Builds the content of an edit of an earlier message.
#[must_use]
pub fn replacement(part: &EventPart, earlier: &str, to: Answering<'_>, settings: &CommunitySettings) -> Value {
    let new = message(part, to, settings);
    let mut content = new.clone();
    content["body"] = json!(format!("* {}", part.body));
    content["formatted_body"] = json!(format!("* {}", part.html));
    // An edit alerts nobody.
    content["m.mentions"] = json!({});
    content["m.new_content"] = new;
    content["m.relates_to"] = json!({"rel_type": "m.replace", "event_id": earlier});
    content
}

/// Builds the content of a reaction to an event.
#[must_use]
pub fn reaction(event: &str, sign: &str) -> Value {
    json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": sign}})
}

/// Builds the content of a text that replies to nothing.
#[must_use]
pub fn announcement(part: &EventPart, settings: &CommunitySettings) -> Value {
    json!({
        "msgtype": if settings.as_text { "m.text" } else { "m.notice" },
        "body": part.body,
        "format": "org.matrix.custom.html",
        "formatted_body": part.html,
        "m.mentions": {},
        MARK: {},
    })
}

fn message(part: &EventPart, to: Answering<'_>, settings: &CommunitySettings) -> Value {
    let mut content = announcement(part, settings);
    if settings.mention {
        content["m.mentions"] = json!({"user_ids": [to.asker]});
    }
    content[MARK] = json!({"question": to.question, "asker": to.asker, "choices": to.choices, "open": to.open,
                           "language": to.language.code()});
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let text = "A ticket costs 45,000 rubles <so> [1].\nAs of 27 July 2025.\n\
                    [1] \"A & B\", 28 July 2025, paragraph 7 <https://x.y/?a=1&b=2>\n[2] No address, paragraph 1";
        let parts = texts(text);
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].body, text);
        assert_eq!(
            parts[0].html,
            "A ticket costs 45,000 rubles &lt;so&gt; [1].<br>As of 27 July 2025.<ul><li>[1] \
             <a href=\"https://x.y/?a=1&amp;b=2\">&quot;A &amp; B&quot;, 28 July 2025, paragraph 7</a></li></ul>\
             [2] No address, paragraph 1"
        );
    }

    #[test]
    fn nobody_is_notified_by_words() {
        assert_eq!(texts("@room a\u{202e}b")[0].body, "@\u{200b}room ab");
        assert!(texts("x <javascript:alert(1)>")[0].html.contains("&lt;javascript"));
    }

    #[test]
    fn events_stay_small_in_any_script() {
        let text = "답변입니다. ".repeat(5_000);
        let parts = texts(&text);
        assert!(parts.len() > 1);
        let to = Answering {
            question: "$q",
            asker: "@a:b",
            thread: None,
            choices: &[],
            open: None,
            language: Language::English,
        };
        for part in &parts {
            let bytes = content(part, to, &CommunitySettings::default()).to_string().len();
            assert!(bytes * 4 / 3 + 2_000 < 65_536, "{bytes}");
        }
    }

    #[test]
    fn relations_are_those_of_the_question() {
        let part = &texts("hi")[0];
        let to = Answering {
            question: "$q",
            asker: "@a:b",
            thread: Some("$t"),
            choices: &[],
            open: None,
            language: Language::English,
        };
        let said =
            content(part, to, &CommunitySettings { mention: true, as_text: true, ..CommunitySettings::default() });
        assert_eq!(said["m.relates_to"]["event_id"], "$t");
        assert_eq!(said["m.relates_to"]["is_falling_back"], false);
        assert_eq!(said["m.relates_to"]["m.in_reply_to"]["event_id"], "$q");
        assert_eq!((&said["msgtype"], &said["m.mentions"]["user_ids"][0]), (&json!("m.text"), &json!("@a:b")));
        let corrected = replacement(part, "$old", to, &CommunitySettings::default());
        assert_eq!(corrected["m.relates_to"], json!({"rel_type": "m.replace", "event_id": "$old"}));
        assert_eq!((&corrected["m.new_content"]["body"], &corrected["msgtype"]), (&json!("hi"), &json!("m.notice")));
        assert_eq!(corrected["m.mentions"], json!({}));
    }
}
