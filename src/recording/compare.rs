//! How what a page gives differs from what it must give: by row and field. Pure.

use std::fmt;

use serde_json::{Map, Value};

/// One thing that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `row 3`, `row 3 (put aside)`, or empty for the page as a whole.
    pub row: String,
    /// The key; empty for a row as a whole.
    pub field: String,
    /// As JSON; `None`: nothing was expected.
    pub expected: Option<Value>,
    /// As JSON; `None`: there is nothing.
    pub got: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match (self.row.as_str(), self.field.as_str()) {
            ("", field) => field.to_owned(),
            (row, "") => row.to_owned(),
            (row, field) => format!("{row}, {field}"),
        };
        match (&self.expected, &self.got) {
            (None, Some(got)) => write!(f, "{place}: not expected: {got}"),
            (Some(expected), None) => write!(f, "{place}: missing: {expected}"),
            (expected, got) => write!(
                f,
                "{place}: expected {}, got {}",
                expected.as_ref().unwrap_or(&Value::Null),
                got.as_ref().unwrap_or(&Value::Null)
            ),
        }
    }
}

/// The lists of rows, how a row of each is called, and which key tells it from the others.
const LISTS: [(&str, &str, &str); 2] = [
    ("payments", "", "id"),
    ("quarantined", " (put aside)", "row"),
];

/// Every difference, in the order of the rows.
#[must_use]
pub fn differences(expected: &Map<String, Value>, got: &Map<String, Value>) -> Vec<Difference> {
    let is_list = |key: &str| LISTS.iter().any(|(list, _, _)| *list == key);
    let mut found = fields("", expected, got, is_list);
    for (key, kind, identity) in LISTS {
        let rows = |page: &Map<String, Value>| page.get(key).map_or(Some(Vec::new()), objects);
        let (Some(expected), Some(got)) = (rows(expected), rows(got)) else {
            continue;
        };
        found.extend(by_row(kind, identity, expected, got));
    }
    found
}

type Object = Map<String, Value>;

fn objects(value: &Value) -> Option<Vec<Object>> {
    let rows = value.as_array()?.iter();
    rows.map(|row| row.as_object().cloned()).collect()
}

/// Rows belong together by their identity, what is left by their number.
fn by_row(kind: &str, identity: &str, expected: Vec<Object>, got: Vec<Object>) -> Vec<Difference> {
    // A row that came between moves the others: told once.
    let moved = expected.len() != got.len();
    let mut left: Vec<Option<Object>> = got.into_iter().map(Some).collect();
    let mut pair = |row: &Object, key: &str| {
        let wanted = row.get(key)?;
        let place = left.iter_mut().find(|other| {
            let other = other.as_ref().and_then(|other| other.get(key));
            other == Some(wanted)
        })?;
        place.take()
    };
    let mut pairs: Vec<(Object, Option<Object>)> = expected
        .into_iter()
        .map(|row| {
            let other = pair(&row, identity);
            (row, other)
        })
        .collect();
    for (row, other) in pairs.iter_mut().filter(|(_, other)| other.is_none()) {
        *other = pair(row, "row");
    }
    let name = |row: &Object| {
        let number = row.get("row").map(ToString::to_string);
        format!("row {}{kind}", number.unwrap_or_default())
    };
    let mut found = Vec::new();
    for (row, other) in pairs {
        match other {
            Some(other) => found.extend(fields(&name(&row), &row, &other, |key| {
                moved && key == "row"
            })),
            None => found.push(Difference {
                row: name(&row),
                field: String::new(),
                expected: Some(Value::Object(row)),
                got: None,
            }),
        }
    }
    found.extend(left.into_iter().flatten().map(|row| Difference {
        row: name(&row),
        field: String::new(),
        expected: None,
        got: Some(Value::Object(row)),
    }));
    found
}

fn fields(
    row: &str,
    expected: &Object,
    got: &Object,
    leave: impl Fn(&str) -> bool,
) -> Vec<Difference> {
    let only_got = got.keys().filter(|key| !expected.contains_key(*key));
    let keys = expected.keys().chain(only_got);
    keys.filter(|key| !leave(key) && expected.get(*key) != got.get(*key))
        .map(|key| Difference {
            row: row.to_owned(),
            field: key.clone(),
            expected: expected.get(key).cloned(),
            got: got.get(key).cloned(),
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(expected: &Value, got: &Value) -> Vec<String> {
        let (expected, got) = (expected.as_object().unwrap(), got.as_object().unwrap());
        let found = differences(expected, got);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_row_that_came_between_is_one_difference_and_a_changed_id_names_its_row() {
        let row = |number: u32, id: &str, amount: &str| json!({"row": number, "id": id, "amount": amount});
        let expected =
            json!({"session": "signed-in", "payments": [row(1, "a", "5"), row(2, "b", "6")]});
        assert!(told(&expected, &expected).is_empty());
        let between = json!({"session": "signed-in", "payments": [row(1, "a", "5"), row(2, "n", "9"), row(3, "b", "7")]});
        assert_eq!(
            told(&expected, &between),
            [
                "row 2, amount: expected \"6\", got \"7\"",
                "row 2: not expected: {\"amount\":\"9\",\"id\":\"n\",\"row\":2}"
            ]
        );
        let other = json!({"session": "signed-out", "payments": [row(1, "x", "5")]});
        assert_eq!(
            told(&expected, &other),
            [
                "session: expected \"signed-in\", got \"signed-out\"",
                "row 1, id: expected \"a\", got \"x\"",
                "row 2: missing: {\"amount\":\"6\",\"id\":\"b\",\"row\":2}"
            ]
        );
    }
}
