//! Facts as files: given with an answer, taken from what somebody attached to a command.

use std::time::Duration;

use serenity::all::{Attachment, CommandInteraction, CreateAttachment};

use super::{CONNECT_TIMEOUT, DiscordBot};
use crate::moderation::TextFile;
use crate::moderation::command::Field;
use crate::wording::moderation as words;

/// Where Discord keeps what is attached.
const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];

/// How long fetching a file may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// The file that is attached to a command, in an option of this name.
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

/// As a file of Discord's.
pub fn as_attachment(file: &TextFile) -> CreateAttachment {
    CreateAttachment::bytes(file.text.as_bytes(), &file.name)
}

impl DiscordBot {
    /// The text of an attached file.
    ///
    /// # Errors
    /// Why there is none, for who attached it.
    pub async fn fetch(&self, attachment: &Attachment) -> Result<String, String> {
        let most = Field::File.longest();
        if attachment.size as usize > most {
            return Err(words::too_long(Field::File));
        }
        let bytes = self.download(&attachment.url, most).await.map_err(|what| {
            // An address of Discord's has a signature in it, by which anybody could read the file.
            tracing::warn!(what, "an attached file could not be fetched");
            words::not_fetched()
        })?;
        String::from_utf8(bytes).map_err(|_| words::no_text())
    }

    /// What lies at an address of Discord's; nothing else is ever asked.
    async fn download(&self, address: &str, most: usize) -> Result<Vec<u8>, &'static str> {
        let url = reqwest::Url::parse(address).map_err(|_| "an address that is none")?;
        let is_discords = url.scheme() == "https" && url.host_str().is_some_and(|host| HOSTS.contains(&host));
        // What stands in for Discord keeps its files itself.
        let is_its = self.api_proxy.as_ref().is_some_and(|proxy| proxy.origin() == url.origin());
        if !is_discords && !is_its {
            return Err("an address that isn't Discord's");
        }
        let client = reqwest::Client::builder().timeout(FETCH_TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
        let client = client.redirect(reqwest::redirect::Policy::none()).build().map_err(|_| "no client")?;
        let mut response = client.get(url).send().await.map_err(|_| "no connection")?;
        if !response.status().is_success() {
            return Err("refused");
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| "the connection was lost")? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > most {
                return Err("more than was said");
            }
        }
        Ok(bytes)
    }
}
