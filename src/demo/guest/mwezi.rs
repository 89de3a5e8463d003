//! Mwezi Money: one page that a script makes and changes, as partner portals on Vaadin do.
//!
//! There is no form, no button and no link: `div`s that are clicked send what was typed to `/partner/UIDL`, which answers with
//! the view as HTML. Header and rows of the table are two tables; paging changes the rows and a label, not the address. A
//! one-time code is asked for sometimes. A reload begins at the list of accounts.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State as Extracted;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;

use super::{Guest, Portal, State, Verdict, cookie, escape, page, redirect, with_session};
use crate::demo::portal::statement::Line;
use crate::demo::portal::{Direction, RowKind};

/// The cookie of a visitor who has still to give a code.
const PENDING: &str = "PENDING";
const DATE: &str = "%Y-%m-%d";
/// Ids count on from here, in order of posting.
const FIRST_ID: u64 = 13_460_000_000;

const SCRIPT: &str = r"
const root = document.getElementById('partner');
const send = async (event) => {
  const typed = { event };
  for (const field of root.querySelectorAll('input')) typed[field.id] = field.value;
  const answer = await fetch('/partner/UIDL', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(typed) });
  root.innerHTML = (await answer.json()).html;
};
root.addEventListener('click', (click) => {
  const target = click.target.closest('[data-event]');
  if (target) send(target.dataset.event);
});
setTimeout(() => send('init'), 150);
";

pub(super) fn routes() -> Router<Arc<Guest>> {
    Router::new()
        .route("/", get(async || redirect("/partner/")))
        .route("/partner/", get(shell))
        .route("/partner/UIDL", post(uidl))
        .route("/partner/logout", get(leave))
}

async fn shell() -> Response {
    page(format!(
        "<!DOCTYPE html>\n<html><head><title>Mwezi partner</title></head>\n<body class=\"v-generated-body\">\n\
         <div id=\"partner\" class=\"v-app\"><div class=\"v-app-loading\"></div></div>\n<script>{SCRIPT}</script></body></html>\n"
    ))
}

/// What the script sends: an event, and every field of the view.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Sent {
    event: String,
    #[serde(rename = "FIELD_USERNAME")]
    user: String,
    #[serde(rename = "FIELD_PASSWORD")]
    password: String,
    #[serde(rename = "VIEW_SECONDARY_LOGIN_CODE")]
    code: String,
    #[serde(rename = "VIEW_HISTORY_FIELD_FROM_DATE")]
    from: String,
    #[serde(rename = "VIEW_HISTORY_FIELD_TO_DATE")]
    to: String,
}

async fn uidl(Extracted(guest): Portal, headers: HeaderMap, Json(sent): Json<Sent>) -> Response {
    guest.with(|state, _| {
        let mut set = None;
        let html = if state.visitor(&headers).is_some() {
            signed_in(state, &sent)
        } else {
            match sent.event.as_str() {
                "login" => log_in(state, &sent, &mut set),
                "code" => check_code(state, &sent, &headers, &mut set),
                "init" => form(""),
                _ => format!(
                    "<div class=\"v-Notification v-Notification-system\">Session Expired</div>{}",
                    form("")
                ),
            }
        };
        let mut answer = page(json!({ "html": html }).to_string());
        answer.headers_mut().insert(
            axum::http::header::CONTENT_TYPE,
            axum::http::HeaderValue::from_static("application/json"),
        );
        match set {
            Some(Set::Session(token)) => with_session(answer, &token),
            Some(Set::Pending(token)) => {
                if let Ok(value) = format!("{PENDING}={token}; Path=/; HttpOnly").parse() {
                    answer
                        .headers_mut()
                        .append(axum::http::header::SET_COOKIE, value);
                }
                answer
            }
            None => answer,
        }
    })
}

enum Set {
    Session(String),
    Pending(String),
}

fn button(id: &str, event: &str, text: &str) -> String {
    format!(
        "<div id=\"{id}\" class=\"v-button v-widget\" role=\"button\" tabindex=\"0\" data-event=\"{event}\">\
         <span class=\"v-button-wrap\"><span class=\"v-button-caption\">{text}</span></span></div>"
    )
}

