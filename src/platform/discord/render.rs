//! Renders a reply in Discord's markup and within Discord's limits.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use regex::{Captures, Regex};

use crate::language::Language;
use crate::platform::cut::cut;
use crate::understanding::normalise::is_invisible;
use crate::wording::Reply;

/// The longest message, in UTF-16 units. Discord counts characters, of which a text never has more.
pub const LONGEST: usize = 2_000;

/// Returns the messages of a reply, with markup escaped, link previews suppressed, and long text split.
#[must_use]
pub fn messages(reply: &Reply) -> Vec<String> {
    let sources = reply.text.strip_prefix(&reply.body).unwrap_or_default();
    let mut text = with_days(&escaped(&reply.body), reply.language);
    for line in sources.lines().filter(|line| !line.is_empty()) {
        // A source without a URL consists of its name.
        let (name, address) = line.split_once(" <").unwrap_or((line, ""));
        let _ = write!(text, "\n{}", escaped(name));
        if !address.is_empty() {
            let _ = write!(text, " <{address}");
        }
    }
    split(&text)
}

/// Splits a text into messages of at most [`LONGEST`] units.
#[must_use]
pub fn split(text: &str) -> Vec<String> {
    cut(text, LONGEST)
}

/// The pattern of a full date in each language.
static DAYS: LazyLock<HashMap<Language, Regex>> = LazyLock::new(|| {
    let all = Language::others().chain([Language::English]);
    all.map(|language| (language, day_pattern(language))).collect()
});

fn day_pattern(language: Language) -> Regex {
    let dates = &language.pack().dates;
    let months: Vec<String> = dates.months.iter().map(|month| regex::escape(month)).collect();
    let pattern = dates
        .day
        .replace("{day}", r"(?<day>\d{1,2})")
        .replace("{month}", &format!("(?<month>{})", months.join("|")))
        .replace("{year}", r"(?<year>\d{4})");
    // The last day of a range such as "27–29 July 2025" isn't a date by itself.
    Regex::new(&format!(r"(?<before>^|[^–~\d]){pattern}")).expect("the pattern is valid")
}

/// Adds a Discord timestamp behind the first mention of each date, which every reader sees in their own date format.
fn with_days(text: &str, language: Language) -> String {
    let mut shown = HashSet::new();
    let show = |found: &Captures<'_>| {
        let whole = found[0].to_owned();
        match moment(found, language).filter(|moment| shown.insert(*moment)) {
            Some(moment) => format!("{whole} (<t:{moment}:D>)"),
            None => whole,
        }
    };
    DAYS[&language].replace_all(text, show).into_owned()
}

/// Returns noon UTC of a date, in seconds since 1970: nearly everywhere that moment has the same date. `None` for a day
/// that doesn't exist.
fn moment(found: &Captures<'_>, language: Language) -> Option<i64> {
    let month = language.pack().dates.months.iter().position(|month| *month == found["month"])? + 1;
    let date = Date::new(found["year"].parse().ok()?, i8::try_from(month).ok()?, found["day"].parse().ok()?).ok()?;
    Some(date.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// Escapes a text so that Discord shows it literally: no markup, mention, emoji, link or invitation takes effect.
/// Removes invisible characters, such as those that reverse the writing direction.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = '\n';
    let mut at_start = true;
    for c in text.chars().filter(|c| !is_invisible(*c)) {
        match c {
            '\\' | '*' | '_' | '~' | '`' | '|' | '<' => out.push('\\'),
            '#' | '-' | '>' if at_start => out.push('\\'),
            // "](" would start a masked link.
            '(' if before == ']' => out.push('\\'),
            _ => {}
        }
        out.push(c);
        if c == '@' {
            out.push('\u{200b}');
        }
        at_start = c == '\n' || (at_start && c == ' ');
        before = c;
    }
    // Breaks links and invitations.
    out.replace("://", ":\u{200b}//")
        .replace("discord.", "discord\u{200b}.")
        .replace("discordapp.", "discordapp\u{200b}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_takes_effect_that_somebody_wrote() {
        for (text, shown) in [
            ("a *b* _c_ ~~d~~ `e` ||f||", r"a \*b\* \_c\_ \~\~d\~\~ \`e\` \|\|f\|\|"),
            ("# title\n- point\n> quote", "\\# title\n\\- point\n\\> quote"),
            (
                "<@1> <t:1:D> <https://x.y>",
                r"\<@1> \<t:1:D> \<https://x.y>".replace('@', "@\u{200b}").replace("://", ":\u{200b}//").as_str(),
            ),
            ("join discord.gg/x, \u{202e}txt", "join discord\u{200b}.gg/x, txt"),
            ("  > quote", "  \\> quote"),
            ("@everyone", "@\u{200b}everyone"),
            ("[click](https://x.y) and [1] (so)", "[click]\\(https:\u{200b}//x.y) and [1] (so)"),
            ("777-200 costs 45,000", "777-200 costs 45,000"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn days_are_shown_in_each_readers_way_once() {
        let day = "(<t:1753617600:D>)";
        for (language, text, expected) in [
            (
                Language::English,
                "On 27 July 2025. As of 27 July 2025.",
                format!("On 27 July 2025 {day}. As of 27 July 2025."),
            ),
            (Language::English, "27 July 2025", format!("27 July 2025 {day}")),
            (Language::English, "on 25–27 July 2025, in July 2025, 31 June 2025", String::new()),
            (Language::Russian, "Вылет 27 июля 2025 года.", format!("Вылет 27 июля 2025 года {day}.")),
            (Language::Korean, "2025년 7월 27일 기준.", format!("2025년 7월 27일 {day} 기준.")),
        ] {
            let expected = if expected.is_empty() { text } else { &expected };
            assert_eq!(with_days(text, language), expected);
        }
    }
}
