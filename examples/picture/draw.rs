//! Draws real replies as an SVG with a card for each platform. Every card has its own background, so that the picture is
//! readable on light and dark pages.

use std::fmt::Write as _;
use std::sync::LazyLock;

use jiff::Timestamp;
use regex::{Captures, Regex};
use routedesk::desk::Desk;
use routedesk::platform::{discord, matrix};
use routedesk::utterance::Utterance;
use routedesk::wording::Reply;

/// Sizes in pixels.
const CARD_WIDTH: usize = 410;
const GAP: usize = 14;
const PADDING: usize = 18;
const LINE_HEIGHT: usize = 19;
const HEADER: usize = 40;

/// The look of a card.
struct Style {
    title: &'static str,
    background: &'static str,
    header: &'static str,
    text: &'static str,
    name: &'static str,
    link: &'static str,
    font: &'static str,
    /// Characters in a line, few enough for the widest usual font.
    columns: usize,
}

const TERMINAL: Style = Style {
    title: "Terminal",
    background: "#16181d",
    header: "#2a2d35",
    text: "#d7dae0",
    name: "#7fd18b",
    link: "#8ab4f8",
    font: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
    columns: 45,
};

const DISCORD: Style = Style {
    title: "Discord",
    background: "#313338",
    header: "#232428",
    text: "#dbdee1",
    name: "#ffffff",
    link: "#00a8fc",
    font: "'gg sans', 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif",
    columns: 49,
};

const MATRIX: Style = Style {
    title: "Matrix",
    background: "#ffffff",
    header: "#e9edf1",
    text: "#1b1d22",
    name: "#0f766e",
    link: "#0467dd",
    font: "Inter, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif",
    columns: 49,
};

/// A line of a card with its class: a name, text or a link.
type Line = (&'static str, String);

/// Asks the desk and draws its replies.
pub fn picture(desk: &Desk) -> String {
    let ask = |question: &str| desk.answer(&Utterance::new(question)).reply;
    let on_terminal = "how much is a tikcet moskow to pyongyang??";
    let on_discord = "was the first flight sold out?";
    let on_matrix = "Есть ли вайфай на борту?";
    let terminal = {
        let mut lines = typed("you   ", on_terminal, &TERMINAL);
        lines.extend(typed("desk  ", &ask(on_terminal).text, &TERMINAL));
        lines
    };
    let discord_text = discord::render::messages(&ask(on_discord)).join("\n");
    let discord = chat("member", on_discord, &shown_by_discord(&discord_text), &DISCORD);
    let matrix = chat("member", on_matrix, &matrix_text(&ask(on_matrix)), &MATRIX);
    let cards = [(TERMINAL, terminal), (DISCORD, discord), (MATRIX, matrix)];
    let rows = cards.iter().map(|(_, lines)| lines.len()).max().unwrap_or_default();
    let height = HEADER + PADDING * 2 + rows * LINE_HEIGHT;
    let width = cards.len() * (CARD_WIDTH + GAP) - GAP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\">\n<title>A reply on the terminal, on Discord and on Matrix</title>\n"
    );
    for (at, (style, lines)) in cards.iter().enumerate() {
        card(&mut svg, at * (CARD_WIDTH + GAP), height, style, lines);
    }
    svg + "</svg>\n"
}

fn matrix_text(reply: &Reply) -> String {
    matrix::render::parts(reply).into_iter().map(|part| part.body).collect::<Vec<_>>().join("\n")
}

/// A terminal's lines: a prefix, then the text with a hanging indent.
fn typed(prefix: &'static str, text: &str, style: &Style) -> Vec<Line> {
    let indent = " ".repeat(prefix.len());
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let first = if at == 0 { prefix } else { &indent };
        lines.extend(wrapped(line, first, &indent, style));
    }
    lines
}

/// A chat's lines: a question and the bot's reply, each under its author's name.
fn chat(member: &str, question: &str, reply: &str, style: &Style) -> Vec<Line> {
    let mut lines = vec![("name", member.to_owned())];
    lines.extend(wrapped(question, "", "", style));
    lines.push(("text", String::new()));
    lines.push(("name", "routedesk".to_owned()));
    lines.extend(reply.lines().flat_map(|line| wrapped(line, "", "", style)));
    lines
}

/// Wraps a line. An address gets a line of its own, shortened to fit.
fn wrapped(line: &str, first: &str, rest: &str, style: &Style) -> Vec<Line> {
    let (text, address) = line.split_once(" <http").unwrap_or((line, ""));
    let options = textwrap::Options::new(style.columns).initial_indent(first).subsequent_indent(rest);
    let mut lines: Vec<Line> = textwrap::wrap(text, options).iter().map(|line| ("text", line.to_string())).collect();
    if !address.is_empty() {
        let address = format!("{rest}http{}", address.trim_end_matches('>'));
        let shown: String = address.chars().take(style.columns - 1).collect();
        lines.push(("link", if shown == address { address } else { shown + "…" }));
    }
    lines
}

/// The text that Discord shows for a message: escapes removed, timestamps as dates.
fn shown_by_discord(text: &str) -> String {
    static STAMP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<t:(\d+):D>").expect("a valid pattern"));
    let shown = STAMP.replace_all(text, |found: &Captures<'_>| {
        let second = found[1].parse().unwrap_or_default();
        Timestamp::from_second(second).unwrap_or_default().strftime("%B %-d, %Y").to_string()
    });
    shown.replace('\\', "")
}

fn card(svg: &mut String, x: usize, height: usize, style: &Style, lines: &[Line]) {
    let _ = writeln!(
        svg,
        "<g transform=\"translate({x} 0)\">\n<rect width=\"{CARD_WIDTH}\" height=\"{height}\" rx=\"10\" fill=\"{}\" \
         stroke=\"#8884\"/>\n<path d=\"M0 {HEADER}V10A10 10 0 0 1 10 0H{}A10 10 0 0 1 {CARD_WIDTH} 10V{HEADER}Z\" fill=\"{}\"/>",
        style.background,
        CARD_WIDTH - 10,
        style.header,
    );
    let text = |svg: &mut String, y: usize, class: &str, line: &str| {
        let (fill, weight) = match class {
            "name" => (style.name, 600),
            "link" => (style.link, 400),
            _ => (style.text, 400),
        };
        let _ = writeln!(
            svg,
            "<text x=\"{PADDING}\" y=\"{y}\" fill=\"{fill}\" font-family=\"{}\" font-size=\"13.5\" font-weight=\"{weight}\" \
             xml:space=\"preserve\">{}</text>",
            style.font,
            escaped(line),
        );
    };
    text(svg, HEADER - 14, "name", style.title);
    for (at, (class, line)) in lines.iter().enumerate().filter(|(_, (_, line))| !line.is_empty()) {
        text(svg, HEADER + PADDING + at * LINE_HEIGHT + 12, class, line);
    }
    svg.push_str("</g>\n");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
