//! The bot against a stand-in for Discord on the loopback interface.
#![cfg(feature = "discord")]

mod common;
mod standin;

use std::path::Path;
use std::sync::Arc;
use std::sync::LazyLock;

use routedesk::config::Config;
use routedesk::desk::Desk;
use routedesk::platform::discord::{render, serve};
use routedesk::store::{Meta, Store};
use routedesk::utterance::Utterance;
use serde_json::{Value, json};
use standin::{BOT, CHANNEL, DIRECT, Fault, OTHER_BOT, PERSON, Requests, STRANGER, StandIn, is_id, user};
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

/// A bot that serves on a stand-in.
struct Bot {
    standin: StandIn,
    requests: Requests,
    folder: tempfile::TempDir,
    running: Option<(JoinHandle<anyhow::Result<()>>, oneshot::Sender<()>)>,
}

impl Bot {
    async fn start() -> Self {
        let (folder, standin, requests) = place().await;
        let mut bot = Self { standin, requests, folder, running: None };
        bot.come_up().await;
        bot
    }

    async fn come_up(&mut self) {
        let path = self.folder.path().join("facts.db");
        let config = config(&self.standin.address);
        let (stop, stopped) = oneshot::channel();
        let desk = Arc::new(open(&path));
        let task = tokio::spawn(async move {
            let discord = config.discord.expect("a token is set");
            serve(&discord, desk, &path, |_| {}, async { drop(stopped.await) }).await
        });
        self.running = Some((task, stop));
        self.standin.until_connected().await;
    }

    /// As if the process were told to stop.
    async fn stop(&mut self) {
        let (task, stop) = self.running.take().expect("it runs");
        stop.send(()).expect("it listens");
        task.await.expect("it doesn't panic").expect("it stops well");
    }

    fn mention(&self, text: &str) -> Value {
        self.standin.person_says(CHANNEL, PERSON, &format!("<@{BOT}> {text}"), json!({}))
    }

    async fn said(&mut self) -> Value {
        self.requests.said(CHANNEL).await
    }

    fn assert_well_behaved(&self) {
        assert_eq!(self.standin.problems(), Vec::<String>::new());
    }
}

fn config(address: &str) -> Config {
    Config::read_from(&[("DISCORD_TOKEN", "a.b.c"), ("DISCORD_API_PROXY", &format!("http://{address}"))])
        .expect("a config")
}

/// What the desk says to a question, as Discord messages.
fn expected(question: &str) -> Vec<String> {
    render::messages(&common::DESK.hear(&Utterance::new(question)).reply)
}

