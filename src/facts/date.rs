//! A date as a source gives it: a day, a month, a year, a range, or a day after which something happened.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

/// A span of days, both ends included. Written `2025-07-27`, `2025-07`, `2025`, `1994..1996`,
/// `2025-07-28..2025-08-03`, or `2025-07-27..` for "on or after".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateSpan {
    text: String,
    from: Date,
    to: Option<Date>,
}

impl DateSpan {
    /// The first day of the span.
    #[must_use]
    pub fn from(&self) -> Date {
        self.from
    }

    /// The last day of the span; none where it has no end.
    #[must_use]
    pub fn to(&self) -> Option<Date> {
        self.to
    }

    /// Whether the two spans share a day.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let ends_before = |a: &Self, b: &Self| a.to.is_some_and(|end| end < b.from);
        !ends_before(self, other) && !ends_before(other, self)
    }

    /// The span as a person reads it: `27 July 2025`, `July 2025`, `2024`, `27–29 July 2025`, `after 27 July 2025`.
    #[must_use]
    pub fn in_words(&self) -> String {
        match (self.to, self.text.split_once("..")) {
            (None, _) => format!("after {}", day_in_words(self.from)),
            (Some(to), Some((from_text, _))) if is_day(from_text) => range_in_words(self.from, to),
            (Some(_), Some((from, to))) => format!("{}–{}", part_in_words(from), part_in_words(to)),
            (Some(_), None) => part_in_words(&self.text),
        }
    }
}

fn is_day(text: &str) -> bool {
    text.len() == "2025-07-27".len()
}

fn range_in_words(from: Date, to: Date) -> String {
    if (from.year(), from.month()) == (to.year(), to.month()) {
        format!("{}–{}", from.day(), day_in_words(to))
    } else {
        format!("{} to {}", day_in_words(from), day_in_words(to))
    }
}

fn part_in_words(text: &str) -> String {
    match parse_part(text) {
        Some((first, _)) if is_day(text) => day_in_words(first),
        Some((first, _)) if text.len() == "2025-07".len() => {
            format!("{} {}", MONTHS[first.month() as usize - 1], first.year())
        }
        _ => text.to_owned(),
    }
}

/// A day as a person reads it: `27 July 2025`.
#[must_use]
pub fn day_in_words(day: Date) -> String {
    format!("{} {} {}", day.day(), MONTHS[day.month() as usize - 1], day.year())
}

/// The months' English names, January first.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The first and last day of `2025-07-27`, `2025-07` or `2025`.
fn parse_part(text: &str) -> Option<(Date, Date)> {
    match text.split('-').collect::<Vec<_>>()[..] {
        [_, _, _] => text.parse().ok().map(|day: Date| (day, day)),
        [year, month] => {
            let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
            Some((first, first.last_of_month()))
        }
        [year] if year.len() == 4 => {
            let first = Date::new(year.parse().ok()?, 1, 1).ok()?;
            Some((first, first.last_of_year()))
        }
        _ => None,
    }
}

impl FromStr for DateSpan {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (from, to) = match text.split_once("..") {
            Some((from, "")) => (parse_part(from).ok_or(())?.0, None),
            Some((from, to)) => (parse_part(from).ok_or(())?.0, Some(parse_part(to).ok_or(())?.1)),
            None => parse_part(text).map(|(from, to)| (from, Some(to))).ok_or(())?,
        };
        if to.is_some_and(|to| to < from) {
            return Err(());
        }
        Ok(Self { text: text.to_owned(), from, to })
    }
}

impl fmt::Display for DateSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, words) in [
            ("2025-07-27", "27 July 2025"),
            ("2025-07", "July 2025"),
            ("2024", "2024"),
            ("1994..1996", "1994–1996"),
            ("2025-07-27..2025-07-29", "27–29 July 2025"),
            ("2025-07-28..2025-08-03", "28 July 2025 to 3 August 2025"),
            ("2025-07-27..", "after 27 July 2025"),
        ] {
            assert_eq!(text.parse::<DateSpan>().unwrap().in_words(), words);
        }
    }

    #[test]
    fn nonsense_is_no_date() {
        for text in ["", "2025-13", "2025-02-30", "25-07-27", "2025-07-29..2025-07-27", "July", "20250727"] {
            assert!(text.parse::<DateSpan>().is_err(), "{text}");
        }
    }
}
