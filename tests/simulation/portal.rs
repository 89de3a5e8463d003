//! The simulated portal behind a simulated browser: what the agent sees of the books, with faults in between.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use secrecy::ExposeSecret;
use tillwatch::clock::Stamp;
use tillwatch::clock::VirtualClock;
use tillwatch::portal::kept::{Begun, Brought, Cookie, KeepError, Kept, KeptFile, Key, Owner};
use tillwatch::portal::{Credential, Days, Page, Portal, PortalError};
use tokio::time::sleep;

use crate::books::{Answer, Books, HEADER, START};
use crate::crash::{Crash, Point};
use crate::dice::Dice;

/// What the far side is made of. Shared with the traffic and the oracle; locked for single calls only.
pub type Shared = Arc<Mutex<Books>>;

pub fn lock(books: &Shared) -> MutexGuard<'_, Books> {
    books.lock().expect("no panic while the books are open")
}

/// How often, in thousandths of a call, each fault comes.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    pub hang: u64,
    pub browser: u64,
    pub down: u64,
    pub stranger: u64,
    pub no_table: u64,
    pub bare: u64,
    pub slow: u64,
    pub expire: u64,
    pub crash_in_submit: u64,
}

/// Faults that really came, for the report.
#[derive(Debug, Clone, Copy, Default)]
pub struct Came {
    pub failed_loads: u64,
    pub strangers: u64,
    pub no_tables: u64,
    pub bare: u64,
    pub expired: u64,
    pub restored: u64,
}

/// What the far side's portal is made of, over all lives of the agent.
#[derive(Debug, Clone)]
pub struct Site {
    pub books: Shared,
    pub clock: VirtualClock,
    pub faults: Arc<Mutex<Faults>>,
    pub came: Arc<Mutex<Came>>,
    pub crash: Crash,
}

pub struct SimPortal {
    site: Site,
    dice: Dice,
    /// The browser, once there is one.
    browser: Option<Browser>,
    /// The real file: in the state directory, over crashes, encrypted with the password.
    kept: KeptFile,
    key: Option<Key>,
    begun: Option<Begun>,
    at: (Days, usize),
    /// Rows on the page served last as completed. The next call says that the page was read.
    served: Vec<usize>,
}

/// What ends with the process.
#[derive(Debug, Default)]
struct Browser {
    cookie: Option<u64>,
    /// Turns since the session was restored and not proved.
    unproved: Option<u32>,
    brought: Brought,
    is_kept: bool,
}

/// As the real one.
const MOST_UNPROVED: u32 = 5;
const LOGIN: &str = "<html><body><form id=login></form></body></html>";
const WELCOME: &str = "<html><body><div id=operator>AGENT</div></body></html>";
const STRANGER: &str = "<html><body><h1>Welcome to our new site</h1></body></html>";
const LIMIT: Duration = Duration::from_secs(60);

/// A page that is not the one asked for.
enum Odd {
    Stranger,
    /// Signed in, without the table.
    NoTable,
    /// The table with its header and nothing in it, and no word about it.
    Bare,
}

impl SimPortal {
    pub fn new(site: Site, dice: Dice, today: NaiveDate, state: &Path) -> Self {
        let today = Days {
            from: today,
            to: today,
        };
        let owner = Owner {
            account: "sim".to_owned(),
            number: "600123".to_owned(),
            user: "agent".to_owned(),
            origin: "https://sim.example".to_owned(),
        };
        Self {
            site,
            dice,
            browser: None,
            kept: KeptFile::new(&state.join("browser/sim"), owner),
            key: None,
            begun: None,
            at: (today, 0),
            served: Vec::new(),
        }
    }

    fn page(&self, html: impl Into<String>) -> Page {
        Page {
            url: "https://sim.example/page".parse().expect("a URL"),
            status: Some(200),
            html: html.into(),
            pause: None,
        }
    }

    fn odd(&self, odd: &Odd) -> Page {
        match odd {
            Odd::Stranger => self.page(STRANGER),
            Odd::NoTable => self.page(WELCOME),
            Odd::Bare => self.page(format!(
                "<html><body><div id=operator>AGENT</div><table id=t>{HEADER}</table></body></html>"
            )),
        }
    }

    fn came(&self, count: impl FnOnce(&mut Came)) {
        count(&mut self.site.came.lock().expect("counts"));
    }

