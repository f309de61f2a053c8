//! Runs the bot on Discord: turns events into utterances and replies into messages.
//!
//! This module starts and stops the bot and dispatches events; [`serve`] is the entry point.

mod answer_subscriptions;
mod answer_updates;
mod buttons;
mod commands;
mod files;
pub mod incoming;
mod menus;
mod messages;
mod moderate;
mod permissions;
mod registration;
pub mod render;
mod respond;
mod rules;
mod send;
mod server;
mod slash;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::anyhow;
use poise::{Framework, FrameworkContext, FrameworkOptions, PrefixFrameworkOptions};
use serenity::all::{
    ChannelId, Context, CreateAllowedMentions, FullEvent, GatewayIntents, GuildId, Http, HttpBuilder, HttpError,
    Interaction, MessageId, Permissions, UserId,
};
use tokio::sync::{Notify, RwLock, Semaphore};
use tracing::level_filters::LevelFilter;

use crate::config::DiscordConfig;
use crate::desk::Desk;
use crate::language::Language;
use crate::moderation::Moderation;
use crate::platform::last_question::LastQuestions;
use crate::platform::rate_limit::RateLimiter;
use crate::store::Scope;
use crate::store::records::Records;
use registration::Registrar;
use send::{RequestQueue, kind};

/// The error type of all handlers.
type DiscordError = serenity::Error;

/// The platform's name in records and scopes.
const PLATFORM: &str = "discord";

/// The most verbose log level of each library. Beyond it they print whole events and requests, with tokens and people's
/// words.
pub const QUIET: [(&str, LevelFilter); 6] = [
    ("tungstenite", LevelFilter::WARN),
    ("tokio_tungstenite", LevelFilter::WARN),
    ("serenity", LevelFilter::ERROR),
    ("poise", LevelFilter::WARN),
    ("reqwest", LevelFilter::WARN),
    ("hyper", LevelFilter::WARN),
];

/// The gateway intents that the bot always requests. None of them is privileged.
const INTENTS: GatewayIntents =
    GatewayIntents::GUILDS.union(GatewayIntents::GUILD_MESSAGES).union(GatewayIntents::DIRECT_MESSAGES);

/// Returns the intents to request. The privileged Message Content intent, which reveals messages that aren't addressed
/// to the bot, is requested only if channels are watched.
fn intents(config: &DiscordConfig) -> GatewayIntents {
    if config.watch.is_empty() { INTENTS } else { INTENTS | GatewayIntents::MESSAGE_CONTENT }
}

/// The number of messages handled concurrently; the others wait. It is high because some spend a while in retried
/// requests.
const MESSAGES_AT_ONCE: usize = 256;

/// Shutdown: the time for answers in progress, and then for closing the gateway connection.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
const GOODBYE: Duration = Duration::from_secs(6);

/// The timeouts of a request to Discord, and of opening a connection.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The state that poise passes to every handler.
type SharedDiscordBot = Arc<DiscordBot>;

/// The state that all handlers share.
pub struct DiscordBot {
    /// The bot's own user.
    me: UserId,
    desk: Arc<Desk>,
    records: Mutex<Records>,
    registrar: Registrar,
    /// The commands that change facts.
    moderation: Moderation,
    requests: RequestQueue,
    /// One permit for each of the [`MESSAGES_AT_ONCE`].
    turns: Semaphore,
    last_questions: Mutex<LastQuestions<(ChannelId, UserId)>>,
    rate_limiter: Mutex<RateLimiter<(Option<String>, UserId), String>>,
    /// A cache of parents: the channel of a thread, or the category of a channel.
    parents: Mutex<HashMap<ChannelId, Option<ChannelId>>>,
    /// Locked while histories are read, so that one catch-up runs at a time.
    catching_up: tokio::sync::Mutex<()>,
    /// The channels in which the bot reads unaddressed messages; see [`DiscordConfig::watch`].
    watch: Vec<String>,
    /// The user ids of the operators.
    operators: Vec<String>,
    /// The server that receives requests instead of discord.com, if set.
    api_proxy: Option<reqwest::Url>,
    /// Titles and example questions that autocomplete offers.
    suggestions: Vec<String>,
    /// The messages whose answer is in progress.
    in_hand: Mutex<HashSet<MessageId>>,
    /// The channels in which Discord refused an answer. Each is reported once, until an answer succeeds there.
    mute: Mutex<HashSet<ChannelId>>,
    /// Notified when a moderator changes facts on this platform.
    changed: Notify,
    /// Locked for reading while something is answered, and for writing once nothing new may start.
    open: Arc<RwLock<()>>,
}

