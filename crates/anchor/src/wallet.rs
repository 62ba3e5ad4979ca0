//! The key that signs transactions: a Web3 Secret Storage file (keystore v3) and its password.
//!
//! What must hold: neither key nor password is shown, logged or written anywhere; a keystore is looked over
//! before it is opened, so that a wrong one is refused and costs neither a panic nor all memory.

use std::{fmt, fs::File, io::Read as _, path::Path};

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::{LocalSignerError, PrivateKeySigner};
use serde::Deserialize;
use zeroize::Zeroizing;

const KEYSTORE_BYTES_MAX: u64 = 1 << 16;
/// Four times what geth writes: the work of opening it stays below a gigabyte and some seconds.
const SCRYPT_N_MAX: u32 = 1 << 20;
const SCRYPT_R_MAX: u32 = 8;
const SCRYPT_P_MAX: u32 = 8;
const PBKDF2_ROUNDS_MAX: u32 = 1 << 24;
const KEY_BYTES: u32 = 32;
const IV_HEX_DIGITS: usize = 32;
const KEY_HEX_DIGITS: usize = 64;

/// The password in the text of its file: all of it but the end of its last line.
#[must_use]
pub fn password_of(text: &str) -> &str {
    let password = text.strip_suffix('\n').unwrap_or(text);
    password.strip_suffix('\r').unwrap_or(password)
}

/// A key that signs transactions, in memory until it is dropped.
pub struct Wallet {
    signer: PrivateKeySigner,
}

/// A transaction to be signed (EIP-1559), without value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Number of the chain (EIP-155), so that it is of no use on another one.
    pub chain: u64,
    /// Number of the account's transactions before it.
    pub nonce: u64,
    /// Gas that it may take.
    pub gas_limit: u64,
    /// What it bids.
    pub bid: crate::fees::Bid,
    /// To whom; a contract is made if to nobody.
    pub to: Option<Address>,
    /// What it carries.
    pub data: Bytes,
}

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Its bytes (EIP-2718), which can be sent again and again.
    pub raw: Vec<u8>,
    /// Its hash.
    pub hash: B256,
}

/// Why there is no key, or no signature.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// It cannot be read or written.
    #[error("the keystore {path} cannot be used: {source}")]
    File {
        /// Where it is.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Not a keystore that we open.
    #[error(
        "{path} is no keystore of version 3 that can be opened ({expected}): make one with `cast wallet new` or \
         `geth account new`"
    )]
    NotAKeystore {
        /// Where it is.
        path: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The password is another one.
    #[error(
        "the password does not open the keystore {path}: check the file with the password, and its last line"
    )]
    Password {
        /// Where it is.
        path: String,
    },
    /// It holds no key of secp256k1.
    #[error("the keystore {path} holds no key of an account")]
    NotAKey {
        /// Where it is.
        path: String,
    },
    /// It cannot sign.
    #[error("the transaction cannot be signed: {0}")]
    Sign(#[from] alloy_signer::Error),
}

/// Of a keystore, what must be as expected before it is opened.
#[derive(Deserialize)]
struct Shape {
    crypto: Crypto,
    version: u8,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParameters,
    ciphertext: String,
    kdfparams: KdfParameters,
}

#[derive(Deserialize)]
struct CipherParameters {
    iv: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KdfParameters {
    Pbkdf2 { c: u32, dklen: u32 },
    Scrypt { dklen: u32, n: u32, p: u32, r: u32 },
}

impl Wallet {
    /// Opens a keystore. It takes a second and as much memory as its maker wanted; whether others may read the file
    /// is the caller's to check.
    pub fn open(path: &Path, password: &[u8]) -> Result<Self, WalletError> {
        let shown = || path.display().to_string();
        let mut text = String::new();
        let read = File::open(path)
            .and_then(|file| file.take(KEYSTORE_BYTES_MAX).read_to_string(&mut text));
        read.map_err(|source| WalletError::File { path: shown(), source })?;
        check(&text).map_err(|expected| WalletError::NotAKeystore { path: shown(), expected })?;
        let opened = PrivateKeySigner::decrypt_keystore(path, password);
        let signer = opened.map_err(|error| match error {
            LocalSignerError::IoError(source) => WalletError::File { path: shown(), source },
            LocalSignerError::EcdsaError(_) | LocalSignerError::HexError(_) => {
                WalletError::NotAKey { path: shown() }
            }
            // Its shape was checked: only the password can be wrong.
            LocalSignerError::EthKeystoreError(_) => WalletError::Password { path: shown() },
        })?;
        Ok(Self { signer })
    }

