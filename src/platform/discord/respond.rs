//! Answers to interactions: commands, buttons, menus and forms. Discord wants the first within three seconds, and none on
//! a token older than a quarter of an hour.

use serenity::all::{
    Builder, ComponentInteraction, CreateActionRow, CreateInteractionResponse, CreateInteractionResponseFollowup,
    CreateInteractionResponseMessage, Http, InteractionId, InteractionResponseFlags, MessageFlags, MessageId,
};

use super::send::{Outgoing, soon};
use super::{Error, no_pings};

/// An interaction that waits for an answer.
pub struct Waiting<'a> {
    pub http: &'a Http,
    pub outgoing: &'a Outgoing,
    pub id: InteractionId,
    pub token: &'a str,
}

impl<'a> Waiting<'a> {
    /// Somebody pressed a button or chose from a menu.
    pub fn of_press(http: &'a Http, outgoing: &'a Outgoing, pressed: &'a ComponentInteraction) -> Self {
        Self { http, outgoing, id: pressed.id, token: &pressed.token }
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
    ) -> Result<(), Error> {
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
    ) -> Result<Vec<MessageId>, Error> {
        let mut followed = Vec::new();
        let Some((first, more)) = parts.split_first() else { return Ok(followed) };
        let message = response(first, private).components(rows);
        self.respond(CreateInteractionResponse::Message(message)).await?;
        for part in more {
            let followup = || {
                CreateInteractionResponseFollowup::new()
                    .content(part)
                    .components(more_rows.to_vec())
                    .allowed_mentions(no_pings())
                    .flags(flags(private))
            };
            let said = self.outgoing.make_once(self.id.get(), || followup().execute(self.http, (None, self.token)));
            followed.push(said.await?.id);
        }
        Ok(followed)
    }

    /// The message that was the first response.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn first(&self) -> Result<MessageId, Error> {
        let found =
            self.outgoing.make(self.id.get(), || self.http.get_original_interaction_response(self.token)).await?;
        Ok(found.id)
    }

    /// Says several parts to the person alone, with rows under the last.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn say_with_last(&self, first: &[String], last: &str, rows: Vec<CreateActionRow>) -> Result<(), Error> {
        self.say(first, Vec::new(), &[], true).await?;
        let followup = || {
            CreateInteractionResponseFollowup::new()
                .content(last)
                .components(rows.clone())
                .allowed_mentions(no_pings())
                .flags(flags(true))
        };
        self.outgoing.make_once(self.id.get(), || followup().execute(self.http, (None, self.token))).await?;
        Ok(())
    }

    /// Says something to the person alone.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn tell(&self, text: &str) -> Result<(), Error> {
        self.say(&super::render::split(text), Vec::new(), &[], true).await
    }

    /// Takes note without an answer.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn acknowledge(&self) -> Result<(), Error> {
        self.respond(CreateInteractionResponse::Acknowledge).await
    }

    /// Makes the first response, trying again what is refused for a moment.
    ///
    /// # Errors
    /// If Discord refuses.
    pub async fn respond(&self, response: CreateInteractionResponse) -> Result<(), Error> {
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
