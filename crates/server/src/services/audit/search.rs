//! Searching events.

use std::{sync::Arc, time::Duration};

use tonic::{Request, Response, Status};
use witness_core::{
    encoding,
    hash::Hash,
    merkle::{LeafIndex, TreeSize},
};
use witness_ledger::{PageSize, Position};
use witness_wire::v1;

use super::{
    Audit,
    asked::{self, Question},
};
use crate::{access::Caller, convert};

const METHOD: &str = "AuditService.Search";
/// Events on a page, unless asked otherwise, and at most.
const PAGE_DEFAULT: u32 = 100;
const PAGE_MAX: u32 = 1000;
/// What a page may cost.
const PAGE_MICROS: u64 = 30_000;
/// How long a caller waits for an index that was further when the first page was asked for.
const INDEXED_WITHIN: Duration = Duration::from_secs(5);

impl Audit {
    pub(super) async fn search_now(
        &self,
        request: Request<v1::SearchRequest>,
    ) -> Result<Response<v1::SearchResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.into_inner();
        let asked = (request.origin.as_str(), request.filter);
        let question = Question::read(self, (caller, METHOD), asked).await?;
        let page = match Page::read(&request.page, &question) {
            Ok(page) => page,
            Err(why) => return Err(question.refused(&self.0, why).await),
        };
        // The index does not go through the write-ahead log, so a crash sets it back. Until it has caught up, what it
        // does not know would be missing without a word.
        let indexed = question.log.indexed(page.indexed_to);
        if !matches!(tokio::time::timeout(INDEXED_WITHIN, indexed).await, Ok(true)) {
            question.record(&self.0, Some(0)).await?;
            return Err(convert::not_indexed_yet());
        }
        let question = match page.from {
            Position::BEGIN => question,
            from => question.besides("from", format!("{}:{}", from.index, from.event)),
        };
        let limit = match request.page_size {
            0 => PAGE_DEFAULT,
            size => size.min(PAGE_MAX),
        };
        let found = {
            let (log, streams) = (Arc::clone(&question.log), question.streams());
            let filter = question.filter.clone();
            let events = usize::try_from(limit).unwrap_or(usize::MAX);
            let size = PageSize { events, micros: PAGE_MICROS };
            let search =
                move || log.search((&streams, &filter), (page.from, page.indexed_to), size);
            asked::in_turn(&self.0, &question.caller, search).await?
        };
        let results = u64::try_from(found.events.len()).unwrap_or(u64::MAX);
        question.record(&self.0, Some(results)).await?;
        let next = found.next.map(|from| Page { from, ..page }.encode(&question));
        Ok(Response::new(v1::SearchResponse {
            events: found.events.into_iter().map(asked::event).collect(),
            next_page: next.unwrap_or_default(),
            indexed_to: page.indexed_to.0,
            origin: question.log.origin().to_string(),
        }))
    }
}

/// Where a page begins, and where the index ended when the first one was asked for: later entries are not on any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Page {
    from: Position,
    indexed_to: TreeSize,
}

/// Bytes of a token: a position, an index, and the begin of the question's digest. No padding is needed.
const TOKEN: usize = 8 + 2 + 8 + DIGEST;
const DIGEST: usize = 15;

impl Page {
    /// The first page, or the one that a token stands for. A token is good for one question of one caller only.
    fn read(token: &str, question: &Question) -> Result<Self, Status> {
        if token.is_empty() {
            return Ok(Self { from: Position::BEGIN, indexed_to: question.log.indexed_to() });
        }
        let overview = question.log.overview();
        let published = overview.published.as_ref().map_or(TreeSize(0), |it| it.size);
        let page = Self::decode(token, (&question.digest(), published));
        page.ok_or_else(|| {
            convert::invalid(
                "page",
                "next_page of an answer to the same question of the same caller",
            )
        })
    }

    /// No page goes beyond what is published, which a crash does not set back.
    fn decode(token: &str, (digest, published): (&Hash, TreeSize)) -> Option<Self> {
        let bytes = encoding::from_base64(&token.replace('-', "+").replace('_', "/"))?;
        let bytes: [u8; TOKEN] = bytes.try_into().ok()?;
        let (index, rest) = bytes.split_first_chunk::<8>()?;
        let (event, rest) = rest.split_first_chunk::<2>()?;
        let (indexed_to, rest) = rest.split_first_chunk::<8>()?;
        let index = LeafIndex(u64::from_be_bytes(*index));
        let from = Position { index, event: u16::from_be_bytes(*event) };
        let indexed_to = TreeSize(u64::from_be_bytes(*indexed_to));
        let is_own = rest == short(digest) && indexed_to <= published;
        is_own.then_some(Self { from, indexed_to })
    }

    /// The token, in the alphabet for URLs (RFC 4648 section 5).
    fn encode(self, question: &Question) -> String {
        self.encode_for(&question.digest())
    }

    fn encode_for(self, digest: &Hash) -> String {
        let index = self.from.index.0.to_be_bytes();
        let (event, indexed_to) = (self.from.event.to_be_bytes(), self.indexed_to.0.to_be_bytes());
        let bytes = [index.as_slice(), &event, &indexed_to, short(digest)].concat();
        encoding::base64(&bytes).replace('+', "-").replace('/', "_")
    }
}

fn short(digest: &Hash) -> &[u8] {
    digest.as_bytes().split_at(DIGEST).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_for_its_own_question_alone() {
        let (question, other) = (Hash::of(b"question"), Hash::of(b"other"));
        let from = Position { index: LeafIndex(u64::MAX - 1), event: 4095 };
        let page = Page { from, indexed_to: TreeSize(1 << 40) };
        let token = page.encode_for(&question);
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        let published = TreeSize(1 << 40);
        assert_eq!(Page::decode(&token, (&question, published)), Some(page));
        assert_eq!(Page::decode(&token, (&other, published)), None);
        let smaller = TreeSize((1 << 40) - 1);
        assert_eq!(Page::decode(&token, (&question, smaller)), None, "beyond what is published");
        for wrong in [&token[1..], &token[..40], "????", &format!("{token}AAAA")] {
            assert_eq!(Page::decode(wrong, (&question, published)), None, "{wrong}");
        }
    }
}
