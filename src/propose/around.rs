//! What stands around the table: the link to the next page, the count, the marks of the session. Pure.

use std::sync::LazyLock;

use regex::Regex;
use scraper::{ElementRef, Html, Selector};

use super::grid::anchor;
use crate::extract::text;

static NEXT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^(next( page)?|older|more|load more|suivante?|page suivante|próxim[ao]|seguinte|›|»|→|>|>>)( ?[›»→>]*)$").ok()
});
static COUNT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^(.*\b(?:of|total|sur|de)\b:? ?)([0-9][0-9,. ]*)(.*)$|^()([0-9][0-9,. ]*)( (?:in all|rows|records|transactions|results|entries).*)$").ok()
});

fn select<'a>(page: &'a Html, css: &str) -> Vec<ElementRef<'a>> {
    Selector::parse(css).map_or_else(|_| Vec::new(), |css| page.select(&css).collect())
}

fn printed(element: ElementRef<'_>) -> String {
    text::of(element, 200).text
}

/// CSS of what leads to the next page.
pub(super) fn next(page: &Html) -> Option<String> {
    if let [_] = select(page, "a[rel=next]").as_slice() {
        return Some("a[rel=next]".to_owned());
    }
    let clickable = select(
        page,
        "a, button, input[type=submit], input[type=button], [role=button], li, span",
    );
    let found = clickable.into_iter().find(|element| {
        let label = element
            .attr("value")
            .map_or_else(|| printed(*element), str::to_owned);
        let is_clicked = !matches!(element.value().name(), "li" | "span");
        let id = element.value().id().unwrap_or_default().to_lowercase();
        let class = element
            .value()
            .classes()
            .any(|class| class.eq_ignore_ascii_case("next"));
        let says = NEXT
            .as_ref()
            .is_some_and(|next| next.is_match(label.trim()));
        (is_clicked && (says || id.contains("next"))) || class
    })?;
    let disabled = if found.value().classes().any(|class| class == "disabled") {
        ":not(.disabled)"
    } else {
        ""
    };
    if let Some(class) = found
        .value()
        .classes()
        .find(|class| class.eq_ignore_ascii_case("next"))
    {
        return Some(format!("{}.{class}{disabled}", found.value().name()));
    }
    Some(match found.attr("value") {
        Some(value) if found.value().id().is_none() => format!(
            "{}[value=\"{}\"]",
            anchor(page, found),
            value.replace('"', "")
        ),
        Some(_) | None => anchor(page, found),
    })
}

/// CSS and regex of the portal's own count of rows.
pub(super) fn count(page: &Html, least: usize) -> Option<(String, String)> {
    let elements = select(page, "p, div, span, td, b, caption, label");
    elements.into_iter().find_map(|element| {
        let is_small = element
            .children()
            .filter_map(ElementRef::wrap)
            .next()
            .is_none();
        let label = is_small.then(|| printed(element))?;
        let found = COUNT.as_ref()?.captures(&label)?;
        let group = |first: usize, other: usize| {
            found
                .get(first)
                .or_else(|| found.get(other))
                .map_or("", |group| group.as_str())
        };
        let number = group(2, 5).trim();
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        if digits.parse::<usize>().ok()? < least || label.len() > 80 {
            return None;
        }
        let before = group(1, 4);
        // Other numbers before it change from page to page.
        let before: &str = before
            .rsplit(|c: char| c.is_ascii_digit())
            .next()
            .unwrap_or_default();
        let (from, behind) = (
            regex::escape(before.trim_start()),
            regex::escape(group(3, 6)),
        );
        let start = if from.is_empty() { "^" } else { "" };
        Some((
            anchor(page, element),
            format!("{start}{from}([0-9][0-9,. ]*){behind}$").replace("\\ ", " "),
        ))
    })
}

/// CSS of something that only a signed-in page has.
pub(super) fn signed_in(page: &Html) -> Option<String> {
    let named = [
        "operator",
        "welcome",
        "user",
        "session",
        "account",
        "profile",
        "breadcrumb",
    ];
    let by_id = select(page, "[id]").into_iter().find(|element| {
        let id = element.value().id().unwrap_or_default().to_lowercase();
        !matches!(element.value().name(), "input" | "form" | "body" | "html")
            && named.iter().any(|name| id.starts_with(name))
    });
    let leave = select(
        page,
        "a[href*=logout], a[href*=signout], a[href*=log-out], [id*=logout], [class*=logout]",
    );
    by_id
        .or_else(|| leave.first().copied())
        .map(|element| anchor(page, element))
}

/// The form of a sign-in page: CSS of itself, of its user field, of its password field and of its button; and its path.
pub(super) struct Form {
    pub form: String,
    pub user: Option<String>,
    pub password: String,
    pub button: Option<String>,
}

/// The form that asks for a password.
pub(super) fn form(page: &Html) -> Option<Form> {
    let password = *select(page, "input[type=password]").first()?;
    let form = password
        .ancestors()
        .filter_map(ElementRef::wrap)
        .find(|above| above.value().name() == "form")?;
    let inside = |css: &str| {
        Selector::parse(css)
            .ok()
            .and_then(|css| form.select(&css).next())
    };
    let field = |element: ElementRef<'_>| match (element.value().id(), element.attr("name")) {
        (None, Some(name)) => format!("{}[name=\"{name}\"]", element.value().name()),
        (Some(_) | None, _) => anchor(page, element),
    };
    let user = inside("input:not([type]), input[type=text], input[type=email], input[type=tel]");
    let button = inside("button, input[type=submit], input[type=image]");
    Some(Form {
        form: anchor(page, form),
        user: user.map(field),
        password: field(password),
        button: button.map(field),
    })
}
