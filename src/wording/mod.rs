//! Writes replies in the asker's language: sentences with numbered citations, without markup.

pub(crate) mod moderation;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::answer::{AnswerPlan, Lead, Outcome};
use crate::facts::date::DateSpan;
use crate::facts::{Basis, Claim, Dispute, Facts, Source};
use crate::language::{Language, Phrases};
use crate::understanding::SmallTalk;

/// A reply to a message, without markup.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    /// The outcome; the weakest one of a message with several questions.
    pub outcome: Outcome,
    /// The ids of the topics that it is about.
    pub topics: Vec<String>,
    /// The text without the list of sources.
    pub body: String,
    /// The whole text: the body and the list of sources.
    pub text: String,
    /// The claims that it contains, without duplicates.
    pub claims: Vec<ReplyClaim>,
    /// The paragraphs that it cites, numbered from 1.
    pub citations: Vec<ReplyCitation>,
    /// The topics to choose from if the question is ambiguous.
    pub choices: Vec<Choice>,
    /// The confidence in the topic, from 0 to 1; the smallest one of a message with several questions.
    pub score: f32,
    /// The language of the text.
    #[serde(skip)]
    pub language: Language,
    /// True if an internal error prevented an answer.
    #[serde(skip)]
    pub is_trouble: bool,
    /// The words of the first unanswered question.
    #[serde(skip)]
    pub open: Option<String>,
    /// The recipe to make the reply again; `None` if nothing in it can change.
    #[serde(skip)]
    pub recipe: Option<AnswerRecipe>,
}

/// The recipe of a reply, from which it can be made again after facts changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerRecipe {
    /// The ISO 639-1 code of the language.
    pub language: String,
    /// The parts, one for each question.
    pub parts: Vec<RecipePart>,
    /// The revision whose facts it was made from.
    pub revision: i64,
}

/// The recipe of a part of a reply, with ids of topics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecipePart {
    /// The answer of a topic.
    Answer(String),
    /// The correction of a false premise by a topic, then the answer of the topic that was asked about.
    Correct(String, Option<String>),
    /// A choice of topics.
    Choose(Vec<String>),
    /// A reply that the sources don't say, from a silent topic and the nearest topic.
    Unknown(Option<String>, Option<String>),
    /// A text without any topic, such as small talk.
    Said,
}

impl RecipePart {
    /// Returns the ids of the topics that the part was made from.
    pub fn topics(&self) -> impl Iterator<Item = &String> {
        let (one, other, several) = match self {
            Self::Answer(topic) => (Some(topic), None, &[][..]),
            Self::Correct(by, asked) => (Some(by), asked.as_ref(), &[][..]),
            Self::Unknown(silent, nearest) => (silent.as_ref(), nearest.as_ref(), &[][..]),
            Self::Choose(topics) => (None, None, &topics[..]),
            Self::Said => (None, None, &[][..]),
        };
        one.into_iter().chain(other).chain(several)
    }
}

impl Reply {
    /// Returns the outcome as a key for counting; `failed` after an internal error.
    #[must_use]
    pub fn tally(&self) -> &'static str {
        match self.outcome {
            _ if self.is_trouble => "failed",
            Outcome::Unknown => "unknown",
            Outcome::Ambiguous => "ambiguous",
            Outcome::Disputed => "disputed",
            Outcome::Answered => "answered",
            Outcome::Social => "social",
        }
    }
}

/// A claim in a reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplyClaim {
    /// The id of the claim.
    pub id: String,
    /// The statement in the language of the reply.
    pub statement: String,
    /// The day or range of days for which the claim holds.
    pub as_of: String,
    /// The person or office that says so, according to the sources.
    pub attributed_to: Option<String>,
    /// The numbers of the citations in the reply, ascending.
    pub citations: Vec<usize>,
}

