//! The task that tells people: looks how things stand, and hands what is new to the notifiers, each at its own pace.
//!
//! What was told and arrived is kept in `notices.json` of the state directory, so that a restart repeats nothing of it.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chrono::SecondsFormat;
use hyper::Uri;
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::delivery::Progress;
use crate::notice::{Facts, Key, Notice, Subject, Told, Watch, troubles, unsettled};
use crate::notify::{Http, Notifier};
use crate::payment::AccountName;
use crate::retry::{self, Retried};
use crate::status::{Broken, Status};
use crate::store::Store;

/// How often things are looked at; the store, less often.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LOOKS_PER_STORE: u32 = 5;
/// A notice that fails so often is told as an error; it is tried further.
const TRIES: u32 = 8;
/// How often the ping is sent.
const PING_EVERY: Duration = Duration::from_secs(60);
/// What was told, in the state directory.
const FILE: &str = "notices.json";

/// Who is looked at.
pub struct Subjects {
    /// How the accounts that run stand.
    pub board: watch::Receiver<Vec<Status>>,
    /// Accounts that do not run.
    pub broken: Vec<Broken>,
    /// The sinks by name.
    pub sinks: Vec<(String, watch::Receiver<Progress>)>,
    /// Quarantine and holes.
    pub store: Store,
    /// Time.
    pub clock: Clock,
    /// Where the store lies.
    pub state_dir: PathBuf,
}

/// A notice in the queue of a notifier. While one holds it, it counts as not told.
struct Waiting {
    key: Key,
    message: String,
    on_its_way: Arc<()>,
    /// The first of the notices of its key that it has taken the place of: what had arrived before that one is what has
    /// arrived.
    first: Option<Arc<()>>,
}

/// What waits for one notifier: the newest of each trouble, so that none is lost and it has an end, however long the notifier
/// takes nothing.
#[derive(Default)]
struct Queue {
    // Shared by the task that looks and the notifier's worker; held to put in or take out one notice.
    waiting: Mutex<VecDeque<Waiting>>,
    more: Notify,
}

impl Queue {
    fn put(&self, key: Key, message: String, on_its_way: Arc<()>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = waiting.iter().position(|earlier| earlier.key == key);
        let earlier = earlier.and_then(|earlier| waiting.remove(earlier));
        waiting.push_back(Waiting {
            key,
            message,
            on_its_way,
            first: earlier.map(|earlier| earlier.first.unwrap_or(earlier.on_its_way)),
        });
        self.more.notify_one();
    }

    fn take(&self) -> Option<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }

    async fn next(&self) -> Waiting {
        loop {
            if let Some(notice) = self.take() {
                return notice;
            }
            self.more.notified().await;
        }
    }
}

/// Tells until `stop`. `notifiers` come by their names in the config.
pub async fn tell(
    subjects: Subjects,
    notifiers: Vec<(String, Notifier)>,
    mut stop: watch::Receiver<bool>,
) {
    let mut workers = JoinSet::new();
    let mut queues = Vec::new();
    for (name, notifier) in notifiers {
        let queue = Arc::new(Queue::default());
        workers.spawn(deliver(name, notifier, queue.clone()));
        queues.push(queue);
    }
    let began = subjects.clock.now();
    let path = subjects.state_dir.join(FILE);
    let mut watch = Watch::resume(read(&path), subjects.clock.monotonic());
    let mut on_the_way = Vec::new();
    let mut written = watch.told();
    let mut kept = BTreeMap::new();
    let mut looks = 0_u32;
    loop {
        let statuses = subjects.board.borrow().clone();
        if looks.is_multiple_of(LOOKS_PER_STORE) {
            kept = in_store(&subjects.store, &statuses).await.unwrap_or(kept);
        }
        looks = looks.wrapping_add(1);
        let notices = look(&subjects, &statuses, &kept, began, &mut watch);
        for notice in notices {
            let message = message(&notice, &subjects.clock);
            tracing::info!(kind = notice.key.kind.as_str(), "notice: {notice}");
            let on_its_way = Arc::new(());
            for queue in &queues {
                queue.put(notice.key.clone(), message.clone(), on_its_way.clone());
            }
            on_the_way.push((notice, Arc::downgrade(&on_its_way)));
        }
        let told = told_everywhere(&watch, &mut on_the_way);
        if told != written {
            write(&path, &told);
            written = told;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            // A sender that is gone stops it too.
            _ = stop.wait_for(|stop| *stop) => {
                write(&path, &told_everywhere(&watch, &mut on_the_way));
                return;
            }
        }
    }
}

