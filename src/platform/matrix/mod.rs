//! Matrix: events of rooms become utterances, replies become events.
//!
//! Here it starts, hands news on and stops. Each room has a lane of its own, in which its events are taken one after the
//! other; the lanes go on beside each other.

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

/// The name under which messages are recorded.
const PLATFORM: &str = "matrix";

/// What the libraries may log: at a lower level they print requests and people's words, and some of them complain about
/// what is as it should be.
pub const QUIET: [(&str, LevelFilter); 7] = [
    ("matrix_sdk", LevelFilter::ERROR),
    ("matrix_sdk::http_client", LevelFilter::OFF),
    ("matrix_sdk_base", LevelFilter::ERROR),
    ("matrix_sdk_crypto", LevelFilter::OFF),
    ("matrix_sdk_sqlite", LevelFilter::ERROR),
    ("ruma", LevelFilter::ERROR),
    ("hyper_util", LevelFilter::WARN),
];

/// How many answers are being sent at once; the others wait their turn.
const AT_ONCE: usize = 16;

/// How often the house is kept.
const A_MINUTE: Duration = Duration::from_secs(60);

/// How long questions in hand may take when the program stops.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// What all lanes share.
type SharedMatrixBot = Arc<MatrixBot>;

struct MatrixBot {
    account: Account,
    desk: Arc<Desk>,
    records: Mutex<Records>,
    /// Those who keep the facts.
    moderation: Moderation,
    rate_limiter: Mutex<RateLimiter<(Option<String>, String), String>>,
    sending: Semaphore,
    /// Whose invitations are accepted.
    allow: Vec<String>,
    /// The people who run the bot.
    operators: Vec<String>,
    /// Told when facts were changed here.
    changed: Notify,
    /// Held for reading while something is answered, for writing by who waits for the end of that.
    open: RwLock<()>,
    /// Whether nothing new may begin.
    is_closed: AtomicBool,
}

impl MatrixBot {
    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses the records. What fails is logged, and the bot goes on without.
    fn recorded<T>(&self, what: &str, use_them: impl FnOnce(&Records) -> Result<T, store::StoreError>) -> Option<T> {
        use_them(&self.records()).inspect_err(|error| tracing::error!(%error, "{what}")).ok()
    }

    /// What a room sets; what is shipped if it can't be read.
    fn settings(&self, room: &str) -> CommunitySettings {
        self.recorded("a room's settings could not be read", |records| records.settings(room)).unwrap_or_default()
    }
}

/// Serves on Matrix until `stop` is done. What the operator should see is given to `announce`.
///
/// # Errors
/// If the account can't be used, the session ends, or the database can't be used; each with the remedy.
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
    announce(&format!("Matrix: {user} is coming up, device {device}, fingerprint {fingerprint}."));
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
    // Whoever is being answered is answered; nothing new begins.
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

/// What the operator is told at a start.
fn told(note: &Note) -> String {
    match note {
        Note::RecoveryKeyWritten(path) => format!(
            "The recovery key is in {}. Copy it to a safe place: with it a lost store is rebuilt.",
            path.display()
        ),
        Note::NotCrossSigned => {
            "This device isn't cross-signed, so people's programs may shut it out. If the account is \
                                 cross-signed elsewhere, put its recovery key into a file and name that in \
                                 MATRIX_RECOVERY_KEY_FILE."
                .to_owned()
        }
    }
}

/// Hands what is news on to the lanes of the rooms, and keeps the house.
async fn hand_on(bot: &SharedMatrixBot, mut news: UnboundedReceiver<News>) {
    let mut workers: HashMap<String, Entry> = HashMap::new();
    // What was said while the program was away.
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
                // A room that the account has left needs no lane any more.
                let rooms = bot.account.rooms();
                workers.retain(|room, _| rooms.contains(room));
                for worker in workers.values() {
                    // One that has ended is opened again when something happens.
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

/// Tells management rooms what all share and changed under changes of a room's own.
fn tell_of_shared_changes(bot: &SharedMatrixBot) {
    let conflicts = match bot.moderation.layer_conflicts() {
        Ok(conflicts) => conflicts,
        Err(error) => return tracing::error!(%error, "what changed under rooms' changes could not be looked up"),
    };
    for conflict in conflicts {
        let bot = Arc::clone(bot);
        tokio::spawn(async move {
            for log in &conflict.logs {
                // The homeserver knows a second try; a room that can't be spoken in keeps no other from hearing it.
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
            |error| tracing::warn!(what = %error, "a management room could not be told of shared changes"),
        )?;
    }
    Ok(())
}

/// Has answers of some time ago say what is right now, and tells those who wished to be told of new ones.
fn update_old_answers(bot: &SharedMatrixBot, workers: &mut HashMap<String, Entry>) {
    tell_of_shared_changes(bot);
    match bot.moderation.due_notifications() {
        Ok(due) => due.into_iter().for_each(|due| {
            let room = due.0.channel.clone();
            to_worker(bot, workers, &room, Task::Notify(Box::new(due)));
        }),
        Err(error) => tracing::error!(%error, "those who wish to be told could not be looked up"),
    }
    match bot.moderation.answer_updates() {
        Ok(due) => due.into_iter().for_each(|update| {
            let room = update.answer.channel.clone();
            to_worker(bot, workers, &room, Task::UpdateAnswer(Box::new(update)));
        }),
        Err(error) => tracing::error!(%error, "answers of some time ago could not be looked through"),
    }
}

fn to_worker(bot: &SharedMatrixBot, workers: &mut HashMap<String, Entry>, room: &str, task: Task) {
    let worker = workers.entry(room.to_owned()).or_insert_with(|| room_worker::open(bot, room));
    // A lane that met with an accident is replaced.
    if let Err(task) = worker.put(task) {
        *worker = room_worker::open(bot, room);
        let _ = worker.put(task);
    }
}

/// Forgets what is promised to be forgotten.
fn run_maintenance(bot: &SharedMatrixBot) {
    let now = jiff::Timestamp::now().as_second();
    bot.rate_limiter.lock().unwrap_or_else(PoisonError::into_inner).forget(now);
    bot.recorded("what need not be kept could not be deleted", |records| records.forget(now));
}
