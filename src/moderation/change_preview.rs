//! Previews a change before it is committed: the answers before and after, and findings such as disagreements.

use super::claims::shows;
use super::draft::{Act, Draft, DraftContext};
use super::{Actor, Failure, Moderation};
use crate::answer::Outcome;
use crate::desk::Probe;
use crate::facts::{Claim, Facts, Rank, Relation, relation, verify};
use crate::language::Language;
use crate::store::Edit;
use crate::understanding::fold;
use crate::understanding::message::understand;
use crate::utterance::Utterance;
use crate::wording::Reply;
use crate::wording::moderation as words;

/// The number of questions from the queue that are tried on a change, and the number listed of those whose answer
/// changes.
const MOST_TRIED: u32 = 100;
const MOST_SHOWN: usize = 10;

/// The number of edits that are compared with all claims, and the number of findings listed.
const MOST_LOOKED_AT: usize = 200;
const MOST_FOUND: usize = 20;

/// The number of examples tried of each nearby topic when examples change, and the number of nearby topics.
const TRIED_OF_TOPIC: usize = 3;
const NEARBY: usize = 8;

impl Moderation {
    /// Returns the preview of a draft as text.
    pub(super) fn preview(&self, by: &Actor, draft: &Draft, context: &DraftContext<'_>) -> Result<String, Failure> {
        let unanswered = self.records().questions(&by.community, MOST_TRIED)?;
        let asked = draft.probes.len();
        let mut probes = draft.probes.clone();
        probes.extend(unanswered.into_iter().map(|unanswered| Probe::Question(unanswered.text)));
        let recorded = probes.len();
        probes.extend(self.nearby(draft, context)?);
        let seen = self.desk.preview(&draft.scope, draft.edits(), &probes)?;
        let mut found = Vec::new();
        let edits = draft.edits().iter().take(MOST_LOOKED_AT);
        for edit in edits.filter(|_| !matches!(draft.act, Act::Undo(..) | Act::UndoAllSince(..))) {
            if let Edit::Claim { claim, .. } = edit {
                found.extend(of_claim(claim, context.facts));
                found.extend(of_change(claim, context.facts));
            }
        }
        if found.len() > MOST_FOUND {
            let more = found.len() - MOST_FOUND;
            found.truncate(MOST_FOUND);
            found.push(words::and_more(more));
        }
        if teaches(draft) {
            let questions = draft.probes.iter().zip(&seen).filter(|(probe, _)| matches!(probe, Probe::Question(_)));
            found.extend(questions.flat_map(|(_, (before, after))| of_question(before, after, context.facts)));
        }
        let moved = |range: std::ops::Range<usize>| -> Vec<String> {
            let other = |at: &usize| seen.get(*at).is_some_and(|(before, after)| before.text != after.text);
            let text = |at: usize| if let Probe::Question(text) = &probes[at] { Some(text.clone()) } else { None };
            range.filter(other).filter_map(text).take(MOST_SHOWN).collect()
        };
        found.extend(words::recorded_change(&moved(asked..recorded)));
        found.extend(words::others_change(&moved(recorded..probes.len())));
        let answers = draft.probes.iter().zip(&seen).map(|(probe, (before, after))| {
            let name = match probe {
                _ if asked == 1 => None,
                Probe::Topic(id) => {
                    Some(context.facts.topics().find(|topic| topic.id == *id).map_or(id, |it| &it.title))
                }
                Probe::Question(text) => Some(text),
            };
            words::before_and_after(name.map(String::as_str), before, after)
        });
        let answers: Vec<String> = answers.collect();
        Ok(words::preview(&draft.lines, &found, &answers))
    }

