//! Notifies people when a question of theirs has an answer, each once, also across a crash.
//!
//! A person subscribes with the button *Tell me when you know*. [`notify`] sends what is due.

use std::sync::PoisonError;

use serenity::all::{
    ChannelId, ComponentInteraction, CreateMessage, GuildId, Http, MessageFlags, MessageId, MessageReference, Nonce,
    UserId,
};

use super::buttons::{self, scope_of};
use super::incoming::addressed_to_bot;
use super::respond::PendingInteraction;
use super::send::{is_forbidden, is_gone, kind, may_pass};
use super::{DiscordBot, DiscordError, PLATFORM, SharedDiscordBot, no_pings, render};
use crate::language::Language;
use crate::moderation::answer_subscriptions::SubscribeOutcome;
use crate::store::answer_subscriptions::AnswerSubscription;
use crate::store::posted_answers::PostedAnswer;
use crate::wording::{self, Reply};

/// The greatest assumed difference between the clocks of this machine and of Discord, in seconds.
const CLOCKS_DIFFER: i64 = 60 * 60;

/// Stores a subscription to a question. If the question has an answer by now, responds with it instead.
///
/// # Errors
/// If the request to Discord fails.
pub async fn on_subscribe(
    pending: &PendingInteraction<'_>,
    bot: &SharedDiscordBot,
    pressed: &ComponentInteraction,
    language: Language,
    question: String,
) -> Result<(), DiscordError> {
    let phrases = &language.pack().phrases;
    let question = if question.is_empty() { read(pending, bot, pressed).await } else { Some(question) };
    let Some(question) = question else { return pending.tell(&phrases.tell_again).await };
    let is_shown_to_all = !pressed.message.flags.unwrap_or_default().contains(MessageFlags::EPHEMERAL);
    let subscription = AnswerSubscription {
        id: pressed.id.to_string(),
        who: pressed.user.id.to_string(),
        channel: pressed.channel_id.to_string(),
        message: if is_shown_to_all { pressed.message.id.to_string() } else { String::new() },
        scope: scope_of(pressed),
        question,
        revision: 0,
        tried_at: None,
    };
    match bot.moderation.subscribe(&subscription) {
        SubscribeOutcome::Kept(id) => {
            let text = phrases.tell_kept.replace("{question}", &render::escaped(&subscription.question));
            let rows = id.parse().map(|id| buttons::take_back(language, id)).unwrap_or_default();
            pending.say(&render::split(&text), rows, &[], true).await
        }
        SubscribeOutcome::TooMany => pending.tell(&phrases.tell_too_many).await,
        SubscribeOutcome::Answered(reply) => pending.say(&render::messages(&reply), Vec::new(), &[], true).await,
        SubscribeOutcome::Trouble => pending.tell(&phrases.trouble).await,
    }
}

/// Withdraws a subscription.
///
/// # Errors
/// If the request to Discord fails.
pub async fn on_unsubscribe(
    pending: &PendingInteraction<'_>,
    bot: &SharedDiscordBot,
    pressed: &ComponentInteraction,
    language: Language,
    subscription: u64,
) -> Result<(), DiscordError> {
    let phrases = &language.pack().phrases;
    let withdrawn = bot.moderation.unsubscribe(&subscription.to_string(), Some(&pressed.user.id.to_string()));
    pending.tell(if withdrawn.is_ok() { &phrases.tell_withdrawn } else { &phrases.trouble }).await
}

/// Reads a question that was too long for its button from the message that asked it. `None` if that can't be read any
/// more or has an answer by now.
async fn read(
    pending: &PendingInteraction<'_>,
    bot: &SharedDiscordBot,
    pressed: &ComponentInteraction,
) -> Option<String> {
    let question = pressed.message.message_reference.as_ref()?.message_id?;
    let (http, channel) = (pending.http, pressed.channel_id);
    let asked = pending.requests.make(channel.get(), || http.get_message(channel, question)).await.ok()?;
    let utterance = addressed_to_bot(&asked, bot.me, pressed.guild_id.is_none())?;
    bot.desk.answer(&utterance.within(scope_of(pressed))).reply.open
}

