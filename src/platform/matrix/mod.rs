//! Runs the bot on Matrix: turns events of rooms into utterances and replies into events.
//!
//! This module starts and stops the bot and dispatches news; [`serve`] is the entry point. Each room has its own
//! worker, which handles the room's events one after the other. The workers run in parallel.

mod answer;
mod answer_subscriptions;
mod catch_up;
mod choose;
mod commands;
pub mod incoming;
mod moderate;
mod people;
pub mod render;
mod room_worker;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use routedesk_matrix::{Account, AccountSettings, LogIn, News, Note, Opened, RoomError};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, RwLock, Semaphore};
use tracing::level_filters::LevelFilter;

use crate::config::MatrixConfig;
use crate::desk::Desk;
use crate::moderation::Moderation;
use crate::moderation::layer_conflicts::LayerConflict;
use crate::platform::rate_limit::RateLimiter;
use crate::store;
use crate::store::records::Records;
use crate::store::settings::CommunitySettings;
use room_worker::{Entry, Task};

/// The platform's name in records and scopes.
const PLATFORM: &str = "matrix";

/// The most verbose log level of each library. Beyond it they print requests and people's words, and some complain
/// about normal conditions.
pub const QUIET: [(&str, LevelFilter); 7] = [
    ("matrix_sdk", LevelFilter::ERROR),
    ("matrix_sdk::http_client", LevelFilter::OFF),
    ("matrix_sdk_base", LevelFilter::ERROR),
    ("matrix_sdk_crypto", LevelFilter::OFF),
    ("matrix_sdk_sqlite", LevelFilter::ERROR),
    ("ruma", LevelFilter::ERROR),
    ("hyper_util", LevelFilter::WARN),
];

/// The number of events sent concurrently; the others wait.
const AT_ONCE: usize = 16;

/// The interval of the maintenance.
const A_MINUTE: Duration = Duration::from_secs(60);

/// Shutdown: the time for answers in progress.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// The state that all room workers share.
type SharedMatrixBot = Arc<MatrixBot>;

struct MatrixBot {
    account: Account,
    desk: Arc<Desk>,
    records: Mutex<Records>,
    /// The commands that change facts.
    moderation: Moderation,
    rate_limiter: Mutex<RateLimiter<(Option<String>, String), String>>,
    sending: Semaphore,
    /// The user ids and server names from which invitations are accepted.
    allow: Vec<String>,
    /// The user ids of the operators.
    operators: Vec<String>,
    /// Notified when a moderator changes facts on this platform.
    changed: Notify,
    /// Locked for reading while something is answered, and for writing at shutdown.
    open: RwLock<()>,
    /// True once nothing new may start.
    is_closed: AtomicBool,
}

impl MatrixBot {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads or writes the records. On an error logs `what` and returns `None`, so that the bot goes on without them.
    fn recorded<T>(&self, what: &str, use_them: impl FnOnce(&Records) -> Result<T, store::StoreError>) -> Option<T> {
        use_them(&self.records()).inspect_err(|error| tracing::error!(%error, "{what}")).ok()
    }

    /// Returns a room's settings, or the defaults if the database fails.
    fn settings(&self, room: &str) -> CommunitySettings {
        self.recorded("a room's settings could not be read", |records| records.settings(room)).unwrap_or_default()
    }
}

/// Runs the bot on Matrix until `stop` completes. `announce` receives start-up notices for the operator.
///
/// # Errors
/// If the account can't be opened, the homeserver ends the session, or the database can't be used. The error names the
/// remedy.
pub async fn serve(
    config: &MatrixConfig,
    desk: Arc<Desk>,
    database: &Path,
    announce: impl Fn(&str),
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let mut stop = std::pin::pin!(stop);
    let opened = tokio::select! {
        biased;
        () = &mut stop => return Ok(()),
        opened = routedesk_matrix::open(account(config)) => opened?,
    };
    let Opened { account, notes } = opened;
    let fingerprint = account.fingerprint().await.unwrap_or_else(|| "unknown".to_owned());
    let (user, device) = (account.user(), account.device());
    announce(&format!("Matrix: {user} is starting; device {device}, fingerprint {fingerprint}."));
    for note in notes {
        announce(&told(&note));
    }
    if config.allow.is_empty() {
        announce("Nobody may invite the bot yet: set MATRIX_ALLOW or ROUTEDESK_OPERATORS to @name:server.");
    }
    let records = Records::open(database, PLATFORM)?;
    records.forget(jiff::Timestamp::now().as_second())?;
    let bot = Arc::new(MatrixBot {
        account: account.clone(),
        moderation: Moderation::open(Arc::clone(&desk), database, PLATFORM)?,
        desk,
        records: Mutex::new(records),
        rate_limiter: Mutex::default(),
        sending: Semaphore::new(AT_ONCE),
        allow: config.allow.clone(),
        operators: config.operators.clone(),
        changed: Notify::new(),
        open: RwLock::default(),
        is_closed: AtomicBool::new(false),
    });
    let (tell, news) = unbounded_channel();
    let outcome = tokio::select! {
        biased;
        () = stop => Ok(()),
        ended = account.listen(tell) => ended.map_err(|ended| anyhow!("{ended}")),
        () = hand_on(&bot, news) => Ok(()),
    };
    // Nothing new starts; wait for answers in progress.
    bot.is_closed.store(true, Ordering::Relaxed);
    let _closed = tokio::time::timeout(LAST_ANSWERS, bot.open.write()).await;
    outcome
}

