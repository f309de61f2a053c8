//! Verifies claims against local copies of the articles: the cited paragraphs must print every figure, date and name of
//! a claim, and the claim must not reverse their meaning.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::check::derives;
use super::date::MONTHS;
use super::value::ValueKind;
use super::{Claim, Facts, Operation};

/// Paragraphs of the articles by source id.
pub type Articles = BTreeMap<String, Vec<String>>;

/// The result of verifying one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// The cited paragraphs support the claim.
    Verified,
    /// The cited paragraphs don't support these parts of the claim.
    NotFound(Vec<String>),
    /// There is no copy of the article with this source id.
    ArticleMissing(String),
}

/// Reads the articles of `facts` from `<dir>/<source id>.txt`. Paragraphs are the non-empty lines. Missing and
/// unreadable articles are left out.
///
/// # Errors
/// If the folder can't be read.
pub fn read_articles(facts: &Facts, dir: &Path) -> std::io::Result<Articles> {
    fs::read_dir(dir)?;
    let mut articles = Articles::new();
    for source in &facts.sources {
        if let Ok(text) = fs::read_to_string(dir.join(format!("{}.txt", source.id))) {
            let paragraphs = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
            articles.insert(source.id.clone(), paragraphs);
        }
    }
    Ok(articles)
}

/// Verifies one claim. `facts` gives the names of the sources, which a statement may always contain.
#[must_use]
pub fn verify(claim: &Claim, facts: &Facts, articles: &Articles) -> Verification {
    if let Some(citation) = claim.cite.iter().find(|citation| !articles.contains_key(&citation.source)) {
        return Verification::ArticleMissing(citation.source.clone());
    }
    let mut missing = missing_words(claim, articles);
    let evidence = Evidence::gather(claim, facts, articles);
    missing.extend(evidence.missing_from_statement(claim));
    missing.extend(evidence.missing_from_value(claim));
    missing.extend(wrong_derivation(claim, &evidence));
    missing.extend(wrong_polarity(claim));
    if missing.is_empty() { Verification::Verified } else { Verification::NotFound(missing) }
}

/// Returns the quoted words that their paragraph doesn't contain, and the citations without quoted words.
fn missing_words(claim: &Claim, articles: &Articles) -> Vec<String> {
    let mut missing = Vec::new();
    for citation in &claim.cite {
        if citation.words.is_empty() {
            missing.push(format!("quoted words for {} {}", citation.source, citation.paragraph));
        }
        let paragraph = citation.paragraph.checked_sub(1).and_then(|at| articles[&citation.source].get(at as usize));
        let text = paragraph.map(|text| plain(text)).unwrap_or_default();
        for words in citation.words.iter().filter(|words| !text.contains(&plain(words))) {
            missing.push(format!("\"{words}\" in {} {}", citation.source, citation.paragraph));
        }
    }
    missing
}

/// Returns the text in lower case with plain quotes, hyphens and spaces, so that typography doesn't matter.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '’' | '‘' => '\'',
            '“' | '”' => '"',
            '‑' | '–' | '—' => '-',
            '\u{a0}' => ' ',
            c => c,
        })
        .collect::<String>()
        .to_lowercase()
}

/// The numbers and words of the cited paragraphs and of the words that the citations quote.
struct Evidence {
    numbers: BTreeSet<String>,
    words: BTreeSet<String>,
    /// Pairs of neighbouring words as one, for names that are also printed as two words: `Flight Aware`.
    squeezed: BTreeSet<String>,
    /// Words of the cited sources' publishers and titles, `US` and `GMT`, which a statement may always contain.
    names: BTreeSet<String>,
    /// Words that the citations quote.
    borne: BTreeSet<String>,
    /// Numbers in the words that the citations quote.
    borne_numbers: BTreeSet<String>,
}

