//! The selector file as TOML: parsed, then validated into a `Portal`. Pure.
