//! Tests the answers to questions whose authors hadn't seen the examples. The floors may only rise. `routedesk eval
//! FILE` lists the misses.

mod common;

use common::DESK;
use routedesk::eval::{ExpectedReply, Judged, Verdict, judge, read};
use routedesk::language::Language;

const DEVELOPMENT: &str = include_str!("questions/development.jsonl");
/// Later and harder questions, with more follow-ups, near misses, and questions far outside the articles.
const DEVELOPMENT_2: &str = include_str!("questions/development2.jsonl");
const DEVELOPMENT_3: &str = include_str!("questions/development3.jsonl");
/// The questions that a journalist, a traveller and a pupil ask first, in plain whole sentences and in three languages. The
/// misses of the second half are only counted.
const FIRST: &str = include_str!("questions/first.jsonl");
const FIRST_HELD_OUT: &str = include_str!("questions/first_heldout.jsonl");
const LANGUAGES: &str = include_str!("questions/languages.jsonl");
/// Later and harder questions: a third have a false premise.
const LANGUAGES_2: &str = include_str!("questions/languages2.jsonl");
const HELD_OUT: &str = include_str!("questions/heldout.jsonl");

/// Counts the questions of a kind with a verdict.
fn count(judged: &[Judged], kind: ExpectedReply, verdict: Verdict) -> usize {
    judged.iter().filter(|one| one.question.kind == kind && one.verdict == verdict).count()
}

/// The least number of right replies of each kind, and the most answers where the sources don't say. They leave a
/// margin of one or two to the measured numbers, because the last digit of a logarithm differs between processors.
struct Floors {
    answer: usize,
    disputed: usize,
    unknown: usize,
    social: usize,
    wrongly_answered: usize,
}

fn check(questions: &str, floors: &Floors) {
    let judged: Vec<Judged> = read(questions).unwrap().iter().map(|question| judge(&DESK, question)).collect();
    for (kind, floor) in [
        (ExpectedReply::Answer, floors.answer),
        (ExpectedReply::Disputed, floors.disputed),
        (ExpectedReply::Unknown, floors.unknown),
        (ExpectedReply::Social, floors.social),
    ] {
        let right = count(&judged, kind, Verdict::Right);
        assert!(right >= floor, "{kind:?}: {right} right, {floor} is the floor");
    }
    let wrongly = count(&judged, ExpectedReply::Unknown, Verdict::WronglyAnswered);
    assert!(
        wrongly <= floors.wrongly_answered,
        "{wrongly} wrongly answered, {} is the ceiling",
        floors.wrongly_answered
    );
}

#[test]
fn first_questions() {
    check(FIRST, &Floors { answer: 114, disputed: 11, unknown: 33, social: 0, wrongly_answered: 0 });
    check(FIRST_HELD_OUT, &Floors { answer: 112, disputed: 14, unknown: 29, social: 0, wrongly_answered: 1 });
}

#[test]
fn development_questions() {
    check(DEVELOPMENT, &Floors { answer: 246, disputed: 32, unknown: 135, social: 8, wrongly_answered: 2 });
}

#[test]
fn harder_development_questions() {
    check(DEVELOPMENT_2, &Floors { answer: 118, disputed: 6, unknown: 116, social: 0, wrongly_answered: 20 });
    check(DEVELOPMENT_3, &Floors { answer: 118, disputed: 16, unknown: 93, social: 4, wrongly_answered: 12 });
}

/// Russian and Korean.
#[test]
fn questions_in_other_languages() {
    check(LANGUAGES, &Floors { answer: 62, disputed: 5, unknown: 30, social: 1, wrongly_answered: 6 });
    check(LANGUAGES_2, &Floors { answer: 59, disputed: 4, unknown: 45, social: 0, wrongly_answered: 3 });
}

#[test]
fn held_out_questions() {
    check(HELD_OUT, &Floors { answer: 172, disputed: 24, unknown: 94, social: 4, wrongly_answered: 4 });
}

/// The evaluation is only valid for questions that aren't among the examples.
#[test]
fn no_question_is_an_example() {
    let facts = routedesk::facts::text::shipped();
    let examples: std::collections::HashSet<String> = facts
        .topics()
        .flat_map(|topic| &topic.examples)
        .map(|example| routedesk::understanding::fold(example))
        .collect();
    for question in [FIRST, FIRST_HELD_OUT, LANGUAGES, LANGUAGES_2].into_iter().flat_map(|file| read(file).unwrap()) {
        let same =
            |example: &String| routedesk::understanding::fold(example) == routedesk::understanding::fold(&question.q);
        let mut taught =
            Language::others().flat_map(|language| &language.pack().topic).flat_map(|topic| &topic.examples);
        assert!(!taught.any(same), "{}", question.q);
    }
    let files = [FIRST, FIRST_HELD_OUT, DEVELOPMENT, DEVELOPMENT_2, DEVELOPMENT_3, HELD_OUT];
    for question in files.into_iter().flat_map(|file| read(file).unwrap()) {
        assert!(!examples.contains(&routedesk::understanding::fold(&question.q)), "{}", question.q);
    }
}

#[test]
fn errors_in_a_question_file_name_the_line() {
    let error = read("{\"id\":\"1\",\"q\":\"x\",\"kind\":\"answer\"}\n{\"id\":\"2\"}").unwrap_err().to_string();
    assert!(error.starts_with("line 2: "), "{error}");
    let error = read(r#"{"id":"1","q":"x","kind":"answer","all":["("]}"#).unwrap_err().to_string();
    assert!(error.starts_with("line 1: "), "{error}");
}
