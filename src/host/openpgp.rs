//! OpenPGP signatures (RFC 9580, RFC 4880) under a written policy.
//!
//! The cryptography is rPGP's; which keys, hashes and times count is decided here, because the library checks
//! none of it: self-signatures and their expiry, revocations, key flags, subkey bindings in both directions, hash
//! and key strength. One good signature suffices, as with apt; a bad one by a known key refuses everything.

use std::io::BufReader;
use std::io::Read;

use pgp::armor::BlockType;
use pgp::armor::Dearmor;
use pgp::composed::Deserializable;
use pgp::composed::SignedPublicKey;
use pgp::composed::SignedPublicSubKey;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::Packet;
use pgp::packet::PacketParser;
use pgp::packet::RevocationCode;
use pgp::packet::Signature;
use pgp::packet::SignatureType;
use pgp::packet::SignatureVersion;
use pgp::packet::SubpacketData;
use pgp::ser::Serialize as _;
use pgp::types::KeyDetails;
use pgp::types::PublicParams;
use pgp::types::Tag;

use crate::deb::date::day;
use crate::format::shown::shown;
use crate::format::signed::Signed;
use crate::host::Signatures;
use crate::host::Trust;
use crate::host::TrustError;
use crate::limits::Limits;

/// No honest key has more of each kind; a flood of signatures is an attack on time.
const SELF_SIGNATURES_MAX: usize = 256;

/// A signature is made minutes after the `Date` of the Release file it signs, and clocks differ; who signs in a
/// farther future has a wrong clock or a plan.
const FUTURE_MAX: i64 = 24 * 3600;

/// NIST SP 800-131A disallows shorter RSA keys since 2014.
const RSA_BITS_MIN: u16 = 2048;

/// The [`Trust`] of real life.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenPgp {
    /// How large a keyring may be, and how many signatures there may be.
    pub limits: Limits,
}

impl Trust for OpenPgp {
    fn verify(&self, signed: &Signed, keyring: &[u8], at: &[Option<i64>]) -> Result<Signatures, TrustError> {
        let certificates = parse_keyring(keyring, self.limits.keyring)?;
        let text = signed.hashed();
        let mut good = Vec::new();
        let mut newest = i64::MIN;
        let mut unknown = Vec::new();
        let mut refused = None;
        for signature in &parse_signatures(signed.signature(), self.limits.signatures)? {
            let Some(signer) = Signer::find(&certificates, signature) else {
                unknown.push(issuer(signature));
                continue;
            };
            match signer.check(signature, &text, at) {
                Ok(made) => {
                    good.push(signer.fingerprint());
                    newest = newest.max(made);
                }
                Err(error @ TrustError::Bad(_)) => return Err(error),
                Err(error) => refused = Some(error),
            }
        }
        if good.is_empty() {
            return Err(refused.unwrap_or(TrustError::UnknownKey(unknown)));
        }
        good.sort();
        good.dedup();
        Ok(Signatures { signers: good, made: newest })
    }
}

/// The key that claims to have signed.
struct Signer<'a> {
    certificate: &'a SignedPublicKey,
    /// `None`: the primary key.
    subkey: Option<&'a SignedPublicSubKey>,
}

impl<'a> Signer<'a> {
    fn find(certificates: &'a [SignedPublicKey], signature: &Signature) -> Option<Self> {
        let is_issuer = |key: &dyn KeyDetails| {
            signature.issuer_fingerprint().contains(&&key.fingerprint())
                || signature.issuer_key_id().contains(&&key.legacy_key_id())
        };
        certificates.iter().find_map(|certificate| {
            if is_issuer(&certificate.primary_key) {
                return Some(Self { certificate, subkey: None });
            }
            let subkey = certificate.public_subkeys.iter().find(|subkey| is_issuer(&subkey.key))?;
            Some(Self { certificate, subkey: Some(subkey) })
        })
    }

    fn fingerprint(&self) -> String {
        fingerprint(&self.certificate.primary_key)
    }

