//! Nothing personal comes in: two corpora, of look-alikes and of what only resembles them, through the
//! admission of submissions as a server calls it.

mod formats;
mod identities;
mod look_alikes;
mod properties;
mod rates;
mod resembling;
mod samples;

pub(crate) use look_alikes::corpus;

use std::sync::LazyLock;

use witness_core::{
    admission::{self, Admitted, Refusal},
    drafting::{ClientSecret, Drafter, Occurrence, Position, What},
    entry::{Entry, EntryKind},
    event::{Change, StatusClass},
    firm::Firm,
    hash::Hash,
    merkle::LeafIndex,
    name::{Name, Origin},
    note::{Note, Strict},
    registry::{Change as RegistryBody, Continuity, Registry},
    schema::Schema,
};

use crate::world::{ORIGIN, World, document, issuer, issuer_key, root_key, status};

/// All of printable ASCII: only the look of a value can refuse it.
const ANYTHING: &str = r##"[ !"#$%&'()*+,./0-9:;<=>?@A-Z_`a-z{|}~\[\]\\\^-]{1,64}"##;
/// National Provider Identifiers (45 CFR 162.406): ten digits, of which the first is 1 or 2.
const NPI: &str = "[12][0-9]{9}";

/// The registry of a log: the claim type `anything`, with a field for any text and one for any number,
/// and `practice`, whose one field is exempt from the search.
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut world = World::founded();
    let anything =
        format!("field number - issued count\nfield value - issued identifier {ANYTHING}\n");
    let practice = format!("field npi - issued identifier-exempt {NPI}\n");
    for (name, schema) in [("anything", anything), ("practice", practice)] {
        let (name, schema) = (Name::parse(name).unwrap(), Schema::parse(&schema).unwrap());
        world.register(RegistryBody::ClaimType { name, schema }, &[]);
    }
    let mut firm = Firm::new(root_key().verifying_key().clone());
    let mut registry = Registry::new(Origin::parse(ORIGIN).unwrap());
    for (index, text) in (0..).zip(&world.entries) {
        let entry = Entry::parse(text.as_bytes()).unwrap();
        let note = Note::parse(entry.body.as_bytes()).unwrap();
        if entry.kind == EntryKind::Firm {
            firm.apply(&note, &Strict).unwrap();
        } else {
            let place = (LeafIndex(index), Continuity::Complete);
            registry.apply(&note, place.0, place.1, (&firm, &Strict)).unwrap();
        }
    }
    registry
});

fn submit_to(
    stream: &str,
    claim_type: &str,
    change: Change,
    details: &[(&str, &str)],
) -> Result<Admitted, Refusal> {
    let secret = ClientSecret::new([7; 32]);
    let place = (REGISTRY.origin().clone(), issuer(), Name::parse(stream).unwrap());
    let position = Position { next_sequence: 0, previous: Hash::ZERO };
    let mut drafter = Drafter::new(place, position, 2, &secret);
    let own = |(field, value): &(&str, &str)| ((*field).to_owned(), (*value).to_owned());
    let occurrence = Occurrence {
        what: What::One(change),
        document: document(1),
        claim_type: Name::parse(claim_type).unwrap(),
        occurred_at: 0,
        details: details.iter().map(own).collect(),
    };
    drafter.push(&occurrence).unwrap();
    let draft = drafter.cut(&issuer_key()).unwrap();
    let note = admission::read(draft.note.to_string().as_bytes(), &REGISTRY)?;
    admission::admit(note, &draft.events, &draft.details, (&REGISTRY, &Strict))
}

/// One event with this value in a field of its details.
fn submit_in(field: &str, value: &str) -> Result<Admitted, Refusal> {
    submit_to("main", "anything", Change::Issued, &[(field, value)])
}

/// One event with this status.
fn submit_status(text: &str) -> Result<Admitted, Refusal> {
    submit_to("main", "anything", status(StatusClass::Other, text), &[])
}

/// Asserts that a value was refused as this kind of personal data, and that the refusal would have been
/// the same, byte for byte, whatever the value.
fn assert_withheld(refusal: &Refusal, value: &str, (field, rule): (&str, &str)) {
    assert_eq!(refusal.reason(), "PERSONAL_DATA", "{value}: {refusal:?}");
    let expected =
        [("event_index", "0"), ("field", field), ("rule", rule)].map(|(n, v)| (n, v.to_owned()));
    assert_eq!(refusal.metadata(), expected, "{value}");
    let why = match field {
        "status" => format!("the status looks like personal data: {rule}; it must name nobody"),
        "claim-type" => {
            format!("the claim type is not registered and looks like personal data: {rule}")
        }
        _ => format!(
            "field {field}: looks like personal data: {rule}; send a keyed digest instead, or \
             register the field with a pattern of its own"
        ),
    };
    assert_eq!(refusal.to_string(), format!("event 0: {why}"));
    let debugged =
        format!("PersonalData {{ index: 0, field: {field:?}, rule: {rule:?}, why: {why:?} }}");
    assert_eq!(format!("{refusal:?}"), debugged);
    assert_shows_nothing(&format!("{refusal} {refusal:?} {:?}", refusal.metadata()), value);
}

/// Asserts that no four neighbouring characters of a value, with a digit or a mark among them, are shown.
/// (Letters alone may be those of a word: `data` stands in every refusal.)
fn assert_shows_nothing(shown: &str, value: &str) {
    for window in value.as_bytes().windows(4) {
        let window = std::str::from_utf8(window).unwrap();
        let is_telling = window.contains(|c: char| !c.is_ascii_alphabetic() && c != ' ');
        assert!(!(is_telling && shown.contains(window)), "{window:?} of {value:?} in {shown}");
    }
}
