//! What can be asked of `witness issuer`, command by command.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use witness_core::{
    key::KeyId,
    name::{Domain, Jurisdictions, Name},
    registry::RETENTION_DAYS_MAX,
};

use super::ready::{self, Ready};
use crate::args;

const CHALLENGE_EXAMPLES: &str = "\
The line is the same until it expires, after 7 days. Either place is enough.

Examples:
  witness issuer challenge school.example
  witness issuer challenge school.example --json | jq -r .challenge";

const PROVE_EXAMPLES: &str = "\
Looks over HTTPS first, then in the DNS. Redirects are not followed, and hosts that are not of the
public Internet are not asked. What was found counts for 24 hours.

Examples:
  witness issuer prove school.example";

const ADD_EXAMPLES: &str = "\
Unless the service is configured with prove = false, the domain must be proved before.

Examples:
  witness issuer challenge school.example      # what its holder must publish
  witness issuer prove school.example
  witness issuer add school.example";

const KEY_ADD_EXAMPLES: &str = "\
Examples:
  witness issuer key-add school.example --key school.skey
  witness issuer key-add school.example --key next.skey --with school.skey
  witness issuer key-add school.example --key rescue.skey --recovery

With the key on another machine, which signs with `witness issuer sign-change`:
  witness issuer key-add school.example --key school.vkey --draft change.txt
  witness issuer key-add school.example --key school.vkey --signature '— school.example ...'";

const KEY_ROTATE_EXAMPLES: &str = "\
Both keys live from then on, so that nothing in flight is lost: let the issuer sign with the new
one, and revoke the old one when nothing signed with it is on its way any more.

Examples:
  witness issuer key-rotate school.example --key next.skey --with school.skey
  witness issuer key-revoke school.example --id 69a57a17

With the keys on another machine, which signs with `witness issuer sign-change`, once with each:
  witness issuer key-rotate school.example --key next.vkey --draft change.txt
  witness issuer key-rotate school.example --key next.vkey \\
      --signature '— school.example ...' --signature '— school.example ...'";

const KEY_REVOKE_EXAMPLES: &str = "\
Examples:
  witness issuer key-revoke school.example --id 69a57a17
  witness issuer key-revoke school.example --id 69a57a17 --as-of 2026-03-01T09:00:00Z
  witness issuer key-revoke school.example --id 69a57a17 --with school.skey";

const STREAM_OPEN_EXAMPLES: &str = "\
`DE` lets regulators of DE and of its states look in; `EU` and `INT` cover only themselves.

Examples:
  witness issuer stream-open school.example main --jurisdictions DE-BY,EU
  witness issuer stream-open school.example archive --jurisdictions INT --back-fill";

const CLAIM_TYPE_EXAMPLES: &str = "\
A schema lists what the details of an event may say; proto/README.md has its form. One that stands
in the registry as it is is not registered again. Another schema under the same name is refused,
with what would change; with --replace it holds from then on, for every issuer.

Examples:
  witness issuer claim-type --list
  witness issuer claim-type --ready skill-module
  witness issuer claim-type --ready all
  witness issuer claim-type --name apprenticeship --schema apprenticeship.txt
  witness issuer claim-type --name apprenticeship --schema longer.txt --replace";

const OFFBOARD_EXAMPLES: &str = "\
For ever: the domain cannot be added again in this log. What was logged stays, and its evidence
verifies; its keys can still be revoked.

Examples:
  witness issuer offboard school.example --yes";

const RETENTION_EXAMPLES: &str = "\
The last term counts, for what was logged before it too. The log itself and every proof stay. A term
that stands already is not logged again.

Examples:
  witness issuer retention skill-module --days 3650
  witness issuer retention skill-module --for-ever";

const HOLD_EXAMPLES: &str = "\
While it stands, nothing of these events is erased. The registry is public: let the name
name nobody.

Examples:
  witness issuer hold school.example --name case-17
  witness issuer hold school.example --name case-18 --stream main --first 120 --count 5
  witness issuer lift case-17";

