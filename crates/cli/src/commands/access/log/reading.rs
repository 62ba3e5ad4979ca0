//! Following the chain of records, and holding it against the heads that were logged.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::json;
use witness_core::{
    access_record::{AccessRecord, Chain, ChainError},
    hash::Hash,
    time::Timestamp,
};

use super::heads::Head;
use crate::{outcome::Failure, output::Output};

const BROKEN: &str = "something was changed, taken out or put in there: compare it with an older copy, as --out has kept it, \
                      and do not take what comes after it for what was asked";

/// Which records are shown.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) caller: Option<String>,
    pub(super) since: Timestamp,
}

impl Shown {
    fn has(&self, record: &AccessRecord) -> bool {
        let is_of = |caller: &String| caller == record.access.caller.as_str();
        record.access.at >= self.since && self.caller.as_ref().is_none_or(is_of)
    }
}

/// The records, as far as they were read.
#[derive(Debug)]
pub(super) struct Reading {
    shown: Shown,
    out: Option<(PathBuf, BufWriter<File>)>,
    /// Number of the first record, if that is known before it is read.
    begin: Option<u64>,
    /// None before the first.
    chain: Option<Chain>,
    read: u64,
    /// In the order of the records that they are over; those from `next` on were not reached yet.
    heads: Vec<Head>,
    next: usize,
    agreed: Vec<Head>,
    not_read: Vec<Head>,
}

impl Reading {
    /// Before the first record, which may have any number if `begin` is not given.
    pub(super) fn begin(
        (shown, begin): (Shown, Option<u64>),
        mut heads: Vec<Head>,
        out: Option<&Path>,
    ) -> Result<Self> {
        heads.sort_by(|one, other| (one.records, &one.origin).cmp(&(other.records, &other.origin)));
        let out = out.map(|path| Ok::<_, anyhow::Error>((path.to_owned(), new_file(path)?)));
        Ok(Self {
            shown,
            out: out.transpose()?,
            begin,
            chain: (begin == Some(0)).then(Chain::new),
            read: 0,
            heads,
            next: 0,
            agreed: Vec::new(),
            not_read: Vec::new(),
        })
    }

    /// Takes the next record. Before a first one with another number than 0 comes the one before it.
    pub(super) fn take(&mut self, text: &[u8], output: &mut Output) -> Result<()> {
        if let Some(chain) = &mut self.chain {
            let record = chain.follow(text).map_err(|error| broken(&error))?;
            return self.add(text, &record, output);
        }
        let number = self.begin.unwrap_or_default();
        let record = AccessRecord::parse(text);
        let record = record.map_err(|why| broken(&ChainError::Text { number, why }))?;
        let mut chain = Chain::new();
        if self.begin.is_none() && record.number == 0 {
            let record = chain.follow(text).map_err(|error| broken(&error))?;
            (self.chain, self.begin) = (Some(chain), Some(0));
            return self.add(text, &record, output);
        }
        let chain = Chain::after(text).map_err(|why| broken(&ChainError::Text { number, why }))?;
        let is_link = self.begin.is_some();
        let begin = *self.begin.get_or_insert(record.number);
        if is_link && chain.records() != begin {
            let error =
                ChainError::Number { expected: begin.saturating_sub(1), found: record.number };
            return Err(broken(&error).into());
        }
        self.chain = Some(chain);
        if is_link { Ok(()) } else { self.add(text, &record, output) }
    }

