//! `tillwatch check`: everything wrong with config and selector files; `--live` asks the world too, without a login.

mod live;

use std::fmt::{Display, Write as _};
use std::io::{IsTerminal as _, Write as _};

use super::ConfigArg;
use crate::config::{self, Account, Config, Driver, shown};
use crate::exit::Exit;
use crate::login::credentials::{Sources, lookup};

/// Says everything wrong with the config and the selector files, and what each account resolves to.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Where the config file is.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Also ask the WebDriver, the state directory, every sink and who holds each secret. Never signs in.
    #[arg(long)]
    pub live: bool,
}

/// Mistakes go to standard error, the rest to standard output: `Config` when a file is wrong, `Unhealthy` when only
/// something live is.
pub async fn run(args: CheckArgs) -> Exit {
    let (config, mistakes) = config::check(&args.config.config);
    if !mistakes.is_empty() {
        let stderr = std::io::stderr();
        let colour = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        // Nothing is left to tell it to when standard error is closed; the exit code says it.
        let _closed = writeln!(stderr.lock(), "{}\n", mistakes.render(colour));
    }
    let mut report = Report::default();
    if let Some(config) = &config {
        for account in &config.accounts {
            report.line(&account_line(account));
            if let Some(note) = certificates_note(config, account) {
                report.line(&note);
            }
        }
        let accounts = config.accounts.iter();
        let attended = accounts.filter(|account| account.settings.attended.is_some());
        let counts = (attended.count(), config.accounts.len());
        if let Some(note) = places_note(config.webdriver.max_sessions, counts) {
            report.line(&note);
        }
        if args.live {
            ask(config, &mut report).await;
        }
    }
    report.line(&match mistakes.len() {
        0 => "the files are good".to_owned(),
        1 => "1 mistake in the files".to_owned(),
        many => format!("{many} mistakes in the files"),
    });
    match std::io::stdout().lock().write_all(report.text.as_bytes()) {
        Err(_) => Exit::StdoutClosed,
        Ok(()) if !mistakes.is_empty() => Exit::Config,
        Ok(()) if report.unhealthy => Exit::Unhealthy,
        Ok(()) => Exit::Ok,
    }
}

/// Asks everything that the agent will need, one line each.
async fn ask(config: &Config, report: &mut Report) {
    report.answer("webdriver", live::webdriver(&config.webdriver).await);
    report.answer("state_dir", live::state_dir(&config.state_dir));
    let store = live::store(&config.state_dir).await;
    let agent_runs = store.as_ref().is_ok_and(|checked| checked.agent_runs);
    report.answer(
        "store",
        store.map(|checked| checked.text.replace('\n', "; ")),
    );
    for Account { settings, .. } in &config.accounts {
        let sources = Sources::of(settings.name.as_str(), settings.secret_file.as_deref());
        let served = lookup(&sources).await.map(|(_, provider)| provider);
        report.answer(&format!("secret of {}", settings.name), served);
    }
    for sink in &config.sinks {
        let answer = live::sink(&sink.kind, &config.state_dir, agent_runs).await;
        report.answer(&format!("sink {}", sink.name), answer);
    }
}

#[derive(Default)]
struct Report {
    text: String,
    unhealthy: bool,
}

impl Report {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn answer(&mut self, asked: &str, answer: Result<impl Display, impl Display>) {
        match answer {
            Ok(good) => self.line(&format!("{asked}: {good}")),
            Err(wrong) => {
                self.unhealthy = true;
                self.line(&format!("{asked}: WRONG: {wrong}"));
            }
        }
    }
}

/// What a WebDriver that runs elsewhere must bring along: we cannot put it there.
fn certificates_note(config: &Config, account: &Account) -> Option<String> {
    let Driver::Running(_) = config.webdriver.driver else {
        return None;
    };
    let settings = &account.settings;
    let route = &settings.route;
    route.has_certificates().then(|| {
        let which = match (&route.ca, &route.client_certificate) {
            (Some(_), Some(_)) => "`ca` and `client_certificate` are",
            (Some(_), None) => "`ca` is",
            (None, _) => "`client_certificate` is",
        };
        format!(
            "note on {}: {which} used without a browser only; the image of the WebDriver must hold it too, in \
             $HOME/.pki/nssdb of its browser (certutil, pk12util)",
            settings.name
        )
    })
}

/// Who waits for a person keeps its browser: the others must not be left without one.
fn places_note(places: Option<usize>, (attended, accounts): (usize, usize)) -> Option<String> {
    let places = places.filter(|places| attended >= *places && accounts > *places)?;
    Some(format!(
        "note on max_sessions: while {places} of the {attended} accounts with `attended` wait for a person, their \
         browsers are kept and no other account gets one; more than {attended} leave a place"
    ))
}

fn account_line(account: &Account) -> String {
    let settings = &account.settings;
    let mut line = format!("account {}: ", settings.name);
    let Ok(resolved) = &account.portal else {
        line.push_str("its selector file is wrong; it will not be watched");
        return line;
    };
    let portal = &resolved.portal;
    let written = write!(
        line,
        "{} pinned to {}, {}, {}, poll {}, cap {} logins per {} of which {} for people",
        resolved.account.selector_format,
        portal.origin,
        portal.zone,
        portal.currency,
        shown(settings.pace.poll),
        settings.cap.logins,
        shown(settings.cap.per),
        settings.reserve,
    );
    debug_assert!(written.is_ok(), "writing to a String");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_all_places_may_be_held_by_people_is_said() {
        let note = places_note(Some(2), (3, 5)).unwrap_or_default();
        assert!(note.contains("more than 3 leave a place"), "{note}");
        for (places, counts) in [
            (None, (3, 5)),
            (Some(4), (3, 5)),
            (Some(2), (2, 2)),
            (Some(1), (0, 9)),
        ] {
            assert_eq!(places_note(places, counts), None);
        }
    }
}
