//! Checks rules for the source that reviewers would otherwise have to watch: module boundaries, names, and documents
//! that must agree with the code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns name and text of all files below a folder with this extension.
fn files(folder: &Path, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn one_module_for_each_dependency() {
    for (word, modules) in [
        ("rusqlite", &["src/store/"][..]),
        ("strsim", &["src/understanding/spelling.rs"]),
        ("std::env", &["src/config.rs"]),
        ("serenity", &["src/platform/discord/"]),
        ("poise", &["src/platform/discord/"]),
        ("routedesk_matrix", &["src/platform/matrix/"]),
        ("matrix_sdk", &["src/platform/matrix/mod.rs"]),
        ("rustyline", &["src/platform/terminal.rs"]),
        ("println!", &["src/main.rs", "src/facts_command.rs", "src/platform/terminal.rs"]),
    ] {
        for (name, text) in files(&root().join("src"), "rs") {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            assert!(!code.contains(word) || modules.iter().any(|module| name.starts_with(module)), "{word} in {name}");
        }
    }
}

#[test]
fn only_the_platform_module_knows_platforms() {
    for (name, text) in files(&root().join("src"), "rs") {
        let inside = !name.starts_with("src/platform/") && !matches!(name.as_str(), "src/lib.rs" | "src/main.rs");
        assert!(!inside || !text.contains("platform::"), "{name}");
    }
}

#[test]
fn no_module_has_a_generic_name() {
    for (name, _) in files(&root().join("src"), "rs") {
        assert!(!["utils", "helpers", "common", "misc"].iter().any(|word| name.contains(word)), "{name}");
    }
}

#[test]
fn no_type_name_is_defined_twice() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in ["src", "matrix/src"] {
        for (file, text) in files(&root().join(folder), "rs") {
            for name in text.lines().filter_map(defined_type) {
                places.entry(name.to_owned()).or_default().push(file.clone());
            }
        }
    }
    assert!(places.len() > 100, "too few types were found");
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "types that share a name: {places:#?}");
}

/// Returns the name of the type that a line defines. Ignores associated types, which are indented.
fn defined_type(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let code = match code.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) if rest.starts_with(' ') => rest.trim_start(),
        _ => code,
    };
    let (keyword, rest) = code.split_once(' ')?;
    let is_type = matches!(keyword, "struct" | "enum" | "trait") || (keyword == "type" && !line.starts_with(' '));
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    is_type.then_some(&rest[..end])
}

#[test]
fn texts_for_people_are_in_one_module() {
    for (name, text) in files(&root().join("src"), "rs") {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        let speaks = name.starts_with("src/wording/");
        for words in ["The sources ", "sources don't say", "Please ", "Sorry"] {
            assert!(
                speaks || !code.contains(words),
                "{name} contains \"{words}\"; texts for people belong in src/wording/"
            );
        }
    }
}

#[test]
fn the_example_environment_lists_what_config_reads() {
    let config = fs::read_to_string(root().join("src/config.rs")).unwrap();
    let example = fs::read_to_string(root().join(".env.example")).unwrap();
    let code = config.split("#[cfg(test)]").next().unwrap();
    let mut read: Vec<&str> = Vec::new();
    for name in code.split("text(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        read.push(name);
    }
    let shown: Vec<&str> = example
        .lines()
        .filter_map(|line| line.trim_start_matches(['#', ' ']).split_once('='))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .collect();
    assert_eq!(shown, read);
}
