//! Tests moderators' commands, reactions and files in rooms of a homeserver.

use routedesk::moderation::{Actor, Moderation, Permission};
use serde_json::json;

use super::*;

/// A bot in a room with a moderator and a member.
struct Hands {
    bot: Bot,
    moderator: Person,
    member: Person,
    room: String,
}

impl Hands {
    async fn start(server: &Server) -> Self {
        let bot = Bot::start(server).await;
        let (mut moderator, member) = (server.person("mod").await, server.person("member").await);
        let room = moderator.room_with(bot.id(), json!({"preset": "public_chat"})).await;
        member.call("POST", &format!("/join/{}", synapse::coded(&room)), &json!({})).await;
        bot.set_room(&room, |settings| (settings.per_person, settings.per_channel) = (0, 0));
        Self { bot, moderator, member, room }
    }

    /// Sends a line of a scenario and returns the reply.
    async fn say(&mut self, who: &str, line: &str) -> String {
        let person = if who == "moderator" { &mut self.moderator } else { &mut self.member };
        let line = match line.strip_prefix('/') {
            Some(command) => format!("!{command}"),
            None if who == "member" => format!("!ask {line}"),
            None => line.to_owned(),
        };
        let asked = person.say(&self.room, &line).await;
        loop {
            // Skip replies to others and edits of old answers.
            let said = person.hears(&self.room, self.bot.id()).await;
            if said["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == asked.as_str() {
                return body(&said).to_owned();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scenarios_hold_on_matrix() {
    let Some(server) = Server::shared().await else { return };
    for (name, scenario) in scenario::all() {
        let mut hands = Hands::start(server).await;
        for step in scenario::steps(&scenario) {
            // On Matrix, the bot ignores a bare word if no step is open, or if the word doesn't decide the open step.
            if (step.1 == "confirm" && step.2 == ["= No command is waiting"]) || step.1 == "maybe" {
                continue;
            }
            let reply = hands.say(step.0, step.1).await;
            scenario::check(&name, &step, &reply);
        }
        hands.bot.stop().await;
    }
}

/// The power levels of the room decide who is a moderator, at each step. Other rooms don't see the change, and the
/// management room is told of it.
#[tokio::test(flavor = "multi_thread")]
async fn power_levels_decide_who_is_a_moderator() {
    let Some(server) = Server::shared().await else { return };
    let mut hands = Hands::start(server).await;
    let bot_id = hands.bot.id().to_owned();
    let management = hands.moderator.room_with(&bot_id, json!({"preset": "public_chat"})).await;
    let said = hands.say("moderator", &format!("/desk set log {management}")).await;
    assert!(said.starts_with("CAREFUL") && said.contains(&management), "{said}");
    let said = hands.say("moderator", "/desk set log !nowhere:localhost").await;
    assert!(said.contains("I'm not in that room"), "{said}");
    let member = hands.member.id.clone();
    // The creator needs no entry: in the newest room version, creators are above all levels.
    let levels = |level: i64| json!({"users": {member.clone(): level}});
    let path = format!("/rooms/{}/state/m.room.power_levels", synapse::coded(&hands.room));
    let retire = "/fact retire price-rubles wrong";
    // Levels just below and above the limit of 50.
    for (level, expected) in [(49, "Only moderators may do that here"), (51, "Retire price-rubles")] {
        hands.moderator.call("PUT", &path, &levels(level)).await;
        let said = hands.say("member", retire).await;
        assert!(said.contains(expected), "{level}: {said}");
    }
    // A person who loses the level between preview and confirmation can't confirm.
    hands.moderator.call("PUT", &path, &levels(0)).await;
    let said = hands.say("member", "/confirm").await;
    assert!(said.contains("Only moderators may do that here"), "{said}");
    hands.say("moderator", retire).await;
    assert!(hands.say("moderator", "confirm").await.contains("Done, revision 2"));
    let told = hands.moderator.hears(&management, &bot_id).await;
    assert!(body(&told).contains("Revision 2: Retire price-rubles"), "{told}");
    assert!(!hands.say("member", "how much is a ticket?").await.contains("45,000 rubles ["));
    // Another room and a direct chat see the shared facts. In a direct chat, only operators can change facts.
    for more in [json!({}), json!({"is_direct": true, "preset": "trusted_private_chat"})] {
        let other = hands.moderator.room_with(&bot_id, more.clone()).await;
        hands.moderator.say(&other, "!ask how much is a ticket?").await;
        assert!(body(&hands.moderator.hears(&other, &bot_id).await).contains("45,000 rubles ["));
        if more["is_direct"] == true {
            hands.moderator.say(&other, "!fact retire price-rubles wrong").await;
            let said = hands.moderator.hears(&other, &bot_id).await;
            assert!(body(&said).contains("Only operators may"), "{said}");
        }
    }
    hands.bot.stop().await;
}

/// When a room is upgraded, the new room has the changes of the old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_rooms_own_facts_follow_it() {
    let Some(server) = Server::shared().await else { return };
    let mut hands = Hands::start(server).await;
    let bot_id = hands.bot.id().to_owned();
    hands.say("moderator", "/fact retire price-rubles wrong").await;
    hands.say("moderator", "confirm").await;
    let upgrade = format!("/rooms/{}/upgrade", synapse::coded(&hands.room));
    let next = hands.moderator.call("POST", &upgrade, &json!({"new_version": "11"})).await;
    let next = next["replacement_room"].as_str().unwrap().to_owned();
    hands.moderator.until_in(&next, &bot_id, "join").await;
    let scope = routedesk::store::Scope::community("matrix", &next);
    let store = routedesk::store::Store::open(&hands.bot.folder.path().join("facts.db")).unwrap();
    // The bot copies the changes after it has joined.
    while store.overlay(&scope).unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    hands.moderator.say(&next, "!ask how much is a ticket?").await;
    assert!(!body(&hands.moderator.hears(&next, &bot_id).await).contains("45,000 rubles ["));
    hands.bot.stop().await;
}

/// The bot edits earlier answers to show a change, and restores them when the change is undone.
#[tokio::test(flavor = "multi_thread")]
async fn answer_updates_reach_old_answers() {
    let Some(server) = Server::shared().await else { return };
    let mut hands = Hands::start(server).await;
    let before = hands.say("member", "how much is a ticket?").await;
    hands.say("member", "who flies it?").await;
    for (line, part) in [
        ("/fact edit price-rubles | statement: It was 46,000 rubles. | value: 46,000 RUB | source: same", "46,000"),
        ("/undo 2", "45,000"),
    ] {
        hands.say("moderator", line).await;
        hands.moderator.say(&hands.room, "confirm").await;
        let bot = hands.bot.id().to_owned();
        let is_edit = |event: &Value| event["sender"] == bot.as_str() && event["content"]["m.new_content"].is_object();
        let edit = hands.moderator.next(&hands.room, is_edit).await;
        let now = edit["content"]["m.new_content"]["body"].as_str().unwrap();
        assert!(now.contains(part), "{now}");
        assert_eq!(now.contains("Before, it said: A ticket was priced at 45,000 rubles."), part == "46,000", "{now}");
        assert_eq!(now == before, part == "45,000", "{now}");
        assert_eq!(edit["content"]["m.mentions"], json!({}));
    }
    hands.bot.stop().await;
}

/// A 🔔 under a reply without an answer subscribes; the subscriber is notified once, also across a restart. Removing the
/// reaction withdraws the subscription.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_is_notified_once() {
    let Some(server) = Server::shared().await else { return };
    let mut hands = Hands::start(server).await;
    let question = "is there a lounge for passengers at pyongyang airport?";
    let said = hands.say("member", question).await;
    assert!(said.contains("🔔"), "{said}");
    let is_unknown = |event: &Value| event["content"]["routedesk.answer"]["open"].is_string();
    let post = hands.moderator.next(&hands.room, is_unknown).await["event_id"].as_str().unwrap().to_owned();
    // Two people subscribe, and one of them withdraws.
    let taken = hands.moderator.react(&hands.room, &post, "🔔").await;
    hands.member.react(&hands.room, &post, "🔔").await;
    let records = hands.bot.records();
    while records.subscriptions_before(i64::MAX).unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    let redact = format!("/rooms/{}/redact/{}/x1", synapse::coded(&hands.room), synapse::coded(&taken));
    hands.moderator.call("PUT", &redact, &json!({})).await;
    while records.subscriptions_before(i64::MAX).unwrap().len() > 1 {
        tokio::task::yield_now().await;
    }
    hands.bot.stop().await;
    hands.bot.come_up().await;
    let add =
        format!("/topic add The lounge | {question} | Azzet reports no lounge at Pyongyang airport. | - | azzet 3");
    hands.say("moderator", &add).await;
    hands.moderator.say(&hands.room, "confirm").await;
    let is_told =
        |event: &Value| event["content"]["body"].as_str().is_some_and(|text| text.starts_with("You wanted to know"));
    let told = hands.member.next(&hands.room, is_told).await;
    assert!(body(&told).contains("no lounge at Pyongyang airport"), "{told}");
    assert_eq!(told["content"]["m.mentions"]["user_ids"], json!([hands.member.id]));
    while !records.subscriptions_before(i64::MAX).unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    // After a restart, the reactions in the history don't create new subscriptions.
    hands.bot.stop().await;
    hands.bot.come_up().await;
    hands.say("member", "who flies it?").await;
    assert_eq!(records.subscriptions_before(i64::MAX).unwrap(), []);
    hands.bot.stop().await;
}

/// A moderator's reply to a question without an answer can become a fact. The management room is told of the reply.
#[tokio::test(flavor = "multi_thread")]
async fn a_moderators_reply_becomes_a_fact() {
    let Some(server) = Server::shared().await else { return };
    let mut hands = Hands::start(server).await;
    let bot_id = hands.bot.id().to_owned();
    let management = hands.moderator.room_with(&bot_id, json!({})).await;
    hands.say("moderator", &format!("/desk set log {management}")).await;
    let question = "is there a lounge for passengers at pyongyang airport?";
    hands.say("member", question).await;
    let is_unknown = |event: &Value| event["content"]["routedesk.answer"]["open"].is_string();
    let post = hands.moderator.next(&hands.room, is_unknown).await["event_id"].as_str().unwrap().to_owned();
    let fact = "Azzet reports no lounge at Pyongyang airport";
    hands.moderator.reply(&hands.room, &post, fact).await;
    let is_thanks =
        |event: &Value| event["content"]["body"].as_str().is_some_and(|text| text.starts_with("Thank you."));
    hands.moderator.next(&hands.room, is_thanks).await;
    let told = hands.moderator.hears(&management, &bot_id).await;
    assert!(body(&told).contains("answered") && body(&told).contains(fact), "{told}");
    assert!(hands.say("moderator", "/suggestions").await.contains("as an answer to"));
    for line in ["/accept 1", "-", "azzet 3", "confirm"] {
        hands.say("moderator", line).await;
    }
    let answer = hands.say("member", question).await;
    assert!(answer.starts_with("Azzet reports no lounge at Pyongyang airport [1]."), "{answer}");
    hands.bot.stop().await;
}

/// Reactions in the management room undo a change. They need permission in the room that the change is about.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_undone_in_the_management_room() {
    let Some(server) = Server::shared().await else { return };
    let mut hands = Hands::start(server).await;
    let bot_id = hands.bot.id().to_owned();
    let management = hands.moderator.room_with(&bot_id, json!({"preset": "public_chat"})).await;
    hands.member.call("POST", &format!("/join/{}", synapse::coded(&management)), &json!({})).await;
    hands.say("moderator", &format!("/desk set log {management}")).await;
    hands.say("moderator", "/fact retire price-rubles wrong").await;
    hands.say("moderator", "confirm").await;
    let line = hands.moderator.hears(&management, &bot_id).await["event_id"].as_str().unwrap().to_owned();
    // The member is in the management room but isn't a moderator of the other room.
    hands.member.react(&management, &line, "↩️").await;
    let said = hands.moderator.hears(&management, &bot_id).await;
    assert!(body(&said).contains("Only moderators may do that here"), "{said}");
    hands.moderator.react(&management, &line, "↩️").await;
    let preview = hands.moderator.hears(&management, &bot_id).await;
    assert!(body(&preview).contains("Undo revision 2"), "{preview}");
    let preview = preview["event_id"].as_str().unwrap();
    // Another person can't confirm.
    hands.member.react(&management, preview, "✅").await;
    assert!(body(&hands.moderator.hears(&management, &bot_id).await).contains("No command is waiting"));
    hands.moderator.react(&management, preview, "✅").await;
    let is_done =
        |event: &Value| event["content"]["body"].as_str().is_some_and(|text| text.contains("Done, revision 3"));
    hands.moderator.next(&management, is_done).await;
    assert!(hands.say("member", "how much is a ticket?").await.contains("45,000 rubles ["));
    hands.bot.stop().await;
}

/// Rooms that an operator binds to a space share their changes. Other rooms don't see them, and only operators can
/// bind.
#[tokio::test(flavor = "multi_thread")]
async fn rooms_of_a_space_share_their_facts() {
    let Some(server) = Server::shared().await else { return };
    let mut bot = Bot::new(server).await;
    let mut operator = server.person("operator").await;
    bot.set("ROUTEDESK_OPERATORS", &operator.id);
    bot.come_up().await;
    let mut moderator = server.person("mod").await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        let room = moderator.room_with(bot.id(), json!({"preset": "public_chat"})).await;
        operator.call("POST", &format!("/join/{}", synapse::coded(&room)), &json!({})).await;
        bot.set_room(&room, |settings| (settings.per_person, settings.per_channel) = (0, 0));
        rooms.push(room);
    }
    let bot_id = bot.id().to_owned();
    moderator.say(&rooms[0], "!desk set space !space:localhost").await;
    let said = moderator.hears(&rooms[0], &bot_id).await;
    assert!(body(&said).starts_with("Only operators may"), "{said}");
    let is_bound = |event: &Value| {
        event["content"]["body"].as_str().is_some_and(|text| text.contains("bound to the space !space"))
    };
    for room in &rooms[..2] {
        operator.say(room, "!desk set space !space:localhost").await;
        moderator.next(room, is_bound).await;
    }
    for line in ["!fact retire price-rubles wrong", "confirm"] {
        moderator.say(&rooms[0], line).await;
        moderator.hears(&rooms[0], &bot_id).await;
    }
    for (room, expected) in rooms.iter().zip([false, false, true]) {
        moderator.say(room, "!ask how much is a ticket?").await;
        let said = moderator.hears(room, &bot_id).await;
        assert_eq!(body(&said).contains("45,000 rubles ["), expected, "{said}");
    }
    // After it is unbound, a room sees the shared facts again.
    operator.say(&rooms[1], "!desk set space off").await;
    moderator.hears(&rooms[1], &bot_id).await;
    moderator.say(&rooms[1], "!ask how much is a ticket?").await;
    assert!(body(&moderator.hears(&rooms[1], &bot_id).await).contains("45,000 rubles ["));
    bot.stop().await;
}

