//! Defines `/desk`: a server's settings, the roles that may edit facts, and the queue for moderators.

use std::sync::PoisonError;

use poise::ChoiceParameter;
use serenity::all::{PartialChannel, Permissions, Role};

use super::commands::{Context, language, tell};
use super::{DiscordError, SharedDiscordBot, render};
use crate::config::FORUMS;
use crate::language::Phrases;
use crate::store;
use crate::store::settings::CommunitySettings;

/// The number of questions, and of reports, that `/desk queue` shows.
const MOST_SHOWN: u32 = 20;

/// The longest time that unanswered questions and reports may be stored, in days.
const LONGEST_KEPT: u32 = 365;

/// A setting to clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ChoiceParameter)]
pub enum Off {
    /// The list of channels. Without it the bot answers everywhere.
    #[name = "channels: answer everywhere"]
    #[name_localized("ru", "каналы: отвечать везде")]
    #[name_localized("ko", "채널: 어디서나 답하기")]
    Channels,
    /// The log channel.
    #[name = "log channel"]
    #[name_localized("ru", "канал для сообщений о неполадках")]
    #[name_localized("ko", "기록 채널")]
    Log,
}

/// Settings of this server, and the queue for its moderators
#[poise::command(
    slash_command,
    subcommands("settings", "roles", "queue"),
    subcommand_required,
    install_context = "Guild",
    interaction_context = "Guild",
    default_member_permissions = "MANAGE_GUILD",
    description_localized("ru", "Настройки этого сервера и то, что ждёт его модераторов"),
    description_localized("ko", "이 서버의 설정과 관리자를 기다리는 일")
)]
pub async fn desk(_: Context<'_>) -> Result<(), DiscordError> {
    Ok(())
}

/// Show or change the settings of this server
#[poise::command(
    slash_command,
    name_localized("ru", "настройки"),
    name_localized("ko", "설정"),
    description_localized("ru", "Показать и изменить настройки этого сервера"),
    description_localized("ko", "이 서버의 설정을 보고 바꾸기")
)]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
pub async fn settings(
    ctx: Context<'_>,
    #[description = "Questions that a person may ask per minute; 0 means no limit"]
    #[description_localized("ru", "Сколько вопросов в минуту может задать человек; 0 — сколько угодно")]
    #[description_localized("ko", "한 사람이 1분에 할 수 있는 질문 수, 0은 제한 없음")]
    #[max = 1000]
    per_person: Option<u32>,
    #[description = "Questions that may be asked in a channel per minute; 0 means no limit"]
    #[description_localized("ru", "Сколько вопросов в минуту можно задать в канале; 0 — сколько угодно")]
    #[description_localized("ko", "한 채널에서 1분에 할 수 있는 질문 수, 0은 제한 없음")]
    #[max = 10000]
    per_channel: Option<u32>,
    #[description = "Add a channel to the list; with a list I answer only there"]
    #[description_localized("ru", "Канал, в котором отвечать; тогда я отвечаю только в названных")]
    #[description_localized("ko", "답할 채널, 이름을 댄 채널에서만 답합니다")]
    only_in: Option<PartialChannel>,
    #[description = "Remove a channel from the list"]
    #[description_localized("ru", "Канал, в котором больше не отвечать")]
    #[description_localized("ko", "더는 답하지 않을 채널")]
    not_in: Option<PartialChannel>,
    #[description = "Answer the first post of a forum thread, if I have an answer"]
    #[description_localized("ru", "Отвечать ли на первое сообщение темы форума, если есть ответ")]
    #[description_localized("ko", "답이 있을 때 포럼 글의 첫 게시물에 답할지")]
    forum: Option<bool>,
    #[description = "Channel where I report changes of facts, and channels in which I can't answer"]
    #[description_localized("ru", "Канал, куда сообщать о неполадках")]
    #[description_localized("ko", "문제가 생기면 알릴 채널")]
    log_channel: Option<PartialChannel>,
    #[description = "Days for which unanswered questions, reports and suggestions are stored"]
    #[description_localized("ru", "Сколько дней хранить вопросы без ответа и сообщения об ошибках")]
    #[description_localized("ko", "답하지 못한 질문과 신고를 보관할 일수")]
    #[min = 1]
    #[max = 365]
    keep_days: Option<u32>,
    #[description = "Setting to clear"]
    #[description_localized("ru", "Что убрать")]
    #[description_localized("ko", "없앨 것")]
    off: Option<Off>,
) -> Result<(), DiscordError> {
    let phrases = &language(ctx.interaction).pack().phrases;
    let Some(guild) = community(ctx) else { return tell(ctx, &phrases.not_allowed).await };
    let changed = with_records(ctx.data(), |records| {
        records.set(&guild, |settings| {
            settings.per_person = per_person.unwrap_or(settings.per_person);
            settings.per_channel = per_channel.unwrap_or(settings.per_channel);
            settings.forum = forum.unwrap_or(settings.forum);
            settings.keep_days = keep_days.map_or(settings.keep_days, |days| days.clamp(1, LONGEST_KEPT));
            let id = |channel: &PartialChannel| channel.id.to_string();
            settings.channels.extend(only_in.as_ref().map(id));
            settings.channels.sort_unstable();
            settings.channels.dedup();
            settings.channels.retain(|channel| Some(channel) != not_in.as_ref().map(id).as_ref());
            settings.log_channel = log_channel.as_ref().map(id).or(settings.log_channel.take());
            match off {
                Some(Off::Channels) => settings.channels.clear(),
                Some(Off::Log) => settings.log_channel = None,
                None => {}
            }
        })
    });
    let text = changed.map(|settings| in_words(&settings, ctx.data(), phrases));
    tell(ctx, text.as_ref().unwrap_or(&phrases.trouble)).await
}

