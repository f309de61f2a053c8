//! Handles moderators' commands, with forms for missing fields, and buttons to confirm or cancel a change.
//!
//! Permissions are checked at each step.

use std::sync::Arc;
use std::time::Duration;

use serenity::all::{
    ActionRowComponent, AutocompleteChoice, ButtonStyle, CommandDataOptionValue, CommandInteraction,
    ComponentInteraction, CreateActionRow, CreateAutocompleteResponse, CreateButton, CreateInputText,
    CreateInteractionResponse, CreateModal, Http, InputTextStyle, ModalInteraction,
};

use super::commands::is_installed;
use super::respond::PendingInteraction;
use super::send::{is_forbidden, kind};
use super::slash::{LONGEST_HINT, option_name, read};
use super::{DiscordError, SharedDiscordBot, files, render};
use crate::moderation::command::{Field, Form, Verb};
use crate::moderation::{Actor, Moderation, Next, Permission, Response};
use crate::wording::moderation as words;

/// Discord's limits for a form: the number of fields, and the length of a label in characters.
const MOST_FIELDS: usize = 5;
const LONGEST_LABEL: usize = 45;

/// The time after which a response is deferred. Discord waits three seconds.
const PROMPT: Duration = Duration::from_millis(1_500);

/// Discord's limits for autocomplete: the number of suggestions, and the length of one in characters.
const MOST_SUGGESTIONS: usize = 25;
const LONGEST_SUGGESTION: usize = 100;

/// The prefix of the ids of these buttons and forms.
const MARK: &str = "moderate";

/// Handles a moderators' command. Returns false for any other command.
///
/// # Errors
/// If the request to Discord fails.
pub async fn on_command(
    http: &Http,
    bot: &SharedDiscordBot,
    command: &CommandInteraction,
) -> Result<bool, DiscordError> {
    let Some((grammar, options)) = read(command) else { return Ok(false) };
    let mut pending = PendingInteraction::new(http, &bot.requests, command.id, &command.token);
    let mut form = Form::new(grammar.verb);
    for option in options {
        let field = Field::ALL.into_iter().find(|field| option_name(*field) == option.name);
        if let (Some(field), CommandDataOptionValue::String(text)) = (field, &option.value) {
            form = form.with(field, text.clone());
        }
    }
    let installed = is_installed(&command.authorizing_integration_owners);
    let by = bot.actor(command.guild_id.filter(|_| installed), command.user.id, command.member.as_deref());
    let now = command.id.created_at().unix_timestamp();
    if let Some(reason) = bot.too_often(http, &by, &command.channel_id, command.user.id, now).await {
        return pending.tell(&reason).await.map(|()| true);
    }
    if matches!(grammar.verb, Verb::FactExport | Verb::FactImport) {
        return answer_later(pending, bot, &by, form, command).await.map(|()| true);
    }
    let actor = by.clone();
    let response = in_time(&mut pending, bot, move |moderation| moderation.form(&actor, form, now)).await;
    if let Next::Fill(fields) = &response.next
        && !pending.is_deferred
    {
        return pending.respond(modal(response.step, fields, grammar.about)).await.map(|()| true);
    }
    reply(&pending, bot, &by, response).await.map(|()| true)
}

/// Runs work that may take longer than Discord waits, and defers the response after [`PROMPT`].
async fn in_time(
    pending: &mut PendingInteraction<'_>,
    bot: &SharedDiscordBot,
    work: impl FnOnce(&Moderation) -> Response + Send + 'static,
) -> Response {
    let bot = Arc::clone(bot);
    let mut work = tokio::task::spawn_blocking(move || work(&bot.moderation));
    let prompt =
        if pending.is_deferred { Err(()) } else { tokio::time::timeout(PROMPT, &mut work).await.map_err(drop) };
    let outcome = match prompt {
        Ok(outcome) => outcome,
        Err(()) => {
            if !pending.is_deferred
                && let Err(error) = pending.defer().await
            {
                tracing::warn!(what = %kind(&error), "a response could not be deferred");
            }
            work.await
        }
    };
    outcome.unwrap_or_else(|_| Response { text: words::trouble(), ..Response::default() })
}