    /// Returns questions of the topics near a new example. The change may take them away from their topics.
    fn nearby(&self, draft: &Draft, context: &DraftContext<'_>) -> Result<Vec<Probe>, Failure> {
        let mut probes = Vec::new();
        for probe in draft.probes.iter().filter(|_| teaches(draft)) {
            let Probe::Question(text) = probe else { continue };
            let index = self.desk.index_of(&draft.scope)?;
            let said = Utterance::new(text).within(draft.scope.clone());
            let traces = understand(&index, &said);
            let near = traces.iter().flat_map(|trace| trace.candidates.iter().take(NEARBY));
            let ids: Vec<&str> = near.map(|candidate| index.topics()[candidate.topic].id.as_str()).collect();
            for topic in context.facts.topics().filter(|topic| ids.contains(&topic.id.as_str())) {
                // The question itself is supposed to move.
                let others = topic.examples.iter().filter(|example| fold(example) != fold(text));
                probes.extend(others.take(TRIED_OF_TOPIC).cloned().map(Probe::Question));
            }
        }
        Ok(probes)
    }
}

/// Returns true if a draft changes topics and shows answers to questions.
fn teaches(draft: &Draft) -> bool {
    draft.edits().iter().any(|edit| matches!(edit, Edit::Topic { .. } | Edit::Remove { kind: "topic", .. }))
        && draft.probes.iter().any(|probe| matches!(probe, Probe::Question(_)))
}

/// Returns findings on a new or changed claim: a missing value or source, and disagreeing or equal claims.
fn of_claim(claim: &Claim, facts: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    if !shows(&claim.statement, &claim.value) {
        found.push(words::value_is_not_shown(&claim.value));
    }
    if claim.unsourced.is_some() {
        found.push(words::is_unsourced());
    }
    let others = || facts.claims().filter(|other| other.id != claim.id && other.rank != Rank::Deprecated);
    let statement = fold(&claim.statement);
    if claim.rank != Rank::Deprecated {
        for other in others() {
            match relation(claim, other) {
                Relation::Disagree => found.push(words::disagrees(other)),
                Relation::Same => found.push(words::says_the_same(other)),
                _ if statement == fold(&other.statement) => found.push(words::says_the_same(other)),
                _ => {}
            }
        }
    }
    found
}

/// Returns findings on a changed claim, such as other claims of its topics that still contain the old figure.
fn of_change(claim: &Claim, facts: &Facts) -> Vec<String> {
    let Some(was) = facts.claims().find(|was| was.id == claim.id) else { return Vec::new() };
    let mut found = Vec::new();
    if was.value.is_comparable() && !claim.value.is_comparable() {
        found.push(words::is_compared_no_more(&was.value));
    }
    let now = verify::numbers(&claim.statement);
    let old: Vec<String> = verify::numbers(&was.statement).into_iter().filter(|number| !now.contains(number)).collect();
    let of_topics: Vec<&String> = facts
        .topics()
        .filter(|topic| topic.claims.contains(&claim.id))
        .flat_map(|topic| &topic.claims)
        .filter(|id| **id != claim.id)
        .collect();
    for other in facts.claims().filter(|other| of_topics.contains(&&other.id) && other.rank != Rank::Deprecated) {
        let shown = verify::numbers(&other.statement);
        // Numbers of one or two digits are in many claims for other reasons.
        found.extend(
            old.iter().find(|number| number.len() > 2 && shown.contains(*number)).map(|_| words::still_says(other)),
        );
    }
    if claim.statement != was.statement && Language::others().any(|language| language.statement(was) != was.statement) {
        found.push(words::is_untranslated());
    }
    found
}

/// Returns findings on a question whose topic may change.
fn of_question(before: &Reply, after: &Reply, facts: &Facts) -> Vec<String> {
    let title = |reply: &Reply| {
        let topic = reply.topics.first().and_then(|id| facts.topics().find(|topic| topic.id == *id));
        topic.map(|topic| topic.title.clone())
    };
    let is_answered = matches!(before.outcome, Outcome::Answered | Outcome::Disputed);
    let mut found: Vec<String> =
        title(before).filter(|_| is_answered).map(|title| words::belongs_to(&title)).into_iter().collect();
    if before.text == after.text {
        found.push(words::answer_stays());
    }
    if is_answered && !matches!(after.outcome, Outcome::Answered | Outcome::Disputed) {
        found.push(words::loses_its_answer());
    }
    found
}
