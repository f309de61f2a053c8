//! Finds posted answers that show a changed claim, and makes their new texts.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::Moderation;
use crate::store::posted_answers::PostedAnswer;
use crate::store::{Scope, StoreError};
use crate::wording::{self, Reply};

/// A posted answer that needs a new text.
pub struct AnswerUpdate {
    /// The answer as it is recorded after the update.
    pub answer: PostedAnswer,
    /// The new reply.
    pub reply: Reply,
    /// The newest revision up to which the new reply is right.
    pub revision: i64,
}

impl Moderation {
    /// Returns updates for the posted answers of this platform that show a claim which changed since. Answers without
    /// such a claim are recorded as right up to now. An answer that can't be made again is logged and left out.
    ///
    /// # Errors
    /// Returns an error if the database fails.
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
            // A failure must not keep the other answers from being updated; this one stays due.
            match self.answer_update(&answer, newest) {
                Ok(update) => due.push(update),
                Err(error) => tracing::error!(%error, "posted answer could not be made again"),
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
        // An answer that reads as it was first posted gets no note on what it said in between.
        let reply = match xxh3_64(reply.text.as_bytes()) == answer.original {
            true => reply,
            false => {
                let otherwise = self.otherwise(&answer, &reply)?;
                wording::answer_update(reply, &otherwise)
            }
        };
        Ok(AnswerUpdate { answer, reply, revision: newest })
    }

    /// Returns the statements that a posted answer had at first and lacks now, each with the day of the change.
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

    /// Returns true if an update is still needed. Another task may have made it in the meantime.
    #[must_use]
    pub fn is_due(&self, update: &AnswerUpdate) -> bool {
        let PostedAnswer { channel, question, .. } = &update.answer;
        let right_at = self.records().right_at(channel, question);
        right_at.is_ok_and(|at| at.is_some_and(|at| at < update.revision))
    }

    /// Records that an update was made.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub fn answer_updated(&self, update: &AnswerUpdate) -> Result<(), StoreError> {
        self.records().is_right_at(&update.answer, update.revision)
    }
}