/// Handles a command that imports or exports a file. Defers the response at once, because a file may take longer than
/// Discord waits.
async fn answer_later(
    mut pending: PendingInteraction<'_>,
    bot: &SharedDiscordBot,
    by: &Actor,
    mut form: Form,
    command: &CommandInteraction,
) -> Result<(), DiscordError> {
    pending.defer().await?;
    // Without the permission to import it, a file isn't fetched.
    let attachment =
        files::attached(command, &option_name(Field::File)).filter(|_| by.permission >= by.required_permission());
    if let Some(attachment) = attachment {
        form = match bot.fetch(attachment).await {
            Ok(text) if text.trim().is_empty() => return pending.tell(&words::no_text()).await,
            Ok(text) => form.with(Field::File, text),
            Err(why) => return pending.tell(&why).await,
        };
    }
    let (actor, now) = (by.clone(), command.id.created_at().unix_timestamp());
    let response = in_time(&mut pending, bot, move |moderation| moderation.form(&actor, form, now)).await;
    match &response.file {
        // A form can't ask for a file.
        _ if matches!(response.next, Next::Fill(_)) => pending.tell(&response.text).await,
        // The complete list of changes, for the moderator to read before confirming.
        Some(file) if response.next == Next::Confirm => {
            if let Err(error) = pending.give(&words::all_changes(), files::as_attachment(file)).await {
                tracing::warn!(what = %kind(&error), "a file could not be sent");
                pending.tell(&if is_forbidden(&error) { words::may_not_give() } else { words::not_given() }).await?;
            }
            reply(&pending, bot, by, response).await
        }
        Some(file) => match pending.give(&render::escaped(&response.text), files::as_attachment(file)).await {
            Err(error) => {
                tracing::warn!(what = %kind(&error), "a file could not be sent");
                pending.tell(&if is_forbidden(&error) { words::may_not_give() } else { words::not_given() }).await
            }
            Ok(()) => Ok(()),
        },
        None => reply(&pending, bot, by, response).await,
    }
}

/// Completes a moderators' command. Returns false for any other command.
///
/// # Errors
/// If the request to Discord fails.
pub async fn on_autocomplete(
    http: &Http,
    bot: &SharedDiscordBot,
    command: &CommandInteraction,
) -> Result<bool, DiscordError> {
    let Some((_, options)) = read(command) else { return Ok(false) };
    let by = bot.actor(command.guild_id, command.user.id, command.member.as_deref());
    let typed = options.iter().find_map(|option| match &option.value {
        CommandDataOptionValue::Autocomplete { value, .. } => Some((option.name.as_str(), value.as_str())),
        _ => None,
    });
    let field = typed.and_then(|(name, _)| Field::ALL.into_iter().find(|field| option_name(*field) == name));
    let found = match (field, typed) {
        (Some(field), Some((_, typed))) if by.permission > Permission::Member => {
            bot.moderation.complete(&by, field, typed, MOST_SUGGESTIONS)
        }
        _ => Vec::new(),
    };
    let cut = |label: String| label.chars().take(LONGEST_SUGGESTION).collect::<String>();
    let choices = found.into_iter().map(|(label, id)| AutocompleteChoice::new(cut(label), id)).collect();
    let response = CreateAutocompleteResponse::new().set_choices(choices);
    let pending = PendingInteraction::new(http, &bot.requests, command.id, &command.token);
    pending.respond(CreateInteractionResponse::Autocomplete(response)).await.map(|()| true)
}

/// The action of a button or form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Press {
    /// Confirms (true) or cancels a step.
    Decide(u64, bool),
    /// Opens the form of a step.
    Fill(u64),
    /// Previews the undo of a revision.
    Undo(i64),
    /// Starts to turn a suggestion into a fact.
    Accept(i64),
}

