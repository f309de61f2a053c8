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

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use poise::{Framework, FrameworkContext, FrameworkOptions, PrefixFrameworkOptions};
use serenity::all::{
    ChannelId, Context, CreateAllowedMentions, CreateMessage, FullEvent, GatewayIntents, GetMessages, Http,
    HttpBuilder, HttpError, Interaction, Message, MessageFlags, MessageId, MessageReference, Nonce, Permissions,
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
use send::{kind, patiently};

/// What handlers fail with.
type Error = serenity::Error;

/// The name under which messages are recorded.
const PLATFORM: &str = "discord";

/// None of these is privileged.
const INTENTS: GatewayIntents =
    GatewayIntents::GUILDS.union(GatewayIntents::GUILD_MESSAGES).union(GatewayIntents::DIRECT_MESSAGES);

/// How old a message may be to be answered after a start, in seconds.
const ANSWERED_LATER: i64 = 60 * 60;

/// How many messages of a channel's history are looked at after a start.
const HISTORY: u8 = 100;

/// How long questions in hand may take when the program stops.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

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
    let framework = Framework::builder()
        .options(options())
        .setup(move |ctx, _, framework| {
            Box::pin(async move {
                let commands = poise::builtins::create_application_commands(&framework.options().commands);
                registration::register(&ctx.http, commands, guild).await?;
                tokio::spawn(catch_up(Arc::clone(&ctx.http), data.clone(), me));
                Ok(data)
            })
        })
        .build();
    let mut client = serenity::client::ClientBuilder::new_with_http(http, INTENTS)
        .framework(framework)
        .await
        .map_err(|error| explain(&error))?;
    announce(&format!("Discord: {} is coming up. Invite it with\n{}", user.name, invite(application.id.get())));
    let shards = Arc::clone(&client.shard_manager);
    let stopping = tokio::spawn(async move {
        stop.await;
        // Whoever is being answered is answered; nothing new begins.
        let closed = tokio::time::timeout(LAST_ANSWERS, open.write()).await;
        shards.shutdown_all().await;
        drop(closed);
    });
    let outcome = client.start_autosharded().await.map_err(|error| explain(&error));
    stopping.abort();
    outcome
}

fn http(config: &DiscordConfig) -> Http {
    let builder = HttpBuilder::new(config.token.expose());
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
        initialize_owners: false,
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
    let Some(utterance) = heard(message, me) else { return Ok(()) };
    let Ok(_in_hand) = data.open.try_read() else { return Ok(()) };
    if data.take_on(message) {
        data.answer(http, message, utterance, 0).await?;
    }
    Ok(())
}

impl Shared {
    /// Records that a message is taken on; false if it was before. Trouble with the record doesn't keep from answering.
    fn take_on(&self, message: &Message) -> bool {
        let (id, channel) = (message.id.to_string(), message.channel_id.to_string());
        let handled = self.handled.lock().unwrap_or_else(PoisonError::into_inner);
        handled.receive(&id, &channel, message.timestamp.unix_timestamp()).unwrap_or_else(|error| {
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

    /// Hears a message and says the reply, without its first `said` parts.
    async fn answer(&self, http: &Http, message: &Message, utterance: Utterance, said: usize) -> Result<(), Error> {
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
        self.mark_answered(message.id);
        Ok(())
    }

    fn reply(&self, message: &Message, mut utterance: Utterance) -> Reply {
        let (channel, author, now) = (message.channel_id, message.author.id, message.timestamp.unix_timestamp());
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if utterance.text.is_empty() {
            // A bare mention, or a reply without a ping, whose text Discord keeps back: the desk says how to ask.
            utterance.context = None;
        } else if utterance.context.is_none() {
            utterance.context = recent.get(channel, author, now);
        }
        let heard = self.desk.hear(&utterance);
        if let Some(trace) = heard.traces.last() {
            recent.put(channel, author, now, trace.words.join(" "));
        }
        heard.reply
    }
}

/// After a start: answers what was asked in the last hour and isn't answered yet, as the channels' histories tell.
async fn catch_up(http: Arc<Http>, data: Data, me: UserId) {
    let places = data.handled.lock().unwrap_or_else(PoisonError::into_inner).places();
    for place in places.unwrap_or_default() {
        let Ok(_in_hand) = data.open.try_read() else { return };
        if let Err(error) = catch_up_in(&http, &data, me, &place).await {
            tracing::warn!(what = %kind(&error), "a channel's history could not be read");
        }
    }
}

async fn catch_up_in(http: &Http, data: &Data, me: UserId, place: &Place) -> Result<(), Error> {
    let (Ok(channel), Ok(from)) = (place.channel.parse::<u64>(), place.from.parse::<u64>()) else { return Ok(()) };
    let from = if place.waits { from - 1 } else { from };
    let history = GetMessages::new().after(MessageId::new(from.max(1))).limit(HISTORY);
    let mut messages = patiently(|| ChannelId::new(channel).messages(http, history)).await?;
    messages.sort_by_key(|message| message.id);
    let now = jiff::Timestamp::now().as_second();
    for message in &messages {
        let Some(utterance) = heard(message, me) else { continue };
        let record = data.handled.lock().unwrap_or_else(PoisonError::into_inner).is_answered(&message.id.to_string());
        let said = messages.iter().filter(|other| other.author.id == me && replies_to(other, message.id)).count();
        let is_recent = now - message.timestamp.unix_timestamp() <= ANSWERED_LATER;
        match record.unwrap_or(None) {
            Some(true) => {}
            Some(false) if is_recent => data.answer(http, message, utterance, said).await?,
            None if is_recent && said == 0 => {
                if data.take_on(message) {
                    data.answer(http, message, utterance, 0).await?;
                }
            }
            _ => data.mark_answered(message.id),
        }
    }
    Ok(())
}

fn replies_to(message: &Message, question: MessageId) -> bool {
    message.message_reference.as_ref().is_some_and(|reference| reference.message_id == Some(question))
}
