//! The directory of one local browser: profile, temp files, caches. Made for one run, removed after it.
//!
//! Lies in the account's own directory as `run-` and six random letters, so that the next start finds what a `kill -9` left
//! and removes it, after ending whatever process still names it in its environment.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgid, getpgrp, kill_process, kill_process_group};

const PREFIX: &str = "run-";
/// Where the name of the short link stands, in the run directory.
const LINK_RECORD: &str = "tmp-link";
/// Chromium makes `<TMPDIR>/org.chromium.Chromium.scoped_dir.??????/SingletonSocket`, and the address of a Unix
/// socket holds 107 bytes (unix(7)); a longer one ends Chromium at start.
const LONGEST_TMPDIR: usize =
    107 - "/org.chromium.Chromium.scoped_dir.??????/SingletonSocket".len();
/// Processes that were killed need a moment to go, and to stop writing.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Directories of one run of a local browser.
#[derive(Debug)]
pub(super) struct RunDir {
    path: PathBuf,
    link: Option<PathBuf>,
}

impl RunDir {
    /// Removes what earlier runs left in `state`, and makes a new one there, readable by its owner only.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn fresh(state: &Path) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(state)?;
        let state = state.canonicalize()?;
        sweep(&state)?;
        let path = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&state)?
            .keep();
        let mut run = Self { path, link: None };
        for sub in ["tmp", "profile", "config", "cache"] {
            fs::create_dir(run.path.join(sub))?;
        }
        if run.path.join("tmp").as_os_str().len() > LONGEST_TMPDIR {
            run.link = Some(short_link(&run.path)?);
        }
        Ok(run)
    }

    /// `--user-data-dir`.
    pub(super) fn profile(&self) -> PathBuf {
        self.path.join("profile")
    }

    /// HOME of a browser that has certificates of its own.
    pub(super) fn home(&self) -> PathBuf {
        self.path.join("home")
    }

    /// Environment of the driver and, through it, of the browser.
    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 3] {
        let tmp = self.link.clone().unwrap_or_else(|| self.path.join("tmp"));
        [
            ("TMPDIR", tmp),
            // Crash reports and caches go here too, and by this one `sweep` finds the processes of a run.
            ("XDG_CONFIG_HOME", self.path.join("config")),
            ("XDG_CACHE_HOME", self.path.join("cache")),
        ]
    }

    /// Removes it. What cannot be removed now is removed at the next start.
    pub(super) fn remove(&self) {
        if let Some(link) = &self.link
            && let Err(error) = fs::remove_file(link)
        {
            tracing::warn!(%error, "could not remove the link to a browser's temp directory");
        }
        remove_tree(&self.path);
    }
}

/// A short name, in the system's temp directory, for the run's own one. Its name is recorded before it is made.
fn short_link(run: &Path) -> io::Result<PathBuf> {
    let tag = run
        .file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.strip_prefix(PREFIX))
        .unwrap_or("0");
    let link = std::env::temp_dir().join(format!("tillwatch-{tag}"));
    fs::write(run.join(LINK_RECORD), link.as_os_str().as_encoded_bytes())?;
    symlink(run.join("tmp"), &link)?;
    Ok(link)
}

/// Ends processes of earlier runs in `state` and removes their directories and links.
fn sweep(state: &Path) -> io::Result<()> {
    let mut runs = Vec::new();
    for entry in fs::read_dir(state)? {
        let entry = entry?;
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes())
        {
            runs.push(entry.path());
        }
    }
    if runs.is_empty() {
        return Ok(());
    }
    end_processes(state);
    for run in runs {
        if let Ok(link) = fs::read_to_string(run.join(LINK_RECORD))
            && fs::read_link(&link).is_ok_and(|target| target == run.join("tmp"))
        {
            fs::remove_file(&link)?;
        }
        remove_tree(&run);
    }
    Ok(())
}

/// Kills every process whose environment names a run in `state`, and waits until they are gone.
fn end_processes(state: &Path) {
    let mut mark = b"XDG_CONFIG_HOME=".to_vec();
    mark.extend_from_slice(state.join(PREFIX).as_os_str().as_encoded_bytes());
    for _ in 0..TRIES {
        let left = processes_with(&mark);
        if left.is_empty() {
            return;
        }
        for pid in left {
            tracing::info!(
                pid = pid.as_raw_nonzero().get(),
                "ending a browser of an earlier run"
            );
            // Errors mean that it is gone already.
            let _ = match getpgid(Some(pid)) {
                Ok(group) if group != getpgrp() => kill_process_group(group, Signal::KILL),
                Ok(_) | Err(_) => kill_process(pid, Signal::KILL),
            };
        }
        pause();
    }
}

fn processes_with(mark: &[u8]) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .filter(|pid| {
            // Unreadable ones belong to somebody else; a zombie's is empty.
            fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).is_ok_and(|env| {
                env.split(|byte| *byte == 0)
                    .any(|var| var.starts_with(mark))
            })
        })
        .collect()
}

/// On the driver's own thread, which nobody unparks.
fn pause() {
    thread::park_timeout(PAUSE);
}

fn remove_tree(path: &Path) {
    for _ in 0..TRIES {
        match fs::remove_dir_all(path) {
            Ok(()) => return,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            // Somebody still writes there.
            Err(_) => pause(),
        }
    }
    tracing::warn!(path = %path.display(), "a browser's directory stays until the next start");
}
