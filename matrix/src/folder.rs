//! Manages the folder of an account: the store with its session, the key of the store, and the recovery key.
//!
//! A session works only with its own store: with another one the bot would start but decrypt nothing. The session is
//! therefore stored inside the store's folder, and one without the other is an error.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::session::OpenError;

/// The folder of an account, locked by this process.
pub struct Folder {
    path: PathBuf,
    /// Keeps the lock until it is dropped.
    _lock: File,
}

/// The content of the store's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// No store: the next step is to log in.
    Nothing,
    /// A store with its session.
    Session,
}

impl Folder {
    /// Creates the folder if it is missing, restricts it to its owner, and locks it.
    ///
    /// # Errors
    /// If the folder can't be created, or another process has locked it.
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        let failed = |error: io::Error| OpenError::Folder { path: path.to_owned(), what: error.to_string() };
        fs::create_dir_all(path).map_err(failed)?;
        close_to_others(path, 0o700).map_err(failed)?;
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Returns the path of the store's folder.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Returns the path of the file with the recovery key.
    #[must_use]
    pub fn recovery_key(&self) -> PathBuf {
        self.path.join("recovery.key")
    }

    fn session(&self) -> PathBuf {
        self.store().join("session.json")
    }

    /// The path of a file that exists from before a store is created until its session is saved.
    fn unfinished(&self) -> PathBuf {
        self.store().join("unfinished")
    }

    /// Determines the content of the store's folder. Deletes the store of an unfinished first start.
    ///
    /// # Errors
    /// If there is a store without its session, or a session without its store.
    pub fn look(&self) -> Result<Kept, OpenError> {
        let store = self.store();
        if self.unfinished().exists() {
            fs::remove_dir_all(&store).map_err(|error| self.failed(&error))?;
        }
        let has_store = store.join("matrix-sdk-crypto.sqlite3").exists();
        match (has_store, self.session().exists()) {
            (false, false) => Ok(Kept::Nothing),
            (true, true) => Ok(Kept::Session),
            _ => Err(OpenError::StoreWithoutSession(store)),
        }
    }

    /// Creates the store's folder, marked as unfinished until [`Self::keep_session`].
    ///
    /// # Errors
    /// If the folder can't be written.
    pub fn begin(&self) -> Result<(), OpenError> {
        let begin = || {
            fs::create_dir_all(self.store())?;
            close_to_others(&self.store(), 0o700)?;
            File::create(self.unfinished()).map(drop)
        };
        begin().map_err(|error| self.failed(&error))
    }

    /// Saves the session, which finishes a store that was begun.
    ///
    /// # Errors
    /// If the folder can't be written.
    pub fn keep_session(&self, session: &str) -> Result<(), OpenError> {
        let keep = || {
            write_secret(&self.session(), session.as_bytes())?;
            match fs::remove_file(self.unfinished()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        };
        keep().map_err(|error| self.failed(&error))
    }

    /// Reads the saved session.
    ///
    /// # Errors
    /// If the session can't be read.
    pub fn read_session(&self) -> Result<String, OpenError> {
        fs::read_to_string(self.session()).map_err(|error| self.failed(&error))
    }

    /// Reads the key of the store, or creates one if there is no store yet.
    ///
    /// # Errors
    /// If the key of an existing store is missing or malformed, or the folder can't be read or written.
    pub fn store_key(&self, kept: Kept) -> Result<[u8; 32], OpenError> {
        let path = self.path.join("store.key");
        match fs::read(&path) {
            Ok(bytes) => bytes.try_into().map_err(|_| OpenError::WrongKey(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && kept == Kept::Nothing => {
                let mut key = [0; 32];
                getrandom::fill(&mut key).map_err(|error| self.failed(&io::Error::other(error.to_string())))?;
                write_secret(&path, &key).map_err(|error| self.failed(&error))?;
                Ok(key)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenError::WrongKey(path)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Reads the recovery key that an earlier start wrote. `None` if there is none.
    #[must_use]
    pub fn read_recovery_key(&self) -> Option<String> {
        fs::read_to_string(self.recovery_key()).ok().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty())
    }

    /// Writes the recovery key.
    ///
    /// # Errors
    /// If the folder can't be written.
    pub fn write_recovery_key(&self, key: &str) -> Result<(), OpenError> {
        write_secret(&self.recovery_key(), format!("{key}\n").as_bytes()).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> OpenError {
        OpenError::Folder { path: self.path.clone(), what: error.to_string() }
    }
}

/// Writes a file that only its owner can read, completely or not at all.
fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    close_to_others(&new, 0o600)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, path)
}

#[cfg(unix)]
fn close_to_others(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn close_to_others(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}
