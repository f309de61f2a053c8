//! Tests moderators' changes in the store: scopes of communities over the shared facts, undo, and concurrent changes.

mod common;

use std::path::Path;
use std::sync::Barrier;

use common::random::Random;
use common::{few_facts, meta};
use routedesk::desk::Desk;
use routedesk::facts::bundle::Bundle;
use routedesk::facts::{Claim, Facts, Topic, text};
use routedesk::store::{Committed, Edit, RevisionOrigin, Scope, Store, StoreError};
use routedesk::utterance::Utterance;

fn community(name: &str) -> Scope {
    Scope::community("discord", name)
}

fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121)
}

/// Opens a store with few facts, so that a change is fast.
fn small(folder: &Path) -> Store {
    let mut store = common::store_in(folder);
    store.replace(&few_facts(), RevisionOrigin::Import, &meta("start")).unwrap();
    store
}

/// Opens a desk on a copy of the test database.
fn desk(folder: &Path) -> Desk {
    common::open(&common::database_in(folder))
}

fn export(store: &Store, scope: &Scope) -> Vec<(String, String)> {
    text::write(&store.facts_of(scope).unwrap())
}

fn subject_of<'a>(facts: &'a Facts, topic: &str) -> (&'a str, &'a Topic) {
    let subjects = facts.subjects.iter();
    let mut found = subjects.flat_map(|subject| subject.topics.iter().map(|topic| (subject.id.as_str(), topic)));
    found.find(|(_, other)| other.id == topic).expect("the topic exists")
}

fn edit_topic(facts: &Facts, id: &str, change: impl FnOnce(&mut Topic)) -> Edit {
    let (subject, topic) = subject_of(facts, id);
    let mut topic = topic.clone();
    change(&mut topic);
    Edit::Topic { subject: subject.to_owned(), topic }
}

fn edit_claim(facts: &Facts, id: &str, change: impl FnOnce(&mut Claim)) -> Edit {
    let mut claim = facts.claims_by_id()[id].clone();
    change(&mut claim);
    let subject = facts.subjects.iter().find(|subject| subject.claims.iter().any(|other| other.id == id)).unwrap();
    Edit::Claim { subject: subject.id.clone(), claim }
}

fn commit(store: &mut Store, scope: &Scope, edits: &[Edit]) -> i64 {
    let base = store.revision().unwrap();
    match store.commit(scope, base, edits, &meta("test")).unwrap() {
        Committed::Made(applied) => applied.revision.unwrap_or(base),
        Committed::Overtaken(_) => panic!("unexpected conflict"),
    }
}

/// Returns a random change of the kinds that moderators make, to the facts that a scope sees.
fn random_edits(facts: &Facts, random: &mut Random, made: usize) -> Vec<Edit> {
    let topics: Vec<&Topic> = facts.topics().collect();
    let claims: Vec<&Claim> = facts.claims().collect();
    let topic = topics[random.below(topics.len())].id.clone();
    let claim = claims[random.below(claims.len())].id.clone();
    let subject = facts.subjects[random.below(facts.subjects.len())].id.clone();
    let new = |id: String| Claim {
        id,
        statement: format!("Statement {made}."),
        unsourced: Some("2026-11-21".into()),
        cite: Vec::new(),
        ..claims[0].clone()
    };
    match random.below(7) {
        0 => vec![edit_topic(facts, &topic, |topic| topic.examples.push(format!("question number {made}")))],
        1 => vec![edit_claim(facts, &claim, |claim| claim.statement = format!("Changed {made}."))],
        2 => {
            let claim = new(format!("claim-{made}"));
            let id = claim.id.clone();
            let own = edit_topic(facts, &topic, |topic| topic.claims.push(id));
            vec![Edit::Claim { subject: subject_of(facts, &topic).0.to_owned(), claim }, own]
        }
        3 if topics.len() > 3 => vec![Edit::Remove { kind: "topic", id: topic }],
        4 => {
            let subject = format!("subject-{}", random.below(3));
            let claim = new(format!("claim-{made}"));
            let topic = Topic {
                id: format!("topic-{made}"),
                title: format!("Topic {made}"),
                claims: vec![claim.id.clone()],
                examples: vec![format!("what is topic {made}")],
                ..Topic::default()
            };
            vec![
                Edit::Subject { id: subject.clone(), title: "Added".into() },
                Edit::Claim { subject: subject.clone(), claim },
                Edit::Topic { subject, topic },
            ]
        }
        5 => vec![edit_topic(facts, &topic, |topic| topic.examples.truncate(1))],
        _ => vec![Edit::Claim { subject, claim: new(format!("claim-{made}")) }],
    }
}

