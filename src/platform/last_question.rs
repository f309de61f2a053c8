//! Remembers each person's last question, as the context of a follow-up.

use std::collections::HashMap;
use std::hash::Hash;

/// The longest time between a question and its follow-up, in seconds.
const FOLLOWS_WITHIN: i64 = 10 * 60;

/// The largest number of questions in memory. At the limit the expired ones are dropped or, if there are none, all.
const MOST: usize = 10_000;

/// The last question per asker, in memory only. `Asker` identifies a person, or a person in one channel.
#[derive(Debug)]
pub struct LastQuestions<Asker>(HashMap<Asker, (i64, String)>);

impl<Asker> Default for LastQuestions<Asker> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<Asker: Eq + Hash> LastQuestions<Asker> {
    /// Returns the asker's last question if it is at most ten minutes older than `now`, in seconds since 1970.
    #[must_use]
    pub fn get(&self, asker: &Asker, now: i64) -> Option<String> {
        let (at, text) = self.0.get(asker)?;
        (now - at <= FOLLOWS_WITHIN).then(|| text.clone())
    }

    /// Stores a question asked at `now`. Ignores an empty text, and a question older than the stored one.
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

    /// Drops questions that are too old for a follow-up.
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
