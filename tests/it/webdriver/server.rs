//! A portal on loopback: a form, a table of two pages, and a fault on demand.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::runtime::Runtime;

/// What `/table` answers.
#[derive(Debug, Clone)]
pub enum Table {
    Rows,
    /// Rows for whoever is signed in, beside what the storages hold; else the sign-in form.
    Guarded,
    /// Rows beside what the browser calls itself, by its request and by its scripts.
    Agent,
    Status(u16),
    /// A table that the selector file fits, for whoever is signed in.
    Statement,
    /// A status with `Retry-After`.
    Busy(u16, String),
    EmptyBody,
    NoContent,
    Download,
    PlainText,
    /// A document of so many bytes and more.
    Huge(usize),
    RedirectTo(String),
    /// Never answers.
    Hangs,
    /// An endless script.
    Spins,
    /// A script that takes all the memory there is.
    Eats,
    /// Opens a dialog while loading, one more from the link to the next page.
    Dialogs,
    /// The link to the next page does nothing.
    DeadNext,
}

/// What is at `/login`.
#[derive(Debug, Clone)]
pub enum Login {
    Form,
    /// The form sends to this address.
    SendsTo(String),
    /// The form's button sends to this address.
    ButtonSendsTo(String),
    RedirectTo(String),
    /// A script makes the form once the page is complete; submitting it is answered in place.
    ByScript,
    /// The number first, the rest on a page of its own.
    TwoPages,
}

#[derive(Debug)]
struct Truth {
    login: Login,
    table: Table,
    /// Path and query, or path and form fields, of every request.
    seen: Vec<String>,
}

/// One origin. Dropping it closes its connections and its port.
pub struct Server {
    pub origin: String,
    truth: Arc<Mutex<Truth>>,
    runtime: Option<Runtime>,
}

impl Server {
    pub fn start() -> Self {
        let truth = Arc::new(Mutex::new(Truth {
            login: Login::Form,
            table: Table::Rows,
            seen: Vec::new(),
        }));
        let app = Router::new()
            .route("/login", get(login).post(signed))
            .route("/second", get(second))
            .route("/home", get(home))
            .route("/table", get(table))
            .route("/logout", get(logout))
            .with_state(Arc::clone(&truth));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            origin,
            truth,
            runtime: Some(runtime),
        }
    }

    pub fn set_login(&self, login: Login) {
        self.truth.lock().unwrap().login = login;
    }

    pub fn set_table(&self, table: Table) {
        self.truth.lock().unwrap().table = table;
    }

    pub fn seen(&self) -> Vec<String> {
        self.truth.lock().unwrap().seen.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

type Shared = State<Arc<Mutex<Truth>>>;

fn note(truth: &Shared, line: String) {
    truth.lock().unwrap().seen.push(line);
}

#[derive(Deserialize)]
struct Fields {
    number: String,
    user: String,
    password: String,
}

async fn login(truth: Shared) -> Response {
    note(&truth, "GET /login".to_owned());
    let login = truth.lock().unwrap().login.clone();
    let form = |action: &str, button: &str| {
        Html(format!(
            "<!DOCTYPE html><title>t</title><form method=post action='{action}'><input name=number value=old>\
             <input name=user><input name=password type=password><input type=hidden name=action value=x>\
             <button {button}>Go</button></form>"
        ))
        .into_response()
    };
    match login {
        Login::Form => form("", ""),
        Login::SendsTo(address) => form(&address, ""),
        Login::ButtonSendsTo(address) => form("/login", &format!("formaction='{address}'")),
        Login::RedirectTo(address) => Redirect::to(&address).into_response(),
        Login::TwoPages => Html(
            "<!DOCTYPE html><form action=/second><input name=number><button>Next</button></form>",
        )
        .into_response(),
        Login::ByScript => Html(
            "<!DOCTYPE html><title>t</title><p>please wait</p><script>
             addEventListener('load', () => setTimeout(() => {
               document.body.innerHTML = `<form action='javascript:void(0)'><input name=number><input name=user>
                 <input name=password type=password><button type=button>Go</button></form>`;
               document.querySelector('button').onclick = () => {
                 document.body.innerHTML = '<p id=wrong>Wrong password</p>';
               };
             }, 200));</script>",
        )
        .into_response(),
    }
}

async fn signed(truth: Shared, Form(fields): Form<Fields>) -> Response {
    let Fields {
        number,
        user,
        password,
    } = fields;
    note(&truth, format!("POST /login {number} {user} {password}"));
    if password == "correct horse" {
        (
            [(header::SET_COOKIE, "sid=1; Path=/table; HttpOnly")],
            Redirect::to("/home"),
        )
            .into_response()
    } else {
        let page = Html("<!DOCTYPE html><p id=wrong>Wrong password</p>");
        (StatusCode::UNAUTHORIZED, page).into_response()
    }
}

async fn second(Query(asked): Query<BTreeMap<String, String>>) -> Html<String> {
    let number = asked.get("number").unwrap();
    Html(format!(
        "<!DOCTYPE html><form method=post action=/login><input type=hidden name=number value={number}>\
         <input name=user><input name=password type=password><button>Go</button></form>"
    ))
}

async fn home() -> Html<&'static str> {
    Html(
        "<!DOCTYPE html><title>t</title><p id=home>Welcome</p>\
         <script>localStorage.token = 'long'; sessionStorage.token = 'short'</script>",
    )
}

