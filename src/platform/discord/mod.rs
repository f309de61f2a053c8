//! Discord: events become utterances, replies become messages.
//!
//! A message is taken on in the database before it is answered and marked when it is, so that after a crash the channel's
//! history tells which answers are still owed. What a button needs stands in its id.

mod buttons;
mod commands;
pub mod hear;
mod registration;
pub mod render;
mod send;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use poise::{Framework, FrameworkContext, FrameworkOptions, PrefixFrameworkOptions};
use serenity::all::{
    ChannelId, Context, CreateAllowedMentions, CreateCommand, CreateMessage, FullEvent, GatewayIntents, GetMessages,
    Http, HttpBuilder, HttpError, Interaction, Message, MessageFlags, MessageId, MessageReference, Nonce, Permissions,
    UserId,
};
use tokio::sync::RwLock;

use crate::config::DiscordConfig;
use crate::desk::Desk;
use crate::language::Language;
use crate::store::handled::{Handled, Place};
use crate::utterance::Utterance;
use crate::wording::Reply;
use hear::{Recent, heard};
use send::{kind, may_pass, patiently};

/// What handlers fail with.
type Error = serenity::Error;

/// The name under which messages are recorded.
const PLATFORM: &str = "discord";

/// What the libraries may log: at a lower level they print whole events and requests, tokens and people's words included.
pub const QUIET: [&str; 6] =
    ["tungstenite=warn", "tokio_tungstenite=warn", "serenity=error", "poise=warn", "reqwest=warn", "hyper=warn"];

/// None of these is privileged.
const INTENTS: GatewayIntents =
    GatewayIntents::GUILDS.union(GatewayIntents::GUILD_MESSAGES).union(GatewayIntents::DIRECT_MESSAGES);

/// How old a message may be to be answered after a start, in seconds.
const ANSWERED_LATER: i64 = 60 * 60;

/// How many messages of a channel's history Discord gives at once.
const HISTORY: u8 = 100;

/// After so long a message that isn't answered is tried again, in seconds.
const SURELY_TRIED: i64 = 120;

/// How long questions in hand may take when the program stops, and then the goodbye to the gateway.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
const GOODBYE: Duration = Duration::from_secs(6);

/// How long Discord may take to answer a request, and to accept a connection.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What all handlers share.
#[derive(Clone)]
pub struct Data(Arc<Shared>);

