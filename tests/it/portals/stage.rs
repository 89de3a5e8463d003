//! A demo portal, its selector file, and a browser.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::Days as ChronoDays;
use tempfile::TempDir;
use tillwatch::clock::Clock;
use tillwatch::demo::guest::tls::Tls;
use tillwatch::demo::guest::{self, Channel, GuestPortal, Which};
use tillwatch::event::AccountRef;
use tillwatch::payment::{AccountName, OperatorAccount};
use tillwatch::portal::webdriver::{Route, Settings, WebDriverPortal};
use tillwatch::portal::{Credential, Days, Page, Portal as _};
use tillwatch::selectors::{self, Origin, Portal};
use tillwatch::understand::{self, Session, Understood};
use tokio::net::TcpListener;
use tokio::sync::SemaphorePermit;

use crate::webdriver::fixture::{BROWSERS, loads, local, owner};

/// A portal, and a browser in front of it.
pub struct Stage {
    pub portal: GuestPortal,
    pub selectors: Portal,
    pub state: TempDir,
    _place: SemaphorePermit<'static>,
}

impl Stage {
    pub async fn new(which: Which) -> Self {
        Self::with(which, None).await
    }

    pub async fn with(which: Which, tls: Option<&Tls>) -> Self {
        let place = BROWSERS.acquire().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let clock = Clock::System;
        let portal = guest::start(which, Arc::new(move || clock.now()), listener, tls).unwrap();
        let name = which.as_str();
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("selectors/{name}.toml"));
        let text = fs::read_to_string(&file).unwrap();
        let mut selectors = selectors::file::parse(name, name, &text)
            .map_err(|found| found.to_string())
            .unwrap();
        selectors.origin = Origin::parse(&portal.origin()).unwrap();
        Self {
            portal,
            selectors,
            state: tempfile::tempdir().unwrap(),
            _place: place,
        }
    }

    pub fn control(&self) -> &Channel {
        self.portal.control()
    }

    pub fn settings(&self) -> Settings {
        Settings {
            webdriver: local(),
            call_timeout: Duration::from_secs(20),
            page_timeout: Duration::from_secs(10),
            state: self.state.path().join("browser"),
            selectors: Arc::new(self.selectors.clone()),
            route: Route::default(),
            headed: false,
            owner: owner(&self.portal.origin()),
            session_key: None,
            pool: tillwatch::portal::pool::Pool::of(1),
            clock: Clock::System,
            max_age: Duration::MAX,
            max_memory: u64::MAX,
            loads: loads(self.state.path()),
        }
    }

    pub async fn open(&self) -> WebDriverPortal {
        self.open_by(Route::default()).await
    }

    pub async fn open_by(&self, route: Route) -> WebDriverPortal {
        let mut browser = WebDriverPortal::new(Settings {
            route,
            ..self.settings()
        });
        browser.open().await.unwrap();
        browser
    }

    pub fn credential(&self) -> Credential {
        let knobs = self.control().knobs();
        Credential {
            number: knobs.number,
            user: knobs.user,
            password: knobs.password.into(),
        }
    }

    /// Visits the form and submits it; what the page after it says.
    pub async fn sign_in(&self, browser: &mut WebDriverPortal) -> Session {
        let form = browser.visit_sign_in().await.unwrap();
        assert_eq!(self.says(&form), Session::SignedOut);
        let page = browser.submit(&self.credential()).await.unwrap();
        self.says(&page)
    }

    pub fn says(&self, page: &Page) -> Session {
        understand::sign_in_page(&self.selectors, &page.html).unwrap()
    }

    /// References of all pages of the table, in its order, kinds behind them.
    pub async fn read(&self, browser: &mut WebDriverPortal) -> Vec<String> {
        let mut page = browser.first_page(days()).await.unwrap();
        let mut found = Vec::new();
        loop {
            let account = self.account();
            let understood =
                understand::table_page(&self.selectors, &account, &page.html, Clock::System.now());
            let table = match understood.unwrap() {
                Understood::Table(table) => table,
                Understood::Not(session) => panic!("{session:?}"),
            };
            for row in &table.rows {
                let payment = &row.meaning.as_ref().unwrap().payment;
                let kind = payment.kind.map_or("", |kind| kind.as_str());
                found.push(format!("{} {kind}", payment.reference.as_ref().unwrap()));
            }
            if !table.has_next {
                if let Some(count) = table.portal_count {
                    assert_eq!(count, found.len() as u64);
                }
                return found;
            }
            page = browser.next_page().await.unwrap();
        }
    }

    /// What the portal itself says that `read` should give, in no order.
    pub fn shown(&self, id: impl Fn(usize, &str) -> String) -> Vec<String> {
        let rows = self.control().truth().rows;
        let shown = rows.iter().enumerate().map(|(number, row)| {
            let kind = match row.kind {
                tillwatch::demo::portal::RowKind::Charge => "charge",
                tillwatch::demo::portal::RowKind::Reversal => "reversal",
                _ => "",
            };
            format!("{} {kind}", id(number, &row.receipt))
        });
        sorted(shown.collect())
    }

    pub fn account(&self) -> AccountRef {
        AccountRef {
            name: AccountName::new("main").unwrap(),
            portal: self.selectors.name.clone(),
            operator: OperatorAccount {
                operator: self.selectors.operator.clone(),
                number: "600456".to_owned(),
            },
            account_key: self.selectors.account_key.clone(),
            selector_format: format!("{}@1", self.selectors.name),
        }
    }
}

/// Every day that a history may reach.
pub fn days() -> Days {
    let today = Clock::System.now().date_naive();
    Days {
        from: today - ChronoDays::new(30),
        to: today + ChronoDays::new(1),
    }
}

pub fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}
