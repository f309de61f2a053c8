//! Reads and checks the scenarios of `tests/scenarios/*.txt`: dialogues between moderators and the bot that every
//! platform must pass.

use std::path::Path;

/// Returns name and text of each scenario, sorted by name.
pub fn all() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    found.sort();
    found
}

/// Returns the steps of a scenario: the person, their message, and the lines that the reply must satisfy. A line `=
/// text` requires the text in the reply; `! text` forbids it.
pub fn steps(text: &str) -> Vec<(&str, &str, Vec<&str>)> {
    let mut steps: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for line in text.lines().map(str::trim_start).filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if line.starts_with("= ") || line.starts_with("! ") {
            steps.last_mut().expect("an expectation follows a message").2.push(line);
        } else {
            let (who, said) = line.split_once(": ").expect("a line `person: message`");
            steps.push((who, said, Vec::new()));
        }
    }
    steps
}

/// Returns the expectations that a reply doesn't satisfy.
fn faults(reply: &str, expected: &[&str]) -> Vec<String> {
    let holds = |line: &str| match line.split_at(2) {
        ("= ", part) => reply.contains(part),
        (_, part) => !reply.contains(part),
    };
    expected.iter().filter(|line| !holds(line)).map(|line| (*line).to_owned()).collect()
}

/// Checks a reply to a step of a scenario.
pub fn check(name: &str, (who, said, expected): &(&str, &str, Vec<&str>), reply: &str) {
    let faults = faults(reply, expected);
    assert!(faults.is_empty(), "{name}, {who}: {said}\n{faults:#?}\n{reply}");
}
