//! What several tests need.
#![allow(dead_code)]

pub mod random;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use routedesk::desk::Desk;
use routedesk::facts::{Facts, text, verify};
use routedesk::store::{Meta, Store};

/// One desk on the shipped facts for all tests of a program: training takes seconds.
pub static DESK: LazyLock<Desk> = LazyLock::new(|| Desk::on_shipped_facts(true).expect("a database in memory"));

/// A database that is made once; each bot gets a copy.
pub static DATABASE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(&folder.path().join("facts.db")));
    folder
});

/// A desk on a database in a file.
pub fn open(path: &Path) -> Desk {
    Desk::open(Store::open(path).expect("a database"), &meta("test")).expect("a desk").0
}

/// A revision's who, when and why.
pub fn meta(why: &str) -> Meta {
    Meta { made_at: "2026-01-01T00:00:00Z".into(), who: "test".into(), place: "test".into(), why: why.into() }
}

/// A store on a new file in a folder.
pub fn store_in(folder: &Path) -> Store {
    Store::open(&folder.join("facts.db")).expect("a new database")
}

/// Few facts of three subjects, so that training takes no time.
pub fn few_facts() -> Facts {
    let mut facts = text::shipped();
    facts.subjects.retain(|subject| matches!(subject.id.as_str(), "route" | "tickets" | "silent-fares"));
    let ids: Vec<String> = facts.claims().map(|claim| claim.id.clone()).collect();
    for topic in facts.subjects.iter_mut().flat_map(|subject| &mut subject.topics) {
        topic.claims.retain(|claim| ids.contains(claim));
        if topic.claims.is_empty() {
            topic.claims.push(ids[0].clone());
        }
    }
    facts
}

/// The articles, if a copy is there: `ROUTEDESK_ARTICLES`, or `../shared/articles` beside the project.
pub fn articles(facts: &Facts) -> Option<verify::Articles> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/articles");
    let dir = std::env::var_os("ROUTEDESK_ARTICLES").map_or(beside, PathBuf::from);
    let articles = verify::read_articles(facts, &dir).ok();
    if articles.is_none() {
        println!("left out: no articles in {}; set ROUTEDESK_ARTICLES to a folder that has them", dir.display());
    }
    articles
}
