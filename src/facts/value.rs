//! Defines the typed values of claims, their canonical text, and the comparison of two values.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::date::DateSpan;

/// Tolerance of an instant given as "around", in seconds. With ten minutes "around 7:30 p.m." includes 7:25, but not
/// 7:00.
const AROUND_SECONDS: f64 = 600.0;

/// A typed value with the text that it was read from. The first word of the text is the kind:
///
/// | text | meaning |
/// |---|---|
/// | `money ~570 USD` | an amount in whole units of an ISO 4217 currency |
/// | `date 1994..1996` | a [`DateSpan`] |
/// | `instant ~2025-07-27T19:30+03:00` | a moment with its offset from UTC, `~` for "around" |
/// | `duration >8h` | minutes `m`, hours `h`, days `d`, weeks `w` or years `y`; `8h15m` |
/// | `count 20000..30000 soldiers` | a number of things |
/// | `frequency 1/month` | times per `day`, `week`, `month` or `year` |
/// | `name Boeing 777-200` | the name of a person or thing |
/// | `yes`, `no` | the property in the claim's `of` is true, or false |
/// | `text two capitals` | anything else; never compared |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Value {
    text: String,
    kind: ValueKind,
}

/// The parsed form of a [`Value`].
#[derive(Debug, Clone, PartialEq)]
pub enum ValueKind {
    /// An amount of money and its ISO 4217 currency.
    Money(Bounds, String),
    /// A span of days.
    Date(DateSpan),
    /// A moment; true if it is only approximate.
    Instant(Timestamp, bool),
    /// A length of time in minutes.
    Duration(Bounds),
    /// A number of things, and the kind of thing.
    Count(Bounds, String),
    /// A number of times per period.
    Frequency(u64, Period),
    /// The name of a person or thing.
    Name(String),
    /// True for `yes`.
    YesNo(bool),
    /// Anything else.
    Text(String),
}

/// The period of a frequency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

/// The relation between two claims or values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The values are equal.
    Same,
    /// Both can be true: one is more precise than the other.
    Precision,
    /// Property, unit or kind differ, or the values are texts, so nothing follows.
    Incomparable,
    /// They can't both be true.
    Disagree,
}

/// The error for a text that isn't a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a value; expected one of: {EXPECTED}")]
pub struct ValueError(pub String);

/// Examples of the texts that [`Value::from_words`] accepts.
const EXPECTED: &str = "45,000 RUB · 27 July 2025 · 27 July 2025, 19:00 Moscow time · 8 hours 15 minutes · more than 400 \
                        passengers · once a month · name Boeing 777-200 · yes · no · words without digits";

impl Value {
    /// Parses a value from its canonical text.
    ///
    /// # Errors
    /// [`ValueError`] with examples of values, if the text isn't one.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        parse_kind(text).map(|kind| Self { text: text.to_owned(), kind }).ok_or_else(|| ValueError(text.to_owned()))
    }

    /// Returns the parsed value.
    #[must_use]
    pub fn kind(&self) -> &ValueKind {
        &self.kind
    }

    /// Returns the canonical text that the value was parsed from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns true unless the value is a text, which is never compared.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        !matches!(self.kind, ValueKind::Text(_))
    }

    /// Compares this value with another value of the same property.
    #[must_use]
    pub fn relation(&self, other: &Self) -> Relation {
        match (&self.kind, &other.kind) {
            (ValueKind::Money(a, unit), ValueKind::Money(b, other_unit))
            | (ValueKind::Count(a, unit), ValueKind::Count(b, other_unit)) => {
                if unit == other_unit {
                    of_intervals(a.interval(), b.interval())
                } else {
                    Relation::Incomparable
                }
            }
            (ValueKind::Duration(a), ValueKind::Duration(b)) => of_intervals(a.interval(), b.interval()),
            (ValueKind::Date(a), ValueKind::Date(b)) => match (a == b, a.meets(b)) {
                (true, _) => Relation::Same,
                (false, true) => Relation::Precision,
                (false, false) => Relation::Disagree,
            },
            (ValueKind::Instant(a, around_a), ValueKind::Instant(b, around_b)) => {
                of_intervals(instant_interval(*a, *around_a), instant_interval(*b, *around_b))
            }
            (ValueKind::Frequency(a, per_a), ValueKind::Frequency(b, per_b)) => {
                same_or_disagree(a == b && per_a == per_b)
            }
            (ValueKind::YesNo(a), ValueKind::YesNo(b)) => same_or_disagree(a == b),
            (ValueKind::Name(a), ValueKind::Name(b)) => of_names(a, b),
            _ => Relation::Incomparable,
        }
    }
}

fn same_or_disagree(same: bool) -> Relation {
    if same { Relation::Same } else { Relation::Disagree }
}

fn of_intervals(a: (f64, f64), b: (f64, f64)) -> Relation {
    if a == b {
        Relation::Same
    } else if a.0 <= b.1 && b.0 <= a.1 {
        Relation::Precision
    } else {
        Relation::Disagree
    }
}

fn instant_interval(at: Timestamp, around: bool) -> (f64, f64) {
    let (second, slack) = (at.as_second() as f64, if around { AROUND_SECONDS } else { 0.0 });
    (second - slack, second + slack)
}

