//! Registering commands: only if what Discord has differs from what the program has.

use serde_json::Value;
use serenity::all::{Command, CreateCommand, GuildId, Http};

use super::send::Outgoing;

/// Makes Discord's commands those of the program, in one server or everywhere. True if something had to be changed.
///
/// # Errors
/// If Discord refuses.
pub async fn register(http: &Http, commands: Vec<CreateCommand>, guild: Option<u64>) -> Result<bool, serenity::Error> {
    let guild = guild.map(GuildId::new);
    let outgoing = Outgoing::default();
    let there = outgoing
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
    outgoing
        .make(0, || async {
            match guild {
                Some(guild) => guild.set_commands(http, commands.clone()).await,
                None => Command::set_global_commands(http, commands.clone()).await,
            }
        })
        .await?;
    Ok(true)
}

/// Whether Discord has the commands that are wanted and no others.
fn are_there(wanted: &[Value], has: &[Value]) -> bool {
    let same =
        |want: &Value, have: &Value| want["name"] == have["name"] && kind(want) == kind(have) && agrees(want, have);
    wanted.len() == has.len() && wanted.iter().all(|want| has.iter().any(|have| same(want, have)))
}

/// The type of a command; a slash command if none is given.
fn kind(command: &Value) -> u64 {
    command["type"].as_u64().unwrap_or(1)
}

/// What Discord adds of its own to a command or an option.
const ADDED: [&str; 8] =
    ["id", "application_id", "guild_id", "version", "type", "dm_permission", "handler", "default_permission"];

/// Whether all that is wanted is there and nothing else. Discord adds fields of its own, and leaves out what is empty or
/// the default.
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
        // What is there and no longer wanted has to go, too.
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
