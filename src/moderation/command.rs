//! The grammar of moderators' commands: the same on each platform.
//!
//! A command is its verb, then fields: `fact add ticket-price | statement: … | value: 80,000 RUB | source: azzet 4`. The
//! first fields may stand without their names, in order. What is missing is asked for step by step.

use std::collections::BTreeMap;

/// What a moderator wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is told by its grammar")]
pub enum Verb {
    Help,
    FactFind,
    FactShow,
    FactAdd,
    FactEdit,
    FactRetire,
    FactRestore,
    FactHistory,
    Undo,
    TopicAdd,
    TopicRename,
    TopicMerge,
    TopicRetire,
    QuestionAdd,
    QuestionRemove,
    Why,
    SourceAdd,
    SourceEdit,
    SourceRetire,
    Promote,
    Review,
    Unanswered,
    Assign,
    Unknown,
    Dismiss,
    Stats,
    Suggest,
    Suggestions,
    Accept,
    Decline,
}

/// A part of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is told by its name and its prompt")]
pub enum Field {
    Topic,
    Claim,
    Statement,
    Value,
    Of,
    Source,
    Words,
    AsOf,
    SaidBy,
    Title,
    Question,
    Why,
    Revision,
    Into,
    Publisher,
    Url,
    Date,
    Paragraphs,
    Number,
    Unsaid,
    Text,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Topic,
        Self::Claim,
        Self::Statement,
        Self::Value,
        Self::Of,
        Self::Source,
        Self::Words,
        Self::AsOf,
        Self::SaidBy,
        Self::Title,
        Self::Question,
        Self::Why,
        Self::Revision,
        Self::Into,
        Self::Publisher,
        Self::Url,
        Self::Date,
        Self::Paragraphs,
        Self::Number,
        Self::Unsaid,
        Self::Text,
    ];

    /// What stands before it in a command.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Claim => "claim",
            Self::Statement => "statement",
            Self::Value => "value",
            Self::Of => "of",
            Self::Source => "source",
            Self::Words => "words",
            Self::AsOf => "as of",
            Self::SaidBy => "said by",
            Self::Title => "title",
            Self::Question => "question",
            Self::Why => "why",
            Self::Revision => "revision",
            Self::Into => "into",
            Self::Publisher => "publisher",
            Self::Url => "address",
            Self::Date => "date",
            Self::Paragraphs => "paragraphs",
            Self::Number => "number",
            Self::Unsaid => "not known",
            Self::Text => "text",
        }
    }

    /// The longest that it may be, in letters.
    #[must_use]
    pub fn longest(self) -> usize {
        match self {
            Self::Statement | Self::Why | Self::Text => 500,
            Self::Question | Self::Title | Self::Unsaid | Self::Words | Self::Source | Self::Url => 300,
            _ => 120,
        }
    }
}

/// How a verb is said.
#[derive(Debug)]
pub struct Grammar {
    /// The verb.
    pub verb: Verb,
    /// Its words.
    pub words: &'static str,
    /// The fields without which it isn't done, in the order in which they may stand without their names.
    pub must: &'static [Field],
    /// The other fields.
    pub may: &'static [Field],
    /// What it does.
    pub about: &'static str,
}

use Field as F;

/// All verbs. Of two that begin alike the longer one stands first.
pub const GRAMMAR: &[Grammar] = &[
    verb(Verb::FactFind, "fact find", &[F::Text], &[], "find topics and claims"),
    verb(Verb::FactShow, "fact show", &[F::Topic], &[], "show the claims of a topic"),
    verb(
        Verb::FactAdd,
        "fact add",
        &[F::Topic, F::Statement, F::Value, F::Source],
        &[F::Of, F::Words, F::AsOf, F::SaidBy, F::Why],
        "add a claim to a topic",
    ),
    verb(
        Verb::FactEdit,
        "fact edit",
        &[F::Claim],
        &[F::Statement, F::Value, F::Source, F::Of, F::Words, F::AsOf, F::SaidBy, F::Why],
        "change a claim",
    ),
    verb(Verb::FactRetire, "fact retire", &[F::Claim, F::Why], &[], "say no more what is wrong"),
    verb(Verb::FactRestore, "fact restore", &[F::Claim], &[F::Why], "say a retired claim again"),
    verb(Verb::FactHistory, "fact history", &[F::Text], &[], "what was changed of a claim, topic or source, or of all"),
    verb(Verb::Undo, "undo", &[F::Revision], &[F::Why], "take a revision back, or `all since` one"),
    verb(
        Verb::TopicAdd,
        "topic add",
        &[F::Title, F::Question, F::Statement, F::Value, F::Source],
        &[F::Of, F::Words, F::AsOf, F::SaidBy, F::Why],
        "make a topic with a first question and claim",
    ),
    verb(Verb::TopicRename, "topic rename", &[F::Topic, F::Title], &[F::Why], "give a topic another title"),
    verb(
        Verb::TopicMerge,
        "topic merge",
        &[F::Topic, F::Into],
        &[F::Why],
        "put a topic's questions and claims into another one",
    ),
    verb(Verb::TopicRetire, "topic retire", &[F::Topic, F::Why], &[], "answer a topic no more"),
    verb(Verb::QuestionAdd, "question add", &[F::Topic, F::Question], &[F::Why], "teach a way to ask for a topic"),
    verb(Verb::QuestionRemove, "question remove", &[F::Question], &[F::Why], "forget a way to ask"),
    verb(Verb::Why, "why", &[F::Question], &[], "how a question is understood"),
    verb(
        Verb::SourceAdd,
        "source add",
        &[F::Title, F::Date],
        &[F::Publisher, F::Url, F::Paragraphs, F::Why],
        "add a source",
    ),
    verb(
        Verb::SourceEdit,
        "source edit",
        &[F::Source],
        &[F::Title, F::Date, F::Publisher, F::Url, F::Paragraphs, F::Why],
        "change a source",
    ),
    verb(Verb::SourceRetire, "source retire", &[F::Source, F::Why], &[], "take a source away that nothing cites"),
    verb(
        Verb::Promote,
        "promote",
        &[F::Revision],
        &[F::Why],
        "lift a community's change into the shared facts (operators)",
    ),
    verb(Verb::Review, "review", &[], &[], "own changes under which the shared facts changed"),
    verb(Verb::Unanswered, "unanswered", &[], &[F::Number], "the questions without an answer; a number shows the page"),
    verb(Verb::Assign, "assign", &[F::Number, F::Topic], &[], "teach an unanswered question to a topic"),
    verb(Verb::Unknown, "not known", &[F::Number, F::Unsaid], &[], "say of an unanswered question what isn't known"),
    verb(Verb::Dismiss, "dismiss", &[F::Number], &[], "leave an unanswered question, a report or a suggestion"),
    verb(Verb::Stats, "stats", &[], &[], "what was asked here, by outcome"),
    verb(Verb::Suggestions, "suggestions", &[], &[], "what members suggested, and problems that they reported"),
    verb(Verb::Suggest, "suggest", &[F::Statement], &[F::Topic, F::Source], "suggest a fact (everybody)"),
    verb(Verb::Accept, "accept", &[F::Number], &[], "make a suggestion a claim"),
    verb(Verb::Decline, "decline", &[F::Number, F::Why], &[], "decline a suggestion"),
    verb(Verb::Help, "help", &[], &[], "these commands"),
];

