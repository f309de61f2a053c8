//! Tests moderators' slash commands, forms and buttons against the stand-in.

use routedesk::moderation::command::{Field, Form};
use routedesk::moderation::{Actor, Moderation, Permission};
use serde_json::{Value, json};

use super::*;

/// A bot, and the last response that a moderator saw.
struct Hand {
    bot: Bot,
    /// Type and data of the last response to a moderator.
    last: Value,
}

/// Removes markup from a text.
fn plain(text: &str) -> String {
    text.replace(['\\', '\u{200b}'], "")
}

/// Returns user id and permissions of a person in the scenarios.
fn permissions(who: &str) -> (u64, u64) {
    if who == "moderator" { (STRANGER, MANAGE_MESSAGES) } else { (PERSON, 0) }
}

impl Hand {
    async fn start() -> Self {
        let mut bot = Bot::start_with(&[], |settings| (settings.per_person, settings.per_channel) = (0, 0)).await;
        bot.requests.next("PUT", KEEPERS_COMMANDS).await;
        Self { bot, last: Value::Null }
    }

    /// Sends a line of a scenario and returns the reply; `None` if the line can't be sent on Discord.
    async fn say(&mut self, who: &str, line: &str) -> Option<String> {
        let Some(command) = line.strip_prefix('/') else {
            if who == "member" {
                self.bot.mention(line);
                return Some(plain(content(&self.bot.said().await)));
            }
            return self.answer(who, line).await;
        };
        let form = Form::parse(command).ok()?;
        let words = form.verb.grammar().words;
        let options = |form: &Form| -> Value {
            let option = |(field, text): (&Field, &String)| json!({"name": name_of(*field), "type": 3, "value": text});
            form.fields.iter().map(option).collect()
        };
        let (name, options) = match words.split_once(' ') {
            Some((group @ ("fact" | "topic" | "question" | "source"), part)) => {
                (group.to_owned(), json!([{"name": part, "type": 1, "options": options(&form)}]))
            }
            _ => (words.replace(' ', "-"), options(&form)),
        };
        let id = self.bot.standin.command_id(&name);
        let (person, may) = permissions(who);
        let data = json!({"id": id, "name": name, "type": 1, "options": options});
        self.bot.standin.interact(2, data, json!({"member": member(person, may)}));
        Some(self.heard().await)
    }

    /// Answers the bot's last question by a form or a button, and returns the reply; `None` if neither is there.
    async fn answer(&mut self, who: &str, text: &str) -> Option<String> {
        if let Some(fill) = self.button(":fill:") {
            self.press(who, &fill);
            self.heard().await;
        }
        if self.last["type"] == 9 && text != "cancel" {
            let (person, may) = permissions(who);
            let form = &self.last["data"];
            let field = form["components"][0]["components"][0]["custom_id"].clone();
            let rows = json!([{"type": 1, "components": [{"type": 4, "custom_id": field, "value": text}]}]);
            let data = json!({"custom_id": form["custom_id"], "components": rows});
            self.bot.standin.interact(5, data, json!({"member": member(person, may)}));
            return Some(self.heard().await);
        }
        let wanted = if matches!(text, "confirm" | "cancel") { format!(":{text}:") } else { return None };
        let id = self.button(&wanted)?;
        self.press(who, &id);
        Some(self.heard().await)
    }

    fn press(&self, who: &str, id: &str) {
        let message = self.bot.standin.keep(CHANNEL, BOT, "what is asked", json!({}));
        let (person, may) = permissions(who);
        let more = json!({"message": message, "member": member(person, may)});
        self.bot.standin.interact(3, json!({"custom_id": id, "component_type": 2}), more);
    }

    /// Returns the id of a button of the last response that contains `part`.
    fn button(&self, part: &str) -> Option<String> {
        let row = self.last["data"]["components"][0]["components"].as_array()?;
        row.iter().filter_map(|button| button["custom_id"].as_str()).find(|id| id.contains(part)).map(str::to_owned)
    }

