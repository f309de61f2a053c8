//! Reads and formats values as people write them: `45,000 RUB`, `27 July 2025, 19:00 Moscow time`, `once a month`.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::bounds::Bounds;
use super::date::{DateSpan, MONTHS};
use super::value::{Period, Value, ValueError, ValueKind};
use crate::language::Language;

/// Names of currencies, by ISO 4217 code.
const CURRENCIES: &[(&str, &[&str])] = &[
    ("RUB", &["rub", "₽", "ruble", "rubles", "rouble", "roubles", "рублей", "рубля", "рубль", "руб", "р", "루블"]),
    ("USD", &["usd", "$", "us$", "dollar", "dollars", "bucks", "долларов", "доллара", "доллар", "달러"]),
    ("EUR", &["eur", "€", "euro", "euros", "евро", "유로"]),
    ("GBP", &["gbp", "£", "pounds"]),
    ("CNY", &["cny", "yuan", "rmb"]),
    ("KRW", &["krw", "₩", "won"]),
    ("JPY", &["jpy", "¥", "yen"]),
];

/// Names of the units of time, by their letter in the canonical form.
const UNITS: &[(char, &[&str])] = &[
    ('m', &["m", "min", "mins", "minute", "minutes"]),
    ('h', &["h", "hr", "hrs", "hour", "hours"]),
    ('d', &["d", "day", "days"]),
    ('w', &["w", "week", "weeks"]),
    ('y', &["y", "yr", "yrs", "year", "years"]),
];

const PERIODS: &[(Period, &[&str])] = &[
    (Period::Day, &["day", "daily"]),
    (Period::Week, &["week", "weekly"]),
    (Period::Month, &["month", "monthly"]),
    (Period::Year, &["year", "yearly", "annually"]),
];

/// Words before a figure, by its sign in the canonical form.
const SIGNS: &[(&str, &[&str])] = &[
    ("~", &["about", "around", "roughly", "approximately", "some", "около", "примерно", "약", "~"]),
    (">=", &["at least", "no fewer than", "no less than", "не менее", "не меньше", ">="]),
    ("<=", &["at most", "no more than", "up to", "не более", "не больше", "<="]),
    (">", &["more than", "over", "более", "больше", ">"]),
    ("<", &["fewer than", "less than", "under", "менее", "меньше", "<"]),
];

/// Names of the time zones of the route, by hours east of UTC.
const ZONES: &[(i8, &[&str])] = &[
    (3, &["moscow time", "moscow", "msk", "+03:00", "+3"]),
    (9, &["pyongyang time", "pyongyang", "korean time", "kst", "+09:00", "+9"]),
    (0, &["utc", "gmt", "z", "+00:00"]),
];

impl Value {
    /// Reads a value as people write it, or in the canonical form of [`Value::parse`]. Words without digits become a
    /// text.
    ///
    /// # Errors
    /// [`ValueError`] with examples of values, if the text isn't one.
    pub fn from_words(text: &str) -> Result<Self, ValueError> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Ok(value) = Self::parse(&text) {
            return Ok(value);
        }
        let lower = text.to_lowercase();
        let read = read_instant(&lower)
            .or_else(|| read_date(&lower).map(|date| format!("date {date}")))
            .or_else(|| read_frequency(&lower))
            .or_else(|| read_quantity(&lower))
            .or_else(|| {
                (text.contains(char::is_alphabetic) && !text.contains(char::is_numeric)).then(|| format!("text {text}"))
            });
        read.and_then(|canonical| Self::parse(&canonical).ok()).ok_or(ValueError(text))
    }

    /// Formats the value for people, in English.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self.kind() {
            ValueKind::Money(bounds, unit) | ValueKind::Count(bounds, unit) => {
                format!("{} {unit}", bounds_in_words(*bounds, grouped))
            }
            ValueKind::Date(span) => span.in_words(&Language::English.pack().dates),
            ValueKind::Instant(at, around) => instant_in_words(self.text(), *at, *around),
            ValueKind::Duration(bounds) => bounds_in_words(*bounds, duration_in_words),
            ValueKind::Frequency(times, period) => {
                let period = PERIODS.iter().find(|(known, _)| known == period).map_or("", |(_, names)| names[0]);
                match times {
                    1 => format!("once a {period}"),
                    2 => format!("twice a {period}"),
                    times => format!("{times} times a {period}"),
                }
            }
            ValueKind::Name(name) | ValueKind::Text(name) => name.clone(),
            ValueKind::YesNo(true) => "yes".to_owned(),
            ValueKind::YesNo(false) => "no".to_owned(),
        }
    }
}

