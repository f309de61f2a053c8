//! Tests the command line as people and scripts use it.

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use routedesk::store::Scope;
use serde_json::Value;

/// Runs the program with the database in this folder.
fn run(folder: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_routedesk"))
        .args(args)
        .env("ROUTEDESK_DATABASE", folder.join("facts.db"))
        .env_remove("ROUTEDESK_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that doesn't read its input may have exited already.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Returns a folder with the database of an earlier start.
fn started_before() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    common::database_in(folder.path());
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn ask_answers_with_an_exit_code() {
    let folder = started_before();
    for (question, code, part) in [
        ("how much is a ticket?", 0, "45,000 rubles"),
        ("was the first flight sold out?", 0, "The sources disagree."),
        ("hello", 0, "Hello!"),
        ("can I take my dog?", 1, "The sources don't say"),
    ] {
        let output = run(folder.path(), &["ask", question], b"");
        assert_eq!(output.status.code(), Some(code), "{question}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains(part), "{question}: {}", text(&output.stdout));
    }
    fs::write(folder.path().join("facts.db"), "no database at all, but long enough to be looked at as one").unwrap();
    let output = run(folder.path(), &["ask", "how much is a ticket?"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is damaged") && output.stdout.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn only_the_first_start_announces_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let ask = || run(folder.path(), &["ask", "how much is a ticket?"], b"");
    let (first, second) = (ask(), ask());
    assert!(text(&first.stderr).contains("ten seconds"), "{}", text(&first.stderr));
    assert_eq!(text(&second.stderr), "");
    assert!(text(&first.stdout).contains("45,000 rubles"));
    assert_eq!(first.stdout, second.stdout);
}

#[test]
fn jsonl_answers_each_line_and_reports_invalid_ones() {
    let folder = started_before();
    let input = concat!(
        "{\"id\":\"a\",\"question\":\"how much is a ticket?\"}\n",
        "no json\n",
        "\n",
        "{\"id\":7,\"question\":\"and how long is it?\",\"context\":\"how much is a ticket?\"}\n",
        "{\"id\":\"c\"}\n",
        "{\"id\":\"d\",\"question\":\"was the first flight sold out?\"}\n",
    );
    let output = run(folder.path(), &["ask", "--jsonl"], input.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0]["id"], "a");
    assert_eq!(lines[0]["question"], "how much is a ticket?");
    assert_eq!(lines[0]["outcome"], "answered");
    assert_eq!(lines[0]["topics"][0], "ticket-price");
    assert_eq!(lines[0]["claims"][0]["id"], "price-rubles");
    assert_eq!(lines[0]["claims"][0]["citations"], serde_json::json!([1, 2, 3]));
    assert_eq!(lines[0]["citations"][0]["source"], "moscow-times");
    assert_eq!(lines[0]["citations"][0]["paragraph"], 7);
    for field in ["body", "text", "choices", "score", "elapsed_us"] {
        assert!(!lines[0][field].is_null(), "{field}");
    }
    assert_eq!(lines[1]["line"], 2);
    assert!(lines[1]["error"].is_string());
    assert_eq!(lines[2]["id"], 7);
    assert_eq!(lines[3]["line"], 5);
    assert_eq!(lines[4]["outcome"], "disputed");
}

#[test]
fn facts_are_exported_imported_and_checked() {
    let folder = started_before();
    let (first, second) = (folder.path().join("one"), folder.path().join("two"));
    let run = |args: &[&str]| run(folder.path(), args, b"");
    assert!(run(&["facts", "export", first.to_str().unwrap()]).status.success());
    for entry in fs::read_dir(&first).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let shipped = routedesk::facts::text::SHIPPED.iter().find(|(shipped, _)| *shipped == name);
        if let Some((_, shipped)) = shipped {
            assert_eq!(fs::read_to_string(&path).unwrap(), **shipped, "{name}");
        }
    }
    let tickets = first.join("tickets.toml");
    let changed =
        fs::read_to_string(&tickets).unwrap().replace("a ticket cost about US$570.", "a ticket cost some US$570.");
    fs::write(&tickets, changed).unwrap();
    let output = run(&["facts", "import", first.to_str().unwrap()]);
    assert_eq!(text(&output.stdout), "~ claim price-dollars\nRevision 2, changes: 1.\n", "{}", text(&output.stderr));
    assert!(run(&["facts", "export", second.to_str().unwrap()]).status.success());
    for entry in fs::read_dir(&first).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let again = second.join(path.file_name().unwrap());
            assert_eq!(fs::read_to_string(&path).unwrap(), fs::read_to_string(again).unwrap());
        }
    }
    assert!(text(&run(&["ask", "how much is a ticket?"]).stdout).contains("some US$570"));

    fs::write(&tickets, fs::read_to_string(&tickets).unwrap().replace("\"money 45000 RUB\"", "\"money lots\""))
        .unwrap();
    let output = run(&["facts", "check", first.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).starts_with("tickets.toml:"), "{}", text(&output.stdout));
    let output = run(&["facts", "import", first.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("nothing was imported"));
}

/// A community's facts are exported, previewed with `--look`, and imported as one revision that only the community
/// sees.
#[test]
fn a_communitys_facts_are_exported_and_imported() {
    let folder = started_before();
    let dir = folder.path().join("own");
    let run = |args: &[&str]| run(folder.path(), args, b"");
    let path = dir.to_str().unwrap();
    assert!(run(&["facts", "export", path, "--community", "discord:7"]).status.success());
    let tickets = dir.join("tickets.toml");
    let old = fs::read_to_string(&tickets).unwrap();
    fs::write(&tickets, old.replace("a ticket cost about US$570.", "a ticket cost some US$570.")).unwrap();
    let import = |more: &[&str]| {
        let output = run(&[&["facts", "import", path, "--community", "discord:7"], more].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).to_owned()
    };
    assert_eq!(import(&["--look"]), "~ claim price-dollars\nDifferences: 1; nothing was changed.\n");
    assert_eq!(import(&[]), "~ claim price-dollars\nRevision 2, changes: 1.\n");
    assert!(!text(&run(&["ask", "how much is a ticket?"]).stdout).contains("some US$570"));
    let store = routedesk::store::Store::open(&folder.path().join("facts.db")).unwrap();
    let says = |scope: &Scope| {
        let facts = store.facts_of(scope).unwrap();
        facts.claims().any(|claim| claim.statement.contains("some US$570"))
    };
    let scopes = [Scope::community("discord", "7"), Scope::community("discord", "8"), Scope::Shared];
    assert_eq!(scopes.each_ref().map(says), [true, false, false]);
    // An import doesn't overwrite a claim that was changed since the export.
    fs::write(&tickets, old.replace("a ticket cost about US$570.", "a ticket cost 570 dollars.")).unwrap();
    let output = run(&["facts", "import", path, "--community", "discord:7"]);
    assert!(text(&output.stderr).contains("revision 2"), "{}", text(&output.stderr));
    assert_eq!(run(&["facts", "export", path, "--community", "7"]).status.code(), Some(2));
}

#[test]
fn configuration_errors_are_reported_together() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_routedesk"))
        .args(["ask", "x"])
        .env("ROUTEDESK_DATABASE", folder.path())
        .env("ROUTEDESK_LOG", "loud=very=loud")
        .output()
        .unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("ROUTEDESK_DATABASE") && error.contains("ROUTEDESK_LOG"), "{error}");
}

#[test]
fn help_is_written_for_a_person() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["--help"][..], &["ask", "--help"], &["talk", "--help"], &["eval", "--help"], &["facts", "--help"]] {
        let output = run(folder.path(), args, b"");
        assert!(output.status.success() && output.stdout.len() > 100, "{args:?}");
    }
    assert!(!folder.path().join("facts.db").exists());
}
