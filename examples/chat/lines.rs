//! What is typed, line by line, and the files that are given.

use std::io::BufRead as _;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The lines that are typed from now on.
pub fn typed() -> UnboundedReceiver<String> {
    let (give, lines) = unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if give.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Keeps a file that the bot gave, and tells where.
pub fn keep(name: &str, text: &str) {
    let path = std::env::temp_dir().join(name);
    match std::fs::write(&path, text) {
        Ok(()) => println!("    [file {}]", path.display()),
        Err(error) => println!("    [file {name}, which can't be kept: {error}]"),
    }
}