    /// The account.
    #[must_use]
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Signs a transaction.
    pub fn sign(&self, transaction: Transaction) -> Result<Signed, WalletError> {
        let unsigned = TxEip1559 {
            chain_id: transaction.chain,
            nonce: transaction.nonce,
            gas_limit: transaction.gas_limit,
            max_fee_per_gas: transaction.bid.max_fee,
            max_priority_fee_per_gas: transaction.bid.tip,
            to: transaction.to.map_or(TxKind::Create, TxKind::Call),
            value: U256::ZERO,
            access_list: alloy_eips::eip2930::AccessList::default(),
            input: transaction.data,
        };
        let signature = self.signer.sign_hash_sync(&unsigned.signature_hash())?;
        let signed = unsigned.into_signed(signature);
        Ok(Signed { hash: *signed.hash(), raw: signed.encoded_2718() })
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Wallet").field(&self.address()).finish()
    }
}

/// Writes a keystore for development: what it makes of the password is weak (scrypt with N = 8,192, a thirtieth of
/// geth's), so a real key comes from geth or cast.
pub fn create_development_keystore(
    path: &Path,
    secret: &Zeroizing<[u8; 32]>,
    password: &[u8],
    seed: [u8; 32],
) -> Result<Wallet, WalletError> {
    use rand::SeedableRng as _;
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let shown = || path.display().to_string();
    let failed = |source| WalletError::File { path: shown(), source };
    // First of all private, and never over another one: the library would write it for all to read.
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut random = rand::rngs::StdRng::from_seed(seed);
    let made = PrivateKeySigner::encrypt_keystore(
        folder,
        &mut random,
        secret.as_slice(),
        password,
        Some(name),
    );
    let (signer, _) = made.map_err(|error| match error {
        LocalSignerError::IoError(source) => failed(source),
        LocalSignerError::EcdsaError(_)
        | LocalSignerError::HexError(_)
        | LocalSignerError::EthKeystoreError(_) => WalletError::NotAKey { path: shown() },
    })?;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, private).map_err(failed)?;
    Ok(Wallet { signer })
}

