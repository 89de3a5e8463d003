//! One holder at a time of a file that stands for something: a state directory, a ledger, a stream.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Held until it is dropped; the kernel lets go of it when the process ends, however.
#[derive(Debug)]
pub struct Lock(File);

/// The lock was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// Somebody else holds it.
    Held,
    /// The file system refused.
    Io(io::Error),
}

impl Lock {
    /// Takes the lock `path`, a file of its own, made with no rights for others.
    ///
    /// # Errors
    /// When it is held, by this process or another one, and on file system errors.
    pub fn take(path: &Path) -> Result<Self, NotTaken> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(path).map_err(NotTaken::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(NotTaken::Held),
            Err(TryLockError::Error(error)) => Err(NotTaken::Io(error)),
        }
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a child process that is just being started holds a copy until its program
    /// begins, and the lock with it.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "a lock could not be let go of");
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn a_lock_is_let_go_of_even_while_a_child_holds_a_copy_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = Lock::take(&path).unwrap();
        assert!(matches!(Lock::take(&path), Err(NotTaken::Held)));
        let _copy = lock.0.try_clone().unwrap();
        drop(lock);
        Lock::take(&path).unwrap();
    }
}