/// The bot tells the management room that a shared fact has changed that the room had changed, too.
#[tokio::test(flavor = "multi_thread")]
async fn the_management_room_is_told_of_shared_changes() {
    let Some(server) = Server::shared().await else { return };
    let mut hands = Hands::start(server).await;
    let bot_id = hands.bot.id().to_owned();
    let management = hands.moderator.room_with(&bot_id, json!({})).await;
    hands.say("moderator", &format!("/desk set log {management}")).await;
    hands
        .say(
            "moderator",
            "/fact edit price-rubles | statement: It was 46,000 rubles. | value: 46,000 RUB | source: same",
        )
        .await;
    hands.say("moderator", "confirm").await;
    hands.moderator.hears(&management, &bot_id).await;
    hands.bot.stop().await;
    let path = hands.bot.folder.path().join("facts.db");
    let moderation = Moderation::open(Arc::new(common::open(&path)), &path, "test").unwrap();
    let by = Actor { who: "op".into(), community: String::new(), permission: Permission::Operator };
    for line in
        ["fact edit price-rubles | statement: It was 47,000 rubles. | value: 47,000 RUB | source: same", "confirm"]
    {
        moderation.command(&by, line, 1_800_000_000);
    }
    hands.bot.come_up().await;
    let told = hands.moderator.hears(&management, &bot_id).await;
    assert!(body(&told).contains("claim price-rubles"), "{told}");
    let said = hands.say("moderator", "/review").await;
    assert!(said.contains("which says \"It was 47,000 rubles.\""), "{said}");
    hands.bot.stop().await;
}

