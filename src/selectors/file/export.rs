//! `table.download` and `table.json` of a selector file. Pure.

use encoding_rs::Encoding;

use super::value;
use crate::diagnostic::table::{Table, Value as TomlValue, Wrong, wrong};
use crate::selectors::{
    Ask, Download, Endpoint, Export, FileFormat, Next, NextAnswer, Onward, Pointer,
};

const DOWNLOAD: &str = "{ path = \"/export.csv?from={from}&to={to}\" }";
const JSON: &str = "{ path = \"/api/transactions\", rows = \"/items\" }";
const NEXT: &str = "{ cursor = \"/page_info/end_cursor\", parameter = \"after\" }";
/// The link that the conversion writes.
const NEXT_ANSWER: &str = "downloaded-table > a.next";

/// What the table is read from, where it is not the page. Keys that belong to a page's table are refused beside it.
pub fn read(section: &Table<'_>) -> Option<Export> {
    let download = section.optional("download", DOWNLOAD, |value| value.table(self::download));
    let json = section.optional("json", JSON, |value| value.table(endpoint));
    if let (Some(json), true) = (section.value("json", JSON), section.has("download")) {
        return json.wrong(
            "stands beside `download`",
            "keep the one that holds the rows",
        );
    }
    let of_a_page = [
        (
            "next",
            "an export has no pages, and `json` has its own `next`",
        ),
        ("frame", "the rows do not stand in it"),
        ("page_label", "the rows do not stand on the page"),
    ];
    if section.has("download") || section.has("json") {
        for (key, why) in of_a_page {
            if let Some(value) = section.value(key, "") {
                value.wrong::<()>("does nothing beside an export", format!("remove it: {why}"));
            }
        }
    }
    download
        .map(Export::Download)
        .or_else(|| json.map(Export::Json))
}

/// How the rows of an endpoint go on.
pub fn next(export: Option<&Export>) -> Option<Next> {
    let Some(Export::Json(Endpoint { next: Some(_), .. })) = export else {
        return None;
    };
    let css = value::css(NEXT_ANSWER).ok()?;
    Some(Next {
        element: NEXT_ANSWER.to_owned(),
        css,
    })
}

/// Everything that may ask for dates.
pub fn texts(export: Option<&Export>) -> Vec<&str> {
    match export {
        None => Vec::new(),
        Some(Export::Json(endpoint)) => vec![&endpoint.path],
        Some(Export::Download(download)) => match &download.ask {
            Ask::Path(path) => vec![path],
            Ask::Link(_) => Vec::new(),
            Ask::Form { fields, .. } => fields.iter().map(|(_, text)| text.as_str()).collect(),
        },
    }
}

fn download(table: &Table<'_>) -> Option<Download> {
    let ask = ask(table);
    let encoding = table.optional("encoding", "\"windows-1252\"", |name| name.parse(encoding));
    let delimiter = table.optional("delimiter", "\";\"", |word| {
        word.word([(",", b','), (";", b';'), ("\t", b'\t'), ("|", b'|')])
    });
    let sheet = table.optional("sheet", "\"Transactions\"", |name| name.parse(value::cell));
    let member = table.optional("member", "\"^statement.*[.]csv$\"", |name| {
        name.parse(value::regex)
    });
    Some(Download {
        ask: ask?,
        format: FileFormat {
            encoding,
            delimiter,
            sheet,
            member,
        },
    })
}

fn ask(table: &Table<'_>) -> Option<Ask> {
    let path = table.value("path", "\"/export.csv\"");
    let link = table.value("link", "\"a.export\"");
    let form = table.value("form", "\"form#export\"");
    let fields = table.optional("fields", "{ date_from = \"{from}\" }", |map| {
        map.map(|text| text.parse(form_text))
    });
    if table.has("fields") && form.is_none() {
        table.wrong(
            "`fields` needs `form`",
            "name the form by `form`, or write the dates into `path`",
        );
    }
    match (path, link, form) {
        (Some(path), None, None) => path.parse(value::path_with_dates).map(Ask::Path),
        (None, Some(link), None) => link.parse(value::css).map(Ask::Link),
        (None, None, Some(form)) => {
            let form = form.parse(value::css)?;
            let fields = fields.unwrap_or_default().into_iter().collect();
            Some(Ask::Form { form, fields })
        }
        (_, _, _) => {
            table.wrong(
                "a download is asked for in exactly one way: `path`, `link` or `form`",
                format!("write `download = {DOWNLOAD}`, `{{ link = \"a.export\" }}` or `{{ form = \"form#export\" }}`"),
            );
            None
        }
    }
}

fn form_text(text: &str) -> Result<String, Wrong> {
    let bare = text.replace("{from}", "").replace("{to}", "");
    if bare.contains(['{', '}']) {
        return Err(wrong(
            "has an unknown placeholder",
            "`{from}` and `{to}` are the placeholders",
        ));
    }
    Ok(text.to_owned())
}

fn encoding(name: &str) -> Result<&'static Encoding, Wrong> {
    Encoding::for_label(name.as_bytes()).ok_or_else(|| {
        wrong(
            "is no encoding",
            "write its name as the web does, such as `utf-8`, `windows-1252` or `utf-16le`",
        )
    })
}

fn endpoint(table: &Table<'_>) -> Option<Endpoint> {
    let path = table.need("path", "\"/api/transactions\"", |path| {
        path.parse(value::path_with_dates)
    });
    let rows = table.optional("rows", "\"/items\"", pointer);
    let next = table.optional("next", NEXT, |next| next.table(next_answer));
    Some(Endpoint {
        path: path?,
        rows: rows.unwrap_or_default(),
        next,
    })
}

fn next_answer(table: &Table<'_>) -> Option<NextAnswer> {
    let cursor = table.value("cursor", "\"/page_info/end_cursor\"");
    let page = table.value("page", "\"page\"");
    match (cursor, page) {
        (Some(cursor), None) => {
            let cursor = pointer(&cursor);
            let parameter = table.need("parameter", "\"after\"", TomlValue::text);
            let more = table.optional("more", "\"/page_info/has_next_page\"", pointer);
            Some(NextAnswer {
                parameter: parameter?.to_owned(),
                to: Onward::Cursor(cursor?),
                more,
            })
        }
        (None, Some(page)) => {
            let first = table.optional("first", "1", |first| first.whole(0..=1));
            let more = table.need("more", "\"/has_more\"", pointer);
            Some(NextAnswer {
                parameter: page.text()?.to_owned(),
                to: Onward::Page(first.unwrap_or(1)),
                more: Some(more?),
            })
        }
        (Some(_), Some(_)) | (None, None) => {
            table.wrong(
                "the next answer is found in exactly one way: `cursor` or `page`",
                format!("write `next = {NEXT}` or `{{ page = \"page\", more = \"/has_more\" }}`"),
            );
            None
        }
    }
}

fn pointer(value: &TomlValue<'_>) -> Option<Pointer> {
    value.parse(|text| {
        Pointer::parse(text).ok_or_else(|| {
            wrong(
                "is no JSON pointer",
                "write the keys on the way, each behind a slash, such as `/page_info/end_cursor`",
            )
        })
    })
}
