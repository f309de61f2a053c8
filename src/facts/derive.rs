//! Derives values that no paragraph prints from what the cited paragraphs print.

use jiff::civil::{Date, Time, Weekday};
use jiff::{Span, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::date::MONTHS;

/// The derivation of a value: an operation and its inputs. `routedesk facts check` and `verify` compute it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// Operation that gives the value.
    pub operation: Operation,
    /// Inputs, in the order that the operation expects.
    pub inputs: Vec<String>,
}

/// An operation on printed words. Each variant lists its inputs in order, then its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Month with day, and year: `July 27` and `2025` give 2025-07-27.
    DateInYear,
    /// Month and year: `July` and `2025` give 2025-07.
    MonthInYear,
    /// Month, and the year of writing: `March` (of last year) and `2025` give 2024-03.
    MonthInYearBefore,
    /// Year of writing: `2025` gives 2024 for "last year".
    YearBefore,
    /// Date and weekday: the first such weekday after the date.
    WeekdayAfter,
    /// Date and number: the day that many days after the date.
    DaysAfter,
    /// Month and number: the month that many months later.
    MonthsAfter,
    /// Date: the week, Monday to Sunday, before the week of the date.
    WeekBefore,
    /// Date, clock time and offset from GMT: the instant.
    Instant,
    /// Two instants: the time from the first to the second.
    Elapsed,
    /// Printed words, and the property that they rule out: `no`.
    Contrary,
}

impl Derivation {
    /// Computes the value, in the notation of [`super::Value`] without its kind. Returns `None` if the inputs don't
    /// match the operation.
    #[must_use]
    pub fn compute(&self) -> Option<String> {
        let inputs: Vec<&str> = self.inputs.iter().map(String::as_str).collect();
        match (self.operation, inputs[..].as_ref()) {
            (Operation::DateInYear, &[month_day, year]) => {
                let (month, day) = month_day.split_once(' ')?;
                let date = Date::new(year.parse().ok()?, month_number(month)?, day.parse().ok()?).ok()?;
                Some(date.to_string())
            }
            (Operation::MonthInYear, &[month, year]) => in_year(month, year.parse().ok()?),
            (Operation::MonthInYearBefore, &[month, year]) => in_year(month, year.parse::<i16>().ok()?.checked_sub(1)?),
            (Operation::YearBefore, &[year]) => Some(year.parse::<i16>().ok()?.checked_sub(1)?.to_string()),
            (Operation::WeekdayAfter, &[date, weekday]) => {
                let date: Date = date.parse().ok()?;
                Some(date.nth_weekday(1, parse_weekday(weekday)?).ok()?.to_string())
            }
            (Operation::DaysAfter, &[date, days]) => {
                let date: Date = date.parse().ok()?;
                Some(date.checked_add(Span::new().try_days(days.parse::<i64>().ok()?).ok()?).ok()?.to_string())
            }
            (Operation::MonthsAfter, &[month, months]) => {
                let first: Date = format!("{month}-01").parse().ok()?;
                let later = first.checked_add(Span::new().try_months(months.parse::<i64>().ok()?).ok()?).ok()?;
                Some(format!("{:04}-{:02}", later.year(), later.month()))
            }
            (Operation::WeekBefore, &[date]) => {
                let date: Date = date.parse().ok()?;
                let back = i32::from(date.weekday().to_monday_zero_offset());
                let monday = date.checked_sub((back + 7).days()).ok()?;
                Some(format!("{monday}..{}", monday.checked_add(6.days()).ok()?))
            }
            (Operation::Instant, &[date, clock, offset]) => {
                let clock = parse_clock(clock)?;
                Some(format!("{date}T{:02}:{:02}{offset}", clock.hour(), clock.minute()))
            }
            (Operation::Elapsed, &[start, end]) => {
                let (start, end): (Timestamp, Timestamp) = (start.parse().ok()?, end.parse().ok()?);
                let minutes = (end.as_second() - start.as_second()) / 60;
                Some(format!("{}h{}m", minutes / 60, minutes % 60))
            }
            (Operation::Contrary, &[_, _]) => Some("no".to_owned()),
            _ => None,
        }
    }

    /// Returns the inputs that a cited paragraph must print. Offsets and numbers of days belong to the operation, and
    /// derived dates to another claim.
    #[must_use]
    pub fn printed_inputs(&self) -> Vec<&str> {
        let count = match self.operation {
            Operation::DateInYear | Operation::MonthInYear | Operation::MonthInYearBefore => 2,
            Operation::YearBefore | Operation::Contrary => 1,
            Operation::WeekdayAfter => return self.inputs.iter().skip(1).map(String::as_str).collect(),
            Operation::Instant => return self.inputs.iter().skip(1).take(1).map(String::as_str).collect(),
            Operation::DaysAfter | Operation::MonthsAfter | Operation::WeekBefore | Operation::Elapsed => 0,
        };
        self.inputs.iter().take(count).map(String::as_str).collect()
    }
}

fn in_year(month: &str, year: i16) -> Option<String> {
    Some(format!("{year:04}-{:02}", month_number(month)?))
}

fn month_number(name: &str) -> Option<i8> {
    MONTHS.iter().position(|month| *month == name).map(|index| index as i8 + 1)
}

fn parse_weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "Monday" => Weekday::Monday,
        "Tuesday" => Weekday::Tuesday,
        "Wednesday" => Weekday::Wednesday,
        "Thursday" => Weekday::Thursday,
        "Friday" => Weekday::Friday,
        "Saturday" => Weekday::Saturday,
        "Sunday" => Weekday::Sunday,
        _ => return None,
    })
}

/// Parses `16:00` or `7:30 p.m.`.
fn parse_clock(text: &str) -> Option<Time> {
    let (clock, half) = text.split_once(' ').unwrap_or((text, ""));
    let (hour, minute) = clock.split_once(':')?;
    let hour: i8 = hour.parse().ok()?;
    let hour = match half {
        "" => hour,
        "a.m." => hour % 12,
        "p.m." => hour % 12 + 12,
        _ => return None,
    };
    Time::new(hour, minute.parse().ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations() {
        use Operation::*;
        for (operation, inputs, value) in [
            (DateInYear, vec!["July 27", "2025"], "2025-07-27"),
            (MonthInYear, vec!["July", "2025"], "2025-07"),
            (MonthInYearBefore, vec!["March", "2025"], "2024-03"),
            (YearBefore, vec!["2025"], "2024"),
            (WeekdayAfter, vec!["2025-07-27", "Monday"], "2025-07-28"),
            (DaysAfter, vec!["2025-07-27", "2"], "2025-07-29"),
            (MonthsAfter, vec!["2024-03", "3"], "2024-06"),
            (WeekBefore, vec!["2025-08-04"], "2025-07-28..2025-08-03"),
            (Instant, vec!["2025-07-27", "7:30 p.m.", "+03:00"], "2025-07-27T19:30+03:00"),
            (Elapsed, vec!["2025-07-27T16:00Z", "2025-07-28T09:15+09:00"], "8h15m"),
        ] {
            let inputs = inputs.into_iter().map(str::to_owned).collect();
            assert_eq!(Derivation { operation, inputs }.compute().as_deref(), Some(value));
        }
    }

    #[test]
    fn wrong_inputs_give_nothing() {
        let derivation = Derivation { operation: Operation::DaysAfter, inputs: vec!["2025-07-27".into()] };
        assert_eq!(derivation.compute(), None);
    }
}
