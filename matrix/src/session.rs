//! Opens an account: logs in or restores the session, and sets up cross-signing and recovery.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use matrix_sdk::authentication::matrix::MatrixSession;
use matrix_sdk::config::RequestConfig;
use matrix_sdk::encryption::recovery::{RecoveryError, RecoveryState};
use matrix_sdk::encryption::secret_storage::SecretStorageError;
use matrix_sdk::encryption::{BackupDownloadStrategy, EncryptionSettings};
use matrix_sdk::ruma::api::error::ErrorKind;
use matrix_sdk::store::RoomLoadSettings;
use matrix_sdk::{Client, ClientBuildError, Error, SessionMeta, SessionTokens, SqliteStoreConfig};

use super::folder::Kept;
use super::{Account, AccountSettings, Doing, Folder, LogIn, listen};

/// The device's name, which clients show in lists of sessions.
const DEVICE_NAME: &str = "routedesk";

/// The number of attempts at a request. Rate-limited attempts count, so it is high: with five, half the answers of a
/// burst were lost.
const TRIES: usize = 50;

/// The longest pause between two attempts, and the time limit of a request.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

/// The reason why an account can't be used, with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages describe the variants")]
pub enum OpenError {
    #[error("The folder {path} can't be used: {what}. Fix its permissions, or set MATRIX_DATA to another folder.")]
    Folder { path: PathBuf, what: String },
    #[error("Another process uses the folder {0}. Stop it first: two on one store could not decrypt messages.")]
    InUse(PathBuf),
    #[error(
        "The folder {0} holds a store without its session, or a session without its store. Restore both from one \
         backup, or move the folder away and start again: the bot logs in anew and restores its keys with the recovery \
         key."
    )]
    StoreWithoutSession(PathBuf),
    #[error(
        "{0} isn't the key of the store. Restore the file from the backup, or move the folder `store` beside it away \
         and start again: the bot logs in anew and restores its keys with the recovery key."
    )]
    WrongKey(PathBuf),
    #[error("The homeserver refuses MATRIX_USER with MATRIX_PASSWORD. Check both; the user is @name:server or name.")]
    WrongPassword,
    #[error("There is no session yet. Set MATRIX_PASSWORD, or MATRIX_ACCESS_TOKEN with MATRIX_DEVICE_ID.")]
    NoWayToLogIn,
    #[error("MATRIX_USER must be @name:server if MATRIX_ACCESS_TOKEN is set.")]
    NoUser,
    #[error("{0}")]
    Revoked(super::Ended),
    #[error("The homeserver {0} can't be reached. Check MATRIX_HOMESERVER and the network.")]
    Unreachable(String),
    #[error("The recovery key doesn't belong to this account. Check the file that MATRIX_RECOVERY_KEY_FILE names.")]
    WrongRecoveryKey,
    #[error("Matrix: {0}")]
    Other(String),
}

/// A note for the operator after a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A recovery key was created and written to this file.
    RecoveryKeyWritten(PathBuf),
    /// The device isn't cross-signed, so clients may refuse its messages.
    NotCrossSigned,
}

/// An account that was opened.
pub struct Opened {
    /// The account.
    pub account: Account,
    /// Notes for the operator.
    pub notes: Vec<Note>,
}

/// Opens an account: restores its session or logs in, and sets up cross-signing and recovery.
#[must_use]
pub fn open(settings: AccountSettings) -> Doing<'static, Result<Opened, OpenError>> {
    Box::pin(open_account(settings))
}

async fn open_account(settings: AccountSettings) -> Result<Opened, OpenError> {
    let folder = Folder::take(&settings.folder)?;
    let kept = folder.look()?;
    let key = folder.store_key(kept)?;
    let client = match kept {
        Kept::Session => come_back(&settings, &folder, key).await?,
        Kept::Nothing => log_in(&settings, &folder, key).await?,
    };
    // The first sync response, so that events from before the start aren't reported as news.
    client.sync_once(listen::settings(Duration::ZERO)).await.map_err(|error| explain(&settings, &error))?;
    client.encryption().wait_for_e2ee_initialization_tasks().await;
    let notes = recover(&settings, &folder, &client).await?;
    let user = client.user_id().map(ToString::to_string).unwrap_or_default();
    Ok(Opened { account: Account { client, user, folder: Arc::new(folder) }, notes })
}

async fn build(settings: &AccountSettings, store: &Path, key: [u8; 32]) -> Result<Client, OpenError> {
    let encryption = EncryptionSettings {
        auto_enable_cross_signing: true,
        auto_enable_backups: true,
        backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
    };
    let requests = RequestConfig::new().retry_limit(TRIES).max_retry_time(LONGEST_PAUSE).timeout(Some(REQUEST_TIMEOUT));
    // A key of 32 bytes instead of a passphrase, which the SDK would stretch four times at each start.
    let store = SqliteStoreConfig::new(store).key(Some(&key));
    Client::builder()
        .server_name_or_homeserver_url(&settings.homeserver)
        .sqlite_store_with_config_and_cache_path(store, None::<&Path>)
        .with_encryption_settings(encryption)
        .request_config(requests)
        .build()
        .await
        .map_err(|error| match error {
            ClientBuildError::SqliteStore(_) => OpenError::WrongKey(settings.folder.join("store.key")),
            ClientBuildError::Http(_) | ClientBuildError::AutoDiscovery(_) | ClientBuildError::InvalidServerName => {
                OpenError::Unreachable(settings.homeserver.clone())
            }
            ClientBuildError::Url(_) => OpenError::Unreachable(settings.homeserver.clone()),
            other => OpenError::Other(other.to_string()),
        })
}