/// Show or change the roles that may edit facts, besides members with Manage Messages
#[poise::command(
    slash_command,
    name_localized("ru", "роли"),
    name_localized("ko", "역할"),
    description_localized("ru", "Какие роли ведут факты, кроме модераторов"),
    description_localized("ko", "메시지 관리 권한 외에 어떤 역할이 사실을 관리하는지")
)]
pub async fn roles(
    ctx: Context<'_>,
    #[description = "Role that may edit facts from now on"]
    #[description_localized("ru", "Роль, участники которой будут вести факты")]
    #[description_localized("ko", "이제부터 사실을 관리할 역할")]
    add: Option<Role>,
    #[description = "Role that may no longer edit facts"]
    #[description_localized("ru", "Роль, участники которой больше не ведут факты")]
    #[description_localized("ko", "더는 사실을 관리하지 않을 역할")]
    remove: Option<Role>,
) -> Result<(), DiscordError> {
    let phrases = &language(ctx.interaction).pack().phrases;
    let Some(guild) = community(ctx) else { return tell(ctx, &phrases.not_allowed).await };
    let changed = with_records(ctx.data(), |records| {
        records.set(&guild, |settings| {
            let id = |role: &Role| role.id.to_string();
            settings.roles.extend(add.as_ref().map(id));
            settings.roles.sort_unstable();
            settings.roles.dedup();
            settings.roles.retain(|role| Some(role) != remove.as_ref().map(id).as_ref());
        })
    });
    tell(ctx, &changed.as_ref().map_or_else(|| phrases.trouble.clone(), |settings| of_roles(settings, phrases)))
        .await?;
    // The roles decide whether all members see the moderators' commands.
    if let (Some(settings), Some(guild)) = (changed, ctx.interaction.guild_id) {
        ctx.data().registrar.in_server(ctx.http(), guild, !settings.roles.is_empty(), true).await;
    }
    Ok(())
}

