//! Operations on rooms: sending and reading events, joining and leaving, and queries about rooms and members.

use matrix_sdk::room::MessagesOptions;
use matrix_sdk::ruma::api::client::receipt::create_receipt::v3::ReceiptType;
use matrix_sdk::ruma::api::error::ErrorKind;
use matrix_sdk::ruma::events::receipt::ReceiptThread;
use matrix_sdk::ruma::events::room::member::MembershipState;
use matrix_sdk::ruma::events::room::power_levels::UserPowerLevel;
use matrix_sdk::ruma::{EventId, RoomId, ServerName, TransactionId, UserId, uint};
use matrix_sdk::{Error, HttpError, Room};
use serde_json::Value;

use super::{Account, Doing, Event, News, RoomError};
use crate::listen::{inviter, read};

impl Account {
    /// Sends an event, encrypted if the room is, and returns its id. Sending again under the same `transaction` sends
    /// nothing and returns the id of the first event.
    #[must_use]
    pub fn send<'a>(
        &'a self,
        room: &'a str,
        kind: &'a str,
        content: Value,
        transaction: &'a str,
    ) -> Doing<'a, Result<String, RoomError>> {
        Box::pin(async move {
            let room = self.room(room)?;
            let id = <&TransactionId>::from(transaction).to_owned();
            let sent = room.send_raw(kind, content).with_transaction_id(&id).await.map_err(|error| explain(&error))?;
            Ok(sent.response.event_id.to_string())
        })
    }

    /// Redacts an event.
    #[must_use]
    pub fn redact<'a>(&'a self, room: &'a str, event: &'a str) -> Doing<'a, Result<(), RoomError>> {
        Box::pin(async move {
            let id = event_id(event)?;
            let transaction = format!("remove-{event}");
            let transaction = <&TransactionId>::from(transaction.as_str()).to_owned();
            let removed = self.room(room)?.redact(id, None, Some(transaction)).await;
            removed.map(drop).map_err(|error| explain(&error.into()))
        })
    }

    /// Starts or ends the typing notice in a room.
    #[must_use]
    pub fn typing<'a>(&'a self, room: &'a str, typing: bool) -> Doing<'a, Result<(), RoomError>> {
        Box::pin(async move { self.room(room)?.typing_notice(typing).await.map_err(|error| explain(&error)) })
    }

    /// Sends a read receipt for an event.
    #[must_use]
    pub fn mark_read<'a>(&'a self, room: &'a str, event: &'a str) -> Doing<'a, Result<(), RoomError>> {
        Box::pin(async move {
            let id = event_id(event)?.to_owned();
            let room = self.room(room)?;
            let sent = room.send_single_receipt(ReceiptType::Read, ReceiptThread::Unthreaded, id).await;
            sent.map_err(|error| explain(&error))
        })
    }

    /// Returns a room's events since a time in milliseconds since 1970, and since the account's last join, the oldest
    /// first.
    #[must_use]
    pub fn history<'a>(&'a self, room: &'a str, since_ms: i64) -> Doing<'a, Result<Vec<Event>, RoomError>> {
        Box::pin(async move {
            let room = self.room(room)?;
            let mut events: Vec<Event> = Vec::new();
            let mut from = None;
            loop {
                let mut options = MessagesOptions::backward().from(from.as_deref());
                options.limit = uint!(100);
                let page = room.messages(options).await.map_err(|error| explain(&error))?;
                let read: Vec<Event> = page.chunk.iter().filter_map(|event| read(room.room_id(), event)).collect();
                let arrival = read.iter().position(|event| self.is_own_arrival(event));
                // A single old event doesn't end the search: its server's clock may be wrong.
                let is_old = read.iter().all(|event| event.at_ms < since_ms);
                let until = arrival.unwrap_or(read.len());
                events.extend(read.into_iter().take(until).filter(|event| event.at_ms >= since_ms));
                from = page.end;
                if arrival.is_some() || is_old || from.is_none() {
                    events.reverse();
                    return Ok(events);
                }
            }
        })
    }

    /// Returns true if an event is the account's join, and not only a change of its name.
    fn is_own_arrival(&self, event: &Event) -> bool {
        event.kind == "m.room.member"
            && event.state_key.as_ref() == Some(&self.user)
            && event.content["membership"] == "join"
            && event.membership_before.as_deref() != Some("join")
    }

    /// Fetches an event by its id.
    #[must_use]
    pub fn event<'a>(&'a self, room: &'a str, event: &'a str) -> Doing<'a, Result<Event, RoomError>> {
        Box::pin(async move {
            let room = self.room(room)?;
            let found = room.event(event_id(event)?, None).await.map_err(|error| explain(&error))?;
            read(room.room_id(), &found).ok_or_else(|| bad("malformed event"))
        })
    }

    /// Returns a user's power level in a room; `i64::MAX` for a creator of the room. Fails for a user who isn't in the
    /// room, even if the room still lists a level for them.
    #[must_use]
    pub fn level<'a>(&'a self, room: &'a str, user: &'a str) -> Doing<'a, Result<i64, RoomError>> {
        Box::pin(async move {
            let user = <&UserId>::try_from(user).map_err(|_| bad("invalid user id"))?;
            let room = self.room(room)?;
            let member = room.get_member(user).await.map_err(|error| explain(&error))?;
            if member.is_none_or(|member| *member.membership() != MembershipState::Join) {
                return Err(bad("the user isn't in the room"));
            }
            match room.get_user_power_level(user).await.map_err(|error| explain(&error))? {
                UserPowerLevel::Int(level) => Ok(level.into()),
                _ => Ok(i64::MAX),
            }
        })
    }

    /// Returns true if a room is a direct chat with one person.
    #[must_use]
    pub fn is_direct<'a>(&'a self, room: &'a str) -> Doing<'a, bool> {
        Box::pin(async move {
            let Ok(room) = self.room(room) else { return false };
            // A count of 0 means that the server hasn't sent it yet.
            room.is_direct().await.unwrap_or(false) && (1..=2).contains(&room.active_members_count())
        })
    }

    /// Returns true if anybody may join a room, or if its join rule isn't known.
    #[must_use]
    pub fn is_public(&self, room: &str) -> bool {
        self.room(room).is_ok_and(|room| room.is_public().unwrap_or(true))
    }

    /// Returns the account's display name in a room.
    #[must_use]
    pub fn name<'a>(&'a self, room: &'a str) -> Doing<'a, Option<String>> {
        Box::pin(async move {
            let room = self.room(room).ok()?;
            let member = room.get_member_no_sync(room.own_user_id()).await.ok()??;
            member.display_name().map(str::to_owned)
        })
    }

    /// Returns true if the account is the only joined or invited member of a room.
    #[must_use]
    pub fn is_alone(&self, room: &str) -> bool {
        self.room(room).is_ok_and(|room| room.active_members_count() == 1)
    }

    /// Returns the room that a room replaces, by its own account: `None` until its creation event is known,
    /// `Some(None)` if it replaces none.
    #[must_use]
    pub fn predecessor(&self, room: &str) -> Option<Option<String>> {
        let created = self.room(room).ok()?.create_content()?;
        Some(created.predecessor.map(|before| before.room_id.to_string()))
    }

    /// Returns the room that replaces a room, by the replaced room's own account.
    #[must_use]
    pub fn successor(&self, room: &str) -> Option<String> {
        self.room(room).ok()?.successor_room().map(|next| next.room_id.to_string())
    }

    /// Returns the ids of the rooms that the account is in.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        self.client.joined_rooms().iter().map(|room| room.room_id().to_string()).collect()
    }

    /// Returns the pending invitations.
    #[must_use]
    pub fn invitations(&self) -> Doing<'_, Vec<News>> {
        Box::pin(async move {
            let mut waiting = Vec::new();
            for room in self.client.invited_rooms() {
                let by = inviter(&self.client, room.room_id()).await;
                waiting.push(News::Invite { room: room.room_id().to_string(), by });
            }
            waiting
        })
    }

    /// Joins a room. `through` names servers that know it.
    #[must_use]
    pub fn join<'a>(&'a self, room: &'a str, through: &'a [String]) -> Doing<'a, Result<(), RoomError>> {
        Box::pin(async move {
            let id = room_id(room)?;
            let servers: Vec<_> =
                through.iter().filter_map(|name| ServerName::parse(name).ok().map(|name| name.to_owned())).collect();
            let joined = match self.client.get_room(id) {
                // Joining the invited room keeps its mark as a direct chat.
                Some(known) => known.join().await,
                None => self.client.join_room_by_id_or_alias(id.into(), &servers).await.map(drop),
            };
            joined.map_err(|error| explain(&error))
        })
    }

    /// Leaves a room.
    #[must_use]
    pub fn leave<'a>(&'a self, room: &'a str) -> Doing<'a, Result<(), RoomError>> {
        Box::pin(async move { self.room(room)?.leave().await.map_err(|error| explain(&error)) })
    }

    pub(crate) fn room(&self, room: &str) -> Result<Room, RoomError> {
        self.client.get_room(room_id(room)?).ok_or_else(|| bad("the account isn't in the room"))
    }
}