/// Makes random changes in the shared scope and in three communities, then undoes all of them. In odd rounds it undoes
/// part of the undoing. After each even round everything is as at the start, byte for byte.
fn change_and_undo(changes: usize, rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = small(folder.path());
    let scopes = [Scope::Shared, community("1"), community("2"), community("3")];
    let start = export(&store, &Scope::Shared);
    let first = store.revision().unwrap();
    let mut random = Random(seed() + changes as u64);
    for made in 0..changes {
        let scope = &scopes[random.below(scopes.len())];
        let facts = store.facts_of(scope).unwrap();
        commit(&mut store, scope, &random_edits(&facts, &mut random, made));
    }
    assert!(scopes.iter().all(|scope| export(&store, scope) != start));
    for round in 0..rounds {
        let since = if round % 2 == 1 { store.revision().unwrap() - changes as i64 / 3 } else { first };
        let mut left = scopes.to_vec();
        while !left.is_empty() {
            let scope = left.remove(random.below(left.len()));
            store.undo_all_since(&scope, i64::MAX, since, &meta("undo")).unwrap();
        }
        let is_as_it_was = |scope: &Scope| export(&store, scope) == start && store.overlay(scope).unwrap().is_empty();
        for scope in scopes.iter().filter(|_| round % 2 == 0) {
            assert!(is_as_it_was(scope), "{scope} isn't as at the start, round {round}, SEED={}", seed());
        }
    }
    store.rebuild().unwrap();
    assert!(export(&store, &Scope::Shared) == start);
}

#[test]
fn undoing_a_thousand_changes_gives_the_start() {
    change_and_undo(1_000, 1);
}

#[test]
fn undoing_can_be_undone() {
    change_and_undo(60, 5);
}

/// Returns the facts in a canonical order: an import doesn't reorder existing entities.
fn unordered(facts: &Facts) -> Facts {
    let mut facts = facts.clone();
    facts.sources.sort_by(|a, b| a.id.cmp(&b.id));
    facts.subjects.sort_by(|a, b| a.id.cmp(&b.id));
    for subject in &mut facts.subjects {
        subject.claims.sort_by(|a, b| a.id.cmp(&b.id));
        subject.topics.sort_by(|a, b| a.id.cmp(&b.id));
    }
    // Empty subjects don't count as a difference.
    facts.subjects.retain(|subject| !subject.claims.is_empty() || !subject.topics.is_empty());
    facts
}

/// A file with a community's facts gives another community the same facts. A file from the start then restores the
/// facts of the start. The shared facts stay the same, byte for byte.
#[test]
fn a_file_transfers_changes_and_restores_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = small(folder.path());
    let (first, start) = (store.revision().unwrap(), export(&store, &Scope::Shared));
    let mut random = Random(seed());
    let import = |store: &mut Store, scope: &Scope, base: i64, text: &str| {
        let facts = Bundle::from_text(text).and_then(|bundle| bundle.look()).unwrap().0;
        let edits = store.difference(scope, base, &facts).unwrap();
        commit(store, scope, &edits);
    };
    let file = |store: &Store, scope: &Scope| Bundle::of(&store.facts_of(scope).unwrap(), first).to_text();
    let origin = file(&store, &Scope::Shared);
    for round in 0..40 {
        let (from, to) = (community(&format!("from-{round}")), community(&format!("to-{round}")));
        for made in 0..1 + random.below(12) {
            let facts = store.facts_of(&from).unwrap();
            commit(&mut store, &from, &random_edits(&facts, &mut random, 100 * round + made));
        }
        let changed = file(&store, &from);
        import(&mut store, &to, first, &changed);
        let (one, other) = (store.facts_of(&from).unwrap(), store.facts_of(&to).unwrap());
        assert!(unordered(&one) == unordered(&other), "round {round}, SEED={}", seed());
        let now = store.revision().unwrap();
        import(&mut store, &to, now, &origin);
        let facts = store.facts_of(&to).unwrap();
        assert!(unordered(&facts) == unordered(&store.facts().unwrap()), "round {round}, SEED={}", seed());
        assert!(export(&store, &Scope::Shared) == start);
    }
}

