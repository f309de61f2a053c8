//! Measures how fast the bot answers on Matrix: `cargo bench --bench matrix`. Starts a homeserver for it.
//!
//! Prints four results:
//!
//! - from sending a question in an encrypted room to decrypting the answer, homeserver and both clients included;
//! - the bot's own part of that, from the event to the call that sends the answer, as the bot logs it;
//! - the part of the bot and its SDK, from the homeserver's sync response to the request that sends the answer, in a
//!   room without encryption;
//! - 200 questions at once in five rooms.

#[path = "../tests/synapse/mod.rs"]
mod synapse;

use std::collections::HashSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use routedesk::store::records::Records;
use routedesk_matrix::{Account, AccountSettings, LogIn, News};
use serde_json::{Value, json};
use synapse::gate::Gate;
use synapse::{PASSWORD, Person, Server};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The number of questions in each series.
const QUESTIONS: usize = 200;

/// The bot's process, killed on drop.
struct Bot(Child);

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() {
    let Some(server) = Server::shared().await else { return };
    let (gate, _) = Gate::before(&server.address).await;
    let folder = tempfile::tempdir().expect("the temporary directory is created");
    let database = folder.path().join("facts.db");
    let account = server.person("desk").await;
    let bot = Bot(Command::new(env!("CARGO_BIN_EXE_routedesk"))
        .arg("serve")
        .current_dir(folder.path())
        .env("ROUTEDESK_DATABASE", &database)
        .env("MATRIX_HOMESERVER", &gate.address)
        .env("MATRIX_USER", &account.name)
        .env("MATRIX_PASSWORD", PASSWORD)
        .env("MATRIX_ALLOW", "localhost")
        .env("ROUTEDESK_LOG", "routedesk=info")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.path().join("log")).expect("the log is created"))
        .spawn()
        .expect("the bot starts"));
    let mut alice = server.person("alice").await;
    let algorithm = json!({"algorithm": "m.megolm.v1.aes-sha2"});
    let encryption = json!([{"type": "m.room.encryption", "state_key": "", "content": algorithm}]);
    let secret = alice.room_with(&account.id, json!({"initial_state": encryption})).await;
    let plain = alice.room_with(&account.id, json!({})).await;
    free(&database, &[&secret, &plain]);
    let keys = tempfile::tempdir().expect("the temporary directory is created");
    let (friend, mut news) = client(server, &alice, keys.path()).await;
    answered(&friend, &mut news, &secret, &account.id, 0).await;
    let mut times = Vec::new();
    for at in 1..=QUESTIONS {
        times.push(answered(&friend, &mut news, &secret, &account.id, at).await);
    }
    println!("encrypted room, question to answer: {}", spread(times));
    let log = std::fs::read_to_string(folder.path().join("log")).expect("the log is read");
    let shares = log.split("share_us=").skip(1).filter_map(|rest| rest.split_whitespace().next()?.parse().ok());
    println!("the bot's own part: {}", spread(shares.map(Duration::from_micros).collect()));
    gate.shares();
    for _ in 0..QUESTIONS {
        alice.say(&plain, "!ask who flies it?").await;
        alice.hears(&plain, &account.id).await;
    }
    println!("bot and SDK, in a room without encryption: {}", spread(gate.shares()));
    at_once(&mut alice, &account.id, &database).await;
    let (now, most) = (memory(bot.0.id(), "VmRSS:"), memory(bot.0.id(), "VmHWM:"));
    println!("the bot's memory: {now} MB now, peak {most} MB while it was trained at its first start");
}

async fn client(server: &Server, person: &Person, folder: &std::path::Path) -> (Account, UnboundedReceiver<News>) {
    let settings = AccountSettings {
        homeserver: server.address.clone(),
        user: person.name.clone(),
        log_in: Some(LogIn::Password(PASSWORD.into())),
        folder: folder.to_owned(),
        recovery_key: None,
    };
    let account = routedesk_matrix::open(settings).await.expect("the client logs in").account;
    let (tell, news) = unbounded_channel();
    let listening = account.clone();
    tokio::spawn(async move { listening.listen(tell).await });
    (account, news)
}

/// Turns off the rate limits of rooms.
fn free(database: &std::path::Path, rooms: &[&str]) {
    let records = Records::open(database, "matrix").expect("the database opens");
    for room in rooms {
        records
            .set(room, |settings| (settings.per_person, settings.per_channel) = (0, 0))
            .expect("the settings are stored");
    }
}

/// Asks a question and returns the time until the answer.
async fn answered(friend: &Account, news: &mut UnboundedReceiver<News>, room: &str, bot: &str, at: usize) -> Duration {
    let content = json!({"msgtype": "m.text", "body": "!ask who flies it?"});
    let start = Instant::now();
    friend.send(room, "m.room.message", content, &format!("q{at}")).await.expect("the question is sent");
    loop {
        match news.recv().await.expect("the client listens") {
            News::Event(event) if event.sender == bot && event.kind == "m.room.message" => return start.elapsed(),
            _ => {}
        }
    }
}

/// Asks 200 questions in five rooms and prints the time until all are answered.
async fn at_once(alice: &mut Person, bot: &str, database: &std::path::Path) {
    let mut rooms = Vec::new();
    for _ in 0..5 {
        rooms.push(alice.room_with(bot, json!({})).await);
    }
    free(database, &rooms.iter().map(String::as_str).collect::<Vec<_>>());
    let start = Instant::now();
    for at in 0..200 {
        alice.say(&rooms[at % 5], "!ask who flies it?").await;
    }
    let is_answer = |event: &Value| event["type"] == "m.room.message" && event["sender"] == bot;
    let mut questions = HashSet::new();
    while questions.len() < 200 {
        let said = alice.next_in(&rooms, is_answer).await;
        questions.insert(said["content"]["m.relates_to"]["m.in_reply_to"]["event_id"].to_string());
    }
    println!("200 questions at once in five rooms: all answered {:.1?} after the first was asked", start.elapsed());
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    format!("{} times, median {:.1?}, p95 {:.1?}", times.len(), at(0.5), at(0.95))
}

/// Returns a memory figure of a process from a line of `/proc/<pid>/status`, in MiB; 0 on systems without that file.
fn memory(process: u32, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kilobytes = status.lines().find_map(|known| known.strip_prefix(line)?.split_whitespace().next()?.parse().ok());
    kilobytes.unwrap_or(0u64) / 1_024
}
