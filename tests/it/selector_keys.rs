//! The published schema and key reference of selector files are what the reader asks for: `SCHEMA=write` writes both.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tillwatch::diagnostic::trace::{Kind, Trace};
use tillwatch::selectors::file::asked;
use tillwatch::selectors::keys::{KEYS, SHARED};

/// Every key; some exclude each other.
const EVERY_KEY: [&str; 2] = [
    include_str!("../fixtures/every-key.toml"),
    include_str!("../fixtures/other-keys.toml"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Name and text of every selector file that ships.
fn shipped() -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join("selectors")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    let mut files: Vec<_> = files.map(read).collect();
    files.sort();
    files
}

/// What the reader asks of all of them. A key is needed when each file that has its table needs it.
fn whole() -> Trace {
    let shipped = shipped();
    let texts = shipped.iter().map(|(_, text)| text.as_str());
    let traces: Vec<Trace> = EVERY_KEY.into_iter().chain(texts).map(asked).collect();
    let mut whole = Trace::new();
    for (way, asked) in traces.iter().flatten() {
        let known = whole.entry(way.clone()).or_default();
        known.kinds.extend(asked.kinds.clone());
        if known.example.is_empty() {
            known.example = asked.example;
        }
    }
    for (way, known) in &mut whole {
        let table = way.rsplit_once('.').map_or("", |(table, _)| table);
        let reached = |trace: &&Trace| table.is_empty() || !children(trace, table).is_empty();
        let mut files = traces.iter().filter(reached);
        known.is_needed = files.all(|trace| trace.get(way).is_some_and(|asked| asked.is_needed));
    }
    whole
}

/// The way, its shared table replaced by that table's name.
fn shared(way: &str) -> String {
    for (table, name) in SHARED {
        let rest = match table.strip_suffix(".*") {
            Some(above) => way
                .strip_prefix(above)
                .and_then(|rest| rest.strip_prefix('.'))
                .and_then(|rest| rest.find('.').map(|at| &rest[at..])),
            None => way.strip_prefix(table).filter(|rest| rest.starts_with('.')),
        };
        if let Some(rest) = rest {
            return shared(&format!("{name}{rest}"));
        }
    }
    way.to_owned()
}

fn doc(way: &str) -> Option<(&'static str, &'static str)> {
    let of = |way: &str| KEYS.iter().find(|(key, _)| *key == way).copied();
    of(way).or_else(|| of(&shared(way)))
}

fn kinds(trace: &Trace, way: &str) -> BTreeSet<Kind> {
    let own = trace.get(way).map(|asked| asked.kinds.clone());
    let mut kinds = own.filter(|kinds| !kinds.is_empty()).unwrap_or_else(|| {
        let name = shared(way);
        let alike = trace.iter().filter(|(other, _)| shared(other) == name);
        alike.flat_map(|(_, asked)| asked.kinds.clone()).collect()
    });
    if kinds.iter().any(|kind| matches!(kind, Kind::Words(_))) {
        kinds.remove(&Kind::Text);
    }
    kinds
}

/// The keys of a table.
fn children<'t>(trace: &'t Trace, way: &str) -> Vec<(&'t str, &'t str)> {
    let prefix = if way.is_empty() {
        String::new()
    } else {
        format!("{way}.")
    };
    let keys = trace
        .keys()
        .filter_map(|key| Some((key.as_str(), key.strip_prefix(&prefix)?)));
    keys.filter(|(_, name)| !name.contains(['.', '[', '*']))
        .collect()
}

fn schema(trace: &Trace, way: &str) -> Value {
    let mut alternatives: Vec<Value> = kinds(trace, way)
        .into_iter()
        .map(|kind| match kind {
            Kind::Text => json!({"type": "string", "minLength": 1}),
            Kind::Words(words) => json!({"enum": words}),
            Kind::Whole(least, most) => {
                let mut whole = json!({"type": "integer", "minimum": least});
                // JSON numbers end before this one.
                if most < u64::MAX {
                    whole["maximum"] = json!(most);
                }
                whole
            }
            Kind::Boolean => json!({"type": "boolean"}),
            Kind::List => {
                json!({"type": "array", "minItems": 1, "items": schema(trace, &format!("{way}[]"))})
            }
            Kind::Map => {
                let values = schema(trace, &format!("{way}.*"));
                json!({"type": "object", "minProperties": 1, "additionalProperties": values})
            }
            Kind::Table => object(trace, way),
        })
        .collect();
    let mut schema = match alternatives.len() {
        1 => alternatives.remove(0),
        _ => json!({"anyOf": alternatives}),
    };
    if let Some((_, text)) = doc(way) {
        schema["description"] = json!(text);
    }
    let example = trace.get(way).map_or("", |asked| asked.example);
    if let Ok(toml::Value::Table(mut read)) = toml::from_str(&format!("x = {example}"))
        && let Some(example) = read.remove("x")
    {
        schema["examples"] = json!([serde_json::to_value(example).unwrap()]);
    }
    schema
}

fn object(trace: &Trace, way: &str) -> Value {
    let keys = children(trace, way);
    let properties: Map<String, Value> = keys
        .iter()
        .map(|(key, name)| ((*name).to_owned(), schema(trace, key)))
        .collect();
    let needed: Vec<&str> = keys
        .iter()
        .filter(|(key, _)| trace[*key].is_needed)
        .map(|(_, name)| *name)
        .collect();
    let mut object =
        json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !needed.is_empty() {
        object["required"] = json!(needed);
    }
    object
}

fn published(trace: &Trace) -> Value {
    let mut schema = object(trace, "");
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("Selector file of tillwatch");
    schema["description"] = json!(
        "A portal as data: how to sign in, and where the fields of a payment stand on its pages."
    );
    schema
}

