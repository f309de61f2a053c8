//! Reads the facts as a scope sees them: the shared facts, and a community's overlay on top of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::changes::Edit;
use super::entities::{Entities, GONE, Order, layered, put_together, read};
use super::revisions::{entities_at, shared_now};
use super::rows::{CLAIM, checksum, read_claims, read_source};
use super::{ChangedTopic, Store, StoreError, TopicFacts};
use crate::facts::{Claim, Facts, Source, Topic};
use rusqlite::{OptionalExtension as _, Transaction};

/// The shared facts, or the facts of one community.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The facts that all communities share.
    #[default]
    Shared,
    /// A community, as `platform:id`. It sees the shared facts with its own changes on top.
    Community(String),
}

impl Scope {
    /// Returns the scope of a community on a platform.
    #[must_use]
    pub fn community(platform: &str, id: &str) -> Self {
        Self::Community(format!("{platform}:{id}"))
    }

    /// Returns the key of the scope in the database: empty for the shared facts, otherwise `platform:id`.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Shared => "",
            Self::Community(key) => key,
        }
    }

    /// Returns the platform's id of the community. `None` for the shared facts and communities of other platforms.
    #[must_use]
    pub fn community_on(&self, platform: &str) -> Option<&str> {
        self.key().strip_prefix(platform)?.strip_prefix(':')
    }

    /// Returns the scope that has this key.
    #[must_use]
    pub fn of_key(key: &str) -> Self {
        if key.is_empty() { Self::Shared } else { Self::Community(key.to_owned()) }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared => f.write_str("the shared facts"),
            Self::Community(key) => f.write_str(key),
        }
    }
}

/// A community's changes on top of the shared facts, parsed and by id; `None` marks a removed entity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScopeOverlay {
    sources: BTreeMap<String, Option<Source>>,
    claims: BTreeMap<String, Option<Claim>>,
    /// Topics with the subject that they were added to; `None` stands for the subject of the shared topic.
    topics: BTreeMap<String, Option<(Option<String>, Topic)>>,
}

impl ScopeOverlay {
    fn of(own: &Entities) -> Result<Self, StoreError> {
        let order = Order::of(own)?;
        let mut laid = Self::default();
        for (key, text) in own {
            let id = key.1.clone();
            match key.0 {
                "source" => drop(laid.sources.insert(id, unless_gone(text)?)),
                "claim" => drop(laid.claims.insert(id, unless_gone(text)?)),
                "topic" => {
                    let subject = order.subject_of(key).map(str::to_owned);
                    laid.topics.insert(id, unless_gone(text)?.map(|topic| (subject, topic)));
                }
                _ => {}
            }
        }
        Ok(laid)
    }

    /// Returns the overlay with edits applied.
    #[must_use]
    pub fn with(mut self, edits: &[Edit]) -> Self {
        for edit in edits.iter().cloned() {
            match edit {
                Edit::Source(source) => drop(self.sources.insert(source.id.clone(), Some(source))),
                Edit::Claim { claim, .. } => drop(self.claims.insert(claim.id.clone(), Some(claim))),
                Edit::Topic { topic, subject } => {
                    self.topics.insert(topic.id.clone(), Some((Some(subject), topic)));
                }
                Edit::Remove { kind: "source", id } => drop(self.sources.insert(id, None)),
                Edit::Remove { kind: "claim", id } => drop(self.claims.insert(id, None)),
                Edit::Remove { kind: "topic", id } => drop(self.topics.insert(id, None)),
                Edit::Remove { .. } | Edit::Subject { .. } => {}
            }
        }
        self
    }

    /// Returns true if the overlay changes no source, claim or topic.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.claims.is_empty() && self.topics.is_empty()
    }
}

fn unless_gone<T: for<'a> serde::Deserialize<'a>>(text: &str) -> Result<Option<T>, StoreError> {
    if text == GONE { Ok(None) } else { read(text).map(Some) }
}

