//! Protobuf messages with a bound on their fields, for every call of the schema.
//!
//! An empty event takes two bytes on the wire and thirty-two in memory, so a bound on bytes alone would let a
//! message of a few kilobytes, compressed, fill hundreds of megabytes. What must hold: the fields of a message
//! are counted before any memory is taken for them.

use std::marker::PhantomData;

use prost::{
    Message,
    bytes::Buf as _,
    encoding::{DecodeContext, decode_key, skip_field},
};
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// Most fields straight in one message: twice what the largest submission has.
pub const FIELDS_MAX: usize = 16_384;

/// The codec of the generated code.
#[derive(Debug, Clone)]
pub struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(ProstCodec::<T, U>::default().decoder())
    }
}

/// Counts fields, then decodes.
#[derive(Debug, Clone)]
pub struct BoundedDecoder<U>(ProstDecoder<U>);

impl<U: Message + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // The buffer of a whole message is one piece; were it not, what follows would be counted as damaged.
        if has_too_many_fields(buffer.chunk()) {
            // The status with which tonic refuses a message of too many bytes, and for the same reason.
            let message = format!("a message must have at most {FIELDS_MAX} fields");
            return Err(Status::out_of_range(message));
        }
        self.0.decode(buffer)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}

/// What does not parse is left to the decoder to refuse.
fn has_too_many_fields(mut message: &[u8]) -> bool {
    for _ in 0..FIELDS_MAX {
        if message.is_empty() {
            return false;
        }
        let skipped = decode_key(&mut message).and_then(|(tag, wire_type)| {
            skip_field(wire_type, tag, &mut message, DecodeContext::default())
        });
        if skipped.is_err() {
            return false;
        }
    }
    !message.is_empty()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::v1::SubmitRequest;

    #[test]
    fn fields_are_counted_up_to_their_bound() {
        let request = |fields: usize| {
            let details = vec![Bytes::new(); fields];
            SubmitRequest { details, ..SubmitRequest::default() }.encode_to_vec()
        };
        assert!(!has_too_many_fields(&[]));
        assert!(!has_too_many_fields(&request(2 * 4096 + 1)));
        assert!(!has_too_many_fields(&request(FIELDS_MAX)));
        assert!(has_too_many_fields(&request(FIELDS_MAX + 1)));
        assert!(!has_too_many_fields(b"\xff\xff"), "damage is the decoder's to refuse");
    }
}
