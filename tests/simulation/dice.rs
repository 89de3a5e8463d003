//! Everything that a seed decides is drawn from here.

use std::time::Duration;

/// splitmix64: small, and the same everywhere.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In `0..n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// In `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `n` times in a thousand.
    pub fn chance(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }

    /// From `low` to `high`, each order of magnitude as likely as the next.
    pub fn log_between(&mut self, low: Duration, high: Duration) -> Duration {
        let unit = (self.below(1 << 20) as f64) / f64::from(1 << 20);
        let (low, high) = (low.as_secs_f64().ln(), high.as_secs_f64().ln());
        Duration::from_secs_f64((low + (high - low) * unit).exp())
    }

    /// Around `mean`, exponential as arrivals are.
    pub fn arrival(&mut self, mean: Duration) -> Duration {
        let unit = (self.below(1 << 20) as f64 + 1.0) / f64::from(1 << 20);
        mean.mul_f64(-unit.ln()).max(Duration::from_millis(1))
    }

    pub fn fork(&mut self) -> Self {
        Self::new(self.next())
    }
}