/// Formats a whole number with commas between the thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bounds_in_words(bounds: Bounds, show: impl Fn(u64) -> String) -> String {
    match bounds {
        Bounds::Exactly(n) => show(n),
        Bounds::About(n) => format!("about {}", show(n)),
        Bounds::Over(n) => format!("more than {}", show(n)),
        Bounds::AtLeast(n) => format!("at least {}", show(n)),
        Bounds::Under(n) => format!("less than {}", show(n)),
        Bounds::AtMost(n) => format!("at most {}", show(n)),
        Bounds::Between(low, high) => format!("{} to {}", show(low), show(high)),
    }
}

fn duration_in_words(minutes: u64) -> String {
    let mut parts = Vec::new();
    let mut rest = minutes;
    for (length, one, many) in [(24 * 60, "day", "days"), (60, "hour", "hours"), (1, "minute", "minutes")] {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    }
    parts.join(" ")
}

fn instant_in_words(text: &str, at: Timestamp, around: bool) -> String {
    let is_in = |zone: &str| text.ends_with(zone);
    let (hours, zone) = match () {
        () if is_in("+03:00") => (3, "Moscow time"),
        () if is_in("+09:00") => (9, "Pyongyang time"),
        () => (0, "UTC"),
    };
    let local = Offset::constant(hours).to_datetime(at);
    let day: DateSpan = local.date().to_string().parse().expect("a day parses as a span");
    let about = if around { "about " } else { "" };
    format!(
        "{}, {about}{:02}:{:02} {zone}",
        day.in_words(&Language::English.pack().dates),
        local.hour(),
        local.minute()
    )
}

/// Splits a word such as `about` off the beginning of a text and returns its sign, which is empty if there is no such
/// word.
fn split_sign(text: &str) -> (&'static str, &str) {
    for (sign, names) in SIGNS {
        for name in *names {
            if let Some(rest) = text.strip_prefix(name)
                && (!name.ends_with(|c: char| c.is_alphabetic()) || rest.starts_with(' '))
            {
                return (sign, rest.trim_start());
            }
        }
    }
    ("", text)
}

/// Words after a number that multiply it. A word comes before its own prefixes, so that the longest match wins.
const MULTIPLES: [(&str, u64); 11] = [
    ("thousand", 1_000),
    ("million", 1_000_000),
    ("k ", 1_000),
    ("тысячи", 1_000),
    ("тысяча", 1_000),
    ("тысяч", 1_000),
    ("тыс.", 1_000),
    ("тыс ", 1_000),
    ("миллионов", 1_000_000),
    ("천", 1_000),
    (TEN_THOUSAND, 10_000),
];

/// Korean word for ten thousand. A smaller number may follow it and is added: `4만5천`.
const TEN_THOUSAND: &str = "만";

/// Splits a whole number off the beginning of a text: `45,000`, `45 000`, `45 thousand`, `45k`, `45 тыс.`, `4만5천`.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .char_indices()
        .take_while(|(at, c)| {
            let before_thousand =
                || text[at + c.len_utf8()..].chars().take(3).filter(char::is_ascii_digit).count() == 3;
            c.is_ascii_digit() || (matches!(c, ',' | ' ' | '\u{a0}' | '\u{202f}') && *at > 0 && before_thousand())
        })
        .last()
        .map(|(at, c)| at + c.len_utf8())?;
    let digits: String = text[..end].chars().filter(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().ok()?;
    let rest = text[end..].trim_start();
    for (name, factor) in MULTIPLES {
        let Some(rest) = rest.strip_prefix(name).map(str::trim_start) else { continue };
        let number = number.checked_mul(factor)?;
        return match split_number(rest).filter(|(below, _)| name == TEN_THOUSAND && *below < factor) {
            Some((below, rest)) => Some((number.checked_add(below)?, rest)),
            None => Some((number, rest)),
        };
    }
    Some((number, rest))
}

/// Reads money, a length of time or a number of things.
fn read_quantity(text: &str) -> Option<String> {
    let (sign, rest) = split_sign(text.strip_prefix("between ").unwrap_or(text));
    let (before, rest) = split_currency(rest);
    let (low, rest) = split_number(rest)?;
    let mut figure = format!("{sign}{low}");
    let mut rest = rest;
    for joint in ["to ", "and ", "-", "–", ".."] {
        if let Some((high, after)) = rest.strip_prefix(joint).and_then(|rest| split_number(rest.trim_start())) {
            (figure, rest) = (format!("{low}..{high}"), after);
            break;
        }
    }
    if let Some(currency) = before.or_else(|| currency(rest)) {
        return Some(format!("money {figure} {currency}"));
    }
    if let Some(duration) = read_duration(text) {
        return Some(duration);
    }
    // `27 July` and `7 pm` are incomplete dates and times, not numbers of things.
    let is_cut = month_number(rest.split(' ').next().unwrap_or_default()).is_some()
        || matches!(rest, "am" | "pm" | "a.m." | "p.m.");
    let is_unit = rest.contains(char::is_alphabetic) && !rest.contains(char::is_numeric) && !is_cut;
    is_unit.then(|| format!("count {figure} {rest}"))
}

