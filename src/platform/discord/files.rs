//! Sends files of facts with a response, and fetches files attached to a command.

use std::time::Duration;

use serenity::all::{Attachment, CommandInteraction, CreateAttachment};

use super::{CONNECT_TIMEOUT, DiscordBot};
use crate::moderation::TextFile;
use crate::moderation::command::Field;
use crate::wording::moderation as words;

/// Discord's hosts of attachments.
const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];

/// The time limit for fetching a file.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// Returns the file attached to a command in the option with this name.
pub fn attached<'a>(command: &'a CommandInteraction, option: &str) -> Option<&'a Attachment> {
    let options = command.data.options();
    let within = options.iter().flat_map(|one| match &one.value {
        serenity::all::ResolvedValue::SubCommand(parts) => parts.iter().collect(),
        _ => vec![one],
    });
    within.filter(|one| one.name == option).find_map(|one| match one.value {
        serenity::all::ResolvedValue::Attachment(attachment) => Some(attachment),
        _ => None,
    })
}

/// Turns a file into a Discord attachment.
pub fn as_attachment(file: &TextFile) -> CreateAttachment {
    CreateAttachment::bytes(file.text.as_bytes(), &file.name)
}

impl DiscordBot {
    /// Fetches the text of an attached file.
    ///
    /// # Errors
    /// A text for the person who attached the file, if it is too long, can't be fetched, or isn't UTF-8.
    pub async fn fetch(&self, attachment: &Attachment) -> Result<String, String> {
        let most = Field::File.longest();
        if attachment.size as usize > most {
            return Err(words::too_long(Field::File));
        }
        let bytes = self.download(&attachment.url, most).await.map_err(|what| {
            // The URL isn't logged: with its signature anybody could read the file.
            tracing::warn!(what, "an attached file could not be fetched");
            words::not_fetched()
        })?;
        String::from_utf8(bytes).map_err(|_| words::no_text())
    }

    /// Downloads a file of at most `most` bytes from one of Discord's hosts or from the API proxy, and from nowhere
    /// else.
    async fn download(&self, address: &str, most: usize) -> Result<Vec<u8>, &'static str> {
        let url = reqwest::Url::parse(address).map_err(|_| "invalid address")?;
        let is_discords = url.scheme() == "https" && url.host_str().is_some_and(|host| HOSTS.contains(&host));
        // A server in place of Discord hosts its attachments itself.
        let is_its = self.api_proxy.as_ref().is_some_and(|proxy| proxy.origin() == url.origin());
        if !is_discords && !is_its {
            return Err("not an address of Discord");
        }
        let client = reqwest::Client::builder().timeout(FETCH_TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
        let client = client.redirect(reqwest::redirect::Policy::none()).build().map_err(|_| "no HTTP client")?;
        let mut response = client.get(url).send().await.map_err(|_| "no connection")?;
        if !response.status().is_success() {
            return Err("refused");
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| "connection lost")? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > most {
                return Err("larger than declared");
            }
        }
        Ok(bytes)
    }
}
