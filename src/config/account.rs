//! `[[account]]`: one user of one portal, and how it is watched.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::Once;
use super::attended;
use super::otp::{self, Otp};
use super::pace;
use super::route::{self, Route};
use super::selector_file::SelectorFile;
use super::value::{duration, path, shown};
use crate::attended::Attended;
use crate::diagnostic::table::{Place, Table, Value, wrong};
use crate::diagnostic::{Diagnostics, did_you_mean};
use crate::event::AccountRef;
use crate::payment::{AccountName, OperatorAccount};
use crate::schedule::Pace;
use crate::selectors::file::{FORMAT, value};
use crate::selectors::{self, Origin, Portal};

/// An account as written, and the portal that its name stands for.
#[derive(Debug, Clone)]
pub struct Account {
    /// What stands in `[[account]]`.
    pub settings: Settings,
    /// What is read there; an account whose selector file is missing or wrong stops alone.
    pub portal: Result<Resolved, Diagnostics>,
    /// Its selector file, to be looked at again.
    pub file: SelectorFile,
}

/// A portal with the account's overrides applied.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// With the account's `origin` (the pin), `zone` and `currency`.
    pub portal: Arc<Portal>,
    /// How events name the account.
    pub account: AccountRef,
}

/// The keys of `[[account]]`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `name`: required, of `[a-z0-9-]`; ours alone, never in an event.
    pub name: AccountName,
    /// `portal`: required, the stem of a selector file.
    pub portal: String,
    /// `number`: required, the short code, till or wallet, as the operator writes it.
    pub number: String,
    /// `user`: the portal user's name; there if and only if the portal's sign-in types `{user}`.
    pub user: Option<String>,
    /// `secret_file`: file with the password. Unset: `/run/secrets/<name>`, then keyring, then environment.
    pub secret_file: Option<PathBuf>,
    /// `otp`: where one-time codes come from. Unset: a portal that asks for one needs a person.
    pub otp: Option<Otp>,
    /// `attended`: hours in which a person is at hand for a sign-in. Unset: none is needed.
    pub attended: Option<Attended>,
    /// `person_wait`: how long a person has for finishing a sign-in in our browser. 1m to 24h, default 30m.
    pub person_wait: Duration,
    /// `origin`: unset: the selector file's.
    pub origin: Option<Origin>,
    /// `zone`: unset: the selector file's.
    pub zone: Option<Tz>,
    /// `currency`: unset: the selector file's.
    pub currency: Option<String>,
    /// `allow_insecure_http`: type the secret into a page without TLS, off loopback. Default false.
    pub allow_insecure_http: bool,
    /// How often it is read, and how far back.
    pub pace: Pace,
    /// `since`: what completed before is not told. Default `"now"`.
    pub since: Since,
    /// `cap`: the portal's limit on sign-ins. Default 30 per 1h.
    pub cap: Cap,
    /// `reserve`: sign-ins of the cap that are kept for people. Less than `cap.logins`, default 3.
    pub reserve: u32,
    /// `spacing`: least pause between sign-ins. 1ms to cap.per / cap.logins, default 5s.
    pub spacing: Duration,
    /// `shared_cap`: accounts at one portal that name the same have one cap and one ledger. Unset: `number` and `user` are
    /// what the portal counts by.
    pub shared_cap: Option<String>,
    /// `proxy`, `ca`, `client_certificate`, `page_timeout`: how the portal is reached.
    pub route: Route,
    /// `sign_out_at_stop`: sign out of the portal whenever the agent stops, at the price of a login at the next start.
    /// Default false: the session is kept, encrypted, and gone on with.
    pub sign_out_at_stop: bool,
    /// `read`: unset: the selector file's `table.read`.
    pub read: Option<selectors::Read>,
}

/// Sign-ins that the portal allows: `logins` in any rolling `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// 1 to 10,000.
    pub logins: u32,
    /// 1s to 31d.
    pub per: Duration,
}

/// From when on payments are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The instant at which the account is first started; it is stored.
    Now,
    /// An instant.
    At(DateTime<Utc>),
}

