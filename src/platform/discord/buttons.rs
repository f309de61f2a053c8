//! Builds the buttons under an answer and handles their presses.
//!
//! A button's id holds all that it needs, so buttons work after a restart. Permissions are checked at each press, and
//! an unknown id does nothing.

use serenity::all::{
    ActionRowComponent, ButtonKind, ButtonStyle, ComponentInteraction, CreateActionRow, CreateButton, CreateInputText,
    CreateInteractionResponse, CreateModal, Http, InputTextStyle, Message, MessageFlags, MessageId, ModalInteraction,
    Permissions,
};

use super::commands::{self, is_installed};
use super::respond::PendingInteraction;
use super::send::{is_gone, kind};
use super::{DiscordError, PLATFORM, SharedDiscordBot, answer_subscriptions, menus, render};
use crate::answer::Outcome;
use crate::language::{Language, Phrases};
use crate::store::Scope;
use crate::store::handled::Place;
use crate::store::queue::Report;
use crate::wording::{self, Reply};

/// Discord's limits for a button's id and label, in characters.
const LONGEST_ID: usize = 100;
const LONGEST_LABEL: usize = 80;

/// The largest number of topics in an id: those of all questions of the message.
const MOST_TOPICS: usize = 8;

/// The longest report, in characters.
const LONGEST_REPORT: u16 = 1_000;

/// The id of the text field in the report form.
const REPORT_FIELD: &str = "text";

/// The action of a button.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Button {
    /// Answers an ambiguous question from one of its topics.
    Choose { asker: u64, language: Language, topic: String },
    /// Lists the claims of an answer with their sources.
    Sources { language: Language, topics: Vec<String> },
    /// Opens the form to report a problem with an answer. The form has the same id.
    Report { language: Language, topics: Vec<String> },
    /// Deletes the answer, including its earlier messages.
    Remove { asker: u64, earlier: Vec<u64> },
    /// Subscribes the person who presses it to the question. An empty `question` was too long for the id and is read
    /// from the message that asked it.
    Subscribe { language: Language, question: String },
    /// Withdraws a subscription.
    Unsubscribe { language: Language, subscription: u64 },
}

impl Button {
    /// Returns the id that encodes the action, or `None` if it would be too long.
    fn id(&self) -> Option<String> {
        let id = match self {
            Self::Choose { asker, language, topic } => format!("topic:{asker}:{}:{topic}", language.code()),
            Self::Sources { language, topics } => with_topics("sources", *language, topics),
            Self::Report { language, topics } => with_topics("report", *language, topics),
            Self::Remove { asker, earlier } => {
                let earlier: Vec<String> = earlier.iter().map(|id| format!(":{id}")).collect();
                format!("remove:{asker}{}", earlier.concat())
            }
            Self::Subscribe { language, question } => {
                let id = format!("tell:{}:{question}", language.code());
                let has_room = id.chars().count() <= LONGEST_ID;
                return Some(if has_room { id } else { format!("tell:{}:", language.code()) });
            }
            Self::Unsubscribe { language, subscription } => format!("untell:{}:{subscription}", language.code()),
        };
        (id.len() <= LONGEST_ID).then_some(id)
    }

    /// Parses an id. `None` if it isn't the id of one of these buttons.
    fn of(id: &str) -> Option<Self> {
        if let Some((code, question)) = id.strip_prefix("tell:").and_then(|rest| rest.split_once(':')) {
            return Some(Self::Subscribe { language: Language::from_code(code)?, question: question.to_owned() });
        }
        match id.split(':').collect::<Vec<_>>()[..] {
            ["untell", language, subscription] => Some(Self::Unsubscribe {
                language: Language::from_code(language)?,
                subscription: subscription.parse().ok()?,
            }),
            ["topic", asker, language, topic] => Some(Self::Choose {
                asker: asker.parse().ok()?,
                language: Language::from_code(language)?,
                topic: topic.to_owned(),
            }),
            ["sources", language, topics] => Some(Self::Sources {
                language: Language::from_code(language)?,
                topics: topics.split(',').take(MOST_TOPICS).map(str::to_owned).collect(),
            }),
            ["report", language, topics] => Some(Self::Report {
                language: Language::from_code(language)?,
                topics: topics.split(',').take(MOST_TOPICS).map(str::to_owned).collect(),
            }),
            ["remove", asker, ref earlier @ ..] => Some(Self::Remove {
                asker: asker.parse().ok()?,
                earlier: earlier.iter().map(|id| id.parse().ok().filter(|id| *id > 0)).collect::<Option<_>>()?,
            }),
            _ => None,
        }
    }
}

