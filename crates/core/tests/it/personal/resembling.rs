//! The corpus of what only resembles personal data: identifiers, codes, dates and numbers of things, as
//! ledgers of credentials and of bank documents have them.
//!
//! A few numbers are of both kinds by their nature: of nine random digits, one number in eleven is a BSN.
//! Those are left out here, and counted in [`super::rates`].

use std::collections::BTreeSet;

use witness_core::{event::Change, name::Name};

use super::{
    NPI, REGISTRY, assert_shows_nothing,
    formats::{CAPITALS, DIGITS, Draw, digits_of, grouped, luhn_digit},
    identities::{mod_11_10_digit, passes_eleven_test, pesel_digit},
    submit_in, submit_status, submit_to,
};

/// Course codes, credential and order numbers.
const CODES: &str = "7891234 | DET-2026-4478921 | 78912345 | SITHCCC023 | BSBWHS411 | CHCECE030 | UEECD0007 |
    NVQ3-ELEC-2357 | C&G 2365-03 | 603/3732/6 | 610/0103/9 | QN-601/4533/3 | LARS 50098123 | CIP 11.0701 |
    SOC 15-1252 | ISCO-08 2512 | ISCED 0613 | ESCO S5.6.1 | NOC 21231 | CPC 84132 | NAICS 541511 |
    MOOC-EDX-6.00.1x | CS50x | HarvardX/PH125.9x | COMP 1917 | MATH-2210-003 | ENG101-FALL-2026 |
    CRN 40217 | 2026FA-BIO-101-04 | EMT-B/2026/117 | ACLS-24-118204 | BLS.2026.00917 | PALS#77120 |
    CE-2026-11-000482 | CPD:12.5 | RN-CE-30H | PDU 21.0 | TOEFL 104 | IELTS 7.5 | DELE-B2-2026-05 |
    DALF C1 | TestDaF-4444 | Goethe-Zertifikat B2 | JLPT-N2-2026-07 | HSK5-H52611 | CEFR:B1+ | A2.2 |
    OB-3.0-8842 | badge-000123 | urn:badge:42:1187 | CVE-2026-12345 | RFC 9162 | AMLD6-2026-0042 |
    KYC-BATCH-20261126-0007 | CONSENT/2026/11/26/000913 | XBT-DE-GB-2026-00077 | GW-USDC-20261126-118 |
    SWIFT-MT103-0000417 | INV/2026-11/4471 | PO 4500098712 | SO-0000918273 | LOT 26K26-118 | WO#118-2026 |
    TICKET-100245 | CASE 2026-CV-00417 | REF 2026.1126.0042 | CERT No. 118/2026 | Unit 12 of 40 | v2-final |
    ISO/IEC 27001:2022 | EN 1090-2:2018 | ASME IX QW-451 | AWS D1.1/D1.1M:2020 | EASA Part-66 B1.1 |
    DVSA-CPC-35H | HSE-IPAF-3A-3B | CSCS 01234567 | SIA-DS-2026 | BPSS+ | HGV Cat C+E | STCW II/1 |
    FRTB-2026-Q4 | 12 of 1,234,567 | 99.95% | 1:250000 | GBP 1234567.89 | EUR 12.345.678,90 | -273.15 |
    85/100 | 4.0 GPA | 120 ECTS | 36.5 hours | 0x1F4A9C77 | #A1B2C3 | 51.5072,-0.1276 | 10.0.19045.3693 |
    172.16.254.1 | 2001:db8:85a3::8a2e:370:7334 | 5985-01-396-2381 | 4240-00-542-2048 | 0000-0001-5109-3700 |
    0000 0001 2150 090X | 07-11 | tool@10.20.30 | QZ123456C | AO123456C | 123-00-4567 | 666-12-3456 | 12345678A | RSSMRA85T10A562T |
    DE88370400440532013000 | 255081416802539 | +0123456789 | 112-555-0123 | 11/26 | Q4/2026 | 2026-W48 | 2026-W48-4 | 2026-330 | FY2026/27 |
    23.03.2026-27.03.2026 | 30/01/2026-31/01/2026 | 23.11.2026 14:30 | 1790000000 | 1790000000000 |
    1790000000000000 | P3Y6M4DT12H30M5S | R5/2026-11-26T00:00:00Z/P1D | 09:00-17:30 | 20261126T143000+0100";

