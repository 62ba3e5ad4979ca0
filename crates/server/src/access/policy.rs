//! Who may call what: one row for each method of gRPC. Resources over HTTP bear theirs beside their path, in the
//! list from which the router is built.
//!
//! What must hold: what has no row is refused; and that is decided before a service sees the call.

use tonic::{Code, Status};

use super::{Caller, Role};
use crate::convert;

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Whoever there is: what is asked for is public, or proves itself by a signature, or needs a hash that only
    /// a holder knows.
    Anybody,
    /// Who has a scope: regulators and issuers.
    Scoped,
    /// Whoever can open the operator's socket.
    Operator,
}

/// How many messages a call has on each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One each.
    Unary,
    /// One request, many answers.
    Answers,
    /// Many each.
    Stream,
}

/// A method of gRPC.
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) path: &'static str,
    pub(crate) policy: Policy,
    pub(crate) shape: Shape,
    /// Bytes that its answer may hold ready before they are asked for.
    pub(crate) ahead: usize,
}

const fn row(path: &'static str, policy: Policy, shape: Shape) -> Method {
    Method { path, policy, shape, ahead: 0 }
}

impl Method {
    /// With so many MiB of a long answer that are made ahead: the messages on their way, and what whoever makes them has in
    /// hand.
    const fn ahead(self, mib: usize) -> Self {
        Self { ahead: mib << 20, ..self }
    }
}

/// Every method that is served, on the public port or on the operator's socket.
static METHODS: &[Method] = &[
    row("/witness.v1.IngestService/Submit", Policy::Anybody, Shape::Unary),
    row("/witness.v1.IngestService/SubmitStream", Policy::Anybody, Shape::Stream),
    row("/witness.v1.IngestService/Position", Policy::Anybody, Shape::Unary),
    row("/witness.v1.IngestService/Heartbeat", Policy::Anybody, Shape::Unary),
    row("/witness.v1.LedgerService/ListLogs", Policy::Anybody, Shape::Unary),
    row("/witness.v1.LedgerService/GetCheckpoint", Policy::Anybody, Shape::Unary),
    row("/witness.v1.LedgerService/GetInclusionProof", Policy::Anybody, Shape::Unary),
    row("/witness.v1.LedgerService/GetConsistencyProof", Policy::Anybody, Shape::Unary),
    // Three messages of up to 2 MiB.
    row("/witness.v1.LedgerService/GetEntries", Policy::Anybody, Shape::Answers).ahead(6),
    row("/witness.v1.EvidenceService/GetStatus", Policy::Anybody, Shape::Unary),
    row("/witness.v1.EvidenceService/GetHistory", Policy::Anybody, Shape::Unary),
    row("/witness.v1.EvidenceService/GetEvidence", Policy::Anybody, Shape::Unary),
    row("/witness.v1.AuditService/Search", Policy::Scoped, Shape::Unary),
    row("/witness.v1.AuditService/Tail", Policy::Scoped, Shape::Answers).ahead(3),
    row("/witness.v1.AuditService/GetStatistics", Policy::Scoped, Shape::Unary),
    row("/witness.v1.AuditService/GetHistoryAsAt", Policy::Scoped, Shape::Unary),
    // Cut from a file's piece, the bodies of a submission or the texts of up to 256 entries, beside the next one.
    row("/witness.v1.AuditService/Export", Policy::Scoped, Shape::Answers).ahead(24),
    row("/witness.v1.AdminService/DraftChange", Policy::Operator, Shape::Unary),
    row("/witness.v1.AdminService/Register", Policy::Operator, Shape::Unary),
    row("/witness.v1.AdminService/GetRegistry", Policy::Operator, Shape::Unary),
    row("/witness.v1.AdminService/ResumeAnchoring", Policy::Operator, Shape::Unary),
    row("/witness.v1.AdminService/ChallengeDomain", Policy::Operator, Shape::Unary),
    row("/witness.v1.AdminService/ProveDomain", Policy::Operator, Shape::Unary),
    row("/witness.v1.AdminService/GrantAccess", Policy::Operator, Shape::Unary),
    row("/witness.v1.AdminService/RevokeAccess", Policy::Operator, Shape::Unary),
    row("/witness.v1.AdminService/ListAccess", Policy::Operator, Shape::Unary),
    row("/witness.v1.AdminService/ReadAccessLog", Policy::Operator, Shape::Answers),
    row("/witness.v1.AdminService/Erase", Policy::Operator, Shape::Unary),
    row("/grpc.health.v1.Health/Check", Policy::Anybody, Shape::Unary),
    row("/grpc.health.v1.Health/Watch", Policy::Anybody, Shape::Answers),
    row(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        Policy::Anybody,
        Shape::Stream,
    ),
];