impl Store {
    /// Returns the facts as a scope sees them.
    ///
    /// # Errors
    /// If a row or a recorded change is damaged, or SQLite fails.
    pub fn facts_of(&self, scope: &Scope) -> Result<Facts, StoreError> {
        let _read = self.begin_read_unless_begun()?;
        match scope {
            Scope::Shared => self.facts(),
            Scope::Community(_) => put_together(&visible_facts(&self.connection, scope)?.all()?),
        }
    }

    /// Returns a community's overlay. The overlay of the shared scope is empty.
    ///
    /// # Errors
    /// If a recorded change is damaged, or SQLite fails.
    pub fn overlay(&self, scope: &Scope) -> Result<ScopeOverlay, StoreError> {
        if *scope == Scope::Shared {
            return Ok(ScopeOverlay::default());
        }
        let _read = self.begin_read_unless_begun()?;
        ScopeOverlay::of(&own_entities(&self.connection, scope)?)
    }

    /// Starts a read transaction, unless one is open.
    pub(super) fn begin_read_unless_begun(&self) -> Result<Option<Transaction<'_>>, StoreError> {
        self.connection.is_autocommit().then(|| self.begin_read()).transpose()
    }

    /// Returns the scopes that revisions after this one changed.
    ///
    /// # Errors
    /// If SQLite fails.
    pub fn scopes_changed_since(&self, revision: i64) -> Result<Vec<Scope>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT DISTINCT scope FROM revision WHERE id > ?")?;
        let rows = statement.query_map([revision], |row| Ok(Scope::of_key(&row.get::<_, String>(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Reads a topic with its claims and sources as a community with this overlay sees it, but without its examples.
    /// Returns `None` if there is no such topic.
    ///
    /// # Errors
    /// If a row doesn't match its checksum, or SQLite fails.
    pub fn topic_in(&self, overlay: &ScopeOverlay, id: &str) -> Result<Option<TopicFacts>, StoreError> {
        let (mut topic, shared) = match overlay.topics.get(id) {
            Some(None) => return Ok(None),
            Some(Some((_, topic))) => (Topic { examples: Vec::new(), ..topic.clone() }, None),
            None => match self.topic(id)? {
                Some(found) if overlay.is_empty() => return Ok(Some(found)),
                Some(found) => (found.topic.clone(), Some(found)),
                None => return Ok(None),
            },
        };
        let mut claims: Vec<Claim> = Vec::new();
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        for id in &topic.claims {
            let known = || shared.as_ref().and_then(|found| found.claims.iter().find(|claim| claim.id == *id).cloned());
            let claim = match overlay.claims.get(id) {
                Some(claim) => claim.clone(),
                None => known().map_or_else(|| self.claim(id), |claim| Ok(Some(claim)))?,
            };
            // A claim whose source is missing can't be cited, so it isn't shown.
            if let Some(claim) = claim
                && self.find_sources(overlay, &claim, &mut sources)?
            {
                claims.push(claim);
            }
        }
        topic.claims = claims.iter().map(|claim| claim.id.clone()).collect();
        Ok(Some(TopicFacts { topic, claims, sources }))
    }

    /// Returns the topics that an overlay changes, in themselves or in one of their claims, ordered by id.
    ///
    /// # Errors
    /// If a row doesn't match its checksum, or SQLite fails.
    pub fn topics_changed_by(&self, overlay: &ScopeOverlay) -> Result<Vec<ChangedTopic>, StoreError> {
        let mut ids: BTreeSet<String> = overlay.topics.keys().cloned().collect();
        let mut statement = self.connection.prepare_cached("SELECT topic FROM topic_claim WHERE claim = ?")?;
        for claim in overlay.claims.keys() {
            let topics = statement.query_map([claim], |row| row.get(0))?;
            ids.extend(topics.collect::<Result<Vec<String>, _>>()?);
        }
        ids.into_iter().map(|id| self.topic_changed_by(overlay, id)).collect()
    }

    fn topic_changed_by(&self, overlay: &ScopeOverlay, id: String) -> Result<ChangedTopic, StoreError> {
        let Some(TopicFacts { mut topic, claims, .. }) = self.topic_in(overlay, &id)? else {
            return Ok(ChangedTopic { id, subject: String::new(), topic: None });
        };
        let placed = match overlay.topics.get(&id) {
            Some(Some((subject, laid))) => {
                topic.examples.clone_from(&laid.examples);
                subject.clone()
            }
            _ => {
                topic.examples = self.examples(&id)?;
                None
            }
        };
        let subject = match placed {
            Some(subject) => subject,
            None => self.subject_of_topic(&id)?.unwrap_or_default(),
        };
        Ok(ChangedTopic { id, subject, topic: Some((topic, claims)) })
    }

    fn subject_of_topic(&self, id: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT subject FROM topic WHERE id = ?")?;
        Ok(statement.query_row([id], |row| row.get(0)).optional()?)
    }

    fn claim(&self, id: &str) -> Result<Option<Claim>, StoreError> {
        Ok(read_claims(&self.connection, CLAIM, id)?.pop())
    }

    /// Adds the sources that a claim cites to `sources`. Returns false if one of them is missing.
    fn find_sources(
        &self,
        overlay: &ScopeOverlay,
        claim: &Claim,
        sources: &mut BTreeMap<String, Source>,
    ) -> Result<bool, StoreError> {
        for citation in &claim.cite {
            let id = &citation.source;
            let found = match overlay.sources.get(id) {
                Some(source) => source.clone(),
                None if sources.contains_key(id) => continue,
                None => self.has_source(id)?.then(|| read_source(&self.connection, id)).transpose()?,
            };
            let Some(source) = found else { return Ok(false) };
            sources.insert(id.clone(), source);
        }
        Ok(true)
    }

    fn has_source(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.connection.prepare_cached("SELECT 1 FROM source WHERE id = ?")?.exists([id])?)
    }
}

/// The entities that a scope sees, by layer.
pub(super) struct VisibleFacts {
    /// The shared entities.
    pub(super) shared: Entities,
    /// The scope's own entities: a community's overlay, or the shared entities for the shared scope.
    pub(super) own: Entities,
    is_shared: bool,
}

impl VisibleFacts {
    /// Returns the entities that the scope sees, both layers merged.
    pub(super) fn all(&self) -> Result<Entities, StoreError> {
        if self.is_shared { Ok(self.shared.clone()) } else { layered(&self.shared, &self.own) }
    }
}

pub(super) fn visible_facts(connection: &rusqlite::Connection, scope: &Scope) -> Result<VisibleFacts, StoreError> {
    let shared = shared_now(connection)?;
    if *scope == Scope::Shared {
        return Ok(VisibleFacts { own: shared.clone(), shared, is_shared: true });
    }
    Ok(VisibleFacts { shared, own: own_entities(connection, scope)?, is_shared: false })
}

/// Returns the entities that a scope saw after a revision.
pub(super) fn visible_entities_after(
    connection: &rusqlite::Connection,
    scope: &Scope,
    revision: i64,
) -> Result<Entities, StoreError> {
    let shared = entities_at(connection, &Scope::Shared, revision)?;
    match scope {
        Scope::Shared => Ok(shared),
        Scope::Community(_) => layered(&shared, &entities_at(connection, scope, revision)?),
    }
}

/// Returns the entities of a community's overlay, verified as a whole.
fn own_entities(connection: &rusqlite::Connection, scope: &Scope) -> Result<Entities, StoreError> {
    let own = entities_at(connection, scope, i64::MAX)?;
    let mut statement =
        connection.prepare_cached("SELECT state FROM revision WHERE scope = ? ORDER BY id DESC LIMIT 1")?;
    let state: Option<i64> = statement.query_row([scope.key()], |row| row.get(0)).optional()?;
    match state {
        Some(state) if state != checksum(&own.iter().collect::<Vec<_>>()) => {
            Err(StoreError::Checksum { kind: "the set of facts of", id: scope.key().to_owned() })
        }
        _ => Ok(own),
    }
}
