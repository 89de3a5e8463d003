//! Tausi Pesa: everything happens in a frame, a user has one session, and leaving asks by a dialog.
//!
//! | address | shows |
//! |---|---|
//! | `/TausiMoney/` | the page that holds the frame `iframe#content` |
//! | `/TausiMoney/login/login.action` | in the frame: the form, or `p#welcome` and the menu for who is signed in |
//! | `/TausiMoney/login/login_doaccesscodes.action` | takes the form |
//! | `/TausiMoney/report.action` | in the frame: the search form and the grid |
//! | `/TausiMoney/login/login_logout.action?button.close=Close` | a button, when a session is open; it asks `closing` and ends it |

use std::fmt::Write as _;

use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State as Extracted};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use rust_decimal::Decimal;
use serde::Deserialize;
use std::sync::Arc;

use super::{Guest, Portal, State, Verdict, escape, page, redirect, with_session};
use crate::demo::portal::statement::Line;
use crate::demo::portal::{Direction, RowKind};

const TOP: &str = "/TausiMoney/";
const LOGIN: &str = "/TausiMoney/login/login.action";
const DATE: &str = "%d/%m/%Y";

pub(super) fn routes() -> Router<Arc<Guest>> {
    Router::new()
        .route("/", get(async || redirect(TOP)))
        .route(TOP, get(top))
        .route(LOGIN, get(frame))
        .route(
            "/TausiMoney/login/login_doaccesscodes.action",
            post(sign_in),
        )
        .route("/TausiMoney/login/login_logout.action", get(leave))
        .route("/TausiMoney/login/login_logedout.action", get(left))
        .route("/TausiMoney/continue.action", post(go_on))
        .route("/TausiMoney/report.action", get(report))
}

fn whole(title: &str, body: &str) -> Response {
    page(format!(
        "<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>\n{body}\n</body></html>\n"
    ))
}

async fn top(Extracted(guest): Portal) -> Response {
    let (banner, origin) = guest.with(|state, _| {
        let origin = state.knobs.frame_origin.clone().unwrap_or_default();
        (state.knobs.cookie_banner, origin)
    });
    let banner = if banner {
        "<div id=\"cookies\" class=\"banner\">We use cookies. <a href=\"#\" id=\"cookies_ok\" \
         onclick=\"this.parentNode.remove(); return false\">OK</a></div>\n"
    } else {
        ""
    };
    whole(
        "Tausi Pesa",
        &format!(
            "{banner}<h1>Tausi Pesa</h1>\n<iframe id=\"content\" src=\"{origin}{LOGIN}\" width=\"900\" height=\"600\"></iframe>"
        ),
    )
}

/// What is in the frame: who is signed in sees the menu.
async fn frame(Extracted(guest): Portal, headers: HeaderMap) -> Response {
    guest.with(|state, _| home(state, &headers).unwrap_or_else(|| form("")))
}

fn form(message: &str) -> Response {
    whole(
        "Sign in",
        &format!(
            "{message}<form id=\"login_doaccesscodes\" method=\"post\" action=\"/TausiMoney/login/login_doaccesscodes.action\">\n\
             <input name=\"loginId\" id=\"login_doaccesscodes_loginId\">\n\
             <input name=\"password\" id=\"passid\" type=\"password\">\n\
             <input type=\"submit\" id=\"login_doaccesscodes_0\" value=\"Login\">\n</form>"
        ),
    )
}

