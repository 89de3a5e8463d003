//! The same event under another number: what a restored store tells again. Pure.

use super::{Epoch, sequence_text};

/// `line`, a line that [`super::render`] wrote, with `epoch` and `sequence` in place of its own and `replayed` set.
/// All else stays byte for byte. `None` when the line is not of that form.
///
/// A key with its quotes cannot stand inside a JSON string, where each quote is escaped: the first `"epoch":` is the key.
#[must_use]
pub fn told_again(line: &str, epoch: Epoch, sequence: u64) -> Option<String> {
    let (before, rest) = line.split_once("\"epoch\":")?;
    let (_, data) = rest.split_once(",\"data\":")?;
    Some(format!(
        "{before}\"epoch\":\"{epoch}\",\"sequence\":\"{}\",\"replayed\":true,\"data\":{data}",
        sequence_text(sequence)
    ))
}
