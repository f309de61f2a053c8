//! Stores the settings that each community makes for itself.

use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::records::Records;

/// The settings of a community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommunitySettings {
    /// Ids of the channels in which the bot answers; empty for all channels.
    pub channels: Vec<String>,
    /// Questions that a person may ask per minute; 0 for no limit.
    pub per_person: u32,
    /// Questions that may be asked in a channel per minute; 0 for no limit.
    pub per_channel: u32,
    /// Discord: true if the bot answers the first post of a forum thread.
    pub forum: bool,
    /// Id of the channel to which the bot reports problems.
    pub log_channel: Option<String>,
    /// Discord: ids of the roles that may change facts, in addition to members with Manage Messages.
    pub roles: Vec<String>,
    /// Days for which unanswered questions, reports and suggestions are kept.
    pub keep_days: u32,
    /// Matrix: lowest power level that may change facts and settings; moderators usually have 50.
    pub level: i64,
    /// Matrix: true if an answer mentions the asker, which notifies them.
    pub mention: bool,
    /// Matrix: true if answers are ordinary messages, which notify people, instead of notices.
    pub as_text: bool,
    /// Matrix: true if an answer is removed when its question is removed.
    pub follow_removal: bool,
    /// Matrix: id of the space to which the room is bound. The rooms of a space share their changes.
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
    /// Returns the settings of a community, or the defaults if it never changed any.
    ///
    /// # Errors
    /// If SQLite fails or the stored settings can't be read.
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

    /// Changes the settings of a community and returns the new ones.
    ///
    /// # Errors
    /// If SQLite fails or the stored settings can't be read.
    pub fn set(
        &self,
        community: &str,
        change: impl FnOnce(&mut CommunitySettings),
    ) -> Result<CommunitySettings, StoreError> {
        let mut settings = self.settings(community)?;
        change(&mut settings);
        let text = serde_json::to_string(&settings).expect("settings have only string keys");
        self.connection.execute(
            "INSERT OR REPLACE INTO community (platform, id, settings) VALUES (?, ?, ?)",
            (self.platform, community, text),
        )?;
        self.keep_no_longer(settings.space.as_deref().unwrap_or(community), settings.keep_days)?;
        Ok(settings)
    }

    /// Returns ids and settings of the rooms that are bound to a space. Returns those of the community itself if no
    /// room is bound to it.
    ///
    /// # Errors
    /// If SQLite fails or stored settings can't be read.
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

    /// Returns the number of days for which a community keeps what waits for its moderators; for a space, the lowest
    /// number of its rooms.
    ///
    /// # Errors
    /// If SQLite fails or stored settings can't be read.
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
