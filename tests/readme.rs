//! Runs the commands that the README and the guides show, and checks their links, their example and the picture.
//!
//! A block marked `sh` needs no account and no network: it runs in an empty folder, with `routedesk` and `cargo` found
//! on the path. `cargo run` starts the program that the tests were built with. Blocks marked `console` or `text` only
//! show something.

#![cfg(unix)]

mod common;
#[cfg(all(feature = "discord", feature = "matrix"))]
#[path = "../examples/picture/draw.rs"]
mod draw;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use routedesk::moderation::Moderation;
use routedesk::platform::terminal::Conversation;

/// Stands in for cargo: `cargo run … -- ARGUMENTS` runs the tested program; an example must exist.
const CARGO: &str = r#"#!/bin/sh
test "$1" = run || { echo "the test only knows cargo run" >&2; exit 64; }
shift
while [ $# -gt 0 ]; do
  case "$1" in
    --release) shift ;;
    --) shift; break ;;
    *) echo "unknown option $1" >&2; exit 64 ;;
  esac
done
exec routedesk "$@"
"#;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns path and text of the README, the guides and the other documents at the root.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].iter().map(|name| root().join(name)).collect();
    paths.extend(fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let read = |path: PathBuf| (fs::read_to_string(&path).unwrap(), path);
    paths.into_iter().map(read).map(|(text, path)| (path, text)).collect()
}

/// Returns the code blocks of a language, each with the number of its first line.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<(usize, String)> {
    let fence = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if line.trim() == fence {
            let block: Vec<&'a str> =
                lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```").collect();
            blocks.push((at + 2, block.join("\n")));
        }
    }
    blocks
}

/// Runs a block in a new folder with the database of an earlier start. Returns the output as an error if it fails.
fn run(script: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let [bin, home, work] = ["bin", "home", "work"].map(|name| folder.path().join(name));
    let data = home.join(".local/share/routedesk");
    for folder in [&bin, &work, &data] {
        fs::create_dir_all(folder).unwrap();
    }
    symlink(env!("CARGO_BIN_EXE_routedesk"), bin.join("routedesk")).unwrap();
    fs::write(bin.join("cargo"), CARGO).unwrap();
    fs::set_permissions(bin.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    for (from, name) in [(common::database_in(&data), "routedesk.db"), (common::database_in(&work), "routedesk.db")] {
        fs::rename(&from, from.with_file_name(name)).unwrap();
    }
    let output = Command::new("sh")
        .args(["-e", "-c", script])
        .current_dir(&work)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("HOME", &home)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{}{}", said(&output.stdout), said(&output.stderr))),
    }
}

#[test]
fn every_command_that_needs_no_account_works() {
    let mut failures = Vec::new();
    let mut count = 0;
    for (path, text) in documents() {
        for (line, script) in blocks(&text, "sh") {
            count += 1;
            if let Err(output) = run(&script) {
                failures.push(format!("{}:{line}\n{script}\n{output}", path.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(count >= 10, "only {count} blocks found");
}

/// The targets of links to files and headings exist.
#[test]
fn links_between_documents_work() {
    let link = regex::Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let anchors = |path: &Path| -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        let headings =
            text.lines().filter_map(|line| line.strip_prefix('#')).map(|line| line.trim_start_matches('#').trim());
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
        headings
            .map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-"))
            .collect()
    };
    let mut broken = Vec::new();
    for (path, text) in documents() {
        for target in link.captures_iter(&text).map(|found| found[1].to_owned()) {
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let is_markdown = file.extension().is_some_and(|extension| extension == "md");
            if !file.exists() || (is_markdown && !heading.is_empty() && !anchors(&file).contains(&heading.to_owned())) {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The moderators' example in the README is what the terminal shows; `[…]` marks omitted text.
#[test]
fn the_moderators_example_is_real() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = common::database_in(folder.path());
    let desk = Arc::new(common::open(&path));
    let moderation = Moderation::open(Arc::clone(&desk), &path, "test").unwrap();
    let mut conversation = Conversation::of_operator(&desk, &moderation, || 1_800_000_000);
    let mut response = String::new();
    let (_, example) = blocks(&readme, "text").into_iter().next().expect("an example");
    for line in example.lines() {
        let (who, text) = line.split_once(' ').expect("a name and a text");
        let text = text.trim_start();
        if who == "routedesk" {
            for part in text.split("[…]").map(str::trim) {
                assert!(response.contains(part), "the bot doesn't reply: {part}\n{response}");
            }
        } else {
            let typed = text.strip_prefix("!ask ").map_or(text.replacen('!', "/", 1), str::to_owned);
            response = conversation.respond(&typed).expect("a response");
        }
    }
}

#[test]
fn the_readme_fits_three_screens() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.chars().count() < 7_000, "{} characters", readme.chars().count());
}

/// `cargo run --release --example picture > docs/answers.svg` updates the picture.
#[cfg(all(feature = "discord", feature = "matrix"))]
#[test]
fn the_picture_shows_what_the_desk_replies() {
    let shown = fs::read_to_string(root().join("docs/answers.svg")).unwrap();
    assert!(shown == draw::picture(&common::DESK), "docs/answers.svg is out of date");
    assert!(shown.len() < 300_000);
}