/// Runs the bot on Discord until `stop` completes. `announce` receives start-up notices for the operator.
///
/// # Errors
/// If Discord refuses the token or the intents or can't be reached, or if the database can't be used. The error names
/// the remedy.
pub async fn serve(
    config: &DiscordConfig,
    desk: Arc<Desk>,
    database: &Path,
    announce: impl Fn(&str),
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    serve_through(http(config), config, desk, database, announce, stop).await
}

/// Like [`serve`], with a given HTTP client.
///
/// # Errors
/// As [`serve`].
pub async fn serve_through(
    http: Http,
    config: &DiscordConfig,
    desk: Arc<Desk>,
    database: &Path,
    announce: impl Fn(&str),
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let user = http.get_current_user().await.map_err(|error| explain(&error))?;
    let me = user.id;
    let application = http.get_current_application_info().await.map_err(|error| explain(&error))?;
    http.set_application_id(application.id);
    let open = Arc::new(RwLock::new(()));
    let bot = Arc::new(new_bot(config, me, desk, database, Arc::clone(&open))?);
    let shared = Arc::clone(&bot);
    let framework = Framework::builder()
        .options(options())
        .setup(move |ctx, _, _| {
            Box::pin(async move {
                // poise dispatches no events until this returns, so the slow part runs in a task.
                let (http, registers) = (Arc::clone(&ctx.http), Arc::clone(&bot));
                tokio::spawn(async move { registers.registrar.everywhere(&http).await });
                Ok(bot)
            })
        })
        .initialize_owners(false)
        .build();
    let mut client = serenity::client::ClientBuilder::new_with_http(http, intents(config))
        .framework(framework)
        .await
        .map_err(|error| explain(&error))?;
    let id = application.id.get();
    announce(&format!("Discord: {} is starting. Invite it to a server with\n{}", user.name, invite(id)));
    announce(&format!("To add its commands to your own account, for use everywhere:\n{}", invite_of_user(id)));
    let (shards, http) = (Arc::clone(&client.shard_manager), Arc::clone(&client.http));
    let stopping = async move {
        stop.await;
        // Wait for answers in progress. While the lock is held nothing new starts.
        let closed = tokio::time::timeout(LAST_ANSWERS, open.write()).await;
        // Without a connection to the gateway this never returns.
        let _ = tokio::time::timeout(GOODBYE, shards.shutdown_all()).await;
        drop(closed);
    };
    tokio::select! {
        // Poll `stopping` first, so that a stop request takes effect before anything starts.
        biased;
        () = stopping => Ok(()),
        outcome = client.start_autosharded() => outcome.map_err(|error| explain(&error)),
        () = messages::run_maintenance(http, shared, me) => Ok(()),
    }
}

fn http(config: &DiscordConfig) -> Http {
    let client = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
    let client = client.build().expect("constant settings build a client");
    let builder = HttpBuilder::new(config.token.expose()).client(client);
    match &config.api_proxy {
        // serenity ignores the proxy while its own rate limiter is on.
        Some(proxy) => builder.proxy(proxy).ratelimiter_disabled(true).build(),
        None => builder.build(),
    }
}

