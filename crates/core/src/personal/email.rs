//! E-mail addresses, RFC 5321 section 4.1.2: `Local-part "@" ( Domain / address-literal )`.

/// Whether an e-mail address stands somewhere in the value.
///
/// The domain needs a dot and a top-level label that begins with a letter, so that `package@1.2.3`
/// and `user@host` are none. Of the local part only its end is looked at, since anything before it
/// may be other text.
pub(super) fn is_in(value: &str) -> bool {
    value.match_indices('@').any(|(at, _)| {
        let (local, rest) = value.split_at(at);
        let domain = rest.strip_prefix('@').unwrap_or_default();
        local.bytes().next_back().is_some_and(ends_local_part)
            && (begins_with_domain(domain) || domain.starts_with('['))
    })
}

/// `Atext` of RFC 5322 section 3.2.3, the quote that ends a `Quoted-string`, the bracket that ends a
/// comment (section 3.2.2), or the full stop at the end that section 3.4.1 forbids and that exists.
fn ends_local_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~\").".contains(&byte)
}

/// Two labels or more of letters, digits and inner dashes (RFC 1035 section 2.3.1), or with
/// underscores as mail servers take them, of which one after the first begins with a letter and has
/// two characters.
fn begins_with_domain(rest: &str) -> bool {
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')))
        .unwrap_or(rest.len());
    let domain = rest.get(..end).unwrap_or_default();
    let mut labels = domain.split('.');
    labels.next().is_some_and(|first| first.starts_with(|c: char| c.is_ascii_alphanumeric()))
        && labels
            .any(|label| label.len() >= 2 && label.starts_with(|c: char| c.is_ascii_alphabetic()))
}