/// Days in all the ways that dates are written.
fn dates(draw: &mut Draw) -> Vec<String> {
    let mut dates = Vec::new();
    for _ in 0..5 {
        let (year, month, day) =
            (draw.between(1950, 2039), draw.between(1, 12), draw.between(1, 28));
        let month_name =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
                [month - 1];
        dates.extend([
            format!("{year}-{month:02}-{day:02}"),
            format!("{year}{month:02}{day:02}"),
            format!("{day:02}.{month:02}.{year}"),
            format!("{day:02}/{month:02}/{year}"),
            format!("{month:02}/{day:02}/{}", year % 100),
            format!("{day} {month_name} {year}"),
            format!("{year}-{month:02}-{day:02}T{:02}:{:02}:00Z", draw.below(24), draw.below(60)),
            format!("{year}/{month:02}/{day:02}-{}", draw.digits(4)),
        ]);
    }
    dates
}

/// Numbers of books and articles: ISBN-13 (its check digit by the weights 1 and 3) and ISBN-10, ISSN, DOI.
fn publications(draw: &mut Draw) -> Vec<String> {
    let mut numbers = Vec::new();
    for _ in 0..4 {
        let body = format!("978{}", draw.digits(9));
        let sum: usize =
            digits_of(&body).iter().zip([1, 3].into_iter().cycle()).map(|(d, w)| d * w).sum();
        let isbn = format!("{body}{}", (10 - sum % 10) % 10);
        numbers.push(grouped(&isbn, &[3, 1, 4, 4], "-"));
        numbers.push(isbn);
        let body = format!("0{}", draw.digits(8));
        let sum: usize = digits_of(&body).iter().zip((2..=10).rev()).map(|(d, w)| d * w).sum();
        let check = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "X"][(11 - sum % 11) % 11];
        numbers.push(grouped(&format!("{body}{check}"), &[1, 3, 5], "-"));
        numbers.push(format!("ISSN {}-{}", draw.digits(4), draw.digits(4)));
        numbers.push(format!("10.{}/j.{}", draw.between(1000, 9999), draw.digits(8)));
    }
    numbers
}

const HEX: &str = "0123456789abcdef";

/// RFC 9562 section 5.4.
fn uuid(draw: &mut Draw) -> String {
    let (a, b, c) = (draw.text(8, HEX), draw.text(4, HEX), draw.text(3, HEX));
    format!("{a}-{b}-4{c}-{}{}-{}", draw.text(1, "89ab"), draw.text(3, HEX), draw.text(12, HEX))
}

/// Identifiers that machines make: UUID, UETR, ULID, digests, credential and transaction addresses.
fn machine_made(draw: &mut Draw) -> Vec<String> {
    const CROCKFORD: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut made = Vec::new();
    for _ in 0..6 {
        made.extend([
            uuid(draw),
            uuid(draw).to_uppercase(),
            format!("urn:uuid:{}", uuid(draw)),
            format!("01K{}", draw.text(23, CROCKFORD)),
            draw.text(10, CROCKFORD),
            draw.text(64, HEX),
            draw.text(40, HEX),
            draw.text(32, HEX),
            draw.text(12, HEX),
            format!("0x{}", draw.text(40, HEX)),
            format!("https://badges.example/a/{}", draw.digits(7)),
        ]);
    }
    made
}

/// Firms and chains: LEI (ISO 17442, check digits by ISO 7064 MOD 97-10), BIC (ISO 9362), CAIP-2.
fn firms_and_chains(draw: &mut Draw) -> Vec<String> {
    let mut codes = Vec::new();
    for _ in 0..6 {
        let body = format!("{}00{}", draw.digits(4), draw.text(12, &format!("{DIGITS}{CAPITALS}")));
        let spelt: String =
            format!("{body}00").chars().map(|c| c.to_digit(36).unwrap().to_string()).collect();
        let remainder =
            digits_of(&spelt).into_iter().fold(0, |rest, digit| (rest * 10 + digit) % 97);
        codes.push(format!("{body}{:02}", 98 - remainder));
        let country = draw.pick(&["DE", "GB", "FR", "ES", "IT", "NL", "PL", "US"]);
        codes.push(format!("{}{country}{}", draw.text(4, CAPITALS), draw.text(2, CAPITALS)));
        codes.push(format!("{}{country}{}XXX", draw.text(4, CAPITALS), draw.text(2, CAPITALS)));
        codes.push(format!("eip155:{}", draw.between(1, 99_999_999)));
    }
    codes.push("cosmos:cosmoshub-4".to_owned());
    codes.push("bip122:000000000019d6689c085ae165831e93".to_owned());
    codes
}