fn home(state: &mut State, headers: &HeaderMap) -> Option<Response> {
    let announcements = state.visitor(headers)?.announcements;
    if announcements > 0 {
        return Some(whole(
            "News",
            "<div id=\"news\"><p>New tariffs apply from next month.</p>\n\
             <form method=\"post\" action=\"/TausiMoney/continue.action\"><button id=\"news_continue\">Continue</button></form></div>",
        ));
    }
    let notice = state.knobs.expires_in.map_or_else(String::new, |days| {
        format!("<p id=\"expiry\">Your password expires in {days} days.</p>\n")
    });
    let number = escape(&state.knobs.number);
    Some(whole(
        "Home",
        &format!(
            "<p id=\"welcome\">Welcome, wallet {number}</p>\n{notice}\
             <ul><li><a id=\"menu_report\" href=\"/TausiMoney/report.action\">Transactions</a></li></ul>"
        ),
    ))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Login {
    login_id: String,
    password: String,
}

async fn sign_in(Extracted(guest): Portal, typed: Result<Form<Login>, FormRejection>) -> Response {
    let typed = typed.map(|Form(typed)| typed).unwrap_or_default();
    guest.with(|state, _| match state.sign_in(&typed.login_id, &typed.password) {
        Verdict::Open => {
            let token = state.open_session();
            with_session(redirect(LOGIN), &token)
        }
        Verdict::Unknown => whole("Greetings", "<div class=\"greeting\" id=\"g-2026\"><h2>Happy new year to all our partners!</h2><button>OK</button></div>"),
        refused => {
            let (class, text) = refused.said();
            form(&format!("<div class=\"errorMessage {class}\">{text}</div>\n"))
        }
    })
}

/// Signed in or not: an open session of this computer can be closed by its user, who is asked.
async fn leave(Extracted(guest): Portal) -> Response {
    guest.with(|state, _| {
        if state.session.is_none() || state.knobs.session_elsewhere {
            return whole("Log out", "<p id=\"nobody\">No session is open on this computer.</p>");
        }
        whole(
            "Log out",
            "<p>A session is open on this computer.</p>\n<input type=\"button\" id=\"button_close\" value=\"Close\" \
             onclick=\"if (confirm('closing')) location.href = '/TausiMoney/login/login_logedout.action'\">",
        )
    })
}

async fn left(Extracted(guest): Portal) -> Response {
    guest.with(|state, _| {
        if !state.knobs.session_elsewhere {
            state.session = None;
        }
    });
    whole(
        "Logged out",
        "<p id=\"closed\">Your session was closed.</p>",
    )
}

async fn go_on(Extracted(guest): Portal, headers: HeaderMap) -> Response {
    guest.with(|state, _| {
        if let Some(session) = state.visitor(&headers) {
            session.announcements = session.announcements.saturating_sub(1);
        }
    });
    redirect(LOGIN)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Search {
    wallet: String,
    from_date: String,
    to_date: String,
    start: usize,
}

async fn report(
    Extracted(guest): Portal,
    headers: HeaderMap,
    Query(search): Query<Search>,
) -> Response {
    guest.with(|state, _| {
        if state.visitor(&headers).is_none() {
            return form("<div class=\"errorMessage ended\">Your session has ended.</div>\n");
        }
        let lines = state.lines(DATE, &search.from_date, &search.to_date);
        let lines = lines.filter(|_| search.wallet == "C");
        let grid = lines.map_or_else(
            || "<p id=\"choose\">Choose a wallet and a period.</p>".to_owned(),
            |lines| grid(state, &search, &lines),
        );
        let dialog = if state.knobs.surprise_dialog {
            "<script>alert('Remember to log out!')</script>"
        } else {
            ""
        };
        whole(
            "Transactions",
            &format!(
                "<p id=\"welcome\">Wallet {}</p>\n\
                 <form id=\"search\" action=\"/TausiMoney/report.action\">\n\
                 <select name=\"wallet\" id=\"wallet\"><option value=\"\">Select</option>\n\
                 <option value=\"M\">Main  wallet</option><option value=\"C\">Collections\n wallet</option></select>\n\
                 <input name=\"fromDate\" id=\"fromDate\"><input name=\"toDate\" id=\"toDate\">\n\
                 <input type=\"submit\" id=\"search_0\" value=\"Search\"></form>\n{grid}{dialog}",
                escape(&state.knobs.number)
            ),
        )
    })
}

fn grid(state: &State, search: &Search, lines: &[Line<'_>]) -> String {
    let size = state.knobs.rows_per_page;
    let mut text = String::from(
        "<table id=\"grid\"><tr><th>TRANSFER_ID</th><th> TRANSFER_DATE</th><th>STATUS </th><th>SERVICE</th>\
         <th>SECOND_PARTY</th><th>DEBIT</th><th>CREDIT</th><th>POST_BALANCE</th><th>REFERENCE</th></tr>\n",
    );
    for line in lines.iter().skip(search.start).take(size) {
        row(&mut text, line, state);
    }
    if lines.is_empty() {
        text.push_str(
            "<tr><td colspan=\"9\" class=\"nothing\">No transactions in this period</td></tr>\n",
        );
    }
    text.push_str("</table>\n");
    let _ = write!(text, "<p id=\"rows\">{} rows</p>", lines.len());
    let next = search.start + size;
    if next < lines.len() {
        let (from, to) = (escape(&search.from_date), escape(&search.to_date));
        let _ = write!(
            text,
            "<a id=\"older\" href=\"/TausiMoney/report.action?wallet=C&amp;fromDate={from}&amp;toDate={to}&amp;start={next}\">Older</a>"
        );
    }
    text
}

fn row(text: &mut String, line: &Line<'_>, state: &State) {
    let at = line.row.place().with_timezone(&state.knobs.zone());
    let money = |amount: Decimal| format!("{amount:.2}");
    let (debit, credit) = match line.row.direction() {
        Direction::Credit => (String::new(), money(line.row.amount)),
        Direction::Debit => (money(line.row.amount), String::new()),
    };
    let service = match line.row.kind {
        RowKind::Payment => "MERCHPAY",
        RowKind::Charge => "CHARGE",
        RowKind::Withdrawal => "WITHDRAW",
        RowKind::Reversal => "REVERSAL",
    };
    let status = match line.row.status() {
        "Completed" => "TS",
        "Failed" | "Declined" | "Expired" => "TF",
        _ => "TIP",
    };
    let _ = writeln!(
        text,
        "<tr><td>{}</td><td>\t{}</td><td>{status}</td><td>{service}</td><td>{}</td><td>{debit}</td><td>{credit}</td>\
         <td>{}</td><td>{}</td></tr>",
        line.row.receipt,
        at.format("%d-%b-%Y %H:%M:%S"),
        escape(line.row.payer.as_deref().unwrap_or_default()),
        line.balance.map(money).unwrap_or_default(),
        escape(line.row.reference.as_deref().unwrap_or_default()),
    );
}
