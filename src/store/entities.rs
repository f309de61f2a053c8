//! The facts as separate things with an id, each as JSON: what revisions record.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::facts::{Claim, Facts, Source, Subject, Topic};

/// Kind and id.
pub(super) type Key = (&'static str, String);

/// Things by kind and id, as JSON.
pub(super) type Entities = BTreeMap<Key, String>;

/// The kinds, in the order in which they are written.
pub(super) const KINDS: [&str; 5] = ["source", "subject", "claim", "topic", "order"];

/// The id of the one thing of kind `order`.
const ORDER: &str = "facts";

#[derive(Serialize, Deserialize)]
struct SubjectTitle {
    title: String,
}

/// In which order everything is written, and what belongs to which subject.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Order {
    sources: Vec<String>,
    subjects: Vec<SubjectOrder>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct SubjectOrder {
    id: String,
    claims: Vec<String>,
    topics: Vec<String>,
}

fn json<T: Serialize>(thing: &T) -> String {
    serde_json::to_string(thing).expect("facts have only string keys")
}

fn read<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Unreadable(error.to_string()))
}

/// Takes facts apart.
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

/// Puts facts together again.
pub(super) fn put_together(entities: &Entities) -> Result<Facts, Error> {
    let Some(order) = entities.get(&("order", ORDER.to_owned())) else { return Ok(Facts::default()) };
    let order: Order = read(order)?;
    let get = |kind: &'static str, id: &str| {
        entities.get(&(kind, id.to_owned())).ok_or_else(|| Error::Unreadable(format!("{kind} `{id}` is missing")))
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

/// What came of bringing newer facts in.
pub(super) struct Merged {
    pub(super) entities: Entities,
    /// What both sides changed; the present one was kept.
    pub(super) kept: Vec<Key>,
}

/// Merges three ways: what only `new` changed since `base` is taken, what `now` changed since then stays.
pub(super) fn merge(base: &Entities, now: &Entities, new: &Entities) -> Result<Merged, Error> {
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
    merged.entities.insert(("order", ORDER.to_owned()), json(&order));
    Ok(merged)
}

/// A topic that was changed here may name claims that the incoming facts no longer have, and a claim sources: they stay.
fn keep_what_is_named(entities: &mut Entities, now: &Entities) -> Result<(), Error> {
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

/// The order of `new`, then what only `now` has, at the end of its subject; nothing that is gone.
fn merge_order(entities: &Entities, now: &Entities, new: &Entities) -> Result<Order, Error> {
    let order_of = |entities: &Entities| {
        entities.get(&("order", ORDER.to_owned())).map_or(Ok(Order::default()), |text| read(text))
    };
    let (now, mut order): (Order, Order) = (order_of(now)?, order_of(new)?);
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

/// Appends the ids that aren't placed yet, and drops those that no longer exist.
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
