//! What a page that was just loaded says; a first page that has not changed is not parsed again.
//!
//! Compared are the bytes of the whole page, so that what was concluded from any part of it still holds: marks, rows, the
//! portal's count, the link to the next page. A page that differs is parsed; it need not hold anything new.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{ReadError, Reader};
use crate::event::AccountRef;
use crate::extract::{self, ExtractError};
use crate::portal::{self, Page};
use crate::selectors::Portal;
use crate::skeleton::Skeleton;
use crate::understand::{self, Session, TablePage, Understood};

/// A signed-in first page with the table, and what it was understood as.
#[derive(Debug)]
pub(super) struct FirstPage {
    digest: [u8; 32],
    table: TablePage,
}

impl FirstPage {
    fn digest(page: &Page) -> [u8; 32] {
        let hash = Sha256::new().chain_update(page.url.as_str());
        hash.chain_update([0])
            .chain_update(&page.html)
            .finalize()
            .into()
    }
}

/// What a page says; of a first page, what to keep of it.
struct Read {
    understood: Understood,
    kept: Option<Arc<FirstPage>>,
}

/// Reads the page, or remembers it as `known`.
fn read(
    page: &Page,
    known: Option<Arc<FirstPage>>,
    portal: &Portal,
    account: &AccountRef,
    now: DateTime<Utc>,
) -> Result<Read, ExtractError> {
    let digest = FirstPage::digest(page);
    if let Some(known) = known.filter(|known| known.digest == digest) {
        return Ok(Read {
            understood: Understood::Table(known.table.clone()),
            kept: Some(known),
        });
    }
    let understood = understand::table_page(portal, account, &page.html, now)?;
    let kept = match &understood {
        Understood::Table(table) if table.is_lasting() => {
            let table = table.clone();
            Some(Arc::new(FirstPage { digest, table }))
        }
        Understood::Table(_) | Understood::Not(_) => None,
    };
    Ok(Read { understood, kept })
}

impl<P: portal::Portal> Reader<'_, P> {
    /// Parsing is CPU work and `Html` is not `Send`: it stays off the async threads.
    pub(super) async fn understand(
        &mut self,
        page: Page,
        is_first: bool,
    ) -> Result<TablePage, ReadError> {
        let selectors = self.selectors.clone();
        let account = self.account.clone();
        let now = self.clock.now();
        let known = self.memory.first_page.clone().filter(|_| is_first);
        let busy = page.busy();
        let read = tokio::task::spawn_blocking(move || {
            let read = extract::guarded(|| read(&page, known, &selectors, &account, now));
            (read, page.html)
        });
        let (read, html) = match read.await {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let Read { understood, kept } = match read {
            Ok(read) => read,
            Err(trouble) => {
                if let Some(skeleton) = Skeleton::of_trouble(&trouble) {
                    self.memory.note(skeleton, html);
                }
                return Err(trouble.into());
            }
        };
        match understood {
            Understood::Table(table) => {
                self.memory.note(table.skeleton.clone(), html);
                if is_first {
                    self.memory.first_page = kept;
                }
                self.portal.heard(true).await;
                Ok(table)
            }
            Understood::Not(session) => Err(match (session, busy) {
                (Session::Stranger, Some(busy)) => busy.into(),
                (session, _) => ReadError::Session(session),
            }),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::payment::{AccountName, OperatorAccount};
    use crate::selectors;

    const ROW: &str = "<tr><td>UKL1<td>21-11-2026 12:00:00<td>21-11-2026 12:00:00<td>x<td>Completed<td>5.00<td><td>9.00<td>true\
                       <td>Pay Bill Online<td>254722***000 - JANE D.<td><td>acc 1</tr>";

    fn page(rows: &str) -> Page {
        let headers = "Receipt No.|Completion Time|Initiation Time|Details|Transaction Status|Paid In|Withdrawn|Balance|\
                       Balance Confirmed|Reason Type|Other Party Info|Linked Transaction ID|A/C No.";
        let headers = headers.replace('|', "<th>");
        Page {
            url: "https://org.kilima.example/statement.action"
                .parse()
                .unwrap(),
            status: Some(200),
            pause: None,
            html: format!(
                "<div id=operator><b id=operator-name>JANE D.</b></div>\
                 <table id=statement><tr><th>{headers}</tr>{rows}</table>"
            ),
        }
    }

    /// Reads at one fixed instant. Gives the rows found and what is kept.
    fn found(page: &Page, known: Option<Arc<FirstPage>>) -> (usize, Option<Arc<FirstPage>>) {
        let file = include_str!("../../selectors/kilima.toml");
        let portal = selectors::file::parse("kilima", "kilima.toml", file).unwrap();
        let account = AccountRef {
            name: AccountName::new("kilima").unwrap(),
            portal: "kilima".to_owned(),
            operator: OperatorAccount {
                operator: "kilima".to_owned(),
                number: "600123".to_owned(),
            },
            account_key: "organisationid".to_owned(),
            selector_format: "kilima@1".to_owned(),
        };
        let now = "2026-11-21T10:00:00Z".parse().unwrap();
        let read = read(page, known, &portal, &account, now).unwrap();
        let Understood::Table(table) = read.understood else {
            unreachable!("{:?}", read.understood);
        };
        (table.rows.len(), read.kept)
    }

    #[test]
    fn a_page_of_the_same_bytes_is_not_parsed_again_and_any_other_is() {
        let one = page(ROW);
        let (rows, kept) = found(&one, None);
        assert_eq!(rows, 1);
        // What is remembered shows that it is not the page that was read.
        let marked = Some(Arc::new(FirstPage {
            digest: kept.unwrap().digest,
            table: TablePage {
                rows: Vec::new(),
                has_next: false,
                portal_count: None,
                password_expires_in: None,
                skeleton: Skeleton::default(),
            },
        }));
        assert_eq!(found(&one, marked.clone()).0, 0);
        let mut moved = page(ROW);
        moved.url.set_query(Some("page=2"));
        for other in [
            moved,
            page(&format!("{ROW} ")),
            page(&ROW.replace("acc 1", "acc 2")),
        ] {
            assert_eq!(found(&other, marked.clone()).0, 1);
        }
    }

    #[test]
    fn a_page_with_a_row_put_aside_is_parsed_each_time() {
        let (rows, kept) = found(&page(&ROW.replace("Completed", "Parked")), None);
        assert_eq!((rows, kept.is_none()), (1, true));
    }
}
