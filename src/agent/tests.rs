//! Turns of an account at a portal that does not let it in: what is asked of the portal, how often, and whose the browser is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Mutex, MutexGuard};

use secrecy::SecretString;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::clock::{Clock, Stamp};
use crate::event::AccountRef;
use crate::login::budget::Rules;
use crate::login::credentials::Sources;
use crate::login::gate::Gates;
use crate::login::ledger::LedgerKey;
use crate::one_time_code::Codes;
use crate::payment::{AccountName, OperatorAccount};
use crate::portal::kept::{Brought, KeepError, Kept};
use crate::portal::pool::Pool;
use crate::portal::{Credential, Days, Page, PortalError, Taped};
use crate::schedule::Pace;
use crate::session::Outcome;
use crate::store::Store;
use crate::{selectors, sign_in};

const S: fn(u64) -> Duration = Duration::from_secs;

const DOWN: &str = "<p id=down>Back soon</p>";
const FORM: &str = "<form id=login-form></form>";
const WRONG: &str = "<p id=login-error class=wrong-password>No</p>";
const CODE: &str = "<form id=otp-form></form>";

/// What the portal shows, and what was asked of it.
#[derive(Default)]
struct Far {
    table: &'static str,
    form: &'static str,
    /// After the click.
    answer: &'static str,
    forms: u32,
    has_browser: bool,
}

#[derive(Clone, Default)]
struct Stub {
    // The test's and the agent's; held for single looks.
    far: Arc<Mutex<Far>>,
}

impl Stub {
    fn showing(table: &'static str, form: &'static str, answer: &'static str) -> Self {
        let stub = Self::default();
        *stub.far() = Far {
            table,
            form,
            answer,
            ..Far::default()
        };
        stub
    }

    fn far(&self) -> MutexGuard<'_, Far> {
        self.far.lock().unwrap()
    }
}

fn page(html: &str) -> Result<Page, PortalError> {
    Ok(Page {
        url: "https://org.kilima.example/x".parse().unwrap(),
        status: Some(200),
        html: html.to_owned(),
        pause: None,
    })
}

impl Portal for Stub {
    async fn open(&mut self) -> Result<(), PortalError> {
        self.far().has_browser = true;
        Ok(())
    }

    async fn visit_sign_in(&mut self) -> Result<Page, PortalError> {
        let mut far = self.far();
        far.forms += 1;
        page(far.form)
    }

    async fn submit(&mut self, _: &Credential) -> Result<Page, PortalError> {
        page(self.far().answer)
    }

    async fn submit_code(&mut self, _: &SecretString) -> Result<Page, PortalError> {
        page(self.far().answer)
    }

    async fn look(&mut self) -> Result<Page, PortalError> {
        page(self.far().answer)
    }

    async fn first_page(&mut self, _: Days) -> Result<Page, PortalError> {
        page(self.far().table)
    }

    async fn next_page(&mut self) -> Result<Page, PortalError> {
        page(self.far().table)
    }

    fn unlock(&mut self, _: &Credential) {}

    async fn keep(&mut self) {}

    fn forget(&mut self) {}

    fn begun(&mut self, _: &Stamp) {}

    fn brought_back(&self) -> Option<Brought> {
        None
    }

    async fn import(&mut self, _: Kept) -> Result<(), KeepError> {
        Ok(())
    }

    async fn park(&mut self) {
        self.far().has_browser = false;
    }

    fn needs_place(&self) -> bool {
        !self.far().has_browser
    }

    fn holds_place(&self) -> bool {
        self.far().has_browser
    }

    async fn close(&mut self) {
        self.far().has_browser = false;
    }
}

fn set_password(dir: &TempDir, password: &str) {
    let secret = dir.path().join("secret");
    fs::write(&secret, password).unwrap();
    fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
}

/// An account at `stub`, which was not started before.
async fn agent(stub: &Stub, dir: &TempDir) -> Agent<Stub> {
    let (name, clock) = (AccountName::new("kilima").unwrap(), Clock::System);
    let down = "outcomes = [\n  { css = \"p#down\", is = \"portal-down\" },\n";
    let text = include_str!("../../selectors/kilima.toml").replace("outcomes = [\n", down);
    let selectors = selectors::file::parse("kilima", "kilima.toml", &text).unwrap();
    set_password(dir, "correct horse");
    let store = Store::open(dir.path(), clock.clone()).await.unwrap();
    let key = LedgerKey::of("https://org.kilima.example", "600123", "jane");
    let ledger = key.as_str().to_owned();
    let expected = sign_in::expected_ledger(&store, &name, &ledger).await;
    let rules = Rules::new(30, S(3600), 3, S(5)).unwrap();
    let mut gates = Gates::new(dir.path().join("ledger"), clock.clone());
    let gate = gates.open(key, &rules, expected.unwrap()).await.unwrap();
    let account = Account {
        about: AccountRef {
            name: name.clone(),
            portal: "kilima".to_owned(),
            operator: OperatorAccount {
                operator: "kilima".to_owned(),
                number: "600123".to_owned(),
            },
            account_key: "organisationid".to_owned(),
            selector_format: "kilima@1".to_owned(),
        },
        user: "jane".to_owned(),
        selectors: Arc::new(selectors),
        file: None,
        sources: Sources::of("kilima", Some(&dir.path().join("secret"))),
        pace: Pace {
            poll: S(30),
            look_back: S(3600),
            sweep: S(900),
            overlap: 20,
            max_pages: 10,
            yield_for: S(600),
            quiet: Vec::new(),
        },
        attended: None,
        person_wait: S(1800),
        since: None,
        sign_out_at_stop: false,
    };
    let limits = Limits {
        sinks: Vec::new(),
        outbox: 1000,
    };
    let edges = Edges {
        portal: Taped::new(stub.clone()),
        store,
        gate,
        codes: Codes::none(clock.clone()),
        ledger,
        clock,
        pool: Pool::of(1),
        orders: mpsc::channel(1).1,
        seat: Seat::take(&watch::Sender::new(Vec::new()), &name, S(30)),
    };
    Agent::begin(account, limits, edges).await.unwrap()
}