/// A citation in a reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplyCitation {
    /// The number in the reply, from 1.
    pub n: usize,
    /// The id of the source; empty for a claim that moderators added without a source.
    pub source: String,
    /// The paragraph, counted from 1; 0 without a source.
    pub paragraph: u32,
    /// The publisher, if known.
    pub publisher: Option<String>,
    /// The headline; empty without a source.
    pub title: String,
    /// The day or range of publication; without a source, the day on which moderators added the claim.
    pub published: String,
    /// The web address, if known.
    pub url: Option<String>,
}

/// A topic to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The id of the topic.
    pub topic: String,
    /// The title, in the language of the reply.
    pub title: String,
}

/// Writes the reply to a message from the plans of its questions.
#[must_use]
pub fn reply(plans: &[AnswerPlan], language: Language) -> Reply {
    let mut writer = Writer { language, claims: Vec::new(), citations: Vec::new(), inferred: Vec::new() };
    let paragraphs: Vec<String> = plans.iter().map(|plan| writer.paragraph(plan)).collect();
    let body = paragraphs.join("\n");
    let mut text = body.clone();
    for citation in &writer.citations {
        let _ = write!(text, "\n{}", source_line(citation, &writer.inferred, language));
    }
    let choices = plans.iter().flat_map(|plan| match &plan.lead {
        Lead::Choose(choices) => choices.clone(),
        _ => Vec::new(),
    });
    Reply {
        outcome: plans.iter().map(|plan| plan.outcome).min().unwrap_or(Outcome::Unknown),
        topics: plans.iter().flat_map(|plan| plan.topics.clone()).collect(),
        body,
        text,
        claims: writer.claims,
        citations: writer.citations,
        choices: choices.map(|(topic, title)| Choice { topic, title }).collect(),
        score: plans.iter().map(|plan| plan.score).fold(f32::INFINITY, f32::min).min(1.0),
        language,
        is_trouble: plans.iter().any(|plan| plan.lead == Lead::Trouble),
        open: None,
        recipe: None,
    }
}

/// The state of a reply in progress: its citations so far, and the ids of sources with an inferred date.
struct Writer {
    language: Language,
    claims: Vec<ReplyClaim>,
    citations: Vec<ReplyCitation>,
    inferred: Vec<String>,
}

impl Writer {
    fn paragraph(&mut self, plan: &AnswerPlan) -> String {
        let phrases = &self.language.pack().phrases;
        let lead = lead(&plan.lead, !plan.claims.is_empty(), phrases);
        let sentences = plan.claims.iter().map(|claim| self.sentence(claim, plan));
        let said = [lead].into_iter().chain(sentences).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
        match as_of(plan, self.language) {
            Some(day) => format!("{said}\n{}", phrases.as_of.replace("{day}", &day)),
            None => said,
        }
    }

    /// Returns the statement of a claim with the numbers of its citations before the full stop.
    fn sentence(&mut self, claim: &Claim, plan: &AnswerPlan) -> String {
        let mut numbers: Vec<usize> = claim
            .cite
            .iter()
            .filter_map(|citation| {
                plan.sources.get(&citation.source).map(|source| self.number(source, citation.paragraph))
            })
            .collect();
        numbers.extend(claim.unsourced.as_ref().map(|day| self.number_without_source(day)));
        numbers.sort_unstable();
        let marks: String = numbers.iter().map(|n| format!("[{n}]")).collect();
        let statement = self.language.statement(claim);
        let mut sentence = format!("{} {marks}.", statement.strip_suffix('.').unwrap_or(&statement));
        if let Some(unprinted) = self.language.unprinted(claim) {
            let _ = write!(
                sentence,
                " {}",
                capitalised(&self.language.pack().phrases.unprinted.replace("{what}", &unprinted))
            );
        }
        if !self.claims.iter().any(|said| said.id == claim.id) {
            self.claims.push(ReplyClaim {
                id: claim.id.clone(),
                statement,
                as_of: claim.as_of.clone(),
                attributed_to: claim.attributed_to.clone(),
                citations: numbers,
            });
        }
        sentence
    }

