//! Splits the facts into entities for revisions: sources, subjects, claims, topics and their order, each with a kind,
//! an id and a body in JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::facts::{Claim, Facts, Source, Subject, Topic};

/// Kind and id of an entity.
pub(super) type Key = (&'static str, String);

/// Bodies of entities, in JSON, by kind and id.
pub(super) type Entities = BTreeMap<Key, String>;

/// All kinds of entities.
pub(super) const KINDS: [&str; 5] = ["source", "subject", "claim", "topic", "order"];

/// Id of the only entity of kind `order`.
const ORDER: &str = "facts";

/// Body that marks an entity in a community's overlay as removed.
pub(super) const GONE: &str = "null";

/// Body of a subject.
#[derive(Serialize, Deserialize)]
pub(super) struct SubjectTitle {
    pub(super) title: String,
}

/// Body of the order entity: the order of all other entities, and the subject of each claim and topic.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    sources: Vec<String>,
    subjects: Vec<SubjectOrder>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct SubjectOrder {
    id: String,
    claims: Vec<String>,
    topics: Vec<String>,
}

pub(super) fn json<T: Serialize>(thing: &T) -> String {
    serde_json::to_string(thing).expect("facts have only string keys")
}

/// Returns the body of a subject.
pub(super) fn subject(title: &str) -> String {
    json(&SubjectTitle { title: title.to_owned() })
}

pub(super) fn read<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// Returns the key of the order entity.
pub(super) fn order_key() -> Key {
    ("order", ORDER.to_owned())
}

impl Order {
    /// Reads the order from entities. Returns an empty order if they have none.
    pub(super) fn of(entities: &Entities) -> Result<Self, StoreError> {
        entities.get(&order_key()).map_or(Ok(Self::default()), |text| read(text))
    }

    /// Writes the order into entities; removes it there if it is empty.
    pub(super) fn put_into(&self, entities: &mut Entities) {
        if *self == Self::default() {
            entities.remove(&order_key());
        } else {
            entities.insert(order_key(), json(self));
        }
    }

    /// Returns true if an entity has a position.
    pub(super) fn has(&self, (kind, id): &Key) -> bool {
        match *kind {
            "source" => self.sources.contains(id),
            "subject" => self.subjects.iter().any(|subject| subject.id == *id),
            "claim" => self.subjects.iter().any(|subject| subject.claims.contains(id)),
            _ => self.subjects.iter().any(|subject| subject.topics.contains(id)),
        }
    }

    /// Gives an entity the last position; a claim or topic the last one in `subject`, which is added if it is missing.
    pub(super) fn append(&mut self, (kind, id): &Key, subject: &str) {
        match *kind {
            "source" => self.sources.push(id.clone()),
            "subject" => self.of_subject(id),
            "claim" => {
                self.of_subject(subject);
                self.in_subject(subject).claims.push(id.clone());
            }
            _ => {
                self.of_subject(subject);
                self.in_subject(subject).topics.push(id.clone());
            }
        }
    }

    fn of_subject(&mut self, id: &str) {
        if !self.subjects.iter().any(|subject| subject.id == id) {
            self.subjects.push(SubjectOrder { id: id.to_owned(), ..SubjectOrder::default() });
        }
    }

    fn in_subject(&mut self, id: &str) -> &mut SubjectOrder {
        self.subjects.iter_mut().find(|subject| subject.id == id).expect("the subject was added before")
    }

    /// Removes the position of an entity.
    pub(super) fn remove(&mut self, (kind, id): &Key) {
        match *kind {
            "source" => self.sources.retain(|other| other != id),
            "subject" => self.subjects.retain(|subject| subject.id != *id),
            "claim" => self.subjects.iter_mut().for_each(|subject| subject.claims.retain(|other| other != id)),
            _ => self.subjects.iter_mut().for_each(|subject| subject.topics.retain(|other| other != id)),
        }
    }

    /// Returns true if a subject contains a claim or topic.
    pub(super) fn is_used(&self, id: &str) -> bool {
        self.subjects
            .iter()
            .any(|subject| subject.id == id && !(subject.claims.is_empty() && subject.topics.is_empty()))
    }

    /// Returns the subject that contains a claim or topic.
    pub(super) fn subject_of(&self, (kind, id): &Key) -> Option<&str> {
        let has = |subject: &&SubjectOrder| match *kind {
            "claim" => subject.claims.contains(id),
            _ => subject.topics.contains(id),
        };
        self.subjects.iter().find(has).map(|subject| subject.id.as_str())
    }
}

/// Returns the entities that a community sees: the shared ones with its overlay applied, without references to missing
/// entities.
pub(super) fn layered(shared: &Entities, own: &Entities) -> Result<Entities, StoreError> {
    let mut all = overlaid(shared, own);
    drop_unsupported(&mut all, own)?;
    let mut order = merge_order(&all, own, shared)?;
    // A topic or source that the community changed stays visible after the shared one was removed.
    let fallback = order.subjects.last().map(|subject| subject.id.clone()).unwrap_or_default();
    for key in all.keys().filter(|key| matches!(key.0, "source" | "topic")) {
        if !order.has(key) {
            order.append(key, &fallback);
        }
    }
    order.put_into(&mut all);
    Ok(all)
}

/// Applies an overlay to the shared entities, whose order stays.
pub(super) fn overlaid(shared: &Entities, own: &Entities) -> Entities {
    let mut all = shared.clone();
    for (key, text) in own.iter().filter(|(key, _)| key.0 != "order") {
        if text == GONE {
            all.remove(key);
        } else {
            all.insert(key.clone(), text.clone());
        }
    }
    all
}

/// Removes claims of the overlay that cite a missing source, and then references to missing claims from topics: from
/// the overlay's own, and from all if the overlay removes a claim.
fn drop_unsupported(all: &mut Entities, own: &Entities) -> Result<(), StoreError> {
    for key in own.keys().filter(|key| key.0 == "claim") {
        let Some(text) = all.get(key) else { continue };
        let claim: Claim = read(text)?;
        if claim.cite.iter().any(|citation| !all.contains_key(&("source", citation.source.clone()))) {
            all.remove(key);
        }
    }
    let takes_away = own.iter().any(|(key, text)| key.0 == "claim" && text == GONE);
    let topics: Vec<Key> = match takes_away {
        true => all.keys().filter(|key| key.0 == "topic").cloned().collect(),
        false => own.keys().filter(|key| key.0 == "topic" && all.contains_key(*key)).cloned().collect(),
    };
    for key in topics {
        let mut topic: Topic = read(&all[&key])?;
        let before = topic.claims.len();
        topic.claims.retain(|id| all.contains_key(&("claim", id.clone())));
        if topic.claims.len() < before {
            all.insert(key, json(&topic));
        }
    }
    Ok(())
}

/// Splits facts into entities.
pub(super) fn take_apart(facts: &Facts) -> Entities {
    let mut entities = Entities::new();
    let mut order = Order::default();
    for source in &facts.sources {
        order.sources.push(source.id.clone());
        entities.insert(("source", source.id.clone()), json(source));
    }
    for subject in &facts.subjects {
        entities.insert(("subject", subject.id.clone()), json(&SubjectTitle { title: subject.title.clone() }));
        for claim in &subject.claims {
            entities.insert(("claim", claim.id.clone()), json(claim));
        }
        for topic in &subject.topics {
            entities.insert(("topic", topic.id.clone()), json(topic));
        }
        order.subjects.push(SubjectOrder {
            id: subject.id.clone(),
            claims: subject.claims.iter().map(|claim| claim.id.clone()).collect(),
            topics: subject.topics.iter().map(|topic| topic.id.clone()).collect(),
        });
    }
    entities.insert(("order", ORDER.to_owned()), json(&order));
    entities
}

/// Builds facts from entities.
pub(super) fn put_together(entities: &Entities) -> Result<Facts, StoreError> {
    let order = Order::of(entities)?;
    let get = |kind: &'static str, id: &str| {
        entities.get(&(kind, id.to_owned())).ok_or_else(|| StoreError::Unreadable(format!("{kind} `{id}` is missing")))
    };
    let mut facts = Facts::default();
    for id in &order.sources {
        facts.sources.push(read::<Source>(get("source", id)?)?);
    }
    for subject in &order.subjects {
        let SubjectTitle { title } = read(get("subject", &subject.id)?)?;
        let mut whole = Subject { id: subject.id.clone(), title, ..Subject::default() };
        for id in &subject.claims {
            whole.claims.push(read::<Claim>(get("claim", id)?)?);
        }
        for id in &subject.topics {
            whole.topics.push(read::<Topic>(get("topic", id)?)?);
        }
        facts.subjects.push(whole);
    }
    Ok(facts)
}

