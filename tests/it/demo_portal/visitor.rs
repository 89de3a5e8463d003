//! A small browser: cookies, no redirects followed, pages read by their documented ids.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, RequestBuilder, StatusCode, header, redirect};
use scraper::{Html, Selector};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tillwatch::demo::portal::{DemoPortal, PortalConfig, SideChannel, start};
use tokio::net::TcpListener;

/// 21 November 2026, 12:00 in Nairobi.
pub const NOON: &str = "2026-11-21T09:00:00Z";
pub const TODAY: &str = "/statement.action?from=21-11-2026&to=21-11-2026";
pub const ALL: &str = "/statement.action?from=01-11-2026&to=22-11-2026";

/// A portal whose time only moves when it is told to.
pub struct Stage {
    pub portal: DemoPortal,
    pub control: SideChannel,
    now: Arc<Mutex<DateTime<Utc>>>,
}

impl Stage {
    pub async fn open(config: PortalConfig) -> Self {
        let now = Arc::new(Mutex::new(NOON.parse().unwrap()));
        let shown = now.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let portal = start(config, Arc::new(move || *shown.lock().unwrap()), listener)
            .await
            .unwrap();
        let control = portal.control().clone();
        Self {
            portal,
            control,
            now,
        }
    }

    pub fn pass(&self, seconds: i64) {
        *self.now.lock().unwrap() += TimeDelta::seconds(seconds);
    }

    pub fn visitor(&self) -> Visitor {
        Visitor::of(&self.portal)
    }

    /// A visitor who is signed in.
    pub async fn reader(&self) -> Visitor {
        let mut visitor = self.visitor();
        let answer = visitor.sign_in("kilima-demo-1").await;
        assert_eq!(answer.location.as_deref(), Some("/main.action"));
        visitor
    }

    pub async fn post(&self, path: &str, body: &str) -> (StatusCode, serde_json::Value) {
        let url = format!("http://{}{path}", self.portal.address());
        let request = Client::builder().no_proxy().build().unwrap().post(url);
        let answer = request
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
            .await
            .unwrap();
        let status = answer.status();
        (
            status,
            serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default(),
        )
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub location: Option<String>,
    pub html: String,
}

impl Answer {
    /// Texts of what `css` selects, as they stand in the page.
    pub fn texts(&self, css: &str) -> Vec<String> {
        let page = Html::parse_document(&self.html);
        page.select(&Selector::parse(css).unwrap())
            .map(|element| element.text().collect())
            .collect()
    }

    pub fn has(&self, css: &str) -> bool {
        !self.texts(css).is_empty()
    }

    pub fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let page = Html::parse_document(&self.html);
        page.select(&Selector::parse(css).unwrap())
            .next()?
            .attr(name)
            .map(str::to_owned)
    }

    /// The data rows: trimmed cells by header text.
    pub fn rows(&self) -> Vec<BTreeMap<String, String>> {
        let page = Html::parse_document(&self.html);
        let headers = self.texts("#statement th");
        let (row, cell) = (
            Selector::parse("#statement tr").unwrap(),
            Selector::parse("td").unwrap(),
        );
        let cells = page.select(&row).map(|row| {
            row.select(&cell)
                .map(|cell| cell.text().collect::<String>())
                .collect()
        });
        let full = cells.filter(|cells: &Vec<String>| cells.len() == headers.len());
        full.map(|cells| {
            headers
                .iter()
                .cloned()
                .zip(cells.iter().map(|cell| cell.trim().to_owned()))
                .collect()
        })
        .collect()
    }

    pub fn column(&self, header: &str) -> Vec<String> {
        self.rows()
            .into_iter()
            .map(|row| row[header].clone())
            .collect()
    }
}

#[derive(Clone)]
pub struct Visitor {
    client: Client,
    origin: String,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    pub fn of(portal: &DemoPortal) -> Self {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            client,
            origin: format!("http://{}", portal.address()),
            cookies: BTreeMap::new(),
        }
    }

    async fn send(&mut self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let answer = request
            .header(header::COOKIE, cookies.join("; "))
            .send()
            .await?;
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; HttpOnly"));
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let location = answer
            .headers()
            .get(header::LOCATION)
            .map(|value| value.to_str().unwrap().to_owned());
        Ok(Answer {
            status: answer.status(),
            location,
            html: answer.text().await?,
        })
    }

    pub async fn try_get(&mut self, path: &str) -> reqwest::Result<Answer> {
        let request = self.client.get(format!("{}{path}", self.origin));
        self.send(request).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.try_get(path).await.unwrap()
    }

    pub async fn submit(&mut self, password: &str, csrf: &str) -> reqwest::Result<Answer> {
        let fields = [
            ("shortCode", "600123"),
            ("userName", "reader"),
            ("password", password),
            ("csrfToken", csrf),
        ];
        let request = self
            .client
            .post(format!("{}/orglogin.action", self.origin))
            .form(&fields);
        self.send(request).await
    }

    pub async fn form_token(&mut self) -> String {
        self.get("/orglogin.action")
            .await
            .attribute("#csrf", "value")
            .unwrap()
    }

    pub async fn sign_in(&mut self, password: &str) -> Answer {
        let token = self.form_token().await;
        self.submit(password, &token).await.unwrap()
    }

    /// Reads a statement by its Next links, from its first page on.
    pub async fn read_all(&mut self, path: &str) -> Vec<BTreeMap<String, String>> {
        let (mut rows, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let page = self.get(&path).await;
            rows.extend(page.rows());
            next = page.attribute("#next", "href");
        }
        rows
    }
}
