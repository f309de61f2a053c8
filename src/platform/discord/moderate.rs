//! Moderators' commands: slash commands from their grammar, forms for what is missing, buttons for yes and no. Who may is
//! looked at each time.

use serenity::all::{
    ActionRowComponent, AutocompleteChoice, ButtonStyle, ChannelId, CommandDataOption, CommandDataOptionValue,
    CommandInteraction, CommandOptionType, ComponentInteraction, CreateActionRow, CreateAutocompleteResponse,
    CreateButton, CreateCommand, CreateCommandOption, CreateInputText, CreateInteractionResponse, CreateMessage,
    CreateModal, GuildId, Http, InputTextStyle, InstallationContext, InteractionContext, Member, MessageFlags,
    ModalInteraction, Nonce, Permissions, UserId,
};

use super::commands::is_installed;
use super::respond::Waiting;
use super::send::{kind, may_pass};
use super::{Data, Error, no_pings, render};
use crate::moderation::command::{Field, Form, GRAMMAR, Grammar, Verb};
use crate::moderation::flags::Flag;
use crate::moderation::{Made, Next, Right, Said, Speaker};
use crate::store::handled::Place;
use crate::wording::moderation as words;

/// The most fields that a form of Discord has, and the longest label and hint of one, in letters.
const MOST_FIELDS: usize = 5;
const LONGEST_LABEL: usize = 45;
const LONGEST_HINT: usize = 100;

/// How many suggestions Discord takes, and how long each may be.
const MOST_SUGGESTIONS: usize = 25;
const LONGEST_SUGGESTION: usize = 100;

/// What the ids of our buttons and forms begin with.
const MARK: &str = "moderate";

/// The verbs that are parts of a command of their first word.
const GROUPS: [(&str, &str); 4] = [
    ("fact", "Find, show and change facts"),
    ("topic", "Make, rename, merge and take away topics"),
    ("question", "Teach ways to ask"),
    ("source", "Add, change and take away sources"),
];

/// The command and, if it is a part of one, the part by which a verb is given.
fn names(grammar: &Grammar) -> (String, Option<&'static str>) {
    match grammar.words.split_once(' ') {
        Some((group, part)) if GROUPS.iter().any(|(name, _)| *name == group) => (group.to_owned(), Some(part)),
        _ if grammar.verb == Verb::Help => ("fact".to_owned(), Some("help")),
        _ => (grammar.words.replace(' ', "-"), None),
    }
}

/// The name of a field as an option.
fn option_name(field: Field) -> String {
    field.name().replace(' ', "-")
}

/// Where commands are registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// In direct conversations, for those who run the bot.
    Direct,
    /// In a server. Unless it is open to roles, those who may not manage messages don't see them.
    Server { is_open: bool },
}

/// The commands, as Discord registers them.
pub fn commands(place: Where) -> Vec<CreateCommand> {
    let mut commands: Vec<CreateCommand> = Vec::new();
    for (group, about) in GROUPS {
        let parts = GRAMMAR.iter().filter(|grammar| names(grammar).0 == group).map(|grammar| {
            let part = CreateCommandOption::new(
                CommandOptionType::SubCommand,
                names(grammar).1.unwrap_or(group),
                grammar.about,
            );
            options(grammar).into_iter().fold(part, CreateCommandOption::add_sub_option)
        });
        commands.push(parts.fold(command(group, about, place, true), CreateCommand::add_option));
    }
    for grammar in GRAMMAR.iter().filter(|grammar| names(grammar).1.is_none()) {
        let bare = command(&names(grammar).0, grammar.about, place, grammar.verb != Verb::Suggest);
        commands.push(options(grammar).into_iter().fold(bare, CreateCommand::add_option));
    }
    commands
}

fn command(name: &str, about: &str, place: Where, keeps_facts: bool) -> CreateCommand {
    let command = CreateCommand::new(name).description(about);
    match place {
        Where::Direct => {
            let in_direct = command.contexts(vec![InteractionContext::BotDm]);
            in_direct.integration_types(vec![InstallationContext::Guild])
        }
        Where::Server { is_open: false } if keeps_facts => {
            command.default_member_permissions(Permissions::MANAGE_MESSAGES)
        }
        Where::Server { .. } => command,
    }
}

/// The options of a verb. What must be there may be left out: a form asks for it.
fn options(grammar: &Grammar) -> Vec<CreateCommandOption> {
    let option = |field: &Field| {
        let hint: String = words::prompt_text(*field).chars().take(LONGEST_HINT).collect();
        CreateCommandOption::new(CommandOptionType::String, option_name(*field), hint)
            .max_length(field.longest() as u16)
            .set_autocomplete(completes(grammar.verb, *field))
    };
    grammar.must.iter().chain(grammar.may).map(option).collect()
}