const fn verb(
    verb: Verb,
    words: &'static str,
    must: &'static [Field],
    may: &'static [Field],
    about: &'static str,
) -> Grammar {
    Grammar { verb, words, must, may, about }
}

impl Verb {
    /// Its grammar.
    #[must_use]
    pub fn grammar(self) -> &'static Grammar {
        GRAMMAR.iter().find(|grammar| grammar.verb == self).expect("every verb has its grammar")
    }
}

/// A command as far as it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What is wanted.
    pub verb: Verb,
    /// The fields that were given.
    pub fields: BTreeMap<Field, String>,
    /// What of the queue it is about.
    pub(super) settles: Option<Settles>,
}

/// Something of the queue that is done with once a change is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settles {
    /// A question, by its words and its gist.
    Question(String, u64),
    /// A suggestion, by its number.
    Suggestion(i64),
}

/// Why a line is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoCommand {
    /// It begins with no verb.
    Verb,
    /// The verb has no such field.
    Field(Verb, String),
    /// More was given than the verb has fields.
    TooMuch(Verb),
}

impl Form {
    /// A command without any field.
    #[must_use]
    pub fn new(verb: Verb) -> Self {
        Self { verb, fields: BTreeMap::new(), settles: None }
    }

    /// With a field, unless it is empty.
    #[must_use]
    pub fn with(mut self, field: Field, text: impl Into<String>) -> Self {
        let text = text.into().trim().to_owned();
        if !text.is_empty() {
            self.fields.insert(field, text);
        }
        self
    }

    /// A field that was given.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.fields.get(&field).map(String::as_str)
    }

    /// Reads a command.
    ///
    /// # Errors
    /// Why it is none.
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

    /// What follows the verb: the first fields, of which each but the last is one word or stands in quotation marks.
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

    /// A field with its name, or the next one that isn't given yet.
    fn part(&mut self, grammar: &Grammar, text: &str) -> Result<(), NoCommand> {
        if let Some((field, text)) = named(grammar, text) {
            if !text.is_empty() && self.fields.insert(field, text.to_owned()).is_some() {
                return Err(NoCommand::TooMuch(self.verb));
            }
            return Ok(());
        }
        // A field's name, of another verb or mistyped: a word before a colon.
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

/// Whether a line begins like a command of those who keep the facts. `topics` and the like are everybody's.
#[must_use]
pub fn is_begun(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default().to_lowercase();
    let begins = |grammar: &Grammar| grammar.words.split(' ').next() == Some(first.as_str());
    GRAMMAR.iter().any(|grammar| grammar.verb != Verb::Help && begins(grammar))
        || matches!(first.as_str(), "confirm" | "cancel")
}

/// The field of a verb that a text names, with what stands behind it.
fn named<'a>(grammar: &Grammar, text: &'a str) -> Option<(Field, &'a str)> {
    let (name, rest) = text.split_once(':')?;
    let name = name.trim().to_lowercase();
    let field = grammar.must.iter().chain(grammar.may).find(|field| field.name() == name)?;
    Some((*field, rest.trim()))
}

/// Whether a field is one word.
fn is_word(field: Field) -> bool {
    matches!(field, Field::Topic | Field::Claim | Field::Number)
}

/// The first word of a text, or what stands in quotation marks there, and the rest.
fn first_word(text: &str) -> (&str, &str) {
    if let Some((quoted, rest)) = text.strip_prefix('"').and_then(|text| text.split_once('"')) {
        return (quoted, rest.trim_start());
    }
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// What follows words, in any case and with any spaces.
fn after_words<'a>(text: &'a str, words: &str) -> Option<&'a str> {
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
