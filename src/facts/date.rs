//! Parses and formats dates as sources give them: a day, a month, a year, a range, or a day after which something
//! happened.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::Deserialize;

/// A span of days, both ends included. It is written as `2025-07-27`, `2025-07`, `2025`, `1994..1996`,
/// `2025-07-28..2025-08-03`, or `2025-07-27..` for "on or after".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateSpan {
    text: String,
    from: Date,
    to: Option<Date>,
}

impl DateSpan {
    /// Returns the first day of the span.
    #[must_use]
    pub fn from(&self) -> Date {
        self.from
    }

    /// Returns the last day of the span; `None` if it is open.
    #[must_use]
    pub fn to(&self) -> Option<Date> {
        self.to
    }

    /// Returns true if the two spans share a day.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let ends_before = |a: &Self, b: &Self| a.to.is_some_and(|end| end < b.from);
        !ends_before(self, other) && !ends_before(other, self)
    }

    /// Formats the span for people, in the words of a language: `27 July 2025`, `July 2025`, `2024`, `27–29 July 2025`
    /// or `after 27 July 2025`.
    #[must_use]
    pub fn in_words(&self, words: &DateWords) -> String {
        match (self.to, self.text.split_once("..")) {
            (None, _) => words.after.replace("{day}", &words.day(self.from)),
            (Some(to), Some((from_text, _))) if is_day(from_text) => words.days(self.from, to),
            (Some(_), Some((from, to))) => {
                words.span.replace("{from}", &words.part(from)).replace("{to}", &words.part(to))
            }
            (Some(_), None) => words.part(&self.text),
        }
    }
}

fn is_day(text: &str) -> bool {
    text.len() == "2025-07-27".len()
}

/// The date patterns of a language, with placeholders in braces.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateWords {
    /// Names of the months beside a day, January first.
    pub months: [String; 12],
    /// Names of the months without a day, January first.
    months_alone: [String; 12],
    year: String,
    month: String,
    /// Pattern of a day: `{day}`, `{month}` and `{year}`.
    pub day: String,
    /// Pattern of days in the same month: that of a day with `{first}`.
    days_of_month: String,
    /// Pattern of other ranges of days: `{from}` and `{to}`.
    days: String,
    /// Pattern of a range of months or years: `{from}` and `{to}`.
    span: String,
    after: String,
}

impl DateWords {
    fn day(&self, day: Date) -> String {
        self.filled(&self.day, &self.months, day)
    }

    fn filled(&self, pattern: &str, months: &[String; 12], date: Date) -> String {
        pattern
            .replace("{day}", &date.day().to_string())
            .replace("{month}", &months[date.month() as usize - 1])
            .replace("{year}", &date.year().to_string())
    }

    fn days(&self, from: Date, to: Date) -> String {
        if (from.year(), from.month()) == (to.year(), to.month()) {
            self.filled(&self.days_of_month, &self.months, to).replace("{first}", &from.day().to_string())
        } else {
            self.days.replace("{from}", &self.day(from)).replace("{to}", &self.day(to))
        }
    }

    fn part(&self, text: &str) -> String {
        match parse_part(text) {
            Some((first, _)) if is_day(text) => self.day(first),
            Some((first, _)) if text.len() == "2025-07".len() => self.filled(&self.month, &self.months_alone, first),
            Some((first, _)) => self.filled(&self.year, &self.months_alone, first),
            None => text.to_owned(),
        }
    }
}

/// English names of the months, January first.
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

/// Returns the first and the last day of `2025-07-27`, `2025-07` or `2025`.
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
    use crate::language::Language;

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
            let span: DateSpan = text.parse().unwrap();
            assert_eq!(span.in_words(&Language::English.pack().dates), words);
            assert_ne!(span.in_words(&Language::Russian.pack().dates), words);
        }
    }

    #[test]
    fn nonsense_is_no_date() {
        for text in ["", "2025-13", "2025-02-30", "25-07-27", "2025-07-29..2025-07-27", "July", "20250727"] {
            assert!(text.parse::<DateSpan>().is_err(), "{text}");
        }
    }
}
