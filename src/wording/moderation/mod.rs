//! What is said to moderators, in English: what is asked of them, and why something isn't done.

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

/// How long a quoted text may be before it is cut, in letters.
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

/// All commands.
pub fn help() -> String {
    let mut text = String::from(
        "Fields are separated by | and may have their names: fact add ticket-price | statement: … | value: 80,000 RUB | \
         source: azzet 4. What is missing is asked for. Each change is shown before it counts.",
    );
    for grammar in GRAMMAR {
        let fields: Vec<String> = grammar.must.iter().map(|field| format!("<{}>", field.name())).collect();
        let _ = write!(text, "\n{} {}: {}", grammar.words, fields.join(" "), grammar.about);
    }
    text.replace(" :", ":")
}

/// How a verb is used.
pub fn usage(verb: Verb) -> String {
    let grammar = verb.grammar();
    let of = |fields: &[Field]| fields.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "`{}` takes {}",
        grammar.words,
        if grammar.must.is_empty() { "nothing".into() } else { of(grammar.must) }
    );
    if !grammar.may.is_empty() {
        let _ = write!(text, "; and if you wish {}", of(grammar.may));
    }
    text + "."
}

pub fn no_such_command() -> String {
    "There is no such command; `fact help` lists them.".into()
}

pub fn no_such_field(verb: Verb, name: &str) -> String {
    format!("`{}` has no field {}. {}", verb.grammar().words, quoted(name), usage(verb))
}

pub fn not_allowed(needed: Permission) -> String {
    match needed {
        Permission::Operator => {
            "Only those who run the bot may do that here: it is about what all communities share.".into()
        }
        Permission::Moderator | Permission::Member => {
            "Only those who moderate here may do that. With `suggest` everybody can suggest a fact to them.".into()
        }
    }
}

pub fn trouble() -> String {
    "Something is wrong on my side, and the operator has been told. Nothing was changed; try again in a moment.".into()
}

pub fn confirm_again() -> String {
    "Something is wrong on my side, and the operator has been told. Nothing was changed yet, and nothing is lost: say \
     `confirm` again in a moment, or `cancel`."
        .into()
}

pub fn refused(why: &str) -> String {
    format!("Nothing was changed: {why}.")
}

pub fn nothing_open() -> String {
    "Nothing is open: it was done, cancelled, or has waited for longer than 15 minutes. This changed nothing.".into()
}

pub fn cancelled() -> String {
    "Cancelled. Nothing was changed.".into()
}

pub fn nothing_changed() -> String {
    "That is as it is already; nothing was changed.".into()
}

pub fn confirm_or_cancel() -> String {
    "Say `confirm` or `cancel`.".into()
}

/// Asks for a field of a command.
pub fn prompt(form: &Form, field: Field, facts: &Facts) -> String {
    let claim = form.get(Field::Claim).and_then(|id| facts.claims().find(|claim| claim.id == id));
    match (form.verb, field, claim) {
        (Verb::FactEdit, Field::Statement, Some(claim)) => {
            format!("It says: {} What shall it say? (`-` keeps it, `cancel` leaves)", claim.statement)
        }
        (Verb::FactEdit, Field::Value, Some(claim)) => {
            format!("Its value is {}. What shall it be? (`-` keeps it)", claim.value.in_words())
        }
        (Verb::FactEdit, Field::Source, Some(claim)) => format!(
            "Its source is {}. Does the same source say this? Say `same`, a new source and paragraph, or `no source`.",
            changes::cited(claim, facts)
        ),
        _ => prompt_text(field),
    }
}

/// Asks for a field.
pub fn prompt_text(field: Field) -> String {
    match field {
        Field::Topic => "Which topic? Its id or title; `fact find` finds it.",
        Field::Claim => "Which claim? Its id; `fact show` shows those of a topic.",
        Field::Statement => "What is the fact, as one sentence?",
        Field::Value => {
            "Its value for comparing, or `-` for none: 45,000 RUB · 27 July 2025 · 27 July 2025, 19:00 Moscow time · 8 hours \
             15 minutes · more than 400 passengers · once a month · name Boeing 777-200 · yes · no."
        }
        Field::Source => "Where does it stand? Source and paragraph (moscow-times 7), or `no source`.",
        Field::Title => "Its title?",
        Field::Question => "Which question, as people would ask it?",
        Field::Why => "Why?",
        Field::Revision => "Which revision? Its number, or `all since` one, for those after it.",
        Field::Into => "Into which topic?",
        Field::Date => "When was it published? (27 July 2025)",
        Field::Number => "Which number of the list?",
        Field::Unsaid => "What is not known? It completes \"The sources don't say …\": whether pets may fly.",
        Field::Text => "What are you looking for?",
        Field::Of => "What is the value a value of?",
        Field::Words => "Which words of the paragraph bear it?",
        Field::AsOf => "As of which day? (27 July 2025)",
        Field::SaidBy => "Who says so, according to the source?",
        Field::Publisher => "Who published it?",
        Field::Url => "Its address?",
        Field::Paragraphs => "How many paragraphs does it have?",
        Field::File => "Which file? An edited one from `fact export`: send it as your next message here, or reply to it with \
                        `fact import`.",
    }
    .into()
}

