//! The sign-in: what is cleared before it, the form, and the page that has the verdict.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::WebDriverPortal;
use super::browser::Browser;
use super::evidence;
use super::form::StepError;
use super::settle::{Until, look};
use super::steps::{Script, Walked};
use crate::portal::{Credential, Page, PortalError};
use crate::selectors::{Step, Value};
use crate::understand::Session;

/// How long a step of `sign_in.clear` waits for its element on a page that is loaded: mostly nothing is to be cleared.
const CLEAR_LIMIT: Duration = Duration::from_secs(5);

impl WebDriverPortal {
    /// Takes `sign_in.steps` and gives the page that has the verdict.
    pub(super) async fn take_steps(&mut self, credential: &Credential) -> Result<Page, StepError> {
        let (settings, browser) = self.browser()?;
        let (portal, limit) = (&settings.selectors, settings.page_timeout);
        let text = |value| match value {
            Value::Number => credential.number.as_str(),
            Value::User => credential.user.as_str(),
            Value::Password => credential.password.expose_secret(),
            // Only in the table's steps, says the file's reader.
            Value::From | Value::To => "",
            // On the page after this one only.
            Value::Otp => "",
        };
        let script = Script {
            steps: &portal.sign_in.steps,
            key: "sign_in.steps",
            portal,
            limit,
            text: &text,
        };
        let page = browser.verdict(&script).await?;
        Ok(evidence::keep(&settings.state, portal, page).await)
    }

    /// Takes `sign_in.otp.steps` on the page that asks for a code, and gives the page that follows.
    pub(super) async fn type_code(&mut self, code: &SecretString) -> Result<Page, StepError> {
        let (settings, browser) = self.browser()?;
        let (portal, limit) = (&settings.selectors, settings.page_timeout);
        let script = Script {
            steps: &portal.sign_in.otp,
            key: "sign_in.otp.steps",
            portal,
            limit,
            text: &|_| code.expose_secret(),
        };
        let page = browser.verdict(&script).await?;
        Ok(evidence::keep(&settings.state, portal, page).await)
    }

    /// Ends what an earlier run left at the portal, as the file says. What is not there needs no end.
    async fn clear(&mut self) -> Result<(), StepError> {
        let (settings, browser) = self.browser()?;
        let portal = &settings.selectors;
        if portal.sign_in.clear.is_empty() {
            return Ok(());
        }
        let script = Script {
            steps: &portal.sign_in.clear,
            key: "sign_in.clear",
            portal,
            limit: settings.page_timeout.min(CLEAR_LIMIT),
            text: &|_| "",
        };
        match browser.walk(&script).await {
            Ok(Walked::Through) => tracing::info!("a session that was left open was ended"),
            Ok(Walked::Missing { error, .. }) => {
                tracing::debug!("no session was left open: {error}");
            }
            Err(StepError::Portal(
                error @ (PortalError::PortalDown { .. } | PortalError::Busy { .. }),
            )) => {
                tracing::info!("what may be left of an earlier session was not ended: {error}");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The page with the form, once nothing is left of an earlier session.
    pub(super) async fn sign_in_page(&mut self) -> Result<Page, StepError> {
        self.settings.loads.reserve(self.sign_in_loads()).await?;
        self.clear().await?;
        let portal = &self.settings.selectors;
        let url = portal.origin.join(&portal.sign_in.path);
        let page = self.load(url).await?;
        let settings = &self.settings;
        Ok(evidence::keep(&settings.state, &settings.selectors, page).await)
    }
}

impl WebDriverPortal {
    /// Pages from the form to the first of the table: a code grows old, and a form too, while others wait for the hour.
    fn sign_in_loads(&self) -> u32 {
        let sign_in = &self.settings.selectors.sign_in;
        let steps = sign_in
            .clear
            .iter()
            .chain(&sign_in.steps)
            .chain(&sign_in.otp);
        let loads = steps.filter(|step| step.sends() || matches!(step, Step::Visit { .. }));
        u32::try_from(loads.count())
            .unwrap_or(u32::MAX)
            .saturating_add(2)
    }
}

impl Browser {
    /// Takes the steps of a form and gives the page that has the verdict.
    pub(super) async fn verdict(&mut self, script: &Script<'_>) -> Result<Page, StepError> {
        let (portal, limit) = (script.portal, script.limit);
        // A page that changes in place shows its form, or its last answer, until it has another.
        let before = if portal.marks.by_script {
            let page = self.read_again(limit, portal).await?;
            look(portal, page).await.1.session
        } else {
            Session::SignedOut
        };
        (self.stands, self.looked_at) = (false, None);
        let waits_last = matches!(script.steps.last(), Some(Step::Wait { .. }));
        let page = match self.walk(script).await? {
            Walked::Missing { error, sent: false } => return Err(StepError::Portal(error)),
            // After a click the portal may take another way, to a refusal say: that page has the verdict.
            Walked::Missing { sent: true, .. } => self.read_again(limit, portal).await?,
            Walked::Through if waits_last || portal.marks.by_script => {
                self.read_again(limit, portal).await?
            }
            Walked::Through => match self.next_document(limit, portal).await? {
                Some(document) => self.take(document, portal)?,
                // A portal that answers in place, by script: the page as it stands has the verdict, if any.
                None => self.read_again(limit, portal).await?,
            },
        };
        self.settle(page, Until::Verdict { before }, portal, limit)
            .await
    }
}
