//! `witness access list`: who was let in, and who was shut out.

use anyhow::Result;
use serde_json::{Value, json};
use witness_core::time::Timestamp;
use witness_wire::v1::{ListAccessRequest, list_access_response::Caller};

use crate::{
    outcome::Outcome,
    output::{Output, count_of},
    rpc::{self, Channel},
};

/// Lists them.
pub(super) async fn run(channel: &Channel, output: &mut Output, now: Timestamp) -> Result<Outcome> {
    let answer = rpc::admin(channel).list_access(rpc::timed(ListAccessRequest {})).await;
    let callers = rpc::answer(answer)?.callers;
    output.conclude(Outcome::Done);
    let living = callers.iter().filter(|caller| standing(caller, now) == "living").count();
    let living = count_of(u64::try_from(living)?, "caller");
    output.line(&format!("{living} let in now, {} in all", callers.len()))?;
    for caller in &callers {
        output.line("")?;
        output.line(&format!("{}  {}", caller.id, caller.name))?;
        output.field("standing", &said(caller, now))?;
        output.field(&caller.role, scope(caller))?;
        let time = |micros| Timestamp::from_micros(micros).to_string();
        output.field("term", &format!("{} to {}", time(caller.from_us), time(caller.until_us)))?;
        output.field("known by", &caller.by)?;
    }
    let callers: Vec<Value> = callers.iter().map(|caller| as_json(caller, now)).collect();
    output.json(&json!({ "outcome": Outcome::Done.word(), "callers": callers }))?;
    Ok(Outcome::Done)
}

fn scope(caller: &Caller) -> &str {
    if caller.issuer.is_empty() { &caller.jurisdictions } else { &caller.issuer }
}

/// How it stands, in one word.
fn standing(caller: &Caller, now: Timestamp) -> &'static str {
    match caller.revoked_at_us {
        Some(_) => "revoked",
        None if now.micros() < caller.from_us => "not-yet",
        None if now.micros() >= caller.until_us => "ended",
        None => "living",
    }
}

fn said(caller: &Caller, now: Timestamp) -> String {
    match caller.revoked_at_us {
        Some(at) => format!("revoked at {}", Timestamp::from_micros(at)),
        None => match standing(caller, now) {
            "not-yet" => "its term has not begun".to_owned(),
            "ended" => "its term has ended".to_owned(),
            _ => "let in".to_owned(),
        },
    }
}

fn as_json(caller: &Caller, now: Timestamp) -> Value {
    let time = |micros| Timestamp::from_micros(micros).to_string();
    json!({
        "id": caller.id,
        "name": caller.name,
        "role": caller.role,
        "scope": scope(caller),
        "from": time(caller.from_us),
        "until": time(caller.until_us),
        "by": caller.by,
        "granted_at": time(caller.granted_at_us),
        "revoked_at": caller.revoked_at_us.map(time),
        "standing": standing(caller, now),
    })
}
