//! Folders of facts on the command line: import, export, check and verify.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use routedesk::config::Config;
use routedesk::desk;
use routedesk::facts::{Facts, check, text, verify};
use routedesk::store::{Applied, Committed, Edit, Meta, Origin, Scope, Store};

use super::{meta, open_store};

/// Looks after the facts.
#[derive(Subcommand)]
pub enum Command {
    /// Bring a folder of files in as one revision, or make the facts those inside this program
    Import {
        /// A folder as `facts export` writes it; without one, the facts inside this program
        dir: Option<PathBuf>,
        /// The community whose own facts they become: platform and id, `discord:123` or `matrix:!room:server`
        #[arg(long, value_parser = community, requires = "dir")]
        community: Option<Scope>,
        /// Only show what would be changed
        #[arg(long, requires = "dir")]
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
    /// Report every problem of a folder of files, or of the shipped facts
    Check {
        /// A folder as `facts export` writes it; without one, the facts inside this program
        dir: Option<PathBuf>,
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
pub fn facts(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Import { dir: None, why, .. } => {
            let mut store = open_store(&config.database)?;
            bring_in(&mut store)?;
            let applied = store.replace(&text::shipped(), Origin::Import, &meta("command line", &why))?;
            report(&applied);
        }
        Command::Import { dir: Some(dir), community, look, why } => {
            import(config, &dir, (&community.unwrap_or_default(), look), &why)?;
        }
        Command::Export { dir, community } => export(config, &dir, &community.unwrap_or_default())?,
        Command::Check { dir } => return check_facts(dir.as_deref()),
        Command::Verify { articles } => return verify_facts(&articles),
        Command::Rebuild => {
            open_store(&config.database)?.rebuild()?;
            println!("The tables were written anew from the revisions.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Files of facts, as name and text.
type Files = Vec<(String, String)>;

/// The files of a folder, and the revision they were exported from if `order.txt` tells: the sources first, then the
/// subjects in its order. Without it, every `.toml` file by name.
fn read_files(dir: &Path) -> anyhow::Result<(Files, Option<i64>)> {
    let order = fs::read_to_string(dir.join(ORDER_FILE)).unwrap_or_default();
    let revision = order.lines().find_map(|line| line.strip_prefix("revision ")?.parse().ok());
    let mut names: Vec<String> = order.lines().filter(|line| line.ends_with(".toml")).map(str::to_owned).collect();
    if names.is_empty() {
        names = fs::read_dir(dir)
            .with_context(|| format!("{} can't be read", dir.display()))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".toml"))
            .collect();
        names.sort_by_key(|name| (name != text::SOURCES_FILE, name.clone()));
    }
    if !names.iter().any(|name| name == text::SOURCES_FILE) {
        bail!("{} has no {}; it is no folder of facts", dir.display(), text::SOURCES_FILE);
    }
    let read = |name: String| {
        let path = dir.join(&name);
        let text = fs::read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))?;
        Ok((name, text))
    };
    Ok((names.into_iter().map(read).collect::<anyhow::Result<_>>()?, revision))
}

/// The revision that the files were exported from, then their names in order, a line each.
const ORDER_FILE: &str = "order.txt";

/// The problems of files, as lines; none if they are in order.
fn problems(files: &[(String, String)]) -> Result<Facts, Vec<String>> {
    let facts = text::parse(files).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let problems: Vec<String> = check::check(&facts, files).iter().map(ToString::to_string).collect();
    if problems.is_empty() { Ok(facts) } else { Err(problems) }
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

fn import(config: &Config, dir: &Path, (scope, look): (&Scope, bool), why: &str) -> anyhow::Result<()> {
    let (files, base) = read_files(dir)?;
    let facts = match problems(&files) {
        Ok(facts) => facts,
        Err(problems) => bail!("nothing was imported:\n{}", problems.join("\n")),
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
        None => store.replace(&facts, Origin::Import, &meta)?,
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
        let _held = store.hold()?;
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

fn check_facts(dir: Option<&Path>) -> anyhow::Result<ExitCode> {
    let files = match dir {
        Some(dir) => read_files(dir)?.0,
        None => text::SHIPPED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
    };
    match problems(&files) {
        Ok(facts) => {
            println!("{} claims and {} topics: no problem.", facts.claims().count(), facts.topics().count());
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            println!("{}", problems.join("\n"));
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
            verify::Verdict::Verified => {
                verified += 1;
                println!("verified         {}", claim.id);
            }
            verify::Verdict::NotFound(missing) => println!("not found        {}: {}", claim.id, missing.join(", ")),
            verify::Verdict::ArticleMissing(source) => println!("article missing  {}: {source}", claim.id),
        }
    }
    println!("{verified} of {total} claims verified.");
    Ok(if verified == total { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
