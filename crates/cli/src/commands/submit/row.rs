//! From a row of an input to an occurrence.
//!
//! What must hold: a member or column that is not known is refused, for what is misspelt would be lost; and
//! no message repeats what stands in a row.

use std::path::{Path, PathBuf};

use csv::ByteRecord;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use witness_core::{
    document::Meta,
    drafting::{Occurrence, What},
    event::{Change, Status, StatusClass},
    hash::DocumentHash,
    name::Name,
};

use crate::{args, outcome::Failure, times};

const MEMBERS: &str = "document, document_file, change, replaces, replaces_file, status, class, \
                       claim_type, occurred_at, details";

/// What a row says, before it is understood.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    document: Option<String>,
    #[serde(alias = "text_file")]
    document_file: Option<PathBuf>,
    change: Option<String>,
    replaces: Option<String>,
    replaces_file: Option<PathBuf>,
    status: Option<String>,
    class: Option<String>,
    claim_type: Option<String>,
    #[serde(default, deserialize_with = "text_or_number")]
    occurred_at: Option<String>,
    #[serde(default, deserialize_with = "fields")]
    details: Vec<(String, String)>,
}

/// What a row need not say again, and how its texts are hashed.
#[derive(Debug)]
pub(super) struct Defaults {
    /// The claim type of rows that name none.
    pub(super) claim_type: Option<Name>,
    /// The change of rows that name none.
    pub(super) change: Option<String>,
    /// The time of rows that name none.
    pub(super) occurred_at: Option<i64>,
    /// Where files that rows name are.
    pub(super) folder: PathBuf,
    /// The issuer's rules for texts.
    pub(super) meta: Option<Meta>,
}

/// A column of a CSV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Document,
    DocumentFile,
    Change,
    Replaces,
    ReplacesFile,
    Status,
    Class,
    ClaimType,
    OccurredAt,
    Detail(String),
}

impl Column {
    /// Reads a heading.
    pub(super) fn parse(heading: &[u8]) -> Result<Self, Failure> {
        let heading = str::from_utf8(heading).unwrap_or_default();
        Ok(match heading {
            "document" => Self::Document,
            "document_file" | "text_file" => Self::DocumentFile,
            "change" => Self::Change,
            "replaces" => Self::Replaces,
            "replaces_file" => Self::ReplacesFile,
            "status" => Self::Status,
            "class" => Self::Class,
            "claim_type" => Self::ClaimType,
            "occurred_at" => Self::OccurredAt,
            _ => {
                let field = heading.strip_prefix("details.");
                Self::Detail(field.ok_or_else(unknown_column)?.to_owned())
            }
        })
    }
}

fn unknown_column() -> Failure {
    Failure::refused(format!("the header has a column other than {MEMBERS}.<field>"))
        .next("rename or remove that column")
}

impl Row {
    /// Reads a JSON object. serde's own messages repeat what they found, so they are not passed on.
    pub(super) fn from_json(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| {
            let column = error.column();
            if error.is_data() {
                return format!(
                    "near column {column}: expected an object of {MEMBERS}, all text but the last, and in \
                     details text or whole numbers, each field once"
                );
            }
            format!("near column {column}: expected one JSON object")
        })
    }

    /// Reads the cells of a record; an empty cell says nothing.
    pub(super) fn from_csv(columns: &[Column], record: &ByteRecord) -> Result<Self, String> {
        let mut row = Self::default();
        for (column, cell) in columns.iter().zip(record) {
            let cell = str::from_utf8(cell).or(Err("expected UTF-8"))?;
            if cell.is_empty() {
                continue;
            }
            let text = cell.to_owned();
            match column {
                Column::Document => row.document = Some(text),
                Column::DocumentFile => row.document_file = Some(text.into()),
                Column::Change => row.change = Some(text),
                Column::Replaces => row.replaces = Some(text),
                Column::ReplacesFile => row.replaces_file = Some(text.into()),
                Column::Status => row.status = Some(text),
                Column::Class => row.class = Some(text),
                Column::ClaimType => row.claim_type = Some(text),
                Column::OccurredAt => row.occurred_at = Some(text),
                Column::Detail(field) => row.details.push((field.clone(), text)),
            }
        }
        Ok(row)
    }

    /// What happened, by this row.
    pub(super) fn occurrence(self, defaults: &Defaults) -> Result<Occurrence, String> {
        let document = document(self.document.as_deref(), self.document_file.as_deref(), defaults)?;
        let document = document
            .ok_or("expected document, 64 lower-case hexadecimal digits, or document_file")?;
        let old =
            document_replaced(self.replaces.as_deref(), self.replaces_file.as_deref(), defaults)?;
        let change = self.change.as_deref().or(defaults.change.as_deref());
        let status = status(self.status.as_deref(), self.class.as_deref())?;
        let what = what(change, status, old)?;
        let claim_type = match &self.claim_type {
            Some(text) => Name::parse(text).ok_or("expected a claim_type of [a-z0-9-]{1,32}")?,
            None => defaults.claim_type.clone().ok_or("expected a claim_type, or --claim-type")?,
        };
        let occurred_at = match &self.occurred_at {
            Some(text) => times::micros(text).ok_or(
                "expected occurred_at as in 2026-03-01T09:00:00Z, 2026-03-01, or microseconds since 1970",
            )?,
            None => defaults.occurred_at.ok_or("expected occurred_at, or --occurred-at")?,
        };
        Ok(Occurrence { what, document, claim_type, occurred_at, details: self.details })
    }
}

