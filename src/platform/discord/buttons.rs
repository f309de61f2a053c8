//! Buttons under an answer. All that they need stands in their ids, so that they work after a restart; who may press them
//! is checked when they are pressed, and an id that isn't ours does nothing.

use serenity::all::{
    ButtonStyle, ComponentInteraction, CreateActionRow, CreateButton, CreateInteractionResponse, Http, MessageFlags,
    Permissions,
};

use super::commands::response;
use super::{Data, Error, render};
use crate::answer::Outcome;
use crate::language::Language;
use crate::wording::{self, Reply};

/// The longest id and label that Discord takes, in letters.
const LONGEST_ID: usize = 100;
const LONGEST_LABEL: usize = 80;

/// How many topics an answer's sources are shown for.
const MOST_TOPICS: usize = 2;

/// What a button does.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Button {
    /// Answers from a topic that may have been meant.
    Choose { asker: u64, language: Language, topic: String },
    /// Shows the claims of an answer with who said them.
    Sources { language: Language, topics: Vec<String> },
    /// Removes the answer.
    Remove { asker: u64 },
}

impl Button {
    /// The id that stands for it; none if it would be too long.
    fn id(&self) -> Option<String> {
        let id = match self {
            Self::Choose { asker, language, topic } => format!("topic:{asker}:{}:{topic}", language.code()),
            Self::Sources { language, topics } => format!("sources:{}:{}", language.code(), topics.join(",")),
            Self::Remove { asker } => format!("remove:{asker}"),
        };
        (id.len() <= LONGEST_ID).then_some(id)
    }

    /// What an id stands for; none if it isn't one of ours.
    fn of(id: &str) -> Option<Self> {
        match id.split(':').collect::<Vec<_>>()[..] {
            ["topic", asker, language, topic] => Some(Self::Choose {
                asker: asker.parse().ok()?,
                language: Language::from_code(language)?,
                topic: topic.to_owned(),
            }),
            ["sources", language, topics] => Some(Self::Sources {
                language: Language::from_code(language)?,
                topics: topics.split(',').take(MOST_TOPICS).map(str::to_owned).collect(),
            }),
            ["remove", asker] => Some(Self::Remove { asker: asker.parse().ok()? }),
            _ => None,
        }
    }
}

/// The buttons under a reply to somebody; one shown to the asker alone needs none to remove it.
#[must_use]
pub fn under(reply: &Reply, asker: u64, private: bool) -> Vec<CreateActionRow> {
    let language = reply.language;
    let phrases = &language.pack().phrases;
    let button = |button: Button, label: String| {
        let label: String = label.chars().take(LONGEST_LABEL).collect();
        Some(CreateButton::new(button.id()?).label(label).style(ButtonStyle::Secondary))
    };
    // Of two questions the same topic may be meant; the numbers stay those of the text.
    let is_first = |at: usize| !reply.choices[..at].iter().any(|other| other.topic == reply.choices[at].topic);
    let distinct = reply.choices.iter().enumerate().filter(|(at, _)| is_first(*at)).take(5);
    let choices = distinct.filter_map(|(at, choice)| {
        let choose = Button::Choose { asker, language, topic: choice.topic.clone() };
        button(choose, format!("{}. {}", at + 1, choice.title))
    });
    let mut below = Vec::new();
    if matches!(reply.outcome, Outcome::Answered | Outcome::Disputed) {
        let topics = reply.topics.iter().take(MOST_TOPICS).cloned().collect();
        below.extend(button(Button::Sources { language, topics }, phrases.button_sources.clone()));
    }
    if !private {
        below.extend(button(Button::Remove { asker }, phrases.button_remove.clone()));
    }
    let rows = [choices.collect::<Vec<_>>(), below];
    rows.into_iter().filter(|row| !row.is_empty()).map(CreateActionRow::Buttons).collect()
}

/// Does what a pressed button stands for, if whoever pressed it may.
///
/// # Errors
/// If Discord refuses.
pub async fn on_press(http: &Http, data: &Data, pressed: &ComponentInteraction) -> Result<(), Error> {
    let presser = pressed.user.id.get();
    let say = |text: &str, private: bool| {
        let first = render::split(text).into_iter().next().unwrap_or_default();
        CreateInteractionResponse::Message(response(&first, private))
    };
    match Button::of(&pressed.data.custom_id) {
        Some(Button::Choose { asker, language, topic }) if asker == presser => {
            let reply = data.desk.topic(&topic, language);
            let first = render::messages(&reply).into_iter().next().unwrap_or_default();
            // What was asked in private is answered so.
            let flags = pressed.message.flags.unwrap_or_default();
            let private = reply.is_trouble || flags.contains(MessageFlags::EPHEMERAL);
            let message = response(&first, private).components(under(&reply, asker, private));
            pressed.create_response(http, CreateInteractionResponse::Message(message)).await
        }
        Some(Button::Sources { language, topics }) => {
            let claims = topics.iter().map(|topic| wording::claims_in_list(&data.desk.topic(topic, language)));
            let text = render::escaped(claims.collect::<Vec<_>>().join("\n").trim());
            // The topic may be gone since.
            let text = if text.is_empty() { wording::trouble().text } else { text };
            pressed.create_response(http, say(&text, true)).await
        }
        Some(Button::Remove { asker }) if asker == presser || is_moderator(pressed) => {
            pressed.create_response(http, CreateInteractionResponse::Acknowledge).await?;
            pressed.delete_response(http).await
        }
        _ => pressed.create_response(http, CreateInteractionResponse::Acknowledge).await,
    }
}

fn is_moderator(pressed: &ComponentInteraction) -> bool {
    let permissions = pressed.member.as_ref().and_then(|member| member.permissions);
    permissions.is_some_and(|permissions| permissions.contains(Permissions::MANAGE_MESSAGES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_went() {
        let buttons = [
            Button::Choose { asker: 7, language: Language::English, topic: "ticket-price".into() },
            Button::Sources { language: Language::Korean, topics: vec!["airline".into(), "aircraft".into()] },
            Button::Remove { asker: u64::MAX },
        ];
        for button in buttons {
            assert_eq!(Button::of(&button.id().unwrap()), Some(button));
        }
        assert_eq!(Button::Remove { asker: 1 }.id().unwrap(), "remove:1");
        let long = Button::Sources { language: Language::English, topics: vec!["x".repeat(100)] };
        assert_eq!(long.id(), None);
    }

    #[test]
    fn forged_ids_do_nothing() {
        for id in
            ["", "topic", "topic:x:en:a", "topic:7:xx:a", "topic:7:en:a:b", "other:7:en:a", "remove:", "sources:en"]
        {
            assert_eq!(Button::of(id), None, "{id}");
        }
    }
}
