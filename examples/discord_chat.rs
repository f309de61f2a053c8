//! Chats with the bot as on Discord, without Discord: `cargo run --release --example discord_chat [DATABASE]`.
//!
//! Runs the bot against the tests' stand-in for Discord on the loopback interface. Each line of input is a message that
//! mentions the bot. Other input:
//!
//! - `reply …` replies to the bot's last message;
//! - `/fact show airline` sends a command, and `/fact import facts-1.txt` one with a file attached;
//! - `2` presses the second button;
//! - `as moderator` and `as member` change the sender.
//!
//! If the bot opens a form, each line fills in one field; an empty line leaves the field empty. Files from the bot are
//! saved in the directory for temporary files.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use routedesk::config::Config;
use routedesk::desk::Desk;
use routedesk::moderation::command::Form;
use routedesk::platform::discord::serve;
use routedesk::store::{Meta, Store};
use serde_json::{Value, json};

#[path = "chat/lines.rs"]
mod lines;
#[path = "../tests/standin/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod standin;

use standin::{BOT, CHANNEL, DIRECT, PERSON, Request, STRANGER, StandIn, is_id, user};

/// The bot has finished when it sends nothing for this long.
const SILENCE: Duration = Duration::from_millis(700);

/// Discord's permission bit *Manage Messages*.
const MANAGE_MESSAGES: u64 = 1 << 13;

/// The stand-in's channel for ephemeral messages.
const ALONE: u64 = 1;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let database = std::env::args().nth(1).map_or_else(|| folder.path().join("facts.db"), PathBuf::from);
    let (standin, mut requests) = StandIn::start().await;
    let meta = Meta { made_at: String::new(), who: "chat".into(), place: "chat".into(), why: String::new() };
    let desk = Arc::new(Desk::open(Store::open(&database)?, &meta)?.0);
    let api = format!("http://{}", standin.address);
    let config = Config::read_from(&[("DISCORD_TOKEN", "a.b.c"), ("DISCORD_API_PROXY", &api)])?;
    let discord = config.discord.expect("a token is set");
    tokio::spawn(async move { serve(&discord, desk, &database, |_| {}, std::future::pending()).await });
    standin.until_connected().await;
    requests.next("PUT", standin::KEEPERS_COMMANDS).await;
    let mut chat = Chat { standin, is_moderator: false, buttons: Vec::new(), pressed: Value::Null, form: None };
    let mut lines = lines::typed();
    chat.prompt();
    loop {
        tokio::select! {
            request = requests.any() => chat.show(&request),
            line = lines.recv() => match line {
                Some(line) => chat.take(line.trim()),
                None => break,
            },
        }
        // Show everything that a line causes before the next prompt.
        while let Ok(request) = tokio::time::timeout(SILENCE, requests.any()).await {
            chat.show(&request);
        }
        chat.prompt();
    }
    println!();
    Ok(())
}

/// A form that is being filled in.
struct FormOpen {
    id: Value,
    /// Ids and prompts of the fields.
    fields: Vec<(String, String)>,
    /// Components for the fields that are filled in.
    filled: Vec<Value>,
}

struct Chat {
    standin: StandIn,
    is_moderator: bool,
    /// Ids and labels of the buttons shown last.
    buttons: Vec<(String, String)>,
    /// Message with those buttons.
    pressed: Value,
    form: Option<FormOpen>,
}

impl Chat {
    fn prompt(&self) {
        match &self.form {
            Some(form) => print!("  {}: ", form.fields[form.filled.len()].1),
            None => print!("{}> ", if self.is_moderator { "moderator" } else { "member" }),
        }
        let _ = std::io::stdout().flush();
    }

    fn member(&self) -> Value {
        let (who, may) = if self.is_moderator { (STRANGER, MANAGE_MESSAGES) } else { (PERSON, 0) };
        json!({"user": user(who, false), "roles": [], "joined_at": "2025-01-01T00:00:00Z", "deaf": false, "mute": false,
               "flags": 0, "permissions": may.to_string()})
    }

    /// Handles a line of input.
    fn take(&mut self, line: &str) {
        let number = line.parse::<usize>().ok().and_then(|number| self.buttons.get(number.checked_sub(1)?).cloned());
        match (line, number) {
            _ if self.form.is_some() => self.fill(line),
            ("", _) => {}
            ("as member" | "as moderator", _) => self.is_moderator = line.ends_with("moderator"),
            (_, Some((id, _))) => {
                let more = json!({"message": self.pressed, "member": self.member()});
                self.standin.interact(3, json!({"custom_id": id, "component_type": 2}), more);
            }
            _ if line.starts_with('/') => self.command(&line[1..]),
            _ => self.say(line),
        }
    }

    fn say(&self, line: &str) {
        let who = if self.is_moderator { STRANGER } else { PERSON };
        let own = |message: &Value| is_id(&message["author"]["id"], BOT);
        let last = self.standin.channel(CHANNEL).into_iter().rfind(own);
        match (line.strip_prefix("reply "), last) {
            (Some(text), Some(last)) => {
                let reference = json!({"message_id": last["id"], "channel_id": CHANNEL.to_string()});
                let more = json!({"type": 19, "referenced_message": last, "mentions": [user(BOT, true)],
                                  "message_reference": reference});
                self.standin.person_says(CHANNEL, who, text, more);
            }
            _ => drop(self.standin.person_says(CHANNEL, who, &format!("<@{BOT}> {line}"), json!({}))),
        }
    }

