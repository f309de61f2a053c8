//! Writes the texts on revisions: what was changed, by whom and why.

use std::fmt::Write as _;

use super::changes::value_of;
use super::{indented, quoted};
use crate::facts::{Claim, Rank};
use crate::store::{EntityChange, Outdated, Revision, Scope};

/// Returns a line for the community's log.
#[cfg(any(feature = "discord", feature = "matrix"))]
pub fn in_log(line: &str) -> String {
    format!("{line}. `undo` takes it back.")
}

pub fn made(revision: i64) -> String {
    format!("Done, revision {revision}. `undo {revision}` takes it back.")
}

/// Reports that a revision of a community was made part of the shared facts.
pub fn promoted(revision: i64) -> String {
    format!(
        "Done, revision {revision}: all communities share it now. To take it back, use `undo {revision}` in a direct \
         chat with me or on the terminal."
    )
}

/// Describes a revision in one line, for the community's log.
pub fn made_line(revision: i64, lines: &[String]) -> String {
    let what = lines.first().map_or("", |line| line.lines().next().unwrap_or_default());
    format!("Revision {revision}: {what}")
}

/// Reports that other revisions changed the same facts since the preview.
pub fn overtaken(by: &[Revision]) -> String {
    let mut text = String::from("Nothing was changed: somebody changed the same facts after you looked.");
    for revision in by {
        let _ = write!(text, "\n{}", revision_in_words(revision));
    }
    text + "\nLook them up again, then decide."
}

/// Reports why a revision can't be undone.
pub fn changed_since(id: i64, by: &[Revision]) -> String {
    let mut text = format!("Revision {id} can't be undone alone, because what it changed was changed again:");
    for revision in by {
        let _ = write!(text, "\n{}", revision_in_words(revision));
    }
    let _ = write!(text, "\nUndo those first, or all at once with `undo all since {}`.", id - 1);
    text
}

/// Describes a revision: when, who, why, and for moderators' revisions each change.
pub(super) fn revision_in_words(revision: &Revision) -> String {
    let when: String = revision.meta.made_at.chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect();
    let undoes = revision.undoes.map(|id| format!(", undoes {id}")).unwrap_or_default();
    let shared = match &revision.scope {
        Scope::Shared => ", shared",
        Scope::Community(_) => "",
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

fn changed_in_words(changed: &EntityChange) -> String {
    let name = format!("{} {}", changed.kind, changed.id);
    if let (Some(was), Some(is)) = changed.claims() {
        return format!("{name}: {}", claim_difference(&was, &is));
    }
    match (&changed.was, &changed.is) {
        (_, None) => format!("{name} was removed"),
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
    vec![format!("Undo revision {}", revision.id), indented(&revision_in_words(revision))]
}

pub fn undoes_all(revisions: &[Revision]) -> Vec<String> {
    let mut lines = vec![format!("Undo {} revisions, the newest first", revisions.len())];
    lines
        .extend(revisions.iter().take(10).map(|revision| format!("  {}: {}", revision.id, quoted(&revision.meta.why))));
    if revisions.len() > 10 {
        lines.push("  …".into());
    }
    lines
}

pub fn promotes(revision: &Revision) -> Vec<String> {
    vec![
        format!("Make revision {} of this community part of the shared facts", revision.id),
        indented(&revision_in_words(revision)),
    ]
}

pub fn history(name: &str, revisions: &[Revision]) -> String {
    if revisions.is_empty() {
        return format!("No changes of {} are recorded.", quoted(name));
    }
    revisions.iter().map(revision_in_words).collect::<Vec<_>>().join("\n")
}

/// Lists changes that a later change in the layer below concerns: a release for the shared facts (`shared`), the shared
/// facts for a community.
pub fn outdated(outdated: &[Outdated], shared: bool) -> String {
    if outdated.is_empty() {
        return "Nothing that was changed here was changed elsewhere since.".into();
    }
    let mut text = String::from(match shared {
        true => "These were changed here, and a release has other versions. Your versions count until you undo them:",
        false => "These were changed here, and later in the shared facts. Your versions count until you undo them:",
    });
    for Outdated { kind, id, revision, theirs } in outdated {
        let theirs = theirs.as_ref().map(|text| format!(", which says {}", quoted(text))).unwrap_or_default();
        let whose = if shared { "release of" } else { "shared" };
        let _ = write!(text, "\n  {kind} {id} ({whose} revision {revision}; `fact history {id}`){theirs}");
    }
    text
}

/// Reports the same for the community's log.
pub fn layer_conflicts(outdated: &[Outdated]) -> String {
    let ids: Vec<String> = outdated.iter().map(|one| format!("{} {}", one.kind, one.id)).collect();
    format!(
        "The shared facts changed under your changes: {}. Your versions count; `review` shows the shared ones.",
        ids.join(", ")
    )
}
