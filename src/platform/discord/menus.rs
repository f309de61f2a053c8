//! Lets people browse the topics: a menu of subjects, then one of a subject's topics, then the answer.
//!
//! As with buttons, the ids hold all that is needed.

use serenity::all::{
    ButtonStyle, ComponentInteraction, ComponentInteractionDataKind, CreateActionRow, CreateButton,
    CreateInteractionResponse, CreateSelectMenu, CreateSelectMenuKind, CreateSelectMenuOption, Http,
};

use super::buttons::scope_of;
use super::respond::{PendingInteraction, response};
use super::{DiscordError, SharedDiscordBot, buttons, render};
use crate::facts::{Facts, Subject, Topic};
use crate::language::{Language, Phrases};
use crate::store::Scope;
use crate::wording;

/// Discord's limits for a menu: the number of options, and the length of a label in characters.
const PAGE: usize = 25;
const LONGEST_LABEL: usize = 100;

/// The action of a menu, or of a button below it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Menu {
    /// Shows a page of the subjects.
    Subjects { language: Language, page: usize },
    /// Shows the topics of the chosen subject.
    Subject { language: Language },
    /// Shows a page of a subject's topics.
    Topics { language: Language, subject: String, page: usize },
    /// Answers from the chosen topic.
    Topic { language: Language },
}

impl Menu {
    fn id(&self) -> String {
        match self {
            Self::Subjects { language, page } => format!("subjects:{}:{page}", language.code()),
            Self::Subject { language } => format!("subject:{}", language.code()),
            Self::Topics { language, subject, page } => format!("topics:{}:{subject}:{page}", language.code()),
            Self::Topic { language } => format!("browse:{}", language.code()),
        }
    }

    /// Parses an id. `None` if it doesn't belong to a menu.
    fn of(id: &str) -> Option<Self> {
        let language = Language::from_code;
        match id.split(':').collect::<Vec<_>>()[..] {
            ["subjects", code, page] => Some(Self::Subjects { language: language(code)?, page: page.parse().ok()? }),
            ["subject", code] => Some(Self::Subject { language: language(code)? }),
            ["topics", code, subject, page] => {
                Some(Self::Topics { language: language(code)?, subject: subject.to_owned(), page: page.parse().ok()? })
            }
            ["browse", code] => Some(Self::Topic { language: language(code)? }),
            _ => None,
        }
    }
}

/// An option of a menu.
struct MenuOption {
    label: String,
    value: String,
}

/// A message with a menu.
struct Shown {
    text: String,
    rows: Vec<CreateActionRow>,
}

/// Shows the menu of subjects to the person alone.
///
/// # Errors
/// If the request to Discord fails.
pub async fn open(
    pending: &PendingInteraction<'_>,
    bot: &SharedDiscordBot,
    scope: &Scope,
    language: Language,
) -> Result<(), DiscordError> {
    match facts(bot, scope) {
        Some(facts) => {
            let shown = subjects(&facts, language, 0);
            pending.say(&[shown.text], shown.rows, &[], true).await
        }
        None => pending.tell(&wording::trouble().text).await,
    }
}

/// Handles a choice from a menu, or a press of a button below it. Returns false for any other component.
///
/// # Errors
/// If the request to Discord fails.
pub async fn on_press(
    http: &Http,
    bot: &SharedDiscordBot,
    pressed: &ComponentInteraction,
) -> Result<bool, DiscordError> {
    let Some(menu) = Menu::of(&pressed.data.custom_id) else { return Ok(false) };
    let pending = PendingInteraction::of_press(http, &bot.requests, pressed);
    let scope = &scope_of(pressed);
    let chosen = match &pressed.data.kind {
        ComponentInteractionDataKind::StringSelect { values } => values.first().cloned(),
        _ => None,
    };
    let shown = match (menu, chosen) {
        (Menu::Subjects { language, page }, _) => facts(bot, scope).map(|facts| subjects(&facts, language, page)),
        (Menu::Subject { language }, Some(subject)) => {
            facts(bot, scope).and_then(|facts| topics(&facts, language, &subject, 0))
        }
        (Menu::Topics { language, subject, page }, _) => {
            facts(bot, scope).and_then(|facts| topics(&facts, language, &subject, page))
        }
        (Menu::Topic { language }, Some(topic)) => {
            let reply = bot.desk.topic(scope, &topic, language);
            let rows = buttons::under(&reply, pressed.user.id.get(), true, &[]);
            pending.say(&render::messages(&reply), rows, &[], true).await?;
            return Ok(true);
        }
        (Menu::Subject { .. } | Menu::Topic { .. }, None) => None,
    };
    match shown {
        Some(shown) => {
            let message = response(&shown.text, true).components(shown.rows);
            pending.respond(CreateInteractionResponse::UpdateMessage(message)).await?;
        }
        // The subject or topic may have been removed since the menu was shown.
        None => pending.tell(&wording::trouble().text).await?,
    }
    Ok(true)
}

