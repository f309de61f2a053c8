//! Answers the messages that are addressed to the bot, each once, also across a crash.
//!
//! [`receive`] records a message before it is answered, and the record is marked afterwards. After a start, an outage,
//! or a session that could not be resumed, [`catch_up`] finds the messages without an answer in the channels'
//! histories.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serenity::all::{
    ChannelId, CreateMessage, GetMessages, Http, Message, MessageFlags, MessageId, MessageReference, Nonce, UserId,
};

use super::incoming::{addressed_to_bot, overheard};
use super::send::{forget_limits, is_forbidden, kind, may_pass};
use super::{
    DiscordBot, DiscordError, PLATFORM, SharedDiscordBot, answer_updates, buttons, moderate, no_pings, render,
};
use crate::answer::Outcome;
use crate::config::FORUMS;
use crate::moderation::{ByHand, KeptAnswer};
use crate::store::handled::Place;
use crate::understanding::split::is_question;
use crate::utterance::Utterance;
use crate::wording::Reply;

/// The greatest age of a message that is answered after a start, in seconds.
const ANSWERED_LATER: i64 = 60 * 60;

/// The number of messages on one page of a channel's history, Discord's maximum.
const HISTORY: u8 = 100;

/// The interval of the maintenance.
const A_MINUTE: Duration = Duration::from_secs(60);

/// The age at which an unanswered message is tried again, in seconds: longer than the first attempt and its retries
/// take.
const SURELY_TRIED: i64 = 120;

/// The response to a message.
enum OutgoingMessage {
    Reply(Reply),
    /// The reason for not answering.
    Reason(String),
    /// A moderator's own answer, which can become a fact.
    Kept(KeptAnswer),
    Nothing,
}

/// A part of an answer that is already posted.
struct PostedPart {
    id: MessageId,
    content: String,
}

/// A message that may get an answer.
pub struct Received {
    message: Message,
    place: Place,
    /// `None` if the message isn't addressed to the bot.
    utterance: Option<Utterance>,
}

/// Receives a message and, if it is addressed to the bot, records it: from then on it is owed an answer. Returns `None`
/// if it gets no answer or was received before.
pub fn receive(bot: &SharedDiscordBot, me: UserId, message: &Message) -> Option<Box<Received>> {
    let community = message.guild_id.map(|guild| guild.to_string());
    let place = Place { channel: message.channel_id.to_string(), community };
    let utterance = addressed_to_bot(message, me, place.community.is_none());
    let is_taken = match utterance {
        Some(_) => bot.take_on(message, &place),
        None => bot.listens(message) && overheard(message).is_some(),
    };
    is_taken.then(|| Box::new(Received { message: message.clone(), place, utterance }))
}

/// Answers a message once fewer than [`super::MESSAGES_AT_ONCE`] are in progress, unless the bot is shutting down.
///
/// In a burst thousands of messages wait here. They stay small because all that an answer needs is made after the wait.
pub async fn in_turn(http: Arc<Http>, bot: SharedDiscordBot, received: Box<Received>) {
    let _turn = bot.turns.acquire().await;
    let Ok(_open) = bot.open.try_read() else { return };
    let Received { message, place, utterance } = *received;
    match utterance {
        Some(utterance) => Box::pin(bot.answer(&http, &place, &message, utterance, &[])).await,
        None => Box::pin(overhear(&http, &bot, &place, &message)).await,
    }
}

/// Answers a message that isn't addressed to the bot, if it is a question in a watched place and the bot has an answer.
async fn overhear(http: &Http, bot: &SharedDiscordBot, place: &Place, message: &Message) {
    let Some(text) = overheard(message) else { return };
    let Some(text) = bot.in_question(http, place, message, text).await else { return };
    let answered = bot.desk.answer(&Utterance::new(text).within(place.scope(PLATFORM)));
    let has_answer = matches!(answered.reply.outcome, Outcome::Answered | Outcome::Disputed);
    if !has_answer || !bot.take_on(message, place) {
        return;
    }
    let now = message.timestamp.unix_timestamp();
    let outgoing = match bot.rejection(http, place, message.author.id, ("", now, false)).await {
        None => OutgoingMessage::Reply(answered.reply),
        Some(_) => OutgoingMessage::Nothing,
    };
    bot.deliver(http, place, message, outgoing, &[]).await;
}

