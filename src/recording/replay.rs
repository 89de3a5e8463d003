//! Which step of a recording answers a request. Pure.

use super::{Kind, Recording, Step};

/// A recording while it is replayed, and how far it has come.
#[derive(Debug)]
pub struct Replay {
    steps: Vec<Step>,
    /// Index of the step that was reached last.
    reached: Option<usize>,
}

impl Replay {
    /// From its beginning.
    #[must_use]
    pub fn new(recording: &Recording) -> Self {
        Self {
            steps: recording.steps.clone(),
            reached: None,
        }
    }

    /// The step that answers; `at` is path and query as requested. Of those with this method and path, the ones whose query
    /// is most like it (dates are of another day in a replay), and of them the next in order: a `GET` may be repeated, any
    /// other request goes on. After the last one, the last one again.
    pub fn answer(&mut self, method: &str, at: &str) -> Option<&Step> {
        let (path, query) = split(at);
        let fitting = self.steps.iter().enumerate().filter_map(|(index, step)| {
            let (own, own_query) = split(step.at.as_deref()?);
            (step.method == method && own == path && self.may_come(index, step))
                .then(|| (index, likeness(&pairs(query), &pairs(own_query))))
        });
        let fitting: Vec<(usize, i64)> = fitting.collect();
        let best = fitting.iter().map(|(_, likeness)| *likeness).max()?;
        let mut equal = fitting.iter().filter(|(_, likeness)| *likeness == best);
        let ahead = |index: usize| match (self.reached, method) {
            (None, _) => true,
            (Some(reached), "GET" | "HEAD") => index >= reached,
            (Some(reached), _) => index > reached,
        };
        let last = equal.clone().next_back();
        let (index, _) = equal.find(|(index, _)| ahead(*index)).or(last)?;
        self.reached = self.reached.max(Some(*index));
        self.steps.get(*index)
    }

    /// An export that is asked for by a form comes after the page with the form: what is posted before is another form, perhaps
    /// to the same address.
    fn may_come(&self, index: usize, step: &Step) -> bool {
        let is_form = step.is == Kind::Download && step.method == "POST";
        !is_form || self.reached.is_some_and(|reached| reached + 1 >= index)
    }

    /// Where a form leads of which no step answers the request: to the page after the one that was reached last. The agent
    /// records pages, not what was sent for them; a recording that has any such request has all of them.
    pub fn sent(&mut self) -> Option<&str> {
        if self.steps.iter().any(Step::is_sent_form) {
            return None;
        }
        let steps = self.steps.iter().enumerate().skip(self.reached? + 1);
        let (next, step) = { steps }.find(|(_, step)| step.is != Kind::Request)?;
        let at = step.at.as_deref()?;
        self.reached = Some(next);
        Some(at)
    }
}

fn split(at: &str) -> (&str, &str) {
    at.split_once('?').unwrap_or((at, ""))
}

fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// Equal pairs count for it, keys of one side alone against it.
fn likeness(one: &[(String, String)], other: &[(String, String)]) -> i64 {
    let lacks = |pairs: &[(String, String)], key: &String| !pairs.iter().any(|(own, _)| own == key);
    let equal = one.iter().filter(|pair| other.contains(pair)).count();
    let alone = one.iter().filter(|(key, _)| lacks(other, key)).count()
        + other.iter().filter(|(key, _)| lacks(one, key)).count();
    i64::try_from(equal).unwrap_or(i64::MAX) - 2 * i64::try_from(alone).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn replay(steps: &str) -> Replay {
        let head = "format = 1\nrecorded = \"2026-11-21T09:03:00Z\"\nnumber = \"1\"\n";
        let mut text = head.to_owned();
        for (number, line) in steps.lines().enumerate() {
            let (method, at) = line.trim().split_once(' ').unwrap_or_default();
            text.push_str(&format!(
                "[[step]]\nis = \"page\"\nfile = \"{number}\"\nmethod = \"{method}\"\nat = \"{at}\"\n"
            ));
        }
        #[expect(clippy::unwrap_used, reason = "a test")]
        let recording = parse("recording.toml", &text).unwrap();
        Replay::new(&recording)
    }

    #[test]
    fn requests_are_answered_by_address_then_likeness_then_order() {
        let mut replay = replay(
            "GET /form\nPOST /form\nGET /rows?from=01-01&to=02-01\nGET /rows?from=01-01&to=02-01&page=2\nPOST /ajax\nPOST /ajax\nGET /form",
        );
        let mut told = |method: &str, at: &str| {
            let step = replay.answer(method, at);
            step.and_then(|step| step.file.clone()).unwrap_or_default()
        };
        assert_eq!(told("GET", "/form"), "0");
        assert_eq!(told("GET", "/form"), "0");
        assert_eq!(told("POST", "/form"), "1");
        // Other days, and then as the page's own link says.
        assert_eq!(told("GET", "/rows?from=21-11&to=22-11"), "2");
        assert_eq!(told("GET", "/rows?from=21-11&to=22-11"), "2");
        assert_eq!(told("GET", "/rows?from=01-01&to=02-01&page=2"), "3");
        assert_eq!(told("POST", "/ajax"), "4");
        assert_eq!(told("POST", "/ajax"), "5");
        assert_eq!(told("POST", "/ajax"), "5");
        assert_eq!(told("GET", "/form"), "6");
        assert_eq!(told("GET", "/other"), "");
    }

    #[test]
    fn an_export_by_form_does_not_answer_the_form_of_the_sign_in() {
        let mut replay = replay("GET /x\nGET /home\nGET /rows\nPOST /x");
        for step in replay.steps.iter_mut().filter(|step| step.method == "POST") {
            step.is = Kind::Download;
        }
        assert!(replay.answer("GET", "/x").is_some());
        assert!(replay.answer("POST", "/x").is_none());
        assert_eq!(replay.sent(), Some("/home"));
        assert!(replay.answer("GET", "/rows").is_some());
        let export = replay.answer("POST", "/x");
        assert_eq!(export.and_then(|step| step.file.as_deref()), Some("3"));
    }

    #[test]
    fn a_form_whose_request_was_not_recorded_leads_to_the_page_after_it() {
        let mut replay =
            replay("GET /form\nPOST /script\nGET /form\nGET /rows\nGET /script\nGET /rows");
        for step in replay.steps.iter_mut() {
            if step.at.as_deref() == Some("/script") {
                step.is = Kind::Request;
                step.content_type = "application/json".to_owned();
            }
        }
        assert_eq!(replay.sent(), None, "no form was shown");
        for (at, file) in [("/form", "2"), ("/rows", "3"), ("/rows", "5")] {
            let shown = replay.answer("GET", "/form").is_some();
            assert!(shown && replay.answer("POST", at).is_none());
            assert_eq!(replay.sent(), Some(at));
            let step = replay.answer("GET", at);
            assert_eq!(step.and_then(|step| step.file.as_deref()), Some(file));
        }
        assert_eq!(replay.sent(), None, "it ends there");
    }
}
