//! Exports as browsers' extensions and tools write them, and what is said of files that are none.
#![expect(clippy::unwrap_used, reason = "a test")]

use super::*;

const NOW: i64 = 1_795_000_000;

fn origin() -> Url {
    Url::parse("https://portal.example:8443/").unwrap()
}

fn found(text: &str) -> Found {
    parse(text, &origin(), NOW).unwrap()
}

/// One line each.
fn shown(found: &Found) -> Vec<String> {
    let shown = |cookie: &Cookie| {
        let flags = [(cookie.secure, "secure"), (cookie.http_only, "http-only")];
        let flags: Vec<&str> = flags
            .iter()
            .filter_map(|(is, word)| is.then_some(*word))
            .collect();
        format!(
            "{}={} {}{} {} {:?} {:?}",
            cookie.name,
            cookie.value,
            cookie.domain,
            cookie.path,
            flags.join(" "),
            cookie.expires,
            cookie.same_site.as_deref().unwrap_or("-")
        )
    };
    found.cookies.iter().map(shown).collect()
}

fn mistakes(text: &str) -> Vec<String> {
    let mistakes = parse(text, &origin(), NOW).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn an_export_of_a_browsers_extension_is_read() {
    let text = r#"[
      {"domain": "portal.example", "expirationDate": 1795003600.25, "hostOnly": true, "httpOnly": true, "name": "SID",
       "path": "/", "sameSite": "lax", "secure": true, "session": false, "storeId": "0", "value": "a=b", "id": 1},
      {"domain": ".portal.example", "hostOnly": false, "httpOnly": false, "name": "lang", "path": "/app",
       "sameSite": "unspecified", "secure": false, "session": true, "storeId": null, "value": ""}
    ]"#;
    assert_eq!(
        shown(&found(text)),
        [
            "SID=a=b portal.example/ secure http-only Some(1795003600.25) \"Lax\"",
            "lang= .portal.example/app  None \"-\"",
        ]
    );
}

#[test]
fn what_automation_tools_write_is_read() {
    let text = r#"{"cookies": [
      {"name": "SID", "value": "1", "domain": ".example", "path": "/", "expires": -1, "httpOnly": true, "secure": true, "sameSite": "None"},
      {"name": "SID", "value": "1", "domain": "portal.example", "expires": "1795003600", "sameSite": "None"},
      {"name": "SID", "value": "2", "domain": "portal.example", "path": "/", "expiry": 1795003600}
    ], "origins": []}"#;
    // Of the same name, domain and path the last stays; `.example` is no domain that cookies are set for.
    let all = found(text);
    assert_eq!(
        shown(&all),
        ["SID=2 portal.example/  Some(1795003600.0) \"-\""]
    );
    assert_eq!((all.foreign, all.expired), (1, 0));
}

#[test]
fn a_cookies_txt_is_read() {
    let text = "\u{feff}# Netscape HTTP Cookie File\r\n# This file was generated. Do not edit.\r\n\r\n\
                #HttpOnly_portal.example\tFALSE\t/\tTRUE\t1795003600\tSID\tabc\r\n\
                .portal.example\tTRUE\t/app\tfalse\t0\tlang\t\r\n\
                .other.example\tTRUE\t/\tFALSE\t0\tad\t1\r\n";
    let all = found(text);
    assert_eq!(
        shown(&all),
        [
            "SID=abc portal.example/ secure http-only Some(1795003600.0) \"-\"",
            "lang= .portal.example/app  None \"-\"",
        ]
    );
    assert_eq!((all.foreign, all.expired), (1, 0));
}

