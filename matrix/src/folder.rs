//! The folder of an account: the store with its session, the key of the store, the recovery key.
//!
//! Session and store are one thing: either without the other would come up "fine" and read nothing. The session is
//! therefore kept inside the store's folder, and one without the other is refused.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::session::OpenError;

/// The folder, held by this process alone.
pub struct Folder {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

/// What is in the store's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Nothing, or what a start left that didn't come to its end.
    Nothing,
    /// A store with its session.
    Session,
}

impl Folder {
    /// Makes the folder if need be, for the owner alone, and takes hold of it.
    ///
    /// # Errors
    /// If it can't be made, or another process has hold of it.
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

    /// Where the store is.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Where the recovery key is written.
    #[must_use]
    pub fn recovery_key(&self) -> PathBuf {
        self.path.join("recovery.key")
    }

    fn session(&self) -> PathBuf {
        self.store().join("session.json")
    }

    /// There from before a store is made until its session is kept.
    fn unfinished(&self) -> PathBuf {
        self.store().join("unfinished")
    }

    /// What is in the store's folder. What a start left that didn't come to its end is removed.
    ///
    /// # Errors
    /// If there is a store without its session, or the other way round.
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

    /// Begins a store.
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

    /// Keeps the session of a store that was begun.
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

    /// The session that was kept.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn read_session(&self) -> Result<String, OpenError> {
        fs::read_to_string(self.session()).map_err(|error| self.failed(&error))
    }

    /// The key of the store; made where there is no store yet.
    ///
    /// # Errors
    /// If it is lost, or the folder can't be read or written.
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

    /// The recovery key that an earlier start wrote.
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

/// Writes a file for the owner alone, whole or not at all.
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
