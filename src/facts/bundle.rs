//! Joins all files of facts into one text, which moderators export in chat, edit and import again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::check::{self, Problem};
use super::{Facts, text};

/// Start of the lines that belong to no file: they give the revision or begin a file.
const MARK: &str = "#:";

/// Largest text that is accepted, in bytes. About ten times the shipped facts.
pub const LARGEST: usize = 8 << 20;

/// Largest number of problems that [`Bundle::from_text`] returns.
const MOST_PROBLEMS: usize = 100;

/// The files of facts, and the revision that they were exported from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    /// Revision that the files were exported from; `None` if it isn't known.
    pub revision: Option<i64>,
    /// Names and texts of the files.
    pub files: Vec<(String, String)>,
    /// Number of lines before each file in the text that the bundle was parsed from; empty for separate files.
    starts: BTreeMap<String, usize>,
}

impl Bundle {
    /// Makes a bundle of separate files, as in a folder.
    #[must_use]
    pub fn of_files(files: Vec<(String, String)>, revision: Option<i64>) -> Self {
        Self { revision, files, starts: BTreeMap::new() }
    }

    /// Makes a bundle of the facts of a revision.
    #[must_use]
    pub fn of(facts: &Facts, revision: i64) -> Self {
        Self::of_files(text::write(facts), Some(revision))
    }

    /// Returns the bundle as one text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::from(
            "# All facts in one file. Edit anything except the lines that begin with `#:`. They mark the parts of\n\
             # the file and the revision that it was exported from. The order of the entries doesn't matter.\n",
        );
        if let Some(revision) = self.revision {
            let _ = writeln!(out, "{MARK} revision {revision}");
        }
        for (name, text) in &self.files {
            let _ = write!(out, "\n{MARK} file {name}\n{text}");
        }
        out
    }

    /// Parses a bundle from one text.
    ///
    /// # Errors
    /// The invalid lines among those that begin with `#:`, at most 100, and a missing `sources.toml`.
    pub fn from_text(text: &str) -> Result<Self, Vec<Problem>> {
        let mut bundle = Self::default();
        let mut problems = Vec::new();
        let mut bad = |at: usize, message: String| {
            if problems.len() < MOST_PROBLEMS {
                problems.push(Problem { file: String::new(), line: at + 1, message });
            }
        };
        for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let Some(said) = line.strip_prefix(MARK).map(str::trim) else {
                if let Some((_, text)) = bundle.files.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
                continue;
            };
            match said.split_once(' ') {
                Some(("revision", number)) if bundle.files.is_empty() => match number.trim().parse() {
                    Ok(number) => bundle.revision = Some(number),
                    Err(_) => bad(at, format!("`{number}` is not a revision number")),
                },
                Some(("file", name)) if name.ends_with(".toml") => {
                    if bundle.starts.insert(name.to_owned(), at + 1).is_some() {
                        bad(at, format!("duplicate part {name}"));
                    }
                    bundle.files.push((name.to_owned(), String::new()));
                }
                _ => bad(at, format!("`{line}` names neither a revision nor a file")),
            }
        }
        if !bundle.starts.contains_key(text::SOURCES_FILE) {
            bad(0, format!("the part {} is missing; this is not a facts file", text::SOURCES_FILE));
        }
        if problems.is_empty() { Ok(bundle) } else { Err(problems) }
    }

    /// Parses and checks the facts.
    ///
    /// # Errors
    /// All problems of the facts.
    pub fn facts(&self) -> Result<Facts, Vec<Problem>> {
        let (facts, problems) = self.look()?;
        if problems.is_empty() { Ok(facts) } else { Err(problems) }
    }

    /// Parses the facts and returns them with their problems.
    ///
    /// # Errors
    /// The first error of each file that can't be parsed.
    pub fn look(&self) -> Result<(Facts, Vec<Problem>), Vec<Problem>> {
        let placed = |mut problem: Problem| {
            problem.line += self.starts.get(&problem.file).copied().unwrap_or(0);
            problem
        };
        let facts = text::parse(&self.files)
            .map_err(|errors| errors.into_iter().map(|error| placed(error.into())).collect::<Vec<_>>())?;
        let mut problems: Vec<Problem> = check::check(&facts, &self.files).into_iter().map(placed).collect();
        if !self.starts.is_empty() {
            problems.sort_by_key(|problem| problem.line);
        }
        Ok((facts, problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let facts = text::shipped();
        let bundle = Bundle::of(&facts, 12);
        for text in [bundle.to_text(), bundle.to_text().replace('\n', "\r\n"), format!("\u{feff}{}", bundle.to_text())]
        {
            let read = Bundle::from_text(&text).unwrap();
            assert_eq!(read.revision, Some(12));
            assert!(read.facts().unwrap() == facts);
        }
    }

    #[test]
    fn problems_are_told_with_their_line_in_the_whole() {
        let text = Bundle::of(&text::shipped(), 12).to_text();
        let line_of = |text: &str, part: &str| text.lines().position(|line| line.contains(part)).unwrap() + 1;
        let problems = |text: &str| match Bundle::from_text(text).and_then(|bundle| bundle.facts()) {
            Ok(_) => panic!("nothing was found"),
            Err(problems) => problems,
        };
        let broken = text.replacen("id = \"airline\"", "id = airline", 1);
        assert_eq!(problems(&broken)[0].line, line_of(&broken, "id = airline"));
        let unknown = text.replacen("source = \"azzet\"", "source = \"pravda\"", 1);
        let found = problems(&unknown);
        let claim = unknown.lines().take(line_of(&unknown, "pravda")).collect::<Vec<_>>();
        assert_eq!(found[0].line, claim.iter().rposition(|line| line.starts_with("id = ")).unwrap() + 1);
        for (from, to, message) in [
            ("#: revision 12", "#: revision x", "not a revision number"),
            ("#: file route.toml", "#: file tickets.toml", "duplicate part tickets.toml"),
            ("#: file route.toml", "#: folder route", "names neither a revision nor a file"),
            ("#: file sources.toml", "", "the part sources.toml is missing"),
        ] {
            let found = problems(&text.replace(from, to));
            assert!(found.iter().any(|problem| problem.message.contains(message)), "{to}: {found:?}");
        }
        assert!(problems("").iter().all(|problem| problem.message.contains("not a facts file")));
    }
}
