//! What moderators can say: the verbs and their fields.

use Field as F;

use crate::facts::bundle;

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
    File,
}

impl Field {
    /// All of them.
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
            Self::File => "file",
        }
    }

    /// The longest that it may be, in letters.
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
    verb(Verb::FactExport, "fact export", &[], &[], "give all facts as a file to edit"),
    verb(
        Verb::FactImport,
        "fact import",
        &[F::File],
        &[F::Why],
        "make the facts those of an edited file, as one revision",
    ),
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
