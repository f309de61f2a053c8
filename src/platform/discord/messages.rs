//! Messages that are for the bot: each answered once, also over a crash.
//!
//! One is taken on in the database before it is answered and marked when it is. What is owed after a start, after a
//! session that could not be resumed, and after an outage, the channels' histories tell.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serenity::all::{
    ChannelId, CreateMessage, GetMessages, Http, Message, MessageFlags, MessageId, MessageReference, Nonce, UserId,
};

use super::hear::heard;
use super::send::{kind, may_pass, patiently};
use super::{Data, Error, Shared, buttons, no_pings, render};
use crate::store::handled::Place;
use crate::utterance::Utterance;
use crate::wording::Reply;

/// How old a message may be to be answered after a start, in seconds.
const ANSWERED_LATER: i64 = 60 * 60;

/// How many messages of a channel's history Discord gives at once.
const HISTORY: u8 = 100;

/// After so long a message that isn't answered is tried again, in seconds.
const SURELY_TRIED: i64 = 120;

/// Answers a message that is for the bot, once.
pub async fn on_message(http: &Http, data: &Data, me: UserId, message: &Message) {
    let is_direct = message.guild_id.is_none();
    let Some(utterance) = heard(message, me, is_direct) else { return };
    let is_new = data.take_on(message, is_direct);
    let Ok(_open) = data.open.try_read() else { return };
    if is_new {
        data.answer(http, message, utterance, 0).await;
    }
}

impl Shared {
    /// Records that a message is taken on; false if it was before. Trouble with the record doesn't keep from answering.
    fn take_on(&self, message: &Message, is_direct: bool) -> bool {
        let place = Place { channel: message.channel_id.to_string(), is_direct };
        let handled = self.handled.lock().unwrap_or_else(PoisonError::into_inner);
        handled.receive(&message.id.to_string(), &place, message.timestamp.unix_timestamp()).unwrap_or_else(|error| {
            tracing::error!(%error, "a message could not be recorded");
            true
        })
    }

    fn mark_answered(&self, message: MessageId) {
        let handled = self.handled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = handled.answer(&message.to_string()) {
            tracing::error!(%error, "an answer could not be recorded");
        }
    }

    /// Hears a message and says the reply, without its first `said` parts; unless it is being answered already. What
    /// Discord refuses for good is done with; the rest is tried again later.
    async fn answer(&self, http: &Http, message: &Message, utterance: Utterance, said: usize) {
        let in_hand = || self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_hand().insert(message.id) {
            return;
        }
        match self.say(http, message, utterance, said).await {
            Ok(()) => self.mark_answered(message.id),
            Err(error) if may_pass(&error) => tracing::error!(what = %kind(&error), "an answer has to wait"),
            Err(error) => {
                self.mark_answered(message.id);
                if self.mute.lock().unwrap_or_else(PoisonError::into_inner).insert(message.channel_id) {
                    let channel = message.channel_id.get();
                    tracing::error!(what = %kind(&error), channel, "the bot may not answer here; look at its permissions");
                }
            }
        }
        in_hand().remove(&message.id);
    }

    async fn say(&self, http: &Http, message: &Message, utterance: Utterance, said: usize) -> Result<(), Error> {
        let reply = self.reply(message, utterance);
        let parts = render::messages(&reply);
        let buttons = buttons::under(&reply, message.author.id.get(), false);
        for (at, part) in parts.iter().enumerate().skip(said) {
            let is_last = at + 1 == parts.len();
            let create = || {
                CreateMessage::new()
                    .content(part)
                    .components(if is_last { buttons.clone() } else { Vec::new() })
                    .reference_message(MessageReference::from(message).fail_if_not_exists(false))
                    .allowed_mentions(no_pings())
                    .flags(MessageFlags::SUPPRESS_EMBEDS)
                    .nonce(Nonce::String(format!("{}-{at}", message.id)))
                    .enforce_nonce(true)
            };
            patiently(|| message.channel_id.send_message(http, create())).await?;
        }
        Ok(())
    }

