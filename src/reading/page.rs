//! What a page that was just loaded says.

use super::{ReadError, Reader};
use crate::portal::{Page, Portal};
use crate::understand::{self, TablePage, Understood};

impl<P: Portal> Reader<'_, P> {
    /// Parsing is CPU work and `Html` is not `Send`: it stays off the async threads.
    pub(super) async fn understand(&mut self, page: Page) -> Result<TablePage, ReadError> {
        let selectors = self.selectors.clone();
        let account = self.account.clone();
        let now = self.clock.now();
        let understood = tokio::task::spawn_blocking(move || {
            understand::table_page(&selectors, &account, &page.html, now)
        })
        .await;
        match understood {
            Ok(Ok(Understood::Table(table))) => {
                self.portal.heard(true).await;
                Ok(table)
            }
            Ok(Ok(Understood::Not(session))) => Err(ReadError::Session(session)),
            Ok(Err(error)) => Err(error.into()),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}
