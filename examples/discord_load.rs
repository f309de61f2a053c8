//! Measures how fast the bot answers on Discord: `cargo run --release --example discord_load`.
//!
//! The tests' stand-in for Discord runs in this process and the bot in a child process, on the loopback interface. The
//! load is 200 questions per second for ten seconds, each timed from the gateway's message to the request that answers
//! it, and then a burst of 10,000 questions.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use routedesk::config::Config;
use routedesk::desk::Desk;
use routedesk::platform::discord::serve;
use routedesk::store::records::Records;
use routedesk::store::settings::CommunitySettings;
use routedesk::store::{Meta, Store};
use serde_json::json;

#[path = "../tests/standin/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod standin;

use standin::{BOT, CHANNEL, GUILD, StandIn};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const A_SECOND: u32 = 200;
const SECONDS: u32 = 10;
const BURST: usize = 10_000;

/// The argument that makes this program the bot. The stand-in's address and the database's path follow it.
const AS_BOT: &str = "as-bot";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [as_bot, address, database] if as_bot == AS_BOT => be_the_bot(address, Path::new(database)).await,
        _ => put_under_load().await,
    }
}

async fn be_the_bot(address: &str, database: &Path) -> anyhow::Result<()> {
    let meta = Meta { made_at: String::new(), who: "load".into(), place: "load".into(), why: String::new() };
    let desk = Arc::new(Desk::open(Store::open(database)?, &meta)?.0);
    let unlimited = |settings: &mut CommunitySettings| (settings.per_person, settings.per_channel) = (0, 0);
    Records::open(database, "discord")?.set(&GUILD.to_string(), unlimited)?;
    let config = Config::read_from(&[("DISCORD_TOKEN", "a.b.c"), ("DISCORD_API_PROXY", address)])?;
    let discord = config.discord.expect("a token is set");
    serve(&discord, desk, database, |_| {}, std::future::pending()).await
}

async fn put_under_load() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (standin, mut requests) = StandIn::start().await;
    let mut bot = std::process::Command::new(std::env::current_exe()?)
        .args([AS_BOT, &format!("http://{}", standin.address)])
        .arg(folder.path().join("facts.db"))
        .spawn()?;
    standin.until_connected().await;
    let questions = routedesk::eval::read(include_str!("../tests/questions/development.jsonl"))?;
    let text = |at: usize| format!("<@{BOT}> {}", questions[at % questions.len()].q);
    // Each question comes from another person, so that none is a follow-up.
    let ask = |at: usize| {
        let message = standin.person_says(CHANNEL, 10_000 + at as u64, &text(at), json!({}));
        message["id"].as_str().unwrap_or_default().to_owned()
    };
    ask(0);
    requests.said(CHANNEL).await;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / A_SECOND);
    let mut sent: HashMap<String, Instant> = HashMap::new();
    let mut times: Vec<Duration> = Vec::new();
    let count = (A_SECOND * SECONDS) as usize;
    let mut at = 1;
    while times.len() < count {
        tokio::select! {
            biased;
            said = requests.said(CHANNEL) => {
                let id = said["message_reference"]["message_id"].as_str().unwrap_or_default();
                // An answer in several parts is timed by its first part.
                times.extend(sent.remove(id).map(|sent| sent.elapsed()));
            }
            _ = ticks.tick(), if at <= count => {
                let now = Instant::now();
                sent.insert(ask(at), now);
                at += 1;
            }
        }
    }
    times.sort_unstable();
    let quantile = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{count} questions, {A_SECOND} per second: p50 {:?}, p99 {:?}", quantile(0.5), quantile(0.99));
    let start = Instant::now();
    let asked: Vec<String> = (0..BURST).map(|number| ask(count + 1 + number)).collect();
    let mut open: std::collections::HashSet<String> = asked.into_iter().collect();
    while !open.is_empty() {
        let said = requests.said(CHANNEL).await;
        open.remove(said["message_reference"]["message_id"].as_str().unwrap_or_default());
    }
    println!("a burst of {BURST}: all answered in {:?}; the bot's peak memory {}", start.elapsed(), memory(bot.id()));
    bot.kill()?;
    bot.wait()?;
    ensure!(standin.problems().is_empty(), "{:?}", standin.problems());
    Ok(())
}

/// Returns the peak memory of a process, or `unknown` on systems without `/proc`.
fn memory(process: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "unknown".to_owned(), |peak| peak.trim().to_owned())
}
