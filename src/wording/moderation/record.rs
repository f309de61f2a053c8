//! What was changed, by whom and why.

use std::fmt::Write as _;

use super::changes::value_of;
use super::{indented, quoted};
use crate::facts::{Claim, Rank};
use crate::store::{EntityChange, Outdated, Revision, Scope};

/// A change, for those who look after the community.
#[cfg(any(feature = "discord", feature = "matrix"))]
pub fn in_log(line: &str) -> String {
    format!("{line}. `undo` takes it back.")
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
pub(super) fn revision_in_words(revision: &Revision) -> String {
    let when: String = revision.meta.made_at.chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect();
    let undoes = revision.undoes.map(|id| format!(", takes {id} back")).unwrap_or_default();
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

/// What was changed here and elsewhere; `shared` tells whether here is what all share.
pub fn outdated(outdated: &[Outdated], shared: bool) -> String {
    if outdated.is_empty() {
        return "Nothing that was changed here has been changed by others since.".into();
    }
    let mut text = String::from(match shared {
        true => "These were changed here, and a release has them otherwise. Yours count until you undo them:",
        false => "These were changed here, and what all share changed after that. Yours count until you undo them:",
    });
    for Outdated { kind, id, revision, theirs } in outdated {
        let theirs = theirs.as_ref().map(|text| format!(", there it says {}", quoted(text))).unwrap_or_default();
        let whose = if shared { "release of" } else { "shared" };
        let _ = write!(text, "\n  {kind} {id} ({whose} revision {revision}; `fact history {id}`){theirs}");
    }
    text
}

/// The same for the log channel.
pub fn layer_conflicts(outdated: &[Outdated]) -> String {
    let ids: Vec<String> = outdated.iter().map(|one| format!("{} {}", one.kind, one.id)).collect();
    format!(
        "What all share changed under changes of yours: {}. Yours count; `review` shows what it says there.",
        ids.join(", ")
    )
}
