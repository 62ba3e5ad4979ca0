//! The registry of a log as the operator's service shows it: past things too, since the log has them.

use std::sync::Arc;

use tonic::Status;
use witness_core::{
    name::{Domain, Name},
    registry::{ClaimTypeRecord, HoldRecord, IssuerRecord, KeyRecord},
};
use witness_ledger::Log;
use witness_wire::v1::{
    GetRegistryResponse,
    get_registry_response::{ClaimType, Hold, Issuer, Key, Stream},
};

use crate::convert;

/// All of it.
pub(super) fn of(log: &Log) -> Result<GetRegistryResponse, Status> {
    let registry = Arc::clone(&log.overview().registry);
    let issuers = registry.issuers().map(|(name, record)| issuer(log, name, record));
    Ok(GetRegistryResponse {
        origin: log.origin().to_string(),
        next_sequence: registry.next_sequence(),
        issuers: issuers.collect::<Result<_, _>>()?,
        claim_types: registry.claim_types().map(claim_type).collect(),
        holds: registry.holds().map(hold).collect(),
    })
}

fn issuer(log: &Log, name: &Domain, record: &IssuerRecord) -> Result<Issuer, Status> {
    let mut streams = Vec::new();
    for (stream, open) in &record.streams {
        let position = log.position(name, stream).map_err(|refusal| convert::status(&refusal))?;
        streams.push(Stream {
            name: stream.to_string(),
            jurisdictions: open.jurisdictions.to_string(),
            back_fill: open.back_fill,
            next_sequence: position.0,
        });
    }
    Ok(Issuer {
        issuer: name.to_string(),
        keys: record.keys.iter().map(key).collect(),
        streams,
        added_index: record.added.index.0,
        offboarded_index: record.offboarded.map(|logged| logged.index.0),
    })
}

fn key(record: &KeyRecord) -> Key {
    Key {
        vkey: record.key.to_string(),
        added_index: record.added.index.0,
        recovery: record.recovery.is_marked(),
        revoked_index: record.revoked.map(|revocation| revocation.logged.index.0),
        revoked_as_of_us: record.revoked.map(|revocation| revocation.as_of.micros()),
    }
}

fn claim_type((name, record): (&Name, &ClaimTypeRecord)) -> ClaimType {
    ClaimType {
        name: name.to_string(),
        schema: record.schema.encode(),
        retention_days: record.retention.map(|retention| retention.days),
    }
}

fn hold((name, record): (&Name, &HoldRecord)) -> Hold {
    let range = record.range.as_ref();
    Hold {
        name: name.to_string(),
        issuer: record.issuer.to_string(),
        stream: range.map(|range| range.stream.to_string()).unwrap_or_default(),
        first_sequence: range.map(|range| range.first_sequence).unwrap_or_default(),
        count: range.map(|range| range.events).unwrap_or_default(),
        placed_index: record.placed.index.0,
        lifted_index: record.lifted.map(|logged| logged.index.0),
    }
}
