//! Two records of the access log, and the observation that holds their head, for `tests/vectors/golden`.

use std::collections::BTreeMap;

use witness_core::{
    access_record::{Access, Chain, Filter, Printable, Role},
    hash::Hash,
    name::Origin,
    observation::{Observation, Seen},
    time::Timestamp,
};

/// 2026-03-01T09:00:00Z.
const START: u64 = 1_772_355_600_000_000;

pub(crate) fn add(texts: &mut BTreeMap<&'static str, String>) {
    let token = |text| Printable::parse(text).unwrap();
    let document = Hash::of(b"a document").to_hex();
    let mut chain = Chain::new();
    let first = Access {
        at: Timestamp::from_micros(START),
        caller: token("operator"),
        role: Role::Operator,
        method: token("AdminService.Erase"),
        results: None,
        // Whoever writes the filter leaves the hash out; here the second lock does.
        filter: Filter::of(&format!("issuer=school.example document={document} reason=request")),
    };
    texts.insert("access", chain.append(first));
    let second = Access {
        at: Timestamp::from_micros(START + 2_500_000),
        caller: token("c-5f3a9b21"),
        role: Role::Regulator,
        method: token("AuditService.Search"),
        results: Some(17),
        filter: Filter::of("jurisdiction=DE class=academic field=module value=hidden"),
    };
    texts.insert("access-next", chain.append(second));
    let seen = Seen::AccessLog { records: chain.records(), head: chain.head() };
    let origin = Origin::parse("witness.example/log1").unwrap();
    texts.insert("observation-access-log", Observation { origin, seen }.encode());
}
