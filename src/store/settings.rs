//! What a community sets for itself.

use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::records::Records;

/// The settings of a community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommunitySettings {
    /// The ids of the channels in which the bot answers; everywhere if there is none.
    pub channels: Vec<String>,
    /// How many questions a person may ask within a minute; 0 for any number.
    pub per_person: u32,
    /// How many questions may be asked in a channel within a minute; 0 for any number.
    pub per_channel: u32,
    /// Whether the first post of a forum's thread is answered.
    pub forum: bool,
    /// The id of the channel that is told of troubles.
    pub log_channel: Option<String>,
    /// Discord: the ids of the roles whose holders keep the facts, beside those with Manage Messages.
    pub roles: Vec<String>,
    /// For how many days a question without an answer and a reported problem are kept.
    pub keep_days: u32,
    /// Matrix: from which level on somebody may set these; moderators have 50.
    pub level: i64,
    /// Matrix: whether an answer mentions who asked, so that they are notified.
    pub mention: bool,
    /// Matrix: whether answers are ordinary messages, by which people are notified, instead of notices.
    pub as_text: bool,
    /// Matrix: whether an answer goes when its question is removed.
    pub follow_removal: bool,
    /// Matrix: the space to which the room is bound; its rooms share what they change.
    pub space: Option<String>,
}

impl Default for CommunitySettings {
    fn default() -> Self {
        Self {
            channels: Vec::new(),
            per_person: 10,
            per_channel: 60,
            forum: false,
            log_channel: None,
            roles: Vec::new(),
            keep_days: 30,
            level: 50,
            mention: false,
            as_text: false,
            follow_removal: false,
            space: None,
        }
    }
}

impl Records {
    /// The settings of a community, as shipped if it never set any.
    ///
    /// # Errors
    /// If SQLite fails or what is kept can't be read.
    pub fn settings(&self, community: &str) -> Result<CommunitySettings, StoreError> {
        let kept: Option<String> = self
            .connection
            .prepare_cached("SELECT settings FROM community WHERE platform = ? AND id = ?")?
            .query_row((self.platform, community), |row| row.get(0))
            .optional()?;
        let read =
            |text: String| serde_json::from_str(&text).map_err(|error| StoreError::Unreadable(error.to_string()));
        kept.map_or_else(|| Ok(CommunitySettings::default()), read)
    }

    /// Changes the settings of a community and gives what they are now.
    ///
    /// # Errors
    /// If SQLite fails or what is kept can't be read.
    pub fn set(
        &self,
        community: &str,
        change: impl FnOnce(&mut CommunitySettings),
    ) -> Result<CommunitySettings, StoreError> {
        let mut settings = self.settings(community)?;
        change(&mut settings);
        let text = serde_json::to_string(&settings).expect("settings are made of words and numbers");
        self.connection.execute(
            "INSERT OR REPLACE INTO community (platform, id, settings) VALUES (?, ?, ?)",
            (self.platform, community, text),
        )?;
        self.keep_no_longer(settings.space.as_deref().unwrap_or(community), settings.keep_days)?;
        Ok(settings)
    }

    /// The settings of the rooms that are bound to a space, with their ids; those of the community itself where none is.
    ///
    /// # Errors
    /// If SQLite fails or what is kept can't be read.
    pub fn settings_in(&self, community: &str) -> Result<Vec<(String, CommunitySettings)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, settings FROM community WHERE platform = ? AND json_extract(settings, '$.space') = ? ORDER BY id",
        )?;
        let mut rows = statement.query((self.platform, community))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(1)?;
            let settings = serde_json::from_str(&text).map_err(|error| StoreError::Unreadable(error.to_string()))?;
            found.push((row.get(0)?, settings));
        }
        if found.is_empty() {
            found.push((community.to_owned(), self.settings(community)?));
        }
        Ok(found)
    }

    /// For how many days a community keeps what waits for its moderators; of several rooms the fewest count.
    ///
    /// # Errors
    /// If SQLite fails or what is kept can't be read.
    pub fn keep_days(&self, community: &str) -> Result<u32, StoreError> {
        let days = self.settings_in(community)?.into_iter().map(|(_, settings)| settings.keep_days).min();
        Ok(days.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_a_communitys_own_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.db");
        let records = Records::open(&path, "discord").unwrap();
        records.set("1", |settings| settings.per_person = 3).unwrap();
        let now = records.set("1", |settings| settings.channels.push("7".into())).unwrap();
        assert_eq!((now.per_person, now.channels.as_slice()), (3, &["7".to_owned()][..]));
        drop(records);
        assert_eq!(Records::open(&path, "discord").unwrap().settings("1").unwrap(), now);
        assert_eq!(Records::open(&path, "discord").unwrap().settings("2").unwrap(), CommunitySettings::default());
        assert_eq!(Records::open(&path, "matrix").unwrap().settings("1").unwrap(), CommunitySettings::default());
    }

    #[test]
    fn rooms_of_a_space_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(&folder.path().join("facts.db"), "matrix").unwrap();
        for (room, days) in [("!a", 9), ("!b", 3)] {
            let bind =
                |settings: &mut CommunitySettings| (settings.space, settings.keep_days) = (Some("!s".into()), days);
            records.set(room, bind).unwrap();
        }
        let rooms = |community: &str| -> Vec<String> {
            records.settings_in(community).unwrap().into_iter().map(|(room, _)| room).collect()
        };
        assert_eq!(rooms("!s"), ["!a", "!b"]);
        assert_eq!(rooms("!a"), ["!a"]);
        assert_eq!((records.keep_days("!s").unwrap(), records.keep_days("!other").unwrap()), (3, 30));
    }
}
