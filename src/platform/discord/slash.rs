//! Slash commands from the moderators' grammar.

use serenity::all::{
    CommandDataOption, CommandDataOptionValue, CommandInteraction, CommandOptionType, CreateCommand,
    CreateCommandOption, InstallationContext, InteractionContext, Permissions,
};

use crate::moderation::command::{Field, GRAMMAR, Grammar, Verb};
use crate::wording::moderation as words;

/// The longest hint of an option or of a field of a form, in letters.
pub const LONGEST_HINT: usize = 100;

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
pub fn option_name(field: Field) -> String {
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

fn command(name: &str, about: &str, place: Where, may_edit_facts: bool) -> CreateCommand {
    let command = CreateCommand::new(name).description(about);
    match place {
        Where::Direct => {
            let in_direct = command.contexts(vec![InteractionContext::BotDm]);
            in_direct.integration_types(vec![InstallationContext::Guild])
        }
        Where::Server { is_open: false } if may_edit_facts => {
            command.default_member_permissions(Permissions::MANAGE_MESSAGES)
        }
        Where::Server { .. } => command,
    }
}

/// The options of a verb. What must be there may be left out: a form asks for it.
fn options(grammar: &Grammar) -> Vec<CreateCommandOption> {
    let option = |field: &Field| {
        if *field == Field::File {
            // No form can ask for a file.
            let name = option_name(*field);
            return CreateCommandOption::new(CommandOptionType::Attachment, name, words::file_hint()).required(true);
        }
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
pub fn read(command: &CommandInteraction) -> Option<(&'static Grammar, &[CommandDataOption])> {
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
}