    fn add(&mut self, text: &[u8], record: &AccessRecord, output: &mut Output) -> Result<()> {
        self.read += 1;
        if let Some((path, out)) = &mut self.out {
            out.write_all(text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if self.shown.has(record) {
            show(record, output)?;
        }
        self.compare(record.number + 1, Hash::of(text))
    }

    fn compare(&mut self, records: u64, hash: Hash) -> Result<()> {
        while let Some(head) = self.heads.get(self.next).filter(|head| head.records <= records) {
            self.next += 1;
            if head.records < records {
                self.not_read.push(head.clone());
                continue;
            }
            if head.hash != hash {
                let message = format!(
                    "record {} is another one than when the head of the access log was logged, {} as entry {} of {}",
                    records - 1,
                    head.at,
                    head.index,
                    head.origin
                );
                return Err(Failure::refused(message).next(BROKEN).into());
            }
            self.agreed.push(head.clone());
        }
        Ok(())
    }

    /// Ends the reading; `is_whole` if the access log ends where the records do.
    pub(super) fn end(&mut self, is_whole: bool) -> Result<()> {
        if self.chain.is_none() && self.first() > 0 {
            let message = format!("the access log has no record {}", self.first() - 1);
            return Err(Failure::cannot_tell(message).next("begin with an earlier one").into());
        }
        if let Some((path, out)) = &mut self.out {
            let kept = out.flush().and_then(|()| out.get_ref().sync_all());
            kept.with_context(|| format!("cannot write {}", path.display()))?;
        }
        let rest = self.heads.split_off(self.next.min(self.heads.len()));
        if let Some(head) = rest.last().filter(|_| is_whole) {
            let message = format!(
                "the access log has {} records, and had {} when its head was logged, {} as entry {} of {}: its end was \
                 cut off",
                self.records(),
                head.records,
                head.at,
                head.index,
                head.origin
            );
            let step = "restore the firm's own store from its newest copy; what was asked meanwhile is lost";
            return Err(Failure::refused(message).next(step).into());
        }
        self.not_read.extend(rest);
        Ok(())
    }

    /// Number of the first record.
    pub(super) fn first(&self) -> u64 {
        self.begin.unwrap_or_default()
    }

    /// How many were read.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// Number of records up to the last that was read, and its hash.
    pub(super) fn head(&self) -> (u64, Hash) {
        self.chain.as_ref().map_or((0, Hash::ZERO), |chain| (chain.records(), chain.head()))
    }

    fn records(&self) -> u64 {
        self.head().0
    }

    /// Heads that the records agree with.
    pub(super) fn agreed(&self) -> &[Head] {
        &self.agreed
    }

    /// Heads over records that were not read.
    pub(super) fn not_read(&self) -> &[Head] {
        &self.not_read
    }
}

fn broken(error: &ChainError) -> Failure {
    Failure::refused(format!("the access log is broken: {error}")).next(BROKEN)
}

/// A file for this user alone: who asked what is nobody else's.
fn new_file(path: &Path) -> Result<BufWriter<File>> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(|error| {
        let message = format!("cannot make {}: {error}", path.display());
        Failure::cannot_tell(message).next("give --out a file that is not there yet")
    })?;
    Ok(BufWriter::new(file))
}

fn show(record: &AccessRecord, output: &mut Output) -> Result<()> {
    let AccessRecord { number, access, .. } = record;
    let (caller, role, method) =
        (access.caller.as_str(), access.role.word(), access.method.as_str());
    let filter = access.filter.as_str();
    let results = access.results.map_or_else(|| "-".to_owned(), |results| results.to_string());
    let at = access.at.to_string();
    output.line(&format!(
        "{number:>7}  {at:<27}  {caller:<10}  {role:<9}  {method:<29} {results:>7}  {filter}"
    ))?;
    output.json(&json!({
        "number": number,
        "at": at,
        "caller": caller,
        "role": role,
        "method": method,
        "results": access.results,
        "filter": filter,
    }))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use witness_core::{
        access_record::{Access, Filter, Printable, Role},
        name::Origin,
    };

    use super::*;
    use crate::outcome::Outcome;

    fn texts(count: u64) -> Vec<String> {
        let mut chain = Chain::new();
        let token = |text| Printable::parse(text).unwrap();
        let access = |at| Access {
            at: Timestamp::from_micros(at),
            caller: token("operator"),
            role: Role::Operator,
            method: token("AdminService.GetRegistry"),
            results: Some(at),
            filter: Filter::default(),
        };
        (0..count).map(|at| chain.append(access(at))).collect()
    }

    /// The head over so many of these records.
    fn head(texts: &[String], records: u64) -> Head {
        let newest = usize::try_from(records).unwrap() - 1;
        Head {
            origin: Origin::parse("witness.example/log1").unwrap(),
            index: 7,
            at: Timestamp::EPOCH,
            records,
            hash: Hash::of(texts[newest].as_bytes()),
        }
    }

    fn read(begin: Option<u64>, texts: &[String], heads: Vec<Head>) -> Result<Reading> {
        // None of them is shown.
        let shown = Shown { caller: Some("nobody".to_owned()), since: Timestamp::EPOCH };
        let mut reading = Reading::begin((shown, begin), heads, None)?;
        let mut output = Output::new(false);
        for text in texts {
            reading.take(text.as_bytes(), &mut output)?;
        }
        Ok(reading)
    }

    /// How many heads agree and how many were not read, or how it ends.
    fn ends(
        begin: Option<u64>,
        texts: &[String],
        (heads, is_whole): (Vec<Head>, bool),
    ) -> Result<(usize, usize), Outcome> {
        let reading = read(begin, texts, heads).and_then(|mut reading| {
            reading.end(is_whole)?;
            Ok((reading.agreed().len(), reading.not_read().len()))
        });
        reading.map_err(|error| Outcome::of(&error))
    }

    #[test]
    fn records_agree_with_the_heads_that_were_logged_over_them() {
        let texts = texts(5);
        let heads = || vec![head(&texts, 4), head(&texts, 2), head(&texts, 4)];
        assert_eq!(ends(Some(0), &texts, (heads(), true)), Ok((3, 0)));
        assert_eq!(ends(None, &texts, (heads(), true)), Ok((3, 0)));
        // From record 3 on, which comes after the one before it.
        assert_eq!(ends(Some(3), &texts[2..], (heads(), true)), Ok((2, 1)));
        assert_eq!(ends(None, &texts[3..], (heads(), true)), Ok((2, 1)));
        // Of the first three, somebody wanted no more.
        assert_eq!(ends(Some(0), &texts[..3], (heads(), false)), Ok((1, 2)));
    }

    #[test]
    fn an_end_that_was_cut_off_is_found_by_a_head() {
        let texts = texts(5);
        let heads = || vec![head(&texts, 2), head(&texts, 5)];
        for left in 0..5 {
            let ended = ends(Some(0), &texts[..left], (heads(), true));
            assert_eq!(ended, Err(Outcome::Refused), "{left}");
        }
        assert_eq!(ends(Some(0), &texts, (heads(), true)), Ok((2, 0)));
    }

    #[test]
    fn a_log_that_was_written_anew_is_found_by_a_head() {
        let texts = texts(5);
        let mut chain = Chain::new();
        let anew: Vec<String> = texts
            .iter()
            .map(|text| {
                let access = AccessRecord::parse(text.as_bytes()).unwrap().access;
                chain.append(Access { results: None, ..access })
            })
            .collect();
        assert_eq!(ends(Some(0), &anew, (Vec::new(), true)), Ok((0, 0)));
        assert_eq!(ends(Some(0), &anew, (vec![head(&texts, 3)], true)), Err(Outcome::Refused));
    }

    #[test]
    fn a_chain_that_breaks_or_does_not_begin_where_it_should_is_refused() {
        let texts = texts(5);
        let without = [&texts[..2], &texts[3..]].concat();
        assert_eq!(ends(Some(0), &without, (Vec::new(), true)), Err(Outcome::Refused));
        assert_eq!(ends(Some(0), &texts[1..], (Vec::new(), true)), Err(Outcome::Refused));
        assert_eq!(ends(Some(2), &texts[2..], (Vec::new(), true)), Err(Outcome::Refused));
        assert_eq!(ends(Some(9), &[], (Vec::new(), true)), Err(Outcome::CannotTell));
    }
}
