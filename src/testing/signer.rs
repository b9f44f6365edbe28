//! Keys for tests, and signatures by them as good or as bad as a test wants.

use pgp::armor;
use pgp::armor::BlockType;
use pgp::composed::Deserializable;
use pgp::composed::SignedSecretKey;
pub use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::PacketTrait;
use pgp::packet::Signature;
use pgp::packet::SignatureConfig;
use pgp::packet::SignatureType;
use pgp::packet::Subpacket;
use pgp::packet::SubpacketData;
use pgp::types::Duration;
use pgp::types::KeyDetails;
use pgp::types::Password;
use pgp::types::SigningKey;
use pgp::types::Timestamp;

/// 2026-01-01, when all test keys were made.
pub const KEYS_MADE: i64 = 1_767_225_600;

/// A secret key that everyone knows; good for tests alone.
#[derive(Debug, Clone)]
pub struct TestKey {
    secret: SignedSecretKey,
    with_subkey: bool,
}

/// How a signature is made.
#[derive(Debug, Clone, Copy)]
pub struct Signing {
    /// The hash: SHA-256.
    pub hash: HashAlgorithm,
    /// The time it claims, in seconds since 1970.
    pub time: i64,
    /// Seconds until the signature expires.
    pub expires: Option<u32>,
    /// In the form of PGP 2 (version 3), which nothing has written for decades.
    pub obsolete: bool,
}

impl Signing {
    /// A good signature of this time.
    #[must_use]
    pub const fn at(time: i64) -> Self {
        Self { hash: HashAlgorithm::Sha256, time, expires: None, obsolete: false }
    }
}

impl TestKey {
    /// An Ed25519 key valid until 2036-01-01, with a subkey for signing valid until 2031-01-01.
    #[must_use]
    pub fn trusted() -> Self {
        Self::read(include_str!("keys/test.asc"))
    }

    /// Another, without end.
    #[must_use]
    pub fn other() -> Self {
        Self::read(include_str!("keys/other.asc"))
    }

    /// RSA with 2048 bits, the least that counts; signs with any hash.
    #[must_use]
    pub fn rsa() -> Self {
        Self::read(include_str!("keys/rsa.asc"))
    }

    /// RSA with 1024 bits.
    #[must_use]
    pub fn weak() -> Self {
        Self::read(include_str!("keys/weak.asc"))
    }

    /// DSA with 2048 bits.
    #[must_use]
    pub fn dsa() -> Self {
        Self::read(include_str!("keys/dsa.asc"))
    }

    /// Revoked without a reason.
    #[must_use]
    pub fn revoked() -> Self {
        Self::read(include_str!("keys/revoked.asc"))
    }

    /// The same key, signing with its subkey.
    #[must_use]
    pub fn subkey(self) -> Self {
        Self { with_subkey: true, ..self }
    }

    /// The public certificate, armored.
    #[must_use]
    pub fn certificate(&self) -> Vec<u8> {
        let public = self.secret.to_public_key();
        public.to_armored_bytes(None.into()).expect("a test key can be written")
    }

    /// The public certificate as packets.
    #[must_use]
    pub fn binary_certificate(&self) -> Vec<u8> {
        use pgp::ser::Serialize as _;
        self.secret.to_public_key().to_bytes().expect("a test key can be written")
    }

    /// The fingerprint of the primary key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.secret.primary_key.fingerprint().to_string().to_uppercase()
    }

    /// An armored detached signature over exactly these bytes.
    #[must_use]
    pub fn detached(&self, bytes: &[u8], signing: Signing) -> String {
        armored(&self.signature(SignatureType::Binary, bytes, signing))
    }

    /// A clear-signed message with this text.
    #[must_use]
    pub fn inline(&self, text: &str, signing: Signing) -> String {
        let signature = self.signature(SignatureType::Text, signed_form(text).as_bytes(), signing);
        clearsigned(text, &armored(&signature))
    }

    fn read(text: &str) -> Self {
        let (secret, _) = SignedSecretKey::from_string(text).expect("a test key is well-formed");
        Self { secret, with_subkey: false }
    }

    fn signature(&self, kind: SignatureType, bytes: &[u8], signing: Signing) -> Signature {
        if self.with_subkey {
            sign(&self.secret.secret_subkeys[0].key, kind, bytes, signing)
        } else {
            sign(&self.secret.primary_key, kind, bytes, signing)
        }
    }
}

/// A clear-signed message of any text and any signature block.
#[must_use]
pub fn clearsigned(text: &str, signature: &str) -> String {
    let mut message = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n".to_owned();
    for line in text.lines() {
        message += if line.starts_with('-') { "- " } else { "" };
        message += line;
        message += "\n";
    }
    message + signature
}

/// What a text signature covers: lines without blanks at their ends, between them CR LF.
fn signed_form(text: &str) -> String {
    text.lines().map(|line| line.trim_end_matches([' ', '\t'])).collect::<Vec<_>>().join("\r\n")
}

fn sign(key: &impl SigningKey, kind: SignatureType, bytes: &[u8], signing: Signing) -> Signature {
    let time = Timestamp::from_secs(u32::try_from(signing.time).expect("OpenPGP ends in 2106"));
    if signing.obsolete {
        // No library makes one any more: the form is right, and the numbers in it are another signature's.
        let other = sign(key, kind, bytes, Signing { obsolete: false, ..signing });
        let numbers = other.signature().expect("it has numbers").clone();
        let config = SignatureConfig::v3(kind, key.algorithm(), signing.hash, time, key.legacy_key_id());
        return Signature::from_config(config, [0, 0], numbers).expect("a short packet");
    }
    let mut config = SignatureConfig::v4(kind, key.algorithm(), signing.hash);
    let mut data =
        vec![SubpacketData::SignatureCreationTime(time), SubpacketData::IssuerFingerprint(key.fingerprint())];
    data.extend(signing.expires.map(|seconds| SubpacketData::SignatureExpirationTime(Duration::from_secs(seconds))));
    config.hashed_subpackets = data.into_iter().map(|data| Subpacket::regular(data).expect("a short part")).collect();
    config.sign(key, &Password::empty(), bytes).expect("a test key signs")
}

fn armored(signature: &Signature) -> String {
    let mut text = Vec::new();
    armor::write(&Packets(signature), BlockType::Signature, &mut text, None, false).expect("memory takes it");
    String::from_utf8(text).expect("armor is ASCII")
}

/// A signature with its packet header.
struct Packets<'a>(&'a Signature);

impl pgp::ser::Serialize for Packets<'_> {
    fn to_writer<W: std::io::Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
        self.0.to_writer_with_header(writer)
    }

    fn write_len(&self) -> usize {
        self.0.write_len_with_header()
    }
}
