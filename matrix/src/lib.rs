//! A Matrix account: it logs in, keeps its session and its keys, listens and sends. It knows Matrix and not the desk.
//!
//! It is a crate of its own because the SDK is large and only waits for networks: nothing of the SDK shows in this
//! crate's face, and no function here is generic, so that all of the SDK is compiled once and at a level of its own.
//! Events come and go as JSON, as the specification of Matrix describes them.
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

/// Something that is done while others wait.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How to log in at the first start.
#[derive(Clone, PartialEq, Eq)]
pub enum LogIn {
    /// With the account's password; a device is made.
    Password(String),
    /// With a device that is there already.
    Token {
        /// Its access token.
        token: String,
        /// Its id.
        device: String,
    },
}

/// Which account, and where to keep what belongs to it.
#[derive(Clone)]
pub struct AccountSettings {
    /// The homeserver's address or its name.
    pub homeserver: String,
    /// The account: `@name:server`, or `name` alone where a password is given.
    pub user: String,
    /// How to log in at the first start; not needed later.
    pub log_in: Option<LogIn>,
    /// Where session, keys and the recovery key are kept.
    pub folder: PathBuf,
    /// The recovery key of an account that is cross-signed elsewhere.
    pub recovery_key: Option<String>,
}

/// Something that happened in a room, as far as it could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The room's id.
    pub room: String,
    /// Its own id.
    pub id: String,
    /// Who sent it.
    pub sender: String,
    /// When, by the sender's server but never in the future, in milliseconds since 1970.
    pub at_ms: i64,
    /// Its type, such as `m.room.message`; `m.room.encrypted` if it can't be read yet.
    pub kind: String,
    /// Its content; of one that can't be read what stands outside the encryption.
    pub content: Value,
    /// What it is the state of, if it is one.
    pub state_key: Option<String>,
    /// The event that it removes, if it does.
    pub redacts: Option<String>,
    /// The content of the event that corrected it last, if one did and the server tells.
    pub correction: Option<Value>,
    /// Of somebody's membership what it was before.
    pub membership_before: Option<String>,
}

/// What listening brings.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Something happened in a room.
    Event(Box<Event>),
    /// More happened in a room than the server told: its history has to be read.
    Gap(String),
    /// The account was invited.
    Invite {
        /// Where to.
        room: String,
        /// By whom, if that is known.
        by: Option<String>,
    },
    /// The account is no longer in a room.
    Left(String),
    /// Keys came for events in a room that could not be read before.
    Keys {
        /// The room.
        room: String,
        /// What such events name as `session_id`.
        session: String,
    },
}

/// Why something could not be done in a room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct RoomError {
    /// What the server or the SDK said, without anybody's words.
    pub what: String,
    /// Whether the same may succeed later.
    pub may_pass: bool,
}

/// Why listening ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The device was removed, or the password changed.
    #[error(
        "The homeserver has ended this session. Move the folder {0} away and start again: the bot logs in anew, and with \
         the recovery key, which stays in its place, it reads on."
    )]
    Revoked(PathBuf),
}

/// An account that is logged in. Cheap to copy.
#[derive(Clone)]
pub struct Account {
    client: Client,
    user: String,
    folder: std::sync::Arc<Folder>,
}

impl Account {
    /// Its id, `@name:server`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The id of its device.
    #[must_use]
    pub fn device(&self) -> String {
        self.client.device_id().map(ToString::to_string).unwrap_or_default()
    }

    /// The fingerprint of its device in groups of four, as people's programs show it.
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
