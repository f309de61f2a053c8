//! The command line: starts and stops things.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use routedesk::answer::Outcome;
use routedesk::config::Config;
use routedesk::desk::{self, Desk};
use routedesk::eval;
use routedesk::facts::{check, text, verify};
use routedesk::platform::{jsonl, terminal};
use routedesk::store::{Applied, Committed, Edit, Meta, Origin, Scope, Store};
use routedesk::utterance::Utterance;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt as _, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Answers questions about the direct Moscow–Pyongyang air route from five news articles, with the source behind every
/// claim. Without a command it talks on the terminal.
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "The facts live in an SQLite file: ROUTEDESK_DATABASE, or routedesk/routedesk.db in your data folder."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Talk on the terminal, also beside a serving bot
    Talk,
    /// Serve on the platforms that are set up
    Serve,
    /// Answer one question, or a line of JSON for each line of JSON
    ///
    /// Exits with 0 for an answer, 1 if the sources don't say or more than one thing may be meant, 2 for trouble.
    Ask(Ask),
    /// Run files of questions whose right answers are known, and count
    Eval(Eval),
    /// Look after the facts
    #[command(subcommand)]
    Facts(FactsCommand),
}

#[derive(Args)]
struct Ask {
    /// The question
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl")]
    question: Vec<String>,
    /// Read {"id": …, "question": "…", "context": "…"} lines from standard input and write one reply a line
    #[arg(long)]
    jsonl: bool,
}

#[derive(Args)]
struct Eval {
    /// Files of JSON lines: id, q, kind (answer, disputed, unknown, social), all, none, sources
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Leave out the topics about which the sources are silent: the desk must decline what nobody foresaw
    #[arg(long)]
    without_silent: bool,
}

#[derive(Subcommand)]
enum FactsCommand {
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

/// Answering allocates many small things; this allocator is a fifth faster than the system's over a whole question.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What libraries may log.
fn quiet() -> Targets {
    let targets = Targets::new().with_default(LevelFilter::TRACE);
    #[cfg(feature = "discord")]
    let targets = targets.with_targets(routedesk::platform::discord::QUIET);
    #[cfg(feature = "matrix")]
    let targets = targets.with_targets(routedesk::platform::matrix::QUIET);
    targets
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("routedesk: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Logs to standard error what is wished for. However much that is, libraries don't print tokens and people's words, and a
/// panic tells its place and not its message, which may have somebody's words in it.
fn keep_logs(config: &Config) {
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(layer.with_filter(config.log_filter().and(quiet()))).init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a panic");
    }));
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = Config::from_env()?;
    keep_logs(&config);
    match cli.command {
        None if config.discord.is_some() || config.matrix.is_some() => serve(&config),
        None => {
            eprintln!(
                "No platform is set up (neither DISCORD_TOKEN nor MATRIX_HOMESERVER is set), so this is a conversation on \
                 the terminal."
            );
            talk(&config)
        }
        Some(Command::Talk) => talk(&config),
        Some(Command::Serve) => serve(&config),
        Some(Command::Ask(ask)) => answer(&config, &ask),
        Some(Command::Eval(eval)) => evaluate(&eval),
        Some(Command::Facts(command)) => facts(&config, command),
    }
}

/// Who and when for revisions that the program makes itself or on the command line.
fn meta(place: &str, why: &str) -> Meta {
    let made_at = jiff::Timestamp::now().to_string();
    Meta { made_at, who: "routedesk".to_owned(), place: place.to_owned(), why: why.to_owned() }
}

fn open_store(path: &Path) -> anyhow::Result<Store> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| {
            format!("the folder {} can't be made; set ROUTEDESK_DATABASE to another place", folder.display())
        })?;
    }
    Ok(Store::open(path)?)
}

fn open_desk(config: &Config) -> anyhow::Result<Desk> {
    let store = open_store(&config.database)?;
    let (desk, applied) = Desk::open(store, &meta("start", "facts of this release"))?;
    if !applied.kept.is_empty() {
        eprintln!("These facts were changed here and differ from this release; yours were kept:");
        for (kind, id) in &applied.kept {
            eprintln!("  {kind} {id}");
        }
    }
    Ok(desk)
}

