//! Files in rooms: given with their address or, where the room is encrypted, with their keys, and fetched again.

use std::io::Cursor;
use std::time::Duration;

use matrix_sdk::media::{MediaFormat, MediaRequestParameters};
use matrix_sdk::ruma::api::client::media::create_content::v3::Request as CreateContent;
use matrix_sdk::ruma::events::room::MediaSource;
use serde_json::Value;

use super::{Account, Doing, RoomError};
use crate::rooms::{bad, explain};

/// How long fetching a file may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

impl Account {
    /// Puts a text onto the homeserver for a room, encrypted where the room is. Gives the part of an event's content that
    /// leads to it: `url` or `file`.
    #[must_use]
    pub fn upload<'a>(&'a self, room: &'a str, text: &'a str) -> Doing<'a, Result<Value, RoomError>> {
        Box::pin(async move {
            let state = self.room(room)?.latest_encryption_state().await.map_err(|error| explain(&error))?;
            let source = if state.is_encrypted() {
                let mut reader = Cursor::new(text.as_bytes());
                let file = self.client.upload_encrypted_file(&mut reader).await.map_err(|error| explain(&error))?;
                MediaSource::Encrypted(Box::new(file))
            } else {
                let mut request = CreateContent::new(text.as_bytes().to_vec());
                request.content_type = Some("text/plain; charset=utf-8".to_owned());
                let sent = self.client.send(request).await.map_err(|error| explain(&error.into()))?;
                MediaSource::Plain(sent.content_uri)
            };
            Ok(serde_json::to_value(source).expect("an address or keys are JSON"))
        })
    }

    /// What lies where the content of an event leads to, if its sender says that it is no longer than `most` bytes and it
    /// isn't.
    #[must_use]
    pub fn download<'a>(&'a self, content: &'a Value, most: usize) -> Doing<'a, Result<Vec<u8>, RoomError>> {
        Box::pin(async move {
            // Who doesn't say how long a file is may send any.
            let said = content["info"]["size"].as_u64().and_then(|size| usize::try_from(size).ok());
            if said.is_none_or(|size| size > most) {
                return Err(bad("a file that is too long"));
            }
            let source = serde_json::from_value(content.clone()).map_err(|_| bad("no file"))?;
            let request = MediaRequestParameters { source, format: MediaFormat::File };
            let media = self.client.media();
            // The SDK itself waits for ever.
            let fetched = tokio::time::timeout(FETCH_TIMEOUT, media.get_media_content(&request, false)).await;
            let bytes = fetched.map_err(|_| RoomError { what: "no connection".into(), may_pass: true })?;
            let bytes = bytes.map_err(|error| explain(&error))?;
            if bytes.len() <= most { Ok(bytes) } else { Err(bad("a file that is too long")) }
        })
    }
}