/// Compares names regardless of case. A name that begins or ends with the other is more precise: `Boeing 777` and
/// `Boeing 777-200ER`, `Nordwind` and `Nordwind Airlines`.
fn of_names(a: &str, b: &str) -> Relation {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    if a == b {
        Relation::Same
    } else if a.starts_with(&b) || b.starts_with(&a) || a.ends_with(&b) || b.ends_with(&a) {
        Relation::Precision
    } else {
        Relation::Disagree
    }
}

fn parse_kind(text: &str) -> Option<ValueKind> {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    match (kind, rest) {
        ("yes", "") => Some(ValueKind::YesNo(true)),
        ("no", "") => Some(ValueKind::YesNo(false)),
        (_, rest) if rest.trim() != rest || rest.is_empty() => None,
        ("name", rest) => Some(ValueKind::Name(rest.to_owned())),
        ("text", rest) => Some(ValueKind::Text(rest.to_owned())),
        ("date", rest) => rest.parse().ok().map(ValueKind::Date),
        ("instant", rest) => parse_instant(rest),
        ("duration", rest) => parse_duration(rest).map(ValueKind::Duration),
        ("frequency", rest) => parse_frequency(rest),
        ("money", rest) => with_unit(rest)
            .filter(|(_, unit)| unit.len() == 3 && unit.bytes().all(|b| b.is_ascii_uppercase()))
            .map(|(bounds, unit)| ValueKind::Money(bounds, unit)),
        ("count", rest) => with_unit(rest).map(|(bounds, unit)| ValueKind::Count(bounds, unit)),
        _ => None,
    }
}

fn with_unit(text: &str) -> Option<(Bounds, String)> {
    let (bounds, unit) = text.split_once(' ')?;
    Some((bounds.parse().ok()?, unit.to_owned()))
}

fn parse_instant(text: &str) -> Option<ValueKind> {
    let exact = text.strip_prefix('~');
    let at = exact.unwrap_or(text);
    at.parse().ok().map(|at| ValueKind::Instant(at, exact.is_some()))
}

fn parse_frequency(text: &str) -> Option<ValueKind> {
    let (times, period) = text.split_once('/')?;
    let period = match period {
        "day" => Period::Day,
        "week" => Period::Week,
        "month" => Period::Month,
        "year" => Period::Year,
        _ => return None,
    };
    Some(ValueKind::Frequency(times.parse().ok()?, period))
}

/// Parses `>8h`, `~7h45m` or `8d` into minutes.
fn parse_duration(text: &str) -> Option<Bounds> {
    let (make, mut rest) = Bounds::split_sign(text);
    let mut minutes: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let part = number.checked_mul(minutes_in(rest[digits..].chars().next()?)?)?;
        minutes = part.checked_add(minutes)?;
        rest = &rest[digits + 1..];
    }
    (minutes > 0).then(|| make(minutes))
}

fn minutes_in(unit: char) -> Option<u64> {
    match unit {
        'm' => Some(1),
        'h' => Some(60),
        'd' => Some(24 * 60),
        'w' => Some(7 * 24 * 60),
        'y' => Some(365 * 24 * 60),
        _ => None,
    }
}

impl TryFrom<String> for Value {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        Self::parse(&text)
    }
}

impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.text
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations() {
        use Relation::{Disagree, Incomparable, Precision, Same};
        for (a, b, relation) in [
            ("money 45000 RUB", "money 45000 RUB", Same),
            ("money 45000 RUB", "money 46000 RUB", Disagree),
            ("money 45000 RUB", "money ~570 USD", Incomparable),
            ("money ~570 USD", "money 575 USD", Precision),
            ("duration 8h", "duration >8h", Precision),
            ("duration 8h15m", "duration ~7h45m", Disagree),
            ("duration 1w", "duration 7d", Same),
            ("count >400 passengers", "count 300 passengers", Disagree),
            ("count >400 passengers", "count 300 seats", Incomparable),
            ("count ~15000 soldiers", "count 20000..30000 soldiers", Disagree),
            ("date 1994..1996", "date 2000..2003", Disagree),
            ("date 2025-06", "date 2025-06-17", Precision),
            ("instant 2025-07-27T16:00Z", "instant ~2025-07-27T19:30+03:00", Disagree),
            ("instant 2025-07-27T16:25Z", "instant ~2025-07-27T19:30+03:00", Precision),
            ("frequency 1/month", "frequency 2/week", Disagree),
            ("name Boeing 777", "name Boeing 777-200ER", Precision),
            ("name Boeing 777", "name Airbus A330", Disagree),
            ("yes", "no", Disagree),
            ("yes", "yes", Same),
            ("text a", "text b", Incomparable),
            ("yes", "count 1 seat", Incomparable),
        ] {
            let (first, second) = (Value::parse(a).unwrap(), Value::parse(b).unwrap());
            assert_eq!(first.relation(&second), relation, "{a} and {b}");
            assert_eq!(second.relation(&first), relation, "{b} and {a}");
        }
    }

    #[test]
    fn nonsense_is_no_value() {
        for text in [
            "",
            "yes please",
            "money 45 rubles",
            "money RUB",
            "count 5",
            "duration",
            "duration 8",
            "name ",
            "date soon",
            "instant 16:00",
            "frequency 1/fortnight",
            "weight 5 kg",
            "count 9..5 seats",
        ] {
            assert!(Value::parse(text).is_err(), "{text}");
        }
    }
}
