//! Moderators at work on the stand-in: slash commands, forms and buttons.

use routedesk::moderation::command::{Field, Form};
use routedesk::moderation::{Actor, Moderation, Permission};
use serde_json::{Value, json};

use super::*;

/// Somebody at work, with what they see last.
struct Hand {
    bot: Bot,
    /// The last response to a moderator: its type and data.
    last: Value,
}

/// Markup taken off.
fn plain(text: &str) -> String {
    text.replace(['\\', '\u{200b}'], "")
}

/// The person of the scenarios, and what they may do.
fn permissions(who: &str) -> (u64, u64) {
    if who == "moderator" { (STRANGER, MANAGE_MESSAGES) } else { (PERSON, 0) }
}

impl Hand {
    async fn start() -> Self {
        let mut bot = Bot::start_with(&[], |settings| (settings.per_person, settings.per_channel) = (0, 0)).await;
        bot.requests.next("PUT", KEEPERS_COMMANDS).await;
        Self { bot, last: Value::Null }
    }

    /// What is said to a line of a scenario; none if Discord has no way to say it.
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

    /// What is said to an answer to what was asked: a form filled in, or a button pressed.
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

    /// The id of a button of the last response.
    fn button(&self, part: &str) -> Option<String> {
        let row = self.last["data"]["components"][0]["components"].as_array()?;
        row.iter().filter_map(|button| button["custom_id"].as_str()).find(|id| id.contains(part)).map(str::to_owned)
    }

    /// The next response, with the messages that belong to it.
    async fn heard(&mut self) -> String {
        let answered = self.bot.requests.answered().await;
        if answered["type"] == 9 {
            // A form: its hints are what is asked.
            let rows = answered["data"]["components"].as_array().unwrap().clone();
            self.last = answered;
            let hint = |row: &Value| row["components"][0]["placeholder"].as_str().unwrap_or_default().to_owned();
            return rows.iter().map(hint).collect::<Vec<_>>().join("\n");
        }
        assert_eq!(answered["data"]["flags"], 4 | 64, "what moderators do is shown to them alone");
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
            // A form shows only as much of a hint as Discord takes.
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

/// A role that was named keeps the facts; who loses it between looking and confirming doesn't; the log channel is told, with
/// a button that takes the change back.
#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_the_facts_is_looked_at_each_time() {
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
    assert!(hand.heard().await.contains("Only those who moderate here"));
    hand.bot
        .records()
        .set(&GUILD.to_string(), |settings| {
            settings.roles.push(ROLE.to_string());
            settings.log_channel = Some(LOG_CHANNEL.to_string());
        })
        .unwrap();
    hand.bot.standin.interact(2, retire(&hand.bot), keeper(&[ROLE]));
    assert!(hand.heard().await.contains("Say price-rubles no more"));
    let confirm = hand.button(":confirm:").unwrap();
    let press = |hand: &Hand, id: &str, roles: &[u64]| {
        let mut more = keeper(roles);
        more["message"] = hand.bot.standin.keep(CHANNEL, BOT, "a preview", json!({}));
        hand.bot.standin.interact(3, json!({"custom_id": id, "component_type": 2}), more);
    };
    // Somebody else's button, a forged one and one without the role do nothing.
    hand.press("member", &confirm);
    assert!(hand.heard().await.contains("Nothing is open"));
    press(&hand, "moderate:confirm:999", &[ROLE]);
    assert!(hand.heard().await.contains("Nothing is open"));
    press(&hand, &confirm, &[]);
    assert!(hand.heard().await.contains("Only those who moderate here"));
    hand.bot.standin.interact(2, retire(&hand.bot), keeper(&[ROLE]));
    hand.heard().await;
    let confirm = hand.button(":confirm:").unwrap();
    press(&hand, &confirm, &[ROLE]);
    assert!(hand.heard().await.contains("Done, revision 2"));
    let told = hand.bot.requests.said(LOG_CHANNEL).await;
    assert!(plain(content(&told)).contains("Revision 2: Say price-rubles no more"), "{told}");
    let undo = buttons(&told, 0).remove(0);
    press(&hand, &undo, &[ROLE]);
    assert!(hand.heard().await.contains("Take revision 2 back"));
    let confirm = hand.button(":confirm:").unwrap();
    press(&hand, &confirm, &[ROLE]);
    assert!(hand.heard().await.contains("Done, revision 3"));
    // The old button is over.
    press(&hand, &confirm, &[ROLE]);
    assert!(hand.heard().await.contains("Nothing is open"));
    hand.bot.assert_well_behaved();
}

/// What is typed is completed for those who keep the facts.
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

/// What was answered before a change says what is right now, also a command's public answer, and is put back when the change
/// is taken back; nobody is pinged by it.
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

/// What a moderator replies to a question without an answer becomes a fact by a button, which only those press who may.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_given_by_hand_becomes_a_fact() {
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
    // A member's reply is heard as ever, and a moderator's question, too.
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
    assert!(hand.heard().await.contains("Only those who moderate here"));
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

/// Those who keep a server's facts are told when what all share changes under a change of theirs, once.
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

/// Facts go out as a file and come back as one revision; who may not bring one in isn't even fetched, nor is anything from
/// elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn facts_go_out_as_a_file_and_come_back() {
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
    // Who can't be given a file hears why.
    for (status, part) in [(403, "permission Attach Files"), (500, "could not be given")] {
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
        ((PERSON, 0), attach(&hand, edited.as_bytes()), "Only those who moderate here"),
        (moderator, elsewhere(&hand, "http://127.0.0.1:1/facts.txt"), "could not fetch"),
        (moderator, elsewhere(&hand, "https://example.org/facts.txt"), "could not fetch"),
        (moderator, attach(&hand, b"\xff\xfe"), "no text"),
        (moderator, attach(&hand, b""), "no text"),
        (moderator, attach(&hand, b"hello"), "no file of facts"),
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
    assert!(preview.contains("Bring a file in: 1 thing") && preview.contains("45,000 roubles"), "{preview}");
    assert!(hand.say("moderator", "confirm").await.unwrap().contains("Done, revision 2"));
    assert!(hand.say("member", "how much is a ticket?").await.unwrap().contains("45,000 roubles ["));
    hand.bot.assert_well_behaved();
}
