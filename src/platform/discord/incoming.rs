//! Turns a Discord message into an utterance for the desk, if it is addressed to the bot.

use serenity::all::{Message, MessageType, UserId};

use crate::utterance::Utterance;

/// Reads a message that is addressed to the bot.
///
/// Returns `None` for a message from a bot (also itself) or a webhook, for one that isn't an ordinary message, and for
/// one in a server that neither mentions the bot nor replies to it. `is_direct` is an argument because a message from a
/// channel's history doesn't name its server.
#[must_use]
pub fn addressed_to_bot(message: &Message, me: UserId, is_direct: bool) -> Option<Utterance> {
    if !is_from_a_person(message) || message.author.id == me {
        return None;
    }
    let replies_to = message.referenced_message.as_deref();
    let is_reply_to_me = replies_to.is_some_and(|original| original.author.id == me);
    // Only mentions in the text: the ping of a reply is covered by `is_reply_to_me`.
    let is_mention = mentions(me).iter().any(|mention| message.content.contains(mention));
    if !(is_direct || is_mention || is_reply_to_me) {
        return None;
    }
    let context = replies_to
        .filter(|original| original.author.id == me || original.author.id == message.author.id)
        .map(|original| without_mentions(&original.content, me))
        .filter(|text| !text.is_empty());
    Some(Utterance { context, ..Utterance::new(without_mentions(&message.content, me)) })
}

fn is_from_a_person(message: &Message) -> bool {
    let is_ordinary = matches!(message.kind, MessageType::Regular | MessageType::InlineReply);
    is_ordinary && !message.author.bot && !message.author.system && message.webhook_id.is_none()
}

/// Returns the text of a message that a person wrote to a whole channel of a server: one that replies to nobody and
/// mentions nobody. `None` for others and for an empty text.
#[must_use]
pub fn overheard(message: &Message) -> Option<String> {
    let is_to_somebody = message.message_reference.is_some() || !message.mentions.is_empty();
    let is_to_all = is_from_a_person(message) && message.guild_id.is_some() && !is_to_somebody;
    is_to_all.then(|| message.content.clone()).filter(|text| !text.is_empty())
}

fn mentions(me: UserId) -> [String; 2] {
    [format!("<@{me}>"), format!("<@!{me}>")]
}

fn without_mentions(text: &str, me: UserId) -> String {
    let mut text = text.to_owned();
    for mention in mentions(me) {
        text = text.replace(&mention, " ");
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ME: UserId = UserId::new(99);

    fn user(id: u64, bot: bool) -> Value {
        json!({"id": id.to_string(), "username": "somebody", "discriminator": "0", "avatar": null, "bot": bot})
    }

    fn message(author: Value, content: &str, guild: bool) -> Value {
        let mut message = json!({
            "id": "5", "channel_id": "7", "author": author, "content": content,
            "timestamp": "2025-08-01T00:00:00Z", "edited_timestamp": null, "tts": false, "mention_everyone": false,
            "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "pinned": false, "type": 0
        });
        if guild {
            message["guild_id"] = json!("3");
        }
        message
    }

    fn addressed(message: Value) -> Option<Utterance> {
        let message: Message = serde_json::from_value(message).unwrap();
        addressed_to_bot(&message, ME, message.guild_id.is_none())
    }

    #[test]
    fn who_addresses_the_bot_is_answered() {
        let text = |message: Value| addressed(message).map(|utterance| utterance.text);
        let person = || user(1, false);
        for (case, expected) in [
            (message(person(), "how much?", false), Some("how much?")),
            (message(person(), "how much?", true), None),
            (message(person(), "<@99> how much?", true), Some("how much?")),
            (message(person(), "how much <@!99>", true), Some("how much")),
            (message(person(), "<@98> how much?", true), None),
            (message(person(), "<@99>", true), Some("")),
            (message(user(2, true), "<@99> how much?", true), None),
            (message(user(99, true), "how much?", false), None),
        ] {
            assert_eq!(text(case.clone()).as_deref(), expected, "{case}");
        }
        let mut joined = message(person(), "<@99>", true);
        joined["type"] = json!(7);
        let mut hook = message(person(), "<@99> hi", true);
        hook["webhook_id"] = json!("4");
        assert!(text(joined).is_none() && text(hook).is_none());
    }

    #[test]
    fn only_what_is_said_to_everybody_is_overheard() {
        let hears = |message: Value| overheard(&serde_json::from_value(message).unwrap());
        let person = || user(1, false);
        assert_eq!(hears(message(person(), "how much?", true)).as_deref(), Some("how much?"));
        assert_eq!(hears(message(person(), "", true)), None);
        assert_eq!(hears(message(person(), "how much?", false)), None);
        assert_eq!(hears(message(user(2, true), "how much?", true)), None);
        let mut to_somebody = message(person(), "<@5> how much?", true);
        to_somebody["mentions"] = json!([user(5, false)]);
        assert_eq!(hears(to_somebody), None);
    }

    #[test]
    fn a_reply_brings_what_it_replies_to() {
        let mut reply = message(user(1, false), "and how long?", true);
        reply["type"] = json!(19);
        reply["referenced_message"] = message(user(99, true), "A ticket costs …", true);
        let context = |reply: &Value| addressed(reply.clone()).map(|utterance| utterance.context);
        assert_eq!(context(&reply), Some(Some("A ticket costs …".to_owned())));
        reply["referenced_message"]["content"] = json!("");
        assert_eq!(context(&reply), Some(None));
        // A reply to somebody else isn't for the bot. With a mention it is, but without their text as context.
        reply["referenced_message"]["author"] = user(2, false);
        assert_eq!(context(&reply), None);
        reply["content"] = json!("<@99> and how long?");
        assert_eq!(context(&reply), Some(None));
    }
}
