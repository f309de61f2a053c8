//! Registers the bot's commands with Discord, if Discord's copy differs.
//!
//! The commands for everybody are registered once for all servers. The moderators' commands are registered per server,
//! because each server decides which members see them.

use std::collections::HashSet;

use serde_json::Value;
use serenity::all::{Command, CreateCommand, GuildId, Http};
use tokio::sync::Mutex;

use super::send::{RequestQueue, kind as kind_of};
use super::slash::{self, Where};

/// Registers the commands, and knows the servers that have them.
pub struct Registrar {
    everybody: Vec<CreateCommand>,
    /// The only server in which commands are registered (`DISCORD_GUILD`), for development.
    only: Option<GuildId>,
    /// The servers whose commands are registered. Locked during a registration, so that they run one after the other.
    done: Mutex<HashSet<GuildId>>,
}

impl Registrar {
    /// Creates a registrar for the commands that everybody has, in all servers or `only` in one.
    #[must_use]
    pub fn new(everybody: Vec<CreateCommand>, only: Option<u64>) -> Self {
        Self { everybody, only: only.map(GuildId::new), done: Mutex::default() }
    }

    /// Registers the commands for everybody, and the operators' commands in direct messages. Does nothing if the
    /// registrar is limited to one server.
    pub async fn everywhere(&self, http: &Http) {
        if self.only.is_some() {
            return;
        }
        told(register(http, [self.everybody.clone(), slash::commands(Where::Direct)].concat(), None).await);
    }

    /// Registers the moderators' commands in a server, once unless `again`. If `is_open`, all members see them,
    /// otherwise only members with Manage Messages.
    pub async fn in_server(&self, http: &Http, guild: GuildId, is_open: bool, again: bool) {
        if self.only.is_some_and(|only| only != guild) {
            return;
        }
        let mut done = self.done.lock().await;
        if !done.insert(guild) && !again {
            return;
        }
        let mut commands = slash::commands(Where::Server { is_open });
        if self.only.is_some() {
            commands.splice(0..0, self.everybody.clone());
        }
        let outcome = register(http, commands, Some(guild)).await;
        if outcome.is_err() {
            done.remove(&guild);
        }
        told(outcome);
    }

    /// Forgets a server that the bot has left.
    pub async fn has_left(&self, guild: GuildId) {
        self.done.lock().await.remove(&guild);
    }
}

/// Logs the outcome. A failure isn't fatal: the bot still answers messages.
fn told(outcome: Result<bool, serenity::Error>) {
    match outcome {
        Ok(changed) => tracing::info!(changed, "commands registered"),
        Err(error) => tracing::error!(
            what = %kind_of(&error),
            "commands could not be registered; check DISCORD_GUILD if it is set, and restart the bot"
        ),
    }
}

/// Replaces the commands in one server or everywhere, if they differ. Returns true if they did.
async fn register(http: &Http, commands: Vec<CreateCommand>, guild: Option<GuildId>) -> Result<bool, serenity::Error> {
    let requests = RequestQueue::default();
    let there = requests
        .make(0, || async {
            match guild {
                Some(guild) => guild.get_commands_with_localizations(http).await,
                None => Command::get_global_commands_with_localizations(http).await,
            }
        })
        .await?;
    let wanted: Vec<Value> = commands.iter().map(|command| serde_json::to_value(command).unwrap_or_default()).collect();
    let has: Vec<Value> = there.iter().map(|command| serde_json::to_value(command).unwrap_or_default()).collect();
    if are_there(&wanted, &has) {
        return Ok(false);
    }
    requests
        .make(0, || async {
            match guild {
                Some(guild) => guild.set_commands(http, commands.clone()).await,
                None => Command::set_global_commands(http, commands.clone()).await,
            }
        })
        .await?;
    Ok(true)
}

/// Returns true if Discord has the wanted commands and no others.
fn are_there(wanted: &[Value], has: &[Value]) -> bool {
    let same =
        |want: &Value, have: &Value| want["name"] == have["name"] && kind(want) == kind(have) && agrees(want, have);
    wanted.len() == has.len() && wanted.iter().all(|want| has.iter().any(|have| same(want, have)))
}

/// Returns the type of a command; a slash command (1) if none is given.
fn kind(command: &Value) -> u64 {
    command["type"].as_u64().unwrap_or(1)
}

/// Fields that Discord adds to a command or an option.
const ADDED: [&str; 8] =
    ["id", "application_id", "guild_id", "version", "type", "dm_permission", "handler", "default_permission"];

/// Returns true if two commands or options are equal, apart from the fields that Discord adds and the empty or default
/// values that it leaves out.
fn agrees(want: &Value, have: &Value) -> bool {
    let is_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Array(all) => all.is_empty(),
        _ => false,
    };
    match (want, have) {
        (Value::Object(wanted), Value::Object(has)) => {
            let is_ours = |key: &String| ADDED.contains(&key.as_str()) || wanted.contains_key(key);
            wanted.iter().all(|(key, value)| agrees(value, &have[key]))
                && has.iter().all(|(key, value)| is_ours(key) || is_nothing(value))
        }
        (Value::Object(want), Value::Null) => want.values().all(|value| agrees(value, have)),
        (Value::Array(want), Value::Array(have)) => {
            want.len() == have.len() && want.iter().zip(have).all(|(want, have)| agrees(want, have))
        }
        (Value::Array(want), Value::Null) => want.is_empty(),
        (Value::Bool(false) | Value::Null, Value::Null) => true,
        (Value::String(want), Value::Null) => want.is_empty(),
        (Value::Number(_), Value::Null) => want.as_u64() == Some(1),
        _ => want == have,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_difference_is_registered() {
        let want = json!({"name": "ask", "type": 1, "description": "Ask", "options": [{"name": "q", "required": true}], "nsfw": false});
        let have = json!({"id": "1", "version": "2", "name": "ask", "type": 1, "description": "Ask",
                          "options": [{"name": "q", "required": true, "type": 3}]});
        let want = [want];
        assert!(are_there(&want, std::slice::from_ref(&have)));
        let mut other = have.clone();
        other["description"] = json!("Ask me");
        assert!(!are_there(&want, &[other]));
        // A field that is no longer wanted is a difference, too.
        for (key, value) in [("default_member_permissions", json!("32")), ("name_localizations", json!({"ru": "x"}))] {
            let mut other = have.clone();
            other[key] = value;
            assert!(!are_there(&want, &[other]), "{key}");
        }
        let mut other = have.clone();
        other["options"] = json!([]);
        assert!(!are_there(&want, &[other]));
        assert!(!are_there(&want, &[]) && !are_there(&want, &[have.clone(), have]));
    }
}
