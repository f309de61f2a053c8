//! Folders of facts on the command line: import, export, check and verify.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use routedesk::config::Config;
use routedesk::desk;
use routedesk::facts::bundle::Bundle;
use routedesk::facts::check::Problem;
use routedesk::facts::{text, verify};
use routedesk::store::{Applied, Committed, Edit, Meta, RevisionOrigin, Scope, Store};

use super::{meta, open_store};

/// Looks after the facts.
#[derive(Subcommand)]
pub enum FactsCommand {
    /// Bring files of facts in as one revision, or make the facts those inside this program
    Import {
        /// A folder as `facts export` writes it, or a file as moderators get it; without, the facts inside this program
        path: Option<PathBuf>,
        /// The community whose own facts they become: platform and id, `discord:123` or `matrix:!room:server`
        #[arg(long, value_parser = community, requires = "path")]
        community: Option<Scope>,
        /// Only show what would be changed
        #[arg(long, requires = "path")]
        look: bool,
        /// Why, for the record
        #[arg(long, default_value = "imported from the command line")]
        why: String,
    },
    /// Write the facts in the database as files
    Export {
        /// Where to; made if it isn't there
        dir: PathBuf,
        /// The community whose facts are written, with what all share: `discord:123` or `matrix:!room:server`
        #[arg(long, value_parser = community)]
        community: Option<Scope>,
    },
    /// Report every problem of files of facts, or of the shipped ones
    Check {
        /// A folder as `facts export` writes it, or a file as moderators get it; without, the facts inside this program
        path: Option<PathBuf>,
    },
    /// Check each claim of the shipped facts against local copies of the articles
    Verify {
        /// The folder with <source>.txt files
        #[arg(long)]
        articles: PathBuf,
    },
    /// Write the tables of the database anew from its revisions, after damage
    Rebuild,
}

/// Does it.
///
/// # Errors
/// What went wrong, with the remedy.
pub fn facts(config: &Config, command: FactsCommand) -> anyhow::Result<ExitCode> {
    match command {
        FactsCommand::Import { path: None, why, .. } => {
            let mut store = open_store(&config.database)?;
            bring_in(&mut store)?;
            let applied = store.replace(&text::shipped(), RevisionOrigin::Import, &meta("command line", &why))?;
            report(&applied);
        }
        FactsCommand::Import { path: Some(path), community, look, why } => {
            import(config, &path, (&community.unwrap_or_default(), look), &why)?;
        }
        FactsCommand::Export { dir, community } => export(config, &dir, &community.unwrap_or_default())?,
        FactsCommand::Check { path } => return check_facts(path.as_deref()),
        FactsCommand::Verify { articles } => return verify_facts(&articles),
        FactsCommand::Rebuild => {
            open_store(&config.database)?.rebuild()?;
            println!("The tables were written anew from the revisions.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The facts of a folder, or of one file as moderators get it from chat. Of a folder `order.txt` tells the revision that
/// it was exported from and the order of its files; without it every `.toml` file counts, by name.
fn read_bundle(path: &Path) -> anyhow::Result<Bundle> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()));
    if path.is_file() {
        return Bundle::from_text(&read(path)?).or_else(|problems| bail!("nothing was read:\n{}", in_lines(&problems)));
    }
    let order = fs::read_to_string(path.join(ORDER_FILE)).unwrap_or_default();
    let revision = order.lines().find_map(|line| line.strip_prefix("revision ")?.parse().ok());
    let mut names: Vec<String> = order.lines().filter(|line| line.ends_with(".toml")).map(str::to_owned).collect();
    if names.is_empty() {
        names = fs::read_dir(path)
            .with_context(|| format!("{} can't be read", path.display()))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".toml"))
            .collect();
        names.sort_by_key(|name| (name != text::SOURCES_FILE, name.clone()));
    }
    if !names.iter().any(|name| name == text::SOURCES_FILE) {
        bail!("{} has no {}; it is no folder of facts", path.display(), text::SOURCES_FILE);
    }
    let files = names.into_iter().map(|name| Ok((name.clone(), read(&path.join(&name))?)));
    Ok(Bundle::of_files(files.collect::<anyhow::Result<_>>()?, revision))
}

/// The revision that the files were exported from, then their names in order, a line each.
const ORDER_FILE: &str = "order.txt";

fn in_lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn bring_in(store: &mut Store) -> anyhow::Result<()> {
    store.bring_in_shipped(text::shipped, desk::shipped_checksum(), &meta("start", "facts of this release"))?;
    Ok(())
}

fn report(applied: &Applied) {
    match applied.revision {
        Some(revision) => println!("Revision {revision}: {} changes.", applied.changes),
        None => println!("Nothing is different; nothing was changed."),
    }
}

