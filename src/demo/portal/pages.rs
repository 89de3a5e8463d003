//! The pages as HTML. Everything below is what a selector file may rely on; `table` prints the statement.
//!
//! | page | how to know it |
//! |---|---|
//! | sign-in `GET /orglogin.action` | `form#login-form` (POST to itself) with `#shortcode` (`shortCode`), `#username` (`userName`), `#password` (`password`), hidden `#csrf` (`csrfToken`), `button#login-button`; cookie `KMLOGIN` |
//! | why one is back at sign-in | `p#notice.session-expired`, `.signed-in-elsewhere`, `.statement-served`, `.signed-out` |
//! | outcome of `POST /orglogin.action`, always HTTP 200 | `p#login-error` with class `wrong-password`, `locked`, `too-many-logins`, `already-signed-in` or `bad-csrf`; the form again after `wrong-password` and `bad-csrf`, else `a#back` |
//! | code asked for, HTTP 200 after `POST /orglogin.action` | `form#otp-form` (POST to `/otp.action`) with `#otp` and `button#otp-button`; after a wrong code `p#login-error.wrong-code` and `a#back` |
//! | signed in | 302 to `/main.action`, cookie `JSESSIONID`; on every signed-in page `div#operator` with `b#operator-name` and `a#logout` (`/logout.action`) |
//! | start `GET /main.action` | `h1#welcome`, `a#nav-statement` |
//! | statement `GET /statement.action` | `form#search` (GET) with `#from`, `#to` (`DD-MM-YYYY`), `button#search-button`; no table before a period was chosen, then `p#choose-period` |
//! | statement `?from=DD-MM-YYYY&to=DD-MM-YYYY&page=N` | `p#count` `Records 1 - 20 of 412`; `table#statement`; `#page` `Page 1 of 21`; `a#previous`; `a#next`, absent on the last page. Page numbers beyond the last give the last |
//! | `table#statement` | one `tbody`: 5 preamble rows (`td` with `colspan`, no `th`), one row of 13 `th`, then rows of 13 `td`, newest first |
//! | period without rows | `td#no-records` (`colspan=13`) `No records found.`, `Records 0 - 0 of 0` |
//! | a period that is none | `p#search-error`, no table |
//! | session over | any signed-in page answers 302 to `/orglogin.action?reason=…` |
//! | log out `GET /logout.action` | `p#notice.signed-out` on the sign-in page; with the knob, an alert `Closing` first |
//! | faults | `h1#http-error` `404 Not Found`, `500 Internal Server Error` |

use chrono::{DateTime, Utc};

use super::access::{Ending, LoginOutcome};
use super::config::PortalConfig;

pub(super) const LOGIN: &str = "/orglogin.action";
pub(super) const CODE: &str = "/otp.action";
pub(super) const MAIN: &str = "/main.action";
pub(super) const STATEMENT: &str = "/statement.action";
pub(super) const LOGOUT: &str = "/logout.action";

const STYLE: &str = "*{box-sizing:border-box}body{margin:0;font:14px/1.45 'Segoe UI',Roboto,'Noto Sans',Arial,sans-serif;\
color:#1f2d27;background:#f2f5f3}header{display:flex;align-items:center;gap:12px;padding:10px 24px;background:#0b5d3b;color:#fff}\
header svg{width:34px;height:34px}header .brand{font-size:19px;font-weight:600}header small{opacity:.8}\
#operator{margin-left:auto}#operator a,nav a{color:#fff}nav{display:flex;gap:20px;padding:8px 24px;background:#0a4a30}\
main{padding:22px 24px;max-width:1720px;margin:0 auto}h1{font-size:21px;margin:0 0 14px}a{color:#0b5d3b}\
.card{background:#fff;border:1px solid #d8e0db;border-radius:8px;padding:20px 24px;box-shadow:0 1px 3px #0001}\
.narrow{max-width:420px;margin:36px auto}label{display:block;margin:0 0 12px;color:#4a5b53}\
input{display:block;width:100%;margin-top:3px;padding:8px 10px;border:1px solid #b9c6bf;border-radius:5px;font:inherit}\
button{padding:8px 20px;border:0;border-radius:5px;background:#e08a1e;color:#fff;font:inherit;font-weight:600;cursor:pointer}\
.message{padding:9px 13px;border-radius:5px;border-left:4px solid #c0392b;background:#fdeeec}\
.notice{padding:9px 13px;border-radius:5px;border-left:4px solid #e08a1e;background:#fdf5e8}\
#search{display:flex;gap:14px;align-items:end;margin-bottom:14px}#search label{margin:0}\
.sheet{overflow-x:auto;background:#fff;border:1px solid #d8e0db;border-radius:8px}\
table{border-collapse:collapse;width:100%;font-size:12px;white-space:nowrap}\
td,th{padding:5px 9px;border-bottom:1px solid #e6ece8;text-align:left}th{background:#e4efe9;color:#0a4a30}\
.label{color:#4a5b53;font-weight:600}.amount{text-align:right;font-variant-numeric:tabular-nums}.out{color:#b03a2e}\
.even{background:#f8faf9}#no-records{text-align:center;padding:26px;color:#4a5b53}#pager{display:flex;gap:16px}\
footer{padding:18px 24px;color:#7b8a83;font-size:12px}";

