//! Time-based one-time codes (RFC 6238) from a stored seed. Pure: the time is an argument.

use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Algorithm, Builder, Totp};
use url::Url;

/// A code that has less than this left is not typed: the portal may be slow.
const LEFT: u64 = 4;
/// Portals give out seeds of 80 bits, though RFC 4226 asks for 128.
const LEAST_BYTES: usize = 10;

/// What is wrong with a seed; never its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// Neither base32 nor a URI.
    #[error(
        "the seed is not base32: store the text that the portal shows beside its QR code, or the `otpauth://totp/…` address in it"
    )]
    NotBase32,
    /// Too short to be one.
    #[error("the seed is shorter than 16 characters of base32: store all of it")]
    TooShort,
    /// A parameter of the URI.
    #[error(
        "the seed's `{0}` is none that this program knows: digits 6 to 8, period 1 to 300, SHA1, SHA256 or SHA512"
    )]
    Parameter(&'static str),
    /// A counter-based one.
    #[error(
        "the seed is not for time-based codes: an `otpauth` address must begin with `otpauth://totp/`"
    )]
    NotTimeBased,
}

/// A seed and its rules. Does not print.
pub struct Seed(Totp);

/// A code and the number of its time step: no two sign-ins type the code of one step.
#[derive(Debug)]
pub struct Code {
    /// The digits.
    pub text: SecretString,
    /// Steps since 1970.
    pub step: u64,
}

impl Seed {
    /// Reads base32 (spaces, hyphens and case do not matter; six digits, 30 seconds, SHA-1) or an `otpauth://totp/…`
    /// address, which may say otherwise.
    ///
    /// # Errors
    /// [`SeedError`].
    pub fn parse(text: &SecretString) -> Result<Self, SeedError> {
        let text = text.expose_secret().trim();
        let scheme = text.get(..8).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("otpauth:") {
            return Self::of(text, 6, 30, Algorithm::SHA1);
        }
        let url = Url::parse(text).map_err(|_| SeedError::NotBase32)?;
        if url.host_str() != Some("totp") {
            return Err(SeedError::NotTimeBased);
        }
        let (mut secret, mut digits, mut period) = (Zeroizing::new(String::new()), 6, 30);
        let mut algorithm = Algorithm::SHA1;
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "secret" => secret = Zeroizing::new(value.into_owned()),
                "digits" => digits = value.parse().map_err(|_| SeedError::Parameter("digits"))?,
                "period" => period = value.parse().map_err(|_| SeedError::Parameter("period"))?,
                "algorithm" => {
                    algorithm = match value.to_ascii_uppercase().as_str() {
                        "SHA1" => Algorithm::SHA1,
                        "SHA256" => Algorithm::SHA256,
                        "SHA512" => Algorithm::SHA512,
                        _ => return Err(SeedError::Parameter("algorithm")),
                    };
                }
                // Names for people: issuer, image.
                _ => {}
            }
        }
        Self::of(&secret, digits, period, algorithm)
    }

    fn of(text: &str, digits: u8, period: u64, algorithm: Algorithm) -> Result<Self, SeedError> {
        if !(6..=8).contains(&digits) {
            return Err(SeedError::Parameter("digits"));
        }
        if !(1..=300).contains(&period) {
            return Err(SeedError::Parameter("period"));
        }
        let letters: String = text
            .chars()
            .filter(|letter| !matches!(letter, ' ' | '-' | '='))
            .map(|letter| letter.to_ascii_uppercase())
            .collect();
        let letters = Zeroizing::new(letters);
        let secret = BASE32_NOPAD
            .decode(letters.as_bytes())
            .map_err(|_| SeedError::NotBase32)?;
        if secret.len() < LEAST_BYTES {
            return Err(SeedError::TooShort);
        }
        let totp = Builder::new()
            .with_algorithm(algorithm)
            .with_digits(digits)
            .with_step_duration(period)
            .with_secret(secret);
        // Not held to RFC 4226: the portal chose the length of its seeds.
        Ok(Self(totp.build_noncompliant()))
    }

    /// The code for `now`, seconds since 1970; or how long to wait for the next one, when it is about to end or its
    /// step is `used`, the last one typed. One used far ahead is from a clock that was, and says nothing of today's steps.
    ///
    /// # Errors
    /// The pause.
    pub fn code(&self, now: u64, used: Option<u64>) -> Result<Code, Duration> {
        let period = self.0.step();
        let (step, left) = (now / period, period - now % period);
        let about_to_end = left < LEFT.min(period);
        if about_to_end || used.is_some_and(|used| (step..=step + 1).contains(&used)) {
            return Err(Duration::from_secs(left));
        }
        let text = SecretString::from(self.0.generate(now).to_string());
        Ok(Code { text, step })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    /// "12345678901234567890", the seed of RFC 6238's test vectors.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn seed(text: &str) -> Result<Seed, SeedError> {
        Seed::parse(&SecretString::from(text))
    }

    fn code(seed: &Seed, now: u64) -> String {
        let code = seed.code(now, None).unwrap();
        code.text.expose_secret().to_owned()
    }

    #[test]
    fn the_vectors_of_rfc_6238() {
        let sha1 = seed(&format!(
            "otpauth://totp/x?secret={RFC}&digits=8&issuer=Kilima"
        ))
        .unwrap();
        for (now, expected) in [
            (59 - 10, "94287082"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
        ] {
            assert_eq!(code(&sha1, now), expected);
        }
        let secret = BASE32_NOPAD.encode(b"12345678901234567890123456789012");
        let sha256 = format!("otpauth://totp/x?secret={secret}&digits=8&algorithm=sha256");
        assert_eq!(code(&seed(&sha256).unwrap(), 1_111_111_111), "67062674");
    }

    #[test]
    fn a_seed_is_read_as_portals_print_it() {
        let plain = code(&seed(RFC).unwrap(), 1_111_111_111);
        assert_eq!(plain, "050471");
        let grouped = "gezd gnbv gy3t qojq gezd-gnbv-gy3t-qojq\n";
        assert_eq!(code(&seed(grouped).unwrap(), 1_111_111_111), plain);
    }

    #[test]
    fn what_is_no_seed_is_refused_without_its_text() {
        for (text, expected) in [
            ("not base32!", SeedError::NotBase32),
            ("GEZDGNBV", SeedError::TooShort),
            (
                "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ",
                SeedError::NotTimeBased,
            ),
            (
                "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ&digits=4",
                SeedError::Parameter("digits"),
            ),
            ("otpauth://totp/x", SeedError::TooShort),
        ] {
            assert_eq!(seed(text).err(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_clock_that_was_ahead_is_not_waited_for() {
        let seed = seed(RFC).unwrap();
        let ahead = seed.code(1_111_111_111, None).unwrap();
        assert!(seed.code(3_000, Some(ahead.step)).is_ok());
    }

    #[test]
    fn a_code_is_typed_once_and_not_at_the_end_of_its_time() {
        let seed = seed(RFC).unwrap();
        let first = seed.code(3_000, None).unwrap();
        assert_eq!(first.step, 100);
        let again = seed.code(3_010, Some(first.step)).unwrap_err();
        assert_eq!(again, Duration::from_secs(20));
        assert_eq!(seed.code(3_027, None).unwrap_err(), Duration::from_secs(3));
        assert_eq!(seed.code(3_030, Some(first.step)).unwrap().step, 101);
    }
}
