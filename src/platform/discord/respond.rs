//! Responds to interactions: commands, buttons, menus and forms.
//!
//! Discord expects the first response within three seconds and accepts further ones for 15 minutes.

use serenity::all::{
    Builder, ComponentInteraction, CreateActionRow, CreateAttachment, CreateInteractionResponse,
    CreateInteractionResponseFollowup, CreateInteractionResponseMessage, Http, InteractionId, InteractionResponseFlags,
    MessageFlags, MessageId,
};

use super::send::{RequestQueue, soon};
use super::{DiscordError, no_pings};

/// An interaction that waits for a response.
pub struct PendingInteraction<'a> {
    pub http: &'a Http,
    pub requests: &'a RequestQueue,
    pub id: InteractionId,
    pub token: &'a str,
    /// True after [`Self::defer`]: the person sees that the response takes a while.
    pub is_deferred: bool,
}

impl<'a> PendingInteraction<'a> {
    /// Wraps a press of a button or a choice from a menu.
    pub fn of_press(http: &'a Http, requests: &'a RequestQueue, pressed: &'a ComponentInteraction) -> Self {
        Self::new(http, requests, pressed.id, &pressed.token)
    }

    /// Wraps an interaction that has no response yet.
    pub fn new(http: &'a Http, requests: &'a RequestQueue, id: InteractionId, token: &'a str) -> Self {
        Self { http, requests, id, token, is_deferred: false }
    }

    /// Defers the response, which only the person will see. Discord then waits up to 15 minutes for it.
    ///
    /// # Errors
    /// If the request to Discord fails.
    pub async fn defer(&mut self) -> Result<(), DiscordError> {
        let message = CreateInteractionResponseMessage::new().ephemeral(true);
        self.respond(CreateInteractionResponse::Defer(message)).await?;
        self.is_deferred = true;
        Ok(())
    }

    /// Responds with one message per part. `rows` go under the first message, `more_rows` under each of the others. If
    /// `private`, only the person sees them.
    ///
    /// # Errors
    /// If the request to Discord fails.
    pub async fn say(
        &self,
        parts: &[String],
        rows: Vec<CreateActionRow>,
        more_rows: &[CreateActionRow],
        private: bool,
    ) -> Result<(), DiscordError> {
        self.say_all(parts, rows, more_rows, private).await.map(drop)
    }

    /// Like [`Self::say`], and returns the ids of the follow-up messages.
    ///
    /// # Errors
    /// If the request to Discord fails.
    pub async fn say_all(
        &self,
        parts: &[String],
        rows: Vec<CreateActionRow>,
        more_rows: &[CreateActionRow],
        private: bool,
    ) -> Result<Vec<MessageId>, DiscordError> {
        let mut followed = Vec::new();
        let mut rows = Some(rows);
        for (at, part) in parts.iter().enumerate() {
            let rows = rows.take().unwrap_or_else(|| more_rows.to_vec());
            if at == 0 && !self.is_deferred {
                let message = response(part, private).components(rows);
                self.respond(CreateInteractionResponse::Message(message)).await?;
            } else {
                followed.push(self.follow(part, rows, private, None).await?);
            }
        }
        Ok(followed)
    }

    /// Sends a follow-up message. After [`Self::defer`], Discord turns the first one into the response itself.
    async fn follow(
        &self,
        part: &str,
        rows: Vec<CreateActionRow>,
        private: bool,
        file: Option<CreateAttachment>,
    ) -> Result<MessageId, DiscordError> {
        let followup = || {
            CreateInteractionResponseFollowup::new()
                .content(part)
                .components(rows.clone())
                .allowed_mentions(no_pings())
                .flags(flags(private))
                .files(file.clone())
        };
        let said = self.requests.make_once(self.id.get(), || followup().execute(self.http, (None, self.token)));
        Ok(said.await?.id)
    }

    /// Sends a file to the person alone, after [`Self::defer`].
    ///
    /// # Errors
    /// If the request to Discord fails.
    pub async fn give(&self, text: &str, file: CreateAttachment) -> Result<(), DiscordError> {
        self.follow(text, Vec::new(), true, Some(file)).await.map(drop)
    }

    /// Returns the id of the first response's message.
    ///
    /// # Errors
    /// If the request to Discord fails.
    pub async fn first(&self) -> Result<MessageId, DiscordError> {
        let found =
            self.requests.make(self.id.get(), || self.http.get_original_interaction_response(self.token)).await?;
        Ok(found.id)
    }

    /// Sends several parts to the person alone, with `rows` under `last`.
    ///
    /// # Errors
    /// If the request to Discord fails.
    pub async fn say_with_last(
        &self,
        first: &[String],
        last: &str,
        rows: Vec<CreateActionRow>,
    ) -> Result<(), DiscordError> {
        self.say(first, Vec::new(), &[], true).await?;
        self.follow(last, rows, true, None).await.map(drop)
    }

    /// Sends a text to the person alone.
    ///
    /// # Errors
    /// If the request to Discord fails.
    pub async fn tell(&self, text: &str) -> Result<(), DiscordError> {
        self.say(&super::render::split(text), Vec::new(), &[], true).await
    }

    /// Acknowledges the interaction without sending a message.
    ///
    /// # Errors
    /// If the request to Discord fails.
    pub async fn acknowledge(&self) -> Result<(), DiscordError> {
        self.respond(CreateInteractionResponse::Acknowledge).await
    }

    /// Sends the first response, and retries temporary failures within Discord's three seconds.
    ///
    /// # Errors
    /// If the request to Discord fails.
    pub async fn respond(&self, response: CreateInteractionResponse) -> Result<(), DiscordError> {
        soon(|| response.clone().execute(self.http, (self.id, self.token))).await
    }
}

/// Builds a response without pings and link previews.
pub fn response(content: &str, private: bool) -> CreateInteractionResponseMessage {
    let flags = InteractionResponseFlags::from_bits_retain(flags(private).bits());
    CreateInteractionResponseMessage::new().content(content).allowed_mentions(no_pings()).flags(flags)
}

fn flags(private: bool) -> MessageFlags {
    if private { MessageFlags::SUPPRESS_EMBEDS | MessageFlags::EPHEMERAL } else { MessageFlags::SUPPRESS_EMBEDS }
}
