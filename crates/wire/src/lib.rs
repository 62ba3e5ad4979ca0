//! The gRPC schema `witness.v1` as Rust types, its limits, and the way a refusal travels.
//!
//! What is generated stands in `generated/`, is written by `cargo xtask codegen` from `proto/`, and
//! is committed: no protoc, no `build.rs`. What must hold:
//!
//! - Nothing here knows what a text means. All that is hashed or signed travels verbatim as `bytes`;
//!   `witness-core` reads it, and whoever needs both converts by hand, in one file.
//! - A refusal is the same four values (code, reason, message, metadata), whether it is an answer in
//!   `SubmitStream` or the status of a call: see [`refusal`].
//! - Every request has a bound in bytes and in fields, see [`MESSAGE_BYTES_MAX`] and [`codec`].

pub mod codec;
pub mod refusal;

#[path = "generated/witness.v1.rs"]
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "written by tonic-prost-build"
)]
pub mod v1;

pub use bytes::Bytes;

/// The schema as an encoded `google.protobuf.FileDescriptorSet`: what gRPC reflection hands out.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/witness.v1.binpb");

/// The texts of one submission together: its note, its events and their details.
pub const SUBMISSION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Room for what protobuf adds to the texts: at most 4 bytes of tag and length for each of 4,096
/// events and 4,096 details (32 KiB), and 8 for the note. The rest is slack for fields to come.
const FRAMING_BYTES_MAX: usize = 256 * 1024;

/// One request, after decompression. Answers can be larger: evidence is bounded by its own format.
pub const MESSAGE_BYTES_MAX: usize = SUBMISSION_BYTES_MAX + FRAMING_BYTES_MAX;

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn the_largest_submission_fits_a_message() {
        // The costliest cut: as many events as there may be, each with details, 4 MiB in all.
        const TEXTS: usize = 2 * 4096;
        let text = Bytes::from(vec![b'x'; SUBMISSION_BYTES_MAX / TEXTS]);
        let request = v1::SubmitRequest {
            submission: Bytes::from(vec![b'x'; 4096]),
            events: vec![text.clone(); TEXTS / 2],
            details: vec![text; TEXTS / 2],
        };
        assert!(request.encoded_len() > SUBMISSION_BYTES_MAX);
        assert!(request.encoded_len() <= MESSAGE_BYTES_MAX);
    }

    #[test]
    fn the_descriptor_names_every_service() {
        let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let mut services: Vec<_> = set
            .file
            .iter()
            .flat_map(|file| &file.service)
            .map(prost_types::ServiceDescriptorProto::name)
            .collect();
        services.sort_unstable();
        let expected =
            ["AdminService", "AuditService", "EvidenceService", "IngestService", "LedgerService"];
        assert_eq!(services, expected);
    }
}
