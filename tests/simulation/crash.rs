//! Crashes: the agent stops where it stands and begins again from a copy of its state directory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tillwatch::store::Step;
use tokio::sync::mpsc;

/// Where a crash struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The click was made, its answer not seen.
    Submit,
    /// A sink was about to write.
    BeforeWrite,
    /// A sink has written and not said so.
    AfterWrite,
    /// Within a write of the store.
    Within(Step),
    /// Anywhere else.
    Anytime,
}

impl Point {
    pub fn as_str(self) -> &'static str {
        match self {
            Point::Submit => "after the click",
            Point::BeforeWrite => "before a sink's write",
            Point::AfterWrite => "after a sink's write",
            Point::Within(Step::Written) => "before the flush",
            Point::Within(Step::Flushed) => "before the fsync",
            Point::Within(Step::Synced) => "before the witness",
            Point::Within(Step::Witnessed) => "after the witness",
            Point::Anytime => "anywhere",
        }
    }
}

/// A crash that waits for its step of a write: the copy is taken there, on the writing thread.
#[derive(Debug)]
struct Armed {
    steps_left: u64,
    from: PathBuf,
    to: PathBuf,
}

/// Pulls the plug.
#[derive(Debug, Clone)]
pub struct Crash {
    sender: mpsc::UnboundedSender<Point>,
    /// Plugs pulled so far, for the report. Locked for one push.
    pub struck: Arc<Mutex<Vec<Point>>>,
    /// Locked for one step, the copy included.
    armed: Arc<Mutex<Option<Armed>>>,
}

impl Crash {
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Point>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let crash = Self {
            sender,
            struck: Arc::default(),
            armed: Arc::default(),
        };
        (crash, receiver)
    }

    /// Whoever calls this does not come back.
    pub async fn now(&self, point: Point) {
        self.strike(point);
        std::future::pending().await
    }

    pub fn note(&self, point: Point) {
        self.struck.lock().expect("the list").push(point);
    }

    fn strike(&self, point: Point) {
        self.note(point);
        self.sender.send(point).expect("the world listens");
    }

    /// The write step number `steps` from now is the last of this life.
    pub fn arm(&self, steps: u64, from: PathBuf, to: PathBuf) {
        *self.armed.lock().expect("armed") = Some(Armed {
            steps_left: steps,
            from,
            to,
        });
    }

    /// Says whether a crash is still waiting, and calls it off.
    pub fn disarm(&self) -> bool {
        self.armed.lock().expect("armed").take().is_some()
    }

    /// A step of a write was made.
    pub fn step(&self, step: Step) {
        let mut armed = self.armed.lock().expect("armed");
        let due = armed.as_mut().is_some_and(|armed| {
            armed.steps_left -= 1;
            armed.steps_left == 0
        });
        if due && let Some(Armed { from, to, .. }) = armed.take() {
            copy(&from, &to);
            self.strike(Point::Within(step));
        }
    }
}

/// Copies the state directory as it lies on disk.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a new directory");
    for entry in std::fs::read_dir(from).expect("the state directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => panic!("{}: {error}", entry.path().display()),
        };
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            // The engine may remove a snapshot between the listing and the copy: then it was none.
            match std::fs::copy(entry.path(), &target) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => panic!("{}: {error}", entry.path().display()),
            }
        }
    }
}
