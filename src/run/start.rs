//! Starting: store, sinks, gates and portals of the accounts that can run, and the services beside them.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::browsers::{open_page_loads, session_key, web_driver_portal};
use super::report::{Listeners, Subjects, report};
use super::{Options, Recording, Running, StartError, Task, people};
use crate::agent::{self, Agent, Edges, Limits, Seat};
use crate::clock::Clock;
use crate::config::{Account, Config, OtpBy, Resolved, Settings, Since, SinkKind};
use crate::control::{self, Ordered};
use crate::delivery::{self, Progress};
use crate::http::health::Health;
use crate::http::{self, Access, Http, ServeError};
use crate::login::budget::{Rules, RulesError};
use crate::login::code;
use crate::login::credentials::{self, Sources};
use crate::login::gate::{Gate, Gates};
use crate::login::ledger::LedgerKey;
use crate::notices;
use crate::one_time_code::{By, Codes};
use crate::overview::Overview;
use crate::page_loads::PageLoads;
use crate::payment::AccountName;
use crate::portal::Taped;
use crate::portal::kept::Key;
use crate::portal::pool::Pool;
use crate::portal::webdriver::WebDriverPortal;
use crate::sign_in::expected_ledger;
use crate::sink::file::FileSink;
use crate::sink::stdout::StdoutSink;
use crate::status::{Broken, FILES_WRONG, Status};
use crate::store::{MAX_BATCH, Store};

/// How often acknowledged events past their time are dropped.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// Orders that wait for one account.
const ORDERS: usize = 8;

/// The accounts that can run, how they are spoken to, and those that cannot.
#[derive(Default)]
struct Cast {
    agents: Vec<Agent<WebDriverPortal>>,
    orders: HashMap<AccountName, mpsc::Sender<Ordered>>,
    gates: BTreeMap<AccountName, Gate>,
    page_loads: BTreeMap<AccountName, PageLoads>,
    /// Of all; those at which codes are given are named.
    desks: Vec<code::Desk>,
    given: BTreeMap<AccountName, code::Desk>,
    broken: Vec<Broken>,
}

pub(super) async fn start(
    config: Config,
    options: Options,
    recording: Option<Recording>,
) -> Result<Running, StartError> {
    let state_dir = config.state_dir.clone();
    prepare(&state_dir)?;
    let store = Store::open(&state_dir, options.clock.clone()).await?;
    let (stop_accounts, accounts_stop) = watch::channel(false);
    let (stop_rest, rest_stop) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let names: Vec<String> = config.sinks.iter().map(|sink| sink.name.clone()).collect();
    let sinks = match recording {
        // What is paid meanwhile waits for the next run.
        Some(_) => Vec::new(),
        None => start_sinks(&config, options.stdout, &store, &mut tasks, &rest_stop)?,
    };
    let board = watch::Sender::new(Vec::new());
    let places = config.webdriver.max_sessions;
    let Cast {
        mut agents,
        orders,
        gates,
        page_loads,
        desks,
        given,
        broken,
    } = Casting {
        config: &config,
        clock: &options.clock,
        store: &store,
        board: &board,
        stop: &accounts_stop,
        limits: Limits {
            sinks: names.clone(),
            outbox: config.store.outbox_limit,
        },
        session_key: session_key(&config.webdriver)?,
        pool: Pool::of(places.unwrap_or(config.accounts.len())),
        gates: Gates::new(state_dir.join("ledger"), options.clock.clone()),
    }
    .cast()
    .await?;
    if agents.is_empty() {
        return Err(StartError::NoAccount);
    }
    if let (Some(Recording { pages, answer }), [agent]) = (recording, &mut agents[..]) {
        agent.record_next(pages, answer);
    }
    let (accounts, is_short) = (agents.len(), !broken.is_empty());
    for agent in agents {
        let (stop, once) = (accounts_stop.clone(), options.once);
        tasks.spawn(async move { Task::Account(agent.run(stop, once).await) });
    }
    let (health, healthy) = watch::channel(Health::default());
    let subjects = Subjects {
        board: board.subscribe(),
        broken: broken.clone(),
        sinks: sinks.clone(),
        store: store.clone(),
    };
    let listeners = Listeners {
        health,
        statuses: options.statuses,
    };
    tasks.spawn(report(subjects, listeners, rest_stop.clone()));
    let watched = notices::Subjects {
        board: board.subscribe(),
        broken: broken.clone(),
        sinks: sinks.clone(),
        store: store.clone(),
        clock: options.clock.clone(),
        state_dir: state_dir.clone(),
    };
    people::start(&config, watched, &mut tasks, &rest_stop)?;
    let overview = Overview {
        board: board.subscribe(),
        gates: Arc::new(gates),
        page_loads: Arc::new(page_loads),
        broken: broken.into(),
        store: store.clone(),
        clock: options.clock.clone(),
    };
    let codes = Arc::new(given);
    let desk = control::Desk {
        accounts: Arc::new(orders),
        overview: overview.clone(),
        codes: codes.clone(),
        config: config.path.as_path().into(),
    };
    tasks.spawn(end_waits(desks, accounts_stop));
    serve_control(&state_dir, desk, &mut tasks, &rest_stop)?;
    serve_http(&config, overview, codes, healthy, &mut tasks, &rest_stop).await?;
    tasks.spawn(prune(
        store.clone(),
        options.clock,
        names,
        config.store.replay_for,
        rest_stop,
    ));
    let progress = sinks.into_iter().map(|(_, progress)| progress).collect();
    Ok(Running {
        tasks,
        accounts,
        is_short,
        stop_accounts,
        stop_rest,
        board,
        progress,
        store,
    })
}

