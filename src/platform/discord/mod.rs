//! Discord: events become utterances, replies become messages.
//!
//! Here it starts, hands events on and stops.

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

/// What handlers fail with.
type DiscordError = serenity::Error;

/// The name under which messages are recorded.
const PLATFORM: &str = "discord";

/// What the libraries may log: at a lower level they print whole events and requests, tokens and people's words included.
pub const QUIET: [(&str, LevelFilter); 6] = [
    ("tungstenite", LevelFilter::WARN),
    ("tokio_tungstenite", LevelFilter::WARN),
    ("serenity", LevelFilter::ERROR),
    ("poise", LevelFilter::WARN),
    ("reqwest", LevelFilter::WARN),
    ("hyper", LevelFilter::WARN),
];

/// None of these is privileged.
const INTENTS: GatewayIntents =
    GatewayIntents::GUILDS.union(GatewayIntents::GUILD_MESSAGES).union(GatewayIntents::DIRECT_MESSAGES);

/// The content of messages that aren't for the bot is privileged; it is asked for only where somebody wishes for it.
fn intents(config: &DiscordConfig) -> GatewayIntents {
    if config.watch.is_empty() { INTENTS } else { INTENTS | GatewayIntents::MESSAGE_CONTENT }
}

/// How many messages are taken in hand at once; the others wait. Some may hang in requests for a while.
const MESSAGES_AT_ONCE: usize = 256;

/// How long questions in hand may take when the program stops, and then the goodbye to the gateway.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
const GOODBYE: Duration = Duration::from_secs(6);

/// How long Discord may take to answer a request, and to accept a connection.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What all handlers get.
type SharedDiscordBot = Arc<DiscordBot>;

/// What all handlers share.
pub struct DiscordBot {
    /// The bot's own user.
    me: UserId,
    desk: Arc<Desk>,
    records: Mutex<Records>,
    registrar: Registrar,
    /// Those who keep the facts.
    moderation: Moderation,
    requests: RequestQueue,
    /// How many messages are taken in hand at once.
    turns: Semaphore,
    last_questions: Mutex<LastQuestions<(ChannelId, UserId)>>,
    rate_limiter: Mutex<RateLimiter<(Option<String>, UserId), String>>,
    /// The channels that threads belong to, as far as anybody asked.
    parents: Mutex<HashMap<ChannelId, Option<ChannelId>>>,
    /// Held by whoever reads histories.
    catching_up: tokio::sync::Mutex<()>,
    /// Where the bot listens to what isn't addressed to it; see [`DiscordConfig::watch`].
    watch: Vec<String>,
    /// The people who run the bot.
    operators: Vec<String>,
    /// Where requests are sent instead of discord.com.
    api_proxy: Option<reqwest::Url>,
    /// Titles and example questions, for completing what is typed.
    suggestions: Vec<String>,
    /// The messages that are being answered.
    in_hand: Mutex<HashSet<MessageId>>,
    /// The channels where the bot may not speak, each told once.
    mute: Mutex<HashSet<ChannelId>>,
    /// Told when facts were changed here.
    changed: Notify,
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
    serve_through(http(config), config, desk, database, announce, stop).await
}

/// The same through a client of requests that is there already.
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
                // Until this is done poise hands on no event: what may take time goes on beside.
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
    announce(&format!("Discord: {} is coming up. Invite it into a server with\n{}", user.name, invite(id)));
    announce(&format!("To take it along everywhere for oneself alone:\n{}", invite_of_user(id)));
    let (shards, http) = (Arc::clone(&client.shard_manager), Arc::clone(&client.http));
    let stopping = async move {
        stop.await;
        // Whoever is being answered is answered; nothing new begins.
        let closed = tokio::time::timeout(LAST_ANSWERS, open.write()).await;
        // Without a gateway this would wait for ever.
        let _ = tokio::time::timeout(GOODBYE, shards.shutdown_all()).await;
        drop(closed);
    };
    tokio::select! {
        // First, so that who stops the program is heard before anything is begun.
        biased;
        () = stopping => Ok(()),
        outcome = client.start_autosharded() => outcome.map_err(|error| explain(&error)),
        () = messages::run_maintenance(http, shared, me) => Ok(()),
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
        anyhow!(
            "Discord refuses the intents. DISCORD_WATCH_CHANNELS needs Message Content Intent: switch it on at \
             https://discord.com/developers, your application, Bot; or unset it."
        )
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
        | Permissions::EMBED_LINKS
        // `/fact export` gives a file.
        | Permissions::ATTACH_FILES;
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot+applications.commands&permissions={}",
        permissions.bits()
    )
}

/// Where somebody takes the bot's commands along into all servers and conversations; there it reads nothing.
fn invite_of_user(application: u64) -> String {
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=applications.commands&integration_type=1"
    )
}

/// Nobody is pinged, whatever stands in a message.
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
                // By itself, so that in a burst nothing of the framework waits with it.
                tokio::spawn(messages::in_turn(Arc::clone(&ctx.http), Arc::clone(bot), received));
            }
            Ok(())
        }
        // After a start, and after every session that could not be resumed.
        FullEvent::Ready { data_about_bot } => {
            let guilds = data_about_bot.guilds.iter().map(|guild| guild.id).collect();
            tokio::spawn(register_in(Arc::clone(&ctx.http), Arc::clone(bot), guilds));
            tokio::spawn(messages::catch_up(Arc::clone(&ctx.http), Arc::clone(bot), framework.bot_id));
            Ok(())
        }
        // One that the bot has been invited into.
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

/// Registers the commands of those who keep the facts in servers that don't have them yet.
async fn register_in(http: Arc<Http>, bot: SharedDiscordBot, guilds: Vec<GuildId>) {
    for guild in guilds {
        bot.registrar.in_server(&http, guild, bot.is_open_to_roles(guild), false).await;
    }
}

/// What isn't one of poise's commands.
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
            tracing::error!(what = %kind(error), "a message could not be answered")
        }
        poise::FrameworkError::Command { error, .. } => {
            tracing::error!(what = %kind(error), "a command could not be answered")
        }
        // Those who keep the facts have commands that poise doesn't know.
        poise::FrameworkError::UnknownInteraction { interaction, .. } if slash::is_ours(interaction) => {}
        // Whoever gave a command hears that it failed.
        poise::FrameworkError::UnknownInteraction { framework, interaction, .. } => {
            tracing::error!("a command was given that isn't known any more");
            let (http, requests) = (&framework.serenity_context.http, &framework.user_data.requests);
            let pending = respond::PendingInteraction::new(http, requests, interaction.id, &interaction.token);
            let _ = pending.tell(&crate::wording::trouble().text).await;
        }
        other => {
            tracing::error!("a command failed inside");
            if let Some(poise::Context::Application(ctx)) = other.ctx() {
                let _ = commands::tell(ctx, &crate::wording::trouble().text).await;
            }
        }
    }
}