    /// Returns the number of a paragraph in the list of sources. Adds it if it is new.
    fn number(&mut self, source: &Source, paragraph: u32) -> usize {
        let known = self.citations.iter().find(|said| said.source == source.id && said.paragraph == paragraph);
        if let Some(known) = known {
            return known.n;
        }
        if source.published_inferred {
            self.inferred.push(source.id.clone());
        }
        self.cite(ReplyCitation {
            n: 0,
            source: source.id.clone(),
            paragraph,
            publisher: source.publisher.clone(),
            title: source.title.clone(),
            published: source.published.clone(),
            url: source.url.clone(),
        })
    }

    /// Returns the number in the list of sources that stands for claims added without a source on a day.
    fn number_without_source(&mut self, day: &str) -> usize {
        let is_it = |said: &&ReplyCitation| said.source.is_empty() && said.published == day;
        if let Some(known) = self.citations.iter().find(is_it) {
            return known.n;
        }
        self.cite(ReplyCitation {
            n: 0,
            source: String::new(),
            paragraph: 0,
            publisher: None,
            title: String::new(),
            published: day.to_owned(),
            url: None,
        })
    }

    fn cite(&mut self, citation: ReplyCitation) -> usize {
        let n = self.citations.len() + 1;
        self.citations.push(ReplyCitation { n, ..citation });
        n
    }
}

fn in_words(date: &str, language: Language) -> String {
    date.parse::<DateSpan>().map_or_else(|()| date.to_owned(), |span| span.in_words(&language.pack().dates))
}

/// Returns `[1] The Moscow Times, 28 July 2025, paragraph 7 <https://…>`. The title replaces an unknown publisher.
fn source_line(citation: &ReplyCitation, inferred: &[String], language: Language) -> String {
    let note = if inferred.contains(&citation.source) { language.pack().phrases.inferred.as_str() } else { "" };
    let line = source_name(citation, note, language);
    let address = citation.url.as_ref().map(|url| format!(" <{url}>")).unwrap_or_default();
    format!("[{}] {line}{address}", citation.n)
}

/// Returns `The Moscow Times, 28 July 2025, paragraph 7`, with a note after the date.
fn source_name(citation: &ReplyCitation, note: &str, language: Language) -> String {
    if citation.source.is_empty() {
        let phrase = &language.pack().phrases.unsourced;
        return phrase.replace("{published}", &in_words(&citation.published, language));
    }
    let name = citation.publisher.clone().unwrap_or_else(|| format!("\"{}\"", citation.title));
    let pattern = &language.pack().phrases.source;
    pattern
        .replace("{published}", &in_words(&citation.published, language))
        .replace("{note}", note)
        .replace("{paragraph}", &citation.paragraph.to_string())
        .replace("{name}", &name)
}

/// Lists the claims of a reply, each with its citations and the person it is attributed to.
#[must_use]
pub fn claims_in_list(reply: &Reply) -> String {
    let mut text = String::new();
    for claim in &reply.claims {
        let _ = writeln!(text, "{}", claim.statement);
        for citation in reply.citations.iter().filter(|citation| claim.citations.contains(&citation.n)) {
            let line = source_name(citation, "", reply.language);
            let said_by = claim.attributed_to.as_ref().map(|who| format!(" ({who})")).unwrap_or_default();
            let _ = writeln!(text, "  · {line}{said_by}");
        }
    }
    text
}

/// Lists the titles of the topics that the sources answer, by subject.
#[must_use]
pub fn topics_in_list(facts: &Facts) -> String {
    let mut lines = Vec::new();
    for subject in facts.subjects.iter().filter(|subject| subject.topics.iter().any(|topic| !topic.is_silent())) {
        lines.push(subject.title.clone());
        lines
            .extend(subject.topics.iter().filter(|topic| !topic.is_silent()).map(|topic| format!("  {}", topic.title)));
    }
    lines.join("\n")
}

/// Describes a source in one line.
#[must_use]
pub fn source_in_list(source: &Source) -> String {
    let publisher = source.publisher.as_deref().unwrap_or("publisher not named");
    let author = source.author.as_ref().map(|author| format!(", by {author}")).unwrap_or_default();
    let note = if source.published_inferred { " (date inferred)" } else { "" };
    let address = source.url.as_ref().map(|url| format!(" <{url}>")).unwrap_or_default();
    format!(
        "\"{}\", {publisher}{author}, {}{note}{address}",
        source.title,
        in_words(&source.published, Language::English)
    )
}