/// A short label of a field, for forms.
#[cfg(feature = "discord")]
pub fn label(field: Field) -> String {
    label_of(field.name())
}

/// A word as a label.
#[cfg(feature = "discord")]
pub fn label_of(word: &str) -> String {
    super::capitalised(word)
}

/// The button that opens a form, and the form's title.
#[cfg(feature = "discord")]
pub fn fill_in() -> String {
    "Fill in".into()
}

#[cfg(feature = "discord")]
pub fn form_title() -> String {
    "What is missing".into()
}

pub fn again(why: &str, field: Field) -> String {
    let prompt = prompt_text(field);
    if why == prompt { prompt } else { format!("{why}\n{prompt}") }
}

pub fn no_such(kind: &str, name: &str, alike: &[(&str, &str)]) -> String {
    let mut text = format!("There is no {kind} {}.", quoted(name.trim()));
    if !alike.is_empty() {
        let _ = write!(text, " Is one of these meant?");
        for (id, title) in alike {
            let _ = write!(text, "\n  {id}: {title}");
        }
    }
    text
}

pub fn no_paragraph(source: &Source) -> String {
    let have = if source.paragraphs > 0 { format!(" from 1 to {}", source.paragraphs) } else { String::new() };
    format!("{} has paragraphs{have}: say one with it, {} 3.", source.id, source.id)
}

pub fn no_address() -> String {
    "That is no address on the web: it begins with http:// or https://.".into()
}

pub fn no_date(text: &str) -> String {
    format!("{} is no date; expected 27 July 2025, July 2025 or 2025-07-27.", quoted(text))
}

pub fn no_number(text: &str) -> String {
    format!("{} is no number.", quoted(text))
}

pub fn no_such_number(number: usize) -> String {
    format!("Nothing is listed under {number}. List anew with `unanswered` or `suggestions`.")
}

pub fn no_such_revision(id: i64) -> String {
    format!("No moderator made a revision {id} here; `fact history all` lists them.")
}

pub fn nothing_since(id: i64) -> String {
    format!("Moderators have changed nothing here after revision {id}.")
}

pub fn too_long(field: Field) -> String {
    format!("The {} is too long: at most {} letters.", field.name(), field.longest())
}

pub fn pings(field: Field) -> String {
    format!("The {} may have no mention and no invitation in it.", field.name())
}

pub fn has_address(field: Field) -> String {
    format!("The {} may have no address in it; addresses belong to sources (`source add`).", field.name())
}

pub fn has_mark(field: Field) -> String {
    format!("The {} may have no number in brackets in it, like [1]: I write those where the sources are.", field.name())
}

pub fn unnamed(who: &str) -> String {
    format!("The statement must name {}, who says so.", quoted(who))
}

pub fn is_silent(topic: &Topic) -> String {
    format!(
        "{} is a topic about which the sources are silent. To answer it, make a topic with `topic add` and take this one \
         away with `topic retire`.",
        named(topic)
    )
}

pub fn topic_is_there(topic: &Topic) -> String {
    format!("There is a topic {} already; `fact add` adds a claim to it.", named(topic))
}

pub fn no_question() -> String {
    "There is no word in that question.".into()
}

pub fn question_is_there(question: &str, topic: &Topic) -> String {
    format!("{} is taught to {} already. `question remove` forgets it there.", quoted(question), named(topic))
}

pub fn question_is_not_there(question: &str) -> String {
    format!("No topic was taught {} word for word.", quoted(question))
}

pub fn last_question(topic: &Topic) -> String {
    format!("That is the last question of {}; `topic retire` takes it away whole.", named(topic))
}

pub fn source_is_cited(source: &Source, claims: &[&str]) -> String {
    let more = if claims.len() > 5 { ", …" } else { "" };
    format!("{} is cited by {}{more}.", source.id, claims[..claims.len().min(5)].join(", "))
}

pub fn not_mergeable(from: &Topic, into: &Topic) -> String {
    format!(
        "{} and {} can't be merged: they are the same, or the sources answer only one of them.",
        named(from),
        named(into)
    )
}

pub fn not_that_kind() -> String {
    "That is for questions of `unanswered` (`assign`, `not known`) or suggestions (`accept`).".into()
}

pub fn no_sentence(text: &str) -> String {
    format!("{} is no sentence.", quoted(text))
}

pub fn not_yet() -> String {
    "There is nothing to confirm yet.".into()
}
