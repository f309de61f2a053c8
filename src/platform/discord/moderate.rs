//! Moderators' commands: forms for what is missing, buttons for yes and no. Who may is looked at each time.

use std::sync::Arc;
use std::time::Duration;

use serenity::all::{
    ActionRowComponent, AutocompleteChoice, ButtonStyle, CommandDataOptionValue, CommandInteraction,
    ComponentInteraction, CreateActionRow, CreateAutocompleteResponse, CreateButton, CreateInputText,
    CreateInteractionResponse, CreateModal, Http, InputTextStyle, ModalInteraction,
};

use super::commands::is_installed;
use super::respond::Waiting;
use super::send::{is_forbidden, kind};
use super::slash::{LONGEST_HINT, option_name, read};
use super::{Data, Error, files, render};
use crate::moderation::command::{Field, Form, Verb};
use crate::moderation::{Moderation, Next, Right, Said, Speaker};
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
pub async fn on_command(http: &Http, data: &Data, command: &CommandInteraction) -> Result<bool, Error> {
    let Some((grammar, options)) = read(command) else { return Ok(false) };
    let mut waiting = Waiting::new(http, &data.outgoing, command.id, &command.token);
    let mut form = Form::new(grammar.verb);
    for option in options {
        let field = Field::ALL.into_iter().find(|field| option_name(*field) == option.name);
        if let (Some(field), CommandDataOptionValue::String(text)) = (field, &option.value) {
            form = form.with(field, text.clone());
        }
    }
    let installed = is_installed(&command.authorizing_integration_owners);
    let by = data.speaker(command.guild_id.filter(|_| installed), command.user.id, command.member.as_deref());
    let now = command.id.created_at().unix_timestamp();
    if let Some(reason) = data.too_often(http, &by, &command.channel_id, command.user.id, now).await {
        return waiting.tell(&reason).await.map(|()| true);
    }
    if matches!(grammar.verb, Verb::FactExport | Verb::FactImport) {
        return answer_later(waiting, data, &by, form, command).await.map(|()| true);
    }
    let speaker = by.clone();
    let said = in_time(&mut waiting, data, move |moderation| moderation.form(&speaker, form, now)).await;
    if let Next::Fill(fields) = &said.next
        && !waiting.is_deferred
    {
        return waiting.respond(modal(said.step, fields, grammar.about)).await.map(|()| true);
    }
    reply(&waiting, data, &by, said).await.map(|()| true)
}

/// Does what may take longer than Discord waits for an answer: where it does, Discord is told.
async fn in_time(
    waiting: &mut Waiting<'_>,
    data: &Data,
    work: impl FnOnce(&Moderation) -> Said + Send + 'static,
) -> Said {
    let data = Arc::clone(data);
    let mut work = tokio::task::spawn_blocking(move || work(&data.moderation));
    let prompt =
        if waiting.is_deferred { Err(()) } else { tokio::time::timeout(PROMPT, &mut work).await.map_err(drop) };
    let outcome = match prompt {
        Ok(outcome) => outcome,
        Err(()) => {
            if !waiting.is_deferred
                && let Err(error) = waiting.defer().await
            {
                tracing::warn!(what = %kind(&error), "Discord could not be told that an answer takes a while");
            }
            work.await
        }
    };
    outcome.unwrap_or_else(|_| Said { text: words::trouble(), ..Said::default() })
}

/// Answers a command that is about a file: fetching or giving one takes longer than Discord waits.
async fn answer_later(
    mut waiting: Waiting<'_>,
    data: &Data,
    by: &Speaker,
    mut form: Form,
    command: &CommandInteraction,
) -> Result<(), Error> {
    waiting.defer().await?;
    // What somebody may not bring in isn't fetched.
    let attachment = files::attached(command, &option_name(Field::File)).filter(|_| by.right >= by.must_be());
    if let Some(attachment) = attachment {
        form = match data.fetch(attachment).await {
            Ok(text) if text.trim().is_empty() => return waiting.tell(&words::no_text()).await,
            Ok(text) => form.with(Field::File, text),
            Err(why) => return waiting.tell(&why).await,
        };
    }
    let (speaker, now) = (by.clone(), command.id.created_at().unix_timestamp());
    let said = in_time(&mut waiting, data, move |moderation| moderation.form(&speaker, form, now)).await;
    match &said.file {
        // No form can ask for a file.
        _ if matches!(said.next, Next::Fill(_)) => waiting.tell(&said.text).await,
        // What is shown before a yes, whole.
        Some(file) if said.next == Next::Confirm => {
            if let Err(error) = waiting.give(&words::all_changes(), files::as_attachment(file)).await {
                tracing::warn!(what = %kind(&error), "a file could not be given");
                waiting.tell(&if is_forbidden(&error) { words::may_not_give() } else { words::not_given() }).await?;
            }
            reply(&waiting, data, by, said).await
        }
        Some(file) => match waiting.give(&render::escaped(&said.text), files::as_attachment(file)).await {
            Err(error) => {
                tracing::warn!(what = %kind(&error), "a file could not be given");
                waiting.tell(&if is_forbidden(&error) { words::may_not_give() } else { words::not_given() }).await
            }
            Ok(()) => Ok(()),
        },
        None => reply(&waiting, data, by, said).await,
    }
}

