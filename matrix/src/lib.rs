//! Wraps the Matrix SDK as one account: logs in, stores the session and keys, receives news, and sends events.
//!
//! [`open`] is the entry point. The crate knows nothing of the desk. It is separate because the SDK is large and mostly
//! waits for networks: no type of the SDK is in the public API and no function is generic, so the SDK is compiled once,
//! at its own optimisation level. Events are JSON, as the Matrix specification describes them.
#![recursion_limit = "256"]

mod files;
mod folder;
mod listen;
mod rooms;
mod session;

use std::path::PathBuf;
use std::pin::Pin;

use matrix_sdk::Client;
use serde_json::Value;

pub use folder::Folder;
pub use session::{Note, OpenError, Opened, open};

/// The boxed future of an operation, so that callers don't compile the SDK's futures.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The credentials for the first start.
#[derive(Clone, PartialEq, Eq)]
pub enum LogIn {
    /// The account's password. Logging in creates a device.
    Password(String),
    /// The access token of an existing device.
    Token {
        /// The access token.
        token: String,
        /// The device's id.
        device: String,
    },
}

/// The account to open, and the folder for its data.
#[derive(Clone)]
pub struct AccountSettings {
    /// The homeserver's URL or server name.
    pub homeserver: String,
    /// The user id, `@name:server`. With a password, `name` alone is enough.
    pub user: String,
    /// The credentials for the first start. Once there is a session they aren't used.
    pub log_in: Option<LogIn>,
    /// The folder for the session, the keys and the recovery key.
    pub folder: PathBuf,
    /// The recovery key of an account that is cross-signed elsewhere.
    pub recovery_key: Option<String>,
}

/// An event in a room, decrypted if possible.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The room's id.
    pub room: String,
    /// The event's id.
    pub id: String,
    /// The sender's user id.
    pub sender: String,
    /// The time by the sender's server, but never in the future, in milliseconds since 1970.
    pub at_ms: i64,
    /// The type, such as `m.room.message`; `m.room.encrypted` if the event can't be decrypted yet.
    pub kind: String,
    /// The content. Of an event that can't be decrypted, the unencrypted part.
    pub content: Value,
    /// The state key, if it is a state event.
    pub state_key: Option<String>,
    /// The id of the event that it redacts, if it is a redaction.
    pub redacts: Option<String>,
    /// The content of its latest edit, if the server sent one.
    pub correction: Option<Value>,
    /// The previous membership, if it is a membership event.
    pub membership_before: Option<String>,
}

/// An item that [`Account::listen`] reports.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A new event in a room.
    Event(Box<Event>),
    /// The server left out events of this room: read its history.
    Gap(String),
    /// The account was invited into a room.
    Invite {
        /// The room's id.
        room: String,
        /// The inviter's user id, if it is known.
        by: Option<String>,
    },
    /// The account is no longer in this room.
    Left(String),
    /// Keys arrived for events that could not be decrypted before.
    Keys {
        /// The room's id.
        room: String,
        /// The encryption session, which such events name as `session_id`.
        session: String,
    },
}

/// A failed operation in a room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct RoomError {
    /// The error of the server or the SDK, safe to log: without anybody's words.
    pub what: String,
    /// True if the same operation may succeed later.
    pub may_pass: bool,
}

/// The reason why listening ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The device was removed, or the password changed.
    #[error(
        "The homeserver has ended this session. Move the folder {0} away, leave the recovery key in its place, and \
         start again: the bot logs in anew and restores its keys."
    )]
    Revoked(PathBuf),
}

/// An account that is logged in. Cheap to clone.
#[derive(Clone)]
pub struct Account {
    client: Client,
    user: String,
    folder: std::sync::Arc<Folder>,
}

impl Account {
    /// Returns the user id, `@name:server`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the id of the account's device.
    #[must_use]
    pub fn device(&self) -> String {
        self.client.device_id().map(ToString::to_string).unwrap_or_default()
    }

    /// Returns the fingerprint of the account's device in groups of four characters, as clients show it.
    #[must_use]
    pub fn fingerprint(&self) -> Doing<'_, Option<String>> {
        Box::pin(async move {
            let key = self.client.encryption().ed25519_key().await?;
            let groups: Vec<String> =
                key.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into()).collect();
            Some(groups.join(" "))
        })
    }
}
