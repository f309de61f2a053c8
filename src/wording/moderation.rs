//! What is said to moderators, in English.

use std::fmt::Write as _;

use super::{Reply, source_in_list};
use crate::desk::Heard;
use crate::facts::{Claim, Facts, Rank, Source, Subject, Topic, Value};
use crate::moderation::Right;
use crate::moderation::command::{Field, Form, GRAMMAR, Verb};
use crate::store::queue::{Report, Suggestion, Waiting};
use crate::store::{Changed, Revision};
use crate::understanding::{Decision, Index};

/// How long a quoted text may be before it is cut, in letters.
const LONGEST_QUOTE: usize = 120;

/// How many example questions of a topic are shown.
const EXAMPLES_SHOWN: usize = 3;

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

pub fn not_allowed(needed: Right) -> String {
    match needed {
        Right::Operator => {
            "Only those who run the bot may do that here: it is about what all communities share.".into()
        }
        Right::Moderator | Right::Member => {
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
            cited(claim, facts)
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
            "Its value, for comparing it with others: 45,000 RUB · 27 July 2025 · 27 July 2025, 19:00 Moscow time · 8 hours \
             15 minutes · more than 400 passengers · once a month · name Boeing 777-200 · yes · no; or `-` if it has none."
        }
        Field::Source => "Where does it stand? Source and paragraph (moscow-times 7), or `no source`.",
        Field::Title => "Its title?",
        Field::Question => "Which question, as people would ask it?",
        Field::Why => "Why?",
        Field::Revision => "Which revision? Its number, or `all since` one.",
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

/// A change, for those who look after the community.
#[cfg(any(feature = "discord", feature = "matrix"))]
pub fn in_log(line: &str) -> String {
    format!("{line}. `undo` takes it back.")
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
    format!("Moderators have changed nothing here since revision {id}.")
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

pub fn takes_from_silent(topic: &Topic, left: usize) -> String {
    let rest = match left {
        0 => "which has no question left and goes".to_owned(),
        left => format!("which keeps {left} like it; `topic retire {}` if all of it is answered now", topic.id),
    };
    format!("It is taken from {}, {rest}", named(topic))
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

pub fn adds_claim(topic: &Topic) -> String {
    format!("Add a claim to {}", named(topic))
}

pub fn adds_topic(topic: &Topic) -> String {
    format!(
        "Make a topic {} that is asked for by {}",
        named(topic),
        quoted(topic.examples.first().map_or("", String::as_str))
    )
}

pub fn adds_silent_topic(topic: &Topic) -> String {
    format!(
        "Say that the sources don't say {}, when asked {}",
        topic.unsaid.as_deref().unwrap_or_default(),
        quoted(topic.examples.first().map_or("", String::as_str))
    )
}

pub fn unsaid_as_title(unsaid: &str) -> String {
    super::capitalised(unsaid)
}

pub fn renames_topic(topic: &Topic, title: &str) -> String {
    format!("Call {} {} from now on", named(topic), quoted(title))
}

pub fn merges_topics(from: &Topic, into: &Topic) -> String {
    format!(
        "Put {} with {} questions and {} claims into {}",
        named(from),
        from.examples.len(),
        from.claims.len(),
        named(into)
    )
}

pub fn retires_topic(topic: &Topic) -> String {
    format!("Answer {} no more", named(topic))
}

pub fn teaches(question: &str, topic: &Topic) -> String {
    format!("Teach {} to {}", quoted(question), named(topic))
}

pub fn forgets(question: &str, topic: &Topic) -> String {
    format!("Forget {} in {}", quoted(question), named(topic))
}

pub fn adds_source(source: &Source) -> String {
    format!("Add source {}: {}", source.id, source_in_list(source))
}

pub fn changes_source(was: &Source, is: &Source) -> String {
    format!("Change source {}\n  was: {}\n  now: {}", was.id, source_in_list(was), source_in_list(is))
}

pub fn retires_source(source: &Source) -> String {
    format!("Take source {} away", source.id)
}

pub fn retires_claim(claim: &Claim) -> String {
    format!("Say {} no more: {}", claim.id, claim.statement)
}

pub fn restores_claim(claim: &Claim) -> String {
    format!("Say {} again: {}", claim.id, claim.statement)
}

/// Where a claim stands.
fn cited(claim: &Claim, facts: &Facts) -> String {
    if claim.cite.is_empty() {
        return "no source".into();
    }
    let sources = facts.sources_by_id();
    let of = |citation: &crate::facts::Citation| {
        let name = sources.get(citation.source.as_str()).and_then(|source| source.publisher.clone());
        format!("{}, paragraph {}", name.unwrap_or_else(|| citation.source.clone()), citation.paragraph)
    };
    claim.cite.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// A claim as it stands, a line for each of its parts.
pub fn claim_in_lines(claim: &Claim, facts: &Facts) -> Vec<String> {
    let mut lines = vec![format!("  {}", claim.statement)];
    // A claim of words alone has its own words for a value.
    if claim.value.in_words() != claim.statement.trim_end_matches('.') {
        lines.push(format!("  value: {}", value_of(claim)));
    }
    lines.push(format!("  source: {}", cited(claim, facts)));
    lines.push(format!("  as of: {}", super::in_words(&claim.as_of, crate::language::Language::English)));
    lines.extend(claim.attributed_to.as_ref().map(|who| format!("  said by: {who}")));
    lines
}

fn value_of(claim: &Claim) -> String {
    let of = claim.of.as_ref().map(|of| format!(" ({of})")).unwrap_or_default();
    format!("{}{of}", claim.value.in_words())
}

/// What becomes of a claim, a line for each part that changes.
pub fn claim_changes(was: &Claim, is: &Claim, facts: &Facts) -> Vec<String> {
    let mut lines = vec![format!("Change {}", is.id)];
    let english = crate::language::Language::English;
    let parts = [
        ("statement", was.statement.clone(), is.statement.clone()),
        ("value", value_of(was), value_of(is)),
        ("source", cited(was, facts), cited(is, facts)),
        ("as of", super::in_words(&was.as_of, english), super::in_words(&is.as_of, english)),
        (
            "said by",
            was.attributed_to.clone().unwrap_or_else(|| "nobody".into()),
            is.attributed_to.clone().unwrap_or_else(|| "nobody".into()),
        ),
    ];
    for (name, was, is) in parts.into_iter().filter(|(_, was, is)| was != is) {
        lines.push(format!("  {name}: {is}\n    was: {was}"));
    }
    lines
}

pub fn value_is_not_shown(value: &Value) -> String {
    format!("the statement doesn't show the value, {}", value.in_words())
}

pub fn is_compared_no_more(was: &Value) -> String {
    format!(
        "the value was {}, which others were compared with; now it is words, which nothing is compared with",
        was.in_words()
    )
}

pub fn still_says(other: &Claim) -> String {
    format!("{} still says the old figure: {}", other.id, quoted(&other.statement))
}

pub fn is_untranslated() -> String {
    "in Russian and Korean it is said in your words, too, as long as nobody translates it".into()
}

pub fn loses_its_answer() -> String {
    "careful, this question has an answer at present and then has none".into()
}

pub fn no_sentence(text: &str) -> String {
    format!("{} is no sentence.", quoted(text))
}

pub fn not_yet() -> String {
    "There is nothing to confirm yet.".into()
}

pub fn is_unsourced() -> String {
    "no source is given; the answer will say so".into()
}

pub fn disagrees(other: &Claim) -> String {
    format!(
        "disagrees with {}: {} (if it is about something else, say what with `of: …`)",
        other.id,
        quoted(&other.statement)
    )
}

pub fn says_the_same(other: &Claim) -> String {
    format!("says the same as {}: {}", other.id, quoted(&other.statement))
}

pub fn belongs_to(title: &str) -> String {
    format!("this question is answered from {} at present", quoted(title))
}

pub fn answer_stays() -> String {
    "the answer to it stays as it is".into()
}

pub fn recorded_change(questions: &[String]) -> Option<String> {
    list_of("of the recorded questions these get another answer", questions)
}

pub fn others_change(questions: &[String]) -> Option<String> {
    list_of("careful, these questions of other topics get another answer", questions)
}

fn list_of(what: &str, questions: &[String]) -> Option<String> {
    let list = questions.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    (!questions.is_empty()).then(|| format!("{what}: {list}"))
}

/// The answer before and after, without the addresses of its sources.
pub fn before_and_after(before: &Reply, after: &Reply) -> String {
    if before.text == after.text {
        return format!("The answer stays:\n{}", indented(&before.body));
    }
    format!("Before:\n{}\nAfter:\n{}", indented(&without_addresses(before)), indented(&without_addresses(after)))
}

fn without_addresses(reply: &Reply) -> String {
    reply.text.lines().map(|line| line.split(" <http").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// A change with all that is known of it.
pub fn preview(lines: &[String], found: &[String], answers: &[String]) -> String {
    let mut parts = vec![lines.join("\n")];
    if !found.is_empty() {
        let found: Vec<String> = found.iter().map(|found| format!("  · {found}")).collect();
        parts.push(format!("Found:\n{}", found.join("\n")));
    }
    parts.extend(answers.iter().cloned());
    parts.push(format!("Nothing is changed yet. {}", confirm_or_cancel()));
    parts.join("\n")
}

pub fn made(revision: i64) -> String {
    format!("Done, revision {revision}. `undo {revision}` takes it back.")
}

/// A community's change that all share now.
pub fn promoted(revision: i64) -> String {
    format!(
        "Done, all share it since revision {revision}. To take it back say `undo {revision}` in a direct chat with me or on \
         the terminal."
    )
}

/// A revision for others who look after the community, in a line.
pub fn made_line(revision: i64, lines: &[String]) -> String {
    let what = lines.first().map_or("", |line| line.lines().next().unwrap_or_default());
    format!("Revision {revision}: {what}")
}

/// Somebody was faster.
pub fn overtaken(by: &[Revision]) -> String {
    let mut text = String::from("Nothing was changed: somebody changed the same since you looked.");
    for revision in by {
        let _ = write!(text, "\n{}", revision_in_words(revision));
    }
    text + "\nLook at it as it is now and decide again."
}

/// Why a revision isn't taken back.
pub fn changed_since(id: i64, by: &[Revision]) -> String {
    let mut text = format!("What revision {id} changed was changed again since, so it isn't taken back by itself:");
    for revision in by {
        let _ = write!(text, "\n{}", revision_in_words(revision));
    }
    let _ = write!(text, "\nTake those back first, or all at once with `undo all since {}`.", id - 1);
    text
}

/// A revision with what it changed.
fn revision_in_words(revision: &Revision) -> String {
    let when: String = revision.meta.made_at.chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect();
    let undoes = revision.undoes.map(|id| format!(", takes {id} back")).unwrap_or_default();
    let shared = match &revision.scope {
        crate::store::Scope::Shared => ", shared",
        crate::store::Scope::Community(_) => "",
    };
    let who = revision.meta.who.split_once(':').map_or(revision.meta.who.as_str(), |(_, who)| who);
    let mut text = format!("{}: {when} UTC, {who}{undoes}{shared}: {}", revision.id, quoted(&revision.meta.why));
    if revision.by_moderator {
        for changed in &revision.changes {
            let _ = write!(text, "\n  {}", changed_in_words(changed));
        }
    }
    text
}

fn changed_in_words(changed: &Changed) -> String {
    let name = format!("{} {}", changed.kind, changed.id);
    if let (Some(was), Some(is)) = changed.claims() {
        return format!("{name}: {}", claim_difference(&was, &is));
    }
    match (&changed.was, &changed.is) {
        (_, None) => format!("{name} was taken away"),
        (None, Some(_)) => match changed.claims().1 {
            Some(is) => format!("{name}: {}", quoted(&is.statement)),
            None => format!("{name} was added"),
        },
        _ => format!("{name} was changed"),
    }
}

fn claim_difference(was: &Claim, is: &Claim) -> String {
    if was.rank != is.rank {
        return if is.rank == Rank::Deprecated { "retired".into() } else { "restored".into() };
    }
    if was.statement != is.statement {
        return format!("{} became {}", quoted(&was.statement), quoted(&is.statement));
    }
    format!("{} became {}", value_of(was), value_of(is))
}

pub fn undoes(revision: &Revision) -> Vec<String> {
    vec![format!("Take revision {} back", revision.id), indented(&revision_in_words(revision))]
}

pub fn undoes_all(revisions: &[Revision]) -> Vec<String> {
    let mut lines = vec![format!("Take {} revisions back, the newest first", revisions.len())];
    lines
        .extend(revisions.iter().take(10).map(|revision| format!("  {}: {}", revision.id, quoted(&revision.meta.why))));
    if revisions.len() > 10 {
        lines.push("  …".into());
    }
    lines
}

pub fn promotes(revision: &Revision) -> Vec<String> {
    vec![
        format!("Make revision {} of this community what all share", revision.id),
        indented(&revision_in_words(revision)),
    ]
}

pub fn history(name: &str, revisions: &[Revision]) -> String {
    if revisions.is_empty() {
        return format!("Nothing was changed of {}.", quoted(name));
    }
    revisions.iter().map(revision_in_words).collect::<Vec<_>>().join("\n")
}

pub fn outdated(outdated: &[(String, String, i64)]) -> String {
    if outdated.is_empty() {
        return "Nothing that was changed here has been changed by others since.".into();
    }
    let mut text = String::from(
        "These were changed here, and what all share changed after that. Yours count until you undo them:",
    );
    for (kind, id, revision) in outdated {
        let _ = write!(text, "\n  {kind} {id} (shared revision {revision}; `fact history {id}`)");
    }
    text
}

/// Topics that were found.
pub fn found(topics: &[&Topic], most: usize) -> String {
    let mut lines: Vec<String> = topics.iter().take(most).map(|topic| in_list(topic)).collect();
    if topics.len() > most {
        lines.push(format!("and {} more", topics.len() - most));
    }
    lines.join("\n")
}

pub fn found_near(topics: &[&Topic]) -> String {
    if topics.is_empty() {
        return "Nothing was found.".into();
    }
    format!("Nothing has all these words. Nearest:\n{}", found(topics, topics.len()))
}

fn in_list(topic: &Topic) -> String {
    let silent = if topic.is_silent() { ", silent" } else { "" };
    format!("{}: {} ({} claims{silent})", topic.id, topic.title, topic.claims.len())
}

/// A topic with its claims.
pub fn topic(subject: &Subject, topic: &Topic, facts: &Facts, newest: i64) -> String {
    let mut text = format!("{} in {}", named(topic), quoted(&subject.title));
    let _ = write!(text, ", last changed in revision {newest}");
    if let Some(unsaid) = &topic.unsaid {
        let _ = write!(text, "\nThe sources don't say {unsaid}. The nearest:");
    }
    let claims = facts.claims_by_id();
    for claim in topic.claims.iter().filter_map(|id| claims.get(id.as_str())) {
        let rank = match claim.rank {
            Rank::Preferred => ", preferred",
            Rank::Normal => "",
            Rank::Deprecated => ", retired",
        };
        let _ = write!(text, "\n{}{rank}\n{}", claim.id, claim_in_lines(claim, facts).join("\n"));
    }
    let _ = write!(text, "\n{} questions are taught:", topic.examples.len());
    let newest: Vec<String> = topic.examples.iter().rev().take(EXAMPLES_SHOWN).map(|example| quoted(example)).collect();
    let more = if topic.examples.len() > EXAMPLES_SHOWN { ", …" } else { "" };
    format!("{text} {}{more}", newest.join(", "))
}

/// How a question is understood.
pub fn trace(heard: &Heard, index: &Index) -> String {
    let mut lines = vec![format!("{:?} in {} µs", heard.reply.outcome, heard.elapsed_us)];
    for trace in &heard.traces {
        lines.push(format!("words: {}", trace.words.join(" ")));
        for candidate in &trace.candidates {
            let unexplained: Vec<String> =
                candidate.unexplained.iter().map(|word| format!("{} {:.2}", word.word, word.weight)).collect();
            lines.push(format!(
                "  {:<28} confidence {:.2}, score {:.2} (margin {:.2}, centre {:.2}, nearest {:.2}), gap {:.2}, unexplained: {}",
                index.topics()[candidate.topic].id,
                candidate.confidence,
                candidate.fit.score,
                candidate.fit.margin,
                candidate.fit.cosine,
                candidate.fit.likeness.nearest,
                candidate.lead.score,
                if unexplained.is_empty() { "nothing".to_owned() } else { unexplained.join(", ") },
            ));
        }
        if let (Decision::Unknown { .. } | Decision::Choose(_), Some(best)) =
            (&trace.decision, trace.candidates.first())
        {
            let id = &index.topics()[best.topic].id;
            lines.push(format!(
                "It would answer from {id} with a confidence of {:.2} or more; `question add {id} {}` teaches it.",
                crate::understanding::decide::ANSWER_FROM,
                trace.words.join(" ")
            ));
        }
    }
    lines.join("\n")
}

/// A page of questions without an answer.
pub fn unanswered(shown: &[Waiting], first: usize, (page, pages): (usize, usize)) -> String {
    if shown.is_empty() {
        return "No question waits for an answer.".into();
    }
    let day = |at: i64| {
        let day = jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string();
        day.chars().take(10).collect::<String>()
    };
    let mut text = String::from("Questions that I could not answer:");
    for (at, waiting) in shown.iter().enumerate() {
        let (begin, end) = (day(waiting.asked.0), day(waiting.asked.1));
        let when = if begin == end { end } else { format!("{begin} to {end}") };
        let _ = write!(text, "\n{}. {}× {} ({when})", first + at + 1, waiting.count, quoted(&waiting.text));
    }
    if pages > 1 {
        let _ = write!(text, "\nPage {page} of {pages}: `unanswered 2` shows the next.");
    }
    text + "\n`assign 1 <topic>` teaches it to a topic, `not known 1 <what>` says what isn't known, `dismiss 1` leaves it, \
            `topic add` makes a new topic."
}

pub fn suggestions(suggested: &[(i64, Suggestion)], reported: &[(i64, Report)]) -> String {
    if suggested.is_empty() && reported.is_empty() {
        return "Nothing was suggested or reported.".into();
    }
    let mut lines = Vec::new();
    for (at, (_, suggestion)) in suggested.iter().enumerate() {
        let part = |name: &str, text: &Option<String>| {
            text.as_ref().map(|text| format!(", {name} {text}")).unwrap_or_default()
        };
        lines.push(format!(
            "{}. suggested: {}{}{}",
            at + 1,
            quoted(&suggestion.statement),
            part("topic", &suggestion.topic),
            part("source", &suggestion.source)
        ));
    }
    for (at, (_, report)) in reported.iter().enumerate() {
        lines.push(format!("{}. reported of {}: {}", suggested.len() + at + 1, report.topics, quoted(&report.text)));
    }
    lines.push("`accept 1` makes a suggestion a claim, `decline 1 <why>` declines it, `dismiss 1` leaves it.".into());
    lines.join("\n")
}

pub fn suggested() -> String {
    "Thank you. Those who moderate here will see it, without your name.".into()
}

pub fn too_many_suggestions() -> String {
    "Thank you, but very many suggestions wait already; try again when they have been looked through.".into()
}

pub fn put_aside(why: Option<&str>) -> String {
    why.map_or_else(|| "Done; it won't be raised again.".into(), |why| format!("Declined: {why}"))
}

/// What was asked, by outcome, a line a day.
pub fn stats(tally: &[(String, String, u32)]) -> String {
    if tally.is_empty() {
        return "Nothing was asked here in the last seven days.".into();
    }
    let mut days: Vec<&String> = tally.iter().map(|(day, _, _)| day).collect();
    days.dedup();
    let line = |day: &String| {
        let of = tally.iter().filter(|(other, _, _)| other == day);
        let sum: u32 = of.clone().map(|(_, _, count)| count).sum();
        let parts: Vec<String> = of.map(|(_, outcome, count)| format!("{count} {outcome}")).collect();
        format!("{day}: {sum} asked = {}", parts.join(" + "))
    };
    days.into_iter().map(line).collect::<Vec<_>>().join("\n")
}