    /// Returns the text of the next response with its follow-up messages.
    async fn heard(&mut self) -> String {
        let answered = self.bot.requests.answered().await;
        if answered["type"] == 9 {
            // A form asks its questions in the hints of the fields.
            let rows = answered["data"]["components"].as_array().unwrap().clone();
            self.last = answered;
            let hint = |row: &Value| row["components"][0]["placeholder"].as_str().unwrap_or_default().to_owned();
            return rows.iter().map(hint).collect::<Vec<_>>().join("\n");
        }
        assert_eq!(answered["data"]["flags"], 4 | 64, "responses to moderators must be ephemeral");
        let mut text = plain(content(&answered["data"]));
        self.last = answered;
        while (text.contains("Before") || text.contains("The answer stays")) && !text.contains("`confirm` or `cancel`")
        {
            let more = self.bot.requests.followed().await;
            text = format!("{text}\n{}", plain(content(&more)));
            self.last = json!({"type": 4, "data": more});
        }
        text
    }
}

fn name_of(field: Field) -> String {
    field.name().replace(' ', "-")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scenarios_hold_on_discord() {
    for (name, scenario) in scenario::all() {
        let mut hand = Hand::start().await;
        for mut step in scenario::steps(&scenario) {
            // A form cuts its hints to Discord's limit, so the expected text may be missing.
            let Some(reply) = hand.say(step.0, step.1).await else { continue };
            if hand.last["type"] == 9 {
                step.2.clear();
            }
            scenario::check(&name, &step, &reply);
        }
        hand.bot.assert_well_behaved();
        hand.bot.stop().await;
    }
}

/// Members with a named role are moderators. A member who loses the role between preview and confirmation can't
/// confirm. The bot posts the change to the log channel, with a button that undoes it.
#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_checked_at_each_step() {
    const ROLE: u64 = 4711;
    let mut hand = Hand::start().await;
    let keeper = |roles: &[u64]| {
        let mut member = member(STRANGER, 0);
        member["roles"] = roles.iter().map(u64::to_string).collect();
        json!({"member": member})
    };
    let retire = |bot: &Bot| {
        let options =
            json!([{"name": "claim", "type": 3, "value": "price-rubles"}, {"name": "why", "type": 3, "value": "x"}]);
        json!({"id": bot.standin.command_id("fact"), "name": "fact", "type": 1,
               "options": [{"name": "retire", "type": 1, "options": options}]})
    };
    hand.bot.standin.interact(2, retire(&hand.bot), keeper(&[ROLE]));
    assert!(hand.heard().await.contains("Only moderators may do that here"));
    hand.bot
        .records()
        .set(&GUILD.to_string(), |settings| {
            settings.roles.push(ROLE.to_string());
            settings.log_channel = Some(LOG_CHANNEL.to_string());
        })
        .unwrap();
    hand.bot.standin.interact(2, retire(&hand.bot), keeper(&[ROLE]));
    assert!(hand.heard().await.contains("Retire price-rubles"));
    let confirm = hand.button(":confirm:").unwrap();
    let press = |hand: &Hand, id: &str, roles: &[u64]| {
        let mut more = keeper(roles);
        more["message"] = hand.bot.standin.keep(CHANNEL, BOT, "a preview", json!({}));
        hand.bot.standin.interact(3, json!({"custom_id": id, "component_type": 2}), more);
    };
    // Another person's button, a forged button, and a press without the role do nothing.
    hand.press("member", &confirm);
    assert!(hand.heard().await.contains("No command is waiting"));
    press(&hand, "moderate:confirm:999", &[ROLE]);
    assert!(hand.heard().await.contains("No command is waiting"));
    press(&hand, &confirm, &[]);
    assert!(hand.heard().await.contains("Only moderators may do that here"));
    hand.bot.standin.interact(2, retire(&hand.bot), keeper(&[ROLE]));
    hand.heard().await;
    let confirm = hand.button(":confirm:").unwrap();
    press(&hand, &confirm, &[ROLE]);
    assert!(hand.heard().await.contains("Done, revision 2"));
    let told = hand.bot.requests.said(LOG_CHANNEL).await;
    assert!(plain(content(&told)).contains("Revision 2: Retire price-rubles"), "{told}");
    let undo = buttons(&told, 0).remove(0);
    press(&hand, &undo, &[ROLE]);
    assert!(hand.heard().await.contains("Undo revision 2"));
    let confirm = hand.button(":confirm:").unwrap();
    press(&hand, &confirm, &[ROLE]);
    assert!(hand.heard().await.contains("Done, revision 3"));
    // The button has no effect any more.
    press(&hand, &confirm, &[ROLE]);
    assert!(hand.heard().await.contains("No command is waiting"));
    hand.bot.assert_well_behaved();
}

