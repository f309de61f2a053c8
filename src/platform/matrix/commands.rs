//! Executes the commands that everybody has in a room, and `!desk`, the settings of the room.

use std::fmt::Write as _;

use super::{MatrixBot, PLATFORM};
use crate::facts::{Facts, Topic};
use crate::language::{Language, Phrases};
use crate::moderation::Permission;
use crate::store::handled::Place;
use crate::store::settings::CommunitySettings;
use crate::wording;

/// The number of questions, and of reports, that `!desk queue` shows.
const MOST_SHOWN: u32 = 20;

/// The largest values of settings: questions per minute, power level, and days of storage.
const MOST_A_MINUTE: u32 = 10_000;
const HIGHEST_LEVEL: i64 = 100;
const LONGEST_KEPT: u32 = 365;

impl MatrixBot {
    /// Executes a command with its arguments, `rest`, and returns the text of the reply.
    pub async fn obey(&self, (command, rest): (&str, &str), language: Language, place: &Place, who: &str) -> String {
        let (phrases, room) = (&language.pack().phrases, place.channel.as_str());
        match command {
            "help" => phrases.room_help.clone(),
            "privacy" => phrases.room_privacy.clone(),
            "desk" => self.look_after(rest, phrases, room, who).await,
            _ => match self.desk.facts_of(&place.scope(PLATFORM)) {
                Ok((facts, _)) if command == "topics" => topics(&facts, rest, language),
                Ok((facts, _)) => facts.sources.iter().map(wording::source_in_list).collect::<Vec<_>>().join("\n"),
                Err(error) => {
                    tracing::error!(%error, "the facts could not be read");
                    phrases.trouble.clone()
                }
            },
        }
    }

    /// Executes `!desk`: shows or changes the settings of a room, or lists the queue for its moderators.
    async fn look_after(&self, rest: &str, phrases: &Phrases, room: &str, who: &str) -> String {
        let settings = self.settings(room);
        if !self.may_look_after(&settings, room, who).await {
            return phrases.room_not_allowed.replace("{level}", &settings.level.to_string());
        }
        let words: Vec<String> = rest.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let shown = match words[..] {
            ["set", "log", _] => {
                let log = rest.split_whitespace().next_back().unwrap_or_default();
                self.set_log(log, phrases, (room, who)).await
            }
            ["set", "space", _] => {
                let space = rest.split_whitespace().next_back().unwrap_or_default();
                self.bind(space, phrases, (room, who))
            }
            ["queue"] => self.queue(phrases, settings.space.as_deref().unwrap_or(room)),
            ["set", key, value] => match change(settings, key, value) {
                Some(new) => self
                    .recorded("a room's settings could not be stored", |records| records.set(room, |old| *old = new))
                    .map(|settings| in_words(&settings, phrases)),
                None => Some(phrases.room_usage.clone()),
            },
            [] | ["settings"] => Some(in_words(&settings, phrases)),
            _ => Some(phrases.room_usage.clone()),
        };
        shown.unwrap_or_else(|| phrases.trouble.clone())
    }

    /// Sets the room's management room, which is told of changes. The bot must be in it, and the same person must
    /// manage it.
    async fn set_log(&self, log: &str, phrases: &Phrases, (room, who): (&str, &str)) -> Option<String> {
        let is_off = matches!(log, "off" | "no");
        let there = self.settings(log);
        let is_in = self.account.rooms().iter().any(|known| known == log);
        let may = is_off || (is_in && self.may_look_after(&there, log, who).await);
        if !may {
            return Some(phrases.room_log_unknown.clone());
        }
        let kept = self.recorded("a room's settings could not be stored", |records| {
            records.set(room, |settings| settings.log_channel = (!is_off).then(|| log.to_owned()))
        })?;
        let warning = (!is_off && self.account.is_public(log)).then(|| phrases.room_log_public.clone());
        Some(warning.into_iter().chain([in_words(&kept, phrases)]).collect::<Vec<_>>().join("\n"))
    }

    /// Returns true if a person may manage a room: by their power level there, or as an operator.
    pub async fn may_look_after(&self, settings: &CommunitySettings, room: &str, who: &str) -> bool {
        let is_operator = || self.operators.iter().any(|operator| operator == who);
        is_operator() || self.account.level(room, who).await.is_ok_and(|level| level >= settings.level)
    }

    /// Returns a person's current permission to edit the facts of a room.
    pub async fn permission_of(&self, settings: &CommunitySettings, room: &str, who: &str) -> Permission {
        if self.operators.iter().any(|operator| operator == who) {
            return Permission::Operator;
        }
        if self.may_look_after(settings, room, who).await { Permission::Moderator } else { Permission::Member }
    }

    /// Binds a room to a space, whose rooms share their changes. Only operators may, because a room can claim to be in
    /// any space.
    fn bind(&self, space: &str, phrases: &Phrases, (room, who): (&str, &str)) -> Option<String> {
        if !self.operators.iter().any(|operator| operator == who) {
            return Some(phrases.room_space_not_allowed.clone());
        }
        let is_off = matches!(space, "off" | "no");
        let is_room = space.starts_with('!') && space.len() > 2;
        if !is_off && !is_room {
            return Some(phrases.room_usage.clone());
        }
        self.recorded("a room's settings could not be stored", |records| {
            records.set(room, |settings| settings.space = (!is_off).then(|| space.to_owned()))
        })
        .map(|settings| in_words(&settings, phrases))
    }

