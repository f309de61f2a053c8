//! How often somebody may ask: so many questions a minute, in a place and from a person. Who asks more is told once when
//! to ask again, and then not heard until then.

use std::collections::HashMap;
use std::hash::Hash;

/// For so long questions are counted, in seconds.
const MINUTE: i64 = 60;

/// With so many people or places remembered those of past minutes are forgotten at once; else that is done by the minute.
const MOST: usize = 100_000;

/// Why a question has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// For how many seconds.
    pub seconds: i64,
    /// Whether too much was asked in the place, and not by the person.
    pub of_place: bool,
    /// Whether the person was told within this minute.
    pub is_told: bool,
}

/// How many questions may be asked within a minute; 0 for any number.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// By a person.
    pub person: u32,
    /// In a place.
    pub place: u32,
}

/// Counts the questions of the last minute.
#[derive(Debug)]
pub struct RateLimiter<Person, Place> {
    persons: HashMap<Person, Window>,
    places: HashMap<Place, Window>,
}

/// A minute that began with a question.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: i64,
    count: u32,
    is_told: bool,
}

impl Window {
    /// Counts a question. True if it is one too many.
    fn is_too_much(&mut self, limit: u32, now: i64) -> bool {
        // What was said while the program was away may come after what is said now.
        if !(0..MINUTE).contains(&(now - self.start)) {
            *self = Self { start: now, count: 0, is_told: false };
        }
        self.count = self.count.saturating_add(1);
        limit > 0 && self.count > limit
    }

    fn rest(&self, now: i64) -> i64 {
        (self.start + MINUTE - now).clamp(1, MINUTE)
    }
}

impl<Person, Place> Default for RateLimiter<Person, Place> {
    fn default() -> Self {
        Self { persons: HashMap::new(), places: HashMap::new() }
    }
}

impl<Person: Eq + Hash, Place: Eq + Hash> RateLimiter<Person, Place> {
    /// Counts a question that somebody asks in a place at `now`, in seconds. None if it may be answered. `told` tells
    /// whether the person will hear of it if not.
    pub fn check(&mut self, person: Person, place: Place, limits: Limits, now: i64, told: bool) -> Option<Wait> {
        if self.persons.len().max(self.places.len()) >= MOST {
            self.forget(now);
        }
        let new = Window { start: now, count: 0, is_told: false };
        let person = self.persons.entry(person).or_insert(new);
        let of_person = person.is_too_much(limits.person, now);
        let place = self.places.entry(place).or_insert(new);
        // What a person asks in vain doesn't keep others from asking.
        let of_place = !of_person && place.is_too_much(limits.place, now);
        if !of_person && !of_place {
            return None;
        }
        let seconds = if of_place { place.rest(now) } else { person.rest(now) };
        let is_told = person.is_told;
        person.is_told |= told;
        Some(Wait { seconds, of_place, is_told })
    }

    /// Forgets what is no longer counted.
    pub fn forget(&mut self, now: i64) {
        self.persons.retain(|_, window| now - window.start < MINUTE);
        self.places.retain(|_, window| now - window.start < MINUTE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_much_is_told_once_a_minute() {
        let mut rate_limiter = RateLimiter::default();
        let limits = Limits { person: 2, place: 3 };
        let mut ask =
            |person: &'static str, place: &'static str, now| rate_limiter.check(person, place, limits, now, true);
        let wait = |seconds, of_place, is_told| Some(Wait { seconds, of_place, is_told });
        assert_eq!(ask("a", "x", 0), None);
        assert_eq!(ask("a", "y", 10), None);
        assert_eq!(ask("a", "x", 20), wait(40, false, false));
        assert_eq!(ask("a", "x", 21), wait(39, false, true));
        // What is asked in vain isn't counted for the place.
        assert_eq!(ask("b", "x", 22), None);
        assert_eq!(ask("c", "x", 23), None);
        assert_eq!(ask("d", "x", 24), wait(36, true, false));
        assert_eq!(ask("e", "x", 59), wait(1, true, false));
        assert_eq!(ask("a", "x", 60), None);
        // A question of an hour ago belongs to another minute.
        assert_eq!(ask("a", "y", 70), None);
        assert_eq!(ask("a", "z", -3_000), None);
    }

    #[test]
    fn who_was_not_told_is_told_later() {
        let mut rate_limiter = RateLimiter::default();
        let limits = Limits { person: 1, place: 0 };
        assert_eq!(rate_limiter.check("a", "x", limits, 0, false), None);
        assert!(rate_limiter.check("a", "x", limits, 1, false).is_some_and(|wait| !wait.is_told));
        assert!(rate_limiter.check("a", "x", limits, 2, true).is_some_and(|wait| !wait.is_told));
        assert!(rate_limiter.check("a", "x", limits, 3, true).is_some_and(|wait| wait.is_told));
    }

    #[test]
    fn without_a_limit_all_are_answered() {
        let mut rate_limiter = RateLimiter::default();
        for at in 0..1_000 {
            assert_eq!(rate_limiter.check(1, 1, Limits { person: 0, place: 0 }, at / 100, true), None);
        }
        rate_limiter.forget(1_000);
        assert!(rate_limiter.persons.is_empty() && rate_limiter.places.is_empty());
    }
}