/// Only moderators get completions of topics and claims.
#[tokio::test(flavor = "multi_thread")]
async fn topics_and_claims_are_completed_for_moderators() {
    let mut hand = Hand::start().await;
    let id = hand.bot.standin.command_id("fact");
    let typed = json!([{"name": "topic", "type": 3, "value": "ticket pri", "focused": true}]);
    let data = json!({"id": id, "name": "fact", "type": 1, "options": [{"name": "show", "type": 1, "options": typed}]});
    for (permissions, expected) in [(MANAGE_MESSAGES, true), (0, false)] {
        hand.bot.standin.interact(4, data.clone(), json!({"member": member(STRANGER, permissions)}));
        let completed = hand.bot.requests.answered().await;
        let choices = completed["data"]["choices"].as_array().unwrap().clone();
        assert_eq!(choices.iter().any(|choice| choice["value"] == "ticket-price"), expected, "{completed}");
    }
    hand.bot.assert_well_behaved();
}

/// The bot edits earlier answers, including public responses to commands, to show a change. It restores them when the
/// change is undone. The edits ping nobody.
#[tokio::test(flavor = "multi_thread")]
async fn answer_updates_reach_old_messages() {
    let mut hand = Hand::start().await;
    let before = hand.say("member", "how much is a ticket?").await.unwrap();
    let id = hand.bot.standin.channel(CHANNEL).pop().unwrap()["id"].clone();
    let question = json!([{"name": "question", "type": 3, "value": "how much is a ticket?"}]);
    hand.bot.standin.command("ask", question);
    hand.bot.requests.answered().await;
    hand.bot.requests.next("GET", "/@original").await;
    let say =
        |bot: &Bot| plain(content(&bot.standin.channel(CHANNEL).into_iter().find(|said| said["id"] == id).unwrap()));
    for (line, part) in [
        ("/fact edit price-rubles | statement: It was 46,000 rubles. | value: 46,000 RUB | source: same", "46,000"),
        ("/undo 2", "45,000"),
    ] {
        hand.say("moderator", line).await;
        hand.say("moderator", "confirm").await;
        let mut edits = [hand.edited().await, hand.edited().await];
        edits.sort_by_key(Value::to_string);
        assert!(edits.iter().all(|edit| plain(content(edit)).contains(part)), "{edits:?}");
        assert!(edits.iter().all(|edit| edit["allowed_mentions"]["parse"] == json!([])), "{edits:?}");
        let is_corrected = part == "46,000";
        assert_eq!(say(&hand.bot).contains("Before, it said: A ticket was priced at 45,000 rubles."), is_corrected);
        assert_eq!(say(&hand.bot) == before, !is_corrected);
        assert_eq!(
            hand.bot.standin.responses().iter().filter(|said| plain(said) == before).count(),
            usize::from(!is_corrected)
        );
    }
    hand.bot.assert_well_behaved();
}

impl Hand {
    async fn edited(&mut self) -> Value {
        loop {
            let request = self.bot.requests.next("PATCH", "").await;
            if request.path.contains("/messages/") {
                return request.body;
            }
        }
    }
}

