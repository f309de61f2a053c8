//! Tests moderators' commands without a platform: the scenarios, permissions, exported and imported files, concurrent
//! changes, failures, and updates of old answers.

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

/// The time of all commands, 18 November 2026, in seconds since 1970.
const NOW: i64 = 1_795_000_000;

/// A desk on a copy of the test database, and the commands that change its facts.
struct House {
    desk: Arc<Desk>,
    moderation: Moderation,
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = common::database_in(folder.path());
        Self::on(folder, &path)
    }

    fn on(folder: tempfile::TempDir, path: &Path) -> Self {
        let desk = Arc::new(common::open(path));
        let moderation = Moderation::open(Arc::clone(&desk), path, "test").unwrap();
        Self { desk, moderation, folder }
    }

    /// Opens another connection to the database.
    fn store(&self) -> Store {
        Store::open(&self.folder.path().join("facts.db")).unwrap()
    }

    fn ask(&self, community: &str, question: &str) -> String {
        let scope = if community.is_empty() { Scope::Shared } else { Scope::community("test", community) };
        let answered = self.desk.answer(&Utterance::new(question).within(scope));
        self.moderation.keep_unanswered(community, &answered, NOW);
        answered.reply.text
    }

    /// Sends a line: a command if it begins with a slash or an actor above a member sends it, the answer to an open
    /// step, or else a question. Returns the reply.
    fn say(&self, by: &Actor, line: &str) -> String {
        match line.strip_prefix('/') {
            Some(command) => self.moderation.command(by, command, NOW).text,
            None if self.moderation.awaits(by, NOW) => self.moderation.answer(by, line, NOW).text,
            None if by.permission > Permission::Member => self.moderation.command(by, line, NOW).text,
            None => self.ask(&by.community, line),
        }
    }

    /// Runs a command, confirms it, and returns the response. Panics if nothing is committed.
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
        // The changes don't show in another community or in the shared facts.
        assert!(house.ask("2", "how much is a ticket?").contains("45,000"));
        assert!(house.ask("", "how much is a ticket?").contains("45,000"));
    }
}

/// Checks that the exported facts import without a difference. A file without a revision counts as exported now.
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

/// An imported file becomes one revision of a community. It is previewed, doesn't show elsewhere, and is undone as a
/// whole.
#[test]
fn an_imported_file_becomes_one_revision() {
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
        "Import a file: 2 entries",
        "46,000 rubles",
        "was: A ticket was priced at 45,000",
        "CONFIRM ONLY IF THAT SOURCE SAYS SO",
        "adds the questions \"is a blorp",
    ] {
        assert!(said.text.contains(part), "{part}: {}", said.text);
    }
    assert!(
        house.ask("1", "how much is a ticket?").contains("45,000 rubles ["),
        "an import has no effect before it is confirmed"
    );
    let made = house.moderation.answer(&moderator, "confirm", NOW).committed.expect("the import is committed");
    assert!(house.ask("1", "how much is a ticket?").contains("46,000 rubles ["));
    assert!(house.ask("2", "how much is a ticket?").contains("45,000 rubles ["));
    assert_eq!(exported(&house, &moderator).replace("#: revision 2", "#: revision 1"), edited);
    assert!(
        import(&house, &moderator, &edited).text.contains("nothing was changed"),
        "importing the same file again changes nothing"
    );
    house.done(&moderator, &format!("undo {}", made.revision));
    assert_eq!(exported(&house, &moderator).replace("#: revision 3", "#: revision 1"), start);
}

