//! Runs the command line: parses arguments, opens the desk, and starts and stops the platforms.

mod facts_command;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use routedesk::answer::Outcome;
use routedesk::config::Config;
use routedesk::desk::Desk;
use routedesk::eval;
use routedesk::platform::{jsonl, terminal};
use routedesk::store::{Meta, Store};
use routedesk::utterance::Utterance;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt as _, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Answers questions about the direct Moscow–Pyongyang air route from five news articles and cites the source of every claim.
///
/// Without a command, serves the configured platforms, or starts a conversation on the terminal if none is configured.
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "The facts are in an SQLite file: ROUTEDESK_DATABASE, or routedesk/routedesk.db in your data directory."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Start a conversation on the terminal (possible while the bot is serving)
    Talk,
    /// Serve the configured platforms (Discord, Matrix)
    Serve,
    /// Answer one question, or JSON lines from standard input
    ///
    /// Exit code: 0 for an answer, 1 if the sources don't say or the question is ambiguous, 2 for an error.
    Ask(AskArgs),
    /// Measure the answers to files of test questions
    Eval(EvalArgs),
    /// Check, verify, import and export the facts
    #[command(subcommand)]
    Facts(facts_command::FactsCommand),
}

#[derive(Args)]
struct AskArgs {
    /// The question
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl")]
    question: Vec<String>,
    /// Read {"id": …, "question": "…", "context": "…"} lines from standard input and print one JSON reply for each
    #[arg(long)]
    jsonl: bool,
}

#[derive(Args)]
struct EvalArgs {
    /// JSON lines files: id, q, kind (answer, disputed, unknown, social), all, none, sources
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Leave out all silent topics, to measure how well unforeseen questions are declined
    #[arg(long)]
    without_silent: bool,
}

/// Answering allocates many small objects. With this allocator a question takes a fifth less time than with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The log levels of libraries.
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

/// Starts logging to standard error. At any level, libraries log no tokens and no text that people wrote, and a panic logs its
/// location without its message, which may contain such text.
fn keep_logs(config: &Config) {
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(layer.with_filter(config.log_filter().and(quiet()))).init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = Config::from_env()?;
    keep_logs(&config);
    match cli.command {
        None if config.discord.is_some() || config.matrix.is_some() => serve(&config),
        None => {
            eprintln!("No platform is configured, so this is a conversation on the terminal.");
            talk(&config)
        }
        Some(Command::Talk) => talk(&config),
        Some(Command::Serve) => serve(&config),
        Some(Command::Ask(ask)) => answer(&config, &ask),
        Some(Command::Eval(eval)) => evaluate(&eval),
        Some(Command::Facts(command)) => facts_command::facts(&config, command),
    }
}

/// Returns the metadata of a revision made by the program or on the command line.
fn meta(place: &str, why: &str) -> Meta {
    let made_at = jiff::Timestamp::now().to_string();
    Meta { made_at, who: "routedesk".to_owned(), place: place.to_owned(), why: why.to_owned() }
}

fn open_store(path: &Path) -> anyhow::Result<Store> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| {
            format!("can't create the directory {}; set ROUTEDESK_DATABASE to a file elsewhere", folder.display())
        })?;
    }
    Ok(Store::open(path)?)
}

fn open_desk(config: &Config) -> anyhow::Result<Desk> {
    let store = open_store(&config.database)?;
    let notice = || eprintln!("First start of this release: training on questions, about ten seconds.");
    let (desk, applied) = Desk::open_with_notice(store, &meta("start", "facts of this release"), notice)?;
    if !applied.kept.is_empty() {
        eprintln!("These facts were edited here and differ from this release. Your versions stay in use:");
        for (kind, id) in &applied.kept {
            eprintln!("  {kind} {id}");
        }
    }
    Ok(desk)
}

/// Serves the configured platforms until a signal arrives or a platform fails for good.
#[cfg(any(feature = "discord", feature = "matrix"))]
fn serve(config: &Config) -> anyhow::Result<ExitCode> {
    if config.discord.is_none() && config.matrix.is_none() {
        bail!(
            "no platform is configured. Set DISCORD_TOKEN or MATRIX_HOMESERVER in the environment or in a file `.env` in this \
             directory; see .env.example"
        );
    }
    let desk = std::sync::Arc::new(open_desk(config)?);
    let runtime = tokio::runtime::Runtime::new()?;
    let announce = |text: &str| println!("{text}");
    let outcome = runtime.block_on(routedesk::platform::serving::serve(config, &desk, announce, told_to_stop()));
    // Requests that are still running are abandoned.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome.map(|()| ExitCode::SUCCESS)
}

#[cfg(not(any(feature = "discord", feature = "matrix")))]
fn serve(_: &Config) -> anyhow::Result<ExitCode> {
    bail!("this program was built without a platform; build it with the feature `discord` or `matrix`")
}

/// Waits for Ctrl-C or, on Unix, SIGTERM.
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

fn answer(config: &Config, ask: &AskArgs) -> anyhow::Result<ExitCode> {
    let desk = open_desk(config)?;
    if ask.jsonl {
        jsonl::answer_lines(&desk, &mut io::stdin().lock(), &mut io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    let reply = desk.answer(&Utterance::new(ask.question.join(" "))).reply;
    writeln!(io::stdout(), "{}", reply.text)?;
    Ok(match reply.outcome {
        _ if reply.is_trouble => ExitCode::from(2),
        Outcome::Answered | Outcome::Disputed | Outcome::Social => ExitCode::SUCCESS,
        Outcome::Unknown | Outcome::Ambiguous => ExitCode::from(1),
    })
}

/// Evaluates in memory, so that the figures are those of the shipped facts.
fn evaluate(eval: &EvalArgs) -> anyhow::Result<ExitCode> {
    let desk = Desk::on_shipped_facts(!eval.without_silent)?;
    let mut judged = Vec::new();
    for file in &eval.files {
        let text = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
        let questions = eval::read(&text).with_context(|| format!("{}", file.display()))?;
        judged.extend(questions.iter().map(|question| eval::judge(&desk, question)));
    }
    write!(io::stdout(), "{}", eval::table(&judged))?;
    Ok(ExitCode::SUCCESS)
}
