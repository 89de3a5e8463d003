//! Writes the text of a proposal. Pure.

use std::fmt::Write as _;

use scraper::Html;

use super::Proposal;
use super::around;
use super::fields::{self, Line, quoted};
use super::grid::Grid;

/// Where the page came from, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// `scheme://host[:port]`.
    pub origin: Option<String>,
    /// Path and query of the page.
    pub path: Option<String>,
}

/// The file as it grows, and what is to be looked at.
struct Text {
    text: String,
    open: Vec<String>,
}

impl Text {
    fn plain(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The reason above the line.
    fn add(&mut self, line: &Line) {
        let word = if line.check { "check" } else { "guessed" };
        let _ = writeln!(self.text, "# {word}: {}\n{}", line.why, line.toml);
        if line.check {
            let key = line
                .toml
                .split(['=', '{'])
                .next()
                .unwrap_or_default()
                .trim();
            self.open.push(format!("{key}: {}", line.why));
        }
    }

    fn guess(&mut self, toml: String, why: &str, check: bool) {
        let why = why.to_owned();
        self.add(&Line { toml, why, check });
    }
}

pub(super) fn file(name: &str, page: &Html, grid: &Grid, origin: &Origin) -> Proposal {
    let guessed = fields::lines(grid);
    let mut text = Text {
        text: String::new(),
        open: Vec::new(),
    };
    text.plain("#:schema portal.schema.json");
    let _ = writeln!(
        text.text,
        "# {name}: written by `tillwatch portal new` from one page with {} rows.\n#\n\
         # Evidence: that page. Not checked on the live portal. Every line below `guessed` follows from the page; every line below\n\
         # `check` needs a look. Take the comments away as you go.\nformat = 1",
        grid.cells.len()
    );
    head(name, origin, guessed.country.as_ref(), &mut text);
    session(page, &mut text);
    table(page, grid, origin, guessed.newest_first, &mut text);
    text.plain("\n[fields]");
    for line in &guessed.lines {
        text.add(line);
    }
    Proposal {
        text: text.text,
        open: text.open,
    }
}

fn head(name: &str, origin: &Origin, country: Option<&(String, String, String)>, text: &mut Text) {
    let operator = format!("operator = {}", quoted(name));
    text.guess(
        operator,
        "the operator's word in payment ids, never to be changed",
        true,
    );
    match &origin.origin {
        Some(origin) => text.guess(
            format!("origin = {}", quoted(origin)),
            "where the page came from",
            false,
        ),
        None => text.guess(
            "origin = \"https://portal.example\"".to_owned(),
            "a saved page does not say where it came from: write scheme and host",
            true,
        ),
    }
    match country {
        Some((currency, zone, why)) => {
            text.guess(format!("zone = {}", quoted(zone)), why, true);
            text.guess(format!("currency = {}", quoted(currency)), why, true);
        }
        None => {
            text.guess(
                "zone = \"Africa/Nairobi\"".to_owned(),
                "nothing on the page says the zone of its times",
                true,
            );
            text.guess(
                "currency = \"KES\"".to_owned(),
                "nothing on the page says the currency",
                true,
            );
        }
    }
    let key = "account_key = \"organisationid\"".to_owned();
    text.guess(
        key,
        "GSMA key of the account's number: organisationid, msisdn, walletid, accountid",
        true,
    );
}

fn session(page: &Html, text: &mut Text) {
    let form = around::form(page);
    let why = match &form {
        Some(_) => "the form on the page",
        None => "the page has no form with a password: write the fields of the sign-in page",
    };
    let of = |find: fn(&around::Form) -> Option<String>, other: &str| {
        quoted(
            &form
                .as_ref()
                .and_then(find)
                .unwrap_or_else(|| other.to_owned()),
        )
    };
    let user = of(|form| form.user.clone(), "#username");
    let password = of(|form| Some(form.password.clone()), "input[type=password]");
    let button = of(|form| form.button.clone(), "form button");
    text.plain("\n[sign_in]");
    text.guess(
        "path = \"/login\"".to_owned(),
        "path of the page with the form",
        true,
    );
    text.guess(
        format!(
            "steps = [\n  {{ fill = {user}, with = \"{{user}}\" }},\n  {{ fill = {password}, with = \"{{password}}\" }},\n  {{ click = {button} }},\n]"
        ),
        why,
        true,
    );
    text.plain("\n[session]");
    let loads = "page_loads_per_hour = 600".to_owned();
    text.guess(loads, "what the portal may be asked for in any hour", true);
    text.plain("\n[marks]");
    match around::signed_in(page) {
        Some(css) => text.guess(
            format!("signed_in = {{ css = {} }}", quoted(&css)),
            "on this page; it must not be on the sign-in page",
            true,
        ),
        None => text.guess(
            "signed_in = { css = \"a[href*=logout]\" }".to_owned(),
            "nothing on the page looks like it: name an element that only a signed-in page has",
            true,
        ),
    }
    let signed_out = of(|form| Some(form.form.clone()), "input[type=password]");
    text.guess(
        format!("signed_out = {{ css = {signed_out} }}"),
        "the form of the sign-in page",
        true,
    );
    text.guess(
        "outcomes = [\n  { css = \".error\", text = \"(?i)(wrong|incorrect|invalid) .*password\", is = \"wrong-password\" },\n]".to_owned(),
        "what a wrong password looks like: type one once, and save the page",
        true,
    );
}

fn table(page: &Html, grid: &Grid, origin: &Origin, newest_first: Option<bool>, text: &mut Text) {
    text.plain("\n[table]");
    let path = origin
        .path
        .as_deref()
        .filter(|path| !path.contains(['{', '}', ' ']));
    let why = "path and query of the page with the newest rows; dates in it as {from} and {to}, with `path_date`";
    text.guess(
        format!("path = {}", quoted(path.unwrap_or("/statement"))),
        why,
        true,
    );
    if let Some(header) = &grid.header {
        text.guess(
            format!("header = {}", quoted(header)),
            "the header is a table of its own",
            false,
        );
    }
    let why = format!("{} rows with a date and an amount", grid.cells.len());
    text.guess(format!("rows = {}", quoted(&grid.rows)), &why, false);
    if !grid.skip.is_empty() {
        let skip: Vec<String> = grid.skip.iter().map(|regex| quoted(regex)).collect();
        let toml = format!("skip = [{}]", skip.join(", "));
        let why = "rows that are no payments: of these words only, whatever their numbers";
        text.guess(toml, why, true);
    }
    text.guess(
        "empty = { css = \"body\", text = \"(?i)no (records|transactions|data|results)( were)? found|nothing to show|aucun(e)? (transaction|résultat)\" }".to_owned(),
        "what the page says when there are no rows: save the page of a day without payments, and name the element",
        true,
    );
    match newest_first {
        Some(newest) => text.guess(
            format!(
                "order = \"{}\"",
                if newest {
                    "newest-first"
                } else {
                    "oldest-first"
                }
            ),
            "as the dates of the rows are",
            false,
        ),
        None => text.guess(
            "order = \"newest-first\"".to_owned(),
            "the rows do not tell",
            true,
        ),
    }
    match around::next(page) {
        Some(css) => text.guess(
            format!("next = {}", quoted(&css)),
            "looks like the way to the next page; it must be absent on the last one",
            true,
        ),
        None => text.plain("# check: nothing leads to another page here: name it, where longer lists have it\n# next = \"a.next\""),
    }
    if let Some((css, capture)) = around::count(page, grid.cells.len()) {
        text.guess(
            format!(
                "count = {{ css = {}, capture = {} }}",
                quoted(&css),
                quoted(&capture)
            ),
            "a number that is at least that of the rows: is it the number of all rows?",
            true,
        );
    }
}