/// Builds an id with as many of the answer's topics as fit.
fn with_topics(what: &str, language: Language, topics: &[String]) -> String {
    let id = |count: usize| format!("{what}:{}:{}", language.code(), topics[..count].join(","));
    let counts = 0..=topics.len().min(MOST_TOPICS);
    counts.rev().map(id).find(|id| id.len() <= LONGEST_ID).unwrap_or_default()
}

/// Builds a button. `None` if its id would be too long.
fn button(button: &Button, label: &str) -> Option<CreateButton> {
    let label: String = label.chars().take(LONGEST_LABEL).collect();
    Some(CreateButton::new(button.id()?).label(label).style(ButtonStyle::Secondary))
}

/// Builds the rows of buttons under a reply. A `private` reply needs no button to remove it. `earlier` holds the
/// reply's messages above.
#[must_use]
pub fn under(reply: &Reply, asker: u64, private: bool, earlier: &[MessageId]) -> Vec<CreateActionRow> {
    let language = reply.language;
    let phrases = &language.pack().phrases;
    // Two questions may offer the same topic. It gets one button, with its first number in the text.
    let is_first = |at: usize| !reply.choices[..at].iter().any(|other| other.topic == reply.choices[at].topic);
    let distinct = reply.choices.iter().enumerate().filter(|(at, _)| is_first(*at)).take(5);
    let choices = distinct.filter_map(|(at, choice)| {
        let choose = Button::Choose { asker, language, topic: choice.topic.clone() };
        button(&choose, &format!("{}. {}", at + 1, choice.title))
    });
    let topics: Vec<String> = reply.topics.iter().take(MOST_TOPICS).cloned().collect();
    let mut below = Vec::new();
    if matches!(reply.outcome, Outcome::Answered | Outcome::Disputed) {
        below.extend(button(&Button::Sources { language, topics: topics.clone() }, &phrases.button_sources));
    }
    if !matches!(reply.outcome, Outcome::Social) && !reply.is_trouble {
        below.extend(button(&Button::Report { language, topics }, &phrases.button_report));
    }
    if let Some(question) = &reply.open {
        below.extend(button(&Button::Subscribe { language, question: question.clone() }, &phrases.button_tell));
    }
    if !private {
        below.extend(remove(asker, earlier, language));
    }
    let rows = [choices.collect::<Vec<_>>(), below];
    rows.into_iter().filter(|row| !row.is_empty()).map(CreateActionRow::Buttons).collect()
}

/// Returns true if a question fits into a button's id.
#[must_use]
pub fn has_room(question: &str) -> bool {
    let button = Button::Subscribe { language: Language::English, question: question.to_owned() };
    button.id().is_some_and(|id| !id.ends_with(':'))
}

/// Builds the row with the button that withdraws a subscription.
pub fn take_back(language: Language, subscription: u64) -> Vec<CreateActionRow> {
    let button = button(&Button::Unsubscribe { language, subscription }, &language.pack().phrases.button_untell);
    button.map(|button| CreateActionRow::Buttons(vec![button])).into_iter().collect()
}

/// Returns the unanswered question of one of the bot's messages, which its button to subscribe holds. `None` if there
/// is no such button or the question didn't fit into it.
pub fn open_question(message: &Message) -> Option<String> {
    let components = message.components.iter().flat_map(|row| &row.components);
    components
        .filter_map(|component| match component {
            ActionRowComponent::Button(button) => match &button.data {
                ButtonKind::NonLink { custom_id, .. } => Button::of(custom_id),
                _ => None,
            },
            _ => None,
        })
        .find_map(|button| match button {
            Button::Subscribe { question, .. } => Some(question).filter(|question| !question.is_empty()),
            _ => None,
        })
}

/// Builds the row with only the button to remove a message, for the further messages of a command's answer. Empty if
/// `private`.
#[must_use]
pub fn only_remove(reply: &Reply, asker: u64, private: bool) -> Vec<CreateActionRow> {
    let button = remove(asker, &[], reply.language).filter(|_| !private);
    button.map(|button| CreateActionRow::Buttons(vec![button])).into_iter().collect()
}

fn remove(asker: u64, earlier: &[MessageId], language: Language) -> Option<CreateButton> {
    let earlier = earlier.iter().map(|id| id.get()).collect();
    button(&Button::Remove { asker, earlier }, &language.pack().phrases.button_remove)
}

