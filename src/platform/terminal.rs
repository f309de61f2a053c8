//! The conversation on the terminal, and on plain lines when there is none.

use std::fs::OpenOptions;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::desk::{Answered, Desk};
use crate::language::Language;
use crate::moderation::command::{Field, Form, Verb, after_words, is_begun};
use crate::moderation::{Actor, Moderation, Permission};
use crate::store::Scope;
use crate::utterance::Utterance;
use crate::wording::moderation as words;
use crate::wording::{self, Choice};

/// What stands before the person's words and before the desk's, and how far the desk's later lines are set in.
const YOU: &str = "you   ";
const DESK: &str = "desk  ";
const INDENT: &str = "      ";

/// Under which name the records of this platform are kept.
const PLATFORM: &str = "terminal";

/// What the terminal's own commands do.
const HELP: &str =
    "Ask in your own words. Commands: /topics, /sources, /why (how the last reply came about), /help, /quit";

/// Who looks after the facts from here, too.
const MODERATE: &str = "; /fact help shows how to change the facts that all share";

/// The longest line that is read, in bytes; of a longer one the beginning counts.
const LONGEST_LINE: usize = 64 * 1024;

/// A conversation and what it remembers.
pub struct Conversation<'a> {
    desk: &'a Desk,
    last_question: Option<String>,
    last: Option<Answered>,
    choices: Vec<Choice>,
    /// The language of the last reply.
    language: Language,
    /// Who talks here runs the bot.
    moderation: Option<(&'a Moderation, Clock)>,
}

/// Gives the time, in seconds since 1970, UTC.
pub type Clock = fn() -> i64;

impl<'a> Conversation<'a> {
    /// Begins a conversation.
    #[must_use]
    pub fn new(desk: &'a Desk) -> Self {
        let language = Language::English;
        Self { desk, last_question: None, last: None, choices: Vec::new(), language, moderation: None }
    }

    /// A conversation with the operator, who may change the facts that all share.
    #[must_use]
    pub fn of_operator(desk: &'a Desk, moderation: &'a Moderation, clock: Clock) -> Self {
        Self { moderation: Some((moderation, clock)), ..Self::new(desk) }
    }

    /// What is said to a moderator's command or to an answer to its steps; none if the line is neither.
    fn moderate(&self, line: &str) -> Option<String> {
        let (moderation, clock) = self.moderation?;
        let by = Actor { who: "operator".into(), community: String::new(), permission: Permission::Operator };
        let file_of = |words: &str| after_words(line.strip_prefix('/')?, words);
        if let Some(path) = file_of("fact export") {
            return Some(export(moderation, &by, path.trim(), clock()));
        }
        if let Some(path) = file_of("fact import") {
            return Some(import(moderation, &by, path.trim(), clock()));
        }
        match line.strip_prefix('/') {
            // Bare it tells how the last reply came about.
            Some("why") => None,
            Some(command) if is_begun(command) => Some(moderation.command(&by, command, clock()).text),
            Some(_) => None,
            None if matches!(line, "confirm" | "cancel") => Some(moderation.answer(&by, line, clock()).text),
            None if moderation.awaits(&by, clock()) => Some(moderation.answer(&by, line, clock()).text),
            None => None,
        }
    }

    /// What the desk says to a line; none if the person wants to leave.
    pub fn respond(&mut self, line: &str) -> Option<String> {
        let line = line.trim();
        match line {
            "" => return Some(String::new()),
            "/quit" | "/exit" | "/q" => return None,
            "/topics" => return Some(self.or_trouble(|this| this.topics())),
            "/sources" => return Some(self.or_trouble(|this| this.sources())),
            "/why" => return Some(self.why()),
            "/help" if self.moderation.is_some() => return Some(format!("{HELP}{MODERATE}")),
            "/help" => return Some(HELP.to_owned()),
            _ => {}
        }
        if let Some(said) = self.moderate(line) {
            return Some(said);
        }
        match line {
            command if command.starts_with('/') => return Some(format!("There is no such command. {HELP}")),
            _ => {}
        }
        if let Some(choice) = self.chosen(line) {
            self.last_question = Some(choice.title);
            self.last = None;
            self.choices.clear();
            return Some(self.desk.topic(&Scope::Shared, &choice.topic, self.language).text);
        }
        let answered = self.desk.answer(&Utterance { context: self.last_question.take(), ..Utterance::new(line) });
        if let Some((moderation, clock)) = self.moderation {
            moderation.keep_unanswered("", &answered, clock());
            moderation.count("", &answered.reply, clock());
        }
        self.choices = answered.reply.choices.clone();
        self.language = answered.reply.language;
        // With what it leaned on, so that the next question can lean on the same.
        self.last_question = answered.traces.last().map(|trace| trace.words.join(" "));
        let text = answered.reply.text.clone();
        self.last = Some(answered);
        Some(text)
    }

    /// The topic that a bare number chooses from the last reply.
    fn chosen(&self, line: &str) -> Option<Choice> {
        let number: usize = line.trim_end_matches('.').parse().ok()?;
        self.choices.get(number.checked_sub(1)?).cloned()
    }

    fn or_trouble(&self, look: impl Fn(&Self) -> Result<String, crate::store::StoreError>) -> String {
        look(self).unwrap_or_else(|error| {
            tracing::error!(%error, "the facts could not be read");
            wording::trouble().text
        })
    }