/// Completes what is typed; false if it belongs to another command.
///
/// # Errors
/// If Discord refuses.
pub async fn on_autocomplete(http: &Http, data: &Data, command: &CommandInteraction) -> Result<bool, Error> {
    let Some((_, options)) = read(command) else { return Ok(false) };
    let by = data.speaker(command.guild_id, command.user.id, command.member.as_deref());
    let typed = options.iter().find_map(|option| match &option.value {
        CommandDataOptionValue::Autocomplete { value, .. } => Some((option.name.as_str(), value.as_str())),
        _ => None,
    });
    let field = typed.and_then(|(name, _)| Field::ALL.into_iter().find(|field| option_name(*field) == name));
    let found = match (field, typed) {
        (Some(field), Some((_, typed))) if by.right > Right::Member => {
            data.moderation.complete(&by, field, typed, MOST_SUGGESTIONS)
        }
        _ => Vec::new(),
    };
    let cut = |label: String| label.chars().take(LONGEST_SUGGESTION).collect::<String>();
    let choices = found.into_iter().map(|(label, id)| AutocompleteChoice::new(cut(label), id)).collect();
    let response = CreateAutocompleteResponse::new().set_choices(choices);
    let waiting = Waiting::new(http, &data.outgoing, command.id, &command.token);
    waiting.respond(CreateInteractionResponse::Autocomplete(response)).await.map(|()| true)
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
pub async fn on_press(http: &Http, data: &Data, pressed: &ComponentInteraction) -> Result<bool, Error> {
    let Some(press) = Press::of(&pressed.data.custom_id) else { return Ok(false) };
    let mut waiting = Waiting::of_press(http, &data.outgoing, pressed);
    let installed = is_installed(&pressed.authorizing_integration_owners);
    let by = data.speaker(pressed.guild_id.filter(|_| installed), pressed.user.id, pressed.member.as_ref());
    let now = pressed.id.created_at().unix_timestamp();
    let speaker = by.clone();
    let said = match press {
        Press::Decide(step, yes) => {
            let word = if yes { "confirm" } else { "cancel" };
            in_time(&mut waiting, data, move |moderation| moderation.answer_step(&speaker, step, word, now)).await
        }
        Press::Undo(revision) => {
            let form = Form::new(Verb::Undo).with(Field::Revision, revision.to_string());
            in_time(&mut waiting, data, move |moderation| moderation.form(&speaker, form, now)).await
        }
        Press::Accept(suggestion) => {
            let said = data.moderation.accept_suggestion(&by, suggestion, now);
            if let Next::Fill(fields) = &said.next {
                return waiting.respond(modal(said.step, fields, "")).await.map(|()| true);
            }
            said
        }
        Press::Fill(step) => {
            let fields = data.moderation.asked(&by, step);
            if !fields.is_empty() {
                return waiting.respond(modal(step, &fields, "")).await.map(|()| true);
            }
            data.moderation.answer_step(&by, 0, "", now)
        }
    };
    reply(&waiting, data, &by, said).await.map(|()| true)
}

/// Takes what was written into a form; false if it isn't one of these.
///
/// # Errors
/// If Discord refuses.
pub async fn on_form(http: &Http, data: &Data, filled: &ModalInteraction) -> Result<bool, Error> {
    let Some(Press::Fill(step)) = Press::of(&filled.data.custom_id) else { return Ok(false) };
    let mut waiting = Waiting::new(http, &data.outgoing, filled.id, &filled.token);
    let by = data.speaker(filled.guild_id, filled.user.id, filled.member.as_ref());
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
    let (speaker, now) = (by.clone(), filled.id.created_at().unix_timestamp());
    let said = in_time(&mut waiting, data, move |moderation| moderation.fill(&speaker, step, &fields, now)).await;
    reply(&waiting, data, &by, said).await.map(|()| true)
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
async fn reply(waiting: &Waiting<'_>, data: &Data, by: &Speaker, said: Said) -> Result<(), Error> {
    let button = |press: Press, label: String, style| CreateButton::new(press.id()).label(label).style(style);
    let rows = match &said.next {
        Next::Nothing => Vec::new(),
        Next::Confirm => vec![CreateActionRow::Buttons(vec![
            button(Press::Decide(said.step, true), words::label_of("confirm"), ButtonStyle::Primary),
            button(Press::Decide(said.step, false), words::label_of("cancel"), ButtonStyle::Secondary),
        ])],
        Next::Fill(_) => {
            vec![CreateActionRow::Buttons(vec![button(Press::Fill(said.step), words::fill_in(), ButtonStyle::Primary)])]
        }
    };
    let parts = render::split(&render::escaped(&said.text));
    let (last, first) =
        parts.split_last().map(|(last, first)| (vec![last.clone()], first.to_vec())).unwrap_or_default();
    let told = match first.is_empty() {
        true => waiting.say(&last, rows, &[], true).await,
        // The buttons stand under the last part, where they are read.
        false => waiting.say_with_last(&first, &last[0], rows).await,
    };
    // What was made is made, whether or not its maker hears of it.
    if let Some(made) = &said.made {
        data.changed.notify_one();
        data.tell_of(waiting.http, by, made).await;
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