fn what(
    change: Option<&str>,
    status: Option<(StatusClass, Status)>,
    old: Option<DocumentHash>,
) -> Result<What, String> {
    let what = match (change, status, old) {
        (Some("issued"), None, None) => What::One(Change::Issued),
        (Some("deleted"), None, None) => What::One(Change::Deleted),
        (Some("restored"), None, None) => What::One(Change::Restored),
        (Some("status"), Some((class, status)), None) => {
            What::One(Change::Status { class, status })
        }
        (Some("amended"), None, Some(old)) => What::Amends { old },
        (Some("amended"), _, None) => return Err("amended needs replaces, the old hash".to_owned()),
        (Some("status"), None, _) => return Err("the change status needs a status".to_owned()),
        (Some("issued" | "deleted" | "restored" | "status"), _, Some(_)) => {
            return Err("replaces goes with amended only".to_owned());
        }
        (Some("issued" | "deleted" | "restored" | "amended"), Some(_), _) => {
            return Err("status goes with the change status only".to_owned());
        }
        _ => return Err("expected change: issued, amended, status, deleted or restored".to_owned()),
    };
    Ok(what)
}

fn status(
    status: Option<&str>,
    class: Option<&str>,
) -> Result<Option<(StatusClass, Status)>, String> {
    let Some(text) = status else {
        return match class {
            Some(_) => Err("class goes with a status only".to_owned()),
            None => Ok(None),
        };
    };
    let rule = "expected a status of 1 to 50 letters, digits, spaces, _ and -, beginning with a letter or digit";
    let status = Status::parse(text).ok_or(rule)?;
    let class = match class {
        None => StatusClass::default_of(text),
        Some(word) => StatusClass::parse(word).ok_or(
            "expected class: affirming, administrative, punitive, replaced, paused or other",
        )?,
    };
    Ok(Some((class, status)))
}

fn document_replaced(
    hex: Option<&str>,
    file: Option<&Path>,
    defaults: &Defaults,
) -> Result<Option<DocumentHash>, String> {
    document(hex, file, defaults).map_err(|error| format!("replaces: {error}"))
}

/// A hash as it stands there, or that of a text.
fn document(
    hex: Option<&str>,
    file: Option<&Path>,
    defaults: &Defaults,
) -> Result<Option<DocumentHash>, String> {
    match (hex, file) {
        (None, None) => Ok(None),
        (Some(hex), None) => Ok(Some(args::document_hash(hex)?)),
        (None, Some(file)) => {
            let document = args::read_document(&defaults.folder.join(file), defaults.meta.as_ref());
            let document = document.map_err(|error| format!("{error:#}"))?;
            Ok(Some(DocumentHash(witness_core::hash::Hash::new(document.sha256()))))
        }
        (Some(_), Some(_)) => Err("expected a hash or a file, not both".to_owned()),
    }
}

/// A time can be text or a number of microseconds.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    Ok(Option::<Either>::deserialize(deserializer)?.map(|either| match either {
        Either::Number(micros) => micros.to_string(),
        Either::Text(text) => text,
    }))
}