impl Evidence {
    fn gather(claim: &Claim, facts: &Facts, articles: &Articles) -> Self {
        let mut text = String::new();
        let mut borne = String::new();
        let mut names = String::from("US GMT ");
        for citation in &claim.cite {
            let paragraph = citation.paragraph.checked_sub(1);
            if let Some(paragraph) = paragraph.and_then(|at| articles[&citation.source].get(at as usize)) {
                text.push_str(paragraph);
                text.push('\n');
            }
            borne.push_str(&citation.words.join("\n"));
            borne.push('\n');
            let source = facts.sources.iter().find(|source| source.id == citation.source);
            for name in source.iter().flat_map(|source| [source.publisher.as_deref(), Some(&source.title)]).flatten() {
                names.push_str(name);
                names.push(' ');
            }
        }
        Self {
            numbers: numbers(&text),
            words: words(&text),
            squeezed: squeezed(&text),
            names: words(&names),
            borne_numbers: numbers(&borne),
            borne: words(&borne),
        }
    }

    fn has_word(&self, word: &str) -> bool {
        let abbreviated =
            || MONTHS.iter().any(|month| month.eq_ignore_ascii_case(word)) && self.words.contains(&word[..3]);
        self.words.contains(word)
            || self.names.contains(word)
            || self.squeezed.contains(word)
            || inflections(word).any(|w| self.words.contains(&w))
            || abbreviated()
    }

    /// Returns the figures, months, weekdays and names of the statement that no cited paragraph prints and no
    /// derivation gives.
    fn missing_from_statement(&self, claim: &Claim) -> Vec<String> {
        let derived = claim.derived.as_ref().map(derived_words).unwrap_or_default();
        let mut missing: Vec<String> = numbers_in(&claim.statement, FIGURE_WORDS)
            .into_iter()
            .filter(|number| !self.numbers.contains(number) && !derived.contains(number))
            .collect();
        for name in names(&claim.statement) {
            if !self.has_word(&name) && !derived.contains(&name) {
                missing.push(name);
            }
        }
        missing
    }

    /// Returns the figures of the value that the quoted words don't contain, and the words of a name that neither they
    /// nor the cited paragraphs contain. A derived value is left to [`wrong_derivation`].
    fn missing_from_value(&self, claim: &Claim) -> Vec<String> {
        if claim.derived.is_some() {
            return Vec::new();
        }
        match claim.value.kind() {
            ValueKind::Money(..)
            | ValueKind::Count(..)
            | ValueKind::Duration(..)
            | ValueKind::Date(..)
            | ValueKind::Instant(..) => {
                let shown = value_numbers(claim.value.kind());
                shown.into_iter().filter(|choices| choices.is_disjoint(&self.borne_numbers)).map(join).collect()
            }
            ValueKind::Frequency(times, _) if *times > 1 => {
                let twice = [times.to_string()].into();
                if self.borne_numbers.is_disjoint(&twice) { vec![times.to_string()] } else { Vec::new() }
            }
            ValueKind::Name(name) => words(name).into_iter().filter(|word| !self.borne_or_printed(word)).collect(),
            ValueKind::Frequency(..) | ValueKind::YesNo(_) | ValueKind::Text(_) => Vec::new(),
        }
    }

    fn borne_or_printed(&self, word: &str) -> bool {
        self.borne.contains(word) || self.words.contains(word)
    }
}

fn join(choices: BTreeSet<String>) -> String {
    choices.into_iter().collect::<Vec<_>>().join(" or ")
}