/// One row for each entry of `KEYS`, in its order.
fn reference(trace: &Trace) -> String {
    let mut text = String::from("| key | value | needed | what it is |\n|---|---|---|---|\n");
    for (key, what) in KEYS {
        let alike: Vec<&String> = trace
            .keys()
            .filter(|way| *way == key || shared(way) == *key)
            .collect();
        let mut values: Vec<String> = Vec::new();
        for kind in alike.iter().flat_map(|way| kinds(trace, way)) {
            let value = match kind {
                Kind::Text => "text".to_owned(),
                Kind::Words(words) => words
                    .iter()
                    .map(|word| format!("`{word}`"))
                    .collect::<Vec<_>>()
                    .join(" "),
                Kind::Whole(least, u64::MAX) => format!("number from {least}"),
                Kind::Whole(least, most) => format!("number from {least} to {most}"),
                Kind::Boolean => "`true` `false`".to_owned(),
                Kind::List => "list".to_owned(),
                Kind::Table => "table".to_owned(),
                Kind::Map => map_of(trace, alike[0]),
            };
            if !values.contains(&value) {
                values.push(value);
            }
        }
        let needed = alike.iter().all(|way| trace[*way].is_needed);
        let needed = if needed { "yes" } else { "" };
        let values = values.join(", or ").replace("`|`", "`\\|`");
        writeln!(text, "| `{key}` | {values} | {needed} | {what} |").unwrap();
    }
    text
}

fn map_of(trace: &Trace, way: &str) -> String {
    let words = kinds(trace, &format!("{way}.*"));
    let words = words.iter().find_map(|kind| match kind {
        Kind::Words(words) => Some(
            words
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(" "),
        ),
        _other => None,
    });
    format!(
        "map from the portal's words to {}",
        words.unwrap_or_else(|| "text".to_owned())
    )
}

/// Is the file what was made of the code?
fn check(path: &Path, made: &str) {
    if std::env::var("SCHEMA").is_ok_and(|mode| mode == "write") {
        fs::write(path, made).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == made,
        "{} is not what the code says: write it with SCHEMA=write",
        path.display()
    );
}

#[test]
fn every_key_that_the_reader_asks_for_is_described_and_no_other() {
    let trace = whole();
    for way in trace.keys() {
        assert!(
            !kinds(&trace, way).is_empty(),
            "no file gives `{way}`: add it to tests/fixtures/every-key.toml"
        );
        let is_table = kinds(&trace, way).contains(&Kind::Table);
        assert!(
            !is_table || !children(&trace, way).is_empty(),
            "no file has a table `{way}`: add it to tests/fixtures/every-key.toml"
        );
        let is_own = way.ends_with("[]") || way.ends_with(".*");
        assert!(
            is_own || doc(way).is_some(),
            "say in src/selectors/keys.rs what `{way}` is for"
        );
    }
    for (key, _) in KEYS {
        let is_asked = trace.keys().any(|way| way == key || shared(way) == *key);
        assert!(is_asked, "`{key}` of src/selectors/keys.rs is no key");
    }
}

#[test]
fn the_published_schema_and_the_key_reference_are_made_of_the_code() {
    let trace = whole();
    let schema = serde_json::to_string_pretty(&published(&trace)).unwrap() + "\n";
    check(&root().join("selectors/portal.schema.json"), &schema);
    let path = root().join("selectors/README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once("<!-- keys -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of keys -->").unwrap();
    let made = format!(
        "{before}<!-- keys -->\n{}<!-- end of keys -->{after}",
        reference(&trace)
    );
    check(&path, &made);
}

/// As far as the schema above goes.
fn fits(schema: &Value, value: &Value) -> bool {
    if let Some(alternatives) = schema["anyOf"].as_array() {
        return alternatives.iter().any(|schema| fits(schema, value));
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.contains(value);
    }
    match schema["type"].as_str().unwrap() {
        "string" => value.as_str().is_some_and(|text| !text.is_empty()),
        "boolean" => value.is_boolean(),
        "integer" => value.as_u64().is_some_and(|number| {
            let most = schema["maximum"].as_u64().unwrap_or(u64::MAX);
            number >= schema["minimum"].as_u64().unwrap() && number <= most
        }),
        "array" => value.as_array().is_some_and(|list| {
            !list.is_empty() && list.iter().all(|value| fits(&schema["items"], value))
        }),
        "object" => value.as_object().is_some_and(|table| {
            let required = schema["required"].as_array();
            required.is_none_or(|names| {
                names
                    .iter()
                    .all(|name| table.contains_key(name.as_str().unwrap()))
            }) && table.iter().all(|(key, value)| {
                let own = schema["properties"].get(key);
                let other = schema
                    .get("additionalProperties")
                    .filter(|schema| schema.is_object());
                own.or(other).is_some_and(|schema| fits(schema, value))
            })
        }),
        other => panic!("{other}"),
    }
}

#[test]
fn every_shipped_file_names_the_schema_and_fits_it() {
    let schema = published(&whole());
    for (name, text) in shipped() {
        assert!(
            text.starts_with("#:schema portal.schema.json\n"),
            "selectors/{name} must begin with `#:schema portal.schema.json`, by which editors complete it"
        );
        let value: toml::Value = toml::from_str(&text).unwrap();
        let value = serde_json::to_value(value).unwrap();
        assert!(
            fits(&schema, &value),
            "selectors/{name} does not fit the schema"
        );
        let mut wrong = value.clone();
        wrong["table"]["roes"] = json!("tr");
        assert!(!fits(&schema, &wrong), "an unknown key fits");
        let mut wrong = value.clone();
        wrong.as_object_mut().unwrap().remove("zone");
        assert!(!fits(&schema, &wrong), "a missing key fits");
    }
}
