//! Makes question sets of any size from the desk's example questions: four fifths are examples, one fifth are
//! questions.
//!
//! A set with more examples than the desk has repeats them with words left out, inserted and mistyped. For more topics
//! than the desk has, each topic is multiplied: its copies have the same questions, each with another word appended.

use routedesk::facts::text;
use routedesk::understanding::normalise;

use crate::random::Random;
use crate::slips::{SLIPS, misspelt};

/// Words that people add to a question without changing it.
const AROUND: [&str; 8] = ["please", "hey", "so", "pls", "anyone", "actually", "ok", "hi"];

/// A question set, as pairs of topic and text.
pub struct Set {
    /// Examples to train on.
    pub examples: Vec<(String, String)>,
    /// Questions that aren't among the examples.
    pub questions: Vec<(String, String)>,
    /// The same questions with typos.
    pub misspelt: Vec<(String, String)>,
}

/// A topic of the desk with its examples and its questions.
struct Topic {
    id: String,
    taught: Vec<String>,
    asked: Vec<String>,
}

fn topics() -> Vec<Topic> {
    let facts = text::shipped();
    let words = |text: &String| normalise::words(&normalise::clean(text)).join(" ");
    let mut topics: Vec<Topic> = facts
        .topics()
        .map(|topic| {
            let (mut taught, mut asked) = (Vec::new(), Vec::new());
            for (at, example) in topic.examples.iter().enumerate() {
                if at % 5 == 4 { asked.push(words(example)) } else { taught.push(words(example)) }
            }
            Topic { id: topic.id.clone(), taught, asked }
        })
        .filter(|topic| !topic.asked.is_empty())
        .collect();
    topics.sort_by(|a, b| b.taught.len().cmp(&a.taught.len()).then(a.id.cmp(&b.id)));
    topics
}

/// Makes a set with these numbers of examples, topics and questions. Equal numbers give equal sets.
pub fn set(examples: usize, topics: usize, questions: usize) -> Set {
    let own = self::topics();
    let mut random = Random(0x2545_f491_4f6c_dd1d ^ examples as u64 ^ (topics as u64) << 32);
    // The appended word is all that distinguishes the copies of a topic.
    let english: Vec<&str> =
        include_str!("../../data/words/english.txt").lines().filter(|word| word.len() > 5).collect();
    let base = |topic: usize| &own[topic % own.len()];
    let variant = |topic: usize| (topic >= own.len() || topics > own.len()).then(|| english[topic * 7 % english.len()]);
    let name = |topic: usize| format!("{} {}", base(topic).id, variant(topic).unwrap_or_default()).trim().to_owned();
    let with_variant = |text: &str, topic: usize| match variant(topic) {
        Some(word) => format!("{text} for {word}"),
        None => text.to_owned(),
    };
    let mut set = Set { examples: Vec::new(), questions: Vec::new(), misspelt: Vec::new() };
    for at in 0..examples {
        let topic = at % topics;
        let (round, taught) = (at / topics, &base(topic).taught);
        let text = with_variant(&taught[round % taught.len()], topic);
        let text = if round < taught.len() { text } else { varied(&text, &mut random) };
        set.examples.push((name(topic), text));
    }
    for _ in 0..questions {
        let topic = random.below(topics);
        let asked = &base(topic).asked;
        let text = with_variant(&asked[random.below(asked.len())], topic);
        let slips: Vec<String> = text.split(' ').map(|word| misspelt(word, SLIPS, &mut random)).collect();
        set.misspelt.push((name(topic), slips.join(" ")));
        set.questions.push((name(topic), text));
    }
    set
}

/// Returns the text as another person may type it: with a word left out, a word inserted, or a typo.
pub fn varied(text: &str, random: &mut Random) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    if words.len() > 3 && random.below(2) == 0 {
        words.remove(random.below(words.len()));
    }
    if random.below(2) == 0 {
        let at = random.below(words.len() + 1);
        words.insert(at, AROUND[random.below(AROUND.len())].to_owned());
    }
    let slipped: Vec<String> = words.iter().map(|word| misspelt(word, SLIPS / 3, random)).collect();
    slipped.join(" ")
}
