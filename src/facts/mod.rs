//! The types of the facts: sources, claims with their citations, and topics that people ask about.
//!
//! [`text`] reads and writes facts as files, [`check`] finds problems in them, and [`verify`] compares claims with the
//! articles.

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

/// A set of facts, in the order in which they are written to files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Articles that claims cite.
    pub sources: Vec<Source>,
    /// Claims and topics, by subject.
    pub subjects: Vec<Subject>,
}

/// An article that claims cite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Short name, used in citations: `moscow-times`.
    pub id: String,
    /// Publisher of the article; `None` if the article doesn't name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// Headline.
    pub title: String,
    /// Author of the article; `None` if the article doesn't name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Date of publication, in the notation of [`DateSpan`].
    pub published: String,
    /// True if the date is only inferred from the article's text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub published_inferred: bool,
    /// Address of the article; `None` if it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Number of paragraphs; 0 if nobody counted them.
    pub paragraphs: u32,
    /// Numbers of the paragraphs that aren't reporting, such as captions and appeals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_reporting: Vec<u32>,
}

impl Source {
    /// Returns true if the article has a paragraph with this number, counted from 1, or nobody counted its paragraphs.
    #[must_use]
    pub fn has_paragraph(&self, number: u32) -> bool {
        number > 0 && (self.paragraphs == 0 || number <= self.paragraphs)
    }
}

/// A group of claims, and the topics under which people ask for them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Short name, also that of its file.
    pub id: String,
    /// Title in lists of topics.
    pub title: String,
    /// Claims of the subject, in order.
    #[serde(default, rename = "claim")]
    pub claims: Vec<Claim>,
    /// Topics of the subject, in order.
    #[serde(default, rename = "topic")]
    pub topics: Vec<Topic>,
}

/// A statement with the citations that support it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Short name.
    pub id: String,
    /// The claim as a sentence in our own words.
    pub statement: String,
    /// Typed value of the claim.
    pub value: Value,
    /// Property that the value describes, such as `fare`. Only values with the same `of` are compared. Required unless
    /// the value is a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Person or organization to whom the sources attribute the statement. The statement contains this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributed_to: Option<String>,
    /// Detail that readers expect and that none of the cited paragraphs gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unprinted: Option<String>,
    /// Day for which the claim holds, in the notation of [`DateSpan`].
    pub as_of: String,
    /// Meaning of `as_of`: the day of an event or of the report.
    pub as_of_basis: Basis,
    /// Rank among the claims about the same thing.
    #[serde(default, skip_serializing_if = "Rank::is_normal")]
    pub rank: Rank,
    /// Ids of claims that can't be true together with this one although their values don't show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradicts: Vec<String>,
    /// Derivation of a value that no cited paragraph prints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derivation>,
    /// Day on which moderators added the claim without a source. Answers mark such a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsourced: Option<String>,
    /// Citations that support the claim; empty only if it is unsourced.
    pub cite: Vec<Citation>,
}

/// A paragraph of a source, with the words in it that support the claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// Id of the source.
    pub source: String,
    /// Number of the paragraph, counted from 1 over the non-empty lines.
    pub paragraph: u32,
    /// Words that the paragraph must contain; empty if a moderator gave none.
    pub words: Vec<String>,
}

/// The kind of day that `as_of` gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Day of the event that the claim is about. The claim won't change any more.
    Event,
    /// Day of the report. The claim may have changed since.
    Report,
}

/// The rank of a claim among those about the same thing, as in Wikibase: deprecated means wrong, not only outdated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rank {
    /// Shown before the others.
    Preferred,
    /// Shown in the order of the topic.
    #[default]
    Normal,
    /// Known to be wrong; never shown.
    Deprecated,
}

impl Rank {
    fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

/// An intent: something that people ask, with example questions. A topic has claims that answer it, or it is silent: the
/// sources don't answer it, and its claims are the closest ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Short name.
    pub id: String,
    /// Title, which is also shown as a choice.
    pub title: String,
    /// Other names of the topic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// For a silent topic, the clause that completes "The sources don't say …"; `None` for other topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaid: Option<String>,
    /// Kind of disagreement, for a topic whose claims disagree; `None` if the sources contradict each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<Dispute>,
    /// Ids of the claims that answer the topic or, for a silent topic, come closest, in the order in which they are
    /// shown.
    pub claims: Vec<String>,
    /// Example questions.
    #[serde(default)]
    pub examples: Vec<String>,
}

/// The kind of a disagreement between claims of a topic, other than sources that contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dispute {
    /// Figures that the sources print don't add up.
    Figures,
    /// One text can be read in two ways.
    Reading,
    /// A picture shows something else than the reports say.
    Picture,
    /// A source speaks of the countries, but the statement holds only for the capitals.
    Scope,
}

impl Topic {
    /// Returns true if the sources don't answer this topic.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.unsaid.is_some()
    }
}

impl Facts {
    /// Returns all claims, in order.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.subjects.iter().flat_map(|subject| &subject.claims)
    }

    /// Returns all topics, in order.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.subjects.iter().flat_map(|subject| &subject.topics)
    }

    /// Returns the claims by id.
    #[must_use]
    pub fn claims_by_id(&self) -> BTreeMap<&str, &Claim> {
        self.claims().map(|claim| (claim.id.as_str(), claim)).collect()
    }

    /// Returns the sources by id.
    #[must_use]
    pub fn sources_by_id(&self) -> BTreeMap<&str, &Source> {
        self.sources.iter().map(|source| (source.id.as_str(), source)).collect()
    }
}

/// Compares two claims: they disagree if one names the other in `contradicts`; otherwise, if they have the same `of`,
/// their values decide.
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

/// Returns true if any two of the claims can't both be true.
#[must_use]
pub fn disagree(claims: &[Claim]) -> bool {
    let later = |at: usize| claims[at + 1..].iter();
    (0..claims.len()).any(|at| later(at).any(|other| relation(&claims[at], other) == Relation::Disagree))
}