const LOGO: &str = "<svg viewBox=\"0 0 34 34\" aria-hidden=\"true\"><circle cx=\"17\" cy=\"17\" r=\"17\" fill=\"#e08a1e\"/>\
<path d=\"M3 26 14 9l4 6 3-4 10 15z\" fill=\"#fff\"/></svg>";

/// Text made safe between tags and inside quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A whole page round `body`; `operator` is the signed-in mark.
fn frame(title: &str, operator: &str, nav: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title} - Kilima Money</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<header>{LOGO}<div><div class=\"brand\">Kilima Money</div>\
         <small>Organisation portal</small></div>{operator}</header>\n{nav}<main>\n{body}\n</main>\n\
         <footer>Kilima Money is invented: a demonstration portal without real money, people or numbers.</footer>\n\
         </body>\n</html>\n"
    )
}

/// A page for who is signed in; without `mark` it does not say so.
pub(super) fn signed_in(title: &str, config: &PortalConfig, mark: bool, body: &str) -> String {
    let operator = format!(
        "<div id=\"operator\">Signed in as <b id=\"operator-name\">{}</b> &middot; <a id=\"logout\" href=\"{LOGOUT}\">Log out</a></div>",
        escape(&config.operator_name)
    );
    let nav = format!(
        "<nav><a id=\"nav-home\" href=\"{MAIN}\">Home</a><a id=\"nav-statement\" href=\"{STATEMENT}\">Organisation statement</a></nav>\n"
    );
    if mark {
        frame(title, &operator, &nav, body)
    } else {
        frame(title, "", "", body)
    }
}

fn login_form(csrf: &str) -> String {
    format!(
        "<form id=\"login-form\" method=\"post\" action=\"{LOGIN}\">\n\
         <label>Short code <input id=\"shortcode\" name=\"shortCode\" autocomplete=\"off\"></label>\n\
         <label>User name <input id=\"username\" name=\"userName\" autocomplete=\"off\"></label>\n\
         <label>Password <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"off\"></label>\n\
         <input id=\"csrf\" name=\"csrfToken\" type=\"hidden\" value=\"{csrf}\">\n\
         <button id=\"login-button\" type=\"submit\">Log in</button>\n</form>"
    )
}

fn login_card(message: &str, rest: &str) -> String {
    let body = format!("<div class=\"card narrow\">\n<h1>Sign in</h1>\n{message}{rest}\n</div>");
    frame("Sign in", "", "", &body)
}

/// The sign-in page, with the reason why one is back at it.
pub(super) fn login(csrf: &str, reason: Option<Ending>) -> String {
    let notice = reason.map_or_else(String::new, |ending| {
        let (class, text) = match ending {
            Ending::Expired => (
                "session-expired",
                "Your session has expired. Please sign in again.",
            ),
            Ending::Elsewhere => (
                "signed-in-elsewhere",
                "You have been signed in elsewhere. This session has ended.",
            ),
            Ending::Used => (
                "statement-served",
                "Your session has ended. Sign in again for another statement.",
            ),
            Ending::SignedOut => ("signed-out", "You have signed out."),
        };
        format!("<p id=\"notice\" class=\"notice {class}\">{text}</p>\n")
    });
    login_card(&notice, &login_form(csrf))
}

/// The word for an ending in `/orglogin.action?reason=…`.
pub(super) fn reason_word(ending: Ending) -> &'static str {
    match ending {
        Ending::Expired => "expired",
        Ending::Elsewhere => "elsewhere",
        Ending::Used => "served",
        Ending::SignedOut => "signed-out",
    }
}

