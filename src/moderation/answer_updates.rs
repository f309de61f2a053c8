//! Answers that were given before something in them was changed: what they say now.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::Moderation;
use crate::store::posted_answers::PostedAnswer;
use crate::store::{Scope, StoreError};
use crate::wording::{self, Reply};

/// An answer that has to say something else.
pub struct AnswerUpdate {
    /// The answer, as it is recorded once that is done.
    pub answer: PostedAnswer,
    /// What it says then.
    pub reply: Reply,
    /// The revision up to which that is right.
    pub revision: i64,
}

impl Moderation {
    /// The answers of this platform that showed a claim which was changed since. Those that are right all the same are
    /// recorded as such.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn answer_updates(&self) -> Result<Vec<AnswerUpdate>, StoreError> {
        let newest = self.store().revision()?;
        let answers = self.records().answers_before(newest)?;
        let mut changed: BTreeMap<(Scope, i64), BTreeMap<String, String>> = BTreeMap::new();
        let mut due = Vec::new();
        for answer in answers {
            let since = (answer.scope.clone(), answer.right_at);
            if !changed.contains_key(&since) {
                let found = self.store().claims_changed_since(&since.0, since.1)?;
                changed.insert(since.clone(), found);
            }
            let is_shown = |claim: &String| changed[&since].contains_key(claim);
            if !answer.claims.iter().any(is_shown) {
                self.records().is_right_at(&answer, newest)?;
                continue;
            }
            // One that can't be made again now isn't right, and keeps no other from being corrected.
            match self.answer_update(&answer, newest) {
                Ok(update) => due.push(update),
                Err(error) => tracing::error!(%error, "an answer of some time ago could not be made again"),
            }
        }
        Ok(due)
    }

    fn answer_update(&self, answer: &PostedAnswer, newest: i64) -> Result<AnswerUpdate, StoreError> {
        let reply = self.desk.again(&answer.scope, &answer.recipe)?;
        let mut answer = answer.clone();
        for claim in &reply.claims {
            if !answer.claims.contains(&claim.id) {
                answer.claims.push(claim.id.clone());
            }
        }
        // Where everything is as it was given, nothing is left of what happened in between.
        let reply = match xxh3_64(reply.text.as_bytes()) == answer.original {
            true => reply,
            false => {
                let otherwise = self.otherwise(&answer, &reply)?;
                wording::answer_update(reply, &otherwise)
            }
        };
        Ok(AnswerUpdate { answer, reply, revision: newest })
    }

    /// What an answer said when it was given and doesn't say now, with the day of the change.
    fn otherwise(&self, answer: &PostedAnswer, reply: &Reply) -> Result<Vec<(String, String)>, StoreError> {
        let store = self.store();
        let days = store.claims_changed_since(&answer.scope, answer.recipe.revision)?;
        let mut otherwise = Vec::new();
        for (id, day) in days.iter().filter(|(id, _)| answer.claims.contains(id)) {
            let Some(was) = store.claim_at(&answer.scope, id, answer.recipe.revision)? else { continue };
            let was = reply.language.statement(&was);
            if !reply.claims.iter().any(|claim| claim.statement == was) {
                otherwise.push((day.clone(), was));
            }
        }
        Ok(otherwise)
    }

    /// Whether an answer still has to be corrected so: it may have been in the meantime.
    #[must_use]
    pub fn is_due(&self, update: &AnswerUpdate) -> bool {
        let PostedAnswer { channel, question, .. } = &update.answer;
        let right_at = self.records().right_at(channel, question);
        right_at.is_ok_and(|at| at.is_some_and(|at| at < update.revision))
    }

    /// Records that an answer was corrected.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn answer_updated(&self, update: &AnswerUpdate) -> Result<(), StoreError> {
        self.records().is_right_at(&update.answer, update.revision)
    }
}