/// What was told and arrived: the rest is told again after a restart, its end too.
fn told_everywhere(watch: &Watch, on_the_way: &mut Vec<(Notice, Weak<()>)>) -> Told {
    on_the_way.retain(|(_, waiting)| waiting.strong_count() > 0);
    // What waits first of each trouble says what has arrived of it.
    let mut first: BTreeMap<&Key, &Notice> = BTreeMap::new();
    for (notice, _) in on_the_way.iter() {
        first.entry(&notice.key).or_insert(notice);
    }
    let mut told = watch.told();
    told.retain(|(key, _)| !first.contains_key(key));
    let solved = first.into_values().filter(|notice| notice.solved);
    told.extend(solved.map(|notice| (notice.key.clone(), notice.trouble.clone())));
    told
}

fn look(
    subjects: &Subjects,
    statuses: &[Status],
    kept: &BTreeMap<AccountName, (u64, u64)>,
    began: chrono::DateTime<chrono::Utc>,
    watch: &mut Watch,
) -> Vec<Notice> {
    let sinks: Vec<(String, Option<String>)> = subjects
        .sinks
        .iter()
        .map(|(name, progress)| (name.clone(), progress.borrow().failure.clone()))
        .collect();
    let found = troubles(&Facts {
        statuses,
        kept,
        broken: &subjects.broken,
        sinks: &sinks,
        free: free(&subjects.state_dir),
        now: subjects.clock.now(),
        began,
    });
    let monotonic = subjects.clock.monotonic();
    watch.look(found, &unsettled(statuses, &subjects.broken), monotonic)
}

/// Rows in quarantine and open holes of each account; `None` when the store does not say.
async fn in_store(store: &Store, statuses: &[Status]) -> Option<BTreeMap<AccountName, (u64, u64)>> {
    let mut kept = BTreeMap::new();
    for status in statuses {
        let name = &status.account;
        let aside = store.quarantine(Some(name)).await.ok()?.len() as u64;
        let state = store.account(name).await.ok()?;
        let gaps = state.map_or(0, |state| state.gaps.len() as u64);
        kept.insert(name.clone(), (aside, gaps));
    }
    Some(kept)
}