/// Handles a pressed button or menu, if the person may use it.
///
/// # Errors
/// If the request to Discord fails.
pub async fn on_press(http: &Http, bot: &SharedDiscordBot, pressed: &ComponentInteraction) -> Result<(), DiscordError> {
    let presser = pressed.user.id.get();
    let pending = PendingInteraction::of_press(http, &bot.requests, pressed);
    if menus::on_press(http, bot, pressed).await? {
        return Ok(());
    }
    match Button::of(&pressed.data.custom_id) {
        Some(Button::Choose { asker, language, topic }) if asker == presser => {
            if let Some(reason) = reason_against(http, bot, pressed, &topic).await {
                return pending.tell(&reason).await;
            }
            let reply = bot.desk.topic(&scope_of(pressed), &topic, language);
            // A choice under a private reply is answered privately.
            let flags = pressed.message.flags.unwrap_or_default();
            let private = reply.is_trouble || flags.contains(MessageFlags::EPHEMERAL);
            let more = only_remove(&reply, asker, private);
            pending.say(&render::messages(&reply), under(&reply, asker, private, &[]), &more, private).await
        }
        Some(Button::Sources { language, topics }) => {
            let scope = scope_of(pressed);
            let reply = |topic: &String| bot.desk.topic(&scope, topic, language);
            let claims = topics.iter().map(|topic| wording::claims_in_list(&reply(topic)));
            let text = render::escaped(claims.collect::<Vec<_>>().join("\n").trim());
            // The topic may have been removed since.
            pending.tell(if text.is_empty() { &language.pack().phrases.trouble } else { &text }).await
        }
        Some(Button::Report { language, .. }) => {
            let is_read = pressed.guild_id.is_some() && is_installed(&pressed.authorizing_integration_owners);
            let phrases = &language.pack().phrases;
            if !is_read {
                return pending.tell(&phrases.report_nowhere).await;
            }
            // Check before the person writes a report that would be lost.
            if let Some(reason) = reason_against(http, bot, pressed, &phrases.report_label).await {
                return pending.tell(&reason).await;
            }
            pending.respond(form(&pressed.data.custom_id, phrases)).await
        }
        Some(Button::Subscribe { language, question }) => {
            answer_subscriptions::on_subscribe(&pending, bot, pressed, language, question).await
        }
        Some(Button::Unsubscribe { language, subscription }) => {
            answer_subscriptions::on_unsubscribe(&pending, bot, pressed, language, subscription).await
        }
        Some(Button::Remove { asker, earlier }) if asker == presser || is_moderator(pressed) => {
            pending.acknowledge().await?;
            for id in earlier {
                if let Err(error) = remove_own(&pending, pressed, MessageId::new(id)).await {
                    tracing::warn!(what = %kind(&error), "a part of an answer could not be removed");
                }
            }
            bot.requests.make(pressed.channel_id.get(), || pressed.delete_response(http)).await
        }
        _ => pending.acknowledge().await,
    }
}

/// Returns the reason to reject a press, or `None`. Under a private reply no press is rejected.
async fn reason_against(
    http: &Http,
    bot: &SharedDiscordBot,
    pressed: &ComponentInteraction,
    topic: &str,
) -> Option<String> {
    if pressed.message.flags.unwrap_or_default().contains(MessageFlags::EPHEMERAL) {
        return None;
    }
    // As for commands, a server's settings apply only where the bot is a member.
    let guild = pressed.guild_id.filter(|_| is_installed(&pressed.authorizing_integration_owners));
    let place = Place { channel: pressed.channel_id.to_string(), community: guild.map(|guild| guild.to_string()) };
    if let Some(channel) = &pressed.channel {
        bot.know_parent(channel.id, channel.parent_id);
    }
    let now = pressed.id.created_at().unix_timestamp();
    bot.rejection(http, &place, pressed.user.id, (topic, now, true)).await.map(|rejection| rejection.reason)
}

/// Deletes an earlier message of an answer, if it is the bot's own and replies to the same question.
async fn remove_own(
    pending: &PendingInteraction<'_>,
    pressed: &ComponentInteraction,
    id: MessageId,
) -> Result<(), DiscordError> {
    let question = |message: &Message| message.message_reference.as_ref().and_then(|reference| reference.message_id);
    let (http, channel) = (pending.http, pressed.channel_id);
    let found = match pending.requests.make(channel.get(), || http.get_message(channel, id)).await {
        Err(error) if is_gone(&error) => return Ok(()),
        found => found?,
    };
    let is_part = |message: &Message| {
        message.author.id == pressed.message.author.id
            && question(message).is_some()
            && question(message) == question(&pressed.message)
    };
    if is_part(&found) {
        pending.requests.make(channel.get(), || http.delete_message(channel, id, None)).await?;
    }
    Ok(())
}