/// What every account is started with.
struct Casting<'a> {
    config: &'a Config,
    clock: &'a Clock,
    store: &'a Store,
    board: &'a watch::Sender<Vec<Status>>,
    stop: &'a watch::Receiver<bool>,
    limits: Limits,
    session_key: Option<Key>,
    pool: Pool,
    gates: Gates,
}

impl Casting<'_> {
    /// All accounts: one that cannot be started does not stop the others.
    async fn cast(mut self) -> Result<Cast, StartError> {
        let mut cast = Cast::default();
        let mut first = None;
        for account in &self.config.accounts {
            let name = &account.settings.name;
            let why = match &account.portal {
                Err(diagnostics) => {
                    tracing::error!(
                        account = name.as_str(),
                        "not started, its files are wrong:\n{diagnostics}"
                    );
                    FILES_WRONG.to_owned()
                }
                Ok(resolved) => match self.begin(account, resolved, &mut cast).await {
                    Ok(()) => continue,
                    Err(error) if error.is_of_one_account() => {
                        let why = match &error {
                            StartError::Gate { source, .. } => source.to_string(),
                            other => other.to_string(),
                        };
                        tracing::error!(account = name.as_str(), "not started: {why}");
                        first.get_or_insert(error);
                        why
                    }
                    Err(error) => return Err(error),
                },
            };
            let account = name.clone();
            cast.broken.push(Broken { account, why });
        }
        match first {
            Some(error) if cast.agents.is_empty() => Err(error),
            Some(_) | None => Ok(cast),
        }
    }

    async fn begin(
        &mut self,
        account: &Account,
        resolved: &Resolved,
        cast: &mut Cast,
    ) -> Result<(), StartError> {
        let settings = &account.settings;
        let (gate, ledger) = open_gate(settings, resolved, self.store, &mut self.gates).await?;
        let loads = open_page_loads(self.config, settings, resolved, self.clock, self.stop)?;
        let portal = web_driver_portal(
            self.config,
            settings,
            resolved,
            &self.session_key,
            &self.pool,
            self.clock,
            loads.clone(),
        );
        let codes = codes(settings, self.clock);
        let (sender, orders) = mpsc::channel(ORDERS);
        cast.desks.push(codes.desk().clone());
        if codes.is_given() {
            cast.given
                .insert(settings.name.clone(), codes.desk().clone());
        }
        let edges = Edges {
            portal: Taped::new(portal),
            store: self.store.clone(),
            gate: gate.clone(),
            codes,
            ledger,
            clock: self.clock.clone(),
            pool: self.pool.clone(),
            orders,
            seat: Seat::take(self.board, &settings.name, settings.pace.poll),
        };
        let limits = self.limits.clone();
        cast.agents
            .push(Agent::begin(resolve(account, resolved), limits, edges).await?);
        cast.gates.insert(settings.name.clone(), gate);
        cast.page_loads.insert(settings.name.clone(), loads);
        cast.orders.insert(settings.name.clone(), sender);
        Ok(())
    }
}