/// Serves on what is set up until it is told to stop, or one platform can't go on.
#[cfg(any(feature = "discord", feature = "matrix"))]
fn serve(config: &Config) -> anyhow::Result<ExitCode> {
    if config.discord.is_none() && config.matrix.is_none() {
        bail!(
            "no platform is set up. Set DISCORD_TOKEN or MATRIX_HOMESERVER, in the environment or in a file `.env` here; \
             see .env.example"
        );
    }
    let desk = std::sync::Arc::new(open_desk(config)?);
    let runtime = tokio::runtime::Runtime::new()?;
    let announce = |text: &str| println!("{text}");
    let outcome = runtime.block_on(routedesk::platform::serving::serve(config, &desk, announce, told_to_stop()));
    // What hangs in a request when the bot has stopped is left.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome.map(|()| ExitCode::SUCCESS)
}

#[cfg(not(any(feature = "discord", feature = "matrix")))]
fn serve(_: &Config) -> anyhow::Result<ExitCode> {
    bail!("this program was built without any platform; build it with the feature `discord` or `matrix`")
}

/// Waits for Ctrl-C or, where there is such a thing, SIGTERM.
#[cfg(any(feature = "discord", feature = "matrix"))]
async fn told_to_stop() {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .expect("a handler for SIGTERM can be set");
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}

fn talk(config: &Config) -> anyhow::Result<ExitCode> {
    let desk = std::sync::Arc::new(open_desk(config)?);
    let history = config.database.with_file_name("history.txt");
    terminal::talk(&desk, &config.database, Some(&history))?;
    Ok(ExitCode::SUCCESS)
}

fn answer(config: &Config, ask: &Ask) -> anyhow::Result<ExitCode> {
    let desk = open_desk(config)?;
    if ask.jsonl {
        jsonl::answer_lines(&desk, &mut io::stdin().lock(), &mut io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    let reply = desk.hear(&Utterance::new(ask.question.join(" "))).reply;
    writeln!(io::stdout(), "{}", reply.text)?;
    Ok(match reply.outcome {
        _ if reply.is_trouble => ExitCode::from(2),
        Outcome::Answered | Outcome::Disputed | Outcome::Social => ExitCode::SUCCESS,
        Outcome::Unknown | Outcome::Ambiguous => ExitCode::from(1),
    })
}

/// Runs on a database of its own in memory, so that the figures are those of the shipped facts.
fn evaluate(eval: &Eval) -> anyhow::Result<ExitCode> {
    let desk = Desk::on_shipped_facts(!eval.without_silent)?;
    let mut judged = Vec::new();
    for file in &eval.files {
        let text = fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
        let questions = eval::read(&text).with_context(|| format!("{}", file.display()))?;
        judged.extend(questions.iter().map(|question| eval::judge(&desk, question)));
    }
    write!(io::stdout(), "{}", eval::table(&judged))?;
    Ok(ExitCode::SUCCESS)
}

fn facts(config: &Config, command: FactsCommand) -> anyhow::Result<ExitCode> {
    match command {
        FactsCommand::Import { dir: None, why, .. } => {
            let mut store = open_store(&config.database)?;
            bring_in(&mut store)?;
            let applied = store.replace(&text::shipped(), Origin::Import, &meta("command line", &why))?;
            report(&applied);
        }
        FactsCommand::Import { dir: Some(dir), community, look, why } => {
            import(config, &dir, (&community.unwrap_or_default(), look), &why)?;
        }
        FactsCommand::Export { dir, community } => export(config, &dir, &community.unwrap_or_default())?,
        FactsCommand::Check { dir } => return check_facts(dir.as_deref()),
        FactsCommand::Verify { articles } => return verify_facts(&articles),
        FactsCommand::Rebuild => {
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
fn problems(files: &[(String, String)]) -> Result<routedesk::facts::Facts, Vec<String>> {
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
