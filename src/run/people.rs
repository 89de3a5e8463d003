//! Starts what speaks to people: the notifiers and the ping.

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{StartError, Task};
use crate::config::{Config, NotifyKind};
use crate::login::credentials;
use crate::notices::{self, Subjects};
use crate::notify::{Http, Notifier};

/// Begins to tell, where the config names anybody.
pub(super) fn start(
    config: &Config,
    subjects: Subjects,
    tasks: &mut JoinSet<Task>,
    stop: &watch::Receiver<bool>,
) -> Result<(), StartError> {
    let webhooks = config
        .notifiers
        .iter()
        .filter_map(|notify| match &notify.kind {
            NotifyKind::Webhook { url, .. } => Some(url),
            NotifyKind::Command { .. } => None,
        });
    let https = webhooks
        .chain(&config.dead_man)
        .any(|url| url.scheme_str() == Some("https"));
    let http = Http::new(https).map_err(StartError::NotifierTls)?;
    let mut notifiers = Vec::new();
    for notify in &config.notifiers {
        let notifier = match &notify.kind {
            NotifyKind::Webhook { url, token_file } => {
                let token = token_file.as_deref().map(credentials::read_file);
                let token = token
                    .transpose()
                    .map_err(|source| StartError::NotifierToken {
                        name: notify.name.clone(),
                        source,
                    })?;
                Notifier::Webhook {
                    url: url.clone(),
                    token: token.map(|(token, _)| token),
                    http: Box::new(http.clone()),
                }
            }
            NotifyKind::Command { command } => Notifier::Command {
                words: command.clone(),
            },
        };
        notifiers.push((notify.name.clone(), notifier));
    }
    if !notifiers.is_empty() {
        let stop = stop.clone();
        tasks.spawn(async move {
            notices::tell(subjects, notifiers, stop).await;
            Task::Service
        });
    }
    if let Some(url) = config.dead_man.clone() {
        let stop = stop.clone();
        tasks.spawn(async move {
            notices::ping(http, url, stop).await;
            Task::Service
        });
    }
    Ok(())
}
