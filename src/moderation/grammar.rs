//! Defines the moderators' commands: their verbs, their fields and their descriptions.

use Field as F;

use crate::facts::bundle;

/// The verb of a moderators' command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "its grammar describes each")]
pub enum Verb {
    Help,
    FactFind,
    FactShow,
    FactAdd,
    FactEdit,
    FactRetire,
    FactRestore,
    FactHistory,
    FactExport,
    FactImport,
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

/// A field of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "its name and its prompt describe each")]
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
    File,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 22] = [
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
        Self::File,
    ];

    /// Returns the name that stands before the field in a command.
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
            Self::File => "file",
        }
    }

    /// Returns the largest length of the field, in characters; for a file, in bytes.
    #[must_use]
    pub fn longest(self) -> usize {
        match self {
            Self::File => bundle::LARGEST,
            Self::Statement | Self::Why | Self::Text => 500,
            Self::Question | Self::Title | Self::Unsaid | Self::Words | Self::Source | Self::Url => 300,
            _ => 120,
        }
    }
}

/// The syntax of a verb.
#[derive(Debug)]
pub struct Grammar {
    /// The verb.
    pub verb: Verb,
    /// The words that a command begins with.
    pub words: &'static str,
    /// The required fields, in the order in which they may stand without their names.
    pub must: &'static [Field],
    /// The optional fields.
    pub may: &'static [Field],
    /// A description for lists of commands: lower case, at most 100 characters.
    pub about: &'static str,
}

/// All verbs. The first whose words match is taken, so that a longer one stands before a shorter one with the same
/// beginning.
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
    verb(Verb::FactRetire, "fact retire", &[F::Claim, F::Why], &[], "retire a claim, so that no answer contains it"),
    verb(Verb::FactRestore, "fact restore", &[F::Claim], &[F::Why], "restore a retired claim"),
    verb(Verb::FactHistory, "fact history", &[F::Text], &[], "show the changes of a claim, topic or source, or of all"),
    verb(Verb::FactExport, "fact export", &[], &[], "export all facts as a file to edit"),
    verb(Verb::FactImport, "fact import", &[F::File], &[F::Why], "import an edited file of facts as one revision"),
    verb(Verb::Undo, "undo", &[F::Revision], &[F::Why], "undo a revision, or `all since` one"),
    verb(
        Verb::TopicAdd,
        "topic add",
        &[F::Title, F::Question, F::Statement, F::Value, F::Source],
        &[F::Of, F::Words, F::AsOf, F::SaidBy, F::Why],
        "create a topic with a first question and claim",
    ),
    verb(Verb::TopicRename, "topic rename", &[F::Topic, F::Title], &[F::Why], "change the title of a topic"),
    verb(
        Verb::TopicMerge,
        "topic merge",
        &[F::Topic, F::Into],
        &[F::Why],
        "move the questions and claims of a topic into another topic",
    ),
    verb(Verb::TopicRetire, "topic retire", &[F::Topic, F::Why], &[], "stop answering a topic"),
    verb(Verb::QuestionAdd, "question add", &[F::Topic, F::Question], &[F::Why], "add an example question to a topic"),
    verb(Verb::QuestionRemove, "question remove", &[F::Question], &[F::Why], "remove an example question"),
    verb(Verb::Why, "why", &[F::Question], &[], "show how I understand a question"),
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
    verb(Verb::SourceRetire, "source retire", &[F::Source, F::Why], &[], "remove a source that no claim cites"),
    verb(
        Verb::Promote,
        "promote",
        &[F::Revision],
        &[F::Why],
        "make a community's change part of the shared facts (operators)",
    ),
    verb(Verb::Review, "review", &[], &[], "list your changes under which the shared facts changed"),
    verb(Verb::Unanswered, "unanswered", &[], &[F::Number], "list the unanswered questions; a number selects the page"),
    verb(Verb::Assign, "assign", &[F::Number, F::Topic], &[], "add an unanswered question to a topic that answers it"),
    verb(Verb::Unknown, "not known", &[F::Number, F::Unsaid], &[], "say what isn't known about an unanswered question"),
    verb(Verb::Dismiss, "dismiss", &[F::Number], &[], "drop an unanswered question, a report or a suggestion"),
    verb(Verb::Stats, "stats", &[], &[], "count what was asked here, by outcome"),
    verb(Verb::Suggestions, "suggestions", &[], &[], "list the suggestions and reported problems of members"),
    verb(Verb::Suggest, "suggest", &[F::Statement], &[F::Topic, F::Source], "suggest a fact (everybody)"),
    verb(Verb::Accept, "accept", &[F::Number], &[], "turn a suggestion into a claim"),
    verb(Verb::Decline, "decline", &[F::Number, F::Why], &[], "decline a suggestion"),
    verb(Verb::Help, "help", &[], &[], "list these commands"),
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
    /// Returns the syntax of the verb.
    #[must_use]
    pub fn grammar(self) -> &'static Grammar {
        GRAMMAR.iter().find(|grammar| grammar.verb == self).expect("every verb has an entry in GRAMMAR")
    }
}
