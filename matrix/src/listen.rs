//! Receives news from the homeserver, in the server's order.

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

/// The time that the server may hold a sync request open while there is no news.
const WAIT: Duration = Duration::from_secs(30);

/// The pause after a failed sync, which doubles each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Account {
    /// Sends news to `news`, in the server's order, until the session ends or the receiver is dropped. Waits through
    /// outages.
    #[must_use]
    pub fn listen(&self, news: UnboundedSender<News>) -> Doing<'_, Result<(), Ended>> {
        Box::pin(async move {
            let keys = tokio::spawn(tell_keys(self.client.clone(), news.clone()));
            let ended = self.listen_on(&news).await;
            keys.abort();
            ended
        })
    }

    /// Runs the sync loop. The SDK's own loop sleeps up to a second between two responses; this one doesn't.
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
                    // The error isn't logged, because it may hold a URL with a token.
                    tracing::warn!(wait_ms = pause.as_millis(), "sync failed, retrying");
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

/// Returns the settings of a sync. Members are loaded lazily, because only then the server sends a room's member
/// counts.
pub fn settings(wait: Duration) -> SyncSettings {
    let mut definition = FilterDefinition::with_lazy_loading();
    definition.room.timeline.limit = Some(uint!(100));
    definition.room.state.lazy_load_options = LazyLoadOptions::Enabled { include_redundant_members: false };
    SyncSettings::new().timeout(wait).filter(Filter::FilterDefinition(definition))
}

/// Reads the news in a sync response.
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

/// Returns the id of the user who invited the account into a room, if it is known.
pub async fn inviter(client: &Client, room: &RoomId) -> Option<String> {
    let details = client.get_room(room)?.invite_details().await.ok()?;
    Some(details.inviter_id.to_string())
}

/// Reports arriving keys until the receiver is dropped.
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

/// The fields of an event that are read.
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

/// Reads an event of a room's timeline. `None` if it lacks a field that the specification requires.
pub fn read(room: &RoomId, event: &TimelineEvent) -> Option<Event> {
    let wire: Wire = serde_json::from_str(event.raw().json().get()).ok()?;
    // An encrypted event is neither a state event nor a redaction, whatever its sender put into it.
    let is_clear = event.encryption_info().is_none();
    // Newer room versions have `redacts` in the content.
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
