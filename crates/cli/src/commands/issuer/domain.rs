//! `witness issuer challenge` and `prove`: that a domain is an issuer's own, shown by what its holder publishes.

use anyhow::Result;
use serde_json::json;
use witness_core::{name::Domain, time::Timestamp};
use witness_wire::v1::{ChallengeDomainRequest, ProveDomainRequest};

use super::register::Registrar;
use crate::{
    outcome::{Failure, Outcome},
    output::Output,
    rpc,
};

/// What to publish, and where.
pub(super) async fn challenge(
    registrar: &Registrar,
    issuer: &Domain,
    output: &mut Output,
) -> Result<Outcome> {
    let request = ChallengeDomainRequest { issuer: issuer.to_string() };
    let answer = registrar.admin().challenge_domain(rpc::timed(request)).await;
    let made = Registrar::answer(answer)?;
    let (line, url, dns_name) = (&made.challenge, &made.url, &made.dns_name);
    if line.contains(|it: char| it.is_whitespace() || it.is_control() || "'\"\\".contains(it)) {
        let message = "the server gave a challenge that cannot be published as it stands";
        return Err(Failure::refused(message).next("check that this is a witnessd").into());
    }
    let expires_at = Timestamp::from_micros(made.expires_at_us).to_string();
    let next = format!("witness issuer prove {issuer}");
    output.conclude(Outcome::Done);
    output.good(&format!("challenge for {issuer}: publish it in one of two places"))?;
    output.field("until", &expires_at)?;
    output.line("")?;
    output.line(&format!("As a line of the file {url}"))?;
    output.line("On the web server, in the folder of the site:")?;
    output.line("")?;
    output.line("mkdir -p .well-known")?;
    output.line(&format!("echo '{line}' >> .well-known/witness-ledger"))?;
    output.line("")?;
    output.line(&format!("Or as a TXT record of {dns_name}. In the zone's file:"))?;
    output.line("")?;
    output.line(&format!("{dns_name}. 300 IN TXT \"{line}\""))?;
    output.line("")?;
    output.next(&format!("once it is published: {next}"))?;
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "issuer": issuer.as_str(),
        "challenge": line,
        "url": url,
        "dns_name": dns_name,
        "expires_at": expires_at,
        "next_step": next,
    }))?;
    Ok(Outcome::Done)
}

/// Has the server look for it.
pub(super) async fn prove(
    registrar: &Registrar,
    issuer: &Domain,
    output: &mut Output,
) -> Result<Outcome> {
    let request = ProveDomainRequest { issuer: issuer.to_string() };
    let answer = registrar.admin().prove_domain(rpc::timed(request)).await;
    let proved = Registrar::answer(answer)?;
    let expires_at = Timestamp::from_micros(proved.expires_at_us).to_string();
    let next = format!("witness issuer add {issuer}");
    let place = match proved.method.as_str() {
        "https" => "over HTTPS",
        "dns" => "in the DNS",
        other => other,
    };
    output.conclude(Outcome::Done);
    output.good(&format!("{issuer} is proved: the challenge was found {place}"))?;
    output.field("counts until", &expires_at)?;
    output.next(&next)?;
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "issuer": issuer.as_str(),
        "method": proved.method,
        "expires_at": expires_at,
        "next_step": next,
    }))?;
    Ok(Outcome::Done)
}
