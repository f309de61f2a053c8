//! Handles moderators' commands in a room, such as `!fact …`, and the answers to their steps.

use std::sync::Arc;

use routedesk_matrix::Event;
use serde_json::{Value, json};

use super::incoming::{self, MARK, Message, ModeratorReaction};
use super::room_worker::{AnsweredQuestion, OutgoingEvent, RoomWorker, answering, now};
use super::{SharedMatrixBot, render};
use crate::moderation::command::{Field, Form, Verb, is_begun};
use crate::moderation::{Actor, ByHand, CommittedChange, Next, Permission, Response};
use crate::store::handled::Place;
use crate::store::settings::CommunitySettings;
use crate::understanding::split::is_question;
use crate::wording::moderation as words;

/// The time within which a person's next message counts as the answer to a step, in seconds. Later, only a message that
/// is addressed to the bot does.
const ANSWERED_WITHIN: i64 = 2 * 60;

/// A moderator's input.
pub enum ModeratorInput {
    /// A command without its exclamation mark.
    Command(String),
    /// An answer to the open step.
    Answer(String),
    /// A file, for a step that asks for one.
    File,
}

/// Returns a moderators' command without its exclamation mark. `None` for other text, and for everybody's commands such
/// as `!topics`.
fn command(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('!')?;
    is_begun(rest).then_some(rest)
}

impl RoomWorker {
    /// Reads the moderator's input in a message. `None` if the message is something else.
    pub fn moderating(
        &self,
        event: &Event,
        message: &Message,
        place: &Place,
        is_for_me: bool,
    ) -> Option<ModeratorInput> {
        if let Some(command) = command(&message.text) {
            return Some(ModeratorInput::Command(command.to_owned()));
        }
        if message.text.starts_with('!') {
            return None;
        }
        let by = actor(event, place, Permission::Member);
        let waits_since = self.bot.moderation.awaits_since(&by, now())?;
        let is_next = now() - waits_since <= ANSWERED_WITHIN && message.replies_to.is_none();
        let awaits_a_file = self.bot.moderation.awaits_a_file(&by);
        if message.file.is_some() && (awaits_a_file || message.text.is_empty()) {
            return ((is_for_me || is_next) && awaits_a_file).then_some(ModeratorInput::File);
        }
        // A confirmation that isn't addressed to the bot must be one of two words that nobody says to others.
        let is_plain = || matches!(message.text.to_lowercase().as_str(), "confirm" | "cancel");
        let is_open = !awaits_a_file && !self.bot.moderation.awaits_a_yes(&by);
        let is_said = is_for_me || (is_next && (is_open || is_plain()));
        is_said.then(|| ModeratorInput::Answer(message.text.clone()))
    }

    /// Handles a moderator's input, or that of a person without the permission, and returns the response.
    pub async fn moderated(
        &mut self,
        event: &Event,
        message: &Message,
        line: &ModeratorInput,
        place: &Place,
    ) -> OutgoingEvent {
        let settings = self.bot.settings(&self.room);
        let permission = self.permission_of(event, place, &settings).await;
        if permission == Permission::Member
            && let Some(rejection) =
                self.rejection(place, &settings, (&event.sender, event.at_ms / 1_000), self.language, true)
        {
            return rejection;
        }
        let by = actor(event, place, permission);
        let response = match self.done(&by, message, line).await {
            Ok(response) => response,
            Err(why) => {
                // Close the step that was open before, so that a later yes doesn't confirm it.
                self.bot.moderation.leave(&by);
                return OutgoingEvent::Text(why);
            }
        };
        if response.committed.is_some() {
            self.bot.changed.notify_one();
        }
        if let Some(committed) = &response.committed {
            self.tell_of(&self.room, &settings, &by, committed);
        }
        match response.file {
            Some(file) => OutgoingEvent::File(response.text, file),
            None => OutgoingEvent::Text(response.text),
        }
    }

    /// Executes a moderator's input.
    ///
    /// # Errors
    /// A text for the person, if the file that is needed can't be read.
    async fn done(&self, by: &Actor, message: &Message, line: &ModeratorInput) -> Result<Response, String> {
        let moderation = &self.bot.moderation;
        let form = if let ModeratorInput::Command(line) = line { Form::parse(line).ok() } else { None };
        match (line, form) {
            (_, Some(mut form)) if form.verb == Verb::FactImport => {
                // The command may hold the file's name, which isn't its text.
                form.fields.remove(&Field::File);
                let form = form.with(Field::File, self.file_of(by, message).await?.unwrap_or_default());
                Ok(self.aside(by, move |bot, by| bot.moderation.form(by, form, now())).await)
            }
            (ModeratorInput::Command(line), _) => Ok(moderation.command(by, line, now())),
            (ModeratorInput::Answer(text), _) => Ok(moderation.answer(by, text, now())),
            (ModeratorInput::File, _) => {
                let text = self.file_of(by, message).await?.unwrap_or_default();
                Ok(self.aside(by, move |bot, by| bot.moderation.answer(by, &text, now())).await)
            }
        }
    }