impl std::ops::Deref for Data {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// See [`Data`].
pub struct Shared {
    desk: Arc<Desk>,
    handled: Mutex<Handled>,
    recent: Mutex<Recent>,
    /// Titles and example questions, for completing what is typed.
    suggestions: Vec<String>,
    /// The list of topics by subject.
    topics: String,
    /// The messages that are being answered.
    in_hand: Mutex<HashSet<MessageId>>,
    /// The channels where the bot may not speak, each told once.
    mute: Mutex<HashSet<ChannelId>>,
    /// Held for reading while something is answered, for writing once no more may be.
    open: Arc<RwLock<()>>,
}

/// Serves on Discord until `stop` is done. What the operator should see is given to `announce`.
///
/// # Errors
/// If the token or the intents are refused, Discord can't be reached, or the database can't be used; each with the
/// remedy.
pub async fn serve(
    config: &DiscordConfig,
    desk: Arc<Desk>,
    database: &Path,
    announce: impl Fn(&str),
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let http = http(config);
    let user = http.get_current_user().await.map_err(|error| explain(&error))?;
    let me = user.id;
    let application = http.get_current_application_info().await.map_err(|error| explain(&error))?;
    http.set_application_id(application.id);
    let open = Arc::new(RwLock::new(()));
    let data = Data(Arc::new(shared(desk, database, Arc::clone(&open))?));
    let guild = config.guild;
    let resting = (Arc::new(self::http(config)), data.clone());
    let framework = Framework::builder()
        .options(options())
        .setup(move |ctx, _, framework| {
            Box::pin(async move {
                // Until this is done poise hands on no event: what may take time goes on beside.
                let commands = poise::builtins::create_application_commands(&framework.options().commands);
                tokio::spawn(register(Arc::clone(&ctx.http), commands, guild));
                Ok(data)
            })
        })
        .initialize_owners(false)
        .build();
    let mut client = serenity::client::ClientBuilder::new_with_http(http, INTENTS)
        .framework(framework)
        .await
        .map_err(|error| explain(&error))?;
    announce(&format!("Discord: {} is coming up. Invite it with\n{}", user.name, invite(application.id.get())));
    let shards = Arc::clone(&client.shard_manager);
    let stopping = async move {
        stop.await;
        // Whoever is being answered is answered; nothing new begins.
        let closed = tokio::time::timeout(LAST_ANSWERS, open.write()).await;
        // Without a gateway this would wait for ever.
        let _ = tokio::time::timeout(GOODBYE, shards.shutdown_all()).await;
        drop(closed);
    };
    tokio::select! {
        outcome = client.start_autosharded() => outcome.map_err(|error| explain(&error)),
        () = stopping => Ok(()),
        () = keep_house(resting, me) => Ok(()),
    }
}

/// Makes Discord's commands those of the program. If that fails the bot answers messages all the same.
async fn register(http: Arc<Http>, commands: Vec<CreateCommand>, guild: Option<u64>) {
    match registration::register(&http, commands, guild).await {
        Ok(changed) => tracing::info!(changed, "the commands are registered"),
        Err(error) => tracing::error!(
            what = %kind(&error),
            "the commands could not be registered; look at DISCORD_GUILD if it is set, and start again"
        ),
    }
}

/// Every minute: forgets what is promised to be forgotten, and tries again what could not be answered.
async fn keep_house((http, data): (Arc<Http>, Data), me: UserId) {
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

fn http(config: &DiscordConfig) -> Http {
    let client = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
    let client = client.build().expect("a client can be built from constants");
    let builder = HttpBuilder::new(config.token.expose()).client(client);
    match &config.api_proxy {
        // While its own limiter is on, serenity ignores the proxy.
        Some(proxy) => builder.proxy(proxy).ratelimiter_disabled(true).build(),
        None => builder.build(),
    }
}

fn shared(desk: Arc<Desk>, database: &Path, open: Arc<RwLock<()>>) -> anyhow::Result<Shared> {
    let handled = Handled::open(database, PLATFORM)?;
    handled.forget(jiff::Timestamp::now().as_second())?;
    let facts = desk.facts()?;
    let answered = || facts.topics().filter(|topic| !topic.is_silent());
    let titles = answered().map(|topic| topic.title.clone());
    let examples = answered().flat_map(|topic| topic.examples.iter().take(3).cloned());
    let others = Language::others().flat_map(|language| &language.pack().topic);
    let others = others.filter(|said| said.unsaid.is_none()).flat_map(|said| said.examples.iter().take(3).cloned());
    let suggestions = titles.chain(examples).chain(others).collect();
    let topics = crate::wording::topics_in_list(&facts);
    Ok(Shared {
        desk,
        handled: Mutex::new(handled),
        recent: Mutex::default(),
        in_hand: Mutex::default(),
        mute: Mutex::default(),
        suggestions,
        topics: render::escaped(&topics),
        open,
    })
}

fn options() -> FrameworkOptions<Data, Error> {
    use commands::{answer_this, ask, help, privacy, sources, topics};
    FrameworkOptions {
        commands: vec![ask(), answer_this(), topics(), sources(), help(), privacy()],
        event_handler: |framework, event| Box::pin(on_event(framework, event)),
        on_error: |error| Box::pin(on_error(error)),
        allowed_mentions: Some(no_pings()),
        // A mention is a question and no command.
        prefix_options: PrefixFrameworkOptions { mention_as_prefix: false, ..PrefixFrameworkOptions::default() },
        ..FrameworkOptions::default()
    }
}

/// What Discord refused, and what to do about it.
fn explain(error: &serenity::Error) -> anyhow::Error {
    use serenity::gateway::GatewayError::{DisallowedGatewayIntents, InvalidAuthentication};
    let refused = |status| matches!(error, serenity::Error::Http(HttpError::UnsuccessfulRequest(response)) if response.status_code.as_u16() == status);
    if refused(401) || matches!(error, serenity::Error::Gateway(InvalidAuthentication)) {
        anyhow!(
            "Discord refuses the token. Copy it again from https://discord.com/developers: your application, Bot, \
             Reset Token; and put it into DISCORD_TOKEN."
        )
    } else if matches!(error, serenity::Error::Gateway(DisallowedGatewayIntents)) {
        anyhow!("Discord refuses the intents. Look at https://discord.com/developers: your application, Bot.")
    } else if matches!(error, serenity::Error::Http(HttpError::Request(_))) {
        anyhow!("Discord can't be reached. Look at the network, and at DISCORD_API_PROXY if it is set.")
    } else {
        anyhow!("Discord: {}", kind(error))
    }
}

/// Where the owner of a server lets the bot in, with no more permissions than it uses.
fn invite(application: u64) -> String {
    let permissions = Permissions::VIEW_CHANNEL
        | Permissions::SEND_MESSAGES
        | Permissions::SEND_MESSAGES_IN_THREADS
        | Permissions::READ_MESSAGE_HISTORY
        | Permissions::EMBED_LINKS;
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot+applications.commands&permissions={}",
        permissions.bits()
    )
}

/// Nobody is pinged, whatever stands in a message.
fn no_pings() -> CreateAllowedMentions {
    CreateAllowedMentions::new().replied_user(false)
}

async fn on_event(framework: FrameworkContext<'_, Data, Error>, event: &FullEvent) -> Result<(), Error> {
    let data = framework.user_data;
    let ctx: &Context = framework.serenity_context;
    match event {
        FullEvent::Message { new_message } => on_message(&ctx.http, data, framework.bot_id, new_message).await,
        // After a start, and after every session that could not be resumed.
        FullEvent::Ready { .. } => {
            tokio::spawn(catch_up(Arc::clone(&ctx.http), data.clone(), framework.bot_id));
            Ok(())
        }
        FullEvent::InteractionCreate { interaction: Interaction::Component(pressed) } => {
            buttons::on_press(&ctx.http, data, pressed).await
        }
        _ => Ok(()),
    }
}

async fn on_error(error: poise::FrameworkError<'_, Data, Error>) {
    match &error {
        poise::FrameworkError::Setup { error, .. } => {
            tracing::error!(what = %kind(error), "the commands could not be registered")
        }
        poise::FrameworkError::EventHandler { error, .. } => {
            tracing::error!(what = %kind(error), "a message could not be answered")
        }
        poise::FrameworkError::Command { error, .. } => {
            tracing::error!(what = %kind(error), "a command could not be answered")
        }
        _ => tracing::error!("a command failed inside"),
    }
}

/// Answers a message that is for the bot, once.
async fn on_message(http: &Http, data: &Data, me: UserId, message: &Message) -> Result<(), Error> {
    let is_direct = message.guild_id.is_none();
    let Some(utterance) = heard(message, me, is_direct) else { return Ok(()) };
    let is_new = data.take_on(message, is_direct);
    let Ok(_open) = data.open.try_read() else { return Ok(()) };
    if is_new {
        data.answer(http, message, utterance, 0).await;
    }
    Ok(())
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
async fn catch_up(http: Arc<Http>, data: Data, me: UserId) {
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
