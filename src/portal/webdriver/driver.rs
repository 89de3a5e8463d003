//! A ChromeDriver of our own: started, listened to for its port, killed, reaped.
//!
//! One thread lives as long as the driver: the kernel kills the driver when that thread ends, however the agent
//! ends. The browser ends with the driver, because it is started with `--remote-debugging-pipe`. What the
//! driver prints is read, so that it never blocks, and never kept: it may hold page text.

use std::env;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::oneshot;

use super::parent_death::die_with_this_thread;
use super::route::{Route, RouteError};
use super::run_dir::RunDir;

/// What the driver and the browser may see of our environment: never a secret that stands in it.
const INHERITED: [&str; 14] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "LD_LIBRARY_PATH",
    "FONTCONFIG_PATH",
    "FONTCONFIG_FILE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];
/// The line that names the port comes among the first; what comes after this many bytes is not searched.
const SEARCHED: usize = 64 << 10;
const BEFORE_PORT: &str = "started successfully on port ";
/// SIGKILL takes effect at once unless the kernel itself is stuck.
const END_LIMIT: Duration = Duration::from_secs(2);

/// A running ChromeDriver. Dropping it kills it with its browser, reaps it and removes its directory.
#[derive(Debug)]
pub(super) struct Driver {
    port: u16,
    profile: PathBuf,
    group: Pid,
    keeper: Keeper,
}

/// The thread that keeps the driver; a drop ends both.
#[derive(Debug)]
struct Keeper {
    news: Sender<News>,
    thread: Option<JoinHandle<()>>,
}

