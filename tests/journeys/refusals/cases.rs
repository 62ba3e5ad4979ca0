//! What must be refused, each with its reason and the words that its message must have.

use tonic::Code;
use witness_core::{
    drafting::Occurrence,
    event::{Change, Event, StatusClass},
    hash::Hash,
    name::{Domain, Name, Origin},
};
use witness_tests::{Issuer, Sheet, Stream, document, issued, occurred, status};
use witness_wire::{Bytes, v1};

/// A submission, the reason for which it must be refused, and words that the message must have.
pub(super) type Case = (v1::SubmitRequest, &'static str, Code, &'static str);

/// One field that takes almost anything, so that only the look of a value can refuse it.
pub(super) const WIDE: &str =
    "claim-type wide\nfield who issued - identifier [A-Za-z0-9@. +-]{1,60}\n";

pub(super) fn sheet(stream: &Stream) -> Sheet {
    stream.sheet(&[issued(document("refused")), issued(document("refused too"))])
}

/// A sheet whose only event was changed after it was drafted.
fn event_with(stream: &Stream, change: impl FnOnce(&mut Event)) -> Sheet {
    let mut sheet = stream.sheet(&[issued(document("refused"))]);
    let mut event = Event::parse(&sheet.events[0]).unwrap();
    change(&mut event);
    sheet.events = vec![event.encode().into_bytes()];
    sheet
}

/// A sheet whose only event has these details.
fn details_of(stream: &Stream, details: &str) -> Sheet {
    let hash = Some(Hash::of(details.as_bytes()));
    let mut sheet = event_with(stream, |event| event.details = hash);
    sheet.details = vec![details.as_bytes().to_vec()];
    sheet
}

fn with_fields(fields: &[(&str, &str)], claim_type: &str) -> Occurrence {
    let claim_type = Name::parse(claim_type).unwrap();
    let own = |(field, value): &(&str, &str)| ((*field).to_owned(), (*value).to_owned());
    let details = fields.iter().map(own).collect();
    Occurrence { claim_type, details, ..issued(document("fields")) }
}

pub(super) fn notes(stream: &Stream) -> Vec<Case> {
    let (good, key) = (sheet(stream), &stream.issuer.key);
    let submission = |text: &str| v1::SubmitRequest {
        submission: Bytes::from(text.to_owned()),
        ..good.sign(key)
    };
    let signed = String::from_utf8(good.sign(key).submission.to_vec()).unwrap();
    let twice = format!("{signed}{}\n", signed.lines().last().unwrap());
    let text = signed.split_once("\n\n").unwrap().0.to_owned() + "\n";
    let resigned = |from: &str, to: &str| good.carrying(&text.replace(from, to), key);
    vec![
        (submission("hello"), "MALFORMED_NOTE", Code::InvalidArgument, "must be a signed note"),
        (submission(&twice), "MALFORMED_NOTE", Code::InvalidArgument, "exactly one signature"),
        (
            resigned("/v1\n", "/v9\n"),
            "MALFORMED_SUBMISSION",
            Code::InvalidArgument,
            "must be of this version",
        ),
        (resigned("0 2\n", "0 4097\n"), "MALFORMED_SUBMISSION", Code::InvalidArgument, "1 to 4096"),
        (resigned("0 2\n", "0 3\n"), "EVENT_COUNT_MISMATCH", Code::InvalidArgument, "signed for 3"),
        (
            resigned("\n0 2", "\n\n0 2"),
            "MALFORMED_SUBMISSION",
            Code::InvalidArgument,
            "line 5 must be",
        ),
    ]
}

