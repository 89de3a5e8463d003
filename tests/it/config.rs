//! Every mistake in a config or selector file gets a message of its own, all of them in one go.

mod mistakes;

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tillwatch::config::{self, Config, Driver, Since, SinkKind};
use tillwatch::diagnostic::Diagnostics;
use tillwatch::payment::{Direction, Status, TransactionType};
use tillwatch::selectors::file::parse;
use tillwatch::selectors::{Field, Portal};

use mistakes::{Mistake, WRONG_CONFIGS, WRONG_SELECTORS};

const CONFIG: &str = include_str!("../fixtures/config/tillwatch.toml");
const SELECTORS: &str = include_str!("../fixtures/config/selectors/kilima.toml");

fn patched(good: &str, (name, patches): &Mistake) -> String {
    patches.iter().fold(good.to_owned(), |text, (old, new)| {
        assert_eq!(
            text.matches(old).count(),
            1,
            "{name}: `{old}` stands there once"
        );
        text.replacen(old, new, 1)
    })
}

/// A directory with a config and the selector files.
fn files(config: &str, selectors: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tillwatch.toml"), config).unwrap();
    fs::create_dir(dir.path().join("selectors")).unwrap();
    for (name, text) in selectors {
        fs::write(dir.path().join("selectors").join(name), text).unwrap();
    }
    dir
}

fn check(dir: &Path) -> (Option<Config>, Diagnostics) {
    config::check(&dir.join("tillwatch.toml"))
}

/// As printed, without the directory of this test.
fn shown(dir: &Path, found: &Diagnostics) -> String {
    found
        .to_string()
        .replace(&format!("{}/", dir.display()), "")
}

/// All messages of a table, one after the other.
fn catalogue(mistakes: &[Mistake], message: impl Fn(&Mistake) -> String) -> String {
    let entries = mistakes
        .iter()
        .map(|mistake| format!("## {}\n{}\n", mistake.0, message(mistake)));
    entries.collect::<Vec<_>>().join("\n")
}

fn good_portal(text: &str) -> Portal {
    parse("kilima", "kilima.toml", text)
        .map_err(|found| found.to_string())
        .unwrap()
}

#[test]
fn every_mistake_in_tillwatch_toml_gets_its_message() {
    let messages = catalogue(WRONG_CONFIGS, |mistake| {
        let dir = files(&patched(CONFIG, mistake), &[("kilima.toml", SELECTORS)]);
        let (_, found) = check(dir.path());
        assert!(!found.is_empty(), "{}", mistake.0);
        shown(dir.path(), &found)
    });
    assert!(!messages.contains("hunter2"), "a secret is never shown");
    insta::assert_snapshot!("wrong_configs", messages);
}

#[test]
fn every_mistake_in_a_selector_file_gets_its_message() {
    let messages = catalogue(WRONG_SELECTORS, |mistake| {
        let found = parse("kilima", "kilima.toml", &patched(SELECTORS, mistake));
        found.map_or_else(
            |found| found.to_string(),
            |_| panic!("{} is accepted", mistake.0),
        )
    });
    assert!(!messages.contains("hunter2"), "a secret is never shown");
    insta::assert_snapshot!("wrong_selectors", messages);
}

#[test]
fn every_file_that_cannot_be_read_gets_its_message() {
    let gone = tempfile::tempdir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("tillwatch.toml")).unwrap();
    let latin1 = files("", &[]);
    fs::write(
        latin1.path().join("tillwatch.toml"),
        b"state_dir = \"x\"\n# caf\xe9\n",
    )
    .unwrap();
    let large = files(&"#".repeat(2 << 20), &[]);
    let empty = files("", &[]);
    let messages = [
        ("a missing file", gone),
        ("a directory", directory),
        ("another encoding", latin1),
        ("a file of 2 MiB", large),
        ("an empty file", empty),
    ]
    .map(|(name, dir)| {
        let (config, found) = check(dir.path());
        assert!(config.is_none());
        format!("## {name}\n{}\n", shown(dir.path(), &found))
    });
    insta::assert_snapshot!("unreadable_files", messages.join("\n"));
}

#[test]
fn an_account_with_a_broken_selector_file_leaves_the_others_running() {
    let two = CONFIG.replacen("portal = \"kilima\"", "portal = \"broken\"", 1);
    let broken = SELECTORS.replace("\"a.next\"", "\"a:visible\"");
    let dir = files(
        &two,
        &[
            ("kilima.toml", SELECTORS),
            ("broken.toml", &broken),
            ("README.md", "not read"),
        ],
    );
    let (config, found) = check(dir.path());
    let config = config.unwrap();
    let running: Vec<bool> = config
        .accounts
        .iter()
        .map(|account| account.portal.is_ok())
        .collect();
    assert_eq!(running, [false, true]);
    assert_eq!(found.len(), 1);
    assert!(shown(dir.path(), &found).contains("selectors/broken.toml:"));
    assert!(
        config::load(&dir.path().join("tillwatch.toml")).is_ok(),
        "the start goes on"
    );
}

#[test]
fn a_broken_config_does_not_hide_what_is_wrong_with_selector_files() {
    let broken = SELECTORS.replace("\"a.next\"", "\"a:visible\"");
    let dir = files(
        &CONFIG.replace("listen =", "lisen ="),
        &[("kilima.toml", &broken)],
    );
    let (config, found) = check(dir.path());
    assert!(config.is_none());
    let shown = shown(dir.path(), &found);
    assert!(
        shown.contains("tillwatch.toml:") && shown.contains("selectors/kilima.toml:"),
        "{shown}"
    );
}

