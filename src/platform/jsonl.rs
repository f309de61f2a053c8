//! Answers questions in the JSON Lines format: one object per line, in and out.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use super::terminal::read_line;
use crate::desk::Desk;
use crate::utterance::Utterance;
use crate::wording::Reply;

/// The longest line that is read, in bytes. A longer line is truncated, so it is invalid JSON and gets an error.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(expecting = "an object with a question")]
struct QuestionLine {
    id: serde_json::Value,
    question: String,
    #[serde(default)]
    context: Option<String>,
}

#[derive(Serialize)]
struct AnswerLine<'a> {
    id: &'a serde_json::Value,
    question: &'a str,
    #[serde(flatten)]
    reply: &'a Reply,
    elapsed_us: u64,
}

#[derive(Serialize)]
struct Fault {
    error: String,
    line: usize,
}

/// Reads questions from `input` and writes one line per question to `output`, in order.
///
/// Blank lines are skipped. A line that isn't a question gets an object with `error` and `line`, and reading continues.
///
/// # Errors
/// If reading or writing fails.
pub fn answer_lines(desk: &Desk, input: &mut impl BufRead, output: &mut impl Write) -> anyhow::Result<()> {
    let mut number = 0;
    while let Some(line) = read_line(input, LONGEST_LINE)? {
        number += 1;
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<QuestionLine>(&line) {
            Ok(question) => {
                let utterance = Utterance { context: question.context, ..Utterance::new(question.question.clone()) };
                let answered = desk.answer(&utterance);
                if answered.reply.is_trouble {
                    serde_json::to_writer(&mut *output, &Fault { error: answered.reply.body, line: number })?;
                    output.write_all(b"\n")?;
                    output.flush()?;
                    continue;
                }
                let answer = AnswerLine {
                    id: &question.id,
                    question: &question.question,
                    reply: &answered.reply,
                    elapsed_us: answered.elapsed_us,
                };
                serde_json::to_writer(&mut *output, &answer)?;
            }
            Err(error) => {
                let error = format!("not a question: {error}; expected {{\"id\": …, \"question\": \"…\"}}");
                serde_json::to_writer(&mut *output, &Fault { error, line: number })?;
            }
        }
        output.write_all(b"\n")?;
        output.flush()?;
    }
    Ok(())
}
