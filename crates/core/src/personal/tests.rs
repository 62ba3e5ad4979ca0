//! Sample numbers that issuers' and registries' documentation publishes, or that follow its rules,
//! and look-alikes.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{Country, PersonalKind, find};

/// Each sample alone and as one token of more text; samples are parted by bars.
fn refuses(kind: PersonalKind, samples: &str) {
    let samples: Vec<_> = samples.split(" | ").collect();
    assert!(samples.len() >= 10, "{kind} has only {} samples", samples.len());
    assert_eq!(BTreeSet::from_iter(&samples).len(), samples.len(), "{kind} has a sample twice");
    for sample in samples {
        assert_eq!(find(sample), Some(kind), "{sample}");
        assert_eq!(find(&format!("ref: {sample};")), Some(kind), "{sample} in text");
        assert_eq!(find(&format!("#{sample}#")), Some(kind), "{sample} between marks");
    }
}

/// The same for numbers, which are none inside a longer token and have no case.
fn refuses_tokens(kind: PersonalKind, samples: &str) {
    refuses(kind, samples);
    for sample in samples.split(" | ") {
        assert_ne!(find(&format!("7{sample}")), Some(kind), "{sample} after a digit");
        assert_ne!(find(&format!("K{sample}")), Some(kind), "{sample} after a letter");
        assert_ne!(find(&format!("{sample}k")), Some(kind), "{sample} before a letter");
        assert_eq!(find(&sample.to_ascii_lowercase()), Some(kind), "{sample} in small letters");
    }
}

fn accepts(values: &str) {
    for value in values.split(" | ") {
        assert_eq!(find(value), None, "{value}");
    }
}

#[test]
fn email_addresses_are_refused() {
    refuses(
        PersonalKind::Email,
        "jane.doe@example.com | a@b.co | user+tag@sub.example.org | x_y-z@example.co.uk | \
         1234@example.net | o'brien@example.ie | \"john smith\"@example.com | \
         user@[192.0.2.1] | admin@xn--bcher-kva.example | MAILTO:JANE@EXAMPLE.COM | \
         jane@example.com. | jane%example.org@relay.example | user@123.example | \
         jane.@docomo.example | jane(work)@example.com | jane@mail_1.example.com",
    );
    accepts(
        "@example.com | user@ | user@localhost | package@1.2.3 | package@10.20.30 | @scope/package@10.2.0 | \
         12 @ 4.50 | a@.com | a@b.c",
    );
}

#[test]
fn phone_numbers_are_refused() {
    refuses(
        PersonalKind::Phone,
        "+442079460958 | +44 20 7946 0958 | +44 (0)20 7946 0958 | +49 30 1234567 | \
         +49-151-23456789 | +1 212 555 0123 | +1-212-555-0123 | +1 (212) 555-0123 | \
         +33 1 23 45 67 89 | +6834000 | +48.600.123.456 | 212-555-0123 | (212) 555-0123 | \
         (212)555-0123 | (212) 5550123 | (212)-555-0123 | (030)/1234567 | 212.555.0123 | 212 555 0123 | 1-800-555-0199 | 020 7946 0958 | \
         (020) 7946 0958 | 01632 960123 | 07700 900123 | 030 1234567 | 030/1234567 | \
         0171-1234567 | 089 / 123456789 | 01 23 45 67 89 | 06-12345678 | 0044 20 7946 0958 | \
         00 49 30 1234567 | 600 123 456 | 600-123-456 | 912 34 56 78 | 91 234 56 78 | \
         22 123 45 67 | (0)20 7946 0958 | \
         + 44 20 7946 0958 | +(44) 20 7946 0958 | +4_42/07.94-60958 | +44  20  79460958 | 347 1234567 | 347/1234567 | \
         347-123-4567 | 450 123 456 | +971 (0)123456789012",
    );
    accepts(
        "+1234 | +0100 | 1.0.0+20260103 | +0201234567 | 112-555-0123 | 212-155-0123 | \
         555-0123 | DET-030-1234567 | 030-1234567-AB | 2026 030 1234567 2026 11 | \
         030-2026-1234 | 0-306-40615-2 | 0000-0002-1825-0097 | \
         +1234567890123456 | 123456789 | 00-12345678 | 00442079460958 | 400-123-456 | 600.123.456 | \
         A600-123-456 | 2026-600-123-456 | 300-1234567 | 347.1234567 | 411 123 456 | A_347 1234567",
    );
}