/// An import keeps the changes that others made since the export. If both changed the same entity, the moderator is
/// told and nothing is changed.
#[test]
fn an_import_overwrites_no_later_change() {
    let house = House::new();
    let (one, other) = (actor("m", "1", Permission::Moderator), actor("n", "1", Permission::Moderator));
    let start = exported(&house, &one);
    house.done(&other, "fact retire price-rubles wrong");
    let elsewhere = start.replace("cost about US$570", "cost some US$570");
    house.done(&other, "fact retire airline-base wrong");
    let said = import(&house, &one, &elsewhere);
    assert!(said.text.contains("1 entry changed") && !said.text.contains("price-rubles\n"), "{}", said.text);
    house.moderation.answer(&one, "confirm", NOW);
    let now = exported(&house, &one);
    assert!(now.contains("cost some US$570") && now.matches("rank = \"deprecated\"").count() == 2);
    let said = import(&house, &one, &start.replace("A ticket was priced at 45,000 rubles.", "It was 47,000 rubles."));
    assert!(said.text.contains("were changed here since") && said.text.contains("price-rubles"), "{}", said.text);
    assert_eq!((said.next, exported(&house, &one)), (Next::Nothing, now));
    // Each of two added examples is valid on its own, but not both together.
    let teach = "examples = [\n";
    let taught = start.replacen(teach, "examples = [\n  \"who has a blorp\",\n", 1);
    house.done(&other, "question add ticket-price who has a blorp");
    let said = import(&house, &one, &taught);
    assert!(
        said.text.contains("conflicts with what was changed") && said.text.contains("is also an example"),
        "{}",
        said.text
    );
}

/// Files obey the same rules as commands. A file with problems is refused as a whole, with all problems listed.
#[test]
fn bad_files_are_refused_as_a_whole() {
    let house = House::new();
    let moderator = actor("m", "1", Permission::Moderator);
    let start = exported(&house, &moderator);
    let statement = "A ticket was priced at 45,000 rubles.";
    let long = format!("A ticket {}.", "x".repeat(600));
    for (from, to, part) in [
        (statement, "A ticket for @everyone.", "must not contain a mention"),
        (statement, "See https://x.org about it.", "must not contain a web address"),
        (statement, long.as_str(), "too long"),
        (statement, "A ticket costs much", "the statement must end with"),
        (statement, "A ticket is cheap [7].", "a number in brackets"),
        ("claims = [\"price-rubles\", ", "claims = [\"price-rubles\", \"price-rubles\", ", "is listed twice"),
        ("\"money 45000 RUB\"", "\"money lots\"", "line "),
        ("source = \"azzet\"", "source = \"pravda\"", "unknown source `pravda`"),
        ("id = \"price-rubles\"", &format!("id = \"{}\"", "p".repeat(61)), "an id has up to 60"),
        ("\nunprinted = \"", "\nunprinted = \"<https://x.org> ", "must not contain a web address"),
        ("title = \"The price of a ticket\"", "title = \"Which airline flies the route\"", "the same title"),
        ("title = \"The price of a ticket\"", "title = \"The price <@12>\"", "must not contain a mention"),
        ("url = \"https://azzet", "url = \"javascript:alert(1)//azzet", "isn't a web address"),
        ("publisher = \"Azzet\"", "publisher = \"Azzet discord.gg/abc\"", "a mention or an invitation"),
        ("#: revision 1\n", "#: revision 900\n", "exported elsewhere"),
        ("#: revision 1\n", "#: revision -3\n", "exported elsewhere"),
        ("#: file sources.toml\n", "\n", "not a facts file"),
    ] {
        assert!(start.contains(from), "{from}");
        let said = import(&house, &moderator, &start.replace(from, to));
        assert!(said.text.contains(part), "{to}: {}", said.text);
        assert!(!matches!(said.next, Next::Confirm), "{to}: {}", said.text);
    }
    for text in ["hello", "#: file", "\0\0", "#: file a.toml\n#: file a.toml"] {
        assert!(import(&house, &moderator, text).text.contains("can't be imported"), "{text}");
    }
    // Replies show the day of a claim without a source, so it is checked, too.
    let at = start.find("[[claim]]\nid = \"price-rubles\"").unwrap();
    let (from, to) = (at + start[at..].find("cite = [").unwrap(), at + start[at..].find("\n]").unwrap());
    let unsourced = |day: &str| format!("{}unsourced = \"{day}\"\ncite = [{}", &start[..from], &start[to..]);
    assert!(import(&house, &moderator, &unsourced("2025 <https://x.org> discord.gg/abc")).text.contains("not a date"));
    assert!(import(&house, &moderator, &unsourced("2026-11-20")).text.contains("source: no source"));
    // The list of problems is limited.
    for text in
        ["#:\n".repeat(500_000), format!("#: {}", "x".repeat(2_000_000)), "#: file sources.toml\n".repeat(90_000)]
    {
        let said = import(&house, &moderator, &text).text;
        assert!(said.contains("can't be imported") && said.len() < 6_000, "{said}");
    }
    let said = import(&house, &moderator, &"x\n".repeat(3_000_000)).text;
    assert!(said.contains("at most"), "{said}");
    // The preview of a truncated file shows what it would remove.
    let last = start.find("#: file silent-articles.toml").unwrap();
    assert!(import(&house, &moderator, &start[..last]).text.contains("parts are missing"));
    let topics: Vec<usize> = start[last..].match_indices("\n[[topic]]").map(|(at, _)| last + at).collect();
    let said = import(&house, &moderator, &start[..topics[1]]);
    assert!(said.text.contains("REMOVED") && said.next == Next::Confirm, "{}", said.text);
    // The preview of many changes names all of them, removals first.
    let many = start[..topics[1]].replace("as_of_basis = \"event\"", "as_of_basis = \"report\"");
    let said = import(&house, &moderator, &many);
    let all = said.file.expect("the preview has a file with all changes").text;
    assert!(all.matches("basis of the date: report").count() > 50, "{all}");
    let said = said.text;
    let places = ["REMOVED", "Removes topic ", "Change ", "and also claim "].map(|part| said.find(part).expect(part));
    assert!(places.is_sorted() && said.len() < 60_000, "{said}");
    house.moderation.answer(&moderator, "cancel", NOW);
    assert_eq!(exported(&house, &moderator), start);
    for permission in [Permission::Member, Permission::Moderator] {
        let community = if permission == Permission::Moderator { "" } else { "1" };
        let by = actor("x", community, permission);
        assert!(import(&house, &by, &start).text.contains("may do that here"));
        assert_eq!(house.moderation.command(&by, "fact export", NOW).file, None);
    }
}