fn account(config: &MatrixConfig) -> AccountSettings {
    let token = config.token.as_ref();
    let by_token =
        token.map(|(token, device)| LogIn::Token { token: token.expose().to_owned(), device: device.clone() });
    let by_password = || config.password.as_ref().map(|password| LogIn::Password(password.expose().to_owned()));
    AccountSettings {
        homeserver: config.homeserver.clone(),
        user: config.user.clone(),
        log_in: by_token.or_else(by_password),
        folder: config.folder.clone(),
        recovery_key: config.recovery_key.as_ref().map(|key| key.expose().to_owned()),
    }
}

/// Returns a note as a text for the operator.
fn told(note: &Note) -> String {
    match note {
        Note::RecoveryKeyWritten(path) => format!(
            "The recovery key is in {}. Copy it to a safe place: you need it to rebuild a lost store.",
            path.display()
        ),
        Note::NotCrossSigned => {
            "This device isn't cross-signed, so people's clients may refuse its messages. If the account is \
                                 cross-signed elsewhere, put its recovery key into a file and set \
                                 MATRIX_RECOVERY_KEY_FILE to that file."
                .to_owned()
        }
    }
}

/// Dispatches news to the rooms' workers, and runs the maintenance every minute. Returns when there is no more news to
/// come.
async fn hand_on(bot: &SharedMatrixBot, mut news: UnboundedReceiver<News>) {
    let mut workers: HashMap<String, Entry> = HashMap::new();
    // Answer what was asked while the bot was down.
    for room in bot.account.rooms() {
        to_worker(bot, &mut workers, &room, Task::CatchUp);
    }
    for invitation in bot.account.invitations().await {
        people::on_news(bot, &invitation);
    }
    let mut minutes = tokio::time::interval(A_MINUTE);
    loop {
        tokio::select! {
            _ = minutes.tick() => {
                run_maintenance(bot);
                // A room that the account has left needs no worker any more.
                let rooms = bot.account.rooms();
                workers.retain(|room, _| rooms.contains(room));
                for worker in workers.values() {
                    // If a worker has ended, the room's next task starts another.
                    let _ = worker.put(Task::TryAgain);
                }
                update_old_answers(bot, &mut workers);
            }
            () = bot.changed.notified() => update_old_answers(bot, &mut workers),
            one = news.recv() => match one {
                Some(News::Event(event)) => {
                    let room = event.room.clone();
                    to_worker(bot, &mut workers, &room, Task::Event(event, Instant::now()));
                }
                Some(News::Gap(room)) => to_worker(bot, &mut workers, &room, Task::CatchUp),
                Some(News::Keys { room, session }) => to_worker(bot, &mut workers, &room, Task::Keys(session)),
                Some(other) => people::on_news(bot, &other),
                None => return,
            },
        }
    }
}

/// Reports changed shared facts in the management rooms of communities that have their own version of them.
fn tell_of_shared_changes(bot: &SharedMatrixBot) {
    let conflicts = match bot.moderation.layer_conflicts() {
        Ok(conflicts) => conflicts,
        Err(error) => return tracing::error!(%error, "conflicting shared changes could not be looked up"),
    };
    for conflict in conflicts {
        let bot = Arc::clone(bot);
        tokio::spawn(async move {
            for log in &conflict.logs {
                // The transaction makes a retry safe. A room that refuses the message doesn't hold up the others.
                if tell_of_conflict(&bot, log, &conflict).await.is_err_and(|error| error.may_pass) {
                    return;
                }
            }
            bot.moderation.conflict_was_told(&conflict);
        });
    }
}

async fn tell_of_conflict(bot: &SharedMatrixBot, log: &str, conflict: &LayerConflict) -> Result<(), RoomError> {
    for (at, part) in render::texts(&format!("{} ({})", conflict.text, conflict.community)).iter().enumerate() {
        let content = render::announcement(part, &CommunitySettings::default());
        let transaction = format!("flag-{}-{}-{at}", conflict.community, conflict.revision);
        let said = bot.account.send(log, "m.room.message", content, &transaction).await;
        said.inspect_err(
            |error| tracing::warn!(what = %error, "shared changes could not be reported in a management room"),
        )?;
    }
    Ok(())
}

/// Reports changed shared facts, and hands due notifications and answer updates to the rooms' workers.
fn update_old_answers(bot: &SharedMatrixBot, workers: &mut HashMap<String, Entry>) {
    tell_of_shared_changes(bot);
    match bot.moderation.due_notifications() {
        Ok(due) => due.into_iter().for_each(|due| {
            let room = due.0.channel.clone();
            to_worker(bot, workers, &room, Task::Notify(Box::new(due)));
        }),
        Err(error) => tracing::error!(%error, "due notifications could not be looked up"),
    }
    match bot.moderation.answer_updates() {
        Ok(due) => due.into_iter().for_each(|update| {
            let room = update.answer.channel.clone();
            to_worker(bot, workers, &room, Task::UpdateAnswer(Box::new(update)));
        }),
        Err(error) => tracing::error!(%error, "outdated answers could not be looked up"),
    }
}

/// Queues a task for a room's worker, and starts the worker if there is none.
fn to_worker(bot: &SharedMatrixBot, workers: &mut HashMap<String, Entry>, room: &str, task: Task) {
    let worker = workers.entry(room.to_owned()).or_insert_with(|| room_worker::open(bot, room));
    // Replaces a worker that has ended, for example after a panic.
    if let Err(task) = worker.put(task) {
        *worker = room_worker::open(bot, room);
        let _ = worker.put(task);
    }
}

/// Drops ended rate-limit windows and expired records.
fn run_maintenance(bot: &SharedMatrixBot) {
    let now = jiff::Timestamp::now().as_second();
    bot.rate_limiter.lock().unwrap_or_else(PoisonError::into_inner).forget(now);
    bot.recorded("expired records could not be deleted", |records| records.forget(now));
}
