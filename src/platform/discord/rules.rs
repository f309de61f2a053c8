//! What a server sets, applied to a question: where it may be asked, how often, and what is kept of it.

use std::sync::PoisonError;

use serenity::all::{Channel, ChannelId, Http, UserId};

use super::Shared;
use super::send::kind;
use crate::desk::Heard;
use crate::language::Language;
use crate::platform::pace::{Limits, Wait};
use crate::store::handled::Place;
use crate::store::queue::Report;
use crate::store::settings::Settings;
use crate::understanding::Decision;

/// Why a question isn't answered.
pub struct Hindrance {
    /// What the person is told.
    pub reason: String,
    /// Whether they were told a short while ago.
    pub is_told: bool,
}

impl Shared {
    /// What the server of a place sets; in direct conversations what is shipped.
    pub fn settings(&self, place: &Place) -> Settings {
        let community = place.community.as_deref().unwrap_or_default();
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.settings(community).unwrap_or_else(|error| {
            tracing::error!(%error, "a server's settings could not be read");
            Settings::default()
        })
    }

    /// Why a question that somebody asks in a place at `now` isn't answered; none if it is.
    pub async fn hindrance(
        &self,
        http: &Http,
        place: &Place,
        person: UserId,
        text: &str,
        now: i64,
    ) -> Option<Hindrance> {
        let settings = self.settings(place);
        let phrases = &Language::of(text).unwrap_or(Language::English).pack().phrases;
        // In a direct conversation there is one person to count for.
        let of_place = if place.community.is_some() { settings.per_channel } else { 0 };
        let limits = Limits { person: settings.per_person, place: of_place };
        let wait = {
            let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.hold(person, place.channel.clone(), limits, now)
        };
        if let Some(Wait { seconds, of_place, is_told }) = wait {
            let phrase = if of_place { &phrases.too_much } else { &phrases.too_fast };
            return Some(Hindrance { reason: phrase.replace("{seconds}", &seconds.to_string()), is_told });
        }
        if !is_open(http, &settings, place).await {
            let channels: Vec<String> = settings.channels.iter().map(|id| format!("<#{id}>")).collect();
            return Some(Hindrance {
                reason: phrases.elsewhere.replace("{channels}", &channels.join(", ")),
                is_told: false,
            });
        }
        None
    }

    /// Keeps what of a message could not be answered, for the server's moderators and without its author.
    pub fn keep_unanswered(&self, place: &Place, heard: &Heard, now: i64) {
        let Some(community) = place.community.as_deref().filter(|community| !community.is_empty()) else { return };
        let is_open = |decision: &Decision| matches!(decision, Decision::Unknown { .. } | Decision::Choose(_));
        for trace in heard.traces.iter().filter(|trace| is_open(&trace.decision) && !trace.words.is_empty()) {
            let days = self.settings(place).keep_days;
            let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = records.keep_question(community, &trace.words.join(" "), now, days) {
                tracing::error!(%error, "a question without an answer could not be kept");
            }
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

/// Whether the bot answers in a place: in all channels if none is named, else in those and their threads.
async fn is_open(http: &Http, settings: &Settings, place: &Place) -> bool {
    let is_named = |id: &str| settings.channels.iter().any(|channel| channel == id);
    if settings.channels.is_empty() || place.community.is_none() || is_named(&place.channel) {
        return true;
    }
    let Ok(id) = place.channel.parse::<u64>() else { return false };
    match http.get_channel(ChannelId::new(id)).await {
        Ok(Channel::Guild(channel)) => channel.parent_id.is_some_and(|parent| is_named(&parent.to_string())),
        Ok(_) => false,
        Err(error) => {
            tracing::warn!(what = %kind(&error), "a channel could not be looked up");
            false
        }
    }
}
