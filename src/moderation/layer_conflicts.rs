//! Telling those who keep a community's facts that what all share changed under changes of theirs.

use super::Moderation;
use crate::store::{Scope, StoreError};
use crate::wording::moderation as words;

/// What a community is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerConflict {
    /// The platform's id of the community.
    pub community: String,
    /// The platform's ids of where it is told of changes.
    pub logs: Vec<String>,
    /// What is said.
    pub text: String,
    /// The shared revision up to which it is told by this.
    pub revision: i64,
}

impl Moderation {
    /// What communities of this platform are to be told. One without a place for that is told by `review`.
    ///
    /// # Errors
    /// If the database can't be used.
    pub fn layer_conflicts(&self) -> Result<Vec<LayerConflict>, StoreError> {
        let mut conflicts = Vec::new();
        let untold_conflicts = self.store().untold_conflicts(self.platform)?;
        for (scope, told, newest) in untold_conflicts {
            let community = scope.community_on(self.platform).unwrap_or_default().to_owned();
            let rooms = self.records().settings_in(&community)?;
            let mut logs: Vec<String> = rooms.into_iter().filter_map(|(_, settings)| settings.log_channel).collect();
            logs.sort_unstable();
            logs.dedup();
            let mut outdated = self.store().outdated(&scope)?;
            outdated.retain(|one| one.revision > told);
            if logs.is_empty() || outdated.is_empty() {
                self.store().set_conflicts_told(&scope, newest)?;
            } else {
                conflicts.push(LayerConflict {
                    community,
                    logs,
                    text: words::layer_conflicts(&outdated),
                    revision: newest,
                });
            }
        }
        Ok(conflicts)
    }

    /// Records that a community was told.
    pub fn conflict_was_told(&self, conflict: &LayerConflict) {
        let scope = Scope::community(self.platform, &conflict.community);
        if let Err(error) = self.store().set_conflicts_told(&scope, conflict.revision) {
            tracing::error!(%error, "it could not be recorded that a community was told of shared changes");
        }
    }
}