#[test]
fn payment_cards_are_refused() {
    refuses_tokens(
        PersonalKind::PaymentCard,
        "4111111111111111 | 4012888888881881 | 4222222222222 | 5555555555554444 | \
         5105105105105100 | 2223003122003222 | 378282246310005 | 371449635398431 | \
         30569309025904 | 38520000023237 | 6011111111111117 | 6011000990139424 | \
         3530111333300000 | 3566002020360505 | 6200000000000005 | 6759649826438453 | \
         5018000000000009 | 6362970000457013 | 36227206271667 | 6304000000000000",
    );
    refuses(
        PersonalKind::PaymentCard,
        "4111 1111 1111 1111 | 4111-1111-1111-1111 | 5555 5555 5555 4444 | \
         5105-1051-0510-5100 | 3782 822463 10005 | 3714-496353-98431 | 3056 930902 5904 | \
         3852 000002 3237 | 6011 1111 1111 1117 | 6011-0009-9013-9424 | \
         4111.1111.1111.1111 | 4111_1111_1111_1111 | 4111/1111/1111/1111 | 4111-1111 1111-1111 | \
         41-1111111111-1111 | 4111 1111 11111111 | 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 | 4111 - 1111 - 1111 - 1111 | \
         6000 0707 3616 9237 003 | 3088 0000 0000 0017",
    );
    accepts(
        "4111111111111112 | 4111 1111 1111 1112 | 1111111111111117 | 41111111111111 | \
         371449635398432 | 9780306406157 | 9791034304424 | 41-1111111111-1111-27 | 9-41-1111111111-1111 | ref 9-41-1111111111-1111 | \
         23.03.2026-27.03.2008 | 30/01/2026-31/01/2009 | 03-23-2026-03-25-2000 | 4222-22-222-2222 | \
         354111111111111 | 135410014004955",
    );
}

#[test]
fn ibans_are_refused() {
    refuses_tokens(
        PersonalKind::Iban,
        "DE89370400440532013000 | GB29NWBK60161331926819 | GB82WEST12345698765432 | \
         FR1420041010050500013M02606 | NL91ABNA0417164300 | ES9121000418450200051332 | \
         IT60X0542811101000000123456 | PL61109010140000071219812874 | \
         CH9300762011623852957 | NO9386011117947 | MT84MALT011000012345MTLCAST001S | \
         SE4550000000058398257466 | AT611904300234573201 | SA0380000000608010167519 | \
         LC55HEMM000100010012001200023015 | KW81CBKU0000000000001234560101 | \
         TR330006100519786457841326 | QA58DOHB00001234567890ABCDEFG",
    );
    refuses(
        PersonalKind::Iban,
        "DE89 3704 0044 0532 0130 00 | GB29 NWBK 6016 1331 9268 19 | \
         NL91 ABNA 0417 1643 00 | NO93 8601 1117 947 | FR14 2004 1010 0505 0001 3M02 606 | \
         CH93 0076 2011 6238 5295 7 | IBAN DE89 3704 0044 0532 0130 00 | \
         AT61 1904 3002 3457 3201 | MT84 MALT 0110 0001 2345 MTLC AST0 01S | \
         ES91 2100 0418 4502 0005 1332 | RU02 0445 2560 0407 0281 0412 3456 7890 1 | \
         DE89-3704-0044-0532-0130-00 | DE89.3704.0044.0532.0130.00 | DE_89370400440532013000 | D E 8 9 3 7 0 4 0 0 4 4 0 5 3 2 0 1 3 0 0 0",
    );
    accepts(
        "DE88370400440532013000 | DE8937040044053201300 | XX89370400440532013000 | \
         DE89-3704-0044-0532-0130-01 | DE89 3704 0044 0532 0130 01 | DEX9370400440532013000 | \
         DE863704004405320130 | NO96370400440532",
    );
}

