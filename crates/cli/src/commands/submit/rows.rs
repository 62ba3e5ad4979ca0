//! Rows of a file of any length, one at a time: NDJSON or CSV.
//!
//! What must hold: never more than one row is in memory, a row has a bounded size, and the chain over all
//! rows read so far tells whether two readings saw the same rows.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use csv::ByteRecord;
use serde::{Deserialize, Serialize};
use witness_core::hash::Hash;

use super::row::{Column, Row};
use crate::{files::STANDARD_INPUT, outcome::Failure};

/// Longest row. An event with its details takes at most 5 KiB; the rest is room for JSON.
const ROW_BYTES_MAX: u64 = 64 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    /// One JSON object on each line.
    Ndjson,
    /// A header line, then one row on each line.
    Csv,
}

impl Format {
    /// What the name of a file says; `None` where it says nothing.
    pub(super) fn of_name(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// A reader that gives up when one row takes more than it may.
struct Metered<R> {
    inner: R,
    read: u64,
    until: u64,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.until {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a row is too long"));
        }
        let count = self.inner.read(buffer)?;
        self.read += u64::try_from(count).unwrap_or(u64::MAX);
        Ok(count)
    }
}

type Source = Box<dyn Read + Send>;

enum Reader {
    Ndjson { lines: BufReader<Source>, line: u64, bytes: u64 },
    Csv { records: Box<csv::Reader<Metered<Source>>>, columns: Vec<Column> },
}

/// The rows of one input.
pub(super) struct Rows {
    reader: Reader,
    read: RowsRead,
}

/// How far the rows were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowsRead {
    /// Number of rows.
    pub(super) rows: u64,
    /// Bytes up to the end of the last row.
    pub(super) bytes: u64,
    /// Hash over all rows: each with the hash of those before it.
    pub(super) chain: Hash,
}

/// One row as it came.
#[derive(Debug)]
pub(super) struct RawRow {
    /// Number of its line, from 1.
    pub(super) line: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Json(Vec<u8>),
    Csv(ByteRecord),
}

impl Rows {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path, format: Format) -> Result<Self> {
        let source: Source = if path.as_os_str() == STANDARD_INPUT {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
        };
        Self::new(source, format)
    }

    /// Reads from anywhere.
    pub(super) fn new(source: Source, format: Format) -> Result<Self> {
        let mut read = RowsRead { rows: 0, bytes: 0, chain: Hash::ZERO };
        let reader = match format {
            Format::Ndjson => Reader::Ndjson {
                lines: BufReader::with_capacity(BUFFER_BYTES, source),
                line: 0,
                bytes: 0,
            },
            Format::Csv => {
                let metered = Metered { inner: source, read: 0, until: 2 * ROW_BYTES_MAX };
                let mut builder = csv::ReaderBuilder::new();
                let mut records = builder
                    .trim(csv::Trim::Headers)
                    .buffer_capacity(BUFFER_BYTES)
                    .from_reader(metered);
                let header = records.byte_headers().context("the file has no header line")?.clone();
                let columns = columns(&header)?;
                // Under other headings the same cells are other rows.
                read.chain = chained(read.chain, &joined(&header));
                Reader::Csv { records: Box::new(records), columns }
            }
        };
        Ok(Self { reader, read })
    }

    /// How far they were read.
    pub(super) fn read(&self) -> RowsRead {
        self.read
    }

    /// The next row; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<RawRow>> {
        let (row, bytes) = match &mut self.reader {
            Reader::Ndjson { lines, line, bytes } => (next_line(lines, line, bytes)?, *bytes),
            Reader::Csv { records, .. } => (next_record(records)?, records.position().byte()),
        };
        let Some(row) = row else { return Ok(None) };
        let chain = match &row.content {
            Content::Json(line) => chained(self.read.chain, line),
            Content::Csv(record) => chained(self.read.chain, &joined(record)),
        };
        self.read = RowsRead { rows: self.read.rows + 1, bytes, chain };
        Ok(Some(row))
    }

    /// What a row says.
    pub(super) fn parse(&self, row: &RawRow) -> Result<Row> {
        let parsed = match (&row.content, &self.reader) {
            (Content::Csv(record), Reader::Csv { columns, .. }) => Row::from_csv(columns, record),
            (Content::Json(line), _) => Row::from_json(line),
            (Content::Csv(_), Reader::Ndjson { .. }) => Ok(Row::default()),
        };
        parsed.map_err(|message| at_line(row.line, &message).into())
    }

    /// Reads on until so many rows were read in all, or no more are there.
    pub(super) fn skip_to(&mut self, rows: u64) -> Result<RowsRead> {
        while self.read.rows < rows && self.next()?.is_some() {}
        Ok(self.read)
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("read", &self.read).finish_non_exhaustive()
    }
}

/// The columns, each once: of two with one name, one would be lost.
fn columns(header: &ByteRecord) -> Result<Vec<Column>, Failure> {
    let mut columns = Vec::new();
    for heading in header {
        let column = Column::parse(heading)?;
        if columns.contains(&column) {
            let heading = String::from_utf8_lossy(heading);
            return Err(Failure::refused(format!("the header has the column {heading} twice"))
                .next("rename or remove one of the two"));
        }
        columns.push(column);
    }
    Ok(columns)
}

/// What is wrong with the row on a line; the message must not repeat what stands there.
pub(super) fn at_line(line: u64, message: &str) -> Failure {
    Failure::refused(format!("line {line}: {message}"))
        .next("correct that line and run the same command again; the lines before it are submitted")
}

