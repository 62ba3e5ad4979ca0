//! What can be asked on the command line: the commands, and how their words are read.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use witness_anchor::alloy::Address;
use witness_core::{
    document::{Document, META_BYTES_MAX, Meta, TEXT_BYTES_MAX},
    hash::{DocumentHash, Hash},
    name::{Domain, Jurisdictions, Name, Origin},
    rollup::Contract,
};

use crate::{commands, credentials::CallerArgs, files, outcome::Outcome};

const EXAMPLES: &str = "\
Exit codes:
  0  done, or verified
  1  refused, or a check failed
  2  could not tell: no answer, an unknown kind, a fact that is missing

Examples:
  witness keygen --name aws.training --out aws.skey
  witness hash certificate.txt
  witness submit --server http://localhost:7761 --key aws.skey --stream main events.ndjson
  witness status --server http://localhost:7761 --issuer aws.training --file certificate.txt
  witness evidence --server http://localhost:7761 --issuer aws.training --file certificate.txt \\
      --policy policy.json --out certificate.evidence.json
  witness verify certificate.evidence.json --policy policy.json --document certificate.txt

`witness <command> --help` says more about each.";

/// Issue, ask, take away and verify witnessed records of documents
///
/// A witnessing firm keeps an append-only log of every document hash that an issuer publishes and of
/// every later change. It never sees the documents. This program is for issuers (keygen, submit), for
/// holders of a document (hash, status, history, evidence, verify), for whoever watches the firm (watch),
/// for regulators (audit), and for the firm's operator (firm, issuer, access, erase, anchor).
#[derive(Debug, Parser)]
#[command(name = "witness", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Print JSON for programs: one object, or one on each line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an issuer's key
    Keygen(commands::keygen::KeygenArgs),
    /// Make the keys with which a firm begins
    #[command(subcommand)]
    Firm(commands::firm::FirmCommand),
    /// Register issuers, their keys and streams, and claim types (operator)
    Issuer(commands::issuer::IssuerArgs),
    /// Let regulators and issuers in, shut them out, and show what was asked (operator)
    Access(commands::access::AccessArgs),
    /// Compute the hash of a document from its text
    Hash(commands::hash::HashArgs),
    /// Sign and submit events, from files of any length
    Submit(Box<commands::submit::SubmitArgs>),
    /// Ask how a document stands
    Status(commands::status::StatusArgs),
    /// Ask for every event of a document
    History(commands::status::HistoryArgs),
    /// Fetch a document's evidence: a file that proves itself
    Evidence(commands::evidence::EvidenceArgs),
    /// Verify an evidence file, without any server
    Verify(commands::verify::VerifyArgs),
    /// Erase events for good: their texts, hashes and details; every proof stays valid (operator)
    Erase(Box<commands::erase::EraseArgs>),
    /// Put roll-ups on a public chain, and see how they stand there (operator)
    Anchor(Box<commands::anchor::AnchorArgs>),
    /// Search, count, follow, take away and check what is in your scope (regulator, issuer)
    Audit(Box<commands::audit::AuditArgs>),
    /// Follow a log, its firm's roll-ups and their anchors, and check that they only ever grow
    Watch(commands::watch::WatchArgs),
    /// Print completions for a shell
    Completions(commands::completions::CompletionsArgs),
}

impl Command {
    /// How it ends if its reader goes away before there is an outcome: what merely lists has done what
    /// was wanted of it (`witness history … | head`), of anything else nothing is known.
    pub(crate) fn unheard(&self) -> Outcome {
        match self {
            Self::History(_) | Self::Watch(_) | Self::Completions(_) => Outcome::Done,
            Self::Audit(args) if args.only_lists() => Outcome::Done,
            Self::Keygen(_)
            | Self::Firm(_)
            | Self::Issuer(_)
            | Self::Access(_)
            | Self::Hash(_)
            | Self::Submit(_)
            | Self::Status(_)
            | Self::Evidence(_)
            | Self::Verify(_)
            | Self::Erase(_)
            | Self::Anchor(_)
            | Self::Audit(_) => Outcome::CannotTell,
        }
    }
}

