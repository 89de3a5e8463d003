//! Exit codes, and what each means. Scripts and units rely on them: a code is never given a second meaning.

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or stopped by a signal in good order.
    Ok,
    /// Something failed that has no code of its own; the message says what.
    Failed,
    /// The command line is wrong (clap's code).
    Usage,
    /// `tillwatch.toml` or a selector file is wrong; `tillwatch check` lists everything.
    Config,
    /// The store is damaged, behind its witness, or newer than this program: nothing was changed.
    /// The message says the way out of each.
    StoreRefused,
    /// Another tillwatch holds the state directory or a ledger.
    AlreadyRunning,
    /// Standard output was closed by its reader; the cursor is kept.
    StdoutClosed,
    /// `--once` or `check --live`: an account, sink or the WebDriver could not do its work.
    Unhealthy,
    /// A secret is missing, unreadable or world-readable.
    Secret,
    /// `portal try`: some rows were quarantined.
    Quarantined,
}

impl Exit {
    /// Every way to end, in the order of the docs.
    pub const ALL: [Exit; 10] = [
        Exit::Ok,
        Exit::Failed,
        Exit::Usage,
        Exit::Config,
        Exit::StoreRefused,
        Exit::AlreadyRunning,
        Exit::StdoutClosed,
        Exit::Unhealthy,
        Exit::Secret,
        Exit::Quarantined,
    ];

    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Config => 3,
            Exit::StoreRefused => 4,
            Exit::AlreadyRunning => 5,
            Exit::StdoutClosed => 6,
            Exit::Unhealthy => 7,
            Exit::Secret => 8,
            Exit::Quarantined => 9,
        }
    }
}
