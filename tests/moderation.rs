//! Moderators' commands: the scenarios on the core, rights, two at once, and what a change costs in time.

mod common;
mod scenario;

use std::path::Path;
use std::sync::{Arc, Barrier};

use common::random::Random;
use routedesk::desk::Desk;
use routedesk::facts::Facts;
use routedesk::moderation::command::{Field, Form, GRAMMAR, Verb};
use routedesk::moderation::{Actor, ByHand, Moderation, Next, Permission, Response};
use routedesk::store::posted_answers::PostedAnswer;
use routedesk::store::records::Records;
use routedesk::store::{RevisionOrigin, Scope, Store};
use routedesk::utterance::Utterance;

/// A day in November 2026.
const NOW: i64 = 1_795_000_000;

/// A desk on a copy of the shipped facts, with its moderators' side.
struct House {
    desk: Arc<Desk>,
    moderation: Moderation,
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.db");
        std::fs::copy(common::DATABASE.path().join("facts.db"), &path).unwrap();
        Self::on(folder, &path)
    }

    fn on(folder: tempfile::TempDir, path: &Path) -> Self {
        let desk = Arc::new(common::open(path));
        let moderation = Moderation::open(Arc::clone(&desk), path, "test").unwrap();
        Self { desk, moderation, folder }
    }

    /// Another connection to the database.
    fn store(&self) -> Store {
        Store::open(&self.folder.path().join("facts.db")).unwrap()
    }

    fn ask(&self, community: &str, question: &str) -> String {
        let scope = if community.is_empty() { Scope::Shared } else { Scope::community("test", community) };
        let answered = self.desk.answer(&Utterance::new(question).within(scope));
        self.moderation.keep_unanswered(community, &answered, NOW);
        answered.reply.text
    }

    /// What is said to a line that begins with a slash or answers a step; else the desk's answer.
    fn say(&self, by: &Actor, line: &str) -> String {
        match line.strip_prefix('/') {
            Some(command) => self.moderation.command(by, command, NOW).text,
            None if self.moderation.awaits(by, NOW) => self.moderation.answer(by, line, NOW).text,
            None if by.permission > Permission::Member => self.moderation.command(by, line, NOW).text,
            None => self.ask(&by.community, line),
        }
    }

    fn done(&self, by: &Actor, line: &str) -> Response {
        let said = self.moderation.command(by, line, NOW);
        assert_eq!(said.next, Next::Confirm, "{line}: {}", said.text);
        let said = self.moderation.answer(by, "confirm", NOW);
        assert!(said.committed.is_some(), "{line}: {}", said.text);
        said
    }
}

fn actor(who: &str, community: &str, permission: Permission) -> Actor {
    Actor { who: who.into(), community: community.into(), permission }
}

#[test]
fn the_scenarios_hold_in_a_community() {
    for (name, scenario) in scenario::all() {
        let house = House::new();
        for step in scenario::steps(&scenario) {
            let permission = if step.0 == "moderator" { Permission::Moderator } else { Permission::Member };
            scenario::check(&name, &step, &house.say(&actor(step.0, "1", permission), step.1));
        }
        assert_file_is_whole(&house, &actor("moderator", "1", Permission::Moderator), &name);
        // What is left of it shows nowhere else.
        assert!(house.ask("2", "how much is a ticket?").contains("45,000"));
        assert!(house.ask("", "how much is a ticket?").contains("45,000"));
    }
}

/// What scenarios leave behind goes out as a file and comes back as it is, and a file without a revision is one of now.
fn assert_file_is_whole(house: &House, by: &Actor, name: &str) {
    let text = exported(house, by);
    for text in [text.clone(), text.replace("#: revision ", "# ")] {
        let said = import(house, by, &text);
        assert!(said.text.contains("It changes nothing"), "{name}: {}", said.text);
    }
}

fn exported(house: &House, by: &Actor) -> String {
    house.moderation.command(by, "fact export", NOW).file.expect("a file").text
}

fn import(house: &House, by: &Actor, text: &str) -> Response {
    house.moderation.form(by, Form::new(Verb::FactImport).with(Field::File, text), NOW)
}