impl Press {
    fn id(self) -> String {
        match self {
            Self::Decide(step, true) => format!("{MARK}:confirm:{step}"),
            Self::Decide(step, false) => format!("{MARK}:cancel:{step}"),
            Self::Fill(step) => format!("{MARK}:fill:{step}"),
            Self::Undo(revision) => format!("{MARK}:undo:{revision}"),
            Self::Accept(suggestion) => format!("{MARK}:accept:{suggestion}"),
        }
    }

    fn of(id: &str) -> Option<Self> {
        match id.split(':').collect::<Vec<_>>()[..] {
            [MARK, "confirm", step] => Some(Self::Decide(step.parse().ok()?, true)),
            [MARK, "cancel", step] => Some(Self::Decide(step.parse().ok()?, false)),
            [MARK, "fill", step] => Some(Self::Fill(step.parse().ok()?)),
            [MARK, "undo", revision] => Some(Self::Undo(revision.parse().ok()?)),
            [MARK, "accept", suggestion] => Some(Self::Accept(suggestion.parse().ok()?)),
            _ => None,
        }
    }
}

/// Handles a press of one of these buttons. Returns false for any other component.
///
/// # Errors
/// If the request to Discord fails.
pub async fn on_press(
    http: &Http,
    bot: &SharedDiscordBot,
    pressed: &ComponentInteraction,
) -> Result<bool, DiscordError> {
    let Some(press) = Press::of(&pressed.data.custom_id) else { return Ok(false) };
    let mut pending = PendingInteraction::of_press(http, &bot.requests, pressed);
    let installed = is_installed(&pressed.authorizing_integration_owners);
    let by = bot.actor(pressed.guild_id.filter(|_| installed), pressed.user.id, pressed.member.as_ref());
    let now = pressed.id.created_at().unix_timestamp();
    let actor = by.clone();
    let response = match press {
        Press::Decide(step, yes) => {
            let word = if yes { "confirm" } else { "cancel" };
            in_time(&mut pending, bot, move |moderation| moderation.answer_step(&actor, step, word, now)).await
        }
        Press::Undo(revision) => {
            let form = Form::new(Verb::Undo).with(Field::Revision, revision.to_string());
            in_time(&mut pending, bot, move |moderation| moderation.form(&actor, form, now)).await
        }
        Press::Accept(suggestion) => {
            let response = bot.moderation.accept_suggestion(&by, suggestion, now);
            if let Next::Fill(fields) = &response.next {
                return pending.respond(modal(response.step, fields, "")).await.map(|()| true);
            }
            response
        }
        Press::Fill(step) => {
            let fields = bot.moderation.asked(&by, step);
            if !fields.is_empty() {
                return pending.respond(modal(step, &fields, "")).await.map(|()| true);
            }
            bot.moderation.answer_step(&by, 0, "", now)
        }
    };
    reply(&pending, bot, &by, response).await.map(|()| true)
}

/// Handles a submitted form of a step. Returns false for any other form.
///
/// # Errors
/// If the request to Discord fails.
pub async fn on_form(http: &Http, bot: &SharedDiscordBot, filled: &ModalInteraction) -> Result<bool, DiscordError> {
    let Some(Press::Fill(step)) = Press::of(&filled.data.custom_id) else { return Ok(false) };
    let mut pending = PendingInteraction::new(http, &bot.requests, filled.id, &filled.token);
    let by = bot.actor(filled.guild_id, filled.user.id, filled.member.as_ref());
    let inputs = filled.data.components.iter().flat_map(|row| &row.components);
    let fields: Vec<(Field, String)> = inputs
        .filter_map(|input| match input {
            ActionRowComponent::InputText(input) => {
                let field = Field::ALL.into_iter().find(|field| option_name(*field) == input.custom_id)?;
                Some((field, input.value.clone().unwrap_or_default()))
            }
            _ => None,
        })
        .collect();
    let (actor, now) = (by.clone(), filled.id.created_at().unix_timestamp());
    let response = in_time(&mut pending, bot, move |moderation| moderation.fill(&actor, step, &fields, now)).await;
    reply(&pending, bot, &by, response).await.map(|()| true)
}

