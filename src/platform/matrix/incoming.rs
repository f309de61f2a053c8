//! Turns a Matrix event into a question or command for the desk, if it is addressed to the bot.
//!
//! Events are read as JSON, because only few fields of the specification are needed. A missing or malformed field
//! counts as absent.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// The key in an event's content that marks a message of this or another bot of this program.
///
/// Marked messages are never answered; otherwise two bots in a room would answer each other for ever. The value names
/// the asker and the choices, so that a reaction is understood after a restart.
pub const MARK: &str = "routedesk.answer";

/// A person's message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The text, without a quote of the message that it replies to.
    pub text: String,
    /// The id of the message that it replies to.
    pub replies_to: Option<String>,
    /// The id of the first message of its thread.
    pub thread: Option<String>,
    /// The id of the message that it edits.
    pub replaces: Option<String>,
    /// True if it mentions the bot.
    pub mentions_me: bool,
    /// The content that leads to the file, if the message is a file. `text` is then its caption.
    pub file: Option<Value>,
}

/// Reads a message. `None` if it is neither text, nor a caption, nor a file, or if it has the [`MARK`] of a bot.
#[must_use]
pub fn message(content: &Value, me: &str) -> Option<Message> {
    let relation = &content["m.relates_to"];
    let replaces = related(relation, "m.replace");
    // An edit contains the whole new content.
    let new = if replaces.is_some() { &content["m.new_content"] } else { content };
    if !content[MARK].is_null() {
        return None;
    }
    let file = file(new);
    let body = match (new["msgtype"].as_str()?, new["body"].as_str()?) {
        ("m.text", body) => body,
        // The caption of a picture or file counts as text. Without a caption the body is the file's name.
        ("m.image" | "m.file" | "m.video" | "m.audio", body)
            if new["filename"].as_str().is_some_and(|name| name != body) =>
        {
            body
        }
        _ if file.is_some() => "",
        _ => return None,
    };
    let thread = related(relation, "m.thread");
    // In a thread, clients add a fallback reply to the last message, for clients without threads. It isn't a reply.
    let is_real_reply = thread.is_none() || relation["is_falling_back"] != true;
    let replies_to = relation["m.in_reply_to"]["event_id"].as_str().filter(|_| is_real_reply).map(str::to_owned);
    let text = if replies_to.is_some() { without_quote(body) } else { body };
    let mentions_me = match &new["m.mentions"] {
        Value::Null => has_pill(new["formatted_body"].as_str().unwrap_or_default(), me),
        mentions => mentions["user_ids"].as_array().is_some_and(|ids| ids.iter().any(|id| id == me)),
    };
    Some(Message { text: text.trim().to_owned(), replies_to, thread, replaces, mentions_me, file })
}

/// Returns the content that leads to a message's file. `None` if the message isn't a file.
#[must_use]
pub fn file(content: &Value) -> Option<Value> {
    (content["msgtype"] == "m.file").then(|| content.clone())
}

fn related(relation: &Value, kind: &str) -> Option<String> {
    (relation["rel_type"] == kind).then(|| relation["event_id"].as_str().map(str::to_owned)).flatten()
}

/// Returns the id of the event that an undecryptable one replies to. Relations aren't encrypted.
#[must_use]
pub fn unreadable_reply(content: &Value) -> Option<&str> {
    let relation = &content["m.relates_to"];
    relation["m.in_reply_to"]["event_id"].as_str().filter(|_| relation["is_falling_back"] != true)
}

/// Reads a reaction: the id of the event that it belongs to, and its emoji.
#[must_use]
pub fn reaction(content: &Value) -> Option<(String, &str)> {
    let relation = &content["m.relates_to"];
    Some((related(relation, "m.annotation")?, relation["key"].as_str()?))
}

/// Removes the quote that older clients put in front of a reply: lines that start with `>`, then a blank line.
fn without_quote(body: &str) -> &str {
    let mut rest = body;
    while rest.starts_with('>') {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    if rest.len() < body.len() { rest.trim_start_matches('\n') } else { body }
}

/// The parts of a formatted message in which a mention doesn't count: quotes and code.
static NOT_SAID: LazyLock<Regex> = LazyLock::new(|| {
    let part = |tag: &str| format!("<{tag}[ >].*?</{tag}>");
    let parts = ["mx-reply", "blockquote", "pre", "code"].map(part).join("|");
    Regex::new(&format!("(?is){parts}")).expect("the pattern is valid")
});

/// Returns true if a formatted message links to a user, which is how clients without `m.mentions` mention somebody.
fn has_pill(html: &str, user: &str) -> bool {
    let encoded = user.replace('@', "%40").replace(':', "%3A");
    let said = NOT_SAID.replace_all(html, "");
    [user, &encoded].iter().any(|id| said.contains(&format!("https://matrix.to/#/{id}\"")))
}

/// A question or command for the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A question.
    Question(String),
    /// A command: its English name, its arguments, and the code of the language in which it was given.
    Command(&'static str, String, &'static str),
}

