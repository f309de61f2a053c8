//! What somebody said, with nothing of the platform left in it.

use crate::store::Scope;

/// A message to the desk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Utterance {
    /// The text, without the mention of the bot.
    pub text: String,
    /// The text it replies to: the person's earlier question or the desk's reply.
    pub context: Option<String>,
    /// Whose facts answer it: those of the community where it was said.
    pub scope: Scope,
}

impl Utterance {
    /// A message that replies to nothing.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The same said in a community.
    #[must_use]
    pub fn within(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}
