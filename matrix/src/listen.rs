//! Listening: what the homeserver tells, in its order.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use matrix_sdk::Client;
use matrix_sdk::config::SyncSettings;
use matrix_sdk::deserialized_responses::TimelineEvent;
use matrix_sdk::ruma::api::client::filter::{FilterDefinition, LazyLoadOptions};
use matrix_sdk::ruma::api::client::sync::sync_events::v3::Filter;
use matrix_sdk::ruma::api::error::ErrorKind;
use matrix_sdk::ruma::{RoomId, uint};
use matrix_sdk::sync::SyncResponse;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::{Account, Doing, Ended, Event, News};

/// How long the server may wait for something to tell.
const WAIT: Duration = Duration::from_secs(30);

/// The pause after a failure, doubled with each up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Account {
    /// Listens until the session ends or nobody takes the news any more. What is news to the server comes in its order;
    /// an outage is waited through.
    #[must_use]
    pub fn listen(&self, news: UnboundedSender<News>) -> Doing<'_, Result<(), Ended>> {
        Box::pin(async move {
            let keys = tokio::spawn(tell_keys(self.client.clone(), news.clone()));
            let ended = self.listen_on(&news).await;
            keys.abort();
            ended
        })
    }

    /// The SDK's own loop sleeps up to a second between two answers of the server; this one doesn't.
    async fn listen_on(&self, news: &UnboundedSender<News>) -> Result<(), Ended> {
        let settings = settings(WAIT);
        let mut pause = FIRST_PAUSE;
        loop {
            match self.client.sync_once(settings.clone()).await {
                Ok(response) => {
                    pause = FIRST_PAUSE;
                    for one in tell(&self.client, response).await {
                        if news.send(one).is_err() {
                            return Ok(());
                        }
                    }
                }
                Err(error) if matches!(error.client_api_error_kind(), Some(ErrorKind::UnknownToken(_))) => {
                    return Err(Ended::Revoked(self.folder.store()));
                }
                Err(_) => {
                    // The error itself may hold an address with a token in it.
                    tracing::warn!(wait_ms = pause.as_millis(), "the homeserver could not be asked for news");
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            }
            if news.is_closed() {
                return Ok(());
            }
        }
    }
}

/// How the server is asked for news. How many people are in a room it only tells who asks for no more of them than needed.
pub fn settings(wait: Duration) -> SyncSettings {
    let mut definition = FilterDefinition::with_lazy_loading();
    definition.room.timeline.limit = Some(uint!(100));
    definition.room.state.lazy_load_options = LazyLoadOptions::Enabled { include_redundant_members: false };
    SyncSettings::new().timeout(wait).filter(Filter::FilterDefinition(definition))
}

/// What an answer of the server brings.
async fn tell(client: &Client, response: SyncResponse) -> Vec<News> {
    let mut news = Vec::new();
    for room in response.rooms.invited.keys() {
        news.push(News::Invite { room: room.to_string(), by: inviter(client, room).await });
    }
    for (room, update) in response.rooms.joined {
        if update.timeline.limited {
            news.push(News::Gap(room.to_string()));
        }
        let events = update.timeline.events.iter().filter_map(|event| read(&room, event));
        news.extend(events.map(|event| News::Event(Box::new(event))));
    }
    news.extend(response.rooms.left.keys().map(|room| News::Left(room.to_string())));
    news
}

/// Who invited the account into a room.
pub async fn inviter(client: &Client, room: &RoomId) -> Option<String> {
    let details = client.get_room(room)?.invite_details().await.ok()?;
    Some(details.inviter_id.to_string())
}

async fn tell_keys(client: Client, news: UnboundedSender<News>) {
    let Some(keys) = client.encryption().room_keys_received_stream().await else { return };
    let mut keys = std::pin::pin!(keys);
    while let Some(update) = keys.next().await {
        for key in update.unwrap_or_default() {
            if news.send(News::Keys { room: key.room_id.to_string(), session: key.session_id }).is_err() {
                return;
            }
        }
    }
}

/// The parts of an event that are read.
#[derive(Deserialize)]
struct Wire {
    event_id: String,
    sender: String,
    origin_server_ts: i64,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    content: Value,
    state_key: Option<String>,
    redacts: Option<String>,
    #[serde(default)]
    unsigned: Value,
}

/// An event of a room's timeline; none if it isn't as the specification has it.
pub fn read(room: &RoomId, event: &TimelineEvent) -> Option<Event> {
    let wire: Wire = serde_json::from_str(event.raw().json().get()).ok()?;
    // An encrypted event is neither a state nor a removal, whatever its sender wrote into it.
    let is_clear = event.encryption_info().is_none();
    // Newer rooms name what is removed in the content.
    let redacts = wire.redacts.or_else(|| wire.content["redacts"].as_str().map(str::to_owned));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |past| past.as_millis());
    Some(Event {
        room: room.to_string(),
        id: wire.event_id,
        sender: wire.sender,
        at_ms: wire.origin_server_ts.clamp(0, i64::try_from(now).unwrap_or(i64::MAX)),
        redacts: redacts.filter(|_| is_clear && wire.kind == "m.room.redaction"),
        kind: wire.kind,
        content: wire.content,
        state_key: wire.state_key.filter(|_| is_clear),
        correction: wire.unsigned.pointer("/m.relations/m.replace/content").cloned(),
        membership_before: wire.unsigned.pointer("/prev_content/membership").and_then(Value::as_str).map(str::to_owned),
    })
}
