//! Parses moderators' commands into forms. The syntax is the same on each platform; [`Form::parse`] is the entry point.
//!
//! A command is a verb followed by fields, for example
//! `fact add ticket-price | statement: … | value: 80,000 RUB | source: azzet 4`.
//! Required fields may stand without their names, in order. A form may lack required fields: the bot asks for them one
//! by one.

use std::collections::BTreeMap;

pub use super::grammar::{Field, GRAMMAR, Grammar, Verb};

/// A command, possibly without some of its required fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The verb of the command.
    pub verb: Verb,
    /// The given fields, trimmed.
    pub fields: BTreeMap<Field, String>,
    /// The item to remove from the queue once the change is committed.
    pub(super) settles: Option<Settles>,
}

/// An item of the queue that a change settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settles {
    /// An unanswered question, by its words and its question key.
    Question(String, u64),
    /// A suggestion, by its id in the queue.
    Suggestion(i64),
}

/// The reason why a line isn't a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoCommand {
    /// The line doesn't begin with a verb.
    Verb,
    /// The verb has no field of this name.
    Field(Verb, String),
    /// A field was given twice, or more text than the verb has fields.
    TooMuch(Verb),
}

impl Form {
    /// Creates a command without any field.
    #[must_use]
    pub fn new(verb: Verb) -> Self {
        Self { verb, fields: BTreeMap::new(), settles: None }
    }

    /// Sets a field, unless the trimmed text is empty.
    #[must_use]
    pub fn with(mut self, field: Field, text: impl Into<String>) -> Self {
        let text = text.into().trim().to_owned();

        if !text.is_empty() {
            self.fields.insert(field, text);
        }
        self
    }

    /// Returns a field; `None` if it wasn't given.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.fields.get(&field).map(String::as_str)
    }

    /// Parses a command.
    ///
    /// # Errors
    /// Returns the reason if the line isn't a command.
    pub fn parse(line: &str) -> Result<Self, NoCommand> {
        let line = line.trim();
        let (grammar, rest) = GRAMMAR
            .iter()
            .find_map(|grammar| Some((grammar, after_words(line, grammar.words)?)))
            .ok_or(NoCommand::Verb)?;
        let mut form = Self::new(grammar.verb);
        for (at, part) in rest.split(['|', '\n']).map(str::trim).enumerate() {
            if at == 0 {
                form.bare(grammar, part)?;
            } else if !part.is_empty() {
                form.part(grammar, part)?;
            }
        }
        Ok(form)
    }

    /// Reads the text between the verb and the first separator into the first fields. Each of them but the last is a
    /// single word or stands in quotation marks.
    fn bare(&mut self, grammar: &Grammar, text: &str) -> Result<(), NoCommand> {
        if text.is_empty() {
            return Ok(());
        }
        if grammar.must.is_empty() && grammar.may.is_empty() {
            return Err(NoCommand::TooMuch(self.verb));
        }
        if named(grammar, text).is_some() {
            return self.part(grammar, text);
        }
        let ids = grammar.must.iter().take_while(|field| is_word(**field)).count();
        let inline = &grammar.must[..(ids + 1).min(grammar.must.len())];
        let inline = if inline.is_empty() { grammar.may } else { inline };
        let mut rest = text;
        for (at, field) in inline.iter().enumerate() {
            let is_last = at + 1 == inline.len() || !is_word(*field);
            let (word, after) = if is_last && !rest.starts_with('"') { (rest, "") } else { first_word(rest) };
            if !word.is_empty() {
                self.fields.insert(*field, word.to_owned());
            }
            rest = if *field == Field::Topic { after.strip_prefix("into ").unwrap_or(after) } else { after };
        }
        if rest.is_empty() { Ok(()) } else { Err(NoCommand::TooMuch(self.verb)) }
    }

    /// Reads a part between separators: a field with its name, or the next required field that wasn't given.
    fn part(&mut self, grammar: &Grammar, text: &str) -> Result<(), NoCommand> {
        if let Some((field, text)) = named(grammar, text) {
            if !text.is_empty() && self.fields.insert(field, text.to_owned()).is_some() {
                return Err(NoCommand::TooMuch(self.verb));
            }
            return Ok(());
        }
        // A word before a colon is a mistyped field name, or a field of another verb.
        if let Some((name, _)) = text.split_once(": ")
            && (name.chars().all(|c| c.is_ascii_lowercase())
                || Field::ALL.iter().any(|field| field.name() == name.trim().to_lowercase()))
        {
            return Err(NoCommand::Field(self.verb, name.trim().to_owned()));
        }
        let next = grammar.must.iter().find(|field| !self.fields.contains_key(field));
        let next = next.ok_or(NoCommand::TooMuch(self.verb))?;
        self.fields.insert(*next, text.to_owned());
        Ok(())
    }
}

/// Returns true if a line begins like a moderators' command. `help` doesn't count, because everybody has a command of
/// that name.
#[must_use]
pub fn is_begun(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default().to_lowercase();
    let begins = |grammar: &Grammar| grammar.words.split(' ').next() == Some(first.as_str());
    GRAMMAR.iter().any(|grammar| grammar.verb != Verb::Help && begins(grammar))
        || matches!(first.as_str(), "confirm" | "cancel")
}

