//! Finds shared facts that changed under a community's own changes, for the community's moderators.

use super::Moderation;
use crate::store::{Scope, StoreError};
use crate::wording::moderation as words;

/// A report to a community that shared facts changed under its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerConflict {
    /// The platform's id of the community.
    pub community: String,
    /// The platform's ids of the community's log channels, at least one.
    pub logs: Vec<String>,
    /// The text of the report, in English.
    pub text: String,
    /// The newest shared revision that the report covers.
    pub revision: i64,
}

impl Moderation {
    /// Returns the reports that communities of this platform haven't received yet. A community without a log channel
    /// gets none: its moderators use `review`.
    ///
    /// # Errors
    /// Returns an error if the database fails.
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

    /// Records that a report was sent. An error is logged; the report is then due again.
    pub fn conflict_was_told(&self, conflict: &LayerConflict) {
        let scope = Scope::community(self.platform, &conflict.community);
        if let Err(error) = self.store().set_conflicts_told(&scope, conflict.revision) {
            tracing::error!(%error, "report of shared changes could not be recorded");
        }
    }
}