#[test]
fn overrides_of_an_account_replace_what_the_selector_file_says() {
    let overrides = "origin = \"https://tz.kilima.example:8443\"\nzone = \"Africa/Dar_es_Salaam\"\ncurrency = \"TZS\"\ncap = {";
    let dir = files(
        &CONFIG.replace("cap = {", overrides),
        &[("kilima.toml", SELECTORS)],
    );
    let config = config::load(&dir.path().join("tillwatch.toml")).unwrap();
    let pins = config.accounts.iter().map(|account| {
        let resolved = account.portal.as_ref().unwrap();
        let portal = &resolved.portal;
        format!(
            "{} {} {} {}",
            resolved.account.operator.number, portal.origin, portal.zone, portal.currency
        )
    });
    assert_eq!(
        pins.collect::<Vec<_>>(),
        [
            "600123 https://org.kilima.example Africa/Nairobi KES",
            "600124 https://tz.kilima.example:8443 Africa/Dar_es_Salaam TZS",
        ]
    );
}

#[test]
fn an_account_has_a_user_if_and_only_if_the_portal_asks_for_one() {
    let password_alone = SELECTORS.replace("  { fill = \"#userName\", with = \"{user}\" },", "");
    let without = CONFIG.replace("user = \"agent\"\n", "");
    let told = |config: &str, selectors: &str| {
        let dir = files(config, &[("kilima.toml", selectors)]);
        shown(dir.path(), &check(dir.path()).1)
    };
    assert_eq!(told(CONFIG, SELECTORS), "");
    assert_eq!(told(&without, &password_alone), "");
    let missing = told(&without, SELECTORS);
    assert!(missing.contains("this account has none"), "{missing}");
    let idle = told(CONFIG, &password_alone);
    assert!(idle.contains("`user` is typed nowhere"), "{idle}");
    let twice = without.replacen("600124", "600123", 1);
    let twice = told(&twice, &password_alone);
    assert!(twice.contains("a second time"), "{twice}");
}

#[test]
fn paths_begin_at_the_directory_of_the_config_file() {
    let dir = files(CONFIG, &[("kilima.toml", SELECTORS)]);
    let config = config::load(&dir.path().join("tillwatch.toml")).unwrap();
    assert_eq!(config.state_dir, dir.path().join("state"));
    let files = config.sinks.iter().filter_map(|sink| match &sink.kind {
        SinkKind::File { path, .. } => Some(path.clone()),
        SinkKind::Stdout => None,
    });
    assert_eq!(
        files.collect::<Vec<_>>(),
        [dir.path().join("payments.ndjson")]
    );
    assert!(matches!(config.webdriver.driver, Driver::Running(_)));
    assert_eq!(config.accounts.first().unwrap().settings.since, Since::Now);
}

#[test]
fn the_config_of_the_compose_file_passes_check() {
    let text = include_str!("../../docs/compose/tillwatch.toml");
    let dir = files(text, &[("kilima.toml", SELECTORS)]);
    let (config, found) = check(dir.path());
    assert_eq!(shown(dir.path(), &found), "");
    assert!(config.is_some());
}

#[test]
fn the_example_config_passes_check_and_its_commented_defaults_are_the_real_ones() {
    use tillwatch::cli::example_config::EXAMPLE;
    let defaults_written: Vec<&str> = EXAMPLE
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|rest| rest.starts_with(|c: char| c != ' '))
                .unwrap_or(line)
        })
        .collect();
    let uncommented = EXAMPLE
        .lines()
        .zip(&defaults_written)
        .filter(|(line, written)| line != *written)
        .count();
    assert!(uncommented > 15, "the example shows its defaults");
    let dir = files(EXAMPLE, &[("kilima.toml", SELECTORS)]);
    let read = || {
        let (config, found) = check(dir.path());
        assert_eq!(shown(dir.path(), &found), "");
        format!("{:#?}", config.unwrap())
    };
    let left_out = read();
    fs::write(
        dir.path().join("tillwatch.toml"),
        defaults_written.join("\n"),
    )
    .unwrap();
    assert_eq!(read(), left_out);
}

#[test]
fn the_selector_file_of_the_readme_is_good() {
    let readme = include_str!("../../selectors/README.md");
    let block = readme
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let portal = good_portal(block);
    assert_eq!(portal.fields.other_type, TransactionType::Transfer);
    for field in Field::ALL {
        assert!(
            readme.contains(&format!("`{}`", field.as_str())),
            "{field:?} is documented"
        );
    }
}

#[test]
fn a_portal_without_columns_for_status_type_and_direction_says_them_once() {
    let text = SELECTORS
        .replace("{ header = \"Transaction Status\", map = { Completed = \"completed\", Failed = \"failed\" } }", "{ always = \"completed\" }")
        .replace("{ header = \"Reason Type\", map = { \"Pay Bill Online\" = \"billpay\" }, other = \"transfer\" }", "{ always = \"merchantpay\" }")
        .replace("credit = { header = \"Paid In\" }", "amount = { header = [\"Paid In\", \"Amount\"], nth = 2 }\ndirection = { always = \"credit\" }")
        .replace("debit = { header = \"Withdrawn\" }", "")
        .replace("transaction_reference = { header = \"Receipt No.\" }", "identity = [\"completion_date\", \"amount\", \"customer_reference\"]");
    let fields = good_portal(&text).fields;
    assert_eq!(fields.always_status, Some(Status::Completed));
    assert_eq!(fields.always_direction, Some(Direction::Credit));
    assert_eq!(fields.other_type, TransactionType::MerchantPay);
    assert_eq!(
        fields.identity,
        [
            Field::CompletionDate,
            Field::Amount,
            Field::CustomerReference
        ]
    );
    for absent in [
        Field::Status,
        Field::Type,
        Field::Direction,
        Field::TransactionReference,
    ] {
        assert!(!fields.sources.contains_key(&absent), "{absent:?}");
    }
}
