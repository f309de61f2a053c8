//! Plans the answer to a question: picks the claims of the decided topic, finds disagreements among them, and chooses
//! the sentence that introduces them. `wording` turns an [`AnswerPlan`] into text.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::facts::{Claim, Dispute, Rank, Relation, Source, disagree, relation};
use crate::language::Language;
use crate::store::TopicFacts;
use crate::understanding::SmallTalk;

/// The most claims in an answer. Claims that contradict one of them are added beyond the limit.
pub(crate) const MAX_CLAIMS: usize = 3;

/// The most claims offered when the sources don't answer a question.
const MAX_NEAREST: usize = 1;

/// The outcome of a question, the weakest first. A message with several questions has the weakest outcome of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The sources don't say.
    Unknown,
    /// The question fits several topics; the reply offers a choice.
    Ambiguous,
    /// The sources disagree.
    Disputed,
    /// The sources answer the question.
    Answered,
    /// Small talk.
    Social,
}

/// The introduction to the claims of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lead {
    /// No introduction.
    None,
    /// The claims disagree, in this way.
    Disagree(Option<Dispute>),
    /// The question has a false premise, which the claims correct.
    Otherwise,
    /// The sources don't say this; the claims come nearest to it.
    Unsaid(String),
    /// The sources don't say what was asked; the claims come nearest to it.
    Silent,
    /// A choice of topics: ids and titles.
    Choose(Vec<(String, String)>),
    /// Small talk of this kind.
    Social(SmallTalk),
    /// The message has no question.
    Empty,
    /// The message is in a language that the desk doesn't read.
    Foreign,
    /// An internal error prevents an answer.
    Trouble,
}

/// The planned answer to one question.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerPlan {
    /// Outcome of the question.
    pub outcome: Outcome,
    /// Ids of the topics, the one that answers first.
    pub topics: Vec<String>,
    /// Introduction to the claims.
    pub lead: Lead,
    /// Claims in the order of the reply.
    pub claims: Vec<Claim>,
    /// Sources that the claims cite, by id.
    pub sources: BTreeMap<String, Source>,
    /// Confidence in the topic, from 0 to 1.
    pub score: f32,
}

impl AnswerPlan {
    /// Returns a plan without topics and claims.
    #[must_use]
    pub fn bare(outcome: Outcome, lead: Lead) -> Self {
        Self { outcome, lead, topics: Vec::new(), claims: Vec::new(), sources: BTreeMap::new(), score: 0.0 }
    }

    /// Plans the answer of a topic: its first claims, with every claim that contradicts one of them. A topic without
    /// usable claims gives [`Outcome::Unknown`].
    #[must_use]
    pub fn answer(facts: TopicFacts) -> Self {
        let claims = chosen(&facts.claims, MAX_CLAIMS);
        if claims.is_empty() {
            return Self::unknown(None, None);
        }
        let disputed = disagree(&claims);
        Self {
            outcome: if disputed { Outcome::Disputed } else { Outcome::Answered },
            lead: if disputed { Lead::Disagree(facts.topic.dispute) } else { Lead::None },
            topics: vec![facts.topic.id],
            claims,
            sources: facts.sources,
            score: 0.0,
        }
    }

    /// Plans the correction of a false premise: the claims of the correcting topic, then those of the topic that was
    /// asked about.
    #[must_use]
    pub fn false_premise(by: TopicFacts, asked: Option<TopicFacts>) -> Self {
        let mut plan = Self::answer(by);
        if plan.outcome == Outcome::Answered {
            plan.lead = Lead::Otherwise;
        }
        if let Some(asked) = asked {
            if plan.outcome == Outcome::Answered {
                plan.claims.truncate(1);
            }
            let more = Self::answer(asked);
            plan.topics.extend(more.topics);
            plan.sources.extend(more.sources);
            for claim in more.claims {
                if !plan.claims.contains(&claim) {
                    plan.claims.push(claim);
                }
            }
            if more.outcome == Outcome::Disputed {
                (plan.outcome, plan.lead) = (more.outcome, more.lead);
            } else if plan.outcome == Outcome::Answered {
                plan.claims.truncate(MAX_CLAIMS);
            }
        }
        plan
    }

    /// Translates [`Lead::Unsaid`]. A topic without a translation gets [`Lead::Silent`] instead.
    #[must_use]
    pub fn in_language(mut self, language: Language) -> Self {
        if let (Lead::Unsaid(_), Some(id)) = (&self.lead, self.topics.first())
            && language != Language::English
        {
            let said = language.pack().topic(id).and_then(|topic| topic.unsaid.clone());
            self.lead = said.map_or(Lead::Silent, Lead::Unsaid);
        }
        self
    }

    /// Plans the reply to a question that the sources don't answer. `silent` is the silent topic of the question.
    /// Without one, the nearest claim comes from `nearest`, an answerable topic.
    #[must_use]
    pub fn unknown(silent: Option<TopicFacts>, nearest: Option<TopicFacts>) -> Self {
        let lead = silent.as_ref().and_then(|silent| silent.topic.unsaid.clone()).map_or(Lead::Silent, Lead::Unsaid);
        let mut plan = Self::bare(Outcome::Unknown, lead);
        if let Some(facts) = silent.or(nearest) {
            plan.claims = chosen(&facts.claims, MAX_NEAREST);
            plan.sources = facts.sources;
            plan.topics.push(facts.topic.id);
        }
        plan
    }
}

/// Picks the first `most` claims, preferred ones first, and every later claim that contradicts a picked one. Skips
/// deprecated claims.
fn chosen(claims: &[Claim], most: usize) -> Vec<Claim> {
    let mut usable: Vec<&Claim> = claims.iter().filter(|claim| claim.rank != Rank::Deprecated).collect();
    usable.sort_by_key(|claim| claim.rank);
    let (first, rest) = usable.split_at(most.min(usable.len()));
    let mut chosen = first.to_vec();
    for claim in rest {
        if chosen.iter().any(|other| relation(other, claim) == Relation::Disagree) {
            chosen.push(claim);
        }
    }
    chosen.into_iter().cloned().collect()
}