/// Each of three communities sees its own changes and the shared facts, and never another community's changes.
#[test]
fn changes_never_show_in_another_community() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = small(folder.path());
    let scopes = [Scope::Shared, community("1"), community("2"), community("3")];
    let mut random = Random(seed() + 1);
    for made in 0..300 {
        let at = random.below(scopes.len());
        let before: Vec<_> = scopes.iter().map(|scope| export(&store, scope)).collect();
        let facts = store.facts_of(&scopes[at]).unwrap();
        // Mark the statements with the scope that writes them.
        let mut edits = random_edits(&facts, &mut random, made);
        for edit in &mut edits {
            if let Edit::Claim { claim, .. } = edit {
                claim.statement = format!("Scope {at} says {made}.");
            }
        }
        commit(&mut store, &scopes[at], &edits);
        for (other, scope) in scopes.iter().enumerate().filter(|(other, _)| at > 0 && *other != at) {
            assert!(export(&store, scope) == before[other], "{scope} sees change {made} of {}", scopes[at]);
        }
        for (other, scope) in scopes.iter().enumerate() {
            let said = store.facts_of(scope).unwrap();
            let strange = said.claims().find(|claim| {
                let by = claim.statement.strip_prefix("Scope ").and_then(|rest| rest[..1].parse::<usize>().ok());
                by.is_some_and(|by| by != 0 && by != other)
            });
            assert!(strange.is_none(), "{scope} sees {strange:?}");
        }
    }
    // A community's change stays when the shared fact changes, too, and is reported as outdated.
    let outdated = scopes.iter().map(|scope| store.outdated(scope).unwrap().len()).collect::<Vec<_>>();
    assert_eq!(outdated[0], 0);
    assert!(outdated[1..].iter().any(|count| *count > 0), "{outdated:?}");
}

/// Two connections commit changes of the same claim from the same revision, as two platforms may. One commit succeeds,
/// and the other returns the revision of the first. No change is lost silently.
#[test]
fn of_two_concurrent_commits_one_is_refused() {
    const PAIRS: usize = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let store = small(folder.path());
    let (facts, start) = (store.facts().unwrap(), store.revision().unwrap());
    let claims: Vec<String> = facts.claims().map(|claim| claim.id.clone()).collect();
    let scopes = [Scope::Shared, Scope::community("discord", "1"), Scope::community("matrix", "!a:b")];
    let together = Barrier::new(2);
    let work = |worker: usize| -> Vec<usize> {
        let mut store = Store::open(&folder.path().join("facts.db")).unwrap();
        let mut told = Vec::new();
        for pair in 0..PAIRS {
            let edit = edit_claim(&facts, &claims[pair % claims.len()], |claim| {
                claim.statement = format!("Pair {pair} worker {worker}.");
            });
            let base = store.revision().unwrap();
            together.wait();
            let outcome = store.commit(&scopes[pair % scopes.len()], base, &[edit], &meta(&format!("{pair}/{worker}")));
            if let Committed::Overtaken(by) = outcome.unwrap() {
                assert_eq!(
                    by.iter().map(|by| by.meta.why.clone()).collect::<Vec<_>>(),
                    [format!("{pair}/{}", 1 - worker)]
                );
                told.push(pair);
            }
            together.wait();
        }
        told
    };
    let told = std::thread::scope(|threads| {
        let work = &work;
        let workers = [0, 1].map(|worker| threads.spawn(move || work(worker)));
        workers.map(|worker| worker.join().unwrap())
    });
    let made = |scope: &Scope| store.log(scope, u32::MAX).unwrap().into_iter().filter(|revision| revision.id > start);
    let mut made: Vec<String> = scopes.iter().flat_map(made).map(|revision| revision.meta.why).collect();
    made.sort_unstable();
    let expected = |worker: usize| {
        let told = told[worker].clone();
        (0..PAIRS).filter(move |pair| told.binary_search(pair).is_err()).map(move |pair| format!("{pair}/{worker}"))
    };
    let mut expected: Vec<String> = expected(0).chain(expected(1)).collect();
    expected.sort_unstable();
    assert_eq!(made.len(), PAIRS);
    assert!(made == expected);
}