/// Returns for each figure of a value the ways in which a source may print it.
fn value_numbers(kind: &ValueKind) -> Vec<BTreeSet<String>> {
    let plain = |figures: Vec<u64>| figures.into_iter().map(|n| [n.to_string()].into()).collect();
    match kind {
        ValueKind::Money(bounds, _) | ValueKind::Count(bounds, _) => plain(bounds.figures()),
        ValueKind::Duration(bounds) => bounds.figures().into_iter().map(duration_numbers).collect(),
        ValueKind::Date(span) => {
            let mut parts: Vec<BTreeSet<String>> = Vec::new();
            let text = span.to_string();
            if text.contains("..") && text.len() == "1994..1996".len() {
                // A range of years stands for a part of a decade, and the sources print only the decade.
                let decade = span.from().year() / 10 * 10;
                return vec![[decade.to_string()].into()];
            }
            parts.push([span.from().year().to_string()].into());
            if span.from() == span.to().unwrap_or(span.from()) {
                parts.push([span.from().day().to_string()].into());
            }
            parts
        }
        ValueKind::Instant(..)
        | ValueKind::Frequency(..)
        | ValueKind::Name(_)
        | ValueKind::YesNo(_)
        | ValueKind::Text(_) => Vec::new(),
    }
}

/// Returns a number of minutes as a source may print it: as whole hours, days, weeks or years.
fn duration_numbers(minutes: u64) -> BTreeSet<String> {
    const UNITS: [u64; 4] = [60, 24 * 60, 7 * 24 * 60, 365 * 24 * 60];
    UNITS.iter().filter(|unit| minutes.is_multiple_of(**unit)).map(|unit| (minutes / unit).to_string()).collect()
}

/// Returns the figures and month names of a derivation's inputs and result.
fn derived_words(derived: &super::Derivation) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let mut texts: Vec<String> = derived.compute().into_iter().collect();
    texts.extend(derived.inputs.iter().cloned());
    if derived.operation == Operation::WeekBefore {
        texts.push("week before".into());
    }
    for text in &texts {
        out.extend(numbers(text));
        for part in text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()) {
            out.insert(part.trim_start_matches('0').to_owned());
        }
        for date in text.split("..").filter_map(|part| part.get(5..7)) {
            if let Some(month) = date.parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1))) {
                out.insert(month.to_lowercase());
            }
        }
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            // A statement may give the moment in UTC, Moscow time or Pyongyang time.
            for hours in [0, 3, 9] {
                let local = jiff::tz::Offset::constant(hours).to_datetime(at);
                out.insert(format!("{}:{:02}", local.hour(), local.minute()));
            }
        }
    }
    out
}

/// Returns the result of a derivation if it isn't the value, and the inputs that no cited paragraph prints.
fn wrong_derivation(claim: &Claim, evidence: &Evidence) -> Vec<String> {
    let Some(derived) = &claim.derived else { return Vec::new() };
    let mut wrong = Vec::new();
    match derived.compute() {
        Some(result) if derives(claim, &result) => {}
        result => wrong.push(format!("derived {}", result.unwrap_or_else(|| "nothing".into()))),
    }
    for input in derived.printed_inputs() {
        let printed = words(input).iter().all(|word| evidence.words.contains(word) || evidence.numbers.contains(word))
            && numbers(input).is_subset(&evidence.numbers);
        if !printed {
            wrong.push(input.to_owned());
        }
    }
    wrong
}

/// Words that negate a sentence.
const NEGATIONS: [&str; 13] = [
    "not",
    "no",
    "never",
    "without",
    "neither",
    "nor",
    "none",
    "cannot",
    "can't",
    "doesn't",
    "isn't",
    "yet to",
    "rather than",
];

fn negations(text: &str) -> usize {
    let text = format!(" {} ", plain(text).replace(|c: char| !c.is_alphanumeric() && c != '\'', " "));
    NEGATIONS.iter().map(|word| text.matches(&format!(" {word} ")).count()).sum()
}

/// Returns `polarity` if only one of statement and quoted words is negative, or if a yes/no value doesn't agree: it must
/// be `no` for a negative statement or a contrary derivation, and otherwise `yes`.
fn wrong_polarity(claim: &Claim) -> Option<String> {
    let statement = negations(&claim.statement) % 2 == 1;
    let quoted = claim.cite.iter().flat_map(|citation| &citation.words).any(|words| negations(words) % 2 == 1);
    let contrary = claim.derived.as_ref().is_some_and(|derived| derived.operation == Operation::Contrary);
    let yes = match claim.value.kind() {
        ValueKind::YesNo(yes) => Some(*yes),
        _ => None,
    };
    let turned = statement != quoted || yes.is_some_and(|yes| yes == (statement || contrary));
    turned.then(|| "polarity".to_owned())
}

