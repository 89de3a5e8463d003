//! The knobs of the demo portal: what it allows, and who may sign in. Every one can be changed while it runs.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::one_time_code::OtpWhen;

/// What a second sign-in does while the user already has a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondLogin {
    /// The newcomer gets the session; the older one is sent to the sign-in page, told "signed in elsewhere".
    KickOut,
    /// The newcomer is refused with "already signed in" until the older session ends.
    Refuse,
}

/// Everything a portal operator could set. Absent keys take the default; unknown keys are refused.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalConfig {
    /// Short code of the organisation, typed at sign-in and printed above the statement. Default `600123`.
    pub short_code: String,
    /// User name typed at sign-in. Default `reader`.
    pub user: String,
    /// Password typed at sign-in. Default `kilima-demo-1`.
    pub password: String,
    /// Name shown to whoever is signed in. Default `JANE D.`.
    pub operator_name: String,
    /// Account holder printed above the statement. Default `KILIMA STORES`.
    pub organisation: String,
    /// IANA zone of every time on the pages. Default `Africa/Nairobi`.
    #[serde(with = "zone_name")]
    pub zone: Tz,
    /// Sign-in attempts allowed in any rolling `login_window_s`; one more locks the user. Default 30.
    pub login_cap: u32,
    /// Length of the rolling window of `login_cap`, in seconds. Default 3600.
    pub login_window_s: u32,
    /// Wrong passwords in a row that lock the user. Default 3.
    pub lock_after_wrong: u32,
    /// Seconds without a page load after which a session ends. Default 600.
    pub idle_timeout_s: u32,
    /// Seconds after sign-in at which a session ends whatever it does. Default 28800 (8 hours).
    pub absolute_timeout_s: u32,
    /// What a second sign-in does. Default `kick-out`.
    pub second_login: SecondLogin,
    /// Whether one session may load the statement again and again. With `false` a session serves one load, which
    /// starts at page 1 and ends when its last page was served or page 1 is asked for again; the session ends with it.
    /// Default true.
    pub session_reuse: bool,
    /// Rows on a page of the statement. Default 20.
    pub rows_per_page: u32,
    /// When a one-time code is asked for after the right password. Default `never`.
    pub otp: OtpWhen,
    /// Base32 seed of the codes (RFC 6238). Default empty: the code is sent, see the side channel.
    pub otp_seed: String,
    /// Seconds for which a code that was asked for is taken. Default 300.
    pub otp_timeout_s: u32,
    /// Whether logging out shows a JavaScript alert. Default false.
    pub logout_alert: bool,
    /// Rows the statement may hold; a posting beyond it is refused. Default 20000.
    pub max_rows: u32,
    /// Seed of receipts, names, amounts and tokens: equal seeds and instants give equal pages. Read at start only. Default 1.
    pub seed: u64,
}

impl Default for PortalConfig {
    fn default() -> Self {
        Self {
            short_code: "600123".into(),
            user: "reader".into(),
            password: "kilima-demo-1".into(),
            operator_name: "JANE D.".into(),
            organisation: "KILIMA STORES".into(),
            zone: chrono_tz::Africa::Nairobi,
            login_cap: 30,
            login_window_s: 3_600,
            lock_after_wrong: 3,
            idle_timeout_s: 600,
            absolute_timeout_s: 28_800,
            second_login: SecondLogin::KickOut,
            session_reuse: true,
            rows_per_page: 20,
            otp: OtpWhen::Never,
            otp_seed: String::new(),
            otp_timeout_s: 300,
            logout_alert: false,
            max_rows: 20_000,
            seed: 1,
        }
    }
}

/// A change of knobs that the portal does not take.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An unknown key or a value of the wrong type.
    #[error("the change of configuration is not understood: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A page must hold at least one row.
    #[error("rows_per_page must be at least 1")]
    NoRowsPerPage,
}

impl PortalConfig {
    /// The same knobs with those named in `change` (a JSON object, keys as the fields) replaced.
    ///
    /// # Errors
    /// [`ConfigError`] for a key or value that is not understood; nothing is changed then.
    pub fn with(
        &self,
        change: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, ConfigError> {
        let mut merged = serde_json::to_value(self)?;
        if let Some(fields) = merged.as_object_mut() {
            fields.extend(change);
        }
        let config: Self = serde_json::from_value(merged)?;
        config.check()?;
        Ok(config)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.rows_per_page == 0 {
            Err(ConfigError::NoRowsPerPage)
        } else {
            Ok(())
        }
    }
}

mod zone_name {
    use chrono_tz::Tz;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(zone: &Tz, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(zone.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Tz, D::Error> {
        String::deserialize(input)?
            .parse()
            .map_err(D::Error::custom)
    }
}