    /// Whether this signature over `text` counts: the mathematics first, then strength, then time. Returns when it was
    /// made, at which it is judged where a time is `None`.
    fn check(&self, signature: &Signature, text: &[u8], at: &[Option<i64>]) -> Result<i64, TrustError> {
        let verified = match self.subkey {
            Some(subkey) => signature.verify(&subkey.key, text),
            None => signature.verify(&self.certificate.primary_key, text),
        };
        if verified.is_err() {
            // A signature too weak to count is not proof of a change either.
            check_strength(signature).map_err(|reason| self.weak(reason))?;
            return Err(TrustError::Bad(self.fingerprint()));
        }
        check_strength(signature).map_err(|reason| self.weak(reason))?;
        check_data_signature(signature).map_err(TrustError::Malformed)?;
        let made = created(signature).ok_or_else(|| TrustError::Malformed("a signature without a date".into()))?;
        let end = expiry(made, signature.signature_expiration_time());
        for at in at.iter().map(|at| at.unwrap_or(made)) {
            if made > at.saturating_add(FUTURE_MAX) {
                return Err(self.expired("the signature is dated in the future".into()));
            }
            if let Some(end) = end.filter(|end| at >= *end) {
                return Err(self.expired(format!("the signature expired on {}", day(end))));
            }
            // Valid when it signed, and valid now: a key that expired since may have been sold since.
            self.check_keys(&[made, at], at)?;
        }
        Ok(made)
    }

    /// Whether the key may sign data at all of `times`, as far as is known `at` the time of judgement.
    fn check_keys(&self, times: &[i64], at: i64) -> Result<(), TrustError> {
        let certificate = self.certificate;
        let primary = &certificate.primary_key;
        check_key_strength(primary).map_err(|reason| self.weak(reason))?;
        if let Some(reason) =
            revoked(&certificate.details.revocation_signatures, at, |signature| signature.verify_key(primary).is_ok())
        {
            return Err(self.expired(format!("the key was revoked{reason}")));
        }
        let own = self.self_signature(at)?;
        self.check_lifetime(primary, own, times)?;
        match self.subkey {
            Some(subkey) => self.check_subkey(subkey, times, at),
            None if may_sign(own, true) => Ok(()),
            None => Err(self.expired("the key is not meant for signing".into())),
        }
    }

    fn check_subkey(&self, subkey: &SignedPublicSubKey, times: &[i64], at: i64) -> Result<(), TrustError> {
        let primary = &self.certificate.primary_key;
        check_key_strength(&subkey.key).map_err(|reason| self.weak(reason))?;
        let of_kind = |kind| subkey.signatures.iter().filter(move |signature| signature.typ() == Some(kind));
        let revocations: Vec<Signature> = of_kind(SignatureType::SubkeyRevocation).cloned().collect();
        if let Some(reason) =
            revoked(&revocations, at, |signature| signature.verify_subkey_binding(primary, &subkey.key).is_ok())
        {
            return Err(self.expired(format!("the subkey was revoked{reason}")));
        }
        let binding = newest(of_kind(SignatureType::SubkeyBinding), at, |signature| {
            signature.verify_subkey_binding(primary, &subkey.key).is_ok()
        });
        let Some(binding) = binding else { return Err(self.weak("the subkey has no sound binding".into())) };
        if !may_sign(binding, false) {
            return Err(self.expired("the subkey is not meant for signing".into()));
        }
        // Without the subkey's own consent anyone could adopt it, and claim its signatures.
        let consent = binding.embedded_signature().filter(|consent| {
            check_strength(consent).is_ok() && consent.verify_primary_key_binding(&subkey.key, primary).is_ok()
        });
        if consent.is_none() {
            return Err(self.weak("the subkey is not bound back to its primary key".into()));
        }
        self.check_lifetime(&subkey.key, binding, times)
    }