/// Returns the latest day for which a claim of an answer holds. `None` if the answer has only claims about the day of
/// an event or of unknown date, or if the sources don't answer the question.
fn as_of(plan: &AnswerPlan, language: Language) -> Option<String> {
    if !matches!(plan.outcome, Outcome::Answered | Outcome::Disputed) {
        return None;
    }
    let reports = plan.claims.iter().filter(|claim| claim.as_of_basis == Basis::Report);
    let spans = reports.filter_map(|claim| claim.as_of.parse::<DateSpan>().ok()).filter(|span| span.to().is_some());
    spans.max_by_key(DateSpan::from).map(|span| span.in_words(&language.pack().dates))
}

/// Returns the introduction to the claims; `more` is true if there are claims.
fn lead(lead: &Lead, more: bool, phrases: &Phrases) -> String {
    match lead {
        Lead::None => String::new(),
        Lead::Disagree(dispute) => disagreement(*dispute, phrases).clone(),
        Lead::Otherwise => phrases.otherwise.clone(),
        Lead::Unsaid(what) if more => capitalised(&phrases.unsaid_but.replace("{what}", what)),
        Lead::Unsaid(what) => capitalised(&phrases.unsaid.replace("{what}", what)),
        Lead::Silent if more => phrases.silent_but.clone(),
        Lead::Silent => phrases.silent.clone(),
        Lead::Choose(choices) => choose(choices, phrases),
        Lead::Social(talk) => social(*talk, phrases).clone(),
        Lead::Empty => phrases.empty.clone(),
        Lead::Foreign => phrases.foreign.clone(),
        Lead::Trouble => phrases.trouble.clone(),
    }
}

/// Returns a text with a capital letter. In some languages a filled-in placeholder begins the sentence.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn disagreement(dispute: Option<Dispute>, phrases: &Phrases) -> &String {
    match dispute {
        None | Some(Dispute::Scope) => &phrases.disagree,
        Some(Dispute::Figures) => &phrases.disagree_figures,
        Some(Dispute::Reading) => &phrases.disagree_reading,
        Some(Dispute::Picture) => &phrases.disagree_picture,
    }
}

fn choose(choices: &[(String, String)], phrases: &Phrases) -> String {
    let mut text = phrases.choose.clone();
    for (index, (_, title)) in choices.iter().enumerate() {
        let _ = write!(text, "\n{}. {title}", index + 1);
    }
    text
}

fn social(talk: SmallTalk, phrases: &Phrases) -> &String {
    match talk {
        SmallTalk::Greeting => &phrases.greeting,
        SmallTalk::Thanks => &phrases.thanks,
        SmallTalk::Farewell => &phrases.farewell,
        SmallTalk::Help => &phrases.help,
        SmallTalk::Identity => &phrases.identity,
    }
}

/// Returns an updated reply with a line for each statement that it no longer contains. `changed` has the days of the
/// changes and the statements.
#[must_use]
pub fn answer_update(reply: Reply, changed: &[(String, String)]) -> Reply {
    let phrase = &reply.language.pack().phrases.corrected;
    let line =
        |(day, was): &(String, String)| phrase.replace("{day}", &in_words(day, reply.language)).replace("{was}", was);
    let lines: String = changed.iter().map(|one| format!("\n{}", line(one))).collect();
    let sources = reply.text.strip_prefix(&reply.body).unwrap_or_default().to_owned();
    let body = format!("{}{lines}", reply.body);
    Reply { text: format!("{body}{sources}"), body, ..reply }
}

/// Returns the heading of a notification that a question has an answer.
#[must_use]
pub fn told(question: &str, language: Language) -> String {
    language.pack().phrases.told.replace("{question}", question)
}

/// Returns the reply after an internal error, in English.
#[must_use]
pub fn trouble() -> Reply {
    reply(&[AnswerPlan::bare(Outcome::Unknown, Lead::Trouble)], Language::English)
}
