//! The host's native secret store, by the crate `keyring`: on Linux the Secret Service of the session bus.
//!
//! Service `tillwatch`, user = the account's name. "Nothing there", "no store on this host" and "the store failed
//! or is locked" are told apart, because only the first two let another provider serve. The crate looks for the
//! store once per process: one that comes up later serves after a restart.

use std::time::Duration;

use keyring::Entry;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

const SERVICE: &str = "tillwatch";
/// A store that asks somebody to unlock it waits for as long as nobody does.
const LIMIT: Duration = Duration::from_secs(20);

/// The native store did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// Neither a session bus nor a Secret Service on it.
    #[error("this host has no keyring")]
    NoStore,
    /// It is there and does not open.
    #[error("the keyring is locked ({reason}): unlock it, or use a secret file")]
    Locked {
        /// In the store's words.
        reason: String,
    },
    /// It is there and answers with something else.
    #[error("the keyring failed ({reason})")]
    Failed {
        /// In the store's words.
        reason: String,
    },
    /// It is there and does not answer.
    #[error(
        "the keyring did not answer within {limit_s} s: is it waiting for somebody to unlock it?"
    )]
    Hung {
        /// The limit.
        limit_s: u64,
    },
}

/// The secret of `account`; `None` where the store has none.
///
/// # Errors
/// When there is no store, and when it failed.
pub async fn get(account: &str) -> Result<Option<SecretString>, KeyringError> {
    run(account, |entry| match entry.get_password() {
        Ok(secret) => {
            let secret = Zeroizing::new(secret);
            Ok(Some(SecretString::from(secret.as_str())))
        }
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    })
    .await
}

/// Stores the secret of `account` in the place of an older one.
///
/// # Errors
/// When there is no store, and when it failed.
pub async fn set(account: &str, secret: SecretString) -> Result<(), KeyringError> {
    run(account, move |entry| {
        entry.set_password(secret.expose_secret())
    })
    .await
}

/// Deletes the secret of `account`; `false` where there was none.
///
/// # Errors
/// When there is no store, and when it failed.
pub async fn delete(account: &str) -> Result<bool, KeyringError> {
    run(account, |entry| match entry.delete_credential() {
        Ok(()) => Ok(true),
        Err(keyring::Error::NoEntry) => Ok(false),
        Err(error) => Err(error),
    })
    .await
}

/// On a thread of its own: the runtime waits at its end for `spawn_blocking`, and a store that waits for somebody
/// to unlock it would hold up the end of the program for ever.
async fn run<T: Send + 'static>(
    account: &str,
    job: impl FnOnce(Entry) -> keyring::Result<T> + Send + 'static,
) -> Result<T, KeyringError> {
    let account = account.to_owned();
    let (done, result) = oneshot::channel();
    let thread = std::thread::Builder::new().name("keyring".to_owned());
    let started = thread.spawn(move || {
        let answer = match Entry::store_status() {
            Ok(()) => Entry::new(SERVICE, &account)
                .and_then(job)
                .map_err(|error| judged(&error)),
            Err(error) => Err(judged(error)),
        };
        // Nobody waits any more: the limit passed.
        let _late = done.send(answer);
    });
    if let Err(error) = started {
        let reason = error.to_string();
        return Err(KeyringError::Failed { reason });
    }
    match tokio::time::timeout(LIMIT, result).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_closed)) => Err(KeyringError::Failed {
            reason: "its client panicked".to_owned(),
        }),
        Err(_elapsed) => Err(KeyringError::Hung {
            limit_s: LIMIT.as_secs(),
        }),
    }
}

/// Never the error itself: some of its variants carry the bytes of the secret.
fn judged(error: &keyring::Error) -> KeyringError {
    let failed = |reason: &str| KeyringError::Failed {
        reason: reason.to_owned(),
    };
    match error {
        keyring::Error::PlatformFailure(inner) if is_absence(inner.as_ref()) => {
            KeyringError::NoStore
        }
        keyring::Error::NoDefaultStore => KeyringError::NoStore,
        keyring::Error::NoStorageAccess(inner) => KeyringError::Locked {
            reason: inner.to_string(),
        },
        keyring::Error::PlatformFailure(inner) => failed(&inner.to_string()),
        keyring::Error::NoEntry => failed("no such entry"),
        keyring::Error::BadEncoding(_) => failed("the secret is not UTF-8"),
        keyring::Error::BadDataFormat(..) => failed("the secret is malformed"),
        keyring::Error::BadStoreFormat(_) => failed("the store is malformed"),
        keyring::Error::TooLong(..) => failed("too long for this store"),
        keyring::Error::Invalid(..) => failed("not a name for this store"),
        keyring::Error::Ambiguous(_) => {
            failed("it has several entries for this account: delete all but one")
        }
        keyring::Error::NotSupportedByStore(_) => failed("not supported by this store"),
        _ => failed("for a reason that this program does not know"),
    }
}

/// No session bus, or a bus on which nobody is, or can be started as, the Secret Service.
#[cfg(target_os = "linux")]
fn is_absence(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    use secret_service::Error;
    use zbus::fdo;
    let inner = match error.downcast_ref::<Error>() {
        Some(Error::Unavailable | Error::ZbusFdo(fdo::Error::ServiceUnknown(_))) => return true,
        Some(Error::Zbus(inner)) => inner,
        Some(_) | None => return false,
    };
    match inner {
        zbus::Error::Connection(cause, _) => cause.kind() == std::io::ErrorKind::NotFound,
        zbus::Error::FDO(answer) => matches!(**answer, fdo::Error::ServiceUnknown(_)),
        zbus::Error::MethodError(name, _, _) => {
            name.as_str() == "org.freedesktop.DBus.Error.ServiceUnknown"
        }
        _ => false,
    }
}

/// macOS and Windows always have a store.
#[cfg(not(target_os = "linux"))]
fn is_absence(_error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    false
}
