//! What to ask a portal for, to get its export: an address, or a form as the signed-in page has it. Pure.

use std::collections::BTreeSet;

use scraper::{ElementRef, Selector};
use url::Url;
use url::form_urlencoded::Serializer;

use super::{ExtractError, parse, text};
use crate::selectors::{Ask, Export, Origin, Portal};

/// One request at the pinned origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where.
    pub url: Url,
    /// Posted as `application/x-www-form-urlencoded`; `None`: a GET.
    pub form: Option<String>,
}

/// Why there is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The page is over the limits.
    #[error(transparent)]
    Page(#[from] ExtractError),
    /// The page has no such link or form.
    #[error("the page has no element `{css}` ({key}): correct the selector file")]
    Missing {
        /// As the file's CSS is understood.
        css: String,
        /// Its key.
        key: &'static str,
    },
    /// The link or form leads elsewhere, or nowhere.
    #[error("`{key}` does not lead to an address at the pinned origin: correct the selector file")]
    Elsewhere {
        /// Its key.
        key: &'static str,
    },
    /// A form that sends files, or mail.
    #[error("`table.download.form` is sent in a way that no export takes (`enctype` or `method`)")]
    Unsendable,
}

/// The request for the portal's export, from the signed-in page `html` at `here`. `from` and `to` are the days as the portal
/// writes them.
///
/// # Errors
/// See [`AskError`].
pub fn request(
    portal: &Portal,
    export: &Export,
    (html, here): (&str, &Url),
    (from, to): (&str, &str),
) -> Result<Request, AskError> {
    let dated = |text: &str| text.replace("{from}", from).replace("{to}", to);
    let at_path = |path: &str, key| {
        let url = portal.origin.join(&dated(path));
        let url = url.ok_or(AskError::Elsewhere { key })?;
        Ok(Request { url, form: None })
    };
    let ask = match export {
        Export::Json(endpoint) => return at_path(&endpoint.path, "table.json.path"),
        Export::Download(download) => &download.ask,
    };
    match ask {
        Ask::Path(path) => at_path(path, "table.download.path"),
        Ask::Link(css) => {
            let key = "table.download.link";
            let page = parse(html)?;
            let link = found(page.0.root_element(), css, key)?;
            let address = link.attr("href");
            let url = address.and_then(|address| here.join(address).ok());
            let url = pinned(url, &portal.origin, key)?;
            Ok(Request { url, form: None })
        }
        Ask::Form { form, fields } => {
            let page = parse(html)?;
            let form = found(page.0.root_element(), form, "table.download.form")?;
            let fields = fields
                .iter()
                .map(|(name, text)| (name.as_str(), dated(text)));
            sent(form, &fields.collect::<Vec<_>>(), here, &portal.origin)
        }
    }
}

fn found<'a>(
    root: ElementRef<'a>,
    css: &Selector,
    key: &'static str,
) -> Result<ElementRef<'a>, AskError> {
    root.select(css).next().ok_or_else(|| AskError::Missing {
        css: text::css(css),
        key,
    })
}

fn pinned(url: Option<Url>, origin: &Origin, key: &'static str) -> Result<Url, AskError> {
    let url = url.filter(|url| origin.holds(url));
    let mut url = url.ok_or(AskError::Elsewhere { key })?;
    url.set_fragment(None);
    Ok(url)
}

/// The form as a browser would send it without a button (HTML standard, "constructing the entry list"), `fields` in place of its
/// own of the same name or after them.
fn sent(
    form: ElementRef<'_>,
    fields: &[(&str, String)],
    here: &Url,
    origin: &Origin,
) -> Result<Request, AskError> {
    let key = "table.download.form";
    let action = form.attr("action").filter(|action| !action.is_empty());
    let url = action.map_or_else(|| Ok(here.clone()), |action| here.join(action));
    let mut url = pinned(url.ok(), origin, key)?;
    let mut entries = Serializer::new(String::new());
    let mut given = BTreeSet::new();
    for (name, value) in entries_of(form) {
        let set = fields.iter().find(|(set, _)| *set == name);
        given.extend(set.map(|(name, _)| *name));
        entries.append_pair(&name, set.map_or(&value, |(_, value)| value));
    }
    for (name, value) in fields.iter().filter(|(name, _)| !given.contains(name)) {
        entries.append_pair(name, value);
    }
    let entries = entries.finish();
    let is = |name, word: &str| {
        form.attr(name)
            .is_some_and(|own| own.eq_ignore_ascii_case(word))
    };
    if is("method", "post") {
        if is("enctype", "multipart/form-data") || is("enctype", "text/plain") {
            return Err(AskError::Unsendable);
        }
        return Ok(Request {
            url,
            form: Some(entries),
        });
    }
    if is("method", "dialog") {
        return Err(AskError::Unsendable);
    }
    url.set_query(Some(&entries));
    Ok(Request { url, form: None })
}

