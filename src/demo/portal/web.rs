//! The portal's pages over HTTP: cookies, redirects, and the faults that requests meet on their way.

use axum::body::Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{Query, Request, State as Extracted};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

use super::access::{Ending, LoginForm, LoginOutcome, Visitor};
use super::faults::{Fault, FaultRule};
use super::pages::{self, CODE, LOGIN, LOGOUT, MAIN, STATEMENT};
use super::table::{self, Leaf, Period};
use super::truth::PageLoad;
use super::{Shared, State};

/// The cookie that binds the sign-in form to a browser.
const FORM_COOKIE: &str = "KMLOGIN";
/// The cookie of a session.
const SESSION_COOKIE: &str = "JSESSIONID";
/// The cookie of who gave the password and owes the code.
const CODE_COOKIE: &str = "KMCODE";

/// Marks an answer that is not to be sent: the connection is closed instead.
#[derive(Clone, Copy)]
pub(super) struct CloseConnection;

/// Marks a request that is answered without the newest row.
#[derive(Clone, Copy)]
struct Stale;

/// The number under which the journal waits for this attempt's outcome.
#[derive(Clone, Copy)]
struct AttemptNumber(u64);

type Portal = Extracted<Arc<Shared>>;

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(async || redirect(LOGIN)))
        .route(LOGIN, get(login).post(sign_in))
        .route(CODE, post(one_time_code))
        .route(MAIN, get(start))
        .route(STATEMENT, get(statement))
        .route(LOGOUT, get(logout))
        .layer(from_fn_with_state(shared.clone(), meet))
        .with_state(shared)
}

/// Journals a request on its arrival, then lets it meet its fault.
async fn meet(Extracted(shared): Portal, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mode = request.headers().get("sec-fetch-mode");
    let mode = mode.and_then(|mode| mode.to_str().ok()).map(str::to_owned);
    // Subscribed before the fault is looked up: a release in between is not missed.
    let mut released = shared.release.subscribe();
    let (fault, attempt) = shared.with(|state, now| {
        let page = request.uri().query().and_then(|query| {
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(key, _)| key == "page")
                .and_then(|(_, page)| page.parse().ok())
        });
        state.journal.load(PageLoad {
            at: now,
            method: request.method().to_string(),
            path: path.clone(),
            page,
            mode: mode.clone(),
        });
        let attempt = (request.method() == Method::POST && path == LOGIN).then(|| {
            state.access.arrive(now);
            AttemptNumber(state.journal.attempt(now))
        });
        (state.faults.meet(&path, mode.as_deref()), attempt)
    });
    if let Some(number) = attempt {
        request.extensions_mut().insert(number);
    }
    let Some(FaultRule {
        fault, ms, after, ..
    }) = fault
    else {
        return disguised(&shared, next.run(request).await);
    };
    let spoilt = match fault {
        Fault::Slow => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            return disguised(&shared, next.run(request).await);
        }
        Fault::Stale => {
            request.extensions_mut().insert(Stale);
            return disguised(&shared, next.run(request).await);
        }
        Fault::SignIn => to_login(None),
        Fault::Hang => {
            // An error means that the portal is going down; so does this connection then.
            let _ = released.changed().await;
            return disguised(&shared, next.run(request).await);
        }
        Fault::NotFound => html(StatusCode::NOT_FOUND, pages::http_error("404 Not Found")),
        Fault::ServerError => html(
            StatusCode::INTERNAL_SERVER_ERROR,
            pages::http_error("500 Internal Server Error"),
        ),
        Fault::Busy => {
            let page = html(
                StatusCode::TOO_MANY_REQUESTS,
                pages::http_error("429 Too Many Requests"),
            );
            let pause = ms.div_ceil(1000).to_string();
            ([(header::RETRY_AFTER, pause)], page).into_response()
        }
        Fault::EmptyBody => html(StatusCode::OK, String::new()),
        Fault::Close => {
            let mut unsent = Response::default();
            unsent.extensions_mut().insert(CloseConnection);
            unsent
        }
    };
    if after {
        next.run(request).await;
    }
    spoilt
}

