//! What a server sets, applied to a question: where it may be asked, how often, and what is kept of it.

use std::sync::PoisonError;

use serenity::all::{ChannelId, Http, UserId};

use super::send::kind;
use super::{DiscordBot, DiscordError};
use crate::desk::Answered;
use crate::language::Language;
use crate::platform::rate_limit::{Limits, Wait};
use crate::store::handled::Place;
use crate::store::queue::Report;
use crate::store::settings::CommunitySettings;
use crate::wording::Reply;

/// How many channels are named to somebody who asks in another.
const MOST_NAMED: usize = 10;

/// How many threads' channels are remembered.
const MOST_PARENTS: usize = 10_000;

/// Why a question isn't answered.
pub struct Rejection {
    /// What the person is told.
    pub reason: String,
    /// Whether they were told a short while ago.
    pub is_told: bool,
}

impl DiscordBot {
    /// What the server of a place sets; in direct conversations what is shipped.
    pub fn settings(&self, place: &Place) -> CommunitySettings {
        let community = place.community.as_deref().unwrap_or_default();
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.settings(community).unwrap_or_else(|error| {
            tracing::error!(%error, "a server's settings could not be read");
            CommunitySettings::default()
        })
    }

    /// Why a question that somebody asks in a place at `now` isn't answered; none if it is. `told` tells whether they will
    /// hear the reason.
    pub async fn rejection(
        &self,
        http: &Http,
        place: &Place,
        person: UserId,
        (text, now, told): (&str, i64, bool),
    ) -> Option<Rejection> {
        let settings = self.settings(place);
        let phrases = &Language::of(text).unwrap_or(Language::English).pack().phrases;
        // In a direct conversation there is one person to count for.
        let of_place = if place.community.is_some() { settings.per_channel } else { 0 };
        let limits = Limits { person: settings.per_person, place: of_place };
        let wait = {
            let mut rate_limiter = self.rate_limiter.lock().unwrap_or_else(PoisonError::into_inner);
            rate_limiter.check((place.community.clone(), person), place.channel.clone(), limits, now, told)
        };
        if let Some(Wait { seconds, of_place, is_told }) = wait {
            let phrase = if of_place { &phrases.too_much } else { &phrases.too_fast };
            return Some(Rejection { reason: phrase.replace("{seconds}", &seconds.to_string()), is_told });
        }
        if !self.is_open(http, &settings, place).await {
            let channels = settings.channels.iter().take(MOST_NAMED).map(|id| format!("<#{id}>"));
            let channels = channels.collect::<Vec<_>>().join(", ");
            return Some(Rejection { reason: phrases.elsewhere.replace("{channels}", &channels), is_told: false });
        }
        None
    }

    /// Whether the bot answers in a place: in all channels if none is named, else in those and their threads. Where the
    /// channel of a thread can't be told, it answers.
    async fn is_open(&self, http: &Http, settings: &CommunitySettings, place: &Place) -> bool {
        let is_named = |id: &str| settings.channels.iter().any(|channel| channel == id);
        if settings.channels.is_empty() || place.community.is_none() || is_named(&place.channel) {
            return true;
        }
        let Ok(id) = place.channel.parse::<u64>() else { return true };
        match self.parent(http, ChannelId::new(id)).await {
            Ok(parent) => parent.is_some_and(|parent| is_named(&parent.to_string())),
            Err(error) => {
                tracing::warn!(what = %kind(&error), "a channel could not be looked up");
                true
            }
        }
    }

    /// The channel that a thread belongs to, or the category of a channel.
    async fn parent(&self, http: &Http, channel: ChannelId) -> Result<Option<ChannelId>, DiscordError> {
        let parents = || self.parents.lock().unwrap_or_else(PoisonError::into_inner);
        let known = parents().get(&channel).copied();
        if let Some(parent) = known {
            return Ok(parent);
        }
        let found = self.requests.make(channel.get(), || http.get_channel(channel)).await?;
        let parent = found.guild().and_then(|channel| channel.parent_id);
        self.know_parent(channel, parent);
        Ok(parent)
    }

    /// Remembers the channel that a thread belongs to.
    pub fn know_parent(&self, channel: ChannelId, parent: Option<ChannelId>) {
        let mut parents = self.parents.lock().unwrap_or_else(PoisonError::into_inner);
        if parents.len() >= MOST_PARENTS {
            parents.clear();
        }
        parents.insert(channel, parent);
    }

    /// Remembers that somebody used a command in a place, so that after an outage its history is searched.
    pub fn remember_place(&self, id: u64, place: &Place, now: i64) {
        if place.community.as_deref().is_none_or(str::is_empty) {
            return;
        }
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = records.receive(&id.to_string(), place, now).and_then(|_| records.answer(&id.to_string(), None));
        if let Err(error) = kept {
            tracing::error!(%error, "a place could not be remembered");
        }
    }

    /// Keeps what of a message could not be answered, for the server's moderators and without its author.
    pub fn keep_unanswered(&self, place: &Place, answered: &Answered, now: i64) {
        let Some(community) = place.community.as_deref().filter(|community| !community.is_empty()) else { return };
        for (question, question_key) in answered.unanswered() {
            let days = self.settings(place).keep_days;
            let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = records.keep_question(community, (&question, question_key), now, days) {
                tracing::error!(%error, "a question without an answer could not be kept");
            }
        }
    }

    /// Counts what came of a command's question.
    pub fn count(&self, place: &Place, reply: &Reply, now: i64) {
        let Some(community) = place.community.as_deref().filter(|community| !community.is_empty()) else { return };
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = records.count(community, now, reply.tally()) {
            tracing::error!(%error, "a question could not be counted");
        }
    }

    /// Keeps a reported problem for a server's moderators. False if it could not be kept.
    pub fn keep_report(&self, place: &Place, report: &Report, now: i64) -> bool {
        let community = place.community.as_deref().unwrap_or_default();
        let days = self.settings(place).keep_days;
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = records.keep_report(community, report, now, days);
        if let Err(error) = &kept {
            tracing::error!(%error, "a reported problem could not be kept");
        }
        kept.is_ok()
    }
}
