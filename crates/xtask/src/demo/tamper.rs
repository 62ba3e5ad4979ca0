//! Tampering: copies that differ in one byte, and what the verifier says of them.

use anyhow::{Context as _, Result, bail};

use super::narrator::{Narrator, Step};
use super::offline::{Offline, Room};
use super::story::DOCUMENTS;
use super::witness::Answer;

/// At how many places a byte is changed.
const PLACES: usize = 64;
/// Where the copies are kept.
const FOLDER: &str = "tampered";

/// Changes a byte of the evidence, a byte of the document, and bytes all over the evidence.
pub(super) fn show(offline: &Offline<'_>, narrator: &mut Narrator) -> Result<()> {
    narrator.step(Step::Tamper);
    let document = DOCUMENTS.iter().find(|document| document.is_tampered_with());
    let document = document.context("one document is tampered with")?;
    let (text_file, evidence_file) = (document.text_file(), document.evidence_file());
    let evidence = offline.folder.read(&evidence_file)?;
    let room = offline.room(document)?;

    let back_dated = back_dated(&evidence)?;
    offline.folder.write(&format!("{FOLDER}/{evidence_file}"), &back_dated)?;
    narrator.line("the time at which the firm received the last event, one digit lower:");
    room.set_evidence(&back_dated)?;
    refused(&room, narrator)?;

    let text = exchanged(document.text.as_bytes(), b"B2", b"C2")?;
    offline.folder.write(&format!("{FOLDER}/{text_file}"), &text)?;
    narrator.line("the evidence as it was, and one letter of the document, level B2 made C2:");
    room.set_evidence(&evidence)?;
    room.set_text(&text)?;
    refused(&room, narrator)?;

    room.set_text(document.text.as_bytes())?;
    everywhere(&room, &evidence, narrator)?;
    room.set_evidence(&evidence)?;
    room.verify(&[])?.expect(0)?;
    narrator.good("the copy with its own bytes back again: exit 0");
    Ok(())
}

/// Shows a refusal.
fn refused(room: &Room<'_>, narrator: &mut Narrator) -> Result<()> {
    let answer = room.verify(&[])?.expect(1)?;
    narrator.command(&answer.line);
    narrator.quote(reason(&answer));
    narrator.good("refused, exit 1");
    Ok(())
}

/// The line that says why.
fn reason(answer: &Answer) -> &str {
    let said = if answer.stderr.is_empty() { &answer.stdout } else { &answer.stderr };
    said.lines().next().unwrap_or_default()
}

/// Changes one byte at a time, at places all over the file.
fn everywhere(room: &Room<'_>, evidence: &[u8], narrator: &mut Narrator) -> Result<()> {
    let (mut refused, mut unsure) = (0, 0);
    for place in 0..PLACES {
        let position = evidence.len() * place / PLACES;
        let mut changed = evidence.to_vec();
        if let Some(byte) = changed.get_mut(position) {
            *byte ^= 1;
        }
        room.set_evidence(&changed)?;
        let answer = room.verify(&[])?;
        match answer.code {
            Some(1) => refused += 1,
            Some(2) => unsure += 1,
            // A header that is changed is that of a block which nobody has ever seen: the anchor counts for nothing.
            Some(0) if answer.stdout.contains("not checked: anchors[") => unsure += 1,
            _ => bail!(
                "byte {position} was changed, and the file not refused:{}",
                answer.all_lines()
            ),
        }
    }
    narrator.good(&format!(
        "a byte changed at each of {PLACES} places all over the file: {refused} refused, {unsure} with a fact \
         lost, 0 accepted whole"
    ));
    Ok(())
}

/// The evidence with a lower digit, not the first, in the time of receipt of its last submission.
fn back_dated(evidence: &[u8]) -> Result<Vec<u8>> {
    const BEFORE: &[u8] = b"submission ";
    let mut changed = evidence.to_vec();
    let position = evidence.windows(BEFORE.len()).rposition(|window| window == BEFORE);
    let first = position.context("the evidence has no submission")? + BEFORE.len();
    let later = changed.iter_mut().skip(first + 1);
    let digit = later.take_while(|byte| byte.is_ascii_digit()).find(|digit| **digit > b'0');
    *digit.context("the submission has no time of receipt")? -= 1;
    Ok(changed)
}

/// The bytes with the last occurrence of some of them exchanged for as many others.
fn exchanged(bytes: &[u8], old: &[u8], new: &[u8]) -> Result<Vec<u8>> {
    let position = bytes.windows(old.len()).rposition(|window| window == old);
    let position = position.context("what is to be changed is not there")?;
    let mut changed = bytes.to_vec();
    changed.splice(position..position + old.len(), new.iter().copied());
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_occurrence_is_exchanged() {
        assert_eq!(exchanged(b"abcab", b"ab", b"xy").unwrap(), b"abcxy");
        assert!(exchanged(b"abc", b"z", b"y").is_err());
    }

    #[test]
    fn a_time_of_receipt_differs_in_one_byte() {
        let evidence = b"submission 1763888400000000 4";
        let changed = back_dated(evidence).unwrap();
        let differing = evidence.iter().zip(&changed).filter(|(old, new)| old != new);
        assert_eq!((differing.count(), changed.len()), (1, evidence.len()));
    }
}