/// Where the server is, and how it is called.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// Address of the server, https://host:port; within this machine http://localhost:port
    #[arg(long, value_name = "URL", env = "WITNESS_SERVER")]
    pub(crate) server: String,
    #[command(flatten)]
    pub(crate) caller: CallerArgs,
}

#[cfg(test)]
impl ServerArgs {
    /// As anybody.
    pub(crate) fn at(server: &str) -> Self {
        Self { server: server.to_owned(), caller: CallerArgs::default() }
    }
}

/// Where the operator's socket is.
#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    /// The operator's socket
    #[arg(
        id = "admin",
        long = "admin",
        global = true,
        value_name = "PATH",
        env = "WITNESS_ADMIN",
        default_value = "/run/witnessd/admin.sock"
    )]
    pub(crate) socket: PathBuf,
}

/// Which document is meant.
#[derive(Debug, Args)]
pub(crate) struct DocumentArgs {
    /// Domain of the issuer, as in aws.training
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    pub(crate) issuer: Domain,
    #[command(flatten)]
    which: WhichArgs,
    /// The issuer's verification-meta.json, if it has one: it can change the hash of a text
    #[arg(long, value_name = "META.json", requires = "file")]
    meta: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct WhichArgs {
    /// Hash of the document, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = document_hash)]
    document: Option<DocumentHash>,
    /// Text of the document, hashed here; only the hash is sent
    #[arg(long, value_name = "TXT")]
    file: Option<PathBuf>,
}

impl DocumentArgs {
    /// The hash of the document that is meant.
    pub(crate) fn hash(&self) -> anyhow::Result<DocumentHash> {
        match (&self.which.document, &self.which.file) {
            (Some(hash), _) => Ok(*hash),
            (None, Some(file)) => hash_file(file, self.meta.as_deref()),
            (None, None) => anyhow::bail!("expected --document or --file"),
        }
    }
}

/// Hash of the claim text in a file.
pub(crate) fn hash_file(
    file: &std::path::Path,
    meta: Option<&std::path::Path>,
) -> anyhow::Result<DocumentHash> {
    let meta = meta.map(read_meta).transpose()?;
    let document = read_document(file, meta.as_ref())?;
    Ok(DocumentHash(Hash::new(document.sha256())))
}

/// Reads a document's text.
pub(crate) fn read_document(
    file: &std::path::Path,
    meta: Option<&Meta>,
) -> anyhow::Result<Document> {
    use anyhow::Context as _;
    let bytes = files::read(file, u64::try_from(TEXT_BYTES_MAX)?)?;
    Document::read(&bytes, meta).with_context(|| format!("{} has no hash", file.display()))
}

/// Reads an issuer's `verification-meta.json`.
pub(crate) fn read_meta(file: &std::path::Path) -> anyhow::Result<Meta> {
    use anyhow::Context as _;
    let bytes = files::read(file, u64::try_from(META_BYTES_MAX)?)?;
    Meta::parse(&bytes).with_context(|| format!("{} cannot be used", file.display()))
}

/// Reads a domain.
pub(crate) fn domain(text: &str) -> Result<Domain, &'static str> {
    Domain::parse(text).ok_or("expected a domain in lower case, as in aws.training")
}

/// Reads the name of a stream, a claim type or a log.
pub(crate) fn name(text: &str) -> Result<Name, &'static str> {
    Name::parse(text).ok_or("expected 1 to 32 lower-case letters, digits and hyphens")
}

/// Reads the origin of a log.
pub(crate) fn origin(text: &str) -> Result<Origin, &'static str> {
    Origin::parse(text).ok_or("expected the origin of a log, as in witness.example/log1")
}

