//! Tests conversations on the terminal, from text to text.

mod common;

use common::DESK;
use routedesk::answer::Outcome;
use routedesk::facts::text;
use routedesk::platform::terminal::{Conversation, FIRST_QUESTIONS, talk_on_lines};
use routedesk::utterance::Utterance;

/// Returns the conversation as a person sees it.
fn talk(lines: &[&str]) -> String {
    let mut conversation = Conversation::new(&DESK);
    let mut out = String::new();
    for line in lines {
        let reply = conversation.respond(line).unwrap_or_else(|| "(leaves)".into());
        out.push_str(&format!("you   {line}\ndesk  {}\n", reply.replace('\n', "\n      ")));
    }
    out
}

#[test]
fn the_first_questions_of_a_new_user() {
    insta::assert_snapshot!(talk(&[
        "hi",
        "hi, how much is a tikcet moskow to pyongyang??",
        "was the first flight sold out?",
        "is the bus from the airport included",
        "thanks!",
        "/quit",
    ]));
}

#[test]
fn disagreements_are_given_with_both_sides() {
    insta::assert_snapshot!(talk(&[
        "when did the first flight take off?",
        "how many north korean soldiers were sent to russia",
        "is it the first direct flight ever",
        "when did the old direct flights end",
    ]));
}

#[test]
fn false_premises_are_put_right_and_never_agreed_to() {
    insta::assert_snapshot!(talk(&[
        "is it true that Aeroflot operates the new moscow-pyongyang flights?",
        "did the plane carry 200 passengers on the first flight?",
        "do they really fly every week?",
        "was it an airbus a330?",
    ]));
}

#[test]
fn what_the_articles_do_not_say_is_declined() {
    insta::assert_snapshot!(talk(&[
        "how much is a business class seat?",
        "can I take my dog on the flight?",
        "what does a return ticket cost?",
        "who is the CEO of nordwind?",
        "what is the weather in Lisbon",
        "how old is Kim Yo-jong?",
    ]));
}

#[test]
fn several_questions_and_follow_ups() {
    insta::assert_snapshot!(talk(&[
        "who flies it and which airport in moscow does it use?",
        "how much is a ticket?",
        "and how long is the flight?",
        "what about the ferry?",
        "My mum wants to visit Pyongyang. How often do they fly? She is 80.",
    ]));
}

#[test]
fn follow_ups_keep_their_subject() {
    insta::assert_snapshot!(talk(&[
        "flights from Vladivostok?",
        "how often",
        "who operates them",
        "when did the trains resume",
        "how long does it take",
        "who is kozlov",
        "how old is he",
        "Сколько стоит билет?",
    ]));
}

#[test]
fn commands_of_the_terminal() {
    insta::assert_snapshot!(talk(&["/sources", "/help", "/nonsense", "/quit"]));
}

#[test]
fn why_explains_a_reply() {
    let mut conversation = Conversation::new(&DESK);
    assert_eq!(conversation.respond("/why").unwrap(), "Nothing has been asked yet.");
    conversation.respond("how much is a ticket for my dog");
    let why = conversation.respond("/why").unwrap();
    assert!(why.contains("words: how much is a ticket for my dog") && why.contains("unexplained:"), "{why}");
}

#[test]
fn lines_of_any_bytes_are_answered() {
    let mut output = Vec::new();
    let input = b"how much is a ticket\n\xff\xfe\x00 price \xf0\x28\n\n/quit\nnever read\n";
    talk_on_lines(&mut Conversation::new(&DESK), &mut &input[..], &mut output).unwrap();
    let output = String::from_utf8(output).unwrap();
    assert!(output.starts_with("A ticket was priced at 45,000 rubles"), "{output}");
    assert!(!output.contains("never"));
}

#[test]
fn the_questions_of_the_greeting_have_answers() {
    for question in FIRST_QUESTIONS {
        let outcome = DESK.answer(&Utterance::new(question)).reply.outcome;
        assert!(matches!(outcome, Outcome::Answered | Outcome::Disputed), "{question}: {outcome:?}");
    }
}

/// A silent topic may have taken a question wrongly, so `/why` never suggests teaching it more.
#[test]
fn why_suggests_topics_that_have_an_answer() {
    let silent: Vec<String> =
        text::shipped().topics().filter(|topic| topic.is_silent()).map(|topic| topic.id.clone()).collect();
    for question in
        ["what does a return ticket cost?", "can I take my dog on the flight?", "who pays for the pilots' hotel?"]
    {
        let mut conversation = Conversation::new(&DESK);
        conversation.respond(question);
        let why = conversation.respond("/why").expect("an explanation");
        assert!(!silent.iter().any(|id| why.contains(&format!("question add {id} "))), "{why}");
    }
}