fn facts(bot: &SharedDiscordBot, scope: &Scope) -> Option<Facts> {
    let facts = bot.desk.facts_of(scope).inspect_err(|error| tracing::error!(%error, "the facts could not be read"));
    facts.ok().map(|(facts, _)| facts)
}

fn is_answered(topic: &&Topic) -> bool {
    !topic.is_silent()
}

/// Builds a page of the subjects that have an answered topic.
fn subjects(facts: &Facts, language: Language, page: usize) -> Shown {
    let phrases = &language.pack().phrases;
    let answered = facts.subjects.iter().filter(|subject| subject.topics.iter().any(|topic| !topic.is_silent()));
    let lines =
        answered.map(|subject| MenuOption { label: subject.title.clone(), value: subject.id.clone() }).collect();
    let turn = |page| Menu::Subjects { language, page };
    let rows = menu(lines, page, &Menu::Subject { language }, &phrases.choose_subject, turn, phrases, None);
    Shown { text: phrases.subjects.clone(), rows }
}

/// Builds a page of a subject's answered topics. `None` if it has none, or if there is no such subject.
fn topics(facts: &Facts, language: Language, subject: &str, page: usize) -> Option<Shown> {
    let Subject { id, title, topics, .. } = facts.subjects.iter().find(|other| other.id == subject)?;
    let phrases = &language.pack().phrases;
    let title_of = |topic: &Topic| {
        let said = language.pack().topic(&topic.id).map(|said| said.title.clone());
        said.unwrap_or_else(|| topic.title.clone())
    };
    let answered = topics.iter().filter(is_answered);
    let lines: Vec<MenuOption> =
        answered.map(|topic| MenuOption { label: title_of(topic), value: topic.id.clone() }).collect();
    if lines.is_empty() {
        return None;
    }
    let turn = |page| Menu::Topics { language, subject: id.clone(), page };
    let back = Menu::Subjects { language, page: 0 };
    let rows = menu(lines, page, &Menu::Topic { language }, &phrases.choose_topic, turn, phrases, Some(back));
    Some(Shown { text: render::escaped(title), rows })
}

/// Builds a menu with one page of options, and the buttons to turn pages and to go back.
fn menu(
    lines: Vec<MenuOption>,
    page: usize,
    chooses: &Menu,
    placeholder: &str,
    turn: impl Fn(usize) -> Menu,
    phrases: &Phrases,
    back: Option<Menu>,
) -> Vec<CreateActionRow> {
    let last = lines.len().saturating_sub(1) / PAGE;
    let page = page.min(last);
    let options = lines.into_iter().skip(page * PAGE).take(PAGE).map(|line| {
        let label: String = line.label.chars().take(LONGEST_LABEL).collect();
        CreateSelectMenuOption::new(label, line.value)
    });
    let select = CreateSelectMenu::new(chooses.id(), CreateSelectMenuKind::String { options: options.collect() });
    let mut rows = vec![CreateActionRow::SelectMenu(select.placeholder(placeholder))];
    let button = |menu: Menu, label: &str| CreateButton::new(menu.id()).label(label).style(ButtonStyle::Secondary);
    let before = if page > 0 { Some(turn(page - 1)) } else { back };
    let next = (page < last).then(|| turn(page + 1));
    let buttons: Vec<CreateButton> = before
        .map(|menu| button(menu, &phrases.button_before))
        .into_iter()
        .chain(next.map(|menu| button(menu, &phrases.button_next)))
        .collect();
    if !buttons.is_empty() {
        rows.push(CreateActionRow::Buttons(buttons));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::text;

    #[test]
    fn ids_come_back_as_they_went() {
        let language = Language::Russian;
        for menu in [
            Menu::Subjects { language, page: 3 },
            Menu::Subject { language },
            Menu::Topics { language, subject: "tickets".into(), page: 1 },
            Menu::Topic { language },
        ] {
            assert_eq!(Menu::of(&menu.id()), Some(menu));
        }
        for id in ["subjects:en", "subjects:xx:1", "topics:en:tickets:-1", "browse", "topic:1:en:airline"] {
            assert_eq!(Menu::of(id), None, "{id}");
        }
    }

    #[test]
    fn every_topic_is_on_some_page() {
        let facts = text::shipped();
        for subject in &facts.subjects {
            let count = subject.topics.iter().filter(is_answered).count();
            let pages = (0..count.div_ceil(PAGE)).map(|page| {
                let shown = topics(&facts, Language::Korean, &subject.id, page).expect("topics");
                let rows = serde_json::to_value(&shown.rows).unwrap();
                rows[0]["components"][0]["options"].as_array().unwrap().len()
            });
            assert_eq!(pages.sum::<usize>(), count, "{}", subject.id);
        }
        assert!(topics(&facts, Language::English, "no-such-subject", 0).is_none());
    }
}
