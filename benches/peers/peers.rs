//! Implements several ways to find a question's topic behind one trait: the desk's engine and the libraries that it is
//! compared with.

use rapidfuzz::fuzz::{Args, RatioBatchComparator};
use routedesk::understanding::intents::Intents;
use routedesk::understanding::vectors::Vectors;
use rusqlite::Connection;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, STORED, Schema, TEXT, Value};
use tantivy::{Index, IndexReader, TantivyDocument, Term, doc};

/// The number of best hits that vote for their topic, for the peers that let hits vote.
const VOTERS: usize = 10;

/// A way to find the topic of a question.
pub trait Peer {
    /// Returns the name for the table.
    fn name(&self) -> &'static str;

    /// Returns the likeliest topic; empty if nothing matches.
    fn best(&self, question: &str) -> String;
}

/// The desk's engine.
pub struct Routedesk(Intents);

impl Routedesk {
    /// Trains the engine on pairs of topic and example.
    pub fn new(examples: &[(String, String)]) -> Self {
        Self(Intents::train(examples, Vectors::shipped()))
    }
}

impl Peer for Routedesk {
    fn name(&self) -> &'static str {
        "routedesk"
    }

    fn best(&self, question: &str) -> String {
        self.0.best(question).0.to_owned()
    }
}

/// Nearest example by the letter pairs that two texts share, in a linear scan.
pub struct Strsim<'a>(pub &'a [(String, String)]);

impl Peer for Strsim<'_> {
    fn name(&self) -> &'static str {
        "strsim, Sørensen–Dice"
    }

    fn best(&self, question: &str) -> String {
        let near = |(topic, example): &'_ (String, String)| (strsim::sorensen_dice(question, example), topic.clone());
        self.0.iter().map(near).max_by(|a, b| a.0.total_cmp(&b.0)).map_or(String::new(), |(_, topic)| topic)
    }
}

/// Nearest example by normalised insertion and deletion distance, in a linear scan with the best score as cutoff.
pub struct Rapidfuzz<'a>(pub &'a [(String, String)]);

impl Peer for Rapidfuzz<'_> {
    fn name(&self) -> &'static str {
        "rapidfuzz, ratio"
    }

    fn best(&self, question: &str) -> String {
        let scorer = RatioBatchComparator::new(question.chars());
        let (mut best, mut found) = (0.0, "");
        for (topic, example) in self.0 {
            let arguments = Args::default().score_cutoff(best);
            if let Some(score) = scorer.similarity_with_args(example.chars(), &arguments).filter(|score| *score > best)
            {
                (best, found) = (score, topic);
            }
        }
        found.to_owned()
    }
}

/// SQLite's full-text search over words, ranked by BM25; the best [`VOTERS`] hits vote.
pub struct Fts5(Connection);

impl Fts5 {
    /// Indexes pairs of topic and example in memory.
    pub fn new(examples: &[(String, String)]) -> rusqlite::Result<Self> {
        let mut connection = Connection::open_in_memory()?;
        connection.execute_batch("CREATE VIRTUAL TABLE example USING fts5(topic UNINDEXED, text)")?;
        let transaction = connection.transaction()?;
        for (topic, text) in examples {
            transaction.prepare_cached("INSERT INTO example VALUES (?, ?)")?.execute((topic, text))?;
        }
        transaction.commit()?;
        Ok(Self(connection))
    }

    fn search(&self, question: &str) -> rusqlite::Result<String> {
        let words: Vec<String> = question.split(' ').map(|word| format!("\"{word}\"")).collect();
        let mut statement = self.0.prepare_cached(
            "SELECT topic, SUM(-rank) FROM (SELECT topic, rank FROM example WHERE example MATCH ? ORDER BY rank LIMIT ?)
             GROUP BY topic ORDER BY 2 DESC LIMIT 1",
        )?;
        let mut rows = statement.query((words.join(" OR "), VOTERS))?;
        rows.next()?.map_or(Ok(String::new()), |row| row.get(0))
    }
}

impl Peer for Fts5 {
    fn name(&self) -> &'static str {
        "SQLite FTS5, words"
    }

    fn best(&self, question: &str) -> String {
        self.search(question).expect("SQLite searches")
    }
}

/// Tantivy's BM25 over words; the best [`VOTERS`] hits vote.
pub struct Tantivy {
    reader: IndexReader,
    topic: Field,
    text: Field,
}

impl Tantivy {
    /// Indexes pairs of topic and example in memory.
    pub fn new(examples: &[(String, String)]) -> tantivy::Result<Self> {
        let mut schema = Schema::builder();
        let (topic, text) = (schema.add_text_field("topic", STORED), schema.add_text_field("text", TEXT));
        let index = Index::create_in_ram(schema.build());
        let mut writer = index.writer_with_num_threads(1, 200_000_000)?;
        for (of, example) in examples {
            writer.add_document(doc!(topic => of.as_str(), text => example.as_str()))?;
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        Ok(Self { reader: index.reader()?, topic, text })
    }

    fn search(&self, question: &str) -> tantivy::Result<String> {
        let searcher = self.reader.searcher();
        let term = |word: &str| -> (Occur, Box<dyn Query>) {
            let term = Term::from_field_text(self.text, word);
            (Occur::Should, Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)))
        };
        let query = BooleanQuery::new(question.split(' ').map(term).collect());
        let mut votes: Vec<(String, f32)> = Vec::new();
        for (score, address) in searcher.search(&query, &TopDocs::with_limit(VOTERS))? {
            let document: TantivyDocument = searcher.doc(address)?;
            let topic = document.get_first(self.topic).and_then(|value| value.as_str()).unwrap_or_default();
            match votes.iter_mut().find(|(other, _)| other == topic) {
                Some((_, votes)) => *votes += score,
                None => votes.push((topic.to_owned(), score)),
            }
        }
        Ok(votes.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(String::new(), |(topic, _)| topic))
    }
}

impl Peer for Tantivy {
    fn name(&self) -> &'static str {
        "tantivy, BM25"
    }

    fn best(&self, question: &str) -> String {
        self.search(question).expect("tantivy searches")
    }
}