/// A moderator's reply to a question without an answer becomes a fact by a button that only moderators can use.
#[tokio::test(flavor = "multi_thread")]
async fn a_moderators_reply_becomes_a_fact() {
    let mut hand = Hand::start().await;
    let question = "is there a lounge for passengers at pyongyang airport?";
    hand.say("member", question).await;
    let reply = |hand: &Hand, who: u64, text: &str, to: &Value| {
        let more = json!({"type": 19, "referenced_message": to, "mentions": [user(BOT, true)],
                          "message_reference": {"message_id": to["id"], "channel_id": CHANNEL.to_string()}});
        hand.bot.standin.person_says(CHANNEL, who, text, more);
    };
    let unknown = hand.bot.standin.channel(CHANNEL).pop().unwrap();
    let fact = "Azzet reports no lounge at Pyongyang airport";
    // A member's reply is treated as a question, and so is a moderator's question.
    for (who, text) in [(PERSON, fact), (STRANGER, "how much is a ticket?")] {
        reply(&hand, who, text, &unknown);
        let said = hand.bot.said().await;
        assert!(!said.to_string().contains("moderate:accept"), "{said}");
    }
    reply(&hand, STRANGER, fact, &unknown);
    let said = hand.bot.said().await;
    assert!(content(&said).starts_with("Thank you."), "{said}");
    let accept = buttons(&said, 0).remove(0);
    hand.press("member", &accept);
    assert!(hand.heard().await.contains("Only moderators may do that here"));
    hand.press("moderator", &accept);
    hand.heard().await;
    let form = &hand.last["data"];
    let fields: Vec<&str> = form["components"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["components"][0]["custom_id"].as_str())
        .collect();
    assert_eq!(fields, ["value", "source"]);
    let row = |(field, value): (&str, &str)| json!({"type": 1, "components": [{"type": 4, "custom_id": field, "value": value}]});
    let rows: Vec<Value> = [("value", "-"), ("source", "azzet 3")].into_iter().map(row).collect();
    let data = json!({"custom_id": form["custom_id"], "components": rows});
    hand.bot.standin.interact(5, data, json!({"member": member(STRANGER, MANAGE_MESSAGES)}));
    assert!(hand.heard().await.contains("After:"));
    assert!(hand.say("moderator", "confirm").await.unwrap().contains("Done, revision 2"));
    let answer = hand.say("member", question).await.unwrap();
    assert!(answer.starts_with("Azzet reports no lounge at Pyongyang airport [1]."), "{answer}");
    hand.press("moderator", &accept);
    assert!(hand.heard().await.contains("in the meantime"));
    hand.bot.assert_well_behaved();
}

/// The bot tells the log channel once that a shared fact has changed that the server had changed, too.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_channel_is_told_of_shared_changes() {
    let mut hand = Hand::start().await;
    hand.bot
        .records()
        .set(&GUILD.to_string(), |settings| settings.log_channel = Some(LOG_CHANNEL.to_string()))
        .unwrap();
    let edit = |rubles: &str| {
        format!("fact edit price-rubles | statement: It was {rubles} rubles. | value: {rubles} RUB | source: same")
    };
    hand.say("moderator", &format!("/{}", edit("46,000"))).await;
    hand.say("moderator", "confirm").await;
    hand.bot.requests.said(LOG_CHANNEL).await;
    hand.bot.stop().await;
    let path = hand.bot.folder.path().join("facts.db");
    let moderation = Moderation::open(Arc::new(common::open(&path)), &path, "test").unwrap();
    let by = Actor { who: "op".into(), community: String::new(), permission: Permission::Operator };
    for line in [edit("47,000").as_str(), "confirm"] {
        moderation.command(&by, line, 1_800_000_000);
    }
    for _ in 0..2 {
        hand.bot.come_up().await;
        hand.say("member", "who flies it?").await;
        hand.bot.standin.until_said(LOG_CHANNEL, 2).await;
        hand.bot.stop().await;
    }
    let told: Vec<Value> = hand.bot.standin.channel(LOG_CHANNEL);
    assert_eq!(told.len(), 2);
    assert!(plain(content(&told[1])).contains("claim price-rubles"), "{told:?}");
    hand.bot.assert_well_behaved();
}

