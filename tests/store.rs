//! Tests the database: revisions, damage, two processes on one file, and the import of newer shipped facts.

mod common;

use std::fs;
use std::path::Path;

use common::{few_facts, meta, store_in};
use routedesk::desk::Desk;
use routedesk::facts::{Claim, text};
use routedesk::store::{RevisionOrigin, Scope, Store, StoreError};
use routedesk::utterance::Utterance;
use rusqlite::Connection;

/// Changes one row of the database without the store.
fn tamper(folder: &Path, sql: &str) {
    let connection = Connection::open(folder.join("facts.db")).unwrap();
    assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
}

fn ask(desk: &Desk, question: &str) -> routedesk::wording::Reply {
    desk.answer(&Utterance::new(question)).reply
}

#[test]
fn stored_facts_are_read_back_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store_in(folder.path());
    let facts = text::shipped();
    let applied = store.replace(&facts, RevisionOrigin::Import, &meta("all")).unwrap();
    assert_eq!(applied.revision, Some(1));
    assert_eq!(text::write(&store.facts().unwrap()), text::write(&facts));
    assert_eq!(store.replace(&facts, RevisionOrigin::Import, &meta("again")).unwrap().revision, None);
}

#[test]
fn the_tables_follow_from_the_revisions() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store_in(folder.path());
    let mut facts = few_facts();
    store.replace(&facts, RevisionOrigin::Import, &meta("first")).unwrap();
    facts.subjects[0].claims[0].statement = "Changed.".into();
    facts.subjects[1].topics.pop();
    store.replace(&facts, RevisionOrigin::Import, &meta("second")).unwrap();
    tamper(folder.path(), "UPDATE claim SET statement = 'Forged.' WHERE id = 'price-rubles'");
    assert!(matches!(store.facts(), Err(StoreError::Checksum { kind: "claim", .. })));
    store.rebuild().unwrap();
    assert_eq!(store.facts().unwrap(), facts);
}

/// Returns all rows of the tables from which answers are read.
fn rows(folder: &Path) -> Vec<String> {
    let connection = Connection::open(folder.join("facts.db")).unwrap();
    let mut rows = Vec::new();
    for table in ["source", "subject", "claim", "citation", "topic", "topic_claim", "example"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3")).unwrap();
        let columns = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<String> = (0..columns).map(|at| format!("{:?}", row.get_ref(at).unwrap())).collect();
            rows.push(format!("{table}: {}", values.join(" | ")));
        }
    }
    rows
}

/// A change writes only the rows that it touches. The result is the same as after a rebuild of the tables.
#[test]
fn a_change_writes_the_same_rows_as_a_rebuild() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store_in(folder.path());
    let mut facts = few_facts();
    store.replace(&facts, RevisionOrigin::Import, &meta("first")).unwrap();
    let mut random = common::random::Random(20_261_121);
    for made in 0..20 {
        let subject = random.below(facts.subjects.len());
        let whole = &mut facts.subjects[subject];
        let (topic, claims) = (random.below(whole.topics.len()), whole.claims.len());
        match random.below(7) {
            0 => whole.topics[topic].examples.push(format!("example {made}")),
            1 if claims > 0 => whole.claims[random.below(claims)].statement = format!("Statement {made}."),
            2 if claims > 0 => {
                let mut claim = whole.claims[0].clone();
                claim.id = format!("made-{made}");
                whole.topics[topic].claims.push(claim.id.clone());
                whole.claims.insert(random.below(claims), claim);
            }
            3 if whole.topics.len() > 1 => drop(whole.topics.remove(topic)),
            4 => whole.topics.rotate_left(1),
            5 => facts.sources[0].title = format!("Title {made}"),
            _ => facts.subjects.rotate_left(1),
        }
        store.replace(&facts, RevisionOrigin::Moderator, &meta("change")).unwrap();
        assert_eq!(store.facts().unwrap(), facts, "change {made}");
        let written = rows(folder.path());
        store.rebuild().unwrap();
        assert!(written == rows(folder.path()), "change {made}");
    }
}

#[test]
fn revisions_are_never_changed() {
    let folder = tempfile::tempdir().unwrap();
    store_in(folder.path()).replace(&few_facts(), RevisionOrigin::Import, &meta("first")).unwrap();
    let connection = Connection::open(folder.path().join("facts.db")).unwrap();
    for sql in
        ["UPDATE revision SET why = 'x'", "DELETE FROM revision", "UPDATE change SET after = 'x'", "DELETE FROM change"]
    {
        assert!(connection.execute(sql, []).is_err(), "{sql}");
    }
}

#[test]
fn a_damaged_row_never_gives_an_answer() {
    for sql in [
        "UPDATE claim SET statement = replace(statement, '45,000', '46,000') WHERE id = 'price-rubles'",
        "UPDATE claim SET rank = 'deprecated' WHERE id = 'price-rubles'",
        "UPDATE citation SET paragraph = 8 WHERE claim = 'price-rubles' AND position = 0",
        "DELETE FROM citation WHERE claim = 'price-rubles' AND position = 0",
        "DELETE FROM topic_claim WHERE topic = 'ticket-price' AND position = 1",
        "UPDATE source SET publisher = 'Another' WHERE id = 'moscow-times'",
        "UPDATE topic SET unsaid = 'x' WHERE id = 'ticket-price'",
        "UPDATE claim SET value = 'nonsense' WHERE id = 'price-rubles'",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store_in(folder.path());
        store.replace(&few_facts(), RevisionOrigin::Import, &meta("few")).unwrap();
        tamper(folder.path(), sql);
        assert!(matches!(store.topic("ticket-price"), Err(StoreError::Checksum { .. })), "{sql}");
    }
}

