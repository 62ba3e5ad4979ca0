//! `witness hash`: from the text of a document to its hash, as every Live Verify client computes it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use witness_core::document::VerifyLine;

use crate::{args, outcome::Outcome, output::Output};

const EXAMPLES: &str = "\
The claim text is all that stands above the verify line. White space and typographic quotes
are made uniform before it is hashed. Nothing is sent anywhere.

Examples:
  witness hash certificate.txt
  pdftotext certificate.pdf - | witness hash -
  witness hash certificate.txt --meta verification-meta.json";

/// Arguments of `witness hash`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HashArgs {
    /// Text of the document; - for standard input
    file: PathBuf,
    /// The issuer's verification-meta.json, if it has one: it can change the hash
    #[arg(long, value_name = "META.json")]
    meta: Option<PathBuf>,
}

/// Computes the hash.
pub(crate) fn run(args: &HashArgs, output: &mut Output) -> Result<Outcome> {
    let meta = args.meta.as_deref().map(args::read_meta).transpose()?;
    let document = args::read_document(&args.file, meta.as_ref())?;
    let hash = witness_core::encoding::hex(&document.sha256());
    let verify = document.verify().map(VerifyLine::to_text);
    let (hash_url, meta_url) = (document.hash_url(), document.meta_url());

    output.conclude(Outcome::Done);
    output.line(&hash)?;
    output.field("verify line", verify.as_deref().unwrap_or("none: all of the text is hashed"))?;
    match &hash_url {
        Ok(Some(url)) => output.field("hash url", url)?,
        Ok(None) => {}
        Err(error) => output.warn(&format!("the issuer cannot be asked: {error}"))?,
    }
    if document.claim_text().is_empty() {
        output.warn("there is no claim text: this is the hash of nothing")?;
    }
    if document.has_stranded_text() {
        output
            .warn("there is text below or beside the verify line; it is not part of the claim")?;
    }
    if let (Ok(Some(url)), None) = (&meta_url, &meta) {
        output.note(&format!(
            "the issuer may have rules of its own for this hash: fetch {url}, and give it with --meta"
        ))?;
    }
    output.json(&json!({
        "outcome": Outcome::Done.word(),
        "document_hash": hash,
        "verify_line": verify,
        "hash_url": hash_url.as_ref().ok().cloned().flatten(),
        "hash_url_error": hash_url.as_ref().err().map(ToString::to_string),
        "meta_url": meta_url.ok().flatten(),
        "stranded_text": document.has_stranded_text(),
    }))?;
    Ok(Outcome::Done)
}
