//! The knobs of these portals. Every one can be changed while the portal runs.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::Which;

/// What a portal says to a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It judges user and password, and opens a session.
    Open,
    /// Wrong user or password.
    WrongPassword,
    /// The password must be changed.
    PasswordExpired,
    /// The user is locked.
    Locked,
    /// The user was not used for too long.
    Dormant,
    /// A one-time code is asked for.
    CodeRequired,
    /// The one-time code was wrong.
    WrongCode,
    /// A captcha is shown.
    Captcha,
    /// Too many logins.
    TooManyLogins,
    /// Another session of the user is open.
    AlreadySignedIn,
    /// The role may not see transactions.
    NoPermission,
    /// New terms stand in between, which a person must read.
    Terms,
    /// Maintenance.
    Maintenance,
    /// A page that nobody knows.
    Unknown,
}

impl Verdict {
    /// Its class on the pages, and what they say.
    pub(super) fn said(self) -> (&'static str, &'static str) {
        match self {
            Verdict::Open => ("open", "Welcome."),
            Verdict::WrongPassword => ("bad-login", "User name or password is incorrect."),
            Verdict::PasswordExpired => (
                "change-password",
                "Your password has expired. Choose a new one.",
            ),
            Verdict::Locked => ("locked", "Your user is locked. Contact your administrator."),
            Verdict::Dormant => (
                "dormant",
                "Your user is dormant. Contact your administrator.",
            ),
            Verdict::CodeRequired => ("code", "Enter the code that we sent to your phone."),
            Verdict::WrongCode => ("bad-code", "The code is incorrect."),
            Verdict::Captcha => ("captcha", "Type the letters in the picture."),
            Verdict::TooManyLogins => ("too-many", "Too many logins in the last hour."),
            Verdict::AlreadySignedIn => ("already", "This user is signed in on another computer."),
            Verdict::NoPermission => ("no-role", "Your role has no permission for this function."),
            Verdict::Terms => ("terms", "Our terms have changed. Read and accept them."),
            Verdict::Maintenance => ("maintenance", "The service is being maintained."),
            Verdict::Unknown => ("greeting", "Happy new year to all our partners!"),
        }
    }
}

/// Everything that can be set. Absent keys stay as they are; unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knobs {
    /// Wallet or short code, shown to whoever is signed in. Default `600456`.
    pub number: String,
    /// User name. Default `reader`.
    pub user: String,
    /// Password. Default `<portal>-demo-1`.
    pub password: String,
    /// What a sign-in is answered with. Default `open`.
    pub verdict: Verdict,
    /// Whether a right password is followed by a one-time code (Mwezi). Default false.
    pub code: bool,
    /// Whether a second sign-in is refused while a session is open. Default true for Tausi.
    pub single_session: bool,
    /// Whether the open session is on another computer, where no clean-up reaches it (Tausi). Default false.
    pub session_elsewhere: bool,
    /// Announcements to click away after a sign-in. Default 0.
    pub announcements: u32,
    /// Whether every page has a banner about cookies over it. Default false.
    pub cookie_banner: bool,
    /// Whether a page of the table opens a dialog that nobody expects. Default false.
    pub surprise_dialog: bool,
    /// Another origin that the frame's page comes from (Tausi). Default none.
    pub frame_origin: Option<String>,
    /// Whether the page with the form shows a captcha (Ngome). Default false.
    pub captcha_on_form: bool,
    /// Days after which the password expires, shown after the sign-in. Default none.
    pub expires_in: Option<u32>,
    /// Milliseconds that every answer takes. Default 0.
    pub answer_ms: u64,
    /// Paths that begin with this are answered with 503 and a page that looks like a form and an empty table. Default none.
    pub down: Option<String>,
    /// Whether exports and the endpoint answer an error under the status 200 (Wimbi). Default false.
    pub export_fails: bool,
    /// Whether the grid never shows one of its rows (Wimbi). Default false.
    pub grid_hole: bool,
    /// Rows on a page. Default 10.
    pub rows_per_page: usize,
}

impl Knobs {
    pub(super) fn of(which: Which) -> Self {
        let name = which.as_str();
        Self {
            number: "600456".to_owned(),
            user: "reader".to_owned(),
            password: format!("{name}-demo-1"),
            verdict: Verdict::Open,
            code: false,
            single_session: which == Which::Tausi,
            session_elsewhere: false,
            announcements: 0,
            cookie_banner: false,
            surprise_dialog: false,
            frame_origin: None,
            captcha_on_form: false,
            expires_in: None,
            answer_ms: 0,
            down: None,
            export_fails: false,
            grid_hole: false,
            rows_per_page: 10,
        }
    }

    pub(super) fn zone(&self) -> Tz {
        chrono_tz::Africa::Kampala
    }
}