    /// The newest statement of the primary key about itself.
    fn self_signature(&self, at: i64) -> Result<&Signature, TrustError> {
        let primary = &self.certificate.primary_key;
        let details = &self.certificate.details;
        let direct = newest(details.direct_signatures.iter(), at, |signature| signature.verify_key(primary).is_ok());
        let users = details.users.iter().filter_map(|user| {
            newest(user.signatures.iter(), at, |signature| {
                signature.verify_certification(primary, Tag::UserId, &user.id).is_ok()
            })
        });
        // A revoked user id says nothing: its newest self-signature is the revocation.
        let users = users.filter(|signature| signature.typ() != Some(SignatureType::CertRevocation));
        let newest = direct.into_iter().chain(users).max_by_key(|signature| created(signature));
        newest.ok_or_else(|| self.weak("the key has no sound self-signature".into()))
    }

    fn check_lifetime(&self, key: &dyn KeyDetails, binding: &Signature, times: &[i64]) -> Result<(), TrustError> {
        let born = i64::from(key.created_at().as_secs());
        if times.iter().any(|&time| time < born) {
            return Err(self.expired(format!("the key was made only on {}", day(born))));
        }
        match expiry(born, binding.key_expiration_time()) {
            Some(end) if times.iter().any(|&time| time >= end) => {
                Err(self.expired(format!("the key expired on {}", day(end))))
            }
            _ => Ok(()),
        }
    }

    fn weak(&self, reason: String) -> TrustError {
        TrustError::Weak { key: self.fingerprint(), reason }
    }

    fn expired(&self, reason: String) -> TrustError {
        TrustError::Expired { key: self.fingerprint(), reason }
    }
}

/// The newest of the sound signatures made before `at`.
fn newest<'a>(
    signatures: impl Iterator<Item = &'a Signature>,
    at: i64,
    verifies: impl Fn(&Signature) -> bool,
) -> Option<&'a Signature> {
    let mut candidates: Vec<&Signature> = signatures
        .filter(|signature| created(signature).is_some_and(|made| made <= at.saturating_add(FUTURE_MAX)))
        .filter(|signature| check_strength(signature).is_ok() && check_criticals(signature).is_ok())
        .take(SELF_SIGNATURES_MAX)
        .collect();
    // Newest first, so that in the common case one signature is computed and not all.
    candidates.sort_by_key(|signature| std::cmp::Reverse(created(signature)));
    candidates.into_iter().find(|signature| verifies(signature))
}

/// Whether a revocation is in force `at` that time, with its reason. A key that was merely retired was good before
/// that; one that was stolen never was, for the thief may date signatures as he likes.
fn revoked(revocations: &[Signature], at: i64, verifies: impl Fn(&Signature) -> bool) -> Option<String> {
    let in_force = |signature: &&Signature| {
        let retired = matches!(
            signature.revocation_reason_code(),
            Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired | RevocationCode::CertUserIdInvalid)
        );
        !retired || created(signature).is_none_or(|made| made <= at)
    };
    let revocation = revocations.iter().take(SELF_SIGNATURES_MAX).filter(in_force).find(|one| verifies(one))?;
    Some(created(revocation).map_or_else(String::new, |made| format!(" on {}", day(made))))
}

fn may_sign(binding: &Signature, is_primary: bool) -> bool {
    let flags = binding.config().is_some_and(|config| {
        config.hashed_subpackets().any(|subpacket| matches!(subpacket.data, SubpacketData::KeyFlags(_)))
    });
    // Old primary keys carry no flags and may do everything; a subkey that signs must say so.
    if flags { binding.key_flags().sign() } else { is_primary }
}

fn created(signature: &Signature) -> Option<i64> {
    // The unhashed area is not signed: a date there could be anyone's.
    signature.created().map(|time| i64::from(time.as_secs()))
}

fn expiry(from: i64, duration: Option<pgp::types::Duration>) -> Option<i64> {
    duration.map(|duration| i64::from(duration.as_secs())).filter(|&seconds| seconds > 0).map(|seconds| from + seconds)
}

fn check_data_signature(signature: &Signature) -> Result<(), String> {
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Err("a signature that is not over a document".into());
    }
    check_criticals(signature)
}

