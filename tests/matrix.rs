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

#[tokio::test(flavor = "multi_thread")]
async fn threads_are_answered_in_the_thread_and_never_begun() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), json!({})).await;
    let root = alice.say(&room, "about that flight").await;
    let in_thread = |text: &str, last: &str| {
        let relation = json!({"rel_type": "m.thread", "event_id": root, "is_falling_back": true,
                              "m.in_reply_to": {"event_id": last}});
        json!({"msgtype": "m.text", "body": text, "m.relates_to": relation})
    };
    let asked = alice.send(&room, "m.room.message", in_thread("!ask how long is the flight?", &root)).await;
    let said = alice.hears(&room, bot.id()).await;
    let relation = &said["content"]["m.relates_to"];
    assert_eq!((&relation["rel_type"], &relation["event_id"]), (&json!("m.thread"), &json!(root)));
    assert_eq!(relation["is_falling_back"], false);
    assert_eq!(replied_to(&said), asked);
    // The last message of the thread, to which programs without threads show a reply, is the bot's: that is no question.
    let answer = said["event_id"].as_str().unwrap();
    alice.send(&room, "m.room.message", in_thread("nice", answer)).await;
    alice.say(&room, "!ask who flies it?").await;
    let said = alice.hears(&room, bot.id()).await;
    assert_eq!(body(&said), expected("who flies it?"));
    assert!(said["content"]["m.relates_to"]["rel_type"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_chats_and_follow_ups() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), json!({"is_direct": true, "preset": "trusted_private_chat"})).await;
    alice.say(&room, "flights from Vladivostok?").await;
    alice.hears(&room, bot.id()).await;
    alice.say(&room, "who operates them").await;
    let said = alice.hears(&room, bot.id()).await;
    assert!(body(&said).starts_with("Air Koryo operated the Vladivostok flights"), "{said}");
    for (command, begins) in [
        ("!help", "Ask me in your own words"),
        ("!topics", "What the sources answer"),
        ("!темы 1", ""),
        ("!sources", "\""),
        ("!privacy", "Of what you write"),
        ("!desk", "Questions within a minute"),
    ] {
        alice.say(&room, command).await;
        let said = alice.hears(&room, bot.id()).await;
        assert!(body(&said).starts_with(begins), "{command}: {said}");
    }
    // Questions without an answer are kept for moderators; in a direct chat there are none.
    alice.say(&room, "can I take my dog?").await;
    alice.hears(&room, bot.id()).await;
    assert_eq!(bot.records().questions(&room, 10).unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_made_by_number_and_by_reaction() {
    let Some(server) = Server::shared().await else { return };
    let mut bot = Bot::start(server).await;
    let (mut alice, mut bob) = (server.person("alice").await, server.person("bob").await);
    let room = alice.room_with(bot.id(), json!({"preset": "public_chat"})).await;
    bob.call("POST", &format!("/join/{}", synapse::coded(&room)), &json!({})).await;
    let choices = common::DESK.hear(&Utterance::new("train")).reply.choices;
    assert!(choices.len() >= 2, "{choices:?}");
    let answer = |at: usize| common::DESK.topic(&choices[at].topic, Language::English).body;
    alice.say(&room, "!ask train").await;
    let offer = alice.hears(&room, bot.id()).await;
    assert_eq!(body(&offer), expected("train"));
    let offer_id = offer["event_id"].as_str().unwrap();
    for number in 1..=choices.len() {
        let key = alice.next(&room, |event| event["type"] == "m.reaction" && event["sender"] == bot.id()).await;
        assert_eq!(key["content"]["m.relates_to"]["key"], format!("{number}\u{fe0f}\u{20e3}"));
        assert_eq!(key["content"]["m.relates_to"]["event_id"], offer_id);
    }
    // Only who was asked chooses.
    bob.say(&room, "2").await;
    bob.react(&room, offer_id, "2\u{fe0f}\u{20e3}").await;
    bob.reply(&room, offer_id, "2").await;
    // What a reply to the bot says otherwise is a question of its own.
    let said = alice.hears(&room, bot.id()).await;
    assert!(!body(&said).starts_with(&answer(1)), "{said}");
    alice.say(&room, "2").await;
    assert!(body(&alice.hears(&room, bot.id()).await).starts_with(&answer(1)));
    // After a restart, too, a reaction and a reply are understood.
    bot.stop().await;
    bot.come_up().await;
    alice.react(&room, offer_id, "1\u{fe0f}\u{20e3}").await;
    let said = alice.hears(&room, bot.id()).await;
    assert!(body(&said).starts_with(&answer(0)), "{said}");
    alice.reply(&room, offer_id, "2.").await;
    assert!(body(&alice.hears(&room, bot.id()).await).starts_with(&answer(1)));
    assert_eq!(alice.all_from(&room, bot.id()).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_question_corrects_its_answer() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), json!({})).await;
    let edit = |original: &str, text: &str| {
        json!({"msgtype": "m.text", "body": format!("* {text}"), "m.new_content": {"msgtype": "m.text", "body": text},
               "m.relates_to": {"rel_type": "m.replace", "event_id": original}})
    };
    let asked = alice.say(&room, "!ask how long is the train ride?").await;
    let said = alice.hears(&room, bot.id()).await;
    let answer = said["event_id"].as_str().unwrap().to_owned();
    alice.send(&room, "m.room.message", edit(&asked, "!ask how long is the flight?")).await;
    let corrected = alice.hears(&room, bot.id()).await;
    let relation = &corrected["content"]["m.relates_to"];
    assert_eq!(relation, &json!({"rel_type": "m.replace", "event_id": answer}));
    assert_eq!(corrected["content"]["m.new_content"]["body"], expected("how long is the flight?"));
    // A message that becomes a question is answered once.
    let chat = alice.say(&room, "who flies it").await;
    alice.send(&room, "m.room.message", edit(&chat, "!ask who flies it")).await;
    let said = alice.hears(&room, bot.id()).await;
    assert_eq!((body(&said), replied_to(&said)), (expected("who flies it").as_str(), chat.as_str()));
    assert_eq!(alice.all_from(&room, bot.id()).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_removed_by_who_may() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let (mut alice, mut bob) = (server.person("alice").await, server.person("bob").await);
    let room = alice.room_with(bot.id(), json!({"preset": "public_chat"})).await;
    bob.call("POST", &format!("/join/{}", synapse::coded(&room)), &json!({})).await;
    let gone = |answer: String| {
        move |event: &Value| {
            event["type"] == "m.room.redaction"
                && (event["redacts"] == answer.as_str() || event["content"]["redacts"] == answer.as_str())
        }
    };
    let ask = async |alice: &mut Person| {
        let asked = alice.say(&room, "!ask who flies it?").await;
        (asked, alice.hears(&room, bot.id()).await["event_id"].as_str().unwrap().to_owned())
    };
    // The asker, and a moderator; nobody else.
    let (_, answer) = ask(&mut alice).await;
    bob.react(&room, &answer, "🗑️").await;
    let asked = bob.say(&room, "!ask who flies it?").await;
    let of_bob = bob.next(&room, |event| event["type"] == "m.room.message" && replies_to(event, &asked)).await;
    let of_bob = of_bob["event_id"].as_str().unwrap().to_owned();
    assert!(!bob.all(&room).await.iter().any(gone(answer.clone())));
    alice.react(&room, &of_bob, "🗑").await;
    alice.next(&room, gone(of_bob)).await;
    alice.react(&room, &answer, "🗑️").await;
    alice.next(&room, gone(answer)).await;
    // With its question, if the room wishes for that.
    alice.say(&room, "!desk set removal on").await;
    alice.hears(&room, bot.id()).await;
    let (asked, answer) = ask(&mut alice).await;
    let path = format!("/rooms/{}/redact/{}/r1", synapse::coded(&room), synapse::coded(&asked));
    alice.call("PUT", &path, &json!({})).await;
    alice.next(&room, gone(answer)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_set_by_those_who_may() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let (mut alice, mut bob) = (server.person("alice").await, server.person("bob").await);
    // Room version 12 gives who made the room a level above all numbers; in version 10 it is 100.
    for version in ["10", "12"] {
        let room = alice.room_with(bot.id(), json!({"preset": "public_chat", "room_version": version})).await;
        bob.call("POST", &format!("/join/{}", synapse::coded(&room)), &json!({})).await;
        bob.say(&room, "!desk set mention on").await;
        let said = bob.hears(&room, bot.id()).await;
        assert!(body(&said).starts_with("Only those who moderate"), "{said}");
        alice.say(&room, "!desk set colour red").await;
        alice.next(&room, |event| body_of(event).starts_with("To change one")).await;
        for (setting, told) in [("mention on", "I mention who asked."), ("text on", "ordinary messages"), ("person 3", "3 a person")] {
            alice.say(&room, &format!("!desk set {setting}")).await;
            alice.next(&room, |event| body_of(event).contains(told)).await;
        }
        // From a fourth question within a minute on the person waits, and is told so once.
        for _ in 0..3 {
            bob.say(&room, "!ask who flies it?").await;
        }
        let said = bob.next(&room, |event| body_of(event).starts_with("Nordwind")).await;
        assert_eq!(said["content"]["msgtype"], "m.text");
        assert_eq!(said["content"]["m.mentions"]["user_ids"], json!([bob.id]));
        let said = bob.next(&room, |event| event["sender"] == bot.id() && !body_of(event).starts_with("Nordwind")).await;
        assert!(body(&said).starts_with("You have asked a lot"), "{said}");
        alice.say(&room, "!ask can I bring my parrot along").await;
        alice.next(&room, |event| body_of(event).contains("sources don't")).await;
        assert_eq!(bot.records().questions(&room, 10).unwrap().len(), 1);
    }
}

fn replies_to(event: &Value, question: &str) -> bool {
    event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == question
}

fn body_of(event: &Value) -> &str {
    event["content"]["body"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bot_goes_only_where_it_is_invited_by_those_who_may() {
    let Some(server) = Server::shared().await else { return };
    let (mut alice, mut mallory) = (server.person("alice").await, server.person("mallory").await);
    let mut bot = Bot::new(server).await;
    bot.set("MATRIX_ALLOW", &alice.id);
    // Both invite while it is away.
    let refused = mallory.room(json!({"invite": [bot.id()]})).await;
    let room = alice.room(json!({"invite": [bot.id()], "preset": "public_chat"})).await;
    bot.come_up().await;
    alice.until_in(&room, bot.id(), "join").await;
    let later = mallory.room(json!({"invite": [bot.id()]})).await;
    // Sent out, it stays out until it is invited again.
    let path = |what: &str| format!("/rooms/{}/{what}", synapse::coded(&room));
    alice.call("POST", &path("kick"), &json!({"user_id": bot.id()})).await;
    alice.until_in(&room, bot.id(), "leave").await;
    alice.say(&room, &format!("@{} who flies it?", bot.account.name)).await;
    alice.call("POST", &path("invite"), &json!({"user_id": bot.id()})).await;
    alice.until_in(&room, bot.id(), "join").await;
    alice.say(&room, "!ask who flies it?").await;
    alice.hears(&room, bot.id()).await;
    // Its settings go along when the room is replaced by a newer one.
    bot.set_room(&room, |settings| settings.as_text = true);
    let next = alice.call("POST", &path("upgrade"), &json!({"new_version": "11"})).await;
    let next = next["replacement_room"].as_str().unwrap().to_owned();
    alice.until_in(&next, bot.id(), "join").await;
    alice.say(&next, "!ask who flies it?").await;
    let said = alice.hears(&next, bot.id()).await;
    assert_eq!(body(&said), expected("who flies it?"));
    // A room in which it is alone is left.
    let empty = alice.room_with(bot.id(), json!({})).await;
    alice.call("POST", &format!("/rooms/{}/leave", synapse::coded(&empty)), &json!({})).await;
    let joined = bot.account.call("GET", "/joined_rooms", &Value::Null).await;
    let is_in = |joined: &Value, room: &str| joined["joined_rooms"].as_array().unwrap().iter().any(|id| id == room);
    assert!(is_in(&joined, &next) && !is_in(&joined, &refused) && !is_in(&joined, &later));
    bot.account.until_left(&empty).await;
}