/// A file is one revision of a community: looked at first, made once, seen nowhere else, and taken back as a whole.
#[test]
fn a_file_comes_back_as_one_revision() {
    let house = House::new();
    let moderator = actor("m", "1", Permission::Moderator);
    let start = exported(&house, &moderator);
    let edited = start
        .replace("A ticket was priced at 45,000 rubles.", "A ticket was priced at 46,000 rubles.")
        .replace("\"money 45000 RUB\"", "\"money 46000 RUB\"")
        .replacen("examples = [\n", "examples = [\n  \"is a blorptastic jetplane involved\",\n", 1);
    let said = import(&house, &moderator, &edited);
    assert_eq!(said.next, Next::Confirm, "{}", said.text);
    for part in [
        "Bring a file in: 2 things",
        "46,000 rubles",
        "was: A ticket was priced at 45,000",
        "CONFIRM ONLY IF IT SAYS SO",
        "teaches \"is a blorp",
    ] {
        assert!(said.text.contains(part), "{part}: {}", said.text);
    }
    assert!(house.ask("1", "how much is a ticket?").contains("45,000 rubles ["), "nothing counts before a yes");
    let made = house.moderation.answer(&moderator, "confirm", NOW).committed.expect("made");
    assert!(house.ask("1", "how much is a ticket?").contains("46,000 rubles ["));
    assert!(house.ask("2", "how much is a ticket?").contains("45,000 rubles ["));
    assert_eq!(exported(&house, &moderator).replace("#: revision 2", "#: revision 1"), edited);
    assert!(import(&house, &moderator, &edited).text.contains("nothing was changed"), "the same again changes nothing");
    house.done(&moderator, &format!("undo {}", made.revision));
    assert_eq!(exported(&house, &moderator).replace("#: revision 3", "#: revision 1"), start);
}

/// Others' changes since a file was written stay; of what both changed the moderator is told, and nothing is changed.
#[test]
fn a_file_overwrites_nothing_that_was_changed_since() {
    let house = House::new();
    let (one, other) = (actor("m", "1", Permission::Moderator), actor("n", "1", Permission::Moderator));
    let start = exported(&house, &one);
    house.done(&other, "fact retire price-rubles wrong");
    let elsewhere = start.replace("cost about US$570", "cost some US$570");
    house.done(&other, "fact retire airline-base wrong");
    let said = import(&house, &one, &elsewhere);
    assert!(said.text.contains("1 thing changed") && !said.text.contains("price-rubles\n"), "{}", said.text);
    house.moderation.answer(&one, "confirm", NOW);
    let now = exported(&house, &one);
    assert!(now.contains("cost some US$570") && now.matches("rank = \"deprecated\"").count() == 2);
    let said = import(&house, &one, &start.replace("A ticket was priced at 45,000 rubles.", "It was 47,000 rubles."));
    assert!(said.text.contains("was changed here since") && said.text.contains("price-rubles"), "{}", said.text);
    assert_eq!((said.next, exported(&house, &one)), (Next::Nothing, now));
    // What each of two teaches is in order, and both together not.
    let teach = "examples = [\n";
    let taught = start.replacen(teach, "examples = [\n  \"who has a blorp\",\n", 1);
    house.done(&other, "question add ticket-price who has a blorp");
    let said = import(&house, &one, &taught);
    assert!(said.text.contains("doesn't go together") && said.text.contains("also stands in"), "{}", said.text);
}

