//! Identifiers, course codes, dates and numbers of things that only resemble personal data.

use alloc::{collections::BTreeSet, vec::Vec};

use super::find;

/// Identifiers and course codes.
const IDENTIFIERS: &str = "7891234 | DET-2026-4478921 | 2365-03-Unit-308 | CG-44521 | AWS-LAMBDA-2026 | \
    LAMBDA-DEEP-DIVE-2026 | SAA-C03 | CLF-C02 | AZ-900 | CS101 | MATH-201A | ENG 4010 | \
    BTEC-L3-2026 | 603/2101/5 | 500/1234/9 | 601/8232/3 | QCF-0042 | UNIT-12 | \
    COURSE_2026_001 | INV-2026-000123 | 2026/00123 | REF:2026:77 | A1B2C3D4 | 12-34-56 | \
    1234-5678 | ABC-1234567 | EVT-000000001 | BATCH-20260103-17 | CERT/2026/01/00042 | \
    M-12345678 | NW3 5RT | 2026-01-03-4478921 | CG-44521-2026-01 | 7891234-01 | AWS-00000000 | \
    PO-4500012345 | 15-1252.00 | 8471.30 | TQUK-L2-601-7912 | ITIL4-GR671-0042137 | \
    PMP-3141592 | CISSP-501234 | SKILL.42.v3 | Lambda@Edge | C++17";

/// Dates and times.
const TIMES: &str = "2026-01-03 | 20260103 | 2026-W01-6 | 2026-003 | 2026-01-03T10:00:00Z | \
    2026-01-03T10:00:00+01:00 | 2026-01-03T10:00:00+0100 | 20260103T100000Z | 01.03.2026 | \
    01/03/2026 | 01-03-2026 | 03/01/26 | 2025/2026 | 2025-2026 | 2026-01-03/2026-02-04 | \
    2026-01-03 10:15:30 | 20260103123456 | 20260103123456789 | 09:30-17:00 | 01.03.2026 10:30 | \
    1767398400 | 1767398400000 | 1767398400000000 | 1767398400000000000 | 1735689600.123";

/// Digests and unique identifiers.
const DIGESTS: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 | \
    0000000000000000000000000000000000000000000000000000000000000000 | \
    4111111111111111411111111111111141111111111111114111111111111111 | \
    da39a3ee5e6b4b0d3255bfef95601890afd80709 | d41d8cd98f00b204e9800998ecf8427e | \
    sha256:e3b0c44298fc1c14 | 8f14e45 | 550e8400-e29b-41d4-a716-446655440000 | \
    6ba7b810-9dad-11d1-80b4-00c04fd430c8 | f47ac10b-58cc-4372-a567-0e02b2c3d479 | \
    12345678-1234-4123-8123-123456789012 | 00000000-0000-0000-0000-000000000000 | \
    01ARZ3NDEKTSV4RRFFQ69G5FAV | 01HV6Z8Q3K5J9X2W4T7R0N1M8C | 507f1f77bcf86cd799439011 | \
    urn:uuid:550e8400-e29b-41d4-a716-446655440000";

/// Versions and addresses.
const VERSIONS: &str = "1.2.3 | v10.20.30 | 1.0.0-alpha.1 | 1.0.0-rc.1+20260103 | 1.0.0+21AF26D3 | 2026.1.3 | \
    10.2.0-beta+exp.sha.5114f85 | 192.168.100.200 | 255.255.255.255 | 1.3.6.1.4.1.311.21.20 | \
    2001:db8::8a2e:370:7334 | 00:1A:2B:3C:4D:5E";

/// Numbers of books, goods, firms and things.
const THINGS: &str = "9783161484100 | 978-3-16-148410-0 | 978 0 306 40615 7 | 0-306-40615-2 | ISSN 0378-5955 | \
    10.1000/182 | 10.1038/s41586-020-2649-2 | 7732-18-5 | 0000-0002-1825-0097 | \
    0000 0001 2103 2683 | 12-3456789 | 12-345-6789 | 5365-01-234-5678 | 0-12345-67890-5 | \
    5493001KJTIIGC8Y1R12 | 529900T8BM49AURSDO55 | 1234567893 | 1:23-cv-01234 | 48.8577,2.2950 | \
    -33.8688,151.2093 | +48.85,+2.29 | 100% | A+ | 3.14159265 | 12,345,678 | ZIP 90210-1234 | \
    ISO 9001:2015 | EN 50128:2011 | NCT04280705 | FR-75001 | SW1A 1AA | PMID 31978945 | \
    arXiv:2103.00020 | GRADE: A* (95/100) | Level 7 Diploma | Score 850 of 1000";

#[test]
fn what_only_resembles_personal_data_is_accepted() {
    let lists = [IDENTIFIERS, TIMES, DIGESTS, VERSIONS, THINGS];
    let values: Vec<_> = lists.iter().flat_map(|list| list.split(" | ")).collect();
    assert!(values.len() >= 130, "only {} values", values.len());
    assert_eq!(BTreeSet::from_iter(&values).len(), values.len(), "a value stands here twice");
    for value in values {
        assert_eq!(find(value), None, "{value}");
    }
    for value in ["", " ", "-", "0", "+", "@", "()", "  --  ", "+++", "@@@@"] {
        assert_eq!(find(value), None, "{value}");
    }
}