const LIFT_EXAMPLES: &str = "\
Examples:
  witness issuer lift case-17";

const SHOW_EXAMPLES: &str = "\
Examples:
  witness issuer show
  witness issuer show school.example
  witness issuer show --json | jq '.issuers[].keys[] | select(.revoked_index == null)'";

#[derive(Debug, Args)]
#[command(after_help = CHALLENGE_EXAMPLES)]
pub(super) struct ChallengeArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    pub(super) issuer: Domain,
}

#[derive(Debug, Args)]
#[command(after_help = PROVE_EXAMPLES)]
pub(super) struct ProveArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    pub(super) issuer: Domain,
}

#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
pub(super) struct AddArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    pub(super) issuer: Domain,
}

/// Where signatures of the issuer come from, beside the file of the key itself.
#[derive(Debug, Clone, Args)]
pub(super) struct SignatureArgs {
    /// A signature line made with sign-change, in place of a secret key; can be given several times
    #[arg(long = "signature", value_name = "LINE")]
    pub(super) signatures: Vec<String>,
    /// Write the text to be signed to this file, and stop
    #[arg(long, value_name = "FILE")]
    pub(super) draft: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = KEY_ADD_EXAMPLES)]
pub(super) struct KeyAddArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    pub(super) issuer: Domain,
    /// The new key: its secret key's file, or its public key (a vkey, or a file) if it signs elsewhere
    #[arg(long, value_name = "NEW")]
    pub(super) key: String,
    /// A living key of the issuer, which vouches for the new one; needed for all but its first
    #[arg(long = "with", value_name = "LIVING.skey")]
    pub(super) living: Option<PathBuf>,
    /// No living key of the issuer is left: every verdict that rests on the new key will say so
    #[arg(long, conflicts_with = "living")]
    pub(super) recovery: bool,
    #[command(flatten)]
    pub(super) signing: SignatureArgs,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = KEY_ROTATE_EXAMPLES)]
pub(super) struct KeyRotateArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    pub(super) issuer: Domain,
    /// The new key: its secret key's file, or its public key (a vkey, or a file) if it signs elsewhere
    #[arg(long, value_name = "NEW")]
    pub(super) key: String,
    /// The living key that vouches for it
    #[arg(long = "with", value_name = "OLD.skey", required_unless_present_any = ["signatures", "draft"])]
    pub(super) living: Option<PathBuf>,
    #[command(flatten)]
    pub(super) signing: SignatureArgs,
}

#[derive(Debug, Args)]
#[command(after_help = KEY_REVOKE_EXAMPLES)]
pub(super) struct KeyRevokeArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    pub(super) issuer: Domain,
    /// Id of the key, 8 hexadecimal digits, as `show` has it
    #[arg(long, value_name = "ID", value_parser = key_id)]
    pub(super) id: KeyId,
    /// Since when the key is not to be trusted, RFC 3339; earlier entries from then on become suspect.
    /// Without it: from now on, so none become suspect
    #[arg(long, value_name = "TIME")]
    pub(super) as_of: Option<String>,
    /// The key itself, if the issuer revokes it
    #[arg(long = "with", value_name = "KEY.skey")]
    pub(super) own: Option<PathBuf>,
    #[command(flatten)]
    pub(super) signing: SignatureArgs,
}