/// The result of a three-way merge.
pub(super) struct Merged {
    pub(super) entities: Entities,
    /// Entities that both sides changed; the current version was kept.
    pub(super) kept: Vec<Key>,
}

/// Merges three ways: takes what only `new` changed since `base`, and keeps what `now` changed since then.
pub(super) fn merge(base: &Entities, now: &Entities, new: &Entities) -> Result<Merged, StoreError> {
    let mut merged = Merged { entities: Entities::new(), kept: Vec::new() };
    let keys: BTreeSet<&Key> = base.keys().chain(now.keys()).chain(new.keys()).collect();
    for key in keys {
        let (was, is, comes) = (base.get(key), now.get(key), new.get(key));
        let untouched = is == was;
        if !untouched && comes != was && comes != is && key.0 != "order" {
            merged.kept.push(key.clone());
        }
        if let Some(thing) = if untouched { comes } else { is } {
            merged.entities.insert(key.clone(), thing.clone());
        }
    }
    keep_what_is_named(&mut merged.entities, now)?;
    let order = merge_order(&merged.entities, now, new)?;
    order.put_into(&mut merged.entities);
    Ok(merged)
}

/// Keeps claims that topics name and sources that claims cite, also where the incoming facts no longer have them:
/// topics and claims that were changed here may still refer to them.
fn keep_what_is_named(entities: &mut Entities, now: &Entities) -> Result<(), StoreError> {
    let mut named: Vec<Key> = Vec::new();
    for ((kind, _), text) in entities.iter() {
        if *kind == "topic" {
            named.extend(read::<Topic>(text)?.claims.into_iter().map(|id| ("claim", id)));
        }
    }
    let claims: Vec<Key> = named.iter().filter(|key| !entities.contains_key(*key)).cloned().collect();
    for key in claims {
        entities.extend(now.get(&key).map(|text| (key, text.clone())));
    }
    let mut sources: Vec<Key> = Vec::new();
    for ((kind, _), text) in entities.iter() {
        if *kind == "claim" {
            sources.extend(read::<Claim>(text)?.cite.into_iter().map(|citation| ("source", citation.source)));
        }
    }
    for key in sources.into_iter().filter(|key| !entities.contains_key(key)).collect::<Vec<_>>() {
        entities.extend(now.get(&key).map(|text| (key, text.clone())));
    }
    Ok(())
}

