//! Proxies, own authorities, client certificates and slow links.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tillwatch::demo::guest::tls::Tls;
use tillwatch::demo::guest::{Verdict, Which};
use tillwatch::portal::Portal as _;
use tillwatch::portal::webdriver::{Route, WebDriverPortal};
use tillwatch::selectors::{Origin, Read};
use tillwatch::understand::Session;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::stage::Stage;

/// Files as an operator hands them out.
struct Files {
    dir: TempDir,
    ca: PathBuf,
    client: PathBuf,
}

impl Files {
    fn of(tls: &Tls) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (ca, client) = (dir.path().join("ca.pem"), dir.path().join("client.pem"));
        fs::write(&ca, tls.ca_pem()).unwrap();
        fs::write(&client, tls.client_pem()).unwrap();
        fs::set_permissions(&client, fs::Permissions::from_mode(0o400)).unwrap();
        Self { dir, ca, client }
    }
}

/// Reads until the browser is gone, and once more without it: `rows` each time.
async fn read_without_browser(stage: &Stage, browser: &mut WebDriverPortal, rows: usize) {
    // By the browser, by both ways, by the cheap one.
    for _ in 0..3 {
        assert!(browser.holds_place());
        assert_eq!(stage.read(browser).await.len(), rows);
        browser.heard(true).await;
    }
    assert!(!browser.holds_place());
    let before = stage.control().truth().loads.len();
    assert_eq!(stage.read(browser).await.len(), rows);
    assert!(stage.control().truth().loads.len() > before);
    assert!(!browser.holds_place());
    assert_eq!(stage.control().truth().attempts, [Verdict::Open]);
}

#[tokio::test]
async fn an_own_authority_and_a_client_certificate_open_a_portal() {
    let tls = Tls::new(true).unwrap();
    let mut stage = Stage::with(Which::Ngome, Some(&tls)).await;
    stage.selectors.table.read = Read::Http;
    stage.control().seed_history(12).unwrap();
    let files = Files::of(&tls);
    let route = Route {
        ca: Some(files.ca.clone()),
        client_certificate: Some(files.client.clone()),
        ..Route::default()
    };
    let mut browser = stage.open_by(route).await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    read_without_browser(&stage, &mut browser, 12).await;
    browser.close().await;
    // Nothing of the key stays behind.
    let left: Vec<_> = fs::read_dir(stage.state.path().join("browser"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with("run-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    drop(files.dir);
}

#[tokio::test]
async fn without_its_authority_a_portal_is_down_and_nothing_is_waved_through() {
    let tls = Tls::new(false).unwrap();
    let stage = Stage::with(Which::Ngome, Some(&tls)).await;
    let mut browser = stage.open().await;
    let error = browser.visit_sign_in().await.unwrap_err().to_string();
    assert!(error.contains("does not answer as itself"), "{error}");
    println!("without: {error}");
    browser.close().await;
    // Another authority of the same name does not help.
    let other = Files::of(&Tls::new(false).unwrap());
    let route = Route {
        ca: Some(other.ca.clone()),
        ..Route::default()
    };
    let mut browser = stage.open_by(route).await;
    let error = browser.visit_sign_in().await.unwrap_err().to_string();
    assert!(error.contains("does not answer as itself"), "{error}");
    browser.close().await;
    assert!(stage.control().truth().loads.is_empty());
}

#[tokio::test]
async fn a_file_that_is_no_certificate_or_is_open_to_others_is_told_before_a_browser_starts() {
    let stage = Stage::new(Which::Ngome).await;
    let files = Files::of(&Tls::new(true).unwrap());
    let told = async |route: Route| {
        let mut settings = stage.settings();
        settings.route = route;
        let mut browser = WebDriverPortal::new(settings);
        browser.open().await.unwrap_err().to_string()
    };
    let empty = files.dir.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let ca = Route {
        ca: Some(empty),
        ..Route::default()
    };
    let error = told(ca).await;
    assert!(
        error.contains("empty.pem` holds no certificate in PEM"),
        "{error}"
    );
    fs::set_permissions(&files.client, fs::Permissions::from_mode(0o444)).unwrap();
    let client = Route {
        client_certificate: Some(files.client.clone()),
        ..Route::default()
    };
    let error = told(client).await;
    assert!(
        error.contains("readable by others: make it mode 0400"),
        "{error}"
    );
}

/// A proxy that sends everything to one address, whatever the name.
async fn proxy(to: SocketAddr) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut from, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut head = vec![0; 16 << 10];
                let read = from.read(&mut head).await.unwrap_or(0);
                let mut onward = TcpStream::connect(to).await.unwrap();
                onward.write_all(&head[..read]).await.unwrap();
                let _ended = copy_bidirectional(&mut from, &mut onward).await;
            });
        }
    });
    (Url::parse(&url).unwrap(), seen)
}

#[tokio::test]
async fn everything_goes_through_the_proxy_of_the_account() {
    let mut stage = Stage::new(Which::Ngome).await;
    stage.selectors.table.read = Read::Http;
    stage.control().seed_history(5).unwrap();
    let address = stage
        .portal
        .origin()
        .replace("http://", "")
        .parse()
        .unwrap();
    let (url, seen) = proxy(address).await;
    let route = Route {
        proxy: Some(url),
        ..Route::default()
    };
    // A name that only the proxy knows.
    stage.selectors.origin = Origin::parse("http://org.ngome.example").unwrap();
    let mut browser = stage.open_by(route.clone()).await;
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    // The HTTP client goes the same way, also to a name that nobody else can resolve.
    read_without_browser(&stage, &mut browser, 5).await;
    browser.close().await;
    let through = seen.load(Ordering::Relaxed);
    assert!(through > 0);
    // Also where the portal is this machine, past which browsers go otherwise.
    stage.selectors.origin = Origin::parse(&stage.portal.origin()).unwrap();
    let mut browser = stage.open_by(route).await;
    browser.visit_sign_in().await.unwrap();
    browser.close().await;
    assert!(seen.load(Ordering::Relaxed) > through);
}

/// Seconds that the slow portal takes for a page: `TILLWATCH_SLOW_PAGE`, which need not be as short as in an ordinary run.
fn slow_page() -> u64 {
    std::env::var("TILLWATCH_SLOW_PAGE").map_or(4, |seconds| seconds.parse().unwrap())
}

#[tokio::test]
async fn a_portal_that_takes_long_for_each_page_costs_no_further_login() {
    let stage = Stage::new(Which::Ngome).await;
    stage.control().seed_history(15).unwrap();
    let slow = slow_page();
    stage.control().turn(|knobs| knobs.answer_ms = slow * 1000);
    let mut settings = stage.settings();
    settings.page_timeout = Duration::from_secs(slow - 1);
    let mut hasty = WebDriverPortal::new(settings);
    hasty.open().await.unwrap();
    let error = hasty.visit_sign_in().await.unwrap_err().to_string();
    assert!(error.contains("timeout"), "{error}");
    hasty.close().await;
    assert!(stage.control().truth().attempts.is_empty());
    let mut settings = stage.settings();
    settings.page_timeout = Duration::from_secs(120);
    let mut browser = WebDriverPortal::new(settings);
    browser.open().await.unwrap();
    assert_eq!(stage.sign_in(&mut browser).await, Session::SignedIn);
    for _ in 0..2 {
        assert_eq!(stage.read(&mut browser).await.len(), 15);
    }
    browser.close().await;
    assert_eq!(stage.control().truth().attempts, [Verdict::Open]);
}