/// A critical part that is not understood may take back what the rest says.
fn check_criticals(signature: &Signature) -> Result<(), String> {
    let config = signature.config().ok_or("a signature of unknown form")?;
    let strange = config.hashed_subpackets().find(|subpacket| {
        let unknown = matches!(
            subpacket.data,
            SubpacketData::Other(..) | SubpacketData::Experimental(..) | SubpacketData::Notation(_)
        );
        subpacket.is_critical && unknown
    });
    strange.map_or(Ok(()), |_| Err("a signature with a critical condition that is not understood".into()))
}

fn check_strength(signature: &Signature) -> Result<(), String> {
    match signature.version() {
        SignatureVersion::V4 | SignatureVersion::V6 => {}
        version => return Err(format!("signature format {version:?} is obsolete")),
    }
    match signature.hash_alg() {
        Some(
            HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512,
        ) => Ok(()),
        Some(hash) => Err(format!("hash {hash} is too weak")),
        None => Err("the hash is unknown".into()),
    }
}

fn check_key_strength(key: &dyn KeyDetails) -> Result<(), String> {
    match key.public_params() {
        PublicParams::RSA(parameters) => {
            // Serialised, an RSA key starts with the bit length of its modulus (RFC 9580, 3.2 and 5.5.5.1).
            let mut bytes = Vec::new();
            parameters.to_writer(&mut bytes).map_err(|error| error.to_string())?;
            let bits = bytes.first_chunk::<2>().map_or(0, |bits| u16::from_be_bytes(*bits));
            if bits < RSA_BITS_MIN { Err(format!("RSA with {bits} bits is too short")) } else { Ok(()) }
        }
        PublicParams::ECDSA(_) | PublicParams::EdDSALegacy(_) | PublicParams::Ed25519(_) | PublicParams::Ed448(_) => {
            Ok(())
        }
        _ => Err(format!("{:?} keys do not count", key.algorithm())),
    }
}

fn parse_signatures(bytes: &[u8], max: u64) -> Result<Vec<Signature>, TrustError> {
    let mut signatures = Vec::new();
    for packet in packets(bytes, BlockType::Signature)? {
        match packet {
            Ok(Packet::Signature(signature)) => signatures.push(signature),
            Ok(_) => return Err(TrustError::Malformed("something else among the signatures".into())),
            Err(error) => return Err(malformed(&error)),
        }
        if signatures.len() as u64 > max {
            return Err(TrustError::Malformed(format!("more than {max} signatures (limit `signatures`)")));
        }
    }
    if signatures.is_empty() {
        return Err(TrustError::Malformed("there is no signature".into()));
    }
    Ok(signatures)
}

fn parse_keyring(bytes: &[u8], max: u64) -> Result<Vec<SignedPublicKey>, TrustError> {
    let wrong = |reason: String| TrustError::Keyring(reason);
    if bytes.len() as u64 > max {
        return Err(TrustError::Malformed(format!("a keyring of more than {max} bytes (limit `keyring`)")));
    }
    let binary;
    let bytes = if keybox::is_one(bytes) {
        binary = keybox::keys(bytes).ok_or_else(|| wrong("it is a damaged keybox of GnuPG".into()))?;
        &binary
    } else {
        bytes
    };
    // A packet of the keyring that is not understood (a new algorithm, a photograph) costs only its own key.
    let packets = packets(bytes, BlockType::PublicKey).map_err(|error| match error {
        TrustError::Malformed(reason) => wrong(reason),
        error => error,
    })?;
    let packets = packets.filter(Result::is_ok);
    let certificates: Vec<_> = SignedPublicKey::from_packets(Box::new(packets).peekable()).flatten().collect();
    if certificates.is_empty() {
        return Err(wrong("it holds no public key".into()));
    }
    Ok(certificates)
}

type Packets = Box<dyn Iterator<Item = pgp::errors::Result<Packet>>>;

