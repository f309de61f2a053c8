//! Implements the `facts` subcommands: import, export, check, verify and rebuild.

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

/// Checks, verifies, imports and exports the facts.
#[derive(Subcommand)]
pub enum FactsCommand {
    /// Import facts as one revision; without a path, restore the built-in facts
    Import {
        /// Directory written by `facts export`, or a file that a moderator exported [default: the built-in facts]
        path: Option<PathBuf>,
        /// Import for one community only: `discord:123` or `matrix:!room:server`
        #[arg(long, value_parser = community, requires = "path")]
        community: Option<Scope>,
        /// Only print the differences; change nothing
        #[arg(long, requires = "path")]
        look: bool,
        /// Reason, recorded with the revision
        #[arg(long, default_value = "imported from the command line")]
        why: String,
    },
    /// Export the facts in the database as files
    Export {
        /// Output directory (created if missing)
        dir: PathBuf,
        /// Export the facts that one community sees: `discord:123` or `matrix:!room:server` [default: the shared facts]
        #[arg(long, value_parser = community)]
        community: Option<Scope>,
    },
    /// Check facts for consistency and report every problem
    Check {
        /// Directory written by `facts export`, or a file that a moderator exported [default: the built-in facts]
        path: Option<PathBuf>,
    },
    /// Verify each built-in claim against local copies of the articles
    Verify {
        /// Directory with one file per article, named <source>.txt
        #[arg(long)]
        articles: PathBuf,
    },
    /// Rebuild the tables of a damaged database from its revisions
    Rebuild,
}

/// Runs a subcommand. Returns exit code 1 if `check` or `verify` finds a problem.
///
/// # Errors
/// Returns an error with the remedy if files or database can't be read or written, or an import is refused.
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
            println!("Rebuilt the tables from the revisions.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the facts of a directory, or of one file that a moderator exported in chat. In a directory, [`ORDER_FILE`]
/// names the files in order. Without it, every `.toml` file is read: the sources first, the others by name.
fn read_bundle(path: &Path) -> anyhow::Result<Bundle> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()));
    if path.is_file() {
        return Bundle::from_text(&read(path)?)
            .or_else(|problems| bail!("the file has problems:\n{}", in_lines(&problems)));
    }
    let order = fs::read_to_string(path.join(ORDER_FILE)).unwrap_or_default();
    let revision = order.lines().find_map(|line| line.strip_prefix("revision ")?.parse().ok());
    let mut names: Vec<String> = order.lines().filter(|line| line.ends_with(".toml")).map(str::to_owned).collect();
    if names.is_empty() {
        names = fs::read_dir(path)
            .with_context(|| format!("can't read {}", path.display()))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".toml"))
            .collect();
        names.sort_by_key(|name| (name != text::SOURCES_FILE, name.clone()));
    }
    if !names.iter().any(|name| name == text::SOURCES_FILE) {
        bail!("{} isn't a directory of facts: it has no {}", path.display(), text::SOURCES_FILE);
    }
    let files = names.into_iter().map(|name| Ok((name.clone(), read(&path.join(&name))?)));
    Ok(Bundle::of_files(files.collect::<anyhow::Result<_>>()?, revision))
}

/// The file with the revision of an export, then the names of its files in order, one per line.
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
        Some(revision) => println!("Revision {revision}, changes: {}.", applied.changes),
        None => println!("No differences; nothing was changed."),
    }
}

/// Parses the argument of `--community`.
fn community(text: &str) -> Result<Scope, String> {
    match text.split_once(':') {
        Some((platform @ ("discord" | "matrix"), id)) if !id.is_empty() => Ok(Scope::community(platform, id)),
        _ => Err("expected discord:ID or matrix:!ROOM:SERVER".to_owned()),
    }
}

/// Prints one line per edit: `-` for a removed entity, `~` for a new or changed one.
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
        println!("Differences: {}; nothing was changed.", edits.len());
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
            "nothing was imported. Export again and repeat your changes. Changed here since the export:\n{}",
            things.join("\n")
        );
    }
    report(&applied);
    Ok(())
}

/// Commits the edits to a community's scope as one revision.
fn import_own(store: &mut Store, scope: &Scope, (base, edits): (i64, &[Edit]), meta: &Meta) -> anyhow::Result<()> {
    match store.commit(scope, base, edits, meta)? {
        Committed::Made(applied) => report(&applied),
        Committed::Overtaken(by) => {
            let by: Vec<String> = by.iter().map(|revision| format!("  revision {}", revision.id)).collect();
            bail!(
                "nothing was imported. Export again and repeat your changes. The same facts were changed here \
                 since the export:\n{}",
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
    println!("Wrote {} files to {}.", files.len(), dir.display());
    Ok(())
}

fn check_facts(path: Option<&Path>) -> anyhow::Result<ExitCode> {
    let bundle = match path {
        Some(path) => read_bundle(path)?,
        None => Bundle::of_files(text::SHIPPED.map(|(name, text)| (name.to_owned(), text.to_owned())).into(), None),
    };
    match bundle.facts() {
        Ok(facts) => {
            println!("{} claims and {} topics: no problems.", facts.claims().count(), facts.topics().count());
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
        verify::read_articles(&facts, articles).with_context(|| format!("can't read {}", articles.display()))?;
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
