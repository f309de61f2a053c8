//! Writes the texts on exported and imported files of facts.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::changes::{adds_topic, cited, claim_changes, claim_in_lines, restores_claim, retires_claim};
use super::record::revision_in_words;
use super::{adds_silent_topic, named, quoted};
use crate::facts::check::Problem;
use crate::facts::{Claim, Facts, Rank, Topic};
use crate::store::{Edit, Revision};

/// The numbers of problems, changes, and texts of one change that are listed.
const PROBLEMS_LISTED: usize = 15;
const CHANGES_LISTED: usize = 12;
const TEXTS_LISTED: usize = 3;

/// The number of names listed, and the largest length of a line about a problem, in characters.
const NAMES_LISTED: usize = 100;
const LONGEST_LINE: usize = 300;

pub fn exported(revision: i64, claims: usize, topics: usize) -> String {
    format!(
        "All {claims} claims and {topics} topics here, as of revision {revision}. Edit the file and import it with \
         `fact import`: I show what it changes before anything takes effect, and `undo` takes all of it back."
    )
}

/// Asks on the terminal for the name of the file to import.
pub fn which_file() -> String {
    "Name the file, for example: fact import facts.txt. `fact export` writes one.".into()
}

pub fn not_written(path: &Path, error: &io::Error) -> String {
    format!("{} could not be written ({error}). Name another file: fact export facts.txt.", path.display())
}

pub fn not_read(path: &Path, error: &io::Error) -> String {
    format!("{} could not be read ({error}). Nothing was changed.", path.display())
}

/// Reports that an attached file could not be downloaded.
#[cfg(any(feature = "discord", feature = "matrix"))]
pub fn not_fetched() -> String {
    "I could not fetch that file. Nothing was changed; try again in a moment.".into()
}

pub fn no_text() -> String {
    "That file is empty, or it isn't UTF-8 text. Nothing was changed.".into()
}

/// The name of the file that lists all changes of an import.
pub const ALL_CHANGES: &str = "changes.txt";

#[cfg(feature = "discord")]
pub fn all_changes() -> String {
    "All changes that the file makes:".into()
}

/// Returns the description of the option for the file to import.
#[cfg(feature = "discord")]
pub fn file_hint() -> String {
    "An edited file from `fact export`".into()
}

/// Reports an attached file that can't be read at all.
#[cfg(feature = "matrix")]
pub fn unreadable() -> String {
    "I can't read that file: it is too large, or its message doesn't give its size. Nothing was changed.".into()
}

/// Reports that the bot lacks the permission to send a file.
#[cfg(feature = "discord")]
pub fn may_not_give() -> String {
    "I can't send a file here: I need the permission Attach Files.".into()
}

/// Reports that a file could not be sent.
#[cfg(any(feature = "discord", feature = "matrix"))]
pub fn not_given() -> String {
    "The file could not be sent: it was rejected, or the connection was lost. Try again in a moment. The operator can \
     also write it with `routedesk facts export`."
        .into()
}

/// Lists at most `most` entries, and the number of the others.
fn listed(all: impl ExactSizeIterator<Item = String>, most: usize) -> Vec<String> {
    let more = all.len().saturating_sub(most);
    let mut shown: Vec<String> = all.take(most).collect();
    shown.extend((more > 0).then(|| and_more(more)));
    shown
}

