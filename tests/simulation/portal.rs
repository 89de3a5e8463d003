//! The simulated portal behind a simulated browser: what the agent sees of the books, with faults in between.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::NaiveDate;
use secrecy::ExposeSecret;
use tillwatch::clock::Stamp;
use tillwatch::clock::VirtualClock;
use tillwatch::page_loads::PageLoads;
use tillwatch::portal::kept::{Begun, Brought, Cookie, KeepError, Kept, KeptFile, Key, Owner};
use tillwatch::portal::{Credential, Days, Page, Portal, PortalError};
use tokio::time::sleep;

use crate::books::Books;
use crate::crash::Crash;
use crate::dice::Dice;
use crate::faults::{CAPTCHA, Came, ELSEWHERE, Faults, LOGIN, Odd, WELCOME, page};
use crate::sessions::{Cause, Standing, Visitor};

mod form;

/// What the far side is made of. Shared with the traffic and the oracle; locked for single calls only.
pub type Shared = Arc<Mutex<Books>>;

pub fn lock(books: &Shared) -> MutexGuard<'_, Books> {
    books.lock().expect("no panic while the books are open")
}

/// What the far side's portal is made of, over all lives of the agent.
#[derive(Debug, Clone)]
pub struct Site {
    pub books: Shared,
    pub clock: VirtualClock,
    pub faults: Arc<Mutex<Faults>>,
    pub came: Arc<Mutex<Came>>,
    pub crash: Crash,
    /// A link so slow that every page takes this long.
    pub page_takes: Option<Duration>,
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
    loads: PageLoads,
    /// How the browser before this one was lost.
    gone: Cause,
    /// The session that a page of the statement, given last, has shown to live.
    shown: Option<u64>,
    /// The session that was kept last.
    keeps: Option<u64>,
}

/// What ends with the process.
#[derive(Debug)]
struct Browser {
    number: u64,
    cookie: Option<u64>,
    /// Turns since the session was restored and not proved, and when it was.
    unproved: Option<(u32, Duration)>,
    brought: Brought,
    is_kept: bool,
    /// A captcha stands in it.
    captcha: bool,
}

/// As the real one.
const MOST_UNPROVED: u32 = 5;
const UNPROVED_FOR: Duration = Duration::from_secs(15 * 60);
const LIMIT: Duration = Duration::from_secs(60);

impl SimPortal {
    pub fn new(site: Site, dice: Dice, today: NaiveDate, state: &Path, loads: PageLoads) -> Self {
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
            loads,
            gone: Cause::Restart,
            shown: None,
            keeps: None,
        }
    }

    fn visitor(&self) -> Visitor {
        Visitor {
            cookie: self.browser.as_ref().and_then(|it| it.cookie),
            browser: self.browser.as_ref().map_or(0, |it| it.number),
            gone: self.gone,
        }
    }

    fn lose_browser(&mut self) {
        (self.browser, self.gone, self.shown) = (None, Cause::Browser, None);
        self.came(|came| came.failed_loads += 1);
    }

    fn now(&self) -> Duration {
        self.site.clock.elapsed()
    }

    fn disturbed(&self) {
        lock(&self.site.books).sessions.disturb(self.now());
    }

    /// A page is asked for: not before the hour has one left.
    async fn ask(&mut self) -> Result<(), PortalError> {
        let asked = self.now();
        self.loads.take().await?;
        if self.now() > asked {
            lock(&self.site.books).sessions.disturb(asked);
            self.disturbed();
            self.came(|came| came.slowed += 1);
        }
        lock(&self.site.books).load(self.now());
        Ok(())
    }

    fn came(&self, count: impl FnOnce(&mut Came)) {
        count(&mut self.site.came.lock().expect("counts"));
    }

    /// A load takes time and may fail in every way that a browser knows.
    async fn load(&mut self) -> Result<Option<Odd>, PortalError> {
        self.ask().await?;
        let faults = self.site.faults.lock().expect("faults").clone();
        let slow = self.dice.chance(faults.slow);
        let most = if slow { 45_000 } else { 400 };
        if slow {
            self.disturbed();
        }
        let drawn = Duration::from_millis(self.dice.between(20, most));
        sleep(self.site.page_takes.unwrap_or(drawn)).await;
        // Not before time has passed: a crash within the commit of that page comes first.
        self.was_read();
        if let Some(browser) = &mut self.browser
            && std::mem::take(&mut browser.captcha)
        {
            lock(&self.site.books).captcha_in = None;
        }
        let fault = self.fault(&faults).await;
        if !matches!(fault, Ok(None)) {
            self.shown = None;
            self.disturbed();
        }
        fault
    }

    async fn fault(&mut self, faults: &Faults) -> Result<Option<Odd>, PortalError> {
        if self.dice.chance(faults.hang) {
            self.disturbed();
            sleep(LIMIT).await;
            self.lose_browser();
            return Err(PortalError::Hung {
                call: "goto",
                limit_ms: 60_000,
            });
        }
        if self.dice.chance(faults.browser) {
            self.lose_browser();
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
            lock(&self.site.books)
                .sessions
                .end(Cause::Dropped, self.now());
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
        if let Some(cookie) = self.keeps.take() {
            books.sessions.keeps(Some(cookie), true);
        }
    }

    async fn statement(&mut self) -> Result<Page, PortalError> {
        if let Some(odd) = self.load().await? {
            return Ok(odd.page());
        }
        let now = self.now();
        let (days, number) = self.at;
        let visitor = self.visitor();
        let mut books = lock(&self.site.books);
        match books.visit(&visitor, now) {
            Standing::In => {}
            Standing::Out => return Ok(page(LOGIN)),
            Standing::Elsewhere => return Ok(page(ELSEWHERE)),
        }
        let broken = self.site.faults.lock().expect("faults").bare > 0;
        if broken && now < books.bare_until {
            books.sessions.disturb(now);
            drop(books);
            self.shown = None;
            self.came(|came| came.bare += 1);
            return Ok(Odd::Bare.page());
        }
        self.shown = visitor.cookie;
        let after = days.to.succ_opt().expect("a day");
        let calendar = books.rules.calendar;
        let first = if books.rules.today_only {
            days.to
        } else {
            days.from
        };
        let (from, to) = (calendar.begins(first), calendar.begins(after));
        let html = books.page(number, from, to, &mut self.served);
        Ok(page(html))
    }

    /// The agent lets go of its browser and of what it kept: what of that was worth keeping?
    fn thrown_away(&mut self) {
        let (now, visitor) = (self.now(), self.visitor());
        let mut books = lock(&self.site.books);
        books.forgotten(&visitor, now);
        if self.browser.as_ref().is_some_and(|browser| browser.captcha) {
            let finished = books.solved.take().is_some();
            books.sessions.thrown_away += u64::from(finished);
            books.captcha_in = None;
        }
    }

    /// Deletes what is kept.
    fn drop_kept(&mut self) {
        if let Some(browser) = &mut self.browser {
            (browser.unproved, browser.is_kept) = (None, false);
        }
        self.kept.forget();
    }
}

