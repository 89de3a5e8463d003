//! A HAR 1.2 file: the answers of one origin, in their order. <http://www.softwareishard.com/blog/har-12-spec/>

use data_encoding::BASE64;
use serde_json::Value;
use url::Url;

use crate::selectors::Origin;

/// The file is no HAR.
#[derive(Debug, thiserror::Error)]
pub enum NotHar {
    /// Not JSON.
    #[error("is no JSON ({0})")]
    Json(#[from] serde_json::Error),
    /// JSON of another kind.
    #[error("has no `log.entries`")]
    Entries,
}

/// One answer.
pub struct Entry {
    /// Of the request.
    pub method: String,
    /// Path and query.
    pub at: String,
    /// HTTP status.
    pub status: u16,
    /// Of the answer.
    pub content_type: String,
    /// Its body; empty where the file holds none.
    pub body: Vec<u8>,
    /// Where it redirects to, at the same origin.
    pub location: Option<String>,
}

/// The answers of `origin`.
///
/// # Errors
/// When the file is no HAR.
pub fn entries(text: &str, origin: &Origin) -> Result<Vec<Entry>, NotHar> {
    let har: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))?;
    let entries = har
        .pointer("/log/entries")
        .and_then(Value::as_array)
        .ok_or(NotHar::Entries)?;
    Ok(entries
        .iter()
        .filter_map(|entry| one(entry, origin))
        .collect())
}

fn one(entry: &Value, origin: &Origin) -> Option<Entry> {
    let text = |way: &str| entry.pointer(way).and_then(Value::as_str);
    let url: Url = text("/request/url")?.parse().ok()?;
    if !origin.holds(&url) {
        return None;
    }
    let status = entry.pointer("/response/status")?.as_u64()?;
    let body = text("/response/content/text").unwrap_or_default();
    let body = match text("/response/content/encoding") {
        Some("base64") => BASE64.decode(body.as_bytes()).ok()?,
        // A text already, whatever encoding the portal's exports have.
        Some(_) | None => format!("\u{feff}{body}").into_bytes(),
    };
    let location = text("/response/redirectURL").filter(|to| !to.is_empty());
    let location = location
        .and_then(|to| url.join(to).ok())
        .filter(|to| origin.holds(to));
    let method = text("/request/method")?;
    Some(Entry {
        method: matches!(method, "GET" | "POST").then(|| method.to_owned())?,
        at: path(&url),
        status: u16::try_from(status).ok()?,
        content_type: text("/response/content/mimeType")
            .unwrap_or_default()
            .to_owned(),
        body,
        location: location.map(|to| path(&to)),
    })
}

fn path(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
