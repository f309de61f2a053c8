//! Runs the conversation on the terminal for one person at a keyboard, and line by line where there is no terminal.

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

/// The prompt, the prefix of a reply, and the indent of the reply's later lines. All have the same width.
const YOU: &str = "you   ";
const DESK: &str = "desk  ";
const INDENT: &str = "      ";

/// The widest line of a reply, in columns. Longer lines are hard to read on a wide terminal.
const WIDEST: usize = 100;

/// The platform's name in the database.
const PLATFORM: &str = "terminal";

/// Questions that the greeting offers. Each has an answer.
pub const FIRST_QUESTIONS: [&str; 3] =
    ["How much is a ticket?", "How long is the flight?", "Was the first flight sold out?"];

/// The terminal's own commands.
const HELP: &str = "Ask in your own words. Commands: /topics, /sources, /why (explains the last reply), /help, /quit.";

/// The hint for the operator, who edits the shared facts from here.
const MODERATE: &str = " /fact help lists the commands that change facts.";

/// The longest line that is read, in bytes. The rest of a longer line is dropped.
const LONGEST_LINE: usize = 64 * 1024;

/// A conversation and its memory.
pub struct Conversation<'a> {
    desk: &'a Desk,
    last_question: Option<String>,
    last: Option<Answered>,
    choices: Vec<Choice>,
    /// The language of the last reply.
    language: Language,
    /// Set if the person at the keyboard is the operator.
    moderation: Option<(&'a Moderation, Clock)>,
}

/// Returns the time, in seconds since 1970, UTC.
pub type Clock = fn() -> i64;

impl<'a> Conversation<'a> {
    /// Starts a conversation with a member, who can't change facts.
    #[must_use]
    pub fn new(desk: &'a Desk) -> Self {
        let language = Language::English;
        Self { desk, last_question: None, last: None, choices: Vec::new(), language, moderation: None }
    }

    /// Starts a conversation with the operator, who may change the shared facts.
    #[must_use]
    pub fn of_operator(desk: &'a Desk, moderation: &'a Moderation, clock: Clock) -> Self {
        Self { moderation: Some((moderation, clock)), ..Self::new(desk) }
    }

    /// The response to a moderator's command or to an answer to one of its steps. `None` if the line is neither.
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
            // Without a question, `/why` explains the last reply.
            Some("why") => None,
            Some(command) if is_begun(command) => Some(moderation.command(&by, command, clock()).text),
            Some(_) => None,
            None if matches!(line, "confirm" | "cancel") => Some(moderation.answer(&by, line, clock()).text),
            None if moderation.awaits(&by, clock()) => Some(moderation.answer(&by, line, clock()).text),
            None => None,
        }
    }

    /// The response to a line. `None` if the person leaves.
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
        // Includes the words taken from earlier questions, so that the next follow-up finds them too.
        self.last_question = answered.traces.last().map(|trace| trace.words.join(" "));
        let text = answered.reply.text.clone();
        self.last = Some(answered);
        Some(text)
    }

    /// The choice of the last reply that a bare number selects.
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

/// Writes the facts to a new file. Never overwrites one.
fn export(moderation: &Moderation, by: &Actor, path: &str, now: i64) -> String {
    let said = moderation.form(by, Form::new(Verb::FactExport), now);
    let Some(file) = said.file else { return said.text };
    let named = unquoted(path);
    // Without a name, takes the first name that is free.
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

/// Imports a file of facts. Returns the preview, or the reason why the file can't be imported.
fn import(moderation: &Moderation, by: &Actor, path: &str, now: i64) -> String {
    // A later `confirm` must not confirm an earlier command.
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

/// Removes the quotation marks around a name.
fn unquoted(name: &str) -> &str {
    let quoted = |mark: char| name.strip_prefix(mark)?.strip_suffix(mark);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(name)
}

/// Runs the conversation until the person leaves: with line editing on a terminal, line by line otherwise.
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
    let width = textwrap::termwidth().min(WIDEST);
    println!("{}\n", wrapped(&greeting(database), "", "", width));
    let mut editor = DefaultEditor::new()?;
    if let Some(history) = history {
        // There is no file at the first start.
        let _ = editor.load_history(history);
    }
    loop {
        match editor.readline(YOU) {
            Ok(lines) => {
                if !respond_to_all(conversation, &lines, width, |line| drop(editor.add_history_entry(line))) {
                    break;
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

/// Prints the responses to lines entered at once: one when typed, several when pasted. Returns false if the person leaves.
fn respond_to_all(
    conversation: &mut Conversation<'_>,
    lines: &str,
    width: usize,
    mut remember: impl FnMut(&str),
) -> bool {
    let pasted = lines.trim().contains('\n');
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        remember(line);
        if pasted {
            println!("{YOU}{}", line.trim());
        }
        match conversation.respond(line) {
            None => return false,
            Some(text) if text.is_empty() => {}
            Some(text) => println!("{}\n", wrapped(&text, DESK, INDENT, width)),
        }
    }
    true
}

/// The first lines of a conversation on a terminal.
fn greeting(database: &Path) -> String {
    format!(
        "I answer questions about the direct Moscow–Pyongyang flights and cite the source of every claim.\nTry: {}\n{HELP}\
         {MODERATE}\nFacts: {}",
        FIRST_QUESTIONS.join(" · "),
        database.display()
    )
}

/// Wraps a text at word boundaries. `first` and `rest` stand before its first and its later lines; the continuation of a
/// list item is indented to the item's text. Addresses are never broken.
fn wrapped(text: &str, first: &str, rest: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let hanging = format!("{rest}{}", " ".repeat(item_indent(line)));
        let options = textwrap::Options::new(width)
            .initial_indent(if at == 0 { first } else { rest })
            .subsequent_indent(&hanging)
            .break_words(false)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        lines.extend(textwrap::wrap(line, options).into_iter().map(std::borrow::Cow::into_owned));
    }
    lines.join("\n")
}

/// The width of a list item's marker with the spaces around it: `[1] `, `2. `, `  · `. For other lines that of the leading spaces.
fn item_indent(line: &str) -> usize {
    let text = line.trim_start();
    let spaces = line.len() - text.len();
    let is_marker = |word: &str| {
        let number = word.trim_start_matches('[').trim_end_matches([']', '.']);
        matches!(word, "·" | "-") || number != word && number.parse::<u32>().is_ok()
    };
    let marker = text.split_once(' ').map(|(word, _)| word).filter(|word| is_marker(word));
    spaces + marker.map_or(0, |word| word.chars().count() + 1)
}

/// Prints one reply for each line, with a blank line after it. Bytes that aren't UTF-8 are read as replacement characters.
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

/// Reads a line of any bytes and returns at most `limit` of them. `None` at the end of the input.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_wrap_at_words_with_a_hanging_indent() {
        let reply = "A ticket was priced at 45,000 rubles [1].\n[1] The Moscow Times, paragraph 7 \
                     <https://www.themoscowtimes.com/2025/07/28/a-long-address>";
        assert_eq!(
            wrapped(reply, DESK, INDENT, 40),
            "desk  A ticket was priced at 45,000\n      rubles [1].\n      [1] The Moscow Times, paragraph 7\n          \
             <https://www.themoscowtimes.com/2025/07/28/a-long-address>"
        );
    }

    #[test]
    fn list_items_indent_to_their_text() {
        for (line, expected) in
            [("[12] Azzet", 5), ("2. the price", 3), ("  · found", 4), ("  deep", 2), ("45 a day", 0)]
        {
            assert_eq!(item_indent(line), expected, "{line}");
        }
    }
}