    fn reply(&self, message: &Message, mut utterance: Utterance) -> Reply {
        let (channel, author, now) = (message.channel_id, message.author.id, message.timestamp.unix_timestamp());
        let recent = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if utterance.text.is_empty() {
            // A bare mention, or a reply without a ping, whose text Discord keeps back: the desk says how to ask.
            utterance.context = None;
        } else if utterance.context.is_none() {
            utterance.context = recent().get(channel, author, now);
        }
        let heard = self.desk.hear(&utterance);
        if let Some(trace) = heard.traces.last() {
            recent().put(channel, author, now, trace.words.join(" "));
        }
        heard.reply
    }
}

/// Answers what was asked in the last hour and isn't answered yet, as the channels' histories tell.
pub async fn catch_up(http: Arc<Http>, data: Data, me: UserId) {
    let places = data.handled.lock().unwrap_or_else(PoisonError::into_inner).places();
    for place in places.unwrap_or_default() {
        let Ok(_open) = data.open.try_read() else { return };
        if let Err(error) = catch_up_in(&http, &data, me, &place).await {
            tracing::warn!(what = %kind(&error), "a channel's history could not be read");
        }
    }
}

async fn catch_up_in(http: &Http, data: &Data, me: UserId, place: &Place) -> Result<(), Error> {
    let Ok(channel) = place.channel.parse::<u64>().map(ChannelId::new) else { return Ok(()) };
    let messages = history(http, channel, jiff::Timestamp::now().as_second() - ANSWERED_LATER).await?;
    for message in &messages {
        let Some(utterance) = heard(message, me, place.is_direct) else { continue };
        let record = data.handled.lock().unwrap_or_else(PoisonError::into_inner).is_answered(&message.id.to_string());
        let said = messages.iter().filter(|other| other.author.id == me && replies_to(other, message.id)).count();
        match record.unwrap_or(None) {
            Some(true) => {}
            Some(false) => data.answer(http, message, utterance, said).await,
            None if said == 0 && data.take_on(message, place.is_direct) => {
                data.answer(http, message, utterance, 0).await;
            }
            None => {}
        }
    }
    Ok(())
}

/// A channel's messages since then, the oldest first.
async fn history(http: &Http, channel: ChannelId, since: i64) -> Result<Vec<Message>, Error> {
    // Ids begin with the milliseconds since the first of January 2015.
    let millis = u64::try_from(since * 1_000 - 1_420_070_400_000).unwrap_or(0);
    let mut after = MessageId::new((millis << 22).max(1));
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let page = GetMessages::new().after(after).limit(HISTORY);
        let mut page = patiently(|| channel.messages(http, page)).await?;
        page.sort_by_key(|message| message.id);
        let is_last = page.len() < usize::from(HISTORY);
        after = page.last().map_or(after, |message| message.id);
        messages.append(&mut page);
        if is_last {
            return Ok(messages);
        }
    }
}

fn replies_to(message: &Message, question: MessageId) -> bool {
    message.message_reference.as_ref().is_some_and(|reference| reference.message_id == Some(question))
}

/// Every minute: forgets what is promised to be forgotten, and tries again what could not be answered.
pub async fn keep_house(http: Arc<Http>, data: Data, me: UserId) {
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    loop {
        minutes.tick().await;
        let now = jiff::Timestamp::now().as_second();
        data.recent.lock().unwrap_or_else(PoisonError::into_inner).forget(now);
        let owes = {
            let handled = data.handled.lock().unwrap_or_else(PoisonError::into_inner);
            handled.forget(now).and_then(|()| handled.owes(now - ANSWERED_LATER, now - SURELY_TRIED))
        };
        match owes {
            Ok(true) => catch_up(Arc::clone(&http), data.clone(), me).await,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the record of messages could not be read"),
        }
    }
}