    /// A load takes time and may fail in every way that a browser knows.
    async fn load(&mut self) -> Result<Option<Odd>, PortalError> {
        let faults = self.site.faults.lock().expect("faults").clone();
        let slow = self.dice.chance(faults.slow);
        let most = if slow { 45_000 } else { 400 };
        sleep(Duration::from_millis(self.dice.between(20, most))).await;
        // Not before time has passed: a crash within the commit of that page comes first.
        self.was_read();
        if self.dice.chance(faults.hang) {
            sleep(LIMIT).await;
            self.browser = None;
            self.came(|came| came.failed_loads += 1);
            return Err(PortalError::Hung {
                call: "goto",
                limit_ms: 60_000,
            });
        }
        if self.dice.chance(faults.browser) {
            self.browser = None;
            self.came(|came| came.failed_loads += 1);
            return Err(PortalError::BrowserLost {
                reason: "tab crashed".to_owned(),
            });
        }
        if self.dice.chance(faults.down) {
            self.came(|came| came.failed_loads += 1);
            return Err(PortalError::PortalDown {
                reason: "HTTP 502".to_owned(),
            });
        }
        if self.dice.chance(faults.expire) {
            self.came(|came| came.expired += 1);
            lock(&self.site.books).expire_session();
        }
        if self.dice.chance(faults.stranger) {
            self.came(|came| came.strangers += 1);
            return Ok(Some(Odd::Stranger));
        }
        if self.dice.chance(faults.no_table) {
            self.came(|came| came.no_tables += 1);
            return Ok(Some(Odd::NoTable));
        }
        if self.dice.chance(faults.bare) {
            if self.dice.chance(500) {
                let lasts =
                    (self.dice).log_between(Duration::from_secs(20), Duration::from_secs(1800));
                lock(&self.site.books).bare_until = self.site.clock.elapsed() + lasts;
            }
            self.came(|came| came.bare += 1);
            return Ok(Some(Odd::Bare));
        }
        Ok(None)
    }

    /// Whoever asks for another page has read the one before.
    fn was_read(&mut self) {
        let mut books = lock(&self.site.books);
        for index in self.served.drain(..) {
            books.rows[index].read = true;
        }
    }

    async fn statement(&mut self) -> Result<Page, PortalError> {
        if let Some(odd) = self.load().await? {
            return Ok(self.odd(&odd));
        }
        let now = self.site.clock.elapsed();
        let (days, number) = self.at;
        let mut books = lock(&self.site.books);
        if !books.alive(self.browser.as_ref().and_then(|it| it.cookie), now) {
            return Ok(self.page(LOGIN));
        }
        let broken = self.site.faults.lock().expect("faults").bare > 0;
        if broken && now < books.bare_until {
            drop(books);
            self.came(|came| came.bare += 1);
            return Ok(self.odd(&Odd::Bare));
        }
        let after = days.to.succ_opt().expect("a day");
        let (from, to) = (midnight(days.from), midnight(after));
        let html = books.page(number, from, to, &mut self.served);
        Ok(self.page(html))
    }
}

/// Seconds of true time at which a day begins in Nairobi.
fn midnight(day: NaiveDate) -> u64 {
    let local = day.and_time(chrono::NaiveTime::MIN) - TimeDelta::hours(3);
    u64::try_from(local.and_utc().timestamp() - START).unwrap_or(0)
}

impl Portal for SimPortal {
    async fn open(&mut self) -> Result<(), PortalError> {
        if let Some(Browser {
            unproved: Some(turns),
            ..
        }) = &mut self.browser
        {
            *turns += 1;
            if *turns > MOST_UNPROVED {
                self.kept.forget();
                self.browser = None;
            }
        }
        if self.browser.is_none() {
            let kept = self.key.as_ref().and_then(|key| self.kept.load(key));
            let cookie = kept.as_ref().and_then(restored);
            let brought = kept.map(|kept| kept.brought()).unwrap_or_default();
            self.begun.clone_from(&brought.begun);
            self.came(|came| came.restored += u64::from(cookie.is_some()));
            self.browser = Some(Browser {
                cookie,
                unproved: cookie.map(|_| 0),
                brought,
                is_kept: false,
            });
        }
        Ok(())
    }

    async fn visit_sign_in(&mut self) -> Result<Page, PortalError> {
        match self.load().await? {
            Some(odd) => Ok(self.odd(&odd)),
            None => Ok(self.page(LOGIN)),
        }
    }

