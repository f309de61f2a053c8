//! Those who keep a server's facts: who they are at this moment, and what they are told in their log channel.

use serenity::all::{
    ButtonStyle, ChannelId, CreateActionRow, CreateButton, CreateMessage, GuildId, Http, Member, MessageFlags, Nonce,
    Permissions, UserId,
};

use super::send::{kind, may_pass};
use super::{Error, Shared, moderate, no_pings, render};
use crate::moderation::flags::Flag;
use crate::moderation::{Made, Right, Speaker};
use crate::store::handled::Place;
use crate::wording::moderation as words;

impl Shared {
    /// Who speaks, and what they may do at this moment.
    pub fn speaker(&self, guild: Option<GuildId>, user: UserId, member: Option<&Member>) -> Speaker {
        let who = user.to_string();
        let community = guild.map(|guild| guild.to_string()).unwrap_or_default();
        let right = if self.operators.contains(&who) {
            Right::Operator
        } else if guild.is_some() && self.keeps_facts(&community, member) {
            Right::Moderator
        } else {
            Right::Member
        };
        Speaker { who, community, right }
    }

    /// What the author of a message may do, as the server's roles say; a message tells no permissions.
    pub async fn right_of(&self, http: &Http, place: &Place, user: UserId) -> Result<Speaker, Error> {
        let guild = place.community.as_ref().and_then(|id| id.parse().ok()).map(GuildId::new);
        let Some(guild) = guild.filter(|_| !self.operators.contains(&user.to_string())) else {
            return Ok(self.speaker(guild, user, None));
        };
        let mut member = self.outgoing.make(guild.get(), || http.get_member(guild, user)).await?;
        let found = self.outgoing.make(guild.get(), || http.get_guild(guild)).await?;
        member.permissions = Some(found.member_permissions(&member));
        Ok(self.speaker(Some(guild), user, Some(&member)))
    }

    /// Whether roles keep a server's facts, beside those who may manage messages.
    pub fn is_open_to_roles(&self, guild: GuildId) -> bool {
        let place = Place { channel: String::new(), community: Some(guild.to_string()) };
        !self.settings(&place).roles.is_empty()
    }

    fn keeps_facts(&self, community: &str, member: Option<&Member>) -> bool {
        let Some(member) = member else { return false };
        let permissions = member.permissions.unwrap_or_default();
        if permissions.intersects(Permissions::MANAGE_MESSAGES | Permissions::ADMINISTRATOR) {
            return true;
        }
        let place = Place { channel: String::new(), community: Some(community.to_owned()) };
        let roles = self.settings(&place).roles;
        member.roles.iter().any(|role| roles.contains(&role.to_string()))
    }

    /// Why somebody who doesn't keep the facts isn't heard for the moment; none if they are.
    pub async fn too_often(
        &self,
        http: &Http,
        by: &Speaker,
        channel: &ChannelId,
        user: UserId,
        now: i64,
    ) -> Option<String> {
        if by.right > Right::Member {
            return None;
        }
        let community = Some(by.community.clone()).filter(|id| !id.is_empty());
        let place = Place { channel: channel.to_string(), community };
        self.hindrance(http, &place, user, ("", now, true)).await.map(|hindrance| hindrance.reason)
    }

    /// Tells log channels what all share and changed under changes of the server's own.
    pub async fn tell_of_shared_changes(&self, http: &Http) {
        let flags = match self.moderation.flags() {
            Ok(flags) => flags,
            Err(error) => return tracing::error!(%error, "what changed under servers' changes could not be looked up"),
        };
        for flag in flags {
            match self.tell_of_flag(http, &flag).await {
                Err(error) if may_pass(&error) => tracing::warn!(what = %kind(&error), "a log channel has to wait"),
                // A channel that can't be spoken in hears nothing.
                Ok(()) | Err(_) => self.moderation.flagged(&flag),
            }
        }
    }

    async fn tell_of_flag(&self, http: &Http, flag: &Flag) -> Result<(), Error> {
        let logs = flag.logs.iter().filter_map(|log| log.parse::<u64>().ok()).filter(|id| *id > 0);
        for log in logs {
            for (at, part) in render::split(&render::escaped(&flag.text)).iter().enumerate() {
                let create = || {
                    CreateMessage::new()
                        .content(part)
                        .allowed_mentions(no_pings())
                        .flags(MessageFlags::SUPPRESS_EMBEDS)
                        .nonce(Nonce::String(format!("f{log}.{}.{at}", flag.revision % 1_000)))
                        .enforce_nonce(true)
                };
                self.outgoing.make(log, || ChannelId::new(log).send_message(http, create())).await?;
            }
        }
        Ok(())
    }

    /// Tells the log channel of a change, with a button to take it back.
    pub async fn tell_of(&self, http: &Http, by: &Speaker, made: &Made) {
        let place = Place { channel: String::new(), community: Some(by.community.clone()) };
        let log = self.settings(&place).log_channel.and_then(|id| id.parse::<u64>().ok()).filter(|id| *id > 0);
        let Some(log) = log.filter(|_| !by.community.is_empty()) else { return };
        let undo = CreateButton::new(moderate::id_of_undo(made.revision))
            .label(words::label_of("undo"))
            .style(ButtonStyle::Secondary);
        let text = render::escaped(&words::in_log(&made.line));
        let text = format!("{text} (<@{}>)", by.who);
        let create = || {
            CreateMessage::new()
                .content(&text)
                .components(vec![CreateActionRow::Buttons(vec![undo.clone()])])
                .allowed_mentions(no_pings())
                .flags(MessageFlags::SUPPRESS_EMBEDS)
        };
        if let Err(error) = self.outgoing.make(log, || ChannelId::new(log).send_message(http, create())).await {
            tracing::warn!(what = %kind(&error), "the log channel could not be told of a change");
        }
    }
}
