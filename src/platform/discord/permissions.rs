//! Determines who may edit a server's facts, and reports changes in the server's log channel.

use serenity::all::{
    ButtonStyle, ChannelId, CreateActionRow, CreateButton, CreateMessage, GuildId, Http, Member, MessageFlags, Nonce,
    Permissions, UserId,
};

use super::send::{kind, may_pass};
use super::{DiscordBot, DiscordError, moderate, no_pings, render};
use crate::moderation::layer_conflicts::LayerConflict;
use crate::moderation::{Actor, CommittedChange, Permission};
use crate::store::handled::Place;
use crate::wording::moderation as words;

impl DiscordBot {
    /// Returns the person with their current permission. Without a `guild` only operators have more than a member's.
    pub fn actor(&self, guild: Option<GuildId>, user: UserId, member: Option<&Member>) -> Actor {
        let who = user.to_string();
        let community = guild.map(|guild| guild.to_string()).unwrap_or_default();
        let permission = if self.operators.contains(&who) {
            Permission::Operator
        } else if guild.is_some() && self.may_edit_facts(&community, member) {
            Permission::Moderator
        } else {
            Permission::Member
        };
        Actor { who, community, permission }
    }

    /// Like [`Self::actor`], for the author of a message. Requests their roles, because a message doesn't include
    /// permissions.
    pub async fn permission_of(&self, http: &Http, place: &Place, user: UserId) -> Result<Actor, DiscordError> {
        let guild = place.community.as_ref().and_then(|id| id.parse().ok()).map(GuildId::new);
        let Some(guild) = guild.filter(|_| !self.operators.contains(&user.to_string())) else {
            return Ok(self.actor(guild, user, None));
        };
        let mut member = self.requests.make(guild.get(), || http.get_member(guild, user)).await?;
        let found = self.requests.make(guild.get(), || http.get_guild(guild)).await?;
        member.permissions = Some(found.member_permissions(&member));
        Ok(self.actor(Some(guild), user, Some(&member)))
    }

    /// Returns true if a role may edit the server's facts, besides members with Manage Messages.
    pub fn is_open_to_roles(&self, guild: GuildId) -> bool {
        let place = Place { channel: String::new(), community: Some(guild.to_string()) };
        !self.settings(&place).roles.is_empty()
    }

    fn may_edit_facts(&self, community: &str, member: Option<&Member>) -> bool {
        let Some(member) = member else { return false };
        let permissions = member.permissions.unwrap_or_default();
        if permissions.intersects(Permissions::MANAGE_MESSAGES | Permissions::ADMINISTRATOR) {
            return true;
        }
        let place = Place { channel: String::new(), community: Some(community.to_owned()) };
        let roles = self.settings(&place).roles;
        member.roles.iter().any(|role| roles.contains(&role.to_string()))
    }

    /// Returns the reason to reject a member's command, or `None`. Moderators and operators are never rejected.
    pub async fn too_often(
        &self,
        http: &Http,
        by: &Actor,
        channel: &ChannelId,
        user: UserId,
        now: i64,
    ) -> Option<String> {
        if by.permission > Permission::Member {
            return None;
        }
        let community = Some(by.community.clone()).filter(|id| !id.is_empty());
        let place = Place { channel: channel.to_string(), community };
        self.rejection(http, &place, user, ("", now, true)).await.map(|rejection| rejection.reason)
    }

    /// Reports changed shared facts in the log channels of servers that have their own version of them.
    pub async fn tell_of_shared_changes(&self, http: &Http) {
        let conflicts = match self.moderation.layer_conflicts() {
            Ok(conflicts) => conflicts,
            Err(error) => return tracing::error!(%error, "conflicting shared changes could not be looked up"),
        };
        for conflict in conflicts {
            match self.tell_of_conflict(http, &conflict).await {
                Err(error) if may_pass(&error) => tracing::warn!(what = %kind(&error), "notice not sent, retrying"),
                // A log channel that refuses the message is skipped.
                Ok(()) | Err(_) => self.moderation.conflict_was_told(&conflict),
            }
        }
    }

    async fn tell_of_conflict(&self, http: &Http, conflict: &LayerConflict) -> Result<(), DiscordError> {
        let logs = conflict.logs.iter().filter_map(|log| log.parse::<u64>().ok()).filter(|id| *id > 0);
        for log in logs {
            for (at, part) in render::split(&render::escaped(&conflict.text)).iter().enumerate() {
                let create = || {
                    CreateMessage::new()
                        .content(part)
                        .allowed_mentions(no_pings())
                        .flags(MessageFlags::SUPPRESS_EMBEDS)
                        .nonce(Nonce::String(format!("f{log}.{}.{at}", conflict.revision % 1_000)))
                        .enforce_nonce(true)
                };
                self.requests.make(log, || ChannelId::new(log).send_message(http, create())).await?;
            }
        }
        Ok(())
    }

    /// Reports a change in the log channel, with a button to undo it.
    pub async fn tell_of(&self, http: &Http, by: &Actor, committed: &CommittedChange) {
        let place = Place { channel: String::new(), community: Some(by.community.clone()) };
        let log = self.settings(&place).log_channel.and_then(|id| id.parse::<u64>().ok()).filter(|id| *id > 0);
        let Some(log) = log.filter(|_| !by.community.is_empty()) else { return };
        let undo = CreateButton::new(moderate::id_of_undo(committed.revision))
            .label(words::label_of("undo"))
            .style(ButtonStyle::Secondary);
        let text = render::escaped(&words::in_log(&committed.line));
        let text = format!("{text} (<@{}>)", by.who);
        let create = || {
            CreateMessage::new()
                .content(&text)
                .components(vec![CreateActionRow::Buttons(vec![undo.clone()])])
                .allowed_mentions(no_pings())
                .flags(MessageFlags::SUPPRESS_EMBEDS)
        };
        if let Err(error) = self.requests.make(log, || ChannelId::new(log).send_message(http, create())).await {
            tracing::warn!(what = %kind(&error), "a change could not be reported in the log channel");
        }
    }
}
