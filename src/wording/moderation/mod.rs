//! Writes the texts for moderators, in English: prompts, refusals, previews, lists and reports.

mod bulk;
mod changes;
mod lists;
mod record;

use std::fmt::Write as _;

pub use bulk::*;
pub use changes::*;
pub use lists::*;
pub use record::*;

use crate::facts::{Facts, Source, Topic};
use crate::moderation::Permission;
use crate::moderation::command::{Field, Form, GRAMMAR, Verb};

/// The number of characters after which a quoted text is cut.
const LONGEST_QUOTE: usize = 120;

fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("\"{}…\"", &text[..end]),
        None => format!("\"{text}\""),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn named(topic: &Topic) -> String {
    format!("{} ({})", quoted(&topic.title), topic.id)
}

/// Returns the list of commands.
pub fn help() -> String {
    let mut text = String::from(
        "Separate fields with |, with or without their names: fact add ticket-price | statement: … | value: 80,000 RUB \
         | source: azzet 4. I ask for missing fields and show each change before it takes effect.",
    );
    for grammar in GRAMMAR {
        let fields: Vec<String> = grammar.must.iter().map(|field| format!("<{}>", field.name())).collect();
        let _ = write!(text, "\n{} {}: {}", grammar.words, fields.join(" "), grammar.about);
    }
    text.replace(" :", ":")
}

/// Returns the fields of a verb.
pub fn usage(verb: Verb) -> String {
    let grammar = verb.grammar();
    let of = |fields: &[Field]| fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "`{}` takes {}",
        grammar.words,
        if grammar.must.is_empty() { "nothing".into() } else { of(grammar.must) }
    );
    if !grammar.may.is_empty() {
        let _ = write!(text, "; optional: {}", of(grammar.may));
    }
    text + "."
}

pub fn no_such_command() -> String {
    "There is no such command. `fact help` lists all commands.".into()
}

pub fn no_such_field(verb: Verb, name: &str) -> String {
    format!("`{}` has no field {}. {}", verb.grammar().words, quoted(name), usage(verb))
}

pub fn not_allowed(needed: Permission) -> String {
    match needed {
        Permission::Operator => "Only operators may do that here: it affects all communities.".into(),
        Permission::Moderator | Permission::Member => {
            "Only moderators may do that here. Everybody can suggest a fact with `suggest`.".into()
        }
    }
}

pub fn trouble() -> String {
    "Something went wrong on my side, and it was reported to the operator. Nothing was changed; try again in a moment."
        .into()
}

pub fn confirm_again() -> String {
    "Something went wrong on my side, and it was reported to the operator. Nothing was changed yet, and your change \
     isn't lost: say `confirm` again in a moment, or `cancel`."
        .into()
}

pub fn refused(why: &str) -> String {
    format!("Nothing was changed: {why}.")
}

pub fn nothing_open() -> String {
    "No command is waiting: it was completed, cancelled or replaced, or it waited longer than 15 minutes. Your answer \
     changed nothing."
        .into()
}

pub fn cancelled() -> String {
    "Cancelled. Nothing was changed.".into()
}

pub fn nothing_changed() -> String {
    "That is already so; nothing was changed.".into()
}

pub fn confirm_or_cancel() -> String {
    "Say `confirm` or `cancel`.".into()
}

/// Returns the prompt for a field of a command. When a claim is edited, the prompt shows its present text.
pub fn prompt(form: &Form, field: Field, facts: &Facts) -> String {
    let claim = form.get(Field::Claim).and_then(|id| facts.claims().find(|claim| claim.id == id));
    match (form.verb, field, claim) {
        (Verb::FactEdit, Field::Statement, Some(claim)) => {
            format!("It says: {} What should it say? (`-` keeps it, `cancel` stops)", claim.statement)
        }
        (Verb::FactEdit, Field::Value, Some(claim)) => {
            format!("Its value is {}. What should it be? (`-` keeps it)", claim.value.in_words())
        }
        (Verb::FactEdit, Field::Source, Some(claim)) => format!(
            "Its source is {}. Does the same source say this? Answer `same`, a new source and paragraph, or \
             `no source`.",
            changes::cited(claim, facts)
        ),
        _ => prompt_text(field),
    }
}

/// Returns the prompt for a field. Discord shows its first 100 characters as the description of an option.
pub fn prompt_text(field: Field) -> String {
    match field {
        Field::Topic => "Which topic? Give its id or title; `fact find` looks it up.",
        Field::Claim => "Which claim? Give its id; `fact show` lists the claims of a topic.",
        Field::Statement => "What is the fact, as one sentence?",
        Field::Value => {
            "Its value for comparison, or `-` for none: 45,000 RUB · 27 July 2025 · 27 July 2025, 19:00 Moscow time · \
             8 hours 15 minutes · more than 400 passengers · once a month · name Boeing 777-200 · yes · no."
        }
        Field::Source => "Where is it stated? Give source and paragraph (moscow-times 7), or `no source`.",
        Field::Title => "What is its title?",
        Field::Question => "Which question, as people would ask it?",
        Field::Why => "Why?",
        Field::Revision => "Which revision? Give its number; `undo` also takes `all since` a number, for all after it.",
        Field::Into => "Into which topic?",
        Field::Date => "When was it published? (27 July 2025)",
        Field::Number => "Which number in the list?",
        Field::Unsaid => "What isn't known? Complete \"The sources don't say …\", for example: whether pets may fly.",
        Field::Text => "What are you looking for?",
        Field::Of => "What does the value measure? Only values of the same thing are compared.",
        Field::Words => "Which words of the paragraph support it?",
        Field::AsOf => "As of which day? (27 July 2025)",
        Field::SaidBy => "Who says so, according to the source?",
        Field::Publisher => "Who published it?",
        Field::Url => "What is its web address?",
        Field::Paragraphs => "How many paragraphs does it have?",
        Field::File => {
            "Which file? Edit a file from `fact export`, then send it as your next message here, or reply to it with \
             `fact import`."
        }
    }
    .into()
}