#[test]
fn american_numbers_are_refused() {
    refuses_tokens(
        PersonalKind::NationalId(Country::Us),
        "078-05-1120 | 219-09-9999 | 457-55-5462 | 123-45-6789 | 536-90-4399 | 111-22-3333 | \
         001-01-0001 | 899-99-9999 | 772-13-4567 | 212-09-7694 | 042 10 3580 | 900-70-0001 | \
         911-92-1234 | 912-90-3457 | 999-88-7777 | 987-65-4321 | 945-50-1234 | 123_45_6789",
    );
    accepts(
        "000-12-3456 | 666-12-3456 | 123-00-6789 | 123-45-0000 | 900-49-1234 | 999-93-1234 | \
         123.45.6789 | 12-345-6789 | 123456789012",
    );
}

#[test]
fn british_numbers_are_refused() {
    refuses_tokens(
        PersonalKind::NationalId(Country::Gb),
        "QQ123456A | JG103759A | AP019283D | ZX047829C | AA000000B | HH012345D | PW654321A | \
         SR112233C | YE223344B | EM998877D | QQ 123456 C | QQ 12 34 56 C | \
         AB-123456-C | AB.12.34.56.C | AB123456-C | AB 123456C | QQ123456C",
    );
    accepts(
        "QF123456C | DA123456A | AF123456A | AO123456A | BG123456A | GB123456A | NK123456B | \
         KN123456B | NT123456C | TN123456C | ZZ123456D | AB123456E | AB123456 | \
         AB-1234-56C | AB12345C",
    );
}

#[test]
fn german_numbers_are_refused() {
    refuses_tokens(
        PersonalKind::NationalId(Country::De),
        "86095742719 | 47036892816 | 65929970489 | 57549285017 | 25768131411 | 36574261809 | \
         26954371827 | 12576358404 | 58613872844 | 46726390689 | 36 574 261 809 | 36-574-261-809",
    );
    // A wrong check digit, a leading zero, all digits different, two digits twice, one digit four
    // times, three times side by side.
    accepts(
        "86095742718 | 02476291358 | 12345678903 | 11223456785 | 11112345678 | 11123456786 | 365-742-618-09",
    );
}

#[test]
fn french_numbers_are_refused() {
    refuses_tokens(
        PersonalKind::NationalId(Country::Fr),
        "255081416802538 | 269054958815780 | 180126955222380 | 253072B07300470 | \
         253072A07300443 | 176025906125450 | 270116910804930 | 241076931239166 | \
         173042A22525475 | 299012B21428596 | 2 55 08 14 168 025 38 | 2 69 05 49 588 157 80 | \
         1 73 04 2A 225 254 75 | 2550814168025 38 | 2-55-08-14-168-025-38 | 2.55.08.14.168.025.38 | 2_55_08_14_168_025_38",
    );
    accepts(
        "255081416802539 | 955081416802538 | 255141416802537 | 255491416802515 | 555081416802582 | 655081416802532 | 253072C07300470 | \
         25508141680253 | 2550 8141 6802 538",
    );
}

#[test]
fn spanish_numbers_are_refused() {
    refuses_tokens(
        PersonalKind::NationalId(Country::Es),
        "12345678Z | 54362315K | 99999999R | 11111111H | 00000001R | 87654321X | 45673254S | \
         22222222J | 12345678-Z | 12.345.678-Z | X2482300W | X1234567L | Z1234567R | \
         Y1234567X | X5253868R | X-1234567-L | 12345678_Z | 12 345 678 Z | 12.345.678Z | X/1234567/L",
    );
    accepts("12345678A | X1234567A | W1234567L | 1234567L | 1234-5678Z");
}

