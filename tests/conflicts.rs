//! What a careful editor made of the places where the articles differ: a true conflict is called one, a difference in
//! precision is not.

mod common;

use common::DESK;
use routedesk::answer::Outcome;
use routedesk::language::Language;
use routedesk::store::Scope;

/// Each topic that stands on a true conflict or on figures that don't fit, and what both sides must say.
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

/// Topics where the articles only differ in precision, date or thing meant.
#[test]
fn differences_in_precision_are_no_dispute() {
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

/// No other topic is disputed by an accident of its values.
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