pub(super) fn places(stream: &Stream) -> Vec<Case> {
    let (good, key) = (sheet(stream), &stream.issuer.key);
    let other_log = Origin::parse("witness.example/log2").unwrap();
    let stranger = Issuer::from_seed("stranger.example", 9);
    let impostor = Issuer::from_seed(stream.issuer.domain.as_str(), 9);
    let (domain, name) =
        (Domain::parse("stranger.example").unwrap(), Name::parse("nowhere").unwrap());
    let mut forged = good.sign(key);
    forged.submission = {
        let mut text = forged.submission.to_vec();
        // The first character of the root: the signature is then of another text.
        let root =
            text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(4).unwrap().0 + 1;
        text[root] = if text[root] == b'A' { b'B' } else { b'A' };
        Bytes::from(text)
    };
    vec![
        (
            Sheet { origin: other_log, ..good.clone() }.sign(key),
            "OTHER_LOG",
            Code::InvalidArgument,
            "must be for the log witness.example/log1",
        ),
        (
            Sheet { issuer: domain, ..good.clone() }.sign(&stranger.key),
            "UNKNOWN_ISSUER",
            Code::FailedPrecondition,
            "stranger.example is not registered",
        ),
        (
            Sheet { stream: name, ..good.clone() }.sign(key),
            "UNKNOWN_STREAM",
            Code::FailedPrecondition,
            "no stream nowhere",
        ),
        (good.sign(&impostor.key), "UNKNOWN_KEY", Code::Unauthenticated, "not registered for"),
        (forged, "BAD_SIGNATURE", Code::Unauthenticated, "does not verify"),
    ]
}

pub(super) fn sizes(stream: &Stream) -> Vec<Case> {
    let (good, key) = (sheet(stream), &stream.issuer.key);
    let copies = |count: usize, bytes: usize| Sheet {
        events: vec![vec![b'x'; bytes]; count],
        details: vec![Vec::new(); count],
        ..good.clone()
    };
    let mut heavy = copies(4096, 1024);
    heavy.details[0] = vec![b'x'];
    let mut long = stream.sheet(&[issued(document("refused"))]);
    long.events[0].resize(1025, b'x');
    let mut bare = good.sign(key);
    bare.details.pop();
    vec![
        (
            copies(4097, 200).sign(key),
            "TOO_MANY_EVENTS",
            Code::InvalidArgument,
            "at most 4096 events",
        ),
        (heavy.sign(key), "SUBMISSION_TOO_LARGE", Code::InvalidArgument, "at most 4194304 bytes"),
        (long.sign(key), "EVENT_TOO_LARGE", Code::InvalidArgument, "at most 1024 bytes"),
        (bare, "DETAILS_COUNT_MISMATCH", Code::InvalidArgument, "expected 2, found 1"),
    ]
}

pub(super) fn events(stream: &Stream) -> Vec<Case> {
    let key = &stream.issuer.key;
    let mut wrong_word = stream.sheet(&[issued(document("refused"))]);
    let text = String::from_utf8(wrong_word.events[0].clone()).unwrap();
    wrong_word.events[0] = text.replace("sha256 ", "sha512 ").into_bytes();
    let unknown = |event: &mut Event| event.claim_type = Name::parse("unheard-of").unwrap();
    let half = |event: &mut Event| event.change = Change::Amended { link: Hash::of(b"link") };
    let mut another = sheet(stream);
    let signed = another.sign(key);
    another.events.swap(0, 1);
    another.details.swap(0, 1);
    let mut swapped = another.sign(key);
    swapped.submission = signed.submission;
    vec![
        (
            wrong_word.sign(key),
            "MALFORMED_EVENT",
            Code::InvalidArgument,
            "event 0: witness-event/v1: line 3",
        ),
        (
            event_with(stream, unknown).sign(key),
            "UNKNOWN_CLAIM_TYPE",
            Code::FailedPrecondition,
            "unheard-of is not registered",
        ),
        (event_with(stream, half).sign(key), "BROKEN_PAIR", Code::InvalidArgument, "side by side"),
        (swapped, "ROOT_MISMATCH", Code::InvalidArgument, "signed root"),
    ]
}

