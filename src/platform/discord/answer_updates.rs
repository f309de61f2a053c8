//! Updates posted answers after the facts behind them have changed.

use std::sync::PoisonError;
use std::time::Duration;

use serenity::all::{ChannelId, EditMessage, Http, MessageId, MessageReference};
use serenity::builder::CreateMessage;

use super::respond::PendingInteraction;
use super::send::{is_gone, kind, may_pass};
use super::{DiscordBot, DiscordError, PLATFORM, SharedDiscordBot, answer_subscriptions, no_pings, render};
use crate::moderation::answer_updates::AnswerUpdate;
use crate::store::handled::Place;
use crate::store::posted_answers::PostedAnswer;
use crate::wording::Reply;

/// The interval of checks for changes made elsewhere: on another platform, or by the operator.
const LOOKED_AFTER: Duration = Duration::from_secs(60);

/// Sends due notifications and updates posted answers, after each change of facts on Discord and every minute. Returns
/// at shutdown.
pub async fn run_answer_updates(http: &Http, bot: &SharedDiscordBot) {
    let mut minutes = tokio::time::interval(LOOKED_AFTER);
    loop {
        tokio::select! {
            _ = minutes.tick() => {}
            () = bot.changed.notified() => {}
        }
        answer_subscriptions::notify(http, bot).await;
        bot.tell_of_shared_changes(http).await;
        let due = match bot.moderation.answer_updates() {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "outdated answers could not be looked up");
                continue;
            }
        };
        for update in due {
            let Ok(_open) = bot.open.try_read() else { return };
            if !bot.moderation.is_due(&update) {
                continue;
            }
            match bot.update_answer(http, &update).await {
                Err(error) if may_pass(&error) => tracing::warn!(what = %kind(&error), "answer not updated, retrying"),
                // An answer that can't be edited stays as it is.
                Ok(()) | Err(_) => {
                    if let Err(error) = bot.moderation.answer_updated(&update) {
                        tracing::error!(%error, "an updated answer could not be recorded");
                    }
                }
            }
        }
    }
}

impl DiscordBot {
    /// Stores a reply's recipe with the ids of its messages, so that the answer can be updated. Does nothing for a
    /// reply without a recipe, which can't become outdated.
    pub fn keep_posted_answer(
        &self,
        place: &Place,
        question: MessageId,
        reply: Option<&Reply>,
        said: &[MessageId],
        at: i64,
    ) {
        let answer = reply
            .and_then(|reply| PostedAnswer::of(reply, place.scope(PLATFORM), &place.channel, &question.to_string()));
        let Some(answer) = answer else { return };
        let messages: Vec<String> = said.iter().map(MessageId::to_string).collect();
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = records.keep_posted_answer(&answer, &messages, at) {
            tracing::error!(%error, "an answer could not be stored");
        }
    }

    /// Stores the recipe of a public response to a command, with the ids of the response and of the messages that
    /// `followed`.
    pub async fn keep_response(
        &self,
        pending: &PendingInteraction<'_>,
        place: &Place,
        reply: &Reply,
        followed: &[MessageId],
        at: i64,
    ) {
        match pending.first().await {
            Ok(first) => {
                let said = [&[first], followed].concat();
                self.keep_posted_answer(place, MessageId::new(pending.id.get()), Some(reply), &said, at);
            }
            Err(error) => tracing::warn!(what = %kind(&error), "a response could not be looked up"),
        }
    }

    /// Edits the messages of an answer. Adds or deletes messages if the number of parts has changed.
    async fn update_answer(&self, http: &Http, update: &AnswerUpdate) -> Result<(), DiscordError> {
        let PostedAnswer { channel, question, .. } = &update.answer;
        let posts = {
            let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            records.posts(question, channel).unwrap_or_default()
        };
        let posts: Vec<MessageId> = posts.iter().filter_map(|id| id.parse().ok()).map(MessageId::new).collect();
        let Some((last, channel)) = posts.last().zip(channel.parse().ok().map(ChannelId::new)) else { return Ok(()) };
        let parts = render::messages(&update.reply);
        for (at, part) in parts.iter().enumerate() {
            let Some(post) = posts.get(at) else {
                self.add_part(http, channel, *last, (part, question, at)).await?;
                continue;
            };
            let edit = || EditMessage::new().content(part).allowed_mentions(no_pings()).suppress_embeds(true);
            match self.requests.make(channel.get(), || channel.edit_message(http, *post, edit())).await {
                // The message was deleted.
                Err(error) if is_gone(&error) => {}
                edited => drop(edited?),
            }
        }
        for post in posts.iter().skip(parts.len()) {
            match self.requests.make(channel.get(), || http.delete_message(channel, *post, None)).await {
                Err(error) if is_gone(&error) => {}
                removed => removed?,
            }
            let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = records.forget_post(&post.to_string(), &channel.to_string());
        }
        Ok(())
    }

    /// Posts another part of an answer that has become longer.
    async fn add_part(
        &self,
        http: &Http,
        channel: ChannelId,
        last: MessageId,
        (part, question, at): (&str, &str, usize),
    ) -> Result<(), DiscordError> {
        let create = || {
            CreateMessage::new()
                .content(part)
                .reference_message(MessageReference::from((channel, last)).fail_if_not_exists(false))
                .allowed_mentions(no_pings())
                .flags(serenity::all::MessageFlags::SUPPRESS_EMBEDS)
        };
        let said = self.requests.make(channel.get(), || channel.send_message(http, create())).await?;
        let now = jiff::Timestamp::now().as_second();
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = records.keep_post(&said.id.to_string(), &channel.to_string(), (question, at), now) {
            tracing::error!(%error, "a part of an answer could not be recorded");
        }
        Ok(())
    }
}
