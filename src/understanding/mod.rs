//! u
pub mod normalise;
pub mod spelling;
/// A text's words, joined by single spaces: equal for texts that differ only in case, punctuation and spacing.
#[must_use]
pub fn fold(text: &str) -> String {
    normalise::words(&normalise::clean(text)).join(" ")
}
