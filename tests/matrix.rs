//! The bot against a real homeserver on the loopback interface.
#![cfg(feature = "matrix")]

mod common;
mod synapse;

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use routedesk::config::Config;
use routedesk::desk::Desk;
use routedesk::language::Language;
use routedesk::platform::matrix::{render, serve};
use routedesk::store::records::Records;
use routedesk::store::settings::Settings;
use routedesk::store::{Meta, Store};
use routedesk::utterance::Utterance;
use serde_json::{Value, json};
use synapse::{PASSWORD, Person, Server};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A database that is made once; each bot gets a copy.
static DATABASE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(&folder.path().join("facts.db")));
    folder
});

fn open(path: &Path) -> Desk {
    let meta = Meta { made_at: String::new(), who: "test".into(), place: "test".into(), why: String::new() };
    Desk::open(Store::open(path).expect("a database"), &meta).expect("a desk").0
}

/// A bot that serves on a homeserver.
struct Bot {
    account: Person,
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    told: Arc<Mutex<Vec<String>>>,
    running: Option<(JoinHandle<anyhow::Result<()>>, oneshot::Sender<()>)>,
}

impl Bot {
    /// A bot that accepts invitations of everybody on the homeserver.
    async fn start(server: &Server) -> Self {
        let mut bot = Self::new(server).await;
        bot.come_up().await;
        bot
    }

    async fn new(server: &Server) -> Self {
        let account = server.person("desk").await;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::copy(DATABASE.path().join("facts.db"), folder.path().join("facts.db")).expect("a copy");
        let database = folder.path().join("facts.db").display().to_string();
        let variables = [
            ("ROUTEDESK_DATABASE", database.as_str()),
            ("MATRIX_HOMESERVER", &server.address),
            ("MATRIX_USER", &account.name),
            ("MATRIX_PASSWORD", PASSWORD),
            ("MATRIX_ALLOW", "localhost"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { account, folder, variables, told: Arc::default(), running: None }
    }

    fn id(&self) -> &str {
        &self.account.id
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    fn records(&self) -> Records {
        Records::open(&self.folder.path().join("facts.db"), "matrix").expect("the database")
    }

    fn set_room(&self, room: &str, change: impl FnOnce(&mut Settings)) {
        self.records().set(room, change).expect("settings are kept");
    }

    async fn come_up(&mut self) {
        let variables: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let config = Config::read_from(&variables).expect("a config");
        let (stop, stopped) = oneshot::channel();
        let desk = Arc::new(open(&config.database));
        let told = Arc::clone(&self.told);
        let task = tokio::spawn(async move {
            let announce = |text: &str| told.lock().expect("nobody panics").push(text.to_owned());
            let matrix = config.matrix.expect("a homeserver is set");
            serve(&matrix, desk, &config.database, announce, async { drop(stopped.await) }).await
        });
        self.running = Some((task, stop));
    }

    /// As if the process were told to stop.
    async fn stop(&mut self) {
        let (task, stop) = self.running.take().expect("it runs");
        stop.send(()).expect("it listens");
        task.await.expect("it doesn't panic").expect("it stops well");
    }

    /// Why it ended by itself.
    async fn why(&mut self) -> String {
        let (task, _stop) = self.running.take().expect("it runs");
        task.await.expect("it doesn't panic").expect_err("it ends badly").to_string()
    }
}

/// What the desk says to a question, as the plain form of an event.
fn expected(question: &str) -> String {
    let reply = common::DESK.hear(&Utterance::new(question)).reply;
    render::parts(&reply, &reply.language.pack().phrases.room_choose)[0].body.clone()
}

fn body(event: &Value) -> &str {
    event["content"]["body"].as_str().expect("a body")
}

fn replied_to(event: &Value) -> &str {
    event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"].as_str().expect("a reply")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_addresses_the_bot_in_a_room_is_answered() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), json!({})).await;
    alice.say(&room, "how much is a ticket?").await;
    alice.say(&room, &format!("I once asked {} about it", bot.account.name)).await;
    let notice = json!({"msgtype": "m.notice", "body": format!("{}: price?", bot.account.name)});
    alice.send(&room, "m.room.message", notice).await;
    let asked = alice.say(&room, &format!("{}: how much is a tikcet?", bot.account.name)).await;
    let said = alice.hears(&room, bot.id()).await;
    assert_eq!(body(&said), expected("how much is a tikcet?"));
    assert_eq!(replied_to(&said), asked);
    let content = &said["content"];
    assert_eq!((&content["msgtype"], &content["m.mentions"]), (&json!("m.notice"), &json!({})));
    assert!(content["formatted_body"].as_str().unwrap().contains("<li>[1] <a href=\"https://"), "{content}");
    // With a mention, by the command, and as a reply to the bot, also by somebody else.
    let mention = json!({"msgtype": "m.text", "body": "who flies it?", "m.mentions": {"user_ids": [bot.id()]}});
    alice.send(&room, "m.room.message", mention).await;
    assert_eq!(body(&alice.hears(&room, bot.id()).await), expected("who flies it?"));
    alice.say(&room, "!ask flights from Vladivostok?").await;
    let said = alice.hears(&room, bot.id()).await;
    let answer = said["event_id"].as_str().unwrap();
    alice.reply(&room, answer, "who operates them").await;
    assert!(body(&alice.hears(&room, bot.id()).await).starts_with("Air Koryo operated the Vladivostok flights"));
    alice.say(&room, "!ask сколько стоит билет").await;
    assert!(body(&alice.hears(&room, bot.id()).await).starts_with("Билет стоил"));
    assert_eq!(alice.all_from(&room, bot.id()).await.len(), 5);
}