/// Returns the order of `new`, with what only `now` has at the end of its subject, claims without a position at the end
/// of the last subject, and without missing entities.
fn merge_order(entities: &Entities, now: &Entities, new: &Entities) -> Result<Order, StoreError> {
    let (now, mut order) = (Order::of(now)?, Order::of(new)?);
    let mut placed: BTreeSet<Key> = BTreeSet::new();
    let exists = |kind: &'static str, id: &String| entities.contains_key(&(kind, id.clone()));
    append(&mut order.sources, now.sources, "source", &mut placed, &exists);
    for subject in &now.subjects {
        if !order.subjects.iter().any(|other| other.id == subject.id) {
            order.subjects.push(SubjectOrder { id: subject.id.clone(), ..SubjectOrder::default() });
        }
    }
    for subject in &order.subjects {
        placed.extend(subject.claims.iter().map(|id| ("claim", id.clone())));
        placed.extend(subject.topics.iter().map(|id| ("topic", id.clone())));
    }
    for subject in &mut order.subjects {
        let old = now.subjects.iter().find(|old| old.id == subject.id).cloned().unwrap_or_default();
        append(&mut subject.claims, old.claims, "claim", &mut placed, &exists);
        append(&mut subject.topics, old.topics, "topic", &mut placed, &exists);
    }
    order.subjects.retain(|subject| exists("subject", &subject.id));
    let placed = |order: &Order| order.subjects.iter().flat_map(|s| s.claims.clone()).collect::<BTreeSet<_>>();
    let lost: Vec<String> = {
        let placed = placed(&order);
        entities
            .keys()
            .filter(|(kind, id)| *kind == "claim" && !placed.contains(id))
            .map(|(_, id)| id.clone())
            .collect()
    };
    if let Some(last) = order.subjects.last_mut() {
        last.claims.extend(lost);
    }
    Ok(order)
}