/// One turn. Gives what the pause after it is at least, and at most.
async fn turn(agent: &mut Agent<Stub>) -> (Duration, Duration) {
    let clock = agent.edges.clock.clone();
    let began = clock.monotonic();
    let turn = agent.turn(&|| false).await;
    let before = clock.monotonic();
    agent.after(turn, began).await;
    let next = agent.schedule.next();
    let least = next.saturating_sub(clock.monotonic());
    (least, next.saturating_sub(before))
}

/// From the seventh failure in a row on the pause has its full length, but for the jitter.
fn is_longest((least, most): (Duration, Duration)) -> bool {
    most >= S(150) && least <= S(300)
}

#[tokio::test]
async fn a_portal_that_is_down_at_its_form_too_is_left_in_peace_and_may_have_kept_the_session() {
    let (stub, dir) = (Stub::showing(DOWN, DOWN, ""), tempfile::tempdir().unwrap());
    let mut agent = agent(&stub, &dir).await;
    agent.has_signed_in();
    let mut asked_at = Vec::new();
    for number in 1..=40 {
        let pause = turn(&mut agent).await;
        assert!(number < 7 || is_longest(pause), "{number}: {pause:?}");
        if stub.far().forms as usize > asked_at.len() {
            asked_at.push(number);
        }
    }
    assert_eq!(asked_at, [10, 20, 30, 40]);
    let told = matches!(agent.waited_in, Some(State::Failing { person: true, .. }));
    assert!(told, "{:?}", agent.waited_in);
    assert!(agent.life.age(agent.edges.clock.monotonic()).is_some());
    assert!(agent.life.learned().ends.is_empty());
}

#[tokio::test]
async fn a_form_that_is_down_is_asked_for_with_growing_pauses() {
    let (stub, dir) = (Stub::showing(FORM, DOWN, ""), tempfile::tempdir().unwrap());
    let mut agent = agent(&stub, &dir).await;
    for number in 1..=12 {
        let (least, most) = turn(&mut agent).await;
        assert!(most >= S(30), "{number}: {most:?}");
        assert!(number > 1 || least <= S(30), "{least:?}");
        assert!(number < 7 || is_longest((least, most)), "{number}");
    }
    assert_eq!(stub.far().forms, 12);
    let outcome = Outcome::PortalDown;
    assert_eq!(agent.waited_in, Some(State::Refused { outcome }));
}

#[tokio::test]
async fn a_stopped_account_has_a_browser_only_where_a_person_signs_in_in_it() {
    for (answer, has_browser) in [(WRONG, false), (CODE, true)] {
        let (stub, dir) = (
            Stub::showing(FORM, FORM, answer),
            tempfile::tempdir().unwrap(),
        );
        let mut agent = agent(&stub, &dir).await;
        for _look in 0..2 {
            turn(&mut agent).await;
            let is_stopped = matches!(agent.waited_in, Some(State::Stopped(_)));
            assert!(is_stopped, "{:?}", agent.waited_in);
            assert_eq!(stub.far().has_browser, has_browser, "{answer}");
        }
        assert_eq!(stub.far().forms, 1);
    }
}

#[tokio::test]
async fn an_account_that_goes_on_waits_for_a_browser_between_two_turns() {
    let (stub, dir) = (
        Stub::showing(FORM, FORM, WRONG),
        tempfile::tempdir().unwrap(),
    );
    let mut agent = agent(&stub, &dir).await;
    turn(&mut agent).await;
    assert!(!agent.wants_place(), "stopped");
    set_password(&dir, "another one");
    let (least, _) = turn(&mut agent).await;
    assert_eq!(least, Duration::ZERO);
    assert!(agent.wants_place() && !stub.far().has_browser);
    // Once, not for ever.
    turn(&mut agent).await;
    assert!(stub.far().has_browser, "{:?}", agent.waited_in);
}
