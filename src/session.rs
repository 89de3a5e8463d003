//! What a fetched page says about the session, and what follows from the outcome of a sign-in. Pure.

/// What became of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The positive mark stands on a page of the pinned origin.
    SignedIn,
    /// The portal refuses the secret.
    WrongPassword,
    /// The secret must be changed by a person.
    PasswordExpired,
    /// The user is locked at the portal.
    Locked,
    /// The user was not used for too long.
    Dormant,
    /// A one-time code is asked for.
    OtpRequired,
    /// The one-time code was refused.
    WrongCode,
    /// A captcha is asked for.
    CaptchaRequired,
    /// The portal's own cap is reached.
    TooManyLogins,
    /// The portal allows one session and another one is open.
    AlreadySignedIn,
    /// The user may not see transactions.
    NoPermission,
    /// The portal wants a client certificate.
    CertificateRequired,
    /// A page stands in between that the file does not know.
    Interstitial,
    /// The portal does not answer as itself.
    PortalDown,
    /// None of the marks.
    Unknown,
}

impl Outcome {
    /// Every outcome, in the order of the docs.
    pub const ALL: [Outcome; 15] = [
        Outcome::SignedIn,
        Outcome::WrongPassword,
        Outcome::PasswordExpired,
        Outcome::Locked,
        Outcome::Dormant,
        Outcome::OtpRequired,
        Outcome::WrongCode,
        Outcome::CaptchaRequired,
        Outcome::TooManyLogins,
        Outcome::AlreadySignedIn,
        Outcome::NoPermission,
        Outcome::CertificateRequired,
        Outcome::Interstitial,
        Outcome::PortalDown,
        Outcome::Unknown,
    ];

    /// The word in selector files, status and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::SignedIn => "signed-in",
            Outcome::WrongPassword => "wrong-password",
            Outcome::PasswordExpired => "password-expired",
            Outcome::Locked => "locked",
            Outcome::Dormant => "dormant",
            Outcome::OtpRequired => "otp-required",
            Outcome::WrongCode => "wrong-code",
            Outcome::CaptchaRequired => "captcha-required",
            Outcome::TooManyLogins => "too-many-logins",
            Outcome::AlreadySignedIn => "already-signed-in",
            Outcome::NoPermission => "no-permission",
            Outcome::CertificateRequired => "certificate-required",
            Outcome::Interstitial => "interstitial",
            Outcome::PortalDown => "portal-down",
            Outcome::Unknown => "unknown",
        }
    }
}
