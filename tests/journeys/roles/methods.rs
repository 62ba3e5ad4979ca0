//! The rows of the table: methods as the schema has them, whose each is, and what is asked of it.

use prost::Message;
use witness_wire::{FILE_DESCRIPTOR_SET, v1};

use super::firm::{Firm, document_of};

/// Whose a method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Anybody,
    /// Regulators' and issuers'.
    Scoped,
    Operator,
}

/// Each method with whose it is. One that is missing here fails the test.
const WHOSE: &[(&str, Whose)] = &[
    ("/witness.v1.IngestService/Submit", Whose::Anybody),
    ("/witness.v1.IngestService/SubmitStream", Whose::Anybody),
    ("/witness.v1.IngestService/Position", Whose::Anybody),
    ("/witness.v1.IngestService/Heartbeat", Whose::Anybody),
    ("/witness.v1.LedgerService/ListLogs", Whose::Anybody),
    ("/witness.v1.LedgerService/GetCheckpoint", Whose::Anybody),
    ("/witness.v1.LedgerService/GetInclusionProof", Whose::Anybody),
    ("/witness.v1.LedgerService/GetConsistencyProof", Whose::Anybody),
    ("/witness.v1.LedgerService/GetEntries", Whose::Anybody),
    ("/witness.v1.EvidenceService/GetStatus", Whose::Anybody),
    ("/witness.v1.EvidenceService/GetHistory", Whose::Anybody),
    ("/witness.v1.EvidenceService/GetEvidence", Whose::Anybody),
    ("/witness.v1.AuditService/Search", Whose::Scoped),
    ("/witness.v1.AuditService/Tail", Whose::Scoped),
    ("/witness.v1.AuditService/GetStatistics", Whose::Scoped),
    ("/witness.v1.AuditService/GetHistoryAsAt", Whose::Scoped),
    ("/witness.v1.AuditService/Export", Whose::Scoped),
    ("/witness.v1.AdminService/DraftChange", Whose::Operator),
    ("/witness.v1.AdminService/Register", Whose::Operator),
    ("/witness.v1.AdminService/GetRegistry", Whose::Operator),
    ("/witness.v1.AdminService/ResumeAnchoring", Whose::Operator),
    ("/witness.v1.AdminService/ChallengeDomain", Whose::Operator),
    ("/witness.v1.AdminService/ProveDomain", Whose::Operator),
    ("/witness.v1.AdminService/GrantAccess", Whose::Operator),
    ("/witness.v1.AdminService/RevokeAccess", Whose::Operator),
    ("/witness.v1.AdminService/ListAccess", Whose::Operator),
    ("/witness.v1.AdminService/ReadAccessLog", Whose::Operator),
    ("/witness.v1.AdminService/Erase", Whose::Operator),
];

/// What is served besides the schema, and is anybody's.
const BESIDES: [&str; 3] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];

/// Whose a method is; none if nobody has said so.
pub(crate) fn whose(path: &str) -> Option<Whose> {
    if BESIDES.contains(&path) {
        return Some(Whose::Anybody);
    }
    WHOSE.iter().find(|(own, _)| *own == path).map(|(_, whose)| *whose)
}

/// The paths of all methods.
pub(crate) fn methods() -> Vec<String> {
    let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let services = set.file.iter().flat_map(|file| {
        file.service
            .iter()
            .map(|service| (format!("{}.{}", file.package(), service.name()), service))
    });
    let own = services.flat_map(|(name, service)| {
        service.method.iter().map(move |method| format!("/{name}/{}", method.name()))
    });
    let own: Vec<String> = own.collect();
    assert_eq!(own.len(), WHOSE.len(), "a row of no method");
    own.into_iter().chain(BESIDES.map(str::to_owned)).collect()
}

/// What is asked: nothing, something in scope, something that is not.
pub(crate) fn bytes_of(path: &str, firm: &Firm) -> Vec<Vec<u8>> {
    let text = str::to_owned;
    let both = ["london.example", "munich.example"];
    let filter = |issuer: &str| v1::AuditFilter { issuer: text(issuer), ..Default::default() };
    let document = |issuer: &str| document_of(issuer, "main").0.as_bytes().to_vec().into();
    let asked: Vec<Vec<u8>> = match path.rsplit('/').next().unwrap() {
        "Search" => {
            let request = |it| v1::SearchRequest { filter: Some(filter(it)), ..Default::default() };
            both.map(|it| request(it).encode_to_vec()).to_vec()
        }
        "Tail" => {
            let request = |it| v1::TailRequest { filter: Some(filter(it)), ..Default::default() };
            both.map(|it| request(it).encode_to_vec()).to_vec()
        }
        "GetStatistics" => {
            let request = |it| v1::GetStatisticsRequest { issuer: text(it), ..Default::default() };
            both.map(|it| request(it).encode_to_vec()).to_vec()
        }
        "GetHistoryAsAt" => {
            let request = |it| v1::GetHistoryAsAtRequest {
                issuer: text(it),
                document_hash: document(it),
                at_us: 1,
            };
            both.map(|it| request(it).encode_to_vec()).to_vec()
        }
        "GetStatus" | "GetHistory" | "GetEvidence" => {
            let request =
                |it| v1::DocumentRequest { issuer: text(it), document_hash: document(it) };
            both.map(|it| request(it).encode_to_vec()).to_vec()
        }
        "RevokeAccess" => {
            vec![v1::RevokeAccessRequest { id: firm.regulator_id.clone() }.encode_to_vec()]
        }
        "Erase" => {
            let request = |it| v1::EraseRequest {
                issuer: text(it),
                document_hash: document(it),
                reason: text("request"),
                now: true,
                ..Default::default()
            };
            both.map(|it| request(it).encode_to_vec()).to_vec()
        }
        _ => Vec::new(),
    };
    [Vec::new()].into_iter().chain(asked).collect()
}