fn completes(verb: Verb, field: Field) -> bool {
    matches!(field, Field::Topic | Field::Into | Field::Claim)
        || (field == Field::Source && matches!(verb, Verb::SourceEdit | Verb::SourceRetire))
}

/// What a command of Discord stands for; none if it isn't one of these.
fn read(command: &CommandInteraction) -> Option<(&'static Grammar, &[CommandDataOption])> {
    let data = &command.data;
    let (part, options) = match data.options.first() {
        Some(CommandDataOption { name, value: CommandDataOptionValue::SubCommand(options), .. }) => {
            (Some(name.as_str()), &options[..])
        }
        _ => (None, &data.options[..]),
    };
    let grammar = GRAMMAR.iter().find(|grammar| {
        let (name, own) = names(grammar);
        name == data.name && own == part
    })?;
    Some((grammar, options))
}

/// Whether a command is one of these.
pub fn is_ours(command: &CommandInteraction) -> bool {
    read(command).is_some()
}

/// Answers a command; false if it isn't one of these.
///
/// # Errors
/// If Discord refuses.
pub async fn on_command(http: &Http, data: &Data, command: &CommandInteraction) -> Result<bool, Error> {
    let Some((grammar, options)) = read(command) else { return Ok(false) };
    let waiting = Waiting { http, outgoing: &data.outgoing, id: command.id, token: &command.token };
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
    let said = data.moderation.form(&by, form, now);
    if let Next::Fill(fields) = &said.next {
        return waiting.respond(modal(said.step, fields, grammar.about)).await.map(|()| true);
    }
    reply(&waiting, data, &by, said).await.map(|()| true)
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
    let waiting = Waiting { http, outgoing: &data.outgoing, id: command.id, token: &command.token };
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
    let waiting = Waiting::of_press(http, &data.outgoing, pressed);
    let installed = is_installed(&pressed.authorizing_integration_owners);
    let by = data.speaker(pressed.guild_id.filter(|_| installed), pressed.user.id, pressed.member.as_ref());
    let now = pressed.id.created_at().unix_timestamp();
    let said = match press {
        Press::Decide(step, yes) => data.moderation.answer_step(&by, step, if yes { "confirm" } else { "cancel" }, now),
        Press::Undo(revision) => {
            data.moderation.form(&by, Form::new(Verb::Undo).with(Field::Revision, revision.to_string()), now)
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
    let waiting = Waiting { http, outgoing: &data.outgoing, id: filled.id, token: &filled.token };
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
    let said = data.moderation.fill(&by, step, &fields, filled.id.created_at().unix_timestamp());
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

impl super::Shared {
    /// Who speaks, and what they may do at this moment.
    fn speaker(&self, guild: Option<GuildId>, user: UserId, member: Option<&Member>) -> Speaker {
        let who = user.to_string();
        let community = guild.map(|guild| guild.to_string()).unwrap_or_default();
        let right = if self.operators.contains(&who) {
            Right::Operator
        } else if guild.is_some() && self.keeps_facts(&community, member) {
            Right::Moderator
        } else {
            Right::Member
        };
        Speaker { who, community, right }
    }

    /// What the author of a message may do, as the server's roles say; a message tells no permissions.
    pub async fn right_of(&self, http: &Http, place: &Place, user: UserId) -> Result<Speaker, Error> {
        let guild = place.community.as_ref().and_then(|id| id.parse().ok()).map(GuildId::new);
        let Some(guild) = guild.filter(|_| !self.operators.contains(&user.to_string())) else {
            return Ok(self.speaker(guild, user, None));
        };
        let mut member = self.outgoing.make(guild.get(), || http.get_member(guild, user)).await?;
        let found = self.outgoing.make(guild.get(), || http.get_guild(guild)).await?;
        member.permissions = Some(found.member_permissions(&member));
        Ok(self.speaker(Some(guild), user, Some(&member)))
    }

    /// Whether roles keep a server's facts, beside those who may manage messages.
    pub fn is_open_to_roles(&self, guild: GuildId) -> bool {
        let place = Place { channel: String::new(), community: Some(guild.to_string()) };
        !self.settings(&place).roles.is_empty()
    }

    fn keeps_facts(&self, community: &str, member: Option<&Member>) -> bool {
        let Some(member) = member else { return false };
        let permissions = member.permissions.unwrap_or_default();
        if permissions.intersects(Permissions::MANAGE_MESSAGES | Permissions::ADMINISTRATOR) {
            return true;
        }
        let place = Place { channel: String::new(), community: Some(community.to_owned()) };
        let roles = self.settings(&place).roles;
        member.roles.iter().any(|role| roles.contains(&role.to_string()))
    }

    /// Why somebody who doesn't keep the facts isn't heard for the moment; none if they are.
    async fn too_often(
        &self,
        http: &Http,
        by: &Speaker,
        channel: &ChannelId,
        user: UserId,
        now: i64,
    ) -> Option<String> {
        if by.right > Right::Member {
            return None;
        }
        let community = Some(by.community.clone()).filter(|id| !id.is_empty());
        let place = Place { channel: channel.to_string(), community };
        self.hindrance(http, &place, user, ("", now, true)).await.map(|hindrance| hindrance.reason)
    }

    /// Tells log channels what all share and changed under changes of the server's own.
    pub async fn tell_of_shared_changes(&self, http: &Http) {
        let flags = match self.moderation.flags() {
            Ok(flags) => flags,
            Err(error) => return tracing::error!(%error, "what changed under servers' changes could not be looked up"),
        };
        for flag in flags {
            match self.tell_of_flag(http, &flag).await {
                Err(error) if may_pass(&error) => tracing::warn!(what = %kind(&error), "a log channel has to wait"),
                // A channel that can't be spoken in hears nothing.
                Ok(()) | Err(_) => self.moderation.flagged(&flag),
            }
        }
    }

    async fn tell_of_flag(&self, http: &Http, flag: &Flag) -> Result<(), Error> {
        let logs = flag.logs.iter().filter_map(|log| log.parse::<u64>().ok()).filter(|id| *id > 0);
        for log in logs {
            for (at, part) in render::split(&render::escaped(&flag.text)).iter().enumerate() {
                let create = || {
                    CreateMessage::new()
                        .content(part)
                        .allowed_mentions(no_pings())
                        .flags(MessageFlags::SUPPRESS_EMBEDS)
                        .nonce(Nonce::String(format!("f{log}.{}.{at}", flag.revision % 1_000)))
                        .enforce_nonce(true)
                };
                self.outgoing.make(log, || ChannelId::new(log).send_message(http, create())).await?;
            }
        }
        Ok(())
    }

    /// Tells the log channel of a change, with a button to take it back.
    async fn tell_of(&self, http: &Http, by: &Speaker, made: &Made) {
        let place = Place { channel: String::new(), community: Some(by.community.clone()) };
        let log = self.settings(&place).log_channel.and_then(|id| id.parse::<u64>().ok()).filter(|id| *id > 0);
        let Some(log) = log.filter(|_| !by.community.is_empty()) else { return };
        let undo = CreateButton::new(Press::Undo(made.revision).id())
            .label(words::label_of("undo"))
            .style(ButtonStyle::Secondary);
        let text = render::escaped(&words::in_log(&made.line));
        let text = format!("{text} (<@{}>)", by.who);
        let create = || {
            CreateMessage::new()
                .content(&text)
                .components(vec![CreateActionRow::Buttons(vec![undo.clone()])])
                .allowed_mentions(no_pings())
                .flags(MessageFlags::SUPPRESS_EMBEDS)
        };
        if let Err(error) = self.outgoing.make(log, || ChannelId::new(log).send_message(http, create())).await {
            tracing::warn!(what = %kind(&error), "the log channel could not be told of a change");
        }
    }
}

/// The button by which those who moderate make a suggestion a fact.
pub fn to_accept(suggestion: i64) -> Vec<CreateActionRow> {
    let button =
        CreateButton::new(Press::Accept(suggestion).id()).label(words::make_it_a_fact()).style(ButtonStyle::Primary);
    vec![CreateActionRow::Buttons(vec![button])]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_verb_has_a_command_within_discords_limits() {
        let all: BTreeSet<_> = GRAMMAR.iter().map(names).collect();
        assert_eq!(all.len(), GRAMMAR.len());
        let commands = serde_json::to_value(commands(Where::Server { is_open: false })).unwrap();
        for command in commands.as_array().unwrap() {
            assert!(command["description"].as_str().unwrap().chars().count() <= 100, "{command}");
            assert!(command["options"].as_array().is_none_or(|options| options.len() <= 25));
        }
        assert!(GRAMMAR.iter().all(|grammar| grammar.about.chars().count() <= 100));
    }

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
