//! `witness audit search`: events that match, page by page.

use anyhow::Result;
use clap::Args;
use serde_json::json;
use witness_wire::v1::SearchRequest;

use super::{LogArgs, filter::FilterArgs, shown};
use crate::{
    outcome::Outcome,
    output::{Output, count_of},
    retry::retrying,
    rpc,
};

/// Events on a page: what one call brings.
const PAGE: u32 = 1000;

/// Arguments of `witness audit search`.
#[derive(Debug, Args)]
#[command(after_help = "\
Events come in the order of the log. What is not indexed yet is not found yet; up to where the
index reaches is said at the end: with --json on a last line of its own, the one with an `outcome`,
with `indexed_to`, the number of `events` before it, and whether there are `more`.

Examples:
  witness audit search --server https://witness.example --token-file regulator.token \\
      --issuer aws.training --change status --class punitive --received-from 2026-01-01
  witness --json audit search … --field credential-id=DET-2026-4478921 \\
      | jq 'select(.index) | .received_at'")]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Stop after so many events; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
}

/// Searches.
pub(crate) async fn run(args: &SearchArgs, output: &mut Output) -> Result<Outcome> {
    let filter = args.filter.filter()?;
    let channel = rpc::connect(&args.log.server).await?;
    let mut left = if args.limit == 0 { u64::MAX } else { args.limit };
    let (mut page, mut shown) = (String::new(), 0_u64);
    loop {
        let page_size = u32::try_from(left).unwrap_or(u32::MAX).min(PAGE);
        let request = SearchRequest {
            origin: args.log.origin(),
            filter: Some(filter.clone()),
            page_size,
            page,
        };
        let ask = async || {
            let answer = rpc::audit(&channel).search(rpc::timed(request.clone())).await;
            Ok(rpc::answer(answer)?)
        };
        let answer = retrying(|text| output.note(text), ask).await?;
        for event in &answer.events {
            shown::show(&answer.origin, event, output)?;
        }
        let count = u64::try_from(answer.events.len())?;
        (left, shown) = (left.saturating_sub(count), shown + count);
        page = answer.next_page;
        if page.is_empty() || left == 0 {
            let (has_more, indexed_to) = (!page.is_empty(), answer.indexed_to);
            let end = End { origin: &answer.origin, events: shown, indexed_to, has_more };
            end.tell(unmatched(shown, &args.filter.given()).as_deref(), output)?;
            return Ok(Outcome::Done);
        }
    }
}

/// What is said after the last event.
struct End<'a> {
    origin: &'a str,
    events: u64,
    indexed_to: u64,
    has_more: bool,
}

impl End<'_> {
    fn tell(&self, next_step: Option<&str>, output: &mut Output) -> Result<()> {
        let Self { origin, events, indexed_to, has_more } = self;
        let (outcome, found) = (Outcome::Done, count_of(*events, "event"));
        output.conclude(outcome);
        let more = if *has_more { "; there are more, see --limit" } else { "" };
        output.note(&format!("{found} of {origin}, indexed to entry {indexed_to}{more}"))?;
        if let Some(step) = next_step {
            output.next(step)?;
        }
        output.json(&json!({
            "outcome": outcome.word(),
            "origin": origin,
            "events": events,
            "indexed_to": indexed_to,
            "more": has_more,
            "next_step": next_step,
        }))?;
        Ok(())
    }
}

/// Why nothing may have been found.
pub(super) const UNSEEN: &str = "what is not in your scope is answered as if it were not there";

/// What to look into where nothing was found. It is the same for what is not there and for what the caller may not
/// see: it says no more than was asked.
pub(super) fn unmatched(found: u64, given: &[String]) -> Option<String> {
    let is_clear = found > 0 || given.is_empty();
    let names = given.join(", ");
    (!is_clear).then(|| format!("{UNSEEN}, and so is a name that is misspelt: check {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_nothing_was_found_by_a_name_is_there_something_to_check() {
        let given = ["--issuer a.example".to_owned(), "--claim-type nosuch".to_owned()];
        let step = unmatched(0, &given).unwrap();
        assert!(step.ends_with("check --issuer a.example, --claim-type nosuch"), "{step}");
        assert!(unmatched(1, &given).is_none() && unmatched(0, &[]).is_none());
    }
}
