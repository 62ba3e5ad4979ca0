//! Plain HTTP GETs: all that a client needs who knows only the public resources.

use std::{thread, time::Duration};

use witness_core::{note::Note, rollup::RollUp};

use crate::Server;

/// How often the newest checkpoint is asked for while one waits for it.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Only against hanging for ever: nothing is judged by it.
const ASKS_MAX: u32 = 2_400;

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// `Cache-Control`.
    pub cache_control: String,
    /// The body, decoded.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

/// The text of a roll-up's note.
#[must_use]
pub fn rollup(note: &[u8]) -> RollUp {
    RollUp::parse(Note::parse(note).unwrap().text()).unwrap()
}

impl Server {
    /// One GET.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(format!("http://{}{path}", self.address())).call().unwrap();
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (content_type, cache_control) = (header("content-type"), header("cache-control"));
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
        Answer { status, content_type, cache_control, body }
    }

    /// One GET of what must be there.
    #[must_use]
    pub fn found(&self, path: &str) -> Answer {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer
    }

    /// A metric of the only log, or of the process.
    #[must_use]
    pub fn metric(&self, name: &str) -> u64 {
        let metrics = self.found("/metrics");
        let value = metrics.text().lines().find_map(|line| {
            let rest = line.strip_prefix(name)?;
            let rest = rest.strip_prefix("{log=\"log1\"}").unwrap_or(rest);
            rest.strip_prefix(' ')?.parse().ok()
        });
        value.unwrap_or_else(|| panic!("no metric {name}:\n{}", metrics.text()))
    }

    /// A counter under one label: 0 where nothing was counted under it, since it is not shown then.
    #[must_use]
    pub fn metric_under(&self, name: &str, (label, value): (&str, &str)) -> u64 {
        let (metrics, labelled) =
            (self.found("/metrics"), format!("{name}{{{label}=\"{value}\"}} "));
        let mut lines = metrics.text().lines();
        let count = lines.find_map(|line| line.strip_prefix(labelled.as_str()));
        count.map_or(0, |count| count.parse().unwrap())
    }

    /// Waits until all that is durable is published; gives the size.
    #[expect(clippy::must_use_candidate, reason = "one may wait and not ask for the size")]
    pub fn settled(&self) -> u64 {
        self.published(self.metric("witness_log_size"))
    }

    /// Waits until a checkpoint of at least this size is published; gives its size.
    #[expect(clippy::must_use_candidate, reason = "one may wait and not ask for the size")]
    pub fn published(&self, size: u64) -> u64 {
        for _ in 0..ASKS_MAX {
            let published = self.metric("witness_log_published_size");
            if published >= size {
                return published;
            }
            thread::sleep(ASK_EVERY);
        }
        panic!("size {size} is never published:\n{}", self.log())
    }

    /// Waits until the newest roll-up covers a size of the log; gives the roll-up's sequence.
    #[expect(clippy::must_use_candidate, reason = "one may wait and not ask for the sequence")]
    pub fn rolled_up(&self, size: u64) -> u64 {
        for _ in 0..ASKS_MAX {
            let newest = self.get("/rollup");
            if newest.status == 200 {
                let sequence = rollup(&newest.body).sequence;
                let texts = self.found(&format!("/rollup/{sequence}/checkpoints"));
                let rolled = texts.text().lines().nth(1).unwrap().parse::<u64>().unwrap();
                if rolled >= size {
                    return sequence;
                }
            }
            thread::sleep(ASK_EVERY);
        }
        panic!("size {size} is never rolled up:\n{}", self.log())
    }

    /// Every published size, ascending, over all pages.
    #[must_use]
    pub fn published_sizes(&self) -> Vec<u64> {
        let mut sizes: Vec<u64> = Vec::new();
        loop {
            let from = sizes.last().map_or(0, |last| last + 1);
            let page = self.found(&format!("/log1/checkpoints?from={from}"));
            if page.body.is_empty() {
                return sizes;
            }
            sizes.extend(page.text().lines().map(|line| line.parse::<u64>().unwrap()));
        }
    }
}
