//! Applies a server's settings to a question: where it may be asked, how often, and what is stored of it.

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

/// The number of channels that a rejection in another channel lists.
const MOST_NAMED: usize = 10;

/// The size of the cache of parents. A full cache is cleared.
const MOST_PARENTS: usize = 10_000;

/// A question that isn't answered.
pub struct Rejection {
    /// The text for the person.
    pub reason: String,
    /// True if the person was already told within the current minute.
    pub is_told: bool,
}

impl DiscordBot {
    /// Returns the settings of a place's server. In direct messages, and if the database fails, returns the defaults.
    pub fn settings(&self, place: &Place) -> CommunitySettings {
        let community = place.community.as_deref().unwrap_or_default();
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.settings(community).unwrap_or_else(|error| {
            tracing::error!(%error, "a server's settings could not be read, using the defaults");
            CommunitySettings::default()
        })
    }

    /// Returns the reason not to answer a question asked at `now`, in seconds since 1970, or `None` if it may be
    /// answered. `told` means that the person is told the reason.
    pub async fn rejection(
        &self,
        http: &Http,
        place: &Place,
        person: UserId,
        (text, now, told): (&str, i64, bool),
    ) -> Option<Rejection> {
        let settings = self.settings(place);
        let phrases = &Language::of(text).unwrap_or(Language::English).pack().phrases;
        // In direct messages only the limit per person applies.
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

    /// Returns true if the bot answers in a place: everywhere if the server lists no channels, otherwise in the listed
    /// channels and their threads. Also returns true if a channel's parent can't be looked up.
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

    /// Returns the channel of a thread, or the category of a channel.
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

    /// Caches the parent of a thread or channel.
    pub fn know_parent(&self, channel: ChannelId, parent: Option<ChannelId>) {
        let mut parents = self.parents.lock().unwrap_or_else(PoisonError::into_inner);
        if parents.len() >= MOST_PARENTS {
            parents.clear();
        }
        parents.insert(channel, parent);
    }

    /// Records that a command was used in a server's channel, so that its history is searched after an outage.
    pub fn remember_place(&self, id: u64, place: &Place, now: i64) {
        if place.community.as_deref().is_none_or(str::is_empty) {
            return;
        }
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = records.receive(&id.to_string(), place, now).and_then(|_| records.answer(&id.to_string(), None));
        if let Err(error) = kept {
            tracing::error!(%error, "a channel could not be recorded");
        }
    }

    /// Stores a message's unanswered questions for the server's moderators, without the author.
    pub fn keep_unanswered(&self, place: &Place, answered: &Answered, now: i64) {
        let Some(community) = place.community.as_deref().filter(|community| !community.is_empty()) else { return };
        for (question, question_key) in answered.unanswered() {
            let days = self.settings(place).keep_days;
            let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = records.keep_question(community, (&question, question_key), now, days) {
                tracing::error!(%error, "an unanswered question could not be stored");
            }
        }
    }

    /// Counts the outcome of a command's question in the server's statistics.
    pub fn count(&self, place: &Place, reply: &Reply, now: i64) {
        let Some(community) = place.community.as_deref().filter(|community| !community.is_empty()) else { return };
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = records.count(community, now, reply.tally()) {
            tracing::error!(%error, "a question could not be counted");
        }
    }

    /// Stores a report for the server's moderators. Returns false if the database fails.
    pub fn keep_report(&self, place: &Place, report: &Report, now: i64) -> bool {
        let community = place.community.as_deref().unwrap_or_default();
        let days = self.settings(place).keep_days;
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = records.keep_report(community, report, now, days);
        if let Err(error) = &kept {
            tracing::error!(%error, "a report could not be stored");
        }
        kept.is_ok()
    }
}
