//! The story that is played: six invented credentials in seven texts, and what became of them.

use serde_json::{Value, json};

/// Who issues: the development issuer of `witnessd --dev`.
pub(super) const ISSUER: &str = "issuer.example";
/// The development issuer's stream for what happens now.
pub(super) const LIVE: &str = "main";
/// A stream for what happened before the firm was retained.
pub(super) const PAST: &str = "history";

/// A text that somebody holds, and how it stands in the end.
#[derive(Debug)]
pub(super) struct Document {
    /// Its name, without an ending.
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    pub(super) state: State,
}

/// The last change of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) change: &'static str,
    /// Class and word, of the change `status`.
    pub(super) status: Option<(&'static str, &'static str)>,
    /// Whether the issuer stands behind it: the exit code of `witness status`.
    pub(super) status_code: i32,
}

const ISSUED: State = State { change: "issued", status: None, status_code: 0 };
const REPLACED: State = State { change: "replaced", status: None, status_code: 1 };
const AMENDED: State = State { change: "amended", status: None, status_code: 0 };
const DELETED: State = State { change: "deleted", status: None, status_code: 1 };
const EXPIRED: State =
    State { change: "status", status: Some(("administrative", "EXPIRED")), status_code: 1 };
const REVOKED: State =
    State { change: "status", status: Some(("punitive", "REVOKED")), status_code: 1 };

macro_rules! document {
    ($name:literal, $state:ident) => {
        Document {
            name: $name,
            text: include_str!(concat!("../../demo/documents/", $name, ".txt")),
            state: $state,
        }
    };
}

/// All texts, in the order in which they are shown.
pub(super) const DOCUMENTS: [Document; 7] = [
    document!("skill-module", ISSUED),
    document!("open-badge", ISSUED),
    document!("practical-competency", REPLACED),
    document!("practical-competency-amended", AMENDED),
    document!("language-proficiency", REVOKED),
    document!("continuing-education", EXPIRED),
    document!("peer-attestation", DELETED),
];

/// The document that is tampered with: one that was revoked, for there somebody has a motive.
pub(super) const TAMPERED: &str = "language-proficiency";

macro_rules! claim_type {
    ($name:literal) => {
        ($name, include_str!(concat!("../../demo/claim-types/", $name, ".schema")))
    };
}

/// Claim types with their schemas; `skill-module` is there from the start.
pub(super) const CLAIM_TYPES: [(&str, &str); 5] = [
    claim_type!("continuing-education"),
    claim_type!("language-proficiency"),
    claim_type!("open-badge"),
    claim_type!("peer-attestation"),
    claim_type!("practical-competency"),
];

impl Document {
    pub(super) fn text_file(&self) -> String {
        format!("{}.txt", self.name)
    }

    pub(super) fn evidence_file(&self) -> String {
        format!("{}.evidence.json", self.name)
    }

    pub(super) fn is_tampered_with(&self) -> bool {
        self.name == TAMPERED
    }
}

impl State {
    /// In the words of the command line.
    pub(super) fn words(&self) -> String {
        match self.status {
            Some((class, status)) => format!("status {status} ({class})"),
            None => self.change.to_owned(),
        }
    }

    /// The same as the command line's JSON has it.
    pub(super) fn json(&self) -> Value {
        let (class, status) = self.status.unzip();
        json!({ "kind": self.change, "status": status, "status_class": class })
    }
}

/// Rows of what the issuer had issued before.
pub(super) fn past() -> Vec<Value> {
    // Each claim type has one document, and its name.
    let issued = |claim_type: &str, occurred_at: &str, details: Value| {
        json!({
            "document_file": format!("{claim_type}.txt"),
            "change": "issued",
            "claim_type": claim_type,
            "occurred_at": occurred_at,
            "details": details,
        })
    };
    vec![
        issued(
            "continuing-education",
            "2023-05-15",
            json!({ "completed": "2023-05-12", "contact-hours": 14, "course": "CE-4410",
                    "valid-until": "2025-05-31" }),
        ),
        issued(
            "language-proficiency",
            "2025-12-01",
            json!({ "examined": "2025-11-22", "language": "de", "level": "B2",
                    "session": "GER-2025-11" }),
        ),
        issued(
            "skill-module",
            "2026-01-19",
            json!({ "awarded": "2026-01-16", "module": "KILN-201" }),
        ),
        issued(
            "practical-competency",
            "2026-02-10",
            json!({ "assessed": "2026-02-09", "level": "2", "unit": "WD-308" }),
        ),
        issued(
            "open-badge",
            "2026-02-28",
            json!({ "achievement": "repair-cafe-host", "awarded": "2026-02-28" }),
        ),
        issued(
            "peer-attestation",
            "2026-03-04",
            json!({ "attestations": 3, "attested": "2026-03-03",
                    "skill": "stained-glass-restoration" }),
        ),
    ]
}

/// Rows of what the issuer changes now.
pub(super) fn changes(now: &str) -> Vec<Value> {
    vec![
        json!({ "document_file": "practical-competency-amended.txt", "change": "amended",
                "replaces_file": "practical-competency.txt", "claim_type": "practical-competency",
                "occurred_at": now,
                "details": { "assessed": "2026-02-09", "level": "3", "unit": "WD-308" } }),
        json!({ "document_file": "language-proficiency.txt", "change": "status",
                "status": "REVOKED", "class": "punitive", "claim_type": "language-proficiency",
                "occurred_at": now }),
        json!({ "document_file": "continuing-education.txt", "change": "status",
                "status": "EXPIRED", "class": "administrative",
                "claim_type": "continuing-education", "occurred_at": now,
                "details": { "valid-until": "2025-05-31" } }),
        json!({ "document_file": "peer-attestation.txt", "change": "deleted",
                "claim_type": "peer-attestation", "occurred_at": now }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_ends_in_a_verify_line_of_the_issuer() {
        for document in DOCUMENTS {
            let last = document.text.lines().last().unwrap_or_default();
            assert!(last.starts_with(&format!("verify:{ISSUER}/")), "{}", document.name);
        }
    }

    #[test]
    fn rows_speak_of_documents_and_claim_types_that_are_there() {
        for row in past().iter().chain(&changes("2026-03-01")) {
            let file = row["document_file"].as_str().unwrap();
            assert!(DOCUMENTS.iter().any(|document| document.text_file() == file), "{file}");
            let claim_type = row["claim_type"].as_str().unwrap();
            let is_known = CLAIM_TYPES.iter().any(|(name, _)| *name == claim_type);
            assert!(is_known || claim_type == "skill-module", "{claim_type}");
        }
    }
}
