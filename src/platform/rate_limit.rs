//! Limits how many questions a minute a person may ask, and how many may be asked in a place (a channel or room).
//!
//! A platform tells a person over the limit once how long to wait. [`Wait::is_told`] lets it ignore further questions
//! until the minute is over.

use std::collections::HashMap;
use std::hash::Hash;

/// The length of a counting window, in seconds.
const MINUTE: i64 = 60;

/// The number of people or places at which [`RateLimiter::check`] drops ended windows itself, to bound the memory.
/// Below it the platforms' maintenance drops them once a minute.
const MOST: usize = 100_000;

/// A rejected question's reason and waiting time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// The seconds until the window ends, 1 to 60.
    pub seconds: i64,
    /// True if the place's limit is exceeded, false if the person's is.
    pub of_place: bool,
    /// True if the person was already told within this window.
    pub is_told: bool,
}

/// The number of questions allowed within a minute; 0 means no limit.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Questions from one person.
    pub person: u32,
    /// Questions in one place.
    pub place: u32,
}

/// Counts questions per person and per place in windows of one minute.
#[derive(Debug)]
pub struct RateLimiter<Person, Place> {
    persons: HashMap<Person, Window>,
    places: HashMap<Place, Window>,
}

/// A counting window, which starts with its first question.
#[derive(Debug, Clone, Copy)]
struct Window {
    start: i64,
    count: u32,
    is_told: bool,
}

impl Window {
    /// Counts a question and returns true if it exceeds the limit.
    fn is_too_much(&mut self, limit: u32, now: i64) -> bool {
        // While catching up, `now` is the time of an older message and may be before `start`.
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
    /// Counts a question asked at `now`, in seconds since 1970. Returns `None` if it may be answered. `told` means that
    /// the caller tells the person about a rejection.
    pub fn check(&mut self, person: Person, place: Place, limits: Limits, now: i64, told: bool) -> Option<Wait> {
        if self.persons.len().max(self.places.len()) >= MOST {
            self.forget(now);
        }
        let new = Window { start: now, count: 0, is_told: false };
        let person = self.persons.entry(person).or_insert(new);
        let of_person = person.is_too_much(limits.person, now);
        let place = self.places.entry(place).or_insert(new);
        // A person's rejected questions don't use up the place's limit, so nobody can block the others.
        let of_place = !of_person && place.is_too_much(limits.place, now);
        if !of_person && !of_place {
            return None;
        }
        let seconds = if of_place { place.rest(now) } else { person.rest(now) };
        let is_told = person.is_told;
        person.is_told |= told;
        Some(Wait { seconds, of_place, is_told })
    }

    /// Drops windows that have ended.
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
        // Questions over a person's limit don't count for the place.
        assert_eq!(ask("b", "x", 22), None);
        assert_eq!(ask("c", "x", 23), None);
        assert_eq!(ask("d", "x", 24), wait(36, true, false));
        assert_eq!(ask("e", "x", 59), wait(1, true, false));
        assert_eq!(ask("a", "x", 60), None);
        // An older question starts a window of its own.
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