    fn topics(&self) -> Result<String, crate::store::StoreError> {
        Ok(wording::topics_in_list(&self.desk.facts_of(&Scope::Shared)?.0))
    }

    fn sources(&self) -> Result<String, crate::store::StoreError> {
        Ok(self
            .desk
            .facts_of(&Scope::Shared)?
            .0
            .sources
            .iter()
            .map(wording::source_in_list)
            .collect::<Vec<_>>()
            .join("\n"))
    }

    fn why(&self) -> String {
        let Some(answered) = &self.last else { return "Nothing has been asked yet.".to_owned() };
        wording::moderation::trace(answered, &self.desk.index())
    }
}

/// Writes the facts into a file; one that is there already is left alone.
fn export(moderation: &Moderation, by: &Actor, path: &str, now: i64) -> String {
    let said = moderation.form(by, Form::new(Verb::FactExport), now);
    let Some(file) = said.file else { return said.text };
    let named = unquoted(path);
    // Without a name the first one counts that is free.
    let free = |at: u32| PathBuf::from(file.name.replace(".txt", &format!("-{at}.txt")));
    let others = (2..10).map(free);
    let paths = if named.is_empty() {
        [PathBuf::from(&file.name)].into_iter().chain(others).collect()
    } else {
        vec![PathBuf::from(named)]
    };
    let mut outcome = String::new();
    for path in paths {
        let written = OpenOptions::new().write(true).create_new(true).open(&path);
        outcome = match written.and_then(|mut to| to.write_all(file.text.as_bytes())) {
            Ok(()) => return format!("{} In {}.", said.text, path.display()),
            Err(error) => words::not_written(&path, &error),
        };
    }
    outcome
}

/// Brings a file in, or shows why it can't be.
fn import(moderation: &Moderation, by: &Actor, path: &str, now: i64) -> String {
    // A yes to what was open before must not be taken for one to this.
    moderation.leave(by);
    let path = Path::new(unquoted(path));
    if path.as_os_str().is_empty() {
        return words::which_file();
    }
    match path.metadata().map(|about| about.is_file() && about.len() <= Field::File.longest() as u64) {
        Ok(true) => {}
        Ok(false) => return words::no_text(),
        Err(error) => return words::not_read(path, &error),
    }
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => words::no_text(),
        Ok(text) => {
            let said = moderation.form(by, Form::new(Verb::FactImport).with(Field::File, text), now);
            let all = said.file.map(|file| format!("{}\n", file.text)).unwrap_or_default();
            format!("{all}{}", said.text)
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => words::no_text(),
        Err(error) => words::not_read(path, &error),
    }
}

/// A name without the quotation marks around it.
fn unquoted(name: &str) -> &str {
    let quoted = |mark: char| name.strip_prefix(mark)?.strip_suffix(mark);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(name)
}

/// Talks until the person leaves: with line editing on a terminal, line by line elsewhere.
///
/// # Errors
/// If the terminal or standard input and output fail.
pub fn talk(desk: &Arc<Desk>, database: &Path, history: Option<&Path>) -> anyhow::Result<()> {
    let moderation = Moderation::open(Arc::clone(desk), database, PLATFORM)?;
    let mut conversation = Conversation::of_operator(desk, &moderation, || jiff::Timestamp::now().as_second());
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        talk_on_terminal(&mut conversation, database, history)
    } else {
        talk_on_lines(&mut conversation, &mut io::stdin().lock(), &mut io::stdout().lock())
    }
}

fn talk_on_terminal(
    conversation: &mut Conversation<'_>,
    database: &Path,
    history: Option<&Path>,
) -> anyhow::Result<()> {
    println!("The facts are in {}.\n{HELP}{MODERATE}\n", database.display());
    let mut editor = DefaultEditor::new()?;
    if let Some(history) = history {
        // There is none at the first start.
        let _ = editor.load_history(history);
    }
    loop {
        match editor.readline(YOU) {
            Ok(line) => {
                let _ = editor.add_history_entry(&line);
                match conversation.respond(&line) {
                    None => break,
                    Some(text) if text.is_empty() => {}
                    Some(text) => println!("{DESK}{}\n", text.replace('\n', &format!("\n{INDENT}"))),
                }
            }
            Err(ReadlineError::Interrupted | ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(Err(error)) = history.map(|history| editor.save_history(history)) {
        tracing::warn!(%error, "the history of lines could not be kept");
    }
    Ok(())
}

/// One reply for each line, a blank line after it. Bytes that aren't UTF-8 are read as replacement characters.
///
/// # Errors
/// If reading or writing fails.
pub fn talk_on_lines(
    conversation: &mut Conversation<'_>,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    while let Some(line) = read_line(input, LONGEST_LINE)? {
        match conversation.respond(&line) {
            None => break,
            Some(text) if text.is_empty() => {}
            Some(text) => {
                writeln!(output, "{text}\n")?;
                output.flush()?;
            }
        }
    }
    Ok(())
}

/// Reads a line of any bytes, of which at most `limit` are kept; none at the end.
///
/// # Errors
/// If reading fails.
pub fn read_line(input: &mut impl BufRead, limit: usize) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(buffer.len(), |end| end + 1);
        let room = limit.saturating_sub(line.len());
        line.extend_from_slice(&buffer[..end.unwrap_or(taken).min(room)]);
        input.consume(taken);
        if end.is_some() {
            break;
        }
    }
    Ok(any.then(|| String::from_utf8_lossy(&line).into_owned()))
}