    fn queue(&self, phrases: &Phrases, room: &str) -> Option<String> {
        let (questions, reports) = self.recorded("a room's queue could not be read", |records| {
            Ok((records.questions(room, MOST_SHOWN)?, records.reports(room, MOST_SHOWN)?))
        })?;
        let mut text =
            if questions.is_empty() { &phrases.queue_no_questions } else { &phrases.queue_questions }.clone();
        for unanswered in questions {
            let _ = write!(text, "\n{}× {}", unanswered.count, unanswered.text);
        }
        for (_, report) in reports {
            let _ = write!(text, "\n{}: {}", report.topics, report.text);
        }
        Some(text)
    }
}

/// Returns the settings with one changed. `None` for an unknown setting or an invalid value.
fn change(mut settings: CommunitySettings, key: &str, value: &str) -> Option<CommunitySettings> {
    let number = |most: u32| value.parse::<u32>().ok().filter(|number| *number <= most);
    let switch = || match value {
        "on" | "yes" => Some(true),
        "off" | "no" => Some(false),
        _ => None,
    };
    match key {
        "person" => settings.per_person = number(MOST_A_MINUTE)?,
        "room" => settings.per_channel = number(MOST_A_MINUTE)?,
        "days" => settings.keep_days = number(LONGEST_KEPT).filter(|days| *days > 0)?,
        // A level that nobody has would lock everybody out.
        "level" => settings.level = value.parse().ok().filter(|level| (1..=HIGHEST_LEVEL).contains(level))?,
        "mention" => settings.mention = switch()?,
        "text" => settings.as_text = switch()?,
        "removal" => settings.follow_removal = switch()?,
        _ => return None,
    }
    Some(settings)
}

fn in_words(settings: &CommunitySettings, phrases: &Phrases) -> String {
    let number = |number: u32| if number == 0 { phrases.set_any.clone() } else { number.to_string() };
    let either = |is: bool, yes: &str, no: &str| if is { yes.to_owned() } else { no.to_owned() };
    let limits = phrases.room_limits.replace("{person}", &number(settings.per_person));
    [
        limits.replace("{channel}", &number(settings.per_channel)),
        either(settings.mention, &phrases.room_mention_yes, &phrases.room_mention_no),
        either(settings.as_text, &phrases.room_text_yes, &phrases.room_text_no),
        either(settings.follow_removal, &phrases.room_removal_yes, &phrases.room_removal_no),
        phrases.set_days.replace("{days}", &settings.keep_days.to_string()),
        phrases.room_level.replace("{level}", &settings.level.to_string()),
        match &settings.space {
            Some(space) => phrases.room_space.replace("{space}", space),
            None => phrases.room_no_space.clone(),
        },
        match &settings.log_channel {
            Some(log) => phrases.set_log.replace("{channel}", log),
            None => phrases.set_no_log.clone(),
        },
        phrases.room_usage.clone(),
    ]
    .join("\n")
}

/// Lists the subjects that have answered topics, or the topics of one subject by its number.
fn topics(facts: &Facts, rest: &str, language: Language) -> String {
    let phrases = &language.pack().phrases;
    let answered: Vec<_> =
        facts.subjects.iter().filter(|subject| subject.topics.iter().any(|topic| !topic.is_silent())).collect();
    let chosen = rest.parse::<usize>().ok().and_then(|number| answered.get(number.checked_sub(1)?));
    let Some(subject) = chosen else {
        let lines = answered.iter().enumerate().map(|(at, subject)| format!("{}. {}", at + 1, subject.title));
        let lines = lines.collect::<Vec<_>>().join("\n");
        return format!("{}\n{lines}\n{}", phrases.subjects, phrases.room_topics);
    };
    let title = |topic: &Topic| {
        let said = language.pack().topic(&topic.id).map(|said| said.title.clone());
        said.unwrap_or_else(|| topic.title.clone())
    };
    let lines = subject.topics.iter().filter(|topic| !topic.is_silent()).map(|topic| format!("· {}", title(topic)));
    format!("{}\n{}", subject.title, lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::text;

    #[test]
    fn settings_are_changed_one_by_one() {
        let changed = |key: &str, value: &str| change(CommunitySettings::default(), key, value);
        assert_eq!(changed("person", "3").unwrap().per_person, 3);
        assert_eq!(changed("room", "0").unwrap().per_channel, 0);
        assert!(changed("mention", "on").unwrap().mention);
        assert!(!changed("text", "off").unwrap().as_text);
        assert_eq!(changed("level", "75").unwrap().level, 75);
        for (key, value) in [("person", "-1"), ("days", "0"), ("level", "101"), ("text", "maybe"), ("colour", "red")] {
            assert_eq!(changed(key, value), None, "{key} {value}");
        }
    }

    #[test]
    fn every_subject_is_listed_with_its_topics() {
        let facts = text::shipped();
        let list = topics(&facts, "", Language::English);
        assert!(list.contains("\n1. ") && list.ends_with("of a subject."), "{list}");
        assert_eq!(topics(&facts, "99", Language::English), list);
        let first = topics(&facts, "1", Language::Russian);
        assert!(first.lines().count() > 2 && first.lines().skip(1).all(|line| line.starts_with("· ")), "{first}");
    }
}