fn form(notice: &str) -> String {
    format!(
        "{notice}<div id=\"VIEW_LOGIN\" class=\"v-panel\"><input type=\"text\" id=\"FIELD_USERNAME\" class=\"v-textfield\">\
         <input type=\"password\" id=\"FIELD_PASSWORD\" class=\"v-textfield\">{}</div>",
        button("VIEW_LOGIN_BUTTON_LOGIN", "login", "Login")
    )
}

fn notification(verdict: Verdict) -> String {
    let (class, text) = verdict.said();
    format!("<div class=\"v-Notification v-Notification-error {class}\"><h1>{text}</h1></div>")
}

fn log_in(state: &mut State, sent: &Sent, set: &mut Option<Set>) -> String {
    match state.sign_in(&sent.user, &sent.password) {
        Verdict::Open if state.knobs.code => {
            let secret = state.secret();
            let digits: String = secret
                .bytes()
                .take(6)
                .map(|byte| char::from(b'0' + byte % 10))
                .collect();
            state.code = Some(digits);
            *set = Some(Set::Pending(secret));
            secondary("")
        }
        Verdict::Open => {
            let token = state.open_session();
            *set = Some(Set::Session(token));
            signed_in(state, &Sent::default())
        }
        Verdict::CodeRequired => secondary(""),
        Verdict::Unknown => {
            "<div class=\"v-window greeting\" id=\"g-2026\"><h2>Happy new year to all our partners!</h2></div>".to_owned()
        }
        refused => form(&notification(refused)),
    }
}

fn secondary(notice: &str) -> String {
    format!(
        "{notice}<div id=\"VIEW_SECONDARY_LOGIN\" class=\"v-window\"><div id=\"VIEW_SECONDARY_LOGIN_MESSAGE\">Enter the code that \
         we sent to your phone.</div><input type=\"text\" id=\"VIEW_SECONDARY_LOGIN_CODE\">{}</div>",
        button("VIEW_SECONDARY_LOGIN_BUTTON_OK", "code", "OK")
    )
}

/// A code is good once.
fn check_code(
    state: &mut State,
    sent: &Sent,
    headers: &HeaderMap,
    set: &mut Option<Set>,
) -> String {
    if cookie(headers, PENDING).is_none() || state.code.is_none() {
        return form("");
    }
    if state.code.as_deref() == Some(sent.code.trim()) {
        state.code = None;
        let token = state.open_session();
        *set = Some(Set::Session(token));
        return signed_in(state, &Sent::default());
    }
    state.note(Verdict::WrongCode);
    secondary(&notification(Verdict::WrongCode))
}

fn accounts(state: &State) -> String {
    let number = escape(&state.knobs.number);
    let notice = state.knobs.expires_in.map_or_else(String::new, |days| {
        format!("<div class=\"v-label expiry\">{days} days until your password expires</div>")
    });
    format!(
        "<div id=\"BreadCrumb0\">ID:{number}/MM</div>{notice}<div id=\"VIEW_ACCOUNT_LIST\">\
         <div id=\"VIEW_ACCOUNT_LIST_TABLE_0_account.id\" class=\"v-link\" data-event=\"account\">FRI:{number}/MM</div></div>"
    )
}

fn signed_in(state: &mut State, sent: &Sent) -> String {
    if let Some(session) = &mut state.session
        && session.announcements > 0
    {
        if sent.event == "read" {
            session.announcements -= 1;
        }
        if session.announcements > 0 {
            return format!(
                "<div class=\"v-window news\"><div>New tariffs from next month.</div>{}</div>",
                button("NEWS_CLOSE", "read", "Close")
            );
        }
    }
    let (event, at) = sent.event.split_once(':').unwrap_or((&sent.event, "0"));
    match event {
        "account" => search(state, "", ""),
        "search" | "next" => history(state, sent, at.parse().unwrap_or_default()),
        _ => accounts(state),
    }
}

