//! Moderators' commands: forms for what is missing, buttons for yes and no. Who may is looked at each time.

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

/// The most fields that a form of Discord has, and the longest label and hint of one, in letters.
const MOST_FIELDS: usize = 5;
const LONGEST_LABEL: usize = 45;

/// How long an answer may take before Discord is told that it takes a while: Discord itself waits three seconds.
const PROMPT: Duration = Duration::from_millis(1_500);

/// How many suggestions Discord takes, and how long each may be.
const MOST_SUGGESTIONS: usize = 25;
const LONGEST_SUGGESTION: usize = 100;

/// What the ids of our buttons and forms begin with.
const MARK: &str = "moderate";

/// Answers a command; false if it isn't one of these.
///
/// # Errors
/// If Discord refuses.
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

/// Does what may take longer than Discord waits for an answer: where it does, Discord is told.
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
                tracing::warn!(what = %kind(&error), "Discord could not be told that an answer takes a while");
            }
            work.await
        }
    };
    outcome.unwrap_or_else(|_| Response { text: words::trouble(), ..Response::default() })
}

/// Answers a command that is about a file: fetching or giving one takes longer than Discord waits.
async fn answer_later(
    mut pending: PendingInteraction<'_>,
    bot: &SharedDiscordBot,
    by: &Actor,
    mut form: Form,
    command: &CommandInteraction,
) -> Result<(), DiscordError> {
    pending.defer().await?;
    // What somebody may not bring in isn't fetched.
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
        // No form can ask for a file.
        _ if matches!(response.next, Next::Fill(_)) => pending.tell(&response.text).await,
        // What is shown before a yes, whole.
        Some(file) if response.next == Next::Confirm => {
            if let Err(error) = pending.give(&words::all_changes(), files::as_attachment(file)).await {
                tracing::warn!(what = %kind(&error), "a file could not be given");
                pending.tell(&if is_forbidden(&error) { words::may_not_give() } else { words::not_given() }).await?;
            }
            reply(&pending, bot, by, response).await
        }
        Some(file) => match pending.give(&render::escaped(&response.text), files::as_attachment(file)).await {
            Err(error) => {
                tracing::warn!(what = %kind(&error), "a file could not be given");
                pending.tell(&if is_forbidden(&error) { words::may_not_give() } else { words::not_given() }).await
            }
            Ok(()) => Ok(()),
        },
        None => reply(&pending, bot, by, response).await,
    }
}

/// Completes what is typed; false if it belongs to another command.
///
/// # Errors
/// If Discord refuses.
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

/// What a button of ours does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Press {
    /// Makes the change of a step, or doesn't.
    Decide(u64, bool),
    /// Opens the form of a step.
    Fill(u64),
    /// Looks at taking a revision back.
    Undo(i64),
    /// Begins to make a suggestion a fact.
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

/// Does what a button stands for; false if it isn't one of these.
///
/// # Errors
/// If Discord refuses.
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

/// Takes what was written into a form; false if it isn't one of these.
///
/// # Errors
/// If Discord refuses.
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

/// The form of a step.
fn modal(step: u64, fields: &[Field], about: &str) -> CreateInteractionResponse {
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let rows = fields.iter().take(MOST_FIELDS).enumerate().map(|(at, field)| {
        let style = if field.longest() > 120 { InputTextStyle::Paragraph } else { InputTextStyle::Short };
        let input = CreateInputText::new(style, cut(&words::label(*field), LONGEST_LABEL), option_name(*field))
            .placeholder(cut(&words::prompt_text(*field), LONGEST_HINT))
            .max_length(field.longest() as u16)
            // What the others need is known only once the first is there.
            .required(at == 0);
        CreateActionRow::InputText(input)
    });
    let title = if about.is_empty() { words::form_title() } else { words::label_of(about) };
    let modal = CreateModal::new(Press::Fill(step).id(), cut(&title, LONGEST_LABEL)).components(rows.collect());
    CreateInteractionResponse::Modal(modal)
}

/// Says it to the moderator alone, with what they can do next; a change that was made is told in the log channel.
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
        // The buttons stand under the last part, where they are read.
        false => pending.say_with_last(&first, &last[0], rows).await,
    };
    // What was made is made, whether or not its maker hears of it.
    if let Some(committed) = &response.committed {
        bot.changed.notify_one();
        bot.tell_of(pending.http, by, committed).await;
    }
    told
}

/// The id of a button by which a revision is looked at for taking it back.
pub fn id_of_undo(revision: i64) -> String {
    Press::Undo(revision).id()
}

/// The button by which those who moderate make a suggestion a fact.
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