/// Two commits from the same revision, one after the other.
#[test]
fn the_second_commit_from_a_revision_returns_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = small(folder.path());
    let facts = store.facts().unwrap();
    let id = facts.claims().next().unwrap().id.clone();
    let base = store.revision().unwrap();
    let change = |text: &str| [edit_claim(&facts, &id, |claim| claim.statement = text.into())];
    let first = commit(&mut store, &Scope::Shared, &change("First."));
    for scope in [Scope::Shared, community("1")] {
        let Committed::Overtaken(by) = store.commit(&scope, base, &change("Second."), &meta("second")).unwrap() else {
            panic!("the second commit must be refused");
        };
        assert_eq!(by[0].id, first);
        assert_eq!(by[0].changes[0].claims().1.unwrap().statement, "First.");
    }
    assert_eq!(store.revision().unwrap(), first);
    // Another community's change is no conflict.
    commit(&mut store, &community("2"), &change("Elsewhere."));
    let by = store.commit(&community("1"), first, &change("Third."), &meta("third")).unwrap();
    assert!(matches!(by, Committed::Made(_)));
}

#[test]
fn an_older_revision_is_only_undone_if_nothing_was_changed_since() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = small(folder.path());
    let scope = community("1");
    let facts = store.facts().unwrap();
    let ids: Vec<String> = facts.claims().take(2).map(|claim| claim.id.clone()).collect();
    let change = |id: &str, text: &str| [edit_claim(&facts, id, |claim| claim.statement = text.into())];
    let before = export(&store, &scope);
    let one = commit(&mut store, &scope, &change(&ids[0], "One."));
    let other = commit(&mut store, &scope, &change(&ids[1], "Other."));
    let again = commit(&mut store, &scope, &change(&ids[0], "Again."));
    let Committed::Overtaken(by) = store.undo(&scope, again, one, &meta("undo")).unwrap() else {
        panic!("the claim was changed since")
    };
    assert_eq!(by.iter().map(|revision| revision.id).collect::<Vec<_>>(), [again]);
    // A revision of another claim can be undone, and so can the undo.
    let Committed::Made(applied) = store.undo(&scope, again, other, &meta("undo")).unwrap() else {
        panic!("the other claim wasn't changed since")
    };
    let undone = applied.revision.unwrap();
    assert_eq!(store.revision_of(&scope, undone).unwrap().unwrap().undoes, Some(other));
    let overtaken = store.undo_all_since(&scope, one, one - 1, &meta("all")).unwrap();
    assert!(matches!(overtaken, Committed::Overtaken(by) if by.len() == 3));
    store.undo_all_since(&scope, undone, one - 1, &meta("all")).unwrap();
    assert!(export(&store, &scope) == before);
    // Revisions of other scopes, of releases and imports, and missing ones can't be undone.
    for (scope, revision) in [(community("2"), one), (Scope::Shared, one), (Scope::Shared, 1), (scope, 99)] {
        assert!(matches!(store.undo(&scope, 100, revision, &meta("undo")), Err(StoreError::Refused(_))), "{revision}");
    }
}

