//! How long a portal asks to be left alone: `Retry-After`, RFC 9110 section 10.2.3.

use std::time::Duration;

use chrono::DateTime;
use serde::Deserialize;
use serde_json::json;

use super::session::{Failure, Session};

/// Statuses that the header may come with and that mean "not now": RFC 9110 section 15.6.4, RFC 6585 section 4.
const BUSY: [u16; 2] = [429, 503];

/// Asks again for the page on show, without its body: a browser tells nobody the headers of a navigation.
const ASK: &str = r"
const [patience, done] = arguments;
const abort = new AbortController();
const timer = setTimeout(() => abort.abort(), patience);
fetch(location.href, {
  method: 'HEAD', credentials: 'same-origin', redirect: 'manual', cache: 'no-store', signal: abort.signal,
})
  .then((answer) => ({ retry_after: answer.headers.get('retry-after'), date: answer.headers.get('date') }))
  .catch(() => ({ retry_after: null, date: null }))
  .then((answer) => { clearTimeout(timer); done(answer); });
";

/// Two headers of one answer, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct RetryAfter {
    /// `Retry-After`.
    pub(super) retry_after: Option<String>,
    /// `Date`: by the clock that a date in `Retry-After` was made with.
    pub(super) date: Option<String>,
}

impl RetryAfter {
    /// The pause asked for; `None` where none was, or not in a form that RFC 9110 tells to write.
    pub(super) fn pause(&self) -> Option<Duration> {
        let asked = self.retry_after.as_deref()?.trim();
        if let Ok(seconds) = asked.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let instant = |text: &str| DateTime::parse_from_rfc2822(text.trim()).ok();
        let (until, said) = (instant(asked)?, instant(self.date.as_deref()?)?);
        // Over already is no pause.
        Some((until - said).to_std().unwrap_or_default())
    }
}

/// Does this status mean "not now"?
pub(super) fn is_busy(status: u16) -> bool {
    BUSY.contains(&status)
}

/// What the portal says of the page on show. One request more, without a body.
///
/// # Errors
/// The call's.
pub(super) async fn ask(session: &Session, limit: Duration) -> Result<RetryAfter, Failure> {
    // Less than the script timeout of the session, which is `limit` too.
    let patience = u64::try_from((limit / 2).as_millis()).unwrap_or(u64::MAX);
    let answer = session.execute_async(ASK, vec![json!(patience)]).await?;
    Ok(serde_json::from_value(answer).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_anything_else_is_no_pause() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (asked, date, seconds) in [
            ("120", None, Some(120)),
            (" 0 ", None, Some(0)),
            ("Sun, 06 Nov 1994 08:59:37 GMT", Some(date), Some(600)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(date), Some(0)),
            ("Sun, 06 Nov 1994 08:59:37 GMT", None, None),
            ("-5", None, None),
            ("soon", Some(date), None),
            ("", Some(date), None),
        ] {
            let headers = RetryAfter {
                retry_after: Some(asked.to_owned()),
                date: date.map(str::to_owned),
            };
            assert_eq!(headers.pause(), seconds.map(Duration::from_secs), "{asked}");
        }
        assert_eq!(RetryAfter::default().pause(), None);
    }
}
