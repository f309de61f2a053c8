//! Tests the bot against a Synapse homeserver on the loopback interface. The tests are skipped without a homeserver.
#![cfg(feature = "matrix")]

mod common;
#[path = "matrix/moderating.rs"]
mod moderating;
mod scenario;
#[cfg(feature = "discord")]
#[allow(dead_code)]
mod standin;
mod synapse;

use std::path::Path;
use std::sync::{Arc, Mutex};

use routedesk::config::Config;
use routedesk::language::Language;
use routedesk::platform::matrix::{render, serve};
use routedesk::store::Scope;
use routedesk::store::records::Records;
use routedesk::store::settings::CommunitySettings;
use routedesk::utterance::Utterance;
use routedesk_matrix::{Account, Event, LogIn, News};
use serde_json::{Value, json};
use synapse::gate::{Gate, Point};
use synapse::{PASSWORD, Person, Server};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A bot with an account on a homeserver.
struct Bot {
    account: Person,
    folder: tempfile::TempDir,
    /// Environment variables.
    variables: Vec<(String, String)>,
    /// Notices that the bot printed for the operator.
    told: Arc<Mutex<Vec<String>>>,
    running: Option<(JoinHandle<anyhow::Result<()>>, oneshot::Sender<()>)>,
}

impl Bot {
    /// Starts a bot that accepts invitations from everybody on the homeserver.
    async fn start(server: &Server) -> Self {
        let mut bot = Self::new(server).await;
        bot.come_up().await;
        bot
    }

    async fn new(server: &Server) -> Self {
        let account = server.person("desk").await;
        let folder = tempfile::tempdir().expect("the temporary directory is created");
        let database = common::database_in(folder.path()).display().to_string();
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
        Records::open(&self.folder.path().join("facts.db"), "matrix").expect("the database opens")
    }

    fn set_room(&self, room: &str, change: impl FnOnce(&mut CommunitySettings)) {
        self.records().set(room, change).expect("the settings are stored");
    }

    async fn come_up(&mut self) {
        let variables: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let config = Config::read_from(&variables).expect("a valid configuration");
        let (stop, stopped) = oneshot::channel();
        let desk = Arc::new(common::open(&config.database));
        let told = Arc::clone(&self.told);
        let task = tokio::spawn(async move {
            let announce =
                |text: &str| told.lock().expect("no thread panics while it holds the lock").push(text.to_owned());
            let matrix = config.matrix.expect("a homeserver is set");
            serve(&matrix, desk, &config.database, announce, async { drop(stopped.await) }).await
        });
        self.running = Some((task, stop));
    }

    /// Stops the bot as a signal would.
    async fn stop(&mut self) {
        let (task, stop) = self.running.take().expect("the bot is running");
        stop.send(()).expect("the bot waits for the stop");
        task.await.expect("the bot doesn't panic").expect("the bot stops without an error");
    }

    /// Waits until the bot fails and returns the error.
    async fn why(&mut self) -> String {
        let (task, _stop) = self.running.take().expect("the bot is running");
        task.await.expect("the bot doesn't panic").expect_err("the bot fails").to_string()
    }
}

/// Returns the desk's reply to a question as the plain body of an event.
fn expected(question: &str) -> String {
    let reply = common::DESK.answer(&Utterance::new(question)).reply;
    render::parts(&reply)[0].body.clone()
}

fn body(event: &Value) -> &str {
    event["content"]["body"].as_str().expect("a body")
}