/// The scenarios also hold for the shared facts, which only operators can change.
#[test]
fn the_scenarios_hold_for_shared_facts() {
    for (name, scenario) in scenario::all().into_iter().filter(|(name, _)| name != "bad_input") {
        let house = House::new();
        for step in scenario::steps(&scenario) {
            let permission = if step.0 == "moderator" { Permission::Operator } else { Permission::Member };
            scenario::check(&name, &step, &house.say(&actor(step.0, "", permission), step.1));
        }
        assert_file_is_whole(&house, &actor("moderator", "", Permission::Operator), &name);
    }
}

/// A moderator's reply to a question without an answer becomes a suggested fact, once. Replies of others and replies
/// that are questions don't.
#[test]
fn a_moderators_reply_becomes_a_fact() {
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
        assert!(why.contains("must not contain"), "{why}");
    }
    let ByHand::Kept(kept) = keep(&moderator, fact) else { panic!("the reply isn't kept") };
    assert_eq!(keep(&moderator, fact), ByHand::Kept(kept.clone()));
    assert!(house.say(&moderator, "/suggestions").contains("as an answer to"));
    assert!(house.moderation.accept_suggestion(&member, kept.id, NOW).text.contains("Only moderators may"));
    for line in ["/accept 1", "-", "azzet 3", "confirm"] {
        house.say(&moderator, line);
    }
    assert!(house.say(&member, question).starts_with("Azzet reports no lounge at Pyongyang airport [1]."));
    assert!(house.moderation.accept_suggestion(&moderator, kept.id, NOW).text.contains("in the meantime"));
}