fn prepare(state_dir: &Path) -> Result<(), StartError> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir);
    made.map_err(|source| StartError::StateDir {
        path: state_dir.to_owned(),
        source,
    })
}

fn start_sinks(
    config: &Config,
    stdout: Box<dyn Write + Send>,
    store: &Store,
    tasks: &mut JoinSet<Task>,
    stop: &watch::Receiver<bool>,
) -> Result<Vec<(String, watch::Receiver<Progress>)>, StartError> {
    let mut stdout = Some(stdout);
    let mut progress = Vec::new();
    for sink in &config.sinks {
        let failed = |source| StartError::Sink {
            sink: sink.name.clone(),
            source,
        };
        let (sender, receiver) = watch::channel(Progress::default());
        progress.push((sink.name.clone(), receiver));
        let (name, store, stop) = (sink.name.clone(), store.clone(), stop.clone());
        match &sink.kind {
            SinkKind::Stdout => {
                // The config allows one stdout sink.
                let out = stdout.take().unwrap_or_else(|| Box::new(std::io::sink()));
                let worker = StdoutSink::writing_to(out).map_err(failed)?;
                tasks.spawn(async move {
                    let ended = delivery::run(&name, worker, store, sender, stop).await;
                    Task::Sink(name, ended)
                });
            }
            SinkKind::File { path, rotate } => {
                let worker = FileSink::new(path.clone(), *rotate);
                tasks.spawn(async move {
                    let ended = delivery::run(&name, worker, store, sender, stop).await;
                    Task::Sink(name, ended)
                });
            }
        }
    }
    Ok(progress)
}

async fn open_gate(
    settings: &Settings,
    resolved: &Resolved,
    store: &Store,
    gates: &mut Gates,
) -> Result<(Gate, String), StartError> {
    let failed = |source| StartError::Gate {
        account: settings.name.clone(),
        source,
    };
    let origin = resolved.portal.origin.to_string();
    let user = settings.user.as_deref().unwrap_or_default();
    let key = match &settings.shared_cap {
        // No account has an empty number.
        Some(shared) => LedgerKey::of(&origin, "", shared),
        None => LedgerKey::of(&origin, &settings.number, user),
    };
    let ledger = key.as_str().to_owned();
    let expectation = expected_ledger(store, &settings.name, &ledger).await?;
    let rules = rules(settings).map_err(|error| failed(error.into()))?;
    let gate = gates.open(key, &rules, expectation).await.map_err(failed)?;
    Ok((gate, ledger))
}

/// Who waits for a one-time code when the agent stops is sent home: its attempt stays spent, without a verdict.
async fn end_waits(desks: Vec<code::Desk>, mut stop: watch::Receiver<bool>) -> Task {
    // A sender that is gone stops it too.
    stop.wait_for(|stop| *stop).await.ok();
    desks.iter().for_each(code::Desk::stop);
    Task::Service
}

