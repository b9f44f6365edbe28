//! The links by which OpenSSL finds a certificate: `HASH.N`, as `openssl rehash DIRECTORY` makes them.
//!
//! HASH is the first four bytes, little endian, of the SHA-1 of the subject in OpenSSL's canonical form: every
//! string as UTF-8, lower case, without surrounding blanks and with single ones inside. N counts certificates with
//! one subject.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Digest as _;
use sha1::Sha1;

use crate::digest::Sha256;
use crate::tree::Error;
use crate::tree::Kind;
use crate::tree::Tree;
use crate::tree::TreePath;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
/// Files that may hold a certificate.
const SUFFIXES: [&[u8]; 4] = [b".pem", b".crt", b".cer", b".crl"];
/// ASN.1 tags.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTF8_STRING: u8 = 0x0c;

/// Makes the links in `directory`; stale ones go. Missing is fine.
pub(crate) fn rehash(tree: &mut Tree, directory: &str) -> Result<(), Error> {
    let Some((directory, _)) = tree.lookup(directory) else { return Ok(()) };
    let children: Vec<(TreePath, bool)> =
        tree.children(&directory).map(|(path, inode)| (path.clone(), matches!(inode.kind, Kind::Symlink(_)))).collect();
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    let mut known: BTreeSet<Sha256> = BTreeSet::new();
    for (path, is_link) in &children {
        if *is_link && is_hash_link(path.name()) {
            tree.remove(path)?;
        }
    }
    for (path, _) in &children {
        if !SUFFIXES.iter().any(|suffix| path.name().ends_with(suffix)) {
            continue;
        }
        let Some(text) = tree.read(path.as_bytes())? else { continue };
        let Some(certificate) = only_certificate(&String::from_utf8_lossy(&text)) else { continue };
        let Some(hash) = subject_hash(&certificate) else { continue };
        if known.insert(Sha256::of(&certificate)) {
            let number = numbers.entry(hash).or_default();
            let link = directory.join(format!("{hash:08x}.{number}"))?;
            *number += 1;
            tree.symlink(link.as_bytes(), path.name())?;
        }
    }
    Ok(())
}

/// `8 hexadecimal digits.number`, and `.rN` for revocation lists.
fn is_hash_link(name: &[u8]) -> bool {
    let Some((hash, number)) = name.split_at_checked(8) else { return false };
    let number = number.strip_prefix(b".").map(|rest| rest.strip_prefix(b"r").unwrap_or(rest));
    hash.iter().all(u8::is_ascii_hexdigit)
        && number.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// The DER bytes of the one certificate in a PEM file; a bundle of several has none.
pub(in crate::configure) fn only_certificate(text: &str) -> Option<Vec<u8>> {
    let mut found = None;
    let mut body = None;
    for line in text.lines().map(str::trim_end) {
        if let Some(label) = line.strip_prefix(BEGIN) {
            body = ["CERTIFICATE-----", "X509 CERTIFICATE-----", "TRUSTED CERTIFICATE-----"]
                .contains(&label)
                .then(String::new);
        } else if line.starts_with(END) {
            let Some(base64) = body.take() else { continue };
            if found.replace(STANDARD.decode(base64).ok()?).is_some() {
                return None;
            }
        } else if let Some(body) = &mut body {
            body.push_str(line.trim());
        }
    }
    found
}

fn subject_hash(certificate: &[u8]) -> Option<u32> {
    let name = canonical_name(subject(certificate)?)?;
    let hash = Sha1::digest(&name);
    Some(u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]))
}

/// The content of the subject's SEQUENCE in a certificate (RFC 5280, 4.1).
fn subject(certificate: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    // An explicit version comes first in all but version 1; then serial, algorithm, issuer and validity.
    if element(fields)?.0 == 0xa0 {
        fields = element(fields)?.2;
    }
    for _ in 0..4 {
        fields = element(fields)?.2;
    }
    element(fields).map(|(_, subject, _)| subject)
}

/// OpenSSL's canonical encoding of a name: its sets one after the other, without the outer SEQUENCE.
fn canonical_name(mut name: &[u8]) -> Option<Vec<u8>> {
    let mut canonical = Vec::new();
    while !name.is_empty() {
        let (_, mut attributes, rest) = element(name)?;
        let mut members = Vec::new();
        while !attributes.is_empty() {
            let (_, attribute, more) = element(attributes)?;
            let (_, _, value) = element(attribute)?;
            let kind = &attribute[..attribute.len() - value.len()];
            let (tag, text, _) = element(value)?;
            let value = canonical_string(tag, text).unwrap_or_else(|| value.to_vec());
            members.push(encode(SEQUENCE, &[kind, value.as_slice()].concat()));
            attributes = more;
        }
        // DER orders the members of a SET OF.
        members.sort();
        canonical.extend(encode(SET, &members.concat()));
        name = rest;
    }
    Some(canonical)
}

/// A string as lower-case UTF-8 with single blanks; `None` for a type that is taken as it is.
fn canonical_string(tag: u8, bytes: &[u8]) -> Option<Vec<u8>> {
    let units =
        |width: usize| bytes.chunks(width).map(|unit| unit.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)));
    let text = match tag {
        // UTF8String, PrintableString, IA5String, VisibleString.
        0x0c | 0x13 | 0x16 | 0x1a => bytes.to_vec(),
        // T61String, which OpenSSL reads as Latin-1.
        0x14 => bytes.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes(),
        // BMPString, UniversalString.
        0x1e => units(2).map(char::from_u32).collect::<Option<String>>()?.into_bytes(),
        0x1c => units(4).map(char::from_u32).collect::<Option<String>>()?.into_bytes(),
        _ => return None,
    };
    let words: Vec<&[u8]> = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    Some(encode(UTF8_STRING, &words.join(&b' ').to_ascii_lowercase()))
}

/// Tag, content and what follows of the first element; DER with definite lengths only.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |value, &byte| value << 8 | usize::from(byte)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect();
    let mut bytes = vec![tag];
    match digits.as_slice() {
        [] => bytes.push(0),
        [short] if *short < 0x80 => bytes.push(*short),
        long => {
            bytes.push(0x80 | u8::try_from(long.len()).expect("a length has at most eight bytes"));
            bytes.extend_from_slice(long);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_made_equal() {
        let wanted = encode(UTF8_STRING, b"a b");
        for (tag, text) in [(0x0c, &b" A  b "[..]), (0x13, b"a B"), (0x1e, b"\0A\0 \0B")] {
            assert_eq!(canonical_string(tag, text).as_ref(), Some(&wanted), "{tag}");
        }
        assert_eq!(canonical_string(0x02, b"1"), None);
    }

    #[test]
    fn bytes_from_outside_end() {
        for bytes in [&b""[..], &[0x30], &[0x30, 0x84, 255, 255, 255, 255], &[0x30, 2, 0x30, 9], &[0x30, 0x80]] {
            assert_eq!(subject_hash(bytes), None);
        }
    }

    #[test]
    fn hash_links_are_known() {
        assert!(is_hash_link(b"002c0b4f.0") && is_hash_link(b"002c0b4f.r1"));
        assert!(!is_hash_link(b"002c0b4g.0") && !is_hash_link(b"002c0b4f.") && !is_hash_link(b"x.0"));
    }
}
