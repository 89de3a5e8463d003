//! tillwatch.toml: parsed, then validated into `Config`.