/// What may not be typed may not stand in a file either; nothing of it is taken, and all of it is told at once.
#[test]
fn bad_files_are_refused_as_a_whole() {
    let house = House::new();
    let moderator = actor("m", "1", Permission::Moderator);
    let start = exported(&house, &moderator);
    let statement = "A ticket was priced at 45,000 rubles.";
    let long = format!("A ticket {}.", "x".repeat(600));
    for (from, to, part) in [
        (statement, "A ticket for @everyone.", "no mention"),
        (statement, "See https://x.org about it.", "no address"),
        (statement, long.as_str(), "too long"),
        (statement, "A ticket costs much", "no sentence"),
        (statement, "A ticket is cheap [7].", "no number in brackets"),
        ("claims = [\"price-rubles\", ", "claims = [\"price-rubles\", \"price-rubles\", ", "stands twice"),
        ("\"money 45000 RUB\"", "\"money lots\"", "line "),
        ("source = \"azzet\"", "source = \"pravda\"", "unknown source `pravda`"),
        ("id = \"price-rubles\"", &format!("id = \"{}\"", "p".repeat(61)), "an id has up to 60"),
        ("\nunprinted = \"", "\nunprinted = \"<https://x.org> ", "no address"),
        ("title = \"The price of a ticket\"", "title = \"Which airline flies the route\"", "the same title"),
        ("title = \"The price of a ticket\"", "title = \"The price <@12>\"", "no mention"),
        ("url = \"https://azzet", "url = \"javascript:alert(1)//azzet", "no address on the web"),
        ("publisher = \"Azzet\"", "publisher = \"Azzet discord.gg/abc\"", "no mention and no invitation"),
        ("#: revision 1\n", "#: revision 900\n", "written elsewhere"),
        ("#: revision 1\n", "#: revision -3\n", "written elsewhere"),
        ("#: file sources.toml\n", "\n", "no file of facts"),
    ] {
        assert!(start.contains(from), "{from}");
        let said = import(&house, &moderator, &start.replace(from, to));
        assert!(said.text.contains(part), "{to}: {}", said.text);
        assert!(!matches!(said.next, Next::Confirm), "{to}: {}", said.text);
    }
    for text in ["hello", "#: file", "\0\0", "#: file a.toml\n#: file a.toml"] {
        assert!(import(&house, &moderator, text).text.contains("can't be brought in"), "{text}");
    }
    // The day of a claim without a source is spoken, too.
    let at = start.find("[[claim]]\nid = \"price-rubles\"").unwrap();
    let (from, to) = (at + start[at..].find("cite = [").unwrap(), at + start[at..].find("\n]").unwrap());
    let unsourced = |day: &str| format!("{}unsourced = \"{day}\"\ncite = [{}", &start[..from], &start[to..]);
    assert!(import(&house, &moderator, &unsourced("2025 <https://x.org> discord.gg/abc")).text.contains("is no date"));
    assert!(import(&house, &moderator, &unsourced("2026-11-20")).text.contains("source: no source"));
    // However much is wrong, little is said.
    for text in
        ["#:\n".repeat(500_000), format!("#: {}", "x".repeat(2_000_000)), "#: file sources.toml\n".repeat(90_000)]
    {
        let said = import(&house, &moderator, &text).text;
        assert!(said.contains("can't be brought in") && said.len() < 6_000, "{said}");
    }
    let said = import(&house, &moderator, &"x\n".repeat(3_000_000)).text;
    assert!(said.contains("at most"), "{said}");
    // A file that was cut short takes nothing away unseen.
    let last = start.find("#: file silent-articles.toml").unwrap();
    assert!(import(&house, &moderator, &start[..last]).text.contains("parts are missing"));
    let topics: Vec<usize> = start[last..].match_indices("\n[[topic]]").map(|(at, _)| last + at).collect();
    let said = import(&house, &moderator, &start[..topics[1]]);
    assert!(said.text.contains("TAKEN AWAY") && said.next == Next::Confirm, "{}", said.text);
    // Of many changes all are named, what goes before the others.
    let many = start[..topics[1]].replace("as_of_basis = \"event\"", "as_of_basis = \"report\"");
    let said = import(&house, &moderator, &many);
    let all = said.file.expect("all of it as a file").text;
    assert!(all.matches("which is the day: of the report").count() > 50, "{all}");
    let said = said.text;
    let places =
        ["TAKEN AWAY", "Takes away topic ", "Change ", "and also claim "].map(|part| said.find(part).expect(part));
    assert!(places.is_sorted() && said.len() < 60_000, "{said}");
    house.moderation.answer(&moderator, "cancel", NOW);
    assert_eq!(exported(&house, &moderator), start);
    for permission in [Permission::Member, Permission::Moderator] {
        let community = if permission == Permission::Moderator { "" } else { "1" };
        let by = actor("x", community, permission);
        assert!(import(&house, &by, &start).text.contains("Only those who"));
        assert_eq!(house.moderation.command(&by, "fact export", NOW).file, None);
    }
}