#[test]
fn commands_without_permission_change_nothing() {
    let house = House::new();
    let before = house.desk.facts_of(&Scope::Shared).unwrap();
    for grammar in GRAMMAR {
        let line = format!("{} x | y", grammar.words);
        let said = house.moderation.command(&actor("m", "1", Permission::Member), &line, NOW);
        let may = matches!(grammar.words, "suggest" | "help");
        assert_eq!(
            !said.text.contains("may do that here"),
            may || said.text.contains("takes"),
            "{line}: {}",
            said.text
        );
        // A moderator of a community can't change the shared facts.
        let said = house.moderation.command(&actor("m", "", Permission::Moderator), &line, NOW);
        assert!(said.next == Next::Nothing, "{line}: {}", said.text);
    }
    // An actor who loses the permission between preview and confirmation can't confirm.
    let line = "fact retire price-rubles wrong";
    assert_eq!(house.moderation.command(&actor("m", "1", Permission::Moderator), line, NOW).next, Next::Confirm);
    let said = house.moderation.answer(&actor("m", "1", Permission::Member), "confirm", NOW);
    assert!(said.committed.is_none() && said.text.contains("may do that here"), "{}", said.text);
    // Another moderator can't confirm, and the same moderator can't in another community or an hour later.
    assert_eq!(house.moderation.command(&actor("m", "1", Permission::Moderator), line, NOW).next, Next::Confirm);
    for (who, community, now) in [("n", "1", NOW), ("m", "2", NOW), ("m", "1", NOW + 3_600)] {
        let said = house.moderation.answer(&actor(who, community, Permission::Moderator), "confirm", now);
        assert!(said.committed.is_none(), "{}", said.text);
    }
    assert!(house.desk.facts_of(&Scope::Shared).unwrap() == before);
    assert!(house.desk.facts_of(&Scope::community("test", "1")).unwrap() == before);
}