impl DiscordBot {
    /// Returns true if the bot reads this message although it isn't addressed to it: in a watched channel or, if forums
    /// are watched, as the first post of a thread.
    fn listens(&self, message: &Message) -> bool {
        let forums = || is_post(message) && self.watch.iter().any(|word| word == FORUMS);
        self.watch.contains(&message.channel_id.to_string()) || forums()
    }

    /// Returns the question in an unaddressed message: the title and text of a forum post, if the server has switched
    /// forum answers on, or a message in a watched channel. `None` if it asks nothing or the title can't be looked up.
    async fn in_question(&self, http: &Http, place: &Place, message: &Message, text: String) -> Option<String> {
        if is_post(message) && self.settings(place).forum {
            let channel = message.channel_id;
            let found = self.requests.make(channel.get(), || http.get_channel(channel)).await;
            return Some(format!("{}\n{text}", found.ok()?.guild()?.name));
        }
        (self.watch.contains(&place.channel) && is_question(&text)).then_some(text)
    }

    /// Records a message as received. Returns false if it was received before. If the database fails it returns true,
    /// so that the message is answered all the same.
    fn take_on(&self, message: &Message, place: &Place) -> bool {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.receive(&message.id.to_string(), place, message.timestamp.unix_timestamp()).unwrap_or_else(|error| {
            tracing::error!(%error, "a message could not be recorded");
            true
        })
    }

    fn mark_answered(&self, message: MessageId, outcome: Option<&str>) {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = records.answer(&message.to_string(), outcome) {
            tracing::error!(%error, "an answer could not be recorded");
        }
    }

    /// Answers a message, unless its answer is in progress. `said` holds the parts of the answer that are already
    /// posted.
    async fn answer(&self, http: &Http, place: &Place, message: &Message, utterance: Utterance, said: &[PostedPart]) {
        let in_hand = || self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_hand().insert(message.id) {
            return;
        }
        let outgoing = self.outgoing_for(http, place, message, utterance, !said.is_empty()).await;
        self.deliver(http, place, message, outgoing, said).await;
        in_hand().remove(&message.id);
    }

    /// Sends a response and marks the message as answered, also if Discord refuses the response permanently. After a
    /// temporary failure the message stays unanswered and is tried again later.
    async fn deliver(
        &self,
        http: &Http,
        place: &Place,
        message: &Message,
        outgoing: OutgoingMessage,
        said: &[PostedPart],
    ) {
        let mute = || self.mute.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = if let OutgoingMessage::Reply(reply) = &outgoing { Some(reply.tally()) } else { None };
        match self.say(http, place, message, outgoing, said).await {
            Ok(()) => {
                self.mark_answered(message.id, outcome);
                mute().remove(&message.channel_id);
            }
            Err(error) if may_pass(&error) => tracing::error!(what = %kind(&error), "answer not sent, retrying"),
            Err(error) => {
                self.mark_answered(message.id, outcome.map(|_| "failed"));
                if mute().insert(message.channel_id) {
                    self.complain(http, place, message.channel_id, &error).await;
                }
            }
        }
    }