fn content(body: &Value) -> &str {
    body["content"].as_str().expect("a content")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_is_answered_with_what_the_desk_says() {
    let mut bot = Bot::start().await;
    let asked = bot.mention("how much is a tikcet?");
    let said = bot.said().await;
    assert_eq!(content(&said), expected("how much is a tikcet?")[0]);
    assert_eq!(said["message_reference"]["message_id"], asked["id"]);
    assert_eq!(said["message_reference"]["fail_if_not_exists"], false);
    assert_eq!(said["enforce_nonce"], true);
    assert!(said["nonce"].as_str().unwrap().starts_with(asked["id"].as_str().unwrap()));
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_answered_who_did_not_ask() {
    let mut bot = Bot::start().await;
    bot.standin.person_says(CHANNEL, PERSON, "how much is a ticket?", json!({}));
    bot.standin.person_says(CHANNEL, STRANGER, "hi <@4> how much is a ticket?", json!({}));
    for round in 0..100 {
        bot.standin.person_says(CHANNEL, OTHER_BOT, &format!("<@{BOT}> how much is a ticket? {round}"), json!({}));
    }
    bot.standin.person_says(CHANNEL, PERSON, &format!("<@{BOT}> price?"), json!({"webhook_id": "44"}));
    bot.mention("who flies it?");
    assert_eq!(content(&bot.said().await), expected("who flies it?")[0]);
    bot.stop().await;
    let own = bot.standin.channel(CHANNEL).into_iter().filter(|message| is_id(&message["author"]["id"], BOT));
    assert_eq!(own.count(), 1);
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_messages_follow_ups_and_replies() {
    let mut bot = Bot::start().await;
    bot.standin.person_says(DIRECT, PERSON, "flights from Vladivostok?", json!({}));
    bot.requests.said(DIRECT).await;
    bot.standin.person_says(DIRECT, PERSON, "who operates them", json!({}));
    let said = bot.requests.said(DIRECT).await;
    assert!(content(&said).starts_with("Air Koryo operated the Vladivostok flights"), "{said}");
    // A reply that pings the bot brings what it replies to, also for somebody else.
    bot.mention("flights from Vladivostok?");
    let answer = content(&bot.said().await).to_owned();
    let original = bot.standin.channel(CHANNEL).pop().unwrap();
    let more = json!({"type": 19, "referenced_message": original, "mentions": [user(BOT, true)],
                      "message_reference": {"message_id": original["id"], "channel_id": CHANNEL.to_string()}});
    bot.standin.person_says(CHANNEL, STRANGER, "who operates them", more.clone());
    let said = bot.said().await;
    assert!(content(&said).starts_with("Air Koryo operated"), "{answer} {said}");
    // One without a ping has no content: the bot says how to ask.
    let mut silent = more;
    silent["mentions"] = json!([]);
    bot.standin.person_says(CHANNEL, STRANGER, "who operates them", silent);
    assert!(content(&bot.said().await).starts_with("What would you like to know"));
    bot.standin.person_says(DIRECT, PERSON, "сколько стоит билет", json!({}));
    assert!(content(&bot.requests.said(DIRECT).await).starts_with("Билет стоил"));
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_answer_and_complete() {
    let mut bot = Bot::start().await;
    bot.requests.next("PUT", "/commands").await;
    let question = |text: &str| json!([{"name": "question", "type": 3, "value": text}]);
    bot.standin.command("ask", question("how much is a ticket?"));
    let answered = bot.requests.answered().await;
    assert_eq!(answered["type"], 4);
    assert_eq!(answered["data"]["content"], expected("how much is a ticket?")[0]);
    assert_eq!(answered["data"]["flags"], 4);
    // Who isn't answered is told so alone.
    bot.standin.command("ask", question("can I take my dog?"));
    assert_eq!(bot.requests.answered().await["data"]["flags"], 4 | 64);
    let private = json!([question("who flies it?")[0], {"name": "private", "type": 5, "value": true}]);
    bot.standin.command("ask", private);
    assert_eq!(bot.requests.answered().await["data"]["flags"], 4 | 64);
    for name in ["help", "privacy", "sources", "topics"] {
        bot.standin.command(name, json!([]));
        let answered = bot.requests.answered().await;
        assert!(content(&answered["data"]).len() > 100 && answered["data"]["flags"] == 4 | 64, "{name}: {answered}");
    }
    let id = bot.standin.command_id("ask");
    let typed = json!([{"name": "question", "type": 3, "value": "ticket pri", "focused": true}]);
    bot.standin.interact(4, json!({"id": id, "name": "ask", "type": 1, "options": typed}), json!({}));
    let completed = bot.requests.answered().await;
    assert_eq!(completed["type"], 8);
    let choices = completed["data"]["choices"].as_array().unwrap();
    assert!(
        !choices.is_empty()
            && choices.iter().all(|choice| choice["name"].as_str().unwrap().to_lowercase().contains("ticket"))
    );
    let id = bot.standin.command_id("Answer this");
    let target = bot.standin.keep(CHANNEL, STRANGER, "when did it take off", json!({}));
    let resolved = json!({"messages": {target["id"].as_str().unwrap(): target}});
    let data = json!({"id": id, "name": "Answer this", "type": 3, "target_id": target["id"], "resolved": resolved});
    bot.standin.interact(2, data, json!({}));
    assert_eq!(bot.requests.answered().await["data"]["content"], expected("when did it take off")[0]);
    bot.assert_well_behaved();
}

/// Somebody presses a button; moderators have the permission to manage messages.
fn press(bot: &Bot, presser: u64, id: &str, is_moderator: bool) {
    let message = bot.standin.channel(CHANNEL).pop().expect("a message");
    let permissions = if is_moderator { 1 << 13 } else { 0 };
    let member = json!({"user": user(presser, false), "roles": [], "joined_at": "2025-01-01T00:00:00Z", "deaf": false,
                        "mute": false, "flags": 0, "permissions": permissions.to_string()});
    let more = json!({"message": message, "member": member});
    bot.standin.interact(3, json!({"custom_id": id, "component_type": 2}), more);
}

/// The ids of the buttons in a row of a message.
fn buttons(said: &Value, row: usize) -> Vec<String> {
    let row = said["components"][row]["components"].as_array().expect("a row of buttons");
    row.iter().map(|button| button["custom_id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_asker_chooses_by_a_button_also_after_a_restart() {
    let mut bot = Bot::start().await;
    bot.mention("airport");
    let said = bot.said().await;
    let ids = buttons(&said, 0);
    assert!(ids.len() >= 2);
    bot.stop().await;
    bot.come_up().await;
    press(&bot, PERSON, &ids[0], false);
    let answered = bot.requests.answered().await;
    assert_eq!(answered["type"], 4);
    assert!(content(&answered["data"]).contains("[1]"), "{answered}");
    for (who, id) in [(STRANGER, ids[0].as_str()), (PERSON, "topic:1:en:x:y"), (PERSON, "anything")] {
        press(&bot, who, id, false);
        assert_eq!(bot.requests.answered().await["type"], 6, "{who} {id}");
    }
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_shown_and_answers_removed_by_those_who_may() {
    let mut bot = Bot::start().await;
    bot.mention("how much is a ticket?");
    let said = bot.said().await;
    let ids = buttons(&said, 0);
    press(&bot, STRANGER, &ids[0], false);
    let shown = bot.requests.answered().await;
    assert_eq!(shown["data"]["flags"], 4 | 64);
    assert!(content(&shown["data"]).contains("The Moscow Times, 28 July 2025, paragraph 7"), "{shown}");
    press(&bot, STRANGER, &ids[1], false);
    assert_eq!(bot.requests.answered().await["type"], 6);
    for (who, is_moderator) in [(PERSON, false), (STRANGER, true)] {
        press(&bot, who, &ids[1], is_moderator);
        assert_eq!(bot.requests.next("DELETE", "/messages/@original").await.body, Value::Null);
    }
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_waited_out_and_the_gateway_is_resumed() {
    let mut bot = Bot::start().await;
    bot.standin.fail_next([Fault::Status(429), Fault::Status(500), Fault::Status(502)]);
    bot.mention("who flies it?");
    for _ in 0..4 {
        assert_eq!(content(&bot.said().await), expected("who flies it?")[0]);
    }
    bot.standin.cut();
    bot.standin.until_resumed().await;
    bot.mention("how often?");
    assert_eq!(content(&bot.said().await), expected("how often?")[0]);
    bot.assert_well_behaved();
}

/// The program itself, so that it can be killed.
struct Process(std::process::Child);

impl Process {
    fn start(standin: &StandIn, folder: &Path) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_routedesk"));
        command
            .arg("serve")
            .current_dir(folder)
            .env("DISCORD_TOKEN", "a.b.c")
            .env("DISCORD_API_PROXY", format!("http://{}", standin.address))
            .env("ROUTEDESK_DATABASE", folder.join("facts.db"))
            .stdout(std::process::Stdio::null());
        Self(command.spawn().expect("it starts"))
    }

    /// Tells it to stop as a service manager does. Gives how it ended.
    #[cfg(unix)]
    fn terminate(mut self) -> std::process::ExitStatus {
        let sent = std::process::Command::new("kill").arg(self.0.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
        self.0.wait().expect("it ends")
    }

    /// As `kill -9`.
    fn kill(self) {
        drop(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where in the course of an answer the program is killed.
#[derive(Debug, Clone, Copy)]
enum Point {
    /// As soon as the question is on its way to it.
    AfterTheQuestion,
    /// While it sends; Discord doesn't have the answer.
    BeforeDiscordHasIt,
    /// Discord has the answer and doesn't say so.
    AfterDiscordHasIt,
    /// While Discord says so: before or after it is recorded.
    BeforeTheRecord,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_fifty_points_nothing_is_lost_or_doubled() {
    const POINTS: [Point; 4] =
        [Point::AfterTheQuestion, Point::BeforeDiscordHasIt, Point::AfterDiscordHasIt, Point::BeforeTheRecord];
    let questions = ["who flies it?", "how much is a ticket?", "when did it land?", "how often?", "who is Kozlov?"];
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_250_727);
    println!("seed {seed}; set SEED for another");
    let mut random = seed;
    let (folder, standin, mut requests) = place().await;
    let ask = |at: usize| {
        let text = format!("<@{BOT}> {}", questions[at % questions.len()]);
        standin.person_says(CHANNEL, PERSON + at as u64 % 2, &text, json!({}))
    };
    let mut process = Process::start(&standin, folder.path());
    standin.until_connected().await;
    let mut asked = vec![ask(0)];
    requests.said(CHANNEL).await;
    for at in 1..=50 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let point = POINTS[(random >> 33) as usize % POINTS.len()];
        match point {
            Point::BeforeDiscordHasIt => standin.fail_next([Fault::Hang]),
            Point::AfterDiscordHasIt => standin.fail_next([Fault::KeepAndHang]),
            Point::AfterTheQuestion | Point::BeforeTheRecord => {}
        }
        asked.push(ask(at));
        if !matches!(point, Point::AfterTheQuestion) {
            requests.said(CHANNEL).await;
        }
        process.kill();
        standin.forget_faults();
        standin.forget_nonces();
        // What isn't for the bot stays without a reply, also in a history.
        standin.keep(CHANNEL, STRANGER, "how much is a ticket?", json!({}));
        process = Process::start(&standin, folder.path());
        standin.until_connected().await;
        standin.until_answered(CHANNEL, &asked).await;
    }
    process.kill();
    let own = standin.channel(CHANNEL).into_iter().filter(|message| is_id(&message["author"]["id"], BOT));
    let mut answered: Vec<Value> = own.map(|message| message["message_reference"]["message_id"].clone()).collect();
    let expected: Vec<Value> = asked.iter().map(|message| message["id"].clone()).collect();
    answered.sort_by_key(Value::to_string);
    assert_eq!(answered, expected, "lost or doubled");
    assert_eq!(standin.problems(), Vec::<String>::new());
}

/// A folder with a database, and a stand-in.
async fn place() -> (tempfile::TempDir, StandIn, Requests) {
    let (standin, requests) = StandIn::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(DATABASE.path().join("facts.db"), folder.path().join("facts.db")).unwrap();
    (folder, standin, requests)
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_program_told_to_stop_ends_well_with_and_without_a_gateway() {
    let (folder, standin, _requests) = place().await;
    let process = Process::start(&standin, folder.path());
    standin.until_connected().await;
    assert!(process.terminate().success());
    let (folder, standin, mut requests) = place().await;
    standin.have_no_gateway();
    let process = Process::start(&standin, folder.path());
    requests.next("GET", "/gateway/bot").await;
    assert!(process.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_left_and_the_rest_goes_on() {
    let (folder, standin, requests) = place().await;
    standin.refuse_commands();
    let mut bot = Bot { standin, requests, folder, running: None };
    bot.come_up().await;
    bot.requests.next("GET", "/commands").await;
    bot.standin.fail_next([Fault::Status(403)]);
    let refused = bot.mention("who flies it?");
    bot.said().await;
    bot.mention("how often?");
    assert_eq!(content(&bot.said().await), expected("how often?")[0]);
    bot.stop().await;
    bot.come_up().await;
    bot.mention("who is Kozlov?");
    assert_eq!(content(&bot.said().await), expected("who is Kozlov?")[0]);
    let answers = |message: &Value| message["message_reference"]["message_id"] == refused["id"];
    assert!(!bot.standin.channel(CHANNEL).iter().any(answers));
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_found_in_a_long_history() {
    let mut bot = Bot::start().await;
    bot.mention("who flies it?");
    bot.said().await;
    bot.stop().await;
    for number in 0..250 {
        bot.standin.keep(CHANNEL, STRANGER, &format!("chat {number}"), json!({}));
    }
    bot.standin.keep(CHANNEL, STRANGER, &format!("<@{BOT}> how often?"), json!({}));
    bot.come_up().await;
    assert_eq!(content(&bot.said().await), expected("how often?")[0]);
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_registered_only_if_they_changed() {
    let mut bot = Bot::start().await;
    let registered = bot.requests.next("PUT", "/commands").await.body;
    let names: Vec<&str> =
        registered.as_array().unwrap().iter().filter_map(|command| command["name"].as_str()).collect();
    assert_eq!(names, ["ask", "Answer this", "topics", "sources", "help", "privacy"]);
    bot.stop().await;
    bot.come_up().await;
    bot.mention("who flies it?");
    bot.said().await;
    assert_eq!(bot.standin.registrations(), 1);
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_and_no_connection_are_told_with_the_remedy() {
    let (standin, _requests) = StandIn::start().await;
    standin.refuse_the_token();
    let path = DATABASE.path().join("facts.db");
    let told = |config: Config| {
        let path = path.clone();
        async move {
            let desk = Arc::new(open(&path));
            let discord = config.discord.expect("a token is set");
            serve(&discord, desk, &path, |_| {}, std::future::pending()).await.expect_err("it can't serve").to_string()
        }
    };
    let error = told(config(&standin.address)).await;
    assert!(
        error.contains("refuses the token") && error.contains("Reset Token") && !error.contains("a.b.c"),
        "{error}"
    );
    let error = told(config("127.0.0.1:1")).await;
    assert!(error.contains("can't be reached") && !error.contains("a.b.c"), "{error}");
}