/// The same scenarios said by the operator change what all share, where members may not.
#[test]
fn the_scenarios_hold_for_what_all_share() {
    for (name, scenario) in scenario::all().into_iter().filter(|(name, _)| name != "bad_input") {
        let house = House::new();
        for step in scenario::steps(&scenario) {
            let permission = if step.0 == "moderator" { Permission::Operator } else { Permission::Member };
            scenario::check(&name, &step, &house.say(&actor(step.0, "", permission), step.1));
        }
        assert_file_is_whole(&house, &actor("moderator", "", Permission::Operator), &name);
    }
}

/// A moderator's own answer to a question that the desk could not answer becomes a fact; nobody else's does, no question
/// does, and the same once.
#[test]
fn an_answer_given_by_hand_becomes_a_fact() {
    let house = House::new();
    let (member, moderator) = (actor("a", "1", Permission::Member), actor("m", "1", Permission::Moderator));
    let question = "is there a lounge for passengers at pyongyang airport";
    let fact = "Azzet reports no lounge at Pyongyang airport";
    let keep = |by: &Actor, text: &str| house.moderation.keep_answer(by, question, text, NOW);
    assert_eq!(keep(&member, fact), ByHand::Ordinary);
    assert_eq!(keep(&actor("m", "", Permission::Moderator), fact), ByHand::Ordinary);
    for text in ["why not?", "no", "thank you very much", "price of a ticket"] {
        assert_eq!(keep(&moderator, text), ByHand::Ordinary, "{text}");
    }
    for text in ["Azzet reports no lounge @everyone", "Azzet reports no lounge, see https://azzet.com/x"] {
        let ByHand::Refused(why) = keep(&moderator, text) else { panic!("{text}") };
        assert!(why.contains("may have no"), "{why}");
    }
    let ByHand::Kept(kept) = keep(&moderator, fact) else { panic!("not kept") };
    assert_eq!(keep(&moderator, fact), ByHand::Kept(kept.clone()));
    assert!(house.say(&moderator, "/suggestions").contains("as an answer to"));
    assert!(house.moderation.accept_suggestion(&member, kept.id, NOW).text.contains("Only those who moderate"));
    for line in ["/accept 1", "-", "azzet 3", "confirm"] {
        house.say(&moderator, line);
    }
    assert!(house.say(&member, question).starts_with("Azzet reports no lounge at Pyongyang airport [1]."));
    assert!(house.moderation.accept_suggestion(&moderator, kept.id, NOW).text.contains("in the meantime"));
}

#[test]
fn nobody_does_what_they_may_not() {
    let house = House::new();
    let before = house.desk.facts_of(&Scope::Shared).unwrap();
    for grammar in GRAMMAR {
        let line = format!("{} x | y", grammar.words);
        let said = house.moderation.command(&actor("m", "1", Permission::Member), &line, NOW);
        let may = matches!(grammar.words, "suggest" | "help");
        assert_eq!(!said.text.contains("Only those who"), may || said.text.contains("takes"), "{line}: {}", said.text);
        // A moderator of a community doesn't change what all share.
        let said = house.moderation.command(&actor("m", "", Permission::Moderator), &line, NOW);
        assert!(said.next == Next::Nothing, "{line}: {}", said.text);
    }
    // Who loses the right between looking and confirming changes nothing.
    let line = "fact retire price-rubles wrong";
    assert_eq!(house.moderation.command(&actor("m", "1", Permission::Moderator), line, NOW).next, Next::Confirm);
    let said = house.moderation.answer(&actor("m", "1", Permission::Member), "confirm", NOW);
    assert!(said.committed.is_none() && said.text.contains("Only those who"), "{}", said.text);
    // Another one can't confirm it, nor can they themselves elsewhere or much later.
    assert_eq!(house.moderation.command(&actor("m", "1", Permission::Moderator), line, NOW).next, Next::Confirm);
    for (who, community, now) in [("n", "1", NOW), ("m", "2", NOW), ("m", "1", NOW + 3_600)] {
        let said = house.moderation.answer(&actor(who, community, Permission::Moderator), "confirm", now);
        assert!(said.committed.is_none(), "{}", said.text);
    }
    assert!(house.desk.facts_of(&Scope::Shared).unwrap() == before);
    assert!(house.desk.facts_of(&Scope::community("test", "1")).unwrap() == before);
}