/// Settings, and where they stand for what can only be judged beside a selector file.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) settings: Settings,
    portal: Place,
    user: Option<Place>,
    origin: Option<Place>,
    otp: Option<Place>,
}

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) fn read(account: &Table<'_>, dir: &Path, once: &Once) -> Option<Draft> {
    let name = account.need("name", "\"kilima-main\"", |text| {
        let name = text.parse(|text| {
            AccountName::new(text).map_err(|error| wrong("is no account name", error.to_string()))
        })?;
        once.claim(
            text,
            format!("account {name}"),
            "names a second account",
            "give each account a name of its own",
        );
        Some(name)
    });
    let portal = account.need("portal", "\"kilima\"", |text| {
        Some((text.parse(value::name)?, text.place()))
    });
    let number = account.need("number", "\"600123\"", |text| text.parse(identifier));
    let user = account.optional("user", "\"agent\"", |text| {
        Some((text.text()?.to_owned(), text.place()))
    });
    let user_is_wrong = user.is_none() && account.has("user");
    let (user, user_place) = user.unzip();
    if let (Some((portal, _)), Some(number), Some(value)) = (
        &portal,
        &number,
        account
            .value("user", "")
            .or_else(|| account.value("number", "")),
    ) {
        let login = format!(
            "login {portal} {number} {}",
            user.as_deref().unwrap_or_default()
        );
        once.claim(
            &value,
            login,
            "signs in a second time with the same portal and number",
            "remove this account: two would share one cap",
        );
    }
    let secret_file = account.optional("secret_file", "\"/run/secrets/kilima-main\"", path(dir));
    let otp = account.optional("otp", "{ by = \"totp\" }", |value| {
        Some((value.table(|otp| otp::read(otp, dir))?, value.place()))
    });
    let (otp, otp_place) = otp.unzip();
    let attended = account.optional(
        "attended",
        "{ days = \"mon-sat\", from = \"08:00\", to = \"18:00\" }",
        |value| value.table(attended::read),
    );
    let bounds = duration(Duration::from_mins(1), DAY);
    let person_wait = account.optional("person_wait", "\"30m\"", bounds);
    let origin = account.optional("origin", "\"https://portal.example\"", |text| {
        Some((text.parse(value::origin)?, text.place()))
    });
    let zone = account.optional("zone", "\"Africa/Nairobi\"", |text| text.parse(value::zone));
    let currency = account.optional("currency", "\"KES\"", |text| text.parse(value::currency));
    let read = account.optional("read", "\"navigate\"", |word| {
        word.word(selectors::Read::WORDS)
    });
    let insecure = account.optional("allow_insecure_http", "true", Value::boolean);
    let sign_out = account.optional("sign_out_at_stop", "true", Value::boolean);
    let pace = pace::read(account);
    let since = account.optional("since", "\"2026-11-01T00:00:00+03:00\"", since);
    let budget = budget(account);
    let shared_cap = account.optional("shared_cap", "\"agency\"", |text| text.parse(value::name));
    let (portal, portal_place) = portal.filter(|_| !user_is_wrong)?;
    let (origin, origin_place) = origin.unzip();
    let settings = Settings {
        name: name?,
        portal,
        number: number?,
        user,
        secret_file,
        otp,
        attended,
        person_wait: person_wait.unwrap_or(Duration::from_mins(30)),
        origin,
        zone,
        currency,
        allow_insecure_http: insecure.unwrap_or(false),
        pace,
        since: since.unwrap_or(Since::Now),
        cap: budget.cap,
        reserve: budget.reserve,
        spacing: budget.spacing,
        shared_cap,
        route: route::read(account, dir),
        sign_out_at_stop: sign_out.unwrap_or(false),
        read,
    };
    Some(Draft {
        settings,
        portal: portal_place,
        user: user_place,
        origin: origin_place,
        otp: otp_place,
    })
}

/// What the portal knows the account by: no white space, nothing that ends a path segment.
fn identifier(text: &str) -> Result<String, crate::diagnostic::table::Wrong> {
    if text.len() <= 64
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-_.@*".contains(c))
    {
        Ok(text.to_owned())
    } else {
        Err(wrong(
            "is no account number",
            "write the short code, till or wallet without spaces, such as `600123`",
        ))
    }
}

fn since(value: &Value<'_>) -> Option<Since> {
    value.parse(|text| match text {
        "now" => Ok(Since::Now),
        instant => DateTime::parse_from_rfc3339(instant)
            .map(|instant| Since::At(instant.to_utc()))
            .map_err(|_| wrong("is no instant", "write `now`, or an instant with its offset, such as `2026-11-01T00:00:00+03:00`")),
    })
}

struct Budget {
    cap: Cap,
    reserve: u32,
    spacing: Duration,
}

