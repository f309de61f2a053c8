//! Uploads and downloads files in rooms. In an encrypted room, files are encrypted as well.

use std::io::Cursor;
use std::time::Duration;

use matrix_sdk::media::{MediaFormat, MediaRequestParameters};
use matrix_sdk::ruma::api::client::media::create_content::v3::Request as CreateContent;
use matrix_sdk::ruma::events::room::MediaSource;
use serde_json::Value;

use super::{Account, Doing, RoomError};
use crate::rooms::{bad, explain};

/// The time limit for downloading a file.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

impl Account {
    /// Uploads a text as a file for a room, encrypted if the room is. Returns an object with the field `url`
    /// or `file`, to be merged into an event's content.
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
            Ok(serde_json::to_value(source).expect("a media source serialises to JSON"))
        })
    }

    /// Downloads and decrypts the file of an event's content.
    ///
    /// Fails if the sender declares no size, or if the declared or the actual size exceeds `most` bytes.
    #[must_use]
    pub fn download<'a>(&'a self, content: &'a Value, most: usize) -> Doing<'a, Result<Vec<u8>, RoomError>> {
        Box::pin(async move {
            // Without a declared size the download could be of any size.
            let said = content["info"]["size"].as_u64().and_then(|size| usize::try_from(size).ok());
            if said.is_none_or(|size| size > most) {
                return Err(bad("the file is too long"));
            }
            let source = serde_json::from_value(content.clone()).map_err(|_| bad("not a file"))?;
            let request = MediaRequestParameters { source, format: MediaFormat::File };
            let media = self.client.media();
            // The SDK itself has no time limit.
            let fetched = tokio::time::timeout(FETCH_TIMEOUT, media.get_media_content(&request, false)).await;
            let bytes = fetched.map_err(|_| RoomError { what: "no connection".into(), may_pass: true })?;
            let bytes = bytes.map_err(|error| explain(&error))?;
            if bytes.len() <= most { Ok(bytes) } else { Err(bad("the file is too long")) }
        })
    }
}