/// Where an account's one-time codes come from.
fn codes(settings: &Settings, clock: &Clock) -> Codes {
    let Some(otp) = &settings.otp else {
        return Codes::none(clock.clone());
    };
    let by = match &otp.by {
        OtpBy::Totp { seed_file } => By::Totp(Sources::of_seed(
            settings.name.as_str(),
            seed_file.as_deref(),
        )),
        OtpBy::Given => By::Given,
        OtpBy::Command { command } => By::Command(command.clone()),
    };
    let desk = code::Desk::new(clock.clone(), otp.capture.clone());
    Codes::new(by, desk, otp.wait, otp.valid)
}

/// The login budget that an account's settings describe.
///
/// # Errors
/// When they leave no login at all.
pub fn rules(settings: &Settings) -> Result<Rules, RulesError> {
    Rules::new(
        settings.cap.logins,
        settings.cap.per,
        settings.reserve,
        settings.spacing,
    )
}

fn resolve(account: &Account, resolved: &Resolved) -> agent::Account {
    let settings = &account.settings;
    agent::Account {
        about: resolved.account.clone(),
        user: settings.user.clone().unwrap_or_default(),
        selectors: resolved.portal.clone(),
        file: Some(Arc::new(account.file.clone())),
        sources: Sources::of(settings.name.as_str(), settings.secret_file.as_deref()),
        attended: settings.attended.clone(),
        person_wait: settings.person_wait,
        pace: settings.pace.clone(),
        sign_out_at_stop: settings.sign_out_at_stop,
        since: match settings.since {
            Since::Now => None,
            Since::At(instant) => Some(instant),
        },
    }
}

fn serve_control(
    state_dir: &Path,
    desk: control::Desk,
    tasks: &mut JoinSet<Task>,
    stop: &watch::Receiver<bool>,
) -> Result<(), StartError> {
    let socket = control::bind(state_dir).map_err(|source| StartError::StateDir {
        path: control::socket(state_dir),
        source,
    })?;
    let serving = control::serve(socket, desk, stop.clone());
    tasks.spawn(async {
        serving.await;
        Task::Service
    });
    Ok(())
}

async fn serve_http(
    config: &Config,
    overview: Overview,
    codes: Arc<BTreeMap<AccountName, code::Desk>>,
    health: watch::Receiver<Health>,
    tasks: &mut JoinSet<Task>,
    stop: &watch::Receiver<bool>,
) -> Result<(), StartError> {
    if let Some(settings) = &config.http {
        let access = match &settings.token_file {
            Some(path) => Access::Token(credentials::read_file(path).map_err(StartError::Token)?.0),
            None => Access::Loopback,
        };
        let listener = TcpListener::bind(settings.listen)
            .await
            .map_err(ServeError::Io)?;
        let address = listener.local_addr().map_err(ServeError::Io)?;
        tracing::info!(%address, "serving events and health");
        let state = Http {
            store: overview.store.clone(),
            health,
            clock: overview.clock.clone(),
            overview,
            codes,
            access,
            limits: http::Limits::default(),
        };
        let mut stop = stop.clone();
        tasks.spawn(async move {
            let stopped = async move {
                // A sender that is gone stops it too.
                stop.wait_for(|stop| *stop).await.ok();
            };
            match http::serve(listener, state, stopped).await {
                Ok(()) => Task::Service,
                Err(error) => Task::Server(error),
            }
        });
    }
    Ok(())
}

async fn prune(
    store: Store,
    clock: Clock,
    sinks: Vec<String>,
    keep: Duration,
    mut stop: watch::Receiver<bool>,
) -> Task {
    let keep = TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
    loop {
        tokio::select! {
            () = tokio::time::sleep(PRUNE_EVERY) => {}
            _ = stop.changed() => return Task::Service,
        }
        let Some(before) = clock.now().checked_sub_signed(keep) else {
            continue;
        };
        loop {
            match store.prune(&sinks, before).await {
                Ok(dropped) if dropped < MAX_BATCH => break,
                Ok(_more) => {}
                Err(error) => {
                    tracing::warn!("old events could not be dropped: {error}");
                    break;
                }
            }
        }
    }
}
