//! `witness audit search`: events that match, page by page.

use anyhow::Result;
use clap::Args;
use witness_wire::v1::SearchRequest;

use super::{LogArgs, filter::FilterArgs, shown};
use crate::{
    outcome::Outcome,
    output::{Output, count_of},
    rpc,
};

/// Events on a page: what one call brings.
const PAGE: u32 = 1000;

/// Arguments of `witness audit search`.
#[derive(Debug, Args)]
#[command(after_help = "\
Events come in the order of the log. What is not indexed yet is not found yet; up to where the index
reaches is said at the end.

Examples:
  witness audit search --server https://witness.example --token-file regulator.token \\
      --issuer aws.training --change status --class punitive --received-from 2026-01-01
  witness --json audit search … --field credential-id=DET-2026-4478921 | jq .received_at")]
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
    let channel = rpc::connect(&args.log.server).await?;
    let mut client = rpc::audit(&channel);
    let mut left = if args.limit == 0 { u64::MAX } else { args.limit };
    let (mut page, mut shown) = (String::new(), 0_u64);
    loop {
        let page_size = u32::try_from(left).unwrap_or(u32::MAX).min(PAGE);
        let request = SearchRequest {
            origin: args.log.origin(),
            filter: Some(args.filter.filter()),
            page_size,
            page,
        };
        let answer = rpc::answer(client.search(rpc::timed(request)).await)?;
        for event in &answer.events {
            shown::show(&answer.origin, event, output)?;
        }
        let count = u64::try_from(answer.events.len())?;
        (left, shown) = (left.saturating_sub(count), shown + count);
        page = answer.next_page;
        if page.is_empty() || left == 0 {
            let more = if page.is_empty() { "" } else { "; there are more, see --limit" };
            let found = count_of(shown, "event");
            output.note(&format!(
                "{found} of {}, indexed to entry {}{more}",
                answer.origin, answer.indexed_to
            ))?;
            return Ok(Outcome::Done);
        }
    }
}
