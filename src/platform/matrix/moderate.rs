//! Moderators' commands in a room: `!fact …`, and the answers to their steps.

use routedesk_matrix::Event;

use super::hear::Message;
use super::lane::{Lane, Saying, now};
use crate::moderation::command::is_begun;
use crate::moderation::{Made, Right, Speaker};
use crate::store::handled::Place;
use crate::store::settings::Settings;
use crate::understanding::split::is_question;
use crate::wording::moderation as words;

/// For so long the next message of somebody is an answer to a step, in seconds; later one replies to the bot or names it.
const ANSWERED_WITHIN: i64 = 2 * 60;

/// What somebody who keeps the facts says.
pub enum Line {
    /// A command, without its exclamation mark.
    Command(String),
    /// An answer to a step that is open.
    Answer(String),
}

/// A command of those who keep the facts; none if a text is none. `!topics` and the like are everybody's.
fn command(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('!')?;
    is_begun(rest).then_some(rest)
}

impl Lane {
    /// What a message is to those who keep the facts; none if it is nothing to them.
    pub fn moderating(&self, event: &Event, message: &Message, place: &Place, is_for_me: bool) -> Option<Line> {
        if let Some(command) = command(&message.text) {
            return Some(Line::Command(command.to_owned()));
        }
        if message.text.starts_with('!') {
            return None;
        }
        let by = speaker(event, place, Right::Member);
        let waits_since = self.data.moderation.awaits_since(&by, now())?;
        let is_next = now() - waits_since <= ANSWERED_WITHIN && message.replies_to.is_none();
        // A change is made by a word that nobody says to others.
        let is_plain = || matches!(message.text.to_lowercase().as_str(), "confirm" | "cancel");
        let is_said = is_for_me || (is_next && (!self.data.moderation.awaits_a_yes(&by) || is_plain()));
        is_said.then(|| Line::Answer(message.text.clone()))
    }

    /// What is said to somebody who keeps the facts, or would like to.
    pub async fn moderated(&mut self, event: &Event, line: &Line, place: &Place) -> Saying {
        let settings = self.data.settings(&self.room);
        let right = self.right_of(event, place, &settings).await;
        if right == Right::Member
            && let Some(hindrance) =
                self.hindrance(place, &settings, (&event.sender, event.at_ms / 1_000), self.language, true)
        {
            return hindrance;
        }
        let by = speaker(event, place, right);
        let said = match line {
            Line::Command(line) => self.data.moderation.command(&by, line, now()),
            Line::Answer(text) => self.data.moderation.answer(&by, text, now()),
        };
        if said.made.is_some() {
            self.data.changed.notify_one();
        }
        if let (Some(made), Some(log)) = (&said.made, &settings.log_channel) {
            self.tell_of(log.clone(), &event.sender, made);
        }
        Saying::Text(said.text)
    }

    /// What a moderator says to a question that the bot could not answer: it can be made a fact, as the management room
    /// is told, too.
    pub async fn answered_by_hand(&self, event: &Event, message: &Message, place: &Place) -> Option<Saying> {
        let post = message.replies_to.as_ref().filter(|id| self.is_mine(id))?;
        let question = self.offered(post).await?.open.filter(|_| !is_question(&message.text))?;
        let settings = self.data.settings(&self.room);
        let by = speaker(event, place, self.right_of(event, place, &settings).await);
        let kept = self.data.moderation.keep_answer(&by, &question, &message.text, now())?;
        if let Some(log) = settings.log_channel {
            let text = format!("{} ({}, {})", kept.line, event.sender, self.room);
            self.announce(log, &text, format!("answered-{}", event.id));
        }
        Some(Saying::Text(kept.text))
    }

    /// What the sender of an event may do here at this moment.
    async fn right_of(&self, event: &Event, place: &Place, settings: &Settings) -> Right {
        if self.data.operators.contains(&event.sender) {
            return Right::Operator;
        }
        let may = place.community.is_some() && self.data.may_look_after(settings, &self.room, &event.sender).await;
        if may { Right::Moderator } else { Right::Member }
    }

    /// Tells the management room of a change.
    fn tell_of(&self, log: String, who: &str, made: &Made) {
        let text = format!("{} ({who}, {})", words::in_log(&made.line), self.room);
        self.announce(log, &text, format!("made-{}", made.revision));
    }

    fn announce(&self, log: String, text: &str, transaction: String) {
        let (data, text) = (std::sync::Arc::clone(&self.data), text.to_owned());
        tokio::spawn(async move {
            let part = super::render::texts(&text).swap_remove(0);
            let content = super::render::announcement(&part, &Settings::default());
            if let Err(error) = data.account.send(&log, "m.room.message", content, &transaction).await {
                tracing::warn!(what = %error, "the management room could not be told of a change");
            }
        });
    }
}

fn speaker(event: &Event, place: &Place, right: Right) -> Speaker {
    Speaker { who: event.sender.clone(), community: place.community.clone().unwrap_or_default(), right }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_those_who_keep_the_facts_begin_with_their_verbs() {
        for (text, expected) in [
            ("!fact show airline", Some("fact show airline")),
            ("!fact", Some("fact")),
            ("!Undo 3", Some("Undo 3")),
            ("!not known 1 why", Some("not known 1 why")),
            ("!confirm", Some("confirm")),
            ("!topics", None),
            ("!help", None),
            ("!desk queue", None),
            ("fact show airline", None),
            ("!", None),
        ] {
            assert_eq!(command(text), expected, "{text}");
        }
    }
}