/// The answer, or what the markup in force puts in place of every page.
fn disguised(shared: &Shared, answer: Response) -> Response {
    let (empty, other) = shared.with(|state, _| (state.markup.empty_body, state.markup.other_site));
    match (empty, other) {
        (true, _) => html(StatusCode::OK, String::new()),
        (false, true) => html(StatusCode::OK, pages::OTHER_SITE.into()),
        (false, false) => answer,
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WhyBack {
    reason: String,
}

async fn login(Extracted(shared): Portal, Query(why): Query<WhyBack>) -> Response {
    shared.with(|state, _| {
        let visitor = state.access.new_visitor();
        let page = pages::login(
            &state.access.form_token(&visitor),
            pages::reason(&why.reason),
        );
        with_cookie(html(StatusCode::OK, page), FORM_COOKIE, &visitor)
    })
}

async fn sign_in(
    Extracted(shared): Portal,
    Extension(AttemptNumber(number)): Extension<AttemptNumber>,
    headers: HeaderMap,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    // A body that is no form carries no form token either: it is judged as such.
    let form = form.map(|Form(form)| form).unwrap_or_default();
    let visitor = cookie(&headers, FORM_COOKIE);
    shared.with(|state, now| {
        let (outcome, session) =
            state
                .access
                .sign_in(&form, visitor.as_deref(), number, now, &state.config);
        state.journal.outcome(number, outcome);
        if let (LoginOutcome::OtpRequired, Some(token)) = (outcome, &session) {
            let page = html(StatusCode::OK, pages::ask_code());
            return with_cookie(page, CODE_COOKIE, token);
        }
        if outcome == LoginOutcome::Locked || outcome == LoginOutcome::TooManyLogins {
            tracing::info!(?outcome, "the demo portal refused a locked user");
        }
        if let Some(token) = session {
            return with_cookie(redirect(MAIN), SESSION_COOKIE, &token);
        }
        let visitor = visitor.unwrap_or_else(|| state.access.new_visitor());
        let tries_left = state.access.tries_left(&state.config);
        let page = pages::refused(outcome, tries_left, &state.access.form_token(&visitor));
        with_cookie(html(StatusCode::OK, page), FORM_COOKIE, &visitor)
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CodeForm {
    otp: String,
}

async fn one_time_code(
    Extracted(shared): Portal,
    headers: HeaderMap,
    form: Result<Form<CodeForm>, FormRejection>,
) -> Response {
    let form = form.map(|Form(form)| form).unwrap_or_default();
    let token = cookie(&headers, CODE_COOKIE);
    shared.with(|state, now| {
        let State { access, config, .. } = state;
        let Some((number, outcome, session)) =
            access.give_code(form.otp.trim(), token.as_deref(), now, config)
        else {
            return to_login(None);
        };
        state.journal.outcome(number, outcome);
        match session {
            Some(token) => with_cookie(redirect(MAIN), SESSION_COOKIE, &token),
            None => html(StatusCode::OK, pages::refused(outcome, 0, "")),
        }
    })
}

async fn start(Extracted(shared): Portal, headers: HeaderMap) -> Response {
    shared.with(|state, now| {
        match state.access.visit(
            cookie(&headers, SESSION_COOKIE).as_deref(),
            now,
            &state.config,
        ) {
            Visitor::SignedIn { since } => html(
                StatusCode::OK,
                pages::start(&state.config, !state.markup.drop_signed_in_mark, since),
            ),
            Visitor::Ended(ending) => to_login(Some(ending)),
            Visitor::Stranger => to_login(None),
        }
    })
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Search {
    from: String,
    to: String,
    page: String,
}

async fn statement(
    Extracted(shared): Portal,
    headers: HeaderMap,
    stale: Option<Extension<Stale>>,
    Query(search): Query<Search>,
) -> Response {
    shared.with(|state, now| {
        match state.access.visit(
            cookie(&headers, SESSION_COOKIE).as_deref(),
            now,
            &state.config,
        ) {
            Visitor::SignedIn { .. } => {}
            Visitor::Ended(ending) => return to_login(Some(ending)),
            Visitor::Stranger => return to_login(None),
        }
        let State {
            config,
            access,
            statement,
            markup,
            ..
        } = state;
        let Some(period) = Period::parse(&search.from, &search.to) else {
            let refused = !search.from.is_empty() || !search.to.is_empty();
            return html(
                StatusCode::OK,
                table::search_only(&search.from, &search.to, refused, config, markup),
            );
        };
        // As on such portals, a page number that is none means the first.
        let page = search.page.parse().unwrap_or(1);
        if !access.begin_statement(page, config) {
            return to_login(Some(Ending::Used));
        }
        let mut lines = statement.lines();
        lines.drain(..usize::from(stale.is_some()).min(lines.len()));
        let leaf = Leaf::cut(lines, period, page, config);
        if leaf.page == leaf.pages {
            access.finish_statement(config);
        }
        html(StatusCode::OK, table::statement(&leaf, now, config, markup))
    })
}

async fn logout(Extracted(shared): Portal, headers: HeaderMap) -> Response {
    shared.with(|state, _| {
        state
            .access
            .sign_out(cookie(&headers, SESSION_COOKIE).as_deref());
        if state.config.logout_alert {
            html(StatusCode::OK, pages::alert_then_login())
        } else {
            to_login(Some(Ending::SignedOut))
        }
    })
}

fn html(status: StatusCode, page: String) -> Response {
    let mut answer = Response::new(Body::from(page));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    answer
}

fn redirect(location: &str) -> Response {
    let mut answer = html(StatusCode::FOUND, String::new());
    if let Ok(location) = location.parse() {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    answer
}

fn to_login(ending: Option<Ending>) -> Response {
    match ending {
        Some(ending) => redirect(&format!("{LOGIN}?reason={}", pages::reason_word(ending))),
        None => redirect(LOGIN),
    }
}

fn with_cookie(mut answer: Response, name: &str, value: &str) -> Response {
    if let Ok(cookie) = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax").parse() {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}
