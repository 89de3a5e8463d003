//! A recording of the account's own pages, asked for while it runs: its next sign-in, if there is one, and a few pages of the
//! table, with stand-ins for everybody's data. No page is kept as it was, and no login is spent for it that the account would not
//! have spent.

use std::time::Duration;

use chrono::SubsecRound;
use tokio::sync::oneshot;
use url::Url;

use super::{Agent, Turn, TurnError};
use crate::control::{Answer, MAX_RECORDED};
use crate::evidence;
use crate::portal::{Page, Portal, Taken};
use crate::reading::ReadError;
use crate::recording::{Kind, Made, Making, NotMade, Step};
use crate::session::Stand;
use crate::status::State;
use crate::understand::{self, Understood};

/// The pause between two sign-ins is waited for; the rest of a budget that is used up is not.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was asked for, and who waits for it.
pub(super) struct Wanted {
    pages: u16,
    answer: oneshot::Sender<Answer>,
}

/// Is it worth waiting for? Not where nobody does any more.
fn is_soon(turn: &Result<Turn, TurnError>, wanted: &Wanted) -> bool {
    let Ok(Turn::Wait(wait, State::WaitsForLogin { .. })) = turn else {
        return false;
    };
    *wait <= PATIENCE && !wanted.answer.is_closed()
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
enum NotRecorded {
    #[error("{0}")]
    Waits(String),
    #[error("the agent is stopping")]
    Stopping,
    #[error("{0}")]
    Turn(String),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("a page is none that can be recorded: {0}")]
    Page(#[from] NotMade),
    #[error("it cannot be written below the state directory: {0}")]
    Io(#[from] std::io::Error),
    #[error("no random key could be had: {0}")]
    Key(getrandom::Error),
}

impl<P: Portal> Agent<P> {
    /// The next turn is recorded, and comes at once.
    pub fn record_next(&mut self, pages: u16, answer: oneshot::Sender<Answer>) {
        let name = &self.account.about.name;
        let left = (self.schedule.next()).saturating_sub(self.edges.clock.monotonic());
        let for_login = matches!(self.waited_in, Some(State::WaitsForLogin { .. }));
        let soon = if for_login { PATIENCE } else { Duration::ZERO };
        let refused = if self.stand == Stand::Paused {
            Some(format!("{name} is paused: `tillwatch resume {name}` first"))
        } else if self.quiet_left().is_some() {
            Some(format!("{name} has its quiet hours: ask again after them"))
        } else if let Some(state) = self.waited_in.as_ref().filter(|_| left > soon) {
            // No pause is cut short for it: that could cost a login, or somebody else's session.
            let word = state.word();
            Some(format!(
                "{name} is left alone for now ({word}): see `tillwatch status`, and ask again"
            ))
        } else {
            None
        };
        if let Some(why) = refused {
            let _gone = answer.send(Answer::Refused(why));
            return;
        }
        let pages = pages.clamp(1, MAX_RECORDED);
        self.wanted = Some(Wanted { pages, answer });
        self.edges.portal.record_sign_in();
        if !for_login {
            self.schedule.wake_at(self.edges.clock.monotonic());
        }
    }

    /// Whoever waits for a recording gets none.
    pub(super) fn say_not_recorded(&mut self, why: &str) {
        self.edges.portal.take();
        if let Some(Wanted { answer, .. }) = self.wanted.take() {
            let name = &self.account.about.name;
            let _gone = answer.send(Answer::Refused(format!("{name} is not recorded: {why}")));
        }
    }

    /// After a turn: the recording that somebody waits for, or why there is none.
    pub(super) async fn then_record(&mut self, turn: &Result<Turn, TurnError>) {
        let Some(wanted) = self.wanted.take_if(|wanted| !is_soon(turn, wanted)) else {
            return;
        };
        let Wanted { pages, answer } = wanted;
        let made = match turn {
            _ if answer.is_closed() => Err(NotRecorded::Stopping),
            Ok(Turn::Read(_)) => self.recording(pages).await,
            Ok(Turn::Wait(_, state)) => Err(NotRecorded::Waits(match state.why() {
                Some(why) => format!("{}: {why}", state.word()),
                None => state.word().to_owned(),
            })),
            Ok(Turn::Stopping) => Err(NotRecorded::Stopping),
            Err(error) => Err(NotRecorded::Turn(error.to_string())),
        };
        self.edges.portal.take();
        let name = &self.account.about.name;
        let said =
            made.unwrap_or_else(|why| Answer::Refused(format!("{name} is not recorded: {why}")));
        // Whoever asked may have gone away meanwhile; so everywhere here.
        let _gone = answer.send(said);
    }

    async fn recording(&mut self, pages: u16) -> Result<Answer, NotRecorded> {
        self.edges.portal.record_tables();
        self.show_pages(pages).await?;
        let taken = self.edges.portal.take();
        let (portal, now) = (self.account.selectors.clone(), self.edges.clock.now());
        let number = self.account.about.operator.number.clone();
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(NotRecorded::Key)?;
        let made = tokio::task::spawn_blocking(move || {
            let mut making = Making::new(&portal, key, now.trunc_subsecs(0), &number);
            for answer in taken {
                take(&mut making, answer)?;
            }
            Ok::<Made, NotMade>(making.made())
        });
        let Made { files, steps, told } = match made.await {
            Ok(made) => made?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let mut kept = Vec::new();
        for (name, text) in files {
            if let Some(stem) = name.strip_suffix(".html")
                && let Some(picture) = self.edges.portal.picture(&text).await
            {
                kept.push((format!("{stem}.png"), picture));
            }
            kept.push((name, text.into_bytes()));
        }
        let (state, name) = (self.edges.store.dir(), self.account.about.name.clone());
        let dir = evidence::keep_recording(state, &name, now, kept).await?;
        let account = name.as_str();
        tracing::info!(account, steps, dir = %dir.display(), "recorded");
        Ok(Answer::Recorded { dir, steps, told })
    }

    /// Loads pages of the table as a reading does.
    async fn show_pages(&mut self, pages: u16) -> Result<(), ReadError> {
        let began = self.edges.clock.monotonic();
        let shown = self.pages_shown(pages).await;
        self.book(began, shown.as_ref().err());
        shown
    }

    async fn pages_shown(&mut self, pages: u16) -> Result<(), ReadError> {
        let days = self.plan().days;
        let mut page = self.edges.portal.first_page(days).await?;
        for number in 1.. {
            let has_next = self.has_next(page).await?;
            if !has_next || number >= pages {
                break;
            }
            page = self.edges.portal.next_page().await?;
        }
        Ok(())
    }

    async fn has_next(&self, page: Page) -> Result<bool, ReadError> {
        let (portal, account) = (self.account.selectors.clone(), self.account.about.clone());
        let now = self.edges.clock.now();
        let read = tokio::task::spawn_blocking(move || {
            understand::table_page(&portal, &account, &page.html, now)
        });
        match read.await {
            Ok(Ok(Understood::Table(table))) => Ok(table.has_next),
            Ok(Ok(Understood::Not(session))) => Err(ReadError::Session(session)),
            Ok(Err(error)) => Err(error.into()),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

fn take(making: &mut Making<'_>, answer: Taken) -> Result<(), NotMade> {
    match answer {
        Taken::Page(is, page) => {
            let at = Some(making.address(&at(&page.url)));
            let step = Step {
                at,
                ..Step::page(is, String::new())
            };
            making.page(&page.html, Some(step), Some(is))
        }
        Taken::Export(exported) => {
            let request = exported.request;
            let at = Some(making.address(&at(&request.url)));
            let method = request.form.map_or("GET", |_| "POST").to_owned();
            let step = Step {
                at,
                method,
                ..Step::page(Kind::Download, String::new())
            };
            making.download(step, &exported.bytes)
        }
        // A recording has no other methods.
        Taken::Script(request) if !matches!(&*request.method, "GET" | "POST") => Ok(()),
        Taken::Script(request) => {
            // The query of what is sent may be what somebody typed, however short.
            let address = match &*request.method {
                "POST" => request.url.path().to_owned(),
                _get => at(&request.url),
            };
            let step = Step {
                at: Some(making.address(&address)),
                method: request.method,
                status: request.status,
                ..Step::page(Kind::Request, String::new())
            };
            making.json(step, &request.json);
            Ok(())
        }
    }
}

fn at(url: &Url) -> String {
    url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
}
