//! Files of rows, for `witness submit`.

use std::{fs, path::Path};

use witness_tests::document;

/// Files of rows: the same in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Ndjson,
    Csv,
}

impl Table {
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Ndjson => "events.ndjson",
            Self::Csv => "events.csv",
        }
    }

    /// One row: that the document of this number was issued.
    pub(crate) fn row(self, number: u64, change: &str, module: &str) -> String {
        let hash = document(format!("row {number}")).0.to_hex();
        match self {
            Self::Ndjson => format!(
                "{{\"document\":\"{hash}\",\"change\":\"{change}\",\"claim_type\":\"skill-module\",\
                 \"occurred_at\":\"2026-03-01\",\
                 \"details\":{{\"awarded\":\"2026-02-27\",\"module\":\"{module}\"}}}}\n"
            ),
            Self::Csv => {
                format!("{hash},{change},skill-module,2026-03-01T09:00:00Z,2026-02-27,{module}\n")
            }
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Ndjson => "",
            Self::Csv => "document,change,claim_type,occurred_at,details.awarded,details.module\n",
        }
    }

    pub(super) fn rows(self, count: u64) -> Vec<String> {
        (0..count)
            .map(|number| self.row(number, "issued", &format!("MOD-{:04}", number % 10_000)))
            .collect()
    }

    pub(super) fn write(self, folder: &Path, rows: &[String]) {
        fs::write(folder.join(self.file()), [self.header(), &rows.concat()].concat()).unwrap();
    }

    /// The line of a row.
    pub(super) fn line(self, number: u64) -> u64 {
        number + 1 + u64::from(self == Self::Csv)
    }
}
