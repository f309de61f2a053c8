//! Chats with the bot in a room of a local homeserver: `cargo run --release --example matrix_chat`.
//!
//! Runs the bot and the tests' homeserver on the loopback interface, in a room with a moderator and a member. Each line
//! of input is a message. Other input:
//!
//! - `reply …` replies to the bot's last message;
//! - `react 🔔` reacts to it;
//! - `file facts-1.txt !fact import` sends a file with a caption;
//! - `as moderator` and `as member` change the sender.
//!
//! Files from the bot are saved in the directory for temporary files.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use routedesk::config::Config;
use routedesk::desk::Desk;
use routedesk::platform::matrix::serve;
use routedesk::store::{Meta, Store};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

#[path = "chat/lines.rs"]
mod lines;
#[path = "../tests/synapse/mod.rs"]
mod synapse;

use synapse::{PASSWORD, Person, Server, coded};

/// The bot has finished when it sends nothing for this long.
const SILENCE: Duration = Duration::from_millis(1_500);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(server) = Server::start("{per_second: 10000, burst_count: 10000}").await else { return Ok(()) };
    let bot = server.person("desk").await;
    let database = folder.path().join("facts.db").display().to_string();
    let config = Config::read_from(&[
        ("ROUTEDESK_DATABASE", database.as_str()),
        ("MATRIX_HOMESERVER", &server.address),
        ("MATRIX_USER", &bot.name),
        ("MATRIX_PASSWORD", PASSWORD),
        ("MATRIX_ALLOW", "localhost"),
    ])?;
    let meta = Meta { made_at: String::new(), who: "chat".into(), place: "chat".into(), why: String::new() };
    let desk = Arc::new(Desk::open(Store::open(&config.database)?, &meta)?.0);
    let matrix = config.matrix.expect("a homeserver is set");
    tokio::spawn(async move { serve(&matrix, desk, &config.database, |_| {}, std::future::pending()).await });
    let (mut moderator, member) = (server.person("moderator").await, server.person("member").await);
    let room = moderator.room_with(&bot.id, json!({"preset": "public_chat"})).await;
    member.call("POST", &format!("/join/{}", coded(&room)), &json!({})).await;
    let listener = server.person("listener").await;
    listener.call("POST", &format!("/join/{}", coded(&room)), &json!({})).await;
    let mut chat = Chat { room, bot: bot.id, moderator, member, is_moderator: false, last: String::new() };
    chat.talk(listener).await;
    Ok(())
}

struct Chat {
    room: String,
    bot: String,
    moderator: Person,
    member: Person,
    is_moderator: bool,
    /// Event id of the bot's last message.
    last: String,
}

impl Chat {
    async fn talk(&mut self, mut listener: Person) {
        let (mut lines, room) = (lines::typed(), self.room.clone());
        let (give, mut events) = unbounded_channel();
        tokio::spawn(async move { while give.send(listener.any(&room).await).is_ok() {} });
        loop {
            // Show everything that a line causes before the next prompt.
            while let Ok(Some(event)) = tokio::time::timeout(SILENCE, events.recv()).await {
                self.show(&event).await;
            }
            print!("{}> ", if self.is_moderator { "moderator" } else { "member" });
            let _ = std::io::stdout().flush();
            let Some(line) = lines.recv().await else { return println!() };
            self.take(line.trim()).await;
        }
    }

    async fn take(&mut self, line: &str) {
        let person = if self.is_moderator { &mut self.moderator } else { &mut self.member };
        match (line, line.split_once(' ')) {
            ("", _) => {}
            ("as member" | "as moderator", _) => self.is_moderator = line.ends_with("moderator"),
            (_, Some(("reply", text))) => drop(person.reply(&self.room, &self.last, text).await),
            (_, Some(("file", rest))) => {
                let (path, caption) = rest.split_once(' ').unwrap_or((rest, "facts.txt"));
                match std::fs::read(path) {
                    Ok(bytes) => drop(person.file(&self.room, &bytes, caption).await),
                    Err(error) => println!("{path}: {error}"),
                }
            }
            (_, Some(("react", sign))) => drop(person.react(&self.room, &self.last, sign).await),
            _ => drop(person.say(&self.room, line).await),
        }
    }

    async fn show(&mut self, event: &Value) {
        let content = &event["content"];
        if event["sender"] != self.bot.as_str() {
            return;
        }
        if let Some(address) = content["url"].as_str() {
            let text = self.member.download(address).await;
            return lines::keep(content["body"].as_str().unwrap_or_default(), &text);
        }
        match (event["type"].as_str(), content["body"].as_str()) {
            (Some("m.room.message"), Some(body)) => {
                let is_correction = content["m.new_content"].is_object();
                println!("routedesk{}:", if is_correction { ", edited" } else { "" });
                body.lines().for_each(|line| println!("    {line}"));
                if !is_correction {
                    self.last = event["event_id"].as_str().unwrap_or_default().to_owned();
                }
            }
            (Some("m.reaction"), _) => {
                println!("    [{}]", content["m.relates_to"]["key"].as_str().unwrap_or_default());
            }
            _ => {}
        }
    }
}
