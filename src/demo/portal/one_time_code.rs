//! The second page of a sign-in, where the knob asks for one: a code that the portal sent, or that a seed gives.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use totp_rs::Builder;

use super::config::PortalConfig;
use super::dice::Dice;

/// When the portal asks for a one-time code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtpWhen {
    /// Never.
    Never,
    /// At each sign-in with the right password.
    Always,
    /// At the first of them, the third, and so on.
    Sometimes,
}

/// A browser that has given the right password and owes the code.
struct Pending {
    token: String,
    attempt: u64,
    /// What was sent to the person; `None` where the seed gives it.
    sent: Option<String>,
    since: DateTime<Utc>,
}

/// What the portal thinks of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// Nobody owes a code here.
    Stranger,
}

#[derive(Default)]
pub(super) struct OneTimeCodes {
    sign_ins: u32,
    pending: Option<Pending>,
    /// The code typed last: a portal takes none twice.
    used: Option<String>,
}

impl OneTimeCodes {
    /// Asks for a code after the right password, if it is time to: gives the cookie of who owes it.
    pub fn ask(
        &mut self,
        attempt: u64,
        dice: &mut Dice,
        now: DateTime<Utc>,
        config: &PortalConfig,
    ) -> Option<String> {
        self.sign_ins = self.sign_ins.wrapping_add(1);
        let asks = match config.otp {
            OtpWhen::Never => false,
            OtpWhen::Always => true,
            OtpWhen::Sometimes => self.sign_ins % 2 == 1,
        };
        if !asks {
            return None;
        }
        let token = dice.token();
        let sent = config
            .otp_seed
            .is_empty()
            .then(|| format!("{:06}", dice.between(0, 999_999)));
        self.pending = Some(Pending {
            token: token.clone(),
            attempt,
            sent,
            since: now,
        });
        Some(token)
    }

    /// The message that the person gets: the code that is owed now.
    pub fn sent(&self) -> Option<String> {
        self.pending.as_ref()?.sent.clone()
    }

    /// Judges a code. Right or wrong, it is asked for once; the attempt is named that it belongs to.
    pub fn judge(
        &mut self,
        code: &str,
        token: Option<&str>,
        now: DateTime<Utc>,
        config: &PortalConfig,
    ) -> (Verdict, u64) {
        let owed = self
            .pending
            .take_if(|pending| Some(pending.token.as_str()) == token);
        let Some(Pending {
            attempt,
            sent,
            since,
            ..
        }) = owed
        else {
            return (Verdict::Stranger, 0);
        };
        let in_time = now - since <= TimeDelta::seconds(config.otp_timeout_s.into());
        let right = match sent {
            Some(sent) => sent == code,
            None => of_seed(&config.otp_seed, now).is_some_and(|right| right == code),
        };
        let fresh = self.used.as_deref() != Some(code);
        if right && in_time && fresh {
            self.used = Some(code.to_owned());
            (Verdict::Right, attempt)
        } else {
            (Verdict::Wrong, attempt)
        }
    }
}

/// RFC 6238 with six digits, 30 seconds and SHA-1.
fn of_seed(seed: &str, now: DateTime<Utc>) -> Option<String> {
    let secret = data_encoding::BASE32_NOPAD.decode(seed.as_bytes()).ok()?;
    let totp = Builder::new().with_secret(secret).build_noncompliant();
    let code = totp.generate(u64::try_from(now.timestamp()).ok()?);
    Some(code.to_string())
}
