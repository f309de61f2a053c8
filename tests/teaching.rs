//! Tests teaching: what moderators add takes effect with the next question, and the replies equal those of a desk that
//! is started on the same facts.

mod common;

use std::path::PathBuf;

use common::random::Random;
use common::{meta, open};
use routedesk::desk::Desk;
use routedesk::facts::{Facts, Topic, Value, text};
use routedesk::store::{RevisionOrigin, Scope, Store};
use routedesk::understanding::message::understand;
use routedesk::understanding::{Change, Decision, Index, LessonCache};
use routedesk::utterance::Utterance;
use routedesk::wording::Reply;

/// A desk on a copy of the shared test database, so that the index needn't be trained.
struct Taught {
    _folder: tempfile::TempDir,
    path: PathBuf,
    desk: Desk,
}

impl Taught {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = common::database_in(folder.path());
        let desk = open(&path);
        Self { _folder: folder, path, desk }
    }

    fn change(&self, edit: impl FnOnce(&mut Facts)) {
        let mut store = Store::open(&self.path).unwrap();
        let mut facts = store.facts().unwrap();
        edit(&mut facts);
        store.replace(&facts, RevisionOrigin::Moderator, &meta("test")).unwrap();
    }

    fn ask(&self, question: &str) -> Reply {
        self.desk.answer(&Utterance::new(question)).reply
    }
}

fn topic<'a>(facts: &'a mut Facts, id: &str) -> &'a mut Topic {
    facts.subjects.iter_mut().flat_map(|subject| &mut subject.topics).find(|topic| topic.id == id).unwrap()
}

#[test]
fn a_taught_question_is_answered_at_once_and_forgotten_at_once() {
    for (question, like_it, id) in [
        ("give me the lowdown on the dosh", "whats the lowdown on dosh", "ticket-price"),
        ("who's the boss of that bird", "whos the boss of the bird", "airline"),
        ("скинь мелочишку по-братски", "мелочишку скинь, брат", "ticket-price"),
        ("표값 썰 풀어봐", "표값 썰좀 풀어", "ticket-price"),
    ] {
        let taught = Taught::new();
        let before = taught.ask(question);
        assert!(!before.topics.contains(&id.to_owned()), "{question}: {}", before.text);
        taught.change(|facts| topic(facts, id).examples.push(question.to_owned()));
        for question in [question, like_it] {
            let reply = taught.ask(question);
            assert_eq!(reply.topics, [id], "{question}: {}", reply.text);
        }
        taught.change(|facts| drop(topic(facts, id).examples.pop()));
        assert_eq!(taught.ask(question).text, before.text, "{question}");
    }
}

#[test]
fn a_new_topic_is_found_and_takes_nothing_from_others() {
    let taught = Taught::new();
    let others = ["how much is a ticket", "who flies it", "can I bring my cat", "how long is the flight"];
    let before = others.map(|question| taught.ask(question).text);
    taught.change(|facts| {
        let route = facts.subjects.iter_mut().find(|subject| subject.id == "route").unwrap();
        let mut claim = route.claims[0].clone();
        claim.id = "mascot-name".into();
        claim.statement = "The mascot of the route is a magpie called Zorba.".into();
        claim.value = Value::parse("name magpie").unwrap();
        claim.of = Some("the mascot".into());
        route.claims.push(claim);
        route.topics.push(Topic {
            id: "mascot".into(),
            title: "The mascot of the route".into(),
            claims: vec!["mascot-name".into()],
            examples: ["what is the mascot", "does the route have a mascot", "whats the name of the mascot bird"]
                .map(str::to_owned)
                .into(),
            ..Topic::default()
        });
    });
    for question in
        ["what's the mascot?", "mascot of the route", "is there a mascto", "does the route have its own mascot bird"]
    {
        let reply = taught.ask(question);
        assert!(reply.body.contains("magpie"), "{question}: {}", reply.text);
    }
    assert_eq!(others.map(|question| taught.ask(question).text), before);
    taught.change(|facts| {
        let route = facts.subjects.iter_mut().find(|subject| subject.id == "route").unwrap();
        route.topics.retain(|topic| topic.id != "mascot");
        route.claims.retain(|claim| claim.id != "mascot-name");
    });
    assert!(!taught.ask("what's the mascot?").body.contains("magpie"));
}

#[test]
fn an_edited_claim_is_shown_and_explains_its_new_words() {
    let taught = Taught::new();
    taught.change(|facts| {
        let claims = facts.subjects.iter_mut().flat_map(|subject| &mut subject.claims);
        let airline = claims.into_iter().find(|claim| claim.id == "airline-route").unwrap();
        airline.statement = "Nordwind flies the route with a crew from Kazan.".into();
    });
    assert!(taught.ask("who flies it").body.contains("crew from Kazan"));
}

/// Returns the topic from which an index answers a question; `None` if it doesn't answer.
fn answers(index: &Index, question: &str) -> Option<String> {
    match understand(index, &Utterance::new(question)).first()?.decision {
        Decision::Answer(topic) => Some(index.topics()[topic].id.clone()),
        _ => None,
    }
}

