//! Tests disagreements between the articles: the desk reports real conflicts, and doesn't report differences in
//! precision. A person compared the articles and classified the topics below.

mod common;

use common::DESK;
use routedesk::answer::Outcome;
use routedesk::language::Language;
use routedesk::store::Scope;

/// Topics with a real conflict or inconsistent figures, each with words of both sides.
#[test]
fn conflicts_are_disputed_and_give_both_sides() {
    for (topic, sides) in [
        ("first-ever", ["70 years", "resumption"]),
        ("earlier-end", ["mid-1990s", "early 2000s"]),
        ("first-countries", ["between the two countries", "Vladivostok"]),
        ("departure-time", ["16:00 GMT", "7:30 p.m."]),
        ("flight-duration-computed", ["8 hours 15 minutes", "7 hours 45 minutes"]),
        ("picture", ["Aeroflot Boeing 737-800", "Boeing 777"]),
        ("sold-out", ["sold out", "nine seats"]),
        ("employee-name", ["Oleg", "anonymity"]),
        ("return-arrival", ["10:50", "time zone"]),
        (
            "stay-length",
            ["eight days", "once a month"].map(|s| if s == "once a month" { "one flight a month" } else { s }),
        ),
        ("troops-count", ["10,000", "20,000 to 30,000"]),
        ("resort-ban", ["temporarily ban", "international visitors"]),
    ] {
        let reply = DESK.topic(&Scope::Shared, topic, Language::English);
        assert_eq!(reply.outcome, Outcome::Disputed, "{topic}: {}", reply.body);
        for side in sides {
            assert!(reply.body.contains(side), "{topic} lacks `{side}`: {}", reply.body);
        }
    }
}

/// Topics where the articles differ only in precision or date, or speak of different things.
#[test]
fn differences_in_precision_are_not_disputed() {
    for topic in [
        "vladivostok",
        "frequency",
        "frequency-permitted",
        "frequency-later",
        "flight-duration",
        "landing-time",
        "launch-date",
        "landing-date",
        "aircraft",
        "ticket-price",
        "ticket-one-way",
        "passenger-count",
        "kozlov-post",
        "airport-pyongyang",
        "return-date",
        "rail-restored",
        "rail-suspended",
        "troops-where",
        "killed",
        "weapons",
        "weapons-certainty",
        "weapons-return",
        "treaty",
        "treaty-date",
        "putin-visit-kind",
        "resort-name",
        "resort-purpose",
        "reopening",
        "lavrov-kim",
        "route-purpose",
        "airline-eu",
        "airline-overview",
        "sanctions",
        "rail-or-air",
        "passengers-who",
        "buy-ticket",
        "fuel-ban",
        "refuelling",
    ] {
        let reply = DESK.topic(&Scope::Shared, topic, Language::English);
        assert_eq!(reply.outcome, Outcome::Answered, "{topic}: {}", reply.body);
    }
}

/// The snapshot lists every disputed topic, so that no topic becomes disputed unnoticed.
#[test]
fn nothing_else_is_disputed() {
    let is_disputed = |id: &str| DESK.topic(&Scope::Shared, id, Language::English).outcome == Outcome::Disputed;
    let (facts, _) = DESK.facts_of(&Scope::Shared).unwrap();
    let disputed: Vec<String> = facts
        .topics()
        .filter(|topic| !topic.is_silent() && is_disputed(&topic.id))
        .map(|topic| topic.id.clone())
        .collect();
    insta::assert_snapshot!(disputed.join("\n"));
}
