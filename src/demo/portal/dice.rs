//! Deterministic randomness: equal seeds throw equal dice on every machine.

use chrono::{Datelike, NaiveDate};

const LETTERS_AND_DIGITS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Year in which the year letter of receipts was `A`: `U` is 2026 in every sample known.
const YEAR_OF_A: i32 = 2006;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to shuffle a deck.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).unsigned_abs().saturating_add(1);
        low.saturating_add_unsigned(self.next() % span)
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T; 8]) -> T {
        choices[usize::from(self.next() as u8 & 7)]
    }

    pub(super) fn shuffle<T>(&mut self, deck: &mut [T]) {
        for last in (1..deck.len()).rev() {
            let other = self.next() % (last as u64 + 1);
            deck.swap(last, other as usize);
        }
    }

    /// A receipt number of `day`: year letter, month A to L, day 1 to 9 then A to V, and seven characters that
    /// follow no order.
    pub(super) fn receipt(&mut self, day: NaiveDate) -> String {
        let year = (day.year() - YEAR_OF_A).rem_euclid(26) as u8;
        let month = day.month0() as u8;
        let date = match day.day() as u8 {
            digit @ 1..=9 => b'0' + digit,
            later => b'A' + (later - 10),
        };
        let mut receipt: String = [b'A' + year, b'A' + month, date]
            .map(char::from)
            .iter()
            .collect();
        receipt.extend((0..7).map(|_| char::from(LETTERS_AND_DIGITS[(self.next() % 36) as usize])));
        receipt
    }

    /// 128 bits as hexadecimal: a session or form token.
    pub(super) fn token(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn a_receipt_encodes_its_date_and_nothing_else() {
        let mut dice = Dice::new(7);
        let starts = |dice: &mut Dice, y, m, d| {
            dice.receipt(NaiveDate::from_ymd_opt(y, m, d).unwrap())[..3].to_owned()
        };
        assert_eq!(starts(&mut dice, 2026, 11, 21), "UKL");
        assert_eq!(starts(&mut dice, 2026, 8, 28), "UHS");
        assert_eq!(starts(&mut dice, 2026, 1, 9), "UA9");
        assert_eq!(starts(&mut dice, 2020, 10, 22), "OJM");
        assert_eq!(starts(&mut dice, 2027, 12, 31), "VLV");
    }

    #[test]
    fn equal_seeds_throw_equal_dice() {
        let throws = |seed| {
            let mut dice = Dice::new(seed);
            (0..9).map(|_| dice.between(3, 8)).collect::<Vec<_>>()
        };
        assert_eq!(throws(5), throws(5));
        assert!(throws(6).iter().all(|n| (3..=8).contains(n)));
    }
}