#[derive(Debug, Args)]
#[command(after_help = STREAM_OPEN_EXAMPLES)]
pub(super) struct StreamOpenArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    pub(super) issuer: Domain,
    /// Name of the stream, as in main
    #[arg(value_parser = args::name)]
    pub(super) stream: Name,
    /// Who may inspect it: ISO 3166 codes, EU or INT, parted by commas
    #[arg(long, value_name = "CODES", value_parser = args::assigned_jurisdictions)]
    pub(super) jurisdictions: Jurisdictions,
    /// It brings in the past, where late events are nothing odd
    #[arg(long)]
    pub(super) back_fill: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = CLAIM_TYPE_EXAMPLES,
    group = ArgGroup::new("which").required(true).args(["name", "ready", "list"])
)]
pub(super) struct ClaimTypeArgs {
    /// Name of a claim type of your own, as in apprenticeship
    #[arg(long, requires = "schema", value_parser = args::name)]
    pub(super) name: Option<Name>,
    /// File with its schema: lines `field …`, sorted by name
    #[arg(long, value_name = "FILE", requires = "name", conflicts_with_all = ["ready", "list"])]
    pub(super) schema: Option<PathBuf>,
    /// A ready-made claim type, or all of them; those that stand as they are stay
    #[arg(long, value_name = "NAME|all", value_parser = ready::parse)]
    pub(super) ready: Option<Ready>,
    /// Let it take the place of another schema of the same name
    #[arg(long, conflicts_with = "list")]
    pub(super) replace: bool,
    /// Show the ready-made claim types, without any server
    #[arg(long)]
    pub(super) list: bool,
}

#[derive(Debug, Args)]
pub(super) struct SignChangeArgs {
    /// The key to sign with
    #[arg(long, value_name = "KEY.skey")]
    pub(super) key: PathBuf,
    /// The drafted text; - for standard input
    pub(super) text: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = OFFBOARD_EXAMPLES)]
pub(super) struct OffboardArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    pub(super) issuer: Domain,
    /// Do not ask: it is for ever
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = RETENTION_EXAMPLES,
    group = ArgGroup::new("term").required(true).args(["days", "for_ever"])
)]
pub(super) struct RetentionArgs {
    /// Name of the claim type
    #[arg(value_parser = args::name)]
    pub(super) claim_type: Name,
    /// Days from the receipt of an event until its body is erased
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=i64::from(RETENTION_DAYS_MAX)))]
    pub(super) days: Option<u32>,
    /// Keep them, as where nothing was said
    #[arg(long)]
    pub(super) for_ever: bool,
}

#[derive(Debug, Args)]
#[command(after_help = HOLD_EXAMPLES)]
pub(super) struct HoldArgs {
    /// Domain of the issuer
    #[arg(value_parser = args::domain)]
    pub(super) issuer: Domain,
    /// Name of the hold, used once
    #[arg(long, value_parser = args::name)]
    pub(super) name: Name,
    /// Only events of this stream; without it all of the issuer, those to come included
    #[arg(long, requires = "first", requires = "count", value_parser = args::name)]
    pub(super) stream: Option<Name>,
    /// Sequence number of the first
    #[arg(long, value_name = "SEQUENCE", requires = "stream")]
    pub(super) first: Option<u64>,
    /// How many
    #[arg(long, requires = "stream", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
}

#[derive(Debug, Args)]
#[command(after_help = LIFT_EXAMPLES)]
pub(super) struct LiftArgs {
    /// Name of the hold
    #[arg(value_parser = args::name)]
    pub(super) name: Name,
}

#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(super) struct ShowArgs {
    /// Only this issuer, without the claim types
    #[arg(value_parser = args::domain)]
    pub(super) issuer: Option<Domain>,
}

fn key_id(text: &str) -> Result<KeyId, &'static str> {
    KeyId::parse(text).ok_or("expected 8 lower-case hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::args::Cli;

    #[test]
    fn a_schema_belongs_to_a_claim_type_of_ones_own() {
        let reads = |words: &str| {
            let line = format!("witness issuer claim-type {words}");
            Cli::try_parse_from(line.split(' ')).is_ok()
        };
        for good in
            ["--ready skill-module", "--list", "--name a --schema b", "--ready all --replace"]
        {
            assert!(reads(good), "{good}");
        }
        for bad in
            ["--ready skill-module --schema b", "--list --schema b", "--schema b", "--name a"]
        {
            assert!(!reads(bad), "{bad}");
        }
    }
}