fn replied_to(event: &Value) -> &str {
    event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"].as_str().expect("a reply")
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_address_the_bot_are_answered() {
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
    // A mention, the command, and a reply to the bot.
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
async fn answers_stay_in_threads_and_start_none() {
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
    // Clients add a reply to the last message of the thread as a fallback. Here that message is the bot's, which
    // doesn't make the message a question.
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
        ("!topics", "Questions that the sources answer"),
        ("!темы 1", ""),
        ("!sources", "\""),
        ("!privacy", "In rooms with several people only"),
        ("!desk", "Questions per minute"),
    ] {
        alice.say(&room, command).await;
        let said = alice.hears(&room, bot.id()).await;
        assert!(body(&said).starts_with(begins), "{command}: {said}");
    }
    // Questions without an answer are queued for moderators, but not those from a direct chat, which has none.
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
    let choices = common::DESK.answer(&Utterance::new("train")).reply.choices;
    assert!(choices.len() >= 2, "{choices:?}");
    let answer = |at: usize| common::DESK.topic(&Scope::Shared, &choices[at].topic, Language::English).body;
    alice.say(&room, "!ask train").await;
    let offer = alice.hears(&room, bot.id()).await;
    assert_eq!(body(&offer), expected("train"));
    let offer_id = offer["event_id"].as_str().unwrap();
    for number in 1..=choices.len() {
        let key = alice.next(&room, |event| event["type"] == "m.reaction" && event["sender"] == bot.id()).await;
        assert_eq!(key["content"]["m.relates_to"]["key"], format!("{number}\u{fe0f}\u{20e3}"));
        assert_eq!(key["content"]["m.relates_to"]["event_id"], offer_id);
    }
    // Only the asker can choose.
    bob.say(&room, "2").await;
    bob.react(&room, offer_id, "2\u{fe0f}\u{20e3}").await;
    bob.reply(&room, offer_id, "2").await;
    // Another person's reply to the bot is a new question.
    let said = alice.hears(&room, bot.id()).await;
    assert!(!body(&said).starts_with(&answer(1)), "{said}");
    alice.say(&room, "2").await;
    assert!(body(&alice.hears(&room, bot.id()).await).starts_with(&answer(1)));
    // Reactions and replies work after a restart, too.
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
async fn an_edited_question_updates_its_answer() {
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
async fn only_askers_and_moderators_remove_answers() {
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
    // Only the asker and moderators can remove an answer.
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
    // With the setting, the answer is removed together with its question.
    alice.say(&room, "!desk set removal on").await;
    alice.hears(&room, bot.id()).await;
    let (asked, answer) = ask(&mut alice).await;
    let path = format!("/rooms/{}/redact/{}/r1", synapse::coded(&room), synapse::coded(&asked));
    alice.call("PUT", &path, &json!({})).await;
    alice.next(&room, gone(answer)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_moderators_change_the_settings_of_a_room() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let (mut alice, mut bob) = (server.person("alice").await, server.person("bob").await);
    // In room version 12 the creator is above all power levels; in version 10 the creator has level 100.
    for version in ["10", "12"] {
        let room = alice.room_with(bot.id(), json!({"preset": "public_chat", "room_version": version})).await;
        bob.call("POST", &format!("/join/{}", synapse::coded(&room)), &json!({})).await;
        bob.say(&room, "!desk set mention on").await;
        let said = bob.hears(&room, bot.id()).await;
        assert!(body(&said).starts_with("Only this room's moderators may"), "{said}");
        alice.say(&room, "!desk set colour red").await;
        alice.next(&room, |event| body_of(event).starts_with("To change a setting")).await;
        for (setting, told) in [
            ("mention on", "I mention the person who asked."),
            ("text on", "ordinary messages"),
            ("person 3", "3 per person"),
        ] {
            alice.say(&room, &format!("!desk set {setting}")).await;
            alice.next(&room, |event| body_of(event).contains(told)).await;
        }
        // The limit is three questions within a minute. The bot tells the person about it once.
        for _ in 0..3 {
            bob.say(&room, "!ask who flies it?").await;
        }
        let said = bob.next(&room, |event| body_of(event).starts_with("Nordwind")).await;
        assert_eq!(said["content"]["msgtype"], "m.text");
        assert_eq!(said["content"]["m.mentions"]["user_ids"], json!([bob.id]));
        let said =
            bob.next(&room, |event| event["sender"] == bot.id() && !body_of(event).starts_with("Nordwind")).await;
        assert!(body(&said).starts_with("You asked many questions"), "{said}");
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
async fn only_allowed_invitations_are_accepted() {
    let Some(server) = Server::shared().await else { return };
    let (mut alice, mallory) = (server.person("alice").await, server.person("mallory").await);
    let mut bot = Bot::new(server).await;
    bot.set("MATRIX_ALLOW", &alice.id);
    // Both invite the bot while it is offline.
    let refused = mallory.room(json!({"invite": [bot.id()]})).await;
    let room = alice.room(json!({"invite": [bot.id()], "preset": "public_chat"})).await;
    bot.come_up().await;
    alice.until_in(&room, bot.id(), "join").await;
    let later = mallory.room(json!({"invite": [bot.id()]})).await;
    // After a kick, the bot stays out until it is invited again.
    let path = |what: &str| format!("/rooms/{}/{what}", synapse::coded(&room));
    alice.call("POST", &path("kick"), &json!({"user_id": bot.id()})).await;
    alice.until_in(&room, bot.id(), "leave").await;
    alice.say(&room, &format!("@{} who flies it?", bot.account.name)).await;
    alice.call("POST", &path("invite"), &json!({"user_id": bot.id()})).await;
    alice.until_in(&room, bot.id(), "join").await;
    alice.say(&room, "!ask who flies it?").await;
    alice.hears(&room, bot.id()).await;
    // After an upgrade of the room, the new room has the settings of the old one.
    bot.set_room(&room, |settings| settings.as_text = true);
    let next = alice.call("POST", &path("upgrade"), &json!({"new_version": "11"})).await;
    let next = next["replacement_room"].as_str().unwrap().to_owned();
    alice.until_in(&next, bot.id(), "join").await;
    alice.say(&next, "!ask who flies it?").await;
    let said = alice.hears(&next, bot.id()).await;
    assert_eq!(body(&said), expected("who flies it?"));
    // The bot leaves a room in which it is alone.
    let empty = alice.room_with(bot.id(), json!({})).await;
    alice.call("POST", &format!("/rooms/{}/leave", synapse::coded(&empty)), &json!({})).await;
    let joined = bot.account.call("GET", "/joined_rooms", &Value::Null).await;
    let is_in = |joined: &Value, room: &str| joined["joined_rooms"].as_array().unwrap().iter().any(|id| id == room);
    assert!(is_in(&joined, &next));
    assert!(![refused, later].iter().any(|room| is_in(&joined, room)));
    bot.account.until_left(&empty).await;
}

/// A person on a client with encryption.
struct Friend {
    account: Account,
    news: UnboundedReceiver<News>,
    sent: u32,
    _folder: tempfile::TempDir,
}

impl Friend {
    async fn of(server: &Server, person: &Person) -> Self {
        let folder = tempfile::tempdir().expect("the temporary directory is created");
        let account = Self::log_in(server, person, folder.path()).await;
        let (tell, news) = unbounded_channel();
        let listening = account.clone();
        tokio::spawn(async move { listening.listen(tell).await });
        Self { account, news, sent: 0, _folder: folder }
    }

    async fn log_in(server: &Server, person: &Person, folder: &Path) -> Account {
        let settings = routedesk_matrix::AccountSettings {
            homeserver: server.address.clone(),
            user: person.name.clone(),
            log_in: Some(LogIn::Password(PASSWORD.into())),
            folder: folder.to_owned(),
            recovery_key: None,
        };
        routedesk_matrix::open(settings).await.expect("the client logs in").account
    }

    async fn say(&mut self, room: &str, text: &str) -> String {
        self.sent += 1;
        let content = json!({"msgtype": "m.text", "body": text});
        self.account
            .send(room, "m.room.message", content, &format!("f{}", self.sent))
            .await
            .expect("the message is sent")
    }

    /// Returns the next decrypted message from `from`.
    async fn hears(&mut self, from: &str) -> Event {
        let heard = async {
            loop {
                match self.news.recv().await.expect("the client listens") {
                    News::Event(event) if event.sender == from && event.kind == "m.room.message" => return *event,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), heard).await.expect("the message arrives in time")
    }
}

/// Returns the settings of an encrypted room whose keys rotate after every second message.
fn encrypted() -> Value {
    let content = json!({"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": 2});
    json!({"initial_state": [{"type": "m.room.encryption", "state_key": "", "content": content}]})
}

fn text(event: &Event) -> &str {
    event.content["body"].as_str().expect("a body")
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_rooms_work_across_restarts_and_a_lost_store() {
    let Some(server) = Server::shared().await else { return };
    let mut bot = Bot::start(server).await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), encrypted()).await;
    let mut friend = Friend::of(server, &alice).await;
    for question in ["who flies it?", "how much is a ticket?", "how long is the flight?"] {
        friend.say(&room, &format!("!ask {question}")).await;
        assert_eq!(text(&friend.hears(bot.id()).await), expected(question));
    }
    // An encrypted event can't be a state event, even if its content has a `state_key`.
    let trap = json!({"preset": "public_chat", "creation_content": {"predecessor": {"room_id": room}}});
    let trap = alice.room(trap).await;
    let forged = json!({"body": "moved", "replacement_room": trap, "state_key": ""});
    friend.account.send(&room, "m.room.tombstone", forged, "forged").await.unwrap();
    let folder = bot.folder.path().join("matrix");
    let key = folder.join("recovery.key");
    assert!(bot.told.lock().unwrap().iter().any(|told| told.contains(&key.display().to_string())));
    #[cfg(unix)]
    for (path, mode) in [(&folder, 0o700), (&key, 0o600), (&folder.join("store.key"), 0o600)] {
        let permissions = std::fs::metadata(path).unwrap().permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777, mode, "{}", path.display());
    }
    let device =
        |bot: &Bot| bot.told.lock().unwrap().iter().rfind(|told| told.contains("is starting")).cloned().unwrap();
    // A question from the time without the bot is answered once, by the same device.
    bot.stop().await;
    friend.say(&room, "!ask how often does it fly?").await;
    let before = device(&bot);
    bot.come_up().await;
    assert_eq!(text(&friend.hears(bot.id()).await), expected("how often does it fly?"));
    assert_eq!(device(&bot), before);
    bot.stop().await;
    bot.come_up().await;
    friend.say(&room, "!ask who is Kozlov?").await;
    assert_eq!(text(&friend.hears(bot.id()).await), expected("who is Kozlov?"));
    assert!(!bot.told.lock().unwrap().iter().any(|told| told.contains("cross-signed")));
    // After the loss of the store, the bot creates a new device and cross-signs it with the recovery key.
    bot.stop().await;
    std::fs::remove_dir_all(folder.join("store")).unwrap();
    bot.told.lock().unwrap().clear();
    bot.come_up().await;
    // The answer to a message without encryption tells the others about the new device.
    alice.say(&room, "!ask how often does it fly?").await;
    assert_eq!(text(&friend.hears(bot.id()).await), expected("how often does it fly?"));
    friend.say(&room, "!ask which aircraft?").await;
    assert_eq!(text(&friend.hears(bot.id()).await), expected("which aircraft?"));
    assert_ne!(device(&bot), before);
    assert!(!bot.told.lock().unwrap().iter().any(|told| told.contains("cross-signed")));
    assert!(!bot.account.call("GET", "/joined_rooms", &Value::Null).await.to_string().contains(&trap));
    let sent = alice.all_from(&room, bot.id()).await;
    assert!(sent.len() == 7 && sent.iter().all(|event| event["type"] == "m.room.encrypted"), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_shares_no_code_reads_the_answer() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), encrypted()).await;
    let python = synapse::python().expect("the homeserver was started with it").join("bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/synapse/friend.py");
    let output = tokio::process::Command::new(python)
        .arg(script)
        .args([&server.address, &alice.name, PASSWORD, &room, "!ask who flies it?", bot.id()])
        .output()
        .await
        .expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim_end(), expected("who flies it?"), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn undecrypted_questions_are_answered_when_the_key_arrives() {
    let Some(server) = Server::shared().await else { return };
    let (gate, _) = Gate::before(&server.address).await;
    let mut bot = Bot::new(server).await;
    bot.set("MATRIX_HOMESERVER", &gate.address);
    bot.come_up().await;
    let mut alice = server.person("alice").await;
    let mut direct = encrypted();
    direct.as_object_mut().unwrap().extend(json!({"is_direct": true}).as_object().unwrap().clone());
    let chat = alice.room_with(bot.id(), direct).await;
    let room = alice.room_with(bot.id(), encrypted()).await;
    let mut friend = Friend::of(server, &alice).await;
    friend.say(&chat, "hi").await;
    friend.hears(bot.id()).await;
    gate.hold(true);
    // In a room with several people, the bot can't tell whether an unreadable message is for it.
    let in_room = friend.say(&room, "!ask who flies it?").await;
    friend.say(&chat, "hello").await;
    let in_chat = friend.say(&chat, "how long is the flight?").await;
    let said = friend.hears(bot.id()).await;
    let mut lines = vec![text(&said).to_owned()];
    if lines[0].starts_with("Hello") {
        lines = vec![text(&friend.hears(bot.id()).await).to_owned()];
    }
    assert!(lines[0].starts_with("I can't read your message"), "{lines:?}");
    gate.hold(false);
    // The gate delivers the withheld keys with the next sync response, which this message causes.
    friend.say(&room, "never mind").await;
    let mut answered = std::collections::HashMap::new();
    while answered.len() < 2 {
        let said = friend.hears(bot.id()).await;
        let question = said.content["m.relates_to"]["m.in_reply_to"]["event_id"].as_str().unwrap().to_owned();
        if question == in_room || question == in_chat {
            answered.insert(question, text(&said).to_owned());
        }
    }
    assert_eq!(answered[&in_room], expected("who flies it?"));
    assert_eq!(answered[&in_chat], expected("how long is the flight?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_errors_name_the_remedy() {
    let Some(server) = Server::shared().await else { return };
    let mut bot = Bot::new(server).await;
    let store = bot.folder.path().join("matrix/store");
    bot.set("MATRIX_HOMESERVER", "http://127.0.0.1:9");
    bot.come_up().await;
    assert!(bot.why().await.contains("can't be reached"));
    bot.set("MATRIX_HOMESERVER", &server.address);
    bot.set("MATRIX_PASSWORD", "wrong");
    bot.come_up().await;
    assert!(bot.why().await.contains("MATRIX_PASSWORD"));
    // A failed login leaves no files behind that would break the next start.
    bot.set("MATRIX_PASSWORD", PASSWORD);
    bot.come_up().await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), json!({})).await;
    // Two bots with the same store.
    let running = bot.running.take();
    bot.come_up().await;
    assert!(bot.why().await.contains("Another process"));
    bot.running = running;
    bot.stop().await;
    // A store without its session, and a store with a wrong key.
    std::fs::rename(store.join("session.json"), bot.folder.path().join("session.json")).unwrap();
    bot.come_up().await;
    assert!(bot.why().await.contains("without its session"));
    std::fs::rename(bot.folder.path().join("session.json"), store.join("session.json")).unwrap();
    let key = bot.folder.path().join("matrix/store.key");
    let right = std::fs::read(&key).unwrap();
    for wrong in [vec![7; 32], vec![7; 5]] {
        std::fs::write(&key, wrong).unwrap();
        bot.come_up().await;
        let why = bot.why().await;
        assert!(why.contains("isn't the key of the store"), "{why}");
    }
    std::fs::write(&key, right).unwrap();
    bot.come_up().await;
    alice.say(&room, "!ask who flies it?").await;
    alice.hears(&room, bot.id()).await;
    // The homeserver ends the session while the bot runs; the next start fails, too.
    bot.account.call("POST", "/logout/all", &json!({})).await;
    for _ in 0..2 {
        let why = bot.why().await;
        assert!(why.contains("has ended this session"), "{why}");
        bot.come_up().await;
    }
    bot.why().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_cross_signed_by_another_client_needs_its_recovery_key() {
    let Some(server) = Server::shared().await else { return };
    let mut alice = server.person("alice").await;
    let mut bot = Bot::new(server).await;
    let elsewhere = tempfile::tempdir().unwrap();
    drop(Friend::log_in(server, &bot.account, elsewhere.path()).await);
    let is_shut_out = |bot: &Bot| bot.told.lock().unwrap().iter().any(|told| told.contains("isn't cross-signed"));
    bot.come_up().await;
    let room = alice.room_with(bot.id(), json!({})).await;
    assert!(is_shut_out(&bot));
    bot.stop().await;
    // A file with a wrong recovery key, then one with the right key.
    let key = bot.folder.path().join("key");
    std::fs::write(&key, "EsTc LW2K PGiF wKEA 3As5 g5c4 BXwk qeeJ ZJV8 Q9fu gUMN UE4d").unwrap();
    bot.set("MATRIX_RECOVERY_KEY_FILE", &key.display().to_string());
    bot.come_up().await;
    let why = bot.why().await;
    assert!(why.contains("MATRIX_RECOVERY_KEY_FILE"), "{why}");
    std::fs::copy(elsewhere.path().join("recovery.key"), &key).unwrap();
    bot.told.lock().unwrap().clear();
    bot.come_up().await;
    alice.say(&room, "!ask who flies it?").await;
    alice.hears(&room, bot.id()).await;
    assert!(!is_shut_out(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_device_is_used_with_its_access_token() {
    let Some(server) = Server::shared().await else { return };
    let mut alice = server.person("alice").await;
    let mut bot = Bot::new(server).await;
    bot.variables.retain(|(name, _)| name != "MATRIX_PASSWORD");
    bot.come_up().await;
    assert!(bot.why().await.contains("MATRIX_ACCESS_TOKEN"));
    let (id, token, device) = (bot.account.id.clone(), bot.account.token.clone(), bot.account.device.clone());
    bot.set("MATRIX_DEVICE_ID", &device);
    for (user, token, wrong) in
        [(id.as_str(), "syt_wrong", "ended this session"), (&bot.account.name.clone(), &token, "@name:server")]
    {
        bot.set("MATRIX_USER", user);
        bot.set("MATRIX_ACCESS_TOKEN", token);
        bot.come_up().await;
        let why = bot.why().await;
        assert!(why.contains(wrong), "{why}");
    }
    bot.set("MATRIX_USER", &id);
    bot.come_up().await;
    let room = alice.room_with(bot.id(), json!({})).await;
    alice.say(&room, "!ask who flies it?").await;
    assert_eq!(body(&alice.hears(&room, bot.id()).await), expected("who flies it?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bots_do_not_answer_each_other() {
    let Some(server) = Server::shared().await else { return };
    let (one, mut other) = (Bot::start(server).await, Bot::start(server).await);
    let text = json!({"is_direct": true});
    let room = other.account.room_with(one.id(), text).await;
    for bot in [&one, &other] {
        bot.set_room(&room, |settings| settings.as_text = true);
    }
    let other_id = other.id().to_owned();
    for _ in 0..2 {
        let asked = other.account.say(&room, "who flies it?").await;
        other.account.next(&room, |event| event["sender"] == one.id() && replies_to(event, &asked)).await;
    }
    // Each question has one answer, and no answer has a reply.
    assert_eq!(other.account.all_from(&room, one.id()).await.len(), 2);
    assert_eq!(other.account.all_from(&room, &other_id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_of_the_homeserver_loses_no_answer() {
    let Some(server) = Server::start("{per_second: 1, burst_count: 2}").await else { return };
    let bot = Bot::start(&server).await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), json!({"preset": "public_chat"})).await;
    let mut asked = Vec::new();
    for _ in 0..6 {
        let mut person = server.person("bob").await;
        person.call("POST", &format!("/join/{}", synapse::coded(&room)), &json!({})).await;
        asked.push(person.say(&room, "!ask who flies it?").await);
    }
    for _ in &asked {
        alice.hears(&room, bot.id()).await;
    }
    let said = alice.all_from(&room, bot.id()).await;
    for question in &asked {
        assert_eq!(said.iter().filter(|event| replied_to(event) == question).count(), 1, "{question}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_questions_get_read_receipts() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), json!({})).await;
    alice.say(&room, "hello everybody").await;
    let asked = alice.say(&room, "!ask who flies it?").await;
    let is_read = |event: &Value| event["type"] == "m.receipt" && event.to_string().contains(bot.id());
    let receipt = alice.next(&room, is_read).await;
    assert!(receipt["content"].as_object().unwrap().keys().all(|read| *read == asked), "{receipt}");
}

/// Under the default push rules, notices don't notify and ordinary messages do.
#[tokio::test(flavor = "multi_thread")]
async fn answers_notify_only_with_the_setting() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), json!({})).await;
    for (as_text, notified) in [(false, 0), (true, 1)] {
        bot.set_room(&room, |settings| settings.as_text = as_text);
        alice.say(&room, "!ask who flies it?").await;
        alice.hears(&room, bot.id()).await;
        assert_eq!(alice.notified[&room], notified, "as text: {as_text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_questions_at_once_in_five_rooms_are_all_answered() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let mut alice = server.person("alice").await;
    let mut rooms = Vec::new();
    for _ in 0..5 {
        let room = alice.room_with(bot.id(), json!({})).await;
        bot.set_room(&room, |settings| (settings.per_person, settings.per_channel) = (0, 0));
        rooms.push(room);
    }
    let mut asked = Vec::new();
    for at in 0..200 {
        asked.push(alice.say(&rooms[at % 5], "!ask who flies it?").await);
    }
    let mut answered = std::collections::HashSet::new();
    while answered.len() < asked.len() {
        let rooms = &rooms;
        let said = alice.next_in(rooms, |event| event["type"] == "m.room.message" && event["sender"] == bot.id()).await;
        assert!(answered.insert(replied_to(&said).to_owned()), "answered twice");
    }
    assert!(asked.iter().all(|question| answered.contains(question)));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_questions_are_answered_as_on_the_terminal() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let (mut alice, mut bob) = (server.person("alice").await, server.person("bob").await);
    let room = alice.room_with(bot.id(), json!({"preset": "public_chat"})).await;
    bot.set_room(&room, |settings| (settings.per_person, settings.per_channel) = (0, 0));
    bob.call("POST", &format!("/join/{}", synapse::coded(&room)), &json!({})).await;
    let of_bob = bob.say(&room, "ask it").await;
    let questions =
        routedesk::eval::read(include_str!("questions/development.jsonl")).expect("the question file is valid");
    assert!(questions.len() >= 400);
    for question in questions {
        // Another person's message is not the context of a question.
        let before = match &question.context {
            Some(context) => alice.say(&room, context).await,
            None => of_bob.clone(),
        };
        let content = json!({"msgtype": "m.text", "body": question.q, "m.mentions": {"user_ids": [bot.id()]},
                             "m.relates_to": {"m.in_reply_to": {"event_id": before}}});
        alice.send(&room, "m.room.message", content).await;
        let said = alice.hears(&room, bot.id()).await;
        let utterance = Utterance { context: question.context, ..Utterance::new(question.q) };
        let reply = common::DESK.answer(&utterance).reply;
        let parts = render::parts(&reply);
        assert_eq!(body(&said), parts[0].body, "{}", utterance.text);
        for part in &parts[1..] {
            assert_eq!(body(&alice.hears(&room, bot.id()).await), part.body);
        }
    }
}

/// The bot as a process of its own, so that a test can kill it.
struct Process(std::process::Child);

impl Process {
    fn start(bot: &Bot) -> Self {
        Self(Self::command(bot).spawn().expect("the bot starts"))
    }

    fn command(bot: &Bot) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_routedesk"));
        command.arg("serve").current_dir(bot.folder.path()).stdout(std::process::Stdio::null());
        command.envs(bot.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Sends SIGTERM, as a service manager does, and returns the exit status.
    #[cfg(all(unix, feature = "discord"))]
    fn terminate(mut self) -> std::process::ExitStatus {
        let sent = std::process::Command::new("kill").arg(self.0.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
        self.0.wait().expect("the bot ends")
    }
}

impl Drop for Process {
    /// Sends SIGKILL.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_fifty_points_nothing_is_lost_or_doubled() {
    const POINTS: [Point; 4] = [Point::AfterReceipt, Point::BeforeSend, Point::AfterSend, Point::BeforeRecord];
    let Some(server) = Server::shared().await else { return };
    let (gate, mut reached) = Gate::before(&server.address).await;
    let mut bot = Bot::new(server).await;
    bot.set("MATRIX_HOMESERVER", &gate.address);
    let mut alice = server.person("alice").await;
    let mut process = Process::start(&bot);
    let room = alice.room_with(bot.id(), json!({})).await;
    bot.set_room(&room, |settings| (settings.per_person, settings.per_channel) = (0, 0));
    let questions =
        ["who flies it?", "how much is a ticket?", "how often?", "who is Kozlov?", "how long is the flight?"];
    let mut asked = Vec::new();
    for at in 0..50 {
        let point = POINTS[at % POINTS.len()];
        let question = format!("!ask {} number{at}number", questions[at % questions.len()]);
        let word = if point == Point::AfterReceipt { format!("number{at}number") } else { "routedesk.answer".into() };
        gate.watch(point, &word);
        asked.push(alice.say(&room, &question).await);
        let there = tokio::time::timeout(std::time::Duration::from_secs(60), reached.recv()).await;
        there.expect("the bot reaches the point in time").expect("the gate runs");
        drop(process);
        process = Process::start(&bot);
        let last = asked.last().expect("a question was asked");
        alice.next(&room, |event| event["sender"] == bot.id() && replies_to(event, last)).await;
    }
    // After the answer to a last question, any duplicate has arrived, too.
    asked.push(alice.say(&room, "!ask who flies it?").await);
    let last = asked.last().expect("a question was asked");
    alice.next(&room, |event| event["sender"] == bot.id() && replies_to(event, last)).await;
    drop(process);
    let said = alice.all_from(&room, bot.id()).await;
    for question in &asked {
        assert_eq!(said.iter().filter(|event| replied_to(event) == question).count(), 1, "{question}");
    }
}

#[cfg(all(unix, feature = "discord"))]
#[tokio::test(flavor = "multi_thread")]
async fn one_process_serves_both_platforms_and_stops_cleanly() {
    use standin::{BOT, CHANNEL, PERSON, StandIn};
    let Some(server) = Server::shared().await else { return };
    let mut bot = Bot::new(server).await;
    let mut alice = server.person("alice").await;
    let (discord, mut requests) = StandIn::start().await;
    bot.set("DISCORD_TOKEN", "a.b.c");
    bot.set("DISCORD_API_PROXY", &format!("http://{}", discord.address));
    let log = bot.folder.path().join("log.txt");
    let mut command = Process::command(&bot);
    command.env("ROUTEDESK_LOG", "trace").stderr(std::fs::File::create(&log).unwrap());
    let process = Process(command.spawn().expect("the bot starts"));
    discord.until_connected().await;
    discord.person_says(CHANNEL, PERSON, &format!("<@{BOT}> who flies it, wombat?"), json!({}));
    let said = requests.said(CHANNEL).await;
    assert!(said["content"].as_str().unwrap().starts_with("The sources don't say"), "{said}");
    let room = alice.room_with(bot.id(), encrypted()).await;
    let mut friend = Friend::of(server, &alice).await;
    friend.say(&room, "!ask who flies it, wombat?").await;
    assert!(text(&friend.hears(bot.id()).await).starts_with("The sources don't say"));
    alice.say(&room, "!ask who flies it, wombat?").await;
    friend.hears(bot.id()).await;
    assert!(process.terminate().success());
    // Even the most verbose log contains no token, no key, and no text that people wrote.
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("answered"), "{log}");
    let recovery = std::fs::read_to_string(bot.folder.path().join("matrix/recovery.key")).unwrap();
    let session = std::fs::read_to_string(bot.folder.path().join("matrix/store/session.json")).unwrap();
    let token = serde_json::from_str::<Value>(&session).unwrap()["access_token"].as_str().unwrap().to_owned();
    for secret in ["wombat", "a.b.c", PASSWORD, recovery.trim(), &token] {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None);
    }
}