/// Builds the form of a step.
fn modal(step: u64, fields: &[Field], about: &str) -> CreateInteractionResponse {
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let rows = fields.iter().take(MOST_FIELDS).enumerate().map(|(at, field)| {
        let style = if field.longest() > 120 { InputTextStyle::Paragraph } else { InputTextStyle::Short };
        let input = CreateInputText::new(style, cut(&words::label(*field), LONGEST_LABEL), option_name(*field))
            .placeholder(cut(&words::prompt_text(*field), LONGEST_HINT))
            .max_length(field.longest() as u16)
            // The value of the first field decides which others are required.
            .required(at == 0);
        CreateActionRow::InputText(input)
    });
    let title = if about.is_empty() { words::form_title() } else { words::label_of(about) };
    let modal = CreateModal::new(Press::Fill(step).id(), cut(&title, LONGEST_LABEL)).components(rows.collect());
    CreateInteractionResponse::Modal(modal)
}

/// Sends a response to the moderator alone, with buttons for the next step. Reports a committed change in the log
/// channel.
async fn reply(
    pending: &PendingInteraction<'_>,
    bot: &SharedDiscordBot,
    by: &Actor,
    response: Response,
) -> Result<(), DiscordError> {
    let button = |press: Press, label: String, style| CreateButton::new(press.id()).label(label).style(style);
    let rows = match &response.next {
        Next::Nothing => Vec::new(),
        Next::Confirm => vec![CreateActionRow::Buttons(vec![
            button(Press::Decide(response.step, true), words::label_of("confirm"), ButtonStyle::Primary),
            button(Press::Decide(response.step, false), words::label_of("cancel"), ButtonStyle::Secondary),
        ])],
        Next::Fill(_) => {
            vec![CreateActionRow::Buttons(vec![button(
                Press::Fill(response.step),
                words::fill_in(),
                ButtonStyle::Primary,
            )])]
        }
    };
    let parts = render::split(&render::escaped(&response.text));
    let (last, first) =
        parts.split_last().map(|(last, first)| (vec![last.clone()], first.to_vec())).unwrap_or_default();
    let told = match first.is_empty() {
        true => pending.say(&last, rows, &[], true).await,
        // The buttons go under the last part.
        false => pending.say_with_last(&first, &last[0], rows).await,
    };
    // The change is committed even if the response could not be sent.
    if let Some(committed) = &response.committed {
        bot.changed.notify_one();
        bot.tell_of(pending.http, by, committed).await;
    }
    told
}

/// Returns the id of a button that previews the undo of a revision.
pub fn id_of_undo(revision: i64) -> String {
    Press::Undo(revision).id()
}

/// Builds the row with the button that turns a suggestion into a fact.
pub fn to_accept(suggestion: i64) -> Vec<CreateActionRow> {
    let button =
        CreateButton::new(Press::Accept(suggestion).id()).label(words::make_it_a_fact()).style(ButtonStyle::Primary);
    vec![CreateActionRow::Buttons(vec![button])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_forged_ones_do_nothing() {
        for press in
            [Press::Decide(7, true), Press::Decide(0, false), Press::Fill(u64::MAX), Press::Undo(12), Press::Accept(3)]
        {
            assert_eq!(Press::of(&press.id()), Some(press));
        }
        for id in [
            "",
            "moderate",
            "moderate:confirm",
            "moderate:confirm:x",
            "moderate:undo:-",
            "topic:1:2",
            "moderate:drop:1",
        ] {
            assert_eq!(Press::of(id), None, "{id}");
        }
    }
}