/// Whether a keystore is one that can be opened; else what was expected.
fn check(text: &str) -> Result<(), &'static str> {
    let shape: Shape = serde_json::from_str(text)
        .map_err(|_not_json| "expected JSON with version, crypto, cipher and kdf parameters")?;
    let Crypto { cipher, cipherparams, ciphertext, kdfparams } = shape.crypto;
    if shape.version != 3 {
        return Err("expected version 3");
    }
    if cipher != "aes-128-ctr" || cipherparams.iv.len() != IV_HEX_DIGITS {
        return Err("expected the cipher aes-128-ctr with an iv of 16 bytes");
    }
    if ciphertext.len() != KEY_HEX_DIGITS {
        return Err("expected a key of 32 bytes");
    }
    match kdfparams {
        KdfParameters::Pbkdf2 { c, dklen } => {
            let is_bounded = dklen == KEY_BYTES && (1..=PBKDF2_ROUNDS_MAX).contains(&c);
            is_bounded.then_some(()).ok_or("expected pbkdf2 of at most 2^24 rounds to 32 bytes")
        }
        KdfParameters::Scrypt { dklen, n, p, r } => {
            let is_bounded = dklen == KEY_BYTES
                && n.is_power_of_two()
                && (2..=SCRYPT_N_MAX).contains(&n)
                && (1..=SCRYPT_R_MAX).contains(&r)
                && (1..=SCRYPT_P_MAX).contains(&p);
            is_bounded.then_some(()).ok_or("expected scrypt with n at most 2^20, r and p at most 8")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fees::Bid;
    use alloy_primitives::{address, hex, keccak256};

    /// The first account of every development chain.
    const SECRET: [u8; 32] =
        hex!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    const ADDRESS: Address = address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");

    fn folder(name: &str) -> std::path::PathBuf {
        let name = format!("witness-wallet-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_keystore_is_private_opens_with_its_password_alone_and_replaces_nothing() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder("opens");
        let path = folder.join("key.json");
        let secret = Zeroizing::new(SECRET);
        let made = create_development_keystore(&path, &secret, b"secret", [7; 32]).unwrap();
        assert_eq!(made.address(), ADDRESS);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Wallet::open(&path, b"secret").unwrap().address(), ADDRESS);
        let wrong = Wallet::open(&path, b"another").unwrap_err();
        assert!(matches!(wrong, WalletError::Password { .. }), "{wrong}");
        let again = create_development_keystore(&path, &secret, b"secret", [7; 32]).unwrap_err();
        assert!(matches!(again, WalletError::File { .. }), "{again}");
        let shown = format!("{made:?} {wrong} {wrong:?}");
        assert!(!shown.contains("another") && !shown.contains("ac0974"), "{shown}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_signature_is_of_these_bytes_and_the_same_each_time() {
        let wallet = Wallet { signer: PrivateKeySigner::from_slice(&SECRET).unwrap() };
        let transaction = Transaction {
            chain: 31337,
            nonce: 5,
            gas_limit: 130_000,
            bid: Bid { max_fee: 20, tip: 1 },
            to: Some(Address::repeat_byte(9)),
            data: Bytes::from_static(b"data"),
        };
        let signed = wallet.sign(transaction.clone()).unwrap();
        assert_eq!(signed.hash, keccak256(&signed.raw));
        assert_eq!(signed.raw.first(), Some(&2));
        assert_eq!(wallet.sign(transaction.clone()).unwrap(), signed);
        let other = wallet.sign(Transaction { chain: 1, ..transaction }).unwrap();
        assert_ne!(other.hash, signed.hash);
    }

    #[test]
    fn a_password_is_all_of_its_file_but_the_end_of_the_line() {
        for (text, password) in
            [("a b ", "a b "), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("\n", ""), ("", "")]
        {
            assert_eq!(password_of(text), password, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_keystore_is_refused_before_any_work() {
        let good = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"IV"},"ciphertext":"KEY","kdf":"scrypt",
            "kdfparams":{"dklen":32,"n":262144,"p":1,"r":8,"salt":"00"},"mac":"00"},"id":"x","version":3}"#;
        let good = good.replace("IV", &"0".repeat(32)).replace("KEY", &"0".repeat(64));
        assert_eq!(check(&good), Ok(()));
        let pbkdf2 = good.replace(r#""n":262144,"p":1,"r":8"#, r#""c":262144,"prf":"hmac-sha256""#);
        assert_eq!(check(&pbkdf2), Ok(()));
        let wrong = [
            good.replace(r#""dklen":32"#, r#""dklen":16"#),
            good.replace("262144", "4294967295"),
            good.replace("262144", "262143"),
            good.replace(r#""p":1"#, r#""p":4000000000"#),
            good.replace(r#""r":8"#, r#""r":0"#),
            good.replace("aes-128-ctr", "aes-128-cbc"),
            good.replace(&"0".repeat(32), "00"),
            good.replace(r#""version":3"#, r#""version":1"#),
            pbkdf2.replace("262144", "4294967295"),
            "{}".to_owned(),
            String::new(),
        ];
        for text in wrong {
            assert!(check(&text).is_err(), "{text}");
        }
    }
}