/// Builds the form to report a problem with an answer.
fn form(id: &str, phrases: &Phrases) -> CreateInteractionResponse {
    let field = CreateInputText::new(InputTextStyle::Paragraph, &phrases.report_label, REPORT_FIELD)
        .required(true)
        .max_length(LONGEST_REPORT);
    let rows = vec![CreateActionRow::InputText(field)];
    CreateInteractionResponse::Modal(CreateModal::new(id, &phrases.report_title).components(rows))
}

/// Stores the report from a submitted form.
///
/// # Errors
/// If the request to Discord fails.
pub async fn on_form(http: &Http, bot: &SharedDiscordBot, filled: &ModalInteraction) -> Result<(), DiscordError> {
    let pending = PendingInteraction::new(http, &bot.requests, filled.id, &filled.token);
    let Some(Button::Report { language, topics }) = Button::of(&filled.data.custom_id) else {
        return pending.acknowledge().await;
    };
    let fields = filled.data.components.iter().flat_map(|row| &row.components);
    let text = fields.filter_map(|field| match field {
        ActionRowComponent::InputText(input) if input.custom_id == REPORT_FIELD => input.value.clone(),
        _ => None,
    });
    let phrases = &language.pack().phrases;
    let Some(guild) = filled.guild_id else {
        return pending.tell(&phrases.report_nowhere).await;
    };
    let scope = Scope::community(PLATFORM, &guild.to_string());
    let claims = topics.iter().flat_map(|topic| bot.desk.topic(&scope, topic, language).claims);
    let report = Report {
        topics: topics.join(","),
        claims: claims.map(|claim| claim.id).collect::<Vec<_>>().join(","),
        text: text.collect::<String>().trim().to_owned(),
    };
    let now = filled.id.created_at().unix_timestamp();
    let place = Place { channel: filled.channel_id.to_string(), community: Some(guild.to_string()) };
    if report.text.is_empty() {
        return pending.tell(&phrases.report_label).await;
    }
    let kept = bot.keep_report(&place, &report, now);
    pending.tell(if kept { &phrases.report_thanks } else { &phrases.trouble }).await
}

/// Returns the scope whose facts apply to a press.
pub fn scope_of(pressed: &ComponentInteraction) -> Scope {
    commands::scope(pressed.guild_id, &pressed.authorizing_integration_owners)
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
            Button::Report { language: Language::Russian, topics: vec!["airline".into()] },
            Button::Remove { asker: u64::MAX, earlier: Vec::new() },
            Button::Remove { asker: 7, earlier: vec![1 << 60, 5, u64::MAX] },
            Button::Subscribe { language: Language::Russian, question: "во 19:05 что".into() },
            Button::Unsubscribe { language: Language::English, subscription: 1 << 60 },
        ];
        for button in buttons {
            assert_eq!(Button::of(&button.id().unwrap()), Some(button));
        }
        // Ids of older versions still work.
        assert_eq!(Button::Remove { asker: 1, earlier: Vec::new() }.id().unwrap(), "remove:1");
        let long = Button::Choose { asker: 1, language: Language::English, topic: "x".repeat(100) };
        assert_eq!(long.id(), None);
        let long = Button::Subscribe { language: Language::English, question: "x".repeat(100) };
        assert_eq!(long.id().unwrap(), "tell:en:");
        let many = Button::Sources { language: Language::English, topics: vec!["x".repeat(40); 4] };
        assert_eq!(many.id().unwrap(), format!("sources:en:{0},{0}", "x".repeat(40)));
    }

    #[test]
    fn forged_ids_do_nothing() {
        for id in [
            "",
            "topic",
            "topic:x:en:a",
            "topic:7:xx:a",
            "topic:7:en:a:b",
            "other:7:en:a",
            "remove:",
            "sources:en",
            "remove:7:0",
            "remove:7:x",
            "report:en",
            "tell:xx:kimchi",
            "tell:en",
            "untell:en:x",
        ] {
            assert_eq!(Button::of(id), None, "{id}");
        }
    }
}