/// Counters, batches and serial numbers of 7 to 12 digits, bare and behind a word; versions.
fn counters(draw: &mut Draw) -> Vec<String> {
    let mut counters = Vec::new();
    for size in 7..=12 {
        for _ in 0..4 {
            let number = loop {
                let number = draw.digits(size);
                if !is_identity_by_luck(&number) {
                    break number;
                }
            };
            counters.push(format!("BATCH-{number}"));
            counters.push(number);
        }
    }
    for _ in 0..8 {
        counters.extend([
            format!("SN-{}-{}-{}", draw.digits(4), draw.digits(3), draw.digits(3)),
            format!("{}-{}-{}", draw.text(3, CAPITALS), draw.digits(4), draw.digits(6)),
            format!("{}{}", draw.text(2, CAPITALS), draw.digits(6)),
            format!("{}.{}.{}", draw.below(20), draw.below(40), draw.below(400)),
            format!(
                "{}.{}.0-rc.{}+{}",
                draw.below(9),
                draw.below(9),
                draw.below(9),
                draw.text(7, HEX)
            ),
        ]);
    }
    counters
}

/// A number of nine or eleven digits that could be somebody's, as one in eleven and one in fifty could.
fn is_identity_by_luck(number: &str) -> bool {
    match number.len() {
        9 => passes_eleven_test(number),
        11 => {
            let (body, check) = number.split_at(10);
            let check = digits_of(check)[0];
            mod_11_10_digit(body) == check || pesel_digit(body) == check
        }
        _ => false,
    }
}

pub(super) fn corpus() -> Vec<String> {
    let mut draw = Draw::new("what only resembles");
    let mut corpus: Vec<String> = CODES.split(" |").map(|code| code.trim().to_owned()).collect();
    corpus.extend(dates(&mut draw));
    corpus.extend(publications(&mut draw));
    corpus.extend(machine_made(&mut draw));
    corpus.extend(firms_and_chains(&mut draw));
    corpus.extend(counters(&mut draw));
    corpus
}

/// 80840 and the ten digits pass the formula of payment cards (45 CFR 162.406, ISO/IEC 7812-1).
fn npi(draw: &mut Draw) -> String {
    let body = format!("{}{}", draw.between(1, 2), draw.digits(8));
    format!("{body}{}", luhn_digit(&format!("80840{body}")))
}

#[test]
fn what_only_resembles_personal_data_is_accepted_in_details_and_status() {
    let corpus = corpus();
    assert_eq!(BTreeSet::from_iter(&corpus).len(), corpus.len(), "a value stands here twice");
    assert!(corpus.len() >= 300, "only {} values", corpus.len());
    let mut statuses = 0;
    for value in &corpus {
        if let Err(refusal) = submit_in("value", value) {
            panic!("{value:?}: {refusal}");
        }
        if witness_core::event::Status::parse(value).is_some() {
            submit_status(value).unwrap_or_else(|refusal| panic!("{value:?}: {refusal}"));
            statuses += 1;
        }
    }
    assert!(statuses >= 150, "only {statuses} of them are statuses");
    println!("{} values, {statuses} of them as statuses too", corpus.len());
}

#[test]
fn an_npi_is_accepted_under_a_pattern_of_its_own_that_the_registry_shows() {
    let schema = &REGISTRY.claim_type(&Name::parse("practice").unwrap()).unwrap().schema;
    assert_eq!(schema.encode(), format!("field npi - issued identifier-exempt {NPI}\n"));
    let submit = |value: &str| submit_to("main", "practice", Change::Issued, &[("npi", value)]);
    let mut draw = Draw::new("npi");
    // The first is the example of the check digit's publication by CMS.
    let published = ["1234567893".to_owned()];
    for value in published.into_iter().chain((0..20).map(|_| npi(&mut draw))) {
        submit(&value).unwrap_or_else(|refusal| panic!("{value}: {refusal}"));
    }
    // The pattern exempts what it matches and nothing else, and a value is not repeated either.
    for value in ["4111111111111111", "123-456-7893", "jdoe@machine.example", "111222333"] {
        let refusal = submit(value).unwrap_err();
        assert_eq!(refusal.reason(), "FIELD_REFUSED", "{value}");
        assert_shows_nothing(&format!("{refusal} {refusal:?}"), value);
    }
}