/// Show the questions that I could not answer here, and the reported problems
#[poise::command(
    slash_command,
    name_localized("ru", "очередь"),
    name_localized("ko", "대기열"),
    description_localized("ru", "Вопросы, на которые здесь не нашлось ответа, и сообщения об ошибках"),
    description_localized("ko", "여기서 답하지 못한 질문과 신고된 문제")
)]
pub async fn queue(ctx: Context<'_>) -> Result<(), DiscordError> {
    let phrases = &language(ctx.interaction).pack().phrases;
    let Some(guild) = community(ctx) else { return tell(ctx, &phrases.not_allowed).await };
    let unanswered = with_records(ctx.data(), |records| {
        Ok((records.questions(&guild, MOST_SHOWN)?, records.reports(&guild, MOST_SHOWN)?))
    });
    let Some((questions, reports)) = unanswered else { return tell(ctx, &phrases.trouble).await };
    let questions =
        questions.iter().map(|unanswered| format!("{}× {}", unanswered.count, render::escaped(&unanswered.text)));
    let reports = reports
        .iter()
        .map(|(_, report)| format!("{}: {}", render::escaped(&report.topics), render::escaped(&report.text)));
    let lists = [
        list(questions.collect(), &phrases.queue_questions, &phrases.queue_no_questions),
        list(reports.collect(), &phrases.queue_reports, &phrases.queue_no_reports),
    ];
    tell(ctx, &lists.join("\n")).await
}

/// Returns a list with its heading, or `none` if it is empty.
fn list(lines: Vec<String>, heading: &str, none: &str) -> String {
    if lines.is_empty() { none.to_owned() } else { format!("{heading}\n{}", lines.join("\n")) }
}

/// Returns the id of the command's server if the person may manage it. Checks this itself, because Discord's own
/// restriction of the command can be changed.
fn community(ctx: Context<'_>) -> Option<String> {
    let guild = ctx.interaction.guild_id?;
    let permissions = ctx.interaction.member.as_ref()?.permissions.unwrap_or_default();
    let is_operator = ctx.data().operators.contains(&ctx.interaction.user.id.to_string());
    let may = is_operator || permissions.intersects(Permissions::MANAGE_GUILD | Permissions::ADMINISTRATOR);
    may.then(|| guild.to_string())
}

fn with_records<T>(
    bot: &SharedDiscordBot,
    act: impl FnOnce(&store::records::Records) -> Result<T, store::StoreError>,
) -> Option<T> {
    let records = bot.records.lock().unwrap_or_else(PoisonError::into_inner);
    act(&records).inspect_err(|error| tracing::error!(%error, "settings or queue of a server unavailable")).ok()
}

/// Describes the settings, one per line.
fn in_words(settings: &CommunitySettings, bot: &SharedDiscordBot, phrases: &Phrases) -> String {
    let number = |number: u32| if number == 0 { phrases.set_any.clone() } else { number.to_string() };
    let shown = |id: &String| format!("<#{id}>");
    let channels: Vec<String> = settings.channels.iter().map(shown).collect();
    let can_read = bot.watch.iter().any(|word| word == FORUMS);
    let limits = phrases.set_limits.replace("{person}", &number(settings.per_person));
    [
        match channels.is_empty() {
            true => phrases.set_everywhere.clone(),
            false => phrases.set_channels.replace("{channels}", &channels.join(", ")),
        },
        limits.replace("{channel}", &number(settings.per_channel)),
        match (settings.forum, can_read) {
            (false, _) => phrases.set_forum_no.clone(),
            (true, true) => phrases.set_forum_yes.clone(),
            (true, false) => phrases.set_forum_later.clone(),
        },
        match &settings.log_channel {
            Some(id) => phrases.set_log.replace("{channel}", &shown(id)),
            None => phrases.set_no_log.clone(),
        },
        of_roles(settings, phrases),
        phrases.set_days.replace("{days}", &settings.keep_days.to_string()),
    ]
    .join("\n")
}

fn of_roles(settings: &CommunitySettings, phrases: &Phrases) -> String {
    if settings.roles.is_empty() {
        return phrases.set_no_roles.clone();
    }
    let roles: Vec<String> = settings.roles.iter().map(|id| format!("<@&{id}>")).collect();
    phrases.set_roles.replace("{roles}", &roles.join(", "))
}
