//! From a decision and a topic's claims to what is to be said: answered, disputed, ambiguous, unknown, social.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::facts::{Claim, Dispute, Rank, Relation, Source, disagree, relation};
use crate::language::Language;
use crate::store::TopicFacts;
use crate::understanding::SmallTalk;

/// How many claims an answer gives at the most; a disagreement may need one more.
pub(crate) const MAX_CLAIMS: usize = 3;

/// How many claims are offered as the nearest thing known.
const MAX_NEAREST: usize = 1;

/// What a reply does, the weakest first: of several in one message the weakest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The sources don't say.
    Unknown,
    /// More than one thing may be meant.
    Ambiguous,
    /// The sources disagree.
    Disputed,
    /// Here is what the sources say.
    Answered,
    /// Small talk.
    Social,
}

/// How the claims are led in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lead {
    /// They speak for themselves.
    None,
    /// They disagree.
    Disagree(Option<Dispute>),
    /// The question takes something else for granted.
    Otherwise,
    /// The sources don't say this; the claims are the nearest.
    Unsaid(String),
    /// The sources don't say what was asked; the claims are the nearest.
    Silent,
    /// One of these is meant: topic ids and titles.
    Choose(Vec<(String, String)>),
    /// Small talk.
    Social(SmallTalk),
    /// There was no question.
    Empty,
    /// It is in a language that the desk doesn't read.
    Foreign,
    /// The desk can't answer at present.
    Trouble,
}

/// What is to be said to one question.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerPlan {
    /// What it does.
    pub outcome: Outcome,
    /// The topics it is about.
    pub topics: Vec<String>,
    /// How the claims are led in.
    pub lead: Lead,
    /// The claims, in the order in which they are said.
    pub claims: Vec<Claim>,
    /// The sources that they cite, by id.
    pub sources: BTreeMap<String, Source>,
    /// How sure the desk is of the topic, from 0 to 1.
    pub score: f32,
}

impl AnswerPlan {
    /// A finding without claims.
    #[must_use]
    pub fn bare(outcome: Outcome, lead: Lead) -> Self {
        Self { outcome, lead, topics: Vec::new(), claims: Vec::new(), sources: BTreeMap::new(), score: 0.0 }
    }

    /// The answer of a topic: its first claims, with every claim that contradicts one of them.
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

    /// The sources put it differently from the question: the correcting claim, then what was asked about.
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

    /// With what the sources don't say in a language, as far as it is written in that.
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

    /// The sources don't say; `silent` is the topic that says so, `nearest` one that they do answer.
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

/// The claims to say: never a deprecated one, preferred ones first, the first few, and those that contradict them.
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
