//! Defines the message that every platform passes to the desk.

use crate::store::Scope;

/// A message to the desk, free of platform types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Utterance {
    /// Text of the message, without the mention of the bot.
    pub text: String,
    /// Text that the message replies to: the person's earlier question or the desk's reply.
    pub context: Option<String>,
    /// Scope whose facts answer the message: the community in which it was sent.
    pub scope: Scope,
}

impl Utterance {
    /// Returns a message without context, in the shared scope.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Returns the message with another scope.
    #[must_use]
    pub fn within(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}