fn budget(account: &Table<'_>) -> Budget {
    const EXAMPLE: &str = "{ logins = 30, per = \"1h\" }";
    let small = |value: &Value<'_>, least| {
        value
            .whole(least..=10_000)
            .and_then(|number| u32::try_from(number).ok())
    };
    let cap = account.optional("cap", EXAMPLE, |cap| {
        cap.table(|cap| {
            let logins = cap.need("logins", "30", |logins| small(logins, 1));
            let per = cap.need("per", "\"1h\"", duration(SECOND, 31 * DAY));
            Some(Cap {
                logins: logins?,
                per: per?,
            })
        })
    });
    let cap_is_wrong = cap.is_none() && account.has("cap");
    let reserve = account.optional("reserve", "3", |reserve| small(reserve, 0));
    let spacing = account.optional("spacing", "\"5s\"", duration(Duration::from_millis(1), DAY));
    let budget = Budget {
        cap: cap.unwrap_or(Cap {
            logins: 30,
            per: Duration::from_hours(1),
        }),
        reserve: reserve.unwrap_or(3),
        spacing: spacing.unwrap_or(Duration::from_secs(5)),
    };
    if cap_is_wrong {
        return budget;
    }
    // The mistake is where a key is written; a default that does not fit a small cap shows at the cap.
    let place = |key, example| {
        account
            .value(key, example)
            .or_else(|| account.value("cap", EXAMPLE))
    };
    if budget.reserve >= budget.cap.logins
        && let Some(value) = place("reserve", "3")
    {
        let (reserve, logins) = (budget.reserve, budget.cap.logins);
        value.wrong::<()>(
            format!("leaves none of {logins} logins for the agent: {reserve} are kept for people"),
            "make `reserve` smaller than `cap.logins`",
        );
    }
    let even = budget.cap.per / budget.cap.logins;
    if budget.spacing > even
        && let Some(value) = place("spacing", "\"5s\"")
    {
        let even = shown(even);
        value.wrong::<()>(
            "makes the cap unreachable: the pause is longer than per / logins",
            format!("make `spacing` at most `{even}`"),
        );
    }
    budget
}

impl Draft {
    /// A user name is there if and only if the sign-in types one.
    fn user_fits(&self, portal: &Portal) -> Result<(), Diagnostics> {
        let types_user = portal.sign_in.types(selectors::Value::User);
        match (&self.user, types_user) {
            (None, true) => {
                let what = "`portal` signs in with a user name, and this account has none";
                let advice = "add `user = \"…\"`, the portal user's name";
                Err(self.portal.wrong(what, advice).into())
            }
            (Some(user), false) => {
                let what = "`user` is typed nowhere: this portal signs in without a user name";
                let advice = "remove it, or add `{ fill = \"…\", with = \"{user}\" }` to the selector file's `steps`";
                Err(user.wrong(what, advice).into())
            }
            (Some(_), true) | (None, false) => Ok(()),
        }
    }

    /// A source of codes is of use only where the portal's file says where to type them.
    fn otp_fits(&self, portal: &Portal) -> Result<(), Diagnostics> {
        match &self.otp {
            Some(otp) if portal.sign_in.otp.is_empty() => {
                let what = "`otp` is of no use: this portal's selector file has no page for a code";
                let advice = "remove it, or add `[sign_in.otp]` to the selector file";
                Err(otp.wrong(what, advice).into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Finds the account's portal among those of the selectors directory, and applies the overrides.
    pub(super) fn resolve(self, portals: &super::Portals, selectors_dir: &Path) -> Account {
        Account {
            portal: self.portal_of(portals, selectors_dir),
            settings: self.settings.clone(),
            file: SelectorFile::new(self, selectors_dir),
        }
    }

    fn portal_of(
        &self,
        portals: &super::Portals,
        selectors_dir: &Path,
    ) -> Result<Resolved, Diagnostics> {
        let settings = &self.settings;
        let portals = portals.as_ref().map_err(Clone::clone)?;
        let Some(found) = portals.get(&settings.portal) else {
            let known: Vec<&str> = portals.keys().map(String::as_str).collect();
            let file = selectors_dir.join(format!("{}.toml", settings.portal));
            let what = format!(
                "`portal` has no selector file: {} is not there",
                file.display()
            );
            let advice = if known.is_empty() {
                "write that file, or correct `selectors_dir`: there is none in it".to_owned()
            } else {
                did_you_mean(&settings.portal, &known)
            };
            return Err(self.portal.wrong(what, advice).into());
        };
        self.with(found.clone()?)
    }

    /// Reads by `portal`, with the overrides applied.
    pub(super) fn with(&self, mut portal: Portal) -> Result<Resolved, Diagnostics> {
        let settings = &self.settings;
        self.user_fits(&portal)?;
        self.otp_fits(&portal)?;
        portal.origin = settings.origin.clone().unwrap_or(portal.origin);
        portal.zone = settings.zone.unwrap_or(portal.zone);
        portal.currency = settings.currency.clone().unwrap_or(portal.currency);
        portal.table.read = settings.read.unwrap_or(portal.table.read);
        if portal.origin.is_insecure() && !settings.allow_insecure_http {
            let place = self.origin.as_ref().unwrap_or(&self.portal);
            let what = format!(
                "the secret would be typed into {} without TLS",
                portal.origin
            );
            return Err(place
                .wrong(
                    what,
                    "use https, or add `allow_insecure_http = true` to this account",
                )
                .into());
        }
        let account = AccountRef {
            name: settings.name.clone(),
            portal: portal.name.clone(),
            operator: OperatorAccount {
                operator: portal.operator.clone(),
                number: settings.number.clone(),
            },
            account_key: portal.account_key.clone(),
            selector_format: format!("{}@{FORMAT}", portal.name),
        };
        Ok(Resolved {
            portal: Arc::new(portal),
            account,
        })
    }
}
