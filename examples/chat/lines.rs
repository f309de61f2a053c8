//! Reads lines from standard input and saves the bot's files, for the chat examples.

use std::io::BufRead as _;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Returns a channel with the lines of standard input. It closes at the end of the input.
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

/// Saves a file from the bot in the directory for temporary files and prints its path.
pub fn keep(name: &str, text: &str) {
    let path = std::env::temp_dir().join(name);
    match std::fs::write(&path, text) {
        Ok(()) => println!("    [file {}]", path.display()),
        Err(error) => println!("    [file {name}, which can't be saved: {error}]"),
    }
}