fn currency(text: &str) -> Option<&'static str> {
    let found = |(_, names): &&(&str, &[&str])| names.contains(&text.trim_end_matches('.'));
    CURRENCIES.iter().find(found).map(|(code, _)| *code)
}

fn split_currency(text: &str) -> (Option<&'static str>, &str) {
    for (code, names) in CURRENCIES {
        let signs = names.iter().filter(|name| !name.chars().all(char::is_alphabetic));
        for sign in signs {
            if let Some(rest) = text.strip_prefix(sign) {
                return (Some(code), rest.trim_start());
            }
        }
    }
    (None, text)
}

/// Reads a length of time: `8 hours 15 minutes`, `more than 8h`.
fn read_duration(text: &str) -> Option<String> {
    let (sign, mut rest) = split_sign(text);
    let mut canonical = String::new();
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (letter, _) = UNITS.iter().find(|(_, names)| names.contains(&&after[..end]))?;
        canonical.push_str(&format!("{number}{letter}"));
        rest = after[end..].trim_start_matches([' ', ',']).trim_start();
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
    (!canonical.is_empty()).then(|| format!("duration {sign}{canonical}"))
}

/// Reads a frequency: `once a month`, `3 times a week`, `daily`, `2/week`.
fn read_frequency(text: &str) -> Option<String> {
    let period = |name: &str| PERIODS.iter().find(|(_, names)| names.contains(&name)).map(|(_, names)| names[0]);
    if let Some(period) = period(text) {
        return Some(format!("frequency 1/{period}"));
    }
    let words: Vec<&str> = text.split([' ', '/']).collect();
    let (times, rest) = match words[..] {
        ["every", name] => (1, name),
        ["once", "a" | "per" | "every", name] => (1, name),
        ["twice", "a" | "per" | "every", name] => (2, name),
        [times, "times" | "time" | "flights", "a" | "per" | "every", name] => (times.parse().ok()?, name),
        [times, name] => (times.parse().ok()?, name),
        _ => return None,
    };
    let is_slash = words.len() == 2 && words[0] != "every";
    (!is_slash || text.contains('/')).then_some(())?;
    Some(format!("frequency {times}/{}", period(rest)?))
}

/// Reads a day, month or year and returns it in the notation of [`DateSpan`]: `27 July 2025`, `July 27, 2025`,
/// `27.07.2025`, `July 2025`, `2024`, or any span in that notation. Returns `None` for other texts.
#[must_use]
pub fn read_date(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    if text.parse::<DateSpan>().is_ok() {
        return Some(text);
    }
    if let [day, month, year] = text.split('.').collect::<Vec<_>>()[..] {
        return canonical_day(day, month.parse().ok()?, year);
    }
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    match words[..] {
        [day, month, year] if day.starts_with(|c: char| c.is_ascii_digit()) => {
            canonical_day(day, month_number(month)?, year)
        }
        [month, day, year] => canonical_day(day, month_number(month)?, year),
        [month, year] => {
            let span = format!("{year}-{:02}", month_number(month)?);
            span.parse::<DateSpan>().is_ok().then_some(span)
        }
        _ => None,
    }
}

fn month_number(name: &str) -> Option<usize> {
    let is_it = |month: &&str| name.len() >= 3 && month.to_lowercase().starts_with(name);
    MONTHS.iter().position(is_it).map(|at| at + 1)
}

fn canonical_day(day: &str, month: usize, year: &str) -> Option<String> {
    let day: u8 = day.trim_end_matches(|c: char| c.is_alphabetic()).parse().ok()?;
    let span = format!("{year}-{month:02}-{day:02}");
    span.parse::<DateSpan>().is_ok().then_some(span)
}