/// Facts are exported as a file and imported as one revision. The bot fetches no file from people without permission or
/// from other hosts.
#[tokio::test(flavor = "multi_thread")]
async fn facts_are_exported_and_imported_as_a_file() {
    let mut hand = Hand::start().await;
    let file_command = |hand: &Hand, part: &str, who: (u64, u64), file: Option<(String, Value)>| {
        let id = hand.bot.standin.command_id("fact");
        let option = |(id, _): &(String, Value)| json!({"name": "file", "type": 11, "value": id});
        let options: Vec<Value> = file.iter().map(option).collect();
        let mut data =
            json!({"id": id, "name": "fact", "type": 1, "options": [{"name": part, "type": 1, "options": options}]});
        if let Some((_, resolved)) = file {
            data["resolved"] = resolved;
        }
        hand.bot.standin.interact(2, data, json!({"member": member(who.0, who.1)}));
    };
    let moderator = (STRANGER, MANAGE_MESSAGES);
    file_command(&hand, "export", moderator, None);
    let waits = hand.bot.requests.answered().await;
    assert_eq!((&waits["type"], &waits["data"]["flags"]), (&json!(5), &json!(64)), "{waits}");
    let said = hand.bot.requests.followed().await;
    assert!(content(&said).contains("All 256 claims") && said["flags"] == 4 | 64, "{said}");
    let text = hand.bot.standin.given().pop().unwrap();
    // If the file can't be sent, the bot gives the reason.
    for (status, part) in [(403, "permission Attach Files"), (500, "could not be sent")] {
        hand.bot.standin.refuse_next_follow_up(status);
        file_command(&hand, "export", moderator, None);
        let said = hand.bot.requests.followed().await;
        assert!(content(&said).contains(part), "{said}");
    }
    let edited = text.replace("A ticket was priced at 45,000 rubles.", "A ticket was priced at 45,000 roubles.");
    assert!(edited != text && text.contains("#: file war.toml"));
    let elsewhere = |hand: &Hand, address: &str| {
        let (id, mut resolved) = hand.bot.standin.attach(edited.as_bytes());
        resolved["attachments"][&id]["url"] = json!(address);
        (id, resolved)
    };
    let attach = |hand: &Hand, bytes: &[u8]| hand.bot.standin.attach(bytes);
    for (who, file, expected) in [
        ((PERSON, 0), attach(&hand, edited.as_bytes()), "Only moderators may do that here"),
        (moderator, elsewhere(&hand, "http://127.0.0.1:1/facts.txt"), "could not fetch"),
        (moderator, elsewhere(&hand, "https://example.org/facts.txt"), "could not fetch"),
        (moderator, attach(&hand, b"\xff\xfe"), "isn't UTF-8 text"),
        (moderator, attach(&hand, b""), "isn't UTF-8 text"),
        (moderator, attach(&hand, b"hello"), "not a facts file"),
        (moderator, attach(&hand, text.as_bytes()), "It changes nothing"),
    ] {
        file_command(&hand, "import", who, Some(file));
        assert_eq!(hand.bot.requests.answered().await["type"], 5);
        let said = hand.bot.requests.followed().await;
        assert!(plain(content(&said)).contains(expected), "{expected}: {said}");
    }
    file_command(&hand, "import", moderator, Some(attach(&hand, edited.as_bytes())));
    hand.bot.requests.answered().await;
    let mut preview = String::new();
    while !preview.contains("`confirm` or `cancel`") {
        let said = hand.bot.requests.followed().await;
        preview = format!("{preview}\n{}", plain(content(&said)));
        hand.last = json!({"type": 4, "data": said});
    }
    assert!(preview.contains("Import a file: 1 entry") && preview.contains("45,000 roubles"), "{preview}");
    assert!(hand.say("moderator", "confirm").await.unwrap().contains("Done, revision 2"));
    assert!(hand.say("member", "how much is a ticket?").await.unwrap().contains("45,000 roubles ["));
    hand.bot.assert_well_behaved();
}