fn room_id(room: &str) -> Result<&RoomId, RoomError> {
    room.try_into().map_err(|_| bad("invalid room id"))
}

fn event_id(event: &str) -> Result<&EventId, RoomError> {
    event.try_into().map_err(|_| bad("invalid event id"))
}

/// Returns an error that a retry can't fix.
pub fn bad(what: &str) -> RoomError {
    RoomError { what: what.to_owned(), may_pass: false }
}

/// Describes an error without anything that must not be logged. All errors may pass, except permanent refusals by the
/// server and a room that the account isn't in.
pub fn explain(error: &Error) -> RoomError {
    use ErrorKind::{BadJson, Forbidden, InvalidParam, NotFound, TooLarge, UnsupportedRoomVersion};
    let is_final = |kind: &ErrorKind| {
        matches!(kind, BadJson | Forbidden | InvalidParam | NotFound | TooLarge | UnsupportedRoomVersion)
    };
    match (error.client_api_error_kind(), error) {
        (Some(kind), _) => RoomError { what: kind.errcode().to_string(), may_pass: !is_final(kind) },
        (None, Error::WrongRoomState(_)) => bad("the account isn't in the room"),
        (None, Error::Http(http)) => {
            let is_network = matches!(**http, HttpError::Reqwest(_));
            let what = if is_network { "no connection" } else { "unreadable response" };
            RoomError { what: what.to_owned(), may_pass: true }
        }
        (None, _) => RoomError { what: "store or encryption error".to_owned(), may_pass: true },
    }
}