/// Reads a day and a time with its zone: `27 July 2025, 19:00 Moscow time`.
fn read_instant(text: &str) -> Option<String> {
    let colon = text.find(':')?;
    let start = text[..colon].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    let end = (colon + 3).min(text.len());
    let (hour, minute): (u8, u8) = (text.get(start..colon)?.parse().ok()?, text.get(colon + 1..end)?.parse().ok()?);
    let mut rest = text[end..].trim();
    let hour = match (rest.strip_prefix("pm").or_else(|| rest.strip_prefix("p.m.")), hour) {
        (Some(after), hour) => {
            rest = after.trim_start();
            if hour < 12 { hour + 12 } else { hour }
        }
        (None, hour) => {
            rest = rest.strip_prefix("am").or_else(|| rest.strip_prefix("a.m.")).unwrap_or(rest).trim_start();
            hour
        }
    };
    let zone = ZONES.iter().find(|(_, names)| names.contains(&rest)).map(|(hours, _)| *hours)?;
    let before = text[..start].trim();
    let about = ["about", "around", "~"].iter().find_map(|sign| before.strip_suffix(sign));
    let day = about.unwrap_or(before).trim_end();
    let day = day.strip_suffix(" at").or_else(|| day.strip_suffix('t')).unwrap_or(day);
    let day = read_date(day.trim_end_matches([',', ' ']))?;
    let sign = if about.is_some() { "~" } else { "" };
    (day.len() == "2025-07-27".len()).then_some(())?;
    Some(format!(
        "instant {sign}{day}T{hour:02}:{minute:02}{}",
        if zone == 0 { "Z".into() } else { format!("+{zone:02}:00") }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_values_in_many_ways() {
        for (text, canonical, words) in [
            ("45,000 RUB", "money 45000 RUB", "45,000 RUB"),
            ("45 000 rubles", "money 45000 RUB", "45,000 RUB"),
            ("about $570", "money ~570 USD", "about 570 USD"),
            ("45 thousand roubles", "money 45000 RUB", "45,000 RUB"),
            ("₽45000", "money 45000 RUB", "45,000 RUB"),
            ("27 July 2025", "date 2025-07-27", "27 July 2025"),
            ("July 27, 2025", "date 2025-07-27", "27 July 2025"),
            ("27.07.2025", "date 2025-07-27", "27 July 2025"),
            ("jul 2025", "date 2025-07", "July 2025"),
            ("2024", "date 2024", "2024"),
            ("27 July 2025, 19:00 Moscow time", "instant 2025-07-27T19:00+03:00", "27 July 2025, 19:00 Moscow time"),
            ("27 July 2025 at 7:25 pm MSK", "instant 2025-07-27T19:25+03:00", "27 July 2025, 19:25 Moscow time"),
            ("2025-07-28 around 16:00 utc", "instant ~2025-07-28T16:00Z", "28 July 2025, about 16:00 UTC"),
            ("8 hours 15 minutes", "duration 8h15m", "8 hours 15 minutes"),
            ("more than 8h", "duration >8h", "more than 8 hours"),
            ("8 hours and 15 min", "duration 8h15m", "8 hours 15 minutes"),
            ("once a month", "frequency 1/month", "once a month"),
            ("3 times a week", "frequency 3/week", "3 times a week"),
            ("2/week", "frequency 2/week", "twice a week"),
            ("weekly", "frequency 1/week", "once a week"),
            ("over 400 passengers", "count >400 passengers", "more than 400 passengers"),
            ("between 20,000 and 30,000 soldiers", "count 20000..30000 soldiers", "20,000 to 30,000 soldiers"),
            ("20000–30000 soldiers", "count 20000..30000 soldiers", "20,000 to 30,000 soldiers"),
            ("name Boeing 777-200", "name Boeing 777-200", "Boeing 777-200"),
            ("60 000 рублей", "money 60000 RUB", "60,000 RUB"),
            ("45 тыс. рублей", "money 45000 RUB", "45,000 RUB"),
            ("около 45 тысяч рублей", "money ~45000 RUB", "about 45,000 RUB"),
            ("4만5천 루블", "money 45000 RUB", "45,000 RUB"),
            ("4만 5,000루블", "money 45000 RUB", "45,000 RUB"),
            ("4만 루블", "money 40000 RUB", "40,000 RUB"),
            ("yes", "yes", "yes"),
            ("two capitals", "text two capitals", "two capitals"),
            ("money 45000 RUB", "money 45000 RUB", "45,000 RUB"),
        ] {
            let value = Value::from_words(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((value.text(), value.in_words().as_str()), (canonical, words), "{text}");
            // The formatted text reads back as an equal value, except for names.
            if !canonical.starts_with("name") {
                assert_eq!(Value::from_words(words).unwrap().relation(&value), value.relation(&value), "{words}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "45",
            "45 45",
            "31 February 2025",
            "25:99 Moscow time",
            "27 July 2025, 19:00",
            "$",
            "27 July",
            "7 pm",
            "0x45",
            "Boeing 777",
        ] {
            assert!(Value::from_words(text).is_err(), "{text}: {:?}", Value::from_words(text));
        }
    }
}
