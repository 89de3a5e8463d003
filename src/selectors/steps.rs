//! What is done on a page, one action after the other, as a selector file says it. Pure.

use regex::Regex;

/// One action in the browser. CSS is kept as written: the browser evaluates it.
#[derive(Debug, Clone)]
pub enum Step {
    /// `fill`: types a value into the field.
    Fill {
        /// CSS of the input.
        field: String,
        /// What is typed.
        value: Value,
    },
    /// `choose`: takes the option with this text in a list of choices.
    Choose {
        /// CSS of the `select`.
        list: String,
        /// The option's text as the page shows it.
        option: String,
    },
    /// `click`: clicks the element, of whatever kind.
    Click {
        /// CSS of the element.
        element: String,
    },
    /// `press`: presses a key in the field.
    Press {
        /// The key.
        key: Key,
        /// CSS of the field.
        field: String,
    },
    /// `visit`: goes to a path at the origin, out of any frame.
    Visit {
        /// The path.
        path: String,
    },
    /// `wait`: goes on when the element is there.
    Wait {
        /// CSS of the element.
        element: String,
    },
    /// `frame`: the steps after it act within this frame.
    Frame {
        /// CSS of the frame; `None` (`"top"`) is the page that holds all frames.
        frame: Option<String>,
    },
    /// `dialog`: how a JavaScript dialog is answered that the step before opens. That it opens is not required.
    Dialog(Dialog),
}

impl Step {
    /// Its key in the file.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Step::Fill { .. } => "fill",
            Step::Choose { .. } => "choose",
            Step::Click { .. } => "click",
            Step::Press { .. } => "press",
            Step::Visit { .. } => "visit",
            Step::Wait { .. } => "wait",
            Step::Frame { .. } => "frame",
            Step::Dialog(_) => "dialog",
        }
    }

    /// Can it send what was typed?
    #[must_use]
    pub fn sends(&self) -> bool {
        match self {
            Step::Click { .. } | Step::Press { .. } => true,
            Step::Fill { .. }
            | Step::Choose { .. }
            | Step::Visit { .. }
            | Step::Wait { .. }
            | Step::Frame { .. }
            | Step::Dialog(_) => false,
        }
    }

    /// Does it type this?
    #[must_use]
    pub fn types(&self, wanted: Value) -> bool {
        matches!(self, Step::Fill { value, .. } if *value == wanted)
    }
}

/// A dialog that is expected, by its text. Any other is dismissed.
#[derive(Debug, Clone)]
pub struct Dialog {
    /// Its whole text matches this.
    pub text: Regex,
    /// What it is answered with.
    pub answer: Answer,
}

/// An answer to a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// "OK".
    Accept,
    /// "Cancel".
    Dismiss,
}

/// A key that is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// `enter`: sends most forms.
    Enter,
    /// `tab`: leaves the field.
    Tab,
}

/// What a `fill` types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// `{number}`: the account's short code, till or wallet.
    Number,
    /// `{user}`: the portal user's name.
    User,
    /// `{password}`: the secret.
    Password,
    /// `{otp}`: the one-time code, on the page that asks for it.
    Otp,
    /// `{from}`: first day that is asked for; in `table.steps` only.
    From,
    /// `{to}`: last day that is asked for; in `table.steps` only.
    To,
}

/// A page that stands in the way and may be clicked away: an announcement, terms, "continue session here", a cookie banner.
#[derive(Debug, Clone)]
pub struct Interstitial {
    /// How it is recognised.
    pub mark: super::Mark,
    /// CSS of the frame that it stands in.
    pub frame: Option<String>,
    /// CSS of what is clicked then.
    pub click: String,
    /// How often at most for one page; one that comes back more often is left to the marks.
    pub most: u32,
}
