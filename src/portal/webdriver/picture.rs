//! A picture of a page that is not the portal's: in a tab of its own, which loads nothing, beside the portal's page.

use fantoccini::wd::WindowHandle;
use url::Url;

use super::WebDriverPortal;
use super::session::{Failure, Session};

/// Bytes of the address that holds the page: Chromium takes two million.
const MAX_ADDRESS: usize = 1_900_000;

impl WebDriverPortal {
    /// `None` where no browser is at work, or the page is too large for one address.
    pub(super) async fn draw(&mut self, html: &str) -> Option<Vec<u8>> {
        let page = address(html)?;
        let (_, browser) = self.browser().ok()?;
        let drawn = browser.session.drawn(&page).await;
        // Whoever comes back to a window stands outside of its frames.
        browser.in_frame = false;
        match self.settle(drawn.map_err(Into::into)).await {
            Ok(picture) => Some(picture),
            Err(error) => {
                tracing::info!("no picture of the page: {error}");
                None
            }
        }
    }
}

/// The page as an address of its own: its origin is nobody's, so that it can ask nobody for anything.
fn address(html: &str) -> Option<Url> {
    let written: String = url::form_urlencoded::byte_serialize(html.as_bytes()).collect();
    let written = written.replace('+', "%20");
    if written.len() > MAX_ADDRESS {
        return None;
    }
    Url::parse(&format!("data:text/html;charset=utf-8,{written}")).ok()
}

impl Session {
    async fn drawn(&self, page: &Url) -> Result<Vec<u8>, Failure> {
        let own = self.call("get window handle", |client| async move {
            client.window().await
        });
        let own = own.await?;
        let tab = self.call("new window", |client| async move {
            client.new_window(true).await
        });
        let tab = tab.await?.handle;
        let drawn = match self.stand_in(&tab).await {
            Ok(()) => self.drawn_here(page).await,
            Err(failure) => Err(failure),
        };
        match self.stand_in(&own).await {
            Ok(()) => drawn,
            Err(Failure::Refused { .. }) => Err(Failure::gone("the window of the portal is lost")),
            Err(gone) => Err(gone),
        }
    }

    async fn stand_in(&self, window: &WindowHandle) -> Result<(), Failure> {
        self.call("switch to window", |client| {
            let window = window.clone();
            async move { client.switch_to_window(window).await }
        })
        .await
    }

    /// In a tab that is closed at the end.
    async fn drawn_here(&self, page: &Url) -> Result<Vec<u8>, Failure> {
        let drawn = match self.goto(page).await {
            Ok(()) => {
                let taken = self.call("take screenshot", |client| async move {
                    client.screenshot().await
                });
                taken.await
            }
            Err(failure) => Err(failure),
        };
        let closed = self.call("close window", |client| async move {
            client.close_window().await
        });
        closed.await?;
        drawn
    }
}