/// The scope of a community as it is named on the command line.
fn community(text: &str) -> Result<Scope, String> {
    match text.split_once(':') {
        Some((platform @ ("discord" | "matrix"), id)) if !id.is_empty() => Ok(Scope::community(platform, id)),
        _ => Err("expected discord:ID or matrix:!ROOM:SERVER".to_owned()),
    }
}

/// Shows what would become of things.
fn show(edits: &[Edit]) {
    for edit in edits {
        let (name, is_gone) = edit.named();
        println!("{} {name}", if is_gone { "-" } else { "~" });
    }
}

fn import(config: &Config, path: &Path, (scope, look): (&Scope, bool), why: &str) -> anyhow::Result<()> {
    let bundle = read_bundle(path)?;
    let base = bundle.revision;
    let facts = match bundle.facts() {
        Ok(facts) => facts,
        Err(problems) => bail!("nothing was imported:\n{}", in_lines(&problems)),
    };
    let mut store = open_store(&config.database)?;
    bring_in(&mut store)?;
    let seen = base.map_or_else(|| store.revision(), Ok)?;
    let edits = store.difference(scope, seen, &facts)?;
    show(&edits);
    if look {
        println!("{} differences; nothing was changed.", edits.len());
        return Ok(());
    }
    let meta = meta("command line", why);
    if *scope != Scope::Shared {
        return import_own(&mut store, scope, (seen, &edits), &meta);
    }
    desk::prepare_index(&store, &facts)?;
    let applied = match base {
        Some(base) => store.merge_in(&facts, base, &meta)?,
        None => store.replace(&facts, RevisionOrigin::Import, &meta)?,
    };
    if !applied.kept.is_empty() {
        let things: Vec<String> = applied.kept.iter().map(|(kind, id)| format!("  {kind} {id}")).collect();
        bail!(
            "nothing was imported. These were changed here since the export; export again and repeat your changes:\n{}",
            things.join("\n")
        );
    }
    report(&applied);
    Ok(())
}

/// Makes what a community sees what was imported, as one revision of its own.
fn import_own(store: &mut Store, scope: &Scope, (base, edits): (i64, &[Edit]), meta: &Meta) -> anyhow::Result<()> {
    match store.commit(scope, base, edits, meta)? {
        Committed::Made(applied) => report(&applied),
        Committed::Overtaken(by) => {
            let by: Vec<String> = by.iter().map(|revision| format!("  revision {}", revision.id)).collect();
            bail!(
                "nothing was imported. The same was changed since the export; export again and repeat your changes:\n{}",
                by.join("\n")
            );
        }
    }
    Ok(())
}

fn export(config: &Config, dir: &Path, scope: &Scope) -> anyhow::Result<()> {
    let mut store = open_store(&config.database)?;
    bring_in(&mut store)?;
    let (facts, revision) = {
        let _read = store.begin_read()?;
        (store.facts_of(scope)?, store.revision()?)
    };
    let files = text::write(&facts);
    fs::create_dir_all(dir)?;
    let names: String = files.iter().map(|(name, _)| format!("{name}\n")).collect();
    for (name, text) in files.iter().chain([&(ORDER_FILE.to_owned(), format!("revision {revision}\n{names}"))]) {
        fs::write(dir.join(name), text)?;
    }
    println!("{} files in {}.", files.len(), dir.display());
    Ok(())
}

fn check_facts(path: Option<&Path>) -> anyhow::Result<ExitCode> {
    let bundle = match path {
        Some(path) => read_bundle(path)?,
        None => Bundle::of_files(text::SHIPPED.map(|(name, text)| (name.to_owned(), text.to_owned())).into(), None),
    };
    match bundle.facts() {
        Ok(facts) => {
            println!("{} claims and {} topics: no problem.", facts.claims().count(), facts.topics().count());
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            println!("{}", in_lines(&problems));
            Ok(ExitCode::from(1))
        }
    }
}

fn verify_facts(articles: &Path) -> anyhow::Result<ExitCode> {
    let facts = text::shipped();
    let articles =
        verify::read_articles(&facts, articles).with_context(|| format!("{} can't be read", articles.display()))?;
    let (mut verified, mut total) = (0, 0);
    for claim in facts.claims() {
        total += 1;
        match verify::verify(claim, &facts, &articles) {
            verify::Verification::Verified => {
                verified += 1;
                println!("verified         {}", claim.id);
            }
            verify::Verification::NotFound(missing) => {
                println!("not found        {}: {}", claim.id, missing.join(", "))
            }
            verify::Verification::ArticleMissing(source) => println!("article missing  {}: {source}", claim.id),
        }
    }
    println!("{verified} of {total} claims verified.");
    Ok(if verified == total { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
