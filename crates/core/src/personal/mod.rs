//! Values that look personal: e-mail addresses, phone numbers, payment cards, IBANs and national
//! identity numbers.
//!
//! The ledger holds no personal data, so a value in which one of these is found is refused before
//! it is stored or logged. What must hold: [`find`] never allocates, looks at each byte of an
//! ordinary value once, and answers with the kind alone, never with what it found.
//!
//! A rule matches a whole *token* anywhere in the value: letters and digits bounded by anything
//! else or by the ends. So a digest, a UUID or a longer number is never refused for a few digits
//! inside it. The rules are the published formats with their check digits, not a defence against an
//! issuer who disguises data on purpose: the issuer signs what it sends, and its fields are
//! registered in public.
//!
//! How far a number may be taken apart follows from how much its form alone proves. Cards, IBANs,
//! codici fiscali and numbers after a `+` are found however they are grouped; the others in one piece
//! and in their printed groups. Where a form has no check digit at all (US, phone numbers without
//! `+`), the printed groups are the rule, and bare digits are an identifier.
//!
//! *Not here:* which values are looked at, and the fields that are exempt; that is
//! [`crate::schema`].

mod candidate;
mod email;
mod iban;
#[cfg(test)]
mod look_alikes;
mod national_id;
mod payment_card;
mod phone;
#[cfg(test)]
mod tests;

use core::fmt;

use candidate::Candidate;
pub use national_id::Country;

/// The kind of personal data that a value looks like. `Display` gives the stable name of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PersonalKind {
    /// An e-mail address (RFC 5321 section 4.1.2), `email`.
    Email,
    /// A telephone number with `+` or separators (ITU-T E.123, E.164), `phone`.
    Phone,
    /// The number of a payment card (ISO/IEC 7812-1), `payment-card`.
    PaymentCard,
    /// An international bank account number (ISO 13616-1), `iban`.
    Iban,
    /// A national identity, tax or social security number, `national-id-<country>`.
    NationalId(Country),
}

impl fmt::Display for PersonalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email => f.write_str("email"),
            Self::Phone => f.write_str("phone"),
            Self::PaymentCard => f.write_str("payment-card"),
            Self::Iban => f.write_str("iban"),
            Self::NationalId(country) => write!(f, "national-id-{}", country.code()),
        }
    }
}

/// Finds the first kind of personal data that a value looks like, if any.
///
/// Values are expected to be short (identifiers of at most 64 characters); the cost grows with
/// their length times the number of their tokens, and no token is looked at beyond the 34
/// characters of the longest rule.
#[must_use]
pub fn find(value: &str) -> Option<PersonalKind> {
    let seen = Census::of(value.as_bytes());
    if seen.at_signs > 0 && email::is_in(value) {
        return Some(PersonalKind::Email);
    }
    if seen.rules_out_all_numbers() {
        return None;
    }
    candidate::find_map(value.as_bytes(), kind_of)
}

/// What one token, or several neighbouring ones read together, look like.
fn kind_of(candidate: &Candidate<'_>) -> Option<PersonalKind> {
    if payment_card::is(candidate) {
        Some(PersonalKind::PaymentCard)
    } else if iban::is(candidate) {
        Some(PersonalKind::Iban)
    } else if let Some(country) = national_id::country_of(candidate) {
        Some(PersonalKind::NationalId(country))
    } else if phone::is(candidate) {
        Some(PersonalKind::Phone)
    } else {
        None
    }
}

/// What a value is made of, counted in one pass: enough to rule out nearly every ordinary value.
#[derive(Default)]
struct Census {
    at_signs: u32,
    pluses: u32,
    digits: u32,
    letters: u32,
    /// The longest stretch of letters, digits and what may part their groups, which are all that an IBAN
    /// or codice fiscale has.
    longest_run: u32,
}

impl Census {
    fn of(value: &[u8]) -> Self {
        let mut seen = Self::default();
        let mut run = 0;
        for byte in value {
            let digit = u32::from(byte.is_ascii_digit());
            let letter = u32::from(byte.is_ascii_alphabetic());
            seen.digits += digit;
            seen.letters += letter;
            seen.at_signs += u32::from(*byte == b'@');
            seen.pluses += u32::from(*byte == b'+');
            // Multiplying instead of branching: dashes come too irregularly to be predicted.
            run = (run + 1) * (digit | letter | u32::from(candidate::is_gap(*byte)));
            seen.longest_run = seen.longest_run.max(run);
        }
        seen
    }

    /// Each line is what the shortest number of its kind must have; a rule with weaker needs must
    /// be added here.
    fn rules_out_all_numbers(&self) -> bool {
        let international_phone = self.pluses > 0 && self.digits >= 7;
        // US and NL have nine, and so has a phone number without `+`; DE, PL, FR and cards have
        // more.
        let digits_only = self.digits >= 9;
        let spanish = self.digits >= 7 && self.letters > 0;
        let british = self.digits >= 6 && self.letters >= 3;
        // Account numbers may be all letters, the codice fiscale may spell its digits as letters.
        let iban = self.longest_run >= 15 && self.digits >= 2 && self.letters >= 2;
        let italian = self.longest_run >= 16 && self.letters >= 9;
        !(international_phone || digits_only || spanish || british || iban || italian)
    }
}
