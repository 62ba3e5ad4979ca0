//! `--dev`: all that is needed to try the service out, made on the spot. Never in earnest: the root key
//! lies beside the data, and whoever can read the folder is the firm.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use witness_core::{
    firm_keys::{FIRM_NOTE_FILE, plan_keys},
    key::{SignatureType, SigningKey},
    name::{Domain, Jurisdictions, Name},
    policy::Policy,
    registry::{Change, Registry},
    schema::Schema,
    time::Timestamp,
};

use crate::{
    config::{self, Arguments, Config, Domains, load_chains},
    firm::Firm,
    keys,
};

const FIRM: &str = "witness.example";
const LOG: &str = "log1";
const ISSUER: &str = "issuer.example";
const STREAM: &str = "main";
const ROOT_FILE: &str = "root.skey";

/// The development issuer's claim type, as it ships ready-made.
const CLAIM_TYPE: (&str, &str) =
    ("skill-module", include_str!("../../../deploy/claim-types/skill-module.txt"));

/// Makes keys once, and the configuration around them.
pub(crate) fn prepare(arguments: &Arguments) -> anyhow::Result<Config> {
    let (data, keys) = (arguments.data.clone(), arguments.data.join("keys"));
    fs::create_dir_all(&keys).with_context(|| format!("{} cannot be made", keys.display()))?;
    let data = data.canonicalize()?;
    let keys = data.join("keys");
    if !keys.join(FIRM_NOTE_FILE).exists() {
        make_keys(&data, &keys)?;
    }
    let root = read_key(&keys.join(ROOT_FILE))?;
    let config = Config {
        listen: arguments.listen,
        data: data.clone(),
        keys,
        root_vkey: root.verifying_key().to_string(),
        logs: vec![LOG.to_owned()],
        admin_socket: Some(data.join("admin.sock")),
        head_copies: None,
        cache_mib: 64,
        require_synchronised_clock: false,
        tls: None,
        limits: config::Limits { audit: unhurried(), ..config::Limits::default() },
        rollup_every_s: arguments.rollup_every_s,
        access_head_every_s: arguments.access_head_every_s,
        domains: Domains::unproved(),
        chains: match &arguments.chains {
            Some(path) => load_chains(path)?,
            None => Vec::new(),
        },
        init: true,
        is_development: true,
    };
    tracing::warn!(
        "DEVELOPMENT MODE: the root key lies beside the data; nothing here proves anything to anybody"
    );
    tracing::warn!(data = %data.display(), "data, keys, policy.json and the issuer's key are in this folder");
    Ok(config)
}

/// Here nobody's records fill a disk, and programs try things out.
fn unhurried() -> config::AuditLimit {
    let calls_per_s = config::Limit::default().calls_per_s;
    config::AuditLimit { calls_per_s, ..config::AuditLimit::default() }
}

fn make_keys(data: &Path, keys: &Path) -> anyhow::Result<()> {
    let firm = Domain::parse(FIRM).context("the development firm's name")?;
    let log = Name::parse(LOG).context("the development log's name")?;
    let mut failed = None;
    let set = plan_keys(&firm, &[log], || {
        let drawn = keys::random().map_err(|error| failed = Some(error));
        drawn.map_or([0; 32], |random| *random)
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let set = set.context("the development keys could not be made")?;
    write_private(&keys.join(ROOT_FILE), &set.root.to_skey())?;
    for (name, key) in &set.files {
        write_private(&keys.join(name), &key.to_skey())?;
    }
    let issuer = SigningKey::from_seed(ISSUER, SignatureType::Ed25519, &*keys::random()?)?;
    write_private(&data.join(format!("{ISSUER}.skey")), &issuer.to_skey())?;
    let policy = Policy::for_firm(set.root.verifying_key().clone());
    fs::write(data.join("policy.json"), policy.encode())?;
    // Last: with it there, all of it is there.
    fs::write(keys.join(FIRM_NOTE_FILE), set.note.to_string())?;
    Ok(())
}

/// Registers the development issuer with its key, stream and claim type, once.
pub(crate) fn register(firm: &Firm, config: &Config) -> anyhow::Result<()> {
    let Some(log) = firm.logs.first() else { bail!("there is no log") };
    let issuer = Domain::parse(ISSUER).context("the development issuer's name")?;
    if log.overview().registry.issuer(&issuer).is_some_and(|record| !record.streams.is_empty()) {
        return Ok(());
    }
    let key = read_key(&config.data.join(format!("{ISSUER}.skey")))?;
    let stream = Name::parse(STREAM).context("the development stream's name")?;
    let changes = [
        Change::IssuerAdded { issuer: issuer.clone() },
        Change::KeyAdded {
            issuer: issuer.clone(),
            key: key.verifying_key().clone(),
            recovery: false,
        },
        Change::ClaimType {
            name: Name::parse(CLAIM_TYPE.0).context("the claim type's name")?,
            schema: Schema::parse(CLAIM_TYPE.1).context("the claim type's schema")?,
        },
        Change::StreamOpened {
            issuer,
            stream,
            jurisdictions: Jurisdictions::parse("INT").context("a jurisdiction")?,
            back_fill: false,
        },
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for change in changes {
        // A start that was interrupted half-way goes on where it stopped.
        if is_registered(&log.overview().registry, &change) {
            continue;
        }
        let text = log.overview().registry.draft(change.clone()).encode();
        let needs_proof = matches!(change, Change::KeyAdded { .. });
        let signatures =
            if needs_proof { vec![key.sign(&text, Timestamp::EPOCH)] } else { Vec::new() };
        match runtime.block_on(log.register(text, signatures)) {
            Ok(_) => {}
            Err(refusal) => bail!("the development issuer could not be registered: {refusal}"),
        }
    }
    Ok(())
}

fn is_registered(registry: &Registry, change: &Change) -> bool {
    let issuer = change.issuer().and_then(|issuer| registry.issuer(issuer));
    match change {
        Change::IssuerAdded { .. } => issuer.is_some(),
        Change::KeyAdded { key, .. } => issuer.is_some_and(|it| it.key(key.id()).is_some()),
        Change::StreamOpened { stream, .. } => {
            issuer.is_some_and(|it| it.streams.contains_key(stream))
        }
        Change::ClaimType { name, .. } => registry.claim_type(name).is_some(),
        Change::IssuerOffboarded { .. }
        | Change::KeyRevoked { .. }
        | Change::Retention { .. }
        | Change::LegalHold { .. }
        | Change::LegalHoldLifted { .. } => false,
    }
}

fn read_key(path: &PathBuf) -> anyhow::Result<SigningKey> {
    let text =
        fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    SigningKey::parse(text.trim_end()).with_context(|| format!("{} is no key file", path.display()))
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("{} cannot be written", path.display()))?;
    writeln!(file, "{text}")?;
    file.sync_all().with_context(|| format!("{} cannot be synced", path.display()))
}