/// The ending that a reason word stands for.
pub(super) fn reason(word: &str) -> Option<Ending> {
    [
        Ending::Expired,
        Ending::Elsewhere,
        Ending::Used,
        Ending::SignedOut,
    ]
    .into_iter()
    .find(|ending| reason_word(*ending) == word)
}

/// What a sign-in that opened no session is answered with.
pub(super) fn refused(outcome: LoginOutcome, tries_left: u32, csrf: &str) -> String {
    let (class, text) = match outcome {
        LoginOutcome::WrongPassword => (
            "wrong-password",
            format!("The short code, user name or password is incorrect. Attempts left before your user is locked: {tries_left}."),
        ),
        LoginOutcome::Locked => ("locked", "Your user is locked. Contact your business administrator.".into()),
        LoginOutcome::TooManyLogins => {
            ("too-many-logins", "Too many logins. Your user has been locked for exceeding the permitted number of logins.".into())
        }
        LoginOutcome::AlreadySignedIn => {
            ("already-signed-in", "This user is already signed in on another computer. Sign out there first.".into())
        }
        LoginOutcome::WrongCode => ("wrong-code", "The code is wrong or has expired.".into()),
        LoginOutcome::BadCsrf => ("bad-csrf", "This form is no longer valid. Fill it in again.".into()),
        // A session opened, a code asked for or no verdict: none is answered with a refusal.
        LoginOutcome::SignedIn | LoginOutcome::OtpRequired | LoginOutcome::Unanswered => {
            ("unknown", "Please sign in again.".into())
        }
    };
    let rest = match outcome {
        LoginOutcome::WrongPassword | LoginOutcome::BadCsrf => login_form(csrf),
        LoginOutcome::Locked
        | LoginOutcome::TooManyLogins
        | LoginOutcome::AlreadySignedIn
        | LoginOutcome::WrongCode
        | LoginOutcome::OtpRequired
        | LoginOutcome::SignedIn
        | LoginOutcome::Unanswered => {
            format!("<p><a id=\"back\" href=\"{LOGIN}\">Back to sign in</a></p>")
        }
    };
    login_card(
        &format!("<p id=\"login-error\" class=\"message {class}\">{text}</p>\n"),
        &rest,
    )
}

/// The page between the right password and the session.
pub(super) fn ask_code() -> String {
    let form = format!(
        "<form id=\"otp-form\" method=\"post\" action=\"{CODE}\">\n\
         <label>Code <input id=\"otp\" name=\"otp\" inputmode=\"numeric\" autocomplete=\"off\"></label>\n\
         <button id=\"otp-button\" type=\"submit\">Confirm</button>\n</form>"
    );
    login_card(
        "<p>Enter the code that was sent to your phone.</p>\n",
        &form,
    )
}

/// The start page after sign-in.
pub(super) fn start(config: &PortalConfig, mark: bool, since: DateTime<Utc>) -> String {
    let body = format!(
        "<div class=\"card\">\n<h1 id=\"welcome\">Welcome, {}</h1>\n<p>{} &middot; short code {}</p>\n\
         <p>Signed in at {}. Payments to your organisation are under \
         <a href=\"{STATEMENT}\">Organisation statement</a>.</p>\n</div>",
        escape(&config.operator_name),
        escape(&config.organisation),
        escape(&config.short_code),
        since
            .with_timezone(&config.zone)
            .format("%d-%m-%Y %H:%M:%S")
    );
    signed_in("Home", config, mark, &body)
}

/// The page that alerts and then leads to the sign-in page.
pub(super) fn alert_then_login() -> String {
    let script =
        format!("<script>alert('Closing');location.replace('{LOGIN}?reason=signed-out')</script>");
    frame("Log out", "", "", &script)
}

/// What a web server says by itself.
pub(super) fn http_error(status: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><h1 id=\"http-error\">{status}</h1></body></html>\n"
    )
}

/// A page of somebody else, as a captive network or a lapsed domain shows it.
pub(super) const OTHER_SITE: &str = "<!DOCTYPE html>\n<html><head><title>Free guest network</title></head><body>\
<h1>Welcome to the guest network</h1><p>Accept the terms to go online.</p>\
<table><tr><th>Plan</th><th>Price</th></tr><tr><td>One hour</td><td>100.00</td></tr></table></body></html>\n";
