//! Where the bot goes and from where it goes: only where it is invited by those who may, and not back where it was sent
//! away.

use std::sync::Arc;
use std::time::Duration;

use routedesk_matrix::News;

use super::{MatrixBot, SharedMatrixBot};

/// How often entering a room is tried, and how long is waited in between, doubled each time.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How often is looked whether a room has come that was entered, and how long in between.
const LOOKS: u32 = 120;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Accepts an invitation of somebody who may invite. Others are left alone, and so is a room that the bot was sent out of.
pub fn on_news(bot: &SharedMatrixBot, news: &News) {
    if let News::Invite { room, by: Some(by) } = news
        && may_invite(&bot.allow, by)
    {
        let (bot, room) = (Arc::clone(bot), room.clone());
        tokio::spawn(async move { accept(&bot, &room).await });
    }
}

/// Enters a room. If it takes the place of one where the bot is, as that one says too, its settings come along.
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

/// Whether somebody is on the list, by name or by server.
fn may_invite(allow: &[String], user: &str) -> bool {
    let server = user.split_once(':').map(|(_, server)| server);
    allow.iter().any(|one| one == user || Some(one.as_str()) == server)
}

async fn enter(bot: &MatrixBot, room: &str, through: &[String]) -> bool {
    let mut wait = FIRST_WAIT;
    for _ in 0..TRIES {
        match bot.account.join(room, through).await {
            Ok(()) => return true,
            Err(error) if error.may_pass => tracing::warn!(what = %error, "a room could not be entered for now"),
            Err(error) => {
                tracing::warn!(what = %error, "a room could not be entered");
                return false;
            }
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    false
}

/// Follows a room to the one that takes its place, with its settings. `by` announced it. A room that doesn't say the same
/// of itself is left at once.
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
        tracing::warn!("a room was left that doesn't follow the one that named it");
        let _ = bot.account.leave(&next).await;
    }
}

/// The room that one which was just entered follows.
async fn predecessor(bot: &MatrixBot, room: &str) -> Option<String> {
    for _ in 0..LOOKS {
        match bot.account.predecessor(room) {
            Some(before) => return before,
            None => tokio::time::sleep(BETWEEN_LOOKS).await,
        }
    }
    None
}

/// What a room set, and what it has of its own, belongs to the one that takes its place.
fn take_settings(bot: &MatrixBot, room: &str, next: &str) {
    let settings = bot.settings(room);
    bot.recorded("a room's settings could not be taken along", |records| {
        records.set(next, |new| *new = settings).map(drop)
    });
    if let Err(error) = bot.moderation.take_along(room, next, jiff::Timestamp::now().as_second()) {
        tracing::error!(%error, "a room's own facts could not be taken along");
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
