//! Firm notes: what each must be to follow the one before it.

use super::*;
use crate::{key::SigningKey, note::Strict, time::Timestamp};
use alloc::vec;

fn key(name: &str, role: Role, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, role.signature_type(), &[seed; 32]).unwrap()
}

fn role_key(name: &str, role: Role, seed: u8) -> RoleKey {
    let key = key(name, role, seed).verifying_key().clone();
    RoleKey { role, key, from: 0, until: None }
}

fn root() -> SigningKey {
    key("witness.example", Role::Evidence, 1)
}

fn signed(text: &FirmText) -> Note {
    let text = text.encode();
    let signature = root().sign(&text, Timestamp::EPOCH);
    Note::new(text, vec![signature])
}

fn first() -> FirmText {
    let log = "witness.example/log1";
    FirmText {
        firm: Domain::parse("witness.example").unwrap(),
        sequence: 0,
        previous: Hash::ZERO,
        keys: vec![
            role_key(log, Role::Log, 2),
            role_key("witness.example", Role::Registrar, 4),
            role_key(log, Role::Timestamp, 3),
        ],
    }
}

#[test]
fn a_firm_note_names_the_keys_of_each_role_and_range() {
    let mut firm = Firm::new(root().verifying_key().clone());
    firm.apply(&signed(&first()), &Strict).unwrap();
    let registrars: Vec<_> = firm.keys_for(Role::Registrar, "witness.example", 9).collect();
    assert_eq!(registrars, [key("witness.example", Role::Registrar, 4).verifying_key()]);
    assert_eq!(firm.keys_for(Role::Registrar, "witness.example/log1", 9).count(), 0);
}

#[test]
fn a_key_can_be_ended_but_never_dropped_or_reopened() {
    let mut firm = Firm::new(root().verifying_key().clone());
    firm.apply(&signed(&first()), &Strict).unwrap();
    let mut second = FirmText { sequence: 1, previous: firm.latest_hash(), ..first() };
    second.keys[0].until = Some(100);
    let mut dropped = second.clone();
    dropped.keys.remove(0);
    assert_eq!(firm.clone().apply(&signed(&dropped), &Strict), Err(FirmError::KeyDropped));
    firm.apply(&signed(&second), &Strict).unwrap();
    assert_eq!(firm.keys_for(Role::Log, "witness.example/log1", 100).count(), 0);
    assert_eq!(firm.keys_for(Role::Log, "witness.example/log1", 99).count(), 1);
    let reopened = FirmText { sequence: 2, previous: firm.latest_hash(), ..first() };
    assert_eq!(firm.apply(&signed(&reopened), &Strict), Err(FirmError::KeyDropped));
}

#[test]
fn a_public_key_stands_in_one_line_and_the_roots_in_none() {
    let mut firm = Firm::new(root().verifying_key().clone());
    let log = "witness.example/log1";
    let again = [
        role_key("witness.example", Role::RollUp, 4),
        role_key("witness.example/log2", Role::Timestamp, 3),
        role_key(log, Role::Timestamp, 2),
        role_key("witness.example", Role::Evidence, 1),
    ];
    for key in again {
        let mut text = first();
        text.keys.push(key);
        let refused = firm.clone().apply(&signed(&text), &Strict);
        assert_eq!(refused, Err(FirmError::KeyRepeated), "{:?}", text.keys.last());
    }
    let mut ended = first();
    ended.keys[0].until = Some(100);
    firm.apply(&signed(&ended), &Strict).unwrap();
    // The line of the ended key stands as it stood; a second one would open it again.
    let mut reopened = FirmText { sequence: 1, previous: firm.latest_hash(), ..ended };
    reopened.keys.push(RoleKey { from: 200, ..role_key(log, Role::Log, 2) });
    assert_eq!(firm.apply(&signed(&reopened), &Strict), Err(FirmError::KeyRepeated));
}

#[test]
fn order_root_and_names_are_checked() {
    let fresh = || Firm::new(root().verifying_key().clone());
    let late = FirmText { sequence: 1, ..first() };
    assert_eq!(fresh().apply(&signed(&late), &Strict), Err(FirmError::OutOfOrder { expected: 0 }));
    let mut misnamed = first();
    misnamed.keys.push(role_key("bank.example", Role::RollUp, 9));
    assert_eq!(fresh().apply(&signed(&misnamed), &Strict), Err(FirmError::KeyNaming));
    let other = Firm::new(key("witness.example", Role::Evidence, 7).verifying_key().clone());
    assert!(matches!(other.clone().apply(&signed(&first()), &Strict), Err(FirmError::Note(_))));
}