/// Sends the notifications that are due.
pub async fn notify(http: &Http, bot: &SharedDiscordBot) {
    let due = match bot.moderation.due_notifications() {
        Ok(due) => due,
        Err(error) => return tracing::error!(%error, "due notifications could not be looked up"),
    };
    for (subscription, reply) in due {
        let Ok(_open) = bot.open.try_read() else { return };
        let tried_at = match bot.moderation.try_to_notify(&subscription, jiff::Timestamp::now().as_second()) {
            Ok(Some(tried_at)) => tried_at,
            // The subscription was withdrawn.
            Ok(None) => continue,
            Err(error) => {
                tracing::error!(%error, "an attempt to notify could not be recorded");
                continue;
            }
        };
        match bot.notify_one(http, &subscription, &reply, tried_at).await {
            Err(error) if may_pass(&error) => tracing::warn!(what = %kind(&error), "notification not sent, retrying"),
            told => {
                if let Err(error) = told {
                    tracing::warn!(what = %kind(&error), "notification refused, subscription dropped");
                }
                bot.moderation.was_notified(&subscription);
            }
        }
    }
}

impl DiscordBot {
    /// Notifies a person in a direct message or, if Discord refuses that, below the bot's public message. Fails for a
    /// person who has left the server, because its facts are for members.
    async fn notify_one(
        &self,
        http: &Http,
        subscription: &AnswerSubscription,
        reply: &Reply,
        tried_at: Option<i64>,
    ) -> Result<(), DiscordError> {
        let Ok(who) = subscription.who.parse::<u64>().map(UserId::new) else { return Ok(()) };
        if let Some(guild) =
            subscription.scope.community_on(PLATFORM).and_then(|id| id.parse::<u64>().ok()).map(GuildId::new)
        {
            self.requests.make(guild.get(), || http.get_member(guild, who)).await?;
        }
        let direct = self.requests.make(who.get(), || who.create_dm_channel(http)).await;
        let direct = match direct {
            Ok(direct) => self.notify_in(http, direct.id, None, (subscription, reply, tried_at)).await,
            Err(error) => Err(error),
        };
        match (direct, subscription.message.parse(), subscription.channel.parse()) {
            (Err(error), Ok(message), Ok(channel)) if is_forbidden(&error) || is_gone(&error) => {
                let (message, channel) = (MessageId::new(message), ChannelId::new(channel));
                self.notify_in(http, channel, Some(message), (subscription, reply, tried_at)).await
            }
            (told, _, _) => told,
        }
    }

    async fn notify_in(
        &self,
        http: &Http,
        channel: ChannelId,
        under: Option<MessageId>,
        (subscription, reply, tried_at): (&AnswerSubscription, &Reply, Option<i64>),
    ) -> Result<(), DiscordError> {
        let heading = render::escaped(&wording::told(&subscription.question, reply.language));
        let parts = render::split(&format!("{heading}\n{}", render::messages(reply).join("\n")));
        // Parts that were sent before a crash are found in the history and not sent again.
        let history = match tried_at {
            Some(since) => self.history(http, channel, since - CLOCKS_DIFFER).await?,
            None => Vec::new(),
        };
        let mut said = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            if let Some(there) = history.iter().find(|message| message.author.bot && message.content == *part) {
                said.push(there.id.to_string());
                continue;
            }
            let create = || {
                let message = CreateMessage::new()
                    .content(part)
                    .allowed_mentions(no_pings())
                    .flags(MessageFlags::SUPPRESS_EMBEDS)
                    .nonce(Nonce::String(format!("{}!{at}", subscription.id)))
                    .enforce_nonce(true);
                match under {
                    Some(under) => {
                        message.reference_message(MessageReference::from((channel, under)).fail_if_not_exists(false))
                    }
                    None => message,
                }
            };
            said.push(self.requests.make(channel.get(), || channel.send_message(http, create())).await?.id.to_string());
        }
        if let Some(answer) =
            PostedAnswer::of(reply, subscription.scope.clone(), &channel.to_string(), &subscription.id)
        {
            let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            let now = jiff::Timestamp::now().as_second();
            if let Err(error) = records.keep_posted_answer(&answer, &said, now) {
                tracing::error!(%error, "a notification could not be stored");
            }
        }
        Ok(())
    }
}