fn free(dir: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(dir).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

fn message(notice: &Notice, clock: &Clock) -> String {
    let (account, sink) = match &notice.key.subject {
        Subject::Account(name) => (Some(name), None),
        Subject::Sink(name) => (None, Some(name)),
        Subject::Agent => (None, None),
    };
    let state = if notice.solved { "solved" } else { "open" };
    json!({
        "source": "tillwatch",
        "kind": notice.key.kind.as_str(),
        "state": state,
        "account": account,
        "sink": sink,
        "what": notice.trouble.what,
        "todo": (!notice.solved).then_some(&notice.trouble.todo),
        "text": notice.to_string(),
        "time": clock.now().to_rfc3339_opts(SecondsFormat::Secs, true),
    })
    .to_string()
}

/// One notifier's worker, until it is dropped: each notice in order, tried until it arrives.
async fn deliver(name: String, notifier: Notifier, queue: Arc<Queue>) {
    loop {
        let waiting = queue.next().await;
        for failures in 1.. {
            let Err(error) = notifier.send(&waiting.message).await else {
                break;
            };
            let wait = retry::delay(Retried::Notice, failures, 1.0);
            let wait_ms = wait.as_millis();
            if failures == TRIES {
                tracing::error!(
                    notifier = name,
                    failures,
                    wait_ms,
                    "a notice does not arrive, and others wait behind it: {error}"
                );
            } else {
                tracing::warn!(
                    notifier = name,
                    failures,
                    wait_ms,
                    "a notice did not arrive: {error}"
                );
            }
            tokio::time::sleep(wait).await;
        }
    }
}

/// Pings `url` each minute until `stop`: whoever misses the ping knows that the agent is dead.
pub async fn ping(http: Http, url: Uri, mut stop: watch::Receiver<bool>) {
    let mut failing = false;
    loop {
        match http.ping(&url).await {
            Ok(()) => failing = false,
            Err(error) => {
                if !failing {
                    tracing::warn!("the dead-man ping did not arrive: {error}");
                }
                failing = true;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PING_EVERY) => {}
            // A sender that is gone stops it too.
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// What was told before the last stop. A file that is not there or cannot be read only costs a repeated notice.
fn read(path: &Path) -> Told {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn write(path: &Path, told: &Told) {
    let dir = path.parent().unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(dir).and_then(|mut file| {
        file.write_all(&serde_json::to_vec(told)?)?;
        file.persist(path).map_err(|error| error.error)
    });
    if let Err(error) = written {
        tracing::warn!("what was told is not on disk, so a restart may tell it again: {error}");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::notice::{Kind, Trouble};

    fn notice(kind: Kind, solved: bool) -> Notice {
        Notice {
            key: Key {
                subject: Subject::Agent,
                kind,
            },
            trouble: Trouble {
                what: "it".to_owned(),
                todo: "do".to_owned(),
                level: 1,
                reason: String::new(),
            },
            solved,
        }
    }

    #[test]
    fn what_has_not_arrived_is_told_again_after_a_restart_and_so_is_its_end() {
        let way = Arc::new(());
        let told = [notice(Kind::Disk, false), notice(Kind::Gaps, false)];
        let told = told.map(|notice| (notice.key, notice.trouble));
        let watch = Watch::resume(told.to_vec(), Duration::ZERO);
        let sent = [notice(Kind::Gaps, false), notice(Kind::Quarantine, true)];
        let mut on_the_way: Vec<_> = sent
            .map(|notice| (notice, Arc::downgrade(&way)))
            .into_iter()
            .collect();
        let kinds = |told: Told| {
            let mut kinds: Vec<Kind> = told.into_iter().map(|(key, _)| key.kind).collect();
            kinds.sort();
            kinds
        };
        let mut expected = vec![Kind::Disk, Kind::Quarantine];
        expected.sort();
        assert_eq!(kinds(told_everywhere(&watch, &mut on_the_way)), expected);
        drop(way);
        let mut expected = vec![Kind::Disk, Kind::Gaps];
        expected.sort();
        assert_eq!(kinds(told_everywhere(&watch, &mut on_the_way)), expected);
    }

    #[tokio::test]
    async fn a_notifier_that_comes_back_gets_the_newest_of_every_trouble() {
        let queue = Queue::default();
        let accounts = 0..1000;
        let put = |account: usize, message: &str| {
            let subject = Subject::Account(account.to_string());
            let kind = Kind::Stopped;
            let message = format!("{message} {account}");
            queue.put(Key { subject, kind }, message, Arc::new(()));
        };
        accounts.clone().for_each(|account| put(account, "open"));
        // It goes up and down while nobody hears of it.
        for message in ["solved", "open", "solved"].repeat(100) {
            put(7, message);
        }
        let mut expected: Vec<String> = accounts
            .filter(|account| *account != 7)
            .map(|account| format!("open {account}"))
            .collect();
        expected.push("solved 7".to_owned());
        let mut got = Vec::new();
        while let Some(notice) = queue.take() {
            got.push(notice.message);
        }
        assert_eq!(got, expected);
        // One that waits for the next gets it.
        let (next, ()) = tokio::join!(queue.next(), async { put(8, "open") });
        assert_eq!(next.message, "open 8");
    }

    #[test]
    fn what_was_told_to_nobody_has_no_end_to_be_told() {
        let queue = Queue::default();
        let mut on_the_way = Vec::new();
        let mut put = |notice: Notice| {
            let on_its_way = Arc::new(());
            queue.put(notice.key.clone(), String::new(), on_its_way.clone());
            on_the_way.push((notice, Arc::downgrade(&on_its_way)));
        };
        put(notice(Kind::Disk, false));
        put(notice(Kind::Disk, true));
        put(notice(Kind::Disk, false));
        put(notice(Kind::Disk, true));
        let told = told_everywhere(&Watch::default(), &mut on_the_way);
        assert_eq!(told, [], "the first of them never arrived");
        drop(queue.take());
        let told = told_everywhere(&Watch::default(), &mut on_the_way);
        assert_eq!((told, on_the_way.len()), (Vec::new(), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_ping_comes_again_after_a_minute_and_not_before() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ping", listener.local_addr().unwrap());
        let http = Http::new(false).unwrap();
        let (_running, stop) = watch::channel(false);
        let ping = tokio::spawn(ping(http, url.parse().unwrap(), stop));
        let (mut first, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut first, answer)
            .await
            .unwrap();
        let mut seconds = 0;
        loop {
            tokio::select! {
                biased;
                _second = listener.accept() => break,
                () = tokio::time::advance(Duration::from_secs(1)) => seconds += 1,
            }
        }
        assert!((60..3600).contains(&seconds), "after {seconds} s");
        ping.abort();
    }
}