/// Why there is none; one line, with what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum DriverError {
    #[error(
        "no {what} at `{}`: install it (Debian: apt-get install chromium chromium-driver) or correct its path",
        path.display()
    )]
    Missing { what: &'static str, path: PathBuf },
    #[error("`{}` does not start: {error}", path.display())]
    Spawn {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("`{}` cannot be used for the browser's files: {error}", path.display())]
    Directory {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("`{}` ended before it listened", path.display())]
    Ended { path: PathBuf },
    #[error("`{}` named no port within {limit_ms} ms", path.display())]
    NoPort { path: PathBuf, limit_ms: u128 },
    #[error("no thread for the driver: {0}")]
    Thread(std::io::Error),
    #[error(transparent)]
    Route(#[from] RouteError),
}

/// What the driver's thread hears.
#[derive(Debug)]
enum News {
    Port(u16),
    /// Nobody holds the driver's stdout any more: driver and browser are gone.
    Silent,
    Stop,
}

/// The port, the browser's profile directory, and the process group of both.
type Started = (u16, PathBuf, Pid);

impl Driver {
    /// Starts `program` on a port of its own choice, with a new directory in `state`.
    ///
    /// # Errors
    /// See [`DriverError`].
    pub(super) async fn start(
        program: &Path,
        state: &Path,
        limit: Duration,
        route: &Route,
    ) -> Result<Self, DriverError> {
        let program = found(program, "ChromeDriver")?;
        let (news, heard) = mpsc::channel();
        let (answer, started) = oneshot::channel();
        let life = Life {
            program: program.clone(),
            state: state.to_owned(),
            limit,
            route: route.clone(),
            news: news.clone(),
            heard,
            is_silent: false,
        };
        let thread = thread::Builder::new()
            .name("chromedriver".to_owned())
            .spawn(move || life.live(answer))
            .map_err(DriverError::Thread)?;
        let keeper = Keeper {
            news,
            thread: Some(thread),
        };
        match started.await {
            Ok(Ok((port, profile, group))) => Ok(Self {
                port,
                profile,
                group,
                keeper,
            }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(DriverError::Ended { path: program }),
        }
    }

    /// Where it listens.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The browser's `--user-data-dir`.
    pub(super) fn profile(&self) -> &Path {
        &self.profile
    }

    /// The process group of driver and browser.
    pub(super) fn group(&self) -> Pid {
        self.group
    }

    /// Kills it off the async threads.
    pub(super) async fn stop(self) {
        let Self { keeper, .. } = self;
        if tokio::task::spawn_blocking(move || drop(keeper))
            .await
            .is_err()
        {
            tracing::warn!("the task that stops the driver did not end well");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Fails when the thread has ended already.
        let _ = self.news.send(News::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the driver's thread panicked");
        }
    }
}

/// The absolute path of `program`, looked up on PATH when it is a bare name.
///
/// # Errors
/// There is no such file.
pub(super) fn found(program: &Path, what: &'static str) -> Result<PathBuf, DriverError> {
    let bare = program.components().count() == 1 && !program.is_absolute();
    let on_path = bare
        .then(|| env::var_os("PATH"))
        .flatten()
        .and_then(|path| {
            env::split_paths(&path)
                .map(|dir| dir.join(program))
                .find(|file| file.is_file())
        });
    match on_path {
        Some(file) => Ok(file),
        None if program.is_file() => Ok(program.to_owned()),
        None => Err(DriverError::Missing {
            what,
            path: program.to_owned(),
        }),
    }
}

/// What the driver's thread owns.
struct Life {
    program: PathBuf,
    state: PathBuf,
    limit: Duration,
    route: Route,
    news: Sender<News>,
    heard: Receiver<News>,
    is_silent: bool,
}

impl Life {
    fn live(mut self, answer: oneshot::Sender<Result<Started, DriverError>>) {
        let run = match RunDir::fresh(&self.state) {
            Ok(run) => run,
            Err(error) => {
                let path = self.state;
                // Nobody waits for the answer when the start was given up.
                let _ = answer.send(Err(DriverError::Directory { path, error }));
                return;
            }
        };
        if self.route.has_certificates()
            && let Err(error) = self.route.put_in_place(&run.home())
        {
            // As above.
            let _ = answer.send(Err(error.into()));
            run.remove();
            return;
        }
        match self.spawn(&run) {
            Ok(mut child) => {
                let port = self.await_port(&mut child);
                let is_up = port.is_ok();
                if answer
                    .send(port.map(|port| (port, run.profile(), Pid::from_child(&child))))
                    .is_ok()
                    && is_up
                {
                    // Until told to stop, or until driver and browser are gone.
                    self.hear(None);
                }
                self.end(&mut child);
            }
            Err(error) => {
                let path = self.program;
                let _ = answer.send(Err(DriverError::Spawn { path, error }));
            }
        }
        run.remove();
    }

    fn hear(&mut self, limit: Option<Duration>) -> Option<News> {
        let news = match limit {
            Some(limit) => self.heard.recv_timeout(limit).ok(),
            None => self.heard.recv().ok(),
        };
        self.is_silent |= matches!(news, Some(News::Silent));
        news
    }

    fn spawn(&self, run: &RunDir) -> std::io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .arg("--port=0")
            .env_clear()
            .envs(
                INHERITED
                    .iter()
                    .filter_map(|name| Some((name, env::var_os(name)?))),
            )
            .envs(run.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own, with the browser: killed as one, and a Ctrl-C for us is not one for them.
            .process_group(0);
        if self.route.has_certificates() {
            command.env("HOME", run.home());
        }
        die_with_this_thread(&mut command);
        command.spawn()
    }

    fn await_port(&mut self, child: &mut Child) -> Result<u16, DriverError> {
        if let Some(stdout) = child.stdout.take() {
            let news = self.news.clone();
            // Not joined: it ends when nobody holds the other end of the pipe.
            thread::Builder::new()
                .name("chromedriver-out".to_owned())
                .spawn(move || listen(stdout, &news))
                .map_err(DriverError::Thread)?;
        }
        let path = self.program.clone();
        match self.hear(Some(self.limit)) {
            Some(News::Port(port)) => Ok(port),
            Some(News::Silent | News::Stop) => Err(DriverError::Ended { path }),
            None => Err(DriverError::NoPort {
                path,
                limit_ms: self.limit.as_millis(),
            }),
        }
    }

    /// Kills driver and browser, reaps the driver, and waits until the browser let go of the driver's stdout.
    fn end(&mut self, child: &mut Child) {
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
            && let Err(error) = kill_process_group(group, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, "could not kill the driver");
        }
        if let Err(error) = child.wait() {
            tracing::warn!(%error, "could not reap the driver");
        }
        while !self.is_silent && self.hear(Some(END_LIMIT)).is_some() {}
    }
}

/// Finds the port in what the driver prints, then reads on and forgets.
fn listen(mut stdout: ChildStdout, news: &Sender<News>) {
    let mut searched = Some(Vec::new());
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stdout.read(&mut chunk) {
        if let Some(text) = &mut searched {
            text.extend_from_slice(chunk.get(..read).unwrap_or_default());
            let port = port_in(&String::from_utf8_lossy(text));
            if let Some(port) = port {
                // The thread is gone when the start was given up; read on for the driver's sake.
                let _ = news.send(News::Port(port));
            }
            if port.is_some() || text.len() > SEARCHED {
                searched = None;
            }
        }
    }
    let _ = news.send(News::Silent);
}

/// `… was started successfully on port 45875.`, once the number is whole.
fn port_in(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once(BEFORE_PORT)?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_once_its_line_is_whole() {
        assert_eq!(port_in("Starting ChromeDriver 156 on port 0\n"), None);
        let line = "ChromeDriver was started successfully on port 45875.\n";
        assert_eq!(port_in(line), Some(45875));
        assert_eq!(port_in(line.trim_end_matches(".\n")), None);
        assert_eq!(port_in("started successfully on port 99999."), None);
    }
}
