//! tillwatch watches mobile-money portals within their login cap and streams each new payment once.
//!
//! # The way of a payment
//!
//! ```text
//! portal ──Page──▶ extract ──Row──▶ normalize + identity ──Payment──▶ store::commit ══ one transaction, flushed:
//!  (WebDriver)      (pure)                (pure)                         │            seen + status + outbox + watermark
//!                                     sink/* ◀── delivery ◀─ Line{seq} ──┘
//! ```
//!
//! # Rings
//!
//! A file imports its own ring or a lower one, and an edge never a sibling edge (`tests/it/tidy.rs`).
//!
//! | ring | modules | may use |
//! |---|---|---|
//! | 0 pure | [`payment`] [`extract`] [`normalize`] [`identity`] [`understand`] [`skeleton`] [`drift`] [`announce`] [`difference`] [`completeness`] [`past`] [`event`] [`selectors`] [`recording`] [`trial`] [`lint`] [`propose`] [`redact`] [`session`] [`schedule`] [`attended`] [`retry`] [`diagnostic`] [`status`] [`notice`] [`exit`] [`login::budget`] [`login::totp`]; the traits and types of [`portal`] and [`sink`] | no tokio, no files, no clock: `now` is an argument |
//! | 1 durable state and time | [`clock`] `lock` [`store`] [`page_loads`] [`login::ledger`] [`login::gate`] [`login::code`] [`portal::kept`] [`portal::pool`] `portal::taped` [`overview`] | ring 0, sled, governor |
//! | 2 outside world | [`portal::webdriver`] [`http`] `sink::*` [`notify`] [`evidence`] [`login::credentials`] [`login::code_command`] | rings 0 and 1, its client library |
//! | 3 wiring | [`agent`] [`reading`] [`release`] [`sign_in`] [`one_time_code`] [`delivery`] [`run`] [`notices`] [`control`] [`config`] [`cli`] [`status_line`] [`demo`] | all |
//!
//! Beyond the first design: `understand` joins session marks and table of one parse; `reading` and `sign_in` are the two
//! halves of an account's turn, kept out of the loop in `agent`; `completeness`, `announce` and `status` are the pure
//! parts of what they decide.
//!
//! # Invariants, and the test that holds each
//!
//! 1. **Nothing lost.** What the portal shows within the look-back reaches every sink: `tests/simulation` (oracle),
//!    `tests/it/agent` (`payments`: expiring sessions under a cap; `kills`: fifty times `kill -9`; `faults`; `trouble`),
//!    `tests/it/phpliteadmin.rs`, `tests/it/store_damage.rs`.
//! 2. **Nothing twice.** One id per fact for ever: golden ids and properties in `identity`; `tests/it/file_sink.rs`
//!    (torn lines, rotation); `tests/simulation` across crashes and rebuilds; `person::seen_import` (taking over from a script);
//!    `release` and `agent::drift` (what was put aside comes out once, by a reading or by a person).
//! 3. **Never over the cap.** `login::budget` (properties over restarts and clock steps), `tests/it/login.rs` (torn, lost
//!    and restored ledgers), `tests/simulation` (counted at the portal), and in the browser
//!    `agent::faults::a_sign_in_whose_answer_is_lost_is_one_attempt` and `person::codes` (a code belongs to its attempt).
//!    The portal's page loads an hour: `page_loads`.
//! 4. **Never a lock-out.** `session` (tables of consequences and states), `portals::outcomes` (each outcome in a browser),
//!    `agent::accounts` (one attempt for a wrong password), `person::session_import` (an imported session that the portal does
//!    not take is followed by no sign-in), `tests/simulation`.
//! 5. **Never silent.** `extract` (no table, no empty mark; `export`: files of any kind and what bounds them; `portals::wimbi`:
//!    exports, endpoints and tables that grow, in a browser), `traps` (what real portals do, each with the page or test that
//!    holds it), `completeness` (holes), `store::tests` (quarantine, gaps,
//!    watermark), `tests/simulation` (every watermark is held against the portal's books); `notice` (what a person is told, of
//!    which state, when again), `person::notices`; `skeleton`, `drift` and `agent::drift` (a page that is built in another
//!    way); `scripts/fuzz` (any bytes as page, download, selector file, amount, date).
//! 6. **Nobody else.** `tests/it/webdriver`, `portals::tausi` (nothing is typed off the pinned origin, nor into a
//!    stranger's frame), `cli::the_secret_is_in_no_log_line_event_or_file`, `portal::kept` (a kept session opens for its
//!    account, user and origin alone), `agent::drift` (a page that is kept as evidence shows nobody).
//!
//! A restart spends no login while the portal's session lives: `agent::restarts`, `webdriver::kept`, `tests/simulation`. Its age
//! counts from the sign-in: `session::life`, `agent::import`, `person::status`. A person signs in where and when one is at
//! hand: `person::by_hand` (in our browser, which is kept for them), `person::session_import` (in their own), `attended` in
//! `tests/simulation`. What sessions have taught of their portal (idle time, age at which they end) is kept over restarts:
//! `session::life`, `store::tests`, and `tests/simulation` counts the sign-ins that forgetting it would cost.
//!
//! # Life of a payment
//!
//! [`agent`] finds its account due and lets [`reading`] load the first page of the table. [`understand`] parses it once: the
//! marks say "signed in", [`extract`] gives rows, [`normalize`] a payment or a reason to put the row aside, [`identity`] its id.
//! [`store`] is asked which ids it knows; what is new or changed goes into one commit, in which [`announce`] decides the
//! event and [`event`] renders its line. The commit is flushed, the engine's file fsynced, the witness replaced; only
//! then does the commit answer and the workers in [`delivery`] wake. Each delivers the line to its sink and then
//! acknowledges it. Reading goes on to older pages until known rows overlap and the time of the last complete reading is
//! passed; [`completeness`] says what that proves, and the watermark is told.
//!
//! # Life of a crash
//!
//! *Before the commit*: nothing is known of the page; the next reading meets the same rows. *Between commit and delivery*:
//! the lines lie in the outbox; the workers resume after their cursor. *Between delivery and acknowledgement*: a file sink
//! answers from its own last line and skips what it has; stdout and SSE repeat the same bytes. *Between ledger and
//! click*: the attempt counts as spent. *Between click and answer*: it counts as spent, its outcome as unknown.
//! The next start opens the store, which believes nothing until counts and hashes agree with the witness, goes on with the
//! browser that was left over or puts the kept session into a new one, and begins with a sweep over the look-back; the
//! first page tells whether a login is needed. A store that does not agree is refused:
//! `tillwatch store restore` or `rebuild` is the way out, by a person.

pub mod agent;
pub mod announce;
pub mod attended;
pub mod cli;
pub mod clock;
pub mod completeness;
pub mod config;
pub mod control;
pub mod delivery;
pub mod demo;
pub mod diagnostic;
pub mod difference;
pub mod drift;
pub mod event;
pub mod evidence;
pub mod exit;
pub mod extract;
pub mod http;
pub mod identity;
pub mod lint;
mod lock;
pub mod login;
pub mod normalize;
pub mod notice;
pub mod notices;
pub mod notify;
pub mod one_time_code;
pub mod overview;
pub mod page_loads;
pub mod past;
pub mod payment;
pub mod portal;
pub mod propose;
pub mod reading;
pub mod recording;
pub mod redact;
pub mod release;
pub mod retry;
pub mod run;
pub mod schedule;
pub mod selectors;
pub mod session;
pub mod sign_in;
pub mod sink;
pub mod skeleton;
pub mod status;
pub mod status_line;
pub mod store;
pub mod telemetry;
pub mod trial;
pub mod understand;