#[test]
fn removing_cited_or_used_entities_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = small(folder.path());
    let facts = store.facts().unwrap();
    let source = facts.sources[0].clone();
    let claim = facts.topics().next().unwrap().claims[0].clone();
    for scope in [Scope::Shared, community("1")] {
        for (kind, id) in [("claim", &claim), ("source", &source.id)] {
            let base = store.revision().unwrap();
            let outcome = store.commit(&scope, base, &[Edit::Remove { kind, id: id.clone() }], &meta("remove"));
            assert!(matches!(outcome, Err(StoreError::Refused(_))), "{kind}");
            assert_eq!(store.revision().unwrap(), base);
        }
    }
    // A shared source that a community cites can't be removed either.
    let mut own = source.clone();
    own.id = "extra".into();
    commit(&mut store, &Scope::Shared, &[Edit::Source(own)]);
    let cites = edit_claim(&facts, &claim, |claim| claim.cite[0].source = "extra".into());
    commit(&mut store, &community("1"), &[cites]);
    let base = store.revision().unwrap();
    let gone = [Edit::Remove { kind: "source", id: "extra".into() }];
    assert!(matches!(store.commit(&Scope::Shared, base, &gone, &meta("remove")), Err(StoreError::Refused(_))));
}

/// A community's change affects its next answer and no other community's, also after a new start.
#[test]
fn a_community_gets_its_own_answers() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let (one, other) = (community("1"), community("2"));
    let ask =
        |desk: &Desk, scope: &Scope, question: &str| desk.answer(&Utterance::new(question).within(scope.clone())).reply;
    let (facts, base) = desk.facts_of(&one).unwrap();
    let shared = ask(&desk, &other, "how much is a ticket?").text;
    let edits = [
        edit_claim(&facts, "price-rubles", |claim| {
            claim.statement = "A one-way ticket costs 46,000 rubles.".into();
            claim.cite.clear();
            claim.unsourced = Some("2026-11-21".into());
        }),
        edit_topic(&facts, "ticket-price", |topic| topic.examples.push("give me the lowdown on the dosh".into())),
        Edit::Remove { kind: "topic", id: "aircraft".into() },
    ];
    let mut store = Store::open(&folder.path().join("facts.db")).unwrap();
    store.commit(&one, base, &edits, &meta("own")).unwrap();
    let check = |desk: &Desk| {
        let own = ask(desk, &one, "how much is a ticket?").text;
        assert!(own.contains("46,000") && own.contains("no source: added by moderators on 21 November 2026"), "{own}");
        assert_eq!(ask(desk, &one, "lowdown on the dosh?").topics, ["ticket-price"]);
        assert!(!ask(desk, &one, "what kind of plane is it?").topics.contains(&"aircraft".to_owned()));
        for scope in [&Scope::Shared, &other] {
            assert_eq!(ask(desk, scope, "how much is a ticket?").text, shared);
            assert_ne!(ask(desk, scope, "lowdown on the dosh?").topics, ["ticket-price"]);
            assert_eq!(ask(desk, scope, "what kind of plane is it?").topics, ["aircraft"]);
        }
    };
    check(&desk);
    check(&common::open(&folder.path().join("facts.db")));
    // After undoing everything, the answer is the shared one.
    store.undo_all_since(&one, base + 1, base, &meta("undo")).unwrap();
    assert_eq!(ask(&desk, &one, "how much is a ticket?").text, shared);
}

/// A community whose changes were tampered with gets no answer from them.
#[test]
fn a_damaged_community_gives_no_wrong_answer() {
    for sql in [
        "UPDATE change SET after = replace(after, '46,000', '45,999') WHERE revision = (SELECT MAX(id) FROM revision)",
        "DELETE FROM change WHERE revision = (SELECT MAX(id) FROM revision)",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.db");
        let desk = desk(folder.path());
        let (facts, base) = desk.facts_of(&community("1")).unwrap();
        let edit = edit_claim(&facts, "price-rubles", |claim| claim.statement = "It costs 46,000 rubles.".into());
        Store::open(&path).unwrap().commit(&community("1"), base, &[edit], &meta("own")).unwrap();
        drop(desk);
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch("DROP TRIGGER change_is_kept; DROP TRIGGER change_is_there;").unwrap();
        assert!(connection.execute(sql, []).unwrap() > 0);
        drop(connection);
        let desk = common::open(&path);
        let ask = |scope: Scope| desk.answer(&Utterance::new("how much is a ticket?").within(scope)).reply;
        assert!(ask(community("1")).is_trouble);
        assert!(ask(community("2")).text.contains("45,000"));
    }
}
