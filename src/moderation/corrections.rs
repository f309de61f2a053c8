//! Answers that were given before something in them was changed: what they say now.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::Moderation;
use crate::store::posts::Answer;
use crate::store::{Error, Scope};
use crate::wording::{self, Reply};

/// An answer that has to say something else.
pub struct Correction {
    /// The answer, as it is recorded once that is done.
    pub answer: Answer,
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
    pub fn corrections(&self) -> Result<Vec<Correction>, Error> {
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
            match self.correction(&answer, newest) {
                Ok(correction) => due.push(correction),
                Err(error) => tracing::error!(%error, "an answer of some time ago could not be made again"),
            }
        }
        Ok(due)
    }

    fn correction(&self, answer: &Answer, newest: i64) -> Result<Correction, Error> {
        let reply = self.desk.again(&answer.scope, &answer.memo)?;
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
                wording::corrected(reply, &otherwise)
            }
        };
        Ok(Correction { answer, reply, revision: newest })
    }

    /// What an answer said when it was given and doesn't say now, with the day of the change.
    fn otherwise(&self, answer: &Answer, reply: &Reply) -> Result<Vec<(String, String)>, Error> {
        let store = self.store();
        let days = store.claims_changed_since(&answer.scope, answer.memo.revision)?;
        let mut otherwise = Vec::new();
        for (id, day) in days.iter().filter(|(id, _)| answer.claims.contains(id)) {
            let Some(was) = store.claim_at(&answer.scope, id, answer.memo.revision)? else { continue };
            let was = reply.language.statement(&was);
            if !reply.claims.iter().any(|claim| claim.statement == was) {
                otherwise.push((day.clone(), was));
            }
        }
        Ok(otherwise)
    }

    /// Whether an answer still has to be corrected so: it may have been in the meantime.
    #[must_use]
    pub fn is_due(&self, correction: &Correction) -> bool {
        let Answer { channel, question, .. } = &correction.answer;
        let right_at = self.records().right_at(channel, question);
        right_at.is_ok_and(|at| at.is_some_and(|at| at < correction.revision))
    }

    /// Records that an answer was corrected.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn corrected(&self, correction: &Correction) -> Result<(), Error> {
        self.records().is_right_at(&correction.answer, correction.revision)
    }
}
