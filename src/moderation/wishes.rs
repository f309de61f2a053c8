//! Those who wish to be told when a question of theirs has an answer.

use super::Moderation;
use crate::answer::Outcome;
use crate::store::Error;
use crate::store::wishes::Wish;
use crate::utterance::Utterance;
use crate::wording::Reply;

/// What is to be said to a wish.
#[derive(Debug)]
pub enum Wished {
    /// They will be told; the wish is known by this id.
    Kept(String),
    /// They wait for too many answers already.
    TooMany,
    /// There is an answer by now.
    Answered(Box<Reply>),
    /// The database failed.
    Trouble,
}

impl Moderation {
    /// Keeps somebody's wish to be told, unless there is an answer by now.
    pub fn wish(&self, wish: &Wish) -> Wished {
        if let Some(reply) = self.answer_to(wish) {
            return Wished::Answered(Box::new(reply));
        }
        let keep = || self.records().keep_wish(wish, self.store().revision()?);
        match keep() {
            Ok(Some(id)) => Wished::Kept(id),
            Ok(None) => Wished::TooMany,
            Err(error) => {
                tracing::error!(%error, "a wish to be told could not be kept");
                Wished::Trouble
            }
        }
    }

    /// The wishes of this platform that have come true, with what is to be told.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn wishes_come_true(&self) -> Result<Vec<(Wish, Reply)>, Error> {
        let newest = self.store().revision()?;
        let wishes = self.records().wishes_before(newest)?;
        let mut due = Vec::new();
        for wish in wishes {
            match self.answer_to(&wish) {
                Some(reply) => due.push((wish, reply)),
                None => self.records().has_no_answer_at(&wish.id, newest)?,
            }
        }
        Ok(due)
    }

    fn answer_to(&self, wish: &Wish) -> Option<Reply> {
        let reply = self.desk.hear(&Utterance::new(&wish.question).within(wish.scope.clone())).reply;
        matches!(reply.outcome, Outcome::Answered | Outcome::Disputed).then_some(reply)
    }

    /// Records that somebody is about to be told. None if they need not be, because they have withdrawn; else when they
    /// were first tried to be told before, if ever.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn try_to_tell(&self, wish: &Wish, now: i64) -> Result<Option<Option<i64>>, Error> {
        self.records().try_to_tell(&wish.id, now)
    }

    /// Forgets a wish: they were told, can't be, or withdraw it. Where a person is given, only theirs.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn forget_wish(&self, id: &str, who: Option<&str>) -> Result<bool, Error> {
        self.records().drop_wish(id, who)
    }
}
