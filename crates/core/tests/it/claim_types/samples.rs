//! Details that the ready-made claim types are for.

const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const URN: &str = "urn:uuid:f47ac10b-58cc-4372-a567-0e02b2c3d479";

/// Details of an `issued` event with every field, and of a `status` event.
pub(super) type Sample = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str)],
);

pub(super) const SAMPLES: &[Sample] = &[
    (
        "skill-module",
        &[
            ("awarded", "2026-03-01"),
            ("credential", URN),
            ("ects", "2.5"),
            ("eqf-level", "5"),
            ("module", "MATH-201-A"),
            ("valid-until", "2029-02-28"),
            ("workload-hours", "75"),
        ],
        &[("module", "AB-12"), ("valid-until", "2030-02-28")],
    ),
    (
        "practical-competency",
        &[
            ("assessed", "2026-03-01"),
            ("assessment", "practical-test"),
            ("credential", URN),
            ("level", "4"),
            ("unit", "H/600/0001"),
            ("valid-until", "2029-02-28"),
        ],
        &[("unit", "BSBWHS411")],
    ),
    (
        "peer-attestation",
        &[
            ("attested", "2026-03-01"),
            ("attesters", "5"),
            ("attesters-needed", "3"),
            ("credential", URN),
            ("level", "4"),
            ("skill", "sfia9:PROG-4"),
            ("valid-until", "2029-02-28"),
        ],
        &[("attesters", "6"), ("skill", "esco:f47ac10b-58cc-4372-a567-0e02b2c3d479")],
    ),
    (
        "continuing-education",
        &[
            ("activity", "0123-0000-26-001-L01-P"),
            ("completed", "2026-03-01"),
            ("credential", URN),
            ("credit-type", "CEU"),
            ("credits", "1.25"),
            ("delivery", "live-online"),
            ("valid-until", "2028-12-31"),
        ],
        &[("activity", "CE-2041"), ("valid-until", "2030-12-31")],
    ),
    (
        "language-proficiency",
        &[
            ("certificate", "DET-2026-4478921"),
            ("examined", "2026-03-01"),
            ("language", "de"),
            ("level", "C1"),
            ("listening", "C2"),
            ("reading", "C1"),
            ("speaking", "B2"),
            ("valid-until", "2028-02-29"),
            ("writing", "B2"),
        ],
        &[("certificate", "TELC-2025-0012"), ("valid-until", "2027-02-28")],
    ),
    (
        "open-badge",
        &[
            ("achievement", URN),
            ("awarded", "2026-03-01"),
            ("credential", URN),
            ("criteria", DIGEST),
            ("specification", "OBv3.0"),
            ("status-list-index", "94567"),
            ("valid-until", "2029-02-28"),
        ],
        &[("credential", URN), ("status-list-index", "94567")],
    ),
    (
        "project-completion",
        &[
            ("completed", "2026-03-01"),
            ("credential", URN),
            ("deliverable", DIGEST),
            ("hours", "320"),
            ("milestones", "6"),
            ("outcome", "accepted"),
            ("project", "PRJ-2026-0042"),
            ("started", "2025-09-01"),
        ],
        &[("outcome", "not-accepted"), ("project", "PRJ-2026-0042")],
    ),
    (
        "consent-record",
        &[
            ("consent", DIGEST),
            ("granted", "2026-03-01"),
            ("jurisdiction", "GB"),
            ("purpose", "account-information"),
            ("recipient", "5493001KJTIIGC8Y1R12"),
            ("terms-version", "2.1"),
            ("valid-until", "2026-08-28"),
        ],
        &[("consent", DIGEST), ("withdrawn", "2026-04-01")],
    ),
    (
        "cross-border-transfer",
        &[
            ("charges", "SHAR"),
            ("creditor-agent", "MP6I5ZYZBEU3UXPYFY54"),
            ("creditor-country", "DE"),
            ("currency", "EUR"),
            ("debtor-agent", "8I5DZWZKVSZI1NUHU748"),
            ("debtor-country", "GB"),
            ("message", "pacs.008"),
            ("purpose", "SUPP"),
            ("reference", DIGEST),
            ("settled", "2026-03-02"),
            ("uetr", DIGEST),
            ("value-date", "2026-03-02"),
        ],
        &[("reason", "AC04"), ("uetr", DIGEST)],
    ),
    (
        "stablecoin-gateway",
        &[
            ("currency", "EUR"),
            ("direction", "mint"),
            ("executed", "2026-03-01"),
            ("gateway", "529900T8BM49AURSDO55"),
            ("network", "eip155:11155111"),
            ("reference", DIGEST),
            ("reserve-date", "2026-02-28"),
            ("reserve-report", DIGEST),
            ("settled", "2026-03-02"),
            ("token", "EURC"),
            ("transaction", DIGEST),
            ("travel-rule", "exchanged"),
        ],
        &[("network", "bip122:000000000019d6689c085ae165831e93"), ("transaction", DIGEST)],
    ),
];
