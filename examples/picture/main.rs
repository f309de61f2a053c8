//! Prints the picture of the README, `docs/answers.svg`: one reply on the terminal, one on Discord and one on Matrix.
//!
//! `cargo run --release --example picture > docs/answers.svg`

mod draw;

use routedesk::desk::Desk;

fn main() -> anyhow::Result<()> {
    print!("{}", draw::picture(&Desk::on_shipped_facts(true)?));
    Ok(())
}
