//! What the desk knows: sources, claims with their citations, and the topics that people ask about.

pub mod bounds;
pub mod bundle;
pub mod check;
pub mod date;
pub mod derive;
pub mod text;
pub mod value;
pub mod value_text;
pub mod verify;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use date::DateSpan;
pub use derive::{Derivation, Operation};
pub use value::{Relation, Value, ValueKind};

/// Everything the desk knows, in the order in which it is written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The articles.
    pub sources: Vec<Source>,
    /// The claims and topics, by subject.
    pub subjects: Vec<Subject>,
}

/// An article that claims are cited from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A short name, used in citations: `moscow-times`.
    pub id: String,
    /// Who published it; none if the article doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// The headline.
    pub title: String,
    /// Who wrote it; none if the article doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was published, a [`DateSpan`].
    pub published: String,
    /// Whether the date is only inferred from the article's text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub published_inferred: bool,
    /// Where it can be read; none if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How many paragraphs it has; 0 if nobody counted them.
    pub paragraphs: u32,
    /// Paragraphs that aren't reporting, such as captions and appeals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_reporting: Vec<u32>,
}

impl Source {
    /// Whether it has a paragraph of a number.
    #[must_use]
    pub fn has_paragraph(&self, number: u32) -> bool {
        number > 0 && (self.paragraphs == 0 || number <= self.paragraphs)
    }
}

/// A field of facts: its claims, and the topics under which people ask for them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// A short name, also the name of its file.
    pub id: String,
    /// Its title in lists of topics.
    pub title: String,
    /// The claims.
    #[serde(default, rename = "claim")]
    pub claims: Vec<Claim>,
    /// The topics.
    #[serde(default, rename = "topic")]
    pub topics: Vec<Topic>,
}

/// One thing that one or more sources say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// A short name.
    pub id: String,
    /// The claim as a sentence in our own words.
    pub statement: String,
    /// What it says, typed.
    pub value: Value,
    /// What the value is a value of; only values of the same thing are compared. Required for all but texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Who says so according to the sources; the statement names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributed_to: Option<String>,
    /// A detail that none of the cited paragraphs gives and that the reader will miss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprinted: Option<String>,
    /// The day for which it holds, a [`DateSpan`].
    pub as_of: String,
    /// Whether that is the day of an event or of the report.
    pub as_of_basis: Basis,
    /// How it ranks among claims about the same thing.
    #[serde(default, skip_serializing_if = "Rank::is_normal")]
    pub rank: Rank,
    /// Claims that can't be true together with this one although their values don't show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradicts: Vec<String>,
    /// How the value follows from what is printed, where it isn't printed itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derivation>,
    /// The day on which moderators added it without a source; it is shown as such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsourced: Option<String>,
    /// Where it is said; empty only if it is unsourced.
    pub cite: Vec<Citation>,
}

/// A paragraph of a source, and words in it that bear the claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// The source's id.
    pub source: String,
    /// The paragraph, counted from 1 over the non-empty lines.
    pub paragraph: u32,
    /// Words that the paragraph must contain for the claim to stand; moderators need not give any.
    pub words: Vec<String>,
}

/// What an as-of date is the date of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Of the event that the claim is about: it won't change any more.
    Event,
    /// Of the report: it may have changed since.
    Report,
}

/// How a claim ranks among those about the same thing, as in Wikibase: deprecated means wrong, never merely old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Said before the others.
    Preferred,
    /// Said in the order of the topic.
    #[default]
    Normal,
    /// Known to be wrong; never said.
    Deprecated,
}

impl Rank {
    fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

/// What people ask about, with questions that show how. A topic either has claims that answer it, or it is silent:
/// then it says what the sources don't say, and has the claims that come nearest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// A short name: the intent.
    pub id: String,
    /// Its title, as a choice to offer.
    pub title: String,
    /// Other names for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// For a silent topic what the sources don't say, completing "The sources don't say …".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaid: Option<String>,
    /// What kind of disagreement it is when its claims disagree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<Dispute>,
    /// The claims that answer it, or for a silent topic those that come nearest, in the order in which they are said.
    pub claims: Vec<String>,
    /// Questions that ask for it.
    #[serde(default)]
    pub examples: Vec<String>,
}

/// What it is that doesn't fit when the claims of a topic disagree; without one it is the sources' word against each
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dispute {
    /// Figures that the sources print don't add up.
    Figures,
    /// One text can be read in two ways.
    Reading,
    /// A picture shows something else than the reports say.
    Picture,
    /// What one source says of the countries holds only for the capitals.
    Scope,
}

impl Topic {
    /// Whether the sources don't answer this topic.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.unsaid.is_some()
    }
}

impl Facts {
    /// All claims, in order.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.subjects.iter().flat_map(|subject| &subject.claims)
    }

    /// All topics, in order.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.subjects.iter().flat_map(|subject| &subject.topics)
    }

    /// The claims by id.
    #[must_use]
    pub fn claims_by_id(&self) -> BTreeMap<&str, &Claim> {
        self.claims().map(|claim| (claim.id.as_str(), claim)).collect()
    }

    /// The sources by id.
    #[must_use]
    pub fn sources_by_id(&self) -> BTreeMap<&str, &Source> {
        self.sources.iter().map(|source| (source.id.as_str(), source)).collect()
    }
}

/// How two claims stand to each other: by their values, if they are values of the same thing, or because one is
/// written to contradict the other.
#[must_use]
pub fn relation(a: &Claim, b: &Claim) -> Relation {
    if a.contradicts.contains(&b.id) || b.contradicts.contains(&a.id) {
        Relation::Disagree
    } else if a.of.is_some() && a.of == b.of {
        a.value.relation(&b.value)
    } else {
        Relation::Incomparable
    }
}

/// Whether any two of the claims can't both be true.
#[must_use]
pub fn disagree(claims: &[Claim]) -> bool {
    let later = |at: usize| claims[at + 1..].iter();
    (0..claims.len()).any(|at| later(at).any(|other| relation(&claims[at], other) == Relation::Disagree))
}
