//! Tests the bot against a stand-in for Discord on the loopback interface.
#![cfg(feature = "discord")]

mod common;
#[path = "discord/moderating.rs"]
mod moderating;
mod scenario;
mod standin;
#[path = "discord/subscribing.rs"]
mod subscribing;

use std::path::Path;
use std::sync::Arc;

use routedesk::config::Config;
use routedesk::platform::discord::{render, serve, serve_through};
use routedesk::store::handled::Place;
use routedesk::store::records::Records;
use routedesk::store::settings::CommunitySettings;
use routedesk::utterance::Utterance;
use serde_json::{Value, json};
use standin::{
    BOT, CHANNEL, COMMANDS, DIRECT, FORMER, Fault, GUILD, KEEPERS, KEEPERS_COMMANDS, LOG_CHANNEL, OTHER_BOT,
    OTHER_CHANNEL, PERSON, Requests, STRANGER, StandIn, THREAD, is_id, user,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A bot that is connected to a stand-in.
struct Bot {
    standin: StandIn,
    requests: Requests,
    folder: tempfile::TempDir,
    /// Additional environment variables.
    variables: Vec<(&'static str, &'static str)>,
    running: Option<(JoinHandle<anyhow::Result<()>>, oneshot::Sender<()>)>,
}

impl Bot {
    async fn start() -> Self {
        Self::start_with(&[], |_| {}).await
    }

    /// Starts a bot with additional environment variables and settings of the server.
    async fn start_with(variables: &[(&'static str, &'static str)], set: impl FnOnce(&mut CommunitySettings)) -> Self {
        let (folder, standin, requests) = place().await;
        let mut bot = Self { standin, requests, folder, variables: variables.to_vec(), running: None };
        bot.records().set(&GUILD.to_string(), set).expect("the settings are stored");
        bot.come_up().await;
        bot
    }

    fn records(&self) -> Records {
        Records::open(&self.folder.path().join("facts.db"), "discord").expect("the database opens")
    }

    async fn come_up(&mut self) {
        let path = self.folder.path().join("facts.db");
        let config = config_with(&self.standin.address, &self.variables);
        let (stop, stopped) = oneshot::channel();
        let desk = Arc::new(common::open(&path));
        let task = tokio::spawn(async move {
            let discord = config.discord.expect("a token is set");
            serve(&discord, desk, &path, |_| {}, async { drop(stopped.await) }).await
        });
        self.running = Some((task, stop));
        self.standin.until_connected().await;
    }

    /// Stops the bot as a signal would.
    async fn stop(&mut self) {
        let (task, stop) = self.running.take().expect("the bot is running");
        stop.send(()).expect("the bot waits for the stop");
        task.await.expect("the bot doesn't panic").expect("the bot stops without an error");
    }

    /// Returns the moderators' commands, which the bot may register before or after the global ones.
    async fn moderators_commands(&mut self) -> Value {
        match self.standin.commands_at(KEEPERS_COMMANDS) {
            Some(registered) => registered,
            None => self.requests.next("PUT", KEEPERS_COMMANDS).await.body,
        }
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
    config_with(address, &[])
}

fn config_with(address: &str, variables: &[(&str, &str)]) -> Config {
    let proxy = format!("http://{address}");
    let all = [&[("DISCORD_TOKEN", "a.b.c"), ("DISCORD_API_PROXY", &proxy)], variables].concat();
    Config::read_from(&all).expect("a valid configuration")
}

/// Returns the desk's reply to a question as Discord messages.
fn expected(question: &str) -> Vec<String> {
    render::messages(&common::DESK.answer(&Utterance::new(question)).reply)
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
async fn messages_for_others_are_not_answered() {
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
    // A reply that pings the bot includes the message that it replies to, even another person's.
    bot.mention("flights from Vladivostok?");
    let answer = content(&bot.said().await).to_owned();
    let original = bot.standin.channel(CHANNEL).pop().unwrap();
    let more = json!({"type": 19, "referenced_message": original, "mentions": [user(BOT, true)],
                      "message_reference": {"message_id": original["id"], "channel_id": CHANNEL.to_string()}});
    bot.standin.person_says(CHANNEL, STRANGER, "who operates them", more.clone());
    let said = bot.said().await;
    assert!(content(&said).starts_with("Air Koryo operated"), "{answer} {said}");
    // A reply without a ping has no content, so the bot explains how to ask.
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
    bot.requests.next("PUT", COMMANDS).await;
    let question = |text: &str| json!([{"name": "question", "type": 3, "value": text}]);
    bot.standin.command("ask", question("how much is a ticket?"));
    let answered = bot.requests.answered().await;
    assert_eq!(answered["type"], 4);
    assert_eq!(answered["data"]["content"], expected("how much is a ticket?")[0]);
    assert_eq!(answered["data"]["flags"], 4);
    // A reply without an answer is ephemeral.
    bot.standin.command("ask", question("can I take my dog?"));
    assert_eq!(bot.requests.answered().await["data"]["flags"], 4 | 64);
    let private = json!([question("who flies it?")[0], {"name": "private", "type": 5, "value": true}]);
    bot.standin.command("ask", private);
    assert_eq!(bot.requests.answered().await["data"]["flags"], 4 | 64);
    for name in ["help", "privacy", "sources"] {
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

/// Discord's permission bits *Manage Messages* and *Manage Server*.
const MANAGE_MESSAGES: u64 = 1 << 13;
const MANAGE_GUILD: u64 = 1 << 5;

fn member(id: u64, permissions: u64) -> Value {
    json!({"user": user(id, false), "roles": [], "joined_at": "2025-01-01T00:00:00Z", "deaf": false,
           "mute": false, "flags": 0, "permissions": permissions.to_string()})
}

/// Presses a button under the last message of the channel. A moderator has the permission *Manage Messages*.
fn press(bot: &Bot, presser: u64, id: &str, is_moderator: bool) {
    let message = bot.standin.channel(CHANNEL).pop().expect("the channel has a message");
    let permissions = if is_moderator { MANAGE_MESSAGES } else { 0 };
    let more = json!({"message": message, "member": member(presser, permissions)});
    bot.standin.interact(3, json!({"custom_id": id, "component_type": 2}), more);
}

/// Chooses from a menu under the last message of the channel.
fn choose(bot: &Bot, id: &str, value: &str) {
    let message = bot.standin.channel(CHANNEL).pop().expect("the channel has a message");
    let more = json!({"message": message, "member": member(PERSON, 0)});
    bot.standin.interact(3, json!({"custom_id": id, "component_type": 3, "values": [value]}), more);
}

/// Runs a subcommand of `/desk` with these permissions and returns the response.
async fn desk(bot: &mut Bot, permissions: u64, part: &str, options: Value) -> String {
    let id = bot.standin.command_id("desk");
    let channels: serde_json::Map<String, Value> = [OTHER_CHANNEL, LOG_CHANNEL, CHANNEL]
        .into_iter()
        .map(|id| (id.to_string(), json!({"id": id.to_string(), "type": 0, "name": "x", "permissions": "0"})))
        .collect();
    let roles = json!({KEEPERS.to_string(): {"id": KEEPERS.to_string(), "name": "keepers", "color": 0, "hoist": false,
        "colors": {"primary_color": 0}, "position": 1, "permissions": "0", "managed": false, "mentionable": false, "flags": 0}});
    let data = json!({"id": id, "name": "desk", "type": 1, "resolved": {"channels": channels, "roles": roles},
                      "options": [{"name": part, "type": 1, "options": options}]});
    bot.standin.interact(2, data, json!({"member": member(PERSON, permissions)}));
    let answered = bot.requests.answered().await;
    assert_eq!(answered["data"]["flags"], 4 | 64);
    content(&answered["data"]).to_owned()
}

/// Returns the ids of the buttons in a row of a message.
fn buttons(said: &Value, row: usize) -> Vec<String> {
    let row = said["components"][row]["components"].as_array().expect("a row of buttons");
    row.iter().map(|button| button["custom_id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_asker_can_choose_also_after_a_restart() {
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
async fn sources_are_shown_to_all_and_answers_removed_by_asker_or_moderator() {
    let mut bot = Bot::start().await;
    bot.mention("how much is a ticket?");
    let said = bot.said().await;
    let ids = buttons(&said, 0);
    press(&bot, STRANGER, &ids[0], false);
    let shown = bot.requests.answered().await;
    assert_eq!(shown["data"]["flags"], 4 | 64);
    assert!(content(&shown["data"]).contains("The Moscow Times, 28 July 2025, paragraph 7"), "{shown}");
    press(&bot, STRANGER, &ids[2], false);
    assert_eq!(bot.requests.answered().await["type"], 6);
    for (who, is_moderator) in [(PERSON, false), (STRANGER, true)] {
        press(&bot, who, &ids[2], is_moderator);
        assert_eq!(bot.requests.next("DELETE", "/messages/@original").await.body, Value::Null);
    }
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limits_are_retried_and_the_gateway_is_resumed() {
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

/// The bot as a process of its own, so that a test can kill it. Killed on drop.
struct Process(std::process::Child);

impl Process {
    fn start(standin: &StandIn, folder: &Path) -> Self {
        Self(Self::command(standin, folder).spawn().expect("the bot starts"))
    }

    fn command(standin: &StandIn, folder: &Path) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_routedesk"));
        command
            .arg("serve")
            .current_dir(folder)
            .env("DISCORD_TOKEN", "a.b.c")
            .env("DISCORD_API_PROXY", format!("http://{}", standin.address))
            .env("ROUTEDESK_DATABASE", folder.join("facts.db"))
            .stdout(std::process::Stdio::null());
        command
    }

    /// Starts the bot with the most verbose log, written to a file.
    fn start_logging(standin: &StandIn, folder: &Path, log: std::fs::File) -> Self {
        let mut command = Self::command(standin, folder);
        command
            .env("ROUTEDESK_LOG", "trace,serenity::http=trace,tungstenite::protocol=trace,hyper::proto=trace")
            .stderr(log);
        Self(command.spawn().expect("the bot starts"))
    }

    /// Sends SIGTERM, as a service manager does, and returns the exit status.
    #[cfg(unix)]
    fn terminate(mut self) -> std::process::ExitStatus {
        let sent = std::process::Command::new("kill").arg(self.0.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
        self.0.wait().expect("the bot ends")
    }

    /// Sends SIGKILL.
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

/// The point in the course of an answer at which the bot is killed.
#[derive(Debug, Clone, Copy)]
enum Point {
    /// Discord has sent the event of the question.
    AfterTheQuestion,
    /// The bot has sent the answer; Discord drops it.
    BeforeDiscordHasIt,
    /// Discord has stored the answer but doesn't respond.
    AfterDiscordHasIt,
    /// Discord responds; the bot is about to record the answer or has just recorded it.
    BeforeTheRecord,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_fifty_points_nothing_is_lost_or_doubled() {
    const POINTS: [Point; 4] =
        [Point::AfterTheQuestion, Point::BeforeDiscordHasIt, Point::AfterDiscordHasIt, Point::BeforeTheRecord];
    let questions = ["who flies it?", "how much is a ticket?", "when did it land?", "how often?", "who is Kozlov?"];
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_250_727);
    println!("seed {seed}; set SEED to use another");
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
        // The bot must not answer this message, which doesn't mention it, when it reads the history.
        standin.keep(CHANNEL, STRANGER, "how much is a ticket?", json!({}));
        process = Process::start(&standin, folder.path());
        standin.until_connected().await;
        standin.until_answered(CHANNEL, &asked).await;
    }
    // The bot sends an answer before it records it, so wait for the record.
    let records = Records::open(&folder.path().join("facts.db"), "discord").unwrap();
    let is_recorded = |message: &&Value| records.is_answered(message["id"].as_str().unwrap()).unwrap() == Some(true);
    let recorded = async {
        while !asked.iter().all(|message| is_recorded(&message)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), recorded).await.expect("every answer is recorded in time");
    process.kill();
    let own = standin.channel(CHANNEL).into_iter().filter(|message| is_id(&message["author"]["id"], BOT));
    let mut answered: Vec<Value> = own.map(|message| message["message_reference"]["message_id"].clone()).collect();
    let expected: Vec<Value> = asked.iter().map(|message| message["id"].clone()).collect();
    answered.sort_by_key(Value::to_string);
    assert_eq!(answered, expected, "answers are lost or duplicated");
    assert_eq!(standin.problems(), Vec::<String>::new());
    // The tally counts each recorded answer once.
    let counted: u32 = records.tally(&GUILD.to_string(), "2000").unwrap().iter().map(|(_, _, count)| count).sum();
    assert_eq!(counted as usize, asked.iter().filter(is_recorded).count());
    assert!(counted > 50, "{counted}");
}

/// Returns a folder with a database, a stand-in, and its requests.
async fn place() -> (tempfile::TempDir, StandIn, Requests) {
    let (standin, requests) = StandIn::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = common::database_in(folder.path());
    // Turn off the rate limits, because tests ask faster than people.
    let unlimited = |settings: &mut CommunitySettings| (settings.per_person, settings.per_channel) = (0, 0);
    Records::open(&path, "discord").unwrap().set(&GUILD.to_string(), unlimited).unwrap();
    (folder, standin, requests)
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_contain_no_token_and_no_text_that_people_wrote() {
    let (folder, standin, mut requests) = place().await;
    let log = folder.path().join("log.txt");
    let process = Process::start_logging(&standin, folder.path(), std::fs::File::create(&log).unwrap());
    requests.next("PUT", COMMANDS).await;
    standin.until_connected().await;
    standin.person_says(CHANNEL, PERSON, &format!("<@{BOT}> how much is a zebra ticket?"), json!({}));
    requests.said(CHANNEL).await;
    standin.command("ask", json!([{"name": "question", "type": 3, "value": "do zebras fly it?"}]));
    requests.answered().await;
    process.kill();
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("answered"), "{log}");
    for word in ["a.b.c", "zebra", "token-", "user1"] {
        assert!(!log.contains(word), "{word} in\n{log}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_stops_the_bot_with_and_without_a_gateway() {
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
async fn permanent_refusals_are_not_retried() {
    let (folder, standin, requests) = place().await;
    standin.refuse_commands();
    let mut bot = Bot { standin, requests, folder, variables: Vec::new(), running: None };
    bot.come_up().await;
    bot.requests.next("GET", COMMANDS).await;
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
    let registered = bot.requests.next("PUT", COMMANDS).await.body;
    let names: Vec<&str> =
        registered.as_array().unwrap().iter().filter_map(|command| command["name"].as_str()).collect();
    assert_eq!(names[..7], ["ask", "Answer this", "topics", "sources", "help", "privacy", "desk"]);
    let direct = registered.as_array().unwrap()[7..].iter().map(|command| &command["contexts"]);
    assert!(direct.clone().count() > 10 && direct.clone().all(|contexts| *contexts == json!([1])));
    bot.moderators_commands().await;
    bot.stop().await;
    bot.come_up().await;
    bot.mention("who flies it?");
    bot.said().await;
    assert_eq!(bot.standin.registrations(), 2);
    bot.assert_well_behaved();
}

/// The moderators' commands are visible only with the permission *Manage Messages*, until the server names roles.
#[tokio::test(flavor = "multi_thread")]
async fn moderators_commands_are_hidden_until_roles_are_named() {
    let mut bot = Bot::start().await;
    bot.requests.next("PUT", COMMANDS).await;
    let hidden_from_others = |registered: &Value| -> Vec<bool> {
        let only = Some(MANAGE_MESSAGES.to_string());
        let keepers = registered.as_array().unwrap().iter().filter(|command| command["name"] != "suggest");
        keepers.map(|command| command["default_member_permissions"].as_str().map(str::to_owned) == only).collect()
    };
    let registered = bot.moderators_commands().await;
    assert!(hidden_from_others(&registered).iter().all(|hidden| *hidden), "{registered}");
    let role = |name: &str| json!([{"name": name, "type": 8, "value": KEEPERS.to_string()}]);
    assert!(desk(&mut bot, 0, "roles", role("add")).await.starts_with("Only members with"));
    for (name, hidden) in [("add", false), ("remove", true)] {
        let said = desk(&mut bot, MANAGE_GUILD, "roles", role(name)).await;
        assert_eq!(said.contains("<@&4712>"), !hidden, "{said}");
        let registered = bot.requests.next("PUT", KEEPERS_COMMANDS).await.body;
        assert!(hidden_from_others(&registered).iter().all(|is| *is == hidden), "{registered}");
    }
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_errors_name_the_remedy() {
    let (standin, _requests) = StandIn::start().await;
    standin.refuse_the_token();
    let folder = tempfile::tempdir().unwrap();
    let path = common::database_in(folder.path());
    let told = |config: Config| {
        let path = path.clone();
        async move {
            let desk = Arc::new(common::open(&path));
            let discord = config.discord.expect("a token is set");
            serve(&discord, desk, &path, |_| {}, std::future::pending())
                .await
                .expect_err("the bot can't serve")
                .to_string()
        }
    };
    let error = told(config(&standin.address)).await;
    assert!(
        error.contains("refuses the token") && error.contains("Reset Token") && !error.contains("a.b.c"),
        "{error}"
    );
    let (standin, _requests) = StandIn::start().await;
    standin.refuse_the_intents();
    let error = told(config(&standin.address)).await;
    assert!(error.contains("refuses the intents") && error.contains("DISCORD_WATCH_CHANNELS"), "{error}");
    let error = told(config("127.0.0.1:1")).await;
    assert!(error.contains("can't be reached") && !error.contains("a.b.c"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_ask_gives_the_same_answer() {
    let mut bot = Bot::start_with(&[], |settings| settings.keep_days = 1).await;
    bot.requests.next("PUT", COMMANDS).await;
    let questions = routedesk::eval::read(include_str!("questions/development.jsonl")).unwrap();
    let (ask, answer_this) = (bot.standin.command_id("ask"), bot.standin.command_id("Answer this"));
    for (at, question) in questions.iter().enumerate() {
        let text = question.q.as_str();
        let alone = expected(text);
        // Each question comes from another person, so that none is a follow-up.
        let person = 10_000 + at as u64;
        bot.standin.person_says(CHANNEL, person, &format!("<@{BOT}> {text}"), json!({}));
        let mut last = Value::Null;
        for part in &alone {
            last = bot.said().await;
            assert_eq!(content(&last), part, "{text}");
        }
        let is_answer = last["components"][0]["components"][0]["custom_id"].as_str().unwrap_or_default();
        let flags = if is_answer.starts_with("sources:") { 4 } else { 4 | 64 };
        bot.standin.person_says(THREAD, person, &format!("<@{BOT}> {text}"), json!({}));
        for part in &alone {
            assert_eq!(content(&bot.requests.said(THREAD).await), part, "{text}");
        }
        // A reply that pings the bot, to a message of the bot without text, which adds no context.
        let empty = bot.standin.keep(OTHER_CHANNEL, BOT, "", json!({}));
        let reply = json!({"type": 19, "referenced_message": empty, "mentions": [user(BOT, true)],
                           "message_reference": {"message_id": empty["id"], "channel_id": OTHER_CHANNEL.to_string()}});
        bot.standin.person_says(OTHER_CHANNEL, person, text, reply);
        for part in &alone {
            assert_eq!(content(&bot.requests.said(OTHER_CHANNEL).await), part, "{text}");
        }
        let options = json!([{"name": "question", "type": 3, "value": text}]);
        bot.standin.interact(2, json!({"id": ask, "name": "ask", "type": 1, "options": options}), json!({}));
        let answered = bot.requests.answered().await;
        assert_eq!(content(&answered["data"]), alone[0], "{text}");
        assert_eq!(answered["data"]["flags"], flags, "{text}");
        let target = bot.standin.keep(OTHER_CHANNEL, STRANGER, text, json!({}));
        let resolved = json!({"messages": {target["id"].as_str().unwrap(): target}});
        let data = json!({"id": answer_this, "name": "Answer this", "type": 3, "target_id": target["id"], "resolved": resolved});
        bot.standin.interact(2, data, json!({}));
        assert_eq!(content(&bot.requests.answered().await["data"]), alone[0], "{text}");
    }
    for (at, question) in questions.iter().enumerate() {
        bot.standin.person_says(DIRECT, 10_000 + at as u64, &question.q, json!({}));
        for part in expected(&question.q) {
            assert_eq!(content(&bot.requests.said(DIRECT).await), part, "{}", question.q);
        }
    }
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limited_person_is_told_once() {
    let mut bot = Bot::start_with(&[], |settings| settings.per_person = 2).await;
    for question in ["who flies it?", "how often?"] {
        bot.mention(question);
        assert_eq!(content(&bot.said().await), expected(question)[0]);
    }
    bot.mention("how long is it?");
    let told = bot.said().await;
    assert!(content(&told).starts_with("You asked many questions within a minute"), "{told}");
    bot.mention("how long is it?");
    // Other people still get answers, and a command is always told about the limit.
    bot.standin.person_says(CHANNEL, STRANGER, &format!("<@{BOT}> how often?"), json!({}));
    assert_eq!(content(&bot.said().await), expected("how often?")[0]);
    bot.standin.command("ask", json!([{"name": "question", "type": 3, "value": "кто летает?"}]));
    let answered = bot.requests.answered().await;
    assert!(content(&answered["data"]).starts_with("За минуту вы задали") && answered["data"]["flags"] == 4 | 64);
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_and_server_managers_change_settings() {
    let mut bot = Bot::start_with(&[("ROUTEDESK_OPERATORS", "1")], |_| {}).await;
    bot.requests.next("PUT", COMMANDS).await;
    let limit = json!([{"name": "per_person", "type": 4, "value": 5}]);
    let shown = desk(&mut bot, MANAGE_GUILD, "settings", limit.clone()).await;
    assert!(shown.contains("5 per person") && shown.contains("I answer everywhere"), "{shown}");
    let only = json!([{"name": "only_in", "type": 7, "value": OTHER_CHANNEL.to_string()}]);
    // `PERSON` is an operator.
    let shown = desk(&mut bot, 0, "settings", only).await;
    assert!(shown.contains(&format!("in <#{OTHER_CHANNEL}>")), "{shown}");
    bot.mention("how often?");
    assert_eq!(
        content(&bot.said().await),
        format!("I don't answer in this channel. Please ask in <#{OTHER_CHANNEL}>.")
    );
    bot.standin.open_thread(THREAD, OTHER_CHANNEL, "flights");
    bot.standin.person_says(THREAD, STRANGER, &format!("<@{BOT}> how often?"), json!({}));
    assert_eq!(content(&bot.requests.said(THREAD).await), expected("how often?")[0]);
    bot.standin.person_says(OTHER_CHANNEL, STRANGER, &format!("<@{BOT}> can I take my dog?"), json!({}));
    bot.requests.said(OTHER_CHANNEL).await;
    bot.stop().await;
    bot.variables.clear();
    bot.come_up().await;
    assert_eq!(
        desk(&mut bot, MANAGE_MESSAGES, "settings", limit).await,
        "Only members with the permission Manage Server may do that."
    );
    let everywhere = json!([{"name": "off", "type": 4, "value": 0}]);
    let shown = desk(&mut bot, MANAGE_GUILD, "settings", everywhere).await;
    assert!(shown.contains("I answer everywhere") && shown.contains("5 per person"), "{shown}");
    let queue = desk(&mut bot, MANAGE_GUILD, "queue", json!([])).await;
    assert!(queue.contains("1× can i take my dog") && queue.contains("No problem was reported."), "{queue}");
    assert!(desk(&mut bot, 0, "queue", json!([])).await.starts_with("Only members"));
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reported_problem_reaches_the_moderators_without_a_name() {
    let mut bot = Bot::start().await;
    bot.requests.next("PUT", COMMANDS).await;
    bot.mention("how much is a ticket?");
    let said = bot.said().await;
    let report = buttons(&said, 0)
        .into_iter()
        .find(|id| id.starts_with("report:"))
        .expect("the answer has a button to report a problem");
    press(&bot, STRANGER, &report, false);
    let form = bot.requests.answered().await;
    assert_eq!((&form["type"], &form["data"]["custom_id"]), (&json!(9), &json!(report)));
    let field = &form["data"]["components"][0]["components"][0];
    assert_eq!(field["custom_id"], "text");
    bot.stop().await;
    bot.come_up().await;
    let filled = json!([{"type": 1, "components": [{"type": 4, "custom_id": "text", "value": "that was **last** year @everyone"}]}]);
    bot.standin.interact(5, json!({"custom_id": report, "components": filled}), json!({"member": member(STRANGER, 0)}));
    assert!(content(&bot.requests.answered().await["data"]).starts_with("Thank you"));
    let queue = desk(&mut bot, MANAGE_GUILD, "queue", json!([])).await;
    assert!(queue.contains(r"ticket-price: that was \*\*last\*\* year"), "{queue}");
    // A form with a forged id, and a report from a place without moderators.
    bot.standin.interact(
        5,
        json!({"custom_id": "report:xx", "components": filled}),
        json!({"member": member(STRANGER, 0)}),
    );
    assert_eq!(bot.requests.answered().await["type"], 6);
    let message = bot.standin.channel(CHANNEL).pop().expect("the channel has a message");
    let away = json!({"message": message, "authorizing_integration_owners": {"1": STRANGER.to_string()}});
    bot.standin.interact(3, json!({"custom_id": report, "component_type": 2}), away);
    assert!(content(&bot.requests.answered().await["data"]).contains("nobody here can read it"));
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_browsed_by_menus() {
    let mut bot = Bot::start().await;
    bot.requests.next("PUT", COMMANDS).await;
    bot.mention("who flies it?");
    bot.said().await;
    bot.standin.command("topics", json!([]));
    let shown = bot.requests.answered().await;
    assert_eq!(shown["data"]["flags"], 4 | 64);
    let menu = &shown["data"]["components"][0]["components"][0];
    let subject = menu["options"][0]["value"].as_str().expect("a subject");
    choose(&bot, menu["custom_id"].as_str().unwrap(), subject);
    let shown = bot.requests.answered().await;
    assert_eq!(shown["type"], 7);
    let rows = &shown["data"]["components"];
    let (menu, back) = (&rows[0]["components"][0], &rows[1]["components"][0]["custom_id"]);
    let topic = menu["options"][0]["value"].as_str().expect("a topic");
    choose(&bot, menu["custom_id"].as_str().unwrap(), topic);
    let answered = bot.requests.answered().await;
    assert!(answered["type"] == 4 && content(&answered["data"]).contains("[1]"), "{answered}");
    press(&bot, PERSON, back.as_str().unwrap(), false);
    assert_eq!(bot.requests.answered().await["data"]["components"][0]["components"][0]["custom_id"], "subject:en");
    choose(&bot, "subject:en", "no-such-subject");
    assert_eq!(bot.requests.answered().await["data"]["flags"], 4 | 64);
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn unaddressed_questions_are_answered_only_in_watched_channels_and_forums() {
    let mut bot = Bot::start().await;
    assert!(!bot.standin.reads_content());
    bot.stop().await;
    bot.variables = vec![("DISCORD_WATCH_CHANNELS", "701,forums")];
    bot.come_up().await;
    assert!(bot.standin.reads_content());
    for (channel, text) in [
        (CHANNEL, "who flies it?"),
        (OTHER_CHANNEL, "lol nice flight"),
        (OTHER_CHANNEL, "can I take my dog?"),
        (OTHER_CHANNEL, "what do you think of the new logo?"),
    ] {
        bot.standin.person_says(channel, PERSON, text, json!({}));
    }
    // Forum posts are answered only if the server turns that on.
    let post = |bot: &Bot, title: &str, text: &str| {
        let message = bot.standin.keep(0, PERSON, text, json!({}));
        let id: u64 = message["id"].as_str().unwrap().parse().unwrap();
        bot.standin.open_thread(id, CHANNEL, title);
        bot.standin.tell(id, message);
        id
    };
    post(&bot, "Tickets", "how much is a ticket?");
    bot.standin.person_says(OTHER_CHANNEL, PERSON, "who flies it?", json!({}));
    let said = bot.requests.next("POST", "/messages").await;
    assert_eq!(
        (said.path.as_str(), content(&said.body)),
        ("/channels/701/messages", expected("who flies it?")[0].as_str())
    );
    bot.records().set(&GUILD.to_string(), |settings| settings.forum = true).unwrap();
    let id = post(&bot, "How much is a ticket?", "I want to go there next year.");
    let said = bot.requests.next("POST", "/messages").await;
    assert_eq!(said.path, format!("/channels/{id}/messages"));
    assert!(content(&said.body).contains("45,000"), "{}", said.body);
    bot.standin.person_says(id, STRANGER, "how often?", json!({}));
    bot.mention("how often?");
    assert_eq!(bot.requests.next("POST", "/messages").await.path, format!("/channels/{CHANNEL}/messages"));
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_out_of_order_and_in_channels_known_from_commands_are_answered() {
    let mut bot = Bot::start().await;
    bot.requests.next("PUT", COMMANDS).await;
    bot.standin.command("ask", json!([{"name": "question", "type": 3, "value": "who flies it?"}]));
    bot.requests.answered().await;
    bot.stop().await;
    // Nobody has mentioned the bot in this channel before.
    bot.standin.keep(CHANNEL, STRANGER, &format!("<@{BOT}> how often?"), json!({}));
    bot.come_up().await;
    assert_eq!(content(&bot.said().await), expected("how often?")[0]);
    let two = ["who flies it?", "how much is a ticket?"]
        .map(|text| bot.standin.keep(CHANNEL, STRANGER, &format!("<@{BOT}> {text}"), json!({})));
    // The events arrive in reverse order, and Discord confirms the first answer only after the second.
    bot.standin.fail_next([Fault::Late]);
    for message in two.iter().rev() {
        bot.standin.tell(CHANNEL, message.clone());
    }
    bot.standin.until_answered(CHANNEL, &two).await;
    bot.stop().await;
    let own = bot.standin.channel(CHANNEL).into_iter().filter(|message| is_id(&message["author"]["id"], BOT));
    assert_eq!(own.count(), 3);
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_reported_to_the_log_channel_once() {
    let mut bot = Bot::start_with(&[], |settings| settings.log_channel = Some(LOG_CHANNEL.to_string())).await;
    bot.standin.fail_next([Fault::Status(403)]);
    bot.mention("who flies it?");
    let told = bot.requests.said(LOG_CHANNEL).await;
    assert!(content(&told).contains(&format!("<#{CHANNEL}>")) && content(&told).contains("Send Messages"), "{told}");
    bot.standin.fail_next([Fault::Status(403)]);
    bot.mention("who flies it?");
    bot.said().await;
    bot.mention("how often?");
    assert_eq!(content(&bot.said().await), expected("how often?")[0]);
    bot.stop().await;
    assert_eq!(bot.standin.channel(LOG_CHANNEL).len(), 1);
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_is_removed_whole() {
    let long = "what weapons did North Korea send? how many troops did it send? how many were killed? what does the treaty say?";
    let mut bot = Bot::start().await;
    bot.mention(long);
    let parts = expected(long);
    assert!(parts.len() > 1, "the answer must take several messages");
    let mut last = Value::Null;
    for part in &parts {
        last = bot.said().await;
        assert_eq!(content(&last), part);
    }
    let remove = buttons(&last, 0).pop().expect("the answer has buttons");
    press(&bot, PERSON, &remove, false);
    for _ in 1..parts.len() {
        bot.requests.next("DELETE", "").await;
    }
    bot.requests.next("DELETE", "/messages/@original").await;
    // The bot deletes the last message through the interaction. The stand-in doesn't link the two, so the message
    // stays.
    assert_eq!(bot.standin.channel(CHANNEL).len(), 2);
    // The button removes only messages of the bot.
    let other = bot.standin.keep(CHANNEL, STRANGER, "hello", json!({}));
    bot.mention("who flies it?");
    bot.said().await;
    press(&bot, PERSON, &format!("remove:{PERSON}:{}", other["id"].as_str().unwrap()), false);
    bot.requests.next("DELETE", "/messages/@original").await;
    assert!(bot.standin.channel(CHANNEL).iter().any(|message| message["id"] == other["id"]));
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_long_answer_is_completed() {
    let long = "what weapons did North Korea send? how many troops did it send? how many were killed? what does the treaty say?";
    let mut bot = Bot::start().await;
    bot.mention("who flies it?");
    bot.said().await;
    bot.stop().await;
    let parts = expected(long);
    // As after a crash: the channel has the first part of one answer, and for another question a text that isn't part
    // of its answer.
    for begun in [parts[0].as_str(), "Something else."] {
        let asked = bot.standin.keep(CHANNEL, STRANGER, &format!("<@{BOT}> {long}"), json!({}));
        let place = Place { channel: CHANNEL.to_string(), community: Some(GUILD.to_string()) };
        let now = jiff::Timestamp::now().as_second();
        bot.records().receive(asked["id"].as_str().unwrap(), &place, now).unwrap();
        let reference = json!({"message_id": asked["id"], "channel_id": CHANNEL.to_string()});
        bot.standin.keep(CHANNEL, BOT, begun, json!({"type": 19, "message_reference": reference}));
    }
    bot.come_up().await;
    for part in parts[1..].iter().chain(&parts) {
        assert_eq!(content(&bot.said().await), part);
    }
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_retried_after_a_temporary_error() {
    let mut bot = Bot::start().await;
    bot.requests.next("PUT", COMMANDS).await;
    // The second refusal means that Discord had accepted the first response.
    bot.standin.refuse_next_responses([(500, 0), (400, 40_060), (404, 10_062)]);
    let ask = |text: &str| json!([{"name": "question", "type": 3, "value": text}]);
    bot.standin.command("ask", ask("who flies it?"));
    for _ in 0..2 {
        assert_eq!(content(&bot.requests.answered().await["data"]), expected("who flies it?")[0]);
    }
    bot.standin.command("ask", ask("how often?"));
    bot.requests.answered().await;
    bot.standin.command("ask", ask("how much is a ticket?"));
    assert_eq!(content(&bot.requests.answered().await["data"]), expected("how much is a ticket?")[0]);
    bot.assert_well_behaved();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_gateway_misses_no_message() {
    let mut bot = Bot::start().await;
    bot.standin.feel_the_pulse().await;
    // The bot receives messages from the time without a connection when it resumes the session.
    bot.standin.cut();
    bot.mention("who flies it?");
    bot.standin.until_resumed().await;
    assert_eq!(content(&bot.said().await), expected("who flies it?")[0]);
    bot.standin.call_to_reconnect();
    bot.standin.until_resumed().await;
    bot.mention("how often?");
    assert_eq!(content(&bot.said().await), expected("how often?")[0]);
    // After an invalid session, the bot starts a new one and reads missed messages from the histories of the channels.
    bot.standin.keep(CHANNEL, STRANGER, &format!("<@{BOT}> who is Kozlov?"), json!({}));
    bot.standin.end_the_session();
    bot.standin.until_connected().await;
    assert_eq!(content(&bot.said().await), expected("who is Kozlov?")[0]);
    bot.standin.feel_the_pulse().await;
    bot.stop().await;
    let own = bot.standin.channel(CHANNEL).into_iter().filter(|message| is_id(&message["author"]["id"], BOT));
    assert_eq!(own.count(), 3);
    bot.assert_well_behaved();
}

/// Starts a TLS proxy for the stand-in with a certificate for discord.com. Returns a client that resolves discord.com
/// to the proxy and trusts no other certificate.
async fn as_discord(standin: &StandIn) -> reqwest::Client {
    let certified = rcgen::generate_simple_self_signed(["discord.com".to_owned()]).unwrap();
    let key = tokio_rustls::rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let behind = standin.address.clone();
    tokio::spawn(async move {
        while let Ok((outer, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let Ok(mut outer) = acceptor.accept(outer).await else { return };
                let Ok(mut inner) = tokio::net::TcpStream::connect(behind).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    reqwest::Client::builder()
        .resolve("discord.com", address)
        .add_root_certificate(reqwest::Certificate::from_der(certified.cert.der()).unwrap())
        .tls_built_in_root_certs(false)
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_refusals_loses_no_answer_with_the_librarys_limiter_on() {
    let (folder, standin, mut requests) = place().await;
    let client = as_discord(&standin).await;
    let http = serenity::http::HttpBuilder::new("a.b.c").client(client).build();
    let discord = config(&standin.address).discord.expect("a token is set");
    let path = folder.path().join("facts.db");
    let desk = Arc::new(common::open(&path));
    let running =
        tokio::spawn(async move { serve_through(http, &discord, desk, &path, |_| {}, std::future::pending()).await });
    standin.until_connected().await;
    standin.fail_next([Fault::Status(429); 20]);
    let ask = |person| standin.person_says(CHANNEL, person, &format!("<@{BOT}> who flies it?"), json!({}));
    let asked: Vec<Value> = (1..=20).map(|person| ask(1_000 + person)).collect();
    standin.until_answered(CHANNEL, &asked).await;
    let own = standin.channel(CHANNEL).into_iter().filter(|message| is_id(&message["author"]["id"], BOT));
    assert_eq!(own.count(), asked.len(), "answers are lost or duplicated");
    while requests.said(CHANNEL).await["message_reference"]["message_id"] != asked[0]["id"] {}
    running.abort();
    assert_eq!(standin.problems(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_refusals_loses_no_answer() {
    let bot = Bot::start().await;
    bot.standin.fail_next([Fault::Status(429); 40]);
    let ask = |person| bot.standin.person_says(CHANNEL, person, &format!("<@{BOT}> who flies it?"), json!({}));
    let asked: Vec<Value> = (1..=20).map(|person| ask(1_000 + person)).collect();
    bot.standin.until_answered(CHANNEL, &asked).await;
    let own = bot.standin.channel(CHANNEL).into_iter().filter(|message| is_id(&message["author"]["id"], BOT));
    assert_eq!(own.count(), asked.len(), "answers are lost or duplicated");
    bot.assert_well_behaved();
}