    fn command(&self, line: &str) {
        let mut resolved = Value::Null;
        let mut option = |name: &str, text: &str| {
            if name != "file" {
                return json!({"name": name, "type": 3, "value": text});
            }
            let bytes = std::fs::read(text).inspect_err(|error| println!("{text}: {error}")).unwrap_or_default();
            let (id, file) = self.standin.attach(&bytes);
            resolved = file;
            json!({"name": name, "type": 11, "value": id})
        };
        let (name, options) = match (Form::parse(line), line.split_once(' ')) {
            (Ok(form), _) => {
                let options: Value =
                    form.fields.iter().map(|(field, text)| option(&field.name().replace(' ', "-"), text)).collect();
                match form.verb.grammar().words.split_once(' ') {
                    Some((group @ ("fact" | "topic" | "question" | "source"), part)) => {
                        (group.to_owned(), json!([{"name": part, "type": 1, "options": options}]))
                    }
                    _ => (form.verb.grammar().words.replace(' ', "-"), options),
                }
            }
            (Err(_), Some(("fact", "help"))) => {
                ("fact".to_owned(), json!([{"name": "help", "type": 1, "options": []}]))
            }
            (Err(_), Some(("ask", question))) => ("ask".to_owned(), json!([option("question", question)])),
            (Err(_), _) => (line.to_owned(), json!([])),
        };
        let Some(id) = self.standin.known_command_id(&name) else { return println!("Unknown command: /{name}") };
        let mut data = json!({"id": id, "name": name, "type": 1, "options": options});
        if !resolved.is_null() {
            data["resolved"] = resolved;
        }
        self.standin.interact(2, data, json!({"member": self.member()}));
    }

    /// Fills the next field of the form with a line and submits the form after the last field.
    fn fill(&mut self, line: &str) {
        let Some(form) = &mut self.form else { return };
        let (id, _) = &form.fields[form.filled.len()];
        form.filled.push(json!({"type": 1, "components": [{"type": 4, "custom_id": id, "value": line}]}));
        if form.filled.len() == form.fields.len() {
            let data = json!({"custom_id": form.id, "components": form.filled});
            self.form = None;
            self.standin.interact(5, data, json!({"member": self.member()}));
        }
    }

    /// Prints a message that the bot sends, with its buttons and files.
    fn show(&mut self, request: &Request) {
        let Request { method, path, body } = request;
        let of_channel = |id: u64| path.ends_with(&format!("/channels/{id}/messages"));
        let said = match method.as_str() {
            "POST" if of_channel(DIRECT) => (body, "in a direct message"),
            "POST" if path.ends_with("/messages") => (body, "to all"),
            "POST" if path.ends_with("/callback") && body["type"] == 9 => return self.open(&body["data"]),
            "POST" if path.ends_with("/callback") => (&body["data"], whom(&body["data"])),
            "POST" if path.contains("/webhooks/") => (body, whom(body)),
            "PATCH" => (body, "edited"),
            _ => return,
        };
        let (said, how) = said;
        let Some(text) = said["content"].as_str() else { return };
        println!("\rroutedesk, {how}:");
        text.replace('\\', "").lines().for_each(|line| println!("    {line}"));
        if let (Some(file), Some(given)) = (said["attachments"][0]["filename"].as_str(), self.standin.given().pop()) {
            lines::keep(file, &given);
        }
        let rows = said["components"].as_array().into_iter().flatten();
        let buttons: Vec<(String, String)> = rows
            .flat_map(|row| row["components"].as_array().into_iter().flatten())
            .filter_map(|one| Some((one["custom_id"].as_str()?.to_owned(), one["label"].as_str()?.to_owned())))
            .collect();
        if buttons.is_empty() {
            return;
        }
        let labels = buttons.iter().enumerate().map(|(at, (_, label))| format!("[{}] {label}", at + 1));
        println!("    {}", labels.collect::<Vec<_>>().join("   "));
        self.buttons = buttons;
        self.pressed = match how {
            "to all" => self.standin.channel(CHANNEL).pop().unwrap_or_default(),
            _ => self.standin.keep(ALONE, BOT, text, json!({"flags": said["flags"]})),
        };
    }

    fn open(&mut self, form: &Value) {
        println!("\rform \"{}\":", form["title"].as_str().unwrap_or_default());
        let inputs = form["components"].as_array().into_iter().flatten().map(|row| &row["components"][0]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let field = |input: &Value| {
            (text(&input["custom_id"]), format!("{} ({})", text(&input["label"]), text(&input["placeholder"])))
        };
        self.form =
            Some(FormOpen { id: form["custom_id"].clone(), fields: inputs.map(field).collect(), filled: Vec::new() });
    }
}

/// Returns the audience of a response, by its ephemeral flag.
fn whom(said: &Value) -> &'static str {
    if said["flags"].as_u64().unwrap_or(0) & 64 == 0 { "to all" } else { "to you alone" }
}