#[test]
fn the_second_of_two_sees_what_the_first_did() {
    let house = House::new();
    let (one, other) = (actor("1", "1", Permission::Moderator), actor("2", "1", Permission::Moderator));
    let edit = |price: &str| {
        format!(
            "fact edit price-rubles | statement: A ticket costs {price} rubles. | value: {price} RUB | source: same"
        )
    };
    assert_eq!(house.moderation.command(&one, &edit("46,000"), NOW).next, Next::Confirm);
    assert_eq!(house.moderation.command(&other, &edit("47,000"), NOW).next, Next::Confirm);
    assert!(house.moderation.answer(&other, "yes", NOW).committed.is_some());
    let said = house.moderation.answer(&one, "yes", NOW);
    assert!(said.committed.is_none() && said.text.contains("47,000"), "{}", said.text);
    assert!(house.ask("1", "how much is a ticket?").contains("47,000"));
}

/// Operators on two platforms who confirm at the same moment what both looked at: each time one change is made, and the
/// other operator is shown it. In several databases, because each change looks at all before it.
#[test]
fn of_two_on_two_platforms_one_is_told() {
    const DATABASES: usize = 10;
    const PAIRS: usize = 200;
    for database in 0..DATABASES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.db");
        std::fs::copy(common::DATABASE.path().join("facts.db"), &path).unwrap();
        let mut store = Store::open(&path).unwrap();
        store.replace(&ticket_facts(), RevisionOrigin::Import, &common::meta("start")).unwrap();
        drop(common::open(&path));
        let together = Barrier::new(2);
        let (here, there) = std::thread::scope(|threads| {
            let there = threads.spawn(|| confirm_with_another(&path, "matrix", PAIRS, &together));
            (confirm_with_another(&path, "discord", PAIRS, &together), there.join().unwrap())
        });
        for (pair, (here, there)) in here.iter().zip(&there).enumerate() {
            assert!(here.0 != there.0, "{database}/{pair}: {here:?} {there:?}");
            let (told, winner) = if here.0 { (there, "discord") } else { (here, "matrix") };
            assert!(told.1.contains(&format!("Pair {pair} on {winner}.")), "{database}/{pair}: {}", told.1);
        }
        // One of each pair was made, and nothing else.
        let log = store.log(&Scope::Shared, u32::MAX).unwrap();
        assert_eq!(log.iter().filter(|revision| revision.by_moderator).count(), PAIRS);
    }
}

/// The price of a ticket with few questions, so that a change takes no time.
fn ticket_facts() -> Facts {
    let mut facts = common::few_facts();
    facts.subjects.retain(|subject| subject.id == "tickets");
    for subject in &mut facts.subjects {
        subject.topics.truncate(4);
        subject.topics.iter_mut().for_each(|topic| topic.examples.truncate(3));
    }
    facts
}

/// An operator on a platform looks at changes of a claim and confirms them when another one does; whether each was made, and
/// what was said.
fn confirm_with_another(path: &Path, platform: &'static str, pairs: usize, together: &Barrier) -> Vec<(bool, String)> {
    let moderation = Moderation::open(Arc::new(common::open(path)), path, platform).unwrap();
    let by = actor("op", "", Permission::Operator);
    let one = |pair: usize| {
        let line = format!("fact edit price-rubles | statement: Pair {pair} on {platform}. | value: - | source: same");
        let said = moderation.command(&by, &line, NOW);
        assert_eq!(said.next, Next::Confirm, "{}", said.text);
        together.wait();
        let said = moderation.answer(&by, "confirm", NOW);
        together.wait();
        (said.committed.is_some(), said.text)
    };
    (0..pairs).map(one).collect()
}