/// Each community's examples are in a layer of its own over the shared index and don't affect other communities.
#[test]
fn layers_of_communities_do_not_mix() {
    let shared = common::DESK.index();
    let mut facts = text::shipped();
    let with = |below: &Index, facts: &Facts, id: &str| {
        let claims = facts.claims_by_id();
        let (subject, topic) = facts
            .subjects
            .iter()
            .find_map(|subject| Some((subject, subject.topics.iter().find(|topic| topic.id == id)?)))
            .unwrap();
        let claims = topic.claims.iter().map(|id| claims[id.as_str()]).collect();
        let change = Change { id, subject: &subject.id, topic: Some(topic), claims };
        below.with(&[change], &mut LessonCache::default())
    };
    topic(&mut facts, "ticket-price").examples.push("give me the lowdown on the dosh".into());
    let one = with(&shared, &facts, "ticket-price");
    let mut facts = text::shipped();
    topic(&mut facts, "airline").examples.push("whose big bird is that".into());
    let other = with(&shared, &facts, "airline");
    let both = with(&one, &facts, "airline");
    for (question, id) in [("lowdown on the dosh?", "ticket-price"), ("whose big bird is that", "airline")] {
        let found =
            [&*shared, &one, &other, &both].map(|index| answers(index, question).is_some_and(|found| found == id));
        assert_eq!(found, [false, id == "ticket-price", id == "airline", true], "{question}");
    }
    for index in [&*shared, &one, &other, &both] {
        assert_eq!(answers(index, "how long is the flight").as_deref(), Some("flight-duration"));
    }
}

/// A new topic in a layer above one in which earlier topics got examples: the examples of both layers are interleaved.
#[test]
fn a_new_topic_is_added_above_a_taught_layer() {
    let taught = Taught::new();
    taught.change(|facts| topic(facts, "ticket-price").examples.push("give me the lowdown on the dosh".into()));
    taught.change(|facts| {
        topic(facts, "kozlov-talks-date").examples.push("when did those two have their chinwag".into())
    });
    let below = taught.desk.index_of(&Scope::Shared).unwrap();
    let facts = text::shipped();
    let mut new = facts.topics().next().unwrap().clone();
    (new.id, new.title) = ("umbrellas".into(), "Umbrellas".into());
    new.examples = vec!["do they hand out umbrellas".into()];
    let change = Change { id: "umbrellas", subject: "route", topic: Some(&new), claims: Vec::new() };
    let index = below.with(&[change], &mut LessonCache::default());
    for (question, id) in [("do they hand out umbrellas?", "umbrellas"), ("lowdown on the dosh?", "ticket-price")] {
        assert_eq!(answers(&index, question).as_deref(), Some(id), "{question}");
    }
}

/// A question with a wrong name is corrected from the topic with the right name, unless moderators have removed that
/// topic.
#[test]
fn a_removed_topic_corrects_nothing() {
    let taught = Taught::new();
    let questions = ["is it flown by s7?", "это аэрофлот туда летает?"];
    for question in questions {
        assert_eq!(taught.ask(question).topics, ["airline"], "{question}");
    }
    taught.change(|facts| {
        facts.subjects.iter_mut().for_each(|subject| subject.topics.retain(|topic| topic.id != "airline"))
    });
    for question in questions {
        let reply = taught.ask(question);
        assert!(!reply.is_trouble && !reply.topics.contains(&"airline".to_owned()), "{question}: {}", reply.text);
    }
}

/// Returns a sample of questions of every kind, to compare two desks with.
fn questions() -> Vec<String> {
    let files = [include_str!("questions/development.jsonl"), include_str!("questions/languages.jsonl")];
    let read = |text| routedesk::eval::read(text).unwrap();
    files.into_iter().flat_map(read).step_by(7).map(|question| question.q).collect()
}

/// Makes a random change of the kinds that moderators make.
fn change(facts: &mut Facts, random: &mut Random, made: usize) {
    let subject = random.below(facts.subjects.len());
    let topics = &mut facts.subjects[subject].topics;
    let at = random.below(topics.len());
    let examples = ["how about this thing", "цена-то какая", "이거 얼마야", "is it dear", "who, tho"];
    match random.below(6) {
        0 | 1 => topics[at].examples.push(format!("{} {made}", random.one_of(&examples))),
        2 if topics[at].examples.len() > 3 => drop(topics[at].examples.remove(0)),
        3 => topics[at].title = format!("{} (changed)", topics[at].title),
        4 if topics.len() > 1 => drop(topics.remove(at)),
        _ => {
            let mut new = topics[at].clone();
            new.id = format!("made-{made}");
            new.title = format!("Made {made}");
            new.examples = vec![format!("what was made as number {made}")];
            topics.push(new);
        }
    }
}

/// A desk that learns the changes one by one replies like a desk that is started on the same database. After all
/// changes are reverted, it replies as before.
#[test]
fn after_any_changes_replies_are_those_of_a_fresh_start() {
    let taught = Taught::new();
    let questions = questions();
    let all = |desk: &Desk| -> Vec<String> {
        let ask = |question: &String| desk.answer(&routedesk::utterance::Utterance::new(question.clone())).reply.text;
        questions.iter().map(ask).collect()
    };
    let before = all(&taught.desk);
    let shipped = Store::open(&taught.path).unwrap().facts().unwrap();
    assert_eq!(shipped, text::shipped());
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
    let mut random = Random(seed);
    for made in 0..24 {
        taught.change(|facts| change(facts, &mut random, made));
        // A question after each change makes the desk learn them one by one.
        taught.ask("who flies it");
        if made % 8 == 7 {
            let fresh = open(&taught.path);
            assert!(all(&taught.desk) == all(&fresh), "after {} changes, SEED={seed}", made + 1);
        }
    }
    taught.change(|facts| *facts = shipped);
    assert!(all(&taught.desk) == before, "the changes still have an effect, SEED={seed}");
}
