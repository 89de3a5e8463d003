//! A portal of which the pages are kept for a recording, while somebody wants one.

use std::sync::Arc;

use secrecy::SecretString;

use super::{
    Credential, Days, Exported, Left, Page, Portal, PortalError, ScriptRequest, kept, pool,
};
use crate::login::budget::Stamp;
use crate::recording::Kind;
use crate::selectors;

/// Pages kept at once: a sign-in in two steps, and what a person may ask for of the table.
const MOST: usize = 32;

/// Gives what the portal gives.
#[derive(Debug)]
pub struct Taped<P> {
    portal: P,
    tape: Option<Tape>,
}

/// What the portal gave.
#[derive(Debug)]
pub enum Taken {
    /// A page.
    Page(Kind, Page),
    /// The export that was asked for from the page before, or from the one before an export.
    Export(Exported),
    /// What a script of the page before asked for.
    Script(ScriptRequest),
}

#[derive(Debug, Default)]
struct Tape {
    taken: Vec<Taken>,
    /// How many pages were given.
    pages: usize,
    /// The page of the last export.
    base: Option<Page>,
    /// Pages of the table too.
    tables: bool,
}

impl<P> Taped<P> {
    /// Keeps nothing yet.
    pub fn new(portal: P) -> Self {
        let tape = None;
        Self { portal, tape }
    }
}

impl<P: Portal> Taped<P> {
    /// Keeps the pages of a sign-in from now on.
    pub fn record_sign_in(&mut self) {
        self.tape = Some(Tape::default());
        self.portal.watch_scripts(true);
    }

    /// Keeps the pages of the table too from now on.
    pub fn record_tables(&mut self) {
        self.tape.get_or_insert_default().tables = true;
        self.portal.watch_scripts(true);
    }

    /// What was kept, in its order; keeps nothing any more.
    pub fn take(&mut self) -> Vec<Taken> {
        self.portal.watch_scripts(false);
        self.tape.take().unwrap_or_default().taken
    }

    async fn took(
        &mut self,
        is: Kind,
        page: Result<Page, PortalError>,
    ) -> Result<Page, PortalError> {
        if let (Some(tape), Ok(page)) = (&mut self.tape, &page)
            && (tape.tables || is != Kind::Table)
            && tape.pages < MOST
        {
            let exported = match is {
                Kind::Table => self.portal.exported(),
                _other => None,
            };
            // An export may be asked for by a script too: ours, in the page.
            let own = exported.map(|exported| exported.request.url.clone());
            tape.take(is, page, exported);
            let scripts = self.portal.script_requests().await.into_iter();
            let scripts = scripts.filter(|script| own.as_ref() != Some(&script.url));
            tape.taken.extend(scripts.map(Taken::Script));
        }
        page
    }
}

impl Tape {
    fn take(&mut self, is: Kind, page: &Page, exported: Option<&Exported>) {
        self.pages += 1;
        let Some(exported) = exported else {
            return self.taken.push(Taken::Page(is, page.clone()));
        };
        // The parts of one export are asked for from one page.
        let base = Some(&exported.page).filter(|page| self.base.as_ref() != Some(page));
        if let Some(base) = base.cloned() {
            self.taken.push(Taken::Page(Kind::Page, base.clone()));
            self.base = Some(base);
        }
        self.taken.push(Taken::Export(exported.clone()));
    }
}

impl<P: Portal> Portal for Taped<P> {
    async fn open(&mut self) -> Result<(), PortalError> {
        self.portal.open().await
    }

    async fn visit_sign_in(&mut self) -> Result<Page, PortalError> {
        let page = self.portal.visit_sign_in().await;
        self.took(Kind::SignIn, page).await
    }

    async fn submit(&mut self, credential: &Credential) -> Result<Page, PortalError> {
        let page = self.portal.submit(credential).await;
        self.took(Kind::Submitted, page).await
    }

    async fn submit_code(&mut self, code: &SecretString) -> Result<Page, PortalError> {
        let page = self.portal.submit_code(code).await;
        self.took(Kind::Page, page).await
    }

    async fn look(&mut self) -> Result<Page, PortalError> {
        self.portal.look().await
    }

    async fn first_page(&mut self, days: Days) -> Result<Page, PortalError> {
        let page = self.portal.first_page(days).await;
        self.took(Kind::Table, page).await
    }

    async fn next_page(&mut self) -> Result<Page, PortalError> {
        let page = self.portal.next_page().await;
        self.took(Kind::Table, page).await
    }

    fn unlock(&mut self, credential: &Credential) {
        self.portal.unlock(credential);
    }

    async fn keep(&mut self) {
        self.portal.keep().await;
    }

    fn forget(&mut self) {
        self.portal.forget();
    }

    fn begun(&mut self, at: &Stamp) {
        self.portal.begun(at);
    }

    fn brought_back(&self) -> Option<kept::Brought> {
        self.portal.brought_back()
    }

    async fn import(&mut self, session: kept::Kept) -> Result<(), kept::KeepError> {
        self.portal.import(session).await
    }

    async fn park(&mut self) {
        self.portal.park().await;
    }

    async fn heard(&mut self, is_table: bool) -> bool {
        self.portal.heard(is_table).await
    }

    async fn picture(&mut self, html: &str) -> Option<Vec<u8>> {
        self.portal.picture(html).await
    }

    fn exported(&self) -> Option<&Exported> {
        self.portal.exported()
    }

    fn watch_scripts(&mut self, on: bool) {
        self.portal.watch_scripts(on);
    }

    async fn script_requests(&mut self) -> Vec<ScriptRequest> {
        self.portal.script_requests().await
    }

    fn read_by(&mut self, selectors: &Arc<selectors::Portal>) {
        self.portal.read_by(selectors);
    }

    fn needs_place(&self) -> bool {
        self.portal.needs_place()
    }

    fn holds_place(&self) -> bool {
        self.portal.holds_place()
    }

    fn take_place(&mut self, place: pool::Place) {
        self.portal.take_place(place);
    }

    async fn close(&mut self) {
        self.portal.close().await;
    }

    async fn hand_over(&mut self) -> Left {
        self.portal.hand_over().await
    }
}