/// The next line that is not blank.
fn next_line(
    lines: &mut BufReader<Source>,
    number: &mut u64,
    bytes: &mut u64,
) -> Result<Option<RawRow>> {
    loop {
        let mut line = Vec::new();
        let count = lines.by_ref().take(ROW_BYTES_MAX + 1).read_until(b'\n', &mut line);
        let count = count.context("cannot read on")?;
        if count == 0 {
            return Ok(None);
        }
        *number += 1;
        *bytes += u64::try_from(count)?;
        if u64::try_from(count)? > ROW_BYTES_MAX {
            return Err(too_long(*number).into());
        }
        if *number == 1 && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if !line.trim_ascii().is_empty() {
            return Ok(Some(RawRow {
                line: *number,
                content: Content::Json(line.trim_ascii().to_vec()),
            }));
        }
    }
}

fn next_record(records: &mut csv::Reader<Metered<Source>>) -> Result<Option<RawRow>> {
    let metered = records.get_mut();
    metered.until = metered.read + 2 * ROW_BYTES_MAX + u64::try_from(BUFFER_BYTES)?;
    let mut record = ByteRecord::new();
    let before = records.position().line();
    match records.read_byte_record(&mut record) {
        Ok(false) => Ok(None),
        Ok(true) => {
            let line = record.position().map_or(before, csv::Position::line);
            Ok(Some(RawRow { line, content: Content::Csv(record) }))
        }
        Err(error) => Err(csv_failure(&error, before).into()),
    }
}

fn csv_failure(error: &csv::Error, line: u64) -> Failure {
    let line = error.position().map_or(line, csv::Position::line);
    if let csv::ErrorKind::UnequalLengths { expected_len, len, .. } = error.kind() {
        return at_line(
            line,
            &format!("expected {expected_len} cells as in the header, found {len}"),
        );
    }
    if let csv::ErrorKind::Io(error) = error.kind()
        && error.kind() == io::ErrorKind::FileTooLarge
    {
        return too_long(line);
    }
    at_line(line, "cannot be read as CSV")
}

fn too_long(line: u64) -> Failure {
    at_line(
        line,
        &format!("a row must be at most {ROW_BYTES_MAX} bytes long; is a quote left open?"),
    )
}

fn chained(before: Hash, content: &[u8]) -> Hash {
    let mut both = before.as_bytes().to_vec();
    both.extend_from_slice(content);
    Hash::of(&both)
}

/// Cells with their lengths, so that they cannot be shifted against each other.
fn joined(record: &ByteRecord) -> Vec<u8> {
    let mut joined = Vec::new();
    for cell in record {
        joined.extend_from_slice(&u64::try_from(cell.len()).unwrap_or(u64::MAX).to_be_bytes());
        joined.extend_from_slice(cell);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, format: Format) -> Rows {
        Rows::new(Box::new(io::Cursor::new(text.to_owned())), format).unwrap()
    }

    #[test]
    fn the_same_rows_give_the_same_chain_and_others_do_not() {
        let read = |text: &str, format| rows(text, format).skip_to(u64::MAX).unwrap();
        let ndjson = read("{\"a\":1}\n\n{\"a\":2}\n", Format::Ndjson);
        assert_eq!((ndjson.rows, ndjson.bytes), (2, 17));
        let without_blank = read("{\"a\":1}\n{\"a\":2}", Format::Ndjson);
        assert_eq!(ndjson.chain, without_blank.chain);
        assert_ne!(ndjson.chain, read("{\"a\":1}\n{\"a\":3}\n", Format::Ndjson).chain);
        let csv = read("document,status\nab,c\n", Format::Csv);
        assert_ne!(csv.chain, read("document,status\na,bc\n", Format::Csv).chain);
        assert_ne!(csv.chain, read("document,class\nab,c\n", Format::Csv).chain);
        assert_eq!(csv.chain, read("document,status\r\n\"ab\",c\r\n", Format::Csv).chain);
    }

    #[test]
    fn a_row_that_never_ends_is_refused_without_reading_all_of_it() {
        let long = "x".repeat(200_000);
        let failure = rows(&long, Format::Ndjson).next().unwrap_err();
        assert!(failure.to_string().starts_with("line 1: a row must be at most"), "{failure}");
        let open_quote = format!("document\n\"{}", "x\n".repeat(1_000_000));
        let failure = rows(&open_quote, Format::Csv).next().unwrap_err();
        assert!(failure.to_string().contains("is a quote left open"), "{failure}");
    }

    #[test]
    fn a_column_that_is_there_twice_is_refused_by_its_name() {
        let refused = |header: &str| {
            let source = Box::new(io::Cursor::new(format!("{header}\n")));
            Rows::new(source, Format::Csv).unwrap_err().to_string()
        };
        assert_eq!(refused("document,change,change"), "the header has the column change twice");
        let detail = refused("details.level,document,details.level");
        assert_eq!(detail, "the header has the column details.level twice");
        let alias = refused("document_file,text_file");
        assert_eq!(alias, "the header has the column text_file twice");
    }

    #[test]
    fn a_ragged_table_is_refused_with_its_line() {
        let mut table = rows("document,change\naa,issued\nbb\n", Format::Csv);
        assert_eq!(table.next().unwrap().unwrap().line, 2);
        let failure = table.next().unwrap_err().to_string();
        assert_eq!(failure, "line 3: expected 2 cells as in the header, found 1");
    }
}
