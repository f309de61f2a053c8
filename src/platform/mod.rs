//! The platforms: each turns its events into utterances for the desk, and the desk's replies into messages.

pub mod cut;
#[cfg(feature = "discord")]
pub mod discord;
pub mod jsonl;
pub mod last_question;
#[cfg(feature = "matrix")]
pub mod matrix;
pub mod rate_limit;
#[cfg(any(feature = "discord", feature = "matrix"))]
pub mod serving;
pub mod terminal;
