//! Where records come from: the operator's socket, or a file that was kept.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use anyhow::{Context as _, Result};
use tonic::{Request, Streaming};
use witness_core::access_record::RECORD_BYTES_MAX;
use witness_wire::{
    Bytes,
    v1::{ReadAccessLogRequest, ReadAccessLogResponse},
};

use crate::{outcome::Failure, rpc};

/// Lines of a record.
const RECORD_LINES: usize = 6;

/// Records as the server gives them.
#[derive(Debug)]
pub(super) struct ServedRecords {
    pages: Streaming<ReadAccessLogResponse>,
    page: VecDeque<Bytes>,
}

impl ServedRecords {
    /// Asks for records from a number on, at most so many; the one before them comes first.
    pub(super) async fn ask(admin: &Path, (from, limit): (u64, Option<u64>)) -> Result<Self> {
        let channel = rpc::connect_unix(admin).await?;
        let link = u64::from(from > 0);
        let limit = limit.map_or(0, |limit| limit.saturating_add(link));
        let request = Request::new(ReadAccessLogRequest { from: from - link, limit });
        let pages = rpc::answer(rpc::admin(&channel).read_access_log(request).await)?;
        Ok(Self { pages, page: VecDeque::new() })
    }

    /// The next record.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.page.is_empty() {
            let page = self.pages.message().await;
            let page = page.map_err(|status| Failure::from_status(&status))?;
            let Some(page) = page else { return Ok(None) };
            self.page.extend(page.records);
        }
        Ok(self.page.pop_front())
    }
}

/// Records of a file, one after the other.
#[derive(Debug)]
pub(super) struct FileRecords(BufReader<File>);

impl FileRecords {
    /// Opens it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| {
            let message = format!("cannot read {}: {error}", path.display());
            Failure::cannot_tell(message).next("check the path, and who may read it")
        })?;
        Ok(Self(BufReader::new(file)))
    }

    /// The next record, or what stands in its place.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut text = Vec::new();
        let mut rest = (&mut self.0).take(u64::try_from(RECORD_BYTES_MAX)? + 1);
        for _line in 0..RECORD_LINES {
            rest.read_until(b'\n', &mut text).context("cannot read the file to its end")?;
        }
        Ok((!text.is_empty()).then_some(text))
    }
}