#[test]
fn an_operator_lifts_a_change_to_all() {
    let house = House::new();
    let operator = actor("boss", "1", Permission::Operator);
    house.done(&operator, "topic add The lounge | is there a lounge? | There is a lounge. | - | azzet 3");
    assert!(!house.ask("2", "is there a lounge?").contains("There is a lounge"));
    let revision = house.store().revision().unwrap();
    // What the community makes of the same topic besides isn't lifted with it.
    house.done(&operator, "question add the-lounge is there a place to wait in comfort");
    let said = house.moderation.command(&operator, &format!("promote {revision}"), NOW);
    assert_eq!(said.next, Next::Confirm, "{}", said.text);
    let said = house.moderation.answer(&operator, "confirm", NOW);
    assert!(said.text.contains("all share it"), "{}", said.text);
    for community in ["", "1", "2"] {
        assert!(house.ask(community, "is there a lounge?").contains("There is a lounge [1]."), "{community}");
    }
    let taught = |scope: &Scope| {
        let (facts, _) = house.desk.facts_of(scope).unwrap();
        facts.topics().any(|topic| topic.examples.iter().any(|example| example.contains("wait in comfort")))
    };
    assert!(taught(&Scope::community("test", "1")) && !taught(&Scope::Shared));
    // With that lifted too the community has nothing of its own any more.
    assert_eq!(house.moderation.command(&operator, &format!("promote {}", revision + 1), NOW).next, Next::Confirm);
    house.moderation.answer(&operator, "confirm", NOW);
    assert!(taught(&Scope::Shared));
    assert!(house.store().overlay(&Scope::community("test", "1")).unwrap().is_empty());
    // What others changed of the same meanwhile isn't overwritten.
    let edit = |words: &str| {
        format!("fact edit price-rubles | statement: It cost {words} rubles then. | value: - | source: same")
    };
    house.done(&operator, &edit("some"));
    let own = house.store().revision().unwrap();
    house.done(&actor("boss", "", Permission::Operator), &edit("many"));
    let said = house.moderation.command(&operator, &format!("promote {own}"), NOW);
    assert!(said.text.contains("differs in the same"), "{}", said.text);
}

/// Undoing one of two changes of a topic leaves the other.
#[test]
fn undoing_takes_only_its_own_change_back() {
    let house = House::new();
    let by = actor("m", "1", Permission::Moderator);
    house.done(&by, "fact add ticket-price | Tickets are blue. | - | azzet 3");
    let first = house.store().revision().unwrap();
    house.done(&by, "question add ticket-price give me the lowdown on the dosh");
    house.done(&by, &format!("undo {first}"));
    let said = house.ask("1", "lowdown on the dosh");
    assert!(said.contains("45,000") && !said.contains("blue"), "{said}");
    // And the undoing is undone.
    house.done(&by, &format!("undo {}", first + 2));
    assert!(house.ask("1", "lowdown on the dosh").contains("blue"));
}

/// Whatever is typed gets an answer, and nothing but a confirmed change changes anything.
#[test]
fn any_line_gets_an_answer() {
    let house = House::new();
    let before = house.desk.facts_of(&Scope::community("test", "1")).unwrap();
    let mut random = Random(std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121));
    let words: Vec<&str> = GRAMMAR.iter().flat_map(|grammar| grammar.words.split(' ')).collect();
    let odd = [
        "|",
        "\n",
        ":",
        "\"",
        "value:",
        "source:",
        "statement: x",
        "ticket-price",
        "price-rubles",
        "1",
        "-",
        "all since",
        "٣",
        "same",
        "\u{202e}",
        "🦀",
        "99999999999999999999",
        "none",
        "x",
        "azzet 3",
        "",
    ];
    for _ in 0..3_000 {
        let length = random.below(8);
        let line: Vec<&str> = (0..length)
            .map(|_| if random.below(2) == 0 { *random.one_of(&words) } else { *random.one_of(&odd) })
            .collect();
        let line = line.join(" ");
        let by = actor("m", "1", Permission::Moderator);
        let said = match random.below(3) {
            0 if line.trim() != "yes" => house.moderation.answer(&by, &line, NOW),
            _ => house.moderation.command(&by, &line, NOW),
        };
        assert!(!said.text.trim().is_empty() && said.committed.is_none(), "{line:?}");
        assert!(!said.text.contains("wrong on my side"), "{line:?}");
    }
    assert!(house.desk.facts_of(&Scope::community("test", "1")).unwrap() == before);
}

