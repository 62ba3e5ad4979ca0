//! Who calls, and what they may: callers by their role, each with a scope, and the log of what they asked.

mod bodies;
mod caller;
mod callers;
mod credentials;
mod gate;
pub(crate) mod heads;
mod leaving;
mod limits;
mod log;
mod meter;
mod over;
mod policy;
mod record;

pub(crate) use self::{
    caller::{Caller, Role},
    callers::{Callers, CallersError, Grant},
    gate::{Gate, admit, admit_operator, no_method, permit, speaks_grpc},
    limits::Limits,
    log::AccessLog,
    policy::Policy,
    record::{Asked, record},
};

#[cfg(test)]
mod tests {
    /// What stands between quotation marks and is written like a reason.
    fn reasons(source: &str) -> Vec<&str> {
        let is_reason = |text: &&str| {
            text.len() > 5 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        };
        source.split('"').filter(is_reason).collect()
    }

    #[test]
    fn the_documentation_names_every_reason_for_which_somebody_is_not_let_in() {
        let documentation = include_str!("../../../../proto/README.md");
        let sources = [
            include_str!("bodies.rs"),
            include_str!("credentials.rs"),
            include_str!("over.rs"),
            include_str!("policy.rs"),
            include_str!("record.rs"),
            include_str!("../services/admin/callers.rs"),
            include_str!("../services/admin/mod.rs"),
            include_str!("../services/admin/onboarding.rs"),
            include_str!("../services/audit/as_at.rs"),
            include_str!("../services/audit/asked.rs"),
            include_str!("../services/audit/export.rs"),
            include_str!("../services/audit/search.rs"),
            include_str!("../services/audit/statistics.rs"),
            include_str!("../services/audit/tail.rs"),
        ];
        let all: Vec<&str> = sources.into_iter().flat_map(reasons).collect();
        assert!(all.len() > 10, "the sources are written otherwise now");
        for reason in all {
            assert!(documentation.contains(&format!("| `{reason}` |")), "{reason}");
        }
    }
}
