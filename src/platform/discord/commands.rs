//! Defines the commands that everybody can use: slash commands, and *Answer this* in the menu of a message.

use poise::ApplicationContext;
use serenity::all::{
    AuthorizingIntegrationOwner, AuthorizingIntegrationOwners, AutocompleteChoice, CommandInteraction,
    CreateAutocompleteResponse, GuildId, Message,
};

use super::respond::PendingInteraction;
use super::{DiscordError, PLATFORM, SharedDiscordBot, buttons, menus, render};
use crate::answer::Outcome;
use crate::language::Language;
use crate::store::Scope;
use crate::store::handled::Place;
use crate::utterance::Utterance;
use crate::wording::{self, Reply};

/// The context that poise passes to a command.
pub type Context<'a> = ApplicationContext<'a, SharedDiscordBot, DiscordError>;

/// Discord's limits for autocomplete: the number of suggestions, and the length of one in characters.
const MOST_SUGGESTIONS: usize = 25;
const LONGEST_SUGGESTION: usize = 100;

/// Ask about the direct Moscow–Pyongyang flights
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel",
    name_localized("ru", "спросить"),
    name_localized("ko", "질문"),
    description_localized("ru", "Спросить о прямых рейсах Москва — Пхеньян"),
    description_localized("ko", "모스크바–평양 직항편에 대해 질문하기")
)]
pub async fn ask(
    ctx: Context<'_>,
    #[description = "Your question, in your own words"]
    #[name_localized("ru", "вопрос")]
    #[name_localized("ko", "내용")]
    #[description_localized("ru", "Ваш вопрос своими словами")]
    #[description_localized("ko", "편하게 적은 질문")]
    #[autocomplete = "complete"]
    #[max_length = 500]
    question: String,
    #[description = "Show the answer only to you"]
    #[name_localized("ru", "лично")]
    #[name_localized("ko", "비공개")]
    #[description_localized("ru", "Показать ответ только вам")]
    #[description_localized("ko", "나에게만 답 보이기")]
    private: Option<bool>,
) -> Result<(), DiscordError> {
    let asking = if private.unwrap_or(false) { Asking::InPrivate } else { Asking::InPublic };
    respond(ctx, Utterance::new(question), asking).await
}

/// Answer this
#[poise::command(
    context_menu_command = "Answer this",
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel",
    name_localized("ru", "Ответить на это"),
    name_localized("ko", "이 메시지에 답하기")
)]
pub async fn answer_this(ctx: Context<'_>, message: Message) -> Result<(), DiscordError> {
    // Its author wrote it to others, so it isn't stored if it has no answer.
    respond(ctx, Utterance::new(message.content), Asking::ForAnother).await
}

/// Show what you can ask
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel",
    name_localized("ru", "помощь"),
    name_localized("ko", "도움말"),
    description_localized("ru", "О чём можно спросить"),
    description_localized("ko", "무엇을 물어볼 수 있는지")
)]
pub async fn help(ctx: Context<'_>) -> Result<(), DiscordError> {
    let text = language(ctx.interaction).pack().phrases.help.clone();
    tell(ctx, &text).await
}

/// Show what I store of what you write
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel",
    name_localized("ru", "приватность"),
    name_localized("ko", "개인정보"),
    description_localized("ru", "Что хранится из написанного вами"),
    description_localized("ko", "작성한 내용 중 무엇을 보관하는지")
)]
pub async fn privacy(ctx: Context<'_>) -> Result<(), DiscordError> {
    let text = language(ctx.interaction).pack().phrases.privacy.clone();
    tell(ctx, &text).await
}

/// List the five articles behind the answers
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel",
    name_localized("ru", "источники"),
    name_localized("ko", "출처"),
    description_localized("ru", "Пять статей, по которым даются ответы"),
    description_localized("ko", "답변의 근거가 되는 기사 다섯 편")
)]
pub async fn sources(ctx: Context<'_>) -> Result<(), DiscordError> {
    let text = match ctx.data().desk.facts_of(&scope_of(ctx.interaction)) {
        Ok((facts, _)) => {
            facts.sources.iter().map(wording::source_in_list).map(|line| shown(&line)).collect::<Vec<_>>().join("\n")
        }
        Err(error) => {
            tracing::error!(%error, "the facts could not be read");
            wording::trouble().text
        }
    };
    tell(ctx, &text).await
}

/// Browse what the sources answer, by subject
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel",
    name_localized("ru", "темы"),
    name_localized("ko", "주제"),
    description_localized("ru", "На что отвечают источники, по разделам"),
    description_localized("ko", "출처가 답하는 것, 분야별")
)]
pub async fn topics(ctx: Context<'_>) -> Result<(), DiscordError> {
    let _open = ctx.data().open.try_read();
    menus::open(&pending(&ctx), ctx.data(), &scope_of(ctx.interaction), language(ctx.interaction)).await
}

/// Escapes a line of the list of sources, except for its URL, which stays a link.
fn shown(line: &str) -> String {
    match line.split_once(" <") {
        Some((name, address)) => format!("{} <{address}", render::escaped(name)),
        None => render::escaped(line),
    }
}

async fn complete(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let choices = suggestions(&ctx.data().suggestions, partial);
    let choices = choices.into_iter().map(|text| AutocompleteChoice::new(text, text)).collect();
    CreateAutocompleteResponse::new().set_choices(choices)
}

