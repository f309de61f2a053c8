//! Where people talk to the desk: each platform makes utterances of events and messages of replies.

pub mod jsonl;
pub mod terminal;