    /// Reports that Discord refuses answers in a channel: in the server's log channel, or else in the operator's log.
    async fn complain(&self, http: &Http, place: &Place, channel: ChannelId, error: &DiscordError) {
        let mut text =
            format!("I can't answer in <#{channel}>: Discord replied \"{}\".", render::escaped(&kind(error)));
        if is_forbidden(error) {
            text += " There I need the permissions View Channel, Send Messages (in threads: Send Messages in Threads) \
                     and Read Message History.";
        }
        let log = self.settings(place).log_channel.and_then(|id| id.parse::<u64>().ok()).filter(|id| *id > 0);
        let create =
            || CreateMessage::new().content(&text).allowed_mentions(no_pings()).flags(MessageFlags::SUPPRESS_EMBEDS);
        let told = match log {
            Some(log) => self.requests.make(log, || ChannelId::new(log).send_message(http, create())).await.is_ok(),
            None => false,
        };
        if !told {
            let channel = channel.get();
            tracing::error!(what = %kind(error), channel, "answers refused in this channel; check the permissions");
        }
    }

    async fn outgoing_for(
        &self,
        http: &Http,
        place: &Place,
        message: &Message,
        mut utterance: Utterance,
        is_begun: bool,
    ) -> OutgoingMessage {
        let (channel, author, now) = (message.channel_id, message.author.id, message.timestamp.unix_timestamp());
        if !is_begun && let Some(rejection) = self.rejection(http, place, author, (&utterance.text, now, true)).await {
            return if rejection.is_told {
                OutgoingMessage::Nothing
            } else {
                OutgoingMessage::Reason(rejection.reason)
            };
        }
        let last_questions = || self.last_questions.lock().unwrap_or_else(PoisonError::into_inner);
        if utterance.text.is_empty() {
            // A bare mention, or a reply without a ping, whose text Discord withholds: the desk explains how to ask.
            utterance.context = None;
        } else if utterance.context.is_none() {
            utterance.context = last_questions().get(&(channel, author), now);
        }
        match self.answered_by_hand(http, place, message, &utterance.text).await {
            ByHand::Kept(kept) => return OutgoingMessage::Kept(kept),
            ByHand::Refused(why) => return OutgoingMessage::Reason(render::escaped(&why)),
            ByHand::Ordinary => {}
        }
        utterance.scope = place.scope(PLATFORM);
        let answered = self.desk.answer(&utterance);
        if let Some(trace) = answered.traces.last() {
            last_questions().put((channel, author), now, trace.words.join(" "));
        }
        if !is_begun {
            self.keep_unanswered(place, &answered, now);
        }
        OutgoingMessage::Reply(answered.reply)
    }

    /// Stores a moderator's reply to an unanswered question as a possible fact. Returns [`ByHand::Ordinary`] for any
    /// other message.
    async fn answered_by_hand(&self, http: &Http, place: &Place, message: &Message, text: &str) -> ByHand {
        let original = message.referenced_message.as_deref().filter(|original| original.author.id == self.me);
        let question = original.and_then(buttons::open_question).filter(|_| !is_question(text));
        let Some(question) = question else { return ByHand::Ordinary };
        match self.permission_of(http, place, message.author.id).await {
            Ok(by) => self.moderation.keep_answer(&by, &question, text, message.timestamp.unix_timestamp()),
            Err(error) => {
                tracing::warn!(what = %kind(&error), "a member's roles could not be read");
                ByHand::Ordinary
            }
        }
    }