pub(super) fn details(stream: &Stream) -> Vec<Case> {
    let key = &stream.issuer.key;
    let mut missing = stream.sheet(&[issued(document("refused"))]);
    let mut mismatch = missing.clone();
    mismatch.details[0].extend_from_slice(b"zeal=Quixotic-77\n");
    let salted = String::from_utf8(std::mem::take(&mut missing.details[0])).unwrap();
    let unexpected = event_with(stream, |event| event.details = None);
    let mut fields = vec![
        (missing.sign(key), "DETAILS_MISSING", Code::InvalidArgument, "no details came with it"),
        (
            mismatch.sign(key),
            "DETAILS_HASH_MISMATCH",
            Code::InvalidArgument,
            "do not have the hash",
        ),
        (unexpected.sign(key), "DETAILS_UNEXPECTED", Code::InvalidArgument, "has no details hash"),
        (
            details_of(stream, &salted.replace("module=", "module:")).sign(key),
            "MALFORMED_DETAILS",
            Code::InvalidArgument,
            "line 4 of the details",
        ),
        (
            stream.sheet(&[occurred(document("bare"), Change::Issued)]).sign(key),
            "FIELD_REFUSED",
            Code::InvalidArgument,
            "field awarded: required",
        ),
    ];
    let wrong: [(&[(&str, &str)], &str); 4] = [
        (&[("awarded", "1987-06-05"), ("module", "lower-case-77")], "field's pattern"),
        (&[("awarded", "1987-13-32"), ("module", "GOOD-77")], "calendar date"),
        (
            &[("awarded", "1987-06-05"), ("eqf-level", "Wizardly"), ("module", "GOOD-77")],
            "field's list",
        ),
        (
            &[("awarded", "1987-06-05"), ("module", "GOOD-77"), ("zeal", "Quixotic-77")],
            "not a field",
        ),
    ];
    for (given, words) in wrong {
        let request = stream.sheet(&[with_fields(given, "skill-module")]).sign(key);
        fields.push((request, "FIELD_REFUSED", Code::InvalidArgument, words));
    }
    // It takes the field, but not on this change.
    let awarded = ("awarded".to_owned(), "1987-06-05".to_owned());
    let details = vec![awarded, ("module".to_owned(), "GOOD-77".to_owned())];
    let revoked = status(document("fields"), StatusClass::Punitive, "REVOKED");
    let request = stream.sheet(&[Occurrence { details, ..revoked }]).sign(key);
    fields.push((
        request,
        "FIELD_REFUSED",
        Code::InvalidArgument,
        "field awarded: not a field of a change status",
    ));
    for value in ["ada.lovelace@example.org", "+44 20 7946 0958", "4111 1111 1111 1111"] {
        let request = stream.sheet(&[with_fields(&[("who", value)], "wide")]).sign(key);
        fields.push((request, "PERSONAL_DATA", Code::InvalidArgument, "looks like personal data"));
    }
    fields
}

/// Needs one submission of two events to be logged.
pub(super) fn sequences(stream: &Stream, logged: &Sheet) -> Vec<Case> {
    let key = &stream.issuer.key;
    let next = sheet(stream);
    let gap = Sheet { first_sequence: 7, ..next.clone() };
    let unchained = Sheet { previous: Hash::of(b"another"), ..next };
    let mut cut = logged.clone();
    cut.events.truncate(1);
    cut.details.truncate(1);
    let mut conflict = logged.clone();
    conflict.events.swap(0, 1);
    conflict.details.swap(0, 1);
    vec![
        (
            gap.sign(key),
            "OUT_OF_SEQUENCE",
            Code::FailedPrecondition,
            "expects sequence number 2, the submission begins at 7",
        ),
        (
            unchained.sign(key),
            "WRONG_PREVIOUS_HASH",
            Code::FailedPrecondition,
            "by the SHA-256 of its text",
        ),
        (cut.sign(key), "ALREADY_LOGGED", Code::AlreadyExists, "the stream expects 2"),
        (conflict.sign(key), "CONFLICT", Code::AlreadyExists, "sequence number 0"),
    ]
}