/// A disk that is full, or somebody else who holds the database: a sentence, nothing half written, and once that is over
/// the same change goes through.
#[test]
fn a_change_that_fails_in_the_middle_changes_nothing() {
    let house = House::new();
    let by = actor("m", "1", Permission::Moderator);
    let line = "topic add The umbrellas | are there umbrellas? | There are no umbrellas. | - | azzet 3";
    let before = house.desk.facts_of(&Scope::community("test", "1")).unwrap();
    let other = rusqlite::Connection::open(house.folder.path().join("facts.db")).unwrap();
    // Before the second of its changes is written SQLite fails as on a full disk.
    let full = "CREATE TRIGGER full BEFORE INSERT ON change WHEN NEW.position = 1
                BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    for (begin, end) in [(full, "DROP TRIGGER full"), ("BEGIN IMMEDIATE", "ROLLBACK")] {
        assert_eq!(house.moderation.command(&by, line, NOW).next, Next::Confirm);
        other.execute_batch(begin).unwrap();
        let said = house.moderation.answer(&by, "confirm", NOW);
        assert!(said.committed.is_none() && said.text.contains("Nothing was changed"), "{}", said.text);
        assert_eq!(said.next, Next::Confirm, "it can be confirmed again");
        // Those who ask don't wait for it.
        assert!(house.desk.answer(&Utterance::new("how much is a ticket?")).reply.text.contains("45,000"));
        other.execute_batch(end).unwrap();
        assert!(house.desk.facts_of(&Scope::community("test", "1")).unwrap() == before);
    }
    assert!(house.moderation.answer(&by, "confirm", NOW).committed.is_some());
    assert!(house.ask("1", "are there umbrellas?").contains("There are no umbrellas [1]."));
}

/// Answers that showed a claim which is changed say what is right now; undoing puts them back, to the letter. What showed
/// none of it, or was said elsewhere, stays.
#[test]
fn answer_updates_reach_old_answers_and_leave_no_trace_when_undone() {
    let house = House::new();
    let by = actor("m", "1", Permission::Moderator);
    let records = Records::open(&house.folder.path().join("facts.db"), "test").unwrap();
    let asked = [
        ("1", "how much is a ticket?"),
        ("1", "сколько стоит билет?"),
        ("1", "how much is a ticket and who flies it?"),
        ("1", "is it flown by s7?"),
        ("1", "what does a return ticket cost?"),
        ("2", "how much is a ticket?"),
    ];
    let mut given = Vec::new();
    for (at, (community, question)) in asked.iter().enumerate() {
        let scope = Scope::community("test", community);
        let reply = house.desk.answer(&Utterance::new(*question).within(scope.clone())).reply;
        let answer =
            PostedAnswer::of(&reply, scope.clone(), "channel", &at.to_string()).expect("something that may change");
        assert_eq!(house.desk.again(&scope, &answer.recipe).unwrap().text, reply.text, "{question}");
        records.keep_answer(&answer, NOW).unwrap();
        given.push(reply.text);
    }
    let corrected = || -> Vec<(usize, String)> {
        let due = house.moderation.answer_updates().unwrap();
        due.iter().for_each(|update| house.moderation.answer_updated(update).unwrap());
        assert!(house.moderation.answer_updates().unwrap().is_empty());
        due.into_iter().map(|update| (update.answer.question.parse().unwrap(), update.reply.text)).collect()
    };
    assert_eq!(corrected(), []);
    let edit =
        "fact edit price-rubles | statement: A ticket was priced at 46,000 rubles. | value: 46,000 RUB | source: same";
    house.done(&by, edit);
    let first = house.store().revision().unwrap();
    let now = corrected();
    assert_eq!(now.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2]);
    for (at, text) in &now {
        assert!(text.contains("46,000") && text.contains("45,000") == (*at != 1), "{text}");
        assert!(text.contains("Corrected on 18 November 2026. Before, it said: A ticket was") || *at == 1, "{text}");
    }
    assert!(now[1].1.contains("Исправлено 18 ноября 2026"), "{}", now[1].1);
    // Another change of the same: what it said at first is what counts.
    house.done(&by, "fact edit price-rubles | statement: It was 47,000 rubles. | value: 47,000 RUB | source: same");
    let now = corrected();
    assert!(now[0].1.contains("47,000") && now[0].1.contains("45,000") && !now[0].1.contains("46,000"), "{}", now[0].1);
    house.done(&by, &format!("undo all since {}", first - 1));
    for (at, text) in corrected() {
        assert_eq!(text, given[at]);
    }
    // A retired claim is no longer said, but that it was.
    house.done(&by, "fact retire price-rubles it is wrong");
    let now = corrected();
    assert!(now[0].1.contains("Before, it said: A ticket was priced at 45,000 rubles."), "{}", now[0].1);
}
