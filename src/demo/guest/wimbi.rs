//! Wimbi: a business portal whose rows come in files, from an endpoint, or by a script as one scrolls.
//!
//! | address | shows |
//! |---|---|
//! | `/` | `form#signin` |
//! | `/payments?from=&to=` | `#business` for who is signed in, the links and the form of the exports, no rows |
//! | `/export?lang=en&from=&to=` | CSV; with a knob a web page about an error instead |
//! | `POST /export` | `lang=fr` and the form's own `csrf`: a CSV in French, gzip under the name of a CSV; `lang=xls`: HTML |
//! | `/api/payments?from=&to=&after=` | JSON, by cursor |
//! | `/api/pages?from=&to=&page=` | the same, by number of the page |
//! | `/more`, `/stream`, `/grid`, `/details` | pages that a script fills from the endpoint, see `scripts` |
//!
//! Who is not signed in is led to `/`; the endpoint answers 401 with an object.

mod files;
mod scripts;

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State as Extracted};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use axum::{Form, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Guest, Portal, State, Verdict, escape, html, page, redirect, with_session};

const DATE: &str = "%Y-%m-%d";

pub(super) fn routes() -> Router<Arc<Guest>> {
    Router::new()
        .route("/", get(async || sign_in_page("")))
        .route("/signin", post(sign_in))
        .route("/payments", get(payments))
        .route("/export", get(export_by_link).post(export_by_form))
        .route("/api/payments", get(by_cursor))
        .route("/api/pages", get(by_page))
        .route("/api/detail", get(detail))
        .route("/more", scripted(scripts::MORE))
        .route("/stream", scripted(scripts::STREAM))
        .route("/grid", scripted(scripts::GRID))
        .route("/details", scripted(scripts::DETAILS))
        .route("/logout", get(leave))
}

/// What a request may say.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct Asked {
    from: String,
    to: String,
    lang: String,
    csrf: String,
    after: Option<usize>,
    page: Option<usize>,
    size: Option<usize>,
    id: String,
}

fn whole(body: &str) -> Response {
    page(format!(
        "<!DOCTYPE html>\n<html><head><title>Wimbi Business</title></head><body>\n{body}\n</body></html>\n"
    ))
}

fn sign_in_page(notice: &str) -> Response {
    whole(&format!(
        "{notice}<form id=\"signin\" method=\"post\" action=\"/signin\"><input name=\"user\" id=\"user\">\n\
         <input name=\"password\" id=\"password\" type=\"password\"><button id=\"go\">Sign in</button></form>"
    ))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    user: String,
    password: String,
}

async fn sign_in(Extracted(guest): Portal, typed: Result<Form<Typed>, FormRejection>) -> Response {
    let typed = typed.map(|Form(typed)| typed).unwrap_or_default();
    guest.with(
        |state, _| match state.sign_in(&typed.user, &typed.password) {
            Verdict::Open => {
                let token = state.open_session();
                with_session(redirect("/payments"), &token)
            }
            verdict => {
                let (class, text) = verdict.said();
                sign_in_page(&format!("<p class=\"problem {class}\">{text}</p>"))
            }
        },
    )
}

/// The head of every page of somebody who is signed in.
fn business(state: &State) -> String {
    let number = escape(&state.knobs.number);
    format!("<p id=\"business\">Signed in for {number}</p>\n<a href=\"/logout\">Sign out</a>\n")
}

/// Answers somebody who is signed in; anybody else is led to the form.
fn signed_in(
    guest: &Guest,
    headers: &HeaderMap,
    answer: impl FnOnce(&mut State, &str) -> Response,
) -> Response {
    guest.with(|state, _| match state.visitor(headers) {
        Some(session) => {
            let token = session.token.clone();
            answer(state, &token)
        }
        None => redirect("/"),
    })
}

async fn payments(
    Extracted(guest): Portal,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    signed_in(&guest, &headers, |state, token| {
        let (from, to) = (escape(&asked.from), escape(&asked.to));
        whole(&format!(
            "{}<a class=\"export\" href=\"export?lang=en&amp;from={from}&amp;to={to}\">Export</a>\n\
             <form id=\"export\" method=\"post\" action=\"/export\"><input type=\"hidden\" name=\"csrf\" value=\"{token}\">\n\
             <input name=\"from\" value=\"\"><input name=\"to\" value=\"\"><select name=\"lang\"><option value=\"fr\">Français</option>\
             <option value=\"xls\">Excel</option></select><button name=\"go\">Exporter</button></form>",
            business(state)
        ))
    })
}