/// The members of `details`, in order, each once.
fn fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    struct Fields;

    impl<'de> Visitor<'de> for Fields {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object of fields")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields: Vec<(String, String)> = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
                let whole = value.is_i64() || value.is_u64();
                let value = match value {
                    serde_json::Value::String(text) => Some(text),
                    serde_json::Value::Number(number) if whole => Some(number.to_string()),
                    serde_json::Value::Number(_)
                    | serde_json::Value::Null
                    | serde_json::Value::Bool(_)
                    | serde_json::Value::Array(_)
                    | serde_json::Value::Object(_) => None,
                };
                let unfit = || A::Error::custom("a value that is neither text nor whole");
                let value = value.ok_or_else(unfit)?;
                if fields.iter().any(|(earlier, _)| *earlier == name) {
                    return Err(A::Error::custom("a field twice"));
                }
                fields.push((name, value));
            }
            Ok(fields)
        }
    }

    deserializer.deserialize_map(Fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const OLD: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

    fn defaults() -> Defaults {
        Defaults {
            claim_type: None,
            change: None,
            occurred_at: None,
            folder: PathBuf::new(),
            meta: None,
        }
    }

    fn of_json(json: &str) -> Result<Occurrence, String> {
        Row::from_json(json.replace("HASH", HASH).replace("OLD", OLD).as_bytes())?
            .occurrence(&defaults())
    }

    fn of_csv(header: &str, line: &str) -> Result<Occurrence, String> {
        let columns: Vec<Column> =
            header.split(',').map(|heading| Column::parse(heading.as_bytes()).unwrap()).collect();
        let line = line.replace("HASH", HASH).replace("OLD", OLD);
        let record = ByteRecord::from(line.split(',').collect::<Vec<_>>());
        Row::from_csv(&columns, &record)?.occurrence(&defaults())
    }

    #[test]
    fn json_and_csv_say_the_same() {
        let json = of_json(
            r#"{"document":"HASH","change":"issued","claim_type":"skill-module",
                "occurred_at":"2026-03-01","details":{"certificate":"A-1","level":3}}"#,
        );
        let csv = of_csv(
            "document,change,status,claim_type,occurred_at,details.certificate,details.level",
            "HASH,issued,,skill-module,1772323200000000,A-1,3",
        );
        assert_eq!(json, csv);
        let occurrence = json.unwrap();
        assert_eq!(occurrence.what, What::One(Change::Issued));
        assert_eq!(occurrence.occurred_at, 1_772_323_200_000_000);
        assert_eq!(occurrence.details.len(), 2);
    }

    #[test]
    fn every_change_can_be_said() {
        let change = |members: &str| {
            of_json(&format!(r#"{{"document":"HASH","claim_type":"a","occurred_at":0,{members}}}"#))
                .map(|occurrence| occurrence.what)
        };
        let revoked = Change::Status {
            class: StatusClass::Punitive,
            status: Status::parse("Revoked").unwrap(),
        };
        assert_eq!(change(r#""change":"status","status":"Revoked""#), Ok(What::One(revoked)));
        let paused = Change::Status {
            class: StatusClass::Paused,
            status: Status::parse("On hold").unwrap(),
        };
        let row = r#""change":"status","status":"On hold","class":"paused""#;
        assert_eq!(change(row), Ok(What::One(paused)));
        let old = args::document_hash(OLD).unwrap();
        assert_eq!(change(r#""change":"amended","replaces":"OLD""#), Ok(What::Amends { old }));
        assert_eq!(change(r#""change":"deleted""#), Ok(What::One(Change::Deleted)));
        assert_eq!(change(r#""change":"restored""#), Ok(What::One(Change::Restored)));
    }

    #[test]
    fn a_wrong_row_is_refused_and_not_repeated() {
        let cases = [
            r#"{"document":"secret","change":"issued","claim_type":"a","occurred_at":0}"#,
            r#"{"document":"HASH","change":"secret","claim_type":"a","occurred_at":0}"#,
            r#"{"document":"HASH","change":"issued","claim_type":"Secret","occurred_at":0}"#,
            r#"{"document":"HASH","change":"issued","claim_type":"a","occurred_at":"secret"}"#,
            r#"{"document":"HASH","change":"issued","claim_type":"a"}"#,
            r#"{"document":"HASH","change":"amended","claim_type":"a","occurred_at":0}"#,
            r#"{"document":"HASH","change":"issued","replaces":"OLD","claim_type":"a","occurred_at":0}"#,
            r#"{"document":"HASH","change":"issued","status":"secret","claim_type":"a","occurred_at":0}"#,
            r#"{"document":"HASH","change":"status","claim_type":"a","occurred_at":0}"#,
            r#"{"document":"HASH","change":"status","status":"a","class":"secret","claim_type":"a","occurred_at":0}"#,
            r#"{"document":"HASH","change":"issued","claim_type":"a","occurred_at":0,"secret":1}"#,
            r#"{"document":"HASH","change":"issued","claim_type":"a","occurred_at":0,"details":{"a":"secret","a":"b"}}"#,
            r#"{"document":"HASH","change":"issued","claim_type":"a","occurred_at":0,"details":{"a":{"secret":1}}}"#,
            r#"{"document":"HASH","document_file":"b","change":"issued","claim_type":"a","occurred_at":0}"#,
            r#"["secret"]"#,
            r#"{"secret"#,
        ];
        for json in cases {
            let error = of_json(json).unwrap_err();
            assert!(!error.to_lowercase().contains("secret"), "{json}: {error}");
        }
        assert!(Column::parse(b"name").is_err());
    }
}