fn search(state: &State, from: &str, to: &str) -> String {
    format!(
        "<div id=\"BreadCrumb0\">ID:{}/MM</div><div id=\"VIEW_HISTORY\"><input id=\"VIEW_HISTORY_FIELD_FROM_DATE\" value=\"{}\">\
         <input id=\"VIEW_HISTORY_FIELD_TO_DATE\" value=\"{}\">{}</div>",
        escape(&state.knobs.number),
        escape(from),
        escape(to),
        button("VIEW_HISTORY_BUTTON_SEARCH", "search", "Search")
    )
}

const HEADERS: [&str; 9] = [
    "Id",
    "Date",
    "Status",
    "Type",
    "From",
    "From name",
    "Note/Message",
    "Amount",
    "Balance",
];

fn history(state: &State, sent: &Sent, skip: usize) -> String {
    let mut text = search(state, &sent.from, &sent.to);
    let Some(lines) = state.lines(DATE, &sent.from, &sent.to) else {
        text.push_str("<div class=\"v-caption-error-label\">Enter both dates.</div>");
        return text;
    };
    let shown: Vec<_> = lines
        .iter()
        .skip(skip)
        .take(state.knobs.rows_per_page)
        .collect();
    text.push_str("<div id=\"VIEW_TABLE\" class=\"v-table\"><div class=\"v-table-header-wrap\"><table><tbody><tr>");
    for header in HEADERS {
        let _ = write!(
            text,
            "<td class=\"v-table-header-cell\"><div class=\"v-table-caption-container\">{header}</div></td>"
        );
    }
    text.push_str("</tr></tbody></table></div><div class=\"v-table-body-wrapper\"><table class=\"v-table-table\"><tbody>");
    for line in &shown {
        row(&mut text, line, state);
    }
    text.push_str("</tbody></table></div></div>");
    if lines.is_empty() {
        text.push_str("<div id=\"TABLE_EMPTY_LABEL\">No transactions found</div>");
        return text;
    }
    let _ = write!(
        text,
        "<div id=\"TABLE_INFO_LABEL\">{} - {}</div><div id=\"TABLE_COUNT_LABEL\">{} in all</div>",
        skip + 1,
        skip + shown.len(),
        lines.len()
    );
    let next = skip + state.knobs.rows_per_page;
    if next < lines.len() {
        text.push_str(&button(
            "PAGED_TABLE_NEXT_BUTTON",
            &format!("next:{next}"),
            "&gt;",
        ));
    }
    text
}

fn row(text: &mut String, line: &Line<'_>, state: &State) {
    let at: DateTime<Utc> = line.row.place();
    let at = at.with_timezone(&state.knobs.zone());
    let money = |amount: Decimal| format!("UGX {amount:.2}");
    let amount = match line.row.direction() {
        Direction::Credit => money(line.row.amount),
        Direction::Debit => money(-line.row.amount),
    };
    let kind = match line.row.kind {
        RowKind::Payment => "Debit",
        RowKind::Charge => "Fee",
        RowKind::Withdrawal => "External payment",
        RowKind::Reversal => "Reversal",
    };
    let status = match line.row.status() {
        "Completed" => "Successful",
        "Failed" | "Declined" | "Expired" => "Failed",
        _ => "Pending",
    };
    let payer = line.row.payer.as_deref().unwrap_or_default();
    let cells = [
        (FIRST_ID + line.number as u64).to_string(),
        at.format("%Y-%m-%d %H:%M:%S").to_string(),
        status.to_owned(),
        kind.to_owned(),
        if payer.is_empty() {
            String::new()
        } else {
            format!("FRI:{payer}/MSISDN")
        },
        line.row.payer_name.clone().unwrap_or_default(),
        line.row.reference.clone().unwrap_or_default(),
        amount,
        line.balance.map(money).unwrap_or_default(),
    ];
    text.push_str("<tr class=\"v-table-row\">");
    for cell in cells {
        let _ = write!(
            text,
            "<td class=\"v-table-cell-content\"><div class=\"v-table-cell-wrapper\">{}</div></td>",
            escape(&cell)
        );
    }
    text.push_str("</tr>");
}

async fn leave(Extracted(guest): Portal, headers: HeaderMap) -> Response {
    guest.with(|state, _| {
        if state.visitor(&headers).is_some() {
            state.session = None;
        }
    });
    redirect("/partner/")
}
