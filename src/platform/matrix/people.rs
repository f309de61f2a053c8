//! Accepts invitations and follows rooms to their replacements.
//!
//! The bot joins only where a listed person invites it, and doesn't return to a room that removed it.

use std::sync::Arc;
use std::time::Duration;

use routedesk_matrix::News;

use super::{MatrixBot, SharedMatrixBot};

/// The number of attempts to join a room, and the delay after the first failure, which then doubles.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The number of checks whether the state of a joined room has arrived, and the delay between two checks.
const LOOKS: u32 = 120;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Accepts an invitation from a listed person. Ignores other invitations and other news, such as a removal from a room.
pub fn on_news(bot: &SharedMatrixBot, news: &News) {
    if let News::Invite { room, by: Some(by) } = news
        && may_invite(&bot.allow, by)
    {
        let (bot, room) = (Arc::clone(bot), room.clone());
        tokio::spawn(async move { accept(&bot, &room).await });
    }
}

/// Joins a room. If it replaces a room of the bot, and both rooms agree on that, copies the old room's settings and
/// facts.
async fn accept(bot: &MatrixBot, room: &str) {
    if !enter(bot, room, &[]).await {
        return;
    }
    if let Some(before) = predecessor(bot, room).await
        && bot.account.successor(&before).as_deref() == Some(room)
    {
        take_settings(bot, &before, room);
    }
}

/// Returns true if a user id or its server is on the list.
fn may_invite(allow: &[String], user: &str) -> bool {
    let server = user.split_once(':').map(|(_, server)| server);
    allow.iter().any(|one| one == user || Some(one.as_str()) == server)
}

async fn enter(bot: &MatrixBot, room: &str, through: &[String]) -> bool {
    let mut wait = FIRST_WAIT;
    for _ in 0..TRIES {
        match bot.account.join(room, through).await {
            Ok(()) => return true,
            Err(error) if error.may_pass => tracing::warn!(what = %error, "joining a room failed, retrying"),
            Err(error) => {
                tracing::warn!(what = %error, "joining a room failed");
                return false;
            }
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    false
}

/// Joins the room `next` that replaces `room`, as `by` announced, and copies the settings and facts. Leaves it at once
/// if it doesn't name `room` as its predecessor.
pub async fn follow(bot: SharedMatrixBot, room: String, next: String, by: String) {
    if bot.account.rooms().contains(&next) {
        return;
    }
    let server: Vec<String> = by.split_once(':').map(|(_, server)| server.to_owned()).into_iter().collect();
    if !enter(&bot, &next, &server).await {
        return;
    }
    if predecessor(&bot, &next).await.as_ref() == Some(&room) {
        take_settings(&bot, &room, &next);
    } else {
        tracing::warn!("left a replacement room that doesn't confirm the replacement");
        let _ = bot.account.leave(&next).await;
    }
}

/// Returns the room that a newly joined room replaces.
async fn predecessor(bot: &MatrixBot, room: &str) -> Option<String> {
    for _ in 0..LOOKS {
        match bot.account.predecessor(room) {
            Some(before) => return before,
            None => tokio::time::sleep(BETWEEN_LOOKS).await,
        }
    }
    None
}

/// Copies a room's settings and facts to its replacement.
fn take_settings(bot: &MatrixBot, room: &str, next: &str) {
    let settings = bot.settings(room);
    bot.recorded("a room's settings could not be copied to its replacement", |records| {
        records.set(next, |new| *new = settings).map(drop)
    });
    if let Err(error) = bot.moderation.take_along(room, next, jiff::Timestamp::now().as_second()) {
        tracing::error!(%error, "a room's facts could not be copied to its replacement");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_named_may_invite() {
        let allow = ["@me:example.org".to_owned(), "friends.org".to_owned(), "local:8448".to_owned()];
        for (user, expected) in [
            ("@me:example.org", true),
            ("@you:example.org", false),
            ("@anybody:friends.org", true),
            ("@anybody:notfriends.org", false),
            ("@anybody:local:8448", true),
        ] {
            assert_eq!(may_invite(&allow, user), expected, "{user}");
        }
        assert!(!may_invite(&[], "@me:example.org"));
    }
}