/// Reads the address of an account; capitals are a check sum (EIP-55) and must be right.
pub(crate) fn address(text: &str) -> Result<Address, &'static str> {
    let expected = "expected 0x and 40 hexadecimal digits, with the capitals of EIP-55 or none";
    let is_plain = text.starts_with("0x") && !text.chars().any(|c| c.is_ascii_uppercase());
    let address =
        if is_plain { text.parse().ok() } else { Address::parse_checksummed(text, None).ok() };
    address.ok_or(expected)
}

/// Reads a contract on a chain.
pub(crate) fn contract(text: &str) -> Result<Contract, &'static str> {
    Contract::parse_caip10(&text.to_ascii_lowercase())
        .ok_or("expected eip155:<chain>:0x<address>, as `witness anchor deploy` says it")
}

/// Reads jurisdictions in any order.
pub(crate) fn jurisdictions(text: &str) -> Result<Jurisdictions, &'static str> {
    let mut codes: Vec<&str> = text.split(',').map(str::trim).collect();
    codes.sort_unstable();
    codes.dedup();
    Jurisdictions::parse(&codes.join(","))
        .ok_or("expected ISO 3166 codes, EU or INT, parted by commas, as in DE,EU or DE-BY")
}

/// Reads jurisdictions for which somebody is let in, or a stream opened: a code that is misspelt would hide it from
/// those who should see it.
pub(crate) fn assigned_jurisdictions(text: &str) -> Result<Jurisdictions, String> {
    let list = jurisdictions(text)?;
    list.unassigned().map_or(Ok(()), |code| {
        Err(format!(
            "{code} is no jurisdiction: expected an assigned code of ISO 3166-1 alpha-2, alone or with a subdivision, \
             EU or INT, as in DE, DE-BY or GB"
        ))
    })?;
    Ok(list)
}

/// Reads a document hash; the error does not repeat it.
pub(crate) fn document_hash(text: &str) -> Result<DocumentHash, &'static str> {
    Hash::from_hex(text).map(DocumentHash).ok_or("expected 64 lower-case hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::output::Output;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_line_of_the_help_is_broken_by_the_width_that_it_is_shown_in() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines() {
                assert!(line.chars().count() <= 100, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn a_reader_that_goes_away_makes_a_success_of_a_listing_only() {
        let unheard = |line: &str| {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            let mut output = Output::new(true);
            let before = output.concluded().unwrap_or(cli.command.unheard());
            output.conclude(Outcome::Refused);
            (before, output.concluded().unwrap_or(cli.command.unheard()))
        };
        let (verify, history) = ("witness verify a --policy b", "--server http://localhost:1");
        let history = format!("witness history {history} --issuer a.b --file c");
        assert_eq!(unheard(verify), (Outcome::CannotTell, Outcome::Refused));
        assert_eq!(unheard(&history), (Outcome::Done, Outcome::Refused));
        assert_eq!(unheard("witness completions bash"), (Outcome::Done, Outcome::Refused));
        assert_eq!(unheard("witness hash a"), (Outcome::CannotTell, Outcome::Refused));
    }

    #[test]
    fn an_address_with_a_wrong_capital_is_refused() {
        let right = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
        let lower = right.to_ascii_lowercase();
        assert_eq!(address(right), address(&lower));
        assert!(address(right).is_ok());
        for wrong in [&right.replace('F', "f"), &lower[2..], &lower[..41], "", "0x"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn jurisdictions_come_in_any_order() {
        assert_eq!(jurisdictions("EU, DE,EU").map(|list| list.to_string()), Ok("DE,EU".to_owned()));
        assert!(jurisdictions("de").is_err());
        let assigned = |text| assigned_jurisdictions(text).map(|list| list.to_string());
        assert_eq!(assigned("INT, DE-BY,EU"), Ok("DE-BY,EU,INT".to_owned()));
        assert!(
            assigned("DE,XX")
                .unwrap_err()
                .starts_with("XX is no jurisdiction: expected an assigned code")
        );
        assert!(jurisdictions("XX").is_ok(), "what was logged can be asked for");
    }
}