    /// Runs slow work on a thread of its own, so that the other rooms don't wait for it.
    async fn aside(
        &self,
        by: &Actor,
        what: impl FnOnce(&SharedMatrixBot, &Actor) -> Response + Send + 'static,
    ) -> Response {
        let (bot, by) = (Arc::clone(&self.bot), by.clone());
        let response = tokio::task::spawn_blocking(move || what(&bot, &by)).await;
        response.unwrap_or_else(|_| Response { text: words::trouble(), ..Response::default() })
    }

    /// Fetches the text of the file that a message is or replies to. `None` if there is no file, or if the person may
    /// not import one; then nothing is fetched.
    ///
    /// # Errors
    /// A text for the person, if the file is too long, can't be fetched, or isn't UTF-8.
    async fn file_of(&self, by: &Actor, message: &Message) -> Result<Option<String>, String> {
        if by.permission < by.required_permission() {
            return Ok(None);
        }
        let file = match (&message.file, &message.replies_to) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(id)) => {
                let original = self.bot.account.event(&self.room, id).await;
                incoming::file(&original.map_err(|_| words::not_fetched())?.content)
            }
            (None, None) => None,
        };
        let Some(file) = file else { return Ok(None) };
        let most = Field::File.longest();
        if file["info"]["size"].as_u64().is_some_and(|size| size > most as u64) {
            return Err(words::too_long(Field::File));
        }
        let bytes = self.bot.account.download(&file, most).await.map_err(|error| {
            tracing::warn!(what = %error, "a file could not be fetched");
            if error.may_pass { words::not_fetched() } else { words::unreadable() }
        })?;
        String::from_utf8(bytes).map(Some).map_err(|_| words::no_text())
    }

    /// Stores a moderator's reply to an unanswered question as a possible fact, and reports it in the management room.
    /// `None` if the message is something else.
    pub async fn answered_by_hand(&self, event: &Event, message: &Message, place: &Place) -> Option<OutgoingEvent> {
        let post = message.replies_to.as_ref().filter(|id| self.is_mine(id))?;
        let question = self.offered(post).await?.open.filter(|_| !is_question(&message.text))?;
        let settings = self.bot.settings(&self.room);
        let by = actor(event, place, self.permission_of(event, place, &settings).await);
        let kept = match self.bot.moderation.keep_answer(&by, &question, &message.text, now()) {
            ByHand::Kept(kept) => kept,
            ByHand::Refused(why) => return Some(OutgoingEvent::Text(why)),
            ByHand::Ordinary => return None,
        };
        if let Some(log) = settings.log_channel {
            let text = format!("{} ({}, {})", kept.line, event.sender, self.room);
            self.announce(log, &text, format!("answered-{}", event.id));
        }
        Some(OutgoingEvent::Text(format!("{} {}", kept.text, words::how_to_accept())))
    }

    /// Returns the current permission of an event's sender in this room.
    async fn permission_of(&self, event: &Event, place: &Place, settings: &CommunitySettings) -> Permission {
        let permission = self.bot.permission_of(settings, &self.room, &event.sender).await;
        // In a direct chat everybody has a high power level, so only operators may edit facts there.
        if place.community.is_none() && permission < Permission::Operator { Permission::Member } else { permission }
    }

    /// Reports a change of a room's facts in the management room, with a reaction to undo it.
    fn tell_of(&self, room: &str, settings: &CommunitySettings, by: &Actor, committed: &CommittedChange) {
        let Some(log) = settings.log_channel.clone() else { return };
        let text = format!("{} ({}, {room})", words::in_log(&committed.line), by.who);
        let mark = json!({"undo": committed.revision, "room": room, "community": by.community});
        let (bot, transaction) = (Arc::clone(&self.bot), format!("made-{}", committed.revision));
        tokio::spawn(async move {
            let mut content = render::announcement(&render::texts(&text).swap_remove(0), &CommunitySettings::default());
            content[MARK] = mark;
            let Some(post) = announce(&bot, &log, content, &transaction).await else { return };
            bot.recorded("a post could not be recorded", |records| {
                records.keep_post(&post, &log, (&transaction, 0), now())
            });
            let undo = render::reaction(&post, ModeratorReaction::Undo.emoji());
            let _ = bot.account.send(&log, "m.reaction", undo, &format!("key-{post}-undo")).await;
        });
    }

    /// Posts a text in the management room.
    fn announce(&self, log: String, text: &str, transaction: String) {
        let (bot, text) = (Arc::clone(&self.bot), text.to_owned());
        tokio::spawn(async move {
            let content = render::announcement(&render::texts(&text).swap_remove(0), &CommunitySettings::default());
            announce(&bot, &log, content, &transaction).await;
        });
    }

    /// Handles a moderator's reaction in the management room. The permission is checked in the room that the message is
    /// about.
    pub async fn on_moderator_reaction(&mut self, event: &Event, post: &str, sign: ModeratorReaction) {
        if !self.is_mine(post) {
            return;
        }
        let Ok(original) = self.bot.account.event(&self.room, post).await else { return };
        let mark = &original.content[MARK];
        let (Some(room), Some(community)) = (mark["room"].as_str(), mark["community"].as_str()) else { return };
        let is_mine = original.sender == self.bot.account.user();
        let settings = self.bot.settings(room);
        // The room may belong to another community by now.
        let is_so_still = community.is_empty() || settings.space.as_deref().unwrap_or(room) == community;
        if !is_mine || !is_so_still || !self.take_on(&event.id, &self.place().await, event.at_ms / 1_000) {
            return;
        }
        let by = Actor {
            who: event.sender.clone(),
            community: community.to_owned(),
            permission: self.bot.permission_of(&settings, room, &event.sender).await,
        };
        let moderation = &self.bot.moderation;
        let response = match (sign, mark["undo"].as_i64(), mark["step"].as_u64()) {
            (ModeratorReaction::Undo, Some(revision), _) => {
                moderation.form(&by, Form::new(Verb::Undo).with(Field::Revision, revision.to_string()), now())
            }
            (ModeratorReaction::Confirm, _, Some(step)) => moderation.answer_step(&by, step, "confirm", now()),
            (ModeratorReaction::Cancel, _, Some(step)) => moderation.answer_step(&by, step, "cancel", now()),
            _ => return self.mark_answered(&event.id, None),
        };
        if let Some(committed) = &response.committed {
            self.bot.changed.notify_one();
            self.tell_of(room, &settings, &by, committed);
        }
        self.answer_moderator_reaction(
            event,
            post,
            &response,
            json!({"step": response.step, "room": room, "community": community}),
        )
        .await;
        self.mark_answered(&event.id, None);
    }

    /// Replies to a moderator's reaction, with reactions for the next step.
    async fn answer_moderator_reaction(&self, event: &Event, post: &str, response: &Response, mark: Value) {
        let settings = self.bot.settings(&self.room);
        let rendered = self.rendered(OutgoingEvent::Text(response.text.clone()));
        let question = AnsweredQuestion {
            id: &event.id,
            replies_to: post,
            transaction: &event.id,
            asker: &event.sender,
            thread: None,
            at: now(),
        };
        let mut last = None;
        for (at, part) in rendered.parts.iter().enumerate() {
            let mut content = render::content(part, answering(&question, &rendered), &settings);
            content[MARK] = mark.clone();
            match self.send(content, &format!("answer-{}-{at}", event.id)).await {
                Ok(id) => {
                    self.keep_post(&id, (&event.id, at), now());
                    last = Some(id);
                }
                Err(error) => return tracing::error!(what = %error, "a moderator's reaction could not be answered"),
            }
        }
        let (Some(post), Next::Confirm) = (last, &response.next) else { return };
        for sign in [ModeratorReaction::Confirm, ModeratorReaction::Cancel] {
            let content = render::reaction(&post, sign.emoji());
            let _ = self.bot.account.send(&self.room, "m.reaction", content, &format!("key-{post}-{sign:?}")).await;
        }
    }
}

/// Posts a message that replies to nothing, and returns its id. `None` if that fails.
async fn announce(bot: &SharedMatrixBot, room: &str, content: Value, transaction: &str) -> Option<String> {
    let said = bot.account.send(room, "m.room.message", content, transaction).await;
    said.inspect_err(|error| tracing::warn!(what = %error, "a message could not be posted in the management room")).ok()
}

fn actor(event: &Event, place: &Place, permission: Permission) -> Actor {
    Actor { who: event.sender.clone(), community: place.community.clone().unwrap_or_default(), permission }
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
