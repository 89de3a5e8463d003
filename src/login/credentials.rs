//! Where a secret comes from: file, keyring, environment.