#[test]
fn only_what_a_browser_would_send_to_the_origin_is_taken() {
    let with = |domain: &str, more: &str| {
        format!(r#"[{{"name": "a", "value": "1", "domain": "{domain}"{more}}}]"#)
    };
    let at = |origin: &str, domain: &str, more: &str| {
        let origin = Url::parse(origin).unwrap();
        let found = parse(&with(domain, more), &origin, NOW).unwrap();
        (found.cookies.len(), found.foreign, found.expired)
    };
    let (taken, foreign, expired) = ((1, 0, 0), (0, 1, 0), (0, 0, 1));
    for (origin, domain, more, what) in [
        ("https://p.example/", "p.example", "", taken),
        ("https://p.example/", "P.EXAMPLE", "", taken),
        ("https://www.p.example/", ".p.example", "", taken),
        ("https://www.p.example/", "p.example", "", foreign),
        (
            "https://www.p.example/",
            "p.example",
            r#", "hostOnly": false"#,
            taken,
        ),
        ("https://p.example/", "www.p.example", "", foreign),
        ("https://p.example/", ".evilp.example", "", foreign),
        ("https://evilp.example/", ".p.example", "", foreign),
        (
            "http://p.example/",
            "p.example",
            r#", "secure": true"#,
            foreign,
        ),
        ("http://127.0.0.1:81/", "127.0.0.1", "", taken),
        ("http://127.0.0.1:81/", ".127.0.0.1", "", taken),
        ("http://localhost:81/", ".localhost", "", taken),
        (
            "https://p.example/",
            "p.example",
            r#", "expires": 1794999999"#,
            expired,
        ),
        (
            "https://p.example/",
            "p.example",
            r#", "expires": 1795000000"#,
            expired,
        ),
        (
            "https://p.example/",
            "p.example",
            r#", "expires": 1795000001"#,
            taken,
        ),
        (
            "https://p.example/",
            "p.example",
            r#", "expires": 5, "session": true"#,
            taken,
        ),
    ] {
        assert_eq!(at(origin, domain, more), what, "{origin} {domain} {more}");
    }
}

#[test]
fn what_is_wrong_is_told_by_its_place_and_never_by_its_text() {
    let entry = |fields: &str| format!(r#"[{{"name": "SID", "value": "planted"}}, {{{fields}}}]"#);
    let line = |line: &str| format!("# planted\n\n{line}\n");
    let not_json = "this is no JSON; was the export cut short?";
    for (text, expected) in [
        (String::new(), "the file is empty".to_owned()),
        ("\u{feff} \n".to_owned(), "the file is empty".to_owned()),
        (
            r#"[{"name": "planted""#.to_owned(),
            format!("line 1, column 19: {not_json}"),
        ),
        (
            "[\n{\"planted\n".to_owned(),
            format!("line 2, column 9: {not_json}"),
        ),
        (
            r#"{"planted": 1}"#.to_owned(),
            "the file is JSON, but no list of cookies".to_owned(),
        ),
        (
            r#"{"cookies": "planted"}"#.to_owned(),
            "the file is JSON, but no list of cookies".to_owned(),
        ),
        (
            r#"["planted"]"#.to_owned(),
            "entry 1: is no object with `name`, `value` and `domain`".to_owned(),
        ),
        (
            entry(""),
            "entry 1: has no `domain`; entry 2: has no `name`".to_owned(),
        ),
        (
            r#"[{"name": "a", "value": {"planted": 1}, "domain": "portal.example"}]"#.to_owned(),
            "entry 1: `value` is no text".to_owned(),
        ),
        (
            r#"[{"name": "a", "value": "planted\u0000", "domain": "portal.example"}]"#.to_owned(),
            "entry 1: `value` is none of a cookie".to_owned(),
        ),
        (
            r#"[{"name": "planted;", "value": "", "domain": "portal.example"}]"#.to_owned(),
            "entry 1: `name` is none of a cookie".to_owned(),
        ),
        (
            r#"[{"name": "a", "value": "", "domain": "planted here"}]"#.to_owned(),
            "entry 1: `domain` is no host".to_owned(),
        ),
        (
            r#"[{"name": "a", "value": "", "domain": "portal.example", "path": "planted"}]"#
                .to_owned(),
            "entry 1: `path` is none: it begins with `/`".to_owned(),
        ),
        (
            r#"[{"name": "a", "value": "", "domain": "portal.example", "secure": "planted"}]"#
                .to_owned(),
            "entry 1: `secure` is neither true nor false".to_owned(),
        ),
        (
            r#"[{"name": "a", "value": "", "domain": "portal.example", "expires": "planted"}]"#
                .to_owned(),
            "entry 1: `expires` is no time in seconds since 1970".to_owned(),
        ),
        (
            line("portal.example FALSE / TRUE 0 SID planted"),
            "line 3: has 1 values between tabs, and a line of cookies.txt has 7".to_owned(),
        ),
        (
            line("portal.example\tplanted\t/\tTRUE\t0\tSID\t1"),
            "line 3: `the second value` is neither TRUE nor FALSE".to_owned(),
        ),
        (
            line("portal.example\tFALSE\t/\tTRUE\tplanted\tSID\t1"),
            "line 3: `the fifth value` is no time in seconds since 1970".to_owned(),
        ),
        (
            "name,value\nSID,planted\n".to_owned(),
            "line 1: has 1 values between tabs, and a line of cookies.txt has 7; \
             line 2: has 1 values between tabs, and a line of cookies.txt has 7"
                .to_owned(),
        ),
    ] {
        let told = mistakes(&text).join("; ");
        assert_eq!(told, expected, "{text}");
        assert!(!told.contains("planted"));
    }
}

#[test]
fn a_file_over_the_limits_is_refused() {
    let cookie = |number: usize| format!("portal.example\tFALSE\t/\tTRUE\t0\tc{number}\t1\n");
    let many: String = (0..=MOST_OF_ORIGIN).map(cookie).collect();
    assert_eq!(
        mistakes(&many),
        ["201 cookies are of this origin, and browsers keep 200 at most"]
    );
    let entries = vec!["{}"; MOST + 1].join(",");
    let told = ["the file has more than 20000 cookies: export those of the portal alone"];
    assert_eq!(mistakes(&format!("[{entries}]")), told);
    assert_eq!(mistakes(&"x\n".repeat(MOST + 1)), told);
    assert_eq!(mistakes(&"x\n".repeat(99)).len(), MAX_MISTAKES);
    let long = "x".repeat(LONGEST + 1);
    let text = format!("portal.example\tFALSE\t/\tTRUE\t0\tSID\t{long}\n");
    assert_eq!(mistakes(&text), ["line 1: `value` is none of a cookie"]);
}