fn new_bot(
    config: &DiscordConfig,
    me: UserId,
    desk: Arc<Desk>,
    database: &Path,
    open: Arc<RwLock<()>>,
) -> anyhow::Result<DiscordBot> {
    let records = Records::open(database, PLATFORM)?;
    records.forget(jiff::Timestamp::now().as_second())?;
    let (facts, _) = desk.facts_of(&Scope::Shared)?;
    let answered = || facts.topics().filter(|topic| !topic.is_silent());
    let titles = answered().map(|topic| topic.title.clone());
    let examples = answered().flat_map(|topic| topic.examples.iter().take(3).cloned());
    let others = Language::others().flat_map(|language| &language.pack().topic);
    let others = others.filter(|said| said.unsaid.is_none()).flat_map(|said| said.examples.iter().take(3).cloned());
    let suggestions = titles.chain(examples).chain(others).collect();
    let everybody = poise::builtins::create_application_commands(&options().commands);
    Ok(DiscordBot {
        me,
        registrar: Registrar::new(everybody, config.guild),
        moderation: Moderation::open(Arc::clone(&desk), database, PLATFORM)?,
        desk,
        records: Mutex::new(records),
        requests: RequestQueue::default(),
        turns: Semaphore::new(MESSAGES_AT_ONCE),
        last_questions: Mutex::default(),
        rate_limiter: Mutex::default(),
        parents: Mutex::default(),
        catching_up: tokio::sync::Mutex::default(),
        watch: config.watch.clone(),
        operators: config.operators.clone(),
        api_proxy: config.api_proxy.as_deref().and_then(|proxy| proxy.parse().ok()),
        in_hand: Mutex::default(),
        mute: Mutex::default(),
        suggestions,
        changed: Notify::new(),
        open,
    })
}

fn options() -> FrameworkOptions<SharedDiscordBot, DiscordError> {
    use commands::{answer_this, ask, help, privacy, sources, topics};
    use server::desk;
    FrameworkOptions {
        commands: vec![ask(), answer_this(), topics(), sources(), help(), privacy(), desk()],
        event_handler: |framework, event| Box::pin(on_event(framework, event)),
        on_error: |error| Box::pin(on_error(error)),
        allowed_mentions: Some(no_pings()),
        // A mention starts a question, not a prefix command.
        prefix_options: PrefixFrameworkOptions { mention_as_prefix: false, ..PrefixFrameworkOptions::default() },
        ..FrameworkOptions::default()
    }
}

/// Turns an error into a message for the operator that names the remedy.
fn explain(error: &serenity::Error) -> anyhow::Error {
    use serenity::gateway::GatewayError::{DisallowedGatewayIntents, InvalidAuthentication};
    let refused = |status| matches!(error, serenity::Error::Http(HttpError::UnsuccessfulRequest(response)) if response.status_code.as_u16() == status);
    if refused(401) || matches!(error, serenity::Error::Gateway(InvalidAuthentication)) {
        anyhow!(
            "Discord refuses the token. Open your application at https://discord.com/developers, press Reset Token \
             under Bot, and put the new token into DISCORD_TOKEN."
        )
    } else if matches!(error, serenity::Error::Gateway(DisallowedGatewayIntents)) {
        anyhow!(
            "Discord refuses the intents. DISCORD_WATCH_CHANNELS needs the Message Content Intent: turn it on under \
             Bot in your application at https://discord.com/developers, or unset DISCORD_WATCH_CHANNELS."
        )
    } else if matches!(error, serenity::Error::Http(HttpError::Request(_))) {
        anyhow!("Discord can't be reached. Check the network, and DISCORD_API_PROXY if it is set.")
    } else {
        anyhow!("Discord: {}", kind(error))
    }
}

/// Returns the link that adds the bot to a server, with no more permissions than it uses.
fn invite(application: u64) -> String {
    let permissions = Permissions::VIEW_CHANNEL
        | Permissions::SEND_MESSAGES
        | Permissions::SEND_MESSAGES_IN_THREADS
        | Permissions::READ_MESSAGE_HISTORY
        | Permissions::EMBED_LINKS
        // `/fact export` sends a file.
        | Permissions::ATTACH_FILES;
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot+applications.commands&permissions={}",
        permissions.bits()
    )
}

/// Returns the link that adds the bot's commands to a user's account, for all servers and conversations. There the bot
/// reads no messages.
fn invite_of_user(application: u64) -> String {
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=applications.commands&integration_type=1"
    )
}

/// Returns allowed mentions under which a message pings nobody.
fn no_pings() -> CreateAllowedMentions {
    CreateAllowedMentions::new().replied_user(false)
}

