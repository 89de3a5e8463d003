//! Ngome Wallet: user name and password on two pages sent by Enter, a captcha, roles, and (with TLS) a client certificate.
//!
//! | address | shows |
//! |---|---|
//! | `/login` | `form#who` for the user name, with `img#captcha` if the knob says so |
//! | `/login/user` | `form#pass` for the password |
//! | `/login/password` | takes it |
//! | `/home` | `div#session` for who is signed in |
//! | `/statement?from=&to=&page=` | the table; days as `dd/mm/yyyy` |

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State as Extracted};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Form, Router};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Guest, Portal, State, Verdict, escape, page, redirect, with_session};
use crate::demo::portal::statement::Line;
use crate::demo::portal::{Direction, RowKind};

const DATE: &str = "%d/%m/%Y";
const CAPTCHA: &str = "<p><img id=\"captcha\" alt=\"Verification code\" src=\"data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAAC\"> \
<input id=\"captcha-text\" name=\"captcha\"> <button id=\"go\">Go on</button></p>\n";

pub(super) fn routes() -> Router<Arc<Guest>> {
    Router::new()
        .route("/", get(async || redirect("/login")))
        .route("/login", get(login))
        .route("/login/user", post(user))
        .route("/login/password", post(password))
        .route("/home", get(home))
        .route("/terms", post(accept))
        .route("/statement", get(statement))
        .route("/logout", get(leave))
}

fn whole(title: &str, body: &str) -> Response {
    page(format!(
        "<!DOCTYPE html>\n<html><head><title>{title} - Ngome Wallet</title></head><body>\n<h1>Ngome Wallet</h1>\n{body}\n</body></html>\n"
    ))
}

fn said(verdict: Verdict) -> String {
    let (class, text) = verdict.said();
    format!("<section id=\"verdict\" data-is=\"{class}\"><p>{text}</p></section>\n")
}

fn who(notice: &str, captcha: bool) -> Response {
    let captcha = if captcha { CAPTCHA } else { "" };
    whole(
        "Sign in",
        &format!(
            "{notice}<form id=\"who\" method=\"post\" action=\"/login/user\">\n<input name=\"user\" id=\"user\">\n{captcha}</form>"
        ),
    )
}

async fn login(Extracted(guest): Portal) -> Response {
    guest.with(|state, _| who("", state.knobs.captcha_on_form))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    user: String,
    password: String,
}

async fn user(typed: Result<Form<Typed>, FormRejection>) -> Response {
    let typed = typed.map(|Form(typed)| typed).unwrap_or_default();
    let user = escape(&typed.user);
    whole(
        "Password",
        &format!(
            "<p>Hello, {user}</p>\n<form id=\"pass\" method=\"post\" action=\"/login/password\">\n\
             <input type=\"hidden\" name=\"user\" value=\"{user}\">\n<input name=\"password\" id=\"password\" type=\"password\">\n</form>"
        ),
    )
}

async fn password(Extracted(guest): Portal, typed: Result<Form<Typed>, FormRejection>) -> Response {
    let typed = typed.map(|Form(typed)| typed).unwrap_or_default();
    guest.with(
        |state, _| match state.sign_in(&typed.user, &typed.password) {
            Verdict::Open => {
                let token = state.open_session();
                with_session(redirect("/home"), &token)
            }
            Verdict::Captcha => who(&said(Verdict::Captcha), true),
            verdict @ (Verdict::WrongPassword
            | Verdict::TooManyLogins
            | Verdict::AlreadySignedIn) => who(&said(verdict), false),
            Verdict::Unknown => whole(
                "Greetings",
                "<section class=\"greeting\"><p>Happy new year to all our partners!</p></section>",
            ),
            verdict => whole("Notice", &said(verdict)),
        },
    )
}