/// The row of a method.
pub(super) fn method(path: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.path == path)
}

impl Policy {
    /// Whether a caller may.
    pub(crate) fn check(self, caller: &Caller) -> Result<(), Status> {
        let is_let_in = match self {
            Self::Anybody => true,
            Self::Scoped => caller.scope().is_ok(),
            Self::Operator => caller.role == Role::Operator,
        };
        let for_whom = match self {
            _ if is_let_in => return Ok(()),
            Self::Operator => "the operator, on the service's own machine, over its socket",
            Self::Scoped | Self::Anybody => {
                "regulators and issuers; call with the token or the client certificate that the firm's operator has \
                 let in"
            }
        };
        let (code, reason) = match caller.role {
            Role::Anybody => (Code::Unauthenticated, "CREDENTIALS_MISSING"),
            Role::Issuer(_) | Role::Regulator(_) | Role::Operator => {
                (Code::PermissionDenied, "PERMISSION_DENIED")
            }
        };
        Err(convert::named(code, reason, &format!("this call is for {for_whom}")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message as _;
    use witness_core::name::{Domain, Jurisdictions};
    use witness_wire::FILE_DESCRIPTOR_SET;

    use super::*;

    /// Shapes of the schema's methods by path.
    fn described() -> BTreeMap<String, Shape> {
        let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let mut methods = BTreeMap::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let shape = match (method.client_streaming(), method.server_streaming()) {
                        (false, false) => Shape::Unary,
                        (false, true) => Shape::Answers,
                        (true, _) => Shape::Stream,
                    };
                    methods.insert(path, shape);
                }
            }
        }
        methods
    }

    #[test]
    fn every_method_of_the_schema_has_exactly_one_row_and_every_row_a_method() {
        let described = described();
        assert!(described.len() > 20);
        for (path, shape) in &described {
            let rows: Vec<_> = METHODS.iter().filter(|row| row.path == path).collect();
            assert_eq!(rows.len(), 1, "{path}: give it one row, with the policy it needs");
            assert_eq!(rows[0].shape, *shape, "{path}");
        }
        let foreign = METHODS.iter().map(|row| row.path).filter(|path| {
            let is_tonics = ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/"]
                .iter()
                .any(|service| path.starts_with(service));
            !is_tonics && !described.contains_key(*path)
        });
        assert_eq!(foreign.collect::<Vec<_>>(), [""; 0], "rows of no method");
    }

    #[test]
    fn the_operators_calls_are_for_nobody_else_and_audits_for_who_has_a_scope() {
        for row in METHODS {
            let expected = match row.path {
                path if path.starts_with("/witness.v1.AdminService/") => Policy::Operator,
                path if path.starts_with("/witness.v1.AuditService/") => Policy::Scoped,
                _ => Policy::Anybody,
            };
            assert_eq!(row.policy, expected, "{}", row.path);
        }
    }

    #[test]
    fn a_policy_lets_in_its_roles_and_says_why_it_does_not() {
        let of = |role| Caller { id: "x".into(), role };
        let issuer = of(Role::Issuer(Domain::parse("school.example").unwrap()));
        let regulator = of(Role::Regulator(Jurisdictions::parse("DE").unwrap()));
        let (anybody, operator) = (Caller::anybody(), Caller::operator());
        let everyone = [&anybody, &issuer, &regulator, &operator];
        let codes = |policy: Policy| {
            everyone.map(|who| policy.check(who).map_or_else(|status| status.code(), |()| Code::Ok))
        };
        let (ok, denied, unknown) = (Code::Ok, Code::PermissionDenied, Code::Unauthenticated);
        assert_eq!(codes(Policy::Anybody), [ok, ok, ok, ok]);
        assert_eq!(codes(Policy::Scoped), [unknown, ok, ok, denied]);
        assert_eq!(codes(Policy::Operator), [unknown, denied, denied, ok]);
    }
}
