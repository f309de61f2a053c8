//! Provides the facts, databases and articles that several test programs share.
#![allow(dead_code)]

pub mod random;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use routedesk::desk::Desk;
use routedesk::facts::{Facts, text, verify};
use routedesk::store::{Meta, Store};

/// A desk on the shipped facts, shared by tests that don't change facts.
pub static DESK: LazyLock<Desk> = LazyLock::new(|| open(&DATABASE));

/// Path of a database with the shipped facts and a trained index. Training takes seconds, so all test programs share
/// this file until the code or the data changes. Tests that write use a copy: [`database_in`].
static DATABASE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("facts-{:016x}.db", checksum_of_sources()));
    if !path.exists() {
        for old in fs::read_dir(folder).expect("the directory is readable").flatten() {
            if old.file_name().to_string_lossy().starts_with("facts-") {
                // Another test program may have removed it first.
                let _ = fs::remove_file(old.path());
            }
        }
        let unfinished = tempfile::tempdir_in(folder).expect("the temporary directory is created");
        drop(open(&unfinished.path().join("facts.db")));
        fs::rename(unfinished.path().join("facts.db"), &path).expect("the database is closed");
    }
    path
});

/// Returns a checksum of the code and the data that a database is made from.
fn checksum_of_sources() -> u64 {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting = vec![root.join("src"), root.join("data"), root.join("Cargo.lock")];
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        match fs::read_dir(&path) {
            Ok(entries) => waiting.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) => files.push(path),
        }
    }
    files.sort();
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for file in files {
        hasher.update(&fs::read(&file).expect("the file is readable"));
    }
    hasher.digest()
}

/// Copies the database with the shipped facts into a folder and returns the copy's path.
pub fn database_in(folder: &Path) -> PathBuf {
    let path = folder.join("facts.db");
    fs::copy(&*DATABASE, &path).expect("the folder is writable");
    path
}

/// Opens a desk on a database file.
pub fn open(path: &Path) -> Desk {
    Desk::open(Store::open(path).expect("the database opens"), &meta("test")).expect("the desk opens").0
}

/// Returns the metadata of a revision with this reason.
pub fn meta(why: &str) -> Meta {
    Meta { made_at: "2026-01-01T00:00:00Z".into(), who: "test".into(), place: "test".into(), why: why.into() }
}

/// Opens a store on `facts.db` in a folder; creates the file if it is missing.
pub fn store_in(folder: &Path) -> Store {
    Store::open(&folder.join("facts.db")).expect("the database opens")
}

/// Returns the shipped facts of three subjects only, so that training is fast.
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

/// Reads the articles from the directory `ROUTEDESK_ARTICLES`, or from `../shared/articles` beside the project. Returns
/// `None` if they can't be read.
pub fn articles(facts: &Facts) -> Option<verify::Articles> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/articles");
    let dir = std::env::var_os("ROUTEDESK_ARTICLES").map_or(beside, PathBuf::from);
    let articles = verify::read_articles(facts, &dir).ok();
    if articles.is_none() {
        println!("skipped: no articles in {}; set ROUTEDESK_ARTICLES to a directory that has them", dir.display());
    }
    articles
}