/// The packets of binary data, or of armored blocks of one kind, one after the other. Around the blocks of a keyring
/// may be words, as people write them there; around signatures nothing may be.
fn packets(bytes: &[u8], kind: BlockType) -> Result<Packets, TrustError> {
    // Every binary packet starts with its highest bit set (RFC 9580, 4.2); no letter of an armor does.
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        return Ok(Box::new(PacketParser::new(std::io::Cursor::new(bytes.to_vec()))));
    }
    let text = String::from_utf8_lossy(bytes);
    let what = if kind == BlockType::Signature { "SIGNATURE" } else { "PUBLIC KEY BLOCK" };
    let (begin, end) = (format!("-----BEGIN PGP {what}-----"), format!("-----END PGP {what}-----"));
    let mut all: Vec<pgp::errors::Result<Packet>> = Vec::new();
    let mut blocks = 0;
    for part in text.split_inclusive(end.as_str()) {
        let Some(block) = part.find(&begin).map(|at| &part[at..]) else {
            if kind == BlockType::PublicKey || part.trim().is_empty() {
                continue;
            }
            return Err(TrustError::Malformed("something else than an armored signature".into()));
        };
        if kind == BlockType::Signature && !part.trim_start().starts_with(&begin) {
            return Err(TrustError::Malformed("something before an armored signature".into()));
        }
        blocks += 1;
        let mut dearmor = Dearmor::new(BufReader::new(block.as_bytes()));
        dearmor.read_header().map_err(|error| malformed(&error))?;
        if dearmor.typ != Some(kind) {
            return Err(TrustError::Malformed("an armored block of another kind".into()));
        }
        let mut binary = Vec::new();
        dearmor.read_to_end(&mut binary).map_err(|error| malformed(&error))?;
        all.extend(PacketParser::new(std::io::Cursor::new(binary)));
    }
    if blocks == 0 {
        let private = text.contains("-----BEGIN PGP PRIVATE KEY BLOCK-----");
        let found = if private { "it is a private key" } else { "it is neither armored nor binary OpenPGP data" };
        return Err(TrustError::Malformed(found.into()));
    }
    Ok(Box::new(all.into_iter()))
}

/// GnuPG's own form of keyrings, `pubring.kbx`: blobs, each with its length, kind and the place of its key
/// (GnuPG's `kbx/keybox-blob.c` describes them).
mod keybox {
    /// Kind of a blob that holds an OpenPGP key.
    const OPENPGP: u8 = 2;

    pub(super) fn is_one(bytes: &[u8]) -> bool {
        // The first blob is a header of kind 1 with a magic number.
        bytes.get(4) == Some(&1) && bytes.get(8..12) == Some(b"KBXf")
    }

    /// The keys of all blobs, one after the other; `None` for a file that contradicts itself.
    pub(super) fn keys(bytes: &[u8]) -> Option<Vec<u8>> {
        let number = |at: &[u8], from: usize| {
            let bytes = at.get(from..from + 4)?.try_into().ok()?;
            usize::try_from(u32::from_be_bytes(bytes)).ok()
        };
        let mut keys = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = number(rest, 0).filter(|&length| length >= 5)?;
            let (blob, after) = rest.split_at_checked(length)?;
            if blob[4] == OPENPGP {
                let (start, size) = (number(blob, 8)?, number(blob, 12)?);
                keys.extend_from_slice(blob.get(start..start.checked_add(size)?)?);
            }
            rest = after;
        }
        Some(keys)
    }
}

/// The library's errors may quote all they were given.
fn malformed(error: &dyn std::fmt::Display) -> TrustError {
    TrustError::Malformed(shown(&error.to_string()).chars().take(120).collect())
}

fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|fingerprint| fingerprint.to_string());
    let id = || signature.issuer_key_id().first().map(|id| id.to_string());
    fingerprint.or_else(id).unwrap_or_else(|| "nobody named".into()).to_uppercase()
}

fn fingerprint(key: &dyn KeyDetails) -> String {
    key.fingerprint().to_string().to_uppercase()
}
