//! Builds slash commands from the moderators' grammar, and matches received commands to it.

use serenity::all::{
    CommandDataOption, CommandDataOptionValue, CommandInteraction, CommandOptionType, CreateCommand,
    CreateCommandOption, InstallationContext, InteractionContext, Permissions,
};

use crate::moderation::command::{Field, GRAMMAR, Grammar, Verb};
use crate::wording::moderation as words;

/// Discord's limit for the description of an option and the placeholder of a form field, in characters.
pub const LONGEST_HINT: usize = 100;

/// The commands with subcommands, each with its description. The first word of a verb names its command.
const GROUPS: [(&str, &str); 4] = [
    ("fact", "Find, show and change facts"),
    ("topic", "Create, rename, merge and retire topics"),
    ("question", "Add and remove example questions"),
    ("source", "Add, edit and retire sources"),
];

/// Returns the command of a verb and, if the verb is a subcommand, the subcommand's name.
fn names(grammar: &Grammar) -> (String, Option<&'static str>) {
    match grammar.words.split_once(' ') {
        Some((group, part)) if GROUPS.iter().any(|(name, _)| *name == group) => (group.to_owned(), Some(part)),
        _ if grammar.verb == Verb::Help => ("fact".to_owned(), Some("help")),
        _ => (grammar.words.replace(' ', "-"), None),
    }
}

/// Returns a field's name as an option.
pub fn option_name(field: Field) -> String {
    field.name().replace(' ', "-")
}

/// The place for which commands are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Direct messages, for the operators.
    Direct,
    /// A server. Only members with Manage Messages see the commands, unless the server is open to roles.
    Server { is_open: bool },
}

/// Builds the commands for registration.
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

/// Builds the options of a verb. Required fields are optional here, because a form asks for those that are missing.
fn options(grammar: &Grammar) -> Vec<CreateCommandOption> {
    let option = |field: &Field| {
        if *field == Field::File {
            // A form can't ask for a file.
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

/// Returns the verb's grammar and the options of a command. `None` if it isn't a moderators' command.
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

/// Returns true for a moderators' command.
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
