//! routedesk answers questions about the direct Moscow–Pyongyang air route from five news articles and cites the source of
//! every claim.
//!
//! The path of one question:
//!
//! 1. A platform ([`platform`]) turns a message into an [`utterance::Utterance`].
//! 2. [`desk::Desk::answer`] answers it and can't fail.
//! 3. [`understanding`] cleans the text, splits it into questions, corrects the spelling, and decides on a topic or that the
//!    sources don't say.
//! 4. [`store`] reads the topic's claims with their citations from SQLite and verifies the checksum of every row.
//! 5. [`answer`] picks the claims to say and detects disagreements between their values.
//! 6. [`wording`] writes the sentences with numbered citations: a [`wording::Reply`], without markup.
//! 7. The platform renders the reply in its own markup and sends it.

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
