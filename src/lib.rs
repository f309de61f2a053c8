//! A desk that answers questions about the direct Moscow–Pyongyang air route from five news articles, with the source
//! behind every claim.
//!
//! The path of one question:
//!
//! 1. A platform ([`platform`]) makes an [`utterance::Utterance`] of what somebody typed.
//! 2. [`desk::Desk::answer`] takes it and cannot fail.
//! 3. [`understanding`] cleans the text, cuts it into questions, mends spelling, and decides on a topic, or that the
//!    sources don't say.
//! 4. [`store`] reads the topic's claims with their citations from SQLite, verifying every row.
//! 5. [`answer`] picks what to say and finds out whether the claims disagree.
//! 6. [`wording`] puts it into sentences with numbered citations: a [`wording::Reply`], without markup.
//! 7. The platform shows it.

pub mod answer;
pub mod config;
pub mod desk;
pub mod eval;
pub mod facts;
pub mod language;
pub mod moderation;
pub mod platform;
pub mod store;
pub mod understanding;
pub mod utterance;
pub mod wording;