/// Returns true if the body of an event contains `part`.
fn says(event: &Value, part: &str) -> bool {
    event["content"]["body"].as_str().is_some_and(|text| text.contains(part))
}

/// Returns the next file that the bot sends.
async fn file(person: &mut Person, room: &str, bot: &str) -> Value {
    let is_file = |event: &Value| event["sender"] == bot && event["content"]["msgtype"] == "m.file";
    person.next(room, is_file).await
}

/// Facts are exported as a file and imported as one revision: by a reply to a file, by a caption, or with the file that
/// the bot asks for. Only moderators can import.
#[tokio::test(flavor = "multi_thread")]
async fn facts_are_exported_and_imported_as_a_file() {
    let Some(server) = Server::shared().await else { return };
    let mut hands = Hands::start(server).await;
    let (bot, room) = (hands.bot.id().to_owned(), hands.room.clone());
    assert!(hands.say("moderator", "/fact export").await.starts_with("All 256 claims"));
    let given = file(&mut hands.moderator, &room, &bot).await;
    assert_eq!((&given["content"]["body"], &given["content"]["m.mentions"]), (&json!("facts-1.txt"), &json!({})));
    let text = hands.moderator.download(given["content"]["url"].as_str().unwrap()).await;
    let edited = |price: &str| text.replace("A ticket was priced at 45,000 rubles.", price);
    let first = edited("A ticket was priced at 45,000 roubles.");
    // The bot ignores a file without a command, and refuses an import by a member.
    let post = hands.moderator.file(&room, first.as_bytes(), "facts.txt").await;
    hands.member.reply(&room, &post, "!fact import").await;
    hands.member.next(&room, |event| says(event, "Only moderators may do that here")).await;
    hands.moderator.reply(&room, &post, "!fact import facts.txt").await;
    let is_preview = |event: &Value| says(event, "Import a file: 1 entry");
    hands.moderator.next(&room, is_preview).await;
    assert!(hands.say("moderator", "confirm").await.contains("Done, revision 2"));
    assert!(hands.say("member", "how much is a ticket?").await.contains("45,000 roubles ["));
    // Without a file, the bot asks for one. If the file isn't valid, it asks again.
    assert!(hands.say("moderator", "/fact import").await.contains("Which file?"));
    hands.moderator.file(&room, b"hello", "facts.txt").await;
    hands.moderator.next(&room, |event| says(event, "not a facts file") && says(event, "Which file?")).await;
    let second = edited("A ticket was priced at 45,000 Russian rubles.").replace("#: revision 1\n", "");
    // Other messages don't end the step, and the caption of the file is ignored.
    hands.moderator.say(&room, "wait a moment").await;
    hands.moderator.file(&room, second.as_bytes(), "here it is").await;
    hands.moderator.next(&room, is_preview).await;
    hands.say("moderator", "confirm").await;
    assert!(hands.say("member", "how much is a ticket?").await.contains("45,000 Russian rubles ["));
    // The caption of a file can be the command.
    hands.moderator.file(&room, text.as_bytes(), "!fact import").await;
    hands.moderator.next(&room, |event| says(event, "It changes nothing")).await;
    hands.bot.stop().await;
}