/// Returns the field that a text names before a colon, and the text after the colon.
fn named<'a>(grammar: &Grammar, text: &'a str) -> Option<(Field, &'a str)> {
    let (name, rest) = text.split_once(':')?;
    let name = name.trim().to_lowercase();
    let field = grammar.must.iter().chain(grammar.may).find(|field| field.name() == name)?;
    Some((*field, rest.trim()))
}

/// Returns true for a field whose value is a single word when it stands without its name.
fn is_word(field: Field) -> bool {
    matches!(field, Field::Topic | Field::Claim | Field::Number)
}

/// Splits off the first word of a text, or the text in quotation marks at its beginning.
fn first_word(text: &str) -> (&str, &str) {
    if let Some((quoted, rest)) = text.strip_prefix('"').and_then(|text| text.split_once('"')) {
        return (quoted, rest.trim_start());
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// Returns the text after leading words. Letter case and the number of spaces don't matter. `None` if the text doesn't
/// begin with these words.
#[must_use]
pub fn after_words<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let mut rest = text;
    for word in words.split(' ') {
        rest = rest.trim_start();
        let found = rest.get(..word.len()).filter(|found| found.eq_ignore_ascii_case(word))?;
        rest = &rest[found.len()..];
        if rest.starts_with(|c: char| c.is_alphanumeric()) {
            return None;
        }
    }
    Some(rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<(Verb, Vec<(Field, String)>), NoCommand> {
        Form::parse(line).map(|form| (form.verb, form.fields.into_iter().collect()))
    }

    use super::Field as F;

    #[test]
    fn commands_are_read_in_any_order_of_their_fields() {
        let of = |fields: &[(Field, &str)]| fields.iter().map(|(f, text)| (*f, (*text).to_owned())).collect::<Vec<_>>();
        for (line, verb, fields) in [
            ("fact find ticket price", Verb::FactFind, of(&[(F::Text, "ticket price")])),
            ("Fact  SHOW ticket-price", Verb::FactShow, of(&[(F::Topic, "ticket-price")])),
            ("fact show the price of a ticket", Verb::FactShow, of(&[(F::Topic, "the price of a ticket")])),
            (
                "fact add ticket-price | It costs 5 RUB. | 5 RUB | azzet 4",
                Verb::FactAdd,
                of(&[
                    (F::Topic, "ticket-price"),
                    (F::Statement, "It costs 5 RUB."),
                    (F::Value, "5 RUB"),
                    (F::Source, "azzet 4"),
                ]),
            ),
            (
                "fact add ticket-price It costs 5 RUB.\nsource: none\nvalue: 5 RUB",
                Verb::FactAdd,
                of(&[
                    (F::Topic, "ticket-price"),
                    (F::Statement, "It costs 5 RUB."),
                    (F::Value, "5 RUB"),
                    (F::Source, "none"),
                ]),
            ),
            (
                "fact edit price-rubles | value: 46,000 RUB | source: same",
                Verb::FactEdit,
                of(&[(F::Claim, "price-rubles"), (F::Value, "46,000 RUB"), (F::Source, "same")]),
            ),
            (
                "fact retire price-rubles it is wrong",
                Verb::FactRetire,
                of(&[(F::Claim, "price-rubles"), (F::Why, "it is wrong")]),
            ),
            ("undo 12", Verb::Undo, of(&[(F::Revision, "12")])),
            ("undo all since 12", Verb::Undo, of(&[(F::Revision, "all since 12")])),
            ("topic merge \"a b\" into c", Verb::TopicMerge, of(&[(F::Topic, "a b"), (F::Into, "c")])),
            (
                "question add airline: whose plane",
                Verb::QuestionAdd,
                of(&[(F::Topic, "airline:"), (F::Question, "whose plane")]),
            ),
            ("question remove whose plane?", Verb::QuestionRemove, of(&[(F::Question, "whose plane?")])),
            ("assign 3 airline", Verb::Assign, of(&[(F::Topic, "airline"), (F::Number, "3")])),
            ("unanswered", Verb::Unanswered, of(&[])),
            ("unanswered 2", Verb::Unanswered, of(&[(F::Number, "2")])),
            ("suggestions", Verb::Suggestions, of(&[])),
            ("suggest it flies twice a month", Verb::Suggest, of(&[(F::Statement, "it flies twice a month")])),
        ] {
            assert_eq!(parsed(line), Ok((verb, fields)), "{line}");
        }
        assert_eq!(parsed("what is it"), Err(NoCommand::Verb));
        assert_eq!(parsed("facts find"), Err(NoCommand::Verb));
        assert_eq!(parsed("undoing"), Err(NoCommand::Verb));
        assert_eq!(parsed("fact show x | title: y"), Err(NoCommand::Field(Verb::FactShow, "title".into())));
        assert_eq!(parsed("fact show x | y"), Err(NoCommand::TooMuch(Verb::FactShow)));
        assert_eq!(parsed("stats now"), Err(NoCommand::TooMuch(Verb::Stats)));
    }

    #[test]
    fn every_verb_has_its_grammar_and_is_reached_by_its_words() {
        for grammar in GRAMMAR {
            assert_eq!(Form::parse(grammar.words).unwrap().verb, grammar.verb, "{}", grammar.words);
            assert_eq!(grammar.verb.grammar().words, grammar.words);
        }
    }
}
