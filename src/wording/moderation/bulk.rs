//! Files of facts that go out and come back.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::changes::{adds_topic, cited, claim_changes, claim_in_lines, restores_claim, retires_claim};
use super::record::revision_in_words;
use super::{adds_silent_topic, named, quoted};
use crate::facts::check::Problem;
use crate::facts::{Claim, Facts, Rank, Topic};
use crate::store::{Edit, Revision};

/// How many problems, changes, and texts of one change are listed.
const PROBLEMS_LISTED: usize = 15;
const CHANGES_LISTED: usize = 12;
const TEXTS_LISTED: usize = 3;

/// How many names of things are listed, and how long a line about one may be, in letters.
const NAMES_LISTED: usize = 100;
const LONGEST_LINE: usize = 300;

pub fn exported(revision: i64, claims: usize, topics: usize) -> String {
    format!(
        "All {claims} claims and {topics} topics as they are here, revision {revision}. Edit the file and bring it back with \
         `fact import`: you see what it changes before anything counts, and `undo` takes all of it back."
    )
}

/// Where a file of the terminal's is to come from.
pub fn which_file() -> String {
    "Say which file: fact import, then its name. `fact export` writes one.".into()
}

pub fn not_written(path: &Path, error: &io::Error) -> String {
    format!("{} could not be written ({error}); name another one: fact export facts.txt.", path.display())
}

pub fn not_read(path: &Path, error: &io::Error) -> String {
    format!("{} could not be read ({error}). Nothing was changed.", path.display())
}

/// An attached file that could not be had.
#[cfg(any(feature = "discord", feature = "matrix"))]
pub fn not_fetched() -> String {
    "I could not fetch that file. Nothing was changed; try again in a moment.".into()
}

pub fn no_text() -> String {
    "There is no text in that file, or it isn't saved as UTF-8. Nothing was changed.".into()
}

/// The file with all that an imported one changes, and what goes with it.
pub const ALL_CHANGES: &str = "changes.txt";

#[cfg(feature = "discord")]
pub fn all_changes() -> String {
    "All that the file changes:".into()
}

/// What is attached to a command.
#[cfg(feature = "discord")]
pub fn file_hint() -> String {
    "A file that `fact export` gave, edited".into()
}

/// A file that can't be read for good.
#[cfg(feature = "matrix")]
pub fn unreadable() -> String {
    "I can't read that file: it is too long, or its message doesn't say how long it is. Nothing was changed.".into()
}

/// A file that may not be given here.
#[cfg(feature = "discord")]
pub fn may_not_give() -> String {
    "Discord doesn't let me give a file here: I need the permission Attach Files.".into()
}

/// A file that could not be given.
#[cfg(any(feature = "discord", feature = "matrix"))]
pub fn not_given() -> String {
    "The file could not be given here: it was refused, or the connection was lost. Try again in a moment; whoever runs me can \
     write it with `routedesk facts export`."
        .into()
}

/// A list that ends where it gets long.
fn listed(all: impl ExactSizeIterator<Item = String>, most: usize) -> Vec<String> {
    let more = all.len().saturating_sub(most);
    let mut shown: Vec<String> = all.take(most).collect();
    shown.extend((more > 0).then(|| and_more(more)));
    shown
}

/// A line that ends where it gets long.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

pub fn and_more(more: usize) -> String {
    format!("and {more} more")
}

/// What is wrong with a file.
pub fn bad_file(problems: &[Problem]) -> String {
    let each = problems.iter().map(|problem| shortened(&format!("  line {}: {}", problem.line, problem.message)));
    format!("That file can't be brought in; nothing was changed.\n{}", listed(each, PROBLEMS_LISTED).join("\n"))
}

/// What is wrong with parts of a file.
pub fn bad_parts(faults: &[String]) -> String {
    let each = faults.iter().map(|fault| shortened(&format!("  {fault}")));
    format!("That file can't be brought in; nothing was changed.\n{}", listed(each, PROBLEMS_LISTED).join("\n"))
}

/// A file that says what was so when it was written.
pub fn file_changes_nothing(base: i64, newest: i64) -> String {
    let mut text = format!("It changes nothing: that file says what was so here when it was written, revision {base}.");
    if base < newest {
        let _ = write!(text, " To have all of that back, take its line `#: revision {base}` out.");
    }
    text.push_str(" Where things stand in the file doesn't count.");
    text
}

/// A file that is too much at once.
pub fn too_much(what: &str, most: usize) -> String {
    format!(
        "That file can't be brought in; nothing was changed. {what}: at most {most} at once. Bring it in in pieces."
    )
}

/// What a file and the facts as they are now come to together.
pub fn bad_together(problems: &[Problem]) -> String {
    let each = problems.iter().map(|problem| shortened(&format!("  {}", problem.message)));
    format!(
        "That file doesn't go together with what was changed here since it was written; nothing was changed.\n{}\nExport anew \
         and repeat your changes there.",
        listed(each, PROBLEMS_LISTED).join("\n")
    )
}

/// Parts that are missing in a file.
pub fn missing_parts(names: &[String]) -> String {
    format!(
        "Nothing was changed: whole parts are missing in that file, as if it was cut short: {}. To say no more what a part \
         has, leave its lines `id` and `title`.",
        listed(names.iter().cloned(), PROBLEMS_LISTED).join(", ")
    )
}