/// In an encrypted room, exported and imported files are encrypted, too.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_encrypted_rooms_are_encrypted() {
    let Some(server) = Server::shared().await else { return };
    let bot = Bot::start(server).await;
    let mut alice = server.person("alice").await;
    let room = alice.room_with(bot.id(), encrypted()).await;
    let mut friend = Friend::of(server, &alice).await;
    friend.say(&room, "!fact export").await;
    assert!(text(&friend.hears(bot.id()).await).starts_with("All 256 claims"));
    let given = friend.hears(bot.id()).await;
    assert!(given.content["file"]["key"].is_object() && given.content["url"].is_null(), "{given:?}");
    let most = routedesk::facts::bundle::LARGEST;
    let facts = String::from_utf8(friend.account.download(&given.content, most).await.unwrap()).unwrap();
    assert!(facts.starts_with("# All facts in one file."));
    assert!(friend.account.download(&given.content, 1_000).await.is_err(), "the size limit must hold");
    let edited = facts.replace("A ticket was priced at 45,000 rubles.", "A ticket was priced at 45,000 roubles.");
    let mut content = friend.account.upload(&room, &edited).await.unwrap();
    for (key, value) in [
        ("msgtype", json!("m.file")),
        ("body", json!("!fact import")),
        ("filename", json!("facts.txt")),
        ("info", json!({"size": edited.len()})),
    ] {
        content[key] = value;
    }
    friend.account.send(&room, "m.room.message", content, "import").await.unwrap();
    assert!(text(&friend.hears(bot.id()).await).contains("Import a file: 1 entry"));
    friend.say(&room, "confirm").await;
    assert!(text(&friend.hears(bot.id()).await).contains("Done, revision 2"));
}