/// Name and value of every field that is sent.
fn entries_of(form: ElementRef<'_>) -> Vec<(String, String)> {
    let Ok(controls) = Selector::parse("input[name], select[name], textarea[name]") else {
        return Vec::new();
    };
    let mut entries = Vec::new();
    for control in form.select(&controls) {
        let name = control.attr("name").unwrap_or_default();
        let disabled = control.attr("disabled").is_some();
        if disabled || name.is_empty() {
            continue;
        }
        let value = match control.value().name() {
            "textarea" => Some(control.text().collect()),
            "select" => chosen(control),
            _input => input(control),
        };
        entries.extend(value.map(|value| (name.to_owned(), value)));
    }
    entries
}

fn input(input: ElementRef<'_>) -> Option<String> {
    let kind = input.attr("type").unwrap_or("text").to_ascii_lowercase();
    let value = input.attr("value");
    match kind.as_str() {
        "submit" | "button" | "image" | "reset" | "file" => None,
        "checkbox" | "radio" => input
            .attr("checked")
            .map(|_| value.unwrap_or("on").to_owned()),
        _text => Some(value.unwrap_or_default().to_owned()),
    }
}

/// The option that is selected, or the first, as of a list that shows one.
fn chosen(select: ElementRef<'_>) -> Option<String> {
    let css = Selector::parse("option:not([disabled])").ok()?;
    let mut options = select.select(&css);
    let first = options.clone().next();
    let option = options
        .find(|option| option.attr("selected").is_some())
        .or(first)?;
    let value = option.attr("value").map(str::to_owned);
    Some(value.unwrap_or_else(|| option.text().collect::<String>().trim().to_owned()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use crate::extract::tests::portal;

    const PAGE: &str = "<a class=export href='/out.csv?s=1#top'>CSV</a><a class=away href='//x.example/a'>x</a>
        <form id=export method=POST action='make?a=1'><input type=hidden name=csrf value='t&1'><input name=from value=old>
        <input type=checkbox name=all checked><input type=checkbox name=none><input name=off value=1 disabled>
        <select name=kind><option>XLS<option value=csv selected>CSV</select><input type=submit name=go value=Go></form>";

    fn asked(download: &str) -> Result<(String, Option<String>), AskError> {
        let table = format!("path_date = \"%Y-%m-%d\"\ndownload = {download}\n");
        let table = match download.contains("{from}") {
            true => table,
            false => format!("download = {download}\n"),
        };
        let fields = "transaction_reference = { header = \"Id\" }\ncompletion_date = { header = \"Time\", formats = [\"%F %T\"] }\n\
                      status = { always = \"completed\" }\ntype = { always = \"merchantpay\" }\namount = { header = \"Amount\" }";
        let portal = portal(&table, fields);
        let here = Url::parse("https://org.kilima.example/pages/statement").unwrap();
        let export = portal.table.export.clone().unwrap();
        let days = ("2026-11-20", "2026-11-21");
        let request = request(&portal, &export, (PAGE, &here), days)?;
        Ok((request.url.to_string(), request.form))
    }

    #[test]
    fn an_export_is_asked_for_by_path_link_or_form() {
        let origin = "https://org.kilima.example";
        assert_eq!(
            asked("{ path = \"/x?f={from}&t={to}\" }"),
            Ok((format!("{origin}/x?f=2026-11-20&t=2026-11-21"), None))
        );
        assert_eq!(
            asked("{ link = \"a.export\" }"),
            Ok((format!("{origin}/out.csv?s=1"), None))
        );
        assert_eq!(
            asked("{ form = \"#export\", fields = { from = \"{from}\", go = \"Go\" } }"),
            Ok((
                format!("{origin}/pages/make?a=1"),
                Some("csrf=t%261&from=2026-11-20&all=on&kind=csv&go=Go".to_owned())
            ))
        );
    }

    #[test]
    fn nothing_is_asked_of_another_origin_or_of_what_is_not_there() {
        let key = "table.download.link";
        assert_eq!(
            asked("{ link = \"a.away\" }"),
            Err(AskError::Elsewhere { key })
        );
        let css = "a.gone".to_owned();
        assert_eq!(
            asked("{ link = \"a.gone\" }"),
            Err(AskError::Missing { css, key })
        );
    }
}
