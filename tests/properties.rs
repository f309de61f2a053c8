//! Tests properties that hold for the reply to any text: each `[n]` has its source, each figure comes from a claim, and
//! the same text gives the same reply.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::DESK;
use proptest::prelude::*;
use routedesk::facts::Facts;
use routedesk::understanding::message::understand;
use routedesk::understanding::{Decision, Index, Trace, Trained, TrainingSet, normalise, split};
use routedesk::utterance::Utterance;
use routedesk::wording::Reply;

/// Generates words, mostly words of the topics and parts of attacks, so that random messages come close to real
/// questions.
fn word() -> impl Strategy<Value = String> {
    const WORDS: [&str; 44] = [
        "how",
        "much",
        "is",
        "a",
        "ticket",
        "when",
        "did",
        "the",
        "first",
        "flight",
        "land",
        "in",
        "Pyongyang",
        "who",
        "was",
        "aboard",
        "Kozlov",
        "and",
        "why",
        "monthly",
        "45,000",
        "777",
        "soldiers",
        "sent",
        "not",
        "Vladivostok",
        "train",
        "resort",
        "2025",
        "?",
        "!",
        "@everyone",
        "<@123>",
        "https://x.test/y",
        "**bold**",
        "'; DROP TABLE claim;",
        "\u{202e}",
        "\u{200b}",
        "[1]",
        "```",
        "> quoted",
        "сколько",
        "평양",
        "\n",
    ];
    prop_oneof![4 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => "\\PC{0,12}"]
}

fn message() -> impl Strategy<Value = String> {
    prop::collection::vec(word(), 0..24).prop_map(|words| words.join(" "))
}

/// Returns the numbers in brackets.
fn marks(text: &str) -> BTreeSet<usize> {
    let parts = text.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    parts.filter_map(|(number, _)| number.parse().ok()).collect()
}

fn figures(text: &str) -> BTreeSet<String> {
    let without_marks =
        text.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect::<String>();
    without_marks
        .split(|c: char| !(c.is_ascii_digit() || matches!(c, ',' | ':' | '.')))
        .map(|figure| figure.trim_matches(|c| matches!(c, ',' | ':' | '.')).to_owned())
        .filter(|figure| figure.starts_with(|c: char| c.is_ascii_digit()))
        .collect()
}

fn check(reply: &Reply) {
    let cited: BTreeSet<usize> = reply.citations.iter().map(|citation| citation.n).collect();
    assert_eq!(marks(&reply.body), cited, "citation marks and sources differ: {}", reply.text);
    let held: String = reply
        .claims
        .iter()
        .map(|claim| format!("{} {} ", claim.statement, claim.as_of.replace('-', " ")))
        .chain(reply.choices.iter().enumerate().map(|(at, choice)| format!("{} {} ", at + 1, choice.title)))
        .collect();
    for figure in figures(&reply.body) {
        let plain = figure.trim_start_matches('0');
        let known = held.contains(&figure) || figures(&held).iter().any(|held| held.trim_start_matches('0') == plain);
        assert!(known || reply.claims.is_empty(), "{figure} is in no claim: {}", reply.text);
    }
    assert!(reply.text.starts_with(&reply.body));
    assert!(!reply.text.contains("@everyone") && !reply.text.contains('\u{202e}') && !reply.text.contains("DROP"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replies_are_consistent_and_repeatable(text in message(), context in prop::option::of(message())) {
        let utterance = Utterance { context, ..Utterance::new(text) };
        let (once, twice) = (DESK.answer(&utterance).reply, DESK.answer(&utterance).reply);
        check(&once);
        prop_assert_eq!(once.text, twice.text);
    }

    /// Cleaning, splitting and spelling correction don't panic, and the length of their output is bounded by the
    /// input's.
    #[test]
    fn cleaning_splitting_and_spelling_correction_are_bounded(text in any_text()) {
        let clean = normalise::clean(&text);
        prop_assert!(clean.chars().count() <= 20 * text.chars().count() + 1, "{clean}");
        let words = normalise::words(&clean);
        prop_assert!(words.iter().all(|word| !word.is_empty() && !word.contains(char::is_whitespace)));
        let letters: usize = words.iter().map(|word| word.chars().count()).sum();
        prop_assert!(letters <= 20 * text.chars().count() + 1);
        let parts = split::split(&clean);
        let in_parts: usize = parts.iter().map(|part| part.text.chars().count()).sum();
        prop_assert!(in_parts <= clean.chars().count() + parts.len());
        let sentences = split::sentences(&clean);
        prop_assert!(sentences.iter().all(|sentence| clean.contains(sentence) && !sentence.is_empty()));
        let mended = DESK.index().mended_words(&clean);
        prop_assert!(mended.iter().all(|word| !word.is_empty()));
        prop_assert_eq!(normalise::clean(&text), clean);
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,300}") {
        check(&DESK.answer(&Utterance::new(text)).reply);
    }
}

/// Generates text from any characters, among them an unpaired direction override, jamo, digits of other scripts,
/// ligatures, and long runs of one letter.
fn any_text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "\u{202e}", "\u{200d}", "\u{0}", "\u{ad}", "ﬃ", "İ", "ß", "٣", "ㅋㅋ", "각", "\u{1100}", "😀", "```", "**",
        "<@1>", "https://", "...", "?!", "\r\n", "\t", "'", "’", "--", "$", "№", "1,2", "p.m.", " and ", " or ", ";",
        "(", ")", ">",
    ]);
    let piece = prop_oneof![
        4 => "\\PC{0,12}",
        3 => odd.prop_map(str::to_owned),
        2 => word(),
        1 => ("[a-zа-я가-힣]", 1usize..400).prop_map(|(letter, count)| letter.repeat(count)),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// An index without facts recognises small talk and answers no question.
#[test]
fn an_empty_desk_declines() {
    let training_set = TrainingSet::gather(&Facts::default(), true);
    let model = Trained::train(&training_set);
    let index = Index::of(Arc::new(Trained::with_model(training_set, model)));
    for (text, expected) in
        [("how much is a ticket?", false), ("hello", true), ("", true), ("сколько стоит билет", false)]
    {
        let traces = understand(&index, &Utterance::new(text));
        let is_talk = |trace: &Trace| matches!(trace.decision, Decision::Social(_) | Decision::Empty);
        assert!(traces.iter().all(|trace| !matches!(trace.decision, Decision::Answer(_))), "{text}");
        assert_eq!(traces.iter().all(is_talk), expected, "{text}: {:?}", traces[0].decision);
    }
}

#[test]
fn bad_input_gets_a_polite_reply() {
    let long = "word ".repeat(5_000);
    let huge = "x".repeat(100_000);
    for text in [
        "",
        "   ",
        "\0\0\0",
        &long,
        &huge,
        "\u{202e}\u{202d}abc",
        "p\u{200b}r\u{200b}i\u{200b}c\u{200b}e",
        "?????",
        "Robert'); DROP TABLE claim;--",
        "<script>alert(1)</script>",
        "@everyone @here",
        "[click](https://evil.test)",
        "🤣🤣🤣",
        "1",
        "how how how how how how",
        "\u{feff}",
        "e\u{301}\u{301}\u{301}\u{301}",
    ] {
        let reply = DESK.answer(&Utterance::new(text)).reply;
        check(&reply);
        assert!(!reply.text.is_empty() && !reply.is_trouble, "{text:.40}");
        assert!(!reply.text.contains("evil") && !reply.text.contains("script"));
    }
    assert!(DESK.answer(&Utterance::new("p\u{200b}rice of a tic\u{ad}ket")).reply.body.contains("45,000"));
}
