//! Tests the verification of claims against the articles: all shipped claims pass, and wrong claims fail. Tests that
//! need the articles are skipped without them.

mod common;

use common::articles;
use common::random::Random;
use routedesk::facts::verify::{Verification, verify};
use routedesk::facts::{Claim, Value, ValueKind, text};

#[test]
fn all_shipped_claims_verify() {
    let facts = text::shipped();
    let Some(articles) = articles(&facts) else { return };
    for claim in facts.claims() {
        assert_eq!(verify(claim, &facts, &articles), Verification::Verified, "{}", claim.id);
    }
}

#[test]
fn a_missing_article_is_reported() {
    let facts = text::shipped();
    let claim = facts.claims().next().unwrap();
    let Verification::ArticleMissing(source) = verify(claim, &facts, &Default::default()) else { panic!() };
    assert_eq!(source, claim.cite[0].source);
}

/// At least 95 % of 1,000 claims with one random mutation must fail.
#[test]
fn mutated_claims_fail() {
    let facts = text::shipped();
    let Some(articles) = articles(&facts) else { return };
    let claims: Vec<&Claim> = facts.claims().collect();
    let mut random = Random(0x5eed_0000_1234_5678);
    let (mut passed, mut tried) = (Vec::new(), 0);
    while tried < 1_000 {
        let claim = (*random.one_of(&claims)).clone();
        let kind = *random.one_of(&["figure", "date", "name", "polarity", "paragraph"]);
        let Some(mutant) = mutate(claim.clone(), kind, &mut random, &facts) else { continue };
        assert_ne!(mutant, claim);
        tried += 1;
        if verify(&mutant, &facts, &articles) == Verification::Verified {
            passed.push(format!("{kind}: {} | {} | {}", mutant.id, mutant.statement, mutant.value));
        }
    }
    println!("{} of 1,000 wrong claims fail", 1_000 - passed.len());
    assert!(passed.len() <= 50, "{} of 1,000 wrong claims pass:\n{}", passed.len(), passed.join("\n"));
}

/// Mutates one part of a claim; `None` if the claim has no part of the kind.
fn mutate(mut claim: Claim, kind: &str, random: &mut Random, facts: &routedesk::facts::Facts) -> Option<Claim> {
    match kind {
        "figure" if random.below(2) == 0 => claim.statement = change_digits(&claim.statement, random)?,
        "figure" => {
            let is_figure =
                matches!(claim.value.kind(), ValueKind::Money(..) | ValueKind::Count(..) | ValueKind::Duration(_));
            let text = change_digits(claim.value.text(), random).filter(|_| is_figure)?;
            claim.value = Value::parse(&text).ok()?;
        }
        "date" if random.below(2) == 0 => claim.statement = change_month_or_day(&claim.statement, random)?,
        "date" => {
            let text = change_digits(claim.value.text(), random)
                .filter(|_| matches!(claim.value.kind(), ValueKind::Date(_) | ValueKind::Instant(..)))?;
            claim.value = Value::parse(&text).ok()?;
        }
        "name" => claim.statement = change_name(&claim.statement, random)?,
        "polarity" => match claim.value.kind() {
            ValueKind::YesNo(yes) => claim.value = Value::parse(if *yes { "no" } else { "yes" }).ok()?,
            _ => claim.statement = negate(&claim.statement)?,
        },
        _ => {
            let citation = random.below(claim.cite.len());
            let source = facts.sources.iter().find(|source| source.id == claim.cite[citation].source)?;
            let paragraph = 1 + random.below(source.paragraphs as usize) as u32;
            if paragraph == claim.cite[citation].paragraph {
                return None;
            }
            claim.cite[citation].paragraph = paragraph;
        }
    }
    Some(claim)
}

/// Changes one digit of a text; `None` if it has no digit.
fn change_digits(text: &str, random: &mut Random) -> Option<String> {
    let digits: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
    if digits.is_empty() {
        return None;
    }
    let at = *random.one_of(&digits);
    let old = text.as_bytes()[at] - b'0';
    let new = (old + 1 + random.below(8) as u8) % 10;
    Some(format!("{}{new}{}", &text[..at], &text[at + 1..]))
}

fn change_month_or_day(text: &str, random: &mut Random) -> Option<String> {
    const NAMES: [&str; 9] = ["March", "April", "June", "July", "August", "November", "Sunday", "Monday", "Tuesday"];
    const OTHERS: [&str; 4] = ["January", "October", "Thursday", "Saturday"];
    let name = NAMES.iter().find(|name| text.contains(**name))?;
    Some(text.replacen(name, random.one_of::<&str>(&OTHERS), 1))
}

fn change_name(text: &str, random: &mut Random) -> Option<String> {
    const OTHERS: [&str; 6] = ["Lufthansa", "Peskov", "Vnukovo", "Beijing", "Xinhua", "Belarus"];
    let names: Vec<&str> = [
        "Nordwind",
        "Kozlov",
        "Sheremetyevo",
        "Sunan",
        "Boeing",
        "AFP",
        "FlightAware",
        "Poteshkin",
        "Lavrov",
        "Putin",
        "Aeroflot",
        "Air Koryo",
        "Vladivostok",
        "Wonsan",
        "Kursk",
        "Seoul",
        "Kim Jong Un",
        "Yun Jong-ho",
        "Oleg",
        "TASS",
        "Ukraine",
        "Lee Jae Myung",
        "Kim Yo-jong",
        "Telegram",
        "Russia",
    ]
    .into_iter()
    .filter(|name| text.contains(name))
    .collect();
    if names.is_empty() { None } else { Some(text.replacen(*random.one_of(&names), random.one_of::<&str>(&OTHERS), 1)) }
}

fn negate(text: &str) -> Option<String> {
    const VERBS: [&str; 10] =
        [" is ", " are ", " was ", " were ", " has ", " have ", " had ", " can ", " could ", " would "];
    let verb = VERBS.iter().find(|verb| text.contains(**verb))?;
    Some(text.replacen(verb, &format!("{verb}not "), 1))
}
