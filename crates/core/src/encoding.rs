//! Base64 and hexadecimal, strict in both directions: what does not re-encode to itself is refused.

use alloc::{string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};

/// Standard base64 with padding (RFC 4648 section 4).
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes standard base64; refuses missing padding and non-zero trailing bits.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The 44 characters of 32 bytes in standard base64.
#[must_use]
pub fn base64_of_hash(bytes: &[u8; 32]) -> [u8; 44] {
    let mut text = [b'='; 44];
    // It always fits.
    STANDARD.encode_slice(bytes, &mut text).unwrap_or_default();
    text
}

/// Decodes 32 bytes of standard base64, as [`from_base64`] does.
#[must_use]
pub fn from_base64_exactly(text: &str) -> Option<[u8; 32]> {
    // By whole groups of four characters it could be 33.
    let mut bytes = [0; 33];
    let size = STANDARD.decode_slice(text, &mut bytes).ok()?;
    bytes.get(..size)?.try_into().ok()
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Decodes exactly `2 * N` lower-case hexadecimal digits.
#[must_use]
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = match pair {
            [high, low] => nibble(*high)? << 4 | nibble(*low)?,
            _ => return None,
        };
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_lower_case_and_of_exact_length() {
        assert_eq!(hex(&[0x0f, 0xa0]), "0fa0");
        assert_eq!(from_hex::<2>("0fa0"), Some([0x0f, 0xa0]));
        for wrong in ["0FA0", "0fa", "0fa00", "0g00", ""] {
            assert_eq!(from_hex::<2>(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn thirty_two_bytes_are_written_and_read_as_any_others() {
        for byte in 0..=255 {
            let bytes = [byte; 32];
            let text = base64(&bytes);
            assert_eq!(base64_of_hash(&bytes), text.as_bytes());
            assert_eq!(from_base64_exactly(&text), Some(bytes));
        }
        for size in (0..=80).filter(|size| *size != 32) {
            assert_eq!(from_base64_exactly(&base64(&alloc::vec![7; size])), None, "{size}");
        }
        let good = base64(&[0; 32]);
        for wrong in
            [good.replace("A=", "B="), good.replace('=', ""), good.clone() + "\n", good + "="]
        {
            assert_eq!((from_base64_exactly(&wrong), from_base64(&wrong)), (None, None), "{wrong}");
        }
    }

    #[test]
    fn base64_with_trailing_bits_or_without_padding_is_refused() {
        assert_eq!(from_base64("AA=="), Some(alloc::vec![0]));
        for wrong in ["AB==", "AA", "AA=", "A A==", "AA==\n", "-_=="] {
            assert_eq!(from_base64(wrong), None, "{wrong}");
        }
    }
}