/// Cuts a long line.
fn shortened(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

pub fn and_more(more: usize) -> String {
    format!("and {more} more")
}

/// Reports what is wrong with a file, by line.
pub fn bad_file(problems: &[Problem]) -> String {
    let each = problems.iter().map(|problem| shortened(&format!("  line {}: {}", problem.line, problem.message)));
    format!("That file can't be imported; nothing was changed.\n{}", listed(each, PROBLEMS_LISTED).join("\n"))
}

/// Reports what is wrong with the entries of a file.
pub fn bad_parts(faults: &[String]) -> String {
    let each = faults.iter().map(|fault| shortened(&format!("  {fault}")));
    format!("That file can't be imported; nothing was changed.\n{}", listed(each, PROBLEMS_LISTED).join("\n"))
}

/// Reports that a file has the same facts as the revision from which it was exported, `base`.
pub fn file_changes_nothing(base: i64, newest: i64) -> String {
    let mut text = format!("It changes nothing: the file has the facts of revision {base}.");
    if base < newest {
        let _ = write!(text, " To restore them, remove the line `#: revision {base}` from it.");
    }
    text.push_str(" Moving entries within the file has no effect.");
    text
}

/// Reports that a file is too large or changes too much.
pub fn too_much(what: &str, most: usize) -> String {
    format!(
        "That file can't be imported; nothing was changed. {what}: at most {most} at once. Split it over several files."
    )
}

/// Reports problems that arise from a file together with changes made since it was exported.
pub fn bad_together(problems: &[Problem]) -> String {
    let each = problems.iter().map(|problem| shortened(&format!("  {}", problem.message)));
    format!(
        "That file conflicts with what was changed here since it was exported; nothing was changed.\n{}\nExport again \
         and repeat your changes in the new file.",
        listed(each, PROBLEMS_LISTED).join("\n")
    )
}

/// Reports parts that a file lacks.
pub fn missing_parts(names: &[String]) -> String {
    format!(
        "Nothing was changed: whole parts are missing from that file, as if it was cut short: {}. To remove everything \
         in a part, keep its lines `id` and `title`.",
        listed(names.iter().cloned(), PROBLEMS_LISTED).join(", ")
    )
}

/// Reports a file of a revision that this database doesn't have.
pub fn other_revision(said: i64, newest: i64) -> String {
    format!(
        "That file says that it is from revision {said}, but the newest one here is {newest}: it was exported \
         elsewhere. Nothing was changed. Without its line `#: revision {said}`, I compare the file with the present \
         facts."
    )
}

/// Reports revisions that changed the same facts as a file since it was exported.
pub fn changed_since_export(by: &[Revision]) -> String {
    let revisions = by.iter().map(revision_in_words);
    format!(
        "Nothing was changed: the facts that the file changes were changed here since it was exported.\n{}\nExport \
         again and repeat your changes in the new file.",
        listed(revisions, CHANGES_LISTED).join("\n")
    )
}

/// Returns the description of an import: the number of changes, the removed entries, the first changes in full, and the
/// names of the others.
pub fn imports(edits: &[Edit], each: &[String]) -> Vec<String> {
    let things = |count: usize| format!("{count} {}", if count == 1 { "entry" } else { "entries" });
    let name = |edit: &Edit| edit.named().0;
    let gone: Vec<String> = edits.iter().filter(|edit| edit.named().1).map(name).collect();
    let mut head = format!("Import a file: {} changed or added", things(each.len()));
    if !gone.is_empty() {
        let _ = write!(head, ", {} REMOVED", things(gone.len()));
    }
    let names: Vec<String> = edits.iter().take(TEXTS_LISTED).map(name).collect();
    let more = if edits.len() > TEXTS_LISTED { ", …" } else { "" };
    let _ = write!(head, " ({}{more})", names.join(", "));
    let mut lines = vec![head];
    if !gone.is_empty() {
        lines.push(format!("  Removes {}", listed(gone.into_iter(), NAMES_LISTED).join(", ")));
    }
    lines.extend(each.iter().take(CHANGES_LISTED).map(|text| super::indented(text)));
    let others: Vec<String> = edits.iter().filter(|edit| !edit.named().1).skip(CHANGES_LISTED).map(name).collect();
    if !others.is_empty() {
        lines.push(format!("  and also {}", listed(others.into_iter(), NAMES_LISTED).join(", ")));
    }
    lines
}

/// Returns all changes of an import in full; `None` if the preview shows them all.
pub fn all_that_it_changes(each: &[String]) -> Option<String> {
    (each.len() > CHANGES_LISTED).then(|| each.join("\n") + "\n")
}

pub fn is_never_said() -> String {
    "  no topic has it, so no answer contains it".into()
}

/// Describes an imported claim.
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
        lines.push(format!("  source: still {}. CONFIRM ONLY IF THAT SOURCE SAYS SO", cited(is, facts)));
    }
    if lines.len() == 1 && was.rank == is.rank {
        lines.push("  only the cited words or the derivation of its value; answers stay the same".into());
    }
    lines.join("\n")
}

/// Describes an imported topic.
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
        lines.push("  it is no longer silent".into());
    }
    if was.dispute != is.dispute {
        lines.push("  the kind of its disagreement".into());
    }
    let only = |all: &[String], others: &[String]| -> Vec<String> {
        all.iter().filter(|text| !others.contains(text)).map(|text| quoted(text)).collect()
    };
    for (what, these) in [
        ("adds the names", only(&is.aliases, &was.aliases)),
        ("removes the names", only(&was.aliases, &is.aliases)),
        ("adds the questions", only(&is.examples, &was.examples)),
        ("removes the questions", only(&was.examples, &is.examples)),
        ("adds the claims", only(&is.claims, &was.claims)),
        ("removes the claims", only(&was.claims, &is.claims)),
    ] {
        if !these.is_empty() {
            lines.push(format!("  {what} {}", listed(these.into_iter(), TEXTS_LISTED).join(", ")));
        }
    }
    if lines.len() == 1 {
        lines.push("  only the order of its claims or questions".into());
    }
    lines.join("\n")
}

pub fn imports_subject(title: &str) -> String {
    format!("Name a subject {}", quoted(title))
}