#[test]
fn a_row_damaged_under_a_running_desk_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, _) = Desk::open(store_in(folder.path()), &meta("start")).unwrap();
    assert!(ask(&desk, "how much is a ticket?").body.contains("45,000"));
    tamper(
        folder.path(),
        "UPDATE claim SET statement = replace(statement, '45,000', '46,000') WHERE id = 'price-rubles'",
    );
    let reply = ask(&desk, "how much is a ticket?");
    assert!(reply.is_trouble, "{}", reply.body);
    assert!(!reply.text.contains("46,000") && reply.claims.is_empty());
}

#[test]
fn foreign_and_newer_files_are_refused_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facts.db");
    fs::write(&path, "this is no database, whatever its name says; it is a letter to my aunt").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Damaged { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);

    fs::remove_file(&path).unwrap();
    drop(store_in(folder.path()));
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Newer { found: 99, .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn damaged_files_are_refused_or_read_correctly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facts.db");
    let mut store = store_in(folder.path());
    store.replace(&few_facts(), RevisionOrigin::Import, &meta("few")).unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();
    for at in (1..8).map(|eighth| whole.len() * eighth / 8) {
        let mut bytes = whole.clone();
        let end = bytes.len().min(at + 4096);
        bytes[at..end].fill(0xA5);
        fs::write(&path, &bytes).unwrap();
        let _ = fs::remove_file(folder.path().join("facts.db-wal"));
        let Ok(store) = Store::open(&path) else { continue };
        if let Ok(facts) = store.facts() {
            assert_eq!(facts, few_facts(), "bytes at {at}");
        }
    }
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(Store::open(&path).is_err());
}

#[test]
fn a_change_of_one_process_is_live_in_another() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, _) = Desk::open(store_in(folder.path()), &meta("start")).unwrap();
    let mut facts = text::shipped();
    let claim: &mut Claim = facts
        .subjects
        .iter_mut()
        .flat_map(|subject| &mut subject.claims)
        .find(|claim| claim.id == "price-rubles")
        .unwrap();
    claim.statement = "A ticket was priced at 45,000 rubles, said the importer.".into();
    store_in(folder.path()).replace(&facts, RevisionOrigin::Import, &meta("other process")).unwrap();
    assert!(ask(&desk, "how much is a ticket?").body.contains("said the importer"));
}

#[test]
fn newer_shipped_facts_are_merged_with_local_changes() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store_in(folder.path());
    let base = few_facts();
    store.bring_in_shipped(|| base.clone(), 1, &meta("release 1")).unwrap();
    let mut here = base.clone();
    here.subjects[0].claims[0].statement = "Changed here.".into();
    store.replace(&here, RevisionOrigin::Moderator, &meta("a moderator")).unwrap();
    let mut newer = base.clone();
    newer.subjects[0].claims[0].statement = "Changed in the release.".into();
    newer.subjects[0].claims[1].statement = "Only changed in the release.".into();
    let applied = store.bring_in_shipped(|| newer.clone(), 2, &meta("release 2")).unwrap();
    assert_eq!(applied.kept, [("claim".to_owned(), base.subjects[0].claims[0].id.clone())]);
    let facts = store.facts().unwrap();
    assert_eq!(facts.subjects[0].claims[0].statement, "Changed here.");
    assert_eq!(facts.subjects[0].claims[1].statement, "Only changed in the release.");
    // The conflict is listed for review, with the release's statement, until somebody changes the claim again.
    let outdated = store.outdated(&Scope::Shared).unwrap();
    let listed: Vec<_> = outdated.iter().map(|one| (one.id.as_str(), one.theirs.as_deref())).collect();
    assert_eq!(listed, [(base.subjects[0].claims[0].id.as_str(), Some("Changed in the release."))]);
    let mut settled = store.facts().unwrap();
    settled.subjects[0].claims[0].statement = "Settled.".into();
    store.replace(&settled, RevisionOrigin::Moderator, &meta("an operator")).unwrap();
    assert_eq!(store.outdated(&Scope::Shared).unwrap(), []);
    assert_eq!(store.bring_in_shipped(|| newer.clone(), 2, &meta("again")).unwrap().revision, None);
}

#[test]
fn a_claim_that_disagrees_makes_the_answer_disputed() {
    let folder = tempfile::tempdir().unwrap();
    let mut facts = text::shipped();
    let tickets = facts.subjects.iter_mut().find(|subject| subject.id == "tickets").unwrap();
    let mut other = tickets.claims.iter().find(|claim| claim.id == "price-rubles").unwrap().clone();
    other.id = "price-other".into();
    other.statement = "Azzet says a ticket cost 52,000 rubles.".into();
    other.value = routedesk::facts::Value::parse("money 52000 RUB").unwrap();
    tickets.claims.push(other);
    tickets.topics.iter_mut().find(|topic| topic.id == "ticket-price").unwrap().claims.push("price-other".into());
    let mut store = store_in(folder.path());
    store.replace(&facts, RevisionOrigin::Import, &meta("a claim that disagrees")).unwrap();
    let found = store.topic("ticket-price").unwrap().unwrap();
    let plan = routedesk::answer::AnswerPlan::answer(found);
    let reply = routedesk::wording::reply(&[plan], routedesk::language::Language::English);
    assert_eq!(reply.outcome, routedesk::answer::Outcome::Disputed);
    assert!(
        reply.body.contains("45,000")
            && reply.body.contains("52,000")
            && reply.body.starts_with("The sources disagree.")
    );
}
