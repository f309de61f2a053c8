//! Answers to interactions: commands, buttons, menus and forms. Discord wants the first within three seconds, and none on
//! a token older than a quarter of an hour.

use serenity::all::{
    Builder, ComponentInteraction, CreateActionRow, CreateAttachment, CreateInteractionResponse,
    CreateInteractionResponseFollowup, CreateInteractionResponseMessage, Http, InteractionId, InteractionResponseFlags,
    MessageFlags, MessageId,
};

use super::send::{RequestQueue, soon};
use super::{DiscordError, no_pings};

/// An interaction that waits for an answer.
pub struct PendingInteraction<'a> {
    pub http: &'a Http,
    pub requests: &'a RequestQueue,
    pub id: InteractionId,
    pub token: &'a str,
    /// Whether Discord was told that the answer takes a while.
    pub is_deferred: bool,
}

impl<'a> PendingInteraction<'a> {
    /// Somebody pressed a button or chose from a menu.
    pub fn of_press(http: &'a Http, requests: &'a RequestQueue, pressed: &'a ComponentInteraction) -> Self {
        Self::new(http, requests, pressed.id, &pressed.token)
    }

    /// An interaction that nothing was said to yet.
    pub fn new(http: &'a Http, requests: &'a RequestQueue, id: InteractionId, token: &'a str) -> Self {
        Self { http, requests, id, token, is_deferred: false }
    }

    /// Tells Discord that the answer, for the person alone, takes a while.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn defer(&mut self) -> Result<(), DiscordError> {
        let message = CreateInteractionResponseMessage::new().ephemeral(true);
        self.respond(CreateInteractionResponse::Defer(message)).await?;
        self.is_deferred = true;
        Ok(())
    }

    /// Answers with a message and, if it has several parts, more of them. `rows` stand under the first, `more_rows` under
    /// each of the others.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn say(
        &self,
        parts: &[String],
        rows: Vec<CreateActionRow>,
        more_rows: &[CreateActionRow],
        private: bool,
    ) -> Result<(), DiscordError> {
        self.say_all(parts, rows, more_rows, private).await.map(drop)
    }

    /// The same, giving the messages that follow the first.
    ///
    /// # Errors
    /// If Discord refuses.
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

    /// Says one more message. Of a deferred answer Discord makes the first one the answer itself.
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

    /// Gives a file to the person alone, as a deferred answer.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn give(&self, text: &str, file: CreateAttachment) -> Result<(), DiscordError> {
        self.follow(text, Vec::new(), true, Some(file)).await.map(drop)
    }

    /// The message that was the first response.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn first(&self) -> Result<MessageId, DiscordError> {
        let found =
            self.requests.make(self.id.get(), || self.http.get_original_interaction_response(self.token)).await?;
        Ok(found.id)
    }

    /// Says several parts to the person alone, with rows under the last.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn say_with_last(
        &self,
        first: &[String],
        last: &str,
        rows: Vec<CreateActionRow>,
    ) -> Result<(), DiscordError> {
        self.say(first, Vec::new(), &[], true).await?;
        self.follow(last, rows, true, None).await.map(drop)
    }

    /// Says something to the person alone.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn tell(&self, text: &str) -> Result<(), DiscordError> {
        self.say(&super::render::split(text), Vec::new(), &[], true).await
    }

    /// Takes note without an answer.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn acknowledge(&self) -> Result<(), DiscordError> {
        self.respond(CreateInteractionResponse::Acknowledge).await
    }

    /// Makes the first response, trying again what is refused for a moment.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn respond(&self, response: CreateInteractionResponse) -> Result<(), DiscordError> {
        soon(|| response.clone().execute(self.http, (self.id, self.token))).await
    }
}

/// A response without pings and link previews.
pub fn response(content: &str, private: bool) -> CreateInteractionResponseMessage {
    let flags = InteractionResponseFlags::from_bits_retain(flags(private).bits());
    CreateInteractionResponseMessage::new().content(content).allowed_mentions(no_pings()).flags(flags)
}

fn flags(private: bool) -> MessageFlags {
    if private { MessageFlags::SUPPRESS_EMBEDS | MessageFlags::EPHEMERAL } else { MessageFlags::SUPPRESS_EMBEDS }
}
