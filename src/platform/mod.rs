//! Where people talk to the desk: each platform makes utterances of events and messages of replies.

#[cfg(feature = "discord")]
pub mod discord;
pub mod jsonl;
pub mod pace;
pub mod terminal;
