//! Where people talk to the desk: each platform makes utterances of events and messages of replies.

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