async fn home(Extracted(guest): Portal, headers: HeaderMap) -> Response {
    guest.with(|state, _| {
        let Some(session) = state.visitor(&headers) else {
            return redirect("/login");
        };
        if session.announcements > 0 {
            return whole(
                "Notice",
                "<section id=\"notice\"><p>New tariffs from next month.</p><form method=\"post\" action=\"/terms\">\
                 <button id=\"seen\">I have read this</button></form></section>",
            );
        }
        let notice = state.knobs.expires_in.map_or_else(String::new, |days| {
            format!("<p id=\"expiry\">Password valid for {days} more days</p>\n")
        });
        whole("Home", &format!("{}{notice}", session_bar(state)))
    })
}

fn session_bar(state: &State) -> String {
    format!(
        "<div id=\"session\">Wallet {} · <a href=\"/statement\">Statement</a> · <a href=\"/logout\">Log out</a></div>\n",
        escape(&state.knobs.number)
    )
}

async fn accept(Extracted(guest): Portal, headers: HeaderMap) -> Response {
    guest.with(|state, _| {
        if let Some(session) = state.visitor(&headers) {
            session.announcements = session.announcements.saturating_sub(1);
        }
    });
    redirect("/home")
}

async fn leave(Extracted(guest): Portal, headers: HeaderMap) -> Response {
    guest.with(|state, _| {
        if state.visitor(&headers).is_some() {
            state.session = None;
        }
    });
    redirect("/login")
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Search {
    from: String,
    to: String,
    page: usize,
}

async fn statement(
    Extracted(guest): Portal,
    headers: HeaderMap,
    Query(search): Query<Search>,
) -> Response {
    guest.with(|state, _| {
        if state.visitor(&headers).is_none() {
            return redirect("/login");
        }
        let body = state.lines(DATE, &search.from, &search.to).map_or_else(
            || "<p>Choose a period.</p>".to_owned(),
            |lines| table(state, &search, &lines),
        );
        whole("Statement", &format!("{}{body}", session_bar(state)))
    })
}

fn table(state: &State, search: &Search, lines: &[Line<'_>]) -> String {
    let (number, size) = (search.page, state.knobs.rows_per_page);
    let mut text = String::from(
        "<table class=\"statement\"><thead><tr><th>Ref</th><th>When</th><th>What</th><th>State</th><th>Amount</th>\
         <th>Dr/Cr</th><th>Party</th><th>Note</th></tr></thead><tbody>\n",
    );
    for line in lines.iter().skip(number * size).take(size) {
        row(&mut text, line, state);
    }
    if lines.is_empty() {
        text.push_str("<tr><td class=\"none\" colspan=\"8\">Nothing in this period</td></tr>");
    }
    text.push_str("</tbody></table>\n");
    if (number + 1) * size < lines.len() {
        let (from, to, next) = (escape(&search.from), escape(&search.to), number + 1);
        let _ = write!(
            text,
            "<a rel=\"next\" href=\"/statement?from={from}&amp;to={to}&amp;page={next}\">Older</a>"
        );
    }
    text
}

fn row(text: &mut String, line: &Line<'_>, state: &State) {
    let at = line.row.place().with_timezone(&state.knobs.zone());
    let side = match line.row.direction() {
        Direction::Credit => "Cr",
        Direction::Debit => "Dr",
    };
    let what = match line.row.kind {
        RowKind::Payment => "Collection",
        RowKind::Charge => "Fee",
        RowKind::Withdrawal => "To bank",
        RowKind::Reversal => "Reversal",
    };
    let _ = writeln!(
        text,
        "<tr><td>{}</td><td>{}</td><td>{what}</td><td>{}</td><td>{}</td><td>{side}</td><td>{}</td><td>{}</td></tr>",
        line.row.receipt,
        at.format("%d/%m/%Y %I:%M:%S %p"),
        escape(line.row.status()),
        comma(line.row.amount),
        escape(line.row.payer.as_deref().unwrap_or_default()),
        escape(line.row.reference.as_deref().unwrap_or_default()),
    );
}

/// `1.234,50`.
fn comma(amount: Decimal) -> String {
    let plain = format!("{amount:.2}");
    let (whole, cents) = plain.split_once('.').unwrap_or((&plain, "00"));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    format!("{grouped},{cents}")
}