async fn come_back(settings: &AccountSettings, folder: &Folder, key: [u8; 32]) -> Result<Client, OpenError> {
    let kept = || OpenError::StoreWithoutSession(folder.store());
    let session: MatrixSession = serde_json::from_str(&folder.read_session()?).map_err(|_| kept())?;
    let client = build(settings, &folder.store(), key).await?;
    client.restore_session(session).await.map_err(|error| explain(settings, &error))?;
    Ok(client)
}

async fn log_in(settings: &AccountSettings, folder: &Folder, key: [u8; 32]) -> Result<Client, OpenError> {
    let log_in = settings.log_in.as_ref().ok_or(OpenError::NoWayToLogIn)?;
    folder.begin()?;
    let client = build(settings, &folder.store(), key).await?;
    let auth = client.matrix_auth();
    match log_in {
        LogIn::Password(password) => {
            let request = auth.login_username(&settings.user, password).initial_device_display_name(DEVICE_NAME);
            request.send().await.map_err(|error| explain(settings, &error))?;
        }
        LogIn::Token { token, device } => {
            let user_id = settings.user.as_str().try_into().map_err(|_| OpenError::NoUser)?;
            let session = MatrixSession {
                meta: SessionMeta { user_id, device_id: device.as_str().into() },
                tokens: SessionTokens { access_token: token.clone(), refresh_token: None },
            };
            let restored = auth.restore_session(session, RoomLoadSettings::default()).await;
            restored.map_err(|error| explain(settings, &error))?;
            client.whoami().await.map_err(|error| explain(settings, &error.into()))?;
        }
    }
    let session = auth.session().ok_or_else(|| OpenError::Other("no session after logging in".into()))?;
    folder.keep_session(&serde_json::to_string(&session).expect("a session serialises to JSON"))?;
    Ok(client)
}

/// Cross-signs the device and makes its keys recoverable. Returns notes for the operator.
async fn recover(settings: &AccountSettings, folder: &Folder, client: &Client) -> Result<Vec<Note>, OpenError> {
    let recovery = client.encryption().recovery();
    let mut notes = Vec::new();
    match recovery.state() {
        RecoveryState::Disabled if settings.recovery_key.is_none() => match recovery.enable().await {
            Ok(key) => notes.push(keep(folder, &key)?),
            Err(error) => tracing::warn!(what = %error, "recovery could not be set up"),
        },
        RecoveryState::Incomplete | RecoveryState::Disabled => {
            if let Some(key) = settings.recovery_key.clone().or_else(|| folder.read_recovery_key()) {
                recovery.recover(&key).await.map_err(|error| match error {
                    RecoveryError::Sdk(error) | RecoveryError::SecretStorage(SecretStorageError::Sdk(error)) => {
                        explain(settings, &error)
                    }
                    RecoveryError::SecretStorage(_) => OpenError::WrongRecoveryKey,
                    other => OpenError::Other(format!("recovery failed: {other}")),
                })?;
                // The key is the right one, so save it for starts without MATRIX_RECOVERY_KEY_FILE.
                folder.write_recovery_key(&key)?;
            }
        }
        // An earlier start ended before it wrote the key, so nobody has it.
        RecoveryState::Enabled if folder.read_recovery_key().is_none() && settings.recovery_key.is_none() => {
            match recovery.reset_key().await {
                Ok(key) => notes.push(keep(folder, &key)?),
                Err(error) => tracing::warn!(what = %error, "the recovery key could not be reset"),
            }
        }
        RecoveryState::Enabled | RecoveryState::Unknown => {}
    }
    // A new signature is known only after a request to the homeserver.
    if let Some(user) = client.user_id() {
        let _ = client.encryption().request_user_identity(user).await;
    }
    let device = client.encryption().get_own_device().await.ok().flatten();
    if !device.is_some_and(|device| device.is_cross_signed_by_owner()) {
        notes.push(Note::NotCrossSigned);
    }
    Ok(notes)
}

fn keep(folder: &Folder, key: &str) -> Result<Note, OpenError> {
    folder.write_recovery_key(key)?;
    Ok(Note::RecoveryKeyWritten(folder.recovery_key()))
}

fn explain(settings: &AccountSettings, error: &Error) -> OpenError {
    match error.client_api_error_kind() {
        Some(ErrorKind::Forbidden) => OpenError::WrongPassword,
        Some(ErrorKind::UnknownToken(_)) => OpenError::Revoked(super::Ended::Revoked(settings.folder.join("store"))),
        Some(kind) => OpenError::Other(kind.errcode().to_string()),
        None => match error {
            Error::Http(_) => OpenError::Unreachable(settings.homeserver.clone()),
            Error::SerdeJson(_) | Error::StateStore(_) | Error::CryptoStoreError(_) => {
                OpenError::WrongKey(settings.folder.join("store.key"))
            }
            other => OpenError::Other(other.to_string()),
        },
    }
}