    /// Sends a response as replies to a message, without the parts in `said`, which are already posted.
    ///
    /// If the posted parts belong to a different response, all parts are sent: a follow-up whose context has expired
    /// may get another answer. Only where both consist of one part, the posted one stays as it is.
    async fn say(
        &self,
        http: &Http,
        place: &Place,
        message: &Message,
        outgoing: OutgoingMessage,
        said: &[PostedPart],
    ) -> Result<(), DiscordError> {
        let (parts, reply, to_accept) = match outgoing {
            OutgoingMessage::Reply(reply) => (render::messages(&reply), Some(reply), None),
            OutgoingMessage::Reason(reason) => (vec![reason], None, None),
            OutgoingMessage::Kept(kept) => (render::split(&render::escaped(&kept.text)), None, Some(kept.id)),
            OutgoingMessage::Nothing => return Ok(()),
        };
        let is_begun = said.iter().zip(&parts).all(|(said, part)| said.content == *part);
        if said.len() == 1 && parts.len() == 1 {
            self.keep_posted_answer(
                place,
                message.id,
                reply.as_ref(),
                &[said[0].id],
                message.timestamp.unix_timestamp(),
            );
            return Ok(());
        }
        // A different text needs a different nonce, of at most 25 characters.
        let (said, mark) = if is_begun { (said, '-') } else { (&[][..], '+') };
        let mut earlier: Vec<MessageId> = said.iter().map(|said| said.id).collect();
        for (at, part) in parts.iter().enumerate().skip(said.len()) {
            let is_last = at + 1 == parts.len();
            let buttons = |reply: &Reply| buttons::under(reply, message.author.id.get(), false, &earlier);
            let accept = || to_accept.map(moderate::to_accept).unwrap_or_default();
            let rows = reply.as_ref().filter(|_| is_last).map_or_else(accept, buttons);
            let create = || {
                CreateMessage::new()
                    .content(part)
                    .components(rows.clone())
                    .reference_message(MessageReference::from(message).fail_if_not_exists(false))
                    .allowed_mentions(no_pings())
                    .flags(MessageFlags::SUPPRESS_EMBEDS)
                    .nonce(Nonce::String(format!("{}{mark}{at}", message.id)))
                    .enforce_nonce(true)
            };
            earlier.push(
                self.requests
                    .make(message.channel_id.get(), || message.channel_id.send_message(http, create()))
                    .await?
                    .id,
            );
        }
        self.keep_posted_answer(place, message.id, reply.as_ref(), &earlier, message.timestamp.unix_timestamp());
        Ok(())
    }

    /// Returns a channel's messages since a time in seconds since 1970, the oldest first.
    pub(super) async fn history(
        &self,
        http: &Http,
        channel: ChannelId,
        since: i64,
    ) -> Result<Vec<Message>, DiscordError> {
        // The upper bits of an id are milliseconds since 1 January 2015.
        let millis = u64::try_from(since * 1_000 - 1_420_070_400_000).unwrap_or(0);
        let mut after = MessageId::new((millis << 22).max(1));
        let mut messages: Vec<Message> = Vec::new();
        loop {
            let page = GetMessages::new().after(after).limit(HISTORY);
            let mut page = self.requests.make(channel.get(), || channel.messages(http, page)).await?;
            page.sort_by_key(|message| message.id);
            let is_last = page.len() < usize::from(HISTORY);
            after = page.last().map_or(after, |message| message.id);
            messages.append(&mut page);
            if is_last {
                return Ok(messages);
            }
        }
    }
}

/// Answers the messages of the last hour that have no answer yet, from the histories of all known channels.
pub async fn catch_up(http: Arc<Http>, bot: SharedDiscordBot, me: UserId) {
    let places = bot.records.lock().unwrap_or_else(PoisonError::into_inner).places();
    catch_up_with(&http, &bot, me, &places.unwrap_or_default()).await;
}

async fn catch_up_with(http: &Http, bot: &SharedDiscordBot, me: UserId, places: &[Place]) {
    // Runs one catch-up at a time, so that no history is read twice at once.
    let _alone = bot.catching_up.lock().await;
    for place in places {
        let Ok(_open) = bot.open.try_read() else { return };
        if let Err(error) = catch_up_in(http, bot, me, place).await {
            tracing::warn!(what = %kind(&error), "a channel's history could not be read");
        }
    }
}