async fn logout(truth: Shared) -> Html<&'static str> {
    note(&truth, "GET /logout".to_owned());
    Html("<!DOCTYPE html><script>alert('bye')</script><p>Signed out</p>")
}

#[derive(Deserialize)]
struct Asked {
    from: String,
    to: String,
    page: Option<u32>,
}

async fn table(truth: Shared, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let Asked { from, to, page } = asked;
    let page = page.unwrap_or(1);
    note(&truth, format!("GET /table {from} {to} {page}"));
    let table = truth.lock().unwrap().table.clone();
    let next = format!("href='/table?from={from}&to={to}&page={}'", page + 1);
    let rows = |link: &str, script: &str| {
        Html(format!(
            "<!DOCTYPE html><title>t</title><table><tr><td>row {page}</table><a class=next {link}>Next</a>\
             <script>{script}</script>"
        ))
        .into_response()
    };
    match table {
        Table::Rows => rows(&next, ""),
        Table::Guarded => {
            let cookie = headers.get(header::COOKIE);
            if cookie.is_none_or(|cookie| !cookie.to_str().unwrap().contains("sid=1")) {
                return Html("<!DOCTYPE html><form method=post action=/login></form>")
                    .into_response();
            }
            rows(
                &next,
                "document.body.append(`${localStorage.token} ${sessionStorage.token}`)",
            )
        }
        Table::Agent => {
            let agent = headers.get(header::USER_AGENT);
            let agent = agent.map_or("", |agent| agent.to_str().unwrap());
            let script = format!(
                "document.body.append(`asked as {agent}, runs as ${{navigator.userAgent}}.`)"
            );
            rows(&next, &script)
        }
        Table::Status(code) => (
            StatusCode::from_u16(code).unwrap(),
            Html("<!DOCTYPE html><p>sorry</p>"),
        )
            .into_response(),
        Table::Statement => Html(
            "<!DOCTYPE html><title>t</title><p id=home>Welcome</p><table><tr><th>Receipt<th>Time<th>Paid In\
             <tr><td>UKL1<td>21-11-2026 12:00:00<td>5.00</table>",
        )
        .into_response(),
        Table::Busy(code, pause) => (
            StatusCode::from_u16(code).unwrap(),
            [(header::RETRY_AFTER, pause)],
            Html("<!DOCTYPE html><p>not now</p>"),
        )
            .into_response(),
        Table::EmptyBody => Html("").into_response(),
        Table::NoContent => StatusCode::NO_CONTENT.into_response(),
        Table::Download => (
            [(header::CONTENT_DISPOSITION, "attachment; filename=t.csv")],
            "a,b",
        )
            .into_response(),
        Table::PlainText => "row 1".into_response(),
        // In a comment, which costs the browser no layout.
        Table::Huge(bytes) => {
            let filler = "ü".repeat(bytes / 2);
            Html(format!("<!DOCTYPE html><p>x</p><!--{filler}-->")).into_response()
        }
        Table::RedirectTo(address) => Redirect::to(&address).into_response(),
        Table::Hangs => pending().await,
        Table::Spins => rows(&next, "addEventListener('load', () => { while (true) {} })"),
        Table::Eats => rows(
            &next,
            "addEventListener('load', () => { const all = []; while (true) all.push(new Array(1e5).fill(0).map(Object)) })",
        ),
        Table::Dialogs => rows(
            &format!("{next} onclick=\"alert('sure?')\""),
            "alert('note')",
        ),
        Table::DeadNext => rows("href='#' onclick='return false'", ""),
    }
}