async fn on_event(
    framework: FrameworkContext<'_, SharedDiscordBot, DiscordError>,
    event: &FullEvent,
) -> Result<(), DiscordError> {
    let bot = framework.user_data;
    let ctx: &Context = framework.serenity_context;
    match event {
        FullEvent::Message { new_message } => {
            if let Some(received) = messages::receive(bot, framework.bot_id, new_message) {
                // In a task, so that a burst of messages doesn't hold up the framework.
                tokio::spawn(messages::in_turn(Arc::clone(&ctx.http), Arc::clone(bot), received));
            }
            Ok(())
        }
        // Sent after a start, and after each session that could not be resumed.
        FullEvent::Ready { data_about_bot } => {
            let guilds = data_about_bot.guilds.iter().map(|guild| guild.id).collect();
            tokio::spawn(register_in(Arc::clone(&ctx.http), Arc::clone(bot), guilds));
            tokio::spawn(messages::catch_up(Arc::clone(&ctx.http), Arc::clone(bot), framework.bot_id));
            Ok(())
        }
        // Sent when the bot is added to a server, and for each of its servers after a start.
        FullEvent::GuildCreate { guild, .. } => {
            tokio::spawn(register_in(Arc::clone(&ctx.http), Arc::clone(bot), vec![guild.id]));
            Ok(())
        }
        FullEvent::GuildDelete { incomplete, .. } if !incomplete.unavailable => {
            bot.registrar.has_left(incomplete.id).await;
            Ok(())
        }
        FullEvent::InteractionCreate { interaction } => {
            let _open = bot.open.try_read();
            Box::pin(on_interaction(&ctx.http, bot, interaction)).await
        }
        _ => Ok(()),
    }
}

/// Registers the moderators' commands in servers that don't have them yet.
async fn register_in(http: Arc<Http>, bot: SharedDiscordBot, guilds: Vec<GuildId>) {
    for guild in guilds {
        bot.registrar.in_server(&http, guild, bot.is_open_to_roles(guild), false).await;
    }
}

/// Handles the interactions that poise doesn't know: moderators' commands, buttons, menus and forms.
async fn on_interaction(http: &Http, bot: &SharedDiscordBot, interaction: &Interaction) -> Result<(), DiscordError> {
    match interaction {
        Interaction::Command(command) => moderate::on_command(http, bot, command).await.map(drop),
        Interaction::Autocomplete(command) => moderate::on_autocomplete(http, bot, command).await.map(drop),
        Interaction::Component(pressed) => match moderate::on_press(http, bot, pressed).await? {
            true => Ok(()),
            false => buttons::on_press(http, bot, pressed).await,
        },
        Interaction::Modal(filled) => match moderate::on_form(http, bot, filled).await? {
            true => Ok(()),
            false => buttons::on_form(http, bot, filled).await,
        },
        _ => Ok(()),
    }
}

async fn on_error(error: poise::FrameworkError<'_, SharedDiscordBot, DiscordError>) {
    match &error {
        poise::FrameworkError::EventHandler { error, .. } => {
            tracing::error!(what = %kind(error), "an interaction could not be answered")
        }
        poise::FrameworkError::Command { error, .. } => {
            tracing::error!(what = %kind(error), "a command could not be answered")
        }
        // `on_interaction` handles the moderators' commands.
        poise::FrameworkError::UnknownInteraction { interaction, .. } if slash::is_ours(interaction) => {}
        // Discord still shows a command of an older version.
        poise::FrameworkError::UnknownInteraction { framework, interaction, .. } => {
            tracing::error!("an unknown command was used");
            let (http, requests) = (&framework.serenity_context.http, &framework.user_data.requests);
            let pending = respond::PendingInteraction::new(http, requests, interaction.id, &interaction.token);
            let _ = pending.tell(&crate::wording::trouble().text).await;
        }
        other => {
            tracing::error!("a command failed unexpectedly");
            if let Some(poise::Context::Application(ctx)) = other.ctx() {
                let _ = commands::tell(ctx, &crate::wording::trouble().text).await;
            }
        }
    }
}