/// Appends the ids that have no position yet, and drops those of missing entities.
fn append(
    ids: &mut Vec<String>,
    more: Vec<String>,
    kind: &'static str,
    placed: &mut BTreeSet<Key>,
    exists: &impl Fn(&'static str, &String) -> bool,
) {
    placed.extend(ids.iter().map(|id| (kind, id.clone())));
    ids.extend(more.into_iter().filter(|id| placed.insert((kind, id.clone()))));
    ids.retain(|id| exists(kind, id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::text::shipped;

    #[test]
    fn facts_survive_being_taken_apart() {
        let facts = shipped();
        assert_eq!(put_together(&take_apart(&facts)).unwrap(), facts);
    }

    #[test]
    fn a_claim_that_a_changed_topic_names_stays() {
        let base = shipped();
        let (mut now, mut new) = (base.clone(), base.clone());
        let claim = now.subjects[0].topics[0].claims[0].clone();
        now.subjects[0].topics[0].examples.push("added here".into());
        new.subjects[0].claims.retain(|other| other.id != claim);
        for topic in new.subjects.iter_mut().flat_map(|subject| &mut subject.topics) {
            topic.claims.retain(|other| *other != claim);
        }
        let merged = merge(&take_apart(&base), &take_apart(&now), &take_apart(&new)).unwrap();
        let facts = put_together(&merged.entities).unwrap();
        assert!(facts.claims_by_id().contains_key(claim.as_str()));
    }

    #[test]
    fn a_moderators_change_wins_over_newer_shipped_facts() {
        let base = shipped();
        let (mut now, mut new) = (base.clone(), base.clone());
        now.subjects[0].claims[0].statement = "Changed here.".into();
        now.subjects[0].topics[0].examples.push("added here".into());
        new.subjects[0].claims[0].statement = "Changed there.".into();
        new.subjects[0].claims[1].statement = "Only changed there.".into();
        let removed = new.subjects[3].topics.pop().unwrap();
        let merged = merge(&take_apart(&base), &take_apart(&now), &take_apart(&new)).unwrap();
        let facts = put_together(&merged.entities).unwrap();
        assert_eq!(facts.subjects[0].claims[0].statement, "Changed here.");
        assert_eq!(facts.subjects[0].claims[1].statement, "Only changed there.");
        assert!(facts.subjects[0].topics[0].examples.contains(&"added here".to_owned()));
        assert!(facts.topics().all(|topic| topic.id != removed.id));
        assert_eq!(merged.kept, [("claim", base.subjects[0].claims[0].id.clone())]);
    }
}