/// The commands: the name in each language, the English name, and the language code.
const COMMANDS: [(&str, &str, &str); 16] = [
    ("!ask", "ask", "en"),
    ("!спросить", "ask", "ru"),
    ("!질문", "ask", "ko"),
    ("!topics", "topics", "en"),
    ("!темы", "topics", "ru"),
    ("!주제", "topics", "ko"),
    ("!sources", "sources", "en"),
    ("!источники", "sources", "ru"),
    ("!출처", "sources", "ko"),
    ("!help", "help", "en"),
    ("!помощь", "help", "ru"),
    ("!도움말", "help", "ko"),
    ("!privacy", "privacy", "en"),
    ("!приватность", "privacy", "ru"),
    ("!개인정보", "privacy", "ko"),
    ("!desk", "desk", "en"),
];

/// Reads the question or command in a message to the bot, whose `names` may introduce it.
///
/// Returns `None` if the message isn't addressed to the bot. `is_for_me` means that it is without a name or mention: in
/// a direct chat, or as a reply to the bot.
#[must_use]
pub fn asked(message: &Message, names: &[&str], is_for_me: bool) -> Option<Asked> {
    if message.file.is_some() && message.text.is_empty() {
        return None;
    }
    let (text, named) = match after_name(&message.text, names) {
        Some(rest) => (rest.to_owned(), true),
        None => (message.text.clone(), false),
    };
    let first = text.split_whitespace().next().unwrap_or_default();
    if let Some((_, command, language)) = COMMANDS.iter().find(|(name, _, _)| first.to_lowercase() == *name) {
        let rest = text[first.len()..].trim().to_owned();
        return Some(if *command == "ask" { Asked::Question(rest) } else { Asked::Command(command, rest, language) });
    }
    (is_for_me || named || message.mentions_me).then(|| Asked::Question(without_names(&text, names)))
}

/// Returns the text after the bot's name at the start of a message, as in `routedesk: …` or `@routedesk …`.
fn after_name<'a>(text: &'a str, names: &[&str]) -> Option<&'a str> {
    let text = text.trim_start();
    let bare = text.strip_prefix('@').unwrap_or(text);
    let after = |name: &&str| {
        let name = name.strip_prefix('@').unwrap_or(name);
        let head =
            bare.get(..name.len()).filter(|head| !name.is_empty() && head.to_lowercase() == name.to_lowercase())?;
        let rest = &bare[head.len()..];
        let ends = rest.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, ':' | ',' | '!' | '?' | '—'));
        // Keeps an exclamation mark, because a command may follow.
        ends.then(|| rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | ',' | '—')))
    };
    names.iter().filter_map(after).min_by_key(|rest| rest.len())
}

/// Removes the bot's ids from a text, in the forms that mentions leave.
fn without_names(text: &str, names: &[&str]) -> String {
    let mut text = text.to_owned();
    for name in names.iter().filter(|name| name.starts_with('@')) {
        let link = Regex::new(&format!(r"\[[^\]]*\]\(https://matrix\.to/#/{}\)", regex::escape(name)));
        text = link.expect("the pattern is valid").replace_all(&text, " ").replace(name, " ");
    }
    text.trim().to_owned()
}

/// Returns the number from 1 to 9 that a message consists of: `2`, `2.`, `#2`, `2️⃣`. `None` if it has anything else.
#[must_use]
pub fn number(text: &str) -> Option<usize> {
    let text = text.trim().trim_start_matches('#').trim_end_matches(['.', ')', '\u{20e3}', '\u{fe0f}']);
    // `+2` isn't a choice.
    text.parse().ok().filter(|number| (1..=9).contains(number) && text.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns the keycap emoji of a number from 1 to 9.
#[must_use]
pub fn keycap(number: usize) -> String {
    format!("{number}\u{fe0f}\u{20e3}")
}

/// An offer in a message of the bot: topics to choose from, or a question to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The ids of the topics.
    pub topics: Vec<String>,
    /// The id of the person who may choose.
    pub asker: String,
    /// The id of the message that was answered.
    pub question: String,
    /// The words of the unanswered question, if there is one.
    pub open: Option<String>,
    /// The code of the answer's language.
    pub language: String,
}

/// Reads the offer in a message of the bot, as of its last edit, `correction`.
#[must_use]
pub fn offer(content: &Value, correction: Option<&Value>) -> Option<Offer> {
    let current = correction.map_or(content, |correction| &correction["m.new_content"]);
    let mark = current.get(MARK)?;
    let text = |name: &str| mark[name].as_str().map(str::to_owned);
    let topics = mark["choices"].as_array()?.iter().filter_map(|topic| topic.as_str().map(str::to_owned)).collect();
    let language = text("language")?;
    Some(Offer { topics, asker: text("asker")?, question: text("question")?, open: text("open"), language })
}

/// The reaction that subscribes to a question.
pub const BELL: &str = "🔔";

/// Returns true for the reaction that subscribes to a question.
#[must_use]
pub fn is_bell(sign: &str) -> bool {
    sign.trim_end_matches('\u{fe0f}') == BELL
}

/// A reaction by which moderators act on a message of the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeratorReaction {
    /// Previews the undo of a change.
    Undo,
    /// Makes the previewed change.
    Confirm,
    /// Discards the previewed change.
    Cancel,
}