/// A file as a portal sends it: its name and type say little about it.
fn file(bytes: Vec<u8>, name: &str, kind: &str) -> Response {
    let mut answer = Response::new(axum::body::Body::from(bytes));
    let disposition = format!("attachment; filename=\"{name}\"");
    for (name, value) in [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ] {
        if let Ok(value) = value.parse() {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

async fn export_by_link(
    Extracted(guest): Portal,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    signed_in(&guest, &headers, |state, _| {
        if state.knobs.export_fails {
            return whole(&format!(
                "{}<h1>Sorry</h1><p>The export cannot be made now.</p>",
                business(state)
            ));
        }
        match state.lines(DATE, &asked.from, &asked.to) {
            Some(lines) => {
                let csv = files::english(&lines, state.knobs.zone());
                file(csv.into_bytes(), "payments.xls", "application/vnd.ms-excel")
            }
            None => html(StatusCode::BAD_REQUEST, "<p>dates?</p>".to_owned()),
        }
    })
}

async fn export_by_form(
    Extracted(guest): Portal,
    headers: HeaderMap,
    asked: Result<Form<Asked>, FormRejection>,
) -> Response {
    let asked = asked.map(|Form(asked)| asked).unwrap_or_default();
    signed_in(&guest, &headers, |state, token| {
        let lines = state.lines(DATE, &asked.from, &asked.to);
        let Some(lines) = lines.filter(|_| asked.csrf == token) else {
            return html(StatusCode::FORBIDDEN, "<p>expired form</p>".to_owned());
        };
        let zone = state.knobs.zone();
        match asked.lang.as_str() {
            "xls" => file(
                files::page(&lines, zone).into_bytes(),
                "payments.xls",
                "application/vnd.ms-excel",
            ),
            _ => file(
                files::gzip(files::french(&lines, zone).as_bytes()),
                "paiements.csv",
                "text/csv",
            ),
        }
    })
}

fn object(status: StatusCode, value: &Value) -> Response {
    let mut answer = html(status, value.to_string());
    let kind = header::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

/// Answers a script of somebody who is signed in.
fn to_script(
    guest: &Guest,
    headers: &HeaderMap,
    answer: impl FnOnce(&State) -> Option<Value>,
) -> Response {
    guest.with(|state, _| {
        if state.visitor(headers).is_none() {
            let error = json!({ "error": { "code": "unauthenticated" } });
            return object(StatusCode::UNAUTHORIZED, &error);
        }
        if state.knobs.export_fails {
            return object(StatusCode::OK, &json!({ "error": { "code": "busy" } }));
        }
        match answer(state) {
            Some(value) => object(StatusCode::OK, &value),
            None => object(
                StatusCode::BAD_REQUEST,
                &json!({ "error": { "code": "dates" } }),
            ),
        }
    })
}

async fn by_cursor(
    Extracted(guest): Portal,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    to_script(&guest, &headers, |state| {
        let lines = state.lines(DATE, &asked.from, &asked.to)?;
        let from = asked.after.unwrap_or_default();
        let size = asked.size.unwrap_or(state.knobs.rows_per_page);
        let to = (from + size).min(lines.len());
        let shown = lines.get(from..to).unwrap_or_default();
        let more = to < lines.len();
        Some(json!({
            "items": files::items(shown, state.knobs.zone()),
            "page_info": { "end_cursor": more.then(|| to.to_string()), "has_next_page": more, "total": lines.len() },
        }))
    })
}

async fn by_page(
    Extracted(guest): Portal,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    to_script(&guest, &headers, |state| {
        let lines = state.lines(DATE, &asked.from, &asked.to)?;
        let size = state.knobs.rows_per_page;
        let from = (asked.page.unwrap_or(1).max(1) - 1) * size;
        let to = (from + size).min(lines.len());
        let shown = lines.get(from..to).unwrap_or_default();
        Some(
            json!({ "data": files::items(shown, state.knobs.zone()), "has_more": to < lines.len() }),
        )
    })
}

async fn detail(
    Extracted(guest): Portal,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    to_script(&guest, &headers, |state| {
        let lines = state.books.lines();
        let line = lines.into_iter().find(|line| files::id(line) == asked.id)?;
        files::items(&[line], state.knobs.zone()).pop()
    })
}

/// A page that a script fills, of the days that are asked for.
fn scripted(body: &'static str) -> MethodRouter<Arc<Guest>> {
    get(
        async move |Extracted(guest): Portal, headers: HeaderMap, Query(asked): Query<Asked>| {
            signed_in(&guest, &headers, |state, _| {
                let lines = state.lines(DATE, &asked.from, &asked.to);
                let total = lines.map_or(0, |lines| lines.len());
                let hole = if state.knobs.grid_hole { "1" } else { "" };
                whole(&format!(
                    "{}<p id=\"count\" data-hole=\"{hole}\">{total} in all</p>\n{body}",
                    business(state)
                ))
            })
        },
    )
}

async fn leave(Extracted(guest): Portal, headers: HeaderMap) -> Response {
    guest.with(|state, _| {
        if state.visitor(&headers).is_some() {
            state.session = None;
        }
    });
    redirect("/")
}