#[test]
fn the_second_of_two_moderators_sees_the_first_change() {
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

/// Two operators on two platforms preview and confirm changes of the same claim at the same time: one change is made,
/// and the other operator is shown it. Several databases, because the time of a change grows with the number of earlier
/// ones.
#[test]
fn of_two_concurrent_confirmations_one_is_refused() {
    const DATABASES: usize = 10;
    const PAIRS: usize = 200;
    for database in 0..DATABASES {
        let folder = tempfile::tempdir().unwrap();
        let path = common::database_in(folder.path());
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
        // One change of each pair was made, and nothing else.
        let log = store.log(&Scope::Shared, u32::MAX).unwrap();
        assert_eq!(log.iter().filter(|revision| revision.by_moderator).count(), PAIRS);
    }
}

/// Returns few facts about tickets with few examples, so that a change is fast.
fn ticket_facts() -> Facts {
    let mut facts = common::few_facts();
    facts.subjects.retain(|subject| subject.id == "tickets");
    for subject in &mut facts.subjects {
        subject.topics.truncate(4);
        subject.topics.iter_mut().for_each(|topic| topic.examples.truncate(3));
    }
    facts
}

/// Previews changes of a claim as an operator on a platform, and confirms each at the same time as another thread.
/// Returns for each true if it was made, and the response.
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
fn an_operator_promotes_a_change_to_the_shared_facts() {
    let house = House::new();
    let operator = actor("boss", "1", Permission::Operator);
    house.done(&operator, "topic add The lounge | is there a lounge? | There is a lounge. | - | azzet 3");
    assert!(!house.ask("2", "is there a lounge?").contains("There is a lounge"));
    let revision = house.store().revision().unwrap();
    // Another change of the same topic isn't promoted with it.
    house.done(&operator, "question add the-lounge is there a place to wait in comfort");
    let said = house.moderation.command(&operator, &format!("promote {revision}"), NOW);
    assert_eq!(said.next, Next::Confirm, "{}", said.text);
    let said = house.moderation.answer(&operator, "confirm", NOW);
    assert!(said.text.contains("all communities share it"), "{}", said.text);
    for community in ["", "1", "2"] {
        assert!(house.ask(community, "is there a lounge?").contains("There is a lounge [1]."), "{community}");
    }
    let taught = |scope: &Scope| {
        let (facts, _) = house.desk.facts_of(scope).unwrap();
        facts.topics().any(|topic| topic.examples.iter().any(|example| example.contains("wait in comfort")))
    };
    assert!(taught(&Scope::community("test", "1")) && !taught(&Scope::Shared));
    // After the other change is promoted, too, the community has no changes of its own.
    assert_eq!(house.moderation.command(&operator, &format!("promote {}", revision + 1), NOW).next, Next::Confirm);
    house.moderation.answer(&operator, "confirm", NOW);
    assert!(taught(&Scope::Shared));
    assert!(house.store().overlay(&Scope::community("test", "1")).unwrap().is_empty());
    // A promotion doesn't overwrite a different shared change of the same claim.
    let edit = |words: &str| {
        format!("fact edit price-rubles | statement: It cost {words} rubles then. | value: - | source: same")
    };
    house.done(&operator, &edit("some"));
    let own = house.store().revision().unwrap();
    house.done(&actor("boss", "", Permission::Operator), &edit("many"));
    let said = house.moderation.command(&operator, &format!("promote {own}"), NOW);
    assert!(said.text.contains("differs in the same"), "{}", said.text);
}

/// Undoing one of two changes of a topic keeps the other.
#[test]
fn undoing_reverts_only_its_own_change() {
    let house = House::new();
    let by = actor("m", "1", Permission::Moderator);
    house.done(&by, "fact add ticket-price | Tickets are blue. | - | azzet 3");
    let first = house.store().revision().unwrap();
    house.done(&by, "question add ticket-price give me the lowdown on the dosh");
    house.done(&by, &format!("undo {first}"));
    let said = house.ask("1", "lowdown on the dosh");
    assert!(said.contains("45,000") && !said.contains("blue"), "{said}");
    // An undo can be undone.
    house.done(&by, &format!("undo {}", first + 2));
    assert!(house.ask("1", "lowdown on the dosh").contains("blue"));
}

/// Any line gets a response, and only a confirmation changes facts.
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

/// A full disk or a locked database leaves nothing half written, and the moderator gets an explanation. Afterwards the
/// same change can be confirmed.
#[test]
fn a_change_that_fails_in_the_middle_changes_nothing() {
    let house = House::new();
    let by = actor("m", "1", Permission::Moderator);
    let line = "topic add The umbrellas | are there umbrellas? | There are no umbrellas. | - | azzet 3";
    let before = house.desk.facts_of(&Scope::community("test", "1")).unwrap();
    let other = rusqlite::Connection::open(house.folder.path().join("facts.db")).unwrap();
    // The trigger makes SQLite fail as on a full disk, before it writes the second row of the revision.
    let full = "CREATE TRIGGER full BEFORE INSERT ON change WHEN NEW.position = 1
                BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    for (begin, end) in [(full, "DROP TRIGGER full"), ("BEGIN IMMEDIATE", "ROLLBACK")] {
        assert_eq!(house.moderation.command(&by, line, NOW).next, Next::Confirm);
        other.execute_batch(begin).unwrap();
        let said = house.moderation.answer(&by, "confirm", NOW);
        assert!(said.committed.is_none() && said.text.contains("Nothing was changed"), "{}", said.text);
        assert_eq!(said.next, Next::Confirm, "the change can be confirmed again");
        // Questions are answered meanwhile.
        assert!(house.desk.answer(&Utterance::new("how much is a ticket?")).reply.text.contains("45,000"));
        other.execute_batch(end).unwrap();
        assert!(house.desk.facts_of(&Scope::community("test", "1")).unwrap() == before);
    }
    assert!(house.moderation.answer(&by, "confirm", NOW).committed.is_some());
    assert!(house.ask("1", "are there umbrellas?").contains("There are no umbrellas [1]."));
}

/// Earlier answers that show a changed claim are updated; undoing restores them exactly. Other answers, and answers in
/// other communities, stay.
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
        let answer = PostedAnswer::of(&reply, scope.clone(), "channel", &at.to_string())
            .expect("the answer shows facts that may change");
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
    // After a second change, the update still quotes the first answer.
    house.done(&by, "fact edit price-rubles | statement: It was 47,000 rubles. | value: 47,000 RUB | source: same");
    let now = corrected();
    assert!(now[0].1.contains("47,000") && now[0].1.contains("45,000") && !now[0].1.contains("46,000"), "{}", now[0].1);
    house.done(&by, &format!("undo all since {}", first - 1));
    for (at, text) in corrected() {
        assert_eq!(text, given[at]);
    }
    // After the claim is retired, the update no longer states it but quotes the earlier answer.
    house.done(&by, "fact retire price-rubles it is wrong");
    let now = corrected();
    assert!(now[0].1.contains("Before, it said: A ticket was priced at 45,000 rubles."), "{}", now[0].1);
}
