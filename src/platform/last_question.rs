//! What people asked last, for follow-ups.

use std::collections::HashMap;
use std::hash::Hash;

/// For so long the same person's next message may lean on the one before, in seconds.
const FOLLOWS_WITHIN: i64 = 10 * 60;

/// How many people's last questions are remembered at the most.
const MOST: usize = 10_000;

/// The last question of each person in each place. It stays in memory only, and not for long.
#[derive(Debug)]
pub struct LastQuestions<Asker>(HashMap<Asker, (i64, String)>);

impl<Asker> Default for LastQuestions<Asker> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<Asker: Eq + Hash> LastQuestions<Asker> {
    /// What somebody last asked, if that was a short while before `now`, in seconds.
    #[must_use]
    pub fn get(&self, asker: &Asker, now: i64) -> Option<String> {
        let (at, text) = self.0.get(asker)?;
        (now - at <= FOLLOWS_WITHIN).then(|| text.clone())
    }

    /// Remembers what somebody asked, unless a later question is known.
    pub fn put(&mut self, asker: Asker, now: i64, text: String) {
        let is_older = self.0.get(&asker).is_some_and(|(at, _)| *at > now);
        if text.is_empty() || is_older {
            return;
        }
        if self.0.len() >= MOST {
            self.forget(now);
            if self.0.len() >= MOST {
                self.0.clear();
            }
        }
        self.0.insert(asker, (now, text));
    }

    /// Forgets what lies longer back than a follow-up may.
    pub fn forget(&mut self, now: i64) {
        self.0.retain(|_, (at, _)| now - *at <= FOLLOWS_WITHIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_question_is_remembered_for_ten_minutes() {
        let mut last_questions = LastQuestions::default();
        last_questions.put("a", 1_000, "price".into());
        last_questions.put("a", 999, "older".into());
        assert_eq!(last_questions.get(&"a", 1_600).as_deref(), Some("price"));
        assert_eq!(last_questions.get(&"a", 1_601), None);
        assert_eq!(last_questions.get(&"b", 1_001), None);
    }
}