/// A file of a revision that isn't here.
pub fn other_revision(said: i64, newest: i64) -> String {
    format!(
        "That file says it is from revision {said}, and here the newest is {newest}: it was written elsewhere. Nothing was \
         changed. Without its line `#: revision {said}` it is compared with the facts as they are now."
    )
}

/// Somebody changed the same as a file does since it was written.
pub fn changed_since_export(by: &[Revision]) -> String {
    let revisions = by.iter().map(revision_in_words);
    format!(
        "Nothing was changed: what the file changes was changed here since it was written.\n{}\nExport anew and repeat your \
         changes there.",
        listed(revisions, CHANGES_LISTED).join("\n")
    )
}

/// What a file changes: how much of what, what it takes away, and each change, of many the first ones.
pub fn imports(edits: &[Edit], each: &[String]) -> Vec<String> {
    let things = |count: usize| format!("{count} {}", if count == 1 { "thing" } else { "things" });
    let name = |edit: &Edit| edit.named().0;
    let gone: Vec<String> = edits.iter().filter(|edit| edit.named().1).map(name).collect();
    let mut head = format!("Bring a file in: {} changed or added", things(each.len()));
    if !gone.is_empty() {
        let _ = write!(head, ", {} TAKEN AWAY", things(gone.len()));
    }
    let names: Vec<String> = edits.iter().take(TEXTS_LISTED).map(name).collect();
    let more = if edits.len() > TEXTS_LISTED { ", …" } else { "" };
    let _ = write!(head, " ({}{more})", names.join(", "));
    let mut lines = vec![head];
    if !gone.is_empty() {
        lines.push(format!("  Takes away {}", listed(gone.into_iter(), NAMES_LISTED).join(", ")));
    }
    lines.extend(each.iter().take(CHANGES_LISTED).map(|text| super::indented(text)));
    let others: Vec<String> = edits.iter().filter(|edit| !edit.named().1).skip(CHANGES_LISTED).map(name).collect();
    if !others.is_empty() {
        lines.push(format!("  and also {}", listed(others.into_iter(), NAMES_LISTED).join(", ")));
    }
    lines
}

/// All that a file changes, for a file of its own; none where the preview shows it all.
pub fn all_that_it_changes(each: &[String]) -> Option<String> {
    (each.len() > CHANGES_LISTED).then(|| each.join("\n") + "\n")
}

pub fn is_never_said() -> String {
    "  no topic has it, so it is never said".into()
}

/// What becomes of a claim.
pub fn imports_claim(was: Option<&Claim>, is: &Claim, facts: &Facts) -> String {
    let Some(was) = was else {
        return format!("Add {}\n{}", is.id, claim_in_lines(is, facts).join("\n"));
    };
    let mut lines = claim_changes(was, is, facts);
    match (was.rank == Rank::Deprecated, is.rank == Rank::Deprecated) {
        (false, true) => lines[0] = retires_claim(was),
        (true, false) => lines[0] = restores_claim(was),
        _ => {}
    }
    let says_else = was.statement != is.statement || was.value != is.value;
    if says_else && was.cite == is.cite && !is.cite.is_empty() {
        lines.push(format!("  source: still {}. CONFIRM ONLY IF IT SAYS SO THERE", cited(is, facts)));
    }
    if lines.len() == 1 && was.rank == is.rank {
        lines.push("  in the words of the source that bear it, or in how its value follows; what is said stays".into());
    }
    lines.join("\n")
}

/// What becomes of a topic.
pub fn imports_topic(was: Option<&Topic>, is: &Topic) -> String {
    let Some(was) = was else {
        return if is.is_silent() { adds_silent_topic(is) } else { adds_topic(is) };
    };
    let mut lines = vec![format!("Change {}", named(was))];
    if was.title != is.title {
        lines.push(format!("  title: {}", quoted(&is.title)));
    }
    if let Some(unsaid) = is.unsaid.as_ref().filter(|unsaid| was.unsaid.as_ref() != Some(*unsaid)) {
        lines.push(format!("  the sources don't say {unsaid}"));
    }
    if was.is_silent() && !is.is_silent() {
        lines.push("  the sources are silent about it no more".into());
    }
    if was.dispute != is.dispute {
        lines.push("  how a disagreement is told".into());
    }
    let only = |all: &[String], others: &[String]| -> Vec<String> {
        all.iter().filter(|text| !others.contains(text)).map(|text| quoted(text)).collect()
    };
    for (what, these) in [
        ("is also called", only(&is.aliases, &was.aliases)),
        ("is called no more", only(&was.aliases, &is.aliases)),
        ("teaches", only(&is.examples, &was.examples)),
        ("forgets", only(&was.examples, &is.examples)),
        ("also says", only(&is.claims, &was.claims)),
        ("says no more", only(&was.claims, &is.claims)),
    ] {
        if !these.is_empty() {
            lines.push(format!("  {what} {}", listed(these.into_iter(), TEXTS_LISTED).join(", ")));
        }
    }
    if lines.len() == 1 {
        lines.push("  in the order of its claims or questions".into());
    }
    lines.join("\n")
}

pub fn imports_subject(title: &str) -> String {
    format!("Call a group of topics {}", quoted(title))
}