async fn catch_up_in(http: &Http, bot: &SharedDiscordBot, me: UserId, place: &Place) -> Result<(), DiscordError> {
    let Ok(channel) = place.channel.parse::<u64>().map(ChannelId::new) else { return Ok(()) };
    let since = jiff::Timestamp::now().as_second() - ANSWERED_LATER;
    let messages = bot.history(http, channel, since).await?;
    bot.write_off(place, &messages, since);
    for message in &messages {
        let record = bot.records.lock().unwrap_or_else(PoisonError::into_inner).is_answered(&message.id.to_string());
        let is_answered = record.unwrap_or(None);
        let Some(utterance) = addressed_to_bot(message, me, place.community.is_none()) else {
            // An unaddressed message: nobody waits for its answer.
            if is_answered == Some(false) {
                bot.mark_answered(message.id, None);
            }
            continue;
        };
        let replies = messages.iter().filter(|other| other.author.id == me && replies_to(other, message.id));
        let said: Vec<PostedPart> =
            replies.map(|reply| PostedPart { id: reply.id, content: reply.content.clone() }).collect();
        match is_answered {
            Some(true) => {}
            Some(false) => bot.answer(http, place, message, utterance, &said).await,
            None if said.is_empty() && bot.take_on(message, place) => {
                bot.answer(http, place, message, utterance, &[]).await;
            }
            None => {}
        }
    }
    Ok(())
}

fn replies_to(message: &Message, question: MessageId) -> bool {
    message.message_reference.as_ref().is_some_and(|reference| reference.message_id == Some(question))
}

impl DiscordBot {
    /// Marks unanswered messages that are missing from their channel's history as answered: they were deleted.
    fn write_off(&self, place: &Place, history: &[Message], since: i64) {
        let before = jiff::Timestamp::now().as_second() - SURELY_TRIED;
        let owed = self.records.lock().unwrap_or_else(PoisonError::into_inner).owed(since, before);
        let gone = owed.unwrap_or_default().into_iter().filter(|(message, owed)| {
            owed.channel == place.channel && !history.iter().any(|known| known.id.to_string() == *message)
        });
        gone.filter_map(|(message, _)| message.parse().ok())
            .for_each(|id: u64| self.mark_answered(MessageId::new(id), None));
    }
}

/// Runs the maintenance: deletes expired records, retries unanswered messages, and updates old answers. None of the
/// three waits for another.
pub async fn run_maintenance(http: Arc<Http>, bot: SharedDiscordBot, me: UserId) {
    tokio::join!(forget(&http, &bot), try_again(&http, &bot, me), answer_updates::run_answer_updates(&http, &bot));
}

async fn forget(http: &Http, bot: &SharedDiscordBot) {
    let mut minutes = tokio::time::interval(A_MINUTE);
    loop {
        minutes.tick().await;
        let now = jiff::Timestamp::now().as_second();
        bot.last_questions.lock().unwrap_or_else(PoisonError::into_inner).forget(now);
        bot.rate_limiter.lock().unwrap_or_else(PoisonError::into_inner).forget(now);
        bot.requests.forget();
        forget_limits(http).await;
        let forgotten = bot.records.lock().unwrap_or_else(PoisonError::into_inner).forget(now);
        if let Err(error) = forgotten {
            tracing::error!(%error, "expired records could not be deleted");
        }
    }
}

async fn try_again(http: &Http, bot: &SharedDiscordBot, me: UserId) {
    let mut minutes = tokio::time::interval(A_MINUTE);
    loop {
        minutes.tick().await;
        let now = jiff::Timestamp::now().as_second();
        let owed = {
            let records = bot.records.lock().unwrap_or_else(PoisonError::into_inner);
            records.owed(now - ANSWERED_LATER, now - SURELY_TRIED)
        };
        let mut places: Vec<Place> = match owed {
            Ok(owed) => owed.into_iter().map(|(_, place)| place).collect(),
            Err(error) => {
                tracing::error!(%error, "the unanswered messages could not be looked up");
                Vec::new()
            }
        };
        places.sort_by(|a, b| a.channel.cmp(&b.channel));
        places.dedup();
        catch_up_with(http, bot, me, &places).await;
    }
}

/// Returns true for the first message of a thread, such as a forum post, which has the thread's id.
fn is_post(message: &Message) -> bool {
    message.id.get() == message.channel_id.get()
}