/// Returns the label of a field in a form.
#[cfg(feature = "discord")]
pub fn label(field: Field) -> String {
    label_of(field.name())
}

/// Returns a word as a label, with a capital letter.
#[cfg(feature = "discord")]
pub fn label_of(word: &str) -> String {
    super::capitalised(word)
}

/// Returns the label of the button that opens a form.
#[cfg(feature = "discord")]
pub fn fill_in() -> String {
    "Fill in".into()
}

#[cfg(feature = "discord")]
pub fn form_title() -> String {
    "Missing fields".into()
}

pub fn again(why: &str, field: Field) -> String {
    let prompt = prompt_text(field);
    if why == prompt { prompt } else { format!("{why}\n{prompt}") }
}

pub fn no_such(kind: &str, name: &str, alike: &[(&str, &str)]) -> String {
    let mut text = format!("There is no {kind} {}.", quoted(name.trim()));
    if !alike.is_empty() {
        let _ = write!(text, " Did you mean one of these?");
        for (id, title) in alike {
            let _ = write!(text, "\n  {id}: {title}");
        }
    }
    text
}

pub fn no_paragraph(source: &Source) -> String {
    let have = if source.paragraphs > 0 { format!(", from 1 to {}", source.paragraphs) } else { String::new() };
    format!("Name a paragraph of {}{have}, for example {} 3.", source.id, source.id)
}

pub fn no_address() -> String {
    "That isn't a web address. It must begin with http:// or https://.".into()
}

pub fn no_date(text: &str) -> String {
    format!("{} isn't a date. Write it as 27 July 2025, July 2025 or 2025-07-27.", quoted(text))
}

pub fn no_number(text: &str) -> String {
    format!("{} isn't a number.", quoted(text))
}

pub fn no_such_number(number: usize) -> String {
    format!("Nothing is listed under {number}. Run `unanswered` or `suggestions` to list again.")
}

pub fn no_such_revision(id: i64) -> String {
    format!("No moderator made a revision {id} here. `fact history all` lists the revisions.")
}

pub fn nothing_since(id: i64) -> String {
    format!("Moderators have changed nothing here after revision {id}.")
}

pub fn too_long(field: Field) -> String {
    format!("The {} is too long: at most {} characters.", field.name(), field.longest())
}

pub fn pings(field: Field) -> String {
    format!("The {} must not contain a mention or an invitation.", field.name())
}

pub fn has_address(field: Field) -> String {
    format!("The {} must not contain a web address; addresses belong to sources (`source add`).", field.name())
}

pub fn has_mark(field: Field) -> String {
    format!("The {} must not contain a number in brackets such as [1]: I add those for the sources.", field.name())
}

pub fn unnamed(who: &str) -> String {
    format!("The statement must contain {}, who says so according to the source.", quoted(who))
}

pub fn is_silent(topic: &Topic) -> String {
    format!(
        "{} is a silent topic, whose answer is that the sources don't say. To answer it, create a topic with `topic \
         add` and remove this one with `topic retire`.",
        named(topic)
    )
}

pub fn topic_is_there(topic: &Topic) -> String {
    format!("The topic {} already exists. `fact add` adds a claim to it.", named(topic))
}

pub fn no_question() -> String {
    "That question contains no words.".into()
}

pub fn question_is_there(question: &str, topic: &Topic) -> String {
    format!(
        "{} is already an example question of {}. `question remove` removes it there.",
        quoted(question),
        named(topic)
    )
}

pub fn question_is_not_there(question: &str) -> String {
    format!("No topic has exactly the example question {}.", quoted(question))
}

pub fn last_question(topic: &Topic) -> String {
    format!("That is the only example question of {}. `topic retire` removes the whole topic.", named(topic))
}

pub fn source_is_cited(source: &Source, claims: &[&str]) -> String {
    let more = if claims.len() > 5 { ", …" } else { "" };
    format!(
        "{} can't be removed, because it is cited by {}{more}.",
        source.id,
        claims[..claims.len().min(5)].join(", ")
    )
}

pub fn not_mergeable(from: &Topic, into: &Topic) -> String {
    format!(
        "{} and {} can't be merged: they are the same topic, or only one of them is silent.",
        named(from),
        named(into)
    )
}

pub fn not_that_kind() -> String {
    "`assign` and `not known` take a question from `unanswered`, `accept` takes a suggestion from `suggestions`.".into()
}

pub fn no_sentence(text: &str) -> String {
    format!("{} isn't a sentence.", quoted(text))
}

pub fn not_yet() -> String {
    "There is nothing to confirm yet.".into()
}