    async fn submit(&mut self, credential: &Credential) -> Result<Page, PortalError> {
        self.forget();
        self.unlock(credential);
        let crash = {
            let faults = self.site.faults.lock().expect("faults");
            self.dice.chance(faults.crash_in_submit)
        };
        sleep(Duration::from_millis(self.dice.between(1, 300))).await;
        let now = self.site.clock.elapsed();
        let (answer, lost_before) = {
            let mut books = lock(&self.site.books);
            let answer = books.sign_in(credential.password.expose_secret(), now);
            (answer, books.wrong.len() > 1)
        };
        // Nobody can know of an answer that was lost, and a third wrong password locks: one is lost at most.
        let wrong = answer == Answer::WrongPassword;
        if crash && !(wrong && lost_before) {
            self.site.crash.now(Point::Submit).await;
        }
        if let Answer::Welcome(cookie) = answer {
            let browser = self.browser.get_or_insert_default();
            browser.cookie = Some(cookie);
        }
        if !(wrong && lost_before)
            && let Some(odd) = self.load().await?
        {
            return Ok(match answer {
                Answer::Welcome(_) => self.odd(&odd),
                Answer::WrongPassword | Answer::TooMany | Answer::Locked => self.page(STRANGER),
            });
        }
        if wrong && let Some(wrong) = lock(&self.site.books).wrong.last_mut() {
            wrong.told = Some(self.site.clock.elapsed());
        }
        Ok(self.page(match answer {
            Answer::Welcome(_) => WELCOME,
            Answer::WrongPassword => {
                "<html><body><p class=wrong>Wrong password</p><form id=login></form></body></html>"
            }
            Answer::TooMany => "<html><body><p class=many>Too many logins</p></body></html>",
            Answer::Locked => "<html><body><p class=locked>User locked</p></body></html>",
        }))
    }

    async fn submit_code(&mut self, _code: &secrecy::SecretString) -> Result<Page, PortalError> {
        Err(PortalError::PortalDown {
            reason: "it asks for no code".to_owned(),
        })
    }

    async fn look(&mut self) -> Result<Page, PortalError> {
        Err(PortalError::PortalDown {
            reason: "nobody signs in by hand".to_owned(),
        })
    }

    async fn first_page(&mut self, days: Days) -> Result<Page, PortalError> {
        self.at = (days, 0);
        self.statement().await
    }

    async fn next_page(&mut self) -> Result<Page, PortalError> {
        self.at.1 += 1;
        self.statement().await
    }

    fn unlock(&mut self, credential: &Credential) {
        self.key = Some(Key::of(&credential.password));
    }

    async fn keep(&mut self) {
        let (Some(browser), Some(key)) = (&mut self.browser, &self.key) else {
            return;
        };
        browser.unproved = None;
        if let Some(cookie) = browser.cookie.filter(|_| !browser.is_kept) {
            let kept = Kept {
                cookies: vec![as_cookie(cookie)],
                begun: self.begun.clone(),
                ..Kept::default()
            };
            self.kept.save(key, &kept).expect("written");
            browser.is_kept = true;
        }
    }

    fn forget(&mut self) {
        if let Some(browser) = &mut self.browser {
            (browser.unproved, browser.is_kept) = (None, false);
        }
        self.begun = None;
        self.kept.forget();
    }

    fn begun(&mut self, at: &Stamp) {
        self.begun = Some(Begun::at(at));
    }

    fn brought_back(&self) -> Option<Brought> {
        let browser = self.browser.as_ref()?;
        browser.unproved.map(|_| browser.brought.clone())
    }

    async fn import(&mut self, session: Kept) -> Result<(), KeepError> {
        let key = self.key.as_ref().ok_or(KeepError::NoKey)?;
        self.kept.save(key, &session)?;
        self.browser = None;
        Ok(())
    }

    async fn park(&mut self) {
        self.browser = None;
    }

    async fn close(&mut self) {
        self.browser = None;
        self.kept.forget();
    }
}

fn restored(kept: &Kept) -> Option<u64> {
    Some(kept.cookies.first()?.value.parse().expect("one of ours"))
}

fn as_cookie(number: u64) -> Cookie {
    Cookie {
        name: "sid".to_owned(),
        value: number.to_string(),
        domain: "sim.example".to_owned(),
        path: "/".to_owned(),
        secure: true,
        http_only: true,
        expires: None,
        same_site: None,
    }
}