/// Number words that count as figures also in a statement.
const FIGURE_WORDS: &[(&str, &str)] = &[
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("twelve", "12"),
    ("twice", "2"),
    ("twenty", "20"),
    ("thirty", "30"),
];

/// Words that a source may print for a figure, but that are no figures in a statement ("one report", "the two
/// countries").
const SMALL_WORDS: &[(&str, &str)] = &[("one", "1"), ("two", "2"), ("once", "1"), ("week", "1")];

/// Returns the numbers of a text, in digits without separators: `45,000` and `eight` give `45000` and `8`. Clock times
/// stay as they are.
#[must_use]
pub fn numbers(text: &str) -> BTreeSet<String> {
    let mut found = numbers_in(text, FIGURE_WORDS);
    found.extend(numbers_in(text, SMALL_WORDS));
    found
}

fn numbers_in(text: &str, words: &[(&str, &str)]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for token in plain(text).split(|c: char| !(c.is_alphanumeric() || matches!(c, ',' | ':' | '.'))) {
        let token = token.trim_matches(|c: char| matches!(c, ',' | ':' | '.'));
        if token.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = token.trim_end_matches(|c: char| c.is_alphabetic());
            let digits = digits.replace(',', "");
            found.insert(digits.trim_start_matches('0').to_owned());
        } else if let Some((_, digits)) = words.iter().find(|(word, _)| *word == token) {
            found.insert((*digits).to_owned());
        }
    }
    found
}

/// Returns the words of a text in lower case, without possessive endings.
fn words(text: &str) -> BTreeSet<String> {
    plain(text)
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .map(|word| word.trim_end_matches("'s").trim_matches('\'').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Returns each pair of neighbouring words as one.
fn squeezed(text: &str) -> BTreeSet<String> {
    let plain = plain(text);
    let list: Vec<&str> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    list.windows(2).map(|pair| pair.concat()).collect()
}

/// Returns other forms of a name: `Russia` for the adjective `Russian` and the other way round, and the American
/// spelling.
fn inflections(word: &str) -> impl Iterator<Item = String> {
    const ENDINGS: [(&str, &str); 6] =
        [("n", ""), ("", "n"), ("ns", ""), ("s", ""), ("defence", "defense"), ("an", "")];
    let word = word.to_owned();
    ENDINGS.into_iter().filter_map(move |(from, to)| word.strip_suffix(from).map(|stem| format!("{stem}{to}")))
}

/// Returns the capitalised words of a statement in lower case. A word that begins a sentence counts as well, unless it
/// is one of the usual openers.
fn names(statement: &str) -> BTreeSet<String> {
    const OPENERS: [&str; 42] = [
        "a",
        "according",
        "more",
        "after",
        "an",
        "another",
        "as",
        "before",
        "but",
        "by",
        "direct",
        "eight",
        "exceptions",
        "experts",
        "flights",
        "for",
        "from",
        "her",
        "if",
        "it",
        "its",
        "limited",
        "military",
        "most",
        "neither",
        "once",
        "one",
        "or",
        "read",
        "relations",
        "state",
        "that",
        "the",
        "their",
        "these",
        "they",
        "this",
        "thousands",
        "to",
        "train",
        "under",
        "written",
    ];
    statement
        .split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’'))
        .filter(|word| word.starts_with(|c: char| c.is_uppercase()))
        .map(|word| plain(word).trim_end_matches("'s").trim_end_matches('\'').to_owned())
        .filter(|word| !OPENERS.contains(&word.as_str()))
        .collect()
}
