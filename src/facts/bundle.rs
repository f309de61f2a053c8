//! All files of facts as one text: what moderators get from chat, edit and bring back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::check::{self, Problem};
use super::{Facts, text};

/// What the lines begin with that aren't part of a file.
const MARK: &str = "#:";

/// The largest text that is read, in bytes: ten times the shipped facts.
pub const LARGEST: usize = 8 << 20;

/// How many lines that aren't as they should be are told.
const MOST_PROBLEMS: usize = 100;

/// Files of facts, and where they come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The revision that they were written from; none if that isn't told.
    pub revision: Option<i64>,
    /// The files, by name and text.
    pub files: Vec<(String, String)>,
    /// The line on which each file begins in the text that it was read from, counted from 0; none for files of their own.
    starts: BTreeMap<String, usize>,
}

impl Bundle {
    /// Files of their own, as they lie in a folder.
    #[must_use]
    pub fn of_files(files: Vec<(String, String)>, revision: Option<i64>) -> Self {
        Self { revision, files, starts: BTreeMap::new() }
    }

    /// The facts of a revision.
    #[must_use]
    pub fn of(facts: &Facts, revision: i64) -> Self {
        Self::of_files(text::write(facts), Some(revision))
    }

    /// As one text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::from(
            "# All facts in one file. Change what you like and leave the lines that begin with #: as they are: they tell\n\
             # where the parts begin, and from which revision they are. Where things stand in the file doesn't count.\n",
        );
        if let Some(revision) = self.revision {
            let _ = writeln!(out, "{MARK} revision {revision}");
        }
        for (name, text) in &self.files {
            let _ = write!(out, "\n{MARK} file {name}\n{text}");
        }
        out
    }

    /// Reads one text.
    ///
    /// # Errors
    /// Every line that isn't as it should be.
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
                    Err(_) => bad(at, format!("`{number}` is no revision")),
                },
                Some(("file", name)) if name.ends_with(".toml") => {
                    if bundle.starts.insert(name.to_owned(), at + 1).is_some() {
                        bad(at, format!("there is another part {name}"));
                    }
                    bundle.files.push((name.to_owned(), String::new()));
                }
                _ => bad(at, format!("`{line}` is neither a revision nor a file")),
            }
        }
        if !bundle.starts.contains_key(text::SOURCES_FILE) {
            bad(0, format!("there is no part {}; this is no file of facts", text::SOURCES_FILE));
        }
        if problems.is_empty() { Ok(bundle) } else { Err(problems) }
    }

    /// The facts, if nothing is wrong with them.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn facts(&self) -> Result<Facts, Vec<Problem>> {
        let (facts, problems) = self.look()?;
        if problems.is_empty() { Ok(facts) } else { Err(problems) }
    }

    /// The facts with what is wrong with them.
    ///
    /// # Errors
    /// Each file that can't be read.
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
            ("#: revision 12", "#: revision x", "no revision"),
            ("#: file route.toml", "#: file tickets.toml", "another part tickets.toml"),
            ("#: file route.toml", "#: folder route", "neither a revision nor a file"),
            ("#: file sources.toml", "", "no part sources.toml"),
        ] {
            let found = problems(&text.replace(from, to));
            assert!(found.iter().any(|problem| problem.message.contains(message)), "{to}: {found:?}");
        }
        assert!(problems("").iter().all(|problem| problem.message.contains("no file of facts")));
    }
}