impl ModeratorReaction {
    /// Returns the emoji of the reaction.
    #[must_use]
    pub fn emoji(self) -> &'static str {
        match self {
            Self::Undo => "↩\u{fe0f}",
            Self::Confirm => "✅",
            Self::Cancel => "❌",
        }
    }

    /// Returns the action of an emoji. `None` if it has none.
    #[must_use]
    pub fn of(sign: &str) -> Option<Self> {
        let bare = |text: &str| text.trim_end_matches('\u{fe0f}').to_owned();
        [Self::Undo, Self::Confirm, Self::Cancel].into_iter().find(|one| bare(one.emoji()) == bare(sign))
    }
}

/// Returns true for the reaction that removes an answer.
#[must_use]
pub fn is_bin(sign: &str) -> bool {
    sign.trim_end_matches('\u{fe0f}') == "🗑"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ME: &str = "@desk:example.org";
    const NAMES: [&str; 3] = [ME, "desk", "Route Desk"];

    fn read(content: Value) -> Option<Message> {
        message(&content, ME)
    }

    fn text(body: &str) -> Value {
        json!({"msgtype": "m.text", "body": body})
    }

    #[test]
    fn only_a_persons_words_are_read() {
        assert_eq!(read(text(" how much? ")).unwrap().text, "how much?");
        for content in [
            json!({"msgtype": "m.notice", "body": "how much?"}),
            json!({"msgtype": "m.image", "body": "how much?"}),
            json!({"msgtype": "m.image", "body": "how much?", "filename": "how much?"}),
            json!({"msgtype": "m.text"}),
            json!({"msgtype": "m.text", "body": "x", MARK: {"question": "$q"}}),
            json!({}),
        ] {
            assert_eq!(read(content.clone()), None, "{content}");
        }
    }

    #[test]
    fn what_stands_under_a_file_is_said() {
        let with =
            |kind: &str| json!({"msgtype": kind, "body": "!fact import", "filename": "facts.txt", "url": "mxc://a/b"});
        for (kind, is_file) in [("m.file", true), ("m.image", false)] {
            let message = read(with(kind)).unwrap();
            assert_eq!((message.text.as_str(), message.file.is_some()), ("!fact import", is_file));
        }
        let bare = read(json!({"msgtype": "m.file", "body": "facts.txt", "url": "mxc://a/b"})).unwrap();
        assert_eq!((bare.text.as_str(), bare.file.is_some()), ("", true));
        // A file without a caption asks nothing, even if it is addressed to the bot.
        assert_eq!(asked(&bare, &NAMES, true), None);
    }

    #[test]
    fn replies_threads_and_edits() {
        let with = |relation: Value| {
            let mut content = text("> <@a:b> first\n> second\n\nand how long?");
            content["m.relates_to"] = relation;
            read(content).unwrap()
        };
        let reply = with(json!({"m.in_reply_to": {"event_id": "$a"}}));
        assert_eq!((reply.replies_to.as_deref(), reply.text.as_str()), (Some("$a"), "and how long?"));
        let fallback = json!({"rel_type": "m.thread", "event_id": "$t", "is_falling_back": true,
                              "m.in_reply_to": {"event_id": "$a"}});
        let in_thread = with(fallback);
        assert_eq!((in_thread.thread.as_deref(), in_thread.replies_to), (Some("$t"), None));
        let real = with(json!({"rel_type": "m.thread", "event_id": "$t", "is_falling_back": false,
                               "m.in_reply_to": {"event_id": "$a"}}));
        assert_eq!((real.thread.as_deref(), real.replies_to.as_deref()), (Some("$t"), Some("$a")));
        let mut edit = text("* how long?");
        edit["m.new_content"] = text("how long?");
        edit["m.relates_to"] = json!({"rel_type": "m.replace", "event_id": "$q"});
        let edit = read(edit).unwrap();
        assert_eq!((edit.replaces.as_deref(), edit.text.as_str()), (Some("$q"), "how long?"));
    }

    #[test]
    fn who_addresses_the_bot_is_answered() {
        let addressed = |content: Value| asked(&read(content).unwrap(), &NAMES, false);
        let question = |text: &str| Some(Asked::Question(text.to_owned()));
        for (body, expected) in [
            ("how much?", None),
            ("desk: how much?", question("how much?")),
            ("Desk, how much?", question("how much?")),
            ("@desk how much?", question("how much?")),
            ("route desk how much?", question("how much?")),
            ("@desk:example.org: how much?", question("how much?")),
            ("desktop computers are cheap", None),
            ("I asked desk how much it is", None),
            ("> desk: how much?", None),
            ("`desk: how much?`", None),
            ("!ask how much?", question("how much?")),
            ("!ask", question("")),
            ("!asking for a friend", None),
            ("!спросить сколько", question("сколько")),
            ("!Topics 3", Some(Asked::Command("topics", "3".into(), "en"))),
            ("desk! how much?", question("! how much?")),
            ("desk: !help", Some(Asked::Command("help", String::new(), "en"))),
            ("!도움말", Some(Asked::Command("help", String::new(), "ko"))),
        ] {
            assert_eq!(addressed(text(body)), expected, "{body}");
        }
        assert_eq!(asked(&read(text("how much?")).unwrap(), &NAMES, true), question("how much?"));
    }

    #[test]
    fn mentions_are_known_in_both_forms() {
        let mentions = |extra: Value| {
            let mut content = text("Route Desk how much?");
            content.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            read(content).unwrap().mentions_me
        };
        let pill = "<a href=\"https://matrix.to/#/@desk:example.org\">Route Desk</a>";
        for (extra, expected) in [
            (json!({}), false),
            (json!({"m.mentions": {"user_ids": [ME]}}), true),
            (json!({"m.mentions": {"user_ids": ["@other:example.org"]}}), false),
            (json!({"m.mentions": {"room": true}}), false),
            (json!({"formatted_body": format!("{pill} how much?")}), true),
            (json!({"formatted_body": format!("{pill} how much?"), "m.mentions": {}}), false),
            (json!({"formatted_body": format!("<blockquote>{pill} hi</blockquote> no")}), false),
            (json!({"formatted_body": format!("<mx-reply>In reply to {pill}</mx-reply> no")}), false),
            (json!({"formatted_body": format!("<pre><code>{pill}</code></pre> no")}), false),
            (json!({"formatted_body": pill.replace("@desk:", "%40desk%3A")}), true),
            (json!({"formatted_body": pill.replace("@desk:", "@desk2:")}), false),
        ] {
            assert_eq!(mentions(extra.clone()), expected, "{extra}");
        }
        let linked =
            Message { text: format!("[Route Desk](https://matrix.to/#/{ME}) how much?"), ..Message::default() };
        assert_eq!(asked(&linked, &NAMES, true), Some(Asked::Question("how much?".into())));
    }

    #[test]
    fn an_offer_is_the_last_one() {
        let of = |topic: &str| json!({MARK: {"choices": [topic], "asker": "@a:b", "question": "$q", "language": "ru"}});
        let read = |correction: Option<Value>| offer(&of("one"), correction.as_ref()).map(|offer| offer.topics);
        assert_eq!(read(None), Some(vec!["one".to_owned()]));
        assert_eq!(read(Some(json!({"m.new_content": of("two")}))), Some(vec!["two".to_owned()]));
        // An edit that can't be decrypted offers nothing.
        assert_eq!(read(Some(json!({"algorithm": "m.megolm.v1.aes-sha2"}))), None);
    }

    #[test]
    fn numbers_and_signs() {
        for (text, expected) in [
            ("2", Some(2)),
            (" 2. ", Some(2)),
            ("#3", Some(3)),
            ("2\u{fe0f}\u{20e3}", Some(2)),
            ("0", None),
            ("12", None),
            ("+1", None),
            ("2 seats", None),
            ("", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        assert_eq!(number(&keycap(4)), Some(4));
        assert!(is_bin("🗑") && is_bin("🗑\u{fe0f}") && !is_bin("👍"));
        let content = json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": "$a", "key": "👍"}});
        assert_eq!(reaction(&content), Some(("$a".to_owned(), "👍")));
    }
}
