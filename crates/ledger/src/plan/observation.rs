//! What the firm saw, planned: an entry of plain text under the firm's own time.

use witness_core::{
    entry::EntryKind,
    observation::{Observation, Seen},
};

use super::{Decision, Planner};
use crate::{cells, store::DEFAULT};

impl Planner<'_> {
    /// Logs what was seen, bound to this log. The newest head of the access log is found again.
    pub(crate) fn observe(&mut self, seen: &Seen) -> Decision {
        let origin = self.state.registry.origin().clone();
        let observation = Observation { origin, seen: seen.clone() };
        let index = self.append(EntryKind::Observation, observation.encode());
        match seen {
            Seen::AccessLog { .. } => {
                self.writes.put(DEFAULT, cells::ACCESS_HEAD_KEY.to_vec(), cells::index_key(index));
            }
            Seen::Domain { .. } => {}
        }
        self.logged(index, Vec::new())
    }
}