/// Returns the known questions that contain every typed word. Those that start with the typed text come first.
fn suggestions<'a>(known: &'a [String], partial: &str) -> Vec<&'a str> {
    let typed = partial.to_lowercase();
    let words: Vec<&str> = typed.split_whitespace().collect();
    let mut found: Vec<(bool, &str)> = known
        .iter()
        .filter(|text| text.chars().count() <= LONGEST_SUGGESTION)
        .filter_map(|text| {
            let lower = text.to_lowercase();
            words.iter().all(|word| lower.contains(word)).then(|| (!lower.starts_with(typed.trim()), text.as_str()))
        })
        .collect();
    found.sort_by_key(|(later, _)| *later);
    found.into_iter().map(|(_, text)| text).take(MOST_SUGGESTIONS).collect()
}

/// Returns the language of the person's Discord client; English if it is neither Russian nor Korean.
pub fn language(interaction: &CommandInteraction) -> Language {
    match interaction.locale.as_str() {
        "ru" => Language::Russian,
        "ko" => Language::Korean,
        _ => Language::English,
    }
}

/// The privacy of a command's question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// An answer is shown to everybody, and an unanswered question is stored for the server's moderators.
    InPublic,
    /// The answer is shown to the asker alone, and the question isn't stored for the server's moderators.
    InPrivate,
    /// The question is another person's message, and its words are never stored.
    ForAnother,
}

/// Answers a command. A reply that isn't an answer is shown to the asker alone.
async fn respond(ctx: Context<'_>, utterance: Utterance, asking: Asking) -> Result<(), DiscordError> {
    let (bot, interaction) = (ctx.data(), ctx.interaction);
    let _open = bot.open.try_read();
    let place = Place {
        channel: interaction.channel_id.to_string(),
        community: interaction
            .guild_id
            .filter(|_| is_installed(&interaction.authorizing_integration_owners))
            .map(|guild| guild.to_string()),
    };
    let (person, now) = (interaction.user.id, interaction.id.created_at().unix_timestamp());
    if let Some(channel) = &interaction.channel {
        bot.know_parent(channel.id, channel.parent_id);
    }
    bot.remember_place(interaction.id.get(), &place, now);
    if let Some(rejection) = bot.rejection(ctx.http(), &place, person, (&utterance.text, now, true)).await {
        return pending(&ctx).tell(&rejection.reason).await;
    }
    let answered = bot.desk.answer(&utterance.within(place.scope(PLATFORM)));
    if asking == Asking::InPublic {
        bot.keep_unanswered(&place, &answered, now);
    }
    // A command's question can't be read again, so without room in the button there is no subscribing to it.
    let is_kept = |question: &String| asking != Asking::ForAnother && buttons::has_room(question);
    let open = answered.reply.open.clone().filter(is_kept);
    let reply = Reply { open, ..answered.reply };
    bot.count(&place, &reply, now);
    let private = asking == Asking::InPrivate || !matches!(reply.outcome, Outcome::Answered | Outcome::Disputed);
    let more = buttons::only_remove(&reply, person.get(), private);
    let rows = buttons::under(&reply, person.get(), private, &[]);
    let pending = pending(&ctx);
    let followed = pending.say_all(&render::messages(&reply), rows, &more, private).await?;
    // Where the bot is a member, it can edit the answer later, like any message of its own.
    if !private && place.community.is_some() && reply.recipe.is_some() {
        bot.keep_response(&pending, &place, &reply, &followed, now).await;
    }
    Ok(())
}

/// Sends the person alone a text that isn't an answer.
pub async fn tell(ctx: Context<'_>, text: &str) -> Result<(), DiscordError> {
    let _open = ctx.data().open.try_read();
    pending(&ctx).tell(text).await
}

fn pending<'a>(ctx: &'a Context<'a>) -> PendingInteraction<'a> {
    PendingInteraction::new(ctx.http(), &ctx.data().requests, ctx.interaction.id, &ctx.interaction.token)
}

/// Returns the scope whose facts apply to a command.
pub fn scope_of(interaction: &CommandInteraction) -> Scope {
    scope(interaction.guild_id, &interaction.authorizing_integration_owners)
}

/// Returns the scope of a server where the bot is a member, otherwise the shared scope.
pub fn scope(guild: Option<GuildId>, owners: &AuthorizingIntegrationOwners) -> Scope {
    let guild = guild.filter(|_| is_installed(owners));
    guild.map_or(Scope::Shared, |guild| Scope::community(PLATFORM, &guild.to_string()))
}

/// Returns true if the bot is a member of the server. Otherwise the user brought its commands along.
pub fn is_installed(owners: &AuthorizingIntegrationOwners) -> bool {
    owners.0.iter().any(|owner| matches!(owner, AuthorizingIntegrationOwner::GuildInstall(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_hold_what_is_typed() {
        let known: Vec<String> = ["the price of a ticket", "ticket refunds", "who flies it"].map(str::to_owned).into();
        assert_eq!(suggestions(&known, "ticket"), ["ticket refunds", "the price of a ticket"]);
        assert_eq!(suggestions(&known, "Price TICK"), ["the price of a ticket"]);
        assert_eq!(suggestions(&known, "").len(), 3);
        let many: Vec<String> = (0..40).map(|n| format!("question {n}")).chain(["x".repeat(101)]).collect();
        assert_eq!(suggestions(&many, "").len(), MOST_SUGGESTIONS);
        assert!(suggestions(&many, "xxx").is_empty());
    }
}