impl Portal for SimPortal {
    async fn open(&mut self) -> Result<(), PortalError> {
        let now = self.site.clock.elapsed();
        if let Some(Browser {
            unproved: Some((turns, since)),
            cookie,
            ..
        }) = &mut self.browser
        {
            *turns += 1;
            if *turns > MOST_UNPROVED && now - *since >= UNPROVED_FOR {
                lock(&self.site.books).sessions.keeps(*cookie, false);
                self.kept.forget();
                (self.browser, self.gone) = (None, Cause::Unproved);
            }
        }
        if self.browser.is_none() {
            let kept = self.key.as_ref().and_then(|key| self.kept.load(key));
            let cookie = kept.as_ref().and_then(restored);
            let brought = kept.map(|kept| kept.brought()).unwrap_or_default();
            self.begun.clone_from(&brought.begun);
            self.came(|came| came.restored += u64::from(cookie.is_some()));
            let mut books = lock(&self.site.books);
            books.sessions.browsers += 1;
            self.browser = Some(Browser {
                number: books.sessions.browsers,
                cookie,
                unproved: cookie.map(|_| (0, now)),
                brought,
                is_kept: false,
                captcha: false,
            });
        }
        Ok(())
    }

    async fn visit_sign_in(&mut self) -> Result<Page, PortalError> {
        match self.load().await? {
            Some(odd) => Ok(odd.page()),
            None if self.form_is_closed() => Ok(page(ELSEWHERE)),
            None => {
                lock(&self.site.books).show_form();
                Ok(page(LOGIN))
            }
        }
    }

    async fn submit(&mut self, credential: &Credential) -> Result<Page, PortalError> {
        self.send_form(credential).await
    }

    async fn submit_code(&mut self, code: &secrecy::SecretString) -> Result<Page, PortalError> {
        self.send_code(code.expose_secret()).await
    }

    async fn look(&mut self) -> Result<Page, PortalError> {
        let Some(browser) = self.browser.as_mut().filter(|browser| browser.captcha) else {
            return Err(PortalError::PortalDown {
                reason: "nobody signs in by hand".to_owned(),
            });
        };
        if let Some(cookie) = lock(&self.site.books).solved.take() {
            (browser.cookie, browser.captcha) = (Some(cookie), false);
            self.came(|came| came.solved += 1);
            return Ok(page(WELCOME));
        }
        Ok(page(CAPTCHA))
    }

    async fn first_page(&mut self, days: Days) -> Result<Page, PortalError> {
        let references = lock(&self.site.books).rules.references;
        // The reading before ended well: its session was there to be kept. Without references it may still go on.
        self.keeps = self.keeps.or(self.shown.filter(|_| references));
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
            self.keeps = Some(cookie);
        }
    }

    fn forget(&mut self) {
        self.thrown_away();
        self.begun = None;
        self.drop_kept();
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
        self.thrown_away();
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
