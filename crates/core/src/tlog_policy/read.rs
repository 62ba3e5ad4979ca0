//! Reading a policy, line by line (C2SP tlog-policy). Names refer to earlier lines only, so that one pass is
//! enough and no group can hold itself.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{Cosigner, Group, Member, PolicyLog, Quorum, TlogPolicyError};
use crate::{
    key::{KeyError, SignatureType, VerifyingKey},
    text,
};

#[derive(Default)]
pub(super) struct Reader {
    pub(super) logs: Vec<PolicyLog>,
    pub(super) cosigners: Vec<Cosigner>,
    pub(super) groups: Vec<Group>,
    pub(super) quorum: Option<Quorum>,
    names: BTreeMap<Vec<u8>, Member>,
    taken: BTreeSet<Member>,
    log_keys: BTreeSet<[u8; 32]>,
    cosigner_keys: BTreeSet<[u8; 32]>,
}

impl Reader {
    pub(super) fn read(&mut self, line: usize, words: &[&[u8]]) -> Result<(), TlogPolicyError> {
        match words {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", vkey] => self.log(line, vkey, None),
            [b"log", vkey, url] => self.log(line, vkey, Some(url)),
            [b"witness", name, vkey] => self.cosigner(line, (name, vkey), None),
            [b"witness", name, vkey, url] => self.cosigner(line, (name, vkey), Some(url)),
            [b"group", name, threshold, members @ ..] if !members.is_empty() => {
                self.group(line, name, (threshold, members))
            }
            [b"quorum", name] => self.quorum(line, name),
            _ => Err(TlogPolicyError::Form { line }),
        }
    }

    fn log(
        &mut self,
        line: usize,
        vkey: &[u8],
        url: Option<&&[u8]>,
    ) -> Result<(), TlogPolicyError> {
        let key = key(line, vkey, SignatureType::Ed25519)?;
        if !self.log_keys.insert(*key.public_key()) {
            return Err(TlogPolicyError::KeyRepeated { line });
        }
        self.logs.push(PolicyLog { key, url: url.map(|url| url.to_vec()) });
        Ok(())
    }

    fn cosigner(
        &mut self,
        line: usize,
        (name, vkey): (&[u8], &[u8]),
        url: Option<&&[u8]>,
    ) -> Result<(), TlogPolicyError> {
        let key = key(line, vkey, SignatureType::Timestamp)?;
        if !self.cosigner_keys.insert(*key.public_key()) {
            return Err(TlogPolicyError::KeyRepeated { line });
        }
        self.define(line, name, Member::Cosigner(self.cosigners.len()))?;
        let url = url.map(|url| url.to_vec());
        self.cosigners.push(Cosigner { name: name.to_owned(), key, url });
        Ok(())
    }

    fn group(
        &mut self,
        line: usize,
        name: &[u8],
        (threshold, names): (&[u8], &[&[u8]]),
    ) -> Result<(), TlogPolicyError> {
        let mut members = Vec::with_capacity(names.len());
        for member in names {
            let member = self.names.get(*member).ok_or(TlogPolicyError::NameUnknown { line })?;
            if !self.taken.insert(*member) {
                return Err(TlogPolicyError::MemberRepeated { line });
            }
            members.push(*member);
        }
        let threshold = match threshold {
            b"all" => members.len(),
            b"any" => 1,
            _ => number(threshold)
                .filter(|k| (1..=members.len()).contains(k))
                .ok_or(TlogPolicyError::Threshold { line })?,
        };
        self.define(line, name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { threshold, members });
        Ok(())
    }

    fn quorum(&mut self, line: usize, name: &[u8]) -> Result<(), TlogPolicyError> {
        let quorum = match name {
            b"none" => Quorum::None,
            _ => Quorum::Of(*self.names.get(name).ok_or(TlogPolicyError::NameUnknown { line })?),
        };
        match self.quorum.replace(quorum) {
            None => Ok(()),
            Some(_) => Err(TlogPolicyError::SecondQuorum { line }),
        }
    }

    fn define(&mut self, line: usize, name: &[u8], member: Member) -> Result<(), TlogPolicyError> {
        if name == b"none" || self.names.insert(name.to_owned(), member).is_some() {
            return Err(TlogPolicyError::NameTaken { line });
        }
        Ok(())
    }
}

fn number(word: &[u8]) -> Option<usize> {
    usize::try_from(text::decimal(str::from_utf8(word).ok()?)?).ok()
}

fn key(line: usize, vkey: &[u8], expected: SignatureType) -> Result<VerifyingKey, TlogPolicyError> {
    let wrong = |source| TlogPolicyError::Key { line, source };
    let vkey = str::from_utf8(vkey).or(Err(wrong(KeyError::Form)))?;
    let key = VerifyingKey::parse(vkey).map_err(wrong)?;
    if key.signature_type() == expected { Ok(key) } else { Err(TlogPolicyError::KeyType { line }) }
}