#[test]
fn italian_numbers_are_refused() {
    refuses_tokens(
        PersonalKind::NationalId(Country::It),
        "RSSMRA85T10A562S | MRTMTT25D09F205Z | MRTMTT91D08F205J | VRDGPP13R10B293P | \
         RCCMNL83S18D969H | RSSMRA70A01H501S | MLNSHN44A41H501F | VRDLGI75B42F205S | \
         GLLGNN64B15F205V | RSSMRA85T10A56NH | RSSMRA85TLVA562L | RSSMRA8VTLVAVVVS | RSSMRALRTMLARSNZ | RSSMRAURTMLARSNL | \
         RSS MRA 85T10 A562S | RSS-MRA-85T10-A562S | RSSMRA_85T10_A562S",
    );
    accepts(
        "RSSMRA85T10A562T | RSSMRA85F10A562R | RSSMRA85T32A562Y | RSSMRA85T72A562C | RSSMRA85T00A562R | RSSMRA85T40A562V | RSSMRA85T10A562 | \
         LAMBDADEEPDIVEAB",
    );
}

#[test]
fn dutch_numbers_are_refused() {
    refuses_tokens(
        PersonalKind::NationalId(Country::Nl),
        "111222333 | 123456782 | 232262536 | 010464554 | 999990019 | 999994840 | 100000009 | \
         122258952 | 352349384 | 136790549 | 799416812 | 1112.22.333 | 123 456 782 | 123-456-782",
    );
    accepts("111222334 | 123456789 | 000000012 | 000000000 | 12345678 | 12-3456-782");
}

#[test]
fn polish_numbers_are_refused() {
    refuses_tokens(
        PersonalKind::NationalId(Country::Pl),
        "44051401359 | 02070803628 | 02270803624 | 90090515836 | 92071314764 | 83010411457 | \
         87123116221 | 49040501580 | 44051401458 | 80072909146 | 37122599109 | 37031400518 | \
         74270556529",
    );
    // A wrong check digit, month 13, day 0, day 32.
    accepts(
        "44051401350 | 44131401350 | 44050001352 | 44001401354 | 44053201353 | 440514 01359 | 440514-01359",
    );
}

#[test]
fn the_first_pass_rules_out_nothing_that_a_rule_would_find() {
    // A value of every length, of letters only, of digits only, mixed and with marks: the short way
    // and the long way agree. The samples above cannot show this for what the first pass never lets
    // through.
    let alphabets = ["A", "1", "A1", "1A", "AA11", "1-", "1 ", "A 1", "+1", "1.A-", "12-"];
    for alphabet in alphabets {
        for size in 0..=64 {
            let value: String = alphabet.chars().cycle().take(size).collect();
            let long_way = super::candidate::find_map(value.as_bytes(), super::kind_of);
            assert_eq!(find(&value), long_way, "{value}");
        }
    }
    // The fewest digits and the shortest run that a rule is content with.
    assert_eq!(find("NO09ABCDEFGHIJK"), Some(PersonalKind::Iban));
    assert_eq!(find("RSSMRAURTMLARSNL"), Some(PersonalKind::NationalId(Country::It)));
}

#[test]
fn rules_have_stable_names() {
    let countries = [
        Country::Us,
        Country::Gb,
        Country::De,
        Country::Fr,
        Country::Es,
        Country::It,
        Country::Nl,
        Country::Pl,
    ];
    let names = countries.map(|country| PersonalKind::NationalId(country).to_string()).join(" ");
    assert_eq!(
        names,
        "national-id-us national-id-gb national-id-de national-id-fr \
         national-id-es national-id-it national-id-nl national-id-pl"
    );
    assert_eq!(PersonalKind::Email.to_string(), "email");
    assert_eq!(PersonalKind::Phone.to_string(), "phone");
    assert_eq!(PersonalKind::PaymentCard.to_string(), "payment-card");
    assert_eq!(PersonalKind::Iban.to_string(), "iban");
}
